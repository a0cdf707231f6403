/* Published shapes: the shipped claims hold or say why not; and what a wrong file of claims gets.
 */
#include "sim/shapes.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "models/base/arena.h"
#include "tests/unit.h"

static void published_shapes_hold(void)
{
	struct arena *a = arena_new();
	struct shape *s = arena_alloc(a, MOST_SHAPES * sizeof *s);
	size_t n, n_holding = 0;
	struct err e = {0};

	shapes_run("configs/shapes/published.yaml", a, s, &n, &e);
	UNIT_TEXT(e.text, "");
	CU_ASSERT_TRUE(n >= 19);
	for (size_t i = 0; i < n; i++) {
		if (s[i].verdict == VERDICT_FAILS) {
			char text[256];

			snprintf(text, sizeof text, "%s: %g", s[i].row->key, s[i].ratio);
			CU_assertImplementation(CU_FALSE, __LINE__, text, __FILE__, "", CU_FALSE);
		}
		n_holding += s[i].verdict == VERDICT_HOLDS;
		/* a reason stays only while it is needed */
		CU_ASSERT_EQUAL(*s[i].claim.why != '\0', s[i].verdict == VERDICT_EXPLAINED);
	}
	CU_ASSERT_TRUE(4 * n_holding >= 3 * n);
	arena_free(a);
}

static void wrong_files_are_refused(void)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
	        {"claims: {}\n", "holds no section 'shapes'"},
	        {"shapes: {trtllm_flor: {system: a}}\n",
	         "nothing computes the claim 'trtllm_flor'; did you mean 'trtllm_floor'?"},
	        {"shapes: {trtllm_floor: {system: a, claim: b, published: c, source: d, least: 2, "
	         "most: 1}}\n",
	         "least is above most"},
	        {"shapes: {trtllm_floor: {system: a, claim: b, published: c, source: d, least: 1, "
	         "most: 2}}\n",
	         "holds no claim 'trtllm_combine_floor'"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *folder = getenv("TMPDIR");
		char path[512];
		struct arena *a = arena_new();
		struct shape *s = arena_alloc(a, MOST_SHAPES * sizeof *s);
		struct err e = {0};
		FILE *f;
		size_t n;

		snprintf(path, sizeof path, "%s/epsim-shapes-XXXXXX", folder ? folder : "/tmp");
		f = fdopen(mkstemp(path), "w");
		CU_ASSERT_PTR_NOT_NULL_FATAL(f);
		fputs(cases[i].text, f);
		CU_ASSERT_EQUAL(fclose(f), 0);
		CU_ASSERT_EQUAL(shapes_run(path, a, s, &n, &e), RC_CONFIG);
		UNIT_HOLDS(e.text, cases[i].error);
		unlink(path);
		arena_free(a);
	}
}

static const struct unit_test tests[] = {
        {"published shapes hold", published_shapes_hold},
        {"wrong files are refused", wrong_files_are_refused},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("shapes", tests);
}

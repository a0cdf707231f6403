#include "models/base/err.h"
#include "tests/unit.h"
#include <string.h>

static const char *const keys[] = {"fabric", "hbm", "rate", "latency", "ep", NULL};

static void fail_returns_code_and_text(void)
{
	struct err e = {0};

	CU_ASSERT_EQUAL(fail(&e, RC_DATA, "%s:%d: bad", "f", 3), RC_DATA);
	CU_ASSERT_EQUAL(e.rc, RC_DATA);
	UNIT_TEXT(e.text, "f:3: bad");
}

static void fail_may_wrap_its_own_text(void)
{
	struct err e = {0};

	fail(&e, RC_CONFIG, "inner");
	fail(&e, RC_CONFIG, "outer: %s", e.text);
	UNIT_TEXT(e.text, "outer: inner");
}

static void fail_keeps_one_printable_line(void)
{
	struct err e = {0};

	fail(&e, RC_CONFIG, "a\nb\x1b[2J\xff\xc2\x85 \xc3\xa9");
	UNIT_TEXT(e.text, "a?b?[2J??? \xc3\xa9");
}

static void fail_shows_that_a_text_was_cut(void)
{
	struct err e = {0};
	char text[3000];

	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	fail(&e, RC_CONFIG, "%s", text);
	CU_ASSERT_EQUAL(strlen(e.text), sizeof e.text - 1);
	UNIT_TEXT(e.text + strlen(e.text) - 4, "x...");
}

static enum rc passes_on(struct err *e)
{
	TRY(RC_OK);
	TRY(fail(e, RC_NO, "no"));
	return RC_INTERNAL;
}

static void try_passes_failures_on(void)
{
	struct err e;

	CU_ASSERT_EQUAL(passes_on(&e), RC_NO);
}

static void check_holds(void)
{
	CHECK(1 + 1 == 2);
}

static void check_fails(void)
{
	CHECK(1 + 1 == 3);
}

static void a_failed_check_aborts(void)
{
	CU_ASSERT(!unit_aborts(check_holds));
	CU_ASSERT(unit_aborts(check_fails));
}

static void a_slip_finds_its_name(void)
{
	static const char *const slips[][2] = {
	        {"fabric", "fabric"},   {"FABRIC", "fabric"},    {"fabrik", "fabric"},
	        {"fabirc", "fabric"},   {"fabrics", "fabric"},   {"abric", "fabric"},
	        {"latnecy", "latency"}, {"lattency", "latency"}, {"rat", "rate"},
	        {"hmb", "hbm"},         {"faabrikc", "fabric"},  {"eep", "ep"},
	};

	for (size_t i = 0; i < sizeof slips / sizeof *slips; i++)
		UNIT_TEXT(nearest_name(slips[i][0], keys), slips[i][1]);
}

static void a_start_finds_the_whole(void)
{
	static const char *const names[] = {"qwen3-235b-a22b", "qwen3-32b", "qwen3", NULL};

	UNIT_TEXT(nearest_name("qwen3-235b", names), "qwen3-235b-a22b");
	UNIT_TEXT(nearest_name("Qwen3-32", names), "qwen3-32b");
	UNIT_TEXT(nearest_name("qwen3", names), "qwen3");
	UNIT_TEXT(nearest_name("qwen", names), "qwen3-235b-a22b");
	CU_ASSERT_PTR_NULL(nearest_name("qwe", names));
}

static void a_stranger_finds_none(void)
{
	static const char *const strangers[] = {"", "x", "bandwidth", "fab", "cabrik!", "tp"};
	char text[5000];

	for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
		CU_ASSERT_PTR_NULL(nearest_name(strangers[i], keys));
	memset(text, 'f', sizeof text);
	text[sizeof text - 1] = '\0';
	CU_ASSERT_PTR_NULL(nearest_name(text, keys));
}

static void swapped_neighbours_are_one_edit(void)
{
	static const char *const names[] = {"abcxyz", NULL};

	CU_ASSERT_PTR_NOT_NULL(nearest_name("bacxzy", names)); /* two swaps of six letters */
	CU_ASSERT_PTR_NULL(nearest_name("bacxwv", names));     /* a swap and two changes */
}

static void the_earlier_of_equals_is_named(void)
{
	static const char *const names[] = {"core", "cost", NULL};

	UNIT_TEXT(nearest_name("cose", names), "core");
}

static void hint_is_text_or_nothing(void)
{
	char buf[64];

	UNIT_TEXT(hint(buf, sizeof buf, "fabrik", keys), "; did you mean 'fabric'?");
	UNIT_TEXT(hint(buf, sizeof buf, "bandwidth", keys), "");
	UNIT_TEXT(hint(buf, 8, "fabrik", keys), "; did y");
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"fail returns code and text", fail_returns_code_and_text},
	        {"fail may wrap its own text", fail_may_wrap_its_own_text},
	        {"fail keeps one printable line", fail_keeps_one_printable_line},
	        {"fail shows that a text was cut", fail_shows_that_a_text_was_cut},
	        {"TRY passes failures on", try_passes_failures_on},
	        {"a failed CHECK aborts", a_failed_check_aborts},
	        {"a slip finds its name", a_slip_finds_its_name},
	        {"a start finds the whole", a_start_finds_the_whole},
	        {"a stranger finds none", a_stranger_finds_none},
	        {"swapped neighbours are one edit", swapped_neighbours_are_one_edit},
	        {"the earlier of equals is named", the_earlier_of_equals_is_named},
	        {"hint is text or nothing", hint_is_text_or_nothing},
	        {NULL, NULL},
	};

	return unit_main("base_err", tests);
}

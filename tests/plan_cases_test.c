/* Cases of plans: what a setting may be, that cases do not touch each other, and the shipped plans.
 */
#include "models/plan_cases.h"
#include "tests/exchange.h"
#include "tests/sweeps.h"
#include "tests/unit.h"
#include <dirent.h>
#include <string.h>

static struct config *with_cases(const char *compare, const char *by)
{
	struct config *c = config_of("cloudmatrix384", "qwen3-30b-a3b");
	struct err e = {0};

	config_section(c, SECTION_WORKLOAD, "sharegpt", &e);
	UNIT_TEXT(e.text, "");
	sweep_setf(c, "plan.compare=%s", compare);
	if (*by)
		sweep_setf(c, "plan.by=%s", by);
	return c;
}

static void wrong_cases_are_told(void)
{
	static const struct {
		const char *text, *message;
	} wrong[] = {{"flow", "'flow' is no setting"},
	             {"flwo=direct", "did you mean 'flow'?"},
	             {"routing.max_maen=2", "did you mean 'max_mean'?"},
	             {"rooting.max_mean=2", "did you mean 'routing'?"},
	             {"machine=cloudmatrix38", "did you mean 'cloudmatrix384'?"},
	             {"routing.max_mean=2", "go with kind: skewed"},
	             {"ep=0", "must be"}};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct config *c = with_cases(wrong[i].text, "");
		struct plan_cases cases;
		struct err e = {0};

		CU_ASSERT_EQUAL(plan_cases(c, &cases, &e), RC_CONFIG);
		UNIT_HOLDS(e.text, wrong[i].message);
		config_free(c);
	}
}

/* What one case sets, no other sees; what was set before holds in all, on another machine, too. */
static void cases_are_apart(void)
{
	struct config *c = with_cases("machine=atlas-a2; ep=8,flow=relay2,ep=16; flow=relay3",
	                              "batch=4,batch=8");
	struct plan_cases x;
	struct err e = {0};

	sweep_set(c, "machine.hbm.usable=50%");
	CU_ASSERT_EQUAL_FATAL(plan_cases(c, &x, &e), RC_OK);
	CU_ASSERT_EQUAL(x.n, 3);
	CU_ASSERT_EQUAL(x.n_by, 2);
	for (size_t i = 0; i < 6; i++) {
		CU_ASSERT_EQUAL(x.one[i].config->machine.hbm.usable_ratio, 0.5);
		CU_ASSERT_EQUAL(x.one[i].config->sweep.batch.number[0], i % 2 ? 8 : 4);
	}
	UNIT_TEXT(x.one[0].config->machine.name, "atlas-a2");
	UNIT_TEXT(x.one[2].config->machine.name, "cloudmatrix384");
	CU_ASSERT_EQUAL(x.one[0].config->sweep.ep.n, 1);
	CU_ASSERT_EQUAL(x.one[2].config->sweep.ep.n, 0);
	CU_ASSERT_EQUAL(x.one[4].config->sweep.ep.number[0], 16);
	UNIT_TEXT(x.one[3].config->sweep.flow.text[0], "relay2");
	UNIT_TEXT(x.one[5].text, "ep=16; flow=relay3; batch=8");
	UNIT_HOLDS(x.one[5].flags, "--set 'sweep.flow=relay3'");
	CU_ASSERT_EQUAL(c->sweep.batch.n, 0);
	config_free(c);
}

static void no_cases_are_one(void)
{
	struct config *c = config_of("cloudmatrix384", "qwen3-30b-a3b");
	struct plan_cases x;
	struct err e = {0};

	config_section(c, SECTION_WORKLOAD, "sharegpt", &e);
	CU_ASSERT_EQUAL_FATAL(plan_cases(c, &x, &e), RC_OK);
	CU_ASSERT_EQUAL(x.n * x.n_by, 1);
	UNIT_TEXT(x.one[0].text, "");
	config_free(c);
}

/* ---- the shipped plans ---- */

static void plan_is_good(const char *path, const char *name)
{
	struct config *c = config_new();
	struct plan_cases x;
	struct err e = {0};

	CU_ASSERT_EQUAL(config_read(c, path, &e), RC_OK);
	if (!*e.text)
		CU_ASSERT_EQUAL(plan_cases(c, &x, &e), RC_OK);
	UNIT_TEXT(e.text, "");
	UNIT_TEXT(c->sweep.name, name);
	CU_ASSERT(c->given[SECTION_PLAN]);
	CU_ASSERT(*c->plan.question != '\0');
	CU_ASSERT(c->plan.rate_count > 0 || c->workload.rate_count > 0);
	config_free(c);
}

static void shipped_plans_are_good(void)
{
	DIR *dir = opendir("configs/plans");
	struct dirent *entry;
	size_t n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	while ((entry = readdir(dir))) {
		size_t length = strlen(entry->d_name);
		char path[512], name[256];

		if (length < 6 || strcmp(entry->d_name + length - 5, ".yaml") != 0)
			continue;
		snprintf(path, sizeof path, "configs/plans/%.240s", entry->d_name);
		snprintf(name, sizeof name, "%.*s", (int)length - 5, entry->d_name);
		plan_is_good(path, name);
		n++;
	}
	closedir(dir);
	CU_ASSERT(n >= 4);
}

static const struct unit_test tests[] = {
        {"wrong cases are told", wrong_cases_are_told},
        {"cases are apart", cases_are_apart},
        {"no cases are one", no_cases_are_one},
        {"shipped plans are good", shipped_plans_are_good},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("plan_cases", tests);
}

/* ctest: full 600 */
/* Two hundred kills at drawn moments, and forty in teams. */
#include "tests/killed.h"
#include "tests/unit.h"

static void killed_sweeps_go_on(void)
{
	sweeps_killed(200);
}

static void bereft_teams_finish(void)
{
	teams_bereft(40);
}

static const struct unit_test tests[] = {
        {"killed sweeps go on", killed_sweeps_go_on},
        {"bereft teams finish", bereft_teams_finish},
        {NULL, NULL},
};

int main(void)
{
#ifdef EPSIM_HAVE_SQLITE
	return unit_main("sweep_killed", tests);
#else
	(void)tests;
	return 77;
#endif
}

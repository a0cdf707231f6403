/* Published kernel times against the shipped, calibrated machines: the errors that the machines'
 * pages promise, of rows fitted and of rows left out. The rows are not part of this project:
 * without them the test says so and passes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sim/calibrate.h"
#include "tests/exchange.h"
#include "tests/unit.h"
#include "traces/observation.h"

enum { MOST_ROWS = 512, PATH_SIZE = 4096 };

static const char *const files[] = {
        "cloudmatrix384_ep.csv", "deepep_ascend.csv", "relay_baseline_2605.06055.csv",
        "stratacl.csv",          "ubep.csv",          "trtllm_onesided.csv"};

/* Rows of one machine whose flow is here and can run there. */
struct measured {
	struct observations set;
	struct config *config;
	const struct observation *row[MOST_ROWS];
	size_t n;
};

static bool usable(const struct measured *m, const struct observation *o, struct predictor *p)
{
	struct err e = {0};
	double s;

	return strcmp(o->machine, m->config->machine.name) == 0 && o->measured_s > 0 &&
	       predict(p, &m->config->machine, o, &s, &e) == RC_OK;
}

/* as_flow: of rows that name none; NULL: these are passed over. */
static bool measured_init(struct measured *m, const char *machine, const char *as_flow)
{
	const char *data = getenv("EPSIM_DATA");
	struct predictor *p = predictor_new();
	char path[PATH_SIZE];
	struct err e = {0};

	*m = (struct measured){.config = config_of(machine, NULL)};
	observations_init(&m->set);
	m->set.as_flow = as_flow;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/measured/%s", data ? data : "../shared/data",
		         files[i]);
		if (access(path, R_OK) == 0)
			observations_read(&m->set, path, &e);
		UNIT_TEXT(e.text, "");
	}
	for (size_t i = 0; i < m->set.n && m->n < MOST_ROWS; i++) {
		if (usable(m, &m->set.row[i], p))
			m->row[m->n++] = &m->set.row[i];
	}
	predictor_free(p);
	if (m->n == 0)
		printf("skipped: no published measurements in ../shared/data ");
	return m->n > 0;
}

static void measured_fini(struct measured *m)
{
	config_free(m->config);
	observations_fini(&m->set);
}

static void accuracy_show(const char *what, const struct accuracy *a)
{
	printf("%s: %zu rows, median %.2f %%, mean %.2f %%, %.0f %% within; ", what, a->rows,
	       100 * a->median_ape_ratio, 100 * a->mape_ratio, 100 * a->coverage_90_ratio);
}

/* The machine as it is shipped predicts the rows it was calibrated with. */
static struct accuracy shipped_accuracy(const struct measured *m)
{
	const struct machine *machine = &m->config->machine;
	struct forecast_row *row = heap_zeroed(m->n, sizeof *row);
	struct predictor *p = predictor_new();
	struct accuracy a;
	struct belief b;
	struct err e = {0};

	CU_ASSERT_EQUAL_FATAL(
	        belief_init(&b, machine, m->config->notes[SECTION_MACHINE], "shipped", &e), RC_OK);
	for (size_t i = 0; i < m->n; i++) {
		struct forecast f;

		CU_ASSERT_EQUAL_FATAL(belief_forecast(&b, p, m->row[i], &f, &e), RC_OK);
		row[i] = forecast_judge(m->row[i], &f, &machine->calibration);
	}
	a = accuracy_of(row, m->n, NULL);
	accuracy_show("shipped", &a);
	belief_fini(&b);
	predictor_free(p);
	free(row);
	return a;
}

static void left_out(const struct measured *m, struct arena *arena, struct calibrated *c)
{
	const struct calibrate_options options = {.fold = FOLD_GROUP, .starts = 2, .jobs = 2};
	struct err e = {0};

	calibrate(&m->config->machine, m->config->notes[SECTION_MACHINE], "shipped", m->row, m->n,
	          &options, arena, c, &e);
	UNIT_TEXT(e.text, "");
}

static void cloudmatrix384(void)
{
	struct arena *arena = arena_new();
	struct accuracy shipped, out;
	struct calibrated c;
	struct measured m;

	if (measured_init(&m, "cloudmatrix384", NULL)) {
		shipped = shipped_accuracy(&m);
		CU_ASSERT_TRUE(shipped.median_ape_ratio <= 0.03);
		left_out(&m, arena, &c);
		out = accuracy_of(c.left, c.n_left, NULL);
		accuracy_show("left out by EP", &out);
		CU_ASSERT_TRUE(out.median_ape_ratio <= 0.06);
		CU_ASSERT_TRUE(out.coverage_90_ratio >= 0.80 && out.coverage_90_ratio <= 0.97);
		for (size_t k = 0; k < c.n_fitted; k++) {
			const struct parameter *p = &c.belief.parameter[c.fitted[k]];
			const struct note *note =
			        note_find(m.config->notes[SECTION_MACHINE], p->path);

			CU_ASSERT_FALSE(parameter_at_bound(p, p->value_units));
			/* what is shipped is what these rows make of the priors, but for those of
			   other flows */
			AT_MOST(fabs(log(p->value_units /
			                 parameter_get_units(p, &m.config->machine))),
			        p->sd_ratio / 2, 0, "%s", p->path);
			CU_ASSERT_PTR_NOT_NULL(note->prior);
		}
		calibrated_fini(&c);
	}
	measured_fini(&m);
	arena_free(arena);
}

static void atlas_a2(void)
{
	struct measured m;

	if (measured_init(&m, "atlas-a2", NULL))
		CU_ASSERT_TRUE(shipped_accuracy(&m).coverage_90_ratio >= 0.8); /* two rows */
	measured_fini(&m);
}

static void gb200(void)
{
	struct measured m;

	if (measured_init(&m, "gb200-nvl72", NULL))
		CU_ASSERT_TRUE(shipped_accuracy(&m).median_ape_ratio <= 0.04);
	measured_fini(&m);
}

/* Four rows whose flow is assumed: EP 8 from 16 and back, and what is shipped is what these very
 * rows make of the priors. */
static void ascend_950(void)
{
	struct arena *arena = arena_new();
	struct accuracy out;
	struct calibrated c;
	struct measured m;
	char digest[32];

	if (measured_init(&m, "ascend-950", "one-sided")) {
		CU_ASSERT_EQUAL(m.n, 4);
		CU_ASSERT_TRUE(shipped_accuracy(&m).median_ape_ratio <= 0.04);
		snprintf(digest, sizeof digest, "%016llx",
		         (unsigned long long)observations_digest(m.row, m.n));
		UNIT_TEXT(m.config->machine.calibration.data, digest);
		left_out(&m, arena, &c);
		out = accuracy_of(c.left, c.n_left, NULL);
		accuracy_show("left out by EP", &out);
		CU_ASSERT_TRUE(out.median_ape_ratio <= 0.08);
		CU_ASSERT_EQUAL(c.n_fitted, 2);
		for (size_t k = 0; k < c.n_fitted; k++) {
			const struct parameter *p = &c.belief.parameter[c.fitted[k]];

			CU_ASSERT_FALSE(parameter_at_bound(p, p->value_units));
			NEARLY(parameter_get_units(p, &m.config->machine), p->value_units, 1e-3,
			       "%s", p->path);
		}
		calibrated_fini(&c);
	}
	measured_fini(&m);
	arena_free(arena);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"CloudMatrix384", cloudmatrix384},
	        {"Atlas A2", atlas_a2},
	        {"GB200, one-sided", gb200},
	        {"Ascend 950, assumed one-sided", ascend_950},
	        {0},
	};

	return unit_main("measured", tests);
}

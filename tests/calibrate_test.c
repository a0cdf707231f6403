/* Laws of calibration, on observations that epsim makes itself. */
#include "sim/calibrate.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/rng.h"
#include "tests/exchange.h"
#include "tests/unit.h"

enum { MOST_ROWS = 64 };

/* Rows of several flows, ops, phases, EP and sizes, as a machine with other parameters than the
 * priors would have them, with noise. */
struct made {
	struct config *config; /* the priors: all parameters free */
	struct machine truth;
	struct note *notes;
	struct observation row[MOST_ROWS];
	const struct observation *at[MOST_ROWS];
	size_t n;
	struct arena *arena;
};

static const struct moved {
	const char *path;
	double ratio; /* true over prior */
} moved[] = {
        {"vector.quantise_core", 0.7}, {"fabric.put", 0.9},        {"fabric.get", 1.1},
        {"sync.kernel", 1.5},          {"fabric.contention", 1.4},
};
enum { MOVED = sizeof moved / sizeof *moved };

static void truth_make(struct made *m)
{
	struct parameter p[MOST_PARAMETERS];
	struct err e = {0};
	size_t n;

	CU_ASSERT_EQUAL_FATAL(parameters_list(&m->config->machine, m->notes, p, &n, &e), RC_OK);
	for (size_t i = 0; i < n; i++)
		parameter_set(&p[i], &m->config->machine, p[i].prior_units);
	m->truth = m->config->machine;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < MOVED; k++) {
			if (strcmp(p[i].path, moved[k].path) == 0)
				parameter_set(&p[i], &m->truth, moved[k].ratio * p[i].prior_units);
		}
	}
}

static void row_make(struct made *m, struct predictor *p, struct rng *r, double noise_ratio,
                     struct observation o)
{
	struct err e = {0};
	double s;

	o.machine = "cloudmatrix384", o.source = "made", o.file = "made", o.assumed = "";
	o.kernel = o.op == OP_COMBINE ? "combine" : "dispatch";
	o.n_batches = 1, o.hidden = 7168, o.top_k = 8, o.experts = 256, o.weight_ratio = 1;
	o.group = arena_print(m->arena, "ep %lld", (long long)o.ep);
	CU_ASSERT_EQUAL_FATAL(predict(p, &m->truth, &o, &s, &e), RC_OK);
	o.measured_s = s * exp(noise_ratio * normal_draw_units(r));
	m->row[m->n] = o;
	m->at[m->n] = &m->row[m->n];
	m->n++;
}

static void made_init(struct made *m, double noise_ratio)
{
	static const int64_t eps[] = {8, 16, 64};
	struct predictor *p = predictor_new();
	struct rng r;

	*m = (struct made){.config = config_of("cloudmatrix384", NULL), .arena = arena_new()};
	m->notes = m->config->notes[SECTION_MACHINE];
	truth_make(m);
	rng_init(&r, 1, 1);
	for (size_t i = 0; i < 3; i++) {
		for (int k = 0; k < 12; k++) {
			struct observation o = {.flow = k % 2 ? "relay2" : "direct",
			                        .op = (enum exchange_op)(k / 2 % 2),
			                        .phase = k < 6 ? PHASE_DECODE : PHASE_PREFILL,
			                        .ep = eps[i],
			                        .tokens = {k < 6 ? 8 << k : 512 << (k - 6)},
			                        .dispatch = k % 3 ? DTYPE_INT8 : DTYPE_BF16};

			row_make(m, p, &r, noise_ratio, o);
		}
	}
	predictor_free(p);
}

static void made_fini(struct made *m)
{
	config_free(m->config);
	arena_free(m->arena);
}

static const struct calibrate_options plain = {.fold = FOLD_GROUP, .starts = 2, .jobs = 1};

static const struct calibrate_options no_folds = {.fold = FOLD_NONE, .starts = 1, .jobs = 1};

static void calibrate_made(struct made *m, const struct observation *const *row, size_t n,
                           const struct calibrate_options *options, struct calibrated *out)
{
	struct err e = {0};

	calibrate(&m->config->machine, m->notes, "here", row, n, options, m->arena, out, &e);
	UNIT_TEXT(e.text, "");
}

static void known_parameters_are_found(void)
{
	struct calibrated c;
	struct made m;
	size_t found = 0;

	made_init(&m, 0.01);
	calibrate_made(&m, m.at, m.n, &plain, &c);
	for (size_t k = 0; k < c.n_fitted; k++) {
		const struct parameter *p = &c.belief.parameter[c.fitted[k]];
		double off = log(p->value_units / parameter_get_units(p, &m.truth));

		/* each within three sd of the truth */
		AT_MOST(fabs(off), 3 * p->sd_ratio + 1e-3, 0, "%s", p->path);
		for (size_t i = 0; i < MOVED; i++)
			found += strcmp(p->path, moved[i].path) == 0 && fabs(off) < 0.12;
	}
	CU_ASSERT_EQUAL(found, MOVED);
	AT_MOST(accuracy_of(c.row, c.n_rows, NULL).median_ape_ratio, 0.012, 0, "fitted");
	AT_MOST(accuracy_of(c.left, c.n_left, NULL).median_ape_ratio, 0.02, 0, "left out");
	calibrated_fini(&c);
	made_fini(&m);
}

/* Without noise the truth is a perfect fit: what is left comes from priors alone. */
static void exact_rows_leave_no_rest(void)
{
	struct calibrated c;
	struct made m;

	made_init(&m, 0);
	calibrate_made(&m, m.at, m.n, &no_folds, &c);
	AT_MOST(accuracy_of(c.row, c.n_rows, NULL).mape_ratio, 0.005, 0, "mean error");
	calibrated_fini(&c);
	made_fini(&m);
}

static void same(const struct calibrated *a, const struct calibrated *b, const size_t *turned)
{
	CU_ASSERT_EQUAL_FATAL(a->n_fitted, b->n_fitted);
	for (size_t k = 0; k < a->n_fitted; k++)
		CU_ASSERT_EQUAL(a->belief.parameter[a->fitted[k]].value_units,
		                b->belief.parameter[b->fitted[k]].value_units);
	for (size_t i = 0; i < a->n_rows; i++) {
		size_t j = turned ? turned[i] : i;

		CU_ASSERT_EQUAL(a->row[i].f.expected_s, b->row[j].f.expected_s);
		CU_ASSERT_EQUAL(a->left[i].f.high_s, b->left[j].f.high_s);
	}
	CU_ASSERT_EQUAL(a->belief.residual_sd_ratio, b->belief.residual_sd_ratio);
}

static void neither_order_nor_jobs_matter(void)
{
	const struct observation *turned[MOST_ROWS];
	struct calibrate_options four = plain;
	struct calibrated a, b, c;
	size_t place[MOST_ROWS];
	struct made m;

	made_init(&m, 0.02);
	for (size_t i = 0; i < m.n; i++) {
		place[i] = (7 * i + 3) % m.n; /* 7 and 36 have no common factor */
		turned[place[i]] = m.at[i];
	}
	four.jobs = 4;
	calibrate_made(&m, m.at, m.n, &plain, &a);
	calibrate_made(&m, turned, m.n, &plain, &b);
	calibrate_made(&m, m.at, m.n, &four, &c);
	same(&a, &b, place);
	same(&a, &c, NULL);
	calibrated_fini(&a);
	calibrated_fini(&b);
	calibrated_fini(&c);
	made_fini(&m);
}

/* Each row twice with half its weight is each row once. */
static void two_halves_are_a_whole(void)
{
	struct observation half[2 * MOST_ROWS];
	const struct observation *at[2 * MOST_ROWS];
	struct calibrated a, b;
	struct made m;

	made_init(&m, 0.02);
	for (size_t i = 0; i < 2 * m.n; i++) {
		half[i] = m.row[i / 2];
		half[i].weight_ratio = 0.5;
		at[i] = &half[i];
	}
	calibrate_made(&m, m.at, m.n, &no_folds, &a);
	calibrate_made(&m, at, 2 * m.n, &no_folds, &b);
	CU_ASSERT_EQUAL_FATAL(a.n_fitted, b.n_fitted);
	for (size_t k = 0; k < a.n_fitted; k++) {
		const struct parameter *p = &a.belief.parameter[a.fitted[k]];
		const struct parameter *q = &b.belief.parameter[b.fitted[k]];

		NEARLY(p->value_units, q->value_units, 1e-3, "%s", p->path);
		NEARLY(p->sd_ratio, q->sd_ratio, 1e-2, "sd of %s", p->path);
	}
	NEARLY(a.effective_count, b.effective_count, 1e-2, "effective parameters");
	calibrated_fini(&a);
	calibrated_fini(&b);
	made_fini(&m);
}

/* A row that weighs more is met more closely. */
static void weight_draws(void)
{
	struct calibrated a, b;
	struct made m;

	made_init(&m, 0.01);
	m.row[5].measured_s *= 1.1;
	calibrate_made(&m, m.at, m.n, &no_folds, &a);
	m.row[5].weight_ratio = 1000;
	calibrate_made(&m, m.at, m.n, &no_folds, &b);
	CU_ASSERT_TRUE(fabs(b.row[5].error_ratio) < fabs(a.row[5].error_ratio));
	calibrated_fini(&a);
	calibrated_fini(&b);
	made_fini(&m);
}

/* One row out of all proportion moves the others' predictions by little. */
static void an_outlier_does_little(void)
{
	struct calibrated a, b;
	struct made m;

	made_init(&m, 0.01);
	calibrate_made(&m, m.at, m.n, &no_folds, &a);
	m.row[5].measured_s *= 5;
	calibrate_made(&m, m.at, m.n, &no_folds, &b);
	for (size_t i = 0; i < m.n; i++)
		NEARLY(a.row[i].f.expected_s, b.row[i].f.expected_s, 0.02, "row %zu", i);
	CU_ASSERT_TRUE(b.weight_ratio[5] < 0.05);
	calibrated_fini(&a);
	calibrated_fini(&b);
	made_fini(&m);
}

/* A kernel twice as slow as others on the same machine gets a ratio of its own. */
static void a_slow_kernel_is_told_from_a_slow_machine(void)
{
	struct calibrated c;
	struct made m;
	double ratio = 0;

	made_init(&m, 0.01);
	for (size_t i = 0; i < m.n; i++) {
		if (m.row[i].ep != 16 || m.row[i].op != OP_COMBINE)
			continue;
		m.row[i].kernel = "slow combine";
		m.row[i].measured_s *= 2;
	}
	calibrate_made(&m, m.at, m.n, &no_folds, &c);
	for (size_t k = 0; k < c.belief.n_kernels; k++) {
		if (strcmp(c.belief.kernel[k], "slow combine") == 0)
			ratio = exp(c.belief.kernel_log_ratio[k]);
	}
	NEARLY(ratio, 2, 0.1, "ratio");
	AT_MOST(accuracy_of(c.row, c.n_rows, NULL).median_ape_ratio, 0.02, 0, "fitted");
	calibrated_fini(&c);
	made_fini(&m);
}

/* One row of a kernel says nothing of the machine: all stays at the priors, but for its ratio. */
static void a_single_row_moves_nothing(void)
{
	struct observation slow;
	const struct observation *row[] = {&slow};
	struct calibrated c;
	struct made m;

	made_init(&m, 0.01);
	slow = *m.at[0], slow.measured_s *= 3;
	calibrate_made(&m, row, 1, &no_folds, &c);
	CU_ASSERT_EQUAL(c.n_fitted, 0);
	CU_ASSERT(c.n_untold > 0 && c.belief.n_kernels == 1);
	for (size_t i = 0; i < c.belief.n; i++) {
		const struct parameter *p = &c.belief.parameter[i];

		NEARLY(p->value_units, p->prior_units, 1e-12, "%s", p->path);
		NEARLY(p->sd_ratio, p->prior_sd_ratio, 1e-12, "%s", p->path);
	}
	AT_MOST(accuracy_of(c.row, 1, NULL).median_ape_ratio, 0.1, 0, "its ratio");
	calibrated_fini(&c);
	made_fini(&m);
}

static void note_sd_set(struct made *m, const struct parameter *p)
{
	for (struct note *n = m->notes; n; n = n->next) {
		if (strcmp(n->path, p->path) == 0)
			n->sd_ratio = p->sd_ratio;
	}
}

/* Half of the rows, then the other half from where those led: what the first told is not lost, and
 * the second alone start at it. */
static void later_rows_refine_what_earlier_ones_told(void)
{
	struct calibrate_options further = no_folds;
	struct calibrated first, second;
	struct made m;

	made_init(&m, 0.01);
	calibrate_made(&m, m.at, m.n / 2, &no_folds, &first);
	m.config->machine = first.belief.machine;
	for (size_t i = 0; i < first.n_fitted; i++)
		note_sd_set(&m, &first.belief.parameter[first.fitted[i]]);
	further.from_values = true;
	calibrate_made(&m, m.at + m.n / 2, m.n - m.n / 2, &further, &second);
	for (size_t i = 0; i < first.n_fitted; i++) {
		const struct parameter *before = &first.belief.parameter[first.fitted[i]];
		const struct parameter *after = &second.belief.parameter[first.fitted[i]];

		UNIT_TEXT(after->path, before->path);
		NEARLY(after->prior_units, before->value_units, 1e-12, "%s", before->path);
		AT_MOST(after->sd_ratio, before->sd_ratio, 0.02, "%s", before->path);
	}
	calibrated_fini(&first);
	calibrated_fini(&second);
	made_fini(&m);
}

static void nothing_free_is_said(void)
{
	struct calibrated c;
	struct err e = {0};
	struct made m;

	made_init(&m, 0.01);
	CU_ASSERT_EQUAL(
	        calibrate(&m.config->machine, NULL, "here", m.at, m.n, &plain, m.arena, &c, &e),
	        RC_CONFIG);
	UNIT_HOLDS(e.text, "here: nothing to fit");
	made_fini(&m);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"known parameters are found", known_parameters_are_found},
	        {"exact rows leave no rest", exact_rows_leave_no_rest},
	        {"neither order nor jobs matter", neither_order_nor_jobs_matter},
	        {"two halves are a whole", two_halves_are_a_whole},
	        {"weight draws", weight_draws},
	        {"an outlier does little", an_outlier_does_little},
	        {"a slow kernel is told from a slow machine",
	         a_slow_kernel_is_told_from_a_slow_machine},
	        {"a single row moves nothing", a_single_row_moves_nothing},
	        {"later rows refine what earlier ones told",
	         later_rows_refine_what_earlier_ones_told},
	        {"nothing free is said", nothing_free_is_said},
	        {0},
	};

	return unit_main("calibrate", tests);
}

/* Laws of calibrating several machines together, on observations that epsim makes itself. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/rng.h"
#include "sim/calibrate.h"
#include "tests/exchange.h"
#include "tests/unit.h"

enum { MOST_ROWS = 64, MACHINES = 2 };

static const char *const names[MACHINES] = {"cloudmatrix384", "atlas-a2"};

/* Rows of one machine as it would be with other parameters than the priors. */
struct lab {
	struct config *config; /* at the priors */
	struct machine truth;
	struct observation row[MOST_ROWS];
	const struct observation *at[MOST_ROWS];
	size_t n;
};

struct labs {
	struct lab lab[MACHINES];
	struct arena *arena;
};

static const struct moved {
	const char *path;
	double ratio[MACHINES]; /* true over prior */
} moved[] = {
        {"vector.quantise_core", {0.6, 0.6}},
        {"sync.kernel", {1.5, 1.5}},
        {"fabric.put", {0.9, 0.7}},
};
enum { MOVED = sizeof moved / sizeof *moved };

static void truth_make(struct lab *l, size_t machine)
{
	const struct note *notes = l->config->notes[SECTION_MACHINE];
	struct parameter p[MOST_PARAMETERS];
	struct err e = {0};
	size_t n;

	CU_ASSERT_EQUAL_FATAL(parameters_list(&l->config->machine, notes, p, &n, &e), RC_OK);
	for (size_t i = 0; i < n; i++)
		parameter_set(&p[i], &l->config->machine, p[i].prior_units);
	l->truth = l->config->machine;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < MOVED; k++) {
			if (strcmp(p[i].path, moved[k].path) == 0)
				parameter_set(&p[i], &l->truth,
				              moved[k].ratio[machine] * p[i].prior_units);
		}
	}
}

static void row_add(struct labs *x, size_t machine, struct rng *r, double noise_ratio,
                    struct observation o)
{
	struct lab *l = &x->lab[machine];
	struct predictor *p = predictor_new();
	struct err e = {0};
	double s;

	o.machine = names[machine], o.source = "made", o.file = "made", o.assumed = "";
	o.kernel = arena_print(x->arena, "%s %s", names[machine], exchange_op_names[o.op]);
	o.flow = "relay2", o.dispatch = l->n % 3 ? DTYPE_INT8 : DTYPE_BF16;
	o.n_batches = 1, o.hidden = 7168, o.top_k = 8, o.experts = 256, o.weight_ratio = 1;
	o.group = arena_print(x->arena, "ep %lld", (long long)o.ep);
	CU_ASSERT_EQUAL_FATAL(predict(p, &l->truth, &o, &s, &e), RC_OK);
	o.measured_s = s * exp(noise_ratio * normal_draw_units(r));
	l->row[l->n] = o;
	l->at[l->n] = &l->row[l->n];
	l->n++;
	predictor_free(p);
}

static void labs_init(struct labs *x, double noise_ratio)
{
	static const int64_t eps[MACHINES][2] = {{8, 32}, {8, 16}};
	struct rng r;

	*x = (struct labs){.arena = arena_new()};
	rng_init(&r, 1, 1);
	for (size_t m = 0; m < MACHINES; m++) {
		x->lab[m].config = config_of(names[m], NULL);
		truth_make(&x->lab[m], m);
		for (int i = 0; i < 16; i++) {
			bool decode = i % 8 < 4;
			struct observation o = {.op = (enum exchange_op)(i % 2),
			                        .phase = decode ? PHASE_DECODE : PHASE_PREFILL,
			                        .ep = eps[m][i / 8],
			                        .tokens = {decode ? 8 << i % 8 : 64 << i % 8}};

			row_add(x, m, &r, noise_ratio, o);
		}
	}
}

static void labs_fini(struct labs *x)
{
	for (size_t m = 0; m < MACHINES; m++)
		config_free(x->lab[m].config);
	arena_free(x->arena);
}

static struct calibrate_machine given(const struct labs *x, size_t machine)
{
	const struct lab *l = &x->lab[machine];

	return (struct calibrate_machine){.name = names[machine],
	                                  .machine = &l->config->machine,
	                                  .notes = l->config->notes[SECTION_MACHINE],
	                                  .where = "here",
	                                  .row = l->at,
	                                  .n_rows = l->n};
}

static const struct calibrate_options plain = {.fold = FOLD_GROUP, .starts = 2, .jobs = 1};
static const struct calibrate_options no_folds = {.fold = FOLD_NONE, .starts = 1, .jobs = 1};

static void joint_fit(struct labs *x, const char *share, const struct calibrate_options *options,
                      struct calibrated c[MACHINES], struct joint *joint)
{
	const struct calibrate_machine m[MACHINES] = {given(x, 0), given(x, 1)};
	struct err e = {0};

	calibrate_joint(m, MACHINES, share, options, x->arena, c, joint, &e);
	UNIT_TEXT(e.text, "");
}

static void alone_fit(struct labs *x, size_t machine, const struct calibrate_options *options,
                      struct calibrated *c)
{
	const struct calibrate_machine m = given(x, machine);
	struct err e = {0};

	calibrate(m.machine, m.notes, m.where, m.row, m.n_rows, options, x->arena, c, &e);
	UNIT_TEXT(e.text, "");
}

static void both_fini(struct calibrated c[MACHINES])
{
	for (size_t m = 0; m < MACHINES; m++)
		calibrated_fini(&c[m]);
}

static const struct parameter *parameter_named(const struct calibrated *c, const char *path)
{
	for (size_t i = 0; i < c->belief.n; i++) {
		if (strcmp(c->belief.parameter[i].path, path) == 0)
			return &c->belief.parameter[i];
	}
	CU_FAIL_FATAL("no such parameter");
	return NULL;
}

static const struct shared_parameter *shared_named(const struct joint *j, const char *path)
{
	for (size_t i = 0; i < j->n_shared; i++) {
		if (strcmp(j->shared[i].path, path) == 0)
			return &j->shared[i];
	}
	return NULL;
}

static void shared_parameters_are_found(void)
{
	struct calibrated c[MACHINES];
	struct joint joint;
	struct labs x;

	labs_init(&x, 0.01);
	joint_fit(&x, "vector.quantise_core,sync", &plain, c, &joint);
	for (size_t m = 0; m < MACHINES; m++) {
		for (size_t k = 0; k < MOVED; k++) {
			const struct parameter *p = parameter_named(&c[m], moved[k].path);
			double off = log(p->value_units / (moved[k].ratio[m] * p->prior_units));

			AT_MOST(fabs(off), 3 * p->sd_ratio + 1e-3, 0, "%s of %s", p->path,
			        names[m]);
		}
	}
	NEARLY(parameter_named(&c[0], "vector.quantise_core")->value_units,
	       0.6 * parameter_named(&c[0], "vector.quantise_core")->prior_units, 0.1, "quantise");
	/* one number, to the bit, and one sd */
	for (size_t i = 0; i < joint.n_shared; i++) {
		const struct shared_parameter *s = &joint.shared[i];
		const struct parameter *p = &c[0].belief.parameter[s->at[0]];
		const struct parameter *q = &c[1].belief.parameter[s->at[1]];

		CU_ASSERT_EQUAL_FATAL(s->n_machines, MACHINES);
		UNIT_TEXT(p->path, q->path);
		CU_ASSERT_EQUAL(p->value_units, q->value_units);
		if (s->state == SHARED_TOLD)
			CU_ASSERT_EQUAL(p->sd_ratio, q->sd_ratio);
	}
	/* fabric.put is each machine's own */
	CU_ASSERT_PTR_NULL(shared_named(&joint, "fabric.put"));
	CU_ASSERT_EQUAL(c[0].belief.residual_sd_ratio, c[1].belief.residual_sd_ratio);
	CU_ASSERT_EQUAL(c[0].belief.kernel_sd_ratio, c[1].belief.kernel_sd_ratio);
	both_fini(c);
	labs_fini(&x);
}

/* Two rows say little alone; with the other machine's they have its values and its sd. What only
 * the other machine feels moves here too: a combine does not quantise. */
static void few_rows_take_what_others_say(void)
{
	const char *path = "vector.quantise_core";
	struct calibrated alone[MACHINES], c[MACHINES];
	const struct shared_parameter *s;
	struct joint joint;
	struct labs x;

	labs_init(&x, 0.01);
	x.lab[1].at[0] = &x.lab[1].row[1], x.lab[1].at[1] = &x.lab[1].row[5]; /* combine */
	x.lab[1].n = 2;
	for (size_t m = 0; m < MACHINES; m++)
		alone_fit(&x, m, &no_folds, &alone[m]);
	joint_fit(&x, "vector,sync", &no_folds, c, &joint);
	s = shared_named(&joint, path);
	CU_ASSERT_EQUAL_FATAL(s && s->state, SHARED_TOLD);
	NEARLY(parameter_named(&c[1], path)->sd_ratio, parameter_named(&alone[0], path)->sd_ratio,
	       0.1, "its sd");
	AT_MOST(parameter_named(&c[1], path)->sd_ratio,
	        parameter_named(&alone[1], path)->sd_ratio / 3, 0, "sd alone");
	NEARLY(parameter_named(&c[1], path)->value_units,
	       parameter_named(&alone[0], path)->value_units, 0.05, "its value");
	CU_ASSERT_EQUAL(parameter_named(&alone[1], path)->value_units,
	                parameter_named(&alone[1], path)->prior_units);
	both_fini(alone);
	both_fini(c);
	labs_fini(&x);
}

static void beliefs_same(const struct belief *a, const struct belief *b, size_t kernel_from)
{
	size_t n = a->n + a->n_kernels, m = b->n + b->n_kernels;

	for (size_t i = 0; i < b->n; i++) {
		CU_ASSERT_EQUAL(a->parameter[i].value_units, b->parameter[i].value_units);
		CU_ASSERT_EQUAL(a->parameter[i].sd_ratio, b->parameter[i].sd_ratio);
	}
	for (size_t i = 0; i < m; i++) {
		size_t p = i < b->n ? i : i + kernel_from;

		for (size_t j = 0; j < m; j++)
			CU_ASSERT_EQUAL(
			        a->covariance_units[p * n + (j < b->n ? j : j + kernel_from)],
			        b->covariance_units[i * m + j]);
	}
	for (size_t k = 0; k < b->n_kernels; k++)
		CU_ASSERT_EQUAL(a->kernel_log_ratio[kernel_from + k], b->kernel_log_ratio[k]);
	CU_ASSERT_EQUAL(a->kernel_sd_ratio, b->kernel_sd_ratio);
	CU_ASSERT_EQUAL(a->residual_sd_ratio, b->residual_sd_ratio);
}

/* Half of a machine's rows under another name, everything shared: the same fit to the bit, as long
 * as each half has kernels of its own. */
static void two_names_for_one_machine(void)
{
	const struct calibrate_options by_row = {.fold = FOLD_ROW, .starts = 2, .jobs = 1};
	const struct observation *half[MACHINES][MOST_ROWS];
	struct calibrate_machine m[MACHINES];
	struct calibrated whole, c[MACHINES];
	size_t n[MACHINES] = {0, 0};
	struct joint joint;
	struct err e = {0};
	struct labs x;

	labs_init(&x, 0.02);
	for (size_t i = 0; i < x.lab[0].n; i++) {
		bool second = i % 2;

		x.lab[0].row[i].kernel = second ? "b" : "a";
		half[second][n[second]++] = x.lab[0].at[i];
	}
	alone_fit(&x, 0, &by_row, &whole);
	m[0] = m[1] = given(&x, 0);
	m[0].name = "one", m[1].name = "two";
	m[0].row = half[0], m[0].n_rows = n[0];
	m[1].row = half[1], m[1].n_rows = n[1];
	calibrate_joint(m, MACHINES, "hbm,vector,fabric,die_link,sync", &by_row, x.arena, c, &joint,
	                &e);
	UNIT_TEXT(e.text, "");
	CU_ASSERT_EQUAL(joint.n_parameters, whole.n_fitted);
	beliefs_same(&whole.belief, &c[0].belief, 0);
	beliefs_same(&whole.belief, &c[1].belief, 1);
	for (size_t i = 0; i < x.lab[0].n; i++)
		CU_ASSERT_EQUAL(whole.left[i].f.high_s, c[i % 2].left[i / 2].f.high_s);
	NEARLY(whole.effective_count, c[0].effective_count + c[1].effective_count, 1e-12, "told");
	both_fini(c);
	calibrated_fini(&whole);
	labs_fini(&x);
}

static void neither_order_nor_jobs_matter(void)
{
	struct calibrate_options four = plain;
	struct calibrated c[MACHINES], d[MACHINES];
	struct calibrate_machine m[MACHINES];
	struct joint joint, turned;
	struct err e = {0};
	struct labs x;

	labs_init(&x, 0.02);
	joint_fit(&x, "vector,sync", &plain, c, &joint);
	for (size_t k = 0; k < MACHINES; k++) {
		struct lab *l = &x.lab[k];

		for (size_t i = 0; i < l->n; i++)
			l->at[(7 * i + 3) % l->n] = &l->row[i]; /* 7 and 16: no common factor */
	}
	m[0] = given(&x, 1), m[1] = given(&x, 0);
	four.jobs = 4;
	calibrate_joint(m, MACHINES, "sync,vector", &four, x.arena, d, &turned, &e);
	UNIT_TEXT(e.text, "");
	for (size_t k = 0; k < MACHINES; k++) {
		size_t n = x.lab[k].n;

		beliefs_same(&c[k].belief, &d[1 - k].belief, 0);
		for (size_t i = 0; i < n; i++)
			CU_ASSERT_EQUAL(c[k].left[i].f.high_s,
			                d[1 - k].left[(7 * i + 3) % n].f.high_s);
	}
	for (size_t i = 0; i < joint.n_shared; i++) {
		const struct shared_parameter *s = shared_named(&turned, joint.shared[i].path);

		CU_ASSERT_PTR_NOT_NULL_FATAL(s);
		CU_ASSERT_EQUAL(s->state, joint.shared[i].state);
		CU_ASSERT_EQUAL(s->at[0], joint.shared[i].at[1]);
	}
	both_fini(c);
	both_fini(d);
	labs_fini(&x);
}

/* Of one group each, a machine alone has nothing to leave out; of two it has the other. */
static void groups_are_left_out_by_machine(void)
{
	struct calibrated alone, c[MACHINES];
	struct joint joint;
	struct labs x;

	labs_init(&x, 0.01);
	for (size_t m = 0; m < MACHINES; m++)
		x.lab[m].n = 8; /* EP 8 */
	alone_fit(&x, 0, &plain, &alone);
	joint_fit(&x, "vector", &plain, c, &joint);
	CU_ASSERT_EQUAL(alone.n_left, 0);
	for (size_t m = 0; m < MACHINES; m++) {
		CU_ASSERT_EQUAL(c[m].n_left, 8);
		CU_ASSERT_FALSE(c[m].left[0].f.kernel_known);
	}
	calibrated_fini(&alone);
	both_fini(c);
	labs_fini(&x);
}

static void note_narrow(struct config *c, const char *path, double sd_ratio)
{
	for (struct note *n = c->notes[SECTION_MACHINE]; n; n = n->next) {
		if (strcmp(n->path, path) == 0)
			n->prior = NULL, n->sd_ratio = sd_ratio;
	}
}

/* The narrower prior holds for all: as if it had been written in both. */
static void the_narrower_prior_holds(void)
{
	const char *path = "vector.quantise_core";
	struct calibrated c[MACHINES], d[MACHINES];
	struct joint joint;
	struct labs x;

	labs_init(&x, 0.01);
	note_narrow(x.lab[1].config, path, 0.1);
	joint_fit(&x, path, &no_folds, c, &joint);
	CU_ASSERT_EQUAL(shared_named(&joint, path)->prior_sd_ratio, 0.1);
	note_narrow(x.lab[0].config, path, 0.1);
	joint_fit(&x, path, &no_folds, d, &joint);
	for (size_t m = 0; m < MACHINES; m++)
		beliefs_same(&c[m].belief, &d[m].belief, 0);
	AT_MOST(parameter_named(&c[0], path)->sd_ratio, 0.1, 0, "sd");
	both_fini(c);
	both_fini(d);
	labs_fini(&x);
}

/* Priors are the machines' values where those are asked for: of unlike values nothing is shared, of
 * the same values it is. */
static void values_as_priors_must_be_alike(void)
{
	const char *path = "sync.kernel";
	struct calibrate_machine m[MACHINES];
	struct calibrated c[MACHINES];
	struct joint joint;
	struct err e = {0};
	struct labs x;

	labs_init(&x, 0.01);
	for (size_t k = 0; k < MACHINES; k++) {
		m[k] = given(&x, k);
		m[k].from_values = true;
	}
	x.lab[0].config->machine.sync.kernel_s *= 2;
	CU_ASSERT_EQUAL(calibrate_joint(m, MACHINES, path, &no_folds, x.arena, c, &joint, &e),
	                RC_CONFIG);
	UNIT_HOLDS(e.text, "unlike priors: 10 us in atlas-a2, 20 us in cloudmatrix384");
	UNIT_HOLDS(e.text, "--prior sources");
	both_fini(c);
	x.lab[1].config->machine.sync.kernel_s *= 2;
	CU_ASSERT_EQUAL(calibrate_joint(m, MACHINES, path, &no_folds, x.arena, c, &joint, &e),
	                RC_OK);
	NEARLY(parameter_named(&c[0], path)->prior_units, 2e-5, 1e-12, "prior");
	both_fini(c);
	labs_fini(&x);
}

static void a_group_leaves_the_unlike_apart(void)
{
	struct calibrated c[MACHINES];
	struct joint joint;
	bool put = false;
	struct labs x;

	labs_init(&x, 0.01);
	joint_fit(&x, "fabric", &no_folds, c, &joint);
	CU_ASSERT_PTR_NOT_NULL(shared_named(&joint, "fabric.contention"));
	CU_ASSERT_PTR_NULL(shared_named(&joint, "fabric.put"));
	for (size_t i = 0; i < joint.n_apart; i++) {
		if (strcmp(joint.apart[i].path, "fabric.put") != 0)
			continue;
		put = true;
		UNIT_HOLDS(joint.apart[i].why, "138 GBps in cloudmatrix384");
		UNIT_HOLDS(joint.apart[i].why, "137 GBps in atlas-a2");
	}
	CU_ASSERT_TRUE(put);
	both_fini(c);
	labs_fini(&x);
}

static void wrong_lists_are_said(void)
{
	static const struct {
		const char *share, *says;
	} wrong[] = {
	        {"vector.scn", "did you mean 'vector.scan'?"},
	        {"vectr", "did you mean 'vector'?"},
	        {"vector,", "--share: ''"},
	        {"", "--share: ''"},
	        {"vector.cores", "'vector.cores' is no uncertain parameter"},
	        {"vector,fabric.put", "fabric.put cannot be shared: unlike priors: "},
	        {"rdma.rate", "free (fit: yes, with an sd) in atlas-a2 alone"},
	        {"rdma", "nothing of 'rdma' can be shared; rdma."},
	        {"hbm.rate", "hbm.rate cannot be shared: free (fit: yes, with an sd) in none"},
	        {"sdma", "nothing of 'sdma' can be shared; none of its parameters is free"},
	};
	struct calibrated c[MACHINES];
	struct joint joint;
	struct err e;
	struct labs x;

	labs_init(&x, 0.01);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		const struct calibrate_machine m[MACHINES] = {given(&x, 0), given(&x, 1)};

		CU_ASSERT_EQUAL(calibrate_joint(m, MACHINES, wrong[i].share, &plain, x.arena, c,
		                                &joint, &e),
		                RC_CONFIG);
		UNIT_HOLDS(e.text, wrong[i].says);
		both_fini(c);
	}
	for (size_t m = 0; m < MACHINES; m++) {
		const struct calibrate_machine one = given(&x, m);

		CU_ASSERT_EQUAL(calibrate_joint(&one, 1, "vector", &plain, x.arena, c, &joint, &e),
		                RC_CONFIG);
		UNIT_HOLDS(e.text, names[m]);
		calibrated_fini(c);
	}
	labs_fini(&x);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"shared parameters are found", shared_parameters_are_found},
	        {"few rows take what others say", few_rows_take_what_others_say},
	        {"two names for one machine", two_names_for_one_machine},
	        {"neither order nor jobs matter", neither_order_nor_jobs_matter},
	        {"groups are left out by machine", groups_are_left_out_by_machine},
	        {"the narrower prior holds", the_narrower_prior_holds},
	        {"values as priors must be alike", values_as_priors_must_be_alike},
	        {"a group leaves the unlike apart", a_group_leaves_the_unlike_apart},
	        {"wrong lists are said", wrong_lists_are_said},
	        {0},
	};

	return unit_main("calibrate_share", tests);
}

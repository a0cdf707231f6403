/* ctest: 240 */
/* Each flow option moves price, bytes or memory the way it must, in every flow that knows it; a
 * flow that does not know it says so. One layer's exchange, asked for as users ask: by a schedule.
 */
#include <math.h>
#include "tests/exchange.h"
#include "tests/scene.h"
#include "tests/unit.h"

enum what { TIME, WIRE, FAR_WIRE, HBM, BUFFERS, WHATS };
static const char *const what_names[WHATS] = {
        [TIME] = "time",        [WIRE] = "bytes sent", [FAR_WIRE] = "bytes between nodes",
        [HBM] = "bytes of HBM", [BUFFERS] = "buffers",
};

/* What one exchange comes to; of bytes the mean of ranks. */
struct figures {
	double of[WHATS];
};

/* One value of an option never has more of something than another; or just as much. Quantising
 * beforehand does so once for a token, fused once for a row: only with one row a token does it have
 * a pass more and nothing less. */
static const struct law {
	enum flow_option option;
	int64_t less, more; /* values of the option */
	enum what what;
	bool equal;
	int64_t top_k; /* 0: the model's */
} laws[] = {
        {OPTION_ADDRESSES, ADDRESSES_CACHED, ADDRESSES_EXCHANGED, TIME, false, 0},
        {OPTION_ADDRESSES, ADDRESSES_CACHED, ADDRESSES_EXCHANGED, WIRE, false, 0},
        {OPTION_ADDRESSES, ADDRESSES_CACHED, ADDRESSES_EXCHANGED, BUFFERS, true, 0},
        {OPTION_WINDOW, WINDOW_COUNTS, WINDOW_WORST, BUFFERS, false, 0},
        {OPTION_WINDOW, WINDOW_WORST, WINDOW_COUNTS, TIME, false, 0}, /* no host to wait for */
        {OPTION_WINDOW, WINDOW_COUNTS, WINDOW_WORST, WIRE, true, 0},
        {OPTION_QUANTISE, QUANTISE_FUSED, QUANTISE_SEPARATE, TIME, false, 1},
        {OPTION_QUANTISE, QUANTISE_FUSED, QUANTISE_SEPARATE, WIRE, true, 0},
        {OPTION_DEDUP, DEDUP_NODE, DEDUP_RANK, FAR_WIRE, false, 0},
        {OPTION_DEDUP, DEDUP_RANK, DEDUP_NONE, FAR_WIRE, false, 0},
        {OPTION_DEDUP, DEDUP_RANK, DEDUP_NONE, WIRE, false, 0},
        {OPTION_LOCAL, LOCAL_SHORTCUT, LOCAL_STAGED, TIME, false, 0},
        {OPTION_LOCAL, LOCAL_SHORTCUT, LOCAL_STAGED, WIRE, true, 0},
        {OPTION_LOCAL, LOCAL_SHORTCUT, LOCAL_STAGED, BUFFERS, false, 0},
        {OPTION_COMPLETION, COMPLETION_FLAGS, COMPLETION_BARRIER, BUFFERS, true, 0},
        {OPTION_ROUND, 1 << 20, 96, TIME, false, 0}, /* more rounds, more waits */
        {OPTION_ROUND, 1 << 20, 96, WIRE, false, 0},
        {OPTION_PIPELINE, 1, 4, WIRE, false, 0}, /* flags of each part */
};
enum { LAWS = sizeof laws / sizeof *laws };

/* False where the schedule cannot run. */
static bool figures_of(const struct scene *s, struct figures *out)
{
	char why[256];
	double load[RESOURCE_KINDS], n_ranks;
	struct buffer buffer[MOST_BUFFERS];
	struct topology t;
	struct graph *g;
	struct err e = {0};
	size_t n;

	if (!step_possible(&s->q, why, sizeof why))
		return false;
	g = graph_new();
	CU_ASSERT_EQUAL_FATAL(exchange_graph(&s->q, g, &t, &e), RC_OK);
	CU_ASSERT_EQUAL_FATAL(step_buffers(&s->q, buffer, &n, &e), RC_OK);
	loads_of(g, "", load);
	n_ranks = (double)t.n_built;
	out->of[TIME] = makespan_s(&engine_fluid, g);
	out->of[FAR_WIRE] = (load[RES_NIC_OUT] + load[RES_TRUNK_UP]) / n_ranks;
	out->of[WIRE] = (load[RES_EGRESS] + load[RES_NIC_OUT]) / n_ranks;
	out->of[HBM] = load[RES_HBM] / n_ranks;
	out->of[BUFFERS] = buffers_peak_bytes(buffer, n);
	graph_free(g);
	return true;
}

static const char *const machines[] = {"cloudmatrix384", "atlas-a2",
                                       "node:4 die:8 rdma:25GBps fabric:160GBps",
                                       "node:4 die:8 fabric:100GBps trunk:300GBps"};
enum { MACHINES = sizeof machines / sizeof *machines, EPS = 2, TOKENS = 2 };
enum { CASES = MACHINES * EPS * TOKENS * PHASES };

/* The i-th machine, group, batch and phase, with experts drawn. */
static void scene_of(struct scene *s, const struct flow *flow, size_t i)
{
	static const int64_t eps[EPS] = {4, 32};
	static const double tokens[TOKENS] = {16, 512};
	size_t m = i % MACHINES, e = i / MACHINES % EPS, t = i / MACHINES / EPS % TOKENS;

	scene_init(s, machines[m], "deepseek-v3.1", eps[e]);
	s->q.flow = flow;
	s->routing.kind = ROUTING_UNIFORM;
	if (i / MACHINES / EPS / TOKENS == PHASE_PREFILL)
		scene_prefill(s, tokens[t], 0);
	else
		scene_decode(s, tokens[t], 0);
}

/* Is the law kept where it applies? */
static bool law_keeps(const struct law *law, const struct flow *flow, size_t i)
{
	struct figures less, more;
	struct scene s;
	bool applies;

	scene_of(&s, flow, i);
	if (law->top_k)
		s.config->model.groups = s.config->model.top_groups = 1,
		s.config->model.top_k = law->top_k;
	flow_option_set(&s.schedule.options, law->option, law->less);
	applies = figures_of(&s, &less);
	flow_option_set(&s.schedule.options, law->option, law->more);
	applies = applies && figures_of(&s, &more);
	if (applies) {
		double a = less.of[law->what], b = more.of[law->what];

		if (law->equal)
			NEARLY(a, b, 1e-12, "%s, %s: %s, case %zu", flow->name,
			       flow_option_names[law->option], what_names[law->what], i);
		else
			AT_MOST(a, b, 1e-12, "%s, %s %d over %d: %s, case %zu", flow->name,
			        flow_option_names[law->option], (int)law->less, (int)law->more,
			        what_names[law->what], i);
	}
	scene_fini(&s);
	return applies;
}

static void options_move_what_they_must(void)
{
	for (size_t l = 0; l < LAWS; l++) {
		size_t n_kept = 0;

		for (size_t f = 0; f < flows_count(); f++) {
			if (!(flows[f]->options >> laws[l].option & 1))
				continue;
			for (size_t i = 0; i < CASES; i++)
				n_kept += law_keeps(&laws[l], flows[f], i);
		}
		CU_ASSERT_TRUE(n_kept > 0);
	}
}

/* A layer with its experts, for what only they show; 0 where the schedule cannot run. */
static double step_time_s(const struct scene *s)
{
	struct step_result r;
	struct err e = {0};
	char why[256];

	if (!step_possible(&s->q, why, sizeof why))
		return 0;
	CU_ASSERT_EQUAL_FATAL(step_run(&s->q, &r, &e), RC_OK);
	return r.step_s;
}

static bool figures_differ(const struct figures *a, const struct figures *b)
{
	for (enum what w = 0; w < WHATS; w++) {
		if (a->of[w] < b->of[w] || a->of[w] > b->of[w])
			return true;
	}
	return false;
}

/* Has any value of the option an effect in that case? */
static bool option_acts(const struct flow *flow, enum flow_option option, size_t i)
{
	struct figures with, without;
	bool differs = false;
	double plain_s;
	struct scene s;

	scene_of(&s, flow, i);
	plain_s = step_time_s(&s);
	for (int64_t value = 1; plain_s > 0 && value <= 3 && !differs; value++) {
		double step_s;

		flow_option_set(&s.schedule.options, option,
		                option == OPTION_ROUND ? 8 * value : value);
		step_s = step_time_s(&s);
		if (step_s > 0 && figures_of(&s, &with)) {
			s.schedule.options = (struct flow_options){0};
			differs = step_s < plain_s || step_s > plain_s ||
			          (figures_of(&s, &without) && figures_differ(&with, &without));
		}
	}
	scene_fini(&s);
	return differs;
}

/* Every option that a flow says it knows changes something in some case. */
static void options_are_not_idle(void)
{
	for (size_t k = 0; k < flows_count() * FLOW_OPTIONS; k++) {
		const struct flow *flow = flows[k / FLOW_OPTIONS];
		enum flow_option option = (enum flow_option)(k % FLOW_OPTIONS);
		bool acts = false;

		if (!(flow->options >> option & 1))
			continue;
		for (size_t i = 0; i < CASES && !acts; i++)
			acts = option_acts(flow, option, i);
		if (!acts)
			printf("\n    %s takes no notice of %s ", flow->name,
			       flow_option_names[option]);
		CU_ASSERT_TRUE(acts);
	}
}

static void unknown_options_are_refused(void)
{
	for (size_t k = 0; k < flows_count() * FLOW_OPTIONS; k++) {
		const struct flow *flow = flows[k / FLOW_OPTIONS];
		enum flow_option option = (enum flow_option)(k % FLOW_OPTIONS);
		struct scene s;
		char why[256];

		if (flow->options >> option & 1)
			continue;
		scene_init(&s, "cloudmatrix384", "deepseek-v3.1", 8);
		s.q.flow = flow;
		flow_option_set(&s.schedule.options, option, 1);
		CU_ASSERT_FALSE(step_possible(&s.q, why, sizeof why));
		UNIT_HOLDS(why, "the flow has no choice of ");
		UNIT_HOLDS(why, flow_option_names[option]);
		scene_fini(&s);
	}
}

/* UBEP's numbers of vector cores (arXiv:2607.06202, figure 3b): more never take longer. */
static void more_cores_are_never_slower(void)
{
	static const int64_t cores[] = {8, 16, 24, 32, 48};

	for (size_t f = 0; f < flows_count() * PHASES; f++) {
		double before_s = HUGE_VAL;

		for (size_t i = 0; i < sizeof cores / sizeof *cores; i++) {
			struct figures x;
			struct scene s;

			scene_init(&s, "cloudmatrix384", "deepseek-v3.1", 16);
			s.q.flow = flows[f / PHASES];
			if (f % PHASES == PHASE_PREFILL)
				scene_prefill(&s, 1024, 0);
			else
				scene_decode(&s, 128, 0);
			s.schedule.vector_cores = cores[i];
			if (figures_of(&s, &x)) {
				AT_MOST(x.of[TIME], before_s, 1e-12, "%s, %s, %d cores",
				        s.q.flow->name, phase_names[f % PHASES], (int)cores[i]);
				before_s = x.of[TIME];
			}
			scene_fini(&s);
		}
	}
}

static const struct unit_test tests[] = {
        {"options move what they must", options_move_what_they_must},
        {"options are not idle", options_are_not_idle},
        {"unknown options are refused", unknown_options_are_refused},
        {"more cores are never slower", more_cores_are_never_slower},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("flow_option", tests);
}

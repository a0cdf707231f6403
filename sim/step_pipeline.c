#include "sim/step_pipeline.h"
#include <math.h>
#include <string.h>

/* A stage's own request, and what it points to. */
struct part {
	struct step_request q;
	struct schedule schedule;
	struct moe_model model;
	struct pipeline_stage stage;
};

static int64_t first_layer(const struct step_request *q, int64_t i)
{
	int64_t n = q->schedule->pp, more = q->model->layers % n;

	return i * (q->model->layers / n) + (i < more ? i : more);
}

/* Of the model's layers that are spread over all its depth, so many lie before a layer. */
static int64_t spread_before(const struct moe_model *m, int64_t spread, int64_t layer)
{
	return m->layers > 0 ? spread * layer / m->layers : 0;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void part_of(const struct step_request *q, int64_t i, struct part *out)
{
	const struct moe_model *m = q->model;
	int64_t begin = first_layer(q, i), end = first_layer(q, i + 1);
	double parts = q->phase == PHASE_DECODE ? (double)q->schedule->pp : 1;

	*out = (struct part){.q = *q, .schedule = *q->schedule, .model = *m};
	out->stage = (struct pipeline_stage){i == 0, i == q->schedule->pp - 1, parts};
	out->model.layers = end - begin;
	out->model.dense_layers = least(m->dense_layers, end) - least(m->dense_layers, begin);
	out->model.attention.window_layers = spread_before(m, m->attention.window_layers, end) -
	                                     spread_before(m, m->attention.window_layers, begin);
	out->model.mtp_layers = out->stage.last ? m->mtp_layers : 0;
	out->schedule.pp = 1;
	out->q.drafts = out->stage.last ? q->drafts : 0;
	out->q.sequences_count /= parts, out->q.query_count /= parts;
	out->q.model = &out->model, out->q.schedule = &out->schedule, out->q.stage = &out->stage;
}

/* Do two stages take the same time? */
static bool alike(const struct part *a, const struct part *b)
{
	return a->model.layers == b->model.layers &&
	       a->model.dense_layers == b->model.dense_layers &&
	       a->model.attention.window_layers == b->model.attention.window_layers &&
	       a->stage.last == b->stage.last;
}

/* ---- may it? --------------------------------------------------------------------------------- */

static enum tier tier_of(const struct step_request *q)
{
	return machine_farthest(q->machine, schedule_npus(q->schedule));
}

static bool no(char *why_not, size_t size, const char *text)
{
	snprintf(why_not, size, "%s", text);
	return false;
}

bool pipeline_possible(const struct step_request *q, char *why_not, size_t why_size)
{
	struct part before, now;

	if (q->schedule->pp > q->model->layers)
		return no(why_not, why_size, "more stages (PP) than layers");
	if (schedule_npus(q->schedule) > machine_dies(q->machine))
		return no(why_not, why_size, "more NPUs than the machine has");
	for (int64_t i = 0; i < q->schedule->pp; i++) {
		part_of(q, i, &now);
		if (!model_is_dense(q->model) && now.model.layers == now.model.dense_layers)
			return no(why_not, why_size, "PP leaves a stage without an MoE layer");
		if ((i == 0 || !alike(&before, &now)) && !step_possible(&now.q, why_not, why_size))
			return false;
		before = now;
	}
	return true;
}

/* ---- time ------------------------------------------------------------------------------------ */

static double rate_Bps(const struct machine *m, enum tier tier)
{
	switch (tier) {
	case TIER_PACKAGE:
		return m->die_link.rate_Bps;
	case TIER_RDMA:
		return m->rdma.rate_Bps;
	default:
		return m->fabric.put_Bps;
	}
}

static void transfers_set(const struct step_request *q, struct pipeline *p)
{
	const struct machine *m = q->machine;
	enum tier tier = tier_of(q);
	double parts = q->phase == PHASE_DECODE ? (double)q->schedule->pp : 1;
	double rows = ceil(q->query_count / parts / (double)q->schedule->tp);
	double bytes = rows * (double)q->model->hidden * dtype_bytes(DTYPE_BF16);
	double fixed_s = m->sync.kernel_s + m->sync.flag_s + machine_latency_s(m, tier);

	p->transfer_s = fixed_s + bytes / rate_Bps(m, tier);
	p->return_s = q->phase == PHASE_DECODE ? fixed_s : 0;
}

static void add(const struct step_result *r, struct step_result *sum)
{
	for (size_t i = 0; i < MOST_STEP_PHASES; i++)
		sum->phase_s[i] += r->phase_s[i];
	sum->step_s += r->step_s, sum->drafts_s += r->drafts_s;
	sum->layer_s = fmax(sum->layer_s, r->layer_s);
	sum->imbalance.expert_ratio = fmax(sum->imbalance.expert_ratio, r->imbalance.expert_ratio);
	sum->imbalance.rank_ratio = fmax(sum->imbalance.rank_ratio, r->imbalance.rank_ratio);
}

enum rc pipeline_stages(const struct step_request *q, struct pipeline *out, struct step_result *sum,
                        struct err *e)
{
	struct step_result r = {0};
	struct part before, now;

	*out = (struct pipeline){.n = q->schedule->pp};
	*sum = (struct step_result){0};
	for (int64_t i = 0; i < out->n; i++) {
		part_of(q, i, &now);
		if (i == 0 || !alike(&before, &now))
			TRY(step_run(&now.q, &r, e));
		out->stage_s[i] = r.step_s;
		add(&r, sum);
		before = now;
	}
	transfers_set(q, out);
	return RC_OK;
}

void pipeline_pass(const struct pipeline *p, double *end_s)
{
	double ready_s = 0;

	for (int64_t i = 0; i < p->n; i++) {
		end_s[i] = fmax(end_s[i], ready_s) + p->stage_s[i];
		ready_s = end_s[i] + p->transfer_s;
	}
}

static double slowest_s(const struct pipeline *p)
{
	double most_s = p->transfer_s;

	for (int64_t i = 0; i < p->n; i++)
		most_s = fmax(most_s, p->stage_s[i]);
	return most_s;
}

/* What the stages' own phases leave of the step: transfers, waiting. */
static void exchange_add(struct step_result *r)
{
	double rest_s = r->step_s - r->drafts_s;

	for (size_t i = 0; i < MOST_STEP_PHASES; i++)
		rest_s -= r->phase_s[i];
	for (size_t i = 0; step_phases[i]; i++) {
		if (strcmp(step_phases[i], "exchange") == 0)
			r->phase_s[i] += rest_s;
	}
}

enum rc pipeline_run(const struct step_request *q, struct step_result *out, struct err *e)
{
	double round_s, parts = (double)q->schedule->pp;
	struct step_result r;
	struct pipeline p;

	TRY(pipeline_stages(q, &p, &r, e));
	r.step_s += (parts - 1) * p.transfer_s + p.return_s;
	r.interval_s = slowest_s(&p);
	round_s = parts * r.interval_s;
	if (q->phase == PHASE_DECODE) /* a step is a round of all parts */
		r.interval_s = r.step_s = fmax(r.step_s, round_s);
	exchange_add(&r);
	*out = r;
	return RC_OK;
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* A rank of the stage that needs most; the batch that fits is that of the stage with least room. */
enum rc pipeline_memory(const struct step_request *q, double kv_context_count, struct memory *out,
                        struct err *e)
{
	struct memory most = {0};
	int64_t fits = INT64_MAX;

	for (int64_t i = 0; i < q->schedule->pp; i++) {
		struct part now;
		struct memory m;

		part_of(q, i, &now);
		TRY(step_memory(&now.q, kv_context_count, &m, e));
		fits = least(fits, m.batch_most);
		if (m.total_bytes > most.total_bytes)
			most = m;
	}
	most.batch_most = fits * (q->phase == PHASE_DECODE ? q->schedule->pp : 1);
	*out = most;
	return RC_OK;
}

#include "sim/serve_deploy.h"
#include <math.h>
#include <string.h>
#include "sim/sweep.h"

static const double usual_error_ratio = 0x1p-8;

/* What all requests are together. */
struct extent {
	double mean_count, longest_count, longest_prompt_count; /* tokens */
};

static struct extent extent_of(const struct request_list *l)
{
	struct extent x = {0};

	for (size_t i = 0; i < l->n; i++) {
		double input = l->at[i].input, all = input + l->at[i].output;

		x.mean_count += all / (double)l->n;
		x.longest_count = fmax(x.longest_count, all);
		x.longest_prompt_count = fmax(x.longest_prompt_count, input);
	}
	return x;
}

static struct step_request request_of(const struct config *c, const struct schedule *s,
                                      const struct flow *flow, const struct deployment_options *o)
{
	return (struct step_request){.machine = &c->machine,
	                             .model = &c->model,
	                             .schedule = s,
	                             .routing = &c->routing,
	                             .routings = o->routings,
	                             .flow = flow,
	                             .engine = o->engine};
}

static void phase_set(const struct config *c, struct step_request *q, enum phase phase)
{
	double least = (double)(q->schedule->micro_batches * q->schedule->tp);

	q->phase = phase;
	q->sequences_count = phase == PHASE_DECODE ? fmax(least, (double)c->serving.max_seqs) : 1;
	q->query_count = phase == PHASE_DECODE
	                         ? q->sequences_count * (double)(1 + c->serving.mtp.drafts)
	                         : fmax(least, (double)c->serving.max_tokens);
	q->context_count = 0;
}

/* The larger need of the two phases that the role has, but for the KV cache. */
static enum rc memory_of(const struct config *c, struct step_request q, enum serve_role role,
                         double mean_count, struct memory *out, double *kv_token_bytes,
                         struct err *e)
{
	*out = (struct memory){0};
	for (enum phase phase = 0; phase < PHASES; phase++) {
		struct memory m;
		char why[WHY_SIZE];

		if (role == (phase == PHASE_PREFILL ? ROLE_DECODE : ROLE_PREFILL))
			continue;
		phase_set(c, &q, phase);
		if (!step_possible(&q, why, sizeof why))
			return fail(e, RC_NO, "this schedule cannot %s: %s", phase_names[phase],
			            why);
		TRY(step_memory(&q, mean_count, &m, e));
		*kv_token_bytes = m.kv_request_bytes / mean_count;
		m.total_bytes -= m.kv_bytes;
		if (m.total_bytes > out->total_bytes)
			*out = m;
	}
	return RC_OK;
}

static double pair_flop(const struct moe_model *m)
{
	double heads = (double)m->attention.heads, layers = (double)m->layers;
	double width = m->attention.kind == ATTENTION_MLA
	                       ? (double)(m->attention.qk_nope + m->attention.qk_rope +
	                                  m->attention.v_head)
	                       : 2 * (double)m->attention.head_dim;

	return 2 * layers * heads * width;
}

/* Over the links of all ranks of a group at once, each with its share of the KV. */
static enum rc transfer_set(const struct config *c, double kv_token_bytes, struct serve_pool *p,
                            struct err *e)
{
	const struct machine *m = &c->machine;
	bool rdma = c->serving.transfer == TRANSFER_RDMA;
	double rate_Bps = rdma ? m->rdma.rate_Bps : m->fabric.get_Bps;

	if (!(rate_Bps > 0))
		return fail(e, RC_NO, "KV cannot go over %s: machine %s has none",
		            rdma ? "RDMA" : "the fabric", m->name);
	if (!rdma && m->nodes > 1 && m->fabric.span == SPAN_NODE)
		return fail(e, RC_NO,
		            "KV cannot go over the fabric: it spans a node; --transfer rdma");
	p->transfer_token_s = kv_token_bytes / rate_Bps;
	p->transfer_latency_s =
	        m->sync.kernel_s + (rdma ? m->rdma.latency_s : m->fabric.far_latency_s);
	return RC_OK;
}

static double kv_tokens(const struct config *c, const struct memory *m, double kv_token_bytes)
{
	if (c->serving.kv_tokens_count > 0)
		return c->serving.kv_tokens_count;
	return floor((m->usable_bytes - m->total_bytes) / kv_token_bytes);
}

static enum rc no_room(const struct memory *m, struct err *e)
{
	char held[32], usable[32];

	return fail(e, RC_NO, "no memory is left for KV cache: a rank holds %s of %s",
	            quantity_human(m->total_bytes, DIM_BYTES, 3, held, sizeof held),
	            quantity_human(m->usable_bytes, DIM_BYTES, 3, usable, sizeof usable));
}

/* ---- what failures need ---------------------------------------------------------------------- */

/* Of one expert, over all layers. */
static double expert_bytes(const struct config *c)
{
	double layers = (double)(c->model.layers - c->model.dense_layers);

	if (model_is_dense(&c->model))
		return 0;
	return layers * model_expert_params_count(&c->model) *
	       dtype_bytes((enum dtype)c->schedule.weights);
}

/* Pools where ranks may die have places for experts of others, at the cost of KV cache. */
static void slots_add(const struct config *c, enum serve_role role, struct memory *m)
{
	const struct serving_spec *s = &c->serving;
	size_t n = s->failure.at_s.n;
	bool struck = n == 0 || role == ROLE_BOTH;
	double bytes = (double)serving_failure_slots(&c->serving) * expert_bytes(c);

	for (size_t i = 0; i < n; i++) {
		double pool = serving_failure_item(&s->failure.pool, i, FAILURE_PREFILL);

		struck = struck || (pool == FAILURE_DECODE) == (role == ROLE_DECODE);
	}
	if (struck)
		m->weights_bytes += bytes, m->total_bytes += bytes;
}

static bool schedule_possible(const struct config *c, struct step_request q,
                              const struct schedule *s)
{
	char why[WHY_SIZE];

	q.schedule = s;
	for (enum phase phase = 0; phase < PHASES; phase++) {
		phase_set(c, &q, phase);
		if (!step_possible(&q, why, sizeof why))
			return false;
	}
	return true;
}

/* The largest EP group below the pool's own that the schedule may have, as fewer ranks are priced
 * by; false: none. */
static bool schedule_fewer(const struct config *c, const struct step_request *q,
                           struct schedule *out)
{
	for (int64_t ep = q->schedule->ep - 1; ep >= q->schedule->tp; ep--) {
		*out = *q->schedule;
		out->ep = ep, out->dp = 0;
		if (placement_slots(&out->placement, &c->model) % ep == 0 && ep % out->tp == 0 &&
		    schedule_possible(c, *q, out))
			return true;
	}
	return false;
}

static enum rc host_rate_set(const struct config *c, struct pool_repair *r, struct err *e)
{
	const struct machine *m = &c->machine;

	r->host_Bps = c->serving.failure.host_Bps > 0 ? c->serving.failure.host_Bps
	              : m->host.read_Bps > 0          ? m->host.read_Bps
	                                              : m->rdma.rate_Bps;
	if (c->serving.failure.host_backup && !(r->host_Bps > 0))
		return fail(e, RC_CONFIG,
		            "serving.failure.host_rate is needed: machine %s knows no rate from "
		            "host memory",
		            m->name);
	return RC_OK;
}

static enum rc repair_set(const struct config *c, const struct surface_times_spec *whole,
                          struct deployment *d, size_t at, struct err *e)
{
	const struct machine *m = &c->machine;
	const struct schedule *s = &d->schedule[at];
	struct pool_repair *r = &d->setup.pool[at].repair;
	bool rdma = m->nodes > 1 && m->fabric.span == SPAN_NODE;
	struct surface_times_spec fewer = *whole;

	r->rank_bytes = d->memory[at].weights_bytes;
	r->peer_Bps = rdma ? m->rdma.rate_Bps : m->fabric.get_Bps;
	TRY(host_rate_set(c, r, e));
	if (model_is_dense(&c->model))
		return RC_OK;
	/* replicas of a placement are there for even loads: each counts as an expert of its own */
	r->experts = placement_slots(&s->placement, &c->model);
	r->own_experts = r->experts / s->ep;
	r->expert_bytes = expert_bytes(c);
	if (schedule_fewer(c, &whole->q, &d->fewer[at])) {
		fewer.q.schedule = &d->fewer[at];
		r->fewer = surface_times_new(&fewer);
		r->fewer_own_experts = r->experts / d->fewer[at].ep;
	}
	return RC_OK;
}

static enum rc pool_make(const struct config *c, const struct extent *x,
                         const struct deployment_options *o, struct deployment *d, size_t at,
                         enum serve_role role, struct err *e)
{
	struct schedule *s = &d->schedule[at];
	const struct flow *flow = flow_find(s->flow, e);
	struct serve_pool *p = &d->setup.pool[at];
	struct surface_times_spec t = {.drafts = c->serving.mtp.drafts,
	                               .most_seqs_count = (double)c->serving.max_seqs,
	                               .most_context_count = x->longest_count,
	                               .overhead_s = c->machine.serving.step_s,
	                               .scale_ratio = c->machine.serving.scale_ratio,
	                               .context_ratio = c->machine.serving.context_ratio};

	if (!flow)
		return e->rc;
	if (s->pp > 1)
		return fail(e, RC_NO, "serving of a pipeline (PP %lld) is not modelled",
		            (long long)s->pp);
	t.q = request_of(c, s, flow, o);
	t.most_tokens_count = fmax((double)c->serving.max_tokens, x->longest_prompt_count);
	t.error_ratio = o->error_ratio > 0                ? o->error_ratio
	                : c->serving.step_error_ratio > 0 ? c->serving.step_error_ratio
	                                                  : usual_error_ratio;
	TRY(memory_of(c, t.q, role, x->mean_count, &d->memory[at], &d->kv_token_bytes[at], e));
	slots_add(c, role, &d->memory[at]);
	*p = (struct serve_pool){.role = role,
	                         .groups = schedule_npus(s) / s->tp,
	                         .npus = schedule_npus(s),
	                         .token_flop = 2 * model_active_params_count(&c->model),
	                         .pair_flop = pair_flop(&c->model)};
	p->instances = role == ROLE_DECODE ? c->serving.decode_instances : c->serving.instances;
	p->kv_tokens_count = kv_tokens(c, &d->memory[at], d->kv_token_bytes[at]);
	if (p->kv_tokens_count < (double)c->serving.kv_block)
		return no_room(&d->memory[at], e);
	if (c->serving.failure.at_s.n > 0)
		TRY(repair_set(c, &t, d, at, e));
	if (role == ROLE_PREFILL)
		TRY(transfer_set(c, d->kv_token_bytes[at], p, e));
	p->times = surface_times_new(&t);
	d->npus += p->npus * p->instances;
	d->setup.n_pools = at + 1;
	return RC_OK;
}

static void decode_schedule(const struct config *c, struct schedule *s)
{
	*s = c->schedule;
	if (c->serving.decode_ep > 0)
		s->ep = c->serving.decode_ep, s->dp = 0;
	if (c->serving.decode_tp > 0)
		s->tp = c->serving.decode_tp;
	if (*c->serving.decode_flow)
		s->flow = c->serving.decode_flow;
}

enum rc deployment_make(const struct config *c, const struct request_list *requests,
                        const struct deployment_options *o, struct deployment *out, struct err *e)
{
	struct extent x = extent_of(requests);
	bool apart = c->serving.decode_instances > 0;
	enum rc rc;

	memset(out, 0, sizeof *out);
	out->setup.spec = &c->serving;
	out->schedule[0] = c->schedule;
	if (o->decode)
		out->schedule[1] = *o->decode;
	else
		decode_schedule(c, &out->schedule[1]);
	rc = pool_make(c, &x, o, out, 0, apart ? ROLE_PREFILL : ROLE_BOTH, e);
	if (rc == RC_OK && apart)
		rc = pool_make(c, &x, o, out, 1, ROLE_DECODE, e);
	if (rc != RC_OK)
		deployment_fini(out);
	return rc;
}

void deployment_fini(struct deployment *d)
{
	for (size_t i = 0; i < MOST_POOLS; i++)
		step_times_free(d->setup.pool[i].times),
		        step_times_free(d->setup.pool[i].repair.fewer);
	memset(d, 0, sizeof *d);
}

size_t deployment_points(const struct deployment *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->setup.n_pools; i++)
		n += surface_times_points(d->setup.pool[i].times);
	return n;
}

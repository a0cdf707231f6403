#include "sim/sweep_serve.h"
#include <math.h>
#include "sim/serve_deploy.h"

void serving_config(const struct pool_price *prefill, const struct pool_price *decode,
                    const int64_t instances[PHASES], struct config *out)
{
	const struct schedule *s = &decode->group->schedule;
	int64_t decodes = decode->size * (1 + s->mtp);

	*out = *prefill->group->config;
	out->schedule = prefill->group->schedule;
	out->schedule.chunk = prefill->size, out->schedule.batch = decode->size;
	out->serving.max_seqs = decode->size;
	out->serving.max_tokens = prefill->size > decodes ? prefill->size : decodes;
	out->serving.mtp.drafts = s->mtp;
	out->serving.instances = instances[PHASE_PREFILL];
	out->serving.decode_instances = instances[PHASE_DECODE];
	if (out->machine.fabric.span == SPAN_NODE && out->machine.rdma.rate_Bps > 0)
		out->serving.transfer = TRANSFER_RDMA; /* pools lie on different nodes */
}

/* Deployments that are used to a share of their throughput. */
static int64_t instances_for(const struct pool_price *p, const struct serve_wish *w)
{
	double npus = (double)schedule_npus(&p->group->schedule);

	return (int64_t)fmax(1, ceil(w->rate_count * p->npu_s / w->share_ratio / npus));
}

/* Long enough that the first requests, left out, and those still at work are few. */
static size_t requests_for(const struct sweep_point *p, const struct serve_wish *w)
{
	enum { LIVES = 5, LEAST = 500, MOST = 20000 };
	const struct config *c = p->prefill->group->config;
	double life_s = p->prefill->time_s + p->decode->time_s * c->workload.output.mean_count;

	return w->requests > 0 ? w->requests
	                       : (size_t)fmin(MOST, fmax(LEAST, LIVES * life_s * w->rate_count));
}

/* What a search for goodput asks again and again. */
struct server {
	const struct serve_wish *wish;
	struct deployment deployment;
	struct slo slo;
	uint64_t seed;
	size_t requests;
	struct serve_summary summary;
};

static enum rc serve_at(struct server *s, double rate_count, struct err *e)
{
	enum { WARM = 5 };
	struct request_list list = {0};
	struct serve_result r;
	enum rc rc;

	for (size_t i = 0; i < s->wish->base->n; i++)
		request_append(&list, &(struct request){.input = s->wish->base->at[i].input,
		                                        .output = s->wish->base->at[i].output});
	arrivals_make(&list, s->requests, arrival_find("poisson"),
	              &(struct arrival_spec){.rate_count = rate_count, .seed = s->seed});
	rc = serve_run(&s->deployment.setup, &list, &r, e);
	if (rc == RC_OK) {
		serve_summarize(&s->deployment.setup, &list, &r, s->requests / WARM, &s->slo,
		                &s->summary);
		serve_result_fini(&r);
	}
	request_list_fini(&list);
	return rc;
}

static enum rc rate_is_fine(void *data, double rate_count, bool *fine, struct err *e)
{
	const double usual_ratio = 0.9;
	struct server *s = data;

	TRY(serve_at(s, rate_count, e));
	*fine = s->summary.attainment_ratio >= usual_ratio;
	return RC_OK;
}

static void part_check(const char *what, const struct latency *l, const double *budget_s,
                       struct point_served *out)
{
	const double is_s[BUDGET_PERCENTILES] = {l->p50_s, l->p90_s, l->p95_s, l->p99_s};

	for (int i = 0; i < BUDGET_PERCENTILES && out->within; i++) {
		char is[32], may[32];

		if (!(budget_s[i] > 0) || is_s[i] <= budget_s[i])
			continue;
		out->within = false;
		snprintf(out->why_not, WHY_SIZE, "%s %s %s > %s", what, percentile_names[i],
		         quantity_human(is_s[i], DIM_TIME, 3, is, sizeof is),
		         quantity_human(budget_s[i], DIM_TIME, 3, may, sizeof may));
	}
}

static enum rc served_set(struct server *s, const struct sweep_spec *spec, struct point_served *out,
                          struct err *e)
{
	const double precision_ratio = 0x1p-5;

	TRY(serve_at(s, s->wish->rate_count, e));
	out->summary = s->summary, out->within = true;
	part_check("TTFT", &s->summary.ttft, spec->budget.ttft_part_s, out);
	part_check("TPOT", &s->summary.tpot, spec->budget.tpot_part_s, out);
	if (s->slo.ttft_s > 0 || s->slo.tpot_s > 0)
		TRY(goodput_search(rate_is_fine, s, s->wish->rate_count, precision_ratio,
		                   &out->goodput_rate_count, e));
	return RC_OK;
}

enum rc point_serve(const struct sweep_point *p, const struct serve_wish *wish,
                    struct point_served *out, struct err *e)
{
	const struct schedule decode = point_pool_schedule(p, PHASE_DECODE);
	const struct sweep_spec *spec = &p->prefill->group->config->sweep;
	struct server s = {.wish = wish, .requests = requests_for(p, wish)};
	struct config c;
	enum rc rc;

	*out = (struct point_served){.npus = 0};
	for (enum phase pool = 0; pool < PHASES; pool++) {
		const struct pool_price *x = pool == PHASE_PREFILL ? p->prefill : p->decode;

		out->instances[pool] =
		        p->instances[pool] > 0 ? p->instances[pool] : instances_for(x, wish);
	}
	serving_config(p->prefill, p->decode, out->instances, &c);
	if (wish->router)
		c.serving.router = wish->router;
	if (wish->batching)
		c.serving.batching = wish->batching;
	s.slo = (struct slo){spec->budget.ttft_s, spec->budget.tpot_s};
	s.seed = (uint64_t)c.routing.seed;
	rc = deployment_make(
	        &c, wish->base,
	        &(struct deployment_options){.engine = wish->engine, .decode = &decode},
	        &s.deployment, e);
	out->npus = s.deployment.npus;
	if (rc == RC_OK)
		rc = served_set(&s, spec, out, e);
	deployment_fini(&s.deployment);
	return rc;
}

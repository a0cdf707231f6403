/* Serving a plan's load by its pools. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "sim/plan_queue.h"
#include "sim/serve_deploy.h"
#include "sim/sweep_serve.h"

struct server {
	const struct pool_price *price[PHASES];
	bool far; /* KV goes between machines or nodes */
	struct config config;
	struct deployment deployment;
	struct server *next;
};

struct plan_servers {
	const struct plan_load *load;
	const struct engine *engine;
	double error_ratio;
	struct routing_cache *routings; /* the caller's */
	struct server *first;
};

struct plan_servers *plan_servers_new(const struct plan_load *load, const struct engine *engine,
                                      double error_ratio, struct routing_cache *routings)
{
	struct plan_servers *s = heap_zeroed(1, sizeof *s);

	*s = (struct plan_servers){
	        .load = load, .engine = engine, .error_ratio = error_ratio, .routings = routings};
	return s;
}

void plan_servers_free(struct plan_servers *s)
{
	while (s && s->first) {
		struct server *x = s->first;

		s->first = x->next;
		deployment_fini(&x->deployment);
		free(x);
	}
	free(s);
}

/* Pools on different nodes of a machine whose fabric ends at the node, or on several machines. */
bool plan_is_far(const struct plan *p)
{
	const struct machine *m = &p->pool[0].price->group->config->machine;

	return (m->fabric.span == SPAN_NODE && m->rdma.rate_Bps > 0) ||
	       p->npus - p->spare_npus > machine_dies(m);
}

void plan_serving_config(const struct plan *p, struct config *out)
{
	const int64_t instances[PHASES] = {p->pool[PHASE_PREFILL].deployments,
	                                   p->pool[PHASE_DECODE].deployments};

	serving_config(p->pool[PHASE_PREFILL].price, p->pool[PHASE_DECODE].price, instances, out);
	if (plan_is_far(p))
		out->serving.transfer = TRANSFER_RDMA;
}

struct slo plan_slo(const struct plan *p)
{
	const struct sweep_spec *spec = &p->pool[0].price->group->config->sweep;

	return (struct slo){spec->budget.ttft_s, spec->budget.tpot_s};
}

static enum rc server_make(struct plan_servers *s, const struct plan *p, struct server **out,
                           struct err *e)
{
	struct server *x = heap_zeroed(1, sizeof *x);
	struct deployment_options options;
	enum rc rc;

	for (enum phase phase = 0; phase < PHASES; phase++)
		x->price[phase] = p->pool[phase].price;
	x->far = plan_is_far(p);
	plan_serving_config(p, &x->config);
	options = (struct deployment_options){.engine = s->engine,
	                                      .error_ratio = s->error_ratio,
	                                      .decode = &x->price[PHASE_DECODE]->group->schedule,
	                                      .routings = s->routings};
	rc = deployment_make(&x->config, &s->load->list, &options, &x->deployment, e);
	if (rc != RC_OK) {
		free(x);
		return rc;
	}
	x->next = s->first, s->first = x;
	*out = x;
	return RC_OK;
}

static enum rc server_get(struct plan_servers *s, const struct plan *p, struct server **out,
                          struct err *e)
{
	for (struct server *x = s->first; x; x = x->next) {
		if (x->price[PHASE_PREFILL] == p->pool[PHASE_PREFILL].price &&
		    x->price[PHASE_DECODE] == p->pool[PHASE_DECODE].price &&
		    x->far == plan_is_far(p))
			return *out = x, RC_OK;
	}
	return server_make(s, p, out, e);
}

enum rc plan_serve(struct plan_servers *s, const struct plan *p, double rate_count,
                   const struct slo *slo, struct serve_summary *out, struct err *e)
{
	struct arrival_spec arrival = s->load->arrival;
	struct request_list list = {0};
	struct serve_result r;
	struct server *x = NULL;
	enum rc rc;

	TRY(server_get(s, p, &x, e));
	x->config.serving.instances = p->pool[PHASE_PREFILL].deployments;
	x->config.serving.decode_instances = p->pool[PHASE_DECODE].deployments;
	for (enum phase phase = 0; phase < PHASES; phase++)
		x->deployment.setup.pool[phase].instances = p->pool[phase].deployments;
	request_list_copy(&s->load->list, &list);
	arrival.rate_count = rate_count;
	arrivals_make(&list, list.n, s->load->process, &arrival);
	rc = serve_run(&x->deployment.setup, &list, &r, e);
	if (rc == RC_OK) {
		serve_summarize(&x->deployment.setup, &list, &r, s->load->warmup, slo, out);
		serve_result_fini(&r);
	}
	request_list_fini(&list);
	return rc;
}

struct goodput {
	struct plan_servers *servers;
	const struct plan *plan;
	double within_ratio;
};

static enum rc rate_is_fine(void *data, double rate_count, bool *fine, struct err *e)
{
	struct goodput *g = data;
	struct slo slo = plan_slo(g->plan);
	struct serve_summary s;

	TRY(plan_serve(g->servers, g->plan, rate_count, &slo, &s, e));
	*fine = s.attainment_ratio >= g->within_ratio;
	return RC_OK;
}

enum rc plan_goodput(struct plan_servers *s, const struct plan *p, double within_ratio,
                     double *out_rate_count, struct err *e)
{
	const double precision_ratio = 0x1p-7;
	struct slo slo = plan_slo(p);
	struct goodput g = {s, p, within_ratio};

	if (!(slo.ttft_s > 0) && !(slo.tpot_s > 0)) /* no limit, no end */
		return *out_rate_count = HUGE_VAL, RC_OK;
	return goodput_search(rate_is_fine, &g, p->rate_count, precision_ratio, out_rate_count, e);
}

/* What `epsim serve` prints and writes: the table, JSON, requests one by one. */
#include <math.h>
#include "models/base/json.h"
#include "models/base/table.h"
#include "tools/serve_request.h"
#include "tools/text.h"

/* ---- for people ------------------------------------------------------------------------------ */

static void head_text(const struct serve_job *j, FILE *out)
{
	const struct config *c = j->config;
	const struct serve_setup *s = &j->deployment.setup;

	fprintf(out, "%s on %s: %s, %s, router %s\n", c->model.name, c->machine.name,
	        c->schedule.flow, c->serving.batching, c->serving.router);
	for (size_t p = 0; p < s->n_pools; p++) {
		static const char *const roles[] = {"", " that prefill", " that decode"};
		const struct schedule *d = &j->deployment.schedule[p];
		const struct serve_pool *pool = &s->pool[p];

		fprintf(out,
		        "%lld instance%s%s of %lld NPU%s: EP %lld, TP %lld, %lld attention group%s "
		        "with %.0f tokens of KV each\n",
		        (long long)pool->instances, pool->instances == 1 ? "" : "s",
		        roles[pool->role], (long long)pool->npus, pool->npus == 1 ? "" : "s",
		        (long long)d->ep, (long long)d->tp, (long long)pool->groups,
		        pool->groups == 1 ? "" : "s", pool->kv_tokens_count);
	}
	fprintf(out, "%zu requests of %s, arrivals %s", j->summary.requests, c->workload.name,
	        j->process->name);
	if (j->warmup > 0)
		fprintf(out, ", after %zu to warm up", j->warmup);
	if (j->cooldown > 0)
		fprintf(out, ", before %zu to cool down", j->cooldown);
	fprintf(out, ": %.4g a second, served in %.4g s\n\n", j->summary.offered_rate_count,
	        j->summary.span_s);
}

static void time_cell(struct table *t, double time_s)
{
	char text[TEXT_SIZE];

	table_cell(t, "%s", time_text(time_s, text));
}

static void latency_row(struct table *t, const char *name, const struct latency *l)
{
	table_cell(t, "%s", name);
	time_cell(t, l->mean_s);
	time_cell(t, l->p50_s);
	time_cell(t, l->p90_s);
	time_cell(t, l->p95_s);
	time_cell(t, l->p99_s);
	table_end_row(t);
}

static void latencies_text(const struct serve_summary *s, FILE *out)
{
	static const char *const headers[] = {"<", "mean", "P50", "P90", "P95", "P99", NULL};
	struct latency itl = {.mean_s = s->itl_mean_s,
	                      .p50_s = s->itl_p50_s,
	                      .p90_s = s->itl_p90_s,
	                      .p95_s = s->itl_p95_s,
	                      .p99_s = s->itl_p99_s};
	struct table *t = table_new(headers);

	latency_row(t, "TTFT", &s->ttft);
	latency_row(t, "TPOT", &s->tpot);
	latency_row(t, "ITL", &itl);
	latency_row(t, "end to end", &s->e2e);
	latency_row(t, "waiting", &s->wait);
	table_print(t, out);
	table_free(t);
}

static void slo_text(const struct serve_job *j, FILE *out)
{
	char text[TEXT_SIZE];

	if (!(j->slo.ttft_s > 0) && !(j->slo.tpot_s > 0))
		return;
	fprintf(out, "within");
	if (j->slo.ttft_s > 0)
		fprintf(out, " TTFT %s", time_text(j->slo.ttft_s, text));
	if (j->slo.tpot_s > 0)
		fprintf(out, " TPOT %s", time_text(j->slo.tpot_s, text));
	fprintf(out, "  %.1f %% of requests\n", 100 * j->summary.attainment_ratio);
	if (j->goodput_rate_count >= 0)
		fprintf(out,
		        "goodput       %.4g requests/s, %.4g a NPU: the most with %.0f %% within\n",
		        j->goodput_rate_count, j->goodput_rate_count / (double)j->deployment.npus,
		        100 * j->goodput_share_ratio);
}

/* Generated arrivals that end before the system is full say little about a steady one. */
static void short_text(const struct serve_job *j, FILE *out)
{
	enum { LONG_ENOUGH = 4 };
	const struct serve_summary *s = &j->summary;
	double came_s = s->offered_rate_count > 0 ? (double)s->requests / s->offered_rate_count : 0;

	if (j->process->gap_s && s->requests > 1 && came_s < LONG_ENOUGH * s->e2e.mean_s)
		fprintf(out,
		        "note          arrivals last %.3g times as long as a request: the system "
		        "fills and empties; more --requests, --warmup and --cooldown tell the "
		        "rest\n",
		        came_s / s->e2e.mean_s);
}

void serve_report_text(const struct serve_job *j, FILE *out)
{
	const struct serve_summary *s = &j->summary;
	const struct serve_result *r = &j->result;

	head_text(j, out);
	latencies_text(s, out);
	fprintf(out, "\n");
	slo_text(j, out);
	fprintf(out, "output        %.4g tokens/s, %.4g a NPU; prompts %.4g tokens/s\n",
	        s->output_rate_count, s->output_rate_per_npu_count, s->input_rate_count);
	fprintf(out, "busy          %.1f %% of the time; %lld steps in %lld events\n",
	        100 * s->busy_ratio, (long long)r->steps, (long long)r->events);
	fprintf(out, "waiting       %.4g requests on average, %.0f at most; running %.4g, %.0f\n",
	        gauge_mean(&r->waiting), gauge_most(&r->waiting), gauge_mean(&r->running),
	        gauge_most(&r->running));
	fprintf(out, "KV memory     %.1f %% used on average, %.1f %% of a group at most\n",
	        100 * gauge_mean(&r->kv_use),
	        100 * (double)r->kv_most_blocks / (double)r->kv_blocks);
	if (r->prefix_hit_count > 0)
		fprintf(out, "prefix cache  %.1f %% of prompt tokens\n",
		        100 * r->prefix_hit_count / r->prefix_asked_count);
	if (r->preemptions > 0)
		fprintf(out, "preemptions   %lld\n", (long long)r->preemptions);
	if (s->rejected > 0)
		fprintf(out, "rejected      %zu requests, longer than a group's KV memory\n",
		        s->rejected);
	short_text(j, out);
	serve_failures_text(j, out);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void latency_json(struct json *o, const char *name, const struct latency *l)
{
	json_object(o, name);
	json_integer(o, "requests", (int64_t)l->n);
	json_number(o, "mean_s", l->mean_s);
	json_number(o, "p50_s", l->p50_s);
	json_number(o, "p90_s", l->p90_s);
	json_number(o, "p95_s", l->p95_s);
	json_number(o, "p99_s", l->p99_s);
	json_number(o, "most_s", l->most_s);
	json_close(o);
}

static void pools_json(const struct serve_job *j, struct json *o)
{
	static const char *const roles[] = {"both", "prefill", "decode"};

	json_array(o, "pools");
	for (size_t p = 0; p < j->deployment.setup.n_pools; p++) {
		const struct serve_pool *pool = &j->deployment.setup.pool[p];
		const struct memory *m = &j->deployment.memory[p];

		json_object(o, NULL);
		json_text(o, "role", roles[pool->role]);
		json_integer(o, "instances", pool->instances);
		json_integer(o, "npus", pool->npus);
		json_integer(o, "groups", pool->groups);
		json_integer(o, "ep", j->deployment.schedule[p].ep);
		json_integer(o, "tp", j->deployment.schedule[p].tp);
		json_number(o, "kv_tokens", pool->kv_tokens_count);
		json_number(o, "weights_bytes", m->weights_bytes);
		json_number(o, "buffers_bytes", m->buffers_bytes);
		json_number(o, "usable_bytes", m->usable_bytes);
		json_close(o);
	}
	json_close(o);
}

static void asked_json(const struct serve_job *j, struct json *o)
{
	const struct config *c = j->config;

	json_text(o, "machine", c->machine.name);
	json_text(o, "model", c->model.name);
	json_text(o, "workload", c->workload.name);
	json_text(o, "flow", c->schedule.flow);
	json_text(o, "batching", c->serving.batching);
	json_text(o, "router", c->serving.router);
	json_text(o, "preemption", c->serving.preemption);
	json_text(o, "arrivals", j->process->name);
	json_integer(o, "seed", (int64_t)j->arrival.seed);
	json_integer(o, "warmup", (int64_t)j->warmup);
	json_integer(o, "cooldown", (int64_t)j->cooldown);
	pools_json(j, o);
}

static void summary_json(const struct serve_job *j, struct json *o)
{
	const struct serve_summary *s = &j->summary;
	struct latency itl = {.n = (size_t)j->result.gaps.n,
	                      .mean_s = s->itl_mean_s,
	                      .p50_s = s->itl_p50_s,
	                      .p90_s = s->itl_p90_s,
	                      .p95_s = s->itl_p95_s,
	                      .p99_s = s->itl_p99_s,
	                      .most_s = gaps_percentile_s(&j->result.gaps, 1)};

	json_integer(o, "requests", (int64_t)s->requests);
	json_integer(o, "done", (int64_t)s->done);
	json_integer(o, "rejected", (int64_t)s->rejected);
	json_integer(o, "lost", (int64_t)s->lost);
	latency_json(o, "ttft", &s->ttft);
	latency_json(o, "tpot", &s->tpot);
	latency_json(o, "itl", &itl);
	latency_json(o, "e2e", &s->e2e);
	latency_json(o, "waiting", &s->wait);
	json_number(o, "slo_ttft_s", j->slo.ttft_s);
	json_number(o, "slo_tpot_s", j->slo.tpot_s);
	json_number(o, "attainment_ratio", s->attainment_ratio);
	if (j->goodput_rate_count >= 0) {
		json_number(o, "goodput_requests_per_s", j->goodput_rate_count);
		json_number(o, "goodput_requests_per_s_per_npu",
		            j->goodput_rate_count / (double)j->deployment.npus);
	}
	json_number(o, "span_s", s->span_s);
	json_number(o, "offered_requests_per_s", s->offered_rate_count);
	json_number(o, "requests_per_s", s->request_rate_count);
	json_number(o, "input_tokens_per_s", s->input_rate_count);
	json_number(o, "output_tokens_per_s", s->output_rate_count);
	json_number(o, "output_tokens_per_s_per_npu", s->output_rate_per_npu_count);
	json_number(o, "busy_ratio", s->busy_ratio);
}

static void gauge_json(struct json *o, const char *name, const struct gauge *g)
{
	json_object(o, name);
	json_number(o, "mean", gauge_mean(g));
	json_number(o, "most", gauge_most(g));
	json_number(o, "span_s", g->span_s);
	json_array(o, "means");
	for (size_t i = 0; i < gauge_spans(g); i++)
		json_number(o, NULL, gauge_span_mean(g, i));
	json_close(o);
	json_close(o);
}

void serve_report_json(const struct serve_job *j, FILE *out)
{
	const struct serve_result *r = &j->result;
	struct json *o = json_new(out);

	json_object(o, NULL);
	asked_json(j, o);
	summary_json(j, o);
	json_integer(o, "steps", r->steps);
	json_integer(o, "events", r->events);
	json_integer(o, "preemptions", r->preemptions);
	json_number(o, "prefix_hit_ratio",
	            r->prefix_asked_count > 0 ? r->prefix_hit_count / r->prefix_asked_count : 0);
	json_number(o, "kv_moved_tokens", r->transferred_count);
	serve_failures_json(j, o);
	gauge_json(o, "output_tokens_per_s", &r->output);
	gauge_json(o, "waiting_requests", &r->waiting);
	gauge_json(o, "running_requests", &r->running);
	gauge_json(o, "kv_use_ratio", &r->kv_use);
	json_close(o);
	json_free(o);
}

/* ---- request by request ---------------------------------------------------------------------- */

static const char *const fates[] = {"unfinished", "done", "rejected", "lost"};

void serve_requests_csv(const struct serve_job *j, FILE *out)
{
	fprintf(out, "request,arrival_s,scheduled_s,first_token_s,last_token_s,input_tokens,"
	             "output_tokens,prefix_hit_tokens,preempted,retried,group,fate\n");
	for (size_t i = 0; i < j->list.n; i++) {
		const struct request *r = &j->list.at[i];
		const struct served *s = &j->result.served[i];

		fprintf(out, "%zu,%.9g,%.9g,%.9g,%.9g,%d,%d,%d,%d,%d,%d,%s\n", i, r->arrival_s,
		        s->scheduled_s, s->first_s, s->last_s, r->input, s->generated_count,
		        s->hit_count, s->preempted_count, s->retried_count, s->group,
		        fates[s->fate]);
	}
}

void serve_requests_json(const struct serve_job *j, FILE *out)
{
	struct json *o = json_new(out);

	json_array(o, NULL);
	for (size_t i = 0; i < j->list.n; i++) {
		const struct request *r = &j->list.at[i];
		const struct served *s = &j->result.served[i];

		json_object(o, NULL);
		json_number(o, "arrival_s", r->arrival_s);
		json_number(o, "scheduled_s", s->scheduled_s);
		json_number(o, "first_token_s", s->first_s);
		json_number(o, "last_token_s", s->last_s);
		json_integer(o, "input_tokens", r->input);
		json_integer(o, "output_tokens", s->generated_count);
		json_integer(o, "prefix_hit_tokens", s->hit_count);
		json_integer(o, "preempted", s->preempted_count);
		json_integer(o, "retried", s->retried_count);
		json_integer(o, "group", s->group);
		json_text(o, "fate", fates[s->fate]);
		json_close(o);
	}
	json_close(o);
	json_free(o);
}

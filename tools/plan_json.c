/* Plans as JSON. */
#include <math.h>
#include "models/base/json.h"
#include "tools/plan_job.h"

static void pool_write(struct json *o, const char *name, const struct plan_pool *p,
                       enum phase phase)
{
	const struct schedule *s = &p->price->group->schedule;

	json_object(o, name);
	json_integer(o, "npus", p->npus);
	json_integer(o, "deployments", p->deployments);
	json_text(o, "flow", s->flow);
	json_integer(o, "ep", s->ep);
	json_integer(o, "tp", s->tp);
	json_integer(o, phase == PHASE_PREFILL ? "chunk_tokens" : "batch", p->price->size);
	json_number(o, phase == PHASE_PREFILL ? "idle_ttft_s" : "idle_tpot_s", p->price->time_s);
	json_number(o, "most_requests_per_s", p->most_rate_count);
	json_close(o);
}

static void answer_write(struct json *o, const struct plan_answer *a)
{
	double cost_count = plan_million_cost_count(&a->plan);

	json_number(o, "requests_per_s", a->plan.rate_count);
	json_integer(o, "npus", a->plan.npus);
	json_integer(o, "npus_by_throughput", a->npus_by_throughput);
	json_integer(o, "machines", a->machines);
	json_number(o, "within_budgets_ratio", a->summary.attainment_ratio);
	pool_write(o, "prefill", &a->plan.pool[PHASE_PREFILL], PHASE_PREFILL);
	pool_write(o, "decode", &a->plan.pool[PHASE_DECODE], PHASE_DECODE);
	json_number(o, "million_tokens_cost", cost_count > 0 ? cost_count : NAN);
}

static void head_write(struct json *o, const struct config *c)
{
	json_text(o, "question", *c->plan.question ? c->plan.question : NULL);
	json_text(o, "machine", c->machine.name);
	json_text(o, "model", c->model.name);
	json_text(o, "workload", c->workload.name);
	json_integer(o, "machine_npus", machine_dies(&c->machine));
	json_number(o, "ttft_budget_s", c->sweep.budget.ttft_s);
	json_number(o, "tpot_budget_s", c->sweep.budget.tpot_s);
	json_number(o, "wanted_within_ratio", c->plan.within_ratio);
	json_number(o, "planned_load_ratio", c->plan.load_ratio);
}

static void limits_write(struct json *o, const struct plan_result *r)
{
	json_array(o, "limits");
	for (size_t i = 0; i < r->n_limits; i++) {
		json_object(o, NULL);
		json_text(o, "limit", r->limit[i].what);
		json_number(o, "requests_per_s", r->limit[i].rate_count);
		json_number(o, "of_load_ratio", r->limit[i].rate_count / r->answer.plan.rate_count);
		json_close(o);
	}
	json_close(o);
}

static void curve_write(struct json *o, const struct plan_result *r)
{
	json_array(o, "curve");
	for (size_t i = 0; i < r->n_curve; i++) {
		const struct serve_summary *s = &r->curve[i].summary;

		json_object(o, NULL);
		json_number(o, "requests_per_s", r->curve[i].rate_count);
		json_number(o, "within_budgets_ratio", s->attainment_ratio);
		json_number(o, "ttft_p90_s", s->ttft.p90_s);
		json_number(o, "tpot_p90_s", s->tpot.p90_s);
		json_number(o, "tokens_per_s_per_npu", s->output_rate_per_npu_count);
		json_close(o);
	}
	json_close(o);
}

static void growth_write(struct json *o, const struct plan_result *r)
{
	json_array(o, "growth");
	for (size_t i = 0; i < r->n_stages; i++) {
		const struct plan_stage *x = r->stage + i;

		json_object(o, NULL);
		json_number(o, "load_ratio", x->factor_ratio);
		if (x->rc == RC_OK)
			answer_write(o, &x->answer);
		else
			json_text(o, "why_not", x->why.text);
		json_close(o);
	}
	json_close(o);
}

static void tornado_write(struct json *o, const struct plan_result *r)
{
	json_number(o, "npus_before_rounding", r->tornado.npus_count);
	json_array(o, "tornado");
	for (size_t i = 0; i < r->tornado.n; i++) {
		const struct plan_swing *s = r->tornado.swing + i;

		json_object(o, NULL);
		json_text(o, "number", s->path);
		json_number(o, "sd_ratio", s->sd_ratio);
		json_number(o, "low_npus", s->low_npus_count);
		json_number(o, "high_npus", s->high_npus_count);
		json_flag(o, "low_rechosen", s->low_rechosen);
		json_flag(o, "high_rechosen", s->high_rechosen);
		json_close(o);
	}
	json_close(o);
}

static void effect_write(struct json *o, const struct plan_effect *x)
{
	json_object(o, "against_first");
	json_integer(o, "first_npus_by_throughput", x->first.npus);
	json_number(o, "first_npus_before_rounding", x->first.npus_count);
	json_integer(o, "same_schedules_npus", x->same_need.npus);
	json_number(o, "same_schedules_npus_before_rounding", x->same_need.npus_count);
	json_integer(o, "own_schedules_npus", x->own.npus);
	json_number(o, "own_schedules_npus_before_rounding", x->own.npus_count);
	json_flag(o, "same_schedules_possible", x->possible);
	json_text(o, "same_schedules_why_not", *x->why_not ? x->why_not : NULL);
	json_number(o, "same_tpot_s", x->same[PHASE_DECODE].time_s);
	json_number(o, "same_decode_exchange_s", plan_exchange_s(&x->same[PHASE_DECODE]));
	json_number(o, "same_decode_buffers_bytes", x->same[PHASE_DECODE].memory.buffers_bytes);
	json_integer(o, "same_batch_most", x->same[PHASE_DECODE].memory.batch_most);
	json_number(o, "same_ttft_s", x->same[PHASE_PREFILL].time_s);
	json_number(o, "same_prefill_exchange_s", plan_exchange_s(&x->same[PHASE_PREFILL]));
	json_number(o, "same_prefill_buffers_bytes", x->same[PHASE_PREFILL].memory.buffers_bytes);
	json_close(o);
}

static void case_write(struct json *o, const struct plan_result *r)
{
	json_object(o, NULL);
	json_text(o, "case", plan_case_name(r->of));
	if (r->rc == RC_OK)
		answer_write(o, &r->answer);
	else
		json_text(o, "why_not", r->why.text);
	if (r->has_effect)
		effect_write(o, &r->effect);
	json_close(o);
}

static void one_write(struct json *o, const struct plan_job *j)
{
	const struct plan_result *r = j->result;

	answer_write(o, &r->answer);
	json_number(o, "goodput_requests_per_s", r->goodput_count);
	json_integer(o, "requests_served", (int64_t)r->served_count);
	limits_write(o, r);
	growth_write(o, r);
	curve_write(o, r);
	tornado_write(o, r);
	json_text(o, "again", plan_serve_command(j, r));
}

void plan_json(const struct plan_job *j, FILE *out)
{
	struct json *o = json_new(out);

	json_object(o, NULL);
	head_write(o, j->config);
	if (!plan_compares(j)) {
		one_write(o, j);
	} else {
		json_array(o, "cases");
		for (size_t i = 0; i < j->n; i++)
			case_write(o, j->result + i);
		json_close(o);
	}
	json_close(o);
	json_free(o);
}

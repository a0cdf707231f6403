/* Words that reports of plans share. */
#include <math.h>
#include <string.h>
#include "models/sweep_knobs.h"
#include "tools/plan_job.h"
#include "tools/text.h"

const char *plan_schedule_words(const struct pool_price *p, enum phase phase, char *buf,
                                size_t size)
{
	const struct schedule *s = &p->group->schedule;

	snprintf(buf, size, "%s EP %lld TP %lld %s %lld", s->flow, (long long)s->ep,
	         (long long)s->tp, phase == PHASE_PREFILL ? "chunk" : "batch", (long long)p->size);
	return buf;
}

const char *plan_case_name(const struct plan_case *x)
{
	return *x->text ? x->text : "the plan";
}

/* What the user gave beside the plan's own options: --set, --machine, ... */
static const char *own_options(const struct plan_job *j)
{
	struct arena *a = j->config->arena;
	const char *all = "";

	for (size_t i = 0; i < j->args->n_given; i++) {
		const char *name = j->args->given[i].option->name;
		const char *value = j->args->given[i].value;

		if (value && !plan_option(name) && strcmp(name, "out") != 0 &&
		    strcmp(name, "jobs") != 0)
			all = arena_print(a, "%s --%s '%s'", all, name, value);
	}
	if (*j->trace_path && !args_has(j->args, "trace"))
		all = arena_print(a, "%s --trace '%s'", all, j->trace_path);
	return all;
}

/* Knobs that the sweep lists: the plan's choice. Batch and chunk go by other names in serving. */
static const char *knob_options(const struct config *c, struct arena *a)
{
	const char *all = "";
	struct knobs knobs;

	knobs_of(&c->sweep, &c->schedule, &knobs);
	for (enum knob_id id = 0; id < KNOBS_SHARED; id++) {
		char option[OPTION_NAME_SIZE], text[32];

		args_option_name(option, knob_names[id]);
		if (knobs.list[id]->n > 0)
			all = arena_print(a, "%s --%s %s", all, option,
			                  knob_text(&c->schedule, id, text, sizeof text));
	}
	return all;
}

static const char *arrival_options(const struct plan_job *j, const struct plan_result *r,
                                   struct arena *a)
{
	const struct plan_spec *p = &r->of->config->plan;
	const char *name = *p->arrivals ? p->arrivals : j->trace.timed ? "replay" : "poisson";
	const char *all =
	        arena_print(a, " --arrivals %s --rate %.17g", name, r->answer.plan.rate_count);

	if (strcmp(name, "gamma") == 0)
		all = arena_print(a, "%s --cv %.17g", all, p->cv_ratio);
	if (r->of->config->routing.seed > 0 && !args_has(j->args, "seed"))
		all = arena_print(a, "%s --seed %lld", all, (long long)r->of->config->routing.seed);
	if (!*j->trace_path && p->lengths == PLAN_LENGTHS_DRAWN)
		all = arena_print(a, "%s --lengths drawn", all);
	return arena_print(a, "%s --requests %zu --warmup %zu", all, r->served_count,
	                   r->warm_count);
}

static const char *slo_options(const struct slo *slo, struct arena *a)
{
	char ttft[64], tpot[64];

	quantity_exact(slo->ttft_s, DIM_TIME, ttft, sizeof ttft);
	quantity_exact(slo->tpot_s, DIM_TIME, tpot, sizeof tpot);
	if (slo->ttft_s > 0 && slo->tpot_s > 0)
		return arena_print(a, " --slo ttft=%s,tpot=%s", ttft, tpot);
	if (slo->ttft_s > 0)
		return arena_print(a, " --slo ttft=%s", ttft);
	return slo->tpot_s > 0 ? arena_print(a, " --slo tpot=%s", tpot) : "";
}

const char *plan_serve_command(const struct plan_job *j, const struct plan_result *r)
{
	struct arena *a = j->config->arena;
	struct slo slo = plan_slo(&r->answer.plan);
	struct config c;
	const char *knobs, *arrivals_text, *pools;

	plan_serving_config(&r->answer.plan, &c);
	knobs = knob_options(&c, a);
	arrivals_text = arrival_options(j, r, a);
	pools = arena_print(
	        a,
	        " --max-tokens %lld --max-seqs %lld --instances %lld --decode-instances %lld "
	        "--decode-ep %lld --decode-tp %lld --decode-flow %s%s",
	        (long long)c.serving.max_tokens, (long long)c.serving.max_seqs,
	        (long long)c.serving.instances, (long long)c.serving.decode_instances,
	        (long long)c.serving.decode_ep, (long long)c.serving.decode_tp,
	        c.serving.decode_flow,
	        c.serving.transfer == TRANSFER_RDMA ? " --transfer rdma" : "");
	return arena_print(a, "epsim serve %s%s%s%s%s%s%s", j->file, own_options(j), r->of->flags,
	                   knobs, pools, arrivals_text, slo_options(&slo, a));
}

const char *plan_requests_words(const struct plan_job *j, const struct plan_result *r)
{
	const struct plan_spec *p = &r->of->config->plan;
	const char *name = *p->arrivals ? p->arrivals : j->trace.timed ? "replay" : "poisson";
	const char *lengths = *j->trace_path ? "of the trace"
	                      : p->lengths == PLAN_LENGTHS_DRAWN
	                              ? "drawn from the workload's quantiles"
	                              : "all the workload's means";
	const char *words = arena_print(j->config->arena, "%zu requests, lengths %s, arrivals %s",
	                                r->served_count, lengths, name);

	if (r->wanted_count <= r->served_count)
		return words;
	return arena_print(j->config->arena, "%s; cut from %zu by plan.requests", words,
	                   r->wanted_count);
}

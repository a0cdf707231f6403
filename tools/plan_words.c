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

	int n = snprintf(buf, size, "%s EP %lld TP %lld %s %lld", s->flow, (long long)s->ep,
	                 (long long)s->tp, phase == PHASE_PREFILL ? "chunk" : "batch",
	                 (long long)p->size);

	if (phase == PHASE_DECODE && s->mtp > 0 && (size_t)n < size)
		snprintf(buf + n, size - (size_t)n, " MTP %lld", (long long)s->mtp);
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

static bool is_listed(const struct knobs *k, enum knob_id id)
{
	return k->list[id]->n > 0 || k->apart[id];
}

/* Knobs that the sweep lists: the plan's choice. Batch and chunk go by other names in serving. */
static const char *knob_options(const struct config *c, const struct schedule *decode)
{
	const char *all = "";
	struct knobs knobs;

	knobs_of(&c->sweep, &c->schedule, &knobs);
	for (enum knob_id id = 0; id < KNOBS_SHARED; id++) {
		const struct schedule *s = id == KNOB_MTP ? decode : &c->schedule;
		char option[OPTION_NAME_SIZE], text[32];

		args_option_name(option, knob_names[id]);
		if (is_listed(&knobs, id))
			all = arena_print(c->arena, "%s --%s %s", all, option,
			                  knob_text(s, id, text, sizeof text));
	}
	return all;
}

/* The knob in which the pools differ and `serve` has no option for; NULL: none. */
static const char *apart_knob(const struct schedule *prefill, const struct schedule *decode)
{
	for (enum knob_id id = KNOB_DP; id < KNOBS_SHARED; id++) {
		char a[32], b[32];

		if (id != KNOB_MTP && strcmp(knob_text(prefill, id, a, sizeof a),
		                             knob_text(decode, id, b, sizeof b)) != 0)
			return knob_names[id];
	}
	return NULL;
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

static const char *pool_options(const struct config *c, const struct schedule *decode)
{
	return arena_print(
	        c->arena,
	        " --max-tokens %lld --max-seqs %lld --instances %lld --decode-instances %lld "
	        "--decode-ep %lld --decode-tp %lld --decode-flow %s%s",
	        (long long)c->serving.max_tokens, (long long)c->serving.max_seqs,
	        (long long)c->serving.instances, (long long)c->serving.decode_instances,
	        (long long)decode->ep, (long long)decode->tp, decode->flow,
	        c->serving.transfer == TRANSFER_RDMA ? " --transfer rdma" : "");
}

const char *plan_serve_command(const struct plan_job *j, const struct plan_result *r)
{
	struct arena *a = j->config->arena;
	const struct schedule *decode = &r->answer.plan.pool[PHASE_DECODE].price->group->schedule;
	struct slo slo = plan_slo(&r->answer.plan);
	const char *apart, *first;
	struct config c;

	plan_serving_config(&r->answer.plan, &c);
	apart = apart_knob(&c.schedule, decode);
	if (apart)
		return arena_print(a, "serve cannot: the pools differ in %s", apart);
	first = arena_print(a, "epsim serve %s%s%s%s%s", j->file, own_options(j), r->of->flags,
	                    knob_options(&c, decode), pool_options(&c, decode));
	return arena_print(a, "%s%s%s", first, arrival_options(j, r, a), slo_options(&slo, a));
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

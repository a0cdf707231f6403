/* The fewest NPUs through queues. */
#include "sim/plan_queue.h"
#include <math.h>
#include <stdlib.h>

enum { PLENTY = 3 }; /* times the deployments that throughput asks for */

struct search {
	const struct sweep *sweep;
	const struct plan_spec *spec;
	struct plan_margins margins;
	struct plan_servers *rough, *exact; /* to look among schedules, and for the answer */
	struct plan_answer *answer;         /* the best so far; npus 0: none */
	double rate_count;
	double nearest_ratio[PHASES]; /* most requests within the phase's budget */
	bool wants_rdma;              /* some plan would span machines that have none */
};

static double budget_of(const struct search *x, enum phase phase)
{
	const struct sweep_spec *s = &x->sweep->config->sweep;

	return phase == PHASE_PREFILL ? s->budget.ttft_s : s->budget.tpot_s;
}

/* Over more machines than one, or more nodes, KV needs a way between. */
static bool is_joined(struct search *x, const struct plan *p)
{
	const struct machine *m = &x->sweep->config->machine;
	bool joined = !plan_is_far(p) || m->rdma.rate_Bps > 0;

	x->wants_rdma |= !joined;
	return joined;
}

/* Schedules that leave no memory for KV serve nobody in time. */
static enum rc serve(struct search *x, struct plan_servers *by, const struct plan *p,
                     const struct slo *slo, struct serve_summary *out, struct err *e)
{
	struct err why = {0};
	enum rc rc = plan_serve(by, p, x->rate_count, slo, out, &why);

	x->answer->simulations++;
	if (rc == RC_NO)
		return *out = (struct serve_summary){.attainment_ratio = 0}, RC_OK;
	return rc == RC_OK ? RC_OK : fail(e, rc, "%s", why.text);
}

/* ---- one pool, the other with plenty ---- */

/* p has both pools. Is this phase's budget alone met by enough requests? */
static enum rc pool_suffices(struct search *x, const struct plan *p, enum phase phase, bool *fine,
                             struct err *e)
{
	struct slo slo = {0};
	struct serve_summary s;

	*(phase == PHASE_PREFILL ? &slo.ttft_s : &slo.tpot_s) = budget_of(x, phase);
	if (!is_joined(x, p))
		return *fine = false, RC_OK;
	if (!(budget_of(x, phase) > 0))
		return *fine = true, RC_OK;
	TRY(serve(x, x->rough, p, &slo, &s, e));
	x->nearest_ratio[phase] = fmax(x->nearest_ratio[phase], s.attainment_ratio);
	*fine = s.attainment_ratio >= x->spec->within_ratio;
	return RC_OK;
}

/* The fewest deployments of p's pool, below a limit of NPUs: doubled, then halved between. */
static enum rc pool_fit(struct search *x, struct plan *p, enum phase phase, int64_t below_npus,
                        bool *found, struct err *e)
{
	enum { MOST_DOUBLINGS = 4 };
	int64_t each = schedule_npus(&p->pool[phase].price->group->schedule);
	int64_t most = (below_npus - 1) / each, low = p->pool[phase].deployments - 1;
	int64_t high = low + 1;

	*found = false;
	for (int i = 0; !*found && i <= MOST_DOUBLINGS && low < most; i++) {
		plan_resize(p, phase, high);
		TRY(pool_suffices(x, p, phase, found, e));
		if (!*found)
			low = high, high = 2 * high < most ? 2 * high : most;
	}
	while (*found && high - low > 1) {
		int64_t middle = low + (high - low) / 2;
		bool fine;

		plan_resize(p, phase, middle);
		TRY(pool_suffices(x, p, phase, &fine, e));
		*(fine ? &high : &low) = middle;
	}
	plan_resize(p, phase, high);
	return RC_OK;
}

/* Of the list the fewest NPUs that suffice, below the limit. p->pool[other] has plenty. */
static enum rc pool_search(struct search *x, struct plan *p, enum phase phase,
                           const struct plan_pool *list, size_t n, int64_t below_npus, bool *found,
                           struct err *e)
{
	struct plan_pool best = {0};

	for (size_t i = 0; i < n && list[i].npus < below_npus; i++) {
		bool fine;

		p->pool[phase] = list[i];
		plan_resize(p, phase, list[i].deployments);
		TRY(pool_fit(x, p, phase, below_npus, &fine, e));
		if (fine)
			best = p->pool[phase], below_npus = best.npus;
	}
	*found = best.price;
	if (*found) {
		p->pool[phase] = best;
		plan_resize(p, phase, best.deployments);
	}
	return RC_OK;
}

/* ---- both ---- */

static enum rc both_suffice(struct search *x, const struct plan *p, struct serve_summary *s,
                            bool *fine, struct err *e)
{
	struct slo slo = plan_slo(p);

	*fine = false, s->attainment_ratio = 0;
	if (!is_joined(x, p))
		return RC_OK;
	TRY(serve(x, x->exact, p, &slo, s, e));
	*fine = s->attainment_ratio >= x->spec->within_ratio;
	return RC_OK;
}

/* More of the pool that helps more: KV that waits for the links of prefill looks late in decode. */
static enum rc grow(struct search *x, struct plan *p, struct serve_summary *s, bool *fine,
                    struct err *e)
{
	enum { PART = 8 };
	struct plan more[PHASES] = {*p, *p};
	struct serve_summary of[PHASES];
	enum phase better;

	for (enum phase phase = 0; phase < PHASES; phase++) {
		int64_t n = p->pool[phase].deployments;

		plan_resize(&more[phase], phase, n + n / PART + 1);
		TRY(both_suffice(x, &more[phase], &of[phase], fine, e));
	}
	better = of[PHASE_DECODE].attainment_ratio > of[PHASE_PREFILL].attainment_ratio
	                 ? PHASE_DECODE
	                 : PHASE_PREFILL;
	*p = more[better], *s = of[better];
	*fine = s->attainment_ratio >= x->spec->within_ratio;
	return RC_OK;
}

/* Growing takes more than one at a time: what turns out needless goes again. */
static enum rc trim(struct search *x, struct plan *p, const struct plan *least,
                    struct serve_summary *s, struct err *e)
{
	for (enum phase phase = 0; phase < PHASES; phase++) {
		while (p->pool[phase].deployments > least->pool[phase].deployments) {
			struct plan fewer = *p;
			struct serve_summary of;
			bool fine;

			plan_resize(&fewer, phase, p->pool[phase].deployments - 1);
			TRY(both_suffice(x, &fewer, &of, &fine, e));
			if (!fine)
				break;
			*p = fewer, *s = of;
		}
	}
	return RC_OK;
}

/* Each pool suffices alone; together a few more may be needed. */
static enum rc join(struct search *x, struct plan *p, struct err *e)
{
	enum { TRIES = 16 };
	const struct plan least = *p;
	int64_t most = x->answer->plan.npus;
	struct serve_summary s;
	bool fine;

	TRY(both_suffice(x, p, &s, &fine, e));
	for (int i = 0; i < TRIES && !fine && (most == 0 || p->npus < most); i++)
		TRY(grow(x, p, &s, &fine, e));
	if (!fine)
		return RC_OK;
	TRY(trim(x, p, &least, &s, e));
	if (most == 0 || p->npus < most)
		x->answer->plan = *p, x->answer->summary = s;
	return RC_OK;
}

static int64_t below(const struct search *x, const struct plan_pool *other)
{
	int64_t most = x->answer->plan.npus;

	return most == 0 ? INT64_MAX : most - other->npus;
}

/* The phase's pool, while the other has plenty. */
static enum rc phase_search(struct search *x, struct plan *p, enum phase phase,
                            struct plan_pool *const list[PHASES], const size_t n[PHASES],
                            bool *found, struct err *e)
{
	enum phase other = phase == PHASE_PREFILL ? PHASE_DECODE : PHASE_PREFILL;
	struct plan_pool own = p->pool[other];
	int64_t below_npus = below(x, &own);

	plan_resize(p, other, PLENTY * own.deployments);
	p->spare_npus = p->pool[other].npus - own.npus;
	TRY(pool_search(x, p, phase, list[phase], n[phase], below_npus, found, e));
	plan_resize(p, other, own.deployments);
	p->spare_npus = 0;
	return RC_OK;
}

static enum rc class_search(struct search *x, struct plan_pool *const list[PHASES],
                            const size_t n[PHASES], struct err *e)
{
	struct plan p = {.rate_count = x->rate_count, .pool = {list[0][0], list[1][0]}};
	bool found = true;

	for (enum phase phase = 0; found && phase < PHASES; phase++)
		TRY(phase_search(x, &p, phase, list, n, &found, e));
	return found ? join(x, &p, e) : RC_OK;
}

static enum rc class_try(struct search *x, size_t class_at, struct err *e)
{
	struct plan_pool *list[PHASES];
	size_t n[PHASES];
	enum rc rc = RC_OK;
	int64_t least = 0;

	for (enum phase phase = 0; phase < PHASES; phase++) {
		n[phase] = plan_pools(x->sweep, phase, class_at, x->rate_count, x->margins,
		                      &list[phase]);
		least += n[phase] > 0 ? list[phase][0].npus : 0;
	}
	if (n[0] > 0 && n[1] > 0 && (x->answer->plan.npus == 0 || least < x->answer->plan.npus))
		rc = class_search(x, list, n, e);
	for (enum phase phase = 0; phase < PHASES; phase++)
		free(list[phase]);
	return rc;
}

/* ---- the answer ---- */

static enum rc none_suffices(const struct search *x, struct err *e)
{
	enum { PERCENT = 100 };
	static const char *const names[PHASES] = {"TTFT", "TPOT"};
	enum phase phase = x->nearest_ratio[PHASE_PREFILL] < x->spec->within_ratio ? PHASE_PREFILL
	                                                                           : PHASE_DECODE;

	if (x->wants_rdma)
		return fail(
		        e, RC_NO,
		        "more than one machine of %lld NPUs is needed, and KV cannot go between "
		        "machines: %s has no RDMA",
		        (long long)machine_dies(&x->sweep->config->machine),
		        x->sweep->config->machine.name);
	return fail(e, RC_NO,
	            "through queues no schedule keeps %.4g %% of requests within the %s budget, "
	            "however many NPUs: %.1f %% at most",
	            PERCENT * x->spec->within_ratio, names[phase],
	            PERCENT * x->nearest_ratio[phase]);
}

static enum rc machines_check(const struct search *x, struct err *e)
{
	const struct plan_answer *a = x->answer;
	const struct machine *m = &x->sweep->config->machine;

	if (x->spec->machines > 0 && a->machines > x->spec->machines)
		return fail(e, RC_NO,
		            "%lld NPUs on %lld machines are needed, and there may be %lld "
		            "(plan.machines); one has %lld",
		            (long long)a->plan.npus, (long long)a->machines,
		            (long long)x->spec->machines, (long long)machine_dies(m));
	return RC_OK;
}

static enum rc search_run(struct search *x, struct err *e)
{
	struct plan p = {0};

	TRY(plan_make(x->sweep, x->rate_count, x->margins, &p, e));
	x->answer->npus_by_throughput = p.npus;
	for (size_t i = 0; i < plan_classes(x->sweep); i++)
		TRY(class_try(x, i, e));
	if (x->answer->plan.npus == 0)
		return none_suffices(x, e);
	x->answer->machines = plan_machines(&x->answer->plan);
	return machines_check(x, e);
}

enum rc plan_answer(const struct sweep *s, const struct request_list *trace, double rate_count,
                    struct routing_cache *routings, struct plan_answer *out, struct err *e)
{
	const double rough_ratio = fmax(0x1p-5, s->config->serving.step_error_ratio);
	const struct plan_spec *spec = &s->config->plan;
	struct plan_load load = {0};
	struct search x = {.sweep = s,
	                   .spec = spec,
	                   .margins = {spec->load_ratio, {1, 1}},
	                   .answer = out,
	                   .rate_count = rate_count};
	enum rc rc;

	*out = (struct plan_answer){.simulations = 0};
	TRY(plan_load_make(s->config, trace, rate_count, &load, e));
	x.rough = plan_servers_new(&load, s->engine, rough_ratio, routings);
	x.exact = rough_ratio == s->config->serving.step_error_ratio
	                  ? x.rough
	                  : plan_servers_new(&load, s->engine, 0, routings);
	rc = search_run(&x, e);
	if (x.exact != x.rough)
		plan_servers_free(x.exact);
	plan_servers_free(x.rough);
	plan_load_fini(&load);
	return rc;
}

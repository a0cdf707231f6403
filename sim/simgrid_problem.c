#include <float.h>
#include <math.h>
#include "models/base/arena.h"
#include "sim/simgrid_problem.h"

/* How far whole numbers are sought: times a link is named, transfers of one activity, and the
 * whole number that the least of several values may stand for. */
enum { MOST_TIMES = 64, MOST_TRANSFERS = 4096, MOST_LEAST = 64 };

/* Work of the largest transfer: half a unit, which rounding may add, is nothing to it. */
#define LARGEST_WORK 0x1p46

/* The least whole number that the least of the values can stand for with all values in proportion
 * whole and at most `most`. 0 when there is none. */
static uint32_t whole_ratio(const double *values, size_t n, double most)
{
	double least = INFINITY, greatest = 0;
	for (size_t k = 0; k < n; k++) {
		least = fmin(least, values[k]);
		greatest = fmax(greatest, values[k]);
	}
	for (uint32_t q = 1; q <= MOST_LEAST && greatest / least * q <= most; q++) {
		size_t k = 0;
		for (; k < n; k++) {
			double times = values[k] / least * q;
			if (fabs(times - round(times)) > times * 16 * DBL_EPSILON)
				break;
		}
		if (k == n)
			return q;
	}
	return 0;
}

static double least_of(const double *values, size_t n)
{
	double least = INFINITY;
	for (size_t k = 0; k < n; k++)
		least = fmin(least, values[k]);
	return least;
}

/* divisor: per activity, d of the comment in the header. */
static enum rc find_divisors(const struct graph *g, double *divisor, struct err *e)
{
	for (uint32_t i = 0; i < g->n_activities; i++) {
		const double *weights = g->use_weight_ratio + g->use_begin[i];
		size_t n = g->use_begin[i + 1] - g->use_begin[i];
		divisor[i] = 1;
		if (g->work_units[i] == 0 || n == 0)
			continue;
		uint32_t times = whole_ratio(weights, n, MOST_TIMES);
		if (times == 0)
			return fail(
			        e, RC_NO,
			        "engine simgrid: weights of activity %u ('%s') are in no ratio of "
			        "small whole numbers",
			        i, g->label_text[g->label[i]]);
		divisor[i] = least_of(weights, n) / times;
	}
	return RC_OK;
}

/* n_flows: per activity. */
static enum rc find_counts(struct simgrid_problem *p, const double *divisor, uint32_t *n_flows,
                           struct err *e)
{
	const struct graph *g = p->g;
	double *parts = arena_alloc(p->arena, g->n_activities * sizeof *parts);
	size_t n_parts = 0, total = 0;
	for (uint32_t i = 0; i < g->n_activities; i++)
		if (g->work_units[i] > 0)
			parts[n_parts++] = divisor[i] * g->share_count[i];
	double least = least_of(parts, n_parts);
	uint32_t whole = whole_ratio(parts, n_parts, MOST_TRANSFERS);
	if (whole == 0 && n_parts > 0)
		return fail(e, RC_NO,
		            "engine simgrid: shares are in no ratio of small whole numbers");
	for (uint32_t i = 0; i < g->n_activities; i++) {
		double part = divisor[i] * g->share_count[i] / least * whole;
		n_flows[i] = g->work_units[i] > 0 ? (uint32_t)lround(part) : 0;
		total += n_flows[i];
	}
	if (total >= UINT32_MAX / 2)
		return fail(e, RC_NO, "engine simgrid: %zu transfers are too many", total);
	p->platform.n_flows = (uint32_t)total;
	return RC_OK;
}

struct link_list {
	double *capacity_per_s, *latency_s;
	uint32_t n;
};

static uint32_t add_link(struct link_list *list, double capacity_per_s, double latency_s)
{
	list->capacity_per_s[list->n] = capacity_per_s;
	list->latency_s[list->n] = latency_s;
	return list->n++;
}

/* One transfer of activity i: what the others of it are, too. */
static struct simgrid_flow transfer(struct simgrid_problem *p, uint32_t i, double divisor,
                                    double scale, bool links_wait, struct link_list *list)
{
	const struct graph *g = p->g;
	size_t n_links = 2; /* of its own */
	double whole_cap = g->cap_per_s[i] * divisor * scale;
	for (size_t k = g->use_begin[i]; k < g->use_begin[i + 1]; k++)
		n_links += (size_t)lround(g->use_weight_ratio[k] / divisor);
	uint32_t *links = arena_alloc(p->arena, n_links * sizeof *links);
	struct simgrid_flow flow = {.links = links};
	for (size_t k = g->use_begin[i]; k < g->use_begin[i + 1]; k++)
		for (long m = lround(g->use_weight_ratio[k] / divisor); m > 0; m--)
			links[flow.n_links++] = g->use_resource[k];
	if (isfinite(whole_cap))
		links[flow.n_links++] = add_link(list, whole_cap, 0);
	if (links_wait)
		links[flow.n_links++] = add_link(list, DBL_MAX / 4, g->latency_s[i]);
	double part = g->work_units[i] * divisor * scale;
	flow.work_units = (uint64_t)llround(part / (p->flow_begin[i + 1] - p->flow_begin[i]));
	if (flow.work_units == 0)
		flow.work_units = 1;
	return flow;
}

static void lay_out(struct simgrid_problem *p, const double *divisor, bool links_wait)
{
	const struct graph *g = p->g;
	double largest = 0;
	struct link_list list = {0};
	size_t n_links = g->n_resources + 2 * (size_t)g->n_activities;
	list.capacity_per_s = arena_alloc(p->arena, n_links * sizeof(double));
	list.latency_s = arena_alloc(p->arena, n_links * sizeof(double));
	struct simgrid_flow *flows = arena_alloc(p->arena, p->platform.n_flows * sizeof *flows);
	p->activity_of = arena_alloc(p->arena, p->platform.n_flows * sizeof(uint32_t));
	for (uint32_t i = 0; i < g->n_activities; i++)
		largest = fmax(largest, g->work_units[i] * divisor[i]);
	/* A power of two, so that scaling is exact. */
	double scale = largest > 0 ? exp2(floor(log2(LARGEST_WORK / largest))) : 1;
	for (uint32_t r = 0; r < g->n_resources; r++)
		add_link(&list, g->capacity_per_s[r] * scale, 0);
	for (uint32_t i = 0; i < g->n_activities; i++) {
		struct simgrid_flow flow;
		if (g->work_units[i] > 0)
			flow = transfer(p, i, divisor[i], scale, links_wait, &list);
		for (uint32_t k = p->flow_begin[i]; k < p->flow_begin[i + 1]; k++) {
			flows[k] = flow;
			p->activity_of[k] = i;
		}
	}
	p->platform.flows = flows;
	p->platform.n_links = list.n;
	p->platform.capacity_per_s = list.capacity_per_s;
	p->platform.latency_s = links_wait ? list.latency_s : NULL;
	p->platform.optimiser = links_wait ? "Lazy" : "Full";
}

enum rc simgrid_problem_init(struct simgrid_problem *p, const struct graph *g, bool links_wait,
                             struct err *e)
{
	uint32_t n = g->n_activities, n_flows = 0;
	*p = (struct simgrid_problem){.g = g, .arena = arena_new()};
	double *divisor = arena_alloc(p->arena, n * sizeof *divisor);
	p->flow_begin = arena_alloc(p->arena, (n + (size_t)1) * sizeof *p->flow_begin);
	enum rc rc = find_divisors(g, divisor, e);
	if (rc == RC_OK)
		rc = find_counts(p, divisor, p->flow_begin, e);
	if (rc != RC_OK) {
		simgrid_problem_fini(p);
		return rc;
	}
	for (uint32_t i = 0; i <= n; i++) { /* from counts to places */
		uint32_t count = p->flow_begin[i];
		p->flow_begin[i] = n_flows;
		n_flows += count;
	}
	lay_out(p, divisor, links_wait);
	return RC_OK;
}

void simgrid_problem_fini(struct simgrid_problem *p)
{
	arena_free(p->arena);
	p->arena = NULL;
}

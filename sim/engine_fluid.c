/* Event-driven max-min fair sharing. Between events all rates are constant; an event is the end of
 * some work or of some latency. Events that differ by rounding are one event, at the time of the
 * last of them, so that no resource ever moves more than it can: a symmetric stage is solved once.
 *
 * tolerance_ratio does the same on purpose: events within a window are one, at the time of the last
 * of them, which makes a flow end late by up to the window. The window is half the tolerance times
 * a lower bound of the makespan, divided by the number of activities with work on the longest
 * chain: what a chain gathers is then at most half the tolerance. The other half is for what late
 * flows take from those they share with; tests/tolerance_test.c measures the sum. */
#include <math.h>
#include <stdlib.h>
#include "models/base/arena.h"
#include "sim/engine.h"
#include "sim/fluid.h"
#include "sim/successors.h"

/* Clocks are sums of as many terms as there are events: thousands differ by less than this. */
#define ROUNDING_RATIO 0x1p-40

/* Activities whose latency ends at one time: a list through run.link. */
struct timer {
	double at_s;
	uint32_t first;
};

struct run {
	const struct graph *g;
	struct timeline *t;
	struct fluid fluid;
	uint32_t *n_pending; /* per activity: unfinished predecessors */
	uint32_t *succ_begin, *succ;
	uint32_t *done; /* finish now; also those that finish in consequence */
	uint32_t n_done, n_finished;
	uint32_t *ready; /* scratch: first activities of timers that end now */
	uint32_t *link;  /* per activity in its latency: the next in the timer's list, or itself */
	struct timer *timers; /* a heap, first to end first; owns the arrays above, too */
	uint32_t n_timers;
	double latest_at_s; /* of the timer made last; NAN when it may have ended */
	uint32_t latest;    /* the last in its list */
};

/* --- latencies --- */

static void swap_timers(struct timer *a, struct timer *b)
{
	struct timer old = *a;
	*a = *b;
	*b = old;
}

static void timer_push(struct run *run, double at_s, uint32_t i)
{
	run->link[i] = i;
	if (at_s == run->latest_at_s) {
		run->link[run->latest] = i;
		run->latest = i;
		return;
	}
	run->latest_at_s = at_s;
	run->latest = i;
	struct timer *heap = run->timers;
	uint32_t k = run->n_timers++;
	heap[k] = (struct timer){at_s, i};
	for (; k > 0 && heap[(k - 1) / 2].at_s > heap[k].at_s; k = (k - 1) / 2)
		swap_timers(&heap[(k - 1) / 2], &heap[k]);
}

/* Removes the timer that ends first and returns its first activity. */
static uint32_t timer_pop(struct run *run)
{
	struct timer *heap = run->timers;
	uint32_t first = heap[0].first, n = --run->n_timers;
	run->latest_at_s = NAN;
	heap[0] = heap[n];
	for (uint32_t k = 0, child; (child = 2 * k + 1) < n; k = child) {
		child += child + 1 < n && heap[child + 1].at_s < heap[child].at_s;
		if (heap[k].at_s <= heap[child].at_s)
			break;
		swap_timers(&heap[k], &heap[child]);
	}
	return first;
}

/* --- an activity's life --- */

static void begin_work(struct run *run, uint32_t i)
{
	if (run->g->work_units[i] > 0)
		fluid_enter(&run->fluid, i);
	else
		run->done[run->n_done++] = i;
}

/* The same for all in a timer's list. */
static void begin_list(struct run *run, uint32_t i)
{
	for (uint32_t next;; i = next) {
		next = run->link[i];
		begin_work(run, i);
		if (next == i)
			return;
	}
}

static void begin(struct run *run, uint32_t i)
{
	double now_s = run->fluid.now_s;
	run->t->start_s[i] = now_s;
	if (run->g->latency_s[i] > 0)
		timer_push(run, now_s + run->g->latency_s[i], i);
	else
		begin_work(run, i);
}

static void finish_done(struct run *run)
{
	while (run->n_finished < run->n_done) {
		uint32_t i = run->done[run->n_finished++];
		run->t->finish_s[i] = run->fluid.now_s;
		for (uint32_t k = run->succ_begin[i]; k < run->succ_begin[i + 1]; k++)
			if (--run->n_pending[run->succ[k]] == 0)
				begin(run, run->succ[k]);
	}
}

/* --- events --- */

/* Moves to the next event and handles all that is simultaneous. */
static void next_event(struct run *run, double window_s)
{
	struct fluid *f = &run->fluid;
	double end_s = fluid_next_end_s(f), timer_s = INFINITY;
	if (run->n_timers > 0)
		timer_s = run->timers[0].at_s;
	double first_s = fmin(end_s, timer_s), last_s = first_s;
	double until_s = first_s * (1 + ROUNDING_RATIO) + window_s;
	CHECK(isfinite(first_s));
	uint32_t n_ready = 0;
	while (run->n_timers > 0 && run->timers[0].at_s <= until_s) {
		last_s = fmax(last_s, run->timers[0].at_s);
		run->ready[n_ready++] = timer_pop(run);
	}
	run->n_done += fluid_ending(f, until_s, run->done + run->n_done, &last_s);
	f->now_s = last_s;
	/* The last first: then most leave from the end of their resources' lists. */
	for (uint32_t k = run->n_done; k-- > run->n_finished;)
		fluid_leave(f, run->done[k]);
	for (uint32_t k = 0; k < n_ready; k++)
		begin_list(run, run->ready[k]);
	finish_done(run);
	run->t->event_count += fluid_fill(f);
}

/* --- set up --- */

static void run_init(struct run *run, const struct graph *g, struct timeline *t)
{
	size_t n = g->n_activities;
	*run = (struct run){.g = g, .t = t, .latest_at_s = NAN};
	run->timers = heap_resize(
	        NULL, n * sizeof(struct timer) + (5 * n + 1 + g->n_preds) * sizeof(uint32_t), 1);
	run->n_pending = (uint32_t *)(run->timers + n);
	run->done = run->n_pending + n;
	run->ready = run->done + n;
	run->link = run->ready + n;
	run->succ_begin = run->link + n;
	run->succ = run->succ_begin + n + 1;
	find_successors(g, run->succ_begin, run->succ);
	fluid_init(&run->fluid, g);
}

static void run_fini(struct run *run)
{
	fluid_fini(&run->fluid);
	free(run->timers);
}

static double bound_s(const struct graph *g)
{
	struct timeline t;
	struct err e;
	timeline_init(&t);
	CHECK(engine_estimate.run(g, &(struct engine_options){0}, &t, &e) == RC_OK);
	double makespan_s = t.makespan_s;
	timeline_fini(&t);
	return makespan_s;
}

/* Activities with work on the chain that has most of them; at least 1. */
static double longest_chain_count(const struct graph *g)
{
	uint32_t *length = heap_zeroed(g->n_activities, sizeof *length), longest = 1;
	for (uint32_t i = 0; i < g->n_activities; i++) {
		for (size_t k = g->pred_begin[i]; k < g->pred_begin[i + 1]; k++)
			if (length[g->pred[k]] > length[i])
				length[i] = length[g->pred[k]];
		length[i] += g->work_units[i] > 0;
		if (length[i] > longest)
			longest = length[i];
	}
	free(length);
	return longest;
}

static enum rc run_fluid(const struct graph *g, const struct engine_options *options,
                         struct timeline *t, struct err *e)
{
	(void)e;
	struct run run;
	double window_s = 0;
	if (options->tolerance_ratio > 0)
		window_s = options->tolerance_ratio * bound_s(g) / longest_chain_count(g) / 2;
	timeline_resize(t, g->n_activities);
	run_init(&run, g, t);
	for (uint32_t i = 0; i < g->n_activities; i++)
		run.n_pending[i] = (uint32_t)(g->pred_begin[i + 1] - g->pred_begin[i]);
	for (uint32_t i = 0; i < g->n_activities; i++)
		if (g->pred_begin[i] == g->pred_begin[i + 1])
			begin(&run, i);
	finish_done(&run);
	t->event_count += fluid_fill(&run.fluid);
	while (run.n_finished < g->n_activities)
		next_event(&run, window_s);
	t->makespan_s = run.fluid.now_s;
	run_fini(&run);
	return RC_OK;
}

static bool available(const char **why_not)
{
	(void)why_not;
	return true;
}

const struct engine engine_fluid = {
        .name = "fluid",
        .doc = "max-min fair sharing of every resource, exact",
        .available = available,
        .run = run_fluid,
};

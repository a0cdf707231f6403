#include <math.h>
#include <stdlib.h>
#include "models/base/arena.h"
#include "tests/reference.h"

#define CLOSE 1e-12

enum phase { WAITING, IN_LATENCY, WORKING, DONE };

struct actor {
	enum phase phase;
	double left;    /* work, or time of latency */
	double rate;    /* of either */
	bool is_rising; /* in filling */
};

/* The level at which r is full while the activities that rise share what the others leave. */
static double level_of(const struct graph *g, const struct actor *actors, uint32_t r)
{
	double left = g->capacity_per_s[r], rising = 0;
	for (uint32_t i = 0; i < g->n_activities; i++)
		for (size_t k = g->use_begin[i]; k < g->use_begin[i + 1]; k++) {
			double weight = g->use_weight_ratio[k];
			if (g->use_resource[k] != r || actors[i].phase != WORKING)
				continue;
			if (actors[i].is_rising)
				rising += weight * g->share_count[i];
			else
				left -= weight * actors[i].rate;
		}
	return rising > 0 ? left / rising : INFINITY;
}

static bool uses_full(const struct graph *g, const double *levels, uint32_t i, double level)
{
	for (size_t k = g->use_begin[i]; k < g->use_begin[i + 1]; k++)
		if (levels[g->use_resource[k]] <= level * (1 + CLOSE))
			return true;
	return g->cap_per_s[i] / g->share_count[i] <= level * (1 + CLOSE);
}

static void share_out(const struct graph *g, struct actor *actors, double *levels)
{
	uint32_t n_rising = 0;
	for (uint32_t i = 0; i < g->n_activities; i++)
		n_rising += actors[i].is_rising = actors[i].phase == WORKING;
	while (n_rising > 0) {
		double level = INFINITY;
		for (uint32_t r = 0; r < g->n_resources; r++)
			level = fmin(level, levels[r] = level_of(g, actors, r));
		for (uint32_t i = 0; i < g->n_activities; i++)
			if (actors[i].is_rising)
				level = fmin(level, g->cap_per_s[i] / g->share_count[i]);
		for (uint32_t i = 0; i < g->n_activities; i++)
			if (actors[i].is_rising && uses_full(g, levels, i, level)) {
				actors[i].is_rising = false;
				actors[i].rate = level * g->share_count[i];
				n_rising--;
			}
	}
}

/* Lets an activity go on as far as it can at this instant; true when it did. */
static bool advance(const struct graph *g, struct timeline *t, struct actor *actors, uint32_t i,
                    double now)
{
	struct actor *a = &actors[i];
	bool is_over = a->left <= 0 || a->left <= a->rate * CLOSE * now;
	switch (a->phase) {
	case WAITING:
		for (size_t k = g->pred_begin[i]; k < g->pred_begin[i + 1]; k++)
			if (actors[g->pred[k]].phase != DONE)
				return false;
		t->start_s[i] = now;
		*a = (struct actor){.phase = IN_LATENCY, .left = g->latency_s[i], .rate = 1};
		return true;
	case IN_LATENCY:
		if (is_over)
			*a = (struct actor){.phase = WORKING, .left = g->work_units[i]};
		return is_over;
	case WORKING:
		if (is_over)
			t->finish_s[i] = now, a->phase = DONE;
		return is_over;
	case DONE:
		break;
	}
	return false;
}

void reference_run(const struct graph *g, struct timeline *t)
{
	struct actor *actors = heap_zeroed(g->n_activities, sizeof *actors);
	double *levels = heap_zeroed(g->n_resources, sizeof *levels);
	double now = 0, step;
	timeline_resize(t, g->n_activities);
	do {
		bool moved;
		do {
			moved = false;
			for (uint32_t i = 0; i < g->n_activities; i++)
				moved |= advance(g, t, actors, i, now);
		} while (moved);
		share_out(g, actors, levels);
		step = INFINITY;
		for (uint32_t i = 0; i < g->n_activities; i++)
			if (actors[i].phase == IN_LATENCY || actors[i].phase == WORKING)
				step = fmin(step, actors[i].left / actors[i].rate);
		for (uint32_t i = 0; i < g->n_activities; i++)
			if (actors[i].phase == IN_LATENCY || actors[i].phase == WORKING)
				actors[i].left -= actors[i].rate * step;
		now += isfinite(step) ? step : 0;
	} while (isfinite(step));
	t->makespan_s = now;
	free(actors);
	free(levels);
}

/* How sure a sweep's feasible set is: the same sweep on draws of the machine. */
#include <stdlib.h>
#include "sim/spread.h"
#include "sim/sweep.h"

static enum rc one_draw(const struct sweep *s, const struct sweep_options *options, int64_t draw,
                        double *n_feasible, struct err *e)
{
	const struct config *c = s->config;
	struct config drawn = *c;
	struct sweep *other;

	TRY(machine_guess(&c->machine, c->notes[SECTION_MACHINE], (uint64_t)c->routing.seed,
	                  (uint64_t)draw, &drawn.machine, e));
	TRY(sweep_run(&drawn, options, &other, e));
	CHECK(other->n_points == s->n_points);
	for (size_t i = 0; i < s->n_points; i++)
		n_feasible[i] += other->points[i].feasible;
	sweep_free(other);
	return RC_OK;
}

enum rc sweep_draws(struct sweep *s, const struct sweep_options *options, int64_t draws,
                    struct err *e)
{
	struct sweep_options plain = {.jobs = options->jobs};
	double *n_feasible = heap_zeroed(s->n_points + 1, sizeof *n_feasible);
	enum rc rc = RC_OK;

	for (int64_t i = 0; rc == RC_OK && i < draws; i++) {
		rc = one_draw(s, &plain, i, n_feasible, e);
		if (options->progress)
			options->progress(options->progress_data, (size_t)i + 1, (size_t)draws);
	}
	for (size_t i = 0; i < s->n_points; i++)
		n_feasible[i] /= (double)draws;
	if (rc != RC_OK) {
		free(n_feasible);
		return rc;
	}
	free(s->probability_ratio);
	s->draws = draws, s->probability_ratio = n_feasible;
	return RC_OK;
}

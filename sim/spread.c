#include "sim/spread.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/rng.h"
#include "models/parameter.h"

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double quantile(const double *sorted, int64_t n, double share_ratio)
{
	double at = share_ratio * (double)(n - 1);
	int64_t below = (int64_t)at, above = below + 1 < n ? below + 1 : below;

	return sorted[below] + (at - (double)below) * (sorted[above] - sorted[below]);
}

struct spread spread_of(double *value_units, int64_t n)
{
	if (n == 0)
		return (struct spread){0};
	qsort(value_units, (size_t)n, sizeof *value_units, by_size);
	return (struct spread){.low = quantile(value_units, n, 0.05),
	                       .median = quantile(value_units, n, 0.5),
	                       .high = quantile(value_units, n, 0.95),
	                       .draws = n};
}

enum rc machine_guess(const struct machine *m, const struct note *notes, uint64_t seed,
                      uint64_t draw, struct machine_guess *out, struct err *e)
{
	enum { KERNELS = 0x6b65726e }; /* a stream apart from those of the parameters */
	double sd_ratio = m->calibration.kernel_sd_ratio;
	struct rng r;

	TRY(machine_draw(m, notes, seed, draw, &out->machine, e));
	rng_init(&r, seed ^ KERNELS, draw);
	out->dispatch_ratio = exp(sd_ratio * normal_draw_units(&r));
	out->combine_ratio = exp(sd_ratio * normal_draw_units(&r));
	return RC_OK;
}

enum rc step_guess(const struct step_request *q, const struct machine_guess *g, double *out_s,
                   struct err *e)
{
	struct step_request guessed = *q;
	struct step_result r;
	double time_s;

	guessed.machine = &g->machine;
	TRY(step_run(&guessed, &r, e));
	time_s = r.step_s;
	for (size_t i = 0; step_phases[i]; i++) {
		if (strcmp(step_phases[i], "dispatch") == 0)
			time_s += (g->dispatch_ratio - 1) * r.phase_s[i];
		if (strcmp(step_phases[i], "combine") == 0)
			time_s += (g->combine_ratio - 1) * r.phase_s[i];
	}
	*out_s = time_s;
	return RC_OK;
}

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
                      uint64_t draw, struct machine *out, struct err *e)
{
	enum { KERNELS = 0x6b65726e }; /* a stream apart from those of the parameters */
	double sd_ratio = m->calibration.kernel_sd_ratio;
	struct rng r;

	TRY(machine_draw(m, notes, seed, draw, out, e));
	rng_init(&r, seed ^ KERNELS, draw);
	out->dispatch_excess_ratio = expm1(sd_ratio * normal_draw_units(&r));
	out->combine_excess_ratio = expm1(sd_ratio * normal_draw_units(&r));
	return RC_OK;
}

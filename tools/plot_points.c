/* Tables of points for the scatter pictures. A sweep may have millions of points, a picture has
 * only so many places: of those that would lie on the same spot one is written, with their number.
 */
#include <stdlib.h>
#include "models/base/rng.h"
#include "tools/plot_data.h"

/* Places along an axis; one and a half pixels each. The faint marks are many and small: every
 * other. */
enum { PLACES_X = 600, PLACES_Y = 400, FAINT_STEP = 2 };

struct spot {
	uint64_t place; /* class, flow and where */
	size_t first;   /* point that stands for those here */
	size_t n_points;
};

static uint64_t place_on(const struct plot_axis *axis, const struct sweep_point *point, int places)
{
	double at_ratio = plot_axis_ratio(axis, axis->value_units(point));

	return (uint64_t)(at_ratio * places + 0.5);
}

static uint64_t place_of(const struct plot *p, const struct plot_axis *x, const struct plot_axis *y,
                         const struct sweep_point *point)
{
	enum plot_class class = plot_class_of(p, point);
	int step = class == PLOT_FEASIBLE ? 1 : FAINT_STEP;
	uint64_t place = class * (uint64_t)MOST_SUMMARIES + plot_flow_at(p, point_flow(point));

	place = place * (PLACES_X + 2) + place_on(x, point, PLACES_X / step);
	return place * (PLACES_Y + 2) + place_on(y, point, PLACES_Y / step);
}

static int by_place(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;

	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

static size_t spots_find(const struct plot *p, const struct plot_axis *x, const struct plot_axis *y,
                         struct spot *spot)
{
	const struct sweep *s = p->sweep;
	size_t n = 0, n_spots = 0;

	for (size_t i = 0; i < s->n_points; i++) {
		if (plot_priced(s->points + i))
			spot[n++] = (struct spot){place_of(p, x, y, s->points + i), i, 1};
	}
	qsort(spot, n, sizeof *spot, by_place);
	for (size_t i = 0; i < n; i++) {
		if (n_spots > 0 && spot[n_spots - 1].place == spot[i].place)
			spot[n_spots - 1].n_points++;
		else
			spot[n_spots++] = spot[i];
	}
	return n_spots;
}

/* Rows of a class in a drawn order, so that no flow's marks all lie above another's. */
static void class_write(const struct plot *p, const struct plot_axis *x, const struct plot_axis *y,
                        const struct spot *spot, const uint32_t *order, size_t n, FILE *out)
{
	for (size_t i = 0; i < n; i++) {
		const struct spot *at = spot + order[i];
		const struct sweep_point *point = p->sweep->points + at->first;

		fprintf(out, "%.6g\t%.6g\t%zu\t%zu\t%s\n", x->value_units(point),
		        y->value_units(point), plot_flow_at(p, point_flow(point)) + 1, at->n_points,
		        point_flow(point)->name);
	}
}

static void header_write(const struct plot *p, const struct plot_axis *x, const struct plot_axis *y,
                         FILE *out)
{
	fprintf(out,
	        "# Points of a sweep, %zu that could be priced; all their figures are in "
	        "points.csv.\n"
	        "# Points on the same spot of the picture are one row with their number, in random "
	        "order.\n"
	        "# late: over a time budget; no room: within those, but not in memory or NPUs\n"
	        "# columns: %s\t%s\tflow_number\tpoints\tflow\n",
	        p->n_priced, x->column, y->column);
}

static void points_write(const struct plot *p, const struct plot_axis *x, const struct plot_axis *y,
                         FILE *out)
{
	struct spot *spot = heap_zeroed(p->n_priced, sizeof *spot);
	size_t n_spots = spots_find(p, x, y, spot), begin = 0;
	uint32_t *order = heap_zeroed(n_spots, sizeof *order);
	struct rng draw;

	rng_init(&draw, 0, 0);
	header_write(p, x, y, out);
	for (enum plot_class class = 0; class < PLOT_CLASSES; class ++) {
		size_t n = 0;

		while (begin + n < n_spots &&
		       plot_class_of(p, p->sweep->points + spot[begin + n].first) == class)
			order[n] = (uint32_t)(begin + n), n++;
		if (n == 0)
			continue;
		rng_shuffle(&draw, order, n);
		fprintf(out, "\n\n# %s:\n", plot_class_names[class]);
		class_write(p, x, y, spot, order, n, out);
		begin += n;
	}
	free(order);
	free(spot);
}

void plot_ttft_points(const struct plot *p, FILE *out)
{
	points_write(p, &p->ttft, &p->tpot, out);
}

void plot_throughput_points(const struct plot *p, FILE *out)
{
	points_write(p, &p->tpot, &p->throughput, out);
}

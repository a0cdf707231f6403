#include "sim/surface.h"
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"

enum { CORNERS = 1 << SURFACE_AXES, NO_AXIS = -1 };

struct cell {
	double least[SURFACE_AXES], most[SURFACE_AXES];
	double corner[CORNERS][SURFACE_VALUES]; /* bit i of the index: at most along axis i */
	int axis;                               /* it is cut along; NO_AXIS: a leaf */
	bool checked;
	double cut;
	uint32_t below, above;
};

/* A point that was computed. */
struct point {
	double at[SURFACE_AXES], value[SURFACE_VALUES];
	bool used;
};

struct surface {
	struct surface_spec spec;
	struct cell *cell;
	uint32_t n_cells, cells_room, last;
	struct point *point; /* open addressing, room a power of two */
	size_t n_points, points_room;
};

struct surface *surface_new(const struct surface_spec *spec)
{
	struct surface *s = heap_zeroed(1, sizeof *s);

	s->spec = *spec;
	s->points_room = 256;
	s->point = heap_zeroed(s->points_room, sizeof *s->point);
	return s;
}

void surface_free(struct surface *s)
{
	if (!s)
		return;
	free(s->cell);
	free(s->point);
	free(s);
}

size_t surface_points(const struct surface *s)
{
	return s->n_points;
}

/* ---- points, each computed once -------------------------------------------------------------- */

static uint64_t hash_of(const double *at)
{
	uint64_t hash = 0, bits;

	for (int i = 0; i < SURFACE_AXES; i++) {
		memcpy(&bits, &at[i], sizeof bits);
		hash = (hash ^ bits) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	return hash;
}

static bool same(const double *a, const double *b)
{
	for (int i = 0; i < SURFACE_AXES; i++) {
		if (a[i] != b[i])
			return false;
	}
	return true;
}

static struct point *place_of(struct point *table, size_t room, const double *at)
{
	size_t i = (size_t)hash_of(at) & (room - 1);

	while (table[i].used && !same(table[i].at, at))
		i = (i + 1) & (room - 1);
	return &table[i];
}

static void points_grow(struct surface *s)
{
	size_t room = 2 * s->points_room;
	struct point *table = heap_zeroed(room, sizeof *table);

	for (size_t i = 0; i < s->points_room; i++) {
		if (s->point[i].used)
			*place_of(table, room, s->point[i].at) = s->point[i];
	}
	free(s->point);
	s->point = table, s->points_room = room;
}

static enum rc point_get(struct surface *s, const double *at, double *out, struct err *e)
{
	struct point *p = place_of(s->point, s->points_room, at);

	if (!p->used) {
		double value[SURFACE_VALUES] = {0};

		TRY(s->spec.fn(s->spec.data, at, value, e));
		if (2 * (s->n_points + 1) > s->points_room)
			points_grow(s);
		p = place_of(s->point, s->points_room, at);
		memcpy(p->at, at, sizeof p->at);
		memcpy(p->value, value, sizeof p->value);
		p->used = true;
		s->n_points++;
	}
	memcpy(out, p->value, sizeof p->value);
	return RC_OK;
}

/* ---- cells ----------------------------------------------------------------------------------- */

static enum rc cell_append(struct surface *s, const double *least, const double *most,
                           uint32_t *out, struct err *e)
{
	struct cell c = {.axis = NO_AXIS};

	memcpy(c.least, least, sizeof c.least);
	memcpy(c.most, most, sizeof c.most);
	for (int k = 0; k < 1 << s->spec.n_axes; k++) {
		double at[SURFACE_AXES] = {0};

		for (int i = 0; i < s->spec.n_axes; i++)
			at[i] = k >> i & 1 ? most[i] : least[i];
		TRY(point_get(s, at, c.corner[k], e));
	}
	if (s->n_cells == s->cells_room) {
		s->cells_room = s->cells_room ? 2 * s->cells_room : 64;
		s->cell = heap_resize(s->cell, s->cells_room, sizeof *s->cell);
	}
	s->cell[s->n_cells] = c;
	*out = s->n_cells++;
	return RC_OK;
}

static void interpolate(const struct surface *s, const struct cell *c, const double *at,
                        double *out)
{
	double v[CORNERS][SURFACE_VALUES];
	int n = 1 << s->spec.n_axes;

	memcpy(v, c->corner, sizeof v);
	for (int i = s->spec.n_axes - 1; i >= 0; i--) {
		double share = (at[i] - c->least[i]) / (c->most[i] - c->least[i]);

		n /= 2; /* the highest bit left is axis i */
		for (int k = 0; k < n; k++) {
			for (int j = 0; j < SURFACE_VALUES; j++)
				v[k][j] += share * (v[k + n][j] - v[k][j]);
		}
	}
	memcpy(out, v[0], SURFACE_VALUES * sizeof *out);
}

/* A point of the cell by its place along each axis, 0 to 4 quarters. */
static void probe_at(const struct surface *s, const struct cell *c, const int *quarter, double *at)
{
	memset(at, 0, SURFACE_AXES * sizeof *at);
	for (int i = 0; i < s->spec.n_axes; i++) {
		double width = c->most[i] - c->least[i];

		at[i] = c->least[i] + width * quarter[i] / 4;
		if (s->spec.axis[i].whole)
			at[i] = round(at[i]);
	}
}

/* Error of interpolation at a probe, as a share of the first value. */
static enum rc probe(struct surface *s, const struct cell *c, const int *quarter, double *error,
                     struct err *e)
{
	double at[SURFACE_AXES], is[SURFACE_VALUES], guess[SURFACE_VALUES];

	probe_at(s, c, quarter, at);
	TRY(point_get(s, at, is, e));
	interpolate(s, c, at, guess);
	for (int j = 0; j < SURFACE_VALUES; j++) {
		if (guess[j] != is[j])
			*error = fmax(*error, fabs(guess[j] - is[j]) / fabs(is[0]));
	}
	return RC_OK;
}

static enum rc probe_all(struct surface *s, const struct cell *c, double *error, struct err *e)
{
	int quarter[SURFACE_AXES] = {2, 2, 2};

	*error = 0;
	TRY(probe(s, c, quarter, error, e));
	for (int i = 0; i < s->spec.n_axes; i++) {
		for (quarter[i] = 0; quarter[i] <= 4; quarter[i] += 4)
			TRY(probe(s, c, quarter, error, e));
		quarter[i] = 2;
	}
	for (int k = 0; k < 1 << s->spec.n_axes; k++) {
		for (int i = 0; i < s->spec.n_axes; i++)
			quarter[i] = k >> i & 1 ? 3 : 1;
		TRY(probe(s, c, quarter, error, e));
	}
	return RC_OK;
}

/* How far the centre lies off the line between the centres of an axis' two faces. */
static enum rc bend(struct surface *s, const struct cell *c, int axis, double *out, struct err *e)
{
	int quarter[SURFACE_AXES] = {2, 2, 2};
	double low[SURFACE_VALUES], high[SURFACE_VALUES], middle[SURFACE_VALUES];
	double at[SURFACE_AXES], share;

	probe_at(s, c, quarter, at);
	TRY(point_get(s, at, middle, e));
	share = (at[axis] - c->least[axis]) / (c->most[axis] - c->least[axis]);
	quarter[axis] = 0;
	probe_at(s, c, quarter, at);
	TRY(point_get(s, at, low, e));
	quarter[axis] = 4;
	probe_at(s, c, quarter, at);
	TRY(point_get(s, at, high, e));
	*out = 0;
	for (int j = 0; j < SURFACE_VALUES; j++)
		*out = fmax(*out, fabs(low[j] + share * (high[j] - low[j]) - middle[j]));
	return RC_OK;
}

/* Too wide to be judged by a few probes: cells are at most five times as far from the origin at one
 * end as at the other; next to the origin, a sixteenth of the axis. */
static bool too_wide(const struct surface_axis *axis, double least, double most)
{
	double from = least > 0 ? least : axis->most_units / 64;

	return most - least > fmax(1, 4 * from);
}

/* Wide cells are cut by ratio, since times change fastest at small counts. */
static double cut_of(const struct surface_axis *axis, double least, double most)
{
	double cut = least > 0 && most > 4 * least ? sqrt(least * most) : (least + most) / 2;

	if (axis->whole)
		cut = fmin(fmax(round(cut), least + 1), most - 1);
	return cut;
}

static enum rc best_axis(struct surface *s, const struct cell *c, int *out, struct err *e)
{
	double most = -1;

	*out = NO_AXIS;
	for (int i = 0; i < s->spec.n_axes; i++) {
		double bent;

		if (c->most[i] - c->least[i] <= 1)
			continue;
		TRY(bend(s, c, i, &bent, e));
		if (bent > most)
			most = bent, *out = i;
	}
	return RC_OK;
}

static int widest_axis(const struct surface *s, const struct cell *c)
{
	for (int i = 0; i < s->spec.n_axes; i++) {
		if (too_wide(&s->spec.axis[i], c->least[i], c->most[i]))
			return i;
	}
	return NO_AXIS;
}

/* Checks a leaf; cuts it in two where it is not good enough. */
static enum rc leaf_check(struct surface *s, uint32_t at, struct err *e)
{
	struct cell c = s->cell[at];
	double error, cut, end[SURFACE_AXES];
	int axis;

	axis = widest_axis(s, &c);
	if (axis == NO_AXIS) {
		TRY(probe_all(s, &c, &error, e));
		if (error > s->spec.error_ratio)
			TRY(best_axis(s, &c, &axis, e));
	}
	if (axis != NO_AXIS) {
		cut = cut_of(&s->spec.axis[axis], c.least[axis], c.most[axis]);
		memcpy(end, c.most, sizeof end);
		end[axis] = cut;
		TRY(cell_append(s, c.least, end, &c.below, e));
		memcpy(end, c.least, sizeof end);
		end[axis] = cut;
		TRY(cell_append(s, end, c.most, &c.above, e));
		c.cut = cut, c.axis = axis;
	}
	c.checked = true;
	s->cell[at] = c;
	return RC_OK;
}

static bool holds(const struct surface *s, const struct cell *c, const double *at)
{
	for (int i = 0; i < s->spec.n_axes; i++) {
		if (!(at[i] >= c->least[i] && at[i] < c->most[i]))
			return false;
	}
	return true;
}

static enum rc root_make(struct surface *s, struct err *e)
{
	double least[SURFACE_AXES] = {0}, most[SURFACE_AXES] = {0};
	uint32_t root;

	for (int i = 0; i < s->spec.n_axes; i++) {
		least[i] = s->spec.axis[i].least_units;
		most[i] = s->spec.axis[i].most_units;
	}
	return cell_append(s, least, most, &root, e);
}

static enum rc leaf_find(struct surface *s, const double *at, const struct cell **out,
                         struct err *e)
{
	uint32_t i = 0;

	if (s->n_cells == 0)
		TRY(root_make(s, e));
	if (holds(s, &s->cell[s->last], at) && s->cell[s->last].axis == NO_AXIS &&
	    s->cell[s->last].checked)
		return *out = &s->cell[s->last], RC_OK;
	for (;;) {
		if (s->cell[i].axis == NO_AXIS && !s->cell[i].checked)
			TRY(leaf_check(s, i, e));
		if (s->cell[i].axis == NO_AXIS)
			break;
		i = at[s->cell[i].axis] < s->cell[i].cut ? s->cell[i].below : s->cell[i].above;
	}
	s->last = i;
	*out = &s->cell[i];
	return RC_OK;
}

enum rc surface_at(struct surface *s, const double *at, double *out, struct err *e)
{
	const struct cell *c;

	TRY(leaf_find(s, at, &c, e));
	interpolate(s, c, at, out);
	return RC_OK;
}

enum rc surface_line(struct surface *s, const double *at, int axis, struct surface_line *out,
                     struct err *e)
{
	double low[SURFACE_VALUES], high[SURFACE_VALUES], end[SURFACE_AXES] = {0};
	const struct cell *c;
	double width;

	TRY(leaf_find(s, at, &c, e));
	memcpy(end, at, (size_t)s->spec.n_axes * sizeof *end);
	end[axis] = c->least[axis];
	interpolate(s, c, end, low);
	end[axis] = c->most[axis];
	interpolate(s, c, end, high);
	width = c->most[axis] - c->least[axis];
	for (int j = 0; j < SURFACE_VALUES; j++) {
		out->slope_units[j] = (high[j] - low[j]) / width;
		out->value_units[j] = low[j] + out->slope_units[j] * (at[axis] - c->least[axis]);
	}
	out->end_units = c->most[axis] >= s->spec.axis[axis].most_units ? HUGE_VAL : c->most[axis];
	return RC_OK;
}

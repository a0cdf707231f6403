/* Which schedules a page holds. */
#include <stdlib.h>
#include <string.h>
#include "sim/sweep_front.h"
#include "tools/report.h"

const char *const point_class_names[POINT_CLASSES] = {
        [CLASS_FRONT] = "that none beats with as many NPUs",
        [CLASS_FEASIBLE] = "feasible ones beside these",
        [CLASS_FITS] = "that miss only a budget of time or NPUs",
        [CLASS_OTHER] = "that do not fit memory or cannot run",
};

bool point_fits(const struct sweep_point *p)
{
	double limit_bytes;

	if (!point_priced(p))
		return false;
	limit_bytes = point_memory_limit_bytes(p);
	return p->prefill->memory.total_bytes <= limit_bytes &&
	       p->decode->memory.total_bytes <= limit_bytes;
}

static int by_npus(const void *a, const void *b)
{
	const struct front_item *x = a, *y = b;
	int64_t m = point_npus(x->point), n = point_npus(y->point);

	if (m != n)
		return m < n ? -1 : 1;
	return x->point < y->point ? -1 : x->point > y->point;
}

/* Marks what none beats among the points of the same NPUs. */
static void fronts_mark(const struct sweep *s, uint8_t *class)
{
	struct front_item *item = heap_zeroed(s->n_points + 1, sizeof *item);
	size_t n = 0;

	for (size_t i = 0; i < s->n_points; i++) {
		if (point_fits(s->points + i))
			item[n++] = front_item(s->points + i);
	}
	qsort(item, n, sizeof *item, by_npus);
	for (size_t from = 0, to; from < n; from = to) {
		size_t n_front;

		for (to = from;
		     to < n && point_npus(item[to].point) == point_npus(item[from].point);)
			to++;
		n_front = front_keep(item + from, to - from);
		for (size_t i = from; i < from + n_front; i++)
			class[item[i].point - s->points] = CLASS_FRONT;
	}
	free(item);
}

static void classes_mark(const struct sweep *s, uint8_t *class)
{
	memset(class, CLASS_OTHER, s->n_points);
	fronts_mark(s, class);
	for (size_t i = 0; i < s->n_points; i++) {
		if (class[i] == CLASS_FRONT)
			continue;
		if (s->points[i].feasible)
			class[i] = CLASS_FEASIBLE;
		else if (point_fits(s->points + i))
			class[i] = CLASS_FITS;
	}
}

/* Of n, the i-th is one of the `some` that stand evenly among them. */
static bool is_chosen(size_t i, size_t some, size_t n)
{
	return (i + 1) * some / n > i * some / n;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The front first. Of what it leaves, half for those that budgets allow and half for those that
 * others would; what one does not need is the other's, and then the rest's. */
static void room_share(struct report_points *p, size_t most)
{
	size_t room, half;

	p->n_shown[CLASS_FRONT] = least(p->n_of[CLASS_FRONT], most);
	room = most - p->n_shown[CLASS_FRONT];
	half = least(p->n_of[CLASS_FITS], room / 2);
	p->n_shown[CLASS_FEASIBLE] = least(p->n_of[CLASS_FEASIBLE], room - half);
	room -= p->n_shown[CLASS_FEASIBLE];
	p->n_shown[CLASS_FITS] = least(p->n_of[CLASS_FITS], room);
	room -= p->n_shown[CLASS_FITS];
	p->n_shown[CLASS_OTHER] = least(p->n_of[CLASS_OTHER], room);
}

void points_choose(const struct sweep *s, size_t most, struct arena *a, struct report_points *out)
{
	uint8_t *class = heap_zeroed(s->n_points + 1, 1);
	size_t seen[POINT_CLASSES] = {0}, room = 0;

	*out = (struct report_points){0};
	classes_mark(s, class);
	for (size_t i = 0; i < s->n_points; i++)
		out->n_of[class[i]]++;
	room_share(out, most);
	for (enum point_class k = 0; k < POINT_CLASSES; k++)
		room += out->n_shown[k];
	out->list = arena_alloc(a, (room + 1) * sizeof *out->list);
	for (size_t i = 0; i < s->n_points; i++) {
		enum point_class k = class[i];

		if (is_chosen(seen[k]++, out->n_shown[k], out->n_of[k])) {
			out->list[out->n++] = s->points + i;
			out->n_fits += k != CLASS_OTHER;
		}
	}
	free(class);
}

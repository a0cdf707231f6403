/* Three figures, so a pass over one of them and a staircase of the other two: n log n. */
#include "sim/sweep_front.h"
#include <stdlib.h>
#include <string.h>

struct front_item front_item(const struct sweep_point *p)
{
	return (struct front_item){p->prefill->time_s, p->decode->time_s,
	                           p->tokens_per_s_per_npu_count, p};
}

/* Best throughput first: an item can only be beaten by one before it. */
static int by_throughput(const void *a, const void *b)
{
	const struct front_item *x = a, *y = b;

	if (x->rate_count != y->rate_count)
		return x->rate_count < y->rate_count ? 1 : -1;
	if (x->ttft_s != y->ttft_s)
		return x->ttft_s > y->ttft_s ? 1 : -1;
	if (x->tpot_s != y->tpot_s)
		return x->tpot_s > y->tpot_s ? 1 : -1;
	return x->point > y->point ? 1 : x->point < y->point ? -1 : 0;
}

/* A staircase: TTFT rises, TPOT falls. Of all items seen, those that none beats in the two. */
struct stairs {
	const struct front_item **at;
	size_t n;
};

/* How many steps have a TTFT of at most x's. */
static size_t stairs_up_to(const struct stairs *s, const struct front_item *x)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (s->at[middle]->ttft_s <= x->ttft_s)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Is x beaten by what came before, all at least as good in throughput? The last step up to x has
 * the least TPOT of those. Equal in all three is no defeat. */
static bool stairs_beat(const struct stairs *s, const struct front_item *x)
{
	size_t n = stairs_up_to(s, x);
	const struct front_item *y = n > 0 ? s->at[n - 1] : NULL;

	if (!y || y->tpot_s > x->tpot_s)
		return false;
	return y->ttft_s < x->ttft_s || y->tpot_s < x->tpot_s || y->rate_count > x->rate_count;
}

static void stairs_add(struct stairs *s, const struct front_item *x)
{
	size_t n = stairs_up_to(s, x), from = n, to = n;

	if (n > 0 && s->at[n - 1]->tpot_s <= x->tpot_s)
		return; /* as good in both already */
	if (n > 0 && s->at[n - 1]->ttft_s == x->ttft_s)
		from--;
	while (to < s->n && s->at[to]->tpot_s >= x->tpot_s)
		to++;
	memmove(s->at + from + 1, s->at + to, (s->n - to) * sizeof(struct front_item *));
	s->at[from] = x;
	s->n = s->n - (to - from) + 1;
}

size_t front_keep(struct front_item *list, size_t n)
{
	struct stairs s = {heap_zeroed(n + 1, sizeof(struct front_item *)), 0};
	size_t n_kept = 0;

	qsort(list, n, sizeof *list, by_throughput);
	for (size_t i = 0; i < n; i++) {
		if (stairs_beat(&s, list + i))
			continue;
		list[n_kept] = list[i];
		stairs_add(&s, list + n_kept);
		n_kept++;
	}
	free(s.at);
	return n_kept;
}

size_t front_unbeaten(struct front_item *front, size_t n_front, struct front_item *list, size_t n)
{
	struct stairs s = {heap_zeroed(n_front + 1, sizeof(struct front_item *)), 0};
	size_t n_kept = 0, at = 0;

	qsort(front, n_front, sizeof *front, by_throughput);
	qsort(list, n, sizeof *list, by_throughput);
	for (size_t i = 0; i < n; i++) {
		while (at < n_front && front[at].rate_count >= list[i].rate_count)
			stairs_add(&s, front + at++);
		if (!stairs_beat(&s, list + i))
			list[n_kept++] = list[i];
	}
	free(s.at);
	return n_kept;
}

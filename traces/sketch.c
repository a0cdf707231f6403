#include "traces/sketch.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "models/base/err.h"

enum { PART_BITS = 9, FIRST_ROOM = 16 };

struct sketch_part {
	uint32_t index;
	uint64_t n;
};

void sketch_init(struct sketch *s)
{
	*s = (struct sketch){.least = INT64_MAX};
}

void sketch_fini(struct sketch *s)
{
	free(s->value);
	free(s->part);
}

/* Small values are their own index; above, an octave has SKETCH_PARTS. */
static uint32_t index_of(int64_t value)
{
	int octave = value < SKETCH_PARTS ? 0 : 63 - __builtin_clzll((uint64_t)value) - PART_BITS;

	if (value < SKETCH_PARTS)
		return (uint32_t)value;
	return (uint32_t)((octave << PART_BITS) + (value >> octave));
}

/* Middle of a part, rounded down. */
static int64_t value_of(uint32_t index)
{
	uint32_t octave = index < 2 * SKETCH_PARTS ? 0 : (index >> PART_BITS) - 1;
	int64_t from = (int64_t)(index - (octave << PART_BITS)) << octave;

	return from + (((int64_t)1 << octave) - 1) / 2;
}

static uint32_t part_find(const struct sketch *s, uint32_t index)
{
	uint32_t low = 0, high = s->n_parts;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (s->part[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void part_add(struct sketch *s, int64_t value)
{
	uint32_t index = index_of(value), i = part_find(s, index);

	if (i < s->n_parts && s->part[i].index == index) {
		s->part[i].n++;
		return;
	}
	if (s->n_parts == s->room) {
		s->room = s->room ? 2 * s->room : FIRST_ROOM;
		s->part = heap_resize(s->part, s->room, sizeof *s->part);
	}
	memmove(&s->part[i + 1], &s->part[i], (s->n_parts - i) * sizeof *s->part);
	s->part[i] = (struct sketch_part){index, 1};
	s->n_parts++;
}

static void spill(struct sketch *s)
{
	for (uint64_t i = 0; i < s->n; i++)
		part_add(s, s->value[i]);
	free(s->value);
	s->value = NULL;
}

void sketch_add(struct sketch *s, int64_t value)
{
	CHECK(value >= 0);
	if (s->n == SKETCH_EXACT)
		spill(s);
	if (s->n >= SKETCH_EXACT) {
		part_add(s, value);
	} else {
		if ((s->n & (s->n - 1)) == 0) /* room doubles */
			s->value = heap_resize(s->value, s->n ? 2 * s->n : 1, sizeof *s->value);
		s->value[s->n] = value;
	}
	s->n++;
	s->least = value < s->least ? value : s->least;
	s->most = value > s->most ? value : s->most;
	if (__builtin_add_overflow(s->sum, value, &s->sum))
		s->sum = INT64_MAX;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t exact_quantile(const struct sketch *s, uint64_t at)
{
	int64_t sorted[SKETCH_EXACT];

	memcpy(sorted, s->value, s->n * sizeof *sorted);
	qsort(sorted, s->n, sizeof *sorted, by_value);
	return sorted[at];
}

int64_t sketch_quantile(const struct sketch *s, double p_ratio)
{
	uint64_t at = (uint64_t)floor(p_ratio * (double)s->n), below = 0;
	int64_t value = s->most;

	if (s->n == 0)
		return 0;
	at = at < s->n ? at : s->n - 1;
	if (at == 0)
		return s->least;
	if (s->value)
		return exact_quantile(s, at);
	if (at == s->n - 1)
		return s->most;
	for (uint32_t i = 0; i < s->n_parts; i++) {
		below += s->part[i].n;
		if (at < below) {
			value = value_of(s->part[i].index);
			break;
		}
	}
	return value < s->least ? s->least : value > s->most ? s->most : value;
}

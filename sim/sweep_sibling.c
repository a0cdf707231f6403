/* The same knobs under another flow. */
#include <string.h>
#include "sim/sweep_grid.h"

static const struct field_list *flow_list(const struct sweep *s, enum phase pool)
{
	const struct knobs *k = &s->knobs;

	return k->apart[KNOB_FLOW] ? k->pool_list[pool][KNOB_FLOW] : k->list[KNOB_FLOW];
}

static const char *flow_name_at(const struct sweep *s, const struct field_list *l, size_t i)
{
	return l->n > 0 ? l->text[i] : s->knobs.base->flow;
}

/* Combinations of the knobs behind the flow, which is the first of its kind: of the shared ones, or
 * of those that are apart. */
static size_t places_behind_flow(const struct sweep *s, enum phase pool)
{
	const struct knobs *k = &s->knobs;
	size_t n = 1;

	for (enum knob_id id = KNOB_FLOW + 1; id < KNOBS_SHARED; id++)
		n *= k->apart[KNOB_FLOW] && !k->apart[id] ? 1 : k->n[id] * k->pool_n[pool][id];
	return n;
}

/* The group with the same other knobs, as its place among the groups; `none` without one. */
static size_t group_sibling(const struct sweep *s, enum phase pool, const struct sweep_group *of,
                            const struct flow *flow, size_t none)
{
	const struct sweep_group *groups = pool == PHASE_PREFILL ? s->groups : s->decode_groups;
	const struct field_list *l = flow_list(s, pool);
	size_t low = 0, high = pool == PHASE_PREFILL ? s->n_groups : s->n_decode_groups;
	size_t behind = places_behind_flow(s, pool), n = l->n > 0 ? l->n : 1, own, at = 0, end;

	end = high, own = of->place / behind % n;
	while (at < n && strcmp(flow_name_at(s, l, at), flow->name) != 0)
		at++;
	if (at == n)
		return none;
	at = of->place - own * behind + at * behind;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (groups[middle].place < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low < end && groups[low].place == at ? low : none;
}

static const struct sweep_block *block_find(const struct sweep *s, size_t prefill, size_t decode)
{
	size_t low = 0, high = s->n_blocks;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct sweep_block *b = s->blocks + middle;

		if (b->prefill < prefill || (b->prefill == prefill && b->decode < decode))
			low = middle + 1;
		else
			high = middle;
	}
	if (low == s->n_blocks || s->blocks[low].prefill != prefill ||
	    s->blocks[low].decode != decode)
		return NULL;
	return s->blocks + low;
}

static const struct sweep_block *block_sibling(const struct sweep *s, const struct sweep_point *p,
                                               const struct flow *flow)
{
	size_t prefill = group_sibling(s, PHASE_PREFILL, p->prefill->group, flow, SIZE_MAX);
	size_t decode = group_sibling(s, PHASE_DECODE, p->decode->group, flow, SIZE_MAX);

	if (prefill == SIZE_MAX || decode == SIZE_MAX)
		return NULL;
	return block_find(s, prefill, decode);
}

/* Points of a block stand in the order of batch, chunk, instances. */
static bool before(const struct sweep_point *a, const struct pool_price *prefill,
                   const struct pool_price *decode)
{
	return a->decode < decode || (a->decode == decode && a->prefill < prefill);
}

static size_t block_full(const struct sweep *s)
{
	const struct knobs *k = &s->knobs;

	return k->n[KNOB_BATCH] * k->n[KNOB_CHUNK] * k->n_instances[PHASE_PREFILL] *
	       k->n_instances[PHASE_DECODE];
}

static const struct sweep_point *block_point(const struct sweep *s, const struct sweep_block *b,
                                             const struct sweep_point *like)
{
	size_t n_chunk = s->knobs.n[KNOB_CHUNK], n_batch = s->knobs.n[KNOB_BATCH];
	size_t chunk = (size_t)(like->prefill - s->prefill) % n_chunk;
	size_t batch = (size_t)(like->decode - s->decode) % n_batch;
	const struct pool_price *prefill = s->prefill + b->prefill * n_chunk + chunk;
	const struct pool_price *decode = s->decode + b->decode * n_batch + batch;
	size_t low = b->first, high = b->first + b->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (before(s->points + middle, prefill, decode))
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < b->first + b->n && s->points[low].prefill == prefill &&
	       s->points[low].decode == decode;
	     low++) {
		if (memcmp(s->points[low].instances, like->instances, sizeof like->instances) == 0)
			return s->points + low;
	}
	return NULL;
}

const struct sweep_point *sweep_sibling(const struct sweep *s, const struct sweep_point *p,
                                        const struct flow *flow)
{
	const struct sweep_block *b = block_sibling(s, p, flow);

	return b ? block_point(s, b, p) : NULL;
}

void sweep_siblings(struct sweep *s)
{
	for (size_t i = 0; i < s->n_blocks; i++) {
		const struct sweep_block *own = s->blocks + i, *base;
		bool full;

		base = block_sibling(s, s->points + own->first, &flow_relay2);
		full = base && base->n == own->n && own->n == block_full(s);
		for (size_t k = 0; base && k < own->n; k++) {
			struct sweep_point *p = s->points + own->first + k;

			p->relay2 = full ? s->points + base->first + k : block_point(s, base, p);
		}
	}
}

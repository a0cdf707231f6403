#include "models/placement.h"
#include <stdlib.h>
#include <string.h>
#include "models/base/rng.h"

enum { STREAM_SLOTS = (1 << 30) + 1 }; /* no source rank draws from this stream */

/* What the routed experts' slots are filled for. */
struct filling {
	struct eplb of; /* their slots and ranks alone */
	const double *load_ratio;
	uint64_t seed;
};

static void contiguous(const struct filling *f, uint32_t *expert)
{
	for (int64_t slot = 0; slot < f->of.slots; slot++)
		expert[slot] = (uint32_t)(slot % f->of.experts);
}

static void round_robin(const struct filling *f, uint32_t *expert)
{
	int64_t n = f->of.n_ranks, local = f->of.slots / n;

	for (int64_t i = 0; i < f->of.slots; i++)
		expert[i % n * local + i / n] = (uint32_t)(i % f->of.experts);
}

static void shuffled(const struct filling *f, uint32_t *expert)
{
	struct rng r;

	contiguous(f, expert);
	rng_init(&r, f->seed, STREAM_SLOTS);
	rng_shuffle(&r, expert, (uint64_t)f->of.slots);
}

static void eplb(const struct filling *f, uint32_t *expert)
{
	eplb_place(&f->of, f->load_ratio, expert);
}

static void eplb_global(const struct filling *f, uint32_t *expert)
{
	struct eplb of = f->of;

	of.groups = of.nodes = 1;
	eplb_place(&of, f->load_ratio, expert);
}

struct kind {
	const char *doc;
	void (*fill)(const struct filling *f, uint32_t *expert);
};

const char *const placement_names[] = {
        [PLACEMENT_CONTIGUOUS] = "contiguous",   [PLACEMENT_ROUND_ROBIN] = "round-robin",
        [PLACEMENT_RANDOM] = "random",           [PLACEMENT_EPLB] = "eplb",
        [PLACEMENT_EPLB_GLOBAL] = "eplb-global", [PLACEMENT_EPLB_GLOBAL + 1] = NULL,
};

static const struct kind kinds[] = {
        [PLACEMENT_CONTIGUOUS] = {"experts in order, replicas of the first ones behind them",
                                  contiguous},
        [PLACEMENT_ROUND_ROBIN] = {"the same slots, dealt to ranks one at a time", round_robin},
        [PLACEMENT_RANDOM] = {"the same slots, shuffled by routing.seed", shuffled},
        [PLACEMENT_EPLB] =
                {"by load: groups to nodes, hot experts replicated, ranks filled evenly (EPLB)",
                 eplb},
        [PLACEMENT_EPLB_GLOBAL] = {"the same without regard to groups and nodes", eplb_global},
};

const char *const replica_choice_names[] = {"even", "nearest", NULL};

const char *placement_doc(int kind)
{
	return kinds[kind].doc;
}

bool placement_is_plain(const struct placement_spec *s)
{
	return s->kind == PLACEMENT_CONTIGUOUS && s->replicas == 0 && s->shared_slots == 0;
}

int64_t placement_slots(const struct placement_spec *s, const struct moe_model *m)
{
	return m->experts + s->replicas + s->shared_slots;
}

/* Shared experts as many as would be routed ones of the same size. */
static int64_t shared_experts(const struct moe_model *m)
{
	return m->shared_inter / m->expert_inter;
}

static bool no(const char **why_not, const char *text)
{
	*why_not = text;
	return false;
}

bool placement_possible(const struct placement_spec *s, const struct moe_model *m, int64_t n_ranks,
                        const char **why_not)
{
	int64_t slots = placement_slots(s, m), local = slots / n_ranks;

	if (model_is_dense(m))
		return placement_is_plain(s) ||
		       no(why_not, "a model without experts has none to place");
	if (placement_is_plain(s) && slots % n_ranks != 0)
		return no(why_not, "EP does not divide the number of experts");
	if (m->zero_experts > 0 && !placement_is_plain(s))
		return no(why_not, "slots of a model with zero_experts are not modelled");
	if (slots % n_ranks != 0)
		return no(why_not, "EP does not divide the slots of experts and replicas");
	if (s->shared_slots == 0)
		return true;
	if (m->shared_inter == 0 || m->shared_inter % m->expert_inter != 0)
		return no(why_not, "the model has no shared experts that fit an expert's slot");
	if (s->shared_slots % shared_experts(m) != 0 || s->shared_slots % local != 0)
		return no(why_not, "slots of shared experts do not fill ranks of their own");
	return true;
}

struct moe_model placement_model(const struct placement_spec *s, const struct moe_model *m)
{
	struct moe_model seen = *m;

	if (placement_is_plain(s))
		return seen;
	seen.experts = placement_slots(s, m);
	if (s->shared_slots > 0)
		seen.top_k += shared_experts(m), seen.shared_inter = 0;
	if (seen.experts % seen.groups != 0 ||
	    seen.top_k > seen.experts / seen.groups * seen.top_groups)
		seen.groups = seen.top_groups = 1;
	return seen;
}

/* Slots by expert: a counting sort. */
static void index_slots(struct placement *p, struct arena *a)
{
	int64_t n = p->routed + p->shared, *next;

	p->slot = arena_alloc(a, (size_t)p->slots * sizeof *p->slot);
	p->first = arena_alloc(a, ((size_t)n + 1) * sizeof *p->first);
	for (int64_t slot = 0; slot < p->slots; slot++)
		p->first[p->expert[slot] + 1]++;
	for (int64_t expert = 0; expert < n; expert++)
		p->first[expert + 1] += p->first[expert];
	next = heap_zeroed((size_t)n, sizeof *next);
	memcpy(next, p->first, (size_t)n * sizeof *next);
	for (int64_t slot = 0; slot < p->slots; slot++)
		p->slot[next[p->expert[slot]]++] = (uint32_t)slot;
	free(next);
}

void placement_make(const struct placement_spec *s, const struct moe_model *m, int64_t n_ranks,
                    int64_t node_ranks, const double *load_ratio, uint64_t seed, struct arena *a,
                    struct placement *out)
{
	int64_t slots = placement_slots(s, m), local = slots / n_ranks;
	int64_t routed = m->experts + s->replicas, ranks = routed / local;
	struct filling f = {.of = {.experts = m->experts,
	                           .slots = routed,
	                           .groups = m->groups,
	                           .nodes = ranks % node_ranks == 0 ? ranks / node_ranks : 1,
	                           .n_ranks = ranks},
	                    .load_ratio = load_ratio,
	                    .seed = seed};
	struct placement p = {.n_ranks = n_ranks,
	                      .node_ranks = node_ranks,
	                      .slots = slots,
	                      .routed = m->experts,
	                      .shared = s->shared_slots > 0 ? shared_experts(m) : 0,
	                      .replica_choice = s->replica_choice};

	p.expert = arena_alloc(a, (size_t)slots * sizeof *p.expert);
	kinds[s->kind].fill(&f, p.expert);
	for (int64_t slot = routed; p.shared > 0 && slot < slots; slot++)
		p.expert[slot] = (uint32_t)(p.routed + slot % p.shared);
	index_slots(&p, a);
	placement_check(&p);
	*out = p;
}

void placement_check(const struct placement *p)
{
	int64_t experts = p->routed + p->shared, local = p->slots / p->n_ranks, shared_slots;

	CHECK(p->slots % p->n_ranks == 0 && p->first[experts] == p->slots);
	for (int64_t expert = 0; expert < experts; expert++) {
		CHECK(p->first[expert] < p->first[expert + 1]);
		for (int64_t i = p->first[expert]; i < p->first[expert + 1]; i++)
			CHECK(p->expert[p->slot[i]] == expert &&
			      (i == p->first[expert] || p->slot[i - 1] < p->slot[i]));
	}
	shared_slots = p->slots - p->first[p->routed];
	CHECK(shared_slots % local == 0);
	for (int64_t slot = 0; slot < p->slots; slot++)
		CHECK((p->expert[slot] >= p->routed) == (slot >= p->slots - shared_slots));
}

/* The slots among which a source chooses: slot[0 .. n - 1]. */
struct span {
	const uint32_t *slot;
	int64_t n;
};

/* Those of x that lie on ranks from `first` on, before `end`: neighbours, as slots rise. */
static struct span on_ranks(const struct placement *p, struct span x, int64_t first, int64_t end)
{
	int64_t local = p->slots / p->n_ranks;

	while (x.n > 0 && x.slot[0] < first * local)
		x.slot++, x.n--;
	while (x.n > 0 && x.slot[x.n - 1] >= end * local)
		x.n--;
	return x;
}

static struct span candidates(const struct placement *p, int64_t source, int64_t expert)
{
	struct span all = {p->slot + p->first[expert], p->first[expert + 1] - p->first[expert]};
	int64_t node = source / p->node_ranks * p->node_ranks;
	struct span near;

	if (p->replica_choice != REPLICAS_NEAREST || all.n == 1)
		return all;
	near = on_ranks(p, all, source, source + 1);
	if (near.n == 0)
		near = on_ranks(p, all, node, node + p->node_ranks);
	return near.n > 0 ? near : all;
}

int64_t placement_turns_count(const struct placement *p, int64_t source, int64_t expert)
{
	return candidates(p, source, expert).n;
}

uint32_t placement_slot(const struct placement *p, int64_t source, int64_t expert, int64_t n)
{
	struct span x = candidates(p, source, expert);

	/* sources begin at different replicas; all tokens of one go to the same shared expert */
	return x.slot[(source + (expert < p->routed ? n : 0)) % x.n];
}

void placement_rank_loads(const struct placement *p, const double *load_ratio, double *out_ratio)
{
	int64_t local = p->slots / p->n_ranks;

	memset(out_ratio, 0, (size_t)p->n_ranks * sizeof *out_ratio);
	for (int64_t slot = 0; slot < p->first[p->routed]; slot++) {
		int64_t expert = p->expert[slot];

		out_ratio[slot / local] +=
		        load_ratio[expert] / (double)(p->first[expert + 1] - p->first[expert]);
	}
}

void placement_choices(const struct placement *p, const struct choices *drawn, struct arena *a,
                       struct choices *out)
{
	int64_t *sent = heap_zeroed((size_t)p->routed, sizeof *sent);
	struct choices c = {.n_ranks = drawn->n_ranks, .top_k = drawn->top_k + p->shared};

	c.first = drawn->first;
	c.expert = arena_alloc(a, (size_t)(c.first[c.n_ranks] * c.top_k) * sizeof *c.expert);
	for (int64_t rank = 0; rank < c.n_ranks; rank++) {
		memset(sent, 0, (size_t)p->routed * sizeof *sent);
		for (int64_t t = c.first[rank]; t < c.first[rank + 1]; t++) {
			uint32_t *to = c.expert + t * c.top_k;

			for (int64_t j = 0; j < drawn->top_k; j++) {
				uint32_t expert = drawn->expert[t * drawn->top_k + j];

				to[j] = placement_slot(p, rank, expert, sent[expert]++);
			}
			for (int64_t j = 0; j < p->shared; j++)
				to[drawn->top_k + j] = placement_slot(p, rank, p->routed + j, 0);
		}
	}
	free(sent);
	*out = c;
}

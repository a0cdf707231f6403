/* Placements: every kind fills the slots, EPLB is the published one, more replicas leave less load
 * to the busiest of them, and names of experts do not matter. */
#include "models/placement.h"
#include "models/base/rng.h"
#include "models/base/yaml.h"
#include "tests/exchange.h"
#include "tests/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 640 };

static struct moe_model model_of(int64_t experts, int64_t groups)
{
	return (struct moe_model){.name = "small",
	                          .hidden = 128,
	                          .layers = 1,
	                          .experts = experts,
	                          .top_k = 2,
	                          .groups = groups,
	                          .top_groups = groups,
	                          .expert_inter = 64,
	                          .shared_inter = 64};
}

/* Loads between 1 and 4, all different. */
static void loads_draw(uint64_t seed, int64_t n, double *out)
{
	struct rng r;

	rng_init(&r, seed, 7);
	for (int64_t i = 0; i < n; i++)
		out[i] = pow(4, rng_uniform_ratio(&r));
}

struct shape {
	int64_t experts, groups, ranks, node, replicas, shared_slots;
};

static const struct shape shapes[] = {
        {8, 1, 4, 4, 0, 0},        {8, 1, 4, 4, 4, 0},      {8, 2, 4, 2, 8, 0},
        {12, 4, 8, 4, 4, 0},       {256, 8, 32, 16, 32, 0}, {256, 8, 64, 16, 0, 0},
        {256, 8, 320, 16, 32, 32}, {256, 8, 40, 8, 32, 32}, {6, 1, 1, 1, 3, 0},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void make(const struct shape *x, int kind, int choice, const double *load_ratio,
                 struct arena *a, struct placement *out)
{
	struct moe_model m = model_of(x->experts, x->groups);
	struct placement_spec s = {kind, x->replicas, x->shared_slots, choice};
	const char *why = "";

	CU_ASSERT_TRUE_FATAL(placement_possible(&s, &m, x->ranks, &why));
	placement_make(&s, &m, x->ranks, x->node, load_ratio, 3, a, out);
}

typedef void visit_fn(const struct shape *x, int kind, const double *load_ratio,
                      const struct placement *p);

static void each(visit_fn *visit)
{
	for (size_t i = 0; i < SHAPES; i++) {
		for (int kind = 0; placement_names[kind]; kind++) {
			struct arena *a = arena_new();
			double load_ratio[MOST];
			struct placement p;

			loads_draw(i, shapes[i].experts, load_ratio);
			make(&shapes[i], kind, kind % 2, load_ratio, a, &p);
			visit(&shapes[i], kind, load_ratio, &p);
			arena_free(a);
		}
	}
}

/* ---- what every kind keeps ---- */

static void fills(const struct shape *x, int kind, const double *load_ratio,
                  const struct placement *p)
{
	int64_t held[MOST] = {0};

	(void)kind, (void)load_ratio;
	placement_check(p);
	CU_ASSERT_EQUAL(p->slots, x->experts + x->replicas + x->shared_slots);
	for (int64_t slot = 0; slot < p->slots; slot++)
		held[p->expert[slot]]++;
	for (int64_t i = 0; i < x->experts; i++)
		CU_ASSERT(held[i] >= 1 && held[i] <= 1 + x->replicas);
	CU_ASSERT_EQUAL(held[x->experts], x->shared_slots);
}

static void every_slot_has_an_expert(void)
{
	each(fills);
}

static void load_stays(const struct shape *x, int kind, const double *load_ratio,
                       const struct placement *p)
{
	double on_rank[MOST], all = 0, routed = 0;

	(void)kind;
	placement_rank_loads(p, load_ratio, on_rank);
	for (int64_t i = 0; i < x->ranks; i++)
		all += on_rank[i];
	for (int64_t i = 0; i < x->experts; i++)
		routed += load_ratio[i];
	NEARLY(all, routed, 1e-12, "%s", placement_names[kind]);
}

static void load_is_split_and_kept(void)
{
	each(load_stays);
}

/* Rows of a source go round the slots it chooses among; those are of the right expert. */
static void turns(const struct shape *x, int kind, const double *load_ratio,
                  const struct placement *p)
{
	(void)kind, (void)load_ratio;
	for (int64_t source = 0; source < x->ranks; source++) {
		for (int64_t expert = 0; expert < x->experts; expert++) {
			int64_t n = placement_turns_count(p, source, expert);
			uint32_t first = placement_slot(p, source, expert, 0);

			CU_ASSERT(n >= 1 && n <= p->first[expert + 1] - p->first[expert]);
			CU_ASSERT_EQUAL(p->expert[first], expert);
			CU_ASSERT_EQUAL(placement_slot(p, source, expert, n), first);
			if (n > 1)
				CU_ASSERT_NOT_EQUAL(placement_slot(p, source, expert, 1), first);
		}
	}
}

static void replicas_take_turns(void)
{
	each(turns);
}

/* A source that has a replica of its own sends to no other; one in its node, not beyond. */
static void near_rows_stay_near(void)
{
	const struct shape x = {16, 1, 8, 4, 16, 0};
	struct arena *a = arena_new();
	double load_ratio[MOST];
	struct placement p;

	loads_draw(5, x.experts, load_ratio);
	make(&x, PLACEMENT_EPLB, REPLICAS_NEAREST, load_ratio, a, &p);
	for (int64_t source = 0; source < x.ranks; source++) {
		for (int64_t expert = 0; expert < x.experts; expert++) {
			bool own = false, node = false;
			int64_t at = placement_slot(&p, source, expert, 0) / 4;

			for (int64_t i = p.first[expert]; i < p.first[expert + 1]; i++) {
				own |= p.slot[i] / 4 == source;
				node |= p.slot[i] / 4 / 4 == source / 4;
			}
			if (own)
				CU_ASSERT_EQUAL(at, source);
			if (node)
				CU_ASSERT_EQUAL(at / 4, source / 4);
		}
	}
	arena_free(a);
}

/* ---- EPLB ---- */

static double number(const struct yaml_node *n)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(n);
	return strtod(n->text, NULL);
}

/* The example of EPLB's README: two layers of 12 experts, 16 slots, 2 nodes, 8 GPUs. */
static void published_example_comes_out(void)
{
	const char *data = getenv("EPSIM_DATA");
	struct arena *a = arena_new();
	const char *path = arena_print(a, "%s/published/eplb_readme_vector.json",
	                               data && *data ? data : "../shared/data");
	const struct yaml_node *load, *want;
	struct yaml_node *root;
	struct err e;

	if (access(path, R_OK) != 0) {
		printf("skipped: no %s ", path);
		arena_free(a);
		return;
	}
	CU_ASSERT_EQUAL_FATAL(yaml_read(path, a, &root, &e), RC_OK);
	load = yaml_get(root, "weight")->first, want = yaml_get(root, "phy2log")->first;
	for (; load && want; load = load->next, want = want->next) {
		struct eplb x = {(int64_t)load->n_children,
		                 (int64_t)number(yaml_get(root, "num_replicas")),
		                 (int64_t)number(yaml_get(root, "num_groups")),
		                 (int64_t)number(yaml_get(root, "num_nodes")),
		                 (int64_t)number(yaml_get(root, "num_gpus"))};
		const struct yaml_node *n = load->first;
		double load_ratio[MOST];
		uint32_t expert[MOST];

		for (int64_t i = 0; i < x.experts; i++, n = n->next)
			load_ratio[i] = number(n);
		eplb_place(&x, load_ratio, expert);
		n = want->first;
		for (int64_t i = 0; i < x.slots; i++, n = n->next)
			CU_ASSERT_EQUAL(expert[i], (uint32_t)number(n));
		CU_ASSERT_PTR_NULL(n);
	}
	CU_ASSERT(!load && !want);
	arena_free(a);
}

/* Load of the busiest replica, if load divides at will. */
static double most_of_a_replica(const struct placement *p, const double *load_ratio)
{
	double most = 0;

	for (int64_t i = 0; i < p->routed; i++)
		most = fmax(most, load_ratio[i] / (double)(p->first[i + 1] - p->first[i]));
	return most;
}

/* In the limit of ranks that hold one slot each, hence always: a replica more never leaves more
 * load to the busiest replica. (Packed to ranks it may, as bins may fit worse.) */
static void more_replicas_never_hurt(void)
{
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct shape x = {16, 1, 1, 1, 0, 0};
		double load_ratio[MOST], before = 4, mean = 0;

		loads_draw(seed, x.experts, load_ratio);
		for (int64_t i = 0; i < x.experts; i++)
			mean += load_ratio[i];
		for (; x.replicas <= 48; x.replicas++) {
			struct arena *a = arena_new();
			struct placement p;
			double most;

			make(&x, PLACEMENT_EPLB_GLOBAL, REPLICAS_EVEN, load_ratio, a, &p);
			most = most_of_a_replica(&p, load_ratio);
			AT_MOST(most, before, 0, "%lld replicas", (long long)x.replicas);
			AT_MOST(mean / (double)p.slots, most, 1e-12, "the mean");
			before = most;
			arena_free(a);
		}
	}
}

/* Packing leaves at most one slot's load between two ranks: the busiest rank stays within the
 * mean and its heaviest slot. */
static void ranks_are_filled_evenly(void)
{
	for (uint64_t seed = 0; seed < 40; seed++) {
		const struct shape x = {64, 1, 8, 8, (int64_t)(seed % 3) * 8, 0};
		struct arena *a = arena_new();
		double load_ratio[MOST], on_rank[MOST], most = 0, all = 0;
		struct placement p;

		loads_draw(seed, x.experts, load_ratio);
		make(&x, PLACEMENT_EPLB, REPLICAS_EVEN, load_ratio, a, &p);
		placement_rank_loads(&p, load_ratio, on_rank);
		for (int64_t i = 0; i < x.ranks; i++)
			most = fmax(most, on_rank[i]), all += on_rank[i];
		AT_MOST(most, all / (double)x.ranks + most_of_a_replica(&p, load_ratio), 1e-12,
		        "seed %llu", (unsigned long long)seed);
		arena_free(a);
	}
}

/* ---- names ---- */

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* The experts of each rank, sorted. */
static void contents(const struct placement *p, uint32_t *out)
{
	size_t local = (size_t)(p->slots / p->n_ranks);

	memcpy(out, p->expert, (size_t)p->slots * sizeof *out);
	for (int64_t rank = 0; rank < p->n_ranks; rank++)
		qsort(out + (size_t)rank * local, local, sizeof *out, by_number);
}

/* EPLB does not look at names: experts renamed give the same ranks with the names changed. */
static void names_do_not_matter(void)
{
	const struct shape x = {64, 1, 16, 16, 16, 0};
	double load_ratio[MOST], renamed_ratio[MOST];
	uint32_t name[MOST], got[MOST], want[MOST];

	for (uint64_t seed = 0; seed < 20; seed++) {
		struct arena *a = arena_new();
		struct placement p, q;
		struct rng r;

		loads_draw(seed, x.experts, load_ratio);
		rng_init(&r, seed, 1);
		for (uint32_t i = 0; i < x.experts; i++)
			name[i] = i;
		rng_shuffle(&r, name, (uint64_t)x.experts);
		for (int64_t i = 0; i < x.experts; i++)
			renamed_ratio[name[i]] = load_ratio[i];
		make(&x, PLACEMENT_EPLB, REPLICAS_EVEN, load_ratio, a, &p);
		make(&x, PLACEMENT_EPLB, REPLICAS_EVEN, renamed_ratio, a, &q);
		for (int64_t slot = 0; slot < p.slots; slot++)
			p.expert[slot] = name[p.expert[slot]];
		contents(&p, want);
		contents(&q, got);
		CU_ASSERT_EQUAL(memcmp(got, want, (size_t)p.slots * sizeof *got), 0);
		arena_free(a);
	}
}

/* Nor at the unit of loads: times a power of two changes no bit. */
static void units_do_not_matter(void)
{
	for (size_t i = 0; i < SHAPES; i++) {
		struct arena *a = arena_new();
		double load_ratio[MOST];
		struct placement p, q;

		loads_draw(i, shapes[i].experts, load_ratio);
		make(&shapes[i], PLACEMENT_EPLB, REPLICAS_EVEN, load_ratio, a, &p);
		for (int64_t j = 0; j < shapes[i].experts; j++)
			load_ratio[j] *= 1024;
		make(&shapes[i], PLACEMENT_EPLB, REPLICAS_EVEN, load_ratio, a, &q);
		CU_ASSERT_EQUAL(memcmp(p.expert, q.expert, (size_t)p.slots * sizeof *p.expert), 0);
		arena_free(a);
	}
}

/* ---- what cannot be ---- */

static void impossible_ones_say_why(void)
{
	static const struct {
		struct placement_spec spec;
		int64_t experts, ranks, shared_inter;
		const char *why;
	} cases[] = {
	        {{0}, 8, 3, 64, "EP does not divide the number of experts"},
	        {{PLACEMENT_EPLB, 1, 0, REPLICAS_EVEN},
	         8,
	         4,
	         64,
	         "EP does not divide the slots of experts and replicas"},
	        {{PLACEMENT_EPLB, 0, 8, REPLICAS_EVEN}, 8, 4, 0, "no shared experts"},
	        {{PLACEMENT_EPLB, 0, 8, REPLICAS_EVEN}, 8, 4, 96, "no shared experts"},
	        {{PLACEMENT_EPLB, 3, 5, REPLICAS_EVEN}, 8, 4, 64, "do not fill ranks of their own"},
	        {{PLACEMENT_EPLB, 3, 5, REPLICAS_EVEN},
	         8,
	         4,
	         128,
	         "do not fill ranks of their own"},
	        {{PLACEMENT_EPLB, 1, 0, REPLICAS_EVEN}, 0, 4, 0, "a model without experts"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct moe_model m = model_of(cases[i].experts, 1);
		const char *why = "";

		m.shared_inter = cases[i].shared_inter;
		CU_ASSERT_FALSE(placement_possible(&cases[i].spec, &m, cases[i].ranks, &why));
		UNIT_HOLDS(why, cases[i].why);
	}
}

/* The model that ranks see: slots; a shared expert that is dispatched to is one more of top_k. */
static void ranks_see_slots(void)
{
	const struct moe_model m = model_of(256, 8);
	const struct placement_spec plain = {0}, both = {PLACEMENT_EPLB, 32, 32, REPLICAS_EVEN},
	                            odd = {PLACEMENT_EPLB, 3, 0, REPLICAS_EVEN};
	struct moe_model same = placement_model(&plain, &m), seen = placement_model(&both, &m);

	CU_ASSERT(same.experts == m.experts && same.top_k == m.top_k && same.groups == m.groups);
	CU_ASSERT_EQUAL(same.shared_inter, m.shared_inter);
	CU_ASSERT_EQUAL(seen.experts, 320);
	CU_ASSERT_EQUAL(seen.top_k, m.top_k + 1);
	CU_ASSERT_EQUAL(seen.shared_inter, 0);
	CU_ASSERT_EQUAL(seen.groups, 8);
	seen = placement_model(&odd, &m);
	CU_ASSERT(seen.experts == 259 && seen.groups == 1 && seen.shared_inter == m.shared_inter);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"every slot has an expert", every_slot_has_an_expert},
	        {"load is split and kept", load_is_split_and_kept},
	        {"replicas take turns", replicas_take_turns},
	        {"near rows stay near", near_rows_stay_near},
	        {"EPLB's published example comes out", published_example_comes_out},
	        {"more replicas never hurt the busiest", more_replicas_never_hurt},
	        {"ranks are filled evenly", ranks_are_filled_evenly},
	        {"names of experts do not matter", names_do_not_matter},
	        {"units of loads do not matter", units_do_not_matter},
	        {"impossible placements say why", impossible_ones_say_why},
	        {"ranks see slots", ranks_see_slots},
	        {0},
	};

	return unit_main("placement", tests);
}

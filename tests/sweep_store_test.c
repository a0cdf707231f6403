/* Stores: what was made is found again, by whoever it depends on alike; shards, teams and kills. */
#include "sim/sweep_store.h"
#include "tests/exchange.h"
#include "tests/killed.h"
#include "tests/sweeps.h"
#include "tests/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *folder_new(void)
{
	static char folder[256];
	const char *tmp = getenv("TMPDIR");

	snprintf(folder, sizeof folder, "%s/epsim-XXXXXX", tmp ? tmp : "/tmp");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	return folder;
}

static void folder_remove(const char *folder)
{
	char command[512];

	snprintf(command, sizeof command, "rm -r '%s'", folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

static struct sweep_store *store_of(const char *folder, const char *name)
{
	char path[512];
	struct sweep_store *s = NULL;
	struct err e = {0};

	snprintf(path, sizeof path, "%s/%s", folder, name);
	store_open(path, STORE_ANY, &s, &e);
	UNIT_TEXT(e.text, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return s;
}

static size_t count_of(struct sweep_store *s)
{
	struct err e = {0};
	size_t n = 0;

	CU_ASSERT_EQUAL(store_count(s, &n, &e), RC_OK);
	return n;
}

static struct config *small(void)
{
	struct config *c = config_of("cloudmatrix384", "qwen3-30b-a3b");
	struct err e = {0};

	config_section(c, SECTION_WORKLOAD, "sharegpt", &e);
	UNIT_TEXT(e.text, "");
	sweep_set(c, "sweep.ep=16,24");
	sweep_set(c, "sweep.batch=16,64");
	sweep_set(c, "sweep.chunk=1024,2048");
	return c;
}

/* Sweeps with the store; checks how many prices it had, and that it changes nothing. */
static void sweeps_to(struct config *c, struct sweep_store *store, size_t n_stored)
{
	struct sweep *plain = sweep_made(c, &(struct sweep_options){.jobs = 1});
	struct sweep *s = sweep_made(c, &(struct sweep_options){.jobs = 2, .store = store});

	CU_ASSERT_EQUAL(s->n_stored, n_stored);
	CU_ASSERT(same_sweep(plain, s));
	sweep_free(s);
	sweep_free(plain);
}

static void what_was_made_is_found_again(void)
{
	const char *folder = folder_new();
	struct sweep_store *store = store_of(folder, "a.db");
	struct config *c = small();
	const size_t all = 3 * 2 * (2 + 2);

	sweeps_to(c, store, 0);
	CU_ASSERT_EQUAL(count_of(store), all);
	sweeps_to(c, store, all);
	/* budgets, objective and name are no part of a price */
	sweep_set(c, "sweep.budget.ttft=60ms");
	sweep_set(c, "sweep.objective=tpot");
	sweep_set(c, "sweep.name=other");
	sweeps_to(c, store, all);
	/* other values: what is the same is found */
	sweep_set(c, "sweep.batch=64,128");
	sweeps_to(c, store, 3 * 2 * (2 + 1));
	sweep_set(c, "sweep.flow=direct");
	sweeps_to(c, store, 2 * (2 + 2));
	store_close(store);
	/* and by another process, as it were */
	store = store_of(folder, "a.db");
	sweeps_to(c, store, 2 * (2 + 2));
	store_close(store);
	config_free(c);
	folder_remove(folder);
}

/* Each of these changes what prices depend on. */
static void all_that_matters_is_in_the_digest(void)
{
	static const char *const changes[] = {
	        "machine.fabric.rate=150GBps", "model.top_k=4",    "workload.output.mean=100",
	        "routing.kind=uniform",        "routing.seed=3",   "schedule.dispatch=bf16",
	        "sweep.engine=estimate",       "schedule.kv=int8",
	};
	const char *folder = folder_new();
	struct sweep_store *store = store_of(folder, "a.db");
	struct config *c = small();

	sweep_set(c, "sweep.ep=16");
	sweep_set(c, "sweep.flow=direct");
	sweeps_to(c, store, 0);
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		sweep_set(c, changes[i]);
		sweeps_to(c, store, 0);
		sweeps_to(c, store, 4);
	}
	store_close(store);
	config_free(c);
	folder_remove(folder);
}

static void shards_make_the_whole(void)
{
	enum { SHARDS = 3 };
	const char *folder = folder_new();
	struct sweep_store *all = store_of(folder, "all.db");
	struct config *c = small();
	size_t n_sum = 0;
	struct err e = {0};

	for (int i = 0; i < SHARDS; i++) {
		char name[32], path[512];
		struct sweep_store *shard;
		size_t n = 0;

		snprintf(name, sizeof name, "%d.db", i);
		snprintf(path, sizeof path, "%s/%s", folder, name);
		shard = store_of(folder, name);
		CU_ASSERT_EQUAL(sweep_fill(c,
		                           &(struct sweep_options){.jobs = 1,
		                                                   .store = shard,
		                                                   .shard = i,
		                                                   .n_shards = SHARDS},
		                           &n, &e),
		                RC_OK);
		CU_ASSERT_EQUAL(count_of(shard), n);
		CU_ASSERT_EQUAL(n, 24 / SHARDS);
		n_sum += n;
		store_close(shard);
		CU_ASSERT_EQUAL(store_merge(all, path, &e), RC_OK);
		CU_ASSERT_EQUAL(store_merge(all, path, &e), RC_OK); /* again: nothing new */
		CU_ASSERT_EQUAL(count_of(all), n_sum);
	}
	sweeps_to(c, all, 24);
	store_close(all);
	config_free(c);
	folder_remove(folder);
}

static void pruned_prices_are_kept_apart(void)
{
	const char *folder = folder_new();
	struct sweep_store *store = store_of(folder, "a.db");
	struct config *c = small();
	struct sweep *a, *b;

	sweep_set(c, "sweep.budget.ttft=30ms");
	a = sweep_made(c, &(struct sweep_options){.jobs = 1, .prune = PRUNE_FRONT});
	b = sweep_made(c, &(struct sweep_options){.jobs = 1, .prune = PRUNE_FRONT, .store = store});
	CU_ASSERT(same_sweep(a, b));
	CU_ASSERT(a->n_bounds > 0);
	sweep_free(b);
	b = sweep_made(c,
	               &(struct sweep_options){.jobs = 1, .prune = PRUNE_BUDGET, .store = store});
	CU_ASSERT(b->n_stored < b->n_prefill + b->n_decode);
	sweep_free(a);
	sweep_free(b);
	/* a whole sweep takes no bound for a price */
	a = sweep_made(c, &(struct sweep_options){.jobs = 1});
	b = sweep_made(c, &(struct sweep_options){.jobs = 1, .store = store});
	CU_ASSERT(same_sweep(a, b));
	sweep_free(a);
	sweep_free(b);
	store_close(store);
	config_free(c);
	folder_remove(folder);
}

static void wrong_files_are_refused(void)
{
	const char *folder = folder_new();
	struct sweep_store *s = NULL;
	struct err e = {0};
	char path[512];
	FILE *out;

	snprintf(path, sizeof path, "%s/none.db", folder);
	CU_ASSERT_EQUAL(store_open(path, STORE_THERE, &s, &e), RC_CONFIG);
	UNIT_HOLDS(e.text, "there is no such store to go on from");
	snprintf(path, sizeof path, "%s/text.db", folder);
	out = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	for (int i = 0; i < 100; i++)
		fprintf(out, "this is no database, %d\n", i);
	fclose(out);
	CU_ASSERT_EQUAL(store_open(path, STORE_ANY, &s, &e), RC_DATA);
	UNIT_HOLDS(e.text, "it is no store of sweeps");
	CU_ASSERT_PTR_NULL(s);
	snprintf(path, sizeof path, "%s/no/folder.db", folder);
	CU_ASSERT_EQUAL(store_open(path, STORE_ANY, &s, &e), RC_CONFIG);
	folder_remove(folder);
}

static void killed_sweeps_go_on(void)
{
	sweeps_killed(9);
}

static void bereft_teams_finish(void)
{
	teams_bereft(4);
}

static const struct unit_test tests[] = {
        {"what was made is found again", what_was_made_is_found_again},
        {"all that matters is in the digest", all_that_matters_is_in_the_digest},
        {"shards make the whole", shards_make_the_whole},
        {"pruned prices are kept apart", pruned_prices_are_kept_apart},
        {"wrong files are refused", wrong_files_are_refused},
        {"killed sweeps go on", killed_sweeps_go_on},
        {"bereft teams finish", bereft_teams_finish},
        {NULL, NULL},
};

int main(void)
{
#ifdef EPSIM_HAVE_SQLITE
	return unit_main("sweep_store", tests);
#else
	(void)tests;
	return 77;
#endif
}

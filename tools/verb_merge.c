/* epsim merge: stores of shards into one. */
#include "models/base/json.h"
#include "sim/sweep_store.h"
#include "tools/args.h"

static void report(const struct args *a, size_t before, size_t after, FILE *out)
{
	struct json *j;

	if (!args_has(a, "json")) {
		fprintf(out, "%s: %zu prices, %zu of them new\n", a->word[0], after,
		        after - before);
		return;
	}
	j = json_new(out);
	json_object(j, NULL);
	json_text(j, "store", a->word[0]);
	json_integer(j, "prices", (int64_t)after);
	json_integer(j, "prices_new", (int64_t)(after - before));
	json_close(j);
	json_free(j);
}

static enum rc merge(const struct args *a, struct sweep_store *s, FILE *out, struct err *e)
{
	size_t before, after;

	TRY(store_count(s, &before, e));
	for (size_t i = 1; i < a->n_words; i++)
		TRY(store_merge(s, a->word[i], e));
	TRY(store_check(s, e));
	TRY(store_count(s, &after, e));
	report(a, before, after, out);
	return RC_OK;
}

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	struct sweep_store *s;
	enum rc rc;

	if (a->n_words < 2)
		return fail(e, RC_CONFIG,
		            "merge: OUT and the stores to merge are needed, such as "
		            "all.db shard-1.db shard-2.db");
	TRY(store_open(a->word[0], STORE_ANY, &s, e));
	rc = merge(a, s, out, e);
	store_close(s);
	return rc;
}

const struct verb verb_merge = {
        .name = "merge",
        .doc = "Puts the stores of a sweep's shards into one",
        .usage = "OUT IN... [option...]",
        .examples = {"epsim merge all.db shard-1.db shard-2.db",
                     "epsim merge all.db monday.db tuesday.db --json"},
        .about = "OUT is made, or added to. A price that is there already stays as it is. The "
                 "report of "
                 "all:\n  epsim sweep FILE --store all.db --resume",
        .run = run,
};

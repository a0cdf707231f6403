/* The work of a sweep: a list of pool prices to make, on several threads, in blocks. A block is
 * looked up in the store, priced and kept there as one; a team or a shard leaves some blocks to
 * others. */
#pragma once
#include "sim/sweep_price.h"
#include "sim/sweep_store.h"
#include "sim/sweep_team.h"

struct task {
	struct pool_price *price;
	enum phase phase;
	bool restored; /* it was in the store */
};

struct work {
	struct pricer pricer;
	const struct engine *engine; /* of these prices: the pricer's, or estimate */
	const struct sweep_options *options;
	struct store_scope *scope; /* of the store; NULL: none */
	struct task *tasks;
	size_t n_tasks;
	bool shared;   /* the team or shard decides which are ours */
	size_t n_made; /* set by work_run */
};

/* Looks all tasks up in the store. */
enum rc work_restore(struct work *w, struct err *e);
/* Prices what is not restored. Error: of the first block, in order, that failed. */
enum rc work_run(struct work *w, struct err *e);

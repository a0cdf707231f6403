#include "sim/sweep_work.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Threads take blocks in turn; a block that another process holds is left for a second round, which
 * waits. */
struct crew {
	struct work *work;
	size_t block_tasks, n_blocks;
	bool wait;           /* the second round: only blocks marked later */
	unsigned char *left; /* [block]: for the second round */
	atomic_size_t next, n_made;
	atomic_bool stop;
	pthread_mutex_t lock; /* of what follows */
	struct err error;     /* of the first block, by index, that failed */
	size_t error_block;
};

/* The same for every process that shares the tasks. Small, as a process that ends loses its blocks;
 * not too small, as each is a transaction. */
static size_t tasks_of_block(size_t n_tasks)
{
	enum { BLOCKS = 256, MOST = 64 };
	size_t n = n_tasks / BLOCKS;

	return n < 1 ? 1 : n > MOST ? MOST : n;
}

enum rc work_restore(struct work *w, struct err *e)
{
	for (size_t i = 0; w->scope && i < w->n_tasks; i++) {
		struct task *t = w->tasks + i;

		if (!t->restored)
			TRY(store_get(w->scope, t->phase, w->pricer.arena, t->price, &t->restored,
			              e));
	}
	return RC_OK;
}

static enum rc task_price(const struct work *w, const struct pricer *p, struct task *t,
                          struct err *e)
{
	/* memory may be known already from a round before */
	if (t->price->memory.total_bytes == 0 && !t->price->why_not)
		TRY(pool_memory(p, t->phase, t->price, e));
	if (t->price->why_not)
		return RC_OK;
	return pool_times(p, t->phase, w->engine, t->price, e);
}

static enum rc block_price(struct crew *c, const struct pricer *p, size_t block, struct err *e)
{
	struct work *w = c->work;
	size_t begin = block * c->block_tasks, end = begin + c->block_tasks, n = 0;

	if (end > w->n_tasks)
		end = w->n_tasks;
	for (size_t i = begin; i < end; i++) {
		if (w->tasks[i].restored)
			continue;
		TRY(task_price(w, p, w->tasks + i, e));
		n++;
	}
	if (w->scope && n > 0)
		TRY(store_put(w->scope, w->tasks + begin, end - begin, e));
	atomic_fetch_add(&c->n_made, n);
	return RC_OK;
}

/* A block that the team decides about. */
static enum rc block_of_team(struct crew *c, const struct pricer *p, size_t block, struct err *e)
{
	struct sweep_team *team = c->work->options->team;
	enum claim claim;
	enum rc rc;

	TRY(team_claim(team, block, c->wait, &claim, e));
	c->left[block] = claim == CLAIM_TAKEN;
	if (claim != CLAIM_OURS)
		return RC_OK;
	rc = block_price(c, p, block, e);
	if (rc == RC_OK)
		return team_release(team, block, true, e);
	team_release(team, block, false, &(struct err){0});
	return rc;
}

static enum rc block_run(struct crew *c, const struct pricer *p, size_t block, struct err *e)
{
	const struct sweep_options *o = c->work->options;

	if (!c->work->shared)
		return block_price(c, p, block, e);
	if (o->n_shards > 0 && (int64_t)(block % (size_t)o->n_shards) != o->shard)
		return RC_OK;
	if (!o->team)
		return block_price(c, p, block, e);
	return c->wait && !c->left[block] ? RC_OK : block_of_team(c, p, block, e);
}

static void keep_error(struct crew *c, size_t block, const struct err *e)
{
	pthread_mutex_lock(&c->lock);
	if (block < c->error_block)
		c->error = *e, c->error_block = block;
	pthread_mutex_unlock(&c->lock);
	atomic_store(&c->stop, true);
}

static void crew_run(struct crew *c, bool report)
{
	const struct sweep_options *o = c->work->options;
	struct pricer own = c->work->pricer;
	struct err e;

	own.scratch = step_scratch_new();
	while (!atomic_load(&c->stop)) {
		size_t block = atomic_fetch_add(&c->next, 1), done;

		if (block >= c->n_blocks)
			break;
		if (block_run(c, &own, block, &e) != RC_OK)
			keep_error(c, block, &e);
		done = (block + 1) * c->block_tasks;
		if (report && o->progress)
			o->progress(o->progress_data,
			            done < c->work->n_tasks ? done : c->work->n_tasks,
			            c->work->n_tasks);
	}
	step_scratch_free(own.scratch);
}

static void *crew_thread(void *data)
{
	crew_run(data, false);
	return NULL;
}

static void crew_round(struct crew *c, bool wait)
{
	enum { MOST_THREADS = 256 };
	pthread_t thread[MOST_THREADS];
	int n = 0;

	c->wait = wait;
	atomic_store(&c->next, 0);
	for (; n < c->work->options->jobs - 1 && n < MOST_THREADS; n++) {
		if (pthread_create(&thread[n], NULL, crew_thread, c) != 0)
			break; /* fewer threads do the same work */
	}
	crew_run(c, !wait);
	while (n > 0)
		pthread_join(thread[--n], NULL);
}

enum rc work_run(struct work *w, struct err *e)
{
	struct crew c = {.work = w, .error_block = SIZE_MAX};

	if (w->n_tasks == 0)
		return w->n_made = 0, RC_OK;
	c.block_tasks = tasks_of_block(w->n_tasks);
	c.n_blocks = (w->n_tasks + c.block_tasks - 1) / c.block_tasks;
	c.left = heap_zeroed(c.n_blocks, 1);
	pthread_mutex_init(&c.lock, NULL);
	crew_round(&c, false);
	if (w->shared && w->options->team && c.error_block == SIZE_MAX)
		crew_round(&c, true);
	pthread_mutex_destroy(&c.lock);
	free(c.left);
	w->n_made = atomic_load(&c.n_made);
	if (c.error_block != SIZE_MAX)
		return *e = c.error, e->rc;
	return RC_OK;
}

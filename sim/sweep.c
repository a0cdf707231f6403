#include "sim/sweep.h"
#include <stdlib.h>
#include <string.h>
#include "models/base/digest.h"
#include "sim/sweep_front.h"
#include "sim/sweep_grid.h"
#include "sim/sweep_prune.h"

const char *const prune_names[] = {"none", "budget", "front", "near", NULL};

const char *reason_name(enum reason r)
{
	static const char *const names[REASONS] = {"feasible", "shape", "npus",  "memory",
	                                           "ttft",     "tpot",  "beaten"};

	return names[r];
}

/* ---- one run ---- */

struct run {
	struct sweep *sweep;
	const struct sweep_options *options;
	struct routing_cache *routings;
	pthread_mutex_t lock;
	struct task *tasks;
	size_t n_tasks;
	struct store_scope *scope, *bounds; /* of the engine, of the engine estimate */
};

static struct work work_of(struct run *r, const struct engine *engine, struct task *tasks, size_t n)
{
	struct work w = {.pricer = {.config = r->sweep->config,
	                            .engine = r->sweep->engine,
	                            .routings = r->routings,
	                            .arena = r->sweep->arena,
	                            .lock = &r->lock},
	                 .engine = engine,
	                 .options = r->options,
	                 .tasks = tasks,
	                 .n_tasks = n};

	w.scope = engine == r->sweep->engine ? r->scope : r->bounds;
	return w;
}

static void group_tasks(struct run *r, struct pool_price *prices, size_t n, enum phase phase)
{
	for (size_t i = 0; i < n; i++) {
		if (prices[i].group)
			r->tasks[r->n_tasks++] = (struct task){prices + i, phase, false};
	}
}

/* All prices that points need, group by group, so that neighbours end together. */
static void tasks_list(struct run *r)
{
	struct sweep *s = r->sweep;
	size_t n_chunk = s->knobs.n[KNOB_CHUNK], n_batch = s->knobs.n[KNOB_BATCH];

	r->tasks = heap_zeroed(s->n_prefill + s->n_decode, sizeof *r->tasks);
	for (size_t g = 0; g < s->n_groups || g < s->n_decode_groups; g++) {
		if (g < s->n_groups)
			group_tasks(r, s->prefill + g * n_chunk, n_chunk, PHASE_PREFILL);
		if (g < s->n_decode_groups)
			group_tasks(r, s->decode + g * n_batch, n_batch, PHASE_DECODE);
	}
	CHECK(r->n_tasks == s->n_prefill + s->n_decode);
}

/* Restores what the store has, prices the rest; where the work is shared, what others made comes
 * from the store in the end, and what they owe is made here. */
static enum rc price_tasks(struct run *r, struct task *tasks, size_t n, bool shared, size_t *n_made,
                           struct err *e)
{
	struct work w = work_of(r, r->sweep->engine, tasks, n);

	TRY(work_restore(&w, e));
	w.shared = shared;
	TRY(work_run(&w, e));
	*n_made = w.n_made;
	return RC_OK;
}

/* ---- pruning ---- */

static enum rc memory_all(struct run *r, struct err *e)
{
	struct work w = work_of(r, r->sweep->engine, r->tasks, r->n_tasks);

	for (size_t i = 0; i < r->n_tasks; i++) {
		struct task *t = r->tasks + i;

		if (!t->restored)
			TRY(pool_memory(&w.pricer, t->phase, t->price, e));
	}
	return RC_OK;
}

/* Moves the tasks that `keep` names to the front of the list; returns their number. */
static size_t tasks_keep(struct run *r, struct task *out,
                         bool (*keep)(const struct run *r, const struct task *t))
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_tasks; i++) {
		if (keep(r, r->tasks + i))
			out[n++] = r->tasks[i];
	}
	return n;
}

static bool open_task(const struct run *r, const struct task *t)
{
	return !t->restored && !t->price->known && !t->price->why_not &&
	       !prune_by_budget(r->sweep, t->price, t->phase);
}

static bool bound_helps(const struct run *r, const struct task *t)
{
	bool believed = r->options->prune == PRUNE_NEAR;

	return open_task(r, t) && r->sweep->engine != &engine_estimate &&
	       (believed || prune_bound_proven(r->sweep, t->price));
}

/* Late or not, the rest wants the engine; for the front, only what has no bound. */
static bool wants_engine(const struct run *r, const struct task *t)
{
	if (t->restored || t->price->why_not || prune_by_budget(r->sweep, t->price, t->phase))
		return false;
	return !t->price->known || (t->price->bound && r->options->prune == PRUNE_BUDGET);
}

static enum rc price_bounds(struct run *r, struct task *tasks, struct err *e)
{
	struct work w = work_of(r, &engine_estimate, tasks, tasks_keep(r, tasks, bound_helps));

	TRY(work_restore(&w, e));
	TRY(work_run(&w, e));
	for (size_t i = 0; i < w.n_tasks; i++)
		tasks[i].price->bound = true;
	return RC_OK;
}

static enum rc price_more(void *data, struct task *tasks, size_t n, struct err *e)
{
	size_t n_made;

	return price_tasks(data, tasks, n, false, &n_made, e);
}

static enum rc price_pruned(struct run *r, bool shared, size_t *n_made, struct err *e)
{
	struct work all = work_of(r, r->sweep->engine, r->tasks, r->n_tasks);
	struct task *tasks = heap_zeroed(r->n_tasks, sizeof *tasks);
	enum rc rc = work_restore(&all, e);

	if (rc == RC_OK)
		rc = memory_all(r, e);
	if (rc == RC_OK)
		rc = price_bounds(r, tasks, e);
	if (rc == RC_OK) {
		size_t n = tasks_keep(r, tasks, wants_engine);

		for (size_t i = 0; i < n; i++)
			tasks[i].price->bound = false;
		rc = price_tasks(r, tasks, n, shared, n_made, e);
	}
	if (rc == RC_OK && r->options->prune >= PRUNE_FRONT)
		rc = prune_front(r->sweep, r->options, price_more, r, e);
	free(tasks);
	return rc;
}

/* ---- points ---- */

/* What could not be beaten but stayed at its bound is none of the feasible. */
static void points_join(struct sweep *s)
{
	for (size_t i = 0; i < s->n_points; i++) {
		struct sweep_point *p = s->points + i;

		point_join(p);
		if (p->feasible && (p->prefill->bound || p->decode->bound))
			p->reason = REASON_BEATEN, p->feasible = false;
		s->n_feasible += p->feasible;
	}
	for (size_t i = 0; i < s->n_groups * s->knobs.n[KNOB_CHUNK]; i++)
		s->n_bounds += s->prefill[i].group && !s->prefill[i].why_not &&
		               (s->prefill[i].bound || !s->prefill[i].known);
	for (size_t i = 0; i < s->n_decode_groups * s->knobs.n[KNOB_BATCH]; i++)
		s->n_bounds += s->decode[i].group && !s->decode[i].why_not &&
		               (s->decode[i].bound || !s->decode[i].known);
}

static void pareto_mark(struct sweep *s)
{
	struct front_item *list = heap_zeroed(s->n_feasible + 1, sizeof *list);
	size_t n = 0;

	for (size_t i = 0; i < s->n_points; i++) {
		if (s->points[i].feasible)
			list[n++] = front_item(s->points + i);
	}
	n = front_keep(list, n);
	for (size_t i = 0; i < n; i++)
		s->points[list[i].point - s->points].pareto = true;
	free(list);
}

/* ---- all ---- */

/* A name for the shared work: what is priced, with what values. */
static enum rc team_start(struct run *r, struct err *e)
{
	const struct sweep_options *o = r->options;
	const struct config *c = r->sweep->config;
	unsigned char all[32];
	char name[2 * 8 + 1], *bytes = NULL;
	size_t n;
	struct digest d;
	FILE *text;

	if (!o->team)
		return RC_OK;
	CHECK(r->scope);
	text = open_memstream(&bytes, &n);
	CHECK(text);
	fprintf(text, "%s %d\n", store_scope_name(r->scope), o->prune);
	fields_dump(sweep_fields, &c->sweep, NULL, 0, text);
	fields_dump(schedule_fields, &c->schedule, NULL, 0, text);
	CHECK(fclose(text) == 0);
	digest_init(&d);
	digest_add(&d, bytes, n);
	digest_end(&d, all);
	free(bytes);
	for (int i = 0; i < 8; i++)
		snprintf(name + 2 * i, 3, "%02x", all[i]);
	return team_begin(o->team, name, e);
}

static enum rc price_check(const struct config *c, struct err *e)
{
	if (c->machine.extra.npu_hour_cost_count > 0)
		return RC_OK;
	return fail(
	        e, RC_CONFIG,
	        "%s: sweep.objective cost: machine.extra.npu_hour of %s is not given; set it to "
	        "what an NPU costs an hour",
	        c->where[SECTION_SWEEP], c->machine.name);
}

/* Idle power matters where pools of given sizes wait for each other. */
static enum rc power_check(const struct sweep *s, struct err *e)
{
	const struct config *c = s->config;
	bool sized = s->knobs.instances[PHASE_PREFILL]->n > 0;

	if (!(c->machine.power.busy_W > 0) || (sized && !(c->machine.power.idle_W > 0)))
		return fail(
		        e, RC_CONFIG,
		        "%s: sweep.objective energy: machine.power.%s of %s is unknown; set it, "
		        "with its source",
		        c->where[SECTION_SWEEP], c->machine.power.busy_W > 0 ? "idle" : "busy",
		        c->machine.name);
	return RC_OK;
}

/* Has the machine what the objective is made of? */
static enum rc objective_check(const struct sweep *s, struct err *e)
{
	switch (s->config->sweep.objective) {
	case OBJECTIVE_COST:
		return price_check(s->config, e);
	case OBJECTIVE_ENERGY:
		return power_check(s, e);
	default:
		return RC_OK;
	}
}

static enum rc run_start(struct run *r, struct err *e)
{
	const struct sweep_options *o = r->options;
	struct sweep *s = r->sweep;

	TRY(objective_check(s, e));
	if (o->prune >= PRUNE_FRONT && (o->team || o->n_shards > 0))
		return fail(e, RC_CONFIG,
		            "pruning by the front needs all prices at once; shards and teams can "
		            "prune by budget");
	tasks_list(r);
	r->routings = routing_cache_new(&s->config->routing);
	if (o->store)
		TRY(store_scope_open(o->store, s->config, s->engine, &r->scope, e));
	if (o->store && o->prune != PRUNE_NONE)
		TRY(store_scope_open(o->store, s->config, &engine_estimate, &r->bounds, e));
	return team_start(r, e);
}

static enum rc price_all(struct run *r, bool shared, size_t *n_made, struct err *e)
{
	if (r->options->prune != PRUNE_NONE)
		return price_pruned(r, shared, n_made, e);
	return price_tasks(r, r->tasks, r->n_tasks, shared, n_made, e);
}

static enum rc run_all(struct run *r, struct err *e)
{
	struct sweep *s = r->sweep;
	size_t n_made = 0;

	if (r->options->team) { /* with the others; then their part is here, too */
		TRY(price_all(r, true, &n_made, e));
		TRY(team_gather(r->options->team, r->options->store, e));
	}
	TRY(price_all(r, false, &n_made, e));
	for (size_t i = 0; i < r->n_tasks; i++)
		s->n_stored += r->tasks[i].restored;
	points_join(s);
	pareto_mark(s);
	return RC_OK;
}

static enum rc run_part(struct run *r, size_t *n, struct err *e)
{
	return price_all(r, true, n, e);
}

static enum rc run_begin(struct run *r, const struct config *c, struct err *e)
{
	r->sweep = heap_zeroed(1, sizeof *r->sweep);
	CHECK(pthread_mutex_init(&r->lock, NULL) == 0);
	TRY(sweep_grid(c, r->sweep, e));
	return run_start(r, e);
}

static void run_end(struct run *r)
{
	store_scope_close(r->scope);
	store_scope_close(r->bounds);
	routing_cache_free(r->routings);
	pthread_mutex_destroy(&r->lock);
	free(r->tasks);
	sweep_free(r->sweep);
}

enum rc sweep_run(const struct config *c, const struct sweep_options *options, struct sweep **out,
                  struct err *e)
{
	struct run r = {.options = options};
	enum rc rc = run_begin(&r, c, e);

	if (rc == RC_OK)
		rc = run_all(&r, e);
	if (rc == RC_OK)
		*out = r.sweep, r.sweep = NULL;
	run_end(&r);
	return rc;
}

enum rc sweep_fill(const struct config *c, const struct sweep_options *options, size_t *n,
                   struct err *e)
{
	struct run r = {.options = options};
	enum rc rc = run_begin(&r, c, e);

	if (rc == RC_OK)
		rc = run_part(&r, n, e);
	run_end(&r);
	return rc;
}

enum rc sweep_choice(const struct config *c, size_t i, struct point_choice *out, struct err *e)
{
	struct sweep *s = heap_zeroed(1, sizeof *s);
	enum rc rc = sweep_grid(c, s, e);

	if (rc == RC_OK && i < s->n_points)
		*out = point_choice(s->points + i);
	else if (rc == RC_OK)
		rc = fail(e, RC_CONFIG, "the sweep has only %zu points", s->n_points);
	sweep_free(s);
	return rc;
}

enum rc sweep_schedule(const struct config *c, size_t i, struct schedule *out, struct err *e)
{
	struct point_choice choice;

	TRY(sweep_choice(c, i, &choice, e));
	*out = choice.schedule[PHASE_PREFILL];
	out->mtp = choice.schedule[PHASE_DECODE].mtp;
	return RC_OK;
}

static void counts_fill(const struct run *r, struct sweep_counts *out)
{
	const struct sweep *s = r->sweep;

	*out = (struct sweep_counts){.combinations_count = knobs_combinations_count(&s->knobs),
	                             .n_points = s->n_points,
	                             .n_prices = r->n_tasks};
	for (size_t i = 0; i < r->n_tasks; i++) {
		const struct task *t = r->tasks + i;
		bool budget =
		        r->options->prune != PRUNE_NONE && prune_by_budget(s, t->price, t->phase);

		out->n_stored += t->restored;
		out->n_engine += !t->restored && !t->price->why_not && !budget;
	}
	for (size_t i = 0; i < s->n_points; i++) {
		struct sweep_point *p = s->points + i;

		point_join(p);
		if (p->reason <= REASON_MEMORY)
			out->n_by_reason[p->reason]++;
		else
			out->n_by_reason[REASON_NONE]++;
	}
}

enum rc sweep_counts(const struct config *c, const struct sweep_options *options,
                     struct sweep_counts *out, struct err *e)
{
	struct run r = {.options = options};
	enum rc rc = run_begin(&r, c, e);

	if (rc == RC_OK) {
		struct work all = work_of(&r, r.sweep->engine, r.tasks, r.n_tasks);

		rc = work_restore(&all, e);
	}
	if (rc == RC_OK)
		rc = memory_all(&r, e);
	if (rc == RC_OK)
		counts_fill(&r, out);
	run_end(&r);
	return rc;
}

void sweep_free(struct sweep *s)
{
	if (!s)
		return;
	if (s->decode_groups != s->groups)
		free(s->decode_groups);
	free(s->groups);
	free(s->blocks);
	free(s->prefill);
	free(s->decode);
	free(s->points);
	free(s->probability_ratio);
	if (s->arena)
		arena_free(s->arena);
	free(s);
}

static enum rc group_make(const struct config *c, const struct schedule *s, struct sweep_group *out,
                          struct err *e)
{
	*out = (struct sweep_group){.config = c, .schedule = *s};
	out->flow = flow_find(s->flow, e);
	return out->flow ? RC_OK : e->rc;
}

enum rc sweep_one_apart(const struct config *c, const struct engine *engine,
                        const struct point_choice *choice, struct arena *a,
                        struct sweep_single *out, struct err *e)
{
	const struct pricer p = {.config = c, .engine = engine, .arena = a};
	const struct schedule *s = choice->schedule;

	memset(out, 0, sizeof *out);
	TRY(group_make(c, &s[PHASE_PREFILL], &out->group, e));
	TRY(group_make(c, &s[PHASE_DECODE], &out->decode_group, e));
	out->prefill = (struct pool_price){.group = &out->group, .size = s[PHASE_PREFILL].chunk};
	out->decode =
	        (struct pool_price){.group = &out->decode_group, .size = s[PHASE_DECODE].batch};
	out->point = (struct sweep_point){.prefill = &out->prefill, .decode = &out->decode};
	for (enum phase pool = 0; pool < PHASES; pool++)
		out->point.instances[pool] = (uint16_t)choice->instances[pool];
	TRY(pool_memory(&p, PHASE_PREFILL, &out->prefill, e));
	TRY(pool_memory(&p, PHASE_DECODE, &out->decode, e));
	if (!out->prefill.why_not)
		TRY(pool_times(&p, PHASE_PREFILL, engine, &out->prefill, e));
	if (!out->decode.why_not)
		TRY(pool_times(&p, PHASE_DECODE, engine, &out->decode, e));
	point_join(&out->point);
	return RC_OK;
}

enum rc sweep_one(const struct config *c, const struct engine *engine,
                  const struct schedule *schedule, struct arena *a, struct sweep_single *out,
                  struct err *e)
{
	const struct point_choice both = {.schedule = {*schedule, *schedule}};

	return sweep_one_apart(c, engine, &both, a, out, e);
}

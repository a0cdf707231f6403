/* Ranks that die, in the manner of elastic expert parallelism (EEP, arXiv:2605.10670).
 *
 * Ranks are ACTIVE, SUSPECT, OUT, WARMING and ACTIVE again (JOINED). The others wait for a lost
 * rank in a dispatch that never ends until their kernels time out; then it is taken out of the
 * tables of peers, its requests start again on other groups, and experts that it alone held are
 * fetched: a replica that lives needs nothing, loads are made even by copies between living ranks,
 * and what no rank has comes from host memory. They go on with fewer ranks, each with more experts.
 * Lost ranks start by themselves, get their weights from living ones, and are taken back between
 * two steps. With no copy, or no room for one, the instance stays down.
 *
 * A further failure while the instance hangs prolongs that; while it repairs, tables are made anew
 * after the next detection, and experts that were still on their way come with the further ones;
 * while ranks join, they join after that; while others warm, these warm on. An instance that
 * restarts is not struck. */
#include <math.h>
#include "models/base/arena.h"
#include "models/base/err.h"
#include "sim/serve_state.h"

const char *const serve_mark_names[SERVE_MARKS] = {"suspect",  "out",       "warming",
                                                   "resumed",  "ready",     "joined",
                                                   "restarts", "restarted", "not coverable"};

/* ---- what is due next ------------------------------------------------------------------------ */

static struct group *group_of(const struct sim *s, const struct instance *i, int32_t k)
{
	return &s->group[i->first_group + k];
}

static void due(struct sim *s, double at_s)
{
	s->failure_s = fmin(s->failure_s, at_s);
}

/* When a rank of the instance is ready, and is heard: not while there is an outage. Infinity: none.
 */
static double ready_s(const struct sim *s, const struct instance *i)
{
	double first_s = HUGE_VAL;

	for (int32_t k = 0; k < i->n_groups && i->outage.stage == OUTAGE_NONE && !i->joins; k++) {
		const struct group *g = group_of(s, i, k);

		if (g->state == RANK_WARMING)
			first_s = fmin(first_s, fmax(g->ready_s, s->now_s));
	}
	return first_s;
}

static void next_set(struct sim *s)
{
	const struct field_list *at_s = &s->spec->failure.at_s;

	s->failure_s = HUGE_VAL;
	if (at_s->n > 0 && s->n_struck < at_s->n)
		due(s, at_s->number[s->n_struck]);
	for (int32_t k = 0; k < s->n_instances; k++) {
		const struct instance *i = &s->instance[k];

		if (i->outage.stage != OUTAGE_NONE && i->outage.stage != OUTAGE_DOWN)
			due(s, i->outage.until_s);
		due(s, ready_s(s, i));
	}
}

static void stage_set(struct sim *s, struct instance *i, enum outage_stage stage, double until_s)
{
	i->outage.stage = stage, i->outage.until_s = until_s;
	i->stopped = stage != OUTAGE_NONE;
	next_set(s);
}

static void mark(struct sim *s, const struct instance *i, enum serve_mark_kind kind, int32_t groups)
{
	struct serve_failures *f = &s->result->failures;

	if (f->n_marks == f->marks_room) {
		f->marks_room = f->marks_room ? 2 * f->marks_room : 16;
		f->mark = heap_resize(f->mark, f->marks_room, sizeof *f->mark);
	}
	f->mark[f->n_marks++] = (struct serve_mark){s->now_s, i->index, groups, kind};
}

/* ---- the instance that a failure is about ---------------------------------------------------- */

static int pool_struck(const struct sim *s, size_t failure)
{
	return s->setup->n_pools == 1
	               ? 0
	               : (int)serving_failure_item(&s->spec->failure.pool, failure, 0);
}

static struct instance *instance_struck(struct sim *s, size_t failure)
{
	int32_t at = (int32_t)serving_failure_item(&s->spec->failure.instance, failure, 0);
	int pool = pool_struck(s, failure);

	for (int32_t k = 0; k < s->n_instances; k++) {
		if (s->instance[k].pool == pool && at-- == 0)
			return &s->instance[k];
	}
	return NULL;
}

enum rc failure_init(struct sim *s, struct err *e)
{
	for (size_t p = 0; p < MOST_POOLS; p++)
		list_init(&s->limbo[p]);
	for (size_t k = 0; k < s->spec->failure.at_s.n; k++) {
		if (!instance_struck(s, k))
			return fail(e, RC_CONFIG,
			            "serving.failure.instance: there is no instance %.0f, the pool "
			            "has %lld",
			            serving_failure_item(&s->spec->failure.instance, k, 0),
			            (long long)s->setup->pool[pool_struck(s, k)].instances);
	}
	next_set(s);
	return RC_OK;
}

void failure_fini(struct sim *s)
{
	for (int32_t k = 0; k < s->n_instances; k++)
		cover_fini(&s->instance[k].outage.cover);
}

bool pool_revives(const struct sim *s, int pool)
{
	for (int32_t k = 0; k < s->n_groups; k++) {
		const struct instance *i = &s->instance[s->group[k].instance];

		if (s->group[k].pool == pool && i->outage.stage != OUTAGE_DOWN &&
		    (s->group[k].state == RANK_WARMING || i->outage.stage == OUTAGE_RESTARTS))
			return true;
	}
	return false;
}

/* ---- experts --------------------------------------------------------------------------------- */

static const struct pool_repair *repair_of(const struct sim *s, const struct instance *i)
{
	return &s->setup->pool[i->pool].repair;
}

static int64_t group_ranks(const struct sim *s, const struct instance *i)
{
	const struct serve_pool *p = &s->setup->pool[i->pool];

	return p->npus / p->groups;
}

static struct cover *cover_of(struct sim *s, struct instance *i)
{
	const struct pool_repair *p = repair_of(s, i);

	if (!i->outage.cover.lives)
		cover_init(&i->outage.cover, i->n_groups * group_ranks(s, i), p->experts,
		           p->own_experts, serving_failure_slots(s->spec), s->spec->failure.spares);
	return &i->outage.cover;
}

static void cover_set(struct sim *s, struct instance *i, int32_t k, bool lives)
{
	int64_t n = group_ranks(s, i);

	for (int64_t r = 0; r < n; r++)
		(lives ? cover_join : cover_lose)(cover_of(s, i), k * n + r);
}

static void busiest_set(struct sim *s, struct instance *i)
{
	const struct pool_repair *p = repair_of(s, i);
	double most = cover_busiest_count(cover_of(s, i));

	i->busiest_count = most > (double)p->own_experts ? most : 0;
	s->result->failures.busiest_experts_count =
	        fmax(s->result->failures.busiest_experts_count, most);
}

static double takes_s(double bytes, double rate_Bps)
{
	return bytes > 0 && rate_Bps > 0 ? bytes / rate_Bps : 0;
}

/* All living ranks fetch a part each, from peers and then from host memory. */
static double fetch_s(struct sim *s, struct instance *i, const struct cover_repair *r)
{
	const struct pool_repair *p = repair_of(s, i);
	struct serve_failures *f = &s->result->failures;
	double ranks = 0, peer = (double)r->peer * p->expert_bytes,
	       host = (double)r->host * p->expert_bytes, all_s;

	for (int32_t k = 0; k < i->n_groups; k++)
		ranks += group_of(s, i, k)->state == RANK_ACTIVE ? (double)group_ranks(s, i) : 0;
	all_s = takes_s(peer, ranks * p->peer_Bps) + takes_s(host, ranks * p->host_Bps);
	f->local_experts_count += (double)r->local;
	f->peer_bytes += peer, f->host_bytes += host;
	f->repair_s += all_s;
	return all_s;
}

/* ---- ranks die ------------------------------------------------------------------------------- */

static void strike(struct sim *s)
{
	size_t failure = s->n_struck++;
	struct instance *i = instance_struck(s, failure);
	int32_t asked = (int32_t)serving_failure_item(&s->spec->failure.groups, failure, 1), n = 0;

	for (int32_t k = 0; k < i->n_groups && n < asked; k++) {
		struct group *g = group_of(s, i, k);

		if (g->state == RANK_ACTIVE && i->outage.stage != OUTAGE_RESTARTS)
			g->state = RANK_SUSPECT, n++;
	}
	if (n == 0) { /* nobody is left to die */
		next_set(s);
		return;
	}
	instance_stop(s, i);
	if (i->outage.stage == OUTAGE_REPAIRS) /* tables are made anew, experts come on */
		i->outage.fetch_s = fmin(i->outage.fetch_s, i->outage.until_s - s->now_s);
	i->joins = false;
	mark(s, i, MARK_SUSPECT, n);
	if (s->result->failures.failed_s < 0)
		s->result->failures.failed_s = s->now_s;
	stage_set(s, i, OUTAGE_HANGS, s->now_s + s->spec->failure.detect_s);
}

/* Groups in that state: their requests start again on whatever group the router finds. */
static void groups_empty(struct sim *s, struct instance *i, bool all)
{
	for (int32_t k = 0; k < i->n_groups; k++) { /* first all, or they would move in circles */
		struct group *g = group_of(s, i, k);

		g->dead = all || g->state != RANK_ACTIVE;
	}
	for (int32_t k = 0; k < i->n_groups; k++) {
		if (group_of(s, i, k)->dead)
			group_empty(s, group_of(s, i, k));
	}
}

static void go_down(struct sim *s, struct instance *i, enum cover_answer why)
{
	stage_set(s, i, OUTAGE_DOWN, HUGE_VAL);
	mark(s, i, MARK_NOT_COVERABLE, i->n_groups);
	s->result->failures.not_coverable = cover_reasons[why];
	groups_empty(s, i, true);
	limbo_flush(s); /* perhaps nobody comes back now */
}

static void restart(struct sim *s, struct instance *i)
{
	const struct pool_repair *p = repair_of(s, i);
	double load_s = takes_s(p->rank_bytes, s->spec->failure.load_Bps);

	stage_set(s, i, OUTAGE_RESTARTS, s->now_s + s->spec->failure.restart_s + load_s);
	mark(s, i, MARK_RESTARTS, i->n_groups);
	groups_empty(s, i, true);
}

/* All weights come from living ranks, which hold every expert by now. */
static void warm_up(struct sim *s, struct instance *i, struct group *g)
{
	const struct pool_repair *p = repair_of(s, i);
	double load_s = takes_s(p->rank_bytes, p->peer_Bps);

	g->state = RANK_WARMING;
	g->ready_s = s->now_s + s->spec->failure.warm_s + load_s;
	s->result->failures.warm_load_s = fmax(s->result->failures.warm_load_s, load_s);
}

static int32_t suspects_out(struct sim *s, struct instance *i)
{
	int32_t n = 0;

	for (int32_t k = 0; k < i->n_groups; k++) {
		struct group *g = group_of(s, i, k);

		if (g->state != RANK_SUSPECT)
			continue;
		g->state = RANK_OUT, n++;
		cover_set(s, i, k, false);
	}
	mark(s, i, MARK_OUT, n);
	return n;
}

static void repair(struct sim *s, struct instance *i, const struct cover_repair *r, int32_t n_lost)
{
	double tables_s = s->now_s + s->spec->failure.drain_s + s->spec->failure.patch_s;

	i->outage.fetch_s += fetch_s(s, i, r);
	if (s->spec->failure.warm_s > 0) {
		for (int32_t k = 0; k < i->n_groups; k++) {
			if (group_of(s, i, k)->state == RANK_OUT)
				warm_up(s, i, group_of(s, i, k));
		}
		mark(s, i, MARK_WARMING, n_lost);
	}
	stage_set(s, i, OUTAGE_REPAIRS, tables_s + i->outage.fetch_s);
	groups_empty(s, i, false);
}

static void detected(struct sim *s, struct instance *i)
{
	int32_t n = suspects_out(s, i);
	enum cover_answer answer;
	struct cover_repair r;

	if (s->spec->failure.restart_s > 0) {
		restart(s, i);
		return;
	}
	answer = cover_mend(cover_of(s, i), s->spec->failure.host_backup, &r);
	if (answer == COVERED)
		repair(s, i, &r, n);
	else
		go_down(s, i, answer);
}

/* ---- they serve again ------------------------------------------------------------------------ */

static void serve_again(struct sim *s, struct instance *i)
{
	stage_set(s, i, OUTAGE_NONE, HUGE_VAL);
	busiest_set(s, i);
	if (s->result->failures.resumed_s < 0)
		s->result->failures.resumed_s = s->now_s;
	limbo_flush(s);
	instance_kick(s, i);
}

static int32_t count_active(const struct sim *s, const struct instance *i)
{
	int32_t n = 0;

	for (int32_t k = 0; k < i->n_groups; k++)
		n += group_of(s, i, k)->state == RANK_ACTIVE;
	return n;
}

/* Ranks come back: those that are ready, or all. */
static void revive(struct sim *s, struct instance *i, bool all)
{
	enum serve_mark_kind kind = all ? MARK_RESTARTED : MARK_JOINED;
	int32_t n = 0;

	for (int32_t k = 0; k < i->n_groups; k++) {
		struct group *g = group_of(s, i, k);

		if (!all && (g->state != RANK_WARMING || g->ready_s > s->now_s))
			continue;
		g->state = RANK_ACTIVE, g->dead = false, n++;
		cover_set(s, i, k, true);
	}
	s->result->failures.rejoined_s = s->now_s;
	mark(s, i, kind, n);
	if (count_active(s, i) ==
	    i->n_groups) /* experts go back to where they were, behind the steps */
		cover_fini(&i->outage.cover);
	serve_again(s, i);
}

static void resume(struct sim *s, struct instance *i)
{
	i->outage.fetch_s = 0;
	mark(s, i, MARK_RESUMED, count_active(s, i));
	serve_again(s, i);
}

static void stage_end(struct sim *s, struct instance *i)
{
	switch (i->outage.stage) {
	case OUTAGE_HANGS:
		detected(s, i);
		break;
	case OUTAGE_REPAIRS:
		resume(s, i);
		break;
	case OUTAGE_JOINS:
		revive(s, i, false);
		break;
	case OUTAGE_RESTARTS:
		revive(s, i, true);
		break;
	default:
		CHECK(!"a stage without an end");
	}
}

/* The step that runs is finished first. */
static void ready(struct sim *s, struct instance *i)
{
	int32_t n = 0;

	for (int32_t k = 0; k < i->n_groups; k++) {
		const struct group *g = group_of(s, i, k);

		n += g->state == RANK_WARMING && g->ready_s <= s->now_s;
	}
	mark(s, i, MARK_READY, n);
	i->joins = true;
	next_set(s);
	instance_cut(s, i);
	failure_boundary(s, i);
}

void failure_boundary(struct sim *s, struct instance *i)
{
	if (!i->joins || i->busy || i->stopped)
		return;
	i->joins = false;
	stage_set(s, i, OUTAGE_JOINS, s->now_s + s->spec->failure.rejoin_s);
}

void failure_step(struct sim *s)
{
	const struct field_list *at_s = &s->spec->failure.at_s;

	for (int32_t k = 0; k < s->n_instances; k++) {
		struct instance *i = &s->instance[k];

		if (i->outage.stage != OUTAGE_NONE && i->outage.until_s <= s->now_s) {
			stage_end(s, i);
			return;
		}
		if (ready_s(s, i) <= s->now_s) {
			ready(s, i);
			return;
		}
	}
	if (s->n_struck < at_s->n && at_s->number[s->n_struck] <= s->now_s)
		strike(s);
}

/* An instance's steps: planned by its groups, priced, and applied when they end. Decode steps that
 * only differ by one more token of context are one run. */
#include <math.h>
#include "models/base/arena.h"
#include "sim/serve_state.h"

static const struct serve_pool *pool_of(const struct sim *s, const struct instance *i)
{
	return &s->setup->pool[i->pool];
}

static double mean_context(const struct group *g)
{
	return (double)(g->base_sum + (int64_t)g->n_decoding * g->tokens) / (double)g->n_decoding;
}

/* ---- planning -------------------------------------------------------------------------------- */

/* KV that has landed decodes from now on. */
static void join_landed(struct sim *s, struct group *g)
{
	for (size_t i = 0; i < g->n_prefilling;) {
		uint32_t job = g->prefilling[i];

		if (s->job[job].state != JOB_LANDED) {
			i++;
			continue;
		}
		prefilling_remove(g, job);
		s->job[job].computed = s->job[job].target;
		job_decode(s, g, job);
	}
}

static void load_chunks(struct sim *s, struct group *g)
{
	struct group_load *l = &g->plan.load;

	for (size_t k = 0; k < g->plan.n_chunks; k++) {
		double q = g->plan.chunk[k].tokens;

		l->prompt_count += 1;
		l->prefill_count += q;
		l->prefill_square_count += q * q;
		l->prefill_pairs_count += q * s->job[g->plan.chunk[k].job].computed;
	}
}

static void plan_groups(struct sim *s, const struct instance *i)
{
	for (int32_t k = 0; k < i->n_groups; k++) {
		struct group *g = &s->group[i->first_group + k];

		plan_clear(&g->plan);
		if (g->dead)
			continue;
		join_landed(s, g);
		s->batching->plan(s, g);
		load_chunks(s, g);
	}
}

/* ---- pricing --------------------------------------------------------------------------------- */

/* ---- fewer ranks ----------------------------------------------------------------------------- */

/* While ranks are lost, the busiest of the others has more experts, and all rows that come to them:
 * the step of a smaller EP group with as many rows for each rank, or of one between the two. */
static double rows_ratio(const struct sim *s, const struct instance *i)
{
	const struct pool_repair *r = &pool_of(s, i)->repair;

	return i->busiest_count > 0 ? i->busiest_count / (double)r->own_experts : 1;
}

static double between_s(const struct sim *s, const struct instance *i, double whole_s,
                        double fewer_s)
{
	const struct pool_repair *r = &pool_of(s, i)->repair;
	double own = (double)r->own_experts;
	double share = (i->busiest_count - own) / ((double)r->fewer_own_experts - own);

	return fmax(0, whole_s + share * (fewer_s - whole_s));
}

/* A group's share of the time that all take together. */
static enum rc shared_of(const struct sim *s, const struct instance *i, const struct group_load *l,
                         double *out_s, struct err *e)
{
	const struct serve_pool *p = pool_of(s, i);
	double k = rows_ratio(s, i);
	struct group_load more = {.prompt_count = l->prompt_count,
	                          .prefill_count = k * l->prefill_count,
	                          .prefill_square_count = k * l->prefill_square_count,
	                          .prefill_pairs_count = k * l->prefill_pairs_count,
	                          .decode_count = k * l->decode_count,
	                          .decode_context_count = k * l->decode_context_count};
	struct step_cost whole, fewer;

	TRY(p->times->ops->cost(p->times, &more, &whole, e));
	*out_s = whole.shared_s;
	if (!p->repair.fewer)
		return RC_OK;
	TRY(p->repair.fewer->ops->cost(p->repair.fewer, &more, &fewer, e));
	*out_s = between_s(s, i, whole.shared_s, fewer.shared_s);
	return RC_OK;
}

static enum rc decode_shared_of(const struct sim *s, const struct instance *i, double mean_count,
                                double *out_s, struct err *e)
{
	const struct serve_pool *p = pool_of(s, i);
	double rows_count = rows_ratio(s, i) * mean_count, fewer_s;

	TRY(p->times->ops->decode_shared(p->times, rows_count, out_s, e));
	if (!(i->busiest_count > 0) || !p->repair.fewer)
		return RC_OK;
	TRY(p->repair.fewer->ops->decode_shared(p->repair.fewer, rows_count, &fewer_s, e));
	*out_s = between_s(s, i, *out_s, fewer_s);
	return RC_OK;
}

/* A step with prompts: the slowest group's own time, the mean group's shared time. */
static enum rc price_mixed(struct sim *s, struct instance *i, struct err *e)
{
	struct step_times *t = pool_of(s, i)->times;
	double own_s = 0, shared_s = 0;

	for (int32_t k = 0; k < i->n_groups; k++) {
		const struct plan *p = &s->group[i->first_group + k].plan;
		struct step_cost c;

		if (p->n_chunks == 0 && !p->decodes)
			continue;
		TRY(t->ops->cost(t, &p->load, &c, e));
		if (i->busiest_count > 0)
			TRY(shared_of(s, i, &p->load, &c.shared_s, e));
		own_s = fmax(own_s, c.own_s);
		shared_s += c.shared_s;
	}
	i->step_s = own_s + shared_s / (double)i->n_groups;
	i->slope_s = 0, i->steps = 1;
	return RC_OK;
}

/* Steps until the first sequence of a group ends, or its KV memory is full. */
static int64_t steps_most(const struct sim *s, const struct group *g)
{
	int64_t steps = s->job[g->heap[0]].finish_step - g->steps;
	int64_t tokens = tokens_after(s, g->steps + steps) - g->tokens;
	int64_t may = kv_growth_most(&g->kv, g->tokens, tokens), low;

	low = 1; /* the plan has made room for one */
	while (tokens > may && steps - low > 1) {
		int64_t middle = (low + steps) / 2;

		if (tokens_after(s, g->steps + middle) - g->tokens <= may)
			low = middle;
		else
			steps = middle;
	}
	return tokens > may ? low : steps;
}

/* The group whose own time is longest after `ahead` further steps. Times are straight lines of the
 * steps: who leads at both ends leads all the way. */
static int32_t slowest(const struct sim *s, const struct instance *i, const double *own_s,
                       const double *slope_s, int64_t ahead)
{
	int32_t at = -1;

	for (int32_t k = 0; k < i->n_groups; k++) {
		if (s->group[i->first_group + k].plan.decodes &&
		    (at < 0 || own_s[k] + slope_s[k] * (double)ahead >
		                       own_s[at] + slope_s[at] * (double)ahead))
			at = k;
	}
	return at;
}

/* Lines of all groups that decode; *steps: how many the run may have. */
static enum rc lines_of(struct sim *s, const struct instance *i, double *own_s, double *slope_s,
                        double *mean_count, int64_t *steps, struct err *e)
{
	struct step_times *t = pool_of(s, i)->times;

	*steps = INT32_MAX, *mean_count = 0;
	for (int32_t k = 0; k < i->n_groups; k++) {
		const struct group *g = &s->group[i->first_group + k];
		struct decode_line line;
		double until;

		if (g->plan.blind || s->setup->single_steps)
			*steps = 1;
		if (!g->plan.decodes)
			continue;
		TRY(t->ops->line(t, (double)g->n_decoding, mean_context(g), &line, e));
		own_s[k] = line.own_s;
		slope_s[k] = line.slope_s * s->tokens_per_step_count;
		until = ceil(line.grow_count / s->tokens_per_step_count);
		*steps = (int64_t)fmin((double)*steps, fmax(1, until));
		*steps = (int64_t)fmin((double)*steps, (double)steps_most(s, g));
		*mean_count += (double)g->n_decoding / (double)i->n_groups;
	}
	return RC_OK;
}

static enum rc price_run(struct sim *s, struct instance *i, struct err *e)
{
	double *own_s = s->line_s, *slope_s = s->line_s + i->n_groups, mean_count, shared_s;
	int32_t first, last;

	TRY(lines_of(s, i, own_s, slope_s, &mean_count, &i->steps, e));
	TRY(decode_shared_of(s, i, mean_count, &shared_s, e));
	first = slowest(s, i, own_s, slope_s, 0);
	while (i->steps > 1) {
		last = slowest(s, i, own_s, slope_s, i->steps - 1);
		if (own_s[last] + slope_s[last] * (double)(i->steps - 1) <=
		    own_s[first] + slope_s[first] * (double)(i->steps - 1))
			break;
		i->steps = (i->steps + 1) / 2;
	}
	i->step_s = own_s[first] + shared_s;
	i->slope_s = slope_s[first];
	return RC_OK;
}

/* Time of the first n steps of a run. */
static double run_s(const struct instance *i, int64_t n)
{
	double steps = (double)n;

	return steps * i->step_s + i->slope_s * steps * (steps - 1) / 2;
}

static double start_of_last_s(const struct instance *i)
{
	return i->start_s + run_s(i, i->steps - 1);
}

/* KV memory in use, as a share of all. */
static void kv_use_show(struct sim *s, const struct instance *i)
{
	double change = 0;

	for (int32_t k = 0; k < i->n_groups; k++) {
		struct group *g = &s->group[i->first_group + k];
		double use = (double)(g->kv.used + g->kv.pinned) / (double)g->kv.blocks;

		change += use - g->shown_ratio;
		g->shown_ratio = use;
	}
	gauge_add(&s->result->kv_use, s->now_s, change / s->n_groups);
}

/* Keeps a step for a trace, when it is of that instance. */
static void step_trace(struct sim *s, const struct instance *i)
{
	struct serve_trace *t = s->setup->trace;
	struct serve_step step = {.start_s = i->start_s, .end_s = i->end_s, .steps = i->steps};

	if (!t || t->instance != i->index || (t->most > 0 && t->n == t->most))
		return;
	for (int32_t k = 0; k < i->n_groups; k++) {
		const struct group *g = &s->group[i->first_group + k];

		step.decoding += g->plan.decodes ? (int32_t)g->n_decoding : 0;
		step.prompts += (int32_t)g->plan.n_chunks;
		step.prefill_tokens += (int32_t)g->plan.load.prefill_count;
		step.waiting += (int32_t)g->waiting.n;
		step.kv_used_ratio += g->shown_ratio / i->n_groups;
	}
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 1024;
		t->step = heap_resize(t->step, t->room, sizeof *t->step);
	}
	t->step[t->n++] = step;
}

/* ---- starting and ending --------------------------------------------------------------------- */

/* Plans a step; is there anything to do in it? *prompts: also prompts, not decode alone. */
static bool plan_step(struct sim *s, const struct instance *i, bool *prompts, bool *blind)
{
	bool decodes = false;

	*prompts = *blind = false;
	plan_groups(s, i);
	for (int32_t k = 0; k < i->n_groups; k++) {
		const struct plan *p = &s->group[i->first_group + k].plan;

		*prompts = *prompts || p->n_chunks > 0;
		*blind = *blind || p->blind;
		decodes = decodes || p->decodes;
	}
	return *prompts || decodes;
}

void instance_know_all(struct sim *s, struct instance *i)
{
	i->before_s = s->now_s;
	for (int32_t k = 0; k < i->n_groups; k++)
		s->group[i->first_group + k].held = 0;
}

enum rc instance_start(struct sim *s, struct instance *i, struct err *e)
{
	bool prompts, blind, work;

	failure_boundary(s, i);
	if (i->busy || i->stopped)
		return RC_OK;
	work = plan_step(s, i, &prompts, &blind);
	if (!work && blind) { /* nothing runs, so nothing hides what came */
		instance_know_all(s, i);
		work = plan_step(s, i, &prompts, &blind);
	}
	kv_use_show(s, i);
	if (!work)
		return RC_OK;
	if (prompts)
		TRY(price_mixed(s, i, e));
	else
		TRY(price_run(s, i, e));
	i->busy = true;
	i->start_s = s->now_s;
	i->end_s = i->start_s + run_s(i, i->steps);
	instance_heap_set(s, i);
	return RC_OK;
}

void instance_cut(struct sim *s, struct instance *i)
{
	double since_s = s->now_s - i->start_s;
	int64_t low = 0, high = i->steps; /* high steps last long enough */

	if (!i->busy || i->steps == 1)
		return;
	while (high - low > 1) {
		int64_t middle = (low + high) / 2;

		if (run_s(i, middle) >= since_s)
			high = middle;
		else
			low = middle;
	}
	if (high == i->steps)
		return;
	i->steps = high;
	i->end_s = i->start_s + run_s(i, high);
	instance_heap_set(s, i);
}

/* Gaps before the tokens of a run: the first step ends what each cohort waited for. */
static void gaps_of(struct sim *s, const struct instance *i, struct group *g)
{
	struct gap_histogram *h = &s->result->gaps;
	double first_s = i->start_s + i->step_s, each = s->tokens_per_step_count;
	int64_t n = (int64_t)g->n_decoding;

	for (size_t k = 0; k < g->n_cohorts; k++)
		if (g->cohort[k].n > 0)
			gaps_add(h, (first_s - g->cohort[k].last_s) / each, g->cohort[k].n);
	if (i->steps > 1)
		gaps_add_line(h, (i->step_s + i->slope_s) / each,
		              (i->step_s + i->slope_s * (double)(i->steps - 1)) / each,
		              i->steps - 1, n);
	g->cohort[0] = (struct cohort){s->now_s, n};
	g->n_cohorts = 1;
}

static void decodes_apply(struct sim *s, const struct instance *i, struct group *g)
{
	int64_t tokens = tokens_after(s, g->steps + i->steps) - g->tokens;

	gaps_of(s, i, g);
	gauge_deposit(&s->result->output, i->start_s, s->now_s,
	              (double)(tokens * (int64_t)g->n_decoding));
	group_take(s, g, kv_growth_blocks(&g->kv, g->tokens, tokens));
	g->steps += i->steps;
	g->tokens += tokens;
	g->decoded_s = s->now_s;
	while (g->n_decoding > 0 && s->job[g->heap[0]].finish_step <= g->steps)
		job_finish(s, g, g->heap[0], FATE_DONE);
}

/* The last chunk of a prompt brings a token. */
static void prompt_done(struct sim *s, struct group *g, uint32_t job)
{
	struct served *log = &s->result->served[job];

	job_publish(s, g, job);
	g->outstanding_flop -= s->job[job].due_flop;
	s->job[job].due_flop = 0;
	gauge_deposit(&s->result->output, s->now_s, s->now_s, 1);
	if (log->generated_count++ == 0)
		log->first_s = s->now_s;
	else
		gaps_add(&s->result->gaps, s->now_s - s->job[job].token_s, 1);
	s->job[job].token_s = s->now_s;
	if (log->generated_count == job_request(s, job)->output) {
		job_finish(s, g, job, FATE_DONE);
		return;
	}
	if (s->setup->pool[g->pool].role == ROLE_PREFILL) {
		job_hand_over(s, g, job);
		job_route(s, job);
		return;
	}
	prefilling_remove(g, job);
	job_decode(s, g, job);
}

static void chunks_apply(struct sim *s, struct group *g)
{
	for (size_t k = 0; k < g->plan.n_chunks; k++) {
		const struct chunk *c = &g->plan.chunk[k];
		struct job *j = &s->job[c->job];

		j->computed += c->tokens;
		if (j->computed == j->target)
			prompt_done(s, g, c->job);
	}
}

void instance_stop(struct sim *s, struct instance *i)
{
	int64_t done = i->steps;

	if (!i->busy)
		return;
	while (done > 0 && i->start_s + run_s(i, done) > s->now_s)
		done = done > 64 && i->start_s + run_s(i, done / 2) > s->now_s ? done / 2
		                                                               : done - 1;
	if (done > 0) {
		i->steps = done;
		i->end_s = s->now_s;
		instance_finish(s, i);
		return;
	}
	instance_heap_remove(s, i);
	i->busy = false;
}

void instance_finish(struct sim *s, struct instance *i)
{
	instance_heap_remove(s, i);
	i->busy = false;
	step_trace(s, i);
	i->before_s = start_of_last_s(i);
	s->result->steps += i->steps;
	s->result->events++;
	s->result->busy_s += i->end_s - i->start_s;
	for (int32_t k = 0; k < i->n_groups; k++) {
		struct group *g = &s->group[i->first_group + k];

		g->held = g->running.n;
		if (g->plan.decodes)
			decodes_apply(s, i, g);
		chunks_apply(s, g);
	}
}

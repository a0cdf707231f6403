#include "sim/sweep.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "sim/sweep_price.h"

/* The knobs in the order of the points: those both pools share, then batch, then chunk. A prefill
 * price is shared by all batches, a decode price by all chunks. */
enum knob {
	KNOB_FLOW,
	KNOB_EP,
	KNOB_TP,
	KNOB_DP,
	KNOB_WEIGHTS,
	KNOB_KV,
	KNOB_DISPATCH,
	KNOB_MICRO,
	KNOB_CORES,
	KNOB_BATCH,
	KNOB_CHUNK,
	KNOBS
};

struct knobs {
	struct field_list list[KNOBS]; /* as given; empty: the schedule's own value */
	size_t n[KNOBS];
	size_t n_shared, n_batch, n_chunk;
	const struct flow **flow;
};

static void knobs_lists(const struct config *c, struct knobs *k)
{
	const struct sweep_spec *s = &c->sweep;
	const struct field_list all[KNOBS] = {
	        [KNOB_FLOW] = s->flow,
	        [KNOB_EP] = s->ep,
	        [KNOB_TP] = s->tp,
	        [KNOB_DP] = s->dp,
	        [KNOB_WEIGHTS] = s->weights,
	        [KNOB_KV] = s->kv,
	        [KNOB_DISPATCH] = s->dispatch,
	        [KNOB_MICRO] = s->micro_batches,
	        [KNOB_CORES] = s->vector_cores,
	        [KNOB_BATCH] = s->batch,
	        [KNOB_CHUNK] = s->chunk,
	};

	memcpy(k->list, all, sizeof all);
	k->n_shared = 1;
	for (int i = 0; i < KNOBS; i++) {
		k->n[i] = all[i].n > 0 ? all[i].n : 1;
		if (i < KNOB_BATCH)
			k->n_shared *= k->n[i];
	}
	k->n_batch = k->n[KNOB_BATCH], k->n_chunk = k->n[KNOB_CHUNK];
}

static enum rc knobs_flows(const struct config *c, struct knobs *k, struct err *e)
{
	k->flow = arena_alloc(c->arena, k->n[KNOB_FLOW] * sizeof *k->flow);
	for (size_t i = 0; i < k->n[KNOB_FLOW]; i++) {
		const struct field_list *l = &k->list[KNOB_FLOW];

		k->flow[i] = flow_find(l->n > 0 ? l->text[i] : c->schedule.flow, e);
		if (!k->flow[i])
			return e->rc;
	}
	return RC_OK;
}

enum rc sweep_count(const struct config *c, size_t *out, struct err *e)
{
	enum { MOST_POINTS = 1 << 22 }; /* under 4 GB */
	struct knobs k;
	double count = 1;

	knobs_lists(c, &k);
	for (int i = 0; i < KNOBS; i++)
		count *= (double)k.n[i];
	if (count > MOST_POINTS)
		return fail(e, RC_CONFIG, "%s: the sweep has %.3g points, more than %d",
		            c->where[SECTION_SWEEP], count, MOST_POINTS);
	*out = (size_t)count;
	return RC_OK;
}

static int64_t number_or(const struct field_list *l, size_t i, int64_t own)
{
	return l->n > 0 ? (int64_t)l->number[i] : own;
}

/* The schedule of a point of the shared knobs, with one batch and one chunk. */
static struct schedule schedule_at(const struct config *c, const struct knobs *k, size_t shared,
                                   size_t batch, size_t chunk, const struct flow **flow)
{
	struct schedule s = c->schedule;
	size_t at[KNOBS] = {[KNOB_BATCH] = batch, [KNOB_CHUNK] = chunk};

	for (int i = KNOB_BATCH - 1; i >= 0; i--) {
		at[i] = shared % k->n[i];
		shared /= k->n[i];
	}
	*flow = k->flow[at[KNOB_FLOW]];
	s.flow = (*flow)->name;
	s.ep = number_or(&k->list[KNOB_EP], at[KNOB_EP], s.ep);
	s.tp = number_or(&k->list[KNOB_TP], at[KNOB_TP], s.tp);
	s.dp = number_or(&k->list[KNOB_DP], at[KNOB_DP], s.dp);
	s.weights = (int)number_or(&k->list[KNOB_WEIGHTS], at[KNOB_WEIGHTS], s.weights);
	s.kv = (int)number_or(&k->list[KNOB_KV], at[KNOB_KV], s.kv);
	s.dispatch = (int)number_or(&k->list[KNOB_DISPATCH], at[KNOB_DISPATCH], s.dispatch);
	s.micro_batches = number_or(&k->list[KNOB_MICRO], at[KNOB_MICRO], s.micro_batches);
	s.vector_cores = number_or(&k->list[KNOB_CORES], at[KNOB_CORES], s.vector_cores);
	s.batch = number_or(&k->list[KNOB_BATCH], at[KNOB_BATCH], s.batch);
	s.chunk = number_or(&k->list[KNOB_CHUNK], at[KNOB_CHUNK], s.chunk);
	return s;
}

/* ---- pricing, on several threads ---- */

struct work {
	struct pricer pricer;
	const struct knobs *k;
	const struct sweep_options *options;
	struct prefill_price *prefill; /* [shared][chunk] */
	struct decode_price *decode;   /* [shared][batch] */
	size_t n_prefill, n_units;
	atomic_size_t next;
	atomic_bool stop;
	pthread_mutex_t lock; /* of what follows */
	struct err error;     /* of the first unit, by index, that failed */
	size_t error_unit;
};

static enum rc price_unit(struct work *w, size_t unit, struct err *e)
{
	const struct knobs *k = w->k;
	const struct flow *flow;
	struct schedule s;

	if (unit < w->n_prefill) {
		s = schedule_at(w->pricer.config, k, unit / k->n_chunk, 0, unit % k->n_chunk,
		                &flow);
		return prefill_price(&w->pricer, flow, &s, w->prefill + unit, e);
	}
	unit -= w->n_prefill;
	s = schedule_at(w->pricer.config, k, unit / k->n_batch, unit % k->n_batch, 0, &flow);
	return decode_price(&w->pricer, flow, &s, w->decode + unit, e);
}

static void keep_error(struct work *w, size_t unit, const struct err *e)
{
	pthread_mutex_lock(&w->lock);
	if (unit < w->error_unit)
		w->error = *e, w->error_unit = unit;
	pthread_mutex_unlock(&w->lock);
	atomic_store(&w->stop, true);
}

static void price_units(struct work *w, bool report)
{
	struct err e;

	while (!atomic_load(&w->stop)) {
		size_t unit = atomic_fetch_add(&w->next, 1);

		if (unit >= w->n_units)
			return;
		if (price_unit(w, unit, &e) != RC_OK)
			keep_error(w, unit, &e);
		if (report && w->options->progress)
			w->options->progress(w->options->progress_data, unit + 1, w->n_units);
	}
}

static void *price_thread(void *data)
{
	price_units(data, false);
	return NULL;
}

static enum rc price_all(struct work *w, struct err *e)
{
	enum { MOST_THREADS = 256 };
	pthread_t thread[MOST_THREADS];
	int n = 0;

	for (; n < w->options->jobs - 1 && n < MOST_THREADS; n++) {
		if (pthread_create(&thread[n], NULL, price_thread, w) != 0)
			break; /* fewer threads do the same work */
	}
	price_units(w, true);
	while (n > 0)
		pthread_join(thread[--n], NULL);
	if (w->error_unit != SIZE_MAX)
		return *e = w->error, e->rc;
	return RC_OK;
}

/* ---- from prices to points ---- */

static void points_join(const struct work *w, struct sweep *s)
{
	const struct knobs *k = w->k;

	for (size_t i = 0; i < s->n_points; i++) {
		size_t chunk = i % k->n_chunk, batch = i / k->n_chunk % k->n_batch;
		size_t shared = i / k->n_chunk / k->n_batch;
		struct sweep_point *p = s->points + i;

		p->schedule = schedule_at(w->pricer.config, k, shared, batch, chunk, &p->flow);
		point_join(w->pricer.config, w->prefill + shared * k->n_chunk + chunk,
		           w->decode + shared * k->n_batch + batch, p);
		s->n_feasible += p->feasible;
	}
}

/* What the flow's buffers buy in batch and KV cache, against relay2 with the same knobs; nothing
 * where one of the two cannot run. */
static void batch_gains(const struct knobs *k, struct sweep *s)
{
	size_t per_flow = s->n_points / k->n[KNOB_FLOW];

	for (size_t f = 0; f < k->n[KNOB_FLOW]; f++) {
		if (strcmp(k->flow[f]->name, "relay2") != 0)
			continue;
		for (size_t i = 0; i < s->n_points; i++) {
			const struct sweep_point *base = s->points + f * per_flow + i % per_flow;
			struct sweep_point *p = s->points + i;

			if (p->reason == REASON_SHAPE || base->reason == REASON_SHAPE)
				continue;
			p->batch_gain = p->batch_most - base->batch_most;
			p->kv_gain_count = (base->decode_memory_bytes - p->decode_memory_bytes) /
			                   p->kv_token_bytes;
		}
	}
}

/* a is at least as good as b in TTFT, TPOT and throughput, and better in one. */
static bool dominates(const struct sweep_point *a, const struct sweep_point *b)
{
	if (a->ttft_s > b->ttft_s || a->tpot_s > b->tpot_s ||
	    a->tokens_per_s_per_npu_count < b->tokens_per_s_per_npu_count)
		return false;
	return a->ttft_s < b->ttft_s || a->tpot_s < b->tpot_s ||
	       a->tokens_per_s_per_npu_count > b->tokens_per_s_per_npu_count;
}

/* Best throughput first: a point can only be dominated by one of the front before it. */
static int by_throughput(const void *a, const void *b)
{
	const struct sweep_point *x = *(struct sweep_point *const *)a;
	const struct sweep_point *y = *(struct sweep_point *const *)b;

	if (x->tokens_per_s_per_npu_count != y->tokens_per_s_per_npu_count)
		return x->tokens_per_s_per_npu_count < y->tokens_per_s_per_npu_count ? 1 : -1;
	if (x->ttft_s != y->ttft_s)
		return x->ttft_s > y->ttft_s ? 1 : -1;
	if (x->tpot_s != y->tpot_s)
		return x->tpot_s > y->tpot_s ? 1 : -1;
	return x > y ? 1 : -1;
}

static void pareto_mark(struct sweep *s)
{
	struct sweep_point **order = heap_zeroed(s->n_feasible + 1, sizeof *order);
	size_t n = 0, front = 0;

	for (size_t i = 0; i < s->n_points; i++) {
		if (s->points[i].feasible)
			order[n++] = s->points + i;
	}
	qsort(order, n, sizeof *order, by_throughput);
	for (size_t i = 0; i < n; i++) {
		bool beaten = false;

		for (size_t j = 0; j < front && !beaten; j++)
			beaten = dominates(order[j], order[i]);
		order[i]->pareto = !beaten;
		if (!beaten) {
			struct sweep_point *kept = order[i];

			order[i] = order[front];
			order[front++] = kept;
		}
	}
	free(order);
}

static enum rc sweep_price(struct work *w, struct sweep *s, struct err *e)
{
	const struct knobs *k = w->k;
	enum rc rc;

	w->n_prefill = s->n_prefill = k->n_shared * k->n_chunk;
	s->n_decode = k->n_shared * k->n_batch;
	w->n_units = s->n_prefill + s->n_decode;
	w->prefill = heap_zeroed(s->n_prefill, sizeof *w->prefill);
	w->decode = heap_zeroed(s->n_decode, sizeof *w->decode);
	rc = price_all(w, e);
	if (rc == RC_OK) {
		points_join(w, s);
		batch_gains(k, s);
		pareto_mark(s);
	}
	free(w->prefill);
	free(w->decode);
	return rc;
}

enum rc sweep_run(const struct config *c, const struct sweep_options *options, struct sweep **out,
                  struct err *e)
{
	struct work w = {.pricer = {.config = c}, .options = options, .error_unit = SIZE_MAX};
	struct sweep *s = NULL;
	struct knobs k;
	size_t n_points;
	enum rc rc;

	TRY(sweep_count(c, &n_points, e));
	knobs_lists(c, &k);
	TRY(knobs_flows(c, &k, e));
	w.pricer.engine = engine_find(c->sweep.engine, e);
	if (!w.pricer.engine)
		return e->rc;
	s = heap_zeroed(1, sizeof *s);
	s->config = c, s->engine = w.pricer.engine, s->n_points = n_points;
	s->points = heap_zeroed(n_points, sizeof *s->points);
	w.k = &k;
	w.pricer.routings = routing_cache_new(&c->routing, &c->model);
	pthread_mutex_init(&w.lock, NULL);
	rc = sweep_price(&w, s, e);
	pthread_mutex_destroy(&w.lock);
	routing_cache_free(w.pricer.routings);
	if (rc == RC_OK)
		*out = s, s = NULL;
	sweep_free(s);
	return rc;
}

void sweep_free(struct sweep *s)
{
	if (s)
		free(s->points);
	free(s);
}

enum rc sweep_one(const struct config *c, const struct engine *engine,
                  const struct schedule *schedule, struct sweep_point *out, struct err *e)
{
	const struct pricer p = {c, engine, NULL};
	struct prefill_price pre;
	struct decode_price dec;

	memset(out, 0, sizeof *out);
	out->schedule = *schedule;
	out->flow = flow_find(schedule->flow, e);
	if (!out->flow)
		return e->rc;
	TRY(prefill_price(&p, out->flow, schedule, &pre, e));
	TRY(decode_price(&p, out->flow, schedule, &dec, e));
	point_join(c, &pre, &dec, out);
	return RC_OK;
}

const char *reason_name(enum reason r)
{
	static const char *const names[REASONS] = {"feasible", "shape", "npus",
	                                           "memory",   "ttft",  "tpot"};

	return names[r];
}

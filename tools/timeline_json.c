#include "tools/timeline_json.h"
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "models/base/json.h"

static const double us_per_s = 1e6; /* lint: the format's unit */

enum lane { LANE_CUBE, LANE_HBM, LANE_FABRIC, LANE_COPY, LANE_WAIT, LANES };
enum { TID_STEP = 1000 }; /* thread numbers of one engine's overlapping activities */

static const char *const lane_names[LANES] = {"cube", "HBM", "fabric", "vector copy", "wait"};

static enum lane lane_of(const struct graph *g, uint32_t i)
{
	bool hbm = false;

	for (size_t u = g->use_begin[i]; u < g->use_begin[i + 1]; u++) {
		switch (g->kind[g->use_resource[u]]) {
		case RES_CUBE:
			return LANE_CUBE;
		case RES_COPY:
			return LANE_COPY;
		case RES_HBM:
			hbm = true;
			break;
		default:
			return LANE_FABRIC;
		}
	}
	return hbm ? LANE_HBM : LANE_WAIT;
}

/* One span to draw, in the order of start. */
struct span {
	uint32_t activity, rank;
	enum lane lane;
	double start_s, finish_s;
};

static int by_place(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->lane != y->lane)
		return x->lane < y->lane ? -1 : 1;
	if (x->start_s != y->start_s)
		return x->start_s < y->start_s ? -1 : 1;
	return x->activity < y->activity ? -1 : x->activity > y->activity;
}

static size_t spans_make(const struct graph *g, const struct timeline *t, uint32_t ranks,
                         struct span *out)
{
	size_t n = 0;

	for (uint32_t i = 0; i < g->n_activities; i++) {
		if ((ranks > 0 && g->rank[i] >= ranks) || !(t->finish_s[i] > t->start_s[i]))
			continue;
		out[n++] =
		        (struct span){i, g->rank[i], lane_of(g, i), t->start_s[i], t->finish_s[i]};
	}
	qsort(out, n, sizeof *out, by_place);
	return n;
}

static void name_event(struct json *j, const char *what, uint32_t pid, int tid, const char *name)
{
	json_object(j, NULL);
	json_text(j, "name", what);
	json_text(j, "ph", "M");
	json_integer(j, "pid", pid);
	json_integer(j, "tid", tid);
	json_object(j, "args");
	json_text(j, "name", name);
	json_close(j);
	json_close(j);
}

static void span_event(struct json *j, const struct graph *g, const struct span *s, int tid)
{
	const char *label = g->label_text[g->label[s->activity]];
	char phase[64];

	snprintf(phase, sizeof phase, "%.*s", (int)strcspn(label, "."), label);
	json_object(j, NULL);
	json_text(j, "name", label);
	json_text(j, "cat", phase);
	json_text(j, "ph", "X");
	json_number(j, "ts", s->start_s * us_per_s);
	json_number(j, "dur", (s->finish_s - s->start_s) * us_per_s);
	json_integer(j, "pid", s->rank);
	json_integer(j, "tid", tid);
	json_object(j, "args");
	json_number(j, s->lane == LANE_CUBE ? "flop" : "bytes", g->work_units[s->activity]);
	json_number(j, "latency_us", g->latency_s[s->activity] * us_per_s);
	json_close(j);
	json_close(j);
}

/* The spans of one rank and engine, on as many threads as overlap. */
static void lane_events(struct json *j, const struct graph *g, const struct span *s, size_t n)
{
	double *free_s = heap_zeroed(n, sizeof *free_s); /* of each thread */
	int threads = 0;

	for (size_t i = 0; i < n; i++) {
		int k = 0;

		while (k < threads && free_s[k] > s[i].start_s)
			k++;
		if (k == threads) {
			threads++;
			name_event(j, "thread_name", s->rank, (int)s->lane * TID_STEP + k,
			           lane_names[s->lane]);
		}
		free_s[k] = s[i].finish_s;
		span_event(j, g, &s[i], (int)s->lane * TID_STEP + k);
	}
	free(free_s);
}

/* ---- counters: each activity at its mean rate while it works ---- */

struct edge {
	double at_s, rate_per_s;
};

static int by_time(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return x->at_s < y->at_s ? -1 : x->at_s > y->at_s;
}

static void counter_event(struct json *j, uint32_t rank, const char *name, double at_s,
                          double rate_per_s)
{
	const double giga = 1e9; /* lint: the counter's unit */

	json_object(j, NULL);
	json_text(j, "name", name);
	json_text(j, "ph", "C");
	json_number(j, "ts", at_s * us_per_s);
	json_integer(j, "pid", rank);
	json_object(j, "args");
	json_number(j, "GB/s", rate_per_s > 0 ? rate_per_s / giga : 0);
	json_close(j);
	json_close(j);
}

static void counter(struct json *j, const struct graph *g, const struct timeline *t,
                    uint32_t resource, struct edge *edge)
{
	double rate_per_s = 0;
	size_t n = 0;

	for (uint32_t i = 0; i < g->n_activities; i++) {
		double from_s = t->start_s[i] + g->latency_s[i], busy_s = t->finish_s[i] - from_s;

		for (size_t u = g->use_begin[i]; busy_s > 0 && u < g->use_begin[i + 1]; u++) {
			double rate = g->use_weight_ratio[u] * g->work_units[i] / busy_s;

			if (g->use_resource[u] != resource)
				continue;
			edge[n++] = (struct edge){from_s, rate};
			edge[n++] = (struct edge){t->finish_s[i], -rate};
		}
	}
	qsort(edge, n, sizeof *edge, by_time);
	for (size_t i = 0; i < n; i++) {
		rate_per_s += edge[i].rate_per_s;
		if (i + 1 == n || edge[i + 1].at_s > edge[i].at_s)
			counter_event(j, g->owner[resource], resource_kind_name(g->kind[resource]),
			              edge[i].at_s, i + 1 == n ? 0 : rate_per_s);
	}
}

static void counters(struct json *j, const struct graph *g, const struct timeline *t,
                     uint32_t ranks)
{
	struct edge *edge = heap_zeroed(2 * g->n_uses + 1, sizeof *edge);

	for (uint32_t r = 0; r < g->n_resources; r++) {
		bool shown = g->kind[r] == RES_HBM || g->kind[r] == RES_EGRESS ||
		             g->kind[r] == RES_INGRESS || g->kind[r] == RES_NIC_OUT;

		if (shown && (ranks == 0 || g->owner[r] < ranks))
			counter(j, g, t, r, edge);
	}
	free(edge);
}

void timeline_json(const struct graph *g, const struct timeline *t, uint32_t ranks, FILE *out)
{
	struct span *s = heap_zeroed(g->n_activities + 1, sizeof *s);
	size_t n = spans_make(g, t, ranks, s);
	struct json *j = json_new(out);
	char name[64];

	json_array(j, NULL);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i; end < n && s[end].rank == s[i].rank && s[end].lane == s[i].lane;)
			end++;
		if (i == 0 || s[i - 1].rank != s[i].rank) {
			snprintf(name, sizeof name,
			         g->rank_multiplicity_count > 1 ? "rank %u (stands for %.0f)"
			                                        : "rank %u",
			         s[i].rank, g->rank_multiplicity_count);
			name_event(j, "process_name", s[i].rank, 0, name);
		}
		lane_events(j, g, s + i, end - i);
	}
	counters(j, g, t, ranks);
	json_close(j);
	json_free(j);
	free(s);
}

/* What a sweep comes to, and the words for it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tools/report.h"
#include "tools/text.h"

/* ---- scales ---- */

/* About four digits of a figure as large as this one. */
static int digits_of(double shown)
{
	return shown >= 1000 ? 0 : shown >= 100 ? 1 : shown >= 1 ? 2 : 3;
}

struct scale scale_time(double like_s)
{
	struct scale s = {"s", 1, 2};

	if (like_s < 1)
		s.unit = "ms", s.per_si_units = 1e3; /* lint: a unit for print */
	s.digits = digits_of(like_s * s.per_si_units);
	s.digits -= s.digits > 1 && like_s < 1;
	return s;
}

struct scale scale_rate(double like_count)
{
	return (struct scale){"tokens/s/NPU", 1, like_count >= 100 ? 0 : like_count >= 10 ? 1 : 2};
}

const char *time_words(const struct report_case *c, double time_s)
{
	char text[TEXT_SIZE];

	return arena_string(c->arena, quantity_human(time_s, DIM_TIME, 3, text, sizeof text));
}

const char *rate_words(const struct report_case *c, double rate_count)
{
	return arena_print(c->arena, "%.*f", c->rate.digits, rate_count);
}

const char *reason_words(enum reason r)
{
	static const char *const words[REASONS] = {
	        [REASON_NONE] = "feasible",
	        [REASON_SHAPE] = "cannot run",
	        [REASON_NPUS] = "too many NPUs",
	        [REASON_MEMORY] = "does not fit memory",
	        [REASON_TTFT] = "over the TTFT budget",
	        [REASON_TPOT] = "over the TPOT budget",
	        [REASON_BEATEN] = "beaten by another",
	};

	return words[r] ? words[r] : reason_name(r);
}

const char *objective_words(enum objective o)
{
	switch (o) {
	case OBJECTIVE_TTFT:
		return "TTFT";
	case OBJECTIVE_TPOT:
		return "TPOT";
	case OBJECTIVE_NPUS:
		return "NPUs";
	default:
		return objective_names[o];
	}
}

/* ---- knobs ---- */

const char *report_knob_text(const struct report_knob *k, const struct sweep_point *p)
{
	return k->value[report_knob_at(k, p)].text;
}

const char *schedule_words(const struct report_case *c, const struct sweep_point *p)
{
	const char *text = "";

	for (size_t i = 0; i < c->n_knobs; i++) {
		const struct report_knob *k = &c->knob[i];
		bool plain = k->id == KNOB_FLOW && !k->apart;

		text = arena_print(c->arena, "%s%s%s%s%s", text, *text ? ", " : "",
		                   plain ? "" : k->title, plain ? "" : " ", report_knob_text(k, p));
	}
	return *text ? text : point_flow(p)->name;
}

static void knobs_set(struct report_case *c)
{
	struct report_knob all[MOST_REPORT_KNOBS];
	size_t n = report_knobs(c->sweep, c->arena, all);

	c->fixed = "";
	for (size_t i = 0; i < n; i++) {
		if (all[i].n > 1)
			c->knob[c->n_knobs++] = all[i];
		else if (all[i].n == 1 &&
		         (all[i].id == KNOBS || c->sweep->knobs.list[all[i].id]->n > 0))
			c->fixed =
			        arena_print(c->arena, "%s%s%s %s", c->fixed, *c->fixed ? ", " : "",
			                    all[i].title, all[i].value[0].text);
	}
}

/* ---- misses ---- */

static double miss(double is, double may, const char *name, double most_ratio, const char **what)
{
	if (!(may > 0) || is / may - 1 <= most_ratio)
		return most_ratio;
	*what = name;
	return is / may - 1;
}

double point_miss_ratio(const struct sweep_point *p, const char **what)
{
	const struct sweep_spec *spec = &p->prefill->group->config->sweep;
	double most_ratio = 0, limit_bytes;

	*what = "";
	if (!point_priced(p))
		return INFINITY;
	limit_bytes = point_memory_limit_bytes(p);
	most_ratio = miss(p->prefill->memory.total_bytes, limit_bytes, "memory of prefill",
	                  most_ratio, what);
	most_ratio = miss(p->decode->memory.total_bytes, limit_bytes, "memory of decode",
	                  most_ratio, what);
	most_ratio =
	        miss((double)point_npus(p), (double)spec->budget.npus, "NPUs", most_ratio, what);
	most_ratio = miss(p->prefill->time_s, spec->budget.ttft_s, "TTFT", most_ratio, what);
	return miss(p->decode->time_s, spec->budget.tpot_s, "TPOT", most_ratio, what);
}

/* ---- a case ---- */

static void scales_set(struct report_case *c)
{
	const struct sweep_spec *spec = &c->config->sweep;
	double ttft_s = spec->budget.ttft_s, tpot_s = spec->budget.tpot_s, rate_count = 0;

	for (size_t i = 0; i < c->points.n; i++) {
		const struct sweep_point *p = c->points.list[i];

		if (!point_priced(p))
			continue;
		if (!(spec->budget.ttft_s > 0))
			ttft_s = fmax(ttft_s, p->prefill->time_s);
		if (!(spec->budget.tpot_s > 0))
			tpot_s = fmax(tpot_s, p->decode->time_s);
		rate_count = fmax(rate_count, p->tokens_per_s_per_npu_count);
	}
	c->ttft = scale_time(ttft_s), c->tpot = scale_time(tpot_s),
	c->rate = scale_rate(rate_count);
}

void report_case_init(struct report_case *c, const struct sweep *s, size_t most_points,
                      struct arena *a)
{
	const struct sweep_point **front;

	*c = (struct report_case){.sweep = s, .config = s->config, .arena = a, .first_row = 1};
	c->n_flows = sweep_summaries(s, c->flow);
	c->n_front = sweep_front(s, &front);
	c->front = arena_alloc(a, (c->n_front + 1) * sizeof *c->front);
	memcpy(c->front, front, c->n_front * sizeof(struct sweep_point *));
	free(front);
	c->best = c->n_front > 0 ? c->front[0] : NULL;
	knobs_set(c);
	points_choose(s, most_points, a, &c->points);
	scales_set(c);
}

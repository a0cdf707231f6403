/* Step times from flows and engines, as surfaces.
 *
 * Three of them: D(n, m), n sequences decode at mean context m; P(q, c, s), a chunk of q tokens of
 * s prompts with c tokens before them; L(t), t tokens with nothing before them, so that only what
 * depends on tokens alone is left. A step that does both is
 *     L(q + n) + [D(n, m) - D(n, 0)] + [P(q, c, s) - L(q)]:
 * all tokens go through the matrices together, attention is paid by each part for itself. With one
 * part alone this is P or D exactly.
 *
 * Prompts of different lengths: s and c are chosen such that P sees as many pairs of tokens as
 * there are: s = (sum q)^2 / sum q^2, c = sum of q_i c_i / sum q. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "sim/serve_times.h"
#include "sim/surface.h"

enum which { DECODE, PREFILL, LINEAR, SURFACES };

struct surfaces {
	struct step_times times; /* first */
	struct surface_times_spec spec;
	struct surface *surface[SURFACES];
};

static bool is_shared(const char *phase)
{
	return strcmp(phase, "dispatch") == 0 || strcmp(phase, "expert") == 0 ||
	       strcmp(phase, "combine") == 0;
}

/* Value 0: the whole step; value 1: its shared part. */
static enum rc step_values(const struct step_request *q, double *out, struct err *e)
{
	struct step_result r;
	double shared_s = 0;

	TRY(step_run(q, &r, e));
	for (size_t i = 0; step_phases[i]; i++)
		shared_s += is_shared(step_phases[i]) ? r.phase_s[i] : 0;
	out[0] = r.step_s;
	out[1] = shared_s;
	return RC_OK;
}

/* Micro-batches and TP need a token each. */
static double least_tokens(const struct surfaces *s)
{
	return (double)(s->spec.q.schedule->micro_batches * s->spec.q.schedule->tp);
}

static enum rc decode_fn(void *data, const double *at, double *out, struct err *e)
{
	struct surfaces *s = data;
	struct step_request q = s->spec.q;

	q.phase = PHASE_DECODE, q.drafts = s->spec.drafts;
	q.sequences_count = fmax(at[0], least_tokens(s));
	q.query_count = q.sequences_count * (double)(1 + s->spec.drafts);
	q.context_count = at[1];
	return step_values(&q, out, e);
}

static enum rc prefill_fn(void *data, const double *at, double *out, struct err *e)
{
	struct surfaces *s = data;
	struct step_request q = s->spec.q;

	q.phase = PHASE_PREFILL;
	q.query_count = fmax(at[0], least_tokens(s));
	q.context_count = at[1];
	q.sequences_count = fmin(at[2], q.query_count);
	return step_values(&q, out, e);
}

static enum rc linear_fn(void *data, const double *at, double *out, struct err *e)
{
	return prefill_fn(data, (const double[]){at[0], 0, at[0]}, out, e);
}

/* ---- a step ---------------------------------------------------------------------------------- */

/* Adds `times` the surface's value at a point. */
static enum rc add(struct surfaces *s, enum which which, const double *at, double times,
                   struct step_cost *cost, struct err *e)
{
	double value[SURFACE_VALUES];

	TRY(surface_at(s->surface[which], at, value, e));
	cost->own_s += times * (value[0] - value[1]);
	cost->shared_s += times * value[1];
	return RC_OK;
}

/* D(n, 0) and what context adds to it. */
static enum rc add_decode(struct surfaces *s, double n, double mean, struct step_cost *cost,
                          struct err *e)
{
	double k = s->spec.context_ratio;

	if (k != 1)
		TRY(add(s, DECODE, (const double[]){n, 0}, 1 - k, cost, e));
	return add(s, DECODE, (const double[]){n, mean}, k, cost, e);
}

static enum rc cost_of(struct step_times *t, const struct group_load *l, struct step_cost *out,
                       struct err *e)
{
	struct surfaces *s = (struct surfaces *)t;
	double q = l->prefill_count, n = l->decode_count;
	double tokens = q + n * (double)(1 + s->spec.drafts);
	double mean = n > 0 ? l->decode_context_count / n : 0;
	struct step_cost cost = {0};

	if (n > 0)
		TRY(add_decode(s, n, mean, &cost, e));
	if (q > 0)
		TRY(add(s, PREFILL,
		        (const double[]){q, l->prefill_pairs_count / q,
		                         q * q / l->prefill_square_count},
		        1, &cost, e));
	if (q > 0 && n > 0) {
		TRY(add(s, DECODE, (const double[]){n, 0}, -1, &cost, e));
		TRY(add(s, LINEAR, (const double[]){q}, -1, &cost, e));
		TRY(add(s, LINEAR, (const double[]){tokens}, 1, &cost, e));
	}
	out->own_s = s->spec.overhead_s + s->spec.scale_ratio * cost.own_s;
	out->shared_s = s->spec.scale_ratio * cost.shared_s;
	return RC_OK;
}

static enum rc line_of(struct step_times *t, double decode_count, double mean_context_count,
                       struct decode_line *out, struct err *e)
{
	struct surfaces *s = (struct surfaces *)t;
	const double at[] = {decode_count, mean_context_count};
	double k = s->spec.context_ratio, scale = s->spec.scale_ratio;
	struct step_cost first = {0};
	struct surface_line line;

	TRY(add_decode(s, decode_count, mean_context_count, &first, e));
	TRY(surface_line(s->surface[DECODE], at, 1, &line, e));
	out->own_s = s->spec.overhead_s + scale * first.own_s;
	out->slope_s = scale * k * (line.slope_units[0] - line.slope_units[1]);
	out->grow_count = line.end_units - mean_context_count;
	return RC_OK;
}

static enum rc shared_of(struct step_times *t, double decode_count, double *out_s, struct err *e)
{
	struct step_cost cost = {0};

	struct surfaces *s = (struct surfaces *)t;

	TRY(add(s, DECODE, (const double[]){fmax(1, decode_count), 0}, 1, &cost, e));
	*out_s = s->spec.scale_ratio * cost.shared_s;
	return RC_OK;
}

static void surfaces_free(struct step_times *t)
{
	struct surfaces *s = (struct surfaces *)t;

	for (enum which i = 0; i < SURFACES; i++)
		surface_free(s->surface[i]);
	free(s);
}

static const struct step_times_ops surface_ops = {cost_of, line_of, shared_of, surfaces_free};

struct step_times *surface_times_new(const struct surface_times_spec *spec)
{
	struct surfaces *s = heap_zeroed(1, sizeof *s);
	struct surface_axis seqs = {1, fmax(2, spec->most_seqs_count), true};
	struct surface_axis tokens = {1, fmax(2, spec->most_tokens_count), true};
	struct surface_axis context = {0, fmax(2, spec->most_context_count), false};
	struct surface_axis prompts = {1, fmax(2, spec->most_seqs_count), false};
	struct surface_spec a = {.error_ratio = spec->error_ratio, .data = s};

	*s = (struct surfaces){.times = {&surface_ops}, .spec = *spec};
	a.fn = decode_fn, a.n_axes = 2, a.axis[0] = seqs, a.axis[1] = context;
	s->surface[DECODE] = surface_new(&a);
	a.fn = prefill_fn, a.n_axes = 3, a.axis[0] = tokens, a.axis[2] = prompts;
	s->surface[PREFILL] = surface_new(&a);
	a.fn = linear_fn, a.n_axes = 1;
	s->surface[LINEAR] = surface_new(&a);
	return &s->times;
}

size_t surface_times_points(const struct step_times *t)
{
	const struct surfaces *s = (const struct surfaces *)t;
	size_t n = 0;

	if (t->ops != &surface_ops)
		return 0;
	for (enum which i = 0; i < SURFACES; i++)
		n += surface_points(s->surface[i]);
	return n;
}

#include "models/routing.h"
#include <math.h>
#include <string.h>
#include "models/base/rng.h"
#include "models/placement.h"

#define AT(member) offsetof(struct routing_spec, member)

static const struct field statistics_fields[] = {
        {FIELD_ROW("file", FIELD_TEXT, DIM_COUNT, AT(statistics.file), "",
                   "CSV of expert activation counts; none: the routing's")},
        {FIELD_ROW("model", FIELD_TEXT, DIM_COUNT, AT(statistics.model), "", "likewise")},
        {FIELD_ROW("domain", FIELD_TEXT, DIM_COUNT, AT(statistics.domain), "", "likewise")},
        {0},
};

static const char *const kind_names[] = {"balanced", "uniform", "skewed", "grouped", "file", NULL};

const struct field routing_fields[] = {
        {FIELD_ROW("describes", FIELD_TEXT, DIM_COUNT, AT(describes), "", "what it is, in a line")},
        {FIELD_ROW("kind", FIELD_CHOICE, DIM_COUNT, AT(kind), "balanced",
                   "balanced, uniform, skewed, grouped (group-limited), file"),
         .names = kind_names},
        {FIELD_ROW("max_mean", FIELD_QUANTITY, DIM_RATIO, AT(max_mean_ratio), "0",
                   "skewed: hottest expert's load over the mean"),
         .most = 1e6},
        {FIELD_ROW("cv", FIELD_QUANTITY, DIM_RATIO, AT(cv_ratio), "0",
                   "skewed: coefficient of variation of expert loads"),
         .most = 1e6},
        {FIELD_ROW("rank_max_mean", FIELD_QUANTITY, DIM_RATIO, AT(rank_max_mean_ratio), "0",
                   "skewed: hottest rank's load over the mean, after placement"),
         .most = 1e6},
        {FIELD_ROW("file", FIELD_TEXT, DIM_COUNT, AT(file), "",
                   "file: CSV of expert activation counts")},
        {FIELD_ROW("model", FIELD_TEXT, DIM_COUNT, AT(model), "", "file: whose counts to take")},
        {FIELD_ROW("domain", FIELD_TEXT, DIM_COUNT, AT(domain), "", "file: on which text")},
        {FIELD_ROW("layer", FIELD_INTEGER, DIM_COUNT, AT(layer), "0", "file: of which layer"),
         .most = 100000},
        {FIELD_ROW("resample", FIELD_FLAG, DIM_COUNT, AT(resample), "no",
                   "file: stretch its load curve to this model's number of experts")},
        {FIELD_ROW("seed", FIELD_INTEGER, DIM_COUNT, AT(seed), "0", "of all draws"), .most = 9e15},
        {FIELD_ROW("statistics", FIELD_GROUP, DIM_COUNT, 0, "",
                   "file: counts that a placement goes by, where they are stale"),
         .group = statistics_fields},
        {0},
};

const char *routing_kind_name(int kind)
{
	return kind_names[kind];
}

static enum rc skew_check(const struct routing_spec *s, const char *where, struct err *e)
{
	bool has_max = s->max_mean_ratio > 0, has_cv = s->cv_ratio > 0;
	bool has_rank = s->rank_max_mean_ratio > 0;

	if (s->kind == ROUTING_SKEWED && has_max + has_cv + has_rank != 1)
		return fail(e, RC_CONFIG,
		            "%s: skewed routing needs one of routing.max_mean, routing.cv and "
		            "routing.rank_max_mean",
		            where);
	if (s->kind != ROUTING_SKEWED && (has_max || has_cv || has_rank))
		return fail(e, RC_CONFIG,
		            "%s: routing.max_mean, routing.cv and routing.rank_max_mean go with "
		            "kind: skewed, not %s",
		            where, kind_names[s->kind]);
	if ((has_max && s->max_mean_ratio < 1) || (has_rank && s->rank_max_mean_ratio < 1))
		return fail(e, RC_CONFIG, "%s: routing.%s %g is below 1, which no load can be",
		            where, has_max ? "max_mean" : "rank_max_mean",
		            has_max ? s->max_mean_ratio : s->rank_max_mean_ratio);
	return RC_OK;
}

static bool given(const char *text)
{
	return text && *text;
}

static bool statistics_given(const struct routing_statistics *s)
{
	return given(s->file) || given(s->model) || given(s->domain);
}

bool routing_is_of_ranks(const struct routing_spec *s)
{
	return s->kind == ROUTING_BALANCED || s->rank_max_mean_ratio > 0;
}

enum rc routing_spec_check(const struct routing_spec *s, const char *where, struct err *e)
{
	TRY(skew_check(s, where, e));
	if (s->kind != ROUTING_FILE && statistics_given(&s->statistics))
		return fail(e, RC_CONFIG,
		            "%s: routing.statistics go with kind: file; other kinds have none that "
		            "could be stale",
		            where);
	if ((s->kind == ROUTING_FILE) != (*s->file != '\0'))
		return fail(e, RC_CONFIG, "%s: routing.file and kind: file go together", where);
	return RC_OK;
}

/* Walker's alias table (Vose 1991): draw i with probability weight[i] / sum in constant time. */
struct alias {
	int64_t n;
	double *keep_ratio;
	int64_t *other;
};

static void alias_build(struct alias *t, const double *weight_ratio, int64_t n, struct arena *a)
{
	int64_t *small = arena_alloc(a, (size_t)n * sizeof *small), n_small = 0;
	int64_t *large = arena_alloc(a, (size_t)n * sizeof *large), n_large = 0;
	double sum_ratio = 0;

	t->n = n;
	t->keep_ratio = arena_alloc(a, (size_t)n * sizeof *t->keep_ratio);
	t->other = arena_alloc(a, (size_t)n * sizeof *t->other);
	for (int64_t i = 0; i < n; i++)
		sum_ratio += weight_ratio[i];
	for (int64_t i = 0; i < n; i++) {
		t->keep_ratio[i] = weight_ratio[i] * (double)n / sum_ratio;
		t->other[i] = i;
		if (t->keep_ratio[i] < 1)
			small[n_small++] = i;
		else
			large[n_large++] = i;
	}
	while (n_small > 0 && n_large > 0) {
		int64_t s = small[--n_small], l = large[n_large - 1];

		t->other[s] = l;
		t->keep_ratio[l] -= 1 - t->keep_ratio[s];
		if (t->keep_ratio[l] < 1)
			small[n_small++] = l, n_large--;
	}
	while (n_small > 0) /* what rounding left */
		t->keep_ratio[small[--n_small]] = 1;
}

static int64_t alias_draw(const struct alias *t, struct rng *r)
{
	double u_ratio = rng_uniform_ratio(r) * (double)t->n;
	int64_t i = (int64_t)u_ratio;

	return u_ratio - (double)i < t->keep_ratio[i] ? i : t->other[i];
}

static bool holds(const int64_t *items, int64_t n, int64_t item)
{
	for (int64_t i = 0; i < n; i++) {
		if (items[i] == item)
			return true;
	}
	return false;
}

/* k distinct of the table's indices, one after the other without replacement. A draw that repeats
 * is thrown away, which is the same distribution; after many in a row the rest is taken in order,
 * which only tables with fewer than k likely entries reach. */
static void draw_distinct(const struct alias *t, struct rng *r, int64_t k, int64_t *out)
{
	enum { PATIENCE = 10000 };
	int64_t n = 0;

	for (int tries = 0; n < k && tries < PATIENCE; tries++) {
		int64_t i = alias_draw(t, r);

		if (!holds(out, n, i))
			out[n++] = i;
	}
	for (int64_t i = 0; n < k; i++) {
		if (!holds(out, n, i))
			out[n++] = i;
	}
}

/* What one rank's draws need. */
struct draw {
	struct alias table;  /* over experts, or over groups */
	struct alias within; /* grouped: over the experts of the chosen groups */
	const struct moe_model *model;
	int64_t *picked, *group;
};

/* Leaves the token's experts in d->picked. */
static void draw_token(struct draw *d, struct rng *r)
{
	const struct moe_model *m = d->model;
	int64_t per_group = m->experts / m->groups;

	if (!d->group) {
		draw_distinct(&d->table, r, m->top_k, d->picked);
		return;
	}
	draw_distinct(&d->table, r, m->top_groups, d->group);
	draw_distinct(&d->within, r, m->top_k, d->picked);
	for (int64_t j = 0; j < m->top_k; j++)
		d->picked[j] =
		        d->group[d->picked[j] / per_group] * per_group + d->picked[j] % per_group;
}

/* Weights whose draws without replacement include expert e with probability top_k x share: an
 * order sample with exponential times includes e with 1 - exp(-weight) (Rosen, "Asymptotic theory
 * for order sampling", 1997), so weight = -ln(1 - inclusion). */
static void shares_to_weights(double *ratio, int64_t n, int64_t top_k)
{
	const double most_ratio = 1 - 0x1p-30; /* an expert that all tokens take */

	for (int64_t i = 0; i < n && top_k > 1; i++) /* a single draw goes by the shares */
		ratio[i] = -log1p(-fmin(ratio[i] * (double)top_k, most_ratio));
}

static void draw_init(struct draw *d, const struct routing_spec *spec, const struct moe_model *m,
                      double *weight_ratio, struct arena *a)
{
	memset(d, 0, sizeof *d);
	d->model = m;
	d->picked = arena_alloc(a, (size_t)m->top_k * sizeof *d->picked);
	if (spec->kind == ROUTING_GROUPED) {
		d->group = arena_alloc(a, (size_t)m->top_groups * sizeof *d->group);
		alias_build(&d->table, weight_ratio, m->groups, a);
		alias_build(&d->within, weight_ratio, m->experts / m->groups * m->top_groups, a);
	} else {
		shares_to_weights(weight_ratio, m->experts, m->top_k);
		alias_build(&d->table, weight_ratio, m->experts, a);
	}
}

/* What is called for each token drawn: its rank and its top_k experts. */
typedef void token_fn(void *context, int64_t rank, const int64_t *expert);

/* The same tokens each time, for the same arguments. */
static enum rc draw_tokens(const struct routing_spec *spec, const struct moe_model *model,
                           int64_t n_ranks, int64_t tokens, token_fn *visit, void *context,
                           struct err *e)
{
	struct arena *a = arena_new();
	double *share_ratio = arena_alloc(a, (size_t)model->experts * sizeof *share_ratio);
	enum rc rc = spec->rank_max_mean_ratio > 0
	                     ? routing_rank_shares(spec, model, n_ranks, a, share_ratio, e)
	                     : routing_shares(spec, model, a, share_ratio, e);
	struct draw d;

	if (rc == RC_OK)
		draw_init(&d, spec, model, share_ratio, a);
	for (int64_t rank = 0; rc == RC_OK && rank < n_ranks; rank++) {
		struct rng r;

		rng_init(&r, (uint64_t)spec->seed, (uint64_t)rank);
		for (int64_t t = 0; t < tokens; t++) {
			draw_token(&d, &r);
			visit(context, rank, d.picked);
		}
	}
	arena_free(a);
	return rc;
}

static void count_token(void *context, int64_t rank, const int64_t *expert)
{
	struct routing *r = context;

	for (int64_t j = 0; j < r->model->top_k; j++)
		r->count[rank * r->experts + expert[j]]++;
}

enum rc routing_make(const struct routing_spec *spec, const struct moe_model *model,
                     int64_t n_ranks, int64_t tokens, struct arena *a, struct routing *out,
                     struct err *e)
{
	struct routing made = {.n_ranks = n_ranks,
	                       .experts = model->experts,
	                       .spec = spec,
	                       .model = model,
	                       .tokens = tokens};

	made.balanced = spec->kind == ROUTING_BALANCED;
	if (!made.balanced && model->zero_experts > 0)
		return fail(e, RC_CONFIG,
		            "routing %s: not for a model with zero_experts, whose share would be a "
		            "guess; use balanced",
		            kind_names[spec->kind]);
	made.rows_per_rank_count = (double)tokens * model_sent_count(model);
	if (!made.balanced) {
		made.count =
		        arena_alloc(a, (size_t)(n_ranks * model->experts) * sizeof *made.count);
		TRY(draw_tokens(spec, model, n_ranks, tokens, count_token, &made, e));
	}
	*out = made;
	return RC_OK;
}

double routing_rows_count(const struct routing *r, int64_t from, int64_t expert)
{
	if (r->balanced)
		return r->rows_per_rank_count / (double)r->experts;
	return r->count[from * r->experts + expert];
}

double routing_rank_rows_count(const struct routing *r, int64_t from, int64_t to)
{
	int64_t local = r->experts / r->n_ranks;
	uint64_t sum = 0;

	if (r->balanced)
		return r->rows_per_rank_count / (double)r->n_ranks;
	for (int64_t expert = to * local; expert < (to + 1) * local; expert++)
		sum += r->count[from * r->experts + expert];
	return (double)sum;
}

void routing_skew(const struct routing *r, double *max_mean_ratio, double *cv_ratio)
{
	double mean = r->rows_per_rank_count * (double)r->n_ranks / (double)r->experts;
	double most = 0, square = 0;

	*max_mean_ratio = 1, *cv_ratio = 0;
	if (r->balanced)
		return;
	for (int64_t expert = 0; expert < r->experts; expert++) {
		double load = 0;

		for (int64_t from = 0; from < r->n_ranks; from++)
			load += routing_rows_count(r, from, expert);
		most = fmax(most, load);
		square += (load - mean) * (load - mean);
	}
	*max_mean_ratio = mean > 0 ? most / mean : 1;
	*cv_ratio = mean > 0 ? sqrt(square / (double)r->experts) / mean : 0;
}

static void keep_token(void *context, int64_t rank, const int64_t *expert)
{
	struct choices *c = context;
	int64_t token = c->first[rank + 1]++;

	for (int64_t j = 0; j < c->top_k; j++)
		c->expert[token * c->top_k + j] = (uint32_t)expert[j];
}

enum rc routing_choices(const struct routing *r, struct arena *a, struct choices *out,
                        struct err *e)
{
	int64_t top_k = r->model->top_k, n = r->n_ranks * r->tokens;
	struct choices c = {.n_ranks = r->n_ranks, .top_k = top_k};

	if (r->placement) {
		TRY(routing_choices(r->unplaced, a, &c, e));
		placement_choices(r->placement, &c, a, out);
		return RC_OK;
	}
	CHECK(r->spec && !r->balanced);
	c.first = arena_alloc(a, ((size_t)r->n_ranks + 1) * sizeof *c.first);
	c.expert = arena_alloc(a, (size_t)(n * top_k) * sizeof *c.expert);
	/* each rank's end grows from its beginning */
	for (int64_t rank = 0; rank < r->n_ranks; rank++)
		c.first[rank + 1] = rank * r->tokens;
	TRY(draw_tokens(r->spec, r->model, r->n_ranks, r->tokens, keep_token, &c, e));
	*out = c;
	return RC_OK;
}

/* Load shares from a counts file: CSV with a header that names model, domain, layer, expert and
 * count, in any order (topk_view, where there is one: rows of the top-k view are taken). */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/routing.h"

enum column { COL_MODEL, COL_VIEW, COL_DOMAIN, COL_LAYER, COL_EXPERT, COL_COUNT, COLUMNS };
enum { MOST_CELLS = 64, MOST_EXPERTS = 1 << 16 };

static const char *const column_names[] = {"model",  "topk_view", "domain", "layer",
                                           "expert", "count",     NULL};

/* Which rows of which file; who names the keys in messages: "routing". */
struct wanted {
	const char *path, *model, *domain, *who;
	int64_t layer;
};

struct counts {
	struct wanted want;
	const char *path;
	long line;
	int column[COLUMNS];        /* place in the header, -1: none */
	double *count;              /* [MOST_EXPERTS]; -1: not read */
	int64_t n;                  /* experts read */
	const char *model, *domain; /* of the rows taken */
};

static int cells_split(char *line, char **cell)
{
	int n = 0;

	line[strcspn(line, "\r\n")] = '\0';
	for (char *rest = line; n < MOST_CELLS;) {
		cell[n++] = rest;
		rest = strchr(rest, ',');
		if (!rest)
			break;
		*rest++ = '\0';
	}
	return n;
}

static enum rc header_read(struct counts *c, char *line, struct err *e)
{
	char *cell[MOST_CELLS];
	int n = cells_split(line, cell);

	for (int col = 0; col < COLUMNS; col++) {
		c->column[col] = -1;
		for (int i = 0; i < n; i++) {
			if (strcmp(cell[i], column_names[col]) == 0)
				c->column[col] = i;
		}
		if (c->column[col] < 0 && col != COL_VIEW)
			return fail(e, RC_DATA, "%s:1: the header has no column '%s'", c->path,
			            column_names[col]);
	}
	return RC_OK;
}

static enum rc whole_number(const struct counts *c, const char *text, double most, double *out,
                            struct err *e)
{
	char *end;

	errno = 0;
	*out = strtod(text, &end);
	if (end == text || *end != '\0' || !(*out >= 0) || *out > most || floor(*out) != *out)
		return fail(e, RC_DATA, "%s:%ld: '%s' is no whole number from 0 to %.0f", c->path,
		            c->line, text, most);
	return RC_OK;
}

/* An empty wish takes the first name met; rows of others are then an ambiguity. */
static enum rc name_match(struct counts *c, const char *what, const char *wish, const char *text,
                          const char **taken, struct arena *a, bool *match, struct err *e)
{
	*match = *wish ? strcmp(wish, text) == 0 : true;
	if (*wish || !*taken || strcmp(*taken, text) == 0) {
		if (*match && !*taken)
			*taken = arena_string(a, text);
		return RC_OK;
	}
	return fail(e, RC_CONFIG, "%s:%ld: the file holds %ss '%s' and '%s': choose by %s.%s",
	            c->path, c->line, what, *taken, text, c->want.who, what);
}

static enum rc row_read(struct counts *c, char *line, struct arena *a, struct err *e)
{
	char *cell[MOST_CELLS];
	int n = cells_split(line, cell);
	double layer, expert, count;
	bool match;

	for (int col = 0; col < COLUMNS; col++) {
		if (c->column[col] >= n)
			return fail(e, RC_DATA, "%s:%ld: %d cells, but column '%s' is the %dth",
			            c->path, c->line, n, column_names[col], c->column[col] + 1);
	}
	TRY(whole_number(c, cell[c->column[COL_LAYER]], 1 << 20, &layer, e));
	if ((int64_t)layer != c->want.layer)
		return RC_OK;
	if (c->column[COL_VIEW] >= 0 && strcmp(cell[c->column[COL_VIEW]], "topk") != 0)
		return RC_OK;
	TRY(name_match(c, "model", c->want.model, cell[c->column[COL_MODEL]], &c->model, a, &match,
	               e));
	if (!match)
		return RC_OK;
	TRY(name_match(c, "domain", c->want.domain, cell[c->column[COL_DOMAIN]], &c->domain, a,
	               &match, e));
	if (!match)
		return RC_OK;
	TRY(whole_number(c, cell[c->column[COL_EXPERT]], MOST_EXPERTS - 1, &expert, e));
	TRY(whole_number(c, cell[c->column[COL_COUNT]], 0x1p53, &count, e));
	if (c->count[(int64_t)expert] >= 0)
		return fail(e, RC_DATA, "%s:%ld: expert %.0f stands twice for this layer", c->path,
		            c->line, expert);
	c->count[(int64_t)expert] = count;
	c->n = c->n > (int64_t)expert + 1 ? c->n : (int64_t)expert + 1;
	return RC_OK;
}

static enum rc rows_read(struct counts *c, FILE *in, struct arena *a, struct err *e)
{
	char line[4096];

	for (c->line = 1; fgets(line, sizeof line, in); c->line++) {
		if (strlen(line) == sizeof line - 1)
			return fail(e, RC_DATA, "%s:%ld: the line is longer than %zu characters",
			            c->path, c->line, sizeof line - 2);
		if (c->line == 1)
			TRY(header_read(c, line, e));
		else if (line[0] != '\n')
			TRY(row_read(c, line, a, e));
	}
	if (ferror(in))
		return fail(e, RC_DATA, "%s: cannot be read: %s", c->path, strerror(errno));
	if (c->line == 1)
		return fail(e, RC_DATA, "%s: the file is empty", c->path);
	if (c->n == 0)
		return fail(e, RC_DATA,
		            "%s: no row has model '%s', domain '%s', layer %lld (top-k view)",
		            c->path, c->want.model, c->want.domain, (long long)c->want.layer);
	for (int64_t i = 0; i < c->n; i++) {
		if (c->count[i] < 0)
			return fail(e, RC_DATA, "%s: expert %lld of %lld has no row", c->path,
			            (long long)i, (long long)c->n);
	}
	return RC_OK;
}

struct ordered {
	double count;
	int64_t expert;
};

static int falling(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;

	if (x->count != y->count)
		return (x->count < y->count) - (x->count > y->count);
	return (x->expert > y->expert) - (x->expert < y->expert);
}

/* Counts as a curve, in the order in which those of `by` fall, read at the middles of n equal
 * steps. */
static void resample(const struct counts *c, const struct counts *by, int64_t n, struct arena *a,
                     double *out)
{
	struct ordered *order = arena_alloc(a, (size_t)c->n * sizeof *order);

	for (int64_t i = 0; i < c->n; i++)
		order[i] = (struct ordered){by->count[i], i};
	qsort(order, (size_t)c->n, sizeof *order, falling);
	for (int64_t i = 0; i < n; i++) {
		double at = ((double)i + 0.5) / (double)n * (double)c->n - 0.5;
		int64_t below = (int64_t)fmax(0, fmin(floor(at), (double)(c->n - 2)));
		double part = fmax(0, fmin(1, at - (double)below));
		double low = c->count[order[below].expert];

		out[i] = c->n == 1 ? low
		                   : low * (1 - part) + c->count[order[below + 1].expert] * part;
	}
}

static enum rc shares_make(const struct counts *c, const struct moe_model *m, double *out_ratio,
                           struct err *e)
{
	double sum = 0, most = 0;

	for (int64_t i = 0; i < m->experts; i++)
		sum += out_ratio[i], most = fmax(most, out_ratio[i]);
	if (!(sum > 0))
		return fail(e, RC_DATA, "%s: all counts are zero", c->path);
	if (most / sum * (double)m->top_k > 1 + 0x1p-20)
		return fail(e, RC_DATA,
		            "%s: one expert has %.3g of all rows, but with top_k %lld it can get "
		            "1/%lld at most",
		            c->path, most / sum, (long long)m->top_k, (long long)m->top_k);
	for (int64_t i = 0; i < m->experts; i++)
		out_ratio[i] /= sum;
	return RC_OK;
}

static enum rc counts_read(const struct wanted *w, struct arena *a, struct counts *out,
                           struct err *e)
{
	struct counts c = {.want = *w, .path = w->path};
	FILE *in = fopen(w->path, "r");
	enum rc rc;

	if (!in)
		return fail(e, RC_DATA, "%s: cannot be opened: %s", w->path, strerror(errno));
	c.count = arena_alloc(a, MOST_EXPERTS * sizeof *c.count);
	for (int64_t i = 0; i < MOST_EXPERTS; i++)
		c.count[i] = -1;
	rc = rows_read(&c, in, a, e);
	fclose(in);
	*out = c;
	return rc;
}

static const char *either(const char *text, const char *fallback)
{
	return text && *text ? text : fallback;
}

static struct wanted known_rows(const struct routing_spec *s)
{
	const struct routing_statistics *k = &s->statistics;

	return (struct wanted){either(k->file, s->file), either(k->model, s->model),
	                       either(k->domain, s->domain), "routing.statistics", s->layer};
}

enum rc routing_file_shares(const struct routing_spec *spec, const struct moe_model *model,
                            bool known, struct arena *a, double *out_ratio, bool *stretched,
                            struct err *e)
{
	struct wanted own = {spec->file, spec->model, spec->domain, "routing", spec->layer};
	struct wanted of_known = known_rows(spec);
	struct counts by, c;

	TRY(counts_read(&own, a, &by, e));
	if (known)
		TRY(counts_read(&of_known, a, &c, e));
	else
		c = by;
	if (c.n != by.n)
		return fail(e, RC_CONFIG, "%s: counts of %lld experts, but %s has %lld", c.path,
		            (long long)c.n, by.path, (long long)by.n);
	*stretched = c.n != model->experts;
	if (*stretched && !spec->resample)
		return fail(
		        e, RC_CONFIG,
		        "%s: counts of %lld experts, but model %s has %lld: set routing.resample "
		        "to yes to stretch the curve",
		        c.path, (long long)c.n, model->name, (long long)model->experts);
	if (*stretched)
		resample(&c, &by, model->experts, a, out_ratio);
	else
		memcpy(out_ratio, c.count, (size_t)c.n * sizeof *out_ratio);
	return shares_make(&c, model, out_ratio, e);
}

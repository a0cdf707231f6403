#include "traces/compute_table.h"
#include "models/base/quantity.h"
#include "traces/cells.h"
#include "traces/lines.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 64 };

/* A file as it is read: the names of its columns, and the cells of the current row. */
struct sheet {
	struct lines *line;
	struct arena *arena;
	size_t n_columns, n_cells;
	const char *column[MOST_COLUMNS + 1]; /* NULL-terminated */
	char *cell[MOST_COLUMNS];
};

/* A layout: the columns that tell it from others, and what a row of it holds. */
struct layout {
	const char *needs[8];
	/* Adds the row's operators, or skips it with a reason. */
	enum rc (*read)(const struct sheet *s, struct compute_table *t, struct err *e);
};

static int column_find(const struct sheet *s, const char *name)
{
	for (size_t i = 0; i < s->n_columns; i++) {
		if (strcmp(s->column[i], name) == 0)
			return (int)i;
	}
	return -1;
}

/* Empty where the table has no such column. */
static const char *text_of(const struct sheet *s, const char *name)
{
	int i = column_find(s, name);

	return i < 0 ? "" : arena_string(s->arena, s->cell[i]);
}

static enum rc number_of(const struct sheet *s, const char *name, double least, double *out,
                         struct err *e)
{
	const char *text = text_of(s, name);
	char *end;

	*out = strtod(text, &end);
	if (end == text || *end || !isfinite(*out) || *out < least)
		return fail(e, RC_DATA, "%s:%ld: %s '%s' is no number of at least %g",
		            s->line->path, s->line->number, name, text, least);
	return RC_OK;
}

/* What a source calls its types; FP16 runs as BF16 does. */
static const struct {
	const char *word;
	enum dtype type;
} types[] = {
        {"bf16", DTYPE_BF16},         {"fp16", DTYPE_BF16}, {"int8", DTYPE_INT8},
        {"w8a8_dynamic", DTYPE_INT8}, {"fp8", DTYPE_FP8},   {"fp4", DTYPE_FP4},
};
enum { TYPES = sizeof types / sizeof *types };

static enum rc type_of(const struct sheet *s, const char *column, enum dtype *out, struct err *e)
{
	const char *text = text_of(s, column), *names[TYPES + 1] = {0};
	char slip[128];

	for (size_t i = 0; i < TYPES; i++) {
		names[i] = types[i].word;
		if (strcmp(types[i].word, text) == 0) {
			*out = types[i].type;
			return RC_OK;
		}
	}
	return fail(e, RC_DATA, "%s:%ld: %s '%s' is no element type%s", s->line->path,
	            s->line->number, column, text, hint(slip, sizeof slip, text, names));
}

static enum rc time_of(const struct sheet *s, const char *column, double *out_s, struct err *e)
{
	const char *text = text_of(s, column);
	char slip[64];
	struct err at;

	snprintf(slip, sizeof slip, "%.32sus", text);
	if (quantity_parse(slip, DIM_TIME, out_s, &at) != RC_OK || !(*out_s > 0))
		return fail(e, RC_DATA, "%s:%ld: %s '%s' is no time in microseconds", s->line->path,
		            s->line->number, column, text);
	return RC_OK;
}

static struct compute_row *row_add(const struct sheet *s, struct compute_table *t)
{
	struct compute_row *row;

	t->row = heap_resize(t->row, t->n + 1, sizeof *t->row);
	row = &t->row[t->n++];
	*row = (struct compute_row){.file = s->line->path,
	                            .hardware = text_of(s, "hardware"),
	                            .line = s->line->number,
	                            .repeated = true};
	return row;
}

static enum rc skip(struct compute_table *t, const char *why)
{
	t->n_skipped++;
	t->why_skipped = why;
	return RC_OK;
}

static enum rc attention_read(const struct sheet *s, struct compute_table *t, struct err *e)
{
	struct compute_row *row = row_add(s, t);

	row->kind = strstr(text_of(s, "source"), "Decode") ? COMPUTE_DECODE : COMPUTE_PREFILL;
	TRY(number_of(s, "batch", 1, &row->attention.sequences_count, e));
	TRY(number_of(s, "seq_len", 1, &row->attention.length_count, e));
	TRY(number_of(s, "heads", 1, &row->attention.heads_count, e));
	TRY(number_of(s, "kv_heads", 0, &row->attention.kv_heads_count, e));
	TRY(number_of(s, "head_size", 1, &row->attention.dim_count, e));
	if (row->attention.kv_heads_count == 0) /* as the tables say: as many as heads */
		row->attention.kv_heads_count = row->attention.heads_count;
	return time_of(s, "latency_us", &row->measured_s, e);
}

static enum rc mlp_read(const struct sheet *s, struct compute_table *t, struct err *e)
{
	struct compute_row *row = row_add(s, t);

	row->kind = COMPUTE_MLP;
	TRY(type_of(s, "quant", &row->type, e));
	TRY(number_of(s, "hidden", 1, &row->mlp.hidden_count, e));
	TRY(number_of(s, "moe_inter", 1, &row->mlp.inter_count, e));
	TRY(number_of(s, "experts", 1, &row->mlp.experts_count, e));
	TRY(number_of(s, "topk", 1, &row->mlp.top_k_count, e));
	TRY(number_of(s, "local_experts", 1, &row->experts_count, e));
	TRY(number_of(s, "num_tokens", 1, &row->mlp.tokens_count, e));
	if (row->mlp.top_k_count > row->mlp.experts_count ||
	    row->experts_count > row->mlp.experts_count)
		return fail(e, RC_DATA, "%s:%ld: topk or local_experts above experts",
		            s->line->path, s->line->number);
	return time_of(s, "latency_us", &row->measured_s, e);
}

/* Two operators a row, up with gate and down. The utilisation beside them is of the FP8 peak. */
static enum rc grouped_read(const struct sheet *s, struct compute_table *t, struct err *e)
{
	double hidden, inter, experts, rows;

	TRY(number_of(s, "hidden_size", 1, &hidden, e));
	TRY(number_of(s, "intermediate_size", 1, &inter, e));
	TRY(number_of(s, "num_local_experts", 1, &experts, e));
	TRY(number_of(s, "tokens_per_expert", 0, &rows, e));
	for (int down = 0; down < 2; down++) {
		struct compute_row *row = row_add(s, t);

		row->kind = COMPUTE_GROUPED;
		row->type = DTYPE_FP8;
		row->rows_count = rows * experts;
		row->experts_count = experts;
		row->depth_count = down ? inter : hidden;
		row->columns_count = down ? hidden : 2 * inter;
		TRY(time_of(s, down ? "down_proj_us" : "up_proj_us", &row->measured_s, e));
	}
	return RC_OK;
}

static enum rc gemm_read(const struct sheet *s, struct compute_table *t, struct err *e)
{
	const char *op = text_of(s, "op");
	struct compute_row *row;

	if (!*text_of(s, "m") || !*text_of(s, "k") || !*text_of(s, "n"))
		return skip(t, "not one operator with m, k and n");
	if (strstr(op, "grouped"))
		return skip(t, "a grouped GEMM without the rows of each group");
	row = row_add(s, t);
	row->kind = COMPUTE_GEMM;
	TRY(type_of(s, column_find(s, "quant") < 0 ? "dtype" : "quant", &row->type, e));
	TRY(number_of(s, "m", 1, &row->rows_count, e));
	TRY(number_of(s, "k", 1, &row->depth_count, e));
	TRY(number_of(s, "n", 1, &row->columns_count, e));
	return time_of(s, "latency_us", &row->measured_s, e);
}

static enum rc shapes_read(const struct sheet *s, struct compute_table *t, struct err *e)
{
	(void)s;
	(void)e;
	return skip(t, "the shape of a model, without a time");
}

/* The first whose columns are all there. */
static const struct layout layouts[] = {
        {{"batch", "seq_len", "heads", "kv_heads", "head_size", "latency_us"}, attention_read},
        {{"moe_inter", "local_experts", "num_tokens", "topk", "quant", "latency_us"}, mlp_read},
        {{"num_local_experts", "tokens_per_expert", "up_proj_us", "down_proj_us"}, grouped_read},
        {{"m", "k", "n", "quant", "latency_us"}, gemm_read},
        {{"m", "k", "n", "dtype", "latency_us"}, gemm_read},
        {{"model", "layers", "hidden", "heads"}, shapes_read},
};

static const struct layout *layout_find(const struct sheet *s)
{
	for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
		bool all = true;

		for (const char *const *need = layouts[i].needs; *need; need++)
			all &= column_find(s, *need) >= 0;
		if (all)
			return &layouts[i];
	}
	return NULL;
}

static enum rc row_split(struct sheet *s, struct err *e)
{
	return cells_split(s->line, s->cell, MOST_COLUMNS, &s->n_cells, e);
}

static enum rc header_read(struct sheet *s, const struct layout **layout, struct err *e)
{
	TRY(row_split(s, e));
	s->n_columns = s->n_cells;
	for (size_t i = 0; i < s->n_cells; i++)
		s->column[i] = arena_string(s->arena, s->cell[i]);
	*layout = layout_find(s);
	if (!*layout)
		return fail(
		        e, RC_DATA,
		        "%s:%ld: these columns are of no table of operators (m, k, n, quant, "
		        "latency_us; batch, seq_len, heads, ...; moe_inter, local_experts, ...)",
		        s->line->path, s->line->number);
	return RC_OK;
}

/* FNV-1a, with an end of line after each. */
static void digest_add(struct compute_table *t, const struct lines *line)
{
	const uint64_t prime = 0x100000001b3;

	if (t->digest == 0)
		t->digest = 0xcbf29ce484222325;
	for (size_t i = 0; i <= line->n; i++)
		t->digest =
		        (t->digest ^ (i < line->n ? (unsigned char)line->text[i] : '\n')) * prime;
}

static enum rc rows_read(struct sheet *s, struct compute_table *t, struct err *e)
{
	const struct layout *layout = NULL;
	enum rc rc;

	while ((rc = lines_next(s->line, e)) == RC_OK) {
		digest_add(t, s->line);
		if (!layout) {
			TRY(header_read(s, &layout, e));
			continue;
		}
		TRY(row_split(s, e));
		if (s->n_cells != s->n_columns)
			return fail(e, RC_DATA, "%s:%ld: %zu cells under %zu columns",
			            s->line->path, s->line->number, s->n_cells, s->n_columns);
		TRY(layout->read(s, t, e));
	}
	if (rc == RC_NO && !layout)
		return fail(e, RC_DATA, "%s: the table is empty", s->line->path);
	return rc == RC_NO ? RC_OK : rc;
}

enum rc compute_table_read(const char *path, struct arena *a, struct compute_table *t,
                           struct err *e)
{
	struct sheet *s = arena_alloc(a, sizeof *s);
	struct lines line;
	enum rc rc;

	TRY(lines_open(&line, path, e));
	line.path = arena_string(a, path);
	s->line = &line, s->arena = a;
	rc = rows_read(s, t, e);
	lines_close(&line);
	return rc;
}

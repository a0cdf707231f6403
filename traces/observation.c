/* Observations from CSV: columns, cells, rows. */
#include "traces/observation.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "traces/cells.h"
#include "traces/lines.h"

enum column {
	COL_MACHINE,
	COL_FLOW,
	COL_SOURCE,
	COL_IMPL,
	COL_OP,
	COL_PHASE,
	COL_EP,
	COL_TOKENS,
	COL_HIDDEN,
	COL_TOP_K,
	COL_EXPERTS,
	COL_DISPATCH,
	COL_LATENCY,
	COL_BANDWIDTH,
	COL_WEIGHT,
	COL_GROUP,
	COL_CONVENTION,
	COL_CORES,
	COL_NOTIFY,
	COL_ROUTING,
	COL_NOTES,
	COLUMNS
};

static const struct column_row {
	const char *name;
	bool needed; /* without it a file holds no observations */
} columns[COLUMNS] = {
        [COL_MACHINE] = {"machine", true},
        [COL_FLOW] = {"flow", true},
        [COL_SOURCE] = {"source", true},
        [COL_IMPL] = {"impl", false},
        [COL_OP] = {"op", true},
        [COL_PHASE] = {"phase", true},
        [COL_EP] = {"ep", true},
        [COL_TOKENS] = {"tokens_per_rank", true},
        [COL_HIDDEN] = {"hidden", true},
        [COL_TOP_K] = {"topk", true},
        [COL_EXPERTS] = {"experts", false},
        [COL_DISPATCH] = {"dtype_dispatch", false},
        [COL_LATENCY] = {"latency_us", false},
        [COL_BANDWIDTH] = {"bandwidth_GBps", false},
        [COL_WEIGHT] = {"weight", false},
        [COL_GROUP] = {"group", false},
        [COL_CONVENTION] = {"bytes_convention", false},
        [COL_CORES] = {"vector_cores", false},
        [COL_NOTIFY] = {"notify", false},
        [COL_ROUTING] = {"routing", false},
        [COL_NOTES] = {"notes", false},
};

enum { MOST_CELLS = 256 };

/* What a row's time is made of, until all rows are read. */
struct figures {
	double bandwidth_Bps;
	double latency_rounding_ratio, bandwidth_rounding_ratio;
};

struct reader {
	struct observations *set;
	struct figures *figures; /* of the rows from first_row on */
	size_t first_row;
	struct lines lines;
	size_t at[COLUMNS]; /* place of a column, MOST_CELLS when the file has it not */
	char *cell[MOST_CELLS];
	size_t n_cells, n_header;
};

void observations_init(struct observations *set)
{
	*set = (struct observations){.arena = arena_new()};
}

void observations_fini(struct observations *set)
{
	free(set->row);
	arena_free(set->arena);
	*set = (struct observations){0};
}

void observations_skip(struct observations *set, const char *why, size_t n)
{
	for (size_t i = 0; i < set->n_skips; i++) {
		if (strcmp(set->skip[i].why, why) == 0) {
			set->skip[i].n += n;
			return;
		}
	}
	if (set->n_skips == MOST_SKIPS)
		set->skip[MOST_SKIPS - 1].n += n;
	else
		set->skip[set->n_skips++] = (struct skip){arena_string(set->arena, why), n};
}

/* ---- cells ----------------------------------------------------------------------------------- */

static enum rc row_split(struct reader *r, struct err *e)
{
	return cells_split(&r->lines, r->cell, MOST_CELLS, &r->n_cells, e);
}

static const char *cell_of(const struct reader *r, enum column c)
{
	return r->at[c] < r->n_cells ? r->cell[r->at[c]] : "";
}

static enum rc cell_fail(const struct reader *r, enum column c, const char *what, struct err *e)
{
	return fail(e, RC_DATA, "%s:%ld: column %s: '%s' is no %s", r->lines.path, r->lines.number,
	            columns[c].name, cell_of(r, c), what);
}

/* A whole number from 1, perhaps with a remark: "128 (implied)". Empty: 0. */
static enum rc count_read(const struct reader *r, enum column c, int64_t *out, struct err *e)
{
	const char *text = cell_of(r, c);
	size_t digits = strspn(text, "0123456789"), after;
	int64_t value = 0;

	*out = 0;
	if (!*text)
		return RC_OK;
	after = digits + strspn(text + digits, " ");
	if (digits == 0 || digits > 9 || (text[after] != '\0' && text[after] != '('))
		return cell_fail(r, c, "whole number", e);
	for (size_t i = 0; i < digits; i++)
		value = 10 * value + (text[i] - '0');
	if (value == 0)
		return cell_fail(r, c, "number above zero", e);
	*out = value;
	return RC_OK;
}

/* "128" or "mean over {16,32,64}". */
static enum rc tokens_read(const struct reader *r, struct observation *o, struct err *e)
{
	const char *text = cell_of(r, COL_TOKENS), *open = strchr(text, '{');

	if (!open || strncmp(text, "mean over", 9) != 0) {
		TRY(count_read(r, COL_TOKENS, &o->tokens[0], e));
		o->n_batches = o->tokens[0] > 0;
		return RC_OK;
	}
	for (const char *at = open + 1;; at++) {
		char *end;
		long value = strtol(at, &end, 10);

		if (end == at || value < 1 || value > 1 << 24 || o->n_batches == MOST_BATCHES ||
		    (*end != ',' && *end != '}'))
			return cell_fail(r, COL_TOKENS, "mean over {16,32,...}", e);
		o->tokens[o->n_batches++] = value;
		at = end;
		if (*end == '}')
			return RC_OK;
	}
}

/* Relative sd of a figure that is rounded in its last digit: a uniform error of one unit. Zeros at
 * the end of a whole number are taken for rounding too. */
static double rounding_of(const char *text, double value)
{
	const char *point = strchr(text, '.');
	size_t digits = strspn(text, "0123456789."), zeros = 0;
	double unit;

	if (point) {
		unit = pow(10, -(double)(digits - (size_t)(point - text) - 1));
	} else {
		while (zeros + 1 < digits && text[digits - 1 - zeros] == '0')
			zeros++;
		unit = pow(10, (double)zeros);
	}
	return unit / sqrt(12) / value;
}

/* A number above zero, times scale. Empty: 0. */
static enum rc number_read(const struct reader *r, enum column c, double scale, double *out,
                           struct err *e)
{
	const char *text = cell_of(r, c);
	char *end;

	*out = *text ? strtod(text, &end) : 0;
	if (*text && (*end || !(*out > 0) || !(*out < HUGE_VAL)))
		return cell_fail(r, c, "number above zero", e);
	*out *= scale;
	return RC_OK;
}

static enum rc op_read(const struct reader *r, struct observation *o, struct err *e)
{
	for (int i = 0; i < OPS; i++) {
		if (strcmp(cell_of(r, COL_OP), exchange_op_names[i]) == 0) {
			o->op = (enum exchange_op)i;
			return RC_OK;
		}
	}
	return cell_fail(r, COL_OP, "op: dispatch or combine", e);
}

/* How the sources name them. A sweep over batches is of kernels for decode. */
static const struct phase_word {
	const char *start;
	enum phase phase;
} phase_words[] = {
        {"prefill", PHASE_PREFILL}, {"high-throughput", PHASE_PREFILL},
        {"decode", PHASE_DECODE},   {"low-latency", PHASE_DECODE},
        {"sweep", PHASE_DECODE},
};

static enum rc phase_read(const struct reader *r, struct observation *o, struct err *e)
{
	for (size_t i = 0; i < sizeof phase_words / sizeof *phase_words; i++) {
		const struct phase_word *w = &phase_words[i];

		if (strncmp(cell_of(r, COL_PHASE), w->start, strlen(w->start)) == 0) {
			o->phase = w->phase;
			return RC_OK;
		}
	}
	return cell_fail(r, COL_PHASE, "phase: prefill or decode", e);
}

static const struct dtype_word {
	const char *start;
	enum dtype type;
} dtype_words[] = {
        {"bf16", DTYPE_BF16}, {"int8", DTYPE_INT8}, {"fp8", DTYPE_FP8},
        {"mxfp8", DTYPE_FP8}, {"nvfp4", DTYPE_FP4}, {"fp4", DTYPE_FP4},
};

static enum rc dtype_read(const struct reader *r, struct observation *o, struct err *e)
{
	const char *text = cell_of(r, COL_DISPATCH);

	if (!*text) { /* kernels of Ascend quantise on the way, as sgl-kernel-npu's rows state */
		o->dispatch = DTYPE_INT8;
		o->assumed = o->op == OP_DISPATCH ? "dtype int8" : "";
		return RC_OK;
	}
	for (size_t i = 0; i < sizeof dtype_words / sizeof *dtype_words; i++) {
		if (strncmp(text, dtype_words[i].start, strlen(dtype_words[i].start)) == 0) {
			o->dispatch = dtype_words[i].type;
			return RC_OK;
		}
	}
	return cell_fail(r, COL_DISPATCH, "type: bf16, int8, fp8 or fp4", e);
}

/* "16 SMs" or "64 AIV" in the name of an implementation. */
static int64_t cores_named(const char *impl)
{
	for (const char *at = impl; *at; at++) {
		size_t digits = strspn(at, "0123456789");

		if (digits > 0 && digits < 5 &&
		    (strncmp(at + digits, " SMs", 4) == 0 || strncmp(at + digits, " AIV", 4) == 0))
			return strtol(at, NULL, 10);
		at += digits > 0 ? digits - 1 : 0;
	}
	return 0;
}

static enum rc cores_read(const struct reader *r, struct observation *o, struct err *e)
{
	TRY(count_read(r, COL_CORES, &o->vector_cores, e));
	if (o->vector_cores == 0)
		o->vector_cores = cores_named(cell_of(r, COL_IMPL));
	return RC_OK;
}

/* What published tables say in words, beside their columns. */
static void words_read(const struct reader *r, struct observation *o)
{
	enum { DEEPEP_GROUPS = 8, DEEPEP_TOP_GROUPS = 4 }; /* of DeepEP's own benchmark */
	const char *notes = cell_of(r, COL_NOTES), *local = strstr(notes, " local experts");

	if (strstr(notes, "top-4 groups"))
		o->groups = DEEPEP_GROUPS, o->top_groups = DEEPEP_TOP_GROUPS;
	while (local && local > notes && local[-1] >= '0' && local[-1] <= '9')
		local--;
	if (local && o->experts == 0)
		o->experts = strtol(local, NULL, 10) * o->ep;
	o->quantised_before = strstr(cell_of(r, COL_IMPL), "post-quant") != NULL;
	o->rdma_only = strstr(o->source, "RDMA only") != NULL;
}

static enum rc notify_read(const struct reader *r, struct observation *o, struct err *e)
{
	const char *text = cell_of(r, COL_NOTIFY);

	if (*text && strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		return cell_fail(r, COL_NOTIFY, "answer: yes or no", e);
	o->notify = strcmp(text, "yes") == 0;
	return RC_OK;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static enum rc shape_read(const struct reader *r, struct observation *o, struct err *e)
{
	TRY(op_read(r, o, e));
	TRY(phase_read(r, o, e));
	TRY(count_read(r, COL_EP, &o->ep, e));
	TRY(tokens_read(r, o, e));
	TRY(count_read(r, COL_HIDDEN, &o->hidden, e));
	o->hidden_stated = o->hidden > 0;
	TRY(count_read(r, COL_TOP_K, &o->top_k, e));
	TRY(count_read(r, COL_EXPERTS, &o->experts, e));
	TRY(dtype_read(r, o, e));
	TRY(cores_read(r, o, e));
	words_read(r, o);
	return notify_read(r, o, e);
}

static double batches_bytes(const struct observation *o, const struct byte_convention *c)
{
	double sum_bytes = 0;

	for (size_t i = 0; i < o->n_batches; i++)
		sum_bytes += c->bytes(o, o->tokens[i]);
	return sum_bytes / (double)o->n_batches;
}

static enum rc figures_read(struct reader *r, struct observation *o, struct figures *f,
                            struct err *e)
{
	const char *named = cell_of(r, COL_CONVENTION);

	*f = (struct figures){0};
	TRY(number_read(r, COL_LATENCY, 1e-6, &o->measured_s, e));
	TRY(number_read(r, COL_BANDWIDTH, 1e9, &f->bandwidth_Bps, e));
	o->convention = arena_string(r->set->arena, named);
	if (o->measured_s > 0)
		f->latency_rounding_ratio =
		        rounding_of(cell_of(r, COL_LATENCY), o->measured_s / 1e-6);
	if (f->bandwidth_Bps > 0)
		f->bandwidth_rounding_ratio =
		        rounding_of(cell_of(r, COL_BANDWIDTH), f->bandwidth_Bps / 1e9);
	return RC_OK;
}

/* A stated time is taken; else bytes over bandwidth. */
static enum rc row_finish(struct observations *set, struct observation *o, const struct figures *f,
                          struct err *e)
{
	const struct byte_convention *c;

	TRY(observation_assume(set, o, f->bandwidth_Bps, e));
	if (o->measured_s > 0) {
		o->convention = NULL;
		o->rounding_ratio = hypot(f->latency_rounding_ratio, o->assumed_sd_ratio);
		return RC_OK;
	}
	if (!(f->bandwidth_Bps > 0)) { /* a question: nobody measured it */
		o->convention = NULL;
		return RC_OK;
	}
	c = byte_convention_find(o->convention, o, e);
	if (!c)
		return RC_DATA;
	o->convention = c->name;
	o->measured_s = batches_bytes(o, c) / f->bandwidth_Bps;
	o->assumed_sd_ratio = hypot(o->assumed_sd_ratio, c->doubt_ratio);
	o->rounding_ratio = hypot(f->bandwidth_rounding_ratio, o->assumed_sd_ratio);
	return RC_OK;
}

static void names_set(struct reader *r, struct observation *o)
{
	struct arena *a = r->set->arena;
	const char *group = cell_of(r, COL_GROUP), *ep = cell_of(r, COL_EP);

	o->kernel = arena_print(a, "%s; %s; %s %s", o->source, cell_of(r, COL_IMPL),
	                        phase_names[o->phase], exchange_op_names[o->op]);
	o->group = *group ? arena_string(a, group)
	           : *ep  ? arena_print(a, "ep %lld", (long long)o->ep)
	                  : "ep not stated";
}

static void append(struct reader *r, const struct observation *o, const struct figures *f)
{
	struct observations *set = r->set;
	size_t at = set->n - r->first_row;

	r->figures = heap_resize(r->figures, at + 1, sizeof *r->figures);
	r->figures[at] = *f;
	if (set->n == set->room) {
		set->room = set->room ? 2 * set->room : 64;
		set->row = heap_resize(set->row, set->room, sizeof *set->row);
	}
	set->row[set->n++] = *o;
}

/* The flow that a row names, else the set's; NULL: neither. */
static const char *flow_read(const struct reader *r, bool *assumed)
{
	const char *named = cell_of(r, COL_FLOW);

	*assumed = !*named && r->set->as_flow;
	return *named ? named : r->set->as_flow;
}

static enum rc row_read(struct reader *r, struct err *e)
{
	struct arena *a = r->set->arena;
	struct observation o = {.file = arena_string(a, r->lines.path),
	                        .line = r->lines.number,
	                        .assumed = "",
	                        .weight_ratio = 1};
	struct figures figures;
	const char *flow;

	if (r->n_cells != r->n_header)
		return fail(e, RC_DATA, "%s:%ld: %zu columns, but the header has %zu",
		            r->lines.path, r->lines.number, r->n_cells, r->n_header);
	flow = flow_read(r, &o.flow_assumed);
	if (!*cell_of(r, COL_MACHINE) || !flow) {
		observations_skip(
		        r->set, *cell_of(r, COL_MACHINE) ? "no flow named" : "no machine named", 1);
		return RC_OK;
	}
	o.machine = arena_string(a, cell_of(r, COL_MACHINE));
	o.flow = arena_string(a, flow);
	o.source = arena_string(a, cell_of(r, COL_SOURCE));
	TRY(shape_read(r, &o, e));
	if (*cell_of(r, COL_ROUTING) && strcmp(cell_of(r, COL_ROUTING), "balanced") != 0) {
		observations_skip(r->set, "routing is not balanced", 1);
		return RC_OK;
	}
	if (*cell_of(r, COL_WEIGHT))
		TRY(number_read(r, COL_WEIGHT, 1, &o.weight_ratio, e));
	TRY(figures_read(r, &o, &figures, e));
	names_set(r, &o);
	append(r, &o, &figures);
	return RC_OK;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* The next row, over as many lines as its quoted cells take. */
static enum rc row_next(struct reader *r, struct err *e)
{
	enum rc rc = lines_next(&r->lines, e);

	while (rc == RC_OK && cells_open(&r->lines)) {
		rc = lines_join(&r->lines, e);
		if (rc == RC_NO) /* the row says that its quote is not closed */
			return RC_OK;
	}
	return rc;
}

/* A time or rate in a unit of its own would be passed over like any other column. */
static enum rc unit_check(const struct reader *r, const char *cell, struct err *e)
{
	static const enum column figures[] = {COL_LATENCY, COL_BANDWIDTH};

	for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
		const char *name = columns[figures[i]].name;
		size_t n = (size_t)(strchr(name, '_') - name) + 1;

		if (strncmp(cell, name, n) == 0 && strcmp(cell, name) != 0)
			return fail(e, RC_DATA, "%s:%ld: column %s: it is read as %s alone",
			            r->lines.path, r->lines.number, cell, name);
	}
	return RC_OK;
}

/* Which columns there are; *missing: one that an observation needs, or NULL. */
static enum rc header_read(struct reader *r, const char **missing, struct err *e)
{
	TRY(row_split(r, e));
	r->n_header = r->n_cells;
	*missing = NULL;
	for (int c = 0; c < COLUMNS; c++) {
		r->at[c] = MOST_CELLS;
		for (size_t i = 0; i < r->n_cells; i++) {
			if (strcmp(r->cell[i], columns[c].name) != 0)
				continue;
			if (r->at[c] != MOST_CELLS)
				return fail(e, RC_DATA, "%s:%ld: column %s stands twice",
				            r->lines.path, r->lines.number, columns[c].name);
			r->at[c] = i;
		}
		if (r->at[c] == MOST_CELLS && columns[c].needed && !*missing)
			*missing = columns[c].name;
	}
	return RC_OK;
}

static enum rc rows_read(struct reader *r, struct err *e)
{
	const char *missing;
	enum rc rc = row_next(r, e);

	if (rc == RC_NO)
		return fail(e, RC_DATA, "%s: the file is empty", r->lines.path);
	if (rc != RC_OK)
		return rc;
	TRY(header_read(r, &missing, e));
	for (size_t i = 0; i < r->n_cells && !missing; i++)
		TRY(unit_check(r, r->cell[i], e));
	if (missing) {
		observations_skip(r->set,
		                  arena_print(r->set->arena,
		                              "%s: no observations of kernels: no column %s",
		                              r->lines.path, missing),
		                  1);
		return RC_OK;
	}
	while ((rc = row_next(r, e)) == RC_OK) {
		TRY(row_split(r, e));
		TRY(row_read(r, e));
	}
	return rc == RC_NO ? RC_OK : rc;
}

enum rc observations_read(struct observations *set, const char *path, struct err *e)
{
	struct reader r = {.set = set, .first_row = set->n};
	enum rc rc;

	TRY(lines_open(&r.lines, path, e));
	rc = rows_read(&r, e);
	lines_close(&r.lines);
	for (size_t i = r.first_row; rc == RC_OK && i < set->n; i++)
		rc = row_finish(set, &set->row[i], &r.figures[i - r.first_row], e);
	free(r.figures);
	return rc;
}

/* ---- digest ---------------------------------------------------------------------------------- */

/* FNV-1a, 64 bits: Fowler, Noll, Vo, RFC 9923. */
static uint64_t fnv(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t row_digest(const struct observation *o)
{
	char text[256];
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	hash = fnv(fnv(fnv(hash, o->machine), o->flow), o->kernel);
	snprintf(text, sizeof text, "|%lld|%lld|%lld|%lld|%d|%lld|%d|%.17g|%.17g", (long long)o->ep,
	         (long long)o->hidden, (long long)o->top_k, (long long)o->experts, o->dispatch,
	         (long long)o->vector_cores, o->notify + 2 * o->rdma_only + 4 * o->quantised_before,
	         o->measured_s, o->weight_ratio);
	hash = fnv(hash, text);
	for (size_t i = 0; i < o->n_batches; i++) {
		snprintf(text, sizeof text, "|%lld", (long long)o->tokens[i]);
		hash = fnv(hash, text);
	}
	return hash;
}

uint64_t observations_digest(const struct observation *const *row, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += row_digest(row[i]);
	return sum;
}

#include "traces/lengths.h"
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "traces/lengths_format.h"

/* To add a format, add its row. The first row of which both keys are found reads the file. */
static const struct length_format formats[] = {
        {.name = "Azure LLM inference",
         .syntax = &csv_syntax,
         .key = {"ContextTokens", "GeneratedTokens"},
         .arrival = {{"TIMESTAMP", ARRIVAL_DATE}}},
        {.name = "Mooncake",
         .syntax = &jsonl_syntax,
         .key = {"input_length", "output_length"},
         .arrival = {{"timestamp", ARRIVAL_MS}},
         .blocks_key = "hash_ids",
         .block_tokens = 512},
        {.name = "APEX+",
         .syntax = &csv_syntax,
         .key = {"context_tokens", "generated_tokens"},
         .arrival = {{"start_offset_ns", ARRIVAL_NS}}},
        {.name = "APEX+ as served",
         .syntax = &csv_syntax,
         .key = {"prompt_tokens_actual", "output_tokens_actual"},
         .arrival = {{"start_offset_ns", ARRIVAL_NS}}},
        {.name = "LLMServingSim",
         .syntax = &jsonl_syntax,
         .key = {"input_toks", "output_toks"},
         .arrival = {{"arrival_time_ns", ARRIVAL_NS}, {"arrival_time", ARRIVAL_S}},
         .blocks_key = "block16_hash_ids",
         .block_tokens = 16},
        {.name = "Vidur",
         .syntax = &csv_syntax,
         .key = {"num_prefill_tokens", "num_decode_tokens"}},
};
enum { FORMATS = sizeof formats / sizeof *formats };

/* Lengths of one side, one a request. */
struct series {
	double *count;
	size_t n, room;
};

static void series_append(struct series *s, double count)
{
	if (s->n == s->room) {
		s->room = s->room ? 2 * s->room : 1024;
		s->count = heap_resize(s->count, s->room, sizeof *s->count);
	}
	s->count[s->n++] = count;
}

/* ---- which format ---------------------------------------------------------------------------- */

static enum rc unknown_format(const struct lines *first, struct err *e)
{
	char known[512];
	size_t n = 0;

	for (size_t i = 0; i < FORMATS && n < sizeof known; i++) {
		const struct length_format *f = &formats[i];

		n += (size_t)snprintf(known + n, sizeof known - n, "%s%s and %s (%s)",
		                      i ? ", " : "", f->key[SIDE_INPUT], f->key[SIDE_OUTPUT],
		                      f->name);
	}
	return fail(e, RC_DATA,
	            "%s:%ld: no request trace known here: the first line names none of the "
	            "columns or keys %s",
	            first->path, first->number, known);
}

enum rc length_format_detect(const struct lines *first, const struct length_format **format,
                             struct length_places *places, struct err *e)
{
	const struct length_format *half = NULL;
	int missing = SIDES;

	for (size_t i = 0; i < FORMATS; i++) {
		const struct length_format *f = &formats[i];

		f->syntax->find(f, first, places);
		if (places->found[SIDE_INPUT] && places->found[SIDE_OUTPUT]) {
			*format = f;
			return RC_OK;
		}
		if (!half && (places->found[SIDE_INPUT] || places->found[SIDE_OUTPUT])) {
			half = f;
			missing = places->found[SIDE_INPUT] ? SIDE_OUTPUT : SIDE_INPUT;
		}
	}
	if (half)
		return fail(e, RC_DATA, "%s:%ld: '%s' is there, but '%s' is missing (%s trace)",
		            first->path, first->number, half->key[SIDES - 1 - missing],
		            half->key[missing], half->name);
	return unknown_format(first, e);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static enum rc no_count(const struct lines *line, const char *key, const char *text, size_t n,
                        const char *expected, struct err *e)
{
	enum { SHOWN = 40 };

	return fail(e, RC_DATA, "%s:%ld: '%s' is '%.*s%s'; %s is expected", line->path,
	            line->number, key, (int)(n < SHOWN ? n : SHOWN), text, n > SHOWN ? "..." : "",
	            expected);
}

enum rc length_parse(const struct lines *line, const char *key, const char *text, size_t n,
                     double *out_count, struct err *e)
{
	static const char whole[] = "a whole number of tokens, zero or more,";
	double count = 0;
	size_t i = 0, n_digits;

	for (; i < n && is_digit(text[i]); i++)
		count = 10 * count + (text[i] - '0');
	n_digits = i;
	if (i < n && text[i] == '.') {
		for (i++; i < n && text[i] == '0'; i++)
			;
	}
	if (n_digits == 0 || i < n)
		return no_count(line, key, text, n, whole, e);
	if (count >= 0x1p53)
		return no_count(line, key, text, n, "a number below 2^53", e);
	*out_count = count;
	return RC_OK;
}

/* ---- statistics ------------------------------------------------------------------------------ */

static int by_count(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of a sorted series: position (n - 1) p among the order statistics, between two of them linearly
 * (Hyndman and Fan 1996, type 7). 1, 2, 3, 4 at p = 0.9: 3.7. */
static double quantile_count(const struct series *s, double p_ratio)
{
	double at = (double)(s->n - 1) * p_ratio, below = floor(at);
	size_t i = (size_t)below;

	if (i + 1 >= s->n)
		return s->count[s->n - 1];
	return s->count[i] + (at - below) * (s->count[i + 1] - s->count[i]);
}

static struct lengths lengths_of(struct series *s)
{
	double sum_count = 0;

	for (size_t i = 0; i < s->n; i++)
		sum_count += s->count[i];
	qsort(s->count, s->n, sizeof *s->count, by_count);
	return (struct lengths){
	        .mean_count = sum_count / (double)s->n,
	        .p50_count = quantile_count(s, 0.5),
	        .p90_count = quantile_count(s, 0.9),
	        .p99_count = quantile_count(s, 0.99),
	};
}

enum { MOST_TOKENS = 1000 * 1000 * 1000 };

/* What `workload:` itself would refuse. */
static enum rc lengths_check(const struct lengths *l, const char *what, const char *path,
                             struct err *e)
{
	if (l->mean_count < 1 || l->p50_count < 1)
		return fail(
		        e, RC_DATA,
		        "%s: mean and median of the %s must be 1 token at least, not %.3g and %.3g",
		        path, what, l->mean_count, l->p50_count);
	if (l->p99_count > MOST_TOKENS || l->mean_count > MOST_TOKENS)
		return fail(e, RC_DATA, "%s: %s of more than %d tokens, which none has", path, what,
		            MOST_TOKENS);
	return RC_OK;
}

/* ---- the file -------------------------------------------------------------------------------- */

static enum rc requests_read(struct lines *l, struct series side[SIDES],
                             const struct length_format **format, struct err *e)
{
	struct length_places places;
	double count[SIDES];
	enum rc rc = lines_next(l, e);

	if (rc == RC_NO)
		return fail(e, RC_DATA, "%s: the file is empty", l->path);
	TRY(rc);
	TRY(length_format_detect(l, format, &places, e));
	if ((*format)->syntax->header)
		rc = lines_next(l, e);
	for (; rc == RC_OK; rc = lines_next(l, e)) {
		TRY((*format)->syntax->read(*format, &places, l, count, e));
		for (int i = 0; i < SIDES; i++)
			series_append(&side[i], count[i]);
	}
	if (rc != RC_NO)
		return rc;
	if (side[0].n == 0)
		return fail(e, RC_DATA, "%s: a header, but no request", l->path);
	return RC_OK;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static enum rc workload_make(const char *path, struct series side[SIDES],
                             const struct length_format *format, struct arena *a,
                             struct workload *w, struct err *e)
{
	struct lengths input = lengths_of(&side[SIDE_INPUT]);
	struct lengths output = lengths_of(&side[SIDE_OUTPUT]);

	TRY(lengths_check(&input, "prompts", path, e));
	TRY(lengths_check(&output, "answers", path, e));
	*w = (struct workload){
	        .name = arena_string(a, base_name(path)),
	        .input = input,
	        .output = output,
	        .prompt = LENGTH_P90,
	};
	w->describes =
	        arena_print(a, "%zu requests of a trace (%s format)", side[0].n, format->name);
	return RC_OK;
}

enum rc trace_workload(const char *path, struct arena *a, struct workload *w, struct err *e)
{
	struct series side[SIDES] = {{0}};
	const struct length_format *format = NULL;
	struct lines l;
	enum rc rc;

	TRY(lines_open(&l, path, e));
	rc = requests_read(&l, side, &format, e);
	lines_close(&l);
	if (rc == RC_OK)
		rc = workload_make(path, side, format, a, w, e);
	free(side[SIDE_INPUT].count);
	free(side[SIDE_OUTPUT].count);
	return rc;
}

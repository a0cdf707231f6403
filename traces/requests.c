#include "traces/requests.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "traces/lengths_format.h"

enum { MOST_TOKENS = 1 << 28 };

/* ---- times ----------------------------------------------------------------------------------- */

/* Days from 1970-01-01 of a date of the Gregorian calendar: 400 years have 146,097 days; years are
 * counted from March on, so that a leap day is the last. 2000-03-01 is day 11,017. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = year - (month <= 2), era = y / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool date_parse(const char *text, double *out_s)
{
	int year, month, day, hour, minute;
	double second;

	if (sscanf(text, "%4d-%2d-%2d%*1[ T]%2d:%2d:%lf", &year, &month, &day, &hour, &minute,
	           &second) != 6)
		return false;
	*out_s = (double)days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	return true;
}

enum rc arrival_parse(const struct lines *line, const char *key, enum arrival_unit unit,
                      const char *text, size_t n, double *out_s, struct err *e)
{
	static const double unit_s[] = {[ARRIVAL_S] = 1, [ARRIVAL_MS] = 1e-3, [ARRIVAL_NS] = 1e-9};
	char copy[64], *end;

	snprintf(copy, sizeof copy, "%.*s", (int)n, text);
	if (unit == ARRIVAL_DATE && date_parse(copy, out_s))
		return RC_OK;
	if (unit != ARRIVAL_DATE) {
		*out_s = strtod(copy, &end) * unit_s[unit];
		if (end != copy && *end == '\0' && isfinite(*out_s))
			return RC_OK;
	}
	return fail(e, RC_DATA, "%s:%ld: '%s' is '%.40s'; %s is expected", line->path, line->number,
	            key, copy, unit == ARRIVAL_DATE ? "a date and time" : "a time");
}

/* ---- rows ------------------------------------------------------------------------------------ */

struct reader {
	const struct length_format *format;
	struct length_places places;
	char *header;
	struct request_more more;
	size_t n_timed;
};

static enum rc tokens_of(const struct lines *l, const char *key, double count, int32_t *out,
                         struct err *e)
{
	if (count > MOST_TOKENS)
		return fail(e, RC_DATA, "%s:%ld: '%s' of %.0f tokens, which no request has",
		            l->path, l->number, key, count);
	*out = count < 1 ? 1 : (int32_t)count;
	return RC_OK;
}

static enum rc row_read(struct reader *r, struct lines *l, struct request_list *list, struct err *e)
{
	const struct length_format *f = r->format;
	double count[SIDES];
	struct request q = {.first_block = (uint32_t)list->n_blocks};

	TRY(f->syntax->read(f, &r->places, l, count, e));
	TRY(tokens_of(l, f->key[SIDE_INPUT], count[SIDE_INPUT], &q.input, e));
	TRY(tokens_of(l, f->key[SIDE_OUTPUT], count[SIDE_OUTPUT], &q.output, e));
	r->more.arrival_s = NAN, r->more.n_blocks = 0;
	TRY(f->syntax->more(f, r->header, l, &r->more, e));
	if (!isnan(r->more.arrival_s))
		q.arrival_s = r->more.arrival_s, r->n_timed++;
	q.n_blocks = (uint32_t)r->more.n_blocks;
	for (size_t i = 0; i < r->more.n_blocks; i++)
		request_block_append(list, r->more.block[i]);
	request_append(list, &q);
	return RC_OK;
}

static enum rc rows_read(struct reader *r, struct lines *l, struct request_list *list,
                         struct err *e)
{
	enum rc rc = lines_next(l, e);

	if (rc == RC_NO)
		return fail(e, RC_DATA, "%s: the file is empty", l->path);
	TRY(rc);
	TRY(length_format_detect(l, &r->format, &r->places, e));
	r->header = heap_zeroed(l->n + 1, 1);
	memcpy(r->header, l->text, l->n);
	if (r->format->syntax->header)
		rc = lines_next(l, e);
	for (; rc == RC_OK; rc = lines_next(l, e))
		TRY(row_read(r, l, list, e));
	if (rc != RC_NO)
		return rc;
	if (list->n == 0)
		return fail(e, RC_DATA, "%s: a header, but no request", l->path);
	if (r->n_timed > 0 && r->n_timed < list->n)
		return fail(e, RC_DATA, "%s: %zu of %zu requests have no arrival", l->path,
		            list->n - r->n_timed, list->n);
	list->timed = r->n_timed > 0;
	list->block_tokens = list->n_blocks > 0 ? r->format->block_tokens : 0;
	return RC_OK;
}

struct place {
	double arrival_s;
	size_t at;
};

/* Rows of one moment stay in their order. */
static int earlier(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->arrival_s != y->arrival_s)
		return (x->arrival_s > y->arrival_s) - (x->arrival_s < y->arrival_s);
	return (x->at > y->at) - (x->at < y->at);
}

static void arrivals_sort(struct request_list *list)
{
	struct place *place = heap_zeroed(list->n, sizeof *place);
	struct request *sorted = heap_zeroed(list->n, sizeof *sorted);

	for (size_t i = 0; i < list->n; i++)
		place[i] = (struct place){list->at[i].arrival_s, i};
	qsort(place, list->n, sizeof *place, earlier);
	for (size_t i = 0; i < list->n; i++)
		sorted[i] = list->at[place[i].at];
	free(place);
	free(list->at);
	list->at = sorted, list->room = list->n;
}

static void arrivals_from_zero(struct request_list *list)
{
	double first_s;

	arrivals_sort(list);
	first_s = list->at[0].arrival_s;
	for (size_t i = 0; i < list->n; i++)
		list->at[i].arrival_s -= first_s;
}

enum rc trace_requests(const char *path, struct request_list *out, struct err *e)
{
	struct reader r = {0};
	struct request_list list = {0};
	struct lines l;
	enum rc rc;

	TRY(lines_open(&l, path, e));
	rc = rows_read(&r, &l, &list, e);
	lines_close(&l);
	free(r.header);
	free(r.more.block);
	if (rc != RC_OK) {
		request_list_fini(&list);
		return rc;
	}
	arrivals_from_zero(&list);
	*out = list;
	return RC_OK;
}

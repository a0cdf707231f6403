/* What links between ranks carried: a matrix where a group is small, and the list of pairs. */
#include "models/base/arena.h"
#include "models/base/table.h"
#include "tools/trace_report.h"
#include <stdlib.h>
#include <string.h>

enum { MATRIX_MOST = 16 }; /* ranks of a group that fit a terminal */

/* Pairs from `first` on that are of one group. They are in order. */
static uint32_t group_end(const struct summary *s, uint32_t first)
{
	uint32_t i = first;

	while (i < s->n_pairs && strcmp(s->pair[i].group, s->pair[first].group) == 0)
		i++;
	return i;
}

/* Highest rank of the group + 1; 0 when an end is not known, or there are too many. */
static uint32_t group_ranks(const struct summary *s, uint32_t first, uint32_t end)
{
	int32_t most = -1;

	for (uint32_t i = first; i < end; i++) {
		const struct summary_pair *p = &s->pair[i];

		if (p->source < 0 || p->peer < 0)
			return 0;
		most = p->source > most ? p->source : most;
		most = p->peer > most ? p->peer : most;
	}
	return most < MATRIX_MOST ? (uint32_t)(most + 1) : 0;
}

/* Bytes of a pair over all its links, over the time they took. */
static void cell_rate(struct table *t, const struct summary *s, uint32_t first, uint32_t end,
                      int32_t source, int32_t peer)
{
	double bytes = 0, time_ns = 0;

	for (uint32_t i = first; i < end; i++) {
		const struct summary_pair *p = &s->pair[i];

		if (p->source == source && p->peer == peer && p->time_ns > 0) {
			bytes += (double)p->bytes;
			time_ns += (double)p->time_ns;
		}
	}
	table_cell(t, time_ns > 0 ? "%.4g" : "-", bytes / time_ns); /* B/ns is GB/s */
}

static void matrix_print(const struct summary *s, uint32_t first, uint32_t end, uint32_t n,
                         FILE *out)
{
	char name[MATRIX_MOST][16];
	const char *headers[MATRIX_MOST + 2] = {"from"};
	struct table *t;

	for (uint32_t i = 0; i < n; i++) {
		snprintf(name[i], sizeof name[i], "to %u", i);
		headers[1 + i] = name[i];
	}
	t = table_new(headers);
	for (uint32_t from = 0; from < n; from++) {
		table_cell(t, "%u", from);
		for (uint32_t to = 0; to < n; to++)
			cell_rate(t, s, first, end, (int32_t)from, (int32_t)to);
		table_end_row(t);
	}
	fprintf(out, "\nGB/s between ranks of group %s\n",
	        *s->pair[first].group ? s->pair[first].group : "-");
	table_print(t, out);
	table_free(t);
}

static void end_cell(struct table *t, int32_t rank)
{
	if (rank >= 0)
		table_cell(t, "%d", rank);
	else
		table_cell(t, "-");
}

static void pair_row(struct table *t, const struct summary_pair *p)
{
	const double MB_per_B = 1e-6;

	table_cell(t, "%s", *p->group ? p->group : "-");
	end_cell(t, p->source);
	end_cell(t, p->peer);
	table_cell(t, "%s", trace_link_name(p->link));
	table_cell(t, p->calls ? "%lld" : "-", (long long)p->calls);
	table_cell(t, "%.6g", (double)p->bytes * MB_per_B);
	table_cell(t, p->time_ns > 0 ? "%.4g" : "-", (double)p->bytes / (double)p->time_ns);
	table_end_row(t);
}

void trace_links_text(const struct summary *s, uint32_t rows, FILE *out)
{
	static const char *const headers[] = {"<group", "from", "to",   "<link",
	                                      "calls",  "MB",   "GB/s", NULL};
	uint32_t n_shown = rows > 0 && rows < s->n_pairs ? rows : s->n_pairs;
	struct table *t;

	for (uint32_t i = 0, end; i < s->n_pairs; i = end) {
		uint32_t n;

		end = group_end(s, i);
		n = group_ranks(s, i, end);
		if (n > 1)
			matrix_print(s, i, end, n, out);
	}
	if (s->n_pairs == 0)
		return;
	t = table_new(headers);
	for (uint32_t i = 0; i < n_shown; i++)
		pair_row(t, &s->pair[i]);
	fprintf(out, "\nbytes between ranks of a group, and what a link carried while it did\n");
	table_print(t, out);
	table_free(t);
	if (n_shown < s->n_pairs)
		fprintf(out, "... and %u more (--rows 0 shows all)\n", s->n_pairs - n_shown);
}

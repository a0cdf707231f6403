/* How well a set of rows is predicted, for a README. */
#include <stdlib.h>
#include <string.h>
#include "tools/observed.h"

static bool same_kind(const struct observation *a, const struct observation *b)
{
	return strcmp(a->machine, b->machine) == 0 && strcmp(a->flow, b->flow) == 0 &&
	       a->phase == b->phase && a->op == b->op;
}

static void line(const char *name, const struct accuracy *a, FILE *out)
{
	fprintf(out, "| %s | %zu | %.1f %% | %.1f %% | %.0f %% |\n", name, a->rows,
	        100 * a->median_ape_ratio, 100 * a->mape_ratio, 100 * a->coverage_90_ratio);
}

static void kind_line(const struct forecast_row *row, size_t n, size_t first,
                      struct forecast_row *scratch, FILE *out)
{
	const struct observation *o = row[first].o;
	struct accuracy a;
	char name[160];
	size_t n_kind = 0;

	for (size_t i = first; i < n; i++) {
		if (same_kind(row[i].o, o))
			scratch[n_kind++] = row[i];
	}
	a = accuracy_of(scratch, n_kind, NULL);
	snprintf(name, sizeof name, "%s, %s, %s %s", o->machine, o->flow, phase_names[o->phase],
	         exchange_op_names[o->op]);
	if (a.rows > 0)
		line(name, &a, out);
}

void accuracy_markdown(const struct forecast_row *row, size_t n, FILE *out)
{
	struct forecast_row *scratch = heap_zeroed(n + 1, sizeof *scratch);
	struct accuracy all = accuracy_of(row, n, NULL);

	fputs("| | rows | median error | mean error | inside 90 % interval |\n"
	      "|---|--:|--:|--:|--:|\n",
	      out);
	for (size_t i = 0; i < n; i++) {
		bool first = true;

		for (size_t k = 0; k < i && first; k++)
			first = !same_kind(row[k].o, row[i].o);
		if (first)
			kind_line(row, n, i, scratch, out);
	}
	line("all", &all, out);
	free(scratch);
}

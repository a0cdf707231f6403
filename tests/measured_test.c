/* Published kernel times of A3 relay kernels against predictions with the shipped, uncalibrated
 * machine: a guard against wrong orders of magnitude, not a validation. The rows are not part of
 * this project: without them the test says so and passes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sim/step.h"
#include "unit.h"

/* What an uncalibrated prediction may be off by, as predicted over measured. */
static const double least_ratio = 0.25, most_ratio = 1.5;
static const double median_least_ratio = 0.6, median_most_ratio = 1.2;

enum { MOST_CELLS = 40, MOST_ROWS = 200, LINE_SIZE = 4096 };

struct row {
	char machine[32], flow[32], op[16], phase[32], dispatch[64];
	int64_t ep, tokens;
	double measured_s;
};

/* One line of CSV with quoted cells, in place. */
static int cells_split(char *line, char **cell)
{
	int n = 0;
	char *in = line, *out = line;
	bool quoted = false;

	cell[n++] = out;
	for (; *in && *in != '\n' && n < MOST_CELLS; in++) {
		if (*in == '"') {
			quoted = !quoted;
		} else if (*in == ',' && !quoted) {
			*out++ = '\0';
			cell[n++] = out;
		} else {
			*out++ = *in;
		}
	}
	*out = '\0';
	return n;
}

static const char *cell_of(char **header, int n_header, char **cell, const char *name)
{
	for (int i = 0; i < n_header; i++) {
		if (strcmp(header[i], name) == 0)
			return cell[i];
	}
	return "";
}

/* Rows that state what a prediction needs: EP, tokens, hidden 7168, a latency or a bandwidth. */
static bool row_read(char **header, int n_header, char **cell, struct row *r)
{
	const char *latency = cell_of(header, n_header, cell, "latency_us");
	const char *bandwidth = cell_of(header, n_header, cell, "bandwidth_GBps");
	double us = strtod(latency, NULL), GBps = strtod(bandwidth, NULL);

	snprintf(r->machine, sizeof r->machine, "%s", cell_of(header, n_header, cell, "machine"));
	snprintf(r->flow, sizeof r->flow, "%s", cell_of(header, n_header, cell, "flow"));
	snprintf(r->op, sizeof r->op, "%s", cell_of(header, n_header, cell, "op"));
	snprintf(r->phase, sizeof r->phase, "%s", cell_of(header, n_header, cell, "phase"));
	snprintf(r->dispatch, sizeof r->dispatch, "%s",
	         cell_of(header, n_header, cell, "dtype_dispatch"));
	r->ep = strtoll(cell_of(header, n_header, cell, "ep"), NULL, 10);
	r->tokens = strtoll(cell_of(header, n_header, cell, "tokens_per_rank"), NULL, 10);
	/* prefill tables count BF16 bytes of all rows (sgl-kernel-npu's convention) */
	if (us > 0)
		r->measured_s = us * 1e-6;
	else if (GBps > 0)
		r->measured_s = (double)r->tokens * 8 * 7168 * 2 / (GBps * 1e9);
	else
		return false;
	return strcmp(r->machine, "cloudmatrix384") == 0 && strcmp(r->flow, "relay2") == 0 &&
	       r->ep > 0 && r->tokens > 0 &&
	       strcmp(cell_of(header, n_header, cell, "hidden"), "7168") == 0;
}

static size_t rows_read(const char *path, struct row *out, size_t n)
{
	char head[LINE_SIZE], line[LINE_SIZE], *header[MOST_CELLS], *cell[MOST_CELLS];
	FILE *in = fopen(path, "r");
	int n_header;

	if (!in)
		return n;
	if (fgets(head, sizeof head, in)) {
		n_header = cells_split(head, header);
		while (n < MOST_ROWS && fgets(line, sizeof line, in)) {
			if (cells_split(line, cell) >= n_header &&
			    row_read(header, n_header, cell, &out[n]))
				n++;
		}
	}
	fclose(in);
	return n;
}

static double predicted_s(struct config *c, const struct row *r)
{
	bool decode = strstr(r->phase, "decode") != NULL;
	struct step_request q = {.machine = &c->machine,
	                         .model = &c->model,
	                         .schedule = &c->schedule,
	                         .routing = &c->routing,
	                         .flow = &flow_relay2,
	                         .engine = &engine_fluid,
	                         .phase = decode ? PHASE_DECODE : PHASE_PREFILL,
	                         .sequences_count = decode ? (double)r->tokens : 1,
	                         .query_count = (double)r->tokens};
	struct graph *g = graph_new();
	struct timeline t;
	struct topology topology;
	struct err e = {0};
	double *label_s, sum_s = 0;

	c->schedule.ep = r->ep;
	c->schedule.dispatch = strncmp(r->dispatch, "int8", 4) == 0 ? DTYPE_INT8 : DTYPE_BF16;
	timeline_init(&t);
	CU_ASSERT_EQUAL_FATAL(exchange_graph(&q, g, &topology, &e), RC_OK);
	CU_ASSERT_EQUAL_FATAL(engine_fluid.run(g, &q.engine_options, &t, &e), RC_OK);
	label_s = calloc(g->n_labels, sizeof *label_s);
	CU_ASSERT_PTR_NOT_NULL_FATAL(label_s);
	timeline_by_label(g, &t, label_s);
	for (uint32_t i = 0; i < g->n_labels; i++) {
		if (strncmp(g->label_text[i], r->op, strlen(r->op)) == 0)
			sum_s += label_s[i];
	}
	free(label_s);
	timeline_fini(&t);
	graph_free(g);
	return sum_s;
}

static int rising(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void compare(const struct row *row, size_t n)
{
	struct config *c = config_new();
	double ratio[MOST_ROWS];
	struct err e = {0};

	CU_ASSERT_EQUAL_FATAL(config_section(c, SECTION_MACHINE, "cloudmatrix384", &e), RC_OK);
	CU_ASSERT_EQUAL_FATAL(config_section(c, SECTION_MODEL, "deepseek-v3.1", &e), RC_OK);
	printf("\n%-8s %-14s %4s %6s %10s %10s %6s\n", "op", "phase", "EP", "tokens", "measured",
	       "predicted", "ratio");
	for (size_t i = 0; i < n; i++) {
		double s = predicted_s(c, &row[i]);

		ratio[i] = s / row[i].measured_s;
		printf("%-8s %-14.14s %4lld %6lld %7.0f us %7.0f us %6.2f\n", row[i].op,
		       row[i].phase, (long long)row[i].ep, (long long)row[i].tokens,
		       1e6 * row[i].measured_s, 1e6 * s, ratio[i]);
		CU_ASSERT_TRUE(ratio[i] > least_ratio && ratio[i] < most_ratio);
	}
	qsort(ratio, n, sizeof *ratio, rising);
	printf("median ratio of %zu rows: %.2f\n", n, ratio[n / 2]);
	CU_ASSERT_TRUE(ratio[n / 2] > median_least_ratio && ratio[n / 2] < median_most_ratio);
	config_free(c);
}

static void test_published_rows(void)
{
	static const char *const files[] = {"cloudmatrix384_ep.csv", "deepep_ascend.csv",
	                                    "ubep.csv"};
	const char *data = getenv("EPSIM_DATA");
	struct row row[MOST_ROWS];
	char path[LINE_SIZE];
	size_t n = 0;

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/measured/%s", data ? data : "../shared/data",
		         files[i]);
		n = rows_read(path, row, n);
	}
	if (n == 0)
		printf("skipped: no published measurements in ../shared/data ");
	else
		compare(row, n);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"published rows of A3 relay kernels", test_published_rows},
	        {0},
	};

	return unit_main("measured", tests);
}

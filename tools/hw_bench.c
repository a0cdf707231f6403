/* epsim hw bench: what the memory itself can do, in the units of the machine's YAML. */
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include "models/base/arena.h"
#include "models/base/table.h"
#include "tools/hw.h"
#include "tools/text.h"

static void point_add(struct bench *b, enum bench_kind kind, int64_t bytes, int64_t cores)
{
	CHECK(b->n_points < MOST_POINTS);
	b->point[b->n_points++] =
	        (struct bench_point){.kind = kind, .bytes = bytes, .cores = cores};
}

static void sizes_add(struct bench *b, int64_t bytes, int64_t cores)
{
	for (enum bench_kind k = 0; k <= BENCH_FETCH; k++) {
		if (k <= BENCH_GET || bytes >= b->row_bytes * BENCH_TOP_K)
			point_add(b, k, bytes, cores);
	}
}

/* --cores: vector cores of each die, 0 for all; without dies, ranks at work. */
static enum rc cores_read(const struct args *a, bool dies, int64_t ranks, int64_t *cores, size_t *n,
                          struct err *e)
{
	*n = 0;
	if (dies || args_has(a, "cores"))
		return hw_list_read(a, "cores", "1,8,0", 0, cores, n, e);
	for (int64_t one = 1; one <= ranks; one *= 2)
		cores[(*n)++] = one;
	return RC_OK;
}

static enum rc plan(const struct args *a, bool dies, struct bench *b, struct err *e)
{
	int64_t ranks, hidden, repeats, size[MOST_LIST], cores[MOST_LIST];
	size_t n_sizes, n_cores;

	TRY(args_integer(a, "ranks", 2, 1, &ranks, e));
	TRY(args_integer(a, "hidden", 7168, 1, &hidden, e));
	TRY(args_integer(a, "repeats", 11, 1, &repeats, e));
	TRY(hw_list_read(a, "sizes", "16384,262144,4194304,67108864", 64, size, &n_sizes, e));
	TRY(cores_read(a, dies, ranks, cores, &n_cores, e));
	if (ranks > MOST_RANKS)
		return fail(e, RC_CONFIG, "--ranks: at most %d", MOST_RANKS);
	if (hidden > 1 << 16)
		return fail(e, RC_CONFIG, "--hidden: at most %d", 1 << 16);
	b->n_ranks = ranks, b->repeats = (int32_t)(repeats > 1000 ? 1000 : repeats);
	b->row_bytes = hidden * 2, b->least_s = 0.002;
	for (size_t i = 0; i < n_sizes; i++) {
		if (size[i] > 1ll << 32)
			return fail(e, RC_CONFIG, "--sizes: at most 4294967296");
		for (size_t c = 0; c < n_cores; c++)
			sizes_add(b, size[i], cores[c]);
	}
	if (ranks >= 2)
		point_add(b, BENCH_FLAG, 0, dies ? 1 : 2);
	point_add(b, BENCH_BARRIER, 0, dies ? 0 : ranks);
	return RC_OK;
}

static void head_text(const struct bench *b, const struct symheap_backend *backend, FILE *out)
{
	char machine[MACHINE_TEXT_SIZE];

	fprintf(out, "backend %s: %s\n%s\n", backend->name, hw_machine_text(b->device, machine),
	        backend->caution);
	fprintf(out,
	        "%lld ranks, rows of %lld bytes, median of %d, slowest rank; rates are those of "
	        "one\n"
	        "rank, bytes written a second (reduce, fetch: read)\n\n",
	        (long long)b->n_ranks, (long long)b->row_bytes, b->repeats);
}

static void rate_cell(struct table *t, const struct bench *b, enum bench_kind k, int64_t bytes,
                      int64_t cores)
{
	const struct bench_point *p = bench_find(b, k, bytes, cores);
	char buf[TEXT_SIZE];

	table_cell(t, "%s",
	           p ? quantity_human(p->figure_units, DIM_RATE, 3, buf, sizeof buf) : "-");
}

/* What copies, puts and gets reach of memcpy. */
static void shares_text(const struct bench *b, FILE *out)
{
	const double percent_ratio = 100;

	for (int32_t i = 0; i < b->n_points; i++) {
		const struct bench_point *p = &b->point[i];
		char buf[TEXT_SIZE];

		if (p->of_memcpy_ratio == 0 || p->kind == BENCH_MEMCPY || p->kind > BENCH_GET)
			continue;
		if (p->kind == BENCH_COPY)
			fprintf(out, "of memcpy, %s, cores %lld:",
			        quantity_human((double)p->bytes, DIM_BYTES, 3, buf, sizeof buf),
			        (long long)p->cores);
		fprintf(out, " %s %.0f %%%s", bench_name(p->kind),
		        percent_ratio * p->of_memcpy_ratio, p->kind == BENCH_GET ? "\n" : ",");
	}
}

static void report_text(const struct bench *b, const struct symheap_backend *backend, FILE *out)
{
	const char *headers[BENCH_KINDS + 2] = {"size", "cores"};
	struct table *t;
	char buf[TEXT_SIZE];

	head_text(b, backend, out);
	for (enum bench_kind k = 0; k <= BENCH_FETCH; k++)
		headers[k + 2] = bench_name(k);
	t = table_new(headers);
	for (int32_t i = 0; i < b->n_points; i++) {
		const struct bench_point *p = &b->point[i];

		if (p->kind != BENCH_MEMCPY)
			continue;
		table_cell(t, "%s",
		           quantity_human((double)p->bytes, DIM_BYTES, 3, buf, sizeof buf));
		table_cell(t, "%lld", (long long)p->cores);
		for (enum bench_kind k = 0; k <= BENCH_FETCH; k++)
			rate_cell(t, b, k, p->bytes, p->cores);
		table_end_row(t);
	}
	table_print(t, out);
	table_free(t);
	fprintf(out, "\n");
	shares_text(b, out);
	for (int32_t i = 0; i < b->n_points; i++) {
		if (!bench_moves(b->point[i].kind))
			fprintf(out, "%s %s\n", bench_name(b->point[i].kind),
			        time_text(b->point[i].figure_units, buf));
	}
}

static void report_json(const struct bench *b, const struct symheap_backend *backend, FILE *out)
{
	char machine[MACHINE_TEXT_SIZE];
	struct json *j = json_new(out);

	json_object(j, NULL);
	json_text(j, "backend", backend->name);
	json_text(j, "machine", hw_machine_text(b->device, machine));
	json_text(j, "caution", backend->caution);
	json_integer(j, "ranks", b->n_ranks);
	json_integer(j, "row_bytes", b->row_bytes);
	json_integer(j, "repeats", b->repeats);
	json_array(j, "points");
	for (int32_t i = 0; i < b->n_points; i++) {
		const struct bench_point *p = &b->point[i];
		bool moves = bench_moves(p->kind);

		json_object(j, NULL);
		json_text(j, "kind", bench_name(p->kind));
		json_integer(j, "bytes", p->bytes);
		json_integer(j, "cores", p->cores);
		json_number(j, moves ? "rate_Bps" : "time_s", p->figure_units);
		json_number(j, moves ? "best_Bps" : "best_s", p->best_units);
		if (p->of_memcpy_ratio > 0)
			json_number(j, "of_memcpy_ratio", p->of_memcpy_ratio);
		json_close(j);
	}
	json_close(j);
	json_close(j);
	json_free(j);
}

/* Links as other measured ones are listed. */
static enum rc observations_write(const char *path, const struct bench *b,
                                  const struct symheap_backend *backend, struct err *e)
{
	const double giga = 1e9, us_per_s = 1e6; /* lint: units of the format */
	char machine[MACHINE_TEXT_SIZE];
	FILE *out = fopen(path, "w");
	int bad;

	if (!out)
		return fail(e, RC_CONFIG, "--observations %s: cannot be written: %s", path,
		            strerror(errno));
	hw_machine_text(b->device, machine);
	fprintf(out,
	        "source,source_ref,hardware,path,op,size_bytes,cores,value,unit,status,notes\n");
	for (int32_t i = 0; i < b->n_points; i++) {
		const struct bench_point *p = &b->point[i];
		bool moves = bench_moves(p->kind);

		fprintf(out,
		        "epsim hw bench,backend=%s,\"%s\",%s,%s,%lld,%lld,%.4g,%s,"
		        "measured,\"median of %d, slowest rank; %s\"\n",
		        backend->name, machine, backend->dies ? "fabric" : "shared memory",
		        bench_name(p->kind), (long long)p->bytes, (long long)p->cores,
		        moves ? p->figure_units / giga : p->figure_units * us_per_s,
		        moves ? "GB/s" : "us", b->repeats, backend->caution);
	}
	bad = ferror(out);
	if (fclose(out) != 0 || bad)
		return fail(e, RC_CONFIG, "--observations %s: cannot be written", path);
	return RC_OK;
}

enum rc hw_bench(const struct args *a, FILE *out, struct err *e)
{
	const struct symheap_backend *backend =
	        symheap_backend_find(args_value(a, "backend", "host"), e);
	const char *path = args_value(a, "observations", NULL);
	struct bench *b;
	enum rc rc;

	if (!backend)
		return e->rc;
	b = heap_zeroed(1, sizeof *b);
	rc = plan(a, backend->dies, b, e);
	if (rc == RC_OK)
		rc = bench_run(b, backend, e);
	if (rc == RC_OK && args_has(a, "json"))
		report_json(b, backend, out);
	else if (rc == RC_OK)
		report_text(b, backend, out);
	if (rc == RC_OK && path)
		rc = observations_write(path, b, backend, e);
	free(b);
	return rc;
}

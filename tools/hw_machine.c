/* What of a host stands for what of a machine:
 *
 *   a rank                     a die with one vector core
 *   shared memory              its HBM; also the fabric, which has no latency of its own
 *   copies within a rank       vector.copy_core, from two patterns of rows: pack and reorder
 *   rows to other ranks        vector.put_core, from rows put in turn to several places
 *   rows of others, summed     vector.get_core: here the sum is not hidden behind the transfer
 *   flags, barriers            sync.flag, sync.round
 *
 * All ranks work while a rate is measured, so what they take from each other is in it, and HBM and
 * the fabric's ports are written as wide enough not to count a second time. */
#include "tools/hw_machine.h"
#include <math.h>

void hw_machine_bench(struct bench *b, bool dies, int64_t n_ranks, int64_t row_bytes, int64_t bytes,
                      int32_t repeats)
{
	*b = (struct bench){
	        .n_ranks = n_ranks, .row_bytes = row_bytes, .repeats = repeats, .least_s = 0.002};
	for (enum bench_kind k = 0; k < BENCH_KINDS; k++) {
		bool moves = bench_moves(k);

		if (k == BENCH_FLAG && n_ranks < 2)
			continue;
		b->point[b->n_points++] =
		        (struct bench_point){.kind = k,
		                             .bytes = moves ? bytes : 0,
		                             .cores = dies              ? k == BENCH_FLAG
		                                      : k == BENCH_FLAG ? 2
		                                                        : n_ranks};
	}
}

static const struct bench_point *find(const struct bench *b, enum bench_kind kind)
{
	for (int32_t i = 0; i < b->n_points; i++) {
		if (b->point[i].kind == kind)
			return &b->point[i];
	}
	return NULL;
}

static double rate_Bps(const struct bench *b, enum bench_kind kind)
{
	return find(b, kind)->figure_units;
}

/* The best repeat: a longer one tells of other programs. */
static double wait_s(const struct bench *b, enum bench_kind kind)
{
	const struct bench_point *p = find(b, kind);

	return p ? p->best_units : 0;
}

static void quantity(FILE *out, const char *key, double si, enum dim dim, const char *source)
{
	char buf[64];

	fprintf(out, "    %s: {value: %s, sd: 30%%, fit: yes,\n      source: \"%s\"}\n", key,
	        quantity_exact(si, dim, buf, sizeof buf), source);
}

/* Not a limit, and not to be fitted. */
static void wide(FILE *out, const char *key, double rate)
{
	char buf[64];

	fprintf(out, "    %s: {value: %s, source: \"derived: no limit beside the cores'\"}\n", key,
	        quantity_exact(rate, DIM_RATE, buf, sizeof buf));
}

void hw_machine_yaml(const struct bench *b, const struct symheap_backend *backend,
                     const char *where, FILE *out)
{
	enum { WIDE = 1000 };
	double pack = rate_Bps(b, BENCH_PACK), reorder = rate_Bps(b, BENCH_REORDER);
	double copy = 2 * sqrt(pack * reorder), rounds = ceil(log2((double)b->n_ranks));
	double barrier_s = wait_s(b, BENCH_BARRIER);

	fprintf(out,
	        "# Written by `epsim hw loop --backend %s`: %s;\n"
	        "# %s\n",
	        backend->name, backend->caution, where);
	fprintf(out, "machine:\n  name: host\n  describes: \"backend %s: %s\"\n", backend->name,
	        where);
	fprintf(out, "  nodes: 1\n  packages_per_node: %lld\n  hbm:\n", (long long)b->n_ranks);
	fprintf(out, "    capacity: {value: 1GB, source: \"assumed: not used\"}\n");
	wide(out, "rate", WIDE * copy);
	fprintf(out, "  cube:\n    bf16: {value: 1TFLOPS, source: \"assumed: not used\"}\n");
	fprintf(out, "  vector:\n    cores: 1\n");
	quantity(out, "put_core", rate_Bps(b, BENCH_PLACE), DIM_RATE,
	         "epsim hw bench: place, rows put in turn to 16 places");
	quantity(out, "get_core", rate_Bps(b, BENCH_FETCH), DIM_RATE,
	         "epsim hw bench: fetch, rows of another rank summed by eights");
	quantity(out, "copy_core", copy, DIM_RATE,
	         "epsim hw bench: twice the geometric mean of pack and reorder");
	fprintf(out, "  fabric:\n    span: machine\n");
	wide(out, "rate", WIDE * copy);
	wide(out, "put", WIDE * copy);
	wide(out, "get", WIDE * copy);
	fprintf(out, "  sync:\n");
	quantity(out, "flag", wait_s(b, BENCH_FLAG), DIM_TIME, "epsim hw bench: flag, one way");
	quantity(out, "round", rounds > 0 ? barrier_s / rounds : 0, DIM_TIME,
	         "epsim hw bench: barrier, over its rounds");
}

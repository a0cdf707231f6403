/* Tables of measured operators: what is read, what is refused, and fits. The published tables are
 * read where they are at hand ($EPSIM_DATA, or shared/data beside the source), and left out where
 * not. */
#include "traces/compute_table.h"
#include "models/base/rng.h"
#include "sim/fit_compute.h"
#include "tests/exchange.h"
#include "tests/unit.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- reading ---- */

struct probe {
	struct arena *arena;
	struct compute_table table;
	struct err e;
	enum rc rc;
};

static void probe_text(struct probe *p, const char *text)
{
	const char *folder = getenv("TMPDIR");
	char path[512];
	FILE *out;
	int fd;

	*p = (struct probe){.arena = arena_new()};
	snprintf(path, sizeof path, "%s/epsim-table-XXXXXX", folder ? folder : "/tmp");
	fd = mkstemp(path);
	CU_ASSERT_FATAL(fd >= 0);
	out = fdopen(fd, "wb");
	fputs(text, out);
	CU_ASSERT_FATAL(fclose(out) == 0);
	p->rc = compute_table_read(path, p->arena, &p->table, &p->e);
	unlink(path);
}

static void probe_fini(struct probe *p)
{
	free(p->table.row);
	arena_free(p->arena);
}

static void every_layout_is_read(void)
{
	struct probe p;

	probe_text(&p, "hardware,quant,m,k,n,latency_us\r\nX,w8a8_dynamic,8,1024,2048,12.5\r\n");
	CU_ASSERT_EQUAL_FATAL(p.table.n, 1);
	CU_ASSERT_EQUAL(p.table.row[0].kind, COMPUTE_GEMM);
	CU_ASSERT_EQUAL(p.table.row[0].type, DTYPE_INT8);
	CU_ASSERT_EQUAL(p.table.row[0].columns_count, 2048);
	CU_ASSERT_EQUAL(p.table.row[0].measured_s, 12.5e-6);
	UNIT_TEXT(p.table.row[0].hardware, "X");
	CU_ASSERT_EQUAL(p.table.row[0].line, 2);
	probe_fini(&p);

	probe_text(&p, "source,batch,seq_len,heads,kv_heads,head_size,latency_us\n"
	               "a Decode.csv,4,512,32,0,128,50\n\"a, b.csv\",4,512,32,8,128,50\n");
	CU_ASSERT_EQUAL_FATAL(p.table.n, 2);
	CU_ASSERT_EQUAL(p.table.row[0].kind, COMPUTE_DECODE);
	CU_ASSERT_EQUAL(p.table.row[0].attention.kv_heads_count, 32);
	CU_ASSERT_EQUAL(p.table.row[1].kind, COMPUTE_PREFILL);
	CU_ASSERT_EQUAL(p.table.row[1].attention.kv_heads_count, 8);
	probe_fini(&p);

	probe_text(&p, "hidden,moe_inter,experts,topk,local_experts,num_tokens,quant,latency_us\n"
	               "7168,2048,256,8,32,16,bf16,490\n");
	CU_ASSERT_EQUAL_FATAL(p.table.n, 1);
	CU_ASSERT_EQUAL(p.table.row[0].kind, COMPUTE_MLP);
	CU_ASSERT_EQUAL(p.table.row[0].mlp.inter_count, 2048);
	probe_fini(&p);

	/* up with gate, and down */
	probe_text(&p, "num_local_experts,tokens_per_expert,hidden_size,intermediate_size,"
	               "up_proj_us,down_proj_us\n4,32,7168,2048,51.5,30.7\n");
	CU_ASSERT_EQUAL_FATAL(p.table.n, 2);
	CU_ASSERT_EQUAL(p.table.row[0].rows_count, 128);
	CU_ASSERT_EQUAL(p.table.row[0].columns_count, 4096);
	CU_ASSERT_EQUAL(p.table.row[1].depth_count, 2048);
	CU_ASSERT_EQUAL(p.table.row[1].measured_s, 30.7e-6);
	probe_fini(&p);
}

static void mistakes_are_named(void)
{
#define GEMM "quant,m,k,n,latency_us\n"
	static const struct {
		const char *text, *message;
	} cases[] = {
	        {"", "the table is empty"},
	        {"a,b,c\n1,2,3\n", ":1: these columns are of no table"},
	        {GEMM "bf16,8,8,8\n", ":2: 4 cells under 5 columns"},
	        {GEMM "bf16,8,8,8,1,2\n", ":2: 6 cells under 5 columns"},
	        {GEMM "bf61,8,8,8,1\n",
	         ":2: quant 'bf61' is no element type; did you mean 'bf16'?"},
	        {GEMM "bf16,x,8,8,1\n", ":2: m 'x' is no number of at least 1"},
	        {GEMM "bf16,8,8,8,1\nbf16,8,0,8,1\n", ":3: k '0' is no number of at least 1"},
	        {GEMM "bf16,8,8,8,0\n", ":2: latency_us '0' is no time"},
	        {GEMM "bf16,8,8,8,-3\n", ":2: latency_us '-3' is no time"},
	        {GEMM "bf16,8,8,8,nan\n", ":2: latency_us 'nan' is no time"},
	        {GEMM "bf16,1e999,8,8,1\n", ":2: m '1e999' is no number"},
	};
#undef GEMM

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct probe p;

		probe_text(&p, cases[i].text);
		CU_ASSERT_EQUAL(p.rc, RC_DATA);
		UNIT_HOLDS(p.e.text, cases[i].message);
		probe_fini(&p);
	}
}

static void other_operators_are_skipped(void)
{
	struct probe p;

	probe_text(&p, "op,m,k,n,dtype,latency_us\nGEMM,8,8,8,fp16,9\nAllReduce,8,,8,fp16,9\n"
	               "M-grouped GEMM,8,8,8,fp8,9\n");
	CU_ASSERT_EQUAL(p.rc, RC_OK);
	CU_ASSERT_EQUAL(p.table.n, 1);
	CU_ASSERT_EQUAL(p.table.n_skipped, 2);
	UNIT_TEXT(p.table.why_skipped, "a grouped GEMM without the rows of each group");
	probe_fini(&p);
}

static void shapes_of_models_are_skipped(void)
{
	struct probe p;

	probe_text(&p, "model,layers,hidden,heads\na,2,8,1\nb,2,8,1\n");
	CU_ASSERT_EQUAL(p.rc, RC_OK);
	CU_ASSERT_EQUAL(p.table.n, 0);
	CU_ASSERT_EQUAL(p.table.n_skipped, 2);
	probe_fini(&p);
}

/* ---- fitting ---- */

enum { ROWS = 200 };

static struct compute_row random_row(struct rng *r, enum compute_law law)
{
	bool wide = law == LAW_GEMM || law == LAW_GROUPED;
	bool grouped = law == LAW_GROUPED || law == LAW_QUANTISED_GROUPED;
	struct compute_row row = {.type = wide ? DTYPE_BF16 : DTYPE_INT8, .repeated = true};

	row.kind = grouped ? COMPUTE_GROUPED : COMPUTE_GEMM;
	row.rows_count = pow(2, (double)rng_below(r, 15));
	row.depth_count = pow(2, 8 + (double)rng_below(r, 7));
	row.columns_count = pow(2, 8 + (double)rng_below(r, 7));
	row.experts_count = grouped ? 1 + (double)rng_below(r, 64) : 0;
	row.attention.sequences_count = pow(2, (double)rng_below(r, 8));
	row.attention.length_count = pow(2, 7 + (double)rng_below(r, 8));
	row.attention.heads_count = 8 * (double)(1 + rng_below(r, 8));
	row.attention.kv_heads_count = 1 + (double)rng_below(r, 8);
	row.attention.dim_count = 128;
	if (law == LAW_PREFILL || law == LAW_DECODE) {
		row.kind = law == LAW_PREFILL ? COMPUTE_PREFILL : COMPUTE_DECODE;
		row.type = DTYPE_BF16;
	}
	return row;
}

/* Rows made from a machine, a fifth of them spoilt: from other numbers the fit comes back to it. */
static void a_fit_finds_what_the_rows_were_made_from(void)
{
	for (enum compute_law law = 0; law < COMPUTE_LAWS; law++) {
		struct config *c = config_of("atlas-a2", NULL);
		struct machine start = c->machine;
		struct compute_row row[ROWS];
		const struct compute_row *rows[ROWS];
		struct law_request q = {.law = law,
		                        .notes = c->notes[SECTION_MACHINE],
		                        .rows = rows,
		                        .n_rows = ROWS};
		struct law_fit fit;
		struct err e;
		struct rng r;

		rng_init(&r, 5, (uint64_t)law);
		for (int i = 0; i < ROWS; i++) {
			row[i] = random_row(&r, law), rows[i] = &row[i];
			row[i].measured_s = compute_row_s(&c->machine, &row[i]);
			row[i].measured_s *= i % 5 ? 1 : 3;
		}
		for (const struct field *f = compute_law_field(law)->group; f->kind; f++) {
			if (f->kind == FIELD_QUANTITY)
				*fit_slot(&start, law, f) *= 0.8;
		}
		start.decode_attention.peak_ratio = c->machine.decode_attention.peak_ratio;
		start.decode_attention.resident_bytes = c->machine.decode_attention.resident_bytes;
		start.gemm.memory_ratio = start.gemm.exposed_ratio = 1;
		start.quantised_gemm.memory_ratio = start.quantised_grouped.memory_ratio = 1;
		CU_ASSERT_EQUAL_FATAL(fit_compute(&start, &q, &fit, &e), RC_OK);
		CU_ASSERT(fit.errors.median_ape_ratio < 1e-3);
		CU_ASSERT_EQUAL(fit.n_rows, ROWS);
		config_free(c);
	}
}

static void a_fit_without_means_says_so(void)
{
	struct config *c = config_of("flops:100TFLOPS", NULL);
	struct compute_row row = {.rows_count = 1, .depth_count = 1, .columns_count = 1};
	const struct compute_row *rows[] = {&row};
	struct law_request q = {.law = LAW_GEMM, .rows = rows, .n_rows = 1};
	struct law_fit fit;
	struct err e;

	row.measured_s = 1;
	CU_ASSERT_EQUAL(fit_compute(&c->machine, &q, &fit, &e), RC_NO);
	UNIT_HOLDS(e.text, "machine.gemm has no number above zero that is marked 'fit'");
	config_free(c);
	c = config_of("atlas-a2", NULL);
	q.notes = c->notes[SECTION_MACHINE];
	CU_ASSERT_EQUAL(fit_compute(&c->machine, &q, &fit, &e), RC_NO);
	UNIT_HOLDS(e.text, "1 rows are too few");
	config_free(c);
}

/* ---- published tables ---- */

static const struct published {
	const char *file, *machine;
} published[] = {
        {"compute_910b_gemm_bf16.csv", "atlas-a2"},
        {"compute_910b_gemm_w8a8.csv", "atlas-a2"},
        {"compute_910b_moe_bf16.csv", "atlas-a2"},
        {"compute_910b_moe_w8a8.csv", "atlas-a2"},
        {"compute_910b_attn_context.csv", "atlas-a2"},
        {"compute_910b_attn_decode.csv", "atlas-a2"},
        {"compute_h800_groupedgemm.csv", "h800-node-rdma"},
};

/* Calibrated rows within 8 %, those of the half that a fit has not seen within 12 %, both ways
 * round; and the machine as it is shipped does as well. */
static void published_check(const struct published *x, struct compute_table *t)
{
	struct config *c = config_of(x->machine, NULL);
	const struct compute_row **rows = heap_zeroed(t->n, sizeof *rows);
	struct law_request q = {.law = compute_law_of(&t->row[0]),
	                        .notes = c->notes[SECTION_MACHINE],
	                        .rows = rows,
	                        .n_rows = t->n};
	struct machine trial = c->machine;
	struct law_halves halves;
	struct law_fit fit;
	struct err e;

	for (size_t i = 0; i < t->n; i++)
		rows[i] = &t->row[i];
	AT_MOST(compute_errors_of(&c->machine, rows, t->n).median_ape_ratio, 0.08, 0,
	        "%s as shipped", x->file);
	CU_ASSERT_EQUAL_FATAL(fit_compute(&trial, &q, &fit, &e), RC_OK);
	AT_MOST(fit.errors.median_ape_ratio, 0.08, 0, "%s fitted", x->file);
	CU_ASSERT_EQUAL_FATAL(fit_compute_halves(&c->machine, &q, &halves, &e), RC_OK);
	for (int half = 0; half < 2; half++) {
		AT_MOST(halves.fitted[half].median_ape_ratio, 0.09, 0, "%s fitted half %d", x->file,
		        half);
		AT_MOST(halves.held_out[half].median_ape_ratio, 0.12, 0, "%s held out of half %d",
		        x->file, half);
	}
	free(rows);
	config_free(c);
}

static void published_tables_are_met(void)
{
	const char *data = getenv("EPSIM_DATA");

	for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
		struct arena *a = arena_new();
		const char *path =
		        arena_print(a, "%s/compute/%s", data && *data ? data : "../shared/data",
		                    published[i].file);
		struct compute_table t = {0};
		struct err e;

		if (access(path, R_OK) != 0) {
			printf("skipped: no %s ", path);
		} else {
			CU_ASSERT_EQUAL_FATAL(compute_table_read(path, a, &t, &e), RC_OK);
			CU_ASSERT_EQUAL(t.n_skipped, 0);
			published_check(&published[i], &t);
		}
		free(t.row);
		arena_free(a);
	}
}

static const struct unit_test tests[] = {
        {"every layout is read", every_layout_is_read},
        {"mistakes are named", mistakes_are_named},
        {"other operators are skipped", other_operators_are_skipped},
        {"shapes of models are skipped", shapes_of_models_are_skipped},
        {"a fit finds what the rows were made from", a_fit_finds_what_the_rows_were_made_from},
        {"a fit without means says so", a_fit_without_means_says_so},
        {"published tables are met", published_tables_are_met},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("compute_table", tests);
}

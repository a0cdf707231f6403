/* GEMMs and attention cores: what must hold on every machine, and answers worked out by hand. */
#include "sim/gemm.h"
#include "models/base/rng.h"
#include "sim/attention.h"
#include "tests/exchange.h"
#include "tests/unit.h"
#include <math.h>

static const char *const machines[] = {"atlas-a2", "cloudmatrix384", "h800-node-rdma",
                                       "gb200-nvl72", "flops:300TFLOPS hbm:1TBps"};
enum { MACHINES = sizeof machines / sizeof *machines };

static double gemm_s(const struct machine *m, const struct gemm *x)
{
	struct op op = x->experts_count > 0 ? op_grouped(m, "a", x) : op_gemm(m, "a", x);

	return op_alone_s(&op);
}

static struct gemm random_gemm(struct rng *r, const struct machine *m, bool grouped)
{
	static const enum dtype types[] = {DTYPE_BF16, DTYPE_INT8};
	double most = pow(2, (double)(1 + rng_below(r, 14)));

	CU_ASSERT_FATAL(m->cube.int8_flops > 0);
	return (struct gemm){.rows_count = 1 + floor(rng_uniform_ratio(r) * most),
	                     .depth_count = 1 + (double)rng_below(r, 16384),
	                     .columns_count = 1 + (double)rng_below(r, 16384),
	                     .experts_count = grouped ? 1 + (double)rng_below(r, 64) : 0,
	                     .type = types[rng_below(r, 2)],
	                     .quantised = rng_below(r, 2) > 0,
	                     .repeated = rng_below(r, 2) > 0};
}

/* More rows, depth, columns or experts never end sooner. */
static void more_is_never_sooner(void)
{
	for (int i = 0; i < MACHINES; i++) {
		struct config *c = config_of(machines[i], NULL);
		struct rng r;

		rng_init(&r, 1, (uint64_t)i);
		for (int k = 0; k < 4000; k++) {
			struct gemm x = random_gemm(&r, &c->machine, k % 2), y = x;
			double *grow[] = {&y.rows_count, &y.depth_count, &y.columns_count,
			                  &y.experts_count};

			*grow[k / 2 % (k % 2 ? 4 : 3)] += (double)(1 + rng_below(&r, 300));
			AT_MOST(gemm_s(&c->machine, &x), gemm_s(&c->machine, &y), 1e-12,
			        "%s: %g x %g x %g", machines[i], x.rows_count, x.depth_count,
			        x.columns_count);
		}
		config_free(c);
	}
}

/* All rates halved and all times doubled: exactly twice as long. */
static void a_slower_machine_takes_longer(void)
{
	for (int i = 0; i < MACHINES; i++) {
		struct config *c = config_of(machines[i], NULL);
		struct machine slow = slower_machine(&c->machine, 2);
		struct rng r;

		rng_init(&r, 2, (uint64_t)i);
		for (int k = 0; k < 500; k++) {
			struct gemm x = random_gemm(&r, &c->machine, k % 2);

			NEARLY(gemm_s(&slow, &x), 2 * gemm_s(&c->machine, &x), 1e-14, "%s",
			       machines[i]);
		}
		config_free(c);
	}
}

/* Never faster than peak and memory allow, all cores busy and every byte read once. */
static void the_roofline_bounds_it(void)
{
	for (int i = 0; i < MACHINES; i++) {
		struct config *c = config_of(machines[i], NULL);
		const struct machine *m = &c->machine;
		struct rng r;

		rng_init(&r, 3, (uint64_t)i);
		for (int k = 0; k < 1000; k++) {
			struct gemm x = random_gemm(&r, m, k % 2);
			double weights = x.depth_count * x.columns_count;
			double flop = 2 * x.rows_count * weights, roof_s;

			weights *= k % 2 ? x.experts_count : 1;
			x.repeated = false;
			roof_s = fmax(flop / machine_peak_flops(m, x.type),
			              weights * dtype_bytes(x.type) / m->hbm.rate_Bps);
			AT_MOST(roof_s, gemm_s(m, &x), 1e-12, "%s", machines[i]);
		}
		config_free(c);
	}
}

/* A machine of one line has neither launches nor tiles: the roofline itself. */
static void one_line_machines_keep_to_the_roofline(void)
{
	struct config *c = config_of("flops:100TFLOPS hbm:1TBps", NULL);
	const struct gemm compute = {1000, 2000, 3000, .type = DTYPE_BF16};
	const struct gemm memory = {1, 2000, 3000, .type = DTYPE_INT8};
	const struct gemm grouped = {4000, 2000, 3000, .experts_count = 2, .type = DTYPE_INT8};

	NEARLY(gemm_s(&c->machine, &compute), 2 * 6e9 / 100e12, 1e-14, "compute");
	NEARLY(gemm_s(&c->machine, &memory), (6e6 + 2000) / 1e12, 1e-14, "memory");
	NEARLY(gemm_s(&c->machine, &grouped), 2 * 24e9 / 100e12, 1e-14, "grouped");
	config_free(c);
}

/* 10 cores of 10 TFLOPS with tiles of 100 x 100, of which 11 take as long as 20. */
static void tiles_come_in_waves(void)
{
	struct config *c = config_of("flops:100TFLOPS hbm:1000TBps", NULL);
	struct gemm x = {100, 1000, 1000, .type = DTYPE_BF16};
	const double tile_s = 2 * 100 * 100 * 1000 / 10e12;

	c->machine.cube.cores = 10, c->machine.cube.tile_rows = 100;
	c->machine.cube.tile_columns = 100, c->machine.cube.granule = 100;
	NEARLY(gemm_s(&c->machine, &x), tile_s, 1e-14, "one wave");
	x.columns_count = 1001;
	NEARLY(gemm_s(&c->machine, &x), 2 * tile_s, 1e-14, "a tile more");
	x.columns_count = 1000, x.rows_count = 1;
	NEARLY(gemm_s(&c->machine, &x), tile_s, 1e-14, "padded to the granule");
	/* loads of 200 x 1000 elements at 100 GB/s take 4 us, longer than computing */
	c->machine.gemm.load_core_Bps = 100e9;
	NEARLY(gemm_s(&c->machine, &x), 4e-6, 1e-14, "loads");
	config_free(c);
}

/* Each field has its own say: 8 x 1000 x 500 in INT8 on 100 TFLOPS and 1 TB/s. */
static void quantised_gemms_pay_on_vector_cores(void)
{
	struct config *c = config_of("flops:100TFLOPS hbm:1TBps", NULL);
	struct gemm_law *law = &c->machine.quantised_gemm;
	struct gemm x = {8, 1000, 500, .type = DTYPE_INT8};
	const double hbm_s = (500e3 + 8e3) / 1e12, cube_s = 2 * 4e6 / 100e12;

	NEARLY(gemm_s(&c->machine, &x), hbm_s, 1e-14, "bare");
	law->exposed_ratio = 0.5;
	NEARLY(gemm_s(&c->machine, &x), hbm_s + cube_s / 2, 1e-14, "exposed");
	law->dequantise_Bps = 8e9; /* 4000 results of 2 bytes: 1 us, the longer one now */
	NEARLY(gemm_s(&c->machine, &x), 1e-6 + hbm_s / 2, 1e-14, "dequantise");
	law->quantise_Bps = 8e9; /* 8000 inputs: 2 us */
	NEARLY(gemm_s(&c->machine, &x), 3e-6 + hbm_s / 2, 1e-14, "quantise");
	x.quantised = true;
	NEARLY(gemm_s(&c->machine, &x), 1e-6 + hbm_s / 2, 1e-14, "quantised before");
	law->launch_s = 1e-3;
	NEARLY(gemm_s(&c->machine, &x), 1e-3 + 1e-6 + hbm_s / 2, 1e-14, "launch");
	x.type = DTYPE_BF16;
	NEARLY(gemm_s(&c->machine, &x), 2 * hbm_s, 1e-14, "BF16 has laws of its own");
	config_free(c);
}

/* ---- attention ---- */

static struct attention random_attention(struct rng *r)
{
	double sequences = 1 + (double)rng_below(r, 128), length = 1 + (double)rng_below(r, 8192);
	double heads = 1 + (double)rng_below(r, 64);

	return (struct attention){.flop_per_pair_count = 4 * heads * 128,
	                          .pairs_count = sequences * length,
	                          .rows_count = sequences,
	                          .heads_count = heads,
	                          .bytes = sequences * length * 512,
	                          .strided = rng_below(r, 2) > 0};
}

static double attention_s(const struct machine *m, const struct attention *x, bool prefill)
{
	struct op op = prefill ? op_prefill_attention(m, "a", x) : op_decode_attention(m, "a", x);

	return op_alone_s(&op);
}

static void attention_keeps_the_laws(void)
{
	for (int i = 0; i < MACHINES; i++) {
		struct config *c = config_of(machines[i], NULL);
		struct machine slow = slower_machine(&c->machine, 2);
		struct rng r;

		rng_init(&r, 4, (uint64_t)i);
		for (int k = 0; k < 1000; k++) {
			struct attention x = random_attention(&r), y = x;
			double *grow[] = {&y.pairs_count, &y.rows_count, &y.bytes, &y.heads_count};
			double x_s = attention_s(&c->machine, &x, k % 2);

			NEARLY(attention_s(&slow, &x, k % 2), 2 * x_s, 1e-14, "%s", machines[i]);
			*grow[rng_below(&r, 4)] *= 1 + rng_uniform_ratio(&r);
			AT_MOST(x_s, attention_s(&c->machine, &y, k % 2), 1e-12, "%s", machines[i]);
			y = x, y.strided = true;
			AT_MOST(x_s, attention_s(&c->machine, &y, k % 2), 1e-12, "%s", machines[i]);
		}
		config_free(c);
	}
}

static void attention_by_hand(void)
{
	struct config *c = config_of("flops:100TFLOPS hbm:1TBps", NULL);
	struct attention x = {.flop_per_pair_count = 1000,
	                      .pairs_count = 1e6,
	                      .rows_count = 100,
	                      .heads_count = 4,
	                      .bytes = 1e8};

	NEARLY(attention_s(&c->machine, &x, true), 1e-4, 1e-14, "memory");
	c->machine.prefill_attention.ramp_count = 90e3; /* as 9e6 pairs more */
	c->machine.prefill_attention.peak_ratio = 0.5;
	NEARLY(attention_s(&c->machine, &x, true), 1e10 / 50e12, 1e-14, "ramp");
	c->machine.decode_attention.head_s = 1e-6;
	c->machine.decode_attention.strided_ratio = 0.5;
	NEARLY(attention_s(&c->machine, &x, false), 400e-6 + 1e-4, 1e-14, "heads");
	x.strided = true;
	NEARLY(attention_s(&c->machine, &x, false), 400e-6 + 2e-4, 1e-14, "strided");
	config_free(c);
}

static const struct unit_test tests[] = {
        {"more is never sooner", more_is_never_sooner},
        {"a slower machine takes longer", a_slower_machine_takes_longer},
        {"the roofline bounds it", the_roofline_bounds_it},
        {"one-line machines keep to the roofline", one_line_machines_keep_to_the_roofline},
        {"tiles come in waves", tiles_come_in_waves},
        {"quantised GEMMs pay on vector cores", quantised_gemms_pay_on_vector_cores},
        {"attention keeps the laws", attention_keeps_the_laws},
        {"attention by hand", attention_by_hand},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("gemm", tests);
}

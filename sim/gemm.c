#include "sim/gemm.h"
#include <math.h>

static double padded(double count, int64_t granule)
{
	return granule > 1 ? ceil(count / (double)granule) * (double)granule : count;
}

static double at_rate(double bytes, double rate_Bps)
{
	return rate_Bps > 0 ? bytes / rate_Bps : 0;
}

static double peak_flops(const struct machine *m, const struct gemm_law *law, enum dtype type)
{
	return machine_peak_flops(m, type) * law->peak_ratio;
}

/* All tiles of that width, in waves over the cores; each is computed or loaded, whichever takes
 * longer. */
static double waves_s(const struct machine *m, const struct gemm_law *law, const struct gemm *x,
                      double tile_columns)
{
	double cores = (double)m->cube.cores;
	double rows =
	        fmin((double)m->cube.tile_rows, padded(fmax(x->rows_count, 1), m->cube.granule));
	double columns = fmin(tile_columns, padded(x->columns_count, m->cube.granule));
	double tiles = ceil(x->rows_count / rows) * ceil(x->columns_count / columns);
	double core_flops = peak_flops(m, law, x->type) / cores;
	double compute_s = 2 * rows * columns * x->depth_count / core_flops;
	double bytes = (rows + columns) * x->depth_count * dtype_bytes(x->type);

	return ceil(tiles / cores) * fmax(compute_s, at_rate(bytes, law->load_core_Bps));
}

/* Kernels choose their tile: narrow ones leave fewer cores idle, wide ones load less. */
static double tiles_s(const struct machine *m, const struct gemm_law *law, const struct gemm *x)
{
	double columns = (double)m->cube.tile_columns, best_s = waves_s(m, law, x, columns);

	while (columns / 2 >= (double)m->cube.granule && columns > 1) {
		columns /= 2;
		best_s = fmin(best_s, waves_s(m, law, x, columns));
	}
	return best_s;
}

/* Scaling of the last tile, which no later one hides. */
static double epilogue_s(const struct machine *m, const struct gemm_law *law, const struct gemm *x)
{
	double rows = fmin(x->rows_count, (double)m->cube.tile_rows);
	double columns = fmin(x->columns_count, (double)m->cube.tile_columns);

	return at_rate(rows * columns * dtype_bytes(DTYPE_BF16), law->epilogue_core_Bps);
}

static struct op op_of(const struct machine *m, const struct gemm_law *law, const char *label,
                       const struct gemm *x, double weights)
{
	struct op op = {.label = label,
	                .flop = 2 * x->rows_count * x->depth_count * x->columns_count,
	                .launches_count = 1,
	                .wait_s = law->launch_s,
	                .launch_s = law->launch_s};

	/* results are written behind the next tile: the tables show no trace of them */
	op.bytes = (weights + x->rows_count * x->depth_count) * dtype_bytes(x->type);
	op.hbm_s = op.bytes / (m->hbm.rate_Bps * law->memory_ratio);
	return op;
}

double quantise_s(const struct machine *m, double elements_count)
{
	return at_rate(elements_count * dtype_bytes(DTYPE_BF16), m->quantised_gemm.quantise_Bps);
}

static double input_s(const struct machine *m, const struct gemm *x)
{
	bool as_it_comes = x->quantised || x->type == DTYPE_BF16;

	return as_it_comes ? 0 : quantise_s(m, x->rows_count * x->depth_count);
}

static void expose(struct op *op, const struct gemm_law *law)
{
	op->wait_s += law->exposed_ratio * fmin(op->cube_s, op->hbm_s);
}

struct op op_gemm(const struct machine *m, const char *label, const struct gemm *x)
{
	const struct gemm_law *law = x->type == DTYPE_BF16 ? &m->gemm : &m->quantised_gemm;
	struct op op = op_of(m, law, label, x, x->depth_count * x->columns_count);
	double result_bytes = x->rows_count * x->columns_count * dtype_bytes(DTYPE_BF16);

	op.cube_s =
	        m->cube.tile_rows > 0 ? tiles_s(m, law, x) : op.flop / peak_flops(m, law, x->type);
	op.cube_s = fmax(op.cube_s, at_rate(result_bytes, law->dequantise_Bps));
	if (x->repeated && op.bytes < law->resident_bytes)
		op.hbm_s *= op.bytes / law->resident_bytes;
	expose(&op, law);
	op.wait_s += input_s(m, x) + epilogue_s(m, law, x);
	return op;
}

struct op op_grouped(const struct machine *m, const char *label, const struct gemm *x)
{
	const struct gemm_law *law = x->type == DTYPE_BF16 ? &m->grouped : &m->quantised_grouped;
	struct op op =
	        op_of(m, law, label, x, x->experts_count * x->depth_count * x->columns_count);
	/* each expert's rows end within a granule, half filled on average */
	double padding = m->cube.granule > 1 ? x->experts_count * (double)m->cube.granule / 2 : 0;

	op.cube_s = 2 * (x->rows_count + padding) * x->depth_count * x->columns_count /
	            peak_flops(m, law, x->type);
	expose(&op, law);
	op.wait_s += input_s(m, x);
	return op;
}

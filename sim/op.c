#include "sim/op.h"
#include <math.h>

double op_alone_s(const struct op *op)
{
	return op->wait_s + fmax(op->cube_s, op->hbm_s);
}

void op_join(struct op *into, const struct op *next)
{
	double alone_s = op_alone_s(into) + op_alone_s(next);

	into->flop += next->flop;
	into->bytes += next->bytes;
	into->cube_s += next->cube_s;
	into->hbm_s += next->hbm_s;
	into->launches_count += next->launches_count;
	into->launch_s += next->launch_s;
	/* one may wait for the cube and the other for HBM: that does not hide */
	into->wait_s = alone_s - fmax(into->cube_s, into->hbm_s);
}

struct op op_elementwise(const struct machine *m, const char *label, double tokens_count,
                         double width_count, double passes_count)
{
	double bytes = 2 * passes_count * tokens_count * width_count * dtype_bytes(DTYPE_BF16);

	return (struct op){.label = label,
	                   .bytes = bytes,
	                   .hbm_s = bytes / machine_hbm_Bps(m),
	                   .wait_s = passes_count * m->cube.launch_s,
	                   .launch_s = passes_count * m->cube.launch_s,
	                   .launches_count = passes_count};
}

uint32_t op_append(struct graph *g, const struct topology *t, const struct op *op, int64_t rank,
                   uint32_t after)
{
	const struct machine *m = t->machine;
	struct use cube = {t->cube + (uint32_t)rank, 1}, hbm = {t->hbm + (uint32_t)rank, 1};
	struct activity a = {.label = op->label,
	                     .rank = (uint32_t)rank,
	                     .latency_s = op->wait_s,
	                     .n_uses = 1,
	                     .after = &after,
	                     .n_after = 1};
	double cores_ratio = op->cores_ratio > 0 ? op->cores_ratio : 1;
	uint32_t end[2];

	/* work in units of the resource's own capacity; a part of the cores works no faster alone
	 */
	a.work_units = op->cube_s * m->cube.bf16_flops * cores_ratio, a.uses = &cube;
	a.cap_per_s = cores_ratio < 1 ? m->cube.bf16_flops * cores_ratio : 0;
	end[0] = graph_append(g, &a);
	a.work_units = op->hbm_s * machine_hbm_Bps(m), a.uses = &hbm, a.cap_per_s = 0;
	a.share_count = m->hbm.compute_streams_count * cores_ratio;
	end[1] = graph_append(g, &a);
	return graph_append(
	        g, &(struct activity){
	                   .label = op->label, .rank = (uint32_t)rank, .after = end, .n_after = 2});
}

uint32_t ops_append(struct graph *g, const struct topology *t, const struct op *ops, size_t n,
                    int64_t rank, uint32_t after)
{
	for (size_t i = 0; i < n; i++)
		after = op_append(g, t, ops + i, rank, after);
	return after;
}

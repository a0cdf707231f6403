#include "sim/attention.h"

struct op op_prefill_attention(const struct machine *m, const char *label,
                               const struct attention *x)
{
	/* a block of queries starts and drains its pipeline of cube and vector steps: as if it saw
	   so many keys more */
	double pairs = x->pairs_count + x->rows_count * m->prefill_attention.ramp_count;

	return (struct op){
	        .label = label,
	        .flop = x->pairs_count * x->flop_per_pair_count,
	        .bytes = x->bytes,
	        .cube_s = pairs * x->flop_per_pair_count /
	                  (m->cube.bf16_flops * m->prefill_attention.peak_ratio),
	        .hbm_s = x->bytes / machine_hbm_Bps(m),
	        .wait_s = m->prefill_attention.launch_s,
	        .launches_count = 1,
	};
}

struct op op_decode_attention(const struct machine *m, const char *label, const struct attention *x)
{
	double flop = x->pairs_count * x->flop_per_pair_count;
	double rate_Bps = m->hbm.rate_Bps * m->decode_attention.memory_ratio;

	if (x->strided)
		rate_Bps *= m->decode_attention.strided_ratio;
	if (x->repeated && x->bytes <= m->decode_attention.resident_bytes)
		rate_Bps = m->decode_attention.resident_Bps;
	return (struct op){
	        .label = label,
	        .flop = flop,
	        .bytes = x->bytes,
	        .cube_s = flop / (m->cube.bf16_flops * m->decode_attention.peak_ratio),
	        .hbm_s = x->bytes / rate_Bps,
	        .wait_s = m->decode_attention.launch_s +
	                  m->decode_attention.head_s * x->rows_count * x->heads_count,
	        .launches_count = 1,
	};
}

#include "sim/streams.h"

bool streams_two(const struct schedule *s)
{
	return s->streams > 1;
}

static bool is_split(const struct schedule *s)
{
	return streams_two(s) && s->attention_cores > 0;
}

int64_t streams_vector_cores(const struct machine *m, const struct schedule *s)
{
	int64_t left;

	if (s->vector_cores > 0 || !is_split(s))
		return s->vector_cores;
	left = m->vector.cores * (m->cube.cores - s->attention_cores) / m->cube.cores;
	return left > 0 ? left : 1; /* 0 would be all */
}

static void law_scale(struct gemm_law *law, double ratio)
{
	law->quantise_Bps *= ratio;
	law->dequantise_Bps *= ratio;
}

void stream_share_of(const struct machine *m, int64_t n_cores, struct stream_share *out)
{
	double ratio = (double)n_cores / (double)m->cube.cores;

	*out = (struct stream_share){.machine = *m, .cores_ratio = ratio};
	if (n_cores == m->cube.cores)
		return;
	out->machine.cube.cores = n_cores;
	out->machine.cube.bf16_flops *= ratio, out->machine.cube.int8_flops *= ratio;
	out->machine.cube.fp8_flops *= ratio, out->machine.cube.fp4_flops *= ratio;
	law_scale(&out->machine.gemm, ratio), law_scale(&out->machine.quantised_gemm, ratio);
	law_scale(&out->machine.grouped, ratio), law_scale(&out->machine.quantised_grouped, ratio);
	out->machine.decode_attention.head_s /= ratio; /* heads are spread over the cores */
}

bool streams_possible(const struct machine *m, const struct schedule *s, const char **why_not)
{
	*why_not = NULL;
	if (s->attention_cores > 0 && !streams_two(s))
		*why_not = "attention_cores needs streams: 2";
	else if (is_split(s) && s->attention_cores >= m->cube.cores)
		*why_not =
		        "attention_cores leaves the experts' stream none of the die's cube cores";
	else if (is_split(s) && s->vector_cores > m->vector.cores *
	                                                  (m->cube.cores - s->attention_cores) /
	                                                  m->cube.cores)
		*why_not = "more vector cores than attention_cores leaves to the experts' stream";
	return *why_not == NULL;
}

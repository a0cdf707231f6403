/* vLLM V1: one token budget for all. Running requests first, one token for each that decodes, then
 * prompts in progress, then new ones in the order they came, the last cut to what is left. Nobody
 * is admitted in a step that had to preempt. No watermark is kept, since the budget spreads
 * admission. */
#include "sim/serve_state.h"

static void plan(struct sim *s, struct group *g)
{
	int64_t before = s->result->preemptions, tokens;
	int64_t budget = s->spec->max_tokens;

	plan_decodes(s, g);
	budget -= (int64_t)g->n_decoding * (1 + s->spec->mtp.drafts);
	plan_continue(s, g, &budget);
	if (s->result->preemptions == before) {
		while (plan_admit(s, g, budget, &tokens))
			budget -= tokens;
	}
	/* prompts in progress may have pushed out a decoding sequence */
	plan_decodes(s, g);
}

const struct batching batch_vllm_v1 = {
        "vllm-v1", "one token budget: decodes, then prompts in progress, then new ones (vLLM V1)",
        false, false, plan};

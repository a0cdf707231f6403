/* vLLM V0: prompts first. A step takes whole prompts from the waiting queue while the number of
 * them times the longest is within the token budget; when there is none it decodes all that run. A
 * prompt longer than the budget goes alone. */
#include "sim/serve_state.h"

static void plan(struct sim *s, struct group *g)
{
	int64_t longest = 0, n = 0, tokens, next;
	int64_t all = INT32_MAX;

	/* prompts whose step was lost with a rank are computed again, by themselves */
	plan_continue(s, g, &all);
	if (g->plan.n_chunks > 0)
		return;
	while ((next = plan_next_tokens(s, g)) > 0) {
		longest = next > longest ? next : longest;
		if (n > 0 && (n + 1) * longest > s->spec->max_tokens)
			break;
		if (!plan_admit(s, g, all, &tokens))
			break;
		n++;
	}
	/* pulled prompts need no step of their own */
	if (g->plan.n_chunks == 0)
		plan_decodes(s, g);
}

const struct batching batch_vllm_v0 = {
        "vllm-v0", "whole prompts first, in steps of their own; else all decode (vLLM V0)", true,
        true, plan};

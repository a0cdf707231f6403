/* Sarathi: chunked prefill under a token budget a step. Decodes first, then prompts in progress,
 * then new ones; the last is cut to what is left. As in vLLM V1, but a prompt is admitted only with
 * room for all of it and above the watermark. */
#include "sim/serve_state.h"

static void plan(struct sim *s, struct group *g)
{
	int64_t budget = s->spec->max_tokens, tokens;

	plan_decodes(s, g);
	budget -= (int64_t)g->n_decoding * (1 + s->spec->mtp.drafts);
	plan_continue(s, g, &budget);
	while (plan_admit(s, g, budget, &tokens))
		budget -= tokens;
	plan_decodes(s, g);
}

const struct batching batch_sarathi = {
        "sarathi", "chunked prefill: decodes, prompts in progress, new ones (Sarathi)", true, true,
        plan};

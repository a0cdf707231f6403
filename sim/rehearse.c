#include "sim/rehearse.h"
#include <stdlib.h>
#include <string.h>
#include "models/base/rng.h"

const char *const skew_names[] = {"even", "hot", "empty", "one", "ragged", NULL};

static bool taken(const uint32_t *expert, int64_t n, uint32_t one)
{
	for (int64_t j = 0; j < n; j++) {
		if (expert[j] == one)
			return true;
	}
	return false;
}

/* top_k distinct experts of one token. */
static void choose(const struct rehearsal *q, struct rng *r, uint32_t *expert)
{
	int64_t experts = q->model->experts, top_k = q->model->top_k;
	bool same = q->skew == SKEW_ONE || (q->skew == SKEW_HOT && rng_below(r, 2) == 0);
	int64_t step = q->skew == SKEW_EMPTY && experts / 3 >= top_k ? 3 : 1;

	for (int64_t j = 0; j < top_k; j++) {
		expert[j] = (uint32_t)j;
		while (!same && (expert[j] % step != 0 || taken(expert, j, expert[j])))
			expert[j] = (uint32_t)rng_below(r, (uint64_t)experts);
		if (!same && j == 0 && step == 1)
			expert[j] = (uint32_t)rng_below(r, (uint64_t)experts);
	}
}

static int64_t tokens_of(const struct rehearsal *q, struct rng *r)
{
	if (q->skew != SKEW_RAGGED)
		return q->tokens;
	return rng_below(r, 3) == 0 ? 0 : (int64_t)rng_below(r, (uint64_t)q->tokens + 1);
}

static void choices_make(const struct rehearsal *q, struct arena *a, struct choices *c)
{
	int64_t top_k = q->model->top_k;
	struct rng r;

	rng_init(&r, q->seed, (uint64_t)q->skew);
	*c = (struct choices){.n_ranks = q->n_ranks, .top_k = top_k};
	c->first = arena_alloc(a, ((size_t)q->n_ranks + 1) * sizeof *c->first);
	for (int64_t rank = 0; rank < q->n_ranks; rank++)
		c->first[rank + 1] = c->first[rank] + tokens_of(q, &r);
	c->expert = arena_alloc(a, (size_t)(c->first[q->n_ranks] * top_k) * sizeof *c->expert);
	for (int64_t t = 0; t < c->first[q->n_ranks]; t++)
		choose(q, &r, c->expert + t * top_k);
}

/* Tokens of the layer: given in the first one, made from the output in later ones. */
static void attention(struct flow_build *b, uint32_t *at)
{
	bool first = b->record->layer == 0;

	stage_delay(b, "attention.core", 0, at, at);
	note_rows(b, at, first ? EFFECT_INPUT : EFFECT_NEXT, UNIT_TOKEN, FORWARD,
	          first ? NULL : &place_output, &place_input);
}

/* Experts of a rank, or of a share of its tokens, or all experts on the rank's own tokens. */
static void experts(void *context, struct flow_build *b, const struct expert_part *p,
                    const uint32_t *after, uint32_t *done)
{
	const struct flow *flow = context;
	int64_t local = b->request->model->experts / b->topology->n_ranks;
	const struct rows *w = b->record->rows;
	struct item *items;
	size_t n = rows_items(w, UNIT_BRANCH, &items);

	stage_delay(b, "expert.gemm", 0, after, done);
	for (size_t i = 0; i < n; i++) {
		const struct item *x = &items[i];
		int64_t branch = x->token * w->choices->top_k + x->choice;
		int64_t index = w->choices->expert[branch] % local;
		int64_t rank = p->at_source ? w->source[x->token] : x->owner;
		const struct shipment part = {.part = p->part, .parts = p->parts};

		if (p->n > 0 && (index < p->first || index >= p->first + p->n))
			continue;
		if (!item_in_part(w, x, &part))
			continue;
		record_row(b->record, done[rank], EFFECT_EXPERT, UNIT_BRANCH, true, x, flow->window,
		           flow->result, rank);
		if (p->weights)
			record_weights_read(b->record, w->choices->expert[branch], rank,
			                    p->weights);
	}
	free(items);
}

static void layer(struct flow_build *b, const struct flow *flow, uint32_t *at)
{
	const struct expert_part all = {0};

	if (flow->layer) {
		flow->layer(b, at, at);
		return;
	}
	flow->dispatch(b, at, at);
	experts((void *)flow, b, &all, at, at);
	record_combine(b->record);
	flow->combine(b, at, at);
}

static void build(const struct rehearsal *q, struct rehearsed *x)
{
	struct flow_build b;
	uint32_t *at = heap_zeroed((size_t)q->n_ranks, sizeof *at);

	x->graph = graph_new();
	topology_init(&x->topology, &x->machine, q->n_ranks, 0, false, x->graph);
	flow_build_init(&b, x->graph, &x->topology, &x->request);
	b.record = &x->record, b.experts = experts, b.experts_context = (void *)q->flow;
	graph_append(x->graph, &(struct activity){.label = "attention.start"});
	for (int64_t i = 0; i < q->layers; i++) {
		record_layer(&x->record, i);
		b.layer = i, b.layers_left = q->layers - 1 - i;
		attention(&b, at);
		layer(&b, q->flow, at);
	}
	graph_check(x->graph);
	flow_build_fini(&b);
	free(at);
}

/* Chosen experts become chosen slots; returns which expert each holds. */
static const uint32_t *choices_place(const struct rehearsal *q, struct rehearsed *x)
{
	const struct choices drawn = x->choices;
	double *load_ratio = arena_alloc(x->arena, (size_t)q->model->experts * sizeof *load_ratio);
	struct placement p;

	for (int64_t i = 0; i < drawn.first[drawn.n_ranks] * drawn.top_k; i++)
		load_ratio[drawn.expert[i]]++;
	placement_make(&q->placement, q->model, q->n_ranks, machine_dies_per_node(q->machine),
	               load_ratio, q->seed, x->arena, &p);
	placement_choices(&p, &drawn, x->arena, &x->choices);
	return p.expert;
}

bool rehearse(const struct rehearsal *q, struct rehearsed *out, const char **why_not)
{
	struct arena *a = arena_new();
	const uint32_t *holds = NULL;

	*out = (struct rehearsed){.arena = a, .machine = *q->machine};
	out->model = placement_model(&q->placement, q->model);
	out->machine.sdma.min_segment_bytes = 0; /* rehearsals have few tokens */
	choices_make(q, a, &out->choices);
	if (!placement_possible(&q->placement, q->model, q->n_ranks, why_not)) {
		arena_free(a);
		return false;
	}
	if (!placement_is_plain(&q->placement))
		holds = choices_place(q, out);
	out->routing = choices_routing(&out->choices, &out->model, a);
	out->request = (struct flow_request){.machine = &out->machine,
	                                     .model = &out->model,
	                                     .routing = &out->routing,
	                                     .phase = q->phase,
	                                     .tokens = q->tokens,
	                                     .dispatch = q->dispatch,
	                                     .options = q->options};
	if (!flow_applies(q->flow, &out->request, why_not)) {
		arena_free(a);
		return false;
	}
	rows_init(&out->rows, &out->choices, out->model.experts, machine_dies_per_node(q->machine));
	out->rows.holds = holds;
	record_init(&out->record, &out->rows);
	out->record.quantises = flow_quantises(&out->request);
	out->record.drop = q->drop, out->record.unset = q->unset;
	out->record.turns_rule = q->turns_rule;
	build(q, out);
	return true;
}

void rehearsed_fini(struct rehearsed *x)
{
	graph_free(x->graph);
	record_fini(&x->record);
	rows_fini(&x->rows);
	arena_free(x->arena);
}

#include "tests/scene.h"
#include "tests/exchange.h"

void scene_init(struct scene *s, const char *machine, const char *model, int64_t ep)
{
	*s = (struct scene){.config = config_of(machine, model),
	                    .schedule = {.ep = ep,
	                                 .tp = 1,
	                                 .micro_batches = 1,
	                                 .dispatch = DTYPE_INT8,
	                                 .weights = DTYPE_INT8,
	                                 .kv = DTYPE_BF16},
	                    .routing = {.file = "", .model = "", .domain = ""}};
	s->q = (struct step_request){.machine = &s->config->machine,
	                             .model = &s->config->model,
	                             .schedule = &s->schedule,
	                             .routing = &s->routing,
	                             .flow = &flow_relay2,
	                             .engine = &engine_fluid};
	scene_decode(s, 1, 0);
}

void scene_fini(struct scene *s)
{
	config_free(s->config);
}

void scene_decode(struct scene *s, double batch, double context)
{
	s->q.phase = PHASE_DECODE;
	s->q.sequences_count = s->q.query_count = batch, s->q.context_count = context;
}

void scene_prefill(struct scene *s, double chunk, double context)
{
	s->q.phase = PHASE_PREFILL;
	s->q.sequences_count = 1, s->q.query_count = chunk, s->q.context_count = context;
}

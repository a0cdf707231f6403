#include "tests/scene.h"
#include "tests/exchange.h"
#include "tests/unit.h"

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

struct step_result request_run(const struct step_request *q)
{
	struct step_result r = {0};
	struct err e = {0};
	char why[128] = "";
	bool possible = step_possible(q, why, sizeof why);

	UNIT_TEXT(why, "");
	CU_ASSERT_TRUE_FATAL(possible);
	CU_ASSERT_EQUAL(step_run(q, &r, &e), RC_OK);
	UNIT_TEXT(e.text, "");
	return r;
}

struct step_result scene_run(const struct scene *s)
{
	return request_run(&s->q);
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

/* A step of its own for tests: the request's pointers lead into the scene, so it must stay where it
 * is. */
#pragma once
#include "sim/step.h"

struct scene {
	struct config *config;
	struct schedule schedule;
	struct routing_spec routing;
	struct step_request q;
};

/* EP as given, TP 1, one micro-batch, INT8 dispatch and weights, BF16 KV, balanced; relay2 under
 * fluid, a decode step of batch 1 without context. */
void scene_init(struct scene *s, const char *machine, const char *model, int64_t ep);
void scene_fini(struct scene *s);

/* The step, which must be possible. */
struct step_result request_run(const struct step_request *q);
struct step_result scene_run(const struct scene *s);

void scene_decode(struct scene *s, double batch, double context);
void scene_prefill(struct scene *s, double chunk, double context);

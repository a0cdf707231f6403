/* Serving under random policies, pools, memory and requests, and what must hold of every log. */
#pragma once
#include "tests/serve_scene.h"

void random_scene(struct serve_scene *s, uint64_t seed, size_t n);

/* Each request is served once, wholly, in the right order of times, or is rejected or lost;
 * Little's law holds to rounding. */
void random_log_check(const struct serve_scene *s);

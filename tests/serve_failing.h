/* A serving set-up whose ranks die, for tests: eight groups that share 32 experts a rank; a step
 * takes 10 ms and more; the first rank dies after 10 s. */
#pragma once
#include "sim/serve_cover.h"
#include "tests/serve_scene.h"

enum { FAILING_REQUESTS = 4000, FAILING_GROUPS = 8, FAILING_EXPERTS = 32 };

void failing_scene_init(struct serve_scene *s);
size_t failing_count(const struct serve_scene *s, enum serve_fate fate);

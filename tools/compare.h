/* What `epsim compare` knows of each flow, and how it tells it. */
#pragma once
#include "sim/explain.h"
#include "tools/run_request.h"

enum { MOST_SIDES = 16 };

struct side {
	const char *flow;
	bool possible;
	char why_not[WHY_SIZE];
	struct run run; /* of one layer's dispatch and combine, alone */
	struct explanation why;
	double waits_count;                 /* synchronisations that one rank goes through */
	double moved_bytes[RESOURCE_KINDS]; /* mean of the resources of a kind */
	struct step_result step;
	struct memory memory;
};

void compare_text(const struct side *s, size_t n, FILE *out);
void compare_json(const struct side *s, size_t n, FILE *out);

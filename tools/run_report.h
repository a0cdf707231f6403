/* What `epsim run` found, as text and as JSON. */
#pragma once
#include "sim/sweep.h"

enum scope { SCOPE_STEP, SCOPE_LAYER, SCOPE_EXCHANGE };

#define GB_BYTES 1e9 /* lint: a unit for print */

struct run {
	const struct config *config;
	struct step_request request;
	enum scope scope;
	struct graph *graph; /* of one layer, or its exchange */
	struct topology topology;
	struct timeline timeline;
	double max_mean_ratio;   /* of expert loads */
	struct step_result step; /* SCOPE_STEP only */
	struct buffer buffers[MOST_BUFFERS];
	size_t n_buffers;
	struct memory memory;
};

void run_report_text(const struct run *r, FILE *out);
void run_report_json(const struct run *r, FILE *out);

/* What `epsim run` found, as text and as JSON. */
#pragma once
#include "sim/spread.h"
#include "tools/run_request.h"

struct run_result {
	struct run run;
	struct spread spread_s;  /* of the step's time, when draws were asked for */
	struct step_result step; /* SCOPE_STEP only */
	struct buffer buffers[MOST_BUFFERS];
	size_t n_buffers;
	struct memory memory;
};

void run_report_text(const struct run_result *m, FILE *out);
void run_report_json(const struct run_result *m, FILE *out);

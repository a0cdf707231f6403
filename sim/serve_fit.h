/* Parameters of a configuration from one measured run: the run is served again and again, until
 * first tokens, times per token and the makespan come nearest to those logged. */
#pragma once
#include "sim/serve_deploy.h"

enum { MOST_FIT = 8 };

struct serve_fit_parameter {
	const char *path;             /* "machine.serving.step" */
	const char *unit;             /* "ms", or "" */
	double value_units, sd_units; /* value: where to start, then the estimate */
};

struct serve_fit_run {
	struct config *config; /* its parameters are set */
	const struct request_list *requests;
	const double *ttft_s, *tpot_s; /* measured, one a request; tpot below 0: none */
	double makespan_s; /* measured, from the first arrival to the last token; 0: unknown */
	const struct engine *engine;
	struct serve_fit_parameter *parameter;
	size_t n;
};

struct serve_fit_result {
	/* of residuals: TTFT against the mean TTFT, TPOT against the mean TPOT, the makespan */
	double rms_ratio;
	size_t runs; /* times that the run was served */
};

/* Gauss-Newton with trust region (GSL) on the logarithms of the parameters; derivatives by
 * differences of 1/32, since times jump where a batch takes another turn. The standard deviations
 * take residuals for independent, which those of a queue are not: they are lower bounds. */
enum rc serve_fit(struct serve_fit_run *run, struct serve_fit_result *out, struct err *e);

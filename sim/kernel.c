#include "sim/kernel.h"
#include <stdio.h>
#include <string.h>

static bool is_named(const struct schedule *s)
{
	return s->kernel && *s->kernel;
}

bool kernel_known(const struct machine *m, const struct schedule *s, enum phase phase,
                  enum exchange_op op, double *out_ratio)
{
	const struct calibration *c = &m->calibration;
	char name[256];

	*out_ratio = 1;
	if (!is_named(s))
		return false;
	snprintf(name, sizeof name, "%s; %s %s", s->kernel, phase_names[phase],
	         op == OP_DISPATCH ? "dispatch" : "combine");
	for (size_t k = 0; k < c->kernels.n; k++) {
		if (strcmp(c->kernels.text[k], name) == 0) {
			*out_ratio = c->kernel_ratios.number[k];
			return true;
		}
	}
	return false;
}

bool kernel_possible(const struct machine *m, const struct schedule *s)
{
	double ratio;

	for (int i = 0; is_named(s) && i < PHASES * EXCHANGE_OPS; i++) {
		if (kernel_known(m, s, (enum phase)(i / EXCHANGE_OPS),
		                 (enum exchange_op)(i % EXCHANGE_OPS), &ratio))
			return true;
	}
	return !is_named(s);
}

void kernel_scale(struct graph *g, uint32_t first, double ratio)
{
	for (uint32_t i = first; ratio != 1 && i < g->n_activities; i++)
		g->work_units[i] *= ratio, g->latency_s[i] *= ratio;
}

#include "sim/kernel.h"
#include <stdio.h>
#include <string.h>

bool kernel_is_named(const struct schedule *s)
{
	return s->kernel && *s->kernel;
}

bool kernel_ratio(const struct machine *m, const struct schedule *s, enum phase phase,
                  enum exchange_op op, double *out, const char **why_not)
{
	const struct calibration *c = &m->calibration;
	char name[256];

	*out = 1;
	if (!kernel_is_named(s))
		return true;
	snprintf(name, sizeof name, "%s; %s %s", s->kernel, phase_names[phase],
	         op == OP_DISPATCH ? "dispatch" : "combine");
	for (size_t k = 0; k < c->kernels.n; k++) {
		if (strcmp(c->kernels.text[k], name) == 0) {
			*out = c->kernel_ratios.number[k];
			return true;
		}
	}
	*why_not = "the machine's calibration knows no such kernel for this phase's dispatch and "
	           "combine";
	return false;
}

void kernel_scale(struct graph *g, uint32_t first, double ratio)
{
	for (uint32_t i = first; ratio != 1 && i < g->n_activities; i++)
		g->work_units[i] *= ratio, g->latency_s[i] *= ratio;
}

/* Constraints: what they say of a point. */
#include <math.h>
#include <string.h>
#include "models/constraint_steps.h"

unsigned constraint_knobs(const struct constraint *c)
{
	return c->knobs;
}

unsigned constraint_pools(const struct constraint *c)
{
	return c->pools;
}

bool constraint_asks_instances(const struct constraint *c)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->step[i].op == OP_INSTANCES)
			return true;
	}
	return false;
}

const char *constraint_text(const struct constraint *c)
{
	return c->text;
}

/* Whose schedule a name is of. Batch and MTP are decode's, chunk is prefill's. */
static const struct schedule *schedule_of(const struct constraint_point *p, const struct step *x,
                                          enum phase plain)
{
	if (x->name == KNOB_CHUNK)
		return p->schedule[PHASE_PREFILL];
	if (x->name == KNOB_BATCH || x->name == KNOB_MTP)
		return p->schedule[PHASE_DECODE];
	return p->schedule[x->pool == PLAIN ? plain : (enum phase)x->pool];
}

static double knob_number(const struct schedule *s, const struct step *x)
{
	const char *slot = (const char *)s + x->field->offset;

	if (x->name == KNOB_DP && s->dp == 0)
		return (double)s->ep / (double)s->tp;
	return x->field->kind == FIELD_CHOICE ? *(const int *)slot : (double)*(const int64_t *)slot;
}

static const char *text_of(const struct schedule *s, const struct constraint_names *names, int name)
{
	switch (name) {
	case TEXT_MACHINE:
		return names->machine;
	case TEXT_MODEL:
		return names->model;
	case TEXT_WORKLOAD:
		return names->workload;
	default:
		return s->flow;
	}
}

static double two(enum op op, double x, double y)
{
	switch (op) {
	case OP_ADD:
		return x + y;
	case OP_SUBTRACT:
		return x - y;
	case OP_MULTIPLY:
		return x * y;
	case OP_DIVIDE:
		return x / y;
	case OP_REMAINDER:
		return fmod(x, y);
	case OP_EQUAL:
		return x == y;
	case OP_DIFFERENT:
		return x != y;
	case OP_LESS:
		return x < y;
	case OP_AT_MOST:
		return x <= y;
	case OP_MORE:
		return x > y;
	case OP_AT_LEAST:
		return x >= y;
	case OP_AND:
		return x != 0 && y != 0;
	default:
		return x != 0 || y != 0;
	}
}

static double asked(const struct step *x, const struct constraint_point *p,
                    const struct constraint_names *names, enum phase plain)
{
	const struct schedule *s = schedule_of(p, x, plain);

	switch (x->op) {
	case OP_KNOB:
		return knob_number(s, x);
	case OP_NPUS:
		return (double)schedule_npus(s);
	case OP_INSTANCES:
		return (double)p->instances[x->pool];
	case OP_WORDS:
		return strcmp(text_of(s, names, x->name), x->word) == 0;
	default:
		return x->number;
	}
}

bool constraint_holds_in(const struct constraint *c, const struct constraint_point *p,
                         const struct constraint_names *names, enum phase plain)
{
	double stack[MOST_STEPS];
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct step *x = c->step + i;

		if (x->op < OP_ADD) {
			stack[n++] = asked(x, p, names, plain);
		} else if (x->op == OP_NOT) {
			stack[n - 1] = stack[n - 1] == 0;
		} else {
			CHECK(n >= 2);
			n--;
			stack[n - 1] = two(x->op, stack[n - 1], stack[n]);
		}
	}
	return stack[0] != 0;
}

bool constraint_holds_at(const struct constraint *c, const struct constraint_point *p,
                         const struct constraint_names *names)
{
	const unsigned prefill = 1U << PHASE_PREFILL, decode = 1U << PHASE_DECODE;

	if (c->pools != decode && !constraint_holds_in(c, p, names, PHASE_PREFILL))
		return false;
	return c->pools == prefill || constraint_holds_in(c, p, names, PHASE_DECODE);
}

bool constraint_holds(const struct constraint *c, const struct schedule *s,
                      const struct constraint_names *names)
{
	return constraint_holds_at(c, &(struct constraint_point){.schedule = {s, s}}, names);
}

/* What a constraint is once read: a list of steps for a stack. Of constraint*.c alone. */
#pragma once
#include "models/constraint.h"
#include "models/sweep_knobs.h"

enum op {
	OP_NUMBER,
	OP_KNOB,  /* its number, or the index of its word */
	OP_WORDS, /* does a text (flow, machine, ...) equal the word? */
	OP_NPUS,
	OP_INSTANCES,
	OP_ADD,
	OP_SUBTRACT,
	OP_MULTIPLY,
	OP_DIVIDE,
	OP_REMAINDER,
	OP_EQUAL,
	OP_DIFFERENT,
	OP_LESS,
	OP_AT_MOST,
	OP_MORE,
	OP_AT_LEAST,
	OP_AND,
	OP_OR,
	OP_NOT,
};

/* Texts that are no field of a schedule stand behind the knobs. */
enum { TEXT_MACHINE = KNOBS, TEXT_MODEL, TEXT_WORKLOAD, NAME_NPUS, NAME_INSTANCES, NAMES };

/* Of a name without a pool: that of the pool which the constraint is about. */
enum { PLAIN = PHASES };

struct step {
	enum op op;
	int name;                  /* KNOB, WORDS: enum knob_id or TEXT_ */
	int pool;                  /* KNOB, WORDS, NPUS, INSTANCES: enum phase or PLAIN */
	const struct field *field; /* KNOB: of the schedule */
	double number;             /* unit: of NUMBER, as the text has it */
	const char *word;          /* WORDS */
};

enum { MOST_STEPS = 256, MOST_DEPTH = 32 };

struct constraint {
	const char *text;
	size_t n;
	unsigned knobs, pools;
	struct step step[];
};

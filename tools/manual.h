/* The man page and the completions of shells, written from the tables of verbs and fields. */
#pragma once
#include "tools/args.h"

void manual_man(FILE *out);
void manual_bash(FILE *out);
void manual_zsh(FILE *out);

/* Where the values of an option come from, for completion. */
enum value_source {
	VALUE_NONE,  /* a flag */
	VALUE_ANY,   /* nothing to offer */
	VALUE_FILE,  /* names of files */
	VALUE_LIST,  /* `epsim list WHAT` */
	VALUE_WORDS, /* these words */
	VALUE_SET,   /* section.key= */
};

struct value {
	enum value_source source;
	const char *list;         /* LIST */
	const char *const *words; /* WORDS, NULL-terminated */
};

struct value value_of(const struct option *o);

/* Calls visit with the dotted path of each key of each section. */
void manual_keys(void (*visit)(void *data, const char *path, const struct field *f), void *data);

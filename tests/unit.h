/* A test program is a table of cases; its main() is `return unit_main("name", tests);`. */
#pragma once
#include <CUnit/CUnit.h>
#include <stdbool.h>

struct unit_test {
	const char *name; /* NULL ends the table */
	void (*run)(void);
};

/* Runs the table and returns the exit status: 1 when a case failed. */
int unit_main(const char *suite, const struct unit_test *tests);

/* Does run() fail a CHECK? It is tried in a child process, whose message is dropped. */
bool unit_aborts(void (*run)(void));

/* Fails the case, and shows both texts, unless they are equal, or got holds want. */
#define UNIT_TEXT(got, want) unit_text(got, want, UNIT_EQUAL, __FILE__, __LINE__)
#define UNIT_HOLDS(got, want) unit_text(got, want, UNIT_HOLDING, __FILE__, __LINE__)

enum unit_match { UNIT_EQUAL, UNIT_HOLDING };
bool unit_text(const char *got, const char *want, enum unit_match match, const char *file,
               unsigned line);

/* Rows of text for people: columns aligned, numbers to the right, no tabs. */
#pragma once
#include <stdio.h>

struct table;

/* headers: NULL-terminated; a header that starts with '<' is left-aligned (the sign is dropped). */
struct table *table_new(const char *const *headers);
void table_free(struct table *t);
__attribute__((format(printf, 2, 3))) void table_cell(struct table *t, const char *fmt, ...);
void table_end_row(struct table *t); /* missing cells are empty; too many fail a CHECK */
void table_print(const struct table *t, FILE *out);

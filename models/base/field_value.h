/* Values of field tables, from node to object. Only for the field_*.c files. */
#pragma once
#include "models/base/field.h"

struct field_reader {
	struct arena *a;
	struct note **notes; /* NULL when nobody asks for them */
	struct err *e;
};

struct field_value {
	double number;    /* unit: SI of the field; or a count, an index, 1 for yes */
	const char *text; /* of TEXT, in the arena */
};

/* Says what is wrong with the value of `path` at a node. A node that is not from a file (line 0)
 * says itself what was read. */
__attribute__((format(printf, 4, 5))) enum rc field_fail(const struct field_reader *r,
                                                         const struct yaml_node *at,
                                                         const char *path, const char *fmt, ...);

/* names: NULL-terminated; what could have stood there. */
enum rc field_unknown_key(const struct field_reader *r, const struct yaml_node *at,
                          const char *path, const char *key, const char *const *names);

/* Every key of the map must be one of names. */
enum rc field_check_keys(const struct field_reader *r, const struct yaml_node *map,
                         const char *path, const char *const *names);

/* Reads one scalar of the kind: f's own, or that of f's items. */
enum rc field_value_read(const struct field_reader *r, const struct field *f, enum field_kind kind,
                         const char *path, const struct yaml_node *node, struct field_value *v);

/* Reads a list, written in any of its forms. */
enum rc field_list_read(const struct field_reader *r, const struct field *f, const char *path,
                        const struct yaml_node *node, struct field_list *list);

/* Reads a value of any kind but GROUP, without annotations, into slot. */
enum rc field_store(const struct field_reader *r, const struct field *f, const char *path,
                    const struct yaml_node *node, void *slot);

/* The text as a node: what a file would hold, with a list's items separated by commas. */
struct yaml_node *field_node(struct arena *a, const struct field *f, const char *where,
                             const char *text);

/* Is this the short form of a list of integers, {from: 8, to: 64, factor: 2}? */
bool field_is_range(const struct field *f, const struct yaml_node *node);

/* A YAML file as a tree with line numbers, over libyaml.
 *
 * What would be read otherwise than its writer meant is refused with file and line: anchors,
 * aliases and merge keys, tags, duplicate keys, a second document, an empty file, NUL bytes,
 * nesting deeper than 32, files above 4 MiB (read no further than that). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "models/base/arena.h"
#include "models/base/err.h"

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	const char *file; /* as the user named it */
	int line;         /* 1-based, of the value */
	int column;       /* likewise; of the text within the quotes */
	const char *key;  /* in a map: its key, else NULL */
	int key_line;     /* 1-based, of the key */
	const char *text; /* of a scalar, else NULL */
	bool quoted;
	struct yaml_node *first; /* of a list or map */
	struct yaml_node *next;  /* sibling */
	size_t n_children;
};

/* The tree lives in the arena. RC_CONFIG for what is wrong with the file. */
enum rc yaml_read(const char *path, struct arena *a, struct yaml_node **root, struct err *e);

/* The same from memory; name stands in messages where a path would. */
enum rc yaml_parse(const char *name, const char *text, size_t n_bytes, struct arena *a,
                   struct yaml_node **root, struct err *e);

/* The child of a map by key, or NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/* RC_CONFIG with "file:line: " before the message; a node with line 0 is not from a file, and the
 * message starts "file: ". */
__attribute__((format(printf, 3, 4))) enum rc yaml_fail(const struct yaml_node *at, struct err *e,
                                                        const char *fmt, ...);

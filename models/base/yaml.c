#include "models/base/yaml.h"
#include <yaml.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libyaml's events rather than its documents: an alias is refused before anything is built. */

enum { MAX_BYTES = 4 * 1024 * 1024, MAX_DEPTH = 32 };

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;    /* the current one; ours to delete */
	struct yaml_node here; /* its file and line, for messages */
	const char *text;
	size_t n_bytes;
	size_t at_chars, at_bytes; /* one place in text, counted both ways */
	struct arena *a;
	struct err *e;
};

enum rc yaml_fail(const struct yaml_node *at, struct err *e, const char *fmt, ...)
{
	char text[sizeof e->text];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (at->line == 0)
		return fail(e, RC_CONFIG, "%s: %s", at->file, text);
	return fail(e, RC_CONFIG, "%s:%d: %s", at->file, at->line, text);
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	for (const struct yaml_node *n = map->first; n; n = n->next) {
		if (n->key && strcmp(n->key, key) == 0)
			return n;
	}
	return NULL;
}

/* ---- places in the text ---------------------------------------------------------------------- */

static int line_at(const char *text, size_t n_bytes)
{
	const char *end = text + n_bytes;
	int line = 1;

	while ((text = memchr(text, '\n', (size_t)(end - text)))) {
		text++;
		line++;
	}
	return line;
}

/* The byte at a mark of libyaml, which counts characters; 0 at the end of the text. Marks of
 * successive events only go forward, so the whole file is walked once. */
static char byte_at(struct reader *r, size_t n_chars)
{
	if (n_chars < r->at_chars)
		r->at_chars = r->at_bytes = 0;
	while (r->at_chars < n_chars && r->at_bytes < r->n_bytes) {
		do
			r->at_bytes++;
		while (r->at_bytes < r->n_bytes && (r->text[r->at_bytes] & 0xc0) == 0x80);
		r->at_chars++;
	}
	return r->at_bytes < r->n_bytes ? r->text[r->at_bytes] : '\0';
}

/* ---- events ---------------------------------------------------------------------------------- */

static enum rc syntax_error(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	size_t line = p->problem_mark.line;

	if (p->error == YAML_MEMORY_ERROR)
		return fail(r->e, RC_INTERNAL, "%s: out of memory", r->here.file);
	if (p->error == YAML_READER_ERROR) { /* has an offset but no mark */
		r->here.line = line_at(r->text, p->problem_offset);
		return yaml_fail(&r->here, r->e, "%s; the file must be text in UTF-8", p->problem);
	}
	r->here.line = (int)line + 1;
	if (byte_at(r, p->problem_mark.index) == '\t')
		return yaml_fail(&r->here, r->e, "a tab where YAML allows none; use spaces");
	if (!p->context)
		return yaml_fail(&r->here, r->e, "%s", p->problem);
	return yaml_fail(&r->here, r->e, "%s %s that starts on line %zu", p->problem, p->context,
	                 p->context_mark.line + 1);
}

static enum rc next_event(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (!yaml_parser_parse(&r->parser, &r->event))
		return syntax_error(r);
	r->here.line = (int)r->event.start_mark.line + 1;
	return RC_OK;
}

/* What may stand before a node: nothing. */
static enum rc refuse_properties(struct reader *r)
{
	const yaml_event_t *event = &r->event;
	const yaml_char_t *anchor = NULL;

	if (event->type == YAML_ALIAS_EVENT)
		return yaml_fail(&r->here, r->e, "an alias (*%s) is not read; write the value out",
		                 event->data.alias.anchor);
	if (event->type == YAML_SCALAR_EVENT)
		anchor = event->data.scalar.anchor;
	else if (event->type == YAML_SEQUENCE_START_EVENT)
		anchor = event->data.sequence_start.anchor;
	else if (event->type == YAML_MAPPING_START_EVENT)
		anchor = event->data.mapping_start.anchor;
	if (anchor)
		return yaml_fail(&r->here, r->e, "an anchor (&%s) is not read; remove it", anchor);
	/* libyaml drops the tag "!" from the event, so the text itself is asked. */
	if (byte_at(r, event->start_mark.index) == '!')
		return yaml_fail(&r->here, r->e, "a tag (!) is not read; remove it");
	return RC_OK;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static enum rc scalar_text(struct reader *r, const char **text)
{
	const char *value = (const char *)r->event.data.scalar.value;
	size_t n_bytes = r->event.data.scalar.length;

	if (memchr(value, '\0', n_bytes))
		return yaml_fail(&r->here, r->e, "a NUL character (\\0) is not allowed");
	*text = arena_copy(r->a, value, n_bytes);
	return RC_OK;
}

static enum rc key_read(struct reader *r, const char **key)
{
	TRY(refuse_properties(r));
	if (r->event.type != YAML_SCALAR_EVENT)
		return yaml_fail(&r->here, r->e, "a key must be plain text, not a list or map");
	TRY(scalar_text(r, key));
	if (**key == '\0')
		return yaml_fail(&r->here, r->e, "a key must not be empty");
	if (strcmp(*key, "<<") == 0)
		return yaml_fail(&r->here, r->e,
		                 "a merge key (<<) is not read; write its keys out");
	return RC_OK;
}

static int by_key_and_line(const void *a, const void *b)
{
	const struct yaml_node *x = *(const struct yaml_node *const *)a;
	const struct yaml_node *y = *(const struct yaml_node *const *)b;
	int order = strcmp(x->key, y->key);

	return order ? order : (x->key_line > y->key_line) - (x->key_line < y->key_line);
}

/* Sorted, as a hostile file may have a million keys. */
static enum rc refuse_duplicates(struct reader *r, const struct yaml_node *map)
{
	const struct yaml_node **sorted = heap_zeroed(map->n_children, sizeof(struct yaml_node *));
	const struct yaml_node *first = NULL, *again = NULL;
	size_t n = 0;

	for (const struct yaml_node *child = map->first; child; child = child->next)
		sorted[n++] = child;
	qsort(sorted, n, sizeof(struct yaml_node *), by_key_and_line);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0 &&
		    (!again || sorted[i]->key_line < again->key_line))
			first = sorted[i - 1], again = sorted[i];
	}
	free(sorted);
	if (!again)
		return RC_OK;
	r->here.line = again->key_line;
	return yaml_fail(&r->here, r->e, "key '%.60s' is already given on line %d; keep one",
	                 again->key, first->key_line);
}

static enum rc node_read(struct reader *r, int depth, struct yaml_node **out);

static enum rc list_read(struct reader *r, int depth, struct yaml_node *list)
{
	struct yaml_node **end = &list->first;

	for (;;) {
		TRY(next_event(r));
		if (r->event.type == YAML_SEQUENCE_END_EVENT)
			return RC_OK;
		TRY(node_read(r, depth + 1, end));
		end = &(*end)->next;
		list->n_children++;
	}
}

static enum rc map_read(struct reader *r, int depth, struct yaml_node *map)
{
	struct yaml_node **end = &map->first;

	for (;;) {
		const char *key;
		int key_line;

		TRY(next_event(r));
		if (r->event.type == YAML_MAPPING_END_EVENT)
			return refuse_duplicates(r, map);
		key_line = r->here.line;
		TRY(key_read(r, &key));
		TRY(next_event(r));
		TRY(node_read(r, depth + 1, end));
		(*end)->key = key;
		(*end)->key_line = key_line;
		end = &(*end)->next;
		map->n_children++;
	}
}

/* The node that starts with the current event; the last event of the node is current after. */
static enum rc node_read(struct reader *r, int depth, struct yaml_node **out)
{
	struct yaml_node *node = arena_alloc(r->a, sizeof *node);

	TRY(refuse_properties(r));
	*node = r->here;
	*out = node;
	node->column = (int)r->event.start_mark.column + 1;
	if (r->event.type == YAML_SCALAR_EVENT) {
		node->kind = YAML_SCALAR;
		node->quoted = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
		node->column += node->quoted;
		return scalar_text(r, &node->text);
	}
	if (depth > MAX_DEPTH)
		return yaml_fail(&r->here, r->e, "lists and maps are nested deeper than %d",
		                 MAX_DEPTH);
	if (r->event.type == YAML_SEQUENCE_START_EVENT) {
		node->kind = YAML_LIST;
		return list_read(r, depth, node);
	}
	CHECK(r->event.type == YAML_MAPPING_START_EVENT);
	node->kind = YAML_MAP;
	return map_read(r, depth, node);
}

/* ---- files ----------------------------------------------------------------------------------- */

static enum rc document_read(struct reader *r, struct yaml_node **root)
{
	const struct yaml_node *n;

	TRY(next_event(r)); /* the stream */
	TRY(next_event(r)); /* the document */
	if (r->event.type == YAML_STREAM_END_EVENT)
		return fail(r->e, RC_CONFIG, "%s: the file is empty", r->here.file);
	TRY(next_event(r));
	TRY(node_read(r, 1, root));
	n = *root;
	if (n->kind == YAML_SCALAR && !n->quoted && n->text[0] == '\0')
		return fail(r->e, RC_CONFIG, "%s: the file is empty", r->here.file);
	TRY(next_event(r)); /* the end of the document */
	TRY(next_event(r));
	if (r->event.type != YAML_STREAM_END_EVENT)
		return yaml_fail(&r->here, r->e, "a second document (---) starts; keep one a file");
	return RC_OK;
}

enum rc yaml_parse(const char *name, const char *text, size_t n_bytes, struct arena *a,
                   struct yaml_node **root, struct err *e)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	struct reader r = {.here.file = arena_string(a, name), .a = a, .e = e};
	struct yaml_node *tree = NULL;
	const char *nul;
	enum rc rc;

	if (n_bytes > MAX_BYTES)
		return fail(e, RC_CONFIG, "%s: larger than 4 MiB; not a configuration", name);
	nul = memchr(text, '\0', n_bytes);
	if (nul) {
		r.here.line = line_at(text, (size_t)(nul - text));
		return yaml_fail(&r.here, e, "a NUL byte; the file must be text in UTF-8");
	}
	if (n_bytes >= 3 && memcmp(text, byte_order_mark, 3) == 0)
		text += 3, n_bytes -= 3;
	r.text = text;
	r.n_bytes = n_bytes;
	CHECK(yaml_parser_initialize(&r.parser));
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n_bytes);
	rc = document_read(&r, &tree);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	if (rc == RC_OK)
		*root = tree;
	return rc;
}

enum rc yaml_read(const char *path, struct arena *a, struct yaml_node **root, struct err *e)
{
	FILE *in = fopen(path, "rb");
	char *text;
	size_t n_bytes;
	enum rc rc;

	if (!in)
		return fail(e, RC_CONFIG, "%s: cannot open: %s", path, strerror(errno));
	text = heap_zeroed(MAX_BYTES + 1, 1); /* one more byte tells that there is more */
	n_bytes = fread(text, 1, MAX_BYTES + 1, in);
	if (ferror(in))
		rc = fail(e, RC_CONFIG, "%s: cannot read: %s", path, strerror(errno));
	else
		rc = yaml_parse(path, text, n_bytes, a, root, e);
	free(text);
	fclose(in);
	return rc;
}

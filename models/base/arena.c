#include "models/base/arena.h"
#include "models/base/err.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ALIGN_BYTES = _Alignof(max_align_t),
	BLOCK_BYTES = 64 * 1024, /* large enough to make malloc rare, small beside any run */
};

struct block {
	struct block *next;
	size_t used_bytes, size_bytes;
	max_align_t data[];
};

struct arena {
	struct block *first; /* the one being filled */
};

struct arena *arena_new(void)
{
	return heap_zeroed(1, sizeof(struct arena));
}

void arena_free(struct arena *a)
{
	struct block *next;

	for (struct block *b = a ? a->first : NULL; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

static struct block *block_new(size_t size_bytes)
{
	struct block *b;

	CHECK(size_bytes <= SIZE_MAX - sizeof *b);
	b = heap_zeroed(1, sizeof *b + size_bytes);
	b->size_bytes = size_bytes;
	return b;
}

/* The block that has room for n_bytes. A large request gets a block of its own, behind the one
 * being filled, whose free space is not lost. */
static struct block *block_for(struct arena *a, size_t n_bytes)
{
	struct block *b = a->first;

	if (b && b->size_bytes - b->used_bytes >= n_bytes)
		return b;
	if (b && n_bytes > BLOCK_BYTES / 4) {
		struct block *own = block_new(n_bytes);

		own->next = b->next;
		b->next = own;
		return own;
	}
	b = block_new(n_bytes > BLOCK_BYTES ? n_bytes : BLOCK_BYTES);
	b->next = a->first;
	a->first = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t n_bytes)
{
	struct block *b;
	void *p;

	CHECK(n_bytes <= SIZE_MAX - ALIGN_BYTES);
	n_bytes = n_bytes ? (n_bytes + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES : ALIGN_BYTES;
	b = block_for(a, n_bytes);
	p = (char *)b->data + b->used_bytes;
	b->used_bytes += n_bytes;
	return p;
}

char *arena_copy(struct arena *a, const char *text, size_t n_chars)
{
	char *copy;

	CHECK(n_chars < SIZE_MAX);
	copy = arena_alloc(a, n_chars + 1);
	if (n_chars)
		memcpy(copy, text, n_chars);
	return copy;
}

char *arena_string(struct arena *a, const char *text)
{
	return arena_copy(a, text, strlen(text));
}

char *arena_vprint(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *text;
	int n_chars;

	va_copy(again, ap);
	n_chars = vsnprintf(NULL, 0, fmt, ap);
	CHECK(n_chars >= 0);
	text = arena_alloc(a, (size_t)n_chars + 1);
	vsnprintf(text, (size_t)n_chars + 1, fmt, again);
	va_end(again);
	return text;
}

char *arena_print(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = arena_vprint(a, fmt, ap);
	va_end(ap);
	return text;
}

void *heap_zeroed(size_t n_items, size_t item_bytes)
{
	void *p = calloc(n_items ? n_items : 1, item_bytes ? item_bytes : 1);

	CHECK(p != NULL);
	return p;
}

void *heap_resize(void *old, size_t n_items, size_t item_bytes)
{
	size_t n_bytes;
	void *p;

	CHECK(item_bytes == 0 || n_items <= SIZE_MAX / item_bytes);
	n_bytes = n_items * item_bytes;
	p = realloc(old, n_bytes ? n_bytes : 1);
	CHECK(p != NULL);
	return p;
}

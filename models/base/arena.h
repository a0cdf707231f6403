/* Memory that lives as long as a run: allocate freely, free once. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

struct arena;

struct arena *arena_new(void); /* aborts by CHECK when there is no memory, as all calls here do */
void arena_free(struct arena *a);

/* Zeroed, aligned for any type. n_bytes may be 0. */
void *arena_alloc(struct arena *a, size_t n_bytes);
char *arena_copy(struct arena *a, const char *text, size_t n_chars); /* NUL is added */
char *arena_string(struct arena *a, const char *text);
__attribute__((format(printf, 2, 3))) char *arena_print(struct arena *a, const char *fmt, ...);
__attribute__((format(printf, 2, 0))) char *arena_vprint(struct arena *a, const char *fmt,
                                                         va_list ap);

/* Heap memory outside any arena. They never return NULL; free() ends it. */
void *heap_zeroed(size_t n_items, size_t item_bytes);
void *heap_resize(void *old, size_t n_items, size_t item_bytes);

/* A prefix cache: blocks of prompts by name, least recently used out first. Blocks in use are
 * pinned; idle ones take KV memory that nobody else needs. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct prefix;

struct prefix *prefix_new(void);
void prefix_free(struct prefix *p);

/* How many of the blocks, from the first on, are there. */
uint32_t prefix_match(const struct prefix *p, const uint32_t *block, uint32_t n_blocks);
/* Pins a block, which is added when it is not there; returns 1 when nobody had pinned it before. */
int prefix_pin(struct prefix *p, uint32_t block);
/* Takes one pin back; returns 1 when nobody pins it any more: it is then the newest idle one. */
int prefix_unpin(struct prefix *p, uint32_t block);
/* Drops the oldest idle blocks until there are at most n_idle. */
void prefix_trim(struct prefix *p, int64_t n_idle);
int64_t prefix_idle(const struct prefix *p);

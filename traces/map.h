/* Keys of bytes to small numbers, in the order in which keys first come. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct map {
	uint32_t n;      /* keys so far: 0 .. n - 1 */
	uint32_t room;   /* slots, a power of two */
	uint32_t *slot;  /* key number + 1; 0: empty */
	uint64_t *hash;  /* of each key */
	size_t *key_end; /* in bytes, of each key */
	char *byte;
	size_t n_bytes, bytes_room;
	uint32_t keys_room;
};

void map_init(struct map *m);
void map_fini(struct map *m);

/* The number of the key; a key that is new gets the number that m->n had. */
uint32_t map_number(struct map *m, const void *key, size_t n_bytes);

#include "traces/map.h"
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"

enum { FIRST_ROOM = 64 };

void map_init(struct map *m)
{
	*m = (struct map){.room = FIRST_ROOM};
	m->slot = heap_zeroed(m->room, sizeof *m->slot);
}

void map_fini(struct map *m)
{
	free(m->slot);
	free(m->hash);
	free(m->key_end);
	free(m->byte);
}

/* FNV-1a, and the high bits folded into the low ones that choose the slot. */
static uint64_t hash_of(const unsigned char *key, size_t n_bytes)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < n_bytes; i++)
		hash = (hash ^ key[i]) * 0x100000001b3;
	return hash ^ hash >> 32;
}

static size_t key_begin(const struct map *m, uint32_t i)
{
	return i ? m->key_end[i - 1] : 0;
}

static void rehash(struct map *m)
{
	free(m->slot);
	m->room *= 2;
	m->slot = heap_zeroed(m->room, sizeof *m->slot);
	for (uint32_t i = 0; i < m->n; i++) {
		uint32_t at = (uint32_t)m->hash[i] & (m->room - 1);

		while (m->slot[at])
			at = (at + 1) & (m->room - 1);
		m->slot[at] = i + 1;
	}
}

static void key_append(struct map *m, const void *key, size_t n_bytes, uint64_t hash)
{
	if (m->n == m->keys_room) {
		m->keys_room = m->keys_room ? 2 * m->keys_room : FIRST_ROOM;
		m->hash = heap_resize(m->hash, m->keys_room, sizeof *m->hash);
		m->key_end = heap_resize(m->key_end, m->keys_room, sizeof *m->key_end);
	}
	if (m->n_bytes + n_bytes > m->bytes_room) {
		m->bytes_room = 2 * (m->n_bytes + n_bytes);
		m->byte = heap_resize(m->byte, m->bytes_room, 1);
	}
	if (n_bytes > 0)
		memcpy(m->byte + m->n_bytes, key, n_bytes);
	m->n_bytes += n_bytes;
	m->hash[m->n] = hash;
	m->key_end[m->n] = m->n_bytes;
	m->n++;
}

uint32_t map_number(struct map *m, const void *key, size_t n_bytes)
{
	uint64_t hash = hash_of(key, n_bytes);
	uint32_t at = (uint32_t)hash & (m->room - 1);

	for (; m->slot[at]; at = (at + 1) & (m->room - 1)) {
		uint32_t i = m->slot[at] - 1;

		if (m->hash[i] == hash && m->key_end[i] - key_begin(m, i) == n_bytes &&
		    (n_bytes == 0 || memcmp(m->byte + key_begin(m, i), key, n_bytes) == 0))
			return i;
	}
	key_append(m, key, n_bytes, hash);
	m->slot[at] = m->n;
	if (2 * m->n > m->room)
		rehash(m);
	return m->n - 1;
}

/* SHA-256 (FIPS 180-4), to tell whether two inputs are the same. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct digest {
	uint32_t state[8];
	uint64_t n_bytes;
	unsigned char block[64];
};

void digest_init(struct digest *d);
void digest_add(struct digest *d, const void *bytes, size_t n_bytes);
void digest_end(struct digest *d, unsigned char out[32]); /* d must not be used on */

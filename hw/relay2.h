/* A slot of relay2's window: a row, its scale on a line of 32 bytes, and whose row it is. */
#pragma once
#include <stdint.h>

struct triple {
	int32_t rank, token, choice;
};

struct slot_tail {
	float scale; /* unit: 1 */
	int32_t pad[7];
	struct triple triple;
};

enum { SLOT_ALIGN_BYTES = 512 };

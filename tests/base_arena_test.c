#include "models/base/arena.h"
#include "models/base/rng.h"
#include "tests/unit.h"
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool all_bytes_are(const unsigned char *p, size_t n, unsigned char byte)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != byte)
			return false;
	}
	return true;
}

/* Many blocks of all sizes: zeroed, aligned, and none overlaps another. */
static void blocks_are_zeroed_aligned_and_apart(void)
{
	enum { N = 3000 };
	struct arena *a = arena_new();
	unsigned char *block[N];
	size_t size_bytes[N];
	struct rng r;
	int wrong = 0;

	rng_init(&r, 1, 0);
	for (int i = 0; i < N; i++) {
		size_bytes[i] = rng_below(&r, i % 100 == 0 ? 200000 : 300);
		block[i] = arena_alloc(a, size_bytes[i]);
		wrong += (uintptr_t)block[i] % _Alignof(max_align_t) != 0;
		wrong += !all_bytes_are(block[i], size_bytes[i], 0);
		memset(block[i], i % 251, size_bytes[i]);
	}
	for (int i = 0; i < N; i++)
		wrong += !all_bytes_are(block[i], size_bytes[i], (unsigned char)(i % 251));
	CU_ASSERT_EQUAL(wrong, 0);
	arena_free(a);
}

static void nothing_is_still_a_block(void)
{
	struct arena *a = arena_new();
	void *x = arena_alloc(a, 0), *y = arena_alloc(a, 0);

	CU_ASSERT_PTR_NOT_NULL(x);
	CU_ASSERT_PTR_NOT_EQUAL(x, y);
	arena_free(a);
	arena_free(NULL);
}

/* A large request does not waste what is left of the block in use. */
static void a_large_block_leaves_room(void)
{
	struct arena *a = arena_new();
	char *x = arena_alloc(a, 16), *y;

	arena_alloc(a, 1 << 20);
	y = arena_alloc(a, 16);
	CU_ASSERT_PTR_EQUAL(y, x + 16);
	arena_free(a);
}

static void text_is_copied(void)
{
	struct arena *a = arena_new();
	char text[] = "dispatch";
	char *whole = arena_string(a, text), *part = arena_copy(a, text, 4);

	memset(text, 'x', sizeof text - 1);
	UNIT_TEXT(whole, "dispatch");
	UNIT_TEXT(part, "disp");
	UNIT_TEXT(arena_copy(a, NULL, 0), "");
	UNIT_TEXT(arena_print(a, "%s[%d]", part, 7), "disp[7]");
	UNIT_TEXT(arena_print(a, "%s", ""), "");
	CU_ASSERT_EQUAL(strlen(arena_print(a, "%100000d", 1)), 100000);
	arena_free(a);
}

static void heap_grows_and_keeps(void)
{
	int *x = heap_zeroed(4, sizeof *x);

	CU_ASSERT(x[0] == 0 && x[3] == 0);
	x[3] = 9;
	x = heap_resize(x, 1000, sizeof *x);
	CU_ASSERT_EQUAL(x[3], 9);
	x = heap_resize(x, 0, sizeof *x);
	CU_ASSERT_PTR_NOT_NULL(x);
	free(x);
	x = heap_zeroed(0, 0);
	CU_ASSERT_PTR_NOT_NULL(x);
	free(x);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"blocks are zeroed, aligned and apart", blocks_are_zeroed_aligned_and_apart},
	        {"nothing is still a block", nothing_is_still_a_block},
	        {"a large block leaves room", a_large_block_leaves_room},
	        {"text is copied", text_is_copied},
	        {"heap grows and keeps", heap_grows_and_keeps},
	        {NULL, NULL},
	};

	return unit_main("base_arena", tests);
}

/* ctest: 240 */
/* No reader crashes, hangs or speaks without a line, whatever it is fed: seeds cut at every byte,
 * and seeds changed at random (always the same changes). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"
#include "models/base/rng.h"
#include "tests/seeds.h"
#include "tests/unit.h"

enum { ROW_EVENTS = 9 }; /* most that one row gives: step_trace_time */

static void seed_cut(const struct seed *s)
{
	size_t n_bytes;
	char *bytes = file_bytes(s->path, &n_bytes);
	struct feeder f;
	struct fed fed;
	uint64_t n_most = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	feeder_open(&f, s->path);
	for (size_t n = 0; n <= n_bytes; n++) {
		feeder_feed(&f, s->reader, bytes, n, &fed);
		/* but for the row that is cut, more of a file never has fewer events; a database is
		   read as a whole */
		CU_ASSERT_TRUE(fed.n_events + ROW_EVENTS >= n_most ||
		               s->reader == &reader_database);
		n_most = fed.n_events > n_most ? fed.n_events : n_most;
	}
	CU_ASSERT_EQUAL(fed.rc, RC_OK);
	CU_ASSERT_EQUAL(fed.n_events, s->n_events);
	feeder_close(&f);
	free(bytes);
}

static void seeds_cut_at_every_byte(void)
{
	for (const struct seed *s = seeds; s->path; s++)
		seed_cut(s);
}

/* What readers look at, beside bytes at random. */
static const char *const pieces[] = {
        "\"",
        ",",
        "\n",
        "{",
        "}",
        "[",
        "]",
        ":",
        "N/A",
        "-1",
        "9223372036854775807",
        "\t",
        "1e9",
        ".",
        "nan",
        "|",
        "#",
        "\"\"",
        "\\u0000",
        "null",
        "4294967295",
        "1e-9",
        "%s",
        "-",
        "@",
        "\r",
        " ",
        "\xff\xfe",
        "0",
};
enum { PIECES = sizeof pieces / sizeof *pieces, ROUNDS = 400, MOST_CHANGES = 4 };

static size_t change(char *bytes, size_t n, size_t room, struct rng *r)
{
	const char *piece = pieces[rng_below(r, PIECES)];
	size_t m = strlen(piece), at = (size_t)rng_below(r, n + 1), cut;

	switch (rng_below(r, 4)) {
	case 0: /* one byte becomes any other */
		if (at < n)
			bytes[at] = (char)rng_u32(r);
		return n;
	case 1: /* a piece comes in */
		if (n + m > room)
			return n;
		memmove(bytes + at + m, bytes + at, n - at);
		memcpy(bytes + at, piece, m);
		return n + m;
	case 2: /* some bytes go */
		cut = (size_t)rng_below(r, (n - at < 40 ? n - at : 40) + 1);
		memmove(bytes + at, bytes + at + cut, n - at - cut);
		return n - cut;
	default: /* some are doubled */
		cut = (size_t)rng_below(r, (n - at < 40 ? n - at : 40) + 1);
		if (n + cut > room)
			return n;
		memmove(bytes + at + cut, bytes + at, n - at);
		return n + cut;
	}
}

static void seed_change(const struct seed *s, uint64_t stream)
{
	size_t n_bytes, room;
	char *bytes = file_bytes(s->path, &n_bytes), *changed;
	struct feeder f;
	struct rng r;
	struct fed fed;

	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	room = n_bytes + 1024;
	changed = heap_zeroed(room, 1);
	rng_init(&r, 0, stream);
	feeder_open(&f, s->path);
	for (int round = 0; round < ROUNDS; round++) {
		size_t n = n_bytes, changes = 1 + (size_t)rng_below(&r, MOST_CHANGES);

		memcpy(changed, bytes, n);
		while (changes-- > 0)
			n = change(changed, n, room, &r);
		feeder_feed(&f, s->reader, changed, n, &fed);
		CU_ASSERT_TRUE(fed.rc == RC_OK || fed.rc == RC_DATA);
	}
	feeder_close(&f);
	free(changed);
	free(bytes);
}

static void changed_seeds_are_read_or_refused(void)
{
	for (const struct seed *s = seeds; s->path; s++)
		seed_change(s, (uint64_t)(s - seeds));
}

/* Every reader is fed every other format's file. */
static void seeds_of_other_formats_are_read_or_refused(void)
{
	for (const struct seed *s = seeds; s->path; s++) {
		size_t n_bytes;
		char *bytes = file_bytes(s->path, &n_bytes);

		CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
		for (size_t i = 0; trace_readers[i]; i++) {
			struct feeder f;
			struct fed fed;

			feeder_open(&f, s->path);
			feeder_feed(&f, trace_readers[i], bytes, n_bytes, &fed);
			if (trace_readers[i] == s->reader)
				CU_ASSERT_EQUAL(fed.n_events, s->n_events);
			feeder_close(&f);
		}
		free(bytes);
	}
}

/* Files of a known format that say what cannot be. */
static const struct refused {
	const char *path;
	const struct trace_reader *reader;
	const char *says;
} refused[] = {
        {"tests/seeds/refused/step_trace_negative.csv", &reader_step_trace,
         ":2: 'Computing' is '-01'; no time is below 0"},
        {"tests/seeds/refused/kernel_negative.csv", &reader_kernel_details,
         ":2: 'Duration(us)' is '-1.5'; no time is below 0"},
};

static void what_cannot_be_is_refused(void)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		size_t n_bytes;
		char *bytes = file_bytes(refused[i].path, &n_bytes);
		struct feeder f;
		struct fed fed;

		CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
		feeder_open(&f, refused[i].path);
		feeder_feed(&f, refused[i].reader, bytes, n_bytes, &fed);
		CU_ASSERT_EQUAL(fed.rc, RC_DATA);
		UNIT_HOLDS(fed.e.text, refused[i].says);
		CU_ASSERT_EQUAL(fed.n_events, 0);
		feeder_close(&f);
		free(bytes);
	}
}

static const struct unit_test tests[] = {
        {"seeds cut at every byte", seeds_cut_at_every_byte},
        {"changed seeds are read or refused", changed_seeds_are_read_or_refused},
        {"what cannot be is refused", what_cannot_be_is_refused},
        {"seeds of other formats are read or refused", seeds_of_other_formats_are_read_or_refused},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("trace_cut", tests);
}

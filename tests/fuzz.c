/* A fuzzer's door to the trace readers: see tools/fuzz. $FUZZ_READER names the format. */
#include <stdlib.h>
#include <string.h>
#include "tests/seeds.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
	static struct feeder
	        feeder; /* kept open from one input to the next: the only place for it */
	static const struct trace_reader *reader;
	struct fed fed;

	if (!reader) {
		const char *name = getenv("FUZZ_READER");

		reader = name ? trace_reader_named(name) : NULL;
		CHECK(reader != NULL);
		feeder_open(&feeder, "alltoallv");
	}
	feeder_feed(&feeder, reader, bytes, n_bytes, &fed);
	return 0;
}

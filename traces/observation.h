/* Observations from CSV files; OBSERVATIONS.md describes the columns. */
#pragma once
#include "models/base/arena.h"
#include "models/base/err.h"
#include "models/observation.h"

/* Rows that were passed over, by reason. */
struct skip {
	const char *why;
	size_t n;
};

enum { MOST_SKIPS = 32 };

struct observations {
	struct observation *row;
	size_t n, room;
	struct skip skip[MOST_SKIPS];
	size_t n_skips;
	const char *as_flow; /* flow of rows that name none; NULL: they are skipped */
	struct arena *arena; /* holds all text */
};

void observations_init(struct observations *set);
void observations_fini(struct observations *set);

/* Appends the rows of a file. Rows without machine or flow (as_flow aside) are skipped and counted,
 * and so is a whole file without the columns of an observation. What is there and wrong is RC_DATA,
 * with file, line and column. What a row leaves open is assumed (see OBSERVATIONS.md), from the
 * machines and models in configs/, and said in the row. */
enum rc observations_read(struct observations *set, const char *path, struct err *e);

void observations_skip(struct observations *set, const char *why, size_t n);

/* A checksum of the rows that a fit depends on; the same for any order of them. */
uint64_t observations_digest(const struct observation *const *row, size_t n);

/* ---- byte conventions behind a bandwidth ---- */

struct byte_convention {
	const char *name;
	const char *source; /* part of a row's source that tells it, NULL: by name only */
	int phase;          /* enum phase, -1: any */
	const char *doc;
	/* Bytes that the source divides by time, for one batch of `tokens`. */
	double (*bytes)(const struct observation *o, int64_t tokens);
	double doubt_ratio; /* sd of times from it, where the source does not define its bytes */
};

extern const struct byte_convention byte_conventions[]; /* ends with a row of NULLs */

/* By name; or with name "" by the row's source and phase. NULL with RC_DATA's words in e. */
const struct byte_convention *byte_convention_find(const char *name, const struct observation *o,
                                                   struct err *e);

/* Fills hidden, top_k, experts, ep and tokens where they are 0 (tokens: n_batches is 0), and says
 * so in o->assumed. All rows of its file must have been read. */
enum rc observation_assume(struct observations *set, struct observation *o, double bandwidth_Bps,
                           struct err *e);

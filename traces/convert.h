/* A summary of traces to observations: the CSV that `calibrate` and `validate` read, one row for
 * each side of each flow. */
#pragma once
#include <stdio.h>
#include "models/base/field.h"
#include "traces/summary.h"

/* Which of a kernel's many durations stands for it. */
enum sidecar_quantile { QUANTILE_LEAST_RANK, QUANTILE_P10, QUANTILE_MEDIAN };

/* What a trace does not tell of itself. Counts of 0 and texts of "" are not known: their cells stay
 * empty. */
struct sidecar {
	const char *machine, *hardware, *impl, *source, *source_ref, *routing;
	int phase;    /* index into "prefill", "decode" */
	int quantile; /* enum sidecar_quantile */
	int64_t ep, tokens_per_rank, hidden, top_k, experts;
	const char *dispatch, *combine; /* element types of rows, as the source calls them */
	int64_t first_step;             /* steps before it are warm-up */
	struct field_list ops;          /* of enum trace_phase: which to write */
};

extern const struct field sidecar_fields[];

enum rc sidecar_read(const char *path, struct arena *a, struct sidecar *sc, struct err *e);

/* Header and rows. The time of one dispatch is the sum over its ops of the chosen quantile, times
 * how often the op is called for each call of the one that comes once (its anchor). Benchmark
 * points become rows too, their size in the notes. *n_rows: 0 when the trace holds nothing of the
 * kind. */
void observations_write(const struct summary *s, const struct sidecar *sc, FILE *out,
                        size_t *n_rows);

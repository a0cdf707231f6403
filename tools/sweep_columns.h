/* The knobs of a point as tables, JSON and CSV show them: one column, or one for each pool where
 * the pools have the knob apart. */
#pragma once
#include "sim/sweep.h"

/* Has the sweep this knob apart in its pools? EP and TP say DP where it is left open. MTP is of
 * decode alone. */
bool knob_is_apart(const struct sweep *s, enum knob_id id);

/* Of that pool; DP and vector cores as they come to. buf is used for numbers. */
const char *point_knob_text(const struct sweep *s, const struct sweep_point *p, enum phase pool,
                            enum knob_id id, char *buf, size_t size);
/* "64", or "16/64" of both pools. */
const char *point_knob_cell(const struct sweep *s, const struct sweep_point *p, enum knob_id id,
                            char *buf, size_t size);

/* The knobs that stand behind the others of a table because the sweep lists them: flow options, PP,
 * MTP; others are the same in all points. */
size_t sweep_options_listed(const struct sweep *s, enum knob_id out[KNOBS]);
bool sweep_has_instances(const struct sweep *s);

/* Columns of CSV and members of JSON. */
struct knob_column {
	enum knob_id id; /* KNOBS: instances */
	enum phase pool;
};
enum { MOST_KNOB_COLUMNS = 2 * KNOBS + PHASES, KNOB_COLUMN_CHARS = 32 };
struct knob_columns {
	struct knob_column at[MOST_KNOB_COLUMNS];
	char name[MOST_KNOB_COLUMNS][KNOB_COLUMN_CHARS]; /* "ep", "prefill_ep" */
	size_t n;
};
void knob_columns(const struct sweep *s, struct knob_columns *out);
/* Sets *number where the column has numbers, else returns false; text in either case. */
bool knob_column_value(const struct sweep *s, const struct sweep_point *p,
                       const struct knob_column *column, char *buf, size_t size, const char **text,
                       int64_t *number);

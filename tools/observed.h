/* What `validate` and `calibrate` share: observations from the files of a command line, filtered,
 * each with the machine it was made on. */
#pragma once
#include "models/base/json.h"
#include "sim/belief.h"
#include "tools/args.h"
#include "traces/observation.h"

struct observed_machine {
	const char *name;
	struct config *config;
};

struct observed {
	struct observations set;
	const struct observation **row; /* those that pass the filters, in order */
	size_t *machine;                /* of each: index below */
	size_t n;
	size_t n_filtered;                 /* rows that --flow and its like leave out */
	struct observed_machine *machines; /* in the order of first use */
	size_t n_machines;
};

/* Reads every word as a file. --machine NAME[,NAME...] keeps rows of those machines; without
 * override each row is predicted on its own. with_override, or where NAME is a file of a machine:
 * it replaces the machine of every row instead. observed_close() also after a failure. RC_DATA when
 * no row is left, with the reasons. */
enum rc observed_open(const struct args *a, bool with_override, struct observed *out,
                      struct err *e);
void observed_close(struct observed *o);

const struct machine *observed_machine(const struct observed *o, size_t row);

/* What was passed over, a line each. */
void observed_skips_text(const struct observed *o, FILE *out);
void observed_skips_json(const struct observed *o, struct json *j);

/* "deepep_ascend.csv:12" */
enum { PLACE_SIZE = 96 };
const char *observed_place(const struct observation *o, char buf[PLACE_SIZE]);
const char *observed_tokens(const struct observation *o, char buf[PLACE_SIZE]); /* "16-144" */

/* The rows of a table, and of a JSON array; and what they come to. */
void forecast_table(const struct forecast_row *row, size_t n, FILE *out);
void forecast_json(const struct forecast_row *row, size_t n, const char *key, struct json *j);
void accuracy_table(const struct forecast_row *row, size_t n, FILE *out);
void accuracy_json(const struct forecast_row *row, size_t n, const char *key, struct json *j);

/* Accuracy by machine, flow, phase and op as a table in Markdown; all rows in the last line. */
void accuracy_markdown(const struct forecast_row *row, size_t n, FILE *out);

/* Pictures and their data in a folder: predicted against measured, error by EP. */
enum rc forecast_plot(const struct forecast_row *row, size_t n, const char *dir, FILE *log,
                      struct err *e);

#define AS_FLOW_OPTION                                                                             \
	{                                                                                          \
		"as-flow", "NAME", "take rows that name no flow for rows of this one"              \
	}
#define OBSERVED_OPTIONS                                                                           \
	AS_FLOW_OPTION, {"flow", "NAME,...", "only rows of these flows"},                          \
	        {"op", "NAME", "only dispatch or combine"},                                        \
	        {"phase", "NAME", "only prefill or decode"},                                       \
	        {"ep", "N,...", "only rows of these EP"},                                          \
	        {"group", "NAME,...", "only rows of these groups (\"ep 8\", or column group)"},    \
	{                                                                                          \
		"source", "TEXT", "only rows whose source holds this text"                         \
	}

/* What `epsim calibrate` tells of one machine's calibration. */
#pragma once
#include "sim/calibrate.h"
#include "tools/observed.h"

struct calibration_report {
	const char *machine;
	const struct calibrated *result;
	enum fold_by fold;
	const char *priors;        /* where they come from, in a few words */
	const struct joint *joint; /* that it is part of, or NULL */
	size_t at;                 /* which of its machines */
};

/* What several machines came to together: said before each of them. r: n of them, all of one
 * joint fit. */
void joint_text(const struct calibration_report *r, size_t n, FILE *out);
void joint_json(const struct calibration_report *r, size_t n, const char *key, struct json *j);

/* Is the machine's i-th parameter shared with others? */
bool parameter_is_shared(const struct calibration_report *r, size_t i);

/* How far a parameter moved, in sd of its prior. */
double moved_sds_count(const struct parameter *p);

/* What is to be said of its estimate: at its bound, far from its prior, shared. */
struct table;
void remark_cell(struct table *t, const struct parameter *p, bool shared);

const char *plural(size_t n); /* "s", or "" of one */

void calibrate_text(const struct calibration_report *r, FILE *out);
void calibrate_json(const struct calibration_report *r, struct json *j);

/* Writes the calibrated machine as a file of its own: the machine's YAML with value, sd and prior
 * of each fitted parameter changed in place and all else (comments, sources) as it was, and a
 * calibration section. A machine that is not a file of its own, or whose lines are not found
 * again, is written anew without comments. The file is read back and compared. */
enum rc machine_write(const struct config *c, const struct calibrated *result, const char *command,
                      const char *path, struct err *e);

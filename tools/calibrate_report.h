/* What `epsim calibrate` tells of one machine's calibration. */
#pragma once
#include "sim/calibrate.h"
#include "tools/observed.h"

struct calibration_report {
	const char *machine;
	const struct calibrated *result;
	enum fold_by fold;
	const char *priors; /* where they come from, in a few words */
};

void calibrate_text(const struct calibration_report *r, FILE *out);
void calibrate_json(const struct calibration_report *r, struct json *j);

/* Writes the calibrated machine as a file of its own: the machine's YAML with value, sd and prior
 * of each fitted parameter changed in place and all else (comments, sources) as it was, and a
 * calibration section. A machine that is not a file of its own, or whose lines are not found
 * again, is written anew without comments. The file is read back and compared. */
enum rc machine_write(const struct config *c, const struct calibrated *result, const char *command,
                      const char *path, struct err *e);

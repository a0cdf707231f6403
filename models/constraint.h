/* Constraints between the knobs of a sweep, as people write them:
 *
 *     tp * dp == ep
 *     batch <= 256 / tp and flow != relay3
 *     not (micro_batches == 2 and chunk < 1024)
 *     tp == 1 or dispatch == int8
 *
 * or: x or y; and; not; one of == != < <= > >= between two sums; + - * / % and brackets; whole
 * numbers; knobs by name, and npus. dp is the number of attention groups, EP / TP when the schedule
 * leaves it open. Arithmetic is on real numbers: 5 / 2 is 2.5. A knob with words (flow, dispatch,
 * machine, model, workload) can be compared by == and != with a word. */
#pragma once
#include "models/schedule.h"

struct constraint;

/* What a constraint may ask of a point besides its schedule. */
struct constraint_names {
	const char *machine, *model, *workload;
};

/* Reads the text. where: "file:12:5", what a message starts with, or "--set sweep.constraints".
 * column: of the text's first letter in its line, 0 when there is no file. Lives in the arena. */
enum rc constraint_parse(const char *text, const char *file, int line, int column, struct arena *a,
                         struct constraint **out, struct err *e);

/* Bits of the knobs that it names: 1 << enum knob_id. dp and npus also name ep and tp. */
unsigned constraint_knobs(const struct constraint *c);

bool constraint_holds(const struct constraint *c, const struct schedule *s,
                      const struct constraint_names *names);

const char *constraint_text(const struct constraint *c);

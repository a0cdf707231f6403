/* Constraints between the knobs of a sweep, as people write them:
 *
 *     tp * dp == ep
 *     batch <= 256 / tp and flow != relay3
 *     not (micro_batches == 2 and chunk < 1024)
 *     decode.ep >= 4 * prefill.ep
 *
 * or: x or y; and; not; one of == != < <= > >= between two sums; + - * / % and brackets; whole
 * numbers; knobs by name, and npus. dp is the number of attention groups, EP / TP when the schedule
 * leaves it open. Arithmetic is on real numbers: 5 / 2 is 2.5. A knob with words (flow, dispatch,
 * machine, model, workload) can be compared by == and != with a word.
 *
 * prefill.ep is that of the prefill pool, decode.npus the NPUs of a deployment of the decode pool,
 * decode.instances how many there are (0: as many as balance the pools). A plain name is of the
 * pool that the constraint is about: of decode where it names batch, mtp or decode.*, of prefill
 * where it names chunk or prefill.*; where it names both or neither, it must hold with the names of
 * each. */
#pragma once
#include "models/schedule.h"

struct constraint;

/* What a constraint may ask of a point besides its schedules. */
struct constraint_names {
	const char *machine, *model, *workload;
};

/* The schedules of a point. chunk is that of prefill; batch and mtp are those of decode. */
struct constraint_point {
	const struct schedule *schedule[PHASES];
	int64_t instances[PHASES];
};

/* Reads the text. where: "file:12:5", what a message starts with, or "--set sweep.constraints".
 * column: of the text's first letter in its line, 0 when there is no file. Lives in the arena. */
enum rc constraint_parse(const char *text, const char *file, int line, int column, struct arena *a,
                         struct constraint **out, struct err *e);

/* Bits of the knobs that it names: 1 << enum knob_id. dp and npus also name ep, tp and pp. */
unsigned constraint_knobs(const struct constraint *c);
/* Bits of the pools that it is about, 1 << enum phase: 0 and 3 mean each. */
unsigned constraint_pools(const struct constraint *c);
bool constraint_asks_instances(const struct constraint *c);

/* Both pools have the schedule, and as many deployments as balance them. */
bool constraint_holds(const struct constraint *c, const struct schedule *s,
                      const struct constraint_names *names);
bool constraint_holds_at(const struct constraint *c, const struct constraint_point *p,
                         const struct constraint_names *names);
/* Of a constraint about one pool, or about each: holds it with that pool's names? */
bool constraint_holds_in(const struct constraint *c, const struct constraint_point *p,
                         const struct constraint_names *names, enum phase plain);

const char *constraint_text(const struct constraint *c);

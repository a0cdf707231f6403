/* The policies of serving, for lists and checks of names: what to add a row to. */
#pragma once
#include "models/base/err.h"

enum policy_slot { SLOT_BATCHING, SLOT_ROUTER, SLOT_PREEMPTION, POLICY_SLOTS };

extern const char *const policy_slot_names[]; /* NULL-terminated */

struct policy_row {
	const char *name, *describes;
};
/* Row i of a slot's table; name NULL after the last. */
struct policy_row policy_row(enum policy_slot slot, size_t i);

/* RC_CONFIG when there is none of that name. who: section that names it, "serving". */
enum rc policy_check(enum policy_slot slot, const char *name, const char *who, struct err *e);

/* An object with a field of every kind, for the tests of field tables. */
#pragma once
#include "models/base/field.h"

struct link {
	double rate_Bps, latency_s;
	struct {
		int64_t lanes;
	} deep;
};

struct thing {
	const char *name;
	int64_t cores;
	int mode;
	bool on;
	double share_ratio;
	struct link fabric;
	struct field_list batch, sizes, tags, modes;
};

extern const struct field thing_fields[];

/* From the text of a file called x.yaml. */
enum rc thing_read(const char *text, struct thing *t, struct arena *a, struct note **notes,
                   struct err *e);

/* The same; fails the case when the text is refused. */
void thing_accept(const char *text, struct thing *t, struct arena *a, struct note **notes);

bool thing_same(const struct thing *x, const struct thing *y);
bool notes_same(const struct note *x, const struct note *y);

/* The best of a sweep's front looked at more closely: by SimGrid, or served through queues. */
#pragma once
#include "models/base/json.h"
#include "sim/sweep_serve.h"
#include "tools/args.h"

/* --finalists N: the best of each front, priced by simgrid beside the sweep's engine. */
enum rc sweep_finalists(const struct args *a, struct sweep *const *s, size_t n, FILE *out,
                        struct err *e);

/* ---- --serve N ------------------------------------------------------------------------------- */

struct served_row {
	const struct sweep_point *point;
	const char *router, *batching;
	struct point_served served;
	char refused[256]; /* why it cannot be served; "" */
};

struct served_list {
	double rate_count; /* requests a second */
	bool traced;       /* lengths of a trace, not the workload's mean ones */
	struct served_row *row;
	size_t n;
};

/* Is it asked for, and in order? A percentile budget without it is an error. */
enum rc served_check(const struct args *a, const struct config *c, struct err *e);

/* Serves the best of the front, with each router and batching policy that the sweep lists. */
enum rc served_make(const struct args *a, const struct sweep *s, struct served_list *out,
                    struct err *e);
void served_fini(struct served_list *l); /* of a zeroed or made list */

void served_text(const struct served_list *l, const struct sweep *s, FILE *out);
void served_json(const struct served_list *l, const struct sweep *s, struct json *j);
/* RC_NO when there are percentile budgets and nothing that was served keeps them. */
enum rc served_verdict(const struct served_list *l, const struct sweep *s, struct err *e);

/* A decision page: what a sweep comes to, for somebody who decides on it. Facts are worked out once
 * (report_facts.c, report_points.c, report_sure.c) and said by sections (report_page.c and those
 * that it calls) through a form of page.h. */
#pragma once
#include "sim/spread.h"
#include "tools/args.h"
#include "tools/observed.h"
#include "tools/page.h"
#include "tools/report_knobs.h"
#include "tools/sweep_report.h"

/* Which schedules a page holds, by what they are to a reader who tries other budgets. Those that
 * fit meet memory and shape, so only budgets of time and NPUs stand against them. */
enum point_class {
	CLASS_FRONT,    /* fit, and beaten by none in TTFT, TPOT and tokens/s/NPU with the same
	                   NPUs: what is best within any budgets is one of these */
	CLASS_FEASIBLE, /* the other feasible ones */
	CLASS_FITS,     /* that miss only a budget of time or NPUs */
	CLASS_OTHER,
	POINT_CLASSES
};
extern const char *const point_class_names[POINT_CLASSES];

struct report_points {
	const struct sweep_point **list; /* in the sweep's order */
	size_t n, n_fits;                /* n_fits: of the list */
	size_t n_of[POINT_CLASSES], n_shown[POINT_CLASSES];
};

/* At most `most`: class after class, and of the one that has no room evenly in the sweep's order.
 */
void points_choose(const struct sweep *s, size_t most, struct arena *a, struct report_points *out);
bool point_fits(const struct sweep_point *p);

/* How a figure is shown. */
struct scale {
	const char *unit;
	double per_si_units; /* shown = SI x this */
	int digits;          /* after the point */
};
struct scale scale_time(double like_s); /* for times as large as this one */
struct scale scale_rate(double like_count);

/* Draws of the machine's uncertain numbers. */
enum { SURE_ROWS = 20, REPORT_PICTURES = 4 };
struct report_sure {
	bool uncertain; /* some number of the machine has an sd */
	int64_t draws;
	struct spread ttft_s, tpot_s, rate_count; /* of the best schedule */
	double probability_ratio[SURE_ROWS];      /* that the front's first ones are feasible */
	size_t n;
};

struct report_case {
	const struct config *config;
	const struct sweep *sweep;
	size_t number;    /* from 1; 0: the only one */
	size_t first_row; /* of its points in `sweep --csv`, from 1 */
	struct arena *arena;
	struct flow_summary flow[MOST_SUMMARIES];
	size_t n_flows;
	const struct sweep_point **front; /* the best first */
	size_t n_front;
	const struct sweep_point *best;             /* NULL: none is feasible */
	struct report_knob knob[MOST_REPORT_KNOBS]; /* those of several values */
	size_t n_knobs;
	const char *fixed; /* knobs of one value that the sweep states: "weights int8, KV bf16" */
	struct report_points points;
	struct scale ttft, tpot, rate;
	struct report_sure sure;
	struct page_picture picture[REPORT_PICTURES]; /* svg NULL: not drawn */
	bool no_gnuplot;                              /* that is why */
};

struct report {
	struct arena *arena;
	struct report_case *cases;
	size_t n;
	const char *command;  /* that makes it again */
	double rate_count;    /* requests a second to plan for; 0: none */
	double load_ratio;    /* of a pool's throughput that is used then */
	const char *observed; /* FILE,... of measured rows; NULL: none */
	const char *as_flow;  /* flow of those that name none; NULL: they are passed over */
};

/* Pictures, in the order of report_case's. */
enum { PICTURE_FITS, PICTURE_FRONT, PICTURE_DECODE, PICTURE_PREFILL };

/* ---- facts ---- */

void report_case_init(struct report_case *c, const struct sweep *s, size_t most_points,
                      struct arena *a);
enum rc report_sure(struct report_case *c, int64_t draws, struct err *e);

/* "direct, EP 64, TP 2, batch 32, chunk 16384, ...": the knobs that vary. */
const char *schedule_words(const struct report_case *c, const struct sweep_point *p);
const char *report_knob_text(const struct report_knob *k, const struct sweep_point *p);

const char *time_words(const struct report_case *c, double time_s);     /* "3.1 s" */
const char *rate_words(const struct report_case *c, double rate_count); /* "46.1" */
const char *reason_words(enum reason r);                                /* "over the TPOT budget" */
const char *objective_words(enum objective o);

/* By what share a point misses the budget that it misses most; 0: none. *what: which. INFINITY: it
 * cannot run at all. */
double point_miss_ratio(const struct sweep_point *p, const char **what);

/* ---- sections ---- */

enum rc report_page(const struct report *r, const struct page_form *form, FILE *out, struct err *e);
const char *report_id(const struct report_case *c, const char *id); /* unique on the page */
void report_section(struct page *p, const struct report_case *c, const char *id, const char *title);
void report_feasible(struct page *p, const struct report_case *c);
void report_front(struct page *p, const struct report_case *c);
void report_phases(struct page *p, const struct report_case *c);
void report_why_not(struct page *p, const struct report_case *c);
void report_budgets(struct page *p, const struct report_case *c);
void report_caution(struct page *p, const struct report_case *c);
enum rc report_certainty(struct page *p, const struct report *r, const struct report_case *c,
                         struct err *e);

enum rc report_swings(struct page *p, const struct report_case *c, struct err *e);
enum rc report_plan(struct page *p, const struct report *r, const struct report_case *c,
                    struct err *e);

/* A point's pools under another configuration, each by its own schedule. out's prices live in a. */
enum rc report_point_again(const struct config *config, const struct engine *engine,
                           const struct sweep_point *p, struct sweep_point *out, struct arena *a,
                           struct err *e);

/* Columns of a schedule: knobs that vary, NPUs, times, throughput, memory. And a row's cells. */
void columns_add(struct page_table *t, const struct report_case *c);
void columns_cells(struct page *p, const struct report_case *c, const struct sweep_point *point);

/* What readers of the page may try: sliders and the table of all schedules, by page.js. */
void report_try(struct page *p, const struct report_case *c);
void report_schedules(struct page *p, const struct report_case *c);

/* Draws the pictures of a case, in a folder of its own that it removes. Without gnuplot they stay
 * NULL and *found is false. */
enum rc report_draw(struct report_case *c, bool *found, struct err *e);

#include "models/plan_spec.h"
#include <string.h>
#include "models/requests.h"

#define AT(member) offsetof(struct plan_spec, member)
#define RATIOS(key_, member_, fallback_, doc_)                                                     \
	{                                                                                          \
		FIELD_ROW(key_, FIELD_LIST, DIM_RATIO, AT(member_), fallback_, doc_),              \
		        .item = FIELD_QUANTITY, .least = 0.001, .most = 1000                       \
	}
#define TEXTS(key_, doc_)                                                                          \
	{                                                                                          \
		FIELD_ROW(#key_, FIELD_LIST, DIM_COUNT, AT(key_), "", doc_), .item = FIELD_TEXT    \
	}

const char *const plan_lengths_names[] = {"drawn", "mean", NULL};

static const struct field growth_fields[] = {
        {FIELD_ROW("monthly", FIELD_QUANTITY, DIM_RATIO, AT(growth.monthly_ratio), "0",
                   "the load grows by this share each month"),
         .most = 10},
        {FIELD_ROW("months", FIELD_INTEGER, DIM_COUNT, AT(growth.months), "0",
                   "months to look ahead; 0: the factors instead"),
         .most = 120},
        RATIOS("factors", growth.factors, "1,2,4,10", "of the load, each planned anew"),
        {0},
};

const struct field plan_fields[] = {
        {FIELD_ROW("question", FIELD_TEXT, DIM_COUNT, AT(question), "",
                   "what is asked, in a line")},
        {FIELD_ROW("trace", FIELD_TEXT, DIM_COUNT, AT(trace), "",
                   "file of requests to replay; \"\": lengths and rate of the workload")},
        {FIELD_ROW("rate", FIELD_QUANTITY, DIM_RATIO, AT(rate_count), "0",
                   "requests a second; 0: as the trace or the workload has them"),
         .most = 1e9},
        {FIELD_ROW("times", FIELD_QUANTITY, DIM_RATIO, AT(times_ratio), "1",
                   "multiplies the rate: 10 is ten times the trace"),
         .least = 1e-6, .most = 1e6},
        {FIELD_ROW("arrivals", FIELD_TEXT, DIM_COUNT, AT(arrivals), "",
                   "poisson, gamma, even, replay; \"\": replay of a trace with times, else "
                   "poisson")},
        {FIELD_ROW("cv", FIELD_QUANTITY, DIM_RATIO, AT(cv_ratio), "4",
                   "gamma: coefficient of variation of the gaps"),
         .least = 0.01, .most = 100},
        {FIELD_ROW("lengths", FIELD_CHOICE, DIM_COUNT, AT(lengths), "drawn",
                   "without a trace: drawn from the workload's quantiles, or all its mean"),
         .names = plan_lengths_names},
        {FIELD_ROW("within", FIELD_QUANTITY, DIM_RATIO, AT(within_ratio), "90%",
                   "share of the requests that must be within the sweep's budgets"),
         .least = 0.01, .most = 1},
        {FIELD_ROW("load", FIELD_QUANTITY, DIM_RATIO, AT(load_ratio), "80%",
                   "share of a pool's throughput that is planned for"),
         .least = 0.01, .most = 1},
        {FIELD_ROW("machines", FIELD_INTEGER, DIM_COUNT, AT(machines), "0",
                   "machines that there may be; 0: any number"),
         .most = 1 << 20},
        {FIELD_ROW("requests", FIELD_INTEGER, DIM_COUNT, AT(requests), "20000",
                   "in one simulation of the queues, at most"),
         .least = 100, .most = 10000000},
        {FIELD_ROW("growth", FIELD_GROUP, DIM_COUNT, 0, "", "how the load grows"),
         .group = growth_fields},
        RATIOS("curve", curve, "0.25,0.5,0.75,0.9,1,1.1,1.25,1.5,2",
               "loads, of the planned one, whose attainment is shown"),
        {FIELD_ROW("swings", FIELD_INTEGER, DIM_COUNT, AT(swings), "8",
                   "uncertain numbers that are shown; 0: none"),
         .most = 200},
        TEXTS(compare, "cases side by side, each a map of settings: {flow: relay2}"),
        TEXTS(by, "each of these for each of the cases: {ep: 16}, {ep: 32}"),
        {0},
};

enum rc plan_spec_check(const struct plan_spec *p, const char *where, struct err *e)
{
	const char *names[8] = {0};
	char slip[64];

	for (size_t i = 0; arrivals[i].name; i++)
		names[i] = arrivals[i].name;
	if (*p->arrivals && !arrival_find(p->arrivals))
		return fail(e, RC_CONFIG, "%s: plan.arrivals: there is no '%.40s'%s", where,
		            p->arrivals, hint(slip, sizeof slip, p->arrivals, names));
	if (p->growth.months > 0 && !(p->growth.monthly_ratio > 0))
		return fail(e, RC_CONFIG,
		            "%s: plan.growth.months needs growth.monthly, such as 10%%", where);
	return RC_OK;
}

/* ---- cases as maps ---- */

/* A list within a case: its items with commas between. */
static enum rc value_text(const struct yaml_node *node, struct arena *a, const char **out,
                          struct err *e)
{
	const char *all = "";

	if (node->kind == YAML_SCALAR)
		return *out = node->text, RC_OK;
	for (const struct yaml_node *n = node->first; n; n = n->next) {
		if (node->kind == YAML_MAP || n->kind != YAML_SCALAR)
			return yaml_fail(n, e,
			                 "plan: '%s' of a case takes a value or a list of them",
			                 node->key);
		all = arena_print(a, "%s%s%s", all, *all ? "," : "", n->text);
	}
	return *out = all, RC_OK;
}

static enum rc case_text(const struct yaml_node *map, struct arena *a, struct yaml_node *out,
                         struct err *e)
{
	const char *all = "";

	for (const struct yaml_node *n = map->first; n; n = n->next) {
		const char *value = NULL;

		TRY(value_text(n, a, &value, e));
		all = arena_print(a, "%s%s%s=%s", all, *all ? "; " : "", n->key, value);
	}
	*out = *map;
	out->kind = YAML_SCALAR, out->text = all, out->quoted = true, out->first = NULL;
	return RC_OK;
}

static enum rc cases_list(const struct yaml_node *list, struct arena *a, struct yaml_node *out,
                          struct err *e)
{
	const struct yaml_node *from = list->kind == YAML_LIST ? list->first : list;
	size_t n = list->kind == YAML_LIST ? list->n_children : 1;
	struct yaml_node **end = &out->first;

	*out = *list;
	out->kind = YAML_LIST, out->first = NULL, out->n_children = n;
	for (size_t i = 0; i < n; i++, from = from->next) {
		struct yaml_node *item = arena_alloc(a, sizeof *item);

		*item = *from;
		if (from->kind == YAML_MAP)
			TRY(case_text(from, a, item, e));
		item->next = NULL;
		*end = item, end = &item->next;
	}
	return RC_OK;
}

enum rc plan_section_node(const struct yaml_node *node, struct arena *a,
                          const struct yaml_node **out, struct err *e)
{
	struct yaml_node *map = arena_alloc(a, sizeof *map), **end = &map->first;

	*out = node;
	if (node->kind != YAML_MAP)
		return RC_OK;
	*map = *node;
	for (const struct yaml_node *n = node->first; n; n = n->next) {
		struct yaml_node *copy = arena_alloc(a, sizeof *copy);

		*copy = *n;
		if (strcmp(n->key, "compare") == 0 || strcmp(n->key, "by") == 0)
			TRY(cases_list(n, a, copy, e));
		copy->next = NULL;
		*end = copy, end = &copy->next;
	}
	*out = map;
	return RC_OK;
}

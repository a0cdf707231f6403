/* sim/ADDING_A_FLOW.md keeps its word: its flow compiles, is short, safe and right, and breaks as
 * the page says. */
#include "adding_a_flow.h" /* the page's text, taken from it at configuration */
#include <stdio.h>
#include <string.h>
#include "tests/exchange.h"
#include "tests/rehearsals.h"
#include "tests/unit.h"

/* Number of conflicts; of those on one buffer, unless NULL. */
static size_t conflicts_of(const struct rehearsal *q, const char *buffer)
{
	struct rehearsed x;
	struct check c;
	const char *why;
	size_t n = 0;

	CU_ASSERT_TRUE_FATAL(rehearse(q, &x, &why));
	check_run(x.graph, &x.record, SIZE_MAX, &c);
	for (size_t i = 0; i < c.n_conflicts; i++) {
		const struct cell *cell = &x.record.cell[c.conflict[i].cell];

		n += !buffer || strcmp(x.record.buffer[cell->buffer].name, buffer) == 0;
	}
	check_fini(&c);
	rehearsed_fini(&x);
	return n;
}

static void it_is_short(void)
{
	FILE *f = fopen("sim/ADDING_A_FLOW.md", "r");
	bool inside = false;
	char line[512];
	int lines = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	while (fgets(line, sizeof line, f)) {
		if (strncmp(line, "```", 3) == 0)
			inside = strcmp(line, "```c\n") == 0;
		else
			lines += inside;
	}
	CU_ASSERT_TRUE(lines > 20 && lines < 80);
	CU_ASSERT_EQUAL(fclose(f), 0);
}

static void it_is_safe_and_right(void)
{
	struct stage_set s;

	stage_set_init(&s, "node:2 die:4 fabric:100GBps", 16, 3);
	for (int i = 0; i < (int)PHASES * SKEWS; i++) {
		struct rehearsal q = rehearsal_of(&s, &flow_pull, (enum phase)(i / SKEWS), 8, 3,
		                                  (enum skew)(i % SKEWS));
		struct execution *e;
		struct rehearsed x;
		const char *why;

		CU_ASSERT_EQUAL(conflicts_of(&q, NULL), 0);
		CU_ASSERT_TRUE_FATAL(rehearse(&q, &x, &why));
		e = execution_new(x.graph, &x.record, q.layers);
		for (uint64_t run = 0; run < 50; run++) {
			struct outcome o = execution_run(e, run, (enum pick)(run % 2), UINT32_MAX,
			                                 UINT32_MAX, SIZE_MAX);

			CU_ASSERT_EQUAL(o.wrong_rows, 0);
			CU_ASSERT_FALSE(o.stuck);
		}
		execution_free(e);
		rehearsed_fini(&x);
	}
	stage_set_fini(&s);
}

/* Each of its waits is needed, and what goes wrong is what the page tells. */
static void it_breaks_as_told(void)
{
	static const char *const breaks[] = {"counts", "expert window", "expert output",
	                                     "vector cores"};
	struct stage_set s;

	stage_set_init(&s, "node:1 die:4", 8, 3);
	for (int i = 0; i < 5; i++) {
		struct rehearsal q = rehearsal_of(&s, &flow_pull, PHASE_DECODE, 4, 3, SKEW_EVEN);

		q.drop = i < 4 ? i : -1;
		q.turns_rule = i < 4 ? TURNS_AS_STATED : TURNS_NEVER;
		CU_ASSERT_TRUE(conflicts_of(&q, i < 4 ? breaks[i] : "counts") > 0);
	}
	stage_set_fini(&s);
}

static void one_rank_stands_for_all(void)
{
	struct config *c = config_of("cloudmatrix384", "deepseek-v3.1");
	struct exchange_wish w = {&c->machine, &c->model, &flow_pull, PHASE_DECODE, DTYPE_INT8,
	                          32,          64,        NULL,       false};
	struct exchange one, all;

	CU_ASSERT_TRUE_FATAL(exchange_init(&one, &w));
	w.whole = true;
	CU_ASSERT_TRUE_FATAL(exchange_init(&all, &w));
	NEARLY(makespan_s(&engine_fluid, one.graph), makespan_s(&engine_fluid, all.graph), 1e-9,
	       "one and all");
	exchange_fini(&one);
	exchange_fini(&all);
	config_free(c);
}

static const struct unit_test tests[] = {
        {"it is short", it_is_short},
        {"it is safe and right", it_is_safe_and_right},
        {"it breaks as told", it_breaks_as_told},
        {"one rank stands for all", one_rank_stands_for_all},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("adding_a_flow", tests);
}

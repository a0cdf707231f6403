/* epsim run: one step, one layer or one exchange, in detail. */
#include <stdlib.h>
#include <string.h>
#include "tools/args.h"
#include "tools/progress.h"
#include "tools/run_report.h"
#include "tools/text.h"

static enum rc measure(struct run_result *m, struct err *e)
{
	const struct step_request *q = &m->run.request;

	TRY(run_price(&m->run, e));
	if (m->run.scope == SCOPE_STEP)
		TRY(step_run(q, &m->step, e));
	TRY(step_buffers(q, m->buffers, &m->n_buffers, e));
	return step_memory(q, q->context_count + q->query_count / q->sequences_count, &m->memory,
	                   e);
}

/* The step under one draw of the machine. */
static enum rc draw_run(const struct run_result *m, uint64_t draw, double *out_s, struct err *e)
{
	const struct config *c = m->run.config;
	struct step_request q = m->run.request;
	struct step_result r;
	struct machine drawn;

	TRY(machine_guess(&c->machine, c->notes[SECTION_MACHINE], (uint64_t)c->routing.seed, draw,
	                  &drawn, e));
	q.machine = &drawn;
	TRY(step_run(&q, &r, e));
	*out_s = r.step_s;
	return RC_OK;
}

static enum rc draws_run(const struct args *a, struct run_result *m, struct err *e)
{
	struct progress bar;
	double *value_s;
	int64_t draws;
	enum rc rc = RC_OK;

	TRY(args_integer(a, "draws", 0, 0, &draws, e));
	if (draws > 0 && m->run.scope != SCOPE_STEP)
		return fail(e, RC_CONFIG, "run: --draws goes with --scope step");
	if (draws > MOST_DRAWS)
		return fail(e, RC_CONFIG, "run: --draws %lld: at most %d", (long long)draws,
		            MOST_DRAWS);
	value_s = heap_zeroed((size_t)draws + 1, sizeof *value_s);
	progress_init(&bar, "draws");
	for (int64_t i = 0; rc == RC_OK && i < draws; i++) {
		rc = draw_run(m, (uint64_t)i, &value_s[i], e);
		progress_step(&bar, (size_t)i + 1, (size_t)draws);
	}
	progress_end(&bar);
	m->spread_s = spread_of(value_s, rc == RC_OK ? draws : 0);
	free(value_s);
	return rc;
}

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	struct run_result m = {0};
	enum rc rc = run_open(a, SCOPE_STEP, &m.run, e);

	if (rc == RC_OK)
		rc = measure(&m, e);
	if (rc == RC_OK)
		rc = draws_run(a, &m, e);
	if (rc == RC_OK)
		rc = run_timeline_write(a, &m.run, e);
	if (rc == RC_OK && args_has(a, "json"))
		run_report_json(&m, out);
	else if (rc == RC_OK)
		run_report_text(&m, out);
	if (rc == RC_OK && m.memory.total_bytes > m.memory.usable_bytes)
		rc = fail(e, RC_NO, "it does not fit: a rank needs %.1f GB of %.1f GB",
		          m.memory.total_bytes / GB_BYTES, m.memory.usable_bytes / GB_BYTES);
	run_close(&m.run);
	return rc;
}

static const struct option options[] = {
        {"scope", "SCOPE",
         "step (all layers), layer (one MoE layer) or exchange (its dispatch and combine "
         "alone); default step"},
        {"draws", "N",
         "price the step for N draws of the machine's uncertain numbers; shows the interval"},
        RUN_OPTIONS,
        {0},
};

const struct verb verb_run = {
        .name = "run",
        .doc = "Predicts one step, one layer or one exchange in detail",
        .usage = "[FILE] [option...]",
        .examples =
                {"epsim run --machine cloudmatrix384 --model deepseek-v3.1 --flow direct --ep 64",
                 "epsim run --machine cloudmatrix384 --model deepseek-v3.1 --flow relay2 --ep 32 "
                 "--phase prefill --chunk 4096 --scope exchange --json"},
        .options = options,
        .takes_config = true,
        .about = "Exit status 1: the schedule cannot run on that machine, or does not fit its "
                 "memory.",
        .run = run,
};

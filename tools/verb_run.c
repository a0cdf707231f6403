/* epsim run: one step, one layer or one exchange, in detail. */
#include <stdlib.h>
#include <string.h>
#include "tools/args.h"
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

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	struct run_result m = {0};
	enum rc rc = run_open(a, SCOPE_STEP, &m.run, e);

	if (rc == RC_OK)
		rc = measure(&m, e);
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

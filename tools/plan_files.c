/* Tables of a plan, and the folder they are written to. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include "tools/plan_job.h"
#include "tools/sweep_files.h"

enum { PERCENT = 100 };

static void goodput_table(const struct plan_job *j, FILE *out)
{
	const struct plan_result *r = j->result;

	fprintf(out, "requests_per_s,load_ratio,within_percent,ttft_p90_s,tpot_p90_ms,"
	             "tokens_per_s_per_npu\n");
	for (size_t i = 0; i < r->n_curve; i++) {
		const struct serve_summary *s = &r->curve[i].summary;

		fprintf(out, "%.9g,%.9g,%.9g,%.9g,%.9g,%.9g\n", r->curve[i].rate_count,
		        r->curve[i].rate_count / r->answer.plan.rate_count,
		        PERCENT * s->attainment_ratio, s->ttft.p90_s, 1e3 * s->tpot.p90_s,
		        s->output_rate_per_npu_count);
	}
}

static void growth_table(const struct plan_job *j, FILE *out)
{
	const struct plan_result *r = j->result;

	fprintf(out, "step,load_ratio,requests_per_s,prefill_npus,decode_npus,npus,machines,"
	             "within_percent\n");
	for (size_t i = 0; i < r->n_stages; i++) {
		const struct plan_stage *x = r->stage + i;
		const struct plan *p = &x->answer.plan;

		fprintf(out, "%zu,%.9g,%.9g", i, x->factor_ratio,
		        x->factor_ratio * r->answer.plan.rate_count);
		if (x->rc == RC_OK)
			fprintf(out, ",%lld,%lld,%lld,%lld,%.9g\n",
			        (long long)p->pool[PHASE_PREFILL].npus,
			        (long long)p->pool[PHASE_DECODE].npus, (long long)p->npus,
			        (long long)x->answer.machines,
			        PERCENT * x->answer.summary.attainment_ratio);
		else
			fprintf(out, ",,,,,\n");
	}
}

static void limits_table(const struct plan_job *j, FILE *out)
{
	const struct plan_result *r = j->result;

	fprintf(out, "limit,requests_per_s,load_ratio,then\n");
	for (size_t i = 0; i < r->n_limits; i++)
		fprintf(out, "\"%s\",%.9g,%.9g,\"%s\"\n", r->limit[i].what, r->limit[i].rate_count,
		        r->limit[i].rate_count / r->answer.plan.rate_count, r->limit[i].remedy);
}

static void tornado_table(const struct plan_job *j, FILE *out)
{
	const struct plan_tornado *o = &j->result->tornado;

	fprintf(out, "number,sd_percent,low_npus,npus,high_npus,low_rechosen,high_rechosen\n");
	for (size_t i = 0; i < o->n; i++) {
		const struct plan_swing *s = o->swing + i;

		fprintf(out, "\"%s\",%.9g,", s->path, PERCENT * s->sd_ratio);
		if (isfinite(s->low_npus_count))
			fprintf(out, "%.9g", s->low_npus_count);
		fprintf(out, ",%.9g,", o->npus_count);
		if (isfinite(s->high_npus_count))
			fprintf(out, "%.9g", s->high_npus_count);
		fprintf(out, ",%d,%d\n", s->low_rechosen, s->high_rechosen);
	}
}

static void cases_table(const struct plan_job *j, FILE *out)
{
	fprintf(out, "case,prefill_npus,decode_npus,npus,machines,within_percent,"
	             "npus_same_schedules,npus_own_schedules\n");
	for (size_t i = 0; i < j->n; i++) {
		const struct plan_result *r = j->result + i;
		const struct plan *p = &r->answer.plan;

		fprintf(out, "\"%s\",", plan_case_name(r->of));
		if (r->rc != RC_OK) {
			fprintf(out, ",,,,,,\n");
			continue;
		}
		fprintf(out, "%lld,%lld,%lld,%lld,%.9g,", (long long)p->pool[PHASE_PREFILL].npus,
		        (long long)p->pool[PHASE_DECODE].npus, (long long)p->npus,
		        (long long)r->answer.machines,
		        PERCENT * r->answer.summary.attainment_ratio);
		if (r->effect.possible)
			fprintf(out, "%.9g", r->effect.same_need.npus_count);
		fprintf(out, ",%.9g\n", r->effect.own.npus_count);
	}
}

const struct plan_table plan_tables[] = {
        {"goodput.csv", false, goodput_table}, {"growth.csv", false, growth_table},
        {"limits.csv", false, limits_table},   {"tornado.csv", false, tornado_table},
        {"cases.csv", true, cases_table},      {0},
};

static void summary_write(const struct plan_job *j, FILE *out)
{
	if (plan_compares(j))
		plan_compare_report(j, out);
	else
		plan_report(j, out);
}

static void config_write(const struct plan_job *j, FILE *out)
{
	config_dump(j->config, out);
}

static enum rc file_write(const struct plan_job *j, const char *dir, const char *name,
                          void (*write)(const struct plan_job *j, FILE *out), struct err *e)
{
	const char *path = arena_print(j->config->arena, "%s/%s", dir, name);
	FILE *out = fopen(path, "w");
	int bad;

	if (!out)
		return fail(e, RC_CONFIG, "%s: cannot be written: %s", path, strerror(errno));
	write(j, out);
	bad = ferror(out);
	if (fclose(out) != 0 || bad)
		return fail(e, RC_CONFIG, "%s: cannot be written: %s", path, strerror(errno));
	return RC_OK;
}

enum rc plan_files(const struct plan_job *j, const char *dir, FILE *log, struct err *e)
{
	TRY(folder_make(dir, e));
	TRY(file_write(j, dir, "plan.json", plan_json, e));
	TRY(file_write(j, dir, "summary.txt", summary_write, e));
	TRY(file_write(j, dir, "config.yaml", config_write, e));
	fprintf(log, "\nwritten to %s: plan.json, summary.txt, config.yaml", dir);
	for (const struct plan_table *t = plan_tables; t->name; t++) {
		if (t->compares != plan_compares(j))
			continue;
		TRY(file_write(j, dir, t->name, t->write, e));
		fprintf(log, ", %s", t->name);
	}
	fprintf(log, "\n");
	return plan_plot(j, dir, log, e);
}

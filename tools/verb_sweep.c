/* epsim sweep: every combination of the knobs against the budgets. */
#include <stdlib.h>
#include <string.h>
#include "models/base/json.h"
#include "models/sweep_cases.h"
#include "sim/sweep_store.h"
#include "sim/sweep_team.h"
#include "tools/args.h"
#include "tools/launcher.h"
#include "sim/spread.h"
#include "tools/progress.h"
#include "tools/sweep_explain.h"
#include "tools/sweep_files.h"
#include "tools/sweep_finalists.h"

enum { FRONT_ROWS = 20, MOST_JOBS = 256 };

/* How many schedules fail first by each reason, most useful beside an empty front. */
static enum rc none_feasible(struct sweep *const *s, size_t n_cases, struct err *e)
{
	size_t n_by_reason[REASONS] = {0}, n = 0;
	char text[256] = "";

	for (size_t c = 0; c < n_cases; c++) {
		for (size_t i = 0; i < s[c]->n_points; i++)
			n_by_reason[s[c]->points[i].reason]++;
	}
	for (enum reason r = 0; r < REASONS; r++) {
		if (n_by_reason[r] > 0)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%s %zu", n ? ", " : "",
			                      reason_name(r), n_by_reason[r]);
	}
	return fail(e, RC_NO, "no schedule meets the budgets (%s)", text);
}

/* An option for a knob that the sweep lists would go unheard. */
static enum rc knobs_check(const struct args *a, const struct config *c, struct err *e)
{
	for (const struct field *f = section_fields(SECTION_SWEEP); f->key; f++) {
		const struct field_list *l = (const void *)((const char *)&c->sweep + f->offset);
		char name[OPTION_NAME_SIZE];

		args_option_name(name, f->key);
		if (f->kind == FIELD_LIST && l->n > 0 && args_has(a, name))
			return fail(e, RC_CONFIG,
			            "--%s: the sweep has its own values; write --set sweep.%s=%s",
			            name, f->key, args_value(a, name, ""));
		if (sweep_pools_have(&c->sweep, f->key) && args_has(a, name))
			return fail(e, RC_CONFIG,
			            "--%s: the pools have values of their own; write --set "
			            "sweep.prefill.%s or sweep.decode.%s",
			            name, f->key, f->key);
	}
	return RC_OK;
}

/* What the command line asks of a run. */
struct task_list {
	const struct args *args;
	struct config *config;
	struct sweep_cases cases;
	struct sweep_options options;
	struct sweep_run_info info;
	struct member member, shard;
	const char *store;
	struct served_list *served; /* of each case, with --serve; NULL */
	FILE *out;
	int64_t draws;
};

static enum rc report(struct task_list *t, struct sweep *const *s, struct err *e)
{
	const char *dir = args_value(t->args, "out", NULL);
	bool text = !args_has(t->args, "json") && !args_has(t->args, "csv");
	FILE *words = text ? t->out : stderr;
	size_t n = t->cases.n, n_feasible = 0;

	t->info.served = t->served;
	if (args_has(t->args, "json"))
		sweep_report_json(s, n, &t->info, t->out);
	else if (args_has(t->args, "csv"))
		sweep_report_csv(s, n, t->out);
	else
		sweep_report_text(s, n, &t->info, t->out);
	for (size_t i = 0; t->served && i < n; i++)
		served_text(&t->served[i], s[i], words);
	if (dir)
		TRY(sweep_files(t->config, s, n, &t->info, dir, words, e));
	for (size_t i = 0; i < n; i++)
		n_feasible += s[i]->n_feasible;
	if (n_feasible == 0)
		return none_feasible(s, n, e);
	if (args_has(t->args, "finalists"))
		TRY(sweep_finalists(t->args, s, n, words, e));
	for (size_t i = 0; t->served && i < n; i++)
		TRY(served_verdict(&t->served[i], s[i], e));
	return RC_OK;
}

/* The best of each case's front through queues. */
static enum rc serve_cases(struct task_list *t, struct sweep *const *s, struct err *e)
{
	enum rc rc = RC_OK;

	if (!args_has(t->args, "serve"))
		return RC_OK;
	t->served = heap_zeroed(t->cases.n, sizeof *t->served);
	for (size_t i = 0; rc == RC_OK && i < t->cases.n; i++)
		rc = served_make(t->args, s[i], &t->served[i], e);
	return rc;
}

static void serve_end(struct task_list *t)
{
	for (size_t i = 0; t->served && i < t->cases.n; i++)
		served_fini(&t->served[i]);
	free(t->served);
	t->served = NULL;
}

static void store_report(const struct task_list *t, struct sweep *const *s)
{
	size_t n = 0, n_stored = 0;

	for (size_t i = 0; i < t->cases.n; i++) {
		n += s[i]->n_prefill + s[i]->n_decode;
		n_stored += s[i]->n_stored;
	}
	fprintf(stderr, "epsim: sweep: %zu of %zu prices of pools were in %s\n", n_stored, n,
	        t->store);
}

static enum rc run_cases(struct task_list *t, struct sweep **s, struct err *e)
{
	struct progress bar;
	enum rc rc = RC_OK;

	progress_init(&bar, "sweep");
	t->options.progress = progress_step, t->options.progress_data = &bar;
	for (size_t i = 0; rc == RC_OK && i < t->cases.n; i++)
		rc = sweep_run(t->cases.config[i], &t->options, &s[i], e);
	t->info.sweep_seconds_s = wall_s() - bar.start_s;
	progress_end(&bar);
	progress_init(&bar, "draws");
	for (size_t i = 0; rc == RC_OK && t->draws > 0 && i < t->cases.n; i++)
		rc = sweep_draws(s[i], &t->options, t->draws, e);
	progress_end(&bar);
	return rc;
}

static enum rc run_whole(struct task_list *t, struct err *e)
{
	struct sweep **s = heap_zeroed(t->cases.n, sizeof *s);
	enum rc rc = run_cases(t, s, e);

	if (rc == RC_OK && t->store)
		store_report(t, s);
	if (rc == RC_OK)
		rc = serve_cases(t, s, e);
	if (rc == RC_OK)
		rc = report(t, s, e);
	serve_end(t);
	for (size_t i = 0; i < t->cases.n; i++)
		sweep_free(s[i]);
	free(s);
	return rc;
}

/* A shard, or a member of a team that is not the first: prices only. */
static enum rc run_part(struct task_list *t, size_t *n, struct err *e)
{
	*n = 0;
	for (size_t i = 0; i < t->cases.n; i++) {
		size_t more;

		TRY(sweep_fill(t->cases.config[i], &t->options, &more, e));
		*n += more;
	}
	return RC_OK;
}

static void print_counts(const struct sweep_counts *x, const struct config *c, FILE *out)
{
	fprintf(out,
	        "%s: %s on %s, workload %s\n"
	        "%.0f combinations, %zu schedules after the constraints\n"
	        "no: shape %zu, npus %zu, memory %zu; %zu are left for the time budgets\n"
	        "%zu prices of pools, %zu of them stored; %zu to make by engine %s\n",
	        c->sweep.name, c->model.name, c->machine.name, c->workload.name,
	        x->combinations_count, x->n_points, x->n_by_reason[REASON_SHAPE],
	        x->n_by_reason[REASON_NPUS], x->n_by_reason[REASON_MEMORY],
	        x->n_by_reason[REASON_NONE], x->n_prices, x->n_stored, x->n_engine,
	        c->sweep.engine);
}

static void json_counts(const struct sweep_counts *x, const struct config *c, struct json *j)
{
	json_object(j, NULL);
	json_text(j, "name", c->sweep.name);
	json_text(j, "machine", c->machine.name);
	json_text(j, "model", c->model.name);
	json_text(j, "workload", c->workload.name);
	json_number(j, "combinations", x->combinations_count);
	json_integer(j, "points_total", (int64_t)x->n_points);
	for (enum reason r = REASON_SHAPE; r <= REASON_MEMORY; r++)
		json_integer(j, reason_name(r), (int64_t)x->n_by_reason[r]);
	json_integer(j, "prices", (int64_t)x->n_prices);
	json_integer(j, "prices_stored", (int64_t)x->n_stored);
	json_integer(j, "prices_to_make", (int64_t)x->n_engine);
	json_close(j);
}

static enum rc dry_cases(const struct task_list *t, struct json *j, struct err *e)
{
	for (size_t i = 0; i < t->cases.n; i++) {
		struct sweep_counts x;

		TRY(sweep_counts(t->cases.config[i], &t->options, &x, e));
		if (j)
			json_counts(&x, t->cases.config[i], j);
		else
			print_counts(&x, t->cases.config[i], t->out);
	}
	return RC_OK;
}

static enum rc run_dry(const struct task_list *t, struct err *e)
{
	struct json *j = args_has(t->args, "json") ? json_new(t->out) : NULL;
	enum rc rc;

	if (!j)
		return dry_cases(t, NULL, e);
	json_object(j, NULL);
	json_array(j, "cases");
	rc = dry_cases(t, j, e);
	json_close(j);
	json_close(j);
	json_free(j);
	return rc;
}

static enum rc run_kind(struct task_list *t, struct err *e)
{
	size_t n;

	if (args_has(t->args, "dry-run"))
		return run_dry(t, e);
	if (t->shard.n > 0) {
		TRY(run_part(t, &n, e));
		fprintf(t->out, "shard %lld/%lld: %zu prices made, in %s\n",
		        (long long)t->shard.number + 1, (long long)t->shard.n, n, t->store);
		return RC_OK;
	}
	if (t->member.n > 0 && t->member.number > 0)
		return run_part(t, &n, e);
	TRY(served_check(t->args, t->config, e));
	return run_whole(t, e);
}

/* ---- the store, alone or with others ---- */

static const char *part_path(const struct task_list *t)
{
	return arena_print(t->config->arena, "%s.part-%lld", t->store, (long long)t->member.number);
}

static bool alone(const struct task_list *t)
{
	return t->member.n == 0;
}

/* What a team had made before it was cut off. */
static enum rc parts_gather(const struct task_list *t, struct err *e)
{
	struct sweep_team *team = team_new(t->store);
	struct sweep_store *s = NULL;
	enum rc rc = store_open(t->store, STORE_THERE, &s, e);

	if (rc == RC_OK)
		rc = team_gather(team, s, e);
	store_close(s);
	team_free(team);
	return rc;
}

static enum rc with_store(struct task_list *t, struct err *e)
{
	bool first = alone(t) || t->member.number == 0;
	enum store_mode mode = STORE_ANY;
	enum rc rc;

	if (!t->store)
		return run_kind(t, e);
	if (!alone(t))
		mode = first ? STORE_ALONE : STORE_LATER;
	else if (args_has(t->args, "resume"))
		TRY(parts_gather(t, e)); /* the store is there, then */
	TRY(store_open(first ? t->store : part_path(t), mode, &t->options.store, e));
	if (!alone(t))
		t->options.team = team_new(t->store);
	rc = run_kind(t, e);
	store_close(t->options.store);
	team_free(t->options.team);
	return rc;
}

static enum rc needs_store(const struct task_list *t, struct err *e)
{
	if (t->store)
		return RC_OK;
	if (args_has(t->args, "resume"))
		return fail(e, RC_CONFIG, "sweep: --resume goes on from a --store FILE");
	if (t->shard.n > 0)
		return fail(e, RC_CONFIG, "sweep: a --shard keeps its prices in a --store FILE");
	if (!alone(t))
		return fail(e, RC_CONFIG,
		            "sweep: %lld processes were started together; they share the work "
		            "through a --store FILE",
		            (long long)t->member.n);
	return RC_OK;
}

/* ---- options ---- */

static enum rc prune_option(const struct args *a, struct sweep_options *out, struct err *e)
{
	const char *name = args_value(a, "prune", "none");
	const double near_ratio = 0.05;
	struct err inner;
	char slip[128];

	while (prune_names[out->prune] && strcmp(prune_names[out->prune], name) != 0)
		out->prune++;
	if (!prune_names[out->prune])
		return fail(e, RC_CONFIG, "--prune %.40s: none, budget, front or near is needed%s",
		            name, hint(slip, sizeof slip, name, prune_names));
	out->near_ratio = near_ratio;
	if (args_has(a, "near") &&
	    quantity_parse(args_value(a, "near", ""), DIM_RATIO, &out->near_ratio, &inner) != RC_OK)
		return fail(e, RC_CONFIG, "--near: %s", inner.text);
	if (out->near_ratio >= 1)
		return fail(e, RC_CONFIG, "--near: a share below 100%% is needed");
	return RC_OK;
}

static enum rc options_read(struct task_list *t, struct err *e)
{
	const struct args *a = t->args;
	const char *shard = args_value(a, "shard", NULL);
	int64_t jobs, rows;

	TRY(launcher_member(args_value(a, "team", NULL), &t->member, e));
	if (shard) {
		TRY(part_parse("shard", shard, &t->shard, e));
		t->member = (struct member){0, 0};
		t->options.shard = t->shard.number, t->options.n_shards = t->shard.n;
	}
	TRY(args_integer(a, "jobs", alone(t) ? jobs_default() : 1, 1, &jobs, e));
	TRY(args_integer(a, "rows", FRONT_ROWS, 0, &rows, e));
	if (args_has(a, "json") && args_has(a, "csv"))
		return fail(e, RC_CONFIG, "sweep: --json and --csv exclude each other");
	t->options.jobs = t->info.jobs = jobs > MOST_JOBS ? MOST_JOBS : (int)jobs;
	t->info.rows = (size_t)rows;
	t->store = args_value(a, "store", NULL);
	TRY(args_integer(a, "draws", 0, 0, &t->draws, e));
	if (t->draws > MOST_DRAWS)
		return fail(e, RC_CONFIG, "sweep: --draws %lld: at most %d", (long long)t->draws,
		            MOST_DRAWS);
	TRY(needs_store(t, e));
	return prune_option(a, &t->options, e);
}

static enum rc sweep_config(struct task_list *t, struct err *e)
{
	const struct args *a = t->args;
	const char *dir = args_value(a, "out", NULL);

	TRY(options_read(t, e));
	if (args_has(a, "engine"))
		t->config->sweep.engine = args_value(a, "engine", "");
	TRY(knobs_check(a, t->config, e));
	TRY(sweep_cases(t->config, &t->cases, e));
	if (args_has(a, "explain"))
		return sweep_explain(a, &t->cases, t->out, e);
	if (dir)
		TRY(folder_make(dir, e));
	return with_store(t, e);
}

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	struct task_list t = {.args = a, .config = config_new(), .out = out};
	enum rc rc = RC_OK;

	if (a->n_words != 1)
		rc = fail(e, RC_CONFIG,
		          "sweep: one FILE is needed, such as "
		          "configs/sweeps/deepseek-v3.1-cm384.yaml");
	if (rc == RC_OK)
		rc = args_config(a, a->word[0], t.config, e);
	if (rc == RC_OK)
		rc = sweep_config(&t, e);
	config_free(t.config);
	return rc;
}

static const struct option options[] = {
        {"out", "DIR", "also write points, configuration and pictures there"},
        {"csv", NULL, "print all points as CSV"},
        {"rows", "N", "rows of the feasible front to print; default 20"},
        {"jobs", "N", "threads; default: all processors"},
        {"engine", "NAME", "estimate, fluid or simgrid; default: the file's"},
        {"dry-run", NULL, "only count schedules, and what there is to price"},
        {"explain", "POINT", "why a point is feasible or not: its row, or flow=direct,ep=64,..."},
        {"prune", "KIND", "none, budget, front or near: price less by lower bounds"},
        {"near", "SHARE", "with --prune near: how far from the estimated front; default 5%"},
        {"draws", "N",
         "sweep N draws of the machine's uncertain numbers, too: how surely each point is "
         "feasible"},
        {"finalists", "N", "price the N best of the front by simgrid, too"},
        {"serve", "N", "serve the N best of the front through queues: percentiles, goodput"},
        {"rate", "N", "with --serve: requests a second"},
        {"requests", "N", "with --serve: how many; default: some lives of a request"},
        {"load", "SHARE",
         "with --serve: of a pool's throughput that its deployments are for; default 80%"},
        {"store", "FILE", "keep prices there, and take from it what an earlier sweep made"},
        {"resume", NULL, "go on with a sweep that was cut off: the store must be there"},
        {"shard", "I/N", "only the I-th part of the prices, into the store; no report"},
        {"team", "I/N", "share the work with N - 1 processes like this; mpirun implies it"},
        {0},
};

const struct verb verb_sweep = {
        .name = "sweep",
        .doc = "Tries every combination of schedules against TTFT and TPOT budgets",
        .usage = "FILE [option...]",
        .examples = {"epsim sweep configs/sweeps/deepseek-v3.1-cm384.yaml --out out/cm384",
                     "epsim sweep configs/sweeps/qwen3-235b-a2.yaml --set sweep.budget.tpot=40ms "
                     "--json",
                     "mpirun -np 2 epsim sweep configs/sweeps/qwen3-235b-a2.yaml --store a2.db"},
        .options = options,
        .takes_config = true,
        .about = "A knob that the file does not list takes the schedule's one value (--ep, --batch "
                 "...).\n"
                 "Exit status 1: no schedule meets the budgets.",
        .run = run,
};

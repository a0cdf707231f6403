#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include "models/base/arena.h"
#include "models/base/quantity.h"
#include "tools/hw.h"

/* ---- what ran it ---- */

static void processor_text(char *buf, size_t size)
{
	FILE *in = fopen("/proc/cpuinfo", "r");
	char line[512];

	snprintf(buf, size, "unknown processor");
	while (in && fgets(line, sizeof line, in)) {
		const char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) != 0 || !colon)
			continue;
		snprintf(buf, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
		break;
	}
	if (in)
		fclose(in);
}

const char *hw_machine_text(const char *device, char buf[MACHINE_TEXT_SIZE])
{
	char processor[128];
	struct utsname name;

	processor_text(processor, sizeof processor);
	if (uname(&name) != 0)
		snprintf(name.sysname, sizeof name.sysname, "unknown system");
	snprintf(buf, MACHINE_TEXT_SIZE, "%s%s%s, %d processors, %.20s %.20s", device,
	         device[0] ? "; host: " : "", processor, jobs_default(), name.sysname,
	         name.machine);
	return buf;
}

/* ---- lists ---- */

enum rc hw_list_read(const struct args *a, const char *name, const char *fallback, int64_t least,
                     int64_t *out, size_t *n, struct err *e)
{
	const char *text = args_value(a, name, fallback);

	*n = 0;
	for (const char *at = text; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		char item[32];
		double value;
		struct err inner;

		snprintf(item, sizeof item, "%.*s", (int)strcspn(at, ","), at);
		if (quantity_parse(item, DIM_COUNT, &value, &inner) != RC_OK)
			return fail(e, RC_CONFIG, "--%s: %s", name, inner.text);
		if (value < (double)least)
			return fail(e, RC_CONFIG, "--%s: %s is below %lld", name, item,
			            (long long)least);
		if (*n == MOST_LIST)
			return fail(e, RC_CONFIG, "--%s: at most %d numbers", name, MOST_LIST);
		out[(*n)++] = (int64_t)value;
	}
	return RC_OK;
}

/* Sets flag[i] for each name in the list; "all", or an option that is not given, sets all. */
static enum rc names_read(const struct args *a, const char *option, const char *fallback,
                          const char *const *names, bool *flag, struct err *e)
{
	const char *text = args_value(a, option, fallback);
	char item[64], slip[128];

	for (const char *at = text; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		bool known = false;

		snprintf(item, sizeof item, "%.*s", (int)strcspn(at, ","), at);
		for (size_t i = 0; names[i]; i++) {
			bool named = strcmp(item, names[i]) == 0 || strcmp(item, "all") == 0;

			flag[i] = flag[i] || named;
			known = known || named;
		}
		if (!known)
			return fail(e, RC_CONFIG, "--%s: there is no '%s'%s", option, item,
			            hint(slip, sizeof slip, item, names));
	}
	return RC_OK;
}

static enum rc choice_read(const struct args *a, const char *option, const char *fallback,
                           const char *const *names, int *out, struct err *e)
{
	bool flag[16] = {false};
	const char *text = args_value(a, option, fallback);

	if (strchr(text, ',') || strcmp(text, "all") == 0)
		return fail(e, RC_CONFIG, "--%s: one name, not '%s'", option, text);
	TRY(names_read(a, option, fallback, names, flag, e));
	for (*out = 0; !flag[*out]; (*out)++)
		;
	return RC_OK;
}

/* ---- trials ---- */

struct wishes {
	bool flow[8], phase[PHASES];
	int64_t ranks[MOST_LIST], tokens[MOST_LIST];
	size_t n_ranks, n_tokens;
	struct trial trial;
	int64_t local_experts; /* 0: the number of experts is given */
};

static enum rc shape_read(const struct args *a, struct wishes *w, struct err *e)
{
	struct shape *s = &w->trial.shape;
	int dispatch, load;
	int64_t seed;

	TRY(args_integer(a, "hidden", 7168, 1, &s->hidden, e));
	TRY(args_integer(a, "top-k", 8, 1, &s->top_k, e));
	TRY(args_integer(a, "experts", 0, 1, &s->experts, e));
	TRY(args_integer(a, "seed", 0, 0, &seed, e));
	TRY(choice_read(a, "dispatch", "bf16", dtype_names, &dispatch, e));
	TRY(choice_read(a, "load", "even", load_names, &load, e));
	s->dispatch = (enum dtype)dispatch, s->load = (enum load_kind)load;
	s->seed = (uint64_t)seed;
	w->local_experts = s->experts ? 0 : 8;
	return RC_OK;
}

static enum rc wishes_read(const struct args *a, struct wishes *w, struct err *e)
{
	const char *flows[8] = {0};
	int64_t repeats, warmups, layers, cores;

	for (size_t i = 0; kernels_table[i]; i++)
		flows[i] = kernels_table[i]->name;
	TRY(names_read(a, "flow", "all", flows, w->flow, e));
	TRY(names_read(a, "phase", "all", phase_names, w->phase, e));
	TRY(hw_list_read(a, "ranks", "2", 1, w->ranks, &w->n_ranks, e));
	TRY(hw_list_read(a, "tokens", "256", 0, w->tokens, &w->n_tokens, e));
	TRY(shape_read(a, w, e));
	TRY(args_integer(a, "repeats", 11, 0, &repeats, e));
	TRY(args_integer(a, "warmups", 2, 0, &warmups, e));
	TRY(args_integer(a, "layers", 2, 0, &layers, e));
	TRY(args_integer(a, "cores", 0, 0, &cores, e));
	if (repeats > MOST_REPEATS || warmups > MOST_REPEATS)
		return fail(e, RC_CONFIG, "--repeats, --warmups: at most %d", MOST_REPEATS);
	if (layers > MOST_LAYERS)
		return fail(e, RC_CONFIG, "--layers: at most %d", MOST_LAYERS);
	w->trial.repeats = (int32_t)repeats, w->trial.warmups = (int32_t)warmups;
	w->trial.checked = (int32_t)layers, w->trial.cores = (int32_t)cores;
	return RC_OK;
}

/* Flows and phases of one shape. */
static enum rc shape_append(const struct wishes *w, int64_t ranks, int64_t tokens,
                            struct hw_query *q, struct err *e)
{
	for (enum phase phase = 0; phase < PHASES; phase++) {
		for (int32_t flow = 0; w->phase[phase] && kernels_table[flow]; flow++) {
			struct trial t = w->trial;

			if (!w->flow[flow])
				continue;
			t.kernels = flow, t.shape.phase = phase;
			t.shape.n_ranks = ranks, t.shape.tokens = tokens;
			if (w->local_experts > 0)
				t.shape.experts = w->local_experts * ranks;
			TRY(trial_check(&t, e));
			if (q->n_trials == MOST_TRIALS)
				return fail(e, RC_CONFIG, "hw: more than %d trials", MOST_TRIALS);
			q->trial[q->n_trials++] = t;
		}
	}
	return RC_OK;
}

static enum rc clock_read(const struct args *a, bool *wall, struct err *e)
{
	const char *clock = args_value(a, "clock", "work");

	*wall = strcmp(clock, "wall") == 0;
	if (!*wall && strcmp(clock, "work") != 0)
		return fail(e, RC_CONFIG, "--clock: work or wall, not '%s'", clock);
	return RC_OK;
}

enum rc hw_query_read(const struct args *a, struct hw_query *q, struct err *e)
{
	struct wishes w = {0};

	*q = (struct hw_query){.trial = heap_zeroed(MOST_TRIALS, sizeof *q->trial)};
	q->backend = symheap_backend_find(args_value(a, "backend", "host"), e);
	if (!q->backend)
		return e->rc;
	TRY(clock_read(a, &q->wall, e));
	q->machine_name = args_value(a, "machine-name", "host");
	TRY(wishes_read(a, &w, e));
	for (size_t r = 0; r < w.n_ranks; r++) {
		for (size_t t = 0; t < w.n_tokens; t++)
			TRY(shape_append(&w, w.ranks[r], w.tokens[t], q, e));
	}
	return RC_OK;
}

void hw_query_fini(struct hw_query *q)
{
	free(q->trial);
}

/* ---- running ---- */

/* The first trial of the same tokens: phases and flows must not matter. */
static size_t first_alike(const struct hw_query *q, size_t i)
{
	size_t k = i;

	while (k > 0 && q->trial[k - 1].shape.n_ranks == q->trial[i].shape.n_ranks &&
	       q->trial[k - 1].shape.tokens == q->trial[i].shape.tokens)
		k--;
	return k;
}

enum rc hw_trials_run(const struct hw_query *q, struct hw_outcome *out, struct err *e)
{
	for (size_t i = 0; i < q->n_trials; i++) {
		const struct trial *t = &q->trial[i];
		struct hw_outcome *o = &out[i];

		o->reports = heap_zeroed((size_t)t->shape.n_ranks, sizeof *o->reports);
		TRY(trial_run(t, q->backend, o->reports, o->device, e));
		trial_sum(t, o->reports, &o->result);
		o->equal = verdict_good(&o->result.verdict) &&
		           o->result.verdict.digest == out[first_alike(q, i)].result.verdict.digest;
	}
	return RC_OK;
}

void hw_outcomes_free(const struct hw_query *q, struct hw_outcome *out)
{
	for (size_t i = 0; i < q->n_trials; i++)
		free(out[i].reports);
	free(out);
}

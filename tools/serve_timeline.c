/* Steps of one instance as a Chrome trace. */
#include "models/base/json.h"
#include "tools/serve_request.h"

static const double us_in_s = 1e6; /* Chrome's unit */

static void step_json(struct json *o, const struct serve_step *s, int32_t instance)
{
	json_object(o, NULL);
	json_text(o, "name",
	          s->prompts > 0 ? (s->decoding > 0 ? "prefill and decode" : "prefill") : "decode");
	json_text(o, "ph", "X");
	json_integer(o, "pid", instance);
	json_integer(o, "tid", 0);
	json_number(o, "ts", s->start_s * us_in_s);
	json_number(o, "dur", (s->end_s - s->start_s) * us_in_s);
	json_object(o, "args");
	json_integer(o, "steps", s->steps);
	json_integer(o, "decoding", s->decoding);
	json_integer(o, "prompts", s->prompts);
	json_integer(o, "prefill_tokens", s->prefill_tokens);
	json_close(o);
	json_close(o);
}

static void counter_json(struct json *o, const char *name, double at_s, double value,
                         int32_t instance) /* unit: value of the counter */
{
	json_object(o, NULL);
	json_text(o, "name", name);
	json_text(o, "ph", "C");
	json_integer(o, "pid", instance);
	json_number(o, "ts", at_s * us_in_s);
	json_object(o, "args");
	json_number(o, name, value);
	json_close(o);
	json_close(o);
}

static void mark_json(struct json *o, const struct serve_mark *m)
{
	json_object(o, NULL);
	json_text(o, "name", serve_mark_names[m->kind]);
	json_text(o, "ph", "i");
	json_text(o, "s", "p");
	json_integer(o, "pid", m->instance);
	json_integer(o, "tid", 0);
	json_number(o, "ts", m->at_s * us_in_s);
	json_object(o, "args");
	json_integer(o, "groups", m->groups);
	json_close(o);
	json_close(o);
}

void serve_timeline_json(const struct serve_job *j, FILE *out)
{
	struct json *o = json_new(out);
	const struct serve_trace *t = &j->trace;

	json_object(o, NULL);
	json_text(o, "displayTimeUnit", "ms");
	json_array(o, "traceEvents");
	for (size_t i = 0; i < t->n; i++) {
		const struct serve_step *s = &t->step[i];

		step_json(o, s, t->instance);
		counter_json(o, "decoding", s->start_s, s->decoding, t->instance);
		counter_json(o, "waiting", s->start_s, s->waiting, t->instance);
		counter_json(o, "kv_used_ratio", s->start_s, s->kv_used_ratio, t->instance);
	}
	for (size_t i = 0; i < j->result.failures.n_marks; i++) {
		if (j->result.failures.mark[i].instance == t->instance)
			mark_json(o, &j->result.failures.mark[i]);
	}
	json_close(o);
	json_close(o);
	json_free(o);
}

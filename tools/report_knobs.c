#include "tools/report_knobs.h"
#include <stdlib.h>
#include <string.h>
#include "sim/sweep_price.h"
#include "tools/sweep_columns.h"
#include "tools/text.h"

/* The field of a knob in the schedule section's table. */
static const struct field *field_of(enum knob_id id)
{
	const struct field *f = schedule_fields;

	while (f->key && strcmp(f->key, knob_names[id]) != 0)
		f++;
	CHECK(f->key);
	return f;
}

static struct knob_value value_of(const struct field *f, const struct schedule *s)
{
	const char *slot = (const char *)s + f->offset;

	if (f->kind == FIELD_TEXT)
		return (struct knob_value){.word = *(const char *const *)slot};
	return (struct knob_value){.number = f->kind == FIELD_CHOICE ? *(const int *)slot
	                                                             : *(const int64_t *)slot};
}

static bool same(const struct knob_value *a, const struct knob_value *b)
{
	if (a->word && a->word != b->word)
		return strcmp(a->word, b->word) == 0;
	return a->number == b->number;
}

/* Values of a knob in one pool, as they are found. */
struct found {
	struct knob_value *value;
	size_t n, last;
};

static size_t value_at(const struct found *f, const struct knob_value *v)
{
	if (f->n > 0 && same(&f->value[f->last], v)) /* often as before */
		return f->last;
	for (size_t i = 0; i < f->n; i++) {
		if (same(&f->value[i], v))
			return i;
	}
	return f->n;
}

static void found_add(struct found *f, enum knob_id id, struct knob_value v,
                      const struct schedule *s, struct arena *a)
{
	char buf[TEXT_SIZE];

	f->last = value_at(f, &v);
	if (f->last < f->n)
		return;
	v.text = arena_string(a, knob_text(s, id, buf, sizeof buf));
	f->value = heap_resize(f->value, f->n + 1, sizeof *f->value);
	f->value[f->n++] = v;
}

static const char *title_of(enum knob_id id, struct arena *a)
{
	enum { SHORT = 3 }; /* abbreviations: EP, KV */
	char *name = arena_string(a, knob_names[id]);

	for (char *c = name; *c; c++) {
		if (strlen(name) <= SHORT && *c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
		else if (*c == '_')
			*c = ' ';
	}
	return name;
}

static void knob_make(struct report_knob *k, enum knob_id id, enum phase pool, bool apart,
                      const struct found *f, struct arena *a)
{
	*k = (struct report_knob){.id = id,
	                          .pool = pool,
	                          .key = knob_names[id],
	                          .title = title_of(id, a),
	                          .field = field_of(id),
	                          .number = field_of(id)->kind == FIELD_INTEGER,
	                          .apart = apart,
	                          .n = f->n};
	if (apart) {
		k->key = arena_print(a, "%s_%s", phase_names[pool], k->key);
		k->title = arena_print(a, "%s %s", phase_names[pool], k->title);
	}
	k->value = arena_alloc(a, f->n * sizeof *k->value + 1);
	if (f->n > 0)
		memcpy(k->value, f->value, f->n * sizeof *k->value);
}

/* Batch is decode's, chunk prefill's. */
static enum phase pool_of(enum knob_id id)
{
	return id == KNOB_CHUNK ? PHASE_PREFILL : PHASE_DECODE;
}

static void points_look(const struct sweep *s, struct found found[KNOBS][PHASES], bool apart[KNOBS],
                        struct arena *a)
{
	const struct field *field[KNOBS];

	for (enum knob_id id = 0; id < KNOBS; id++)
		field[id] = field_of(id);
	for (size_t i = 0; i < s->n_points; i++) {
		const struct sweep_point *p = s->points + i;
		const struct schedule of[PHASES] = {
		        [PHASE_PREFILL] = pool_schedule(p->prefill, PHASE_PREFILL),
		        [PHASE_DECODE] = pool_schedule(p->decode, PHASE_DECODE)};

		for (enum knob_id id = 0; id < KNOBS; id++) {
			struct knob_value v[PHASES];

			for (enum phase pool = 0; pool < PHASES; pool++) {
				v[pool] = value_of(field[id], &of[pool]);
				found_add(&found[id][pool], id, v[pool], &of[pool], a);
			}
			apart[id] |= id < KNOBS_SHARED && !same(&v[0], &v[1]);
		}
	}
}

/* Deployments of a pool, where the sweep lists their number. */
static void instances_make(struct report_knob *k, const struct sweep *s, enum phase pool,
                           struct arena *a)
{
	*k = (struct report_knob){.id = KNOBS,
	                          .pool = pool,
	                          .key = arena_print(a, "%s_instances", phase_names[pool]),
	                          .title = arena_print(a, "%s instances", phase_names[pool]),
	                          .number = true,
	                          .apart = true,
	                          .n = s->knobs.n_instances[pool]};
	k->value = arena_alloc(a, k->n * sizeof *k->value);
	for (size_t i = 0; i < k->n; i++) {
		k->value[i].number = knob_instances(&s->knobs, pool, i);
		k->value[i].text = arena_print(a, "%lld", (long long)k->value[i].number);
	}
}

size_t report_knobs(const struct sweep *s, struct arena *a,
                    struct report_knob out[MOST_REPORT_KNOBS])
{
	struct found found[KNOBS][PHASES] = {0};
	bool apart[KNOBS] = {0};
	size_t n = 0;

	points_look(s, found, apart, a);
	for (enum knob_id id = 0; id < KNOBS; id++) {
		if (apart[id])
			knob_make(&out[n++], id, PHASE_PREFILL, true, &found[id][PHASE_PREFILL], a);
		knob_make(&out[n++], id, pool_of(id), apart[id], &found[id][pool_of(id)], a);
		for (enum phase pool = 0; pool < PHASES; pool++)
			free(found[id][pool].value);
	}
	for (enum phase pool = 0; pool < PHASES && sweep_has_instances(s); pool++)
		instances_make(&out[n++], s, pool, a);
	return n;
}

static struct knob_value point_value(const struct report_knob *k, const struct sweep_point *p)
{
	struct schedule s;

	if (k->id == KNOBS)
		return (struct knob_value){.number = p->instances[k->pool]};
	s = pool_schedule(k->pool == PHASE_PREFILL ? p->prefill : p->decode, k->pool);
	return value_of(k->field, &s);
}

size_t report_knob_at(const struct report_knob *k, const struct sweep_point *p)
{
	const struct knob_value v = point_value(k, p);

	for (size_t i = 0; i < k->n; i++) {
		if (same(&k->value[i], &v))
			return i;
	}
	return 0;
}

#include "tests/field_thing.h"
#include "tests/unit.h"
#include <stdio.h>
#include <string.h>

static void refuse(const char *text, const char *message)
{
	struct arena *a = arena_new();
	struct thing t;
	struct err e = {.text = ""};

	CU_ASSERT_EQUAL(thing_read(text, &t, a, NULL, &e), RC_CONFIG);
	UNIT_TEXT(e.text, message);
	arena_free(a);
}

/* The line of text after a valid fabric, so on line 2. */
static void refuse_line(const char *line, const char *message)
{
	struct arena *a = arena_new();

	refuse(arena_print(a, "fabric: {rate: 196GBps}\n%s\n", line), message);
	arena_free(a);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void every_kind_is_read(void)
{
	struct arena *a = arena_new();
	struct thing t;

	thing_accept(
	        "name: \"it's\"\ncores: 48\nmode: fast\non: false\nshare: 25%\n"
	        "fabric:\n  rate: 196GBps\n  latency: 929ns\n  deep: {lanes: 4}\n"
	        "batch: [1, 2, 4]\nsizes: [1KiB, 3MB]\ntags: ['x,y', z]\nmodes: [slow, fast]\n",
	        &t, a, NULL);
	UNIT_TEXT(t.name, "it's");
	CU_ASSERT(t.cores == 48 && t.mode == 0 && !t.on && t.share_ratio == 0.25);
	CU_ASSERT(t.fabric.rate_Bps == 196e9 && t.fabric.latency_s == 929e-9);
	CU_ASSERT_EQUAL(t.fabric.deep.lanes, 4);
	CU_ASSERT(t.batch.n == 3 && t.batch.number[2] == 4 && !t.batch.text);
	CU_ASSERT(t.sizes.n == 2 && t.sizes.number[0] == 1024 && t.sizes.number[1] == 3e6);
	CU_ASSERT(t.tags.n == 2 && !t.tags.number);
	UNIT_TEXT(t.tags.text[0], "x,y");
	CU_ASSERT(t.modes.n == 2 && t.modes.number[0] == 1 && t.modes.number[1] == 0);
	arena_free(a);
}

static void missing_keys_take_their_fallback(void)
{
	struct arena *a = arena_new();
	struct thing t;

	thing_accept("fabric: {rate: 1GBps}", &t, a, NULL);
	UNIT_TEXT(t.name, "");
	CU_ASSERT(t.cores == 24 && t.mode == 1 && t.on && t.share_ratio == 0.5);
	CU_ASSERT(t.fabric.latency_s == 1e-6 && t.fabric.deep.lanes == 1);
	CU_ASSERT(t.batch.n == 2 && t.batch.number[0] == 8 && t.batch.number[1] == 16);
	CU_ASSERT_EQUAL(t.sizes.n, 0);
	CU_ASSERT_EQUAL(t.tags.n, 2);
	UNIT_TEXT(t.tags.text[1], "b");
	arena_free(a);
}

static void required_keys_are_asked_for(void)
{
	const struct field *deep = thing_fields[5].group + 2;
	int64_t lanes = 0;
	struct thing t;
	struct arena *a = arena_new();
	struct err e;

	refuse("cores: 1\n", "x.yaml:1: this map needs 'fabric' (the links)");
	refuse("cores: 1\nfabric:\n  latency: 1us\n",
	       "x.yaml:3: fabric needs 'rate' (one direction)");
	CU_ASSERT_EQUAL(fields_default(thing_fields, &t, a, &e), RC_CONFIG);
	UNIT_TEXT(e.text, "defaults: this map needs 'fabric' (the links)");
	CU_ASSERT_EQUAL(fields_default(deep->group, &lanes, a, &e), RC_OK);
	CU_ASSERT_EQUAL(lanes, 1);
	arena_free(a);
}

static void unknown_keys_name_the_nearest(void)
{
	refuse("cores: 1\nfabrik:\n  rate: 1GBps\n",
	       "x.yaml:2: unknown key 'fabrik'; did you mean 'fabric'?");
	refuse("fabric:\n  ratee: 1GBps\n",
	       "x.yaml:2: fabric: unknown key 'ratee'; did you mean 'rate'?");
	refuse("fabric:\n  rate: 1GBps\n  deep:\n    qwerty: 1\n",
	       "x.yaml:4: fabric.deep: unknown key 'qwerty'; known here: lanes");
}

static void wrong_values_are_refused(void)
{
	refuse_line("cores: 0", "x.yaml:2: cores: '0' is too small; it must be at least 1");
	refuse_line("cores: 1.5", "x.yaml:2: cores: '1.5' must be a whole number in plain digits");
	refuse_line("cores: [1]", "x.yaml:2: cores: a single value is needed, not a list");
	refuse_line("cores:", "x.yaml:2: cores: a value is missing");
	refuse_line("cores: ~", "x.yaml:2: cores: a value is missing");
	refuse_line("cores: ''",
	            "x.yaml:2: cores: '' does not start with a number such as 12 or 0.5");
	refuse_line("name:", "x.yaml:2: name: a value is missing; write \"\" for an empty text");
	refuse_line("share: 1.5", "x.yaml:2: share: '1.5' is out of range; it must be from 0 to 1");
	refuse_line("on: maybe", "x.yaml:2: on: 'maybe' is neither yes nor no");
	refuse_line("mode: fsat",
	            "x.yaml:2: mode: 'fsat' is not one of fast, slow, no; did you mean 'fast'?");
	refuse_line("mode: banana", "x.yaml:2: mode: 'banana' is not one of fast, slow, no");
	refuse_line("modes: [fast, slwo]",
	            "x.yaml:2: modes: 'slwo' is not one of fast, slow, no; did you mean 'slow'?");
	refuse_line("sizes: [1KiB, 2us]", "x.yaml:2: sizes: '2us' is a time, but a size is needed "
	                                  "(B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)");
	refuse_line("sizes: [[1KiB]]", "x.yaml:2: sizes: a single value is needed, not a list");
	refuse_line("tags: [a, ]\nbatch: [2000000]",
	            "x.yaml:3: batch: '2000000' is out of range; it must be from 0 to 1048576");
	refuse("fabric: {rate: 2TBps}", "x.yaml:1: fabric.rate: '2TBps' is out of range; it must "
	                                "be from 1GBps to 1TBps");
	refuse("fabric: {rate: 196}",
	       "x.yaml:1: fabric.rate: '196' needs a unit of rate, such as GBps");
	refuse("fabric: 5", "x.yaml:1: fabric: a map of keys is needed, not a single value");
	refuse("fabric: [5]", "x.yaml:1: fabric: a map of keys is needed, not a list");
	refuse("fabric:\n", "x.yaml:1: fabric: a map of keys is needed, not a single value");
	refuse("[1]", "x.yaml:1: a map of keys is needed, not a list");
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void list_is(const char *line, size_t n, const double *items)
{
	struct arena *a = arena_new();
	struct thing t = {.cores = 0};

	thing_accept(arena_print(a, "fabric: {rate: 1GBps}\nbatch: %s\n", line), &t, a, NULL);
	CU_ASSERT_EQUAL(t.batch.n, n);
	for (size_t i = 0; i < n && t.batch.n == n; i++)
		CU_ASSERT_EQUAL(t.batch.number[i], items[i]);
	arena_free(a);
}

static void a_list_has_many_forms(void)
{
	list_is("7", 1, (const double[]){7});
	list_is("[]", 0, NULL);
	list_is("[3, 1]", 2, (const double[]){3, 1});
	list_is("{value: [3, 1], source: x}", 2, (const double[]){3, 1});
	list_is("{value: 3, source: x}", 1, (const double[]){3});
	list_is("{value: {from: 1, to: 2, step: 1}, source: x}", 2, (const double[]){1, 2});
	list_is("{from: 8, to: 64, factor: 2}", 4, (const double[]){8, 16, 32, 64});
	list_is("{from: 8, to: 63, factor: 2}", 3, (const double[]){8, 16, 32});
	list_is("{from: 0, to: 64, step: 24}", 3, (const double[]){0, 24, 48});
	list_is("{from: 5, to: 5, step: 9007199254740992}", 1, (const double[]){5});
	list_is("{from: 5, to: 6, factor: 9007199254740992}", 1, (const double[]){5});
}

static void a_wrong_range_is_refused(void)
{
	refuse_line("batch: {from: 9, to: 8, step: 1}",
	            "x.yaml:2: batch: a range must not go down: 'from' is above 'to'");
	refuse_line("batch: {from: 1, to: 8, factor: 1}",
	            "x.yaml:2: batch.factor: '1' is too small; it must be at least 2");
	refuse_line("batch: {from: 1, to: 8, factor: 1.5}",
	            "x.yaml:2: batch.factor: '1.5' must be a whole number in plain digits");
	refuse_line("batch: {from: 1, to: 8, step: 0}",
	            "x.yaml:2: batch.step: '0' is too small; it must be at least 1");
	refuse_line("batch: {from: 1, to: 8, step: -1}",
	            "x.yaml:2: batch.step: '-1' must not be negative");
	refuse_line("batch: {from: 0, to: 8, factor: 2}",
	            "x.yaml:2: batch: a range by 'factor' must start above 0");
	refuse_line("batch: {from: 1, to: 8}",
	            "x.yaml:2: batch: a range needs either 'factor' or 'step'");
	refuse_line("batch: {from: 1, to: 8, step: 1, factor: 2}",
	            "x.yaml:2: batch: a range needs either 'factor' or 'step'");
	refuse_line("batch: {to: 8, step: 1}", "x.yaml:2: batch: a range needs 'from'");
	refuse_line("batch: {from: 1, to: 10001, step: 1}",
	            "x.yaml:2: batch: a range of more than 10000 items");
	refuse_line("batch: {from: 1, to: 1048576, step: 1}",
	            "x.yaml:2: batch: a range of more than 10000 items");
	refuse_line("batch: {from: 1, to: 8, stpe: 1}",
	            "x.yaml:2: batch: unknown key 'stpe'; did you mean 'step'?");
	refuse_line("batch: {from: 1, to: 2000000, step: 1000}",
	            "x.yaml:2: batch.to: '2000000' is out of range; it must be from 0 to 1048576");
	refuse_line("sizes: {from: 1, to: 2, step: 1}",
	            "x.yaml:2: sizes: unknown key 'from'; known here: value, source, note, sd, "
	            "fit, prior, prior_sd");
}

static void a_list_ends_at_10000(void)
{
	struct arena *a = arena_new();
	char *text = arena_alloc(a, 100000), *end = text;
	struct thing t;

	end += sprintf(end, "fabric: {rate: 1GBps}\nbatch: [1");
	for (int i = 1; i < 10000; i++)
		end += sprintf(end, ",1");
	strcpy(end, "]");
	thing_accept(text, &t, a, NULL);
	CU_ASSERT_EQUAL(t.batch.n, 10000);
	thing_accept("fabric: {rate: 1GBps}\nbatch: {from: 1, to: 10000, step: 1}\n", &t, a, NULL);
	CU_ASSERT_EQUAL(t.batch.n, 10000);
	strcpy(end, ",1]");
	refuse(text, "x.yaml:2: batch: a list of more than 10000 items");
	arena_free(a);
}

/* ---- notes ----------------------------------------------------------------------------------- */

static void annotations_become_notes(void)
{
	struct arena *a = arena_new();
	struct note *notes = NULL;
	const struct note *n;
	struct thing t;

	thing_accept("fabric:\n"
	             "  rate: {value: 196GBps, source: \"arXiv:2506.12708\", sd: 5%, fit: yes, "
	             "note: n}\n"
	             "  latency: {value: 2us}\n"
	             "name: {value: x, source: s}\non: {value: no, source: s}\n"
	             "mode: {value: fast, source: s}\ncores: {value: 3, note: s}\n"
	             "tags: {value: [a], fit: yes}\n",
	             &t, a, &notes);
	CU_ASSERT(t.fabric.rate_Bps == 196e9 && t.fabric.latency_s == 2e-6 && !t.on);
	n = note_find(notes, "fabric.rate");
	CU_ASSERT_PTR_NOT_NULL_FATAL(n);
	UNIT_TEXT(n->source, "arXiv:2506.12708");
	UNIT_TEXT(n->remark, "n");
	CU_ASSERT(n->sd_ratio == 0.05 && n->fit);
	CU_ASSERT_PTR_NULL(note_find(notes, "fabric.latency")); /* says nothing */
	CU_ASSERT_PTR_NULL(note_find(notes, "rate"));
	CU_ASSERT_PTR_NULL(note_find(notes, "cores")->source);
	CU_ASSERT(note_find(notes, "tags")->fit && note_find(notes, "name"));
	arena_free(a);
}

static void wrong_annotations_are_refused(void)
{
	refuse_line("cores: {value: 1, sorce: x}",
	            "x.yaml:2: cores: unknown key 'sorce'; did you mean 'source'?");
	refuse_line("cores: {source: x}",
	            "x.yaml:2: cores: 'value' is missing beside its annotations");
	refuse_line("cores: {}", "x.yaml:2: cores: 'value' is missing beside its annotations");
	refuse_line("cores: {value: 1, sd: 3us}",
	            "x.yaml:2: cores.sd: '3us' is a time, but a ratio is needed "
	            "(a bare number, or %)");
	refuse_line("cores: {value: 1, fit: 2}", "x.yaml:2: cores.fit: '2' is neither yes nor no");
	refuse_line("cores: {value: {value: 1}}",
	            "x.yaml:2: cores: a single value is needed, not a map");
	refuse_line("cores:\n  value: 1\n  source: [x]\n",
	            "x.yaml:4: cores.source: a single value is needed, not a list");
	refuse_line("cores: {value: 1, source: }",
	            "x.yaml:2: cores.source: a value is missing; write \"\" for an empty text");
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"every kind is read", every_kind_is_read},
	        {"missing keys take their fallback", missing_keys_take_their_fallback},
	        {"required keys are asked for", required_keys_are_asked_for},
	        {"unknown keys name the nearest", unknown_keys_name_the_nearest},
	        {"wrong values are refused", wrong_values_are_refused},
	        {"a list has many forms", a_list_has_many_forms},
	        {"a wrong range is refused", a_wrong_range_is_refused},
	        {"a list ends at 10000", a_list_ends_at_10000},
	        {"annotations become notes", annotations_become_notes},
	        {"wrong annotations are refused", wrong_annotations_are_refused},
	        {NULL, NULL},
	};

	return unit_main("base_field", tests);
}

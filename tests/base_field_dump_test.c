#include "models/base/rng.h"
#include "tests/field_thing.h"
#include "tests/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- set ------------------------------------------------------------------------------------- */

static void set_refuses(const char *path, const char *text, const char *message)
{
	struct arena *a = arena_new();
	struct thing t = {.cores = 5};
	struct err e = {.text = ""};

	CU_ASSERT_EQUAL(fields_set(thing_fields, &t, path, text, "--set x", a, NULL, &e),
	                RC_CONFIG);
	UNIT_TEXT(e.text, message);
	CU_ASSERT(thing_same(&t, &(struct thing){.cores = 5})); /* nothing was written */
	arena_free(a);
}

static void set(struct thing *t, const char *path, const char *text, struct arena *a,
                struct note **notes)
{
	struct err e = {.text = ""};

	if (fields_set(thing_fields, t, path, text, "--set x", a, notes, &e) != RC_OK)
		UNIT_TEXT(e.text, "no error");
}

static void set_changes_one_value(void)
{
	struct arena *a = arena_new();
	struct note *notes = NULL;
	struct thing t;

	thing_accept(
	        "fabric: {rate: {value: 1GBps, source: s}, latency: {value: 2us, source: l}}\n", &t,
	        a, &notes);
	set(&t, "fabric.rate", "150GBps", a, &notes);
	set(&t, "fabric.deep.lanes", "7", a, &notes);
	set(&t, "name", "", a, &notes);
	set(&t, "mode", "no", a, NULL);
	set(&t, "batch", "1 ,2, 3", a, &notes);
	set(&t, "tags", "one", a, &notes);
	set(&t, "sizes", "", a, &notes);
	CU_ASSERT(t.fabric.rate_Bps == 150e9 && t.fabric.deep.lanes == 7 && t.mode == 2);
	UNIT_TEXT(t.name, "");
	CU_ASSERT(t.batch.n == 3 && t.batch.number[2] == 3);
	CU_ASSERT(t.tags.n == 1 && t.sizes.n == 0);
	CU_ASSERT_PTR_NULL(note_find(notes, "fabric.rate")); /* its source no longer holds */
	CU_ASSERT_PTR_NOT_NULL(note_find(notes, "fabric.latency"));
	arena_free(a);
}

static void set_refuses_what_a_file_may_not_say(void)
{
	set_refuses("fabrik.rate", "1GBps",
	            "--set x: unknown key 'fabrik'; did you mean 'fabric'?");
	set_refuses("fabric.rat", "1GBps", "--set x: unknown key 'rat'; did you mean 'rate'?");
	set_refuses("fabric.", "1", "--set x: unknown key ''; known here: rate, latency, deep");
	set_refuses("fabric", "1",
	            "--set x: 'fabric' is a group; set one of its keys, such as fabric.rate");
	set_refuses("cores.x", "1", "--set x: 'cores' has no keys of its own");
	set_refuses("fabric.rate", "196", "--set x: '196' needs a unit of rate, such as GBps");
	set_refuses("fabric.rate", "2TBps",
	            "--set x: '2TBps' is out of range; it must be from 1GBps to 1TBps");
	set_refuses("batch", "1,,2", "--set x: a value is missing");
	set_refuses("batch", "1,x", "--set x: 'x' does not start with a number such as 12 or 0.5");
	set_refuses("name", "\xff", "--set x: '?' is not text in UTF-8");
}

/* ---- dump ------------------------------------------------------------------------------------ */

static char *dump(const struct thing *t, const struct note *notes)
{
	char *text = NULL;
	size_t n_bytes;
	FILE *out = open_memstream(&text, &n_bytes);

	fields_dump(thing_fields, t, notes, 0, out);
	fclose(out);
	return text;
}

static const char *random_text(struct rng *r, struct arena *a)
{
	static const char *const parts[] = {
	        "a",
	        "yes",
	        "#",
	        ": ",
	        " ",
	        "\n",
	        "\t",
	        "\"",
	        "\\",
	        "'",
	        "- ",
	        "?",
	        "{",
	        "]",
	        ",",
	        "&x",
	        "*",
	        "!",
	        "%",
	        "@",
	        "~",
	        "null",
	        "\r",
	        "\x01",
	        "\x7f",
	        "\xc2\x85",
	        "\xc3\xa9",
	        "0x10",
	        "\xe2\x80\xa8",
	        "\xef\xbb\xbf",
	        "\xef\xbf\xbe",
	        "\xf0\x9f\x98\x80",
	        "<<",
	        "",
	};
	const char *text = "";

	for (uint64_t n = rng_below(r, 8); n > 0; n--)
		text = arena_print(a, "%s%s", text,
		                   parts[rng_below(r, sizeof parts / sizeof *parts)]);
	return text;
}

static double random_number(struct rng *r)
{
	return ldexp(rng_uniform_ratio(r), (int)rng_below(r, 200) - 100);
}

static struct field_list random_list(struct rng *r, struct arena *a, uint64_t limit, bool text)
{
	struct field_list list = {.n = rng_below(r, 5)};

	list.number = text ? NULL : arena_alloc(a, list.n * sizeof *list.number);
	list.text = text ? arena_alloc(a, list.n * sizeof *list.text) : NULL;
	for (size_t i = 0; i < list.n; i++) {
		if (text)
			list.text[i] = random_text(r, a);
		else
			list.number[i] = limit ? (double)rng_below(r, limit) : random_number(r);
	}
	return list;
}

static struct thing random_thing(struct rng *r, struct arena *a)
{
	struct thing t = {
	        .name = random_text(r, a),
	        .cores = 1 + (int64_t)rng_below(r, UINT64_C(1) << 53),
	        .mode = (int)rng_below(r, 3),
	        .on = rng_below(r, 2),
	        .share_ratio = rng_uniform_ratio(r),
	        .fabric.rate_Bps = 1e9 + rng_uniform_ratio(r) * 1e11,
	        .fabric.latency_s = random_number(r),
	        .fabric.deep.lanes = (int64_t)rng_below(r, 100),
	};

	t.batch = random_list(r, a, 1000, false);
	t.sizes = random_list(r, a, 0, false);
	t.tags = random_list(r, a, 0, true);
	t.modes = random_list(r, a, 3, false);
	return t;
}

/* Prepended in the order of the table, as fields_read() does. */
static struct note *random_notes(struct rng *r, struct arena *a)
{
	static const char *const paths[] = {
	        "name",  "cores",       "mode",           "on",
	        "share", "fabric.rate", "fabric.latency", "fabric.deep.lanes",
	        "batch", "sizes",       "tags",           "modes"};
	struct note *notes = NULL;

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct note *n = arena_alloc(a, sizeof *n);

		n->path = paths[i];
		n->source = rng_below(r, 2) ? random_text(r, a) : NULL;
		n->remark = rng_below(r, 2) ? random_text(r, a) : NULL;
		n->sd_ratio = rng_below(r, 2) ? random_number(r) : 0;
		n->fit = rng_below(r, 2);
		if (!n->source && !n->remark && n->sd_ratio == 0 && !n->fit)
			continue;
		n->next = notes;
		notes = n;
	}
	return notes;
}

static void a_dump_reads_back_the_same(void)
{
	struct rng r;

	rng_init(&r, 7, 0);
	for (int i = 0; i < 3000; i++) {
		struct arena *a = arena_new();
		struct thing t = random_thing(&r, a), again;
		struct note *notes = random_notes(&r, a), *notes_again = NULL;
		char *text = dump(&t, notes), *text_again;

		thing_accept(text, &again, a, &notes_again);
		text_again = dump(&again, notes_again);
		if (!thing_same(&t, &again) || !notes_same(notes, notes_again))
			UNIT_TEXT(text, "what reads back");
		UNIT_TEXT(text_again, text);
		free(text);
		free(text_again);
		arena_free(a);
	}
}

static void a_dump_is_plain_to_read(void)
{
	struct arena *a = arena_new();
	struct note *notes = NULL;
	struct thing t;
	char *text;

	thing_accept(
	        "name: cm384\nfabric: {rate: {value: 196GBps, source: \"a:b\", sd: 5%, fit: yes}}\n"
	        "batch: {from: 8, to: 32, factor: 2}\n",
	        &t, a, &notes);
	text = dump(&t, notes);
	UNIT_TEXT(text, "name: \"cm384\"\ncores: 24\nmode: slow\non: yes\nshare: 0.5\nfabric:\n"
	                "  rate: {value: 196GBps, source: \"a:b\", sd: 0.05, fit: yes}\n"
	                "  latency: 1us\n  deep:\n    lanes: 1\n"
	                "batch: [8, 16, 32]\nsizes: []\ntags: [\"a\", \"b\"]\nmodes: [fast]\n");
	free(text);
	arena_free(a);
}

static void help_lists_every_key(void)
{
	char *text = NULL;
	size_t n_bytes;
	FILE *out = open_memstream(&text, &n_bytes);

	fields_help(thing_fields, "thing", out);
	fclose(out);
	UNIT_TEXT(text, "key                      unit                  default   meaning\n"
	                "thing.name               text                  \"\"        its name\n"
	                "thing.cores              count                 24        vector cores\n"
	                "thing.mode               fast|slow|no          slow      how\n"
	                "thing.on                 yes|no                yes       at all\n"
	                "thing.share              ratio                 50%       of all\n"
	                "thing.fabric.rate        rate                  required  one direction\n"
	                "thing.fabric.latency     time                  1us       first byte\n"
	                "thing.fabric.deep.lanes  count                 1         lanes of a link\n"
	                "thing.batch              list of count         8, 16     batch sizes\n"
	                "thing.sizes              list of size          []        buffers\n"
	                "thing.tags               list of text          a,b       labels\n"
	                "thing.modes              list of fast|slow|no  fast      ways\n");
	free(text);
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"set changes one value", set_changes_one_value},
	        {"set refuses what a file may not say", set_refuses_what_a_file_may_not_say},
	        {"a dump reads back the same", a_dump_reads_back_the_same},
	        {"a dump is plain to read", a_dump_is_plain_to_read},
	        {"help lists every key", help_lists_every_key},
	        {NULL, NULL},
	};

	return unit_main("base_field_dump", tests);
}

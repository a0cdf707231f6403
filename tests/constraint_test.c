/* Constraints: what they say of a schedule, and what is said of a wrong one. */
#include "models/constraint.h"
#include "models/sweep_knobs.h"
#include "tests/unit.h"
#include <string.h>

static const struct constraint_names names = {"cloudmatrix384", "deepseek-v3.1", "azure-conv"};

static struct schedule some_schedule(void)
{
	return (struct schedule){.flow = "direct",
	                         .ep = 64,
	                         .tp = 2,
	                         .batch = 24,
	                         .chunk = 4096,
	                         .micro_batches = 1,
	                         .dispatch = DTYPE_INT8};
}

static void holds(const char *text, bool want)
{
	const struct schedule s = some_schedule();
	struct arena *a = arena_new();
	struct constraint *c = NULL;
	struct err e = {0};

	constraint_parse(text, "x.yaml", 3, 5, a, &c, &e);
	UNIT_TEXT(e.text, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	if (constraint_holds(c, &s, &names) != want) {
		UNIT_TEXT(text, want ? "holds" : "does not hold");
	}
	UNIT_TEXT(constraint_text(c), text);
	arena_free(a);
}

static void what_holds(void)
{
	static const char *const yes[] = {
	        "tp == 2",
	        "tp * dp == ep", /* dp is open: EP / TP */
	        "npus == 64",
	        "batch <= 256 / tp",
	        "batch / 16 == 3 / 2", /* real numbers */
	        "chunk % 1024 == 0",
	        "ep - tp - 2 == 60", /* from the left */
	        "ep / tp / 4 == 8",
	        "2 + 3 * 4 == 14",
	        "(2 + 3) * 4 == 20",
	        "dispatch == int8",
	        "dispatch != bf16",
	        "flow == direct and machine == cloudmatrix384",
	        "model == deepseek-v3.1",
	        "flow == relay2 or tp >= 2",
	        "not flow == relay2",
	        "not (tp == 1 or ep < 64)",
	        "tp == 1 or tp == 2 and ep == 64", /* and binds tighter */
	        "not tp == 1 and not ep == 32",
	        "tp<3 and 1<tp",
	};
	static const char *const no[] = {
	        "tp == 1",        "ep < 64",        "batch > 24",
	        "flow == relay2", "workload == x",  "tp == 1 and ep == 64",
	        "not ep == 64",   "chunk % 3 == 0", "flow != direct or tp != 2",
	};

	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		holds(yes[i], true);
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		holds(no[i], false);
}

static void wrong_ones_say_where(void)
{
	static const struct {
		const char *text, *says;
	} wrong[] = {
	        {"tp * dp == eq",
	         "x.yaml:3:16: constraint 'tp * dp == eq': no knob is called 'eq'"},
	        {"bacth <= 3",
	         "x.yaml:3:5: constraint 'bacth <= 3': no knob is called 'bacth'; did "
	         "you mean 'batch'?"},
	        {"batch <=",
	         "x.yaml:3:13: constraint 'batch <=': it ends where a knob or a number"},
	        {"(tp == 1", "a ')' is missing"},
	        {"tp == 1)", "')' is not expected here"},
	        {"tp == 1 ep == 2", "'ep == 2' is not expected here"},
	        {"tp + 1", "a comparison is needed, such as tp == 1"},
	        {"not tp", "a comparison is needed"},
	        {"tp and ep", "a comparison is needed"},
	        {"(tp == 1) + 2 == 3", "a comparison is no number"},
	        {"flow < direct", "flow has words, which only == and != compare"},
	        {"dispatch + 1 == 2", "dispatch has words"},
	        {"dispatch == int9", "'int9' is no word for dispatch; did you mean 'int8'?"},
	        {"flow ==", "a word for flow is needed"},
	        {"tp == 1.5", "'1.5' is no whole number"},
	        {"tp == $", "a knob or a number is needed at '$'"},
	        {"", "it ends where a knob or a number is needed"},
	        {"prefil.ep == 2", "x.yaml:3:5: constraint 'prefil.ep == 2': no knob is called "
	                           "'prefil.ep'; did you mean 'prefill.ep'?"},
	        {"decode.chunk == 2", "no knob is called 'decode.chunk'"},
	        {"prefill.batch == 2", "no knob is called 'prefill.batch'"},
	        {"instances == 2", "no knob is called 'instances'"},
	        {"decode.machine == x", "no knob is called 'decode.machine'"},
	        {"decode.flow + 1 == 2", "flow has words"},
	};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct arena *a = arena_new();
		struct constraint *c = NULL;
		struct err e = {0};

		CU_ASSERT_EQUAL(constraint_parse(wrong[i].text, "x.yaml", 3, 5, a, &c, &e),
		                RC_CONFIG);
		UNIT_HOLDS(e.text, wrong[i].says);
		CU_ASSERT_PTR_NULL(c);
		arena_free(a);
	}
}

/* Two schedules, of which prefill has EP 16, chunk 512; decode EP 64, batch 24, MTP 1. */
static void pools_have_names(void)
{
	static const struct {
		const char *text;
		bool holds;
	} cases[] = {
	        {"decode.ep == 4 * prefill.ep", true},
	        {"ep >= 16", true},                /* of both */
	        {"ep >= 64", false},               /* prefill's is not */
	        {"batch < ep", true},              /* of decode alone: 24 < 64 */
	        {"chunk == 32 * ep", true},        /* of prefill alone */
	        {"mtp == 1 and ep == 64", true},   /* of decode alone */
	        {"batch * ep <= 3 * chunk", true}, /* of each: 24 * 64 and 24 * 16 */
	        {"batch * ep <= 2 * chunk", false},
	        {"prefill.npus + decode.npus == 80", true},
	        {"prefill.dp == 8 and decode.dp == 32", true},
	        {"prefill.instances == 3 * decode.instances", true},
	        {"decode.flow == direct and prefill.flow == relay2", true},
	        {"flow != relay3", true},
	        {"flow == direct", false},
	};
	struct schedule prefill = some_schedule(), decode = some_schedule();
	const struct constraint_point p = {.schedule = {&prefill, &decode}, .instances = {6, 2}};

	prefill.ep = 16, prefill.chunk = 512, prefill.flow = "relay2", prefill.batch = 1;
	decode.mtp = 1, decode.chunk = 1;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena *a = arena_new();
		struct constraint *c = NULL;
		struct err e = {0};

		constraint_parse(cases[i].text, "x.yaml", 3, 5, a, &c, &e);
		UNIT_TEXT(e.text, "");
		CU_ASSERT_PTR_NOT_NULL_FATAL(c);
		UNIT_TEXT(constraint_holds_at(c, &p, &names) == cases[i].holds ? "" : cases[i].text,
		          "");
		arena_free(a);
	}
}

/* A list of a pool is what the sweep's is. */
static void pools_have_the_sweeps_lists(void)
{
	for (const struct field *pool = sweep_fields; pool->key; pool++) {
		if (pool->kind != FIELD_GROUP || strcmp(pool->key, "budget") == 0)
			continue;
		for (const struct field *f = pool->group; f->key; f++) {
			const struct field *of_sweep = sweep_fields;

			while (of_sweep->key && strcmp(of_sweep->key, f->key) != 0)
				of_sweep++;
			UNIT_TEXT(of_sweep->key ? "" : f->key,
			          strcmp(f->key, "instances") == 0 ? "instances" : "");
			if (!of_sweep->key)
				continue;
			CU_ASSERT_EQUAL(of_sweep->item, f->item);
			CU_ASSERT_EQUAL(of_sweep->least, f->least);
			CU_ASSERT_EQUAL(of_sweep->most, f->most);
			CU_ASSERT_PTR_EQUAL(of_sweep->names, f->names);
		}
	}
}

static void long_ones_are_refused(void)
{
	char text[4096];
	size_t n = 0;
	struct arena *a = arena_new();
	struct constraint *c = NULL;
	struct err e = {0};

	for (int i = 0; i < 1000; i++)
		text[n++] = '(';
	text[n] = '\0';
	CU_ASSERT_EQUAL(constraint_parse(text, "x.yaml", 3, 5, a, &c, &e), RC_CONFIG);
	UNIT_HOLDS(e.text, "brackets are nested too deep");
	n = (size_t)snprintf(text, sizeof text, "1");
	while (n < sizeof text - 8)
		n += (size_t)snprintf(text + n, sizeof text - n, "+1");
	snprintf(text + n, sizeof text - n, "==1");
	CU_ASSERT_EQUAL(constraint_parse(text, "x.yaml", 3, 5, a, &c, &e), RC_CONFIG);
	UNIT_HOLDS(e.text, "it is too long");
	arena_free(a);
}

/* Each field of a schedule is a knob, and a list of a sweep. */
static void every_field_is_a_knob(void)
{
	for (const struct field *f = schedule_fields; f->key; f++) {
		const struct field *of_sweep = sweep_fields;
		size_t i = 0;

		while (knob_names[i] && strcmp(knob_names[i], f->key) != 0)
			i++;
		UNIT_TEXT(knob_names[i] ? knob_names[i] : "", f->key);
		while (of_sweep->key && strcmp(of_sweep->key, f->key) != 0)
			of_sweep++;
		UNIT_TEXT(of_sweep->key ? of_sweep->key : "", f->key);
		if (of_sweep->key) {
			CU_ASSERT_EQUAL(of_sweep->kind, FIELD_LIST);
			CU_ASSERT_EQUAL(of_sweep->item, f->kind);
			CU_ASSERT_EQUAL(of_sweep->least, f->least);
			CU_ASSERT_EQUAL(of_sweep->most, f->most);
			CU_ASSERT_PTR_EQUAL(of_sweep->names, f->names);
		}
	}
}

static const struct unit_test tests[] = {
        {"what holds", what_holds},
        {"wrong ones say where", wrong_ones_say_where},
        {"long ones are refused", long_ones_are_refused},
        {"every field is a knob", every_field_is_a_knob},
        {"pools have names", pools_have_names},
        {"pools have the sweep's lists", pools_have_the_sweeps_lists},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("constraint", tests);
}

#include "models/base/json.h"
#include "models/base/rng.h"
#include "models/base/table.h"
#include "tests/unit.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct text {
	FILE *out;
	char *bytes;
	size_t n_bytes;
};

static FILE *text_open(struct text *t)
{
	*t = (struct text){.bytes = NULL};
	t->out = open_memstream(&t->bytes, &t->n_bytes);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t->out);
	return t->out;
}

static void text_expect(struct text *t, const char *want)
{
	fclose(t->out);
	UNIT_TEXT(t->bytes, want);
	free(t->bytes);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void columns_are_aligned(void)
{
	static const char *const headers[] = {"<flow", "time", "<why", NULL};
	struct table *t = table_new(headers);
	struct text text;

	table_cell(t, "direct");
	table_cell(t, "%d.%d us", 12, 5);
	table_cell(t, "fast");
	table_end_row(t);
	table_cell(t, "relay2");
	table_end_row(t);
	table_cell(t, "%s", "");
	table_cell(t, "7 us");
	table_end_row(t);
	table_print(t, text_open(&text));
	text_expect(&text, "flow       time  why\n"
	                   "direct  12.5 us  fast\n"
	                   "relay2\n"
	                   "           7 us\n");
	table_free(t);
	table_free(NULL);
}

static void many_rows_are_kept(void)
{
	static const char *const headers[] = {"n", NULL};
	struct table *t = table_new(headers);
	struct text text;

	for (int i = 0; i < 1000; i++) {
		table_cell(t, "%d", i);
		table_end_row(t);
	}
	table_print(t, text_open(&text));
	fclose(text.out);
	CU_ASSERT_EQUAL(text.n_bytes, 4004);
	UNIT_TEXT(text.bytes + 4000, "999\n");
	free(text.bytes);
	table_free(t);
}

static void too_many_cells(void)
{
	static const char *const headers[] = {"one", NULL};
	struct table *t = table_new(headers);

	table_cell(t, "1");
	table_cell(t, "2");
}

static void a_row_is_not_overfilled(void)
{
	CU_ASSERT(unit_aborts(too_many_cells));
}

/* ---- json ------------------------------------------------------------------------------------ */

static void values_come_in_order(void)
{
	struct text text;
	struct json *j = json_new(text_open(&text));

	json_object(j, NULL);
	json_text(j, "z", "a \"b\"\n/");
	json_text(j, "none", NULL);
	json_number(j, "x", 0.1);
	json_integer(j, "n", INT64_MIN);
	json_flag(j, "yes", true);
	json_array(j, "list");
	json_number(j, NULL, 1);
	json_object(j, NULL);
	json_integer(j, "k", 2);
	json_close(j);
	json_close(j);
	json_close(j);
	json_free(j);
	json_free(NULL);
	text_expect(&text, "{\n"
	                   "  \"z\": \"a \\\"b\\\"\\n/\",\n"
	                   "  \"none\": null,\n"
	                   "  \"x\": 0.1,\n"
	                   "  \"n\": -9223372036854775808,\n"
	                   "  \"yes\": true,\n"
	                   "  \"list\": [\n"
	                   "    1,\n"
	                   "    {\n"
	                   "      \"k\": 2\n"
	                   "    }\n"
	                   "  ]\n"
	                   "}\n");
}

static void number_is(double value, const char *want)
{
	struct text text;
	struct json *j = json_new(text_open(&text));
	char line[64];

	json_number(j, NULL, value);
	json_free(j);
	snprintf(line, sizeof line, "%s\n", want);
	text_expect(&text, line);
}

static void numbers_are_short_and_exact(void)
{
	struct rng r;

	number_is(0, "0");
	number_is(-0.0, "-0");
	number_is(-1.5, "-1.5");
	number_is(929e-9, "9.29e-7");
	number_is(1e300, "1e300");
	number_is(9007199254740993e0, "9007199254740992");
	number_is(INFINITY, "null");
	number_is(-INFINITY, "null");
	number_is(NAN, "null");
	rng_init(&r, 1, 1);
	for (int i = 0; i < 10000; i++) {
		uint64_t bits = (uint64_t)rng_u32(&r) << 32 | rng_u32(&r);
		struct text text;
		struct json *j;
		double value;

		memcpy(&value, &bits, sizeof value);
		if (!isfinite(value))
			continue;
		j = json_new(text_open(&text));
		json_number(j, NULL, value);
		json_free(j);
		fclose(text.out);
		if (strtod(text.bytes, NULL) != value)
			UNIT_TEXT(text.bytes, "the same number");
		free(text.bytes);
	}
}

static void text_is(const char *value, const char *want)
{
	struct text text;
	struct json *j = json_new(text_open(&text));

	json_text(j, NULL, value);
	json_free(j);
	text_expect(&text, want);
}

/* Nothing is lost without a trace: a stray byte becomes U+FFFD, the rest stays. */
static void stray_bytes_are_replaced(void)
{
	text_is("", "\"\"\n");
	text_is("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
	        "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"\n");
	text_is("a\xff"
	        "b",
	        "\"a\xef\xbf\xbd"
	        "b\"\n");
	text_is("\xc3", "\"\xef\xbf\xbd\"\n");
	text_is("\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"\n");
	text_is("\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"\n");
	text_is("\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\n");
	text_is("\xf5\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\"\n");
	text_is("\x01\x7f", "\"\\u0001\x7f\"\n");
}

static void keys_are_escaped_too(void)
{
	struct text text;
	struct json *j = json_new(text_open(&text));

	json_object(j, NULL);
	json_integer(j, "a\"\xff", 1);
	json_close(j);
	json_free(j);
	text_expect(&text, "{\n  \"a\\\"\xef\xbf\xbd\": 1\n}\n");
}

static void left_open(void)
{
	struct json *j = json_new(stdout);

	json_object(j, NULL);
	json_free(j);
}

static void key_in_array(void)
{
	struct json *j = json_new(stdout);

	json_array(j, NULL);
	json_flag(j, "key", true);
}

static void no_key_in_object(void)
{
	struct json *j = json_new(stdout);

	json_object(j, NULL);
	json_flag(j, NULL, true);
}

static void two_values(void)
{
	struct json *j = json_new(stdout);

	json_flag(j, NULL, true);
	json_flag(j, NULL, true);
}

static void misuse_is_caught(void)
{
	CU_ASSERT(unit_aborts(left_open));
	CU_ASSERT(unit_aborts(key_in_array));
	CU_ASSERT(unit_aborts(no_key_in_object));
	CU_ASSERT(unit_aborts(two_values));
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"columns are aligned", columns_are_aligned},
	        {"many rows are kept", many_rows_are_kept},
	        {"a row is not overfilled", a_row_is_not_overfilled},
	        {"values come in order", values_come_in_order},
	        {"numbers are short and exact", numbers_are_short_and_exact},
	        {"stray bytes are replaced", stray_bytes_are_replaced},
	        {"keys are escaped too", keys_are_escaped_too},
	        {"misuse is caught", misuse_is_caught},
	        {NULL, NULL},
	};

	return unit_main("base_table_json", tests);
}

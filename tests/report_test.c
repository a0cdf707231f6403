/* Reports: the page holds the schedules of the sweep with the sweep's figures, its answer is the
 * sweep's best, and no number of threads, store or earlier run changes a byte of any form. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/unit.h"

#define SWEEP "configs/sweeps/qwen3-235b-a2.yaml"

enum { POINTS = 480, MOST_COLUMNS = 96 };

static char folder[256];

/* Runs epsim; "$D" in arguments is the scratch folder. Returns what it prints, freed by the caller;
 * *status may be NULL: must be 0. */
static char *epsim(const char *arguments, int *status)
{
	const char *bin = getenv("EPSIM_BIN");
	char command[4096];
	char *text = malloc(1), *more;
	size_t n = 0, got;
	FILE *in;
	int rc;

	snprintf(command, sizeof command, "D=%s; %s/epsim %s 2>$D/errors", folder,
	         bin ? bin : "build", arguments);
	in = popen(command, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	do {
		more = realloc(text, n + BUFSIZ + 1);
		CU_ASSERT_PTR_NOT_NULL_FATAL(more);
		text = more;
		got = fread(text + n, 1, BUFSIZ, in);
		n += got;
	} while (got > 0);
	text[n] = '\0';
	rc = pclose(in);
	if (status)
		*status = rc >> 8;
	else
		CU_ASSERT_EQUAL(rc, 0);
	return text;
}

/* ---- CSV ---- */

struct sheet {
	char *text; /* its lines, cut into fields */
	const char *header[MOST_COLUMNS];
	const char **field; /* [row][column] */
	size_t n_columns, n;
};

/* Cuts the line at *at; quotes are dropped. Returns its number of fields. */
static size_t line_cut(char **at, const char **field)
{
	size_t n = 0;
	char *c = *at;

	while (*c && *c != '\n') {
		bool quoted = *c == '"';

		CU_ASSERT_FATAL(n < MOST_COLUMNS);
		field[n++] = c += quoted;
		while (*c && (quoted ? *c != '"' : *c != ',' && *c != '\n'))
			c++;
		if (quoted)
			*c++ = '\0';
		if (*c == ',') {
			*c++ = '\0';
			if (*c == '\n') /* an empty one at the end */
				field[n++] = "";
		}
	}
	*at = *c ? c + 1 : c;
	*c = '\0';
	return n;
}

static void sheet_read(const char *arguments, struct sheet *s)
{
	char *at;

	*s = (struct sheet){.text = epsim(arguments, NULL)};
	at = s->text;
	s->n_columns = line_cut(&at, s->header);
	s->field = calloc((size_t)1 << 20, sizeof *s->field);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s->field);
	while (*at) {
		CU_ASSERT_EQUAL(line_cut(&at, s->field + s->n * s->n_columns), s->n_columns);
		s->n++;
	}
}

static void sheet_free(struct sheet *s)
{
	free(s->field);
	free(s->text);
}

static size_t column_at(const struct sheet *s, const char *name)
{
	for (size_t i = 0; i < s->n_columns; i++) {
		if (strcmp(s->header[i], name) == 0)
			return i;
	}
	printf("no column %s\n", name);
	CU_FAIL_FATAL("no such column");
	return 0;
}

static const char *text_at(const struct sheet *s, size_t row, const char *name)
{
	return s->field[row * s->n_columns + column_at(s, name)];
}

static double value_at(const struct sheet *s, size_t row, const char *name)
{
	const char *text = text_at(s, row, name);

	return *text ? strtod(text, NULL) : NAN;
}

/* ---- the page's data: {"key":"ttft_s",...,"values":[...],"at":[...]} ---- */

struct column {
	const char *values, *at; /* after their brackets */
};

static struct column data_column(const char *page, const char *key)
{
	char wanted[64];
	const char *from;
	struct column c = {NULL, NULL};

	snprintf(wanted, sizeof wanted, "{\"key\":\"%s\",", key);
	from = strstr(page, wanted);
	CU_ASSERT_PTR_NOT_NULL_FATAL(from);
	c.values = strstr(from, "\"values\":[");
	CU_ASSERT_PTR_NOT_NULL_FATAL(c.values);
	c.at = strstr(c.values, "],\"at\":[");
	CU_ASSERT_PTR_NOT_NULL_FATAL(c.at);
	c.values += strlen("\"values\":["), c.at += strlen("],\"at\":[");
	return c;
}

/* Items are numbers, null, or words without commas. */
static const char *item_at(const char *list, size_t i)
{
	while (i-- > 0) {
		list += strcspn(list, ",]");
		if (*list++ == ']')
			return NULL;
	}
	return list;
}

static size_t items_count(const char *list)
{
	size_t n = *list != ']';

	for (; *list != ']'; list++)
		n += *list == ',';
	return n;
}

static const char *data_at(struct column c, size_t row)
{
	return item_at(c.values, strtoul(item_at(c.at, row), NULL, 10));
}

/* ---- cases ---- */

static void same_number(double a, double b)
{
	CU_ASSERT_TRUE((isnan(a) && isnan(b)) || fabs(a - b) <= 1e-8 * fabs(b));
}

static void csv_is_that_of_the_sweep(void)
{
	static const char *const numbers[] = {"ep",      "tp",     "batch",  "npus",
	                                      "ttft_s",  "tpot_s", "pareto", "tokens_per_s_per_npu",
	                                      "feasible"};
	static const char *const words[] = {"flow", "dispatch", "reason"};
	struct sheet sweep, report;

	sheet_read("sweep " SWEEP " --csv", &sweep);
	sheet_read("report " SWEEP " --draws 0 --format csv", &report);
	CU_ASSERT_EQUAL_FATAL(sweep.n, POINTS);
	CU_ASSERT_EQUAL_FATAL(report.n, POINTS);
	for (size_t i = 0; i < POINTS; i++) {
		for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
			double is = value_at(&report, i, numbers[k]),
			       want = value_at(&sweep, i, numbers[k]);

			same_number(is, want);
		}
		for (size_t k = 0; k < sizeof words / sizeof *words; k++)
			UNIT_TEXT(text_at(&report, i, words[k]), text_at(&sweep, i, words[k]));
		UNIT_TEXT(text_at(&report, i, "chunk"), text_at(&sweep, i, "chunk_tokens"));
		CU_ASSERT_EQUAL(value_at(&report, i, "row"), (double)i + 1);
	}
	sheet_free(&sweep);
	sheet_free(&report);
}

static void column_is(const char *page, const struct sheet *csv, const char *name)
{
	struct column c = data_column(page, name);

	CU_ASSERT_EQUAL_FATAL(items_count(c.at), csv->n);
	for (size_t i = 0; i < csv->n; i++) {
		const char *item = data_at(c, i);
		double is = strncmp(item, "null", 4) == 0 ? NAN : strtod(item, NULL);
		double want = value_at(csv, i, name);

		CU_ASSERT_TRUE((isnan(is) && isnan(want)) || is == want);
	}
}

static void page_is(const char *options)
{
	static const char *const numbers[] = {"row",    "ep",     "tp",
	                                      "batch",  "npus",   "memory_bytes",
	                                      "ttft_s", "tpot_s", "tokens_per_s_per_npu"};
	char arguments[256];
	struct sheet csv;
	char *page;

	snprintf(arguments, sizeof arguments, "report " SWEEP " --draws 0 --format csv %s",
	         options);
	sheet_read(arguments, &csv);
	snprintf(arguments, sizeof arguments, "report " SWEEP " --draws 0 --format html %s",
	         options);
	page = epsim(arguments, NULL);
	for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
		column_is(page, &csv, numbers[k]);
	free(page);
	sheet_free(&csv);
}

static void page_holds_the_rows_of_the_csv(void)
{
	page_is("");
	page_is("--points 100");
}

static size_t best_row(const struct sheet *s, const char *figure, bool most)
{
	size_t best = s->n;

	for (size_t i = 0; i < s->n; i++) {
		if (value_at(s, i, "feasible") != 1)
			continue;
		if (best == s->n || (most ? value_at(s, i, figure) > value_at(s, best, figure)
		                          : value_at(s, i, figure) < value_at(s, best, figure)))
			best = i;
	}
	CU_ASSERT_FATAL(best < s->n);
	return best;
}

/* The sentence names the counts and the knobs of the sweep's best by each objective. */
static void answer_is_the_best_of_the_sweep(void)
{
	static const struct {
		const char *objective, *word, *figure;
		bool most;
	} rows[] = {{"throughput", "throughput", "tokens_per_s_per_npu", true},
	            {"ttft", "TTFT", "ttft_s", false},
	            {"tpot", "TPOT", "tpot_s", false}};
	struct sheet sweep;

	sheet_read("sweep " SWEEP " --csv", &sweep);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t best = best_row(&sweep, rows[i].figure, rows[i].most);
		char arguments[256], words[256];
		char *text;

		snprintf(arguments, sizeof arguments, "report " SWEEP " --set sweep.objective=%s",
		         rows[i].objective);
		text = epsim(arguments, NULL);
		snprintf(words, sizeof words,
		         "of 480 schedules meet all budgets. The best by %s is %s, EP %s, TP %s, "
		         "dispatch %s",
		         rows[i].word, text_at(&sweep, best, "flow"), text_at(&sweep, best, "ep"),
		         text_at(&sweep, best, "tp"), text_at(&sweep, best, "dispatch"));
		UNIT_HOLDS(text, words);
		free(text);
	}
	sheet_free(&sweep);
}

/* With a budget that none keeps: the least TPOT of those that fit memory is the nearest. */
static void nearest_misses_by_the_least(void)
{
	const double budget_s = 0.02;
	struct sheet sweep;
	double least_s = INFINITY;
	char words[128];
	char *text;
	int status;

	sheet_read("sweep " SWEEP " --csv", &sweep);
	for (size_t i = 0; i < sweep.n; i++) {
		if (strcmp(text_at(&sweep, i, "reason"), "memory") != 0 &&
		    value_at(&sweep, i, "tpot_s") < least_s &&
		    value_at(&sweep, i, "ttft_s") < 2 * value_at(&sweep, i, "tpot_s") / budget_s)
			least_s = value_at(&sweep, i, "tpot_s");
	}
	text = epsim("report " SWEEP " --set sweep.budget.tpot=20ms", &status);
	CU_ASSERT_EQUAL(status, 1);
	snprintf(words, sizeof words, "is over in TPOT by %.1f %%", 100 * (least_s / budget_s - 1));
	UNIT_HOLDS(text, "**No.** None of 480 schedules meets all budgets.");
	UNIT_HOLDS(text, words);
	free(text);
	sheet_free(&sweep);
}

/* A page of fewer points holds every schedule that may be best within some budgets. */
static void fewer_points_keep_the_fronts(void)
{
	struct sheet all, some;

	sheet_read("report " SWEEP " --draws 0 --format csv", &all);
	sheet_read("report " SWEEP " --draws 0 --format csv --points 150", &some);
	CU_ASSERT_EQUAL(some.n, 150);
	for (size_t i = 0, at = 0; i < all.n; i++) {
		bool there = at < some.n && value_at(&some, at, "row") == value_at(&all, i, "row");

		if (value_at(&all, i, "pareto") == 1) {
			CU_ASSERT_TRUE(there);
		}
		at += there;
		CU_ASSERT_TRUE(i + 1 < all.n ||
		               at == some.n); /* all of some are among all, in order */
	}
	sheet_free(&all);
	sheet_free(&some);
}

/* Files of one run against another's. */
static void same_files(const char *a, const char *b)
{
	static const char *const endings[] = {"html", "md", "csv", "json"};

	for (size_t i = 0; i < 4; i++) {
		char command[1024];

		snprintf(command, sizeof command, "cmp %s/%s/report.%s %s/%s/report.%s", folder, a,
		         endings[i], folder, b, endings[i]);
		CU_ASSERT_EQUAL(system(command), 0);
	}
}

static void threads_and_stores_change_nothing(void)
{
	free(epsim("report " SWEEP " --jobs 1 --draws 5 --out $D/one/", NULL));
	free(epsim("report " SWEEP " --jobs 3 --draws 5 --out $D/three/", NULL));
	same_files("one", "three");
#ifdef EPSIM_HAVE_SQLITE
	free(epsim("report " SWEEP " --store $D/a.db --draws 5 --out $D/made/", NULL));
	free(epsim("report " SWEEP " --store $D/a.db --draws 5 --out $D/found/", NULL));
	same_files("one", "made");
	same_files("one", "found");
#endif
}

/* The configuration that a page holds makes the same answer and schedules. */
static void its_configuration_makes_it_again(void)
{
	struct sheet one, again;
	int status;

	free(epsim("config dump " SWEEP " > $D/dump.yaml; true", &status));
	CU_ASSERT_EQUAL(status, 0);
	sheet_read("report " SWEEP " --draws 0 --format csv", &one);
	sheet_read("report $D/dump.yaml --draws 0 --format csv", &again);
	CU_ASSERT_EQUAL_FATAL(one.n, again.n);
	CU_ASSERT_EQUAL_FATAL(one.n_columns, again.n_columns);
	for (size_t i = 0; i < one.n * one.n_columns; i++)
		UNIT_TEXT(again.field[i], one.field[i]);
	sheet_free(&one);
	sheet_free(&again);
}

static void setup(void)
{
	const char *temporary = getenv("TMPDIR");

	snprintf(folder, sizeof folder, "%s/epsim-report.XXXXXX", temporary ? temporary : "/tmp");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
}

static void teardown(void)
{
	char command[512];

	snprintf(command, sizeof command, "rm -rf -- '%s'", folder);
	CU_ASSERT_EQUAL(system(command), 0);
}

static const struct unit_test tests[] = {
        {"a folder", setup},
        {"the CSV is that of the sweep", csv_is_that_of_the_sweep},
        {"the page holds the rows of the CSV", page_holds_the_rows_of_the_csv},
        {"the answer is the best of the sweep", answer_is_the_best_of_the_sweep},
        {"the nearest misses by the least", nearest_misses_by_the_least},
        {"fewer points keep the fronts", fewer_points_keep_the_fronts},
        {"threads and stores change nothing", threads_and_stores_change_nothing},
        {"its configuration makes it again", its_configuration_makes_it_again},
        {"the folder goes", teardown},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("report", tests);
}

/* ctest: plain */
/* A report in a headless Chromium: it opens, sorts, slides, asks nothing of a network, fits narrow
 * and wide windows, light and dark, and no name becomes markup. Skipped where there is no chromium.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tests/browser.h"
#include "tests/unit.h"

enum { WIDE = 1280, NARROW = 400, PATH_CHARS = 4096, SAID = 8192 };

static struct browser *browser;
static char folder[PATH_CHARS - 64];
static char checks[1 << 16]; /* report_page.js */

/* ---- pages ---- */

static const char *page_path(const char *name, char *buf)
{
	snprintf(buf, PATH_CHARS, "%s/%s.html", folder, name);
	return buf;
}

static void page_make(const char *name, const char *options)
{
	const char *bin = getenv("EPSIM_BIN");
	char command[2 * PATH_CHARS], path[PATH_CHARS];

	snprintf(command, sizeof command,
	         "%s/epsim report configs/sweeps/qwen3-235b-a2.yaml %s --draws 20 --out %s "
	         ">/dev/null",
	         bin ? bin : "build", options, page_path(name, path));
	CU_ASSERT_EQUAL_FATAL(system(command), 0);
}

/* '' is right; anything else is shown. */
static void ask(const char *expression)
{
	char said[SAID];

	if (!browser_eval(browser, expression, said, sizeof said) || *said) {
		printf("\n    %s: %s\n    ", expression, said);
		CU_FAIL(expression);
	}
	CU_ASSERT_EQUAL(said[0], '\0');
}

static long number_of(const char *expression)
{
	char said[SAID];

	CU_ASSERT_TRUE_FATAL(browser_eval(browser, expression, said, sizeof said));
	return strtol(said, NULL, 10);
}

static void open_page(const char *name, int width, const char *scheme)
{
	char path[PATH_CHARS], said[SAID];

	CU_ASSERT_PTR_NOT_NULL_FATAL(browser);
	CU_ASSERT_TRUE_FATAL(browser_load(browser, page_path(name, path), width, scheme));
	CU_ASSERT_TRUE_FATAL(browser_eval(browser, checks, said, sizeof said));
	UNIT_TEXT(said, "ready");
}

static void quiet(void)
{
	const char *first;

	if (browser_complaints(browser, &first) > 0)
		UNIT_TEXT(first, "");
	CU_ASSERT_EQUAL(browser_complaints(browser, &first), 0);
	if (browser_requests(browser, &first) > 0)
		UNIT_TEXT(first, "");
	CU_ASSERT_EQUAL(browser_requests(browser, &first), 0);
}

/* ---- cases ---- */

static void opens_wide_and_narrow_light_and_dark(void)
{
	for (int dark = 0; dark < 2; dark++) {
		for (int narrow = 0; narrow < 2; narrow++) {
			open_page("plain", narrow ? NARROW : WIDE, dark ? "dark" : "light");
			ask(dark ? "check.scheme(true)" : "check.scheme(false)");
			ask("check.fits()");
			ask("check.contrast()");
			ask("check.accessible()");
			ask("check.alone()");
			quiet();
		}
	}
}

static void the_sliders_start_at_the_answer(void)
{
	open_page("plain", WIDE, "light");
	ask("check.answer()");
	ask("check.tried()");
	CU_ASSERT_TRUE(number_of("check.count()") > 0);
	CU_ASSERT_EQUAL(number_of("check.listed('within')"), number_of("check.count()"));
	CU_ASSERT_EQUAL(number_of("check.listed('all')"), 480);
}

enum { TPOT_COLUMN = 8, THROUGHPUT_COLUMN = 9 };

static void click_heading(const char *table, int column)
{
	char expression[128], said[SAID];
	double x, y;

	snprintf(expression, sizeof expression, "check.place('%s', %d)", table, column);
	CU_ASSERT_TRUE_FATAL(browser_eval(browser, expression, said, sizeof said));
	CU_ASSERT_EQUAL_FATAL(sscanf(said, "%lf %lf", &x, &y), 2);
	CU_ASSERT_TRUE(browser_click(browser, x, y));
}

static void ask_sorted(const char *table, int column, const char *direction)
{
	char expression[128];

	snprintf(expression, sizeof expression, "check.sorted('%s', %d, '%s')", table, column,
	         direction);
	ask(expression);
}

static void tables_sort_by_click_and_by_key(void)
{
	static const char *const tables[] = {"#front-table", "#schedules-table"};
	char expression[128];

	open_page("plain", WIDE, "light");
	for (size_t i = 0; i < 2; i++) {
		click_heading(tables[i], TPOT_COLUMN);
		ask_sorted(tables[i], TPOT_COLUMN, "ascending");
		click_heading(tables[i], TPOT_COLUMN);
		ask_sorted(tables[i], TPOT_COLUMN, "descending");
		snprintf(expression, sizeof expression, "check.focusHeading('%s', %d)", tables[i],
		         THROUGHPUT_COLUMN);
		ask(expression);
		CU_ASSERT_TRUE(browser_key(browser, "Enter", 13));
		ask_sorted(tables[i], THROUGHPUT_COLUMN, "ascending");
		CU_ASSERT_TRUE(browser_key(browser, "Enter", 13));
		ask_sorted(tables[i], THROUGHPUT_COLUMN, "descending");
	}
	quiet();
}

static void sliders_move_by_key(void)
{
	static const char *const sliders[] = {"tpot_s", "ttft_s", "npus"};
	char expression[128], before[SAID], after[SAID];
	long count, least;

	open_page("plain", WIDE, "light");
	least = number_of("check.count()");
	for (size_t i = 0; i < 3; i++) {
		snprintf(expression, sizeof expression, "check.focusSlider('%s')", sliders[i]);
		ask(expression);
		browser_eval(browser, "check.marked()", before, sizeof before);
		CU_ASSERT_TRUE(browser_key(browser, "Home", 36));
		ask("check.tried()");
		CU_ASSERT_TRUE(browser_key(browser, "ArrowRight", 39));
		ask("check.tried()");
		count = number_of("check.count()");
		CU_ASSERT_TRUE(count < least);
		browser_eval(browser, "check.marked()", after, sizeof after);
		CU_ASSERT_STRING_NOT_EQUAL(before, after);
		CU_ASSERT_TRUE(browser_key(browser, "End", 35));
		ask("check.tried()");
		CU_ASSERT_TRUE(number_of("check.count()") > count);
		least = number_of("check.count()");
	}
	CU_ASSERT_EQUAL(least, number_of("String(JSON.parse(document.querySelector('script.data')"
	                                 ".textContent).order.length)"));
	ask("(document.querySelector('.reset').click(), check.answer())");
	quiet();
}

static void paper_has_no_sliders(void)
{
	open_page("plain", WIDE, "dark");
	CU_ASSERT_TRUE(browser_call(browser, "Emulation.setEmulatedMedia", "{\"media\":\"print\"}",
	                            NULL, 0));
	ask("check.paper()");
	ask("check.contrast()");
	CU_ASSERT_TRUE(
	        browser_call(browser, "Emulation.setEmulatedMedia", "{\"media\":\"\"}", NULL, 0));
}

static void names_are_only_names(void)
{
	open_page("hostile", WIDE, "light");
	ask("check.harmless('<script>window.pwned = 1</script>')");
	ask("check.alone()");
	ask("check.accessible()");
	ask("check.answer()");
	quiet();
}

static void several_cases_stand_apart(void)
{
	open_page("cases", NARROW, "dark");
	ask("check.fits()");
	ask("check.contrast()");
	ask("check.accessible()");
	ask("check.alone()");
	quiet();
}

static const struct unit_test tests[] = {
        {"a report opens wide and narrow, light and dark", opens_wide_and_narrow_light_and_dark},
        {"its sliders start at the answer", the_sliders_start_at_the_answer},
        {"its tables sort by click and by key", tables_sort_by_click_and_by_key},
        {"its sliders move by key", sliders_move_by_key},
        {"on paper it has no sliders", paper_has_no_sliders},
        {"names are only names", names_are_only_names},
        {"several cases stand apart", several_cases_stand_apart},
        {NULL, NULL},
};

static void checks_read(void)
{
	FILE *in = fopen("tests/report_page.js", "r");

	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	checks[fread(checks, 1, sizeof checks - 1, in)] = '\0';
	fclose(in);
}

static void pages_make(void)
{
	const char *temporary = getenv("TMPDIR");

	snprintf(folder, sizeof folder, "%s/epsim-report.XXXXXX", temporary ? temporary : "/tmp");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	page_make("plain", "");
	page_make("cases", "--set sweep.machines=atlas-a2,cloudmatrix384 --set sweep.batch=16,32");
	page_make("hostile", "--set 'sweep.name=<script>window.pwned = 1</script>' "
	                     "--set 'model.name=</script><img src=x onerror=\"window.pwned = 2\">' "
	                     "--set 'workload.name=<i>&amp;\"'\"'\"' --> ]]>' "
	                     "--set 'machine.name=</title></style></svg><i>'");
}

static void pages_remove(void)
{
	static const char *const names[] = {"plain", "cases", "hostile"};
	char path[PATH_CHARS];

	for (size_t i = 0; i < 3; i++)
		unlink(page_path(names[i], path));
	rmdir(folder);
}

static void setup(void)
{
	checks_read();
	pages_make();
	browser = browser_open();
	CU_ASSERT_PTR_NOT_NULL_FATAL(browser);
}

static void teardown(void)
{
	CU_ASSERT_TRUE(browser_close(browser));
	browser = NULL;
	pages_remove();
}

int main(void)
{
	enum { SKIPPED = 77, N = sizeof tests / sizeof *tests };
	struct unit_test all[N + 2] = {{"a browser starts", setup}};

	if (!browser_there()) {
		printf("skipped: no chromium\n");
		return SKIPPED;
	}
	memcpy(all + 1, tests, sizeof tests);
	all[N] = (struct unit_test){"the browser ends", teardown};
	all[N + 1] = (struct unit_test){NULL, NULL};
	return unit_main("report_page", all);
}

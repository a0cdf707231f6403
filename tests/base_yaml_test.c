#include "models/base/yaml.h"
#include "tests/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

static enum rc parse_bytes(const char *text, size_t n_bytes, struct arena *a,
                           struct yaml_node **root, struct err *e)
{
	return yaml_parse("x.yaml", text, n_bytes, a, root, e);
}

static struct yaml_node *parse(const char *text, struct arena *a)
{
	struct err e = {.text = ""};
	struct yaml_node *root = NULL;

	if (parse_bytes(text, strlen(text), a, &root, &e) != RC_OK)
		UNIT_TEXT(e.text, "no error");
	return root;
}

static void refuse_bytes(const char *text, size_t n_bytes, const char *message)
{
	struct arena *a = arena_new();
	struct err e = {.text = ""};
	struct yaml_node *root = NULL;

	CU_ASSERT_EQUAL(parse_bytes(text, n_bytes, a, &root, &e), RC_CONFIG);
	CU_ASSERT_PTR_NULL(root);
	UNIT_TEXT(e.text, message);
	arena_free(a);
}

static void refuse(const char *text, const char *message)
{
	refuse_bytes(text, strlen(text), message);
}

static void a_tree_knows_its_lines(void)
{
	struct arena *a = arena_new();
	const struct yaml_node *root = parse("# c\n"
	                                     "machine:\n"
	                                     "  rate: 196GBps # here\n"
	                                     "  note: \"a: b\"\n"
	                                     "list:\n"
	                                     "  - 1\n"
	                                     "  - [2, {k: 3}]\n",
	                                     a);
	const struct yaml_node *machine = yaml_get(root, "machine"), *rate, *inner;

	CU_ASSERT_EQUAL(root->kind, YAML_MAP);
	CU_ASSERT_EQUAL(root->n_children, 2);
	CU_ASSERT_PTR_NULL(root->key);
	CU_ASSERT(machine->kind == YAML_MAP && machine->line == 3 && machine->key_line == 2);
	rate = yaml_get(machine, "rate");
	CU_ASSERT(rate->line == 3 && rate->kind == YAML_SCALAR && !rate->quoted);
	UNIT_TEXT(rate->text, "196GBps");
	UNIT_TEXT(rate->file, "x.yaml");
	UNIT_TEXT(yaml_get(machine, "note")->text, "a: b");
	CU_ASSERT(yaml_get(machine, "note")->quoted);
	CU_ASSERT_PTR_NULL(yaml_get(machine, "notes"));
	inner = yaml_get(root, "list")->first->next;
	CU_ASSERT(inner->kind == YAML_LIST && inner->line == 7 && inner->n_children == 2);
	UNIT_TEXT(yaml_get(inner->first->next, "k")->text, "3");
	arena_free(a);
}

static void scalars_stay_text(void)
{
	static const char *const texts[] = {"0x10", "yes", "~", "010", "1_000", "1.6TB"};
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		UNIT_TEXT(parse(texts[i], a)->text, texts[i]);
	UNIT_TEXT(parse("a:", a)->first->text, "");
	CU_ASSERT(!parse("a:", a)->first->quoted);
	CU_ASSERT(parse("a: ''", a)->first->quoted);
	CU_ASSERT(parse("a: |\n  x\n", a)->first->quoted);
	CU_ASSERT_EQUAL(parse("{}", a)->n_children, 0);
	UNIT_TEXT(parse("\xef\xbb\xbf"
	                "b: 1",
	                a)
	                  ->first->key,
	          "b");
	UNIT_TEXT(parse("--- {b: 1}\n...\n", a)->first->key, "b");
	UNIT_TEXT(parse("b: '!'", a)->first->text, "!");
	UNIT_TEXT(parse("b: [a!, '!b', a&b, a*b]", a)->first->first->text, "a!");
	UNIT_TEXT(parse("\xc3\xa9\xe2\x82\xac: ok!", a)->first->text, "ok!");
	arena_free(a);
}

static void anchors_aliases_and_tags_are_refused(void)
{
	refuse("a: &x 1\nb: *x\n", "x.yaml:1: an anchor (&x) is not read; remove it");
	refuse("a: &x [1]\n", "x.yaml:1: an anchor (&x) is not read; remove it");
	refuse("a: &x {}\n", "x.yaml:1: an anchor (&x) is not read; remove it");
	refuse("a: 1\nb: *x\n", "x.yaml:2: an alias (*x) is not read; write the value out");
	refuse("a: 1\n*x : 2\n", "x.yaml:2: an alias (*x) is not read; write the value out");
	refuse("b:\n  <<: {a: 1}\n", "x.yaml:2: a merge key (<<) is not read; write its keys out");
	refuse("a: !!int 3\n", "x.yaml:1: a tag (!) is not read; remove it");
	refuse("a: 1\nb: ! 3\n", "x.yaml:2: a tag (!) is not read; remove it");
	refuse("a: ! '3'\n", "x.yaml:1: a tag (!) is not read; remove it");
	refuse("a: !x [1]\n", "x.yaml:1: a tag (!) is not read; remove it");
	refuse("a: ! {}\n", "x.yaml:1: a tag (!) is not read; remove it");
	refuse("a:\n - b: !<tag:x> y\n", "x.yaml:2: a tag (!) is not read; remove it");
	refuse("a: !\n", "x.yaml:1: a tag (!) is not read; remove it");
	refuse("! a: 1\n", "x.yaml:1: a tag (!) is not read; remove it");
	/* Marks count characters, the text has bytes. */
	refuse("\xc3\xa9: \xe2\x82\xac\nb: \xf0\x9f\x98\x80\nc: ! 1\n",
	       "x.yaml:3: a tag (!) is not read; remove it");
	refuse("\xef\xbb\xbf"
	       "a: ! 1\n",
	       "x.yaml:1: a tag (!) is not read; remove it");
	refuse("a: 1\r\nb: ! 1\r\n", "x.yaml:2: a tag (!) is not read; remove it");
}

static void a_billion_laughs_stop_at_the_first(void)
{
	refuse("a: &a [l, l]\nb: &b [*a, *a]\nc: [*b, *b]\n",
	       "x.yaml:1: an anchor (&a) is not read; remove it");
}

static void keys_are_single_words_given_once(void)
{
	refuse("a: 1\nb: 2\na: 3\n", "x.yaml:3: key 'a' is already given on line 1; keep one");
	refuse("m:\n  k: 1\n  'k': 3\n", "x.yaml:3: key 'k' is already given on line 2; keep one");
	refuse("{a: 1, a: 2}", "x.yaml:1: key 'a' is already given on line 1; keep one");
	refuse("z: 1\na: 1\nz: 2\na: 2\n",
	       "x.yaml:3: key 'z' is already given on line 1; keep one");
	refuse("? [a]\n: 1\n", "x.yaml:1: a key must be plain text, not a list or map");
	refuse("{a: 1}: 2\n", "x.yaml:1: a key must be plain text, not a list or map");
	refuse("'': 2\n", "x.yaml:1: a key must not be empty");
	refuse("?\n: 2\n", "x.yaml:1: a key must not be empty");
}

static void a_file_is_one_document_of_text(void)
{
	refuse("", "x.yaml: the file is empty");
	refuse("# only a comment\n", "x.yaml: the file is empty");
	refuse("---\n", "x.yaml: the file is empty");
	refuse("a: 1\n---\nb: 2\n", "x.yaml:2: a second document (---) starts; keep one a file");
	refuse("a: 1\n---\n", "x.yaml:2: a second document (---) starts; keep one a file");
	refuse_bytes("a: 1\nb\0c: 2\n", 12, "x.yaml:2: a NUL byte; the file must be text in UTF-8");
	refuse_bytes("\xff\xfe"
	             "a\0:\0",
	             6, "x.yaml:1: a NUL byte; the file must be text in UTF-8");
	refuse("a: 1\nb: \"x\\0y\"\n", "x.yaml:2: a NUL character (\\0) is not allowed");
}

static void errors_of_syntax_have_a_line(void)
{
	refuse("a: 1\nb: \xff\n",
	       "x.yaml:2: invalid leading UTF-8 octet; the file must be text in UTF-8");
	refuse("\xef\xbb\xbf"
	       "a: 1\nb: 2\nc: \xc3\n",
	       "x.yaml:3: invalid trailing UTF-8 octet; the file must be text in UTF-8");
	refuse("a: 1\nb: \x01\n",
	       "x.yaml:2: control characters are not allowed; the file must be text in UTF-8");
	refuse("a:\n\tb: 1\n", "x.yaml:2: a tab where YAML allows none; use spaces");
	refuse("a: [1, 2\nb: 3\n",
	       "x.yaml:2: did not find expected ',' or ']' while parsing a flow "
	       "sequence that starts on line 1");
	refuse("a: 'x\n", "x.yaml:2: found unexpected end of stream while scanning a quoted scalar "
	                  "that starts on line 1");
	refuse("a: 1\n  b: 2\n", "x.yaml:2: mapping values are not allowed in this context");
}

static char *repeat(const char *text, size_t n)
{
	size_t n_chars = strlen(text);
	char *all = heap_zeroed(n * n_chars + 1, 1);

	for (size_t i = 0; i < n; i++)
		memcpy(all + i * n_chars, text, n_chars);
	return all;
}

static void nesting_ends_at_32(void)
{
	struct arena *a = arena_new();
	char *open = repeat("[", 32), *close = repeat("]", 32);
	char *far = repeat("[", 1 << 20), *maps = repeat("{a: ", 1 << 18),
	     *dashes = repeat("- ", 999);

	parse(arena_print(a, "%s1%s", open, close), a);
	refuse(arena_print(a, "[%s1%s]", open, close),
	       "x.yaml:1: lists and maps are nested deeper than 32");
	refuse(far, "x.yaml:1: lists and maps are nested deeper than 32");
	refuse(maps, "x.yaml:1: lists and maps are nested deeper than 32");
	refuse(dashes, "x.yaml:1: lists and maps are nested deeper than 32");
	free(open), free(close), free(far), free(maps), free(dashes);
	arena_free(a);
}

/* A temporary file that holds the text n times; the caller frees and unlinks. */
static char *file_of(const char *text, size_t n)
{
	const char *folder = getenv("TMPDIR");
	char *path = heap_zeroed(1, PATH_BYTES);
	FILE *out;

	snprintf(path, PATH_BYTES, "%s/epsim_yaml_XXXXXX", folder ? folder : "/tmp");
	out = fdopen(mkstemp(path), "wb");
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	for (size_t i = 0; i < n; i++)
		fputs(text, out);
	fclose(out);
	return path;
}

static void refuse_file(const char *path, const char *what)
{
	struct arena *a = arena_new();
	struct err e = {.text = ""};
	struct yaml_node *root = NULL;

	CU_ASSERT_EQUAL(yaml_read(path, a, &root, &e), RC_CONFIG);
	CU_ASSERT_PTR_NULL(root);
	UNIT_TEXT(e.text, arena_print(a, "%s: %s", path, what));
	arena_free(a);
}

static void a_file_is_read(void)
{
	char *path = file_of("a: 1\n", 1);
	struct arena *a = arena_new();
	struct err e = {.text = ""};
	struct yaml_node *root = NULL;

	CU_ASSERT_EQUAL(yaml_read(path, a, &root, &e), RC_OK);
	UNIT_TEXT(root->first->text, "1");
	UNIT_TEXT(root->file, path);
	unlink(path);
	free(path);
	arena_free(a);
}

static void what_is_no_file_is_refused(void)
{
	refuse_file("no/such/file.yaml", "cannot open: No such file or directory");
	refuse_file("/", "cannot read: Is a directory");
}

static void a_large_file_is_not_read_on(void)
{
	char *path = file_of("# 32 bytes of nothing to see her\n", 200000);

	refuse_file(path, "larger than 4 MiB; not a configuration");
	CU_ASSERT_EQUAL(truncate(path, (off_t)1 << 40),
	                0); /* sparse: reading on would take hours */
	refuse_file(path, "larger than 4 MiB; not a configuration");
	refuse_file("/dev/zero", "larger than 4 MiB; not a configuration");
	unlink(path);
	free(path);
}

/* As many keys as 4 MiB hold: the search for duplicates must not be quadratic. */
static void many_keys_are_cheap(void)
{
	enum { N = 400000 };
	struct arena *a = arena_new();
	char *text = heap_zeroed(N + 1, 10), *end = text;

	for (int i = 0; i < N; i++)
		end += sprintf(end, "k%06d:\n", i);
	CU_ASSERT_EQUAL(parse(text, a)->n_children, N);
	sprintf(end, "k%06d:\n", 7);
	refuse(text, "x.yaml:400001: key 'k000007' is already given on line 8; keep one");
	free(text);
	arena_free(a);
}

static void yaml_fail_names_the_place(void)
{
	const struct yaml_node in_file = {.file = "x.yaml", .line = 7},
	                       nowhere = {.file = "--set a"};
	struct err e;

	CU_ASSERT_EQUAL(yaml_fail(&in_file, &e, "no %d", 5), RC_CONFIG);
	UNIT_TEXT(e.text, "x.yaml:7: no 5");
	yaml_fail(&nowhere, &e, "no");
	UNIT_TEXT(e.text, "--set a: no");
}

int main(void)
{
	static const struct unit_test tests[] = {
	        {"a tree knows its lines", a_tree_knows_its_lines},
	        {"scalars stay text", scalars_stay_text},
	        {"anchors, aliases and tags are refused", anchors_aliases_and_tags_are_refused},
	        {"a billion laughs stop at the first", a_billion_laughs_stop_at_the_first},
	        {"keys are single words given once", keys_are_single_words_given_once},
	        {"a file is one document of text", a_file_is_one_document_of_text},
	        {"errors of syntax have a line", errors_of_syntax_have_a_line},
	        {"nesting ends at 32", nesting_ends_at_32},
	        {"a file is read", a_file_is_read},
	        {"what is no file is refused", what_is_no_file_is_refused},
	        {"a large file is not read on", a_large_file_is_not_read_on},
	        {"many keys are cheap", many_keys_are_cheap},
	        {"yaml_fail names the place", yaml_fail_names_the_place},
	        {NULL, NULL},
	};

	return unit_main("base_yaml", tests);
}

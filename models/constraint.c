#include "models/constraint.h"
#include <ctype.h>
#include <math.h>
#include <string.h>
#include "models/sweep_knobs.h"

enum op {
	OP_NUMBER,
	OP_KNOB,  /* its number, or the index of its word */
	OP_WORDS, /* does a text (flow, machine, ...) equal the word? */
	OP_NPUS,
	OP_ADD,
	OP_SUBTRACT,
	OP_MULTIPLY,
	OP_DIVIDE,
	OP_REMAINDER,
	OP_EQUAL,
	OP_DIFFERENT,
	OP_LESS,
	OP_AT_MOST,
	OP_MORE,
	OP_AT_LEAST,
	OP_AND,
	OP_OR,
	OP_NOT,
};

/* Texts that are no field of a schedule stand behind the knobs. */
enum { TEXT_MACHINE = KNOBS, TEXT_MODEL, TEXT_WORKLOAD, NAME_NPUS, NAMES };

static const char *const more_names[] = {"machine", "model", "workload", "npus"};

struct step {
	enum op op;
	int name;                  /* KNOB, WORDS: enum knob_id or TEXT_ */
	const struct field *field; /* KNOB: of the schedule */
	double number;             /* NUMBER */
	const char *word;          /* WORDS */
};

enum { MOST_STEPS = 256, MOST_DEPTH = 32 };

struct constraint {
	const char *text;
	size_t n;
	unsigned knobs;
	struct step step[];
};

/* ---- parsing: recursive descent into a list of steps for a stack ---- */

/* What an expression gives: a number, a truth, or a knob whose words are still to be compared. */
enum type { TYPE_NUMBER, TYPE_TRUTH, TYPE_CHOICE, TYPE_TEXT };
struct value {
	enum type type;
	int name; /* of CHOICE and TEXT */
};

struct parser {
	const char *text, *at, *file;
	int line, column, depth;
	struct arena *a;
	struct err *e;
	struct step step[MOST_STEPS];
	size_t n;
	unsigned knobs;
};

__attribute__((format(printf, 3, 4))) static enum rc parse_fail(struct parser *p, const char *at,
                                                                const char *fmt, ...)
{
	int column = (int)(at - p->text) + (p->column > 0 ? p->column : 1);
	char why[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	if (p->line > 0)
		return fail(p->e, RC_CONFIG, "%s:%d:%d: constraint '%.80s': %s", p->file, p->line,
		            column, p->text, why);
	return fail(p->e, RC_CONFIG, "%s: constraint '%.80s', column %d: %s", p->file, p->text,
	            column, why);
}

static void spaces(struct parser *p)
{
	while (*p->at == ' ' || *p->at == '\t')
		p->at++;
}

static size_t word_chars(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '_' ||
	       (n > 0 && (s[n] == '.' || s[n] == '-')))
		n++;
	return n;
}

static bool take(struct parser *p, const char *symbol)
{
	size_t n = strlen(symbol);
	bool word = isalpha((unsigned char)symbol[0]);

	spaces(p);
	if (strncmp(p->at, symbol, n) != 0 || (word && word_chars(p->at) != n))
		return false;
	p->at += n;
	return true;
}

static enum rc emit(struct parser *p, struct step step)
{
	if (p->n == MOST_STEPS)
		return parse_fail(p, p->at, "it is too long");
	p->step[p->n++] = step;
	return RC_OK;
}

static const char *name_of(int name)
{
	return name < KNOBS ? knob_names[name] : more_names[name - KNOBS];
}

static int name_find(const char *s, size_t n_chars)
{
	for (int i = 0; i < NAMES; i++) {
		if (strlen(name_of(i)) == n_chars && strncmp(name_of(i), s, n_chars) == 0)
			return i;
	}
	return -1;
}

static const struct field *knob_field(int name)
{
	const struct field *f = schedule_fields;

	while (f->key && strcmp(f->key, name_of(name)) != 0)
		f++;
	CHECK(f->key);
	return f;
}

static enum rc unknown_name(struct parser *p, const char *at, size_t n_chars)
{
	const char *names[NAMES + 1] = {NULL};
	const char *word = arena_copy(p->a, at, n_chars);
	char slip[128];

	for (int i = 0; i < NAMES; i++)
		names[i] = name_of(i);
	return parse_fail(p, at, "no knob is called '%.40s'%s", word,
	                  hint(slip, sizeof slip, word, names));
}

static void knobs_named(struct parser *p, int name)
{
	const unsigned shape = 1U << KNOB_EP | 1U << KNOB_TP;

	if (name < KNOBS)
		p->knobs |= 1U << name;
	if (name == KNOB_DP || name == NAME_NPUS)
		p->knobs |= 1U << KNOB_DP | shape;
}

static enum rc or_parse(struct parser *p, struct value *out);

static enum rc bracket_parse(struct parser *p, struct value *out)
{
	const char *at = p->at - 1;

	if (++p->depth > MOST_DEPTH)
		return parse_fail(p, at, "brackets are nested too deep");
	TRY(or_parse(p, out));
	p->depth--;
	if (!take(p, ")"))
		return parse_fail(p, p->at, "a ')' is missing");
	return RC_OK;
}

static enum rc name_parse(struct parser *p, struct value *out)
{
	size_t n = word_chars(p->at);
	int name = name_find(p->at, n);

	if (name < 0)
		return unknown_name(p, p->at, n);
	p->at += n;
	knobs_named(p, name);
	if (name == NAME_NPUS) {
		*out = (struct value){TYPE_NUMBER, 0};
		return emit(p, (struct step){.op = OP_NPUS});
	}
	if (name >= KNOBS || knob_field(name)->kind == FIELD_TEXT) {
		*out = (struct value){TYPE_TEXT, name};
		return RC_OK; /* the comparison asks for it */
	}
	*out = (struct value){knob_field(name)->kind == FIELD_CHOICE ? TYPE_CHOICE : TYPE_NUMBER,
	                      name};
	return emit(p, (struct step){.op = OP_KNOB, .name = name, .field = knob_field(name)});
}

static enum rc atom_parse(struct parser *p, struct value *out)
{
	double number = 0;
	const char *at;

	spaces(p);
	at = p->at;
	if (take(p, "("))
		return bracket_parse(p, out);
	if (isalpha((unsigned char)*p->at))
		return name_parse(p, out);
	if (!isdigit((unsigned char)*p->at))
		return parse_fail(p, at,
		                  *at ? "a knob or a number is needed at '%.20s'"
		                      : "it ends where a knob or a number is needed%s",
		                  at);
	for (; isdigit((unsigned char)*p->at); p->at++)
		number = number * 10 + (*p->at - '0');
	if (isalpha((unsigned char)*p->at) || *p->at == '.')
		return parse_fail(p, at, "'%.20s' is no whole number", at);
	*out = (struct value){TYPE_NUMBER, 0};
	return emit(p, (struct step){.op = OP_NUMBER, .number = number});
}

struct symbol {
	const char *text;
	enum op op;
};

static const struct symbol products[] = {
        {"*", OP_MULTIPLY}, {"/", OP_DIVIDE}, {"%", OP_REMAINDER}, {NULL, OP_NUMBER}};
static const struct symbol sums[] = {{"+", OP_ADD}, {"-", OP_SUBTRACT}, {NULL, OP_NUMBER}};
static const struct symbol comparisons[] = {
        {"==", OP_EQUAL}, {"!=", OP_DIFFERENT}, {"<=", OP_AT_MOST}, {">=", OP_AT_LEAST},
        {"<", OP_LESS},   {">", OP_MORE},       {NULL, OP_NUMBER}};

static const struct symbol *symbol_take(struct parser *p, const struct symbol *table)
{
	for (; table->text; table++) {
		if (take(p, table->text))
			return table;
	}
	return NULL;
}

static enum rc need(struct parser *p, const char *at, const struct value *v, enum type type)
{
	if (v->type == type)
		return RC_OK;
	if (v->type == TYPE_CHOICE || v->type == TYPE_TEXT)
		return parse_fail(p, at, "%s has words, which only == and != compare",
		                  name_of(v->name));
	return parse_fail(p, at,
	                  type == TYPE_TRUTH ? "a comparison is needed, such as tp == 1"
	                                     : "a comparison is no number");
}

typedef enum rc level_fn(struct parser *p, struct value *out);

/* x op y op z, all numbers. */
static enum rc chain_parse(struct parser *p, const struct symbol *table, level_fn *next,
                           struct value *out)
{
	const struct symbol *symbol;
	const char *at;

	spaces(p);
	at = p->at;
	TRY(next(p, out));
	while ((symbol = symbol_take(p, table))) {
		struct value right;
		const char *right_at = p->at;

		TRY(need(p, at, out, TYPE_NUMBER));
		TRY(next(p, &right));
		TRY(need(p, right_at, &right, TYPE_NUMBER));
		TRY(emit(p, (struct step){.op = symbol->op}));
	}
	return RC_OK;
}

static enum rc product_parse(struct parser *p, struct value *out)
{
	return chain_parse(p, products, atom_parse, out);
}

static enum rc sum_parse(struct parser *p, struct value *out)
{
	return chain_parse(p, sums, product_parse, out);
}

/* dispatch == int8, flow != direct, machine == cloudmatrix384 */
static enum rc word_parse(struct parser *p, const struct value *left, enum op op)
{
	const char *at, *word;
	size_t n;

	spaces(p);
	at = p->at, n = word_chars(at);
	if (op != OP_EQUAL && op != OP_DIFFERENT)
		return parse_fail(p, at, "%s has words, which only == and != compare",
		                  name_of(left->name));
	if (n == 0)
		return parse_fail(p, at, "a word for %s is needed", name_of(left->name));
	p->at += n;
	word = arena_copy(p->a, at, n);
	if (left->type == TYPE_TEXT) {
		TRY(emit(p, (struct step){.op = OP_WORDS, .name = left->name, .word = word}));
		return op == OP_EQUAL ? RC_OK : emit(p, (struct step){.op = OP_NOT});
	}
	for (int i = 0; knob_field(left->name)->names[i]; i++) {
		if (strcmp(knob_field(left->name)->names[i], word) != 0)
			continue;
		TRY(emit(p, (struct step){.op = OP_NUMBER, .number = i}));
		return emit(p, (struct step){.op = op});
	}
	char slip[128];

	return parse_fail(p, at, "'%.40s' is no word for %s%s", word, name_of(left->name),
	                  hint(slip, sizeof slip, word, knob_field(left->name)->names));
}

static enum rc comparison_parse(struct parser *p, struct value *out)
{
	const struct symbol *symbol;
	const char *at;
	struct value right;

	spaces(p);
	at = p->at;
	if (take(p, "not")) {
		at = p->at;
		TRY(comparison_parse(p, out));
		TRY(need(p, at, out, TYPE_TRUTH));
		return emit(p, (struct step){.op = OP_NOT});
	}
	TRY(sum_parse(p, out));
	symbol = symbol_take(p, comparisons);
	if (!symbol)
		return out->type == TYPE_CHOICE || out->type == TYPE_TEXT
		               ? need(p, at, out, TYPE_NUMBER)
		               : RC_OK;
	if (out->type == TYPE_CHOICE || out->type == TYPE_TEXT) {
		TRY(word_parse(p, out, symbol->op));
	} else {
		TRY(need(p, at, out, TYPE_NUMBER));
		at = p->at;
		TRY(sum_parse(p, &right));
		TRY(need(p, at, &right, TYPE_NUMBER));
		TRY(emit(p, (struct step){.op = symbol->op}));
	}
	*out = (struct value){TYPE_TRUTH, 0};
	return RC_OK;
}

static enum rc truths_parse(struct parser *p, const char *word, enum op op, level_fn *next,
                            struct value *out)
{
	const char *at;

	spaces(p);
	at = p->at;
	TRY(next(p, out));
	while (take(p, word)) {
		struct value right;

		TRY(need(p, at, out, TYPE_TRUTH));
		spaces(p);
		at = p->at;
		TRY(next(p, &right));
		TRY(need(p, at, &right, TYPE_TRUTH));
		TRY(emit(p, (struct step){.op = op}));
	}
	return RC_OK;
}

static enum rc and_parse(struct parser *p, struct value *out)
{
	return truths_parse(p, "and", OP_AND, comparison_parse, out);
}

static enum rc or_parse(struct parser *p, struct value *out)
{
	return truths_parse(p, "or", OP_OR, and_parse, out);
}

enum rc constraint_parse(const char *text, const char *file, int line, int column, struct arena *a,
                         struct constraint **out, struct err *e)
{
	struct parser p = {.text = text,
	                   .at = text,
	                   .file = file,
	                   .line = line,
	                   .column = column,
	                   .a = a,
	                   .e = e};
	struct value v;
	struct constraint *c;

	TRY(or_parse(&p, &v));
	spaces(&p);
	if (*p.at)
		return parse_fail(&p, p.at, "'%.20s' is not expected here", p.at);
	TRY(need(&p, text, &v, TYPE_TRUTH));
	c = arena_alloc(a, sizeof *c + p.n * sizeof *c->step);
	c->text = arena_string(a, text), c->n = p.n, c->knobs = p.knobs;
	memcpy(c->step, p.step, p.n * sizeof *c->step);
	*out = c;
	return RC_OK;
}

unsigned constraint_knobs(const struct constraint *c)
{
	return c->knobs;
}

const char *constraint_text(const struct constraint *c)
{
	return c->text;
}

/* ---- asking ---- */

static double knob_number(const struct schedule *s, const struct step *x)
{
	const char *slot = (const char *)s + x->field->offset;

	if (x->name == KNOB_DP && s->dp == 0)
		return (double)s->ep / (double)s->tp;
	return x->field->kind == FIELD_CHOICE ? *(const int *)slot : (double)*(const int64_t *)slot;
}

static const char *text_of(const struct schedule *s, const struct constraint_names *names, int name)
{
	switch (name) {
	case TEXT_MACHINE:
		return names->machine;
	case TEXT_MODEL:
		return names->model;
	case TEXT_WORKLOAD:
		return names->workload;
	default:
		return s->flow;
	}
}

static double two(enum op op, double x, double y)
{
	switch (op) {
	case OP_ADD:
		return x + y;
	case OP_SUBTRACT:
		return x - y;
	case OP_MULTIPLY:
		return x * y;
	case OP_DIVIDE:
		return x / y;
	case OP_REMAINDER:
		return fmod(x, y);
	case OP_EQUAL:
		return x == y;
	case OP_DIFFERENT:
		return x != y;
	case OP_LESS:
		return x < y;
	case OP_AT_MOST:
		return x <= y;
	case OP_MORE:
		return x > y;
	case OP_AT_LEAST:
		return x >= y;
	case OP_AND:
		return x != 0 && y != 0;
	default:
		return x != 0 || y != 0;
	}
}

bool constraint_holds(const struct constraint *c, const struct schedule *s,
                      const struct constraint_names *names)
{
	double stack[MOST_STEPS];
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct step *x = c->step + i;

		switch (x->op) {
		case OP_NUMBER:
			stack[n++] = x->number;
			break;
		case OP_KNOB:
			stack[n++] = knob_number(s, x);
			break;
		case OP_NPUS:
			stack[n++] = (double)schedule_npus(s);
			break;
		case OP_WORDS:
			stack[n++] = strcmp(text_of(s, names, x->name), x->word) == 0;
			break;
		case OP_NOT:
			stack[n - 1] = stack[n - 1] == 0;
			break;
		default:
			CHECK(n >= 2);
			n--;
			stack[n - 1] = two(x->op, stack[n - 1], stack[n]);
		}
	}
	return stack[0] != 0;
}

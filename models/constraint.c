/* Constraints: from text to steps. */
#include <ctype.h>
#include <string.h>
#include "models/constraint_steps.h"

static const char *const more_names[] = {"machine", "model", "workload", "npus", "instances"};

/* ---- parsing: recursive descent into a list of steps for a stack ---- */

/* What an expression gives: a number, a truth, or a knob whose words are still to be compared. */
enum type { TYPE_NUMBER, TYPE_TRUTH, TYPE_CHOICE, TYPE_TEXT };
struct value {
	enum type type;
	int name, pool; /* of CHOICE and TEXT */
};

struct parser {
	const char *text, *at, *file;
	int line, column, depth;
	struct arena *a;
	struct err *e;
	struct step step[MOST_STEPS];
	size_t n;
	unsigned knobs, pools;
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

/* "prefill.", "decode." at the start: their length, and the pool. */
static size_t pool_chars(const char *s, size_t n_chars, int *pool)
{
	for (enum phase phase = 0; phase < PHASES; phase++) {
		size_t n = strlen(phase_names[phase]);

		if (n_chars > n && strncmp(phase_names[phase], s, n) == 0 && s[n] == '.')
			return *pool = (int)phase, n + 1;
	}
	return *pool = PLAIN, 0;
}

/* May the name stand behind that pool's? */
static bool of_pool(int name, int pool)
{
	if (pool == PLAIN)
		return name != NAME_INSTANCES;
	if (name == KNOB_BATCH || name == KNOB_MTP)
		return pool == PHASE_DECODE;
	if (name == KNOB_CHUNK)
		return pool == PHASE_PREFILL;
	return name < TEXT_MACHINE || name >= NAME_NPUS;
}

static int name_find(const char *s, size_t n_chars, int *pool)
{
	size_t skip = pool_chars(s, n_chars, pool);

	for (int i = 0; i < NAMES; i++) {
		if (strlen(name_of(i)) == n_chars - skip &&
		    strncmp(name_of(i), s + skip, n_chars - skip) == 0 && of_pool(i, *pool))
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
	const char *names[(PHASES + 1) * NAMES + 1] = {NULL};
	const char *word = arena_copy(p->a, at, n_chars);
	size_t n = 0;
	char slip[128];

	for (int pool = 0; pool <= PLAIN; pool++) {
		for (int i = 0; i < NAMES; i++) {
			if (!of_pool(i, pool))
				continue;
			names[n++] = pool == PLAIN ? name_of(i)
			                           : arena_print(p->a, "%s.%s", phase_names[pool],
			                                         name_of(i));
		}
	}
	return parse_fail(p, at, "no knob is called '%.40s'%s", word,
	                  hint(slip, sizeof slip, word, names));
}

static void knobs_named(struct parser *p, int name, int pool)
{
	const unsigned shape = 1U << KNOB_EP | 1U << KNOB_TP;

	if (name < KNOBS)
		p->knobs |= 1U << name;
	if (name == KNOB_DP || name == NAME_NPUS)
		p->knobs |= 1U << KNOB_DP | shape;
	if (name == NAME_NPUS)
		p->knobs |= 1U << KNOB_PP;
	if (pool != PLAIN)
		p->pools |= 1U << pool;
	else if (name == KNOB_CHUNK)
		p->pools |= 1U << PHASE_PREFILL;
	else if (name == KNOB_BATCH || name == KNOB_MTP)
		p->pools |= 1U << PHASE_DECODE;
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
	int pool, name = name_find(p->at, n, &pool);

	if (name < 0)
		return unknown_name(p, p->at, n);
	p->at += n;
	knobs_named(p, name, pool);
	*out = (struct value){TYPE_NUMBER, 0, PLAIN};
	if (name == NAME_NPUS)
		return emit(p, (struct step){.op = OP_NPUS, .pool = pool});
	if (name == NAME_INSTANCES)
		return emit(p, (struct step){.op = OP_INSTANCES, .pool = pool});
	if (name >= KNOBS || knob_field(name)->kind == FIELD_TEXT) {
		*out = (struct value){TYPE_TEXT, name, pool};
		return RC_OK; /* the comparison asks for it */
	}
	*out = (struct value){knob_field(name)->kind == FIELD_CHOICE ? TYPE_CHOICE : TYPE_NUMBER,
	                      name, pool};
	return emit(p,
	            (struct step){
	                    .op = OP_KNOB, .name = name, .pool = pool, .field = knob_field(name)});
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
	*out = (struct value){TYPE_NUMBER, 0, PLAIN};
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
		TRY(emit(p, (struct step){.op = OP_WORDS,
		                          .name = left->name,
		                          .pool = left->pool,
		                          .word = word}));
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
	*out = (struct value){TYPE_TRUTH, 0, PLAIN};
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
	c->text = arena_string(a, text), c->n = p.n;
	c->knobs = p.knobs, c->pools = p.pools;
	memcpy(c->step, p.step, p.n * sizeof *c->step);
	*out = c;
	return RC_OK;
}

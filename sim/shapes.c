#include "sim/shapes.h"
#include <string.h>
#include "models/base/arena.h"

#define AT(member) offsetof(struct shape_claim, member)

static const struct field claim_fields[] = {
        {FIELD_ROW("system", FIELD_TEXT, DIM_COUNT, AT(system), NULL, "whose")},
        {FIELD_ROW("claim", FIELD_TEXT, DIM_COUNT, AT(claim), NULL, "in words")},
        {FIELD_ROW("published", FIELD_TEXT, DIM_COUNT, AT(published), NULL, "figures")},
        {FIELD_ROW("source", FIELD_TEXT, DIM_COUNT, AT(source), NULL, "where it is from")},
        {FIELD_ROW("least", FIELD_QUANTITY, DIM_RATIO, AT(least_ratio), NULL, "that passes")},
        {FIELD_ROW("most", FIELD_QUANTITY, DIM_RATIO, AT(most_ratio), NULL, "that passes")},
        {FIELD_ROW("why", FIELD_TEXT, DIM_COUNT, AT(why), "", "why it does not pass, if known")},
        {0},
};

static const struct shape_row *row_of(const char *key)
{
	for (const struct shape_row *r = shape_rows; r->key; r++) {
		if (strcmp(r->key, key) == 0)
			return r;
	}
	return NULL;
}

static enum rc unknown_claim(const struct yaml_node *n, struct err *e)
{
	const char *names[MOST_SHAPES + 1] = {0};
	char slip[128];

	for (size_t i = 0; shape_rows[i].key; i++)
		names[i] = shape_rows[i].key;
	return fail(e, RC_CONFIG, "%s:%d: nothing computes the claim '%.60s'%s", n->file,
	            n->key_line, n->key, hint(slip, sizeof slip, n->key, names));
}

static enum verdict judge(const struct shape *s)
{
	if (s->ratio >= s->claim.least_ratio && s->ratio <= s->claim.most_ratio)
		return VERDICT_HOLDS;
	return *s->claim.why ? VERDICT_EXPLAINED : VERDICT_FAILS;
}

static enum rc claim_read(const struct yaml_node *n, struct arena *a, struct shape *out,
                          struct err *e)
{
	out->row = row_of(n->key);
	if (!out->row)
		return unknown_claim(n, e);
	TRY(fields_read(claim_fields, &out->claim, n, a, NULL, e));
	if (out->claim.least_ratio > out->claim.most_ratio)
		return yaml_fail(n, e, "%s: least is above most", n->key);
	return RC_OK;
}

enum rc shapes_run(const char *path, struct arena *a, struct shape *out, size_t *n, struct err *e)
{
	struct yaml_node *root;
	const struct yaml_node *claims;

	*n = 0;
	TRY(yaml_read(path, a, &root, e));
	claims = root->kind == YAML_MAP ? yaml_get(root, "shapes") : NULL;
	if (!claims || claims->kind != YAML_MAP)
		return fail(e, RC_CONFIG, "%s: holds no section 'shapes'", path);
	for (const struct yaml_node *c = claims->first; c; c = c->next) {
		if (*n == MOST_SHAPES)
			return yaml_fail(c, e, "more than %d claims", MOST_SHAPES);
		TRY(claim_read(c, a, &out[*n], e));
		TRY(out[*n].row->value(&out[*n].ratio, e));
		out[*n].verdict = judge(&out[*n]);
		++*n;
	}
	for (const struct shape_row *r = shape_rows; r->key; r++) {
		if (!yaml_get(claims, r->key))
			return fail(e, RC_CONFIG, "%s: holds no claim '%s'", path, r->key);
	}
	return RC_OK;
}

const char *verdict_name(enum verdict v)
{
	static const char *const names[VERDICTS] = {"holds", "explained", "FAILS"};

	return names[v];
}

#include "models/sweep_cases.h"

/* Replaces a section by the i-th of the list, when there is one, and sets again what was set. */
static enum rc section_choose(struct config *c, enum section s, const struct field_list *list,
                              size_t i, struct err *e)
{
	const struct setting *again = c->settings[s];
	struct err inner;

	if (list->n == 0)
		return RC_OK;
	if (config_section(c, s, list->text[i], &inner) != RC_OK)
		return fail(e, inner.rc, "%s: sweep.%ss: %s", c->where[SECTION_SWEEP],
		            section_names[s], inner.text);
	for (; again; again = again->next)
		TRY(config_key(c, s, again->key, again->text, again->who, e));
	return RC_OK;
}

static size_t at_least_one(const struct field_list *list)
{
	return list->n > 0 ? list->n : 1;
}

static enum rc case_make(const struct config *c, size_t i, struct config **out, struct err *e)
{
	const struct sweep_spec *s = &c->sweep;
	struct config *one = arena_alloc(c->arena, sizeof *one);
	size_t n_workloads = at_least_one(&s->workloads), n_models = at_least_one(&s->models);

	*one = *c;
	TRY(section_choose(one, SECTION_WORKLOAD, &s->workloads, i % n_workloads, e));
	i /= n_workloads;
	TRY(section_choose(one, SECTION_MODEL, &s->models, i % n_models, e));
	TRY(section_choose(one, SECTION_MACHINE, &s->machines, i / n_models, e));
	TRY(config_check(
	        one, NEEDS(SECTION_MACHINE) | NEEDS(SECTION_MODEL) | NEEDS(SECTION_WORKLOAD), e));
	*out = one;
	return RC_OK;
}

enum rc sweep_cases(struct config *c, struct sweep_cases *out, struct err *e)
{
	const struct sweep_spec *s = &c->sweep;
	struct sweep_cases all = {.n = at_least_one(&s->machines) * at_least_one(&s->models) *
	                               at_least_one(&s->workloads)};

	all.config = arena_alloc(c->arena, all.n * sizeof(struct config *));
	for (size_t i = 0; i < all.n; i++)
		TRY(case_make(c, i, &all.config[i], e));
	*out = all;
	return RC_OK;
}

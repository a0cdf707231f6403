/* The store of a build without SQLite: there is none. */
#include "sim/sweep_store.h"
#include "sim/sweep_work.h"

#ifndef EPSIM_HAVE_SQLITE

enum rc store_open(const char *path, enum store_mode mode, struct sweep_store **out, struct err *e)
{
	(void)mode, (void)out;
	return fail(e, RC_CONFIG, "%s: this build has no SQLite, hence no stores", path);
}

void store_close(struct sweep_store *s)
{
	(void)s;
}

enum rc store_check(struct sweep_store *s, struct err *e)
{
	(void)s;
	return fail(e, RC_INTERNAL, "this build has no stores");
}

void store_remove(const char *path)
{
	(void)path;
}

enum rc store_merge(struct sweep_store *s, const char *from, struct err *e)
{
	return store_open(from, STORE_ANY, &s, e);
}

enum rc store_count(struct sweep_store *s, size_t *n, struct err *e)
{
	(void)s, (void)n;
	return fail(e, RC_INTERNAL, "this build has no stores");
}

enum rc store_scope_open(struct sweep_store *s, const struct config *c, const struct engine *engine,
                         struct store_scope **out, struct err *e)
{
	(void)s, (void)c, (void)engine, (void)out;
	return fail(e, RC_INTERNAL, "this build has no stores");
}

void store_scope_close(struct store_scope *scope)
{
	(void)scope;
}

const char *store_scope_name(const struct store_scope *scope)
{
	(void)scope;
	return "";
}

enum rc store_get(struct store_scope *scope, enum phase phase, struct arena *a,
                  struct pool_price *price, bool *found, struct err *e)
{
	(void)scope, (void)phase, (void)a, (void)price, (void)found;
	return fail(e, RC_INTERNAL, "this build has no stores");
}

enum rc store_put(struct store_scope *scope, const struct task *tasks, size_t n, struct err *e)
{
	(void)scope, (void)tasks, (void)n;
	return fail(e, RC_INTERNAL, "this build has no stores");
}

#else
typedef int sweep_store_is_there;
#endif

#ifdef EPSIM_HAVE_SQLITE
#include "sim/sweep_store.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sim/sweep_schema.h"
#include "sim/sweep_work.h"

struct sweep_store {
	sqlite3 *db; /* NULL: not made yet */
	const char *path;
	struct arena *arena;
	pthread_mutex_t lock; /* of the statements */
	sqlite3_stmt *get, *put;
};

struct store_scope {
	struct sweep_store *store;
	const struct config *config;
	const struct engine *engine;
	const char *text;
	bool written;
	unsigned char digest[DIGEST_BYTES];
	char name[2 * DIGEST_BYTES + 1];
};

/* ---- files ---- */

static enum rc trouble(struct sweep_store *s, struct err *e)
{
	int code = sqlite3_errcode(s->db);

	if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
		return fail(e, RC_DATA, "%s: it is no store of sweeps, or damaged: %s", s->path,
		            sqlite3_errmsg(s->db));
	return fail(e, RC_CONFIG, "%s: %s", s->path, sqlite3_errmsg(s->db));
}

static enum rc execute(struct sweep_store *s, const char *sql, struct err *e)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? RC_OK : trouble(s, e);
}

static enum rc prepare(struct sweep_store *s, const char *sql, sqlite3_stmt **out, struct err *e)
{
	return sqlite3_prepare_v2(s->db, sql, -1, out, NULL) == SQLITE_OK ? RC_OK : trouble(s, e);
}

static enum rc one_number(struct sweep_store *s, const char *sql, int64_t *out, struct err *e)
{
	sqlite3_stmt *q;

	TRY(prepare(s, sql, &q, e));
	if (sqlite3_step(q) == SQLITE_ROW)
		*out = sqlite3_column_int64(q, 0);
	return sqlite3_finalize(q) == SQLITE_OK ? RC_OK : trouble(s, e);
}

/* The schema's number stands in the file, so that a later form is told apart. */
static enum rc schema_make(struct sweep_store *s, struct err *e)
{
	char *sql = schema_sql(s->arena);
	int64_t version = 0, n_tables = 0;

	TRY(one_number(s, "PRAGMA user_version", &version, e));
	TRY(one_number(s, "SELECT count(*) FROM sqlite_schema", &n_tables, e));
	if (version == SCHEMA_VERSION)
		return RC_OK;
	if (n_tables > 0)
		return fail(e, RC_DATA, "%s: it is a database, but no store of this version",
		            s->path);
	return execute(s, sql, e);
}

static enum rc store_start(struct sweep_store *s, enum store_mode mode, struct err *e)
{
	enum { WAIT_MS = 60000 };

	sqlite3_busy_timeout(s->db, WAIT_MS);
	if (mode == STORE_ALONE || mode == STORE_LATER)
		TRY(execute(s, "PRAGMA locking_mode = EXCLUSIVE", e));
	TRY(execute(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", e));
	TRY(schema_make(s, e));
	TRY(prepare(s, schema_get_sql(s->arena), &s->get, e));
	return prepare(s, schema_put_sql(s->arena), &s->put, e);
}

static enum rc database_open(struct sweep_store *s, enum store_mode mode, struct err *e)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

	if (sqlite3_open_v2(s->path, &s->db, flags, NULL) != SQLITE_OK)
		return trouble(s, e);
	return store_start(s, mode, e);
}

enum rc store_open(const char *path, enum store_mode mode, struct sweep_store **out, struct err *e)
{
	bool there = access(path, F_OK) == 0;
	struct sweep_store *s;
	enum rc rc = RC_OK;

	if (mode == STORE_THERE && !there)
		return fail(e, RC_CONFIG, "%s: there is no such store to go on from", path);
	s = heap_zeroed(1, sizeof *s);
	s->arena = arena_new();
	s->path = arena_string(s->arena, path);
	CHECK(pthread_mutex_init(&s->lock, NULL) == 0);
	if (mode != STORE_LATER || there)
		rc = database_open(s, mode, e);
	if (rc == RC_OK)
		*out = s, s = NULL;
	store_close(s);
	return rc;
}

void store_close(struct sweep_store *s)
{
	if (!s)
		return;
	sqlite3_finalize(s->get);
	sqlite3_finalize(s->put);
	sqlite3_close(s->db);
	pthread_mutex_destroy(&s->lock);
	arena_free(s->arena);
	free(s);
}

enum rc store_check(struct sweep_store *s, struct err *e)
{
	char text[128] = "no answer";
	sqlite3_stmt *q;

	TRY(prepare(s, "PRAGMA integrity_check(1)", &q, e));
	if (sqlite3_step(q) == SQLITE_ROW)
		snprintf(text, sizeof text, "%s", (const char *)sqlite3_column_text(q, 0));
	sqlite3_finalize(q);
	return strcmp(text, "ok") == 0 ? RC_OK : fail(e, RC_DATA, "%s: %s", s->path, text);
}

void store_remove(const char *path)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	char name[4096];

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		snprintf(name, sizeof name, "%s%s", path, ends[i]);
		unlink(name);
	}
}

/* The other store is attached: may it be merged, and is there anything in it? Whoever made it may
 * have been killed right then. */
static enum rc other_check(struct sweep_store *s, bool *empty, struct err *e)
{
	int64_t version = 0, n_tables = 0;

	TRY(one_number(s, "PRAGMA other.user_version", &version, e));
	TRY(one_number(s, "SELECT count(*) FROM other.sqlite_schema", &n_tables, e));
	*empty = n_tables == 0;
	if (version != SCHEMA_VERSION && n_tables > 0)
		return fail(e, RC_DATA, "it is no store of this version");
	return RC_OK;
}

static enum rc other_copy(struct sweep_store *s, struct err *e)
{
	enum rc rc = execute(s,
	                     "BEGIN IMMEDIATE;"
	                     "INSERT OR IGNORE INTO scopes SELECT * FROM other.scopes;"
	                     "INSERT OR IGNORE INTO prices SELECT * FROM other.prices;"
	                     "COMMIT",
	                     e);

	if (rc != RC_OK && !sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

enum rc store_merge(struct sweep_store *s, const char *from, struct err *e)
{
	bool empty = false;
	struct err inner;
	char *attach;
	enum rc rc;

	if (access(from, R_OK) != 0)
		return fail(e, RC_CONFIG, "%s: there is no such store to merge", from);
	attach = sqlite3_mprintf("ATTACH %Q AS other", from);
	CHECK(attach);
	rc = execute(s, attach, &inner);
	sqlite3_free(attach);
	if (rc == RC_OK)
		rc = other_check(s, &empty, &inner);
	if (rc == RC_OK && !empty)
		rc = other_copy(s, &inner);
	sqlite3_exec(s->db, "DETACH other", NULL, NULL, NULL);
	return rc == RC_OK ? RC_OK : fail(e, rc, "merging %s: %.900s", from, inner.text);
}

enum rc store_count(struct sweep_store *s, size_t *n, struct err *e)
{
	int64_t count = 0;

	*n = 0;
	if (!s->db)
		return RC_OK;
	TRY(one_number(s, "SELECT count(*) FROM prices", &count, e));
	*n = (size_t)count;
	return RC_OK;
}

/* ---- scopes ---- */

static enum rc scope_put(struct store_scope *scope, struct err *e)
{
	struct sweep_store *s = scope->store;
	const struct config *c = scope->config;
	const char *const words[] = {schema_program(), scope->engine->name, c->machine.name,
	                             c->model.name,    c->workload.name,    scope->text};
	sqlite3_stmt *q;

	TRY(prepare(s, "INSERT OR IGNORE INTO scopes VALUES (?,?,?,?,?,?,?)", &q, e));
	sqlite3_bind_blob(q, 1, scope->digest, DIGEST_BYTES, SQLITE_STATIC);
	for (int i = 0; i < 6; i++)
		sqlite3_bind_text(q, i + 2, words[i], -1, SQLITE_STATIC);
	sqlite3_step(q);
	return sqlite3_finalize(q) == SQLITE_OK ? RC_OK : trouble(s, e);
}

enum rc store_scope_open(struct sweep_store *s, const struct config *c, const struct engine *engine,
                         struct store_scope **out, struct err *e)
{
	struct store_scope *scope = heap_zeroed(1, sizeof *scope);
	enum rc rc = schema_scope(c, engine, s->arena, scope->digest, &scope->text, e);

	scope->store = s, scope->config = c, scope->engine = engine;
	for (int i = 0; i < DIGEST_BYTES; i++)
		snprintf(scope->name + 2 * i, 3, "%02x", scope->digest[i]);
	if (rc == RC_OK)
		*out = scope, scope = NULL;
	store_scope_close(scope);
	return rc;
}

void store_scope_close(struct store_scope *scope)
{
	free(scope);
}

const char *store_scope_name(const struct store_scope *scope)
{
	return scope->name;
}

/* ---- rows ---- */

static double *number_at(struct pool_price *p, const struct schema_number *n)
{
	return (double *)(void *)((char *)p + n->offset);
}

static void row_read(sqlite3_stmt *q, struct arena *a, struct pool_price *p)
{
	const char *why_not = (const char *)sqlite3_column_text(q, 0);
	int column = 2;

	p->why_not = why_not ? arena_string(a, why_not) : NULL;
	p->memory.batch_most = sqlite3_column_int64(q, 1);
	for (const struct schema_number *n = schema_numbers; n->name; n++)
		*number_at(p, n) = sqlite3_column_double(q, column++);
	p->known = !why_not;
}

enum rc store_get(struct store_scope *scope, enum phase phase, struct arena *a,
                  struct pool_price *price, bool *found, struct err *e)
{
	struct sweep_store *s = scope->store;
	unsigned char shared[DIGEST_BYTES], digest[DIGEST_BYTES];
	int code;

	*found = false;
	if (!s->db)
		return RC_OK;
	schema_digests(scope->digest, phase, price, shared, digest);
	pthread_mutex_lock(&s->lock);
	sqlite3_bind_blob(s->get, 1, digest, DIGEST_BYTES, SQLITE_STATIC);
	code = sqlite3_step(s->get);
	*found = code == SQLITE_ROW;
	if (*found)
		row_read(s->get, a, price);
	sqlite3_reset(s->get);
	pthread_mutex_unlock(&s->lock);
	return code == SQLITE_ROW || code == SQLITE_DONE ? RC_OK : trouble(s, e);
}

static void knobs_bind(sqlite3_stmt *q, int at, const struct schedule *s)
{
	for (enum knob_id id = 0; id < KNOBS_SHARED; id++) {
		char buf[32];
		const char *text = knob_text(s, id, buf, sizeof buf);

		if (text == buf)
			sqlite3_bind_int64(q, at++, strtoll(buf, NULL, 10));
		else
			sqlite3_bind_text(q, at++, text, -1, SQLITE_TRANSIENT);
	}
}

static enum rc row_write(struct store_scope *scope, const struct task *task, struct err *e)
{
	struct sweep_store *s = scope->store;
	struct pool_price *p = task->price;
	unsigned char shared[DIGEST_BYTES], digest[DIGEST_BYTES];
	sqlite3_stmt *q = s->put;
	int at = 8, code;

	schema_digests(scope->digest, task->phase, p, shared, digest);
	sqlite3_bind_blob(q, 1, digest, DIGEST_BYTES, SQLITE_STATIC);
	sqlite3_bind_blob(q, 2, scope->digest, DIGEST_BYTES, SQLITE_STATIC);
	sqlite3_bind_blob(q, 3, shared, DIGEST_BYTES, SQLITE_STATIC);
	sqlite3_bind_text(q, 4, phase_names[task->phase], -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 5, p->size);
	sqlite3_bind_text(q, 6, p->why_not, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 7, p->memory.batch_most);
	for (const struct schema_number *n = schema_numbers; n->name; n++)
		sqlite3_bind_double(q, at++, *number_at(p, n));
	knobs_bind(q, at, &p->group->schedule);
	code = sqlite3_step(q);
	sqlite3_reset(q);
	return code == SQLITE_DONE ? RC_OK : trouble(s, e);
}

static enum rc rows_write(struct store_scope *scope, const struct task *tasks, size_t n,
                          struct err *e)
{
	if (!scope->store->db)
		TRY(database_open(scope->store, STORE_LATER, e));
	TRY(execute(scope->store, "BEGIN IMMEDIATE", e));
	if (!scope->written)
		TRY(scope_put(scope, e));
	for (size_t i = 0; i < n; i++) {
		if (!tasks[i].restored)
			TRY(row_write(scope, tasks + i, e));
	}
	TRY(execute(scope->store, "COMMIT", e));
	scope->written = true;
	return RC_OK;
}

enum rc store_put(struct store_scope *scope, const struct task *tasks, size_t n, struct err *e)
{
	struct sweep_store *s = scope->store;
	enum rc rc;

	pthread_mutex_lock(&s->lock);
	rc = rows_write(scope, tasks, n, e);
	if (rc != RC_OK && s->db && !sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	pthread_mutex_unlock(&s->lock);
	return rc;
}
#else
typedef int sweep_store_is_elsewhere; /* sweep_store_none.c */
#endif

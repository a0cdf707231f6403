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
	sqlite3 *db;
	const char *path;
	struct arena *arena;
	pthread_mutex_t lock; /* of the statements */
	sqlite3_stmt *get, *put;
};

struct store_scope {
	struct sweep_store *store;
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
	if (mode == STORE_ALONE)
		TRY(execute(s, "PRAGMA locking_mode = EXCLUSIVE", e));
	TRY(execute(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", e));
	TRY(schema_make(s, e));
	TRY(prepare(s, schema_get_sql(s->arena), &s->get, e));
	return prepare(s, schema_put_sql(s->arena), &s->put, e);
}

enum rc store_open(const char *path, enum store_mode mode, struct sweep_store **out, struct err *e)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	struct sweep_store *s;
	enum rc rc;

	if (mode == STORE_THERE && access(path, F_OK) != 0)
		return fail(e, RC_CONFIG, "%s: there is no such store to go on from", path);
	s = heap_zeroed(1, sizeof *s);
	s->arena = arena_new();
	s->path = arena_string(s->arena, path);
	CHECK(pthread_mutex_init(&s->lock, NULL) == 0);
	rc = sqlite3_open_v2(path, &s->db, flags, NULL) == SQLITE_OK ? RC_OK : trouble(s, e);
	if (rc == RC_OK)
		rc = store_start(s, mode, e);
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

enum rc store_merge(struct sweep_store *s, const char *from, struct err *e)
{
	int64_t version = 0, n_tables = 0;
	char *attach;
	enum rc rc;

	if (access(from, R_OK) != 0)
		return fail(e, RC_CONFIG, "%s: there is no such store to merge", from);
	attach = sqlite3_mprintf("ATTACH %Q AS other", from);
	CHECK(attach);
	rc = execute(s, attach, e);
	sqlite3_free(attach);
	TRY(rc);
	rc = one_number(s, "PRAGMA other.user_version", &version, e);
	if (rc == RC_OK)
		rc = one_number(s, "SELECT count(*) FROM other.sqlite_schema", &n_tables, e);
	if (rc == RC_OK && version != SCHEMA_VERSION && n_tables > 0)
		rc = fail(e, RC_DATA, "%s: it is no store of this version", from);
	if (rc == RC_OK && n_tables > 0) /* none: who made it was killed right then */
		rc = execute(s,
		             "BEGIN IMMEDIATE;"
		             "INSERT OR IGNORE INTO scopes SELECT * FROM other.scopes;"
		             "INSERT OR IGNORE INTO prices SELECT * FROM other.prices;"
		             "COMMIT",
		             e);
	if (rc != RC_OK && !sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_exec(s->db, "DETACH other", NULL, NULL, NULL);
	return rc;
}

enum rc store_count(struct sweep_store *s, size_t *n, struct err *e)
{
	int64_t count = 0;

	TRY(one_number(s, "SELECT count(*) FROM prices", &count, e));
	*n = (size_t)count;
	return RC_OK;
}

/* ---- scopes ---- */

static enum rc scope_put(struct store_scope *scope, const struct config *c,
                         const struct engine *engine, const char *text, struct err *e)
{
	struct sweep_store *s = scope->store;
	const char *const words[] = {schema_program(), engine->name,     c->machine.name,
	                             c->model.name,    c->workload.name, text};
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
	const char *text = NULL;
	enum rc rc = schema_scope(c, engine, s->arena, scope->digest, &text, e);

	scope->store = s;
	for (int i = 0; i < DIGEST_BYTES; i++)
		snprintf(scope->name + 2 * i, 3, "%02x", scope->digest[i]);
	if (rc == RC_OK)
		rc = scope_put(scope, c, engine, text, e);
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
	TRY(execute(scope->store, "BEGIN IMMEDIATE", e));
	for (size_t i = 0; i < n; i++) {
		if (!tasks[i].restored)
			TRY(row_write(scope, tasks + i, e));
	}
	return execute(scope->store, "COMMIT", e);
}

enum rc store_put(struct store_scope *scope, const struct task *tasks, size_t n, struct err *e)
{
	struct sweep_store *s = scope->store;
	enum rc rc;

	pthread_mutex_lock(&s->lock);
	rc = rows_write(scope, tasks, n, e);
	if (rc != RC_OK && !sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	pthread_mutex_unlock(&s->lock);
	return rc;
}
#else
typedef int sweep_store_is_elsewhere; /* sweep_store_none.c */
#endif

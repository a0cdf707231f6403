/* Results on disk, in SQLite: one row for each price of a pool, by the digest of all that it
 * depends on (machine, model, workload, routing, schedule, engine, and the program's own source),
 * so that any later sweep finds it again. A process that is killed leaves what it had committed.
 * The view `points` joins them: a row for each point, with its digest. */
#pragma once
#include "sim/sweep.h"

enum { DIGEST_BYTES = 16 };

struct sweep_store;

enum store_mode {
	STORE_ANY,   /* opened, or made */
	STORE_THERE, /* a missing one is an error */
	STORE_ALONE, /* as any, and no other process may open it meanwhile: on network file systems
	              */
	STORE_LATER, /* as alone, but a file is made only when there is something to keep */
};

/* RC_DATA for a file that is no store. Waits for another process that writes. */
enum rc store_open(const char *path, enum store_mode mode, struct sweep_store **out, struct err *e);
void store_close(struct sweep_store *s); /* NULL is fine */

/* SQLite's own check of the whole file; RC_DATA when it finds damage. */
enum rc store_check(struct sweep_store *s, struct err *e);

void store_remove(const char *path); /* the file, and what SQLite keeps beside it */

/* Copies all rows of another store. */
enum rc store_merge(struct sweep_store *s, const char *from, struct err *e);
enum rc store_count(struct sweep_store *s, size_t *n, struct err *e);

/* The prices of one configuration by one engine. */
struct store_scope;
enum rc store_scope_open(struct sweep_store *s, const struct config *c, const struct engine *engine,
                         struct store_scope **out, struct err *e);
void store_scope_close(struct store_scope *scope);
/* 16 bytes in hexadecimal, of machine, model, workload, routing, engine and program. */
const char *store_scope_name(const struct store_scope *scope);

/* Fills a price (group and size set) from its row. Words are kept in the arena. Thread-safe. */
enum rc store_get(struct store_scope *scope, enum phase phase, struct arena *a,
                  struct pool_price *price, bool *found, struct err *e);

/* Puts n prices as one transaction: all of them, or none. Thread-safe. */
struct task;
enum rc store_put(struct store_scope *scope, const struct task *tasks, size_t n, struct err *e);

/* The profilers' SQLite database: msprof_*.db, ascend_pytorch_profiler_{rank}.db. Times in ns,
 * sizes in bytes; names are numbers into STRING_IDS. Tables: Ascend/msprof 9ba1ac7,
 * user_guide/profile_data_file_references_db.md. Columns came and went (gridDim, rankSize), so they
 * are looked up first. Opened read only. */
#include <string.h>
#include "traces/readers.h"

static const char magic[] = "SQLite format 3";

#ifdef EPSIM_HAVE_SQLITE
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include "models/base/arena.h"

enum { SQL_SIZE = 4096, MOST_STEPS = 1 << 20 };

struct step {
	int64_t id, start_ns, end_ns;
};

struct database {
	const char *path;
	sqlite3 *db;
	struct step *step; /* by start */
	size_t n_steps;
	int32_t rank; /* TRACE_UNKNOWN: not told */
	const struct trace_sink *sink;
};

/* ---- SQL ------------------------------------------------------------------------------------- */

static enum rc db_error(const struct database *d, const char *what, struct err *e)
{
	return fail(e, RC_DATA, "%s: %s: %s", d->path, what, sqlite3_errmsg(d->db));
}

/* Calls row(s) for each row of the query. */
typedef enum rc row_fn(struct database *d, sqlite3_stmt *s, struct err *e);

static enum rc rows_each(struct database *d, const char *what, const char *sql, row_fn *row,
                         struct err *e)
{
	sqlite3_stmt *s;
	enum rc rc = RC_OK;
	int status;

	if (sqlite3_prepare_v2(d->db, sql, -1, &s, NULL) != SQLITE_OK)
		return db_error(d, what, e);
	while (rc == RC_OK && (status = sqlite3_step(s)) != SQLITE_DONE)
		rc = status == SQLITE_ROW ? row(d, s, e) : db_error(d, what, e);
	sqlite3_finalize(s);
	return rc;
}

/* A table, no view: a view may hold any program. */
static enum rc table_find(struct database *d, const char *table, bool *there, struct err *e)
{
	sqlite3_stmt *s;
	int status;

	if (sqlite3_prepare_v2(d->db,
	                       "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", -1,
	                       &s, NULL) != SQLITE_OK)
		return db_error(d, table, e);
	sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC);
	status = sqlite3_step(s);
	*there = status == SQLITE_ROW;
	sqlite3_finalize(s);
	return status == SQLITE_ROW || status == SQLITE_DONE ? RC_OK : db_error(d, table, e);
}

static bool column_there(struct database *d, const char *table, const char *column)
{
	char sql[128];
	sqlite3_stmt *s;
	bool there = false;

	snprintf(sql, sizeof sql, "PRAGMA table_info(%s)", table);
	if (sqlite3_prepare_v2(d->db, sql, -1, &s, NULL) != SQLITE_OK)
		return false;
	while (!there && sqlite3_step(s) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(s, 1);

		there = name && strcmp(name, column) == 0;
	}
	sqlite3_finalize(s);
	return there;
}

/* A text column by its number in STRING_IDS, or NULL where the table has no such column. */
static const char *text_of(struct database *d, const char *table, const char *alias,
                           const char *column, char *buf, size_t size)
{
	if (column_there(d, table, column))
		snprintf(buf, size, "(SELECT value FROM STRING_IDS WHERE id = %s.%s)", alias,
		         column);
	else
		snprintf(buf, size, "NULL");
	return buf;
}

static const char *cell_text(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	return text && strcmp(text, "N/A") != 0 ? text : "";
}

static int32_t cell_small(sqlite3_stmt *s, int column)
{
	int64_t value = sqlite3_column_int64(s, column);

	return sqlite3_column_type(s, column) != SQLITE_NULL && value >= 0 && value <= INT32_MAX
	               ? (int32_t)value
	               : TRACE_UNKNOWN;
}

/* ---- steps and ranks ------------------------------------------------------------------------- */

static enum rc step_row(struct database *d, sqlite3_stmt *s, struct err *e)
{
	if (d->n_steps == MOST_STEPS)
		return fail(e, RC_DATA, "%s: STEP_TIME has more than %d rows", d->path, MOST_STEPS);
	if ((d->n_steps & (d->n_steps - 1)) == 0) /* room doubles */
		d->step = heap_resize(d->step, d->n_steps ? 2 * d->n_steps : 1, sizeof *d->step);
	d->step[d->n_steps++] = (struct step){
	        sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2)};
	return RC_OK;
}

static int64_t step_at(const struct database *d, int64_t ns)
{
	size_t low = 0, high = d->n_steps;

	while (low < high) { /* the last that starts before */
		size_t middle = low + (high - low) / 2;

		if (d->step[middle].start_ns <= ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && ns < d->step[low - 1].end_ns ? d->step[low - 1].id : TRACE_UNKNOWN;
}

static enum rc rank_row(struct database *d, sqlite3_stmt *s, struct err *e)
{
	(void)e;
	if (d->rank < 0)
		d->rank = cell_small(s, 0);
	return RC_OK;
}

static enum rc context_read(struct database *d, struct err *e)
{
	bool there;

	TRY(table_find(d, "STEP_TIME", &there, e));
	if (there)
		TRY(rows_each(d, "STEP_TIME",
		              "SELECT id, startNs, endNs FROM STEP_TIME ORDER BY startNs, id",
		              step_row, e));
	TRY(table_find(d, "RANK_DEVICE_MAP", &there, e));
	if (there)
		TRY(rows_each(d, "RANK_DEVICE_MAP",
		              "SELECT rankId FROM RANK_DEVICE_MAP ORDER BY rankId DESC", rank_row,
		              e));
	return RC_OK;
}

/* ---- kernels and collectives ----------------------------------------------------------------- */

enum op_cell {
	OP_START,
	OP_END,
	OP_DEVICE,
	OP_NAME,
	OP_TYPE,
	OP_CORE,
	OP_SHAPES,
	OP_DTYPES,
	OP_GROUP,
	OP_COLLECTIVE,
	OP_RANKS
};

static enum rc op_row(struct database *d, sqlite3_stmt *s, struct err *e)
{
	struct trace_event ev = trace_event_blank(
	        sqlite3_column_int(s, OP_COLLECTIVE) ? TRACE_COLLECTIVE : TRACE_KERNEL);
	int64_t end_ns = sqlite3_column_int64(s, OP_END);

	ev.start_ns = sqlite3_column_int64(s, OP_START);
	if (__builtin_sub_overflow(end_ns, ev.start_ns, &ev.duration_ns) || ev.duration_ns < 0)
		return fail(e, RC_DATA, "%s: '%s' starts at %lld ns and ends before, at %lld",
		            d->path, cell_text(s, OP_NAME), (long long)ev.start_ns,
		            (long long)end_ns);
	ev.rank = d->rank;
	ev.device = cell_small(s, OP_DEVICE);
	ev.name = cell_text(s, OP_NAME);
	ev.type = cell_text(s, OP_TYPE);
	ev.core = cell_text(s, OP_CORE);
	ev.shapes = cell_text(s, OP_SHAPES);
	ev.dtypes = cell_text(s, OP_DTYPES);
	ev.group = cell_text(s, OP_GROUP);
	ev.ranks = cell_small(s, OP_RANKS);
	ev.step = step_at(d, ev.start_ns);
	ev.twin = ev.kind == TRACE_KERNEL &&
	          (strstr(ev.name, "AivKernel") || strstr(ev.name, "AicpuKernel"));
	return d->sink->take(d->sink->data, &ev, e);
}

static const char *kernels_sql(struct database *d, char *sql, size_t size)
{
	static const char table[] = "COMPUTE_TASK_INFO";
	char name[96], type[96], core[96], shapes[96], dtypes[96];

	snprintf(
	        sql, size,
	        "SELECT t.startNs AS at, t.endNs, t.deviceId, %s, %s, %s, %s, %s, NULL, 0 AS hcom, "
	        "NULL FROM COMPUTE_TASK_INFO c JOIN TASK t ON t.globalTaskId = c.globalTaskId",
	        text_of(d, table, "c", "name", name, sizeof name),
	        text_of(d, table, "c", "opType", type, sizeof type),
	        text_of(d, table, "c", "taskType", core, sizeof core),
	        text_of(d, table, "c", "inputShapes", shapes, sizeof shapes),
	        text_of(d, table, "c", "inputDataTypes", dtypes, sizeof dtypes));
	return sql;
}

static const char *collectives_sql(struct database *d, char *sql, size_t size)
{
	static const char table[] = "COMMUNICATION_OP";
	char name[96], type[96], group[96];

	snprintf(sql, size,
	         "SELECT o.startNs AS at, o.endNs, %s, %s, %s, 'COMMUNICATION', NULL, NULL, %s, 1 "
	         "AS hcom, %s FROM COMMUNICATION_OP o",
	         column_there(d, table, "deviceId") ? "o.deviceId" : "NULL",
	         text_of(d, table, "o", "opName", name, sizeof name),
	         text_of(d, table, "o", "opType", type, sizeof type),
	         text_of(d, table, "o", "groupName", group, sizeof group),
	         column_there(d, table, "rankSize") ? "o.rankSize" : "NULL");
	return sql;
}

static enum rc ops_read(struct database *d, struct err *e)
{
	char kernels[SQL_SIZE], collectives[SQL_SIZE], sql[2 * SQL_SIZE + 64];
	bool tasks, infos, ops;

	TRY(table_find(d, "TASK", &tasks, e));
	TRY(table_find(d, "COMPUTE_TASK_INFO", &infos, e));
	TRY(table_find(d, "COMMUNICATION_OP", &ops, e));
	if (!(tasks && infos) && !ops)
		return fail(e, RC_DATA,
		            "%s: no profile: neither TASK and COMPUTE_TASK_INFO nor "
		            "COMMUNICATION_OP is a table of it",
		            d->path);
	snprintf(sql, sizeof sql, "%s%s%s ORDER BY at, hcom DESC",
	         tasks && infos ? kernels_sql(d, kernels, sizeof kernels) : "",
	         tasks && infos && ops ? " UNION ALL " : "",
	         ops ? collectives_sql(d, collectives, sizeof collectives) : "");
	return rows_each(d, "ops", sql, op_row, e);
}

/* ---- transfers ------------------------------------------------------------------------------- */

enum transfer_cell {
	TR_GROUP,
	TR_SOURCE,
	TR_PEER,
	TR_LINK,
	TR_TRANSPORT,
	TR_BYTES,
	TR_NS,
	TR_CALLS
};

/* ENUM_HCCL_LINK_TYPE; 255 is reserved */
static enum trace_link link_of(int32_t code, int32_t transport)
{
	static const enum trace_link links[] = {LINK_LOCAL, LINK_HCCS, LINK_PCIE, LINK_RDMA,
	                                        LINK_SIO,   LINK_HCCS, LINK_RDMA};
	enum { RDMA = 1 }; /* ENUM_HCCL_TRANSPORT_TYPE */

	if (code >= 0 && (size_t)code < sizeof links / sizeof *links)
		return links[code];
	return transport == RDMA ? LINK_RDMA : LINK_UNKNOWN;
}

static enum rc transfer_row(struct database *d, sqlite3_stmt *s, struct err *e)
{
	struct trace_event ev = trace_event_blank(TRACE_TRANSFER);

	ev.rank = d->rank;
	ev.group = cell_text(s, TR_GROUP);
	ev.source = cell_small(s, TR_SOURCE);
	ev.peer = cell_small(s, TR_PEER);
	ev.link = link_of(cell_small(s, TR_LINK), cell_small(s, TR_TRANSPORT));
	ev.bytes = sqlite3_column_int64(s, TR_BYTES);
	ev.duration_ns = sqlite3_column_int64(s, TR_NS);
	ev.calls = sqlite3_column_int64(s, TR_CALLS);
	if (ev.bytes < 0 || ev.duration_ns < 0 || ev.calls < 1)
		return fail(e, RC_DATA, "%s: COMMUNICATION_TASK_INFO: from %d to %d took %lld ns",
		            d->path, ev.source, ev.peer, (long long)ev.duration_ns);
	return d->sink->take(d->sink->data, &ev, e);
}

/* Summed by pair and link. 4294967295 as a rank means this chip. */
static enum rc transfers_read(struct database *d, struct err *e)
{
	bool tasks, infos;

	TRY(table_find(d, "TASK", &tasks, e));
	TRY(table_find(d, "COMMUNICATION_TASK_INFO", &infos, e));
	if (!tasks || !infos)
		return RC_OK;
	return rows_each(
	        d, "COMMUNICATION_TASK_INFO",
	        "SELECT (SELECT value FROM STRING_IDS WHERE id = i.groupName), i.srcRank, "
	        "i.dstRank, "
	        "i.linkType, i.transportType, SUM(i.size), SUM(t.endNs - t.startNs), COUNT(*) "
	        "FROM COMMUNICATION_TASK_INFO i JOIN TASK t ON t.globalTaskId = i.globalTaskId "
	        "WHERE i.size > 0 AND i.dstRank < 4294967295 AND i.srcRank <> i.dstRank "
	        "GROUP BY i.groupName, i.srcRank, i.dstRank, i.linkType, i.transportType "
	        "ORDER BY 1, 2, 3, 4, 5",
	        transfer_row, e);
}

static enum rc database_read(const char *path, const struct trace_sink *sink, struct err *e)
{
	struct database d = {.path = path, .rank = TRACE_UNKNOWN, .sink = sink};
	enum rc rc;

	if (sqlite3_open_v2(path, &d.db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
		rc = d.db ? db_error(&d, "cannot be opened", e)
		          : fail(e, RC_INTERNAL, "%s: no memory", path);
		sqlite3_close(d.db);
		return rc;
	}
	sqlite3_db_config(d.db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	rc = context_read(&d, e);
	if (rc == RC_OK)
		rc = ops_read(&d, e);
	if (rc == RC_OK)
		rc = transfers_read(&d, e);
	free(d.step);
	sqlite3_close(d.db);
	return rc;
}

#else

static enum rc database_read(const char *path, const struct trace_sink *sink, struct err *e)
{
	(void)sink;
	return fail(e, RC_DATA, "%s: this epsim was built without SQLite (Debian: libsqlite3-dev)",
	            path);
}

#endif

static bool database_holds(const struct trace_head *h)
{
	if (h->n < sizeof magic || memcmp(h->text, magic, sizeof magic) != 0)
		return false;
	for (const char *p = h->text, *end = p + h->n; (p = memchr(p, 'S', (size_t)(end - p)));
	     p++) {
		if (strncmp(p, "STRING_IDS", strlen("STRING_IDS")) == 0)
			return true;
	}
	return false;
}

const struct trace_reader reader_database = {
        .name = "profiler database",
        .pattern = {"ascend_pytorch_profiler*.db", "msprof_*.db"},
        .gives = GIVES_OPS | GIVES_TRANSFERS,
        .holds = database_holds,
        .read = database_read,
};

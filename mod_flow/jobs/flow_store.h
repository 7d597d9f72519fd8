/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_STORE_H
#define FLOW_STORE_H

#include <apr_pools.h>
#include <apr_time.h>

#include "base/flow_error.h"

/**
 * One handle of the database: the only files that call apr_dbd are
 * flow_store*.c.
 *
 * A handle is used by one thread at a time (it may change hands under a lock)
 * and is never carried over a fork. It has memory of its own; results go to
 * the pool given.
 *
 * apr_dbd has ONE mutex for all its SQLite handles in the process and holds it
 * during every step, a COMMIT's fsync and SQLite's busy wait included. So two
 * threads of a process must never compete for the database's write lock: one
 * would sleep with the mutex that the other one needs for its COMMIT. Hence
 * all writing of a process goes through one thread (flow_committer.h), and
 * flow_store_begin() takes a lock file first, on which processes queue up in
 * the kernel instead of in SQLite's busy loop.
 *
 * SQL is a string literal whose address is the key of the prepared statement;
 * parameters are %s (text, NULL allowed) and %lld (pointer to apr_int64_t).
 * No other % may stand in it.
 *
 * Drivers: sqlite3 (params: the file) and pgsql (params: a libpq connection
 * string). Statements are the same for both; where they cannot be, there are
 * two and flow_store_is_pgsql() chooses.
 *
 * Text is UTF-8 without NUL: a parameter that is not valid UTF-8 (a lone
 * surrogate, for instance) is stored with U+FFFD in the place of what is not,
 * in either database. U+0000 cannot come here except escaped, within JSON.
 *
 * Errors: "store_full" and "store_unavailable" are FLOW_E_UNAVAILABLE and mean
 * that the handle should be closed and opened anew; "store_refused" is
 * FLOW_E_INTERNAL and means this one statement (a constraint, a value that is
 * too big). Messages name the store and carry the database's words.
 */
typedef struct flow_store_t flow_store_t;

/** Is @a driver one that we know? FLOW_E_CONFIG says which to use. */
apr_status_t flow_store_driver_check(const char *driver, flow_error_t *err);

/** Once per process, before threads exist; harmless to repeat. Loads the
 * driver, so that children inherit it. */
apr_status_t flow_store_global_init(const char *driver, apr_pool_t *p,
                                    flow_error_t *err);

/**
 * Make the file if it is missing: mode 0600, owner @a uid and @a gid (-1: as
 * its directory, when we are root). Missing directories are made. The owner of
 * a file that root left behind is corrected.
 */
apr_status_t flow_store_create(const char *driver, const char *params, int uid,
                               int gid, flow_error_t *err);

/** Open; the store must exist. Whether it has our schema is another question,
 * see flow_store_check(). */
apr_status_t flow_store_open(flow_store_t **pstore, const char *driver,
                             const char *params, flow_error_t *err);
void flow_store_close(flow_store_t *store); /* NULL is fine */

/** Bring the schema up to date: each step once, under the write lock, however
 * many processes try. A store of a newer version is FLOW_E_CONFIG. */
apr_status_t flow_store_migrate(const char *driver, const char *params,
                                flow_error_t *err);
/** Our version? FLOW_E_UNAVAILABLE when older or empty. */
apr_status_t flow_store_check(flow_store_t *store, flow_error_t *err);

/** Is it shared by several machines (pgsql), or a file of this one? */
int flow_store_is_shared(const char *driver);
/** What messages call it: the parameters without a password. */
const char *flow_store_name(const char *driver, const char *params,
                            apr_pool_t *p);
int flow_store_is_pgsql(const flow_store_t *store);

/** Time for leases: one clock for all who share the store. pgsql: the
 * database's; sqlite3: this machine's, counted from its boot. No date. */
apr_time_t flow_store_clock(flow_store_t *store);

/** Is what the handle has open still the store? A file that has been deleted
 * or replaced would swallow all that is written to it. "store_unavailable".
 * pgsql: asks for the time, now and then, so that flow_store_clock() is right.
 * Call it before an idle handle is used again. */
apr_status_t flow_store_verify(flow_store_t *store, flow_error_t *err);

/** Begin to write. Waits for other processes: without end when @a wait is
 * negative, else at most so long ("store_unavailable"). */
apr_status_t flow_store_begin(flow_store_t *store, apr_interval_time_t wait,
                              flow_error_t *err);
/** On failure the transaction has ended; nothing has been stored, unless the
 * store is broken: then nobody can tell. */
apr_status_t flow_store_commit(flow_store_t *store, flow_error_t *err);
/**
 * In two halves: others see the commit, but only flow_store_sync() makes it
 * last, and until then nobody may be told. *pfd: what to give to it, the
 * store's; -1 = it lasts already (pgsql).
 */
apr_status_t flow_store_commit_fast(flow_store_t *store, int *pfd,
                                    flow_error_t *err);
/** Any thread. @a name: of the store, for the message. What has been written to
 * @a fd before is on the disk, or else nobody can tell what is, not even after
 * a success later: see flow_store_settle(). */
apr_status_t flow_store_sync(int fd, const char *name, flow_error_t *err);
/** After a sync that failed: have all that has been committed written to the
 * disk again, from what SQLite sees of it. sqlite3 only. */
apr_status_t flow_store_settle(flow_store_t *store, flow_error_t *err);
void flow_store_rollback(flow_store_t *store);

/** Parameters of a statement, in place. */
#define FLOW_SQL(...) ((const void *[]){ __VA_ARGS__, NULL })
#define FLOW_SQL_NONE ((const void *[]){ NULL })

/** Execute; @a pn (may be NULL) is the number of rows changed. */
apr_status_t flow_store_exec(flow_store_t *store, const char *sql,
                             const void **args, int *pn, flow_error_t *err);

/**
 * A row of a table whose rows come in crowds. pgsql, in bulk: kept until there
 * are FLOW_INSERT_ROWS of them, or flow_store_flush(), because each statement
 * is a round trip; then it is the flush that fails, and the texts must last
 * until then. sqlite3, or not in bulk: inserted at once. A SELECT flushes.
 */
#define FLOW_INSERT_ROWS   16
#define FLOW_INSERT_ARGS   10
#define FLOW_TIMES_4(row)  row ", " row ", " row ", " row
#define FLOW_TIMES_16(row) FLOW_TIMES_4(FLOW_TIMES_4(row))
typedef struct flow_insert_t {
    const char *one, *many; /* the statement for 1 row, and for so many */
    int nargs;              /* of a row */
} flow_insert_t;
apr_status_t flow_store_insert(flow_store_t *store, const flow_insert_t *into,
                               const void **args, flow_error_t *err);
apr_status_t flow_store_flush(flow_store_t *store, flow_error_t *err);
/** May statements of this transaction be put off until its end, to be done
 * together? Set after each flow_store_begin(); pgsql only. */
void flow_store_set_bulk(flow_store_t *store, int bulk);
int flow_store_is_bulk(const flow_store_t *store);

/** A result: all its rows are in memory, so every SELECT has a LIMIT. */
typedef struct flow_rows_t {
    flow_store_t *store;
    struct apr_dbd_results_t *results;
    struct apr_dbd_row_t *row;
    apr_pool_t *p;
    int n; /* rows that have been read */
} flow_rows_t;

apr_status_t flow_store_select(flow_store_t *store, flow_rows_t *rows,
                               const char *sql, const void **args,
                               apr_pool_t *p, flow_error_t *err);
int flow_rows_next(flow_rows_t *rows); /* 1 = there is a row */
/** Of the current row; NULL for SQL's NULL. Lives in the result's pool. */
const char *flow_rows_text(const flow_rows_t *rows, int column);
/** 0 for NULL. */
apr_int64_t flow_rows_int(const flow_rows_t *rows, int column);

/** Has a statement failed in a way that calls for opening anew? */
int flow_store_is_broken(const flow_store_t *store);
/** Has the transaction met another one (a deadlock, say) and should be tried
 * again with this handle? */
int flow_store_is_conflict(const flow_store_t *store);

/** What all handles of this process have done so far; for measuring. */
typedef struct flow_store_counts_t {
    apr_uint64_t statements, commits;
} flow_store_counts_t;
void flow_store_counts(flow_store_counts_t *counts);

/** A pool with an allocator of its own that no other pool hangs on, for one
 * thread at a time (or, @a shared, for several, each in subpools). */
apr_pool_t *flow_store_pool(int shared);

#endif

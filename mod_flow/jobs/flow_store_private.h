/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_STORE_PRIVATE_H
#define FLOW_STORE_PRIVATE_H

#include <sys/types.h>

#include <apr_dbd.h>

#include "jobs/flow_store.h"

/** What the flow_store*.c files share. */

#define FLOW_STORE_STATEMENTS 256
#define FLOW_STORE_BUFFERS    4

/** Rows that wait to be inserted. */
typedef struct flow_buffer_t {
    const flow_insert_t *into;
    int n; /* rows */
    const void *args[FLOW_INSERT_ROWS * FLOW_INSERT_ARGS + 1];
    apr_int64_t numbers[FLOW_INSERT_ROWS * FLOW_INSERT_ARGS];
} flow_buffer_t;

typedef struct flow_statement_t {
    const char *sql; /* its address is the key */
    apr_dbd_prepared_t *prepared;
    const char *kinds; /* of its parameters: 's' or 'l' */
} flow_statement_t;

/** Which file of the file system; that of a path may become another one. */
typedef struct flow_store_inode_t {
    dev_t device;
    ino_t inode;
} flow_store_inode_t;

struct flow_store_t {
    apr_pool_t *p;
    apr_pool_t *scratch; /* of one statement */
    const apr_dbd_driver_t *driver;
    apr_dbd_t *handle;
    const char *driver_name, *params;
    const char *name; /* for messages: params without a password */
    int is_pg;
    int broken;
    int conflict; /* broken only for this transaction */

    /* pgsql */
    int is_bulk;
    flow_buffer_t buffers[FLOW_STORE_BUFFERS];
    int in_transaction, has_failed;
    flow_error_t failure;    /* what has failed in this transaction */
    apr_time_t clock_offset; /* database's clock minus ours */
    apr_time_t clock_until;  /* when to ask again */

    /* sqlite3 */
    int lock_fd;
    const char *lock_path, *wal_path;
    int wal_fd; /* for flow_store_sync() only; -1 = not opened yet */
    flow_store_inode_t file, lock, wal;
    flow_statement_t statements[FLOW_STORE_STATEMENTS];
};

/** Turn the database's error into ours. */
apr_status_t flow_store_fail(flow_store_t *store, int code, flow_error_t *err);

/** A handle that is not connected yet; connect it. */
apr_status_t flow_store_new(flow_store_t **pstore, const char *driver,
                            const char *params, flow_error_t *err);
apr_status_t flow_store_connect(flow_store_t *store, flow_error_t *err);

/** One statement that answers no rows, not prepared. */
apr_status_t flow_store_query(flow_store_t *store, const char *sql,
                              flow_error_t *err);

/** One statement without parameters, now and then only; *pvalue (may be NULL)
 * is the first cell of what it answers, in the handle's pool. */
apr_status_t flow_store_pragma(flow_store_t *store, const char *sql,
                               const char **pvalue, flow_error_t *err);

/* flow_store_pgsql.c */
/** params with what mod_flow needs and the administrator has not said. */
const char *flow_store_pg_params(const char *params, apr_pool_t *p);
/** params without the password. */
const char *flow_store_pg_name(const char *params, apr_pool_t *p);
/** After connecting: the session's settings. */
apr_status_t flow_store_pg_setup(flow_store_t *store, flow_error_t *err);
apr_status_t flow_store_pg_fail(flow_store_t *store, const char *text,
                                flow_error_t *err);
/** A statement of the schema as PostgreSQL has it. */
const char *flow_store_pg_schema(const char *sql, apr_pool_t *p);
/** Ask for the time when the last answer is too old. */
apr_status_t flow_store_pg_clock(flow_store_t *store, flow_error_t *err);

/** See flow_store_counts(); atomic. */
extern flow_store_counts_t flow_store_done;

/* flow_store_file.c: the files, and the write lock among processes. */
/** Remember which files we have open. */
apr_status_t flow_store_file_note(flow_store_t *store, flow_error_t *err);
/** Are they still those that the paths lead to? @a written: in a transaction
 * that has written. */
apr_status_t flow_store_file_verify(flow_store_t *store, int written,
                                    flow_error_t *err);
apr_status_t flow_store_lock_open(flow_store_t *store, flow_error_t *err);
apr_status_t flow_store_lock(flow_store_t *store, apr_interval_time_t wait,
                             flow_error_t *err);
void flow_store_unlock(flow_store_t *store);

#endif

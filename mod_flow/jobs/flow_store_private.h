/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_STORE_PRIVATE_H
#define FLOW_STORE_PRIVATE_H

#include <apr_dbd.h>

#include "jobs/flow_store.h"

/** What the flow_store*.c files share. */

#define FLOW_STORE_STATEMENTS 256

typedef struct flow_statement_t {
    const char *sql; /* its address is the key */
    apr_dbd_prepared_t *prepared;
} flow_statement_t;

struct flow_store_t {
    apr_pool_t *p;
    const apr_dbd_driver_t *driver;
    apr_dbd_t *handle;
    const char *driver_name, *params;
    int lock_fd;
    int broken;
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

/* flow_store_file.c: the write lock among processes. */
apr_status_t flow_store_lock_open(flow_store_t *store, flow_error_t *err);
apr_status_t flow_store_lock(flow_store_t *store, apr_interval_time_t wait,
                             flow_error_t *err);
void flow_store_unlock(flow_store_t *store);

#endif

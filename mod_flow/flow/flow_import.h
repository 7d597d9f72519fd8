/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_IMPORT_H
#define FLOW_IMPORT_H

#include "flow/flow_scope.h"

/** What became of one record at an import. */
typedef struct flow_import_result_t {
    json_t *response; /* element as in celigo-runtime 3.5 */
    json_t *logged;   /* array of errors that did not stop it, or NULL */
    json_t *exchange; /* what was sent and answered when it failed, or NULL */
    int is_failed;    /* its errors are in the response */
    int is_ignored;
} flow_import_result_t;

typedef struct flow_import_page_t {
    flow_import_result_t *results; /* one per record */
    size_t n;
    /* records that were sent (with oneToMany: children), by outcome */
    apr_int64_t success, error, ignore;
    /* kind NONE, or why a hook failed the records that had come to it */
    flow_error_t broken;
    const char *broken_source;
} flow_import_page_t;

/**
 * Take records (array of objects or of rows) through filter, preMap, mapping,
 * postMap, submit and postSubmit. Never fails as a whole: what a hook breaks
 * is told in the results, and once more in page->broken. @a page_key: a text
 * that is the same whenever this page comes to this import, NULL = there is
 * none. Everything is released with @a p.
 */
void flow_import_page(flow_scope_t *scope, const json_t *records,
                      const char *page_key, flow_import_page_t *page,
                      apr_pool_t *p);

/* ---- idLockTemplate, flow_import_lock.c ---- */

/** One record's key; NULL = it need not wait for others. */
typedef struct flow_import_locks_t {
    const flow_scope_t *scope;
    const char **keys; /* of all records, in order; may hold NULL */
    size_t n;
} flow_import_locks_t;

/** The record's key as the template makes it, in @a p, or NULL. */
const char *flow_import_lock_key(const flow_scope_t *scope,
                                 const json_t *record, apr_pool_t *p);
/** Wait until nobody else has a record with one of these keys in flight, here
 * or (where there is a store) in another process. "record_locked" when that
 * takes longer than a call may. */
apr_status_t flow_import_lock(const flow_import_locks_t *locks, apr_pool_t *p,
                              flow_error_t *err);
void flow_import_unlock(const flow_import_locks_t *locks, apr_pool_t *p);

/* ---- mapping and answers, flow_import_shape.c ---- */

/** *pmapped is new; on failure *psource says where the record has failed. */
apr_status_t flow_import_map(flow_scope_t *scope, const json_t *original,
                             json_t **pmapped, const char **psource,
                             apr_pool_t *p, flow_error_t *err);
/** mockResponse for @a count records: new. */
json_t *flow_import_mock(const flow_import_t *imp, size_t count);
/** @a responses (taken) through responseTransform; new. */
json_t *flow_import_transform(flow_scope_t *scope, json_t *responses,
                              apr_pool_t *p);

/* ---- oneToMany, flow_import_many.c ---- */

/** New array: the record's children (without a path: its rows), each with its parent as `_PARENT`; or
 * an error that belongs to the record. */
apr_status_t flow_import_children(const flow_path_t *path_to_many,
                                  const json_t *record, json_t **pchildren,
                                  flow_error_t *err);
/** One result for the parent from those of its @a n children, whose values
 * stand in arrays in the children's order. */
void flow_import_join(const flow_import_result_t *children, size_t n,
                      flow_import_result_t *parent);

/** New response element that says ignored. */
json_t *flow_import_ignored(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_ERRORS_H
#define FLOW_ERRORS_H

#include <apr_pools.h>

#include "base/flow_error.h"
#include "data/flow_tree.h"
#include "flow/flow_run.h"
#include "jobs/flow_ids.h"
#include "jobs/flow_store.h"

/**
 * Error records: what became of a record that failed, with what is needed to
 * retry it. A run gathers them in memory and stores them with the page that
 * they belong to. One thread. (flow_error_list.h: what is done with them
 * afterwards.)
 */
typedef struct flow_errors_t flow_errors_t;

/** Automatic retries of the class intermittent: at most so many. */
#define FLOW_AUTO_RETRIES 4

flow_errors_t *flow_errors_create(flow_ids_t *ids, apr_pool_t *p);
/** @a auto_resolve: an error with the trace key of an older one, or a success,
 * resolves the older one. @a auto_retry: those of the class intermittent are
 * retried by themselves. Both are off before. */
void flow_errors_rules(flow_errors_t *errors, int auto_resolve, int auto_retry);
/** What is added from now on has been retried so often by itself. */
void flow_errors_tries(flow_errors_t *errors, int tries);
void flow_errors_add(flow_errors_t *errors, const flow_record_error_t *e);
/** A record with this trace key has gone through the step. */
void flow_errors_good(flow_errors_t *errors, const char *step_id,
                      const char *trace_key);
/** Bytes held, roughly: store them when it gets much. */
apr_size_t flow_errors_size(const flow_errors_t *errors);
/** The ids of the first and the last one; of none: NULL. */
void flow_errors_range(const flow_errors_t *errors, const char **pfirst,
                       const char **plast);
void flow_errors_clear(flow_errors_t *errors);
/** Only the first @a n (of flow_errors_count()) are left. */
void flow_errors_cut(flow_errors_t *errors, int n);

/** Store all of them. Inside a transaction; leaves @a errors as it is. */
apr_status_t flow_errors_insert(const flow_errors_t *errors,
                                flow_store_t *store, const char *job_id,
                                const char *flow_id, flow_error_t *err);

/** [write] The record that has been retried has failed again: @a error (one of
 * this page, by index) becomes the newest occurrence of @a id, which is open
 * and held by @a retry_job. *pn: rows changed; 0 = it was not. */
apr_status_t flow_errors_again(const flow_errors_t *errors, int index,
                               flow_store_t *store, const char *id,
                               const char *retry_job, int *pn,
                               flow_error_t *err);
int flow_errors_count(const flow_errors_t *errors);

/** When an intermittent error is retried for the n-th time (from 0), seen from
 * its last failure: random up to 30 s, 1, 2 and 4 min; 0 = not any more. */
apr_interval_time_t flow_errors_backoff(int n);

/** Those of a job as a new array of Celigo's error records, oldest first, at
 * most @a limit. */
apr_status_t flow_errors_list(flow_store_t *store, const char *job_id,
                              int limit, json_t **plist, apr_pool_t *p,
                              flow_error_t *err);

/** "2026-11-25T02:00:01.200Z" */
char *flow_iso_time(apr_time_t t, apr_pool_t *p);
/** Set a text member; nothing happens when @a text is NULL. What is not UTF-8
 * is repaired. */
void flow_json_put(json_t *object, const char *key, const char *text,
                   apr_pool_t *p);

#endif

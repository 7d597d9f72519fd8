/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_RUN_H
#define FLOW_RUN_H

#include <apr_pools.h>
#include <apr_time.h>

#include "base/flow_error.h"
#include "base/flow_http.h"
#include "data/flow_tree.h"
#include "flow/flow_blob.h"
#include "flow/flow_grant.h"
#include "flow/flow_model.h"
#include "flow/flow_request.h"
#include "flow/flow_state.h"
#include "script/flow_script.h"

/**
 * Running things: one export, one import, one flow. No store of its own and
 * (but for flows whose generators run in parallel, flow_parallel.h) no threads:
 * it works on the caller's thread and reports upwards through the structs of
 * function pointers below.
 *
 * One flow_env_t per process; immutable after child start; all its functions
 * may be called from any thread.
 */
typedef struct flow_env_t flow_env_t;

/** What the floor above does for scripts and APIs. */
typedef struct flow_jobs_iface_t {
    void *baton;
    /**
     * Queue a run, durably. @a request: {data, startDate, endDate, ...} or NULL,
     * kept with the job. *pjob_id is from @a p. FLOW_E_UNAVAILABLE when the queue
     * is full or the store is gone.
     */
    apr_status_t (*queue)(void *baton, const flow_flow_t *flow,
                          const json_t *request, const char **pjob_id,
                          apr_pool_t *p, flow_error_t *err);
    /**
     * Queue a run and wait for its end, until @a until. *presult is new:
     * {"job":{...},"data":[...],"errors":[...]}, see flow_run_result(); when
     * time is up first: {"job":{...}} with a status that is not final, and
     * APR_TIMEUP with @a err untouched. Callable from a worker without deadlock.
     */
    apr_status_t (*run_wait)(void *baton, const flow_flow_t *flow,
                             const json_t *request, apr_time_t until,
                             json_t **presult, apr_pool_t *p,
                             flow_error_t *err);
    /**
     * Take @a n different names in @a scope, all or none; wait until @a until
     * for whoever has one of them ("record_locked"). Holders of other
     * processes count. May be NULL, then @a unlock is, too.
     */
    apr_status_t (*lock)(void *baton, const char *scope,
                         const char *const *names, int n, apr_time_t until,
                         flow_error_t *err);
    void (*unlock)(void *baton, const char *scope, const char *const *names,
                   int n);
} flow_jobs_iface_t;

struct flow_breaker_t; /* flow_breaker.h */

struct flow_env_t {
    const flow_model_t *model; /* NULL: scripts use no documents (tools) */
    flow_script_engine_t *scripts;
    flow_http_client_t *http;
    const flow_jobs_iface_t *jobs;    /* NULL: flows.run is refused (tools) */
    const flow_state_iface_t *state;  /* NULL: scripts keep nothing (tools) */
    struct flow_breaker_t *breaker;   /* NULL: nothing goes offline (tools) */
    const flow_grant_iface_t *grants; /* NULL: got credentials are not kept */
    const flow_blob_iface_t *blobs;   /* NULL: no place for blobs (tools) */
    apr_interval_time_t api_timeout;  /* scripts of APIs, FlowScriptTimeout */
    apr_interval_time_t hook_timeout; /* hooks */
    apr_interval_time_t call_timeout; /* one export or import call */
};

struct flow_delta_t; /* flow_delta.h */

/** Who is calling: becomes `_flowId`, `_apiId`, `job`, `settings` ... of hook
 * arguments and template contexts. */
typedef struct flow_caller_t {
    const flow_flow_t *flow; /* or NULL */
    const flow_api_t *api;   /* or NULL */
    const json_t *job;       /* job document so far, or NULL; borrowed */
    apr_time_t deadline;     /* absolute; nested calls inherit it */
    volatile apr_uint32_t *stopping; /* may be NULL */
    const int *client; /* socket of who waits; scripts end with it. NULL */
    int test_mode;
    int depth; /* scripts calling exports whose hooks call ...: at most 8 */
    const struct flow_delta_t *delta; /* times of exports of type delta; NULL */
} flow_caller_t;

/* ---- one export, one import ---- */

/**
 * Run an export to its end (all pages; at most 5 MB of records) as
 * exports.run and FlowAPI export:ID do: transform, output filter and
 * preSavePage included. @a data: record(s) that feed it, or NULL. *presult is
 * new: {"data":[...],"errors":[...]}. A failing far end is an error return.
 */
apr_status_t flow_export_run(const flow_env_t *env, const flow_caller_t *caller,
                             const flow_export_t *exp, const json_t *data,
                             json_t **presult, apr_pool_t *p,
                             flow_error_t *err);

/**
 * Run an import: filter, preMap, mapping, postMap, submit, postSubmit.
 * @a data: a record or an array; *presponse mirrors it: one response element
 * or an array of them, in order. Errors of records are in the elements; an
 * error return means that a hook broke its contract or the like.
 */
apr_status_t flow_import_run(const flow_env_t *env, const flow_caller_t *caller,
                             const flow_import_t *imp, const json_t *data,
                             json_t **presponse, apr_pool_t *p,
                             flow_error_t *err);

/* ---- a flow ---- */

typedef struct flow_counters_t {
    apr_int64_t success, error, ignore; /* numSuccess numError numIgnore */
    apr_int64_t exported;               /* numExport */
    apr_int64_t pages_generated, pages_processed;
} flow_counters_t;

/** One failed record, as kept in the store (celigo-like error record). */
typedef struct flow_record_error_t {
    const char *step_id; /* _exportId or _importId */
    int step_index;      /* oIndex: 0 = generators, 1.. = steps */
    const char *code, *message, *source, *trace_key; /* trace_key may be NULL */
    const json_t *retry_data; /* the record at that step, or NULL */
    const json_t *exchange; /* {request, response} with the far end, masked and
                               bounded, or NULL */
} flow_record_error_t;

/** How a run reports upwards: one call at a time, on the running thread or on
 * those of its generators. */
typedef struct flow_run_sink_t {
    void *baton;
    /** A page is done: counters so far and where to go on after a crash:
     * {generator, page, cursor, rest}, opaque but for this: while the
     * generator has more, there is a cursor that is not null or a `rest`.
     * Told where going on repeats nothing: after what the connector gave as
     * one page (which may be several of ours), each page of an event, and
     * whenever the run is asked to stop.
     * A non-success return stops the run with that status (APR_EINTR: lease
     * lost or shutting down, go on elsewhere; APR_ECANCELED-like
     * APR_EGENERAL with code "canceled": final). May be NULL. */
    apr_status_t (*page_done)(void *baton, const flow_counters_t *counters,
                              const json_t *checkpoint, flow_error_t *err);
    /** A record failed. A non-success return stops the run. May be NULL. */
    apr_status_t (*record_error)(void *baton, const flow_record_error_t *e,
                                 flow_error_t *err);
    /** A record has gone through a step, or was ignored by it. NULL when
     * nobody wants to know: trace keys are then not made. */
    apr_status_t (*record_good)(void *baton, const char *step_id,
                                const char *trace_key, flow_error_t *err);
} flow_run_sink_t;

/** A record that failed and is taken through its flow from there. */
typedef struct flow_retry_item_t {
    const char *key; /* what tells it from all others: the error's id */
    const char *step_id;
    int step_index;       /* as in flow_record_error_t; set to where the step
                             is now */
    const char *source;   /* of the error */
    const json_t *record; /* borrowed until the next call */
} flow_retry_item_t;

/** What a run does instead of running generators, record by record. */
typedef struct flow_retry_source_t {
    void *baton;
    /** The next one; APR_EOF (without @a err) after the last. */
    apr_status_t (*next)(void *baton, flow_retry_item_t *item, apr_pool_t *p,
                         flow_error_t *err);
    /** It is done: the sink has been told of what went wrong. */
    apr_status_t (*done)(void *baton, const flow_counters_t *counters,
                         flow_error_t *err);
} flow_retry_source_t;

typedef struct flow_run_t {
    const flow_flow_t *flow;
    const json_t *job;     /* document with _id, type, _flowId; borrowed */
    const json_t *request; /* what flows.run was given ({data} ...), or NULL */
    const flow_request_t
        *event; /* the webhook event that started it, or NULL */
    const flow_export_t *listener; /* the event's export, or NULL */
    const json_t *checkpoint; /* from page_done of an earlier try, or NULL */
    const struct flow_delta_t *delta; /* for exports of type delta, or NULL */
    const flow_retry_source_t *retry; /* NULL: an ordinary run */
    flow_counters_t counters;         /* in: where the earlier try stood; out */
    int collect;        /* keep the final records (bounded, 5 MB) */
    json_t *data;       /* out, new, when collect: array */
    int data_truncated; /* out */
    apr_time_t deadline;
    volatile apr_uint32_t *stopping;
    int test_mode;             /* one page, imports do not submit */
    const char *failed_source; /* out: what broke the run, as `source` of errors
                                  has it; NULL = internal */
} flow_run_t;

/** Does a run with this request (may be NULL) run this export of its flow? */
int flow_run_chooses(const json_t *request, const flow_export_t *exp);

/** Would a run with this request (may be NULL) have anything to run?
 * FLOW_E_INPUT "nothing_to_run". */
apr_status_t flow_run_check(const flow_flow_t *flow, const json_t *request,
                            flow_error_t *err);

/**
 * Run the flow: for every generator (or the event's listener only) page by
 * page through all steps. Hands each failed record to the sink and goes on;
 * returns an error only when the run itself broke (the export failed, a hook
 * broke its contract on the generator, the sink stopped it). Memory: a few
 * pages, however many records there are.
 */
apr_status_t flow_run(const flow_env_t *env, flow_run_t *run,
                      const flow_run_sink_t *sink, apr_pool_t *p,
                      flow_error_t *err);

/* ---- APIs ---- */

/** What a Location with FlowAPI runs; exactly one is set. */
typedef struct flow_api_target_t {
    const char *label; /* "script:main-flow", for status and logs */
    int slot;          /* shared counters */
    const flow_api_t *api;
    flow_hook_t script; /* script:ID FUNCTION or a .js path */
    const flow_export_t *exp;
    const flow_import_t *imp;
    const flow_flow_t *flow;
} flow_api_target_t;

/** Run it and make the answer, whatever happens: failures become the error
 * envelope with the statuses of docs/apis.md. Flows look for ?wait=SECONDS in
 * the query. @a perr (not NULL): what went wrong, for the log; kind
 * FLOW_E_NONE when nothing did. */
void flow_api_handle(const flow_env_t *env, const flow_api_target_t *target,
                     const flow_request_t *req, flow_answer_t *answer,
                     apr_pool_t *p, flow_error_t *perr);

#endif

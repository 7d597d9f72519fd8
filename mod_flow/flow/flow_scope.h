/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_SCOPE_H
#define FLOW_SCOPE_H

#include "flow/flow_connector.h"
#include "flow/flow_run.h"

/**
 * One export or import at work for one caller: what its templates, filters and
 * hooks see besides the records. Made once per call (in a flow: once per step
 * and run); used by one thread; lives in the pool it was made from.
 */
typedef struct flow_scope_t {
    const flow_env_t *env;
    const flow_caller_t *caller;
    const flow_export_t *exp; /* one of the two; routers have neither */
    const flow_import_t *imp;
    json_t *settings; /* {integration, flow, export | import, connection} */
    json_t *context;  /* for templates: see flow_call_t */
    json_t *filter_context;    /* for filters: {settings, context} */
    json_t *hook_fields;       /* what every hook gets; NULL until asked for */
    flow_lookup_env_t lookups; /* caches and the far end */
    json_t *memo; /* what was read from caches; NULL: nothing is kept */
    apr_size_t memo_size;
    flow_mapping_env_t mapping; /* what mappings and transforms may use */
    json_t *stages; /* array for what a preview shows, borrowed, or NULL */
    const char *failed_source; /* where the export broke, as errors say it */
    int is_locked_out;         /* the import's last page has got no lock */
    json_t *exchange; /* of the call that failed last; who wants it takes it
                         (flow_scope_take_exchange()) */
    apr_pool_t *p;
} flow_scope_t;

void flow_scope_init(flow_scope_t *scope, const flow_env_t *env,
                     const flow_caller_t *caller, const flow_export_t *exp,
                     const flow_import_t *imp, apr_pool_t *p);

/** New object with the fields every hook gets (celigo-runtime 3.1), to which
 * the caller adds its own. */
json_t *flow_scope_hook_args(flow_scope_t *scope);

/** New, or NULL; the scope has none afterwards. */
json_t *flow_scope_take_exchange(flow_scope_t *scope);

/** What a connector is called with. Its deadline is the caller's or the limit
 * of one call, whichever comes first. */
void flow_scope_call(const flow_scope_t *scope, flow_call_t *call);

/** Let templates of the call use the document's lookups: {{lookup "name" key}}.
 * What they find lives in @a p. @a record: for those that ask the far end; or
 * NULL. */
void flow_scope_call_lookups(flow_scope_t *scope, flow_call_t *call,
                             const json_t *record, apr_pool_t *p);
/** From now until flow_scope_forget() each key of a lookup cache is read once.
 * For as long as no script runs, which might change it. */
void flow_scope_remember(flow_scope_t *scope);
void flow_scope_forget(flow_scope_t *scope);
/** Part of flow_scope_init(): the scope must not move afterwards. */
void flow_scope_bind(flow_scope_t *scope);

/** The caller's deadline or now plus @a limit (0 = none), whichever is first;
 * never "none". */
apr_time_t flow_deadline(const flow_caller_t *caller,
                         apr_interval_time_t limit);

/** Does the record pass? An expression, a script, or neither (yes). An error
 * belongs to the record. */
apr_status_t flow_scope_filter(flow_scope_t *scope,
                               const flow_record_filter_t *filter,
                               const json_t *record, int *ppass,
                               apr_pool_t *scratch, flow_error_t *err);
/** Call a function with the record; *presult is new. */
apr_status_t flow_scope_record_hook(flow_scope_t *scope,
                                    const flow_hook_t *hook,
                                    const json_t *record, json_t **presult,
                                    apr_pool_t *scratch, flow_error_t *err);
/** *pout is new; the record itself when there is nothing to do. */
apr_status_t flow_scope_transform(flow_scope_t *scope,
                                  const flow_transform_t *transform,
                                  const json_t *record, json_t **pout,
                                  apr_pool_t *scratch, flow_error_t *err);

#endif

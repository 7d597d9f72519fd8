/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_MODEL_H
#define FLOW_MODEL_H

#include <apr_hash.h>
#include <apr_pools.h>
#include <jansson.h>

#include "data/flow_cron.h"
#include "data/flow_filter.h"
#include "data/flow_mapping.h"
#include "data/flow_path.h"
#include "data/flow_template.h"
#include "flow/flow_docs.h"
#include "script/flow_script.h"

/**
 * The documents, compiled: references resolved, templates, filters, paths,
 * mappings and scripts ready to run. Made by flow_compile() while the
 * configuration is read; immutable from then on, inherited by the children
 * and read by all their threads without locks. Released with the pool.
 *
 * `slot` is the document's place in the shared counters (flow_stats.h).
 */
typedef struct flow_connector_t flow_connector_t; /* flow_connector.h */

/** A function of a script; script NULL = not configured. */
typedef struct flow_hook_t {
    const flow_script_t *script;
    const char *function;
} flow_hook_t;

/** A filter or transform: an expression or a script, or neither. */
typedef struct flow_record_filter_t {
    const flow_filter_t *expression;
    flow_hook_t script;
} flow_record_filter_t;

/** lookups[], compiled. asks[lookup->index]: what the connector made of one
 * that asks the far end, else NULL. */
typedef struct flow_lookup_set_t {
    const flow_lookups_t *lookups;
    void **asks;
} flow_lookup_set_t;

typedef struct flow_transform_t {
    const flow_mapping_t *expression;
    flow_hook_t script;
    flow_lookup_set_t lookups; /* of the expression */
} flow_transform_t;

typedef struct flow_connection_t {
    const char *id, *name;
    json_t *doc;          /* secrets resolved; never shown */
    json_t *context;      /* what templates see as `connection` */
    const json_t *client; /* and as `iClient`; NULL = there is none */
    const flow_connector_t *connector;
    void *data;      /* the connector's compiled form */
    json_t *secrets; /* array of strings: values to mask wherever text leaves */
} flow_connection_t;

typedef struct flow_webhook_t flow_webhook_t; /* flow_webhook.h */

typedef struct flow_export_t {
    const char *id, *name;
    json_t *doc;
    int slot;
    const flow_connection_t *connection; /* NULL for a webhook */
    const flow_connector_t *connector;   /* NULL for a webhook */
    void *data;
    const flow_webhook_t *webhook; /* NULL for all others */
    int is_lookup;
    int page_size;               /* records per page handed downstream */
    int test_limit;              /* type test: records at most; 0 = no limit */
    flow_record_filter_t filter; /* output filter */
    flow_record_filter_t input_filter; /* lookups */
    flow_transform_t transform;
    flow_hook_t pre_save_page;
    const flow_template_t *trace_key; /* NULL = `id`, `_id`, `key`, `name` */
    const flow_template_t *data_uri;  /* link to the record; or NULL */
    int is_once;              /* type once: see flow_connector_t.export_mark */
    int is_delta;             /* type delta: see flow_delta.h */
    apr_int64_t delta_lag;    /* ms taken off the mark */
    apr_int64_t delta_start;  /* ms since 1970: the first run's; -1 = none */
    const char *delta_format; /* NULL = ISO 8601 */
    const flow_mapping_t *mapping; /* lookups: makes the body; or NULL */
    flow_lookup_set_t lookups;     /* of the mapping and the templates */
    int one_to_many;               /* lookups: one call per child */
    const flow_path_t *path_to_many;
    const flow_path_t **group_by; /* records of equal values become one */
    int ngroup_by;
    int groups_empty;   /* records without any of those values are one, too */
    const json_t *mock; /* mockOutput.page_of_records, or NULL */
} flow_export_t;

typedef struct flow_import_t {
    const char *id, *name;
    json_t *doc;
    int slot;
    const flow_connection_t *connection;
    const flow_connector_t *connector;
    void *data;
    flow_record_filter_t filter;   /* input filter: step skipped */
    const flow_mapping_t *mapping; /* NULL = record goes out as it is */
    flow_lookup_set_t lookups;     /* of the mapping and the templates */
    flow_transform_t response_transform;
    const json_t *mock; /* mockResponse, or NULL */
    flow_hook_t pre_map, post_map, post_submit;
    flow_hook_t post_aggregate; /* after a file was written */
    int one_to_many;
    const flow_path_t *path_to_many;
    const flow_template_t *trace_key;
    const flow_template_t *data_uri;
    const flow_template_t *id_lock; /* NULL = records need not wait */
} flow_import_t;

typedef struct flow_step_t {
    const flow_export_t *lookup; /* exactly one of the two */
    const flow_import_t *import;
    int proceed_on_failure;
    const flow_mapping_t *response_mapping;
    flow_hook_t post_response_map;
} flow_step_t;

/** A generator's mark never passes this one's; flow_id NULL = none. */
typedef struct flow_behind_t {
    const char *flow_id, *export_id;
} flow_behind_t;

/** A branch of a router: its steps are a range of the flow's. */
typedef struct flow_branch_t {
    const char *name;            /* or NULL */
    flow_record_filter_t filter; /* neither: takes every record */
    int first, n;                /* steps */
    int next;                    /* router its records go on to, or -1 */
} flow_branch_t;

typedef struct flow_router_t {
    const char *id, *name;
    int to_all;         /* all_matching_branches */
    int by_script;      /* `script` decides instead of the filters */
    flow_hook_t script; /* what broke has been reported: may be NULL */
    int nbranches;
    flow_branch_t *branches;
} flow_router_t;

/** What to do about ticks that nobody was there for. */
typedef enum {
    FLOW_CATCH_UP_NONE, /* nothing */
    FLOW_CATCH_UP_ONE,  /* one run for all of them */
    FLOW_CATCH_UP_ALL   /* a run for each, within bounds */
} flow_catch_up_e;

/** A schedule of a flow: of the flow itself, or of some of its generators. */
typedef struct flow_schedule_t {
    const char *name; /* "" for the flow's, else an export's id */
    const char *text;
    const char *timezone; /* as given, or "UTC" */
    const flow_zone_t *zone;
    flow_cron_t cron;
    flow_catch_up_e catch_up;
    const char *request;    /* JSON text of its runs' request, or NULL */
    const char *definition; /* what makes it another one when it changes */
} flow_schedule_t;

/** What is run after a flow. */
typedef struct flow_next_t {
    const struct flow_flow_t *flow;
    const char *request; /* JSON text, or NULL */
} flow_next_t;

typedef struct flow_flow_t {
    const char *id, *name;
    json_t *doc;
    int slot;
    int disabled;
    int ngenerators;
    const flow_export_t **generators;
    const int *skip_retries;     /* per generator: keep no retry data */
    int auto_resolve;            /* a later success resolves an error */
    const flow_behind_t *behind; /* one per generator */
    int parallel;                /* generators run side by side */
    int nsteps;                  /* those of all branches, if there are any */
    flow_step_t *steps;
    int nrouters;           /* 0: the steps are gone through in order */
    flow_router_t *routers; /* each before those that it leads to */
    int nschedules;
    flow_schedule_t *schedules;
    int nnext;
    flow_next_t *next;
    const char *integration_id; /* or NULL */
} flow_flow_t;

typedef struct flow_api_t {
    const char *id, *name;
    json_t *doc;
    int slot;
    int disabled;
    flow_hook_t handler;
} flow_api_t;

typedef struct flow_model_t {
    apr_pool_t *p;
    /* id -> object of the kind */
    apr_hash_t *connections, *exports, *imports, *flows, *scripts, *apis;
    /* export id -> apr_array_header_t of const flow_flow_t *: the enabled
     * flows that start with this listener */
    apr_hash_t *listeners;
    apr_array_header_t *warnings; /* of const char *: flow_compile_warning() */
    int nslots; /* shared counters needed so far; the glue adds its own */
    apr_time_t compiled; /* when */
} flow_model_t;

typedef struct flow_compile_settings_t {
    apr_size_t script_memory; /* bytes, FlowScriptMemory */
    const char *preset_dir;   /* FlowPresets; NULL: the built-in one */
} flow_compile_settings_t;

/**
 * Check all documents against the schema, resolve references and secrets,
 * compile everything. Every mistake found becomes a problem of @a docs;
 * APR_EINVAL when there is at least one (also from collecting).
 */
apr_status_t flow_compile(flow_model_t **pmodel, flow_docs_t *docs,
                          const flow_compile_settings_t *settings,
                          apr_pool_t *p, apr_pool_t *scratch);

/** A `.js` file named directly by FlowAPI: compiled, with every function in
 * it reachable. Problems go to @a docs. NULL on failure. */
const flow_script_t *flow_compile_script_file(flow_docs_t *docs,
                                              const char *path,
                                              apr_size_t memory,
                                              const char *file, int line,
                                              apr_pool_t *p);

#endif

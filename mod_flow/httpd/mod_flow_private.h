/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOD_FLOW_PRIVATE_H
#define MOD_FLOW_PRIVATE_H

#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <apr_strings.h>

#include "base/flow_http.h"
#include "base/flow_log.h"
#include "base/flow_seal.h"
#include "base/flow_stats.h"
#include "flow/flow_docs.h"
#include "flow/flow_model.h"
#include "flow/flow_run.h"
#include "jobs/flow_jobs.h"
#include "jobs/flow_token.h"

/**
 * What the files of the glue share. mod_flow.c is the table of contents.
 *
 * Documents and limits are global to the server, so there is one
 * mod_flow_global_t. It is made anew in pre_config (from pconf) each time the
 * configuration is read, filled by directives, completed by check_config and
 * post_config, and read-only in the children but for the members under
 * "child", which child_init fills before request threads exist.
 */

extern module AP_MODULE_DECLARE_DATA flow_module;
APLOG_USE_MODULE(flow);

/** Default of FlowStateDir; flowctl has the same. */
#define MOD_FLOW_STATE_DIR "/var/lib/mod_flow"

/** What a Location is. Shared by all merged copies of its configuration, so
 * that check_config can resolve it once. */
typedef enum {
    MOD_FLOW_API,
    MOD_FLOW_WEBHOOK
} mod_flow_location_e;

typedef struct mod_flow_location_t {
    mod_flow_location_e kind;
    const char *path;     /* of the Location, NULL when a pattern */
    ap_regex_t *regex;    /* the pattern, or NULL */
    const char *target;   /* as written: "script:main-flow", "orders" */
    const char *function; /* as written, or NULL */
    const char *file;     /* of the directive */
    int line;
    /* resolved: */
    flow_api_target_t api;
    const flow_export_t *listener;
    /* a child's own, atomic: a warning that anybody can cause */
    apr_uint32_t warned, swallowed;
} mod_flow_location_t;

typedef struct mod_flow_dir_t {
    mod_flow_location_t *location; /* NULL = none of ours */
    int open;                      /* FlowAuth none: 1; unset: 0 */
} mod_flow_dir_t;

typedef struct mod_flow_global_t {
    apr_pool_t *p; /* pconf */
    int used;      /* does the configuration hold a Flow... directive? */

    /* directives; -1 or NULL = not given */
    flow_docs_t *docs;
    flow_egress_t *egress;
    const char *state_dir;
    const char *store_driver, *store_params;
    const char *key_file;
    int workers, queue_limit, retention_days;
    apr_interval_time_t api_timeout, hook_timeout, call_timeout;
    flow_http_settings_t http;
    flow_egress_t *direct;  /* hosts that are called without the proxy */
    const char *preset_dir; /* NULL: the built-in one */
    apr_size_t script_memory, max_body;
    int script_watch;              /* FlowScriptWatch */
    apr_array_header_t *locations; /* mod_flow_location_t * */

    /* check_config and post_config */
    flow_model_t *model;
    flow_stats_t *stats;
    const flow_seal_t *seal;
    int nslots;
    const json_t *dump; /* for -D FLOW_DUMP, else NULL */

    /* child */
    flow_env_t env;
    flow_jobs_t *jobs;
} mod_flow_global_t;

/** The configuration read last. NULL before pre_config. */
extern mod_flow_global_t *mod_flow_global;

/* mod_flow_config.c */
extern const command_rec mod_flow_commands[];
void *mod_flow_dir_create(apr_pool_t *p, char *path);
void *mod_flow_dir_merge(apr_pool_t *p, void *base, void *add);
int mod_flow_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);
const mod_flow_location_t *mod_flow_location(request_rec *r);
/** The settings of the store, with defaults filled in. */
void mod_flow_jobs_settings(flow_jobs_settings_t *settings, apr_pool_t *p);
/** The file with the key for stored credentials, named or not. */
const char *mod_flow_key_path(const mod_flow_global_t *g, apr_pool_t *p);

/** NULL, or that the directive stands inside of a virtual host. */
const char *mod_flow_global_only(cmd_parms *cmd);
/** A number that K, M or G may follow. */
const char *mod_flow_parse_bytes(apr_size_t *out, const char *arg,
                                 apr_int64_t min, apr_int64_t max,
                                 cmd_parms *cmd);

/* mod_flow_config_http.c */
const char *mod_flow_set_proxy(cmd_parms *cmd, void *dummy, int argc,
                               char *const argv[]);
const char *mod_flow_set_http_timeout(cmd_parms *cmd, void *dummy,
                                      const char *total, const char *connect,
                                      const char *first);
const char *mod_flow_set_http_response(cmd_parms *cmd, void *dummy,
                                       const char *arg);
const char *mod_flow_set_presets(cmd_parms *cmd, void *dummy, const char *arg);

/* mod_flow_check.c */
int mod_flow_check_config(apr_pool_t *pconf, apr_pool_t *plog,
                          apr_pool_t *ptemp, server_rec *s);
int mod_flow_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                         server_rec *s);

/* mod_flow_dump.c */
/** After the configuration has been read, before documents are compiled. */
void mod_flow_dump_prepare(mod_flow_global_t *g, apr_pool_t *p);
void mod_flow_test_config(apr_pool_t *pconf, server_rec *s);

/* mod_flow_child.c */
void mod_flow_child_init(apr_pool_t *pchild, server_rec *s);
void mod_flow_child_stopping(apr_pool_t *pchild, int graceful);

/** Seconds after which a caller that met a full queue or a store that is away
 * may come again. */
#define MOD_FLOW_RETRY_AFTER "5"

/* mod_flow_request.c: between request_rec and flow_request_t */
/** Our Locations are no files: skip the walk through the file system. */
int mod_flow_translate_name(request_rec *r);
int mod_flow_map_to_storage(request_rec *r);
int mod_flow_fixups(request_rec *r);
/** Read the request, its body included. OK, or an HTTP status with *perr set
 * (413 "request_too_large", 400 "request_incomplete"). */
int mod_flow_request_read(request_rec *r, const mod_flow_location_t *loc,
                          flow_request_t **preq, flow_error_t *perr);
/** Send an answer; the value for the handler to return. */
int mod_flow_answer_send(request_rec *r, const flow_answer_t *answer);
/** Send {"message": "..."} as 401s have it / the errors envelope. */
int mod_flow_send_message(request_rec *r, int status, const char *message);
int mod_flow_send_error(request_rec *r, int status, const flow_error_t *err,
                        const char *source);

/* mod_flow_api.c, mod_flow_webhook.c */
int mod_flow_api_handler(request_rec *r);
int mod_flow_webhook_handler(request_rec *r);

/* mod_flow_auth.c */
int mod_flow_authenticate(request_rec *r);
void mod_flow_auth_register(apr_pool_t *p);
/**
 * May this request call the API at @a loc? DECLINED = yes. Otherwise the
 * answer (401, 403, 503) has been sent and the value is for the handler to
 * return.
 */
int mod_flow_authorize(request_rec *r, const mod_flow_location_t *loc);
/** Was this request authenticated by one of our tokens? */
int mod_flow_has_token(request_rec *r);
/** Has Apache been told to authenticate here? */
int mod_flow_apache_authenticates(request_rec *r);

/* mod_flow_status.c */
int mod_flow_status_hook(request_rec *r, int flags);

/* mod_flow_log.c */
void mod_flow_log_install(server_rec *s);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOWCTL_H
#define FLOWCTL_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <jansson.h>

#include "base/flow_error.h"
#include "flow/flow_run.h"
#include "jobs/flow_jobs.h"
#include "jobs/flow_store.h"

/**
 * flowctl: what its files share. Results go to stdout, everything else to
 * stderr. One thread, one pool, which ends with the process.
 */
#define FLOWCTL_VERSION "0.1"

/** How long a command waits to write beside the server. */
#define FLOWCTL_PATIENCE apr_time_from_sec(10)

/** FlowScriptMemory's default. */
#define FLOWCTL_SCRIPT_MEMORY ((apr_size_t)64 * 1024 * 1024)

enum {
    FLOWCTL_OK = 0,
    FLOWCTL_FAILED = 1,
    FLOWCTL_USAGE = 2
};

/** An option: a word of its own, or one that takes a value ("--x V", "--x=V"),
 * once or several times. Exactly one of the pointers is set. */
typedef struct flowctl_option_t {
    const char *name; /* with its dashes */
    int *flag;
    const char **value;
    apr_array_header_t *list; /* of const char * */
} flowctl_option_t;

typedef struct flowctl_t {
    apr_pool_t *p;
    const char *state_dir, *store; /* as given, or NULL */
    apr_array_header_t *includes;
    const char *presets, *proxy;    /* as given, or NULL */
    const char *httpd, *httpd_conf; /* as given, or NULL */
    const json_t *dump;             /* what httpd made of its configuration */
    const char *key_file;
    int json, help;
    flow_jobs_settings_t settings; /* driver and params filled in */
    int argc;                      /* what is left after the command's words */
    const char *const *argv;
} flowctl_t;

/** Say what is wrong with the command line; returns FLOWCTL_USAGE. */
int flowctl_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/** Say why it failed; returns FLOWCTL_FAILED. */
int flowctl_failed(const flow_error_t *err);

/**
 * Read ctl->argv: the command's own options (NULL name at the end) and the
 * general ones, which may stand anywhere. What is no option goes to @a words,
 * of which there may be at most @a max. FLOWCTL_OK or FLOWCTL_USAGE.
 */
int flowctl_options(flowctl_t *ctl, const flowctl_option_t *options,
                    const char **words, int max);

/**
 * @a text as it may go to a terminal: what others have written (far ends,
 * files, scripts) has a '?' for each control character (a blank for the end of
 * a line), so that it neither
 * steers the terminal nor looks like lines of ours. @a with_lines: line feeds
 * and tabs stay.
 */
const char *flowctl_plain(const flowctl_t *ctl, const char *text,
                          int with_lines);

/** "1 event", "2 events". */
const char *flowctl_count(const flowctl_t *ctl, apr_int64_t n,
                          const char *what);
/** Print a list of objects (released), one per line, or as JSON. */
typedef void flowctl_print_fn(flowctl_t *ctl, const json_t *one);
int flowctl_print_list(flowctl_t *ctl, json_t *list, flowctl_print_fn *print);
/** Print a JSON value (indented) and release it. */
int flowctl_print_json(json_t *v);
/** "2026-11-25T02:00:01.200Z", or @a none for 0. */
const char *flowctl_time(const flowctl_t *ctl, apr_time_t t, const char *none);

/** The store for reading, if it is there; else says so and returns NULL. */
flow_store_t *flowctl_open(flowctl_t *ctl);

/* the commands */
int flowctl_token_create(flowctl_t *ctl);
int flowctl_token_list(flowctl_t *ctl);
int flowctl_token_revoke(flowctl_t *ctl);
int flowctl_check(flowctl_t *ctl);
int flowctl_fields(flowctl_t *ctl);
int flowctl_job_list(flowctl_t *ctl);
int flowctl_job_show(flowctl_t *ctl);
int flowctl_flow_list(flowctl_t *ctl);
int flowctl_flow_run(flowctl_t *ctl);
int flowctl_schedule_list(flowctl_t *ctl);
int flowctl_schedule_next(flowctl_t *ctl);
int flowctl_job_cancel(flowctl_t *ctl);
int flowctl_job_rerun(flowctl_t *ctl);
int flowctl_event_list(flowctl_t *ctl);
int flowctl_event_show(flowctl_t *ctl);
int flowctl_event_replay(flowctl_t *ctl);
int flowctl_error_list(flowctl_t *ctl);
int flowctl_error_show(flowctl_t *ctl);
int flowctl_error_retry(flowctl_t *ctl);
int flowctl_error_resolve(flowctl_t *ctl);
int flowctl_error_tag(flowctl_t *ctl);
int flowctl_error_assign(flowctl_t *ctl);
int flowctl_store_migrate(flowctl_t *ctl);
int flowctl_store_check(flowctl_t *ctl);
int flowctl_store_backup(flowctl_t *ctl);
int flowctl_script_check(flowctl_t *ctl);
int flowctl_script_run(flowctl_t *ctl);
int flowctl_script_log(flowctl_t *ctl);
int flowctl_try_template(flowctl_t *ctl);
int flowctl_try_filter(flowctl_t *ctl);
int flowctl_try_mapping(flowctl_t *ctl);
int flowctl_try_transform(flowctl_t *ctl);
int flowctl_ping(flowctl_t *ctl);
int flowctl_connection_list(flowctl_t *ctl);
int flowctl_connection_revoke(flowctl_t *ctl);
int flowctl_preview(flowctl_t *ctl);

/** The credentials that the server with this store has got, for env->grants:
 * read, renewed and stored as the server does. NULL: there is no such store, or
 * its key cannot be read, which has been said; what may work only once is then
 * not used (env->spare_grants). */
const flow_grant_iface_t *flowctl_grants(flowctl_t *ctl, const flow_env_t *env);
/** What runs things: scripts, and when env->model is set a client. */
apr_status_t flowctl_prepare(flowctl_t *ctl, flow_env_t *env,
                             const flow_state_iface_t *state,
                             flow_error_t *err);
/** The JSON in a file; {} when @a path is NULL. *pv is new. */
apr_status_t flowctl_read_json(flowctl_t *ctl, const char *path, json_t **pv,
                               flow_error_t *err);

/** Have documents been named, by --include or --httpd-conf? */
int flowctl_has_documents(const flowctl_t *ctl);
/** Have httpd read ctl->httpd_conf and fill ctl->dump from what it tells, and
 * where the store is. FLOWCTL_OK, or it has said what is wrong. */
int flowctl_httpd_read(flowctl_t *ctl);
/** Add the documents of ctl->dump. */
void flowctl_httpd_add(flowctl_t *ctl, flow_docs_t *docs);
/** The documents, when some are named, and else NULL: those that compile. For
 * commands that can do without: mistakes are not told. */
flow_model_t *flowctl_model(flowctl_t *ctl);
/** Is there a flow of that id, in the documents or in the store? Else says so,
 * with the nearest name, and returns FLOWCTL_FAILED. */
int flowctl_flow_check(flowctl_t *ctl, flow_store_t *store, const char *id);

/** The documents named by --include, compiled; *pmodel NULL when there are
 * mistakes. Those are in the result. */
flow_docs_t *flowctl_compile(flowctl_t *ctl, flow_model_t **pmodel);
/** Prints the mistakes; FLOWCTL_OK when there are none. */
int flowctl_print_problems(flowctl_t *ctl, const flow_docs_t *docs);
/** A time: ISO 8601, or "90m" for so long ago; 0 when @a text is NULL.
 * FLOWCTL_OK or FLOWCTL_USAGE. */
int flowctl_when(const char *command, const char *option, const char *text,
                 apr_time_t *pt);
/** A member as text, "" when it is not there. */
const char *flowctl_text(const flowctl_t *ctl, const json_t *v,
                         const char *key);
/** Say that there is no such thing; returns FLOWCTL_FAILED. */
int flowctl_unknown(const char *what, const char *id);
/** --limit: 1 to @a max, @a dflt when @a text is NULL; -1 = said what is
 * wrong. */
int flowctl_limit(const char *command, const char *text, int dflt, int max);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "flowctl/flowctl.h"

#include <stdio.h>
#include <string.h>

#include <apr_file_info.h>
#include <apr_strings.h>

#include "base/flow_clock.h"
#include "data/flow_json.h"
#include "flow/flow_file.h"
#include "flow/flow_host.h"
#include "jobs/flow_errors.h"
#include "jobs/flow_state_store.h"
#include "script/flow_script.h"

#define FILES_MAX       1000
#define LINES_DEFAULT   100
#define LINES_MAX       FLOW_SCRIPT_LOG_ROWS
#define TIMEOUT_DEFAULT 60
#define TIMEOUT_MAX     3600
#define IDLE_BYTES      ((apr_size_t)16 * 1024 * 1024)
#define INPUT_MAX       ((apr_size_t)50 * 1024 * 1024)

/* ---- compiling ---- */

static apr_status_t read_import(void *baton, const char *path,
                                const char **ptext, apr_size_t *plen,
                                apr_pool_t *p, flow_error_t *err)
{
    (void)baton;
    return flow_file_read(ptext, plen, path, FLOW_FILE_MAX, p, err);
}

static apr_status_t compile(flowctl_t *ctl, const char *path,
                            flow_script_t **pscript, flow_error_t *err)
{
    const flow_script_files_t files = { NULL, NULL, read_import };
    const char *text;
    apr_size_t len;
    apr_status_t rv =
        flow_file_read(&text, &len, path, FLOW_FILE_MAX, ctl->p, err);

    return rv == APR_SUCCESS
               ? flow_script_compile_files(pscript, path, path, &files, text,
                                           len, FLOWCTL_SCRIPT_MEMORY, ctl->p,
                                           err)
               : rv;
}

static json_t *check_one(flowctl_t *ctl, const char *path, int *pis_good)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_script_t *script = NULL;
    json_t *v = json_object();

    *pis_good = compile(ctl, path, &script, &err) == APR_SUCCESS;
    flow_json_put(v, "file", path, ctl->p);
    if (*pis_good) {
        flow_json_put(v, "functions", flow_script_functions(script, ctl->p),
                      ctl->p);
    }
    else {
        flow_json_put(v, "message", err.message, ctl->p);
    }
    return v;
}

static void print_check(const json_t *v)
{
    const char *file = flow_json_member(v, "file");
    const char *message = flow_json_member(v, "message");

    if (!message) {
        printf("%s: good; it has %s\n", file, flow_json_member(v, "functions"));
    }
    /* most messages begin with the file and the line */
    else if (strstr(message, file)) {
        puts(message);
    }
    else {
        printf("%s: %s\n", file, message);
    }
}

int flowctl_script_check(flowctl_t *ctl)
{
    const char *files[FILES_MAX + 1] = { NULL };
    int rc = flowctl_options(ctl, NULL, files, FILES_MAX), i, is_good;
    json_t *all, *v;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    if (!files[0]) {
        return flowctl_usage("script check: the files are missing");
    }
    all = json_array();
    for (i = 0; files[i]; ++i) {
        v = check_one(ctl, files[i], &is_good);
        rc = is_good ? rc : FLOWCTL_FAILED;
        if (!ctl->json) {
            print_check(v);
        }
        json_array_append_new(all, v);
    }
    if (ctl->json) {
        flowctl_print_json(all);
    }
    else {
        json_decref(all);
    }
    return rc;
}

/* ---- running ---- */

/* The console, and where an error happened. */
static void print_line(void *baton, const flow_script_line_t *line)
{
    (void)baton;
    fprintf(stderr, "%s: %.*s\n", line->level, (int)line->len, line->text);
}

static apr_status_t use_proxy(flowctl_t *ctl, flow_http_client_t *client,
                              flow_error_t *err)
{
    flow_http_settings_t settings = { .proxy = ctl->proxy };
    const char *why = flow_http_proxy_problem(ctl->proxy, ctl->p);

    if (why) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "proxy_invalid",
                              "--proxy: the address is not valid: %s", why);
    }
    flow_http_client_configure(client, &settings);
    return APR_SUCCESS;
}

apr_status_t flowctl_prepare(flowctl_t *ctl, flow_env_t *env,
                             const flow_state_iface_t *state, flow_error_t *err)
{
    apr_status_t rv;

    env->state = state;
    env->call_timeout = apr_time_from_sec(TIMEOUT_DEFAULT);
    rv =
        flow_script_engine_create(&env->scripts, FLOWCTL_SCRIPT_MEMORY,
                                  FLOW_CALL_DEPTH + 1, IDLE_BYTES, ctl->p, err);
    if (rv == APR_SUCCESS && env->model) {
        rv = flow_http_global_init();
    }
    if (rv == APR_SUCCESS && env->model) {
        rv = flow_http_client_create(&env->http, flow_egress_create(ctl->p),
                                     ctl->p, err);
    }
    if (rv == APR_SUCCESS && env->http && ctl->proxy) {
        rv = use_proxy(ctl, env->http, err);
    }
    if (rv == APR_SUCCESS && env->model) {
        env->spare_grants = 1;
        env->grants = flowctl_grants(ctl, env);
    }
    return rv;
}

apr_status_t flowctl_read_json(flowctl_t *ctl, const char *path, json_t **pv,
                               flow_error_t *err)
{
    const char *text = "{}";
    apr_size_t len = 2;
    apr_status_t rv = APR_SUCCESS;

    if (path) {
        rv = flow_file_read(&text, &len, path, INPUT_MAX, ctl->p, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_json_parse(pv, text, len, err);
        if (rv != APR_SUCCESS) {
            flow_error_prefix(err, "'%s'", path);
        }
    }
    return rv;
}

static int call(flowctl_t *ctl, const flow_env_t *env, const flow_hook_t *hook,
                const char *input, int seconds)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_caller_t caller = { NULL };
    json_t *arg = NULL, *result = NULL;
    apr_status_t rv;

    caller.deadline = flow_clock() + apr_time_from_sec(seconds);
    rv = flowctl_read_json(ctl, input, &arg, &err);
    if (rv == APR_SUCCESS) {
        rv = flow_host_call(env, &caller, hook, arg, caller.deadline, &result,
                            ctl->p, &err);
    }
    json_decref(arg);
    if (rv != APR_SUCCESS) {
        return flowctl_failed(&err);
    }
    if (!result) {
        puts("undefined");
        return FLOWCTL_OK;
    }
    return flowctl_print_json(result);
}

static int run(flowctl_t *ctl, const char *const *words, const char *input,
               int seconds)
{
    flow_state_iface_t state = { .log = print_line };
    flow_error_t err = FLOW_ERROR_INIT;
    flow_env_t env = { NULL };
    flow_model_t *model = NULL;
    flow_script_t *script = NULL;
    flow_hook_t hook = { NULL, words[1] };
    flow_docs_t *docs;
    apr_status_t rv;

    if (flowctl_has_documents(ctl)) {
        docs = flowctl_compile(ctl, &model);
        if (!model) {
            return flowctl_print_problems(ctl, docs);
        }
        env.model = model;
    }
    rv = compile(ctl, words[0], &script, &err);
    if (rv == APR_SUCCESS) {
        rv = flowctl_prepare(ctl, &env, &state, &err);
    }
    if (rv != APR_SUCCESS) {
        return flowctl_failed(&err);
    }
    hook.script = script;
    return call(ctl, &env, &hook, input, seconds);
}

int flowctl_script_run(flowctl_t *ctl)
{
    const char *words[2] = { NULL, NULL }, *input = NULL, *timeout = NULL;
    const flowctl_option_t options[] = { { "--input", .value = &input },
                                         { "--timeout", .value = &timeout },
                                         { NULL } };
    int rc = flowctl_options(ctl, options, words, 2);
    apr_int64_t seconds = TIMEOUT_DEFAULT;
    char *end = NULL;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    if (!words[1]) {
        return flowctl_usage("script run: give a file and the name of one of "
                             "its functions");
    }
    if (timeout) {
        seconds = apr_strtoi64(timeout, &end, 10);
        if (end == timeout || *end || seconds < 1 || seconds > TIMEOUT_MAX) {
            return flowctl_usage("script run: '--timeout %s' is not a number "
                                 "of seconds from 1 to %d",
                                 timeout, TIMEOUT_MAX);
        }
    }
    return run(ctl, words, input, (int)seconds);
}

/* ---- the script log ---- */

static void print_log_line(const flowctl_t *ctl, const json_t *line)
{
    static const char *const names[] = { "_scriptId", "_apiId", "_flowId",
                                         "_jobId" };
    static const char *const labels[] = { "script", "api", "flow", "job" };
    apr_size_t i;

    printf("%s %-5s", flow_json_member(line, "time"),
           flow_json_member(line, "level"));
    for (i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        const char *id = flow_json_member(line, names[i]);

        if (id) {
            printf(" %s %s", labels[i], id);
        }
    }
    printf(": %s\n", flowctl_plain(ctl, flow_json_member(line, "message"), 1));
}

int flowctl_script_log(flowctl_t *ctl)
{
    const char *script = NULL, *limit = NULL;
    const flowctl_option_t options[] = { { "--script", .value = &script },
                                         { "--limit", .value = &limit },
                                         { NULL } };
    int rc = flowctl_options(ctl, options, NULL, 0), most;
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *list = NULL;
    flow_store_t *store;
    apr_status_t rv;
    size_t i;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    most = flowctl_limit("script log", limit, LINES_DEFAULT, LINES_MAX);
    if (most < 0) {
        return FLOWCTL_USAGE;
    }
    store = flowctl_open(ctl);
    if (!store) {
        return FLOWCTL_FAILED;
    }
    rv = flow_script_log_list(store, script, most, &list, ctl->p, &err);
    flow_store_close(store);
    if (rv != APR_SUCCESS) {
        return flowctl_failed(&err);
    }
    if (ctl->json) {
        return flowctl_print_json(list);
    }
    for (i = 0; i < json_array_size(list); ++i) {
        print_log_line(ctl, json_array_get(list, i));
    }
    json_decref(list);
    return FLOWCTL_OK;
}

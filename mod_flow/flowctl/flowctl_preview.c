/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ping and preview: documents tried out by hand.
 */
#include "base/flow_clock.h"
#include "flowctl/flowctl.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "flow/flow_delta.h"
#include "flow/flow_preview.h"
#include "jobs/flow_errors.h"
#include "jobs/flow_marks.h"
#include "jobs/flow_state_store.h"

#define TIMEOUT_DEFAULT 60
#define TIMEOUT_MAX     3600
#define SHOWN_MAX       ((apr_size_t)65536) /* bytes of a record */

/* ---- printing ---- */

static const char *text_of(const json_t *v, const flowctl_t *ctl)
{
    apr_size_t len;

    return flowctl_plain(ctl, flow_json_to_text(v, &len, ctl->p), 0);
}

/* A request or an answer, as it would stand on the wire. */
static void print_message(const flowctl_t *ctl, const json_t *m)
{
    const json_t *headers = json_object_get(m, "headers");
    const char *method = flow_json_member(m, "method"), *key;
    const char *body = flow_json_member(m, "body");
    json_t *v;

    if (method) {
        printf("%s %s\n", method, text_of(json_object_get(m, "url"), ctl));
    }
    else {
        printf("%s\n", text_of(json_object_get(m, "statusCode"), ctl));
    }
    json_object_foreach((json_t *)headers, key, v)
    {
        printf("%s: %s\n", flowctl_plain(ctl, key, 0), text_of(v, ctl));
    }
    if (body && *body) {
        printf("\n%s\n", flowctl_plain(ctl, body, 1));
    }
    if (json_object_get(m, "bodyBytes")) {
        printf("... (cut; it has %s bytes)\n",
               text_of(json_object_get(m, "bodyBytes"), ctl));
    }
    putchar('\n');
}

/* As many bytes of a record as are shown, whole characters. */
static apr_size_t shown(const flow_buf_t *text)
{
    apr_size_t n = text->len;

    if (n > SHOWN_MAX) {
        for (n = SHOWN_MAX; ((unsigned char)text->data[n] & 0xC0) == 0x80;
             --n) {
        }
    }
    return n;
}

static void print_value(const json_t *v)
{
    flow_buf_t text;

    flow_buf_init(&text, 256 * 1024 * 1024);
    if (flow_json_write(&text, v, 0) == APR_SUCCESS) {
        fwrite(text.data, 1, shown(&text), stdout);
        putchar('\n');
    }
    if (text.len > SHOWN_MAX) {
        printf("... (cut; it has %lu bytes, --json shows them all)\n",
               (unsigned long)text.len);
    }
    flow_buf_release(&text);
}

static void print_stage(const flowctl_t *ctl, const json_t *stage)
{
    const char *name = flow_json_member(stage, "name");
    const json_t *data = json_object_get(stage, "data");
    int is_message =
        strcmp(name, "request") == 0 || strcmp(name, "response") == 0;
    size_t i, n = json_array_size(data);

    if (is_message) {
        printf("--- %s\n", name);
        for (i = 0; i < n; ++i) {
            print_message(ctl, json_array_get(data, i));
        }
        return;
    }
    printf("--- %s: %lu %s\n", name, (unsigned long)n,
           n == 1 ? "record" : "records");
    for (i = 0; i < n; ++i) {
        print_value(json_array_get(data, i));
    }
    putchar('\n');
}

static int print_result(flowctl_t *ctl, json_t *result, apr_status_t rv,
                        int responses)
{
    const json_t *stages = json_object_get(result, "stages");
    const json_t *errors = json_object_get(result, "errors");
    int rc = rv == APR_SUCCESS ? FLOWCTL_OK : FLOWCTL_FAILED;
    size_t i;

    rc = json_array_size(errors) ? FLOWCTL_FAILED : rc;
    if (ctl->json) {
        flowctl_print_json(result);
        return rc;
    }
    for (i = 0; i < json_array_size(stages); ++i) {
        print_stage(ctl, json_array_get(stages, i));
    }
    if (responses && json_array_size(json_object_get(result, "data"))) {
        puts("--- responses");
        for (i = 0; i < json_array_size(json_object_get(result, "data")); ++i) {
            print_value(json_array_get(json_object_get(result, "data"), i));
        }
    }
    fflush(stdout);
    for (i = 0; i < json_array_size(errors); ++i) {
        const json_t *e = json_array_get(errors, i);

        fprintf(stderr, "flowctl: %s: %s\n", flowctl_text(ctl, e, "code"),
                flowctl_text(ctl, e, "message"));
    }
    json_decref(result);
    return rc;
}

/* ---- what is tried ---- */

/* The console of hooks. */
static void print_line(void *baton, const flow_script_line_t *line)
{
    (void)baton;
    fprintf(stderr, "%s: %.*s\n", line->level, (int)line->len, line->text);
}

static const flow_state_iface_t console = { .log = print_line };

static int read_timeout(const char *command, const char *text, int *pseconds)
{
    apr_int64_t n;
    char *end;

    *pseconds = TIMEOUT_DEFAULT;
    if (!text) {
        return FLOWCTL_OK;
    }
    n = apr_strtoi64(text, &end, 10);
    if (end == text || *end || n < 1 || n > TIMEOUT_MAX) {
        return flowctl_usage("%s: '--timeout %s' is not a number of seconds "
                             "from 1 to %d",
                             command, text, TIMEOUT_MAX);
    }
    *pseconds = (int)n;
    return FLOWCTL_OK;
}

/* Documents compiled and everything ready to run them. */
static int open_env(flowctl_t *ctl, const char *command, flow_env_t *env,
                    flow_caller_t *caller, int seconds)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_model_t *model = NULL;
    flow_docs_t *docs;

    if (!flowctl_has_documents(ctl)) {
        flowctl_usage("%s: the documents are missing; name them with --include",
                      command);
        return FLOWCTL_USAGE;
    }
    docs = flowctl_compile(ctl, &model);
    if (!model) {
        flowctl_print_problems(ctl, docs);
        return FLOWCTL_FAILED;
    }
    env->model = model;
    if (flowctl_prepare(ctl, env, &console, &err) != APR_SUCCESS) {
        flowctl_failed(&err);
        return FLOWCTL_FAILED;
    }
    env->call_timeout = apr_time_from_sec(seconds);
    env->hook_timeout = env->call_timeout;
    caller->deadline = flow_clock() + env->call_timeout;
    return FLOWCTL_OK;
}

static int no_such(const char *what, const char *id)
{
    fprintf(stderr, "flowctl: there is no %s '%s' in these documents\n", what,
            id);
    return FLOWCTL_FAILED;
}

int flowctl_ping(flowctl_t *ctl)
{
    const char *id = NULL, *timeout = NULL;
    const flowctl_option_t options[] = { { "--timeout", .value = &timeout },
                                         { NULL } };
    int rc = flowctl_options(ctl, options, &id, 1), seconds;
    flow_error_t err = FLOW_ERROR_INIT;
    const flow_connection_t *connection;
    flow_caller_t caller = { NULL };
    flow_env_t env = { NULL };
    json_t *result = NULL;
    apr_time_t began;
    apr_status_t rv;

    if (rc == FLOWCTL_OK && !id) {
        return flowctl_usage("ping: the connection's id is missing");
    }
    if (rc == FLOWCTL_OK) {
        rc = read_timeout("ping", timeout, &seconds);
    }
    if (rc == FLOWCTL_OK) {
        rc = open_env(ctl, "ping", &env, &caller, seconds);
    }
    if (rc != FLOWCTL_OK) {
        return rc;
    }
    connection = apr_hash_get(env.model->connections, id, APR_HASH_KEY_STRING);
    if (!connection) {
        return no_such("connection", id);
    }
    began = apr_time_now();
    rv = flow_preview_ping(&env, &caller, connection, &result, ctl->p, &err);
    if (ctl->json) {
        return print_result(ctl, result, rv, 0);
    }
    json_decref(result);
    if (rv != APR_SUCCESS) {
        fprintf(stderr, "flowctl: %s: %s\n", err.code, err.message);
        return FLOWCTL_FAILED;
    }
    printf("connection '%s' answers (%d ms)\n", id,
           (int)apr_time_as_msec(apr_time_now() - began));
    return FLOWCTL_OK;
}

int flowctl_connection_revoke(flowctl_t *ctl)
{
    const char *id = NULL;
    int rc = flowctl_options(ctl, NULL, &id, 1);
    flow_error_t err = FLOW_ERROR_INIT;
    const flow_connection_t *connection;
    flow_caller_t caller = { NULL };
    flow_env_t env = { NULL };

    if (rc == FLOWCTL_OK && !id) {
        return flowctl_usage("connection revoke: the connection's id is "
                             "missing");
    }
    if (rc == FLOWCTL_OK) {
        rc = open_env(ctl, "connection revoke", &env, &caller, TIMEOUT_DEFAULT);
    }
    if (rc != FLOWCTL_OK) {
        return rc;
    }
    connection = apr_hash_get(env.model->connections, id, APR_HASH_KEY_STRING);
    if (!connection) {
        return no_such("connection", id);
    }
    if (flow_preview_revoke(&env, &caller, connection, ctl->p, &err) !=
        APR_SUCCESS) {
        return flowctl_failed(&err);
    }
    printf("the tokens of connection '%s' are revoked\n", id);
    return FLOWCTL_OK;
}

/* ---- preview ---- */

/* The mark that the export would have in the first flow that begins with it.
 * Without a store, a flow or a mark it is the first run. */
static void read_delta(flowctl_t *ctl, const flow_model_t *model,
                       const flow_export_t *exp, flow_delta_t *delta)
{
    flow_error_t err = FLOW_ERROR_INIT;
    const flow_flow_t *found = NULL;
    json_t *marks = NULL;
    apr_hash_index_t *hi;
    flow_store_t *store;
    int i;

    for (hi = apr_hash_first(ctl->p, model->flows); hi;
         hi = apr_hash_next(hi)) {
        const flow_flow_t *flow = apr_hash_this_val(hi);

        for (i = 0; i < flow->ngenerators; ++i) {
            if (flow->generators[i] == exp &&
                (!found || strcmp(flow->id, found->id) < 0)) {
                found = flow;
            }
        }
    }
    if (found && access(ctl->settings.params, R_OK) == 0) {
        store = flowctl_open(ctl);
        if (store) {
            flow_marks_read(store, found->id, &marks, ctl->p, &err);
            flow_store_close(store);
        }
    }
    flow_delta_init(delta, NULL, marks ? flow_json_own(ctl->p, marks) : NULL,
                    apr_time_now(), ctl->p, &err);
}

/* "ID", "export:ID" or "import:ID". */
static int find_subject(const flow_model_t *model, const char *name,
                        const flow_export_t **pexp, const flow_import_t **pimp)
{
    int is_export = strncmp(name, "export:", 7) == 0;
    int is_import = strncmp(name, "import:", 7) == 0;
    const char *id = is_export || is_import ? name + 7 : name;

    if (!is_import) {
        *pexp = apr_hash_get(model->exports, id, APR_HASH_KEY_STRING);
    }
    if (!is_export) {
        *pimp = apr_hash_get(model->imports, id, APR_HASH_KEY_STRING);
    }
    if (*pexp && *pimp) {
        return flowctl_usage("preview: there are an export and an import '%s'; "
                             "write export:%s or import:%s",
                             id, id, id);
    }
    if (!*pexp && !*pimp) {
        return no_such(is_export   ? "export"
                       : is_import ? "import"
                                   : "export or import",
                       id);
    }
    return FLOWCTL_OK;
}

static int preview(flowctl_t *ctl, const flow_env_t *env, flow_caller_t *caller,
                   const char *name, const json_t *record, int send)
{
    flow_error_t err = FLOW_ERROR_INIT;
    const flow_export_t *exp = NULL;
    const flow_import_t *imp = NULL;
    json_t *result = NULL;
    flow_delta_t delta;
    apr_status_t rv;
    int rc = find_subject(env->model, name, &exp, &imp);

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    if (exp && send) {
        return flowctl_usage("preview: --send is for imports; the request of "
                             "an export is sent anyway");
    }
    if (imp && !record) {
        return flowctl_usage("preview: an import needs a record; give a JSON "
                             "file with --record");
    }
    if (exp) {
        if (exp->is_delta) {
            read_delta(ctl, env->model, exp, &delta);
            caller->delta = &delta;
        }
        rv = flow_preview_export(env, caller, exp, record, &result, ctl->p,
                                 &err);
    }
    else {
        rv = flow_preview_import(env, caller, imp, record, send, &result,
                                 ctl->p, &err);
    }
    return print_result(ctl, result, rv, imp != NULL);
}

int flowctl_preview(flowctl_t *ctl)
{
    const char *name = NULL, *file = NULL, *timeout = NULL;
    int send = 0, seconds, rc;
    const flowctl_option_t options[] = { { "--record", .value = &file },
                                         { "--send", .flag = &send },
                                         { "--timeout", .value = &timeout },
                                         { NULL } };
    flow_error_t err = FLOW_ERROR_INIT;
    flow_caller_t caller = { NULL };
    flow_env_t env = { NULL };
    json_t *record = NULL;

    rc = flowctl_options(ctl, options, &name, 1);
    if (rc == FLOWCTL_OK && !name) {
        return flowctl_usage("preview: the id of an export or import is "
                             "missing");
    }
    if (rc == FLOWCTL_OK) {
        rc = read_timeout("preview", timeout, &seconds);
    }
    if (rc != FLOWCTL_OK) {
        return rc;
    }
    if (file && flowctl_read_json(ctl, file, &record, &err) != APR_SUCCESS) {
        return flowctl_failed(&err);
    }
    rc = open_env(ctl, "preview", &env, &caller, seconds);
    if (rc == FLOWCTL_OK) {
        rc = preview(ctl, &env, &caller, name, record, send);
    }
    json_decref(record);
    return rc;
}

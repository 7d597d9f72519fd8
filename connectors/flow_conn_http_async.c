/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results that take their time: submit, ask for the state until it is done,
 * fetch. An export does not sit and wait: between two questions it hands back a
 * cursor, so that its job goes on in another process when this one stops.
 */
#include "connectors/flow_conn_http.h"

#include <apr_strings.h>

#include <string.h>

/* How long one call waits before it hands the cursor back. */
#define PATIENCE apr_time_from_sec(5)

struct http_async_t {
    int same_as_status;
    const http_export_t *status, *result; /* result NULL: the last answer */
    const flow_connection_t *status_connection, *result_connection;
    const flow_path_t *path;
    const json_t *in_progress, *done; /* done NULL: all others */
    apr_interval_time_t first, again;
};

/* ---- compiling ---- */

static const json_t *part(const json_t *doc, const char *name)
{
    return json_object_get(json_object_get(doc, "http"), name);
}

static apr_interval_time_t msec(const json_t *status, const char *name,
                                apr_int64_t dflt)
{
    apr_int64_t n;

    return apr_time_from_msec(
        flow_json_int64(json_object_get(status, name), &n) && n >= 0 ? n
                                                                     : dflt);
}

static void compile_export(flow_compile_t *c, const json_t *v,
                           const http_export_t **pexport,
                           const flow_connection_t **pconnection)
{
    const char *id = flow_json_member(v, "_exportId");
    void *data = NULL;

    if (id && flow_compile_part(c, id, &data, pconnection) != APR_SUCCESS) {
        flow_compile_problem(c, "http._asyncHelperId",
                             "export '%s' of the async helper must be another "
                             "http export, without an async helper of its own",
                             id);
    }
    *pexport = data;
}

const http_async_t *flow_conn_http_compile_async(flow_compile_t *c)
{
    const char *id = flow_compile_string(c, "http._asyncHelperId"), *path;
    http_async_t *a = apr_pcalloc(flow_compile_pool(c), sizeof(*a));
    const json_t *doc, *status;

    doc = id ? flow_compile_document(c, FLOW_KIND_ASYNC_HELPER, id) : NULL;
    status = part(doc, "status");
    if (!flow_json_is(status, OBJECT)) {
        return NULL; /* none, or the schema says so */
    }
    a->same_as_status =
        flow_json_member_bool(part(doc, "submit"), "sameAsStatus") == 1;
    compile_export(c, status, &a->status, &a->status_connection);
    compile_export(c, part(doc, "result"), &a->result, &a->result_connection);
    path = flow_json_member(status, "statusPath");
    a->path =
        path ? flow_compile_path_text(c, "http._asyncHelperId", path) : NULL;
    a->in_progress = json_object_get(status, "inProgressValues");
    a->done = json_object_get(status, "doneValues");
    a->first = msec(status, "initialWaitTime", 1000);
    a->again = msec(status, "pollWaitTime", 5000);
    return a->status && a->path && a->in_progress ? a : NULL;
}

/* ---- asking ---- */

/* A request of one of the two exports, with @a record to see. */
static apr_status_t ask(const http_export_t *x,
                        const flow_connection_t *connection,
                        const flow_call_t *call, const json_t *record,
                        http_answer_t *answer, apr_pool_t *p, flow_error_t *err)
{
    http_send_t send = { connection, &x->step };
    json_t *context = flow_conn_http_context(call, p), *list = json_array();
    apr_status_t rv;

    json_array_append(list, (json_t *)record);
    json_object_set_new(context, "data", list);
    json_object_set(context, "record", (json_t *)record);
    json_object_set(context, "connection", connection->context);
    send.context = context;
    send.tpl = &x->step.body;
    rv = flow_conn_http_send(&send, call, answer, p, err);
    return rv == APR_SUCCESS ? flow_conn_http_judge(answer, &x->step.verdict,
                                                    connection, p, err)
                             : rv;
}

/* What an answer says of the state: *pdone, or an error. */
static apr_status_t look(const http_async_t *a, const json_t *answer,
                         int *pdone, apr_pool_t *p, flow_error_t *err)
{
    json_t *state = answer ? flow_path_get(a->path, answer) : NULL;
    apr_size_t len = 0;
    const char *text = state ? flow_json_to_text(state, &len, p) : NULL;

    flow_json_own(p, state);
    *pdone = 0;
    if (!text) {
        return flow_error_set(err, FLOW_E_REFUSED, APR_EGENERAL, "async_state",
                              "the answer has no state at the async helper's "
                              "'statusPath'");
    }
    if (flow_conn_http_matches(a->path, answer, a->in_progress, 1, p)) {
        return APR_SUCCESS;
    }
    if (a->done && !flow_conn_http_matches(a->path, answer, a->done, 1, p)) {
        return flow_error_set(
            err, FLOW_E_REFUSED, APR_EGENERAL, "async_failed",
            "the far end has ended the work in state '%.100s'", text);
    }
    *pdone = 1;
    return APR_SUCCESS;
}

static apr_status_t wait_until(apr_time_t next, const flow_call_t *call,
                               flow_error_t *err)
{
    apr_time_t now = apr_time_now();
    apr_status_t rv =
        next > now ? flow_conn_http_sleep(next - now, call) : APR_SUCCESS;

    if (rv == APR_EINTR) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, rv, "stopping",
                              "the server is stopping");
    }
    return rv == APR_SUCCESS
               ? rv
               : flow_error_set(err, FLOW_E_UNAVAILABLE, rv, "async_timeout",
                                "the far end has not done the work in time");
}

/* ---- imports: within one call ---- */

apr_status_t flow_conn_http_async_wait(const http_async_t *a,
                                       const flow_call_t *call,
                                       http_answer_t *answer, apr_pool_t *p,
                                       flow_error_t *err)
{
    const json_t *first = answer->value;
    apr_interval_time_t wait = a->first;
    apr_status_t rv = APR_SUCCESS;
    int done = 0;

    if (a->same_as_status) {
        rv = look(a, answer->value, &done, p, err);
    }
    while (rv == APR_SUCCESS && !done) {
        rv = wait_until(apr_time_now() + wait, call, err);
        if (rv == APR_SUCCESS) {
            rv = ask(a->status, a->status_connection, call, first, answer, p,
                     err);
        }
        if (rv == APR_SUCCESS) {
            rv = look(a, answer->value, &done, p, err);
        }
        wait = a->again;
    }
    if (rv == APR_SUCCESS && a->result) {
        const json_t *last = answer->value;

        rv = ask(a->result, a->result_connection, call, last, answer, p, err);
    }
    return rv;
}

/* ---- exports: page by page ---- */

static void set_waiting(flow_page_t *page, const json_t *answer,
                        apr_time_t next)
{
    page->records = json_array();
    page->pause = 1;
    page->cursor = json_object();
    json_object_set(page->cursor, "answer", (json_t *)answer);
    json_object_set_new(page->cursor, "next",
                        json_integer((json_int_t)apr_time_as_msec(next)));
}

/* A page of the result: @a record is the last answer, @a cursor the result's
 * own. */
static apr_status_t read_result(const flow_export_t *exp,
                                const flow_call_t *call, const json_t *record,
                                const json_t *cursor, flow_page_t *page,
                                apr_pool_t *p, flow_error_t *err)
{
    const http_export_t *x = exp->data;
    flow_export_t other = *exp;
    json_t *inner;
    apr_status_t rv;

    if (!x->async->result) {
        page->records = flow_conn_http_records(
            record, x->step.resource_path
                        ? x->step.resource_path
                        : x->async->status->step.resource_path);
        page->cursor = NULL;
        return APR_SUCCESS;
    }
    other.data = (void *)x->async->result;
    other.connection = x->async->result_connection;
    rv = flow_conn_http_export_page(&other, call, record, cursor, page, p, err);
    if (rv == APR_SUCCESS && page->cursor) {
        inner = page->cursor;
        page->cursor = json_object();
        json_object_set(page->cursor, "record", (json_t *)record);
        json_object_set_new(page->cursor, "cursor", inner);
    }
    return rv;
}

apr_status_t flow_conn_http_async_begin(const flow_export_t *exp,
                                        const flow_call_t *call,
                                        const json_t *answer, flow_page_t *page,
                                        apr_pool_t *p, flow_error_t *err)
{
    const http_async_t *a = ((const http_export_t *)exp->data)->async;
    apr_status_t rv = APR_SUCCESS;
    int done = 0;

    if (a->same_as_status) {
        rv = look(a, answer, &done, p, err);
    }
    if (rv == APR_SUCCESS && done) {
        return read_result(exp, call, answer, NULL, page, p, err);
    }
    if (rv == APR_SUCCESS) {
        set_waiting(page, answer, apr_time_now() + a->first);
    }
    return rv;
}

apr_status_t flow_conn_http_async_page(const flow_export_t *exp,
                                       const flow_call_t *call,
                                       const json_t *cursor, flow_page_t *page,
                                       apr_pool_t *p, flow_error_t *err)
{
    const http_async_t *a = ((const http_export_t *)exp->data)->async;
    const json_t *first = json_object_get(cursor, "answer");
    const json_t *record = json_object_get(cursor, "record");
    apr_time_t next, now = apr_time_now();
    apr_int64_t ms = 0;
    http_answer_t answer;
    apr_status_t rv;
    int done;

    if (record) {
        return read_result(exp, call, record, json_object_get(cursor, "cursor"),
                           page, p, err);
    }
    flow_json_int64(json_object_get(cursor, "next"), &ms);
    next = apr_time_from_msec(ms);
    if (next > now + PATIENCE) {
        rv = wait_until(now + PATIENCE, call, err);
        if (rv == APR_SUCCESS) {
            set_waiting(page, first, next);
        }
        return rv;
    }
    rv = wait_until(next, call, err);
    if (rv == APR_SUCCESS) {
        rv = ask(a->status, a->status_connection, call, first, &answer, p, err);
    }
    if (rv == APR_SUCCESS) {
        rv = look(a, answer.value, &done, p, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!done) {
        set_waiting(page, first, apr_time_now() + a->again);
        return APR_SUCCESS;
    }
    return read_result(exp, call, answer.value, NULL, page, p, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FlowAPI: a script, export, import or flow as an HTTP interface. Whatever
 * happens becomes an answer; what went wrong is told to the caller of
 * flow_api_handle() for the log.
 */
#include "flow/flow_run.h"

#include <string.h>

#include <apr_strings.h>

#include "base/flow_clock.h"
#include "data/flow_json.h"
#include "data/flow_text.h"
#include "flow/flow_api_script.h"
#include "flow/flow_host.h"
#include "flow/flow_outward.h"
#include "flow/flow_record.h"
#include "flow/flow_scope.h"

#define WAIT_MAX 300 /* seconds of ?wait= */

/* An export or import as a whole: FlowScriptTimeout is the scripts', and each
 * request to a far end has its own limit. */
#define BUILTIN_TIMEOUT apr_time_from_sec(3600)

/* Seconds after which a caller that was refused for lack of room may try. */
#define RETRY_AFTER "5"

/* One call of an API. */
typedef struct api_t {
    const flow_env_t *env;
    const flow_request_t *req;
    flow_answer_t *answer;
    flow_caller_t caller;
    apr_pool_t *p;
    flow_error_t *err;
} api_t;

static void answer_error(api_t *a, int status, const char *source)
{
    memset(a->answer, 0, sizeof(*a->answer));
    flow_answer_error(a->answer, status, a->err, source, a->p);
    if (a->answer->status == 503) {
        a->answer->headers = apr_table_make(a->p, 1);
        apr_table_setn(a->answer->headers, "Retry-After", RETRY_AFTER);
    }
}

static void refuse(api_t *a, int status, const char *code, const char *message)
{
    flow_error_set(a->err, FLOW_E_INPUT, APR_EINVAL, code, "%s", message);
    answer_error(a, status, NULL);
}

/* ---- scripts ---- */

/* The script's own failures are the script's; what it met on its way and did
 * not catch keeps the name of the place it came from. */
static const char *script_error_source(const flow_error_t *err)
{
    return err->kind == FLOW_E_SCRIPT || err->kind == FLOW_E_INTERNAL
               ? FLOW_SOURCE_SCRIPT
               : flow_error_source(err);
}

static void handle_script(api_t *a, const flow_hook_t *handler)
{
    json_t *options = flow_api_options(a->caller.api, handler, a->req, a->p);
    json_t *result = NULL;
    apr_status_t rv;

    rv = flow_host_call(a->env, &a->caller, handler, options,
                        a->caller.deadline, &result, a->p, a->err);
    json_decref(options);
    if (rv == APR_SUCCESS) {
        rv = flow_api_answer(a->answer, result, a->p, a->err);
        if (rv != APR_SUCCESS) {
            flow_host_failed(a->env, &a->caller, handler, a->err, "", a->p);
        }
    }
    if (rv != APR_SUCCESS) {
        answer_error(a, 0, script_error_source(a->err));
    }
}

/* ---- bodies of the others ---- */

/* What many clients call a form when they are not told: as one it would be a
 * record with the text as a name. */
static int is_json_called_form(const api_t *a, flow_media_e media)
{
    apr_size_t i = 0;

    while (i < a->req->body_len && strchr(" \t\r\n", a->req->body[i])) {
        ++i;
    }
    return media == FLOW_MEDIA_URLENCODED && i < a->req->body_len &&
           (a->req->body[i] == '{' || a->req->body[i] == '[');
}

/* *pdata is new, NULL when there is no body. A body without a known type is
 * taken for JSON, which is what these interfaces speak. */
static apr_status_t read_data(api_t *a, json_t **pdata)
{
    const char *type = NULL;
    flow_media_e media;
    apr_status_t rv;

    *pdata = NULL;
    if (!a->req->body_len) {
        return APR_SUCCESS;
    }
    if (a->req->headers) {
        type = apr_table_get(a->req->headers, "Content-Type");
    }
    media = flow_media_from_type(type);
    if (media == FLOW_MEDIA_UNKNOWN) {
        media = FLOW_MEDIA_JSON;
    }
    if (is_json_called_form(a, media)) {
        refuse(a, 400, "invalid_body",
               "the body looks like JSON and its Content-Type says form; send "
               "Content-Type: application/json");
        return APR_EINVAL;
    }
    rv = flow_body_parse(pdata, media, type, a->req->body, a->req->body_len,
                         a->p, a->err);
    if (rv == APR_SUCCESS && !json_is_object(*pdata) &&
        !json_is_array(*pdata)) {
        json_decref(*pdata);
        *pdata = NULL;
        rv = flow_error_set(a->err, FLOW_E_INPUT, APR_EINVAL, "invalid_body",
                            "the body must be a record or an array of "
                            "records");
    }
    if (rv != APR_SUCCESS) {
        answer_error(a, 400, NULL);
    }
    return rv;
}

/* ---- exports and imports ---- */

/* A far end that is down and one that says no are the same to a caller who
 * does not know that there is one; being out of scripts is our own doing. */
static int gateway_status(const flow_error_t *err)
{
    if ((err->kind == FLOW_E_UNAVAILABLE && strcmp(err->code, "script_busy")) ||
        err->kind == FLOW_E_REFUSED || strcmp(err->code, "auth_failed") == 0) {
        return 502;
    }
    return 0;
}

static void handle_export(api_t *a, const flow_export_t *exp)
{
    json_t *data, *result = NULL;
    apr_status_t rv = read_data(a, &data);

    if (rv != APR_SUCCESS) {
        return;
    }
    rv = flow_export_run(a->env, &a->caller, exp, data, &result, a->p, a->err);
    json_decref(data);
    if (rv != APR_SUCCESS) {
        answer_error(a, gateway_status(a->err), flow_error_source(a->err));
        return;
    }
    flow_outward_result(result, apr_psprintf(a->p, "export '%s'", exp->id),
                        a->p);
    flow_answer_json(a->answer, 200, result, a->p);
    json_decref(result);
}

static int is_good(const json_t *element)
{
    apr_int64_t status = 200;

    flow_json_int64(json_object_get(element, "statusCode"), &status);
    return status >= 200 && status < 300 &&
           !json_array_size(json_object_get(element, "errors"));
}

static int import_status(const json_t *response)
{
    size_t i, n = json_array_size(response);

    if (!json_is_array(response)) {
        return is_good(response) ? 200 : 422;
    }
    for (i = 0; i < n; ++i) {
        if (!is_good(json_array_get(response, i))) {
            return 422;
        }
    }
    return 200;
}

static void handle_import(api_t *a, const flow_import_t *imp)
{
    json_t *data, *response = NULL;
    apr_status_t rv = read_data(a, &data);

    if (rv != APR_SUCCESS) {
        return;
    }
    if (!data) {
        refuse(a, 400, "missing_body",
               "the body must be a record or an array of records");
        return;
    }
    rv =
        flow_import_run(a->env, &a->caller, imp, data, &response, a->p, a->err);
    json_decref(data);
    if (rv != APR_SUCCESS) {
        answer_error(a, gateway_status(a->err), flow_error_source(a->err));
        return;
    }
    flow_outward_result(response, apr_psprintf(a->p, "import '%s'", imp->id),
                        a->p);
    flow_answer_json(a->answer, import_status(response), response, a->p);
    json_decref(response);
}

/* ---- flows ---- */

/* 0 without ?wait=, -1 when it is no good; *punknown: a parameter that means
 * nothing here, and would do nothing without a word. */
static int wait_seconds(api_t *a, const char **punknown)
{
    json_t *query, *v;
    const char *text, *key;
    char *end = NULL;
    apr_int64_t n = 0;

    if (!a->req->query || !*a->req->query) {
        return 0;
    }
    query = flow_query_parse(a->req->query, strlen(a->req->query), a->p, NULL);
    if (json_object_get(query, "wait")) {
        text = flow_json_member(query, "wait");
        n = text ? apr_strtoi64(text, &end, 10) : -1;
        if (n < 1 || n > WAIT_MAX || !end || *end) {
            n = -1;
        }
    }
    json_object_foreach(query, key, v)
    {
        if (strcmp(key, "wait") != 0) {
            *punknown = apr_pstrdup(a->p, key);
        }
    }
    json_decref(query);
    return (int)n;
}

static void answer_job(api_t *a, int status, const char *job_id)
{
    json_t *v = json_object();

    flow_record_set_text(v, "_jobId", job_id);
    flow_answer_json(a->answer, status, v, a->p);
    json_decref(v);
}

static void queue_flow(api_t *a, const flow_flow_t *flow, const json_t *request)
{
    const flow_jobs_iface_t *jobs = a->env->jobs;
    const char *job_id = NULL;

    if (jobs->queue(jobs->baton, flow, request, &job_id, a->p, a->err) !=
        APR_SUCCESS) {
        answer_error(a, 0, NULL);
        return;
    }
    answer_job(a, 201, job_id);
}

static void wait_for_flow(api_t *a, const flow_flow_t *flow,
                          const json_t *request, int seconds)
{
    const flow_jobs_iface_t *jobs = a->env->jobs;
    apr_time_t until = flow_clock() + apr_time_from_sec(seconds);
    json_t *result = NULL;
    apr_status_t rv = jobs->run_wait(jobs->baton, flow, request, until, &result,
                                     a->p, a->err);

    if (APR_STATUS_IS_TIMEUP(rv) && result) {
        answer_job(a, 202,
                   flow_json_member(json_object_get(result, "job"), "_id"));
    }
    else if (rv != APR_SUCCESS) {
        answer_error(a, 0, NULL);
    }
    else {
        flow_outward_result(result, apr_psprintf(a->p, "flow '%s'", flow->id),
                            a->p);
        flow_answer_json(a->answer, 200, result, a->p);
    }
    json_decref(result);
}

static void handle_flow(api_t *a, const flow_flow_t *flow)
{
    const char *unknown = NULL;
    int seconds = wait_seconds(a, &unknown);
    json_t *data, *request = NULL;

    if (flow->disabled) {
        refuse(a, 404, "flow_disabled", "this flow is disabled");
        return;
    }
    if (seconds < 0) {
        refuse(a, 400, "invalid_query",
               "wait must be a number of seconds from 1 to 300");
        return;
    }
    if (unknown) {
        refuse(a, 400, "invalid_query",
               apr_psprintf(a->p,
                            "unknown query parameter '%.80s'; a flow takes "
                            "'wait' only, its data go into the body",
                            unknown));
        return;
    }
    if (!a->env->jobs) {
        flow_error_set(a->err, FLOW_E_UNAVAILABLE, APR_ENOTIMPL,
                       "flows_unavailable", "there is no job store here");
        answer_error(a, 0, NULL);
        return;
    }
    if (read_data(a, &data) != APR_SUCCESS) {
        return;
    }
    if (data) {
        request = json_object();
        json_object_set_new(request, "data", data);
    }
    if (seconds) {
        wait_for_flow(a, flow, request, seconds);
    }
    else {
        queue_flow(a, flow, request);
    }
    json_decref(request);
}

/* ---- which one ---- */

/* What a target without a script answers to; a script sees every method. */
static const char *allowed_methods(const flow_api_target_t *target)
{
    if (target->exp) {
        return "GET, HEAD, POST, OPTIONS";
    }
    return target->imp ? "POST, PUT, OPTIONS" : "POST, OPTIONS";
}

static int is_allowed(const char *allowed, const char *method)
{
    apr_size_t len = strlen(method);
    const char *hit = strstr(allowed, method);

    return len && hit && (hit == allowed || hit[-1] == ' ') &&
           (!hit[len] || hit[len] == ',');
}

/* 0 when the answer has been made: OPTIONS, or a method of another kind. */
static int check_method(api_t *a, const flow_api_target_t *target)
{
    const char *allowed = allowed_methods(target);
    int is_options = !strcmp(a->req->method, "OPTIONS");

    if (!is_options && is_allowed(allowed, a->req->method)) {
        return 1;
    }
    if (is_options) {
        a->answer->status = 204;
    }
    else {
        refuse(a, 405, "method_not_allowed",
               apr_pstrcat(a->p, "use one of ", allowed, NULL));
    }
    a->answer->headers = apr_table_make(a->p, 1);
    apr_table_setn(a->answer->headers, "Allow", allowed);
    return 0;
}

static void handle_builtin(api_t *a, const flow_api_target_t *target)
{
    if (!check_method(a, target)) {
        return;
    }
    if (target->exp) {
        handle_export(a, target->exp);
    }
    else if (target->imp) {
        handle_import(a, target->imp);
    }
    else if (target->flow) {
        handle_flow(a, target->flow);
    }
    else {
        flow_error_set(a->err, FLOW_E_INTERNAL, APR_EGENERAL, "no_target",
                       "this Location has no target");
        answer_error(a, 0, NULL);
    }
}

void flow_api_handle(const flow_env_t *env, const flow_api_target_t *target,
                     const flow_request_t *req, flow_answer_t *answer,
                     apr_pool_t *p, flow_error_t *perr)
{
    const flow_hook_t *handler =
        target->api ? &target->api->handler : &target->script;
    api_t a = { env, req, answer, { 0 }, p, perr };

    memset(answer, 0, sizeof(*answer));
    flow_error_clear(perr);
    a.caller.api = target->api;
    a.caller.client = req->client;
    a.caller.deadline = flow_deadline(
        &a.caller, handler->script ? env->api_timeout : BUILTIN_TIMEOUT);
    if (target->api && target->api->disabled) {
        refuse(&a, 404, "api_disabled", "this API is disabled");
    }
    else if (handler->script) {
        handle_script(&a, handler);
    }
    else {
        handle_builtin(&a, target);
    }
}

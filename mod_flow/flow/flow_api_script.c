/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On the path of every call of an API script: values are shared or pointed to
 * rather than copied.
 */
#include "flow/flow_api_script.h"

#include <stdarg.h>
#include <string.h>

#include <apr_cstr.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_text.h"
#include "flow/flow_record.h"

#define HEADERS_MAX      256  /* that a script may set */
#define HEADER_VALUE_MAX 8192 /* bytes */

/* ---- the argument ---- */

static json_t *parse_query(const flow_request_t *req, apr_pool_t *p)
{
    json_t *query = NULL;

    if (req->query && *req->query) {
        query = flow_query_parse(req->query, strlen(req->query), p, NULL);
    }
    /* more pairs than anybody needs: none rather than some of them */
    return query ? query : json_object();
}

/* NULL (undefined in the script) when there is no body or none that can be
 * read as its Content-Type says. */
static json_t *parse_body(const flow_request_t *req, apr_pool_t *p)
{
    const char *type;
    flow_media_e media;
    json_t *body = NULL;

    if (!req->body_len || !req->headers) {
        return NULL;
    }
    type = apr_table_get(req->headers, "Content-Type");
    media = flow_media_from_type(type);
    if (media == FLOW_MEDIA_UNKNOWN || media == FLOW_MEDIA_FORM_DATA ||
        media == FLOW_MEDIA_CSV) {
        return NULL;
    }
    if (flow_body_parse(&body, media, type, req->body, req->body_len, p,
                        NULL) != APR_SUCCESS) {
        return NULL;
    }
    return body;
}

static json_t *raw_body(const flow_request_t *req, apr_pool_t *p)
{
    apr_size_t len = req->body_len;
    const char *text = flow_utf8_repair(req->body, len, &len, p);

    return flow_json_string_new(text, len);
}

static void set_ids(json_t *options, const flow_api_t *api,
                    const flow_hook_t *handler)
{
    const json_t *settings = NULL;

    if (api) {
        flow_record_set_text(options, "_apiId", api->id);
        flow_record_share(options, "_integrationId",
                          json_object_get(api->doc, "_integrationId"));
        settings = json_object_get(api->doc, "settings");
    }
    else {
        /* no document: the script is all that the API is */
        flow_record_set_text(options, "_apiId",
                             flow_script_id(handler->script));
    }
    json_object_set_new_nocheck(options, "settings",
                                settings ? flow_record_ref(settings)
                                         : json_object());
}

json_t *flow_api_options(const flow_api_t *api, const flow_hook_t *handler,
                         const flow_request_t *req, apr_pool_t *p)
{
    json_t *options = json_object(), *query = parse_query(req, p);
    json_t *body = parse_body(req, p);

    flow_record_set_text(options, "method", req->method);
    json_object_set_new_nocheck(options, "headers",
                                flow_request_headers_json(req));
    json_object_set_new_nocheck(options, "queryString", query);
    json_object_set_nocheck(options, "queryParams", query);
    json_object_set_new_nocheck(options, "pathParams", json_object());
    flow_record_set_text(options, "path", req->path_info);
    if (body) {
        json_object_set_new_nocheck(options, "body", body);
    }
    json_object_set_new_nocheck(options, "rawBody", raw_body(req, p));
    set_ids(options, api, handler);
    json_object_set_new_nocheck(options, "testMode", json_false());
    json_object_set_new_nocheck(options, "sandbox", json_false());
    return options;
}

/* ---- the return value ---- */

static apr_status_t invalid(flow_error_t *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static apr_status_t invalid(flow_error_t *err, const char *fmt, ...)
{
    char text[256];
    va_list args;

    va_start(args, fmt);
    apr_vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return flow_error_set(err, FLOW_E_SCRIPT, APR_EINVAL, "invalid_response",
                          "%s", text);
}

static apr_status_t set_status(flow_answer_t *answer, const json_t *result,
                               flow_error_t *err)
{
    const json_t *v = json_object_get(result, "statusCode");
    apr_int64_t status;

    if (!v) {
        return invalid(err, "the script's answer has no statusCode");
    }
    if (!flow_json_int64(v, &status)) {
        return invalid(err, "statusCode must be a whole number, got %s",
                       flow_json_type_name(v));
    }
    /* 1xx would announce another answer that never comes */
    if (status < 200 || status > 599) {
        return invalid(err,
                       "statusCode must be a number from 200 to 599, got "
                       "%" APR_INT64_T_FMT,
                       status);
    }
    answer->status = (int)status;
    return APR_SUCCESS;
}

/* How long the answer is and whether the connection stays is the server's to
 * say. */
static int is_servers_own(const char *name)
{
    static const char *const names[] = {
        "Connection",       "Content-Length",
        "Keep-Alive",       "Proxy-Authorization",
        "Proxy-Connection", "TE",
        "Trailer",          "Transfer-Encoding",
        "Upgrade",
    };
    apr_size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        if (!apr_cstr_casecmp(name, names[i])) {
            return 1;
        }
    }
    return 0;
}

static apr_status_t add_header(flow_answer_t *answer, const char *name,
                               const json_t *value, apr_pool_t *p,
                               flow_error_t *err)
{
    apr_size_t len = 0;
    const char *text;

    if (json_is_null(value)) {
        return APR_SUCCESS;
    }
    if (json_is_object(value) || json_is_array(value)) {
        return invalid(err, "header '%.80s' must be text or an array of texts",
                       name);
    }
    text = flow_json_to_text(value, &len, p);
    if (!flow_header_value_ok(text, len)) {
        return invalid(err, "header '%.80s' holds a control character", name);
    }
    if (len > HEADER_VALUE_MAX) {
        return invalid(err, "header '%.80s' is longer than %d bytes", name,
                       HEADER_VALUE_MAX);
    }
    if (!apr_cstr_casecmp(name, "Content-Type")) {
        if (answer->content_type) {
            return invalid(err, "header 'Content-Type' is there twice");
        }
        answer->content_type = text;
        return APR_SUCCESS;
    }
    if (!answer->headers) {
        answer->headers = apr_table_make(p, 8);
    }
    apr_table_addn(answer->headers, name, text);
    return APR_SUCCESS;
}

static apr_status_t check_header_name(const char *name, flow_error_t *err)
{
    if (!flow_header_name_ok(name)) {
        /* the name is data as well: show only what cannot do harm */
        return invalid(err, "a header's name is empty or holds a character "
                            "that names cannot have");
    }
    if (is_servers_own(name)) {
        return invalid(err,
                       "header '%.80s' is set by the server and by nobody "
                       "else",
                       name);
    }
    return APR_SUCCESS;
}

static apr_status_t add_header_values(flow_answer_t *answer, const char *name,
                                      const json_t *value, size_t *pcount,
                                      apr_pool_t *p, flow_error_t *err)
{
    size_t i, n = json_is_array(value) ? json_array_size(value) : 1;
    apr_status_t rv = check_header_name(name, err);

    *pcount += n;
    if (rv == APR_SUCCESS && *pcount > HEADERS_MAX) {
        rv = invalid(err, "more than %d headers", HEADERS_MAX);
    }
    for (i = 0; i < n && rv == APR_SUCCESS; ++i) {
        rv = add_header(answer, name,
                        json_is_array(value) ? json_array_get(value, i) : value,
                        p, err);
    }
    return rv;
}

static apr_status_t set_headers(flow_answer_t *answer, const json_t *result,
                                apr_pool_t *p, flow_error_t *err)
{
    json_t *headers = json_object_get(result, "headers"), *value;
    apr_status_t rv = APR_SUCCESS;
    const char *name;
    size_t count = 0, len;

    if (!headers || json_is_null(headers)) {
        return APR_SUCCESS;
    }
    if (!json_is_object(headers)) {
        return invalid(err, "headers must be an object, got %s",
                       flow_json_type_name(headers));
    }
    json_object_keylen_foreach(headers, name, len, value)
    {
        rv = strlen(name) == len
                 ? add_header_values(answer, name, value, &count, p, err)
                 : check_header_name("", err);
        if (rv != APR_SUCCESS) {
            break;
        }
    }
    return rv;
}

static void set_body(flow_answer_t *answer, const json_t *body, apr_pool_t *p)
{
    const char *type;

    if (!body || json_is_null(body) || answer->status == 204 ||
        answer->status == 304) {
        return;
    }
    answer->body = flow_json_string(body, &answer->body_len);
    if (answer->body) {
        type = "text/plain; charset=utf-8";
    }
    else {
        answer->body = flow_json_text(body, &answer->body_len, p);
        type = "application/json";
    }
    if (!answer->content_type) {
        answer->content_type = type;
    }
}

apr_status_t flow_api_answer(flow_answer_t *answer, json_t *result,
                             apr_pool_t *p, flow_error_t *err)
{
    apr_status_t rv;

    flow_json_own(p, result);
    if (!json_is_object(result)) {
        return invalid(err,
                       "the script must return {statusCode, headers, body}, "
                       "got %s",
                       result ? flow_json_type_name(result) : "undefined");
    }
    rv = set_status(answer, result, err);
    if (rv == APR_SUCCESS) {
        rv = set_headers(answer, result, p, err);
    }
    if (rv == APR_SUCCESS) {
        set_body(answer, json_object_get(result, "body"), p);
    }
    return rv;
}

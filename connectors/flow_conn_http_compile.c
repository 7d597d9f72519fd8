/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents of type http, compiled.
 */
#include "connectors/flow_conn_http.h"

#include "base/flow_sign.h"
#include "flow/flow_request.h"

#include <apr_strings.h>

#include <string.h>

/* ---- parts ---- */

static flow_media_e media(flow_compile_t *c, const char *field,
                          flow_media_e otherwise)
{
    const char *name = flow_compile_string(c, field);

    return name ? flow_media_from_name(name) : otherwise;
}

/* What `{{x}}` does inside of a body. */
static flow_escape_e escape_of(flow_media_e m)
{
    switch (m) {
    case FLOW_MEDIA_JSON:
        return FLOW_ESCAPE_JSON;
    case FLOW_MEDIA_XML:
        return FLOW_ESCAPE_XML;
    case FLOW_MEDIA_URLENCODED:
        return FLOW_ESCAPE_URI;
    default:
        return FLOW_ESCAPE_NONE;
    }
}

static http_headers_t headers(flow_compile_t *c)
{
    const json_t *list = flow_compile_get(c, "http.headers");
    apr_pool_t *p = flow_compile_pool(c);
    size_t n = json_array_size(list), i;
    http_header_t *all = apr_pcalloc(p, (n + 1) * sizeof(*all));
    http_headers_t out = { all, 0 };

    for (i = 0; i < n; ++i) {
        const json_t *item = json_array_get(list, i);
        const char *name = flow_json_member(item, "name");
        const char *value = flow_json_member(item, "value");
        const char *at = apr_psprintf(p, "http.headers[%d]", (int)i);

        if (!name || !value) {
            continue;
        }
        if (!flow_header_name_ok(name)) {
            flow_compile_problem(c, apr_pstrcat(p, at, ".name", NULL),
                                 "not the name of a header: only letters, "
                                 "digits and - . _ are sure to work");
            continue;
        }
        all[out.n].name = apr_pstrdup(p, name);
        all[out.n].value = flow_compile_template_text(
            c, apr_pstrcat(p, at, ".value", NULL), value, FLOW_ESCAPE_NONE);
        out.n += all[out.n].value != NULL;
    }
    return out;
}

static http_verdict_t verdict(flow_compile_t *c, const char *prefix)
{
    apr_pool_t *p = flow_compile_pool(c);
    http_verdict_t v = { NULL };

#define FIELD(name) apr_pstrcat(p, prefix, name, NULL)
    v.success_path = flow_compile_path(c, FIELD(".successPath"));
    v.success_values = flow_compile_get(c, FIELD(".successValues"));
    v.fail_path = flow_compile_path(c, FIELD(".failPath"));
    v.fail_values = flow_compile_get(c, FIELD(".failValues"));
    v.error_path = flow_compile_path(c, FIELD(".errorPath"));
    v.array_ok = flow_compile_bool(c, FIELD(".allowArrayforSuccessPath"));
    if (v.success_values && !flow_compile_get(c, FIELD(".successPath"))) {
        flow_compile_problem(c, FIELD(".successValues"),
                             "has no effect without '%s.successPath'", prefix);
    }
    if (v.fail_values && !flow_compile_get(c, FIELD(".failPath"))) {
        flow_compile_problem(c, FIELD(".failValues"),
                             "has no effect without '%s.failPath'", prefix);
    }
#undef FIELD
    return v;
}

/* ---- connection ---- */

static void compile_base(flow_compile_t *c, http_connection_t *conn)
{
    const char *text = flow_compile_string(c, "http.baseURI");
    apr_pool_t *p = flow_compile_pool(c);
    const char *host;

    conn->base = flow_compile_template(c, "http.baseURI", FLOW_ESCAPE_URI);
    if (!conn->base) {
        return;
    }
    host = flow_url_host(text, p);
    if (!flow_template_is_constant(conn->base)) {
        if (strncmp(text, "http", 4) != 0 && strncmp(text, "{{", 2) != 0) {
            flow_compile_problem(c, "http.baseURI",
                                 "must begin with https:// or http://");
        }
        return;
    }
    if (!host || !flow_conn_http_same_origin(text, text, p)) {
        flow_compile_problem(c, "http.baseURI",
                             "must be an absolute address such as "
                             "https://shop.example.com/api, without user or "
                             "password");
    }
    else if (strpbrk(text, "?#")) {
        flow_compile_problem(c, "http.baseURI",
                             "must not have a query or a fragment; put it "
                             "into 'http.relativeURI'");
    }
    /* The administrator has written the name: then it may be a local one. */
    conn->trusted_host = host;
}

static void compile_basic(flow_compile_t *c, http_connection_t *conn)
{
    apr_pool_t *p = flow_compile_pool(c);
    const char *user = flow_compile_string(c, "http.auth.basic.username");
    const char *password = flow_compile_string(c, "http.auth.basic.password");
    const char *pair, *coded;

    if (!user) {
        if (!flow_compile_get(c, "http.auth.basic")) {
            flow_compile_problem(c, "http.auth.type",
                                 "type 'basic' needs "
                                 "'http.auth.basic.username' and "
                                 "'http.auth.basic.password'");
        }
        return;
    }
    if (strchr(user, ':')) {
        flow_compile_problem(c, "http.auth.basic.username",
                             "must not contain a colon");
    }
    pair = apr_pstrcat(p, user, ":", password ? password : "", NULL);
    coded = flow_base64(pair, strlen(pair), p);
    flow_compile_secret(c, coded);
    conn->auth_header = "Authorization";
    conn->auth_value = apr_pstrcat(p, "Basic ", coded, NULL);
}

static void compile_token_query(flow_compile_t *c, http_connection_t *conn,
                                const char *token)
{
    apr_pool_t *p = flow_compile_pool(c);
    const char *name = flow_compile_string(c, "http.auth.token.paramName");

    if (!name || !name[0]) {
        flow_compile_problem(c, "http.auth.token.location",
                             "location 'url' needs "
                             "'http.auth.token.paramName'");
        return;
    }
    conn->auth_query =
        apr_pstrcat(p, flow_url_encode(name, strlen(name), p), "=",
                    flow_url_encode(token, strlen(token), p), NULL);
}

static void compile_token_header(flow_compile_t *c, http_connection_t *conn,
                                 const char *token)
{
    apr_pool_t *p = flow_compile_pool(c);
    const char *scheme = flow_compile_string(c, "http.auth.token.scheme");

    conn->auth_header = flow_compile_string(c, "http.auth.token.headerName");
    conn->auth_value =
        scheme && scheme[0] ? apr_pstrcat(p, scheme, " ", token, NULL) : token;
    if (!flow_header_name_ok(conn->auth_header)) {
        flow_compile_problem(c, "http.auth.token.headerName",
                             "not the name of a header");
    }
    if (!flow_header_value_ok(conn->auth_value, strlen(conn->auth_value))) {
        flow_compile_problem(c, "http.auth.token.token",
                             "the token has control characters and cannot be "
                             "sent in a header");
    }
}

static void compile_token(flow_compile_t *c, http_connection_t *conn)
{
    const char *location = flow_compile_string(c, "http.auth.token.location");
    const char *token = flow_compile_string(c, "http.auth.token.token");

    if (!location || !token) {
        if (!flow_compile_get(c, "http.auth.token")) {
            flow_compile_problem(c, "http.auth.type",
                                 "type 'token' needs 'http.auth.token.token' "
                                 "and 'http.auth.token.location'");
        }
        return;
    }
    if (strcmp(location, "header") == 0) {
        compile_token_header(c, conn, token);
    }
    else if (strcmp(location, "url") == 0) {
        compile_token_query(c, conn, token);
    }
}

static void compile_ping(flow_compile_t *c, http_connection_t *conn)
{
    http_step_t *ping = &conn->ping;

    ping->method = flow_compile_string(c, "http.ping.method");
    ping->uri =
        flow_compile_template(c, "http.ping.relativeURI", FLOW_ESCAPE_URI);
    ping->body =
        flow_compile_template(c, "http.ping.body", escape_of(conn->media));
    ping->request_media = conn->media;
    ping->success_media = conn->success_media;
    ping->error_media = conn->error_media;
    ping->verdict = verdict(c, "http.ping");
}

void flow_conn_http_compile_connection(flow_compile_t *c, const json_t *doc,
                                       void **pdata)
{
    apr_pool_t *p = flow_compile_pool(c);
    http_connection_t *conn = apr_pcalloc(p, sizeof(*conn));
    const char *type = flow_compile_string(c, "http.auth.type");

    (void)doc;
    *pdata = conn;
    compile_base(c, conn);
    conn->media = media(c, "http.mediaType", FLOW_MEDIA_JSON);
    conn->success_media = media(c, "http.successMediaType", FLOW_MEDIA_UNKNOWN);
    conn->error_media = media(c, "http.errorMediaType", conn->success_media);
    conn->headers = headers(c);
    conn->insecure = flow_compile_bool(c, "http.disableStrictSSL");
    conn->gate = flow_conn_http_gate_create(
        (int)flow_compile_int(c, "http.concurrencyLevel"), p);
    if (type && strcmp(type, "basic") == 0) {
        compile_basic(c, conn);
    }
    else if (type && strcmp(type, "token") == 0) {
        compile_token(c, conn);
    }
    compile_ping(c, conn);
}

/* ---- what exports and imports share ---- */

static void compile_media(flow_compile_t *c, const http_connection_t *conn,
                          http_step_t *step)
{
    flow_media_e success = conn ? conn->success_media : FLOW_MEDIA_UNKNOWN;
    flow_media_e error = conn ? conn->error_media : FLOW_MEDIA_UNKNOWN;

    step->request_media =
        media(c, "http.requestMediaType", conn ? conn->media : FLOW_MEDIA_JSON);
    step->success_media = media(c, "http.successMediaType", success);
    /* A step that says how good answers are read means bad ones too. */
    if (flow_compile_get(c, "http.successMediaType")) {
        error = step->success_media;
    }
    step->error_media = media(c, "http.errorMediaType", error);
    step->headers = headers(c);
}

/* ---- export ---- */

static int uses(const char *text, const char *what)
{
    return text && strstr(text, what) != NULL;
}

static void compile_paging(flow_compile_t *c, http_export_t *x)
{
    const char *method = flow_compile_string(c, "http.paging.method");
    const char *uri = flow_compile_string(c, "http.relativeURI");
    const char *body = flow_compile_string(c, "http.body");
    const char *next_uri = flow_compile_string(c, "http.paging.relativeURI");
    const char *next_body = flow_compile_string(c, "http.paging.body");

    if (!method) {
        return;
    }
    x->paging =
        strcmp(method, "page") == 0 ? HTTP_PAGING_PAGE : HTTP_PAGING_LINK;
    x->first_page = flow_compile_int(c, "http.paging.page");
    x->link_relation = flow_compile_string(c, "http.paging.linkHeaderRelation");
    x->last_status = (int)flow_compile_int(c, "http.paging.lastPageStatusCode");
    x->next_uri =
        flow_compile_template(c, "http.paging.relativeURI", FLOW_ESCAPE_URI);
    x->next_body = flow_compile_template(c, "http.paging.body",
                                         escape_of(x->step.request_media));
    x->next_resource_path = flow_compile_path(c, "http.paging.resourcePath");
    x->last_path = flow_compile_path(c, "http.paging.lastPagePath");
    x->last_values = flow_compile_get(c, "http.paging.lastPageValues");
    x->max_page_path = flow_compile_path(c, "http.paging.maxPagePath");
    x->max_count_path = flow_compile_path(c, "http.paging.maxCountPath");
    x->uses_response = uses(next_uri, "previous_page.full_response") ||
                       uses(next_body, "previous_page.full_response");
    x->uses_record = uses(next_uri, "previous_page.last_record") ||
                     uses(next_body, "previous_page.last_record");
    x->uses_headers = uses(next_uri, "previous_page.headers") ||
                      uses(next_body, "previous_page.headers");
    if (x->paging == HTTP_PAGING_PAGE &&
        !uses(next_uri ? next_uri : uri, "export.http.paging.page") &&
        !uses(next_body ? next_body : body, "export.http.paging.page")) {
        flow_compile_problem(c, "http.paging.method",
                             "method 'page' needs "
                             "{{export.http.paging.page}} in "
                             "'http.relativeURI' or 'http.body'; else every "
                             "page is the first one");
    }
}

void flow_conn_http_compile_export(flow_compile_t *c, const json_t *doc,
                                   const flow_connection_t *connection,
                                   void **pdata)
{
    http_export_t *x = apr_pcalloc(flow_compile_pool(c), sizeof(*x));

    (void)doc;
    *pdata = x;
    compile_media(c, connection->data, &x->step);
    x->step.method = flow_compile_string(c, "http.method");
    x->step.uri = flow_compile_template(c, "http.relativeURI", FLOW_ESCAPE_URI);
    x->step.body =
        flow_compile_template(c, "http.body", escape_of(x->step.request_media));
    x->step.verdict = verdict(c, "http.response");
    x->step.resource_path = flow_compile_path(c, "http.response.resourcePath");
    x->step.id_path = flow_compile_path(c, "http.response.resourceIdPath");
    compile_paging(c, x);
}

/* ---- import ---- */

/* The only entry of one of the arrays that run side by side with method[]. */
static const char *single(flow_compile_t *c, const char *field)
{
    const json_t *list = flow_compile_get(c, field);
    const json_t *item = json_array_get(list, 0);

    if (json_array_size(list) > 1) {
        flow_compile_problem(c, field,
                             "has %d entries; more than one operation "
                             "(composite import) is known but not supported "
                             "yet",
                             (int)json_array_size(list));
    }
    if (flow_json_is(item, OBJECT)) {
        return flow_json_text(item, NULL, flow_compile_pool(c));
    }
    return flow_json_string(item, NULL);
}

static const flow_template_t *single_template(flow_compile_t *c,
                                              const char *field,
                                              flow_escape_e escape)
{
    const char *text = single(c, field);

    return text ? flow_compile_template_text(
                      c, apr_pstrcat(flow_compile_pool(c), field, "[0]", NULL),
                      text, escape)
                : NULL;
}

static const flow_path_t *single_path(flow_compile_t *c, const char *field)
{
    const char *text = single(c, field);

    return text ? flow_compile_path_text(
                      c, apr_pstrcat(flow_compile_pool(c), field, "[0]", NULL),
                      text)
                : NULL;
}

static int are_strings(const json_t *list)
{
    size_t i;

    for (i = 0; i < json_array_size(list); ++i) {
        if (!flow_json_is(json_array_get(list, i), STRING)) {
            return 0;
        }
    }
    return flow_json_is(list, ARRAY);
}

/* "ok", ["ok", "done"] or, as documents have it, [["ok", "done"]]. */
static const json_t *single_values(flow_compile_t *c, const char *field)
{
    const json_t *v = flow_compile_get(c, field);
    json_t *one;

    if (flow_json_is(v, STRING)) {
        one = flow_json_own(flow_compile_pool(c), json_array());
        json_array_append(one, (json_t *)v);
        return one;
    }
    if (flow_json_is(v, ARRAY) && json_array_size(v) == 1 &&
        flow_json_is(json_array_get(v, 0), ARRAY)) {
        v = json_array_get(v, 0);
    }
    if (v && !are_strings(v)) {
        flow_compile_problem(c, field,
                             "must be strings, one list per operation, such "
                             "as [[\"true\"]]");
        return NULL;
    }
    return v;
}

static void compile_verdict(flow_compile_t *c, http_verdict_t *v)
{
    v->success_path = single_path(c, "http.response.successPath");
    v->success_values = single_values(c, "http.response.successValues");
    v->fail_path = single_path(c, "http.response.failPath");
    v->fail_values = single_values(c, "http.response.failValues");
    v->error_path = flow_compile_path(c, "http.response.errorPath");
    v->array_ok =
        flow_compile_bool(c, "http.response.allowArrayforSuccessPath");
}

static void check_batch(flow_compile_t *c, const http_import_t *x)
{
    if (x->batch_size > 1 && !x->step.body &&
        x->step.request_media != FLOW_MEDIA_JSON &&
        x->step.request_media != FLOW_MEDIA_CSV) {
        flow_compile_problem(c, "http.batchSize",
                             "several records in one request need media type "
                             "json or csv, or a 'http.body'");
    }
}

void flow_conn_http_compile_import(flow_compile_t *c, const json_t *doc,
                                   const flow_connection_t *connection,
                                   void **pdata)
{
    http_import_t *x = apr_pcalloc(flow_compile_pool(c), sizeof(*x));
    const json_t *methods = flow_compile_get(c, "http.method");
    const char *method = single(c, "http.method");

    (void)doc;
    *pdata = x;
    if (methods && json_array_size(methods) == 0) {
        flow_compile_problem(c, "http.method",
                             "must name a method, such as [\"POST\"]");
    }
    compile_media(c, connection->data, &x->step);
    x->step.method =
        method ? apr_pstrdup(flow_compile_pool(c), method) : "POST";
    x->step.uri = single_template(c, "http.relativeURI", FLOW_ESCAPE_URI);
    x->step.body =
        single_template(c, "http.body", escape_of(x->step.request_media));
    compile_verdict(c, &x->step.verdict);
    x->step.resource_path = single_path(c, "http.response.resourcePath");
    x->step.id_path = single_path(c, "http.response.resourceIdPath");
    x->batch_size = (int)flow_compile_int(c, "http.batchSize");
    x->send_original = !flow_compile_bool(c, "http.sendPostMappedData");
    x->drop_empty = flow_compile_bool(c, "http.ignoreEmptyNodes");
    check_batch(c, x);
}

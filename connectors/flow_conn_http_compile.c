/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents of type http, compiled.
 */
#include "connectors/flow_conn_http_auth.h"

#include "flow/flow_request.h"

#include "data/flow_iso8601.h"

#include <apr_strings.h>

#include <string.h>

/* ---- parts ---- */

flow_media_e flow_conn_http_compile_media(flow_compile_t *c, const char *field,
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

/* A form may be written as an object of its fields; then the template makes
 * JSON, whatever the request says it is. */
http_body_t flow_conn_http_compile_body(flow_compile_t *c, const char *field,
                                        const char *text, flow_media_e media)
{
    http_body_t body = { NULL, 0 };
    const char *s = text ? text + strspn(text, " \t\r\n") : "";

    if (!text) {
        return body;
    }
    body.is_object =
        media == FLOW_MEDIA_FORM_DATA ||
        (media == FLOW_MEDIA_URLENCODED && s[0] == '{' && s[1] != '{');
    body.tpl = flow_compile_template_text(
        c, field, text, body.is_object ? FLOW_ESCAPE_JSON : escape_of(media));
    return body;
}

/* What a template prints is looked at when it has been rendered; what stands
 * in its text can be seen now. Between braces white space is harmless. */
static int has_control(const char *s)
{
    int depth = 0;

    for (; *s; ++s) {
        depth += s[0] == '{' && s[1] == '{';
        depth -= depth && s[0] == '}' && s[1] == '}';
        if (!depth && (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7F)) {
            return 1;
        }
    }
    return 0;
}

http_headers_t flow_conn_http_compile_headers(flow_compile_t *c,
                                              const char *field)
{
    const json_t *list = flow_compile_get(c, field);
    apr_pool_t *p = flow_compile_pool(c);
    size_t n = json_array_size(list), i;
    http_header_t *all = apr_pcalloc(p, (n + 1) * sizeof(*all));
    http_headers_t out = { all, 0 };

    for (i = 0; i < n; ++i) {
        const json_t *item = json_array_get(list, i);
        const char *name = flow_json_member(item, "name");
        const char *value = flow_json_member(item, "value");
        const char *at = apr_psprintf(p, "%s[%d]", field, (int)i);

        if (!name || !value) {
            continue;
        }
        if (has_control(value)) {
            flow_compile_problem(c, apr_pstrcat(p, at, ".value", NULL),
                                 "holds a line break or another control "
                                 "character; a header is one line");
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

static void compile_limits(flow_compile_t *c, http_connection_t *conn)
{
    int target = (int)flow_compile_int(c, "http.targetConcurrencyLevel");
    int limit = (int)flow_compile_int(c, "http.rateLimit.limit");

    const char *id = flow_compile_string(c, "_id");
    const char *lender =
        flow_compile_string(c, "_borrowConcurrencyFromConnectionId");

    conn->gate = flow_conn_http_gate_of(id ? id : "", flow_compile_pool(c));
    if (conn->gate) {
        flow_conn_http_gate_size(
            conn->gate, (int)flow_compile_int(c, "http.concurrencyLevel"));
    }
    if (conn->gate && lender && strcmp(lender, id ? id : "") != 0) {
        flow_conn_http_gate_borrow(
            conn->gate, flow_conn_http_gate_of(lender, flow_compile_pool(c)));
    }
    if (conn->gate && target > 0) {
        flow_conn_http_gate_adapt(conn->gate, target);
    }
    if (conn->gate && limit > 0) {
        flow_conn_http_gate_limit(conn->gate, limit,
                                  apr_time_from_sec(flow_compile_int(
                                      c, "http.rateLimit.windowSeconds")));
    }
    conn->limit_status =
        (int)flow_compile_int(c, "http.rateLimit.failStatusCode");
    conn->limit_path = flow_compile_path(c, "http.rateLimit.failPath");
    conn->limit_values = flow_compile_get(c, "http.rateLimit.failValues");
    conn->recovers = flow_compile_bool(c, "autoRecoverRateLimitErrors");
    conn->retry_header = flow_compile_string(c, "http.retryHeader");
    if (conn->limit_values && !conn->limit_path) {
        flow_compile_problem(c, "http.rateLimit.failValues",
                             "has no effect without "
                             "'http.rateLimit.failPath'");
    }
}

#define TLS "http.clientCertificates"

static void check_pem(flow_compile_t *c, const char *field, const char *text)
{
    if (text && !strstr(text, "-----BEGIN ")) {
        flow_compile_problem(c, field,
                             "is not in PEM form; write file:PATH of a file "
                             "that is");
    }
}

static void compile_tls(flow_compile_t *c, http_connection_t *conn)
{
    flow_http_tls_t *tls = apr_pcalloc(flow_compile_pool(c), sizeof(*tls));
    const char *pfx = flow_compile_string(c, TLS ".pfx");
    char *raw;

    if (!flow_compile_get(c, TLS)) {
        return;
    }
    conn->tls = tls;
    tls->cert = flow_compile_string(c, TLS ".cert");
    tls->key = flow_compile_string(c, TLS ".key");
    tls->ca = flow_compile_string(c, TLS ".ca");
    tls->passphrase = flow_compile_string(c, TLS ".passphrase");
    check_pem(c, TLS ".cert", tls->cert);
    check_pem(c, TLS ".key", tls->key);
    check_pem(c, TLS ".ca", tls->ca);
    if ((tls->cert != NULL) != (tls->key != NULL)) {
        flow_compile_problem(c, tls->cert ? TLS ".cert" : TLS ".key",
                             "needs '" TLS "%s'", tls->cert ? ".key" : ".cert");
    }
    if (pfx && (tls->cert || tls->key)) {
        flow_compile_problem(c, TLS ".pfx",
                             "excludes '" TLS ".cert' and '.key'");
    }
    if (pfx && flow_base64_decode(&raw, &tls->pkcs12_len, pfx,
                                  flow_compile_pool(c)) != APR_SUCCESS) {
        flow_compile_problem(c, TLS ".pfx",
                             "must be the PKCS #12 file in base64, on one "
                             "line");
    }
    else if (pfx) {
        tls->pkcs12 = raw;
    }
}

static void compile_ping(flow_compile_t *c, http_connection_t *conn)
{
    http_step_t *ping = &conn->ping;

    ping->method = flow_compile_string(c, "http.ping.method");
    ping->uri =
        flow_compile_template(c, "http.ping.relativeURI", FLOW_ESCAPE_URI);
    ping->body = flow_conn_http_compile_body(
        c, "http.ping.body", flow_compile_string(c, "http.ping.body"),
        conn->media);
    ping->request_media = conn->media;
    ping->success_media = conn->success_media;
    ping->error_media = conn->error_media;
    ping->verdict = verdict(c, "http.ping");
}

static void compile_debug(flow_compile_t *c, http_connection_t *conn)
{
    const char *text = flow_compile_string(c, "debugDate");
    apr_int64_t ms;

    if (!text) {
        return;
    }
    if (flow_iso8601_parse(text, strlen(text), &ms)) {
        conn->debug_until = apr_time_from_msec(ms);
    }
    else {
        flow_compile_problem(c, "debugDate",
                             "'%.80s' is no date; write it as "
                             "2026-11-25T14:00:00Z",
                             text);
    }
}

void flow_conn_http_compile_connection(flow_compile_t *c, const json_t *doc,
                                       void **pdata)
{
    apr_pool_t *p = flow_compile_pool(c);
    http_connection_t *conn = apr_pcalloc(p, sizeof(*conn));

    (void)doc;
    *pdata = conn;
    compile_base(c, conn);
    conn->media =
        flow_conn_http_compile_media(c, "http.mediaType", FLOW_MEDIA_JSON);
    conn->success_media = flow_conn_http_compile_media(
        c, "http.successMediaType", FLOW_MEDIA_UNKNOWN);
    conn->error_media = flow_conn_http_compile_media(c, "http.errorMediaType",
                                                     conn->success_media);
    conn->headers = flow_conn_http_compile_headers(c, "http.headers");
    conn->insecure = flow_compile_bool(c, "http.disableStrictSSL");
    compile_tls(c, conn);
    flow_conn_http_compile_client(c);
    compile_limits(c, conn);
    conn->auth = flow_conn_http_compile_auth(c, conn);
    compile_ping(c, conn);
    compile_debug(c, conn);
}

/* ---- what exports and imports share ---- */

void flow_conn_http_compile_step(flow_compile_t *c,
                                 const http_connection_t *conn,
                                 http_step_t *step)
{
    flow_media_e success = conn ? conn->success_media : FLOW_MEDIA_UNKNOWN;
    flow_media_e error = conn ? conn->error_media : FLOW_MEDIA_UNKNOWN;

    step->request_media = flow_conn_http_compile_media(
        c, "http.requestMediaType", conn ? conn->media : FLOW_MEDIA_JSON);
    step->success_media =
        flow_conn_http_compile_media(c, "http.successMediaType", success);
    /* A step that says how good answers are read means bad ones too. */
    if (flow_compile_get(c, "http.successMediaType")) {
        error = step->success_media;
    }
    step->error_media =
        flow_conn_http_compile_media(c, "http.errorMediaType", error);
    step->headers = flow_conn_http_compile_headers(c, "http.headers");
}

/* ---- export ---- */

static int uses(const char *text, const char *what)
{
    return text && strstr(text, what) != NULL;
}

static http_paging_e paging_of(const char *method)
{
    static const struct {
        const char *name;
        http_paging_e paging;
    } methods[] = {
        { "page", HTTP_PAGING_PAGE },
        { "skip", HTTP_PAGING_SKIP },
        { "token", HTTP_PAGING_TOKEN },
        { "url", HTTP_PAGING_URL },
        { "nextpageurl", HTTP_PAGING_URL }, /* its older name */
        { "linkheader", HTTP_PAGING_LINK },
        { "relativeuri", HTTP_PAGING_RELATIVE },
        { "body", HTTP_PAGING_BODY },
    };
    size_t i;

    for (i = 0; i < sizeof(methods) / sizeof(methods[0]); ++i) {
        if (strcmp(method, methods[i].name) == 0) {
            return methods[i].paging;
        }
    }
    return HTTP_PAGING_NONE;
}

static http_place_t place(flow_compile_t *c, const char *field)
{
    const char *location = flow_compile_string(c, "http.paging.pathLocation");
    const char *text = flow_compile_string(c, field);
    http_place_t out = { NULL, NULL };

    if (!text) {
        return out;
    }
    if (location && strcmp(location, "header") == 0) {
        out.header = text;
        if (!flow_header_name_ok(text)) {
            flow_compile_problem(c, field,
                                 "not the name of a header, which "
                                 "'http.paging.pathLocation' says it is");
        }
    }
    else {
        out.path = flow_compile_path_text(c, field, text);
    }
    return out;
}

/* What each page's request must have, or every page is the first one. */
static void check_paging_variable(flow_compile_t *c, const char *method)
{
    const char *name =
        apr_pstrcat(flow_compile_pool(c), "export.http.paging.", method, NULL);
    const char *uri = flow_compile_string(c, "http.paging.relativeURI");
    const char *body = flow_compile_string(c, "http.paging.body");

    uri = uri ? uri : flow_compile_string(c, "http.relativeURI");
    body = body ? body : flow_compile_string(c, "http.body");
    if (!uses(uri, name) && !uses(body, name)) {
        flow_compile_problem(c, "http.paging.method",
                             "method '%s' needs {{%s}} in "
                             "'http.relativeURI' or 'http.body'; else every "
                             "page is the first one",
                             method, name);
    }
}

static void need(flow_compile_t *c, const char *method, const char *field)
{
    if (!flow_compile_get(c, field)) {
        flow_compile_problem(c, "http.paging.method", "method '%s' needs '%s'",
                             method, field);
    }
}

static void check_paging(flow_compile_t *c, const http_export_t *x,
                         const char *method)
{
    switch (x->paging) {
    case HTTP_PAGING_TOKEN:
        need(c, method, "http.paging.path");
        need(c, method, "http.paging.pathLocation");
        check_paging_variable(c, method);
        break;
    case HTTP_PAGING_PAGE:
    case HTTP_PAGING_SKIP:
        check_paging_variable(c, method);
        break;
    case HTTP_PAGING_URL:
        need(c, method, "http.paging.path");
        break;
    case HTTP_PAGING_RELATIVE:
        need(c, method, "http.paging.relativeURI");
        break;
    case HTTP_PAGING_BODY:
        need(c, method, "http.paging.body");
        break;
    default:
        break;
    }
    if (flow_compile_get(c, "http.paging.lastPageValues") && !x->last_path) {
        flow_compile_problem(c, "http.paging.lastPageValues",
                             "has no effect without "
                             "'http.paging.lastPagePath'");
    }
}

/* Which members of previous_page the templates speak of; all of them when the
 * object is used as a whole. */
static void find_uses(http_export_t *x, const char *text)
{
    int response = uses(text, "full_response");
    int record = uses(text, "last_record"), head;

    if (!uses(text, "previous_page")) {
        return;
    }
    head = uses(text, "previous_page.headers");
    if (!response && !record && !head) {
        response = record = head = 1;
    }
    x->uses_response |= response;
    x->uses_record |= record;
    x->uses_headers |= head;
}

static void compile_paging(flow_compile_t *c, http_export_t *x)
{
    const char *method = flow_compile_string(c, "http.paging.method");
    const char *next_uri = flow_compile_string(c, "http.paging.relativeURI");
    const char *next_body = flow_compile_string(c, "http.paging.body");

    if (!method) {
        return;
    }
    x->paging = paging_of(method);
    x->first_page = flow_compile_int(c, "http.paging.page");
    x->first_skip = flow_compile_int(c, "http.paging.skip");
    x->first_token = flow_compile_string(c, "http.paging.token");
    if (x->paging == HTTP_PAGING_TOKEN || x->paging == HTTP_PAGING_URL) {
        x->next = place(c, "http.paging.path");
        x->later = place(c, "http.paging.pathAfterFirstRequest");
    }
    x->link_relation = flow_compile_string(c, "http.paging.linkHeaderRelation");
    x->last_status = (int)flow_compile_int(c, "http.paging.lastPageStatusCode");
    x->next_uri =
        flow_compile_template(c, "http.paging.relativeURI", FLOW_ESCAPE_URI);
    x->next_body = flow_conn_http_compile_body(c, "http.paging.body", next_body,
                                               x->step.request_media);
    x->next_resource_path = flow_compile_path(c, "http.paging.resourcePath");
    x->last_path = flow_compile_path(c, "http.paging.lastPagePath");
    x->last_values = flow_compile_get(c, "http.paging.lastPageValues");
    x->max_page_path = flow_compile_path(c, "http.paging.maxPagePath");
    x->max_count_path = flow_compile_path(c, "http.paging.maxCountPath");
    find_uses(x,
              next_uri ? next_uri : flow_compile_string(c, "http.relativeURI"));
    find_uses(x, next_body ? next_body : flow_compile_string(c, "http.body"));
    check_paging(c, x, method);
}

static void compile_blob(flow_compile_t *c, http_export_t *x)
{
    const char *type = flow_compile_string(c, "type");
    const char *kind = flow_compile_string(c, "http.type");

    x->is_blob = (type && strcmp(type, "blob") == 0) ||
                 (kind && strcmp(kind, "blob") == 0);
    x->step.is_raw = x->is_blob && !x->step.resource_path;
    x->blob_coding = flow_conn_http_coding(
        flow_compile_string(c, "http.response.blobFormat"));
    if (x->is_blob && flow_compile_get(c, "http.paging")) {
        flow_compile_problem(c, "http.paging",
                             "a blob is one answer; there are no pages");
    }
}

void flow_conn_http_compile_export(flow_compile_t *c, const json_t *doc,
                                   const flow_connection_t *connection,
                                   void **pdata)
{
    http_export_t *x = apr_pcalloc(flow_compile_pool(c), sizeof(*x));

    (void)doc;
    *pdata = x;
    flow_conn_http_compile_step(c, connection->data, &x->step);
    x->step.method = flow_compile_string(c, "http.method");
    x->step.uri = flow_compile_template(c, "http.relativeURI", FLOW_ESCAPE_URI);
    x->step.body = flow_conn_http_compile_body(
        c, "http.body", flow_compile_string(c, "http.body"),
        x->step.request_media);
    x->step.verdict = verdict(c, "http.response");
    x->step.resource_path = flow_compile_path(c, "http.response.resourcePath");
    x->step.id_path = flow_compile_path(c, "http.response.resourceIdPath");
    x->has_rows =
        flow_compile_get(c, "http.response.twoDArray") &&
        !flow_compile_bool(c, "http.response.twoDArray.doNotNormalize");
    x->has_header = flow_compile_bool(c, "http.response.twoDArray.hasHeader");
    compile_blob(c, x);
    x->async = flow_conn_http_compile_async(c);
    if (x->async && flow_compile_get(c, "http.paging")) {
        flow_compile_problem(c, "http.paging",
                             "the request of an async helper has no pages; its "
                             "'http.result' may have some");
    }
    compile_paging(c, x);
    flow_conn_http_compile_once(c, x);
    flow_conn_http_compile_file(c, x);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests and answers as values: headers as an object, events for the store,
 * and the two bodies that every answer of ours has.
 */
#include "flow/flow_request.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "base/flow_buf.h"
#include "base/flow_error.h"
#include "base/flow_http.h"
#include "base/flow_sign.h"
#include "data/flow_json.h"

#define ENVELOPE_MAX  (16 * 1024)
#define NAME_ON_STACK 64

/* ---- headers ---- */

/* RFC 9110: the characters of a token. */
static int is_token_char(unsigned char c)
{
    if (c <= ' ' || c >= 0x7F) {
        return 0;
    }
    return apr_isalnum(c) || strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

int flow_header_name_ok(const char *name)
{
    const unsigned char *s = (const unsigned char *)name;

    if (!*s) {
        return 0;
    }
    while (is_token_char(*s)) {
        ++s;
    }
    return !*s;
}

int flow_header_value_ok(const char *value, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len; ++i) {
        unsigned char c = (unsigned char)value[i];

        if ((c < ' ' && c != '\t') || c == 0x7F) {
            return 0;
        }
    }
    return 1;
}

static const char *lower_name(const char *name, char *space, apr_pool_t *p)
{
    apr_size_t len = strlen(name), i;
    char *out = len < NAME_ON_STACK ? space : apr_palloc(p, len + 1);

    for (i = 0; i <= len; ++i) {
        out[i] = (char)apr_tolower(name[i]);
    }
    return out;
}

static json_t *text_value(const char *text, apr_pool_t *p)
{
    apr_size_t len = strlen(text);
    const char *good = flow_utf8_repair(text, len, &len, p);

    return flow_json_string_new(good, len);
}

json_t *flow_request_headers_json(const flow_request_t *req)
{
    json_t *headers = json_object();
    const apr_array_header_t *rows;
    const apr_table_entry_t *row;
    char space[NAME_ON_STACK];
    int i;

    if (!req->headers) {
        return headers;
    }
    rows = apr_table_elts(req->headers);
    row = (const apr_table_entry_t *)(void *)rows->elts;
    for (i = 0; i < rows->nelts; ++i, ++row) {
        const char *name, *before, *value = row->val;

        if (!row->key || !value) {
            continue;
        }
        name = lower_name(row->key, space, rows->pool);
        if (!flow_utf8_is_valid(name, strlen(name))) {
            continue; /* no token, hence nobody's header */
        }
        before = flow_json_member(headers, name);
        if (before) {
            value = apr_pstrcat(rows->pool, before, ", ", value, NULL);
        }
        json_object_set_new_nocheck(headers, name,
                                    text_value(value, rows->pool));
    }
    return headers;
}

/* ---- events for the store ---- */

/* Whoever needed them has seen them before anything was stored. */
static const char *const credentials[] = { "authorization",
                                           "proxy-authorization", "cookie" };

static void set_text(json_t *object, const char *key, const char *text,
                     apr_pool_t *p)
{
    if (text) {
        json_object_set_new(object, key, text_value(text, p));
    }
}

json_t *flow_request_to_json(const flow_request_t *req, apr_pool_t *p)
{
    json_t *v = json_object(), *headers = flow_request_headers_json(req);
    apr_size_t i;

    for (i = 0; i < sizeof(credentials) / sizeof(credentials[0]); ++i) {
        json_object_del(headers, credentials[i]);
    }
    set_text(v, "method", req->method, p);
    set_text(v, "uri", req->uri, p);
    set_text(v, "query", req->query, p);
    json_object_set_new(v, "headers", headers);
    if (flow_utf8_is_valid(req->body, req->body_len)) {
        json_object_set_new(v, "body",
                            flow_json_string_new(req->body, req->body_len));
    }
    else {
        set_text(v, "body64", flow_base64(req->body, req->body_len, p), p);
    }
    return v;
}

static const char *copy_member(const json_t *v, const char *key, apr_pool_t *p)
{
    return apr_pstrdup(p, flow_json_member(v, key));
}

static apr_table_t *headers_from_json(const json_t *headers, apr_pool_t *p)
{
    apr_table_t *table = apr_table_make(p, 16);
    const char *name;
    json_t *value;

    /* jansson's iteration does not change the object */
    json_object_foreach((json_t *)headers, name, value)
    {
        const char *text = flow_json_string(value, NULL);

        if (text) {
            apr_table_set(table, name, text);
        }
    }
    return table;
}

flow_request_t *flow_request_from_json(const json_t *v, apr_pool_t *p)
{
    flow_request_t *req = apr_pcalloc(p, sizeof(*req));
    const char *text;
    char *bytes;
    apr_size_t len;

    req->method = copy_member(v, "method", p);
    req->uri = copy_member(v, "uri", p);
    req->query = copy_member(v, "query", p);
    req->path_info = "";
    req->headers = headers_from_json(json_object_get(v, "headers"), p);
    req->body = "";
    if (!req->method) {
        req->method = "POST";
    }
    if (!req->uri) {
        req->uri = "";
    }
    text = flow_json_string(json_object_get(v, "body"), &len);
    if (text) {
        req->body = apr_pstrmemdup(p, text, len);
        req->body_len = len;
        return req;
    }
    text = flow_json_member(v, "body64");
    if (text && flow_base64_decode(&bytes, &len, text, p) == APR_SUCCESS) {
        req->body = bytes;
        req->body_len = len;
    }
    return req;
}

/* ---- answers ---- */

static void set_body(flow_answer_t *answer, int status, const char *body,
                     apr_size_t len)
{
    answer->status = status;
    answer->content_type = "application/json";
    answer->body = body;
    answer->body_len = len;
}

static void add_member(flow_buf_t *b, const char *name, const char *text)
{
    flow_buf_adds(b, name);
    flow_json_write_string(b, text, strlen(text));
}

/* Where the store is and why it does not answer is the log's business, and so
 * is where far ends are. */
static const char *message_for_callers(const flow_error_t *err, apr_pool_t *p)
{
    if (strcmp(err->code, "store_unavailable") == 0 ||
        strcmp(err->code, "store_full") == 0) {
        return "nothing can be stored at the moment; try again later";
    }
    return flow_http_hide_places(err->message, p);
}

void flow_answer_error(flow_answer_t *answer, int status,
                       const struct flow_error_t *err, const char *source,
                       apr_pool_t *p)
{
    flow_buf_t b;
    apr_size_t len;
    char *text;

    flow_buf_init(&b, ENVELOPE_MAX);
    add_member(&b,
               "{\"errors\":[{\"code\":", err->code[0] ? err->code : "error");
    add_member(&b, ",\"message\":", message_for_callers(err, p));
    if (!source) {
        source = err->kind == FLOW_E_INPUT ? "request" : "internal";
    }
    add_member(&b, ",\"source\":", source);
    flow_buf_adds(&b, "}]}");
    text = flow_buf_steal(&b, &len, p);
    set_body(answer, status ? status : flow_error_http_status(err), text, len);
}

void flow_answer_json(flow_answer_t *answer, int status, const json_t *v,
                      apr_pool_t *p)
{
    apr_size_t len = 0;
    const char *text = flow_json_text(v, &len, p);

    set_body(answer, status, text ? text : "", text ? len : 0);
}

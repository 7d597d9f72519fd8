/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading: one request is one page. The cursor holds what the next request
 * needs, so that another process can go on with it:
 * {pages, records, url, seen, body, previous_page}.
 */
#include "connectors/flow_conn_http.h"

#include "base/flow_sign.h"

#include <apr_strings.h>

#include <string.h>

#define PAGES_MAX  10000
#define SEEN_MAX   32 /* requests that must not come again */
#define DIGEST_LEN 16 /* hex digits kept of a digest */

typedef struct turn_t {
    const flow_export_t *exp;
    const http_export_t *x;
    const flow_call_t *call;
    const json_t *cursor;
    apr_int64_t pages, records; /* done before this one */
    json_t *context;
    http_send_t send;
    http_answer_t answer;
    const char *request_digest, *body_digest;
    apr_pool_t *p;
} turn_t;

/* ---- the context ---- */

/* A lookup sees its record's fields at the top level, too. */
static void add_input(turn_t *t, const json_t *input)
{
    const json_t *record = input;
    const char *key;
    json_t *v;

    if (!input) {
        return;
    }
    if (flow_json_is(input, ARRAY)) {
        record = json_array_get(input, 0);
    }
    json_object_set(t->context, "data", (json_t *)input);
    if (record) {
        json_object_set(t->context, "record", (json_t *)record);
    }
    if (!t->exp->is_lookup || !flow_json_is(record, OBJECT)) {
        return;
    }
    json_object_foreach((json_t *)record, key, v)
    {
        if (!json_object_get(t->context, key)) {
            json_object_set(t->context, key, v);
        }
    }
}

static json_t *copy_member(json_t *object, const char *key)
{
    json_t *old = json_object_get(object, key);
    json_t *copy = flow_json_is(old, OBJECT) ? json_copy(old) : json_object();

    json_object_set_new(object, key, copy);
    return copy;
}

/* export.http.paging.page, in copies all the way down. */
static void add_page_number(turn_t *t)
{
    json_t *at = copy_member(t->context, "export");

    at = copy_member(copy_member(at, "http"), "paging");
    json_object_set_new(at, "page", json_integer(t->x->first_page + t->pages));
}

static void make_context(turn_t *t, const json_t *input)
{
    json_t *previous = json_object_get(t->cursor, "previous_page");

    t->context = flow_conn_http_context(t->call, t->p);
    add_input(t, input);
    if (t->x->paging == HTTP_PAGING_PAGE) {
        add_page_number(t);
    }
    if (previous) {
        json_object_set(t->context, "previous_page", previous);
    }
}

/* ---- guards against going round in circles ---- */

static const char *digest(turn_t *t, const char *a, const char *b,
                          apr_size_t blen)
{
    unsigned char raw[FLOW_DIGEST_MAX];
    apr_size_t len = 0, alen = strlen(a);
    char *text = apr_palloc(t->p, alen + 1 + blen);

    memcpy(text, a, alen);
    text[alen] = '\n';
    if (blen) {
        memcpy(text + alen + 1, b, blen);
    }
    if (flow_digest(FLOW_DIGEST_SHA256, text, alen + 1 + blen, raw, &len) !=
        APR_SUCCESS) {
        return "";
    }
    return apr_pstrmemdup(t->p, flow_hex(raw, len, t->p), DIGEST_LEN);
}

static apr_status_t loop_error(turn_t *t, const char *what, flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_CONFIG, APR_EGENERAL, "paging_loop",
                          "paging does not advance: page %" APR_INT64_T_FMT
                          " %s; look at 'http.paging'",
                          t->pages + 1, what);
}

static apr_status_t check_request(turn_t *t, flow_error_t *err)
{
    const json_t *seen = json_object_get(t->cursor, "seen");
    const char *url;
    apr_status_t rv;
    size_t i;

    if (t->x->paging == HTTP_PAGING_NONE) {
        return APR_SUCCESS;
    }
    if (t->pages >= PAGES_MAX) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EGENERAL,
                              "paging_endless",
                              "paging has not ended after %d pages", PAGES_MAX);
    }
    rv = flow_conn_http_url_of(&t->send, &url, t->p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    t->request_digest = digest(t, url, t->send.body, t->send.body_len);
    for (i = 0; i < json_array_size(seen); ++i) {
        const char *old = flow_json_string(json_array_get(seen, i), NULL);

        if (old && strcmp(old, t->request_digest) == 0) {
            return loop_error(t, "would be the same request again", err);
        }
    }
    return APR_SUCCESS;
}

static apr_status_t check_body(turn_t *t, flow_error_t *err)
{
    const char *old = flow_json_member(t->cursor, "body");

    t->body_digest = digest(t, "", t->answer.body, t->answer.body_len);
    return old && strcmp(old, t->body_digest) == 0
               ? loop_error(t, "is the same as the one before", err)
               : APR_SUCCESS;
}

/* ---- is there another page? ---- */

static int is_last_status(const turn_t *t)
{
    if (t->x->paging == HTTP_PAGING_NONE) {
        return 0;
    }
    /* Without a setting, 404 ends paging, but on the first page it is what it
     * always is. */
    return t->x->last_status ? t->answer.status == t->x->last_status
                             : t->answer.status == 404 && t->pages > 0;
}

static int number_at(const flow_path_t *path, const json_t *value,
                     apr_int64_t *pn, apr_pool_t *p)
{
    json_t *v = path && value ? flow_path_get(path, value) : NULL;
    apr_size_t len = 0;
    const char *text = v ? flow_json_to_text(v, &len, p) : "";
    json_t *n = flow_json_number_new(text, len);
    int ok = n && flow_json_int64(n, pn);

    json_decref(n);
    json_decref(v);
    return ok;
}

/* The target of the next link, absolute, or NULL. */
static const char *next_link(const turn_t *t)
{
    const apr_array_header_t *list = apr_table_elts(t->answer.headers);
    const apr_table_entry_t *e = (const apr_table_entry_t *)list->elts;
    const char *target;
    int i;

    for (i = 0; i < list->nelts; ++i) {
        if (strcasecmp(e[i].key, "Link") == 0) {
            target = flow_conn_http_link(e[i].val, t->x->link_relation, t->p);
            if (target) {
                return flow_conn_http_resolve(t->answer.url, target, t->p);
            }
        }
    }
    return NULL;
}

static int is_last_page(turn_t *t, size_t nrecords)
{
    const http_export_t *x = t->x;
    apr_int64_t n;

    if (x->paging == HTTP_PAGING_NONE || nrecords == 0) {
        return 1;
    }
    if (x->last_path && flow_conn_http_matches(x->last_path, t->answer.value,
                                               x->last_values, 1, t->p)) {
        return 1;
    }
    if (number_at(x->max_page_path, t->answer.value, &n, t->p)) {
        return t->pages + 1 >= n;
    }
    if (number_at(x->max_count_path, t->answer.value, &n, t->p)) {
        return t->records + (apr_int64_t)nrecords >= n;
    }
    return 0;
}

/* ---- the next cursor ---- */

static void set_string(json_t *object, const char *key, const char *text)
{
    json_object_set_new(object, key, flow_json_string_new(text, strlen(text)));
}

static void add_seen(turn_t *t, json_t *cursor)
{
    const json_t *old = json_object_get(t->cursor, "seen");
    size_t n = json_array_size(old), i = n >= SEEN_MAX ? n - SEEN_MAX + 1 : 0;
    json_t *seen = json_array();

    for (; i < n; ++i) {
        json_array_append(seen, json_array_get(old, i));
    }
    json_array_append_new(
        seen,
        flow_json_string_new(t->request_digest, strlen(t->request_digest)));
    json_object_set_new(cursor, "seen", seen);
}

static void add_previous(turn_t *t, json_t *cursor, const json_t *records)
{
    const http_export_t *x = t->x;
    json_t *previous = json_object();
    size_t n = json_array_size(records);

    if (x->uses_response && t->answer.value) {
        json_object_set(previous, "full_response", (json_t *)t->answer.value);
    }
    if (x->uses_record && n > 0) {
        json_object_set(previous, "last_record",
                        json_array_get(records, n - 1));
    }
    if (x->uses_headers) {
        json_object_set_new(previous, "headers",
                            flow_conn_http_headers_json(t->answer.headers));
    }
    json_object_set_new(cursor, "previous_page", previous);
}

static json_t *next_cursor(turn_t *t, const json_t *records)
{
    const char *url = NULL;
    json_t *cursor;

    if (t->x->paging == HTTP_PAGING_LINK) {
        url = next_link(t);
        if (!url) {
            return NULL;
        }
    }
    cursor = json_object();
    json_object_set_new(cursor, "pages", json_integer(t->pages + 1));
    json_object_set_new(
        cursor, "records",
        json_integer(t->records + (apr_int64_t)json_array_size(records)));
    if (url && flow_utf8_is_valid(url, strlen(url))) {
        set_string(cursor, "url", url);
    }
    set_string(cursor, "body", t->body_digest);
    add_seen(t, cursor);
    if (t->x->uses_response || t->x->uses_record || t->x->uses_headers) {
        add_previous(t, cursor, records);
    }
    return cursor;
}

/* ---- one page ---- */

static void read_cursor(turn_t *t)
{
    if (!flow_json_int64(json_object_get(t->cursor, "pages"), &t->pages)) {
        t->pages = 0;
    }
    if (!flow_json_int64(json_object_get(t->cursor, "records"), &t->records)) {
        t->records = 0;
    }
}

static apr_status_t request_page(turn_t *t, flow_error_t *err)
{
    const flow_template_t *body = t->x->step.body;
    apr_status_t rv;

    t->send.connection = t->exp->connection;
    t->send.step = &t->x->step;
    t->send.context = t->context;
    if (t->pages > 0) {
        t->send.url = flow_json_member(t->cursor, "url");
        t->send.uri = t->x->next_uri;
        body = t->x->next_body ? t->x->next_body : body;
    }
    rv = flow_conn_http_body(body, t->context, &t->send.body, &t->send.body_len,
                             t->p, err);
    if (rv == APR_SUCCESS) {
        rv = check_request(t, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_conn_http_send(&t->send, t->call, &t->answer, t->p, err);
    }
    return rv;
}

apr_status_t flow_conn_http_export_page(const flow_export_t *exp,
                                        const flow_call_t *call,
                                        const json_t *input,
                                        const json_t *cursor, flow_page_t *page,
                                        apr_pool_t *p, flow_error_t *err)
{
    turn_t t = { exp, exp->data, call, cursor };
    const flow_path_t *path;
    apr_status_t rv;
    json_t *records;

    page->records = NULL;
    page->cursor = NULL;
    t.p = p;
    read_cursor(&t);
    make_context(&t, input);
    rv = request_page(&t, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (call->dry_run || is_last_status(&t)) {
        page->records = json_array();
        return APR_SUCCESS;
    }
    rv = flow_conn_http_judge(&t.answer, &t.x->step.verdict,
                              exp->connection->secrets, p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    path = t.pages > 0 && t.x->next_resource_path ? t.x->next_resource_path
                                                  : t.x->step.resource_path;
    records = flow_conn_http_records(t.answer.value, path);
    if (!is_last_page(&t, json_array_size(records))) {
        rv = check_body(&t, err);
        if (rv != APR_SUCCESS) {
            json_decref(records);
            return rv;
        }
        page->cursor = next_cursor(&t, records);
    }
    page->records = records;
    return APR_SUCCESS;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paging: which request comes next, and is there one at all. The cursor holds
 * what the next request needs, so that another process can go on with it:
 * {pages, records, began, url, token, seen, body, same, previous_page}.
 */
#include "connectors/flow_conn_http.h"

#include "base/flow_sign.h"

#include <apr_strings.h>

#include <string.h>

#define SEEN_MAX   32 /* requests that must not come again */
#define DIGEST_LEN 16 /* hex digits kept of a digest */
#define TOKEN_MAX  65536

/* ---- the cursor and the context ---- */

void flow_conn_http_paging_read(http_turn_t *t)
{
    apr_int64_t began;

    if (!flow_json_int64(json_object_get(t->cursor, "pages"), &t->pages)) {
        t->pages = 0;
    }
    if (!flow_json_int64(json_object_get(t->cursor, "records"), &t->records)) {
        t->records = 0;
    }
    t->began = flow_json_int64(json_object_get(t->cursor, "began"), &began)
                   ? apr_time_from_sec(began)
                   : apr_time_now();
    if (t->x->paging == HTTP_PAGING_TOKEN) {
        t->token = t->pages > 0 ? flow_json_member(t->cursor, "token")
                                : t->x->first_token;
    }
}

json_t *flow_conn_http_copy_member(json_t *object, const char *key)
{
    json_t *old = json_object_get(object, key);
    json_t *copy = flow_json_is(old, OBJECT) ? json_copy(old) : json_object();

    json_object_set_new(object, key, copy);
    return copy;
}

void flow_conn_http_paging_context(http_turn_t *t)
{
    json_t *previous = json_object_get(t->cursor, "previous_page"), *at;

    if (previous) {
        json_object_set(t->context, "previous_page", previous);
    }
    if (t->x->paging != HTTP_PAGING_PAGE && t->x->paging != HTTP_PAGING_SKIP &&
        t->x->paging != HTTP_PAGING_TOKEN) {
        return;
    }
    /* In copies all the way down: the documents are everybody's. */
    at = flow_conn_http_copy_member(t->context, "export");
    at = flow_conn_http_copy_member(at, "http");
    at = flow_conn_http_copy_member(at, "paging");
    if (t->x->paging == HTTP_PAGING_PAGE) {
        json_object_set_new(at, "page",
                            json_integer(t->x->first_page + t->pages));
    }
    else if (t->x->paging == HTTP_PAGING_SKIP) {
        json_object_set_new(at, "skip",
                            json_integer(t->x->first_skip + t->records));
    }
    else {
        const char *token = t->token ? t->token : "";

        json_object_set_new(at, "token",
                            flow_json_string_new(token, strlen(token)));
    }
}

/* ---- guards against going round in circles ---- */

static const char *digest(http_turn_t *t, const char *a, const char *b,
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

static apr_status_t loop_error(http_turn_t *t, const char *code,
                               const char *what, flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_CONFIG, APR_EGENERAL, code,
                          "paging does not advance: page %" APR_INT64_T_FMT
                          " %s; look at 'http.paging'",
                          t->pages + 1, what);
}

static apr_status_t check_limits(http_turn_t *t, flow_error_t *err)
{
    const char *code = NULL, *what = NULL;

    if (t->pages >= HTTP_PAGES_MAX) {
        code = "paging_pages";
        what = apr_psprintf(t->p, "%d pages", HTTP_PAGES_MAX);
    }
    else if (t->records >= HTTP_RECORDS_MAX) {
        code = "paging_records";
        what = apr_psprintf(t->p, "%d records", HTTP_RECORDS_MAX);
    }
    else if (apr_time_now() - t->began > HTTP_PAGING_MAX) {
        code = "paging_time";
        what = apr_psprintf(t->p, "%d hours",
                            (int)(apr_time_sec(HTTP_PAGING_MAX) / 3600));
    }
    return code ? flow_error_set(err, FLOW_E_CONFIG, APR_EGENERAL, code,
                                 "paging has not ended after %s", what)
                : APR_SUCCESS;
}

apr_status_t flow_conn_http_paging_check(http_turn_t *t, flow_error_t *err)
{
    const json_t *seen = json_object_get(t->cursor, "seen");
    const char *url;
    apr_status_t rv;
    size_t i;

    if (t->x->paging == HTTP_PAGING_NONE) {
        return APR_SUCCESS;
    }
    rv = check_limits(t, err);
    if (rv == APR_SUCCESS) {
        rv = flow_conn_http_url_of(&t->send, &url, t->p, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_conn_http_render_body(&t->send, url, t->p, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    t->request_digest = digest(t, url, t->send.body, t->send.body_len);
    for (i = 0; i < json_array_size(seen); ++i) {
        const char *old = flow_json_string(json_array_get(seen, i), NULL);

        if (old && strcmp(old, t->request_digest) == 0) {
            return loop_error(t, "paging_same_request",
                              "would be the same request again", err);
        }
    }
    return APR_SUCCESS;
}

/* Do the records have ids? Then two pages with the same ones are one page. */
static int have_ids(const http_turn_t *t, const json_t *records)
{
    const json_t *first = json_array_get(records, 0);
    json_t *id;
    int is_there;

    if (t->x->step.id_path) {
        id = flow_path_get(t->x->step.id_path, first);
    }
    else {
        id = json_object_get(first, "id");
        id = json_incref(id ? id : json_object_get(first, "_id"));
    }
    is_there = id && flow_json_type(id) != FLOW_JSON_NULL;
    json_decref(id);
    return is_there;
}

/* The same records again, whatever is written around them: a far end that does
 * not look at what we ask for, or that shows its last page for ever. Records
 * without ids may well be equal (readings, flags), so of them it takes a row of
 * equal pages. */
static apr_status_t check_page(http_turn_t *t, const json_t *records,
                               flow_error_t *err)
{
    const char *old = flow_json_member(t->cursor, "body");
    apr_size_t len = 0;
    const char *text = flow_json_text(records, &len, t->p);

    t->body_digest = digest(t, "", text ? text : "", text ? len : 0);
    t->same = 0;
    if (!old || strcmp(old, t->body_digest) != 0) {
        return APR_SUCCESS;
    }
    if (!flow_json_int64(json_object_get(t->cursor, "same"), &t->same)) {
        t->same = 0;
    }
    ++t->same;
    if (have_ids(t, records)) {
        return loop_error(t, "paging_same_page",
                          "has the same records as the one before", err);
    }
    return t->same >= HTTP_SAME_MAX
               ? loop_error(t, "paging_same_page",
                            "is one of many with the same records", err)
               : APR_SUCCESS;
}

/* ---- is there another page? ---- */

int flow_conn_http_paging_ended(const http_turn_t *t)
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

static int is_last_page(http_turn_t *t, size_t nrecords)
{
    const http_export_t *x = t->x;
    apr_int64_t n;

    if (x->last_path && flow_conn_http_matches(x->last_path, t->answer.value,
                                               x->last_values, 1, t->p)) {
        return 1;
    }
    if (number_at(x->max_page_path, t->answer.value, &n, t->p)) {
        return nrecords == 0 || t->pages + 1 >= n;
    }
    if (number_at(x->max_count_path, t->answer.value, &n, t->p)) {
        return nrecords == 0 || t->records + (apr_int64_t)nrecords >= n;
    }
    return nrecords == 0;
}

/* The target of the next link, absolute, or NULL. */
static const char *next_link(const http_turn_t *t)
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

/* The token or address that the answer names; NULL when it names none. */
static const char *next_text(const http_turn_t *t)
{
    const http_place_t *place = &t->x->next;
    const char *text = NULL;
    apr_size_t len = 0;
    json_t *v;

    if (t->pages > 0 && (t->x->later.path || t->x->later.header)) {
        place = &t->x->later;
    }
    if (place->header) {
        text = flow_conn_http_header(&t->answer, place->header);
        return text && text[0] && flow_utf8_is_valid(text, strlen(text)) ? text
                                                                         : NULL;
    }
    v = place->path && t->answer.value
            ? flow_path_get(place->path, t->answer.value)
            : NULL;
    if (v && !flow_json_is(v, BOOL)) {
        text = flow_json_to_text(v, &len, t->p);
        text = len > 0 && len <= TOKEN_MAX ? apr_pstrmemdup(t->p, text, len)
                                           : NULL;
    }
    json_decref(v);
    return text;
}

/* ---- the next cursor ---- */

static void set_string(json_t *object, const char *key, const char *text)
{
    json_object_set_new(object, key, flow_json_string_new(text, strlen(text)));
}

static void add_seen(http_turn_t *t, json_t *cursor)
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

static void add_previous(http_turn_t *t, json_t *cursor, const json_t *records)
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

static json_t *make_cursor(http_turn_t *t, const json_t *records,
                           const char *url, const char *token)
{
    json_t *cursor = json_object();

    json_object_set_new(cursor, "pages", json_integer(t->pages + 1));
    json_object_set_new(
        cursor, "records",
        json_integer(t->records + (apr_int64_t)json_array_size(records)));
    json_object_set_new(cursor, "began", json_integer(apr_time_sec(t->began)));
    if (url) {
        set_string(cursor, "url", url);
    }
    if (token) {
        set_string(cursor, "token", token);
    }
    set_string(cursor, "body", t->body_digest);
    if (t->same > 0) {
        json_object_set_new(cursor, "same", json_integer(t->same));
    }
    add_seen(t, cursor);
    if (t->x->uses_response || t->x->uses_record || t->x->uses_headers) {
        add_previous(t, cursor, records);
    }
    return cursor;
}

apr_status_t flow_conn_http_paging_next(http_turn_t *t, const json_t *records,
                                        json_t **pcursor, flow_error_t *err)
{
    const char *url = NULL, *token = NULL;
    apr_status_t rv;

    *pcursor = NULL;
    if (t->x->paging == HTTP_PAGING_NONE ||
        is_last_page(t, json_array_size(records))) {
        return APR_SUCCESS;
    }
    if (t->x->paging == HTTP_PAGING_LINK || t->x->paging == HTTP_PAGING_URL) {
        url = t->x->paging == HTTP_PAGING_LINK ? next_link(t) : next_text(t);
        if (!url || !flow_utf8_is_valid(url, strlen(url))) {
            return APR_SUCCESS;
        }
        url = flow_conn_http_resolve(t->answer.url, url, t->p);
    }
    if (t->x->paging == HTTP_PAGING_TOKEN) {
        token = next_text(t);
        if (!token) {
            return APR_SUCCESS;
        }
        if (t->token && strcmp(t->token, token) == 0) {
            return loop_error(t, "paging_same_token",
                              "names the token it was asked for with", err);
        }
    }
    rv = check_page(t, records, err);
    if (rv == APR_SUCCESS) {
        *pcursor = make_cursor(t, records, url, token);
    }
    return rv;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON lines of which one was wrong: from there on every line stands for
 * itself, so that the next one is found whatever the wrong one looks like.
 */
#include "data/flow_format_private.h"

#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_json_private.h"
#include "data/flow_text_private.h"

struct flow_json_lines_t {
    flow_record_fn *record_fn;
    void *baton;
    flow_bad_record_fn *bad_fn;
    void *bad_baton;
    int line;
    apr_uint64_t at; /* of the line's first byte */
    int is_cut;      /* the last line has no end */
    int is_too_long;
    apr_uint64_t skipped;        /* bytes of a line that is too long */
    flow_buf_t text;             /* of a line that is not complete yet */
    const flow_error_t *or_else; /* of the first line, or NULL */
    flow_error_t err;
};

static int is_failed(const flow_json_lines_t *l)
{
    return l->err.kind != FLOW_E_NONE;
}

static void stopped(flow_json_lines_t *l, apr_status_t rv)
{
    if (rv != APR_SUCCESS) {
        /* when the callback did not say why */
        flow_error_set(&l->err, FLOW_E_INTERNAL, rv, "json_stopped",
                       "the reader of the records stopped");
    }
}

static void tell(flow_json_lines_t *l, apr_size_t at, const char *why)
{
    flow_error_t told = FLOW_ERROR_INIT;

    flow_error_set(&told, FLOW_E_INPUT, APR_EINVAL, "invalid_json",
                   "invalid JSON at line %d, byte %" APR_UINT64_T_FMT ": %s",
                   l->line, l->at + at + 1, why);
    if (l->is_cut) {
        /* the text breaks off: who knows what else is missing */
        l->err = told;
        return;
    }
    stopped(l, l->bad_fn(l->bad_baton, &told, &l->err));
}

static int is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void take_line(flow_json_lines_t *l, const char *s, apr_size_t len)
{
    apr_size_t from = 0, used = 0;
    const char *why = NULL;
    json_t *v;

    while (from < len && is_space(s[from])) {
        ++from;
    }
    while (len > from && is_space(s[len - 1])) {
        --len;
    }
    if (from == len) {
        return;
    }
    if (l->or_else &&
        (len - from < 2 || (s[len - 1] != '}' && s[len - 1] != ']'))) {
        l->err = *l->or_else;
        return;
    }
    l->or_else = NULL;
    v = flow_json_parse_prefix(s + from, len - from, &used, &why);
    if (!v) {
        tell(l, from + used, why);
    }
    else if (from + used < len) {
        json_decref(v);
        while (is_space(s[from + used])) {
            ++used;
        }
        tell(l, from + used, "something follows the value on its line");
    }
    else if (!json_is_object(v) && !json_is_array(v)) {
        json_decref(v);
        tell(l, from, "a line must be an object or an array");
    }
    else {
        stopped(l, l->record_fn(l->baton, v, &l->err));
    }
}

static void end_line(flow_json_lines_t *l, const char *s, apr_size_t len)
{
    if (l->is_too_long) {
        tell(l, 0, "the line is longer than 16 MB");
        l->at += l->skipped;
    }
    else {
        take_line(l, s, len);
    }
    l->at += len + 1;
    ++l->line;
    l->is_too_long = 0;
    l->skipped = 0;
    flow_buf_clear(&l->text);
}

static void keep(flow_json_lines_t *l, const char *s, apr_size_t len)
{
    if (!l->is_too_long && l->text.len + len <= FLOW_FORMAT_RECORD_MAX) {
        if (flow_buf_add(&l->text, s, len) != APR_SUCCESS) {
            flow_text_no_memory(&l->err);
        }
        return;
    }
    l->skipped += l->text.len + len;
    l->is_too_long = 1;
    flow_buf_clear(&l->text);
}

static apr_status_t status_of(const flow_json_lines_t *l, flow_error_t *err)
{
    return is_failed(l) ? flow_error_set(err, l->err.kind, l->err.status,
                                         l->err.code, "%s", l->err.message)
                        : APR_SUCCESS;
}

apr_status_t flow_json_lines_feed(flow_json_lines_t *l, const char *data,
                                  apr_size_t len, flow_error_t *err)
{
    while (len > 0 && !is_failed(l)) {
        const char *end = memchr(data, '\n', len);
        apr_size_t n = end ? (apr_size_t)(end - data) : len;

        if (end && l->text.len == 0 && !l->is_too_long) {
            end_line(l, data, n);
        }
        else {
            keep(l, data, n);
            if (end && !is_failed(l)) {
                end_line(l, l->text.data, l->text.len);
            }
        }
        n += end != NULL;
        data += n;
        len -= n;
    }
    return status_of(l, err);
}

apr_status_t flow_json_lines_finish(flow_json_lines_t *l, flow_error_t *err)
{
    if (!is_failed(l) && (l->text.len > 0 || l->is_too_long)) {
        l->is_cut = 1;
        end_line(l, l->text.data, l->text.len);
    }
    return status_of(l, err);
}

void flow_json_lines_at(flow_json_lines_t *l, int line, apr_uint64_t at)
{
    l->line = line;
    l->at = at;
}

static apr_status_t release(void *data)
{
    flow_json_lines_t *l = data;

    flow_buf_release(&l->text);
    return APR_SUCCESS;
}

flow_json_lines_t *flow_json_lines_create(flow_record_fn *record, void *baton,
                                          flow_bad_record_fn *bad,
                                          void *bad_baton,
                                          const flow_error_t *or_else,
                                          apr_pool_t *p)
{
    flow_json_lines_t *l = apr_pcalloc(p, sizeof(*l));

    l->record_fn = record;
    l->baton = baton;
    l->bad_fn = bad;
    l->bad_baton = bad_baton;
    if (or_else) {
        l->or_else = apr_pmemdup(p, or_else, sizeof(*or_else));
    }
    flow_buf_init(&l->text, FLOW_FORMAT_RECORD_MAX);
    apr_pool_cleanup_register(p, l, release, apr_pool_cleanup_null);
    return l;
}

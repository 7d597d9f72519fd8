/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_record.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_value.h"
#include "flow/flow_connector.h"

#define TRACE_TEXT_MAX (64 * 1024)

/* ---- small things with json_t ---- */

json_t *flow_record_ref(const json_t *value)
{
    /* counting references does not change the value */
    return json_incref((json_t *)value);
}

json_t *flow_record_text(const char *s)
{
    return flow_json_string_new(s, strlen(s));
}

void flow_record_set_text(json_t *object, const char *key, const char *s)
{
    if (s) {
        json_object_set_new_nocheck(object, key, flow_record_text(s));
    }
}

void flow_record_share(json_t *object, const char *key, const json_t *value)
{
    if (value) {
        json_object_set_new_nocheck(object, key, flow_record_ref(value));
    }
}

const char *flow_record_time(apr_time_t t, apr_pool_t *p)
{
    apr_time_exp_t x;

    apr_time_exp_gmt(&x, t);
    return apr_psprintf(p, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                        x.tm_year + 1900, x.tm_mon + 1, x.tm_mday, x.tm_hour,
                        x.tm_min, x.tm_sec, x.tm_usec / 1000);
}

/* ---- errors ---- */

/* An HTTP status is an answer, whatever it says about trying again. */
static int is_status(const char *code)
{
    return strlen(code) == 3 && apr_isdigit(code[0]) && apr_isdigit(code[1]) &&
           apr_isdigit(code[2]);
}

const char *flow_error_source(const flow_error_t *err)
{
    if (is_status(err->code)) {
        /* 401: it did not let us in */
        return strcmp(err->code, "401") == 0 ? FLOW_SOURCE_CONNECTION
                                             : FLOW_SOURCE_APPLICATION;
    }
    switch (err->kind) {
    case FLOW_E_REFUSED:
    case FLOW_E_INPUT:
        return FLOW_SOURCE_APPLICATION;
    case FLOW_E_UNAVAILABLE:
        return FLOW_SOURCE_CONNECTION;
    case FLOW_E_CONFIG:
        return strcmp(err->code, "cannot_import") == 0 ||
                       strcmp(err->code, "cannot_export") == 0
                   ? FLOW_SOURCE_RESOURCE
                   : FLOW_SOURCE_CONNECTION;
    case FLOW_E_SCRIPT:
        return FLOW_SOURCE_SCRIPT;
    case FLOW_E_NONE:
    case FLOW_E_INTERNAL:
        return FLOW_SOURCE_INTERNAL;
    }
    return FLOW_SOURCE_INTERNAL;
}

json_t *flow_record_error(const char *code, const char *message,
                          const char *source)
{
    json_t *error = json_object();

    flow_record_set_text(error, "code", code);
    flow_record_set_text(error, "message", message);
    flow_record_set_text(error, "source", source);
    return error;
}

json_t *flow_record_error_from(const flow_error_t *err, const char *source)
{
    return flow_record_error(err->code[0] ? err->code : "error", err->message,
                             source);
}

/* Scripts write numbers as codes and whole objects as messages. */
static void set_as_text(json_t *error, const char *key, const json_t *value,
                        const char *otherwise, apr_pool_t *scratch)
{
    apr_size_t len = 0;
    const char *text = flow_json_to_text(value, &len, scratch);

    if (!text || !len) {
        text = otherwise;
        len = strlen(otherwise);
    }
    json_object_set_new(error, key, flow_json_string_new(text, len));
}

json_t *flow_record_error_normal(const json_t *element, const char *source,
                                 apr_pool_t *scratch)
{
    const json_t *code = json_object_get(element, "code");
    const json_t *message = json_object_get(element, "message");
    const json_t *from = json_object_get(element, "source");
    json_t *error = json_object();

    if (!json_is_object(element)) {
        message = element;
    }
    set_as_text(error, "code", code, "error", scratch);
    set_as_text(error, "message", message, "no message was given", scratch);
    set_as_text(error, "source", from, source, scratch);
    return error;
}

json_t *flow_record_errors_normal(const json_t *errors, const char *source,
                                  apr_pool_t *scratch)
{
    json_t *normal = json_array();
    size_t i, n = json_array_size(errors);

    if (!json_is_array(errors)) {
        if (errors && !json_is_null(errors)) {
            json_array_append_new(
                normal, flow_record_error_normal(errors, source, scratch));
        }
        return normal;
    }
    for (i = 0; i < n; ++i) {
        json_array_append_new(
            normal, flow_record_error_normal(json_array_get(errors, i), source,
                                             scratch));
    }
    return normal;
}

void flow_page_add_error(flow_page_t *page, const flow_error_t *why,
                         const char *trace_key)
{
    json_t *error = flow_record_error_from(why, flow_error_source(why));

    if (trace_key) {
        json_object_set_new(error, "traceKey", flow_record_text(trace_key));
    }
    if (!page->errors) {
        page->errors = json_array();
    }
    json_array_append_new(page->errors, error);
}

/* ---- trace keys ---- */

/* The byte at which character @a n of a valid text begins. */
static apr_size_t char_offset(const char *s, apr_size_t len, apr_size_t n)
{
    apr_size_t i;

    for (i = 0; i < len && n; --n) {
        do {
            ++i;
        } while (i < len && ((unsigned char)s[i] & 0xC0) == 0x80);
    }
    return i;
}

static apr_size_t char_count(const char *s, apr_size_t len)
{
    apr_size_t i, n = 0;

    for (i = 0; i < len; ++i) {
        n += ((unsigned char)s[i] & 0xC0) != 0x80;
    }
    return n;
}

/* Both ends tell keys apart, so the middle goes. */
static const char *cut_middle(const char *s, apr_size_t len, apr_pool_t *p)
{
    const char *dots = "...";
    apr_size_t keep = FLOW_TRACE_KEY_MAX - 3, head, tail;
    apr_size_t chars = char_count(s, len);

    if (chars <= FLOW_TRACE_KEY_MAX) {
        return apr_pstrmemdup(p, s, len);
    }
    head = char_offset(s, len, keep / 2);
    tail = char_offset(s, len, chars - (keep - keep / 2));
    return apr_pstrcat(p, apr_pstrmemdup(p, s, head), dots,
                       apr_pstrmemdup(p, s + tail, len - tail), NULL);
}

static const char *render_key(const flow_template_t *tpl, const json_t *record,
                              apr_pool_t *p)
{
    json_t *context =
        json_is_object(record) ? flow_value_copy(record) : json_object();
    const char *text = NULL;
    apr_size_t len = 0;
    apr_status_t rv;

    flow_record_share(context, "record", record);
    rv = flow_template_text(tpl, context, TRACE_TEXT_MAX, &text, &len, p, NULL);
    json_decref(context);
    return rv == APR_SUCCESS && len ? cut_middle(text, len, p) : NULL;
}

const char *flow_record_link(const flow_template_t *tpl, const json_t *record,
                             const json_t *response, apr_pool_t *p)
{
    const char *text = NULL;
    apr_size_t len = 0;
    json_t *context;
    apr_status_t rv;

    if (!tpl) {
        return NULL;
    }
    context = json_is_object(record) ? flow_value_copy(record) : json_object();
    flow_record_share(context, "record", record);
    flow_record_share(context, "response", response);
    rv = flow_template_text(tpl, context, FLOW_LINK_MAX, &text, &len, p, NULL);
    json_decref(context);
    return rv == APR_SUCCESS && len ? text : NULL;
}

const char *flow_record_trace_key(const flow_template_t *tpl,
                                  const json_t *record, apr_pool_t *p)
{
    static const char *const names[] = { "id", "_id", "key", "name" };
    const char *key = tpl ? render_key(tpl, record, p) : NULL;
    const json_t *row =
        json_is_array(record) ? json_array_get(record, 0) : record;
    apr_size_t i;

    for (i = 0; !key && i < sizeof(names) / sizeof(names[0]); ++i) {
        const json_t *v = json_object_get(row, names[i]);

        if (flow_json_is(v, STRING) || flow_json_is(v, NUMBER)) {
            apr_size_t len = 0;
            const char *text = flow_json_to_text(v, &len, p);

            key = len ? cut_middle(text, len, p) : NULL;
        }
    }
    return key;
}

/* ---- sizes ---- */

static apr_size_t scalar_size(const json_t *v)
{
    char tmp[FLOW_JSON_NUMBER_MAX];
    apr_size_t len = 0;

    if (flow_json_string(v, &len)) {
        return len + 2;
    }
    if (flow_json_number_text(v, tmp, &len)) {
        return len;
    }
    return json_is_false(v) ? 5 : 4;
}

apr_size_t flow_record_size(const json_t *v, apr_size_t limit)
{
    apr_size_t size = 2;

    if (json_is_array(v)) {
        size_t i, n = json_array_size(v);

        for (i = 0; i < n && size <= limit; ++i) {
            size += 1 + flow_record_size(json_array_get(v, i), limit);
        }
        return size;
    }
    if (json_is_object(v)) {
        const char *key;
        json_t *member;

        json_object_foreach((json_t *)v, key, member)
        {
            size += strlen(key) + 4 + flow_record_size(member, limit);
            if (size > limit) {
                break;
            }
        }
        return size;
    }
    return scalar_size(v);
}

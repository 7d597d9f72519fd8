/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_outward.h"

#include <string.h>

#include <apr_strings.h>

#include "base/flow_http.h"
#include "base/flow_log.h"
#include "data/flow_json.h"
#include "flow/flow_record.h"

/* One result on its way out. */
typedef struct outward_t {
    const char *first; /* message that named a place */
    json_t *error;     /* the first one */
    apr_size_t n;      /* errors */
    apr_pool_t *p;
} outward_t;

int flow_outward_error(flow_error_t *err, apr_pool_t *p)
{
    const char *text = flow_http_hide_places(err->message, p);
    flow_error_t was = *err;

    if (text == err->message) {
        return 0;
    }
    flow_error_clear(err);
    flow_error_set(err, was.kind, was.status, was.code, "%s", text);
    return 1;
}

/* NULL when there is nothing to hide. */
static const char *hidden(outward_t *o, const json_t *message)
{
    const char *text = flow_json_string(message, NULL), *out;

    out = text ? flow_http_hide_places(text, o->p) : NULL;
    if (!out || out == text) {
        return NULL;
    }
    if (!o->first) {
        o->first = apr_pstrdup(o->p, text);
    }
    return out;
}

/* The object at @a key of @a owner, or element @a i of it; replaced by a copy
 * when its message changes. */
static void hide_in(outward_t *o, json_t *owner, const char *key, size_t i)
{
    json_t *v = key ? json_object_get(owner, key) : json_array_get(owner, i);
    const char *text = hidden(o, json_object_get(v, "message"));

    if (!text) {
        return;
    }
    v = json_copy(v);
    flow_record_set_text(v, "message", text);
    if (key) {
        json_object_set_new(owner, key, v);
    }
    else {
        json_array_set_new(owner, i, v);
    }
}

static int has_place(outward_t *o, const json_t *errors)
{
    size_t i;

    for (i = 0; i < json_array_size(errors); ++i) {
        if (hidden(o, json_object_get(json_array_get(errors, i), "message"))) {
            return 1;
        }
    }
    return 0;
}

static void hide_errors(outward_t *o, json_t *result)
{
    json_t *errors = json_object_get(result, "errors");
    size_t i;

    if (!has_place(o, errors)) {
        return;
    }
    errors = json_copy(errors);
    for (i = 0; i < json_array_size(errors); ++i) {
        hide_in(o, errors, NULL, i);
    }
    json_object_set_new(result, "errors", errors);
}

static void hide_job(outward_t *o, json_t *result)
{
    json_t *job = json_object_get(result, "job");

    if (!flow_json_is(job, OBJECT)) {
        return;
    }
    job = json_copy(job);
    json_object_set_new(result, "job", job);
    hide_in(o, job, "error", 0);
    hide_in(o, result, "job", 0);
}

/* The headers of a far end's answer are for hooks; there may be cookies in
 * them. Only a response element has any: other objects are somebody's data. */
static int has_headers(const json_t *element)
{
    return json_object_get(element, "_headers") &&
           json_object_get(element, "statusCode");
}

static void count_errors(outward_t *o, const json_t *element)
{
    const json_t *errors = json_object_get(element, "errors");

    o->n += json_array_size(errors);
    if (!o->error) {
        o->error = json_incref(json_array_get(errors, 0));
    }
}

static void hide_in_element(outward_t *o, json_t *array, size_t i)
{
    json_t *element = json_array_get(array, i);

    count_errors(o, element);
    if (flow_json_is(element, OBJECT) &&
        (has_headers(element) ||
         has_place(o, json_object_get(element, "errors")))) {
        element = json_copy(element);
        json_array_set_new(array, i, element);
        if (has_headers(element)) {
            json_object_del(element, "_headers");
        }
        hide_errors(o, element);
    }
}

static void log_result(const outward_t *o, const char *what)
{
    const char *code = flow_json_member(o->error, "code");
    const char *message = flow_json_member(o->error, "message");

    if (o->first) {
        flow_log(FLOW_LOG_WARNING, FLOW_LOGNO(0450) "%s: %s", what, o->first);
    }
    else if (code && message) {
        flow_log(FLOW_LOG_INFO, "%s: %" APR_SIZE_T_FMT " failed: %s: %s", what,
                 o->n, code, message);
    }
}

void flow_outward_result(json_t *result, const char *what, apr_pool_t *p)
{
    outward_t o = { NULL, NULL, 0, p };
    size_t i;

    if (flow_json_is(result, ARRAY)) {
        for (i = 0; i < json_array_size(result); ++i) {
            hide_in_element(&o, result, i);
        }
    }
    else if (flow_json_is(result, OBJECT)) {
        count_errors(&o, result);
        if (has_headers(result)) {
            json_object_del(result, "_headers");
        }
        hide_errors(&o, result);
        hide_job(&o, result);
    }
    log_result(&o, what);
    json_decref(o.error);
}

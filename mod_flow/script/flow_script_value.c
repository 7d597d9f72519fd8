/* SPDX-License-Identifier: Apache-2.0 */
#include "script/flow_script_private.h"

#include <string.h>

#include "data/flow_json.h"

/* ---- in ---- */

static void push_object(flow_script_call_t *call, const json_t *v, int depth);

static void push_at(flow_script_call_t *call, const json_t *v, int depth)
{
    js_State *J = call->J;
    char tmp[FLOW_JSON_NUMBER_MAX];
    const char *text;
    apr_size_t len, i, n;

    if (depth > FLOW_JSON_DEPTH) {
        js_rangeerror(J, "value is nested deeper than %d levels",
                      FLOW_JSON_DEPTH);
    }
    switch (flow_json_type(v)) {
    case FLOW_JSON_NULL:
        js_pushnull(J);
        return;
    case FLOW_JSON_BOOL:
        js_pushboolean(J, json_is_true(v));
        return;
    case FLOW_JSON_NUMBER:
        if (flow_json_number_is_textual(v)) {
            text = flow_json_number_text(v, tmp, &len);
            js_pushnumberastext(J, text, (int)len);
        }
        else {
            js_pushnumber(J, flow_json_double(v));
        }
        return;
    case FLOW_JSON_STRING:
        text = flow_json_string(v, &len);
        js_pushutf8(J, text, (int)len);
        return;
    case FLOW_JSON_ARRAY:
        js_newarray(J);
        n = json_array_size(v);
        for (i = 0; i < n; ++i) {
            push_at(call, json_array_get(v, i), depth + 1);
            js_setindex(J, -2, (int)i);
        }
        return;
    case FLOW_JSON_OBJECT:
        push_object(call, v, depth);
        return;
    }
}

static void push_object(flow_script_call_t *call, const json_t *v, int depth)
{
    /* jansson's iterators want a mutable object, but change nothing */
    json_t *object = (json_t *)v;
    js_State *J = call->J;
    void *iter;

    js_newobject(J);
    for (iter = json_object_iter(object); iter;
         iter = json_object_iter_next(object, iter)) {
        const char *key = json_object_iter_key(iter);
        apr_size_t len = json_object_iter_key_len(iter);

        if (memchr(key, 0, len)) {
            js_pushutf8(J, key, (int)len);
            push_at(call, json_object_iter_value(iter), depth + 1);
            js_defproperty(J, -3, js_tostring(J, -2), 0);
            js_pop(J, 1);
        }
        else {
            push_at(call, json_object_iter_value(iter), depth + 1);
            js_defproperty(J, -2, key, 0);
        }
    }
}

void flow_script_push(flow_script_call_t *call, const json_t *v)
{
    push_at(call, v, 0);
}

/* ---- out ---- */

apr_size_t flow_script_quoted_length(const char *s, apr_size_t len)
{
    apr_size_t n = len + 2, i;

    for (i = 0; i < len; ++i) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20) {
            n += c == '\n' || c == '\r' || c == '\t' || c == '\b' || c == '\f'
                     ? 1
                     : 5;
        }
        else if (c == '"' || c == '\\') {
            ++n;
        }
    }
    return n;
}

/* ---- what a call holds ---- */

unsigned flow_script_hold(flow_script_call_t *call, json_t *v)
{
    if (!call->held) {
        call->held = json_array();
    }
    if (json_array_append_new(call->held, v ? v : json_null()) != 0) {
        flow_stop_now(&call->stop, FLOW_STOP_MEMORY);
    }
    return (unsigned)json_array_size(call->held) - 1;
}

void flow_script_drop(flow_script_call_t *call, unsigned mark)
{
    while (json_array_size(call->held) > mark) {
        json_array_remove(call->held, json_array_size(call->held) - 1);
    }
}

void flow_script_push_held(flow_script_call_t *call, unsigned mark)
{
    js_State *J = call->J;

    if (js_try(J)) {
        flow_stop_leave(&call->stop);
        flow_script_drop(call, mark);
        flow_stop_enter(&call->stop);
        js_throw(J);
    }
    push_at(call, json_array_get(call->held, mark), 0);
    js_endtry(J);
    flow_stop_leave(&call->stop);
    flow_script_drop(call, mark);
    flow_stop_enter(&call->stop);
}

/* ---- JSON.parse ---- */

/* A tree of json_t is larger than its text, and outside of the arena. */
#define PARSE_SHARE 8

/* Outside. NULL and *err, or a new value. */
static json_t *parse_text(flow_script_call_t *call, const char *text,
                          flow_error_t *err)
{
    apr_size_t len = strlen(text);
    apr_pool_t *p = NULL;
    json_t *v = NULL;

    if (!flow_utf8_is_valid(text, len)) {
        apr_pool_create(&p, call->p);
        text = flow_utf8_repair(text, len, &len, p);
    }
    flow_json_parse(&v, text, len, err);
    if (p) {
        apr_pool_destroy(p);
    }
    return v;
}

void flow_script_parse(js_State *J, const char *text)
{
    flow_script_call_t *call = flow_call_of(J);
    flow_stop_t *stop = &call->stop;
    flow_error_t err = FLOW_ERROR_INIT;
    unsigned mark = 0;
    json_t *v;

    if (strlen(text) > flow_arena_size(call->world->arena) / PARSE_SHARE) {
        js_rangeerror(J, "JSON: the text is too large");
    }
    flow_stop_leave(stop);
    v = parse_text(call, text, &err);
    if (v) {
        mark = flow_script_hold(call, v);
    }
    flow_stop_enter(stop);
    if (!v) {
        js_syntaxerror(J, "JSON: %s", err.message);
    }
    flow_script_push_held(call, mark);
}

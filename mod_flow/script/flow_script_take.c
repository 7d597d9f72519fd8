/* SPDX-License-Identifier: Apache-2.0 */
#include "script/flow_script_private.h"

#include <math.h>
#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"

/*
 * Script values to json_t.
 *
 * Reading a value may run script code: getters and toJSON. Almost no value has
 * any, so the first attempt runs none and reads mujs' structures directly,
 * which is fast and, as nothing changes meanwhile, safe; all of it stands
 * outside of the hard stop's reach. When it meets a getter or a toJSON it
 * gives up, and a second, slower one starts over that asks for every member
 * by name and runs script code inside.
 *
 * What is made hangs in call->held from its first moment, so a jump or an
 * exception in the middle loses nothing.
 */

typedef enum {
    DONE,
    ABSENT,      /* undefined, or what JSON leaves out */
    RUNS_SCRIPT, /* the fast way ends here */
    FAILED
} took_e;

typedef struct level_t {
    const void *object; /* that is being read */
    const char *key;    /* the member of it, or NULL: */
    int index;
} level_t;

typedef struct taker_t {
    flow_script_call_t *call;
    flow_take_e how;
    apr_size_t left;  /* bytes of JSON text */
    apr_size_t slack; /* which the text may have beyond what was counted */
    flow_taken_t *taken;
    apr_pool_t *scratch; /* for text that must be repaired */
    int depth;
    level_t levels[FLOW_JSON_DEPTH + 1];
} taker_t;

/* Where a new value goes. */
typedef struct place_t {
    json_t *parent;
    const char *key; /* NULL: parent is an array */
} place_t;

/* "body.items[3]" */
static void path_text(const taker_t *t, char *out, apr_size_t size)
{
    apr_size_t used = 0;
    int i;

    out[0] = '\0';
    for (i = 0; i < t->depth && used + 1 < size; ++i) {
        const level_t *level = &t->levels[i];
        if (level->key) {
            apr_snprintf(out + used, size - used, "%s%s", used ? "." : "",
                         level->key);
        }
        else {
            apr_snprintf(out + used, size - used, "[%d]", level->index);
        }
        used += strlen(out + used);
    }
}

static took_e fail(taker_t *t, const char *code, const char *what)
{
    char path[128];

    if (t->taken->code) {
        return FAILED;
    }
    path_text(t, path, sizeof(path));
    t->taken->code = code;
    apr_snprintf(t->taken->why, sizeof(t->taken->why), "%s%s%s%s",
                 *path ? "'" : "", path, *path ? "' " : "", what);
    return FAILED;
}

static took_e no_json(taker_t *t, const char *what)
{
    return fail(t, "invalid_extension_response", what);
}

static took_e spend(taker_t *t, apr_size_t bytes)
{
    if (bytes > t->left) {
        t->taken->code = "response_size_exceeded";
        apr_snprintf(t->taken->why, sizeof(t->taken->why), "is too large");
        return FAILED;
    }
    t->left -= bytes;
    return DONE;
}

/* Valid UTF-8 from script text; almost always it is that already. */
static const char *valid_text(taker_t *t, const char *text, apr_size_t *plen)
{
    if (flow_utf8_is_valid(text, *plen)) {
        return text;
    }
    if (!t->scratch) {
        apr_pool_create(&t->scratch, t->call->p);
    }
    return flow_utf8_repair(text, *plen, plen, t->scratch);
}

/* Outside. The place takes @a v over. */
static took_e put(taker_t *t, place_t at, json_t *v, apr_size_t bytes)
{
    apr_size_t len;
    const char *key;
    took_e took;
    int rc;

    if (!v) {
        return fail(t, "script_memory", "cannot be held: out of memory");
    }
    if (!at.key) {
        took = spend(t, bytes + 1);
        rc = took == DONE ? json_array_append_new(at.parent, v) : -1;
    }
    else {
        len = strlen(at.key);
        key = valid_text(t, at.key, &len);
        took = spend(t, bytes + flow_script_quoted_length(key, len) + 2);
        rc = took == DONE ? json_object_setn_new_nocheck(at.parent, key, len, v)
                          : -1;
    }
    if (took != DONE) {
        json_decref(v);
        return took;
    }
    return rc == 0 ? DONE
                   : fail(t, "script_memory", "cannot be held: out of memory");
}

static took_e put_string(taker_t *t, place_t at, const char *s)
{
    apr_size_t len = strlen(s);

    if (len > t->left) {
        if (t->how != FLOW_TAKE_TEXT || t->depth > 0) {
            return spend(t, len);
        }
        /* a console line that is too long is cut */
        for (len = t->left;
             len > 0 && ((unsigned char)s[len] & 0xC0) == 0x80;) {
            --len;
        }
        s = valid_text(t, s, &len);
        return put(t, at, flow_json_string_new(s, len), 0);
    }
    s = valid_text(t, s, &len);
    return put(t, at, flow_json_string_new(s, len),
               flow_script_quoted_length(s, len));
}

#define SMALL 1e15

static apr_size_t integer_length(long n)
{
    apr_size_t len = n < 0 ? 2 : 1;

    for (n = n < 0 ? -n : n; n >= 10; n /= 10) {
        ++len;
    }
    return len;
}

static took_e put_number(taker_t *t, place_t at, const js_Value *v)
{
    char tmp[FLOW_JSON_NUMBER_MAX];
    const char *text = js_valuetext(t->call->J, v, tmp);
    double d = js_valuenumber(v);

    if (text) {
        apr_size_t len = strlen(text);
        json_t *number = flow_json_number_new(text, len);
        if (number) {
            return put(t, at, number, len);
        }
    }
    if (!isfinite(d)) {
        return put(t, at, json_null(), 4);
    }
    if (d >= -SMALL && d <= SMALL && d == (double)(long)d) {
        return put(t, at, flow_json_double_new(d), integer_length((long)d));
    }
    /* Printing it only to count its bytes would cost more than all the rest:
     * three bytes at least, and what there may be more is checked at the end. */
    t->slack += FLOW_JSON_NUMBER_MAX;
    return put(t, at, flow_json_double_new(d), 3);
}

/* What is not plain data. */
static took_e put_other(taker_t *t, place_t at, js_Kind kind)
{
    switch (t->how) {
    case FLOW_TAKE_RESULT:
        return no_json(t, kind == JS_KFUNCTION ? "is a function"
                          : kind == JS_KDATE
                              ? "is a Date; use its toISOString()"
                              : "is an Error; use its message");
    case FLOW_TAKE_ARGUMENT:
        return ABSENT;
    case FLOW_TAKE_TEXT:
        break;
    }
    return put_string(t, at, kind == JS_KFUNCTION ? "[function]" : "[object]");
}

/* Only a deep value can be a cycle, so others need no search. Leaves the path
 * at the first value that contains itself. */
static took_e too_deep(taker_t *t)
{
    int outer, inner;

    for (inner = 1; inner < t->depth; ++inner) {
        for (outer = 0; outer < inner; ++outer) {
            if (t->levels[outer].object == t->levels[inner].object) {
                t->depth = inner;
                return no_json(t, "contains itself");
            }
        }
    }
    return no_json(t, "is nested too deeply");
}

/* Down into an object or array. */
static took_e enter_level(taker_t *t, const js_Value *v)
{
    const void *object = js_valueobject(v);

    if (t->depth >= FLOW_JSON_DEPTH) {
        return too_deep(t);
    }
    t->levels[t->depth].object = object;
    t->levels[t->depth].key = NULL;
    t->levels[t->depth].index = 0;
    ++t->depth;
    return DONE;
}

/* ---- the fast way: outside, no script code ---- */

static took_e take_fast(taker_t *t, place_t at, const js_Value *v);

static took_e fast_array(taker_t *t, json_t *array, const js_Value *v)
{
    place_t at = { array, NULL };
    int n = js_arraylength(v), i, is_accessor;
    took_e took;

    for (i = 0; i < n; ++i) {
        const js_Value *element = js_arrayat(v, i, &is_accessor);

        t->levels[t->depth - 1].index = i;
        if (is_accessor) {
            return RUNS_SCRIPT;
        }
        took = element ? take_fast(t, at, element) : ABSENT;
        if (took == ABSENT) {
            took = put(t, at, json_null(), 4);
        }
        if (took != DONE) {
            return took;
        }
    }
    return DONE;
}

static took_e fast_object(taker_t *t, json_t *object, const js_Value *v)
{
    flow_script_call_t *call = t->call;
    place_t at = { object, NULL };
    took_e took = DONE;
    int n, i;
    js_Property **members = js_members(call->J, v, &n);

    for (i = 0; members && i < n && (took == DONE || took == ABSENT); ++i) {
        const js_Value *member = js_membervalue(members[i]);

        if (!js_memberenumerable(members[i])) {
            continue;
        }
        at.key = js_membername(members[i]);
        t->levels[t->depth - 1].key = at.key;
        took = member ? take_fast(t, at, member) : RUNS_SCRIPT;
    }
    js_freemembers(call->J, members);
    return took == ABSENT ? DONE : took;
}

static took_e fast_container(taker_t *t, place_t at, const js_Value *v,
                             js_Kind kind)
{
    json_t *made;
    took_e took;

    if (js_hastojson(t->call->J, v)) {
        return RUNS_SCRIPT;
    }
    if (t->how == FLOW_TAKE_TEXT && js_classname(v)) {
        return RUNS_SCRIPT;
    }
    if (t->how == FLOW_TAKE_RESULT && js_iscollection(v)) {
        /* JSON.stringify would say {}, which nobody means */
        return no_json(t, *js_classname(v) == 'M'
                              ? "is a Map; use Object.fromEntries()"
                              : "is a Set; use Array.from()");
    }
    if (flow_stop_is_due(&t->call->stop)) {
        flow_stop_now(&t->call->stop, flow_stop_is_due(&t->call->stop));
    }
    made = kind == JS_KARRAY ? json_array() : json_object();
    took = put(t, at, made, 2);
    if (took != DONE) {
        return took;
    }
    took = enter_level(t, v);
    if (took != DONE) {
        return took;
    }
    took = kind == JS_KARRAY ? fast_array(t, made, v) : fast_object(t, made, v);
    if (took != FAILED) {
        --t->depth;
    }
    return took;
}

static took_e take_fast(taker_t *t, place_t at, const js_Value *v)
{
    js_Kind kind = js_valuekind(v);
    int b;

    switch (kind) {
    case JS_KUNDEFINED:
        return ABSENT;
    case JS_KNULL:
        return put(t, at, json_null(), 4);
    case JS_KBOOLEAN:
        b = js_valueboolean(v);
        return put(t, at, json_boolean(b), b ? 4 : 5);
    case JS_KNUMBER:
        return put_number(t, at, v);
    case JS_KSTRING:
        return put_string(t, at, js_valuestring(v));
    case JS_KARRAY:
    case JS_KOBJECT:
        return fast_container(t, at, v, kind);
    case JS_KFUNCTION:
        return put_other(t, at, kind);
    case JS_KDATE:
    case JS_KERROR:
        break;
    }
    return t->how == FLOW_TAKE_RESULT ? put_other(t, at, kind) : RUNS_SCRIPT;
}

/* ---- the slow way: script code runs inside; pops the value ---- */

static took_e take_slow(taker_t *t, place_t at);

/* An Error in a log line: "TypeError: 'x' is not a function"; one that is not
 * part of something else with where it was made. Other objects that are no
 * plain data have a toString, too. */
static took_e slow_text(taker_t *t, place_t at)
{
    js_State *J = t->call->J;
    const char *text;
    took_e took;

    flow_throw_text(t->call, t->depth == 0);
    text = js_tostring(J, -1);
    flow_stop_leave(&t->call->stop);
    took = put_string(t, at, text);
    flow_stop_enter(&t->call->stop);
    js_pop(J, 1);
    return took;
}

/* Replace the value on top by what its toJSON() says. */
static void call_to_json(taker_t *t, place_t at)
{
    js_State *J = t->call->J;
    char index[16];
    const char *key = at.key;

    if (!js_isobject(J, -1) || !js_hasproperty(J, -1, "toJSON")) {
        return;
    }
    if (!js_iscallable(J, -1)) {
        js_pop(J, 1);
        return;
    }
    if (!key) {
        apr_snprintf(index, sizeof(index), "%d",
                     t->depth ? t->levels[t->depth - 1].index : 0);
        key = t->depth ? index : "";
    }
    js_copy(J, -2);
    js_pushstring(J, key);
    js_call(J, 1);
    js_rot2pop1(J);
}

static took_e slow_array(taker_t *t, json_t *array)
{
    js_State *J = t->call->J;
    place_t at = { array, NULL };
    int n = js_getlength(J, -1), i;
    took_e took = DONE;

    for (i = 0; i < n && took == DONE; ++i) {
        t->levels[t->depth - 1].index = i;
        js_getindex(J, -1, i);
        took = take_slow(t, at);
        if (took == ABSENT) {
            flow_stop_leave(&t->call->stop);
            took = put(t, at, json_null(), 4);
            flow_stop_enter(&t->call->stop);
        }
    }
    js_pop(J, 1);
    return took;
}

static took_e slow_object(taker_t *t, json_t *object)
{
    js_State *J = t->call->J;
    place_t at = { object, NULL };
    took_e took = DONE;

    js_pushiterator(J, -1, 1);
    while (took != FAILED && (at.key = js_nextiterator(J, -1)) != NULL) {
        t->levels[t->depth - 1].key = at.key;
        js_getproperty(J, -2, at.key);
        took = take_slow(t, at);
    }
    js_pop(J, 2);
    return took == ABSENT ? DONE : took;
}

static took_e slow_container(taker_t *t, place_t at, js_Kind kind)
{
    js_State *J = t->call->J;
    json_t *made;
    took_e took;

    flow_stop_leave(&t->call->stop);
    made = kind == JS_KARRAY ? json_array() : json_object();
    took = put(t, at, made, 2);
    if (took == DONE) {
        took = enter_level(t, js_peek(J, -1));
    }
    flow_stop_enter(&t->call->stop);
    if (took != DONE) {
        js_pop(J, 1);
        return took;
    }
    took = kind == JS_KARRAY ? slow_array(t, made) : slow_object(t, made);
    if (took != FAILED) {
        --t->depth;
    }
    return took;
}

static took_e take_slow(taker_t *t, place_t at)
{
    js_State *J = t->call->J;
    js_Kind kind = js_valuekind(js_peek(J, -1));
    took_e took;

    if (kind == JS_KERROR && t->how == FLOW_TAKE_TEXT) {
        return slow_text(t, at);
    }
    if (t->how == FLOW_TAKE_TEXT && js_classname(js_peek(J, -1))) {
        if (!js_iscollection(js_peek(J, -1))) {
            return slow_text(t, at);
        }
        js_showcollection(J);
    }
    if (t->how != FLOW_TAKE_RESULT || kind == JS_KOBJECT || kind == JS_KARRAY) {
        call_to_json(t, at);
        kind = js_valuekind(js_peek(J, -1));
    }
    if (kind == JS_KERROR && t->how == FLOW_TAKE_ARGUMENT) {
        kind = JS_KOBJECT; /* its enumerable members, as JSON.stringify */
    }
    if (kind == JS_KARRAY || kind == JS_KOBJECT ||
        (kind == JS_KDATE && t->how == FLOW_TAKE_ARGUMENT)) {
        return slow_container(t, at, kind == JS_KARRAY ? kind : JS_KOBJECT);
    }
    flow_stop_leave(&t->call->stop);
    took = kind == JS_KERROR || kind == JS_KDATE
               ? put_other(t, at, kind)
               : take_fast(t, at, js_peek(J, -1));
    flow_stop_enter(&t->call->stop);
    js_pop(J, 1);
    return took;
}

/* Numbers were counted too low; is the text itself small enough? */
static took_e check_size(taker_t *t, const json_t *v, apr_size_t max)
{
    flow_buf_t text;
    took_e took = DONE;

    if (t->slack <= t->left) {
        return DONE;
    }
    flow_buf_init(&text, max);
    flow_json_write(&text, v, FLOW_JSON_COMPACT);
    if (text.status == APR_ENOSPC) {
        took = spend(t, t->left + 1);
    }
    flow_buf_release(&text);
    return took;
}

/* The slow way may end in an exception of the script's, which must not leave
 * anything behind: a script can provoke it as often as it likes. */
static took_e take_slowly(taker_t *t, place_t at)
{
    flow_script_call_t *call = t->call;
    js_State *J = call->J;
    took_e took;

    if (js_try(J)) {
        flow_stop_leave(&call->stop);
        flow_script_drop(call, t->taken->mark);
        if (t->scratch) {
            apr_pool_destroy(t->scratch);
        }
        flow_stop_enter(&call->stop);
        js_throw(J);
    }
    took = take_slow(t, at); /* pops the value */
    js_endtry(J);
    return took;
}

void flow_script_take(flow_script_call_t *call, flow_take_e how, apr_size_t max,
                      flow_taken_t *taken)
{
    flow_stop_t *stop = &call->stop;
    place_t at = { NULL, NULL };
    taker_t t;
    took_e took;

    t.call = call;
    t.how = how;
    t.left = max;
    t.slack = 0;
    t.taken = taken;
    t.scratch = NULL;
    t.depth = 0;
    taken->code = NULL;
    taken->value = NULL;

    flow_stop_leave(stop);
    at.parent = json_array();
    taken->mark = flow_script_hold(call, at.parent);
    took = take_fast(&t, at, js_peek(call->J, -1));
    if (took == RUNS_SCRIPT) {
        json_array_clear(at.parent);
        t.left = max;
        t.slack = 0;
        t.depth = 0;
        flow_stop_enter(stop);
        took = take_slowly(&t, at);
    }
    else {
        flow_stop_enter(stop);
        js_pop(call->J, 1);
    }
    flow_stop_leave(stop);
    if (took == DONE) {
        took = check_size(&t, json_array_get(at.parent, 0), max);
    }
    if (took == DONE) {
        taken->value = json_array_get(at.parent, 0);
    }
    if (t.scratch) {
        apr_pool_destroy(t.scratch);
    }
    flow_stop_enter(stop);
}

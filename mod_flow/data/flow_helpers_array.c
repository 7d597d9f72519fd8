/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_helper_private.h"

#include "data/flow_json.h"

#include <apr_strings.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- slices --------------------------------------------------------------- */

static apr_status_t slice(flow_helper_call_t *call, const json_t *array,
                          apr_size_t from, apr_size_t to, flow_any_t *out)
{
    json_t *part = json_array();

    for (; part && from < to; ++from)
        json_array_append(part, json_array_get(array, from));
    return flow_helper_own(call, part, out);
}

static apr_status_t after(flow_helper_call_t *call, flow_any_t *out)
{
    const flow_any_t *v = &call->args[0];
    apr_size_t size, n = flow_helper_count(call, 1, 0);

    if (v->type != FLOW_ANY_ARRAY)
        return APR_SUCCESS;
    size = json_array_size(v->json);
    return slice(call, v->json, n < size ? n : size, size, out);
}

static apr_status_t before(flow_helper_call_t *call, flow_any_t *out)
{
    const flow_any_t *v = &call->args[0];
    apr_size_t size, n = flow_helper_count(call, 1, 0);

    if (v->type != FLOW_ANY_ARRAY)
        return APR_SUCCESS;
    size = json_array_size(v->json);
    return slice(call, v->json, 0, n < size ? size - n : 0, out);
}

static apr_status_t ends(flow_helper_call_t *call, flow_any_t *out, int is_last)
{
    const flow_any_t *v = &call->args[0];
    flow_any_t given = flow_helper_arg(call, 1);
    apr_size_t size, n = flow_helper_count(call, 1, 1);

    if (v->type != FLOW_ANY_ARRAY)
        return APR_SUCCESS;
    size = json_array_size(v->json);
    if (flow_any_is_nothing(&given)) {
        if (size)
            *out =
                flow_any_from(json_array_get(v->json, is_last ? size - 1 : 0));
        return APR_SUCCESS;
    }
    if (n > size)
        n = size;
    return is_last ? slice(call, v->json, size - n, size, out)
                   : slice(call, v->json, 0, n, out);
}

static apr_status_t first(flow_helper_call_t *call, flow_any_t *out)
{
    return ends(call, out, 0);
}

static apr_status_t last(flow_helper_call_t *call, flow_any_t *out)
{
    return ends(call, out, 1);
}

static apr_status_t arrayify(flow_helper_call_t *call, flow_any_t *out)
{
    const flow_any_t *v = &call->args[0];
    json_t *array;

    if (v->type == FLOW_ANY_ARRAY) {
        *out = *v;
        return APR_SUCCESS;
    }
    array = json_array();
    if (array && !flow_any_is_nothing(v))
        json_array_append_new(array, flow_any_to_json(v));
    return flow_helper_own(call, array, out);
}

/* --- values --------------------------------------------------------------- */

static apr_status_t get_value(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len;
    const char *path = flow_helper_text(call, 0, &len);

    *out = flow_render_find(call->run, path, len);
    if (flow_any_is_nothing(out) && call->n > 1)
        *out = call->args[1];
    return APR_SUCCESS;
}

/* lookup object "key", as handlebars.js has it. */
static apr_status_t lookup_member(flow_helper_call_t *call, flow_any_t *out)
{
    const json_t *v = call->args[0].json;
    apr_size_t len;
    const char *key = flow_helper_text(call, 1, &len);
    double d;

    if (call->args[0].type == FLOW_ANY_OBJECT) {
        *out = flow_any_from(json_object_getn(v, key, len));
        return APR_SUCCESS;
    }
    if (len == 6 && memcmp(key, "length", 6) == 0) {
        *out = flow_any_of_number((double)json_array_size(v));
        return APR_SUCCESS;
    }
    d = flow_any_number(&call->args[1], call->p);
    if (len && d >= 0 && d < 1e9 && d == floor(d))
        *out = flow_any_from(json_array_get(v, (apr_size_t)d));
    return APR_SUCCESS;
}

static apr_status_t lookup(flow_helper_call_t *call, flow_any_t *out)
{
    const json_t *value = NULL;
    const char *name;
    apr_size_t len;
    json_t *key;
    apr_status_t rv;

    if (call->args[0].type == FLOW_ANY_OBJECT ||
        call->args[0].type == FLOW_ANY_ARRAY)
        return lookup_member(call, out);
    if (flow_any_is_nothing(&call->args[0]))
        return APR_SUCCESS;
    name = flow_helper_text(call, 0, &len);
    if (!call->env->lookup) {
        return flow_helper_fail(call, "template_lookup",
                                "there are no static lookups here, so no "
                                "'%.64s'",
                                name);
    }
    key = flow_json_own(call->p, flow_any_to_json(&call->args[1]));
    rv = call->env->lookup(call->env->lookup_baton,
                           apr_pstrmemdup(call->p, name, len), key, &value,
                           call->err);
    if (rv == APR_SUCCESS)
        *out = flow_any_from(value);
    return rv;
}

static const json_t *at_path(const json_t *v, const char *path, apr_size_t len)
{
    const char *end = path + len, *dot;

    for (; v && path <= end; path = dot + 1) {
        dot = memchr(path, '.', (apr_size_t)(end - path));
        if (!dot)
            dot = end;
        v = json_object_getn(v, path, (apr_size_t)(dot - path));
    }
    return v;
}

static apr_status_t pluck(flow_helper_call_t *call, flow_any_t *out)
{
    const flow_any_t *v = &call->args[0];
    apr_size_t len, i;
    const char *path = flow_helper_text(call, 1, &len);
    json_t *found;

    if (v->type != FLOW_ANY_ARRAY)
        return APR_SUCCESS;
    found = json_array();
    for (i = 0; found && i < json_array_size(v->json); ++i) {
        const json_t *value = at_path(json_array_get(v->json, i), path, len);

        json_array_append(found, value ? (json_t *)value : json_null());
    }
    return flow_helper_own(call, found, out);
}

/* --- sorting -------------------------------------------------------------- */

typedef struct sorted_t {
    const json_t *json;
    const char *text;
    apr_size_t len;
    double number;
    apr_size_t at; /* equal ones stay in order */
} sorted_t;

static int in_order(const sorted_t *a, const sorted_t *b)
{
    return a->at < b->at ? -1 : 1;
}

static int by_text(const void *x, const void *y)
{
    const sorted_t *a = x, *b = y;
    int cmp = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);

    if (cmp == 0 && a->len != b->len)
        return a->len < b->len ? -1 : 1;
    return cmp ? cmp : in_order(a, b);
}

/* What is no number comes last, so that the order is one. */
static int by_number(const void *x, const void *y)
{
    const sorted_t *a = x, *b = y;

    if (isnan(a->number) || isnan(b->number)) {
        if (isnan(a->number) && isnan(b->number))
            return in_order(a, b);
        return isnan(a->number) ? 1 : -1;
    }
    if (a->number == b->number)
        return in_order(a, b);
    return a->number < b->number ? -1 : 1;
}

static int is_set(const flow_helper_call_t *call, const char *name)
{
    flow_any_t v = flow_helper_hash(call, name);

    return flow_any_is_true(&v) && !(v.type == FLOW_ANY_TEXT && v.len == 5 &&
                                     memcmp(v.text, "false", 5) == 0);
}

static apr_status_t sort(flow_helper_call_t *call, flow_any_t *out)
{
    const flow_any_t *v = &call->args[0];
    int numeric = is_set(call, "number"), reverse = is_set(call, "reverse");
    apr_size_t i, n;
    sorted_t *rows;
    json_t *sorted;
    apr_status_t rv;

    if (v->type != FLOW_ANY_ARRAY) {
        *out = *v;
        return APR_SUCCESS;
    }
    n = json_array_size(v->json);
    rv = flow_helper_charge(call, n * sizeof(*rows));
    if (rv != APR_SUCCESS)
        return rv;
    rows = apr_palloc(call->p, (n ? n : 1) * sizeof(*rows));
    for (i = 0; i < n; ++i) {
        flow_any_t element = flow_any_from(json_array_get(v->json, i));

        rows[i].json = element.json;
        rows[i].at = i;
        if (numeric)
            rows[i].number = flow_any_number(&element, call->p);
        else
            rows[i].text = flow_any_text(&element, &rows[i].len, call->p);
    }
    qsort(rows, n, sizeof(*rows), numeric ? by_number : by_text);
    sorted = json_array();
    for (i = 0; sorted && i < n; ++i) {
        json_array_append(sorted, (json_t *)rows[reverse ? n - 1 - i : i].json);
    }
    return flow_helper_own(call, sorted, out);
}

/* --- unique --------------------------------------------------------------- */

/* Scalars by value: their type's letter and their text. Objects and arrays are
 * equal to themselves alone and stay. */
static apr_status_t unique(flow_helper_call_t *call, flow_any_t *out)
{
    const flow_any_t *v = &call->args[0];
    json_t *seen, *result;
    apr_size_t i, len;
    apr_int64_t n;

    if (v->type != FLOW_ANY_ARRAY) {
        *out = *v;
        return APR_SUCCESS;
    }
    seen = json_object();
    result = json_array();
    for (i = 0; seen && result && i < json_array_size(v->json); ++i) {
        json_t *json = json_array_get(v->json, i);
        flow_any_t element = flow_any_from(json);

        if (element.type < FLOW_ANY_ARRAY) {
            char tmp[FLOW_JSON_NUMBER_MAX];
            const char *text = tmp, *key;

            if (element.type == FLOW_ANY_NUMBER && flow_json_int64(json, &n))
                len = (apr_size_t)apr_snprintf(tmp, sizeof(tmp),
                                               "%" APR_INT64_T_FMT, n);
            else if (element.type == FLOW_ANY_NUMBER)
                len = flow_any_format_number(flow_json_double(json), tmp);
            else
                text = flow_any_text(&element, &len, call->p);
            key = apr_psprintf(call->p, "%d", (int)element.type);
            key = apr_pstrcat(call->p, key, apr_pstrmemdup(call->p, text, len),
                              NULL);
            len += 1;
            if (json_object_getn(seen, key, len))
                continue;
            json_object_setn_new_nocheck(seen, key, len, json_true());
        }
        json_array_append(result, json);
    }
    json_decref(seen);
    return flow_helper_own(call, result, out);
}

/* --- asking --------------------------------------------------------------- */

static apr_status_t give_bool(flow_any_t *out, int is_true)
{
    *out = flow_any_of_bool(is_true);
    return APR_SUCCESS;
}

static apr_status_t eq(flow_helper_call_t *call, flow_any_t *out)
{
    return give_bool(
        out, flow_any_is_equal(&call->args[0], &call->args[1], call->p));
}

static apr_status_t type_of(flow_helper_call_t *call, flow_any_t *out)
{
    const char *name = flow_any_type_name(&call->args[0]);

    *out = flow_any_of_text(name, strlen(name));
    return APR_SUCCESS;
}

static apr_status_t is_truthy(flow_helper_call_t *call, flow_any_t *out)
{
    return give_bool(out, flow_any_is_true(&call->args[0]));
}

static apr_status_t is_falsey(flow_helper_call_t *call, flow_any_t *out)
{
    return give_bool(out, !flow_any_is_true(&call->args[0]));
}

static apr_status_t has_no_items(flow_helper_call_t *call, flow_any_t *out)
{
    const flow_any_t *v = &call->args[0];

    switch (v->type) {
    case FLOW_ANY_ARRAY:
        return give_bool(out, json_array_size(v->json) == 0);
    case FLOW_ANY_OBJECT:
        return give_bool(out, json_object_size(v->json) == 0);
    case FLOW_ANY_TEXT:
        return give_bool(out, v->len == 0);
    default:
        return give_bool(out, 1);
    }
}

static apr_status_t has_own(flow_helper_call_t *call, flow_any_t *out)
{
    const flow_any_t *v = &call->args[0];
    apr_size_t len;
    const char *key = flow_helper_text(call, 1, &len);

    return give_bool(out, v->type == FLOW_ANY_OBJECT &&
                              json_object_getn(v->json, key, len) != NULL);
}

/* clang-format off */
static const flow_helper_t rows[] = {
    { "after", 2, 2, after, NULL, 0, "array count", "Without the first elements.", "{{after (jsonParse '[\"a\",\"b\",\"c\",\"d\"]') 2}}", "c,d" },
    { "before", 2, 2, before, NULL, 0, "array count", "Without the last elements.", "{{before (jsonParse '[\"a\",\"b\",\"c\",\"d\"]') 2}}", "a,b" },
    { "first", 1, 2, first, NULL, 0, "array [count]", "The first element; with a count an array of the first ones.", "{{first (jsonParse \"[7,8,9]\")}}", "7" },
    { "last", 1, 2, last, NULL, 0, "array [count]", "The last element; with a count an array of the last ones.", "{{last (jsonParse \"[7,8,9]\") 2}}", "8,9" },
    { "arrayify", 1, 1, arrayify, NULL, 0, "value", "An array as it is, nothing as an empty one, anything else as an array of it.", "{{{jsonSerialize (arrayify \"foo\")}}}", "[\"foo\"]" },
    { "getValue", 1, 2, get_value, NULL, 0, "path [default]", "The value at a path that is given as text, from where the template is or else from the root.", "{{getValue \"shipping.trackingNumber\" \"Not Assigned\"}}", "Not Assigned" },
    { "lookup", 2, 2, lookup, NULL, 0, "name value", "The entry of a static lookup. With an object or array in place of the name: its member or element.", "{{lookup (jsonParse '{\"TX\":\"Texas\"}') \"TX\"}}", "Texas" },
    { "pluck", 2, 2, pluck, NULL, 0, "array path", "That member (`a.b` is fine) of each element, null where there is none.", "{{pluck (jsonParse '[{\"a\":{\"b\":1}},{\"a\":{\"b\":2}}]') \"a.b\"}}", "1,2" },
    { "sort", 1, 1, sort, NULL, 0, "array [number=\"true\"] [reverse=\"true\"]", "Sorted as text, or as numbers; perhaps downwards.", "{{sort (jsonParse '[\"10\",\"9\",\"1\"]') number=\"true\"}}", "1,9,10", "number reverse" },
    { "unique", 1, 1, unique, NULL, 0, "array", "Without what was there before.", "{{unique (jsonParse '[\"a\",\"a\",\"c\",\"b\",\"c\"]')}}", "a,c,b" },
    { "eq", 2, 2, eq, NULL, 0, "a b", "Are they equal, as `==` has it?", "{{eq 5 \"5\"}}", "true" },
    { "typeOf", 1, 1, type_of, NULL, 0, "value", "string number boolean array object undefined; of null it is object.", "{{typeOf (jsonParse \"[]\")}}", "array" },
    { "isTruthy", 1, 1, is_truthy, NULL, 0, "value", "Is it true in JavaScript's sense?", "{{isTruthy \"0\"}}", "true" },
    { "isFalsey", 1, 1, is_falsey, NULL, 0, "value", "Is it false in JavaScript's sense?", "{{isFalsey 0}}", "true" },
    { "hasNoItems", 1, 1, has_no_items, NULL, 0, "value", "Is the array or object (or text) empty?", "{{hasNoItems (jsonParse '{\"x\":1}')}}", "false" },
    { "hasOwn", 2, 2, has_own, NULL, 0, "object name", "Does the object have that member?", "{{hasOwn (jsonParse '{\"theme\":null}') \"theme\"}}", "true" },
};
/* clang-format on */

const flow_helper_table_t flow_helpers_array = {
    "Arrays, objects, types", rows, sizeof(rows) / sizeof(rows[0])
};

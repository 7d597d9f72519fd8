/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree behind a json_t: scalars, arrays, and what all values have. Objects
 * are in flow_tree_object.c, their names in flow_tree_name.c.
 */
#include "data/flow_tree_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/flow_json.h"

#define ARRAY_FIRST 4

typedef struct flow_tree_object object_t;
typedef struct flow_tree_array array_t;

json_t flow_tree_true = { JSON_TRUE, (size_t)-1 };
json_t flow_tree_false = { JSON_FALSE, (size_t)-1 };
json_t flow_tree_null = { JSON_NULL, (size_t)-1 };

/* --- scalars -------------------------------------------------------------- */

json_t *json_stringn_nocheck(const char *text, size_t len)
{
    struct flow_tree_string *s;

    if (!text || len > (size_t)-1 - sizeof(*s) - 1)
        return NULL;
    s = flow_tree_make(JSON_STRING, sizeof(*s) + len + 1);
    if (!s)
        return NULL;
    s->len = len;
    memcpy(s->text, text, len);
    s->text[len] = '\0';
    return &s->json;
}

json_t *json_string_nocheck(const char *text)
{
    return text ? json_stringn_nocheck(text, strlen(text)) : NULL;
}

json_t *json_stringn(const char *text, size_t len)
{
    return text && flow_utf8_is_valid(text, len)
               ? json_stringn_nocheck(text, len)
               : NULL;
}

json_t *json_string(const char *text)
{
    return text ? json_stringn(text, strlen(text)) : NULL;
}

json_t *json_integer(json_int_t value)
{
    struct flow_tree_integer *v = flow_tree_make(JSON_INTEGER, sizeof(*v));

    if (!v)
        return NULL;
    v->value = value;
    return &v->json;
}

json_t *json_real(double value)
{
    struct flow_tree_real *v =
        isfinite(value) ? flow_tree_make(JSON_REAL, sizeof(*v)) : NULL;

    if (!v)
        return NULL;
    v->value = value;
    return &v->json;
}

/* --- arrays ---------------------------------------------------------------- */

json_t *json_array(void)
{
    array_t *array = flow_tree_make(JSON_ARRAY, sizeof(*array));

    if (!array)
        return NULL;
    array->n = array->cap = 0;
    array->items = NULL;
    return &array->json;
}

static array_t *as_array(json_t *v)
{
    return json_is_array(v) ? (array_t *)v : NULL;
}

static int reserve(array_t *array, size_t more)
{
    size_t cap = array->cap ? array->cap : ARRAY_FIRST;
    json_t **items;

    if (more <= array->cap - array->n)
        return 1;
    if (more > (size_t)-1 / (4 * sizeof(*items)) - array->n)
        return 0;
    while (cap < array->n + more)
        cap *= 2;
    items = flow_tree_take(cap * sizeof(*items));
    if (!items)
        return 0;
    if (array->items) {
        memcpy(items, array->items, array->n * sizeof(*items));
        flow_tree_give(array->items, array->cap * sizeof(*items));
    }
    array->items = items;
    array->cap = cap;
    return 1;
}

int json_array_set_new(json_t *v, size_t i, json_t *item)
{
    array_t *array = as_array(v);
    json_t *old;

    if (!array || !item || item == v || i >= array->n)
        return flow_tree_refuse(item);
    old = array->items[i];
    array->items[i] = item;
    json_decref(old);
    return 0;
}

int json_array_append_new(json_t *v, json_t *item)
{
    array_t *array = as_array(v);

    if (!array || !item || item == v || !reserve(array, 1))
        return flow_tree_refuse(item);
    array->items[array->n++] = item;
    return 0;
}

int json_array_insert_new(json_t *v, size_t i, json_t *item)
{
    array_t *array = as_array(v);

    if (!array || !item || item == v || i > array->n || !reserve(array, 1))
        return flow_tree_refuse(item);
    memmove(array->items + i + 1, array->items + i,
            (array->n - i) * sizeof(array->items[0]));
    array->items[i] = item;
    ++array->n;
    return 0;
}

int json_array_remove(json_t *v, size_t i)
{
    array_t *array = as_array(v);
    json_t *old;

    if (!array || i >= array->n)
        return -1;
    old = array->items[i];
    --array->n;
    memmove(array->items + i, array->items + i + 1,
            (array->n - i) * sizeof(array->items[0]));
    json_decref(old);
    return 0;
}

int json_array_clear(json_t *v)
{
    array_t *array = as_array(v);

    if (!array)
        return -1;
    while (array->n)
        json_decref(array->items[--array->n]);
    return 0;
}

int json_array_extend(json_t *v, json_t *other)
{
    array_t *array = as_array(v), *from = as_array(other);
    size_t n, i;

    if (!array || !from || !reserve(array, from->n))
        return -1;
    n = from->n; /* they may be the same */
    for (i = 0; i < n; ++i)
        array->items[array->n++] = json_incref(from->items[i]);
    return 0;
}

static void delete_array(array_t *array)
{
    size_t i;

    for (i = 0; i < array->n; ++i)
        json_decref(array->items[i]);
    if (array->items)
        flow_tree_give(array->items, array->cap * sizeof(json_t *));
    flow_tree_give(array, sizeof(*array));
}

/* --- all ------------------------------------------------------------------ */

void json_delete(json_t *v)
{
    if (!v)
        return;
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        flow_tree_drop_members((object_t *)v);
        flow_tree_give(v, sizeof(object_t));
        break;
    case JSON_ARRAY:
        delete_array((array_t *)v);
        break;
    case JSON_STRING:
        flow_tree_give(v, sizeof(struct flow_tree_string) +
                              json_string_length(v) + 1);
        break;
    case JSON_INTEGER:
        flow_tree_give(v, sizeof(struct flow_tree_integer));
        break;
    case JSON_REAL:
        flow_tree_give(v, sizeof(struct flow_tree_real));
        break;
    default:
        break; /* there is one of each */
    }
}

static json_t *copy_array(const json_t *v, int is_deep)
{
    json_t *copy = json_array();
    size_t n = json_array_size(v), i;

    if (!copy || !reserve((array_t *)copy, n)) {
        json_decref(copy);
        return NULL;
    }
    for (i = 0; i < n; ++i) {
        json_t *item = json_array_get(v, i);

        item = is_deep ? json_deep_copy(item) : json_incref(item);
        if (!item) {
            json_decref(copy);
            return NULL;
        }
        json_array_append_new(copy, item);
    }
    return copy;
}

static json_t *copy_value(const json_t *v, int is_deep)
{
    if (json_is_object(v))
        return flow_tree_copy_object(v, is_deep);
    if (json_is_array(v))
        return copy_array(v, is_deep);
    return json_incref((json_t *)v);
}

json_t *json_copy(json_t *v)
{
    return copy_value(v, 0);
}

json_t *json_deep_copy(const json_t *v)
{
    return copy_value(v, 1);
}

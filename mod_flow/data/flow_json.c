/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_json.h"

#include <string.h>

#include <apr_strings.h>

#include "data/flow_json_private.h"

void flow_json_global_init(void)
{
    /* The first object would do this, in whatever thread makes it. */
    json_object_seed(0);
}

/* --- what a value is -------------------------------------------------------*/

const char *flow_json_type_name(const json_t *v)
{
    static const char *const names[] = { "null",   "boolean", "number",
                                         "string", "array",   "object" };

    return names[flow_json_type(v)];
}

const char *flow_json_string(const json_t *v, apr_size_t *plen)
{
    const char *text;

    if (!v || json_typeof(v) != JSON_STRING) {
        return NULL;
    }
    text = json_string_value(v);
    if (text[0] == '\xff') {
        return NULL;
    }
    if (plen) {
        *plen = json_string_length(v);
    }
    return text;
}

const char *flow_json_member(const json_t *object, const char *key)
{
    return flow_json_string(json_object_get(object, key), NULL);
}

int flow_json_member_bool(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);

    return flow_json_is(v, BOOL) ? json_is_true(v) : -1;
}

json_t *flow_json_string_new(const char *s, apr_size_t len)
{
    return flow_utf8_is_valid(s, len) ? json_stringn_nocheck(s, len) : NULL;
}

/* --- equality --------------------------------------------------------------*/

static int equal_at(const json_t *a, const json_t *b, int depth);

static int equal_numbers(const json_t *a, const json_t *b)
{
    char atmp[FLOW_JSON_NUMBER_MAX], btmp[FLOW_JSON_NUMBER_MAX];
    const char *atext, *btext;
    apr_size_t alen, blen;

    if (json_is_integer(a) && json_is_integer(b)) {
        return json_integer_value(a) == json_integer_value(b);
    }
    if (json_is_real(a) && json_is_real(b)) {
        return json_real_value(a) == json_real_value(b);
    }
    atext = flow_json_number_text(a, atmp, &alen);
    btext = flow_json_number_text(b, btmp, &blen);
    return flow_json_number_equal(atext, alen, btext, blen);
}

int flow_json_order(const json_t *a, const json_t *b)
{
    char atmp[FLOW_JSON_NUMBER_MAX], btmp[FLOW_JSON_NUMBER_MAX];
    const char *atext, *btext;
    apr_size_t alen, blen;

    if (json_is_integer(a) && json_is_integer(b)) {
        return (json_integer_value(a) > json_integer_value(b)) -
               (json_integer_value(a) < json_integer_value(b));
    }
    if (json_is_real(a) && json_is_real(b)) {
        return (json_real_value(a) > json_real_value(b)) -
               (json_real_value(a) < json_real_value(b));
    }
    atext = flow_json_number_text(a, atmp, &alen);
    btext = flow_json_number_text(b, btmp, &blen);
    return flow_json_number_order(atext, alen, btext, blen);
}

static int equal_arrays(const json_t *a, const json_t *b, int depth)
{
    apr_size_t n = json_array_size(a);
    apr_size_t i;

    if (json_array_size(b) != n) {
        return 0;
    }
    for (i = 0; i < n; ++i) {
        if (!equal_at(json_array_get(a, i), json_array_get(b, i), depth)) {
            return 0;
        }
    }
    return 1;
}

static int equal_objects(const json_t *a, const json_t *b, int depth)
{
    /* jansson's iterators want a mutable object, but change nothing */
    json_t *object = (json_t *)a;
    void *iter;

    if (json_object_size(a) != json_object_size(b)) {
        return 0;
    }
    for (iter = json_object_iter(object); iter;
         iter = json_object_iter_next(object, iter)) {
        const json_t *other = json_object_getn(b, json_object_iter_key(iter),
                                               json_object_iter_key_len(iter));

        if (!other || !equal_at(json_object_iter_value(iter), other, depth)) {
            return 0;
        }
    }
    return 1;
}

static int equal_at(const json_t *a, const json_t *b, int depth)
{
    flow_json_type_e type = flow_json_type(a);

    if (type != flow_json_type(b) || depth > FLOW_JSON_WALK_DEPTH) {
        return 0;
    }
    if (a == b) {
        return 1;
    }
    switch (type) {
    case FLOW_JSON_NULL:
        return 1;
    case FLOW_JSON_BOOL:
        return json_is_true(a) == json_is_true(b);
    case FLOW_JSON_NUMBER:
        return equal_numbers(a, b);
    case FLOW_JSON_STRING:
        return json_string_length(a) == json_string_length(b) &&
               memcmp(json_string_value(a), json_string_value(b),
                      json_string_length(a)) == 0;
    case FLOW_JSON_ARRAY:
        return equal_arrays(a, b, depth + 1);
    case FLOW_JSON_OBJECT:
        return equal_objects(a, b, depth + 1);
    }
    return 0;
}

int flow_json_equal(const json_t *a, const json_t *b)
{
    return equal_at(a, b, 0);
}

/* --- text ------------------------------------------------------------------*/

/* A scalar's text: borrowed, or in tmp; NULL when it is no scalar. */
static const char *scalar_text(const json_t *v, char tmp[FLOW_JSON_NUMBER_MAX],
                               apr_size_t *plen)
{
    const char *text = "";

    switch (flow_json_type(v)) {
    case FLOW_JSON_STRING:
        return flow_json_string(v, plen);
    case FLOW_JSON_NUMBER:
        return flow_json_number_text(v, tmp, plen);
    case FLOW_JSON_BOOL:
        text = json_is_true(v) ? "true" : "false";
        break;
    case FLOW_JSON_NULL:
        break;
    case FLOW_JSON_ARRAY:
    case FLOW_JSON_OBJECT:
        return NULL;
    }
    *plen = strlen(text);
    return text;
}

static void add_text(flow_buf_t *b, const json_t *v, int depth)
{
    char tmp[FLOW_JSON_NUMBER_MAX];
    apr_size_t i, len;
    const char *text = scalar_text(v, tmp, &len);

    if (text) {
        flow_buf_add(b, text, len);
    }
    else if (json_is_object(v) || depth > FLOW_JSON_WALK_DEPTH) {
        flow_json_write(b, v, FLOW_JSON_COMPACT);
    }
    else {
        for (i = 0; i < json_array_size(v) && b->status == APR_SUCCESS; ++i) {
            if (i) {
                flow_buf_addc(b, ',');
            }
            add_text(b, json_array_get(v, i), depth + 1);
        }
    }
}

const char *flow_json_to_text(const json_t *v, apr_size_t *plen, apr_pool_t *p)
{
    char tmp[FLOW_JSON_NUMBER_MAX];
    apr_size_t len = 0;
    const char *text = scalar_text(v, tmp, &len);
    flow_buf_t b;

    if (!text) {
        flow_buf_init(&b, FLOW_JSON_TEXT_MAX);
        add_text(&b, v, 0);
        text = flow_buf_steal(&b, &len, p);
    }
    else if (text == tmp) {
        text = apr_pmemdup(p, tmp, len + 1);
    }
    if (plen) {
        *plen = len;
    }
    return text;
}

/* --- pools -----------------------------------------------------------------*/

static apr_status_t release(void *data)
{
    json_decref(data);
    return APR_SUCCESS;
}

json_t *flow_json_own(apr_pool_t *p, json_t *v)
{
    if (v) {
        apr_pool_cleanup_register(p, v, release, apr_pool_cleanup_null);
    }
    return v;
}

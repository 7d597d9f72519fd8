/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_text.h"

#include <string.h>

#include <apr_lib.h>

#include "data/flow_json.h"
#include "data/flow_text_private.h"

#define PAIRS_MAX 10000

/* --- reading ---------------------------------------------------------------*/

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* '+' and %XX; a '%' that is no escape stays what it is. Never longer than
 * the source. */
static apr_size_t decode(char *out, const char *s, apr_size_t len)
{
    char *o = out;
    apr_size_t i;

    for (i = 0; i < len; ++i) {
        int high = s[i] == '%' && len - i > 2 ? hex_value(s[i + 1]) : -1;
        int low = high >= 0 ? hex_value(s[i + 2]) : -1;

        if (low >= 0) {
            *o++ = (char)(high * 16 + low);
            i += 2;
        }
        else {
            *o++ = s[i] == '+' ? ' ' : s[i];
        }
    }
    return (apr_size_t)(o - out);
}

/* Takes the value, also when it fails. */
static int add_pair(json_t *object, const char *name, apr_size_t len,
                    json_t *value)
{
    json_t *old = json_object_getn(object, name, len);
    json_t *array;

    if (!old) {
        return json_object_setn_new_nocheck(object, name, len, value) == 0;
    }
    if (json_is_array(old)) {
        return json_array_append_new(old, value) == 0;
    }
    array = json_array();
    if (json_array_append(array, old) != 0) {
        json_decref(value);
        json_decref(array);
        return 0;
    }
    return json_array_append_new(array, value) == 0 &&
           json_object_setn_new_nocheck(object, name, len, array) == 0;
}

/* One name=value into the object. @a room holds two texts of len bytes. */
static int read_pair(json_t *object, const char *s, apr_size_t len, char *room,
                     apr_pool_t *p)
{
    const char *equal = memchr(s, '=', len);
    apr_size_t name_len = equal ? (apr_size_t)(equal - s) : len;
    apr_size_t value_len = equal ? len - name_len - 1 : 0;
    const char *name, *value;
    char *value_room = room + name_len;

    name_len = decode(room, s, name_len);
    value_len = equal ? decode(value_room, equal + 1, value_len) : 0;
    name = flow_utf8_repair(room, name_len, &name_len, p);
    value = flow_utf8_repair(value_room, value_len, &value_len, p);
    return add_pair(object, name, name_len,
                    json_stringn_nocheck(value, value_len));
}

json_t *flow_query_parse(const char *query, apr_size_t len, apr_pool_t *p,
                         flow_error_t *err)
{
    json_t *object = json_object();
    char *room = apr_palloc(p, len + 1);
    const char *s = query;
    const char *end = query + len;
    int n = 0;

    if (!object) {
        flow_text_no_memory(err);
        return NULL;
    }
    while (s < end) {
        const char *stop = memchr(s, '&', (apr_size_t)(end - s));

        stop = stop ? stop : end;
        if (stop > s) {
            if (++n > PAIRS_MAX) {
                flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "invalid_form",
                               "more than %d name=value pairs", PAIRS_MAX);
                goto failed;
            }
            if (!read_pair(object, s, (apr_size_t)(stop - s), room, p)) {
                flow_text_no_memory(err);
                goto failed;
            }
        }
        s = stop + 1;
    }
    return object;

failed:
    json_decref(object);
    return NULL;
}

/* --- writing ---------------------------------------------------------------*/

static void add_encoded(flow_buf_t *out, const char *s, apr_size_t len)
{
    static const char hex[] = "0123456789ABCDEF";
    apr_size_t i;

    for (i = 0; i < len; ++i) {
        unsigned char c = (unsigned char)s[i];
        char tmp[3] = { '%', hex[c >> 4], hex[c & 15] };

        if (c < 0x80 && (apr_isalnum(c) || strchr("-._*", c)) && c) {
            flow_buf_addc(out, (char)c);
        }
        else if (c == ' ') {
            flow_buf_addc(out, '+');
        }
        else {
            flow_buf_add(out, tmp, sizeof(tmp));
        }
    }
}

/* One more name=value behind n others; returns how many there are now. */
static int add_field(flow_buf_t *out, int n, const char *name,
                     apr_size_t name_len, const json_t *v, apr_pool_t *scratch)
{
    apr_size_t len;
    const char *text = flow_json_to_text(v, &len, scratch);

    if (n) {
        flow_buf_addc(out, '&');
    }
    add_encoded(out, name, name_len);
    flow_buf_addc(out, '=');
    add_encoded(out, text, len);
    return n + 1;
}

apr_status_t flow_form_write(flow_buf_t *out, const json_t *v,
                             apr_pool_t *scratch, flow_error_t *err)
{
    /* jansson's iterators want a mutable object, but change nothing */
    json_t *object = (json_t *)v;
    void *iter;
    apr_size_t i;
    int n = 0;

    if (!flow_json_is(v, OBJECT)) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "form_shape",
                              "a form is written from an object, not from %s",
                              flow_json_type_name(v));
    }
    for (iter = json_object_iter(object); iter;
         iter = json_object_iter_next(object, iter)) {
        const char *name = json_object_iter_key(iter);
        apr_size_t len = json_object_iter_key_len(iter);
        const json_t *value = json_object_iter_value(iter);

        if (!json_is_array(value)) {
            n = add_field(out, n, name, len, value, scratch);
        }
        for (i = 0; i < json_array_size(value); ++i) {
            n = add_field(out, n, name, len, json_array_get(value, i), scratch);
        }
    }
    return flow_text_buffer_status(out, err);
}

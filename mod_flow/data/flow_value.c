/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_value.h"

#include "data/flow_json.h"

#include <apr_strings.h>
#include <string.h>

#define NUMBER_TEXT_MAX 4096 /* no number that anybody means is longer */

int flow_value_is_empty(const json_t *v)
{
    apr_size_t len;

    if (!v)
        return 1;
    switch (flow_json_type(v)) {
    case FLOW_JSON_NULL:
        return 1;
    case FLOW_JSON_STRING:
        flow_json_string(v, &len);
        return len == 0;
    case FLOW_JSON_ARRAY:
        return json_array_size(v) == 0;
    case FLOW_JSON_OBJECT:
        return json_object_size(v) == 0;
    default:
        return 0;
    }
}

static void trim(const char **ps, apr_size_t *plen)
{
    while (*plen && strchr(" \t\r\n", **ps) && **ps) {
        ++*ps;
        --*plen;
    }
    while (*plen && strchr(" \t\r\n", (*ps)[*plen - 1]) && (*ps)[*plen - 1])
        --*plen;
}

static int is_true_text(const char *s, apr_size_t len)
{
    if (len == 0)
        return 0;
    trim(&s, &len);
    if (len == 1 && s[0] == '0')
        return 0;
    return len != 5 || strncasecmp(s, "false", 5) != 0;
}

int flow_value_is_true(const json_t *v)
{
    const char *s;
    apr_size_t len;

    if (!v)
        return 0;
    switch (flow_json_type(v)) {
    case FLOW_JSON_NULL:
        return 0;
    case FLOW_JSON_BOOL:
        return json_is_true(v);
    case FLOW_JSON_NUMBER:
        return flow_json_double(v) != 0;
    case FLOW_JSON_STRING:
        s = flow_json_string(v, &len);
        return is_true_text(s, len);
    default:
        return 1;
    }
}

/* JSON's grammar, forgiving a '+', leading zeros and a bare point. */
static json_t *number_from_text(const char *s, apr_size_t len,
                                apr_pool_t *scratch)
{
    json_t *number;
    char *text, *out;
    apr_size_t i = 0;

    trim(&s, &len);
    if (len == 0 || len > NUMBER_TEXT_MAX)
        return NULL;
    number = flow_json_number_new(s, len);
    if (number)
        return number;
    out = text = apr_palloc(scratch, len + 2);
    if (s[0] == '-')
        *out++ = '-';
    if (s[0] == '-' || s[0] == '+')
        ++i;
    /* A sign or a point alone has no digit to forgive around. */
    if (i == len || s[i] == '-' || s[i] == '+' || (s[i] == '.' && i + 1 == len))
        return NULL;
    while (i + 1 < len && s[i] == '0' && s[i + 1] >= '0' && s[i + 1] <= '9')
        ++i;
    if (s[i] == '.')
        *out++ = '0';
    for (; i < len; ++i) {
        if (s[i] == '.' &&
            (i + 1 == len || s[i + 1] == 'e' || s[i + 1] == 'E') && i > 0 &&
            s[i - 1] >= '0' && s[i - 1] <= '9')
            continue;
        *out++ = s[i];
    }
    return flow_json_number_new(text, (apr_size_t)(out - text));
}

json_t *flow_value_to_number(const json_t *v, apr_pool_t *scratch)
{
    const char *s;
    apr_size_t len;

    if (!v)
        return NULL;
    switch (flow_json_type(v)) {
    case FLOW_JSON_NUMBER:
        return json_incref((json_t *)v);
    case FLOW_JSON_BOOL:
        return json_integer(json_is_true(v));
    case FLOW_JSON_STRING:
    case FLOW_JSON_ARRAY:
        s = flow_json_to_text(v, &len, scratch);
        return s ? number_from_text(s, len, scratch) : NULL;
    default:
        return NULL;
    }
}

json_t *flow_value_to_string(const json_t *v, apr_pool_t *scratch)
{
    const char *s;
    apr_size_t len;

    if (v && flow_json_is(v, STRING))
        return json_incref((json_t *)v);
    s = flow_json_to_text(v, &len, scratch);
    return s ? flow_json_string_new(s, len) : NULL;
}

int flow_value_update(json_t *object, const json_t *from)
{
    const char *key;
    size_t len;
    json_t *v;

    json_object_keylen_foreach((json_t *)from, key, len, v)
    {
        if (json_object_setn(object, key, len, v))
            return -1;
    }
    return 0;
}

json_t *flow_value_copy(const json_t *v)
{
    json_t *copy;

    if (flow_json_is(v, ARRAY))
        return json_copy((json_t *)v);
    if (!flow_json_is(v, OBJECT))
        return json_incref((json_t *)v);
    copy = json_object();
    if (copy && flow_value_update(copy, v)) {
        json_decref(copy);
        copy = NULL;
    }
    return copy;
}

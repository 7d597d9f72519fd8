/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_any.h"

#include "data/flow_json.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_TEXT_MAX 4096 /* no number that anybody means is longer */

/* --- making --------------------------------------------------------------- */

flow_any_t flow_any_missing(void)
{
    flow_any_t v = { FLOW_ANY_MISSING };

    return v;
}

flow_any_t flow_any_of_number(double number)
{
    flow_any_t v = { FLOW_ANY_NUMBER };

    v.number = number;
    return v;
}

flow_any_t flow_any_of_bool(int is_true)
{
    flow_any_t v = { FLOW_ANY_BOOL };

    v.number = is_true != 0;
    return v;
}

flow_any_t flow_any_of_text(const char *text, apr_size_t len)
{
    flow_any_t v = { FLOW_ANY_TEXT };

    v.text = text;
    v.len = len;
    return v;
}

json_t *flow_any_to_json(const flow_any_t *v)
{
    if (v->json)
        return json_incref((json_t *)v->json);
    switch (v->type) {
    case FLOW_ANY_BOOL:
        return json_boolean(v->number != 0);
    case FLOW_ANY_NUMBER:
        return flow_json_double_new(v->number);
    case FLOW_ANY_TEXT:
        return flow_json_string_new(v->text, v->len);
    default:
        return json_null();
    }
}

/* --- asking --------------------------------------------------------------- */

const char *flow_any_type_name(const flow_any_t *v)
{
    static const char *const names[] = {
        [FLOW_ANY_MISSING] = "undefined", [FLOW_ANY_NULL] = "object",
        [FLOW_ANY_BOOL] = "boolean",      [FLOW_ANY_NUMBER] = "number",
        [FLOW_ANY_TEXT] = "string",       [FLOW_ANY_ARRAY] = "array",
        [FLOW_ANY_OBJECT] = "object",
    };

    return names[v->type];
}

int flow_any_is_nothing(const flow_any_t *v)
{
    return v->type == FLOW_ANY_MISSING || v->type == FLOW_ANY_NULL;
}

apr_size_t flow_any_format_number(double number, char *tmp)
{
    const char *word;

    if (isfinite(number))
        return flow_json_format_double(number == 0 ? 0 : number, tmp);
    word = isnan(number) ? "NaN" : number < 0 ? "-Infinity" : "Infinity";
    apr_cpystrn(tmp, word, FLOW_JSON_NUMBER_MAX);
    return strlen(word);
}

const char *flow_any_text(const flow_any_t *v, apr_size_t *plen, apr_pool_t *p)
{
    char tmp[FLOW_JSON_NUMBER_MAX];
    const char *text;

    switch (v->type) {
    case FLOW_ANY_TEXT:
        *plen = v->len;
        return v->text;
    case FLOW_ANY_BOOL:
        *plen = v->number != 0 ? 4 : 5;
        return v->number != 0 ? "true" : "false";
    case FLOW_ANY_NUMBER:
        if (!v->json) {
            *plen = flow_any_format_number(v->number, tmp);
            return apr_pstrmemdup(p, tmp, *plen);
        }
        break;
    case FLOW_ANY_ARRAY:
    case FLOW_ANY_OBJECT:
        break;
    default:
        *plen = 0;
        return "";
    }
    text = flow_json_to_text(v->json, plen, p);
    if (!text)
        *plen = 0;
    return text ? text : "";
}

/* 0x, 0o and 0b; -1 when it is none of them. */
static double number_from_prefix(const char *s, apr_size_t len)
{
    int base = s[1] == 'x' || s[1] == 'X'   ? 16
               : s[1] == 'o' || s[1] == 'O' ? 8
               : s[1] == 'b' || s[1] == 'B' ? 2
                                            : 0;
    double d = 0;
    apr_size_t i;

    if (base == 0)
        return -1;
    for (i = 2; i < len; ++i) {
        int digit = apr_isdigit(s[i])    ? s[i] - '0'
                    : apr_isxdigit(s[i]) ? apr_tolower(s[i]) - 'a' + 10
                                         : 99;

        if (digit >= base)
            return NAN;
        d = d * base + digit;
    }
    return len > 2 ? d : NAN;
}

/* Digits, perhaps with a point and an exponent, and nothing else. */
static int is_decimal(const char *s, apr_size_t len)
{
    apr_size_t i = 0, digits = 0;

    if (i < len && (s[i] == '+' || s[i] == '-'))
        ++i;
    for (; i < len && apr_isdigit(s[i]); ++i)
        ++digits;
    if (i < len && s[i] == '.') {
        for (++i; i < len && apr_isdigit(s[i]); ++i)
            ++digits;
    }
    if (digits == 0)
        return 0;
    if (i < len && (s[i] == 'e' || s[i] == 'E')) {
        ++i;
        if (i < len && (s[i] == '+' || s[i] == '-'))
            ++i;
        if (i == len)
            return 0;
        while (i < len && apr_isdigit(s[i]))
            ++i;
    }
    return i == len;
}

double flow_any_number_from_text(const char *s, apr_size_t len)
{
    char tmp[NUMBER_TEXT_MAX + 1];
    double d;

    flow_any_trim(&s, &len);
    if (len == 0)
        return 0;
    if (len > NUMBER_TEXT_MAX)
        return NAN;
    if (len > 2 && s[0] == '0') {
        d = number_from_prefix(s, len);
        if (!(d < 0))
            return d;
    }
    if (!is_decimal(s, len)) {
        int sign = s[0] == '-' || s[0] == '+';

        if (len == 8U + (apr_size_t)sign &&
            memcmp(s + sign, "Infinity", 8) == 0)
            return s[0] == '-' ? -HUGE_VAL : HUGE_VAL;
        return NAN;
    }
    memcpy(tmp, s, len);
    tmp[len] = '\0';
    return strtod(tmp, NULL);
}

double flow_any_number(const flow_any_t *v, apr_pool_t *p)
{
    const char *s;
    apr_size_t len;

    switch (v->type) {
    case FLOW_ANY_NULL:
        return 0;
    case FLOW_ANY_BOOL:
        return v->number;
    case FLOW_ANY_NUMBER:
        return v->json ? flow_json_double(v->json) : v->number;
    case FLOW_ANY_TEXT:
        return flow_any_number_from_text(v->text, v->len);
    case FLOW_ANY_ARRAY:
        s = flow_any_text(v, &len, p);
        return flow_any_number_from_text(s, len);
    default:
        return NAN;
    }
}

int flow_any_is_true(const flow_any_t *v)
{
    double d;

    switch (v->type) {
    case FLOW_ANY_MISSING:
    case FLOW_ANY_NULL:
        return 0;
    case FLOW_ANY_BOOL:
        return v->number != 0;
    case FLOW_ANY_NUMBER:
        d = v->json ? flow_json_double(v->json) : v->number;
        return d != 0 && !isnan(d);
    case FLOW_ANY_TEXT:
        return v->len > 0;
    default:
        return 1;
    }
}

int flow_any_is_empty(const flow_any_t *v)
{
    if (v->type == FLOW_ANY_ARRAY)
        return json_array_size(v->json) == 0;
    if (v->type == FLOW_ANY_NUMBER)
        return isnan(flow_any_number(v, NULL));
    return !flow_any_is_true(v);
}

/* --- comparing ------------------------------------------------------------ */

/* Numbers that a record holds are compared with all their digits. */
static int numbers_are_equal(const flow_any_t *a, const flow_any_t *b)
{
    if (a->json && b->json)
        return flow_json_equal(a->json, b->json);
    return flow_any_number(a, NULL) == flow_any_number(b, NULL);
}

static int texts_are_equal(const flow_any_t *a, const flow_any_t *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

int flow_any_is_same(const flow_any_t *a, const flow_any_t *b)
{
    if (a->type != b->type)
        return 0;
    switch (a->type) {
    case FLOW_ANY_BOOL:
        return a->number == b->number;
    case FLOW_ANY_NUMBER:
        return numbers_are_equal(a, b);
    case FLOW_ANY_TEXT:
        return texts_are_equal(a, b);
    case FLOW_ANY_ARRAY:
    case FLOW_ANY_OBJECT:
        return a->json == b->json;
    default:
        return 1;
    }
}

static int is_container(const flow_any_t *v)
{
    return v->type == FLOW_ANY_ARRAY || v->type == FLOW_ANY_OBJECT;
}

int flow_any_is_equal(const flow_any_t *a, const flow_any_t *b, apr_pool_t *p)
{
    flow_any_t text;
    const char *s;
    apr_size_t len;

    if (flow_any_is_nothing(a) || flow_any_is_nothing(b))
        return flow_any_is_nothing(a) && flow_any_is_nothing(b);
    if (a->type == b->type)
        return flow_any_is_same(a, b);
    if (is_container(a) && is_container(b))
        return 0;
    if (is_container(a) || is_container(b)) {
        const flow_any_t *container = is_container(a) ? a : b;

        s = flow_any_text(container, &len, p);
        text = flow_any_of_text(s, len);
        return flow_any_is_equal(&text, container == a ? b : a, p);
    }
    return flow_any_number(a, p) == flow_any_number(b, p);
}

static int is_text_like(const flow_any_t *v)
{
    return v->type == FLOW_ANY_TEXT || is_container(v);
}

int flow_any_is_less(const flow_any_t *a, const flow_any_t *b, apr_pool_t *p)
{
    apr_int64_t m, n;
    double x, y;

    if (is_text_like(a) && is_text_like(b)) {
        apr_size_t alen, blen;
        const char *s = flow_any_text(a, &alen, p);
        const char *t = flow_any_text(b, &blen, p);
        int cmp = memcmp(s, t, alen < blen ? alen : blen);

        return cmp < 0 || (cmp == 0 && alen < blen);
    }
    if (a->type == FLOW_ANY_NUMBER && b->type == FLOW_ANY_NUMBER && a->json &&
        b->json && flow_json_int64(a->json, &m) && flow_json_int64(b->json, &n))
        return m < n;
    x = flow_any_number(a, p);
    y = flow_any_number(b, p);
    return isnan(x) || isnan(y) ? -1 : x < y;
}

/* --- text ----------------------------------------------------------------- */

apr_size_t flow_any_space(const char *s, apr_size_t len)
{
    unsigned char c = len ? (unsigned char)*s : 0, d, e;

    if (c == ' ' || (c >= '\t' && c <= '\r'))
        return 1;
    if (len < 2 || c < 0xc2)
        return 0;
    d = (unsigned char)s[1];
    if (c == 0xc2)
        return d == 0xa0 ? 2 : 0;
    if (len < 3)
        return 0;
    e = (unsigned char)s[2];
    if ((c == 0xe1 && d == 0x9a && e == 0x80) || /* U+1680 */
        (c == 0xe2 && d == 0x80 &&
         (e <= 0x8a || e == 0xa8 || e == 0xa9 || e == 0xaf)) ||
        (c == 0xe2 && d == 0x81 && e == 0x9f) || /* U+205F */
        (c == 0xe3 && d == 0x80 && e == 0x80) || /* U+3000 */
        (c == 0xef && d == 0xbb && e == 0xbf))   /* U+FEFF */
        return 3;
    return 0;
}

apr_size_t flow_any_space_before(const char *s, apr_size_t len)
{
    apr_size_t n;

    for (n = 1; n <= 3 && n <= len; ++n) {
        if (flow_any_space(s + len - n, n) == n)
            return n;
    }
    return 0;
}

void flow_any_trim(const char **ps, apr_size_t *plen)
{
    apr_size_t n;

    while ((n = flow_any_space(*ps, *plen)) != 0) {
        *ps += n;
        *plen -= n;
    }
    while ((n = flow_any_space_before(*ps, *plen)) != 0)
        *plen -= n;
}

apr_size_t flow_any_units(const char *s, apr_size_t len)
{
    apr_size_t i, n = 0;

    for (i = 0; i < len; ++i) {
        unsigned char c = (unsigned char)s[i];

        n += ((c & 0xc0) != 0x80) + (c >= 0xf0);
    }
    return n;
}

apr_size_t flow_any_unit_offset(const char *s, apr_size_t len, apr_size_t units)
{
    apr_size_t i = 0;

    while (i < len && units > 0) {
        unsigned char c = (unsigned char)s[i];
        apr_size_t wide = c >= 0xf0 ? 2 : 1;

        if (wide > units)
            break;
        units -= wide;
        for (++i; i < len && ((unsigned char)s[i] & 0xc0) == 0x80;)
            ++i;
    }
    return i;
}

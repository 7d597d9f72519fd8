/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_helper_private.h"

#include "base/flow_sign.h"
#include "data/flow_json.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- numbers as text ------------------------------------------------------ */

#define SPARE_DIGITS 40 /* enough to tell a tie from what is a little more */

/* Round the decimal digits at @a s (with a point somewhere, perhaps) to @a keep
 * characters, halves up. Returns 1 when a digit was carried out in front. */
static int round_digits(char *s, apr_size_t keep)
{
    char *c = s + keep;
    int carry;

    if (*c == '.')
        ++c;
    carry = *c >= '5';
    s[keep] = '\0';
    for (c = s + keep; carry && c-- > s;) {
        if (*c == '.')
            continue;
        if (*c == '9') {
            *c = '0';
        }
        else {
            ++*c;
            carry = 0;
        }
    }
    return carry;
}

static char *write_sign(double *pd, char *tmp)
{
    if (*pd < 0) {
        *tmp++ = '-';
        *pd = -*pd;
    }
    return tmp;
}

void flow_format_fixed(double d, int digits, char *tmp)
{
    char all[FLOW_FORMAT_MAX];
    char *o = tmp, *point;
    apr_size_t keep;

    if (!isfinite(d) || fabs(d) >= 1e21) {
        flow_any_format_number(d, tmp);
        return;
    }
    o = write_sign(&d, o);
    snprintf(all, sizeof(all), "%.*f", digits + SPARE_DIGITS, d);
    point = strchr(all, '.');
    keep = (apr_size_t)(point - all) + (digits ? (apr_size_t)digits + 1 : 0);
    if (round_digits(all, keep))
        *o++ = '1';
    apr_cpystrn(o, all, FLOW_FORMAT_MAX - 2);
}

/* d = 0.DDDD... * 10^(*pe + 1), to @a count digits. */
static void significant(double d, int count, char *digits, int *pe)
{
    char all[FLOW_FORMAT_MAX];
    char *e;

    snprintf(all, sizeof(all), "%.*e", count - 1 + SPARE_DIGITS, d);
    e = strchr(all, 'e');
    *pe = (int)strtol(e + 1, NULL, 10);
    *e = '\0';
    memmove(all + 1, all + 2, strlen(all + 2) + 1); /* the point */
    if (round_digits(all, (apr_size_t)count)) {
        memmove(all + 1, all, (apr_size_t)count - 1);
        all[0] = '1';
        ++*pe;
    }
    memcpy(digits, all, (apr_size_t)count);
    digits[count] = '\0';
}

/* As many digits as the shortest text has. */
static int shortest_digits(double d, char *digits, int *pe)
{
    char tmp[FLOW_JSON_NUMBER_MAX], *c;
    int n = 0, point = -1, e = 0, i;

    flow_json_format_double(d, tmp);
    for (c = tmp; *c && *c != 'e'; ++c) {
        if (*c == '.')
            point = n;
        else
            digits[n++] = *c;
    }
    if (*c == 'e')
        e = (int)strtol(c + 1, NULL, 10);
    if (point < 0)
        point = n;
    for (i = 0; i < n - 1 && digits[i] == '0'; ++i)
        ;
    memmove(digits, digits + i, (apr_size_t)(n - i));
    n -= i;
    *pe = e + point - i - 1;
    while (n > 1 && digits[n - 1] == '0')
        --n;
    digits[n] = '\0';
    return n;
}

static void write_exponent(char *o, const char *digits, int e)
{
    apr_size_t n = strlen(digits);

    *o++ = digits[0];
    if (n > 1) {
        *o++ = '.';
        memcpy(o, digits + 1, n - 1);
        o += n - 1;
    }
    apr_snprintf(o, 16, "e%c%d", e < 0 ? '-' : '+', e < 0 ? -e : e);
}

void flow_format_exponential(double d, int digits, char *tmp)
{
    char text[FLOW_FORMAT_MAX];
    char *o;
    int e = 0;

    if (!isfinite(d)) {
        flow_any_format_number(d, tmp);
        return;
    }
    o = write_sign(&d, tmp);
    if (d == 0)
        significant(0, digits < 0 ? 1 : digits + 1, text, &e);
    else if (digits < 0)
        shortest_digits(d, text, &e);
    else
        significant(d, digits + 1, text, &e);
    write_exponent(o, text, e);
}

void flow_format_precision(double d, int precision, char *tmp)
{
    char digits[FLOW_FORMAT_MAX];
    char *o;
    int e, i;

    if (!isfinite(d)) {
        flow_any_format_number(d, tmp);
        return;
    }
    o = write_sign(&d, tmp);
    significant(d, precision, digits, &e);
    if (e < -6 || e >= precision) {
        write_exponent(o, digits, e);
        return;
    }
    if (e < 0) {
        o = apr_cpystrn(o, "0.", 3);
        for (i = -1; i > e; --i)
            *o++ = '0';
        apr_cpystrn(o, digits, FLOW_FORMAT_MAX - 16);
        return;
    }
    for (i = 0; digits[i]; ++i) {
        if (i == e + 1)
            *o++ = '.';
        *o++ = digits[i];
    }
    *o = '\0';
}

/* --- arithmetic ----------------------------------------------------------- */

static apr_status_t give(flow_any_t *out, double d)
{
    *out = flow_any_of_number(d);
    return APR_SUCCESS;
}

static apr_status_t abs_(flow_helper_call_t *call, flow_any_t *out)
{
    return give(out, fabs(flow_helper_number(call, 0)));
}

static apr_status_t add(flow_helper_call_t *call, flow_any_t *out)
{
    double d = 0;
    int i;

    for (i = 0; i < call->n; ++i)
        d += flow_helper_number(call, i);
    return give(out, d);
}

static apr_status_t avg(flow_helper_call_t *call, flow_any_t *out)
{
    add(call, out);
    return give(out, out->number / call->n);
}

static apr_status_t subtract(flow_helper_call_t *call, flow_any_t *out)
{
    return give(out, flow_helper_number(call, 0) - flow_helper_number(call, 1));
}

static apr_status_t multiply(flow_helper_call_t *call, flow_any_t *out)
{
    return give(out, flow_helper_number(call, 0) * flow_helper_number(call, 1));
}

static apr_status_t divide(flow_helper_call_t *call, flow_any_t *out)
{
    return give(out, flow_helper_number(call, 0) / flow_helper_number(call, 1));
}

static apr_status_t modulo(flow_helper_call_t *call, flow_any_t *out)
{
    return give(out,
                fmod(flow_helper_number(call, 0), flow_helper_number(call, 1)));
}

static apr_status_t sum(flow_helper_call_t *call, flow_any_t *out)
{
    double d = 0;
    apr_size_t k;
    int i;

    for (i = 0; i < call->n; ++i) {
        const flow_any_t *v = &call->args[i];

        if (v->type != FLOW_ANY_ARRAY) {
            d += flow_any_number(v, call->p);
            continue;
        }
        for (k = 0; k < json_array_size(v->json); ++k) {
            flow_any_t element = flow_any_from(json_array_get(v->json, k));

            d += flow_any_number(&element, call->p);
        }
    }
    return give(out, d);
}

static apr_status_t ceil_(flow_helper_call_t *call, flow_any_t *out)
{
    return give(out, ceil(flow_helper_number(call, 0)));
}

static apr_status_t floor_(flow_helper_call_t *call, flow_any_t *out)
{
    return give(out, floor(flow_helper_number(call, 0)));
}

/* Halves go up, also below zero. */
static apr_status_t round_(flow_helper_call_t *call, flow_any_t *out)
{
    double d = flow_helper_number(call, 0), low = floor(d);

    return give(out, d - low >= 0.5 ? low + 1 : low);
}

/* --- numbers as text ------------------------------------------------------ */

static apr_status_t give_text(const flow_helper_call_t *call, const char *tmp,
                              flow_any_t *out)
{
    apr_size_t len = strlen(tmp);

    *out = flow_any_of_text(apr_pstrmemdup(call->p, tmp, len), len);
    return APR_SUCCESS;
}

/* The digits argument, or an error when it is beyond JavaScript's range. */
static apr_status_t digits_of(const flow_helper_call_t *call, int least,
                              int *pdigits)
{
    double d = flow_helper_number(call, 1);

    if (isnan(d))
        d = 0;
    d = trunc(d);
    if (d < least || d > 100) {
        return flow_helper_fail(call, "template_value",
                                "digits must be %d to 100", least);
    }
    *pdigits = (int)d;
    return APR_SUCCESS;
}

static apr_status_t to_fixed(flow_helper_call_t *call, flow_any_t *out)
{
    char tmp[FLOW_FORMAT_MAX];
    int digits = 0;
    apr_status_t rv = digits_of(call, 0, &digits);

    if (rv != APR_SUCCESS)
        return rv;
    flow_format_fixed(flow_helper_number(call, 0), digits, tmp);
    return give_text(call, tmp, out);
}

static apr_status_t to_exponential(flow_helper_call_t *call, flow_any_t *out)
{
    char tmp[FLOW_FORMAT_MAX];
    flow_any_t given = flow_helper_arg(call, 1);
    int digits = -1;
    apr_status_t rv = APR_SUCCESS;

    if (!flow_any_is_nothing(&given))
        rv = digits_of(call, 0, &digits);
    if (rv != APR_SUCCESS)
        return rv;
    flow_format_exponential(flow_helper_number(call, 0), digits, tmp);
    return give_text(call, tmp, out);
}

static apr_status_t to_precision(flow_helper_call_t *call, flow_any_t *out)
{
    char tmp[FLOW_FORMAT_MAX];
    int digits = 0;
    apr_status_t rv = digits_of(call, 1, &digits);

    if (rv != APR_SUCCESS)
        return rv;
    flow_format_precision(flow_helper_number(call, 0), digits, tmp);
    return give_text(call, tmp, out);
}

/* --- random --------------------------------------------------------------- */

#define RANDOM_MAX 10000

static apr_status_t random_(flow_helper_call_t *call, flow_any_t *out)
{
    static const char hex[] = "0123456789abcdef";
    apr_size_t kind_len, n, i = 0;
    const char *kind = flow_helper_text(call, 0, &kind_len);
    int is_number = kind_len == 6 && memcmp(kind, "number", 6) == 0;
    unsigned char byte[64];
    char *text;

    if (!is_number && !(kind_len == 6 && memcmp(kind, "crypto", 6) == 0) &&
        !(kind_len == 4 && memcmp(kind, "uuid", 4) == 0)) {
        return flow_helper_fail(call, "template_value",
                                "the kind must be crypto, uuid or number");
    }
    n = flow_helper_count(call, 1, 32);
    if (n > RANDOM_MAX) {
        return flow_helper_fail(call, "template_value",
                                "the length must be at most %d", RANDOM_MAX);
    }
    text = apr_palloc(call->p, n + 1);
    while (i < n) {
        apr_size_t k;

        if (flow_random(byte, sizeof(byte)) != APR_SUCCESS) {
            return flow_error_set(call->err, FLOW_E_INTERNAL, APR_EGENERAL,
                                  "random_failed",
                                  "the system gives no random bytes");
        }
        for (k = 0; k < sizeof(byte) && i < n; ++k) {
            /* 250 is the last multiple of 10: no digit is likelier */
            if (is_number && byte[k] < 250)
                text[i++] = (char)('0' + byte[k] % 10);
            else if (!is_number)
                text[i++] = hex[byte[k] & 15];
        }
    }
    text[n] = '\0';
    *out = flow_any_of_text(text, n);
    return APR_SUCCESS;
}

/* clang-format off */
static const flow_helper_t rows[] = {
    { "abs", 1, 1, abs_, NULL, 0, "number", "Absolute value.", "{{abs \"-123\"}}", "123" },
    { "add", 1, FLOW_HELPER_ANY, add, NULL, 0, "number...", "Sum of the arguments.", "{{add \"2\" \"5\"}}", "7" },
    { "subtract", 2, 2, subtract, NULL, 0, "a b", "a - b", "{{subtract \"6\" 3}}", "3" },
    { "multiply", 2, 2, multiply, NULL, 0, "a b", "a * b", "{{multiply 100 \"0.9\"}}", "90" },
    { "divide", 2, 2, divide, NULL, 0, "a b", "a / b", "{{divide \"2002\" \"100\"}}", "20.02" },
    { "modulo", 2, 2, modulo, NULL, 0, "a b", "The remainder, with the sign of a.", "{{modulo 7 3}}", "1" },
    { "avg", 1, FLOW_HELPER_ANY, avg, NULL, 0, "number...", "Mean of the arguments.", "{{avg \"2\" \"5\" \"2\"}}", "3" },
    { "sum", 1, FLOW_HELPER_ANY, sum, NULL, 0, "value...", "Sum of the arguments; of an array, of its elements.", "{{sum (jsonParse \"[2,5,7,8,9]\")}}", "31" },
    { "ceil", 1, 1, ceil_, NULL, 0, "number", "The next whole number up.", "{{ceil -2.8}}", "-2" },
    { "floor", 1, 1, floor_, NULL, 0, "number", "The next whole number down.", "{{floor -2.8}}", "-3" },
    { "round", 1, 1, round_, NULL, 0, "number", "The nearest whole number; halves go up.", "{{round \"29.77\"}}", "30" },
    { "toFixed", 1, 2, to_fixed, NULL, 0, "number [digits=0]", "Text with so many digits behind the point.", "{{toFixed 29.7777 2}}", "29.78" },
    { "toExponential", 1, 2, to_exponential, NULL, 0, "number [digits]", "Text with an exponent, as JavaScript writes it.", "{{toExponential \"12345\" 2}}", "1.23e+4" },
    { "toPrecision", 2, 2, to_precision, NULL, 0, "number digits", "Text with so many digits in all.", "{{toPrecision 123456 5}}", "1.2346e+5" },
    { "random", 1, 2, random_, NULL, 0, "kind [length=32]", "Random text: `crypto` and `uuid` give hex digits, `number` decimal ones. At most 10,000.", NULL, NULL },
};
/* clang-format on */

const flow_helper_table_t flow_helpers_math = {
    "Numbers", rows, sizeof(rows) / sizeof(rows[0])
};

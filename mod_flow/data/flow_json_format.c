/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/flow_json_private.h"

/*
 * The shortest text of a double. flow_json_number.c says why a decimal of at
 * most 15 digits that reads back must be it. For the rest the C library is
 * asked, in ways in which the locale has no say.
 */

#define SAFE_DIGITS   15
#define SAFE_MANTISSA 1e15
#define QUICK_SCALE   12 /* digits behind the point that are tried at once */

static const double power_of_ten[QUICK_SCALE + 1] = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
};

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits without zeros at the end; value = 0.digits * 10^point. */
typedef struct digits_t {
    char digit[20];
    int n;
    int point;
} digits_t;

static void digits_trim(digits_t *digits)
{
    while (digits->n > 1 && digits->digit[digits->n - 1] == '0') {
        --digits->n;
    }
}

static void digits_from_integer(digits_t *digits, apr_uint64_t m, int scale)
{
    char tmp[20];
    int n = 0;

    while (m) {
        tmp[n++] = (char)('0' + m % 10);
        m /= 10;
    }
    digits->n = n;
    digits->point = n - scale;
    while (n) {
        digits->digit[digits->n - n] = tmp[n - 1];
        --n;
    }
    digits_trim(digits);
}

/* Prices, coordinates and the like: few digits and a small scale. */
static int digits_quickly(digits_t *digits, double d)
{
    int k;

    for (k = 0; k <= QUICK_SCALE; ++k) {
        double m = nearbyint(d * power_of_ten[k]);

        if (m >= SAFE_MANTISSA) {
            return 0;
        }
        if (m >= 1 && m / power_of_ten[k] == d) {
            digits_from_integer(digits, (apr_uint64_t)m, k);
            return 1;
        }
    }
    return 0;
}

/* |n| below 1000 */
static char *put_exponent(char *o, int n)
{
    *o++ = n < 0 ? '-' : '+';
    n = n < 0 ? -n : n;
    if (n >= 100) {
        *o++ = (char)('0' + n / 100);
    }
    if (n >= 10) {
        *o++ = (char)('0' + n / 10 % 10);
    }
    *o++ = (char)('0' + n % 10);
    return o;
}

static int digits_read_back(const digits_t *digits, double d)
{
    char tmp[48];
    char *o = tmp;

    memcpy(o, digits->digit, (size_t)digits->n);
    o += digits->n;
    *o++ = 'e';
    o = put_exponent(o, digits->point - digits->n);
    *o = '\0';
    return strtod(tmp, NULL) == d;
}

/* The next larger decimal of as many digits. */
static void digits_increment(digits_t *digits)
{
    int i = digits->n;

    while (i > 0 && digits->digit[i - 1] == '9') {
        digits->digit[--i] = '0';
    }
    if (i > 0) {
        ++digits->digit[i - 1];
        return;
    }
    digits->digit[0] = '1';
    ++digits->point;
}

/* The n-digit decimal next to d. Whatever character the locale puts between
 * the digits is passed over. */
static void digits_nearest(digits_t *digits, double d, int n)
{
    char tmp[48];
    const char *s;

    snprintf(tmp, sizeof(tmp), "%.*e", n - 1, d);
    digits->n = 0;
    for (s = tmp; *s && *s != 'e'; ++s) {
        if (is_digit(*s)) {
            digits->digit[digits->n++] = *s;
        }
    }
    digits->point = (*s ? (int)strtol(s + 1, NULL, 10) : 0) + 1;
}

/* The fewest digits that read back as d, of these the nearest to d. */
static void digits_shortest(digits_t *digits, double d)
{
    /* with few bits, 15 digits are not the least that can tell them apart */
    int n = d < 1e-290 ? 1 : SAFE_DIGITS;
    int exponent;
    int is_power_of_two = frexp(d, &exponent) == 0.5;

    for (; n < 17; ++n) {
        digits_nearest(digits, d, n);
        if (digits_read_back(digits, d)) {
            break;
        }
        /* Below a power of two doubles are twice as dense: the nearest decimal
         * may lie just outside on that side while the next one above reads
         * back. */
        if (is_power_of_two) {
            digits_increment(digits);
            if (digits_read_back(digits, d)) {
                break;
            }
        }
    }
    if (n == 17) {
        digits_nearest(digits, d, n);
    }
    digits_trim(digits);
}

static char *put_digits(char *o, const char *digit, int n)
{
    memcpy(o, digit, (size_t)n);
    return o + n;
}

static char *put_zeros(char *o, int n)
{
    memset(o, '0', (size_t)n);
    return o + n;
}

/* The four forms of JavaScript's Number::toString. */
static char *put_number(char *o, const digits_t *digits)
{
    int n = digits->n, point = digits->point;

    if (point > 0 && point <= 21) {
        if (n <= point) {
            o = put_digits(o, digits->digit, n);
            return put_zeros(o, point - n);
        }
        o = put_digits(o, digits->digit, point);
        *o++ = '.';
        return put_digits(o, digits->digit + point, n - point);
    }
    if (point > -6 && point <= 0) {
        *o++ = '0';
        *o++ = '.';
        o = put_zeros(o, -point);
        return put_digits(o, digits->digit, n);
    }
    *o++ = digits->digit[0];
    if (n > 1) {
        *o++ = '.';
        o = put_digits(o, digits->digit + 1, n - 1);
    }
    *o++ = 'e';
    return put_exponent(o, point - 1);
}

apr_size_t flow_json_format_double(double d, char tmp[FLOW_JSON_NUMBER_MAX])
{
    digits_t digits = { "", 0, 0 };
    char *o = tmp;

    if (signbit(d)) {
        *o++ = '-';
        d = -d;
    }
    if (d == 0) {
        *o++ = '0';
    }
    else {
        if (!digits_quickly(&digits, d)) {
            digits_shortest(&digits, d);
        }
        o = put_number(o, &digits);
    }
    *o = '\0';
    return (apr_size_t)(o - tmp);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/flow_json_private.h"

/*
 * Two facts carry this file. A decimal of at most 15 digits survives the way
 * through a (normal) double and back; so if such a decimal reads as d, no
 * other one does, and it is the shortest text of d. And m / 10^k is correctly
 * rounded by the machine itself while m <= 2^53 and k <= 22, because both are
 * exact doubles.
 *
 * The C library is asked only with digits and an exponent, never with a
 * decimal point, so that the locale has no say.
 */

#define TWO_53          9007199254740992.0
#define EXACT_POWERS    22
#define SAFE_DIGITS     15
#define SAFE_MANTISSA   1000000000000000ULL /* 10^15 */
#define MANTISSA_DIGITS 19                  /* any 19 digits fit 64 bits */

/* No decimal needs more digits to be rounded correctly, if what follows them
 * is known to be zero or not: 767 is the worst case. */
#define ROUNDING_DIGITS 780

#define EXPONENT_LIMIT  ((apr_int64_t)100000000000000000LL) /* 10^17 */

static const double power_of_ten[EXACT_POWERS + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* --- reading ---------------------------------------------------------------*/

static const char *lex_digits(flow_json_lexeme_t *lex, const char *s,
                              const char *end)
{
    const char *start = s;

    while (s < end && is_digit(*s)) {
        /* wraps when there are too many; n_digits tells */
        lex->mantissa = lex->mantissa * 10 + (apr_uint64_t)(*s - '0');
        ++s;
    }
    lex->n_digits += (apr_size_t)(s - start);
    return s;
}

static const char *lex_exponent(flow_json_lexeme_t *lex, const char *s,
                                const char *end)
{
    int is_negative = 0;
    apr_int64_t n = 0;

    if (s < end && (*s == '+' || *s == '-')) {
        is_negative = *s++ == '-';
    }
    if (s == end || !is_digit(*s)) {
        lex->has_exponent = -1;
        return s;
    }
    for (; s < end && is_digit(*s); ++s) {
        if (n < EXPONENT_LIMIT) {
            n = n * 10 + (*s - '0');
        }
    }
    lex->has_exponent = 1;
    lex->exponent = is_negative ? -n : n;
    return s;
}

int flow_json_number_lex(flow_json_lexeme_t *lex, const char *s, apr_size_t len)
{
    const char *start = s;
    const char *end = s + len;
    int is_good = 0;

    memset(lex, 0, sizeof(*lex));
    if (s < end && *s == '-') {
        lex->is_negative = 1;
        ++s;
    }
    if (s == end || !is_digit(*s)) {
        goto done;
    }
    if (*s == '0') {
        lex->n_digits = 1;
        ++s;
        if (s < end && is_digit(*s)) {
            goto done;
        }
    }
    else {
        s = lex_digits(lex, s, end);
    }
    if (s < end && *s == '.') {
        apr_size_t before = lex->n_digits;

        s = lex_digits(lex, s + 1, end);
        lex->n_fraction = lex->n_digits - before;
        if (lex->n_fraction == 0) {
            goto done;
        }
    }
    if (s < end && (*s == 'e' || *s == 'E')) {
        s = lex_exponent(lex, s + 1, end);
    }
    is_good = lex->has_exponent >= 0;

done:
    lex->len = (apr_size_t)(s - start);
    return is_good;
}

/* --- exact decimals --------------------------------------------------------*/

/* d.ddd * 10^exponent, without zeros at either end. */
typedef struct decimal_t {
    const char *first; /* its digits; a point may stand between them */
    apr_size_t n_digits;
    apr_int64_t exponent; /* of the first digit */
    int is_negative;
    int is_huge; /* the exponent is beyond what we count */
} decimal_t;

static void decimal_read(decimal_t *dec, const char *text, apr_size_t len)
{
    flow_json_lexeme_t lex;
    const char *s, *end, *last = NULL, *first = NULL;
    apr_int64_t place;

    memset(dec, 0, sizeof(*dec));
    flow_json_number_lex(&lex, text, len);
    s = text + lex.is_negative;
    end = text + len;
    place = (apr_int64_t)(lex.n_digits - lex.n_fraction);
    for (; s < end && *s != 'e' && *s != 'E'; ++s) {
        if (*s == '.') {
            continue;
        }
        --place;
        if (*s != '0') {
            if (!first) {
                first = s;
                dec->exponent = place;
                dec->n_digits = 0;
            }
            last = s;
        }
    }
    if (!first) {
        return;
    }
    for (s = first; s <= last; ++s) {
        dec->n_digits += *s != '.';
    }
    dec->first = first;
    dec->is_negative = lex.is_negative;
    dec->is_huge =
        lex.exponent >= EXPONENT_LIMIT || lex.exponent <= -EXPONENT_LIMIT;
    dec->exponent += lex.exponent;
}

/* The next digit; steps over the point. */
static char next_digit(const char **ps)
{
    if (**ps == '.') {
        ++*ps;
    }
    return *(*ps)++;
}

int flow_json_number_equal(const char *a, apr_size_t alen, const char *b,
                           apr_size_t blen)
{
    decimal_t x, y;
    const char *s, *t;
    apr_size_t i;

    decimal_read(&x, a, alen);
    decimal_read(&y, b, blen);
    if (x.n_digits != y.n_digits || x.is_negative != y.is_negative) {
        return 0;
    }
    if (x.is_huge || y.is_huge) {
        return alen == blen && memcmp(a, b, alen) == 0;
    }
    if (x.exponent != y.exponent) {
        return 0;
    }
    s = x.first;
    t = y.first;
    for (i = 0; i < x.n_digits; ++i) {
        if (next_digit(&s) != next_digit(&t)) {
            return 0;
        }
    }
    return 1;
}

int flow_json_number_order(const char *a, apr_size_t alen, const char *b,
                           apr_size_t blen)
{
    decimal_t x, y;
    const char *s, *t;
    apr_size_t i;
    int sign, order = 0;

    decimal_read(&x, a, alen);
    decimal_read(&y, b, blen);
    if (x.n_digits == 0 || y.n_digits == 0 || x.is_negative != y.is_negative) {
        int xs = x.n_digits == 0 ? 0 : x.is_negative ? -1 : 1;
        int ys = y.n_digits == 0 ? 0 : y.is_negative ? -1 : 1;

        return (xs > ys) - (xs < ys);
    }
    sign = x.is_negative ? -1 : 1;
    if (x.exponent != y.exponent) {
        return x.exponent > y.exponent ? sign : -sign;
    }
    s = x.first;
    t = y.first;
    for (i = 0; order == 0 && i < x.n_digits && i < y.n_digits; ++i) {
        order = next_digit(&s) - next_digit(&t);
    }
    if (order == 0) {
        order = (x.n_digits > y.n_digits) - (x.n_digits < y.n_digits);
    }
    return order > 0 ? sign : order < 0 ? -sign : 0;
}

/* Correctly rounded, by the C library. */
static double decimal_to_double(const char *text, apr_size_t len)
{
    char tmp[ROUNDING_DIGITS + 32];
    decimal_t dec;
    const char *s;
    apr_size_t i, n;
    double d;

    decimal_read(&dec, text, len);
    if (dec.n_digits == 0 || dec.exponent < -400) {
        d = 0;
    }
    else if (dec.exponent > 400) {
        d = HUGE_VAL;
    }
    else {
        n = dec.n_digits < ROUNDING_DIGITS ? dec.n_digits : ROUNDING_DIGITS;
        s = dec.first;
        for (i = 0; i < n; ++i) {
            tmp[i] = next_digit(&s);
        }
        if (n < dec.n_digits) {
            tmp[n++] = '1'; /* there was more, and it was not zero */
        }
        snprintf(tmp + n, sizeof(tmp) - n, "e%d",
                 (int)dec.exponent - (int)n + 1);
        d = strtod(tmp, NULL);
    }
    return text[0] == '-' ? -d : d;
}

static double lexeme_to_double(const flow_json_lexeme_t *lex, const char *s)
{
    apr_int64_t scale = lex->exponent - (apr_int64_t)lex->n_fraction;
    double d;

    if (lex->n_digits > MANTISSA_DIGITS ||
        lex->mantissa > (apr_uint64_t)TWO_53 || scale > EXACT_POWERS ||
        scale < -EXACT_POWERS) {
        return decimal_to_double(s, lex->len);
    }
    d = (double)lex->mantissa;
    d = scale < 0 ? d / power_of_ten[-scale] : d * power_of_ten[scale];
    return lex->is_negative ? -d : d;
}

/* --- making values ---------------------------------------------------------*/

static json_t *make_raw(const char *s, apr_size_t len)
{
    char small[128];
    char *text = len < sizeof(small) ? small : malloc(len + 1);
    json_t *v = NULL;

    if (text) {
        text[0] = FLOW_JSON_RAW;
        memcpy(text + 1, s, len);
        v = json_stringn_nocheck(text, len + 1);
    }
    if (text != small) {
        free(text);
    }
    return v;
}

/* A plain integer of 64 bits? "-0" is none: it would lose its sign. */
static int lexeme_to_int64(const flow_json_lexeme_t *lex, json_int_t *pn)
{
    apr_uint64_t limit = (apr_uint64_t)APR_INT64_MAX + lex->is_negative;

    if (lex->n_fraction || lex->has_exponent ||
        lex->n_digits > MANTISSA_DIGITS || lex->mantissa > limit ||
        (lex->is_negative && lex->mantissa == 0)) {
        return 0;
    }
    *pn = lex->is_negative ? (json_int_t)(0 - lex->mantissa)
                           : (json_int_t)lex->mantissa;
    return 1;
}

/* Is the text evidently the shortest one of its double? See the top. */
static int is_evidently_shortest(const flow_json_lexeme_t *lex, const char *s)
{
    static const apr_uint64_t least[] = { 1,     10,     100,    1000,
                                          10000, 100000, 1000000 };

    if (lex->n_fraction == 0 || lex->has_exponent ||
        lex->n_digits > MANTISSA_DIGITS || lex->mantissa >= SAFE_MANTISSA ||
        s[lex->len - 1] == '0') {
        return 0;
    }
    /* below 1e-6 the shortest text has an exponent; up to 12 digits behind
     * the point are enough for records */
    return lex->n_fraction <= 6 ||
           (lex->n_fraction <= 12 &&
            lex->mantissa >= least[lex->n_fraction - 6]);
}

json_t *flow_json_number_make(const flow_json_lexeme_t *lex, const char *s)
{
    char tmp[FLOW_JSON_NUMBER_MAX];
    json_int_t n;
    double d;

    if (lexeme_to_int64(lex, &n)) {
        return json_integer(n);
    }
    d = lexeme_to_double(lex, s);
    if (is_evidently_shortest(lex, s)) {
        return json_real(d);
    }
    if (isfinite(d) && d != 0 && lex->len < sizeof(tmp) &&
        flow_json_format_double(d, tmp) == lex->len &&
        memcmp(tmp, s, lex->len) == 0) {
        return json_real(d);
    }
    return make_raw(s, lex->len);
}

json_t *flow_json_number_new(const char *text, apr_size_t len)
{
    flow_json_lexeme_t lex;

    if (!flow_json_number_lex(&lex, text, len) || lex.len != len) {
        return NULL;
    }
    return flow_json_number_make(&lex, text);
}

json_t *flow_json_double_new(double d)
{
    if (!isfinite(d)) {
        return json_null();
    }
    if (d >= -TWO_53 && d <= TWO_53 && floor(d) == d) {
        return json_integer((json_int_t)d);
    }
    return json_real(d);
}

/* --- asking ----------------------------------------------------------------*/

static apr_size_t format_int64(json_int_t n, char tmp[FLOW_JSON_NUMBER_MAX])
{
    apr_uint64_t m = n < 0 ? 0 - (apr_uint64_t)n : (apr_uint64_t)n;
    char digit[20];
    int i = 0;
    char *o = tmp;

    do {
        digit[i++] = (char)('0' + m % 10);
        m /= 10;
    } while (m);
    if (n < 0) {
        *o++ = '-';
    }
    while (i) {
        *o++ = digit[--i];
    }
    *o = '\0';
    return (apr_size_t)(o - tmp);
}

const char *flow_json_number_text(const json_t *v,
                                  char tmp[FLOW_JSON_NUMBER_MAX],
                                  apr_size_t *plen)
{
    const char *text = tmp;
    apr_size_t len;

    if (json_is_integer(v)) {
        len = format_int64(json_integer_value(v), tmp);
    }
    else if (json_is_real(v)) {
        len = flow_json_format_double(json_real_value(v), tmp);
    }
    else if (flow_json_is(v, NUMBER)) {
        text = json_string_value(v) + 1;
        len = json_string_length(v) - 1;
    }
    else {
        return NULL;
    }
    if (plen) {
        *plen = len;
    }
    return text;
}

double flow_json_double(const json_t *v)
{
    flow_json_lexeme_t lex;
    const char *text;

    if (json_is_integer(v)) {
        return (double)json_integer_value(v);
    }
    if (json_is_real(v)) {
        return json_real_value(v);
    }
    if (!flow_json_is(v, NUMBER)) {
        return 0;
    }
    text = json_string_value(v) + 1;
    flow_json_number_lex(&lex, text, json_string_length(v) - 1);
    return lexeme_to_double(&lex, text);
}

/* A number is what its text says, also one that is held as a double. */
int flow_json_int64(const json_t *v, apr_int64_t *pn)
{
    char tmp[FLOW_JSON_NUMBER_MAX];
    apr_uint64_t limit, m = 0;
    apr_int64_t i;
    apr_size_t len;
    decimal_t dec;
    const char *text = flow_json_number_text(v, tmp, &len);
    const char *s;

    if (!text) {
        return 0;
    }
    decimal_read(&dec, text, len);
    if (dec.exponent > 18 || dec.exponent + 1 < (apr_int64_t)dec.n_digits) {
        return 0;
    }
    limit = (apr_uint64_t)APR_INT64_MAX + dec.is_negative;
    s = dec.first;
    for (i = 0; dec.n_digits && i <= dec.exponent; ++i) {
        m = m * 10; /* at most 19 digits: cannot wrap */
        if (i < (apr_int64_t)dec.n_digits) {
            m += (apr_uint64_t)(next_digit(&s) - '0');
        }
    }
    if (m > limit) {
        return 0;
    }
    *pn = (apr_int64_t)(dec.is_negative ? 0 - m : m);
    return 1;
}

int flow_json_number_is_textual(const json_t *v)
{
    char exact[FLOW_JSON_NUMBER_MAX], tmp[FLOW_JSON_NUMBER_MAX];
    json_int_t n;

    if (json_is_integer(v)) {
        n = json_integer_value(v);
        if (n >= -(json_int_t)TWO_53 && n <= (json_int_t)TWO_53) {
            return 0;
        }
        format_int64(n, exact);
        flow_json_format_double((double)n, tmp);
        return strcmp(exact, tmp) != 0;
    }
    return !json_is_real(v) && flow_json_is(v, NUMBER);
}

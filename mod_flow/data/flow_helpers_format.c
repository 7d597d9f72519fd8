/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_helper_private.h"

#include "data/flow_json.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <math.h>
#include <string.h>

/* Only digits, perhaps with a sign and a point: then the text itself gets the
 * commas, however many digits it has. */
static int is_plain(const char *s, apr_size_t len)
{
    apr_size_t i = len && *s == '-', points = 0, start = i;

    for (; i < len; ++i) {
        if (s[i] == '.')
            ++points;
        else if (!apr_isdigit(s[i]))
            return 0;
    }
    return points <= 1 && i > start + points;
}

static void add_with_commas(flow_buf_t *b, const char *s, apr_size_t len)
{
    const char *point = memchr(s, '.', len);
    apr_size_t whole = point ? (apr_size_t)(point - s) : len, i;

    for (i = 0; i < whole; ++i) {
        if (i && (whole - i) % 3 == 0 && apr_isdigit(s[i - 1]))
            flow_buf_addc(b, ',');
        flow_buf_addc(b, s[i]);
    }
    flow_buf_add(b, s + whole, len - whole);
}

static apr_status_t add_commas(flow_helper_call_t *call, flow_any_t *out)
{
    char tmp[FLOW_JSON_NUMBER_MAX];
    apr_size_t len;
    const char *s = flow_helper_text(call, 0, &len);
    flow_buf_t b;

    flow_any_trim(&s, &len);
    if (!is_plain(s, len)) {
        double d = flow_helper_number(call, 0);

        if (len == 0 || !isfinite(d) || call->args[0].type == FLOW_ANY_BOOL) {
            *out = flow_any_of_text("", 0);
            return APR_SUCCESS;
        }
        len = flow_any_format_number(d, tmp);
        s = tmp;
    }
    flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
    add_with_commas(&b, s, len);
    return flow_helper_take(call, &b, out);
}

/* Decimal units. A text that is no number counts as what it holds. */
static apr_status_t bytes(flow_helper_call_t *call, flow_any_t *out)
{
    static const char *const units[] = { "B",  "kB", "MB", "GB", "TB",
                                         "PB", "EB", "ZB", "YB" };
    char tmp[FLOW_JSON_NUMBER_MAX];
    double d = flow_helper_number(call, 0), scale, size;
    flow_any_t given = flow_helper_arg(call, 1);
    double precision = flow_helper_number(call, 1);
    apr_size_t len;
    const char *s = flow_helper_text(call, 0, &len), *text;
    int unit;

    if (flow_any_is_nothing(&given) || isnan(precision))
        precision = 2;
    if (flow_any_is_nothing(&call->args[0]))
        d = 0;
    else if (isnan(d))
        d = (double)flow_any_units(s, len);
    precision = precision < 0 ? 0 : precision > 15 ? 15 : floor(precision);
    scale = pow(10, precision);
    for (unit = 8; unit > 0 && pow(10, unit * 3) > d + 1; --unit)
        ;
    size = pow(10, unit * 3);
    len = flow_any_format_number(floor(d * scale / size + 0.5) / scale, tmp);
    text = apr_psprintf(call->p, "%s %s", tmp, units[unit]);
    *out = flow_any_of_text(text, strlen(text));
    return APR_SUCCESS;
}

static apr_status_t ordinalize(flow_helper_call_t *call, flow_any_t *out)
{
    double d = flow_helper_number(call, 0);
    const char *text, *suffix = "th";
    apr_size_t len;
    int tens;

    text = flow_helper_text(call, 0, &len);
    if (len == 0 || !(d >= 0) || d != floor(d) || d > 9e15) {
        *out = flow_any_of_text(text, len);
        return APR_SUCCESS;
    }
    tens = (int)fmod(d, 100);
    if (tens < 11 || tens > 13) {
        suffix = tens % 10 == 1   ? "st"
                 : tens % 10 == 2 ? "nd"
                 : tens % 10 == 3 ? "rd"
                                  : "th";
    }
    text = apr_psprintf(call->p, "%.0f%s", d, suffix);
    *out = flow_any_of_text(text, strlen(text));
    return APR_SUCCESS;
}

/* clang-format off */
static const flow_helper_t rows[] = {
    { "addCommas", 1, 1, add_commas, NULL, 0, "number", "Thousands separated by commas; empty for what is no number.", "{{addCommas 1234567}}", "1,234,567" },
    { "bytes", 1, 2, bytes, NULL, 0, "number [digits=2]", "A size in B, kB, MB ... of 1000 each, rounded. Of a text that is no number: its length.", "{{bytes 13661855 3}}", "13.662 MB" },
    { "ordinalize", 1, 1, ordinalize, NULL, 0, "number", "1st, 2nd, 3rd, 4th ...; negative numbers and fractions stay as they are.", "{{ordinalize 22}}", "22nd" },
};
/* clang-format on */

const flow_helper_table_t flow_helpers_format = {
    "Formats", rows, sizeof(rows) / sizeof(rows[0])
};

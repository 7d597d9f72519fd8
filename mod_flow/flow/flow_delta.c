/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_delta.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "data/flow_iso8601.h"
#include "data/flow_json.h"
#include "flow/flow_record.h"

#define ISO        "YYYY-MM-DDTHH:mm:ss.SSS[Z]"
#define FORMAT_MAX 256

/* ---- writing a time ---- */

static const char *const tokens[] = { "YYYY", "SSS", "MM", "DD", "HH",
                                      "mm",   "ss",  "Z",  "X",  "x" };

static const char *token_at(const char *s)
{
    size_t i;

    for (i = 0; i < sizeof(tokens) / sizeof(tokens[0]); ++i) {
        if (strncmp(s, tokens[i], strlen(tokens[i])) == 0) {
            return tokens[i];
        }
    }
    return NULL;
}

const char *flow_delta_unknown_token(const char *format, apr_pool_t *p)
{
    const char *s = format ? format : "", *token;

    if (strlen(s) > FORMAT_MAX) {
        return "a format of more than 256 bytes";
    }
    while (*s) {
        if (*s == '[' && strchr(s, ']')) {
            s = strchr(s, ']') + 1;
            continue;
        }
        token = token_at(s);
        if (!token && apr_isalpha(*s) && *s != 'T') {
            apr_size_t len = 1;

            while (s[len] == *s) {
                ++len;
            }
            return apr_pstrmemdup(p, s, len);
        }
        s += token ? strlen(token) : 1;
    }
    return NULL;
}

static const char *part(const char *token, const apr_time_exp_t *t,
                        apr_int64_t ms, apr_pool_t *p)
{
    switch (token[0]) {
    case 'Y':
        return apr_psprintf(p, "%04d", t->tm_year + 1900);
    case 'S':
        return apr_psprintf(p, "%03d", t->tm_usec / 1000);
    case 'M':
        return apr_psprintf(p, "%02d", t->tm_mon + 1);
    case 'D':
        return apr_psprintf(p, "%02d", t->tm_mday);
    case 'H':
        return apr_psprintf(p, "%02d", t->tm_hour);
    case 'm':
        return apr_psprintf(p, "%02d", t->tm_min);
    case 's':
        return apr_psprintf(p, "%02d", t->tm_sec);
    case 'Z':
        return "+00:00";
    case 'X':
        return apr_psprintf(p, "%" APR_INT64_T_FMT, ms / 1000);
    default:
        return apr_psprintf(p, "%" APR_INT64_T_FMT, ms);
    }
}

const char *flow_delta_format(apr_int64_t ms, const char *format, apr_pool_t *p)
{
    const char *s = format ? format : ISO, *out = "", *token, *end;
    apr_time_exp_t t;

    apr_time_exp_gmt(&t, ms * 1000);
    while (*s) {
        token = token_at(s);
        end = *s == '[' ? strchr(s, ']') : NULL;
        if (end) {
            out = apr_pstrcat(
                p, out, apr_pstrmemdup(p, s + 1, (apr_size_t)(end - s - 1)),
                NULL);
            s = end + 1;
        }
        else if (token) {
            out = apr_pstrcat(p, out, part(token, &t, ms, p), NULL);
            s += strlen(token);
        }
        else {
            out = apr_pstrcat(p, out, apr_pstrmemdup(p, s, 1), NULL);
            ++s;
        }
    }
    return out;
}

/* ---- a run's times ---- */

static apr_status_t read_date(const json_t *request, const char *name,
                              apr_int64_t *pms, flow_error_t *err)
{
    const json_t *v = json_object_get(request, name);
    apr_size_t len;
    const char *text = flow_json_string(v, &len);

    *pms = -1;
    if (flow_json_type(v) == FLOW_JSON_NULL || (text && len == 0)) {
        return APR_SUCCESS;
    }
    if ((text && flow_iso8601_parse(text, len, pms)) ||
        (!text && flow_json_int64(v, pms) && *pms >= 0)) {
        return APR_SUCCESS;
    }
    return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "invalid_date",
                          "'%s' must be a date as in ISO 8601, such as "
                          "2026-01-31T00:00:00Z, or milliseconds since 1970",
                          name);
}

apr_status_t flow_delta_init(flow_delta_t *delta, const json_t *request,
                             const json_t *marks, apr_time_t began,
                             apr_pool_t *p, flow_error_t *err)
{
    apr_status_t rv;

    (void)p;
    delta->marks = marks;
    delta->now = apr_time_as_msec(began);
    delta->start = delta->end = -1;
    rv = read_date(request, "startDate", &delta->start, err);
    return rv == APR_SUCCESS ? read_date(request, "endDate", &delta->end, err)
                             : rv;
}

static apr_int64_t last_of(const flow_export_t *exp, const flow_delta_t *delta)
{
    const char *mark = delta ? flow_json_member(delta->marks, exp->id) : NULL;
    apr_int64_t ms;

    if (delta && delta->start >= 0) {
        return delta->start;
    }
    if (mark && flow_iso8601_parse(mark, strlen(mark), &ms)) {
        ms -= exp->delta_lag;
        return ms < 0 ? 0 : ms;
    }
    return exp->delta_start;
}

void flow_delta_add(json_t *context, const flow_export_t *exp,
                    const flow_delta_t *delta, apr_pool_t *p)
{
    apr_int64_t last = last_of(exp, delta), now;

    now = !delta            ? apr_time_as_msec(apr_time_now())
          : delta->end >= 0 ? delta->end
                            : delta->now;
    if (last >= 0) {
        flow_record_set_text(context, "lastExportDateTime",
                             flow_delta_format(last, exp->delta_format, p));
    }
    flow_record_set_text(context, "currentExportDateTime",
                         flow_delta_format(now, exp->delta_format, p));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_delta.h"

#include <string.h>

#include "data/flow_date.h"
#include "data/flow_iso8601.h"
#include "data/flow_json.h"
#include "flow/flow_record.h"

#define ISO "YYYY-MM-DDTHH:mm:ss.SSS[Z]"
/* of a format of FLOW_DELTA_FORMAT_MAX bytes */
#define FORMAT_OUT_MAX (16 * 1024)

/* ---- writing a time ---- */

const char *flow_delta_format(apr_int64_t ms, const char *format, apr_pool_t *p)
{
    const char *s = format ? format : ISO;
    flow_buf_t out;
    apr_size_t len = 0;
    char *text;

    flow_buf_init(&out, FORMAT_OUT_MAX);
    flow_date_format(&out, ms, NULL, s, strlen(s));
    text = flow_buf_steal(&out, &len, p);
    return text ? text : "";
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_helper_private.h"

#include "data/flow_date.h"
#include "data/flow_json.h"

#include <apr_strings.h>
#include <math.h>
#include <string.h>

static const char invalid[] = "Invalid date";

static apr_status_t give_invalid(flow_any_t *out)
{
    *out = flow_any_of_text(invalid, sizeof(invalid) - 1);
    return APR_SUCCESS;
}

/* A zone by name; NULL for none. A wrong name is an error, since a date in the
 * wrong zone looks right. */
static apr_status_t zone_of(const flow_helper_call_t *call, const char *name,
                            apr_size_t len, const flow_zone_t **pzone)
{
    *pzone = NULL;
    if (len == 0)
        return APR_SUCCESS;
    *pzone = flow_zone_find(name, len);
    if (*pzone)
        return APR_SUCCESS;
    return flow_helper_fail(call, "template_zone",
                            "there is no time zone '%.64s'; names are like "
                            "America/New_York",
                            apr_pstrmemdup(call->p, name, len));
}

static apr_status_t zone_arg(const flow_helper_call_t *call, int i,
                             const flow_zone_t **pzone)
{
    apr_size_t len;
    const char *name = flow_helper_text(call, i, &len);

    return zone_of(call, name, len, pzone);
}

/* The date argument: a number is milliseconds. */
static int date_arg(const flow_helper_call_t *call, int i, const char *format,
                    apr_size_t format_len, apr_int64_t *pms)
{
    const flow_any_t *v = &call->args[i];
    apr_size_t len;
    const char *s;

    if (v->type == FLOW_ANY_NUMBER && format_len == 0) {
        double d = flow_any_number(v, call->p);

        if (!(fabs(d) <= (double)FLOW_DATE_MAX_MS))
            return 0;
        *pms = (apr_int64_t)d;
        return 1;
    }
    s = flow_helper_text(call, i, &len);
    if (format_len) {
        return flow_date_parse_format(s, len, format, format_len, NULL,
                                      flow_render_now(call), pms);
    }
    return flow_date_parse(s, len, NULL, pms);
}

static int is_blank_arg(const flow_helper_call_t *call, int i)
{
    apr_size_t len;

    flow_helper_text(call, i, &len);
    return len == 0;
}

static apr_status_t date_format(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len, in_len;
    const char *format = flow_helper_text(call, 0, &len);
    const char *in = flow_helper_text(call, 2, &in_len);
    const flow_zone_t *zone = NULL;
    apr_int64_t ms;
    flow_buf_t b;
    apr_status_t rv;

    /* Some write the zone in third place. */
    if (call->n == 3 && in_len && (zone = flow_zone_find(in, in_len)) != NULL)
        in_len = 0;
    rv = zone ? APR_SUCCESS : zone_arg(call, 3, &zone);
    if (rv != APR_SUCCESS || is_blank_arg(call, 1))
        return rv;
    if (!date_arg(call, 1, in, in_len, &ms))
        return give_invalid(out);
    flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
    if (len)
        flow_date_format(&b, ms, zone, format, len);
    else
        flow_date_format_iso(&b, ms, zone);
    return flow_helper_take(call, &b, out);
}

static apr_status_t date_add(flow_helper_call_t *call, flow_any_t *out)
{
    const flow_zone_t *zone;
    double add = 0;
    apr_int64_t ms;
    flow_buf_t b;
    apr_status_t rv = zone_arg(call, 2, &zone);

    if (rv != APR_SUCCESS || is_blank_arg(call, 0))
        return rv;
    if (call->n > 1 && !is_blank_arg(call, 1))
        add = flow_helper_number(call, 1);
    if (!date_arg(call, 0, NULL, 0, &ms) ||
        !(fabs(add) <= (double)FLOW_DATE_MAX_MS))
        return give_invalid(out);
    flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
    flow_date_format_iso(&b, ms + (apr_int64_t)add, zone);
    return flow_helper_take(call, &b, out);
}

static apr_status_t timestamp(flow_helper_call_t *call, flow_any_t *out)
{
    apr_int64_t ms = apr_time_as_msec(flow_render_now(call));
    apr_size_t len, zone_len;
    const char *format = flow_helper_text(call, 0, &len);
    const char *name = flow_helper_text(call, 1, &zone_len);
    const flow_zone_t *zone;
    flow_buf_t b;
    apr_status_t rv;

    if (zone_len == 0 && call->env->zone) {
        name = call->env->zone;
        zone_len = strlen(name);
    }
    rv = zone_of(call, name, zone_len, &zone);
    if (rv != APR_SUCCESS)
        return rv;
    flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
    if (len)
        flow_date_format(&b, ms, zone, format, len);
    else
        flow_date_format_iso(&b, ms, zone);
    return flow_helper_take(call, &b, out);
}

/* Zones that are written out are checked when the template is compiled. */
static apr_status_t check_zone(const flow_invocation_t *node, int i,
                               flow_error_t *err)
{
    const flow_any_t *v;

    if (i >= node->n || node->args[i].kind != FLOW_EXPR_LITERAL)
        return APR_SUCCESS;
    v = &node->args[i].literal;
    if (v->type != FLOW_ANY_TEXT || v->len == 0 ||
        flow_zone_find(v->text, v->len))
        return APR_SUCCESS;
    return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "template_helper",
                          "there is no time zone '%.*s'; names are like "
                          "America/New_York",
                          (int)(v->len > 64 ? 64 : v->len), v->text);
}

static apr_status_t prepare_format(void **pprepared,
                                   const flow_invocation_t *node, apr_pool_t *p,
                                   flow_error_t *err)
{
    (void)pprepared;
    (void)p;
    return check_zone(node, 3, err);
}

static apr_status_t prepare_add(void **pprepared, const flow_invocation_t *node,
                                apr_pool_t *p, flow_error_t *err)
{
    (void)pprepared;
    (void)p;
    return check_zone(node, 2, err);
}

static apr_status_t prepare_timestamp(void **pprepared,
                                      const flow_invocation_t *node,
                                      apr_pool_t *p, flow_error_t *err)
{
    (void)pprepared;
    (void)p;
    return check_zone(node, 1, err);
}

/* clang-format off */
static const flow_helper_t rows[] = {
    { "dateAdd", 1, 3, date_add, NULL, 0, "date [milliseconds] [zone]", "ISO 8601 of the date so many milliseconds later; with a zone in its time.", "{{{dateAdd \"2025-03-26T00:00:00Z\" \"86400000\" \"Asia/Hong_Kong\"}}}", "2025-03-27T08:00:00.000+08:00", NULL, prepare_add },
    { "dateFormat", 2, 4, date_format, NULL, 0, "format date [inputFormat] [zone]", "The date in another format; without a zone in UTC. An input format of \"\" is none. A zone in third place is understood.", "{{{dateFormat \"MM-DD-YYYY hh:mm\" \"1966-25-05 18:36\" \"YYYY-DD-MM HH:mm\"}}}", "05-25-1966 06:36", NULL, prepare_format },
    { "timestamp", 0, 2, timestamp, NULL, 0, "[format] [zone]", "The present time, in ISO 8601 and UTC unless it says otherwise.", NULL, NULL, NULL, prepare_timestamp },
    { "date", 0, 2, timestamp, NULL, 0, "[format] [zone]", "Another name of `timestamp`.", NULL, NULL, NULL, prepare_timestamp },
};
/* clang-format on */

const flow_helper_table_t flow_helpers_date = {
    "Dates", rows, sizeof(rows) / sizeof(rows[0])
};

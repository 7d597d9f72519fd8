/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting: how long the far end asks for, how long we choose, and doing it.
 */
#include "connectors/flow_conn_http.h"

#include "base/flow_clock.h"

#include "base/flow_sign.h"

#include <apr_date.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>

#define EPOCH_SECONDS 1000000000.0 /* a number beyond it is a time of day */
#define EPOCH_MILLIS  1000000000000.0
#define WAIT_MAX      (366.0 * 24 * 3600)
#define COST_WAIT_MAX 3600.0 /* seconds; no bucket takes longer to fill */
#define BACKOFF_MAX   apr_time_from_sec(30)
#define NAP           apr_time_from_msec(100)

apr_interval_time_t flow_conn_http_backoff_base = apr_time_from_msec(500);

/* Digits, perhaps with a fraction, and nothing else. */
static int read_seconds(const char *s, double *pseconds)
{
    double value = 0, unit = 1;
    int digits = 0;

    for (; apr_isdigit(*s) && digits < 18; ++s, ++digits) {
        value = value * 10 + (*s - '0');
    }
    if (*s == '.') {
        for (++s; apr_isdigit(*s) && digits < 30; ++s, ++digits) {
            unit /= 10;
            value += (*s - '0') * unit;
        }
    }
    s += strspn(s, " \t");
    *pseconds = value;
    return digits > 0 && *s == '\0';
}

static apr_interval_time_t interval(double seconds)
{
    if (seconds > WAIT_MAX) {
        seconds = WAIT_MAX;
    }
    return seconds <= 0 ? 0 : (apr_interval_time_t)(seconds * APR_USEC_PER_SEC);
}

apr_interval_time_t flow_conn_http_wait_of(const char *value, const char *date,
                                           apr_time_t now)
{
    apr_time_t at, there;
    double seconds;

    if (!value) {
        return -1;
    }
    value += strspn(value, " \t");
    if (read_seconds(value, &seconds)) {
        if (seconds >= EPOCH_MILLIS) {
            seconds /= 1000;
        }
        if (seconds >= EPOCH_SECONDS) {
            seconds -= (double)now / APR_USEC_PER_SEC;
        }
        return interval(seconds);
    }
    at = apr_date_parse_http(value);
    if (at == APR_DATE_BAD) {
        return -1;
    }
    /* By the far end's own clock, if it shows it. */
    there = date ? apr_date_parse_http(date) : APR_DATE_BAD;
    now = there == APR_DATE_BAD ? now : there;
    return interval((double)(at - now) / APR_USEC_PER_SEC);
}

static double number_at(const json_t *object, const char *name)
{
    const json_t *v = json_object_get(object, name);

    return flow_json_is(v, NUMBER) ? flow_json_double(v) : -1;
}

apr_interval_time_t flow_conn_http_wait_of_cost(const json_t *value)
{
    const json_t *cost =
        json_object_get(json_object_get(value, "extensions"), "cost");
    const json_t *status = json_object_get(cost, "throttleStatus");
    double wanted = number_at(cost, "requestedQueryCost");
    double there = number_at(status, "currentlyAvailable");
    double rate = number_at(status, "restoreRate"), seconds;

    if (!(wanted >= 0) || !(there >= 0) || !(rate > 0)) {
        return -1;
    }
    seconds = (wanted - there) / rate;
    if (!(seconds > 0)) {
        return 0;
    }
    return seconds < COST_WAIT_MAX
               ? (apr_interval_time_t)(seconds * 1e6)
               : apr_time_from_sec((apr_int64_t)COST_WAIT_MAX);
}

apr_interval_time_t flow_conn_http_backoff(int n)
{
    apr_interval_time_t most = flow_conn_http_backoff_base;
    apr_uint32_t dice = 0;

    while (n-- > 0 && most < BACKOFF_MAX) {
        most *= 2;
    }
    most = most > BACKOFF_MAX ? BACKOFF_MAX : most;
    if (flow_random(&dice, sizeof(dice)) != APR_SUCCESS) {
        return most;
    }
    /* Full jitter, but never no wait at all. */
    most -= most / 10;
    return most / 9 +
           (apr_interval_time_t)((double)dice / 4294967296.0 * (double)most);
}

apr_status_t flow_conn_http_sleep(apr_interval_time_t wait,
                                  const flow_call_t *call)
{
    apr_time_t until = flow_clock() + wait, now;

    /* An answer after the deadline is of use to nobody. */
    if (until >= call->deadline) {
        return APR_TIMEUP;
    }
    while ((now = flow_clock()) < until) {
        if (call->stopping && *call->stopping) {
            return APR_EINTR;
        }
        apr_sleep(until - now < NAP ? until - now : NAP);
    }
    return APR_SUCCESS;
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_CRON_H
#define FLOW_CRON_H

#include <apr.h>

#include "base/flow_error.h"
#include "data/flow_date.h"

/**
 * Schedules: cron expressions and when they tick.
 *
 * Six fields, as Celigo writes them (`? 0,15,30,45 * ? * *`): seconds (always
 * `?` or 0), minute, hour, day of the month, month, day of the week; or the
 * usual five without the seconds. A field is `*`, `?` (the same) or a list of
 * numbers, names (jan, mon), ranges and steps. Sunday is 0 or 7. When both days
 * are restricted, a day that fits one of them is enough.
 *
 * Clock changes. A schedule that goes on through the hour (it ticks at every
 * hour, or several times an hour in this hour and in one beside it) follows the
 * time that passes: hours that come twice have ticks twice, hours that are
 * skipped have none. Every other schedule means the time on the clock: a tick
 * whose time is skipped comes at the change (one for all that are skipped), a
 * tick whose time comes twice comes the first time only.
 */
typedef struct flow_cron_t {
    apr_uint64_t minutes; /* bit n: minute n; likewise below */
    apr_uint32_t hours;
    apr_uint32_t days; /* 1 to 31 */
    apr_uint16_t months;
    apr_byte_t weekdays; /* 0 is Sunday */
    apr_byte_t either;   /* both days are restricted: one that fits will do */
} flow_cron_t;

/** FLOW_E_CONFIG "invalid_schedule": what is wrong, and where in the text. */
apr_status_t flow_cron_compile(flow_cron_t *cron, const char *text,
                               apr_size_t len, flow_error_t *err);

/** The first tick after @a seconds (since 1970) in the zone (NULL: UTC); -1
 * when there is none in the next 12 years. */
apr_int64_t flow_cron_next(const flow_cron_t *cron, const flow_zone_t *zone,
                           apr_int64_t seconds);

#endif

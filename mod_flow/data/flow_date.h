/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_DATE_H
#define FLOW_DATE_H

#include <apr.h>
#include <apr_time.h>

#include "base/flow_buf.h"

/**
 * Dates: milliseconds since 1970 (UTC), written and read in moment.js's format
 * strings, in any IANA time zone. Years 0 to 275760, as in JavaScript. English
 * names. Nothing here looks at the process's own time zone or locale; any
 * thread.
 */

/** Beyond these JavaScript has no dates. */
#define FLOW_DATE_MAX_MS APR_INT64_C(8640000000000000)

typedef struct flow_zone_t flow_zone_t;

/** "America/New_York", "UTC" ...: from the system's zone data, read once per
 * process. NULL when there is none of that name. */
const flow_zone_t *flow_zone_find(const char *name, apr_size_t len);
/** Seconds east of Greenwich at that time. A NULL zone is UTC. */
int flow_zone_offset(const flow_zone_t *zone, apr_int64_t seconds);
/** "EST", "+08", "UTC": what the zone's time is called then. Lives as long as
 * the zone. */
const char *flow_zone_abbreviation(const flow_zone_t *zone,
                                   apr_int64_t seconds);
/** UTC of what a clock in the zone shows (@a local: as if that were UTC). A
 * time that comes twice is the first one; one that is skipped moves ahead. */
apr_int64_t flow_zone_to_utc(const flow_zone_t *zone, apr_int64_t local);

/** A time taken apart. */
typedef struct flow_date_t {
    int year;
    int month; /* 1 to 12 */
    int day;
    int hour;
    int minute;
    int second;
    int ms;
    int weekday;     /* 0 is Sunday */
    int day_of_year; /* 1 to 366 */
    int offset;      /* seconds east */
} flow_date_t;

void flow_date_take_apart(flow_date_t *date, apr_int64_t ms,
                          const flow_zone_t *zone);
/** Days since 1970-01-01 in the Gregorian calendar, also before it began. */
apr_int64_t flow_date_days(int year, int month, int day);
int flow_date_days_in(int year, int month);

/** Append in moment.js's format; "Invalid date" beyond FLOW_DATE_MAX_MS. */
void flow_date_format(flow_buf_t *out, apr_int64_t ms, const flow_zone_t *zone,
                      const char *format, apr_size_t len);
/** 2025-03-26T12:34:56.000Z, or with the zone's offset for the Z when a zone
 * is given. */
void flow_date_format_iso(flow_buf_t *out, apr_int64_t ms,
                          const flow_zone_t *zone);

/**
 * Read a date without being told its format: ISO 8601 in all forms that
 * moment.js knows (calendar, week and ordinal dates, basic and extended),
 * RFC 2822, what JavaScript's Date prints, "03/10/1990", "Nov 21, 2019 8:00
 * PM" and the like; ten and more digits are milliseconds. Without an offset
 * the time is that of @a zone. 1 and *pms, else 0.
 */
int flow_date_parse(const char *s, apr_size_t len, const flow_zone_t *zone,
                    apr_int64_t *pms);
/** Read a date in moment.js's format, as tolerant as moment.js is when not
 * strict. What the format leaves out is taken from @a now. */
int flow_date_parse_format(const char *s, apr_size_t len, const char *format,
                           apr_size_t format_len, const flow_zone_t *zone,
                           apr_time_t now, apr_int64_t *pms);

#endif

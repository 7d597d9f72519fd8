/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_date_private.h"

#include <string.h>
#include <strings.h>

const char *const flow_date_months[12] = { "January", "February", "March",
                                           "April",   "May",      "June",
                                           "July",    "August",   "September",
                                           "October", "November", "December" };
const char *const flow_date_weekdays[7] = { "Sunday",    "Monday",   "Tuesday",
                                            "Wednesday", "Thursday", "Friday",
                                            "Saturday" };

static int is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int flow_date_year_days(int year)
{
    return is_leap(year) ? 366 : 365;
}

int flow_date_days_in(int year, int month)
{
    static const int days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Years are counted from March, so that the leap day comes last, and in eras of
 * 400 years, which all have the same number of days. */
apr_int64_t flow_date_days(int year, int month, int day)
{
    int y = month <= 2 ? year - 1 : year;
    int era = (y >= 0 ? y : y - 399) / 400;
    int year_of_era = y - era * 400;
    int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return (apr_int64_t)era * 146097 + day_of_era - 719468;
}

/* The other way. */
static void from_days(apr_int64_t days, flow_date_t *date)
{
    apr_int64_t era, z = days + 719468;
    int doe, yoe, doy, mp;

    era = (z >= 0 ? z : z - 146096) / 146097;
    doe = (int)(z - era * 146097);
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    date->day = doy - (153 * mp + 2) / 5 + 1;
    date->month = mp < 10 ? mp + 3 : mp - 9;
    date->year = (int)(era * 400 + yoe) + (date->month <= 2);
}

void flow_date_take_apart(flow_date_t *date, apr_int64_t ms,
                          const flow_zone_t *zone)
{
    apr_int64_t seconds, days;
    int rest;

    if (ms > FLOW_DATE_MAX_MS + 86400000)
        ms = FLOW_DATE_MAX_MS + 86400000;
    if (ms < -FLOW_DATE_MAX_MS - 86400000)
        ms = -FLOW_DATE_MAX_MS - 86400000;
    seconds = ms / 1000;
    if (ms % 1000 < 0)
        --seconds;
    date->ms = (int)(ms - seconds * 1000);
    date->offset = zone ? flow_zone_offset(zone, seconds) : 0;
    seconds += date->offset;
    days = seconds / 86400;
    if (seconds % 86400 < 0)
        --days;
    rest = (int)(seconds - days * 86400);
    date->hour = rest / 3600;
    date->minute = rest / 60 % 60;
    date->second = rest % 60;
    from_days(days, date);
    date->weekday = (int)(((days + 4) % 7 + 7) % 7);
    date->day_of_year = (int)(days - flow_date_days(date->year, 1, 1)) + 1;
}

/* --- weeks ---------------------------------------------------------------- */

static int weekday_of(int year, int month, int day)
{
    return (int)(((flow_date_days(year, month, day) + 4) % 7 + 7) % 7);
}

/* Days from January 1st to the start of the first week; may be negative. */
static int first_week(int year, int first, int in)
{
    return in - 1 - (7 + weekday_of(year, 1, in) - first) % 7;
}

static int weeks_in(int year, int first, int in)
{
    return (flow_date_year_days(year) - first_week(year, first, in) +
            first_week(year + 1, first, in)) /
           7;
}

int flow_date_week(const flow_date_t *date, int first, int in, int *pyear)
{
    int days = date->day_of_year - 1 - first_week(date->year, first, in);
    int week = (days >= 0 ? days : days - 6) / 7 + 1;

    *pyear = date->year;
    if (week < 1) {
        --*pyear;
        return week + weeks_in(*pyear, first, in);
    }
    if (week > weeks_in(date->year, first, in)) {
        week -= weeks_in(date->year, first, in);
        ++*pyear;
    }
    return week;
}

apr_int64_t flow_date_from_week(int year, int week, int weekday, int first,
                                int in)
{
    return flow_date_days(year, 1, 1) + first_week(year, first, in) +
           (week - 1) * 7 + (7 + weekday - first) % 7;
}

/* --- names ---------------------------------------------------------------- */

static int name_at(const char *const *names, int n, const char *s,
                   apr_size_t len, apr_size_t *plen)
{
    int i;

    for (i = 0; i < n; ++i) {
        apr_size_t full = strlen(names[i]);

        if (full <= len && strncasecmp(s, names[i], full) == 0) {
            *plen = full;
            return i;
        }
    }
    for (i = 0; i < n; ++i) {
        if (len >= 3 && strncasecmp(s, names[i], 3) == 0) {
            *plen = 3;
            return i;
        }
    }
    return -1;
}

int flow_date_month_at(const char *s, apr_size_t len, apr_size_t *plen)
{
    return name_at(flow_date_months, 12, s, len, plen) + 1;
}

int flow_date_weekday_at(const char *s, apr_size_t len, apr_size_t *plen)
{
    int i = name_at(flow_date_weekdays, 7, s, len, plen);

    if (i >= 0)
        return i;
    for (i = 0; i < 7; ++i) {
        if (len >= 2 && strncasecmp(s, flow_date_weekdays[i], 2) == 0) {
            *plen = 2;
            return i;
        }
    }
    return -1;
}

int flow_date_full_year(int two)
{
    return two + (two > 68 ? 1900 : 2000);
}

/* --- together ------------------------------------------------------------- */

int flow_date_compose(const flow_date_read_t *read, const flow_zone_t *zone,
                      apr_int64_t *pms)
{
    apr_int64_t seconds;

    if (read->year < -271821 || read->year > 275760 || read->month < 1 ||
        read->month > 12 || read->day < 1 ||
        read->day > flow_date_days_in(read->year, read->month) ||
        read->hour < 0 || read->hour > 24 || read->minute < 0 ||
        read->minute > 59 || read->second < 0 || read->second > 59 ||
        read->ms < 0 || read->ms > 999)
        return 0;
    if (read->hour == 24 && (read->minute || read->second || read->ms))
        return 0;
    seconds = flow_date_days(read->year, read->month, read->day) * 86400 +
              read->hour * 3600 + read->minute * 60 + read->second;
    if (read->has_offset)
        seconds -= read->offset;
    else if (zone)
        seconds = flow_zone_to_utc(zone, seconds);
    *pms = seconds * 1000 + read->ms;
    return *pms <= FLOW_DATE_MAX_MS && *pms >= -FLOW_DATE_MAX_MS;
}

static int all_digits(const char *s, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len; ++i) {
        if (s[i] < '0' || s[i] > '9')
            return 0;
    }
    return len > 0;
}

int flow_date_parse(const char *s, apr_size_t len, const flow_zone_t *zone,
                    apr_int64_t *pms)
{
    apr_size_t i;

    while (len && strchr(" \t\r\n", *s) && *s) {
        ++s;
        --len;
    }
    while (len && strchr(" \t\r\n", s[len - 1]) && s[len - 1])
        --len;
    if (len == 0 || len > 256)
        return 0;
    if (len >= 10 && len <= 16 && all_digits(s, len)) {
        for (*pms = 0, i = 0; i < len; ++i)
            *pms = *pms * 10 + (s[i] - '0');
        return *pms <= FLOW_DATE_MAX_MS;
    }
    return flow_date_parse_iso(s, len, zone, pms) ||
           flow_date_parse_words(s, len, zone, pms);
}

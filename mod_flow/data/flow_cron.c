/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a schedule ticks. Local time is counted like UTC: seconds since
 * 1970-01-01 00:00 on the clock of the zone.
 *
 * Time is gone through in stretches without a clock change, at most a day long;
 * two changes within one day, of which the second takes back the first, would
 * be overlooked, but no zone has had any such.
 */
#include "data/flow_cron.h"

#include <string.h>

#define MINUTE      60
#define HOUR        3600
#define DAY         86400
#define YEARS_AHEAD 12 /* 29 February comes every 8 years at the latest */
#define TEXT_MAX    256
#define WORD_MAX    16

/* ---- bits ---- */

static int is_in(apr_uint64_t set, int n)
{
    return (int)(set >> n & 1);
}

/* The first member at or after @a n, or -1. */
static int next_in(apr_uint64_t set, int n, int max)
{
    for (; n <= max; ++n) {
        if (is_in(set, n)) {
            return n;
        }
    }
    return -1;
}

/* ---- reading ---- */

typedef struct field_t {
    const char *name;
    int min, max;
    const char *names; /* three letters each, from min on; or NULL */
} field_t;

static const field_t fields[] = {
    { "minute", 0, 59, NULL },
    { "hour", 0, 23, NULL },
    { "day of the month", 1, 31, NULL },
    { "month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec" },
    { "day of the week", 0, 7, "sunmontuewedthufrisat" },
};

enum {
    MINUTES,
    HOURS,
    DAYS,
    MONTHS,
    WEEKDAYS,
    FIELDS
};

typedef struct reader_t {
    const char *text, *at, *end;
    flow_error_t *err;
} reader_t;

static apr_status_t fail(const reader_t *r, const char *at, const char *what)
{
    return flow_error_set(r->err, FLOW_E_CONFIG, APR_EINVAL, "invalid_schedule",
                          "Invalid cron expression: %s at position %d of '%s'",
                          what, (int)(at - r->text) + 1, r->text);
}

static apr_status_t fail_field(const reader_t *r, const char *at,
                               const field_t *field, const char *what)
{
    return flow_error_set(r->err, FLOW_E_CONFIG, APR_EINVAL, "invalid_schedule",
                          "Invalid cron expression: %s at position %d of '%s'; "
                          "%s is %d to %d%s",
                          what, (int)(at - r->text) + 1, r->text, field->name,
                          field->min, field->max,
                          field->names ? " or a name of three letters" : "");
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int is_letter(char c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

static int named(const field_t *field, const char *s, apr_size_t len)
{
    const char *names = field->names;
    int i;

    for (i = 0; names && len == 3 && names[i * 3]; ++i) {
        const char *name = names + (apr_size_t)i * 3;

        if (name[0] == lower(s[0]) && name[1] == lower(s[1]) &&
            name[2] == lower(s[2])) {
            return field->min + i;
        }
    }
    return -1;
}

static apr_status_t read_number(reader_t *r, const char *name, int min, int max,
                                int *pn)
{
    const char *begin = r->at;
    int n = 0;

    while (r->at < r->end && is_digit(*r->at) && n < 10000) {
        n = n * 10 + (*r->at++ - '0');
    }
    if (n < min || n > max) {
        return flow_error_set(
            r->err, FLOW_E_CONFIG, APR_EINVAL, "invalid_schedule",
            "Invalid cron expression: '%.*s' at position %d of '%s'; %s is %d "
            "to %d",
            (int)(r->at - begin), begin, (int)(begin - r->text) + 1, r->text,
            name, min, max);
    }
    *pn = n;
    return APR_SUCCESS;
}

static apr_status_t read_value(reader_t *r, const field_t *field, int *pn)
{
    const char *begin = r->at;
    apr_size_t len;

    if (r->at < r->end && is_digit(*r->at)) {
        return read_number(r, field->name, field->min, field->max, pn);
    }
    while (r->at < r->end && is_letter(*r->at)) {
        ++r->at;
    }
    len = (apr_size_t)(r->at - begin);
    *pn = named(field, begin, len);
    if (*pn >= 0) {
        return APR_SUCCESS;
    }
    if (len == 1 && strchr("LlWw", *begin)) {
        return fail(r, begin, "'L' and 'W' (last, weekday) are not supported");
    }
    return fail_field(r, begin, field,
                      len              ? "unknown name"
                      : r->at < r->end ? "unexpected character"
                                       : "something is missing");
}

/* a, a-b, *, ?; *has_range: a step goes from a to b (else to the end). */
static apr_status_t read_range(reader_t *r, const field_t *field, int *pa,
                               int *pb, int *has_range)
{
    const char *begin = r->at;
    apr_status_t rv;

    *has_range = 1;
    if (r->at < r->end && (*r->at == '*' || *r->at == '?')) {
        ++r->at;
        *pa = field->min;
        *pb = field == &fields[WEEKDAYS] ? 6 : field->max;
        return APR_SUCCESS;
    }
    rv = read_value(r, field, pa);
    *pb = *pa;
    *has_range = rv == APR_SUCCESS && r->at < r->end && *r->at == '-';
    if (!*has_range) {
        return rv;
    }
    ++r->at;
    rv = read_value(r, field, pb);
    if (rv == APR_SUCCESS && field == &fields[WEEKDAYS] && *pb == 0 &&
        *pa > 0) {
        *pb = 7; /* fri-sun */
    }
    if (rv == APR_SUCCESS && *pb < *pa) {
        return fail(r, begin,
                    "a range that ends before it begins (write two, such as "
                    "22-23,0-5)");
    }
    return rv;
}

static apr_status_t read_item(reader_t *r, const field_t *field,
                              apr_uint64_t *pset)
{
    int a = 0, b = 0, step = 1, has_range, n;
    apr_status_t rv = read_range(r, field, &a, &b, &has_range);

    if (rv == APR_SUCCESS && r->at < r->end && *r->at == '/') {
        ++r->at;
        if (r->at == r->end || !is_digit(*r->at)) {
            return fail(r, r->at, "a step must be a number");
        }
        rv = read_number(r, "a step", 1, field->max, &step);
        b = has_range ? b : field == &fields[WEEKDAYS] ? 6 : field->max;
    }
    if (rv == APR_SUCCESS && r->at < r->end && *r->at == '#') {
        return fail(r, r->at, "'#' (nth weekday) is not supported");
    }
    for (n = a; rv == APR_SUCCESS && n <= b; n += step) {
        *pset |= APR_UINT64_C(1) << (field == &fields[WEEKDAYS] ? n % 7 : n);
    }
    return rv;
}

/* One field: up to the blank or the end. */
static apr_status_t read_field(reader_t *r, const field_t *field,
                               apr_uint64_t *pset)
{
    apr_status_t rv;

    *pset = 0;
    for (;;) {
        rv = read_item(r, field, pset);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (r->at == r->end || *r->at == ' ' || *r->at == '\t') {
            return APR_SUCCESS;
        }
        if (*r->at != ',') {
            return fail_field(r, r->at, field, "unexpected character");
        }
        ++r->at;
    }
}

static void skip_blanks(reader_t *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t')) {
        ++r->at;
    }
}

static int count_fields(const reader_t *r)
{
    reader_t c = *r;
    int n = 0;

    for (skip_blanks(&c); c.at < c.end; skip_blanks(&c)) {
        ++n;
        while (c.at < c.end && *c.at != ' ' && *c.at != '\t') {
            ++c.at;
        }
    }
    return n;
}

static apr_status_t read_seconds(reader_t *r)
{
    const char *begin = r->at;

    while (r->at < r->end && *r->at != ' ' && *r->at != '\t') {
        ++r->at;
    }
    if (r->at - begin == 1 && (*begin == '?' || *begin == '0')) {
        skip_blanks(r);
        return APR_SUCCESS;
    }
    return fail(r, begin,
                "the first of six fields is the second, which must be '?'");
}

static int is_all(apr_uint64_t set, const field_t *field, int max)
{
    apr_uint64_t all = ((APR_UINT64_C(1) << (max - field->min + 1)) - 1)
                       << field->min;

    return set == all;
}

/* Is there a day at all? 29 February is one. */
static int has_day(const flow_cron_t *cron)
{
    int month;

    if (cron->either || is_all(cron->days, &fields[DAYS], 31)) {
        return 1;
    }
    for (month = 1; month <= 12; ++month) {
        if (is_in(cron->months, month) &&
            next_in(cron->days, 1, flow_date_days_in(2024, month)) > 0) {
            return 1;
        }
    }
    return 0;
}

static void take(flow_cron_t *cron, const apr_uint64_t sets[FIELDS])
{
    cron->minutes = sets[MINUTES];
    cron->hours = (apr_uint32_t)sets[HOURS];
    cron->days = (apr_uint32_t)sets[DAYS];
    cron->months = (apr_uint16_t)sets[MONTHS];
    cron->weekdays = (apr_byte_t)sets[WEEKDAYS];
    cron->either = !is_all(sets[DAYS], &fields[DAYS], 31) &&
                   !is_all(sets[WEEKDAYS], &fields[WEEKDAYS], 6);
}

/* "@daily": what it stands for, or NULL with what there is. */
static const char *nickname(const char *text, apr_size_t len, flow_error_t *err)
{
    static const char *const names[][2] = {
        { "@hourly", "0 * * * *" },   { "@daily", "0 0 * * *" },
        { "@midnight", "0 0 * * *" }, { "@weekly", "0 0 * * 0" },
        { "@monthly", "0 0 1 * *" },  { "@yearly", "0 0 1 1 *" },
        { "@annually", "0 0 1 1 *" },
    };
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        if (strlen(names[i][0]) == len && !memcmp(names[i][0], text, len)) {
            return names[i][1];
        }
    }
    flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "invalid_schedule",
                   "Invalid cron expression: '%.*s' is none of @hourly, "
                   "@daily, @weekly, @monthly and @yearly",
                   (int)(len > TEXT_MAX ? TEXT_MAX : len), text);
    return NULL;
}

apr_status_t flow_cron_compile(flow_cron_t *cron, const char *text,
                               apr_size_t len, flow_error_t *err)
{
    char copy[TEXT_MAX + 1];
    apr_uint64_t sets[FIELDS];
    reader_t r = { copy, copy, NULL, err };
    apr_status_t rv = APR_SUCCESS;
    int i, n;

    if (len > TEXT_MAX || memchr(text, '\0', len)) {
        return flow_error_set(
            err, FLOW_E_CONFIG, APR_EINVAL, "invalid_schedule",
            "Invalid cron expression: longer than %d bytes", TEXT_MAX);
    }
    if (len && *text == '@') {
        text = nickname(text, len, err);
        if (!text) {
            return APR_EINVAL;
        }
        len = strlen(text);
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    r.end = copy + len;
    n = count_fields(&r);
    skip_blanks(&r);
    if (n != FIELDS && n != FIELDS + 1) {
        return flow_error_set(
            err, FLOW_E_CONFIG, APR_EINVAL, "invalid_schedule",
            "Invalid cron expression: '%s' has %d fields; there are six (? "
            "minute hour day month weekday), or five without the '?'",
            copy, n);
    }
    if (n == FIELDS + 1) {
        rv = read_seconds(&r);
    }
    for (i = 0; i < FIELDS && rv == APR_SUCCESS; ++i) {
        rv = read_field(&r, &fields[i], &sets[i]);
        skip_blanks(&r);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    take(cron, sets);
    if (!has_day(cron)) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL,
                              "invalid_schedule",
                              "Invalid cron expression: '%s' never comes, no "
                              "such month has such a day",
                              copy);
    }
    return APR_SUCCESS;
}

/* ---- local time ---- */

static int is_day(const flow_cron_t *cron, const flow_date_t *date)
{
    int by_month = is_in(cron->days, date->day);
    int by_week = is_in(cron->weekdays, date->weekday);

    if (!is_in(cron->months, date->month)) {
        return 0;
    }
    return cron->either ? by_month || by_week : by_month && by_week;
}

/* The first minute of the day that is at or after @a minute, or -1. */
static int next_minute(const flow_cron_t *cron, int minute)
{
    int hour = next_in(cron->hours, minute / 60, 23), m;

    if (hour < 0) {
        return -1;
    }
    m = next_in(cron->minutes, hour == minute / 60 ? minute % 60 : 0, 59);
    if (m < 0) {
        hour = next_in(cron->hours, hour + 1, 23);
        m = next_in(cron->minutes, 0, 59);
    }
    return hour < 0 ? -1 : hour * 60 + m;
}

/* The first minute on the clock at or after @a local that fits; -1: none. */
static apr_int64_t next_local(const flow_cron_t *cron, apr_int64_t local)
{
    apr_int64_t day = (local - (local % DAY + DAY) % DAY) / DAY;
    int minute = (int)((local - day * DAY + MINUTE - 1) / MINUTE), i;
    flow_date_t date;

    for (i = 0; i < YEARS_AHEAD * 366; ++i, ++day, minute = 0) {
        flow_date_take_apart(&date, day * DAY * 1000, NULL);
        if (is_day(cron, &date)) {
            minute = next_minute(cron, minute);
            if (minute >= 0) {
                return day * DAY + (apr_int64_t)minute * MINUTE;
            }
        }
    }
    return -1;
}

/* Does the schedule go on through this hour, so that it is time that passes
 * what it means? */
static int goes_on(const flow_cron_t *cron, apr_int64_t local)
{
    int hour = (int)((local % DAY + DAY) % DAY / HOUR);

    if (is_all(cron->hours, &fields[HOURS], 23)) {
        return 1;
    }
    return (cron->minutes & (cron->minutes - 1)) != 0 &&
           (is_in(cron->hours, (hour + 1) % 24) ||
            is_in(cron->hours, (hour + 23) % 24));
}

/* ---- clock changes ---- */

/* The change in (after, until], or 0; offsets at the two ends differ. */
static apr_int64_t change_in(const flow_zone_t *zone, apr_int64_t after,
                             apr_int64_t until)
{
    int before = flow_zone_offset(zone, after);

    if (flow_zone_offset(zone, until) == before) {
        return 0;
    }
    while (until - after > 1) {
        apr_int64_t middle = after + (until - after) / 2;

        if (flow_zone_offset(zone, middle) == before) {
            after = middle;
        }
        else {
            until = middle;
        }
    }
    return until;
}

/* Has a tick been skipped by this change that is to be made up for? */
static int is_owed(const flow_cron_t *cron, const flow_zone_t *zone,
                   apr_int64_t change)
{
    apr_int64_t local = change + flow_zone_offset(zone, change - 1);
    apr_int64_t until = change + flow_zone_offset(zone, change);

    while (local < until) {
        local = next_local(cron, local);
        if (local < 0 || local >= until) {
            return 0;
        }
        if (!goes_on(cron, local)) {
            return 1;
        }
        local += MINUTE;
    }
    return 0;
}

/* Up to which time on the clock all comes for the second time, in the stretch
 * that @a at is in. */
static apr_int64_t repeated_until(const flow_zone_t *zone, apr_int64_t at)
{
    apr_int64_t change = change_in(zone, at - DAY, at);

    return change ? change + flow_zone_offset(zone, change - 1) : APR_INT64_MIN;
}

/* ---- the next one ---- */

apr_int64_t flow_cron_next(const flow_cron_t *cron, const flow_zone_t *zone,
                           apr_int64_t seconds)
{
    apr_int64_t at = seconds + 1; /* the first that may be a tick */
    apr_int64_t limit = seconds + (apr_int64_t)YEARS_AHEAD * 366 * DAY;

    if (change_in(zone, seconds, at) && is_owed(cron, zone, at)) {
        return at;
    }
    while (at < limit) {
        int offset = flow_zone_offset(zone, at);
        apr_int64_t change = change_in(zone, at, at + DAY);
        apr_int64_t end = change ? change : at + DAY;
        apr_int64_t again = repeated_until(zone, at);
        apr_int64_t local = next_local(cron, at + offset);

        while (local >= 0 && local < again && !goes_on(cron, local)) {
            local = next_local(cron, local + MINUTE);
        }
        if (local < 0) {
            return -1;
        }
        if (local - offset < end) {
            return local - offset;
        }
        if (change) {
            if (is_owed(cron, zone, change)) {
                return change;
            }
            at = change;
        }
        else {
            /* nothing on the clock before `local`, so no change matters */
            at = local - offset - DAY > end ? local - offset - DAY : end;
        }
    }
    return -1;
}

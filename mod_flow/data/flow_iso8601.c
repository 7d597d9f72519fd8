/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_iso8601.h"

typedef struct reader_t {
    const char *c;
    const char *end;
} reader_t;

/* Exactly @a digits digits. */
static int read_number(reader_t *r, int digits, int *pn)
{
    int n = 0;

    if (r->end - r->c < digits)
        return 0;
    for (; digits; --digits, ++r->c) {
        if (*r->c < '0' || *r->c > '9')
            return 0;
        n = n * 10 + (*r->c - '0');
    }
    *pn = n;
    return 1;
}

static int read_char(reader_t *r, char c)
{
    if (r->c >= r->end || *r->c != c)
        return 0;
    ++r->c;
    return 1;
}

static int is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in(int year, int month)
{
    static const int days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days since 1970-01-01 in the Gregorian calendar, also before it began. Years
 * are counted from March, so that the leap day comes last, and in eras of 400
 * years, which all have the same number of days. */
static apr_int64_t days_since_1970(int year, int month, int day)
{
    int y = month <= 2 ? year - 1 : year;
    int era = (y >= 0 ? y : y - 399) / 400;
    int year_of_era = y - era * 400;
    int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return (apr_int64_t)era * 146097 + day_of_era - 719468;
}

static int read_date(reader_t *r, apr_int64_t *pdays)
{
    int year, month = 1, day = 1;

    if (!read_number(r, 4, &year))
        return 0;
    if (read_char(r, '-')) {
        if (!read_number(r, 2, &month) || month < 1 || month > 12)
            return 0;
        if (read_char(r, '-') &&
            (!read_number(r, 2, &day) || day < 1 || day > days_in(year, month)))
            return 0;
    }
    *pdays = days_since_1970(year, month, day);
    return 1;
}

static int read_fraction(reader_t *r, int *pms)
{
    int scale = 100;
    const char *start = r->c;

    for (; r->c < r->end && *r->c >= '0' && *r->c <= '9'; ++r->c) {
        *pms += (*r->c - '0') * scale;
        scale /= 10;
    }
    return r->c > start;
}

static int read_time(reader_t *r, apr_int64_t *pms)
{
    int hour, minute, second = 0, ms = 0;

    if (!read_number(r, 2, &hour) || !read_char(r, ':') ||
        !read_number(r, 2, &minute) || minute > 59)
        return 0;
    if (read_char(r, ':')) {
        if (!read_number(r, 2, &second) || second > 59)
            return 0;
        if ((read_char(r, '.') || read_char(r, ',')) && !read_fraction(r, &ms))
            return 0;
    }
    /* 24:00 is the end of the day. */
    if (hour > 24 || (hour == 24 && (minute || second || ms)))
        return 0;
    *pms = ((hour * 60 + minute) * 60 + second) * (apr_int64_t)1000 + ms;
    return 1;
}

static int read_offset(reader_t *r, apr_int64_t *pms)
{
    int sign = 1, hour, minute = 0;

    if (r->c == r->end || read_char(r, 'Z') || read_char(r, 'z'))
        return 1;
    if (read_char(r, '-'))
        sign = -1;
    else if (!read_char(r, '+'))
        return 0;
    if (!read_number(r, 2, &hour) || hour > 23)
        return 0;
    if ((read_char(r, ':') || r->c < r->end) &&
        (!read_number(r, 2, &minute) || minute > 59))
        return 0;
    *pms -= sign * (hour * 60 + minute) * (apr_int64_t)60000;
    return 1;
}

int flow_iso8601_parse(const char *s, apr_size_t len, apr_int64_t *pms)
{
    reader_t r;
    apr_int64_t days, ms = 0;

    r.c = s;
    r.end = s + len;
    if (!read_date(&r, &days))
        return 0;
    /* Only a whole date takes a time. */
    if (len > 10 &&
        (!(read_char(&r, 'T') || read_char(&r, 't') || read_char(&r, ' ')) ||
         r.c != s + 11 || !read_time(&r, &ms) || !read_offset(&r, &ms)))
        return 0;
    if (r.c != r.end)
        return 0;
    *pms = days * 86400000 + ms;
    return 1;
}

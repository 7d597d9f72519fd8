/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates whose format nobody said: ISO 8601, and what mails, web pages and
 * people write.
 */
#include "data/flow_date_private.h"

#include <apr_lib.h>
#include <string.h>
#include <strings.h>

typedef struct reader_t {
    const char *c;
    const char *end;
} reader_t;

/* --- ISO 8601 ------------------------------------------------------------- */

static apr_size_t digits_ahead(const reader_t *r)
{
    apr_size_t n = 0;

    while (r->c + n < r->end && apr_isdigit(r->c[n]))
        ++n;
    return n;
}

/* Exactly so many digits. */
static int read_number(reader_t *r, int digits, int *pn)
{
    int n = 0;

    if (digits_ahead(r) < (apr_size_t)digits)
        return 0;
    for (; digits; --digits, ++r->c)
        n = n * 10 + (*r->c - '0');
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

static int from_days(apr_int64_t days, flow_date_read_t *read)
{
    flow_date_t date;

    flow_date_take_apart(&date, days * 86400000, NULL);
    read->year = date.year;
    read->month = date.month;
    read->day = date.day;
    return 1;
}

/* Www, Www-D, WwwD */
static int read_week(reader_t *r, int year, int is_extended,
                     flow_date_read_t *read)
{
    int week, day = 1;

    if (!read_number(r, 2, &week) || week < 1 || week > 53)
        return 0;
    if (is_extended ? read_char(r, '-') : digits_ahead(r) == 1) {
        if (!read_number(r, 1, &day) || day < 1 || day > 7)
            return 0;
    }
    return from_days(flow_date_from_week(year, week, day % 7, 1, 4), read);
}

static int read_ordinal(reader_t *r, int year, flow_date_read_t *read)
{
    int day;

    return read_number(r, 3, &day) && day >= 1 &&
           day <= flow_date_year_days(year) &&
           from_days(flow_date_days(year, 1, 1) + day - 1, read);
}

/* What follows the year; *pis_extended says whether by a dash. */
static int read_date(reader_t *r, flow_date_read_t *read, int *pis_extended)
{
    apr_size_t n;
    int sign = 0;

    if (r->c < r->end && (*r->c == '+' || *r->c == '-'))
        sign = *r->c++ == '-' ? -1 : 1;
    if (!read_number(r, sign ? 6 : 4, &read->year))
        return 0;
    if (sign)
        read->year *= sign;
    *pis_extended = read_char(r, '-');
    if (read_char(r, 'W'))
        return read_week(r, read->year, *pis_extended, read);
    n = digits_ahead(r);
    if (n == 3)
        return read_ordinal(r, read->year, read);
    if (*pis_extended) {
        return read_number(r, 2, &read->month) &&
               (!read_char(r, '-') || read_number(r, 2, &read->day));
    }
    if (n == 0)
        return 1;
    if (n == 2)
        return read_number(r, 2, &read->month);
    return n == 4 && read_number(r, 2, &read->month) &&
           read_number(r, 2, &read->day);
}

static void read_fraction(reader_t *r, flow_date_read_t *read)
{
    int scale = 100;

    for (; r->c < r->end && apr_isdigit(*r->c); ++r->c, scale /= 10)
        read->ms += (*r->c - '0') * scale;
}

static int read_time(reader_t *r, flow_date_read_t *read, int is_extended)
{
    if (!read_number(r, 2, &read->hour))
        return 0;
    if (is_extended ? !read_char(r, ':') : digits_ahead(r) < 2)
        return 1;
    if (!read_number(r, 2, &read->minute))
        return 0;
    if (is_extended ? !read_char(r, ':') : digits_ahead(r) < 2)
        return 1;
    if (!read_number(r, 2, &read->second))
        return 0;
    if ((read_char(r, '.') || read_char(r, ',')) && digits_ahead(r))
        read_fraction(r, read);
    return 1;
}

/* Z, +hh, +hhmm or +hh:mm; nothing is fine. */
static int read_offset(reader_t *r, flow_date_read_t *read)
{
    int sign = 1, hour, minute = 0;

    while (r->c < r->end && *r->c == ' ')
        ++r->c;
    if (r->c == r->end)
        return 1;
    read->has_offset = 1;
    if (read_char(r, 'Z') || read_char(r, 'z'))
        return 1;
    if (read_char(r, '-'))
        sign = -1;
    else if (!read_char(r, '+'))
        return 0;
    if (!read_number(r, 2, &hour))
        return 0;
    if ((read_char(r, ':') || digits_ahead(r)) && !read_number(r, 2, &minute))
        return 0;
    read->offset = sign * (hour * 3600 + minute * 60);
    return hour < 24 && minute < 60;
}

int flow_date_parse_iso(const char *s, apr_size_t len, const flow_zone_t *zone,
                        apr_int64_t *pms)
{
    flow_date_read_t read = { 0, 1, 1 };
    reader_t r = { s, s + len };
    int is_extended;

    if (!read_date(&r, &read, &is_extended))
        return 0;
    if (r.c < r.end) {
        if (!read_char(&r, 'T') && !read_char(&r, 't') && !read_char(&r, ' '))
            return 0;
        if (!read_time(&r, &read, is_extended) || !read_offset(&r, &read))
            return 0;
    }
    return r.c == r.end && flow_date_compose(&read, zone, pms);
}

/* --- words ---------------------------------------------------------------- */

/** What has been found, in whatever order. */
typedef struct words_t {
    reader_t r;
    flow_date_read_t read;
    int numbers[3];
    int digits[3];
    int n;
    int has_month; /* by name */
    int has_time;
    int half; /* 1: am, 2: pm */
} words_t;

static const struct {
    const char *name;
    int hours;
} zone_words[] = {
    { "UTC", 0 },  { "GMT", 0 },  { "UT", 0 },   { "Z", 0 },
    { "EST", -5 }, { "EDT", -4 }, { "CST", -6 }, { "CDT", -5 },
    { "MST", -7 }, { "MDT", -6 }, { "PST", -8 }, { "PDT", -7 },
};

static int take_word(words_t *w)
{
    const char *s = w->r.c;
    apr_size_t len = 0, used, i;

    while (s + len < w->r.end && apr_isalpha(s[len]))
        ++len;
    w->r.c += len;
    if (len == 2 && apr_tolower(s[1]) == 'm' && apr_tolower(s[0]) == 'a')
        return w->half = 1;
    if (len == 2 && apr_tolower(s[1]) == 'm' && apr_tolower(s[0]) == 'p')
        return w->half = 2;
    for (i = 0; i < sizeof(zone_words) / sizeof(zone_words[0]); ++i) {
        if (strlen(zone_words[i].name) == len &&
            strncasecmp(s, zone_words[i].name, len) == 0) {
            w->read.has_offset = 1;
            w->read.offset = zone_words[i].hours * 3600;
            return 1;
        }
    }
    if (len >= 3 && !w->has_month &&
        (w->read.month = flow_date_month_at(s, len, &used)) != 0)
        return w->has_month = 1;
    return len >= 3 && flow_date_weekday_at(s, len, &used) >= 0;
}

/* :mm[:ss[.fff]] behind an hour */
static int take_time(words_t *w, int hour)
{
    flow_date_read_t *read = &w->read;

    if (w->has_time || !read_char(&w->r, ':') ||
        !read_number(&w->r, 2, &read->minute))
        return 0;
    read->hour = hour;
    w->has_time = 1;
    if (read_char(&w->r, ':')) {
        if (!read_number(&w->r, 2, &read->second))
            return 0;
        if (read_char(&w->r, '.'))
            read_fraction(&w->r, read);
    }
    return 1;
}

static int take_offset(words_t *w, int sign)
{
    int hour, minute = 0;
    apr_size_t n = digits_ahead(&w->r);

    if (n != 2 && n != 4)
        return 0;
    if (!read_number(&w->r, 2, &hour))
        return 0;
    if (n == 4 || read_char(&w->r, ':')) {
        if (!read_number(&w->r, 2, &minute))
            return 0;
    }
    w->read.has_offset = 1;
    w->read.offset = sign * (hour * 3600 + minute * 60);
    return hour < 24 && minute < 60;
}

static int take_number(words_t *w)
{
    apr_size_t digits = digits_ahead(&w->r);
    int n;

    if (digits > 6 || !read_number(&w->r, (int)digits, &n))
        return 0;
    if (w->r.c < w->r.end && *w->r.c == ':')
        return digits <= 2 && take_time(w, n);
    if (w->n == 3)
        return 0;
    w->digits[w->n] = (int)digits;
    w->numbers[w->n++] = n;
    return 1;
}

static int take_comment(words_t *w)
{
    const char *close = memchr(w->r.c, ')', (apr_size_t)(w->r.end - w->r.c));

    if (!close)
        return 0;
    w->r.c = close + 1;
    return 1;
}

static int take_one(words_t *w)
{
    char c = *w->r.c;

    if (apr_isdigit(c))
        return take_number(w);
    if (apr_isalpha(c))
        return take_word(w);
    if (c == '(')
        return take_comment(w);
    ++w->r.c;
    if ((c == '+' || c == '-') && (w->has_time || w->read.has_offset))
        return take_offset(w, c == '-' ? -1 : 1);
    return strchr(" ,./-", c) != NULL && c;
}

static int year_of(int n, int digits)
{
    return digits > 2 ? n : n + (n < 50 ? 2000 : 1900);
}

/* Which number is what: a month's name leaves day and year, else it is month,
 * day, year as Americans write it, or year first. */
static int sort_numbers(words_t *w)
{
    const int *n = w->numbers, *digits = w->digits;
    flow_date_read_t *read = &w->read;
    int is_year_first = digits[0] > 2;

    if (w->has_month) {
        if (w->n != 2)
            return 0;
        read->day = n[is_year_first];
        read->year = year_of(n[!is_year_first], digits[!is_year_first]);
        return 1;
    }
    if (w->n != 3)
        return 0;
    read->month = n[is_year_first];
    read->day = n[1 + is_year_first];
    read->year = is_year_first ? n[0] : year_of(n[2], digits[2]);
    return 1;
}

int flow_date_parse_words(const char *s, apr_size_t len,
                          const flow_zone_t *zone, apr_int64_t *pms)
{
    words_t w;

    memset(&w, 0, sizeof(w));
    w.r.c = s;
    w.r.end = s + len;
    while (w.r.c < w.r.end) {
        if (!take_one(&w))
            return 0;
    }
    if (!sort_numbers(&w))
        return 0;
    if (w.half) {
        if (!w.has_time || w.read.hour < 1 || w.read.hour > 12)
            return 0;
        w.read.hour = w.read.hour % 12 + (w.half == 2 ? 12 : 0);
    }
    return flow_date_compose(&w.read, zone, pms);
}

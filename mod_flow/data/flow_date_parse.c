/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading by a format, the way moment.js does when it is not strict: each piece
 * of the format looks for the first thing in the rest of the text that could be
 * it and skips what stands before.
 */
#include "data/flow_date_private.h"

#include <apr_lib.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define UNSET (-1)

typedef struct parser_t {
    const char *c;
    const char *end;
    flow_date_read_t read; /* UNSET where nothing was read */
    int year_is_set;
    int day_of_year;
    int week, week_year, weekday;
    int is_iso_week;
    int has_week;
    int half; /* 1: am, 2: pm */
    int count;
    int is_bad;
    int has_ms; /* x and X give the whole time */
    apr_int64_t ms;
} parser_t;

/* --- finding -------------------------------------------------------------- */

/* The next run of digits, at most @a max of them; perhaps with a sign. */
static int find_number(parser_t *ps, int max, int *pn)
{
    const char *c = ps->c;
    apr_int64_t n = 0;
    int digits = 0;

    while (c < ps->end && !apr_isdigit(*c))
        ++c;
    for (; c < ps->end && apr_isdigit(*c) && digits < max; ++c, ++digits)
        n = n * 10 + (*c - '0');
    if (digits == 0)
        return 0;
    ps->c = c;
    *pn = (int)n;
    ++ps->count;
    return digits;
}

/* Three digits side by side. */
static void find_three(parser_t *ps, int *pn)
{
    const char *c;

    for (c = ps->c; ps->end - c >= 3; ++c) {
        if (apr_isdigit(c[0]) && apr_isdigit(c[1]) && apr_isdigit(c[2])) {
            ps->c = c;
            find_number(ps, 3, pn);
            return;
        }
    }
}

static int find_word(parser_t *ps, const char **pword, apr_size_t *plen)
{
    const char *c = ps->c;

    while (c < ps->end && !apr_isalpha(*c))
        ++c;
    if (c == ps->end)
        return 0;
    *pword = c;
    while (*pword > ps->c && apr_isdigit((*pword)[-1]))
        --*pword; /* "14th" is one word */
    while (c < ps->end && apr_isalpha(*c))
        ++c;
    *plen = (apr_size_t)(c - *pword);
    ps->c = c;
    ++ps->count;
    return 1;
}

static void skip_literal(parser_t *ps, const flow_date_piece_t *piece)
{
    const char *at =
        memmem(ps->c, (apr_size_t)(ps->end - ps->c), piece->text, piece->len);

    if (at)
        ps->c = at + piece->len;
}

/* --- tokens --------------------------------------------------------------- */

static void read_year(parser_t *ps, apr_size_t len)
{
    const char *c = ps->c;
    int n, digits, sign = 1;

    while (c < ps->end && !apr_isdigit(*c))
        ++c;
    if (len >= 5 && c > ps->c && c[-1] == '-')
        sign = -1;
    digits = find_number(ps, len == 2 ? 2 : len >= 5 ? 6 : 4, &n);
    if (!digits)
        return;
    ps->read.year = digits == 2 && len <= 4 ? flow_date_full_year(n) : n * sign;
    ps->year_is_set = 1;
}

static void read_month(parser_t *ps, const flow_date_piece_t *piece)
{
    const char *word;
    apr_size_t len, used;

    if (piece->len <= 2) {
        find_number(ps, 2, &ps->read.month);
        return;
    }
    if (!find_word(ps, &word, &len))
        return;
    ps->read.month = flow_date_month_at(word, len, &used);
    if (ps->read.month == 0)
        ps->is_bad = 1;
    else
        ps->c = word + (used == 3 ? len : used);
}

static void read_weekday(parser_t *ps, const flow_date_piece_t *piece)
{
    const char *word;
    apr_size_t len, used;

    if (piece->len == 1 || piece->text[piece->len - 1] == 'o') {
        find_number(ps, 2, &ps->weekday);
        return;
    }
    if (!find_word(ps, &word, &len))
        return;
    ps->weekday = flow_date_weekday_at(word, len, &used);
    if (ps->weekday < 0)
        ps->is_bad = 1;
}

/* 1st: the suffix belongs to the number. */
static void read_day(parser_t *ps, const flow_date_piece_t *piece)
{
    int is_ordinal = piece->text[piece->len - 1] == 'o';

    if (flow_date_is(piece, "DDDD"))
        find_three(ps, &ps->day_of_year);
    else if (piece->len >= 3)
        find_number(ps, 3, &ps->day_of_year);
    else
        find_number(ps, 2, &ps->read.day);
    if (is_ordinal && ps->end - ps->c >= 2 && apr_isalpha(ps->c[0]) &&
        apr_isalpha(ps->c[1]))
        ps->c += 2;
}

static void read_hour(parser_t *ps, const flow_date_piece_t *piece)
{
    int n, digits;

    if (piece->len < 3) {
        if (find_number(ps, 2, &n))
            ps->read.hour = piece->text[0] == 'k' && n == 24 ? 0 : n;
        return;
    }
    digits = find_number(ps, piece->len == 3 ? 4 : 6, &n); /* Hmm, Hmmss */
    if (digits < (int)piece->len)
        return;
    if (piece->len == 5) {
        ps->read.second = n % 100;
        n /= 100;
    }
    ps->read.minute = n % 100;
    ps->read.hour = n / 100;
}

static void read_fraction(parser_t *ps)
{
    const char *c = ps->c;
    int scale = 100;

    while (c < ps->end && !apr_isdigit(*c))
        ++c;
    if (c == ps->end)
        return;
    ps->read.ms = 0;
    for (; c < ps->end && apr_isdigit(*c); ++c, scale /= 10)
        ps->read.ms += (*c - '0') * scale;
    ps->c = c;
    ++ps->count;
}

static void read_half(parser_t *ps)
{
    const char *c = ps->c;

    while (c < ps->end && !strchr("aApP", *c))
        ++c;
    if (c == ps->end || !*c)
        return;
    ps->half = apr_tolower(*c) == 'p' ? 2 : 1;
    for (++c; c < ps->end && (*c == '.' || apr_tolower(*c) == 'm'); ++c)
        ;
    ps->c = c;
    ++ps->count;
}

/* Z, +hh, +hhmm or +hh:mm */
static void read_offset(parser_t *ps)
{
    const char *c = ps->c;

    for (; c < ps->end; ++c) {
        if (apr_tolower(*c) == 'z') {
            ps->read.has_offset = 1;
            ps->read.offset = 0;
            ps->c = c + 1;
            ++ps->count;
            return;
        }
        if ((*c == '+' || *c == '-') && ps->end - c >= 3 && apr_isdigit(c[1]) &&
            apr_isdigit(c[2])) {
            int sign = *c == '-' ? -1 : 1;
            int seconds = ((c[1] - '0') * 10 + c[2] - '0') * 3600;

            c += 3;
            if (ps->end - c >= 3 && *c == ':' && apr_isdigit(c[1]))
                ++c;
            if (ps->end - c >= 2 && apr_isdigit(c[0]) && apr_isdigit(c[1])) {
                seconds += ((c[0] - '0') * 10 + c[1] - '0') * 60;
                c += 2;
            }
            ps->read.has_offset = 1;
            ps->read.offset = sign * seconds;
            ps->c = c;
            ++ps->count;
            return;
        }
    }
}

/* Milliseconds, or seconds with up to three decimals. */
static void read_epoch(parser_t *ps, int is_seconds)
{
    const char *c = ps->c;
    int sign = 1, scale = 100, digits = 0;
    apr_int64_t n = 0;

    while (c < ps->end && !apr_isdigit(*c))
        ++c;
    if (c == ps->end)
        return;
    if (c > ps->c && c[-1] == '-')
        sign = -1;
    for (; c < ps->end && apr_isdigit(*c); ++c) {
        if (++digits > (is_seconds ? 13 : 16)) {
            ps->is_bad = 1;
            return;
        }
        n = n * 10 + (*c - '0');
    }
    if (is_seconds) {
        n *= 1000;
        if (c + 1 < ps->end && *c == '.' && apr_isdigit(c[1])) {
            for (++c; c < ps->end && apr_isdigit(*c) && scale; ++c) {
                n += (*c - '0') * scale;
                scale /= 10;
            }
        }
    }
    ps->ms = sign * n;
    ps->has_ms = 1;
    ps->c = c;
    ++ps->count;
}

static void read_week_part(parser_t *ps, const flow_date_piece_t *piece)
{
    int n, digits;

    switch (piece->text[0]) {
    case 'W':
    case 'w':
        if (!find_number(ps, 2, &ps->week))
            return;
        break;
    case 'E':
    case 'e':
        if (!find_number(ps, 1, &ps->weekday))
            return;
        ps->is_bad |= piece->text[0] == 'E' ? ps->weekday < 1 || ps->weekday > 7
                                            : ps->weekday > 6;
        ps->weekday %= 7;
        break;
    default:
        digits = find_number(ps, (int)piece->len, &n);
        if (!digits)
            return;
        ps->week_year = digits == 2 ? flow_date_full_year(n) : n;
        break;
    }
    ps->has_week = 1;
    ps->is_iso_week |= apr_isupper(piece->text[0]) != 0;
}

static void read_token(parser_t *ps, const flow_date_piece_t *piece)
{
    int n;

    switch (piece->text[0]) {
    case 'Y':
    case 'y':
        read_year(ps, piece->len);
        break;
    case 'Q':
        if (find_number(ps, 1, &n))
            ps->read.month = (n - 1) * 3 + 1;
        break;
    case 'M':
        read_month(ps, piece);
        break;
    case 'D':
        read_day(ps, piece);
        break;
    case 'd':
        read_weekday(ps, piece);
        break;
    case 'e':
    case 'E':
    case 'w':
    case 'W':
    case 'g':
    case 'G':
        read_week_part(ps, piece);
        break;
    case 'a':
    case 'A':
        read_half(ps);
        break;
    case 'h':
    case 'H':
    case 'k':
        read_hour(ps, piece);
        break;
    case 'm':
        find_number(ps, 2, &ps->read.minute);
        break;
    case 's':
        find_number(ps, 2, &ps->read.second);
        break;
    case 'S':
        read_fraction(ps);
        break;
    case 'x':
    case 'X':
        read_epoch(ps, piece->text[0] == 'X');
        break;
    case 'Z':
        read_offset(ps);
        break;
    default:
        break;
    }
}

/* --- together ------------------------------------------------------------- */

static void set_days(parser_t *ps, apr_int64_t days)
{
    flow_date_t date;

    flow_date_take_apart(&date, days * 86400000, NULL);
    ps->read.year = date.year;
    ps->read.month = date.month;
    ps->read.day = date.day;
    ps->year_is_set = 1;
}

static void set_from_week(parser_t *ps, const flow_date_t *now)
{
    int first = ps->is_iso_week ? 1 : 0, in = ps->is_iso_week ? 4 : 1, year;
    int week = flow_date_week(now, first, in, &year);

    if (ps->week_year != UNSET)
        year = ps->week_year;
    else if (ps->year_is_set)
        year = ps->read.year;
    if (ps->week != UNSET)
        week = ps->week;
    else if (ps->is_iso_week)
        week = 1;
    if (week < 1 || week > 53) {
        ps->is_bad = 1;
        return;
    }
    set_days(ps, flow_date_from_week(year, week,
                                     ps->weekday == UNSET ? first : ps->weekday,
                                     first, in));
}

/* What the format left out: today's, as long as nothing larger was given, then
 * the first. */
static void fill(parser_t *ps, const flow_date_t *now)
{
    flow_date_read_t *read = &ps->read;

    if (ps->has_week && read->day == UNSET && read->month == UNSET) {
        set_from_week(ps, now);
    }
    else if (ps->day_of_year != UNSET) {
        int year = ps->year_is_set ? read->year : now->year;

        if (ps->day_of_year < 1 || ps->day_of_year > flow_date_year_days(year))
            ps->is_bad = 1;
        else
            set_days(ps, flow_date_days(year, 1, 1) + ps->day_of_year - 1);
    }
    if (!ps->year_is_set) {
        read->year = now->year;
        if (read->month == UNSET) {
            read->month = now->month;
            if (read->day == UNSET)
                read->day = now->day;
        }
    }
    if (read->month == UNSET)
        read->month = 1;
    if (read->day == UNSET)
        read->day = 1;
    if (ps->half == 2 && read->hour >= 0 && read->hour < 12)
        read->hour += 12;
    if (ps->half == 1 && read->hour == 12)
        read->hour = 0;
}

static void run(parser_t *ps, const char *format, apr_size_t len)
{
    char expanded[FLOW_DATE_FORMAT_MAX];
    const char *s = expanded;
    const char *end = expanded + flow_date_expand(format, len, expanded);
    flow_date_piece_t piece;

    while (flow_date_next(&s, end, &piece)) {
        if (piece.kind == FLOW_DATE_LITERAL)
            skip_literal(ps, &piece);
        else
            read_token(ps, &piece);
    }
}

int flow_date_parse_format(const char *s, apr_size_t len, const char *format,
                           apr_size_t format_len, const flow_zone_t *zone,
                           apr_time_t now, apr_int64_t *pms)
{
    flow_date_t today;
    parser_t ps;

    if (len > FLOW_DATE_FORMAT_MAX)
        return 0;
    memset(&ps, 0, sizeof(ps));
    ps.c = s;
    ps.end = s + len;
    ps.read.month = ps.read.day = UNSET;
    ps.day_of_year = ps.week = ps.week_year = ps.weekday = UNSET;
    run(&ps, format, format_len);
    if (ps.count == 0 || ps.is_bad)
        return 0;
    if (ps.has_ms) {
        *pms = ps.ms;
        return ps.ms <= FLOW_DATE_MAX_MS && ps.ms >= -FLOW_DATE_MAX_MS;
    }
    flow_date_take_apart(&today, apr_time_as_msec(now), zone);
    fill(&ps, &today);
    return !ps.is_bad && flow_date_compose(&ps.read, zone, pms);
}

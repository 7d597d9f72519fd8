/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_date_private.h"

#include <apr_lib.h>
#include <stdlib.h>
#include <string.h>

/* --- formats -------------------------------------------------------------- */

/* In order: of two that fit the first counts. */
static const char *const tokens[] = {
    "Hmmss", "Hmm",    "hmmss", "hmm",  "Mo",    "MMMM", "MMM",  "MM",  "M",
    "Do",    "DDDo",   "DDDD",  "DDD",  "DD",    "D",    "dddd", "ddd", "dd",
    "do",    "d",      "wo",    "ww",   "w",     "Wo",   "WW",   "W",   "Qo",
    "Q",     "YYYYYY", "YYYYY", "YYYY", "YY",    "Y",    "yyyy", "yyy", "yy",
    "y",     "ggggg",  "gggg",  "gg",   "GGGGG", "GGGG", "GG",   "e",   "E",
    "a",     "A",      "hh",    "h",    "HH",    "H",    "kk",   "k",   "mm",
    "m",     "ss",     "s",     "x",    "X",     "zz",   "z",    "ZZ",  "Z",
};

static apr_size_t token_at(const char *s, const char *end)
{
    apr_size_t i, n = 0;

    while (n < 9 && s + n < end && s[n] == 'S')
        ++n;
    for (i = 0; n == 0 && i < sizeof(tokens) / sizeof(tokens[0]); ++i) {
        apr_size_t len = strlen(tokens[i]);

        if ((apr_size_t)(end - s) >= len && memcmp(s, tokens[i], len) == 0)
            n = len;
    }
    return n;
}

/* [literal]: to the last ']' before another '['. */
static const char *literal_end(const char *s, const char *end)
{
    const char *c, *found = NULL;

    for (c = s + 1; c < end && *c != '['; ++c) {
        if (*c == ']')
            found = c;
    }
    return found;
}

int flow_date_next(const char **ps, const char *end, flow_date_piece_t *piece)
{
    const char *s = *ps, *close;

    if (s >= end)
        return 0;
    piece->kind = FLOW_DATE_LITERAL;
    close = *s == '[' ? literal_end(s, end) : NULL;
    if (close) {
        piece->text = s + 1;
        piece->len = (apr_size_t)(close - s) - 1;
        *ps = close + 1;
        return 1;
    }
    if (*s == '\\' && s + 1 < end) { /* escapes a token */
        piece->text = s + 1;
        piece->len = token_at(s + 1, end);
        if (piece->len == 0)
            piece->len = 1;
        *ps = s + 1 + piece->len;
        return 1;
    }
    piece->text = s;
    piece->len = token_at(s, end);
    if (piece->len)
        piece->kind = FLOW_DATE_TOKEN;
    else
        piece->len = 1;
    *ps = s + piece->len;
    return 1;
}

int flow_date_is(const flow_date_piece_t *piece, const char *token)
{
    return piece->len == strlen(token) &&
           memcmp(piece->text, token, piece->len) == 0;
}

static const struct {
    const char *name, *format;
} shorthands[] = {
    { "LTS", "h:mm:ss A" },
    { "LT", "h:mm A" },
    { "LLLL", "dddd, MMMM D, YYYY h:mm A" },
    { "LLL", "MMMM D, YYYY h:mm A" },
    { "LL", "MMMM D, YYYY" },
    { "L", "MM/DD/YYYY" },
    { "llll", "ddd, MMM D, YYYY h:mm A" },
    { "lll", "MMM D, YYYY h:mm A" },
    { "ll", "MMM D, YYYY" },
    { "l", "M/D/YYYY" },
};

static const char *shorthand_at(const char *s, const char *end, apr_size_t *pn)
{
    apr_size_t i;

    for (i = 0; i < sizeof(shorthands) / sizeof(shorthands[0]); ++i) {
        apr_size_t len = strlen(shorthands[i].name);

        if ((apr_size_t)(end - s) >= len &&
            memcmp(s, shorthands[i].name, len) == 0) {
            *pn = len;
            return shorthands[i].format;
        }
    }
    return NULL;
}

apr_size_t flow_date_expand(const char *format, apr_size_t len,
                            char expanded[FLOW_DATE_FORMAT_MAX])
{
    const char *s = format, *end = format + len;
    apr_size_t n = 0, take, give;

    while (s < end && n < FLOW_DATE_FORMAT_MAX) {
        const char *close = *s == '[' ? literal_end(s, end) : NULL;
        const char *text = close ? NULL : shorthand_at(s, end, &take);

        if (close)
            take = (apr_size_t)(close - s) + 1;
        else if (*s == '\\' && s + 1 < end)
            take = 2;
        else if (!text)
            take = 1;
        give = text ? strlen(text) : take;
        if (n + give > FLOW_DATE_FORMAT_MAX)
            break;
        memcpy(expanded + n, text ? text : s, give);
        n += give;
        s += take;
    }
    return n;
}

/* --- writing -------------------------------------------------------------- */

static void add_number(flow_buf_t *out, apr_int64_t n, int digits)
{
    flow_buf_addf(out, "%s%0*" APR_INT64_T_FMT, n < 0 ? "-" : "", digits,
                  n < 0 ? -n : n);
}

static void add_ordinal(flow_buf_t *out, int n)
{
    int tens = n % 100, ones = n % 10;

    flow_buf_addf(out, "%d%s", n,
                  tens >= 11 && tens <= 13 ? "th"
                  : ones == 1              ? "st"
                  : ones == 2              ? "nd"
                  : ones == 3              ? "rd"
                                           : "th");
}

static void add_offset(flow_buf_t *out, int offset, const char *between)
{
    int minutes = (offset < 0 ? -offset : offset) / 60;

    flow_buf_addf(out, "%c%02d%s%02d", offset < 0 ? '-' : '+', minutes / 60,
                  between, minutes % 60);
}

/* A number, padded by how often its letter stands there, or 1st, 2nd. */
static void add_counted(flow_buf_t *out, const flow_date_piece_t *piece, int n)
{
    if (piece->text[piece->len - 1] == 'o')
        add_ordinal(out, n);
    else
        add_number(out, n, piece->len > 1 ? (int)piece->len : 1);
}

static void add_year(flow_buf_t *out, apr_size_t digits, int year)
{
    if (digits == 2)
        add_number(out, year % 100, 2);
    else if (digits == 6 || year > 9999)
        flow_buf_addf(out, "%s%0*d", year < 0 ? "-" : "+",
                      digits == 6 ? 6 : (int)digits, abs(year));
    else
        add_number(out, year, digits > 4 ? (int)digits : 4);
}

static void add_month_or_day(flow_buf_t *out, const flow_date_piece_t *piece,
                             const char *const *names, int index, int number)
{
    apr_size_t n = piece->len;

    if (n == 4 && piece->text[3] != 'o')
        flow_buf_adds(out, names[index]);
    else if (n == 3)
        flow_buf_add(out, names[index], 3);
    else if (n == 2 && piece->text[0] == 'd' && piece->text[1] == 'd')
        flow_buf_add(out, names[index], 2);
    else
        add_counted(out, piece, number);
}

static void add_fraction(flow_buf_t *out, int ms, apr_size_t digits)
{
    char all[] = "000000000";

    all[0] = (char)('0' + ms / 100);
    all[1] = (char)('0' + ms / 10 % 10);
    all[2] = (char)('0' + ms % 10);
    flow_buf_add(out, all, digits);
}

static void add_week(flow_buf_t *out, const flow_date_t *date,
                     const flow_date_piece_t *piece)
{
    int is_iso = piece->text[0] == 'W' || piece->text[0] == 'G', year;
    int week = is_iso ? flow_date_week(date, 1, 4, &year)
                      : flow_date_week(date, 0, 1, &year);

    if (piece->text[0] == 'w' || piece->text[0] == 'W')
        add_counted(out, piece, week);
    else
        add_number(out, piece->len == 2 ? year % 100 : year, (int)piece->len);
}

static int hour12(int hour)
{
    return hour % 12 ? hour % 12 : 12;
}

static void add_clock(flow_buf_t *out, const flow_date_t *date,
                      const flow_date_piece_t *piece)
{
    int is_24 = piece->text[0] == 'H';
    int hour = is_24 ? date->hour : hour12(date->hour);

    if (piece->len < 3) {
        add_number(out, hour, (int)piece->len);
        return;
    }
    flow_buf_addf(out, "%d%02d", hour, date->minute); /* Hmm */
    if (piece->len == 5)
        flow_buf_addf(out, "%02d", date->second);
}

static apr_int64_t whole_seconds(apr_int64_t ms)
{
    return ms / 1000 - (ms % 1000 < 0);
}

static void add_token(flow_buf_t *out, const flow_date_piece_t *piece,
                      const flow_date_t *date, apr_int64_t ms,
                      const flow_zone_t *zone)
{
    switch (piece->text[0]) {
    case 'Y':
    case 'y':
        add_year(out, piece->len, date->year);
        break;
    case 'Q':
        add_counted(out, piece, (date->month + 2) / 3);
        break;
    case 'M':
        add_month_or_day(out, piece, flow_date_months, date->month - 1,
                         date->month);
        break;
    case 'D':
        if (flow_date_is(piece, "DDDo"))
            add_ordinal(out, date->day_of_year);
        else if (piece->len >= 3)
            add_number(out, date->day_of_year, piece->len == 4 ? 3 : 1);
        else
            add_counted(out, piece, date->day);
        break;
    case 'd':
        add_month_or_day(out, piece, flow_date_weekdays, date->weekday,
                         date->weekday);
        break;
    case 'e':
        add_number(out, date->weekday, 1);
        break;
    case 'E':
        add_number(out, date->weekday ? date->weekday : 7, 1);
        break;
    case 'w':
    case 'W':
    case 'g':
    case 'G':
        add_week(out, date, piece);
        break;
    case 'a':
        flow_buf_adds(out, date->hour < 12 ? "am" : "pm");
        break;
    case 'A':
        flow_buf_adds(out, date->hour < 12 ? "AM" : "PM");
        break;
    case 'h':
    case 'H':
        add_clock(out, date, piece);
        break;
    case 'k':
        add_number(out, date->hour ? date->hour : 24, (int)piece->len);
        break;
    case 'm':
        add_number(out, date->minute, (int)piece->len);
        break;
    case 's':
        add_number(out, date->second, (int)piece->len);
        break;
    case 'S':
        add_fraction(out, date->ms, piece->len);
        break;
    case 'x':
        add_number(out, ms, 1);
        break;
    case 'X':
        add_number(out, whole_seconds(ms), 1);
        break;
    case 'Z':
        add_offset(out, date->offset, piece->len == 1 ? ":" : "");
        break;
    case 'z':
        flow_buf_adds(out, flow_zone_abbreviation(zone, whole_seconds(ms)));
        break;
    default:
        break;
    }
}

static int is_out_of_range(flow_buf_t *out, apr_int64_t ms)
{
    if (ms <= FLOW_DATE_MAX_MS && ms >= -FLOW_DATE_MAX_MS)
        return 0;
    flow_buf_adds(out, "Invalid date");
    return 1;
}

void flow_date_format(flow_buf_t *out, apr_int64_t ms, const flow_zone_t *zone,
                      const char *format, apr_size_t len)
{
    char expanded[FLOW_DATE_FORMAT_MAX];
    const char *s = expanded, *end;
    flow_date_piece_t piece;
    flow_date_t date;

    if (is_out_of_range(out, ms))
        return;
    flow_date_take_apart(&date, ms, zone);
    end = expanded + flow_date_expand(format, len, expanded);
    while (flow_date_next(&s, end, &piece)) {
        if (piece.kind == FLOW_DATE_LITERAL)
            flow_buf_add(out, piece.text, piece.len);
        else
            add_token(out, &piece, &date, ms, zone);
    }
}

void flow_date_format_iso(flow_buf_t *out, apr_int64_t ms,
                          const flow_zone_t *zone)
{
    static const char utc[] = "YYYY-MM-DD[T]HH:mm:ss.SSS[Z]";
    static const char in_zone[] = "YYYY-MM-DD[T]HH:mm:ss.SSSZ";

    if (zone)
        flow_date_format(out, ms, zone, in_zone, sizeof(in_zone) - 1);
    else
        flow_date_format(out, ms, zone, utc, sizeof(utc) - 1);
}

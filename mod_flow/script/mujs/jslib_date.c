/* SPDX-License-Identifier: Apache-2.0 */

/* Dates as people and programs write them; part of jslib.c's room. */

static const char date_days[] = "SunMonTueWedThuFriSat";
static const char date_months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* ---- reading ---- */

typedef struct date_Parts {
    double year;
    int month, day, hour, minute, second; /* month from 1 */
    double ms;
    int has_zone, zone; /* in minutes */
    int pm;             /* 1: am, 2: pm */
} date_Parts;

/* @a min to @a max digits; how many. */
static int read_digits(const char **ps, int min, int max, double *value)
{
    const char *s = *ps;
    int n = 0;

    *value = 0;
    while (n < max && s[n] >= '0' && s[n] <= '9') {
        *value = *value * 10 + (s[n++] - '0');
    }
    if (n < min) {
        return 0;
    }
    *ps = s + n;
    return n;
}

static int read_int(const char **ps, int min, int max, int *value)
{
    double d;
    int n = read_digits(ps, min, max, &d);

    *value = (int)d;
    return n;
}

static int accept(const char **ps, char c)
{
    if (**ps != c) {
        return 0;
    }
    ++*ps;
    return 1;
}

/* hh:mm, and more of it. */
static int read_time(const char **ps, date_Parts *d)
{
    double scale = 100;

    if (!read_int(ps, 1, 2, &d->hour) || !accept(ps, ':') ||
        !read_int(ps, 2, 2, &d->minute)) {
        return 0;
    }
    if (!accept(ps, ':')) {
        return 1;
    }
    if (!read_int(ps, 2, 2, &d->second)) {
        return 0;
    }
    if (**ps == '.' || **ps == ',') {
        if ((*ps)[1] < '0' || (*ps)[1] > '9') {
            return 0;
        }
        for (++*ps; **ps >= '0' && **ps <= '9'; ++*ps, scale /= 10) {
            d->ms += (**ps - '0') * scale;
        }
        d->ms = floor(d->ms + 1e-9);
    }
    return 1;
}

/* +hh:mm, +hhmm or +hh */
static int read_offset(const char **ps, date_Parts *d)
{
    int sign = **ps == '-' ? -1 : 1, h, m = 0;

    ++*ps;
    if (!read_int(ps, 2, 2, &h)) {
        return 0;
    }
    accept(ps, ':');
    if (**ps >= '0' && **ps <= '9' && !read_int(ps, 2, 2, &m)) {
        return 0;
    }
    d->has_zone = 1;
    d->zone = sign * (h * 60 + m);
    return h < 24 && m < 60;
}

static double date_of(const date_Parts *d)
{
    int hour = d->hour;
    double t;

    if (d->pm) {
        if (hour < 1 || hour > 12) {
            return NAN;
        }
        hour = hour % 12 + (d->pm == 2 ? 12 : 0);
    }
    if (d->month < 1 || d->month > 12 || d->day < 1 || d->day > 31 ||
        hour > 24 || d->minute > 59 || d->second > 59 ||
        (hour == 24 && (d->minute || d->second || d->ms > 0))) {
        return NAN;
    }
    t = MakeDate(MakeDay(d->year, d->month - 1, d->day),
                 MakeTime(hour, d->minute, d->second, d->ms));
    return TimeClip(d->has_zone ? t - d->zone * msPerMinute : UTC(t));
}

/* YYYY, YYYY-MM and YYYY-MM-DD are in UTC, with a time and no zone they are
 * local: so says the language. A space for the T, too. */
static double parse_iso(const char *s)
{
    date_Parts d;
    int sign = *s == '-' ? -1 : 1, long_year = *s == '+' || *s == '-';

    memset(&d, 0, sizeof(d));
    d.month = d.day = 1;
    s += long_year;
    if (!read_digits(&s, long_year ? 6 : 4, long_year ? 6 : 4, &d.year) ||
        (sign < 0 && d.year == 0)) {
        return NAN;
    }
    d.year *= sign;
    d.has_zone = 1;
    if (accept(&s, '-')) {
        if (!read_int(&s, 2, 2, &d.month)) {
            return NAN;
        }
        if (accept(&s, '-') && !read_int(&s, 2, 2, &d.day)) {
            return NAN;
        }
    }
    if (*s == 'T' || *s == 't' || (*s == ' ' && s[1])) {
        d.has_zone = 0;
        ++s;
        if (!read_time(&s, &d)) {
            return NAN;
        }
        accept(&s, ' ');
        if (*s == 'Z' || *s == 'z') {
            ++s;
            d.has_zone = 1;
        }
        else if ((*s == '+' || *s == '-') && !read_offset(&s, &d)) {
            return NAN;
        }
    }
    return *s ? NAN : date_of(&d);
}

/* A number from 1 for one of those three-letter names, which @a s begins with
 * (in any case). */
static int find_word(const char *s, const char *names)
{
    int i;

    for (i = 0; names[i]; i += 3) {
        if ((s[0] | 32) == (names[i] | 32) && (s[1] | 32) == names[i + 1] &&
            (s[2] | 32) == names[i + 2]) {
            return i / 3 + 1;
        }
    }
    return 0;
}

static int word_length(const char *s)
{
    int n = 0;

    while ((s[n] | 32) >= 'a' && (s[n] | 32) <= 'z') {
        ++n;
    }
    return n;
}

static int is_word(const char *s, int n, const char *word)
{
    int i;

    for (i = 0; i < n && word[i]; ++i) {
        if ((s[i] | 32) != word[i]) {
            return 0;
        }
    }
    return i == n && !word[i];
}

/* A word of a free date; 0 when it has no meaning there. */
static int read_word(const char **ps, date_Parts *d)
{
    static const struct {
        const char *name;
        int zone;
    } zones[] = { { "z", 0 },      { "utc", 0 },    { "gmt", 0 },
                  { "ut", 0 },     { "est", -300 }, { "edt", -240 },
                  { "cst", -360 }, { "cdt", -300 }, { "mst", -420 },
                  { "mdt", -360 }, { "pst", -480 }, { "pdt", -420 } };
    const char *s = *ps;
    int n = word_length(s), i;

    *ps += n;
    for (i = 0; i < (int)(sizeof(zones) / sizeof(zones[0])); ++i) {
        if (is_word(s, n, zones[i].name)) {
            d->has_zone = 1;
            d->zone = zones[i].zone;
            if ((**ps == '+' || **ps == '-') && !zones[i].zone) {
                return read_offset(ps, d);
            }
            return 1;
        }
    }
    if (is_word(s, n, "am") || is_word(s, n, "pm")) {
        d->pm = (s[0] | 32) == 'p' ? 2 : 1;
        return 1;
    }
    if (n >= 3 && (i = find_word(s, date_months)) != 0) {
        d->month = i;
        accept(ps, '.');
        return 1;
    }
    if (n >= 3 && find_word(s, date_days)) {
        accept(ps, '.');
        return 1;
    }
    return n == 1 && (*s | 32) == 't';
}

static double full_year(double year, int digits)
{
    return digits > 2 ? year : year < 50 ? 2000 + year : 1900 + year;
}

/* 1/2/2024, month first as in America, or 2024/1/2. */
static int read_slashes(const char **ps, date_Parts *d, double first, int n)
{
    double second, third;
    int k;

    ++*ps;
    if (!read_digits(ps, 1, 2, &second)) {
        return 0;
    }
    if (n > 2) {
        d->year = first;
        d->month = (int)second;
        return accept(ps, '/') && read_int(ps, 1, 2, &d->day);
    }
    d->month = (int)first;
    d->day = (int)second;
    if (!accept(ps, '/') || !(k = read_digits(ps, 1, 6, &third))) {
        return 0;
    }
    d->year = full_year(third, k);
    return 1;
}

/* "Wed, 25 Nov 2026 04:39:32 GMT", "Nov 25, 2026", "25-Nov-2026 4:39 PM",
 * "Wed Nov 25 2026 04:39:32 GMT+0100 (CET)", "11/25/2026", ... */
static double parse_free(const char *s)
{
    date_Parts d;
    double value;
    int n, seen_time = 0;

    memset(&d, 0, sizeof(d));
    d.year = NAN;
    while (*s) {
        if (strchr(" \t,", *s) || (*s == '-' && !seen_time)) {
            ++s;
        }
        else if (*s == '(') {
            while (*s && *s != ')') {
                ++s;
            }
            s += *s == ')';
        }
        else if ((*s | 32) >= 'a' && (*s | 32) <= 'z') {
            if (!read_word(&s, &d)) {
                return NAN;
            }
        }
        else if ((*s == '+' || *s == '-') && seen_time) {
            if (!read_offset(&s, &d)) {
                return NAN;
            }
        }
        else if (*s >= '0' && *s <= '9') {
            const char *start = s;
            n = read_digits(&s, 1, 6, &value);
            if (*s == ':' && !seen_time) {
                s = start;
                seen_time = 1;
                if (!read_time(&s, &d)) {
                    return NAN;
                }
            }
            else if (*s == '/' && !d.month) {
                if (!read_slashes(&s, &d, value, n)) {
                    return NAN;
                }
            }
            else if (!d.day && n <= 2) {
                d.day = (int)value;
            }
            else if (d.year != d.year) {
                d.year = full_year(value, n);
            }
            else {
                return NAN;
            }
        }
        else {
            return NAN;
        }
    }
    if (d.year != d.year) {
        return NAN;
    }
    d.day = d.day ? d.day : 1;
    return date_of(&d);
}

static double js_parsedate(const char *s)
{
    double t;

    while (*s == ' ') {
        ++s;
    }
    t = parse_iso(s);
    return t == t ? t : parse_free(s);
}

/* ---- writing ---- */

enum {
    DATE = 1,
    TIME = 2
};

static void zone_text(char buf[16], double t)
{
    int zone = (int)((LocalTime(t) - t) / msPerMinute);

    snprintf(buf, 16, "GMT%c%02d%02d", zone < 0 ? '-' : '+', abs(zone) / 60,
             abs(zone) % 60);
}

/* The language's own format. */
static void show_date(js_State *J, double t, int parts)
{
    char buf[120], zone[16];
    double l = LocalTime(t);
    int n = 0, year = isfinite(t) ? YearFromTime(l) : 0;

    if (!isfinite(t)) {
        js_pushliteral(J, "Invalid Date");
        return;
    }
    if (parts & DATE) {
        n += snprintf(buf, sizeof(buf), "%.3s %.3s %02d %s%04d",
                      date_days + 3 * WeekDay(l),
                      date_months + 3 * MonthFromTime(l), DateFromTime(l),
                      year < 0 ? "-" : "", abs(year));
    }
    if (parts & TIME) {
        zone_text(zone, t);
        snprintf(
            buf + n, sizeof(buf) - n, "%s%02d:%02d:%02d %s%s", n ? " " : "",
            HourFromTime(l), MinFromTime(l), SecFromTime(l), zone,
            strcmp(zone, "GMT+0000") ? "" : " (Coordinated Universal Time)");
    }
    js_pushstring(J, buf);
}

static void D_toString(js_State *J)
{
    show_date(J, js_todate(J, 0), DATE | TIME);
}

static void D_toDateString(js_State *J)
{
    show_date(J, js_todate(J, 0), DATE);
}

static void D_toTimeString(js_State *J)
{
    show_date(J, js_todate(J, 0), TIME);
}

static void D_toUTCString(js_State *J)
{
    double t = js_todate(J, 0);
    char buf[80];

    if (!isfinite(t)) {
        js_pushliteral(J, "Invalid Date");
        return;
    }
    snprintf(buf, sizeof(buf), "%.3s, %02d %.3s %s%04d %02d:%02d:%02d GMT",
             date_days + 3 * WeekDay(t), DateFromTime(t),
             date_months + 3 * MonthFromTime(t), YearFromTime(t) < 0 ? "-" : "",
             abs(YearFromTime(t)), HourFromTime(t), MinFromTime(t),
             SecFromTime(t));
    js_pushstring(J, buf);
}

static void D_toISOString(js_State *J)
{
    double t = js_todate(J, 0);
    char buf[64];
    int year;

    if (!isfinite(t)) {
        js_rangeerror(J, "invalid date");
    }
    year = YearFromTime(t);
    snprintf(buf, sizeof(buf), "%s%0*d-%02d-%02dT%02d:%02d:%02d.%03dZ",
             year < 0      ? "-"
             : year > 9999 ? "+"
                           : "",
             year < 0 || year > 9999 ? 6 : 4, abs(year), MonthFromTime(t) + 1,
             DateFromTime(t), HourFromTime(t), MinFromTime(t), SecFromTime(t),
             msFromTime(t));
    js_pushstring(J, buf);
}

/* As in America: 11/25/2026, 4:39:32 AM. The option timeZone: 'UTC' is heard.
 */
static void show_locale(js_State *J, int parts)
{
    double t = js_todate(J, 0);
    char buf[80];
    int n = 0, hour;

    lib_pad(J, 3);
    if (!isfinite(t)) {
        js_pushliteral(J, "Invalid Date");
        return;
    }
    if (js_isobject(J, 2)) {
        js_getproperty(J, 2, "timeZone");
        if (!js_isundefined(J, -1) && strcmp(js_tostring(J, -1), "UTC")) {
            js_rangeerror(J, "the only timeZone known is 'UTC'");
        }
        t = js_isundefined(J, -1) ? LocalTime(t) : t;
    }
    else {
        t = LocalTime(t);
    }
    if (parts & DATE) {
        n = snprintf(buf, sizeof(buf), "%d/%d/%d", MonthFromTime(t) + 1,
                     DateFromTime(t), YearFromTime(t));
    }
    if (parts & TIME) {
        hour = HourFromTime(t);
        snprintf(buf + n, sizeof(buf) - n, "%s%d:%02d:%02d %s", n ? ", " : "",
                 hour % 12 ? hour % 12 : 12, MinFromTime(t), SecFromTime(t),
                 hour < 12 ? "AM" : "PM");
    }
    js_pushstring(J, buf);
}

static void D_toLocaleString(js_State *J)
{
    show_locale(J, DATE | TIME);
}
static void D_toLocaleDateString(js_State *J)
{
    show_locale(J, DATE);
}
static void D_toLocaleTimeString(js_State *J)
{
    show_locale(J, TIME);
}

static void D_getYear(js_State *J)
{
    double t = js_todate(J, 0);

    js_pushnumber(J, isnan(t) ? NAN : YearFromTime(LocalTime(t)) - 1900);
}

static void D_toPrimitive(js_State *J)
{
    const char *hint = js_tostring(J, 1);
    js_Value v;

    v.t.type = JS_TOBJECT;
    v.u.object = js_toobject(J, 0);
    jsV_ordinaryprimitive(J, &v,
                          strcmp(hint, "number") ? JS_HSTRING : JS_HNUMBER);
    js_pushvalue(J, v);
}

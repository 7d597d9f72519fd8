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

/* ---- making and changing ---- */

enum {
    YEAR,
    MONTH,
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    MS,
    FIELDS
};

/* Days from 1970-01-01. The year is taken to begin in March, so that the leap
 * day is its last, in eras of 400 years, which are all 146,097 days long. */
static double days_of(long long year, int month)
{
    long long era, in_era, in_year;

    year -= month < 2;
    era = (year >= 0 ? year : year - 399) / 400;
    in_era = year - era * 400;
    in_year = (153 * (month < 2 ? month + 10 : month - 2) + 2) / 5;
    return (double)(era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 +
                    in_year - 719468);
}

static double date_day(double year, double month, double day)
{
    double years;

    if (!isfinite(year) || !isfinite(month) || !isfinite(day)) {
        return NAN;
    }
    month = trunc(month);
    years = floor(month / 12);
    year = trunc(year) + years;
    if (fabs(year) > 400000) {
        return NAN;
    }
    return days_of((long long)year, (int)(month - 12 * years)) + trunc(day) - 1;
}

/* The language prescribes the order of these sums. */
static double date_make(const double *f)
{
    volatile double time = trunc(f[HOUR]) * msPerHour;
    volatile double days = date_day(f[YEAR], f[MONTH], f[DAY]) * msPerDay;

    time = time + trunc(f[MINUTE]) * msPerMinute;
    time = time + trunc(f[SECOND]) * msPerSecond;
    time = time + trunc(f[MS]);
    return isfinite(time) ? days + time : NAN;
}

static double date_clip(double t)
{
    return TimeClip(t) + 0.0; /* no -0 */
}

static void date_split(double t, double *f)
{
    long long days = (long long)floor(t / msPerDay), era, in_era, year;
    int ms = (int)(t - (double)days * msPerDay), in_year, month;

    f[HOUR] = ms / 3600000;
    f[MINUTE] = ms / 60000 % 60;
    f[SECOND] = ms / 1000 % 60;
    f[MS] = ms % 1000;
    days += 719468;
    era = (days >= 0 ? days : days - 146096) / 146097;
    in_era = days - era * 146097;
    year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    in_year = (int)(in_era - (365 * year + year / 4 - year / 100));
    month = (5 * in_year + 2) / 153;
    f[DAY] = in_year - (153 * month + 2) / 5 + 1;
    f[MONTH] = month < 10 ? month + 2 : month - 10;
    f[YEAR] = (double)(year + era * 400 + (month >= 10));
}

/* @a given arguments, from the year on. */
static double date_fields(js_State *J, int given)
{
    double f[FIELDS] = { NAN, 0, 1, 0, 0, 0, 0 };
    int i;

    for (i = 0; i < given && i < FIELDS; ++i) {
        f[i] = js_tonumber(J, 1 + i);
    }
    if (trunc(f[YEAR]) >= 0 && trunc(f[YEAR]) <= 99) {
        f[YEAR] = 1900 + trunc(f[YEAR]);
    }
    return date_make(f);
}

/* The fields from @a first on are the arguments, at most up to @a last. */
static void date_set(js_State *J, int first, int last, int local)
{
    int given = J->argc, i;
    double t = js_todate(J, 0), f[FIELDS], value[FIELDS];

    for (i = first; i <= last; ++i) {
        value[i] =
            i == first || i - first < given ? js_tonumber(J, 1 + i - first) : 0;
    }
    if (isnan(t)) {
        if (first != YEAR) {
            js_pushnumber(J, NAN);
            return;
        }
        t = 0;
    }
    else if (local) {
        t = LocalTime(t);
    }
    date_split(t, f);
    for (i = first; i <= last; ++i) {
        if (i == first || i - first < given) {
            f[i] = value[i];
        }
    }
    t = date_make(f);
    t = date_clip(local ? UTC(t) : t);
    js_toobject(J, 0)->u.number = t;
    js_pushnumber(J, t);
}

#define DATE_SET(name, first, last)                                            \
    static void D_set##name(js_State *J)                                       \
    {                                                                          \
        date_set(J, first, last, 1);                                           \
    }                                                                          \
    static void D_setUTC##name(js_State *J)                                    \
    {                                                                          \
        date_set(J, first, last, 0);                                           \
    }

DATE_SET(FullYear, YEAR, DAY)
DATE_SET(Month, MONTH, DAY)
DATE_SET(Date, DAY, DAY)
DATE_SET(Hours, HOUR, MS)
DATE_SET(Minutes, MINUTE, MS)
DATE_SET(Seconds, SECOND, MS)
DATE_SET(Milliseconds, MS, MS)

static void D_setTime(js_State *J)
{
    double t;

    js_todate(J, 0);
    t = date_clip(js_tonumber(J, 1));
    js_toobject(J, 0)->u.number = t;
    js_pushnumber(J, t);
}

static void D_UTC2(js_State *J)
{
    js_pushnumber(J, date_clip(date_fields(J, J->argc)));
}

static void jsB_Date2(js_State *J)
{
    show_date(J, Now(), DATE | TIME);
}

static void jsB_new_Date2(js_State *J)
{
    int given = J->argc;
    js_Object *obj;
    double t;

    if (given == 0) {
        t = Now();
    }
    else if (given > 1) {
        t = date_clip(UTC(date_fields(J, given)));
    }
    else if (js_isobject(J, 1) && js_toobject(J, 1)->type == JS_CDATE) {
        t = js_toobject(J, 1)->u.number;
    }
    else {
        js_toprimitive(J, 1, JS_HNONE);
        t = js_isstring(J, 1) ? js_parsedate(js_tostring(J, 1))
                              : date_clip(js_tonumber(J, 1));
    }
    obj = jsV_newobject(J, JS_CDATE, J->Date_prototype);
    obj->u.number = t;
    js_pushobject(J, obj);
}

static void init_date(js_State *J)
{
    static const js_Method methods[] = {
        { "toString", D_toString, 0 },
        { "toDateString", D_toDateString, 0 },
        { "toTimeString", D_toTimeString, 0 },
        { "toUTCString", D_toUTCString, 0 },
        { "toISOString", D_toISOString, 0 },
        { "toLocaleString", D_toLocaleString, 0 },
        { "toLocaleDateString", D_toLocaleDateString, 0 },
        { "toLocaleTimeString", D_toLocaleTimeString, 0 },
        { "getYear", D_getYear, 0 },
        { "setTime", D_setTime, 1 },
        { "setFullYear", D_setFullYear, 3 },
        { "setUTCFullYear", D_setUTCFullYear, 3 },
        { "setMonth", D_setMonth, 2 },
        { "setUTCMonth", D_setUTCMonth, 2 },
        { "setDate", D_setDate, 1 },
        { "setUTCDate", D_setUTCDate, 1 },
        { "setHours", D_setHours, 4 },
        { "setUTCHours", D_setUTCHours, 4 },
        { "setMinutes", D_setMinutes, 3 },
        { "setUTCMinutes", D_setUTCMinutes, 3 },
        { "setSeconds", D_setSeconds, 2 },
        { "setUTCSeconds", D_setUTCSeconds, 2 },
        { "setMilliseconds", D_setMilliseconds, 1 },
        { "setUTCMilliseconds", D_setUTCMilliseconds, 1 },
        { "@@toPrimitive", D_toPrimitive, 1 },
        { NULL }
    };

    J->Date_prototype->type = JS_COBJECT;
    js_pushobject(J, J->Date_prototype);
    lib_methods(J, methods);
    js_getproperty(J, -1, "toUTCString");
    js_defproperty(J, -2, "toGMTString", JS_DONTENUM);
    js_pop(J, 1);
    js_getglobal(J, "Date");
    jsB_propf(J, "Date.UTC", D_UTC2, 7);
    js_toobject(J, -1)->u.c.function = jsB_Date2;
    js_toobject(J, -1)->u.c.constructor = jsB_new_Date2;
    js_pop(J, 1);
}

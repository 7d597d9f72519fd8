/* SPDX-License-Identifier: Apache-2.0 */

/* Date: making and changing them; part of jslib.c's room. */

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
    lib_says(J, NULL, 7);
    jsB_propf(J, "Date.UTC", D_UTC2, 7);
    js_toobject(J, -1)->u.c.function = jsB_Date2;
    js_toobject(J, -1)->u.c.constructor = jsB_new_Date2;
    js_pop(J, 1);
}

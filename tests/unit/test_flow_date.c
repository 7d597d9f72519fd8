/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "data/flow_date.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SAMPLE   APR_INT64_C(1594324779161) /* 2020-07-09T19:59:39.161Z */

static const char *format(apr_int64_t ms, const char *zone, const char *fmt,
                          apr_pool_t *p)
{
    const flow_zone_t *z = zone ? flow_zone_find(zone, strlen(zone)) : NULL;
    flow_buf_t out;

    if (zone && !z)
        fail_msg("no zone %s", zone);
    flow_buf_init(&out, 10000);
    flow_date_format(&out, ms, z, fmt, strlen(fmt));
    return flow_buf_steal(&out, NULL, p);
}

static const char *iso(apr_int64_t ms, apr_pool_t *p)
{
    flow_buf_t out;

    flow_buf_init(&out, 100);
    flow_date_format_iso(&out, ms, NULL);
    return flow_buf_steal(&out, NULL, p);
}

/* clang-format off */
static void every_token_prints_what_moment_prints(void **state)
{
    static const struct { const char *format, *out; } cases[] = {
        { "M Mo MM MMM MMMM", "7 7th 07 Jul July" },
        { "Q Qo D Do DD", "3 3rd 9 9th 09" },
        { "DDD DDDo DDDD", "191 191st 191" },
        { "d do dd ddd dddd e E", "4 4th Th Thu Thursday 4 4" },
        { "w wo ww W Wo WW", "28 28th 28 28 28th 28" },
        { "YY YYYY YYYYY YYYYYY Y gg gggg GG GGGG", "20 2020 02020 +002020 2020 20 2020 20 2020" },
        { "A a H HH h hh k kk", "PM pm 19 19 7 07 19 19" },
        { "m mm s ss", "59 59 39 39" },
        { "S SS SSS SSSS SSSSSSSSS", "1 16 161 1610 161000000" },
        { "X x", "1594324779 1594324779161" },
        { "Z ZZ z", "+00:00 +0000 UTC" },
        { "LT|LTS|L|l|LL|ll", "7:59 PM|7:59:39 PM|07/09/2020|7/9/2020|July 9, 2020|Jul 9, 2020" },
        { "LLL|lll", "July 9, 2020 7:59 PM|Jul 9, 2020 7:59 PM" },
        { "LLLL|llll", "Thursday, July 9, 2020 7:59 PM|Thu, Jul 9, 2020 7:59 PM" },
        { "[at MM] [LT]\\M\\x[]", "at MM LTMx" },
        { "Hmm Hmmss hmm hmmss", "1959 195939 759 75939" },
        { "YYYY-MM-DDTHH:mm:ssZ", "2020-07-09T19:59:39+00:00" },
        { "'é' . ", "'é' . " },
        { "", "" },
    };
    size_t i;

    for (i = 0; i < COUNT(cases); ++i)
        assert_string_equal(format(SAMPLE, NULL, cases[i].format, *state), cases[i].out);
}

static void weeks_and_years_meet_at_their_ends(void **state)
{
    static const struct { const char *date, *out; } cases[] = {
        { "2019-12-29", "1 2020 52 2019 363 29th 0 7" },
        { "2019-12-30", "1 2020 1 2020 364 30th 1 1" },
        { "2021-01-01", "1 2021 53 2020 1 1st 5 5" },
        { "2022-01-01", "1 2022 52 2021 1 1st 6 6" },
        { "2024-02-29", "9 2024 9 2024 60 29th 4 4" },
        { "2011-11-12", "46 2011 45 2011 316 12th 6 6" },
        { "0000-01-01", "1 0000 52 -0001 1 1st 6 6" },
    };
    apr_int64_t ms;
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        assert_true(flow_date_parse(cases[i].date, strlen(cases[i].date), NULL, &ms));
        assert_string_equal(format(ms, NULL, "w gggg W GGGG DDD Do d E", *state), cases[i].out);
    }
}

static void zones_follow_their_history_and_their_future(void **state)
{
    static const struct { const char *zone; apr_int64_t ms; const char *out; } cases[] = {
        { "America/New_York", 1594324779161, "2020-07-09 15:59 -04:00 EDT" },
        { "America/New_York", 1583650799000, "2020-03-08 01:59 -05:00 EST" },
        { "America/New_York", 1583650800000, "2020-03-08 03:00 -04:00 EDT" },
        { "America/New_York", 1604210400000, "2020-11-01 01:00 -05:00 EST" },
        { "Asia/Hong_Kong", 1743004800000, "2025-03-27 00:00 +08:00 HKT" },
        { "Europe/Berlin", 7258032000000, "2199-12-31 01:00 +01:00 CET" },
        { "Europe/Berlin", 7240000000000, "2199-06-05 09:06 +02:00 CEST" },
        { "Australia/Sydney", 4102444800000, "2100-01-01 11:00 +11:00 AEDT" },
        { "Australia/Lord_Howe", 1594324779161, "2020-07-10 06:29 +10:30 +1030" },
        { "Asia/Kathmandu", 0, "1970-01-01 05:30 +05:30 +0530" },
        { "Pacific/Apia", 1325239200000, "2011-12-31 00:00 +14:00 +14" },
        { "US/Central", 636595200000, "1990-03-04 18:00 -06:00 CST" },
        { "Etc/GMT-0", 0, "1970-01-01 00:00 +00:00 GMT" },
        { "utc", 0, "1970-01-01 00:00 +00:00 UTC" },
    };
    size_t i;

    for (i = 0; i < COUNT(cases); ++i)
        assert_string_equal(format(cases[i].ms, cases[i].zone, "YYYY-MM-DD HH:mm Z z", *state), cases[i].out);
}

static void a_clock_s_time_is_found_again(void **state)
{
    static const struct { const char *zone, *local, *utc; } cases[] = {
        { "America/New_York", "2020-07-09T15:59", "2020-07-09T19:59:00.000Z" },
        { "America/New_York", "2020-03-08T02:30", "2020-03-08T07:30:00.000Z" }, /* skipped */
        { "America/New_York", "2020-11-01T01:30", "2020-11-01T05:30:00.000Z" }, /* twice */
        { "Europe/London", "2050-07-01T12:00", "2050-07-01T11:00:00.000Z" },
        { "Asia/Kolkata", "2000-01-01", "1999-12-31T18:30:00.000Z" },
        { "Asia/Kolkata", "2000-01-01T00:00Z", "2000-01-01T00:00:00.000Z" },
    };
    apr_int64_t ms;
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        assert_true(flow_date_parse(cases[i].local, strlen(cases[i].local),
                                    flow_zone_find(cases[i].zone, strlen(cases[i].zone)), &ms));
        assert_string_equal(iso(ms, *state), cases[i].utc);
    }
}

static void what_is_no_zone_is_none(void **state)
{
    static const char *const names[] = {
        "", "Mars/X", "../../../etc/passwd", "/etc/localtime", "America", "posixrules\xff", "America/New_York/", "zone.tab", "tzdata.zi", "+VERSION",
        "Europe/../Europe/Berlin", "leapseconds",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(names); ++i) {
        if (flow_zone_find(names[i], strlen(names[i])))
            fail_msg("'%s' is a zone", names[i]);
    }
    assert_ptr_equal(flow_zone_find("Europe/Berlin", 13), flow_zone_find("Europe/Berlin", 13));
}

static void dates_are_recognized(void **state)
{
    static const struct { const char *text, *out; } cases[] = {
        { "2020-07-09T19:59:39.161Z", "2020-07-09T19:59:39.161Z" },
        { "2020-07-09 19:59", "2020-07-09T19:59:00.000Z" },
        { "2020-07-09T19:59:39,5+02:00", "2020-07-09T17:59:39.500Z" },
        { "2020-07-09T19:59:39.123456789-0730", "2020-07-10T03:29:39.123Z" },
        { "2020-07-09T24:00", "2020-07-10T00:00:00.000Z" },
        { "2020-07-09T19", "2020-07-09T19:00:00.000Z" },
        { "2020-07", "2020-07-01T00:00:00.000Z" }, { "2020", "2020-01-01T00:00:00.000Z" },
        { "20200709", "2020-07-09T00:00:00.000Z" }, { "20200709T195939Z", "2020-07-09T19:59:39.000Z" },
        { "2020-W28-4", "2020-07-09T00:00:00.000Z" }, { "2020W284", "2020-07-09T00:00:00.000Z" },
        { "2020-191", "2020-07-09T00:00:00.000Z" }, { "2020191", "2020-07-09T00:00:00.000Z" },
        { "+012020-07-09", "+12020-07-09T00:00:00.000Z" },
        { " 2020-07-09 ", "2020-07-09T00:00:00.000Z" },
        { "Mon, 21 Nov 2019 20:00:00 GMT", "2019-11-21T20:00:00.000Z" },
        { "21 Nov 19 20:00 EST", "2019-11-22T01:00:00.000Z" },
        { "Mon Nov 21 2019 20:00:00 GMT+0000", "2019-11-21T20:00:00.000Z" },
        { "Mon Nov 21 2019 20:00:00 GMT+0100 (Central European Time)", "2019-11-21T19:00:00.000Z" },
        { "03/10/1990", "1990-03-10T00:00:00.000Z" }, { "3/1/49", "2049-03-01T00:00:00.000Z" }, { "3/1/50", "1950-03-01T00:00:00.000Z" },
        { "2019/11/21 08:05:06", "2019-11-21T08:05:06.000Z" },
        { "Nov 21, 2019 8:00 PM", "2019-11-21T20:00:00.000Z" }, { "21-Nov-2019 12:00 am", "2019-11-21T00:00:00.000Z" },
        { "November 21 2019", "2019-11-21T00:00:00.000Z" },
        { "1594324779161", "2020-07-09T19:59:39.161Z" },
        { "2024-02-29", "2024-02-29T00:00:00.000Z" },
        /* and these are none */
        { "2023-02-29", NULL }, { "2020-13-01", NULL }, { "2020-07-32", NULL }, { "2020-07-09T25:00", NULL }, { "2020-07-09T24:01", NULL },
        { "2020-07-09T19:60", NULL }, { "2020-07-09T19:59+99:00", NULL }, { "2020-W54-1", NULL }, { "2020-367", NULL },
        { "", NULL }, { "nonsense", NULL }, { "13/13/2013", NULL }, { "Nov 2019", NULL }, { "8:00", NULL }, { "1 2 3 4", NULL },
        { "Nov 21, 2019 13:00 PM", NULL }, { "2020-07-09T", NULL }, { "99999999999999999", NULL }, { "Nov Nov 21 2019", NULL },
    };
    apr_int64_t ms;
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        int ok = flow_date_parse(cases[i].text, strlen(cases[i].text), NULL, &ms);

        if (ok != (cases[i].out != NULL) || (ok && strcmp(iso(ms, *state), cases[i].out) != 0))
            fail_msg("%s is %s", cases[i].text, ok ? iso(ms, *state) : "no date");
    }
}

static void dates_are_read_by_their_formats(void **state)
{
    static const struct { const char *text, *format, *out; } cases[] = {
        { "1966-25-05 18:36", "YYYY-DD-MM HH:mm", "1966-05-25T18:36:00.000Z" },
        { "9. July 2020, 7:05 pm", "D. MMMM YYYY, h:mm a", "2020-07-09T19:05:00.000Z" },
        { "Thursday, July 9th 2020", "dddd, MMMM Do YYYY", "2020-07-09T00:00:00.000Z" },
        { "20200709195939", "YYYYMMDDHHmmss", "2020-07-09T19:59:39.000Z" },
        { "09.07.20", "DD.MM.YY", "2020-07-09T00:00:00.000Z" }, { "09.07.69", "DD.MM.YY", "1969-07-09T00:00:00.000Z" },
        { "2020-191", "YYYY-DDDD", "2020-07-09T00:00:00.000Z" },
        { "2020-W28-4", "GGGG-[W]WW-E", "2020-07-09T00:00:00.000Z" },
        { "1594324779.5", "X", "2020-07-09T19:59:39.500Z" }, { "1594324779161", "x", "2020-07-09T19:59:39.161Z" },
        { "2020-07-09T19:59:39.1234+05:30", "YYYY-MM-DDTHH:mm:ss.SSSSZ", "2020-07-09T14:29:39.123Z" },
        { "12:30 AM", "hh:mm A", "2020-07-09T00:30:00.000Z" }, /* today */
        { "11/24", "MM/DD", "2020-11-24T00:00:00.000Z" }, { "17", "D", "2020-07-17T00:00:00.000Z" }, { "2019", "YYYY", "2019-01-01T00:00:00.000Z" },
        { "at 7: the 9th of 7 in 2020", "H Do M YYYY", "2020-07-09T07:00:00.000Z" },
        { "Q3 2020", "[Q]Q YYYY", "2020-07-01T00:00:00.000Z" },
        { "07/09/2020 7:59 PM", "L LT", "2020-07-09T19:59:00.000Z" },
        { "x", "YYYY", NULL }, { "2020-13-01", "YYYY-MM-DD", NULL }, { "9 Foo 2020", "D MMM YYYY", NULL }, { "2020-02-30", "YYYY-MM-DD", NULL },
        { "", "YYYY", NULL }, { "2020-366", "YYYY-DDDD", "2020-12-31T00:00:00.000Z" }, { "2019-366", "YYYY-DDDD", NULL },
    };
    apr_int64_t ms;
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        int ok = flow_date_parse_format(cases[i].text, strlen(cases[i].text), cases[i].format, strlen(cases[i].format),
                                        NULL, SAMPLE * 1000, &ms);

        if (ok != (cases[i].out != NULL) || (ok && strcmp(iso(ms, *state), cases[i].out) != 0))
            fail_msg("%s by %s is %s", cases[i].text, cases[i].format, ok ? iso(ms, *state) : "no date");
    }
}
/* clang-format on */

static void days_and_dates_agree_for_four_thousand_years(void **state)
{
    flow_date_t date;
    apr_int64_t day;

    (void)state;
    for (day = flow_date_days(-100, 1, 1); day < flow_date_days(4000, 1, 1);
         day += 13) {
        flow_date_take_apart(&date, day * 86400000, NULL);
        assert_int_equal(flow_date_days(date.year, date.month, date.day), day);
        assert_true(date.day <= flow_date_days_in(date.year, date.month));
    }
    flow_date_take_apart(&date, -1, NULL);
    assert_int_equal(date.year, 1969);
    assert_int_equal(date.ms, 999);
}

static void beyond_javascript_s_range_there_are_no_dates(void **state)
{
    assert_string_equal(iso(FLOW_DATE_MAX_MS, *state),
                        "+275760-09-13T00:00:00.000Z");
    assert_string_equal(iso(FLOW_DATE_MAX_MS + 1, *state), "Invalid date");
    assert_string_equal(iso(-FLOW_DATE_MAX_MS - 1, *state), "Invalid date");
}

static void *APR_THREAD_FUNC look_up(apr_thread_t *thread, void *data)
{
    static const char *const names[] = { "Europe/Paris", "Asia/Tokyo",
                                         "America/Lima", "Africa/Cairo" };
    int i;

    for (i = 0; i < 400; ++i) {
        const flow_zone_t *zone =
            flow_zone_find(names[i % 4], strlen(names[i % 4]));

        if (!zone || flow_zone_offset(zone, 1594324779) == 1)
            *(int *)data = 1;
    }
    apr_thread_exit(thread, APR_SUCCESS);
    return NULL;
}

static void threads_may_look_up_zones_together(void **state)
{
    apr_thread_t *thread[4];
    apr_status_t rv;
    int failed = 0, i;

    for (i = 0; i < 4; ++i) {
        assert_int_equal(
            apr_thread_create(&thread[i], NULL, look_up, &failed, *state),
            APR_SUCCESS);
    }
    for (i = 0; i < 4; ++i)
        apr_thread_join(&rv, thread[i]);
    assert_int_equal(failed, 0);
}

static int setup(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_token_prints_what_moment_prints),
        cmocka_unit_test(weeks_and_years_meet_at_their_ends),
        cmocka_unit_test(zones_follow_their_history_and_their_future),
        cmocka_unit_test(a_clock_s_time_is_found_again),
        cmocka_unit_test(what_is_no_zone_is_none),
        cmocka_unit_test(dates_are_recognized),
        cmocka_unit_test(dates_are_read_by_their_formats),
        cmocka_unit_test(days_and_dates_agree_for_four_thousand_years),
        cmocka_unit_test(beyond_javascript_s_range_there_are_no_dates),
        cmocka_unit_test(threads_may_look_up_zones_together),
    };
    int rc;

    apr_initialize();
    rc = cmocka_run_group_tests(tests, setup, teardown);
    apr_terminate();
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_cron.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static flow_cron_t compile(const char *text)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_cron_t cron;

    if (flow_cron_compile(&cron, text, strlen(text), &err) != APR_SUCCESS) {
        fail_msg("%s: %s", text, err.message);
    }
    return cron;
}

static const flow_zone_t *zone(const char *name)
{
    const flow_zone_t *z = flow_zone_find(name, strlen(name));

    assert_non_null(z);
    return z;
}

static void what_is_wrong_is_told_with_its_position(void **state)
{
    /* clang-format off */
    static const struct { const char *text, *says; } cases[] = {
        { "", "has 0 fields" },
        { "* * * *", "has 4 fields; there are six" },
        { "? * * * * * *", "has 7 fields" },
        { "5 0 0 * * *", "the first of six fields is the second, which must "
                         "be '?' at position 1" },
        { "? 60 * * * *", "'60' at position 3" },
        { "? * 24 * * *", "hour is 0 to 23" },
        { "0 0 0 * *", "'0' at position 5 of '0 0 0 * *'; day of the month is "
                       "1 to 31" },
        { "0 0 1 13 *", "month is 1 to 12" },
        { "0 0 * * 8", "day of the week is 0 to 7" },
        { "0 0 * foo *", "unknown name at position 7" },
        { "0 0 * * mond", "unknown name at position 9" },
        { "0 0 L * *", "'L' and 'W'" },
        { "0 0 15W * *", "unexpected character at position 7" },
        { "0 0 * * 5#2", "'#' (nth weekday) is not supported at position 10" },
        { "0 22-5 * * *", "ends before it begins" },
        { "*/0 * * * *", "a step is 1 to 59" },
        { "*/ * * * *", "a step must be a number at position 3" },
        { "1,,2 * * * *", "unexpected character at position 3" },
        { "1, * * * *", "unexpected character at position 3" },
        { "1- * * * *", "unexpected character at position 3" },
        { "-1 * * * *", "unexpected character at position 1" },
        { "@dayly", "'@dayly' is none of @hourly, @daily, @weekly, @monthly" },
        { "@", "is none of" },
        { "@daily 5", "is none of" },
        { "1;2 * * * *", "unexpected character at position 2" },
        { "0 0 31 2,4 *", "never comes" },
        { "99999999999999999999 * * * *", "minute is 0 to 59" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        flow_cron_t cron;

        if (flow_cron_compile(&cron, cases[i].text, strlen(cases[i].text),
                              &err) == APR_SUCCESS) {
            fail_msg("'%s' was taken", cases[i].text);
        }
        if (!strstr(err.message, cases[i].says)) {
            fail_msg("'%s': %s", cases[i].text, err.message);
        }
    }
}

static void both_forms_mean_the_same(void **state)
{
    /* clang-format off */
    static const char *const pairs[][2] = {
        { "? 0,15,30,45 * ? * *", "*/15 * * * *" },
        { "? */15 * * * *", "*/15 * * * *" },
        { "@hourly", "0 * * * *" },
        { "@daily", "0 0 * * *" },
        { "@midnight", "@daily" },
        { "@weekly", "0 0 * * sun" },
        { "@monthly", "0 0 1 * *" },
        { "@yearly", "0 0 1 jan *" },
        { "@annually", "@yearly" },
        { "0 5 4 * * *", "5 4 * * *" },
        { "? 5 0,4,8,12,16,20 ? * *", " 5  */4 * * * " },
        { "? 5 8 ? * 1,2,3,4,5", "5 8 * * Mon-FRI" },
        { "? 0 0 ? jan,mar-may 7", "0 0 * 1,3-5 0" },
        { "? 0 0 ? * fri-sun", "0 0 * * 0,5,6" },
        { "? 5/20 * * * *", "5,25,45 * * * *" },
        { "? 10-30/10 * * * *", "10,20,30 * * * *" },
        { "? 0 0 * * 5-7", "0 0 * * 0,5,6" },
        { "? 0 0 * * */2", "0 0 * * 0,2,4,6" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(pairs); ++i) {
        flow_cron_t a = compile(pairs[i][0]), b = compile(pairs[i][1]);

        assert_int_equal(a.minutes, b.minutes);
        assert_int_equal(a.hours, b.hours);
        assert_int_equal(a.days, b.days);
        assert_int_equal(a.months, b.months);
        assert_int_equal(a.weekdays, b.weekdays);
        assert_int_equal(a.either, b.either);
    }
}

/* "2026-03-29T01:00:00Z" */
static apr_int64_t utc(const char *text)
{
    struct tm tm = { 0 };

    assert_non_null(strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm));
    return (apr_int64_t)timegm(&tm);
}

static const char *text_of(apr_int64_t at)
{
    static char buf[32];
    time_t t = (time_t)at;
    struct tm tm;

    gmtime_r(&t, &tm);
    strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%SZ", &tm);
    return buf;
}

static void clock_changes_follow_the_two_rules(void **state)
{
    /* clang-format off */
    static const struct { const char *zone, *cron, *after, *ticks[5]; } cases[] = {
        /* the time is skipped: at the change, and the next day as always */
        { "Europe/Brussels", "30 2 * * *", "2026-03-28T12:00:00Z",
          { "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z" } },
        { "America/New_York", "? 30 2 * * *", "2026-03-08T00:00:00Z",
          { "2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z" } },
        { "Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00:00Z",
          { "2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z" } },
        /* several that are skipped are one */
        { "Europe/Brussels", "10,20 2 * * *", "2026-03-28T12:00:00Z",
          { "2026-03-29T01:00:00Z", "2026-03-30T00:10:00Z",
            "2026-03-30T00:20:00Z" } },
        /* what comes at the change anyway comes once */
        { "Europe/Brussels", "0 2,3 * * *", "2026-03-28T12:00:00Z",
          { "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z" } },
        /* the time comes twice: the first time */
        { "Europe/Brussels", "30 2 * * *", "2026-10-24T12:00:00Z",
          { "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z" } },
        { "America/New_York", "30 1 * * *", "2026-11-01T00:00:00Z",
          { "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z" } },
        { "Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00:00Z",
          { "2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z" } },
        /* asked in the second pass */
        { "Europe/Brussels", "30 2 * * *", "2026-10-25T01:10:00Z",
          { "2026-10-26T01:30:00Z" } },
        /* what goes on goes on: no pause, nothing at once */
        { "Europe/Brussels", "*/15 * * * *", "2026-03-29T00:35:00Z",
          { "2026-03-29T00:45:00Z", "2026-03-29T01:00:00Z",
            "2026-03-29T01:15:00Z" } },
        { "Europe/Brussels", "*/30 * * * *", "2026-10-25T00:10:00Z",
          { "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z",
            "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z" } },
        { "Europe/Brussels", "7,37 0-6 * * *", "2026-03-29T00:35:00Z",
          { "2026-03-29T00:37:00Z", "2026-03-29T01:07:00Z" } },
        { "America/New_York", "5 * * * *", "2026-11-01T04:30:00Z",
          { "2026-11-01T05:05:00Z", "2026-11-01T06:05:00Z",
            "2026-11-01T07:05:00Z" } },
        { "Australia/Lord_Howe", "*/15 * * * *", "2026-04-04T14:40:00Z",
          { "2026-04-04T14:45:00Z", "2026-04-04T15:00:00Z",
            "2026-04-04T15:15:00Z", "2026-04-04T15:30:00Z" } },
        /* in the second before the change */
        { "Europe/Brussels", "30 2 * * *", "2026-03-29T00:59:59Z",
          { "2026-03-29T01:00:00Z" } },
        { "Europe/Brussels", "30 2 * * *", "2026-03-29T01:00:00Z",
          { "2026-03-30T00:30:00Z" } },
        /* a midnight that is skipped, and a day */
        { "America/Sao_Paulo", "0 0 * * *", "2018-11-03T12:00:00Z",
          { "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z" } },
        { "Pacific/Apia", "0 12 30 12 *", "2011-12-01T00:00:00Z",
          { "2011-12-30T10:00:00Z", "2012-12-29T22:00:00Z" } },
        { "UTC", "0 0 29 2 *", "2096-03-01T00:00:00Z",
          { "2104-02-29T00:00:00Z" } },
        { "UTC", "0 0 13 * fri", "2026-02-12T12:00:00Z",
          { "2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z" } },
    };
    /* clang-format on */
    size_t i, k;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        flow_cron_t cron = compile(cases[i].cron);
        apr_int64_t at = utc(cases[i].after);

        for (k = 0; k < 5 && cases[i].ticks[k]; ++k) {
            at = flow_cron_next(&cron, zone(cases[i].zone), at);
            if (at != utc(cases[i].ticks[k])) {
                fail_msg("%s in %s, tick %d: %s, not %s", cases[i].cron,
                         cases[i].zone, (int)k + 1, text_of(at),
                         cases[i].ticks[k]);
            }
        }
    }
}

/* ---- the oracle: minute by minute, by the C library's clock ---- */

typedef struct naive_t {
    char text[256];
    char in[5][64]; /* minute, hour, day, month, weekday */
    int restricted[5];
} naive_t;

static unsigned long rnd(void)
{
    static unsigned long x = 88172645463325252UL;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x;
}

static void add(naive_t *n, const char *text)
{
    apr_size_t len = strlen(n->text);

    apr_cpystrn(n->text + len, text, sizeof(n->text) - len);
}

static void random_field(naive_t *n, int which, int min, int max, int odds)
{
    char part[16];
    int i, k, count;

    if ((int)(rnd() % 100) < odds) {
        for (i = min; i <= max; ++i) {
            n->in[which][i] = 1;
        }
        add(n, rnd() % 2 ? "* " : "? ");
        return;
    }
    n->restricted[which] = 1;
    if (rnd() % 4 == 0) {
        k = 2 + (int)(rnd() % 20);
        for (i = min; i <= max; i += k) {
            n->in[which][i] = 1;
        }
        snprintf(part, sizeof(part), "*/%d ", k > max ? max : k);
        if (k > max) {
            memset(n->in[which], 0, sizeof(n->in[which]));
            for (i = min; i <= max; i += max) {
                n->in[which][i] = 1;
            }
        }
        add(n, part);
        return;
    }
    count = 1 + (int)(rnd() % 3);
    for (i = 0; i < count; ++i) {
        int a = min + (int)(rnd() % (unsigned)(max - min + 1)), b = a;

        if (rnd() % 3 == 0) {
            b = a + (int)(rnd() % (unsigned)(max - a + 1));
        }
        for (k = a; k <= b; ++k) {
            n->in[which][k] = 1;
        }
        snprintf(part, sizeof(part), "%s%d-%d", i ? "," : "", a, b);
        add(n, part);
    }
    add(n, " ");
}

static void random_cron(naive_t *n)
{
    int dense = rnd() % 3 == 0;

    memset(n, 0, sizeof(*n));
    if (rnd() % 2) {
        add(n, "? ");
    }
    random_field(n, 0, 0, 59, 10);
    random_field(n, 1, 0, 23, 30);
    random_field(n, 2, 1, 31, dense ? 100 : 60);
    random_field(n, 3, 1, 12, dense ? 100 : 75);
    random_field(n, 4, 0, 6, dense ? 100 : 60);
}

/* "All" is what it covers, not how it is written. */
static int covers(const char *in, int min, int max)
{
    int i;

    for (i = min; i <= max && in[i]; ++i) {
    }
    return i > max;
}

static int naive_fits(const naive_t *n, const struct tm *tm)
{
    int all_days = covers(n->in[2], 1, 31), all_week = covers(n->in[4], 0, 6);
    int by_month = n->in[2][tm->tm_mday], by_week = n->in[4][tm->tm_wday];

    return n->in[0][tm->tm_min] && n->in[1][tm->tm_hour] &&
           n->in[3][tm->tm_mon + 1] &&
           (!all_days && !all_week ? by_month || by_week : by_month && by_week);
}

static int naive_goes_on(const naive_t *n, int hour)
{
    int i, minutes = 0;

    for (i = 0; i < 60; ++i) {
        minutes += n->in[0][i];
    }
    return covers(n->in[1], 0, 23) ||
           (minutes > 1 &&
            (n->in[1][(hour + 1) % 24] || n->in[1][(hour + 23) % 24]));
}

static time_t local_of(time_t t, struct tm *tm)
{
    localtime_r(&t, tm);
    return t + tm->tm_gmtoff;
}

/* Has the clock shown this minute before, within three hours? */
static int naive_seen(time_t t, time_t local)
{
    struct tm tm;
    time_t u;

    for (u = t - 60; u > t - 3 * 3600; u -= 60) {
        if (local_of(u, &tm) == local) {
            return 1;
        }
    }
    return 0;
}

static int naive_owed(const naive_t *n, time_t local, time_t until)
{
    struct tm tm;

    for (; local < until; local += 60) {
        gmtime_r(&local, &tm);
        if (naive_fits(n, &tm) && !naive_goes_on(n, tm.tm_hour)) {
            return 1;
        }
    }
    return 0;
}

static apr_int64_t naive_next(const naive_t *n, apr_int64_t after, int days)
{
    time_t t = (time_t)after / 60 * 60 + 60, end = t + (time_t)days * 86400;
    struct tm tm;
    time_t last = local_of(t - 60, &tm), local;

    for (; t < end; t += 60, last = local) {
        local = local_of(t, &tm);
        if (local > last + 60 && naive_owed(n, last + 60, local)) {
            return t;
        }
        if (naive_fits(n, &tm) &&
            (naive_goes_on(n, tm.tm_hour) || !naive_seen(t, local))) {
            return t;
        }
    }
    return -1;
}

static void random_schedules_agree_with_going_minute_by_minute(void **state)
{
    static const char *const zones[] = {
        "Europe/Brussels", "America/New_York",  "Australia/Lord_Howe",
        "Asia/Kathmandu",  "America/Sao_Paulo", "Africa/Casablanca"
    };
    static const char *const changes[][2] = {
        { "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z" },
        { "2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z" },
        { "2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z" },
        { "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z" },
        { "2018-02-18T02:00:00Z", "2018-11-04T03:00:00Z" },
        { "2026-02-15T02:00:00Z", "2026-03-22T02:00:00Z" },
    };
    size_t z;
    int i, compared = 0, far = 0;

    (void)state;
    for (z = 0; z < COUNT(zones); ++z) {
        setenv("TZ", zones[z], 1);
        tzset();
        for (i = 0; i < 2500; ++i) {
            apr_int64_t after, got, want;
            flow_error_t err = FLOW_ERROR_INIT;
            flow_cron_t cron;
            naive_t n;

            random_cron(&n);
            if (flow_cron_compile(&cron, n.text, strlen(n.text), &err) !=
                APR_SUCCESS) {
                assert_non_null(strstr(err.message, "never comes"));
                continue;
            }
            /* most of them near a change */
            after = utc(changes[z][i % 2]);
            after += i % 5 ? (apr_int64_t)(rnd() % 14400) - 10800
                           : (apr_int64_t)(rnd() % (86400 * 300));
            want = naive_next(&n, after, 12);
            got = flow_cron_next(&cron, zone(zones[z]), after);
            ++compared;
            if (want < 0) {
                ++far;
                assert_true(got < 0 || got >= after + 11 * 86400);
            }
            else if (got != want) {
                fail_msg("'%s' in %s after %ld: %s; minute by minute: %ld",
                         n.text, zones[z], (long)after, text_of(got),
                         (long)want);
            }
        }
    }
    unsetenv("TZ");
    tzset();
    print_message("%d compared, %d of them beyond the oracle's 12 days\n",
                  compared, far);
    assert_true(compared - far > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_told_with_its_position),
        cmocka_unit_test(both_forms_mean_the_same),
        cmocka_unit_test(clock_changes_follow_the_two_rules),
        cmocka_unit_test(random_schedules_agree_with_going_minute_by_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

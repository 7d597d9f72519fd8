/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>

#include "data/flow_json.h"
#include "flow/flow_delta.h"
#include "jobs/flow_marks.h"
#include "jobs_fixture.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define AT       APR_INT64_C(1771329845678) /* 2026-02-17T12:04:05.678Z */

static void a_time_is_written_in_its_format(void **state)
{
    /* clang-format off */
    static const struct { const char *format, *text; } cases[] = {
        { NULL, "2026-02-17T12:04:05.678Z" },
        { "YYYY-MM-DDTHH:mm:ss[Z]", "2026-02-17T12:04:05Z" },
        { "YYYY-MM-DDTHH:mm:ssZ", "2026-02-17T12:04:05+00:00" },
        { "DD.MM.YYYY HH:mm:ss.SSS", "17.02.2026 12:04:05.678" },
        { "X", "1771329845" },
        { "x", "1771329845678" },
        { "[on] YYYY [at HH]", "on 2026 at HH" },
        { "M/D/YY h:mm A", "2/17/26 12:04 PM" },
        { "ddd, DD MMM YYYY", "Tue, 17 Feb 2026" },
        { "", "" },
    };
    /* clang-format on */
    jobs_fixture_t *f = *state;
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        assert_string_equal(flow_delta_format(AT, cases[i].format, f->p),
                            cases[i].text);
    }
}

static json_t *parse(jobs_fixture_t *f, const char *text)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    assert_int_equal(flow_json_parse(&v, text, strlen(text), &err), 0);
    return flow_json_own(f->p, v);
}

static void a_template_sees_the_mark_and_the_present(void **state)
{
    /* clang-format off */
    static const struct {
        const char *marks, *request; apr_int64_t lag, start; const char *context;
    } cases[] = {
        { "{}", "{}", 0, -1, "{\"currentExportDateTime\":\"2026-02-17T12:04:05.678Z\"}" },
        { "{}", "null", 5000, 0, "{\"lastExportDateTime\":\"1970-01-01T00:00:00.000Z\",\"currentExportDateTime\":\"2026-02-17T12:04:05.678Z\"}" },
        { "{\"e\":\"2026-02-01T00:00:10.000Z\",\"f\":\"x\"}", "{}", 10000, 0, "{\"lastExportDateTime\":\"2026-02-01T00:00:00.000Z\",\"currentExportDateTime\":\"2026-02-17T12:04:05.678Z\"}" },
        { "{\"e\":\"2026-02-01T00:00:00.000Z\"}", "{}", -1000, 0, "{\"lastExportDateTime\":\"2026-02-01T00:00:01.000Z\",\"currentExportDateTime\":\"2026-02-17T12:04:05.678Z\"}" },
        { "{\"e\":\"1970-01-01T00:00:00.000Z\"}", "{}", 9000, 0, "{\"lastExportDateTime\":\"1970-01-01T00:00:00.000Z\",\"currentExportDateTime\":\"2026-02-17T12:04:05.678Z\"}" },
        { "{\"e\":\"2026-02-01T00:00:10.000Z\"}", "{\"startDate\":\"2025-01-01\",\"endDate\":1740000000000}", 10000, 0,
          "{\"lastExportDateTime\":\"2025-01-01T00:00:00.000Z\",\"currentExportDateTime\":\"2025-02-19T21:20:00.000Z\"}" },
    };
    /* clang-format on */
    jobs_fixture_t *f = *state;
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        flow_export_t exp = { "e" };
        json_t *context = flow_json_own(f->p, json_object());
        flow_delta_t delta;

        exp.is_delta = 1;
        exp.delta_lag = cases[i].lag;
        exp.delta_start = cases[i].start;
        assert_int_equal(flow_delta_init(&delta, parse(f, cases[i].request),
                                         parse(f, cases[i].marks), AT * 1000,
                                         f->p, &err),
                         0);
        flow_delta_add(context, &exp, &delta, f->p);
        assert_string_equal(flow_json_text(context, NULL, f->p),
                            cases[i].context);
    }
}

static void a_date_that_is_none_is_refused(void **state)
{
    jobs_fixture_t *f = *state;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_delta_t delta;

    assert_int_not_equal(flow_delta_init(&delta,
                                         parse(f, "{\"endDate\":\"soon\"}"),
                                         NULL, 0, f->p, &err),
                         0);
    assert_string_equal(err.code, "invalid_date");
    assert_int_equal(err.kind, FLOW_E_INPUT);
    assert_string_equal(err.message,
                        "'endDate' must be a date as in ISO 8601, such as "
                        "2026-01-31T00:00:00Z, or milliseconds since 1970");
}

static void marks_are_kept_by_flow_and_export(void **state)
{
    jobs_fixture_t *f = *state;
    flow_store_t *store = jobs_fixture_store(f);
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *marks = NULL;

    assert_int_equal(flow_store_begin(store, 0, &err), 0);
    assert_int_equal(flow_marks_set(store, "a", "e", "1", f->p, &err), 0);
    assert_int_equal(flow_marks_set(store, "a", "g", "2", f->p, &err), 0);
    assert_int_equal(flow_marks_set(store, "b", "e", "3", f->p, &err), 0);
    assert_int_equal(flow_marks_set(store, "a", "e", "4", f->p, &err), 0);
    assert_int_equal(flow_store_commit(store, &err), 0);
    assert_int_equal(flow_marks_read(store, "a", &marks, f->p, &err), 0);
    flow_json_own(f->p, marks);
    assert_string_equal(flow_json_member(marks, "e"), "4");
    assert_string_equal(flow_json_member(marks, "g"), "2");
    assert_int_equal(json_object_size(marks), 2);
    flow_store_close(store);
}

static pid_t set_in_a_process(jobs_fixture_t *f, const char *value)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_store_t *store = NULL;
    pid_t pid = fork();
    int ok;

    if (pid != 0) {
        return pid;
    }
    ok = flow_store_open(&store, f->settings.driver, f->params, &err) == 0 &&
         flow_store_begin(store, apr_time_from_sec(20), &err) == 0 &&
         flow_marks_set(store, "a", "e", value, f->p, &err) == 0;
    usleep(5000);
    _exit(ok && flow_store_commit(store, &err) == 0 ? 0 : 1);
}

/* A run whose lease was taken may still be writing when the next one does. */
static void two_who_write_a_mark_at_once_both_do(void **state)
{
    jobs_fixture_t *f = *state;
    int i, status;

    flow_store_close(jobs_fixture_store(f));
    for (i = 0; i < 8; ++i) {
        pid_t one = set_in_a_process(f, "1"), two = set_in_a_process(f, "2");

        assert_int_equal(waitpid(one, &status, 0), one);
        assert_int_equal(status, 0);
        assert_int_equal(waitpid(two, &status, 0), two);
        assert_int_equal(status, 0);
        assert_string_equal(jobs_fixture_query(f, "SELECT count(*) FROM state"),
                            "1");
        if (i % 2) { /* from nothing, too */
            jobs_fixture_query(f, "DELETE FROM state");
        }
    }
}

static int setup(void **state)
{
    *state = jobs_fixture_new();
    return 0;
}

static int teardown(void **state)
{
    jobs_fixture_free(*state);
    return 0;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_time_is_written_in_its_format),
        TEST(a_template_sees_the_mark_and_the_present),
        TEST(a_date_that_is_none_is_refused),
        TEST(marks_are_kept_by_flow_and_export),
        TEST(two_who_write_a_mark_at_once_both_do),
    };

    apr_initialize();
    return JOBS_FIXTURE_BOTH(tests);
}

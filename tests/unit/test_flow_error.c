/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/flow_error.h"
#include "base/flow_log.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void the_first_failure_wins(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;

    (void)state;
    assert_int_equal(flow_error_set(&err, FLOW_E_INPUT, APR_EINVAL, "first",
                                    "field '%s' is missing", "id"),
                     APR_EINVAL);
    assert_int_equal(flow_error_set(&err, FLOW_E_INTERNAL, APR_ENOMEM, "second",
                                    "while cleaning up"),
                     APR_EINVAL);
    assert_int_equal(err.kind, FLOW_E_INPUT);
    assert_int_equal(err.status, APR_EINVAL);
    assert_string_equal(err.code, "first");
    assert_string_equal(err.message, "field 'id' is missing");

    flow_error_clear(&err);
    assert_int_equal(err.kind, FLOW_E_NONE);
    assert_int_equal(err.status, APR_SUCCESS);
    assert_string_equal(err.message, "");
    flow_error_set(&err, FLOW_E_CONFIG, APR_EGENERAL, "again", "again");
    assert_string_equal(err.code, "again");
}

static void a_failure_never_has_the_status_of_success(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;

    (void)state;
    assert_int_equal(flow_error_set(&err, FLOW_E_INPUT, APR_SUCCESS, "x", "x"),
                     APR_EGENERAL);
    assert_int_equal(err.status, APR_EGENERAL);
    assert_int_equal(flow_error_set(NULL, FLOW_E_INPUT, APR_SUCCESS, "x", "x"),
                     APR_EGENERAL);
    assert_int_equal(flow_error_set(NULL, FLOW_E_INPUT, APR_EBADF, "x", "x"),
                     APR_EBADF);
}

static void context_goes_in_front(void **state)
{
    flow_error_t err = FLOW_ERROR_INIT;

    (void)state;
    assert_int_equal(flow_error_prefix(NULL, "nobody"), APR_EGENERAL);
    assert_int_equal(flow_error_prefix(&err, "nothing"), APR_EGENERAL);
    assert_string_equal(err.message, "");

    flow_error_set(&err, FLOW_E_REFUSED, APR_EGENERAL, "c", "status 500");
    assert_int_equal(flow_error_prefix(&err, "import '%s'", "to-erp"),
                     APR_EGENERAL);
    flow_error_prefix(&err, "flow '%s'", "orders");
    assert_string_equal(err.message,
                        "flow 'orders': import 'to-erp': status 500");
}

static void a_long_text_is_cut_at_a_character(void **state)
{
    char text[2 * FLOW_ERROR_MESSAGE_MAX];
    size_t shift;

    (void)state;
    for (shift = 0; shift < 8; ++shift) {
        flow_error_t err = FLOW_ERROR_INIT;
        size_t i, len;

        memset(text, 'a', shift);
        for (i = shift; i + 4 < sizeof(text); i += 4) {
            memcpy(text + i, "\xf0\x9f\x98\x80", 4);
        }
        text[i] = '\0';
        flow_error_set(&err, FLOW_E_INPUT, APR_EINVAL, text, "%s", text);
        len = strlen(err.message);
        assert_in_range(len, FLOW_ERROR_MESSAGE_MAX - 4,
                        FLOW_ERROR_MESSAGE_MAX - 1);
        assert_int_equal((len - shift) % 4, 0);
        assert_null(strchr(err.message, '?'));
        assert_int_equal(strlen(err.code), FLOW_ERROR_CODE_MAX - 1);

        flow_error_prefix(&err, "é");
        len = strlen(err.message);
        assert_null(strchr(err.message, '?'));
        assert_memory_equal(err.message, "é: ", 4);
        assert_int_equal((len - 4 - shift) % 4, 0);
    }
}

static void bytes_that_are_no_text_become_question_marks(void **state)
{
    /* clang-format off */
    static const struct { const char *bytes, *text; } cases[] = {
        { "plain",                "plain"        },
        { "\xc3\xa9",             "\xc3\xa9"     },
        { "\xe2\x82\xac",         "\xe2\x82\xac" },
        { "\xf4\x8f\xbf\xbf",     "\xf4\x8f\xbf\xbf" },
        { "a\xff" "b",            "a?b"          },
        { "\xc3",                 "?"            },
        { "\xc3(",                "?("           },
        { "\xc0\x80",             "??"           }, /* overlong NUL  */
        { "\xe0\x80\xaf",         "???"          }, /* overlong      */
        { "\xed\xa0\x80",         "???"          }, /* surrogate     */
        { "\xf4\x90\x80\x80",     "????"         }, /* past U+10FFFF */
        { "\xf0\x82\x82\xac",     "????"         }, /* overlong      */
        { "\xe2\x82",             "??"           },
        { "\xe2\x82x",            "??x"          },
        { "\x80\xbf",             "??"           },
        { "\xf8\x88\x80\x80\x80", "?????"        },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;

        flow_error_set(&err, FLOW_E_INPUT, APR_EINVAL, "c", "%s",
                       cases[i].bytes);
        assert_string_equal(err.message, cases[i].text);
    }
}

static void the_kind_says_who_acts_and_how_http_calls_it(void **state)
{
    /* clang-format off */
    static const struct {
        flow_error_kind_e kind; const char *code; int http, retry;
    } cases[] = {
        { FLOW_E_INPUT,       "x",              400, 0 },
        { FLOW_E_CONFIG,      "x",              500, 0 },
        { FLOW_E_SCRIPT,      "x",              422, 0 },
        { FLOW_E_SCRIPT,      "script_timeout", 504, 0 },
        { FLOW_E_REFUSED,     "x",              502, 0 },
        { FLOW_E_UNAVAILABLE, "x",              503, 1 },
        { FLOW_E_INTERNAL,    "x",              500, 0 },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;

        flow_error_set(&err, cases[i].kind, APR_EGENERAL, cases[i].code, "x");
        assert_int_equal(flow_error_http_status(&err), cases[i].http);
        assert_int_equal(flow_error_is_retryable(&err), cases[i].retry);
    }
}

typedef struct seen_t {
    int lines;
    flow_log_level_e level;
    char text[4096];
} seen_t;

static void remember(void *baton, flow_log_level_e level, const char *file,
                     int line, const char *text)
{
    seen_t *seen = baton;

    assert_non_null(strstr(file, "test_flow_error.c"));
    assert_true(line > 0);
    seen->level = level;
    ++seen->lines;
    snprintf(seen->text, sizeof(seen->text), "%s", text);
}

static void a_log_line_reaches_the_sink_if_its_level_is_wanted(void **state)
{
    seen_t seen = { 0 };
    char big[4096];

    (void)state;
    flow_log(FLOW_LOG_ERROR, "dropped"); /* no sink yet */
    assert_false(flow_log_enabled(FLOW_LOG_ERROR));

    flow_log_set_sink(remember, &seen, FLOW_LOG_NOTICE);
    assert_true(flow_log_enabled(FLOW_LOG_NOTICE));
    assert_false(flow_log_enabled(FLOW_LOG_INFO));
    flow_log(FLOW_LOG_INFO, "not wanted");
    assert_int_equal(seen.lines, 0);
    flow_log(FLOW_LOG_WARNING, "%d of %s", 3, "five");
    assert_int_equal(seen.lines, 1);
    assert_int_equal(seen.level, FLOW_LOG_WARNING);
    assert_string_equal(seen.text, "3 of five");

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    flow_log(FLOW_LOG_ERROR, "%s", big);
    assert_in_range(strlen(seen.text), 1024, sizeof(big) - 2);
    flow_log_set_sink(NULL, NULL, FLOW_LOG_ERROR);
    flow_log(FLOW_LOG_ERROR, "dropped");
    assert_int_equal(seen.lines, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_failure_wins),
        cmocka_unit_test(a_failure_never_has_the_status_of_success),
        cmocka_unit_test(context_goes_in_front),
        cmocka_unit_test(a_long_text_is_cut_at_a_character),
        cmocka_unit_test(bytes_that_are_no_text_become_question_marks),
        cmocka_unit_test(the_kind_says_who_acts_and_how_http_calls_it),
        cmocka_unit_test(a_log_line_reaches_the_sink_if_its_level_is_wanted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

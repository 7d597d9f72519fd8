/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>

#include "data/flow_json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT(s)  s, sizeof(s) - 1
#define BAD      "\xef\xbf\xbd"

static void valid_and_invalid_are_told_apart(void **state)
{
    /* clang-format off */
    static const struct { const char *s; size_t len; int is_valid; }
    cases[] = {
        { TEXT(""), 1 }, { TEXT("plain text of some length"), 1 },
        { TEXT("a\0b"), 1 }, { TEXT("\xc2\x80"), 1 }, { TEXT("\xdf\xbf"), 1 },
        { TEXT("\xe0\xa0\x80"), 1 }, { TEXT("\xed\x9f\xbf"), 1 },
        { TEXT("\xee\x80\x80"), 1 }, { TEXT("\xef\xbf\xbf"), 1 },
        { TEXT("\xf0\x90\x80\x80"), 1 }, { TEXT("\xf4\x8f\xbf\xbf"), 1 },
        { TEXT("12345678\xe2\x82\xac" "12345678"), 1 },
        { TEXT("\x80"), 0 }, { TEXT("\xbf"), 0 }, { TEXT("\xc0\x80"), 0 },
        { TEXT("\xc1\xbf"), 0 }, { TEXT("\xe0\x9f\xbf"), 0 },
        { TEXT("\xed\xa0\x80"), 0 }, { TEXT("\xed\xbf\xbf"), 0 },
        { TEXT("\xf0\x8f\xbf\xbf"), 0 }, { TEXT("\xf4\x90\x80\x80"), 0 },
        { TEXT("\xf5\x80\x80\x80"), 0 }, { TEXT("\xff"), 0 },
        { TEXT("\xc3"), 0 }, { TEXT("\xe2\x82"), 0 },
        { TEXT("\xf0\x9f\x98"), 0 }, { TEXT("\xc3" "A"), 0 },
        { TEXT("\xe2\x82" "A"), 0 }, { TEXT("12345678\x80" "1234567"), 0 },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        if (flow_utf8_is_valid(cases[i].s, cases[i].len) != cases[i].is_valid) {
            fail_msg("case %d", (int)i);
        }
    }
}

static void anything_becomes_valid(void **state)
{
    /* clang-format off */
    static const struct { const char *s; size_t len; const char *out;
                          size_t out_len; } cases[] = {
        /* CESU-8: the pair of U+1F600 */
        { TEXT("x\xed\xa0\xbd\xed\xb8\x80y"), TEXT("x\xf0\x9f\x98\x80y") },
        { TEXT("\xed\xaf\xbf\xed\xbf\xbf"), TEXT("\xf4\x8f\xbf\xbf") },
        { TEXT("\xed\xa0\x80\xed\xb0\x80"), TEXT("\xf0\x90\x80\x80") },
        /* lone or reversed surrogates: one mark each */
        { TEXT("\xed\xa0\xbd"), TEXT(BAD) },
        { TEXT("\xed\xb8\x80\xed\xa0\xbd"), TEXT(BAD BAD) },
        { TEXT("\xed\xa0\xbd\xed\xa0\xbd\xed\xb8\x80"),
          TEXT(BAD "\xf0\x9f\x98\x80") },
        { TEXT("\xed\xa0\xbd\xed\xb8"), TEXT(BAD BAD BAD) },
        { TEXT("a\xc0\x80" "b"), TEXT("a\0b") },
        { TEXT("\xc0\x81"), TEXT(BAD BAD) },
        { TEXT("\xff\xfe"), TEXT(BAD BAD) },
        /* a cut sequence is one mark, as in browsers */
        { TEXT("\xe2\x82"), TEXT(BAD) }, { TEXT("\xe2\x82z"), TEXT(BAD "z") },
        { TEXT("\xf0\x9f\x98z"), TEXT(BAD "z") },
        { TEXT("\xf0\x9f"), TEXT(BAD) },
        { TEXT("\xc3"), TEXT(BAD) }, { TEXT("\xc3\xc3\xa9"),
          TEXT(BAD "\xc3\xa9") },
        { TEXT("\xf4\x90\x80\x80"), TEXT(BAD BAD BAD BAD) },
        { TEXT("gr\xfc\xdf" "e"), TEXT("gr" BAD BAD "e") },
    };
    /* clang-format on */
    apr_pool_t *p;
    size_t i;

    (void)state;
    apr_pool_create(&p, NULL);
    for (i = 0; i < COUNT(cases); ++i) {
        apr_size_t len;
        const char *out = flow_utf8_repair(cases[i].s, cases[i].len, &len, p);

        if (len != cases[i].out_len ||
            memcmp(out, cases[i].out, len + 1) != 0) {
            fail_msg("case %d gives %s", (int)i, out);
        }
        assert_true(flow_utf8_is_valid(out, len));
    }
    apr_pool_destroy(p);
}

static void what_was_right_is_not_copied(void **state)
{
    static const char text[] = "gr\xc3\xbc\xc3\x9f"
                               "e";
    apr_size_t len = 0;

    (void)state;
    assert_ptr_equal(flow_utf8_repair(text, sizeof(text) - 1, &len, NULL),
                     text);
    assert_int_equal(len, sizeof(text) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_and_invalid_are_told_apart),
        cmocka_unit_test(anything_becomes_valid),
        cmocka_unit_test(what_was_right_is_not_copied),
    };
    int rc;

    apr_initialize();
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return rc;
}

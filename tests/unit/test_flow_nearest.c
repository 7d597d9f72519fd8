/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "data/flow_nearest.h"

/* clang-format off */
static const char *const known[] = {
    "equals", "notequals", "greaterthan", "greaterthanequals", "lessthan",
    "startswith", "endswith", "contains", "or", "and", "not", "extract",
    "relativeURI", "",
};
/* clang-format on */
#define KNOWN (sizeof(known) / sizeof(known[0]))

static void a_slip_finds_the_name_that_was_meant(void **state)
{
    /* clang-format off */
    static const struct { const char *word, *nearest; } cases[] = {
        { "greatherthan", "greaterthan" },
        { "geraterthan",  "greaterthan" }, /* a swap is one slip */
        { "NotEquals",    "notequals" },   /* case alone is no slip */
        { "relativeUri",  "relativeURI" },
        { "equls",        "equals" },
        { "exract",       "extract" },
        { "start",        NULL },
        { "ands",         "and" },
        { "equals",       "equals" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        const char *found = flow_nearest(cases[i].word, known, KNOWN);

        if (cases[i].nearest) {
            assert_non_null(found);
            assert_string_equal(found, cases[i].nearest);
        }
        else {
            assert_null(found);
        }
    }
}

static void nothing_near_suggests_nothing(void **state)
{
    char longest[66];

    (void)state;
    memset(longest, 'a', 65);
    longest[65] = '\0';
    assert_null(flow_nearest("frobnicate", known, KNOWN));
    assert_null(flow_nearest("x", known, KNOWN));
    assert_null(flow_nearest("", known, KNOWN));
    assert_null(flow_nearest(NULL, known, KNOWN));
    assert_null(flow_nearest("equals", known, 0));
    assert_null(flow_nearest(longest, known, KNOWN));
}

static void of_equally_near_names_the_first_wins(void **state)
{
    static const char *const pair[] = { "lane", "line" };

    (void)state;
    assert_string_equal(flow_nearest("lone", pair, 2), "lane");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slip_finds_the_name_that_was_meant),
        cmocka_unit_test(nothing_near_suggests_nothing),
        cmocka_unit_test(of_equally_near_names_the_first_wins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

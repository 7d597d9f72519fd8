/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "flow/flow_classify.h"

static void an_error_has_the_class_that_its_code_and_words_give(void **state)
{
    /* clang-format off */
    static const struct { const char *code, *message, *source, *class; } cases[] = {
        { "401", "who are you", "connection", "authentication" },
        { "403", "no entry", "application", "authentication" },
        { "403", "Daily quota exceeded", "application", "governance" },
        { "404", "gone", "application", "missing" },
        { "409", "conflict", "application", "duplicate" },
        { "413", "", "application", "too_large" },
        { "422", "sku has already been taken", "application", "duplicate" },
        { "422", "email: can't be blank", "application", "missing" },
        { "422", "no", "application", "value" },
        { "400", "Unexpected token } in JSON", "application", "parse" },
        { "429", "slow down", "application", "rate_limit" },
        { "500", "oops", "application", "intermittent" },
        { "500", "Duplicate entry '7'", "application", "duplicate" },
        { "503", "", "application", "intermittent" },
        { "299", "fine", "application", NULL },
        { "connect_failed", "nobody", "connection", "connection" },
        { "timeout", "too slow", "connection", "intermittent" },
        { "auth_failed", "no", "connection", "authentication" },
        { "response_invalid", "no JSON", "application", "parse" },
        { "SSS_USAGE_LIMIT_EXCEEDED", "", "application", "governance" },
        { "RATE_LIMIT", "", "application", "rate_limit" },
        { "mapping_failed", "sum", "mapping", "value" },
        { "mine", "own words", "post_submit_hook", NULL },
        { "", "", NULL, NULL },
        { NULL, NULL, NULL, NULL },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        const char *got =
            flow_error_class(cases[i].code, cases[i].message, cases[i].source);

        if (!got != !cases[i].class ||
            (got && strcmp(got, cases[i].class) != 0)) {
            fail_msg("'%s' '%s': %s", cases[i].code, cases[i].message,
                     got ? got : "none");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_has_the_class_that_its_code_and_words_give),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

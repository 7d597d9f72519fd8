/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include <apr_general.h>

#include "base/flow_buf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void what_is_appended_is_there_and_ends_with_nul(void **state)
{
    flow_buf_t b;
    apr_size_t len = 99;
    char *text;

    flow_buf_init(&b, 1000);
    assert_null(b.data);
    assert_int_equal(flow_buf_adds(&b, "one"), APR_SUCCESS);
    assert_int_equal(flow_buf_addc(&b, ','), APR_SUCCESS);
    assert_int_equal(flow_buf_add(&b, "t\0o", 3), APR_SUCCESS);
    assert_int_equal(flow_buf_addf(&b, ",%d", 42), APR_SUCCESS);
    assert_int_equal(b.len, 10);
    assert_memory_equal(b.data, "one,t\0o,42", 11);

    text = flow_buf_steal(&b, &len, *state);
    assert_int_equal(len, 10);
    assert_memory_equal(text, "one,t\0o,42", 11);
    assert_null(b.data);
    assert_int_equal(b.len, 0);
    assert_int_equal(b.max, 1000);
}

static void nothing_is_an_empty_text(void **state)
{
    flow_buf_t b;
    apr_size_t len = 99;

    flow_buf_init(&b, 0);
    assert_int_equal(flow_buf_add(&b, NULL, 0), APR_SUCCESS);
    assert_string_equal(b.data, "");
    flow_buf_release(&b);
    assert_string_equal(flow_buf_steal(&b, &len, *state), "");
    assert_int_equal(len, 0);
    assert_string_equal(flow_buf_steal(&b, NULL, *state), "");
}

static void the_maximum_is_reached_and_never_passed(void **state)
{
    static const apr_size_t maxima[] = { 0, 1, 255, 256, 257, 300, 5000 };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(maxima); ++i) {
        apr_size_t max = maxima[i], n;
        flow_buf_t b;

        flow_buf_init(&b, max);
        for (n = 0; n < max; ++n) {
            assert_int_equal(flow_buf_addc(&b, 'x'), APR_SUCCESS);
        }
        assert_int_equal(b.len, max);
        assert_true(b.cap <= max + 1);
        assert_int_equal(flow_buf_addc(&b, 'y'), APR_ENOSPC);
        assert_int_equal(b.len, max);
        flow_buf_release(&b);

        assert_int_equal(flow_buf_addf(&b, "%*s", (int)max, ""), APR_SUCCESS);
        assert_int_equal(b.len, max);
        flow_buf_release(&b);
        assert_int_equal(flow_buf_addf(&b, "%*s", (int)max + 1, ""),
                         APR_ENOSPC);
        assert_int_equal(b.len, 0);
        flow_buf_release(&b);
    }
}

static void a_failed_buffer_stays_failed_until_cleared(void **state)
{
    flow_buf_t b;

    (void)state;
    flow_buf_init(&b, 4);
    flow_buf_adds(&b, "ab");
    assert_int_equal(flow_buf_adds(&b, "cde"), APR_ENOSPC);
    assert_int_equal(flow_buf_addc(&b, 'c'), APR_ENOSPC);
    assert_int_equal(flow_buf_addf(&b, "c"), APR_ENOSPC);
    assert_int_equal(b.status, APR_ENOSPC);
    assert_string_equal(b.data, "ab");

    flow_buf_clear(&b);
    assert_int_equal(b.status, APR_SUCCESS);
    assert_string_equal(b.data, "");
    assert_int_equal(flow_buf_adds(&b, "wxyz"), APR_SUCCESS);
    assert_string_equal(b.data, "wxyz");
    flow_buf_release(&b);
}

static void a_size_that_wraps_round_is_too_large(void **state)
{
    flow_buf_t b;

    (void)state;
    flow_buf_init(&b, 100);
    flow_buf_addc(&b, 'x');
    assert_int_equal(flow_buf_add(&b, "x", SIZE_MAX), APR_ENOSPC);
    flow_buf_release(&b);
    flow_buf_init(&b, SIZE_MAX);
    assert_int_equal(flow_buf_add(&b, "x", SIZE_MAX), APR_ENOMEM);
    flow_buf_release(&b);
}

static void a_stolen_text_goes_with_its_pool(void **state)
{
    apr_pool_t *child;
    flow_buf_t b;
    char *text;
    int i;

    /* LeakSanitizer tells if the pool forgets them */
    apr_pool_create(&child, *state);
    for (i = 0; i < 3; ++i) {
        flow_buf_init(&b, 1 << 20);
        while (b.len < 70000) {
            flow_buf_adds(&b, "0123456789");
        }
        text = flow_buf_steal(&b, NULL, child);
        assert_int_equal(strlen(text), 70000);
    }
    apr_pool_destroy(child);
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
        cmocka_unit_test(what_is_appended_is_there_and_ends_with_nul),
        cmocka_unit_test(nothing_is_an_empty_text),
        cmocka_unit_test(the_maximum_is_reached_and_never_passed),
        cmocka_unit_test(a_failed_buffer_stays_failed_until_cleared),
        cmocka_unit_test(a_size_that_wraps_round_is_too_large),
        cmocka_unit_test(a_stolen_text_goes_with_its_pool),
    };
    int rc;

    apr_initialize();
    rc = cmocka_run_group_tests(tests, setup, teardown);
    apr_terminate();
    return rc;
}

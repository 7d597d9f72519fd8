/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_time.h>

#include "jobs_fixture.h"

/* This node's clock is two hours ahead of everybody else's. */

static apr_time_t everybodys(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return apr_time_from_sec(ts.tv_sec) + ts.tv_nsec / 1000;
}

apr_time_t apr_time_now(void)
{
    return everybodys() + apr_time_from_sec(7200);
}

static int is_near(apr_time_t a, apr_time_t b)
{
    return a - b < apr_time_from_sec(30) && b - a < apr_time_from_sec(30);
}

/* A handle that only reads, too: it is the one that looks for orphans. */
static void leases_are_seen_by_the_databases_clock(void **state)
{
    jobs_fixture_t *f = jobs_fixture_new();
    flow_error_t err = FLOW_ERROR_INIT;
    flow_store_t *store = jobs_fixture_store(f);

    (void)state;
    assert_true(is_near(flow_store_clock(store), everybodys()));
    assert_int_equal(flow_store_verify(store, &err), 0);
    assert_true(is_near(flow_store_clock(store), everybodys()));
    flow_store_close(store);
    jobs_fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leases_are_seen_by_the_databases_clock),
    };

    apr_initialize();
    return jobs_fixture_use("pgsql")
               ? cmocka_run_group_tests_name("pgsql", tests, NULL, NULL)
               : 0;
}

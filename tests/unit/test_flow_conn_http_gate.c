/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <apr_general.h>

#include "connectors/flow_conn_http.h"

static apr_pool_t *p;
static flow_error_t err;

static int setup(void **state)
{
    (void)state;
    apr_initialize();
    return apr_pool_create(&p, NULL);
}

static int teardown(void **state)
{
    (void)state;
    apr_pool_destroy(p);
    return 0;
}

/* The place, or -1. */
static int enter(http_gate_t *gate, int msec)
{
    flow_call_t call = { NULL };
    int place;

    call.deadline = apr_time_now() + apr_time_from_msec(msec);
    flow_error_clear(&err);
    return flow_conn_http_gate_enter(gate, &call, &place, &err) == APR_SUCCESS
               ? place
               : -1;
}

static void so_many_come_in_as_there_are_places(void **state)
{
    http_gate_t *gate = flow_conn_http_gate_create(2, p);
    int a, b;

    (void)state;
    a = enter(gate, 1000);
    b = enter(gate, 1000);
    assert_true(a >= 0 && b >= 0 && a != b);
    assert_int_equal(enter(gate, 20), -1);
    assert_string_equal(err.code, "connection_busy");
    flow_conn_http_gate_leave(gate, a);
    assert_int_equal(enter(gate, 1000), a);
}

/* Run in a child; its exit status is what @a fn returns. */
static int in_child(int (*fn)(http_gate_t *gate), http_gate_t *gate)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        _exit(fn(gate));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static int cannot_enter(http_gate_t *gate)
{
    return enter(gate, 20) == -1;
}

static int enter_and_die(http_gate_t *gate)
{
    return enter(gate, 20) >= 0;
}

static void processes_share_the_places(void **state)
{
    http_gate_t *gate = flow_conn_http_gate_create(1, p);
    int place = enter(gate, 1000);

    (void)state;
    assert_true(in_child(cannot_enter, gate));
    flow_conn_http_gate_leave(gate, place);
    assert_false(in_child(cannot_enter, gate));
}

static void the_places_of_a_dead_process_are_free(void **state)
{
    http_gate_t *gate = flow_conn_http_gate_create(1, p);

    (void)state;
    assert_true(in_child(enter_and_die, gate));
    assert_true(enter(gate, 2000) >= 0);
}

static int pause_it(http_gate_t *gate)
{
    flow_conn_http_gate_pause(gate, apr_time_from_sec(30));
    return 1;
}

static void a_pause_is_everybodys(void **state)
{
    http_gate_t *gate = flow_conn_http_gate_create(5, p);

    (void)state;
    assert_true(in_child(pause_it, gate));
    assert_int_equal(enter(gate, 20), -1);
    assert_string_equal(err.code, "rate_limited");
}

static void a_window_is_everybodys(void **state)
{
    http_gate_t *gate = flow_conn_http_gate_create(5, p);
    int place;

    (void)state;
    flow_conn_http_gate_limit(gate, 2, apr_time_from_sec(30));
    place = enter(gate, 20);
    assert_true(place >= 0);
    flow_conn_http_gate_leave(gate, place);
    assert_true(in_child(enter_and_die, gate));
    assert_int_equal(enter(gate, 300), -1);
    assert_string_equal(err.code, "rate_limited");
}

static void too_many_requests_halve_and_good_answers_widen(void **state)
{
    http_gate_t *gate = flow_conn_http_gate_create(1, p);
    int places[4], i;

    (void)state;
    flow_conn_http_gate_adapt(gate, 4);
    for (i = 0; i < 4; ++i) {
        places[i] = enter(gate, 20);
        assert_true(places[i] >= 0);
    }
    flow_conn_http_gate_pause(gate, 0);
    for (i = 0; i < 3; ++i) {
        flow_conn_http_gate_leave(gate, places[i]);
    }
    assert_true(enter(gate, 20) >= 0);
    assert_int_equal(enter(gate, 20), -1); /* two of four */
    flow_conn_http_gate_good(gate);
    assert_int_equal(enter(gate, 20), -1);
    flow_conn_http_gate_good(gate);
    assert_true(enter(gate, 20) >= 0);
}

static void a_gate_may_be_borrowed(void **state)
{
    http_gate_t *a = flow_conn_http_gate_of("a", p);
    http_gate_t *b = flow_conn_http_gate_of("b", p);
    http_gate_t *c = flow_conn_http_gate_of("c", p);
    int place;

    (void)state;
    assert_ptr_equal(flow_conn_http_gate_of("a", p), a);
    flow_conn_http_gate_size(a, 9);
    flow_conn_http_gate_borrow(a, b);
    flow_conn_http_gate_borrow(b, c);
    flow_conn_http_gate_size(c, 1);
    place = enter(a, 20);
    assert_true(place >= 0);
    assert_int_equal(enter(c, 20), -1);
    assert_int_equal(enter(b, 20), -1);
    flow_conn_http_gate_leave(a, place);
    assert_true(enter(b, 20) >= 0);
    /* in a circle somebody counts */
    flow_conn_http_gate_borrow(c, a);
    enter(a, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(so_many_come_in_as_there_are_places),
        T(processes_share_the_places),
        T(the_places_of_a_dead_process_are_free),
        T(a_pause_is_everybodys),
        T(a_window_is_everybodys),
        T(too_many_requests_halve_and_good_answers_widen),
        T(a_gate_may_be_borrowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

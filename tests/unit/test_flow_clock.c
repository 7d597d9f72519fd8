/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <apr_general.h>

#include "base/flow_clock.h"
#include "jobs/flow_committer.h"
#include "jobs_fixture.h"

/* The wall clock, which somebody sets wrong: apr_time_now() comes here. */
static long skew;

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    int rc = (int)syscall(SYS_gettimeofday, tv, tz);

    tv->tv_sec += skew;
    return rc;
}

static int set_right(void **state)
{
    (void)state;
    skew = 0;
    return 0;
}

static void it_looks_like_the_wall_clock(void **state)
{
    apr_time_t apart = flow_clock() - apr_time_now();

    (void)state;
    assert_true(apart > -1000000 && apart < 1000000);
}

static void it_does_not_jump(void **state)
{
    apr_time_t before = flow_clock();

    (void)state;
    skew = -3600;
    assert_true(apr_time_now() < before);
    assert_true(flow_clock() >= before);
    skew = 3600;
    assert_true(flow_clock() - before < apr_time_from_sec(10));
}

static void waiting_ends_in_time_whatever_the_clock_says(void **state)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    apr_time_t began = flow_clock();
    pthread_cond_t cond;
    sem_t sem;

    (void)state;
    skew = -3600;
    sem_init(&sem, 0, 0);
    flow_clock_cond_init(&cond);
    assert_int_not_equal(flow_clock_sem_wait(&sem, began + 20000), 0);
    assert_true(flow_clock() - began >= 20000);
    pthread_mutex_lock(&lock);
    while (flow_clock_cond_wait(&cond, &lock, began + 40000) == 0) {
    }
    pthread_mutex_unlock(&lock);
    assert_true(flow_clock() - began >= 40000);
    assert_true(flow_clock() - began < apr_time_from_sec(10));
    /* and one that is over is over */
    assert_int_not_equal(flow_clock_sem_wait(&sem, 5), 0);
    sem_post(&sem);
    assert_int_equal(flow_clock_sem_wait(&sem, 5), 0);
}

/* Leases are not the wall clock's either. */
static void a_lease_does_not_end_because_the_clock_is_set(void **state)
{
    jobs_fixture_t *f = jobs_fixture_new();
    flow_store_t *store = jobs_fixture_store(f);
    apr_time_t before = flow_store_clock(store);

    (void)state;
    skew = 7200;
    assert_true(flow_store_clock(store) - before < apr_time_from_sec(10));
    skew = -7200;
    assert_true(flow_store_clock(store) >= before);
    flow_store_close(store);
    jobs_fixture_free(f);
}

static void a_thread_is_told_to_give_up_by_its_own_flag(void **state)
{
    apr_uint32_t flag = 0;

    (void)state;
    assert_int_equal(flow_abort_asked(), 0);
    flow_abort_watch(&flag);
    assert_int_equal(flow_abort_asked(), 0);
    flag = 1;
    assert_int_equal(flow_abort_asked(), 1);
    flow_abort_watch(NULL);
    assert_int_equal(flow_abort_asked(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_teardown(name, set_right)
        TEST(it_looks_like_the_wall_clock),
        TEST(it_does_not_jump),
        TEST(waiting_ends_in_time_whatever_the_clock_says),
        TEST(a_lease_does_not_end_because_the_clock_is_set),
        TEST(a_thread_is_told_to_give_up_by_its_own_flag),
    };

    apr_initialize();
    return JOBS_FIXTURE_BOTH(tests);
}

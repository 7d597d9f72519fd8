/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <pthread.h>

#include "base/flow_stats.h"

#define SLOTS   3
#define THREADS 8
#define ROUNDS  20000

static flow_stats_t *stats_new(void)
{
    flow_stats_t *stats = malloc(flow_stats_size(SLOTS));

    flow_stats_init(stats, SLOTS);
    return stats;
}

static void a_slot_counts_calls_errors_and_the_longest(void **state)
{
    flow_stats_t *stats = stats_new();
    flow_stat_t copy;

    (void)state;
    flow_stats_count(stats, 1, 0, 100);
    flow_stats_count(stats, 1, 1, 700);
    flow_stats_count(stats, 1, 0, 50);
    flow_stats_records(stats, 1, 10, 2);
    flow_stats_read(stats, 1, &copy);
    assert_int_equal(copy.calls, 3);
    assert_int_equal(copy.errors, 1);
    assert_int_equal(copy.usec, 850);
    assert_int_equal(copy.usec_max, 700);
    assert_int_equal(copy.records, 10);
    assert_int_equal(copy.record_errors, 2);

    flow_stats_read(stats, 0, &copy);
    assert_int_equal(copy.calls, 0);
    free(stats);
}

static void a_slot_outside_of_the_block_is_ignored(void **state)
{
    flow_stats_t *stats = stats_new();
    flow_stat_t copy;
    int i;

    (void)state;
    flow_stats_count(stats, -1, 1, 1);
    flow_stats_count(stats, SLOTS, 1, 1);
    flow_stats_records(stats, SLOTS, 1, 1);
    flow_stats_count(NULL, 0, 1, 1);
    flow_stats_records(NULL, 0, 1, 1);
    flow_stats_add64(NULL, 1);
    flow_stats_add32(NULL, 1);
    for (i = -1; i <= SLOTS; ++i) {
        flow_stats_read(stats, i, &copy);
        assert_int_equal(copy.calls, 0);
    }
    flow_stats_read(NULL, 0, &copy);
    assert_int_equal(copy.calls, 0);
    free(stats);
}

static void *count_hard(void *data)
{
    flow_stats_t *stats = data;
    int i;

    for (i = 0; i < ROUNDS; ++i) {
        flow_stats_count(stats, 2, i & 1, (apr_uint64_t)i);
        flow_stats_add32(&stats->workers_busy, 1);
        flow_stats_add32(&stats->workers_busy, -1);
        flow_stats_add64(&stats->events, 1);
    }
    return NULL;
}

static void threads_lose_no_count(void **state)
{
    flow_stats_t *stats = stats_new();
    pthread_t threads[THREADS];
    flow_stat_t copy;
    int i;

    (void)state;
    for (i = 0; i < THREADS; ++i) {
        pthread_create(&threads[i], NULL, count_hard, stats);
    }
    for (i = 0; i < THREADS; ++i) {
        pthread_join(threads[i], NULL);
    }
    flow_stats_read(stats, 2, &copy);
    assert_int_equal(copy.calls, THREADS * ROUNDS);
    assert_int_equal(copy.errors, THREADS * ROUNDS / 2);
    assert_int_equal(copy.usec_max, ROUNDS - 1);
    assert_int_equal(stats->events, THREADS * ROUNDS);
    assert_int_equal(stats->workers_busy, 0);
    free(stats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_counts_calls_errors_and_the_longest),
        cmocka_unit_test(a_slot_outside_of_the_block_is_ignored),
        cmocka_unit_test(threads_lose_no_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

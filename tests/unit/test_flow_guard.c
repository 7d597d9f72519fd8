/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "script/flow_arena.h"
#include "script/flow_guard.h"

#define MB   ((size_t)1 << 20)
#define KEPT (600u << 10)

/* An arena with a snapshot of KEPT bytes, each of them known. */
typedef struct world_t {
    flow_arena_t *arena;
    unsigned char *head, *kept;
} world_t;

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 7 + i / 4096);
}

static void fill(world_t *w)
{
    size_t i;

    w->head = flow_arena_unsaved(w->arena, 4096);
    w->kept = flow_arena_realloc(w->arena, NULL, KEPT);
    for (i = 0; i < KEPT; ++i) {
        w->kept[i] = byte_at(i);
    }
    assert_int_equal(flow_arena_snapshot(w->arena, w->head, 64), APR_SUCCESS);
}

static void check(const world_t *w)
{
    size_t i;

    for (i = 0; i < KEPT; ++i) {
        if (w->kept[i] != byte_at(i)) {
            fail_msg("byte %u was not put back", (unsigned)i);
        }
    }
}

static void write_some(const world_t *w, unsigned *seed)
{
    int n = rand_r(seed) % 40;

    flow_arena_enter(w->arena);
    while (n-- > 0) {
        w->kept[(unsigned)rand_r(seed) % KEPT] ^= 0x55;
    }
    flow_arena_leave(w->arena);
}

/* Rounds enough for what was learned to be forgotten. */
static void whatever_is_written_is_put_back(void **state)
{
    world_t *w = *state;
    unsigned seed = 11;
    int round;

    for (round = 0; round < 2500; ++round) {
        write_some(w, &seed);
        flow_arena_restore(w->arena);
        if (round % 10 == 0) {
            check(w);
        }
    }
}

static void all_of_it_may_be_written(void **state)
{
    world_t *w = *state;
    int round;

    for (round = 0; round < 100; ++round) {
        flow_arena_enter(w->arena);
        memset(w->kept, round, KEPT);
        flow_arena_leave(w->arena);
        flow_arena_restore(w->arena);
        check(w);
    }
}

static void an_arena_in_another_keeps_both_right(void **state)
{
    world_t *w = *state, inner;
    unsigned seed = 5;
    int round;

    assert_int_equal(flow_arena_create(&inner.arena, 8 * MB), APR_SUCCESS);
    fill(&inner);
    for (round = 0; round < 50; ++round) {
        flow_arena_enter(w->arena);
        w->kept[1] = 0;
        write_some(&inner, &seed);
        w->kept[KEPT - 1] = 0;
        flow_arena_leave(w->arena);
        flow_arena_restore(w->arena);
        flow_arena_restore(inner.arena);
        check(w);
        check(&inner);
    }
    flow_arena_destroy(inner.arena);
}

static void a_reset_arena_can_be_written_to(void **state)
{
    world_t *w = *state;

    flow_arena_reset(w->arena);
    fill(w);
    flow_arena_reset(w->arena);
    fill(w);
    check(w);
}

/* How a child ends that writes where it must not. */
static int end_of_child(void (*does)(const world_t *w), const world_t *w)
{
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        does(w);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void write_elsewhere(const world_t *w)
{
    volatile char *page =
        mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)close(2);           /* what a sanitizer says of it */
    signal(SIGSEGV, SIG_DFL); /* until now it is cmocka's */
    flow_arena_enter(w->arena);
    page[0] = 1;
}

static void write_without_saying_so(const world_t *w)
{
    (void)close(2);
    signal(SIGSEGV, SIG_DFL);
    w->kept[0] = 1;
}

static void catch_fault(int signo)
{
    (void)signo;
    _exit(77);
}

/* The signal is taken back, and what is not ours still gets to them. */
static void fault_after_another_took_the_signal(const world_t *w)
{
    unsigned seed = 3;
    volatile char *page =
        mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    signal(SIGSEGV, catch_fault);
    write_some(w, &seed);
    flow_arena_restore(w->arena);
    check(w);
    flow_arena_enter(w->arena);
    page[0] = 1;
}

/* The handler takes nothing away from whoever had the signal before. */
static void other_faults_go_where_they_went(void **state)
{
    int status = end_of_child(write_elsewhere, *state);

    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    status = end_of_child(write_without_saying_so, *state);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void a_signal_that_was_taken_is_taken_back(void **state)
{
    int status = end_of_child(fault_after_another_took_the_signal, *state);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 77);
}

static void only_what_was_written_counts(void **state)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), len = 64 * page;
    unsigned char *block = mmap(NULL, len, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    flow_guard_t guard = { 0 };

    (void)state;
    assert_ptr_not_equal(block, MAP_FAILED);
    flow_guard_start(&guard, block, len);
    assert_true(guard.is_on);
    flow_guard_enter(&guard);
    block[0] = 1;
    block[1] = 1;
    block[len - 1] = 1;
    flow_guard_leave(&guard);
    assert_int_equal(guard.n_written, 2);
    assert_true(guard.written[0]);
    assert_false(guard.written[1]);
    assert_true(guard.written[(len - 1) / guard.piece]);
    flow_guard_stop(&guard);
    memset(block, 1, len);
    munmap(block, len);
}

static int setup(void **state)
{
    static world_t w;

    if (flow_arena_create(&w.arena, 8 * MB) != APR_SUCCESS) {
        return -1;
    }
    fill(&w);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    flow_arena_destroy(((world_t *)*state)->arena);
    return 0;
}

#define with_world(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_world(whatever_is_written_is_put_back),
        with_world(all_of_it_may_be_written),
        with_world(an_arena_in_another_keeps_both_right),
        with_world(a_reset_arena_can_be_written_to),
        with_world(other_faults_go_where_they_went),
        with_world(a_signal_that_was_taken_is_taken_back),
        cmocka_unit_test(only_what_was_written_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

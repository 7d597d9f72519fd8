/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
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

/* ---- whose the signal is beside ours ---- */

static sigjmp_buf back;
static struct sigaction below;

static void jump_back(int signo)
{
    (void)signo;
    siglongjmp(back, 1);
}

static void hand_on(int signo, siginfo_t *info, void *context)
{
    below.sa_sigaction(signo, info, context);
}

static volatile char *page_to_read(void)
{
    return mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void take(void (*plain)(int signo), int flags)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_handler = plain;
    action.sa_flags = flags;
    sigaction(SIGSEGV, &action, NULL);
}

/* Somebody probes memory and comes back by a jump, again and again. */
static void probe_often(const world_t *w)
{
    volatile char *page = page_to_read();
    volatile int times = 0;
    unsigned seed = 3;

    take(jump_back, 0);
    write_some(w, &seed);
    flow_arena_enter(w->arena);
    if (sigsetjmp(back, 1)) {
        ++times;
    }
    if (times < 5) {
        page[0] = 1;
    }
    flow_arena_leave(w->arena);
    flow_arena_restore(w->arena);
    write_some(w, &seed);
    flow_arena_restore(w->arena);
    check(w);
    _exit(times == 5 ? 77 : 1);
}

/* The one who came later hands on to us what we hand to them: it is for who was
 * there before all. */
static void fault_in_a_ring(const world_t *w)
{
    struct sigaction action;
    volatile char *page = page_to_read();
    unsigned seed = 3;

    take(catch_fault, 0);
    write_some(w, &seed);
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = hand_on;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, &below);
    write_some(w, &seed);
    page[0] = 1;
}

static void be_sent_the_signal(const world_t *w)
{
    unsigned seed = 3;

    take(SIG_DFL, 0);
    write_some(w, &seed);
    kill(getpid(), SIGSEGV);
}

static void be_sent_what_is_ignored(const world_t *w)
{
    unsigned seed = 3;

    take(SIG_IGN, 0);
    write_some(w, &seed);
    kill(getpid(), SIGSEGV);
    write_some(w, &seed);
    flow_arena_restore(w->arena);
    check(w);
    _exit(77);
}

static void be_sent_what_is_caught(const world_t *w)
{
    unsigned seed = 3;

    take(catch_fault, SA_RESETHAND);
    write_some(w, &seed);
    kill(getpid(), SIGSEGV);
}

static int fill_stack(volatile char *outer)
{
    volatile char here[4096];

    here[0] = outer ? outer[0] : 1;
    return here[0] ? fill_stack(here) + here[0] : 0;
}

/* Theirs has a stack of its own, for the end of the thread's. */
static void run_out_of_stack(const world_t *w)
{
    stack_t other = { 0 };
    unsigned seed = 3;

    other.ss_size = 256 << 10;
    other.ss_sp = malloc(other.ss_size);
    sigaltstack(&other, NULL);
    take(catch_fault, SA_ONSTACK);
    write_some(w, &seed);
    fill_stack(NULL);
}

static void nobody_notices_that_we_took_the_signal(void **state)
{
    static const struct {
        const char *what;
        void (*does)(const world_t *w);
        int status; /* of exit; beyond 1000 a signal */
    } cases[] = {
        { "probes", probe_often, 77 },
        { "a ring", fault_in_a_ring, 77 },
        { "kill", be_sent_the_signal, 1000 + SIGSEGV },
        { "kill, ignored", be_sent_what_is_ignored, 77 },
        { "kill, caught", be_sent_what_is_caught, 77 },
        { "stack", run_out_of_stack, 77 },
    };
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        int status = end_of_child(cases[i].does, *state);
        int got =
            WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);

        if (got != cases[i].status) {
            fail_msg("%s: %d", cases[i].what, got);
        }
    }
}

/* Who takes the signal over and over has it; we copy everything. */
static void take_turns(const world_t *w)
{
    unsigned seed = 3, i;

    for (i = 0; i < 50; ++i) {
        take(i % 2 ? catch_fault : jump_back, 0);
        write_some(w, &seed);
        flow_arena_restore(w->arena);
        check(w);
    }
    _exit(77);
}

static void a_signal_that_others_fight_for_is_left_to_them(void **state)
{
    int status = end_of_child(take_turns, *state);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 77);
}

static void *work_alone(void *arg)
{
    world_t w;
    unsigned seed = (unsigned)(size_t)arg;
    int round;

    if (flow_arena_create(&w.arena, 8 * MB) != APR_SUCCESS) {
        return arg;
    }
    fill(&w);
    for (round = 0; round < 1200; ++round) {
        write_some(&w, &seed);
        flow_arena_restore(w.arena);
        if (round % 100 == 0) {
            check(&w);
        }
    }
    flow_arena_destroy(w.arena);
    return NULL;
}

static void threads_do_not_meet(void **state)
{
    pthread_t threads[8];
    void *failed;
    size_t i;

    (void)state;
    for (i = 0; i < 8; ++i) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, work_alone, (void *)(i + 1)), 0);
    }
    for (i = 0; i < 8; ++i) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

/* How many mappings the process has. */
static unsigned mappings(void)
{
    char line[512];
    unsigned n = 0;
    FILE *f = fopen("/proc/self/maps", "r");

    while (f && fgets(line, sizeof(line), f)) {
        n += strchr(line, '\n') != NULL;
    }
    if (f) {
        fclose(f);
    }
    return n;
}

static void only_one_is_on(void)
{
    unsigned char *block = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    flow_guard_t guard = { 0 };

    flow_guard_start(&guard, block, 1 << 20);
    flow_guard_enter(&guard);
    block[0] = 1;
    flow_guard_leave(&guard);
    assert_true(guard.is_on);
    assert_int_equal(guard.n_written, 1);
    flow_guard_stop(&guard);
    munmap(block, 1 << 20);
}

/* Many blocks of which each second piece is written to. */
static void others_have_mappings_left(void **state)
{
    enum {
        BLOCKS = 60,
        LEN = 8 << 20
    };
    static flow_guard_t guards[BLOCKS];
    unsigned before = mappings();
    size_t i, at;

    (void)state;
    for (i = 0; i < BLOCKS; ++i) {
        unsigned char *block = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(block, MAP_FAILED);
        flow_guard_start(&guards[i], block, LEN);
        flow_guard_enter(&guards[i]);
        for (at = 0; at < LEN; at += 2 * guards[i].piece) {
            block[at] = 1;
        }
        flow_guard_leave(&guards[i]);
    }
    assert_true(mappings() - before < 20000);
    for (i = 0; i < BLOCKS; ++i) {
        flow_guard_stop(&guards[i]);
        munmap(guards[i].base ? guards[i].base : NULL, LEN);
    }
    /* and they are there again for the next ones */
    only_one_is_on();
}

static void what_is_not_allowed_is_off(void **state)
{
    unsigned char *block = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    flow_guard_t guard = { 0 };

    (void)state;
    flow_guard_allow(0);
    flow_guard_start(&guard, block, 1 << 20);
    flow_guard_allow(1);
    assert_false(guard.is_on);
    flow_guard_start(&guard, block + 512, 1 << 19); /* not of whole pages */
    assert_false(guard.is_on);
    flow_guard_start(&guard, block, (1 << 19) + 512);
    assert_false(guard.is_on);
    memset(block, 1, 1 << 20);
    munmap(block, 1 << 20);
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
        with_world(nobody_notices_that_we_took_the_signal),
        with_world(a_signal_that_others_fight_for_is_left_to_them),
        cmocka_unit_test(threads_do_not_meet),
        cmocka_unit_test(others_have_mappings_left),
        cmocka_unit_test(what_is_not_allowed_is_off),
        cmocka_unit_test(only_what_was_written_counts),
    };

    flow_guard_allow(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

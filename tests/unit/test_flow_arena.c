/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "script/flow_arena.h"
#include "tests/unit/script_fixture.h"

#define MB ((size_t)1 << 20)

typedef struct piece_t {
    unsigned char *at;
    size_t size;
    unsigned char mark;
} piece_t;

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 8;
}

static size_t random_size(unsigned *seed)
{
    unsigned kind = next_random(seed) % 10;

    if (kind < 7) {
        return next_random(seed) % 200 + 1;
    }
    return kind < 9 ? next_random(seed) % 5000 + 1
                    : next_random(seed) % 200000 + 1;
}

static void check_piece(const piece_t *piece)
{
    size_t i;

    assert_int_equal((uintptr_t)piece->at % 8, 0);
    for (i = 0; i < piece->size; ++i) {
        if (piece->at[i] != piece->mark) {
            fail_msg("byte %u of %u was overwritten", (unsigned)i,
                     (unsigned)piece->size);
        }
    }
}

static void pieces_do_not_touch_each_other(void **state)
{
    static piece_t pieces[300];
    flow_arena_t *arena = *state;
    unsigned seed = 7;
    int round;

    memset(pieces, 0, sizeof(pieces));
    for (round = 0; round < 30000; ++round) {
        piece_t *piece = &pieces[next_random(&seed) % COUNT(pieces)];
        size_t size = random_size(&seed);

        if (piece->at) {
            check_piece(piece);
        }
        if (next_random(&seed) % 3 == 0) {
            assert_null(flow_arena_realloc(arena, piece->at, 0));
            piece->at = NULL;
            piece->size = 0;
            continue;
        }
        piece->at = flow_arena_realloc(arena, piece->at, size);
        assert_non_null(piece->at);
        if (piece->size < size) {
            check_piece(piece); /* it came along */
        }
        piece->size = size;
        piece->mark = (unsigned char)round;
        memset(piece->at, piece->mark, size);
    }
    assert_false(flow_arena_is_exhausted(arena));
}

static void what_is_freed_is_used_again(void **state)
{
    flow_arena_t *arena = *state;
    char *text = flow_arena_realloc(arena, NULL, 1);
    size_t i, used;

    /* a text that grows by copying, as scripts do it */
    for (i = 2; i < 3000; ++i) {
        char *longer = flow_arena_realloc(arena, NULL, i * 100);
        assert_non_null(longer);
        flow_arena_realloc(arena, text, 0);
        text = longer;
    }
    assert_true(flow_arena_used(arena) < 2 * MB);
    flow_arena_realloc(arena, text, 0);
    used = flow_arena_used(arena);
    assert_true(used < 64 * 1024);
}

static void the_limit_is_the_arenas_size(void **state)
{
    flow_arena_t *arena = *state;
    size_t total = 0;

    while (flow_arena_realloc(arena, NULL, 100000)) {
        total += 100000;
    }
    assert_true(flow_arena_is_exhausted(arena));
    assert_true(total > 7 * MB && total < 8 * MB);
    assert_null(flow_arena_realloc(arena, NULL, 0x7fffffff));
    assert_null(flow_arena_realloc(arena, NULL, (size_t)-1));
}

static void a_restored_arena_is_what_it_was(void **state)
{
    flow_arena_t *arena = *state;
    char *stack = flow_arena_unsaved(arena, 100000);
    char *kept = flow_arena_realloc(arena, NULL, 1000);
    char *freed = flow_arena_realloc(arena, NULL, 1000);
    char *again;
    size_t used;
    int i;

    assert_non_null(stack);
    memset(stack, 'h', 100000);
    memset(kept, 'k', 1000);
    flow_arena_realloc(arena, freed, 0);
    used = flow_arena_used(arena);
    assert_int_equal(flow_arena_snapshot(arena, stack, 100), APR_SUCCESS);

    for (i = 0; i < 3; ++i) {
        memset(stack, 'x', 100000);
        memset(kept, 'x', 1000);
        while (flow_arena_realloc(arena, NULL, 5000)) {
        }
        assert_true(flow_arena_is_exhausted(arena));
        flow_arena_restore(arena);
        assert_false(flow_arena_is_exhausted(arena));
        assert_int_equal(flow_arena_used(arena), used);
        assert_int_equal(stack[0], 'h');
        assert_int_equal(stack[99], 'h');
        assert_int_equal(stack[100], 'x'); /* not saved */
        assert_int_equal(kept[999], 'k');
        again = flow_arena_realloc(arena, NULL, 1000);
        assert_ptr_equal(again, freed);
        flow_arena_realloc(arena, again, 0);
    }
}

static void a_trimmed_arena_is_small(void **state)
{
    flow_arena_t *arena = *state;
    char *stack = flow_arena_unsaved(arena, MB);
    char *kept = flow_arena_realloc(arena, NULL, 100);
    long before, grown;

    memset(kept, 'k', 100);
    flow_arena_snapshot(arena, stack, 100);
    before = resident_kb();
    memset(stack, 1, MB);
    memset(flow_arena_realloc(arena, NULL, 5 * MB), 1, 5 * MB);
    grown = resident_kb();
    assert_true(grown - before > 5000);
    assert_true(flow_arena_resident(arena) > 5 * MB);
    flow_arena_trim(arena, 64 * 1024);
    flow_arena_drop_unsaved(arena);
    assert_true(resident_kb() - before < 1000);
    assert_true(flow_arena_resident(arena) < MB);
    flow_arena_restore(arena);
    assert_int_equal(kept[99], 'k');
}

static void an_arena_that_is_reset_is_empty(void **state)
{
    flow_arena_t *arena = *state;

    flow_arena_unsaved(arena, 4096);
    flow_arena_realloc(arena, NULL, MB);
    assert_null(flow_arena_unsaved(arena, 4096)); /* too late */
    flow_arena_reset(arena);
    assert_int_equal(flow_arena_used(arena), 0);
    assert_non_null(flow_arena_unsaved(arena, 4096));
    assert_non_null(flow_arena_realloc(arena, NULL, 7 * MB));
}

static void sizes_that_make_no_sense_are_refused(void **state)
{
    flow_arena_t *arena;

    (void)state;
    assert_int_equal(flow_arena_create(&arena, 4096), APR_EINVAL);
    assert_null(arena);
    assert_int_equal(flow_arena_create(&arena, (size_t)-1), APR_EINVAL);
    assert_null(arena);
}

static int setup(void **state)
{
    flow_arena_t *arena;

    if (flow_arena_create(&arena, 8 * MB) != APR_SUCCESS) {
        return -1;
    }
    *state = arena;
    return 0;
}

static int teardown(void **state)
{
    flow_arena_destroy(*state);
    return 0;
}

#define with_arena(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_arena(pieces_do_not_touch_each_other),
        with_arena(what_is_freed_is_used_again),
        with_arena(the_limit_is_the_arenas_size),
        with_arena(a_restored_arena_is_what_it_was),
        with_arena(a_trimmed_arena_is_small),
        with_arena(an_arena_that_is_reset_is_empty),
        cmocka_unit_test(sizes_that_make_no_sense_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "script/flow_arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "script/flow_guard.h"

/*
 * The heap is a row of blocks, each a multiple of 16 bytes with a header of 8:
 * its own size and the size of the block before it, so that both neighbours
 * are found and free ones joined at once. Behind the last block lies untouched
 * space ("top"); a free block there is given back to it, so the used part of
 * the heap shrinks again. Free blocks hang in lists by size: exact ones up to
 * 1 KB, above that eight lists for each power of two.
 *
 * All links are offsets from the heap's start in 32 bits; 0 is none.
 */
#define UNIT       16u
#define HEADER     8u
#define SMALL_BINS 64u /* sizes 16, 32, ... 1024 */
#define LARGE_BINS (22u * 8u)
#define BINS       (SMALL_BINS + LARGE_BINS)
#define BIN_WORDS  ((BINS + 63u) / 64u)
#define PAGE       4096u

/* What of the unsaved space is in use after an ordinary call. */
#define STACKS_GUESS ((size_t)64 << 10)

/* From this size on a snapshot is put back piece by piece, those that were
 * written to. Of smaller ones nearly all is, and copying is faster. */
#define GUARD_FROM ((size_t)64 << 10)

typedef struct block_t {
    uint32_t size;   /* of this block with its header; bit 0: in use */
    uint32_t before; /* size of the block before this one, 0 for the first */
    uint32_t next, prev; /* when free: neighbours in the list */
} block_t;

/* Stands at the heap's start, so that a snapshot holds it. */
typedef struct heap_t {
    uint32_t top;  /* offset of the untouched space */
    uint32_t last; /* size of the block before top */
    uint64_t used_bins[BIN_WORDS];
    uint32_t bins[BINS];
} heap_t;

struct flow_arena_t {
    unsigned char *base; /* the mapping: unsaved space, then the heap */
    size_t size;
    size_t unsaved; /* bytes of it; the heap begins behind them */
    heap_t *heap;   /* NULL until the first allocation */
    uint32_t limit; /* heap bytes */
    uint32_t peak;  /* highest top since the last trim */
    int exhausted;
    unsigned char *copy; /* snapshot: head bytes, then heap bytes */
    size_t copy_size;
    void *head;
    size_t head_len, heap_len;
    flow_guard_t guard; /* of the snapshot's whole pages */
};

static block_t *at(const heap_t *heap, uint32_t offset)
{
    return (block_t *)(void *)((unsigned char *)(uintptr_t)heap + offset);
}

static uint32_t offset_of(const heap_t *heap, const block_t *block)
{
    return (uint32_t)((const unsigned char *)block -
                      (const unsigned char *)heap);
}

static uint32_t size_of(const block_t *block)
{
    return block->size & ~1u;
}

static uint32_t first_block(void)
{
    /* 8 below a multiple of 16, so that what callers get is aligned */
    return (uint32_t)((sizeof(heap_t) + HEADER + UNIT - 1) / UNIT * UNIT) +
           UNIT - HEADER;
}

apr_status_t flow_arena_create(flow_arena_t **parena, size_t size)
{
    flow_arena_t *arena;
    void *base;

    *parena = NULL;
    size = (size + PAGE - 1) / PAGE * PAGE;
    if (size < FLOW_ARENA_MIN || size > FLOW_ARENA_MAX) {
        return APR_EINVAL;
    }
    arena = calloc(1, sizeof(*arena));
    if (!arena) {
        return APR_ENOMEM;
    }
    base = mmap(NULL, size, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        free(arena);
        return APR_ENOMEM;
    }
    /* A huge page would make 2 MB resident for a state of 200 KB. */
    (void)madvise(base, size, MADV_NOHUGEPAGE);
    arena->base = base;
    arena->size = size;
    *parena = arena;
    return APR_SUCCESS;
}

void flow_arena_destroy(flow_arena_t *arena)
{
    if (arena) {
        flow_guard_stop(&arena->guard);
        (void)munmap(arena->base, arena->size);
        free(arena->copy);
        free(arena);
    }
}

void flow_arena_reset(flow_arena_t *arena)
{
    flow_guard_stop(&arena->guard);
    arena->unsaved = 0;
    arena->heap = NULL;
    arena->exhausted = 0;
    arena->head = NULL;
    arena->head_len = arena->heap_len = 0;
    arena->peak = 0;
    (void)madvise(arena->base, arena->size, MADV_DONTNEED);
}

void *flow_arena_unsaved(flow_arena_t *arena, size_t size)
{
    void *ptr = arena->base + arena->unsaved;

    size = (size + PAGE - 1) / PAGE * PAGE;
    /* The heap must not have begun yet, and wants some room itself. */
    if (arena->heap || size > arena->size - arena->unsaved - (1u << 20)) {
        arena->exhausted = 1;
        return NULL;
    }
    arena->unsaved += size;
    return ptr;
}

static heap_t *start_heap(flow_arena_t *arena)
{
    heap_t *heap = (heap_t *)(void *)(arena->base + arena->unsaved);

    memset(heap, 0, sizeof(*heap));
    heap->top = first_block();
    arena->heap = heap;
    arena->limit = (uint32_t)(arena->size - arena->unsaved);
    arena->peak = heap->top;
    return heap;
}

/* ---- lists of free blocks ---- */

static unsigned bin_of(uint32_t size)
{
    unsigned log;

    if (size <= SMALL_BINS * UNIT) {
        return size / UNIT - 1;
    }
    log = 31u - (unsigned)__builtin_clz(size);
    return SMALL_BINS + (log - 10) * 8 + ((size >> (log - 3)) & 7);
}

static void unlink_block(heap_t *heap, block_t *block)
{
    unsigned bin = bin_of(size_of(block));

    if (block->next) {
        at(heap, block->next)->prev = block->prev;
    }
    if (block->prev) {
        at(heap, block->prev)->next = block->next;
        return;
    }
    heap->bins[bin] = block->next;
    if (!block->next) {
        heap->used_bins[bin / 64] &= ~(1ull << (bin % 64));
    }
}

static void link_block(heap_t *heap, block_t *block)
{
    unsigned bin = bin_of(size_of(block));

    block->prev = 0;
    block->next = heap->bins[bin];
    if (block->next) {
        at(heap, block->next)->prev = offset_of(heap, block);
    }
    heap->bins[bin] = offset_of(heap, block);
    heap->used_bins[bin / 64] |= 1ull << (bin % 64);
}

/* The first bin that is not empty, from @a bin on; BINS when there is none. */
static unsigned next_bin(const heap_t *heap, unsigned bin)
{
    unsigned word = bin / 64;
    uint64_t bits;

    if (bin >= BINS) {
        return BINS;
    }
    bits = heap->used_bins[word] & (~0ull << (bin % 64));
    while (!bits && ++word < BIN_WORDS) {
        bits = heap->used_bins[word];
    }
    return bits ? word * 64 + (unsigned)__builtin_ctzll(bits) : BINS;
}

/* Tell the block (or top) behind @a block how large that one is. */
static void note_size(heap_t *heap, const block_t *block)
{
    uint32_t end = offset_of(heap, block) + size_of(block);

    if (end == heap->top) {
        heap->last = size_of(block);
    }
    else {
        at(heap, end)->before = size_of(block);
    }
}

/* Cut a used block down to @a size and free what is left of it. */
static void split_block(heap_t *heap, block_t *block, uint32_t size)
{
    uint32_t rest = size_of(block) - size;
    block_t *tail;

    if (rest < 2 * UNIT) {
        return;
    }
    block->size = size | 1u;
    tail = at(heap, offset_of(heap, block) + size);
    tail->size = rest;
    tail->before = size;
    note_size(heap, tail);
    link_block(heap, tail);
}

static block_t *take_free(heap_t *heap, uint32_t size)
{
    unsigned bin = bin_of(size);
    block_t *block = NULL;

    /* The first of the own bin may fit; all of the later bins do. */
    if (heap->bins[bin] && size_of(at(heap, heap->bins[bin])) >= size) {
        block = at(heap, heap->bins[bin]);
    }
    else {
        bin = next_bin(heap, bin + 1);
        if (bin == BINS) {
            return NULL;
        }
        block = at(heap, heap->bins[bin]);
    }
    unlink_block(heap, block);
    block->size |= 1u;
    split_block(heap, block, size);
    return block;
}

static block_t *take_top(flow_arena_t *arena, uint32_t size)
{
    heap_t *heap = arena->heap;
    block_t *block;

    if (size > arena->limit - heap->top) {
        arena->exhausted = 1;
        return NULL;
    }
    block = at(heap, heap->top);
    block->size = size | 1u;
    block->before = heap->last;
    heap->last = size;
    heap->top += size;
    if (heap->top > arena->peak) {
        arena->peak = heap->top;
    }
    return block;
}

static void free_block(heap_t *heap, block_t *block)
{
    uint32_t end = offset_of(heap, block) + size_of(block);

    block->size = size_of(block);
    if (end != heap->top) {
        block_t *behind = at(heap, end);
        if (!(behind->size & 1u)) {
            unlink_block(heap, behind);
            block->size += behind->size;
        }
    }
    if (block->before) {
        block_t *before = at(heap, offset_of(heap, block) - block->before);
        if (!(before->size & 1u)) {
            unlink_block(heap, before);
            before->size += block->size;
            block = before;
        }
    }
    end = offset_of(heap, block) + block->size;
    if (end == heap->top) {
        heap->top = offset_of(heap, block);
        heap->last = block->before;
        return;
    }
    note_size(heap, block);
    link_block(heap, block);
}

/* Give back what a much too large block does not need. */
static void shrink_block(heap_t *heap, block_t *block, uint32_t size)
{
    uint32_t rest = size_of(block) - size;
    block_t *tail;

    if (rest < size + 2 * UNIT) {
        return;
    }
    block->size = size | 1u;
    tail = at(heap, offset_of(heap, block) + size);
    tail->size = rest | 1u;
    tail->before = size;
    note_size(heap, tail);
    free_block(heap, tail);
}

/* Make a used block larger without moving it. */
static int grow_block(flow_arena_t *arena, block_t *block, uint32_t size)
{
    heap_t *heap = arena->heap;
    uint32_t end = offset_of(heap, block) + size_of(block);
    uint32_t more = size - size_of(block);
    block_t *behind = at(heap, end);

    if (end == heap->top) {
        if (more > arena->limit - heap->top) {
            return 0;
        }
        heap->top += more;
        heap->last = size;
        block->size = size | 1u;
        if (heap->top > arena->peak) {
            arena->peak = heap->top;
        }
        return 1;
    }
    if ((behind->size & 1u) || behind->size < more) {
        return 0;
    }
    unlink_block(heap, behind);
    block->size += behind->size;
    note_size(heap, block);
    split_block(heap, block, size);
    return 1;
}

void *flow_arena_realloc(flow_arena_t *arena, void *ptr, size_t size)
{
    heap_t *heap = arena->heap ? arena->heap : start_heap(arena);
    block_t *old = NULL, *block;
    uint32_t need;

    if (ptr) {
        old = (block_t *)(void *)((unsigned char *)ptr - HEADER);
        if (size == 0) {
            free_block(heap, old);
            return NULL;
        }
    }
    if (size == 0) {
        return NULL;
    }
    if (size > FLOW_ARENA_MAX) {
        arena->exhausted = 1;
        return NULL;
    }
    need = (uint32_t)((size + HEADER + UNIT - 1) / UNIT * UNIT);
    if (old && size_of(old) >= need) {
        shrink_block(heap, old, need);
        return ptr;
    }
    if (old && grow_block(arena, old, need)) {
        return ptr;
    }
    block = take_free(heap, need);
    if (!block) {
        block = take_top(arena, need);
    }
    if (!block) {
        return NULL;
    }
    if (old) {
        memcpy((unsigned char *)block + HEADER, ptr, size_of(old) - HEADER);
        free_block(heap, old);
    }
    return (unsigned char *)block + HEADER;
}

int flow_arena_is_exhausted(const flow_arena_t *arena)
{
    return arena->exhausted;
}

size_t flow_arena_used(const flow_arena_t *arena)
{
    return arena->heap ? arena->heap->top : 0;
}

/* ---- snapshots ---- */

apr_status_t flow_arena_snapshot(flow_arena_t *arena, void *head, size_t len)
{
    size_t used = flow_arena_used(arena);
    unsigned char *copy = arena->copy;

    if (arena->copy_size < len + used) {
        copy = realloc(arena->copy, len + used);
        if (!copy) {
            return APR_ENOMEM;
        }
        arena->copy = copy;
        arena->copy_size = len + used;
    }
    memcpy(copy, head, len);
    memcpy(copy + len, arena->heap, used);
    arena->head = head;
    arena->head_len = len;
    arena->heap_len = used;
    if (used >= GUARD_FROM) {
        flow_guard_start(&arena->guard, arena->heap, used / PAGE * PAGE);
    }
    return APR_SUCCESS;
}

/* Put back what was written to; neighbours at once. */
static void restore_pieces(flow_arena_t *arena)
{
    flow_guard_t *guard = &arena->guard;
    unsigned char *to = (unsigned char *)arena->heap;
    const unsigned char *from = arena->copy + arena->head_len;
    size_t i, n, at, len;
    size_t pieces = (guard->len + guard->piece - 1) / guard->piece;

    for (i = 0; i < pieces; i += n) {
        for (n = 0; i + n < pieces && guard->written[i + n]; ++n) {
        }
        if (n == 0) {
            n = 1;
            continue;
        }
        at = i * guard->piece;
        len = n * guard->piece;
        memcpy(to + at, from + at,
               len < guard->len - at ? len : guard->len - at);
    }
    memcpy(to + guard->len, from + guard->len, arena->heap_len - guard->len);
}

void flow_arena_restore(flow_arena_t *arena)
{
    memcpy(arena->head, arena->copy, arena->head_len);
    if (arena->guard.is_on) {
        restore_pieces(arena);
        flow_guard_again(&arena->guard);
    }
    else {
        memcpy(arena->heap, arena->copy + arena->head_len, arena->heap_len);
    }
    arena->exhausted = 0;
}

void flow_arena_enter(flow_arena_t *arena)
{
    flow_guard_enter(&arena->guard);
}

void flow_arena_leave(flow_arena_t *arena)
{
    flow_guard_leave(&arena->guard);
}

void flow_arena_trim(flow_arena_t *arena, size_t keep)
{
    size_t from = (arena->heap_len + keep + PAGE - 1) / PAGE * PAGE;
    size_t heap_at = (size_t)((unsigned char *)arena->heap - arena->base);

    /* The heap begins at a page, so whole pages of it are whole pages. */
    if (arena->peak > from) {
        (void)madvise(arena->base + heap_at + from, arena->limit - from,
                      MADV_DONTNEED);
        arena->peak = (uint32_t)from;
    }
}

void flow_arena_drop_unsaved(flow_arena_t *arena)
{
    size_t keep = (arena->head_len + PAGE - 1) / PAGE * PAGE;

    if (arena->unsaved > keep) {
        (void)madvise(arena->base + keep, arena->unsaved - keep, MADV_DONTNEED);
    }
}

size_t flow_arena_resident(const flow_arena_t *arena)
{
    size_t stacks =
        arena->unsaved < STACKS_GUESS ? arena->unsaved : STACKS_GUESS;

    return arena->copy_size + stacks + arena->peak;
}

size_t flow_arena_size(const flow_arena_t *arena)
{
    return arena->size;
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_ARENA_H
#define FLOW_ARENA_H

#include <stddef.h>

#include <apr_errno.h>

/**
 * One block of memory with an allocator inside: what a mujs state lives in.
 *
 * Everything that the allocator knows stands in the block, so a copy of its
 * used bytes is a copy of the whole world in it, and copying them back (to the
 * same address) undoes whatever happened in between. The block's size is the
 * memory limit. Pages are taken from the system as they are touched.
 *
 * Two parts: "unsaved" space from the front, for stacks whose old contents
 * nobody needs, and the heap, of which snapshots are made.
 *
 * No function takes a lock or calls the C library's heap, save for create,
 * destroy and snapshot; alloc, realloc and free may be left by a jump at any
 * instruction when the next thing done to the arena is restore or reset. One
 * thread at a time.
 */
typedef struct flow_arena_t flow_arena_t;

#define FLOW_ARENA_MIN (2u << 20)
#define FLOW_ARENA_MAX (2047u << 20)

/** @a size bytes, a multiple of the page size within the bounds above. */
apr_status_t flow_arena_create(flow_arena_t **parena, size_t size);
void flow_arena_destroy(flow_arena_t *arena);

/** Empty, without a snapshot. */
void flow_arena_reset(flow_arena_t *arena);

/**
 * realloc() and free() as mujs wants them: size 0 frees. Memory is aligned to
 * 8 bytes. NULL when the limit is reached; flow_arena_is_exhausted() then says
 * so until the next restore.
 */
void *flow_arena_realloc(flow_arena_t *arena, void *ptr, size_t size);
/** Space that snapshots leave out; aligned to a page. Never freed. */
void *flow_arena_unsaved(flow_arena_t *arena, size_t size);
int flow_arena_is_exhausted(const flow_arena_t *arena);

/**
 * Keep a copy of the heap, and of the @a len bytes at @a head (which lie in
 * unsaved space). APR_ENOMEM when there is no memory for the copy.
 */
apr_status_t flow_arena_snapshot(flow_arena_t *arena, void *head, size_t len);
void flow_arena_restore(flow_arena_t *arena);

/**
 * Around everything that writes to an arena that has a snapshot: of a large one
 * it is noted what was written to, and only that is put back (flow_guard.h).
 * On one thread; calls nest.
 */
void flow_arena_enter(flow_arena_t *arena);
void flow_arena_leave(flow_arena_t *arena);

/** Give back to the system what lies more than @a keep bytes beyond the
 * snapshot. */
void flow_arena_trim(flow_arena_t *arena, size_t keep);

/** Give back the unsaved space, save for the snapshot's head. */
void flow_arena_drop_unsaved(flow_arena_t *arena);

/** Bytes that the arena and its copy are likely to occupy. */
size_t flow_arena_resident(const flow_arena_t *arena);
/** Bytes of the block. */
size_t flow_arena_size(const flow_arena_t *arena);
/** Bytes of the heap in use, gaps included. */
size_t flow_arena_used(const flow_arena_t *arena);

#endif

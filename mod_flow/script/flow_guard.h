/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_GUARD_H
#define FLOW_GUARD_H

#include <stddef.h>

/**
 * Which parts of a block of memory have been written to.
 *
 * The block is made read-only; the first write to a piece of it faults, and
 * the fault's handler notes the piece and lets it be written to from then on.
 * What was noted once stays writable, so that a block of which always the same
 * pieces are written costs no more faults; every now and then flow_guard_again()
 * forgets and learns anew.
 *
 * Faults that are no guard's, and signals that were sent, go where they went
 * before. Writes by the kernel (a system call with a buffer in the block) would
 * fail instead of fault: there must be none. One thread at a time, save that
 * the handler is the process's.
 */
#define FLOW_GUARD_PIECES 512

typedef struct flow_guard_t {
    unsigned char *base; /* of whole pages */
    size_t len, piece;   /* bytes */
    int is_on;           /* 0: nobody knows, all may have been written to */
    unsigned n_written;  /* pieces that count as mappings */
    unsigned rounds;
    unsigned char written[FLOW_GUARD_PIECES]; /* 1: it has, or may have been */
    struct flow_guard_t *outer;
} flow_guard_t;

/** May guards be on? Not until this says so: a process that only checks
 * scripts leaves the signal alone. Nor under Valgrind. */
void flow_guard_allow(int is_on);

/** Watch @a len bytes at @a base, whole pages. When that cannot be had, the
 * guard is off. */
void flow_guard_start(flow_guard_t *guard, void *base, size_t len);
/** The block can be written to as before. */
void flow_guard_stop(flow_guard_t *guard);

/** The calling thread is about to write, or has done so. Calls nest. */
void flow_guard_enter(flow_guard_t *guard);
void flow_guard_leave(flow_guard_t *guard);

/** The block is again what it was: when it is time, forget what was noted. */
void flow_guard_again(flow_guard_t *guard);

#endif

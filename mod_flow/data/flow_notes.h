/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_NOTES_H
#define FLOW_NOTES_H

#include "base/flow_error.h"

/**
 * The mistakes of one document: each is told, the first is kept, and compiling
 * goes on so that an author sees all of them at once. One thread.
 */
typedef void flow_notes_fn(void *baton, const flow_error_t *err);

typedef struct flow_notes_t {
    flow_notes_fn *tell; /* may be NULL */
    void *baton;
    flow_error_t now; /* what is being compiled complains here */
    flow_error_t first;
    int n;
} flow_notes_t;

#define FLOW_NOTES_MAX 100 /* told; what is wrong beyond that shows later */

void flow_notes_init(flow_notes_t *notes, flow_notes_fn *tell, void *baton);
/** Take the complaint in notes->now, if there is one. Returns @a rv. */
apr_status_t flow_notes_take(flow_notes_t *notes, apr_status_t rv);
/** APR_SUCCESS, or the first mistake in @a err (may be NULL). */
apr_status_t flow_notes_end(const flow_notes_t *notes, flow_error_t *err);

#endif

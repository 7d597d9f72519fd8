/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_NEAREST_H
#define FLOW_NEAREST_H

#include <apr.h>

/**
 * For messages: which of the known names did somebody mean? Compares without
 * regard to case; two swapped letters count as one slip. Allocates nothing;
 * any thread.
 *
 * NULL when nothing is near (more than one slip in three letters), so that a
 * message does not suggest nonsense. Of equally near names the first wins.
 * A word or name longer than 64 bytes is never near.
 */
const char *flow_nearest(const char *word, const char *const *known,
                         apr_size_t n);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_PATTERN_H
#define FLOW_PATTERN_H

#include <apr_pools.h>

#include "base/flow_error.h"

/**
 * Regular expressions in JavaScript's manner, on PCRE2, with bounds: a pattern
 * of at most 4,096 bytes, a million backtracking steps, 8 MB and about one
 * second per search. A compiled pattern is immutable; any thread.
 */
typedef struct flow_pattern_t flow_pattern_t;

/** Freed with @a p. An error has code "pattern_syntax", the given kind, and
 * says at which character. */
apr_status_t flow_pattern_compile(flow_pattern_t **ppattern, const char *text,
                                  apr_size_t len, flow_error_kind_e kind,
                                  apr_pool_t *p, flow_error_t *err);

/** Unanchored search; *pmatch is 0 or 1. A search that runs into a bound is
 * FLOW_E_INPUT "pattern_limit". @a s is valid UTF-8. */
apr_status_t flow_pattern_search(const flow_pattern_t *pattern, const char *s,
                                 apr_size_t len, int *pmatch,
                                 flow_error_t *err);

#endif

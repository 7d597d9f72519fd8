/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_PATTERN_H
#define FLOW_PATTERN_H

#include <apr_pools.h>
#include <apr_time.h>

#include "base/flow_error.h"

/**
 * Regular expressions in JavaScript's manner, on PCRE2, with bounds: a pattern
 * of at most 4,096 bytes, a million backtracking steps, 8 MB and about one
 * second per search. A compiled pattern is immutable; any thread.
 *
 * Not as in JavaScript: a look-behind must have a length (or a few), and \s
 * and \w know ASCII only.
 */
typedef struct flow_pattern_t flow_pattern_t;

/** Freed with @a p. An error has code "pattern_syntax", the given kind, and
 * says at which character. */
apr_status_t flow_pattern_compile(flow_pattern_t **ppattern, const char *text,
                                  apr_size_t len, flow_error_kind_e kind,
                                  apr_pool_t *p, flow_error_t *err);
/** With JavaScript's flags: any of "gimsuy", of which g, u and y are for the
 * caller to know. */
apr_status_t flow_pattern_compile_flags(flow_pattern_t **ppattern,
                                        const char *text, apr_size_t len,
                                        const char *flags,
                                        flow_error_kind_e kind, apr_pool_t *p,
                                        flow_error_t *err);

/** Unanchored search; *pmatch is 0 or 1. A search that runs into a bound is
 * FLOW_E_INPUT "pattern_limit". @a s is valid UTF-8. */
apr_status_t flow_pattern_search(const flow_pattern_t *pattern, const char *s,
                                 apr_size_t len, int *pmatch,
                                 flow_error_t *err);

/**
 * All matches of a text, one after the other, and what their groups matched.
 * The second that a search may take is that of the whole scan.
 */
typedef struct flow_pattern_scan_t {
    const flow_pattern_t *pattern;
    const char *s;
    apr_size_t len;
    /** Of the match found last. groups[2 * i] and [2 * i + 1] are where group i
     * begins and ends; FLOW_PATTERN_UNSET when it took no part. Group 0 is the
     * match. */
    const size_t *groups;
    int n_groups;
    void *match;
    apr_size_t at; /* where the next search starts */
    apr_time_t end;
    int has_begun;
} flow_pattern_scan_t;

#define FLOW_PATTERN_UNSET ((size_t)-1)

apr_status_t flow_pattern_scan_begin(flow_pattern_scan_t *scan,
                                     const flow_pattern_t *pattern,
                                     const char *s, apr_size_t len,
                                     flow_error_t *err);
/** *pfound is 0 when there is no further match. */
apr_status_t flow_pattern_scan_next(flow_pattern_scan_t *scan, int *pfound,
                                    flow_error_t *err);
void flow_pattern_scan_end(flow_pattern_scan_t *scan);
/** The number of the group of that name, or -1. */
int flow_pattern_group(const flow_pattern_t *pattern, const char *name);

#endif

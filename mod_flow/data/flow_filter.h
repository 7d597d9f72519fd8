/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_FILTER_H
#define FLOW_FILTER_H

#include <apr_pools.h>

#include "base/flow_error.h"
#include "data/flow_tree.h"

/**
 * Filter expressions: prefix arrays such as
 * ["and", ["notempty", ["extract", "email"]],
 *         ["greaterthan", ["number", ["extract", "total"]], 100]].
 *
 * equals notequals greaterthan greaterthanequals lessthan lessthanequals
 * startswith endswith contains doesnotcontain matches anyof, empty notempty
 * (isempty isnotempty accepted), and or not; operands: literals, ["extract",
 * path], ["settings", path], ["context", path], casts string number boolean
 * epochtime, and lowercase uppercase ceiling floor abs. Text compares as text,
 * case-sensitively; numbers compare as numbers. `matches` is an unanchored
 * PCRE2 search with bounded backtracking; one that runs into the bound is an
 * error on the record. Unknown operators are refused by name when compiled
 * ("filter_operator", with the nearest known one).
 *
 * Accepts {version, rules}, {expression:{version,rules}, ...} or bare rules.
 * Immutable once compiled; any thread.
 */
typedef struct flow_filter_t flow_filter_t;

apr_status_t flow_filter_compile(flow_filter_t **pfilter, const json_t *doc,
                                 apr_pool_t *p, flow_error_t *err);

/** @a context: an object with optional members "settings" and "context", or
 * NULL. *pmatch is 0 or 1. */
apr_status_t flow_filter_match(const flow_filter_t *filter,
                               const json_t *record, const json_t *context,
                               int *pmatch, apr_pool_t *scratch,
                               flow_error_t *err);

#endif

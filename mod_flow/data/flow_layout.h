/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_LAYOUT_H
#define FLOW_LAYOUT_H

#include <apr_pools.h>

#include "base/flow_buf.h"
#include "base/flow_error.h"
#include "data/flow_tree.h"

/**
 * Fixed width: a row is cut by position, not by delimiters.
 *
 *   {"format": "fixed", "rowDelimiter": "\n",
 *    "rules": [{"name": "order",
 *               "elements": [{"name": "type", "size": 1, "value": "H"},
 *                            {"name": "id", "size": 8, "align": "right",
 *                             "fill": "0"}],
 *               "children": [{"name": "lines", "elements": [...]}]}]}
 *
 * A row belongs to the first rule all of whose `value`s stand in it; of the
 * rules that may come next: children of the rule before it first, then those
 * of the rules around it. A row of an outermost rule begins a record; rows of
 * a child rule are collected in an array under its name. Sizes are in
 * characters. Reading drops fill on the side where it is put (of zeros one is
 * left) and blanks at both ends; a row may be shorter. Writing refuses a value
 * that is too long.
 */
typedef struct flow_layout_t flow_layout_t; /* immutable, any thread */

/** NULL (FLOW_E_CONFIG "invalid_layout", naming the place) when @a doc, an
 * object, is no layout. */
const flow_layout_t *flow_layout_compile(const json_t *doc, apr_pool_t *p,
                                         flow_error_t *err);

/** Append the row of @a record and those of its children. FLOW_E_INPUT; @a out
 * is as it was then. */
apr_status_t flow_layout_write(flow_buf_t *out, const flow_layout_t *layout,
                               const json_t *record, apr_pool_t *scratch,
                               flow_error_t *err);

#endif

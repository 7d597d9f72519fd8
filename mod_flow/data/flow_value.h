/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_VALUE_H
#define FLOW_VALUE_H

#include <apr_pools.h>

#include "data/flow_tree.h"

/**
 * What filters and mappings agree on: when a value is empty, when it is true,
 * and how one type becomes another. NULL is a missing value. Any thread.
 */

/** Missing, null, "", [] or {}. */
int flow_value_is_empty(const json_t *v);
/** JavaScript's truthiness, except that the texts "false" (in any case) and
 * "0" are false: files and query strings have no other way to say so. */
int flow_value_is_true(const json_t *v);
/** New. Numbers are shared, text keeps its digits ("19.90" is 19.90; "007",
 * "+1", ".5", "5." and blanks around are read too), booleans are 1 and 0, of an
 * array its elements joined by commas are read. NULL when that is no number. */
json_t *flow_value_to_number(const json_t *v, apr_pool_t *scratch);
/** New: flow_json_to_text() as a value; text is shared. NULL only when out of
 * memory. */
json_t *flow_value_to_string(const json_t *v, apr_pool_t *scratch);

/** A new object or array with the same (shared) members; other values are
 * shared as they are. jansson's json_copy(), json_deep_copy() and
 * json_object_update() cut keys at U+0000: do not use them on records. */
json_t *flow_value_copy(const json_t *v);
/** Put the members of @a from into @a object. 0, or -1 when out of memory. */
int flow_value_update(json_t *object, const json_t *from);

#endif

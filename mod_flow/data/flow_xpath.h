/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_XPATH_H
#define FLOW_XPATH_H

#include <apr_pools.h>

#include "base/flow_error.h"
#include "data/flow_tree.h"

/**
 * The part of XPath that finds records in a document that nobody holds as a
 * whole: "/orders/order", "//item", "/a/" "*" "/c", "order[@type='new']".
 *
 * Steps are names, "*", or names with one attribute test each ([@a] or
 * [@a='v']); "//" skips any number of levels. A name without prefix finds
 * elements of that name in every namespace, "p:name" those written so. Inside
 * a record nothing more is looked for.
 */
typedef struct flow_xpath_t flow_xpath_t; /* immutable, any thread */

/** NULL (FLOW_E_CONFIG "invalid_xpath") when it is none of ours. */
const flow_xpath_t *flow_xpath_compile(const char *text, apr_pool_t *p,
                                       flow_error_t *err);

/** Walking down: which steps are done, as a set. */
typedef apr_uint32_t flow_xpath_set_t;
#define FLOW_XPATH_START ((flow_xpath_set_t)1)
/** The set below an element, given that of its parent. @a attribute answers
 * with the value of an attribute of the element, or NULL. */
typedef const char *flow_xpath_attribute_fn(const void *baton,
                                            const char *name);
flow_xpath_set_t flow_xpath_step(const flow_xpath_t *path,
                                 flow_xpath_set_t parent, const char *name,
                                 flow_xpath_attribute_fn *attribute,
                                 const void *baton);
int flow_xpath_is_found(const flow_xpath_t *path, flow_xpath_set_t set);

/** The same on a document in the shape of flow_xml_parse(): new array of the
 * elements found. One with nothing but text is that text or, with
 * @a as_records, {"_": text}. */
json_t *flow_xpath_select(const flow_xpath_t *path, const json_t *document,
                          int as_records);

/** The steps as names, for writing: NULL at the end, from @a p; NULL when
 * there is more in it than names. */
const char *const *flow_xpath_names(const flow_xpath_t *path, apr_pool_t *p);

#endif

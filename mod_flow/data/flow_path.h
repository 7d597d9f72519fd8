/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_PATH_H
#define FLOW_PATH_H

#include <apr_pools.h>

#include "base/flow_error.h"
#include "data/flow_tree.h"

/**
 * Paths into a record, compiled once: `a.b`, `a[0].b`, `a.0.b`, `a[*].b`,
 * `*.x` (every element of the root array), `[Name with space].x`, `['a.b']`,
 * an optional leading `$` or `$.`, "" or `$` for the root. Names are
 * case-sensitive. A path that leads nowhere gives no value, never an error.
 * `$..x`, filters `[?()]`, slices and unions are refused when compiled
 * ("path_unsupported"). At most 64 steps and 2,048 bytes; messages name the
 * column ("path_syntax").
 *
 * A compiled path is immutable and may be used by any thread.
 */
typedef struct flow_path_t flow_path_t;

apr_status_t flow_path_compile(flow_path_t **ppath, const char *text,
                               apr_pool_t *p, flow_error_t *err);
/** A path into an answer: like flow_path_compile(), but a text that begins
 * with '/' is an XPath (flow_xpath.h) into a document in the shape of
 * flow_xml_parse(). It finds the element (a text, or an object), or an array
 * of several; it cannot be set. */
apr_status_t flow_path_compile_answer(flow_path_t **ppath, const char *text,
                                      apr_pool_t *p, flow_error_t *err);
const char *flow_path_text(const flow_path_t *path);
/** Does the path hold a `*`? Then it finds any number of values. */
int flow_path_is_multi(const flow_path_t *path);

/**
 * New reference, or NULL. Without `*`: the value itself (shared with @a root:
 * do not change it). With `*`: an array of all values found (empty: NULL).
 * In an array of rows a plain name step takes the first row's field, so that
 * header fields of grouped rows are found.
 */
json_t *flow_path_get(const flow_path_t *path, const json_t *root);

/**
 * Put @a value (stolen, also on failure) at the path, making objects (or
 * arrays, for numeric steps up to 10,000) on the way. With `list[*].x` and an
 * array value, element k goes to list[k].x; with any other value every existing
 * element gets it. A name in an array of rows goes to every row.
 *
 * @a root itself must belong to the caller alone and must not be part of
 * @a value. Below it nothing need be: a container that somebody else holds too
 * is copied (one level) before it is written to, so records may share values
 * and never see each other's changes.
 * APR_EINVAL when the path is the root, runs into a scalar, or ends in an
 * array without rows.
 */
apr_status_t flow_path_set(const flow_path_t *path, json_t *root,
                           json_t *value);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_MAPPING_H
#define FLOW_MAPPING_H

#include <apr_pools.h>
#include <jansson.h>

#include "base/flow_error.h"

/**
 * Mapper 1.0 ({"fields":[...], "lists":[...]}), transform 1.0 rules and
 * response mapping, which share one syntax.
 *
 * fields[]: generate, extract (bare path, or a {{template}}), hardCodedValue,
 * lookupName (static maps of @a lookups), dataType string number boolean,
 * default, discardIfEmpty, conditional.when extract_not_empty /
 * lookup_not_empty / lookup_empty / ignore_if_set. lists[]: generate,
 * jsonPath, fields[] (paths in them are relative to the element, `../`-free;
 * a path that the element lacks is looked up in the record). Without jsonPath
 * the list is the one array that its fields go through (`data[*].x`), else the
 * record's rows. A known field that is not implemented yet is refused by name
 * ("not_implemented"). A mapping without fields and lists passes the record as
 * it is (merge: leaves it as it is).
 *
 * Moved values are shared, not copied, and numbers keep their text. The
 * record is never changed. Immutable once compiled; any thread.
 */
typedef struct flow_mapping_t flow_mapping_t;

/** @a lookups: array of {name, map, default, allowFailures}, or NULL. */
apr_status_t flow_mapping_compile(flow_mapping_t **pmapping, const json_t *doc,
                                  const json_t *lookups, apr_pool_t *p,
                                  flow_error_t *err);

/** *pout is a new object. A field that fails (number that does not parse,
 * lookup miss without allowFailures, target that runs into a scalar) fails the
 * record: FLOW_E_INPUT with code "mapping_number", "lookup_failed",
 * "mapping_target" and the field's name. */
apr_status_t flow_mapping_apply(const flow_mapping_t *mapping,
                                const json_t *record, json_t **pout,
                                apr_pool_t *scratch, flow_error_t *err);

/** Transform 1.0: {"version":"1","rules":[[{extract,generate}]]}, as a mapping. */
apr_status_t flow_mapping_compile_transform(flow_mapping_t **pmapping,
                                            const json_t *doc, apr_pool_t *p,
                                            flow_error_t *err);

/** Response mapping: like mapping_apply with @a answer as source, but the
 * values are put into @a record, which is changed (it must not be shared; its
 * members may be, see flow_path_set()), on failure perhaps in part. */
apr_status_t flow_mapping_merge(const flow_mapping_t *mapping,
                                const json_t *answer, json_t *record,
                                apr_pool_t *scratch, flow_error_t *err);

#endif

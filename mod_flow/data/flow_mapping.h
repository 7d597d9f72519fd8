/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_MAPPING_H
#define FLOW_MAPPING_H

#include <apr_pools.h>
#include <apr_time.h>

#include "base/flow_error.h"
#include "data/flow_lookup.h"
#include "data/flow_notes.h"
#include "data/flow_tree.h"

/**
 * Mapper 1.0 ({"fields":[...], "lists":[...]}), Mapper 2.0 (mappings: an
 * array), transforms of both versions and response mapping. docs/mapping.md is
 * the author's manual, docs/internals-records.md says how they are carried
 * out. A mapping without fields and lists passes the record as it is (merge:
 * leaves it as it is).
 *
 * Moved values are shared, not copied, and numbers keep their text. The
 * record is never changed. Immutable once compiled; any thread.
 *
 * A field that fails fails the record, as FLOW_E_INPUT with the field's name:
 * "mapping_number", "mapping_object", "mapping_array", "mapping_date",
 * "lookup_failed", "mapping_target" (it leads through a scalar).
 */
typedef struct flow_mapping_t flow_mapping_t;

/** @a lookups may be NULL; it must live as long as the mapping. */
typedef struct flow_mapping_options_t {
    const flow_lookups_t *lookups;
    /** Mapper 2.0: `$` is {record, job, settings, iClient, import} and not the
     * record. */
    int is_envelope;
} flow_mapping_options_t;

/** @a doc: an object with fields and lists. Mistakes go to @a notes, all of
 * them; the mapping is good when there are none. */
apr_status_t flow_mapping_compile_fields(flow_mapping_t **pmapping,
                                         const json_t *doc,
                                         const flow_mapping_options_t *options,
                                         flow_notes_t *notes, apr_pool_t *p);
/** @a doc: the array `mappings`. */
apr_status_t flow_mapping_compile_mappings(
    flow_mapping_t **pmapping, const json_t *doc,
    const flow_mapping_options_t *options, flow_notes_t *notes, apr_pool_t *p);
/** @a doc: {type, expression: {version, rules | rulesTwoDotZero}} or the
 * expression. Its lookups are its own. */
apr_status_t flow_mapping_compile_rules(flow_mapping_t **pmapping,
                                        const json_t *doc, flow_notes_t *notes,
                                        apr_pool_t *p);

/** The same for those who want one mistake. Either form of @a doc (of
 * mappings in an object, too); @a lookups: the array as it stands in a
 * document, or NULL. */
apr_status_t flow_mapping_compile(flow_mapping_t **pmapping, const json_t *doc,
                                  const json_t *lookups, apr_pool_t *p,
                                  flow_error_t *err);
apr_status_t flow_mapping_compile_transform(flow_mapping_t **pmapping,
                                            const json_t *doc, apr_pool_t *p,
                                            flow_error_t *err);

/** Does it ask whether the record is new (record_created, record_updated,
 * immutable)? */
int flow_mapping_needs_state(const flow_mapping_t *mapping);
/** Its lookups, or NULL: to see which of them ask the far end. */
const flow_lookups_t *flow_mapping_lookups(const flow_mapping_t *mapping);

/** What a mapping may use besides the record; all of it optional. */
typedef struct flow_mapping_env_t {
    const flow_lookup_env_t *lookups;
    /** Members that templates see beside the record: settings, connection ...
     * and, with is_envelope, what `$` has beside it. */
    const json_t *context;
    const json_t *envelope;
    int is_update;  /* the import will update this record, not create it */
    apr_time_t now; /* 0: the clock */
} flow_mapping_env_t;

/** *pout is a new object. */
apr_status_t flow_mapping_apply_with(const flow_mapping_t *mapping,
                                     const json_t *record,
                                     const flow_mapping_env_t *env,
                                     json_t **pout, apr_pool_t *scratch,
                                     flow_error_t *err);
apr_status_t flow_mapping_apply(const flow_mapping_t *mapping,
                                const json_t *record, json_t **pout,
                                apr_pool_t *scratch, flow_error_t *err);

/** Response mapping: like mapping_apply with @a answer as source, but the
 * values are put into @a record, which is changed (it must not be shared; its
 * members may be, see flow_path_set()), on failure perhaps in part. */
apr_status_t flow_mapping_merge(const flow_mapping_t *mapping,
                                const json_t *answer, json_t *record,
                                apr_pool_t *scratch, flow_error_t *err);

#endif

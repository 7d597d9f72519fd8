/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_LOOKUP_H
#define FLOW_LOOKUP_H

#include <apr_pools.h>

#include "base/flow_error.h"
#include "data/flow_notes.h"
#include "data/flow_path.h"
#include "data/flow_tree.h"

/**
 * lookups[]: {name, map | _lookupCacheId, extract | method, relativeURI ...,
 * default, allowFailures}. A table is all here; what a cache or the far end
 * has comes through flow_lookup_env_t. Immutable once compiled; any thread.
 */
typedef enum {
    FLOW_LOOKUP_TABLE,
    FLOW_LOOKUP_CACHE,
    FLOW_LOOKUP_REQUEST /* finds a value for a record, not for a key */
} flow_lookup_e;

typedef struct flow_lookup_t {
    const char *name;
    flow_lookup_e kind;
    json_t *map;
    const char *cache;
    const flow_path_t *extract; /* of a cache's entry; NULL = all of it */
    json_t *fallback;           /* "default"; may be NULL */
    int may_miss;
    int index; /* in the list that was compiled */
} flow_lookup_t;

typedef struct flow_lookups_t {
    const flow_lookup_t *all;
    int n;
} flow_lookups_t;

/** *plookups holds those that are right. @a list may be NULL; @a where is its
 * name in messages. */
void flow_lookups_compile(flow_lookups_t **plookups, const json_t *list,
                          const char *where, flow_notes_t *notes,
                          apr_pool_t *p);
/** NULL when there is none of that name. */
const flow_lookup_t *flow_lookups_find(const flow_lookups_t *lookups,
                                       const char *name);
/** "unknown lookup 'x'; did you mean 'y'". */
const char *flow_lookups_unknown(const flow_lookups_t *lookups,
                                 const char *name, apr_pool_t *p);

/** What is not in the document. Without it only tables work
 * ("lookup_unavailable"). */
typedef struct flow_lookup_env_t {
    void *baton;
    /** *pvalue: new, or NULL when the cache has no such key. */
    apr_status_t (*cached)(void *baton, const char *cache, const char *key,
                           apr_size_t len, json_t **pvalue, apr_pool_t *scratch,
                           flow_error_t *err);
    /** *pvalue: new, what was found or the default; NULL: an allowed miss. */
    apr_status_t (*request)(void *baton, const flow_lookup_t *lookup,
                            const json_t *record, json_t **pvalue,
                            apr_pool_t *scratch, flow_error_t *err);
} flow_lookup_env_t;

/** The entry itself: *pvalue is new, NULL on a miss. @a key may be NULL. */
apr_status_t flow_lookup_find(const flow_lookup_t *lookup,
                              const flow_lookup_env_t *env, const json_t *key,
                              const json_t *record, json_t **pvalue,
                              apr_pool_t *scratch, flow_error_t *err);
/** With the default in place of a miss, where allowFailures says so; else
 * "lookup_failed". */
apr_status_t flow_lookup_value(const flow_lookup_t *lookup,
                               const flow_lookup_env_t *env, const json_t *key,
                               const json_t *record, json_t **pvalue,
                               apr_pool_t *scratch, flow_error_t *err);

/** {{lookup "name" key}}: a flow_template_lookup_fn with this as its baton. */
typedef struct flow_lookup_template_t {
    const flow_lookups_t *lookups;
    const flow_lookup_env_t *env;
    const json_t *record;
    apr_pool_t *scratch;
} flow_lookup_template_t;

apr_status_t flow_lookup_for_template(void *baton, const char *name,
                                      const json_t *key, const json_t **pvalue,
                                      flow_error_t *err);

#endif

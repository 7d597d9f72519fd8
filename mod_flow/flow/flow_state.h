/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_STATE_H
#define FLOW_STATE_H

#include <apr_pools.h>
#include <apr_time.h>

#include "base/flow_error.h"
#include "data/flow_tree.h"

/**
 * What scripts keep between calls, as the floor above stores it: state, lookup
 * caches, and what they write to the console. Any thread. What put, remove and
 * their like have answered is stored for good; @a until is an absolute time
 * after which they give up ("store_unavailable").
 */

#define FLOW_STATE_NAME_MAX   256        /* bytes of a key */
#define FLOW_STATE_VALUE_MAX  (1 << 20)  /* bytes of a value's JSON text */
#define FLOW_STATE_KEYS_MAX   10000      /* in one scope */
#define FLOW_CACHE_BYTES_MAX  (50 << 20) /* of one lookup cache */
#define FLOW_CACHE_ANSWER_MAX 1000       /* entries read or written at once */

/** Entries of a lookup cache: those in @a keys (array of strings), else those
 * whose key starts with @a prefix (NULL: all) and comes behind @a after
 * (NULL: from the first). */
typedef struct flow_cache_query_t {
    const json_t *keys;
    const char *prefix, *after;
} flow_cache_query_t;

/** One line of the script log. Texts may be NULL, but for @a level. */
typedef struct flow_script_line_t {
    const char *level; /* error warn info log debug */
    const char *script_id, *flow_id, *api_id, *job_id;
    const char *text; /* UTF-8 */
    apr_size_t len;
} flow_script_line_t;

/** A tool without a store has `log` only. */
typedef struct flow_state_iface_t {
    void *baton;
    /** @a scope is "" or "exports/ID". *ptext is JSON. APR_NOTFOUND. */
    apr_status_t (*get)(void *baton, const char *scope, const char *name,
                        const char **ptext, apr_pool_t *p, flow_error_t *err);
    apr_status_t (*put)(void *baton, const char *scope, const char *name,
                        const char *text, apr_time_t until, int *pis_new,
                        flow_error_t *err);
    /** @a name NULL: all of the scope. */
    apr_status_t (*remove)(void *baton, const char *scope, const char *name,
                           apr_time_t until, flow_error_t *err);
    /** *plist: new array of strings. */
    apr_status_t (*keys)(void *baton, const char *scope, json_t **plist,
                         apr_pool_t *p, flow_error_t *err);

    /** *plist: new array of {key, value}, by key. */
    apr_status_t (*cache_read)(void *baton, const char *cache,
                               const flow_cache_query_t *query, json_t **plist,
                               apr_pool_t *p, flow_error_t *err);
    /** @a entries: array of {key, value}, texts. */
    apr_status_t (*cache_write)(void *baton, const char *cache,
                                const json_t *entries, apr_time_t until,
                                flow_error_t *err);
    /** @a keys NULL: everything. */
    apr_status_t (*cache_remove)(void *baton, const char *cache,
                                 const json_t *keys, apr_time_t until,
                                 flow_error_t *err);
    /** *plist: new array of {_id, name, size} of those that hold something. */
    apr_status_t (*caches)(void *baton, json_t **plist, apr_pool_t *p,
                           flow_error_t *err);

    /** *plist: new array of access tokens, without what makes them valid. */
    apr_status_t (*tokens)(void *baton, json_t **plist, apr_pool_t *p,
                           flow_error_t *err);
    /** Never waits; a line may be lost when there are too many. */
    void (*log)(void *baton, const flow_script_line_t *line);
} flow_state_iface_t;

#endif

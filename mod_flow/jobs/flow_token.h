/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_TOKEN_H
#define FLOW_TOKEN_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "base/flow_error.h"
#include "jobs/flow_jobs.h"

/**
 * API tokens: shown once when made, stored as a SHA-256 hash. A token is 32
 * random bytes as text, with the prefix "flow_" so that scanners find it.
 */
typedef struct flow_token_t {
    const char *id, *name;
    int full_access;
    /* what else it may call: ids, arrays of const char * */
    const apr_array_header_t *apis, *exports, *imports, *flows;
    apr_time_t created, expires; /* expires 0 = never */
    int revoked;
} flow_token_t;

/** A store handle for tools (flowctl): opens the same store as the server,
 * creating it when missing. Single thread. Closed with @a p. */
typedef struct flow_token_store_t flow_token_store_t;
apr_status_t flow_token_store_open(flow_token_store_t **pstore,
                                   const flow_jobs_settings_t *settings,
                                   apr_pool_t *p, flow_error_t *err);
/** @a token: name, full_access, lists, expires; id and created are filled in.
 * *pplain: the token itself. */
apr_status_t flow_token_create(flow_token_store_t *store, flow_token_t *token,
                               const char **pplain, apr_pool_t *p,
                               flow_error_t *err);
/** Array of flow_token_t, newest first. */
apr_status_t flow_token_list(flow_token_store_t *store,
                             apr_array_header_t **plist, apr_pool_t *p,
                             flow_error_t *err);
/** APR_NOTFOUND when there is no such id. Works at once in all processes. */
apr_status_t flow_token_revoke(flow_token_store_t *store, const char *id,
                               apr_pool_t *p, flow_error_t *err);

typedef enum {
    FLOW_TOKEN_API,
    FLOW_TOKEN_EXPORT,
    FLOW_TOKEN_IMPORT,
    FLOW_TOKEN_FLOW
} flow_token_scope_e;

/** In the server: is this text a token that is valid now? FLOW_E_INPUT
 * "unauthorized" when unknown, expired or revoked (the message says which only
 * to the log), FLOW_E_UNAVAILABLE when the store cannot tell. */
apr_status_t flow_token_verify(flow_jobs_t *jobs, const char *plain,
                               const flow_token_t **ptoken, apr_pool_t *p,
                               flow_error_t *err);
int flow_token_covers(const flow_token_t *token, flow_token_scope_e scope,
                      const char *id);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_BLOB_H
#define FLOW_BLOB_H

#include <apr_pools.h>

#include "base/flow_error.h"

/**
 * Bytes that travel beside the records: an export stores them under a key, the
 * record carries the key, an import sends them. As the floor above keeps them.
 * Any thread. Errors: "blob_unknown" (FLOW_E_INPUT) for a key that there is no
 * blob of, "blob_too_large" (FLOW_E_REFUSED), "blob_full" and "store_full"
 * (FLOW_E_UNAVAILABLE).
 */
#define FLOW_BLOB_MAX (50 << 20) /* bytes of one */

typedef struct flow_blob_iface_t {
    void *baton;
    /** *pkey: 32 hexadecimal digits. Success: it is on the disk. */
    apr_status_t (*put)(void *baton, const char *data, apr_size_t len,
                        const char **pkey, apr_pool_t *p, flow_error_t *err);
    apr_status_t (*get)(void *baton, const char *key, const char **pdata,
                        apr_size_t *plen, apr_pool_t *p, flow_error_t *err);
    /** One that is gone already is fine. */
    void (*remove)(void *baton, const char *key, apr_pool_t *p);
} flow_blob_iface_t;

#endif

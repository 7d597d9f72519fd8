/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_GRANT_H
#define FLOW_GRANT_H

#include <apr_pools.h>
#include <apr_time.h>

#include "base/flow_error.h"

/**
 * Credentials that a connector got while running, as the floor above keeps
 * them: one text per connection, encrypted, shared by all processes and nodes.
 *
 * Who wants new ones takes the connection's lease first, so that one of all
 * asks the far end; the lease of a process that has died, or that did not come
 * back in time, is over. What put() has answered is stored for good. Any
 * thread.
 *
 * Errors: FLOW_E_UNAVAILABLE while the store is away; FLOW_E_CONFIG "seal_key"
 * or "seal_broken" when what is stored cannot be read, and then the
 * generation is set all the same.
 */
#define FLOW_GRANT_TEXT_MAX (1 << 20)

typedef struct flow_grant_t {
    apr_int64_t generation; /* counts what has been stored; 0 = nothing */
    const char *text;       /* NULL = nothing */
} flow_grant_t;

typedef enum {
    FLOW_LEASE_MINE, /* ask the far end, then put() or release() */
    FLOW_LEASE_BUSY, /* somebody else is asking: come again */
    FLOW_LEASE_NEWER /* no need: there is a newer one, in @a grant */
} flow_lease_e;

#define FLOW_LEASE_OWNER_MAX 160

typedef struct flow_lease_t {
    char owner[FLOW_LEASE_OWNER_MAX];
} flow_lease_t;

typedef struct flow_grant_iface_t {
    void *baton;
    apr_status_t (*read)(void *baton, const char *id, flow_grant_t *grant,
                         apr_pool_t *p, flow_error_t *err);
    /** @a known: the generation that the caller has. @a span: how long the
     * lease is good for. Gives up at @a until (flow_clock()). */
    apr_status_t (*lease)(void *baton, const char *id, apr_int64_t known,
                          apr_interval_time_t span, apr_time_t until,
                          flow_lease_t *lease, flow_lease_e *poutcome,
                          flow_grant_t *grant, apr_pool_t *p,
                          flow_error_t *err);
    /** Store @a text and give the lease back; *pgeneration is its number. Also
     * when the lease has gone to somebody else meanwhile: who stores last has
     * asked last. */
    apr_status_t (*put)(void *baton, const char *id, const flow_lease_t *lease,
                        const char *text, apr_time_t until,
                        apr_int64_t *pgeneration, apr_pool_t *p,
                        flow_error_t *err);
    /** Without having got anything. */
    void (*release)(void *baton, const char *id, const flow_lease_t *lease,
                    apr_time_t until);
} flow_grant_iface_t;

#endif

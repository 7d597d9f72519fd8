/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_BUF_H
#define FLOW_BUF_H

#include <string.h>

#include <apr_errno.h>
#include <apr_pools.h>

/**
 * A growing byte buffer that always has a maximum.
 *
 * Memory comes from malloc, so growing does not leave old copies in a pool;
 * give the buffer to a pool with flow_buf_steal(), or flow_buf_release() it.
 * Once an append has failed the buffer stays failed and later appends do
 * nothing, so a sequence of appends needs one check at its end. The data is
 * always NUL-terminated (the NUL is not counted). One thread at a time.
 */
typedef struct flow_buf_t {
    char *data; /* NULL until the first append */
    apr_size_t len;
    apr_size_t cap;
    apr_size_t max;      /* bytes; beyond it appends fail with APR_ENOSPC */
    apr_status_t status; /* APR_SUCCESS, APR_ENOSPC (max) or APR_ENOMEM */
} flow_buf_t;

void flow_buf_init(flow_buf_t *b, apr_size_t max);
void flow_buf_release(flow_buf_t *b); /* frees; leaves an empty buffer */
void flow_buf_clear(flow_buf_t *b);   /* keeps the memory, len 0, no failure */

/** flow_buf_add() when there is no room, or the buffer has failed. */
apr_status_t flow_buf_grow(flow_buf_t *b, const void *data, apr_size_t len);
apr_status_t flow_buf_adds(flow_buf_t *b, const char *text);

/* Most appends are a few bytes into a buffer that has room. */
static inline apr_status_t flow_buf_add(flow_buf_t *b, const void *data,
                                        apr_size_t len)
{
    if (b->status != APR_SUCCESS || len >= b->cap - b->len || len == 0) {
        return flow_buf_grow(b, data, len);
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
    b->data[b->len] = '\0';
    return APR_SUCCESS;
}

static inline apr_status_t flow_buf_addc(flow_buf_t *b, char c)
{
    return flow_buf_add(b, &c, 1);
}

apr_status_t flow_buf_addf(flow_buf_t *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/** Hand the bytes to @a p (freed by its cleanup) and leave @a b empty.
 * Never NULL: an empty buffer gives "". */
char *flow_buf_steal(flow_buf_t *b, apr_size_t *plen, apr_pool_t *p);

#endif

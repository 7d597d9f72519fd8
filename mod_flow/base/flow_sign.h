/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_SIGN_H
#define FLOW_SIGN_H

#include <apr_errno.h>
#include <apr_pools.h>

/**
 * Digests, HMAC, random bytes and comparisons. The only file that includes
 * OpenSSL. Every function may be called from any thread.
 */
typedef enum {
    FLOW_DIGEST_MD5,
    FLOW_DIGEST_SHA1,
    FLOW_DIGEST_SHA256,
    FLOW_DIGEST_SHA384,
    FLOW_DIGEST_SHA512
} flow_digest_e;

#define FLOW_DIGEST_MAX 64 /* bytes of the longest digest */

/** "sha256" -> FLOW_DIGEST_SHA256; APR_NOTFOUND for an unknown name. */
apr_status_t flow_digest_parse(flow_digest_e *palg, const char *name);

/** @a out has room for FLOW_DIGEST_MAX bytes; @a *plen is set. */
apr_status_t flow_digest(flow_digest_e alg, const void *data, apr_size_t len,
                         unsigned char *out, apr_size_t *plen);
apr_status_t flow_hmac(flow_digest_e alg, const void *key, apr_size_t keylen,
                       const void *data, apr_size_t len, unsigned char *out,
                       apr_size_t *plen);

/** Fill @a out from the system's generator; fails rather than be guessable. */
apr_status_t flow_random(void *out, apr_size_t len);

/** Equal? Takes a time that depends on @a blen (what we expect) only. */
int flow_equal_secret(const char *a, apr_size_t alen, const char *b,
                      apr_size_t blen);

char *flow_hex(const void *data, apr_size_t len, apr_pool_t *p); /* lower */
char *flow_base64(const void *data, apr_size_t len, apr_pool_t *p);
/** Standard alphabet, padding required, no white space;
 * APR_EINVAL otherwise. */
apr_status_t flow_base64_decode(char **pout, apr_size_t *plen, const char *text,
                                apr_pool_t *p);

/** A new document id: 24 lower-case hex digits, the first eight of them the
 * time in seconds, so that ids sort roughly by age. */
char *flow_new_id(apr_pool_t *p);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_SIGN_H
#define FLOW_SIGN_H

#include <apr_errno.h>
#include <apr_pools.h>

#include "base/flow_error.h"

/**
 * Digests, HMAC, signatures, random bytes and comparisons. flow_sign*.c and flow_seal.c are the
 * only files that include OpenSSL. Every function may be called from any thread.
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

typedef enum {
    FLOW_SIGN_RSA, /* PKCS #1 v1.5 */
    FLOW_SIGN_PSS, /* RSA-PSS, salt as long as the digest */
    FLOW_SIGN_EC   /* ECDSA; the signature is r and s side by side (RFC 7518) */
} flow_sign_e;

/**
 * Sign with a private key in PEM (PKCS #1, SEC 1 or PKCS #8, not encrypted). An
 * EC key must be on the curve that JOSE pairs with the digest: SHA-256 P-256,
 * SHA-384 P-384, SHA-512 P-521. FLOW_E_CONFIG "key_invalid" when the key is of
 * no use; with @a data NULL only that is found out.
 */
apr_status_t flow_sign(flow_sign_e scheme, flow_digest_e alg, const char *pem,
                       const void *data, apr_size_t len, char **psignature,
                       apr_size_t *plen, apr_pool_t *p, flow_error_t *err);
/** For tests and webhooks: does the signature fit? 1 = yes. @a pem: the public
 * key. */
int flow_sign_verify(flow_sign_e scheme, flow_digest_e alg, const char *pem,
                     const void *data, apr_size_t len, const char *signature,
                     apr_size_t signature_len);

/** Fill @a out from the system's generator; fails rather than be guessable. */
apr_status_t flow_random(void *out, apr_size_t len);

/** Equal? Takes a time that depends on @a blen (what we expect) only. */
int flow_equal_secret(const char *a, apr_size_t alen, const char *b,
                      apr_size_t blen);

char *flow_hex(const void *data, apr_size_t len, apr_pool_t *p); /* lower */
char *flow_base64(const void *data, apr_size_t len, apr_pool_t *p);
/** The alphabet for URLs, without padding. */
char *flow_base64url(const void *data, apr_size_t len, apr_pool_t *p);
/** Standard alphabet, padding required, no white space;
 * APR_EINVAL otherwise. */
apr_status_t flow_base64_decode(char **pout, apr_size_t *plen, const char *text,
                                apr_pool_t *p);

/** A new document id: 24 lower-case hex digits, the first eight of them the
 * time in seconds, so that ids sort roughly by age. */
char *flow_new_id(apr_pool_t *p);

#endif

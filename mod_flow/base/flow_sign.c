/* SPDX-License-Identifier: Apache-2.0 */
#include "base/flow_sign.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <apr_atomic.h>
#include <apr_time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define ID_RANDOM 8 /* random bytes of a document id */

/* clang-format off */
static const struct {
    const char *name;    /* as in documents */
    const char *openssl; /* as OpenSSL knows it */
} digests[] = {
    [FLOW_DIGEST_MD5]    = { "md5",    "MD5"      },
    [FLOW_DIGEST_SHA1]   = { "sha1",   "SHA1"     },
    [FLOW_DIGEST_SHA256] = { "sha256", "SHA2-256" },
    [FLOW_DIGEST_SHA384] = { "sha384", "SHA2-384" },
    [FLOW_DIGEST_SHA512] = { "sha512", "SHA2-512" },
};
/* clang-format on */

#define DIGEST_COUNT (sizeof(digests) / sizeof(digests[0]))

apr_status_t flow_digest_parse(flow_digest_e *palg, const char *name)
{
    apr_size_t i;

    for (i = 0; name && i < DIGEST_COUNT; ++i) {
        if (!strcmp(name, digests[i].name)) {
            *palg = (flow_digest_e)i;
            return APR_SUCCESS;
        }
    }
    return APR_NOTFOUND;
}

apr_status_t flow_digest(flow_digest_e alg, const void *data, apr_size_t len,
                         unsigned char *out, apr_size_t *plen)
{
    size_t made = 0;

    /* fails for MD5 where the system's policy forbids it */
    if (!EVP_Q_digest(NULL, digests[alg].openssl, NULL, len ? data : "", len,
                      out, &made)) {
        return APR_ENOTIMPL;
    }
    *plen = made;
    return APR_SUCCESS;
}

apr_status_t flow_hmac(flow_digest_e alg, const void *key, apr_size_t keylen,
                       const void *data, apr_size_t len, unsigned char *out,
                       apr_size_t *plen)
{
    size_t made = 0;

    /* OpenSSL takes a NULL key for "no key given", also when it is empty */
    if (!EVP_Q_mac(NULL, "HMAC", NULL, digests[alg].openssl, NULL,
                   keylen ? key : "", keylen,
                   (const unsigned char *)(len ? data : ""), len, out,
                   FLOW_DIGEST_MAX, &made)) {
        return APR_ENOTIMPL;
    }
    *plen = made;
    return APR_SUCCESS;
}

apr_status_t flow_random(void *out, apr_size_t len)
{
    unsigned char *at = out;

    while (len) {
        int part = len > INT_MAX ? INT_MAX : (int)len;

        if (RAND_bytes(at, part) != 1) {
            return APR_EGENERAL;
        }
        at += part;
        len -= (apr_size_t)part;
    }
    return APR_SUCCESS;
}

int flow_equal_secret(const char *a, apr_size_t alen, const char *b,
                      apr_size_t blen)
{
    /* a length that differs must not be answered sooner: read the expected
     * bytes all the same, against themselves */
    const char *other = alen == blen ? a : b;
    int is_equal = CRYPTO_memcmp(other, b, blen) == 0;

    return is_equal && alen == blen;
}

char *flow_hex(const void *data, apr_size_t len, apr_pool_t *p)
{
    static const char digit[] = "0123456789abcdef";
    const unsigned char *in = data;
    char *out = apr_palloc(p, 2 * len + 1);
    apr_size_t i;

    for (i = 0; i < len; ++i) {
        out[2 * i] = digit[in[i] >> 4];
        out[2 * i + 1] = digit[in[i] & 15];
    }
    out[2 * len] = '\0';
    return out;
}

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *flow_base64(const void *data, apr_size_t len, apr_pool_t *p)
{
    const unsigned char *in = data;
    char *out = apr_palloc(p, (len + 2) / 3 * 4 + 1);
    char *at = out;

    while (len) {
        apr_size_t part = len < 3 ? len : 3;
        unsigned v = (unsigned)in[0] << 16 | (part > 1 ? in[1] << 8 : 0) |
                     (part > 2 ? in[2] : 0);

        at[0] = alphabet[v >> 18];
        at[1] = alphabet[v >> 12 & 63];
        at[2] = part > 1 ? alphabet[v >> 6 & 63] : '=';
        at[3] = part > 2 ? alphabet[v & 63] : '=';
        at += 4;
        in += part;
        len -= part;
    }
    *at = '\0';
    return out;
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

apr_status_t flow_base64_decode(char **pout, apr_size_t *plen, const char *text,
                                apr_pool_t *p)
{
    apr_size_t len = strlen(text), pad = 0, digits, i, made = 0;
    unsigned bits = 0, held = 0;
    char *out;

    if (len % 4) {
        return APR_EINVAL;
    }
    while (pad < 2 && pad < len && text[len - 1 - pad] == '=') {
        ++pad;
    }
    digits = len - pad;
    out = apr_palloc(p, len / 4 * 3 + 1);

    for (i = 0; i < digits; ++i) {
        int value = base64_value(text[i]);

        if (value < 0) {
            return APR_EINVAL;
        }
        bits = (bits << 6 | (unsigned)value) & 0xffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[made++] = (char)(bits >> held & 0xff);
        }
    }
    out[made] = '\0';
    *pout = out;
    *plen = made;
    return APR_SUCCESS;
}

/* Without a random generator an id need still not be met twice: processes
 * differ by their pid, calls by the counter, restarts by the time. */
static void make_unique(unsigned char *out)
{
    static volatile apr_uint32_t calls;
    apr_uint64_t v = (apr_uint64_t)apr_time_now();
    int i;

    v ^= (apr_uint64_t)getpid() << 40;
    v += (apr_uint64_t)apr_atomic_inc32(&calls) << 24;
    for (i = 0; i < ID_RANDOM; ++i) {
        out[i] = (unsigned char)(v >> (8 * i));
    }
}

char *flow_new_id(apr_pool_t *p)
{
    unsigned char id[4 + ID_RANDOM];
    apr_uint32_t now = (apr_uint32_t)apr_time_sec(apr_time_now());
    int i;

    for (i = 0; i < 4; ++i) {
        id[i] = (unsigned char)(now >> (24 - 8 * i));
    }
    if (flow_random(id + 4, ID_RANDOM) != APR_SUCCESS) {
        make_unique(id + 4);
    }
    return flow_hex(id, sizeof(id), p);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures with private keys.
 */
#include "base/flow_sign.h"

#include <limits.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define SIGNATURE_MAX 2048 /* RSA of 16384 bits */
#define RSA_BITS_MIN  1024

static const struct {
    const char *digest, *curve;
    int coordinate; /* bytes */
} facts[] = {
    [FLOW_DIGEST_MD5] = { "MD5", NULL, 0 },
    [FLOW_DIGEST_SHA1] = { "SHA1", NULL, 0 },
    [FLOW_DIGEST_SHA256] = { "SHA2-256", "prime256v1", 32 },
    [FLOW_DIGEST_SHA384] = { "SHA2-384", "secp384r1", 48 },
    [FLOW_DIGEST_SHA512] = { "SHA2-512", "secp521r1", 66 },
};

/* Never ask a terminal for a passphrase. */
static int no_passphrase(char *buf, int size, int rwflag, void *baton)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)baton;
    return -1;
}

static EVP_PKEY *read_key(const char *pem, int is_private)
{
    size_t len = strlen(pem);
    BIO *bio = len <= INT_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
    EVP_PKEY *key = NULL;

    if (bio) {
        key = is_private
                  ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL)
                  : PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
        BIO_free(bio);
    }
    ERR_clear_error();
    return key;
}

/* NULL, or why the key is of no use. */
static const char *unfit(flow_sign_e scheme, flow_digest_e alg, EVP_PKEY *key)
{
    char curve[64] = "";
    size_t len;

    if (!key) {
        return "is no private key in PEM form (without a passphrase)";
    }
    if (scheme != FLOW_SIGN_EC) {
        if (!EVP_PKEY_is_a(key, "RSA")) {
            return "is no RSA key";
        }
        return EVP_PKEY_get_bits(key) < RSA_BITS_MIN
                   ? "is an RSA key of less than 1024 bits"
                   : NULL;
    }
    if (!EVP_PKEY_is_a(key, "EC")) {
        return "is no EC key";
    }
    if (!facts[alg].curve ||
        !EVP_PKEY_get_group_name(key, curve, sizeof(curve), &len) ||
        strcmp(curve, facts[alg].curve) != 0) {
        return alg == FLOW_DIGEST_SHA256   ? "is not on the curve P-256"
               : alg == FLOW_DIGEST_SHA384 ? "is not on the curve P-384"
                                           : "is not on the curve P-521";
    }
    return NULL;
}

static int set_padding(flow_sign_e scheme, EVP_PKEY_CTX *ctx)
{
    if (scheme != FLOW_SIGN_PSS) {
        return 1;
    }
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) > 0;
}

/* DER -> r || s */
static int to_raw(unsigned char *sig, size_t *plen, int coordinate)
{
    const unsigned char *at = sig;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)*plen);
    int ok =
        pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), sig, coordinate) > 0 &&
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), sig + coordinate, coordinate) > 0;

    ECDSA_SIG_free(pair);
    *plen = (size_t)coordinate * 2;
    return ok;
}

static int make(flow_sign_e scheme, flow_digest_e alg, EVP_PKEY *key,
                const void *data, apr_size_t len, unsigned char *sig,
                size_t *plen)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    int ok = md &&
             EVP_DigestSignInit_ex(md, &ctx, facts[alg].digest, NULL, NULL, key,
                                   NULL) > 0 &&
             set_padding(scheme, ctx) &&
             EVP_DigestSign(md, sig, plen, data, len) > 0;

    EVP_MD_CTX_free(md);
    if (ok && scheme == FLOW_SIGN_EC) {
        ok = to_raw(sig, plen, facts[alg].coordinate);
    }
    return ok;
}

apr_status_t flow_sign(flow_sign_e scheme, flow_digest_e alg, const char *pem,
                       const void *data, apr_size_t len, char **psignature,
                       apr_size_t *plen, apr_pool_t *p, flow_error_t *err)
{
    EVP_PKEY *key = read_key(pem, 1);
    const char *why = unfit(scheme, alg, key);
    unsigned char *sig;
    size_t made = SIGNATURE_MAX;
    int ok = 1;

    if (why) {
        EVP_PKEY_free(key);
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "key_invalid",
                              "the key %s", why);
    }
    if (data) {
        sig = apr_palloc(p, SIGNATURE_MAX);
        ok = make(scheme, alg, key, data, len, sig, &made);
        *psignature = (char *)sig;
        *plen = made;
    }
    EVP_PKEY_free(key);
    ERR_clear_error();
    return ok ? APR_SUCCESS
              : flow_error_set(err, FLOW_E_CONFIG, APR_EGENERAL, "key_invalid",
                               "the key cannot make this signature");
}

/* r || s -> DER; the caller frees *pder. */
static int to_der(const char *raw, size_t len, unsigned char **pder,
                  int coordinate)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r, *s;
    int made = -1;

    if (pair && len == (size_t)coordinate * 2) {
        r = BN_bin2bn((const unsigned char *)raw, coordinate, NULL);
        s = BN_bin2bn((const unsigned char *)raw + coordinate, coordinate,
                      NULL);
        if (r && s && ECDSA_SIG_set0(pair, r, s)) {
            made = i2d_ECDSA_SIG(pair, pder);
        }
        else {
            BN_free(r);
            BN_free(s);
        }
    }
    ECDSA_SIG_free(pair);
    return made;
}

int flow_sign_verify(flow_sign_e scheme, flow_digest_e alg, const char *pem,
                     const void *data, apr_size_t len, const char *signature,
                     apr_size_t signature_len)
{
    EVP_PKEY *key = read_key(pem, 0);
    const unsigned char *sig = (const unsigned char *)signature;
    unsigned char *der = NULL;
    EVP_PKEY_CTX *ctx = NULL;
    EVP_MD_CTX *md = NULL;
    int ok = !unfit(scheme, alg, key), n = (int)signature_len;

    if (ok && scheme == FLOW_SIGN_EC) {
        n = to_der(signature, signature_len, &der, facts[alg].coordinate);
        sig = der;
        ok = n > 0;
    }
    if (ok) {
        md = EVP_MD_CTX_new();
        ok = md &&
             EVP_DigestVerifyInit_ex(md, &ctx, facts[alg].digest, NULL, NULL,
                                     key, NULL) > 0 &&
             set_padding(scheme, ctx) &&
             EVP_DigestVerify(md, sig, (size_t)n, data, len) == 1;
    }
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);
    OPENSSL_free(der);
    ERR_clear_error();
    return ok;
}

char *flow_base64url(const void *data, apr_size_t len, apr_pool_t *p)
{
    char *out = flow_base64(data, len, p), *s;

    for (s = out; *s && *s != '='; ++s) {
        if (*s == '+') {
            *s = '-';
        }
        else if (*s == '/') {
            *s = '_';
        }
    }
    *s = '\0';
    return out;
}

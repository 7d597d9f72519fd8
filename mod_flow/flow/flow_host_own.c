/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module 'mod_flow': what Celigo's scripts do not have.
 */
#include "flow/flow_host_private.h"

#include <string.h>

#include <apr_strings.h>

#include "base/flow_clock.h"
#include "base/flow_sign.h"

#define NAP        apr_time_from_msec(20)
#define RANDOM_MAX 1024 /* bytes */

/* ---- sleep ---- */

static int is_stopping(const flow_caller_t *caller)
{
    return caller->stopping &&
           __atomic_load_n(caller->stopping, __ATOMIC_RELAXED) != 0;
}

/* sleep(ms). Past the deadline there is nothing to wake up for. */
static apr_status_t own_sleep(flow_host_call_t *call, json_t **presult,
                              flow_error_t *err)
{
    const json_t *v = json_array_get(call->args, 0);
    double ms = flow_json_double(v);
    apr_time_t now = flow_clock(), until = call->caller.deadline;

    (void)presult;
    if (!flow_json_is(v, NUMBER) || !(ms >= 0)) {
        return flow_host_wrong(call, err, "invalid_field",
                               "needs a number of milliseconds");
    }
    if (!until || ms * 1000 < (double)(until - now)) {
        until = now + (apr_interval_time_t)(ms < 1e9 ? ms * 1000 : 1e12);
    }
    for (; now < until; now = flow_clock()) {
        if (is_stopping(&call->caller)) {
            return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR,
                                  "stopping",
                                  "the sleep was cut short: the server is "
                                  "stopping");
        }
        apr_sleep(until - now < NAP ? until - now : NAP);
    }
    return APR_SUCCESS;
}

/* ---- crypto ---- */

static apr_status_t read_algorithm(flow_host_call_t *call, flow_digest_e *palg,
                                   flow_error_t *err)
{
    const char *name = flow_host_text(call, 0, NULL);

    if (!name || flow_digest_parse(palg, name) != APR_SUCCESS) {
        return flow_host_wrong(call, err, "invalid_field",
                               "needs an algorithm first: md5, sha1, sha256, "
                               "sha384 or sha512");
    }
    return APR_SUCCESS;
}

/* "hex" (when absent) or "base64". */
static apr_status_t encode(flow_host_call_t *call, apr_size_t arg,
                           const unsigned char *data, apr_size_t len,
                           json_t **presult, flow_error_t *err)
{
    const char *encoding = flow_host_text(call, arg, NULL);

    if (!encoding || strcmp(encoding, "hex") == 0) {
        *presult = flow_record_text(flow_hex(data, len, call->p));
    }
    else if (strcmp(encoding, "base64") == 0) {
        *presult = flow_record_text(flow_base64(data, len, call->p));
    }
    else {
        return flow_host_wrong(call, err, "invalid_field",
                               "the encoding must be 'hex' or 'base64'");
    }
    return APR_SUCCESS;
}

static apr_status_t need_text(flow_host_call_t *call, apr_size_t arg,
                              const char *what, const char **ptext,
                              apr_size_t *plen, flow_error_t *err)
{
    *ptext = flow_host_text(call, arg, plen);
    return *ptext ? APR_SUCCESS
                  : flow_host_wrong(call, err, "invalid_field",
                                    "%s must be a text", what);
}

static apr_status_t no_digest(flow_host_call_t *call, flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_INTERNAL, APR_EGENERAL, "no_digest",
                          "%s: this system does not offer the algorithm",
                          call->name);
}

/* crypto.hash(algorithm, text, encoding) */
static apr_status_t own_hash(flow_host_call_t *call, json_t **presult,
                             flow_error_t *err)
{
    unsigned char digest[FLOW_DIGEST_MAX];
    apr_size_t len = 0, n = 0;
    const char *text = NULL;
    flow_digest_e alg = FLOW_DIGEST_SHA256;
    apr_status_t rv = read_algorithm(call, &alg, err);

    if (rv == APR_SUCCESS) {
        rv = need_text(call, 1, "what is hashed", &text, &len, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (flow_digest(alg, text, len, digest, &n) != APR_SUCCESS) {
        return no_digest(call, err);
    }
    return encode(call, 2, digest, n, presult, err);
}

/* crypto.hmac(algorithm, key, text, encoding) */
static apr_status_t own_hmac(flow_host_call_t *call, json_t **presult,
                             flow_error_t *err)
{
    unsigned char digest[FLOW_DIGEST_MAX];
    apr_size_t len = 0, key_len = 0, n = 0;
    const char *text = NULL, *key = NULL;
    flow_digest_e alg = FLOW_DIGEST_SHA256;
    apr_status_t rv = read_algorithm(call, &alg, err);

    if (rv == APR_SUCCESS) {
        rv = need_text(call, 1, "the key", &key, &key_len, err);
    }
    if (rv == APR_SUCCESS) {
        rv = need_text(call, 2, "what is signed", &text, &len, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (flow_hmac(alg, key, key_len, text, len, digest, &n) != APR_SUCCESS) {
        return no_digest(call, err);
    }
    return encode(call, 3, digest, n, presult, err);
}

/* crypto.timingSafeEqual(given, expected) */
static apr_status_t own_equal(flow_host_call_t *call, json_t **presult,
                              flow_error_t *err)
{
    apr_size_t given_len = 0, expected_len = 0;
    const char *given = NULL, *expected = NULL;
    apr_status_t rv =
        need_text(call, 0, "the first value", &given, &given_len, err);

    if (rv == APR_SUCCESS) {
        rv = need_text(call, 1, "the second value", &expected, &expected_len,
                       err);
    }
    if (rv == APR_SUCCESS) {
        *presult = json_boolean(
            flow_equal_secret(given, given_len, expected, expected_len));
    }
    return rv;
}

static apr_status_t fill(flow_host_call_t *call, unsigned char *out,
                         apr_size_t len, flow_error_t *err)
{
    return flow_random(out, len) == APR_SUCCESS
               ? APR_SUCCESS
               : flow_error_set(err, FLOW_E_INTERNAL, APR_EGENERAL, "no_random",
                                "%s: the system gives no random bytes",
                                call->name);
}

/* crypto.randomBytes(n, encoding) */
static apr_status_t own_random(flow_host_call_t *call, json_t **presult,
                               flow_error_t *err)
{
    unsigned char bytes[RANDOM_MAX];
    apr_int64_t n = 0;
    apr_status_t rv;

    if (!flow_json_int64(json_array_get(call->args, 0), &n) || n < 1 ||
        n > RANDOM_MAX) {
        return flow_host_wrong(call, err, "invalid_field",
                               "needs a number of bytes from 1 to %d",
                               RANDOM_MAX);
    }
    rv = fill(call, bytes, (apr_size_t)n, err);
    return rv == APR_SUCCESS
               ? encode(call, 1, bytes, (apr_size_t)n, presult, err)
               : rv;
}

/* crypto.uuid(): version 4 */
static apr_status_t own_uuid(flow_host_call_t *call, json_t **presult,
                             flow_error_t *err)
{
    unsigned char b[16];
    const char *hex;
    apr_status_t rv = fill(call, b, sizeof(b), err);

    if (rv == APR_SUCCESS) {
        b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
        b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
        hex = flow_hex(b, sizeof(b), call->p);
        *presult = flow_record_text(
            apr_psprintf(call->p, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
                         hex + 12, hex + 16, hex + 20));
    }
    return rv;
}

/* clang-format off */
const flow_host_function_t flow_host_own[] = {
    { "",       "sleep",           own_sleep },
    { "crypto", "hash",            own_hash },
    { "crypto", "hmac",            own_hmac },
    { "crypto", "timingSafeEqual", own_equal },
    { "crypto", "uuid",            own_uuid },
    { "crypto", "randomBytes",     own_random },
    { NULL }
};
/* clang-format on */

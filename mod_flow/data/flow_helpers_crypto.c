/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_helper_private.h"

#include "base/flow_sign.h"
#include "data/flow_aws4.h"
#include "data/flow_json.h"
#include "data/flow_text.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <stdlib.h>
#include <string.h>

/* --- digests -------------------------------------------------------------- */

static apr_status_t algorithm_of(const flow_helper_call_t *call,
                                 flow_digest_e *palgorithm)
{
    apr_size_t len;
    const char *name = flow_helper_text(call, 0, &len);

    name = apr_pstrmemdup(call->p, name, len);
    if (flow_digest_parse(palgorithm, name) == APR_SUCCESS)
        return APR_SUCCESS;
    return flow_helper_fail(call, "template_value",
                            "the algorithm must be md5, sha1, sha256, sha384 "
                            "or sha512, not '%.32s'",
                            name);
}

static apr_status_t give_digest(const flow_helper_call_t *call, int encoding,
                                const unsigned char *digest, apr_size_t len,
                                flow_any_t *out)
{
    apr_size_t n;
    const char *name = flow_helper_text(call, encoding, &n), *text = NULL;

    if (n == 3 && memcmp(name, "hex", 3) == 0)
        text = flow_hex(digest, len, call->p);
    else if (n == 6 && memcmp(name, "base64", 6) == 0)
        text = flow_base64(digest, len, call->p);
    if (!text) {
        return flow_helper_fail(call, "template_value",
                                "the encoding must be hex or base64");
    }
    *out = flow_any_of_text(text, strlen(text));
    return APR_SUCCESS;
}

static apr_status_t failed(const flow_helper_call_t *call)
{
    return flow_error_set(call->err, FLOW_E_INTERNAL, APR_EGENERAL,
                          "digest_failed", "a digest cannot be computed");
}

/* algorithm key encoding value; @a key is no base64 unless it says so. */
static apr_status_t keyed(flow_helper_call_t *call, flow_any_t *out)
{
    unsigned char digest[FLOW_DIGEST_MAX];
    apr_size_t key_len, len, n, enc_len;
    const char *key = flow_helper_text(call, 1, &key_len);
    const char *s = flow_helper_text(call, 3, &len);
    const char *enc = flow_helper_text(call, 4, &enc_len);
    flow_digest_e algorithm;
    apr_status_t rv = algorithm_of(call, &algorithm);

    if (rv != APR_SUCCESS)
        return rv;
    if (enc_len == 6 && memcmp(enc, "base64", 6) == 0) {
        char *decoded;

        if (flow_base64_decode(&decoded, &key_len,
                               apr_pstrmemdup(call->p, key, key_len),
                               call->p) != APR_SUCCESS) {
            return flow_helper_fail(call, "template_value",
                                    "the key is not valid base64");
        }
        key = decoded;
    }
    else if (enc_len && !(enc_len == 4 && memcmp(enc, "utf8", 4) == 0) &&
             !(enc_len == 5 && memcmp(enc, "utf-8", 5) == 0)) {
        return flow_helper_fail(call, "template_value",
                                "the key's encoding must be utf8 or base64");
    }
    if (flow_hmac(algorithm, key, key_len, s, len, digest, &n) != APR_SUCCESS)
        return failed(call);
    return give_digest(call, 2, digest, n, out);
}

/* With four arguments the second one is a key, as the reference's examples for
 * signed requests have it. */
static apr_status_t hash(flow_helper_call_t *call, flow_any_t *out)
{
    unsigned char digest[FLOW_DIGEST_MAX];
    flow_digest_e algorithm;
    apr_size_t len, n;
    const char *s;
    apr_status_t rv;

    if (call->n == 4)
        return keyed(call, out);
    rv = algorithm_of(call, &algorithm);
    if (rv != APR_SUCCESS)
        return rv;
    s = flow_helper_text(call, 2, &len);
    if (flow_digest(algorithm, s, len, digest, &n) != APR_SUCCESS)
        return failed(call);
    return give_digest(call, 1, digest, n, out);
}

/* --- aws4 ----------------------------------------------------------------- */

static const char *text_arg(const flow_helper_call_t *call, int i)
{
    apr_size_t len;
    const char *s = flow_helper_text(call, i, &len);

    return apr_pstrmemdup(call->p, s, len);
}

static apr_status_t aws4(flow_helper_call_t *call, flow_any_t *out)
{
    const flow_template_request_t *request = call->env->request;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_aws4_t signing;
    const char *value;

    if (!request) {
        return flow_helper_fail(call, "template_request",
                                "only a request's header can be signed");
    }
    memset(&signing, 0, sizeof(signing));
    signing.method = request->method;
    signing.url = request->url;
    signing.headers = request->headers;
    signing.body = request->body;
    signing.body_len = request->body_len;
    signing.access_key = text_arg(call, 0);
    signing.secret_key = text_arg(call, 1);
    signing.token = text_arg(call, 2);
    signing.region = text_arg(call, 3);
    signing.service = text_arg(call, 4);
    if (flow_aws4_sign(&signing, &value, call->p, &err) != APR_SUCCESS)
        return flow_helper_fail(call, err.code, "%s", err.message);
    *out = flow_any_of_text(value, strlen(value));
    return APR_SUCCESS;
}

/* --- hashOptions ---------------------------------------------------------- */

static void set_text(json_t *object, const char *name, const char *s,
                     apr_size_t len)
{
    json_t *v = s ? flow_json_string_new(s, len) : NULL;

    json_object_set_new(object, name, v ? v : json_string(""));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* a=1&b=2 by name, without the signature itself. */
static void set_ordered(json_t *object, const char *query, apr_pool_t *p)
{
    apr_array_header_t *pairs = apr_array_make(p, 8, sizeof(char *));
    const char *all = "";
    int i;

    while (*query) {
        apr_size_t len = strcspn(query, "&");
        const char *pair = apr_pstrmemdup(p, query, len);

        if (len && strncmp(pair, "sign=", 5) != 0 &&
            strncmp(pair, "access_token=", 13) != 0)
            *(const char **)apr_array_push(pairs) = pair;
        query += len;
        query += *query == '&';
    }
    qsort(pairs->elts, (size_t)pairs->nelts, sizeof(char *), by_text);
    for (i = 0; i < pairs->nelts; ++i) {
        all = apr_pstrcat(p, all, i ? "&" : "", ((const char **)pairs->elts)[i],
                          NULL);
    }
    set_text(object, "orderedQueryParams", all, strlen(all));
}

static json_t *query_map(const char *text, apr_size_t len, apr_pool_t *p)
{
    json_t *map = text ? flow_query_parse(text, len, p, NULL) : NULL;

    return map ? map : json_object();
}

/* What stands in the body by name: of JSON and of a form. */
static json_t *body_map(const flow_template_request_t *request, apr_pool_t *p)
{
    const char *s = request->body;
    apr_size_t len = request->body_len;
    json_t *map = NULL;

    while (len && (*s == ' ' || *s == '\n' || *s == '\r' || *s == '\t')) {
        ++s;
        --len;
    }
    if (len && *s == '{') {
        if (flow_json_parse(&map, s, len, NULL) == APR_SUCCESS &&
            flow_json_is(map, OBJECT))
            return map;
        json_decref(map);
        return json_object();
    }
    if (len == 0 || !memchr(s, '=', len))
        return json_object();
    return query_map(s, len, p);
}

json_t *flow_template_request_options(const flow_template_request_t *request,
                                      int is_hmac, apr_pool_t *p)
{
    const char *url = request->url ? request->url : "";
    const char *after = strstr(url, "://"), *path, *query;
    json_t *options = json_object(), *http;

    if (!options)
        return NULL;
    after = after ? after + 3 : url;
    path = after + strcspn(after, "/?#");
    query = path + strcspn(path, "?#");
    query = *query == '?'
                ? apr_pstrmemdup(p, query + 1, strcspn(query + 1, "#"))
                : "";
    if (request->headers)
        json_object_set(options, "headers", (json_t *)request->headers);
    else
        json_object_set_new(options, "headers", json_object());
    set_text(options, "body", request->body, request->body_len);
    json_object_set_new(options, "bodyParametersMap", body_map(request, p));
    set_text(options, "method", request->method,
             request->method ? strlen(request->method) : 0);
    set_text(options, "baseURI", url, (apr_size_t)(path - url));
    set_text(options, "relativeURI", path, strlen(path));
    set_text(options, "urlParameters", query, strlen(query));
    json_object_set_new(options, "urlParametersMap",
                        query_map(query, strlen(query), p));
    set_text(options, "URI", url, strlen(url));
    http = json_object();
    if (request->encrypted)
        json_object_set(http, "encrypted", (json_t *)request->encrypted);
    json_object_set_new(options, "http", http);
    if (is_hmac)
        set_ordered(options, query, p);
    return options;
}

/* clang-format off */
static const flow_helper_t rows[] = {
    { "hash", 3, 4, hash, NULL, 0, "algorithm [key] encoding value", "A digest (md5 sha1 sha256 sha384 sha512) in hex or base64. With four arguments the second is a key, and it is `hmac`.", "{{{hash \"sha256\" \"hex\" \"HelloWorld\"}}}", "872e4e50ce9990d8b041330c47c9ddd11bec6b503ae9386a99da8584e9bb12c4" },
    { "hmac", 4, 5, keyed, NULL, 0, "algorithm key encoding value [keyEncoding=\"utf8\"]", "A keyed digest. A key in base64 says so at the end.", "{{{hmac \"sha256\" \"k1\" \"hex\" \"payload\"}}}", "f55aa6d0d62426dccb8b38e409fcdbd021fa5265dd89788b937614aea435089e" },
    { "aws4", 5, 5, aws4, NULL, 0, "accessKey secretKey sessionToken region service", "The Authorization header of AWS Signature Version 4. The request needs a header X-Amz-Date, and X-Amz-Security-Token with a session token. An empty region and service are read from the host's name.", NULL, NULL },
};
/* clang-format on */

const flow_helper_table_t flow_helpers_crypto = {
    "Signatures", rows, sizeof(rows) / sizeof(rows[0])
};

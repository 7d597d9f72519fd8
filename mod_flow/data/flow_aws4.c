/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_aws4.h"

#include "base/flow_buf.h"
#include "base/flow_sign.h"
#include "data/flow_escape.h"
#include "data/flow_json.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CANONICAL_MAX (1024 * 1024)

typedef struct signer_t {
    const flow_aws4_t *request;
    const char *host;
    const char *path;
    const char *query; /* "" */
    const char *date;  /* 20150830T123600Z */
    const char *region;
    const char *service;
    const char *signed_names; /* host;x-amz-date */
    const char *scope;
    apr_pool_t *p;
    flow_error_t *err;
} signer_t;

static apr_status_t bad(const signer_t *s, const char *what)
{
    return flow_error_set(s->err, FLOW_E_CONFIG, APR_EINVAL, "aws4", "%s",
                          what);
}

/* --- the URL -------------------------------------------------------------- */

static apr_status_t split_url(signer_t *s)
{
    const char *url = s->request->url, *rest, *mark;

    rest = url ? strstr(url, "://") : NULL;
    if (!rest)
        return bad(s, "the request's URL is not absolute");
    rest += 3;
    s->host = apr_pstrmemdup(s->p, rest, strcspn(rest, "/?#"));
    mark = strrchr(s->host, '@');
    if (mark)
        s->host = mark + 1;
    mark = strrchr(s->host, ':');
    if (mark && (strcmp(mark, ":443") == 0 || strcmp(mark, ":80") == 0))
        s->host = apr_pstrmemdup(s->p, s->host, (apr_size_t)(mark - s->host));
    rest += strcspn(rest, "/?#");
    s->path = apr_pstrmemdup(s->p, rest, strcspn(rest, "?#"));
    rest += strlen(s->path);
    s->query = *rest == '?'
                   ? apr_pstrmemdup(s->p, rest + 1, strcspn(rest + 1, "#"))
                   : "";
    return APR_SUCCESS;
}

/* eu-west-1, us-gov-east-1 */
static int is_region(const char *s, apr_size_t len)
{
    return len > 3 && memchr(s, '-', len) && apr_isdigit(s[len - 1]) &&
           s[len - 2] == '-' && strncmp(s, "s3-", 3) != 0;
}

/* service.region.amazonaws.com and the older forms of it. */
static apr_status_t read_host(signer_t *s)
{
    const char *tail = strstr(s->host, ".amazonaws.com"), *a, *b;
    apr_size_t alen, blen = 0;

    if (s->region[0] && s->service[0])
        return APR_SUCCESS;
    if (!tail) {
        return bad(s, "region and service must be given: the host's name does "
                      "not end in amazonaws.com");
    }
    for (a = tail; a > s->host && a[-1] != '.';)
        --a;
    alen = (apr_size_t)(tail - a);
    b = a;
    if (a > s->host) {
        for (b = a - 1; b > s->host && b[-1] != '.';)
            --b;
        blen = (apr_size_t)(a - 1 - b);
    }
    if (!is_region(a, alen) && is_region(b, blen)) { /* region.es */
        const char *c = a;
        apr_size_t clen = alen;

        a = b;
        alen = blen;
        b = c;
        blen = clen;
    }
    else if (alen > 3 && strncmp(a, "s3-", 3) == 0) {
        b = "s3";
        blen = 2;
        a += 3;
        alen -= 3;
    }
    else if (!is_region(a, alen)) {
        b = a;
        blen = alen;
        a = "us-east-1";
        alen = strlen(a);
    }
    if (!s->region[0])
        s->region = apr_pstrmemdup(s->p, a, alen);
    if (!s->service[0])
        s->service = apr_pstrmemdup(s->p, b, blen);
    return APR_SUCCESS;
}

/* --- the path ------------------------------------------------------------- */

/* Without empty segments, `.` and `..`. */
static const char *normalise(const char *path, apr_pool_t *p)
{
    apr_array_header_t *kept = apr_array_make(p, 8, sizeof(char *));
    const char *c = path, *result = "";
    int ends_in_slash = 1, i;

    while (*c) {
        apr_size_t len = strcspn(c, "/");

        ends_in_slash = c[len] == '/' || len == 0 || (len == 1 && *c == '.') ||
                        (len == 2 && strncmp(c, "..", 2) == 0);
        if (len == 2 && strncmp(c, "..", 2) == 0) {
            if (kept->nelts)
                --kept->nelts;
        }
        else if (len > 0 && !(len == 1 && *c == '.')) {
            *(const char **)apr_array_push(kept) = apr_pstrmemdup(p, c, len);
        }
        c += len;
        c += *c == '/';
    }
    for (i = 0; i < kept->nelts; ++i) {
        result =
            apr_pstrcat(p, result, "/", ((const char **)kept->elts)[i], NULL);
    }
    return ends_in_slash || !kept->nelts ? apr_pstrcat(p, result, "/", NULL)
                                         : result;
}

static int hex_value(char c)
{
    return apr_isdigit(c) ? c - '0' : apr_tolower(c) - 'a' + 10;
}

static const char *decode(const char *s, apr_size_t len, apr_size_t *plen,
                          apr_pool_t *p)
{
    char *text = apr_palloc(p, len + 1);
    apr_size_t i, n = 0;

    for (i = 0; i < len; ++i) {
        if (s[i] == '%' && i + 2 < len && apr_isxdigit(s[i + 1]) &&
            apr_isxdigit(s[i + 2])) {
            text[n++] = (char)(hex_value(s[i + 1]) << 4 | hex_value(s[i + 2]));
            i += 2;
        }
        else {
            text[n++] = s[i];
        }
    }
    text[n] = '\0';
    *plen = n;
    return text;
}

static void add_path(const signer_t *s, flow_buf_t *out)
{
    int is_s3 = strcmp(s->service, "s3") == 0;
    const char *c = is_s3 ? s->path : normalise(s->path, s->p), *text;
    apr_size_t len, n;

    if (!*c)
        c = "/";
    while (*c) {
        if (*c == '/') {
            flow_buf_addc(out, *c++);
            continue;
        }
        len = n = strcspn(c, "/");
        text = is_s3 ? decode(c, len, &n, s->p) : c;
        flow_escape_uri(out, text, n);
        c += len;
    }
}

/* --- the query ------------------------------------------------------------ */

static const char *encoded(const char *s, apr_size_t len, apr_pool_t *p)
{
    apr_size_t n;
    const char *text = decode(s, len, &n, p);
    flow_buf_t b;

    flow_buf_init(&b, CANONICAL_MAX);
    flow_escape_uri(&b, text, n);
    return flow_buf_steal(&b, NULL, p);
}

typedef struct pair_t {
    const char *name;
    const char *value;
    int at;
} pair_t;

static int by_name(const void *a, const void *b)
{
    const pair_t *x = a, *y = b;
    int cmp = strcmp(x->name, y->name);

    if (cmp == 0)
        cmp = strcmp(x->value, y->value);
    return cmp;
}

static void add_query(const signer_t *s, flow_buf_t *out)
{
    apr_array_header_t *pairs = apr_array_make(s->p, 8, sizeof(pair_t));
    const char *c = s->query;
    int i;

    while (*c) {
        apr_size_t len = strcspn(c, "&"), name = 0;

        while (name < len && c[name] != '=')
            ++name;
        if (len) {
            pair_t *pair = apr_array_push(pairs);

            pair->name = encoded(c, name, s->p);
            pair->value =
                name < len ? encoded(c + name + 1, len - name - 1, s->p) : "";
        }
        c += len;
        c += *c == '&';
    }
    qsort(pairs->elts, (size_t)pairs->nelts, sizeof(pair_t), by_name);
    for (i = 0; i < pairs->nelts; ++i) {
        const pair_t *pair = &((const pair_t *)pairs->elts)[i];

        flow_buf_addf(out, "%s%s=%s", i ? "&" : "", pair->name, pair->value);
    }
}

/* --- the headers ---------------------------------------------------------- */

/* A proxy may change these, or they are the signature itself. */
static int is_unsigned(const char *name)
{
    static const char *const names[] = {
        "authorization", "connection",        "user-agent", "x-amzn-trace-id",
        "expect",        "transfer-encoding", "keep-alive", "te",
        "upgrade",       "accept-encoding",   "cookie",
    };
    apr_size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        if (strcmp(name, names[i]) == 0)
            return 1;
    }
    return 0;
}

/* Without blanks at both ends, and one for many inside. */
static const char *folded(const char *s, apr_pool_t *p)
{
    char *text = apr_palloc(p, strlen(s) + 1), *o = text;

    for (; *s; ++s) {
        if (!apr_isspace(*s))
            *o++ = *s;
        else if (o > text && o[-1] != ' ')
            *o++ = ' ';
    }
    if (o > text && o[-1] == ' ')
        --o;
    *o = '\0';
    return text;
}

static const char *header_value(const json_t *v, apr_pool_t *p)
{
    const char *all = NULL;
    apr_size_t i;

    if (!flow_json_is(v, ARRAY))
        return folded(flow_json_to_text(v, NULL, p), p);
    for (i = 0; i < json_array_size(v); ++i) {
        const char *one =
            folded(flow_json_to_text(json_array_get(v, i), NULL, p), p);

        all = all ? apr_pstrcat(p, all, ",", one, NULL) : one;
    }
    return all ? all : "";
}

static const char *find_header(const apr_array_header_t *pairs,
                               const char *name)
{
    int i;

    for (i = 0; i < pairs->nelts; ++i) {
        const pair_t *pair = &((const pair_t *)pairs->elts)[i];

        if (strcmp(pair->name, name) == 0)
            return pair->value;
    }
    return NULL;
}

static apr_array_header_t *read_headers(const signer_t *s)
{
    apr_array_header_t *pairs = apr_array_make(s->p, 8, sizeof(pair_t));
    json_t *v;
    const char *key;

    json_object_foreach((json_t *)s->request->headers, key, v)
    {
        char *name = apr_pstrdup(s->p, key), *c;
        pair_t *pair;

        for (c = name; *c; ++c)
            *c = (char)apr_tolower(*c);
        if (is_unsigned(name))
            continue;
        pair = apr_array_push(pairs);
        pair->name = name;
        pair->value = header_value(v, s->p);
    }
    if (!find_header(pairs, "host")) {
        pair_t *pair = apr_array_push(pairs);

        pair->name = "host";
        pair->value = s->host;
    }
    qsort(pairs->elts, (size_t)pairs->nelts, sizeof(pair_t), by_name);
    return pairs;
}

static void add_headers(signer_t *s, const apr_array_header_t *pairs,
                        flow_buf_t *out)
{
    const char *names = NULL;
    int i;

    for (i = 0; i < pairs->nelts; ++i) {
        const pair_t *pair = &((const pair_t *)pairs->elts)[i];

        flow_buf_addf(out, "%s:%s\n", pair->name, pair->value);
        names = names ? apr_pstrcat(s->p, names, ";", pair->name, NULL)
                      : pair->name;
    }
    s->signed_names = names;
}

/* --- the signature -------------------------------------------------------- */

static const char *sha256(const void *data, apr_size_t len, apr_pool_t *p)
{
    unsigned char digest[FLOW_DIGEST_MAX];
    apr_size_t n;

    if (flow_digest(FLOW_DIGEST_SHA256, data, len, digest, &n) != APR_SUCCESS)
        return NULL;
    return flow_hex(digest, n, p);
}

static const char *canonical_request(signer_t *s,
                                     const apr_array_header_t *headers)
{
    const char *payload = find_header(headers, "x-amz-content-sha256");
    flow_buf_t out;
    const char *digest;

    if (!payload) {
        payload = sha256(s->request->body ? s->request->body : "",
                         s->request->body_len, s->p);
    }
    flow_buf_init(&out, CANONICAL_MAX);
    flow_buf_addf(&out, "%s\n", s->request->method);
    add_path(s, &out);
    flow_buf_addc(&out, '\n');
    add_query(s, &out);
    flow_buf_addc(&out, '\n');
    add_headers(s, headers, &out);
    flow_buf_addf(&out, "\n%s\n%s", s->signed_names, payload ? payload : "");
    digest = out.status == APR_SUCCESS && payload
                 ? sha256(out.data, out.len, s->p)
                 : NULL;
    flow_buf_release(&out);
    return digest;
}

static int chain(unsigned char *key, apr_size_t *plen, const char *text)
{
    unsigned char out[FLOW_DIGEST_MAX];
    apr_size_t n;

    if (flow_hmac(FLOW_DIGEST_SHA256, key, *plen, text, strlen(text), out,
                  &n) != APR_SUCCESS)
        return 0;
    memcpy(key, out, n);
    *plen = n;
    return 1;
}

static const char *signature(const signer_t *s, const char *to_sign)
{
    const char *secret =
        apr_pstrcat(s->p, "AWS4", s->request->secret_key, NULL);
    char *day = apr_pstrmemdup(s->p, s->date, 8);
    unsigned char key[FLOW_DIGEST_MAX];
    apr_size_t n;

    if (flow_hmac(FLOW_DIGEST_SHA256, secret, strlen(secret), day, 8, key,
                  &n) != APR_SUCCESS ||
        !chain(key, &n, s->region) || !chain(key, &n, s->service) ||
        !chain(key, &n, "aws4_request") || !chain(key, &n, to_sign))
        return NULL;
    return flow_hex(key, n, s->p);
}

static apr_status_t check(signer_t *s, const apr_array_header_t *headers)
{
    s->date = find_header(headers, "x-amz-date");
    if (!s->date || strlen(s->date) != 16 || s->date[8] != 'T') {
        return bad(s, "the request needs a header X-Amz-Date such as "
                      "20150830T123600Z; make it with {{{timestamp "
                      "\"YYYYMMDD[T]HHmmss[Z]\" \"UTC\"}}}");
    }
    if (s->request->token && s->request->token[0] &&
        !find_header(headers, "x-amz-security-token")) {
        return bad(s, "with a session token the request needs it as its "
                      "header X-Amz-Security-Token");
    }
    if (!s->request->access_key || !s->request->access_key[0] ||
        !s->request->secret_key || !s->request->secret_key[0])
        return bad(s, "the access key or the secret key is empty");
    return APR_SUCCESS;
}

apr_status_t flow_aws4_sign(const flow_aws4_t *request, const char **pvalue,
                            apr_pool_t *p, flow_error_t *err)
{
    signer_t s = { request };
    const char *digest, *to_sign, *result = NULL;
    apr_array_header_t *headers;
    apr_status_t rv;

    s.p = p;
    s.err = err;
    s.region = request->region ? request->region : "";
    s.service = request->service ? request->service : "";
    rv = split_url(&s);
    if (rv == APR_SUCCESS)
        rv = read_host(&s);
    if (rv != APR_SUCCESS)
        return rv;
    headers = read_headers(&s);
    rv = check(&s, headers);
    if (rv != APR_SUCCESS)
        return rv;
    s.scope =
        apr_psprintf(p, "%.8s/%s/%s/aws4_request", s.date, s.region, s.service);
    digest = canonical_request(&s, headers);
    if (digest) {
        to_sign = apr_psprintf(p, "AWS4-HMAC-SHA256\n%s\n%s\n%s", s.date,
                               s.scope, digest);
        result = signature(&s, to_sign);
    }
    if (!result) {
        return flow_error_set(err, FLOW_E_INTERNAL, APR_EGENERAL, "aws4",
                              "the request cannot be signed");
    }
    *pvalue =
        apr_psprintf(p,
                     "AWS4-HMAC-SHA256 Credential=%s/%s, "
                     "SignedHeaders=%s, Signature=%s",
                     request->access_key, s.scope, s.signed_names, result);
    return APR_SUCCESS;
}

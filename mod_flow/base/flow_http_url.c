/* SPDX-License-Identifier: Apache-2.0 */
#include "base/flow_http_url.h"

#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include <curl/curl.h>

#include "base/flow_http.h"

/* Longer than any URL that a server takes, short enough to copy freely. */
#define URL_MAX_BYTES 65536

static const char no_scheme[] = "it begins with neither http:// nor https://";

/* The parser's own words, none of which repeat the URL. */
static const char *explain(CURLUcode rc, apr_pool_t *p)
{
    char *text;

    if (rc == CURLUE_BAD_SCHEME || rc == CURLUE_UNSUPPORTED_SCHEME) {
        return no_scheme;
    }
    text = apr_pstrdup(p, curl_url_strerror(rc));
    text[0] = (char)apr_tolower(text[0]);
    return text;
}

static const char *get_part(CURLU *u, CURLUPart part, unsigned flags,
                            const char **pvalue, apr_pool_t *p)
{
    char *value = NULL;
    CURLUcode rc = curl_url_get(u, part, &value, flags);

    if (rc != CURLUE_OK) {
        return explain(rc, p);
    }
    *pvalue = apr_pstrdup(p, value);
    curl_free(value);
    return NULL;
}

static int has_part(CURLU *u, CURLUPart part)
{
    char *value = NULL;
    CURLUcode rc = curl_url_get(u, part, &value, 0);

    curl_free(value);
    return rc == CURLUE_OK;
}

/* @return NULL for a name in another alphabet: libcurl would translate it by
 * the process' locale, which in httpd knows only ASCII */
static const char *clean_host(const char *host, apr_pool_t *p)
{
    apr_size_t len = strlen(host), i;
    char *out;

    if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
        ++host;
        len -= 2;
    }
    out = apr_pstrmemdup(p, host, len);
    for (i = 0; i < len; ++i) {
        if ((unsigned char)out[i] <= ' ' || (unsigned char)out[i] >= 0x7f) {
            return NULL;
        }
        out[i] = (char)apr_tolower(out[i]);
    }
    return out;
}

static const char *read_parts(CURLU *u, flow_http_url_t *url, apr_pool_t *p)
{
    const char *host = "", *port = "", *why;

    /* a password in a URL ends up in every log that shows the URL */
    if (has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_PASSWORD)) {
        return "it holds a user name or password; these belong in the "
               "connection's authentication";
    }
    curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);

    why = get_part(u, CURLUPART_SCHEME, 0, &url->scheme, p);
    if (why) {
        return why;
    }
    if (strcmp(url->scheme, "http") && strcmp(url->scheme, "https")) {
        return no_scheme;
    }
    why = get_part(u, CURLUPART_HOST, 0, &host, p);
    why = why ? why : get_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, &port, p);
    if (why) {
        return why;
    }
    url->host = clean_host(host, p);
    if (!url->host) {
        return "its host name is not ASCII; write it in its 'xn--' form";
    }
    url->port = (int)strtol(port, NULL, 10);
    return get_part(u, CURLUPART_URL, 0, &url->text, p);
}

static const char *parse_once(flow_http_url_t *url, const char *base,
                              const char *text, apr_pool_t *p)
{
    CURLU *u;
    CURLUcode rc = CURLUE_OK;
    const char *why = NULL;

    memset(url, 0, sizeof(*url));
    url->scheme = url->host = url->text = "";
    if (!text || strlen(text) > URL_MAX_BYTES) {
        return text ? "it is longer than 64 KB" : "it is missing";
    }
    u = curl_url();
    if (!u) {
        return "out of memory";
    }
    if (base) {
        rc = curl_url_set(u, CURLUPART_URL, base, 0);
    }
    if (rc == CURLUE_OK) {
        /* what servers put into Location is often not encoded */
        rc = curl_url_set(u, CURLUPART_URL, text,
                          base ? CURLU_URLENCODE | CURLU_ALLOW_SPACE : 0);
    }
    why = rc == CURLUE_OK ? read_parts(u, url, p) : explain(rc, p);
    curl_url_cleanup(u);
    return why;
}

/* libcurl decodes %30 in a host to 0, and then reads 0 as 0.0.0.0: what is
 * checked has to be what is called. */
const char *flow_http_url_parse(flow_http_url_t *url, const char *base,
                                const char *text, apr_pool_t *p)
{
    flow_http_url_t again;
    const char *why = parse_once(url, base, text, p);

    if (!why && (parse_once(&again, NULL, url->text, p) ||
                 !flow_http_url_is_same_origin(url, &again) ||
                 strcmp(url->text, again.text) != 0)) {
        why = "its host is not written plainly; percent signs do not belong "
              "there";
    }
    return why;
}

const char *flow_http_proxy_problem(const char *proxy, apr_pool_t *p)
{
    CURLU *u = curl_url();
    CURLUcode rc =
        u ? curl_url_set(u, CURLUPART_URL, proxy, 0) : CURLUE_OUT_OF_MEMORY;
    const char *why = rc == CURLUE_OK ? NULL : explain(rc, p), *part = "";

    if (!why) {
        why = get_part(u, CURLUPART_SCHEME, 0, &part, p);
    }
    if (!why && strcmp(part, "http") && strcmp(part, "https")) {
        why = no_scheme;
    }
    if (!why &&
        (get_part(u, CURLUPART_PATH, 0, &part, p) || strcmp(part, "/") ||
         has_part(u, CURLUPART_QUERY) || has_part(u, CURLUPART_FRAGMENT))) {
        why = "nothing may follow its port";
    }
    curl_url_cleanup(u);
    return why;
}

int flow_http_url_is_same_origin(const flow_http_url_t *a,
                                 const flow_http_url_t *b)
{
    return !strcmp(a->scheme, b->scheme) && !strcmp(a->host, b->host) &&
           a->port == b->port;
}

char *flow_url_host(const char *url, apr_pool_t *p)
{
    flow_http_url_t parsed;

    if (flow_http_url_parse(&parsed, NULL, url, p)) {
        return NULL;
    }
    return apr_pstrdup(p, parsed.host);
}

char *flow_url_encode(const char *text, apr_size_t len, apr_pool_t *p)
{
    static const char digit[] = "0123456789ABCDEF";
    char *out = apr_palloc(p, 3 * len + 1), *at = out;
    apr_size_t i;

    for (i = 0; i < len; ++i) {
        unsigned char c = (unsigned char)text[i];

        if (c < 0x80 && (apr_isalnum(c) || strchr("-._~", c)) && c) {
            *at++ = (char)c;
        }
        else {
            *at++ = '%';
            *at++ = digit[c >> 4];
            *at++ = digit[c & 15];
        }
    }
    *at = '\0';
    return out;
}

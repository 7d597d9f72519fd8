/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses: joining, resolving, comparing, and the Link header.
 */
#include "connectors/flow_conn_http.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>

#define URL_MAX 16384

/* ---- origins ---- */

static int has_scheme(const char *url)
{
    return strncasecmp(url, "http://", 7) == 0 ||
           strncasecmp(url, "https://", 8) == 0;
}

/* RFC 3986: scheme ":", so that "ftp://x" and "javascript:" are not taken for
 * relative references. */
static int is_absolute(const char *s)
{
    if (!apr_isalpha(*s)) {
        return 0;
    }
    while (apr_isalnum(*s) || *s == '+' || *s == '-' || *s == '.') {
        ++s;
    }
    return *s == ':';
}

/* "https://Shop.example.com/x" -> "https://shop.example.com:443", or NULL. */
static const char *origin(const char *url, apr_pool_t *p)
{
    int secure = strncasecmp(url, "https", 5) == 0;
    const char *host, *colon;
    apr_size_t len;
    char *lower;

    if (!has_scheme(url)) {
        return NULL;
    }
    host = url + (secure ? 8 : 7);
    len = strcspn(host, "/?#");
    lower = apr_pstrmemdup(p, host, len);
    if (len == 0 || strpbrk(lower, "@\\ ")) {
        return NULL;
    }
    for (char *s = lower; *s; ++s) {
        *s = (char)apr_tolower(*s);
    }
    colon = strrchr(lower, ':');
    if (colon && strchr(colon, ']')) {
        colon = NULL; /* inside of an IPv6 address */
    }
    return apr_pstrcat(p, secure ? "https://" : "http://", lower,
                       colon    ? ""
                       : secure ? ":443"
                                : ":80",
                       NULL);
}

int flow_conn_http_same_origin(const char *a, const char *b, apr_pool_t *p)
{
    const char *x = origin(a, p), *y = origin(b, p);

    return x && y && strcmp(x, y) == 0;
}

/* ---- joining ---- */

/* Bytes that cannot stand in a URL, percent-encoded; '%' stays, since the
 * templates have encoded what they put in. */
static char *clean(const char *url, apr_pool_t *p)
{
    static const char hex[] = "0123456789ABCDEF";
    char *out = apr_palloc(p, strlen(url) * 3 + 1);
    apr_size_t n = 0;

    for (; *url; ++url) {
        unsigned char c = (unsigned char)*url;

        if (c <= ' ' || c >= 0x7F || strchr("\"<>\\^`{|}#", c)) {
            out[n++] = '%';
            out[n++] = hex[c >> 4];
            out[n++] = hex[c & 15];
        }
        else {
            out[n++] = (char)c;
        }
    }
    out[n] = '\0';
    return out;
}

apr_status_t flow_conn_http_join(const char **purl, const char *base,
                                 const char *relative, apr_pool_t *p,
                                 flow_error_t *err)
{
    apr_size_t len = strlen(base);
    const char *slash = "";

    if (!origin(base, p)) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "url_invalid",
                              "the baseURI is no absolute http or https "
                              "address");
    }
    if (is_absolute(relative)) {
        if (!flow_conn_http_same_origin(base, relative, p)) {
            return flow_error_set(err, FLOW_E_CONFIG, APR_EACCES, "url_foreign",
                                  "the address leads away from the baseURI's "
                                  "scheme, host and port");
        }
        *purl = clean(relative, p);
        return APR_SUCCESS;
    }
    while (len > 0 && base[len - 1] == '/') {
        --len;
    }
    if (relative[0] && !strchr("/?", relative[0])) {
        slash = "/";
    }
    if (len + strlen(relative) > URL_MAX) {
        return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC, "url_too_long",
                              "the address would have more than %d bytes",
                              URL_MAX);
    }
    *purl =
        clean(apr_psprintf(p, "%.*s%s%s", (int)len, base, slash, relative), p);
    return APR_SUCCESS;
}

const char *flow_conn_http_add_query(const char *url, const char *pair,
                                     apr_pool_t *p)
{
    apr_size_t len = strlen(url);
    const char *sep = !strchr(url, '?')                            ? "?"
                      : url[len - 1] == '?' || url[len - 1] == '&' ? ""
                                                                   : "&";

    return apr_pstrcat(p, url, sep, pair, NULL);
}

/* Is this "name" or "name=..." of the parameter @a name (as it is encoded)? */
static int is_parameter(const char *pair, apr_size_t len, const char *name)
{
    apr_size_t n = strlen(name);

    return len >= n && strncmp(pair, name, n) == 0 &&
           (len == n || pair[n] == '=');
}

const char *flow_conn_http_set_query(const char *url, const char *name,
                                     const char *value, apr_pool_t *p)
{
    const char *coded = flow_url_encode(name, strlen(name), p);
    const char *s = strchr(url, '?');
    char *out;
    apr_size_t n;

    value = apr_pstrcat(p, coded, "=", flow_url_encode(value, strlen(value), p),
                        NULL);
    if (!s) {
        return flow_conn_http_add_query(url, value, p);
    }
    n = (apr_size_t)(++s - url);
    out = apr_palloc(p, strlen(url) + 1);
    memcpy(out, url, n);
    while (*s) {
        apr_size_t len = strcspn(s, "&"), whole = len + (s[len] == '&');

        if (!is_parameter(s, len, coded) && !is_parameter(s, len, name)) {
            memcpy(out + n, s, whole);
            n += whole;
        }
        s += whole;
    }
    out[n] = '\0';
    return flow_conn_http_add_query(out, value, p);
}

const char *flow_conn_http_resolve(const char *base, const char *reference,
                                   apr_pool_t *p)
{
    const char *ref = apr_pstrmemdup(p, reference, strcspn(reference, "#"));
    const char *authority, *path, *slash;
    apr_size_t path_len;

    if (is_absolute(ref) || !has_scheme(base)) {
        return ref;
    }
    authority = strstr(base, "//");
    if (strncmp(ref, "//", 2) == 0) {
        return apr_pstrcat(p, apr_pstrmemdup(p, base, authority - base), ref,
                           NULL);
    }
    path = authority + 2 + strcspn(authority + 2, "/?#");
    path_len = strcspn(path, "?#");
    if (ref[0] == '/') {
        path_len = 0;
    }
    else if (ref[0] == '\0') {
        return apr_pstrmemdup(p, base, strcspn(base, "#"));
    }
    else if (ref[0] != '?') {
        for (slash = path + path_len; slash > path && slash[-1] != '/';) {
            --slash;
        }
        path_len = (apr_size_t)(slash - path);
    }
    return apr_pstrcat(p, apr_pstrmemdup(p, base, path + path_len - base),
                       path_len == 0 && !strchr("/?", ref[0]) ? "/" : "", ref,
                       NULL);
}

/* ---- Link: <https://x/?page=2>; rel="next", ... ---- */

static const char *skip_blanks(const char *s)
{
    return s + strspn(s, " \t");
}

/* A token or a quoted string; moves *ps behind it. */
static const char *read_value(const char **ps, apr_pool_t *p)
{
    const char *s = *ps;
    apr_size_t len;
    char *out;

    if (*s != '"') {
        len = strcspn(s, " \t;,");
        *ps = s + len;
        return apr_pstrmemdup(p, s, len);
    }
    out = apr_palloc(p, strlen(s) + 1);
    len = 0;
    for (++s; *s && *s != '"'; ++s) {
        if (*s == '\\' && s[1]) {
            ++s;
        }
        out[len++] = *s;
    }
    out[len] = '\0';
    *ps = *s ? s + 1 : s;
    return out;
}

static int has_word(const char *list, const char *word)
{
    apr_size_t len = strlen(word);

    for (;;) {
        apr_size_t n;

        list = skip_blanks(list);
        n = strcspn(list, " \t");
        if (n == 0) {
            return 0;
        }
        if (n == len && strncasecmp(list, word, len) == 0) {
            return 1;
        }
        list += n;
    }
}

/* The parameters of one link up to its comma: is it of relation @a rel, and
 * about this very resource (no anchor)? */
static int read_params(const char **ps, const char *rel, apr_pool_t *p)
{
    const char *s = *ps, *name, *value, *seen_rel = NULL;
    int has_anchor = 0;

    for (;;) {
        apr_size_t len;

        s = skip_blanks(s);
        if (*s != ';') {
            break;
        }
        s = skip_blanks(s + 1);
        len = strcspn(s, " \t=;,");
        name = apr_pstrmemdup(p, s, len);
        s = skip_blanks(s + len);
        value = "";
        if (*s == '=') {
            s = skip_blanks(s + 1);
            value = read_value(&s, p);
        }
        /* Only the first rel counts (RFC 8288, 3.3). */
        if (strcasecmp(name, "rel") == 0 && !seen_rel) {
            seen_rel = value;
        }
        has_anchor |= strcasecmp(name, "anchor") == 0;
    }
    *ps = s;
    return seen_rel && !has_anchor && has_word(seen_rel, rel);
}

const char *flow_conn_http_link(const char *value, const char *rel,
                                apr_pool_t *p)
{
    const char *s = value, *end, *target;

    while (*s) {
        s += strspn(s, " \t,");
        if (*s != '<') {
            /* No link: on to the next comma. */
            s += strcspn(s, ",");
            continue;
        }
        end = strchr(++s, '>');
        if (!end) {
            return NULL;
        }
        target = apr_pstrmemdup(p, s, (apr_size_t)(end - s));
        s = end + 1;
        if (read_params(&s, rel, p)) {
            return target;
        }
        s += strcspn(s, ",");
    }
    return NULL;
}

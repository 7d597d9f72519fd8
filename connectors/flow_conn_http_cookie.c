/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cookies (RFC 6265) of one connection: a JSON array of
 * {name, value, domain, path, host, secure, expires}, newest last.
 */
#include "connectors/flow_conn_http_auth.h"

#include <apr_date.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>

#define COOKIES_MAX 50
#define COOKIE_MAX  4096
#define AGE_MAX     APR_INT64_C(34560000) /* seconds: 400 days */

typedef struct place_t {
    const char *host, *path;
    int is_secure;
} place_t;

static int read_place(place_t *place, const char *url, apr_pool_t *p)
{
    const char *s = strstr(url, "//");

    place->host = flow_url_host(url, p);
    place->is_secure = strncasecmp(url, "https:", 6) == 0;
    s = s ? s + 2 + strcspn(s + 2, "/?#") : "";
    place->path = *s == '/' ? apr_pstrmemdup(p, s, strcspn(s, "?#")) : "/";
    return place->host != NULL;
}

/* 5.1.3; the caller has seen to it that @a domain is no address. */
static int domain_fits(const char *host, const char *domain)
{
    apr_size_t n = strlen(host), m = strlen(domain);

    return strcmp(host, domain) == 0 ||
           (n > m && strcmp(host + n - m, domain) == 0 &&
            host[n - m - 1] == '.');
}

static int path_fits(const char *path, const char *prefix) /* 5.1.4 */
{
    apr_size_t n = strlen(prefix);

    return strncmp(path, prefix, n) == 0 &&
           (path[n] == '\0' || path[n] == '/' || prefix[n - 1] == '/');
}

static json_t *read_jar(const char *jar, apr_pool_t *p)
{
    flow_error_t ignored = FLOW_ERROR_INIT;
    json_t *list = NULL;

    if (!jar ||
        flow_json_parse(&list, jar, strlen(jar), &ignored) != APR_SUCCESS) {
        list = json_array();
    }
    return flow_json_own(p, list);
}

static int is_expired(const json_t *cookie, apr_time_t now)
{
    apr_int64_t expires;

    return flow_json_int64(json_object_get(cookie, "expires"), &expires) &&
           expires <= apr_time_sec(now);
}

static int is_for(const json_t *cookie, const place_t *place)
{
    const char *domain = flow_json_member(cookie, "domain");
    const char *path = flow_json_member(cookie, "path");

    if (!domain || !path ||
        (json_is_true(json_object_get(cookie, "secure")) &&
         !place->is_secure) ||
        !path_fits(place->path, path)) {
        return 0;
    }
    return json_is_true(json_object_get(cookie, "host"))
               ? strcmp(place->host, domain) == 0
               : domain_fits(place->host, domain);
}

const char *flow_conn_http_cookies_for(const char *jar, const char *url,
                                       apr_time_t now, apr_pool_t *p)
{
    json_t *list = read_jar(jar, p), *cookie;
    const char *out = NULL;
    place_t place;
    size_t i;

    if (!read_place(&place, url, p)) {
        return NULL;
    }
    json_array_foreach(list, i, cookie)
    {
        const char *name = flow_json_member(cookie, "name");
        const char *value = flow_json_member(cookie, "value");

        if (name && value && is_for(cookie, &place) &&
            !is_expired(cookie, now)) {
            out = apr_pstrcat(p, out ? out : "", out ? "; " : "", name, "=",
                              value, NULL);
        }
    }
    return out;
}

/* ---- Set-Cookie ---- */

static const char *trimmed(const char *s, apr_size_t len, apr_pool_t *p)
{
    while (len > 0 && strchr(" \t", *s)) {
        ++s;
        --len;
    }
    while (len > 0 && strchr(" \t", s[len - 1])) {
        --len;
    }
    return apr_pstrmemdup(p, s, len);
}

static void set_text(json_t *cookie, const char *name, const char *text)
{
    json_object_set_new(cookie, name, flow_json_string_new(text, strlen(text)));
}

/* Numbers and colons: a host that has no subdomains. */
static int is_address(const char *host)
{
    return strchr(host, ':') || strspn(host, "0123456789.") == strlen(host);
}

static int set_domain(json_t *cookie, const char *value, const place_t *place,
                      apr_pool_t *p)
{
    char *domain = apr_pstrdup(p, value + (*value == '.')), *s;

    for (s = domain; *s; ++s) {
        *s = (char)apr_tolower(*s);
    }
    if (!*domain) {
        return 1;
    }
    /* A whole top level is nobody's domain. */
    if (!domain_fits(place->host, domain) ||
        (strcmp(domain, place->host) != 0 &&
         (is_address(place->host) || !strchr(domain, '.')))) {
        return 0;
    }
    set_text(cookie, "domain", domain);
    json_object_set_new(cookie, "host", json_false());
    return 1;
}

/* Max-Age wins over Expires. */
static int set_attribute(json_t *cookie, const char *name, const char *value,
                         const place_t *place, apr_time_t now, apr_pool_t *p)
{
    if (strcasecmp(name, "domain") == 0) {
        return set_domain(cookie, value, place, p);
    }
    if (strcasecmp(name, "path") == 0 && value[0] == '/') {
        set_text(cookie, "path", value);
    }
    else if (strcasecmp(name, "secure") == 0) {
        json_object_set_new(cookie, "secure", json_true());
    }
    else if (strcasecmp(name, "max-age") == 0 &&
             (apr_isdigit(*value) || *value == '-')) {
        apr_int64_t age = apr_strtoi64(value, NULL, 10);

        age = age > AGE_MAX ? AGE_MAX : age;
        json_object_set_new(cookie, "maxAge", json_true());
        json_object_set_new(
            cookie, "expires",
            json_integer(age <= 0 ? 0 : apr_time_sec(now) + age));
    }
    else if (strcasecmp(name, "expires") == 0 &&
             !json_object_get(cookie, "maxAge")) {
        apr_time_t at = apr_date_parse_rfc(value);

        /* The epoch itself, a favourite for "delete it", reads as bad. */
        if (at != APR_DATE_BAD || strstr(value, "1970 00:00:00")) {
            json_object_set_new(cookie, "expires",
                                json_integer(apr_time_sec(at)));
        }
    }
    return 1;
}

/* New, or NULL when it is to be ignored. */
static json_t *read_cookie(const char *s, const place_t *place, apr_time_t now,
                           apr_pool_t *p)
{
    apr_size_t len = strcspn(s, ";");
    const char *eq = memchr(s, '=', len), *name, *slash;
    json_t *cookie;
    int ok = 1;

    if (!eq || eq == s || strlen(s) > COOKIE_MAX ||
        !flow_utf8_is_valid(s, strlen(s))) {
        return NULL;
    }
    cookie = json_object();
    set_text(cookie, "name", trimmed(s, (apr_size_t)(eq - s), p));
    set_text(cookie, "value",
             trimmed(eq + 1, len - (apr_size_t)(eq - s) - 1, p));
    set_text(cookie, "domain", place->host);
    json_object_set_new(cookie, "host", json_true());
    slash = strrchr(place->path, '/');
    set_text(
        cookie, "path",
        slash > place->path
            ? apr_pstrmemdup(p, place->path, (apr_size_t)(slash - place->path))
            : "/");
    for (s += len; *s && ok; s += len) {
        ++s;
        len = strcspn(s, ";");
        eq = memchr(s, '=', len);
        name = trimmed(s, eq ? (apr_size_t)(eq - s) : len, p);
        ok = set_attribute(
            cookie, name,
            eq ? trimmed(eq + 1, len - (apr_size_t)(eq - s) - 1, p) : "", place,
            now, p);
    }
    if (!ok) {
        json_decref(cookie);
        return NULL;
    }
    json_object_del(cookie, "maxAge");
    return cookie;
}

static int is_same(const json_t *a, const json_t *b)
{
    static const char *const names[] = { "name", "domain", "path" };
    size_t i;

    for (i = 0; i < 3; ++i) {
        if (!flow_json_equal(json_object_get(a, names[i]),
                             json_object_get(b, names[i]))) {
            return 0;
        }
    }
    return 1;
}

/* Steals @a cookie. */
static void put(json_t *list, json_t *cookie, apr_time_t now)
{
    size_t i;

    for (i = 0; i < json_array_size(list);) {
        const json_t *old = json_array_get(list, i);

        if (is_same(old, cookie) || is_expired(old, now)) {
            json_array_remove(list, i);
        }
        else {
            ++i;
        }
    }
    if (is_expired(cookie, now)) {
        json_decref(cookie);
        return;
    }
    json_array_append_new(list, cookie);
    if (json_array_size(list) > COOKIES_MAX) {
        json_array_remove(list, 0);
    }
}

const char *flow_conn_http_cookies_take(const char *jar,
                                        const apr_table_t *headers,
                                        const char *url, apr_time_t now,
                                        apr_pool_t *p)
{
    const apr_array_header_t *elts = apr_table_elts(headers);
    const apr_table_entry_t *e = (const apr_table_entry_t *)elts->elts;
    json_t *list = NULL, *cookie;
    place_t place;
    int i;

    if (!read_place(&place, url, p)) {
        return jar;
    }
    for (i = 0; i < elts->nelts; ++i) {
        if (strcasecmp(e[i].key, "Set-Cookie") != 0) {
            continue;
        }
        cookie = read_cookie(e[i].val, &place, now, p);
        if (cookie) {
            list = list ? list : read_jar(jar, p);
            put(list, cookie, now);
        }
    }
    return list ? flow_json_text(list, NULL, p) : jar;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digest authentication (RFC 7616, and RFC 2617 where a server has no qop).
 */
#include "connectors/flow_conn_http_auth.h"

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 4096

typedef struct challenge_t {
    const char *realm, *nonce, *opaque, *algorithm;
    int has_qop, has_auth, userhash;
} challenge_t;

struct http_digest_t {
    apr_thread_mutex_t *lock;
    int is_known;
    char *realm, *nonce, *opaque, *algorithm; /* malloc; opaque may be NULL */
    int has_qop, userhash;
    unsigned count; /* requests with this nonce */
};

static void forget(http_digest_t *d)
{
    free(d->realm);
    free(d->nonce);
    free(d->opaque);
    free(d->algorithm);
    d->realm = d->nonce = d->opaque = d->algorithm = NULL;
    d->is_known = 0;
}

static apr_status_t digest_cleanup(void *data)
{
    forget(data);
    return APR_SUCCESS;
}

http_digest_t *flow_conn_http_digest_create(apr_pool_t *p)
{
    http_digest_t *d = apr_pcalloc(p, sizeof(*d));

    if (apr_thread_mutex_create(&d->lock, APR_THREAD_MUTEX_DEFAULT, p) !=
        APR_SUCCESS) {
        return NULL;
    }
    apr_pool_cleanup_register(p, d, digest_cleanup, apr_pool_cleanup_null);
    return d;
}

/* ---- WWW-Authenticate ---- */

static const char *skip(const char *s)
{
    return s + strspn(s, " \t,");
}

/* name = token | "quoted"; moves *ps behind it, 0 when there is none. */
static int read_param(const char **ps, const char **pname, const char **pvalue,
                      apr_pool_t *p)
{
    const char *s = skip(*ps);
    apr_size_t len = strcspn(s, " \t=,\""), n = 0;
    const char *after = s + len + strspn(s + len, " \t");
    char *out;

    if (len == 0 || *after != '=') {
        return 0;
    }
    *pname = apr_pstrmemdup(p, s, len);
    s = after + 1;
    s += strspn(s, " \t");
    if (*s != '"') {
        len = strcspn(s, " \t,");
        *pvalue = apr_pstrmemdup(p, s, len);
        *ps = s + len;
        return 1;
    }
    out = apr_palloc(p, strlen(s) + 1);
    for (++s; *s && *s != '"'; ++s) {
        s += *s == '\\' && s[1];
        out[n++] = *s;
    }
    out[n] = '\0';
    *pvalue = out;
    *ps = *s ? s + 1 : s;
    return 1;
}

static int has_word(const char *list, const char *word)
{
    apr_size_t len = strlen(word);

    for (list = skip(list); *list; list = skip(list)) {
        apr_size_t n = strcspn(list, " \t,");

        if (n == len && strncasecmp(list, word, n) == 0) {
            return 1;
        }
        list += n;
    }
    return 0;
}

static void set_param(challenge_t *c, const char *name, const char *value)
{
    if (strcasecmp(name, "realm") == 0) {
        c->realm = value;
    }
    else if (strcasecmp(name, "nonce") == 0) {
        c->nonce = value;
    }
    else if (strcasecmp(name, "opaque") == 0) {
        c->opaque = value;
    }
    else if (strcasecmp(name, "algorithm") == 0) {
        c->algorithm = value;
    }
    else if (strcasecmp(name, "qop") == 0) {
        c->has_qop = 1;
        c->has_auth = has_word(value, "auth");
    }
    else if (strcasecmp(name, "userhash") == 0) {
        c->userhash = strcasecmp(value, "true") == 0;
    }
}

/* 0: not for us; the higher the better. */
static int strength(const challenge_t *c)
{
    if (!c->realm || !c->nonce || (c->has_qop && !c->has_auth) ||
        strlen(c->realm) > VALUE_MAX || strlen(c->nonce) > VALUE_MAX ||
        (c->opaque && strlen(c->opaque) > VALUE_MAX)) {
        return 0;
    }
    if (!c->algorithm || strncasecmp(c->algorithm, "MD5", 3) == 0) {
        return 1;
    }
    return strcasecmp(c->algorithm, "SHA-256") == 0 ||
                   strcasecmp(c->algorithm, "SHA-256-sess") == 0
               ? 2
               : 0;
}

/* One field may hold several challenges: a name that no '=' follows begins
 * one. */
static void read_field(const char *s, challenge_t *best, apr_pool_t *p)
{
    challenge_t c = { NULL };
    const char *name, *value;
    int is_digest = 0;

    for (s = skip(s);; s = skip(s)) {
        if (read_param(&s, &name, &value, p)) {
            if (is_digest) {
                set_param(&c, name, value);
            }
            continue;
        }
        if (is_digest && strength(&c) > strength(best)) {
            *best = c;
        }
        if (!*s) {
            return;
        }
        memset(&c, 0, sizeof(c));
        is_digest = strncasecmp(s, "Digest", 6) == 0 && strchr(" \t", s[6]);
        value = s;
        s += strcspn(s, " \t,");
        s += s == value; /* whatever that was, get on */
    }
}

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

int flow_conn_http_digest_learn(http_digest_t *d, const apr_table_t *headers,
                                apr_pool_t *p)
{
    const apr_array_header_t *list = apr_table_elts(headers);
    const apr_table_entry_t *e = (const apr_table_entry_t *)list->elts;
    challenge_t best = { NULL };
    int i;

    for (i = 0; i < list->nelts; ++i) {
        if (strcasecmp(e[i].key, "WWW-Authenticate") == 0) {
            read_field(e[i].val, &best, p);
        }
    }
    if (!strength(&best)) {
        return 0;
    }
    apr_thread_mutex_lock(d->lock);
    forget(d);
    d->realm = copy(best.realm);
    d->nonce = copy(best.nonce);
    d->opaque = copy(best.opaque);
    d->algorithm = copy(best.algorithm ? best.algorithm : "MD5");
    d->has_qop = best.has_qop;
    d->userhash = best.userhash;
    d->count = 0;
    d->is_known = d->realm && d->nonce && d->algorithm;
    i = d->is_known;
    apr_thread_mutex_unlock(d->lock);
    return i;
}

/* ---- Authorization ---- */

static const char *hash(flow_digest_e alg, apr_pool_t *p, const char *text)
{
    unsigned char raw[FLOW_DIGEST_MAX];
    apr_size_t len = 0;

    return flow_digest(alg, text, strlen(text), raw, &len) == APR_SUCCESS
               ? flow_hex(raw, len, p)
               : NULL;
}

static flow_digest_e digest_of(const char *algorithm)
{
    return strncasecmp(algorithm, "SHA-256", 7) == 0 ? FLOW_DIGEST_SHA256
                                                     : FLOW_DIGEST_MD5;
}

const char *flow_conn_http_digest_response(const char *algorithm,
                                           const char *user, const char *realm,
                                           const char *password,
                                           const char *method, const char *uri,
                                           const char *nonce, const char *nc,
                                           const char *cnonce, const char *qop,
                                           apr_pool_t *p)
{
    flow_digest_e alg = digest_of(algorithm);
    apr_size_t len = strlen(algorithm);
    const char *a1, *a2;

    a1 = hash(alg, p, apr_pstrcat(p, user, ":", realm, ":", password, NULL));
    if (a1 && len > 5 && strcasecmp(algorithm + len - 5, "-sess") == 0) {
        a1 = hash(alg, p, apr_pstrcat(p, a1, ":", nonce, ":", cnonce, NULL));
    }
    a2 = hash(alg, p, apr_pstrcat(p, method, ":", uri, NULL));
    if (!a1 || !a2) {
        return NULL;
    }
    return hash(alg, p,
                qop ? apr_pstrcat(p, a1, ":", nonce, ":", nc, ":", cnonce, ":",
                                  qop, ":", a2, NULL)
                    : apr_pstrcat(p, a1, ":", nonce, ":", a2, NULL));
}

static const char *quoted(const char *text, apr_pool_t *p)
{
    char *out = apr_palloc(p, strlen(text) * 2 + 1), *s = out;

    for (; *text; ++text) {
        if (*text == '"' || *text == '\\') {
            *s++ = '\\';
        }
        *s++ = *text;
    }
    *s = '\0';
    return out;
}

static const char *path_of(const char *url, apr_pool_t *p)
{
    const char *path = strstr(url, "//");

    path = path ? path + 2 + strcspn(path + 2, "/?#") : url;
    return *path == '/' ? apr_pstrmemdup(p, path, strcspn(path, "#"))
                        : apr_pstrcat(p, "/", path, NULL);
}

const char *flow_conn_http_digest_answer(http_digest_t *d, const char *user,
                                         const char *password,
                                         const char *method, const char *url,
                                         apr_pool_t *p)
{
    const char *uri = path_of(url, p), *response = NULL, *cnonce, *nc;
    const char *out = NULL, *name = user, *qop;
    unsigned char raw[16];

    if (flow_random(raw, sizeof(raw)) != APR_SUCCESS) {
        return NULL;
    }
    cnonce = flow_hex(raw, sizeof(raw), p);
    apr_thread_mutex_lock(d->lock);
    if (d->is_known) {
        nc = apr_psprintf(p, "%08x", ++d->count);
        qop = d->has_qop ? "auth" : NULL;
        response = flow_conn_http_digest_response(d->algorithm, user, d->realm,
                                                  password, method, uri,
                                                  d->nonce, nc, cnonce, qop, p);
        if (d->userhash) {
            name = hash(digest_of(d->algorithm), p,
                        apr_pstrcat(p, user, ":", d->realm, NULL));
        }
        if (response && name) {
            out = apr_pstrcat(
                p, "Digest username=\"", quoted(name, p), "\", realm=\"",
                quoted(d->realm, p), "\", nonce=\"", quoted(d->nonce, p),
                "\", uri=\"", uri, "\", response=\"", response,
                "\", algorithm=", d->algorithm,
                qop ? apr_pstrcat(p, ", qop=", qop, ", nc=", nc, ", cnonce=\"",
                                  cnonce, "\"", NULL)
                    : "",
                d->opaque ? apr_pstrcat(p, ", opaque=\"", quoted(d->opaque, p),
                                        "\"", NULL)
                          : "",
                d->userhash ? ", userhash=true" : "", NULL);
        }
    }
    apr_thread_mutex_unlock(d->lock);
    return out;
}

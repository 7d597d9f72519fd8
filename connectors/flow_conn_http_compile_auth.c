/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.auth of connections, compiled.
 */
#include "connectors/flow_conn_http_auth.h"

#include "flow/flow_request.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define AUTH "http.auth."

const char *flow_conn_http_compile_need(flow_compile_t *c, const char *type,
                                        const char *field)
{
    const char *text = flow_compile_string(c, field);

    if (!text || !text[0]) {
        flow_compile_problem(c, "http.auth.type", "type '%s' needs '%s'", type,
                             field);
        return "";
    }
    return text;
}

static int has(flow_compile_t *c, const char *field)
{
    const char *text = flow_json_string(flow_compile_get(c, field), NULL);

    return text && text[0];
}

/* Whose credentials: what got ones are good for. A document that names another
 * client, user, scope or place, or new tokens, starts anew with them; secrets
 * that only prove the same identity may change. */
static const char *identity(flow_compile_t *c)
{
    static const char *const fields[] = {
        "http.baseURI",
        AUTH "type",
        AUTH "token.token",
        AUTH "token.refreshToken",
        AUTH "token.refreshRelativeURI",
        AUTH "oauth.grantType",
        AUTH "oauth.tokenURI",
        AUTH "oauth.clientId",
        AUTH "oauth.username",
        AUTH "oauth.scope",
        AUTH "cookie.uri",
        AUTH "cookie.body",
    };
    apr_pool_t *p = flow_compile_pool(c);
    unsigned char raw[FLOW_DIGEST_MAX];
    const char *all = "";
    apr_size_t len = 0;
    size_t i;

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); ++i) {
        const json_t *v = flow_compile_get(c, fields[i]);

        all = apr_pstrcat(p, all, v ? flow_json_text(v, NULL, p) : "", "\n",
                          NULL);
    }
    if (flow_digest(FLOW_DIGEST_SHA256, all, strlen(all), raw, &len) !=
        APR_SUCCESS) {
        return "";
    }
    return flow_hex(raw, len, p);
}

/* ---- basic and what is like it ---- */

static void compile_user(flow_compile_t *c, http_auth_t *a, const char *type)
{
    const char *password = flow_compile_string(c, AUTH "basic.password");

    a->user = flow_conn_http_compile_need(c, type, AUTH "basic.username");
    a->password = password ? password : "";
}

static const char *basic_value(flow_compile_t *c, const char *user,
                               const char *password)
{
    apr_pool_t *p = flow_compile_pool(c);
    const char *pair = apr_pstrcat(p, user, ":", password, NULL);
    const char *coded = flow_base64(pair, strlen(pair), p);

    flow_compile_secret(c, coded);
    return apr_pstrcat(p, "Basic ", coded, NULL);
}

static void compile_basic(flow_compile_t *c, http_auth_t *a)
{
    compile_user(c, a, "basic");
    if (strchr(a->user, ':')) {
        flow_compile_problem(c, AUTH "basic.username",
                             "must not contain a colon");
    }
    a->type = HTTP_AUTH_BASIC;
    a->header = "Authorization";
    a->value = basic_value(c, a->user, a->password);
}

static void compile_digest(flow_compile_t *c, http_auth_t *a)
{
    compile_user(c, a, "digest");
    a->type = HTTP_AUTH_DIGEST;
    a->digest = flow_conn_http_digest_create(flow_compile_pool(c));
}

static void compile_wsse(flow_compile_t *c, http_auth_t *a)
{
    compile_user(c, a, "wsse");
    if (strpbrk(a->user, "\"\\")) {
        flow_compile_problem(c, AUTH "basic.username",
                             "must not contain a quotation mark or backslash");
    }
    a->type = HTTP_AUTH_WSSE;
    a->header = has(c, AUTH "token.headerName")
                    ? flow_compile_string(c, AUTH "token.headerName")
                    : "X-WSSE";
}

/* ---- token ---- */

static void compile_location(flow_compile_t *c, http_auth_t *a,
                             const char *location)
{
    a->header = flow_compile_string(c, AUTH "token.headerName");
    a->scheme = flow_compile_string(c, AUTH "token.scheme");
    if (strcmp(location, "body") == 0) {
        a->in_body = 1;
    }
    else if (strcmp(location, "url") == 0) {
        a->query = flow_compile_string(c, AUTH "token.paramName");
        if (!a->query || !a->query[0]) {
            flow_compile_problem(c, AUTH "token.location",
                                 "location 'url' needs "
                                 "'http.auth.token.paramName'");
            a->query = NULL;
            a->in_body = 1;
        }
    }
    else if (!flow_header_name_ok(a->header)) {
        flow_compile_problem(c, AUTH "token.headerName",
                             "not the name of a header");
    }
}

static void check_token(flow_compile_t *c, const http_auth_t *a,
                        const char *token)
{
    if (token && !a->query && !a->in_body &&
        !flow_header_value_ok(token, strlen(token))) {
        flow_compile_problem(c, AUTH "token.token",
                             "the token has control characters and cannot be "
                             "sent in a header");
    }
}

/* A constant absolute address may lead to another host: the administrator has
 * written it. */
void flow_conn_http_compile_address(flow_compile_t *c, const char *field,
                                    http_grant_t *g)
{
    const char *text = flow_compile_string(c, field);

    if (!text) {
        return;
    }
    g->step.uri = flow_compile_template(c, field, FLOW_ESCAPE_URI);
    if (strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0) {
        g->trusted_host = flow_url_host(text, flow_compile_pool(c));
        if (!g->trusted_host || !g->step.uri ||
            !flow_template_is_constant(g->step.uri)) {
            flow_compile_problem(c, field,
                                 "an absolute address must be a valid one "
                                 "without templates");
            g->trusted_host = NULL;
        }
    }
}

static void compile_kept(flow_compile_t *c, http_grant_t *g)
{
    const json_t *list = flow_compile_get(c, AUTH "token.tokenPaths");
    apr_pool_t *p = flow_compile_pool(c);
    size_t n = json_array_size(list), i;
    http_kept_t *kept = apr_pcalloc(p, (n + 1) * sizeof(*kept));

    g->kept = kept;
    for (i = 0; i < n; ++i) {
        const char *text = flow_json_string(json_array_get(list, i), NULL);
        const char *dot = text ? strrchr(text, '.') : NULL;

        if (!text || !text[0]) {
            continue;
        }
        kept[g->nkept].name = apr_pstrdup(p, dot && dot[1] ? dot + 1 : text);
        kept[g->nkept].path = flow_compile_path_text(
            c, apr_psprintf(p, "http.auth.token.tokenPaths[%d]", (int)i), text);
        g->nkept += kept[g->nkept].path != NULL;
    }
}

static void compile_token_path(flow_compile_t *c, http_grant_t *g,
                               const char *field, const char *dflt)
{
    const char *text = flow_compile_string(c, field);

    g->token_path_text = text ? text : dflt;
    g->token_path = flow_compile_path_text(c, field, g->token_path_text);
}

static const http_grant_t *compile_refresh(flow_compile_t *c)
{
    apr_pool_t *p = flow_compile_pool(c);
    http_grant_t *g = apr_pcalloc(p, sizeof(*g));
    const char *body = flow_compile_string(c, AUTH "token.refreshBody");
    const char *where =
        flow_compile_string(c, AUTH "token.refreshTokenLocation");

    if (!has(c, AUTH "token.refreshRelativeURI")) {
        return NULL;
    }
    if (!has(c, AUTH "token.refreshTokenPath")) {
        flow_compile_problem(c, AUTH "token.refreshRelativeURI",
                             "a refresh needs "
                             "'http.auth.token.refreshTokenPath': where the "
                             "answer has the new token");
        return NULL;
    }
    flow_conn_http_compile_address(c, AUTH "token.refreshRelativeURI", g);
    g->step.method = flow_compile_string(c, AUTH "token.refreshMethod");
    g->step.request_media = flow_conn_http_compile_media(
        c, AUTH "token.refreshMediaType", FLOW_MEDIA_URLENCODED);
    g->step.success_media = flow_conn_http_compile_media(
        c, AUTH "token.refreshResponseMediaType", FLOW_MEDIA_UNKNOWN);
    g->step.error_media = g->step.success_media;
    g->step.headers =
        flow_conn_http_compile_headers(c, AUTH "token.refreshHeaders");
    g->step.body = flow_conn_http_compile_body(c, AUTH "token.refreshBody",
                                               body, g->step.request_media);
    g->uses_refresh = 1;
    g->refresh_in_header = where && strcmp(where, "header") == 0;
    g->sends_refresh = !body && where && strcmp(where, "body") == 0 &&
                       g->step.request_media == FLOW_MEDIA_URLENCODED;
    compile_token_path(c, g, AUTH "token.refreshTokenPath", "token");
    compile_kept(c, g);
    return g;
}

static void compile_token(flow_compile_t *c, http_auth_t *a)
{
    const char *token = flow_compile_string(c, AUTH "token.token");

    a->type = HTTP_AUTH_TOKEN;
    a->grant = compile_refresh(c);
    if (!a->grant) {
        flow_conn_http_compile_need(c, "token", AUTH "token.token");
    }
    compile_location(
        c, a, flow_conn_http_compile_need(c, "token", AUTH "token.location"));
    check_token(c, a, token);
    a->token = flow_conn_http_token_create(
        token, flow_compile_string(c, AUTH "token.refreshToken"), identity(c),
        flow_compile_pool(c));
    a->revoke = flow_conn_http_compile_revoke(c, NULL);
}

/* ---- OAuth 2 ---- */

static const char *pair(flow_compile_t *c, const char *form, const char *name,
                        const char *value)
{
    apr_pool_t *p = flow_compile_pool(c);

    return value ? apr_pstrcat(p, form, *form ? "&" : "", name, "=",
                               flow_url_encode(value, strlen(value), p), NULL)
                 : form;
}

static const char *scopes(flow_compile_t *c)
{
    const json_t *list = flow_compile_get(c, AUTH "oauth.scope");
    const char *by = flow_compile_string(c, AUTH "oauth.scopeDelimiter");
    const char *out = NULL;
    size_t i;

    for (i = 0; i < json_array_size(list); ++i) {
        const char *one = flow_json_string(json_array_get(list, i), NULL);

        if (one) {
            out = out ? apr_pstrcat(flow_compile_pool(c), out, by, one, NULL)
                      : apr_pstrdup(flow_compile_pool(c), one);
        }
    }
    return out;
}

static void compile_client(flow_compile_t *c, http_grant_t *g)
{
    const char *id = flow_compile_string(c, AUTH "oauth.clientId");
    const char *secret = flow_compile_string(c, AUTH "oauth.clientSecret");
    const char *where =
        flow_compile_string(c, AUTH "oauth.clientCredentialsLocation");
    apr_pool_t *p = flow_compile_pool(c);

    if (!id) {
        return;
    }
    if (strcmp(where, "body") == 0 || !secret) {
        g->form = pair(c, g->form, "client_id", id);
        g->form = pair(c, g->form, "client_secret", secret);
        return;
    }
    /* Encoded as a form first (RFC 6749, 2.3.1). */
    g->basic = basic_value(c, flow_url_encode(id, strlen(id), p),
                           flow_url_encode(secret, strlen(secret), p));
}

static void compile_grant(flow_compile_t *c, http_grant_t *g)
{
    const char *type = flow_compile_string(c, AUTH "oauth.grantType");

    if (strcmp(type, "password") == 0) {
        g->form = pair(c, "", "grant_type", "password");
        g->form = pair(
            c, g->form, "username",
            flow_conn_http_compile_need(c, "oauth", AUTH "oauth.username"));
        g->form = pair(
            c, g->form, "password",
            flow_conn_http_compile_need(c, "oauth", AUTH "oauth.password"));
        g->form = pair(c, g->form, "scope", scopes(c));
    }
    else if (strcmp(type, "clientcredentials") == 0) {
        flow_conn_http_compile_need(c, "oauth", AUTH "oauth.clientId");
        g->form = pair(c, "", "grant_type", "client_credentials");
        g->form = pair(c, g->form, "scope", scopes(c));
    }
    else {
        g->form = "";
        g->sends_refresh = g->needs_refresh = g->uses_refresh = 1;
    }
}

static void compile_oauth(flow_compile_t *c, http_auth_t *a)
{
    apr_pool_t *p = flow_compile_pool(c);
    http_grant_t *g = apr_pcalloc(p, sizeof(*g));
    const char *token = flow_compile_string(c, AUTH "token.token");
    const char *location = flow_compile_string(c, AUTH "token.location");

    a->type = HTTP_AUTH_TOKEN;
    a->grant = g;
    flow_conn_http_compile_need(c, "oauth", AUTH "oauth.tokenURI");
    flow_conn_http_compile_address(c, AUTH "oauth.tokenURI", g);
    g->step.method = "POST";
    g->step.request_media = FLOW_MEDIA_URLENCODED;
    g->step.headers =
        flow_conn_http_compile_headers(c, AUTH "oauth.accessTokenHeaders");
    g->step.body = flow_conn_http_compile_body(
        c, AUTH "oauth.accessTokenBody",
        flow_compile_string(c, AUTH "oauth.accessTokenBody"),
        FLOW_MEDIA_URLENCODED);
    compile_grant(c, g);
    compile_client(c, g);
    compile_token_path(c, g, AUTH "oauth.accessTokenPath", "access_token");
    g->refresh_path = flow_compile_path(c, AUTH "oauth.refreshTokenPath");
    g->expires_path =
        flow_compile_path_text(c, "http.auth.oauth", "expires_in");
    compile_location(c, a, location ? location : "header");
    if (!has(c, AUTH "token.scheme")) {
        a->scheme = "Bearer";
    }
    check_token(c, a, token);
    a->token = flow_conn_http_token_create(
        token, flow_compile_string(c, AUTH "token.refreshToken"), identity(c),
        p);
    a->revoke = flow_conn_http_compile_revoke(c, g);
}

/* ---- cookies ---- */

static void compile_cookie(flow_compile_t *c, http_auth_t *a,
                           const http_connection_t *conn)
{
    apr_pool_t *p = flow_compile_pool(c);
    http_grant_t *g = apr_pcalloc(p, sizeof(*g));

    a->type = HTTP_AUTH_COOKIE;
    a->grant = g;
    flow_conn_http_compile_need(c, "cookie", AUTH "cookie.uri");
    flow_conn_http_compile_address(c, AUTH "cookie.uri", g);
    g->is_login = 1;
    g->step.method = flow_compile_string(c, AUTH "cookie.method");
    g->step.request_media = conn->media;
    g->step.body = flow_conn_http_compile_body(
        c, AUTH "cookie.body", flow_compile_string(c, AUTH "cookie.body"),
        conn->media);
    g->success_status =
        (int)flow_compile_int(c, AUTH "cookie.successStatusCode");
    a->token = flow_conn_http_token_create(NULL, NULL, identity(c), p);
}

/* ---- all ---- */

static void add_status(http_auth_t *a, apr_int64_t status)
{
    int max = (int)(sizeof(a->fail_statuses) / sizeof(a->fail_statuses[0]));

    if (status > 0 && a->nfail_statuses < max) {
        a->fail_statuses[a->nfail_statuses++] = (int)status;
    }
}

/* Without a setting it is 401. */
static void compile_failures(flow_compile_t *c, http_auth_t *a)
{
    const json_t *list = flow_compile_get(c, AUTH "failures");
    apr_int64_t status;
    size_t i;

    add_status(a, flow_compile_int(c, AUTH "failStatusCode"));
    for (i = 0; i < json_array_size(list); ++i) {
        const json_t *v =
            json_object_get(json_array_get(list, i), "statusCode");

        if (flow_json_int64(v, &status)) {
            add_status(a, status);
        }
    }
    if (!a->nfail_statuses) {
        add_status(a, 401);
    }
    a->fail_path = flow_compile_path(c, AUTH "failPath");
    a->fail_values = flow_compile_get(c, AUTH "failValues");
}

const http_auth_t *flow_conn_http_compile_auth(flow_compile_t *c,
                                               const http_connection_t *conn)
{
    static const struct {
        const char *name;
        void (*compile)(flow_compile_t *c, http_auth_t *a);
    } types[] = {
        { "basic", compile_basic },
        { "token", compile_token },
        { "oauth", compile_oauth },
        { "oauth1", flow_conn_http_compile_oauth1 },
        { "digest", compile_digest },
        { "wsse", compile_wsse },
        { "jwtbearer", flow_conn_http_compile_jwt },
    };
    http_auth_t *a = apr_pcalloc(flow_compile_pool(c), sizeof(*a));
    const char *type = flow_compile_string(c, "http.auth.type");
    size_t i;

    a->type = HTTP_AUTH_NONE;
    compile_failures(c, a);
    for (i = 0; type && i < sizeof(types) / sizeof(types[0]); ++i) {
        if (strcmp(type, types[i].name) == 0) {
            types[i].compile(c, a);
        }
    }
    if (type && strcmp(type, "cookie") == 0) {
        compile_cookie(c, a, conn);
    }
    return a;
}

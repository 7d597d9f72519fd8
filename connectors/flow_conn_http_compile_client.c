/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shared OAuth client (iClient): what it says is the default of a
 * connection's http.auth.
 */
#include "connectors/flow_conn_http_auth.h"

#include <apr_strings.h>

#include <string.h>

static const json_t *at(const json_t *v, const char *path, apr_pool_t *p)
{
    const char *dot;

    for (; v && (dot = strchr(path, '.')) != NULL; path = dot + 1) {
        v = json_object_get(v,
                            apr_pstrmemdup(p, path, (apr_size_t)(dot - path)));
    }
    return json_object_get(v, path);
}

static int is_listed(const json_t *list, const char *host)
{
    size_t i;

    for (i = 0; i < json_array_size(list); ++i) {
        const char *name = flow_json_string(json_array_get(list, i), NULL);

        if (name && strcasecmp(name, host) == 0) {
            return 1;
        }
    }
    return 0;
}

static void check_hosts(flow_compile_t *c, const json_t *client, const char *id)
{
    static const char *const fields[] = { "auth.uri", "token.uri",
                                          "refresh.uri", "revoke.uri" };
    const json_t *list = json_object_get(client, "validDomainNames");
    apr_pool_t *p = flow_compile_pool(c);
    size_t i;

    for (i = 0; list && i < sizeof(fields) / sizeof(fields[0]); ++i) {
        const char *uri = flow_json_string(at(client, fields[i], p), NULL);
        const char *host = uri ? flow_url_host(uri, p) : NULL;

        if (host && !is_listed(list, host)) {
            flow_compile_problem(c, "http._iClientId",
                                 "'oauth2.%s' of iClient '%s' leads to '%s', "
                                 "which its 'validDomainNames' do not have",
                                 fields[i], id, host);
        }
    }
}

void flow_conn_http_compile_client(flow_compile_t *c)
{
    static const struct {
        const char *from, *to;
    } fields[] = {
        { "clientId", "oauth.clientId" },
        { "clientSecret", "oauth.clientSecret" },
        { "grantType", "oauth.grantType" },
        { "scope", "oauth.scope" },
        { "scopeDelimiter", "oauth.scopeDelimiter" },
        { "clientCredentialsLocation", "oauth.clientCredentialsLocation" },
        { "username", "oauth.username" },
        { "password", "oauth.password" },
        { "auth.uri", "oauth.authURI" },
        /* with grant authorizecode only refresh requests are ever sent */
        { "refresh.uri", "oauth.tokenURI" },
        { "refresh.body", "oauth.accessTokenBody" },
        { "refresh.headers", "oauth.accessTokenHeaders" },
        { "token.uri", "oauth.tokenURI" },
        { "token.body", "oauth.accessTokenBody" },
        { "token.headers", "oauth.accessTokenHeaders" },
        { "revoke.uri", "token.revoke.uri" },
        { "revoke.body", "token.revoke.body" },
        { "revoke.headers", "token.revoke.headers" },
        { "accessTokenPath", "oauth.accessTokenPath" },
        { "refreshTokenPath", "oauth.refreshTokenPath" },
        { "accessTokenLocation", "token.location" },
        { "accessTokenHeaderName", "token.headerName" },
        { "accessTokenParamName", "token.paramName" },
        { "scheme", "token.scheme" },
        { "failStatusCode", "failStatusCode" },
        { "failPath", "failPath" },
        { "failValues", "failValues" },
    };
    const char *id = flow_compile_string(c, "http._iClientId"), *grant;
    apr_pool_t *p = flow_compile_pool(c);
    const json_t *doc, *client;
    int is_refreshed;
    size_t i;

    if (!id) {
        return;
    }
    doc = flow_compile_document(c, FLOW_KIND_ICLIENT, id);
    client = json_object_get(doc, "oauth2");
    if (!flow_json_is(client, OBJECT)) {
        return; /* the schema says so */
    }
    check_hosts(c, client, id);
    flow_compile_client(c, client);
    grant = flow_json_member(client, "grantType");
    is_refreshed = !grant || strcmp(grant, "authorizecode") == 0;
    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); ++i) {
        if (is_refreshed || strncmp(fields[i].from, "refresh.", 8) != 0) {
            flow_compile_default(
                c, apr_pstrcat(p, "http.auth.", fields[i].to, NULL),
                at(client, fields[i].from, p));
        }
    }
}

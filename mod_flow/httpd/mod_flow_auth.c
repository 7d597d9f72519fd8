/* SPDX-License-Identifier: Apache-2.0 */
/*
 * API tokens, in two ways.
 *
 * 1. By default. A Location with FlowAPI for which Apache has been told
 *    nothing about authentication demands one of our tokens; the handler asks
 *    mod_flow_authorize() and answers as Celigo's API does, in JSON.
 * 2. As an Apache authentication type. `AuthType FlowToken` with
 *    `Require flow-token` works in any Location and combines with
 *    <RequireAny> and friends. Whether a token covers the API it calls is
 *    still asked by the handler, which knows the API.
 */
#include "httpd/mod_flow_private.h"

#include <mod_auth.h>
#include <util_filter.h>

#define AUTH_TYPE   "FlowToken"
#define JSON_ERROR  "flow-json-error"  /* note, and name of the filter */
#define TOKEN_ASKED "flow-token-asked" /* note: Require flow-token was met */
#define CHALLENGE   "Bearer realm=\"mod_flow\""

/* What the caller learns. Why a token was refused is for the log only. */
#define NO_TOKEN  "Unauthorized"
#define BAD_TOKEN "Bearer Authentication Failed"

/** The token that authenticated this request, in r->request_config. */
static const flow_token_t *verified(request_rec *r)
{
    return ap_get_module_config(r->request_config, &flow_module);
}

int mod_flow_has_token(request_rec *r)
{
    return verified(r) != NULL;
}

/* The token's text, or NULL when the request carries none. */
static const char *bearer(request_rec *r)
{
    const char *value = apr_table_get(r->headers_in, "Authorization");

    if (!value || strncasecmp(value, "Bearer ", 7)) {
        return NULL;
    }
    value += 7;
    while (*value == ' ') {
        ++value;
    }
    return *value ? value : NULL;
}

/* OK, or the HTTP status; on success the request is the token's. */
static int verify(request_rec *r, const char **pmessage)
{
    const char *plain = bearer(r);
    const flow_token_t *token = NULL;
    flow_error_t err = FLOW_ERROR_INIT;

    if (!plain) {
        *pmessage = NO_TOKEN;
        return HTTP_UNAUTHORIZED;
    }
    if (!mod_flow_global->jobs) {
        *pmessage = "Service Unavailable";
        return HTTP_SERVICE_UNAVAILABLE;
    }
    if (flow_token_verify(mod_flow_global->jobs, plain, &token, r->pool,
                          &err) != APR_SUCCESS) {
        if (err.kind != FLOW_E_INPUT) {
            ap_log_rerror(APLOG_MARK, APLOG_WARNING, err.status, r,
                          FLOW_LOGNO(0204) "a token could not be checked: %s",
                          err.message);
            *pmessage = "Service Unavailable";
            return HTTP_SERVICE_UNAVAILABLE;
        }
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "token refused: %s",
                      err.message);
        *pmessage = BAD_TOKEN;
        return HTTP_UNAUTHORIZED;
    }
    ap_set_module_config(r->request_config, &flow_module, (void *)token);
    r->user = apr_pstrdup(r->pool, token->name);
    r->ap_auth_type = AUTH_TYPE;
    apr_table_setn(r->notes, "flow-token", token->id);
    return OK;
}

/* ---- AuthType FlowToken, Require flow-token ---- */

int mod_flow_authenticate(request_rec *r)
{
    const char *type = ap_auth_type(r), *message = NULL;
    int status;

    if (!type || strcasecmp(type, AUTH_TYPE)) {
        return DECLINED;
    }
    if (verified(r)) {
        return OK;
    }
    status = verify(r, &message);
    if (status != OK) {
        if (status == HTTP_UNAUTHORIZED) {
            apr_table_setn(r->err_headers_out, "WWW-Authenticate", CHALLENGE);
        }
        /* The body of httpd's own error answer, which calls it HTML. */
        ap_custom_response(
            r, status, apr_psprintf(r->pool, "{\"message\":\"%s\"}", message));
        apr_table_setn(r->notes, JSON_ERROR, "1");
    }
    return status;
}

/* An error answer of ours: say what it is, then step aside. */
static apr_status_t json_error_filter(ap_filter_t *f, apr_bucket_brigade *bb)
{
    ap_set_content_type(f->r, "application/json");
    ap_remove_output_filter(f);
    return ap_pass_brigade(f->next, bb);
}

static void insert_error_filter(request_rec *r)
{
    if (apr_table_get(r->notes, JSON_ERROR)) {
        ap_add_output_filter(JSON_ERROR, NULL, r, r->connection);
    }
}

static authz_status require_token(request_rec *r, const char *line,
                                  const void *parsed)
{
    (void)line;
    (void)parsed;
    apr_table_setn(r->notes, TOKEN_ASKED, "1");
    if (!r->user) {
        return AUTHZ_DENIED_NO_USER;
    }
    return verified(r) ? AUTHZ_GRANTED : AUTHZ_DENIED;
}

static const char *parse_require(cmd_parms *cmd, const char *line,
                                 const void **parsed)
{
    (void)parsed;
    if (*line) {
        return apr_psprintf(cmd->pool,
                            "Require flow-token takes no argument, got '%s'; "
                            "what a token may call is set when it is created",
                            line);
    }
    return NULL;
}

static const authz_provider token_provider = { require_token, parse_require };

void mod_flow_auth_register(apr_pool_t *p)
{
    ap_register_output_filter(JSON_ERROR, json_error_filter, NULL,
                              AP_FTYPE_RESOURCE);
    ap_hook_insert_error_filter(insert_error_filter, NULL, NULL, APR_HOOK_LAST);
    ap_register_auth_provider(p, AUTHZ_PROVIDER_GROUP, "flow-token",
                              AUTHZ_PROVIDER_VERSION, &token_provider,
                              AP_AUTH_INTERNAL_PER_CONF);
}

/* ---- for our handlers ---- */

/*
 * Apache has authenticated when it knows a user, or would not let anybody in
 * without one. A Require that lets some in without (`Require all granted`, an
 * address) is no authentication, whatever AuthType is in effect: that may be
 * inherited. The exception is a Require flow-token that was asked: then the
 * administrator has named our tokens as one of several ways in, and Apache
 * found that another one of them was open.
 */
int mod_flow_apache_authenticates(request_rec *r)
{
    return r->user || apr_table_get(r->notes, TOKEN_ASKED) ||
           ap_some_authn_required(r);
}

/* A scope of --api is "api:ID", "script:ID" or a path; without a kind (older
 * tokens, or when both are meant) it is all of them. */
static int covers_api(const flow_token_t *token, const char *kind,
                      const char *id, apr_pool_t *p)
{
    return flow_token_covers(token, FLOW_TOKEN_API, id) ||
           flow_token_covers(token, FLOW_TOKEN_API,
                             apr_pstrcat(p, kind, id, NULL));
}

static int covers(const flow_token_t *token, const mod_flow_location_t *loc,
                  apr_pool_t *p)
{
    const flow_api_target_t *api = &loc->api;

    if (token->full_access) {
        return 1;
    }
    if (api->api) {
        return covers_api(token, "api:", api->api->id, p);
    }
    if (api->exp) {
        return flow_token_covers(token, FLOW_TOKEN_EXPORT, api->exp->id);
    }
    if (api->imp) {
        return flow_token_covers(token, FLOW_TOKEN_IMPORT, api->imp->id);
    }
    if (api->flow) {
        return flow_token_covers(token, FLOW_TOKEN_FLOW, api->flow->id);
    }
    /* A script behind a Location has no document of kind api: its script's
     * _id stands for it, so that a token can be limited to it. */
    if (strncmp(loc->target, "script:", 7)) {
        return flow_token_covers(token, FLOW_TOKEN_API, loc->target);
    }
    return covers_api(token, "script:", flow_script_id(api->script.script), p);
}

int mod_flow_authorize(request_rec *r, const mod_flow_location_t *loc)
{
    const mod_flow_dir_t *dir =
        ap_get_module_config(r->per_dir_config, &flow_module);
    const char *message = NULL;
    flow_error_t err = FLOW_ERROR_INIT;
    int status;

    if (!verified(r)) {
        if (dir->open || mod_flow_apache_authenticates(r)) {
            return DECLINED;
        }
        status = verify(r, &message);
        if (status != OK) {
            if (status == HTTP_UNAUTHORIZED) {
                apr_table_setn(r->err_headers_out, "WWW-Authenticate",
                               CHALLENGE);
            }
            return mod_flow_send_message(r, status, message);
        }
    }
    if (covers(verified(r), loc, r->pool)) {
        return DECLINED;
    }
    flow_error_set(&err, FLOW_E_INPUT, APR_EACCES, "forbidden",
                   "this token may not call '%s'", loc->target);
    return mod_flow_send_error(r, HTTP_FORBIDDEN, &err, NULL);
}

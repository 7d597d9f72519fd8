/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directives for calls to far ends, and where presets are.
 */
#include "httpd/mod_flow_private.h"

#include <http_main.h>
#include <apr_lib.h>

#include "flow/flow_secret.h"

#define SECONDS_MAX 3600

/* FlowProxy: an address, then those who are called without it. */
const char *mod_flow_set_proxy(cmd_parms *cmd, void *dummy, int argc,
                               char *const argv[])
{
    mod_flow_global_t *g = mod_flow_global;
    const char *err = mod_flow_global_only(cmd), *value;
    flow_error_t why = FLOW_ERROR_INIT;
    int i;

    (void)dummy;
    if (err) {
        return err;
    }
    if (argc < 1) {
        return "FlowProxy: the proxy's address is missing";
    }
    if (flow_secret_resolve(&value, argv[0], ap_server_root, cmd->pool, &why) !=
        APR_SUCCESS) {
        return apr_pstrcat(cmd->pool, "FlowProxy: ", why.message, NULL);
    }
    err = flow_http_proxy_problem(value, cmd->pool);
    if (err) {
        return apr_pstrcat(cmd->pool,
                           "FlowProxy: the address is not valid: ", err,
                           "; write it like http://proxy.example:3128", NULL);
    }
    g->http.proxy = value;
    g->direct = flow_egress_create(cmd->pool);
    for (i = 1; i < argc; ++i) {
        err = flow_egress_add(g->direct, 1, argv[i], cmd->pool);
        if (err) {
            return apr_pstrcat(cmd->pool, "FlowProxy: ", err, NULL);
        }
    }
    g->http.direct = g->direct;
    return NULL;
}

static const char *seconds(apr_interval_time_t *out, const char *text, int min,
                           const char *what, apr_pool_t *p)
{
    apr_int64_t n;
    char *end;

    if (!text) {
        return NULL;
    }
    n = apr_strtoi64(text, &end, 10);
    if (end == text || *end || n < min || n > SECONDS_MAX) {
        return apr_psprintf(p,
                            "FlowHTTPTimeout: '%s' is not a number of seconds "
                            "from %d to %d (%s)",
                            text, min, SECONDS_MAX, what);
    }
    *out = apr_time_from_sec(n);
    return NULL;
}

const char *mod_flow_set_http_timeout(cmd_parms *cmd, void *dummy,
                                      const char *total, const char *connect,
                                      const char *first)
{
    mod_flow_global_t *g = mod_flow_global;
    const char *err = mod_flow_global_only(cmd);

    (void)dummy;
    err = err ? err
              : seconds(&g->call_timeout, total, 1, "a whole call", cmd->pool);
    err = err ? err
              : seconds(&g->http.connect_timeout, connect, 1, "connecting",
                        cmd->pool);
    return err ? err
               : seconds(&g->http.first_byte_timeout, first, 0,
                         "until the answer begins; 0 = as long as the call",
                         cmd->pool);
}

const char *mod_flow_set_http_response(cmd_parms *cmd, void *dummy,
                                       const char *arg)
{
    const char *err = mod_flow_global_only(cmd);

    (void)dummy;
    return err ? err
               : mod_flow_parse_bytes(&mod_flow_global->http.max_response, arg,
                                      1024, (apr_int64_t)1 << 30, cmd);
}

const char *mod_flow_set_presets(cmd_parms *cmd, void *dummy, const char *arg)
{
    const char *err = mod_flow_global_only(cmd);

    (void)dummy;
    if (!err) {
        mod_flow_global->preset_dir = ap_server_root_relative(cmd->pool, arg);
    }
    return err;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module record and the hooks: a table of contents.
 *
 * Everything that knows httpd lives in this folder; what an export, a flow or
 * a job is, and how one runs, lives in the rooms beside it.
 */
#include "httpd/mod_flow_private.h"

#include <mpm_common.h>
#include <mod_status.h>

static void register_hooks(apr_pool_t *p)
{
    static const char *const after_rewrite[] = { "mod_rewrite.c", NULL };

    /* mod_status declares its hook as optional: without it, nothing happens */
    APR_OPTIONAL_HOOK(ap, status_hook, mod_flow_status_hook, NULL, NULL,
                      APR_HOOK_MIDDLE);

    /* startup: pre_config starts an empty collection, the directives fill it,
     * check_config (which configtest runs too) compiles it and reports every
     * mistake, post_config makes what lasts: the store and shared counters */
    ap_hook_pre_config(mod_flow_pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(mod_flow_check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_test_config(mod_flow_test_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(mod_flow_post_config, NULL, NULL, APR_HOOK_MIDDLE);

    /* each child: start its threads; when it is told to stop, tell them */
    ap_hook_child_init(mod_flow_child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_stopping(mod_flow_child_stopping, NULL, NULL,
                           APR_HOOK_MIDDLE);

    /* requests: our Locations are no files, so they keep clear of the file
     * system; FIRST, because mod_alias and core would look for one */
    /* ... but after rewriting, in whatever order modules were loaded */
    ap_hook_translate_name(mod_flow_translate_name, after_rewrite, NULL,
                           APR_HOOK_FIRST);
    ap_hook_map_to_storage(mod_flow_map_to_storage, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_fixups(mod_flow_fixups, NULL, NULL, APR_HOOK_LAST);

    /* AuthType FlowToken and Require flow-token */
    ap_hook_check_authn(mod_flow_authenticate, NULL, NULL, APR_HOOK_MIDDLE,
                        AP_AUTH_INTERNAL_PER_CONF);
    mod_flow_auth_register(p);

    /* each handler takes its own Locations and declines the rest */
    ap_hook_handler(mod_flow_api_handler, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(mod_flow_webhook_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

/* clang-format off */
module AP_MODULE_DECLARE_DATA flow_module = {
    STANDARD20_MODULE_STUFF,
    mod_flow_dir_create,
    mod_flow_dir_merge,
    NULL, /* documents and limits are global: no server configuration */
    NULL,
    mod_flow_commands,
    register_hooks,
    AP_MODULE_FLAG_NONE
};
/* clang-format on */

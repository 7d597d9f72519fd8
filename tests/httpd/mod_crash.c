/* SPDX-License-Identifier: Apache-2.0 */

/* A handler that writes where it must not, as a module with a bug does. */
#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>

static int crash(request_rec *r)
{
    if (!r->handler || strcmp(r->handler, "crash") != 0) {
        return DECLINED;
    }
    *(volatile char *)16 = 1;
    return OK;
}

static void add_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_handler(crash, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(crash) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, add_hooks
};

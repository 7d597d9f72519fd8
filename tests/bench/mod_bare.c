/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ceiling that mod_flow is measured against: a handler that does what the
 * contract of the benchmark asks for and nothing else. GET is answered with a
 * constant JSON body; POST is read to its end and answered 204.
 */
#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>

static int bare_handler(request_rec *r)
{
    char buf[8192];

    if (!r->handler || strcmp(r->handler, "bare")) {
        return DECLINED;
    }
    if (r->method_number == M_POST) {
        if (ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK) == OK &&
            ap_should_client_block(r)) {
            while (ap_get_client_block(r, buf, sizeof(buf)) > 0) {
            }
        }
        return HTTP_NO_CONTENT;
    }
    ap_set_content_type(r, "application/json");
    ap_rputs("{\"hello\":\"x\",\"method\":\"GET\"}", r);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_handler(bare_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

/* clang-format off */
module AP_MODULE_DECLARE_DATA bare_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks
};
/* clang-format on */

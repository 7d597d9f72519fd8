/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A Link header from a far end: whatever it says, a target that is followed
 * stays at the origin of the address that it came from.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "connectors/flow_conn_http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char base[] = "https://shop.example.com/api/orders?page=1";
    static int is_ready;
    flow_error_t err = FLOW_ERROR_INIT;
    const char *target, *url = NULL, *rest;
    apr_pool_t *p = NULL;

    if (!is_ready) {
        apr_initialize();
        is_ready = 1;
    }
    apr_pool_create(&p, NULL);
    target = flow_conn_http_link(apr_pstrmemdup(p, (const char *)data, size),
                                 "next", p);
    if (target) {
        target = flow_conn_http_resolve(base, target, p);
        if (flow_conn_http_join(&url, base, target, p, &err) == APR_SUCCESS) {
            /* Case may differ, and the port may be written out. */
            if (strncasecmp(url, "https://shop.example.com", 24) != 0) {
                abort();
            }
            rest = url + 24;
            if (strncmp(rest, ":443", 4) == 0) {
                rest += 4;
            }
            if (*rest && !strchr("/?", *rest)) {
                abort();
            }
            for (; *rest; ++rest) {
                if ((unsigned char)*rest <= ' ' ||
                    (unsigned char)*rest >= 0x7F) {
                    abort();
                }
            }
        }
        else if (!err.message[0]) {
            abort();
        }
    }
    apr_pool_destroy(p);
    return 0;
}

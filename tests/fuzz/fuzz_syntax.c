/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The syntax rewriter: whatever it is given, it ends, reads nothing beyond its
 * input, and keeps the number of lines.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "script/flow_syntax.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t lines_of(const char *text, size_t len)
{
    size_t lines = 0, i;

    for (i = 0; i < len; ++i) {
        lines += text[i] == '\n' || text[i] == '\r';
    }
    return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *parent;
    flow_error_t err = FLOW_ERROR_INIT;
    const char *text = NULL;
    apr_status_t rv;
    apr_pool_t *p;

    if (!parent) {
        apr_initialize();
        apr_pool_create(&parent, NULL);
    }
    apr_pool_create(&p, parent);
    rv = flow_syntax_compile(&text, (const char *)data, size, "f.js", p, &err);
    if (rv == APR_SUCCESS) {
        if (err.kind != FLOW_E_NONE || !text ||
            lines_of(text, strlen(text)) !=
                lines_of((const char *)data, size)) {
            abort();
        }
        flow_syntax_column(text, 2, "unexpected token: '}'");
    }
    else if (text || err.kind != FLOW_E_CONFIG ||
             strncmp(err.message, "f.js:", 5) != 0) {
        abort();
    }
    apr_pool_destroy(p);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "data/flow_json.h"
#include "data/flow_text.h"

/* What is accepted is valid, and reads the same after it was written. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static apr_pool_t *pool;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    flow_json_global_init();
    flow_text_global_init();
    return 0;
}

static void check(int is_true)
{
    if (!is_true) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL, *again = NULL;
    apr_size_t len;
    flow_buf_t out;
    char *text;

    if (flow_xml_parse(&v, (const char *)data, size, pool, &err) !=
        APR_SUCCESS) {
        check(v == NULL && err.kind == FLOW_E_INPUT && err.message[0]);
        apr_pool_clear(pool);
        return 0;
    }
    text = flow_json_text(v, &len, pool);
    check(flow_utf8_is_valid(text, len));
    flow_buf_init(&out, 64 * 1024 * 1024);
    check(flow_xml_write(&out, v, &err) == APR_SUCCESS);
    check(flow_xml_parse(&again, out.data, out.len, pool, &err) == APR_SUCCESS);
    check(flow_json_equal(v, again));
    flow_buf_release(&out);
    json_decref(v);
    json_decref(again);
    apr_pool_clear(pool);
    return 0;
}

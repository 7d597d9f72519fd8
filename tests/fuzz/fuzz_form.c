/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "data/flow_json.h"
#include "data/flow_text.h"

/* Anything is a form; written and read again it is the same. The text is also
 * taken for a Content-Type with some body behind it. */

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

static void read_as_body(const uint8_t *data, size_t size)
{
    const uint8_t *nul = memchr(data, '\0', size);
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;
    apr_size_t len;
    char *text;

    if (!nul) {
        return;
    }
    size -= (size_t)(nul + 1 - data);
    if (flow_body_parse(&v, flow_media_from_type((const char *)data),
                        (const char *)data, (const char *)nul + 1, size, pool,
                        &err) == APR_SUCCESS) {
        text = flow_json_text(v, &len, pool);
        check(flow_utf8_is_valid(text, len));
        json_decref(v);
    }
    else {
        check(v == NULL && err.message[0]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v, *again;
    flow_buf_t out;

    v = flow_query_parse((const char *)data, size, pool, &err);
    if (v) {
        flow_buf_init(&out, 64 * 1024 * 1024);
        check(flow_body_write(&out, FLOW_MEDIA_URLENCODED, v, pool, &err) ==
              APR_SUCCESS);
        again = flow_query_parse(out.data ? out.data : "", out.len, pool, &err);
        check(again && flow_json_equal(v, again));
        json_decref(again);
        json_decref(v);
        flow_buf_release(&out);
    }
    else {
        check(strcmp(err.code, "invalid_form") == 0);
    }
    read_as_body(data, size);
    apr_pool_clear(pool);
    return 0;
}

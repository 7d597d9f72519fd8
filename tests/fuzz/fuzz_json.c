/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "data/flow_json.h"

/*
 * What is accepted is written, read again, and is the same; and its text is
 * then stable byte by byte.
 */

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
    return 0;
}

static void check(int is_true)
{
    if (!is_true) {
        abort();
    }
}

static void check_numbers(const json_t *v)
{
    char tmp[FLOW_JSON_NUMBER_MAX];
    apr_size_t len;
    apr_int64_t n;
    const char *text = flow_json_number_text(v, tmp, &len);
    json_t *again;

    if (text) {
        again = flow_json_number_new(text, len);
        check(again && flow_json_equal(v, again));
        check(flow_json_double(v) == flow_json_double(again));
        check(flow_json_number_is_textual(v) ==
              flow_json_number_is_textual(again));
        json_decref(again);
        if (flow_json_int64(v, &n)) {
            again = json_integer(n);
            check(flow_json_equal(v, again));
            json_decref(again);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *v = NULL, *again = NULL;
    flow_error_t err = FLOW_ERROR_INIT;
    apr_size_t len, again_len;
    const char *text;
    char *once, *twice;

    if (flow_json_parse_placed(&v, (const char *)data, size,
                               flow_json_places_create(pool),
                               &err) != APR_SUCCESS) {
        check(v == NULL && err.kind == FLOW_E_INPUT);
        apr_pool_clear(pool);
        return 0;
    }
    check_numbers(v);
    once = flow_json_text(v, &len, pool);
    check(flow_utf8_is_valid(once, len));
    check(flow_json_parse(&again, once, len, &err) == APR_SUCCESS);
    check(flow_json_equal(v, again) && flow_json_equal(again, v));
    twice = flow_json_text(again, &again_len, pool);
    check(len == again_len && memcmp(once, twice, len) == 0);
    text = flow_json_to_text(v, &len, pool);
    check(flow_utf8_is_valid(text, len));
    json_decref(v);
    json_decref(again);
    apr_pool_clear(pool);
    return 0;
}

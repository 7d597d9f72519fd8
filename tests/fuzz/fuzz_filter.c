/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A filter, a line of three dashes, a record: compiles or says why not, and
 * `not` of it is its opposite.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_pools.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static apr_pool_t *start(void)
{
    static int is_ready;
    apr_pool_t *p = NULL;

    if (!is_ready) {
        apr_initialize();
        flow_json_global_init();
        is_ready = 1;
    }
    apr_pool_create(&p, NULL);
    return p;
}

static void check(int holds)
{
    if (!holds)
        abort();
}

/* The rest of the input as a value, NULL when it is none. */
static json_t *parse(const char *text, size_t len)
{
    json_t *v = NULL;

    flow_json_parse(&v, text, len, NULL);
    return v;
}

static const char mark[] = "\n---\n";
#define MARK_LEN (sizeof(mark) - 1)

static int match(const json_t *rules, const json_t *record, apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_filter_t *filter = NULL;
    int result = -1;

    if (flow_filter_compile(&filter, rules, p, &err) != APR_SUCCESS) {
        check(err.kind == FLOW_E_CONFIG && err.message[0] && !filter);
        return -1;
    }
    if (flow_filter_match(filter, record, record, &result, p, &err) !=
        APR_SUCCESS) {
        check(err.kind == FLOW_E_INPUT && err.message[0]);
        return -1;
    }
    check(result == 0 || result == 1);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = start();
    const char *input = apr_pstrmemdup(p, (const char *)data, size);
    const char *cut = memmem(input, size, mark, MARK_LEN);
    size_t len = cut ? (size_t)(cut - input) : size;
    json_t *rules = parse(input, len), *record = NULL, *not ;
    int result, opposite;

    if (!rules)
        goto cleanup;
    if (cut)
        record = parse(cut + MARK_LEN, size - len - MARK_LEN);
    result = match(rules, record, p);
    if (result != -1 && flow_json_is(rules, ARRAY) && json_array_size(rules)) {
        not = json_array();
        json_array_append_new(not, json_string("not"));
        json_array_append(not, rules);
        opposite = match(not, record, p);
        check(opposite == -1 || opposite == !result); /* -1: too deep now */
        json_decref(not );
    }
    json_decref(record);
    json_decref(rules);
cleanup:
    apr_pool_destroy(p);
    return 0;
}

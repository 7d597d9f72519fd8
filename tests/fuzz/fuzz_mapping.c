/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A mapping, a line of three dashes, a record: compiles or says why not, leaves
 * its record alone, and gives the same twice.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_pools.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_mapping.h"
#include "data/flow_value.h"

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

static const char lookups[] =
    "[{\"name\":\"m\",\"map\":{\"1\":\"one\",\"a\":{\"b\":1},\"\":null}},"
    "{\"name\":\"s\",\"map\":{\"a\":1},\"default\":\"d\","
    "\"allowFailures\":true}]";

static json_t *apply(const flow_mapping_t *mapping, const json_t *record,
                     apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *out = NULL;

    if (flow_mapping_apply(mapping, record, &out, p, &err) != APR_SUCCESS) {
        check(err.kind == FLOW_E_INPUT && err.message[0] && !out);
        return NULL;
    }
    check(out != NULL);
    return out;
}

/* @a before: the record read a second time. */
static void run(const flow_mapping_t *mapping, const json_t *record,
                const json_t *before, apr_pool_t *p)
{
    json_t *one, *two, *merged;

    one = apply(mapping, record, p);
    two = apply(mapping, record, p);
    check(!one == !two);
    if (one)
        check(flow_json_equal(one, two));
    merged = flow_value_copy(record);
    if (merged && merged != record)
        flow_mapping_merge(mapping, record, merged, p, NULL);
    if (record)
        check(flow_json_equal(record, before));
    json_decref(one);
    json_decref(two);
    json_decref(merged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = start();
    const char *input = apr_pstrmemdup(p, (const char *)data, size);
    const char *cut = memmem(input, size, mark, MARK_LEN);
    size_t len = cut ? (size_t)(cut - input) : size;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_mapping_t *mapping = NULL;
    json_t *doc = parse(input, len), *record = NULL, *before = NULL;
    json_t *maps = parse(lookups, sizeof(lookups) - 1);

    if (cut) {
        record = parse(cut + MARK_LEN, size - len - MARK_LEN);
        before = parse(cut + MARK_LEN, size - len - MARK_LEN);
    }
    if (doc &&
        flow_mapping_compile(&mapping, doc, maps, p, &err) == APR_SUCCESS)
        run(mapping, record, before, p);
    else if (doc)
        check(err.kind == FLOW_E_CONFIG && err.message[0] && !mapping);
    if (doc &&
        flow_mapping_compile_transform(&mapping, doc, p, NULL) == APR_SUCCESS)
        run(mapping, record, before, p);
    json_decref(record);
    json_decref(before);
    json_decref(maps);
    json_decref(doc);
    apr_pool_destroy(p);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A mapping of either generation or a transform, a line of three dashes, a
 * record: compiles or says why not (each mistake by itself), leaves its record
 * alone, and gives the same twice.
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

static const char lookup_docs[] =
    "[{\"name\":\"m\",\"map\":{\"1\":\"one\",\"a\":{\"b\":1},\"\":null}},"
    "{\"name\":\"s\",\"map\":{\"a\":1},\"default\":\"d\","
    "\"allowFailures\":true},"
    "{\"name\":\"c\",\"_lookupCacheId\":\"c\",\"extract\":\"$.a\"},"
    "{\"name\":\"r\",\"relativeURI\":\"/\",\"allowFailures\":true}]";

static apr_status_t cached(void *baton, const char *cache, const char *key,
                           apr_size_t len, json_t **pvalue, apr_pool_t *scratch,
                           flow_error_t *err)
{
    (void)baton;
    (void)cache;
    (void)scratch;
    (void)err;
    *pvalue = flow_json_string_new(key, len);
    return APR_SUCCESS;
}

static apr_status_t request(void *baton, const flow_lookup_t *lookup,
                            const json_t *record, json_t **pvalue,
                            apr_pool_t *scratch, flow_error_t *err)
{
    (void)baton;
    (void)lookup;
    (void)scratch;
    (void)err;
    *pvalue = json_incref((json_t *)record);
    return APR_SUCCESS;
}

static const flow_lookup_env_t lookup_env = { NULL, cached, request };

static json_t *apply(const flow_mapping_t *mapping, const json_t *record,
                     apr_pool_t *p)
{
    flow_mapping_env_t env = { &lookup_env };
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *out = NULL;

    env.context = env.envelope = record;
    env.is_update = json_object_size(record) % 2;
    env.now = 1;
    if (flow_mapping_apply_with(mapping, record, &env, &out, p, &err) !=
        APR_SUCCESS) {
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

static void count(void *baton, const flow_error_t *err)
{
    check(err->kind == FLOW_E_CONFIG && err->message[0]);
    ++*(int *)baton;
}

/* With all mistakes and with `$` as an envelope. */
static void run_mappings(const json_t *doc, const json_t *maps,
                         const json_t *record, const json_t *before,
                         apr_pool_t *p)
{
    flow_mapping_options_t options = { NULL, 1 };
    flow_lookups_t *lookups = NULL;
    flow_mapping_t *mapping = NULL;
    flow_notes_t notes;
    int mistakes = 0;

    flow_notes_init(&notes, count, &mistakes);
    flow_lookups_compile(&lookups, maps, "lookups", &notes, p);
    check(mistakes == 0);
    options.lookups = lookups;
    flow_mapping_compile_mappings(&mapping, doc, &options, &notes, p);
    check(!mapping == (notes.n > 0));
    check(mistakes == notes.n || notes.n > FLOW_NOTES_MAX);
    if (mapping)
        run(mapping, record, before, p);
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
    json_t *maps = parse(lookup_docs, sizeof(lookup_docs) - 1);

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
    if (flow_json_is(doc, ARRAY))
        run_mappings(doc, maps, record, before, p);
    json_decref(record);
    json_decref(before);
    json_decref(maps);
    json_decref(doc);
    apr_pool_destroy(p);
    return 0;
}

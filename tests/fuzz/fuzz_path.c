/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A path, a line of three dashes, a record: whatever a path is, it never
 * crashes, and what one record sets, one that shares its values does not see.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_pools.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_path.h"
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

static void set(const flow_path_t *path, const json_t *root, json_t *value)
{
    json_t *copy = flow_value_copy(root);
    json_t *found;

    if (flow_path_set(path, copy, json_incref(value)) == APR_SUCCESS &&
        !flow_path_is_multi(path)) {
        found = flow_path_get(path, copy);
        check(found == value);
        json_decref(found);
    }
    json_decref(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = start();
    const char *input = apr_pstrmemdup(p, (const char *)data, size);
    const char *cut = memmem(input, size, mark, MARK_LEN);
    size_t len = cut ? (size_t)(cut - input) : size;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_path_t *path = NULL;
    json_t *root, *found, *before;

    if (flow_path_compile(&path, apr_pstrmemdup(p, input, len), p, &err) !=
        APR_SUCCESS) {
        check(err.kind == FLOW_E_CONFIG && err.message[0] && !path);
        goto cleanup;
    }
    if (!cut)
        goto cleanup;
    root = parse(cut + MARK_LEN, size - len - MARK_LEN);
    before = parse(cut + MARK_LEN, size - len - MARK_LEN);
    found = flow_path_get(path, root);
    if (root) {
        json_t *list = json_array(), *two = json_object();

        json_object_set_new(two, "x", json_integer(2));
        json_array_append_new(list, json_integer(1));
        json_array_append_new(list, two);
        json_array_append_new(list, json_null());

        set(path, root, list);
        set(path, root, json_true());
        json_decref(list);
        if (found)
            set(path, root, found);
        check(flow_json_equal(root, before));
    }
    json_decref(found);
    json_decref(before);
    json_decref(root);
cleanup:
    apr_pool_destroy(p);
    return 0;
}

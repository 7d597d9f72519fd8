/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.sortByFields: the records of a file in another order. All of them are
 * in memory for that.
 */
#include "connectors/flow_conn_filesystem.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_value.h"

#define SORT_FIELDS_MAX 16

struct fs_sort_t {
    const flow_path_t *path;
    int is_descending;
};

typedef struct item_t {
    const fs_content_t *content;
    json_t *record;
    json_t **keys; /* what it is sorted by; NULL: it has no such value */
    apr_size_t index;
} item_t;

/* Values of a parsed tree: jansson's structs, and what malloc adds. */
static apr_size_t weigh(const json_t *v)
{
    json_t *object = (json_t *)v; /* iterators want it so, and change nothing */
    apr_size_t size = 48, len = 0, i;
    void *iter;

    if (flow_json_string(v, &len)) {
        return size + len + 16;
    }
    for (i = 0; i < json_array_size(v); ++i) {
        size += 8 + weigh(json_array_get(v, i));
    }
    if (flow_json_is(v, OBJECT)) {
        size += 160;
    }
    for (iter = json_object_iter(object); iter;
         iter = json_object_iter_next(object, iter)) {
        size += 80 + json_object_iter_key_len(iter) +
                weigh(json_object_iter_value(iter));
    }
    return size;
}

apr_status_t flow_conn_fs_count(const json_t *record, apr_size_t *pused,
                                flow_error_t *err)
{
    *pused += weigh(record);
    if (*pused <= FS_MEMORY_MAX) {
        return APR_SUCCESS;
    }
    return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC, "file_too_large",
                          "its records need more than 256 MB together");
}

void flow_conn_fs_compile_sort(flow_compile_t *c, fs_content_t *content)
{
    const json_t *list = flow_compile_get(c, "file.sortByFields");
    apr_pool_t *p = flow_compile_pool(c);
    apr_size_t n = json_array_size(list), i;
    fs_sort_t *sort;

    if (n > SORT_FIELDS_MAX) {
        flow_compile_problem(c, "file.sortByFields",
                             "has more than %d elements", SORT_FIELDS_MAX);
        return;
    }
    content->sort = sort = apr_pcalloc(p, (n + 1) * sizeof(*sort));
    for (i = 0; i < n; ++i) {
        const json_t *item = json_array_get(list, i);
        const char *field = flow_json_member(item, "field");
        const char *at =
            apr_psprintf(p, "file.sortByFields[%" APR_SIZE_T_FMT "].field", i);

        if (!field) {
            continue; /* has been told */
        }
        sort[content->nsort].path = flow_compile_path_text(c, at, field);
        sort[content->nsort].is_descending =
            flow_json_member_bool(item, "descending") == 1;
        content->nsort += sort[content->nsort].path != NULL;
    }
}

/* What is to be compared; text that is a number is one. New, or NULL. */
static json_t *key_of(const fs_sort_t *sort, const json_t *record,
                      apr_pool_t *p)
{
    const json_t *row =
        flow_json_is(record, ARRAY) ? json_array_get(record, 0) : record;
    json_t *v = row ? flow_path_get(sort->path, row) : NULL, *n;

    if (flow_json_is(v, STRING) && !flow_value_is_empty(v)) {
        n = flow_value_to_number(v, p);
        if (n) {
            json_decref(v);
            v = n;
        }
    }
    if (flow_json_is(v, NUMBER) ||
        (flow_json_is(v, STRING) && !flow_value_is_empty(v))) {
        return v;
    }
    json_decref(v);
    return NULL;
}

static int compare_text(const json_t *a, const json_t *b)
{
    apr_size_t alen = 0, blen = 0;
    const char *as = flow_json_string(a, &alen);
    const char *bs = flow_json_string(b, &blen);
    int order = memcmp(as, bs, alen < blen ? alen : blen);

    return order ? order : (alen > blen) - (alen < blen);
}

/* Numbers, then text. */
static int compare_keys(const json_t *a, const json_t *b)
{
    int ra = flow_json_is(a, NUMBER) ? 1 : 2;
    int rb = flow_json_is(b, NUMBER) ? 1 : 2;

    if (ra != rb) {
        return ra - rb;
    }
    return ra == 1 ? flow_json_order(a, b) : compare_text(a, b);
}

static int compare(const void *x, const void *y)
{
    const item_t *a = x, *b = y;
    int i, order = 0;

    for (i = 0; order == 0 && i < a->content->nsort; ++i) {
        if (!a->keys[i] || !b->keys[i]) {
            /* what has no value stands last, whichever way it is sorted */
            order = !a->keys[i] - !b->keys[i];
            continue;
        }
        order = compare_keys(a->keys[i], b->keys[i]);
        if (a->content->sort[i].is_descending) {
            order = (order < 0) - (order > 0);
        }
    }
    /* those that are equal stay as they came */
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

void flow_conn_fs_sort(const fs_content_t *content, json_t *records,
                       apr_pool_t *p)
{
    apr_size_t n = json_array_size(records), i;
    apr_pool_t *scratch;
    item_t *items;
    int k;

    if (!content->nsort || apr_pool_create(&scratch, p) != APR_SUCCESS) {
        return;
    }
    items = apr_pcalloc(scratch, (n + 1) * sizeof(*items));
    for (i = 0; i < n; ++i) {
        items[i].content = content;
        items[i].index = i;
        items[i].record = json_incref(json_array_get(records, i));
        items[i].keys = apr_pcalloc(scratch, (apr_size_t)content->nsort *
                                                 sizeof(*items[i].keys));
        for (k = 0; k < content->nsort; ++k) {
            items[i].keys[k] =
                key_of(&content->sort[k], items[i].record, scratch);
        }
    }
    qsort(items, n, sizeof(*items), compare);
    for (i = 0; i < n; ++i) {
        json_array_set_new(records, i, items[i].record);
        for (k = 0; k < content->nsort; ++k) {
            json_decref(items[i].keys[k]);
        }
    }
    apr_pool_destroy(scratch);
}

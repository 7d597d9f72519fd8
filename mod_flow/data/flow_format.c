/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One interface for all formats. The readers push; pulling keeps the records
 * of one piece of the source, which is small.
 */
#include "data/flow_format_private.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_text_private.h"

/* Records of one piece are alive at the same time: few enough for the cache and
 * for malloc's short lists, which makes reading half as fast again. */
#define PIECE_MAX 8192
#define NAMES_MAX 64                /* of a path */
#define GROUP_MAX (5 * 1024 * 1024) /* bytes of the texts in a group */
#define ROWS_MAX  100000            /* of a group */

/* Rows of equal keys become one record. */
typedef struct group_t {
    json_t *rows;
    apr_size_t bytes;
    int is_checked; /* the key columns are there */
    int is_spoiled; /* a row in it or beside it is wrong */
    int is_next_spoiled;
} group_t;

struct flow_reader_t {
    const flow_format_t *format;
    flow_record_fn *record_fn;
    void *baton;
    flow_bad_record_fn *bad_fn;
    void *bad_baton;
    flow_json_stream_t *json;
    flow_csv_reader_t *csv;
    flow_xml_stream_t *xml;
    flow_layout_reader_t *layout;
    group_t group;
};

const char *const *flow_format_json_path(const char *path, apr_pool_t *p)
{
    const char **names = apr_pcalloc(p, (NAMES_MAX + 1) * sizeof(*names));
    int n = 0;

    while (*path) {
        apr_size_t len = strcspn(path, ".");

        if (len == 0 || n == NAMES_MAX || strcspn(path, "[]*$") < len) {
            return NULL;
        }
        names[n++] = apr_pstrmemdup(p, path, len);
        path += len;
        if (*path && !*++path) {
            return NULL;
        }
    }
    return names;
}

/* ---- groups ---- */

static int has_equal_keys(const flow_reader_t *reader, const json_t *row)
{
    const json_t *first = json_array_get(reader->group.rows, 0);
    const char *const *key;

    for (key = reader->format->key_columns; *key; ++key) {
        const json_t *a = json_object_get(first, *key);
        const json_t *b = json_object_get(row, *key);

        if (!a != !b || (a && !flow_json_equal(a, b))) {
            return 0;
        }
    }
    return 1;
}

static apr_status_t end_group(flow_reader_t *reader, flow_error_t *err)
{
    json_t *rows = reader->group.rows;
    flow_error_t why = FLOW_ERROR_INIT;
    const char *key;

    reader->group.rows = NULL;
    reader->group.bytes = 0;
    if (!rows || !reader->group.is_spoiled) {
        return rows ? reader->record_fn(reader->baton, rows, err) : APR_SUCCESS;
    }
    reader->group.is_spoiled = 0;
    key = reader->format->key_columns[0];
    flow_error_set(&why, FLOW_E_INPUT, APR_EINVAL, "invalid_group",
                   "the %d rows with '%.64s' in column '%.64s' are left out, "
                   "for a row among them or beside them is wrong",
                   (int)json_array_size(rows),
                   flow_json_member(json_array_get(rows, 0), key)
                       ? flow_json_member(json_array_get(rows, 0), key)
                       : "",
                   key);
    json_decref(rows);
    return reader->bad_fn(reader->bad_baton, &why, err);
}

/* It may have belonged to the group before it or to that behind it. */
static apr_status_t spoil_group(void *baton, const flow_error_t *why,
                                flow_error_t *err)
{
    flow_reader_t *reader = baton;

    reader->group.is_spoiled = reader->group.rows != NULL;
    reader->group.is_next_spoiled = 1;
    return reader->bad_fn(reader->bad_baton, why, err);
}

static apr_size_t row_bytes(const json_t *row)
{
    apr_size_t n = 0, len;
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)row, key, v)
    {
        len = 0;
        flow_json_string(v, &len);
        n += len;
    }
    return n;
}

static apr_status_t add_to_group(void *baton, json_t *row, flow_error_t *err)
{
    flow_reader_t *reader = baton;
    group_t *group = &reader->group;
    apr_status_t rv = APR_SUCCESS;

    if (!group->is_checked) {
        group->is_checked = 1;
        rv = flow_csv_reader_check_names(reader->csv,
                                         reader->format->key_columns, err);
    }
    if (group->rows && !has_equal_keys(reader, row)) {
        rv = end_group(reader, err);
    }
    if (rv != APR_SUCCESS) {
        json_decref(row);
        return rv;
    }
    if (!group->rows) {
        group->rows = json_array();
        group->is_spoiled = group->is_next_spoiled;
    }
    group->is_next_spoiled = 0;
    group->bytes += row_bytes(row);
    json_array_append_new(group->rows, row);
    if (group->bytes > GROUP_MAX || json_array_size(group->rows) > ROWS_MAX) {
        return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC, "too_large",
                              "more than %d rows or 5 MB with equal keys",
                              ROWS_MAX);
    }
    return APR_SUCCESS;
}

/* ---- pushing ---- */

static apr_status_t release_reader(void *data)
{
    json_decref(((flow_reader_t *)data)->group.rows);
    return APR_SUCCESS;
}

apr_status_t flow_reader_create(flow_reader_t **preader,
                                const flow_format_t *format,
                                flow_record_fn *record, void *baton,
                                apr_pool_t *p, flow_error_t *err)
{
    flow_reader_t *r = apr_pcalloc(p, sizeof(*r));
    int is_grouped = format->key_columns && format->key_columns[0];

    *preader = r;
    r->format = format;
    r->record_fn = record;
    r->baton = baton;
    apr_pool_cleanup_register(p, r, release_reader, apr_pool_cleanup_null);
    switch (format->kind) {
    case FLOW_FORMAT_JSON:
        r->json = flow_json_stream_create(format->json_path, record, baton, p);
        return APR_SUCCESS;
    case FLOW_FORMAT_CSV:
        return flow_csv_reader_create(&r->csv, &format->csv,
                                      is_grouped ? add_to_group : record,
                                      is_grouped ? r : baton, p, err);
    case FLOW_FORMAT_XML:
        return flow_xml_stream_create(&r->xml, format->xml_path, record, baton,
                                      p, err);
    case FLOW_FORMAT_LAYOUT:
        return flow_layout_reader_create(&r->layout, format->layout, record,
                                         baton, p, err);
    }
    return APR_EINVAL;
}

void flow_reader_tolerate(flow_reader_t *r, flow_bad_record_fn *bad,
                          void *baton)
{
    int is_grouped = r->format->key_columns && r->format->key_columns[0];

    r->bad_fn = bad;
    r->bad_baton = baton;
    switch (r->format->kind) {
    case FLOW_FORMAT_JSON:
        flow_json_stream_tolerate(r->json, bad, baton);
        break;
    case FLOW_FORMAT_CSV:
        flow_csv_reader_tolerate(r->csv, is_grouped ? spoil_group : bad,
                                 is_grouped ? r : baton);
        break;
    case FLOW_FORMAT_XML:
        break;
    case FLOW_FORMAT_LAYOUT:
        flow_layout_reader_tolerate(r->layout, bad, baton);
        break;
    }
}

apr_status_t flow_reader_feed(flow_reader_t *r, const char *data,
                              apr_size_t len, flow_error_t *err)
{
    switch (r->format->kind) {
    case FLOW_FORMAT_JSON:
        return flow_json_stream_feed(r->json, data, len, err);
    case FLOW_FORMAT_CSV:
        return flow_csv_reader_feed(r->csv, data, len, err);
    case FLOW_FORMAT_XML:
        return flow_xml_stream_feed(r->xml, data, len, err);
    case FLOW_FORMAT_LAYOUT:
        return flow_layout_reader_feed(r->layout, data, len, err);
    }
    return APR_EINVAL;
}

apr_status_t flow_reader_finish(flow_reader_t *r, flow_error_t *err)
{
    apr_status_t rv = APR_EINVAL;

    switch (r->format->kind) {
    case FLOW_FORMAT_JSON:
        return flow_json_stream_finish(r->json, err);
    case FLOW_FORMAT_CSV:
        rv = flow_csv_reader_finish(r->csv, err);
        return rv == APR_SUCCESS ? end_group(r, err) : rv;
    case FLOW_FORMAT_XML:
        return flow_xml_stream_finish(r->xml, err);
    case FLOW_FORMAT_LAYOUT:
        return flow_layout_reader_finish(r->layout, err);
    }
    return rv;
}

/* ---- pulling ---- */

/* A bad record stands in the queue as NULL. */
typedef struct bad_record_t bad_record_t;
struct bad_record_t {
    bad_record_t *next;
    flow_error_t why;
};

struct flow_records_t {
    flow_reader_t *reader;
    bad_record_t *bad, **bad_end; /* of the NULLs, in order */
    apr_pool_t *bad_pool;         /* cleared with every piece; NULL: none */
    flow_source_t source;
    apr_pool_t *p;
    json_t **queue; /* [at, n): records that wait */
    apr_size_t at, n, cap;
    int is_end;
    apr_status_t rv; /* of reading; told after what waits */
    flow_error_t err;
    apr_uint64_t bytes;
    char piece[PIECE_MAX];
};

static apr_status_t enqueue(void *baton, json_t *record, flow_error_t *err)
{
    flow_records_t *records = baton;

    if (records->n == records->cap) {
        apr_size_t cap = records->cap ? records->cap * 2 : 256;
        json_t **queue = realloc(records->queue, cap * sizeof(*queue));

        if (!queue) {
            json_decref(record);
            return flow_text_no_memory(err);
        }
        records->queue = queue;
        records->cap = cap;
    }
    records->queue[records->n++] = record;
    return APR_SUCCESS;
}

static apr_status_t enqueue_bad(void *baton, const flow_error_t *why,
                                flow_error_t *err)
{
    flow_records_t *records = baton;
    bad_record_t *bad = apr_pcalloc(records->bad_pool, sizeof(*bad));

    bad->why = *why;
    *records->bad_end = bad;
    records->bad_end = &bad->next;
    return enqueue(records, NULL, err);
}

static apr_status_t release_records(void *data)
{
    flow_records_t *records = data;

    while (records->at < records->n) {
        json_decref(records->queue[records->at++]);
    }
    free(records->queue);
    return APR_SUCCESS;
}

apr_status_t flow_records_open(flow_records_t **precords,
                               const flow_format_t *format,
                               const flow_source_t *source, apr_pool_t *p,
                               flow_error_t *err)
{
    flow_records_t *records = apr_pcalloc(p, sizeof(*records));

    *precords = records;
    records->p = p;
    records->source = *source;
    apr_pool_cleanup_register(p, records, release_records,
                              apr_pool_cleanup_null);
    return flow_reader_create(&records->reader, format, enqueue, records, p,
                              err);
}

void flow_records_tolerate(flow_records_t *records)
{
    apr_pool_create(&records->bad_pool, records->p);
    records->bad_end = &records->bad;
    flow_reader_tolerate(records->reader, enqueue_bad, records);
}

static void read_piece(flow_records_t *records)
{
    apr_size_t len = PIECE_MAX;
    flow_error_t *err = &records->err;

    records->at = records->n = 0;
    if (records->bad_pool && records->bad_end != &records->bad) {
        records->bad = NULL;
        records->bad_end = &records->bad;
        apr_pool_clear(records->bad_pool);
    }
    records->rv =
        records->source.read(records->source.baton, records->piece, &len, err);
    if (records->rv != APR_SUCCESS) {
        return;
    }
    if (len > 0) {
        records->bytes += len;
        records->rv =
            flow_reader_feed(records->reader, records->piece, len, err);
        return;
    }
    records->is_end = 1;
    records->rv = flow_reader_finish(records->reader, err);
}

apr_status_t flow_records_next(flow_records_t *records, json_t **precord,
                               flow_error_t *err)
{
    const flow_error_t *e = &records->err;

    while (records->at == records->n) {
        if (records->rv != APR_SUCCESS) {
            return flow_error_set(err, e->kind, e->status, e->code, "%s",
                                  e->message);
        }
        if (records->is_end) {
            return APR_EOF;
        }
        read_piece(records);
    }
    *precord = records->queue[records->at++];
    if (!*precord) {
        e = &records->bad->why;
        records->bad = records->bad->next;
        flow_error_set(err, e->kind, e->status, e->code, "%s", e->message);
        return FLOW_RECORD_BAD;
    }
    return APR_SUCCESS;
}

apr_uint64_t flow_records_bytes(const flow_records_t *records)
{
    return records->bytes;
}

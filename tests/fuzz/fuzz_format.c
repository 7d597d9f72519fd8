/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "data/flow_format.h"
#include "data/flow_json.h"

/*
 * Files of records. The first byte chooses the format, the second how large
 * the pieces are; a NUL ends a path or layout, the rest is the file. Pieces
 * must not matter, and what was read must read the same after it was written.
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
    flow_text_global_init();
    return 0;
}

static void check(int is_true)
{
    if (!is_true) {
        abort();
    }
}

static apr_status_t collect(void *baton, json_t *record, flow_error_t *err)
{
    (void)err;
    json_array_append_new(baton, record);
    return APR_SUCCESS;
}

static apr_status_t read_all(const flow_format_t *format, const char *s,
                             size_t len, size_t piece, json_t *records)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_reader_t *reader;
    apr_status_t rv;

    rv = flow_reader_create(&reader, format, collect, records, pool, &err);
    while (rv == APR_SUCCESS && len > 0) {
        size_t n = len < piece ? len : piece;

        rv = flow_reader_feed(reader, s, n, &err);
        s += n;
        len -= n;
    }
    rv = rv == APR_SUCCESS ? flow_reader_finish(reader, &err) : rv;
    check(rv == APR_SUCCESS || (err.message[0] && err.code[0]));
    return rv;
}

/* 0: it cannot be written. */
static int write_all(const flow_format_t *format, const json_t *records,
                     flow_buf_t *out)
{
    size_t i;

    if (flow_format_open(out, format, NULL, pool, NULL) != APR_SUCCESS) {
        return 0;
    }
    for (i = 0; i < json_array_size(records); ++i) {
        if (i > 0) {
            flow_buf_adds(out, flow_format_separator(format));
        }
        if (flow_format_write(out, format, NULL, json_array_get(records, i),
                              pool, NULL) != APR_SUCCESS) {
            return 0;
        }
    }
    return flow_format_close(out, format, pool) == APR_SUCCESS;
}

static void write_and_read(const flow_format_t *format, const json_t *records)
{
    json_t *again = json_array();
    flow_buf_t out;

    flow_buf_init(&out, 16 * 1024 * 1024);
    if (json_array_size(records) > 0 && write_all(format, records, &out)) {
        check(read_all(format, out.data, out.len, out.len, again) ==
              APR_SUCCESS);
        /* XML drops blanks, and fixed width has its own ideas of them */
        check(format->kind != FLOW_FORMAT_JSON ||
              flow_json_equal(records, again));
    }
    flow_buf_release(&out);
    json_decref(again);
}

/* 0: there is no such format. */
static int choose(flow_format_t *format, int kind, const char *head)
{
    json_t *doc = NULL;

    memset(format, 0, sizeof(*format));
    format->kind = kind == 0   ? FLOW_FORMAT_JSON
                   : kind == 1 ? FLOW_FORMAT_XML
                               : FLOW_FORMAT_LAYOUT;
    switch (format->kind) {
    case FLOW_FORMAT_JSON:
        format->json_path = flow_format_json_path(head, pool);
        return format->json_path != NULL;
    case FLOW_FORMAT_XML:
        format->xml_path = flow_xpath_compile(head, pool, NULL);
        return format->xml_path != NULL;
    default:
        if (flow_json_parse(&doc, head, strlen(head), NULL) != APR_SUCCESS) {
            return 0;
        }
        format->layout = flow_layout_compile(doc, pool, NULL);
        json_decref(doc);
        return format->layout != NULL;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *head = (const char *)data + 2, *text;
    json_t *whole, *pieces;
    apr_status_t rv, pieces_rv;
    flow_format_t format;

    if (size < 4 || !(text = memchr(head, '\0', size - 2)) ||
        !choose(&format, data[0] % 3, head)) {
        apr_pool_clear(pool);
        return 0;
    }
    ++text;
    size -= (size_t)(text - (const char *)data);
    whole = json_array();
    pieces = json_array();
    rv = read_all(&format, text, size, size ? size : 1, whole);
    pieces_rv = read_all(&format, text, size, (size_t)data[1] + 1, pieces);
    check((rv == APR_SUCCESS) == (pieces_rv == APR_SUCCESS));
    /* where libxml2 stops depends on the pieces */
    if (rv == APR_SUCCESS || format.kind != FLOW_FORMAT_XML) {
        check(flow_json_equal(whole, pieces));
    }
    if (rv == APR_SUCCESS) {
        write_and_read(&format, whole);
    }
    json_decref(whole);
    json_decref(pieces);
    apr_pool_clear(pool);
    return 0;
}

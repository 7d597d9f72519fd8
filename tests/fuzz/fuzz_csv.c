/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "data/flow_json.h"
#include "data/flow_text.h"

/*
 * The first two bytes choose the options and how large the pieces are in which
 * the rest is fed. The pieces must not matter, and what was read must read the
 * same after it was written.
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

static apr_status_t collect(void *baton, json_t *row, flow_error_t *err)
{
    (void)err;
    check(json_is_object(row));
    json_array_append_new(baton, row);
    return APR_SUCCESS;
}

static apr_status_t read_rows(json_t *rows, const flow_csv_options_t *options,
                              const char *s, size_t len, size_t piece)
{
    flow_csv_reader_t *reader;
    apr_status_t rv;

    rv = flow_csv_reader_create(&reader, options, collect, rows, pool, NULL);
    while (rv == APR_SUCCESS && len > 0) {
        size_t n = len < piece ? len : piece;

        rv = flow_csv_reader_feed(reader, s, n, NULL);
        s += n;
        len -= n;
    }
    return rv == APR_SUCCESS ? flow_csv_reader_finish(reader, NULL) : rv;
}

static void write_and_read(const json_t *rows)
{
    json_t *once = NULL, *twice = NULL;
    flow_buf_t out;

    flow_buf_init(&out, 64 * 1024 * 1024);
    if (flow_body_write(&out, FLOW_MEDIA_CSV, rows, pool, NULL) ==
            APR_SUCCESS &&
        flow_body_parse(&once, FLOW_MEDIA_CSV, NULL, out.data ? out.data : "",
                        out.len, pool, NULL) == APR_SUCCESS) {
        /* the first time headers are trimmed and short rows filled up */
        flow_buf_clear(&out);
        check(flow_body_write(&out, FLOW_MEDIA_CSV, once, pool, NULL) ==
              APR_SUCCESS);
        check(flow_body_parse(&twice, FLOW_MEDIA_CSV, NULL,
                              out.data ? out.data : "", out.len, pool,
                              NULL) == APR_SUCCESS);
        check(flow_json_equal(once, twice));
    }
    json_decref(once);
    json_decref(twice);
    flow_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const delimiters[] = { NULL, ";", "||", "\t" };
    static const char *const ends[] = { NULL, "\r\n", "~", "|\n" };
    flow_csv_options_t options = { 0 };
    json_t *whole, *pieces;
    apr_status_t rv, pieces_rv;

    if (size < 2) {
        return 0;
    }
    options.delimiter = delimiters[data[0] & 3];
    options.no_header = (data[0] >> 2) & 1;
    options.trim_spaces = (data[0] >> 3) & 1;
    options.rows_to_skip = (data[0] >> 4) & 3;
    options.row_delimiter = ends[data[0] >> 6];
    options.escape = (char)((data[1] >> 6) == 1 ? '\\' : 0);
    options.no_quotes = (data[1] >> 6) == 2;
    whole = json_array();
    pieces = json_array();
    rv = read_rows(whole, &options, (const char *)data + 2, size - 2, size);
    pieces_rv = read_rows(pieces, &options, (const char *)data + 2, size - 2,
                          (size_t)data[1] + 1);
    check(rv == pieces_rv);
    check(flow_json_equal(whole, pieces));
    if (rv == APR_SUCCESS) {
        write_and_read(whole);
    }
    json_decref(whole);
    json_decref(pieces);
    apr_pool_clear(pool);
    return 0;
}

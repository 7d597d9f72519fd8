/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written: a whole file, or more records at the end of one. A file is
 * what stands before its records, the records, and what stands behind them;
 * adding takes away the end, which must be the one that we have written, and
 * puts it there again. In a gzip file that end is a member of its own.
 */
#include "connectors/flow_conn_filesystem.h"

#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_MAX 4096

void flow_conn_fs_fail_record(fs_text_t *text, size_t i,
                              const flow_error_t *err)
{
    json_decref(text->elements[i]);
    text->elements[i] = flow_response_error(err, "application");
}

static apr_status_t too_large(flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC, "page_too_large",
                          "the records would make more than %d bytes",
                          FS_PAGE_MAX);
}

/* ---- columns ---- */

/* 0 when the record has no columns. */
static int add_columns(json_t *columns, json_t *known, json_t *record)
{
    size_t i, n = json_array_size(record);

    if (json_is_object(record)) {
        return flow_csv_add_columns(columns, known, record);
    }
    for (i = 0; i < n; ++i) {
        json_t *row = json_array_get(record, i);

        if (!json_is_object(row) ||
            !flow_csv_add_columns(columns, known, row)) {
            return 0;
        }
    }
    return n > 0;
}

void flow_conn_fs_columns(fs_text_t *text)
{
    json_t *columns = flow_json_own(text->p, json_array());
    json_t *known = json_object();
    size_t i, n = json_array_size(text->records);

    for (i = 0; i < n; ++i) {
        if (!add_columns(columns, known, json_array_get(text->records, i))) {
            flow_error_t err = FLOW_ERROR_INIT;

            flow_error_set(&err, FLOW_E_INPUT, APR_EINVAL, "record_type",
                           "a CSV row must be an object");
            flow_conn_fs_fail_record(text, i, &err);
        }
    }
    json_decref(known);
    text->columns = columns;
}

/* The names in the first row of the file, as a new set; NULL: @a err. */
static json_t *read_columns(fs_text_t *text, int fd, const char *name,
                            flow_error_t *err)
{
    flow_format_t format = { FLOW_FORMAT_CSV };
    json_t *columns = json_array(), *row = NULL, *v;
    flow_records_t *records;
    flow_source_t source;
    apr_status_t rv;
    const char *key;

    format.csv = text->content->format.csv;
    format.csv.no_header = 1;
    rv = lseek(fd, 0, SEEK_SET) == 0
             ? flow_conn_fs_source(&source, fd, text->content, text->p, err)
             : APR_EGENERAL;
    if (rv == APR_SUCCESS) {
        rv = flow_records_open(&records, &format, &source, text->p, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_records_next(records, &row, err);
    }
    if (rv != APR_SUCCESS) {
        json_decref(columns);
        flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "file_format",
                       "file '%s' is there and has no header row", name);
        return NULL;
    }
    json_object_foreach(row, key, v)
    {
        json_array_append(columns, v);
    }
    json_decref(row);
    return columns;
}

/* The first member of @a record that is no column, or NULL. */
static const char *find_stranger(json_t *known, json_t *record)
{
    size_t i, n = json_array_size(record);
    const char *key;
    json_t *v;

    for (i = 0; i < n; ++i) {
        key = find_stranger(known, json_array_get(record, i));
        if (key) {
            return key;
        }
    }
    json_object_foreach(record, key, v)
    {
        if (!json_object_get(known, key)) {
            return key;
        }
    }
    return NULL;
}

/* A cell that the header has no column for would silently be lost. */
static void refuse_strangers(fs_text_t *text)
{
    size_t i, n = json_array_size(text->columns);
    json_t *known = json_object();

    for (i = 0; i < n; ++i) {
        apr_size_t len = 0;
        const char *name =
            flow_json_string(json_array_get(text->columns, i), &len);

        json_object_setn_new_nocheck(known, name, len, json_true());
    }
    for (i = 0; i < json_array_size(text->records); ++i) {
        const char *key =
            find_stranger(known, json_array_get(text->records, i));
        flow_error_t err = FLOW_ERROR_INIT;

        if (key) {
            flow_error_set(&err, FLOW_E_INPUT, APR_EINVAL, "column_unknown",
                           "the file's header has no column '%s'", key);
            flow_conn_fs_fail_record(text, i, &err);
        }
    }
    json_decref(known);
}

/* ---- records ---- */

/* @a out in the file's charset. What does not fit is the record's mistake. */
static apr_status_t encode(const fs_text_t *text, flow_buf_t *out,
                           const char *data, apr_size_t len, flow_error_t *err)
{
    return text->content->charset
               ? flow_charset_write(out, text->content->charset, data, len,
                                    text->p, err)
               : flow_buf_add(out, data, len);
}

/* The records that are good, with separators between them. */
static apr_status_t write_items(fs_text_t *text, flow_buf_t *out,
                                flow_error_t *err)
{
    const flow_format_t *format = &text->content->format;
    const char *between = flow_format_separator(format);
    size_t i, n = json_array_size(text->records);
    apr_pool_t *scratch;
    flow_buf_t one;

    flow_buf_init(&one, FS_PAGE_MAX);
    apr_pool_create(&scratch, text->p);
    for (i = 0; i < n && out->status == APR_SUCCESS; ++i) {
        flow_error_t bad = FLOW_ERROR_INIT;
        apr_size_t before = out->len;

        if (text->elements[i]) {
            continue;
        }
        flow_buf_clear(&one);
        flow_buf_adds(&one, before > 0 ? between : "");
        if (flow_format_write(&one, format, text->columns,
                              json_array_get(text->records, i), scratch,
                              &bad) != APR_SUCCESS ||
            encode(text, out, one.data ? one.data : "", one.len, &bad) !=
                APR_SUCCESS) {
            out->len = before;
            if (out->status == APR_SUCCESS) {
                flow_conn_fs_fail_record(text, i, &bad);
            }
        }
        apr_pool_clear(scratch);
    }
    apr_pool_destroy(scratch);
    flow_buf_release(&one);
    return out->status == APR_SUCCESS ? APR_SUCCESS : too_large(err);
}

/* Without the delimiter behind the last row. */
static void truncate_row(const fs_text_t *text, flow_buf_t *out)
{
    const char *end = text->content->format.csv.row_delimiter;
    flow_buf_t mark;

    if (!text->content->truncates) {
        return;
    }
    flow_buf_init(&mark, 1024);
    encode(text, &mark, end ? end : "\n", strlen(end ? end : "\n"), NULL);
    if (out->len >= mark.len) {
        out->len -= mark.len;
    }
    flow_buf_release(&mark);
}

/* What stands before (@a is_open) or behind the records. */
static apr_status_t write_frame(fs_text_t *text, int is_open, flow_buf_t *out,
                                flow_error_t *err)
{
    const flow_format_t *format = &text->content->format;
    flow_buf_t frame;
    apr_status_t rv;

    flow_buf_init(&frame, FS_PAGE_MAX);
    rv = is_open ? flow_format_open(&frame, format, text->columns, text->p, err)
                 : flow_format_close(&frame, format, text->p);
    if (rv == APR_SUCCESS && frame.len > 0) {
        rv = encode(text, out, frame.data, frame.len, err);
    }
    flow_buf_release(&frame);
    return rv;
}

/* A record of its own is written without a frame where that can be. */
static apr_status_t write_body(fs_text_t *text, int is_single, flow_buf_t *out,
                               flow_error_t *err)
{
    flow_buf_t items;
    apr_status_t rv;

    flow_buf_init(&items, FS_PAGE_MAX);
    rv = write_items(text, &items, err);
    if (rv == APR_SUCCESS && items.len > 0) {
        if (!is_single) {
            rv = write_frame(text, 1, out, err);
        }
        flow_buf_add(out, items.data, items.len);
        if (is_single) {
            encode(text, out, "\n", 1, err);
        }
        truncate_row(text, out);
    }
    flow_buf_release(&items);
    return rv == APR_SUCCESS ? out->status : rv;
}

/* ---- packing ---- */

/* Appends @a plain as the packing wants it. */
static apr_status_t pack(const fs_text_t *text, const char *name,
                         const flow_buf_t *plain, flow_buf_t *out,
                         flow_error_t *err)
{
    const char *data = plain->data ? plain->data : "";
    apr_size_t len;

    switch (text->content->packing) {
    case FS_GZIP:
        return flow_gzip_write(out, data, plain->len);
    case FS_ZIP:
        len = strlen(name);
        if (len > 4 && strcasecmp(name + len - 4, ".zip") == 0) {
            name = apr_pstrmemdup(text->p, name, len - 4);
        }
        return flow_zip_write(out, name, data, plain->len, err);
    case FS_PLAIN:
        break;
    }
    return flow_buf_add(out, data, plain->len);
}

/* The end of a file, packed; nothing where there is none. */
static apr_status_t write_end(fs_text_t *text, const char *name,
                              flow_buf_t *out, flow_error_t *err)
{
    flow_buf_t end;
    apr_status_t rv;

    flow_buf_init(&end, TAIL_MAX);
    rv = write_frame(text, 0, &end, err);
    if (rv == APR_SUCCESS && end.len > 0) {
        rv = pack(text, name, &end, out, err);
    }
    flow_buf_release(&end);
    return rv;
}

apr_status_t flow_conn_fs_whole(fs_text_t *text, const char *name,
                                flow_buf_t *out, flow_error_t *err)
{
    const fs_content_t *content = text->content;
    int is_one = json_array_size(text->records) == 1 &&
                 content->format.kind == FLOW_FORMAT_JSON &&
                 !content->format.json_path && text->is_single;
    flow_buf_t plain;
    apr_status_t rv;

    flow_buf_init(&plain, FS_PAGE_MAX);
    rv = write_body(text, is_one, &plain, err);
    if (rv == APR_SUCCESS && plain.len > 0) {
        if (content->packing == FS_ZIP && !is_one) {
            rv = write_frame(text, 0, &plain, err);
        }
        if (rv == APR_SUCCESS) {
            rv = pack(text, name, &plain, out, err);
        }
        if (rv == APR_SUCCESS && content->packing != FS_ZIP && !is_one) {
            rv = write_end(text, name, out, err);
        }
    }
    flow_buf_release(&plain);
    return rv == APR_SUCCESS || out->status == APR_SUCCESS ? rv
                                                           : too_large(err);
}

/* ---- adding ---- */

typedef struct tail_t {
    char data[TAIL_MAX];
    off_t at; /* of its first byte */
    apr_size_t len;
} tail_t;

static int is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Bytes at the end of a plain JSON array that its closing takes, however it is
 * written; 0: it is none. *pis_empty: there is nothing in the array. */
static apr_size_t json_end(const tail_t *tail, int *pis_empty)
{
    apr_size_t i = tail->len, k;

    while (i > 0 && is_space(tail->data[i - 1])) {
        --i;
    }
    if (i == 0 || tail->data[i - 1] != ']') {
        return 0;
    }
    k = i - 1;
    while (k > 0 && is_space(tail->data[k - 1])) {
        --k;
    }
    *pis_empty = k > 0 && tail->data[k - 1] == '[';
    return k > 0 ? tail->len - k : 0;
}

static int ends_with(const tail_t *tail, const flow_buf_t *end)
{
    return tail->len >= end->len &&
           (end->len == 0 || memcmp(tail->data + tail->len - end->len,
                                    end->data, end->len) == 0);
}

/* How many bytes at its end the file's closing takes, and what goes between it
 * and new records. */
static apr_status_t find_end(fs_text_t *text, const char *name,
                             const tail_t *tail, apr_size_t *pn,
                             const char **pbetween, flow_error_t *err)
{
    const fs_content_t *content = text->content;
    const char *row = content->format.csv.row_delimiter;
    flow_buf_t end;
    int is_empty = 0;
    apr_status_t rv;

    flow_buf_init(&end, TAIL_MAX);
    rv = write_end(text, name, &end, err);
    *pn = end.len;
    *pbetween = flow_format_separator(&content->format);
    if (rv == APR_SUCCESS && !ends_with(tail, &end)) {
        *pn = content->format.kind == FLOW_FORMAT_JSON &&
                      !content->format.json_path && !content->charset &&
                      content->packing == FS_PLAIN
                  ? json_end(tail, &is_empty)
                  : 0;
        *pbetween = is_empty ? "\n" : *pbetween;
        rv = *pn ? APR_SUCCESS
                 : flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "file_format",
                                  "file '%s' is there and does not end as one "
                                  "of this import does",
                                  name);
    }
    if (rv == APR_SUCCESS && content->format.kind == FLOW_FORMAT_CSV &&
        content->packing == FS_PLAIN) {
        flow_buf_clear(&end);
        rv =
            encode(text, &end, row ? row : "\n", strlen(row ? row : "\n"), err);
        *pbetween = ends_with(tail, &end) || tail->len == 0 ? ""
                    : row                                   ? row
                                                            : "\n";
    }
    flow_buf_release(&end);
    return rv;
}

static apr_status_t read_tail(tail_t *tail, int fd, off_t size,
                              const char *name, flow_error_t *err)
{
    ssize_t n;

    tail->at = size > TAIL_MAX ? size - TAIL_MAX : 0;
    n = pread(fd, tail->data, TAIL_MAX, tail->at);
    if (n < 0 || tail->at + n != size) {
        return flow_conn_fs_error("read", name, EIO, err);
    }
    tail->len = (apr_size_t)n;
    return APR_SUCCESS;
}

/* New bytes in the place of the last @a n. */
static apr_status_t put(fs_text_t *text, int fd, const char *name,
                        const tail_t *tail, apr_size_t n, const char *between,
                        flow_error_t *err)
{
    off_t size = tail->at + (off_t)tail->len;
    flow_buf_t items, plain, out;
    apr_status_t rv;

    flow_buf_init(&items, FS_PAGE_MAX);
    flow_buf_init(&plain, FS_PAGE_MAX);
    flow_buf_init(&out, FS_PAGE_MAX + TAIL_MAX);
    rv = write_items(text, &items, err);
    if (rv != APR_SUCCESS || items.len == 0) {
        goto cleanup;
    }
    rv = encode(text, &plain, between, strlen(between), err);
    flow_buf_add(&plain, items.data, items.len);
    truncate_row(text, &plain);
    if (rv == APR_SUCCESS) {
        rv = pack(text, name, &plain, &out, err);
    }
    if (rv == APR_SUCCESS) {
        rv = write_end(text, name, &out, err);
    }
    if (rv == APR_SUCCESS) {
        rv = plain.status != APR_SUCCESS ? plain.status : out.status;
    }
    if (rv == APR_SUCCESS) {
        rv = flow_conn_fs_replace_tail(fd, name, size - (off_t)n, size,
                                       tail->data + (tail->len - n), out.data,
                                       out.len, err);
    }

cleanup:
    flow_buf_release(&items);
    flow_buf_release(&plain);
    flow_buf_release(&out);
    return rv == APR_ENOSPC ? too_large(err) : rv;
}

apr_status_t flow_conn_fs_append(fs_text_t *text, int fd, const char *name,
                                 flow_error_t *err)
{
    const flow_csv_options_t *csv = &text->content->format.csv;
    const char *between = "";
    apr_size_t n = 0;
    struct stat st;
    tail_t *tail;
    apr_status_t rv;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return flow_conn_fs_error("write", name, EINVAL, err);
    }
    if (text->content->format.kind == FLOW_FORMAT_CSV && !csv->no_header_out) {
        json_t *columns = read_columns(text, fd, name, err);

        if (!columns) {
            return err->status;
        }
        text->columns = flow_json_own(text->p, columns);
        refuse_strangers(text);
    }
    tail = apr_palloc(text->p, sizeof(*tail));
    rv = read_tail(tail, fd, st.st_size, name, err);
    if (rv == APR_SUCCESS) {
        rv = find_end(text, name, tail, &n, &between, err);
    }
    return rv == APR_SUCCESS ? put(text, fd, name, tail, n, between, err) : rv;
}

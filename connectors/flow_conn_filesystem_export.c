/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading files, in the order of their names. The cursor is
 * {file, size, mtime, offset | index, row} inside of a file and
 * {file, size, mtime, done: true} behind it; only when the page after that is
 * asked for, the file's records have gone through and it may be deleted.
 */
#include "connectors/flow_conn_filesystem.h"

#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLICE_BYTES   (1024 * 1024) /* of CSV per page */
#define SLICE_ROWS    5000
#define ROW_MAX       (5 * 1024 * 1024)
#define JSON_FILE_MAX (50 * 1024 * 1024) /* it is parsed as a whole */
#define JSON_PAGE     (4 * 1024 * 1024)
#define NAME_TEXT_MAX 1024

typedef struct reader_t {
    const flow_export_t *exp;
    const fs_export_t *x;
    const flow_call_t *call;
    const json_t *context, *cursor;
    int dirfd, fd;
    const char *starts_with, *ends_with;
    const char *name; /* the file being read */
    apr_int64_t size, mtime;
    apr_int64_t position; /* offset (CSV) or index (JSON) */
    apr_int64_t row;      /* CSV: rows read before this page */
    int done;             /* the page reaches the end of the file */
    json_t *records;
    apr_pool_t *p;
} reader_t;

static apr_int64_t number(const json_t *object, const char *key)
{
    apr_int64_t n;

    return flow_json_int64(json_object_get(object, key), &n) ? n : 0;
}

static const json_t *make_context(const flow_call_t *call, const json_t *input,
                                  apr_pool_t *p)
{
    json_t *context = flow_json_own(p, flow_json_is(call->context, OBJECT)
                                           ? json_copy((json_t *)call->context)
                                           : json_object());
    const json_t *record =
        flow_json_is(input, ARRAY) ? json_array_get(input, 0) : input;

    if (record) {
        json_object_set(context, "data", (json_t *)input);
        json_object_set(context, "record", (json_t *)record);
    }
    return context;
}

static apr_status_t render(reader_t *r, const flow_template_t *tpl,
                           const char **ptext, flow_error_t *err)
{
    apr_size_t len;

    *ptext = "";
    return tpl ? flow_template_text(tpl, r->context, NAME_TEXT_MAX, ptext, &len,
                                    r->p, err)
               : APR_SUCCESS;
}

/* ---- which file ---- */

static void look_at(reader_t *r, const struct stat *st)
{
    r->size = (apr_int64_t)st->st_size;
    r->mtime =
        (apr_int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static int is_unchanged(const reader_t *r)
{
    return r->size == number(r->cursor, "size") &&
           r->mtime == number(r->cursor, "mtime");
}

/* Delete the file that the cursor is behind of, unless somebody has changed
 * it meanwhile or it is gone already (this page is asked for again). */
static apr_status_t delete_done(reader_t *r, const char *name,
                                flow_error_t *err)
{
    struct stat st;

    if (r->x->keep || r->call->test_mode || r->call->dry_run ||
        fstatat(r->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return APR_SUCCESS;
    }
    look_at(r, &st);
    if (!S_ISREG(st.st_mode) || !is_unchanged(r)) {
        return APR_SUCCESS;
    }
    if (unlinkat(r->dirfd, name, 0) != 0 && errno != ENOENT) {
        return flow_conn_fs_error("delete", name, errno, err);
    }
    return APR_SUCCESS;
}

static apr_status_t choose_file(reader_t *r, flow_error_t *err)
{
    const char *last = flow_json_member(r->cursor, "file");
    apr_status_t rv;

    if (last && flow_conn_fs_name_problem(last)) {
        last = NULL;
    }
    if (last && flow_json_member_bool(r->cursor, "done") != 1) {
        r->name = last;
        r->position = number(r->cursor, "position");
        r->row = number(r->cursor, "row");
        return APR_SUCCESS;
    }
    if (last) {
        rv = delete_done(r, last, err);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    r->cursor = NULL;
    return flow_conn_fs_next_file(&r->name, r->dirfd, last, r->starts_with,
                                  r->ends_with, r->p, err);
}

static apr_status_t open_file(reader_t *r, flow_error_t *err)
{
    struct stat st;

    r->fd = openat(r->dirfd, r->name,
                   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (r->fd < 0 || fstat(r->fd, &st) != 0) {
        return flow_conn_fs_error("read", r->name, errno, err);
    }
    if (!S_ISREG(st.st_mode)) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "file_type",
                              "'%s' is no regular file", r->name);
    }
    look_at(r, &st);
    if (r->cursor && !is_unchanged(r)) {
        return flow_error_set(
            err, FLOW_E_UNAVAILABLE, APR_EGENERAL, "file_changed",
            "file '%s' was changed while it was being read", r->name);
    }
    return APR_SUCCESS;
}

static apr_status_t read_bytes(reader_t *r, apr_int64_t offset, apr_size_t max,
                               char **pdata, apr_size_t *plen,
                               flow_error_t *err)
{
    apr_int64_t left = r->size - offset;
    apr_size_t want = left < (apr_int64_t)max ? (apr_size_t)left : max;
    apr_size_t n = 0;
    char *data = apr_palloc(r->p, want + 1);

    *pdata = data;
    *plen = 0;

    while (n < want) {
        ssize_t got =
            pread(r->fd, data + n, want - n, (off_t)(offset + (off_t)n));

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return flow_conn_fs_error("read", r->name, errno, err);
        }
        if (got == 0) {
            break;
        }
        n += (apr_size_t)got;
    }
    data[n] = '\0';
    *plen = n;
    return APR_SUCCESS;
}

/* ---- CSV ---- */

static apr_status_t take_row(void *baton, json_t *row, flow_error_t *err)
{
    reader_t *r = baton;

    (void)err;
    json_array_append_new(r->records, row);
    return APR_SUCCESS;
}

/* Behind @a n lines, whatever is in them: the reader skips them unread. */
static apr_size_t skip_lines(const char *data, apr_size_t from, apr_size_t len,
                             int n)
{
    apr_size_t i = from;

    while (i < len && n > 0) {
        if (data[i] == '\r' && i + 1 < len && data[i + 1] == '\n') {
            ++i;
        }
        n -= data[i] == '\n' || data[i] == '\r';
        ++i;
    }
    return i;
}

/* The bytes before the first record: mark, skipped lines, header. They are fed
 * to the reader before every page. */
static apr_status_t read_header(reader_t *r, char **pdata, apr_size_t *plen,
                                flow_error_t *err)
{
    const flow_csv_options_t *csv = &r->x->csv;
    apr_size_t len = 0, n = 1, at = 0;
    fs_rows_t rows;
    apr_status_t rv;

    rv = read_bytes(r, 0, SLICE_BYTES, pdata, &len, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (len >= 3 && memcmp(*pdata, "\xef\xbb\xbf", 3) == 0) {
        at = 3;
    }
    at = skip_lines(*pdata, at, len, csv->rows_to_skip);
    if (!csv->no_header) {
        flow_conn_fs_rows_init(&rows, csv);
        at += flow_conn_fs_rows_find(&rows, *pdata + at, len - at, 1, &n);
    }
    if (n == 0 && (apr_int64_t)len < r->size) {
        return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC, "header_too_long",
                              "no header within the first %d bytes of '%s'",
                              SLICE_BYTES, r->name);
    }
    *plen = n == 0 ? len : at;
    return APR_SUCCESS;
}

/* Whole rows from r->position on. */
static apr_status_t read_slice(reader_t *r, char **pdata, apr_size_t *plen,
                               flow_error_t *err)
{
    apr_size_t len = 0, n, end, max = SLICE_BYTES;
    fs_rows_t rows;
    apr_status_t rv;

    for (;;) {
        rv = read_bytes(r, r->position, max, pdata, &len, err);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        flow_conn_fs_rows_init(&rows, &r->x->csv);
        end = flow_conn_fs_rows_find(&rows, *pdata, len, SLICE_ROWS, &n);
        if (n < SLICE_ROWS && r->position + (apr_int64_t)len >= r->size) {
            end = len; /* the last row may lack its line end */
        }
        if (end > 0 || len == 0 || max >= ROW_MAX) {
            break;
        }
        max = ROW_MAX;
    }
    if (end == 0 && len > 0) {
        return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC, "row_too_long",
                              "file '%s', after row %" APR_INT64_T_FMT
                              ": a row has more than %d bytes",
                              r->name, r->row, ROW_MAX);
    }
    *plen = end;
    return APR_SUCCESS;
}

static apr_status_t feed(reader_t *r, const char *header, apr_size_t header_len,
                         const char *slice, apr_size_t len, flow_error_t *err)
{
    flow_csv_reader_t *csv;
    apr_status_t rv;

    rv = flow_csv_reader_create(&csv, &r->x->csv, take_row, r, r->p, err);
    if (rv == APR_SUCCESS && header_len) {
        rv = flow_csv_reader_feed(csv, header, header_len, err);
    }
    if (rv == APR_SUCCESS && len) {
        rv = flow_csv_reader_feed(csv, slice, len, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_csv_reader_finish(csv, err);
    }
    if (rv != APR_SUCCESS) {
        /* The reader counts lines from where this page begins. */
        flow_error_prefix(err,
                          r->row ? "file '%s', after record %" APR_INT64_T_FMT
                                 : "file '%s'",
                          r->name, r->row);
    }
    return rv;
}

static apr_status_t read_csv(reader_t *r, flow_error_t *err)
{
    char *header = NULL, *slice = NULL;
    apr_size_t header_len = 0, len = 0;
    apr_status_t rv;

    rv = read_header(r, &header, &header_len, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (r->position == 0) {
        r->position = (apr_int64_t)header_len;
    }
    rv = read_slice(r, &slice, &len, err);
    if (rv == APR_SUCCESS) {
        rv = feed(r, header, header_len, slice, len, err);
    }
    if (rv == APR_SUCCESS) {
        r->position += (apr_int64_t)len;
        r->row += (apr_int64_t)json_array_size(r->records);
        r->done = r->position >= r->size || len == 0;
    }
    return rv;
}

/* ---- JSON ---- */

/* The records of the file: new array. */
static json_t *records_of(const reader_t *r, json_t *root)
{
    json_t *found = r->x->resource_path
                        ? flow_path_get(r->x->resource_path, root)
                        : json_incref(root);
    json_t *list;

    if (flow_json_is(found, ARRAY)) {
        return found;
    }
    list = json_array();
    if (found && flow_json_type(found) != FLOW_JSON_NULL) {
        json_array_append(list, found);
    }
    json_decref(found);
    return list;
}

static apr_status_t read_json(reader_t *r, flow_error_t *err)
{
    json_t *root = NULL, *list;
    apr_size_t len = 0, total, i, n;
    apr_status_t rv;
    char *text = NULL;

    if (r->size > JSON_FILE_MAX) {
        return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC, "file_too_large",
                              "file '%s' has more than %d bytes", r->name,
                              JSON_FILE_MAX);
    }
    rv = read_bytes(r, 0, JSON_FILE_MAX, &text, &len, err);
    if (rv == APR_SUCCESS) {
        rv = flow_json_parse(&root, text, len, err);
        if (rv != APR_SUCCESS) {
            flow_error_prefix(err, "file '%s'", r->name);
        }
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    list = records_of(r, root);
    total = json_array_size(list);
    /* As many as make about JSON_PAGE bytes: the file is parsed again for
     * every page. */
    n = total ? JSON_PAGE / (len / total + 1) : 0;
    n = n ? n : 1;
    i = (apr_size_t)r->position;
    for (; i < total && n > 0; ++i, --n) {
        json_array_append(r->records, json_array_get(list, i));
    }
    r->position = (apr_int64_t)i;
    r->done = i >= total;
    json_decref(list);
    json_decref(root);
    return APR_SUCCESS;
}

/* ---- one page ---- */

static json_t *next_cursor(const reader_t *r)
{
    json_t *cursor = json_object();

    json_object_set_new(cursor, "file",
                        flow_json_string_new(r->name, strlen(r->name)));
    json_object_set_new(cursor, "size", json_integer(r->size));
    json_object_set_new(cursor, "mtime", json_integer(r->mtime));
    if (r->done) {
        json_object_set_new(cursor, "done", json_true());
    }
    else {
        json_object_set_new(cursor, "position", json_integer(r->position));
        json_object_set_new(cursor, "row", json_integer(r->row));
    }
    return cursor;
}

static apr_status_t read_page(reader_t *r, flow_error_t *err)
{
    apr_status_t rv;

    if (r->call->stopping && *r->call->stopping) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR, "stopping",
                              "the server is stopping");
    }
    rv = choose_file(r, err);
    if (rv != APR_SUCCESS || !r->name || r->call->dry_run) {
        return rv;
    }
    if (!flow_utf8_is_valid(r->name, strlen(r->name))) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "file_name",
                              "a file's name is not UTF-8");
    }
    rv = open_file(r, err);
    if (rv == APR_SUCCESS) {
        rv = r->x->is_csv ? read_csv(r, err) : read_json(r, err);
    }
    return rv;
}

apr_status_t flow_conn_fs_export_page(const flow_export_t *exp,
                                      const flow_call_t *call,
                                      const json_t *input, const json_t *cursor,
                                      flow_page_t *page, apr_pool_t *p,
                                      flow_error_t *err)
{
    const fs_connection_t *conn = exp->connection->data;
    reader_t r = { exp, exp->data, call };
    const char *below;
    apr_status_t rv;

    r.dirfd = r.fd = -1;
    r.p = p;
    r.cursor = cursor;
    r.context = make_context(call, input, p);
    r.records = json_array();
    rv = render(&r, r.x->directory, &below, err);
    if (rv == APR_SUCCESS) {
        rv = render(&r, r.x->starts_with, &r.starts_with, err);
    }
    if (rv == APR_SUCCESS) {
        rv = render(&r, r.x->ends_with, &r.ends_with, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_conn_fs_open_dir(&r.dirfd, conn->root, below, p, err);
    }
    if (rv == APR_SUCCESS) {
        rv = read_page(&r, err);
    }
    if (rv == APR_SUCCESS) {
        page->records = r.records;
        page->cursor = r.name && !call->dry_run ? next_cursor(&r) : NULL;
    }
    else {
        json_decref(r.records);
        flow_error_prefix(err, "connection '%s'", exp->connection->id);
    }
    if (r.fd >= 0) {
        close(r.fd);
    }
    if (r.dirfd >= 0) {
        close(r.dirfd);
    }
    return rv;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing records to files.
 */
#include "connectors/flow_conn_filesystem.h"

#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_TEXT_MAX 1024
#define PAGE_MAX      (50 * 1024 * 1024)
#define HEAD_MAX      65536 /* of a CSV file, to find its header */
#define TAIL_MAX      64    /* of a JSON file, to find its last bracket */

typedef struct writer_t {
    const flow_import_t *imp;
    const fs_import_t *x;
    const flow_call_t *call;
    json_t *context;
    const json_t *records;
    json_t **elements; /* of each record; NULL = no error so far */
    int dirfd;
    apr_pool_t *p;
} writer_t;

/* ---- JSON ---- */

static apr_status_t add_json(int fd, const char *name, off_t size,
                             flow_buf_t *items, flow_error_t *err)
{
    char tail[TAIL_MAX + 1];
    off_t from = size > TAIL_MAX ? size - TAIL_MAX : 0;
    ssize_t n = pread(fd, tail, TAIL_MAX, from), i, k;
    flow_buf_t out;
    apr_status_t rv;

    for (i = n - 1; i >= 0 && strchr(" \t\r\n", tail[i]); --i) {
    }
    for (k = i - 1; k >= 0 && strchr(" \t\r\n", tail[k]); --k) {
    }
    if (k < 0 || tail[i] != ']') {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "file_format",
                              "file '%s' is there and is no JSON array", name);
    }
    flow_buf_init(&out, PAGE_MAX + 16);
    flow_buf_adds(&out, tail[k] == '[' ? "\n" : ",\n");
    flow_buf_add(&out, items->data, items->len);
    flow_buf_adds(&out, "\n]\n");
    rv = out.status;
    if (rv == APR_SUCCESS) {
        rv = flow_conn_fs_replace_tail(fd, name, from + k + 1, size,
                                       tail + k + 1, out.data, out.len, err);
    }
    flow_buf_release(&out);
    return rv;
}

static void write_json_items(writer_t *w, flow_buf_t *items)
{
    size_t i, n = json_array_size(w->records);

    for (i = 0; i < n; ++i) {
        if (items->len > 0) {
            flow_buf_adds(items, ",\n");
        }
        flow_json_write(items, json_array_get(w->records, i),
                        FLOW_JSON_COMPACT);
    }
}

/* ---- CSV ---- */

static void add_column(json_t *columns, const char *name)
{
    size_t i;

    for (i = 0; i < json_array_size(columns); ++i) {
        const char *old = flow_json_string(json_array_get(columns, i), NULL);

        if (old && strcmp(old, name) == 0) {
            return;
        }
    }
    json_array_append_new(columns, flow_json_string_new(name, strlen(name)));
}

static int has_column(const json_t *columns, const char *name)
{
    size_t i;

    for (i = 0; i < json_array_size(columns); ++i) {
        const char *old = flow_json_string(json_array_get(columns, i), NULL);

        if (old && strcmp(old, name) == 0) {
            return 1;
        }
    }
    return 0;
}

static void fail_record(writer_t *w, size_t i, const char *code,
                        const char *message)
{
    flow_error_t err = FLOW_ERROR_INIT;

    flow_error_set(&err, FLOW_E_INPUT, APR_EINVAL, code, "%s", message);
    json_decref(w->elements[i]);
    w->elements[i] = flow_response_error(&err, "application");
}

/* The columns of all records, in the order in which they come. */
static json_t *columns_of(writer_t *w)
{
    json_t *columns = flow_json_own(w->p, json_array()), *v;
    size_t i, n = json_array_size(w->records);
    const char *key;

    for (i = 0; i < n; ++i) {
        json_t *record = json_array_get(w->records, i);

        if (!flow_json_is(record, OBJECT)) {
            fail_record(w, i, "record_type", "a CSV row must be an object");
            continue;
        }
        json_object_foreach(record, key, v)
        {
            add_column(columns, key);
        }
    }
    return columns;
}

static apr_status_t take_header(void *baton, json_t *row, flow_error_t *err)
{
    json_t *columns = baton, *v;
    const char *key;

    (void)err;
    json_object_foreach(row, key, v)
    {
        json_array_append(columns, v);
    }
    json_decref(row);
    return APR_SUCCESS;
}

/* The names in the first row of the file. */
static apr_status_t read_columns(writer_t *w, int fd, const char *name,
                                 json_t **pcolumns, flow_error_t *err)
{
    flow_csv_options_t options = { .delimiter = w->x->csv.delimiter, 1 };
    char *head = apr_palloc(w->p, HEAD_MAX);
    ssize_t len = pread(fd, head, HEAD_MAX, 0);
    flow_csv_reader_t *csv;
    apr_size_t n = 0, end = 0;
    fs_rows_t rows;
    apr_status_t rv;

    flow_conn_fs_rows_init(&rows, &options);
    if (len > 0) {
        end = flow_conn_fs_rows_find(&rows, head, (apr_size_t)len, 1, &n);
    }
    if (n == 0) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "file_format",
                              "file '%s' is there and has no header row", name);
    }
    *pcolumns = flow_json_own(w->p, json_array());
    rv = flow_csv_reader_create(&csv, &options, take_header, *pcolumns, w->p,
                                err);
    if (rv == APR_SUCCESS) {
        rv = flow_csv_reader_feed(csv, head, end, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_csv_reader_finish(csv, err);
    }
    return rv;
}

/* A cell that the header has no column for would silently be lost. */
static void refuse_strangers(writer_t *w, const json_t *columns)
{
    size_t i, n = json_array_size(w->records);
    const char *key;
    json_t *v;

    for (i = 0; i < n; ++i) {
        json_t *record = json_array_get(w->records, i);

        json_object_foreach(record, key, v)
        {
            if (!has_column(columns, key)) {
                fail_record(w, i, "column_unknown",
                            apr_psprintf(w->p,
                                         "the file's header has no column "
                                         "'%s'",
                                         key));
                break;
            }
        }
    }
}

static void write_csv_rows(writer_t *w, const json_t *columns, flow_buf_t *rows)
{
    size_t i, n = json_array_size(w->records);

    for (i = 0; i < n; ++i) {
        if (!w->elements[i]) {
            flow_csv_write_row(rows, &w->x->csv, columns,
                               json_array_get(w->records, i), w->p);
        }
    }
}

static apr_status_t add_csv(writer_t *w, int fd, const char *name, off_t size,
                            json_t *columns, flow_error_t *err)
{
    char last = '\n';
    flow_buf_t rows;
    apr_status_t rv = APR_SUCCESS;

    if (!w->x->csv.no_header_out) {
        rv = read_columns(w, fd, name, &columns, err);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        refuse_strangers(w, columns);
    }
    flow_buf_init(&rows, PAGE_MAX);
    if (size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n') {
        flow_buf_addc(&rows, '\n');
    }
    write_csv_rows(w, columns, &rows);
    rv = rows.status;
    if (rv == APR_SUCCESS && rows.len > 0) {
        rv = flow_conn_fs_replace_tail(fd, name, size, size, "", rows.data,
                                       rows.len, err);
    }
    flow_buf_release(&rows);
    return rv;
}

/* ---- one file for all records ---- */

static apr_status_t too_large(flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC, "page_too_large",
                          "the records would make more than %d bytes",
                          PAGE_MAX);
}

/* The whole file, when it is not there yet. */
static apr_status_t new_content(writer_t *w, const json_t *columns,
                                flow_buf_t *out, flow_error_t *err)
{
    if (w->x->is_csv) {
        if (!w->x->csv.no_header_out) {
            flow_csv_write_header(out, &w->x->csv, columns);
        }
        write_csv_rows(w, columns, out);
    }
    else if (w->x->file_per_record) {
        flow_json_write(out, json_array_get(w->records, 0), FLOW_JSON_COMPACT);
        flow_buf_addc(out, '\n');
    }
    else {
        flow_buf_t items;

        flow_buf_init(&items, PAGE_MAX);
        write_json_items(w, &items);
        flow_buf_adds(out, "[\n");
        flow_buf_add(out, items.data ? items.data : "", items.len);
        flow_buf_adds(out, "\n]\n");
        if (items.status != APR_SUCCESS) {
            out->status = items.status;
        }
        flow_buf_release(&items);
    }
    return out->status == APR_SUCCESS ? APR_SUCCESS : too_large(err);
}

static apr_status_t add_to(writer_t *w, int fd, const char *name,
                           json_t *columns, flow_error_t *err)
{
    struct stat st;
    flow_buf_t items;
    apr_status_t rv = flow_conn_fs_lock(fd, name, w->call, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return flow_conn_fs_error("write", name, EINVAL, err);
    }
    if (w->x->is_csv) {
        rv = add_csv(w, fd, name, st.st_size, columns, err);
    }
    else {
        flow_buf_init(&items, PAGE_MAX);
        write_json_items(w, &items);
        rv = items.status == APR_SUCCESS
                 ? add_json(fd, name, st.st_size, &items, err)
                 : too_large(err);
        flow_buf_release(&items);
    }
    return rv == APR_ENOSPC ? too_large(err) : rv;
}

/* Make the file, or add to it when it is there (also when it came into being
 * while we were making ours). */
static apr_status_t write_aggregate(writer_t *w, const char *name,
                                    flow_error_t *err)
{
    json_t *columns = w->x->is_csv ? columns_of(w) : NULL;
    flow_buf_t out;
    apr_status_t rv = APR_SUCCESS;
    int fd, code, tries;

    for (tries = 0; tries < 3; ++tries) {
        fd = openat(w->dirfd, name,
                    O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0) {
            rv = add_to(w, fd, name, columns, err);
            close(fd);
            return rv;
        }
        if (errno != ENOENT) {
            return flow_conn_fs_error("write", name, errno, err);
        }
        flow_buf_init(&out, PAGE_MAX);
        rv = new_content(w, columns, &out, err);
        code = rv == APR_SUCCESS ? flow_conn_fs_make(w->dirfd, name, out.data,
                                                     out.len, 0, w->p)
                                 : 0;
        flow_buf_release(&out);
        if (rv != APR_SUCCESS || !code) {
            return rv;
        }
        if (code != EEXIST) {
            return flow_conn_fs_error("write", name, code, err);
        }
    }
    return flow_conn_fs_error("write", name, EEXIST, err);
}

/* ---- names and answers ---- */

static apr_status_t file_name(writer_t *w, const json_t *record,
                              const char **pname, flow_error_t *err)
{
    const char *why;
    apr_size_t len;
    apr_status_t rv;

    json_object_set(w->context, "record", (json_t *)record);
    rv = flow_template_text(w->x->file_name, w->context, NAME_TEXT_MAX, pname,
                            &len, w->p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    why = strlen(*pname) == len ? flow_conn_fs_name_problem(*pname)
                                : "contains a NUL character";
    return why ? flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "file_name",
                                "the file's name %s", why)
               : APR_SUCCESS;
}

static json_t *done_element(const char *name)
{
    json_t *id = flow_json_string_new(name, strlen(name));
    json_t *json = json_object(), *element;

    json_object_set(json, "fileName", id);
    element = flow_response_ok(id, json);
    json_decref(id);
    json_decref(json);
    return element;
}

static void fill(writer_t *w, size_t i, const char *name)
{
    if (!w->elements[i]) {
        w->elements[i] = done_element(name);
    }
}

static apr_status_t import_aggregate(writer_t *w, flow_error_t *err)
{
    size_t i, n = json_array_size(w->records);
    const char *name;
    apr_status_t rv;

    rv = file_name(w, json_array_get(w->records, 0), &name, err);
    if (rv == APR_SUCCESS && !w->call->dry_run) {
        rv = write_aggregate(w, name, err);
    }
    for (i = 0; rv == APR_SUCCESS && i < n; ++i) {
        fill(w, i, name);
    }
    return rv;
}

/* One record, one file; @a names: those of this call, so that two records do
 * not silently become one file. */
static apr_status_t write_one(writer_t *w, json_t *names, const char **pname,
                              flow_error_t *err)
{
    const json_t *columns;
    flow_buf_t out;
    apr_status_t rv;
    int code;

    rv = file_name(w, json_array_get(w->records, 0), pname, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (json_object_get(names, *pname)) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EEXIST, "file_name",
                              "another record of this page has the file name "
                              "'%s'",
                              *pname);
    }
    json_object_set_new(names, *pname, json_true());
    columns = w->x->is_csv ? columns_of(w) : NULL;
    if (w->elements[0] || w->call->dry_run) {
        return APR_SUCCESS;
    }
    flow_buf_init(&out, PAGE_MAX);
    rv = new_content(w, columns, &out, err);
    code = rv == APR_SUCCESS
               ? flow_conn_fs_make(w->dirfd, *pname, out.data, out.len, 1, w->p)
               : 0;
    flow_buf_release(&out);
    return code ? flow_conn_fs_error("write", *pname, code, err) : rv;
}

static void import_each(writer_t *w, flow_error_t *first)
{
    json_t *names = flow_json_own(w->p, json_object());
    const json_t *all = w->records;
    json_t **elements = w->elements;
    size_t i, n = json_array_size(all);
    const char *name = "";

    for (i = 0; i < n; ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        json_t *one = flow_json_own(w->p, json_array());

        json_array_append(one, json_array_get(all, i));
        w->records = one;
        w->elements = elements + i;
        if (write_one(w, names, &name, &err) == APR_SUCCESS) {
            fill(w, 0, name);
        }
        else if (!w->elements[0]) {
            w->elements[0] = flow_response_error(&err, "application");
            if (first->kind == FLOW_E_NONE) {
                *first = err;
            }
        }
    }
    w->records = all;
    w->elements = elements;
}

apr_status_t flow_conn_fs_import_records(const flow_import_t *imp,
                                         const flow_call_t *call,
                                         const json_t *records,
                                         const json_t *originals,
                                         json_t **presponses, apr_pool_t *p,
                                         flow_error_t *err)
{
    const fs_connection_t *conn = imp->connection->data;
    writer_t w = { imp, imp->data, call };
    size_t i, n = json_array_size(records);
    flow_error_t first = FLOW_ERROR_INIT;
    const char *below = "";
    apr_size_t len;
    apr_status_t rv = APR_SUCCESS;

    (void)originals;
    w.p = p;
    w.records = records;
    w.elements = apr_pcalloc(p, (n + 1) * sizeof(*w.elements));
    w.context = flow_json_own(p, flow_json_is(call->context, OBJECT)
                                     ? json_copy((json_t *)call->context)
                                     : json_object());
    json_object_set(w.context, "data", (json_t *)records);
    if (w.x->directory) {
        json_object_set(w.context, "record", json_array_get(records, 0));
        rv = flow_template_text(w.x->directory, w.context, NAME_TEXT_MAX,
                                &below, &len, p, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_conn_fs_open_dir(&w.dirfd, conn->root, below, p, err);
    }
    if (rv != APR_SUCCESS) {
        return flow_error_prefix(err, "connection '%s'", imp->connection->id);
    }
    if (w.x->file_per_record) {
        import_each(&w, &first);
    }
    else if (n > 0) {
        rv = import_aggregate(&w, err);
    }
    close(w.dirfd);
    *presponses = json_array();
    for (i = 0; i < n; ++i) {
        json_array_append_new(*presponses, w.elements[i]);
    }
    if (rv != APR_SUCCESS) {
        json_decref(*presponses);
        *presponses = NULL;
    }
    return rv;
}

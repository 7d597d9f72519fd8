/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing records to files.
 */
#include "connectors/flow_conn_filesystem.h"

#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define NAME_TEXT_MAX 1024

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

/* ---- one file for all records ---- */

static void prepare(writer_t *w, fs_text_t *text)
{
    memset(text, 0, sizeof(*text));
    text->content = &w->x->content;
    text->records = w->records;
    text->elements = w->elements;
    text->is_single = w->x->file_per_record;
    text->p = w->p;
    if (text->content->format.kind == FLOW_FORMAT_CSV) {
        flow_conn_fs_columns(text);
    }
}

static apr_status_t add_to(writer_t *w, fs_text_t *text, int fd,
                           const char *name, flow_error_t *err)
{
    apr_status_t rv = flow_conn_fs_lock(fd, name, w->call, err);

    return rv == APR_SUCCESS ? flow_conn_fs_append(text, fd, name, err) : rv;
}

/* Make the file with what is good of the records; none is made of nothing. */
static apr_status_t make_file(writer_t *w, fs_text_t *text, const char *name,
                              int replace, int *pcode, flow_error_t *err)
{
    flow_buf_t out;
    apr_status_t rv;

    *pcode = 0;
    flow_buf_init(&out, FS_PAGE_MAX + 65536);
    rv = flow_conn_fs_whole(text, name, &out, err);
    if (rv == APR_SUCCESS && out.len > 0) {
        *pcode =
            flow_conn_fs_make(w->dirfd, name, out.data, out.len, replace, w->p);
    }
    flow_buf_release(&out);
    return rv;
}

/* Make the file, or add to it when it is there (also when it came into being
 * while we were making ours). */
static apr_status_t write_aggregate(writer_t *w, const char *name,
                                    flow_error_t *err)
{
    fs_text_t text;
    apr_status_t rv = APR_SUCCESS;
    int fd, code, tries;

    prepare(w, &text);
    for (tries = 0; tries < 3; ++tries) {
        fd = openat(w->dirfd, name,
                    O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0) {
            rv = add_to(w, &text, fd, name, err);
            close(fd);
            return rv;
        }
        if (errno != ENOENT) {
            return flow_conn_fs_error("write", name, errno, err);
        }
        rv = make_file(w, &text, name, 0, &code, err);
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
    rv =
        flow_template_text_with(w->x->file_name, w->context, w->call->templates,
                                NAME_TEXT_MAX, pname, &len, w->p, err);
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
    fs_text_t text;
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
    prepare(w, &text);
    if (w->elements[0] || w->call->dry_run) {
        return APR_SUCCESS;
    }
    rv = make_file(w, &text, *pname, 1, &code, err);
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
        rv = flow_template_text_with(w.x->directory, w.context, call->templates,
                                     NAME_TEXT_MAX, &below, &len, p, err);
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

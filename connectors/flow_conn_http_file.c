/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.type file: a good answer is a file of records, read as those of the
 * filesystem connector are.
 */
#include "connectors/flow_conn_http.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/flow_json.h"

typedef struct bytes_t {
    const char *s;
    apr_size_t len;
} bytes_t;

/* The answer is the file: nobody looks for anything else in it. */
static void check_raw(flow_compile_t *c, const http_export_t *x)
{
    static const char *const useless[] = {
        "http.paging.resourcePath", "http.response.successPath",
        "http.response.failPath",   "http.paging.lastPagePath",
        "http.paging.maxPagePath",  "http.paging.maxCountPath",
        "http.successMediaType",
    };
    size_t i;

    for (i = 0; i < sizeof(useless) / sizeof(useless[0]); ++i) {
        if (flow_compile_get(c, useless[i])) {
            flow_compile_problem(c, useless[i],
                                 "has no effect with http.type 'file'; 'file' "
                                 "says how the answer is read, unless "
                                 "'http.response.resourcePath' says where in "
                                 "it the file is");
        }
    }
    if ((x->paging == HTTP_PAGING_TOKEN || x->paging == HTTP_PAGING_URL) &&
        !x->next.header) {
        flow_compile_problem(c, "http.paging.pathLocation",
                             "must be 'header' with http.type 'file': nobody "
                             "looks for paths in a file");
    }
}

void flow_conn_http_compile_file(flow_compile_t *c, http_export_t *x)
{
    const char *type = flow_compile_string(c, "http.type");
    fs_content_t *content;

    if (!type || strcmp(type, "file") != 0) {
        if (flow_compile_get(c, "file")) {
            flow_compile_problem(c, "file", "only for http.type 'file'");
        }
        return;
    }
    content = apr_pcalloc(flow_compile_pool(c), sizeof(*content));
    x->file = content;
    x->step.is_raw = !x->step.resource_path;
    if (!flow_compile_get(c, "file")) {
        flow_compile_problem(c, "file",
                             "required field 'file' is missing; it says what "
                             "is in the answer, as in {\"type\": \"csv\"}");
    }
    if (x->step.is_raw) {
        check_raw(c, x);
    }
    flow_conn_fs_compile_content(c, content, 1);
}

static apr_status_t read_bytes(void *baton, char *data, apr_size_t *plen,
                               flow_error_t *err)
{
    bytes_t *bytes = baton;

    (void)err;
    *plen = *plen < bytes->len ? *plen : bytes->len;
    memcpy(data, bytes->s, *plen);
    bytes->s += *plen;
    bytes->len -= *plen;
    return APR_SUCCESS;
}

/* Rows that are wrong become errors of the page. @a member: its name in an
 * archive, or NULL. *pused: memory, of all members of an archive together. */
static apr_status_t read_all(flow_records_t *reader, json_t *records,
                             flow_page_t *page, const char *member,
                             apr_size_t *pused, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    json_t *record;

    while (rv == APR_SUCCESS) {
        rv = flow_records_next(reader, &record, err);
        if (rv == FLOW_RECORD_BAD) {
            if (json_array_size(page->errors) >= FS_ERRORS_MAX) {
                flow_error_clear(err);
                return flow_error_set(
                    err, FLOW_E_INPUT, APR_ENOSPC, "too_many_errors",
                    "more than %d records are wrong", FS_ERRORS_MAX);
            }
            if (member) {
                flow_error_prefix(err, "file '%s'", member);
            }
            flow_error_prefix(err, "the file in the answer");
            flow_page_add_error(page, err, NULL);
            memset(err, 0, sizeof(*err));
            rv = APR_SUCCESS;
            continue;
        }
        if (rv != APR_SUCCESS) {
            break;
        }
        json_array_append_new(records, record);
        rv = flow_conn_fs_count(record, pused, err);
    }
    return APR_STATUS_IS_EOF(rv) ? APR_SUCCESS : rv;
}

/* ---- zip ---- */

/* An archive is read from its end, through a file; this one is in memory. */
static apr_status_t open_zip(flow_zip_t **pzip, const http_answer_t *answer,
                             apr_pool_t *p, flow_error_t *err)
{
    int fd = memfd_create("flow-zip", MFD_CLOEXEC);
    apr_size_t done = 0;
    apr_status_t rv;

    while (fd >= 0 && done < answer->body_len) {
        ssize_t n = write(fd, answer->body + done, answer->body_len - done);

        if (n < 0 && errno != EINTR) {
            break;
        }
        done += n > 0 ? (apr_size_t)n : 0;
    }
    if (fd < 0 || done < answer->body_len) {
        rv = flow_error_set(err, FLOW_E_INTERNAL, APR_FROM_OS_ERROR(errno),
                            "out_of_memory", "no memory for a zip file");
    }
    else {
        rv = flow_zip_open(pzip, fd, p, err);
    }
    if (fd >= 0) {
        close(fd);
    }
    return rv;
}

/* Each member is a file of its own. */
static apr_status_t read_zip(const http_answer_t *answer,
                             const fs_content_t *content, json_t *records,
                             flow_page_t *page, apr_pool_t *p,
                             flow_error_t *err)
{
    fs_content_t plain = *content;
    flow_records_t *reader;
    flow_source_t source;
    flow_zip_t *zip = NULL;
    const char *name = NULL;
    apr_size_t used = 0, len;
    apr_status_t rv = open_zip(&zip, answer, p, err);
    apr_pool_t *member; /* there may be thousands of them */
    int i;

    apr_pool_create(&member, p);
    plain.packing = FS_PLAIN;
    for (i = 0; rv == APR_SUCCESS && i < flow_zip_count(zip); ++i) {
        apr_pool_clear(member);
        rv = flow_zip_member(zip, i, &source, &name, err);
        if (APR_STATUS_IS_NOTFOUND(rv)) {
            rv = APR_SUCCESS; /* a directory */
            continue;
        }
        if (rv == APR_SUCCESS) {
            rv = flow_conn_fs_unpack(&source, &plain, member, err);
        }
        if (rv == APR_SUCCESS) {
            rv =
                flow_records_open(&reader, &plain.format, &source, member, err);
        }
        if (rv == APR_SUCCESS) {
            flow_records_tolerate(reader);
            rv = read_all(reader, records, page,
                          flow_utf8_repair(name, strlen(name), &len, member),
                          &used, err);
        }
        if (rv != APR_SUCCESS && name) {
            flow_error_prefix(err, "'%s'", name);
        }
    }
    apr_pool_destroy(member);
    return rv;
}

static apr_status_t read_file(const http_answer_t *answer,
                              const fs_content_t *content, json_t *records,
                              flow_page_t *page, apr_pool_t *p,
                              flow_error_t *err)
{
    bytes_t bytes = { answer->body, answer->body_len };
    flow_source_t source = { read_bytes, &bytes };
    flow_records_t *reader;
    apr_size_t used = 0;
    apr_status_t rv = flow_conn_fs_unpack(&source, content, p, err);

    if (rv == APR_SUCCESS) {
        rv = flow_records_open(&reader, &content->format, &source, p, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    flow_records_tolerate(reader);
    return read_all(reader, records, page, NULL, &used, err);
}

apr_status_t flow_conn_http_file_records(const http_export_t *x,
                                         const http_answer_t *answer,
                                         json_t **precords, flow_page_t *page,
                                         apr_pool_t *p, flow_error_t *err)
{
    fs_content_t content = *x->file;
    flow_error_t why = FLOW_ERROR_INIT;
    http_answer_t inner = *answer;
    apr_status_t rv;

    rv = flow_conn_http_blob_bytes(x, answer, &inner.body, &inner.body_len, p,
                                   err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    answer = &inner;
    *precords = json_array();
    if (answer->body_len == 0) {
        return APR_SUCCESS;
    }
    /* What is packed, or in a text, has a media type of its own, whose charset
     * says nothing about the file's. */
    if (!content.charset && content.packing == FS_PLAIN && x->step.is_raw) {
        content.charset = flow_media_charset(
            apr_table_get(answer->headers, "Content-Type"), p);
    }
    rv = content.packing == FS_ZIP
             ? read_zip(answer, &content, *precords, page, p, &why)
             : read_file(answer, &content, *precords, page, p, &why);
    if (rv == APR_SUCCESS) {
        flow_conn_fs_sort(&content, *precords, p);
        return APR_SUCCESS;
    }
    json_decref(*precords);
    json_decref(page->errors);
    page->errors = NULL;
    *precords = NULL;
    return flow_error_set(err, FLOW_E_REFUSED, rv, "response_invalid",
                          "the file in the answer (status %d) cannot be read: "
                          "%s",
                          answer->status, why.message);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.type file: a good answer is a file of records, read as those of the
 * filesystem connector are.
 */
#include "connectors/flow_conn_http.h"

#include <string.h>

#include "data/flow_json.h"

typedef struct bytes_t {
    const char *s;
    apr_size_t len;
} bytes_t;

void flow_conn_http_compile_file(flow_compile_t *c, http_export_t *x)
{
    static const char *const useless[] = {
        "http.response.resourcePath", "http.paging.resourcePath",
        "http.response.successPath",  "http.response.failPath",
        "http.paging.lastPagePath",   "http.paging.maxPagePath",
        "http.paging.maxCountPath",   "http.successMediaType",
    };
    const char *type = flow_compile_string(c, "http.type");
    fs_content_t *content;
    size_t i;

    if (!type || strcmp(type, "file") != 0) {
        if (flow_compile_get(c, "file")) {
            flow_compile_problem(c, "file", "only for http.type 'file'");
        }
        return;
    }
    content = apr_pcalloc(flow_compile_pool(c), sizeof(*content));
    x->file = content;
    x->step.is_raw = 1;
    if (!flow_compile_get(c, "file")) {
        flow_compile_problem(c, "file",
                             "required field 'file' is missing; it says what "
                             "is in the answer, as in {\"type\": \"csv\"}");
    }
    for (i = 0; i < sizeof(useless) / sizeof(useless[0]); ++i) {
        if (flow_compile_get(c, useless[i])) {
            flow_compile_problem(c, useless[i],
                                 "has no effect with http.type 'file'; "
                                 "'file' says how the answer is read");
        }
    }
    if ((x->paging == HTTP_PAGING_TOKEN || x->paging == HTTP_PAGING_URL) &&
        !x->next.header) {
        flow_compile_problem(c, "http.paging.pathLocation",
                             "must be 'header' with http.type 'file': nobody "
                             "looks for paths in a file");
    }
    flow_conn_fs_compile_content(c, content, 1);
    if (content->packing == FS_ZIP) {
        flow_compile_problem(c, "file.compressionFormat",
                             "'zip' is not supported here, only 'gzip'; zip "
                             "files can be read from a directory");
    }
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

/* Rows that are wrong become errors of the page. */
static apr_status_t read_all(flow_records_t *reader, json_t *records,
                             flow_page_t *page, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    apr_size_t used = 0;
    json_t *record;

    while (rv == APR_SUCCESS) {
        rv = flow_records_next(reader, &record, err);
        if (rv == FLOW_RECORD_BAD &&
            json_array_size(page->errors) < FS_ERRORS_MAX) {
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
        rv = flow_conn_fs_count(record, &used, err);
    }
    return APR_STATUS_IS_EOF(rv) ? APR_SUCCESS : rv;
}

apr_status_t flow_conn_http_file_records(const http_export_t *x,
                                         const http_answer_t *answer,
                                         json_t **precords, flow_page_t *page,
                                         apr_pool_t *p, flow_error_t *err)
{
    fs_content_t content = *x->file;
    bytes_t bytes = { answer->body, answer->body_len };
    flow_source_t source = { read_bytes, &bytes };
    flow_error_t why = FLOW_ERROR_INIT;
    flow_records_t *reader;
    apr_status_t rv = APR_SUCCESS;

    *precords = json_array();
    if (answer->body_len == 0) {
        return APR_SUCCESS;
    }
    /* What is packed has a media type of its own, whose charset says nothing
     * about the text. */
    if (!content.charset && content.packing == FS_PLAIN) {
        content.charset = flow_media_charset(
            apr_table_get(answer->headers, "Content-Type"), p);
    }
    rv = flow_conn_fs_unpack(&source, &content, p, &why);
    if (rv == APR_SUCCESS) {
        rv = flow_records_open(&reader, &content.format, &source, p, &why);
    }
    if (rv == APR_SUCCESS) {
        flow_records_tolerate(reader);
        rv = read_all(reader, *precords, page, &why);
    }
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

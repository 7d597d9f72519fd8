/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files as answers: bytes that are read by 'file' instead of by media types.
 */
#include "connectors/flow_conn_http.h"

#include <string.h>

struct http_file_t {
    flow_media_e media; /* CSV, JSON or XML */
    flow_csv_options_t csv;
    const flow_path_t *path; /* to the records, for JSON and XML */
};

static const char *delimiter(flow_compile_t *c)
{
    const char *text = flow_compile_string(c, "file.csv.columnDelimiter");

    if (text && strcmp(text, "\\t") == 0) {
        return "\t";
    }
    if (text && (!*text || strlen(text) > 16 || strpbrk(text, "\"\r\n"))) {
        flow_compile_problem(c, "file.csv.columnDelimiter",
                             "must have 1 to 16 bytes, none of them a quote or "
                             "a line end; \\t is a tab");
        return ",";
    }
    return text ? text : ",";
}

const http_file_t *flow_conn_http_compile_file(flow_compile_t *c)
{
    const char *kind = flow_compile_string(c, "http.type");
    const char *type = flow_compile_string(c, "file.type");
    http_file_t *file = apr_pcalloc(flow_compile_pool(c), sizeof(*file));
    int is_stream = kind && strcmp(kind, "csvstream") == 0;

    if (!kind || (strcmp(kind, "file") != 0 && !is_stream)) {
        if (flow_compile_get(c, "file")) {
            flow_compile_problem(c, "file",
                                 "has no effect without 'http.type' file");
        }
        return NULL;
    }
    if (!type && !is_stream) {
        flow_compile_problem(c, "http.type", "type 'file' needs 'file.type'");
        return NULL;
    }
    file->media = is_stream || strcmp(type, "csv") == 0 ? FLOW_MEDIA_CSV
                  : strcmp(type, "json") == 0           ? FLOW_MEDIA_JSON
                                                        : FLOW_MEDIA_XML;
    file->csv.delimiter = delimiter(c);
    file->csv.no_header = !flow_compile_bool(c, "file.csv.hasHeaderRow");
    file->csv.trim_spaces = flow_compile_bool(c, "file.csv.trimSpaces");
    file->csv.rows_to_skip = (int)flow_compile_int(c, "file.csv.rowsToSkip");
    file->path = flow_compile_path(c, file->media == FLOW_MEDIA_XML
                                          ? "file.xml.resourcePath"
                                          : "file.json.resourcePath");
    return file;
}

static apr_status_t take_row(void *baton, json_t *row, flow_error_t *err)
{
    (void)err;
    json_array_append_new(baton, row);
    return APR_SUCCESS;
}

static apr_status_t read_csv(const http_file_t *file,
                             const http_answer_t *answer, json_t *records,
                             apr_pool_t *p, flow_error_t *err)
{
    flow_csv_reader_t *reader;
    apr_status_t rv;

    rv = flow_csv_reader_create(&reader, &file->csv, take_row, records, p, err);
    if (rv == APR_SUCCESS) {
        rv = flow_csv_reader_feed(reader, answer->body, answer->body_len, err);
    }
    return rv == APR_SUCCESS ? flow_csv_reader_finish(reader, err) : rv;
}

apr_status_t flow_conn_http_file_records(const http_file_t *file,
                                         const http_answer_t *answer,
                                         json_t **precords, apr_pool_t *p,
                                         flow_error_t *err)
{
    flow_error_t why = FLOW_ERROR_INIT;
    json_t *v = NULL;
    apr_status_t rv;

    if (file->media == FLOW_MEDIA_CSV) {
        *precords = json_array();
        rv = read_csv(file, answer, *precords, p, &why);
        if (rv != APR_SUCCESS) {
            json_decref(*precords);
            *precords = NULL;
        }
    }
    else {
        rv = flow_body_parse(&v, file->media, NULL, answer->body,
                             answer->body_len, p, &why);
        if (rv == APR_SUCCESS) {
            *precords = flow_conn_http_records(v, file->path);
        }
        json_decref(v);
    }
    return rv == APR_SUCCESS
               ? rv
               : flow_error_set(
                     err, FLOW_E_REFUSED, APR_EINVAL, "response_invalid",
                     "the answer is no file of 'file.type': %s", why.message);
}

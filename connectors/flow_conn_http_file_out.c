/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.type file of an import: the records are written to a file as those of
 * the filesystem connector are, and the file is the body.
 */
#include "connectors/flow_conn_http.h"

#include "flow/flow_request.h"

#include <apr_strings.h>

#include <string.h>

#include "connectors/flow_conn_filesystem.h"

#define NAME_MAX_BYTES 255
#define RECORDS_MAX    10000 /* of a page, and so of a file */

static const char *const useless[] = { "http.body", "blobKeyPath",
                                       "http.blobFormat",
                                       "http.ignoreEmptyNodes" };

void flow_conn_http_compile_file_out(flow_compile_t *c, http_import_t *x)
{
    const char *type = flow_compile_string(c, "http.type");
    const char *media = flow_compile_string(c, "http.requestMediaType");
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
    if (!flow_compile_get(c, "file")) {
        flow_compile_problem(c, "file",
                             "required field 'file' is missing; it says how "
                             "the records are written, as in {\"type\": "
                             "\"csv\"}");
    }
    for (i = 0; i < sizeof(useless) / sizeof(useless[0]); ++i) {
        if (flow_compile_get(c, useless[i])) {
            flow_compile_problem(c, useless[i],
                                 "has no effect with http.type 'file'; the "
                                 "file is the body");
        }
    }
    if (media && strcmp(media, "octet-stream") != 0) {
        flow_compile_problem(c, "http.requestMediaType",
                             "follows from 'file.type' with http.type 'file'; "
                             "only 'octet-stream' may be said instead");
    }
    x->file_per_record = flow_compile_bool(c, "file.skipAggregation");
    x->file_name = flow_compile_template(c, "file.fileName", FLOW_ESCAPE_NONE);
    flow_conn_fs_compile_content(c, content, 0);
    if (x->file_per_record && x->batch_size > 1) {
        flow_compile_problem(c, "http.batchSize",
                             "a file has one record; it excludes "
                             "'file.skipAggregation'");
    }
    if (!x->file_per_record && !flow_compile_get(c, "http.batchSize")) {
        x->batch_size = RECORDS_MAX;
    }
}

static const char *type_of(const http_import_t *x)
{
    static const char *const types[] = {
        [FLOW_FORMAT_CSV] = "text/csv",
        [FLOW_FORMAT_JSON] = "application/json",
        [FLOW_FORMAT_XML] = "application/xml",
        [FLOW_FORMAT_LAYOUT] = "text/plain",
    };
    const char *type = types[x->file->format.kind];

    if (x->ops[0].request_media == FLOW_MEDIA_UNKNOWN) {
        return "application/octet-stream";
    }
    if (x->file->packing != FS_PLAIN) {
        return x->file->packing == FS_ZIP ? "application/zip"
                                          : "application/gzip";
    }
    return type;
}

static apr_status_t make_name(const http_import_t *x, const flow_call_t *call,
                              const json_t *context, const char **pname,
                              apr_pool_t *p, flow_error_t *err)
{
    const char *why;
    apr_size_t len;
    apr_status_t rv;

    *pname = NULL;
    if (!x->file_name) {
        return APR_SUCCESS;
    }
    rv = flow_template_text_with(x->file_name, context, call->templates,
                                 NAME_MAX_BYTES, pname, &len, p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    why = strlen(*pname) == len && !strpbrk(*pname, "\"\r\n")
              ? flow_conn_fs_name_problem(*pname)
              : "contains a quotation mark or control character";
    return why ? flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "file_name",
                                "the file's name %s", why)
               : APR_SUCCESS;
}

apr_status_t flow_conn_http_file_body(const http_import_t *x,
                                      const flow_call_t *call,
                                      const json_t *records, json_t *context,
                                      json_t **elements, http_send_t *send,
                                      apr_pool_t *p, flow_error_t *err)
{
    fs_text_t text = { x->file, records, elements };
    const char *name;
    flow_buf_t out;
    apr_status_t rv = make_name(x, call, context, &name, p, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    text.is_single = x->file_per_record;
    text.p = p;
    if (x->file->format.kind == FLOW_FORMAT_CSV) {
        flow_conn_fs_columns(&text);
    }
    if (name) {
        json_object_set_new(context, "fileName",
                            flow_json_string_new(name, strlen(name)));
    }
    flow_buf_init(&out, FS_PAGE_MAX + 65536);
    rv = flow_conn_fs_whole(&text, name ? name : "records", &out, err);
    if (rv == APR_SUCCESS && out.len > 0) {
        send->body = flow_buf_steal(&out, &send->body_len, p);
        send->content_type = type_of(x);
    }
    flow_buf_release(&out);
    return rv;
}

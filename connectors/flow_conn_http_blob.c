/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs: bytes that an answer brings are stored, and the record has their key;
 * an import sends what its record has the key of.
 */
#include "connectors/flow_conn_http.h"

#include "base/flow_sign.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>

http_coding_e flow_conn_http_coding(const char *format)
{
    if (!format) {
        return HTTP_CODING_NONE;
    }
    return strcmp(format, "base64") == 0 ? HTTP_CODING_BASE64
           : strcmp(format, "hex") == 0  ? HTTP_CODING_HEX
                                         : HTTP_CODING_NONE;
}

static apr_status_t bad_format(const char *what, flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_REFUSED, APR_EINVAL, "response_invalid",
                          "the answer is not %s, which 'blobFormat' says it is",
                          what);
}

static int digit(char c)
{
    return apr_isdigit(c) ? c - '0' : apr_tolower(c) - 'a' + 10;
}

static apr_status_t decode_hex(const char **pdata, apr_size_t *plen,
                               apr_pool_t *p, flow_error_t *err)
{
    const char *in = *pdata;
    apr_size_t n = *plen / 2, i;
    char *out = apr_palloc(p, n + 1);

    for (i = 0; i < *plen; ++i) {
        if (!apr_isxdigit(in[i]) || *plen % 2) {
            return bad_format("hex", err);
        }
    }
    for (i = 0; i < n; ++i) {
        out[i] = (char)(digit(in[2 * i]) << 4 | digit(in[2 * i + 1]));
    }
    *pdata = out;
    *plen = n;
    return APR_SUCCESS;
}

/* Line breaks are usual in base64. */
static apr_status_t decode_base64(const char **pdata, apr_size_t *plen,
                                  apr_pool_t *p, flow_error_t *err)
{
    char *text = apr_palloc(p, *plen + 1), *raw;
    apr_size_t n = 0, i;

    for (i = 0; i < *plen; ++i) {
        if (!apr_isspace((*pdata)[i])) {
            text[n++] = (*pdata)[i];
        }
    }
    text[n] = '\0';
    if (flow_base64_decode(&raw, plen, text, p) != APR_SUCCESS) {
        return bad_format("base64", err);
    }
    *pdata = raw;
    return APR_SUCCESS;
}

static apr_status_t decode(http_coding_e coding, const char **pdata,
                           apr_size_t *plen, apr_pool_t *p, flow_error_t *err)
{
    switch (coding) {
    case HTTP_CODING_BASE64:
        return decode_base64(pdata, plen, p, err);
    case HTTP_CODING_HEX:
        return decode_hex(pdata, plen, p, err);
    default:
        return APR_SUCCESS;
    }
}

/* ---- the name of a file ---- */

/* filename="x" of a Content-Disposition, without a path; NULL = none. */
static const char *file_name(const char *value, apr_pool_t *p)
{
    const char *s = value ? strstr(value, "filename=") : NULL, *slash;
    apr_size_t len, n;
    char *name;

    if (!s) {
        return NULL;
    }
    s += 9;
    len = *s == '"' ? strcspn(++s, "\"") : strcspn(s, "; \t");
    name = apr_pstrmemdup(p, s, len);
    slash = strrchr(name, '/');
    name = slash ? (char *)slash + 1 : name;
    slash = strrchr(name, '\\');
    name = slash ? (char *)slash + 1 : name;
    return *name ? flow_utf8_repair(name, strlen(name), &n, p) : NULL;
}

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text && flow_utf8_is_valid(text, strlen(text))) {
        json_object_set_new(object, key,
                            flow_json_string_new(text, strlen(text)));
    }
}

/* ---- export ---- */

apr_status_t flow_conn_http_blob_bytes(const http_export_t *x,
                                       const http_answer_t *answer,
                                       const char **pdata, apr_size_t *plen,
                                       apr_pool_t *p, flow_error_t *err)
{
    json_t *found;

    *pdata = answer->body;
    *plen = answer->body_len;
    if (x->step.resource_path) {
        found = answer->value
                    ? flow_path_get(x->step.resource_path, answer->value)
                    : NULL;
        flow_json_own(p, found);
        if (!flow_json_is(found, STRING)) {
            return flow_error_set(err, FLOW_E_REFUSED, APR_NOTFOUND,
                                  "response_invalid",
                                  "the answer has no text at "
                                  "'http.response.resourcePath'");
        }
        *pdata = flow_json_string(found, plen);
    }
    return decode(x->blob_coding, pdata, plen, p, err);
}

apr_status_t flow_conn_http_blob_record(const http_export_t *x,
                                        const flow_call_t *call,
                                        const http_answer_t *answer,
                                        json_t **precords, apr_pool_t *p,
                                        flow_error_t *err)
{
    const char *data, *key = NULL;
    apr_size_t len;
    json_t *record;
    apr_status_t rv;

    if (!call->blobs) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_ENOTIMPL, "no_blobs",
                              "there is no place for blobs here");
    }
    rv = flow_conn_http_blob_bytes(x, answer, &data, &len, p, err);
    if (rv == APR_SUCCESS) {
        rv = call->blobs->put(call->blobs->baton, data, len, &key, p, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    record = json_object();
    set_text(record, "blobKey", key);
    json_object_set_new(record, "size", json_integer((json_int_t)len));
    set_text(record, "contentType",
             apr_table_get(answer->headers, "Content-Type"));
    set_text(
        record, "fileName",
        file_name(apr_table_get(answer->headers, "Content-Disposition"), p));
    *precords = json_array();
    json_array_append_new(*precords, record);
    return APR_SUCCESS;
}

/* ---- import ---- */

const char *flow_conn_http_blob_key(const http_import_t *x,
                                    const json_t *record, apr_pool_t *p)
{
    json_t *found = flow_json_own(p, flow_path_get(x->blob_path, record));

    return flow_json_string(found, NULL);
}

apr_status_t flow_conn_http_blob_body(const http_import_t *x,
                                      const flow_call_t *call,
                                      const json_t *record, http_send_t *send,
                                      apr_pool_t *p, flow_error_t *err)
{
    const char *key = flow_conn_http_blob_key(x, record, p);
    apr_status_t rv;

    if (!key || !call->blobs) {
        return flow_error_set(err, FLOW_E_INPUT, APR_NOTFOUND, "blob_unknown",
                              "the record has no blob's key at 'blobKeyPath'");
    }
    rv = call->blobs->get(call->blobs->baton, key, &send->body, &send->body_len,
                          p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    send->content_type = "application/octet-stream";
    if (x->blob_coding == HTTP_CODING_BASE64) {
        send->body = flow_base64(send->body, send->body_len, p);
        send->body_len = strlen(send->body);
    }
    else if (x->blob_coding == HTTP_CODING_HEX) {
        send->body = flow_hex(send->body, send->body_len, p);
        send->body_len = strlen(send->body);
    }
    return APR_SUCCESS;
}

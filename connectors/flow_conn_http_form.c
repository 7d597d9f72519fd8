/* SPDX-License-Identifier: Apache-2.0 */
/*
 * multipart/form-data (RFC 7578), written.
 */
#include "connectors/flow_conn_http.h"

#include "base/flow_sign.h"
#include "flow/flow_request.h"

#include <apr_strings.h>

#include <string.h>

#define FORM_MAX       (50 * 1024 * 1024)
#define BOUNDARY_BYTES 18

typedef struct form_t {
    flow_buf_t out;
    const char *boundary;
    const flow_blob_iface_t *blobs;
    apr_pool_t *p;
} form_t;

static void put(form_t *f, const char *text)
{
    flow_buf_adds(&f->out, text);
}

/* A name in quotes: what would end it goes as browsers write it. */
static void put_quoted(form_t *f, const char *text)
{
    put(f, "\"");
    for (; *text; ++text) {
        if (*text == '"' || *text == '\r' || *text == '\n') {
            put(f, *text == '"' ? "%22" : *text == '\r' ? "%0D" : "%0A");
        }
        else {
            flow_buf_add(&f->out, text, 1);
        }
    }
    put(f, "\"");
}

static void begin_part(form_t *f, const char *name, const char *file,
                       const char *type)
{
    put(f, "--");
    put(f, f->boundary);
    put(f, "\r\nContent-Disposition: form-data; name=");
    put_quoted(f, name);
    if (file) {
        put(f, "; filename=");
        put_quoted(f, file);
    }
    if (type) {
        put(f, "\r\nContent-Type: ");
        put(f, type);
    }
    put(f, "\r\n\r\n");
}

static apr_status_t read_blob(form_t *f, const char *name, const json_t *key,
                              const char **ptext, apr_size_t *plen,
                              flow_error_t *err)
{
    const char *text = flow_json_string(key, NULL);
    apr_status_t rv;

    if (!text || !f->blobs) {
        return flow_error_set(err, FLOW_E_INPUT, APR_NOTFOUND, "blob_unknown",
                              text ? "field '%s' wants a blob, and there is no "
                                     "place for blobs here"
                                   : "the 'blobKey' of field '%s' is no text",
                              name);
    }
    rv = f->blobs->get(f->blobs->baton, text, ptext, plen, f->p, err);
    return rv == APR_SUCCESS ? rv : flow_error_prefix(err, "field '%s'", name);
}

static apr_status_t put_file(form_t *f, const char *name, const json_t *v,
                             flow_error_t *err)
{
    const char *file = flow_json_member(v, "fileName");
    const char *type = flow_json_member(v, "contentType");
    const char *coding = flow_json_member(v, "encoding");
    const json_t *key = json_object_get(v, "blobKey");
    const char *text;
    apr_size_t len;

    text = flow_json_to_text(json_object_get(v, "value"), &len, f->p);
    if (key) {
        apr_status_t rv = read_blob(f, name, key, &text, &len, err);

        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    if (type && !flow_header_value_ok(type, strlen(type))) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "form_invalid",
                              "the content type of field '%s' holds a control "
                              "character",
                              name);
    }
    if (coding && !key && strcmp(coding, "base64") == 0) {
        char *raw;

        if (flow_base64_decode(&raw, &len, text, f->p) != APR_SUCCESS) {
            return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "form_invalid",
                                  "the value of field '%s' is not base64",
                                  name);
        }
        text = raw;
    }
    begin_part(f, name, file ? file : name,
               type ? type : "application/octet-stream");
    flow_buf_add(&f->out, text, len);
    put(f, "\r\n");
    return APR_SUCCESS;
}

static apr_status_t put_field(form_t *f, const char *name, const json_t *v,
                              flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    const char *text;
    apr_size_t len;
    size_t i;

    if (flow_json_is(v, ARRAY)) {
        for (i = 0; i < json_array_size(v) && rv == APR_SUCCESS; ++i) {
            const json_t *item = json_array_get(v, i);

            if (flow_json_is(item, ARRAY)) {
                return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL,
                                      "form_invalid",
                                      "field '%s' of the form is an array in "
                                      "an array",
                                      name);
            }
            rv = put_field(f, name, item, err);
        }
        return rv;
    }
    if (json_object_get(v, "value") || json_object_get(v, "blobKey")) {
        return put_file(f, name, v, err);
    }
    text = flow_json_to_text(v, &len, f->p);
    begin_part(f, name, NULL, NULL);
    flow_buf_add(&f->out, text, len);
    put(f, "\r\n");
    return rv;
}

apr_status_t flow_conn_http_multipart(const json_t *fields,
                                      const flow_blob_iface_t *blobs,
                                      const char **pbody, apr_size_t *plen,
                                      const char **ptype, apr_pool_t *p,
                                      flow_error_t *err)
{
    unsigned char raw[BOUNDARY_BYTES];
    apr_status_t rv = APR_SUCCESS;
    const char *name;
    json_t *v;
    form_t f;

    if (!flow_json_is(fields, OBJECT)) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "form_invalid",
                              "a form is made from an object, got %s",
                              flow_json_type_name(fields));
    }
    if (flow_random(raw, sizeof(raw)) != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_INTERNAL, APR_EGENERAL, "random",
                              "no random bytes for the form's boundary");
    }
    f.p = p;
    f.blobs = blobs;
    f.boundary = apr_pstrcat(p, "flow", flow_hex(raw, sizeof(raw), p), NULL);
    flow_buf_init(&f.out, FORM_MAX);
    json_object_foreach((json_t *)fields, name, v)
    {
        rv = put_field(&f, name, v, err);
        if (rv != APR_SUCCESS) {
            break;
        }
    }
    put(&f, "--");
    put(&f, f.boundary);
    put(&f, "--\r\n");
    if (rv == APR_SUCCESS && f.out.status != APR_SUCCESS) {
        rv = flow_error_set(err, FLOW_E_INPUT, f.out.status, "body_too_large",
                            "the body would have more than %d bytes", FORM_MAX);
    }
    if (rv == APR_SUCCESS) {
        *pbody = flow_buf_steal(&f.out, plen, p);
        *ptype =
            apr_pstrcat(p, "multipart/form-data; boundary=", f.boundary, NULL);
    }
    flow_buf_release(&f.out);
    return rv;
}

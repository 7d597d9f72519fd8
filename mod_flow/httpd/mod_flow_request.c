/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between httpd's request_rec and the request and answer that the rooms below
 * understand.
 */
#include "httpd/mod_flow_private.h"

#include <apr_buckets.h>
#include <apr_portable.h>
#include <http_core.h>
#include <util_filter.h>

#include "data/flow_json.h"
#include "flow/flow_request.h"

/* ---- no file behind a Location of ours ---- */

#define FILENAME_PREFIX "flow:"

int mod_flow_translate_name(request_rec *r)
{
    if (!mod_flow_location(r)) {
        return DECLINED;
    }
    /* Something for the access log and for modules that look at it; there is
     * no such file and nobody will open it. */
    r->filename = apr_pstrcat(r->pool, FILENAME_PREFIX, r->uri, NULL);
    return OK;
}

int mod_flow_map_to_storage(request_rec *r)
{
    /* httpd has just put the server's default configuration in place of the
     * Location's, so that only the name tells. */
    return r->filename && !strncmp(r->filename, FILENAME_PREFIX,
                                   sizeof(FILENAME_PREFIX) - 1)
               ? OK
               : DECLINED;
}

int mod_flow_fixups(request_rec *r)
{
    const mod_flow_location_t *loc = mod_flow_location(r);

    if (!loc) {
        return DECLINED;
    }
    r->handler = loc->kind == MOD_FLOW_API ? "flow-api" : "flow-webhook";
    apr_table_setn(r->notes, "flow-target", loc->target);
    return DECLINED;
}

/* ---- in ---- */

static int body_failed(request_rec *r, flow_error_t *perr, int status,
                       const char *code, const char *message)
{
    /* What is left of the body is not worth reading. */
    r->connection->keepalive = AP_CONN_CLOSE;
    flow_error_set(perr, FLOW_E_INPUT, APR_EGENERAL, code, "%s", message);
    return status;
}

static int too_large(request_rec *r, flow_error_t *perr)
{
    char text[120];

    apr_snprintf(text, sizeof(text),
                 "the request body is larger than %" APR_SIZE_T_FMT
                 " bytes (FlowMaxBody)",
                 mod_flow_global->max_body);
    return body_failed(r, perr, HTTP_REQUEST_ENTITY_TOO_LARGE,
                       "request_too_large", text);
}

/* One pass over what the input filters have; *pdone at the end of the body. */
static int read_brigade(request_rec *r, apr_bucket_brigade *bb, flow_buf_t *buf,
                        int *pdone, flow_error_t *perr)
{
    apr_bucket *b;

    for (b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb);
         b = APR_BUCKET_NEXT(b)) {
        const char *data;
        apr_size_t len;

        if (APR_BUCKET_IS_EOS(b)) {
            *pdone = 1;
            return OK;
        }
        if (APR_BUCKET_IS_METADATA(b)) {
            continue;
        }
        if (apr_bucket_read(b, &data, &len, APR_BLOCK_READ) != APR_SUCCESS) {
            return body_failed(r, perr, HTTP_BAD_REQUEST, "request_incomplete",
                               "the request body ended early");
        }
        if (flow_buf_add(buf, data, len) != APR_SUCCESS) {
            return too_large(r, perr);
        }
    }
    return OK;
}

static int read_body(request_rec *r, flow_request_t *req, flow_error_t *perr)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");
    apr_bucket_brigade *bb;
    flow_buf_t buf;
    int done = 0, status = OK;

    req->body = "";
    if (!length && !apr_table_get(r->headers_in, "Transfer-Encoding")) {
        return OK;
    }
    if (length && apr_strtoi64(length, NULL, 10) >
                      (apr_int64_t)mod_flow_global->max_body) {
        return too_large(r, perr);
    }
    flow_buf_init(&buf, mod_flow_global->max_body);
    bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    while (status == OK && !done) {
        apr_status_t rv =
            ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES,
                           APR_BLOCK_READ, HUGE_STRING_LEN);

        if (rv != APR_SUCCESS) {
            /* The input filter knows best: 408, 413 of LimitRequestBody ... */
            status = ap_map_http_request_error(rv, HTTP_BAD_REQUEST);
            status = body_failed(
                r, perr, status < 400 ? HTTP_BAD_REQUEST : status,
                status == HTTP_REQUEST_ENTITY_TOO_LARGE ? "request_too_large"
                                                        : "request_incomplete",
                status == HTTP_REQUEST_ENTITY_TOO_LARGE
                    ? "the request body is larger than Apache's "
                      "LimitRequestBody allows"
                    : "the request body could not be read whole");
            break;
        }
        status = read_brigade(r, bb, &buf, &done, perr);
        apr_brigade_cleanup(bb);
    }
    if (status == OK) {
        req->body = flow_buf_steal(&buf, &req->body_len, r->pool);
    }
    flow_buf_release(&buf);
    return status;
}

/* The client's socket, for those who look whether it is still there. */
static const int *client_of(request_rec *r)
{
    conn_rec *c = r->connection->master ? r->connection->master : r->connection;
    apr_socket_t *sock = ap_get_conn_socket(c);
    apr_os_sock_t *fd = apr_palloc(r->pool, sizeof(*fd));

    return sock && apr_os_sock_get(fd, sock) == APR_SUCCESS ? fd : NULL;
}

int mod_flow_request_read(request_rec *r, const mod_flow_location_t *loc,
                          flow_request_t **preq, flow_error_t *perr)
{
    flow_request_t *req = apr_pcalloc(r->pool, sizeof(*req));
    apr_size_t prefix = loc->path ? strlen(loc->path) : 0;
    ap_regmatch_t match[1];

    req->method = r->method;
    req->uri = r->parsed_uri.path ? r->parsed_uri.path : r->uri;
    req->query = r->args;
    req->headers = r->headers_in;
    if (mod_flow_has_token(r)) {
        /* As for CGI programs: a credential that has done its work is not
         * passed on. */
        apr_table_t *headers = apr_table_copy(r->pool, r->headers_in);

        apr_table_unset(headers, "Authorization");
        req->headers = headers;
    }
    req->user = r->user;
    req->remote = r->useragent_ip;
    req->client = client_of(r);
    if (prefix && loc->path[prefix - 1] == '/') {
        --prefix;
    }
    if (loc->regex) {
        prefix = ap_regexec(loc->regex, r->uri, 1, match, 0) == 0
                     ? (apr_size_t)match[0].rm_eo
                     : 0;
    }
    req->path_info = strlen(r->uri) >= prefix ? r->uri + prefix : "";
    *preq = req;
    return read_body(r, req, perr);
}

/* ---- out ---- */

static int add_header(void *baton, const char *name, const char *value)
{
    request_rec *r = baton;

    apr_table_addn(r->headers_out, name, value);
    return 1;
}

int mod_flow_answer_send(request_rec *r, const flow_answer_t *answer)
{
    apr_bucket_brigade *bb;

    r->status = answer->status;
    /* httpd makes a 500 of a status it has no words for, unless it is given
     * some. */
    r->status_line = ap_index_of_response(answer->status) ==
                             ap_index_of_response(HTTP_INTERNAL_SERVER_ERROR)
                         ? apr_psprintf(r->pool, "%d Status", answer->status)
                         : NULL;
    if (answer->headers) {
        apr_table_do(add_header, r, answer->headers, NULL);
    }
    if (answer->content_type) {
        ap_set_content_type(r, answer->content_type);
    }
    if (answer->status == HTTP_NO_CONTENT ||
        answer->status == HTTP_RESET_CONTENT ||
        answer->status == HTTP_NOT_MODIFIED) {
        return OK;
    }
    ap_set_content_length(r, (apr_off_t)answer->body_len);
    bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    if (answer->body_len && !r->header_only) {
        APR_BRIGADE_INSERT_TAIL(
            bb, apr_bucket_pool_create(answer->body, answer->body_len, r->pool,
                                       r->connection->bucket_alloc));
    }
    APR_BRIGADE_INSERT_TAIL(bb,
                            apr_bucket_eos_create(r->connection->bucket_alloc));
    /* A client that has gone is no fault of ours. */
    (void)ap_pass_brigade(r->output_filters, bb);
    return OK;
}

int mod_flow_send_message(request_rec *r, int status, const char *message)
{
    flow_answer_t answer = { status, NULL, NULL, NULL, 0 };
    json_t *v = json_object();

    json_object_set_new(v, "message",
                        flow_json_string_new(message, strlen(message)));
    flow_answer_json(&answer, status, v, r->pool);
    json_decref(v);
    return mod_flow_answer_send(r, &answer);
}

int mod_flow_send_error(request_rec *r, int status, const flow_error_t *err,
                        const char *source)
{
    flow_answer_t answer = { status, NULL, NULL, NULL, 0 };

    flow_answer_error(&answer, status, err, source, r->pool);
    return mod_flow_answer_send(r, &answer);
}

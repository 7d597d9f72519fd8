/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was sent and what came back, as it is kept with the error of a record:
 * bounded, and without anything that lets somebody in.
 */
#include "connectors/flow_conn_http.h"

#include <string.h>
#include <strings.h>

#include "base/flow_log.h"

#include <apr_lib.h>
#include <apr_strings.h>

#define BODY_KEPT   (64 * 1024)
#define HEADER_KEPT 1024
#define URL_KEPT    4096
#define DEBUG_MAX   1800 /* a line of the log has at most 2 KB */

static const char stars[] = "******";

/* Values may be secret although we have not been told: by their names. */
static int is_secret_name(const char *name, apr_size_t len)
{
    static const char *const parts[] = { "auth",      "cookie", "token",
                                         "secret",    "apikey", "api-key",
                                         "api_key",   "sig",    "passw",
                                         "credential" };
    char lower[128];
    apr_size_t i;

    len = len < sizeof(lower) ? len : sizeof(lower) - 1;
    for (i = 0; i < len; ++i) {
        lower[i] = (char)apr_tolower(name[i]);
    }
    lower[len] = '\0';
    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); ++i) {
        if (strstr(lower, parts[i])) {
            return 1;
        }
    }
    return strcmp(lower, "key") == 0;
}

/* Secrets are looked for before the text is cut, so that no part of one is
 * kept; a text of several megabytes is not looked at to its end for that. */
static json_t *kept(const char *text, apr_size_t len, apr_size_t most,
                    const json_t *secrets, apr_pool_t *p)
{
    int is_cut;

    len = strnlen(text, len);
    /* one byte more than is kept tells that there is more */
    text = flow_secret_mask_cut(text, len, most + 1, secrets, &len, p);
    is_cut = len > most;
    if (is_cut) {
        for (len = most; len && ((unsigned char)text[len] & 0xC0) == 0x80;
             --len) {
        }
    }
    text = flow_utf8_repair(apr_pstrmemdup(p, text, len), len, &len, p);
    if (is_cut) {
        text = apr_pstrcat(p, apr_pstrmemdup(p, text, len), "...", NULL);
        len += 3;
    }
    return flow_json_string_new(text, len);
}

/* Parameters whose names speak of secrets lose their values. */
static const char *kept_url(const char *url, apr_pool_t *p)
{
    const char *at = strchr(url, '?'), *end, *equals;
    char *out, *to;

    if (!at) {
        return url;
    }
    ++at;
    /* "sig=&" becomes "sig=******&" at worst */
    out = apr_palloc(p, 3 * strlen(url) + 1);
    memcpy(out, url, (apr_size_t)(at - url));
    to = out + (at - url);
    while (*at) {
        apr_size_t n;

        end = at + strcspn(at, "&");
        equals = memchr(at, '=', (apr_size_t)(end - at));
        if (equals && is_secret_name(at, (apr_size_t)(equals - at))) {
            n = (apr_size_t)(equals + 1 - at);
            memcpy(to, at, n);
            memcpy(to + n, stars, sizeof(stars) - 1);
            n += sizeof(stars) - 1;
        }
        else {
            n = (apr_size_t)(end - at);
            memcpy(to, at, n);
        }
        to += n;
        if (*end) {
            *to++ = *end++;
        }
        at = end;
    }
    *to = '\0';
    return out;
}

static json_t *kept_header(const char *name, const char *value,
                           const json_t *secrets, apr_pool_t *p)
{
    if (is_secret_name(name, strlen(name))) {
        return flow_json_string_new(stars, sizeof(stars) - 1);
    }
    if (strcasecmp(name, "Location") == 0 ||
        strcasecmp(name, "Content-Location") == 0 ||
        strcasecmp(name, "Referer") == 0) {
        value = kept_url(value, p);
    }
    return kept(value, strlen(value), HEADER_KEPT, secrets, p);
}

static json_t *kept_headers(const apr_table_t *headers, const json_t *secrets,
                            apr_pool_t *p)
{
    const apr_array_header_t *list = apr_table_elts(headers);
    const apr_table_entry_t *e = (const apr_table_entry_t *)list->elts;
    json_t *out = json_object();
    int i;

    for (i = 0; i < list->nelts; ++i) {
        if (!flow_utf8_is_valid(e[i].key, strlen(e[i].key))) {
            continue;
        }
        json_object_set_new(out, e[i].key,
                            kept_header(e[i].key, e[i].val, secrets, p));
    }
    return out;
}

static json_t *request_json(const http_answer_t *answer, const json_t *secrets,
                            apr_pool_t *p)
{
    const flow_http_request_t *req = answer->sent;
    const char *url = kept_url(req->url, p);
    json_t *out = json_object();

    json_object_set_new(out, "method",
                        flow_json_string_new(req->method, strlen(req->method)));
    json_object_set_new(out, "url",
                        kept(url, strlen(url), URL_KEPT, secrets, p));
    if (req->headers) {
        json_object_set_new(out, "headers",
                            kept_headers(req->headers, secrets, p));
    }
    if (req->body) {
        json_object_set_new(
            out, "body", kept(req->body, req->body_len, BODY_KEPT, secrets, p));
    }
    return out;
}

json_t *flow_conn_http_exchange(const http_answer_t *answer,
                                const flow_connection_t *connection,
                                apr_pool_t *p)
{
    json_t *secrets, *out, *response;

    if (!answer->sent) {
        return NULL; /* nothing has been sent */
    }
    secrets = json_copy((json_t *)flow_conn_http_secrets(connection, p));
    secrets = flow_json_own(p, secrets ? secrets : json_array());
    if (answer->sent_secret) {
        json_array_append_new(
            secrets, flow_json_string_new(answer->sent_secret,
                                          strlen(answer->sent_secret)));
    }
    out = json_object();
    json_object_set_new(out, "request", request_json(answer, secrets, p));
    if (answer->is_answered) {
        response = json_object();
        json_object_set_new(response, "statusCode",
                            json_integer(answer->status));
        json_object_set_new(response, "headers",
                            kept_headers(answer->headers, secrets, p));
        json_object_set_new(
            response, "body",
            kept(answer->body, answer->body_len, BODY_KEPT, secrets, p));
        json_object_set_new(out, "response", response);
    }
    return out;
}

static void debug_part(const char *id, const json_t *exchange, const char *name,
                       apr_pool_t *p)
{
    const json_t *part = json_object_get(exchange, name);
    apr_size_t len, n;
    const char *text = part ? flow_json_text(part, &len, p) : NULL;

    if (!text) {
        return;
    }
    if (len > DEBUG_MAX) {
        text = flow_utf8_repair(apr_pstrmemdup(p, text, DEBUG_MAX), DEBUG_MAX,
                                &n, p);
        text = apr_pstrcat(p, text, "...", NULL);
    }
    flow_log(FLOW_LOG_NOTICE, FLOW_LOGNO(0452) "connection '%s': %s %s", id,
             name, text);
}

void flow_conn_http_debug(const http_answer_t *answer,
                          const flow_connection_t *connection, apr_pool_t *p)
{
    json_t *exchange = flow_conn_http_exchange(answer, connection, p);

    if (exchange) {
        flow_json_own(p, exchange);
        debug_part(connection->id, exchange, "request", p);
        debug_part(connection->id, exchange, "response", p);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/flow_clock.h"
#include "base/flow_http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "base/flow_egress.h"
#include "base/flow_http_call.h"
#include "base/flow_http_url.h"
#include "base/flow_log.h"

/* How messages name a far end: flow_http_hide_places() finds it again. */
#define PLACE_BEGIN        "host '"
#define PLACE_MIDDLE       "' port "

#define IDLE_MAX           128 /* handles kept per process */
#define REDIRECTS_MAX      5
#define METHOD_MAX         32
#define RESPONSE_MAX_BYTES (50 * 1024 * 1024) /* the header's default */
#define CONNECT_TIMEOUT    apr_time_from_sec(10)

/* An idle handle. The key keeps apart what must not share connections: the
 * documents (affinity), and the trust that opened a connection. */
typedef struct idle_t idle_t;
struct idle_t {
    idle_t *newer;
    idle_t *older;
    flow_http_handle_t *handle;
    char key[]; /* affinity, line feed, trusted host */
};

struct flow_http_client_t {
    const flow_egress_t *egress;
    flow_http_settings_t settings;
    apr_thread_mutex_t *lock; /* for what follows; never held during a call */
    idle_t *newest;
    idle_t *oldest;
    int idle_count;
};

static void unlink_idle(flow_http_client_t *client, idle_t *idle)
{
    *(idle->newer ? &idle->newer->older : &client->newest) = idle->older;
    *(idle->older ? &idle->older->newer : &client->oldest) = idle->newer;
    --client->idle_count;
}

static void link_newest(flow_http_client_t *client, idle_t *idle)
{
    idle->newer = NULL;
    idle->older = client->newest;
    *(client->newest ? &client->newest->newer : &client->oldest) = idle;
    client->newest = idle;
    ++client->idle_count;
}

static void destroy_idle(idle_t *idle)
{
    if (idle) {
        if (idle->handle) {
            flow_http_handle_destroy(idle->handle);
        }
        free(idle);
    }
}

/* The handle used last is the one whose connection is most likely open. The
 * list is short enough to be searched. */
static idle_t *take(flow_http_client_t *client, const char *key)
{
    idle_t *idle;

    apr_thread_mutex_lock(client->lock);
    for (idle = client->newest; idle; idle = idle->older) {
        if (!strcmp(idle->key, key)) {
            unlink_idle(client, idle);
            break;
        }
    }
    apr_thread_mutex_unlock(client->lock);
    return idle;
}

static idle_t *make(const char *key)
{
    apr_size_t size = strlen(key) + 1;
    idle_t *idle = calloc(1, sizeof(*idle) + size);

    if (idle) {
        memcpy(idle->key, key, size);
        idle->handle = flow_http_handle_create();
        if (!idle->handle) {
            destroy_idle(idle);
            return NULL;
        }
    }
    return idle;
}

static void give_back(flow_http_client_t *client, idle_t *idle)
{
    idle_t *surplus = NULL;

    apr_thread_mutex_lock(client->lock);
    link_newest(client, idle);
    if (client->idle_count > IDLE_MAX) {
        surplus = client->oldest;
        unlink_idle(client, surplus);
    }
    apr_thread_mutex_unlock(client->lock);

    /* closing connections takes time, so without the lock */
    destroy_idle(surplus);
}

static apr_status_t destroy_all(void *data)
{
    flow_http_client_t *client = data;
    idle_t *idle, *older;

    for (idle = client->newest; idle; idle = older) {
        older = idle->older;
        destroy_idle(idle);
    }
    client->newest = client->oldest = NULL;
    client->idle_count = 0;
    return APR_SUCCESS;
}

apr_status_t flow_http_client_create(flow_http_client_t **pclient,
                                     const flow_egress_t *egress, apr_pool_t *p,
                                     flow_error_t *err)
{
    flow_http_client_t *client = apr_pcalloc(p, sizeof(*client));
    apr_status_t rv =
        apr_thread_mutex_create(&client->lock, APR_THREAD_MUTEX_DEFAULT, p);

    if (rv != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_INTERNAL, rv, "no_lock",
                              "no lock for the HTTP client");
    }
    client->egress = egress;
    client->settings.connect_timeout = CONNECT_TIMEOUT;
    client->settings.max_response = RESPONSE_MAX_BYTES;
    apr_pool_cleanup_register(p, client, destroy_all, apr_pool_cleanup_null);
    *pclient = client;
    return APR_SUCCESS;
}

void flow_http_client_configure(flow_http_client_t *client,
                                const flow_http_settings_t *settings)
{
    client->settings = *settings;
    if (client->settings.connect_timeout <= 0) {
        client->settings.connect_timeout = CONNECT_TIMEOUT;
    }
    if (!client->settings.max_response) {
        client->settings.max_response = RESPONSE_MAX_BYTES;
    }
}

static int is_token_char(char c)
{
    return apr_isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static int is_token(const char *text)
{
    const char *at = text;

    while (is_token_char(*at)) {
        ++at;
    }
    return at > text && !*at;
}

static int has_control(const char *text)
{
    for (; *text; ++text) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return 1;
        }
    }
    return 0;
}

static int is_in(const char *const *names, const char *name)
{
    for (; *names; ++names) {
        if (!strcasecmp(*names, name)) {
            return 1;
        }
    }
    return 0;
}

/* Those that say how this message travels are written by the client. */
static const char *const our_headers[] = {
    "Connection",          "Content-Length",   "Expect", "Keep-Alive",
    "Proxy-Authorization", "Proxy-Connection", "TE",     "Trailer",
    "Transfer-Encoding",   "Upgrade",          NULL,
};

/* Harmless: they may follow a redirect to anywhere. */
static const char *const harmless_headers[] = {
    "Accept", "Accept-Language", "Content-Type", "User-Agent", NULL,
};

static apr_status_t check_headers(const apr_table_t *headers,
                                  apr_table_t **pchecked, apr_pool_t *p,
                                  flow_error_t *err)
{
    apr_table_t *checked = apr_table_make(p, 8);
    const apr_array_header_t *entries;
    int i;

    *pchecked = checked;
    if (!headers) {
        return APR_SUCCESS;
    }
    entries = apr_table_elts(headers);
    for (i = 0; i < entries->nelts; ++i) {
        const apr_table_entry_t *entry =
            &APR_ARRAY_IDX(entries, i, apr_table_entry_t);

        if (!entry->key || !is_token(entry->key)) {
            return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL,
                                  "header_invalid",
                                  "the name of request header %d is not valid; "
                                  "use letters, digits and '-'",
                                  i + 1);
        }
        if (!entry->val || has_control(entry->val)) {
            return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL,
                                  "header_invalid",
                                  "the value of request header '%s' holds a "
                                  "control character; write it as one line",
                                  entry->key);
        }
        if (!is_in(our_headers, entry->key)) {
            apr_table_addn(checked, entry->key, entry->val);
        }
    }
    return APR_SUCCESS;
}

static apr_table_t *only_harmless(const apr_table_t *headers, apr_pool_t *p)
{
    const apr_array_header_t *entries = apr_table_elts(headers);
    apr_table_t *kept = apr_table_make(p, 4);
    int i;

    for (i = 0; i < entries->nelts; ++i) {
        const apr_table_entry_t *entry =
            &APR_ARRAY_IDX(entries, i, apr_table_entry_t);

        if (is_in(harmless_headers, entry->key)) {
            apr_table_addn(kept, entry->key, entry->val);
        }
    }
    return kept;
}

static apr_status_t check_method(const flow_http_request_t *req,
                                 flow_error_t *err)
{
    /* CONNECT asks for a tunnel, which has no answer to read */
    if (!is_token(req->method) || strlen(req->method) > METHOD_MAX ||
        !strcmp(req->method, "CONNECT")) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "method_invalid",
                              "the request method is not valid; use one like "
                              "GET, POST, PUT, PATCH or DELETE");
    }
    if (req->body && !strcmp(req->method, "HEAD")) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "method_invalid",
                              "a HEAD request cannot carry a body; use POST");
    }
    return APR_SUCCESS;
}

static const char *where(const flow_http_url_t *url, apr_pool_t *p)
{
    return apr_psprintf(p, PLACE_BEGIN "%s" PLACE_MIDDLE "%d", url->host,
                        url->port);
}

/* Behind the place that begins at @a s, or NULL when it is none. A text that
 * was cut in the middle of one ends there. */
static const char *place_end(const char *s)
{
    s = strchr(s + strlen(PLACE_BEGIN), '\'');
    if (!s) {
        return "";
    }
    if (strncmp(s, PLACE_MIDDLE, strlen(PLACE_MIDDLE))) {
        return strncmp(s, PLACE_MIDDLE, strlen(s)) ? NULL : "";
    }
    s += strlen(PLACE_MIDDLE);
    return s + strspn(s, "0123456789");
}

const char *flow_http_hide_places(const char *message, apr_pool_t *p)
{
    const char *at = message, *end, *out = NULL, *rest = message;

    while ((at = strstr(at, PLACE_BEGIN))) {
        end = place_end(at);
        if (end) {
            out = apr_psprintf(p, "%s%.*sthe far end", out ? out : "",
                               (int)(at - rest), rest);
            rest = end;
        }
        at = end ? end : at + 1;
    }
    return out ? apr_pstrcat(p, out, rest, (char *)NULL) : message;
}

/* Where the answer sends us, or NULL if it is to be returned as it is. */
static const char *redirect_of(const flow_http_request_t *req,
                               const flow_http_response_t *resp)
{
    const char *location;

    if (req->body ||
        (strcmp(req->method, "GET") && strcmp(req->method, "HEAD"))) {
        return NULL;
    }
    switch (resp->status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        location = apr_table_get(resp->headers, "Location");
        return location && *location ? location : NULL;
    default:
        return NULL;
    }
}

/* Turn the call to where the answer sends us. */
static apr_status_t follow(flow_http_call_t *call, flow_http_url_t *url,
                           const char *location, apr_pool_t *p,
                           flow_error_t *err)
{
    flow_http_url_t next;
    const char *why = flow_http_url_parse(&next, url->text, location, p);

    if (why) {
        return flow_error_set(
            err, FLOW_E_REFUSED, APR_EINVAL, "redirect_invalid",
            "%s redirects to a URL that is not valid: %s", call->where, why);
    }
    if (!flow_http_url_is_same_origin(url, &next)) {
        call->headers = only_harmless(call->headers, p);
        call->tls = NULL;
    }
    *url = next;
    call->was_sent = 0; /* that was the hop before, and it was answered */
    call->where = where(url, p);
    flow_buf_clear(call->body);
    return APR_SUCCESS;
}

static void log_answer(const flow_http_call_t *call,
                       const flow_http_response_t *resp, apr_time_t start)
{
    if (flow_log_enabled(FLOW_LOG_DEBUG)) {
        flow_log(FLOW_LOG_DEBUG,
                 "%s %s: status %d, %" APR_SIZE_T_FMT " bytes, %d ms",
                 call->req->method, call->where, resp->status, call->body->len,
                 (int)apr_time_as_msec(flow_clock() - start));
    }
}

/* Through the proxy or not? */
static void choose_way(flow_http_call_t *call,
                       const flow_http_settings_t *settings)
{
    call->proxy =
        settings->proxy && !flow_egress_names(settings->direct, call->url->host)
            ? settings->proxy
            : NULL;
}

static apr_status_t run_calls(flow_http_call_t *call, flow_http_url_t *url,
                              const flow_http_settings_t *settings,
                              flow_http_handle_t *handle,
                              flow_http_response_t *resp, apr_pool_t *p,
                              flow_error_t *err)
{
    const char *location;
    apr_status_t rv;
    int redirects = 0;

    for (;;) {
        apr_time_t start = flow_clock();

        choose_way(call, settings);
        rv = flow_http_call(handle, call, resp, p, err);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        log_answer(call, resp, start);

        location = redirect_of(call->req, resp);
        if (!location || redirects++ == REDIRECTS_MAX) {
            return APR_SUCCESS;
        }
        rv = follow(call, url, location, p, err);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
}

/* The request with its defaults filled in, checked, and its URL parsed. */
static apr_status_t prepare(const flow_http_settings_t *settings,
                            const flow_http_request_t *req,
                            flow_http_request_t *full, flow_http_url_t *url,
                            apr_table_t **pheaders, apr_pool_t *p,
                            flow_error_t *err)
{
    const char *why;
    apr_status_t rv;

    *full = *req;
    full->method = req->method ? req->method : "GET";
    if (!full->max_response) {
        full->max_response = settings->max_response;
    }
    if (full->connect_timeout <= 0) {
        full->connect_timeout = settings->connect_timeout;
    }
    rv = check_method(full, err);
    if (rv == APR_SUCCESS) {
        rv = check_headers(req->headers, pheaders, p, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    why = flow_http_url_parse(url, NULL, req->url, p);
    if (why) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "url_invalid",
                              "the request URL is not valid: %s", why);
    }
    return APR_SUCCESS;
}

apr_status_t flow_http_perform(flow_http_client_t *client,
                               const flow_http_request_t *req,
                               flow_http_response_t *resp, apr_pool_t *p,
                               flow_error_t *err)
{
    flow_http_request_t full;
    flow_http_url_t url;
    flow_http_call_t call = { 0 };
    apr_table_t *headers;
    flow_buf_t body;
    idle_t *idle;
    const char *key;
    apr_status_t rv =
        prepare(&client->settings, req, &full, &url, &headers, p, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    key = apr_psprintf(p, "%s\n%s", req->affinity ? req->affinity : "",
                       req->trusted_host ? req->trusted_host : "");
    idle = take(client, key);
    idle = idle ? idle : make(key);
    if (!idle) {
        return flow_error_set(err, FLOW_E_INTERNAL, APR_ENOMEM, "out_of_memory",
                              "out of memory for a call to %s", where(&url, p));
    }
    flow_buf_init(&body, full.max_response);
    call.req = &full;
    call.url = &url;
    call.headers = headers;
    call.tls = full.tls;
    call.egress = client->egress;
    call.first_byte_timeout = client->settings.first_byte_timeout;
    call.where = where(&url, p);
    call.body = &body;

    memset(resp, 0, sizeof(*resp));
    rv = run_calls(&call, &url, &client->settings, idle->handle, resp, p, err);
    give_back(client, idle);

    resp->body = flow_buf_steal(&body, &resp->body_len, p);
    resp->url = url.text;
    return rv;
}

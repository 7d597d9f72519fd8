/* SPDX-License-Identifier: Apache-2.0 */
#include "base/flow_http_call.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <apr_strings.h>
#include <curl/curl.h>

#include "base/flow_clock.h"
#include "base/flow_egress.h"

#define HEADERS_MAX 65536 /* bytes of all header lines of an answer */

/* One connection document: its host, and where that redirects to. */
#define KEPT_CONNECTIONS 2L

/* Connections are kept in a share, and each call has an easy handle of its
 * own: in a handle that is used again, curl before 8.4 keeps a pointer to the
 * last header of the answer before, and an answer that begins with a folded
 * header line makes it follow that pointer into freed memory. */
struct flow_http_handle_t {
    CURLSH *share;
};

/* What the callbacks of one call share. */
typedef struct transfer_t {
    flow_http_call_t *call;
    apr_size_t header_bytes;
    int sent;        /* requests written to a connection */
    int is_refused;  /* an address was refused by the egress rules */
    int is_tried;    /* an address was allowed */
    int is_repeated; /* a second write was prevented */
    int is_header_overflow;
    int is_late;          /* the answer did not begin in time */
    apr_time_t last_byte; /* of the request, about; 0 = not sent yet */
    int is_head_done;     /* the empty line behind the headers has come */
} transfer_t;

flow_http_handle_t *flow_http_handle_create(void)
{
    flow_http_handle_t *handle = calloc(1, sizeof(*handle));

    if (!handle) {
        return NULL;
    }
    handle->share = curl_share_init();
    if (!handle->share) {
        free(handle);
        return NULL;
    }
    /* one thread at a time uses it, so it needs no locks */
    curl_share_setopt(handle->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
    curl_share_setopt(handle->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(handle->share, CURLSHOPT_SHARE,
                      CURL_LOCK_DATA_SSL_SESSION);
    return handle;
}

void flow_http_handle_destroy(flow_http_handle_t *handle)
{
    curl_share_cleanup(handle->share);
    free(handle);
}

static size_t on_header(char *line, size_t size, size_t count, void *baton)
{
    transfer_t *transfer = baton;
    size_t len = size * count;

    transfer->header_bytes += len;
    if (len > 0 && (*line == '\r' || *line == '\n')) {
        transfer->is_head_done = 1;
    }
    else if (len > 5 && strncmp(line, "HTTP/", 5) == 0) {
        transfer->is_head_done = 0; /* the one before was an interim answer */
    }
    if (transfer->header_bytes > HEADERS_MAX) {
        transfer->is_header_overflow = 1;
        return 0;
    }
    return len;
}

static size_t on_body(char *data, size_t size, size_t count, void *baton)
{
    transfer_t *transfer = baton;
    size_t len = size * count;

    return flow_buf_add(transfer->call->body, data, len) == APR_SUCCESS ? len
                                                                        : 0;
}

/* Called with the address that is about to be connected to: the only place
 * where a check cannot be too early. */
static curl_socket_t on_socket(void *baton, curlsocktype purpose,
                               struct curl_sockaddr *address)
{
    transfer_t *transfer = baton;
    const flow_http_call_t *call = transfer->call;

    /* the proxy's address is the administrator's choice; the host has been
     * checked by its name */
    if (purpose != CURLSOCKTYPE_IPCXN ||
        (!call->proxy &&
         !flow_egress_check(call->egress, call->url->host, &address->addr,
                            call->req->trusted_host))) {
        transfer->is_refused = 1;
        return CURL_SOCKET_BAD;
    }
    transfer->is_tried = 1;
    return socket(address->family, address->socktype | SOCK_CLOEXEC,
                  address->protocol);
}

/* HTTP's idempotent methods: done twice is done once. */
static int is_idempotent(const char *method)
{
    static const char *const names[] = { "GET", "HEAD", "OPTIONS", "PUT",
                                         "DELETE" };
    apr_size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        if (!strcmp(method, names[i])) {
            return 1;
        }
    }
    return 0;
}

/* Called when a connection stands, before the request is written to it.
 * libcurl writes it a second time when a kept connection turns out to be dead;
 * whether the far end has acted on the first one nobody knows, so for a POST
 * that decision belongs to those who know what the POST does. */
static int on_request(void *baton, char *remote_ip, char *local_ip,
                      int remote_port, int local_port)
{
    transfer_t *transfer = baton;

    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    if (transfer->sent && !is_idempotent(transfer->call->req->method)) {
        transfer->is_repeated = 1;
        return CURL_PREREQFUNC_ABORT;
    }
    transfer->sent = 1;
    transfer->call->was_sent = 1;
    return CURL_PREREQFUNC_OK;
}

/* Called about once a second: does somebody want us to stop, and has the
 * answer begun in time? */
static int on_progress(void *baton, curl_off_t dltotal, curl_off_t dlnow,
                       curl_off_t ultotal, curl_off_t ulnow)
{
    transfer_t *transfer = baton;
    apr_time_t now = flow_clock();

    (void)dltotal;
    if (flow_abort_asked()) {
        return 1;
    }
    if (transfer->call->first_byte_timeout <= 0 || !transfer->call->was_sent ||
        dlnow || transfer->header_bytes) {
        return 0;
    }
    if (!transfer->last_byte || ulnow < ultotal) {
        transfer->last_byte = now;
    }
    transfer->is_late =
        now - transfer->last_byte >= transfer->call->first_byte_timeout;
    return transfer->is_late;
}

static int append_line(struct curl_slist **plist, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*plist, line);

    if (!longer) {
        return 0;
    }
    *plist = longer;
    return 1;
}

/* @return NULL when out of memory; the caller frees */
static struct curl_slist *header_lines(const flow_http_call_t *call,
                                       apr_pool_t *p)
{
    const apr_array_header_t *entries = apr_table_elts(call->headers);
    struct curl_slist *list = NULL;
    int i, ok;

    /* a "Name:" line without value keeps libcurl from adding its own */
    ok = append_line(&list, "Expect:");
    if (!apr_table_get(call->headers, "Content-Type")) {
        ok = ok && append_line(&list, "Content-Type:");
    }
    if (!apr_table_get(call->headers, "Accept")) {
        ok = ok && append_line(&list, "Accept: */*");
    }
    for (i = 0; ok && i < entries->nelts; ++i) {
        const apr_table_entry_t *entry =
            &APR_ARRAY_IDX(entries, i, apr_table_entry_t);
        const char *line =
            *entry->val
                ? apr_pstrcat(p, entry->key, ": ", entry->val, (char *)NULL)
                : apr_pstrcat(p, entry->key, ";", (char *)NULL);

        ok = append_line(&list, line);
    }
    if (!ok) {
        curl_slist_free_all(list);
        return NULL;
    }
    return list;
}

static void set_method(CURL *easy, const flow_http_request_t *req)
{
    /* these methods announce an empty body rather than none */
    int has_body = req->body || !strcmp(req->method, "POST") ||
                   !strcmp(req->method, "PUT") || !strcmp(req->method, "PATCH");

    if (!strcmp(req->method, "HEAD")) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    if (has_body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)(req->body ? req->body_len : 0));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, req->body ? req->body : "");
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, req->method);
}

static void set_limits(CURL *easy, const flow_http_request_t *req, long left)
{
    long connect = (long)apr_time_as_msec(req->connect_timeout);

    connect = connect < 1 ? 1 : connect > left ? left : connect;
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, left);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect);

    /* an answer to HEAD tells the size of what it does not send */
    if (strcmp(req->method, "HEAD")) {
        curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE,
                         (curl_off_t)req->max_response);
    }
}

static void set_blob(CURL *easy, CURLoption option, const char *data,
                     apr_size_t len)
{
    struct curl_blob blob = { (void *)data, len, CURL_BLOB_NOCOPY };

    if (data) {
        curl_easy_setopt(easy, option, &blob);
    }
}

static void set_tls(CURL *easy, const flow_http_tls_t *tls)
{
    if (!tls) {
        return;
    }
    if (tls->pkcs12) {
        set_blob(easy, CURLOPT_SSLCERT_BLOB, tls->pkcs12, tls->pkcs12_len);
        curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "P12");
    }
    else if (tls->cert && tls->key) {
        set_blob(easy, CURLOPT_SSLCERT_BLOB, tls->cert, strlen(tls->cert));
        set_blob(easy, CURLOPT_SSLKEY_BLOB, tls->key, strlen(tls->key));
    }
    if (tls->passphrase) {
        curl_easy_setopt(easy, CURLOPT_KEYPASSWD, tls->passphrase);
    }
    set_blob(easy, CURLOPT_CAINFO_BLOB, tls->ca, tls->ca ? strlen(tls->ca) : 0);
}

static void set_options(CURL *easy, transfer_t *transfer,
                        struct curl_slist *headers)
{
    const flow_http_request_t *req = transfer->call->req;
    long verify = req->insecure ? 0L : 1L;

    curl_easy_setopt(easy, CURLOPT_URL, transfer->call->url->text);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    /* never one from the environment */
    curl_easy_setopt(easy, CURLOPT_PROXY,
                     transfer->call->proxy ? transfer->call->proxy : "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, transfer);
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L * verify);
    set_tls(easy, transfer->call->tls);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "mod_flow");
    curl_easy_setopt(easy, CURLOPT_MAXCONNECTS, KEPT_CONNECTIONS);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);

    /* signals belong to the process we live in */
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    /* do not wait for a slow name server after the time is up: its thread
     * ends by itself */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif

    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
}

/* Why a certificate does not verify, in words for those who can repair it. The
 * numbers are those of X509_V_ERR_*, which are part of OpenSSL's interface. */
static const char *certificate_problem(CURL *easy)
{
    long result = 0;

    curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &result);
    switch (result) {
    case 0:
    case 1: /* what libcurl leaves there when only the name is wrong */
        return "it was issued for another host name";
    case 9:
        return "it is not valid yet";
    case 10:
        return "it has expired";
    case 18:
    case 19:
        return "it is self-signed";
    case 2:
    case 20:
    case 21:
        return "its issuer is not known to this system";
    case 23:
        return "it has been revoked";
    default:
        return "it is not trusted by this system";
    }
}

static apr_status_t explain_timeout(const transfer_t *transfer,
                                    flow_error_t *err)
{
    const char *where = transfer->call->where;

    if (transfer->call->was_sent) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_TIMEUP, "timeout",
                              "no complete answer from %s in time "
                              "(FlowHTTPTimeout)",
                              where);
    }
    return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EGENERAL, "timeout",
                          "no connection to %s in time", where);
}

/* The answer is longer than we take. */
static apr_status_t explain_size(const transfer_t *transfer, flow_error_t *err)
{
    const flow_http_call_t *call = transfer->call;

    if (call->body->status == APR_ENOMEM) {
        return flow_error_set(err, FLOW_E_INTERNAL, APR_ENOMEM, "out_of_memory",
                              "out of memory for the answer from %s",
                              call->where);
    }
    if (transfer->is_header_overflow) {
        return flow_error_set(err, FLOW_E_REFUSED, APR_ENOSPC,
                              "response_too_large",
                              "the headers of the answer from %s are longer "
                              "than %d bytes",
                              call->where, HEADERS_MAX);
    }
    return flow_error_set(err, FLOW_E_REFUSED, APR_ENOSPC, "response_too_large",
                          "the answer from %s is longer than %" APR_SIZE_T_FMT
                          " bytes (FlowHTTPMaxResponse)",
                          call->where, call->req->max_response);
}

static apr_status_t explain_lost(const transfer_t *transfer, flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_ECONNRESET,
                          "connection_lost",
                          "%s closed the connection before its answer was "
                          "complete",
                          transfer->call->where);
}

/* No connection, or none any more. */
static apr_status_t explain_connection(CURL *easy, const transfer_t *transfer,
                                       CURLcode res, flow_error_t *err)
{
    const flow_http_call_t *call = transfer->call;
    char text[128];
    long os_error = 0, tunnel = 0;

    if (transfer->is_refused && !transfer->is_tried) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EACCES, "egress_refused",
                              "%s may not be called: the address that its name "
                              "resolves to is refused; see FlowEgress",
                              call->where);
    }
    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
    if (call->proxy && !call->was_sent && tunnel && tunnel != 200) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                              "connect_failed",
                              "%s cannot be reached: the proxy answered %ld; "
                              "see FlowProxy",
                              call->where, tunnel);
    }
    if (transfer->is_repeated || call->was_sent) {
        return explain_lost(transfer, err);
    }
    if (res == CURLE_COULDNT_RESOLVE_HOST) {
        return flow_error_set(
            err, FLOW_E_UNAVAILABLE, APR_EGENERAL, "connect_failed",
            "%s cannot be reached: its name does not resolve", call->where);
    }
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
    return flow_error_set(
        err, FLOW_E_UNAVAILABLE, APR_EGENERAL, "connect_failed",
        "%s cannot be reached: %s", call->where,
        os_error ? apr_strerror((apr_status_t)os_error, text, sizeof(text))
                 : curl_easy_strerror(res));
}

/* One of our callbacks ended it. */
static apr_status_t explain_abort(CURL *easy, const transfer_t *transfer,
                                  CURLcode res, flow_error_t *err)
{
    const char *where = transfer->call->where;

    if (transfer->is_late) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_TIMEUP, "timeout",
                              "the answer from %s has not begun in time",
                              where);
    }
    if (flow_abort_asked()) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR, "stopping",
                              "the call to %s was cut short: the server is "
                              "stopping",
                              where);
    }
    return explain_connection(easy, transfer, res, err);
}

static apr_status_t explain(CURL *easy, const transfer_t *transfer,
                            CURLcode res, flow_error_t *err)
{
    const char *where = transfer->call->where;

    switch (res) {
    case CURLE_COULDNT_RESOLVE_PROXY:
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                              "connect_failed",
                              "%s cannot be reached: the proxy's name does not "
                              "resolve; see FlowProxy",
                              where);
    case CURLE_ABORTED_BY_CALLBACK:
        return explain_abort(easy, transfer, res, err);
    case CURLE_OPERATION_TIMEDOUT:
        return explain_timeout(transfer, err);
    case CURLE_WRITE_ERROR: /* on_header() or on_body() said stop */
    case CURLE_FILESIZE_EXCEEDED:
        return explain_size(transfer, err);
    case CURLE_OUT_OF_MEMORY:
        return flow_error_set(err, FLOW_E_INTERNAL, APR_ENOMEM, "out_of_memory",
                              "out of memory for a call to %s", where);
    case CURLE_PEER_FAILED_VERIFICATION:
        return flow_error_set(err, FLOW_E_CONFIG, APR_EGENERAL, "tls_failed",
                              "the certificate of %s does not verify: %s",
                              where, certificate_problem(easy));
    case CURLE_SSL_CACERT_BADFILE:
        return flow_error_set(err, FLOW_E_CONFIG, APR_EGENERAL, "tls_failed",
                              "%s cannot be verified: this system's "
                              "certificate store cannot be read; install "
                              "'ca-certificates'",
                              where);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                              "tls_failed", "no TLS connection with %s: %s",
                              where, curl_easy_strerror(res));
    case CURLE_URL_MALFORMAT:
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "url_invalid",
                              "the URL for %s is not valid", where);
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: /* an answer as in HTTP/0.9 */
    case CURLE_BAD_CONTENT_ENCODING:
        return flow_error_set(err, FLOW_E_REFUSED, APR_EGENERAL,
                              "response_invalid",
                              "the answer from %s is not valid HTTP: %s", where,
                              curl_easy_strerror(res));
    default:
        return explain_connection(easy, transfer, res, err);
    }
}

static void read_answer(CURL *easy, flow_http_response_t *resp, apr_pool_t *p)
{
    struct curl_header *header = NULL;
    const char *coding;
    long status = 0;

    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    resp->status = (int)status;
    resp->headers = apr_table_make(p, 16);

    /* the last answer's own: no interim ones (1xx), no trailers */
    while ((header = curl_easy_nextheader(easy, CURLH_HEADER, -1, header))) {
        /* of a value that is only blanks some versions of curl leave a \r */
        apr_table_add(resp->headers, header->name,
                      header->value + strspn(header->value, " \t\r\n"));
    }
    coding = apr_table_get(resp->headers, "Content-Encoding");
    if (coding && strcasecmp(coding, "identity")) {
        /* they speak of bytes that nobody will see */
        apr_table_unset(resp->headers, "Content-Encoding");
        apr_table_unset(resp->headers, "Content-Length");
    }
}

apr_status_t flow_http_call(flow_http_handle_t *handle, flow_http_call_t *call,
                            flow_http_response_t *resp, apr_pool_t *p,
                            flow_error_t *err)
{
    apr_int64_t left = apr_time_as_msec(call->req->deadline - flow_clock());
    transfer_t transfer = { .call = call };
    struct curl_slist *headers;
    apr_status_t rv = APR_SUCCESS;
    CURLcode res;
    CURL *easy;

    /* less than 1 ms would round to 0, which libcurl reads as "no limit" */
    if (left < 1) {
        return explain_timeout(&transfer, err);
    }
    left = left > 0x7fffffff ? 0x7fffffff : left;
    if (call->proxy && !flow_egress_check_name(call->egress, call->url->host,
                                               call->req->trusted_host)) {
        transfer.is_refused = 1;
        return explain(NULL, &transfer, CURLE_COULDNT_CONNECT, err);
    }

    headers = header_lines(call, p);
    easy = headers ? curl_easy_init() : NULL;
    if (!easy) {
        curl_slist_free_all(headers);
        return explain(NULL, &transfer, CURLE_OUT_OF_MEMORY, err);
    }
    curl_easy_setopt(easy, CURLOPT_SHARE, handle->share);
    set_options(easy, &transfer, headers);
    set_method(easy, call->req);
    set_limits(easy, call->req, (long)left);

    res = curl_easy_perform(easy);
    if (res == CURLE_OK && !transfer.is_head_done) {
        /* libcurl takes the headers that came for all of them */
        rv = explain_lost(&transfer, err);
    }
    else if (res == CURLE_OK) {
        read_answer(easy, resp, p);
        if (resp->status < 100) {
            /* curl takes some broken status lines for an answer without one */
            rv = explain(easy, &transfer, CURLE_WEIRD_SERVER_REPLY, err);
        }
    }
    else {
        rv = explain(easy, &transfer, res, err);
    }

    curl_easy_cleanup(easy); /* the share keeps the connections */
    curl_slist_free_all(headers);
    return rv;
}

apr_status_t flow_http_global_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? APR_SUCCESS
                                                             : APR_EGENERAL;
}

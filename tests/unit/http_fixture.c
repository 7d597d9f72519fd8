/* SPDX-License-Identifier: Apache-2.0 */
#include "http_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))

#define BOMB_BLOCKS 40000 /* of 258 bytes: 10 MB */

/* clang-format off */
static const struct { const char *path, *answer; int is_kept; } answers[] = {
    { "/ok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: 1\r\nx-a: 2\r\n\r\n"
             "ok", 1 },
    { "/empty",  "HTTP/1.1 204 No Content\r\n\r\n", 1 },
    { "/absent", "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone", 1 },
    { "/broken", "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", 1 },
    { "/chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "3\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: t\r\n\r\n", 1 },
    { "/early", "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n"
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nX-Late: 1\r\n\r\nx", 1 },
    { "/close", "HTTP/1.1 200 OK\r\n\r\nuntil the end", 0 },
    { "/head",  "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", 1 },
    { "/nothing", "", 0 },
    { "/short",   "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", 0 },
    { "/garbage", "220 ready to serve mail\r\n\r\n", 0 },
    { "/no-status", "HTTP/2-1 303 F\r\nLocation: x\r\n\r\nabc", 0 },
    { "/unknown-coding", "HTTP/1.1 200 OK\r\nContent-Encoding: rot13\r\n"
                         "Content-Length: 2\r\n\r\nbx", 0 },
    { "/to-ok",   "HTTP/1.1 302 Found\r\nContent-Length: 4\r\n"
                  "Location: /ok\r\n\r\ngone", 1 },
    { "/to-self", "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n"
                  "Location: to-self\r\n\r\n", 1 },
    { "/to-4",    "HTTP/1.1 301 M\r\nContent-Length: 0\r\nLocation: to-3\r\n\r\n", 1 },
    { "/to-3",    "HTTP/1.1 303 M\r\nContent-Length: 0\r\nLocation: to-2\r\n\r\n", 1 },
    { "/to-2",    "HTTP/1.1 307 M\r\nContent-Length: 0\r\nLocation: to-1\r\n\r\n", 1 },
    { "/to-1",    "HTTP/1.1 308 M\r\nContent-Length: 0\r\nLocation: to-ok\r\n\r\n", 1 },
    { "/to-file", "HTTP/1.1 302 F\r\nContent-Length: 0\r\n"
                  "Location: file:///etc/secret\r\n\r\n", 1 },
    { "/to-nowhere", "HTTP/1.1 302 F\r\nContent-Length: 0\r\n\r\n", 1 },
};
/* clang-format on */

static void answer_text(int fd, const char *text)
{
    loopback_write(fd, text, strlen(text));
}

static void answer_repeated(int fd, const char *head, int count)
{
    int i;

    answer_text(fd, head);
    for (i = 0; i < count; ++i) {
        answer_text(fd, "0123456789");
    }
}

/* Without a compressor: the same 15 bytes stored, in gzip's wrapping. */
static void answer_gzip(int fd)
{
    static const char body[] = "HTTP/1.1 200 OK\r\nContent-Encoding: "
                               "gzip\r\nContent-Length: 38\r\n\r\n"
                               "\x1f\x8b\x08\0\0\0\0\0\0\x03"
                               "\x01\x0f\0\xf0\xff"
                               "{\"price\":19.90}"
                               "\xa2\xdf\xbb\x18\x0f\0\0";

    loopback_write(fd, body, sizeof(body));
}

static int path_is(const char *request, const char *path)
{
    const char *at = strchr(request, ' ');
    size_t len = strlen(path);

    return at && !strncmp(at + 1, path, len) && strchr(" ?", at[1 + len]);
}

static void answer_redirect(int fd, const char *host, int port)
{
    char text[256];

    snprintf(text, sizeof(text),
             "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n"
             "Location: http://%s:%d/ok?secret\r\n\r\n",
             host, port);
    answer_text(fd, text);
}

int http_fixture_answer(loopback_t *server, int fd, const char *request,
                        void *baton)
{
    http_fixture_t *f = baton;
    size_t i;

    (void)server;
    for (i = 0; i < COUNT(answers); ++i) {
        if (path_is(request, answers[i].path)) {
            answer_text(fd, answers[i].answer);
            return answers[i].is_kept;
        }
    }
    if (path_is(request, "/big")) {
        answer_repeated(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n",
                        400);
        return 1;
    }
    if (path_is(request, "/endless")) {
        answer_repeated(fd, "HTTP/1.1 200 OK\r\n\r\n", 400);
    }
    else if (path_is(request, "/headers")) {
        answer_repeated(fd,
                        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ", 4000);
        for (i = 0; i < 200; ++i) {
            answer_repeated(fd, "\r\nX: ", 40);
        }
    }
    else if (path_is(request, "/gzip")) {
        answer_gzip(fd);
        return 1;
    }
    else if (path_is(request, "/bomb")) {
        answer_text(fd, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n");
        loopback_write(fd, f->bomb, f->bomb_len);
    }
    else if (path_is(request, "/slow") || request[0] == 0x16) {
        loopback_wait_closed(fd);
    }
    else if (path_is(request, "/half")) {
        answer_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        loopback_wait_closed(fd);
    }
    else if (path_is(request, "/half-head")) {
        answer_text(fd, "HTTP/1.1 200 OK\r\nContent-Ty");
        return 0;
    }
    else if (path_is(request, "/to-b")) {
        answer_redirect(fd, "127.0.0.1", loopback_port(f->b));
        return 1;
    }
    else if (path_is(request, "/to-dead")) {
        answer_redirect(fd, "127.0.0.1", 1);
        return 1;
    }
    else if (path_is(request, "/to-localhost")) {
        answer_redirect(fd, "localhost", loopback_port(f->b));
        return 1;
    }
    else if (path_is(request, "/once")) {
        /* promises to stay open, and is closed by the next request */
        answer_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        return 1;
    }
    return 0;
}

static void put_bits(http_fixture_t *f, size_t *at, unsigned bits, int count)
{
    for (; count--; bits >>= 1, ++*at) {
        f->bomb[*at / 8] |= (unsigned char)((bits & 1) << (*at % 8));
    }
}

/* A deflate block: one zero, then copies of 258 bytes from one byte back. In
 * the fixed code that is 00110000, and 11000101 00000 each. */
static void make_bomb(http_fixture_t *f)
{
    static const unsigned char head[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3 };
    size_t at = 8 * sizeof(head);
    int i;

    memcpy(f->bomb, head, sizeof(head));
    put_bits(f, &at, 3, 3);
    put_bits(f, &at, 0x0c, 8);
    for (i = 0; i < BOMB_BLOCKS; ++i) {
        put_bits(f, &at, 0xa3, 8);
        put_bits(f, &at, 0, 5);
    }
    put_bits(f, &at, 0, 7);
    f->bomb_len = (at + 7) / 8;
}

flow_http_request_t http_fixture_request(http_fixture_t *f, const char *method,
                                         const char *path)
{
    flow_http_request_t req = { 0 };

    req.affinity = "shop";
    req.method = method;
    req.url = apr_psprintf(f->p, "http://127.0.0.1:%d%s?key=secret",
                           loopback_port(f->a), path);
    req.trusted_host = "127.0.0.1";
    req.deadline = apr_time_now() + apr_time_from_sec(5);
    req.max_response = 1000;
    return req;
}

flow_http_response_t http_fixture_perform(http_fixture_t *f,
                                          const flow_http_request_t *req)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_http_response_t resp;

    if (flow_http_perform(f->client, req, &resp, f->p, &err) != APR_SUCCESS) {
        fail_msg("%s %s: %s: %s", req->method, req->url, err.code, err.message);
    }
    assert_int_equal(resp.body[resp.body_len], '\0');
    return resp;
}

void http_fixture_expect_failure(http_fixture_t *f,
                                 const flow_http_request_t *req,
                                 flow_error_kind_e kind, apr_status_t status,
                                 const char *code)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_http_response_t resp;
    apr_status_t rv = flow_http_perform(f->client, req, &resp, f->p, &err);

    if (rv == APR_SUCCESS || rv != err.status || err.kind != kind ||
        strcmp(err.code, code) || (status && rv != status)) {
        fail_msg("%s: wanted %s, got status %d, kind %d, %s: %s",
                 req->url ? req->url : "(no URL)", code, rv, (int)err.kind,
                 err.code, err.message);
    }
    assert_null(strstr(err.message, "secret"));
}

int http_fixture_setup(void **state)
{
    http_fixture_t *f = calloc(1, sizeof(*f));

    *state = f;
    make_bomb(f);
    f->a = loopback_start(http_fixture_answer, f);
    f->b = loopback_start(http_fixture_answer, f);
    return !f->a || !f->b || apr_pool_create(&f->p, NULL) != APR_SUCCESS ||
           flow_http_global_init() != APR_SUCCESS ||
           flow_http_client_create(&f->client, NULL, f->p, NULL) != APR_SUCCESS;
}

int http_fixture_teardown(void **state)
{
    http_fixture_t *f = *state;

    apr_pool_destroy(f->p);
    loopback_stop(f->a);
    loopback_stop(f->b);
    free(f);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HTTP_FIXTURE_H
#define HTTP_FIXTURE_H

#include "base/flow_http.h"

#include "loopback.h"

#define HTTP_FIXTURE_BOMB_MAX 65536

/**
 * What the tests of the HTTP client start from: a client and two servers,
 * since a redirect to another port is one to another origin. The servers
 * answer by the path, see http_fixture.c.
 */
typedef struct http_fixture_t {
    apr_pool_t *p;
    loopback_t *a;
    loopback_t *b;
    flow_http_client_t *client;
    unsigned char bomb[HTTP_FIXTURE_BOMB_MAX]; /* a gzip text of 10 MB */
    size_t bomb_len;
} http_fixture_t;

/** Group setup and teardown; *state is the fixture. */
int http_fixture_setup(void **state);
int http_fixture_teardown(void **state);

int http_fixture_answer(loopback_t *server, int fd, const char *request,
                        void *baton);

/** To server a, which is trusted; at most 1000 bytes, within 5 seconds. The
 * query holds the word "secret". */
flow_http_request_t http_fixture_request(http_fixture_t *f, const char *method,
                                         const char *path);
/** The answer, or the test fails. */
flow_http_response_t http_fixture_perform(http_fixture_t *f,
                                          const flow_http_request_t *req);
/** The test fails unless the call fails like this, with a message that does
 * not hold the word "secret". @a status 0 = any. */
void http_fixture_expect_failure(http_fixture_t *f,
                                 const flow_http_request_t *req,
                                 flow_error_kind_e kind, apr_status_t status,
                                 const char *code);

#endif

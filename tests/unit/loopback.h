/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOOPBACK_H
#define LOOPBACK_H

#include <stddef.h>

/**
 * A small HTTP server on 127.0.0.1 inside a test program: a thread that
 * accepts and one per connection. It reads whole requests and leaves the
 * answer to a function of the test.
 */
typedef struct loopback_t loopback_t;

/**
 * Answer @a request (NUL-terminated, head and body) by writing to @a fd with
 * loopback_write(). Runs on a connection's thread.
 * @return 1 = keep the connection, 0 = close it
 */
typedef int loopback_answer_fn(loopback_t *server, int fd, const char *request,
                               void *baton);

loopback_t *loopback_start(loopback_answer_fn *answer, void *baton);
/** Ends all connections and threads. */
void loopback_stop(loopback_t *server);

int loopback_port(const loopback_t *server);
int loopback_connections(loopback_t *server); /* accepted so far */
int loopback_requests(loopback_t *server);    /* read so far */
/** The last request, head and body. */
void loopback_last(loopback_t *server, char *out, size_t size);

void loopback_write(int fd, const void *data, size_t len);
/** Sleep until the client has closed, 2 seconds at most. */
void loopback_wait_closed(int fd);

#endif

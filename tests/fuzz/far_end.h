/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAR_END_H
#define FAR_END_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/**
 * A server on 127.0.0.1 in a thread of the fuzzer: it reads a request's head
 * and writes what far_end_answer() gives for it. One connection a request.
 */
#define FAR_END_HEAD 65536

/* The client's idle handles hang on a pool, and pools may lie in memory that
 * the leak detector does not look at. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

/** Writes the answer for the request @a head to @a fd; @a data is the input
 * as far_end_set() was given it last, a copy. */
static void far_end_answer(int fd, const char *head, const uint8_t *data,
                           size_t len);

/* The server may still be busy with an answer that the client has left when
 * the next input comes, so it has a copy of its own. */
static pthread_mutex_t far_end_lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t *far_end_data;
static size_t far_end_len;

static void far_end_set(const uint8_t *data, size_t len)
{
    pthread_mutex_lock(&far_end_lock);
    free(far_end_data);
    far_end_data = malloc(len + 1);
    far_end_len = far_end_data ? len : 0;
    if (len && far_end_data) {
        memcpy(far_end_data, data, len);
    }
    pthread_mutex_unlock(&far_end_lock);
}

static int far_end_port;
static int far_end_socket;

static void far_end_write(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

        if (n <= 0) {
            return;
        }
        at += n;
        len -= (size_t)n;
    }
}

static void *far_end_main(void *baton)
{
    static char head[FAR_END_HEAD + 1];

    (void)baton;
    for (;;) {
        int fd = accept(far_end_socket, NULL, NULL);
        uint8_t *copy;
        size_t len = 0;
        ssize_t n = 1;

        if (fd < 0) {
            continue;
        }
        head[0] = '\0';
        while (n > 0 && len < FAR_END_HEAD && !strstr(head, "\r\n\r\n")) {
            n = read(fd, head + len, FAR_END_HEAD - len);
            len += n > 0 ? (size_t)n : 0;
            head[len] = '\0';
        }
        if (len) {
            pthread_mutex_lock(&far_end_lock);
            len = far_end_len;
            copy = malloc(len + 1);
            if (copy && len) {
                memcpy(copy, far_end_data, len);
            }
            pthread_mutex_unlock(&far_end_lock);
            far_end_answer(fd, head, copy, copy ? len : 0);
            free(copy);
        }
        shutdown(fd, SHUT_WR);
        while (read(fd, head, FAR_END_HEAD) > 0) {
        }
        close(fd);
    }
    return NULL;
}

static void far_end_start(void)
{
    struct sockaddr_in in = { .sin_family = AF_INET };
    socklen_t len = sizeof(in);
    pthread_t thread;

    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    far_end_socket = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(far_end_socket, (struct sockaddr *)&in, sizeof(in)) ||
        listen(far_end_socket, 16) ||
        getsockname(far_end_socket, (struct sockaddr *)&in, &len) ||
        pthread_create(&thread, NULL, far_end_main, NULL)) {
        abort();
    }
    far_end_port = ntohs(in.sin_port);
}

#endif

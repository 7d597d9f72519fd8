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

/** Writes the answer for the request @a head to @a fd. */
static void far_end_answer(int fd, const char *head);

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
            far_end_answer(fd, head);
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "loopback.h"

#include <pthread.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define CONNECTIONS_MAX 256
#define REQUEST_MAX     65536

typedef struct connection_t {
    loopback_t *server;
    pthread_t thread;
    int fd; /* -1 once closed; under the server's lock */
} connection_t;

struct loopback_t {
    loopback_answer_fn *answer;
    void *baton;
    int fd;
    int port;
    pthread_t thread;
    pthread_mutex_t lock; /* for what follows */
    connection_t connections[CONNECTIONS_MAX];
    int connection_count;
    int request_count;
    char last[REQUEST_MAX];
};

void loopback_write(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

        if (n <= 0) {
            return;
        }
        at += n;
        len -= (size_t)n;
    }
}

void loopback_wait_closed(int fd)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };

    poll(&pfd, 1, 2000);
}

/* Length of the request at the start of the text, 0 if it is not all there. */
static size_t whole_request(const char *text, size_t len)
{
    const char *end = strstr(text, "\r\n\r\n"), *field;
    size_t need;

    if (!end) {
        /* a TLS hello has no such end */
        return len && text[0] == 0x16 ? len : 0;
    }
    need = (size_t)(end - text) + 4;
    field = strcasestr(text, "\r\nContent-Length:");
    if (field && field < end) {
        need += strtoul(field + strlen("\r\nContent-Length:"), NULL, 10);
    }
    return need <= len ? need : 0;
}

static int serve(loopback_t *server, int fd, const char *request, size_t size)
{
    pthread_mutex_lock(&server->lock);
    memcpy(server->last, request, size + 1);
    ++server->request_count;
    pthread_mutex_unlock(&server->lock);
    return server->answer(server, fd, request, server->baton);
}

static void *run_connection(void *data)
{
    connection_t *connection = data;
    loopback_t *server = connection->server;
    int fd = connection->fd, is_open = 1;
    char *text = calloc(1, REQUEST_MAX);
    size_t len = 0;

    while (is_open && text) {
        size_t size = whole_request(text, len);
        ssize_t n;

        if (size) {
            char rest = text[size];

            text[size] = '\0';
            is_open = serve(server, fd, text, size);
            text[size] = rest;
            len -= size;
            memmove(text, text + size, len + 1);
            continue;
        }
        n = recv(fd, text + len, REQUEST_MAX - 1 - len, 0);
        if (n <= 0) {
            break;
        }
        len += (size_t)n;
        text[len] = '\0';
    }
    free(text);
    pthread_mutex_lock(&server->lock);
    close(fd);
    connection->fd = -1;
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

static void *run_server(void *data)
{
    loopback_t *server = data;

    for (;;) {
        int fd = accept(server->fd, NULL, NULL), on = 1;
        connection_t *connection;

        if (fd < 0 || server->connection_count == CONNECTIONS_MAX) {
            if (fd >= 0) {
                close(fd);
            }
            return NULL;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        pthread_mutex_lock(&server->lock);
        connection = &server->connections[server->connection_count++];
        connection->server = server;
        connection->fd = fd;
        pthread_create(&connection->thread, NULL, run_connection, connection);
        pthread_mutex_unlock(&server->lock);
    }
}

loopback_t *loopback_start(loopback_answer_fn *answer, void *baton)
{
    loopback_t *server = calloc(1, sizeof(*server));
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof(address);

    if (!server) {
        return NULL;
    }
    server->answer = answer;
    server->baton = baton;
    pthread_mutex_init(&server->lock, NULL);
    server->fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (server->fd < 0 ||
        bind(server->fd, (struct sockaddr *)&address, size) != 0 ||
        listen(server->fd, 64) != 0 ||
        getsockname(server->fd, (struct sockaddr *)&address, &size) != 0 ||
        pthread_create(&server->thread, NULL, run_server, server) != 0) {
        perror("loopback server");
        free(server);
        return NULL;
    }
    server->port = ntohs(address.sin_port);
    return server;
}

void loopback_stop(loopback_t *server)
{
    int i;

    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->fd);

    pthread_mutex_lock(&server->lock);
    for (i = 0; i < server->connection_count; ++i) {
        if (server->connections[i].fd >= 0) {
            shutdown(server->connections[i].fd, SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&server->lock);
    for (i = 0; i < server->connection_count; ++i) {
        pthread_join(server->connections[i].thread, NULL);
    }
    pthread_mutex_destroy(&server->lock);
    free(server);
}

int loopback_port(const loopback_t *server)
{
    return server->port;
}

int loopback_connections(loopback_t *server)
{
    int count;

    pthread_mutex_lock(&server->lock);
    count = server->connection_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

int loopback_requests(loopback_t *server)
{
    int count;

    pthread_mutex_lock(&server->lock);
    count = server->request_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

void loopback_last(loopback_t *server, char *out, size_t size)
{
    pthread_mutex_lock(&server->lock);
    snprintf(out, size, "%s", server->last);
    pthread_mutex_unlock(&server->lock);
}

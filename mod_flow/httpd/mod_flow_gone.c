/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the client still there? An API may work for minutes on an answer, reading
 * pages of a far end; when nobody waits for it any more the work is given up.
 *
 * Request threads are busy meanwhile, so one thread of the child looks twice a
 * second at the sockets of those calls. A client that has closed its side, even
 * if only for writing, counts as gone, as it does for other servers.
 */
#include "httpd/mod_flow_private.h"

#include <apr_portable.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>
#include <signal.h>
#include <sys/socket.h>

#define LOOK_EVERY apr_time_from_msec(500)

static struct {
    apr_thread_mutex_t *lock; /* guards what follows */
    apr_thread_cond_t *wake;
    mod_flow_watch_t *first;
    apr_thread_t *thread;
    int is_stopping;
} watcher;

static int has_closed(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void *APR_THREAD_FUNC watch_main(apr_thread_t *thread, void *data)
{
    mod_flow_watch_t *w;

    (void)thread;
    (void)data;
    apr_thread_mutex_lock(watcher.lock);
    while (!watcher.is_stopping) {
        if (!watcher.first) {
            apr_thread_cond_wait(watcher.wake, watcher.lock);
            continue;
        }
        for (w = watcher.first; w; w = w->next) {
            /* In the list a socket is open: its request has not ended. */
            if (!w->gone && has_closed(w->fd)) {
                __atomic_store_n(&w->gone, 1, __ATOMIC_RELAXED);
            }
        }
        apr_thread_cond_timedwait(watcher.wake, watcher.lock, LOOK_EVERY);
    }
    apr_thread_mutex_unlock(watcher.lock);
    return NULL;
}

static apr_status_t stop(void *data)
{
    apr_status_t rv;

    (void)data;
    apr_thread_mutex_lock(watcher.lock);
    watcher.is_stopping = 1;
    apr_thread_cond_broadcast(watcher.wake);
    apr_thread_mutex_unlock(watcher.lock);
    return apr_thread_join(&rv, watcher.thread);
}

apr_status_t mod_flow_gone_start(apr_pool_t *pchild)
{
    sigset_t all, before;
    apr_status_t rv;

    memset(&watcher, 0, sizeof(watcher));
    rv = apr_thread_mutex_create(&watcher.lock, APR_THREAD_MUTEX_DEFAULT,
                                 pchild);
    if (rv == APR_SUCCESS) {
        rv = apr_thread_cond_create(&watcher.wake, pchild);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    /* The server's signals belong to its own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rv = apr_thread_create(&watcher.thread, NULL, watch_main, NULL, pchild);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rv == APR_SUCCESS) {
        apr_pool_pre_cleanup_register(pchild, NULL, stop);
    }
    return rv;
}

void mod_flow_gone_watch(mod_flow_watch_t *w, request_rec *r)
{
    conn_rec *c = r->connection->master ? r->connection->master : r->connection;
    apr_socket_t *socket = ap_get_conn_socket(c);

    memset(w, 0, sizeof(*w));
    if (!watcher.thread || !socket ||
        apr_os_sock_get(&w->fd, socket) != APR_SUCCESS) {
        return;
    }
    w->is_listed = 1;
    apr_thread_mutex_lock(watcher.lock);
    w->next = watcher.first;
    watcher.first = w;
    if (!w->next) {
        apr_thread_cond_signal(watcher.wake);
    }
    apr_thread_mutex_unlock(watcher.lock);
}

void mod_flow_gone_leave(mod_flow_watch_t *w)
{
    mod_flow_watch_t **at;

    if (!w->is_listed) {
        return;
    }
    apr_thread_mutex_lock(watcher.lock);
    for (at = &watcher.first; *at != w; at = &(*at)->next) {
    }
    *at = w->next;
    apr_thread_mutex_unlock(watcher.lock);
}

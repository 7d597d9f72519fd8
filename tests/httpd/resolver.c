/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A name server that cannot be trusted, in the place of the system's: loaded
 * before libc by a test.
 *
 *   NAME.turns.test   127.0.0.2 the first time it is asked for, then 127.0.0.1
 *   NAME.inner.test   127.0.0.1
 *   NAME.both.test    127.0.0.1 and 127.0.0.2 at once, the inner one first
 *
 * All other names are the system's. What was asked is appended to the file
 * that RESOLVER_LOG names.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMES_MAX 64

typedef int resolve_fn(const char *, const char *, const struct addrinfo *,
                       struct addrinfo **);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char seen[NAMES_MAX][64];
static int nseen;

/* How often it has been asked for before. */
static int times(const char *name)
{
    int i, n = 0;

    pthread_mutex_lock(&lock);
    for (i = 0; i < nseen; ++i) {
        n += strcmp(seen[i], name) == 0;
    }
    if (nseen < NAMES_MAX) {
        snprintf(seen[nseen++], sizeof(seen[0]), "%s", name);
    }
    pthread_mutex_unlock(&lock);
    return n;
}

static void note(const char *name, const char *address)
{
    const char *path = getenv("RESOLVER_LOG");
    char line[128];
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0666) : -1;

    if (fd >= 0) {
        int n = snprintf(line, sizeof(line), "%s %s\n", name, address);

        if (write(fd, line, (size_t)n) != n) {
            abort();
        }
        close(fd);
    }
}

static int is_below(const char *name, const char *domain)
{
    size_t n = strlen(name), d = strlen(domain);

    return n > d && strcmp(name + n - d, domain) == 0;
}

int getaddrinfo(const char *name, const char *service,
                const struct addrinfo *hints, struct addrinfo **result)
{
    resolve_fn *real;
    struct addrinfo *more = NULL, *last;
    int turns = name && is_below(name, ".turns.test"), rc;
    int both = name && is_below(name, ".both.test");
    const char *first;

    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (!turns && !both && !(name && is_below(name, ".inner.test"))) {
        return real(name, service, hints, result);
    }
    first = turns && times(name) == 0 ? "127.0.0.2" : "127.0.0.1";
    note(name, first);
    rc = real(first, service, hints, result);
    if (rc == 0 && both && real("127.0.0.2", service, hints, &more) == 0) {
        for (last = *result; last->ai_next; last = last->ai_next) {
        }
        last->ai_next = more;
    }
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "script/flow_guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

/* Four pages: finer pieces save little copying and cost faults and entries in
 * the system's list of mappings, of which a process may have 65,530. */
#define PIECE_MIN ((size_t)16 << 10)

/* Learn anew after so many rounds; soon when most of the block was written
 * to, as it is by a garbage collection. */
#define ROUNDS      1024
#define ROUNDS_MANY 32

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction previous;

/* As in flow_stop.c: the handler reads it. */
static __thread flow_guard_t *current
    __attribute__((tls_model("initial-exec")));

static size_t piece_len(const flow_guard_t *guard, size_t i)
{
    size_t from = i * guard->piece;

    return guard->len - from < guard->piece ? guard->len - from : guard->piece;
}

/* Async-signal-safe. Is the fault at @a addr this guard's, and done with? */
static int open_piece(flow_guard_t *guard, const unsigned char *addr)
{
    size_t i;

    if (!guard->is_on || addr < guard->base ||
        addr >= guard->base + guard->len) {
        return 0;
    }
    i = (size_t)(addr - guard->base) / guard->piece;
    if (guard->written[i]) {
        return 0; /* it is writable: this is some other fault */
    }
    if (mprotect(guard->base + i * guard->piece, piece_len(guard, i),
                 PROT_READ | PROT_WRITE) == 0) {
        guard->written[i] = 1;
        ++guard->n_written;
        return 1;
    }
    /* too many mappings: all of the block becomes one again */
    if (mprotect(guard->base, guard->len, PROT_READ | PROT_WRITE) == 0) {
        guard->is_on = 0;
        return 1;
    }
    return 0;
}

/* To whoever had the signal before us. Theirs may hand faults on to us in turn,
 * when they took the signal after we had it first: that is the end of it. */
static void pass_on(int signo, siginfo_t *info, void *context)
{
    static __thread volatile int passing
        __attribute__((tls_model("initial-exec")));

    if (!passing && (previous.sa_flags & SA_SIGINFO) && previous.sa_sigaction) {
        passing = 1;
        previous.sa_sigaction(signo, info, context);
        passing = 0;
        return;
    }
    /* the instruction faults again, and that one is handled as without us */
    if (passing || (previous.sa_flags & SA_SIGINFO)) {
        signal(SIGSEGV, SIG_DFL);
        return;
    }
    sigaction(SIGSEGV, &previous, NULL);
}

static void handle_fault(int signo, siginfo_t *info, void *context)
{
    int saved = errno;
    flow_guard_t *guard;

    for (guard = current; guard; guard = guard->outer) {
        if (open_piece(guard, info->si_addr)) {
            errno = saved;
            return;
        }
    }
    pass_on(signo, info, context);
}

static int handler_is_ours(void)
{
    struct sigaction now;

    return sigaction(SIGSEGV, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) &&
           now.sa_sigaction == handle_fault;
}

/* Also after somebody else took the signal. */
static int have_handler(void)
{
    struct sigaction ours;
    int rc = 1;

    if (handler_is_ours()) {
        return 1;
    }
    memset(&ours, 0, sizeof(ours));
    ours.sa_sigaction = handle_fault;
    /* on the stack that the fault came on: it is a few hundred bytes */
    ours.sa_flags = SA_SIGINFO;
    sigfillset(&ours.sa_mask);
    pthread_mutex_lock(&lock);
    if (!handler_is_ours()) {
        rc = sigaction(SIGSEGV, NULL, &previous) == 0 &&
             sigaction(SIGSEGV, &ours, NULL) == 0;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

/* A module that is unloaded takes its code with it. */
__attribute__((destructor)) static void forget_handler(void)
{
    if (handler_is_ours()) {
        sigaction(SIGSEGV, &previous, NULL);
    }
}

static void protect(flow_guard_t *guard)
{
    guard->rounds = guard->n_written = 0;
    memset(guard->written, 0, sizeof(guard->written));
    guard->is_on =
        have_handler() && mprotect(guard->base, guard->len, PROT_READ) == 0;
}

void flow_guard_start(flow_guard_t *guard, void *base, size_t len)
{
    guard->base = base;
    guard->len = len;
    guard->piece = PIECE_MIN;
    while (len / guard->piece >= FLOW_GUARD_PIECES) {
        guard->piece *= 2;
    }
    protect(guard);
}

void flow_guard_stop(flow_guard_t *guard)
{
    if (guard->is_on) {
        (void)mprotect(guard->base, guard->len, PROT_READ | PROT_WRITE);
        guard->is_on = 0;
    }
}

void flow_guard_enter(flow_guard_t *guard)
{
    if (guard->is_on && !have_handler()) {
        flow_guard_stop(guard);
    }
    guard->outer = current;
    current = guard;
}

void flow_guard_leave(flow_guard_t *guard)
{
    current = guard->outer;
}

void flow_guard_again(flow_guard_t *guard)
{
    unsigned many = (unsigned)(guard->len / guard->piece * 3 / 4);

    ++guard->rounds;
    if (guard->is_on &&
        guard->rounds >= (guard->n_written > many ? ROUNDS_MANY : ROUNDS)) {
        protect(guard);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "script/flow_guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

/* Four pages: finer pieces save little copying and cost faults and entries in
 * the system's list of mappings, of which a process may have 65,530. */
#define PIECE_MIN ((size_t)16 << 10)

/* Learn anew after so many rounds; soon when most of the block was written
 * to, as it is by a garbage collection. */
#define ROUNDS      1024
#define ROUNDS_MANY 32

/* Of all guards: a quarter of the mappings that a process may have, as each
 * piece needs two at most. The rest is everybody else's. */
#define PIECES_MAX 8192u

/* Whoever had the signal before us, oldest first: several when somebody takes it
 * and we take it back. Entries never change once they count, so the handler
 * reads them without a lock. */
#define HANDLERS_MAX 8

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction handlers[HANDLERS_MAX];
static atomic_int n_handlers;
static atomic_uint n_pieces;
static atomic_int is_allowed;

/* As in flow_stop.c: the handler reads it. */
static __thread flow_guard_t *current
    __attribute__((tls_model("initial-exec")));

static size_t piece_len(const flow_guard_t *guard, size_t i)
{
    size_t from = i * guard->piece;

    return guard->len - from < guard->piece ? guard->len - from : guard->piece;
}

static void forget_pieces(flow_guard_t *guard)
{
    atomic_fetch_sub(&n_pieces, guard->n_written);
    guard->n_written = 0;
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
    if (atomic_load(&n_pieces) < PIECES_MAX &&
        mprotect(guard->base + i * guard->piece, piece_len(guard, i),
                 PROT_READ | PROT_WRITE) == 0) {
        guard->written[i] = 1;
        ++guard->n_written;
        atomic_fetch_add(&n_pieces, 1);
        return 1;
    }
    /* too many mappings: all of the block becomes one again */
    if (mprotect(guard->base, guard->len, PROT_READ | PROT_WRITE) == 0) {
        guard->is_on = 0;
        forget_pieces(guard);
        return 1;
    }
    return 0;
}

/* kill() and its like; nothing faults again when their handler returns. */
static int was_sent(const siginfo_t *info)
{
    return info->si_code <= 0;
}

static void give_up(const siginfo_t *info)
{
    signal(SIGSEGV, SIG_DFL);
    if (was_sent(info)) {
        raise(SIGSEGV); /* comes when the handler has returned */
    }
}

/*
 * To whoever had the signal before us, as the system would have handed it to
 * them. Theirs may hand it on to us in turn, when they took the signal after we
 * had it first: then it is for those who had it before them. How far it got
 * stands in a member of the context that only makecontext() uses and that is
 * NULL in each new signal; a count of our own would be wrong from then on when
 * theirs leaves by a jump.
 */
static void pass_on(int signo, siginfo_t *info, ucontext_t *context)
{
    int passed = (int)(intptr_t)context->uc_link;
    int i = atomic_load(&n_handlers) - 1 - passed;
    const struct sigaction *to = &handlers[i < 0 ? 0 : i];
    int is_plain = !(to->sa_flags & SA_SIGINFO);
    sigset_t own;

    if (is_plain && to->sa_handler == SIG_IGN && was_sent(info)) {
        return;
    }
    if (i < 0 || (is_plain &&
                  (to->sa_handler == SIG_DFL || to->sa_handler == SIG_IGN))) {
        give_up(info); /* or the instruction faults again, unhandled */
        return;
    }
    if (to->sa_flags & SA_RESETHAND) {
        signal(SIGSEGV, SIG_DFL);
    }
    if (to->sa_flags & SA_NODEFER) {
        sigemptyset(&own);
        sigaddset(&own, SIGSEGV);
        pthread_sigmask(SIG_UNBLOCK, &own, NULL);
    }
    if (is_plain) {
        to->sa_handler(signo);
        return;
    }
    context->uc_link = (ucontext_t *)(intptr_t)(passed + 1);
    to->sa_sigaction(signo, info, context);
    context->uc_link = NULL;
}

static void handle_fault(int signo, siginfo_t *info, void *context)
{
    int saved = errno;
    flow_guard_t *guard = was_sent(info) ? NULL : current;

    for (; guard; guard = guard->outer) {
        if (open_piece(guard, info->si_addr)) {
            errno = saved;
            return;
        }
    }
    pass_on(signo, info, context);
    errno = saved;
}

static int is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) &&
           action->sa_sigaction == handle_fault;
}

static int is_same(const struct sigaction *a, const struct sigaction *b)
{
    if (((a->sa_flags ^ b->sa_flags) & ~SA_RESTART) != 0) {
        return 0;
    }
    return a->sa_flags & SA_SIGINFO ? a->sa_sigaction == b->sa_sigaction
                                    : a->sa_handler == b->sa_handler;
}

static int handler_is_ours(void)
{
    struct sigaction now;

    return sigaction(SIGSEGV, NULL, &now) == 0 && is_ours(&now);
}

static int take_signal(void)
{
    struct sigaction ours, now;
    int n = atomic_load(&n_handlers);

    if (sigaction(SIGSEGV, NULL, &now) != 0) {
        return 0;
    }
    if (is_ours(&now)) {
        return 1;
    }
    if (n == 0 || !is_same(&now, &handlers[n - 1])) {
        if (n == HANDLERS_MAX) {
            return 0; /* somebody wants it more than we do */
        }
        handlers[n] = now;
        atomic_store(&n_handlers, n + 1);
    }
    memset(&ours, 0, sizeof(ours));
    ours.sa_sigaction = handle_fault;
    /* On the thread's other stack when it has one: whoever made that one needs
     * it when the thread's own is full. */
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigfillset(&ours.sa_mask);
    return sigaction(SIGSEGV, &ours, NULL) == 0;
}

/* Also after somebody else took the signal. */
static int have_handler(void)
{
    int rc;

    if (handler_is_ours()) {
        return 1;
    }
    pthread_mutex_lock(&lock);
    rc = take_signal();
    pthread_mutex_unlock(&lock);
    return rc;
}

/* A module that is unloaded takes its code with it. */
__attribute__((destructor)) static void forget_handler(void)
{
    int n = atomic_load(&n_handlers);

    if (n > 0 && handler_is_ours()) {
        sigaction(SIGSEGV, &handlers[n - 1], NULL);
    }
}

/* Valgrind goes on after a fault with registers as they were at the start of a
 * piece of code, unless it is told otherwise. */
static int is_simulated(void)
{
    const char *preload = getenv("LD_PRELOAD");

    return preload && strstr(preload, "vgpreload");
}

void flow_guard_allow(int is_on)
{
    atomic_store(&is_allowed, is_on && !is_simulated());
}

static void protect(flow_guard_t *guard)
{
    forget_pieces(guard);
    guard->rounds = 0;
    memset(guard->written, 0, sizeof(guard->written));
    guard->is_on =
        have_handler() && mprotect(guard->base, guard->len, PROT_READ) == 0;
}

void flow_guard_start(flow_guard_t *guard, void *base, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    flow_guard_stop(guard);
    if (!atomic_load(&is_allowed) || len == 0 || (size_t)base % page ||
        len % page || PIECE_MIN % page) {
        return; /* the system would protect more than we know of */
    }
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
    forget_pieces(guard);
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/flow_clock.h"

#include <errno.h>
#include <time.h>

static apr_time_t offset; /* of the monotonic clock; 0 = not known yet */
static __thread const volatile apr_uint32_t *abort_flag;

static apr_time_t monotonic(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return apr_time_from_sec(ts.tv_sec) + ts.tv_nsec / 1000;
}

static apr_time_t get_offset(void)
{
    apr_time_t at = __atomic_load_n(&offset, __ATOMIC_RELAXED);
    apr_time_t mine;

    if (at) {
        return at;
    }
    mine = apr_time_now() - monotonic();
    return __atomic_compare_exchange_n(&offset, &at, mine, 0, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED)
               ? mine
               : at;
}

apr_time_t flow_clock(void)
{
    return monotonic() + get_offset();
}

static struct timespec as_timespec(apr_time_t until)
{
    apr_time_t t = until - get_offset();
    struct timespec ts = { 0, 0 };

    if (t > 0) {
        ts.tv_sec = (time_t)apr_time_sec(t);
        ts.tv_nsec = (long)apr_time_usec(t) * 1000;
    }
    return ts;
}

void flow_clock_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

int flow_clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock,
                         apr_time_t until)
{
    struct timespec ts = as_timespec(until);

    return pthread_cond_timedwait(cond, lock, &ts);
}

int flow_clock_sem_wait(sem_t *sem, apr_time_t until)
{
    struct timespec ts = as_timespec(until);
    int rc;

    do {
        rc = sem_clockwait(sem, CLOCK_MONOTONIC, &ts);
    } while (rc != 0 && errno == EINTR);
    return rc;
}

void flow_abort_watch(const volatile apr_uint32_t *flag)
{
    abort_flag = flag;
}

int flow_abort_asked(void)
{
    return abort_flag && __atomic_load_n(abort_flag, __ATOMIC_RELAXED) != 0;
}

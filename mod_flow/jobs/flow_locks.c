/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_locks.h"

#include <string.h>

#include <apr_hash.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_strings.h>

#include "jobs/flow_owner.h"

#define NAME_MAX_BYTES 400
#define LOOK_FIRST     apr_time_from_msec(10)
#define LOOK_MOST      apr_time_from_msec(250)
/* Of a holder on another machine nothing else is known but that its calls have
 * time limits. */
#define GRACE     apr_time_from_sec(300)
#define NAMES_MAX 200000

/* A name that is held; used again for others afterwards. */
typedef struct held_t {
    struct held_t *next; /* of the spare ones */
    char text[NAME_MAX_BYTES];
} held_t;

struct flow_locks_t {
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *freed;
    apr_pool_t *p;    /* of all below */
    apr_hash_t *held; /* "scope name" -> held_t */
    held_t *spare;
};

int flow_locks_fill(flow_jobs_t *jobs)
{
    apr_pool_t *p = jobs->p;
    flow_locks_t *locks = apr_pcalloc(p, sizeof(*locks));
    apr_pool_t *own; /* of the table, used under its lock only */

    if (apr_pool_create(&own, p) != APR_SUCCESS ||
        apr_thread_mutex_create(&locks->lock, APR_THREAD_MUTEX_DEFAULT, p) !=
            APR_SUCCESS ||
        apr_thread_cond_create(&locks->freed, p) != APR_SUCCESS) {
        return 0;
    }
    locks->p = own;
    locks->held = apr_hash_make(own);
    jobs->locks = locks;
    jobs->iface.lock = flow_locks_lock;
    jobs->iface.unlock = flow_locks_unlock;
    return 1;
}

/* ---- within the process ---- */

static const char *full_name(char *out, const char *scope, const char *name)
{
    apr_snprintf(out, NAME_MAX_BYTES, "%s %s", scope, name);
    return out;
}

static int any_held(const flow_locks_t *locks, const char *scope,
                    const char *const *names, int n)
{
    char space[NAME_MAX_BYTES];
    int i;

    for (i = 0; i < n; ++i) {
        if (apr_hash_get(locks->held, full_name(space, scope, names[i]),
                         APR_HASH_KEY_STRING)) {
            return 1;
        }
    }
    return 0;
}

static void put(flow_locks_t *locks, const char *scope,
                const char *const *names, int n)
{
    int i;

    for (i = 0; i < n; ++i) {
        held_t *h = locks->spare;

        if (h) {
            locks->spare = h->next;
        }
        else {
            h = apr_palloc(locks->p, sizeof(*h));
        }
        full_name(h->text, scope, names[i]);
        apr_hash_set(locks->held, h->text, APR_HASH_KEY_STRING, h);
    }
}

static void drop(flow_locks_t *locks, const char *scope,
                 const char *const *names, int n)
{
    char space[NAME_MAX_BYTES];
    int i;

    apr_thread_mutex_lock(locks->lock);
    for (i = 0; i < n; ++i) {
        held_t *h = apr_hash_get(locks->held, full_name(space, scope, names[i]),
                                 APR_HASH_KEY_STRING);

        if (h) {
            apr_hash_set(locks->held, space, APR_HASH_KEY_STRING, NULL);
            h->next = locks->spare;
            locks->spare = h;
        }
    }
    apr_thread_cond_broadcast(locks->freed);
    apr_thread_mutex_unlock(locks->lock);
}

static int enter(flow_jobs_t *jobs, const char *scope, const char *const *names,
                 int n, apr_time_t until)
{
    flow_locks_t *locks = jobs->locks;
    int is_mine = 0;

    apr_thread_mutex_lock(locks->lock);
    while (any_held(locks, scope, names, n) ||
           apr_hash_count(locks->held) > NAMES_MAX) {
        if (flow_clock() >= until || flow_jobs_is_stopping(jobs)) {
            apr_thread_mutex_unlock(locks->lock);
            return 0;
        }
        apr_thread_cond_timedwait(locks->freed, locks->lock, LOOK_MOST);
    }
    put(locks, scope, names, n);
    is_mine = 1;
    apr_thread_mutex_unlock(locks->lock);
    return is_mine;
}

/* ---- among processes ---- */

typedef struct lock_work_t {
    flow_work_t work;
    const flow_jobs_t *jobs;
    const char *scope;
    const char *const *names;
    int n;
    apr_time_t until;      /* by flow_clock(): the deadline of the calls */
    apr_int64_t row_until; /* by the store's clock */
    apr_pool_t *p;
} lock_work_t;

/* A row that is in our way: may it be taken? Rows of our own process are
 * leftovers, since no thread of it holds the name. */
static int is_left(const lock_work_t *w, flow_store_t *store, const char *owner,
                   apr_int64_t until)
{
    int is_local = strcmp(w->jobs->settings.driver, "sqlite3") == 0;

    if (strcmp(owner, w->jobs->owner) == 0) {
        return 1;
    }
    switch (flow_owner_state(owner, is_local)) {
    case FLOW_OWNER_DEAD:
        return 1;
    case FLOW_OWNER_ALIVE:
        return 0;
    case FLOW_OWNER_UNKNOWN:
        break;
    }
    return until < flow_store_clock(store);
}

static apr_status_t refuse(const lock_work_t *w, flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EAGAIN, "record_locked",
                          "import '%s': a record with the same idLockTemplate "
                          "key is in flight and has not come back in time",
                          w->scope);
}

static apr_status_t take_over(const lock_work_t *w, flow_store_t *store,
                              const char *name, flow_error_t *err)
{
    static const char look_sql[] = "SELECT owner, until FROM record_lock"
                                   " WHERE scope = %s AND name = %s";
    static const char take_sql[] =
        "UPDATE record_lock SET owner = %s, until = %lld"
        " WHERE scope = %s AND name = %s AND owner = %s AND until = %lld";
    flow_rows_t rows;
    apr_status_t rv;
    int n = 0;

    rv = flow_store_select(store, &rows, look_sql, FLOW_SQL(w->scope, name),
                           w->p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (flow_rows_next(&rows)) {
        const char *owner = flow_rows_text(&rows, 0);
        apr_int64_t until = flow_rows_int(&rows, 1);

        if (is_left(w, store, owner, until)) {
            rv = flow_store_exec(store, take_sql,
                                 FLOW_SQL(w->jobs->owner, &w->row_until,
                                          w->scope, name, owner, &until),
                                 &n, err);
        }
    }
    return rv == APR_SUCCESS && !n ? refuse(w, err) : rv;
}

/* Refusing undoes what was taken before. */
static apr_status_t run_lock(flow_work_t *work, flow_store_t *store,
                             flow_error_t *err)
{
    static const char sql[] =
        "INSERT INTO record_lock (scope, name, owner, until)"
        " VALUES (%s, %s, %s, %lld) ON CONFLICT DO NOTHING";
    lock_work_t *w = (lock_work_t *)work;
    apr_status_t rv = APR_SUCCESS;
    int i, n;

    apr_pool_clear(w->p);
    w->row_until = flow_store_clock(store) + (w->until - flow_clock()) + GRACE;
    for (i = 0; i < w->n && rv == APR_SUCCESS; ++i) {
        n = 0;
        rv = flow_store_exec(
            store, sql,
            FLOW_SQL(w->scope, w->names[i], w->jobs->owner, &w->row_until), &n,
            err);
        if (rv == APR_SUCCESS && !n) {
            rv = take_over(w, store, w->names[i], err);
        }
    }
    return rv;
}

static apr_status_t run_unlock(flow_work_t *work, flow_store_t *store,
                               flow_error_t *err)
{
    static const char sql[] = "DELETE FROM record_lock WHERE scope = %s"
                              " AND name = %s AND owner = %s";
    lock_work_t *w = (lock_work_t *)work;
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < w->n && rv == APR_SUCCESS; ++i) {
        rv = flow_store_exec(store, sql,
                             FLOW_SQL(w->scope, w->names[i], w->jobs->owner),
                             NULL, err);
    }
    return rv;
}

static apr_status_t store_locks(flow_jobs_t *jobs, lock_work_t *w,
                                apr_time_t until, flow_error_t *err)
{
    apr_interval_time_t wait = LOOK_FIRST;
    apr_status_t rv;

    for (;;) {
        flow_error_clear(err);
        rv = flow_committer_do(jobs->committer, &w->work, -1, NULL, err);
        if (rv == APR_SUCCESS || !err || !flow_error_is_retryable(err) ||
            flow_clock() + wait >= until || flow_jobs_is_stopping(jobs)) {
            return rv;
        }
        apr_sleep(wait);
        wait = wait * 2 < LOOK_MOST ? wait * 2 : LOOK_MOST;
    }
}

apr_status_t flow_locks_lock(void *baton, const char *scope,
                             const char *const *names, int n, apr_time_t until,
                             flow_error_t *err)
{
    flow_jobs_t *jobs = baton;
    lock_work_t w = { .work.run = run_lock,
                      .jobs = jobs,
                      .scope = scope,
                      .names = names,
                      .n = n,
                      .until = until,
                      .p = flow_store_pool(0) };
    flow_error_t why = FLOW_ERROR_INIT;
    apr_status_t rv;

    if (!w.p) {
        return flow_error_set(err, FLOW_E_INTERNAL, APR_ENOMEM, "no_memory",
                              "out of memory for a lock");
    }
    if (!enter(jobs, scope, names, n, until)) {
        rv = refuse(&w, err);
    }
    else {
        rv = store_locks(jobs, &w, until, &why);
        if (rv != APR_SUCCESS) {
            drop(jobs->locks, scope, names, n);
            flow_error_set(err, why.kind, rv, why.code, "%s", why.message);
        }
    }
    apr_pool_destroy(w.p);
    return rv;
}

/* When the store is away, the rows stay: ours, and taken over by whoever needs
 * them here, or past their time. */
void flow_locks_unlock(void *baton, const char *scope, const char *const *names,
                       int n)
{
    flow_jobs_t *jobs = baton;
    lock_work_t w = { .work.run = run_unlock,
                      .jobs = jobs,
                      .scope = scope,
                      .names = names,
                      .n = n };
    flow_error_t ignored = FLOW_ERROR_INIT;

    flow_committer_do(jobs->committer, &w.work, -1, NULL, &ignored);
    drop(jobs->locks, scope, names, n);
}

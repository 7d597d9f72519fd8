/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_grant_store.h"

#include <string.h>

#include <apr_atomic.h>
#include <apr_strings.h>

#include "base/flow_clock.h"
#include "base/flow_seal.h"
#include "jobs/flow_jobs_private.h"
#include "jobs/flow_owner.h"

/* A piece of work; in a pool of its own, which the committer destroys when we
 * have given up waiting. */
typedef struct grant_work_t {
    flow_work_t work;
    apr_pool_t *p;
    const char *id, *owner, *sealed, *key_id;
    apr_int64_t known, now, lease_until;
    int is_local; /* the store is this machine's: foreign owners are dead */
    /* out */
    flow_lease_e outcome;
    apr_int64_t generation;
    const char *value;
} grant_work_t;

static void release_grant(flow_work_t *work)
{
    apr_pool_destroy(((grant_work_t *)work)->p);
}

static apr_status_t new_work(grant_work_t **pw, const flow_jobs_t *jobs,
                             const char *id, const char *owner,
                             flow_error_t *err)
{
    apr_pool_t *p = flow_store_pool(0);
    grant_work_t *w;

    if (!p) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_ENOMEM, "no_memory",
                              "out of memory for credentials");
    }
    w = apr_pcalloc(p, sizeof(*w));
    w->p = p;
    w->work.release = release_grant;
    w->id = apr_pstrdup(p, id);
    w->owner = apr_pstrdup(p, owner);
    w->now = apr_time_now();
    w->is_local = strcmp(jobs->settings.driver, "sqlite3") == 0;
    *pw = w;
    return APR_SUCCESS;
}

static apr_status_t finish(flow_jobs_t *jobs, grant_work_t *w, apr_time_t until,
                           int *pis_abandoned, flow_error_t *err)
{
    apr_time_t now = flow_clock();

    *pis_abandoned = 0;
    return flow_committer_do(jobs->committer, &w->work,
                             until > now ? until - now : 0, pis_abandoned, err);
}

/* ---- in the committer ---- */

static int is_held(const grant_work_t *w, const flow_rows_t *row)
{
    const char *owner = flow_rows_text(row, 2);

    return owner && flow_rows_int(row, 3) > w->now &&
           strcmp(owner, w->owner) != 0 &&
           flow_owner_state(owner, w->is_local) != FLOW_OWNER_DEAD;
}

static apr_status_t first_lease(grant_work_t *w, flow_store_t *store,
                                flow_error_t *err)
{
    static const char sql[] =
        "INSERT INTO credential (connection_id, generation, modified,"
        " lease_owner, lease_until) VALUES (%s, 0, %lld, %s, %lld)";

    w->outcome = FLOW_LEASE_MINE;
    return flow_store_exec(store, sql,
                           FLOW_SQL(w->id, &w->now, w->owner, &w->lease_until),
                           NULL, err);
}

static apr_status_t run_lease(flow_work_t *work, flow_store_t *store,
                              flow_error_t *err)
{
    static const char look[] =
        "SELECT generation, value, lease_owner, lease_until FROM credential"
        " WHERE connection_id = %s LIMIT 1";
    static const char take[] =
        "UPDATE credential SET lease_owner = %s, lease_until = %lld"
        " WHERE connection_id = %s";
    grant_work_t *w = (grant_work_t *)work;
    flow_rows_t rows;
    apr_status_t rv;

    w->generation = 0;
    w->value = NULL;
    rv = flow_store_select(store, &rows, look, FLOW_SQL(w->id), w->p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!flow_rows_next(&rows)) {
        return first_lease(w, store, err);
    }
    w->generation = flow_rows_int(&rows, 0);
    w->value = flow_rows_text(&rows, 1);
    if (w->generation > w->known) {
        w->outcome = FLOW_LEASE_NEWER;
        return APR_SUCCESS;
    }
    if (is_held(w, &rows)) {
        w->outcome = FLOW_LEASE_BUSY;
        return APR_SUCCESS;
    }
    w->outcome = FLOW_LEASE_MINE;
    return flow_store_exec(
        store, take, FLOW_SQL(w->owner, &w->lease_until, w->id), NULL, err);
}

static apr_status_t run_release(flow_work_t *work, flow_store_t *store,
                                flow_error_t *err)
{
    static const char sql[] =
        "UPDATE credential SET lease_owner = NULL, lease_until = 0"
        " WHERE connection_id = %s AND lease_owner = %s";
    grant_work_t *w = (grant_work_t *)work;

    return flow_store_exec(store, sql, FLOW_SQL(w->id, w->owner), NULL, err);
}

static apr_status_t run_put(flow_work_t *work, flow_store_t *store,
                            flow_error_t *err)
{
    static const char update[] =
        "UPDATE credential SET generation = generation + 1, value = %s,"
        " key_id = %s, modified = %lld WHERE connection_id = %s";
    static const char look[] =
        "SELECT generation FROM credential WHERE connection_id = %s LIMIT 1";
    grant_work_t *w = (grant_work_t *)work;
    flow_rows_t rows;
    apr_status_t rv;
    int n = 0;

    rv = flow_store_exec(
        store, update, FLOW_SQL(w->sealed, w->key_id, &w->now, w->id), &n, err);
    if (rv == APR_SUCCESS && n == 0) {
        rv = flow_error_set(err, FLOW_E_INTERNAL, APR_NOTFOUND, "store_refused",
                            "the row of connection '%s' has been deleted",
                            w->id);
    }
    if (rv == APR_SUCCESS) {
        rv = run_release(work, store, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_store_select(store, &rows, look, FLOW_SQL(w->id), w->p, err);
    }
    if (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        w->generation = flow_rows_int(&rows, 0);
    }
    return rv;
}

/* ---- the interface ---- */

static const char *purpose_of(const char *id, apr_pool_t *p)
{
    return apr_pstrcat(p, "credential ", id, NULL);
}

static apr_status_t open_value(const flow_jobs_t *jobs, const char *id,
                               const char *value, flow_grant_t *grant,
                               apr_pool_t *p, flow_error_t *err)
{
    char *text = NULL;
    apr_status_t rv;

    grant->text = NULL;
    if (!value) {
        return APR_SUCCESS;
    }
    rv = flow_unseal(jobs->settings.seal, purpose_of(id, p), value, &text, p,
                     err);
    grant->text = text;
    return rv;
}

static apr_status_t grant_read(void *baton, const char *id, flow_grant_t *grant,
                               apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] = "SELECT generation, value FROM credential"
                              " WHERE connection_id = %s LIMIT 1";
    const char *value = NULL;
    flow_store_t *store;
    flow_rows_t rows;
    apr_status_t rv = flow_jobs_reader(baton, &store, err);

    memset(grant, 0, sizeof(*grant));
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = flow_store_select(store, &rows, sql, FLOW_SQL(id), p, err);
    if (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        grant->generation = flow_rows_int(&rows, 0);
        value = flow_rows_text(&rows, 1);
    }
    flow_jobs_reader_done(baton, store);
    return rv == APR_SUCCESS ? open_value(baton, id, value, grant, p, err) : rv;
}

/* This process, and this attempt of it: a lease must not be taken for one that
 * another thread, or an earlier attempt that was given up, holds. */
static void name_lease(flow_jobs_t *jobs, flow_lease_t *lease)
{
    static volatile apr_uint32_t count;

    apr_snprintf(lease->owner, sizeof(lease->owner), "%s.%u", jobs->owner,
                 (unsigned)apr_atomic_inc32(&count));
}

static apr_status_t grant_lease(void *baton, const char *id, apr_int64_t known,
                                apr_interval_time_t span, apr_time_t until,
                                flow_lease_t *lease, flow_lease_e *poutcome,
                                flow_grant_t *grant, apr_pool_t *p,
                                flow_error_t *err)
{
    flow_jobs_t *jobs = baton;
    grant_work_t *w = NULL;
    const char *value;
    int is_abandoned;
    apr_status_t rv;

    memset(grant, 0, sizeof(*grant));
    name_lease(jobs, lease);
    rv = new_work(&w, jobs, id, lease->owner, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    w->known = known;
    w->lease_until = w->now + span;
    w->work.run = run_lease;
    rv = finish(jobs, w, until, &is_abandoned, err);
    if (is_abandoned) {
        return rv;
    }
    *poutcome = w->outcome;
    grant->generation = w->generation;
    value = w->outcome == FLOW_LEASE_NEWER ? apr_pstrdup(p, w->value) : NULL;
    apr_pool_destroy(w->p);
    return rv == APR_SUCCESS ? open_value(jobs, id, value, grant, p, err) : rv;
}

static apr_status_t grant_put(void *baton, const char *id,
                              const flow_lease_t *lease, const char *text,
                              apr_time_t until, apr_int64_t *pgeneration,
                              apr_pool_t *p, flow_error_t *err)
{
    flow_jobs_t *jobs = baton;
    const flow_seal_t *seal = jobs->settings.seal;
    grant_work_t *w = NULL;
    char *sealed = NULL;
    int is_abandoned;
    apr_status_t rv;

    if (strlen(text) > FLOW_GRANT_TEXT_MAX) {
        return flow_error_set(err, FLOW_E_REFUSED, APR_ENOSPC, "auth_failed",
                              "the new credentials have more than %d bytes",
                              FLOW_GRANT_TEXT_MAX);
    }
    rv = flow_seal(seal, purpose_of(id, p), text, &sealed, p, err);
    if (rv == APR_SUCCESS) {
        rv = new_work(&w, jobs, id, lease->owner, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    w->sealed = apr_pstrdup(w->p, sealed);
    w->key_id = flow_seal_key_id(seal);
    w->work.run = run_put;
    rv = finish(jobs, w, until, &is_abandoned, err);
    if (!is_abandoned) {
        *pgeneration = w->generation;
        apr_pool_destroy(w->p);
    }
    return rv;
}

static void grant_release(void *baton, const char *id,
                          const flow_lease_t *lease, apr_time_t until)
{
    flow_error_t ignored = FLOW_ERROR_INIT;
    grant_work_t *w = NULL;
    int is_abandoned;

    /* One that cannot be given back ends by its time. */
    if (new_work(&w, baton, id, lease->owner, &ignored) == APR_SUCCESS) {
        w->work.run = run_release;
        finish(baton, w, until, &is_abandoned, &ignored);
        if (!is_abandoned) {
            apr_pool_destroy(w->p);
        }
    }
}

void flow_grant_store_fill(flow_grant_iface_t *iface, flow_jobs_t *jobs)
{
    iface->baton = jobs;
    iface->read = grant_read;
    iface->lease = grant_lease;
    iface->put = grant_put;
    iface->release = grant_release;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_jobs_private.h"

#include <string.h>

#include <apr_strings.h>

#define CANCEL_WAIT apr_time_from_sec(10)

typedef struct cancel_work_t {
    flow_work_t work;
    apr_pool_t *p;
    const char *id, *status;
    int is_unknown;
} cancel_work_t;

static apr_status_t run_cancel(flow_work_t *work, flow_store_t *store,
                               flow_error_t *err)
{
    cancel_work_t *w = (cancel_work_t *)work;
    apr_status_t rv = flow_queue_cancel(store, w->id, &w->status, w->p, err);

    w->is_unknown = rv == APR_NOTFOUND;
    return w->is_unknown ? APR_SUCCESS : rv;
}

static void release_cancel(flow_work_t *work)
{
    apr_pool_destroy(((cancel_work_t *)work)->p);
}

apr_status_t flow_jobs_cancel(flow_jobs_t *jobs, const char *id,
                              const char **pstatus, apr_pool_t *p,
                              flow_error_t *err)
{
    apr_pool_t *work_p = flow_store_pool(0);
    int is_abandoned = 0;
    cancel_work_t *w;
    apr_status_t rv;

    if (!work_p) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_ENOMEM, "no_memory",
                              "out of memory for canceling");
    }
    w = apr_pcalloc(work_p, sizeof(*w));
    w->work.run = run_cancel;
    w->work.release = release_cancel;
    w->p = work_p;
    w->id = apr_pstrdup(work_p, id);
    rv = flow_committer_do(jobs->committer, &w->work, CANCEL_WAIT,
                           &is_abandoned, err);
    if (is_abandoned) {
        return rv;
    }
    if (rv == APR_SUCCESS && w->is_unknown) {
        rv = APR_NOTFOUND;
    }
    if (rv == APR_SUCCESS) {
        *pstatus = apr_pstrdup(p, w->status);
        if (strcmp(w->status, "canceling") == 0) {
            flow_keeper_cancel(jobs, id);
        }
        else {
            flow_waiters_tell(jobs, id);
        }
    }
    apr_pool_destroy(work_p);
    return rv;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_next.h"

#include <string.h>

#include "data/flow_iso8601.h"
#include "data/flow_json.h"
#include "flow/flow_delta.h"
#include "jobs/flow_marks.h"

/* ---- flows ---- */

apr_status_t flow_next_queue(flow_jobs_t *jobs, const flow_flow_t *flow,
                             flow_store_t *store, int *pn, apr_pool_t *p,
                             flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    *pn = 0;
    for (i = 0; i < flow->nnext && rv == APR_SUCCESS; ++i) {
        const flow_next_t *next = &flow->next[i];
        char *id = apr_palloc(p, FLOW_ID_SIZE); /* read at the commit */
        const flow_new_job_t job = { .id = id,
                                     .flow_id = next->flow->id,
                                     .request = next->request,
                                     .priority = FLOW_PRIORITY_EVENT };

        if (next->flow->disabled) {
            continue;
        }
        flow_ids_make(&jobs->ids, apr_time_now(), id);
        rv = flow_queue_job(store, &job, apr_time_now(), err);
        ++*pn;
    }
    return rv;
}

void flow_next_wake(flow_jobs_t *jobs, int n)
{
    if (n) {
        __atomic_fetch_add(&jobs->waiting, n, __ATOMIC_RELAXED);
        flow_workers_wake(jobs);
    }
}

/* ---- marks ---- */

/* The mark that is not passed: of one export, or the least of a flow's. *pms
 * stays as it is when that is earlier; -1: there is none. */
static apr_status_t hold_back(const flow_flow_t *flow,
                              const flow_behind_t *behind, apr_int64_t *pms,
                              flow_store_t *store, apr_pool_t *p,
                              flow_error_t *err)
{
    json_t *marks = NULL, *mark;
    const char *name;
    apr_status_t rv;
    int found = 0;

    rv = flow_marks_read(store, behind->flow_id ? behind->flow_id : flow->id,
                         &marks, p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    json_object_foreach(marks, name, mark)
    {
        const char *text = flow_json_string(mark, NULL);
        apr_int64_t ms;

        if ((!behind->export_id || strcmp(name, behind->export_id) == 0) &&
            text && flow_iso8601_parse(text, strlen(text), &ms)) {
            found = 1;
            *pms = ms < *pms ? ms : *pms;
        }
    }
    json_decref(marks);
    if (!found) {
        *pms = -1;
    }
    return APR_SUCCESS;
}

static apr_status_t move(const flow_flow_t *flow, int i, apr_int64_t began,
                         flow_store_t *store, apr_pool_t *p, flow_error_t *err)
{
    const flow_behind_t *behind = flow->behind ? &flow->behind[i] : NULL;
    apr_status_t rv = APR_SUCCESS;

    if (behind && (behind->flow_id || behind->export_id)) {
        rv = hold_back(flow, behind, &began, store, p, err);
    }
    if (rv != APR_SUCCESS || began < 0) {
        return rv;
    }
    return flow_marks_set(store, flow->id, flow->generators[i]->id,
                          flow_delta_format(began, NULL, p), p, err);
}

apr_status_t flow_next_marks(const flow_flow_t *flow, const json_t *request,
                             apr_int64_t began, flow_store_t *store,
                             apr_pool_t *p, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    int i, late;

    /* first those that are free to move, then those behind them */
    for (late = 0; late < 2; ++late) {
        for (i = 0; i < flow->ngenerators && rv == APR_SUCCESS; ++i) {
            const flow_behind_t *behind =
                flow->behind ? &flow->behind[i] : NULL;
            int is_behind = behind && (behind->flow_id || behind->export_id);

            if (flow->generators[i]->is_delta && is_behind == late &&
                flow_run_chooses(request, flow->generators[i])) {
                rv = move(flow, i, began, store, p, err);
            }
        }
    }
    return rv;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retries: records that failed go through their flow from the step at which
 * they failed, one by one, so that it is known what became of each. What
 * happens at later steps is as in any run, errors included.
 */
#include "flow/flow_steps.h"

#include <string.h>

#include "base/flow_clock.h"
#include "data/flow_json.h"
#include "flow/flow_pages.h"
#include "flow/flow_record.h"
#include "flow/flow_router.h"

static int is_step(const flow_step_t *step, const char *id)
{
    return strcmp(step->import ? step->import->id : step->lookup->id, id) == 0;
}

/* The configuration may have changed: the step of that name, in its old place
 * if it is still there; -1 = there is none. */
static int find_step(const flow_flow_t *flow, const flow_retry_item_t *item)
{
    int i = item->step_index - 1;

    if (i >= 0 && i < flow->nsteps && is_step(&flow->steps[i], item->step_id)) {
        return i;
    }
    for (i = 0; i < flow->nsteps; ++i) {
        if (is_step(&flow->steps[i], item->step_id)) {
            return i;
        }
    }
    return -1;
}

/* ... or a router, which has its place behind the steps; -1 likewise. */
static int find_router(const flow_flow_t *flow, const flow_retry_item_t *item)
{
    int i;

    for (i = 0; i < flow->nrouters; ++i) {
        if (strcmp(flow->routers[i].id, item->step_id) == 0) {
            return flow->nsteps + i;
        }
    }
    return -1;
}

static const flow_export_t *find_generator(const flow_flow_t *flow,
                                           const flow_retry_item_t *item)
{
    int i;

    for (i = 0; i < flow->ngenerators; ++i) {
        if (strcmp(flow->generators[i]->id, item->step_id) == 0) {
            return flow->generators[i];
        }
    }
    return NULL;
}

/* From a place of flow_route(). Steals @a records. */
static apr_status_t run_from(flow_runner_t *runner, int place, json_t *records,
                             apr_pool_t *p, flow_error_t *err)
{
    apr_status_t rv;

    runner->before_page = runner->run->counters.success;
    rv = runner->only_step ? flow_step_run(runner, place - 1, &records, p, err)
                           : flow_route(runner, place, &records, p, err);
    json_decref(records);
    if (rv == APR_SUCCESS && runner->only_step &&
        runner->run->counters.success == runner->before_page &&
        flow_runner_is_held(runner)) {
        return flow_runner_wait(err); /* as flow_route() does */
    }
    return rv;
}

static json_t *list_of(const json_t *record)
{
    json_t *list = json_array();

    json_array_append_new(list, flow_record_ref(record));
    return list;
}

/* Through transform, filter and preSavePage as if it had just been read; what
 * preSavePage itself refused has been through the first two. */
static apr_status_t run_from_export(flow_runner_t *runner,
                                    const flow_export_t *exp,
                                    const flow_retry_item_t *item,
                                    const char **pbroken, apr_pool_t *p,
                                    flow_error_t *err)
{
    json_t *given = list_of(item->record);
    flow_pages_page_t page;
    flow_pages_t *pages;
    flow_scope_t scope;
    apr_status_t rv;

    flow_scope_init(&scope, runner->env, &runner->caller, exp, NULL, p);
    pages = flow_pages_open(&scope, p);
    flow_pages_give(pages, given, 0);
    if (item->source && strcmp(item->source, FLOW_SOURCE_PRE_SAVE_PAGE) == 0) {
        flow_pages_prepared(pages);
    }
    while ((rv = flow_pages_next(pages, &page, p, err)) == APR_SUCCESS) {
        rv = flow_runner_report_page(runner, exp, page.errors, err);
        json_decref(page.errors);
        if (rv == APR_SUCCESS) {
            rv = run_from(runner, 0, page.records, p, err);
        }
        else {
            json_decref(page.records);
        }
        if (rv != APR_SUCCESS) {
            break;
        }
    }
    *pbroken = scope.failed_source;
    json_decref(given);
    return APR_STATUS_IS_EOF(rv) ? APR_SUCCESS : rv;
}

static apr_status_t report(flow_runner_t *runner, const flow_retry_item_t *item,
                           const flow_error_t *why, const char *source,
                           flow_error_t *err)
{
    json_t *error = flow_record_error_from(why, source);
    apr_status_t rv;

    ++runner->run->counters.error;
    rv = flow_runner_report(runner, item->step_index, item->step_id, NULL,
                            error, item->record, NULL, err);
    json_decref(error);
    return rv;
}

static apr_status_t run_item(flow_runner_t *runner, flow_retry_item_t *item,
                             apr_pool_t *p, flow_error_t *err)
{
    const flow_flow_t *flow = runner->run->flow;
    const flow_export_t *exp = NULL;
    flow_error_t why = FLOW_ERROR_INIT;
    const char *broken = NULL;
    apr_status_t rv;
    int i;

    runner->item_key = item->key;
    if (item->step_index == 0) {
        exp = find_generator(flow, item);
    }
    i = exp ? -1 : find_step(flow, item);
    i = exp || i >= 0 ? i : find_router(flow, item);
    if (i >= 0) {
        item->step_index = i + 1;
        runner->only_step =
            i < flow->nsteps && flow->steps[i].proceed_on_failure;
        rv = run_from(runner, i + 1, list_of(item->record), p, err);
        runner->only_step = 0;
        return rv;
    }
    if (!exp) {
        flow_error_set(&why, FLOW_E_CONFIG, APR_NOTFOUND, "step_unknown",
                       "flow '%s' has no step '%s' any more", flow->id,
                       item->step_id);
        return report(runner, item, &why, FLOW_SOURCE_RESOURCE, err);
    }
    rv = run_from_export(runner, exp, item, &broken, p, &why);
    if (rv == APR_SUCCESS) {
        return rv;
    }
    /* a hook broke: the record's fault, since it is alone */
    return broken
               ? report(runner, item, &why, broken, err)
               : flow_error_set(err, why.kind, rv, why.code, "%s", why.message);
}

apr_status_t flow_run_retry(flow_runner_t *runner, flow_error_t *err)
{
    flow_run_t *run = runner->run;
    const flow_retry_source_t *source = run->retry;
    flow_retry_item_t item;
    apr_pool_t *p;
    apr_status_t rv = APR_SUCCESS;

    apr_pool_create(&p, runner->p);
    while (rv == APR_SUCCESS) {
        apr_pool_clear(p);
        if (flow_runner_is_stopping(runner)) {
            rv = flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR, "stopping",
                                "the server is stopping");
            break;
        }
        if (flow_clock() > runner->caller.deadline) {
            rv = flow_error_set(err, FLOW_E_UNAVAILABLE, APR_TIMEUP,
                                "run_timeout", "the run has taken too long");
            break;
        }
        if (flow_runner_is_held(runner)) {
            rv = flow_runner_wait(err);
            break;
        }
        memset(&item, 0, sizeof(item));
        rv = source->next(source->baton, &item, p, err);
        if (rv == APR_SUCCESS) {
            rv = run_item(runner, &item, p, err);
        }
        if (rv == APR_SUCCESS) {
            rv = source->done(source->baton, &run->counters, err);
        }
    }
    apr_pool_destroy(p);
    return APR_STATUS_IS_EOF(rv) ? APR_SUCCESS : rv;
}

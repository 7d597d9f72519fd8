/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run: generator by generator, page by page, step by step.
 *
 * Where a run can go on is decided here. It is told after every batch (see
 * flow_pages.h), because only there the connector knows how to go on; a run
 * that is asked to stop in the midst of a batch saves what is left of it
 * along, so that an orderly restart repeats nothing.
 */
#include "flow/flow_run.h"

#include <string.h>

#include "base/flow_clock.h"
#include "data/flow_json.h"
#include "flow/flow_breaker.h"
#include "flow/flow_once.h"
#include "flow/flow_pages.h"
#include "flow/flow_parallel.h"
#include "flow/flow_record.h"
#include "flow/flow_router.h"
#include "flow/flow_steps.h"
#include "flow/flow_webhook.h"

/* ---- where to go on ---- */

/* Steals @a position. */
static apr_status_t save(const flow_runner_t *runner, int generator,
                         json_t *position, flow_error_t *err)
{
    const flow_run_sink_t *sink = runner->sink;
    apr_status_t rv = APR_SUCCESS;

    json_object_set_new(position, "generator", json_integer(generator));
    if (sink && sink->page_done) {
        rv =
            sink->page_done(sink->baton, &runner->run->counters, position, err);
    }
    json_decref(position);
    return rv;
}

static apr_status_t stop_here(const flow_runner_t *runner, int generator,
                              const flow_pages_t *pages, const json_t *unmarked,
                              int at_boundary, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;

    if (!at_boundary) {
        json_t *position = flow_pages_position(pages, 1);

        flow_once_remember(position, unmarked);

        /* a batch too large to be kept is read again, and in part repeated */
        if (flow_record_size(position, FLOW_PAGE_BYTES) > FLOW_PAGE_BYTES) {
            json_decref(position);
        }
        else {
            rv = save(runner, generator, position, err);
        }
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR, "stopping",
                          "the server is stopping");
}

/* ---- a page ---- */

static void collect(flow_runner_t *runner, const json_t *records)
{
    flow_run_t *run = runner->run;
    size_t i, n = json_array_size(records);

    for (i = 0; i < n && run->collect && !run->data_truncated; ++i) {
        json_t *record = json_array_get(records, i);

        runner->collected += flow_record_size(record, FLOW_PAGE_BYTES);
        if (runner->collected > FLOW_PAGE_BYTES) {
            run->data_truncated = 1;
            break;
        }
        json_array_append(run->data, record);
    }
}

apr_status_t flow_runner_report_page(flow_runner_t *runner,
                                     const flow_export_t *exp,
                                     const json_t *errors, flow_error_t *err)
{
    size_t i, n = json_array_size(errors);
    apr_status_t rv = APR_SUCCESS;

    for (i = 0; i < n && rv == APR_SUCCESS; ++i) {
        const json_t *error = json_array_get(errors, i);

        ++runner->run->counters.error;
        rv = flow_runner_report(runner, 0, exp->id,
                                flow_json_member(error, "traceKey"), error,
                                json_object_get(error, "retryData"), NULL, err);
    }
    return rv;
}

/* Steals the page's references. */
static apr_status_t run_page(flow_runner_t *runner, const flow_export_t *exp,
                             flow_pages_page_t *page, apr_pool_t *p,
                             flow_error_t *err)
{
    flow_run_t *run = runner->run;
    json_t *records = page->records;
    apr_status_t rv;

    runner->before_page = run->counters.success;
    runner->page = page->index;
    ++run->counters.pages_generated;
    run->counters.exported += (apr_int64_t)json_array_size(records);
    rv = flow_runner_report_page(runner, exp, page->errors, err);
    json_decref(page->errors);
    if (rv == APR_SUCCESS) {
        rv = flow_route(runner, 0, &records, p, err);
    }
    if (rv == APR_SUCCESS) {
        collect(runner, records);
        ++run->counters.pages_processed;
    }
    json_decref(records);
    return rv;
}

/* ---- a generator ---- */

static apr_status_t next_page(flow_runner_t *runner, flow_pages_t *pages,
                              flow_pages_page_t *page, apr_pool_t *p,
                              flow_error_t *err)
{
    apr_status_t rv;

    if (flow_clock() > runner->caller.deadline) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_TIMEUP,
                              "run_timeout", "the run has taken too long");
    }
    rv = flow_pages_next(pages, page, p, err);
    if (rv != APR_SUCCESS && !APR_STATUS_IS_EOF(rv) &&
        flow_runner_is_stopping(runner)) {
        flow_error_clear(err);
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR, "stopping",
                              "the server is stopping");
    }
    if (rv != APR_SUCCESS && !APR_STATUS_IS_EOF(rv) &&
        flow_runner_is_held(runner)) {
        return flow_runner_wait(err);
    }
    return rv;
}

/* After a batch; what is of type once is marked when that is committed. */
static apr_status_t save_batch(flow_runner_t *runner, int generator,
                               const flow_pages_t *pages, json_t *unmarked,
                               apr_pool_t *p, flow_error_t *err)
{
    json_t *position = flow_pages_position(pages, 0);
    apr_status_t rv;

    flow_once_remember(position, unmarked);
    rv = save(runner, generator, position, err);
    return rv == APR_SUCCESS && unmarked
               ? flow_once_mark(runner, generator, unmarked, p, err)
               : rv;
}

static apr_status_t run_pages(flow_runner_t *runner, int generator,
                              const flow_export_t *exp, flow_pages_t *pages,
                              apr_pool_t *p, flow_error_t *err)
{
    json_t *unmarked = exp->is_once ? flow_json_own(p, json_array()) : NULL;
    flow_pages_page_t page;
    apr_pool_t *scratch;
    apr_status_t rv = APR_SUCCESS;

    apr_pool_create(&scratch, p);
    while (rv == APR_SUCCESS) {
        apr_pool_clear(scratch);
        rv = next_page(runner, pages, &page, scratch, err);
        if (rv != APR_SUCCESS) {
            break;
        }
        if (unmarked) {
            json_array_extend(unmarked, page.records);
        }
        if (page.is_pause) {
            json_decref(page.records);
            json_decref(page.errors);
        }
        else {
            rv = run_page(runner, exp, &page, scratch, err);
        }
        if (rv == APR_SUCCESS && page.at_boundary) {
            rv = save_batch(runner, generator, pages, unmarked, scratch, err);
        }
        if (rv == APR_SUCCESS &&
            (flow_runner_is_stopping(runner) || flow_runner_is_held(runner)) &&
            !flow_pages_is_done(pages)) {
            rv = stop_here(runner, generator, pages, unmarked, page.at_boundary,
                           err);
        }
        if (rv == APR_SUCCESS && runner->caller.test_mode && !page.is_pause) {
            break;
        }
    }
    apr_pool_destroy(scratch);
    return APR_STATUS_IS_EOF(rv) ? APR_SUCCESS : rv;
}

/* The position that an earlier try has left at this generator, or NULL. */
static const json_t *position_of(const flow_run_t *run, int generator)
{
    apr_int64_t at = -1;

    flow_json_int64(json_object_get(run->checkpoint, "generator"), &at);
    return at == generator ? run->checkpoint : NULL;
}

/* An event's position says generator 0 whichever its listener is; hence by the
 * export. */
static int skips_retries(const flow_flow_t *flow, const flow_export_t *exp)
{
    int i;

    for (i = 0; flow->skip_retries && i < flow->ngenerators; ++i) {
        if (flow->generators[i] == exp) {
            return flow->skip_retries[i];
        }
    }
    return 0;
}

/* Records that were given (a listener's) or, when NULL, read. */
static apr_status_t run_generator(flow_runner_t *runner, int generator,
                                  const flow_export_t *exp, const json_t *given,
                                  flow_error_t *err)
{
    const json_t *position = position_of(runner->run, generator);
    const json_t *request = runner->run->request;
    apr_int64_t done = 0;
    flow_scope_t scope;
    flow_pages_t *pages;
    apr_pool_t *p;
    apr_status_t rv = APR_SUCCESS;

    apr_pool_create(&p, runner->p);
    flow_scope_init(&scope, runner->env, &runner->caller, exp, NULL, p);
    runner->generator_scope = &scope;
    pages = flow_pages_open(&scope, p);
    if (given) {
        flow_json_int64(json_object_get(position, "page"), &done);
        flow_pages_give(pages, given, (int)done);
    }
    else {
        flow_pages_feed(pages, json_object_get(request, "data"));
        if (position) {
            flow_pages_resume(pages, position);
        }
    }
    if (position) {
        /* what the earlier try had collected is gone */
        runner->run->data_truncated |= runner->run->collect;
    }
    runner->generator = generator;
    runner->skip_retries = skips_retries(runner->run->flow, exp);
    if (exp->is_once && position) {
        rv = flow_once_resume(runner, generator, position, p, err);
    }
    if (rv == APR_SUCCESS) {
        rv = run_pages(runner, generator, exp, pages, p, err);
    }
    runner->generator_scope = NULL;
    if (rv != APR_SUCCESS && scope.failed_source) {
        runner->run->failed_source = scope.failed_source;
    }
    json_decref(flow_scope_take_exchange(&scope));
    apr_pool_destroy(p);
    return rv;
}

/* ---- which generators ---- */

static apr_status_t run_event(flow_runner_t *runner, flow_error_t *err)
{
    const flow_run_t *run = runner->run;
    json_t *records = NULL;
    apr_status_t rv = flow_webhook_records(run->listener->webhook, run->event,
                                           &records, runner->p, err);

    if (rv == APR_SUCCESS) {
        rv = run_generator(runner, 0, run->listener, records, err);
    }
    json_decref(records);
    return rv;
}

/* A listener in a run that no event has started: only with data, which is
 * taken as if it had been received. */
static apr_status_t run_listener(flow_runner_t *runner, int generator,
                                 const flow_export_t *exp, flow_error_t *err)
{
    json_t *data = json_object_get(runner->run->request, "data");
    json_t *records = json_is_array(data) ? json_incref(data) : NULL;
    apr_status_t rv;

    if (!records) {
        records = json_array();
        json_array_append(records, data);
    }
    rv = run_generator(runner, generator, exp, records, err);
    json_decref(records);
    return rv;
}

/* A request may name the exports to run; both spellings are in use. */
int flow_run_chooses(const json_t *request, const flow_export_t *exp)
{
    const json_t *ids = json_object_get(request, "_exportIds");
    size_t i;

    if (!ids) {
        ids = json_object_get(request, "export_ids");
    }
    if (!json_is_array(ids)) {
        return 1;
    }
    for (i = 0; i < json_array_size(ids); ++i) {
        const char *id = flow_json_string(json_array_get(ids, i), NULL);

        if (id && !strcmp(id, exp->id)) {
            return 1;
        }
    }
    return 0;
}

int flow_run_wants(const flow_run_t *run, int i)
{
    const flow_export_t *exp = run->flow->generators[i];

    return flow_run_chooses(run->request, exp) &&
           (!exp->webhook || json_object_get(run->request, "data"));
}

static apr_status_t run_one(flow_runner_t *runner, int i, flow_error_t *err)
{
    const flow_export_t *exp = runner->run->flow->generators[i];

    return exp->webhook ? run_listener(runner, i, exp, err)
                        : run_generator(runner, i, exp, NULL, err);
}

static apr_status_t nothing_to_run(const flow_flow_t *flow, flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "nothing_to_run",
                          "flow '%s' has no export to run; a listener needs "
                          "data",
                          flow->id);
}

apr_status_t flow_run_check(const flow_flow_t *flow, const json_t *request,
                            flow_error_t *err)
{
    const json_t *data = json_object_get(request, "data");
    int i;

    for (i = 0; i < flow->ngenerators; ++i) {
        const flow_export_t *exp = flow->generators[i];

        if (flow_run_chooses(request, exp) && (!exp->webhook || data)) {
            return APR_SUCCESS;
        }
    }
    return nothing_to_run(flow, err);
}

static apr_status_t run_generators(flow_runner_t *runner, flow_error_t *err)
{
    const flow_run_t *run = runner->run;
    apr_int64_t first = 0;
    apr_status_t rv = APR_SUCCESS;
    int i, count = 0;

    flow_json_int64(json_object_get(run->checkpoint, "generator"), &first);
    for (i = 0; i < run->flow->ngenerators && rv == APR_SUCCESS; ++i) {
        if (!flow_run_wants(run, i)) {
            continue;
        }
        ++count;
        if (i < first) {
            continue;
        }
        rv = run_one(runner, i, err);
        if (runner->caller.test_mode) {
            break;
        }
    }
    return count ? rv : nothing_to_run(run->flow, err);
}

void flow_runner_start(flow_runner_t *runner)
{
    flow_run_t *run = runner->run;
    const flow_flow_t *flow = run->flow;
    int i;

    runner->caller.flow = flow;
    runner->caller.job = run->job;
    runner->caller.deadline = run->deadline;
    runner->caller.stopping = run->stopping;
    runner->caller.test_mode = run->test_mode;
    runner->caller.delta = run->delta;
    runner->caller.deadline = flow_deadline(&runner->caller, 0);
    runner->scopes =
        apr_pcalloc(runner->p, (apr_size_t)(flow->nsteps ? flow->nsteps : 1) *
                                   sizeof(flow_scope_t));
    for (i = 0; i < flow->nsteps; ++i) {
        flow_scope_init(&runner->scopes[i], runner->env, &runner->caller,
                        flow->steps[i].lookup, flow->steps[i].import,
                        runner->p);
    }
    if (flow->nrouters) {
        runner->router_scope =
            apr_palloc(runner->p, sizeof(*runner->router_scope));
        flow_scope_init(runner->router_scope, runner->env, &runner->caller,
                        NULL, NULL, runner->p);
    }
    run->data = run->collect ? json_array() : NULL;
    run->data_truncated = 0;
    run->failed_source = NULL;
}

apr_status_t flow_run_generator(const flow_env_t *env, flow_run_t *run,
                                const flow_run_sink_t *sink, int generator,
                                apr_pool_t *p, flow_error_t *err)
{
    flow_runner_t runner = { env, run, sink, { 0 }, NULL, 0, p, NULL, NULL };

    flow_runner_start(&runner);
    return run_one(&runner, generator, err);
}

apr_status_t flow_run(const flow_env_t *env, flow_run_t *run,
                      const flow_run_sink_t *sink, apr_pool_t *p,
                      flow_error_t *err)
{
    flow_runner_t runner = { env, run, sink, { 0 }, NULL, 0, p, NULL, NULL };

    if (!run->retry && flow_parallel_is(run)) {
        return flow_parallel_run(env, run, sink, p, err);
    }
    flow_runner_start(&runner);
    if (run->retry) {
        return flow_run_retry(&runner, err);
    }
    if (run->event && run->listener) {
        return run_event(&runner, err);
    }
    return run_generators(&runner, err);
}

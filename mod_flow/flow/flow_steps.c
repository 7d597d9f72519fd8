/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step of a flow for one page: an import or a lookup, then response
 * mapping and postResponseMap for the records that go on.
 */
#include "flow/flow_steps.h"

#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_value.h"
#include "flow/flow_breaker.h"
#include "flow/flow_export.h"
#include "flow/flow_hooks.h"
#include "flow/flow_import.h"
#include "flow/flow_record.h"

/* A record at this step. */
typedef struct outcome_t {
    json_t *record;   /* as it came; owned through the page's array */
    json_t *response; /* owned */
    int is_failed;
    int is_skipped; /* the step has done nothing with it */
} outcome_t;

typedef struct work_t {
    flow_runner_t *runner;
    const flow_step_t *step;
    flow_scope_t *scope;
    int index; /* oIndex: 1.. */
    const char *id;
    const flow_template_t *trace_key, *data_uri;
    outcome_t *outcomes;
    size_t n;
    apr_pool_t *p;
} work_t;

int flow_runner_is_stopping(const flow_runner_t *runner)
{
    volatile apr_uint32_t *stopping = runner->caller.stopping;

    return stopping && *stopping;
}

int flow_runner_is_held(const flow_runner_t *runner)
{
    return !runner->caller.test_mode &&
           flow_breaker_holds(runner->env->breaker, runner->run->flow);
}

apr_status_t flow_runner_wait(flow_error_t *err)
{
    flow_error_clear(err);
    return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR,
                          "connection_offline",
                          "a connection of the flow is offline");
}

apr_status_t flow_runner_report(const flow_runner_t *runner, int step_index,
                                const char *step_id, const char *trace_key,
                                const json_t *error, const json_t *retry_data,
                                const json_t *exchange, flow_error_t *err)
{
    const flow_run_sink_t *sink = runner->sink;
    flow_record_error_t e = { step_id,
                              step_index,
                              flow_json_member(error, "code"),
                              flow_json_member(error, "message"),
                              flow_json_member(error, "source"),
                              trace_key,
                              runner->skip_retries ? NULL : retry_data,
                              exchange,
                              flow_json_member(error, "exportDataURI"),
                              flow_json_member(error, "importDataURI") };

    if (!sink || !sink->record_error) {
        return APR_SUCCESS;
    }
    return sink->record_error(sink->baton, &e, err);
}

/* The error with the record's link; new. */
static json_t *with_link(const work_t *w, const json_t *error, const char *link)
{
    json_t *copy = link && flow_json_is(error, OBJECT)
                       ? json_copy((json_t *)error)
                       : json_incref((json_t *)error);

    if (copy != error) {
        flow_record_set_text(
            copy, w->step->import ? "importDataURI" : "exportDataURI", link);
    }
    return copy;
}

static apr_status_t report_errors(const work_t *w, const json_t *record,
                                  const json_t *errors, int can_retry,
                                  const json_t *exchange, flow_error_t *err)
{
    size_t i, n = json_array_size(errors);
    apr_status_t rv = APR_SUCCESS;
    const char *key, *link;

    if (!n) {
        return APR_SUCCESS;
    }
    key = flow_record_trace_key(w->trace_key, record, w->p);
    link = flow_record_link(w->data_uri, record, NULL, w->p);
    for (i = 0; i < n && rv == APR_SUCCESS; ++i) {
        json_t *error = with_link(w, json_array_get(errors, i), link);

        rv = flow_runner_report(w->runner, w->index, w->id, key, error,
                                can_retry && i == 0 ? record : NULL,
                                i == 0 ? exchange : NULL, err);
        json_decref(error);
    }
    return rv;
}

/* The record has gone through, or was left out. Only told to who asks, since
 * it costs a trace key. */
static apr_status_t report_good(const work_t *w, const json_t *record,
                                flow_error_t *err)
{
    const flow_run_sink_t *sink = w->runner->sink;
    const char *key;

    if (!sink || !sink->record_good) {
        return APR_SUCCESS;
    }
    key = flow_record_trace_key(w->trace_key, record, w->p);
    return key ? sink->record_good(sink->baton, w->id, key, err) : APR_SUCCESS;
}

/* One more error of a record that the step itself has let pass. */
static apr_status_t fail_outcome(work_t *w, outcome_t *o,
                                 const flow_error_t *why, const char *source,
                                 flow_error_t *err)
{
    json_t *error = flow_record_error_from(why, source);
    json_t *exchange = flow_scope_take_exchange(w->scope);
    apr_status_t rv;

    flow_record_set_text(error,
                         w->step->import ? "importDataURI" : "exportDataURI",
                         flow_record_link(w->data_uri, o->record, NULL, w->p));
    o->is_failed = 1;
    ++w->runner->run->counters.error;
    rv =
        flow_runner_report(w->runner, w->index, w->id,
                           flow_record_trace_key(w->trace_key, o->record, w->p),
                           error, o->record, exchange, err);
    json_decref(error);
    json_decref(exchange);
    return rv;
}

/* ---- imports ---- */

/* The same whenever this page comes to this step in this job. */
static const char *page_key(const work_t *w)
{
    const flow_runner_t *runner = w->runner;
    const char *job = flow_json_member(runner->run->job, "_id");

    if (job && runner->item_key) {
        return apr_psprintf(w->p, "%s.%s.%d", job, runner->item_key, w->index);
    }
    return job ? apr_psprintf(w->p, "%s.%d.%d.%d", job, runner->generator,
                              runner->page, w->index)
               : NULL;
}

static apr_status_t stopped(flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR, "stopping",
                          "the server is stopping");
}

static apr_status_t import_records(work_t *w, const json_t *records,
                                   flow_error_t *err)
{
    flow_counters_t *counters = &w->runner->run->counters;
    flow_import_page_t page;
    apr_status_t rv = APR_SUCCESS;
    size_t i;

    w->scope->is_locked_out = 0;
    flow_import_page(w->scope, records, page_key(w), &page, w->p);
    if (w->scope->is_locked_out && !page.success &&
        flow_runner_is_stopping(w->runner)) {
        /* waiting was broken off, and nothing has been sent */
        rv = stopped(err);
    }
    counters->success += page.success;
    counters->error += page.error;
    counters->ignore += page.ignore;
    for (i = 0; i < w->n && rv == APR_SUCCESS; ++i) {
        const flow_import_result_t *result = &page.results[i];
        outcome_t *o = &w->outcomes[i];

        o->response = json_incref(result->response);
        o->is_failed = result->is_failed;
        o->is_skipped = result->is_ignored;
        rv = report_errors(w, o->record, result->logged, 0, NULL, err);
        if (rv == APR_SUCCESS && o->is_failed) {
            rv = report_errors(w, o->record,
                               json_object_get(o->response, "errors"), 1,
                               result->exchange, err);
        }
        else if (rv == APR_SUCCESS && !result->logged) {
            rv = report_good(w, o->record, err);
        }
    }
    return rv;
}

/* ---- lookups ---- */

static json_t *lookup_response(const flow_error_t *err, const char *source)
{
    json_t *response = json_object(), *errors = json_array();

    if (err) {
        json_array_append_new(errors, flow_record_error_from(err, source));
    }
    json_object_set_new(response, "data", json_array());
    json_object_set_new(response, "errors", errors);
    return response;
}

/* oneToMany: each child is looked up by itself. Their answers come home as one
 * list in the children's order; a child without any leaves null in its place,
 * so that with one answer each those belong together that stand at one index. */
static apr_status_t lookup_children(work_t *w, const json_t *record,
                                    json_t **presponse, apr_pool_t *p,
                                    flow_error_t *why)
{
    const flow_export_t *exp = w->step->lookup;
    json_t *children = NULL, *response = lookup_response(NULL, NULL), *one;
    json_t *data = json_object_get(response, "data");
    apr_size_t size = 0;
    apr_status_t rv;
    size_t i;

    rv = flow_import_children(exp->path_to_many, record, &children, why);
    for (i = 0; i < json_array_size(children) && rv == APR_SUCCESS; ++i) {
        const json_t *child = json_array_get(children, i);
        int pass = 1;

        one = NULL;
        rv = flow_scope_filter(w->scope, &exp->input_filter, child, &pass, p,
                               why);
        if (rv == APR_SUCCESS && pass) {
            rv = flow_export_collect(w->scope, child, &one, p, why);
        }
        size += flow_record_size(one, FLOW_PAGE_BYTES);
        if (rv == APR_SUCCESS && size > FLOW_PAGE_BYTES) {
            rv = flow_error_set(why, FLOW_E_INPUT, APR_ENOSPC, "too_large",
                                "the children's answers are larger than 5 MB");
        }
        if (rv == APR_SUCCESS &&
            json_array_size(json_object_get(one, "data"))) {
            json_array_extend(data, json_object_get(one, "data"));
        }
        else if (rv == APR_SUCCESS) {
            json_array_append_new(data, json_null());
        }
        json_array_extend(json_object_get(response, "errors"),
                          json_object_get(one, "errors"));
        json_decref(one);
    }
    json_decref(children);
    if (rv == APR_SUCCESS) {
        *presponse = response;
    }
    else {
        json_decref(response);
    }
    return rv;
}

static apr_status_t lookup_record(work_t *w, outcome_t *o, apr_pool_t *p,
                                  flow_error_t *err)
{
    flow_error_t why = FLOW_ERROR_INIT;
    const char *source;
    int pass = 1, many = w->step->lookup->one_to_many;
    apr_status_t rv = APR_SUCCESS;

    w->scope->failed_source = NULL;
    if (!many) { /* else each child is asked for itself */
        rv = flow_scope_filter(w->scope, &w->step->lookup->input_filter,
                               o->record, &pass, p, &why);
    }
    if (rv != APR_SUCCESS || !pass) {
        o->response = lookup_response(rv != APR_SUCCESS ? &why : NULL,
                                      FLOW_SOURCE_INPUT_FILTER);
        o->is_skipped = 1;
        return rv == APR_SUCCESS
                   ? report_good(w, o->record, err)
                   : fail_outcome(w, o, &why, FLOW_SOURCE_INPUT_FILTER, err);
    }
    rv = many ? lookup_children(w, o->record, &o->response, p, &why)
              : flow_export_collect(w->scope, o->record, &o->response, p, &why);
    if (rv == APR_SUCCESS) {
        const json_t *errors = json_object_get(o->response, "errors");

        /* what went wrong with single rows found, not with the record */
        return json_array_size(errors)
                   ? report_errors(w, o->record, errors, 0, NULL, err)
                   : report_good(w, o->record, err);
    }
    if (flow_runner_is_stopping(w->runner)) {
        return stopped(err);
    }
    source = w->scope->failed_source ? w->scope->failed_source
                                     : flow_error_source(&why);
    o->response = lookup_response(&why, source);
    return fail_outcome(w, o, &why, source, err);
}

static apr_status_t lookup_records(work_t *w, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    apr_pool_t *each;
    size_t i;

    apr_pool_create(&each, w->p);
    for (i = 0; i < w->n && rv == APR_SUCCESS; ++i) {
        apr_pool_clear(each);
        rv = lookup_record(w, &w->outcomes[i], each, err);
    }
    apr_pool_destroy(each);
    return rv;
}

/* ---- what goes on ---- */

static int goes_on(const work_t *w, const outcome_t *o)
{
    return !o->is_failed || w->step->proceed_on_failure;
}

/* *pout: the record with its answer mapped in. Records may be shared with
 * other steps and with what has been reported, hence the copy. */
static apr_status_t map_response(work_t *w, outcome_t *o, json_t **pout,
                                 apr_size_t *psize, flow_error_t *err)
{
    flow_error_t why = FLOW_ERROR_INIT;
    json_t *record;
    apr_status_t rv;

    *pout = json_incref(o->record);
    if (!w->step->response_mapping || o->is_skipped) {
        return APR_SUCCESS;
    }
    record = flow_value_copy(o->record);
    rv = flow_mapping_merge(w->step->response_mapping, o->response, record,
                            w->p, &why);
    if (rv == APR_SUCCESS) {
        *psize += flow_record_size(record, FLOW_PAGE_BYTES);
        if (*psize > FLOW_PAGE_BYTES) {
            rv = flow_error_set(&why, FLOW_E_INPUT, APR_ENOSPC, "too_large",
                                "response mapping has made the page larger "
                                "than 5 MB");
        }
    }
    if (rv != APR_SUCCESS) {
        json_decref(record);
        return fail_outcome(w, o, &why, FLOW_SOURCE_RESPONSE_MAPPING, err);
    }
    json_decref(*pout);
    *pout = record;
    return APR_SUCCESS;
}

/* New arrays of the same length: the records that go on and their answers. */
static apr_status_t collect_survivors(work_t *w, json_t **precords,
                                      json_t **presponses, outcome_t **kept,
                                      flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    apr_size_t size = 0;
    size_t i, n = 0;

    *precords = json_array();
    *presponses = json_array();
    for (i = 0; i < w->n && rv == APR_SUCCESS; ++i) {
        outcome_t *o = &w->outcomes[i];
        json_t *record;

        if (!goes_on(w, o)) {
            continue;
        }
        rv = map_response(w, o, &record, &size, err);
        if (goes_on(w, o)) { /* mapping may have failed it */
            json_array_append(*precords, record);
            json_array_append(*presponses, o->response);
            kept[n++] = o;
        }
        json_decref(record);
    }
    return rv;
}

/* All records that had come to the hook have failed. */
static apr_status_t fail_kept(work_t *w, outcome_t **kept, json_t **precords,
                              const flow_error_t *why, flow_error_t *err)
{
    size_t i, n = json_array_size(*precords);
    apr_status_t rv = APR_SUCCESS;

    for (i = 0; i < n && rv == APR_SUCCESS; ++i) {
        rv = fail_outcome(w, kept[i], why, FLOW_SOURCE_RESPONSE_MAPPING, err);
    }
    if (!w->step->proceed_on_failure) {
        json_array_clear(*precords);
    }
    return rv;
}

static apr_status_t post_response_map(work_t *w, json_t **precords,
                                      const json_t *responses, outcome_t **kept,
                                      flow_error_t *err)
{
    flow_error_t why = FLOW_ERROR_INIT;
    json_t *edited = NULL;

    if (!w->step->post_response_map.script || !json_array_size(*precords)) {
        return APR_SUCCESS;
    }
    if (flow_hook_post_response_map(w->scope, &w->step->post_response_map,
                                    *precords, responses, &edited, w->p,
                                    &why) != APR_SUCCESS) {
        return fail_kept(w, kept, precords, &why, err);
    }
    json_decref(*precords);
    *precords = edited;
    return APR_SUCCESS;
}

static void start_work(work_t *w, flow_runner_t *runner, int i,
                       const json_t *records, apr_pool_t *p)
{
    const flow_step_t *step = &runner->run->flow->steps[i];
    size_t k;

    w->runner = runner;
    w->step = step;
    w->scope = &runner->scopes[i];
    w->index = i + 1;
    w->id = step->import ? step->import->id : step->lookup->id;
    w->trace_key =
        step->import ? step->import->trace_key : step->lookup->trace_key;
    w->data_uri =
        step->import ? step->import->data_uri : step->lookup->data_uri;
    w->p = p;
    w->n = json_array_size(records);
    w->outcomes = apr_pcalloc(p, (w->n ? w->n : 1) * sizeof(*w->outcomes));
    for (k = 0; k < w->n; ++k) {
        w->outcomes[k].record = json_array_get(records, k);
    }
}

apr_status_t flow_step_run(flow_runner_t *runner, int i, json_t **precords,
                           apr_pool_t *p, flow_error_t *err)
{
    json_t *next = NULL, *responses = NULL;
    outcome_t **kept;
    apr_status_t rv;
    work_t w;
    size_t k;

    start_work(&w, runner, i, *precords, p);
    kept = apr_pcalloc(p, (w.n ? w.n : 1) * sizeof(*kept));
    rv = w.step->import ? import_records(&w, *precords, err)
                        : lookup_records(&w, err);
    if (rv == APR_SUCCESS) {
        rv = collect_survivors(&w, &next, &responses, kept, err);
    }
    if (rv == APR_SUCCESS) {
        rv = post_response_map(&w, &next, responses, kept, err);
    }
    for (k = 0; k < w.n; ++k) {
        json_decref(w.outcomes[k].response);
    }
    json_decref(responses);
    if (rv != APR_SUCCESS) {
        json_decref(next);
        return rv;
    }
    json_decref(*precords);
    *precords = next;
    return APR_SUCCESS;
}

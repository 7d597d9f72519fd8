/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline of an import. Its records go through the stages side by side,
 * because hooks and far ends take them by the page; one that fails or is
 * ignored stays behind at its stage.
 */
#include "flow/flow_import_private.h"

#include <string.h>

#include "base/flow_log.h"
#include "data/flow_json.h"
#include "data/flow_value.h"
#include "flow/flow_breaker.h"
#include "flow/flow_hooks.h"
#include "flow/flow_record.h"

/* ---- leaving the pipeline ---- */

/* Steals @a errors. */
static json_t *failed_response(json_t *errors)
{
    json_t *response = json_object();

    json_object_set_new(response, "statusCode", json_integer(422));
    json_object_set_new(response, "ignored", json_false());
    json_object_set_new(response, "errors", errors);
    return response;
}

static void fail_with(flow_import_item_t *item, json_t *errors)
{
    item->result->response = failed_response(errors);
    item->result->is_failed = 1;
}

static void fail(flow_import_item_t *item, const flow_error_t *err,
                 const char *source)
{
    json_t *errors = json_array();

    json_array_append_new(errors, flow_record_error_from(err, source));
    fail_with(item, errors);
}

static void ignore(flow_import_item_t *item)
{
    item->result->response = flow_import_ignored();
    item->result->is_ignored = 1;
}

/* A hook broke: everything that had come to it fails. */
static void fail_all(flow_import_work_t *w, const flow_error_t *err,
                     const char *source)
{
    size_t i;

    for (i = 0; i < w->n; ++i) {
        fail(&w->items[i], err, source);
    }
    if (w->page->broken.kind == FLOW_E_NONE) {
        w->page->broken = *err;
        w->page->broken_source = source;
    }
}

static void release(flow_import_item_t *item)
{
    json_decref(item->original);
    json_decref(item->mapped);
    item->original = item->mapped = NULL;
}

/* Close the gaps that a stage has left. */
static void close_ranks(flow_import_work_t *w)
{
    size_t i, n = 0;

    for (i = 0; i < w->n; ++i) {
        if (w->items[i].result->response) {
            release(&w->items[i]);
        }
        else {
            w->items[n++] = w->items[i];
        }
    }
    w->n = n;
}

static void log_errors(const flow_import_work_t *w, flow_import_item_t *item,
                       const json_t *errors, const char *source)
{
    json_t *normal = flow_record_errors_normal(errors, source, w->p);

    if (item->result->logged) {
        json_array_extend(item->result->logged, normal);
        json_decref(normal);
    }
    else {
        item->result->logged = normal;
    }
}

/* ---- stages ---- */

static void filter_items(flow_import_work_t *w)
{
    size_t i;

    for (i = 0; i < w->n; ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        int pass = 1;

        if (flow_scope_filter(w->scope, &w->imp->filter, w->items[i].original,
                              &pass, w->p, &err) != APR_SUCCESS) {
            fail(&w->items[i], &err, FLOW_SOURCE_IMPORT_FILTER);
        }
        else if (!pass) {
            ignore(&w->items[i]);
        }
    }
    close_ranks(w);
}

static json_t *gather_originals(const flow_import_work_t *w)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < w->n; ++i) {
        json_array_append(list, w->items[i].original);
    }
    return list;
}

static json_t *gather_mapped(const flow_import_work_t *w)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < w->n; ++i) {
        json_array_append(list, w->items[i].mapped);
    }
    return list;
}

/* @a mapped: the hook was postMap, its data takes the mapped record's place. */
static void apply_verdicts(flow_import_work_t *w, const json_t *verdicts,
                           int mapped, const char *source)
{
    size_t i;

    for (i = 0; i < w->n; ++i) {
        flow_import_item_t *item = &w->items[i];
        json_t **pvalue = mapped ? &item->mapped : &item->original;
        const json_t *data, *errors;

        switch (
            flow_hook_verdict(json_array_get(verdicts, i), &data, &errors)) {
        case FLOW_VERDICT_GO:
            json_decref(*pvalue);
            *pvalue = flow_record_ref(data);
            if (errors) {
                log_errors(w, item, errors, source);
            }
            break;
        case FLOW_VERDICT_FAIL:
            fail_with(item, flow_record_errors_normal(errors, source, w->p));
            break;
        case FLOW_VERDICT_IGNORE:
            ignore(item);
            break;
        }
    }
}

static void pre_map_items(flow_import_work_t *w)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *originals, *verdicts = NULL;

    if (!w->imp->pre_map.script || !w->n) {
        return;
    }
    originals = gather_originals(w);
    if (flow_hook_pre_map(w->scope, &w->imp->pre_map, originals, &verdicts,
                          w->p, &err) == APR_SUCCESS) {
        apply_verdicts(w, verdicts, 0, FLOW_SOURCE_PRE_MAP);
    }
    else {
        fail_all(w, &err, FLOW_SOURCE_PRE_MAP);
    }
    json_decref(originals);
    json_decref(verdicts);
    close_ranks(w);
}

static json_t *without_parent(const json_t *record)
{
    json_t *copy = flow_value_copy(record);

    json_object_del(copy, "_PARENT");
    return copy;
}

static void map_items(flow_import_work_t *w)
{
    const flow_import_t *imp = w->imp;
    size_t i;

    flow_scope_remember(w->scope);
    for (i = 0; i < w->n; ++i) {
        flow_import_item_t *item = &w->items[i];
        flow_error_t err = FLOW_ERROR_INIT;

        if (imp->mapping) {
            const char *source = NULL;

            if (flow_import_map(w->scope, item->original, &item->mapped,
                                &source, w->p, &err) != APR_SUCCESS) {
                fail(item, &err, source);
            }
        }
        else if (imp->one_to_many) {
            /* the child goes out as it came, its parent is our addition */
            item->mapped = without_parent(item->original);
        }
        else {
            item->mapped = json_incref(item->original);
        }
    }
    flow_scope_forget(w->scope);
    close_ranks(w);
}

static void post_map_items(flow_import_work_t *w)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *originals, *mapped, *verdicts = NULL;

    if (!w->imp->post_map.script || !w->n) {
        return;
    }
    originals = gather_originals(w);
    mapped = gather_mapped(w);
    if (flow_hook_post_map(w->scope, &w->imp->post_map, originals, mapped,
                           &verdicts, w->p, &err) == APR_SUCCESS) {
        apply_verdicts(w, verdicts, 1, FLOW_SOURCE_POST_MAP);
    }
    else {
        fail_all(w, &err, FLOW_SOURCE_POST_MAP);
    }
    json_decref(originals);
    json_decref(mapped);
    json_decref(verdicts);
    close_ranks(w);
}

/* ---- submit ---- */

static json_t *status_error(apr_int64_t status)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *errors = json_array();
    json_t *error;

    flow_error_set(&err, FLOW_E_REFUSED, APR_EGENERAL, "import_failed",
                   "the import answered status %" APR_INT64_T_FMT, status);
    error = flow_record_error_from(&err, FLOW_SOURCE_APPLICATION);
    json_array_append_new(errors, error);
    return errors;
}

/* A response element decides what became of its record: its errors do. The
 * status alone only where no hook has had a say, since dropping the errors is
 * how postSubmit forgives. */
static void judge(const flow_import_work_t *w, flow_import_item_t *item,
                  const json_t *element)
{
    json_t *response = json_copy((json_t *)element);
    json_t *errors = flow_record_errors_normal(
        json_object_get(response, "errors"), FLOW_SOURCE_APPLICATION, w->p);
    apr_int64_t status = -1;

    flow_json_int64(json_object_get(response, "statusCode"), &status);
    if (!json_array_size(errors) && status >= 300 &&
        !w->imp->post_submit.script) {
        json_decref(errors);
        errors = status_error(status);
    }
    item->result->is_failed = json_array_size(errors) > 0;
    json_object_set(response, "errors", errors);
    if (status < 0 || (status >= 300 && !item->result->is_failed)) {
        json_object_set_new(response, "statusCode",
                            json_integer(item->result->is_failed ? 422 : 200));
    }
    item->result->is_ignored =
        !item->result->is_failed &&
        json_is_true(json_object_get(response, "ignored"));
    if (!item->result->is_failed && w->imp->data_uri) {
        flow_record_set_text(
            response, "dataURI",
            flow_record_link(w->imp->data_uri, item->incoming, response, w->p));
    }
    item->result->response = response;
    json_decref(errors);
}

/* The file is there, or it is not: what goes wrong here changes nothing about
 * the records, and stands in the script log. */
static void post_aggregate(const flow_import_work_t *w, const json_t *responses)
{
    flow_error_t err = FLOW_ERROR_INIT;

    if (w->imp->post_aggregate.script && !w->scope->caller->test_mode &&
        flow_hook_post_aggregate(w->scope, &w->imp->post_aggregate, responses,
                                 w->p, &err) != APR_SUCCESS) {
        flow_log(FLOW_LOG_WARNING,
                 FLOW_LOGNO(0430) "import '%s': %s; the file stays as it is",
                 w->imp->id, err.message);
    }
}

static void submit_items(flow_import_work_t *w)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *originals, *mapped, *responses, *edited = NULL;
    size_t i;

    if (!w->n) {
        return;
    }
    originals = gather_originals(w);
    mapped = gather_mapped(w);
    responses = flow_import_submit(w, mapped, originals);
    post_aggregate(w, responses);
    responses = flow_import_transform(w->scope, responses, w->p);
    if (w->imp->post_submit.script &&
        flow_hook_post_submit(w->scope, &w->imp->post_submit, originals, mapped,
                              responses, &edited, w->p, &err) != APR_SUCCESS) {
        fail_all(w, &err, FLOW_SOURCE_POST_SUBMIT);
    }
    else {
        for (i = 0; i < w->n; ++i) {
            judge(w, &w->items[i],
                  json_array_get(edited ? edited : responses, i));
        }
    }
    json_decref(originals);
    json_decref(mapped);
    json_decref(responses);
    json_decref(edited);
    close_ranks(w);
}

/* ---- the whole ---- */

static void run_stages(flow_import_work_t *w)
{
    filter_items(w);
    pre_map_items(w);
    map_items(w);
    post_map_items(w);
    submit_items(w);
}

static void count(flow_import_page_t *page, const flow_import_result_t *results,
                  size_t n)
{
    size_t i;

    for (i = 0; i < n; ++i) {
        if (results[i].is_failed) {
            ++page->error;
        }
        else if (results[i].is_ignored) {
            ++page->ignore;
        }
        else {
            ++page->success;
        }
    }
}

static apr_status_t results_cleanup(void *data)
{
    flow_import_page_t *page = data;
    size_t i;

    for (i = 0; i < page->n; ++i) {
        json_decref(page->results[i].response);
        json_decref(page->results[i].logged);
        json_decref(page->results[i].exchange);
    }
    page->n = 0;
    return APR_SUCCESS;
}

/* Results in @a p, as many as there are records. */
static flow_import_page_t *make_results(size_t n, apr_pool_t *p)
{
    flow_import_page_t *page = apr_pcalloc(p, sizeof(*page));

    page->n = n;
    page->results = apr_pcalloc(p, (n ? n : 1) * sizeof(*page->results));
    apr_pool_cleanup_register(p, page, results_cleanup, apr_pool_cleanup_null);
    return page;
}

static void start_items(flow_import_work_t *w, const json_t *records,
                        apr_pool_t *p)
{
    size_t i, n = json_array_size(records);

    w->n = n;
    w->items = apr_pcalloc(p, (n ? n : 1) * sizeof(*w->items));
    for (i = 0; i < n; ++i) {
        w->items[i].incoming = json_array_get(records, i);
        w->items[i].original = json_incref(json_array_get(records, i));
        w->items[i].result = &w->page->results[i];
        if (w->imp->id_lock) {
            w->items[i].lock =
                flow_import_lock_key(w->scope, w->items[i].original, p);
        }
    }
}

/* The children of all parents go through the stages together. */
static void run_many(flow_import_work_t *w, const json_t *records)
{
    flow_import_page_t *parents = w->page, *page;
    size_t i, n = json_array_size(records), done = 0;
    json_t *all = json_array();
    size_t *counts = apr_pcalloc(w->p, (n ? n : 1) * sizeof(*counts));

    for (i = 0; i < n; ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        flow_import_item_t parent = { .result = &parents->results[i] };
        json_t *children = NULL;

        if (flow_import_children(w->imp->path_to_many,
                                 json_array_get(records, i), &children,
                                 &err) != APR_SUCCESS) {
            fail(&parent, &err, FLOW_SOURCE_MAPPING);
            ++parents->error;
        }
        else {
            counts[i] = json_array_size(children);
            parents->ignore += !counts[i];
            json_array_extend(all, children);
        }
        json_decref(children);
    }
    w->page = page = make_results(json_array_size(all), w->p);
    start_items(w, all, w->p);
    run_stages(w);
    for (i = 0; i < n; ++i) {
        if (!parents->results[i].response) {
            flow_import_join(page->results + done, counts[i],
                             &parents->results[i]);
            done += counts[i];
        }
    }
    count(parents, page->results, page->n);
    parents->broken = page->broken;
    parents->broken_source = page->broken_source;
    json_decref(all);
}

void flow_import_page(flow_scope_t *scope, const json_t *records,
                      const char *page_key, flow_import_page_t *page,
                      apr_pool_t *p)
{
    flow_import_work_t w = { scope, scope->imp, NULL, NULL, 0, page_key, p };

    w.page = make_results(json_array_size(records), p);
    if (scope->imp->one_to_many) {
        flow_import_page_t *parents = w.page;

        run_many(&w, records);
        w.page = parents;
    }
    else {
        start_items(&w, records, p);
        run_stages(&w);
        count(w.page, w.page->results, w.page->n);
    }
    *page = *w.page;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One export run to its end for somebody who wants all records at once:
 * exports.run, FlowAPI export:ID, a lookup step.
 */
#include "flow/flow_run.h"

#include "data/flow_json.h"
#include "flow/flow_export.h"
#include "flow/flow_pages.h"
#include "flow/flow_record.h"

/* What collects. */
typedef struct collect_t {
    json_t *data, *errors;
    apr_size_t size;
} collect_t;

/* {code, message, source} of an error of a page; what could be retried is of
 * no use to somebody who has it anyway. */
static void add_errors(collect_t *c, const json_t *errors)
{
    static const char *const names[] = { "code", "message", "source" };
    size_t i, k, n = json_array_size(errors);

    for (i = 0; i < n; ++i) {
        const json_t *from = json_array_get(errors, i);
        json_t *error = json_object();

        for (k = 0; k < sizeof(names) / sizeof(names[0]); ++k) {
            flow_record_share(error, names[k], json_object_get(from, names[k]));
        }
        c->size += flow_record_size(error, FLOW_PAGE_BYTES);
        json_array_append_new(c->errors, error);
    }
}

static apr_status_t add_page(collect_t *c, const flow_export_t *exp,
                             const flow_pages_page_t *page, flow_error_t *err)
{
    c->size += flow_record_size(page->records, FLOW_PAGE_BYTES);
    add_errors(c, page->errors);
    if (c->size > FLOW_PAGE_BYTES) {
        return flow_error_set(err, FLOW_E_REFUSED, APR_ENOSPC, "too_large",
                              "export '%s' gives more than 5 MB of records at "
                              "once; let a flow take them page by page",
                              exp->id);
    }
    json_array_extend(c->data, page->records);
    return APR_SUCCESS;
}

static apr_status_t collect_pages(flow_pages_t *pages, flow_scope_t *scope,
                                  collect_t *c, apr_pool_t *p,
                                  flow_error_t *err)
{
    flow_pages_page_t page;
    apr_pool_t *scratch;
    apr_status_t rv = apr_pool_create(&scratch, p);

    while (rv == APR_SUCCESS) {
        apr_pool_clear(scratch);
        rv = flow_pages_next(pages, &page, scratch, err);
        if (rv != APR_SUCCESS) {
            break;
        }
        rv = add_page(c, scope->exp, &page, err);
        json_decref(page.records);
        json_decref(page.errors);
        if (scope->caller->test_mode && !page.is_pause) {
            break;
        }
    }
    apr_pool_destroy(scratch);
    return APR_STATUS_IS_EOF(rv) ? APR_SUCCESS : rv;
}

/* A listener has no records but those it is given. */
static json_t *given_records(const json_t *data)
{
    json_t *records;

    if (json_is_array(data)) {
        return flow_record_ref(data);
    }
    records = json_array();
    json_array_append(records, (json_t *)data);
    return records;
}

apr_status_t flow_export_collect(flow_scope_t *scope, const json_t *data,
                                 json_t **presult, apr_pool_t *p,
                                 flow_error_t *err)
{
    collect_t c = { json_array(), json_array(), 0 };
    json_t *given = NULL;
    apr_pool_t *scratch;
    flow_pages_t *pages;
    apr_status_t rv = apr_pool_create(&scratch, p);

    *presult = NULL;
    if (rv != APR_SUCCESS) {
        json_decref(c.data);
        json_decref(c.errors);
        return flow_error_set(err, FLOW_E_INTERNAL, rv, "out_of_memory",
                              "no memory for export '%s'", scope->exp->id);
    }
    pages = flow_pages_open(scope, scratch);
    flow_pages_leave(pages);
    if (scope->exp->webhook && data) {
        given = given_records(data);
        flow_pages_give(pages, given, 0);
    }
    else {
        flow_pages_feed(pages, data);
    }
    rv = collect_pages(pages, scope, &c, scratch, err);
    if (rv == APR_SUCCESS) {
        *presult = json_object();
        json_object_set(*presult, "data", c.data);
        json_object_set(*presult, "errors", c.errors);
    }
    apr_pool_destroy(scratch);
    json_decref(given);
    json_decref(c.data);
    json_decref(c.errors);
    return rv;
}

apr_status_t flow_export_run(const flow_env_t *env, const flow_caller_t *caller,
                             const flow_export_t *exp, const json_t *data,
                             json_t **presult, apr_pool_t *p, flow_error_t *err)
{
    flow_scope_t scope;

    apr_status_t rv;

    flow_scope_init(&scope, env, caller, exp, NULL, p);
    rv = flow_export_collect(&scope, data, presult, p, err);
    json_decref(flow_scope_take_exchange(&scope));
    return rv;
}

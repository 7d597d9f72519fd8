/* SPDX-License-Identifier: Apache-2.0 */
/*
 * size: one machine that turns what is read into pages; its state is nobody
 * else's.
 */
#include "flow/flow_pages.h"

#include <string.h>

#include <apr_strings.h>

#include "base/flow_peer.h"
#include "data/flow_json.h"
#include "data/flow_value.h"
#include "flow/flow_breaker.h"
#include "flow/flow_hooks.h"
#include "flow/flow_record.h"

#define PAGE_SIZE 20 /* of an export that does not say */

struct flow_pages_t {
    flow_scope_t *scope;
    const flow_export_t *exp;
    const json_t *input; /* borrowed, or NULL */
    const json_t *given; /* a listener's records, borrowed; NULL once taken */
    json_t *cursor;      /* where the connector goes on */
    json_t *file;        /* text: that the batch is from, or NULL */
    json_t *batch;       /* array: records that passed transform and filter */
    size_t handed;       /* of those: handed out */
    json_t *errors;      /* array: of records that did not pass */
    json_t *group;       /* array: rows so far of a record that may get more */
    apr_size_t group_size;
    json_t *mapped;  /* what the mapping of a lookup made of the input */
    int has_new;     /* the connector gave records since the last page */
    int is_given;    /* the batch is a listener's */
    int is_prepared; /* ... and has been transformed and filtered */
    int is_read;     /* there is nothing more to read */
    int is_aborted;
    int is_paused;     /* the connector has nothing yet */
    int leave;         /* the connector must not take what it reads */
    int page;          /* index of the next page */
    int skip;          /* pages of a given batch that are done already */
    apr_int64_t taken; /* records read so far, for test_limit */
    flow_keep_t keep;  /* the connector's */
};

static apr_status_t pages_cleanup(void *data)
{
    flow_pages_t *pages = data;

    json_decref(pages->cursor);
    json_decref(pages->file);
    json_decref(pages->batch);
    json_decref(pages->errors);
    json_decref(pages->group);
    json_decref(pages->mapped);
    return APR_SUCCESS;
}

flow_pages_t *flow_pages_open(flow_scope_t *scope, apr_pool_t *p)
{
    flow_pages_t *pages = apr_pcalloc(p, sizeof(*pages));

    pages->scope = scope;
    pages->exp = scope->exp;
    pages->batch = json_array();
    pages->errors = json_array();
    pages->group = json_array();
    apr_pool_create(&pages->keep.p, p);
    apr_pool_cleanup_register(p, pages, pages_cleanup, apr_pool_cleanup_null);
    return pages;
}

void flow_pages_feed(flow_pages_t *pages, const json_t *input)
{
    pages->input = input;
}

void flow_pages_give(flow_pages_t *pages, const json_t *records, int skip)
{
    pages->given = records;
    pages->is_given = 1;
    pages->skip = skip;
}

void flow_pages_prepared(flow_pages_t *pages)
{
    pages->is_prepared = 1;
}

void flow_pages_resume(flow_pages_t *pages, const json_t *position)
{
    const json_t *cursor = json_object_get(position, "cursor");
    json_t *rest = json_object_get(position, "rest");
    apr_int64_t page = 0;

    flow_json_int64(json_object_get(position, "page"), &page);
    flow_json_int64(json_object_get(position, "taken"), &pages->taken);
    pages->page = (int)page;
    if (cursor && !json_is_null(cursor)) {
        pages->cursor = flow_record_ref(cursor);
    }
    else if (page > 0) {
        pages->is_read = 1; /* what is left, if anything, is in `rest` */
    }
    if (json_is_array(rest)) {
        json_array_extend(pages->batch, rest);
    }
    if (flow_json_member(position, "file")) {
        pages->file = flow_record_ref(json_object_get(position, "file"));
    }
    rest = json_object_get(position, "group");
    if (json_is_array(rest)) {
        json_array_extend(pages->group, rest);
        pages->group_size = flow_record_size(rest, FLOW_PAGE_BYTES);
    }
}

json_t *flow_pages_position(const flow_pages_t *pages, int with_rest)
{
    json_t *position = json_object(), *rest;
    size_t i, n = json_array_size(pages->batch);

    json_object_set_new(position, "page", json_integer(pages->page));
    json_object_set_new(position, "cursor",
                        pages->cursor ? json_incref(pages->cursor)
                                      : json_null());
    if (pages->exp->test_limit > 0) {
        json_object_set_new(position, "taken", json_integer(pages->taken));
    }
    if (json_array_size(pages->group) && !pages->is_given &&
        !pages->is_aborted) {
        json_object_set_new(position, "group", json_copy(pages->group));
    }
    if (pages->is_given) {
        /* the event itself is kept; this only tells that it goes on */
        if (pages->handed < n && !pages->is_aborted) {
            json_object_set_new(position, "rest",
                                json_integer((json_int_t)(n - pages->handed)));
        }
    }
    else if (with_rest && !pages->is_aborted && pages->handed < n) {
        rest = json_array();
        for (i = pages->handed; i < n; ++i) {
            json_array_append(rest, json_array_get(pages->batch, i));
        }
        json_object_set_new(position, "rest", rest);
        flow_record_share(position, "file", pages->file);
    }
    return position;
}

int flow_pages_is_done(const flow_pages_t *pages)
{
    return pages->is_aborted ||
           (pages->is_read && pages->handed >= json_array_size(pages->batch));
}

/* ---- records ---- */

static size_t page_size(const flow_pages_t *pages)
{
    return pages->exp->page_size > 0 ? (size_t)pages->exp->page_size
                                     : PAGE_SIZE;
}

static void stop_reading(flow_pages_t *pages)
{
    json_decref(pages->cursor);
    pages->cursor = NULL;
    pages->is_read = 1;
}

static void add_error(flow_pages_t *pages, const flow_error_t *err,
                      const char *source, const json_t *record,
                      apr_pool_t *scratch)
{
    json_t *error = flow_record_error_from(err, source);

    flow_record_set_text(
        error, "traceKey",
        flow_record_trace_key(pages->exp->trace_key, record, scratch));
    flow_record_set_text(
        error, "exportDataURI",
        flow_record_link(pages->exp->data_uri, record, NULL, scratch));
    flow_record_share(error, "retryData", record);
    json_array_append_new(pages->errors, error);
}

/* A record through transform and output filter into the batch. What is wrong
 * with it becomes an error of the page, never of the run. */
static void take_record(flow_pages_t *pages, const json_t *raw,
                        apr_pool_t *scratch)
{
    const flow_export_t *exp = pages->exp;
    flow_error_t err = FLOW_ERROR_INIT;
    const char *source = FLOW_SOURCE_TRANSFORMATION;
    json_t *record = NULL;
    int pass = 1;
    apr_status_t rv;

    if (pages->is_prepared) {
        json_array_append(pages->batch, (json_t *)raw);
        return;
    }
    rv = flow_scope_transform(pages->scope, &exp->transform, raw, &record,
                              scratch, &err);
    if (rv == APR_SUCCESS) {
        source = FLOW_SOURCE_OUTPUT_FILTER;
        rv = flow_scope_filter(pages->scope, &exp->filter, record, &pass,
                               scratch, &err);
    }
    if (rv == APR_SUCCESS && pass &&
        flow_record_size(record, FLOW_PAGE_BYTES) > FLOW_PAGE_BYTES) {
        source = FLOW_SOURCE_INTERNAL;
        rv = flow_error_set(&err, FLOW_E_INPUT, APR_ENOSPC, "too_large",
                            "the record is larger than 5 MB");
    }
    if (rv != APR_SUCCESS) {
        add_error(pages, &err, source, raw, scratch);
    }
    else if (pass) {
        json_array_append(pages->batch, record);
    }
    json_decref(record);
}

/* ---- groupByFields ---- */

static int is_full(const flow_pages_t *pages)
{
    return pages->exp->test_limit > 0 && pages->taken >= pages->exp->test_limit;
}

static int is_same_group(const flow_export_t *exp, const json_t *a,
                         const json_t *b)
{
    int i, is_same = 1, has_key = exp->groups_empty;

    for (i = 0; i < exp->ngroup_by && is_same; ++i) {
        json_t *x = flow_path_get(exp->group_by[i], a);
        json_t *y = flow_path_get(exp->group_by[i], b);

        is_same = x && y ? flow_json_equal(x, y) : x == y;
        has_key |= !flow_value_is_empty(x);
        json_decref(x);
        json_decref(y);
    }
    return is_same && has_key;
}

static void close_group(flow_pages_t *pages, apr_pool_t *scratch)
{
    json_t *group = pages->group;

    if (json_array_size(group) && !is_full(pages)) {
        pages->group = json_array();
        pages->group_size = 0;
        ++pages->taken;
        take_record(pages, group, scratch);
        json_decref(group);
    }
}

/* A group beyond all measure is refused when it is closed; what it would have
 * got besides is not kept until then. */
static void add_row(flow_pages_t *pages, json_t *row, apr_pool_t *scratch)
{
    if (json_array_size(pages->group) &&
        !is_same_group(pages->exp, json_array_get(pages->group, 0), row)) {
        close_group(pages, scratch);
    }
    if (!is_full(pages) && pages->group_size <= FLOW_PAGE_BYTES) {
        pages->group_size += flow_record_size(row, FLOW_PAGE_BYTES);
        json_array_append(pages->group, row);
    }
}

static void take_records(flow_pages_t *pages, const json_t *records,
                         apr_pool_t *scratch)
{
    size_t i, n = json_array_size(records);
    apr_pool_t *each = NULL;

    apr_pool_create(&each, scratch);
    for (i = 0; i < n && !is_full(pages); ++i) {
        json_t *raw = json_array_get(records, i);

        apr_pool_clear(each);
        if (pages->exp->ngroup_by) {
            add_row(pages, raw, each);
        }
        else {
            ++pages->taken;
            take_record(pages, raw, each);
        }
    }
    pages->has_new |= n > 0;
    if (is_full(pages)) {
        json_array_clear(pages->group);
        stop_reading(pages);
    }
    if (pages->is_read) {
        close_group(pages, each);
    }
    apr_pool_destroy(each);
}

/* mockOutput in the place of what the far end would say; grouped rows are a
 * record already. */
static void take_mock(flow_pages_t *pages, apr_pool_t *scratch)
{
    const json_t *page = pages->exp->mock;
    size_t i, n = json_array_size(page);

    stop_reading(pages);
    for (i = 0; i < n && !is_full(pages); ++i) {
        const json_t *item = json_array_get(page, i);
        const json_t *rows = json_object_get(item, "rows");

        ++pages->taken;
        take_record(pages, rows ? rows : json_object_get(item, "record"),
                    scratch);
    }
}

/* ---- reading ---- */

/* What a lookup sends may be a mapping of its record. */
static apr_status_t map_input(flow_pages_t *pages, apr_pool_t *scratch,
                              flow_error_t *err)
{
    if (!pages->exp->mapping || !pages->input || pages->mapped) {
        return APR_SUCCESS;
    }
    return flow_mapping_apply_with(pages->exp->mapping, pages->input,
                                   &pages->scope->mapping, &pages->mapped,
                                   scratch, err);
}

/* One page of the connector into the batch. */
/* Nobody waits for what an API reads any more. */
static int is_client_gone(const flow_pages_t *pages)
{
    const int *client = pages->scope->caller->client;

    return client && flow_peer_is_gone(*client);
}

static apr_status_t read_page(flow_pages_t *pages, apr_pool_t *scratch,
                              flow_error_t *err)
{
    const flow_export_t *exp = pages->exp;
    flow_page_t page = { 0 };
    json_t *exchange = NULL;
    flow_call_t call;
    apr_status_t rv;

    if (exp->mock && pages->scope->caller->test_mode) {
        take_mock(pages, scratch);
        return APR_SUCCESS;
    }
    if (!exp->connector || !exp->connector->export_page) {
        pages->scope->failed_source = FLOW_SOURCE_RESOURCE;
        return flow_error_set(err, FLOW_E_CONFIG, APR_ENOTIMPL, "cannot_export",
                              "export '%s' is a listener; it has no records "
                              "of its own, give it data",
                              exp->id);
    }
    if (is_client_gone(pages)) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR, "client_gone",
                              "the client has gone before export '%s' was read",
                              exp->id);
    }
    rv = map_input(pages, scratch, err);
    if (rv != APR_SUCCESS) {
        return flow_error_prefix(err, "export '%s'", exp->id);
    }
    rv = flow_breaker_enter(pages->scope->env, exp->connection, err);
    if (rv == APR_SUCCESS) {
        flow_scope_call(pages->scope, &call);
        flow_scope_call_lookups(pages->scope, &call, pages->input, scratch);
        call.leave = pages->leave;
        call.mapped = pages->mapped;
        call.exchange = &exchange;
        call.keep = &pages->keep;
        rv = exp->connector->export_page(exp, &call, pages->input,
                                         pages->cursor, &page, scratch, err);
        flow_breaker_leave(pages->scope->env, pages->scope->caller,
                           exp->connection, rv, err, scratch);
    }
    if (rv != APR_SUCCESS) {
        json_decref(page.records);
        json_decref(page.cursor);
        json_decref(page.errors);
        pages->scope->failed_source = flow_error_source(err);
        json_decref(pages->scope->exchange);
        pages->scope->exchange = exchange;
        return flow_error_prefix(err, "export '%s'", exp->id);
    }
    json_decref(exchange);
    json_decref(pages->cursor);
    pages->cursor = page.cursor;
    json_decref(pages->file);
    pages->file = page.file ? flow_record_text(page.file) : NULL;
    pages->is_read = page.cursor == NULL;
    if (page.errors) {
        json_array_extend(pages->errors, page.errors);
        json_decref(page.errors);
    }
    take_records(pages, page.records, scratch);
    json_decref(page.records);
    pages->is_paused = page.pause && page.cursor &&
                       json_array_size(pages->batch) == 0 &&
                       json_array_size(pages->errors) == 0;
    return APR_SUCCESS;
}

static int is_stopping(const flow_pages_t *pages)
{
    volatile apr_uint32_t *stopping = pages->scope->caller->stopping;

    return stopping && *stopping;
}

/* What a connector takes when the next page is asked for must have gone
 * through the steps before: one page of it at a time. */
static int must_hand_over(const flow_pages_t *pages)
{
    return pages->exp->connector && pages->exp->connector->takes &&
           !pages->leave &&
           (json_array_size(pages->batch) > 0 ||
            json_array_size(pages->errors) > 0 ||
            (pages->has_new && json_array_size(pages->group) > 0 &&
             !pages->scope->caller->test_mode)); /* a test takes nothing */
}

void flow_pages_leave(flow_pages_t *pages)
{
    pages->leave = 1;
}

/* Read until a whole page is there or nothing is left. */
static apr_status_t read_batch(flow_pages_t *pages, apr_pool_t *scratch,
                               flow_error_t *err)
{
    size_t wanted = page_size(pages);
    apr_status_t rv = APR_SUCCESS;

    json_array_clear(pages->batch);
    pages->handed = 0;
    pages->has_new = 0;
    if (pages->given) {
        const json_t *given = pages->given;

        pages->given = NULL;
        pages->is_read = 1;
        take_records(pages, given, scratch);
    }
    while (rv == APR_SUCCESS && !pages->is_read && !pages->is_paused &&
           json_array_size(pages->batch) < wanted && !must_hand_over(pages)) {
        if (is_stopping(pages)) {
            return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR,
                                  "stopping", "the server is stopping");
        }
        rv = read_page(pages, scratch, err);
    }
    return rv;
}

/* ---- cutting ---- */

/* New array: the next page_size records, fewer when they are large. */
static json_t *cut(flow_pages_t *pages)
{
    size_t n = json_array_size(pages->batch), count;
    apr_size_t size = 0;
    json_t *records = json_array();

    for (count = 0; count < page_size(pages) && pages->handed < n;
         ++count, ++pages->handed) {
        json_t *record = json_array_get(pages->batch, pages->handed);

        size += flow_record_size(record, FLOW_PAGE_BYTES);
        if (count && size > FLOW_PAGE_BYTES) {
            break;
        }
        json_array_append(records, record);
    }
    return records;
}

/* An event's pages are cut the same way every time, so those that are done can
 * be counted off. Errors of its records were told with the first of them. */
static void skip_done_pages(flow_pages_t *pages)
{
    while (pages->skip > 0) {
        json_decref(cut(pages));
        ++pages->page;
        if (--pages->skip == 0) {
            json_array_clear(pages->errors);
        }
    }
}

/* ---- preSavePage ---- */

/* The errors so far as the hook knows them: with keys into retryData. */
static void split_errors(const flow_pages_t *pages, flow_save_page_t *save,
                         apr_pool_t *scratch)
{
    size_t i, n = json_array_size(pages->errors);

    save->errors = json_array();
    save->retry_data = json_object();
    for (i = 0; i < n; ++i) {
        const json_t *from = json_array_get(pages->errors, i);
        json_t *error = json_copy((json_t *)from), *retry = json_object();
        const char *key = apr_psprintf(scratch, "r%lu", (unsigned long)i);

        json_object_del(error, "retryData");
        json_object_del(error, "traceKey");
        flow_record_set_text(error, "retryDataKey", key);
        json_array_append_new(save->errors, error);

        flow_record_share(retry, "data", json_object_get(from, "retryData"));
        flow_record_set_text(retry, "stage", "export");
        flow_record_share(retry, "traceKey", json_object_get(from, "traceKey"));
        json_object_set_new(save->retry_data, key, retry);
    }
}

static void put_error(const flow_pages_t *pages, json_t *out,
                      const json_t *element, const json_t *retry_data,
                      apr_pool_t *scratch)
{
    json_t *error =
        flow_record_error_normal(element, FLOW_SOURCE_PRE_SAVE_PAGE, scratch);

    if (retry_data && !json_is_null(retry_data)) {
        flow_record_set_text(
            error, "traceKey",
            flow_record_trace_key(pages->exp->trace_key, retry_data, scratch));
        flow_record_set_text(
            error, "exportDataURI",
            flow_record_link(pages->exp->data_uri, retry_data, NULL, scratch));
        flow_record_share(error, "retryData", retry_data);
    }
    json_array_append_new(out, error);
}

/* The other way: what the hook left, and what it added. */
static json_t *join_errors(const flow_pages_t *pages,
                           const flow_save_page_t *save, apr_pool_t *scratch)
{
    json_t *out = json_array();
    size_t i, k, n = json_array_size(save->errors);

    for (i = 0; i < n; ++i) {
        const json_t *element = json_array_get(save->errors, i);
        const char *key = flow_json_member(element, "retryDataKey");
        const json_t *retry =
            key ? json_object_get(save->retry_data, key) : NULL;

        put_error(pages, out, element, json_object_get(retry, "data"), scratch);
    }
    n = json_array_size(save->more);
    for (i = 0; i < n; ++i) {
        const json_t *more = json_array_get(save->more, i);
        const json_t *retry = json_object_get(more, "retryData");
        json_t *list =
            flow_record_errors_normal(json_object_get(more, "errors"),
                                      FLOW_SOURCE_PRE_SAVE_PAGE, scratch);

        for (k = 0; k < json_array_size(list); ++k) {
            put_error(pages, out, json_array_get(list, k), retry, scratch);
        }
        json_decref(list);
    }
    return out;
}

static apr_status_t save_page(flow_pages_t *pages, flow_pages_page_t *page,
                              apr_pool_t *scratch, flow_error_t *err)
{
    flow_save_page_t save = { 0 };
    apr_status_t rv;

    save.records = page->records;
    save.file = flow_json_string(pages->file, NULL);
    save.index =
        pages->exp->is_lookup || pages->exp->webhook ? -1 : pages->page;
    split_errors(pages, &save, scratch);
    rv = flow_hook_pre_save_page(pages->scope, &pages->exp->pre_save_page,
                                 &save, scratch, err);
    page->records = save.records;
    if (rv != APR_SUCCESS) {
        pages->scope->failed_source = FLOW_SOURCE_PRE_SAVE_PAGE;
    }
    else {
        page->errors = join_errors(pages, &save, scratch);
        if (save.abort) {
            pages->is_aborted = 1;
            stop_reading(pages);
        }
        json_array_clear(pages->errors);
    }
    json_decref(save.errors);
    json_decref(save.retry_data);
    json_decref(save.more);
    return rv;
}

static void hand_out_errors(flow_pages_t *pages, flow_pages_page_t *page)
{
    page->errors = pages->errors;
    pages->errors = json_array();
}

apr_status_t flow_pages_next(flow_pages_t *pages, flow_pages_page_t *page,
                             apr_pool_t *scratch, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;

    memset(page, 0, sizeof(*page));
    if (pages->is_aborted) {
        return APR_EOF;
    }
    if (pages->handed >= json_array_size(pages->batch)) {
        rv = read_batch(pages, scratch, err);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        skip_done_pages(pages);
    }
    if (pages->is_paused) {
        pages->is_paused = 0;
        page->records = json_array();
        page->errors = json_array();
        page->index = pages->page;
        page->at_boundary = page->is_pause = 1;
        return APR_SUCCESS;
    }
    /* Nothing but rows of a group that goes on is a page, too, for the sake
     * of a connector that takes what it gives: they are in its position. */
    if (pages->handed >= json_array_size(pages->batch) &&
        !json_array_size(pages->errors) && !json_array_size(pages->group)) {
        return APR_EOF;
    }
    page->records = cut(pages);
    page->index = pages->page;
    if (pages->exp->pre_save_page.script &&
        (json_array_size(page->records) || json_array_size(pages->errors))) {
        rv = save_page(pages, page, scratch, err);
    }
    else {
        hand_out_errors(pages, page);
    }
    if (rv != APR_SUCCESS) {
        json_decref(page->records);
        page->records = NULL;
        return rv;
    }
    ++pages->page;
    page->at_boundary = pages->is_given || pages->is_aborted ||
                        pages->handed >= json_array_size(pages->batch);
    return APR_SUCCESS;
}

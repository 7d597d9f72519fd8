/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_PAGES_H
#define FLOW_PAGES_H

#include "flow/flow_scope.h"

/**
 * The pages of an export, as they are handed downstream: what the connector
 * (or the listener's event) gave, transformed, filtered, cut anew to the
 * export's pageSize and passed through preSavePage.
 *
 * A *batch* is what was read before it was cut: usually one page of the
 * connector, several when they are smaller than pageSize. Reading can go on
 * after a batch, in another process, so that is where a run is saved. Memory:
 * one batch.
 */
typedef struct flow_pages_t flow_pages_t;

typedef struct flow_pages_page_t {
    json_t *records; /* new array */
    json_t *errors;  /* new array of {code, message, source} and, when there is
                        something to retry, retryData and traceKey */
    int index;       /* from 0, counted on after a resume */
    int at_boundary; /* nothing of the batch is left */
    int is_pause;    /* no page at all: only the position has changed */
} flow_pages_page_t;

/** @a scope is that of an export and must live as long. */
flow_pages_t *flow_pages_open(flow_scope_t *scope, apr_pool_t *p);
/** Record(s) that feed the connector; borrowed until the last page. */
void flow_pages_feed(flow_pages_t *pages, const json_t *input);
/** Take these records (array) instead of reading any: a listener's. They are
 * one batch. The first @a skip pages have been done by an earlier run. */
void flow_pages_give(flow_pages_t *pages, const json_t *records, int skip);
/** The given records have been through transform and filter already. */
void flow_pages_prepared(flow_pages_t *pages);
/** Nothing that is read may be taken at the far end (flow_call_t.leave). */
void flow_pages_leave(flow_pages_t *pages);
/** Go on where flow_pages_position() said. */
void flow_pages_resume(flow_pages_t *pages, const json_t *position);

/** The next page; APR_EOF (without @a err) after the last one. An error means
 * that the export failed or preSavePage broke its contract: scope->failed_source
 * says which, scope->exchange may have the call that failed. @a scratch must
 * last until the page has been dealt with. */
apr_status_t flow_pages_next(flow_pages_t *pages, flow_pages_page_t *page,
                             apr_pool_t *scratch, flow_error_t *err);

/** Was the page handed out last the last one? */
int flow_pages_is_done(const flow_pages_t *pages);

/** New: {page, cursor, rest}: where reading goes on after the page handed out
 * last. @a with_rest: at any page, by keeping the records of the batch that
 * were not handed out; else right only at a boundary. (A listener's position
 * is its page; `rest` then only says how many records are left.) */
json_t *flow_pages_position(const flow_pages_t *pages, int with_rest);

#endif

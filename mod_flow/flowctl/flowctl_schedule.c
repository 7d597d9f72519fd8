/* SPDX-License-Identifier: Apache-2.0 */
#include "flowctl/flowctl.h"

#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "data/flow_cron.h"
#include "data/flow_json.h"
#include "jobs/flow_errors.h"
#include "jobs/flow_ticks.h"

#define COUNT_DEFAULT 5
#define COUNT_MAX     1000

/* ---- list ---- */

static json_t *row_json(const flowctl_t *ctl, const flow_tick_row_t *row)
{
    json_t *v = json_object();

    flow_json_put(v, "_flowId", row->flow_id, ctl->p);
    if (row->name[0]) {
        flow_json_put(v, "_exportId", row->name, ctl->p);
    }
    flow_json_put(v, "schedule", row->definition, ctl->p);
    flow_json_put(v, "nextAt", flowctl_time(ctl, row->next_at, NULL), ctl->p);
    flow_json_put(v, "lastAt", flowctl_time(ctl, row->last_at, NULL), ctl->p);
    flow_json_put(v, "_lastJobId", row->last_job_id, ctl->p);
    json_object_set_new(v, "merged", json_integer((json_int_t)row->merged));
    return v;
}

static int print_rows(flowctl_t *ctl, const apr_array_header_t *rows)
{
    json_t *list = ctl->json ? json_array() : NULL;
    int i;

    for (i = 0; i < rows->nelts; ++i) {
        const flow_tick_row_t *row = &APR_ARRAY_IDX(rows, i, flow_tick_row_t);

        if (list) {
            json_array_append_new(list, row_json(ctl, row));
            continue;
        }
        printf("%s%s%s  next %s  last %s  %s", row->flow_id,
               row->name[0] ? " " : "", row->name,
               flowctl_time(ctl, row->next_at, "-"),
               flowctl_time(ctl, row->last_at, "-"), row->definition);
        if (row->merged) {
            printf("  (%ld merged)", (long)row->merged);
        }
        putchar('\n');
    }
    return list ? flowctl_print_json(list) : FLOWCTL_OK;
}

int flowctl_schedule_list(flowctl_t *ctl)
{
    int rc = flowctl_options(ctl, NULL, NULL, 0);
    flow_error_t err = FLOW_ERROR_INIT;
    apr_array_header_t *rows;
    flow_store_t *store;
    apr_status_t rv;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    store = flowctl_open(ctl);
    if (!store) {
        return FLOWCTL_FAILED;
    }
    rv = flow_ticks_list(store, &rows, ctl->p, &err);
    rc = rv == APR_SUCCESS ? print_rows(ctl, rows) : flowctl_failed(&err);
    flow_store_close(store);
    return rc;
}

/* ---- next ---- */

typedef struct next_t {
    flowctl_t *ctl;
    int count;
    apr_int64_t after; /* seconds */
    json_t *list;      /* with --json */
} next_t;

static const char *iso(const next_t *n, apr_int64_t at, const flow_zone_t *zone)
{
    flow_buf_t out;
    apr_size_t len;
    const char *text;

    flow_buf_init(&out, 64);
    flow_date_format_iso(&out, at * 1000, zone);
    text = flow_buf_steal(&out, &len, n->ctl->p);
    return text ? text : "";
}

static void print_next(next_t *n, const char *flow, const char *name,
                       const flow_cron_t *cron, const flow_zone_t *zone,
                       const char *zone_name)
{
    apr_int64_t at = n->after;
    int i;

    for (i = 0; i < n->count; ++i) {
        at = flow_cron_next(cron, zone, at);
        if (at < 0) {
            return;
        }
        if (n->list) {
            json_t *v = json_object();

            flow_json_put(v, "_flowId", flow, n->ctl->p);
            flow_json_put(v, "_exportId", name, n->ctl->p);
            flow_json_put(v, "at", iso(n, at, NULL), n->ctl->p);
            flow_json_put(v, "local", iso(n, at, zone), n->ctl->p);
            flow_json_put(v, "timezone", zone_name, n->ctl->p);
            json_array_append_new(n->list, v);
            continue;
        }
        printf("%s  %s %s", iso(n, at, NULL), iso(n, at, zone), zone_name);
        printf("%s%s%s%s\n", flow ? "  " : "", flow ? flow : "",
               name ? " " : "", name ? name : "");
    }
}

static int next_of_text(next_t *n, const char *text, const char *zone_name)
{
    const flow_zone_t *zone =
        zone_name ? flow_zone_find(zone_name, strlen(zone_name)) : NULL;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_cron_t cron;

    if (zone_name && !zone) {
        return flowctl_usage("the system's zone data has no '%s'; an IANA name "
                             "such as Europe/Brussels would be right",
                             zone_name);
    }
    if (flow_cron_compile(&cron, text, strlen(text), &err) != APR_SUCCESS) {
        return flowctl_failed(&err);
    }
    print_next(n, NULL, NULL, &cron, zone, zone_name ? zone_name : "UTC");
    return FLOWCTL_OK;
}

static void next_of_flow(next_t *n, const flow_flow_t *flow)
{
    int i;

    for (i = 0; i < flow->nschedules; ++i) {
        const flow_schedule_t *s = &flow->schedules[i];

        print_next(n, flow->id, s->name[0] ? s->name : NULL, &s->cron, s->zone,
                   s->timezone);
    }
}

/* Of the flow, or of all in the documents' order. */
static int next_of_documents(next_t *n, const char *id)
{
    flow_model_t *model = NULL;
    flow_docs_t *docs = flowctl_compile(n->ctl, &model);
    apr_size_t i;
    int found = 0;

    if (!model) {
        return flowctl_print_problems(n->ctl, docs);
    }
    for (i = 0; i < flow_docs_count(docs); ++i) {
        const flow_doc_t *doc = flow_docs_at(docs, i);
        const flow_flow_t *flow;

        if (doc->kind != FLOW_KIND_FLOW || (id && strcmp(doc->id, id) != 0)) {
            continue;
        }
        flow = apr_hash_get(model->flows, doc->id, APR_HASH_KEY_STRING);
        found = 1;
        if (!flow->disabled) {
            next_of_flow(n, flow);
        }
    }
    if (id && !found) {
        fprintf(stderr, "flowctl: there is no flow with the id '%s'\n", id);
        return FLOWCTL_FAILED;
    }
    return FLOWCTL_OK;
}

static int read_after(next_t *n, const char *text)
{
    apr_int64_t ms;

    n->after = apr_time_sec(apr_time_now());
    if (!text) {
        return FLOWCTL_OK;
    }
    if (!flow_date_parse(text, strlen(text), NULL, &ms)) {
        return flowctl_usage("'--after %s' is no time; write it as "
                             "2026-01-31T00:00:00Z",
                             text);
    }
    n->after = ms / 1000;
    return FLOWCTL_OK;
}

int flowctl_schedule_next(flowctl_t *ctl)
{
    const char *count = NULL, *after = NULL, *zone = NULL, *word = NULL;
    const flowctl_option_t options[] = { { "--count", .value = &count },
                                         { "--after", .value = &after },
                                         { "--timezone", .value = &zone },
                                         { NULL } };
    next_t n = { ctl, 0, 0, NULL };
    int rc = flowctl_options(ctl, options, &word, 1);

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    n.count = flowctl_limit("schedule next", count, COUNT_DEFAULT, COUNT_MAX);
    rc = n.count < 0 ? FLOWCTL_USAGE : read_after(&n, after);
    if (rc != FLOWCTL_OK) {
        return rc;
    }
    if (!flowctl_has_documents(ctl) && !word) {
        return flowctl_usage("schedule next: give an expression such as "
                             "'? */15 * * * *', or documents with --include");
    }
    n.list = ctl->json ? json_array() : NULL;
    rc = flowctl_has_documents(ctl) ? next_of_documents(&n, word)
                                    : next_of_text(&n, word, zone);
    if (rc == FLOWCTL_OK && n.list) {
        return flowctl_print_json(n.list);
    }
    json_decref(n.list);
    return rc;
}

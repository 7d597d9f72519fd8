/* SPDX-License-Identifier: Apache-2.0 */
#include "flowctl/flowctl.h"

#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "data/flow_iso8601.h"
#include "data/flow_json.h"
#include "jobs/flow_errors.h"
#include "jobs/flow_event.h"

#define LIST_DEFAULT 20
#define LIST_MAX     1000
#define IDS_MAX      1000
#define PAGE         100 /* events replayed per transaction */

/* ---- shared with the other commands ---- */

int flowctl_when(const char *command, const char *option, const char *text,
                 apr_time_t *pt)
{
    apr_int64_t ms, n, unit;
    char *end;

    *pt = 0;
    if (!text) {
        return FLOWCTL_OK;
    }
    if (flow_iso8601_parse(text, strlen(text), &ms)) {
        *pt = ms * 1000;
        return FLOWCTL_OK;
    }
    n = apr_strtoi64(text, &end, 10);
    unit = *end == 's'   ? 1
           : *end == 'm' ? 60
           : *end == 'h' ? 3600
           : *end == 'd' ? 86400
                         : 0;
    if (end == text || !unit || end[1] || n < 1 || n > 100000000) {
        return flowctl_usage("%s: '%s %s' is no time; write 2026-11-25T02:00Z, "
                             "or 90m, 4h, 2d for so long ago",
                             command, option, text);
    }
    *pt = apr_time_now() - apr_time_from_sec(n * unit);
    return FLOWCTL_OK;
}

const char *flowctl_text(const flowctl_t *ctl, const json_t *v, const char *key)
{
    apr_size_t len;
    const json_t *member = json_object_get(v, key);

    return member
               ? flowctl_plain(ctl, flow_json_to_text(member, &len, ctl->p), 0)
               : "";
}

int flowctl_unknown(const char *what, const char *id)
{
    fprintf(stderr, "flowctl: there is no %s with the id '%s'\n", what, id);
    return FLOWCTL_FAILED;
}

/* ---- list and show ---- */

static void print_one(flowctl_t *ctl, const json_t *event)
{
    apr_int64_t again = 0;

    flow_json_int64(json_object_get(event, "duplicates"), &again);
    printf("%s  %s  %s%s%s%s\n", flowctl_text(ctl, event, "_id"),
           flowctl_text(ctl, event, "receivedAt"),
           flowctl_text(ctl, event, "_exportId"),
           json_object_get(event, "eventId") ? "  " : "",
           flowctl_text(ctl, event, "eventId"),
           again ? apr_psprintf(ctl->p, "  (%s)",
                                flowctl_count(ctl, again, "duplicate"))
                 : "");
}

int flowctl_event_list(flowctl_t *ctl)
{
    const char *limit = NULL, *since = NULL, *until = NULL;
    flow_event_filter_t filter = { NULL };
    const flowctl_option_t options[] = {
        { "--limit", .value = &limit },
        { "--export", .value = &filter.export_id },
        { "--since", .value = &since },
        { "--until", .value = &until },
        { "--before", .value = &filter.before },
        { NULL },
    };
    int rc = flowctl_options(ctl, options, NULL, 0), most;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_store_t *store;
    json_t *list = NULL;
    apr_status_t rv;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    most = flowctl_limit("event list", limit, LIST_DEFAULT, LIST_MAX);
    if (most < 0 ||
        flowctl_when("event list", "--since", since, &filter.since) ||
        flowctl_when("event list", "--until", until, &filter.until)) {
        return FLOWCTL_USAGE;
    }
    store = flowctl_open(ctl);
    if (!store) {
        return FLOWCTL_FAILED;
    }
    rv = flow_event_select(store, &filter, most, &list, ctl->p, &err);
    flow_store_close(store);
    if (rv != APR_SUCCESS) {
        return flowctl_failed(&err);
    }
    return flowctl_print_list(ctl, list, print_one);
}

static int print_event(flowctl_t *ctl, json_t *event)
{
    const json_t *request = json_object_get(event, "request");
    const json_t *headers = json_object_get(request, "headers"), *v;
    const json_t *jobs = json_object_get(event, "jobs");
    const char *name;
    size_t i;

    if (ctl->json) {
        return flowctl_print_json(event);
    }
    printf("%-10s %s\n%-10s %s\n%-10s %s\n", "event",
           flowctl_text(ctl, event, "_id"), "export",
           flowctl_text(ctl, event, "_exportId"), "received",
           flowctl_text(ctl, event, "receivedAt"));
    if (json_object_get(event, "eventId")) {
        printf("%-10s %s, %s\n", "id", flowctl_text(ctl, event, "eventId"),
               flowctl_text(ctl, event, "duplicates")[0] == '0'
                   ? "came once"
                   : apr_pstrcat(ctl->p, "duplicates: ",
                                 flowctl_text(ctl, event, "duplicates"), NULL));
    }
    for (i = 0; i < json_array_size(jobs); ++i) {
        const json_t *job = json_array_get(jobs, i);

        printf("%-10s %s of flow %s, %s\n", "job",
               flowctl_text(ctl, job, "_id"), flowctl_text(ctl, job, "_flowId"),
               flowctl_text(ctl, job, "status"));
    }
    printf("\n%s %s%s%s\n", flowctl_text(ctl, request, "method"),
           flowctl_text(ctl, request, "uri"),
           json_object_get(request, "query") ? "?" : "",
           flowctl_text(ctl, request, "query"));
    json_object_foreach((json_t *)headers, name, v)
    {
        printf("%s: %s\n", name, flowctl_text(ctl, headers, name));
    }
    printf("\n%s%s\n", flowctl_text(ctl, request, "body"),
           flowctl_text(ctl, request, "body64"));
    json_decref(event);
    return FLOWCTL_OK;
}

int flowctl_event_show(flowctl_t *ctl)
{
    const char *id = NULL;
    int rc = flowctl_options(ctl, NULL, &id, 1);
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *event = NULL;
    flow_store_t *store;
    apr_status_t rv;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    if (!id) {
        return flowctl_usage("event show: the event's id is missing; 'flowctl "
                             "event list' shows the newest");
    }
    store = flowctl_open(ctl);
    if (!store) {
        return FLOWCTL_FAILED;
    }
    rv = flow_event_get(store, id, &event, ctl->p, &err);
    flow_store_close(store);
    if (rv == APR_NOTFOUND) {
        return flowctl_unknown("event", id);
    }
    return rv == APR_SUCCESS ? print_event(ctl, event) : flowctl_failed(&err);
}

/* ---- replay ---- */

typedef struct replay_t {
    flowctl_t *ctl;
    flow_store_t *store;
    flow_ids_t ids;
    const char *flow_id;
    apr_int64_t events, jobs, without;
} replay_t;

/* APR_NOTFOUND: no such event. Inside a transaction. */
static apr_status_t replay_one(replay_t *r, const char *id, apr_pool_t *p,
                               flow_error_t *err)
{
    apr_status_t rv;
    int n = 0;

    rv = flow_event_replay(r->store, id, r->flow_id, &r->ids, &n, p, err);
    if (rv == APR_SUCCESS) {
        ++r->events;
        r->jobs += n;
        r->without += !n;
    }
    return rv;
}

static int replay_ids(replay_t *r, const char **ids, int n)
{
    flow_error_t err = FLOW_ERROR_INIT;
    apr_status_t rv;
    int i;

    rv = flow_store_begin(r->store, FLOWCTL_PATIENCE, &err);
    for (i = 0; i < n && rv == APR_SUCCESS; ++i) {
        rv = replay_one(r, ids[i], r->ctl->p, &err);
        if (rv == APR_NOTFOUND) {
            flow_store_rollback(r->store);
            return flowctl_unknown("event", ids[i]);
        }
    }
    if (rv == APR_SUCCESS) {
        rv = flow_store_commit(r->store, &err);
    }
    return rv == APR_SUCCESS ? FLOWCTL_OK : flowctl_failed(&err);
}

/* In the order in which they came, so many in a transaction. */
static int replay_range(replay_t *r, flow_event_filter_t *filter)
{
    flow_error_t err = FLOW_ERROR_INIT;
    char last[FLOW_ID_SIZE] = "";
    apr_status_t rv = APR_SUCCESS;
    json_t *list;
    apr_pool_t *p;
    size_t i, n = PAGE;

    filter->oldest_first = 1;
    /* not what arrives, or is replayed, from now on */
    filter->until = filter->until ? filter->until : apr_time_now();
    apr_pool_create(&p, r->ctl->p);
    while (rv == APR_SUCCESS && n == PAGE) {
        apr_pool_clear(p);
        filter->after = last;
        list = NULL;
        rv = flow_event_select(r->store, filter, PAGE, &list, p, &err);
        n = json_array_size(list);
        if (rv == APR_SUCCESS && n) {
            rv = flow_store_begin(r->store, FLOWCTL_PATIENCE, &err);
        }
        for (i = 0; i < n && rv == APR_SUCCESS; ++i) {
            const char *id = flow_json_member(json_array_get(list, i), "_id");

            rv = replay_one(r, id, p, &err);
            rv = rv == APR_NOTFOUND ? APR_SUCCESS : rv; /* deleted just now */
            apr_cpystrn(last, id, sizeof(last));
        }
        if (rv == APR_SUCCESS && n) {
            rv = flow_store_commit(r->store, &err);
        }
        json_decref(list);
    }
    filter->after = NULL;
    apr_pool_destroy(p);
    return rv == APR_SUCCESS ? FLOWCTL_OK : flowctl_failed(&err);
}

static int print_replay(const replay_t *r)
{
    if (r->ctl->json) {
        json_t *v = json_object();

        json_object_set_new(v, "events", json_integer(r->events));
        json_object_set_new(v, "jobs", json_integer(r->jobs));
        json_object_set_new(v, "withoutFlow", json_integer(r->without));
        return flowctl_print_json(v);
    }
    printf("%s, %s queued\n", flowctl_count(r->ctl, r->events, "event"),
           flowctl_count(r->ctl, r->jobs, "job"));
    if (r->without) {
        fprintf(stderr,
                "flowctl: of %s it is not known any more which flow was "
                "started; name it with --flow\n",
                flowctl_count(r->ctl, r->without, "event"));
        return FLOWCTL_FAILED;
    }
    return FLOWCTL_OK;
}

int flowctl_event_replay(flowctl_t *ctl)
{
    const char *since = NULL, *until = NULL, *ids[IDS_MAX + 1] = { NULL };
    flow_event_filter_t filter = { NULL };
    replay_t r = { ctl };
    const flowctl_option_t options[] = {
        { "--export", .value = &filter.export_id },
        { "--since", .value = &since },
        { "--until", .value = &until },
        { "--flow", .value = &r.flow_id },
        { NULL },
    };
    int rc = flowctl_options(ctl, options, ids, IDS_MAX), n;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    for (n = 0; ids[n]; ++n) {
    }
    if (!n && !since) {
        return flowctl_usage("event replay: which events? Give their ids, or "
                             "--since TIME (and --until TIME, --export ID)");
    }
    if (n && (since || until || filter.export_id)) {
        return flowctl_usage("event replay: give ids or --since, not both");
    }
    if (flowctl_when("event replay", "--since", since, &filter.since) ||
        flowctl_when("event replay", "--until", until, &filter.until)) {
        return FLOWCTL_USAGE;
    }
    flow_ids_init(&r.ids);
    r.store = flowctl_open(ctl);
    if (!r.store) {
        return FLOWCTL_FAILED;
    }
    rc = n ? replay_ids(&r, ids, n) : replay_range(&r, &filter);
    flow_store_close(r.store);
    return rc == FLOWCTL_OK ? print_replay(&r) : rc;
}

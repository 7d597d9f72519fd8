/* SPDX-License-Identifier: Apache-2.0 */
#include "flowctl/flowctl_error.h"

#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "jobs/flow_ids.h"
#include "jobs/flow_job_list.h"

#define LIST_DEFAULT  20
#define LIST_MAX      1000
#define STEPS_MAX     10000

#define FAILED_LATELY apr_time_from_sec(86400)

/* ---- which errors ---- */

static int has_filter(const flowctl_selection_t *s)
{
    const flow_error_filter_t *f = &s->filter;

    return f->flow_id || f->step_id || f->job_id || f->classification ||
           f->source || f->code || f->trace_key || f->tag || f->assigned_to ||
           s->since || s->until;
}

static int read_times(flowctl_selection_t *s)
{
    return flowctl_when(s->command, "--since", s->since, &s->filter.since) ||
                   flowctl_when(s->command, "--until", s->until,
                                &s->filter.until)
               ? FLOWCTL_USAGE
               : FLOWCTL_OK;
}

int flowctl_selection_read(flowctl_selection_t *s)
{
    while (s->ids[s->n]) {
        ++s->n;
    }
    if (!s->n && !s->matching) {
        return flowctl_usage("%s: which errors? Give their ids, or --matching "
                             "with --flow, --step, --class ... for all that "
                             "fit",
                             s->command);
    }
    if (s->n && (s->matching || has_filter(s))) {
        return flowctl_usage("%s: give ids or --matching with filters, not "
                             "both",
                             s->command);
    }
    return read_times(s);
}

static apr_status_t refs_of_ids(flowctl_selection_t *s, flow_store_t *store,
                                apr_array_header_t **plist, apr_pool_t *p,
                                flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    *plist = apr_array_make(p, s->n, sizeof(flow_error_ref_t));
    for (i = 0; i < s->n && rv == APR_SUCCESS; ++i) {
        json_t *error = NULL;

        rv = flow_error_get(store, s->ids[i], &error, p, err);
        if (rv == APR_SUCCESS) {
            flow_error_ref_t *ref = apr_array_push(*plist);

            ref->id = s->ids[i];
            ref->flow_id = apr_pstrdup(p, flow_json_member(error, "_flowId"));
        }
        else if (rv == APR_NOTFOUND) {
            rv =
                flow_error_set(err, FLOW_E_INPUT, APR_NOTFOUND, "error_unknown",
                               "there is no error with the id '%s'", s->ids[i]);
        }
        json_decref(error);
    }
    return rv;
}

static apr_status_t change_page(const apr_array_header_t *refs,
                                flow_store_t *store, flowctl_change_fn *fn,
                                void *baton, apr_int64_t *pdone, apr_pool_t *p,
                                flow_error_t *err)
{
    apr_status_t rv = flow_store_begin(store, FLOWCTL_PATIENCE, err);
    apr_int64_t done = 0;
    int i, n;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (i = 0; i < refs->nelts && rv == APR_SUCCESS; ++i) {
        n = 0;
        rv = fn(baton, store, &APR_ARRAY_IDX(refs, i, flow_error_ref_t), &n, p,
                err);
        done += n;
    }
    if (rv != APR_SUCCESS) {
        flow_store_rollback(store);
        return rv;
    }
    *pdone += done;
    return flow_store_commit(store, err);
}

apr_status_t flowctl_selection_change(flowctl_selection_t *s,
                                      flow_store_t *store,
                                      flowctl_change_fn *fn, void *baton,
                                      apr_int64_t *pseen, apr_int64_t *pdone,
                                      flow_error_t *err)
{
    apr_array_header_t *refs;
    char last[FLOW_ID_SIZE];
    apr_pool_t *p;
    apr_status_t rv;

    apr_pool_create(&p, s->ctl->p);
    *pseen = *pdone = 0;
    if (s->n) {
        rv = refs_of_ids(s, store, &refs, p, err);
        *pseen = s->n;
        return rv == APR_SUCCESS
                   ? change_page(refs, store, fn, baton, pdone, p, err)
                   : rv;
    }
    do {
        apr_pool_clear(p);
        rv =
            flow_error_refs(store, &s->filter, FLOW_ERRORS_PAGE, &refs, p, err);
        if (rv != APR_SUCCESS || !refs->nelts) {
            break;
        }
        *pseen += refs->nelts;
        apr_cpystrn(last,
                    APR_ARRAY_IDX(refs, refs->nelts - 1, flow_error_ref_t).id,
                    sizeof(last));
        rv = change_page(refs, store, fn, baton, pdone, p, err);
        s->filter.before = last;
    } while (rv == APR_SUCCESS && refs->nelts == FLOW_ERRORS_PAGE);
    s->filter.before = NULL;
    apr_pool_destroy(p);
    return rv;
}

int flowctl_selection_finish(const flowctl_selection_t *s, const char *word,
                             apr_int64_t seen, apr_int64_t done, json_t *more)
{
    if (s->ctl->json) {
        json_t *v = more ? more : json_object();

        json_object_set_new(v, word, json_integer(done));
        json_object_set_new(v, "selected", json_integer(seen));
        flowctl_print_json(v);
    }
    else {
        printf("%" APR_INT64_T_FMT " of %s %s\n", done,
               flowctl_count(s->ctl, seen, "error"), word);
        json_decref(more);
    }
    return s->n && done < seen ? FLOWCTL_FAILED : FLOWCTL_OK;
}

/* ---- list ---- */

/* An empty list: is there such a flow? And runs that failed as a whole leave no
 * records of errors. */
static int look_further(flowctl_selection_t *s, flow_store_t *store,
                        int is_empty)
{
    flow_error_t err = FLOW_ERROR_INIT;
    int n = 0, rc = FLOWCTL_OK;

    if (is_empty && s->filter.flow_id) {
        rc = flowctl_flow_check(s->ctl, store, s->filter.flow_id);
    }
    if (rc == FLOWCTL_OK && !s->ctl->json &&
        flow_job_failures(store, s->filter.flow_id,
                          s->filter.since ? s->filter.since
                                          : apr_time_now() - FAILED_LATELY,
                          LIST_MAX, &n, s->ctl->p, &err) == APR_SUCCESS &&
        n) {
        fprintf(stderr,
                "flowctl: besides, %s failed as a whole%s; see 'flowctl job "
                "list --state failed'\n",
                flowctl_count(s->ctl, n, "run"),
                s->filter.since ? "" : " in the last day");
    }
    return rc;
}

static void print_error(flowctl_t *ctl, const json_t *error)
{
    printf(
        "%s  %s  %s/%s  %s  %s: %s\n", flowctl_text(ctl, error, "errorId"),
        flowctl_text(ctl, error, "occurredAt"),
        flowctl_text(ctl, error, "_flowId"), flowctl_text(ctl, error, "stepId"),
        json_object_get(error, "classification")
            ? flowctl_text(ctl, error, "classification")
            : "-",
        flowctl_text(ctl, error, "code"), flowctl_text(ctl, error, "message"));
}

static int print_counts(flowctl_t *ctl, json_t *counts)
{
    const char *flow, *step;
    json_t *steps, *n;

    if (ctl->json) {
        return flowctl_print_json(counts);
    }
    json_object_foreach(counts, flow, steps)
    {
        json_object_foreach(steps, step, n)
        {
            printf("%-10s %s/%s\n", flowctl_text(ctl, steps, step), flow, step);
        }
    }
    json_decref(counts);
    return FLOWCTL_OK;
}

int flowctl_error_list(flowctl_t *ctl)
{
    const char *limit = NULL;
    flowctl_selection_t s = { ctl, "error list" };
    int counts = 0, most, rc;
    const flowctl_option_t options[] = {
        FLOWCTL_SELECTION(s),
        { "--limit", .value = &limit },
        { "--before", .value = &s.filter.before },
        { "--resolved", .flag = &s.resolved },
        { "--all", .flag = &s.all },
        { "--counts", .flag = &counts },
        { NULL },
    };
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *list = NULL;
    flow_store_t *store;
    apr_status_t rv;

    rc = flowctl_options(ctl, options, NULL, 0);
    rc = rc == FLOWCTL_OK ? read_times(&s) : rc;
    if (rc != FLOWCTL_OK) {
        return rc;
    }
    if (s.resolved && s.all) {
        return flowctl_usage("error list: --all already covers --resolved; "
                             "give one or the other");
    }
    most = flowctl_limit(s.command, limit, LIST_DEFAULT, LIST_MAX);
    store = most > 0 ? flowctl_open(ctl) : NULL;
    if (!store) {
        return most < 0 ? FLOWCTL_USAGE : FLOWCTL_FAILED;
    }
    s.filter.state = s.all        ? FLOW_ERRORS_ALL
                     : s.resolved ? FLOW_ERRORS_RESOLVED
                                  : FLOW_ERRORS_OPEN;
    rv = counts
             ? flow_error_counts(store, s.filter.flow_id, STEPS_MAX, &list,
                                 ctl->p, &err)
             : flow_error_select(store, &s.filter, most, &list, ctl->p, &err);
    rc = rv == APR_SUCCESS
             ? look_further(&s, store,
                            !json_array_size(list) && !json_object_size(list))
             : flowctl_failed(&err);
    flow_store_close(store);
    if (rc != FLOWCTL_OK) {
        json_decref(list);
        return rc;
    }
    return counts ? print_counts(ctl, list)
                  : flowctl_print_list(ctl, list, print_error);
}

/* ---- show ---- */

static int print_whole(flowctl_t *ctl, json_t *error)
{
    static const char *const large[] = { "retryData", "exchange" };
    const char *key;
    json_t *v;
    size_t i;

    if (ctl->json) {
        return flowctl_print_json(error);
    }
    json_object_foreach(error, key, v)
    {
        if (!json_is_object(v)) {
            printf("%-16s %s\n", key, flowctl_text(ctl, error, key));
        }
    }
    for (i = 0; i < 2; ++i) {
        v = json_object_get(error, large[i]);
        if (v) {
            printf("\n%s\n", large[i]);
            flowctl_print_json(json_incref(v));
        }
    }
    json_decref(error);
    return FLOWCTL_OK;
}

int flowctl_error_show(flowctl_t *ctl)
{
    const char *id = NULL;
    int rc = flowctl_options(ctl, NULL, &id, 1);
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *error = NULL;
    flow_store_t *store;
    apr_status_t rv;

    if (rc != FLOWCTL_OK) {
        return rc;
    }
    if (!id) {
        return flowctl_usage("error show: the error's id is missing; 'flowctl "
                             "error list' shows the newest");
    }
    store = flowctl_open(ctl);
    if (!store) {
        return FLOWCTL_FAILED;
    }
    rv = flow_error_get(store, id, &error, ctl->p, &err);
    flow_store_close(store);
    if (rv == APR_NOTFOUND) {
        return flowctl_unknown("error", id);
    }
    return rv == APR_SUCCESS ? print_whole(ctl, error) : flowctl_failed(&err);
}

/* ---- resolve, tag, assign ---- */

static apr_status_t resolve_one(void *baton, flow_store_t *store,
                                const flow_error_ref_t *ref, int *pn,
                                apr_pool_t *p, flow_error_t *err)
{
    (void)p;
    return flow_error_resolve(store, ref->id, baton, pn, err);
}

static int run_change(flowctl_selection_t *s, const char *word,
                      flowctl_change_fn *fn, void *baton)
{
    flow_error_t err = FLOW_ERROR_INIT;
    apr_int64_t seen, done;
    flow_store_t *store = flowctl_open(s->ctl);
    apr_status_t rv;

    if (!store) {
        return FLOWCTL_FAILED;
    }
    rv = flowctl_selection_change(s, store, fn, baton, &seen, &done, &err);
    flow_store_close(store);
    return rv == APR_SUCCESS
               ? flowctl_selection_finish(s, word, seen, done, NULL)
               : flowctl_failed(&err);
}

int flowctl_error_resolve(flowctl_t *ctl)
{
    const char *by = NULL;
    flowctl_selection_t s = { ctl, "error resolve" };
    const flowctl_option_t options[] = {
        FLOWCTL_SELECTION(s),
        { "--matching", .flag = &s.matching },
        { "--by", .value = &by },
        { NULL },
    };
    int rc = flowctl_options(ctl, options, s.ids, FLOWCTL_IDS_MAX);

    rc = rc == FLOWCTL_OK ? flowctl_selection_read(&s) : rc;
    return rc == FLOWCTL_OK ? run_change(&s, "resolved", resolve_one,
                                         (void *)(by ? by : "flowctl"))
                            : rc;
}

typedef struct tags_t {
    const apr_array_header_t *add, *remove;
} tags_t;

static apr_status_t tag_one(void *baton, flow_store_t *store,
                            const flow_error_ref_t *ref, int *pn, apr_pool_t *p,
                            flow_error_t *err)
{
    const tags_t *tags = baton;
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < tags->add->nelts && rv == APR_SUCCESS; ++i) {
        rv = flow_error_tag(store, ref->id,
                            APR_ARRAY_IDX(tags->add, i, const char *), 1, pn, p,
                            err);
    }
    for (i = 0; i < tags->remove->nelts && rv == APR_SUCCESS; ++i) {
        rv = flow_error_tag(store, ref->id,
                            APR_ARRAY_IDX(tags->remove, i, const char *), 0, pn,
                            p, err);
    }
    return rv;
}

static int check_tags(const apr_array_header_t *tags)
{
    int i;

    for (i = 0; i < tags->nelts; ++i) {
        const char *tag = APR_ARRAY_IDX(tags, i, const char *);

        if (!flow_error_tag_ok(tag)) {
            return flowctl_usage(
                "error tag: '%s' cannot be a tag; use up to 64 "
                "letters, digits, '-', '_' and '.'",
                tag);
        }
    }
    return FLOWCTL_OK;
}

int flowctl_error_tag(flowctl_t *ctl)
{
    apr_array_header_t *add = apr_array_make(ctl->p, 4, sizeof(const char *));
    apr_array_header_t *del = apr_array_make(ctl->p, 4, sizeof(const char *));
    tags_t tags = { add, del };
    flowctl_selection_t s = { ctl, "error tag" };
    const flowctl_option_t options[] = {
        FLOWCTL_SELECTION(s),
        { "--matching", .flag = &s.matching },
        { "--add", .list = add },
        { "--remove", .list = del },
        { NULL },
    };
    int rc = flowctl_options(ctl, options, s.ids, FLOWCTL_IDS_MAX);

    rc = rc == FLOWCTL_OK ? flowctl_selection_read(&s) : rc;
    if (rc == FLOWCTL_OK && !add->nelts && !del->nelts) {
        rc = flowctl_usage("error tag: which tag? Give --add TAG or --remove "
                           "TAG");
    }
    rc = rc == FLOWCTL_OK ? check_tags(add) : rc;
    rc = rc == FLOWCTL_OK ? check_tags(del) : rc;
    return rc == FLOWCTL_OK ? run_change(&s, "tagged", tag_one, &tags) : rc;
}

static apr_status_t assign_one(void *baton, flow_store_t *store,
                               const flow_error_ref_t *ref, int *pn,
                               apr_pool_t *p, flow_error_t *err)
{
    (void)p;
    return flow_error_assign(store, ref->id, baton, pn, err);
}

int flowctl_error_assign(flowctl_t *ctl)
{
    const char *to = NULL;
    int nobody = 0, rc;
    flowctl_selection_t s = { ctl, "error assign" };
    const flowctl_option_t options[] = {
        FLOWCTL_SELECTION(s),
        { "--matching", .flag = &s.matching },
        { "--to", .value = &to },
        { "--nobody", .flag = &nobody },
        { NULL },
    };

    rc = flowctl_options(ctl, options, s.ids, FLOWCTL_IDS_MAX);
    rc = rc == FLOWCTL_OK ? flowctl_selection_read(&s) : rc;
    if (rc == FLOWCTL_OK && (to != NULL) == (nobody != 0)) {
        rc = flowctl_usage("error assign: to whom? Give --to NAME or --nobody");
    }
    return rc == FLOWCTL_OK ? run_change(&s, "assigned", assign_one, (void *)to)
                            : rc;
}

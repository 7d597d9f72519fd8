/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_router.h"

#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "flow/flow_host.h"
#include "flow/flow_record.h"

/* One page on its way. */
typedef struct way_t {
    flow_runner_t *runner;
    const flow_flow_t *flow;
    json_t **in; /* per router: what it gets; NULL = nothing yet */
    json_t *out; /* what came out */
    apr_pool_t *p;
} way_t;

static apr_status_t run_steps(flow_runner_t *runner, int first, int end,
                              json_t **precords, apr_pool_t *p,
                              flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = first; i < end && rv == APR_SUCCESS && json_array_size(*precords);
         ++i) {
        rv = flow_step_run(runner, i, precords, p, err);
        /* Nothing of the page has arrived anywhere, so it may be repeated. */
        if (rv == APR_SUCCESS &&
            runner->run->counters.success == runner->before_page &&
            flow_runner_is_held(runner)) {
            rv = flow_runner_wait(err);
        }
    }
    return rv;
}

/* ---- a record's branches ---- */

static apr_status_t report(way_t *w, const flow_router_t *router,
                           const json_t *record, const flow_error_t *why,
                           const char *source, flow_error_t *err)
{
    int place = w->flow->nsteps + 1 + (int)(router - w->flow->routers);
    json_t *error = flow_record_error_from(why, source);
    apr_status_t rv;

    ++w->runner->run->counters.error;
    rv = flow_runner_report(w->runner, place, router->id,
                            flow_record_trace_key(NULL, record, w->p), error,
                            record, NULL, err);
    json_decref(error);
    return rv;
}

static apr_status_t invalid(const flow_router_t *router, const char *what,
                            flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_SCRIPT, APR_EINVAL, "invalid_response",
                          "router '%s': function '%s' of script '%s' must "
                          "return an array of branch indexes (0 to %d) or "
                          "names, got %s",
                          router->id, router->script.function,
                          flow_script_id(router->script.script),
                          router->nbranches - 1, what);
}

/* An index or a name; -1: neither. */
static int branch_of(const flow_router_t *router, const json_t *v)
{
    const char *name = flow_json_string(v, NULL);
    apr_int64_t n = -1;
    int i;

    if (!name) {
        return flow_json_int64(v, &n) && n >= 0 && n < router->nbranches
                   ? (int)n
                   : -1;
    }
    for (i = 0; i < router->nbranches; ++i) {
        if (router->branches[i].name &&
            strcmp(router->branches[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

static apr_status_t take_answer(const flow_router_t *router,
                                const json_t *answer, char *chosen,
                                apr_pool_t *p, flow_error_t *err)
{
    int is_list = json_is_array(answer), i;
    size_t k, n = is_list ? json_array_size(answer) : 1;

    if (!answer) {
        return invalid(router, "undefined", err);
    }
    for (k = 0; k < n; ++k) {
        const json_t *v = is_list ? json_array_get(answer, k) : answer;

        i = branch_of(router, v);
        if (i < 0) {
            const char *text = flow_json_text(v, NULL, p);

            return invalid(router,
                           strlen(text) > 100 ? flow_json_type_name(v) : text,
                           err);
        }
        chosen[i] = 1;
        if (!router->to_all) {
            break;
        }
    }
    return APR_SUCCESS;
}

static apr_status_t by_script(way_t *w, const flow_router_t *router,
                              const json_t *record, char *chosen, apr_pool_t *p,
                              flow_error_t *err)
{
    json_t *answer = NULL;
    apr_status_t rv = flow_scope_record_hook(
        w->runner->router_scope, &router->script, record, &answer, p, err);

    if (rv == APR_SUCCESS) {
        rv = take_answer(router, answer, chosen, p, err);
        if (rv != APR_SUCCESS) {
            flow_host_failed(w->runner->router_scope->env,
                             w->runner->router_scope->caller, &router->script,
                             err, "", p);
        }
    }
    json_decref(answer);
    return rv;
}

static apr_status_t by_filters(way_t *w, const flow_router_t *router,
                               const json_t *record, char *chosen,
                               apr_pool_t *p, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    int i, pass = 0;

    for (i = 0; i < router->nbranches && rv == APR_SUCCESS; ++i) {
        rv = flow_scope_filter(w->runner->router_scope,
                               &router->branches[i].filter, record, &pass, p,
                               err);
        if (rv == APR_SUCCESS && pass) {
            chosen[i] = 1;
            if (!router->to_all) {
                break;
            }
        }
    }
    return rv;
}

/* Each record into the pages of its branches. */
static apr_status_t divide(way_t *w, const flow_router_t *router,
                           const json_t *records, json_t **pages,
                           flow_error_t *err)
{
    char *chosen = apr_palloc(w->p, (apr_size_t)router->nbranches + 1);
    size_t k, n = json_array_size(records);
    apr_status_t rv = APR_SUCCESS;
    apr_pool_t *each;
    int i;

    apr_pool_create(&each, w->p);
    for (k = 0; k < n && rv == APR_SUCCESS; ++k) {
        json_t *record = json_array_get(records, k);
        flow_error_t why = FLOW_ERROR_INIT;

        apr_pool_clear(each);
        memset(chosen, 0, (apr_size_t)router->nbranches);
        rv = router->by_script
                 ? by_script(w, router, record, chosen, each, &why)
                 : by_filters(w, router, record, chosen, each, &why);
        if (rv != APR_SUCCESS) {
            rv = report(w, router, record, &why,
                        router->by_script ? FLOW_SOURCE_SCRIPT
                                          : FLOW_SOURCE_INPUT_FILTER,
                        err);
            continue;
        }
        for (i = 0; i < router->nbranches; ++i) {
            if (chosen[i]) {
                json_array_append(pages[i], record);
            }
        }
    }
    apr_pool_destroy(each);
    return rv;
}

/* ---- going on ---- */

/* Steals @a records: what has come to the end of a branch. */
static apr_status_t hand_on(way_t *w, const flow_branch_t *branch,
                            json_t *records, flow_error_t *err)
{
    json_t **to = branch->next < 0 ? &w->out : &w->in[branch->next];
    size_t n;

    if (!*to) {
        *to = records;
        return APR_SUCCESS;
    }
    json_array_extend(*to, records);
    json_decref(records);
    n = json_array_size(*to);
    if (n <= FLOW_ROUTER_RECORDS) {
        return APR_SUCCESS;
    }
    return flow_error_set(err, FLOW_E_CONFIG, APR_ENOSPC, "router_overflow",
                          "branches of flow '%s' have made more than %d "
                          "records of one page; a smaller pageSize, or "
                          "routers that do not all copy, would be right",
                          w->flow->id, FLOW_ROUTER_RECORDS);
}

/* Steals @a records. */
static apr_status_t run_branch(way_t *w, const flow_branch_t *branch, int first,
                               json_t *records, flow_error_t *err)
{
    apr_status_t rv = run_steps(w->runner, first, branch->first + branch->n,
                                &records, w->p, err);

    if (rv != APR_SUCCESS || !json_array_size(records)) {
        json_decref(records);
        return rv;
    }
    /* without steps and a next router the records are thrown away */
    if (branch->next < 0 && branch->n == 0) {
        json_decref(records);
        return APR_SUCCESS;
    }
    return hand_on(w, branch, records, err);
}

static apr_status_t run_router(way_t *w, const flow_router_t *router,
                               const json_t *records, flow_error_t *err)
{
    json_t **pages =
        apr_pcalloc(w->p, sizeof(*pages) * (apr_size_t)(router->nbranches + 1));
    apr_status_t rv;
    int i;

    for (i = 0; i < router->nbranches; ++i) {
        pages[i] = json_array();
    }
    rv = divide(w, router, records, pages, err);
    for (i = 0; i < router->nbranches && rv == APR_SUCCESS; ++i) {
        const flow_branch_t *branch = &router->branches[i];

        rv = run_branch(w, branch, branch->first, pages[i], err);
        pages[i] = NULL;
    }
    for (i = 0; i < router->nbranches; ++i) {
        json_decref(pages[i]);
    }
    return rv;
}

/* The router and the branch that step @a i belongs to. */
static int router_of(const flow_flow_t *flow, int i,
                     const flow_branch_t **pbranch)
{
    int r, b;

    for (r = 0; r < flow->nrouters; ++r) {
        for (b = 0; b < flow->routers[r].nbranches; ++b) {
            *pbranch = &flow->routers[r].branches[b];
            if (i >= (*pbranch)->first &&
                i < (*pbranch)->first + (*pbranch)->n) {
                return r;
            }
        }
    }
    return -1;
}

/* *pfirst: the router that is next. */
static apr_status_t enter(way_t *w, int place, json_t *records, int *pfirst,
                          flow_error_t *err)
{
    const flow_branch_t *branch = NULL;
    int r = place ? place - w->flow->nsteps - 1 : 0;

    *pfirst = 0;
    if (r >= 0) {
        if (r < w->flow->nrouters) {
            w->in[r] = json_incref(records);
        }
        *pfirst = r;
        return APR_SUCCESS;
    }
    r = router_of(w->flow, place - 1, &branch);
    *pfirst = r + 1;
    return r < 0 ? APR_SUCCESS
                 : run_branch(w, branch, place - 1, json_incref(records), err);
}

static apr_status_t route(flow_runner_t *runner, int place, json_t **precords,
                          apr_pool_t *p, flow_error_t *err)
{
    const flow_flow_t *flow = runner->run->flow;
    way_t w = { runner, flow, NULL, NULL, p };
    apr_status_t rv;
    int r;

    w.in = apr_pcalloc(p, sizeof(*w.in) * (apr_size_t)flow->nrouters);
    rv = enter(&w, place, *precords, &r, err);
    for (; r < flow->nrouters && rv == APR_SUCCESS; ++r) {
        if (w.in[r]) {
            rv = run_router(&w, &flow->routers[r], w.in[r], err);
            json_decref(w.in[r]);
            w.in[r] = NULL;
        }
    }
    for (r = 0; r < flow->nrouters; ++r) {
        json_decref(w.in[r]);
    }
    if (rv != APR_SUCCESS) {
        json_decref(w.out);
        return rv;
    }
    json_decref(*precords);
    *precords = w.out ? w.out : json_array();
    return APR_SUCCESS;
}

apr_status_t flow_route(flow_runner_t *runner, int place, json_t **precords,
                        apr_pool_t *p, flow_error_t *err)
{
    const flow_flow_t *flow = runner->run->flow;

    if (flow->nrouters) {
        return route(runner, place, precords, p, err);
    }
    return run_steps(runner, place ? place - 1 : 0, flow->nsteps, precords, p,
                     err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routers: a flow that branches. Their order in the model is one in which each
 * stands before those that it leads to, so that a page can be run by going
 * through them once.
 */
#include "flow/flow_compile_private.h"
#include "flow/flow_schema_private.h"

#include <string.h>

#include <apr_strings.h>

#define ROUTERS_MAX 100

typedef struct graph_t {
    flow_compile_t *c;
    flow_flow_t *flow;
    flow_router_t *routers; /* in the document's order */
    const char *at[ROUTERS_MAX];
    int n;
    int state[ROUTERS_MAX]; /* 0 not seen, 1 on the way, 2 done */
    int order[ROUTERS_MAX]; /* done ones, the last of them first */
    int done;
    int has_cycle;
} graph_t;

static const char *path(flow_compile_t *c, const char *at, const char *list,
                        size_t i)
{
    return apr_psprintf(c->scratch, "%s.%s[%d]", at, list, (int)i);
}

/* ---- one router ---- */

static void compile_branch(graph_t *g, flow_branch_t *branch, const json_t *doc,
                           const char *at)
{
    const json_t *list = json_object_get(doc, "pageProcessors");
    flow_compile_t *c = g->c;
    size_t i;

    branch->name = flow_json_member(doc, "name");
    branch->next = -1;
    flow_compile_filter_object(
        c, apr_pstrcat(c->scratch, at, ".inputFilter", NULL),
        json_object_get(doc, "inputFilter"), &branch->filter);
    branch->first = g->flow->nsteps;
    for (i = 0; i < json_array_size(list); ++i) {
        const json_t *step = json_array_get(list, i);

        if (flow_json_is(step, OBJECT)) {
            flow_compile_step(c, &g->flow->steps[g->flow->nsteps++], step,
                              path(c, at, "pageProcessors", i));
        }
    }
    branch->n = g->flow->nsteps - branch->first;
}

static void compile_decision(graph_t *g, flow_router_t *router,
                             const json_t *doc, const char *at)
{
    const char *to = flow_json_member(doc, "routeRecordsTo");
    const char *using = flow_json_member(doc, "routeRecordsUsing");
    const json_t *script = json_object_get(doc, "script");
    const char *field = apr_pstrcat(g->c->scratch, at, ".script", NULL);

    router->to_all = to && strcmp(to, "all_matching_branches") == 0;
    router->by_script = using && strcmp(using, "script") == 0;
    if (!router->by_script) {
        return;
    }
    if (flow_json_is(script, OBJECT)) {
        flow_compile_hook_object(g->c, field, script, &router->script);
    }
    else {
        flow_compile_problem(g->c, field,
                             "routeRecordsUsing 'script' needs 'script', such "
                             "as {\"_scriptId\": \"...\", \"function\": "
                             "\"...\"}");
    }
}

static void compile_router(graph_t *g, const json_t *doc, const char *at)
{
    flow_router_t *router = &g->routers[g->n];
    const json_t *list = json_object_get(doc, "branches");
    flow_compile_t *c = g->c;
    size_t i, n = json_array_size(list);
    int k;

    router->id = flow_json_member(doc, "id");
    router->name = flow_json_member(doc, "name");
    for (k = 0; router->id && k < g->n; ++k) {
        if (g->routers[k].id && strcmp(g->routers[k].id, router->id) == 0) {
            flow_compile_problem(c, apr_pstrcat(c->scratch, at, ".id", NULL),
                                 "router '%s' is there twice",
                                 flow_printable(router->id, c->scratch));
        }
    }
    compile_decision(g, router, doc, at);
    if (list && n == 0) {
        flow_compile_problem(c, apr_pstrcat(c->scratch, at, ".branches", NULL),
                             "a router needs at least one branch");
    }
    router->branches = apr_pcalloc(c->p, (n + 1) * sizeof(*router->branches));
    for (i = 0; i < n; ++i) {
        const json_t *branch = json_array_get(list, i);

        if (flow_json_is(branch, OBJECT)) {
            compile_branch(g, &router->branches[router->nbranches++], branch,
                           path(c, at, "branches", i));
        }
    }
    g->at[g->n++] = at;
}

/* ---- where branches lead ---- */

static int find(const graph_t *g, const char *id)
{
    int i;

    for (i = 0; i < g->n; ++i) {
        if (g->routers[i].id && strcmp(g->routers[i].id, id) == 0) {
            return i;
        }
    }
    return -1;
}

static void lead_on(graph_t *g, int r, const json_t *doc)
{
    const json_t *list = json_object_get(doc, "branches");
    flow_compile_t *c = g->c;
    size_t i;
    int k = 0;

    for (i = 0; i < json_array_size(list); ++i) {
        const json_t *branch = json_array_get(list, i);
        const char *id = flow_json_member(branch, "nextRouterId");

        if (!flow_json_is(branch, OBJECT)) {
            continue;
        }
        if (id && *id) {
            g->routers[r].branches[k].next = find(g, id);
            if (g->routers[r].branches[k].next < 0) {
                flow_compile_problem(
                    c,
                    apr_pstrcat(c->scratch, path(c, g->at[r], "branches", i),
                                ".nextRouterId", NULL),
                    "there is no router '%s' in this flow",
                    flow_printable(id, c->scratch));
            }
        }
        ++k;
    }
}

/* Depth first; what is done last comes first. */
static void visit(graph_t *g, int r)
{
    int i;

    g->state[r] = 1;
    for (i = 0; i < g->routers[r].nbranches; ++i) {
        int next = g->routers[r].branches[i].next;

        if (next < 0) {
            continue;
        }
        if (g->state[next] == 1) {
            g->has_cycle = 1;
            flow_compile_problem(
                g->c,
                apr_pstrcat(g->c->scratch,
                            path(g->c, g->at[r], "branches", (size_t)i),
                            ".nextRouterId", NULL),
                "leads back to router '%s'; records would go round without end",
                flow_printable(g->routers[next].id, g->c->scratch));
        }
        else if (g->state[next] == 0) {
            visit(g, next);
        }
    }
    g->state[r] = 2;
    g->order[g->done++] = r;
}

static void check_reached(graph_t *g)
{
    int i;

    for (i = 0; i < g->n; ++i) {
        if (g->state[i] == 0) {
            flow_compile_problem(g->c, g->at[i],
                                 "no branch leads to this router, and it is "
                                 "not the first one, so it gets no records; "
                                 "name it in a 'nextRouterId'");
        }
    }
}

static void sort(graph_t *g)
{
    int place[ROUTERS_MAX], i, k;

    for (i = 0; i < g->done; ++i) {
        place[g->order[i]] = g->done - 1 - i;
    }
    g->flow->routers =
        apr_pcalloc(g->c->p, (apr_size_t)(g->done + 1) * sizeof(flow_router_t));
    g->flow->nrouters = g->done;
    for (i = 0; i < g->done; ++i) {
        flow_router_t *router = &g->flow->routers[place[g->order[i]]];

        *router = g->routers[g->order[i]];
        for (k = 0; k < router->nbranches; ++k) {
            int next = router->branches[k].next;

            router->branches[k].next = next < 0 ? -1 : place[next];
        }
    }
}

static size_t count_steps(const json_t *list)
{
    size_t i, k, n = 0;

    for (i = 0; i < json_array_size(list); ++i) {
        const json_t *branches =
            json_object_get(json_array_get(list, i), "branches");

        for (k = 0; k < json_array_size(branches); ++k) {
            n += json_array_size(
                json_object_get(json_array_get(branches, k), "pageProcessors"));
        }
    }
    return n;
}

void flow_compile_routers(flow_compile_t *c, flow_flow_t *flow)
{
    const json_t *list = flow_compile_get(c, "routers");
    const json_t *docs[ROUTERS_MAX];
    size_t i, n = json_array_size(list);
    graph_t g = { c, flow };
    int k;

    if (n == 0 || n > ROUTERS_MAX) {
        flow_compile_problem(c, "routers",
                             "%lu routers; a flow that branches has 1 to %d",
                             (unsigned long)n, ROUTERS_MAX);
        return;
    }
    g.routers = apr_pcalloc(c->p, n * sizeof(*g.routers));
    flow->steps =
        apr_pcalloc(c->p, (count_steps(list) + 1) * sizeof(*flow->steps));
    for (i = 0; i < n; ++i) {
        if (flow_json_is(json_array_get(list, i), OBJECT)) {
            docs[g.n] = json_array_get(list, i);
            compile_router(&g, docs[g.n],
                           apr_psprintf(c->scratch, "routers[%d]", (int)i));
        }
    }
    for (k = 0; k < g.n; ++k) {
        lead_on(&g, k, docs[k]);
    }
    if (g.n) {
        visit(&g, 0);
        check_reached(&g);
        sort(&g);
    }
}

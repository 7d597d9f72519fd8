/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When flows run by themselves: schedules, and flows that are run after
 * others.
 */
#include "flow/flow_compile_private.h"
#include "flow/flow_schema_private.h"

#include <string.h>

#include <apr_strings.h>

#define DEPTH_MAX 1000 /* of flows that start flows */

static const flow_export_t *export_of(flow_compile_t *c, const json_t *object)
{
    const char *id = flow_json_member(object, "_exportId");

    return id ? apr_hash_get(c->model->exports, id, APR_HASH_KEY_STRING) : NULL;
}

/* The text of {"_exportIds": [...]}. */
static const char *request_for(flow_compile_t *c, const json_t *ids)
{
    json_t *request = flow_json_own(c->scratch, json_object());

    json_object_set(request, "_exportIds", (json_t *)ids);
    return flow_json_text(request, NULL, c->p);
}

/* ---- schedules ---- */

static flow_catch_up_e catch_up_of(flow_compile_t *c)
{
    const char *word = flow_compile_string(c, "scheduleCatchUp");

    if (word && strcmp(word, "none") == 0) {
        return FLOW_CATCH_UP_NONE;
    }
    return word && strcmp(word, "all") == 0 ? FLOW_CATCH_UP_ALL
                                            : FLOW_CATCH_UP_ONE;
}

static const flow_zone_t *zone_of(flow_compile_t *c, const char **pname)
{
    const char *name = flow_compile_string(c, "timezone");
    const flow_zone_t *zone;

    *pname = name && *name ? name : "UTC";
    if (strcmp(*pname, "UTC") == 0) {
        return NULL;
    }
    zone = flow_zone_find(*pname, strlen(*pname));
    if (!zone) {
        flow_compile_problem(c, "timezone",
                             "the system's zone data has no '%s'; an IANA name "
                             "such as Europe/Brussels would be right",
                             flow_printable(*pname, c->scratch));
    }
    return zone;
}

/* A schedule of those generators; with @a ids NULL, of all of them. */
static void add_schedule(flow_compile_t *c, flow_flow_t *flow, const char *name,
                         const char *field, const char *text, const json_t *ids)
{
    flow_schedule_t *s = &flow->schedules[flow->nschedules];
    flow_error_t err = FLOW_ERROR_INIT;

    if (flow_cron_compile(&s->cron, text, strlen(text), &err) != APR_SUCCESS) {
        flow_compile_problem(c, field, "%s", err.message);
        return;
    }
    s->name = name;
    s->text = apr_pstrdup(c->p, text);
    s->zone = zone_of(c, &s->timezone);
    s->catch_up = catch_up_of(c);
    s->request = ids ? request_for(c, ids) : NULL;
    s->definition = apr_pstrcat(c->p, text, " ", s->timezone,
                                s->request ? " " : NULL, s->request, NULL);
    ++flow->nschedules;
}

typedef struct own_t {
    const char *text, *field, *name;
    json_t *ids;
} own_t;

/* Generators with a schedule of their own; equal ones tick together. What has
 * none goes to @a rest. */
static int own_schedules(flow_compile_t *c, own_t *own, json_t *rest)
{
    const json_t *list = flow_compile_get(c, "pageGenerators");
    size_t i, n = json_array_size(list);
    int k, nown = 0;

    for (i = 0; i < n; ++i) {
        const json_t *generator = json_array_get(list, i);
        const flow_export_t *exp = export_of(c, generator);
        const char *text = flow_json_member(generator, "schedule");
        const char *field =
            apr_psprintf(c->scratch, "pageGenerators[%d].schedule", (int)i);

        if (!exp || exp->webhook) {
            if (exp && text && *text) {
                flow_compile_problem(c, field,
                                     "export '%s' is a webhook, which waits "
                                     "for events and has no schedule",
                                     exp->id);
            }
            continue;
        }
        if (!text || !*text) {
            json_array_append_new(
                rest, flow_json_string_new(exp->id, strlen(exp->id)));
            continue;
        }
        for (k = 0; k < nown && strcmp(own[k].text, text) != 0; ++k) {
        }
        if (k == nown) {
            own[nown++] = (own_t){ text, field, exp->id,
                                   flow_json_own(c->scratch, json_array()) };
        }
        json_array_append_new(own[k].ids,
                              flow_json_string_new(exp->id, strlen(exp->id)));
    }
    return nown;
}

void flow_compile_schedules(flow_compile_t *c, flow_flow_t *flow)
{
    const char *text = flow_compile_string(c, "schedule"), *name;
    size_t n = json_array_size(flow_compile_get(c, "pageGenerators"));
    json_t *rest = flow_json_own(c->scratch, json_array());
    own_t *own = apr_pcalloc(c->scratch, (n + 1) * sizeof(*own));
    int i, nown = own_schedules(c, own, rest);
    int has_own = text && *text;

    flow->schedules = apr_pcalloc(c->p, (n + 1) * sizeof(*flow->schedules));
    for (i = 0; i < nown; ++i) {
        add_schedule(c, flow, own[i].name, own[i].field, own[i].text,
                     own[i].ids);
    }
    if (has_own && json_array_size(rest)) {
        add_schedule(c, flow, "", "schedule", text, nown ? rest : NULL);
    }
    else if (has_own && flow->ngenerators && !nown) {
        flow_compile_problem(c, "schedule",
                             "the flow has no export that could be run at a "
                             "time; its generators are webhooks");
    }
    if (!has_own && !nown) {
        zone_of(c, &name); /* for its problem */
    }
}

/* ---- flows after flows ---- */

static void add_next(flow_compile_t *c, flow_flow_t *flow, const char *field,
                     const char *id, const char *export_id)
{
    const flow_flow_t *next =
        apr_hash_get(c->model->flows, id, APR_HASH_KEY_STRING);
    json_t *ids;
    int i;

    if (!next) {
        const char *near =
            flow_docs_nearest(c->docs, FLOW_KIND_FLOW, id, c->scratch);

        flow_compile_problem(c, field, "there is no flow '%s'%s%s%s",
                             flow_printable(id, c->scratch),
                             near ? "; did you mean '" : "", near ? near : "",
                             near ? "'?" : "");
        return;
    }
    if (export_id) {
        for (i = 0; i < next->ngenerators &&
                    strcmp(next->generators[i]->id, export_id) != 0;
             ++i) {
        }
        if (i == next->ngenerators || next->generators[i]->webhook) {
            flow_compile_problem(c, field,
                                 "export '%s' is no page generator of flow "
                                 "'%s' that could be run",
                                 export_id, id);
            return;
        }
        ids = flow_json_own(c->scratch, json_array());
        json_array_append_new(
            ids, flow_json_string_new(export_id, strlen(export_id)));
        flow->next[flow->nnext].request = request_for(c, ids);
    }
    flow->next[flow->nnext++].flow = next;
}

/* Does a path lead from @a at to @a goal, over names that are not less? Then a
 * cycle is reported once, where its least name stands. *path: it. */
static int leads_to(const flow_flow_t *at, const flow_flow_t *goal,
                    apr_hash_t *seen, const char **path, int depth,
                    apr_pool_t *p)
{
    int i;

    for (i = 0; i < at->nnext && depth < DEPTH_MAX; ++i) {
        const flow_flow_t *next = at->next[i].flow;

        if (next == goal) {
            *path = apr_pstrcat(p, at->id, " -> ", goal->id, NULL);
            return 1;
        }
        if (strcmp(next->id, goal->id) < 0 ||
            apr_hash_get(seen, next->id, APR_HASH_KEY_STRING)) {
            continue;
        }
        apr_hash_set(seen, next->id, APR_HASH_KEY_STRING, next);
        if (leads_to(next, goal, seen, path, depth + 1, p)) {
            *path = apr_pstrcat(p, at->id, " -> ", *path, NULL);
            return 1;
        }
    }
    return 0;
}

static void check_cycle(flow_compile_t *c, const flow_doc_t *doc)
{
    const flow_flow_t *flow =
        apr_hash_get(c->model->flows, doc->id, APR_HASH_KEY_STRING);
    const char *path = NULL;

    if (!flow) {
        return;
    }
    c->doc = doc;
    c->json = flow->doc;
    if (leads_to(flow, flow, apr_hash_make(c->scratch), &path, 0, c->scratch)) {
        flow_compile_problem(
            c,
            flow_compile_get(c, "_runNextFlowIds") ? "_runNextFlowIds"
                                                   : "_runNextExportIds",
            "the flows would start each other without end: %s", path);
    }
}

void flow_compile_cycles(flow_compile_t *c)
{
    apr_size_t i;

    for (i = 0; i < flow_docs_count(c->docs); ++i) {
        const flow_doc_t *doc = flow_docs_at(c->docs, i);

        if (doc->kind == FLOW_KIND_FLOW) {
            check_cycle(c, doc);
        }
    }
}

/* ---- marks that are not passed ---- */

static void check_behind(flow_compile_t *c, const flow_flow_t *flow, int i,
                         const char *field)
{
    const flow_behind_t *behind = &flow->behind[i];
    const flow_export_t *exp = flow->generators[i];
    const flow_flow_t *other;
    int k;

    if (!exp || (!behind->flow_id && !behind->export_id)) {
        return;
    }
    if (!exp->is_delta) {
        flow_compile_problem(c, field,
                             "export '%s' is not of type 'delta' and has no "
                             "mark",
                             exp->id);
        return;
    }
    if (!behind->export_id) {
        return;
    }
    other = behind->flow_id ? apr_hash_get(c->model->flows, behind->flow_id,
                                           APR_HASH_KEY_STRING)
                            : flow;
    for (k = 0; other && k < other->ngenerators; ++k) {
        exp = other->generators[k];
        if (exp && exp->is_delta && strcmp(exp->id, behind->export_id) == 0) {
            return;
        }
    }
    flow_compile_problem(c, field,
                         "export '%s' is no page generator of type 'delta' of "
                         "flow '%s'",
                         behind->export_id,
                         behind->flow_id ? behind->flow_id : flow->id);
}

static void check_marks(flow_compile_t *c, const flow_flow_t *flow)
{
    const json_t *list = flow_compile_get(c, "pageGenerators");
    size_t i;
    int k = 0;

    for (i = 0; i < json_array_size(list) && k < flow->ngenerators; ++i) {
        if (export_of(c, json_array_get(list, i)) != flow->generators[k]) {
            continue;
        }
        check_behind(
            c, flow, k,
            apr_psprintf(c->scratch, "pageGenerators[%d]._keepDeltaBehind%sId",
                         (int)i,
                         flow->behind[k].export_id ? "Export" : "Flow"));
        ++k;
    }
}

void flow_compile_next(flow_compile_t *c, const flow_doc_t *doc)
{
    flow_flow_t *flow =
        apr_hash_get(c->model->flows, doc->id, APR_HASH_KEY_STRING);
    const json_t *flows, *exports;
    size_t i;

    if (!flow) {
        return;
    }
    c->doc = doc;
    c->json = flow->doc;
    flows = flow_compile_get(c, "_runNextFlowIds");
    exports = flow_compile_get(c, "_runNextExportIds");
    flow->next = apr_pcalloc(
        c->p, (json_array_size(flows) + json_array_size(exports) + 1) *
                  sizeof(*flow->next));
    for (i = 0; i < json_array_size(flows); ++i) {
        const char *id = flow_json_string(json_array_get(flows, i), NULL);

        if (id) {
            add_next(c, flow,
                     apr_psprintf(c->scratch, "_runNextFlowIds[%d]", (int)i),
                     id, NULL);
        }
    }
    for (i = 0; i < json_array_size(exports); ++i) {
        const json_t *item = json_array_get(exports, i);
        const char *id = flow_json_member(item, "_flowId");
        const char *export_id = flow_json_member(item, "_exportId");

        if (id && export_id) {
            add_next(c, flow,
                     apr_psprintf(c->scratch, "_runNextExportIds[%d]", (int)i),
                     id, export_id);
        }
    }
    check_marks(c, flow);
}

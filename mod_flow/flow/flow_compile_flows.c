/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows and APIs: what is made of exports, imports and scripts.
 */
#include "flow/flow_compile_private.h"

#include <apr_strings.h>

#include <string.h>

/* ---- generators ---- */

static void add_listener(flow_compile_t *c, const flow_flow_t *flow,
                         const flow_export_t *exp)
{
    apr_array_header_t *flows =
        apr_hash_get(c->model->listeners, exp->id, APR_HASH_KEY_STRING);

    if (!flows) {
        flows = apr_array_make(c->p, 2, sizeof(const flow_flow_t *));
        apr_hash_set(c->model->listeners, exp->id, APR_HASH_KEY_STRING, flows);
    }
    /* A flow that names the same listener twice still takes an event once. */
    if (flows->nelts == 0 ||
        APR_ARRAY_IDX(flows, flows->nelts - 1, const flow_flow_t *) != flow) {
        APR_ARRAY_PUSH(flows, const flow_flow_t *) = flow;
    }
}

static const flow_export_t *export_named(flow_compile_t *c,
                                         const json_t *object)
{
    const char *id = flow_json_member(object, "_exportId");

    return id ? apr_hash_get(c->model->exports, id, APR_HASH_KEY_STRING) : NULL;
}

static void compile_generators(flow_compile_t *c, flow_flow_t *flow)
{
    const json_t *list = flow_compile_get(c, "pageGenerators");
    int all = flow_compile_bool(c, "skipRetries"), *skips;
    size_t n = json_array_size(list), i;
    flow_behind_t *behind;

    if (list && n == 0) {
        flow_compile_problem(c, "pageGenerators",
                             "a flow needs at least one page generator, such "
                             "as [{\"_exportId\": \"orders\"}]");
    }
    flow->generators = apr_pcalloc(c->p, (n + 1) * sizeof(*flow->generators));
    flow->behind = behind = apr_pcalloc(c->p, (n + 1) * sizeof(*behind));
    skips = apr_pcalloc(c->p, (n + 1) * sizeof(*skips));
    flow->skip_retries = skips;
    for (i = 0; i < n; ++i) {
        const flow_export_t *exp = export_named(c, json_array_get(list, i));

        if (!exp) {
            continue; /* reported by the schema */
        }
        if (exp->is_lookup) {
            flow_compile_problem(
                c,
                apr_psprintf(c->scratch, "pageGenerators[%d]._exportId",
                             (int)i),
                "export '%s' is a lookup, which needs a record and cannot "
                "start a flow; make it a page processor",
                exp->id);
        }
        behind[flow->ngenerators].flow_id =
            flow_json_member(json_array_get(list, i), "_keepDeltaBehindFlowId");
        behind[flow->ngenerators].export_id = flow_json_member(
            json_array_get(list, i), "_keepDeltaBehindExportId");
        skips[flow->ngenerators] =
            all ||
            flow_json_member_bool(json_array_get(list, i), "skipRetries") == 1;
        flow->generators[flow->ngenerators++] = exp;
        if (exp->webhook && !flow->disabled) {
            add_listener(c, flow, exp);
        }
    }
}

/* ---- processors ---- */

static int step_kind(flow_compile_t *c, const json_t *step, const char *at)
{
    const char *type = flow_json_member(step, "type");
    int is_import = json_object_get(step, "_importId") != NULL;
    int is_export = json_object_get(step, "_exportId") != NULL;

    if (is_import && is_export) {
        flow_compile_problem(c, at,
                             "has both '_importId' and '_exportId'; a step is "
                             "one or the other");
        return 0;
    }
    if (type && strcmp(type, "import") == 0 && is_export) {
        flow_compile_problem(c, at,
                             "type 'import' needs '_importId', not "
                             "'_exportId'");
        return 0;
    }
    if (type && strcmp(type, "export") == 0 && is_import) {
        flow_compile_problem(c, at,
                             "type 'export' needs '_exportId', not "
                             "'_importId'");
        return 0;
    }
    return is_import || is_export;
}

/* What stands in the document as written at "a[0].b[1]". */
static const json_t *as_written(flow_compile_t *c, const char *at)
{
    const json_t *v = c->doc->json;

    while (v && *at) {
        apr_size_t len = strcspn(at, ".[");

        if (*at == '[') {
            char *end;

            v = json_array_get(v, (size_t)apr_strtoi64(at + 1, &end, 10));
            at = end + (*end == ']');
            at += *at == '.';
            continue;
        }
        v = json_object_get(v, apr_pstrmemdup(c->scratch, at, len));
        at += len;
        at += *at == '.';
    }
    return v;
}

/* Does the document as written name something here? Then what is missing now
 * was wrong and has been reported. */
static int names_something(flow_compile_t *c, const char *at)
{
    const json_t *step = as_written(c, at);

    return !flow_json_is(step, OBJECT) || json_object_get(step, "_importId") ||
           json_object_get(step, "_exportId");
}

static void compile_target(flow_compile_t *c, flow_step_t *step,
                           const json_t *doc, const char *at)
{
    const char *id = flow_json_member(doc, "_importId");

    if (id) {
        step->import = apr_hash_get(c->model->imports, id, APR_HASH_KEY_STRING);
        return;
    }
    step->lookup = export_named(c, doc);
    if (step->lookup && step->lookup->webhook) {
        flow_compile_problem(c, apr_pstrcat(c->scratch, at, "._exportId", NULL),
                             "export '%s' is a webhook and cannot be a step; "
                             "make it a page generator",
                             step->lookup->id);
    }
}

void flow_compile_step(flow_compile_t *c, flow_step_t *step, const json_t *doc,
                       const char *at)
{
    const json_t *part;

    if (step_kind(c, doc, at)) {
        compile_target(c, step, doc, at);
    }
    else if (!names_something(c, at)) {
        flow_compile_problem(c, at,
                             "names neither an '_importId' nor an "
                             "'_exportId'");
    }
    step->proceed_on_failure =
        flow_json_member_bool(doc, "proceedOnFailure") == 1;
    part = json_object_get(doc, "responseMapping");
    if (part && !flow_json_is(part, NULL)) {
        step->response_mapping = flow_compile_response_mapping(
            c, apr_pstrcat(c->scratch, at, ".responseMapping", NULL), part);
    }
    part = json_object_get(json_object_get(doc, "hooks"), "postResponseMap");
    if (part) {
        flow_compile_hook_object(
            c, apr_pstrcat(c->scratch, at, ".hooks.postResponseMap", NULL),
            part, &step->post_response_map);
    }
}

static void compile_processors(flow_compile_t *c, flow_flow_t *flow)
{
    const json_t *list = flow_compile_get(c, "pageProcessors");
    size_t n = json_array_size(list), i;

    flow->steps = apr_pcalloc(c->p, (n + 1) * sizeof(*flow->steps));
    for (i = 0; i < n; ++i) {
        const json_t *step = json_array_get(list, i);

        if (flow_json_is(step, OBJECT)) {
            flow_compile_step(
                c, &flow->steps[flow->nsteps++], step,
                apr_psprintf(c->scratch, "pageProcessors[%d]", (int)i));
        }
    }
}

void flow_compile_flow(flow_compile_t *c, const flow_doc_t *doc)
{
    flow_flow_t *flow = apr_pcalloc(c->p, sizeof(*flow));

    flow->id = doc->id;
    flow->slot = c->model->nslots++;
    flow_compile_open(c, doc, NULL, NULL);
    if (flow_compile_get(c, "pageProcessors") &&
        flow_compile_get(c, "routers")) {
        flow_compile_problem(c, "pageProcessors",
                             "\"pageProcessors\" is not allowed when "
                             "\"routers\" is present");
    }
    flow->name = flow_compile_name(c);
    flow->doc = c->json;
    flow->disabled = flow_compile_bool(c, "disabled");
    flow->parallel = flow_compile_bool(c, "runPageGeneratorsInParallel");
    flow->integration_id = flow_compile_string(c, "_integrationId");
    flow->auto_resolve = flow_compile_bool(c, "autoResolveMatchingTraceKeys");
    compile_generators(c, flow);
    if (flow_compile_get(c, "routers")) {
        flow_compile_routers(c, flow);
    }
    else {
        compile_processors(c, flow);
    }
    flow_compile_schedules(c, flow);
    apr_hash_set(c->model->flows, flow->id, APR_HASH_KEY_STRING, flow);
}

/* ---- APIs ---- */

void flow_compile_api(flow_compile_t *c, const flow_doc_t *doc)
{
    flow_api_t *api = apr_pcalloc(c->p, sizeof(*api));

    api->id = doc->id;
    api->slot = c->model->nslots++;
    flow_compile_open(c, doc, NULL, NULL);
    api->name = flow_compile_name(c);
    api->doc = c->json;
    api->disabled = flow_compile_bool(c, "disabled");
    if (flow_compile_get(c, "script")) {
        flow_compile_hook(c, "script", &api->handler);
    }
    else if (flow_compile_get(c, "_scriptId") &&
             flow_compile_get(c, "function")) {
        flow_compile_hook_object(c, "", c->json, &api->handler);
    }
    else if (!json_object_get(doc->json, "script") &&
             !json_object_get(doc->json, "_scriptId") &&
             !json_object_get(doc->json, "builder")) {
        flow_compile_problem(c, "script",
                             "required field 'script' is missing; it names "
                             "the function that answers: {\"_scriptId\": "
                             "\"...\", \"function\": \"...\"}");
    }
    apr_hash_set(c->model->apis, api->id, APR_HASH_KEY_STRING, api);
}

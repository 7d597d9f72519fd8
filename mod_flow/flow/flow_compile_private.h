/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_COMPILE_PRIVATE_H
#define FLOW_COMPILE_PRIVATE_H

#include "flow/flow_connector.h"
#include "flow/flow_docs.h"
#include "flow/flow_model.h"

/** One compilation; the second half changes from document to document. */
struct flow_compile_t {
    flow_docs_t *docs;
    flow_model_t *model;
    apr_size_t script_memory;
    apr_pool_t *p, *scratch;
    /* what a virtual document may name (flow_compile_virtual.c), else NULL */
    const flow_model_t *known;

    const flow_doc_t *doc;
    json_t *json;          /* copy without what is wrong, secrets resolved */
    const char *connector; /* as in flow_schema_find() */
    const json_t *client;  /* see flow_compile_client() */
    int is_part;           /* see flow_compile_part() */
    int is_strict;         /* templates: a missing value is an error */
    json_t *secrets;       /* array that resolved secrets are added to */
    int is_quiet;          /* what is compiled a second time has been told */
};

/** Make @a doc the current one: copy, check, resolve secrets. @a secrets may
 * be NULL. */
void flow_compile_open(flow_compile_t *c, const flow_doc_t *doc,
                       const char *connector, json_t *secrets);

/** For flow_schema_secrets(). */
json_t *flow_compile_on_secret(void *baton, const char *path, const char *text);

/* Parts of documents (flow_compile_parts.c); @a field is their object. */
void flow_compile_hook(flow_compile_t *c, const char *field, flow_hook_t *hook);
void flow_compile_hook_object(flow_compile_t *c, const char *field,
                              const json_t *object, flow_hook_t *hook);
void flow_compile_filter(flow_compile_t *c, const char *field,
                         flow_record_filter_t *filter);
void flow_compile_filter_object(flow_compile_t *c, const char *field,
                                const json_t *part,
                                flow_record_filter_t *filter);
void flow_compile_transform(flow_compile_t *c, const char *field,
                            const flow_connection_t *connection,
                            flow_transform_t *transform);
void flow_compile_delta(flow_compile_t *c, flow_export_t *exp);

/* Mappings and what belongs to them (flow_compile_mapping.c). */
/** lookups[] of the document, and those of the connector's own object. */
void flow_compile_lookups(flow_compile_t *c,
                          const flow_connection_t *connection,
                          flow_lookup_set_t *set);
/** `mapping` or `mappings`; NULL when there is neither, or it is wrong. */
const flow_mapping_t *flow_compile_mapping(flow_compile_t *c,
                                           const flow_lookup_set_t *set);
/** @a expression: {version, rules | rulesTwoDotZero}, which stands at
 * @a field. */
const flow_mapping_t *flow_compile_rules(flow_compile_t *c, const char *field,
                                         const json_t *expression);
/** The lookups of such rules that ask the far end. */
void flow_compile_rules_lookups(flow_compile_t *c, const char *field,
                                const json_t *expression,
                                const flow_connection_t *connection,
                                flow_transform_t *transform);
const flow_mapping_t *flow_compile_response_mapping(flow_compile_t *c,
                                                    const char *field,
                                                    const json_t *v);
/** Of an export: groupByFields, oneToMany, mapping(s), mockOutput. */
void flow_compile_export_shape(flow_compile_t *c, flow_export_t *exp);
/** Of an import: mapping(s), lookups, responseTransform, mockResponse. */
void flow_compile_import_shape(flow_compile_t *c, flow_import_t *imp);

/* Kinds (flow_compile_flows.c). */
void flow_compile_flow(flow_compile_t *c, const flow_doc_t *doc);
void flow_compile_api(flow_compile_t *c, const flow_doc_t *doc);

/** A step: pageProcessors[i] or a branch's; @a at is its path. */
void flow_compile_step(flow_compile_t *c, flow_step_t *step, const json_t *doc,
                       const char *at);

/* Parts of flows. */
/** flow_compile_routers.c; a flow with routers instead of pageProcessors. */
void flow_compile_routers(flow_compile_t *c, flow_flow_t *flow);
/** flow_compile_schedule.c */
void flow_compile_schedules(flow_compile_t *c, flow_flow_t *flow);
/** After all flows: _runNextFlowIds, _runNextExportIds, and
 * whose marks are not passed. */
void flow_compile_next(flow_compile_t *c, const flow_doc_t *doc);
/** After that. */
void flow_compile_cycles(flow_compile_t *c);

/* Kinds (flow_compile_scripts.c). */
void flow_compile_script(flow_compile_t *c, const flow_doc_t *doc);

/* Kinds (flow_compile.c). */
void flow_compile_export(flow_compile_t *c, const flow_doc_t *doc);
void flow_compile_import(flow_compile_t *c, const flow_doc_t *doc);

/**
 * Compile one document beside @a model, while others use that. It may name
 * connections and scripts of the model; secrets stand in it as they are.
 * @a json is a copy that may be changed. FLOW_E_SCRIPT "invalid_document" tells
 * the fields that are wrong. Everything lives in @a p.
 */
apr_status_t flow_compile_virtual_export(flow_export_t **pexp,
                                         const flow_model_t *model,
                                         json_t *json, apr_pool_t *p,
                                         flow_error_t *err);
apr_status_t flow_compile_virtual_import(flow_import_t **pimp,
                                         const flow_model_t *model,
                                         json_t *json, apr_pool_t *p,
                                         flow_error_t *err);
int flow_compile_virtual_exists(const flow_compile_t *c, const char *kind,
                                const char *id);

/** The document's `name`, else its id. */
const char *flow_compile_name(flow_compile_t *c);

#endif

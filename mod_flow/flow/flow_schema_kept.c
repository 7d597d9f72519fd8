/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Celigo keeps in its documents for itself: who changed them and when,
 * what its editor shows, what belongs to its queues and its catalogue. It
 * comes with every exported document, says nothing about what a document does,
 * and is ignored whatever it holds.
 */
#include "flow/flow_schema_private.h"

/* clang-format off */

#define KEPT(path) \
    { path, FLOW_FIELD_ANY, FLOW_FIELD_READONLY, NULL, NULL, "kept by Celigo for itself" }

#define KEPT_EVERYWHERE \
    KEPT("__v"), KEPT("_createdByUserId"), KEPT("_lastModifiedByUserId"), \
    KEPT("_parentId"), KEPT("_registrationId"), \
    KEPT("_tagIds"), KEPT("accessLevel"), KEPT("aiDescription"), \
    KEPT("createdBy"), KEPT("debugUntil"), KEPT("deletedAt"), KEPT("draft"), \
    KEPT("draftExpiresAt"), KEPT("hasDraft"), KEPT("installed"), \
    KEPT("lastModifiedBy"), KEPT("ownerUserId"), KEPT("permissions"), \
    KEPT("published"), KEPT("shared"), KEPT("stage"), KEPT("tags")

#define KEPT_BY_STEPS \
    KEPT("_httpConnectorEndpointId"), KEPT("_httpConnectorResourceId"), \
    KEPT("_httpConnectorId"), KEPT("_httpConnectorVersionId"), \
    KEPT("adaptorSchema"), KEPT("assistantMetadata"), KEPT("isHTTP"), \
    KEPT("sampleHeaders"), KEPT("sampleResponseData"), \
    KEPT("useTechAdaptorForm"), KEPT("ui"), KEPT("virtual")

/* clang-format on */

static const flow_field_t connection_kept[] = {
    KEPT_EVERYWHERE,
    KEPT("assistantMetadata"),
    KEPT("configuredCustomSettings"),
    KEPT("http.isHTTP"),
    KEPT("http.assistantMetadata"),
    KEPT("isHTTP"),
    KEPT("lastOfflineAt"),
    KEPT("microServices"),
    KEPT("offlineAt"),
    KEPT("queues"),
    KEPT("queueSize"),
    KEPT("totalInQueue"),
    KEPT("useTechAdaptorForm"),
    { NULL },
};

static const flow_field_t export_kept[] = {
    KEPT_EVERYWHERE,     KEPT_BY_STEPS, KEPT("http.assistantMetadata"),
    KEPT("http.isHTTP"), { NULL },
};

static const flow_field_t import_kept[] = {
    KEPT_EVERYWHERE,     KEPT_BY_STEPS,   KEPT("http.assistantMetadata"),
    KEPT("http.isHTTP"), KEPT("rawData"), { NULL },
};

static const flow_field_t flow_kept[] = {
    KEPT_EVERYWHERE,
    KEPT("_ediProfileId"),
    KEPT("errors"),
    KEPT("lastErrorAt"),
    KEPT("numExports"),
    KEPT("numImports"),
    KEPT("pageGenerators[].id"),
    KEPT("pageGenerators[].application"),
    KEPT("pageProcessors[].id"),
    KEPT("pageProcessors[].application"),
    KEPT("routers[].branches[].collapsed"),
    KEPT("routers[].branches[].pageProcessors[].id"),
    KEPT("routers[].branches[].pageProcessors[].application"),
    { NULL },
};

static const flow_field_t script_kept[] = {
    KEPT_EVERYWHERE,
    KEPT("insertFunction"),
    { NULL },
};

static const flow_field_t other_kept[] = {
    KEPT_EVERYWHERE,
    { NULL },
};

static const flow_field_t *const kept[FLOW_KIND_COUNT] = {
    [FLOW_KIND_CONNECTION] = connection_kept,
    [FLOW_KIND_EXPORT] = export_kept,
    [FLOW_KIND_IMPORT] = import_kept,
    [FLOW_KIND_FLOW] = flow_kept,
    [FLOW_KIND_SCRIPT] = script_kept,
    [FLOW_KIND_API] = other_kept,
    [FLOW_KIND_ICLIENT] = other_kept,
    [FLOW_KIND_ASYNC_HELPER] = other_kept,
};

const flow_field_t *flow_schema_kept(flow_kind_e kind)
{
    return kept[kind];
}

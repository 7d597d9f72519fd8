/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of what belongs to no connector. One row a line, so that a table
 * can be read down its columns; members follow their object.
 */
#include "flow/flow_schema.h"

/* clang-format off */

#define STRING    FLOW_FIELD_STRING
#define TEMPLATE  FLOW_FIELD_TEMPLATE
#define PATH      FLOW_FIELD_PATH
#define INT       FLOW_FIELD_INT
#define BOOL      FLOW_FIELD_BOOL
#define ID        FLOW_FIELD_ID
#define OBJECT    FLOW_FIELD_OBJECT
#define ARRAY     FLOW_FIELD_ARRAY
#define STRINGS   FLOW_FIELD_STRINGS
#define ANY       FLOW_FIELD_ANY
#define REQUIRED  FLOW_FIELD_REQUIRED
#define READONLY  FLOW_FIELD_READONLY
#define SECRET    FLOW_FIELD_SECRET
#define LATER     FLOW_FIELD_LATER

#define EVERY_KIND \
    { "_id", STRING, 0, NULL, NULL, "id; a section has it as its argument" }, \
    { "name", STRING, 0, NULL, NULL, "label; the id when absent" }, \
    { "description", STRING, 0, NULL, NULL, "free text" }, \
    { "createdAt", STRING, READONLY, NULL, NULL, "time of creation" }, \
    { "lastModified", STRING, READONLY, NULL, NULL, "time of the last change" }, \
    { "_sourceId", STRING, READONLY, NULL, NULL, "what it was cloned from" }, \
    { "_userId", STRING, READONLY, NULL, NULL, "owner" }, \
    { "_connectorId", STRING, READONLY, NULL, NULL, "integration app" }, \
    { "_templateId", STRING, READONLY, NULL, NULL, "template" }, \
    { "_integrationId", STRING, 0, NULL, NULL, "integration it belongs to, as told to scripts" }, \
    { "externalId", STRING, 0, NULL, NULL, "free correlation id" }, \
    { "sandbox", BOOL, READONLY, NULL, NULL, "deprecated" }, \
    { "settings", ANY, 0, NULL, NULL, "custom settings, visible to templates and scripts" }, \
    { "settingsForm", ANY, READONLY, NULL, NULL, "form of the settings" }, \
    { "aliases", ANY, READONLY, NULL, NULL, "names for other documents" }

#define HOOK(path, help) \
    { path, OBJECT, 0, NULL, NULL, help }, \
    { path "._scriptId", ID, REQUIRED, "script", NULL, "script" }, \
    { path ".function", STRING, REQUIRED, NULL, NULL, "name of the function, case counts" }, \
    { path "._stackId", STRING, LATER, NULL, NULL, "function on a server of one's own" }, \
    { path ".configuration", ANY, LATER, NULL, NULL, "argument of a stack function" }

#define SCRIPT(path) \
    { path, OBJECT, 0, NULL, NULL, "for type script" }, \
    { path "._scriptId", ID, REQUIRED, "script", NULL, "script" }, \
    { path ".function", STRING, REQUIRED, NULL, NULL, "name of the function, case counts" }

#define FILTER(path, help) \
    { path, OBJECT, 0, NULL, NULL, help }, \
    { path ".type", STRING, 0, "expression script", NULL, "which of the two counts; the one that is there when absent" }, \
    { path ".expression", ANY, 0, NULL, NULL, "for type expression: {version, rules}" }, \
    { path ".version", STRING, 0, NULL, NULL, "of rules given without expression" }, \
    { path ".rules", ANY, 0, NULL, NULL, "rules given without expression" }, \
    SCRIPT(path ".script")

#define TRANSFORM(path, help) \
    { path, OBJECT, 0, NULL, NULL, help }, \
    { path ".type", STRING, 0, "expression script", NULL, "which of the two counts; the one that is there when absent" }, \
    { path ".expression", ANY, 0, NULL, NULL, "for type expression: {version: 1, rules: [[{extract, generate}]]} or {version: 2, rulesTwoDotZero: {mode, mappings, lookups}}" }, \
    { path ".version", STRING, 0, NULL, NULL, "of rules given without expression" }, \
    { path ".rules", ANY, 0, NULL, NULL, "rules given without expression" }, \
    { path ".rulesTwoDotZero", ANY, 0, NULL, NULL, "the same of version 2" }, \
    SCRIPT(path ".script")

#define LOOKUPS \
    { "lookups", ARRAY, 0, NULL, NULL, "tables, caches and requests, for lookupName and {{lookup}}" }, \
    { "lookups[].name", STRING, REQUIRED, NULL, NULL, "name, as in lookupName" }, \
    { "lookups[].map", ANY, 0, NULL, NULL, "a table: an object of keys and values" }, \
    { "lookups[]._lookupCacheId", STRING, 0, NULL, NULL, "a lookup cache, which scripts fill" }, \
    { "lookups[].method", STRING, 0, "GET POST", NULL, "a request: GET when absent" }, \
    { "lookups[].relativeURI", TEMPLATE, 0, NULL, NULL, "a request: its address below baseURI; sees the record" }, \
    { "lookups[].body", TEMPLATE, 0, NULL, NULL, "a request: its body" }, \
    { "lookups[].postBody", TEMPLATE, 0, NULL, NULL, "older name of body" }, \
    { "lookups[].query", TEMPLATE, LATER, NULL, NULL, "a query of a database" }, \
    { "lookups[].extract", PATH, 0, NULL, NULL, "where the cache's entry or the answer has the value; else all of it" }, \
    { "lookups[].useImportHeaders", BOOL, 0, NULL, "false", "a request: send the import's headers, too" }, \
    { "lookups[].default", ANY, 0, NULL, NULL, "value when there is none, with allowFailures" }, \
    { "lookups[].allowFailures", BOOL, 0, NULL, "false", "finding nothing does not fail the record" }

#define TRACE_KEY \
    { "traceKeyTemplate", TEMPLATE, 0, NULL, NULL, "what identifies a record in errors; else id, _id, key or name" }, \
    { "dataURITemplate", TEMPLATE, 0, NULL, NULL, "link to the record in the application, kept with its errors; an import's also sees {{response}} and is dataURI of the answer" }

#define PROCESSORS(at, help) \
    { at "pageProcessors", ARRAY, 0, NULL, NULL, help }, \
    { at "pageProcessors[].type", STRING, 0, "import export", NULL, "import: destination, export: lookup; follows from the id when absent" }, \
    { at "pageProcessors[]._importId", ID, 0, "import", NULL, "for type import" }, \
    { at "pageProcessors[]._exportId", ID, 0, "export", NULL, "for type export" }, \
    { at "pageProcessors[].proceedOnFailure", BOOL, 0, NULL, "false", "a record that fails here goes on" }, \
    { at "pageProcessors[].responseMapping", ANY, 0, NULL, NULL, "{fields: [{extract, generate}], lists: []}: what of the answer goes into the record" }, \
    { at "pageProcessors[].hooks", OBJECT, 0, NULL, NULL, "functions of scripts" }, \
    HOOK(at "pageProcessors[].hooks.postResponseMap", "works on records after the response mapping"), \
    { at "pageProcessors[].setupInProgress", BOOL, READONLY, NULL, NULL, "internal" }, \
    { at "pageProcessors[]._toolId", STRING, LATER, NULL, NULL, "tool" }

#define LATER_OBJECT(path) \
    { path, OBJECT, LATER, NULL, NULL, "another kind of system" }

static const flow_field_t connection_fields[] = {
    EVERY_KIND,
    { "type", STRING, REQUIRED, NULL, NULL, "kind of system: the name of a connector" },
    { "assistant", STRING, 0, NULL, NULL, "application: a preset (docs/presets.md) gives what the document lacks" },
    { "offline", BOOL, READONLY, NULL, NULL, "the last test failed" },
    { "debugDate", STRING, 0, NULL, NULL, "ISO 8601: until then requests and answers of type http are logged, without secrets" },
    { "_agentId", STRING, READONLY, NULL, NULL, "on-premise agent; not needed here" },
    { "_borrowConcurrencyFromConnectionId", ID, 0, "connection", NULL, "connection of the same type whose concurrency and limits count instead" },
    { "autoRecoverRateLimitErrors", BOOL, 0, NULL, "true", "wait and try again when the far end says so" },
    { "pgp", OBJECT, LATER, NULL, NULL, "keys for encrypted files" },
    { "ssl", OBJECT, LATER, NULL, NULL, "TLS material of other connectors" },
    LATER_OBJECT("rest"), LATER_OBJECT("ftp"), LATER_OBJECT("s3"),
    LATER_OBJECT("netsuite"), LATER_OBJECT("salesforce"), LATER_OBJECT("rdbms"),
    LATER_OBJECT("jdbc"), LATER_OBJECT("mongodb"), LATER_OBJECT("dynamodb"),
    LATER_OBJECT("as2"), LATER_OBJECT("van"), LATER_OBJECT("wrapper"),
    LATER_OBJECT("mcp"),
    { NULL },
};

static const flow_field_t export_fields[] = {
    EVERY_KIND,
    { "adaptorType", STRING, 0, NULL, NULL, "HTTPExport ...; follows from the connection when absent" },
    { "_connectionId", ID, 0, "connection", NULL, "connection; not for type webhook" },
    { "type", STRING, 0, "test webhook delta once blob | distributed simple stream tranlinedelta", NULL, "absent: all records; blob: bytes, not records; test: at most test.limit records; delta: what has changed since the last run; once: each record is marked at the source when it is through" },
    { "isLookup", BOOL, 0, NULL, "false", "runs for each incoming record instead of starting a flow" },
    { "pageSize", INT, 0, "1 10000", "20", "records per page handed downstream" },
    { "test", OBJECT, 0, NULL, NULL, "for type test" },
    { "test.limit", INT, 0, "1 100", "1", "records at most" },
    { "delta", OBJECT, 0, NULL, NULL, "for type delta: {{lastExportDateTime}} and {{currentExportDateTime}}" },
    { "delta.dateField", STRING, LATER, NULL, NULL, "for systems that are asked by field" },
    { "delta.dateFormat", STRING, 0, NULL, NULL, "how the two are written, in UTC and a format of moment.js; ISO 8601 when absent" },
    { "delta.lagOffset", INT, 0, "-315360000000 315360000000", "0", "milliseconds by which lastExportDateTime is put back" },
    { "delta.startDate", STRING, 0, NULL, NULL, "lastExportDateTime of the first run, ISO 8601; without it there is none" },
    { "once", OBJECT, LATER, NULL, NULL, "for type once" },
    { "distributed", OBJECT, LATER, NULL, NULL, "for type distributed" },
    TRANSFORM("transform", "changes each record as it comes in"),
    FILTER("filter", "output filter: records that do not match are dropped"),
    FILTER("inputFilter", "lookups: for records that do not match the call is skipped"),
    { "hooks", OBJECT, 0, NULL, NULL, "functions of scripts" },
    HOOK("hooks.preSavePage", "works on each page before it is handed on"),
    TRACE_KEY,
    { "mappings", ANY, 0, NULL, NULL, "lookups: Mapper 2.0, builds the request's body" },
    { "mapping", ANY, 0, NULL, NULL, "lookups: Mapper 1.0, builds the request's body" },
    { "mappingContext", STRING, 0, "record envelope", "record", "what $ is in mappings: the record, or {record, job, settings, export}" },
    LOOKUPS,
    { "oneToMany", BOOL, 0, NULL, "false", "lookups: one call per child record, which has its parent as _PARENT" },
    { "pathToMany", PATH, 0, NULL, NULL, "where the child records are; else the rows of a grouped record" },
    { "groupByFields", STRINGS, 0, NULL, NULL, "records that follow each other and are equal in these become one, an array of rows" },
    { "mockOutput", ANY, 0, NULL, NULL, "used instead of a call in test runs: {page_of_records: [{record: {}}]}" },
    { "parsers", ANY, LATER, NULL, NULL, "custom parsing" },
    { "sampleData", ANY, READONLY, NULL, NULL, "sample kept by the editor" },
    { "rawData", STRING, READONLY, NULL, NULL, "sample kept by the editor" },
    { "apiIdentifier", STRING, READONLY, NULL, NULL, "short id" },
    { "asynchronous", BOOL, READONLY, NULL, NULL, "internal" },
    { "assistant", STRING, 0, NULL, NULL, "application: a preset (docs/presets.md) gives what the document lacks" },
    LATER_OBJECT("rest"), LATER_OBJECT("ftp"), LATER_OBJECT("s3"),
    LATER_OBJECT("netsuite"), LATER_OBJECT("salesforce"), LATER_OBJECT("rdbms"),
    LATER_OBJECT("jdbc"), LATER_OBJECT("mongodb"), LATER_OBJECT("dynamodb"),
    LATER_OBJECT("as2"), LATER_OBJECT("wrapper"),
    { NULL },
};

static const flow_field_t import_fields[] = {
    EVERY_KIND,
    { "adaptorType", STRING, 0, NULL, NULL, "HTTPImport ...; follows from the connection when absent" },
    { "_connectionId", ID, REQUIRED, "connection", NULL, "connection" },
    FILTER("filter", "input filter: for records that do not match the step is skipped"),
    { "mapping", OBJECT, 0, NULL, NULL, "Mapper 1.0; without it records go out as they are" },
    { "mapping.fields", ANY, 0, NULL, NULL, "[{generate, extract | hardCodedValue, lookupName, dataType, default, ...}]" },
    { "mapping.lists", ANY, 0, NULL, NULL, "[{generate, jsonPath, fields}]" },
    { "mappings", ANY, 0, NULL, NULL, "Mapper 2.0; never together with mapping" },
    { "mappingContext", STRING, 0, "record envelope", "record", "what $ is in mappings: the record, or {record, job, settings, import}" },
    LOOKUPS,
    { "hooks", OBJECT, 0, NULL, NULL, "functions of scripts" },
    HOOK("hooks.preMap", "works on records before the mapping"),
    HOOK("hooks.postMap", "works on records after the mapping"),
    HOOK("hooks.postSubmit", "works on the answers"),
    HOOK("hooks.postAggregate", "runs after a file was written"),
    { "oneToMany", BOOL, 0, NULL, "false", "each child record is submitted by itself" },
    { "pathToMany", PATH, 0, NULL, NULL, "where the child records are" },
    TRACE_KEY,
    { "ignoreExisting", BOOL, 0, NULL, "false", "skip records that exist" },
    { "ignoreMissing", BOOL, 0, NULL, "false", "skip records that do not exist" },
    { "idLockTemplate", TEMPLATE, 0, NULL, NULL, "records of equal keys are never in flight together; sees the record as it came" },
    { "blobKeyPath", PATH, 0, NULL, NULL, "where the record, before the mapping, has a blob's key: the blob is the body" },
    { "blob", BOOL, READONLY, NULL, "false", "transfers blobs; blobKeyPath says so here" },
    { "deleteAfterImport", BOOL, 0, NULL, "false", "remove the blob when it has been taken" },
    TRANSFORM("responseTransform", "changes the answer (_json) before postSubmit and response mapping"),
    { "parsers", ANY, LATER, NULL, NULL, "custom parsing of the answer" },
    { "mockResponse", ANY, 0, NULL, NULL, "answers for test runs: response elements, one for each record or one for all" },
    { "maxAttempts", INT, 0, "1 10", NULL, "how often a request is sent at most after trouble on the line or at the far end; else 3 times" },
    { "sampleData", ANY, READONLY, NULL, NULL, "sample kept by the editor" },
    { "apiIdentifier", STRING, READONLY, NULL, NULL, "short id" },
    { "distributed", BOOL, READONLY, NULL, NULL, "internal" },
    { "assistant", STRING, 0, NULL, NULL, "application: a preset (docs/presets.md) gives what the document lacks" },
    LATER_OBJECT("rest"), LATER_OBJECT("ftp"), LATER_OBJECT("s3"),
    LATER_OBJECT("netsuite"), LATER_OBJECT("netsuite_da"),
    LATER_OBJECT("salesforce"), LATER_OBJECT("rdbms"), LATER_OBJECT("jdbc"),
    LATER_OBJECT("mongodb"), LATER_OBJECT("dynamodb"), LATER_OBJECT("as2"),
    LATER_OBJECT("wrapper"), LATER_OBJECT("tool"), LATER_OBJECT("aiAgent"),
    LATER_OBJECT("guardrail"),
    { NULL },
};

static const flow_field_t flow_fields[] = {
    EVERY_KIND,
    { "disabled", BOOL, 0, NULL, "false", "neither runs nor takes events" },
    { "pageGenerators", ARRAY, REQUIRED, NULL, NULL, "exports and webhooks that start it" },
    { "pageGenerators[]._exportId", ID, REQUIRED, "export", NULL, "export" },
    { "pageGenerators[].schedule", STRING, 0, NULL, NULL, "replaces the flow's schedule" },
    { "pageGenerators[].skipRetries", BOOL, 0, NULL, "false", "keep no retry data of its records" },
    { "pageGenerators[]._keepDeltaBehindFlowId", ID, 0, "flow", NULL, "flow whose mark is not passed" },
    { "pageGenerators[]._keepDeltaBehindExportId", ID, 0, "export", NULL, "export whose mark is not passed" },
    { "pageGenerators[].setupInProgress", BOOL, READONLY, NULL, NULL, "internal" },
    PROCESSORS("", "steps, in order"),
    { "routers", ARRAY, 0, NULL, NULL, "branches; never together with pageProcessors; the first one gets the records" },
    { "routers[].id", STRING, REQUIRED, NULL, NULL, "id, as in nextRouterId" },
    { "routers[].name", STRING, 0, NULL, NULL, "label" },
    { "routers[].routeRecordsTo", STRING, 0, "first_matching_branch all_matching_branches", "first_matching_branch", "one branch, or a copy to each" },
    { "routers[].routeRecordsUsing", STRING, 0, "input_filters script", "input_filters", "what decides" },
    { "routers[].script", OBJECT, 0, NULL, NULL, "for script: returns indexes or names of branches" },
    { "routers[].script._scriptId", ID, REQUIRED, "script", NULL, "script" },
    { "routers[].script.function", STRING, REQUIRED, NULL, NULL, "name of the function, case counts" },
    { "routers[].branches", ARRAY, REQUIRED, NULL, NULL, "branches, in order" },
    { "routers[].branches[].name", STRING, 0, NULL, NULL, "label" },
    { "routers[].branches[].description", STRING, 0, NULL, NULL, "free text" },
    FILTER("routers[].branches[].inputFilter", "records that match take this branch; all do without it"),
    { "routers[].branches[].nextRouterId", STRING, 0, NULL, NULL, "router that gets what comes out of the steps" },
    PROCESSORS("routers[].branches[].", "steps, in order; none: the records end here"),
    { "schedule", STRING, 0, NULL, NULL, "six fields: ? minute hour day month weekday; or five, without the ?" },
    { "timezone", STRING, 0, NULL, NULL, "IANA name, of the schedules; UTC when absent" },
    { "scheduleCatchUp", STRING, 0, "none one all", "one", "runs for ticks that were missed; mod_flow's own" },
    { "skipRetries", BOOL, 0, NULL, "false", "keep no retry data; then nothing can be retried" },
    { "_runNextFlowIds", STRINGS, 0, NULL, NULL, "flows to start after this one" },
    { "_runNextExportIds", ARRAY, 0, NULL, NULL, "single exports of other flows to start after this one" },
    { "_runNextExportIds[]._flowId", ID, REQUIRED, "flow", NULL, "flow" },
    { "_runNextExportIds[]._exportId", ID, REQUIRED, "export", NULL, "one of its page generators" },
    { "runPageGeneratorsInParallel", BOOL, 0, NULL, "false", "generators run side by side" },
    { "autoResolveMatchingTraceKeys", BOOL, 0, NULL, "true", "a later success with the trace key of an open error resolves it, and so does a newer error" },
    { "isAbstract", BOOL, LATER, NULL, "false", "template of flows" },
    { "_abstractFlowId", STRING, LATER, NULL, NULL, "template of this flow" },
    { "overrides", ANY, LATER, NULL, NULL, "changes to the template" },
    { "_exportId", ID, LATER, "export", NULL, "legacy pair; use pageGenerators" },
    { "_importId", ID, LATER, "import", NULL, "legacy pair; use pageProcessors" },
    { "logging", ANY, READONLY, NULL, NULL, "internal" },
    { "lastExecutedAt", STRING, READONLY, NULL, NULL, "time of the last run" },
    { "resolvedAt", STRING, READONLY, NULL, NULL, "internal" },
    { "free", BOOL, READONLY, NULL, NULL, "internal" },
    { "wizardState", STRING, READONLY, NULL, NULL, "internal" },
    { "setupInProgress", BOOL, READONLY, NULL, NULL, "internal" },
    { "flowConvertedToNewSchema", BOOL, READONLY, NULL, NULL, "internal" },
    { "_flowGroupingId", STRING, READONLY, NULL, NULL, "group in the integration" },
    { "__startDateHelper", ANY, READONLY, NULL, NULL, "internal" },
    { "__retryAtHelper", ANY, READONLY, NULL, NULL, "internal" },
    { NULL },
};

static const flow_field_t script_fields[] = {
    EVERY_KIND,
    { "content", STRING, 0, NULL, NULL, "the source; a .js file is its own" },
    { "postResponseHookToProcessOnChildRecord", BOOL, LATER, NULL, "false", "postResponseMap works on child records" },
    { "debugUntil", STRING, READONLY, NULL, NULL, "debug lines are kept until then" },
    { NULL },
};

static const flow_field_t api_fields[] = {
    EVERY_KIND,
    { "type", STRING, 0, "script | builder", "script", "kind of API" },
    { "version", STRING, 0, NULL, "v1", "part of the address" },
    { "disabled", BOOL, 0, NULL, "false", "answers 404" },
    { "script", OBJECT, 0, NULL, NULL, "the function that answers" },
    { "script._scriptId", ID, REQUIRED, "script", NULL, "script" },
    { "script.function", STRING, REQUIRED, NULL, NULL, "name of the function, case counts" },
    { "_scriptId", ID, 0, "script", NULL, "older form of script._scriptId" },
    { "function", STRING, 0, NULL, NULL, "older form of script.function" },
    { "builder", ANY, LATER, NULL, NULL, "request, routers and responses" },
    { "shipworks", ANY, LATER, NULL, NULL, "legacy login" },
    { "apim", ANY, READONLY, NULL, NULL, "external API management" },
    { NULL },
};

/* Its fields become defaults of a connection's http.auth. */
static const flow_field_t iclient_fields[] = {
    EVERY_KIND,
    { "provider", STRING, 0, "custom_oauth2 | salesforce shopify netsuite ebay google other", NULL, "kind; custom_oauth2" },
    { "oauth2", OBJECT, REQUIRED, NULL, NULL, "the client; templates see it as {{iClient.FIELD}}" },
    { "oauth2.clientId", STRING, 0, NULL, NULL, "client" },
    { "oauth2.clientSecret", STRING, SECRET, NULL, NULL, "its secret" },
    { "oauth2.grantType", STRING, 0, "authorizecode clientcredentials password", NULL, "how tokens are got" },
    { "oauth2.scope", STRINGS, 0, NULL, NULL, "scopes" },
    { "oauth2.scopeDelimiter", STRING, 0, NULL, NULL, "between them" },
    { "oauth2.redirectUri", STRING, READONLY, NULL, NULL, "of the authorization" },
    { "oauth2.clientCredentialsLocation", STRING, 0, "basicauthheader body", NULL, "where client and secret go" },
    { "oauth2.username", STRING, 0, NULL, NULL, "for grant password" },
    { "oauth2.password", STRING, SECRET, NULL, NULL, "for grant password" },
    { "oauth2.validDomainNames", STRINGS, 0, NULL, NULL, "hosts that auth, token, refresh and revoke may name; without it any" },
    { "oauth2.failStatusCode", INT, 0, "100 599", NULL, "status that means: credentials rejected" },
    { "oauth2.failPath", PATH, 0, NULL, NULL, "the same signal inside a body" },
    { "oauth2.failValues", STRINGS, 0, NULL, NULL, "values that count there" },
    { "oauth2.accessTokenLocation", STRING, 0, "url header body", NULL, "where the token goes" },
    { "oauth2.accessTokenHeaderName", STRING, 0, NULL, NULL, "for location header" },
    { "oauth2.accessTokenParamName", STRING, 0, NULL, NULL, "for location url" },
    { "oauth2.scheme", STRING, 0, NULL, NULL, "word before the token" },
    { "oauth2.accessTokenPath", PATH, 0, NULL, NULL, "where the answer has the token" },
    { "oauth2.refreshTokenPath", PATH, 0, NULL, NULL, "where the answer has the refresh token" },
    { "oauth2.pkceCodeChallengeMethod", STRING, READONLY, NULL, NULL, "of the authorization" },
    { "oauth2.auth", OBJECT, 0, NULL, NULL, "where a person authorizes" },
    { "oauth2.auth.uri", STRING, 0, NULL, NULL, "address; not called by itself" },
    { "oauth2.token", OBJECT, 0, NULL, NULL, "the token request" },
    { "oauth2.token.method", STRING, READONLY, NULL, NULL, "POST" },
    { "oauth2.token.uri", STRING, 0, NULL, NULL, "address" },
    { "oauth2.token.body", TEMPLATE, 0, NULL, NULL, "further fields" },
    { "oauth2.token.headers", ARRAY, 0, NULL, NULL, "further headers" },
    { "oauth2.token.headers[].name", STRING, REQUIRED, NULL, NULL, "name" },
    { "oauth2.token.headers[].value", TEMPLATE, REQUIRED, NULL, NULL, "value" },
    { "oauth2.refresh", OBJECT, 0, NULL, NULL, "the request with a refresh token; else as token" },
    { "oauth2.refresh.method", STRING, READONLY, NULL, NULL, "POST" },
    { "oauth2.refresh.uri", STRING, 0, NULL, NULL, "address" },
    { "oauth2.refresh.body", TEMPLATE, 0, NULL, NULL, "further fields" },
    { "oauth2.refresh.headers", ARRAY, 0, NULL, NULL, "further headers" },
    { "oauth2.refresh.headers[].name", STRING, REQUIRED, NULL, NULL, "name" },
    { "oauth2.refresh.headers[].value", TEMPLATE, REQUIRED, NULL, NULL, "value" },
    { "oauth2.revoke", OBJECT, 0, NULL, NULL, "how tokens are ended: `flowctl connection revoke`" },
    { "oauth2.revoke.uri", STRING, 0, NULL, NULL, "address" },
    { "oauth2.revoke.body", TEMPLATE, 0, NULL, NULL, "body, urlencoded; absent: the token, as RFC 7009 has it" },
    { "oauth2.revoke.headers", ARRAY, 0, NULL, NULL, "headers" },
    { "oauth2.revoke.headers[].name", STRING, REQUIRED, NULL, NULL, "name" },
    { "oauth2.revoke.headers[].value", TEMPLATE, REQUIRED, NULL, NULL, "value" },
    { "oauth2.unencrypted", ANY, 0, NULL, NULL, "custom values: {{iClient.unencrypted.x}}" },
    { "oauth2.encrypted", ANY, SECRET, NULL, NULL, "secret custom values: {{iClient.encrypted.x}}" },
    { NULL },
};

/* What happens between a request and its result when that takes its time. */
static const flow_field_t async_helper_fields[] = {
    EVERY_KIND,
    { "http", OBJECT, REQUIRED, NULL, NULL, "submit, poll, fetch" },
    { "http.submit", OBJECT, 0, NULL, NULL, "the answer to the first request" },
    { "http.submit.sameAsStatus", BOOL, 0, NULL, "false", "it may say that the work is done, as an answer of status does" },
    { "http.status", OBJECT, REQUIRED, NULL, NULL, "how the state is asked for" },
    { "http.status._exportId", ID, REQUIRED, "export", NULL, "export that asks; its templates see the first answer as record" },
    { "http.status.statusPath", PATH, REQUIRED, NULL, NULL, "where its answer has the state" },
    { "http.status.inProgressValues", STRINGS, REQUIRED, NULL, NULL, "states in which to ask again" },
    { "http.status.doneValues", STRINGS, 0, NULL, NULL, "states in which the result is there; all other states are errors. Else: whatever is not in progress" },
    { "http.status.initialWaitTime", INT, 0, "0 86400000", "1000", "milliseconds before the first time; an addition of mod_flow" },
    { "http.status.pollWaitTime", INT, 0, "100 86400000", "5000", "milliseconds before the next; an addition of mod_flow" },
    { "http.result", OBJECT, 0, NULL, NULL, "how the result is fetched" },
    { "http.result._exportId", ID, 0, "export", NULL, "export that fetches it; its templates see the last answer as record. Else the last answer is the result" },
    { NULL },
};

/* clang-format on */

static const flow_field_t *const tables[FLOW_KIND_COUNT] = {
    [FLOW_KIND_CONNECTION] = connection_fields,
    [FLOW_KIND_EXPORT] = export_fields,
    [FLOW_KIND_IMPORT] = import_fields,
    [FLOW_KIND_FLOW] = flow_fields,
    [FLOW_KIND_SCRIPT] = script_fields,
    [FLOW_KIND_API] = api_fields,
    [FLOW_KIND_ICLIENT] = iclient_fields,
    [FLOW_KIND_ASYNC_HELPER] = async_helper_fields,
};

static const struct {
    const char *name, *plural;
} names[FLOW_KIND_COUNT] = {
    [FLOW_KIND_CONNECTION] = { "connection", "connections" },
    [FLOW_KIND_EXPORT] = { "export", "exports" },
    [FLOW_KIND_IMPORT] = { "import", "imports" },
    [FLOW_KIND_FLOW] = { "flow", "flows" },
    [FLOW_KIND_SCRIPT] = { "script", "scripts" },
    [FLOW_KIND_API] = { "api", "apis" },
    [FLOW_KIND_ICLIENT] = { "iClient", "iClients" },
    [FLOW_KIND_ASYNC_HELPER] = { "asyncHelper", "asyncHelpers" },
};

const char *flow_kind_name(flow_kind_e kind)
{
    return names[kind].name;
}

const char *flow_kind_plural(flow_kind_e kind)
{
    return names[kind].plural;
}

const flow_field_t *flow_schema_fields(flow_kind_e kind)
{
    return tables[kind];
}

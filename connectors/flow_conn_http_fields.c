/* SPDX-License-Identifier: Apache-2.0 */
#include "connectors/flow_conn_http.h"

/* clang-format off */

#define STRING    FLOW_FIELD_STRING
#define TEMPLATE  FLOW_FIELD_TEMPLATE
#define TEMPLATES FLOW_FIELD_TEMPLATES
#define PATH      FLOW_FIELD_PATH
#define INT       FLOW_FIELD_INT
#define BOOL      FLOW_FIELD_BOOL
#define OBJECT    FLOW_FIELD_OBJECT
#define ARRAY     FLOW_FIELD_ARRAY
#define STRINGS   FLOW_FIELD_STRINGS
#define ANY       FLOW_FIELD_ANY
#define REQUIRED  FLOW_FIELD_REQUIRED
#define SECRET    FLOW_FIELD_SECRET
#define READONLY  FLOW_FIELD_READONLY
#define LATER     FLOW_FIELD_LATER

#define HEADERS(path, help) \
    { path, ARRAY, 0, NULL, NULL, help }, \
    { path "[].name", STRING, REQUIRED, NULL, NULL, "name" }, \
    { path "[].value", TEMPLATE, REQUIRED, NULL, NULL, "value" }

#define EDITOR \
    { "http.formType", STRING, READONLY, NULL, NULL, "kind of form in the editor" }, \
    { "http.isRest", BOOL, READONLY, NULL, NULL, "internal" }, \
    { "http._httpConnectorId", STRING, READONLY, NULL, NULL, "prebuilt connector" }, \
    { "http._httpConnectorApiId", STRING, READONLY, NULL, NULL, "prebuilt connector" }, \
    { "http._httpConnectorVersionId", STRING, READONLY, NULL, NULL, "prebuilt connector" }, \
    { "http._httpConnectorResourceId", STRING, READONLY, NULL, NULL, "prebuilt connector" }, \
    { "http._httpConnectorEndpointId", STRING, READONLY, NULL, NULL, "prebuilt connector" }

#define VALUES_HELP "values that count; without them any value but null, false and the empty text does"

const flow_field_t flow_conn_http_connection_fields[] = {
    { "http", OBJECT, REQUIRED, NULL, NULL, "where and how" },
    { "http.baseURI", TEMPLATE, REQUIRED, NULL, NULL, "absolute; a request goes to baseURI + relativeURI" },
    { "http.mediaType", STRING, 0, "json xml urlencoded plaintext | form-data", "json", "how bodies are written" },
    { "http.successMediaType", STRING, 0, "json xml csv plaintext", NULL, "how 2xx bodies are read; else by Content-Type" },
    { "http.errorMediaType", STRING, 0, "json xml plaintext", NULL, "how all others are read; else as successMediaType" },
    HEADERS("http.headers", "sent on every request; a step's header of the same name wins"),
    { "http.disableStrictSSL", BOOL, 0, NULL, "false", "do not check certificates" },
    { "http.concurrencyLevel", INT, 0, "1 50", "25", "requests at the same time, in each child process" },
    { "http.targetConcurrencyLevel", INT, LATER, NULL, NULL, "adaptive concurrency" },
    { "http.unencrypted", ANY, 0, NULL, NULL, "custom values: {{connection.http.unencrypted.x}}" },
    { "http.unencryptedFields", ANY, READONLY, NULL, NULL, "their form" },
    { "http.encrypted", ANY, SECRET, NULL, NULL, "secret custom values: {{connection.http.encrypted.x}}" },
    { "http.encryptedFields", ANY, READONLY, NULL, NULL, "their form" },
    { "http.ping", OBJECT, 0, NULL, NULL, "request that tests the connection" },
    { "http.ping.relativeURI", TEMPLATE, 0, NULL, NULL, "address below baseURI" },
    { "http.ping.method", STRING, 0, "GET POST PUT HEAD", "GET", "method" },
    { "http.ping.body", TEMPLATE, 0, NULL, NULL, "body" },
    { "http.ping.successPath", PATH, 0, NULL, NULL, "the value there must be one of successValues" },
    { "http.ping.successValues", STRINGS, 0, NULL, NULL, VALUES_HELP },
    { "http.ping.allowArrayforSuccessPath", BOOL, 0, NULL, "false", "one matching element of an array is enough" },
    { "http.ping.failPath", PATH, 0, NULL, NULL, "a value there that is one of failValues is a failure" },
    { "http.ping.failValues", STRINGS, 0, NULL, NULL, VALUES_HELP },
    { "http.ping.errorPath", PATH, 0, NULL, NULL, "where the error text is" },
    { "http.auth", OBJECT, 0, NULL, NULL, "credentials" },
    { "http.auth.type", STRING, REQUIRED, "custom basic token | oauth wsse cookie digest oauth1 jwtbearer jwt specific", NULL, "custom: whatever headers and templates say" },
    { "http.auth.basic", OBJECT, 0, NULL, NULL, "for type basic" },
    { "http.auth.basic.username", STRING, REQUIRED, NULL, NULL, "user" },
    { "http.auth.basic.password", STRING, SECRET, NULL, NULL, "password" },
    { "http.auth.token", OBJECT, 0, NULL, NULL, "for type token" },
    { "http.auth.token.token", STRING, REQUIRED | SECRET, NULL, NULL, "the token" },
    { "http.auth.token.location", STRING, REQUIRED, "header url body", NULL, "where it goes; body: by the body's template" },
    { "http.auth.token.headerName", STRING, 0, NULL, "Authorization", "for location header" },
    { "http.auth.token.scheme", STRING, 0, NULL, NULL, "word before the token, such as Bearer" },
    { "http.auth.token.paramName", STRING, 0, NULL, NULL, "for location url: the query's name" },
    { "http.auth.token.refreshMethod", STRING, LATER, NULL, NULL, "token refresh" },
    { "http.auth.token.refreshRelativeURI", TEMPLATE, LATER, NULL, NULL, "token refresh" },
    { "http.auth.token.refreshBody", TEMPLATE, LATER, NULL, NULL, "token refresh" },
    { "http.auth.token.refreshHeaders", ANY, LATER, NULL, NULL, "token refresh" },
    { "http.auth.token.refreshMediaType", STRING, LATER, NULL, NULL, "token refresh" },
    { "http.auth.token.refreshResponseMediaType", STRING, LATER, NULL, NULL, "token refresh" },
    { "http.auth.token.refreshTokenPath", PATH, LATER, NULL, NULL, "token refresh" },
    { "http.auth.token.refreshToken", STRING, LATER | SECRET, NULL, NULL, "token refresh" },
    { "http.auth.token.refreshTokenLocation", STRING, LATER, NULL, NULL, "token refresh" },
    { "http.auth.token.tokenPaths", ANY, LATER, NULL, NULL, "token refresh" },
    { "http.auth.token.revoke", ANY, LATER, NULL, NULL, "token refresh" },
    { "http.auth.oauth", OBJECT, LATER | SECRET, NULL, NULL, "for type oauth" },
    { "http.auth.cookie", OBJECT, LATER | SECRET, NULL, NULL, "for type cookie" },
    { "http.auth.jwt", OBJECT, LATER | SECRET, NULL, NULL, "for type jwtbearer" },
    { "http.auth.failStatusCode", INT, LATER, NULL, NULL, "status that means: credentials rejected" },
    { "http.auth.failures", ANY, LATER, NULL, NULL, "several such statuses" },
    { "http.auth.failPath", PATH, LATER, NULL, NULL, "the same signal inside a body" },
    { "http.auth.failValues", STRINGS, LATER, NULL, NULL, "the same signal inside a body" },
    { "http.auth.skipFollowAuthorizationHeader", BOOL, LATER, NULL, NULL, "never sent on to another host anyway" },
    { "http.rateLimit", OBJECT, LATER, NULL, NULL, "signals of too many requests" },
    { "http.retryHeader", STRING, LATER, NULL, "Retry-After", "header with the time to wait" },
    { "http.clientCertificates", OBJECT, LATER | SECRET, NULL, NULL, "certificate to show" },
    { "http._iClientId", STRING, LATER, NULL, NULL, "shared OAuth client" },
    { "http.type", STRING, LATER, NULL, NULL, "marketplace connections" },
    { "http.useNewAuthFailSchema", BOOL, READONLY, NULL, NULL, "internal" },
    EDITOR,
    { NULL },
};

const flow_field_t flow_conn_http_export_fields[] = {
    { "http", OBJECT, REQUIRED, NULL, NULL, "the request" },
    { "http.type", STRING, LATER, NULL, NULL, "file, blob, csvstream" },
    { "http.method", STRING, 0, "GET POST PUT PATCH DELETE", "GET", "method" },
    { "http.relativeURI", TEMPLATE, 0, NULL, NULL, "address below baseURI" },
    HEADERS("http.headers", "override the connection's"),
    { "http.body", TEMPLATE, 0, NULL, NULL, "body" },
    { "http.requestMediaType", STRING, 0, "json xml csv urlencoded plaintext | form-data", NULL, "overrides the connection's mediaType" },
    { "http.successMediaType", STRING, 0, "json xml csv plaintext", NULL, "overrides the connection's" },
    { "http.errorMediaType", STRING, 0, "json xml plaintext", NULL, "overrides the connection's" },
    { "http.response", OBJECT, 0, NULL, NULL, "how the answer is read" },
    { "http.response.resourcePath", PATH, 0, NULL, NULL, "where the records are; else the whole body" },
    { "http.response.resourceIdPath", PATH, 0, NULL, NULL, "where a record's id is; else id or _id" },
    { "http.response.successPath", PATH, 0, NULL, NULL, "the value there must be one of successValues" },
    { "http.response.successValues", STRINGS, 0, NULL, NULL, VALUES_HELP },
    { "http.response.allowArrayforSuccessPath", BOOL, 0, NULL, "false", "one matching element of an array is enough" },
    { "http.response.failPath", PATH, 0, NULL, NULL, "a value there that is one of failValues is an error, whatever the status" },
    { "http.response.failValues", STRINGS, 0, NULL, NULL, VALUES_HELP },
    { "http.response.errorPath", PATH, 0, NULL, NULL, "where the error text is; else the whole body" },
    { "http.response.twoDArray", OBJECT, LATER, NULL, NULL, "arrays of rows" },
    { "http.response.blobFormat", STRING, LATER, NULL, NULL, "for files and blobs" },
    { "http.paging", OBJECT, 0, NULL, NULL, "how the next page is found" },
    { "http.paging.method", STRING, REQUIRED, "page linkheader | skip token url nextpageurl relativeuri body", NULL, "page: {{export.http.paging.page}} counts up; linkheader: follow the Link header" },
    { "http.paging.page", INT, 0, "0 1000000000", "0", "number of the first page" },
    { "http.paging.linkHeaderRelation", STRING, 0, NULL, "next", "relation to follow" },
    { "http.paging.relativeURI", TEMPLATE, 0, NULL, NULL, "address from the second page on" },
    { "http.paging.resourcePath", PATH, 0, NULL, NULL, "where the records are from the second page on" },
    { "http.paging.maxPagePath", PATH, 0, NULL, NULL, "where the number of pages is" },
    { "http.paging.maxCountPath", PATH, 0, NULL, NULL, "where the number of records is" },
    { "http.paging.lastPageStatusCode", INT, 0, "100 599", NULL, "status that means: no more pages; else 404 from the second page on" },
    { "http.paging.lastPagePath", PATH, 0, NULL, NULL, "a value there that is one of lastPageValues means: last page" },
    { "http.paging.lastPageValues", STRINGS, 0, NULL, NULL, VALUES_HELP },
    { "http.paging.body", TEMPLATE, 0, NULL, NULL, "body from the second page on" },
    { "http.paging.skip", INT, LATER, NULL, NULL, "for method skip" },
    { "http.paging.token", STRING, LATER, NULL, NULL, "for method token" },
    { "http.paging.path", PATH, LATER, NULL, NULL, "for methods token and url" },
    { "http.paging.pathLocation", STRING, LATER, NULL, NULL, "for method token" },
    { "http.paging.pathAfterFirstRequest", PATH, LATER, NULL, NULL, "for method token" },
    { "http.once", OBJECT, LATER, NULL, NULL, "for type once" },
    { "http.sendAuthForFileDownloads", BOOL, LATER, NULL, NULL, "for files" },
    { "http._asyncHelperId", STRING, LATER, NULL, NULL, "submit, poll, fetch" },
    { "file", OBJECT, LATER, NULL, NULL, "files over HTTP" },
    EDITOR,
    { NULL },
};

const flow_field_t flow_conn_http_import_fields[] = {
    { "http", OBJECT, REQUIRED, NULL, NULL, "the request" },
    { "http.method", STRINGS, REQUIRED, "GET PUT POST PATCH DELETE", NULL, "method" },
    { "http.relativeURI", TEMPLATES, 0, NULL, NULL, "address below baseURI; sees the record before the mapping" },
    { "http.requestType", STRINGS, 0, "CREATE UPDATE", NULL, "what the operation does" },
    { "http.body", TEMPLATES, 0, NULL, NULL, "body; sees the mapped record; else the record is written by media type" },
    HEADERS("http.headers", "override the connection's; see the record before the mapping"),
    { "http.batchSize", INT, 0, "1 1000", "1", "records per request; beyond 1 the body is an array" },
    { "http.requestMediaType", STRING, 0, "json xml csv urlencoded plaintext | form-data octet-stream", NULL, "overrides the connection's mediaType" },
    { "http.successMediaType", STRING, 0, "xml json plaintext", NULL, "overrides the connection's" },
    { "http.errorMediaType", STRING, 0, "xml json plaintext", NULL, "overrides the connection's" },
    { "http.sendPostMappedData", BOOL, 0, NULL, "true", "false: the record goes out as it was before the mapping" },
    { "http.ignoreEmptyNodes", BOOL, 0, NULL, "false", "leave null, empty text, empty objects and arrays out of the body" },
    { "http.response", OBJECT, 0, NULL, NULL, "how the answer is read" },
    { "http.response.resourcePath", STRINGS, 0, NULL, NULL, "path of the answer's record, or of the array with one element per record" },
    { "http.response.resourceIdPath", STRINGS, 0, NULL, NULL, "path of the id in it; else id or _id" },
    { "http.response.successPath", STRINGS, 0, NULL, NULL, "the value at that path must be one of successValues" },
    { "http.response.successValues", ANY, 0, NULL, NULL, VALUES_HELP },
    { "http.response.allowArrayforSuccessPath", BOOL, 0, NULL, "false", "one matching element of an array is enough" },
    { "http.response.failPath", STRINGS, 0, NULL, NULL, "a value at that path that is one of failValues is an error, whatever the status" },
    { "http.response.failValues", ANY, 0, NULL, NULL, VALUES_HELP },
    { "http.response.errorPath", PATH, 0, NULL, NULL, "where the error text is; else the whole body" },
    { "http.response.hasHeader", BOOL, LATER, NULL, NULL, "arrays of rows" },
    { "http.existingExtract", PATH, LATER, NULL, NULL, "composite imports" },
    { "http.existingLookupName", STRING, LATER, NULL, NULL, "composite imports" },
    { "http.ignoreExtract", PATH, LATER, NULL, NULL, "for ignoreExisting and ignoreMissing" },
    { "http.ignoreLookupName", STRING, LATER, NULL, NULL, "for ignoreExisting and ignoreMissing" },
    { "http.lookups", ANY, LATER, NULL, NULL, "dynamic lookups" },
    { "http.strictHandlebarEvaluation", BOOL, LATER, NULL, "false", "a missing field is an error" },
    { "http.endPointBodyLimit", INT, LATER, NULL, NULL, "largest request" },
    { "http.type", STRING, LATER, NULL, NULL, "records or file" },
    { "http.blobFormat", STRING, LATER, NULL, NULL, "for blobs" },
    { "http._asyncHelperId", STRING, LATER, NULL, NULL, "submit, poll, fetch" },
    { "file", OBJECT, LATER, NULL, NULL, "files over HTTP" },
    EDITOR,
    { NULL },
};

/* clang-format on */

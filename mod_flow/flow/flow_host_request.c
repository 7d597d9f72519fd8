/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request(): the platform's REST interface, as far as it stands for functions
 * that scripts have anyway. No connection is opened for it.
 */
#include "flow/flow_host_private.h"

#include <string.h>

#include <apr_escape.h>
#include <apr_strings.h>

#include "data/flow_text.h"

#define SEGMENTS_MAX 6
#define URI_MAX      4096

/* In a pattern KIND is one of the kinds below, ID and KEY are anything. */
#define KIND "*kind"
#define ID   "*id"
#define KEY  "*key"

static const struct {
    const char *segment, *object;
} kinds[] = {
    { "exports", "exports" },
    { "imports", "imports" },
    { "flows", "flows" },
    { "connections", "connections" },
    { "integrations", "integrations" },
    { "accesstokens", "accessTokens" },
    { "asynchelpers", "asyncHelpers" },
    { "filedefinitions", "fileDefinitions" },
    { "lookupcaches", "lookupCaches" },
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

typedef enum {
    ARGS_OPTIONS, /* the body's members, _id, externalId */
    ARGS_PLACE,   /* of a state: type, id, key, body */
    ARGS_CACHE    /* id, body */
} args_e;

typedef struct route_t {
    const char *method;
    const char *path[SEGMENTS_MAX];
    const char *object; /* NULL: the kind's */
    const char *function;
    args_e args;
} route_t;

/* clang-format off */
static const route_t routes[] = {
    { "GET",    { "state" },                 "state", "getKeys", ARGS_PLACE },
    { "DELETE", { "state" },                 "state", "delete",  ARGS_PLACE },
    { "GET",    { "state", KEY },            "state", "get",     ARGS_PLACE },
    { "PUT",    { "state", KEY },            "state", "put",     ARGS_PLACE },
    { "DELETE", { "state", KEY },            "state", "delete",  ARGS_PLACE },
    { "GET",    { KIND, ID, "state" },       "state", "getKeysForResource",
      ARGS_PLACE },
    { "DELETE", { KIND, ID, "state" },       "state", "deleteForResource",
      ARGS_PLACE },
    { "GET",    { KIND, ID, "state", KEY },  "state", "getForResource",
      ARGS_PLACE },
    { "PUT",    { KIND, ID, "state", KEY },  "state", "putForResource",
      ARGS_PLACE },
    { "DELETE", { KIND, ID, "state", KEY },  "state", "deleteForResource",
      ARGS_PLACE },
    { "POST",   { "lookupcaches", ID, "getData" }, NULL, "getData",
      ARGS_CACHE },
    { "POST",   { "lookupcaches", ID, "data" },    NULL, "upsertData",
      ARGS_CACHE },
    { "DELETE", { "lookupcaches", ID, "data" },    NULL, "deleteData",
      ARGS_CACHE },
    { "DELETE", { "lookupcaches", ID, "data", "purge" }, NULL, "purgeData",
      ARGS_CACHE },
    { "POST",   { "exports", ID, "invoke" }, NULL, "run",    ARGS_OPTIONS },
    { "POST",   { "imports", ID, "invoke" }, NULL, "run",    ARGS_OPTIONS },
    { "POST",   { "flows", ID, "run" },      NULL, "run",    ARGS_OPTIONS },
    { "GET",    { KIND },                    NULL, "find",   ARGS_OPTIONS },
    { "GET",    { KIND, ID },                NULL, "get",    ARGS_OPTIONS },
    { "POST",   { KIND },                    NULL, "create", ARGS_OPTIONS },
    { "PUT",    { KIND, ID },                NULL, "update", ARGS_OPTIONS },
    { "PATCH",  { KIND, ID },                NULL, "patch",  ARGS_OPTIONS },
    { "DELETE", { KIND, ID },                NULL, "delete", ARGS_OPTIONS },
};
/* clang-format on */
#define N_ROUTES (sizeof(routes) / sizeof(routes[0]))

/* What was asked for. */
typedef struct asked_t {
    const char *method, *uri;
    const char *segments[SEGMENTS_MAX + 1];
    int n;
    const json_t *query; /* object, or NULL */
    const json_t *body;  /* or NULL */
} asked_t;

static const char *object_of(const char *segment)
{
    size_t i;

    for (i = 0; segment && i < N_KINDS; ++i) {
        if (strcmp(kinds[i].segment, segment) == 0) {
            return kinds[i].object;
        }
    }
    return NULL;
}

static int matches(const route_t *route, const asked_t *asked)
{
    int i;

    if (strcmp(route->method, asked->method)) {
        return 0;
    }
    for (i = 0; i < asked->n; ++i) {
        const char *want = i < SEGMENTS_MAX ? route->path[i] : NULL;

        if (!want) {
            return 0;
        }
        if (strcmp(want, KIND) == 0
                ? !object_of(asked->segments[i])
                : *want != '*' && strcmp(want, asked->segments[i])) {
            return 0;
        }
    }
    return i == SEGMENTS_MAX || !route->path[i];
}

static const route_t *find_route(const asked_t *asked)
{
    size_t i;

    for (i = 0; i < N_ROUTES; ++i) {
        if (matches(&routes[i], asked)) {
            return &routes[i];
        }
    }
    return NULL;
}

/* ---- reading ---- */

static apr_status_t not_ours(flow_host_call_t *call, const asked_t *asked,
                             flow_error_t *err)
{
    call->status = 404;
    return flow_error_set(err, FLOW_E_SCRIPT, APR_ENOENT, "not_found",
                          "request: there is no %.10s '%.200s' here; a "
                          "relativeURI is '/v1/flows/ID/run' or another of "
                          "those in docs/scripts-api.md",
                          asked->method, asked->uri);
}

/* In place. APR_NOTFOUND: there was nothing to decode. */
static int decode(char *segment)
{
    apr_status_t rv = apr_unescape_url(segment, segment, APR_ESCAPE_STRING,
                                       NULL, NULL, 0, NULL);

    return (rv == APR_SUCCESS || rv == APR_NOTFOUND) &&
           flow_utf8_is_valid(segment, strlen(segment));
}

/* "/v1/flows/a%20b" into its decoded segments. */
static apr_status_t split(flow_host_call_t *call, asked_t *asked,
                          flow_error_t *err)
{
    const char *at = asked->uri + strcspn(asked->uri, "?");
    char *path =
        apr_pstrmemdup(call->p, asked->uri, (apr_size_t)(at - asked->uri));
    char *state = NULL, *segment;

    if (*at) {
        asked->query = flow_json_own(
            call->p, flow_query_parse(at + 1, strlen(at + 1), call->p, NULL));
    }
    /* an id or key that is empty must not mean something else */
    if (strstr(path, "//") || (*path && path[strlen(path) - 1] == '/')) {
        return not_ours(call, asked, err);
    }
    segment = apr_strtok(path, "/", &state);
    if (segment && strcmp(segment, "v1") == 0) {
        segment = apr_strtok(NULL, "/", &state);
    }
    for (; segment; segment = apr_strtok(NULL, "/", &state)) {
        if (asked->n >= SEGMENTS_MAX || !decode(segment)) {
            return not_ours(call, asked, err);
        }
        asked->segments[asked->n++] = segment;
    }
    return asked->n ? APR_SUCCESS : not_ours(call, asked, err);
}

static apr_status_t read_asked(flow_host_call_t *call, asked_t *asked,
                               flow_error_t *err)
{
    const json_t *method = flow_host_option(call, "method");
    char *upper;

    memset(asked, 0, sizeof(*asked));
    asked->method = "";
    asked->uri = flow_json_member(call->options, "relativeURI");
    if (!asked->uri || strlen(asked->uri) > URI_MAX) {
        return flow_host_wrong(call, err, "missing_required_field",
                               "needs {relativeURI, method, body}, with a "
                               "relativeURI such as '/v1/flows/ID/run'");
    }
    upper =
        apr_pstrdup(call->p, method ? flow_json_string(method, NULL) : "GET");
    if (!upper) {
        return flow_host_wrong(call, err, "invalid_field",
                               "method must be a text, such as 'POST'");
    }
    for (asked->method = upper; *upper; ++upper) {
        if (*upper >= 'a' && *upper <= 'z') {
            *upper = (char)(*upper - 'a' + 'A');
        }
    }
    asked->body = flow_host_option(call, "body");
    return split(call, asked, err);
}

/* ---- the function's arguments ---- */

static void add_text(json_t *args, const char *text)
{
    if (text) {
        json_array_append_new(args, flow_record_text(text));
    }
}

static json_t *make_args(const route_t *route, const asked_t *asked)
{
    json_t *args = json_array(), *options;
    int is_scoped = strstr(route->function, "ForResource") != NULL;

    switch (route->args) {
    case ARGS_PLACE:
        add_text(args, is_scoped ? asked->segments[0] : NULL);
        add_text(args, is_scoped ? asked->segments[1] : NULL);
        add_text(args, asked->segments[is_scoped ? 3 : 1]);
        if (strncmp(route->function, "put", 3) == 0) {
            json_array_append_new(
                args, asked->body ? flow_record_ref(asked->body) : json_null());
        }
        break;
    case ARGS_CACHE:
        add_text(args, asked->segments[1]);
        json_array_append_new(args, asked->body ? flow_record_ref(asked->body)
                                                : json_object());
        break;
    case ARGS_OPTIONS:
        options = json_is_object(asked->body)
                      ? json_copy((json_t *)(apr_uintptr_t)asked->body)
                      : json_object();
        if (asked->n > 1) {
            flow_record_set_text(options, "_id", asked->segments[1]);
        }
        flow_record_share(options, "externalId",
                          json_object_get(asked->query, "externalId"));
        json_array_append_new(args, options);
        break;
    }
    return args;
}

apr_status_t flow_host_request(flow_host_call_t *call, json_t **presult,
                               flow_error_t *err)
{
    flow_host_call_t inner = *call;
    const route_t *route;
    asked_t asked;
    json_t *args;
    apr_status_t rv = read_asked(call, &asked, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    route = find_route(&asked);
    if (!route) {
        return not_ours(call, &asked, err);
    }
    args = flow_json_own(call->p, make_args(route, &asked));
    inner.object = route->object ? route->object : object_of(asked.segments[0]);
    inner.function = route->function;
    inner.name =
        apr_psprintf(call->p, "request: %s.%s", inner.object, inner.function);
    rv = flow_host_run(&inner, args, presult, err);
    call->status = inner.status;
    if (rv == APR_SUCCESS && !*presult &&
        (strcmp(route->function, "get") == 0 ||
         strcmp(route->function, "getForResource") == 0)) {
        call->status = 404;
        return flow_error_set(err, FLOW_E_SCRIPT, APR_ENOENT, "not_found",
                              "request: there is nothing at '%.200s'",
                              asked.uri);
    }
    return rv;
}

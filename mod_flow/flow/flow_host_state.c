/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.* and lookupCaches.*: checked here, kept by the floor above.
 */
#include "flow/flow_host_private.h"

#include <string.h>

#include <apr_strings.h>

#include "base/flow_clock.h"

/* What is kept back of the caller's time, so that it can still answer. */
#define ANSWER_TIME apr_time_from_msec(100)

static apr_status_t need_store(flow_host_call_t *call,
                               const flow_state_iface_t **pstate,
                               flow_error_t *err)
{
    *pstate = call->env->state;
    if (*pstate && (*pstate)->get) {
        return APR_SUCCESS;
    }
    return flow_error_set(err, FLOW_E_CONFIG, APR_ENOTIMPL, "state_unavailable",
                          "%s is not available: there is no store here",
                          call->name);
}

static apr_time_t until(const flow_host_call_t *call)
{
    apr_time_t now = flow_clock(), then = now + apr_time_from_sec(10);

    if (call->caller.deadline && call->caller.deadline - ANSWER_TIME < then) {
        then = call->caller.deadline - ANSWER_TIME;
    }
    return then > now ? then : now;
}

/* A name that a store can be asked for: not empty, short, without control
 * characters. */
static apr_status_t check_name(flow_host_call_t *call, const char *what,
                               const json_t *v, const char **pname,
                               flow_error_t *err)
{
    apr_size_t len = 0, i;
    const char *name = flow_json_string(v, &len);

    if (!name || !len) {
        return flow_host_wrong(call, err, "missing_required_field",
                               "needs %s, a text", what);
    }
    if (len > FLOW_STATE_NAME_MAX) {
        return flow_host_wrong(call, err, "invalid_field",
                               "%s is longer than %d bytes", what,
                               FLOW_STATE_NAME_MAX);
    }
    for (i = 0; i < len; ++i) {
        if ((unsigned char)name[i] < 0x20) {
            return flow_host_wrong(call, err, "invalid_field",
                                   "%s has control characters", what);
        }
    }
    *pname = name;
    return APR_SUCCESS;
}

/* ---- state ---- */

/* Where to look: state.get(key), state.getForResource(type, _id, key), or one
 * object with the members of those names. */
typedef struct place_t {
    const char *scope, *name;
    const json_t *value;
} place_t;

static apr_status_t resource_scope(flow_host_call_t *call, place_t *place,
                                   flow_error_t *err)
{
    static const char *const types[] = {
        "exports", "imports", "flows", "connections", "integrations", "apis"
    };
    const json_t *type = flow_host_option(call, "type");
    const json_t *id = flow_host_option(call, "_id");
    const char *type_name = NULL, *id_name = NULL;
    apr_status_t rv;
    apr_size_t i;

    if (!call->options) {
        type = json_array_get(call->args, 0);
        id = json_array_get(call->args, 1);
    }
    rv = check_name(call, "the type of the resource", type, &type_name, err);
    if (rv == APR_SUCCESS) {
        rv = check_name(call, "the _id of the resource", id, &id_name, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (i = 0; i < sizeof(types) / sizeof(types[0]); ++i) {
        if (strcmp(types[i], type_name) == 0) {
            place->scope = apr_pstrcat(call->p, type_name, "/", id_name, NULL);
            return APR_SUCCESS;
        }
    }
    return flow_host_wrong(call, err, "invalid_field",
                           "the type must be exports, imports, flows, "
                           "connections, integrations or apis, not '%.40s'",
                           type_name);
}

/* @a need_name: 0 = takes none, 1 = must have one, 2 = without that argument it
 * means all. */
static apr_status_t find_place(flow_host_call_t *call, int need_name,
                               place_t *place, flow_error_t *err)
{
    int is_scoped = strstr(call->function, "ForResource") != NULL;
    const json_t *key = flow_host_option(call, "key");
    apr_status_t rv = APR_SUCCESS;

    memset(place, 0, sizeof(*place));
    place->scope = "";
    place->value = flow_host_option(call, "value");
    if (is_scoped) {
        rv = resource_scope(call, place, err);
    }
    if (!call->options) {
        key = json_array_get(call->args, is_scoped ? 2 : 0);
        place->value = json_array_get(call->args, is_scoped ? 3 : 1);
    }
    /* An undefined variable must not mean everything. */
    if (rv != APR_SUCCESS || !need_name ||
        (need_name == 2 && !call->options &&
         json_array_size(call->args) == (is_scoped ? 2 : 0))) {
        return rv;
    }
    return check_name(call, "a key", key, &place->name, err);
}

static apr_status_t state_get(flow_host_call_t *call, json_t **presult,
                              flow_error_t *err)
{
    const flow_state_iface_t *state = NULL;
    const char *text = NULL;
    place_t place;
    apr_status_t rv = need_store(call, &state, err);

    if (rv == APR_SUCCESS) {
        rv = find_place(call, 1, &place, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = state->get(state->baton, place.scope, place.name, &text, call->p, err);
    if (rv == APR_NOTFOUND) {
        return APR_SUCCESS; /* undefined */
    }
    return rv == APR_SUCCESS ? flow_json_parse(presult, text, strlen(text), err)
                             : rv;
}

static apr_status_t state_put(flow_host_call_t *call, json_t **presult,
                              flow_error_t *err)
{
    const flow_state_iface_t *state = NULL;
    apr_size_t len = 0;
    const char *text;
    place_t place;
    int is_new = 0;
    apr_status_t rv = need_store(call, &state, err);

    if (rv == APR_SUCCESS) {
        rv = find_place(call, 1, &place, err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!place.value) {
        return flow_host_wrong(call, err, "missing_required_field",
                               "needs a value; delete removes one");
    }
    text = flow_json_text(place.value, &len, call->p);
    if (!text || len > FLOW_STATE_VALUE_MAX) {
        return flow_host_wrong(call, err, "invalid_field",
                               "the value of '%s' is larger than 1 MB",
                               place.name);
    }
    rv = state->put(state->baton, place.scope, place.name, text, until(call),
                    &is_new, err);
    if (rv == APR_SUCCESS) {
        *presult = flow_record_text(is_new ? "Created" : "OK");
    }
    return rv;
}

static apr_status_t state_delete(flow_host_call_t *call, json_t **presult,
                                 flow_error_t *err)
{
    const flow_state_iface_t *state = NULL;
    place_t place;
    apr_status_t rv = need_store(call, &state, err);

    (void)presult;
    if (rv == APR_SUCCESS) {
        rv = find_place(call, 2, &place, err);
    }
    return rv == APR_SUCCESS ? state->remove(state->baton, place.scope,
                                             place.name, until(call), err)
                             : rv;
}

static apr_status_t state_keys(flow_host_call_t *call, json_t **presult,
                               flow_error_t *err)
{
    const flow_state_iface_t *state = NULL;
    json_t *list = NULL;
    place_t place;
    apr_status_t rv = need_store(call, &state, err);

    if (rv == APR_SUCCESS) {
        rv = find_place(call, 0, &place, err);
    }
    if (rv == APR_SUCCESS) {
        rv = state->keys(state->baton, place.scope, &list, call->p, err);
    }
    if (rv == APR_SUCCESS) {
        *presult = json_object();
        json_object_set_new(*presult, "keys", list);
    }
    return rv;
}

/* ---- lookup caches ---- */

/* lookupCaches.getData(_id, {...}) or getData({_id, ...}). */
static apr_status_t cache_args(flow_host_call_t *call, const char **pcache,
                               const json_t **poptions,
                               const flow_state_iface_t **pstate,
                               flow_error_t *err)
{
    const json_t *id = flow_host_option(call, "_id");
    apr_status_t rv = need_store(call, pstate, err);

    *poptions = call->options;
    if (!call->options) {
        id = json_array_get(call->args, 0);
        *poptions = json_array_get(call->args, 1);
    }
    return rv == APR_SUCCESS
               ? check_name(call, "the _id of a lookup cache", id, pcache, err)
               : rv;
}

/* An array of @a least to 1,000 texts, or NULL. */
static apr_status_t check_keys(flow_host_call_t *call, const json_t *keys,
                               flow_error_t *err)
{
    const char *name;
    size_t i;

    if (!json_is_array(keys) || json_array_size(keys) > FLOW_CACHE_ANSWER_MAX) {
        return flow_host_wrong(call, err, "invalid_field",
                               "keys must be an array of at most %d texts",
                               FLOW_CACHE_ANSWER_MAX);
    }
    for (i = 0; i < json_array_size(keys); ++i) {
        apr_status_t rv =
            check_name(call, "each key", json_array_get(keys, i), &name, err);

        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return APR_SUCCESS;
}

static apr_status_t read_query(flow_host_call_t *call, const json_t *options,
                               flow_cache_query_t *query, flow_error_t *err)
{
    const json_t *prefix = json_object_get(options, "startsWith");
    const json_t *after = json_object_get(options, "after");
    apr_status_t rv = APR_SUCCESS;

    memset(query, 0, sizeof(*query));
    query->keys = json_object_get(options, "keys");
    if (query->keys) {
        rv = check_keys(call, query->keys, err);
    }
    if (rv == APR_SUCCESS && prefix) {
        rv = check_name(call, "startsWith", prefix, &query->prefix, err);
    }
    if (rv == APR_SUCCESS && after) {
        rv = check_name(call, "after", after, &query->after, err);
    }
    return rv;
}

static apr_status_t cache_get(flow_host_call_t *call, json_t **presult,
                              flow_error_t *err)
{
    const flow_state_iface_t *state = NULL;
    const json_t *options = NULL;
    flow_cache_query_t query;
    const char *cache = NULL;
    json_t *list = NULL;
    apr_status_t rv = cache_args(call, &cache, &options, &state, err);

    if (rv == APR_SUCCESS) {
        rv = read_query(call, options, &query, err);
    }
    if (rv == APR_SUCCESS) {
        rv =
            state->cache_read(state->baton, cache, &query, &list, call->p, err);
    }
    if (rv == APR_SUCCESS) {
        *presult = json_object();
        json_object_set_new(*presult, "data", list);
    }
    return rv;
}

static apr_status_t check_entries(flow_host_call_t *call, const json_t *data,
                                  flow_error_t *err)
{
    const char *name, *value;
    size_t i;

    if (!json_is_array(data) || json_array_size(data) > FLOW_CACHE_ANSWER_MAX) {
        return flow_host_wrong(call, err, "invalid_field",
                               "data must be an array of at most %d objects "
                               "{key, value}",
                               FLOW_CACHE_ANSWER_MAX);
    }
    for (i = 0; i < json_array_size(data); ++i) {
        const json_t *entry = json_array_get(data, i);
        apr_size_t len = 0;
        apr_status_t rv = check_name(call, "each key",
                                     json_object_get(entry, "key"), &name, err);

        if (rv != APR_SUCCESS) {
            return rv;
        }
        value = flow_json_string(json_object_get(entry, "value"), &len);
        if (!value) {
            return flow_host_wrong(call, err, "invalid_field",
                                   "the value of '%s' must be a text; use "
                                   "JSON.stringify",
                                   name);
        }
        if (len > FLOW_STATE_VALUE_MAX || memchr(value, 0, len)) {
            return flow_host_wrong(call, err, "invalid_field",
                                   "the value of '%s' is larger than 1 MB or "
                                   "has a character U+0000",
                                   name);
        }
    }
    return APR_SUCCESS;
}

static apr_status_t cache_upsert(flow_host_call_t *call, json_t **presult,
                                 flow_error_t *err)
{
    const flow_state_iface_t *state = NULL;
    const json_t *options = NULL, *data;
    const char *cache = NULL;
    apr_status_t rv = cache_args(call, &cache, &options, &state, err);

    (void)presult;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    data = json_is_array(options) ? options : json_object_get(options, "data");
    rv = check_entries(call, data, err);
    return rv == APR_SUCCESS
               ? state->cache_write(state->baton, cache, data, until(call), err)
               : rv;
}

static apr_status_t cache_delete(flow_host_call_t *call, json_t **presult,
                                 flow_error_t *err)
{
    const flow_state_iface_t *state = NULL;
    const json_t *options = NULL, *keys;
    const char *cache = NULL;
    apr_status_t rv = cache_args(call, &cache, &options, &state, err);

    (void)presult;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    keys = json_is_array(options) ? options : json_object_get(options, "keys");
    rv = check_keys(call, keys, err);
    return rv == APR_SUCCESS ? state->cache_remove(state->baton, cache, keys,
                                                   until(call), err)
                             : rv;
}

static apr_status_t cache_purge(flow_host_call_t *call, json_t **presult,
                                flow_error_t *err)
{
    const flow_state_iface_t *state = NULL;
    const json_t *options = NULL;
    const char *cache = NULL;
    apr_status_t rv = cache_args(call, &cache, &options, &state, err);

    (void)presult;
    return rv == APR_SUCCESS ? state->cache_remove(state->baton, cache, NULL,
                                                   until(call), err)
                             : rv;
}

/* clang-format off */
const flow_host_function_t flow_host_state[] = {
    { "state", "get",                state_get },
    { "state", "getForResource",     state_get },
    { "state", "put",                state_put },
    { "state", "putForResource",     state_put },
    { "state", "delete",             state_delete },
    { "state", "deleteForResource",  state_delete },
    { "state", "getKeys",            state_keys },
    { "state", "getKeysForResource", state_keys },
    { "lookupCaches", "getData",     cache_get },
    { "lookupCaches", "upsertData",  cache_upsert },
    { "lookupCaches", "upsert",      cache_upsert },
    { "lookupCaches", "deleteData",  cache_delete },
    { "lookupCaches", "purgeData",   cache_purge },
    { "lookupCaches", "purge",       cache_purge },
    { NULL }
};
/* clang-format on */

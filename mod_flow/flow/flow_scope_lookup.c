/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What mappings and templates look up outside their document: lookup caches
 * and the far end.
 */
#include "flow/flow_scope.h"

#include <string.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "flow/flow_record.h"

static const flow_lookup_set_t *set_of(const flow_scope_t *scope)
{
    return scope->exp ? &scope->exp->lookups : &scope->imp->lookups;
}

/* ---- what was read ---- */

#define MEMO_BYTES (16 * 1024 * 1024)

void flow_scope_remember(flow_scope_t *scope)
{
    flow_scope_forget(scope);
    scope->memo = json_object();
}

void flow_scope_forget(flow_scope_t *scope)
{
    json_decref(scope->memo);
    scope->memo = NULL;
    scope->memo_size = 0;
}

/* The keys of a cache and what it has for them: an array of one value, or of
 * none. */
static json_t *known(const flow_scope_t *scope, const char *cache,
                     const char *key, apr_size_t len)
{
    return json_object_getn(json_object_get(scope->memo, cache), key, len);
}

static void note(flow_scope_t *scope, const char *cache, const char *key,
                 apr_size_t len, json_t *value)
{
    json_t *keys, *found = json_array();

    scope->memo_size += 200 + len + flow_record_size(value, MEMO_BYTES);
    if (scope->memo_size > MEMO_BYTES) {
        flow_scope_remember(scope);
    }
    keys = json_object_get(scope->memo, cache);
    if (!keys) {
        keys = json_object();
        json_object_set_new(scope->memo, cache, keys);
    }
    if (value) {
        json_array_append(found, value);
    }
    json_object_setn_new(keys, key, len, found);
}

/* ---- caches and requests ---- */

static apr_status_t cached(void *baton, const char *cache, const char *key,
                           apr_size_t len, json_t **pvalue, apr_pool_t *scratch,
                           flow_error_t *err)
{
    flow_scope_t *scope = baton;
    const flow_state_iface_t *state = scope->env->state;
    flow_cache_query_t query = { NULL };
    json_t *keys, *list = NULL, *before;
    apr_status_t rv;

    if (!state || !state->cache_read) {
        return flow_error_set(err, FLOW_E_INPUT, APR_ENOTIMPL,
                              "lookup_unavailable",
                              "there are no lookup caches here");
    }
    if (len == 0 || len > FLOW_STATE_NAME_MAX) {
        return APR_SUCCESS; /* no key of a cache */
    }
    before = known(scope, cache, key, len);
    if (before) {
        *pvalue = json_incref(json_array_get(before, 0));
        return APR_SUCCESS;
    }
    keys = json_array();
    json_array_append_new(keys, flow_json_string_new(key, len));
    query.keys = keys;
    rv = state->cache_read(state->baton, cache, &query, &list, scratch, err);
    json_decref(keys);
    if (rv == APR_SUCCESS) {
        *pvalue =
            json_incref(json_object_get(json_array_get(list, 0), "value"));
        if (scope->memo) {
            note(scope, cache, key, len, *pvalue);
        }
    }
    json_decref(list);
    return rv;
}

static const void *ask_in(const flow_lookup_set_t *set,
                          const flow_lookup_t *lookup)
{
    const flow_lookups_t *own = set->lookups;

    return own && lookup >= own->all && lookup < own->all + own->n
               ? set->asks[lookup->index]
               : NULL;
}

/* What the connector made of it: mapping and transform have their own. */
static const void *ask_of(const flow_scope_t *scope,
                          const flow_lookup_t *lookup)
{
    const void *ask = ask_in(set_of(scope), lookup);

    return ask ? ask
               : ask_in(scope->exp ? &scope->exp->transform.lookups
                                   : &scope->imp->response_transform.lookups,
                        lookup);
}

static apr_status_t request(void *baton, const flow_lookup_t *lookup,
                            const json_t *record, json_t **pvalue,
                            apr_pool_t *scratch, flow_error_t *err)
{
    flow_scope_t *scope = baton;
    const flow_connection_t *connection =
        scope->exp ? scope->exp->connection : scope->imp->connection;
    const void *data = ask_of(scope, lookup);
    flow_call_t call;

    if (scope->caller->test_mode) {
        *pvalue = flow_record_text(
            apr_pstrcat(scratch, "lookup.", lookup->name, NULL));
        return APR_SUCCESS;
    }
    flow_scope_call(scope, &call);
    flow_scope_call_lookups(scope, &call, record, scratch);
    return connection->connector->lookup(connection, data, &call, record,
                                         pvalue, scratch, err);
}

/* What `$` is beside `record` in an envelope mapping. */
static json_t *make_envelope(const flow_scope_t *scope)
{
    static const char *const names[] = { "job", "settings", "import",
                                         "export" };
    json_t *envelope = json_object();
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        flow_record_share(envelope, names[i],
                          json_object_get(scope->context, names[i]));
    }
    return envelope;
}

void flow_scope_bind(flow_scope_t *scope)
{
    scope->lookups.baton = scope;
    scope->lookups.cached = cached;
    scope->lookups.request = request;
    scope->mapping.lookups = &scope->lookups;
    scope->mapping.context = scope->context;
    scope->mapping.envelope = flow_json_own(scope->p, make_envelope(scope));
}

void flow_scope_call_lookups(flow_scope_t *scope, flow_call_t *call,
                             const json_t *record, apr_pool_t *p)
{
    const flow_lookups_t *lookups = set_of(scope)->lookups;
    flow_lookup_template_t *baton;
    flow_template_env_t *env;

    if (!lookups || !lookups->n) {
        return;
    }
    baton = apr_pcalloc(p, sizeof(*baton));
    env = apr_pcalloc(p, sizeof(*env));
    baton->lookups = lookups;
    baton->env = &scope->lookups;
    baton->record = record;
    baton->scratch = p;
    env->lookup = flow_lookup_for_template;
    env->lookup_baton = baton;
    call->templates = env;
}

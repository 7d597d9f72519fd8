/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lookups of imports. A miss is "the far end has no such thing"; a far end
 * that is down or refuses has not said that, and then the record fails
 * whatever allowFailures says: it must not be created a second time.
 */
#include "connectors/flow_conn_http.h"

#include <string.h>

static int is_empty(const json_t *v)
{
    apr_size_t len;

    switch (flow_json_type(v)) {
    case FLOW_JSON_NULL:
        return 1;
    case FLOW_JSON_STRING:
        flow_json_string(v, &len);
        return len == 0;
    case FLOW_JSON_ARRAY:
        return json_array_size(v) == 0;
    case FLOW_JSON_OBJECT:
        return json_object_size(v) == 0;
    default:
        return 0;
    }
}

/* Steals @a found; an array of one is that one. */
static apr_status_t only_one(const http_lookup_t *lookup, json_t *found,
                             json_t **pvalue, flow_error_t *err)
{
    json_t *one = found;
    size_t n = flow_json_is(found, ARRAY) ? json_array_size(found) : 1;

    if (n > 1) {
        json_decref(found);
        return flow_error_set(err, FLOW_E_REFUSED, APR_EGENERAL,
                              "lookup_ambiguous",
                              "lookup '%s' has found %lu values where one is "
                              "wanted",
                              lookup->name, (unsigned long)n);
    }
    if (flow_json_is(found, ARRAY)) {
        one = json_incref(json_array_get(found, 0));
        json_decref(found);
    }
    if (is_empty(one)) {
        json_decref(one);
        one = NULL;
    }
    *pvalue = one;
    return APR_SUCCESS;
}

static apr_status_t search(const http_lookup_t *lookup,
                           const flow_connection_t *connection,
                           const flow_call_t *call, const json_t *record,
                           json_t **pvalue, apr_pool_t *p, flow_error_t *err)
{
    http_send_t send = { connection, &lookup->step };
    json_t *context = flow_conn_http_context(call, p), *found = NULL;
    http_answer_t answer;
    json_t *list = json_array();
    apr_status_t rv;

    json_array_append(list, (json_t *)record);
    json_object_set_new(context, "data", list);
    json_object_set(context, "record", (json_t *)record);
    send.context = context;
    send.templates = call->templates;
    send.tpl = &lookup->step.body;
    rv = flow_conn_http_send(&send, call, &answer, p, err);
    if (rv == APR_SUCCESS && answer.status != 404) {
        rv = flow_conn_http_judge(&answer, &lookup->step.verdict, connection, p,
                                  err);
    }
    if (rv != APR_SUCCESS) {
        flow_error_prefix(err, "lookup '%s'", lookup->name);
        return rv;
    }
    if (answer.status != 404 && answer.value) {
        found = lookup->extract ? flow_path_get(lookup->extract, answer.value)
                                : json_incref((json_t *)answer.value);
    }
    return only_one(lookup, found, pvalue, err);
}

apr_status_t flow_conn_http_lookup(const http_lookup_t *lookup,
                                   const flow_connection_t *connection,
                                   const flow_call_t *call,
                                   const json_t *record, json_t **pvalue,
                                   apr_pool_t *p, flow_error_t *err)
{
    apr_status_t rv = search(lookup, connection, call, record, pvalue, p, err);

    if (rv != APR_SUCCESS || *pvalue) {
        return rv;
    }
    if (!lookup->allow_failures) {
        return flow_error_set(err, FLOW_E_REFUSED, APR_NOTFOUND, "lookup_miss",
                              "lookup '%s' has found nothing", lookup->name);
    }
    if (lookup->dflt && !is_empty(lookup->dflt)) {
        *pvalue = json_incref((json_t *)lookup->dflt);
    }
    return APR_SUCCESS;
}

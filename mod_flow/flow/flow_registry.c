/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_connector.h"

#include <apr_lib.h>

#include <string.h>

#define CONNECTORS_MAX 64

/* Written while the configuration is read (one thread), read ever after. */
static const flow_connector_t *connectors[CONNECTORS_MAX];
static int nconnectors;

void flow_connector_reset(void)
{
    nconnectors = 0;
}

void flow_connector_register(const flow_connector_t *connector)
{
    int i;

    for (i = 0; i < nconnectors; ++i) {
        if (strcmp(connectors[i]->name, connector->name) == 0) {
            connectors[i] = connector;
            return;
        }
    }
    if (nconnectors < CONNECTORS_MAX) {
        connectors[nconnectors++] = connector;
    }
}

const flow_connector_t *flow_connector_at(int i)
{
    return i >= 0 && i < nconnectors ? connectors[i] : NULL;
}

const flow_connector_t *flow_connector_find(const char *name)
{
    int i;

    for (i = 0; i < nconnectors; ++i) {
        if (strcmp(connectors[i]->name, name) == 0) {
            return connectors[i];
        }
    }
    return NULL;
}

static int is_named(const char *adaptor, const char *wanted)
{
    return adaptor && strcmp(adaptor, wanted) == 0;
}

const flow_connector_t *flow_connector_by_adaptor(const char *adaptor)
{
    int i;

    for (i = 0; i < nconnectors; ++i) {
        if (is_named(connectors[i]->export_adaptor, adaptor) ||
            is_named(connectors[i]->import_adaptor, adaptor)) {
            return connectors[i];
        }
    }
    return NULL;
}

/* ---- response elements ---- */

static void set_text(json_t *object, const char *key, const char *text)
{
    json_object_set_new(object, key, flow_json_string_new(text, strlen(text)));
}

static json_t *element(int status)
{
    json_t *v = json_object();

    json_object_set_new(v, "statusCode", json_integer(status));
    json_object_set_new(v, "ignored", json_false());
    json_object_set_new(v, "errors", json_array());
    return v;
}

int flow_response_is_connections_fault(const flow_error_t *err)
{
    static const char *const of_records[] = { "url_foreign", "url_invalid" };
    size_t i;

    for (i = 0; i < sizeof(of_records) / sizeof(of_records[0]); ++i) {
        if (strcmp(err->code, of_records[i]) == 0) {
            return 0;
        }
    }
    return (err->kind == FLOW_E_UNAVAILABLE || err->kind == FLOW_E_CONFIG) &&
           !apr_isdigit(err->code[0]);
}

/* Without an answer, or without being let in, it is the connection. */
static int is_shut_out(const flow_error_t *err)
{
    return strcmp(err->code, "401") == 0 || strcmp(err->code, "403") == 0 ||
           flow_response_is_connections_fault(err);
}

json_t *flow_response_error(const flow_error_t *err, const char *source)
{
    json_t *v = element(is_shut_out(err) ? 403 : 422);
    json_t *e = json_object();

    set_text(e, "code", err->code);
    set_text(e, "message", err->message);
    set_text(e, "source", source);
    json_array_append_new(json_object_get(v, "errors"), e);
    return v;
}

json_t *flow_response_ok(const json_t *id, const json_t *json)
{
    json_t *v = element(200);

    if (id) {
        json_object_set(v, "id", (json_t *)id);
    }
    if (json) {
        json_object_set(v, "_json", (json_t *)json);
    }
    return v;
}

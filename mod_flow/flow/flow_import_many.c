/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One record, many submissions: children going out, answers coming home.
 */
#include "flow/flow_import.h"

#include "data/flow_json.h"
#include "data/flow_value.h"
#include "flow/flow_record.h"

#define PARENT "_PARENT"

json_t *flow_import_ignored(void)
{
    json_t *response = json_object();

    json_object_set_new(response, "statusCode", json_integer(200));
    json_object_set_new(response, "ignored", json_true());
    json_object_set_new(response, "errors", json_array());
    return response;
}

apr_status_t flow_import_children(const flow_path_t *path_to_many,
                                  const json_t *record, json_t **pchildren,
                                  flow_error_t *err)
{
    json_t *list = NULL, *children = json_array();
    apr_status_t rv = APR_SUCCESS;
    size_t i;

    if (path_to_many) {
        list = flow_path_get(path_to_many, record);
    }
    else if (json_is_array(record)) {
        list = flow_record_ref(record); /* grouped: its rows are the children */
    }
    if (list && !json_is_array(list) && !json_is_null(list)) {
        rv = flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "one_to_many",
                            "pathToMany must lead to an array, found %s",
                            flow_json_type_name(list));
    }
    for (i = 0; i < json_array_size(list) && rv == APR_SUCCESS; ++i) {
        json_t *child = json_array_get(list, i);

        if (!json_is_object(child)) {
            rv = flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "one_to_many",
                                "child %lu must be an object, found %s",
                                (unsigned long)i, flow_json_type_name(child));
            break;
        }
        child = flow_value_copy(child);
        flow_record_share(child, PARENT, record);
        json_array_append_new(children, child);
    }
    json_decref(list);
    *pchildren = children;
    return rv;
}

static apr_int64_t worst_status(const flow_import_result_t *children, size_t n)
{
    apr_int64_t worst = 200, status;
    size_t i;

    for (i = 0; i < n; ++i) {
        if (flow_json_int64(json_object_get(children[i].response, "statusCode"),
                            &status) &&
            status > worst) {
            worst = status;
        }
    }
    return worst;
}

/* The children's values of one member, null where a child has none; nothing
 * when no child has one. */
static void join_member(const flow_import_result_t *children, size_t n,
                        json_t *response, const char *name)
{
    json_t *values = json_array();
    int found = 0;
    size_t i;

    for (i = 0; i < n; ++i) {
        json_t *v = json_object_get(children[i].response, name);

        found |= v != NULL;
        json_array_append_new(values, v ? json_incref(v) : json_null());
    }
    if (found) {
        json_object_set(response, name, values);
    }
    json_decref(values);
}

static void extend(json_t **plist, const json_t *more)
{
    if (!json_array_size(more)) {
        return;
    }
    if (!*plist) {
        *plist = json_array();
    }
    json_array_extend(*plist, (json_t *)more);
}

void flow_import_join(const flow_import_result_t *children, size_t n,
                      flow_import_result_t *parent)
{
    json_t *response = json_object(), *errors = NULL;
    int all_ignored = 1;
    size_t i;

    json_object_set_new(response, "statusCode",
                        json_integer(worst_status(children, n)));
    join_member(children, n, response, "id");
    join_member(children, n, response, "_json");
    join_member(children, n, response, "dataURI");
    parent->is_failed = 0;
    parent->logged = NULL;
    parent->exchange = NULL;
    for (i = 0; i < n; ++i) {
        extend(&errors, json_object_get(children[i].response, "errors"));
        extend(&parent->logged, children[i].logged);
        if (children[i].exchange && !parent->exchange) {
            parent->exchange = json_incref(children[i].exchange);
        }
        parent->is_failed |= children[i].is_failed;
        all_ignored &= children[i].is_ignored;
    }
    parent->is_ignored = all_ignored;
    json_object_set_new(response, "ignored", json_boolean(all_ignored));
    json_object_set_new(response, "errors", errors ? errors : json_array());
    parent->response = response;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_once.h"

#include "data/flow_json.h"
#include "flow/flow_record.h"

void flow_once_remember(json_t *position, const json_t *unmarked)
{
    /* One that is too large to be kept is marked all the same; only when the
     * process dies before that do its records come again. */
    if (!json_array_size(unmarked) ||
        flow_record_size(unmarked, FLOW_PAGE_BYTES) > FLOW_PAGE_BYTES) {
        return;
    }
    json_object_set_new(position, "mark", json_copy((json_t *)unmarked));
    if (!json_object_get(position, "rest")) {
        /* there is something to do after the last page */
        json_object_set_new(position, "rest", json_array());
    }
}

static apr_status_t mark_one(flow_runner_t *runner, const flow_export_t *exp,
                             const json_t *record, apr_pool_t *p,
                             flow_error_t *err)
{
    flow_error_t why = FLOW_ERROR_INIT;
    flow_call_t call;
    json_t *error;
    apr_status_t rv;

    flow_scope_call(runner->generator_scope, &call);
    if (exp->connector->export_mark(exp, &call, record, p, &why) ==
        APR_SUCCESS) {
        return APR_SUCCESS;
    }
    if (flow_runner_is_stopping(runner)) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR, "stopping",
                              "the server is stopping");
    }
    flow_error_prefix(&why, "the record is through but not marked");
    error = flow_record_error_from(&why, flow_error_source(&why));
    ++runner->run->counters.error;
    rv = flow_runner_report(runner, 0, exp->id,
                            flow_record_trace_key(exp->trace_key, record, p),
                            error, NULL, NULL, err);
    json_decref(error);
    return rv;
}

apr_status_t flow_once_mark(flow_runner_t *runner, int generator,
                            json_t *unmarked, apr_pool_t *p, flow_error_t *err)
{
    const flow_export_t *exp = runner->run->flow->generators[generator];
    size_t i, n = json_array_size(unmarked);
    apr_status_t rv = APR_SUCCESS;
    apr_pool_t *each;

    if (!exp->connector || !exp->connector->export_mark ||
        runner->caller.test_mode) {
        return APR_SUCCESS;
    }
    apr_pool_create(&each, p);
    for (i = 0; i < n && rv == APR_SUCCESS; ++i) {
        apr_pool_clear(each);
        rv = mark_one(runner, exp, json_array_get(unmarked, i), each, err);
    }
    apr_pool_destroy(each);
    json_array_clear(unmarked);
    return rv;
}

apr_status_t flow_once_resume(flow_runner_t *runner, int generator,
                              const json_t *position, apr_pool_t *p,
                              flow_error_t *err)
{
    json_t *left = json_object_get(position, "mark");
    apr_status_t rv;

    if (!json_array_size(left)) {
        return APR_SUCCESS;
    }
    left = json_copy(left);
    rv = flow_once_mark(runner, generator, left, p, err);
    json_decref(left);
    return rv;
}

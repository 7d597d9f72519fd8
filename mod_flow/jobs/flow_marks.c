/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_marks.h"

#include <apr_strings.h>

#include "jobs/flow_errors.h"

#define MARKS_MAX 1000 /* generators of one flow */

static const char *scope_of(const char *flow_id, apr_pool_t *p)
{
    return apr_pstrcat(p, "delta ", flow_id, NULL);
}

apr_status_t flow_marks_read(flow_store_t *store, const char *flow_id,
                             json_t **pmarks, apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] =
        "SELECT name, value FROM state WHERE scope = %s LIMIT %lld";
    apr_int64_t most = MARKS_MAX;
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, sql,
                           FLOW_SQL(scope_of(flow_id, p), &most), p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *pmarks = json_object();
    while (flow_rows_next(&rows)) {
        flow_json_put(*pmarks, flow_rows_text(&rows, 0),
                      flow_rows_text(&rows, 1), p);
    }
    return APR_SUCCESS;
}

apr_status_t flow_marks_set(flow_store_t *store, const char *flow_id,
                            const char *export_id, const char *value,
                            apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] =
        "INSERT INTO state (scope, name, value) VALUES (%s, %s, %s)"
        " ON CONFLICT (scope, name) DO UPDATE SET value = EXCLUDED.value";

    return flow_store_exec(store, sql,
                           FLOW_SQL(scope_of(flow_id, p), export_id, value),
                           NULL, err);
}

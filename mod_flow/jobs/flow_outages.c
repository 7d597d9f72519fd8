/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_outages.h"

#include <string.h>

#include <apr_strings.h>

#include "base/flow_log.h"
#include "data/flow_json.h"
#include "jobs/flow_errors.h"
#include "jobs/flow_jobs_private.h"

#define SCOPE      "offline"
#define MOST       10000 /* connections */

#define HURRY_WAIT apr_time_from_sec(5)

/* ---- a row ---- */

static const char *to_text(const flow_outage_t *outage, apr_pool_t *p)
{
    json_t *v = json_object();
    char *text;

    json_object_set_new(v, "since", json_integer(outage->since));
    json_object_set_new(v, "next", json_integer(outage->next));
    json_object_set_new(v, "tests", json_integer(outage->tests));
    flow_json_put(v, "code", outage->code, p);
    flow_json_put(v, "message", outage->message, p);
    text = flow_json_text(v, NULL, p);
    json_decref(v);
    return text;
}

static int from_text(flow_outage_t *outage, const char *text)
{
    flow_error_t err = FLOW_ERROR_INIT;
    const char *code, *message;
    apr_int64_t tests = 0;
    json_t *v = NULL;

    memset(outage, 0, sizeof(*outage));
    if (!text || flow_json_parse(&v, text, strlen(text), &err) != APR_SUCCESS) {
        return 0;
    }
    flow_json_int64(json_object_get(v, "since"), &outage->since);
    flow_json_int64(json_object_get(v, "next"), &outage->next);
    flow_json_int64(json_object_get(v, "tests"), &tests);
    outage->tests = (int)(tests < 0 || tests > 1000000 ? 1000000 : tests);
    code = flow_json_member(v, "code");
    message = flow_json_member(v, "message");
    apr_cpystrn(outage->code, code ? code : "", sizeof(outage->code));
    apr_cpystrn(outage->message, message ? message : "",
                sizeof(outage->message));
    json_decref(v);
    return 1;
}

/* [write] @a text NULL: only forget. */
static apr_status_t write_row(flow_store_t *store, const char *id,
                              const char *text, flow_error_t *err)
{
    static const char forget[] =
        "DELETE FROM state WHERE scope = %s AND name = %s";
    static const char sql[] =
        "INSERT INTO state (scope, name, value) VALUES (%s, %s, %s)"
        " ON CONFLICT (scope, name) DO UPDATE SET value = EXCLUDED.value";

    return text
               ? flow_store_exec(store, sql, FLOW_SQL(SCOPE, id, text), NULL,
                                 err)
               : flow_store_exec(store, forget, FLOW_SQL(SCOPE, id), NULL, err);
}

/* ---- writing, through the committer ---- */

typedef struct outage_work_t {
    flow_work_t work;
    const char *id;
    const char *text;      /* what is to stand there; NULL: nothing */
    apr_time_t due, until; /* of a claim */
    int is_claimed;
    apr_pool_t *p;
} outage_work_t;

static apr_status_t run_write(flow_work_t *work, flow_store_t *store,
                              flow_error_t *err)
{
    outage_work_t *w = (outage_work_t *)work;

    return write_row(store, w->id, w->text, err);
}

/* Who finds the test as it knows it makes it. */
static apr_status_t run_claim(flow_work_t *work, flow_store_t *store,
                              flow_error_t *err)
{
    static const char sql[] =
        "SELECT value FROM state WHERE scope = %s AND name = %s LIMIT 1";
    outage_work_t *w = (outage_work_t *)work;
    flow_outage_t outage;
    flow_rows_t rows;
    apr_status_t rv;

    w->is_claimed = 0;
    rv =
        flow_store_select(store, &rows, sql, FLOW_SQL(SCOPE, w->id), w->p, err);
    if (rv != APR_SUCCESS || !flow_rows_next(&rows) ||
        !from_text(&outage, flow_rows_text(&rows, 0)) ||
        outage.next != w->due) {
        return rv;
    }
    outage.next = w->until;
    rv = write_row(store, w->id, to_text(&outage, w->p), err);
    w->is_claimed = rv == APR_SUCCESS;
    return rv;
}

/* A store that is away is told by the committer; what is only known here is
 * better than nothing. */
static void commit(flow_jobs_t *jobs, outage_work_t *w)
{
    flow_error_t err = FLOW_ERROR_INIT;

    if (flow_committer_do(jobs->committer, &w->work, -1, NULL, &err) !=
        APR_SUCCESS) {
        flow_log(FLOW_LOG_DEBUG, "connection '%s': %s", w->id, err.message);
    }
}

static void outage_set(void *baton, const char *id, const flow_outage_t *outage)
{
    outage_work_t w = { .work.run = run_write, .id = id };
    apr_pool_t *p = flow_store_pool(0);

    if (p) {
        w.text = to_text(outage, p);
        commit(baton, &w);
        apr_pool_destroy(p);
    }
}

static void outage_forget(void *baton, const char *id)
{
    outage_work_t w = { .work.run = run_write, .id = id };

    commit(baton, &w);
    flow_workers_wake(baton);
}

static int outage_claim(void *baton, const char *id, apr_time_t due,
                        apr_time_t until)
{
    outage_work_t w = {
        .work.run = run_claim, .id = id, .due = due, .until = until
    };

    w.p = flow_store_pool(0);
    if (!w.p) {
        return 0;
    }
    commit(baton, &w);
    apr_pool_destroy(w.p);
    return w.is_claimed;
}

void flow_outages_fill(flow_outages_iface_t *iface, flow_jobs_t *jobs)
{
    iface->baton = jobs;
    iface->set = outage_set;
    iface->forget = outage_forget;
    iface->claim = outage_claim;
}

/* ---- reading ---- */

static apr_status_t select_all(flow_store_t *store, flow_rows_t *rows,
                               apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] =
        "SELECT name, value FROM state WHERE scope = %s ORDER BY name "
        "LIMIT %lld";
    static const apr_int64_t most = MOST;

    return flow_store_select(store, rows, sql, FLOW_SQL(SCOPE, &most), p, err);
}

void flow_outages_hurry(const flow_jobs_settings_t *settings, apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_store_t *store = NULL;
    flow_outage_t outage;
    flow_rows_t rows;
    apr_status_t rv =
        flow_store_open(&store, settings->driver, settings->params, &err);

    if (rv == APR_SUCCESS) {
        rv = flow_store_begin(store, HURRY_WAIT, &err);
    }
    if (rv == APR_SUCCESS) {
        rv = select_all(store, &rows, p, &err);
        while (rv == APR_SUCCESS && flow_rows_next(&rows)) {
            if (from_text(&outage, flow_rows_text(&rows, 1))) {
                outage.next = apr_time_now();
                rv = write_row(store, flow_rows_text(&rows, 0),
                               to_text(&outage, p), &err);
            }
        }
        if (rv == APR_SUCCESS) {
            flow_store_commit(store, &err);
        }
        else {
            flow_store_rollback(store);
        }
    }
    flow_store_close(store);
}

apr_status_t flow_outages_tell(flow_store_t *store, flow_breaker_t *breaker,
                               apr_pool_t *p, flow_error_t *err)
{
    apr_time_t now = apr_time_now();
    flow_rows_t rows;
    apr_status_t rv = select_all(store, &rows, p, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    while (flow_rows_next(&rows)) {
        flow_outage_t outage;

        if (from_text(&outage, flow_rows_text(&rows, 1))) {
            flow_breaker_heard(breaker, flow_rows_text(&rows, 0), &outage, now);
        }
    }
    flow_breaker_heard_all(breaker, now);
    return APR_SUCCESS;
}

apr_status_t flow_outages_list(flow_store_t *store, json_t **plist,
                               apr_pool_t *p, flow_error_t *err)
{
    flow_rows_t rows;
    apr_status_t rv = select_all(store, &rows, p, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    *plist = json_array();
    while (flow_rows_next(&rows)) {
        flow_outage_t outage;
        json_t *v;

        if (!from_text(&outage, flow_rows_text(&rows, 1))) {
            continue;
        }
        v = json_object();
        flow_json_put(v, "_connectionId", flow_rows_text(&rows, 0), p);
        flow_json_put(v, "since", flow_iso_time(outage.since, p), p);
        flow_json_put(v, "nextTest", flow_iso_time(outage.next, p), p);
        json_object_set_new(v, "tests", json_integer(outage.tests));
        flow_json_put(v, "code", outage.code, p);
        flow_json_put(v, "message", outage.message, p);
        json_array_append_new(*plist, v);
    }
    return APR_SUCCESS;
}

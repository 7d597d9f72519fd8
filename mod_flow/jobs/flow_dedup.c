/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_dedup.h"

#include <string.h>

#include <apr_strings.h>

/* Somebody else may take an outdated claim between our statements. */
#define ROUNDS 3

static apr_status_t look(flow_store_t *store, const char *export_id,
                         const char *key, char known[FLOW_ID_SIZE],
                         apr_int64_t *puntil, flow_error_t *err)
{
    static const char sql[] = "SELECT event_id, until FROM event_key"
                              " WHERE export_id = %s AND name = %s";
    apr_pool_t *p = flow_store_pool(0);
    flow_rows_t rows;
    apr_status_t rv;

    known[0] = '\0';
    *puntil = 0;
    if (!p) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_ENOMEM, "no_memory",
                              "out of memory for an event");
    }
    rv = flow_store_select(store, &rows, sql, FLOW_SQL(export_id, key), p, err);
    if (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        apr_cpystrn(known, flow_rows_text(&rows, 0), FLOW_ID_SIZE);
        *puntil = flow_rows_int(&rows, 1);
    }
    apr_pool_destroy(p);
    return rv;
}

apr_status_t flow_dedup_claim(flow_store_t *store, const char *export_id,
                              const char *key, apr_time_t now, apr_time_t until,
                              char id[FLOW_ID_SIZE], int *pis_known,
                              flow_error_t *err)
{
    static const char insert_sql[] =
        "INSERT INTO event_key (export_id, name, event_id, until)"
        " VALUES (%s, %s, %s, %lld) ON CONFLICT DO NOTHING";
    static const char repeat_sql[] =
        "UPDATE event_key SET repeats = repeats + 1"
        " WHERE export_id = %s AND name = %s";
    static const char renew_sql[] =
        "UPDATE event_key SET event_id = %s, until = %lld, repeats = 0"
        " WHERE export_id = %s AND name = %s AND event_id = %s";
    apr_int64_t end = until, known_until;
    char known[FLOW_ID_SIZE];
    apr_status_t rv;
    int i, n = 0;

    *pis_known = 0;
    for (i = 0; i < ROUNDS; ++i) {
        rv = flow_store_exec(store, insert_sql,
                             FLOW_SQL(export_id, key, id, &end), &n, err);
        if (rv != APR_SUCCESS || n) {
            return rv;
        }
        rv = look(store, export_id, key, known, &known_until, err);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (*known && known_until > now) {
            *pis_known = 1;
            memcpy(id, known, FLOW_ID_SIZE);
            return flow_store_exec(store, repeat_sql, FLOW_SQL(export_id, key),
                                   NULL, err);
        }
        rv =
            flow_store_exec(store, renew_sql,
                            FLOW_SQL(id, &end, export_id, key, known), &n, err);
        if (rv != APR_SUCCESS || n) {
            return rv;
        }
    }
    return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EAGAIN, "event_claimed",
                          "this event is being stored by somebody else; try "
                          "again");
}

apr_status_t flow_dedup_purge(flow_store_t *store, apr_time_t now, int most,
                              int *pn, flow_error_t *err)
{
    static const char keys_sql[] =
        "DELETE FROM event_key WHERE (export_id, name) IN"
        " (SELECT export_id, name FROM event_key WHERE until < %lld"
        " ORDER BY until LIMIT %lld)";
    static const char locks_sql[] =
        "DELETE FROM record_lock WHERE until < %lld";
    apr_int64_t at = now, limit = most;
    apr_int64_t long_ago = flow_store_clock(store) - apr_time_from_sec(3600);
    apr_status_t rv;

    rv = flow_store_exec(store, keys_sql, FLOW_SQL(&at, &limit), pn, err);
    return rv == APR_SUCCESS ? flow_store_exec(store, locks_sql,
                                               FLOW_SQL(&long_ago), NULL, err)
                             : rv;
}

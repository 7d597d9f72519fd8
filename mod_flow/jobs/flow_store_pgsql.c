/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_store.h"
#include "jobs/flow_store_private.h"

#include <ctype.h>
#include <dlfcn.h>
#include <string.h>

#include <apr_strings.h>

#include "base/flow_clock.h"

/*
 * What is PostgreSQL's own: the connection, its session, its errors.
 *
 * We use apr_dbd's statements but not its transactions: those remember an
 * error and then refuse everything, without saying what it was, and
 * apr_dbd_check_conn() would replace a broken connection in the middle of a
 * transaction as if nothing had happened.
 */
#define CLOCK_FOR apr_time_from_sec(10)
#define STATE_LEN 5 /* SQLSTATE */

/* ---- the connection ---- */

/* What the administrator may set otherwise. The tcp_ and keepalives_ ones tell
 * us within half a minute of a server that has fallen silent. */
static const char *const defaults[] = {
    "client_encoding=UTF8",  "application_name=mod_flow", "connect_timeout=5",
    "keepalives_idle=10",    "keepalives_interval=5",     "keepalives_count=3",
    "tcp_user_timeout=20000"
};

static int is_url(const char *params)
{
    return !strncmp(params, "postgres://", 11) ||
           !strncmp(params, "postgresql://", 13);
}

static int has_setting(const char *params, const char *setting, apr_pool_t *p)
{
    return strstr(params, apr_pstrmemdup(p, setting, strcspn(setting, "="))) !=
           NULL;
}

const char *flow_store_pg_params(const char *params, apr_pool_t *p)
{
    int url = is_url(params), has_query = strchr(params, '?') != NULL;
    apr_size_t i;

    for (i = 0; i < sizeof(defaults) / sizeof(defaults[0]); ++i) {
        if (has_setting(params, defaults[i], p)) {
            continue;
        }
        params = apr_pstrcat(p, params, !url ? " " : (has_query ? "&" : "?"),
                             defaults[i], NULL);
        has_query = 1;
    }
    return params;
}

/* postgres://user:SECRET@host/ */
static void hide_in_url(char *url)
{
    char *from = strstr(url, "://") + 3;
    char *end = from + strcspn(from, "/?"), *at, *colon;

    for (at = end; at > from && *at != '@'; --at) {
    }
    colon = memchr(from, ':', (apr_size_t)(at - from));
    if (at > from && colon) {
        memmove(colon, at, strlen(at) + 1);
    }
}

const char *flow_store_pg_name(const char *params, apr_pool_t *p)
{
    char *name = apr_pstrdup(p, params), *at;

    if (is_url(name)) {
        hide_in_url(name);
    }
    while ((at = strstr(name, "password")) != NULL) {
        char *end = at + strcspn(at, "=");

        end += *end == '=';
        end += strspn(end, " ");
        if (*end == '\'') {
            for (++end; *end && *end != '\''; ++end) {
                end += *end == '\\' && end[1];
            }
            end += *end == '\'';
        }
        else {
            end += strcspn(end, is_url(name) ? "&" : " ");
        }
        memmove(at, end, strlen(end) + 1);
    }
    return name;
}

/* ---- the session ---- */

/* Have libpq put the SQLSTATE into its messages: they may be in any language.
 * apr_dbd has loaded it; without the function we read English. */
static void want_states(flow_store_t *store)
{
    typedef int verbosity_fn(void *connection, int verbosity);
    void *lib = dlopen("libpq.so.5", RTLD_LAZY | RTLD_NOLOAD);
    verbosity_fn *set = NULL;

    if (lib) {
        *(void **)&set = dlsym(lib, "PQsetErrorVerbosity");
    }
    if (set) {
        set(apr_dbd_native_handle(store->driver, store->handle), 2);
    }
    if (lib) {
        dlclose(lib); /* the driver still holds it */
    }
}

apr_status_t flow_store_pg_setup(flow_store_t *store, flow_error_t *err)
{
    /* A commit that is not on the disk is none. */
    static const char durable[] =
        "SELECT set_config('synchronous_commit',"
        " CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'"
        " ELSE current_setting('synchronous_commit') END, false)";
    /* clang-format off */
    static const char *const settings[] = {
        "SET default_transaction_isolation = 'read committed'",
        "SET lock_timeout = '10s'",
        "SET statement_timeout = '60s'",
        "SET idle_in_transaction_session_timeout = '60s'",
        /* Every statement has its index, and what is known about the size of
         * a queue's table is always old. */
        "SET enable_seqscan = off",
        "SET enable_hashjoin = off",
        "SET enable_mergejoin = off",
        NULL
    };
    /* clang-format on */
    const char *value = NULL;
    apr_status_t rv;
    int i;

    want_states(store);
    rv = flow_store_pragma(store, durable, NULL, err);
    for (i = 0; settings[i] && rv == APR_SUCCESS; ++i) {
        rv = flow_store_query(store, settings[i], err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_store_pragma(store, "SHOW server_encoding", &value, err);
    }
    if (rv == APR_SUCCESS && (!value || strcmp(value, "UTF8") != 0)) {
        store->broken = 1;
        rv = flow_error_set(err, FLOW_E_CONFIG, APR_EGENERAL,
                            "store_unavailable",
                            "store '%s' has the encoding '%s'; create the "
                            "database with ENCODING 'UTF8'",
                            store->name, value ? value : "unknown");
    }
    /* Who only reads needs it, too. */
    return rv == APR_SUCCESS ? flow_store_pg_clock(store, err) : rv;
}

apr_status_t flow_store_pg_clock(flow_store_t *store, flow_error_t *err)
{
    static const char sql[] = "SELECT CAST(extract(epoch FROM"
                              " clock_timestamp()) * 1000000 AS BIGINT)";
    apr_time_t now = flow_clock();
    flow_rows_t rows;
    apr_status_t rv;
    apr_pool_t *p;

    if (now < store->clock_until) {
        return APR_SUCCESS;
    }
    apr_pool_create(&p, store->p);
    rv = flow_store_select(store, &rows, sql, FLOW_SQL_NONE, p, err);
    if (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        /* The answer is a little old, so ours is a little early. */
        store->clock_offset = flow_rows_int(&rows, 0) - flow_clock();
        store->clock_until = now + CLOCK_FOR;
    }
    apr_pool_destroy(p);
    return rv;
}

/* ---- errors ---- */

/* "ERROR:  23505: duplicate key ...\nDETAIL: ..." */
static const char *state_of(const char *text)
{
    const char *at = strchr(text, ':');
    int i;

    if (!at) {
        return "";
    }
    at += 1 + strspn(at + 1, " ");
    for (i = 0; i < STATE_LEN; ++i) {
        if (!isdigit((unsigned char)at[i]) && !isupper((unsigned char)at[i])) {
            return "";
        }
    }
    return at[STATE_LEN] == ':' ? at : "";
}

static int begins(const char *state, const char *with)
{
    return strncmp(state, with, strlen(with)) == 0;
}

/* Data or constraint or limit: the statement's own fault. */
static int is_refusal(const char *text, const char *state)
{
    if (*state) {
        return begins(state, "22") || begins(state, "23") ||
               begins(state, "54");
    }
    return strstr(text, "violates") || strstr(text, "invalid byte sequence") ||
           strstr(text, "out of range");
}

static int is_conflict(const char *state)
{
    return begins(state, "40") || begins(state, "55P03");
}

static apr_status_t failed(flow_store_t *store, const flow_error_t *why)
{
    if (store->in_transaction && !store->has_failed) {
        store->has_failed = 1;
        store->failure = *why;
    }
    return why->status;
}

apr_status_t flow_store_pg_fail(flow_store_t *store, const char *text,
                                flow_error_t *err)
{
    const char *state = state_of(text);
    int len = (int)strcspn(text, "\n");
    flow_error_t why = FLOW_ERROR_INIT;

    if (is_refusal(text, state)) {
        flow_error_set(&why, FLOW_E_INTERNAL, APR_EGENERAL, "store_refused",
                       "store '%s': %.*s", store->name, len, text);
    }
    else if (begins(state, "53100")) {
        store->broken = 1;
        flow_error_set(&why, FLOW_E_UNAVAILABLE, APR_ENOSPC, "store_full",
                       "store '%s': %.*s", store->name, len, text);
    }
    else {
        store->conflict = is_conflict(state);
        store->broken |= !store->conflict;
        flow_error_set(&why, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                       "store_unavailable", "store '%s': %.*s", store->name,
                       len, text);
    }
    flow_error_set(err, why.kind, why.status, why.code, "%s", why.message);
    return failed(store, &why);
}

/* ---- many rows at once ---- */

void flow_store_set_bulk(flow_store_t *store, int bulk)
{
    store->is_bulk = store->is_pg && bulk;
}

int flow_store_is_bulk(const flow_store_t *store)
{
    return store->is_bulk;
}

static apr_status_t flush(flow_store_t *store, flow_buffer_t *buffer,
                          flow_error_t *err)
{
    const flow_insert_t *into = buffer->into;
    apr_status_t rv = APR_SUCCESS;
    int i, n = buffer->n;

    buffer->n = 0;
    if (n == FLOW_INSERT_ROWS) {
        return flow_store_exec(store, into->many, buffer->args, NULL, err);
    }
    for (i = 0; i < n && rv == APR_SUCCESS; ++i) {
        rv = flow_store_exec(store, into->one,
                             buffer->args + (apr_size_t)(i * into->nargs), NULL,
                             err);
    }
    return rv;
}

apr_status_t flow_store_flush(flow_store_t *store, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < FLOW_STORE_BUFFERS && rv == APR_SUCCESS; ++i) {
        rv = flush(store, &store->buffers[i], err);
    }
    return rv;
}

static flow_buffer_t *buffer_for(flow_store_t *store, const flow_insert_t *into)
{
    flow_buffer_t *b = store->buffers, *end = b + FLOW_STORE_BUFFERS;

    while (b < end && b->into && b->into != into) {
        ++b;
    }
    if (b == end) {
        return NULL;
    }
    b->into = into;
    return b;
}

apr_status_t flow_store_insert(flow_store_t *store, const flow_insert_t *into,
                               const void **args, flow_error_t *err)
{
    flow_buffer_t *b = store->is_bulk ? buffer_for(store, into) : NULL;
    const char *at = into->one;
    int i, to;

    if (!b) {
        return flow_store_exec(store, into->one, args, NULL, err);
    }
    for (i = 0; i < into->nargs; ++i) {
        to = b->n * into->nargs + i;
        at = strchr(at, '%') + 1;
        b->args[to] = args[i];
        if (*at == 'l') {
            b->numbers[to] = *(const apr_int64_t *)args[i];
            b->args[to] = &b->numbers[to];
        }
    }
    return ++b->n == FLOW_INSERT_ROWS ? flush(store, b, err) : APR_SUCCESS;
}

/* ---- the schema ---- */

const char *flow_store_pg_schema(const char *sql, apr_pool_t *p)
{
    static const char text[] = " TEXT";
    static const char collate[] = " COLLATE \"C\"";
    static const char queued[] = "(status, flow_id";
    static const char rowid[] = " WITHOUT ROWID";
    char *out = apr_pcalloc(p, 4 * strlen(sql) + 1), *to = out;

    while (*sql) {
        if (!strncmp(sql, rowid, sizeof(rowid) - 1)) {
            sql += sizeof(rowid) - 1;
            continue;
        }
        /* What the index's WHERE implies is no condition for its first column:
         * all of the index would be read. */
        if (!strncmp(sql, queued, sizeof(queued) - 1)) {
            *to++ = '(';
            sql += sizeof(queued) - 1 - strlen("flow_id");
        }
        *to++ = *sql++;
        /* Ids and keys are compared byte by byte, as SQLite does. */
        if (to - out >= 5 && !strncmp(to - 5, text, 5) && strchr(" ,)", *sql)) {
            memcpy(to, collate, sizeof(collate) - 1);
            to += sizeof(collate) - 1;
        }
    }
    return out;
}

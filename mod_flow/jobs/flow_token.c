/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_token.h"

#include <string.h>

#include <apr_strings.h>

#include "base/flow_log.h"
#include "base/flow_sign.h"
#include "data/flow_json.h"
#include "jobs/flow_jobs_private.h"

#define PREFIX       "flow_"
#define RANDOM_BYTES 32
#define TEXT_LENGTH  (sizeof(PREFIX) - 1 + 2 * RANDOM_BYTES)
#define NAME_MAX_LEN 200
#define LIST_MAX     10000
#define WRITE_WAIT   apr_time_from_sec(10)

#define TOKEN_COLUMNS                                                          \
    "id, name, full_access, apis, exports, imports, flows, created, expires,"  \
    " revoked"

struct flow_token_store_t {
    flow_store_t *store;
};

/* The token has 256 random bits, so one round of a plain hash is enough to
 * make the stored form useless to who reads it. */
static const char *hash_of(const char *plain, apr_pool_t *p)
{
    unsigned char digest[FLOW_DIGEST_MAX];
    apr_size_t len = 0;

    if (flow_digest(FLOW_DIGEST_SHA256, plain, strlen(plain), digest, &len) !=
        APR_SUCCESS) {
        return NULL;
    }
    return flow_hex(digest, len, p);
}

/* ---- lists of ids ---- */

static const char *list_text(const apr_array_header_t *ids, apr_pool_t *p)
{
    const char *text;
    json_t *list;
    int i;

    if (!ids || !ids->nelts) {
        return NULL;
    }
    list = json_array();
    for (i = 0; i < ids->nelts; ++i) {
        const char *id = APR_ARRAY_IDX(ids, i, const char *);

        json_array_append_new(list, flow_json_string_new(id, strlen(id)));
    }
    text = flow_json_text(list, NULL, p);
    json_decref(list);
    return text;
}

static const apr_array_header_t *list_parse(const char *text, apr_pool_t *p)
{
    apr_array_header_t *ids = apr_array_make(p, 4, sizeof(const char *));
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *list = NULL;
    size_t i;

    if (text &&
        flow_json_parse(&list, text, strlen(text), &err) == APR_SUCCESS) {
        for (i = 0; i < json_array_size(list); ++i) {
            const char *id = flow_json_string(json_array_get(list, i), NULL);

            if (id) {
                APR_ARRAY_PUSH(ids, const char *) = apr_pstrdup(p, id);
            }
        }
        json_decref(list);
    }
    return ids;
}

static flow_token_t *read_token(const flow_rows_t *rows, apr_pool_t *p)
{
    flow_token_t *token = apr_pcalloc(p, sizeof(*token));

    token->id = flow_rows_text(rows, 0);
    token->name = flow_rows_text(rows, 1);
    token->full_access = flow_rows_int(rows, 2) != 0;
    token->apis = list_parse(flow_rows_text(rows, 3), p);
    token->exports = list_parse(flow_rows_text(rows, 4), p);
    token->imports = list_parse(flow_rows_text(rows, 5), p);
    token->flows = list_parse(flow_rows_text(rows, 6), p);
    token->created = flow_rows_int(rows, 7);
    token->expires = flow_rows_int(rows, 8);
    token->revoked = flow_rows_int(rows, 9) != 0;
    return token;
}

/* ---- for tools ---- */

static apr_status_t token_store_cleanup(void *data)
{
    flow_store_close(((flow_token_store_t *)data)->store);
    return APR_SUCCESS;
}

apr_status_t flow_token_store_open(flow_token_store_t **pstore,
                                   const flow_jobs_settings_t *settings,
                                   apr_pool_t *p, flow_error_t *err)
{
    flow_token_store_t *store = apr_pcalloc(p, sizeof(*store));
    apr_status_t rv;

    rv = flow_jobs_prepare(settings, p, err);
    if (rv == APR_SUCCESS) {
        rv = flow_store_open(&store->store, settings->driver, settings->params,
                             err);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_cleanup_register(p, store, token_store_cleanup,
                              apr_pool_cleanup_null);
    *pstore = store;
    return APR_SUCCESS;
}

static apr_status_t insert_token(flow_store_t *store, const flow_token_t *token,
                                 const char *hash, apr_pool_t *p,
                                 flow_error_t *err)
{
    static const char sql[] =
        "INSERT INTO token (id, name, hash, full_access, apis, exports,"
        " imports, flows, created, expires)"
        " VALUES (%s, %s, %s, %lld, %s, %s, %s, %s, %lld, %lld)";
    apr_int64_t full = token->full_access != 0;
    apr_int64_t created = token->created, expires = token->expires;

    return flow_store_exec(
        store, sql,
        FLOW_SQL(token->id, token->name, hash, &full, list_text(token->apis, p),
                 list_text(token->exports, p), list_text(token->imports, p),
                 list_text(token->flows, p), &created, &expires),
        NULL, err);
}

apr_status_t flow_token_create(flow_token_store_t *store, flow_token_t *token,
                               const char **pplain, apr_pool_t *p,
                               flow_error_t *err)
{
    unsigned char random[RANDOM_BYTES];
    const char *plain, *hash;
    apr_status_t rv;

    if (!token->name || !*token->name || strlen(token->name) > NAME_MAX_LEN ||
        !flow_utf8_is_valid(token->name, strlen(token->name))) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "token_name",
                              "a token needs a name of 1 to %d bytes of UTF-8",
                              NAME_MAX_LEN);
    }
    rv = flow_random(random, sizeof(random));
    if (rv != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_INTERNAL, rv, "no_random",
                              "the system gives no random bytes");
    }
    plain = apr_pstrcat(p, PREFIX, flow_hex(random, sizeof(random), p), NULL);
    hash = hash_of(plain, p);
    token->id = flow_new_id(p);
    token->created = apr_time_now();
    if (!hash) {
        return flow_error_set(err, FLOW_E_INTERNAL, APR_EGENERAL, "no_digest",
                              "SHA-256 is not available");
    }
    rv = flow_store_begin(store->store, WRITE_WAIT, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = insert_token(store->store, token, hash, p, err);
    if (rv != APR_SUCCESS) {
        flow_store_rollback(store->store);
        return rv;
    }
    rv = flow_store_commit(store->store, err);
    if (rv == APR_SUCCESS) {
        *pplain = plain;
    }
    return rv;
}

apr_status_t flow_token_list(flow_token_store_t *store,
                             apr_array_header_t **plist, apr_pool_t *p,
                             flow_error_t *err)
{
    static const char sql[] =
        "SELECT " TOKEN_COLUMNS " FROM token ORDER BY created DESC, id LIMIT "
        "%lld";
    apr_int64_t most = LIST_MAX;
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store->store, &rows, sql, FLOW_SQL(&most), p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *plist = apr_array_make(p, 8, sizeof(flow_token_t));
    while (flow_rows_next(&rows)) {
        APR_ARRAY_PUSH(*plist, flow_token_t) = *read_token(&rows, p);
    }
    return APR_SUCCESS;
}

apr_status_t flow_token_revoke(flow_token_store_t *store, const char *id,
                               apr_pool_t *p, flow_error_t *err)
{
    static const char sql[] = "UPDATE token SET revoked = 1 WHERE id = %s";
    apr_status_t rv;
    int n = 0;

    (void)p;
    rv = flow_store_begin(store->store, WRITE_WAIT, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = flow_store_exec(store->store, sql, FLOW_SQL(id), &n, err);
    if (rv != APR_SUCCESS) {
        flow_store_rollback(store->store);
        return rv;
    }
    rv = flow_store_commit(store->store, err);
    return rv == APR_SUCCESS && n == 0 ? APR_NOTFOUND : rv;
}

/* ---- in the server ---- */

static apr_status_t unauthorized(flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_INPUT, APR_EACCES, "unauthorized",
                          "the token is not valid");
}

static apr_status_t select_token(flow_jobs_t *jobs, const char *hash,
                                 flow_token_t **ptoken, apr_pool_t *p,
                                 flow_error_t *err)
{
    static const char sql[] =
        "SELECT " TOKEN_COLUMNS " FROM token WHERE hash = %s";
    flow_store_t *store;
    flow_rows_t rows;
    apr_status_t rv;

    *ptoken = NULL;
    rv = flow_jobs_reader(jobs, &store, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = flow_store_select(store, &rows, sql, FLOW_SQL(hash), p, err);
    if (rv == APR_SUCCESS && flow_rows_next(&rows)) {
        *ptoken = read_token(&rows, p);
    }
    flow_jobs_reader_done(jobs, store);
    return rv;
}

apr_status_t flow_token_verify(flow_jobs_t *jobs, const char *plain,
                               const flow_token_t **ptoken, apr_pool_t *p,
                               flow_error_t *err)
{
    const char *hash, *why = NULL;
    flow_token_t *token;
    apr_status_t rv;

    /* What cannot be one of ours does not reach the store. */
    if (strlen(plain) != TEXT_LENGTH ||
        strncmp(plain, PREFIX, sizeof(PREFIX) - 1) != 0) {
        flow_log(FLOW_LOG_INFO, "a token was refused: it is none of ours");
        return unauthorized(err);
    }
    hash = hash_of(plain, p);
    if (!hash) {
        return flow_error_set(err, FLOW_E_INTERNAL, APR_EGENERAL, "no_digest",
                              "SHA-256 is not available");
    }
    rv = select_token(jobs, hash, &token, p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!token) {
        why = "unknown";
    }
    else if (token->revoked) {
        why = "revoked";
    }
    else if (token->expires && token->expires <= apr_time_now()) {
        why = "expired";
    }
    if (why) {
        flow_log(FLOW_LOG_INFO, "token '%s' (%s) was refused: it is %s",
                 token ? token->id : "", token ? token->name : "", why);
        return unauthorized(err);
    }
    *ptoken = token;
    return APR_SUCCESS;
}

int flow_token_covers(const flow_token_t *token, flow_token_scope_e scope,
                      const char *id)
{
    const apr_array_header_t *const lists[] = { token->apis, token->exports,
                                                token->imports, token->flows };
    const apr_array_header_t *ids = lists[scope];
    int i;

    if (token->full_access) {
        return 1;
    }
    for (i = 0; ids && i < ids->nelts; ++i) {
        if (strcmp(APR_ARRAY_IDX(ids, i, const char *), id) == 0) {
            return 1;
        }
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idLockTemplate: records of equal keys are never in flight together. Who has
 * what in flight is the floor above's to know (other workers, other processes);
 * without one, as in tools, there is only this thread.
 */
#include "flow/flow_import.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/flow_sign.h"
#include "data/flow_json.h"
#include "data/flow_value.h"
#include "flow/flow_record.h"

#define KEY_MAX (64 * 1024) /* bytes of a rendered template */

const char *flow_import_lock_key(const flow_scope_t *scope,
                                 const json_t *record, apr_pool_t *p)
{
    json_t *context =
        json_is_object(record) ? flow_value_copy(record) : json_object();
    unsigned char digest[FLOW_DIGEST_MAX];
    const char *text = NULL;
    apr_size_t len = 0;
    apr_status_t rv;

    flow_record_share(context, "record", record);
    json_object_set(context, "settings", scope->settings);
    rv = flow_template_text(scope->imp->id_lock, context, KEY_MAX, &text, &len,
                            p, NULL);
    json_decref(context);
    if (rv != APR_SUCCESS || !len) {
        return NULL;
    }
    /* keys are people's mail addresses and the like, of any length */
    flow_digest(FLOW_DIGEST_SHA256, text, len, digest, &len);
    return flow_hex(digest, len, p);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Each key once. */
static const char **distinct(const flow_import_locks_t *locks, int *pn,
                             apr_pool_t *p)
{
    const char **keys = apr_palloc(p, (locks->n + 1) * sizeof(*keys));
    size_t i, n = 0, m = 0;

    for (i = 0; i < locks->n; ++i) {
        if (locks->keys[i]) {
            keys[n++] = locks->keys[i];
        }
    }
    qsort(keys, n, sizeof(*keys), compare);
    for (i = 0; i < n; ++i) {
        if (m == 0 || strcmp(keys[i], keys[m - 1]) != 0) {
            keys[m++] = keys[i];
        }
    }
    *pn = (int)m;
    return keys;
}

apr_status_t flow_import_lock(const flow_import_locks_t *locks, apr_pool_t *p,
                              flow_error_t *err)
{
    const flow_env_t *env = locks->scope->env;
    const char **keys;
    int n;

    if (!env->jobs || !env->jobs->lock) {
        return APR_SUCCESS;
    }
    keys = distinct(locks, &n, p);
    return n ? env->jobs->lock(
                   env->jobs->baton, locks->scope->imp->id, keys, n,
                   flow_deadline(locks->scope->caller, env->call_timeout), err)
             : APR_SUCCESS;
}

void flow_import_unlock(const flow_import_locks_t *locks, apr_pool_t *p)
{
    const flow_env_t *env = locks->scope->env;
    const char **keys;
    int n;

    if (env->jobs && env->jobs->unlock) {
        keys = distinct(locks, &n, p);
        if (n) {
            env->jobs->unlock(env->jobs->baton, locks->scope->imp->id, keys, n);
        }
    }
}

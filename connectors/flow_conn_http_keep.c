/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials that all processes share, by way of the store: {for, access,
 * refresh, extra, expires}. A refresh token may be good for one use only, and
 * using it twice may end all that was made from it; so one of all asks, what it
 * got is stored before anybody uses it, and a refusal counts only when nobody
 * has stored something newer.
 */
#include "connectors/flow_conn_http_auth.h"

#include "base/flow_clock.h"
#include "base/flow_log.h"

#include <apr_strings.h>

#include <string.h>

/* A lease outlives the request that it is for; if its holder hangs for longer,
 * the far end has long given up on it, too. */
#define LEASE_MAX apr_time_from_sec(120)
#define LEASE_MIN apr_time_from_sec(10)
#define LOOK      apr_time_from_msec(100)
#define PUT_MAX   apr_time_from_sec(30) /* to store what we have got */
#define PUT_AGAIN apr_time_from_msec(200)

/* ---- as text ---- */

static void set(json_t *object, const char *name, const char *text)
{
    if (text) {
        json_object_set_new(object, name,
                            flow_json_string_new(text, strlen(text)));
    }
}

static const char *to_text(const char *identity, const http_cred_t *cred,
                           apr_pool_t *p)
{
    json_t *v = flow_json_own(p, json_object());

    set(v, "for", identity);
    set(v, "access", cred->access);
    set(v, "refresh", cred->refresh);
    set(v, "extra", cred->extra);
    if (cred->expires) {
        json_object_set_new(v, "expires",
                            json_integer(apr_time_sec(cred->expires)));
    }
    return flow_json_text(v, NULL, p);
}

static const char *member(const json_t *v, const char *name, apr_pool_t *p)
{
    const char *text = flow_json_member(v, name);

    return text ? apr_pstrdup(p, text) : NULL;
}

/* 0 = it was got for other documents than these. */
static int from_text(const char *identity, const flow_grant_t *grant,
                     http_cred_t *cred, apr_pool_t *p)
{
    flow_error_t ignored = FLOW_ERROR_INIT;
    apr_int64_t seconds;
    json_t *v = NULL;
    const char *whose;

    memset(cred, 0, sizeof(*cred));
    cred->stored = grant->generation;
    if (!grant->text || flow_json_parse(&v, grant->text, strlen(grant->text),
                                        &ignored) != APR_SUCCESS) {
        return 0;
    }
    flow_json_own(p, v);
    whose = flow_json_member(v, "for");
    cred->access = member(v, "access", p);
    cred->refresh = member(v, "refresh", p);
    cred->extra = member(v, "extra", p);
    if (flow_json_int64(json_object_get(v, "expires"), &seconds)) {
        cred->expires = apr_time_from_sec(seconds);
    }
    return whose && strcmp(whose, identity) == 0 && cred->access;
}

/* ---- reading ---- */

static int is_unreadable(const flow_error_t *err)
{
    return strncmp(err->code, "seal_", 5) == 0;
}

static void tell_unreadable(const char *id, const flow_error_t *err)
{
    flow_log(FLOW_LOG_WARNING,
             FLOW_LOGNO(0401) "connection '%s' goes on with the credentials of "
                              "its document: %s",
             id, err->message);
}

int flow_conn_http_keep_read(const char *identity, const char *id,
                             const flow_call_t *call, http_cred_t *cred,
                             apr_pool_t *p)
{
    const flow_grant_iface_t *grants = call->grants;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_grant_t grant;

    if (grants->read(grants->baton, id, &grant, p, &err) != APR_SUCCESS) {
        if (!is_unreadable(&err)) {
            return -1;
        }
        tell_unreadable(id, &err);
    }
    return from_text(identity, &grant, cred, p);
}

/* ---- renewing ---- */

/* One renewal under way. */
typedef struct keep_t {
    const char *identity, *id;
    const flow_call_t *call;
    const flow_grant_iface_t *grants;
    apr_int64_t known;
    flow_lease_t lease;
    apr_pool_t *p;
} keep_t;

static apr_interval_time_t lease_span(const flow_call_t *call)
{
    apr_interval_time_t span = call->deadline - flow_clock() + LEASE_MIN;

    return span < LEASE_MIN ? LEASE_MIN : span > LEASE_MAX ? LEASE_MAX : span;
}

/* Until the lease is ours, or somebody has stored newer ones: *pfound. */
static apr_status_t take_lease(keep_t *k, http_cred_t *fresh, int *pfound,
                               flow_error_t *err)
{
    flow_lease_e outcome = FLOW_LEASE_BUSY;
    flow_error_t why = FLOW_ERROR_INIT;
    flow_grant_t grant;
    apr_status_t rv;

    for (;;) {
        flow_error_clear(&why);
        rv = k->grants->lease(k->grants->baton, k->id, k->known,
                              lease_span(k->call), k->call->deadline, &k->lease,
                              &outcome, &grant, k->p, &why);
        if (rv != APR_SUCCESS && !is_unreadable(&why)) {
            return flow_error_set(err, why.kind, why.status, why.code,
                                  "no new credentials: %s", why.message);
        }
        if (outcome == FLOW_LEASE_MINE) {
            return APR_SUCCESS;
        }
        if (outcome == FLOW_LEASE_NEWER) {
            if (rv != APR_SUCCESS) {
                tell_unreadable(k->id, &why);
            }
            *pfound = from_text(k->identity, &grant, fresh, k->p);
            if (*pfound) {
                return APR_SUCCESS;
            }
            k->known = grant.generation;
            continue;
        }
        if (flow_conn_http_sleep(LOOK, k->call) != APR_SUCCESS) {
            return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_TIMEUP,
                                  "auth_busy",
                                  "another process has not come back with new "
                                  "credentials in time");
        }
    }
}

/* Before anybody uses them. If that cannot be, they are used all the same: the
 * old ones are worth less. */
static void store(keep_t *k, http_cred_t *fresh)
{
    apr_time_t until = flow_clock() + PUT_MAX;
    const char *text = to_text(k->identity, fresh, k->p);
    flow_error_t why = FLOW_ERROR_INIT;
    apr_status_t rv;

    for (;;) {
        flow_error_clear(&why);
        rv = k->grants->put(k->grants->baton, k->id, &k->lease, text, until,
                            &fresh->stored, k->p, &why);
        if (rv == APR_SUCCESS) {
            return;
        }
        if (why.kind != FLOW_E_UNAVAILABLE ||
            flow_clock() + PUT_AGAIN > until ||
            (k->call->stopping && *k->call->stopping)) {
            break;
        }
        apr_sleep(PUT_AGAIN);
    }
    fresh->stored = k->known;
    flow_log(FLOW_LOG_ERROR,
             FLOW_LOGNO(0402) "connection '%s': new credentials could not be "
                              "stored and are known to this process only: %s",
             k->id, why.message);
}

/* What the new ones do not have stays as it was. */
static void fill_up(http_cred_t *fresh, const http_cred_t *old)
{
    fresh->refresh = fresh->refresh ? fresh->refresh : old->refresh;
    fresh->extra = fresh->extra ? fresh->extra : old->extra;
}

apr_status_t flow_conn_http_keep_renew(const char *identity, const char *id,
                                       const http_cred_t *old,
                                       http_cred_t *fresh, http_renew_fn *renew,
                                       void *baton, const flow_call_t *call,
                                       int *pfound, apr_pool_t *p,
                                       flow_error_t *err)
{
    keep_t k = { identity, id, call, call->grants, old->stored };
    http_cred_t newer;
    apr_status_t rv;

    k.p = p;
    rv = take_lease(&k, fresh, pfound, err);
    if (rv != APR_SUCCESS || *pfound) {
        return rv;
    }
    memset(fresh, 0, sizeof(*fresh));
    rv = renew(baton, old, fresh, p, err);
    if (rv == APR_SUCCESS) {
        fill_up(fresh, old);
        store(&k, fresh);
        return rv;
    }
    /* Refused because another process was first, in spite of the lease? */
    if (flow_conn_http_keep_read(identity, id, call, &newer, p) > 0 &&
        newer.stored > k.known) {
        *fresh = newer;
        *pfound = 1;
        flow_error_clear(err);
        rv = APR_SUCCESS;
    }
    k.grants->release(k.grants->baton, id, &k.lease, flow_clock() + LEASE_MIN);
    return rv;
}

apr_status_t flow_conn_http_keep_forget(const char *id, const flow_call_t *call,
                                        apr_pool_t *p, flow_error_t *err)
{
    keep_t k = { NULL, id, call, call->grants };
    http_cred_t ignored;
    int found = 0;
    apr_status_t rv;

    /* nobody's: whatever is newer than what we know is for somebody else */
    k.identity = "";
    k.p = p;
    rv = take_lease(&k, &ignored, &found, err);
    return rv == APR_SUCCESS
               ? k.grants->put(k.grants->baton, id, &k.lease, "{}",
                               flow_clock() + PUT_MAX, &ignored.stored, p, err)
               : rv;
}

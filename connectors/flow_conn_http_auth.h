/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_CONN_HTTP_AUTH_H
#define FLOW_CONN_HTTP_AUTH_H

#include "connectors/flow_conn_http.h"

#include "base/flow_sign.h"

/**
 * Credentials: how they get into a request, and how new ones are got.
 *
 * What a document says is compiled once and immutable. What is learned while
 * running (tokens, cookies, a digest challenge) lives in a http_token_t or
 * http_digest_t: memory of this process, guarded by a lock of its own; several
 * threads that need a new token wait for one of them to get it.
 */
typedef enum {
    HTTP_AUTH_NONE, /* also custom: headers and templates do it */
    HTTP_AUTH_BASIC,
    HTTP_AUTH_TOKEN, /* token and oauth */
    HTTP_AUTH_OAUTH1,
    HTTP_AUTH_COOKIE,
    HTTP_AUTH_DIGEST,
    HTTP_AUTH_WSSE,
    HTTP_AUTH_JWT
} http_auth_e;

/* ---- flow_conn_http_token.c ---- */
typedef struct http_token_t http_token_t;

/** Credentials as they were at one moment. */
typedef struct http_cred_t {
    const char *access;  /* token, or the cookie jar as JSON; NULL: none yet */
    const char *refresh; /* or NULL */
    const char *extra;   /* JSON object of further values, or NULL */
    apr_time_t expires;  /* 0: unknown */
    unsigned generation; /* counts renewals in this process */
    apr_int64_t stored;  /* generation in the store; 0: not from there */
} http_cred_t;

/** @a identity: what the documents say about whose credentials these are. What
 * the store has counts only when it was got for the same. */
http_token_t *flow_conn_http_token_create(const char *access,
                                          const char *refresh,
                                          const char *identity, apr_pool_t *p);
void flow_conn_http_token_read(http_token_t *token, http_cred_t *cred,
                               apr_pool_t *p);
/** Gets new credentials: fills @a fresh from @a old. */
typedef apr_status_t http_renew_fn(void *baton, const http_cred_t *old,
                                   http_cred_t *fresh, apr_pool_t *p,
                                   flow_error_t *err);
/** Have them renewed unless somebody has since generation @a seen; one of this
 * process renews, the others wait for it and share its success or failure.
 * *pfound: nobody asked the far end, another process had stored newer ones.
 * @a id: the connection's. */
apr_status_t flow_conn_http_token_renew(http_token_t *token, const char *id,
                                        unsigned seen, http_renew_fn *renew,
                                        void *baton, const flow_call_t *call,
                                        int *pfound, apr_pool_t *p,
                                        flow_error_t *err);
/** What other processes and earlier runs have got, before the first use. */
void flow_conn_http_token_sync(http_token_t *token, const char *id,
                               const flow_call_t *call, apr_pool_t *p);
/** Another jar in place of that of @a cred, unless it has changed. */
void flow_conn_http_token_replace(http_token_t *token, const http_cred_t *cred,
                                  const char *access);
/** Append the values to mask: those in use and the last few before. */
void flow_conn_http_token_secrets(http_token_t *token, json_t *list);

/* ---- flow_conn_http_keep.c ---- */
/** Renew with the store's help: lease, far end, store, in this order. @a old
 * is what we have; *pfound as above. */
apr_status_t flow_conn_http_keep_renew(const char *identity, const char *id,
                                       const http_cred_t *old,
                                       http_cred_t *fresh, http_renew_fn *renew,
                                       void *baton, const flow_call_t *call,
                                       int *pfound, apr_pool_t *p,
                                       flow_error_t *err);
/** Let nobody use what is stored: it has been revoked. */
apr_status_t flow_conn_http_keep_forget(const char *id, const flow_call_t *call,
                                        apr_pool_t *p, flow_error_t *err);
/** What is stored. 1 = it is for us; 0 = nothing is, with the generation in
 * @a cred all the same; -1 = the store cannot tell. */
int flow_conn_http_keep_read(const char *identity, const char *id,
                             const flow_call_t *call, http_cred_t *cred,
                             apr_pool_t *p);

/* ---- flow_conn_http_digest.c ---- */
typedef struct http_digest_t http_digest_t;
http_digest_t *flow_conn_http_digest_create(apr_pool_t *p);
/** Take the challenge of a 401; 1 = there was one that we can answer. */
int flow_conn_http_digest_learn(http_digest_t *digest,
                                const apr_table_t *headers, apr_pool_t *p);
/** The Authorization value; NULL while there is no challenge. */
const char *flow_conn_http_digest_answer(http_digest_t *digest,
                                         const char *user, const char *password,
                                         const char *method, const char *url,
                                         apr_pool_t *p);
/** The pure function, for published vectors. @a algorithm "MD5", "SHA-256",
 * both also with "-sess"; @a qop "auth" or NULL. NULL: unknown algorithm. */
const char *flow_conn_http_digest_response(const char *algorithm,
                                           const char *user, const char *realm,
                                           const char *password,
                                           const char *method, const char *uri,
                                           const char *nonce, const char *nc,
                                           const char *cnonce, const char *qop,
                                           apr_pool_t *p);

/* ---- flow_conn_http_oauth1.c ---- */
typedef struct http_oauth1_t {
    const char *method; /* "HMAC-SHA1" ... "PLAINTEXT" */
    int is_rsa, is_plain;
    flow_digest_e digest;
    const char *consumer_key, *consumer_secret, *token, *token_secret, *realm;
    const char *private_key; /* PEM, for RSA */
} http_oauth1_t;

/** oauth_signature for given nonce and timestamp; @a form: an urlencoded body
 * or NULL. @a version 0 leaves oauth_version out. */
apr_status_t flow_conn_http_oauth1_sign(const http_oauth1_t *oauth,
                                        const char *method, const char *url,
                                        const char *form, const char *nonce,
                                        const char *timestamp, int version,
                                        const char **psignature, apr_pool_t *p,
                                        flow_error_t *err);
/** The Authorization value. */
apr_status_t flow_conn_http_oauth1_header(const http_oauth1_t *oauth,
                                          const char *method, const char *url,
                                          const char *form, const char **pvalue,
                                          apr_pool_t *p, flow_error_t *err);

/* ---- flow_conn_http_jwt.c ---- */
typedef struct http_jwt_t {
    const char *token; /* ready made, or NULL */
    const char *name;  /* "RS256" */
    int is_hmac;
    flow_sign_e scheme;
    flow_digest_e digest;
    const char *key; /* PEM, or the secret */
    apr_size_t key_len;
    const json_t *payload, *headers;
    apr_hash_t *templates; /* text -> template, of the payload's strings */
} http_jwt_t;

apr_status_t flow_conn_http_jwt_make(const http_jwt_t *jwt,
                                     const json_t *context, apr_time_t now,
                                     const char **ptoken, apr_pool_t *p,
                                     flow_error_t *err);
/** UsernameToken ... of WS-Security. */
const char *flow_conn_http_wsse(const char *user, const char *password,
                                const char *nonce, const char *created,
                                apr_pool_t *p);

/* ---- flow_conn_http_cookie.c ---- */
/** The Cookie value for @a url from a jar (JSON, may be NULL); NULL = none. */
const char *flow_conn_http_cookies_for(const char *jar, const char *url,
                                       apr_time_t now, apr_pool_t *p);
/** The jar with what the answer sets (RFC 6265); the same pointer when it sets
 * nothing. */
const char *flow_conn_http_cookies_take(const char *jar,
                                        const apr_table_t *headers,
                                        const char *url, apr_time_t now,
                                        apr_pool_t *p);

/* ---- flow_conn_http_grant.c ---- */
typedef struct http_kept_t {
    const char *name;
    const flow_path_t *path;
} http_kept_t;

/** The request that gets credentials: a token refresh, an OAuth grant or a
 * login. */
typedef struct http_grant_t {
    http_step_t step;
    const char *trusted_host; /* of an absolute address */
    const char *basic;        /* Authorization value, or NULL */
    const char *form;         /* urlencoded pairs, or NULL */
    int sends_refresh;        /* append the refresh token to the form */
    int refresh_in_header;    /* Authorization: Bearer REFRESH */
    int needs_refresh;        /* without a refresh token it is of no use */
    int uses_refresh;   /* one that we have is sent, and perhaps used up */
    int is_login;       /* cookies instead of a token */
    int success_status; /* 0: any 2xx (a login: 3xx, too) */
    const flow_path_t *token_path;
    const char *token_path_text;
    const flow_path_t *refresh_path, *expires_path; /* or NULL */
    const http_kept_t *kept;
    int nkept;
} http_grant_t;

struct http_auth_t {
    http_auth_e type;
    const char *user, *password;
    const char *header, *value; /* BASIC; header also of the others */
    const char *scheme;         /* before a token, or NULL */
    const char *query;          /* the token goes into the query: its name */
    int in_body;                /* the token is the templates' affair */
    int fail_statuses[16], nfail_statuses;
    const flow_path_t *fail_path;
    const json_t *fail_values;
    const http_grant_t *grant;  /* NULL: there is no way to new ones */
    const http_grant_t *revoke; /* the request that ends them; or NULL */
    http_token_t *token;
    http_digest_t *digest;
    const http_oauth1_t *oauth1;
    const http_jwt_t *jwt;
};

/** Get new credentials over the wire (a http_renew_fn does this). */
typedef struct http_grant_call_t {
    const flow_connection_t *connection;
    const flow_call_t *call;
    const json_t *context;
} http_grant_call_t;
http_renew_fn flow_conn_http_grant_run; /* baton: http_grant_call_t */
/** Its request alone, with the credentials @a old; the answer is not judged. */
apr_status_t flow_conn_http_grant_request(const http_grant_t *g,
                                          const http_cred_t *old,
                                          const http_grant_call_t *call,
                                          http_answer_t *answer, apr_pool_t *p,
                                          flow_error_t *err);

/* ---- flow_conn_http_revoke.c ---- */
/** @a grant: whose proof of the client is sent, too; or NULL. */
const http_grant_t *flow_conn_http_compile_revoke(flow_compile_t *c,
                                                  const http_grant_t *grant);

/* ---- flow_conn_http_auth.c ---- */
/** The context with connection.http.auth.token.* as they are now. */
const json_t *flow_conn_http_auth_context(const http_auth_t *auth,
                                          const http_cred_t *cred,
                                          const json_t *context, apr_pool_t *p);
/** A request about to be sent. */
typedef struct http_outgoing_t {
    const char *method, *url;
    apr_table_t *headers;
    const char *form; /* an urlencoded body, or NULL */
    const json_t *context;
    const char *secret; /* out: what was made for this request alone */
} http_outgoing_t;
/** Put the credentials in, but for a header that is there already. */
apr_status_t flow_conn_http_auth_apply(const http_auth_t *auth,
                                       const http_cred_t *cred,
                                       http_outgoing_t *out, apr_pool_t *p,
                                       flow_error_t *err);
/** Put in those headers whose templates look at the finished request: the
 * last ones, when @a out has all others ... */
apr_status_t flow_conn_http_sign(const http_send_t *send,
                                 const http_headers_t *headers,
                                 http_outgoing_t *out, apr_pool_t *p,
                                 flow_error_t *err);
/** ... the connection's and the step's. */
apr_status_t flow_conn_http_sign_headers(const http_send_t *send,
                                         http_outgoing_t *out, apr_pool_t *p,
                                         flow_error_t *err);
/** Does the answer say that the credentials are not taken? */
int flow_conn_http_auth_failed(const http_auth_t *auth,
                               const http_answer_t *answer, apr_pool_t *p);

/* ---- flow_conn_http_compile_sign.c ---- */
void flow_conn_http_compile_oauth1(flow_compile_t *c, http_auth_t *auth);
void flow_conn_http_compile_jwt(flow_compile_t *c, http_auth_t *auth);

/* ---- flow_conn_http_compile_client.c ---- */
void flow_conn_http_compile_client(flow_compile_t *c);

/* ---- flow_conn_http_compile_auth.c ---- */
/** The text at @a field; missing is a problem of 'http.auth.type', and "". */
const char *flow_conn_http_compile_need(flow_compile_t *c, const char *type,
                                        const char *field);
/** An address of the grant's, below baseURI or absolute. */
void flow_conn_http_compile_address(flow_compile_t *c, const char *field,
                                    http_grant_t *g);
const http_auth_t *flow_conn_http_compile_auth(flow_compile_t *c,
                                               const http_connection_t *conn);

#endif

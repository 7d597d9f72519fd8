/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>
#include <apr_thread_proc.h>

#include "base/flow_clock.h"
#include "conn_http_fixture.h"
#include "connectors/flow_conn_http_auth.h"
#include "sign_keys.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* clang-format off */

#define GET EXPORT "http.relativeURI /x\n"
#define TOKEN "http.auth.type token\nhttp.auth.token.location header\nhttp.auth.token.scheme Bearer\n"
#define REFRESH "http.auth.token.refreshRelativeURI /login\nhttp.auth.token.refreshTokenPath s.t\n"

typedef struct auth_case_t {
    const char *conf;
    route_t routes[8];
    const char *result, *sent[3];
    int requests;
} auth_case_t;

static void run_cases(void **state, const auth_case_t *cases, size_t n)
{
    size_t i, k;

    conn_http_teardown(state);
    for (i = 0; i < n; ++i) {
        conn_http_fixture_t *t;
        const char *got;

        conn_http_setup(state);
        t = *state;
        conn_http_compile(t, cases[i].routes, cases[i].conf);
        got = conn_http_export(t, NULL);
        if (strcmp(got, cases[i].result) != 0 || loopback_requests(t->server) != cases[i].requests) {
            fail_msg("%s\n got: %s (%d)\nwant: %s (%d)", cases[i].conf, got, loopback_requests(t->server), cases[i].result, cases[i].requests);
        }
        for (k = 0; k < 3 && cases[i].sent[k]; ++k) {
            conn_http_sent(t, cases[i].sent[k]);
        }
        conn_http_teardown(state);
    }
    conn_http_setup(state);
}

#define X_NEW { "GET /api/x", 200, JSON, "[1]", "Authorization: Bearer new\r\n" }
#define X_401 { "GET /api/x", 401, JSON, "{\"m\":\"no\"}" }

static void a_token_that_is_refused_is_renewed_once(void **state)
{
    static const auth_case_t cases[] = {
        { TOKEN REFRESH "http.auth.token.token old\n" GET,
          { X_NEW, { "POST /api/login", 200, JSON, "{\"s\":{\"t\":\"new\"}}" }, X_401 }, "[1]", { "Authorization: Bearer new" }, 3 },
        /* none yet: got first */
        { TOKEN REFRESH GET, { X_NEW, { "POST /api/login", 200, JSON, "{\"s\":{\"t\":\"new\"}}" }, X_401 }, "[1]", { NULL }, 2 },
        /* refused again: no third time */
        { TOKEN REFRESH "http.auth.token.token old\n" GET, { { "POST /api/login", 200, JSON, "{\"s\":{\"t\":\"new\"}}" }, X_401 },
          "!auth_failed 2: connection 'far': the far end does not take the new credentials, either (status 401)", { NULL }, 3 },
        { TOKEN REFRESH "http.auth.token.token olden\n" GET, { { "POST /api/login", 400, JSON, "bad key olden" }, X_401 },
          "!auth_failed 2: connection 'far': no new credentials: the token request was answered 400: bad key ******", { NULL }, 2 },
        { TOKEN REFRESH "http.auth.token.token old-one\n" GET, { { "POST /api/login", 503, JSON, "" }, X_401 },
          "!auth_failed 5: connection 'far': no new credentials: the token request was answered 503", { NULL }, 2 },
        { TOKEN REFRESH "http.auth.token.token old\n" GET, { { "POST /api/login", 200, JSON, "{\"t\":1}" }, X_401 },
          "!auth_failed 2: connection 'far': no new credentials: the answer to the token request has nothing at 's.t'", { NULL }, 2 },
        /* other signals */
        { TOKEN REFRESH "http.auth.token.token old\nhttp.auth.failStatusCode 403\n" GET,
          { X_NEW, { "POST /api/login", 200, JSON, "{\"s\":{\"t\":\"new\"}}" }, { "GET /api/x", 403, JSON, "{}" } }, "[1]", { NULL }, 3 },
        { TOKEN REFRESH "http.auth.token.token old\nhttp.auth.failures [{\"statusCode\":418},{\"statusCode\":419}]\n" GET,
          { X_NEW, { "POST /api/login", 200, JSON, "{\"s\":{\"t\":\"new\"}}" }, { "GET /api/x", 419, JSON, "{}" } }, "[1]", { NULL }, 3 },
        { TOKEN REFRESH "http.auth.token.token old\nhttp.auth.failPath kind\nhttp.auth.failValues gone\n" GET,
          { X_NEW, { "POST /api/login", 200, JSON, "{\"s\":{\"t\":\"new\"}}" }, { "GET /api/x", 200, JSON, "{\"kind\":\"gone\"}" } }, "[1]", { NULL }, 3 },
        { TOKEN REFRESH "http.auth.token.token old\nhttp.auth.failStatusCode 403\n" GET, { X_401 }, "!401 4: {\"m\":\"no\"}", { NULL }, 1 },
        /* there is no way to new ones */
        { TOKEN "http.auth.token.token old\n" GET, { X_401 }, "!401 4: {\"m\":\"no\"}", { NULL }, 1 },
        { TOKEN "http.auth.token.token old\nhttp.auth.failPath kind\nhttp.auth.failValues gone\n" GET, { { "GET /api/x", 200, JSON, "{\"kind\":\"gone\"}" } },
          "!auth_failed 2: connection 'far': the far end does not take the credentials", { NULL }, 1 },
    };

    run_cases(state, cases, COUNT(cases));
}

static void a_refresh_is_sent_as_configured(void **state)
{
    conn_http_fixture_t *t;
    size_t i, k;
    static const struct { const char *conf; const char *sent[4]; } cases[] = {
        { "http.headers [{\"name\":\"X-T\",\"value\":\"blue\"}]\nhttp.encrypted.key s3cr\"et\nhttp.auth.token.refreshMediaType json\nhttp.auth.token.refreshBody {\"k\":\"{{connection.http.encrypted.key}}\"}\n",
          { "POST /api/login ", "X-T: blue\r\n", "Content-Type: application/json\r\n", "\r\n\r\n{\"k\":\"s3cr\\\"et\"}" } },
        { "http.auth.token.refreshToken r/1\nhttp.auth.token.refreshBody {\"grant\":\"x\",\"rt\":\"{{connection.http.auth.token.refreshToken}}\"}\n",
          { "\r\n\r\ngrant=x&rt=r%2F1", "Content-Type: application/x-www-form-urlencoded\r\n" } },
        { "http.auth.token.refreshToken r/1\nhttp.auth.token.refreshBody grant=x&rt={{connection.http.auth.token.refreshToken}}\n", { "\r\n\r\ngrant=x&rt=r%2F1" } },
        { "http.auth.token.refreshToken r1\nhttp.auth.token.refreshTokenLocation body\n", { "\r\n\r\ngrant_type=refresh_token&refresh_token=r1" } },
        { "http.auth.token.refreshToken r1\nhttp.auth.token.refreshTokenLocation header\nhttp.auth.token.refreshMethod GET\n", { "GET /api/login ", "Authorization: Bearer r1\r\n" } },
        { "http.auth.token.refreshHeaders [{\"name\":\"X-R\",\"value\":\"{{connection.http.unencrypted.a}}\"}]\nhttp.unencrypted.a b\nhttp.auth.token.refreshMethod PUT\n", { "PUT /api/login ", "X-R: b\r\n" } },
    };
    static const route_t routes[] = { { NULL } };

    conn_http_teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        const flow_connection_t *conn;

        conn_http_setup(state);
        t = *state;
        conn_http_compile(t, routes, apr_pstrcat(t->f->p, TOKEN REFRESH, cases[i].conf, GET, NULL));
        conn = apr_hash_get(t->f->model->connections, "far", APR_HASH_KEY_STRING);
        t->call.context = flow_json_own(t->f->p, json_object());
        json_object_set((json_t *)t->call.context, "connection", conn->context);
        conn_http_export(t, NULL);
        for (k = 0; k < 4 && cases[i].sent[k]; ++k) {
            conn_http_sent(t, cases[i].sent[k]);
        }
        conn_http_teardown(state);
    }
    conn_http_setup(state);
}

static void further_values_are_kept_and_masked(void **state)
{
    conn_http_fixture_t *t = *state;
    const flow_connection_t *conn;
    const char *got;
    static const route_t routes[] = {
        { "POST /api/login", 200, JSON, "{\"t\":\"tok-1\",\"d\":{\"refresh_token\":\"ref-2\",\"shop\":\"blue-1\"}}", "rt=ref-1", 0 },
        { "POST /api/login", 200, JSON, "{\"t\":\"tok-2\",\"d\":{\"refresh_token\":\"ref-3\"}}", "rt=ref-2", 0 },
        { "GET /api/x?shop=blue-1", 401, JSON, "", "Bearer tok-1\r\n", 0 },
        { "GET /api/x?shop=blue-1", 400, JSON, "tok-1 tok-2 ref-1 ref-2 ref-3 blue-1", "Bearer tok-2\r\n", 0 },
        { NULL },
    };

    conn_http_compile(t, routes, TOKEN "http.auth.token.refreshRelativeURI /login\nhttp.auth.token.refreshTokenPath t\nhttp.auth.token.tokenPaths d.refresh_token d.shop\n"
        "http.auth.token.refreshToken ref-1\nhttp.auth.token.refreshBody rt={{connection.http.auth.token.refreshToken}}\n"
        EXPORT "http.relativeURI /x?shop={{connection.http.auth.token.shop}}\n");
    conn = apr_hash_get(t->f->model->connections, "far", APR_HASH_KEY_STRING);
    t->call.context = flow_json_own(t->f->p, json_object());
    json_object_set((json_t *)t->call.context, "connection", conn->context);
    got = conn_http_export(t, NULL);
    assert_string_equal(got, "!auth_failed 2: connection 'far': the far end does not take the new credentials, either (status 401)");
    got = conn_http_export(t, NULL);
    assert_string_equal(got, "!400 4: ****** ****** ****** ****** ****** ******");
}

/* ---- one renewal for many ---- */

typedef struct storm_t { conn_http_fixture_t *t; const char *result; } storm_t;

static void *APR_THREAD_FUNC storm(apr_thread_t *thread, void *baton)
{
    storm_t *s = baton;
    const flow_export_t *exp = apr_hash_get(s->t->f->model->exports, "e", APR_HASH_KEY_STRING);
    flow_error_t err = FLOW_ERROR_INIT;
    flow_page_t page = { NULL, NULL };
    flow_call_t call = s->t->call;
    apr_pool_t *p;

    (void)thread;
    apr_pool_create(&p, NULL);
    s->result = exp->connector->export_page(exp, &call, NULL, NULL, &page, p, &err) == APR_SUCCESS ? "ok" : "failed";
    json_decref(page.records);
    json_decref(page.cursor);
    apr_pool_destroy(p);
    return NULL;
}

static void many_threads_make_one_renewal(void **state)
{
    static const route_t routes[] = { X_NEW, { "POST /api/login", 200, JSON, "{\"s\":{\"t\":\"new\"}}" }, X_401, { NULL } };
    conn_http_fixture_t *t = *state;
    apr_thread_t *threads[16];
    storm_t storms[16];
    apr_status_t rv;
    size_t i;

    conn_http_compile(t, routes, TOKEN REFRESH "http.auth.token.token old\n" GET);
    for (i = 0; i < COUNT(threads); ++i) {
        storms[i].t = t;
        assert_int_equal(apr_thread_create(&threads[i], NULL, storm, &storms[i], t->f->p), 0);
    }
    for (i = 0; i < COUNT(threads); ++i) {
        apr_thread_join(&rv, threads[i]);
        assert_string_equal(storms[i].result, "ok");
    }
    assert_int_equal(t->used[1], 1);
}

/* ---- OAuth 2 ---- */

#define OAUTH "http.auth.type oauth\nhttp.auth.oauth.tokenURI /token\nhttp.auth.oauth.clientId c/id\nhttp.auth.oauth.clientSecret s cret\n"
#define BASIC_CLIENT "Authorization: Basic YyUyRmlkOnMlMjBjcmV0\r\n"

static void grants_get_tokens(void **state)
{
    static const auth_case_t cases[] = {
        { OAUTH "http.auth.oauth.grantType clientcredentials\nhttp.auth.oauth.scope read write\n" GET,
          { X_NEW, { "POST /api/token", 200, JSON, "{\"access_token\":\"new\"}", "\r\n\r\ngrant_type=client_credentials&scope=read%20write" } }, "[1]", { NULL }, 2 },
        { OAUTH "http.auth.oauth.grantType clientcredentials\n" GET,
          { X_NEW, { "POST /api/token", 200, JSON, "{\"access_token\":\"new\"}", BASIC_CLIENT } }, "[1]", { NULL }, 2 },
        { OAUTH "http.auth.oauth.grantType clientcredentials\nhttp.auth.oauth.clientCredentialsLocation body\nhttp.auth.oauth.accessTokenBody {\"audience\":\"a b\"}\n"
          "http.auth.oauth.accessTokenHeaders [{\"name\":\"X-A\",\"value\":\"b\"}]\nhttp.auth.oauth.accessTokenPath data.token\n" GET,
          { X_NEW, { "POST /api/token", 200, JSON, "{\"data\":{\"token\":\"new\"}}", "grant_type=client_credentials&client_id=c%2Fid&client_secret=s%20cret&audience=a+b" } }, "[1]", { NULL }, 2 },
        { OAUTH "http.auth.oauth.grantType password\nhttp.auth.oauth.username u\nhttp.auth.oauth.password p&w\n" GET,
          { X_NEW, { "POST /api/token", 200, JSON, "{\"access_token\":\"new\"}", "grant_type=password&username=u&password=p%26w" } }, "[1]", { NULL }, 2 },
        { OAUTH "http.auth.token.refreshToken r1\nhttp.auth.token.token old\n" GET,
          { X_NEW, { "POST /api/token", 200, JSON, "{\"access_token\":\"new\",\"refresh_token\":\"r2\",\"expires_in\":3600}", "grant_type=refresh_token&refresh_token=r1" }, X_401 }, "[1]", { NULL }, 3 },
        { OAUTH GET, { X_NEW }, "!auth_failed 2: connection 'far': no new credentials: there is no refresh token; authorize the application and set 'http.auth.token.refreshToken'", { NULL }, 0 },
        { OAUTH "http.auth.oauth.grantType clientcredentials\nhttp.auth.token.location url\nhttp.auth.token.paramName at\n" GET,
          { { "GET /api/x?at=new", 200, JSON, "[2]" }, { "POST /api/token", 200, JSON, "{\"access_token\":\"new\"}" } }, "[2]", { NULL }, 2 },
    };

    run_cases(state, cases, COUNT(cases));
}

static void a_refresh_token_that_rotates_is_used_once(void **state)
{
    conn_http_fixture_t *t = *state;
    static const route_t routes[] = {
        { "POST /api/token", 200, JSON, "{\"access_token\":\"t1\",\"refresh_token\":\"r2\"}", "refresh_token=r1", 1 },
        { "POST /api/token", 200, JSON, "{\"access_token\":\"t2\",\"refresh_token\":\"r3\"}", "refresh_token=r2", 1 },
        { "POST /api/token", 400, JSON, "{\"error\":\"invalid_grant\"}" },
        { "GET /api/x", 200, JSON, "[1]", "Bearer t1\r\n", 1 },
        { "GET /api/x", 200, JSON, "[2]", "Bearer t2\r\n", 0 },
        { "GET /api/x", 401, JSON, "" },
        { NULL },
    };

    conn_http_compile(t, routes, OAUTH "http.auth.token.refreshToken r1\n" GET);
    assert_string_equal(conn_http_export(t, NULL), "[1]");
    assert_string_equal(conn_http_export(t, NULL), "[2]");
    assert_string_equal(conn_http_export(t, NULL), "[2]");
    assert_int_equal(t->used[2], 0);
}

/* ---- what is stored elsewhere ---- */

static apr_status_t read_nothing(void *baton, const char *id, flow_grant_t *grant, apr_pool_t *p, flow_error_t *err)
{
    (void)baton;
    (void)id;
    (void)p;
    (void)err;
    memset(grant, 0, sizeof(*grant));
    return APR_SUCCESS;
}

static apr_status_t somebody_asks(void *baton, const char *id, apr_int64_t known, apr_interval_time_t span, apr_time_t until, flow_lease_t *lease,
                                  flow_lease_e *poutcome, flow_grant_t *grant, apr_pool_t *p, flow_error_t *err)
{
    (void)id;
    (void)known;
    (void)until;
    (void)lease;
    (void)p;
    (void)err;
    ++*(int *)baton;
    assert_true(span >= apr_time_from_sec(10) && span <= apr_time_from_sec(120));
    memset(grant, 0, sizeof(*grant));
    *poutcome = FLOW_LEASE_BUSY;
    return APR_SUCCESS;
}

static void who_waits_for_another_gives_up_in_time(void **state)
{
    conn_http_fixture_t *t = *state;
    static const route_t routes[] = { { "POST /api/token", 200, JSON, "{\"access_token\":\"new\"}" }, { NULL } };
    int asked = 0;
    const flow_grant_iface_t grants = { &asked, read_nothing, somebody_asks };

    conn_http_compile(t, routes, OAUTH "http.auth.token.refreshToken r1\n" GET);
    t->call.grants = &grants;
    t->call.deadline = flow_clock() + apr_time_from_msec(350);
    assert_string_equal(conn_http_export(t, NULL),
                        "!auth_busy 5: connection 'far': another process has not come back with new credentials in time");
    assert_true(asked >= 2);
    assert_int_equal(t->used[0], 0);
}

static void a_tool_that_keeps_nothing_uses_nothing_up(void **state)
{
    static const struct { const char *conf; int may; } cases[] = {
        { OAUTH "http.auth.token.refreshToken r1\n", 0 },
        { OAUTH "http.auth.oauth.grantType clientcredentials\n", 1 },
        { OAUTH "http.auth.oauth.grantType clientcredentials\nhttp.auth.token.refreshToken r1\n", 1 },
        { TOKEN "http.auth.token.refreshRelativeURI /token\nhttp.auth.token.refreshTokenPath access_token\n", 1 },
        { TOKEN "http.auth.token.refreshRelativeURI /token\nhttp.auth.token.refreshTokenPath access_token\nhttp.auth.token.refreshToken r1\n", 0 },
    };
    static const route_t routes[] = { X_NEW, { "POST /api/token", 200, JSON, "{\"access_token\":\"new\"}" }, X_401, { NULL } };
    conn_http_fixture_t *t;
    const char *got;
    size_t i;

    conn_http_teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        conn_http_setup(state);
        t = *state;
        conn_http_compile(t, routes, apr_pstrcat(t->f->p, cases[i].conf, GET, NULL));
        t->call.spare_grants = 1;
        got = conn_http_export(t, NULL);
        assert_int_equal(t->used[1], cases[i].may);
        if (cases[i].may) {
            assert_string_equal(got, "[1]");
        }
        else {
            assert_non_null(strstr(got, "!auth_not_kept 2: "));
        }
        conn_http_teardown(state);
    }
    conn_http_setup(state);
}

static void a_token_about_to_expire_is_renewed_before(void **state)
{
    conn_http_fixture_t *t = *state;
    static const route_t routes[] = {
        { "POST /api/token", 200, JSON, "{\"access_token\":\"new\",\"expires_in\":\"3600\"}", NULL, 1 },
        { "POST /api/token", 500, JSON, "" },
        X_NEW, { NULL },
    };
    http_cred_t cred;
    const flow_connection_t *conn;

    conn_http_compile(t, routes, OAUTH "http.auth.oauth.grantType clientcredentials\n" GET);
    assert_string_equal(conn_http_export(t, NULL), "[1]");
    assert_string_equal(conn_http_export(t, NULL), "[1]");
    assert_int_equal(t->used[0], 1);
    conn = apr_hash_get(t->f->model->connections, "far", APR_HASH_KEY_STRING);
    flow_conn_http_token_read(((const http_connection_t *)conn->data)->auth->token, &cred, t->f->p);
    assert_true(cred.expires > apr_time_now() + apr_time_from_sec(3500));
    assert_true(cred.expires < apr_time_now() + apr_time_from_sec(3541));
}

/* ---- the others ---- */

static void a_login_gives_cookies(void **state)
{
    static const auth_case_t cases[] = {
        { "http.auth.type cookie\nhttp.auth.cookie.uri /login\nhttp.auth.cookie.body {\"u\":1}\n" GET,
          { { "GET /api/x", 200, JSON, "[1]", "Cookie: sid=new\r\n" }, { "POST /api/login", 302, "Set-Cookie: sid=new; Path=/\r\nLocation: /home\r\n", "", "{\"u\":1}" } }, "[1]", { NULL }, 2 },
        { "http.auth.type cookie\nhttp.auth.cookie.uri /login\nhttp.auth.cookie.method GET\nhttp.auth.cookie.successStatusCode 204\n" GET,
          { { "GET /api/login", 200, "Set-Cookie: sid=new; Path=/\r\n", "" } }, "!auth_failed 2: connection 'far': no new credentials: the login was answered 200", { NULL }, 1 },
        { "http.auth.type cookie\nhttp.auth.cookie.uri /login\n" GET, { { "POST /api/login", 200, NULL, "" } },
          "!auth_failed 2: connection 'far': no new credentials: the answer to the login (status 200) sets no cookie", { NULL }, 1 },
    };

    run_cases(state, cases, COUNT(cases));
}

static void an_expired_session_logs_in_again(void **state)
{
    conn_http_fixture_t *t = *state;
    static const route_t routes[] = {
        { "POST /api/login", 200, "Set-Cookie: sid=one; Path=/\r\n", "", NULL, 1 },
        { "POST /api/login", 200, "Set-Cookie: sid=three; Path=/\r\n", "" },
        { "GET /api/x", 200, JSON "Set-Cookie: sid=two; Path=/\r\n", "[1]", "Cookie: sid=one\r\n", 1 },
        { "GET /api/x", 200, JSON, "[2]", "Cookie: sid=two\r\n", 1 },
        { "GET /api/x", 200, JSON, "[3]", "Cookie: sid=three\r\n", 0 },
        { "GET /api/x", 401, NULL, "" },
        { NULL },
    };

    conn_http_compile(t, routes, "http.auth.type cookie\nhttp.auth.cookie.uri /login\n" GET);
    assert_string_equal(conn_http_export(t, NULL), "[1]");
    assert_string_equal(conn_http_export(t, NULL), "[2]");
    assert_string_equal(conn_http_export(t, NULL), "[3]");
}

static void a_challenge_is_answered(void **state)
{
    static const auth_case_t cases[] = {
        { "http.auth.type digest\nhttp.auth.basic.username u\nhttp.auth.basic.password p\n" GET,
          { { "GET /api/x", 200, JSON, "[1]", "Authorization: Digest username=\"u\", realm=\"r\"" },
            { "GET /api/x", 401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n", "" } }, "[1]", { "uri=\"/api/x\"", "nc=00000001" }, 2 },
        { "http.auth.type digest\nhttp.auth.basic.username u\nhttp.auth.basic.password p\n" GET,
          { { "GET /api/x", 401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n", "no" } }, "!401 4: no", { NULL }, 2 },
        { "http.auth.type digest\nhttp.auth.basic.username u\nhttp.auth.basic.password p\n" GET,
          { { "GET /api/x", 401, "WWW-Authenticate: Basic realm=\"r\"\r\n", "no" } }, "!401 4: no", { NULL }, 1 },
    };

    run_cases(state, cases, COUNT(cases));
}

static void requests_are_signed(void **state)
{
    static const auth_case_t cases[] = {
        { "http.auth.type wsse\nhttp.auth.basic.username u\nhttp.auth.basic.password p\n" GET, { { "GET /api/x", 200, JSON, "[1]" } }, "[1]", { "X-WSSE: UsernameToken Username=\"u\", PasswordDigest=\"" }, 1 },
        { "http.auth.type wsse\nhttp.auth.basic.username u\nhttp.auth.basic.password p\nhttp.auth.token.headerName X-Auth\n" GET, { { "GET /api/x", 200, JSON, "[1]" } }, "[1]", { "X-Auth: UsernameToken" }, 1 },
        { "http.auth.type jwtbearer\nhttp.auth.jwt.token a.b.c\n" GET, { { "GET /api/x", 200, JSON, "[1]" } }, "[1]", { "Authorization: Bearer a.b.c\r\n" }, 1 },
        { "http.auth.type jwtbearer\nhttp.auth.jwt.signatureMethod hmac-sha512\nhttp.auth.jwt.secret k\nhttp.auth.jwt.payload {\"a\":1}\n" GET, { { "GET /api/x", 200, JSON, "[1]" } }, "[1]",
          { "Authorization: Bearer eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJhIjoxfQ." }, 1 },
        { "http.auth.type oauth1\nhttp.auth.oauth.oauth1.signatureMethod plaintext\nhttp.auth.oauth.oauth1.consumerKey k\nhttp.auth.oauth.oauth1.consumerSecret s\nhttp.auth.oauth.oauth1.realm my realm\n" GET,
          { { "GET /api/x", 200, JSON, "[1]" } }, "[1]", { "Authorization: OAuth realm=\"my realm\",oauth_consumer_key=\"k\",", "oauth_signature=\"s%26\"" }, 1 },
        { "http.headers [{\"name\":\"authorization\",\"value\":\"mine\"}]\nhttp.auth.type basic\nhttp.auth.basic.username u\n" GET, { { "GET /api/x", 200, JSON, "[1]" } }, "[1]", { "uthorization: mine\r\n" }, 1 },
    };

    run_cases(state, cases, COUNT(cases));
}

/* ---- too many requests, trouble ---- */

static void too_many_requests_wait_and_go_again(void **state)
{
    static const auth_case_t cases[] = {
        { EXPORT "http.method POST\nhttp.relativeURI /x\n", { { "POST /api/x", 429, "Retry-After: 0.01\r\n", "", NULL, 2 }, { "POST /api/x", 200, JSON, "[1]" } }, "[1]", { NULL }, 3 },
        { GET, { { "GET /api/x", 429, "Retry-After: soon\r\n", "", NULL, 1 }, { "GET /api/x", 200, JSON, "[1]" } }, "[1]", { NULL }, 2 },
        { "http.retryHeader X-Wait\n" GET, { { "GET /api/x", 429, "Retry-After: 60\r\nX-Wait: 0.01\r\n", "", NULL, 1 }, { "GET /api/x", 200, JSON, "[1]" } }, "[1]", { NULL }, 2 },
        /* longer than the call may take */
        { GET, { { "GET /api/x", 429, "Retry-After: 60\r\n", "slow down" } }, "!429 5: slow down", { NULL }, 1 },
        { "autoRecoverRateLimitErrors false\n" GET, { { "GET /api/x", 429, "Retry-After: 0.01\r\n", "slow down" } }, "!429 5: slow down", { NULL }, 1 },
        { "http.rateLimit.failStatusCode 420\n" GET, { { "GET /api/x", 420, NULL, "", NULL, 1 }, { "GET /api/x", 200, JSON, "[1]" } }, "[1]", { NULL }, 2 },
        { "http.rateLimit.failPath kind\nhttp.rateLimit.failValues slow\n" GET, { { "GET /api/x", 200, JSON, "{\"kind\":\"slow\"}", NULL, 1 }, { "GET /api/x", 200, JSON, "[1]" } }, "[1]", { NULL }, 2 },
        /* the far end is in trouble */
        { GET, { { "GET /api/x", 503, NULL, "x", NULL, 2 }, { "GET /api/x", 200, JSON, "[1]" } }, "[1]", { NULL }, 3 },
        { GET, { { "GET /api/x", 502, NULL, "x" } }, "!502 5: x", { NULL }, 3 },
        { GET, { { "GET /api/x", 501, NULL, "x" } }, "!501 5: x", { NULL }, 1 },
        { EXPORT "http.method POST\nhttp.relativeURI /x\n", { { "POST /api/x", 503, NULL, "x" } }, "!503 5: x", { NULL }, 1 },
    };

    run_cases(state, cases, COUNT(cases));
}

static void credentials_that_lack_something_are_refused(void **state)
{
    static const struct { const char *conf, *problem; } cases[] = {
        { "http.auth.type token\nhttp.auth.token.location header\n", "type 'token' needs 'http.auth.token.token'" },
        { "http.auth.type token\nhttp.auth.token.token x\n", "type 'token' needs 'http.auth.token.location'" },
        { "http.auth.type token\nhttp.auth.token.location header\nhttp.auth.token.refreshRelativeURI /x\n", "a refresh needs 'http.auth.token.refreshTokenPath'" },
        { "http.auth.type oauth\n", "type 'oauth' needs 'http.auth.oauth.tokenURI'" },
        { "http.auth.type oauth\nhttp.auth.oauth.tokenURI https://x/{{a}}\n", "an absolute address must be a valid one without templates" },
        { "http.auth.type oauth\nhttp.auth.oauth.tokenURI https://x/\nhttp.auth.oauth.grantType password\n", "type 'oauth' needs 'http.auth.oauth.username'" },
        { "http.auth.type cookie\n", "type 'cookie' needs 'http.auth.cookie.uri'" },
        { "http.auth.type digest\n", "type 'digest' needs 'http.auth.basic.username'" },
        { "http.auth.type oauth1\nhttp.auth.oauth.oauth1.signatureMethod rsa-sha1\nhttp.auth.oauth.oauth1.consumerKey k\n", "type 'oauth1' needs 'http.auth.oauth.oauth1.consumerPrivateKey'" },
        { "http.auth.type oauth1\nhttp.auth.oauth.oauth1.signatureMethod rsa-sha1\nhttp.auth.oauth.oauth1.consumerKey k\nhttp.auth.oauth.oauth1.consumerPrivateKey nokey\n", "consumerPrivateKey: the key is no private key in PEM form" },
        { "http.auth.type jwtbearer\n", "type 'jwtbearer' needs 'http.auth.jwt.signatureMethod'" },
        { "http.auth.type jwtbearer\nhttp.auth.jwt.signatureMethod es256\nhttp.auth.jwt.payload {\"a\":1}\n", "type 'jwtbearer' needs 'http.auth.jwt.privateKey'" },
        { "http.auth.type jwtbearer\nhttp.auth.jwt.signatureMethod hmac-sha256\nhttp.auth.jwt.secret k\n", "http.auth.jwt.payload: must be an object with at least one claim" },
    };
    size_t i;

    conn_http_teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        conn_http_fixture_t *t;

        conn_http_setup(state);
        t = *state;
        docs_fixture_conf(t->f, "t.conf", apr_pstrcat(t->f->p, "<connection far>\ntype http\nhttp.baseURI http://x\n", cases[i].conf, NULL));
        docs_fixture_compile(t->f);
        if (!strstr(docs_fixture_problems(t->f), cases[i].problem)) {
            fail_msg("%s: %s", cases[i].conf, docs_fixture_problems(t->f));
        }
        conn_http_teardown(state);
    }
    conn_http_setup(state);
}

/* clang-format on */

int main(void)
{
#define TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, conn_http_setup, conn_http_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_token_that_is_refused_is_renewed_once),
        TEST(a_refresh_is_sent_as_configured),
        TEST(further_values_are_kept_and_masked),
        TEST(many_threads_make_one_renewal),
        TEST(grants_get_tokens),
        TEST(a_refresh_token_that_rotates_is_used_once),
        TEST(who_waits_for_another_gives_up_in_time),
        TEST(a_tool_that_keeps_nothing_uses_nothing_up),
        TEST(a_token_about_to_expire_is_renewed_before),
        TEST(a_login_gives_cookies),
        TEST(an_expired_session_logs_in_again),
        TEST(a_challenge_is_answered),
        TEST(requests_are_signed),
        TEST(too_many_requests_wait_and_go_again),
        TEST(credentials_that_lack_something_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

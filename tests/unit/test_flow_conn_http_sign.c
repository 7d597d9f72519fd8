/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "conn_http_fixture.h"
#include "connectors/flow_conn_http_auth.h"
#include "sign_keys.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* clang-format off */

/* ---- published vectors ---- */

#define CK "ef40afdd8abaac111b13825dd5e5e2ddddb44f86d5a0dd6dcf38c20aae6b67e4"
#define CS "d26ad321a4b2f23b0741c8d38392ce01c3e23e109df6c96eac6d099e9ab9e8b5"
#define TK "2b0ce516420110bcbd36b69e99196d1b7f6de3c6234c5afb799b73d87569f5cc"
#define TS "c29a677df7d5439a458c063654187e3d678d73aca8e3c9d8bea1478a3eb0d295"
#define RESTLET "/app/site/hosting/restlet.nl?script=6&deploy=1&customParam=someValue&testParam=someOtherValue"

static void a_request_is_signed_as_published(void **state)
{
    conn_http_fixture_t *t = *state;
    static const http_oauth1_t photos = { "HMAC-SHA1", 0, 0, FLOW_DIGEST_SHA1, "dpf43f3p2l4k3l03", "kd94hf93k423kf44", "nnch734d00sl2jdk", "pfkkdhi9sl3r4s00", NULL, NULL };
    static const http_oauth1_t netsuite = { "HMAC-SHA256", 0, 0, FLOW_DIGEST_SHA256, CK, CS, TK, TS, NULL, NULL };
    static const http_oauth1_t plain = { "PLAINTEXT", 0, 1, FLOW_DIGEST_SHA1, "k", "a&b", "t", "c d", NULL, NULL };
    static const struct {
        const http_oauth1_t *oauth; const char *method, *url, *form, *nonce, *time; int version; const char *signature;
    } cases[] = {
        { &photos, "GET", "http://photos.example.net/photos?file=vacation.jpg&size=original", NULL, "kllo9940pd9333jh", "1191242096", 1, "tR3+Ty81lMeYAr/Fid0kMTYa/WM=" },
        { &photos, "get", "HTTP://Photos.example.net:80/photos?size=original", "file=vacation.jpg", "kllo9940pd9333jh", "1191242096", 1, "tR3+Ty81lMeYAr/Fid0kMTYa/WM=" },
        { &photos, "GET", "http://photos.example.net/photos?file=vacation.jpg&size=original", NULL, "chapoH", "137131202", 0, "MdpQcU8iPSUjWoN/UDMsK2sui9I=" },
        { &netsuite, "POST", "https://123456.restlets.api.netsuite.com" RESTLET, NULL, "fjaLirsIcCGVZWzBX0pg", "1508242306", 1, "+KK4SKNgz4ZiILGLwOMtfYlgcXSy1eis8ldE9X90azQ=" },
        { &netsuite, "POST", "https://1234567.restlets.api.netsuite.com:443" RESTLET, NULL, "fjaLirsIcCGVZWzBX0pg", "1508242306", 1, "i7MEtGwhCTIZbTsTrNGw9LdcERn4wsjt5C7TxmKWIfU=" },
        { &netsuite, "GET", "https://123456.suitetalk.api.netsuite.com/services/rest/record/v1/employee/40", NULL, "fjaLirsIcCGVZWzBX0pg", "1508242306", 1, "B5OIWznZ2YP0OB7VrJrGkYsTh+8H+5T9Hag+o92q0zY=" },
        { &plain, "GET", "http://x/", NULL, "n", "1", 1, "a%26b&c%20d" },
    };
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;
        const char *got = NULL;

        assert_int_equal(flow_conn_http_oauth1_sign(cases[i].oauth, cases[i].method, cases[i].url, cases[i].form, cases[i].nonce, cases[i].time, cases[i].version, &got, t->f->p, &err), 0);
        assert_string_equal(got, cases[i].signature);
    }
}

static void a_digest_is_answered_as_published(void **state)
{
    conn_http_fixture_t *t = *state;

    assert_string_equal(flow_conn_http_digest_response("MD5", "Mufasa", "testrealm@host.com", "Circle Of Life", "GET", "/dir/index.html",
        "dcd98b7102dd2f0e8b11d0f600bfb0c093", "00000001", "0a4f113b", "auth", t->f->p), "6629fae49393a05397450978507c4ef1");
    assert_string_equal(flow_conn_http_digest_response("MD5", "Mufasa", "http-auth@example.org", "Circle of Life", "GET", "/dir/index.html",
        "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "auth", t->f->p), "8ca523f5e9506fed4657c9700eebdbec");
    assert_string_equal(flow_conn_http_digest_response("SHA-256", "Mufasa", "http-auth@example.org", "Circle of Life", "GET", "/dir/index.html",
        "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "auth", t->f->p),
        "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

static void a_user_name_token_is_made_as_published(void **state)
{
    conn_http_fixture_t *t = *state;

    assert_string_equal(flow_conn_http_wsse("bob", "taadtaadpstcsm", "d36e316282959a9ed4c89851497a717f", "2003-12-15T14:43:07Z", t->f->p),
        "UsernameToken Username=\"bob\", PasswordDigest=\"quR/EWLAV4xLf9Zqyw4pDmfV9OY=\", Nonce=\"d36e316282959a9ed4c89851497a717f\", Created=\"2003-12-15T14:43:07Z\"");
}

/* ---- digest challenges ---- */

static void the_best_challenge_is_taken(void **state)
{
    conn_http_fixture_t *t = *state;
    static const struct { const char *one, *two, *has; } cases[] = {
        { "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"", NULL, "algorithm=MD5, qop=auth, nc=00000001" },
        { "Digest realm=\"r\", nonce=\"n\"", NULL, "algorithm=MD5" },
        { "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int, auth\", algorithm=SHA-256, opaque=\"o\\\"p\"", NULL, "algorithm=SHA-256, qop=auth, nc=00000001" },
        { "Digest realm=\"a\", nonce=\"1\", algorithm=MD5", "Digest realm=\"b\", nonce=\"2\", algorithm=SHA-256", "realm=\"b\"" },
        { "Basic realm=\"x\", Digest realm=\"a\", nonce=\"1\", Negotiate, Digest algorithm=SHA-256, realm=\"b\", nonce=\"2\"", NULL, "realm=\"b\"" },
        { "Basic realm=\"Digest realm=x, nonce=y\"", NULL, NULL },
        { "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"", NULL, NULL },
        { "Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256", NULL, NULL },
        { "Digest realm=\"r\"", NULL, NULL },
        { "Digest realm=\"unclosed, nonce=n", NULL, NULL },
        { "Digest realm=\"r\", nonce=\"n\", userhash=true", NULL, "userhash=true" },
        { "\"=,=\" =,,", NULL, NULL },
    };
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        http_digest_t *d = flow_conn_http_digest_create(t->f->p);
        apr_table_t *headers = apr_table_make(t->f->p, 2);
        const char *got;

        apr_table_add(headers, "WWW-Authenticate", cases[i].one);
        if (cases[i].two) {
            apr_table_add(headers, "www-authenticate", cases[i].two);
        }
        assert_null(flow_conn_http_digest_answer(d, "u", "p", "GET", "http://x/y?z", t->f->p));
        assert_int_equal(flow_conn_http_digest_learn(d, headers, t->f->p), cases[i].has != NULL);
        got = flow_conn_http_digest_answer(d, "u", "p", "GET", "http://x/y?z", t->f->p);
        if (!got != !cases[i].has || (got && (!strstr(got, cases[i].has) || !strstr(got, "uri=\"/y?z\"")))) {
            fail_msg("%s: %s", cases[i].one, got ? got : "(none)");
        }
    }
}

/* ---- JWT ---- */

/* The parts of a token: header and payload as text, the signed part. */
static char *part(conn_http_fixture_t *t, const char *text, apr_size_t len, apr_size_t *plen)
{
    char *s = apr_pstrmemdup(t->f->p, text, len), *at, *out = NULL;

    for (at = s; *at; ++at) {
        *at = *at == '-' ? '+' : *at == '_' ? '/' : *at;
    }
    s = apr_pstrcat(t->f->p, s, len % 4 == 2 ? "==" : len % 4 == 3 ? "=" : "", NULL);
    assert_int_equal(flow_base64_decode(&out, plen, s, t->f->p), 0);
    return out;
}

static const http_jwt_t *jwt_of(conn_http_fixture_t *t, const char *conf)
{
    const flow_connection_t *conn;

    docs_fixture_conf(t->f, "t.conf", apr_pstrcat(t->f->p, "<connection far>\ntype http\nhttp.baseURI http://x\nhttp.auth.type jwtbearer\n", conf, NULL));
    docs_fixture_compile(t->f);
    assert_string_equal(docs_fixture_problems(t->f), "");
    conn = apr_hash_get(t->f->model->connections, "far", APR_HASH_KEY_STRING);
    return ((const http_connection_t *)conn->data)->auth->jwt;
}

static void a_token_is_signed_and_verifies(void **state)
{
    static const struct { const char *method, *alg, *private, *public; flow_sign_e scheme; flow_digest_e digest; } cases[] = {
        { "rsa-sha256", "RS256", RSA_PRIVATE, RSA_PUBLIC, FLOW_SIGN_RSA, FLOW_DIGEST_SHA256 },
        { "rsa-sha384", "RS384", RSA_PRIVATE, RSA_PUBLIC, FLOW_SIGN_RSA, FLOW_DIGEST_SHA384 },
        { "rsa-sha512", "RS512", RSA_PRIVATE, RSA_PUBLIC, FLOW_SIGN_RSA, FLOW_DIGEST_SHA512 },
        { "ps256", "PS256", RSA_PRIVATE, RSA_PUBLIC, FLOW_SIGN_PSS, FLOW_DIGEST_SHA256 },
        { "ps512", "PS512", RSA_PRIVATE, RSA_PUBLIC, FLOW_SIGN_PSS, FLOW_DIGEST_SHA512 },
        { "es256", "ES256", P256_PRIVATE, P256_PUBLIC, FLOW_SIGN_EC, FLOW_DIGEST_SHA256 },
        { "es384", "ES384", P384_PRIVATE, P384_PUBLIC, FLOW_SIGN_EC, FLOW_DIGEST_SHA384 },
        { "es512", "ES512", P521_PRIVATE, P521_PUBLIC, FLOW_SIGN_EC, FLOW_DIGEST_SHA512 },
    };
    size_t i;

    conn_http_teardown(state);
    for (i = 0; i < COUNT(cases); ++i) {
        conn_http_fixture_t *t;
        flow_error_t err = FLOW_ERROR_INIT;
        const char *token = NULL, *dot;
        apr_size_t len;
        char *sig;

        conn_http_setup(state);
        t = *state;
        docs_fixture_file(t->f, "key.pem", cases[i].private);
        assert_int_equal(flow_conn_http_jwt_make(
            jwt_of(t, apr_psprintf(t->f->p, "http.auth.jwt.signatureMethod %s\nhttp.auth.jwt.payload {\"exp\":3600,\"iss\":\"me\"}\nhttp.auth.jwt.privateKey file:%s/key.pem\n",
                                   cases[i].method, t->f->dir)),
            NULL, apr_time_from_sec(2000000000), &token, t->f->p, &err), 0);
        dot = strrchr(token, '.');
        assert_string_equal(part(t, token, strcspn(token, "."), &len), apr_psprintf(t->f->p, "{\"alg\":\"%s\",\"typ\":\"JWT\"}", cases[i].alg));
        sig = part(t, dot + 1, strlen(dot + 1), &len);
        assert_int_equal(flow_sign_verify(cases[i].scheme, cases[i].digest, cases[i].public, token, (apr_size_t)(dot - token), sig, len), 1);
        sig[3] ^= 1;
        assert_int_equal(flow_sign_verify(cases[i].scheme, cases[i].digest, cases[i].public, token, (apr_size_t)(dot - token), sig, len), 0);
        conn_http_teardown(state);
    }
    conn_http_setup(state);
}

static void claims_are_templates_and_times_count_from_now(void **state)
{
    conn_http_fixture_t *t = *state;
    flow_error_t err = FLOW_ERROR_INIT;
    const char *token = NULL, *s;
    apr_size_t len;
    const http_jwt_t *jwt = jwt_of(t, "http.auth.jwt.signatureMethod hmac-sha256\nhttp.auth.jwt.secret aGVsbG8=\nhttp.auth.jwt.isSecretBase64Encoded true\n"
        "http.auth.jwt.headers {\"kid\":\"k1\"}\nhttp.auth.jwt.payload {\"iss\":\"{{connection.name}}\",\"exp\":60,\"iat\":\"0\",\"nbf\":1999999999,\"list\":[\"{{{connection.name}}}\",7]}\n");

    assert_int_equal(flow_conn_http_jwt_make(jwt, conn_http_parse(t, "{\"connection\":{\"name\":\"a\\\"b\"}}"), apr_time_from_sec(2000000000), &token, t->f->p, &err), 0);
    assert_string_equal(part(t, token, strcspn(token, "."), &len), "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}");
    s = strchr(token, '.') + 1;
    assert_string_equal(part(t, s, strcspn(s, "."), &len), "{\"iss\":\"a\\\"b\",\"exp\":2000000060,\"iat\":2000000000,\"nbf\":1999999999,\"list\":[\"a\\\"b\",7]}");
    assert_int_equal(jwt->key_len, 5);
}

static void a_key_that_does_not_fit_is_refused(void **state)
{
    conn_http_fixture_t *t = *state;
    static const struct { flow_sign_e scheme; flow_digest_e digest; const char *pem, *why; } cases[] = {
        { FLOW_SIGN_EC, FLOW_DIGEST_SHA256, P384_PRIVATE, "the key is not on the curve P-256" },
        { FLOW_SIGN_EC, FLOW_DIGEST_SHA256, RSA_PRIVATE, "the key is no EC key" },
        { FLOW_SIGN_RSA, FLOW_DIGEST_SHA256, P256_PRIVATE, "the key is no RSA key" },
        { FLOW_SIGN_RSA, FLOW_DIGEST_SHA256, "none", "the key is no private key in PEM form (without a passphrase)" },
    };
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_error_t err = FLOW_ERROR_INIT;

        assert_int_not_equal(flow_sign(cases[i].scheme, cases[i].digest, cases[i].pem, NULL, 0, NULL, NULL, t->f->p, &err), 0);
        assert_string_equal(err.message, cases[i].why);
    }
}

/* ---- cookies ---- */

static void cookies_go_where_they_belong(void **state)
{
    conn_http_fixture_t *t = *state;
    apr_time_t now = apr_time_from_sec(2000000000);
    static const struct { const char *set, *from, *to, *sent; } cases[] = {
        { "a=b", "http://x.example/", "http://x.example/y", "a=b" },
        { "a=b; Path=/api", "http://x.example/", "http://x.example/y", NULL },
        { "a=b; Path=/api", "http://x.example/", "http://x.example/api/y", "a=b" },
        { "a=b; Path=/api", "http://x.example/", "http://x.example/apiy", NULL },
        { "a=b", "http://x.example/in/login", "http://x.example/in/x", "a=b" },
        { "a=b", "http://x.example/in/login", "http://x.example/out", NULL },
        { "a=b", "http://x.example/", "http://y.x.example/", NULL },
        { "a=b; Domain=.x.example", "http://x.example/", "http://y.x.example/", "a=b" },
        { "a=b; Domain=y.example", "http://x.example/", "http://x.example/", NULL },
        { "a=b; Domain=example", "http://x.example/", "http://x.example/", NULL },
        { "a=b; Domain=0.0.1", "http://127.0.0.1/", "http://127.0.0.1/", NULL },
        { "a=b; Secure", "https://x.example/", "http://x.example/", NULL },
        { "a=b; secure; HttpOnly; SameSite=Lax", "https://x.example/", "https://x.example/", "a=b" },
        { "a=b; Max-Age=0", "http://x.example/", "http://x.example/", NULL },
        { "a=b; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "http://x.example/", "http://x.example/", "a=b" },
        { "a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "http://x.example/", "http://x.example/", NULL },
        { "a=b; Max-Age=99999999999999999999", "http://x.example/", "http://x.example/", "a=b" },
        { "a=b=c", "http://x.example/", "http://x.example/", "a=b=c" },
        { "=b", "http://x.example/", "http://x.example/", NULL },
        { "none", "http://x.example/", "http://x.example/", NULL },
    };
    apr_table_t *headers;
    const char *jar;
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        const char *got;

        headers = apr_table_make(t->f->p, 1);
        apr_table_add(headers, "Set-Cookie", cases[i].set);
        jar = flow_conn_http_cookies_take(NULL, headers, cases[i].from, now, t->f->p);
        got = flow_conn_http_cookies_for(jar, cases[i].to, now, t->f->p);
        if (!got != !cases[i].sent || (got && strcmp(got, cases[i].sent) != 0)) {
            fail_msg("%s to %s: %s", cases[i].set, cases[i].to, got ? got : "(none)");
        }
    }
    headers = apr_table_make(t->f->p, 1);
    apr_table_add(headers, "Set-Cookie", "a=1");
    apr_table_add(headers, "Set-Cookie", "b=2");
    jar = flow_conn_http_cookies_take(NULL, headers, "http://x/", now, t->f->p);
    apr_table_clear(headers);
    apr_table_add(headers, "Set-Cookie", "a=3");
    jar = flow_conn_http_cookies_take(jar, headers, "http://x/", now, t->f->p);
    assert_string_equal(flow_conn_http_cookies_for(jar, "http://x/", now, t->f->p), "b=2; a=3");
}

/* ---- how long to wait ---- */

static void a_time_to_wait_is_read_in_all_its_forms(void **state)
{
    apr_time_t now = apr_time_from_sec(784111777); /* Sun, 06 Nov 1994 08:49:37 GMT */
    static const struct { const char *value, *date; double seconds; } cases[] = {
        { "5", NULL, 5 }, { " 5 ", NULL, 5 }, { "0.25", NULL, 0.25 }, { "1.5", NULL, 1.5 }, { ".5", NULL, 0.5 }, { "0", NULL, 0 },
        { "Sun, 06 Nov 1994 08:49:47 GMT", NULL, 10 },
        { "Sunday, 06-Nov-94 08:49:47 GMT", NULL, 10 },
        { "Sun Nov  6 08:49:47 1994", NULL, 10 },
        { "Sun, 06 Nov 1994 08:49:47 GMT", "Sun, 06 Nov 1994 08:49:40 GMT", 7 },
        { "Sun, 06 Nov 1994 08:49:30 GMT", NULL, 0 },
        { "1784111777", NULL, 31622400 }, /* at most a year */
        { "-5", NULL, -1 }, { "soon", NULL, -1 }, { "", NULL, -1 }, { "5s", NULL, -1 }, { "1e3", NULL, -1 }, { ".", NULL, -1 }, { "5, 6", NULL, -1 },
        { "0x10", NULL, -1 }, { "Sun, 99 Nov 1994 08:49:47 GMT", NULL, -1 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        apr_interval_time_t got = flow_conn_http_wait_of(cases[i].value, cases[i].date, now);
        apr_interval_time_t want = cases[i].seconds < 0 ? -1 : (apr_interval_time_t)(cases[i].seconds * 1000000);

        if (got != want) {
            fail_msg("%s: %ld, not %ld", cases[i].value, (long)got, (long)want);
        }
    }
    assert_true(flow_conn_http_wait_of(NULL, NULL, now) == -1);
    assert_true(flow_conn_http_wait_of("1784111787", NULL, apr_time_from_sec(1784111777)) / 1000000 == 10);
    assert_true((flow_conn_http_wait_of("1784111787500", NULL, apr_time_from_sec(1784111777)) + 50000) / 100000 == 105);
}

static void the_wait_grows_and_is_never_nothing(void **state)
{
    int n, i;

    (void)state;
    for (n = 0; n < 40; ++n) {
        for (i = 0; i < 20; ++i) {
            apr_interval_time_t wait = flow_conn_http_backoff(n);

            assert_true(wait >= flow_conn_http_backoff_base / 10);
            assert_true(wait <= apr_time_from_sec(30));
            assert_true(n > 10 || wait <= flow_conn_http_backoff_base << n);
        }
    }
}

/* clang-format on */

int main(void)
{
#define TEST(f)                                                                \
    cmocka_unit_test_setup_teardown(f, conn_http_setup, conn_http_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_signed_as_published),
        TEST(a_digest_is_answered_as_published),
        TEST(a_user_name_token_is_made_as_published),
        TEST(the_best_challenge_is_taken),
        TEST(a_token_is_signed_and_verifies),
        TEST(claims_are_templates_and_times_count_from_now),
        TEST(a_key_that_does_not_fit_is_refused),
        TEST(cookies_go_where_they_belong),
        TEST(a_time_to_wait_is_read_in_all_its_forms),
        TEST(the_wait_grows_and_is_never_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

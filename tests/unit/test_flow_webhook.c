/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "base/flow_sign.h"
#include "flow/flow_webhook.h"
#include "world.h"

static world_t *world;

static int setup(void **state)
{
    (void)state;
    world = world_create();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_destroy(world);
    return 0;
}

/* A listener with up to six settings of its `webhook` object. */
typedef struct setting_t {
    const char *path, *value;
} setting_t;

static const flow_webhook_t *listener(const setting_t *settings, size_t n)
{
    char path[80];
    size_t i;

    flow_docs_begin(world->docs, FLOW_KIND_EXPORT, "in", "world.conf", 1);
    flow_docs_set(world->docs, "type", "webhook", "world.conf", 2);
    for (i = 0; i < n && settings[i].path; ++i) {
        apr_snprintf(path, sizeof(path), "webhook.%s", settings[i].path);
        flow_docs_set(world->docs, path, settings[i].value, "world.conf", 3);
    }
    world_compile(world);
    return world_export(world, "in")->webhook;
}

#define LISTENER(...)                                                          \
    listener((const setting_t[]){ __VA_ARGS__ },                               \
             sizeof((const setting_t[]){ __VA_ARGS__ }) / sizeof(setting_t))

static flow_request_t *request(const char *type, const char *body)
{
    flow_request_t *req = apr_pcalloc(world->p, sizeof(*req));
    apr_table_t *headers = apr_table_make(world->p, 4);

    req->method = "POST";
    req->uri = "/hooks/in";
    req->path_info = "";
    req->body = body;
    req->body_len = strlen(body);
    req->headers = headers;
    if (type) {
        apr_table_set(headers, "Content-Type", type);
    }
    return req;
}

static flow_request_t *with_header(flow_request_t *req, const char *name,
                                   const char *value)
{
    apr_table_addn((apr_table_t *)req->headers, name, value);
    return req;
}

static int passes(const flow_webhook_t *webhook, const flow_request_t *req)
{
    flow_error_t err = FLOW_ERROR_INIT;
    apr_status_t rv = flow_webhook_verify(webhook, req, world->p, &err);

    if (rv == APR_SUCCESS) {
        assert_int_equal(err.kind, FLOW_E_NONE);
        return 1;
    }
    assert_int_equal(err.kind, FLOW_E_INPUT);
    assert_string_equal(err.code, "unauthorized");
    assert_null(strstr(err.message, "s3cret"));
    return 0;
}

/* ---- basic ---- */

static void basic_wants_user_and_password(void **state)
{
    /* clang-format off */
    static const struct { const char *value; int ok; } cases[] = {
        { "Basic c2hvcDpzM2NyZXQ=",     1 }, /* shop:s3cret */
        { "basic c2hvcDpzM2NyZXQ=",     1 },
        { "Basic c2hvcDpzM2NyZXR4",     0 }, /* shop:s3cretx */
        { "Basic c2hvcDpzM2NyZQ==",     0 }, /* shop:s3cre */
        { "Basic eGhvcDpzM2NyZXQ=",     0 }, /* xhop:s3cret */
        { "Basic c2hvcHMzY3JldA==",     0 }, /* no colon */
        { "Basic c2hvcDpzM2NyZXQ",      0 }, /* no padding */
        { "Basic  c2hvcDpzM2NyZXQ=",    0 }, /* two blanks */
        { "Bearer c2hvcDpzM2NyZXQ=",    0 },
        { "Basicc2hvcDpzM2NyZXQ=",      0 },
        { "Basic",                      0 },
        { "Basic ",                     0 },
        { "",                           0 },
        { "c2hvcDpzM2NyZXQ=",           0 },
    };
    /* clang-format on */
    const flow_webhook_t *w =
        LISTENER({ "verify", "basic" }, { "username", "shop" },
                 { "password", "s3cret" });
    size_t i;

    (void)state;
    assert_true(flow_webhook_verifies(w));
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        assert_int_equal(
            passes(w, with_header(request(NULL, ""), "Authorization",
                                  cases[i].value)),
            cases[i].ok);
    }
    assert_false(passes(w, request(NULL, "")));
}

/* ---- token ---- */

static void a_token_in_the_body_is_found_by_its_path(void **state)
{
    /* clang-format off */
    static const struct { const char *type, *body; int ok; } cases[] = {
        { "application/json", "{\"meta\":{\"token\":\"s3cret\"}}",   1 },
        { NULL,               "{\"meta\":{\"token\":\"s3cret\"}}",   1 },
        { "application/json", "{\"meta\":{\"token\":\"S3cret\"}}",   0 },
        { "application/json", "{\"meta\":{\"token\":\" s3cret\"}}",  0 },
        { "application/json", "{\"meta\":{\"token\":\"s3cret \"}}",  0 },
        { "application/json", "{\"meta\":{\"token\":[\"s3cret\"]}}", 0 },
        { "application/json", "{\"meta\":{\"token\":null}}",         0 },
        { "application/json", "{\"meta\":{}}",                       0 },
        { "application/json", "{\"token\":\"s3cret\"}",              0 },
        { "application/json", "not json",                            0 },
        { "application/json", "",                                    0 },
    };
    /* clang-format on */
    const flow_webhook_t *w = LISTENER(
        { "verify", "token" }, { "token", "s3cret" }, { "path", "meta.token" });
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        assert_int_equal(passes(w, request(cases[i].type, cases[i].body)),
                         cases[i].ok);
    }
}

static void a_token_in_a_header_stands_behind_its_scheme(void **state)
{
    /* clang-format off */
    static const struct { const char *scheme, *custom, *value; int ok; }
    cases[] = {
        { "bearer", NULL,  "Bearer s3cret",   1 },
        { "bearer", NULL,  "bearer s3cret",   1 },
        { "bearer", NULL,  "s3cret",          0 },
        { "bearer", NULL,  "Bearer  s3cret",  0 },
        { "bearer", NULL,  "Bearer s3crets",  0 },
        { "custom", "Key", "Key s3cret",      1 },
        { "custom", "Key", "Bearer s3cret",   0 },
        { "none",   NULL,  "s3cret",          1 },
        { "none",   NULL,  "Bearer s3cret",   0 },
        { "none",   NULL,  "s3cret, s3cret",  0 },
        { "none",   NULL,  "",                0 },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        const flow_webhook_t *w;

        teardown(state);
        setup(state);
        w = LISTENER(
            { "verify", "token" }, { "token", "s3cret" },
            { "tokenLocation", "header" }, { "tokenHeaderName", "X-Token" },
            { "tokenHeaderScheme", cases[i].scheme },
            { cases[i].custom ? "customTokenScheme" : NULL, cases[i].custom });
        assert_int_equal(passes(w, with_header(request(NULL, ""), "x-token",
                                               cases[i].value)),
                         cases[i].ok);
        assert_false(passes(w, request(NULL, "")));
    }
}

static void a_token_in_the_query_stands_there_once(void **state)
{
    /* clang-format off */
    static const struct { const char *query; int ok; } cases[] = {
        { "key=s3cret",            1 },
        { "a=b&key=s3cret&c",      1 },
        { "key=s3%63ret",          1 },
        { "key=s3cret&key=s3cret", 0 },
        { "Key=s3cret",            0 },
        { "key=",                  0 },
        { "key",                   0 },
        { "",                      0 },
        { NULL,                    0 },
    };
    /* clang-format on */
    const flow_webhook_t *w = LISTENER(
        { "verify", "token" }, { "token", "s3cret" },
        { "tokenLocation", "queryParam" }, { "tokenQueryParamName", "key" });
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        flow_request_t *req = request(NULL, "");

        req->query = cases[i].query;
        assert_int_equal(passes(w, req), cases[i].ok);
    }
}

/* ---- hmac ---- */

#define BODY "{\"id\":1, \"price\": 19.90}"

/* Computed with `openssl dgst -ALG -hmac s3cret` over BODY. */
/* clang-format off */
static const struct {
    const char *algorithm, *encoding, *signature;
} vectors[] = {
    { "sha1",   "hex",    "17c69249f5bec27aee60fb9d8caadcf7bcc22b9b" },
    { "sha256", "hex",    "e549013d88ea9f71f03951a6659eab9a5b5977dafc121774c26c8fa26cfb6a55" },
    { "sha384", "hex",    "feec0ed4ccb92ff17f37287d72e510753a31b1bca604a14ad9a2680b48a79a12f7cbd3d3368c3db7af8d56f6100a5f51" },
    { "sha512", "hex",    "f278f5079eca0bddce8561a401cdbae47cd1a0a9b6b4dce24158954cdd9da1efe9047fce9c62a6e39fbc4213d1f28d9bc00b9c29c23a5b00b55c43cc0571abc2" },
    { "sha1",   "base64", "F8aSSfW+wnruYPudjKrc97zCK5s=" },
    { "sha256", "base64", "5UkBPYjqn3HwOVGmZZ6rmltZd9r8Ehd0wmyPomz7alU=" },
    { "sha512", "base64", "8nj1B57KC93OhWGkAc265HzRoKm2tNziQViVTN2doe/pBH/OnGKm45+8QhPR8o2bwAucKcI6WwC1XEPMBXGrwg==" },
};
/* clang-format on */

static const flow_webhook_t *hmac_listener(const char *algorithm,
                                           const char *encoding)
{
    return LISTENER({ "verify", "hmac" }, { "key", "s3cret" },
                    { "algorithm", algorithm }, { "encoding", encoding },
                    { "header", "X-Signature" });
}

static int signed_passes(const flow_webhook_t *w, const char *body,
                         const char *signature)
{
    return passes(w, with_header(request("application/json", body),
                                 "X-SIGNATURE", signature));
}

static void every_signature_is_checked_over_the_raw_body(void **state)
{
    size_t i;

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); ++i) {
        const char *good = vectors[i].signature;
        char *bad;
        const flow_webhook_t *w;
        apr_size_t k;

        teardown(state);
        setup(state);
        w = hmac_listener(vectors[i].algorithm, vectors[i].encoding);
        bad = apr_pstrdup(world->p, good);
        assert_true(signed_passes(w, BODY, good));
        /* a blank less is the same JSON and another body */
        assert_false(signed_passes(w, "{\"id\":1,\"price\": 19.90}", good));
        assert_false(signed_passes(w, "", good));
        assert_false(passes(w, request("application/json", BODY)));
        for (k = 0; k < strlen(good); k += 7) {
            char was = bad[k];

            bad[k] = was == 'A' ? 'B' : 'A';
            if ((was | 0x20) != 'a') {
                assert_false(signed_passes(w, BODY, bad));
            }
            bad[k] = was;
        }
    }
}

static void a_signature_may_have_a_prefix_and_upper_case_hex(void **state)
{
    const char *good = vectors[1].signature, *upper;
    const flow_webhook_t *w = hmac_listener("sha256", "hex");
    char *s;

    (void)state;
    s = apr_pstrdup(world->p, good);
    upper = s;
    for (; *s; ++s) {
        *s = (char)(*s >= 'a' && *s <= 'f' ? *s - 32 : *s);
    }
    assert_true(signed_passes(w, BODY, upper));
    assert_true(
        signed_passes(w, BODY, apr_pstrcat(world->p, "sha256=", good, NULL)));
    assert_true(
        signed_passes(w, BODY, apr_pstrcat(world->p, "v0=", good, NULL)));
    assert_true(
        signed_passes(w, BODY, apr_pstrcat(world->p, "  ", good, " ", NULL)));
    assert_false(signed_passes(w, BODY, ""));
    assert_false(signed_passes(w, BODY, "sha256="));
    assert_false(
        signed_passes(w, BODY, apr_pstrcat(world->p, "=", good, NULL)));
    assert_false(
        signed_passes(w, BODY, apr_pstrcat(world->p, "a b=", good, NULL)));
    assert_false(
        signed_passes(w, BODY, apr_pstrcat(world->p, good, good, NULL)));
    assert_false(
        signed_passes(w, BODY, apr_pstrcat(world->p, good, ", ", good, NULL)));
    assert_false(signed_passes(w, BODY, apr_pstrndup(world->p, good, 63)));
    assert_false(signed_passes(
        w, BODY,
        apr_pstrcat(world->p, "a-prefix-longer-than-any=", good, NULL)));
}

static void base64_keeps_its_padding_behind_a_prefix(void **state)
{
    const char *good = vectors[5].signature;
    const flow_webhook_t *w = hmac_listener("sha256", "base64");

    (void)state;
    assert_true(
        signed_passes(w, BODY, apr_pstrcat(world->p, "sha256=", good, NULL)));
    assert_false(
        signed_passes(w, BODY, apr_pstrndup(world->p, good, strlen(good) - 1)));
}

/* ---- secret_url ---- */

static void a_secret_url_ends_in_the_token(void **state)
{
    /* clang-format off */
    static const struct { const char *path; int ok; } cases[] = {
        { "/s3cret",        1 },
        { "/s3cret/data",   1 },
        { "/s3cret/",       0 },
        { "/s3cret/date",   0 },
        { "/s3cret/data/x", 0 },
        { "/s3cre",         0 },
        { "/s3crett",       0 },
        { "s3cret",         0 },
        { "//s3cret",       0 },
        { "/",              0 },
        { "",               0 },
    };
    /* clang-format on */
    const flow_webhook_t *w =
        LISTENER({ "verify", "secret_url" }, { "token", "s3cret" });
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        flow_request_t *req = request(NULL, "{}");

        req->path_info = cases[i].path;
        assert_int_equal(passes(w, req), cases[i].ok);
    }
}

static void without_a_method_nobody_passes(void **state)
{
    const flow_webhook_t *w = LISTENER({ "provider", "custom" });

    (void)state;
    assert_false(flow_webhook_verifies(w));
    assert_false(passes(w, request("application/json", "{}")));
}

/* ---- mistakes ---- */

static void a_method_says_what_it_needs(void **state)
{
    /* clang-format off */
    static const struct {
        const char *path[4], *value[4], *message;
    } cases[] = {
        { { "verify" }, { "basic" }, "webhook.username: is required" },
        { { "verify", "token" }, { "token", "x" }, "webhook.path: is req" },
        { { "verify", "token", "tokenLocation" }, { "token", "x", "header" },
          "webhook.tokenHeaderName: is required" },
        { { "verify", "token", "tokenLocation" },
          { "token", "x", "queryParam" },
          "webhook.tokenQueryParamName: is required" },
        { { "verify", "key", "header" }, { "hmac", "x", "X-Sig" },
          "webhook.algorithm: is required" },
        { { "verify", "header" }, { "hmac", "X Sig" }, "'X Sig' cannot be" },
        { { "verify" }, { "secret_url" }, "webhook.token: is required" },
        { { "verify" }, { "hmca" }, "hmac" },
        { { "provider" }, { "github" }, "github" },
        { { "includeParentData" }, { "true" }, "needs pathToRecords" },
        { { "successStatusCode" }, { "302" }, "successStatusCode" },
    };
    /* clang-format on */
    const flow_compile_settings_t settings = { 16 * 1024 * 1024 };
    size_t i, k;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char path[80];

        teardown(state);
        setup(state);
        flow_docs_begin(world->docs, FLOW_KIND_EXPORT, "in", "world.conf", 1);
        flow_docs_set(world->docs, "type", "webhook", "world.conf", 2);
        for (k = 0; k < 4 && cases[i].path[k]; ++k) {
            apr_snprintf(path, sizeof(path), "webhook.%s", cases[i].path[k]);
            flow_docs_set(world->docs, path, cases[i].value[k], "world.conf",
                          3);
        }
        flow_compile(&world->model, world->docs, &settings, world->p, world->p);
        if (!strstr(world_problems(world), cases[i].message)) {
            assert_string_equal(world_problems(world), cases[i].message);
        }
    }
}

/* ---- records ---- */

static void expect_records(const flow_webhook_t *w, const char *type,
                           const char *body, const char *expected)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *records = NULL;
    apr_status_t rv =
        flow_webhook_records(w, request(type, body), &records, world->p, &err);

    if (!expected) {
        assert_int_not_equal(rv, APR_SUCCESS);
        assert_int_equal(err.kind, FLOW_E_INPUT);
        assert_null(records);
        return;
    }
    assert_string_equal(err.message, "");
    world_own(world, records);
    world_expect(world, records, expected);
}

static void bodies_are_read_by_their_type(void **state)
{
    /* clang-format off */
    static const struct { const char *type, *body, *records; } cases[] = {
        { "application/json", "{\"a\":1}", "[{'a':1}]" },
        { "application/vnd.x+json; charset=utf-8", "{\"a\":1}", "[{'a':1}]" },
        { "application/json", "[{\"a\":1},{\"a\":2}]", "[{'a':1},{'a':2}]" },
        { "application/json", "[1,{\"a\":2}]", "[[1,{'a':2}]]" },
        { "application/json", "[]", "[]" },
        { "application/json", "7", NULL },
        { "application/json", "null", NULL },
        { "application/json", "{\"a\":", NULL },
        { "application/json", "", NULL },
        { "application/x-www-form-urlencoded", "a=1&b=x+y&a=2",
          "[{'a':['1','2'],'b':'x y'}]" },
        { "text/plain", "hello", "[{'text':'hello'}]" },
        { NULL, "{\"a\":1}", "[{'a':1}]" },
        { NULL, "hello", NULL },
        { NULL, "", "[{}]" },
        { "multipart/form-data; boundary=x", "--x", NULL },
    };
    /* clang-format on */
    const flow_webhook_t *w = LISTENER({ "provider", "custom" });
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        expect_records(w, cases[i].type, cases[i].body, cases[i].records);
    }
}

static void a_setting_wins_over_the_content_type(void **state)
{
    const flow_webhook_t *w = LISTENER({ "requestMediaType", "csv" });

    (void)state;
    expect_records(w, "application/json", "id,name\n1,Ada\n2,Bob\n",
                   "[{'id':'1','name':'Ada'},{'id':'2','name':'Bob'}]");
}

static void a_path_leads_to_the_records(void **state)
{
    const flow_webhook_t *w = LISTENER({ "pathToRecords", "data.orders" });

    (void)state;
    expect_records(w, NULL,
                   "{\"shop\":\"x\",\"data\":{\"orders\":[{\"id\":1},"
                   "{\"id\":2}]}}",
                   "[{'id':1},{'id':2}]");
    expect_records(w, NULL, "{\"data\":{\"orders\":[]}}", "[]");
    expect_records(w, NULL, "{\"data\":{\"orders\":{}}}", NULL);
    expect_records(w, NULL, "{\"data\":{}}", NULL);
    expect_records(w, NULL, "{\"data\":{\"orders\":[1]}}", NULL);
}

static void records_may_keep_what_surrounds_them(void **state)
{
    const flow_webhook_t *w = LISTENER({ "pathToRecords", "orders" },
                                       { "includeParentData", "true" });

    (void)state;
    expect_records(w, NULL,
                   "{\"shop\":\"x\",\"id\":9,\"ordersTotal\":2,"
                   "\"orders\":[{\"id\":1},{\"n\":2}]}",
                   "[{'shop':'x','id':1,'ordersTotal':2},"
                   "{'shop':'x','id':9,'ordersTotal':2,'n':2}]");
}

/* ---- answers ---- */

static flow_answer_t answer_to(const flow_webhook_t *w,
                               const flow_request_t *req, int challenge)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_answer_t answer;

    assert_int_equal(
        flow_webhook_answer(w, req, challenge, &answer, world->p, &err),
        APR_SUCCESS);
    return answer;
}

static void the_usual_answer_is_204_and_nothing(void **state)
{
    const flow_webhook_t *w = LISTENER({ "successBody", "{\"ok\":true}" });
    flow_answer_t answer = answer_to(w, request(NULL, "{}"), 0);

    (void)state;
    assert_int_equal(answer.status, 204);
    assert_null(answer.body);
    assert_null(answer.content_type);
    assert_int_equal(answer.body_len, 0);
    assert_string_equal(flow_webhook_allowed(w), "POST, PUT");
}

static void an_answer_sees_the_request(void **state)
{
    const flow_webhook_t *w = LISTENER(
        { "successStatusCode", "202" },
        { "successBody", "{\"got\":\"{{order.id}}\",\"by\":\"{{body.by}}\"}" },
        { "successResponseHeaders",
          "[{\"name\":\"X-Id\",\"value\":\"{{{order.id}}}\"},"
          "{\"name\":\"X-By\",\"value\":\"{{{by}}}\"}]" });
    flow_answer_t answer = answer_to(
        w,
        request(NULL, "{\"order\":{\"id\":7},\"by\":\"a\\r\\nSet-Cookie: x\"}"),
        0);

    (void)state;
    assert_int_equal(answer.status, 202);
    assert_string_equal(answer.content_type, "application/json");
    assert_string_equal(answer.body,
                        "{\"got\":\"7\",\"by\":\"a\\r\\nSet-Cookie: x\"}");
    assert_int_equal(answer.body_len, strlen(answer.body));
    assert_string_equal(apr_table_get(answer.headers, "X-Id"), "7");
    assert_null(apr_table_get(answer.headers, "X-By"));
}

static void a_challenge_is_answered_and_makes_no_record(void **state)
{
    const flow_webhook_t *w = LISTENER(
        { "verify", "hmac" }, { "key", "s3cret" }, { "algorithm", "sha256" },
        { "encoding", "hex" }, { "header", "X-Signature" },
        { "challengeSuccessBody", "{{{hub.challenge}}}{{{challenge}}}" },
        { "challengeSuccessMediaType", "plaintext" });
    flow_request_t *req = request(NULL, "");
    flow_answer_t answer;

    (void)state;
    assert_string_equal(flow_webhook_allowed(w), "GET, POST, PUT");
    req->method = "GET";
    req->query = "hub.mode=subscribe&hub.challenge=1158201444";
    assert_true(passes(w, req)); /* there is nothing that could be signed */
    assert_true(flow_webhook_is_challenge(w, req, world->p));
    answer = answer_to(w, req, 1);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.content_type, "text/plain; charset=utf-8");
    assert_string_equal(answer.body, "1158201444");

    req = request("application/json", "{\"challenge\":\"abc\"}");
    assert_false(passes(w, req));
    assert_true(flow_webhook_is_challenge(w, req, world->p));
    answer = answer_to(w, req, 1);
    assert_string_equal(answer.body, "abc");

    req = request("application/json", "{\"id\":1}");
    assert_false(flow_webhook_is_challenge(w, req, world->p));
}

static void without_a_challenge_body_there_are_no_challenges(void **state)
{
    const flow_webhook_t *w = LISTENER({ "provider", "custom" });

    (void)state;
    assert_false(flow_webhook_is_challenge(
        w, request("application/json", "{\"challenge\":\"abc\"}"), world->p));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(basic_wants_user_and_password),
        TEST(a_token_in_the_body_is_found_by_its_path),
        TEST(a_token_in_a_header_stands_behind_its_scheme),
        TEST(a_token_in_the_query_stands_there_once),
        TEST(every_signature_is_checked_over_the_raw_body),
        TEST(a_signature_may_have_a_prefix_and_upper_case_hex),
        TEST(base64_keeps_its_padding_behind_a_prefix),
        TEST(a_secret_url_ends_in_the_token),
        TEST(without_a_method_nobody_passes),
        TEST(a_method_says_what_it_needs),
        TEST(bodies_are_read_by_their_type),
        TEST(a_setting_wins_over_the_content_type),
        TEST(a_path_leads_to_the_records),
        TEST(records_may_keep_what_surrounds_them),
        TEST(the_usual_answer_is_204_and_nothing),
        TEST(an_answer_sees_the_request),
        TEST(a_challenge_is_answered_and_makes_no_record),
        TEST(without_a_challenge_body_there_are_no_challenges),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

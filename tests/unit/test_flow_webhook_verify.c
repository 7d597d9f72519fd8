/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

#include "hook_fixture.h"

static flow_request_t *post(const char *type, const char *body)
{
    return world_request(hook_world, "POST", type, body);
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
            hook_passes(w, world_header(post(NULL, ""), "Authorization",
                                        cases[i].value)),
            cases[i].ok);
    }
    assert_false(hook_passes(w, post(NULL, "")));
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
        assert_int_equal(hook_passes(w, post(cases[i].type, cases[i].body)),
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

        hook_teardown(state);
        hook_setup(state);
        w = LISTENER(
            { "verify", "token" }, { "token", "s3cret" },
            { "tokenLocation", "header" }, { "tokenHeaderName", "X-Token" },
            { "tokenHeaderScheme", cases[i].scheme },
            { cases[i].custom ? "customTokenScheme" : NULL, cases[i].custom });
        assert_int_equal(hook_passes(w, world_header(post(NULL, ""), "x-token",
                                                     cases[i].value)),
                         cases[i].ok);
        assert_false(hook_passes(w, post(NULL, "")));
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
        flow_request_t *req = post(NULL, "");

        req->query = cases[i].query;
        assert_int_equal(hook_passes(w, req), cases[i].ok);
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
    return hook_passes(w, world_header(post("application/json", body),
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

        hook_teardown(state);
        hook_setup(state);
        w = hmac_listener(vectors[i].algorithm, vectors[i].encoding);
        bad = apr_pstrdup(hook_world->p, good);
        assert_true(signed_passes(w, BODY, good));
        /* a blank less is the same JSON and another body */
        assert_false(signed_passes(w, "{\"id\":1,\"price\": 19.90}", good));
        assert_false(signed_passes(w, "", good));
        assert_false(hook_passes(w, post("application/json", BODY)));
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
    s = apr_pstrdup(hook_world->p, good);
    upper = s;
    for (; *s; ++s) {
        *s = (char)(*s >= 'a' && *s <= 'f' ? *s - 32 : *s);
    }
    assert_true(signed_passes(w, BODY, upper));
    assert_true(signed_passes(
        w, BODY, apr_pstrcat(hook_world->p, "sha256=", good, NULL)));
    assert_true(
        signed_passes(w, BODY, apr_pstrcat(hook_world->p, "v0=", good, NULL)));
    assert_true(signed_passes(
        w, BODY, apr_pstrcat(hook_world->p, "  ", good, " ", NULL)));
    assert_false(signed_passes(w, BODY, ""));
    assert_false(signed_passes(w, BODY, "sha256="));
    assert_false(
        signed_passes(w, BODY, apr_pstrcat(hook_world->p, "=", good, NULL)));
    assert_false(
        signed_passes(w, BODY, apr_pstrcat(hook_world->p, "a b=", good, NULL)));
    assert_false(
        signed_passes(w, BODY, apr_pstrcat(hook_world->p, good, good, NULL)));
    assert_false(signed_passes(
        w, BODY, apr_pstrcat(hook_world->p, good, ", ", good, NULL)));
    assert_false(signed_passes(w, BODY, apr_pstrndup(hook_world->p, good, 63)));
    assert_false(signed_passes(
        w, BODY,
        apr_pstrcat(hook_world->p, "a-prefix-longer-than-any=", good, NULL)));
}

static void base64_keeps_its_padding_behind_a_prefix(void **state)
{
    const char *good = vectors[5].signature;
    const flow_webhook_t *w = hmac_listener("sha256", "base64");

    (void)state;
    assert_true(signed_passes(
        w, BODY, apr_pstrcat(hook_world->p, "sha256=", good, NULL)));
    assert_false(signed_passes(
        w, BODY, apr_pstrndup(hook_world->p, good, strlen(good) - 1)));
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
        flow_request_t *req = post(NULL, "{}");

        req->path_info = cases[i].path;
        assert_int_equal(hook_passes(w, req), cases[i].ok);
    }
}

static void without_a_method_nobody_passes(void **state)
{
    const flow_webhook_t *w = LISTENER({ "provider", "custom" });

    (void)state;
    assert_false(flow_webhook_verifies(w));
    assert_false(hook_passes(w, post("application/json", "{}")));
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, hook_setup, hook_teardown)

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
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

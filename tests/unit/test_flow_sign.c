/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "base/flow_sign.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void a_digest_has_the_value_that_everybody_computes(void **state)
{
    /* clang-format off */
    static const struct { const char *name, *text, *hex; } cases[] = {
        { "md5",    "abc", "900150983cd24fb0d6963f7d28e17f72" },
        { "md5",    "",    "d41d8cd98f00b204e9800998ecf8427e" },
        { "sha1",   "abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
        { "sha256", "abc", "ba7816bf8f01cfea414140de5dae2223"
                           "b00361a396177a9cb410ff61f20015ad" },
        { "sha256", "",    "e3b0c44298fc1c149afbf4c8996fb924"
                           "27ae41e4649b934ca495991b7852b855" },
        { "sha384", "abc", "cb00753f45a35e8bb5a03d699ac65007"
                           "272c32ab0eded1631a8b605a43ff5bed"
                           "8086072ba1e7cc2358baeca134c825a7" },
        { "sha512", "abc", "ddaf35a193617abacc417349ae204131"
                           "12e6fa4e89a97ea20a9eeee64b55d39a"
                           "2192992a274fc1a836ba3c23a3feebbd"
                           "454d4423643ce80e2a9ac94fa54ca49f" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        unsigned char out[FLOW_DIGEST_MAX];
        flow_digest_e alg;
        apr_size_t len = 0;

        assert_int_equal(flow_digest_parse(&alg, cases[i].name), APR_SUCCESS);
        assert_int_equal(
            flow_digest(alg, cases[i].text, strlen(cases[i].text), out, &len),
            APR_SUCCESS);
        assert_string_equal(flow_hex(out, len, *state), cases[i].hex);
    }
}

static void an_unknown_digest_is_not_found(void **state)
{
    static const char *const names[] = { "",        "sha",     "SHA256",
                                         "sha256 ", "sha-256", "crc32" };
    flow_digest_e alg = FLOW_DIGEST_MD5;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(names); ++i) {
        assert_int_equal(flow_digest_parse(&alg, names[i]), APR_NOTFOUND);
    }
    assert_int_equal(flow_digest_parse(&alg, NULL), APR_NOTFOUND);
    assert_int_equal(alg, FLOW_DIGEST_MD5);
}

static void unhex(const char *hex, char *out, apr_size_t *plen)
{
    for (*plen = 0; hex[2 * *plen]; ++*plen) {
        char two[3] = { hex[2 * *plen], hex[2 * *plen + 1], '\0' };

        out[*plen] = (char)strtol(two, NULL, 16);
    }
}

/* Test cases 1, 2, 3, 4 and 7 of RFC 4231; their first bytes are enough to
 * tell. */
static void an_hmac_has_the_value_of_the_rfc(void **state)
{
    /* clang-format off */
    static const struct {
        const char *key; int repeat;
        const char *text; int text_repeat;
        const char *sha256, *sha384, *sha512;
    } cases[] = {
        { "0b", 20, "4869205468657265", 1,
          "b0344c61d8db38535ca8afceaf0bf12b", "afd03944d84895626b0825f4ab46907f",
          "87aa7cdea5ef619d4ff0b4241a1d6cb0" },
        { "4a656665", 1,
          "7768617420646f2079612077616e7420666f72206e6f7468696e673f", 1,
          "5bdcc146bf60754e6a042426089575c7", "af45d2e376484031617f78d2b58a6b1b",
          "164b7a7bfcf819e2e395fbe73b56e0a3" },
        { "aa", 20, "dd", 50,
          "773ea91e36800e46854db8ebd09181a7", "88062608d3e6ad8a0aa2ace014c8a86f",
          "fa73b0089d56a284efb0f0756c890be9" },
        { "0102030405060708090a0b0c0d0e0f10111213141516171819", 1, "cd", 50,
          "82558a389a443c0ea4cc819899f2083a", "3e8a69b7783c25851933ab6290af6ca7",
          "b0ba465637458c6990e5a8c5f61d4af7" },
        { "aa", 131,
          "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65"
          "204b6579202d2048617368204b6579204669727374", 1,
          "60e431591ee0b67f0d8a26aacbf5b77f", "4ece084485813e9088d2c63a041bc5b4",
          "80b24263c7c1a3ebb71493c1dd7be8b4" },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        const char *want[] = { cases[i].sha256, cases[i].sha384,
                               cases[i].sha512 };
        char key[256], text[256];
        apr_size_t keylen = 0, textlen = 0, part;
        int n;

        for (n = 0; n < cases[i].repeat; ++n, keylen += part) {
            unhex(cases[i].key, key + keylen, &part);
        }
        for (n = 0; n < cases[i].text_repeat; ++n, textlen += part) {
            unhex(cases[i].text, text + textlen, &part);
        }
        for (n = 0; n < 3; ++n) {
            unsigned char out[FLOW_DIGEST_MAX];
            apr_size_t len = 0;
            char *hex;

            assert_int_equal(flow_hmac((flow_digest_e)(FLOW_DIGEST_SHA256 + n),
                                       key, keylen, text, textlen, out, &len),
                             APR_SUCCESS);
            assert_int_equal(len, 32 + 16 * n);
            hex = flow_hex(out, len, *state);
            hex[32] = '\0';
            assert_string_equal(hex, want[n]);
        }
    }
}

static void an_hmac_with_nothing_in_it_works(void **state)
{
    unsigned char out[FLOW_DIGEST_MAX];
    apr_size_t len = 0;

    assert_int_equal(flow_hmac(FLOW_DIGEST_SHA256, NULL, 0, NULL, 0, out, &len),
                     APR_SUCCESS);
    assert_string_equal(flow_hex(out, len, *state),
                        "b613679a0814d9ec772f95d778c35fc5"
                        "ff1697c493715653c6c712144292c5ad");
}

static void secrets_are_equal_only_if_all_of_them_is(void **state)
{
    /* clang-format off */
    static const struct { const char *a; size_t alen; const char *b;
                          size_t blen; int equal; } cases[] = {
        { "secret",  6, "secret",  6, 1 },
        { "secreT",  6, "secret",  6, 0 },
        { "secre",   5, "secret",  6, 0 },
        { "secrets", 7, "secret",  6, 0 },
        { "",        0, "secret",  6, 0 },
        { "secret",  6, "",        0, 0 },
        { "",        0, "",        0, 1 },
        { "a\0b",    3, "a\0c",    3, 0 },
        { "a\0b",    3, "a\0b",    3, 1 },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        assert_int_equal(flow_equal_secret(cases[i].a, cases[i].alen,
                                           cases[i].b, cases[i].blen),
                         cases[i].equal);
    }
}

static void base64_comes_back_as_it_went(void **state)
{
    /* clang-format off */
    static const struct { const char *text, *base64; } cases[] = {
        { "",       ""         },
        { "f",      "Zg=="     },
        { "fo",     "Zm8="     },
        { "foo",    "Zm9v"     },
        { "foob",   "Zm9vYg==" },
        { "fooba",  "Zm9vYmE=" },
        { "foobar", "Zm9vYmFy" },
        { "\xff\xef\xbe", "/+++" },
    };
    /* clang-format on */
    unsigned char bytes[256];
    apr_size_t len;
    char *out;
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        assert_string_equal(
            flow_base64(cases[i].text, strlen(cases[i].text), *state),
            cases[i].base64);
        assert_int_equal(
            flow_base64_decode(&out, &len, cases[i].base64, *state),
            APR_SUCCESS);
        assert_int_equal(len, strlen(cases[i].text));
        assert_string_equal(out, cases[i].text);
    }
    for (i = 0; i < sizeof(bytes); ++i) {
        bytes[i] = (unsigned char)(i * 7);
        assert_int_equal(flow_base64_decode(
                             &out, &len, flow_base64(bytes, i, *state), *state),
                         APR_SUCCESS);
        assert_int_equal(len, i);
        assert_memory_equal(out, bytes, i);
    }
}

static void what_is_not_base64_is_refused(void **state)
{
    static const char *const texts[] = {
        "Z",     "Zg",       "Zg=",      "=",          "==",
        "====",  "Z===",     "Zg==Zg==", "Zm9v\n",     "Zm 9",
        " Zm9v", "Zm9_",     "Zm9-",     "Z=g=",       "=Zm9",
        "Zm9v=", "Zm9v====", "Zm8=\xff", "\xc3\xa9Zg",
    };
    size_t i;

    for (i = 0; i < COUNT(texts); ++i) {
        apr_size_t len = 77;
        char *out = NULL;

        if (flow_base64_decode(&out, &len, texts[i], *state) != APR_EINVAL) {
            fail_msg("'%s' was accepted", texts[i]);
        }
        assert_null(out);
        assert_int_equal(len, 77);
    }
}

static void random_bytes_are_not_those_of_last_time(void **state)
{
    unsigned char a[32] = { 0 }, b[32] = { 0 };

    (void)state;
    assert_int_equal(flow_random(a, sizeof(a)), APR_SUCCESS);
    assert_int_equal(flow_random(b, sizeof(b)), APR_SUCCESS);
    assert_memory_not_equal(a, b, sizeof(a));
    assert_int_equal(flow_random(NULL, 0), APR_SUCCESS);
}

static void an_id_tells_its_time_and_is_not_met_twice(void **state)
{
    long before = (long)apr_time_sec(apr_time_now()), made;
    char *a = flow_new_id(*state), *b = flow_new_id(*state);

    assert_int_equal(strlen(a), 24);
    assert_int_equal(strspn(a, "0123456789abcdef"), 24);
    assert_string_not_equal(a, b);
    made = strtol(apr_pstrndup(*state, a, 8), NULL, 16);
    assert_in_range(made, before, apr_time_sec(apr_time_now()));
}

static int setup(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL) != APR_SUCCESS;
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_digest_has_the_value_that_everybody_computes),
        cmocka_unit_test(an_unknown_digest_is_not_found),
        cmocka_unit_test(an_hmac_has_the_value_of_the_rfc),
        cmocka_unit_test(an_hmac_with_nothing_in_it_works),
        cmocka_unit_test(secrets_are_equal_only_if_all_of_them_is),
        cmocka_unit_test(base64_comes_back_as_it_went),
        cmocka_unit_test(what_is_not_base64_is_refused),
        cmocka_unit_test(random_bytes_are_not_those_of_last_time),
        cmocka_unit_test(an_id_tells_its_time_and_is_not_met_twice),
    };
    int rc;

    apr_initialize();
    rc = cmocka_run_group_tests(tests, setup, teardown);
    apr_terminate();
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static apr_pool_t *pool;

static int make_pool(void **state)
{
    (void)state;
    apr_pool_create(&pool, NULL);
    return 0;
}

static int drop_pool(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    return 0;
}

static json_t *parse(const char *text)
{
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    if (flow_json_parse(&v, text, strlen(text), &err) != APR_SUCCESS) {
        fail_msg("%s: %s", text, err.message);
    }
    return flow_json_own(pool, v);
}

static const char *text_of(const json_t *v)
{
    return flow_json_text(v, NULL, pool);
}

static void a_number_leaves_as_it_came(void **state)
{
    /* clang-format off */
    static const struct { const char *text; int is_textual; double d; }
    cases[] = {
        { "0", 0, 0 }, { "1", 0, 1 }, { "-1", 0, -1 },
        { "-0", 1, -0.0 }, { "-0.0", 1, -0.0 }, { "0.0", 1, 0 },
        { "0e0", 1, 0 }, { "1.0", 1, 1 }, { "10", 0, 10 },
        { "1e2", 1, 100 }, { "1E+2", 1, 100 }, { "0.1", 0, 0.1 },
        { "19.90", 1, 19.9 }, { "19.9", 0, 19.9 }, { "1.005", 0, 1.005 },
        { "0.30000000000000004", 0, 0.30000000000000004 },
        { "0.3000000000000000400", 1, 0.30000000000000004 },
        { "0.000001", 0, 1e-6 }, { "0.0000001", 1, 1e-7 },
        { "1e-7", 0, 1e-7 }, { "1E-7", 1, 1e-7 }, { "1e-07", 1, 1e-7 },
        { "0.0000012", 0, 1.2e-6 }, { "0.000000999999", 1, 0.000000999999 },
        { "1e+21", 0, 1e21 }, { "1e21", 1, 1e21 },
        { "9007199254740992", 0, 9007199254740992.0 },
        { "9007199254740993", 1, 9007199254740992.0 },
        { "-9007199254740993", 1, -9007199254740992.0 },
        { "1000000000000000000", 0, 1e18 },
        { "9223372036854775807", 1, 9223372036854775808.0 },
        { "-9223372036854775808", 1, -9223372036854775808.0 },
        { "9223372036854775808", 1, 9223372036854775808.0 },
        { "9223372036854776000", 0, 9223372036854775808.0 },
        { "123456789012345680000", 0, 123456789012345680000.0 },
        { "123456789012345678901234567890", 1, 1.2345678901234568e29 },
        { "5e-324", 0, 5e-324 }, { "4e-324", 1, 5e-324 },
        { "1e-400", 1, 0 }, { "-1e-400", 1, -0.0 },
        { "1.7976931348623157e+308", 0, 1.7976931348623157e308 },
        { "1e400", 1, INFINITY }, { "-1e400", 1, -INFINITY },
        { "1e99999999999999999999", 1, INFINITY },
        { "1e-99999999999999999999", 1, 0 },
        { "0e99999999999999999999", 1, 0 },
        /* the very middle between two doubles, and just above */
        { "9007199254740993.0", 1, 9007199254740992.0 },
        { "9007199254740993.00000000000000000000000000000001", 1,
          9007199254740994.0 },
        { "2.2250738585072011e-308", 1, 2.2250738585072011e-308 },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        json_t *v = parse(cases[i].text);
        double d = flow_json_double(v);

        assert_int_equal(flow_json_type(v), FLOW_JSON_NUMBER);
        assert_string_equal(text_of(v), cases[i].text);
        if (flow_json_number_is_textual(v) != cases[i].is_textual) {
            fail_msg("%s is_textual", cases[i].text);
        }
        if (memcmp(&d, &cases[i].d, sizeof(d)) != 0) {
            fail_msg("%s read as %a", cases[i].text, d);
        }
    }
}

static void a_long_number_is_rounded_by_all_its_digits(void **state)
{
    char up[1003], half[1003];
    json_t *v;

    (void)state;
    /* 2^53 + 1 lies in the middle; the 1,000th digit decides */
    memset(half, '0', sizeof(half) - 1);
    memcpy(half, "9007199254740993.", 17);
    half[sizeof(half) - 1] = '\0';
    memcpy(up, half, sizeof(half));
    up[sizeof(up) - 2] = '1';
    v = parse(half);
    assert_true(flow_json_double(v) == 9007199254740992.0);
    assert_string_equal(text_of(v), half);
    v = parse(up);
    assert_true(flow_json_double(v) == 9007199254740994.0);
    assert_string_equal(text_of(v), up);
}

static void a_double_prints_as_javascript_prints_it(void **state)
{
    /* clang-format off */
    static const struct { double d; const char *text; } cases[] = {
        { 0, "0" }, { -0.0, "-0" }, { 1, "1" }, { -1.5, "-1.5" },
        { 1e20, "100000000000000000000" }, { 1e21, "1e+21" },
        { 1e-6, "0.000001" }, { 1e-7, "1e-7" }, { 1.5e-10, "1.5e-10" },
        { 123456789012345680000.0, "123456789012345680000" },
        { 1.0 / 3, "0.3333333333333333" }, { 2.0 / 3, "0.6666666666666666" },
        { 0.1 + 0.2, "0.30000000000000004" }, { 4.35, "4.35" },
        { 5e-324, "5e-324" }, { 1e-323, "1e-323" }, { 1e23, "1e+23" },
        /* 2^-44: the nearest 16 digits do not read back, their neighbour does */
        { 5.6843418860808015e-14, "5.684341886080802e-14" },
        { 9007199254740993.0, "9007199254740992" },
        { 1.7976931348623157e308, "1.7976931348623157e+308" },
        { 2.2250738585072014e-308, "2.2250738585072014e-308" },
        { 999999999999999.9, "999999999999999.9" },
        { 99999999999999.98, "99999999999999.98" },
    };
    /* clang-format on */
    char tmp[FLOW_JSON_NUMBER_MAX];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        assert_int_equal(flow_json_format_double(cases[i].d, tmp),
                         strlen(cases[i].text));
        assert_string_equal(tmp, cases[i].text);
    }
}

static apr_uint64_t next_random(apr_uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void every_double_reads_back(void **state)
{
    apr_uint64_t seed = 0x9e3779b97f4a7c15ULL;
    char tmp[FLOW_JSON_NUMBER_MAX];
    int i;

    (void)state;
    for (i = 0; i < 20000; ++i) {
        apr_uint64_t bits = next_random(&seed);
        apr_size_t len;
        json_t *v;
        double d;

        if (i % 2) {
            bits &= 0xbfffffffffffffffULL; /* smaller, down to denormals */
        }
        if (i % 20 == 1) {
            bits &= 0x800fffffffffffffULL;
        }
        memcpy(&d, &bits, sizeof(d));
        if (!isfinite(d)) {
            continue;
        }
        len = flow_json_format_double(d, tmp);
        v = flow_json_number_new(tmp, len);
        assert_non_null(v);
        assert_true(flow_json_double(v) == d);
        assert_true(strtod(tmp, NULL) == d);
        json_decref(v);
    }
}

static void doubles_become_what_json_stringify_makes_of_them(void **state)
{
    /* clang-format off */
    static const struct { double d; const char *text; } cases[] = {
        { 3, "3" }, { -0.0, "0" }, { 0.5, "0.5" }, { NAN, "null" },
        { INFINITY, "null" }, { -INFINITY, "null" },
        { 9007199254740992.0, "9007199254740992" }, { 1e300, "1e+300" },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        json_t *v = flow_json_own(pool, flow_json_double_new(cases[i].d));

        assert_string_equal(text_of(v), cases[i].text);
    }
}

static void an_integer_is_known_by_its_value(void **state)
{
    /* clang-format off */
    static const struct { const char *text; int is_int; apr_int64_t n; }
    cases[] = {
        { "10", 1, 10 }, { "10.0", 1, 10 }, { "1e1", 1, 10 },
        { "100e-1", 1, 10 }, { "0.01e3", 1, 10 }, { "-0", 1, 0 },
        { "0e999999999999999999999", 1, 0 }, { "10.5", 0, 0 },
        { "9223372036854775807", 1, APR_INT64_MAX },
        { "9223372036854775807.00", 1, APR_INT64_MAX },
        { "-9223372036854775808.0", 1, APR_INT64_MIN },
        { "9223372036854775808", 0, 0 }, { "1e19", 0, 0 }, { "1e18", 1,
          1000000000000000000LL }, { "1e400", 0, 0 }, { "1e-400", 0, 0 },
        { "0.1", 0, 0 }, { "\"10\"", 0, 0 }, { "null", 0, 0 },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        apr_int64_t n = 77;
        int is_int = flow_json_int64(parse(cases[i].text), &n);

        if (is_int != cases[i].is_int) {
            fail_msg("%s", cases[i].text);
        }
        assert_true(n == (is_int ? cases[i].n : 77));
    }
}

static void only_one_number_makes_a_number(void **state)
{
    static const char *const bad[] = { "",   " 1", "1 ",  "01",  "+1", "1.",
                                       ".5", "1e", "1e+", "0x1", "-",  "NaN" };
    json_t *v = flow_json_number_new("1.50xyz", 4);
    size_t i;

    (void)state;
    assert_string_equal(text_of(v), "1.50");
    json_decref(v);
    for (i = 0; i < COUNT(bad); ++i) {
        assert_null(flow_json_number_new(bad[i], strlen(bad[i])));
    }
}

static void numbers_are_equal_as_decimals(void **state)
{
    /* clang-format off */
    static const struct { const char *a, *b; int is_equal; } cases[] = {
        { "1", "1.0", 1 }, { "1", "1e0", 1 }, { "1.10", "1.1", 1 },
        { "0", "-0", 1 }, { "0.0", "0e5", 1 }, { "100", "1e2", 1 },
        { "0.1", "0.10000000000000001", 0 }, { "1e400", "1e401", 0 },
        { "1e400", "10e399", 1 }, { "-1", "1", 0 },
        { "123456789012345678901234567890",
          "123456789012345678901234567891", 0 },
        { "123456789012345678901234567890",
          "12345678901234567890123456789.0e1", 1 },
        { "1e99999999999999999999", "1e99999999999999999998", 0 },
        { "1e99999999999999999999", "1e99999999999999999999", 1 },
        { "9007199254740993", "9007199254740992", 0 },
        { "9007199254740993", "9007199254740993.0", 1 },
        { "1", "\"1\"", 0 }, { "\"a\"", "\"a\"", 1 },
        { "\"a\"", "\"a\\u0000\"", 0 }, { "null", "false", 0 },
        { "true", "true", 1 }, { "true", "false", 0 },
        { "[1,2]", "[1.0,2e0]", 1 }, { "[1,2]", "[2,1]", 0 },
        { "[1]", "[1,2]", 0 }, { "[]", "{}", 0 },
        { "{\"a\":1,\"b\":[2]}", "{\"b\":[2.0],\"a\":1e0}", 1 },
        { "{\"a\":1}", "{\"b\":1}", 0 }, { "{\"a\":1}", "{}", 0 },
        { "{\"a\\u0000b\":1}", "{\"a\\u0000c\":1}", 0 },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        json_t *a = parse(cases[i].a), *b = parse(cases[i].b);

        if (flow_json_equal(a, b) != cases[i].is_equal ||
            flow_json_equal(b, a) != cases[i].is_equal) {
            fail_msg("%s against %s", cases[i].a, cases[i].b);
        }
    }
    assert_true(flow_json_equal(NULL, json_null()));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_pool, drop_pool)
    const struct CMUnitTest tests[] = {
        TEST(a_number_leaves_as_it_came),
        TEST(a_long_number_is_rounded_by_all_its_digits),
        TEST(a_double_prints_as_javascript_prints_it),
        TEST(every_double_reads_back),
        TEST(doubles_become_what_json_stringify_makes_of_them),
        TEST(an_integer_is_known_by_its_value),
        TEST(only_one_number_makes_a_number),
        TEST(numbers_are_equal_as_decimals),
    };
    int rc;

    apr_initialize();
    flow_json_global_init();
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return rc;
}

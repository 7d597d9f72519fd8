/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <stdio.h>
#include <sys/un.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "base/flow_egress.h"
#include "base/flow_http.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void expect(const flow_egress_t *egress, const char *host,
                   const char *address, const char *trusted, int allowed)
{
    if (flow_egress_allows(egress, host, address, trusted) != allowed) {
        fail_msg("host '%s' at %s, trusted '%s': %s", host, address,
                 trusted ? trusted : "(none)",
                 allowed ? "should be allowed" : "should be refused");
    }
}

static void without_rules_only_the_outside_is_open(void **state)
{
    static const char *const outside[] = {
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2001:4860:4860::8888",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
        "64:ff9a::1",
        "64:ff9b:2::1",
        "2001:1::1",
        "100:0:0:1::1",
        "168.63.129.15",
        "fbff::1",
        "fe7f::1",
    };
    static const char *const inside[] = {
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.0.1",
        "169.254.169.254",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.192",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
        "::ffff:169.254.169.254",
        "64:ff9b::10.0.0.1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2002:a9fe:a9fe::",
        "::10.0.0.1",
        "::169.254.169.254",
        "::ffff:0:10.0.0.1",
        "::ffff:100.100.100.200",
        "64:ff9b::169.254.169.254",
        "64:ff9b::0.0.0.1",
        "64:ff9b:1::8.8.8.8",
        "64:ff9b:1:a00::1",
        "2001::1",
        "2001:0:808:808::f7f7:f7f7",
        "100::1",
        "168.63.129.16",
        "192.88.99.1",
        "fc00::1",
        "fd00:ec2::254",
        "fdff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
    };
    flow_egress_t *empty = flow_egress_create(*state);
    size_t i;

    for (i = 0; i < COUNT(outside); ++i) {
        expect(NULL, "host.example", outside[i], NULL, 1);
        expect(empty, "host.example", outside[i], NULL, 1);
    }
    for (i = 0; i < COUNT(inside); ++i) {
        expect(NULL, "host.example", inside[i], NULL, 0);
        expect(empty, "host.example", inside[i], NULL, 0);
        expect(NULL, "host.example", inside[i], "host.example", 1);
    }
}

static void trust_is_for_the_named_host_only(void **state)
{
    /* clang-format off */
    static const struct { const char *host, *trusted; int allowed; } cases[] = {
        { "erp.local",   "erp.local",     1 },
        { "ERP.local",   "erp.LOCAL",     1 },
        { "erp.local.",  "erp.local",     1 },
        { "erp.local",   "erp.local.",    1 },
        { "[::1]",       "::1",           1 },
        { "::1",         "[::1]",         1 },
        { "erp.local",   "",              0 },
        { "",            "",              0 },
        { "erp.local",   NULL,            0 },
        { "erp.local",   "local",         0 },
        { "erp.local",   "erp.local.evil.example", 0 },
        { "x.erp.local", "erp.local",     0 },
        { "127.0.0.1",   "127.0.0.1",     1 },
        { "127.0.0.1",   "localhost",     0 },
    };
    /* clang-format on */
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); ++i) {
        expect(NULL, cases[i].host, "127.0.0.1", cases[i].trusted,
               cases[i].allowed);
    }
}

static flow_egress_t *rules(const char *const *patterns, apr_pool_t *p)
{
    flow_egress_t *egress = flow_egress_create(p);

    for (; *patterns; ++patterns) {
        const char *why =
            flow_egress_add(egress, (*patterns)[0] == '+', *patterns + 1, p);

        if (why) {
            fail_msg("'%s': %s", *patterns, why);
        }
    }
    return egress;
}

static void the_first_rule_that_matches_decides(void **state)
{
    /* clang-format off */
    static const struct {
        const char *patterns[4]; /* '+' allow, '-' deny */
        const char *host, *address, *trusted;
        int allowed;
    } cases[] = {
        /* names */
        { { "+erp.local" },  "erp.local",   "10.0.0.1", NULL, 1 },
        { { "+ERP.Local." }, "erp.local",   "10.0.0.1", NULL, 1 },
        { { "+erp.local" },  "ERP.LOCAL.",  "10.0.0.1", NULL, 1 },
        { { "+erp.local" },  "x.erp.local", "10.0.0.1", NULL, 0 },
        { { "-bad.example" }, "bad.example", "8.8.8.8", NULL, 0 },
        { { "-bad.example" }, "bad.example", "8.8.8.8", "bad.example", 0 },
        { { "-bad.example" }, "notbad.example", "8.8.8.8", NULL, 1 },
        /* suffixes */
        { { "+*.local" },    "erp.local",   "10.0.0.1", NULL, 1 },
        { { "+*.local" },    "a.b.local",   "10.0.0.1", NULL, 1 },
        { { "+*.local" },    "local",       "10.0.0.1", NULL, 0 },
        { { "+*.local" },    ".local",      "10.0.0.1", NULL, 0 },
        { { "+*.local" },    "notlocal",    "10.0.0.1", NULL, 0 },
        { { "-*.example" },  "x.EXAMPLE.",  "8.8.8.8",  NULL, 0 },
        /* addresses, whatever the name is */
        { { "+10.0.0.1" },   "any.example", "10.0.0.1", NULL, 1 },
        { { "+10.0.0.1" },   "any.example", "10.0.0.2", NULL, 0 },
        { { "+10.0.0.1" },   "any.example", "::ffff:10.0.0.1", NULL, 1 },
        { { "+::ffff:10.0.0.1" }, "h.example", "10.0.0.1", NULL, 1 },
        { { "+::1" },        "h.example",   "::1",      NULL, 1 },
        { { "+[::1]" },      "h.example",   "::1",      NULL, 1 },
        { { "-8.8.8.8" },    "h.example",   "8.8.8.8",  "h.example", 0 },
        /* blocks */
        { { "+10.0.0.0/8" },   "h.example", "10.255.0.1", NULL, 1 },
        { { "+10.0.0.0/8" },   "h.example", "11.0.0.0", NULL, 1 },
        { { "+10.128.0.0/9" }, "h.example", "10.127.0.1", NULL, 0 },
        { { "+10.128.0.0/9" }, "h.example", "10.128.0.1", NULL, 1 },
        { { "+10.0.0.8/31" },  "h.example", "10.0.0.9", NULL, 1 },
        { { "+10.0.0.8/31" },  "h.example", "10.0.0.10", NULL, 0 },
        { { "+10.0.0.8/32" },  "h.example", "10.0.0.8", NULL, 1 },
        { { "-0.0.0.0/0" },    "h.example", "8.8.8.8",  NULL, 0 },
        { { "-0.0.0.0/0" },    "h.example", "2001:db8::1", NULL, 1 },
        { { "-::/0" },         "h.example", "2001:db8::1", NULL, 0 },
        { { "-::/0" },         "h.example", "8.8.8.8",  NULL, 1 },
        { { "-::/0" },         "h.example", "::ffff:8.8.8.8",  NULL, 1 },
        { { "+fd00:1234::/32" }, "h.example", "fd00:1234:9::1", NULL, 1 },
        { { "+fd00:1234::/32" }, "h.example", "fd00:1235::1", NULL, 0 },
        { { "+::ffff:10.0.0.0/104" }, "h.example", "10.9.9.9", NULL, 1 },
        { { "+::ffff:10.0.0.0/104" }, "h.example", "192.168.0.1", NULL, 0 },
        /* a translator in the network is both */
        { { "-8.8.0.0/16" },   "h.example", "64:ff9b::8.8.8.8", NULL, 0 },
        { { "-64:ff9b::/96" }, "h.example", "64:ff9b::8.8.8.8", NULL, 0 },
        { { "-64:ff9b::/96" }, "h.example", "8.8.8.8", NULL, 1 },
        { { "+64:ff9b::/96" }, "h.example", "64:ff9b::8.8.8.8", NULL, 1 },
        { { "+64:ff9b::/96" }, "h.example", "64:ff9b::10.0.0.1", NULL, 0 },
        { { "+64:ff9b::/96", "+10.0.0.0/8" }, "h.example", "64:ff9b::10.0.0.1",
          NULL, 1 },
        { { "+::/0", "-8.8.0.0/16" }, "h.example", "64:ff9b::8.8.8.8", NULL, 0 },
        { { "+::/0", "-8.8.0.0/16" }, "h.example", "::8.8.8.8", NULL, 0 },
        { { "+::/0", "-8.8.0.0/16" }, "h.example", "2002:808:808::1", NULL, 0 },
        { { "+::/0", "-8.8.0.0/16" }, "h.example", "2001:0:808:808::", NULL, 0 },
        { { "+::/0", "-8.8.0.0/16" }, "h.example", "2001::f7f7:f7f7", NULL, 0 },
        { { "+::/0" }, "h.example", "2002:a00:1::", NULL, 0 },
        { { "+::/0" }, "h.example", "2001:0:808:808::", NULL, 1 },
        { { "+::1" }, "h.example", "::1", NULL, 1 },
        { { "+::/0" }, "h.example", "::1", NULL, 1 },
        { { "-0.0.0.0/8" }, "h.example", "::1", "h.example", 1 },
        /* of a local NAT64 prefix all places are looked at */
        { { "+64:ff9b:1::/48", "-10.0.0.0/8" }, "h.example",
          "64:ff9b:1::8.8.8.8", NULL, 1 },
        { { "+64:ff9b:1::/48", "-10.0.0.0/8" }, "h.example",
          "64:ff9b:1::10.0.0.1", NULL, 0 },
        { { "+64:ff9b:1::/48", "-10.0.0.0/8" }, "h.example",
          "64:ff9b:1:a00:0:100::", NULL, 0 },
        { { "+64:ff9b:1::/48", "-10.0.0.0/8" }, "h.example",
          "64:ff9b:1:8:a:0:100:0", NULL, 0 },
        { { "+64:ff9b:1::/48", "-10.0.0.0/8" }, "h.example",
          "64:ff9b:1:808:a:0:100:0", NULL, 0 },
        /* order */
        { { "+h.example", "-10.0.0.0/8" }, "h.example", "10.0.0.1", NULL, 1 },
        { { "-10.0.0.0/8", "+h.example" }, "h.example", "10.0.0.1", NULL, 0 },
        { { "+10.0.0.5", "-10.0.0.0/8", "+*" }, "h", "10.0.0.5", NULL, 1 },
        { { "+10.0.0.5", "-10.0.0.0/8", "+*" }, "h", "10.0.0.6", NULL, 0 },
        { { "+10.0.0.5", "-10.0.0.0/8", "+*" }, "h", "127.0.0.1", NULL, 1 },
        { { "+*.example", "-*" }, "a.example", "8.8.8.8", NULL, 1 },
        { { "+*.example", "-*" }, "a.test",    "8.8.8.8", "a.test", 0 },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        flow_egress_t *egress = rules(cases[i].patterns, *state);

        if (flow_egress_allows(egress, cases[i].host, cases[i].address,
                               cases[i].trusted) != cases[i].allowed) {
            fail_msg("%s %s ...: host '%s' at %s", cases[i].patterns[0],
                     cases[i].patterns[1] ? cases[i].patterns[1] : "",
                     cases[i].host, cases[i].address);
        }
    }
}

static void a_bad_pattern_says_what_would_be_good(void **state)
{
#define NO_PATTERN                                                             \
    "is not a host pattern; write a host name (without port), '*.suffix', an " \
    "address, address/bits, or '*'"
    /* clang-format off */
    static const struct { const char *pattern, *why; } cases[] = {
        { "",               "'' " NO_PATTERN },
        { "*.",             "'*.' " NO_PATTERN },
        { "a*b",            "'a*b' " NO_PATTERN },
        { "**.example",     "'**.example' " NO_PATTERN },
        { "*.*.example",    "'*.*.example' " NO_PATTERN },
        { "a..b",           "'a..b' " NO_PATTERN },
        { "-a.example",     "'-a.example' " NO_PATTERN },
        { "a b",            "'a b' " NO_PATTERN },
        { "host:8080",      "'host:8080' " NO_PATTERN },
        { "10.0.0",         "'10.0.0' " NO_PATTERN },
        { "10.0.0.256",     "'10.0.0.256' " NO_PATTERN },
        { "*.1",            "'*.1' " NO_PATTERN },
        { "::g",            "'::g' " NO_PATTERN },
        { "b\xc3\xbc" "cher.example",
                            "'b\xc3\xbc" "cher.example' " NO_PATTERN },
        { "https://a.example",
          "'https://a.example' is a URL; write its host name alone" },
        { "a.example/8",
          "'a.example' is not an address; write it like 10.0.0.0/8 or "
          "fd00::/8" },
        { "10.0.0.0/",      "'/' is not a number of bits from 0 to 32" },
        { "10.0.0.0/33",    "'/33' is not a number of bits from 0 to 32" },
        { "10.0.0.0/-1",    "'/-1' is not a number of bits from 0 to 32" },
        { "10.0.0.0/4294967304",
          "'/4294967304' is not a number of bits from 0 to 32" },
        { "fd00::/129",     "'/129' is not a number of bits from 0 to 128" },
        { "10.1.2.3/8",
          "'10.1.2.3/8' is not the start of a network; write '10.0.0.0/8', or "
          "the address alone" },
        { "10.1.2.3/31",
          "'10.1.2.3/31' is not the start of a network; write '10.1.2.2/31', "
          "or the address alone" },
        { "fd00::1/64",
          "'fd00::1/64' is not the start of a network; write 'fd00::/64', or "
          "the address alone" },
    };
    /* clang-format on */
    flow_egress_t *egress = flow_egress_create(*state);
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        const char *why = flow_egress_add(egress, 0, cases[i].pattern, *state);

        if (!why) {
            fail_msg("'%s' was accepted", cases[i].pattern);
        }
        assert_string_equal(why, cases[i].why);
    }
    expect(egress, "a.example", "8.8.8.8", NULL, 1); /* nothing was half-set */
}

static void what_is_no_internet_address_is_refused(void **state)
{
    static const char *const texts[] = { "",       "localhost", "1.2.3",
                                         "0x7f.1", "8.8.8.8 ",  "::1%lo" };
    flow_egress_t *egress = flow_egress_create(*state);
    struct sockaddr_un local = { .sun_family = AF_UNIX };
    size_t i;

    assert_null(flow_egress_add(egress, 1, "*", *state));
    for (i = 0; i < COUNT(texts); ++i) {
        expect(egress, "h.example", texts[i], "h.example", 0);
    }
    assert_false(flow_egress_check(egress, "h.example",
                                   (struct sockaddr *)&local, "h.example"));
}

static void a_host_is_read_as_the_caller_of_it_reads_it(void **state)
{
    /* clang-format off */
    static const struct { const char *url, *host; } cases[] = {
        { "http://Foo.Example/x",       "foo.example" },
        { "HTTPS://foo.example:8443?q", "foo.example" },
        { "http://[2001:DB8::1]:80/",   "2001:db8::1" },
        { "http://0x7f.1/",             "127.0.0.1" },
        { "http://2130706433/",         "127.0.0.1" },
        { "http://0177.0.0.1/",         "127.0.0.1" },
        { "http://%6cocalhost/",        "localhost" },
        { "http://a.example#@b.example/", "a.example" },
        { "http://a.example/@b.example", "a.example" },
        { "http://user:pass@a.example/", NULL },
        { "http://a.example\\@b.example/", NULL },
        { "http://a b/",                NULL },
        { "http://h/\r\nX: y",          NULL },
        { "http://h:99999/",            NULL },
        { "http://",                    NULL },
        { "http://b\xc3\xbc" "cher.example/", NULL },
        { "ftp://foo.example/",         NULL },
        { "file:///etc/passwd",         NULL },
        { "foo.example",                NULL },
        { "//foo.example/",             NULL },
        { "",                           NULL },
    };
    /* clang-format on */
    size_t i;

    for (i = 0; i < COUNT(cases); ++i) {
        char *host = flow_url_host(cases[i].url, *state);

        if (!cases[i].host) {
            if (host) {
                fail_msg("'%s' has host '%s'", cases[i].url, host);
            }
            continue;
        }
        assert_non_null(host);
        assert_string_equal(host, cases[i].host);
    }
}

static void all_but_the_unreserved_is_encoded(void **state)
{
    assert_string_equal(flow_url_encode("aZ09-._~", 8, *state), "aZ09-._~");
    assert_string_equal(flow_url_encode(" /?&=+%\xc3\xa9", 9, *state),
                        "%20%2F%3F%26%3D%2B%25%C3%A9");
    assert_string_equal(flow_url_encode("a\0b", 3, *state), "a%00b");
    assert_string_equal(flow_url_encode("", 0, *state), "");
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
        cmocka_unit_test(without_rules_only_the_outside_is_open),
        cmocka_unit_test(trust_is_for_the_named_host_only),
        cmocka_unit_test(the_first_rule_that_matches_decides),
        cmocka_unit_test(a_bad_pattern_says_what_would_be_good),
        cmocka_unit_test(what_is_no_internet_address_is_refused),
        cmocka_unit_test(a_host_is_read_as_the_caller_of_it_reads_it),
        cmocka_unit_test(all_but_the_unreserved_is_encoded),
    };
    int rc;

    apr_initialize();
    rc = cmocka_run_group_tests(tests, setup, teardown);
    apr_terminate();
    return rc;
}

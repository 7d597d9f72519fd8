/* SPDX-License-Identifier: Apache-2.0 */
#include "base/flow_egress.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#define NAME_MAX_BYTES 253 /* of a host name, RFC 1035 */

/* An address as the rules see it. An IPv6 address that leads to an IPv4 one is
 * both. */
typedef struct address_t {
    int has_v4;
    int has_v6;
    unsigned char v4[4];
    unsigned char v6[16];
} address_t;

typedef enum {
    MATCH_ALL,     /* "*" */
    MATCH_NAME,    /* "host.example" */
    MATCH_SUFFIX,  /* "*.example", name is ".example" */
    MATCH_ADDRESS, /* "10.0.0.0/8" */
} match_e;

typedef struct rule_t {
    int is_allow;
    match_e match;
    const char *name;
    int is_v4;
    unsigned char net[16];
    int bits;
} rule_t;

struct flow_egress_t {
    apr_array_header_t *rules; /* of rule_t */
};

typedef struct block_t {
    unsigned char bytes[16];
    int bits;
} block_t;

/* clang-format off */
static const block_t inner_v4[] = {
    { { 0 },             8 },  /* "this network", unspecified          */
    { { 10 },            8 },  /* private                              */
    { { 100, 64 },      10 },  /* shared by a provider's customers     */
    { { 127 },           8 },  /* loopback                             */
    { { 169, 254 },     16 },  /* link-local, metadata services        */
    { { 172, 16 },      12 },  /* private                              */
    { { 192, 0, 0 },    24 },  /* protocol assignments                 */
    { { 192, 168 },     16 },  /* private                              */
    { { 198, 18 },      15 },  /* benchmarks                           */
    { { 224 },           4 },  /* multicast                            */
    { { 240 },           4 },  /* reserved, broadcast                  */
};
static const block_t inner_v6[] = {
    { { 0xfc },          7 },  /* private, metadata service            */
    { { 0xfe, 0x80 },   10 },  /* link-local                           */
    { { 0xfe, 0xc0 },   10 },  /* site-local, withdrawn but routed     */
    { { 0xff },          8 },  /* multicast                            */
};
static const unsigned char mapped_prefix[12] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};
static const unsigned char nat64_prefix[12] = { 0, 0x64, 0xff, 0x9b };
static const unsigned char compatible_prefix[12] = { 0 };
/* clang-format on */

static int bits_match(const unsigned char *a, const unsigned char *b, int bits)
{
    int whole = bits / 8, rest = bits % 8;

    if (memcmp(a, b, (size_t)whole)) {
        return 0;
    }
    return !rest || !((a[whole] ^ b[whole]) >> (8 - rest));
}

static void set_v4(address_t *out, const unsigned char *bytes)
{
    out->has_v4 = 1;
    out->has_v6 = 0;
    memcpy(out->v4, bytes, sizeof(out->v4));
}

static void set_v6(address_t *out, const unsigned char *bytes)
{
    /* the kernel makes an IPv4 connection of it */
    if (!memcmp(bytes, mapped_prefix, sizeof(mapped_prefix))) {
        set_v4(out, bytes + sizeof(mapped_prefix));
        return;
    }
    out->has_v6 = 1;
    memcpy(out->v6, bytes, sizeof(out->v6));

    /* a translator (NAT64) in the network makes one of it */
    out->has_v4 = !memcmp(bytes, nat64_prefix, sizeof(nat64_prefix));
    memcpy(out->v4, bytes + sizeof(nat64_prefix), sizeof(out->v4));
}

static int is_inner_v4(const unsigned char *bytes)
{
    apr_size_t i;

    for (i = 0; i < sizeof(inner_v4) / sizeof(inner_v4[0]); ++i) {
        if (bits_match(bytes, inner_v4[i].bytes, inner_v4[i].bits)) {
            return 1;
        }
    }
    return 0;
}

/* Refused unless something says otherwise. */
static int is_inner(const address_t *address)
{
    const unsigned char *bytes = address->v6;
    apr_size_t i;

    if (address->has_v4) {
        return is_inner_v4(address->v4);
    }
    /* ::a.b.c.d, which covers :: and ::1 too, as 0.0.0.0 and 0.0.0.1 */
    if (!memcmp(bytes, compatible_prefix, sizeof(compatible_prefix))) {
        return is_inner_v4(bytes + 12);
    }
    /* 2002:a.b.c.d::, 6to4 */
    if (bytes[0] == 0x20 && bytes[1] == 0x02) {
        return is_inner_v4(bytes + 2);
    }
    for (i = 0; i < sizeof(inner_v6) / sizeof(inner_v6[0]); ++i) {
        if (bits_match(bytes, inner_v6[i].bytes, inner_v6[i].bits)) {
            return 1;
        }
    }
    return 0;
}

/* The length of a host without brackets and final dot; moves *phost. */
static apr_size_t trim_host(const char **phost)
{
    apr_size_t len = strlen(*phost);

    if (len > 2 && (*phost)[0] == '[' && (*phost)[len - 1] == ']') {
        ++*phost;
        len -= 2;
    }
    if (len > 1 && (*phost)[len - 1] == '.') {
        --len;
    }
    return len;
}

static int is_same_host(const char *a, const char *b)
{
    apr_size_t alen = trim_host(&a), blen = trim_host(&b);

    return alen == blen && alen && !strncasecmp(a, b, alen);
}

static int ends_with(const char *host, const char *suffix)
{
    apr_size_t len = trim_host(&host), slen = strlen(suffix);

    return len > slen && !strncasecmp(host + len - slen, suffix, slen);
}

static int rule_matches(const rule_t *rule, const char *host,
                        const address_t *address)
{
    switch (rule->match) {
    case MATCH_ALL:
        return 1;
    case MATCH_NAME:
        return is_same_host(host, rule->name);
    case MATCH_SUFFIX:
        return ends_with(host, rule->name);
    case MATCH_ADDRESS:
        if (rule->is_v4) {
            return address->has_v4 &&
                   bits_match(rule->net, address->v4, rule->bits);
        }
        return address->has_v6 &&
               bits_match(rule->net, address->v6, rule->bits);
    }
    return 0;
}

static int decide(const flow_egress_t *egress, const char *host,
                  const address_t *address, const char *trusted)
{
    int i;

    for (i = 0; egress && i < egress->rules->nelts; ++i) {
        const rule_t *rule = &APR_ARRAY_IDX(egress->rules, i, rule_t);

        if (rule_matches(rule, host, address)) {
            return rule->is_allow;
        }
    }
    if (!is_inner(address)) {
        return 1;
    }
    return trusted && is_same_host(host, trusted);
}

int flow_egress_check(const flow_egress_t *egress, const char *host,
                      const struct sockaddr *address, const char *trusted)
{
    /* copied out: what a resolver hands over need not be aligned for us */
    address_t seen;

    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, address, sizeof(in));
        set_v4(&seen, (const unsigned char *)&in.sin_addr);
    }
    else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, address, sizeof(in6));
        set_v6(&seen, (const unsigned char *)&in6.sin6_addr);
    }
    else {
        return 0;
    }
    return decide(egress, host, &seen, trusted);
}

/* @return 4, 6, or 0 if text is no address */
static int parse_address(unsigned char *bytes, const char *text)
{
    if (inet_pton(AF_INET, text, bytes) == 1) {
        return 4;
    }
    return inet_pton(AF_INET6, text, bytes) == 1 ? 6 : 0;
}

int flow_egress_allows(const flow_egress_t *egress, const char *host,
                       const char *address, const char *trusted)
{
    unsigned char bytes[16];
    address_t seen;

    switch (parse_address(bytes, address)) {
    case 4:
        set_v4(&seen, bytes);
        break;
    case 6:
        set_v6(&seen, bytes);
        break;
    default:
        return 0;
    }
    return decide(egress, host, &seen, trusted);
}

flow_egress_t *flow_egress_create(apr_pool_t *p)
{
    flow_egress_t *egress = apr_palloc(p, sizeof(*egress));

    egress->rules = apr_array_make(p, 4, sizeof(rule_t));
    return egress;
}

/* Is one dot-separated part of a host name fit to be one? */
static int is_label(const char *label, apr_size_t len)
{
    apr_size_t i;

    if (!len || len > 63 || label[0] == '-' || label[len - 1] == '-') {
        return 0;
    }
    for (i = 0; i < len; ++i) {
        if (!apr_isalnum(label[i]) && label[i] != '-' && label[i] != '_') {
            return 0;
        }
    }
    return 1;
}

/* The last part of a name is never a number: then it is a broken address. */
static int is_host_name(const char *name, apr_size_t len)
{
    const char *end = name + len, *label = name, *dot = name;
    int has_letter = 0;

    if (!len || len > NAME_MAX_BYTES) {
        return 0;
    }
    while (dot < end) {
        dot = memchr(label, '.', (apr_size_t)(end - label));
        dot = dot ? dot : end;
        if (!is_label(label, (apr_size_t)(dot - label))) {
            return 0;
        }
        for (has_letter = 0; label < dot; ++label) {
            has_letter |= apr_isalpha(*label);
        }
        label = dot + 1;
    }
    return has_letter;
}

static const char *parse_bits(int *pbits, const char *text, int max,
                              apr_pool_t *p)
{
    apr_size_t len = strlen(text);

    if (len && len <= 3 && strspn(text, "0123456789") == len) {
        *pbits = (int)strtol(text, NULL, 10);
        if (*pbits <= max) {
            return NULL;
        }
    }
    return apr_psprintf(p, "'/%s' is not a number of bits from 0 to %d", text,
                        max);
}

/* 10.1.2.3/8 is more often a slip of the pen than a way to say 10.0.0.0/8. */
static const char *check_rest(const unsigned char *bytes, int family, int bits,
                              const char *pattern, apr_pool_t *p)
{
    int size = family == 4 ? 4 : 16, i;
    unsigned char net[16];
    char text[INET6_ADDRSTRLEN];

    for (i = 0; i < size; ++i) {
        int keep = bits - 8 * i;

        net[i] = keep >= 8  ? bytes[i]
                 : keep > 0 ? bytes[i] & (unsigned char)(0xff00 >> keep)
                            : 0;
    }
    if (!memcmp(net, bytes, (size_t)size)) {
        return NULL;
    }
    if (!inet_ntop(family == 4 ? AF_INET : AF_INET6, net, text, sizeof(text))) {
        text[0] = '\0';
    }
    return apr_psprintf(p,
                        "'%s' is not the start of a network; write '%s/%d', or "
                        "the address alone",
                        pattern, text, bits);
}

static const char *parse_network(rule_t *rule, const char *address,
                                 const char *bits, const char *pattern,
                                 apr_pool_t *p)
{
    unsigned char bytes[16];
    int family = parse_address(bytes, address);
    const char *why;

    if (!family) {
        return apr_psprintf(p,
                            "'%s' is not an address; write it like 10.0.0.0/8 "
                            "or fd00::/8",
                            address);
    }
    rule->match = MATCH_ADDRESS;
    rule->bits = family == 4 ? 32 : 128;
    if (bits) {
        why = parse_bits(&rule->bits, bits, rule->bits, p);
        why = why ? why : check_rest(bytes, family, rule->bits, pattern, p);
        if (why) {
            return why;
        }
    }
    rule->is_v4 = family == 4;
    memcpy(rule->net, bytes, family == 4 ? 4 : 16);

    /* addresses of this block are seen as IPv4 when they are used */
    if (family == 6 && rule->bits >= 96 &&
        !memcmp(bytes, mapped_prefix, sizeof(mapped_prefix))) {
        rule->is_v4 = 1;
        memcpy(rule->net, bytes + sizeof(mapped_prefix), 4);
        rule->bits -= 96;
    }
    return NULL;
}

static const char *parse_pattern(rule_t *rule, const char *pattern,
                                 apr_pool_t *p)
{
    const char *slash = strchr(pattern, '/'), *trimmed = pattern;
    apr_size_t len = trim_host(&trimmed);
    const char *text = apr_pstrmemdup(p, trimmed, len);
    unsigned char bytes[16];
    int is_name;

    if (!strcmp(pattern, "*")) {
        rule->match = MATCH_ALL;
        return NULL;
    }
    if (strstr(pattern, "://")) {
        return apr_psprintf(p, "'%s' is a URL; write its host name alone",
                            pattern);
    }
    if (slash) {
        const char *address =
            apr_pstrmemdup(p, pattern, (apr_size_t)(slash - pattern));

        return parse_network(rule, address, slash + 1, pattern, p);
    }
    if (parse_address(bytes, text)) {
        return parse_network(rule, text, NULL, pattern, p);
    }
    if (strncmp(text, "*.", 2)) {
        rule->match = MATCH_NAME;
        rule->name = text;
        is_name = is_host_name(text, len);
    }
    else {
        rule->match = MATCH_SUFFIX;
        rule->name = text + 1;
        is_name = is_host_name(text + 2, len - 2);
    }
    if (!is_name) {
        return apr_psprintf(p,
                            "'%s' is not a host pattern; write a host name "
                            "(without port), '*.suffix', an address, "
                            "address/bits, or '*'",
                            pattern);
    }
    return NULL;
}

const char *flow_egress_add(flow_egress_t *egress, int allow,
                            const char *pattern, apr_pool_t *p)
{
    rule_t rule = { 0 };
    const char *why = parse_pattern(&rule, pattern, p);

    if (why) {
        return why;
    }
    rule.is_allow = allow;
    APR_ARRAY_PUSH(egress->rules, rule_t) = rule;
    return NULL;
}

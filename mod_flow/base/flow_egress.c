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

#define INSIDE_MAX     4 /* IPv4 addresses that an IPv6 address may lead to */

/* An address as the rules see it. */
typedef struct address_t {
    int is_v4;
    unsigned char bytes[16];
    /* an IPv6 address: the IPv4 ones that something on the way makes of it.
     * is_sure: it can only be this one, so that decides. */
    int ninside, is_sure;
    unsigned char inside[INSIDE_MAX][4];
} address_t;

typedef enum {
    VERDICT_NONE,
    VERDICT_ALLOW,
    VERDICT_DENY
} verdict_e;

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
    { { 168, 63, 129, 16 }, 32 },  /* a metadata service               */
    { { 169, 254 },     16 },  /* link-local, metadata services        */
    { { 172, 16 },      12 },  /* private                              */
    { { 192, 0, 0 },    24 },  /* protocol assignments                 */
    { { 192, 88, 99 },  24 },  /* relays to 6to4, withdrawn            */
    { { 192, 168 },     16 },  /* private                              */
    { { 198, 18 },      15 },  /* benchmarks                           */
    { { 224 },           4 },  /* multicast                            */
    { { 240 },           4 },  /* reserved, broadcast                  */
};
static const block_t inner_v6[] = {
    { { 0 },           127 },  /* unspecified, loopback                */
    { { 0, 0x64, 0xff, 0x9b, 0, 1 }, 48 },  /* NAT64 of the local network */
    { { 0x01 },         64 },  /* discarded                            */
    { { 0x20, 0x01, 0, 0 }, 32 },  /* Teredo                           */
    { { 0xfc },          7 },  /* private, metadata service            */
    { { 0xfe, 0x80 },   10 },  /* link-local                           */
    { { 0xfe, 0xc0 },   10 },  /* site-local, withdrawn but routed     */
    { { 0xff },          8 },  /* multicast                            */
};
static const unsigned char mapped_prefix[12] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
};
/* Where an IPv4 address stands in an IPv6 one: the first byte of each, and a
 * jump over byte 8, which translators leave out (RFC 6052). */
static const struct {
    block_t prefix;
    int is_sure;
    int n, at[INSIDE_MAX];
} carriers[] = {
    { { { 0 }, 96 }, 1, 1, { 12 } },                           /* ::a.b.c.d */
    { { { 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff }, 96 }, 1, 1, { 12 } }, /* SIIT */
    { { { 0, 0x64, 0xff, 0x9b }, 96 }, 1, 1, { 12 } },         /* NAT64     */
    { { { 0x20, 0x02 }, 16 }, 1, 1, { 2 } },                   /* 6to4      */
    { { { 0, 0x64, 0xff, 0x9b, 0, 1 }, 48 }, 0, 4, { 6, 7, 9, 12 } },
    { { { 0x20, 0x01, 0, 0 }, 32 }, 0, 2, { 4, 12 } },         /* Teredo    */
};
/* clang-format on */

static int bits_match(const unsigned char *a, const unsigned char *b, int bits)
{
    int whole = bits / 8, rest = bits % 8;

    if (memcmp(a, b, (size_t)whole)) {
        return 0;
    }
    return !rest || !((a[whole] ^ b[whole]) >> (8 - rest));
}

static int is_in(const unsigned char *bytes, const block_t *blocks,
                 apr_size_t n)
{
    apr_size_t i;

    for (i = 0; i < n; ++i) {
        if (bits_match(bytes, blocks[i].bytes, blocks[i].bits)) {
            return 1;
        }
    }
    return 0;
}

static int is_inner_v4(const unsigned char *bytes)
{
    return is_in(bytes, inner_v4, sizeof(inner_v4) / sizeof(inner_v4[0]));
}

static int is_inner_v6(const unsigned char *bytes)
{
    return is_in(bytes, inner_v6, sizeof(inner_v6) / sizeof(inner_v6[0]));
}

static void set_v4(address_t *out, const unsigned char *bytes)
{
    memset(out, 0, sizeof(*out));
    out->is_v4 = 1;
    memcpy(out->bytes, bytes, 4);
}

/* The IPv4 address whose first byte stands at @a at. */
static void take_inside(unsigned char *out, const unsigned char *bytes, int at,
                        int is_hidden)
{
    int i;

    for (i = 0; i < 4; ++i, ++at) {
        at += at == 8;
        out[i] = bytes[at] ^ (is_hidden ? 0xff : 0);
    }
}

static void set_v6(address_t *out, const unsigned char *bytes)
{
    apr_size_t i;
    int k;

    /* the kernel makes an IPv4 connection of it */
    if (!memcmp(bytes, mapped_prefix, sizeof(mapped_prefix))) {
        set_v4(out, bytes + sizeof(mapped_prefix));
        return;
    }
    memset(out, 0, sizeof(*out));
    memcpy(out->bytes, bytes, sizeof(out->bytes));
    for (i = 0; i < sizeof(carriers) / sizeof(carriers[0]); ++i) {
        if (!bits_match(bytes, carriers[i].prefix.bytes,
                        carriers[i].prefix.bits)) {
            continue;
        }
        if (bits_match(bytes, inner_v6[0].bytes, inner_v6[0].bits)) {
            return; /* :: and ::1 carry nothing */
        }
        out->is_sure = carriers[i].is_sure;
        out->ninside = carriers[i].n;
        for (k = 0; k < carriers[i].n; ++k) {
            /* Teredo writes the caller's own address upside down */
            take_inside(out->inside[k], bytes, carriers[i].at[k],
                        bytes[0] == 0x20 && carriers[i].at[k] == 12);
        }
        return;
    }
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
                        const unsigned char *bytes, int is_v4)
{
    switch (rule->match) {
    case MATCH_ALL:
        return 1;
    case MATCH_NAME:
        return is_same_host(host, rule->name);
    case MATCH_SUFFIX:
        return ends_with(host, rule->name);
    case MATCH_ADDRESS:
        return rule->is_v4 == is_v4 && bits_match(rule->net, bytes, rule->bits);
    }
    return 0;
}

/* What the first rule says that matches. */
static verdict_e verdict(const flow_egress_t *egress, const char *host,
                         const unsigned char *bytes, int is_v4)
{
    int i;

    for (i = 0; egress && i < egress->rules->nelts; ++i) {
        const rule_t *rule = &APR_ARRAY_IDX(egress->rules, i, rule_t);

        if (rule_matches(rule, host, bytes, is_v4)) {
            return rule->is_allow ? VERDICT_ALLOW : VERDICT_DENY;
        }
    }
    return VERDICT_NONE;
}

/* An IPv6 address that leads to an IPv4 one must be allowed as both: a rule
 * that opens the way through a translator does not open what is behind it. */
static int decide(const flow_egress_t *egress, const char *host,
                  const address_t *address, const char *trusted)
{
    int is_trusted = trusted && is_same_host(host, trusted), i;
    verdict_e said = verdict(egress, host, address->bytes, address->is_v4);

    if (said == VERDICT_DENY) {
        return 0;
    }
    for (i = 0; i < address->ninside; ++i) {
        switch (verdict(egress, host, address->inside[i], 1)) {
        case VERDICT_DENY:
            return 0;
        case VERDICT_NONE:
            if (address->is_sure && is_inner_v4(address->inside[i]) &&
                !is_trusted) {
                return 0;
            }
            break;
        case VERDICT_ALLOW:
            break;
        }
    }
    if (said == VERDICT_ALLOW || is_trusted) {
        return 1;
    }
    return !(address->is_v4 ? is_inner_v4 : is_inner_v6)(address->bytes);
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

/* 1 when @a host is written as an address. */
static int literal(address_t *seen, const char *host)
{
    char text[INET6_ADDRSTRLEN];
    apr_size_t len = trim_host(&host);
    unsigned char bytes[16];

    if (len >= sizeof(text)) {
        return 0;
    }
    memcpy(text, host, len);
    text[len] = '\0';
    switch (parse_address(bytes, text)) {
    case 4:
        set_v4(seen, bytes);
        return 1;
    case 6:
        set_v6(seen, bytes);
        return 1;
    default:
        return 0;
    }
}

/* What the first rule says that needs no address. */
static verdict_e name_verdict(const flow_egress_t *egress, const char *host)
{
    static const unsigned char nowhere[16];
    int i;

    for (i = 0; egress && i < egress->rules->nelts; ++i) {
        const rule_t *rule = &APR_ARRAY_IDX(egress->rules, i, rule_t);

        if (rule->match != MATCH_ADDRESS &&
            rule_matches(rule, host, nowhere, 1)) {
            return rule->is_allow ? VERDICT_ALLOW : VERDICT_DENY;
        }
    }
    return VERDICT_NONE;
}

int flow_egress_check_name(const flow_egress_t *egress, const char *host,
                           const char *trusted)
{
    address_t seen;

    if (literal(&seen, host)) {
        return decide(egress, host, &seen, trusted);
    }
    switch (name_verdict(egress, host)) {
    case VERDICT_ALLOW:
        return 1;
    case VERDICT_DENY:
        return 0;
    case VERDICT_NONE:
        break;
    }
    return (trusted && is_same_host(host, trusted)) ||
           !(is_same_host(host, "localhost") || ends_with(host, ".localhost"));
}

int flow_egress_names(const flow_egress_t *egress, const char *host)
{
    address_t seen;

    if (!egress) {
        return 0;
    }
    return (literal(&seen, host) ? verdict(egress, host, seen.bytes, seen.is_v4)
                                 : name_verdict(egress, host)) == VERDICT_ALLOW;
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_helper_private.h"

#include "base/flow_sign.h"
#include "data/flow_json.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

/* --- character encodings, as Node.js names them ---------------------------- */

typedef enum {
    ENCODING_UTF8,
    ENCODING_ASCII,
    ENCODING_LATIN1,
    ENCODING_HEX,
    ENCODING_BASE64,
    ENCODING_UTF16LE
} encoding_e;

static int encoding_named(const char *name, apr_size_t len, encoding_e *pe)
{
    static const struct {
        const char *name;
        encoding_e encoding;
    } known[] = {
        { "utf8", ENCODING_UTF8 },        { "utf-8", ENCODING_UTF8 },
        { "ascii", ENCODING_ASCII },      { "hex", ENCODING_HEX },
        { "base64", ENCODING_BASE64 },    { "binary", ENCODING_LATIN1 },
        { "latin1", ENCODING_LATIN1 },    { "ucs2", ENCODING_UTF16LE },
        { "ucs-2", ENCODING_UTF16LE },    { "utf16le", ENCODING_UTF16LE },
        { "utf-16le", ENCODING_UTF16LE },
    };
    apr_size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); ++i) {
        if (strlen(known[i].name) == len &&
            strncasecmp(known[i].name, name, len) == 0) {
            *pe = known[i].encoding;
            return 1;
        }
    }
    return 0;
}

static apr_status_t encoding_of(const flow_helper_call_t *call, int i,
                                encoding_e *pe)
{
    apr_size_t len;
    const char *name = flow_helper_text(call, i, &len);

    *pe = ENCODING_UTF8;
    if (len == 0 || encoding_named(name, len, pe))
        return APR_SUCCESS;
    return flow_helper_fail(call, "template_value",
                            "the encoding must be one of utf8 ascii hex base64 "
                            "binary latin1 ucs2 utf16le");
}

static void add_utf8(flow_buf_t *b, unsigned c)
{
    char tmp[4];
    apr_size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;

    if (n == 1) {
        flow_buf_addc(b, (char)c);
        return;
    }
    for (i = n; i-- > 1; c >>= 6)
        tmp[i] = (char)(0x80 | (c & 0x3f));
    tmp[0] = (char)((0xf00 >> n & 0xff) | c);
    flow_buf_add(b, tmp, n);
}

static unsigned next_char(const char **ps, const char *end)
{
    const unsigned char *s = (const unsigned char *)*ps;
    apr_size_t n = *s < 0x80 ? 1 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4, i;
    unsigned c = n == 1 ? *s : *s & (0xffU >> (n + 1));

    if ((apr_size_t)(end - *ps) < n)
        n = (apr_size_t)(end - *ps);
    for (i = 1; i < n; ++i)
        c = c << 6 | (s[i] & 0x3f);
    *ps += n;
    return c;
}

static int hex_digit(char c)
{
    return apr_isdigit(c)    ? c - '0'
           : apr_isxdigit(c) ? apr_tolower(c) - 'a' + 10
                             : -1;
}

/* As Buffer.from(text, "hex"): up to the first pair that is none. */
static void add_from_hex(flow_buf_t *b, const char *s, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i + 1 < len; i += 2) {
        int high = hex_digit(s[i]), low = hex_digit(s[i + 1]);

        if (high < 0 || low < 0)
            return;
        flow_buf_addc(b, (char)(high << 4 | low));
    }
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (apr_isdigit(c))
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* As Buffer.from(text, "base64"): both alphabets, padding optional, other
 * characters skipped, and '=' is the end. */
static void add_from_base64(flow_buf_t *b, const char *s, apr_size_t len)
{
    unsigned bits = 0;
    int n = 0;
    apr_size_t i;

    for (i = 0; i < len && s[i] != '='; ++i) {
        int digit = base64_digit(s[i]);

        if (digit < 0)
            continue;
        bits = bits << 6 | (unsigned)digit;
        n += 6;
        if (n >= 8) {
            n -= 8;
            flow_buf_addc(b, (char)(bits >> n & 0xff));
        }
    }
}

static void add_units(flow_buf_t *b, unsigned c)
{
    if (c > 0xffff) {
        c -= 0x10000;
        add_units(b, 0xd800 | c >> 10);
        c = 0xdc00 | (c & 0x3ff);
    }
    flow_buf_addc(b, (char)(c & 0xff));
    flow_buf_addc(b, (char)(c >> 8));
}

static void add_bytes(flow_buf_t *b, encoding_e encoding, const char *s,
                      apr_size_t len)
{
    const char *end = s + len;

    switch (encoding) {
    case ENCODING_UTF8:
        flow_buf_add(b, s, len);
        break;
    case ENCODING_HEX:
        add_from_hex(b, s, len);
        break;
    case ENCODING_BASE64:
        add_from_base64(b, s, len);
        break;
    case ENCODING_ASCII:
    case ENCODING_LATIN1:
        while (s < end)
            flow_buf_addc(b, (char)(next_char(&s, end) & 0xff));
        break;
    case ENCODING_UTF16LE:
        while (s < end)
            add_units(b, next_char(&s, end));
        break;
    }
}

static void add_utf16(flow_buf_t *b, const char *s, apr_size_t len)
{
    const unsigned char *c = (const unsigned char *)s;
    apr_size_t i;

    for (i = 0; i + 1 < len; i += 2) {
        unsigned unit = c[i] | (unsigned)c[i + 1] << 8, low = 0;

        if (unit >= 0xd800 && unit <= 0xdbff && i + 3 < len)
            low = c[i + 2] | (unsigned)c[i + 3] << 8;
        if (low >= 0xdc00 && low <= 0xdfff) {
            add_utf8(b, 0x10000 + ((unit & 0x3ff) << 10 | (low & 0x3ff)));
            i += 2;
        }
        else {
            add_utf8(b, unit >= 0xd800 && unit <= 0xdfff ? 0xfffd : unit);
        }
    }
}

/* Bytes as text. */
static void add_decoded(const flow_helper_call_t *call, flow_buf_t *b,
                        encoding_e encoding, const char *s, apr_size_t len)
{
    apr_size_t i;

    switch (encoding) {
    case ENCODING_UTF8:
        s = flow_utf8_repair(s, len, &len, call->p);
        flow_buf_add(b, s, len);
        break;
    case ENCODING_HEX:
        flow_buf_adds(b, flow_hex(s, len, call->p));
        break;
    case ENCODING_BASE64:
        flow_buf_adds(b, flow_base64(s, len, call->p));
        break;
    case ENCODING_ASCII:
        for (i = 0; i < len; ++i)
            flow_buf_addc(b, (char)(s[i] & 0x7f));
        break;
    case ENCODING_LATIN1:
        for (i = 0; i < len; ++i)
            add_utf8(b, (unsigned char)s[i]);
        break;
    case ENCODING_UTF16LE:
        add_utf16(b, s, len);
        break;
    }
}

static int is_hex(const char *s, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len; ++i) {
        if (hex_digit(s[i]) < 0)
            return 0;
    }
    return len % 2 == 0;
}

/* The second argument says what the text is in. Only for "hex" the reference
 * has an example that means the output; text that is not hex gets that. */
static apr_status_t base64_encode(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len;
    const char *s = flow_helper_text(call, 0, &len), *text;
    encoding_e encoding;
    flow_buf_t b;
    apr_status_t rv = encoding_of(call, 1, &encoding);

    if (rv != APR_SUCCESS)
        return rv;
    if (encoding == ENCODING_HEX && !is_hex(s, len)) {
        text = flow_hex(s, len, call->p);
    }
    else {
        flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
        add_bytes(&b, encoding, s, len);
        text = b.status == APR_SUCCESS
                   ? flow_base64(b.data ? b.data : "", b.len, call->p)
                   : NULL;
        if (!text)
            return flow_helper_take(call, &b, out);
        flow_buf_release(&b);
    }
    *out = flow_any_of_text(text, strlen(text));
    return APR_SUCCESS;
}

static apr_status_t base64_decode(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len;
    const char *s = flow_helper_text(call, 0, &len);
    encoding_e encoding;
    flow_buf_t bytes, b;
    apr_status_t rv = encoding_of(call, 1, &encoding);

    if (rv != APR_SUCCESS)
        return rv;
    flow_buf_init(&bytes, FLOW_HELPER_TEXT_MAX);
    flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
    add_from_base64(&bytes, s, len);
    if (bytes.status == APR_SUCCESS && bytes.len)
        add_decoded(call, &b, encoding, bytes.data, bytes.len);
    flow_buf_release(&bytes);
    return flow_helper_take(call, &b, out);
}

/* --- URIs ----------------------------------------------------------------- */

/* JavaScript's encodeURIComponent(). */
static apr_status_t encode_uri(flow_helper_call_t *call, flow_any_t *out)
{
    static const char digits[] = "0123456789ABCDEF";
    apr_size_t len, i;
    const char *s = flow_helper_text(call, 0, &len);
    flow_buf_t b;

    flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
    for (i = 0; i < len; ++i) {
        unsigned char c = (unsigned char)s[i];

        if (c < 0x80 && (apr_isalnum(c) || (c && strchr("-_.!~*'()", c)))) {
            flow_buf_addc(&b, (char)c);
        }
        else {
            char code[3] = { '%', digits[c >> 4], digits[c & 15] };

            flow_buf_add(&b, code, 3);
        }
    }
    return flow_helper_take(call, &b, out);
}

/* What cannot be decoded stays as it is, as a whole. */
static apr_status_t decode_uri(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len, i, n = 0;
    const char *s = flow_helper_text(call, 0, &len);
    char *text = apr_palloc(call->p, len + 1);
    int high, low;

    *out = flow_any_of_text(s, len);
    for (i = 0; i < len; ++i) {
        if (s[i] != '%') {
            text[n++] = s[i];
            continue;
        }
        high = i + 2 < len ? hex_digit(s[i + 1]) : -1;
        low = i + 2 < len ? hex_digit(s[i + 2]) : -1;
        if (high < 0 || low < 0)
            return APR_SUCCESS;
        text[n++] = (char)(high << 4 | low);
        i += 2;
    }
    text[n] = '\0';
    if (flow_utf8_is_valid(text, n))
        *out = flow_any_of_text(text, n);
    return APR_SUCCESS;
}

static apr_status_t strip_protocol(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len, n = 0;
    const char *s = flow_helper_text(call, 0, &len);

    while (n < len && (apr_isalnum(s[n]) || strchr("+-.", s[n])))
        ++n;
    if (n > 0 && apr_isalpha(s[0]) && len - n >= 3 &&
        memcmp(s + n, "://", 3) == 0) {
        s += n + 1;
        len -= n + 1;
    }
    *out = flow_any_of_text(s, len);
    return APR_SUCCESS;
}

static apr_status_t strip_querystring(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len;
    const char *s = flow_helper_text(call, 0, &len);
    const char *mark = memchr(s, '?', len);

    *out = flow_any_of_text(s, mark ? (apr_size_t)(mark - s) : len);
    return APR_SUCCESS;
}

/* --- HTML ----------------------------------------------------------------- */

static const struct {
    const char *entity;
    unsigned code;
} entities[] = {
    { "&amp;", '&' },   { "&lt;", '<' },   { "&gt;", '>' },
    { "&quot;", '"' },  { "&#39;", '\'' }, { "&apos;", '\'' },
    { "&nbsp;", 0xa0 },
};

static apr_status_t html_encode(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len, i, k;
    const char *s = flow_helper_text(call, 0, &len);
    flow_buf_t b;

    flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
    for (i = 0; i < len; ++i) {
        for (k = 0; k < 5 && (unsigned char)s[i] != entities[k].code; ++k)
            ;
        if (k < 5)
            flow_buf_adds(&b, entities[k].entity);
        else
            flow_buf_addc(&b, s[i]);
    }
    return flow_helper_take(call, &b, out);
}

/* &#60; and &#x3c; ; returns the bytes taken, 0 when it is none. */
static apr_size_t numeric_entity(const char *s, apr_size_t len, unsigned *pcode)
{
    apr_size_t i = 2;
    int is_hex_code = len > 3 && (s[2] == 'x' || s[2] == 'X');
    unsigned code = 0;

    if (len < 4 || s[1] != '#')
        return 0;
    i += (apr_size_t)is_hex_code;
    for (; i < len && i < 12; ++i) {
        int digit = hex_digit(s[i]);

        if (digit < 0 || (!is_hex_code && digit > 9))
            break;
        code = code * (is_hex_code ? 16 : 10) + (unsigned)digit;
        if (code > 0x10ffff)
            return 0;
    }
    if (i >= len || s[i] != ';' || i == 2U + (apr_size_t)is_hex_code ||
        code == 0 || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *pcode = code;
    return i + 1;
}

static apr_size_t read_entity(const char *s, apr_size_t len, unsigned *pcode)
{
    apr_size_t k;

    for (k = 0; k < sizeof(entities) / sizeof(entities[0]); ++k) {
        apr_size_t n = strlen(entities[k].entity);

        if (n <= len && memcmp(s, entities[k].entity, n) == 0) {
            *pcode = entities[k].code;
            return n;
        }
    }
    return numeric_entity(s, len, pcode);
}

static apr_status_t html_decode(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len, n;
    const char *s = flow_helper_text(call, 0, &len);
    unsigned code;
    flow_buf_t b;

    flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
    for (; len; s += n, len -= n) {
        n = *s == '&' ? read_entity(s, len, &code) : 0;
        if (n) {
            add_utf8(&b, code);
            continue;
        }
        for (n = 1; n < len && s[n] != '&';)
            ++n;
        flow_buf_add(&b, s, n);
    }
    return flow_helper_take(call, &b, out);
}

/* --- JSON ----------------------------------------------------------------- */

static apr_status_t json_encode(flow_helper_call_t *call, flow_any_t *out)
{
    static const char object[] = "[object Object]";
    const flow_any_t *v = &call->args[0];
    flow_buf_t b;

    if (v->type == FLOW_ANY_ARRAY || v->type == FLOW_ANY_OBJECT) {
        *out = flow_any_of_text(object, sizeof(object) - 1);
        return APR_SUCCESS;
    }
    if (v->type != FLOW_ANY_TEXT) {
        *out = *v;
        return APR_SUCCESS;
    }
    flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
    flow_json_write_escaped(&b, v->text, v->len);
    return flow_helper_take(call, &b, out);
}

static apr_status_t json_serialize(flow_helper_call_t *call, flow_any_t *out)
{
    const flow_any_t *v = &call->args[0];
    flow_buf_t b;
    json_t *json;

    if (v->type == FLOW_ANY_MISSING)
        return APR_SUCCESS;
    json = flow_any_to_json(v);
    if (!json)
        return flow_helper_no_memory(call);
    flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
    flow_json_write(&b, json, FLOW_JSON_COMPACT);
    json_decref(json);
    return flow_helper_take(call, &b, out);
}

/* What is no text has been parsed already. */
static apr_status_t json_parse(flow_helper_call_t *call, flow_any_t *out)
{
    const flow_any_t *v = &call->args[0];
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *json;
    apr_status_t rv;

    if (v->type != FLOW_ANY_TEXT) {
        *out = *v;
        return APR_SUCCESS;
    }
    rv = flow_helper_charge(call, v->len * 8);
    if (rv != APR_SUCCESS)
        return rv;
    if (flow_json_parse(&json, v->text, v->len, &err) != APR_SUCCESS)
        return flow_helper_fail(call, "template_value", "%s", err.message);
    return flow_helper_own(call, json, out);
}

/* clang-format off */
static const flow_helper_t rows[] = {
    { "base64Encode", 1, 2, base64_encode, NULL, 0, "text [encoding=\"utf8\"]", "Base64 of the text's bytes: utf8 ascii hex base64 binary latin1 ucs2 utf16le.", "{{{base64Encode \"jane.doe@example.com\"}}}", "amFuZS5kb2VAZXhhbXBsZS5jb20=" },
    { "base64Decode", 1, 2, base64_decode, NULL, 0, "text [encoding=\"utf8\"]", "The bytes as text in that encoding; `hex` and `base64` print them so.", "{{base64Decode \"SGVsbG8gV29ybGQh\" \"hex\"}}", "48656c6c6f20576f726c6421" },
    { "encodeURI", 1, 1, encode_uri, NULL, 0, "text", "Percent-encoded for a part of a URI: `, / ? : @ & = + $ #` are, too.", "{{{encodeURI \"sample data/type\"}}}", "sample%20data%2Ftype" },
    { "decodeURI", 1, 1, decode_uri, NULL, 0, "text", "The opposite; what cannot be decoded stays as it is.", "{{{decodeURI \"overseas%20order%20flow\"}}}", "overseas order flow" },
    { "htmlEncode", 1, 1, html_encode, NULL, 0, "text", "`& < > \" '` as entities.", "{{{htmlEncode \"<b>'x' & y</b>\"}}}", "&lt;b&gt;&#39;x&#39; &amp; y&lt;/b&gt;" },
    { "htmlDecode", 1, 1, html_decode, NULL, 0, "text", "These, `&nbsp;` and numeric entities as characters.", "{{{htmlDecode \"&lt;p&gt;Hello &amp; welcome&lt;/p&gt;\"}}}", "<p>Hello & welcome</p>" },
    { "jsonEncode", 1, 1, json_encode, NULL, 0, "value", "A text as the inside of a JSON string, without the quotes. Not for objects.", "{{{jsonEncode 'a \"b\"'}}}", "a \\\"b\\\"" },
    { "jsonSerialize", 1, 1, json_serialize, NULL, 0, "value", "JSON; a text gets its quotes.", "{{{jsonSerialize \"a\"}}}", "\"a\"" },
    { "jsonStringify", 1, 1, json_serialize, NULL, 0, "value", "Another name of `jsonSerialize`.", "{{{jsonStringify (jsonParse '{ \"price\": 19.90 }')}}}", "{\"price\":19.90}" },
    { "jsonParse", 1, 1, json_parse, NULL, 0, "text", "The value that the JSON text stands for, for `#with` and `#each`.", "{{#with (jsonParse '{\"shardid\":\"dddt22\"}')}}{{shardid}}{{/with}}", "dddt22" },
    { "stripProtocol", 1, 1, strip_protocol, NULL, 0, "url", "Without `http:` or the like.", "{{{stripProtocol \"http://foo.bar/image.png\"}}}", "//foo.bar/image.png" },
    { "stripQuerystring", 1, 1, strip_querystring, NULL, 0, "url", "Up to the first `?`.", "{{{stripQuerystring \"https://site.com/page?x=1#section\"}}}", "https://site.com/page" },
};
/* clang-format on */

const flow_helper_table_t flow_helpers_encode = {
    "Encodings, JSON, URLs", rows, sizeof(rows) / sizeof(rows[0])
};

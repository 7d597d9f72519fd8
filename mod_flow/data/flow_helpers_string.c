/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_helper_private.h"

#include "data/flow_json.h"

#include <apr_strings.h>
#include <math.h>
#include <string.h>

#define PAD_MAX 999999 /* documented */

static apr_status_t give(flow_any_t *out, const char *s, apr_size_t len)
{
    *out = flow_any_of_text(s, len);
    return APR_SUCCESS;
}

/* --- trimming ------------------------------------------------------------- */

static apr_status_t trim_ends(flow_helper_call_t *call, flow_any_t *out,
                              int left, int right)
{
    apr_size_t len, n;
    const char *s = flow_helper_text(call, 0, &len);

    while (left && (n = flow_any_space(s, len)) != 0) {
        s += n;
        len -= n;
    }
    while (right && (n = flow_any_space_before(s, len)) != 0)
        len -= n;
    return give(out, s, len);
}

static apr_status_t trim(flow_helper_call_t *call, flow_any_t *out)
{
    return trim_ends(call, out, 1, 1);
}

static apr_status_t trim_left(flow_helper_call_t *call, flow_any_t *out)
{
    return trim_ends(call, out, 1, 0);
}

static apr_status_t trim_right(flow_helper_call_t *call, flow_any_t *out)
{
    return trim_ends(call, out, 0, 1);
}

/* Letters and digits; what is beyond ASCII and no white space counts as one. */
static int is_alnum(const char *s, apr_size_t len)
{
    unsigned char c = (unsigned char)*s;

    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z') || (c >= 0x80 && !flow_any_space(s, len));
}

static apr_status_t chop(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len, n;
    const char *s = flow_helper_text(call, 0, &len);

    while (len && !is_alnum(s, len)) {
        n = flow_any_space(s, len);
        s += n ? n : 1;
        len -= n ? n : 1;
    }
    while (len) {
        n = flow_any_space_before(s, len);
        if (!n && is_alnum(s + len - 1, 1))
            break;
        len -= n ? n : 1;
    }
    return give(out, s, len);
}

/* --- padding -------------------------------------------------------------- */

static void add_pad(flow_buf_t *b, const char *pad, apr_size_t len,
                    apr_size_t units)
{
    apr_size_t each = flow_any_units(pad, len);

    for (; units >= each && b->status == APR_SUCCESS; units -= each)
        flow_buf_add(b, pad, len);
    flow_buf_add(b, pad, flow_any_unit_offset(pad, len, units));
}

static apr_status_t pad(flow_helper_call_t *call, flow_any_t *out, int is_left)
{
    apr_size_t len, pad_len = 1, have, want;
    const char *s = flow_helper_text(call, 0, &len), *with = " ";
    flow_buf_t b;

    want = flow_helper_count(call, 1, 0);
    have = flow_any_units(s, len);
    if (call->n > 2 && !flow_any_is_nothing(&call->args[2]))
        with = flow_helper_text(call, 2, &pad_len);
    if (want > PAD_MAX) {
        return flow_helper_fail(call, "template_value",
                                "the length must be at most %d", PAD_MAX);
    }
    if (have >= want || pad_len == 0)
        return give(out, s, len);
    flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
    if (!is_left)
        flow_buf_add(&b, s, len);
    add_pad(&b, with, pad_len, want - have);
    if (is_left)
        flow_buf_add(&b, s, len);
    return flow_helper_take(call, &b, out);
}

static apr_status_t pad_left(flow_helper_call_t *call, flow_any_t *out)
{
    return pad(call, out, 1);
}

static apr_status_t pad_right(flow_helper_call_t *call, flow_any_t *out)
{
    return pad(call, out, 0);
}

/* --- parts ---------------------------------------------------------------- */

/* JavaScript's substring(): NaN is 0, and the ends may come in any order. */
static apr_status_t substring(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len, from, to, swap;
    const char *s = flow_helper_text(call, 0, &len);
    flow_any_t end = flow_helper_arg(call, 2);

    from = flow_any_unit_offset(s, len, flow_helper_count(call, 1, 0));
    to = end.type == FLOW_ANY_MISSING
             ? len
             : flow_any_unit_offset(s, len, flow_helper_count(call, 2, 0));
    if (from > to) {
        swap = from;
        from = to;
        to = swap;
    }
    return give(out, s + from, to - from);
}

static const char *find(const char *s, const char *end, const char *what,
                        apr_size_t len)
{
    return memmem(s, (apr_size_t)(end - s), what, len);
}

static apr_status_t split(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len, dlen, i = flow_helper_count(call, 2, 0);
    const char *s = flow_helper_text(call, 0, &len), *end = s + len, *next;
    const char *delimiter = flow_helper_text(call, 1, &dlen);

    if (call->n > 1 && dlen == 0) { /* into characters */
        apr_size_t from = flow_any_unit_offset(s, len, i);

        return give(out, s + from, flow_any_unit_offset(s, len, i + 1) - from);
    }
    for (;; s = next + dlen, --i) {
        next = dlen ? find(s, end, delimiter, dlen) : NULL;
        if (i == 0)
            return give(out, s, (apr_size_t)((next ? next : end) - s));
        if (!next)
            return APR_SUCCESS;
    }
}

/* Arrays are joined all the way down. */
static void add_joined(const flow_helper_call_t *call, flow_buf_t *b,
                       const flow_any_t *v, const char *delimiter,
                       apr_size_t dlen, int depth, int *pis_first)
{
    apr_size_t i, len;
    const char *s;

    if (v->type == FLOW_ANY_ARRAY && depth < FLOW_JSON_DEPTH) {
        for (i = 0; i < json_array_size(v->json) && b->status == APR_SUCCESS;
             ++i) {
            flow_any_t element = flow_any_from(json_array_get(v->json, i));

            add_joined(call, b, &element, delimiter, dlen, depth + 1,
                       pis_first);
        }
        return;
    }
    if (!*pis_first)
        flow_buf_add(b, delimiter, dlen);
    *pis_first = 0;
    s = flow_any_text(v, &len, call->p);
    flow_buf_add(b, s, len);
}

static apr_status_t join(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t dlen;
    const char *delimiter = flow_helper_text(call, 0, &dlen);
    int i, is_first = 1;
    flow_buf_t b;

    flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
    for (i = 1; i < call->n; ++i) {
        add_joined(call, &b, &call->args[i], delimiter, dlen, 0, &is_first);
    }
    return flow_helper_take(call, &b, out);
}

/* --- replacing ------------------------------------------------------------ */

static apr_status_t replace_some(flow_helper_call_t *call, flow_any_t *out,
                                 int all, const char *with, apr_size_t wlen)
{
    apr_size_t len, olen;
    const char *s = flow_helper_text(call, 0, &len), *end = s + len, *next;
    const char *old = flow_helper_text(call, 1, &olen);
    flow_buf_t b;

    next = olen ? find(s, end, old, olen) : NULL;
    if (!next)
        return give(out, s, len);
    flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
    for (; next; next = all ? find(s, end, old, olen) : NULL) {
        flow_buf_add(&b, s, (apr_size_t)(next - s));
        flow_buf_add(&b, with, wlen);
        s = next + olen;
    }
    flow_buf_add(&b, s, (apr_size_t)(end - s));
    return flow_helper_take(call, &b, out);
}

static apr_status_t replace(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len;
    const char *with = flow_helper_text(call, 2, &len);

    return replace_some(call, out, 1, with, len);
}

static apr_status_t replacefirst(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len;
    const char *with = flow_helper_text(call, 2, &len);

    return replace_some(call, out, 0, with, len);
}

static apr_status_t removefirst(flow_helper_call_t *call, flow_any_t *out)
{
    return replace_some(call, out, 0, "", 0);
}

static apr_status_t occurrences(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len, wlen, n = 0;
    const char *s = flow_helper_text(call, 0, &len), *end = s + len;
    const char *what = flow_helper_text(call, 1, &wlen);

    while (wlen && (s = find(s, end, what, wlen)) != NULL) {
        s += wlen;
        ++n;
    }
    *out = flow_any_of_number((double)n);
    return APR_SUCCESS;
}

/* --- the rest ------------------------------------------------------------- */

static apr_status_t reverse_array(flow_helper_call_t *call, flow_any_t *out)
{
    const json_t *array = call->args[0].json;
    json_t *reversed = json_array();
    apr_size_t i = json_array_size(array);

    while (reversed && i-- > 0)
        json_array_append(reversed, json_array_get(array, i));
    return flow_helper_own(call, reversed, out);
}

/* By characters, so that none of them breaks. */
static apr_status_t reverse(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len, i = 0, n;
    const char *s;
    char *text;

    if (call->args[0].type == FLOW_ANY_ARRAY)
        return reverse_array(call, out);
    s = flow_helper_text(call, 0, &len);
    text = apr_palloc(call->p, len + 1);
    while (i < len) {
        for (n = 1; i + n < len && ((unsigned char)s[i + n] & 0xc0) == 0x80;)
            ++n;
        memcpy(text + len - i - n, s + i, n);
        i += n;
    }
    text[len] = '\0';
    return give(out, text, len);
}

/* A tag goes from '<' and a letter, '/', '!' or '?' to the next '>'; a '<' that
 * starts none, or none that ends, is text. */
static const char *tag_end(const char *s, const char *end)
{
    unsigned char c = s + 1 < end ? (unsigned char)s[1] : ' ';

    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' ||
          c == '!' || c == '?'))
        return NULL;
    if (end - s >= 4 && memcmp(s, "<!--", 4) == 0) {
        s = find(s + 4, end, "-->", 3);
        return s ? s + 3 : NULL;
    }
    s = memchr(s, '>', (apr_size_t)(end - s));
    return s ? s + 1 : NULL;
}

static apr_status_t sanitize(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len;
    const char *s = flow_helper_text(call, 0, &len), *end = s + len;
    int has_ends = 1; /* once there is no '>' any more nothing is a tag */
    flow_buf_t b;

    flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
    while (s < end) {
        const char *open = memchr(s, '<', (apr_size_t)(end - s)), *next;

        if (!open || !has_ends)
            break;
        next = tag_end(open, end);
        has_ends = next || memchr(open, '>', (apr_size_t)(end - open));
        flow_buf_add(&b, s, (apr_size_t)((next ? open : open + 1) - s));
        s = next ? next : open + 1;
    }
    flow_buf_add(&b, s, (apr_size_t)(end - s));
    return flow_helper_take(call, &b, out);
}

/* Words are what single blanks and tabs separate. */
static apr_status_t truncate_words(flow_helper_call_t *call, flow_any_t *out)
{
    static const char dots[] = "\xe2\x80\xa6";
    apr_size_t len, suffix_len = sizeof(dots) - 1, i, words = 0;
    const char *s = flow_helper_text(call, 0, &len), *suffix = dots;
    double limit = flow_helper_number(call, 1);
    flow_buf_t b;

    if (call->n > 2 && !flow_any_is_nothing(&call->args[2]))
        suffix = flow_helper_text(call, 2, &suffix_len);
    if (isnan(limit) || limit < 0 || limit != floor(limit) ||
        flow_any_is_nothing(&call->args[1]))
        return give(out, "", 0);
    for (i = 0; i < len && (double)words < limit; ++i)
        words += s[i] == ' ' || s[i] == '\t';
    if ((double)words < limit)
        return give(out, s, len);
    len = i ? i - 1 : 0;
    flow_any_trim(&s, &len);
    flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
    flow_buf_add(&b, s, len);
    flow_buf_add(&b, suffix, suffix_len);
    return flow_helper_take(call, &b, out);
}

/* clang-format off */
static const flow_helper_t rows[] = {
    { "trim", 1, 1, trim, NULL, 0, "text", "Without white space at both ends.", "{{trim \"  Lalo Schifrin \"}}", "Lalo Schifrin" },
    { "trimLeft", 1, 1, trim_left, NULL, 0, "text", "Without white space in front.", "{{trimLeft \"  ABC \"}}|", "ABC |" },
    { "trimRight", 1, 1, trim_right, NULL, 0, "text", "Without white space behind.", "{{trimRight \"ABC  \"}}|", "ABC|" },
    { "chop", 1, 1, chop, NULL, 0, "text", "Without white space and punctuation at both ends.", "{{{chop \" Hello*&^World- \"}}}", "Hello*&^World" },
    { "padLeft", 2, 3, pad_left, NULL, 0, "text length [with=\" \"]", "Padded in front to a length of at most 999999.", "{{padLeft \"CUST123\" 10 \"0\"}}", "000CUST123" },
    { "padRight", 2, 3, pad_right, NULL, 0, "text length [with=\" \"]", "Padded behind.", "{{padRight \"XYZ\" 6 \"*\"}}", "XYZ***" },
    { "substring", 2, 3, substring, NULL, 0, "text from [to]", "From a position, counted from 0, up to another that does not belong to it.", "{{substring \"Celigo\" 1 4}}", "eli" },
    { "split", 2, 3, split, NULL, 0, "text delimiter [index=0]", "One of the parts between delimiters.", "{{split \"Hillary-Ann-Swank\" \"-\" 1}}", "Ann" },
    { "join", 1, FLOW_HELPER_ANY, join, NULL, 0, "delimiter value...", "All values in a row; arrays are taken apart.", "{{join \"-\" \"unicorn\" \"ponies\"}}", "unicorn-ponies" },
    { "replace", 3, 3, replace, NULL, 0, "text old new", "Every occurrence replaced.", "{{replace \"these & those & more\" \"&\" \"and\"}}", "these and those and more" },
    { "replacefirst", 3, 3, replacefirst, NULL, 0, "text old new", "The first occurrence replaced.", "{{replacefirst \"a b a b\" \"a\" \"z\"}}", "z b a b" },
    { "removefirst", 2, 2, removefirst, NULL, 0, "text old", "Without the first occurrence.", "{{removefirst \"Order Order\" \"Order \"}}", "Order" },
    { "occurrences", 2, 2, occurrences, NULL, 0, "text part", "How often the part stands in the text.", "{{occurrences \"foo bar foo bar baz\" \"foo\"}}", "2" },
    { "reverse", 1, 1, reverse, NULL, 0, "value", "A text or an array backwards.", "{{reverse \"abcde\"}}", "edcba" },
    { "sanitize", 1, 1, sanitize, NULL, 0, "text", "Without markup; nothing takes its place.", "{{sanitize \"<span>Hello <strong>World</strong></span>\"}}", "Hello World" },
    { "truncateWords", 2, 3, truncate_words, NULL, 0, "text count [suffix=\"\xe2\x80\xa6\"]", "The first words, and the suffix when there are more.", "{{truncateWords \"foo bar baz\" 2}}", "foo bar\xe2\x80\xa6" },
};
/* clang-format on */

const flow_helper_table_t flow_helpers_string = {
    "Text", rows, sizeof(rows) / sizeof(rows[0])
};

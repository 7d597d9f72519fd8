/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_helper_private.h"

#include "data/flow_case.h"

#include <apr_lib.h>
#include <string.h>

/* --- one letter ----------------------------------------------------------- */

static apr_size_t char_len(const char *s, apr_size_t len)
{
    apr_size_t n = 1;

    while (n < len && ((unsigned char)s[n] & 0xc0) == 0x80)
        ++n;
    return n;
}

static void add_upper(const flow_helper_call_t *call, flow_buf_t *b,
                      const char *s, apr_size_t len)
{
    const char *upper = flow_case_upper(s, len, &len, call->p);

    flow_buf_add(b, upper, len);
}

static void add_lower(const flow_helper_call_t *call, flow_buf_t *b,
                      const char *s, apr_size_t len)
{
    const char *lower = flow_case_lower(s, len, &len, call->p);

    flow_buf_add(b, lower, len);
}

/* The first letter large, the rest as it is. */
static void add_capitalized(const flow_helper_call_t *call, flow_buf_t *b,
                            const char *s, apr_size_t len)
{
    apr_size_t n = len ? char_len(s, len) : 0;

    add_upper(call, b, s, n);
    flow_buf_add(b, s + n, len - n);
}

/* --- whole texts ---------------------------------------------------------- */

static apr_status_t lowercase(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len;
    const char *s = flow_helper_text(call, 0, &len);

    s = flow_case_lower(s, len, &len, call->p);
    *out = flow_any_of_text(s, len);
    return APR_SUCCESS;
}

static apr_status_t uppercase(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len;
    const char *s = flow_helper_text(call, 0, &len);

    s = flow_case_upper(s, len, &len, call->p);
    *out = flow_any_of_text(s, len);
    return APR_SUCCESS;
}

static apr_status_t capitalize(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len;
    const char *s = flow_helper_text(call, 0, &len);
    flow_buf_t b;

    flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
    add_capitalized(call, &b, s, len);
    return flow_helper_take(call, &b, out);
}

static int is_word_start(const char *s)
{
    return apr_isalnum(*s) || *s == '_' || (unsigned char)*s >= 0x80;
}

/* A word goes from a letter or digit to white space. */
static apr_status_t capitalize_all(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len, n;
    const char *s = flow_helper_text(call, 0, &len);
    flow_buf_t b;

    flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
    while (len) {
        n = flow_any_space(s, len);
        if (n == 0 && is_word_start(s)) {
            while (n < len && !flow_any_space(s + n, len - n))
                n += char_len(s + n, len - n);
            add_capitalized(call, &b, s, n);
        }
        else {
            n = n ? n : 1;
            flow_buf_add(&b, s, n);
        }
        s += n;
        len -= n;
    }
    return flow_helper_take(call, &b, out);
}

static apr_status_t sentence(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len, n;
    const char *s = flow_helper_text(call, 0, &len);
    int starts = 1;
    flow_buf_t b;

    flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
    s = flow_case_lower(s, len, &len, call->p);
    for (; len; s += n, len -= n) {
        n = flow_any_space(s, len);
        if (n) {
            flow_buf_add(&b, s, n);
            continue;
        }
        n = char_len(s, len);
        if (starts)
            add_upper(call, &b, s, n);
        else
            flow_buf_add(&b, s, n);
        starts = *s == '.' || *s == '?' || *s == '!';
    }
    return flow_helper_take(call, &b, out);
}

/* --- words ---------------------------------------------------------------- */

typedef enum {
    KIND_NONE, /* separates */
    KIND_LOWER,
    KIND_UPPER,
    KIND_DIGIT
} kind_e;

static kind_e kind_of(const flow_helper_call_t *call, const char *s,
                      apr_size_t len)
{
    apr_size_t lower_len, n;
    const char *lower;

    if (len == 0)
        return KIND_NONE;
    if ((unsigned char)*s < 0x80) {
        return apr_isdigit(*s)   ? KIND_DIGIT
               : apr_isupper(*s) ? KIND_UPPER
               : apr_islower(*s) ? KIND_LOWER
                                 : KIND_NONE;
    }
    if (flow_any_space(s, len))
        return KIND_NONE;
    n = char_len(s, len);
    lower = flow_case_lower(s, n, &lower_len, call->p);
    return lower_len == n && memcmp(lower, s, n) == 0 ? KIND_LOWER : KIND_UPPER;
}

/* The next word: up to a separator, a hump (aB), or the last capital of an
 * abbreviation (XMLHttp). Digits belong to what they stand beside. */
static int next_word(const flow_helper_call_t *call, const char **ps,
                     const char *end, const char **pword, apr_size_t *plen)
{
    const char *s = *ps;
    kind_e kind = KIND_NONE, next;

    while (s < end &&
           (kind = kind_of(call, s, (apr_size_t)(end - s))) == KIND_NONE)
        s += char_len(s, (apr_size_t)(end - s));
    if (s >= end)
        return 0;
    *pword = s;
    for (;;) {
        s += char_len(s, (apr_size_t)(end - s));
        next = kind_of(call, s, (apr_size_t)(end - s));
        if (next == KIND_NONE || (next == KIND_UPPER && kind != KIND_UPPER))
            break;
        if (next == KIND_UPPER && kind == KIND_UPPER) {
            apr_size_t n = char_len(s, (apr_size_t)(end - s));

            if (kind_of(call, s + n, (apr_size_t)(end - s) - n) == KIND_LOWER)
                break;
        }
        kind = next;
    }
    *plen = (apr_size_t)(s - *pword);
    *ps = s;
    return 1;
}

static apr_status_t by_words(flow_helper_call_t *call, flow_any_t *out,
                             const char *separator, int first_large,
                             int others_large)
{
    apr_size_t len, n;
    const char *s = flow_helper_text(call, 0, &len), *end = s + len, *word;
    int is_first = 1;
    flow_buf_t b;

    flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
    while (next_word(call, &s, end, &word, &n)) {
        int is_large = is_first ? first_large : others_large;
        apr_size_t head = is_large ? char_len(word, n) : 0;

        if (!is_first)
            flow_buf_adds(&b, separator);
        is_first = 0;
        add_upper(call, &b, word, head);
        add_lower(call, &b, word + head, n - head);
    }
    return flow_helper_take(call, &b, out);
}

static apr_status_t camelcase(flow_helper_call_t *call, flow_any_t *out)
{
    return by_words(call, out, "", 0, 1);
}

static apr_status_t pascalcase(flow_helper_call_t *call, flow_any_t *out)
{
    return by_words(call, out, "", 1, 1);
}

static apr_status_t snakecase(flow_helper_call_t *call, flow_any_t *out)
{
    return by_words(call, out, "_", 0, 0);
}

static apr_status_t dashcase(flow_helper_call_t *call, flow_any_t *out)
{
    return by_words(call, out, "-", 0, 0);
}

static apr_status_t dotcase(flow_helper_call_t *call, flow_any_t *out)
{
    return by_words(call, out, ".", 0, 0);
}

static apr_status_t pathcase(flow_helper_call_t *call, flow_any_t *out)
{
    return by_words(call, out, "/", 0, 0);
}

/* clang-format off */
static const flow_helper_t rows[] = {
    { "lowercase", 1, 1, lowercase, NULL, 0, "text", "Small letters.", "{{lowercase \"HERE WE GO!\"}}", "here we go!" },
    { "uppercase", 1, 1, uppercase, NULL, 0, "text", "Capital letters.", "{{uppercase \"library\"}}", "LIBRARY" },
    { "capitalize", 1, 1, capitalize, NULL, 0, "text", "The first letter large, the rest as it is.", "{{capitalize \"hello world\"}}", "Hello world" },
    { "capitalizeAll", 1, 1, capitalize_all, NULL, 0, "text", "The first letter of each word large.", "{{capitalizeAll \"the quick brown fox\"}}", "The Quick Brown Fox" },
    { "sentence", 1, 1, sentence, NULL, 0, "text", "Small letters, and a large one at the start of each sentence.", "{{sentence \"hello WORLD. goodbye world.\"}}", "Hello world. Goodbye world." },
    { "camelcase", 1, 1, camelcase, NULL, 0, "text", "Words joined by humps. Words are what separators, humps and abbreviations divide.", "{{camelcase \"version-2_1-final\"}}", "version21Final" },
    { "pascalcase", 1, 1, pascalcase, NULL, 0, "text", "The same with a large first letter.", "{{pascalcase \"hand crafted item\"}}", "HandCraftedItem" },
    { "snakecase", 1, 1, snakecase, NULL, 0, "text", "Small words joined by underscores.", "{{snakecase \"getUserProfile\"}}", "get_user_profile" },
    { "dashcase", 1, 1, dashcase, NULL, 0, "text", "Small words joined by dashes.", "{{dashcase \"a-b-c d_e\"}}", "a-b-c-d-e" },
    { "dotcase", 1, 1, dotcase, NULL, 0, "text", "Small words joined by points.", "{{dotcase \"Customer Profile Data\"}}", "customer.profile.data" },
    { "pathcase", 1, 1, pathcase, NULL, 0, "text", "Small words joined by slashes.", "{{pathcase \"getUserProfile\"}}", "get/user/profile" },
};
/* clang-format on */

const flow_helper_table_t flow_helpers_case = {
    "Upper and lower case", rows, sizeof(rows) / sizeof(rows[0])
};

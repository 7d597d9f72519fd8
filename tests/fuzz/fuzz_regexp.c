/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Regular expressions: whatever a pattern is, translating it ends and reads
 * nothing beyond it, and PCRE2 takes the result, or has one of a few reasons
 * that no translation can know. The first byte has the flags.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "script/flow_regexp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *plain_alloc(void *baton, void *ptr, size_t size)
{
    (void)baton;
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, size);
}

/* Too large, too deep, a lookbehind without a fixed length, an unknown
 * property or what cannot be the name of one, a group in a lookbehind that
 * refers to itself. */
static int is_expected(int code)
{
    static const int expected[] = { 114, 119, 120, 125, 135, 146,
                                    136, 147, 186, 187, 199 };
    size_t i;

    for (i = 0; i < sizeof(expected) / sizeof(expected[0]); ++i) {
        if (code == expected[i]) {
            return 1;
        }
    }
    return 0;
}

static void run(const flow_regexp_t *re, unsigned flags,
                pcre2_compile_context *how)
{
    static const char text[] = "The quick k\xC3\xA9y 12-34\n\xED\xA0\xBD"
                               "\xED\xB8\x80 aabbcc ((x)) {y} [z] \xE2\x80\xA8";
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    pcre2_match_data *found;
    pcre2_code *code;
    PCRE2_SIZE at;
    int why;

    code =
        pcre2_compile((PCRE2_SPTR)(re->text ? re->text : ""), re->len,
                      PCRE2_UTF | PCRE2_NO_UTF_CHECK |
                          PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C |
                          (flags & FLOW_REGEXP_I ? PCRE2_CASELESS : 0),
                      &why, &at, how);
    if (!code && !is_expected(why)) {
        abort();
    }
    if (code) {
        pcre2_set_match_limit(limits, 10000);
        pcre2_set_heap_limit(limits, 1000);
        found = pcre2_match_data_create_from_pattern(code, NULL);
        pcre2_match(code, (PCRE2_SPTR)text, sizeof(text) - 1, 0,
                    PCRE2_NO_UTF_CHECK, found, limits);
        pcre2_match_data_free(found);
    }
    pcre2_code_free(code);
    pcre2_match_context_free(limits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static pcre2_compile_context *how;
    flow_regexp_t re;
    unsigned flags;
    char *pattern;

    if (size < 1 || size > 2000) {
        return 0;
    }
    if (!how) {
        how = pcre2_compile_context_create(NULL);
        pcre2_set_compile_extra_options(how,
                                        PCRE2_EXTRA_ALLOW_SURROGATE_ESCAPES);
        pcre2_set_parens_nest_limit(how, 2 * FLOW_REGEXP_DEPTH_MAX);
    }
    memset(&re, 0, sizeof(re));
    re.alloc = plain_alloc;
    flags = data[0] & 127u;
    pattern = malloc(size); /* its end is the end of memory */
    if (pattern) {
        memcpy(pattern, data + 1, size - 1);
        if (flow_regexp_translate(&re, pattern, size - 1, flags) == 0) {
            run(&re, flags, how);
        }
        flow_regexp_release(&re);
    }
    free(pattern);
    return 0;
}

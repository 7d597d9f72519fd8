/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_pattern.h"

#include <apr_time.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define PATTERN_MAX 4096
#define NEST_MAX    50
#define STEPS_MAX   1000000
#define HEAP_MAX_KB 8192
#define TIME_MAX    apr_time_from_sec(1)
/* Steps count backtracking only. A pattern such as a[^c]*[cd] never backtracks
 * and still reads the rest of the text from each start, so a long text is
 * searched by windows of starts with a look at the clock between them. */
#define WINDOW 1024

struct flow_pattern_t {
    pcre2_code *code;
    pcre2_match_context *limits; /* read only once made */
};

static apr_status_t release(void *data)
{
    flow_pattern_t *pattern = data;

    pcre2_match_context_free(pattern->limits);
    pcre2_code_free(pattern->code);
    return APR_SUCCESS;
}

static apr_status_t no_memory(flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_INTERNAL, APR_ENOMEM, "out_of_memory",
                          "no memory for a pattern");
}

static int characters(const char *s, apr_size_t len)
{
    apr_size_t i;
    int n = 0;

    for (i = 0; i < len; ++i)
        n += ((unsigned char)s[i] & 0xc0) != 0x80;
    return n;
}

static apr_status_t bad_pattern(const char *text, apr_size_t len, int code,
                                PCRE2_SIZE at, flow_error_kind_e kind,
                                flow_error_t *err)
{
    PCRE2_UCHAR what[128] = "";

    if (len > PATTERN_MAX) {
        return flow_error_set(err, kind, APR_EINVAL, "pattern_syntax",
                              "the pattern is longer than %d bytes",
                              PATTERN_MAX);
    }
    pcre2_get_error_message(code, what, sizeof(what));
    return flow_error_set(err, kind, APR_EINVAL, "pattern_syntax",
                          "the pattern is wrong at character %d: %s",
                          characters(text, at < len ? at : len) + 1,
                          (const char *)what);
}

apr_status_t flow_pattern_compile(flow_pattern_t **ppattern, const char *text,
                                  apr_size_t len, flow_error_kind_e kind,
                                  apr_pool_t *p, flow_error_t *err)
{
    pcre2_compile_context *rules = pcre2_compile_context_create(NULL);
    flow_pattern_t *pattern = apr_pcalloc(p, sizeof(*pattern));
    PCRE2_SIZE at = 0;
    int code = 0;

    *ppattern = NULL;
    if (!rules)
        return no_memory(err);
    pcre2_set_max_pattern_length(rules, PATTERN_MAX);
    pcre2_set_parens_nest_limit(rules, NEST_MAX);
    /* As in JavaScript: \uHHHH, [] that never matches, a group that did not
     * take part matches nothing, $ only at the very end. */
    pcre2_set_compile_extra_options(rules, PCRE2_EXTRA_ALT_BSUX);
    pattern->code =
        pcre2_compile((PCRE2_SPTR)text, len,
                      PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C |
                          PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF |
                          PCRE2_DOLLAR_ENDONLY | PCRE2_USE_OFFSET_LIMIT,
                      &code, &at, rules);
    pcre2_compile_context_free(rules);
    if (!pattern->code)
        return bad_pattern(text, len, code, at, kind, err);
    pattern->limits = pcre2_match_context_create(NULL);
    apr_pool_cleanup_register(p, pattern, release, apr_pool_cleanup_null);
    if (!pattern->limits)
        return no_memory(err);
    pcre2_set_match_limit(pattern->limits, STEPS_MAX);
    pcre2_set_heap_limit(pattern->limits, HEAP_MAX_KB);
    *ppattern = pattern;
    return APR_SUCCESS;
}

static int search(const flow_pattern_t *pattern, const char *s, apr_size_t len,
                  pcre2_match_data *match)
{
    return pcre2_match(pattern->code, (PCRE2_SPTR)s, len, 0, 0, match,
                       pattern->limits);
}

static int is_inside_character(const char *s, apr_size_t len, apr_size_t at)
{
    return at < len && ((unsigned char)s[at] & 0xc0) == 0x80;
}

/* The limits are shared, the window is not: it goes into a copy. */
static int search_long(const flow_pattern_t *pattern, const char *s,
                       apr_size_t len, pcre2_match_data *match)
{
    pcre2_match_context *limits = pcre2_match_context_copy(pattern->limits);
    apr_time_t end = apr_time_now() + TIME_MAX;
    apr_size_t start = 0;
    apr_uint32_t options = 0;
    int rc = PCRE2_ERROR_NOMEMORY;

    while (limits && start <= len) {
        apr_size_t next = start + WINDOW;

        while (is_inside_character(s, len, next))
            ++next;
        pcre2_set_offset_limit(limits, next - 1);
        rc = pcre2_match(pattern->code, (PCRE2_SPTR)s, len, start, options,
                         match, limits);
        if (rc != PCRE2_ERROR_NOMATCH)
            break;
        if (apr_time_now() > end) {
            rc = PCRE2_ERROR_MATCHLIMIT;
            break;
        }
        start = next;
        options = PCRE2_NO_UTF_CHECK; /* once is enough */
    }
    pcre2_match_context_free(limits);
    return rc;
}

apr_status_t flow_pattern_search(const flow_pattern_t *pattern, const char *s,
                                 apr_size_t len, int *pmatch, flow_error_t *err)
{
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    int rc;

    *pmatch = 0;
    if (!match)
        return no_memory(err);
    rc = len > 8 * WINDOW ? search_long(pattern, s, len, match)
                          : search(pattern, s, len, match);
    pcre2_match_data_free(match);
    if (rc >= 0) { /* 0: more groups than we asked for */
        *pmatch = 1;
        return APR_SUCCESS;
    }
    if (rc == PCRE2_ERROR_NOMATCH)
        return APR_SUCCESS;
    if (rc == PCRE2_ERROR_NOMEMORY)
        return no_memory(err);
    if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT ||
        rc == PCRE2_ERROR_HEAPLIMIT) {
        return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC, "pattern_limit",
                              "the search for the pattern took too many "
                              "steps; write it so that it backtracks less");
    }
    return flow_error_set(err, FLOW_E_INTERNAL, APR_EGENERAL, "pattern_failed",
                          "the search for the pattern failed with %d", rc);
}

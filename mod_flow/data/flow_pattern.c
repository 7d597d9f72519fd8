/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_pattern.h"

#include <apr_time.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/flow_clock.h"

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

/* JavaScript's flags; g, u and y say nothing about a single search. */
static int read_flags(const char *flags, apr_uint32_t *poptions)
{
    for (; *flags; ++flags) {
        switch (*flags) {
        case 'i':
            *poptions |= PCRE2_CASELESS;
            break;
        case 'm':
            *poptions |= PCRE2_MULTILINE;
            break;
        case 's':
            *poptions |= PCRE2_DOTALL;
            break;
        case 'g':
        case 'u':
        case 'y':
            break;
        default:
            return 0;
        }
    }
    return 1;
}

apr_status_t flow_pattern_compile_flags(flow_pattern_t **ppattern,
                                        const char *text, apr_size_t len,
                                        const char *flags,
                                        flow_error_kind_e kind, apr_pool_t *p,
                                        flow_error_t *err)
{
    /* As in JavaScript: [] that never matches, a group that did not take part
     * matches nothing, $ only at the very end. */
    apr_uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C |
                           PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF |
                           PCRE2_DOLLAR_ENDONLY | PCRE2_USE_OFFSET_LIMIT;
    flow_pattern_t *pattern = apr_pcalloc(p, sizeof(*pattern));
    pcre2_compile_context *rules;
    PCRE2_SIZE at = 0;
    int code = 0;

    *ppattern = NULL;
    if (!read_flags(flags, &options)) {
        return flow_error_set(err, kind, APR_EINVAL, "pattern_syntax",
                              "'%.16s' are no flags; known are g i m s u y",
                              flags);
    }
    rules = pcre2_compile_context_create(NULL);
    if (!rules)
        return no_memory(err);
    pcre2_set_max_pattern_length(rules, PATTERN_MAX);
    pcre2_set_parens_nest_limit(rules, NEST_MAX);
    pcre2_set_newline(rules, PCRE2_NEWLINE_ANYCRLF);
    pcre2_set_compile_extra_options(rules, PCRE2_EXTRA_ALT_BSUX); /* \uHHHH */
    pattern->code =
        pcre2_compile((PCRE2_SPTR)text, len, options, &code, &at, rules);
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

apr_status_t flow_pattern_compile(flow_pattern_t **ppattern, const char *text,
                                  apr_size_t len, flow_error_kind_e kind,
                                  apr_pool_t *p, flow_error_t *err)
{
    return flow_pattern_compile_flags(ppattern, text, len, "", kind, p, err);
}

static int is_inside_character(const char *s, apr_size_t len, apr_size_t at)
{
    return at < len && ((unsigned char)s[at] & 0xc0) == 0x80;
}

/* The limits are shared, the window is not: it goes into a copy. */
static int search_long(const flow_pattern_t *pattern, const char *s,
                       apr_size_t len, apr_size_t start, apr_uint32_t options,
                       apr_time_t end, pcre2_match_data *match)
{
    pcre2_match_context *limits = pcre2_match_context_copy(pattern->limits);
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
        if (flow_clock() > end) {
            rc = PCRE2_ERROR_MATCHLIMIT;
            break;
        }
        start = next;
        options = PCRE2_NO_UTF_CHECK; /* once is enough */
    }
    pcre2_match_context_free(limits);
    return rc;
}

static int search_from(const flow_pattern_t *pattern, const char *s,
                       apr_size_t len, apr_size_t start, apr_uint32_t options,
                       apr_time_t end, pcre2_match_data *match)
{
    if (len - start > 8 * WINDOW)
        return search_long(pattern, s, len, start, options, end, match);
    return pcre2_match(pattern->code, (PCRE2_SPTR)s, len, start, options, match,
                       pattern->limits);
}

/* What a search came to; 0 from PCRE2 is a match with more groups than there
 * was room for. */
static apr_status_t explain(int rc, int *pmatch, flow_error_t *err)
{
    *pmatch = rc >= 0;
    if (rc >= 0 || rc == PCRE2_ERROR_NOMATCH)
        return APR_SUCCESS;
    if (rc == PCRE2_ERROR_NOMEMORY)
        return no_memory(err);
    if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT ||
        rc == PCRE2_ERROR_HEAPLIMIT) {
        return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC, "pattern_limit",
                              "the search for the pattern took too many "
                              "steps; write it so that it backtracks less");
    }
    if (rc <= PCRE2_ERROR_UTF8_ERR1 && rc >= PCRE2_ERROR_UTF8_ERR21) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "invalid_text",
                              "the text to search is not valid UTF-8");
    }
    return flow_error_set(err, FLOW_E_INTERNAL, APR_EGENERAL, "pattern_failed",
                          "the search for the pattern failed with %d", rc);
}

apr_status_t flow_pattern_search(const flow_pattern_t *pattern, const char *s,
                                 apr_size_t len, int *pmatch, flow_error_t *err)
{
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    apr_time_t end = len > 8 * WINDOW ? flow_clock() + TIME_MAX : 0;
    int rc;

    *pmatch = 0;
    if (!match)
        return no_memory(err);
    rc = search_from(pattern, s, len, 0, 0, end, match);
    pcre2_match_data_free(match);
    return explain(rc, pmatch, err);
}

/* --- scans ---------------------------------------------------------------- */

apr_status_t flow_pattern_scan_begin(flow_pattern_scan_t *scan,
                                     const flow_pattern_t *pattern,
                                     const char *s, apr_size_t len,
                                     flow_error_t *err)
{
    pcre2_match_data *match =
        pcre2_match_data_create_from_pattern(pattern->code, NULL);

    memset(scan, 0, sizeof(*scan));
    if (!match)
        return no_memory(err);
    scan->pattern = pattern;
    scan->s = s;
    scan->len = len;
    scan->match = match;
    scan->end = flow_clock() + TIME_MAX;
    scan->groups = pcre2_get_ovector_pointer(match);
    scan->n_groups = (int)pcre2_get_ovector_count(match);
    return APR_SUCCESS;
}

apr_status_t flow_pattern_scan_next(flow_pattern_scan_t *scan, int *pfound,
                                    flow_error_t *err)
{
    apr_status_t rv;
    int rc;

    *pfound = 0;
    if (scan->at > scan->len)
        return APR_SUCCESS;
    if (scan->has_begun && flow_clock() > scan->end)
        return explain(PCRE2_ERROR_MATCHLIMIT, pfound, err);
    rc = search_from(scan->pattern, scan->s, scan->len, scan->at,
                     scan->has_begun ? PCRE2_NO_UTF_CHECK : 0, scan->end,
                     scan->match);
    scan->has_begun = 1;
    rv = explain(rc, pfound, err);
    if (!*pfound)
        return rv;
    scan->at = scan->groups[1];
    if (scan->groups[1] <= scan->groups[0]) { /* nothing: go on behind it */
        ++scan->at;
        while (is_inside_character(scan->s, scan->len, scan->at))
            ++scan->at;
    }
    return rv;
}

void flow_pattern_scan_end(flow_pattern_scan_t *scan)
{
    pcre2_match_data_free(scan->match);
    scan->match = NULL;
}

int flow_pattern_group(const flow_pattern_t *pattern, const char *name)
{
    int n = pcre2_substring_number_from_name(pattern->code, (PCRE2_SPTR)name);

    return n > 0 ? n : -1;
}

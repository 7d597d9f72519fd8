/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_helper_private.h"

#include "data/flow_pattern.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <math.h>
#include <string.h>

#define FLAGS_MAX 16

/** A pattern that was compiled with its template. */
typedef struct prepared_t {
    flow_pattern_t *pattern;
    int is_global;
} prepared_t;

static apr_status_t make_pattern(prepared_t *made, const char *text,
                                 apr_size_t len, const char *flags,
                                 apr_size_t flags_len, flow_error_kind_e kind,
                                 apr_pool_t *p, flow_error_t *err)
{
    char tmp[FLAGS_MAX + 1];

    if (flags_len > FLAGS_MAX)
        flags_len = FLAGS_MAX;
    if (flags_len)
        memcpy(tmp, flags, flags_len);
    tmp[flags_len] = '\0';
    made->is_global = strchr(tmp, 'g') != NULL;
    return flow_pattern_compile_flags(&made->pattern, text, len, tmp, kind, p,
                                      err);
}

/* Which argument holds the flags? regexMatch text re index flags, but some
 * write text re flags. -1: none. */
static int flags_at(int pattern, const flow_any_t *third, int n)
{
    if (pattern != 1 || n > 3 || n < 3)
        return n > pattern + 1 ? n - 1 : -1;
    if (third->type == FLOW_ANY_TEXT && third->len &&
        isnan(flow_any_number_from_text(third->text, third->len)))
        return 2;
    return -1;
}

static apr_status_t prepare(void **pprepared, const flow_invocation_t *node,
                            int pattern, int flags, apr_pool_t *p,
                            flow_error_t *err)
{
    const flow_any_t *re = &node->args[pattern].literal;
    const flow_any_t *flag = flags >= 0 ? &node->args[flags].literal : NULL;
    prepared_t *made;
    apr_status_t rv;

    if (node->args[pattern].kind != FLOW_EXPR_LITERAL ||
        re->type != FLOW_ANY_TEXT ||
        (flag && (node->args[flags].kind != FLOW_EXPR_LITERAL ||
                  flag->type != FLOW_ANY_TEXT)))
        return APR_SUCCESS;
    made = apr_palloc(p, sizeof(*made));
    rv = make_pattern(made, re->text, re->len, flag ? flag->text : "",
                      flag ? flag->len : 0, FLOW_E_CONFIG, p, err);
    if (rv == APR_SUCCESS)
        *pprepared = made;
    return rv;
}

static apr_status_t prepare_match(void **pprepared,
                                  const flow_invocation_t *node, apr_pool_t *p,
                                  flow_error_t *err)
{
    if (node->n == 3 && node->args[2].kind != FLOW_EXPR_LITERAL)
        return APR_SUCCESS; /* an index or flags: to be seen */
    return prepare(
        pprepared, node, 1,
        flags_at(1, node->n > 2 ? &node->args[2].literal : NULL, node->n), p,
        err);
}

static apr_status_t prepare_search(void **pprepared,
                                   const flow_invocation_t *node, apr_pool_t *p,
                                   flow_error_t *err)
{
    return prepare(pprepared, node, 1, node->n > 2 ? 2 : -1, p, err);
}

static apr_status_t prepare_replace(void **pprepared,
                                    const flow_invocation_t *node,
                                    apr_pool_t *p, flow_error_t *err)
{
    return prepare(pprepared, node, 2, node->n > 3 ? 3 : -1, p, err);
}

/* The prepared pattern, or one made now. */
static apr_status_t pattern_of(flow_helper_call_t *call, int pattern, int flags,
                               prepared_t *made)
{
    flow_error_t err = FLOW_ERROR_INIT;
    const char *text, *flag = "";
    apr_size_t len, flag_len = 0;

    if (call->node->prepared) {
        *made = *(const prepared_t *)call->node->prepared;
        return APR_SUCCESS;
    }
    text = flow_helper_text(call, pattern, &len);
    if (flags >= 0)
        flag = flow_helper_text(call, flags, &flag_len);
    if (make_pattern(made, text, len, flag, flag_len, FLOW_E_INPUT, call->p,
                     &err) == APR_SUCCESS)
        return APR_SUCCESS;
    return flow_helper_fail(call, err.code, "%s", err.message);
}

/* --- the helpers ---------------------------------------------------------- */

static apr_status_t regex_match(flow_helper_call_t *call, flow_any_t *out)
{
    flow_any_t third = flow_helper_arg(call, 2);
    int flags = flags_at(1, &third, call->n), found = 0;
    apr_size_t len, i = flags == 2 ? 0 : flow_helper_count(call, 2, 0);
    const char *s = flow_helper_text(call, 0, &len);
    flow_pattern_scan_t scan;
    prepared_t made;
    apr_status_t rv = pattern_of(call, 1, flags, &made);

    if (rv == APR_SUCCESS)
        rv = flow_pattern_scan_begin(&scan, made.pattern, s, len, call->err);
    if (rv != APR_SUCCESS)
        return rv;
    do {
        rv = flow_pattern_scan_next(&scan, &found, call->err);
    } while (rv == APR_SUCCESS && found && i-- > 0);
    if (rv == APR_SUCCESS && found && scan.groups[1] >= scan.groups[0])
        *out = flow_any_of_text(s + scan.groups[0],
                                scan.groups[1] - scan.groups[0]);
    flow_pattern_scan_end(&scan);
    return rv;
}

static apr_status_t regex_search(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len;
    const char *s = flow_helper_text(call, 0, &len);
    flow_pattern_scan_t scan;
    prepared_t made;
    int found = 0;
    apr_status_t rv = pattern_of(call, 1, call->n > 2 ? 2 : -1, &made);

    if (rv == APR_SUCCESS)
        rv = flow_pattern_scan_begin(&scan, made.pattern, s, len, call->err);
    if (rv != APR_SUCCESS)
        return rv;
    rv = flow_pattern_scan_next(&scan, &found, call->err);
    *out = flow_any_of_number(found ? (double)flow_any_units(s, scan.groups[0])
                                    : -1);
    flow_pattern_scan_end(&scan);
    return rv;
}

static void add_group(flow_buf_t *b, const flow_pattern_scan_t *scan, int i)
{
    size_t from = scan->groups[2 * i], to = scan->groups[2 * i + 1];

    if (from != FLOW_PATTERN_UNSET && to >= from)
        flow_buf_add(b, scan->s + from, to - from);
}

/* $1 and $12: the longer number counts if there is such a group. Returns the
 * characters read behind the '$', or 0. */
static apr_size_t add_numbered(flow_buf_t *b, const flow_pattern_scan_t *scan,
                               const char *c, const char *end)
{
    int i = c[0] - '0';

    if (c + 1 < end && apr_isdigit(c[1])) {
        int two = i * 10 + (c[1] - '0');

        if (two >= 1 && two < scan->n_groups) {
            add_group(b, scan, two);
            return 2;
        }
    }
    if (i < 1 || i >= scan->n_groups)
        return 0;
    add_group(b, scan, i);
    return 1;
}

/* $<name> */
static apr_size_t add_named(flow_buf_t *b, const flow_pattern_scan_t *scan,
                            const char *c, const char *end)
{
    const char *close = memchr(c, '>', (apr_size_t)(end - c));
    char name[64];
    apr_size_t len;
    int i;

    if (!close || close - c > (int)sizeof(name) - 1)
        return 0;
    len = (apr_size_t)(close - c) - 1;
    memcpy(name, c + 1, len);
    name[len] = '\0';
    i = flow_pattern_group(scan->pattern, name);
    if (i < 0)
        return 0;
    add_group(b, scan, i);
    return len + 2;
}

/* JavaScript's replacement: $$ $& $` $' $n $<name>. */
static void add_replacement(flow_buf_t *b, const flow_pattern_scan_t *scan,
                            const char *c, apr_size_t len)
{
    const char *end = c + len;
    apr_size_t n;

    for (; c < end; c += n) {
        n = 1;
        if (*c != '$' || c + 1 == end) {
            flow_buf_addc(b, *c);
            continue;
        }
        switch (c[1]) {
        case '$':
            flow_buf_addc(b, '$');
            n = 2;
            continue;
        case '&':
            add_group(b, scan, 0);
            n = 2;
            continue;
        case '`':
            flow_buf_add(b, scan->s, scan->groups[0]);
            n = 2;
            continue;
        case '\'':
            flow_buf_add(b, scan->s + scan->groups[1],
                         scan->len - scan->groups[1]);
            n = 2;
            continue;
        case '<':
            n = add_named(b, scan, c + 1, end);
            break;
        default:
            n = apr_isdigit(c[1]) ? add_numbered(b, scan, c + 1, end) : 0;
            break;
        }
        if (n == 0)
            flow_buf_addc(b, '$');
        ++n;
    }
}

static apr_status_t regex_replace(flow_helper_call_t *call, flow_any_t *out)
{
    apr_size_t len, with_len, done = 0;
    const char *s = flow_helper_text(call, 0, &len);
    const char *with = flow_helper_text(call, 1, &with_len);
    flow_pattern_scan_t scan;
    prepared_t made;
    int found = 0;
    flow_buf_t b;
    apr_status_t rv = pattern_of(call, 2, call->n > 3 ? 3 : -1, &made);

    if (rv == APR_SUCCESS)
        rv = flow_pattern_scan_begin(&scan, made.pattern, s, len, call->err);
    if (rv != APR_SUCCESS)
        return rv;
    flow_buf_init(&b, FLOW_HELPER_TEXT_MAX);
    do {
        rv = flow_pattern_scan_next(&scan, &found, call->err);
        if (rv != APR_SUCCESS || !found || scan.groups[0] < done ||
            scan.groups[1] < scan.groups[0])
            break;
        flow_buf_add(&b, s + done, scan.groups[0] - done);
        add_replacement(&b, &scan, with, with_len);
        done = scan.groups[1];
    } while (made.is_global && b.status == APR_SUCCESS);
    flow_pattern_scan_end(&scan);
    if (rv != APR_SUCCESS) {
        flow_buf_release(&b);
        return rv;
    }
    flow_buf_add(&b, s + done, len - done);
    return flow_helper_take(call, &b, out);
}

/* clang-format off */
static const flow_helper_t rows[] = {
    { "regexMatch", 2, 4, regex_match, NULL, 0, "text pattern [index=0] [flags]", "The match with that index, whatever the flags. Flags may stand in third place.", "{{regexMatch \"IDs: 12345 and 67890\" \"[0-9]{5}\" 1}}", "67890", NULL, prepare_match },
    { "regexReplace", 3, 4, regex_replace, NULL, 0, "text replacement pattern [flags]", "The first match replaced, with the flag `g` all of them. The replacement may use `$1` and `$&`.", "{{regexReplace \"ABC-123 45\" \"\" \"[ -]\" \"g\"}}", "ABC12345", NULL, prepare_replace },
    { "regexSearch", 2, 3, regex_search, NULL, 0, "text pattern [flags]", "Where the first match begins, counted from 0, or -1.", "{{regexSearch \"$1499.95\" \"5\"}}", "7", NULL, prepare_search },
};
/* clang-format on */

const flow_helper_table_t flow_helpers_regex = {
    "Regular expressions", rows, sizeof(rows) / sizeof(rows[0])
};

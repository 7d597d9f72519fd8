/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nothing touches leaves a flow as it came: random documents, of which
 * the text that must come out is known beforehand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "run_fixture.h"

#define DOCUMENTS 10000
#define BATCH     500
#define DEPTH     100

static unsigned seed = 20260301;

static unsigned dice(unsigned sides)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 12) % sides;
}

/* A document as it comes, and as it has to leave: the same but for blanks
 * between values and escapes that need not be. */
typedef struct twin_t {
    flow_buf_t in, out;
} twin_t;

static void both(twin_t *t, const char *text)
{
    flow_buf_adds(&t->in, text);
    flow_buf_adds(&t->out, text);
}

static void blank(twin_t *t)
{
    static const char *const blanks[] = { "", "", "", " ", "\n", "\r\n\t" };

    flow_buf_adds(&t->in, blanks[dice(6)]);
}

static void digits(twin_t *t, unsigned n)
{
    char digit[2] = { 0 };

    for (digit[0] = (char)('1' + dice(9)); n > 0; --n) {
        both(t, digit);
        digit[0] = (char)('0' + dice(10));
    }
}

/* Every shape that the grammar knows. */
static void number(twin_t *t)
{
    static const char *const odd[] = {
        "0",       "-0",      "-0.0",     "0e0",
        "19.90",   "1e400",   "-1E-400",  "9223372036854775807",
        "1.0",     "1e+21",   "5e-324",   "-9223372036854775808",
        "0.1",     "1.005",   "100e-2",   "18446744073709551616",
        "2.5E+10", "0.00000", "4.35e007", "9007199254740993",
    };

    if (dice(3) == 0) {
        both(t, odd[dice(sizeof(odd) / sizeof(odd[0]))]);
        return;
    }
    both(t, dice(3) ? "" : "-");
    digits(t, 1 + dice(dice(4) ? 10 : 40));
    if (dice(2)) {
        both(t, ".");
        digits(t, 1 + dice(20));
        both(t, dice(3) ? "" : "0");
    }
    if (dice(5) == 0) {
        both(t, dice(2) ? "e" : "E");
        both(t, dice(3) ? "" : dice(2) ? "+" : "-");
        digits(t, 1 + dice(3));
    }
}

static void string(twin_t *t, const char *unique)
{
    static const char *const parts[][2] = {
        { "a", "a" },
        { "some words", "some words" },
        { "\\\"", "\\\"" },
        { "\\\\", "\\\\" },
        { "\\/", "/" },
        { "/", "/" },
        { "\\n\\r\\t\\b\\f", "\\n\\r\\t\\b\\f" },
        { "\\u0000", "\\u0000" },
        { "\\u001F", "\\u001f" },
        { "\\u0041", "A" },
        { "\\u00e9", "\xc3\xa9" },
        { "\xc3\xa9", "\xc3\xa9" },
        { "\x7f", "\x7f" },
        { "\\u2028", "\xe2\x80\xa8" },
        { "\\ud83d\\ude00", "\xf0\x9f\x98\x80" },
        { "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },
        { "\xef\xbf\xbf", "\xef\xbf\xbf" },
        { "\\u0022", "\\\"" },
    };
    unsigned n = dice(6);

    both(t, "\"");
    both(t, unique);
    while (n-- > 0) {
        unsigned i = dice(sizeof(parts) / sizeof(parts[0]));

        flow_buf_adds(&t->in, parts[i][0]);
        flow_buf_adds(&t->out, parts[i][1]);
    }
    both(t, "\"");
}

static void value(twin_t *t, int depth);

static void container(twin_t *t, int depth, int is_object)
{
    /* deep ones are narrow */
    unsigned i, n = depth > 4 ? 1 + (dice(4) == 0) : dice(6);
    char unique[8];

    both(t, is_object ? "{" : "[");
    for (i = 0; i < n; ++i) {
        both(t, i ? "," : "");
        blank(t);
        if (is_object) {
            apr_snprintf(unique, sizeof(unique), "%c%u", 'z' - dice(26), i);
            string(t, unique);
            blank(t);
            both(t, ":");
            blank(t);
        }
        value(t, i ? 0 : depth - 1);
        blank(t);
    }
    both(t, is_object ? "}" : "]");
}

static void value(twin_t *t, int depth)
{
    unsigned kind = depth > 0 ? 6 + dice(2) : dice(6);

    switch (kind) {
    case 0:
        both(t, "null");
        break;
    case 1:
        both(t, dice(2) ? "true" : "false");
        break;
    case 2:
    case 3:
        number(t);
        break;
    case 4:
    case 5:
        string(t, "");
        break;
    default:
        container(t, depth, kind == 6);
        break;
    }
}

static void run_batch(int first)
{
    twin_t t;
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *pages = NULL;
    flow_buf_t sent;
    int i;

    flow_buf_init(&t.in, 100000000);
    flow_buf_init(&t.out, 100000000);
    flow_buf_init(&sent, 100000000);
    flow_buf_adds(&t.in, "[[");
    flow_buf_adds(&t.out, "[");
    for (i = 0; i < BATCH; ++i) {
        both(&t, i ? "," : "");
        container(&t, (first + i) % 50 == 0 ? DEPTH : 1 + (int)dice(5), 1);
    }
    flow_buf_adds(&t.in, "]]");
    flow_buf_adds(&t.out, "]");
    if (flow_json_parse(&pages, t.in.data, t.in.len, &err) != APR_SUCCESS) {
        fail_msg("%s", err.message);
    }
    fake.pages = world_own(run_world, pages);
    run_counts(&(flow_run_t){ .counters = run_whole().counters }, BATCH, BATCH,
               0, 0);
    flow_json_write(&sent, fake.sent, FLOW_JSON_COMPACT);
    for (i = 0; i < (int)t.out.len && t.out.data[i] == sent.data[i]; ++i) {
    }
    if (i < (int)t.out.len || sent.len != t.out.len) {
        int from = i > 60 ? i - 60 : 0;

        fail_msg("differs near:\n%.120s\n%.120s", t.out.data + from,
                 sent.data + from);
    }
    flow_buf_release(&t.in);
    flow_buf_release(&t.out);
    flow_buf_release(&sent);
}

static void what_nothing_touches_leaves_as_it_came(void **state)
{
    int first;

    for (first = 0; first < DOCUMENTS; first += BATCH) {
        if (first) {
            run_setup(state);
        }
        world_doc(run_world, FLOW_KIND_EXPORT, "exp", "_connectionId", "far",
                  "pageSize", "100", NULL);
        run_import("imp", NOTHING);
        run_processors(IMPORT_STEP);
        run_batch(first);
        if (first + BATCH < DOCUMENTS) {
            run_teardown(state);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_nothing_touches_leaves_as_it_came,
                                        run_setup, run_teardown),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

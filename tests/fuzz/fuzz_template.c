/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A letter for the escape, a template, a line of three dashes, a context: what
 * is rendered is valid UTF-8 when the template is, and JSON escapes hold.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_pools.h>
#include <apr_strings.h>

#include "data/flow_json.h"
#include "data/flow_template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static apr_pool_t *start(void)
{
    static int is_ready;
    apr_pool_t *p = NULL;

    if (!is_ready) {
        apr_initialize();
        flow_json_global_init();
        is_ready = 1;
    }
    apr_pool_create(&p, NULL);
    return p;
}

static void check(int holds)
{
    if (!holds)
        abort();
}

/* The rest of the input as a value, NULL when it is none. */
static json_t *parse(const char *text, size_t len)
{
    json_t *v = NULL;

    flow_json_parse(&v, text, len, NULL);
    return v;
}

static const char mark[] = "\n---\n";
#define MARK_LEN (sizeof(mark) - 1)

static flow_escape_e escape_of(char c)
{
    static const char letters[] = "nujx";
    const char *at = memchr(letters, c, sizeof(letters) - 1);

    return at ? (flow_escape_e)(at - letters) : FLOW_ESCAPE_NONE;
}

/* Between quotes it must be a JSON string that reads back as the text. */
static void check_json(const flow_template_t *as_json,
                       const flow_template_t *plain, const json_t *context,
                       apr_pool_t *p)
{
    const char *escaped, *text;
    apr_size_t escaped_len, len;
    json_t *v;

    if (flow_template_text(as_json, context, 100000, &escaped, &escaped_len, p,
                           NULL) != APR_SUCCESS ||
        flow_template_text(plain, context, 100000, &text, &len, p, NULL) !=
            APR_SUCCESS)
        return;
    v = parse(apr_psprintf(p, "\"%s\"", escaped), escaped_len + 2);
    check(v != NULL);
    check(flow_json_string(v, NULL) != NULL);
    json_decref(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = start();
    const char *input = apr_pstrmemdup(p, (const char *)data, size);
    const char *cut = memmem(input, size, mark, MARK_LEN), *out;
    size_t len = cut ? (size_t)(cut - input) : size;
    flow_error_t err = FLOW_ERROR_INIT;
    flow_template_t *tpl = NULL, *as_json, *plain;
    json_t *context = NULL;
    apr_size_t out_len;

    if (size == 0)
        goto cleanup;
    if (flow_template_compile(&tpl, input + 1, len ? len - 1 : 0,
                              escape_of(*input), p, &err) != APR_SUCCESS) {
        check(err.kind == FLOW_E_CONFIG && err.message[0] && !tpl);
        goto cleanup;
    }
    if (cut)
        context = parse(cut + MARK_LEN, size - len - MARK_LEN);
    if (flow_template_text(tpl, context, 100000, &out, &out_len, p, NULL) ==
            APR_SUCCESS &&
        len && flow_utf8_is_valid(input + 1, len - 1))
        check(flow_utf8_is_valid(out, out_len));
    flow_template_compile(&as_json, "{{x}}{{y}}", 10, FLOW_ESCAPE_JSON, p,
                          NULL);
    flow_template_compile(&plain, "{{x}}{{y}}", 10, FLOW_ESCAPE_NONE, p, NULL);
    check_json(as_json, plain, context, p);
    json_decref(context);
cleanup:
    apr_pool_destroy(p);
    return 0;
}

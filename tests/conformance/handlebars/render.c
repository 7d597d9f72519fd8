/* SPDX-License-Identifier: Apache-2.0 */
/*
 * render: one JSON object per line in, {"template", "data", "escape",
 * "strict", "blank"}; one per line out, {"text"} or {"error"}.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_pools.h>

#include "data/flow_json.h"
#include "data/flow_template.h"

static flow_escape_e escape_named(const char *name)
{
    static const char *const names[] = { "none", "uri",  "json",
                                         "xml",  "html", "sql" };
    int i;

    for (i = 0; name && i < 6; ++i) {
        if (strcmp(names[i], name) == 0)
            return (flow_escape_e)i;
    }
    return FLOW_ESCAPE_NONE;
}

static json_t *answer(const json_t *request, apr_pool_t *p)
{
    flow_error_t err = FLOW_ERROR_INIT;
    flow_template_options_t options = { FLOW_ESCAPE_NONE };
    json_t *reply = json_object();
    const char *text, *out;
    apr_size_t len, out_len;

    options.escape = escape_named(flow_json_member(request, "escape"));
    options.is_strict = flow_json_member_bool(request, "strict") == 1;
    options.allows_blank = flow_json_member_bool(request, "blank") == 1;
    text = flow_json_string(json_object_get(request, "template"), &len);
    if (flow_template_try(text, len, &options, json_object_get(request, "data"),
                          &out, &out_len, p, &err) == APR_SUCCESS)
        json_object_set_new(reply, "text", flow_json_string_new(out, out_len));
    else
        json_object_set_new(
            reply, "error",
            flow_json_string_new(err.message, strlen(err.message)));
    return reply;
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    apr_pool_t *p;

    apr_initialize();
    flow_json_global_init();
    while ((n = getline(&line, &cap, stdin)) > 0) {
        json_t *request = NULL, *reply;

        apr_pool_create(&p, NULL);
        if (flow_json_parse(&request, line, (apr_size_t)n, NULL) ==
            APR_SUCCESS) {
            reply = answer(request, p);
            puts(flow_json_text(reply, NULL, p));
            json_decref(reply);
            json_decref(request);
        }
        else {
            puts("{\"error\":\"the request is no JSON\"}");
        }
        apr_pool_destroy(p);
    }
    free(line);
    apr_terminate();
    return 0;
}

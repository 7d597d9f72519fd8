/* SPDX-License-Identifier: Apache-2.0 */
#include "hook_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <apr_strings.h>

world_t *hook_world;

int hook_setup(void **state)
{
    (void)state;
    hook_world = world_create();
    return 0;
}

int hook_teardown(void **state)
{
    (void)state;
    world_destroy(hook_world);
    return 0;
}

const flow_webhook_t *hook_listener(const hook_setting_t *settings, size_t n)
{
    char path[80];
    size_t i;

    flow_docs_begin(hook_world->docs, FLOW_KIND_EXPORT, "in", "world.conf", 1);
    flow_docs_set(hook_world->docs, "type", "webhook", "world.conf", 2);
    for (i = 0; i < n && settings[i].path; ++i) {
        apr_snprintf(path, sizeof(path), "webhook.%s", settings[i].path);
        flow_docs_set(hook_world->docs, path, settings[i].value, "world.conf",
                      3);
    }
    world_compile(hook_world);
    return world_export(hook_world, "in")->webhook;
}

int hook_passes(const flow_webhook_t *webhook, const flow_request_t *req)
{
    flow_error_t err = FLOW_ERROR_INIT;
    apr_status_t rv = flow_webhook_verify(webhook, req, hook_world->p, &err);

    if (rv == APR_SUCCESS) {
        assert_int_equal(err.kind, FLOW_E_NONE);
        return 1;
    }
    assert_int_equal(err.kind, FLOW_E_INPUT);
    assert_string_equal(err.code, "unauthorized");
    assert_null(strstr(err.message, "s3cret"));
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOK_FIXTURE_H
#define HOOK_FIXTURE_H

#include "flow/flow_webhook.h"
#include "world.h"

/** Listeners in a fresh world. */
extern world_t *hook_world;

int hook_setup(void **state);
int hook_teardown(void **state);

/** One setting of the `webhook` object; a path of NULL ends the list. */
typedef struct hook_setting_t {
    const char *path, *value;
} hook_setting_t;
const flow_webhook_t *hook_listener(const hook_setting_t *settings, size_t n);

#define LISTENER(...)                                                          \
    hook_listener((const hook_setting_t[]){ __VA_ARGS__ },                     \
                  sizeof((const hook_setting_t[]){ __VA_ARGS__ }) /            \
                      sizeof(hook_setting_t))

/** Verify; a refusal must be told as one and must not tell "s3cret". */
int hook_passes(const flow_webhook_t *webhook, const flow_request_t *req);

#endif

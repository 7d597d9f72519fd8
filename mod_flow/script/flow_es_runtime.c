/* SPDX-License-Identifier: Apache-2.0 */
#include "script/flow_es.h"

/* lib/es_runtime.js, made C when mod_flow is built. */
extern const char flow_es_runtime_text[];

const char *flow_es_runtime(void)
{
    return flow_es_runtime_text;
}

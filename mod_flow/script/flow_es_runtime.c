/* SPDX-License-Identifier: Apache-2.0 */
#include "script/flow_es.h"

/* lib/es_runtime.js, made a C string when mujs is unpacked. */
static const char runtime[] =
#include "es_runtime.h"
    ;

const char *flow_es_runtime(void)
{
    return runtime;
}

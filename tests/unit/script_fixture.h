/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCRIPT_FIXTURE_H
#define SCRIPT_FIXTURE_H

#include "script/flow_script.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/** For tests of scripts: compile and call, with texts in and out. */

flow_script_t *script_compile(const char *text, apr_pool_t *p);
/** "code: message" of a script that must not compile. */
const char *script_complaint(const char *text, apr_pool_t *p);

flow_script_engine_t *script_engine(apr_size_t memory, int max_arenas,
                                    apr_pool_t *p);

/** The result's JSON text, "undefined", or "!code: message". @a arg is JSON
 * text or NULL. */
const char *script_call(flow_script_engine_t *engine,
                        const flow_script_t *script, const char *function,
                        const char *arg, int ms, const flow_script_host_t *host,
                        apr_pool_t *p);

/** Compile @a text, call its function f with @a arg, and forget both. */
const char *script_once(const char *text, const char *arg, apr_pool_t *p);

/** Resident memory of this process in kB. */
long resident_kb(void);

#endif

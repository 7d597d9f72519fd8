/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_SYNTAX_H
#define FLOW_SYNTAX_H

#include <apr_pools.h>

#include "base/flow_error.h"

/**
 * From the language that authors write to the one that the engine reads (ES5).
 *
 * Understood: `import` from the modules we have, `export` before a declaration,
 * `let` and `const`. What the engine would misread, or could only answer with a
 * riddle, is refused here with line and column: template literals, arrows,
 * destructuring, for-of, and a block whose `let` hides an outer variable.
 * Lines stay lines, so that the engine's line numbers are the author's.
 */

#define FLOW_SYNTAX_MAX ((apr_size_t)1 << 20) /* bytes of source */

/**
 * *ptext lives in @a p. Errors are FLOW_E_CONFIG "script_syntax" with
 * "FILE:LINE:COLUMN: reason".
 */
apr_status_t flow_syntax_compile(const char **ptext, const char *source,
                                 apr_size_t len, const char *filename,
                                 apr_pool_t *p, flow_error_t *err);

/**
 * The column (1-based, in characters) that the engine means when it complains
 * about @a line of @a text in the words of @a complaint; a good guess.
 */
int flow_syntax_column(const char *text, int line, const char *complaint);

#endif

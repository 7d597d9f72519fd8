/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_compile_private.h"

#include <stdarg.h>

#include <apr_strings.h>

#include "flow/flow_presets.h"

/* What is wrong with a document, or had better be seen, and where. */

void flow_compile_problem(flow_compile_t *c, const char *field, const char *fmt,
                          ...)
{
    const char *file;
    va_list ap;
    int line;

    if (c->is_quiet) {
        return;
    }
    if (!flow_presets_place(c->doc, field, &file, &line)) {
        flow_doc_place(c->doc, field, &file, &line);
    }
    va_start(ap, fmt);
    flow_docs_problem(c->docs, file, line, flow_doc_what(c->doc, c->scratch),
                      field && field[0] ? field : NULL, "%s",
                      apr_pvsprintf(c->scratch, fmt, ap));
    va_end(ap);
}

void flow_compile_warning(flow_compile_t *c, const char *field, const char *fmt,
                          ...)
{
    const char *file, *text;
    va_list ap;
    int line;

    if (c->is_quiet || c->known) {
        return;
    }
    flow_doc_place(c->doc, field, &file, &line);
    va_start(ap, fmt);
    text = apr_psprintf(c->p, "%s:%d: %s, %s: %s", file, line,
                        flow_doc_what(c->doc, c->scratch), field,
                        apr_pvsprintf(c->scratch, fmt, ap));
    va_end(ap);
    APR_ARRAY_PUSH(c->model->warnings, const char *) = text;
}

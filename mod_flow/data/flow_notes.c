/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_notes.h"

#include <string.h>

void flow_notes_init(flow_notes_t *notes, flow_notes_fn *tell, void *baton)
{
    memset(notes, 0, sizeof(*notes));
    notes->tell = tell;
    notes->baton = baton;
}

apr_status_t flow_notes_take(flow_notes_t *notes, apr_status_t rv)
{
    if (rv == APR_SUCCESS || notes->now.kind == FLOW_E_NONE)
        return rv;
    if (notes->n++ == 0)
        notes->first = notes->now;
    if (notes->tell && notes->n <= FLOW_NOTES_MAX)
        notes->tell(notes->baton, &notes->now);
    flow_error_clear(&notes->now);
    return rv;
}

apr_status_t flow_notes_end(const flow_notes_t *notes, flow_error_t *err)
{
    if (!notes->n)
        return APR_SUCCESS;
    if (err && err->kind == FLOW_E_NONE)
        *err = notes->first;
    return notes->first.status;
}

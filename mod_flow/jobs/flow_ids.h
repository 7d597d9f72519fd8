/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_IDS_H
#define FLOW_IDS_H

#include <apr_time.h>

/**
 * Ids of rows: 24 hex digits like flow_new_id(), eight of seconds, five of
 * microseconds, five of a counter, six of the process. They grow, so that new
 * rows go to the end of an index (random ones dirty a page each, and every
 * dirty page is written at the commit), and they order what was stored in the
 * same microsecond. Made after the fork; any thread.
 */
#define FLOW_ID_SIZE 25 /* with the NUL */

typedef struct flow_ids_t {
    apr_uint32_t counter;
    char process[7];
} flow_ids_t;

void flow_ids_init(flow_ids_t *ids);
void flow_ids_make(flow_ids_t *ids, apr_time_t now, char out[FLOW_ID_SIZE]);

#endif

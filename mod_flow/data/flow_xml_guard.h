/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_XML_GUARD_H
#define FLOW_XML_GUARD_H

#include <apr.h>

#define FLOW_XML_ATTRIBUTES_MAX 1000 /* of an element */
#define FLOW_XML_ATTRIBUTES_WHY "an element has more than 1000 attributes"

/** flow_xml_guard.c: where a document stands, seen from far. Zeroed: at its
 * beginning. */
typedef struct flow_xml_guard_t {
    int state, n;
    char quote;
} flow_xml_guard_t;
/** The next bytes; 0: an element in them has too many attributes. */
int flow_xml_guard(flow_xml_guard_t *g, const char *s, apr_size_t len);

#endif

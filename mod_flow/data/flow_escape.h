/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_ESCAPE_H
#define FLOW_ESCAPE_H

#include "base/flow_buf.h"

/**
 * Text on its way into a URI or into XML. JSON's escapes are in flow_json.h.
 * Only the buffer can fail. Any thread.
 */

/** Percent-encode all bytes but RFC 3986's unreserved ones. */
apr_status_t flow_escape_uri(flow_buf_t *out, const char *s, apr_size_t len);

/** & < > " ' and CR as entities (a parser would turn a bare CR into LF).
 * Characters that XML 1.0 cannot hold at all become U+FFFD. */
apr_status_t flow_escape_xml(flow_buf_t *out, const char *s, apr_size_t len);

#endif

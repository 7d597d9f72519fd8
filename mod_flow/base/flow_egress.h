/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_EGRESS_H
#define FLOW_EGRESS_H

#include <sys/socket.h>

#include "base/flow_http.h"

/**
 * For base/ only; everybody else sees flow_http.h.
 *
 * May a socket be opened to @a address on behalf of a URL whose host is
 * @a host? @a address is what the resolver gave for this very connection, so
 * neither the way a number is written in the URL nor an answer of the name
 * server that changes between check and use can get around the rules.
 * @a egress and @a trusted may be NULL. Any thread.
 */
int flow_egress_check(const flow_egress_t *egress, const char *host,
                      const struct sockaddr *address, const char *trusted);

/** The same when a proxy makes the connection: by name, or by the address
 * when @a host is written as one. */
int flow_egress_check_name(const flow_egress_t *egress, const char *host,
                           const char *trusted);
/** Does a rule of @a egress (may be NULL) name this host or literal address?
 * Then whether it allows it, else 0. */
int flow_egress_names(const flow_egress_t *egress, const char *host);

#endif

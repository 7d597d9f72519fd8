/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_PEER_H
#define FLOW_PEER_H

/** Has the other end closed the connected socket @a fd, or its own direction
 * of it? Data that waits to be read does not matter. Any thread; does not
 * wait. */
int flow_peer_is_gone(int fd);

#endif

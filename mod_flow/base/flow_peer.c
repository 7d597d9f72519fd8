/* SPDX-License-Identifier: Apache-2.0 */
#include "base/flow_peer.h"

#include <poll.h>

int flow_peer_is_gone(int fd)
{
    struct pollfd look = { fd, POLLRDHUP, 0 };

    return poll(&look, 1, 0) > 0 &&
           (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

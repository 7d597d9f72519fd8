/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_ids.h"

#include <string.h>
#include <unistd.h>

#include "base/flow_sign.h"

static void put_hex(char *out, int digits, apr_uint64_t n)
{
    while (digits--) {
        out[digits] = "0123456789abcdef"[n & 15];
        n >>= 4;
    }
}

void flow_ids_init(flow_ids_t *ids)
{
    apr_uint32_t random = 0;

    if (flow_random(&random, sizeof(random)) != APR_SUCCESS) {
        random = (apr_uint32_t)getpid();
    }
    ids->counter = 0;
    put_hex(ids->process, 6, random);
    ids->process[6] = '\0';
}

void flow_ids_make(flow_ids_t *ids, apr_time_t now, char out[FLOW_ID_SIZE])
{
    apr_uint32_t n = __atomic_fetch_add(&ids->counter, 1, __ATOMIC_RELAXED);

    put_hex(out, 8, (apr_uint64_t)apr_time_sec(now));
    put_hex(out + 8, 5, (apr_uint64_t)apr_time_usec(now));
    put_hex(out + 13, 5, n);
    memcpy(out + 18, ids->process, 7);
}

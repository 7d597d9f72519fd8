/* SPDX-License-Identifier: Apache-2.0 */
#include "base/flow_buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 256

/* A stolen buffer lives as long as its pool: give back the unused part when
 * it is larger than this. */
#define WASTE_MAX 4096

void flow_buf_init(flow_buf_t *b, apr_size_t max)
{
    b->data = NULL;
    b->len = 0;
    b->cap = 0;
    b->max = max;
    b->status = APR_SUCCESS;
}

void flow_buf_release(flow_buf_t *b)
{
    free(b->data);
    flow_buf_init(b, b->max);
}

void flow_buf_clear(flow_buf_t *b)
{
    b->len = 0;
    b->status = APR_SUCCESS;
    if (b->data) {
        b->data[0] = '\0';
    }
}

/* Room for more bytes and the NUL behind them. */
static apr_status_t reserve(flow_buf_t *b, apr_size_t more)
{
    apr_size_t need, cap;
    char *data;

    if (b->status != APR_SUCCESS) {
        return b->status;
    }
    if (more > b->max - b->len) {
        return b->status = APR_ENOSPC;
    }
    need = b->len + more;
    if (need == SIZE_MAX) {
        return b->status = APR_ENOMEM;
    }
    ++need;
    if (need <= b->cap) {
        return APR_SUCCESS;
    }
    cap = b->cap ? b->cap : FIRST_CAP;
    while (cap < need) {
        cap = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
    }
    if (b->max < SIZE_MAX && cap > b->max + 1) {
        cap = b->max + 1;
    }
    data = realloc(b->data, cap);
    if (!data) {
        return b->status = APR_ENOMEM;
    }
    b->data = data;
    b->cap = cap;
    b->data[b->len] = '\0';
    return APR_SUCCESS;
}

apr_status_t flow_buf_grow(flow_buf_t *b, const void *data, apr_size_t len)
{
    apr_status_t rv = reserve(b, len);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (len) {
        memcpy(b->data + b->len, data, len);
        b->len += len;
        b->data[b->len] = '\0';
    }
    return APR_SUCCESS;
}

apr_status_t flow_buf_adds(flow_buf_t *b, const char *text)
{
    return flow_buf_add(b, text, strlen(text));
}

apr_status_t flow_buf_addf(flow_buf_t *b, const char *fmt, ...)
{
    apr_status_t rv = reserve(b, 0);
    apr_size_t room;
    va_list args;
    int len;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    room = b->cap - b->len;
    va_start(args, fmt);
    len = vsnprintf(b->data + b->len, room, fmt, args);
    va_end(args);

    if (len >= 0 && (apr_size_t)len >= room) {
        /* what has been written so far is no part of the buffer yet */
        b->data[b->len] = '\0';
        rv = reserve(b, (apr_size_t)len);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        va_start(args, fmt);
        len = vsnprintf(b->data + b->len, b->cap - b->len, fmt, args);
        va_end(args);
    }
    if (len < 0) {
        b->data[b->len] = '\0';
        return b->status = APR_ENOMEM;
    }
    b->len += (apr_size_t)len;
    return APR_SUCCESS;
}

static apr_status_t free_data(void *data)
{
    free(data);
    return APR_SUCCESS;
}

char *flow_buf_steal(flow_buf_t *b, apr_size_t *plen, apr_pool_t *p)
{
    char *data = b->data;

    if (plen) {
        *plen = b->len;
    }
    if (!data) {
        flow_buf_init(b, b->max);
        return apr_pcalloc(p, 1);
    }
    if (b->cap - b->len > WASTE_MAX) {
        char *smaller = realloc(data, b->len + 1);

        if (smaller) {
            data = smaller;
        }
    }
    apr_pool_cleanup_register(p, data, free_data, apr_pool_cleanup_null);
    flow_buf_init(b, b->max);
    return data;
}

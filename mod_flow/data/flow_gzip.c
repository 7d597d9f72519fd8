/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip, as a stream (the only user of zlib).
 */
#include "data/flow_source.h"

#include <string.h>

#include <apr_strings.h>
#include <zlib.h>

#include "data/flow_text_private.h"

#define INPUT_MAX   65536
#define GZIP_WINDOW (15 + 16) /* zlib's way of saying: gzip and nothing else */

typedef struct gunzip_t {
    flow_source_t from;
    z_stream z;
    apr_uint64_t offset; /* of what has been read from below */
    apr_uint64_t total;
    int is_end;       /* of what is below */
    int is_in_member; /* a member has begun and not ended */
    int has_member;
    unsigned char input[INPUT_MAX];
} gunzip_t;

static apr_status_t refuse(const gunzip_t *g, const char *why,
                           flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "invalid_gzip",
                          "invalid gzip data near byte %" APR_UINT64_T_FMT
                          ": %s",
                          g->offset - g->z.avail_in + 1, why);
}

static apr_status_t refill(gunzip_t *g, flow_error_t *err)
{
    apr_size_t n = sizeof(g->input);
    apr_status_t rv;

    if (g->z.avail_in > 0 || g->is_end) {
        return APR_SUCCESS;
    }
    rv = g->from.read(g->from.baton, (char *)g->input, &n, err);
    if (rv == APR_SUCCESS) {
        g->is_end = n == 0;
        g->offset += n;
        g->z.next_in = g->input;
        g->z.avail_in = (uInt)n;
    }
    return rv;
}

/* Some bytes, or the end, or an error. */
static apr_status_t inflate_some(gunzip_t *g, flow_error_t *err)
{
    int rc;

    if (g->z.avail_in == 0 && g->is_end) {
        return refuse(g, "the file ends too early", err);
    }
    if (!g->is_in_member) {
        inflateReset(&g->z);
        g->is_in_member = g->has_member = 1;
    }
    rc = inflate(&g->z, Z_NO_FLUSH);
    if (rc == Z_STREAM_END) {
        g->is_in_member = 0;
        return APR_SUCCESS;
    }
    if (rc == Z_MEM_ERROR) {
        return flow_text_no_memory(err);
    }
    if (rc != Z_OK && rc != Z_BUF_ERROR) {
        return refuse(g, g->z.msg ? g->z.msg : "it is damaged", err);
    }
    return APR_SUCCESS;
}

static apr_status_t read_gunzip(void *baton, char *data, apr_size_t *plen,
                                flow_error_t *err)
{
    gunzip_t *g = baton;
    apr_size_t room = *plen;
    apr_status_t rv;

    g->z.next_out = (Bytef *)data;
    g->z.avail_out = (uInt)room;
    *plen = 0;
    while (g->z.avail_out == room) {
        rv = refill(g, err);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (g->is_end && g->z.avail_in == 0 && !g->is_in_member &&
            g->has_member) {
            return APR_SUCCESS;
        }
        rv = inflate_some(g, err);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    *plen = room - g->z.avail_out;
    g->total += *plen;
    if (g->total > FLOW_UNPACK_MAX) {
        return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC, "too_large",
                              "the file unpacks to more than 64 GB");
    }
    return APR_SUCCESS;
}

static apr_status_t release(void *data)
{
    inflateEnd(&((gunzip_t *)data)->z);
    return APR_SUCCESS;
}

apr_status_t flow_source_gunzip(flow_source_t *source, apr_pool_t *p,
                                flow_error_t *err)
{
    gunzip_t *g = apr_pcalloc(p, sizeof(*g));

    if (inflateInit2(&g->z, GZIP_WINDOW) != Z_OK) {
        return flow_text_no_memory(err);
    }
    apr_pool_cleanup_register(p, g, release, apr_pool_cleanup_null);
    g->from = *source;
    source->read = read_gunzip;
    source->baton = g;
    return APR_SUCCESS;
}

apr_status_t flow_gzip_write(flow_buf_t *out, const char *data, apr_size_t len)
{
    unsigned char piece[16384];
    z_stream z;
    int rc = Z_OK;

    memset(&z, 0, sizeof(z));
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return out->status = APR_ENOMEM;
    }
    while (rc == Z_OK && out->status == APR_SUCCESS) {
        apr_size_t n = len < (1U << 30) ? len : (1U << 30);

        if (z.avail_in == 0) {
            z.next_in = (Bytef *)(size_t)data;
            z.avail_in = (uInt)n;
            data += n;
            len -= n;
        }
        z.next_out = piece;
        z.avail_out = sizeof(piece);
        rc = deflate(&z, len == 0 ? Z_FINISH : Z_NO_FLUSH);
        flow_buf_add(out, piece, sizeof(piece) - z.avail_out);
    }
    deflateEnd(&z);
    return out->status;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <sys/mman.h>

#include <apr_general.h>

#include "data/flow_json.h"
#include "data/flow_source.h"
#include "data/flow_text.h"

/*
 * Compression and charsets: the first byte chooses what the rest is taken
 * for. Text that comes out of a charset must be UTF-8 (checked by writing it
 * back where the charset has all of it).
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define OUT_MAX (4 * 1024 * 1024) /* bombs end here */

static apr_pool_t *pool;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    return 0;
}

static void check(int is_true)
{
    if (!is_true) {
        abort();
    }
}

typedef struct text_t {
    const char *s;
    size_t len, piece;
} text_t;

static apr_status_t read_text(void *baton, char *data, apr_size_t *plen,
                              flow_error_t *err)
{
    text_t *t = baton;
    size_t n = t->piece < *plen ? t->piece : *plen;

    (void)err;
    n = n < t->len ? n : t->len;
    memcpy(data, t->s, n);
    t->s += n;
    t->len -= n;
    *plen = n;
    return APR_SUCCESS;
}

static apr_status_t drain(flow_source_t *source, flow_buf_t *out)
{
    flow_error_t err = FLOW_ERROR_INIT;
    char piece[4096];
    apr_size_t n = sizeof(piece);
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS && n > 0 && out->status == APR_SUCCESS) {
        n = sizeof(piece);
        rv = source->read(source->baton, piece, &n, &err);
        if (rv == APR_SUCCESS) {
            check(n <= sizeof(piece));
            flow_buf_add(out, piece, n);
        }
    }
    check(rv == APR_SUCCESS || (err.message[0] && err.code[0]));
    return rv;
}

static void unzip(const char *s, size_t len, flow_buf_t *out)
{
    int fd = memfd_create("zip", 0), i;
    flow_source_t source;
    flow_zip_t *zip;
    const char *name;

    check(fd >= 0 && write(fd, s, len) == (ssize_t)len);
    if (flow_zip_open(&zip, fd, pool, NULL) == APR_SUCCESS) {
        for (i = 0; i < flow_zip_count(zip) && i < 20; ++i) {
            if (flow_zip_member(zip, i, &source, &name, NULL) == APR_SUCCESS) {
                drain(&source, out);
            }
        }
    }
    apr_pool_clear(pool);
    close(fd);
}

/* What is nothing to convert; who parses it looks at it. */
static int is_passed_on(const char *charset)
{
    static const char *const names[] = { "utf8", "utf-8", "ascii", "us-ascii" };
    int i;

    for (i = 0; i < 4; ++i) {
        if (strcasecmp(charset, names[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

static void decode(const char *s, size_t len, const char *charset,
                   flow_buf_t *out)
{
    text_t t = { s, len, 7 };
    flow_source_t source = { read_text, &t };
    flow_buf_t back;

    if ((charset ? APR_SUCCESS
                 : flow_source_detect(&source, &charset, pool, NULL)) ||
        flow_source_decode(&source, charset, pool, NULL) != APR_SUCCESS ||
        drain(&source, out) != APR_SUCCESS || is_passed_on(charset) ||
        out->status != APR_SUCCESS ||
        (len >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0)) {
        return;
    }
    check(flow_utf8_is_valid(out->data ? out->data : "", out->len));
    flow_buf_init(&back, OUT_MAX);
    flow_charset_write(&back, charset, out->data ? out->data : "", out->len,
                       pool, NULL);
    flow_buf_release(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const charsets[] = {
        NULL, "win1252", "utf-16le", "gb18030", "shiftjis", "utf8",
    };
    const char *s = (const char *)data + 1;
    text_t t = { s, size - 1, 13 };
    flow_source_t source = { read_text, &t };
    flow_buf_t out;

    if (size < 1) {
        return 0;
    }
    flow_buf_init(&out, OUT_MAX);
    if (data[0] % 8 == 0) {
        if (flow_source_gunzip(&source, pool, NULL) == APR_SUCCESS) {
            drain(&source, &out);
        }
    }
    else if (data[0] % 8 == 1) {
        unzip(s, size - 1, &out);
    }
    else {
        decode(s, size - 1, charsets[data[0] % 8 - 2], &out);
    }
    flow_buf_release(&out);
    apr_pool_clear(pool);
    return 0;
}

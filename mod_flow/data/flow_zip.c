/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zip archives (the only user of libzip). An archive can only be read from a
 * file, because what is in it stands at its end.
 */
#include "data/flow_source.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <zip.h>

#include "data/flow_text_private.h"

#define MEMBERS_MAX 10000

struct flow_zip_t {
    zip_t *zip;
    zip_file_t *file; /* the member being read, or NULL */
    apr_uint64_t total;
    int n;
};

static apr_status_t refuse(int code, const char *what, flow_error_t *err)
{
    zip_error_t error;
    apr_status_t rv;

    zip_error_init_with_code(&error, code);
    rv = flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "invalid_zip",
                        "invalid zip file: %s%s", what,
                        zip_error_strerror(&error));
    zip_error_fini(&error);
    return rv;
}

static apr_status_t release(void *data)
{
    flow_zip_t *zip = data;

    if (zip->file) {
        zip_fclose(zip->file);
    }
    zip_discard(zip->zip);
    return APR_SUCCESS;
}

apr_status_t flow_zip_open(flow_zip_t **pzip, int fd, apr_pool_t *p,
                           flow_error_t *err)
{
    flow_zip_t *zip = apr_pcalloc(p, sizeof(*zip));
    zip_int64_t n;
    int code = 0, own = dup(fd);

    *pzip = NULL;
    if (own < 0) {
        return flow_text_no_memory(err);
    }
    zip->zip = zip_fdopen(own, ZIP_CHECKCONS, &code);
    if (!zip->zip) {
        close(own);
        return refuse(code, "", err);
    }
    apr_pool_cleanup_register(p, zip, release, apr_pool_cleanup_null);
    n = zip_get_num_entries(zip->zip, 0);
    if (n > MEMBERS_MAX) {
        return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC, "too_large",
                              "the zip file has more than %d members",
                              MEMBERS_MAX);
    }
    zip->n = (int)n;
    *pzip = zip;
    return APR_SUCCESS;
}

int flow_zip_count(const flow_zip_t *zip)
{
    return zip->n;
}

static apr_status_t read_member(void *baton, char *data, apr_size_t *plen,
                                flow_error_t *err)
{
    flow_zip_t *zip = baton;
    zip_int64_t n = zip_fread(zip->file, data, *plen);

    *plen = 0;
    if (n < 0) {
        return refuse(zip_error_code_zip(zip_file_get_error(zip->file)),
                      "a member: ", err);
    }
    *plen = (apr_size_t)n;
    zip->total += (apr_uint64_t)n;
    if (zip->total > FLOW_UNPACK_MAX) {
        return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC, "too_large",
                              "the file unpacks to more than 64 GB");
    }
    return APR_SUCCESS;
}

apr_status_t flow_zip_member(flow_zip_t *zip, int i, flow_source_t *source,
                             const char **pname, flow_error_t *err)
{
    const char *name = zip_get_name(zip->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
    apr_size_t len = name ? strlen(name) : 0;

    if (zip->file) {
        zip_fclose(zip->file);
        zip->file = NULL;
    }
    if (len == 0 || name[len - 1] == '/') {
        return APR_NOTFOUND;
    }
    zip->file = zip_fopen_index(zip->zip, (zip_uint64_t)i, 0);
    if (!zip->file) {
        return refuse(zip_error_code_zip(zip_get_error(zip->zip)),
                      "a member: ", err);
    }
    *pname = name;
    source->read = read_member;
    source->baton = zip;
    return APR_SUCCESS;
}

/* ---- writing ---- */

static apr_status_t no_archive(flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_INTERNAL, APR_EGENERAL, "zip_failed",
                          "no zip file could be made");
}

/* The bytes of an archive that has been closed. */
static apr_status_t copy_source(flow_buf_t *out, zip_source_t *source,
                                flow_error_t *err)
{
    char piece[16384];
    zip_int64_t n = 0;

    if (zip_source_open(source) != 0) {
        return no_archive(err);
    }
    while ((n = zip_source_read(source, piece, sizeof(piece))) > 0) {
        flow_buf_add(out, piece, (apr_size_t)n);
    }
    zip_source_close(source);
    return n < 0 ? no_archive(err) : flow_text_buffer_status(out, err);
}

apr_status_t flow_zip_write(flow_buf_t *out, const char *name, const char *data,
                            apr_size_t len, flow_error_t *err)
{
    zip_source_t *target = zip_source_buffer_create(NULL, 0, 0, NULL);
    zip_source_t *member;
    zip_t *zip = NULL;
    apr_status_t rv;

    if (target) {
        zip_source_keep(target); /* the archive takes one reference */
        zip = zip_open_from_source(target, ZIP_TRUNCATE, NULL);
    }
    if (!zip) {
        rv = no_archive(err);
        goto cleanup;
    }
    member = zip_source_buffer(zip, data, len, 0);
    if (!member || zip_file_add(zip, name, member, ZIP_FL_ENC_UTF_8) < 0) {
        zip_source_free(member);
        zip_discard(zip);
        rv = no_archive(err);
        goto cleanup;
    }
    if (zip_close(zip) != 0) {
        zip_discard(zip);
        rv = no_archive(err);
        goto cleanup;
    }
    rv = copy_source(out, target, err);

cleanup:
    zip_source_free(target);
    return rv;
}

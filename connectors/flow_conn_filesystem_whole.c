/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.output metadata and blobKeys: files are not looked into. A page is one
 * file; what it holds travels beside the record, as a blob.
 */
#include "connectors/flow_conn_filesystem.h"

#include "data/flow_json.h"
#include "flow/flow_record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *changed(const struct stat *st, apr_pool_t *p)
{
    return flow_record_time(
        apr_time_from_sec(st->st_mtim.tv_sec) + st->st_mtim.tv_nsec / 1000, p);
}

apr_status_t flow_conn_fs_passes(const flow_filter_t *filter, const char *name,
                                 int dirfd, int *ppasses, apr_pool_t *p,
                                 flow_error_t *err)
{
    struct stat st;
    json_t *file;

    *ppasses = 0;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return APR_SUCCESS;
    }
    file = flow_json_own(p, json_object());
    flow_record_set_text(file, "filename", name);
    json_object_set_new(file, "filesize", json_integer((json_int_t)st.st_size));
    flow_record_set_text(file, "lastmodified", changed(&st, p));
    return flow_filter_match(filter, file, NULL, ppasses, p, err);
}

static json_t *describe(const fs_place_t *place, const struct stat *st,
                        apr_pool_t *p)
{
    json_t *record = json_object();

    flow_record_set_text(record, "fileName", place->name);
    json_object_set_new(record, "size", json_integer((json_int_t)st->st_size));
    flow_record_set_text(record, "lastModified", changed(st, p));
    return record;
}

static apr_status_t read_whole(int fd, const struct stat *st, char **pdata,
                               apr_pool_t *p, const char *name,
                               flow_error_t *err)
{
    apr_size_t len = (apr_size_t)st->st_size, got = 0;
    ssize_t n;

    if (st->st_size > FLOW_BLOB_MAX) {
        return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC, "file_too_large",
                              "it has more than %d MB, which is the most that "
                              "can be passed on unread",
                              FLOW_BLOB_MAX >> 20);
    }
    *pdata = apr_palloc(p, len + 1);
    while (got < len) {
        n = read(fd, *pdata + got, len - got);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return flow_conn_fs_error("read", name, errno, err);
        }
        if (n == 0) {
            return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                                  "file_changed",
                                  "it was changed while it was being read");
        }
        got += (apr_size_t)n;
    }
    return APR_SUCCESS;
}

/* Puts what is in the file away; the record has the key. */
static apr_status_t take(int fd, const struct stat *st, const char *name,
                         const flow_call_t *call, json_t *record, apr_pool_t *p,
                         flow_error_t *err)
{
    const char *key = "";
    char *data = NULL;
    apr_status_t rv;

    if (call->test_mode) {
        return APR_SUCCESS; /* nothing stays of a test */
    }
    if (!call->blobs) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_ENOTIMPL, "no_blobs",
                              "there is no place for blobs here");
    }
    rv = read_whole(fd, st, &data, p, name, err);
    if (rv == APR_SUCCESS) {
        rv = call->blobs->put(call->blobs->baton, data, (apr_size_t)st->st_size,
                              &key, p, err);
    }
    if (rv == APR_SUCCESS) {
        flow_record_set_text(record, "blobKey", key);
    }
    return rv;
}

apr_status_t flow_conn_fs_list(fs_place_t *place, fs_output_e output, int dirfd,
                               const flow_call_t *call, flow_page_t *page,
                               apr_pool_t *p, flow_error_t *err)
{
    flow_error_t why = FLOW_ERROR_INIT;
    struct stat st;
    json_t *record;
    apr_status_t rv = APR_SUCCESS;
    int fd = openat(dirfd, place->name,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) != 0) {
        rv = flow_conn_fs_error("read", place->name, errno, err);
        if (fd >= 0) {
            close(fd);
        }
        return rv;
    }
    place->size = (apr_int64_t)st.st_size;
    place->mtime =
        (apr_int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    place->is_done = 1;
    record = describe(place, &st, p);
    if (output == FS_BLOBS) {
        rv = take(fd, &st, place->name, call, record, p, &why);
    }
    close(fd);
    if (rv == APR_SUCCESS) {
        json_array_append_new(page->records, record);
        return rv;
    }
    json_decref(record);
    flow_error_prefix(&why, "file '%s'", place->name);
    if (why.kind == FLOW_E_INPUT) {
        place->is_broken = 1;
        flow_page_add_error(page, &why, place->name);
        return APR_SUCCESS;
    }
    return flow_error_set(err, why.kind, rv, why.code, "%s", why.message);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes on the disk. A file comes into being under a hidden name and gets its
 * own when all of it is written out. What is added to a file is written at its
 * end under a lock and taken back when it does not fit.
 */
#include "connectors/flow_conn_filesystem.h"

#include "base/flow_clock.h"

#include "base/flow_sign.h"

#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define LOCK_NAP apr_time_from_msec(10)

static int write_at(int fd, const char *data, apr_size_t len, off_t offset)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, data, len, offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return errno;
        }
        data += n;
        offset += n;
        len -= (apr_size_t)n;
    }
    return 0;
}

/* With @a replace over what is there, else only if nothing is (EEXIST). */
static int publish(int dirfd, const char *temp, const char *name, int replace)
{
    if (replace) {
        return renameat(dirfd, temp, dirfd, name) == 0 ? 0 : errno;
    }
    if (linkat(dirfd, temp, dirfd, name, 0) != 0) {
        return errno;
    }
    unlinkat(dirfd, temp, 0);
    return 0;
}

int flow_conn_fs_make(int dirfd, const char *name, const char *data,
                      apr_size_t len, int replace, apr_pool_t *p)
{
    unsigned char noise[8];
    const char *temp;
    int fd, code;

    if (flow_random(noise, sizeof(noise)) != APR_SUCCESS) {
        return EIO;
    }
    temp = apr_psprintf(p, ".flow-%s.part", flow_hex(noise, sizeof(noise), p));
    fd = openat(dirfd, temp,
                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0) {
        return errno;
    }
    code = write_at(fd, data, len, 0);
    if (!code && fsync(fd) != 0) {
        code = errno;
    }
    if (close(fd) != 0 && !code) {
        code = errno;
    }
    if (!code) {
        code = publish(dirfd, temp, name, replace);
    }
    if (code) {
        unlinkat(dirfd, temp, 0);
        return code;
    }
    return fsync(dirfd) == 0 ? 0 : errno;
}

apr_status_t flow_conn_fs_lock(int fd, const char *name,
                               const flow_call_t *call, flow_error_t *err)
{
    apr_time_t until = flow_call_until(call);

    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return flow_conn_fs_error("lock", name, errno, err);
        }
        if (flow_clock() >= until || (call->stopping && *call->stopping)) {
            return flow_error_set(
                err, FLOW_E_UNAVAILABLE, APR_TIMEUP, "file_locked",
                "file '%s' is being written by somebody else", name);
        }
        apr_sleep(LOCK_NAP);
    }
    return APR_SUCCESS;
}

apr_status_t flow_conn_fs_replace_tail(int fd, const char *name, off_t at,
                                       off_t size, const char *tail,
                                       const char *data, apr_size_t len,
                                       flow_error_t *err)
{
    int code = write_at(fd, data, len, at);

    if (!code && ftruncate(fd, at + (off_t)len) != 0) {
        code = errno;
    }
    if (!code && fdatasync(fd) != 0) {
        code = errno;
    }
    if (!code) {
        return APR_SUCCESS;
    }
    write_at(fd, tail, (apr_size_t)(size - at), at);
    if (ftruncate(fd, size) != 0) {
        return flow_conn_fs_error("take back what was added to", name, errno,
                                  err);
    }
    return flow_conn_fs_error("write", name, code, err);
}

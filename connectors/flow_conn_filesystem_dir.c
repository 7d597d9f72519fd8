/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories and names. Every step is opened relative to the one before and
 * never through a symbolic link, so that nothing that is put into the
 * directory while we look can lead us out of it.
 */
#include "connectors/flow_conn_filesystem.h"

#include <apr_strings.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRIES_MAX 1000000
#define NAME_LEN    200

apr_status_t flow_conn_fs_error(const char *verb, const char *name, int code,
                                flow_error_t *err)
{
    char why[120];

    return flow_error_set(
        err,
        code == EACCES || code == EPERM || code == ENOENT || code == ENOTDIR ||
                code == ELOOP
            ? FLOW_E_CONFIG
            : FLOW_E_UNAVAILABLE,
        APR_FROM_OS_ERROR(code), "file_error", "cannot %s '%s': %s", verb, name,
        apr_strerror(APR_FROM_OS_ERROR(code), why, sizeof(why)));
}

/* The step at *ps as a name of its own; NULL at the end. */
static const char *next_step(const char **ps, apr_pool_t *p)
{
    apr_size_t len;

    *ps += strspn(*ps, "/");
    len = strcspn(*ps, "/");
    if (len == 0) {
        return NULL;
    }
    *ps += len;
    return apr_pstrmemdup(p, *ps - len, len);
}

apr_status_t flow_conn_fs_open_dir(int *pfd, const char *root,
                                   const char *below, apr_pool_t *p,
                                   flow_error_t *err)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    const char *step;
    int fd, next;

    /* The root itself is the administrator's and may be a link. */
    fd = open(root, flags);
    if (fd < 0) {
        /* callers of an API may read this, and the path is nobody's business;
         * the connection's name stands before it */
        return flow_conn_fs_error("open", "filesystem.directoryPath", errno,
                                  err);
    }
    while ((step = next_step(&below, p))) {
        if (strcmp(step, "..") == 0) {
            close(fd);
            return flow_error_set(err, FLOW_E_INPUT, APR_EACCES,
                                  "directory_invalid",
                                  "a directory path must not contain '..'");
        }
        next = openat(fd, step, flags | O_NOFOLLOW);
        if (next < 0) {
            int code = errno;

            close(fd);
            return flow_conn_fs_error("open the directory", step, code, err);
        }
        close(fd);
        fd = next;
    }
    *pfd = fd;
    return APR_SUCCESS;
}

const char *flow_conn_fs_name_problem(const char *name)
{
    const char *s;

    if (!name[0]) {
        return "is empty";
    }
    if (name[0] == '.') {
        return "begins with a dot";
    }
    if (strlen(name) > NAME_LEN) {
        return "has more than 200 bytes";
    }
    for (s = name; *s; ++s) {
        if (*s == '/' || (unsigned char)*s < ' ' || *s == 0x7F) {
            return "contains a slash or a control character";
        }
    }
    return NULL;
}

int flow_conn_fs_is_name(const char *name)
{
    apr_size_t len = strlen(name), end = strlen(FS_ASIDE);

    return name[0] && name[0] != '.' && !strchr(name, '/') &&
           (len < end || strcmp(name + len - end, FS_ASIDE) != 0);
}

static int fits(const char *name, const char *starts_with,
                const char *ends_with)
{
    apr_size_t len = strlen(name);
    apr_size_t start = starts_with ? strlen(starts_with) : 0;
    apr_size_t end = ends_with ? strlen(ends_with) : 0;

    return flow_conn_fs_is_name(name) && len >= start && len >= end &&
           (!start || memcmp(name, starts_with, start) == 0) &&
           (!end || memcmp(name + len - end, ends_with, end) == 0);
}

static int is_regular(int dirfd, const char *name)
{
    struct stat st;

    return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(st.st_mode);
}

apr_status_t flow_conn_fs_next_file(const char **pname, int dirfd,
                                    const char *after, const char *starts_with,
                                    const char *ends_with, apr_pool_t *p,
                                    flow_error_t *err)
{
    const char *best = NULL;
    struct dirent *entry;
    int n = 0, fd;
    DIR *dir;

    *pname = NULL;
    /* A description of its own: reading moves its position, and closedir()
     * closes it. */
    fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int code = errno;

        if (fd >= 0) {
            close(fd);
        }
        return flow_conn_fs_error("read the directory", ".", code, err);
    }
    while ((entry = readdir(dir)) && n++ < ENTRIES_MAX) {
        const char *name = entry->d_name;

        if (fits(name, starts_with, ends_with) &&
            (!after || strcmp(name, after) > 0) &&
            (!best || strcmp(name, best) < 0) && is_regular(dirfd, name)) {
            best = apr_pstrdup(p, name);
        }
    }
    closedir(dir);
    *pname = best;
    return APR_SUCCESS;
}

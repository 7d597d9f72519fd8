/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_blob_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "base/flow_sign.h"

#define KEY_BYTES   16
#define COUNT_EVERY apr_time_from_sec(300)
#define MOST        ((apr_int64_t)10 << 30)

typedef struct blob_store_t {
    flow_blob_iface_t iface;
    const char *dir;
    apr_interval_time_t keep;
    apr_int64_t most;
    apr_thread_mutex_t *lock; /* guards what follows */
    apr_int64_t bytes;        /* of all, by the last count and since */
    apr_time_t counted;
} blob_store_t;

/* What is no key is no file of ours, wherever it would lead. */
static int is_key(const char *key)
{
    return strlen(key) == 2 * KEY_BYTES &&
           strspn(key, "0123456789abcdef") == 2 * KEY_BYTES;
}

static apr_status_t failed(const blob_store_t *s, const char *what, int number,
                           flow_error_t *err)
{
    int is_full = number == ENOSPC || number == EDQUOT;
    char text[128];

    return flow_error_set(err, FLOW_E_UNAVAILABLE, number,
                          is_full ? "store_full" : "store_unavailable",
                          "a blob cannot be %s in '%s': %s", what, s->dir,
                          apr_strerror(number, text, sizeof(text)));
}

/* ---- room ---- */

/* Under the lock: what is there, without what has been there too long. */
static void count(blob_store_t *s, apr_time_t now)
{
    DIR *dir = opendir(s->dir);
    struct dirent *entry;
    struct stat info;

    s->bytes = 0;
    s->counted = now;
    while (dir && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.' ||
            fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW)) {
            continue;
        }
        if (s->keep > 0 && apr_time_from_sec(info.st_mtime) + s->keep < now) {
            unlinkat(dirfd(dir), entry->d_name, 0);
            continue;
        }
        s->bytes += info.st_size;
    }
    if (dir) {
        closedir(dir);
    }
}

static apr_status_t take_room(blob_store_t *s, apr_size_t len,
                              flow_error_t *err)
{
    apr_time_t now = apr_time_now();
    int is_full;

    apr_thread_mutex_lock(s->lock);
    if (now - s->counted > COUNT_EVERY) {
        count(s, now);
    }
    is_full = s->bytes + (apr_int64_t)len > s->most;
    s->bytes += is_full ? 0 : (apr_int64_t)len;
    apr_thread_mutex_unlock(s->lock);
    return is_full ? flow_error_set(err, FLOW_E_UNAVAILABLE, APR_ENOSPC,
                                    "blob_full",
                                    "the blobs in '%s' have %" APR_INT64_T_FMT
                                    " MB, which is the most; imports with "
                                    "'deleteAfterImport' remove them",
                                    s->dir, s->most >> 20)
                   : APR_SUCCESS;
}

/* ---- the interface ---- */

static int write_all(int fd, const char *data, apr_size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno != EINTR) {
            return 0;
        }
        data += n > 0 ? n : 0;
        len -= n > 0 ? (apr_size_t)n : 0;
    }
    return fsync(fd) == 0;
}

/* The name lasts once the directory is on the disk, too. */
static int sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

static apr_status_t blob_put(void *baton, const char *data, apr_size_t len,
                             const char **pkey, apr_pool_t *p,
                             flow_error_t *err)
{
    blob_store_t *s = baton;
    unsigned char raw[KEY_BYTES];
    const char *path;
    apr_status_t rv;
    int fd;

    if (len > FLOW_BLOB_MAX) {
        return flow_error_set(err, FLOW_E_REFUSED, APR_ENOSPC, "blob_too_large",
                              "the blob has more than %d MB",
                              FLOW_BLOB_MAX >> 20);
    }
    rv = take_room(s, len, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (flow_random(raw, sizeof(raw)) != APR_SUCCESS) {
        return flow_error_set(err, FLOW_E_INTERNAL, APR_EGENERAL, "random",
                              "no random bytes for a blob's key");
    }
    if (mkdir(s->dir, 0700) != 0 && errno != EEXIST) {
        return failed(s, "stored", errno, err);
    }
    *pkey = flow_hex(raw, sizeof(raw), p);
    path = apr_pstrcat(p, s->dir, "/", *pkey, NULL);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return failed(s, "stored", errno, err);
    }
    if (!write_all(fd, data, len) || !sync_dir(s->dir)) {
        rv = failed(s, "stored", errno, err);
        unlink(path);
    }
    close(fd);
    return rv;
}

static apr_status_t read_all(const blob_store_t *s, int fd, apr_size_t len,
                             char *out, flow_error_t *err)
{
    while (len > 0) {
        ssize_t n = read(fd, out, len);

        if (n == 0 || (n < 0 && errno != EINTR)) {
            return failed(s, "read", n ? errno : EIO, err);
        }
        out += n > 0 ? n : 0;
        len -= n > 0 ? (apr_size_t)n : 0;
    }
    *out = '\0';
    return APR_SUCCESS;
}

static apr_status_t unknown(const char *key, flow_error_t *err)
{
    return is_key(key)
               ? flow_error_set(err, FLOW_E_INPUT, APR_NOTFOUND, "blob_unknown",
                                "there is no blob '%s' (any more)", key)
               : flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "blob_unknown",
                                "what the record has for a blob's key is none; "
                                "a key has 32 hexadecimal digits");
}

static apr_status_t blob_get(void *baton, const char *key, const char **pdata,
                             apr_size_t *plen, apr_pool_t *p, flow_error_t *err)
{
    blob_store_t *s = baton;
    struct stat info;
    apr_status_t rv;
    char *out;
    int fd;

    if (!is_key(key)) {
        return unknown(key, err);
    }
    fd = open(apr_pstrcat(p, s->dir, "/", key, NULL),
              O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? unknown(key, err)
                               : failed(s, "read", errno, err);
    }
    if (fstat(fd, &info) != 0 || info.st_size > FLOW_BLOB_MAX) {
        close(fd);
        return failed(s, "read", EFBIG, err);
    }
    *plen = (apr_size_t)info.st_size;
    out = apr_palloc(p, *plen + 1);
    *pdata = out;
    rv = read_all(s, fd, *plen, out, err);
    close(fd);
    return rv;
}

static void blob_remove(void *baton, const char *key, apr_pool_t *p)
{
    blob_store_t *s = baton;

    if (is_key(key)) {
        unlink(apr_pstrcat(p, s->dir, "/", key, NULL));
    }
}

const flow_blob_iface_t *flow_blob_store_create(const char *dir,
                                                apr_interval_time_t keep,
                                                apr_int64_t most, apr_pool_t *p)
{
    blob_store_t *s = apr_pcalloc(p, sizeof(*s));

    s->iface.baton = s;
    s->iface.put = blob_put;
    s->iface.get = blob_get;
    s->iface.remove = blob_remove;
    s->dir = apr_pstrdup(p, dir);
    s->keep = keep;
    s->most = most > 0 ? most : MOST;
    return apr_thread_mutex_create(&s->lock, APR_THREAD_MUTEX_DEFAULT, p) ==
                   APR_SUCCESS
               ? &s->iface
               : NULL;
}

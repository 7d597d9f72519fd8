/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_store.h"
#include "jobs/flow_store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "base/flow_clock.h"

/*
 * The files of an embedded store: FILE (the database), FILE-wal and FILE-shm
 * (SQLite's, with the owner and mode of FILE) and FILE-lock (ours).
 *
 * The directory usually belongs to the user of the children, so root follows
 * no link in it and changes owners through descriptors only.
 */
#define SETTLE_WAIT apr_time_from_sec(5)
#define OPEN_FLAGS  (O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC)

static apr_status_t file_error(const char *path, const char *doing, int code,
                               flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_CONFIG, code, "store_unavailable",
                          "store '%s': cannot %s: %s", path, doing,
                          strerror(code));
}

/* Make @a dir and what is missing above it. */
static apr_status_t make_directory(const char *dir, uid_t uid, gid_t gid,
                                   apr_pool_t *p, flow_error_t *err)
{
    struct stat st;
    apr_status_t rv;

    if (stat(dir, &st) == 0) {
        return APR_SUCCESS;
    }
    rv = apr_dir_make_recursive(
        dir, APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_UEXECUTE, p);
    if (rv != APR_SUCCESS) {
        return file_error(dir, "make the directory", rv, err);
    }
    if (geteuid() == 0 && lchown(dir, uid, gid) != 0) {
        return file_error(dir, "give the directory away", errno, err);
    }
    return APR_SUCCESS;
}

/* Give a file to @a uid and @a gid when we are root and it is not theirs. */
static apr_status_t give_away(int fd, const char *path, uid_t uid, gid_t gid,
                              flow_error_t *err)
{
    struct stat st;

    if (geteuid() != 0) {
        return APR_SUCCESS;
    }
    if (fstat(fd, &st) != 0) {
        return file_error(path, "look at it", errno, err);
    }
    if (st.st_nlink == 0) {
        return APR_SUCCESS; /* a child has just closed, and SQLite cleaned up */
    }
    if (!S_ISREG(st.st_mode) || st.st_nlink != 1) {
        return flow_error_set(
            err, FLOW_E_CONFIG, APR_EGENERAL, "store_unavailable",
            "store '%s' is not a plain file of its own", path);
    }
    if (st.st_uid == uid || (st.st_uid != 0 && st.st_uid != geteuid())) {
        return APR_SUCCESS;
    }
    if (fchown(fd, uid, gid) != 0) {
        return file_error(path, "give it away", errno, err);
    }
    return APR_SUCCESS;
}

static apr_status_t make_file(const char *path, int must_exist, uid_t uid,
                              gid_t gid, flow_error_t *err)
{
    int flags = must_exist ? OPEN_FLAGS & ~O_CREAT : OPEN_FLAGS;
    int fd = open(path, flags, 0600);
    apr_status_t rv;

    if (fd < 0) {
        return must_exist && errno == ENOENT
                   ? APR_SUCCESS
                   : file_error(path, "open it", errno, err);
    }
    rv = give_away(fd, path, uid, gid, err);
    close(fd);
    return rv;
}

/* What is left of the last '/'; "." when there is none. */
static const char *directory_of(const char *path, apr_pool_t *p)
{
    const char *slash = strrchr(path, '/');

    if (!slash) {
        return ".";
    }
    return slash == path ? "/"
                         : apr_pstrmemdup(p, path, (apr_size_t)(slash - path));
}

/*
 * Closing a descriptor of FILE drops the POSIX locks that SQLite holds in this
 * process, so this must run before a handle is open in it; flow_jobs_prepare()
 * and the tools do.
 */
apr_status_t flow_store_create(const char *driver, const char *params, int uid,
                               int gid, flow_error_t *err)
{
    static const char *const companions[] = { "-wal", "-shm", NULL };
    uid_t owner = uid < 0 ? geteuid() : (uid_t)uid;
    gid_t group = gid < 0 ? getegid() : (gid_t)gid;
    apr_pool_t *p = NULL;
    const char *dir;
    struct stat st;
    apr_status_t rv;
    int i;

    rv = flow_store_driver_check(driver, err);
    if (rv != APR_SUCCESS || flow_store_is_shared(driver)) {
        return rv;
    }
    p = flow_store_pool(0);
    if (!p) {
        return flow_error_set(err, FLOW_E_INTERNAL, APR_ENOMEM, "no_memory",
                              "out of memory for making the store");
    }
    dir = directory_of(params, p);
    if (uid < 0 && stat(dir, &st) == 0) {
        owner = st.st_uid;
        group = st.st_gid;
    }
    rv = make_directory(dir, owner, group, p, err);
    if (rv == APR_SUCCESS) {
        rv = make_file(params, 0, owner, group, err);
    }
    if (rv == APR_SUCCESS) {
        rv = make_file(apr_pstrcat(p, params, "-lock", NULL), 0, owner, group,
                       err);
    }
    for (i = 0; rv == APR_SUCCESS && companions[i]; ++i) {
        rv = make_file(apr_pstrcat(p, params, companions[i], NULL), 1, owner,
                       group, err);
    }
    apr_pool_destroy(p);
    return rv;
}

/* ---- are they still the same? ---- */

static int look(const char *path, flow_store_inode_t *at)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        return 0;
    }
    at->device = st.st_dev;
    at->inode = st.st_ino;
    return 1;
}

apr_status_t flow_store_file_note(flow_store_t *store, flow_error_t *err)
{
    flow_store_inode_t now;

    /* The pragmas have read it: SQLite has had it open since before that. */
    if (!look(store->params, &store->file) || !look(store->params, &now)) {
        return file_error(store->params, "find it", errno, err);
    }
    return APR_SUCCESS;
}

static int is_same(const char *path, const flow_store_inode_t *at)
{
    flow_store_inode_t now;

    return look(path, &now) && now.device == at->device &&
           now.inode == at->inode;
}

/* SQLite makes it, at the latest with the first change. No lock is ever on it,
 * so closing a descriptor of it costs none. */
static int open_wal(flow_store_t *store)
{
    struct stat st;

    store->wal_fd = open(store->wal_path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (store->wal_fd < 0 || fstat(store->wal_fd, &st) != 0) {
        return 0;
    }
    store->wal.device = st.st_dev;
    store->wal.inode = st.st_ino;
    return 1;
}

/*
 * The same as SQLite's synchronous=FULL does within COMMIT: all of the log up
 * to our last frame is on the disk when this returns (and with it what others
 * have written before). But nobody waits for our disk who wants to write, and
 * several processes that sync at once cost the file system hardly more than
 * one. Others may see a commit before it is safe; whoever waits for it is told
 * afterwards only. SQLite syncs the log itself before it copies from it, and
 * the first frame when it starts over.
 */
apr_status_t flow_store_sync(int fd, const char *name, flow_error_t *err)
{
    int code;

    if (fdatasync(fd) == 0) {
        return APR_SUCCESS;
    }
    code = errno;
    return flow_error_set(err, FLOW_E_UNAVAILABLE, code, "store_unavailable",
                          "store '%s': cannot be written to the disk: %s", name,
                          strerror(code));
}

/*
 * The kernel gives up the pages that it could not write: they stay readable,
 * and the next sync succeeds without them. A checkpoint reads the log's frames
 * (as every reader of the store still does), writes them to the database and
 * syncs that, so it does not matter any more what became of the log.
 */
apr_status_t flow_store_settle(flow_store_t *store, flow_error_t *err)
{
    static const char sql[] = "PRAGMA wal_checkpoint(FULL)";
    apr_pool_t *p = flow_store_pool(0);
    flow_rows_t rows;
    apr_status_t rv;

    if (!p) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_ENOMEM, "no_memory",
                              "out of memory for the store");
    }
    rv = flow_store_lock(store, SETTLE_WAIT, err);
    if (rv == APR_SUCCESS) {
        rv = flow_store_select(store, &rows, sql, FLOW_SQL_NONE, p, err);
        if (rv == APR_SUCCESS &&
            (!flow_rows_next(&rows) || flow_rows_int(&rows, 0) != 0 ||
             flow_rows_int(&rows, 1) != flow_rows_int(&rows, 2))) {
            rv = flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                                "store_unavailable",
                                "store '%s': its log cannot be copied to the "
                                "database at the moment",
                                store->name);
        }
        flow_store_unlock(store);
    }
    apr_pool_destroy(p);
    return rv;
}

apr_status_t flow_store_file_verify(flow_store_t *store, int written,
                                    flow_error_t *err)
{
    const char *what = store->params;
    int ok = is_same(what, &store->file);

    if (ok && written) {
        what = store->wal_path;
        ok = store->wal_fd >= 0 ? is_same(what, &store->wal) : open_wal(store);
    }
    if (ok && written && store->lock.inode) {
        what = store->lock_path;
        ok = is_same(what, &store->lock);
    }
    if (ok) {
        return APR_SUCCESS;
    }
    store->broken = 1;
    return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_ENOENT,
                          "store_unavailable",
                          "store '%s' has been deleted or replaced while it "
                          "was in use",
                          what);
}

/* ---- the write lock among processes ---- */

apr_status_t flow_store_lock_open(flow_store_t *store, flow_error_t *err)
{
    const char *path = store->lock_path;
    struct stat st;
    int code;

    store->lock_fd = open(path, OPEN_FLAGS, 0600);
    if (store->lock_fd < 0) {
        code = errno;
        return flow_error_set(err, FLOW_E_UNAVAILABLE, code,
                              "store_unavailable", "store '%s': %s", path,
                              strerror(code));
    }
    if (fstat(store->lock_fd, &st) == 0) {
        store->lock.device = st.st_dev;
        store->lock.inode = st.st_ino;
    }
    /* Somebody deleted it and root made it anew: the owner is the store's. */
    if (geteuid() == 0 && stat(store->params, &st) == 0) {
        return give_away(store->lock_fd, path, st.st_uid, st.st_gid, err);
    }
    return APR_SUCCESS;
}

/*
 * flock() belongs to the open file, so two handles of one process exclude each
 * other too, and the kernel drops it when its owner dies, however it dies.
 */
apr_status_t flow_store_lock(flow_store_t *store, apr_interval_time_t wait,
                             flow_error_t *err)
{
    apr_time_t until = flow_clock() + wait;

    for (;;) {
        if (flock(store->lock_fd, wait < 0 ? LOCK_EX : LOCK_EX | LOCK_NB) ==
            0) {
            return APR_SUCCESS;
        }
        if (errno == EINTR) {
            continue;
        }
        if (errno != EWOULDBLOCK) {
            return flow_error_set(
                err, FLOW_E_UNAVAILABLE, errno, "store_unavailable",
                "store '%s': cannot lock: %s", store->params, strerror(errno));
        }
        if (flow_clock() >= until) {
            return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_TIMEUP,
                                  "store_unavailable",
                                  "store '%s': another process has been "
                                  "writing for too long",
                                  store->params);
        }
        apr_sleep(1000);
    }
}

void flow_store_unlock(flow_store_t *store)
{
    flock(store->lock_fd, LOCK_UN);
}

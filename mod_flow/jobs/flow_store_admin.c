/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_store_admin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "data/flow_json.h"
#include "jobs/flow_store_private.h"

#define FINDINGS_MAX 100

apr_status_t flow_store_integrity(flow_store_t *store, json_t **pfindings,
                                  apr_pool_t *p, flow_error_t *err)
{
    static const char sqlite_sql[] =
        "SELECT integrity_check FROM pragma_integrity_check(100) LIMIT %lld";
    static const char other_sql[] = "SELECT 'ok' FROM job, job_error, event"
                                    " LIMIT %lld";
    int is_sqlite = strcmp(store->driver_name, "sqlite3") == 0;
    apr_int64_t most = FINDINGS_MAX;
    flow_rows_t rows;
    apr_status_t rv;

    rv = flow_store_select(store, &rows, is_sqlite ? sqlite_sql : other_sql,
                           FLOW_SQL(&most), p, err);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *pfindings = json_array();
    while (flow_rows_next(&rows)) {
        const char *text = flow_rows_text(&rows, 0);

        if (text && strcmp(text, "ok") != 0) {
            json_array_append_new(*pfindings,
                                  flow_json_string_new(text, strlen(text)));
        }
    }
    return APR_SUCCESS;
}

/* ---- backup ---- */

static apr_status_t fail(const char *path, int code, flow_error_t *err)
{
    return flow_error_set(err, FLOW_E_CONFIG, code ? code : APR_EGENERAL,
                          "backup_failed", "backup '%s': %s", path,
                          strerror(code));
}

static int sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC), rc = 0;

    if (fd < 0) {
        return errno;
    }
    if (fsync(fd) != 0) {
        rc = errno;
    }
    close(fd);
    return rc;
}

static const char *quoted(const char *path, apr_pool_t *p)
{
    const char *out = "", *quote;

    while ((quote = strchr(path, '\'')) != NULL) {
        out = apr_pstrcat(p, out,
                          apr_pstrmemdup(p, path, (apr_size_t)(quote - path)),
                          "''", NULL);
        path = quote + 1;
    }
    return apr_pstrcat(p, "'", out, path, "'", NULL);
}

static const char *directory_of(const char *path, apr_pool_t *p)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? "."
           : slash == path
               ? "/"
               : apr_pstrmemdup(p, path, (apr_size_t)(slash - path));
}

/* To a name beside it first: what stands under the name that was asked for is
 * whole, whenever the machine stops. */
apr_status_t flow_store_backup(flow_store_t *store, const char *driver,
                               const char *path, apr_pool_t *p,
                               flow_error_t *err)
{
    const char *part = apr_pstrcat(p, path, ".part", NULL);
    struct stat st;
    mode_t mask;
    apr_status_t rv;
    int code;

    if (strcmp(driver, "sqlite3") != 0) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_ENOTIMPL,
                              "backup_unsupported",
                              "a store of driver '%s' is backed up with its "
                              "own tools; use pg_dump --format=custom",
                              driver);
    }
    if (lstat(path, &st) == 0) {
        return fail(path, EEXIST, err);
    }
    if (unlink(part) != 0 && errno != ENOENT) {
        return fail(part, errno, err);
    }
    mask = umask(077);
    rv = flow_store_query(
        store, apr_pstrcat(p, "VACUUM INTO ", quoted(part, p), NULL), err);
    umask(mask);
    if (rv != APR_SUCCESS) {
        unlink(part);
        return rv;
    }
    code = sync_path(part, O_RDWR);
    if (!code && rename(part, path) != 0) {
        code = errno;
    }
    if (!code) {
        code = sync_path(directory_of(path, p), O_RDONLY | O_DIRECTORY);
    }
    if (code) {
        unlink(part);
        return fail(path, code, err);
    }
    return APR_SUCCESS;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/flow_file.h"

#include <apr_file_io.h>
#include <apr_strings.h>

#include <string.h>

static apr_status_t cannot_read(const char *path, apr_status_t rv,
                                flow_error_t *err)
{
    char why[120];

    return flow_error_set(err, FLOW_E_CONFIG, rv, "file_unreadable",
                          "cannot read '%s': %s", path,
                          apr_strerror(rv, why, sizeof(why)));
}

apr_status_t flow_file_read(const char **pdata, apr_size_t *plen,
                            const char *path, apr_size_t max, apr_pool_t *p,
                            flow_error_t *err)
{
    apr_file_t *file = NULL;
    apr_finfo_t info;
    apr_size_t len;
    char *data;
    apr_status_t rv;

    /* The type is looked at first: opening a FIFO would wait for a writer. */
    rv = apr_stat(&info, path, APR_FINFO_TYPE | APR_FINFO_SIZE, p);
    if (rv != APR_SUCCESS && rv != APR_INCOMPLETE) {
        return cannot_read(path, rv, err);
    }
    if (info.filetype != APR_REG) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "file_type",
                              "'%s' is no regular file", path);
    }
    if (info.size > (apr_off_t)max) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_ENOSPC, "file_too_large",
                              "'%s' has %" APR_OFF_T_FMT
                              " bytes; the limit is %" APR_SIZE_T_FMT,
                              path, info.size, max);
    }
    rv = apr_file_open(&file, path, APR_READ | APR_BINARY, APR_OS_DEFAULT, p);
    if (rv != APR_SUCCESS) {
        return cannot_read(path, rv, err);
    }
    len = (apr_size_t)info.size;
    data = apr_palloc(p, len + 1);
    rv = len ? apr_file_read_full(file, data, len, &len) : APR_SUCCESS;
    apr_file_close(file);
    if (rv != APR_SUCCESS && !APR_STATUS_IS_EOF(rv)) {
        return cannot_read(path, rv, err);
    }
    data[len] = '\0';
    *pdata = data;
    *plen = len;
    return APR_SUCCESS;
}

const char *flow_file_dir(const char *path, apr_pool_t *p)
{
    const char *slash = strrchr(path, '/');

    if (!slash) {
        return ".";
    }
    return slash == path ? "/" : apr_pstrmemdup(p, path, slash - path);
}

const char *flow_file_absolute(const char *dir, const char *path, apr_pool_t *p)
{
    if (path[0] == '/' || !dir) {
        return path;
    }
    return apr_pstrcat(p, dir, "/", path, NULL);
}

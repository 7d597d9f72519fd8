/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exporting files, in the order of their names. The cursor is
 * {file, size, mtime, member, index} inside of a file and
 * {file, size, mtime, done: true} behind it, with errors and broken where
 * something is wrong; only when the page after that is
 * asked for, the file's records have gone through and it may be deleted.
 */
#include "connectors/flow_conn_filesystem.h"

#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_TEXT_MAX 1024
#define ASIDE_MAX     1000 /* files of one name that are set aside */

typedef struct reader_t {
    const flow_export_t *exp;
    const fs_export_t *x;
    const flow_call_t *call;
    const json_t *context, *cursor;
    int dirfd;
    const char *starts_with, *ends_with;
    fs_place_t place; /* name NULL: no file is left */
    flow_page_t *page;
    apr_pool_t *p;
} reader_t;

static apr_int64_t number(const json_t *object, const char *key)
{
    apr_int64_t n;

    return flow_json_int64(json_object_get(object, key), &n) ? n : 0;
}

static const json_t *make_context(const flow_call_t *call, const json_t *input,
                                  apr_pool_t *p)
{
    json_t *context = flow_json_own(p, flow_json_is(call->context, OBJECT)
                                           ? json_copy((json_t *)call->context)
                                           : json_object());
    const json_t *record =
        flow_json_is(input, ARRAY) ? json_array_get(input, 0) : input;

    if (record) {
        json_object_set(context, "data", (json_t *)input);
        json_object_set(context, "record", (json_t *)record);
    }
    return context;
}

static apr_status_t render(reader_t *r, const flow_template_t *tpl,
                           const char **ptext, flow_error_t *err)
{
    apr_size_t len;

    *ptext = "";
    return tpl ? flow_template_text_with(tpl, r->context, r->call->templates,
                                         NAME_TEXT_MAX, ptext, &len, r->p, err)
               : APR_SUCCESS;
}

/* ---- which file ---- */

static int is_unchanged(const reader_t *r, const struct stat *st)
{
    return (apr_int64_t)st->st_size == number(r->cursor, "size") &&
           (apr_int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec ==
               number(r->cursor, "mtime");
}

static apr_status_t open_below(reader_t *r, const flow_template_t *where,
                               int *pfd, flow_error_t *err)
{
    const fs_connection_t *conn = r->exp->connection->data;
    const char *below;
    apr_status_t rv = render(r, where, &below, err);

    return rv == APR_SUCCESS
               ? flow_conn_fs_open_dir(pfd, conn->root, below, r->p, err)
               : rv;
}

/* Into the backup directory; a file of that name that is there is replaced. */
static apr_status_t move_away(reader_t *r, const char *name, flow_error_t *err)
{
    int fd = -1;
    apr_status_t rv = open_below(r, r->x->backup, &fd, err);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (renameat(r->dirfd, name, fd, name) != 0 && errno != ENOENT) {
        rv = flow_conn_fs_error("move away", name, errno, err);
    }
    close(fd);
    return rv;
}

/* Under a name that nothing has yet; what is there is never replaced. */
static int move_new(int fromfd, const char *from, int tofd, const char *to)
{
    if (renameat2(fromfd, from, tofd, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return errno;
    }
    /* a file system that cannot do that */
    return linkat(fromfd, from, tofd, to, 0) == 0 &&
                   unlinkat(fromfd, from, 0) == 0
               ? 0
               : errno;
}

/* "NAME.error", "NAME.2.error"; of a name that is too long for that as much as
 * there is room for. */
static const char *aside_name(const char *name, int i, const char *end,
                              apr_pool_t *p)
{
    const char *more = i > 1 ? apr_psprintf(p, ".%d%s", i, end) : end;
    apr_size_t len = strlen(name), most = NAME_MAX - strlen(more);

    if (len > most) {
        for (len = most; len && ((unsigned char)name[len] & 0xC0) == 0x80;
             --len) {
        }
    }
    return apr_pstrcat(p, apr_pstrmemdup(p, name, len), more, NULL);
}

static int is_same_directory(int a, int b)
{
    struct stat x, y;

    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

/* A file in which something is wrong is kept for somebody to mend it: under
 * its name in a directory for such files, else as NAME.error. One that was kept
 * before is left as it is. */
static apr_status_t set_aside(reader_t *r, const char *name, flow_error_t *err)
{
    const char *end = FS_ASIDE;
    apr_status_t rv = APR_SUCCESS;
    int fd = r->dirfd, i, code = EEXIST;

    if (r->x->aside) {
        rv = open_below(r, r->x->aside, &fd, err);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        /* under its name it would be read again */
        end = is_same_directory(fd, r->dirfd) ? FS_ASIDE : "";
    }
    for (i = 1; i <= ASIDE_MAX && code == EEXIST; ++i) {
        code = move_new(r->dirfd, name, fd, aside_name(name, i, end, r->p));
    }
    if (code != 0 && code != ENOENT) {
        rv = flow_conn_fs_error("set aside", name, code, err);
    }
    if (r->x->aside) {
        close(fd);
    }
    return rv;
}

/* Nothing is handed on that could not be taken away afterwards: it would come
 * again with every run. */
static apr_status_t check_way(reader_t *r, const flow_template_t *where,
                              const char *field, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    int fd = r->dirfd, code = 0;

    if (where) {
        rv = open_below(r, where, &fd, err);
    }
    if (rv != APR_SUCCESS) {
        return flow_error_prefix(err, "%s", field);
    }
    if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) != 0) {
        code = errno;
        rv = flow_conn_fs_error("write to the directory", field, code, err);
    }
    else if (where && where == r->x->backup &&
             is_same_directory(fd, r->dirfd)) {
        rv = flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "directory_invalid",
                            "%s is the directory that is read; name another "
                            "one",
                            field);
    }
    if (where) {
        close(fd);
    }
    return rv;
}

static int takes_away(const reader_t *r)
{
    return !r->x->keep && r->x->output != FS_METADATA && !r->call->leave &&
           !r->call->test_mode && !r->call->dry_run;
}

static apr_status_t check_ways(reader_t *r, flow_error_t *err)
{
    apr_status_t rv;

    if (!takes_away(r)) {
        return APR_SUCCESS;
    }
    rv = check_way(r, NULL, "filesystem.directoryPath", err);
    if (rv == APR_SUCCESS && r->x->backup) {
        rv = check_way(r, r->x->backup, "filesystem.backupDirectoryPath", err);
    }
    if (rv == APR_SUCCESS && r->x->aside) {
        rv = check_way(r, r->x->aside, "filesystem.errorDirectoryPath", err);
    }
    return rv;
}

/* Delete the file that the cursor is behind of, unless somebody has changed
 * it meanwhile or it is gone already (this page is asked for again). */
static apr_status_t delete_done(reader_t *r, const char *name,
                                flow_error_t *err)
{
    struct stat st;

    if (!takes_away(r) ||
        fstatat(r->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(st.st_mode) || !is_unchanged(r, &st)) {
        return APR_SUCCESS;
    }
    if (flow_json_member_bool(r->cursor, "broken") == 1 ||
        (number(r->cursor, "errors") > 0 && !r->x->backup)) {
        return set_aside(r, name, err);
    }
    if (r->x->backup) {
        return move_away(r, name, err);
    }
    if (unlinkat(r->dirfd, name, 0) != 0 && errno != ENOENT) {
        return flow_conn_fs_error("delete", name, errno, err);
    }
    return APR_SUCCESS;
}

/* The next file behind @a last that passes the filter. */
static apr_status_t find_next(reader_t *r, const char *last, flow_error_t *err)
{
    int passes = 0;
    apr_status_t rv;

    do {
        rv = flow_conn_fs_next_file(&r->place.name, r->dirfd, last,
                                    r->starts_with, r->ends_with, r->p, err);
        if (rv != APR_SUCCESS || !r->place.name || !r->x->filter ||
            !flow_utf8_is_valid(r->place.name, strlen(r->place.name))) {
            return rv;
        }
        last = r->place.name;
        rv = flow_conn_fs_passes(r->x->filter, last, r->dirfd, &passes, r->p,
                                 err);
    } while (rv == APR_SUCCESS && !passes);
    return rv == APR_SUCCESS ? rv : flow_error_prefix(err, "file.filter");
}

static apr_status_t choose_file(reader_t *r, flow_error_t *err)
{
    const char *last = flow_json_member(r->cursor, "file");
    apr_status_t rv;

    if (last && !flow_conn_fs_is_name(last)) {
        return flow_error_set(err, FLOW_E_INPUT, APR_EINVAL, "cursor_invalid",
                              "the place to go on from is none of ours");
    }
    r->place.size = r->place.mtime = -1;
    if (last && flow_json_member_bool(r->cursor, "done") != 1) {
        r->place.name = last;
        r->place.size = number(r->cursor, "size");
        r->place.mtime = number(r->cursor, "mtime");
        r->place.member = (int)number(r->cursor, "member");
        r->place.index = number(r->cursor, "index");
        r->place.errors = number(r->cursor, "errors");
        return APR_SUCCESS;
    }
    if (last) {
        rv = delete_done(r, last, err);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    return find_next(r, last, err);
}

/* ---- one page ---- */

static json_t *next_cursor(const reader_t *r)
{
    const fs_place_t *place = &r->place;
    json_t *cursor = json_object();

    json_object_set_new(cursor, "file",
                        flow_json_string_new(place->name, strlen(place->name)));
    json_object_set_new(cursor, "size", json_integer(place->size));
    json_object_set_new(cursor, "mtime", json_integer(place->mtime));
    if (place->errors > 0) {
        json_object_set_new(cursor, "errors", json_integer(place->errors));
    }
    if (place->is_broken) {
        json_object_set_new(cursor, "broken", json_true());
    }
    if (place->is_done) {
        json_object_set_new(cursor, "done", json_true());
    }
    else {
        json_object_set_new(cursor, "member", json_integer(place->member));
        json_object_set_new(cursor, "index", json_integer(place->index));
    }
    return cursor;
}

static apr_status_t read_page(reader_t *r, flow_error_t *err)
{
    apr_status_t rv;

    if (r->call->stopping && *r->call->stopping) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EINTR, "stopping",
                              "the server is stopping");
    }
    rv = choose_file(r, err);
    if (rv == APR_SUCCESS && r->place.name && !r->cursor) {
        rv = check_ways(r, err);
    }
    if (rv != APR_SUCCESS || !r->place.name || r->call->dry_run) {
        return rv;
    }
    if (!flow_utf8_is_valid(r->place.name, strlen(r->place.name))) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "file_name",
                              "a file's name is not UTF-8");
    }
    if (r->x->output != FS_RECORDS) {
        return flow_conn_fs_list(&r->place, r->x->output, r->dirfd, r->call,
                                 r->page, r->p, err);
    }
    return flow_conn_fs_read(&r->place, &r->x->content, r->dirfd, r->call,
                             r->page, r->p, err);
}

apr_status_t flow_conn_fs_export_page(const flow_export_t *exp,
                                      const flow_call_t *call,
                                      const json_t *input, const json_t *cursor,
                                      flow_page_t *page, apr_pool_t *p,
                                      flow_error_t *err)
{
    const fs_connection_t *conn = exp->connection->data;
    reader_t r = { exp, exp->data, call };
    const char *below;
    apr_status_t rv;

    r.dirfd = -1;
    r.p = p;
    r.cursor = cursor;
    r.context = make_context(call, input, p);
    r.page = page;
    page->records = json_array();
    page->errors = NULL;
    rv = render(&r, r.x->directory, &below, err);
    if (rv == APR_SUCCESS) {
        rv = render(&r, r.x->starts_with, &r.starts_with, err);
    }
    if (rv == APR_SUCCESS) {
        rv = render(&r, r.x->ends_with, &r.ends_with, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_conn_fs_open_dir(&r.dirfd, conn->root, below, p, err);
    }
    if (rv == APR_SUCCESS) {
        rv = read_page(&r, err);
    }
    if (rv == APR_SUCCESS) {
        page->file = r.place.name;
        page->cursor = r.place.name && !call->dry_run ? next_cursor(&r) : NULL;
    }
    else {
        json_decref(page->records);
        json_decref(page->errors);
        page->records = page->errors = NULL;
        flow_error_prefix(err, "connection '%s'", exp->connection->id);
    }
    if (r.dirfd >= 0) {
        close(r.dirfd);
    }
    return rv;
}

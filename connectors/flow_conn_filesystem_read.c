/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a file, as a stream. What is open and where it stands is kept from
 * one page to the next of a run. A page that is asked for without (another
 * process goes on after a crash) reads the file from its beginning and skips
 * the records that were read before.
 */
#include "connectors/flow_conn_filesystem.h"

#include "base/flow_clock.h"
#include "flow/flow_record.h"

#include <apr_strings.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_BYTES   (1024 * 1024) /* of text per page, about */
#define PAGE_RECORDS 5000

typedef struct session_t {
    fs_place_t at; /* where it stands */
    int fd;
    flow_zip_t *zip;
    flow_records_t *records; /* of the member; NULL: it is not open */
    json_t *sorted;          /* all of them, when they are sorted; or NULL */
    json_t *wrong;           /* with sorted: what is wrong, told before them */
    apr_status_t broken_rv;  /* with sorted: why there are no more of them */
    flow_error_t broken;
    apr_pool_t *p;        /* the session's */
    apr_pool_t *member_p; /* cleared with every member */
} session_t;

/* ---- bytes ---- */

static apr_status_t read_fd(void *baton, char *data, apr_size_t *plen,
                            flow_error_t *err)
{
    const int *pfd = baton;
    ssize_t n;

    do {
        n = read(*pfd, data, *plen);
    } while (n < 0 && errno == EINTR);
    *plen = n > 0 ? (apr_size_t)n : 0;
    return n < 0 ? flow_conn_fs_error("read", "the file", errno, err)
                 : APR_SUCCESS;
}

/* What an unpacked text still needs. */
static apr_status_t decode(flow_source_t *source, const fs_content_t *content,
                           apr_pool_t *p, flow_error_t *err)
{
    const char *charset = content->charset;
    apr_status_t rv = APR_SUCCESS;

    if (!charset) {
        rv = flow_source_detect(source, &charset, p, err);
    }
    return rv == APR_SUCCESS ? flow_source_decode(source, charset, p, err) : rv;
}

apr_status_t flow_conn_fs_unpack(flow_source_t *source,
                                 const fs_content_t *content, apr_pool_t *p,
                                 flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;

    if (content->packing == FS_GZIP) {
        rv = flow_source_gunzip(source, p, err);
    }
    return rv == APR_SUCCESS ? decode(source, content, p, err) : rv;
}

apr_status_t flow_conn_fs_source(flow_source_t *source, int fd,
                                 const fs_content_t *content, apr_pool_t *p,
                                 flow_error_t *err)
{
    int *pfd = apr_palloc(p, sizeof(*pfd));

    *pfd = fd;
    source->read = read_fd;
    source->baton = pfd;
    return flow_conn_fs_unpack(source, content, p, err);
}

/* ---- opening ---- */

static apr_status_t close_session(void *data)
{
    close(((session_t *)data)->fd);
    return APR_SUCCESS;
}

static void look_at(fs_place_t *place, const struct stat *st)
{
    place->size = (apr_int64_t)st->st_size;
    place->mtime =
        (apr_int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* The file is the one that was begun, and nobody has changed it. */
static apr_status_t check_unchanged(session_t *s, const fs_place_t *place,
                                    flow_error_t *err)
{
    struct stat st;

    if (fstat(s->fd, &st) != 0) {
        return flow_conn_fs_error("read", place->name, errno, err);
    }
    if (!S_ISREG(st.st_mode)) {
        return flow_error_set(err, FLOW_E_CONFIG, APR_EINVAL, "file_type",
                              "it is no regular file");
    }
    look_at(&s->at, &st);
    if (place->size >= 0 &&
        (place->size != s->at.size || place->mtime != s->at.mtime)) {
        return flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                              "file_changed",
                              "it was changed while it was being read");
    }
    return APR_SUCCESS;
}

static apr_status_t open_session(session_t **ps, const fs_place_t *place,
                                 const fs_content_t *content, int dirfd,
                                 apr_pool_t *p, flow_error_t *err)
{
    session_t *s = apr_pcalloc(p, sizeof(*s));
    apr_status_t rv;

    *ps = s;
    s->p = p;
    s->fd = openat(dirfd, place->name,
                   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (s->fd < 0) {
        return flow_conn_fs_error("read", place->name, errno, err);
    }
    apr_pool_cleanup_register(p, s, close_session, apr_pool_cleanup_null);
    apr_pool_create(&s->member_p, p);
    s->at.name = apr_pstrdup(p, place->name);
    s->at.member = place->member;
    rv = check_unchanged(s, place, err);
    if (rv == APR_SUCCESS && content->packing == FS_ZIP) {
        rv = flow_zip_open(&s->zip, s->fd, p, err);
    }
    return rv;
}

/* The member at s->at, or the next one that is no directory. */
static apr_status_t open_member(session_t *s, const fs_content_t *content,
                                flow_error_t *err)
{
    flow_source_t source;
    const char *name = NULL;
    apr_status_t rv = APR_NOTFOUND;

    apr_pool_clear(s->member_p);
    s->sorted = s->wrong = NULL;
    s->broken_rv = APR_SUCCESS;
    memset(&s->broken, 0, sizeof(s->broken));
    s->at.index = 0;
    if (!s->zip) {
        rv = flow_conn_fs_source(&source, s->fd, content, s->member_p, err);
    }
    while (s->zip && s->at.member < flow_zip_count(s->zip)) {
        rv = flow_zip_member(s->zip, s->at.member, &source, &name, err);
        if (rv != APR_NOTFOUND) {
            break;
        }
        ++s->at.member;
    }
    if (rv == APR_NOTFOUND) {
        s->at.is_done = 1;
        return APR_SUCCESS;
    }
    if (rv == APR_SUCCESS && s->zip) {
        rv = decode(&source, content, s->member_p, err);
    }
    if (rv == APR_SUCCESS) {
        rv = flow_records_open(&s->records, &content->format, &source,
                               s->member_p, err);
    }
    if (rv == APR_SUCCESS) {
        flow_records_tolerate(s->records);
    }
    return rv;
}

/* ---- records ---- */

static int is_stopping(const flow_call_t *call)
{
    return (call->stopping && *call->stopping) ||
           flow_clock() >= flow_call_until(call);
}

static apr_status_t stopped(const flow_call_t *call, flow_error_t *err)
{
    int is_late = !call->stopping || !*call->stopping;

    return flow_error_set(err, FLOW_E_UNAVAILABLE,
                          is_late ? APR_TIMEUP : APR_EINTR,
                          is_late ? "timeout" : "stopping", "%s",
                          is_late ? "the file could not be read in time"
                                  : "the server is stopping");
}

static void end_member(session_t *s)
{
    s->records = NULL;
    s->sorted = s->wrong = NULL;
    s->at.is_done = !s->zip;
    ++s->at.member;
    s->at.index = 0;
}

static apr_status_t sort_member(session_t *s, const fs_content_t *content,
                                const flow_call_t *call, flow_error_t *err)
{
    json_t *all = flow_json_own(s->member_p, json_array()), *record;
    apr_size_t used = 0;
    apr_status_t rv = APR_SUCCESS;

    s->wrong = flow_json_own(s->member_p, json_array());
    while (rv == APR_SUCCESS) {
        flow_error_t why = FLOW_ERROR_INIT;

        if (json_array_size(all) % 1000 == 0 && is_stopping(call)) {
            return stopped(call, err);
        }
        rv = flow_records_next(s->records, &record, &why);
        if (rv == FLOW_RECORD_BAD &&
            json_array_size(s->wrong) <= FS_ERRORS_MAX) {
            json_array_append_new(s->wrong,
                                  flow_record_error_from(&why, "application"));
            rv = APR_SUCCESS;
            continue;
        }
        if (rv != APR_SUCCESS && rv != APR_EOF && why.kind != FLOW_E_INPUT) {
            return flow_error_set(err, why.kind, rv, why.code, "%s",
                                  why.message);
        }
        if (rv != APR_SUCCESS && rv != APR_EOF) {
            /* told behind what could be read */
            s->broken_rv = rv;
            s->broken = why;
            rv = APR_EOF;
        }
        if (rv != APR_SUCCESS) {
            break;
        }
        json_array_append_new(all, record);
        rv = flow_conn_fs_count(record, &used, err);
        if (rv != APR_SUCCESS) {
            return flow_error_prefix(err, "file.sortByFields");
        }
    }
    if (rv != APR_EOF) {
        return rv;
    }
    flow_conn_fs_sort(content, all, s->member_p);
    s->sorted = all;
    return APR_SUCCESS;
}

/* The next record, which is the one at s->at.index. */
static apr_status_t next_record(session_t *s, json_t **precord,
                                flow_error_t *err)
{
    size_t i = (size_t)s->at.index, nwrong = json_array_size(s->wrong);
    const json_t *wrong = json_array_get(s->wrong, i);

    if (!s->sorted) {
        return flow_records_next(s->records, precord, err);
    }
    if (wrong) {
        flow_error_set(err, FLOW_E_INPUT, FLOW_RECORD_BAD,
                       flow_json_member(wrong, "code"), "%s",
                       flow_json_member(wrong, "message"));
        return FLOW_RECORD_BAD;
    }
    *precord = json_incref(json_array_get(s->sorted, i - nwrong));
    if (!*precord && s->broken_rv != APR_SUCCESS) {
        return flow_error_set(err, s->broken.kind, s->broken_rv, s->broken.code,
                              "%s", s->broken.message);
    }
    return *precord ? APR_SUCCESS : APR_EOF;
}

/* Up to where @a place says. */
static apr_status_t skip(session_t *s, const fs_place_t *place,
                         const flow_call_t *call, flow_error_t *err)
{
    apr_status_t rv = APR_SUCCESS;
    json_t *record;

    while (s->at.index < place->index && rv == APR_SUCCESS) {
        if (s->at.index % 1000 == 0 && is_stopping(call)) {
            return stopped(call, err);
        }
        flow_error_t told = FLOW_ERROR_INIT;

        rv = next_record(s, &record, &told);
        if (rv == APR_SUCCESS) {
            json_decref(record);
            ++s->at.index;
        }
        else if (rv == FLOW_RECORD_BAD) { /* it was told */
            rv = APR_SUCCESS;
            ++s->at.index;
        }
        else if (rv != APR_EOF) {
            return flow_error_set(err, told.kind, rv, told.code, "%s",
                                  told.message);
        }
    }
    return rv == APR_EOF
               ? flow_error_set(err, FLOW_E_UNAVAILABLE, APR_EGENERAL,
                                "file_changed",
                                "it has fewer records than when it was "
                                "begun")
               : rv;
}

/* "file.csv:7" or, of an archive, "files.zip:2:7". */
static const char *trace_key(const session_t *s, apr_pool_t *p)
{
    return s->zip ? apr_psprintf(p, "%s:%d:%" APR_INT64_T_FMT, s->at.name,
                                 s->at.member + 1, s->at.index + 1)
                  : apr_psprintf(p, "%s:%" APR_INT64_T_FMT, s->at.name,
                                 s->at.index + 1);
}

/* A record that is wrong. */
static apr_status_t tell(session_t *s, flow_page_t *page, flow_error_t *why,
                         apr_pool_t *p, flow_error_t *err)
{
    flow_error_prefix(why, "file '%s'", s->at.name);
    flow_page_add_error(page, why, trace_key(s, p));
    ++s->at.index;
    if (++s->at.errors > FS_ERRORS_MAX) {
        return flow_error_set(err, FLOW_E_INPUT, APR_ENOSPC, "too_many_errors",
                              "more than %d records are wrong", FS_ERRORS_MAX);
    }
    return APR_SUCCESS;
}

static apr_status_t read_some(session_t *s, flow_page_t *page, apr_pool_t *p,
                              flow_error_t *err)
{
    apr_uint64_t until = flow_records_bytes(s->records) + PAGE_BYTES;
    json_t *records = page->records, *record;
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS &&
           json_array_size(records) + json_array_size(page->errors) <
               PAGE_RECORDS &&
           (flow_records_bytes(s->records) < until ||
            json_array_size(records) == 0)) {
        rv = next_record(s, &record, err);
        if (rv == APR_SUCCESS) {
            json_array_append_new(records, record);
            ++s->at.index;
        }
        else if (rv == FLOW_RECORD_BAD) {
            flow_error_t why = *err;

            memset(err, 0, sizeof(*err));
            rv = tell(s, page, &why, p, err);
        }
    }
    if (rv == APR_EOF) {
        end_member(s);
        rv = APR_SUCCESS;
    }
    return rv;
}

static int is_at(const session_t *s, const fs_place_t *place)
{
    return s && strcmp(s->at.name, place->name) == 0 &&
           s->at.size == place->size && s->at.mtime == place->mtime &&
           s->at.member == place->member && s->at.index == place->index;
}

/* The session that stands at @a place: the one that was kept, or a new one. */
static apr_status_t find_session(session_t **ps, const fs_place_t *place,
                                 const fs_content_t *content, int dirfd,
                                 const flow_call_t *call, apr_pool_t *p,
                                 flow_error_t *err)
{
    session_t *s = call->keep ? call->keep->data : NULL;
    apr_status_t rv;

    if (is_at(s, place)) {
        rv = check_unchanged(s, place, err);
    }
    else {
        if (call->keep) {
            apr_pool_clear(call->keep->p);
            call->keep->data = NULL;
            p = call->keep->p;
        }
        rv = open_session(&s, place, content, dirfd, p, err);
    }
    *ps = s;
    return rv;
}

/* What cannot be read is told once, and the file counts as read. */
static apr_status_t give_up(session_t *s, flow_page_t *page, flow_error_t *why)
{
    flow_error_prefix(why, "file '%s' cannot be read to its end", s->at.name);
    flow_page_add_error(page, why, s->at.name);
    s->at.is_done = s->at.is_broken = 1;
    return APR_SUCCESS;
}

static apr_status_t read_place(session_t **ps, const fs_place_t *place,
                               const fs_content_t *content, int dirfd,
                               const flow_call_t *call, flow_page_t *page,
                               apr_pool_t *p, flow_error_t *err)
{
    apr_status_t rv = find_session(ps, place, content, dirfd, call, p, err);
    session_t *s = *ps;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    s->at.errors = place->errors;
    if (!s->records) {
        rv = open_member(s, content, err);
        if (rv == APR_SUCCESS && s->records && content->nsort) {
            rv = sort_member(s, content, call, err);
        }
    }
    if (rv == APR_SUCCESS && s->records) {
        rv = skip(s, place, call, err);
    }
    if (rv == APR_SUCCESS && s->records) {
        rv = read_some(s, page, p, err);
    }
    return rv;
}

apr_status_t flow_conn_fs_read(fs_place_t *place, const fs_content_t *content,
                               int dirfd, const flow_call_t *call,
                               flow_page_t *page, apr_pool_t *p,
                               flow_error_t *err)
{
    flow_error_t why = FLOW_ERROR_INIT;
    session_t *s = NULL;
    apr_status_t rv =
        read_place(&s, place, content, dirfd, call, page, p, &why);
    int is_broken = rv != APR_SUCCESS && why.kind == FLOW_E_INPUT && s;

    if (is_broken) {
        rv = give_up(s, page, &why);
    }
    if (rv == APR_SUCCESS) {
        place->size = s->at.size;
        place->mtime = s->at.mtime;
        place->member = s->at.member;
        place->index = s->at.index;
        place->errors = s->at.errors;
        place->is_done = s->at.is_done;
        place->is_broken = s->at.is_broken;
    }
    if (call->keep) {
        if (rv != APR_SUCCESS || is_broken) {
            apr_pool_clear(call->keep->p);
            call->keep->data = NULL;
        }
        else {
            call->keep->data = s;
        }
    }
    return rv == APR_SUCCESS
               ? rv
               : flow_error_prefix((flow_error_set(err, why.kind, rv, why.code,
                                                   "%s", why.message),
                                    err),
                                   "file '%s'", place->name);
}

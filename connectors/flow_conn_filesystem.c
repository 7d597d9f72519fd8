/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files in a directory of this machine: JSON or CSV, read and written.
 */
#include "connectors/flow_conn_filesystem.h"
#include "connectors/flow_conn_file_fields.h"

#include <apr_strings.h>

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* clang-format off */

#define STRING    FLOW_FIELD_STRING
#define TEMPLATE  FLOW_FIELD_TEMPLATE
#define INT       FLOW_FIELD_INT
#define BOOL      FLOW_FIELD_BOOL
#define OBJECT    FLOW_FIELD_OBJECT
#define STRINGS   FLOW_FIELD_STRINGS
#define ANY       FLOW_FIELD_ANY
#define REQUIRED  FLOW_FIELD_REQUIRED
#define LATER     FLOW_FIELD_LATER

static const flow_field_t connection_fields[] = {
    { "filesystem", OBJECT, REQUIRED, NULL, NULL, "where" },
    { "filesystem.directoryPath", STRING, REQUIRED, NULL, NULL, "absolute path; nothing outside of it is ever touched" },
    { NULL },
};

static const flow_field_t export_fields[] = {
    { "filesystem", OBJECT, 0, NULL, NULL, "which files" },
    { "filesystem.directoryPath", TEMPLATE, 0, NULL, NULL, "below the connection's; no .. and no symbolic links" },
    { "filesystem.fileNameStartsWith", TEMPLATE, 0, NULL, NULL, "only files whose name begins so" },
    { "filesystem.fileNameEndsWith", TEMPLATE, 0, NULL, NULL, "only files whose name ends so" },
    { "filesystem.backupDirectoryPath", TEMPLATE, 0, NULL, NULL, "move files there, below the connection's, instead of deleting them" },
    { "filesystem.errorDirectoryPath", TEMPLATE, 0, NULL, NULL, "move files there, below the connection's, in which something is wrong; else NAME becomes NAME.error. An addition of mod_flow" },
    { "file", OBJECT, REQUIRED, NULL, NULL, "what is in them; files are read in the order of their names" },
    { "file.type", STRING, 0, "csv json xml filedefinition | xlsx", NULL, "format; required for output records" },
    { "file.output", STRING, 0, "records metadata blobKeys", "records", "what is handed on; metadata: a record for each file, {fileName, size, lastModified}, and files stay; blobKeys: the same with blobKey, what is in the file being stored under it" },
    { "file.skipDelete", BOOL, 0, NULL, "false", "keep the file; false: it is deleted when the page after its last one is asked for, that is, when its records have gone through the flow" },
    FLOW_FILE_READ_FIELDS
    { "file.decrypt", STRING, LATER, NULL, NULL, "pgp" },
    { "file.compressionFormat", STRING, 0, "gzip zip", NULL, "a file that is not compressed so fails; zip: every member is a file of its own" },
    { "file.batchSize", INT, FLOW_FIELD_READONLY, NULL, NULL, "files per batch; one at a time is read here" },
    { "file.filter", OBJECT, 0, NULL, NULL, "which files are read at all: sees filename, filesize and lastmodified (ISO 8601)" },
    { "file.filter.type", STRING, 0, "expression | script", NULL, "kind" },
    { "file.filter.expression", ANY, 0, NULL, NULL, "{version, rules}" },
    { "file.filter.version", STRING, 0, NULL, NULL, "of rules given without expression" },
    { "file.filter.rules", ANY, 0, NULL, NULL, "rules given without expression" },
    { "file.filter.script", OBJECT, LATER, NULL, NULL, "function of a script" },
    { "file.backupPath", STRING, LATER, NULL, NULL, "backup" },
    { "file.purgeInternalBackup", BOOL, FLOW_FIELD_READONLY, NULL, NULL, "of copies that are not made here" },
    { NULL },
};

static const flow_field_t import_fields[] = {
    { "filesystem", OBJECT, 0, NULL, NULL, "where" },
    { "filesystem.directoryPath", TEMPLATE, 0, NULL, NULL, "below the connection's, must exist; no .. and no symbolic links" },
    { "filesystem.fileName", TEMPLATE, 0, NULL, NULL, "as file.fileName" },
    { "filesystem.inProgressFileName", TEMPLATE, LATER, NULL, NULL, "name while it is written" },
    { "filesystem.backupDirectoryPath", TEMPLATE, LATER, NULL, NULL, "copy" },
    { "file", OBJECT, REQUIRED, NULL, NULL, "what is written" },
    { "file.fileName", TEMPLATE, 0, NULL, NULL, "name; a file that is there is added to, or with skipAggregation replaced" },
    { "file.type", STRING, REQUIRED, "csv json xml filedefinition | xlsx", NULL, "format; json: an array of records, with skipAggregation the record" },
    { "file.encoding", STRING, 0, "utf8 win1252 utf-16le gb18030 macroman iso88591 shiftjis", "utf8", "encoding; a record with a character that it lacks fails" },
    { "file.skipAggregation", BOOL, 0, NULL, "false", "a file per record; false: all records of a page go to one file" },
    { "file.csv", OBJECT, 0, NULL, NULL, "for type csv" },
    { "file.csv.columnDelimiter", STRING, 0, NULL, ",", "one or several characters; \\t is a tab" },
    { "file.csv.includeHeader", BOOL, 0, NULL, "true", "names in the first row" },
    { "file.csv.wrapWithQuotes", BOOL, 0, NULL, "false", "quote every cell" },
    { "file.csv.rowDelimiter", STRING, 0, NULL, "\\n", "behind every row; \\n \\r \\t understood" },
    { "file.csv.replaceTabWithSpace", BOOL, 0, NULL, "false", "in cells" },
    { "file.csv.replaceNewlineWithSpace", BOOL, 0, NULL, "false", "in cells" },
    { "file.csv.truncateLastRowDelimiter", BOOL, 0, NULL, "false", "no line end after the last row" },
    { "file.json", OBJECT, 0, NULL, NULL, "for type json" },
    { "file.json.resourcePath", STRING, 0, NULL, NULL, "names with dots between: objects around the array of records" },
    { "file.xml", OBJECT, 0, NULL, NULL, "for type xml" },
    { "file.xml.resourcePath", STRING, 0, NULL, "/records/record", "names: elements around the records, and that of a record" },
    { "file.fileDefinition", OBJECT, 0, NULL, NULL, "for type filedefinition: fixed width" },
    { "file.fileDefinition._fileDefinitionId", STRING, LATER, NULL, NULL, "a document of its own" },
    { "file.fileDefinition.format", STRING, 0, "fixed | delimited", "fixed", "how a row is made" },
    { "file.fileDefinition.rowDelimiter", STRING, 0, NULL, NULL, "absent: \\n" },
    { "file.fileDefinition.rules", ANY, 0, NULL, NULL, "rows, their elements and the rows below them; see docs/files.md" },
    { "file.compressionFormat", STRING, 0, "gzip zip", NULL, "zip: only with skipAggregation" },
    { "file.aggregation", OBJECT, LATER, NULL, NULL, "what goes into one file" },
    { "file.batchSize", INT, LATER, NULL, NULL, "records per file" },
    { "file.encrypt", BOOL, LATER, NULL, NULL, "pgp" },
    { "file.pgp", OBJECT, LATER, NULL, NULL, "pgp" },
    { "file.skipRename", BOOL, LATER, NULL, NULL, "write under the final name" },
    { "file.delete", BOOL, LATER, NULL, NULL, "delete instead" },
    { "file.backupPath", STRING, LATER, NULL, NULL, "backup" },
    { "file.lookups", ANY, LATER, NULL, NULL, "tables" },
    { NULL },
};

/* clang-format on */

/* ---- compiling ---- */

static int is_dir(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A directory below the connection's that is known before anything runs. */
static void check_below(flow_compile_t *c, const char *field,
                        const flow_connection_t *connection)
{
    const fs_connection_t *conn = connection ? connection->data : NULL;
    const char *path = flow_compile_string(c, field), *s;
    apr_size_t len;

    if (!path || strstr(path, "{{")) {
        return;
    }
    for (s = path; *s; s += len) {
        s += strspn(s, "/");
        len = strcspn(s, "/");
        if (len == 2 && strncmp(s, "..", 2) == 0) {
            flow_compile_problem(
                c, field,
                "must not contain '..'; it is a path below "
                "the connection's filesystem.directoryPath%s%s%s",
                conn && conn->root ? ", which is '" : "",
                conn && conn->root ? conn->root : "",
                conn && conn->root ? "'" : "");
            return;
        }
    }
    if (conn && conn->root && is_dir(conn->root) &&
        !is_dir(
            apr_pstrcat(flow_compile_pool(c), conn->root, "/", path, NULL))) {
        flow_compile_warning(c, field,
                             "there is no directory '%s' in '%s' now; make it, "
                             "or name one that is there",
                             path, conn->root);
    }
}

static void compile_connection(flow_compile_t *c, const json_t *doc,
                               void **pdata)
{
    fs_connection_t *conn = apr_pcalloc(flow_compile_pool(c), sizeof(*conn));

    (void)doc;
    *pdata = conn;
    conn->root = flow_compile_string(c, "filesystem.directoryPath");
    if (conn->root && conn->root[0] != '/') {
        flow_compile_problem(c, "filesystem.directoryPath",
                             "must be an absolute path");
    }
    else if (conn->root && !is_dir(conn->root)) {
        /* it may be mounted later */
        flow_compile_warning(c, "filesystem.directoryPath",
                             "there is no directory '%s' now; make it, or name "
                             "one that is there",
                             conn->root);
    }
}

static void check_end(flow_compile_t *c)
{
    const char *end = flow_compile_string(c, "filesystem.fileNameEndsWith");
    apr_size_t len = end ? strlen(end) : 0, n = strlen(FS_ASIDE);

    if (len >= n && strcmp(end + len - n, FS_ASIDE) == 0) {
        flow_compile_problem(c, "filesystem.fileNameEndsWith",
                             "no such file is ever read: '" FS_ASIDE
                             "' marks those that are set aside; give them "
                             "another name");
    }
}

static void compile_filter(flow_compile_t *c, fs_export_t *x)
{
    const json_t *doc = flow_compile_get(c, "file.filter");
    flow_error_t err = FLOW_ERROR_INIT;
    flow_filter_t *filter = NULL;

    if (doc && flow_filter_compile(&filter, doc, flow_compile_pool(c), &err) !=
                   APR_SUCCESS) {
        flow_compile_problem(c, "file.filter", "%s", err.message);
    }
    x->filter = filter;
}

static void compile_output(flow_compile_t *c, fs_export_t *x)
{
    const char *output = flow_compile_string(c, "file.output");

    if (output && strcmp(output, "metadata") == 0) {
        x->output = FS_METADATA;
    }
    else if (output && strcmp(output, "blobKeys") == 0) {
        x->output = FS_BLOBS;
    }
    else if (flow_compile_get(c, "file") && !flow_compile_get(c, "file.type")) {
        flow_compile_problem(c, "file.type",
                             "required field 'file.type' is missing");
    }
}

static void compile_export(flow_compile_t *c, const json_t *doc,
                           const flow_connection_t *connection, void **pdata)
{
    fs_export_t *x = apr_pcalloc(flow_compile_pool(c), sizeof(*x));

    (void)doc;
    *pdata = x;
#define TEXT(field)                                                            \
    flow_compile_template(c, "filesystem." field, FLOW_ESCAPE_NONE)
    x->directory = TEXT("directoryPath");
    x->starts_with = TEXT("fileNameStartsWith");
    x->ends_with = TEXT("fileNameEndsWith");
#undef TEXT
    x->keep = flow_compile_bool(c, "file.skipDelete");
    if (flow_compile_get(c, "filesystem.backupDirectoryPath")) {
        x->backup = flow_compile_template(c, "filesystem.backupDirectoryPath",
                                          FLOW_ESCAPE_NONE);
    }
    if (flow_compile_get(c, "filesystem.errorDirectoryPath")) {
        x->aside = flow_compile_template(c, "filesystem.errorDirectoryPath",
                                         FLOW_ESCAPE_NONE);
    }
    check_below(c, "filesystem.directoryPath", connection);
    check_below(c, "filesystem.backupDirectoryPath", connection);
    check_below(c, "filesystem.errorDirectoryPath", connection);
    check_end(c);
    compile_output(c, x);
    compile_filter(c, x);
    if (x->output == FS_RECORDS) {
        flow_conn_fs_compile_content(c, &x->content, 1);
    }
}

static void compile_import(flow_compile_t *c, const json_t *doc,
                           const flow_connection_t *connection, void **pdata)
{
    fs_import_t *x = apr_pcalloc(flow_compile_pool(c), sizeof(*x));
    const char *field = flow_compile_get(c, "file.fileName")
                            ? "file.fileName"
                            : "filesystem.fileName";

    (void)doc;
    *pdata = x;
    if (flow_compile_bool(c, "ignoreExisting") ||
        flow_compile_bool(c, "ignoreMissing")) {
        flow_compile_problem(c,
                             flow_compile_bool(c, "ignoreExisting")
                                 ? "ignoreExisting"
                                 : "ignoreMissing",
                             "a file does not tell which records exist");
    }
    x->directory =
        flow_compile_template(c, "filesystem.directoryPath", FLOW_ESCAPE_NONE);
    x->file_name = flow_compile_template(c, field, FLOW_ESCAPE_NONE);
    if (!flow_compile_get(c, field)) {
        flow_compile_problem(c, "file.fileName",
                             "required field 'file.fileName' is missing");
    }
    x->file_per_record = flow_compile_bool(c, "file.skipAggregation");
    check_below(c, "filesystem.directoryPath", connection);
    flow_conn_fs_compile_content(c, &x->content, 0);
    if (x->content.packing == FS_ZIP && !x->file_per_record) {
        flow_compile_problem(c, "file.compressionFormat",
                             "nothing can be added to a 'zip'; use 'gzip', or "
                             "file.skipAggregation for a file per record");
    }
    if (x->content.packing == FS_GZIP && x->content.truncates &&
        !x->file_per_record) {
        flow_compile_problem(c, "file.csv.truncateLastRowDelimiter",
                             "not together with compression, unless "
                             "file.skipAggregation makes a file per record");
    }
}

static apr_status_t ping(const flow_connection_t *connection,
                         const flow_call_t *call, apr_pool_t *p,
                         flow_error_t *err)
{
    const fs_connection_t *conn = connection->data;
    apr_status_t rv;
    int fd = -1;

    (void)call;
    rv = flow_conn_fs_open_dir(&fd, conn->root, "", p, err);
    if (rv == APR_SUCCESS) {
        close(fd);
    }
    return rv;
}

const flow_connector_t flow_connector_filesystem = {
    .name = "filesystem",
    .export_adaptor = "FileSystemExport",
    .import_adaptor = "FileSystemImport",
    .connection_fields = connection_fields,
    .export_fields = export_fields,
    .import_fields = import_fields,
    .compile_connection = compile_connection,
    .compile_export = compile_export,
    .compile_import = compile_import,
    .export_page = flow_conn_fs_export_page,
    .import_records = flow_conn_fs_import_records,
    .ping = ping,
    .takes = 1,
};

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_CONN_FILE_FIELDS_H
#define FLOW_CONN_FILE_FIELDS_H

/** Rows of the schema for what is in a file that is read, from wherever it
 * comes; flow_conn_fs_compile_content() compiles them. */
/* clang-format off */
#define FLOW_FILE_READ_FIELDS \
    { "file.encoding", FLOW_FIELD_STRING, 0, "utf8 win1252 utf-16le gb18030 macroman iso88591 shiftjis", NULL, "encoding; absent: by a byte order mark or an XML declaration, else utf8" }, \
    { "file.csv", FLOW_FIELD_OBJECT, 0, NULL, NULL, "for type csv" }, \
    { "file.csv.columnDelimiter", FLOW_FIELD_STRING, 0, NULL, ",", "one or several characters; \\t is a tab" }, \
    { "file.csv.hasHeaderRow", FLOW_FIELD_BOOL, 0, NULL, "true", "names are in the first row; else Column1, Column2 and so on" }, \
    { "file.csv.trimSpaces", FLOW_FIELD_BOOL, 0, NULL, "false", "trim cells" }, \
    { "file.csv.rowsToSkip", FLOW_FIELD_INT, 0, "0 1000", "0", "rows before the header" }, \
    { "file.csv.rowDelimiter", FLOW_FIELD_STRING, 0, NULL, NULL, "one or several characters, \\n \\r \\t understood; absent: line ends of any kind" }, \
    { "file.csv.disableQuoteAndStripEnclosingQuotes", FLOW_FIELD_BOOL, 0, NULL, "false", "quotes are text, but those around a whole cell are dropped" }, \
    { "file.csv.keyColumns", FLOW_FIELD_STRINGS, 0, NULL, NULL, "rows that follow each other and are equal in these columns become one record, an array of rows" }, \
    { "file.json", FLOW_FIELD_OBJECT, 0, NULL, NULL, "for type json" }, \
    { "file.json.resourcePath", FLOW_FIELD_STRING, 0, NULL, NULL, "names with dots between: where the records are; else the file itself, which may be an array, an object, or JSON lines" }, \
    { "file.xlsx", FLOW_FIELD_OBJECT, FLOW_FIELD_LATER, NULL, NULL, "for type xlsx" }, \
    { "file.xml", FLOW_FIELD_OBJECT, 0, NULL, NULL, "for type xml" }, \
    { "file.xml.resourcePath", FLOW_FIELD_STRING, 0, NULL, NULL, "required for type xml: the elements that are records, as in /orders/order or //order" }, \
    { "file.fileDefinition", FLOW_FIELD_OBJECT, 0, NULL, NULL, "for type filedefinition: fixed width" }, \
    { "file.fileDefinition._fileDefinitionId", FLOW_FIELD_STRING, FLOW_FIELD_LATER, NULL, NULL, "a document of its own" }, \
    { "file.fileDefinition.allowPartialSuccess", FLOW_FIELD_BOOL, FLOW_FIELD_READONLY, NULL, NULL, "rows that are wrong are told one by one, and the others go on, in any case" }, \
    { "file.fileDefinition.format", FLOW_FIELD_STRING, 0, "fixed | delimited", "fixed", "how a row is cut" }, \
    { "file.fileDefinition.rowDelimiter", FLOW_FIELD_STRING, 0, NULL, NULL, "absent: line ends" }, \
    { "file.fileDefinition.rules", FLOW_FIELD_ANY, 0, NULL, NULL, "rows, their elements and the rows below them; see docs/files.md" }, \
    { "file.sortByFields", FLOW_FIELD_ARRAY, 0, NULL, NULL, "sort the records of each file by these; of which all are in memory then, at most 256 MB" }, \
    { "file.sortByFields[].field", FLOW_FIELD_STRING, FLOW_FIELD_REQUIRED, NULL, NULL, "path in the record; numbers, also in text, before other text, by value" }, \
    { "file.sortByFields[].descending", FLOW_FIELD_BOOL, 0, NULL, "false", "the greatest first" }, \
    { "file.groupByFields", FLOW_FIELD_STRINGS, 0, NULL, NULL, "the same as the export's groupByFields" }, \
    { "file.groupEmptyValues", FLOW_FIELD_BOOL, 0, NULL, "false", "with file.groupByFields: records that have none of the values are grouped, too; else each is a group of its own" },

/** The same for one that is written. */
#define FLOW_FILE_WRITE_FIELDS \
    { "file.encoding", FLOW_FIELD_STRING, 0, "utf8 win1252 utf-16le gb18030 macroman iso88591 shiftjis", "utf8", "encoding; a record with a character that it lacks fails" }, \
    { "file.csv", FLOW_FIELD_OBJECT, 0, NULL, NULL, "for type csv" }, \
    { "file.csv.columnDelimiter", FLOW_FIELD_STRING, 0, NULL, ",", "one or several characters; \\t is a tab" }, \
    { "file.csv.includeHeader", FLOW_FIELD_BOOL, 0, NULL, "true", "names in the first row" }, \
    { "file.csv.wrapWithQuotes", FLOW_FIELD_BOOL, 0, NULL, "false", "quote every cell" }, \
    { "file.csv.rowDelimiter", FLOW_FIELD_STRING, 0, NULL, "\\n", "behind every row; \\n \\r \\t understood" }, \
    { "file.csv.replaceTabWithSpace", FLOW_FIELD_BOOL, 0, NULL, "false", "in cells" }, \
    { "file.csv.replaceNewlineWithSpace", FLOW_FIELD_BOOL, 0, NULL, "false", "in cells" }, \
    { "file.csv.truncateLastRowDelimiter", FLOW_FIELD_BOOL, 0, NULL, "false", "no line end after the last row" }, \
    { "file.json", FLOW_FIELD_OBJECT, 0, NULL, NULL, "for type json" }, \
    { "file.json.resourcePath", FLOW_FIELD_STRING, 0, NULL, NULL, "names with dots between: objects around the array of records" }, \
    { "file.xml", FLOW_FIELD_OBJECT, 0, NULL, NULL, "for type xml" }, \
    { "file.xml.resourcePath", FLOW_FIELD_STRING, 0, NULL, "/records/record", "names: elements around the records, and that of a record" }, \
    { "file.fileDefinition", FLOW_FIELD_OBJECT, 0, NULL, NULL, "for type filedefinition: fixed width" }, \
    { "file.fileDefinition.format", FLOW_FIELD_STRING, 0, "fixed | delimited", "fixed", "how a row is made" }, \
    { "file.fileDefinition.rowDelimiter", FLOW_FIELD_STRING, 0, NULL, NULL, "absent: \\n" }, \
    { "file.fileDefinition.rules", FLOW_FIELD_ANY, 0, NULL, NULL, "rows, their elements and the rows below them; see docs/files.md" }, \
    { "file.compressionFormat", FLOW_FIELD_STRING, 0, "gzip zip", NULL, "packed" },
/* clang-format on */

#endif

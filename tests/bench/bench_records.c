/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_records: what records cost, without a server around them.
 *
 *   make json|csv N          N records, the same ones every time
 *   json FILTER MAPPING      JSON lines -> filter -> mapping -> JSON lines
 *   csv                      CSV -> CSV
 *   template FILE DATA N     render a template N times; prints the last text
 *
 * Records come from standard input and go to standard output.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "data/flow_filter.h"
#include "data/flow_format.h"
#include "data/flow_json.h"
#include "data/flow_mapping.h"
#include "data/flow_template.h"

#define OUT_MAX (1 << 20)

static void give_up(const flow_error_t *err)
{
    fprintf(stderr, "bench_records: %s\n", err->message);
    exit(1);
}

static void put(flow_buf_t *out, apr_size_t least)
{
    apr_size_t done = 0;

    if (out->len < least)
        return;
    while (done < out->len) {
        ssize_t n = write(1, out->data + done, out->len - done);

        if (n < 0 && errno != EINTR)
            exit(1);
        done += n > 0 ? (apr_size_t)n : 0;
    }
    flow_buf_clear(out);
}

static apr_status_t read_stdin(void *baton, char *data, apr_size_t *plen,
                               flow_error_t *err)
{
    ssize_t n = read(0, data, *plen);

    (void)baton;
    (void)err;
    *plen = n > 0 ? (apr_size_t)n : 0;
    return n < 0 ? APR_EGENERAL : APR_SUCCESS;
}

static json_t *load(const char *path, apr_pool_t *p)
{
    static char text[1 << 20];
    FILE *f = fopen(path, "rb");
    size_t len = f ? fread(text, 1, sizeof(text), f) : 0;
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *v = NULL;

    if (!f || flow_json_parse(&v, text, len, &err) != APR_SUCCESS) {
        fprintf(stderr, "bench_records: %s: %s\n", path, err.message);
        exit(1);
    }
    fclose(f);
    return flow_json_own(p, v);
}

/* ---- making records ---- */

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return (*seed >> 8) & 0xffffff;
}

static const char *const names[] = { "Ada",    "Bj\xc3\xb6rn", "Chloe",
                                     "Dmitri", "Esperanza",    "Finn",
                                     "Giulia", "Hiroshi" };
static const char *const towns[] = { "Lund", "Oslo", "Porto", "Graz" };

static void make_json(flow_buf_t *out, unsigned i, unsigned *seed)
{
    unsigned a = next(seed), b = next(seed), c = next(seed);

    flow_buf_addf(
        out,
        "{\"id\":%u,\"number\":\"SO-%06u\",\"state\":\"%s\",\"customer\":{"
        "\"first\":\"%s\",\"last\":\"%s\",\"email\":\"user%u@example.com\","
        "\"vip\":%s,\"phone\":\"+46 %u\"},\"shipping\":{\"street\":\"%u Long "
        "Street\",\"town\":\"%s\",\"zip\":\"%05u\",\"country\":\"SE\"},"
        "\"total\":%u.%u,\"tax\":%u.5,\"currency\":\"SEK\",\"created\":"
        "\"2026-03-%02uT10:%02u:00Z\",\"note\":\"Leave it at the \\\"door\\\","
        " please\",\"items\":[{\"sku\":\"A-%u\",\"qty\":%u,\"price\":%u.25},"
        "{\"sku\":\"B-%u\",\"qty\":1,\"price\":9.5}],\"tags\":[\"web\",\"%s\"],"
        "\"weight\":%u,\"paid\":%s}\n",
        i, i, a % 10 ? "open" : "draft", names[b % 8], names[c % 8], a,
        b % 3 ? "true" : "false", c, a % 200, towns[c % 4], b % 99999,
        a % 5000 + 1, b % 9 + 1, c % 300, a % 28 + 1, b % 60, c % 1000,
        a % 9 + 1, b % 500, c % 777, b % 2 ? "new" : "old", c % 9000,
        a % 2 ? "true" : "false");
}

static void make_csv(flow_buf_t *out, unsigned i, unsigned *seed)
{
    unsigned a = next(seed), b = next(seed), c = next(seed);

    if (i == 0)
        flow_buf_adds(out, "id,number,state,first,last,email,street,town,zip,"
                           "total,currency,created,note\n");
    flow_buf_addf(out,
                  "%u,SO-%06u,%s,%s,%s,user%u@example.com,\"%u Long Street, "
                  "%c\",%s,%05u,%u.%u,SEK,2026-03-%02uT10:%02u:00Z,%s\n",
                  i, i, a % 10 ? "open" : "draft", names[b % 8], names[c % 8],
                  a, a % 200, 'A' + b % 26, towns[c % 4], b % 99999,
                  a % 5000 + 1, b % 9 + 1, a % 28 + 1, b % 60,
                  c % 5 ? "nothing to say"
                        : "\"leave it at the \"\"door\"\"\"");
}

static void make(const char *what, unsigned n)
{
    int is_csv = strcmp(what, "csv") == 0;
    unsigned i, seed = 42;
    flow_buf_t out;

    flow_buf_init(&out, 2 * OUT_MAX);
    for (i = 0; i < n; ++i) {
        if (is_csv)
            make_csv(&out, i, &seed);
        else
            make_json(&out, i, &seed);
        put(&out, OUT_MAX);
    }
    put(&out, 0);
    flow_buf_release(&out);
}

/* ---- records through ---- */

static void json_records(const char *filter_path, const char *mapping_path,
                         apr_pool_t *p)
{
    flow_format_t format = { FLOW_FORMAT_JSON };
    flow_source_t source = { read_stdin, NULL };
    flow_error_t err = FLOW_ERROR_INIT;
    flow_records_t *records;
    flow_mapping_t *mapping;
    flow_filter_t *filter;
    json_t *record, *out_record;
    apr_pool_t *scratch;
    flow_buf_t out;
    apr_status_t rv;
    int pass;

    if (flow_filter_compile(&filter, load(filter_path, p), p, &err) ||
        flow_mapping_compile(&mapping, load(mapping_path, p), NULL, p, &err) ||
        flow_records_open(&records, &format, &source, p, &err))
        give_up(&err);
    apr_pool_create(&scratch, p);
    flow_buf_init(&out, 2 * OUT_MAX);
    while ((rv = flow_records_next(records, &record, &err)) == APR_SUCCESS) {
        rv = flow_filter_match(filter, record, NULL, &pass, scratch, &err);
        if (rv == APR_SUCCESS && pass) {
            rv =
                flow_mapping_apply(mapping, record, &out_record, scratch, &err);
            if (rv == APR_SUCCESS) {
                flow_json_write(&out, out_record, FLOW_JSON_COMPACT);
                flow_buf_addc(&out, '\n');
                json_decref(out_record);
                put(&out, OUT_MAX);
            }
        }
        if (rv != APR_SUCCESS)
            give_up(&err);
        json_decref(record);
        apr_pool_clear(scratch);
    }
    if (rv != APR_EOF)
        give_up(&err);
    put(&out, 0);
    flow_buf_release(&out);
}

static void csv_records(apr_pool_t *p)
{
    flow_format_t format = { FLOW_FORMAT_CSV };
    flow_source_t source = { read_stdin, NULL };
    flow_error_t err = FLOW_ERROR_INIT;
    json_t *record, *columns = NULL, *known = json_object();
    flow_records_t *records;
    apr_pool_t *scratch;
    flow_buf_t out;
    apr_status_t rv;

    if (flow_records_open(&records, &format, &source, p, &err))
        give_up(&err);
    apr_pool_create(&scratch, p);
    flow_buf_init(&out, 2 * OUT_MAX);
    while ((rv = flow_records_next(records, &record, &err)) == APR_SUCCESS) {
        if (!columns) {
            columns = json_array();
            flow_csv_add_columns(columns, known, record);
            flow_format_open(&out, &format, columns, scratch, &err);
        }
        if (flow_format_write(&out, &format, columns, record, scratch, &err))
            give_up(&err);
        put(&out, OUT_MAX);
        json_decref(record);
        apr_pool_clear(scratch);
    }
    if (rv != APR_EOF)
        give_up(&err);
    put(&out, 0);
    flow_buf_release(&out);
    json_decref(columns);
    json_decref(known);
}

/* ---- templates ---- */

static void templates(const char *path, const char *data_path, long n,
                      apr_pool_t *p)
{
    static char text[65536];
    FILE *f = fopen(path, "rb");
    size_t len = f ? fread(text, 1, sizeof(text), f) : 0;
    const json_t *data = load(data_path, p);
    flow_error_t err = FLOW_ERROR_INIT;
    flow_template_t *tpl;
    apr_pool_t *scratch;
    flow_buf_t out;
    long i;

    if (flow_template_compile(&tpl, text, len, FLOW_ESCAPE_HTML, p, &err))
        give_up(&err);
    apr_pool_create(&scratch, p);
    flow_buf_init(&out, OUT_MAX);
    for (i = 0; i < n; ++i) {
        flow_buf_clear(&out);
        if (flow_template_render(tpl, data, &out, scratch, &err))
            give_up(&err);
        apr_pool_clear(scratch);
    }
    put(&out, 0);
    flow_buf_release(&out);
}

int main(int argc, char **argv)
{
    apr_pool_t *p;

    apr_initialize();
    flow_json_global_init();
    apr_pool_create(&p, NULL);
    if (argc == 4 && strcmp(argv[1], "make") == 0)
        make(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
    else if (argc == 4 && strcmp(argv[1], "json") == 0)
        json_records(argv[2], argv[3], p);
    else if (argc == 2 && strcmp(argv[1], "csv") == 0)
        csv_records(p);
    else if (argc == 5 && strcmp(argv[1], "template") == 0)
        templates(argv[2], argv[3], strtol(argv[4], NULL, 10), p);
    else
        return 2;
    apr_pool_destroy(p);
    return 0;
}

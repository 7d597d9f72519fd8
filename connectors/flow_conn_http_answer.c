/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers: parsing, telling good from bad, finding records.
 */
#include "connectors/flow_conn_http.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <string.h>

#define TEXT_MAX 8192 /* of an error body that is looked at */

/* ---- parsing ---- */

static flow_media_e media_of(const http_answer_t *answer,
                             const http_step_t *step, int good)
{
    flow_media_e media = good ? step->success_media : step->error_media;
    const char *s = answer->body;

    if (media == FLOW_MEDIA_UNKNOWN) {
        media = flow_media_from_type(
            apr_table_get(answer->headers, "Content-Type"));
    }
    if (media != FLOW_MEDIA_UNKNOWN && media != FLOW_MEDIA_FORM_DATA) {
        return media;
    }
    s += strspn(s, " \t\r\n");
    return *s == '{' || *s == '[' ? FLOW_MEDIA_JSON : FLOW_MEDIA_PLAINTEXT;
}

static int is_good(const http_answer_t *answer)
{
    return answer->status >= 200 && answer->status < 300;
}

apr_status_t flow_conn_http_parse(http_answer_t *answer,
                                  const http_step_t *step, apr_pool_t *p,
                                  flow_error_t *err)
{
    int good = is_good(answer);
    flow_error_t why = FLOW_ERROR_INIT;
    flow_media_e media;
    json_t *v = NULL;

    answer->value = NULL;
    if (answer->body_len == 0 || (good && step->is_file)) {
        return APR_SUCCESS;
    }
    media = media_of(answer, step, good);
    if (flow_body_parse(
            &v, media, apr_table_get(answer->headers, "Content-Type"),
            answer->body, answer->body_len, p, &why) == APR_SUCCESS) {
        answer->value = flow_json_own(p, v);
        return APR_SUCCESS;
    }
    if (!good) {
        return APR_SUCCESS; /* the raw text will do */
    }
    return flow_error_set(err, FLOW_E_REFUSED, APR_EINVAL, "response_invalid",
                          "the answer (status %d) cannot be read as %s: %s",
                          answer->status, flow_media_type(media), why.message);
}

/* ---- values at paths ---- */

static int is_among(const json_t *value, const json_t *values, apr_pool_t *p)
{
    apr_size_t len = 4, n;
    const char *text = "null", *s;
    size_t i;

    /* The text of null is empty elsewhere; here it is the word. */
    if (flow_json_type(value) != FLOW_JSON_NULL) {
        text = flow_json_to_text(value, &len, p);
    }
    for (i = 0; i < json_array_size(values); ++i) {
        s = flow_json_string(json_array_get(values, i), &n);
        if (s && n == len && memcmp(s, text, n) == 0) {
            return 1;
        }
    }
    return 0;
}

static int says_yes(const json_t *value)
{
    apr_size_t len;

    switch (flow_json_type(value)) {
    case FLOW_JSON_NULL:
        return 0;
    case FLOW_JSON_BOOL:
        return json_is_true(value);
    case FLOW_JSON_STRING:
        flow_json_string(value, &len);
        return len > 0;
    default:
        return 1;
    }
}

int flow_conn_http_matches(const flow_path_t *path, const json_t *value,
                           const json_t *values, int array_ok, apr_pool_t *p)
{
    json_t *found = value ? flow_path_get(path, value) : NULL;
    int match = 0;
    size_t i;

    if (!found) {
        return 0; /* a path that leads nowhere never matches */
    }
    if (array_ok && flow_json_is(found, ARRAY)) {
        for (i = 0; i < json_array_size(found) && !match; ++i) {
            const json_t *item = json_array_get(found, i);

            match = values ? is_among(item, values, p) : says_yes(item);
        }
    }
    else {
        match = values ? is_among(found, values, p) : says_yes(found);
    }
    json_decref(found);
    return match;
}

/* ---- the verdict ---- */

const char *flow_conn_http_error_text(const http_answer_t *answer,
                                      const http_verdict_t *verdict,
                                      const flow_connection_t *connection,
                                      apr_pool_t *p)
{
    json_t *found = NULL;
    const char *text = NULL;
    apr_size_t len = 0;
    char *out, *s;

    if (verdict && verdict->error_path && answer->value) {
        found = flow_path_get(verdict->error_path, answer->value);
        text = found ? flow_json_to_text(found, &len, p) : NULL;
    }
    if (!text || len == 0) {
        text = answer->body;
        len = answer->body_len;
    }
    len = len > TEXT_MAX ? TEXT_MAX : len;
    out = apr_pstrmemdup(p, text, len);
    json_decref(found);
    for (s = out; s < out + len; ++s) {
        if ((unsigned char)*s < ' ' || *s == 0x7F) {
            *s = ' ';
        }
    }
    out =
        (char *)flow_secret_mask(out, flow_conn_http_secrets(connection, p), p);
    return out[strspn(out, " ")] ? out + strspn(out, " ") : NULL;
}

static flow_error_kind_e kind_of_status(int status)
{
    return status >= 500 || status == 429 || status == 408 ? FLOW_E_UNAVAILABLE
                                                           : FLOW_E_REFUSED;
}

static apr_status_t refuse(const http_answer_t *answer,
                           const http_verdict_t *verdict,
                           const flow_connection_t *connection,
                           const char *code, const char *otherwise,
                           apr_pool_t *p, flow_error_t *err)
{
    const char *text =
        flow_conn_http_error_text(answer, verdict, connection, p);

    return flow_error_set(
        err, is_good(answer) ? FLOW_E_REFUSED : kind_of_status(answer->status),
        APR_EGENERAL, code, "%s", text ? text : otherwise);
}

apr_status_t flow_conn_http_judge(const http_answer_t *answer,
                                  const http_verdict_t *verdict,
                                  const flow_connection_t *connection,
                                  apr_pool_t *p, flow_error_t *err)
{
    if (!is_good(answer)) {
        return refuse(answer, verdict, connection, apr_itoa(p, answer->status),
                      apr_psprintf(p, "the far end answered %d without a text",
                                   answer->status),
                      p, err);
    }
    if (verdict->fail_path &&
        flow_conn_http_matches(verdict->fail_path, answer->value,
                               verdict->fail_values, 1, p)) {
        return refuse(answer, verdict, connection, "fail_path",
                      "the answer says that it failed", p, err);
    }
    if (verdict->success_path &&
        !flow_conn_http_matches(verdict->success_path, answer->value,
                                verdict->success_values, verdict->array_ok,
                                p)) {
        return refuse(answer, verdict, connection, "success_path",
                      "the answer does not say that it succeeded", p, err);
    }
    return APR_SUCCESS;
}

/* ---- records ---- */

json_t *flow_conn_http_records(const json_t *value, const flow_path_t *path)
{
    json_t *found = NULL, *list, *text;

    if (value) {
        found =
            path ? flow_path_get(path, value) : json_incref((json_t *)value);
    }
    if (flow_json_is(found, ARRAY)) {
        /* A copy: the caller may change its list, not the answer. */
        list = json_copy(found);
        json_decref(found);
        return list;
    }
    list = json_array();
    if (flow_json_is(found, STRING)) {
        text = json_object();
        json_object_set_new(text, "text", found);
        json_array_append_new(list, text);
    }
    else if (found && flow_json_type(found) != FLOW_JSON_NULL) {
        json_array_append_new(list, found);
    }
    else {
        json_decref(found);
    }
    return list;
}

const char *flow_conn_http_header(const http_answer_t *answer, const char *name)
{
    return apr_table_get(answer->headers, name);
}

json_t *flow_conn_http_headers_json(const apr_table_t *headers)
{
    const apr_array_header_t *list = apr_table_elts(headers);
    const apr_table_entry_t *e = (const apr_table_entry_t *)list->elts;
    json_t *out = json_object();
    char name[128], *s;
    int i;

    for (i = 0; i < list->nelts; ++i) {
        json_t *v =
            e[i].val ? flow_json_string_new(e[i].val, strlen(e[i].val)) : NULL;

        apr_cpystrn(name, e[i].key, sizeof(name));
        for (s = name; *s; ++s) {
            *s = (char)apr_tolower(*s);
        }
        if (v && flow_utf8_is_valid(name, strlen(name))) {
            json_object_set_new(out, name, v);
        }
        else {
            json_decref(v);
        }
    }
    return out;
}

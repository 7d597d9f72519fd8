/* SPDX-License-Identifier: Apache-2.0 */
#include "base/flow_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Length of the well-formed UTF-8 character at s, 0 if there is none. */
static apr_size_t utf8_char(const unsigned char *s)
{
    unsigned char low = 0x80, high = 0xbf;
    apr_size_t len, i;

    if (s[0] < 0x80) {
        return 1;
    }
    if (s[0] < 0xc2 || s[0] > 0xf4) {
        return 0;
    }
    len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

    /* the second byte's range keeps out overlong forms, surrogates, and
     * what lies beyond U+10FFFF */
    switch (s[0]) {
    case 0xe0:
        low = 0xa0;
        break;
    case 0xed:
        high = 0x9f;
        break;
    case 0xf0:
        low = 0x90;
        break;
    case 0xf4:
        high = 0x8f;
        break;
    }
    if (s[1] < low || s[1] > high) {
        return 0;
    }
    for (i = 2; i < len; ++i) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return len;
}

/* Take away a character whose end did not fit. */
static void drop_cut_character(char *text)
{
    apr_size_t len = strlen(text), back;

    for (back = 1; back <= 3 && back <= len; ++back) {
        unsigned char c = (unsigned char)text[len - back];

        if (c >= 0xc0) {
            apr_size_t want = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

            if (want > back) {
                text[len - back] = '\0';
            }
            return;
        }
        if (c < 0x80) {
            return;
        }
    }
}

static void make_valid(char *text)
{
    unsigned char *s = (unsigned char *)text;

    while (*s) {
        apr_size_t len = utf8_char(s);

        if (len) {
            s += len;
        }
        else {
            *s++ = '?';
        }
    }
}

static void format_into(char *out, apr_size_t size, const char *fmt,
                        va_list args) __attribute__((format(printf, 3, 0)));

static void format_into(char *out, apr_size_t size, const char *fmt,
                        va_list args)
{
    int len = vsnprintf(out, size, fmt, args);

    if (len < 0) {
        snprintf(out, size, "an error whose text cannot be formatted");
    }
    else if ((apr_size_t)len >= size) {
        drop_cut_character(out);
    }
    make_valid(out);
}

apr_status_t flow_error_set(flow_error_t *err, flow_error_kind_e kind,
                            apr_status_t status, const char *code,
                            const char *fmt, ...)
{
    va_list args;

    if (status == APR_SUCCESS) {
        status = APR_EGENERAL;
    }
    if (!err) {
        return status;
    }
    if (err->kind != FLOW_E_NONE) {
        return err->status;
    }
    err->kind = kind == FLOW_E_NONE ? FLOW_E_INTERNAL : kind;
    err->status = status;
    snprintf(err->code, sizeof(err->code), "%s", code ? code : "");
    make_valid(err->code);

    va_start(args, fmt);
    format_into(err->message, sizeof(err->message), fmt, args);
    va_end(args);
    return status;
}

apr_status_t flow_error_prefix(flow_error_t *err, const char *fmt, ...)
{
    char text[FLOW_ERROR_MESSAGE_MAX];
    apr_size_t len;
    va_list args;

    /* without a recorded failure there is nothing to put context in front
     * of, but a caller that returns our result must not report success */
    if (!err || err->kind == FLOW_E_NONE) {
        return APR_EGENERAL;
    }
    va_start(args, fmt);
    format_into(text, sizeof(text), fmt, args);
    va_end(args);

    len = strlen(text);
    if (snprintf(text + len, sizeof(text) - len, ": %s", err->message) >=
        (int)(sizeof(text) - len)) {
        drop_cut_character(text);
    }
    memcpy(err->message, text, sizeof(text));
    return err->status;
}

void flow_error_clear(flow_error_t *err)
{
    if (err) {
        err->kind = FLOW_E_NONE;
        err->status = APR_SUCCESS;
        err->code[0] = '\0';
        err->message[0] = '\0';
    }
}

int flow_error_is_retryable(const flow_error_t *err)
{
    return err->kind == FLOW_E_UNAVAILABLE;
}

int flow_error_http_status(const flow_error_t *err)
{
    if (!strcmp(err->code, "script_timeout")) {
        return 504;
    }
    switch (err->kind) {
    case FLOW_E_INPUT:
        return 400;
    case FLOW_E_SCRIPT:
        return 422;
    case FLOW_E_REFUSED:
        return 502;
    case FLOW_E_UNAVAILABLE:
        return 503;
    case FLOW_E_NONE:
    case FLOW_E_CONFIG:
    case FLOW_E_INTERNAL:
        return 500;
    }
    return 500;
}

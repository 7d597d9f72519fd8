/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What others have written, on its way to a terminal.
 */
#include "flowctl/flowctl.h"

#include <stdio.h>

#include <apr_strings.h>

/* Of one byte, or of the two of U+0080 to U+009F; 0: it is none. */
static int control_at(const char *s, int with_lines)
{
    unsigned char c = (unsigned char)s[0], next = (unsigned char)s[1];

    if (with_lines && (c == '\n' || c == '\t')) {
        return 0;
    }
    if (c == 0xC2 && next >= 0x80 && next < 0xA0) {
        return 2;
    }
    return c < 0x20 || c == 0x7F;
}

static void make_plain(char *text, int with_lines)
{
    const char *s = text;
    char *to = text;

    while (*s) {
        int n = control_at(s, with_lines);

        *to++ = !n ? *s : *s == '\n' || *s == '\r' || *s == '\t' ? ' ' : '?';
        s += n ? n : 1;
    }
    *to = '\0';
}

const char *flowctl_plain(const flowctl_t *ctl, const char *text,
                          int with_lines)
{
    const char *s = text;
    char *copy;

    while (*s && !control_at(s, with_lines)) {
        ++s;
    }
    if (!*s) {
        return text;
    }
    copy = apr_pstrdup(ctl->p, text);
    make_plain(copy, with_lines);
    return copy;
}

int flowctl_failed(const flow_error_t *err)
{
    flow_error_t plain = *err;

    make_plain(plain.message, 1);
    fprintf(stderr, "flowctl: %s\n", plain.message);
    return FLOWCTL_FAILED;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs/flow_owner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/flow_sign.h"

#define BOOT_MAX  40
#define NAME_MAX_ 64

static int read_file(const char *path, char *out, apr_size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    out[0] = '\0';
    if (fd < 0) {
        return 0;
    }
    n = read(fd, out, size - 1);
    close(fd);
    if (n <= 0) {
        return 0;
    }
    out[n] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return 1;
}

static int boot_id(char out[BOOT_MAX])
{
    if (read_file("/proc/sys/kernel/random/boot_id", out, BOOT_MAX)) {
        return 1;
    }
    apr_cpystrn(out, "unknown", BOOT_MAX);
    return 0;
}

/* "pid:[4026531836]" as 4026531836 */
static unsigned long pid_namespace(void)
{
    char text[NAME_MAX_];
    ssize_t n = readlink("/proc/self/ns/pid", text, sizeof(text) - 1);
    const char *digits;

    if (n <= 0) {
        return 0;
    }
    text[n] = '\0';
    digits = strchr(text, '[');
    return digits ? strtoul(digits + 1, NULL, 10) : 0;
}

static int is_gone(char state)
{
    return state == 'Z' || state == 'X' || state == 'x';
}

/* Field 22 of /proc/PID/stat, in clock ticks since boot; 0 = cannot tell. The
 * name in field 2 may hold blanks and parentheses, so count from the last. */
static unsigned long start_time(long pid, char *pstate)
{
    char path[NAME_MAX_], text[1024];
    const char *at;
    int field;

    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    if (!read_file(path, text, sizeof(text))) {
        return 0;
    }
    at = strrchr(text, ')');
    if (at && at[1] == ' ') {
        *pstate = at[2];
    }
    for (field = 2; at && field < 22; ++field) {
        at = strchr(at + 1, ' ');
    }
    return at ? strtoul(at + 1, NULL, 10) : 0;
}

char *flow_owner_new(apr_pool_t *p)
{
    unsigned char random[6] = { 0 };
    char boot[BOOT_MAX];
    long pid = (long)getpid();
    char state = 0;

    boot_id(boot);
    flow_random(random, sizeof(random));
    return apr_psprintf(p, "%s:%lu:%ld:%lu:%s", boot, pid_namespace(), pid,
                        start_time(pid, &state),
                        flow_hex(random, sizeof(random), p));
}

flow_owner_state_e flow_owner_state(const char *owner, int local)
{
    char boot[BOOT_MAX];
    unsigned long start, now, ns;
    apr_size_t len;
    char *at, status = 0;
    long pid;

    if (!boot_id(boot)) {
        return FLOW_OWNER_UNKNOWN; /* "unknown" may be any machine */
    }
    len = strlen(boot);
    if (strncmp(owner, boot, len) != 0 || owner[len] != ':') {
        return local ? FLOW_OWNER_DEAD : FLOW_OWNER_UNKNOWN;
    }
    ns = strtoul(owner + len + 1, &at, 10);
    if (*at != ':' || ns != pid_namespace()) {
        return FLOW_OWNER_UNKNOWN;
    }
    pid = strtol(at + 1, &at, 10);
    if (*at != ':' || pid <= 0) {
        return FLOW_OWNER_UNKNOWN;
    }
    start = strtoul(at + 1, &at, 10);
    if (kill((pid_t)pid, 0) != 0 && errno == ESRCH) {
        return FLOW_OWNER_DEAD;
    }
    /* /proc may hide other users' processes: then it lives, as far as we
     * know. */
    now = start_time(pid, &status);
    if (is_gone(status)) {
        return FLOW_OWNER_DEAD; /* only nobody has asked how it ended */
    }
    return now && start && now != start ? FLOW_OWNER_DEAD : FLOW_OWNER_ALIVE;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time zones from the system's compiled zone data (RFC 8536). The C library
 * reads them too, but only for the zone of the whole process.
 */
#include "data/flow_date.h"

#include <apr_lib.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define FOLDER       "/usr/share/zoneinfo/"
#define NAME_MAX_LEN 64
#define FILE_MAX     (64 * 1024)
#define DAY          86400

/** When daylight saving begins or ends, in the years after the table. */
typedef struct rule_t {
    char kind; /* M, J (no leap days) or 'n' */
    int month, week, day;
    int time; /* seconds after midnight */
} rule_t;

typedef struct transition_t {
    apr_int64_t at;
    int type;
} transition_t;

typedef struct type_t {
    int offset;
    int name; /* where in names */
} type_t;

struct flow_zone_t {
    flow_zone_t *next;
    char name[NAME_MAX_LEN + 1];
    transition_t *transitions;
    int n;
    type_t *types;
    int n_types;
    char *names;
    int n_names;
    int has_rule; /* what follows is set */
    int has_dst;
    int offset, dst_offset;
    char std_name[16], dst_name[16];
    rule_t start, end;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static flow_zone_t *zones; /* all that were ever asked for; never removed */

static void free_zone(flow_zone_t *zone)
{
    free(zone->transitions);
    free(zone->types);
    free(zone->names);
    free(zone);
}

/* When the module is unloaded. */
static __attribute__((destructor)) void forget_zones(void)
{
    flow_zone_t *next;

    for (; zones; zones = next) {
        next = zones->next;
        free_zone(zones);
    }
}

/* --- the file ------------------------------------------------------------- */

static apr_int64_t big_endian(const unsigned char *s, int bytes)
{
    apr_uint64_t n = s[0] & 0x80 ? ~(apr_uint64_t)0 : 0;

    while (bytes--)
        n = n << 8 | *s++;
    return (apr_int64_t)n;
}

typedef struct header_t {
    int version;
    apr_size_t isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt;
} header_t;

#define HEADER_LEN 44

static int read_header(const unsigned char *s, apr_size_t len, header_t *h)
{
    if (len < HEADER_LEN || memcmp(s, "TZif", 4) != 0)
        return 0;
    h->version = s[4] ? s[4] - '0' : 1;
    h->isutcnt = (apr_size_t)big_endian(s + 20, 4);
    h->isstdcnt = (apr_size_t)big_endian(s + 24, 4);
    h->leapcnt = (apr_size_t)big_endian(s + 28, 4);
    h->timecnt = (apr_size_t)big_endian(s + 32, 4);
    h->typecnt = (apr_size_t)big_endian(s + 36, 4);
    h->charcnt = (apr_size_t)big_endian(s + 40, 4);
    return h->isutcnt < 1000 && h->isstdcnt < 1000 && h->leapcnt < 1000 &&
           h->timecnt < 5000 && h->typecnt > 0 && h->typecnt < 256 &&
           h->charcnt > 0 && h->charcnt < 1000;
}

static apr_size_t body_len(const header_t *h, apr_size_t wide)
{
    return h->timecnt * (wide + 1) + h->typecnt * 6 + h->charcnt +
           h->leapcnt * (wide + 4) + h->isstdcnt + h->isutcnt;
}

static int read_body(flow_zone_t *zone, const unsigned char *s,
                     const header_t *h, int wide)
{
    const unsigned char *index = s + h->timecnt * (apr_size_t)wide;
    const unsigned char *types = index + h->timecnt;
    apr_size_t i;

    zone->transitions = calloc(h->timecnt + 1, sizeof(zone->transitions[0]));
    zone->types = calloc(h->typecnt, sizeof(zone->types[0]));
    zone->names = calloc(h->charcnt + 1, 1);
    if (!zone->transitions || !zone->types || !zone->names)
        return 0;
    zone->n = (int)h->timecnt;
    zone->n_types = (int)h->typecnt;
    for (i = 0; i < h->timecnt; ++i) {
        zone->transitions[i].at = big_endian(s + i * (apr_size_t)wide, wide);
        zone->transitions[i].type = index[i];
        if (index[i] >= h->typecnt)
            return 0;
    }
    for (i = 0; i < h->typecnt; ++i) {
        zone->types[i].offset = (int)big_endian(types + i * 6, 4);
        zone->types[i].name = types[i * 6 + 5];
        if (zone->types[i].name >= (int)h->charcnt)
            return 0;
    }
    memcpy(zone->names, types + h->typecnt * 6, h->charcnt);
    return 1;
}

/* --- the footer: "EST5EDT,M3.2.0,M11.1.0" --------------------------------- */

static const char *read_zone_name(const char *c, char name[16])
{
    apr_size_t n = 0;
    char stop = 0;

    if (*c == '<') {
        stop = '>';
        ++c;
    }
    for (; *c && (stop ? *c != stop : apr_isalpha(*c)); ++c) {
        if (n < 15)
            name[n++] = *c;
    }
    name[n] = '\0';
    return stop && *c ? c + 1 : c;
}

static const char *read_int(const char *c, int *pn)
{
    *pn = 0;
    for (; apr_isdigit(*c) && *pn < 100000; ++c)
        *pn = *pn * 10 + (*c - '0');
    return c;
}

/* [+-]hh[:mm[:ss]] */
static const char *read_clock(const char *c, int *pseconds)
{
    int sign = 1, part, unit = 3600;

    if (*c == '-' || *c == '+')
        sign = *c++ == '-' ? -1 : 1;
    *pseconds = 0;
    for (;;) {
        c = read_int(c, &part);
        *pseconds += part * unit;
        unit /= 60;
        if (*c != ':' || unit == 0)
            break;
        ++c;
    }
    *pseconds *= sign;
    return c;
}

static const char *read_rule(const char *c, rule_t *rule)
{
    if (*c != ',')
        return c;
    ++c;
    rule->time = 2 * 3600;
    rule->kind = 'n';
    if (*c == 'M' || *c == 'J')
        rule->kind = *c++;
    if (rule->kind == 'M') {
        c = read_int(c, &rule->month);
        if (*c == '.')
            c = read_int(c + 1, &rule->week);
        if (*c == '.')
            c = read_int(c + 1, &rule->day);
        if (rule->month < 1 || rule->month > 12)
            rule->month = 1;
    }
    else {
        c = read_int(c, &rule->day);
    }
    if (*c == '/')
        c = read_clock(c + 1, &rule->time);
    return c;
}

static void read_footer(flow_zone_t *zone, const char *c)
{
    int west;

    c = read_zone_name(c, zone->std_name);
    if (!zone->std_name[0] || !*c)
        return;
    c = read_clock(c, &west);
    zone->offset = -west;
    zone->has_rule = 1;
    if (!*c)
        return;
    c = read_zone_name(c, zone->dst_name);
    zone->dst_offset = zone->offset + 3600;
    if (*c && *c != ',') {
        c = read_clock(c, &west);
        zone->dst_offset = -west;
    }
    c = read_rule(c, &zone->start);
    read_rule(c, &zone->end);
    zone->has_dst = zone->start.kind && zone->end.kind;
}

static int read_zone(flow_zone_t *zone, const unsigned char *s, apr_size_t len)
{
    char footer[128];
    header_t h;
    apr_size_t skip, n = 0;
    int wide = 4;

    if (!read_header(s, len, &h))
        return 0;
    if (h.version >= 2) {
        skip = HEADER_LEN + body_len(&h, 4);
        if (skip > len || !read_header(s + skip, len - skip, &h))
            return 0;
        s += skip;
        len -= skip;
        wide = 8;
    }
    skip = HEADER_LEN + body_len(&h, (apr_size_t)wide);
    if (skip > len || !read_body(zone, s + HEADER_LEN, &h, wide))
        return 0;
    s += skip;
    len -= skip;
    if (wide == 8 && len > 2 && *s == '\n') {
        for (++s; n + 2 < len && *s != '\n' && n < sizeof(footer) - 1;)
            footer[n++] = (char)*s++;
        footer[n] = '\0';
        read_footer(zone, footer);
    }
    return 1;
}

static apr_size_t read_file(const char *path, unsigned char *data)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    apr_size_t len = 0;
    ssize_t n = 0;

    if (fd < 0)
        return 0;
    while (len < FILE_MAX && (n = read(fd, data + len, FILE_MAX - len)) > 0)
        len += (apr_size_t)n;
    close(fd);
    return n < 0 ? 0 : len;
}

static flow_zone_t *load(const char *name)
{
    char path[sizeof(FOLDER) + NAME_MAX_LEN];
    flow_zone_t *zone = calloc(1, sizeof(*zone));
    unsigned char *data = malloc(FILE_MAX);
    apr_size_t len;

    if (zone && data) {
        memcpy(path, FOLDER, sizeof(FOLDER) - 1);
        memcpy(path + sizeof(FOLDER) - 1, name, strlen(name) + 1);
        memcpy(zone->name, name, strlen(name) + 1);
        len = read_file(path, data);
        if (!read_zone(zone, data, len)) {
            free_zone(zone);
            zone = NULL;
        }
    }
    else {
        free(zone);
        zone = NULL;
    }
    free(data);
    return zone;
}

/* --- finding -------------------------------------------------------------- */

/* A name, and no path out of the folder. */
static int is_zone_name(const char *name, apr_size_t len)
{
    apr_size_t i;

    if (len == 0 || len > NAME_MAX_LEN || !apr_isalpha(name[0]))
        return 0;
    for (i = 0; i < len; ++i) {
        if (!apr_isalnum(name[i]) && !strchr("_+-/", name[i]))
            return 0;
        if (name[i] == '\0')
            return 0;
    }
    return 1;
}

const flow_zone_t *flow_zone_find(const char *name, apr_size_t len)
{
    char copy[NAME_MAX_LEN + 1];
    flow_zone_t *zone;

    if (!is_zone_name(name, len))
        return NULL;
    memcpy(copy, name, len);
    copy[len] = '\0';
    if (strcasecmp(copy, "utc") == 0 || strcmp(copy, "Z") == 0)
        memcpy(copy, "UTC", 4);
    pthread_mutex_lock(&lock);
    for (zone = zones; zone && strcmp(zone->name, copy) != 0;)
        zone = zone->next;
    if (!zone) {
        zone = load(copy);
        if (zone) {
            zone->next = zones;
            zones = zone;
        }
    }
    pthread_mutex_unlock(&lock);
    return zone;
}

/* --- asking --------------------------------------------------------------- */

static int floor_div(apr_int64_t a, apr_int64_t b, apr_int64_t *prest)
{
    apr_int64_t q = a / b, r = a % b;

    if (r < 0) {
        r += b;
        --q;
    }
    *prest = r;
    return (int)q;
}

/* When in that year, in seconds of the zone's own clock. */
static apr_int64_t rule_time(const rule_t *rule, int year)
{
    apr_int64_t days, rest;
    int weekday, day;

    if (rule->kind == 'M') {
        days = flow_date_days(year, rule->month, 1);
        floor_div(days + 4, 7, &rest);
        weekday = (int)rest;
        day = (rule->day - weekday + 7) % 7 + 7 * (rule->week - 1);
        while (day >= flow_date_days_in(year, rule->month))
            day -= 7;
        days += day;
    }
    else {
        days = flow_date_days(year, 1, 1) + rule->day;
        if (rule->kind == 'J' &&
            (flow_date_days_in(year, 2) == 28 || rule->day < 60))
            --days;
    }
    return days * DAY + rule->time;
}

static int is_dst(const flow_zone_t *zone, apr_int64_t seconds)
{
    apr_int64_t start, end;
    flow_date_t date;

    if (!zone->has_dst)
        return 0;
    flow_date_take_apart(&date, (seconds + zone->offset) * 1000, NULL);
    start = rule_time(&zone->start, date.year) - zone->offset;
    end = rule_time(&zone->end, date.year) - zone->dst_offset;
    if (start < end)
        return seconds >= start && seconds < end;
    return seconds >= start || seconds < end;
}

static const type_t *type_at(const flow_zone_t *zone, apr_int64_t seconds)
{
    int low = 0, high = zone->n;

    while (low < high) { /* the first that is later */
        int middle = low + (high - low) / 2;

        if (zone->transitions[middle].at <= seconds)
            low = middle + 1;
        else
            high = middle;
    }
    return &zone->types[low ? zone->transitions[low - 1].type : 0];
}

static int is_by_rule(const flow_zone_t *zone, apr_int64_t seconds)
{
    return zone->has_rule &&
           (zone->n == 0 || seconds >= zone->transitions[zone->n - 1].at);
}

int flow_zone_offset(const flow_zone_t *zone, apr_int64_t seconds)
{
    if (!zone)
        return 0;
    if (is_by_rule(zone, seconds))
        return is_dst(zone, seconds) ? zone->dst_offset : zone->offset;
    return type_at(zone, seconds)->offset;
}

const char *flow_zone_abbreviation(const flow_zone_t *zone, apr_int64_t seconds)
{
    if (!zone)
        return "UTC";
    if (is_by_rule(zone, seconds))
        return is_dst(zone, seconds) ? zone->dst_name : zone->std_name;
    return zone->names + type_at(zone, seconds)->name;
}

apr_int64_t flow_zone_to_utc(const flow_zone_t *zone, apr_int64_t local)
{
    int before = flow_zone_offset(zone, local - DAY);
    int after = flow_zone_offset(zone, local + DAY);

    if (flow_zone_offset(zone, local - before) == before)
        return local - before;
    if (flow_zone_offset(zone, local - after) == after)
        return local - after;
    return local - before;
}

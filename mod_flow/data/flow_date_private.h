/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FLOW_DATE_PRIVATE_H
#define FLOW_DATE_PRIVATE_H

#include "data/flow_date.h"

/**
 * What writing and reading of formats share.
 */
#define FLOW_DATE_FORMAT_MAX 1024 /* bytes, the rest is ignored */

typedef enum {
    FLOW_DATE_LITERAL, /* text: write it, or look for it */
    FLOW_DATE_TOKEN
} flow_date_piece_e;

/** A piece of a format. */
typedef struct flow_date_piece_t {
    flow_date_piece_e kind;
    const char *text;
    apr_size_t len;
} flow_date_piece_t;

/** The next piece at *ps; 0 at the end. LT, L, ll and their like must have been
 * expanded. */
int flow_date_next(const char **ps, const char *end, flow_date_piece_t *piece);
/** The format with LT, L, ll and their like written out; returns its length. */
apr_size_t flow_date_expand(const char *format, apr_size_t len,
                            char expanded[FLOW_DATE_FORMAT_MAX]);
int flow_date_is(const flow_date_piece_t *piece, const char *token);

extern const char *const flow_date_months[12];
extern const char *const flow_date_weekdays[7];

int flow_date_year_days(int year);
/** Week of the year where weeks begin on @a first (0 is Sunday) and the week
 * with January @a in is the first one. */
int flow_date_week(const flow_date_t *date, int first, int in, int *pyear);
/** The date of that week day; @a weekday as in flow_date_t. */
apr_int64_t flow_date_from_week(int year, int week, int weekday, int first,
                                int in);

/** Date and time as read, not yet anywhere. */
typedef struct flow_date_read_t {
    int year, month, day;
    int hour, minute, second, ms;
    int has_offset;
    int offset; /* seconds east */
} flow_date_read_t;

/** 0 when it does not exist. 24:00 is the end of the day. */
int flow_date_compose(const flow_date_read_t *read, const flow_zone_t *zone,
                      apr_int64_t *pms);
/** "jan", "January", case does not matter: 1 to 12; *plen what was read. 0:
 * none. */
int flow_date_month_at(const char *s, apr_size_t len, apr_size_t *plen);
/** 0 to 6, -1: none. */
int flow_date_weekday_at(const char *s, apr_size_t len, apr_size_t *plen);
/** moment's two digits: 69 to 99 are of the last century. */
int flow_date_full_year(int two);

/** The parsers of flow_date_parse(), in their order. */
int flow_date_parse_iso(const char *s, apr_size_t len, const flow_zone_t *zone,
                        apr_int64_t *pms);
int flow_date_parse_words(const char *s, apr_size_t len,
                          const flow_zone_t *zone, apr_int64_t *pms);

#endif

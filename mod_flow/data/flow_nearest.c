/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_nearest.h"

#include <apr_lib.h>
#include <string.h>

#define WORD_MAX 64

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;

    return m < c ? m : c;
}

static int same(char a, char b)
{
    return apr_tolower(a) == apr_tolower(b);
}

/* Optimal string alignment: insert, delete, replace, swap neighbours. Three
 * rows are enough, since a swap looks back two. */
static unsigned distance(const char *a, apr_size_t alen, const char *b,
                         apr_size_t blen)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *last = rows[1], *now = rows[2], *turn;
    apr_size_t i, j;

    for (j = 0; j <= blen; ++j) {
        before[j] = 0;
        last[j] = (unsigned)j;
    }
    for (i = 1; i <= alen; ++i) {
        now[0] = (unsigned)i;
        for (j = 1; j <= blen; ++j) {
            unsigned cost = same(a[i - 1], b[j - 1]) ? 0 : 1;

            now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + cost);
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) &&
                same(a[i - 2], b[j - 1]) && before[j - 2] + 1 < now[j]) {
                now[j] = before[j - 2] + 1;
            }
        }
        turn = before;
        before = last;
        last = now;
        now = turn;
    }
    return last[blen];
}

const char *flow_nearest(const char *word, const char *const *known,
                         apr_size_t n)
{
    const char *best = NULL;
    unsigned best_slips = 0;
    apr_size_t len = word ? strlen(word) : 0;
    apr_size_t i;

    if (len == 0 || len > WORD_MAX)
        return NULL;
    for (i = 0; i < n; ++i) {
        apr_size_t known_len = strlen(known[i]);
        apr_size_t longer = known_len > len ? known_len : len;
        unsigned slips;

        if (known_len == 0 || known_len > WORD_MAX)
            continue;
        slips = distance(word, len, known[i], known_len);
        if (slips > (longer + 2) / 3 || slips >= longer)
            continue;
        if (!best || slips < best_slips) {
            best = known[i];
            best_slips = slips;
        }
    }
    return best;
}

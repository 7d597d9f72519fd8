/* SPDX-License-Identifier: Apache-2.0 */
#include "data/flow_tree_private.h"

#include <pthread.h>
#include <stdlib.h>

#if FLOW_TREE_HAS_SPARE
__thread flow_tree_spare_t *flow_tree_spare
    __attribute__((tls_model("initial-exec")));
static pthread_once_t spare_once = PTHREAD_ONCE_INIT;
static pthread_key_t spare_key;
static int has_spare_key;

static void free_spare(void *data)
{
    flow_tree_spare_t *all = data;
    int i;

    flow_tree_spare = NULL;
    for (i = 0; i < FLOW_TREE_SPARE_SIZES; ++i) {
        while (all->first[i]) {
            void *next = *(void **)all->first[i];

            free(all->first[i]);
            all->first[i] = next;
        }
    }
    free(all);
}

static void make_spare_key(void)
{
    has_spare_key = pthread_key_create(&spare_key, free_spare) == 0;
}

/* No thread may come back to a module that is not loaded any more. */
__attribute__((destructor)) static void end_spare(void)
{
    if (has_spare_key)
        pthread_key_delete(spare_key);
    if (flow_tree_spare)
        free_spare(flow_tree_spare);
}

flow_tree_spare_t *flow_tree_start_spare(void)
{
    flow_tree_spare_t *all = NULL;

    pthread_once(&spare_once, make_spare_key);
    if (has_spare_key)
        all = calloc(1, sizeof(*all));
    if (all && pthread_setspecific(spare_key, all) != 0) {
        free(all);
        all = NULL;
    }
    return flow_tree_spare = all;
}
#else
typedef int flow_tree_spare_unused_t;
#endif

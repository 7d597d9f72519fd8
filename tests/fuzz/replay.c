/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Feeds every file of the named directories to a fuzz target, so that the
 * corpus is a regression test in builds without libFuzzer.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Only some targets have one. */
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

#define INPUT_MAX_BYTES (1 << 20)

static int replay_file(const char *path)
{
    uint8_t *data = NULL;
    size_t size = 0;
    struct stat st;
    FILE *f = fopen(path, "rb");
    int ok = 0;

    if (!f || fstat(fileno(f), &st) != 0 || st.st_size > INPUT_MAX_BYTES) {
        goto cleanup;
    }
    /* Exactly as large as the input, so that a read past its end is seen. */
    size = (size_t)st.st_size;
    data = malloc(size ? size : 1);
    if (!data || fread(data, 1, size, f) != size) {
        goto cleanup;
    }
    LLVMFuzzerTestOneInput(data, size);
    ok = 1;

cleanup:
    if (!ok) {
        perror(path);
    }
    free(data);
    if (f) {
        fclose(f);
    }
    return ok;
}

static int replay_directory(const char *path, int *pcount)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int ok = 1;

    if (!dir) {
        perror(path);
        return 0;
    }
    while ((entry = readdir(dir)) != NULL) {
        char name[4096];

        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        ok = replay_file(name) && ok;
        ++*pcount;
    }
    closedir(dir);
    return ok;
}

int main(int argc, char **argv)
{
    int count = 0;
    int ok = 1;
    int i;

    if (LLVMFuzzerInitialize) {
        LLVMFuzzerInitialize(&argc, &argv);
    }
    for (i = 1; i < argc; ++i) {
        ok = replay_directory(argv[i], &count) && ok;
    }
    if (count == 0) {
        fprintf(stderr, "%s: no input\n", argv[0]);
        ok = 0;
    }
    return ok ? 0 : 1;
}

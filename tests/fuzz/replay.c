/* Stands in for libFuzzer: runs each file given (folders: each file in them) through the target. */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long count;

static void replay_file(const char *path, off_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size ? (size_t)size : 1);
    size_t got;

    if (!file || !data) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    got = fread(data, 1, (size_t)size, file);
    fclose(file);
    LLVMFuzzerTestOneInput(data, got);
    free(data);
    count++;
}

static void replay(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    if (S_ISDIR(st.st_mode)) {
        struct dirent *entry;
        DIR *dir = opendir(path);

        while (dir && (entry = readdir(dir)) != NULL) {
            char child[4096];
            if (entry->d_name[0] != '.') {
                snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
                replay(child);
            }
        }
        if (dir) {
            closedir(dir);
        }
    }
    else {
        replay_file(path, st.st_size);
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-') { /* libFuzzer's own options mean nothing here */
            replay(argv[i]);
        }
    }
    printf("%lu inputs replayed\n", count);
    return count ? EXIT_SUCCESS : EXIT_FAILURE;
}

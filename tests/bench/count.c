/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Preloaded into httpd: counts SQL statements and syncs of all its processes in the file that
 * BENCH_COUNTS names, three numbers of 64 bits: statements, fsync, fdatasync. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { STATEMENTS, FSYNC, FDATASYNC, COUNTS };

static _Atomic unsigned long long *counts;
static int (*real_step)(void *);
static int (*real_busy)(void *);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);

#define FIND(name) (*(void **)&real_##name = dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void set_up(void)
{
    const char *name = getenv("BENCH_COUNTS");
    int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    void *map;

    FIND(fsync);
    FIND(fdatasync);
    if (fd < 0) return;
    map = mmap(NULL, COUNTS * sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED) counts = map;
    close(fd);
}

static void count(int what)
{
    if (counts) atomic_fetch_add_explicit(&counts[what], 1, memory_order_relaxed);
}

/* libsqlite3 comes with the modules, later than this. */
int sqlite3_step(void *stmt)
{
    if (!real_step) {
        void *lib = dlopen("libsqlite3.so.0", RTLD_NOW | RTLD_NOLOAD);

        *(void **)&real_busy = dlsym(lib, "sqlite3_stmt_busy");
        *(void **)&real_step = dlsym(lib, "sqlite3_step");
    }
    if (!real_busy(stmt)) count(STATEMENTS);
    return real_step(stmt);
}

int fsync(int fd)
{
    count(FSYNC);
    return real_fsync(fd);
}

int fdatasync(int fd)
{
    count(FDATASYNC);
    return real_fdatasync(fd);
}

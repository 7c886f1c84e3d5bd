/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Crash and fault injection; compiled to nothing but in test builds. */
#include "internal.h"

#ifdef CLOUD_INJECT

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "name" is any passage, "name:n" the n-th of this process, "*:n" the n-th of all points. */
static int matches(const char *spec, const char *point, unsigned *passages)
{
    size_t len = spec && *spec == '*' ? 1 : strlen(point);

    if (!spec || (*spec != '*' && strncmp(spec, point, len) != 0)) return 0;
    if (spec[len] == '\0') return 1;
    return spec[len] == ':'
           && __atomic_add_fetch(passages, 1, __ATOMIC_RELAXED) == (unsigned)atoi(spec + len + 1);
}

/* CLOUD_INJECT_ONCE names a file that is made by the first fault: there is one in all processes. */
static int first_of_all(void)
{
    const char *path = getenv("CLOUD_INJECT_ONCE");
    int fd;

    if (!path) return 1;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) close(fd);
    return fd >= 0;
}

int cloud_inject(const char *point)
{
    static unsigned crash_passages, fault_passages;
    const char *trace = getenv("CLOUD_INJECT_TRACE");

    if (trace) {
        /* Lists the points that a run passes: the driver learns from it what to kill at. */
        (void)!write(2, point, strlen(point));
        (void)!write(2, "\n", 1);
    }
    if (matches(getenv("CLOUD_INJECT_AT"), point, &crash_passages)) kill(getpid(), SIGKILL);
    return matches(getenv("CLOUD_INJECT_FAIL"), point, &fault_passages) && first_of_all();
}

#endif

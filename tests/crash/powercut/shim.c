/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* A preloaded library for the power-cut tests, in two roles.
 *
 * Recording (POWERCUT_LOG, POWERCUT_ROOT): every write, sync and change of a name below the root is
 * written to a log, in order. powercut.py makes from it what a power cut could have left.
 *
 * Checking (POWERCUT_MAP): what was made anew on disk has other inode numbers and birth times than
 * the recorded files had; statx() and fstatat() give the recorded ones back ("new old btime-ns" a line). */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/openat2.h>

#define FDS 4096
#define INODES 65536

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static char root[PATH_MAX];
static size_t root_len;
static dev_t root_dev;

#define REAL(ret, name, ...)                                        \
    static ret (*real_##name)(__VA_ARGS__);                         \
    if (!real_##name) *(void **)&real_##name = dlsym(RTLD_NEXT, #name)

/* ---- objects: inode numbers are used again, object numbers are not ---- */

static struct { uint64_t ino; uint32_t oid; } inodes[INODES];
static uint32_t next_oid = 1;
static uint32_t fd_oid[FDS];        /* 0: not ours */

typedef struct {
    uint8_t type;
    uint8_t flags;
    uint16_t name_len, name2_len, pad;
    uint32_t a, b, c;
    uint64_t off, len;
} __attribute__((packed)) event_t;

static void raw_write(const void *data, size_t len)
{
    const char *p = data;

    while (len > 0) {
        long n = syscall(SYS_write, log_fd, p, len);

        if (n <= 0) abort();
        p += n;
        len -= (size_t)n;
    }
}

static void emit(char type, uint8_t flags, uint32_t a, const char *name, uint32_t b,
                 const char *name2, uint32_t c, uint64_t off, const void *data, uint64_t len)
{
    event_t e = { .type = (uint8_t)type, .flags = flags, .a = a, .b = b, .c = c, .off = off,
                  .len = len, .name_len = (uint16_t)(name ? strlen(name) : 0),
                  .name2_len = (uint16_t)(name2 ? strlen(name2) : 0) };

    raw_write(&e, sizeof e);
    if (name) raw_write(name, e.name_len);
    if (name2) raw_write(name2, e.name2_len);
    if (data) raw_write(data, len);
}

static unsigned slot_of(uint64_t ino)
{
    unsigned i = (unsigned)(ino * 0x9E3779B97F4A7C15ull >> 32) % INODES;

    while (inodes[i].oid && inodes[i].ino != ino) i = (i + 1) % INODES;
    return i;
}

static uint64_t btime_ns(const struct statx *sx)
{
    return (uint64_t)sx->stx_btime.tv_sec * 1000000000ull + sx->stx_btime.tv_nsec;
}

/* The object of an inode; made known when it is new. fresh: the inode was just created. */
static uint32_t object(int dir, const char *path, int flags, int fresh)
{
    struct statx sx;
    unsigned i;

    if (syscall(SYS_statx, dir, path, flags | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME,
                &sx) != 0)
        return 0;
    i = slot_of(sx.stx_ino);
    if (inodes[i].oid && !fresh) return inodes[i].oid;
    inodes[i].ino = sx.stx_ino;
    inodes[i].oid = next_oid++;
    emit('C', S_ISDIR(sx.stx_mode), inodes[i].oid, NULL, 0, NULL, 0, sx.stx_ino, NULL,
         btime_ns(&sx));
    return inodes[i].oid;
}

/* ---- paths ---- */

/* Is the directory of (dir, path) below the root? Gives its object and the last segment. */
static uint32_t parent(int dir, const char *path, const char **last)
{
    char buf[PATH_MAX], real[PATH_MAX], link[64];
    const char *slash = strrchr(path, '/');
    ssize_t n;
    int fd;
    uint32_t oid = 0;

    *last = slash ? slash + 1 : path;
    if (slash) snprintf(buf, sizeof buf, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    else strcpy(buf, ".");
    fd = (int)syscall(SYS_openat, dir, buf, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, real, sizeof real - 1);
    if (n > 0) {
        real[n] = '\0';
        if (strncmp(real, root, root_len) == 0 && (real[root_len] == '/' || !real[root_len]))
            oid = object(fd, "", AT_EMPTY_PATH, 0);
    }
    syscall(SYS_close, fd);
    return oid;
}

/* What is rebuilt after a crash, or never read again. */
static int ignored(const char *last)
{
    size_t len = strlen(last);

    return strcmp(last, "shm") == 0 || strcmp(last, "locks") == 0
           || (len > 4 && strcmp(last + len - 4, "-shm") == 0);
}

/* ---- recording ---- */

static void opened(int fd, int dir, const char *path, int flags, int existed)
{
    const char *last;
    uint32_t d = parent(dir, path, &last), oid;
    struct stat st, top;

    if (fd < 0 || fd >= FDS) return;
    fd_oid[fd] = 0;
    if (flags & O_PATH) return;
    /* The root's own directory is not ours, the root is. */
    if (!d && (stat(root, &top) != 0 || fstat(fd, &st) != 0 || st.st_ino != top.st_ino
               || st.st_dev != root_dev))
        return;
    if (d && ignored(last)) return;
    if (fstat(fd, &st) != 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))) return;
    oid = object(fd, "", AT_EMPTY_PATH, !existed && (flags & O_CREAT));
    fd_oid[fd] = oid;
    if (!existed && (flags & O_CREAT)) emit('L', 0, d, last, oid, NULL, 0, 0, NULL, 0);
    else if (flags & O_TRUNC) emit('T', 0, oid, NULL, 0, NULL, 0, 0, NULL, 0);
}

static int exists(int dir, const char *path)
{
    struct stat st;

    return fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int do_open(int dir, const char *path, int flags, mode_t mode, const struct open_how *how)
{
    int existed, fd, err;

    pthread_mutex_lock(&lock);
    existed = log_fd < 0 || !(flags & O_CREAT) || exists(dir, path);
    fd = how ? (int)syscall(SYS_openat2, dir, path, how, sizeof *how)
             : (int)syscall(SYS_openat, dir, path, flags, mode);
    err = errno;
    if (log_fd >= 0 && fd >= 0) opened(fd, dir, path, flags, existed);
    pthread_mutex_unlock(&lock);
    errno = err;
    return fd;
}

#define MODE_ARG(flags)                     \
    mode_t mode = 0;                        \
    if ((flags) & (O_CREAT | O_TMPFILE)) {  \
        va_list ap;                         \
        va_start(ap, flags);                \
        mode = va_arg(ap, mode_t);          \
        va_end(ap);                         \
    }

int open(const char *path, int flags, ...)
{
    MODE_ARG(flags)
    return do_open(AT_FDCWD, path, flags, mode, NULL);
}

int open64(const char *path, int flags, ...)
{
    MODE_ARG(flags)
    return do_open(AT_FDCWD, path, flags | O_LARGEFILE, mode, NULL);
}

int openat(int dir, const char *path, int flags, ...)
{
    MODE_ARG(flags)
    return do_open(dir, path, flags, mode, NULL);
}

int openat64(int dir, const char *path, int flags, ...)
{
    MODE_ARG(flags)
    return do_open(dir, path, flags, mode, NULL);
}

int close(int fd)
{
    if (fd >= 0 && fd < FDS) fd_oid[fd] = 0;
    return (int)syscall(SYS_close, fd);
}

static uint32_t ours(int fd)
{
    return log_fd >= 0 && fd >= 0 && fd < FDS ? fd_oid[fd] : 0;
}

static void wrote(int fd, uint64_t off, const void *data, ssize_t n)
{
    if (n <= 0) return;
    emit('W', 0, ours(fd), NULL, 0, NULL, 0, off, data, (uint64_t)n);
}

ssize_t write(int fd, const void *data, size_t len)
{
    ssize_t n;
    off_t off;

    if (!ours(fd)) return syscall(SYS_write, fd, data, len);
    pthread_mutex_lock(&lock);
    off = lseek(fd, 0, SEEK_CUR);
    n = syscall(SYS_write, fd, data, len);
    wrote(fd, (uint64_t)off, data, n);
    pthread_mutex_unlock(&lock);
    return n;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t off)
{
    ssize_t n;

    if (!ours(fd)) return syscall(SYS_pwrite64, fd, data, len, off);
    pthread_mutex_lock(&lock);
    n = syscall(SYS_pwrite64, fd, data, len, off);
    wrote(fd, (uint64_t)off, data, n);
    pthread_mutex_unlock(&lock);
    return n;
}

ssize_t pwrite64(int fd, const void *data, size_t len, off_t off)
{
    return pwrite(fd, data, len, off);
}

ssize_t copy_file_range(int in, off64_t *in_off, int out, off64_t *out_off, size_t len,
                        unsigned flags)
{
    char *buf;
    ssize_t n;
    off_t at;

    if (!ours(out)) return syscall(SYS_copy_file_range, in, in_off, out, out_off, len, flags);
    pthread_mutex_lock(&lock);
    at = out_off ? *out_off : lseek(out, 0, SEEK_CUR);
    n = syscall(SYS_copy_file_range, in, in_off, out, out_off, len, flags);
    if (n > 0) {
        /* The descriptor may be open for writing only. */
        char link[64];
        int fd;

        snprintf(link, sizeof link, "/proc/self/fd/%d", out);
        fd = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY, 0);
        buf = malloc((size_t)n);
        if (fd < 0 || !buf || syscall(SYS_pread64, fd, buf, n, at) != n) abort();
        wrote(out, (uint64_t)at, buf, n);
        free(buf);
        syscall(SYS_close, fd);
    }
    pthread_mutex_unlock(&lock);
    return n;
}

int ftruncate(int fd, off_t size)
{
    int rc = (int)syscall(SYS_ftruncate, fd, size);

    if (rc == 0 && ours(fd)) {
        pthread_mutex_lock(&lock);
        emit('T', 0, ours(fd), NULL, 0, NULL, 0, (uint64_t)size, NULL, 0);
        pthread_mutex_unlock(&lock);
    }
    return rc;
}

int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

/* A sync also makes the file's mtime durable. */
static int synced(int fd, int rc)
{
    struct stat st;

    if (rc == 0 && ours(fd) && fstat(fd, &st) == 0) {
        pthread_mutex_lock(&lock);
        emit('S', 0, ours(fd), NULL, 0, NULL, 0,
             (uint64_t)st.st_mtim.tv_sec * 1000000000ull + (uint64_t)st.st_mtim.tv_nsec, NULL, 0);
        pthread_mutex_unlock(&lock);
    }
    return rc;
}

/* The event stands where the sync began: what others write meanwhile is not covered by it. The
 * recorded programs are single-threaded where it matters, and the disk need not really sync. */
int fsync(int fd)
{
    return log_fd >= 0 ? synced(fd, 0) : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return log_fd >= 0 ? synced(fd, 0) : (int)syscall(SYS_fdatasync, fd);
}

int syncfs(int fd)
{
    if (log_fd < 0) return (int)syscall(SYS_syncfs, fd);
    pthread_mutex_lock(&lock);
    emit('F', 0, 0, NULL, 0, NULL, 0, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return 0;
}

static int do_rename(int sdir, const char *src, int ddir, const char *dst, unsigned flags)
{
    const char *sl, *dl;
    uint32_t s, d;
    int rc, err;

    pthread_mutex_lock(&lock);
    s = log_fd >= 0 ? parent(sdir, src, &sl) : 0;
    d = log_fd >= 0 ? parent(ddir, dst, &dl) : 0;
    rc = (int)syscall(SYS_renameat2, sdir, src, ddir, dst, flags);
    err = errno;
    if (rc == 0 && s && d) emit('R', (uint8_t)flags, s, sl, d, dl, 0, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = err;
    return rc;
}

int rename(const char *src, const char *dst)
{
    return do_rename(AT_FDCWD, src, AT_FDCWD, dst, 0);
}

int renameat(int sdir, const char *src, int ddir, const char *dst)
{
    return do_rename(sdir, src, ddir, dst, 0);
}

int renameat2(int sdir, const char *src, int ddir, const char *dst, unsigned flags)
{
    return do_rename(sdir, src, ddir, dst, flags);
}

int unlinkat(int dir, const char *path, int flags)
{
    const char *last;
    struct stat st = { 0 };
    uint32_t d;
    int rc, err;

    pthread_mutex_lock(&lock);
    d = log_fd >= 0 ? parent(dir, path, &last) : 0;
    if (d) fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW);
    rc = (int)syscall(SYS_unlinkat, dir, path, flags);
    err = errno;
    if (rc == 0 && d && !ignored(last)) emit('U', 0, d, last, 0, NULL, 0, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    errno = err;
    return rc;
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
    const char *last;
    uint32_t d, oid;
    int rc, err;

    pthread_mutex_lock(&lock);
    d = log_fd >= 0 ? parent(dir, path, &last) : 0;
    rc = (int)syscall(SYS_mkdirat, dir, path, mode);
    err = errno;
    if (rc == 0 && d) {
        oid = object(dir, path, 0, 1);
        emit('L', 0, d, last, oid, NULL, 0, 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    errno = err;
    return rc;
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

/* ---- what libcloud calls by number ---- */

static int statx_mapped(int dir, const char *path, int flags, unsigned mask, struct statx *sx);

long syscall(long number, ...)
{
    static long (*real)(long, ...);
    long a[6];
    va_list ap;
    int i;

    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "syscall");
    va_start(ap, number);
    for (i = 0; i < 6; i++) a[i] = va_arg(ap, long);
    va_end(ap);
    /* Calls from here come with the lock held, or for things that are not recorded. */
    if (log_fd >= 0 && pthread_mutex_trylock(&lock) == 0) {
        pthread_mutex_unlock(&lock);
        if (number == SYS_renameat2)
            return do_rename((int)a[0], (const char *)a[1], (int)a[2], (const char *)a[3],
                             (unsigned)a[4]);
        if (number == SYS_openat2) {
            const struct open_how *how = (const struct open_how *)a[2];

            return do_open((int)a[0], (const char *)a[1], (int)how->flags, 0, how);
        }
    }
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* ---- marks of the recorded program ---- */

void powercut_mark(char type, unsigned n)
{
    if (log_fd < 0) return;
    pthread_mutex_lock(&lock);
    emit(type, 0, n, NULL, 0, NULL, 0, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
}

/* ---- checking ---- */

static struct { uint64_t fresh, old, btime; } *map;
static size_t map_len;

static int statx_mapped(int dir, const char *path, int flags, unsigned mask, struct statx *sx)
{
    REAL(int, statx, int, const char *, int, unsigned, struct statx *);
    int rc = real_statx(dir, path, flags, mask, sx);
    size_t i;

    for (i = 0; rc == 0 && i < map_len; i++) {
        if (map[i].fresh != sx->stx_ino) continue;
        sx->stx_ino = map[i].old;
        sx->stx_btime.tv_sec = (int64_t)(map[i].btime / 1000000000ull);
        sx->stx_btime.tv_nsec = (uint32_t)(map[i].btime % 1000000000ull);
        break;
    }
    return rc;
}

int statx(int dir, const char *path, int flags, unsigned mask, struct statx *sx)
{
    return statx_mapped(dir, path, flags, mask, sx);
}

/* The same for the older call. fstatat64 is what programs with 64-bit offsets call. */
int fstatat(int dir, const char *path, struct stat *st, int flags)
{
    long rc = syscall(SYS_newfstatat, dir, path, st, flags);
    size_t i;

    for (i = 0; rc == 0 && i < map_len; i++)
        if (map[i].fresh == st->st_ino) {
            st->st_ino = map[i].old;
            break;
        }
    return (int)rc;
}

int fstatat64(int dir, const char *path, struct stat64 *st, int flags)
{
    return fstatat(dir, path, (struct stat *)st, flags);
}

static void read_map(const char *file)
{
    FILE *f = fopen(file, "r");
    unsigned long long a, b, c;

    if (!f) abort();
    while (fscanf(f, "%llu %llu %llu", &a, &b, &c) == 3) {
        map = realloc(map, (map_len + 1) * sizeof *map);
        if (!map) abort();
        map[map_len].fresh = a;
        map[map_len].old = b;
        map[map_len++].btime = c;
    }
    fclose(f);
}

__attribute__((constructor)) static void start(void)
{
    const char *file = getenv("POWERCUT_LOG"), *dir = getenv("POWERCUT_ROOT");
    struct stat st;

    if (getenv("POWERCUT_MAP")) read_map(getenv("POWERCUT_MAP"));
    if (!file || !dir) return;
    if (!realpath(dir, root) || stat(root, &st) != 0) abort();
    root_len = strlen(root);
    root_dev = st.st_dev;
    log_fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                          0600);
    if (log_fd < 0) abort();
    object(AT_FDCWD, root, 0, 1);
}

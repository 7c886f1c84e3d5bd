/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Opening a data directory: marker, host lock, shared memory, database, recovery. */
#include "store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <openssl/rand.h>

#define MARKER_TEXT "mod_cloud data directory. Do not remove: without this file nothing is served.\n"

void cloud_log(cloud_store_t *store, const char *file, int line, cloud_log_level_t level,
               const char *fmt, ...)
{
    static const char *const names[] = { "error", "warn", "notice", "info", "debug" };
    char msg[2048];
    va_list ap;

    va_start(ap, fmt);
    apr_vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    if (store && store->conf.log) store->conf.log(store->conf.log_baton, level, file, line, msg);
    else if (level <= CLOUD_LOG_NOTICE) fprintf(stderr, "cloud: %s: %s\n", names[level], msg);
}

const char *cloud_store_data_dir(const cloud_store_t *store)
{
    return store->conf.data_dir;
}

const char *cloud_store_instance_id(const cloud_store_t *store)
{
    return store->instance;
}

cloud_settings_cache_t **cloud_store_settings_slot(cloud_store_t *store)
{
    return &store->settings;
}

cloud_account_cache_t *cloud_store_accounts(cloud_store_t *store)
{
    return store->accounts;
}

apr_pool_t *cloud_store_pool(cloud_store_t *store)
{
    return store->pool;
}

const apr_table_t *cloud_store_file_settings(cloud_store_t *store)
{
    return store->conf.settings;
}

cloud_shm_t *cloud_store_shm(cloud_store_t *store)
{
    return store->shm;
}

int cloud_store_relaxed(const cloud_store_t *store)
{
    return store->conf.durability == CLOUD_DURABILITY_RELAXED;
}

int cloud_store_failed(const cloud_store_t *store)
{
    return __atomic_load_n(&store->failed, __ATOMIC_ACQUIRE) || cloud_shm_failed(store->shm);
}

void cloud_store_fail(cloud_store_t *store)
{
    __atomic_store_n(&store->failed, 1, __ATOMIC_RELEASE);
    cloud_shm_fail(store->shm);
}

static const char *path_in(const cloud_store_t *store, const char *name)
{
    return apr_pstrcat(store->pool, store->conf.data_dir, "/", name, NULL);
}

static cloud_err_t *unavailable(cloud_store_t *store, int err, const char *what)
{
    return cloud_err_sys(store->pool, CLOUD_E_UNAVAILABLE, err, "%s", what);
}

cloud_err_t *cloud_write_file(const char *path, const char *text, apr_pool_t *pool)
{
    const char *tmp = apr_psprintf(pool, "%s.%d.tmp", path, (int)getpid());
    size_t len = strlen(text);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int err;

    if (fd < 0) return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "create %s", tmp);
    if (write(fd, text, len) != (ssize_t)len || fsync(fd) != 0) {
        err = errno;
        close(fd);
        unlink(tmp);
        return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, err, "write %s", tmp);
    }
    close(fd);
    if (rename(tmp, path) != 0)
        return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "rename %s", path);
    fd = open(apr_pstrndup(pool, path, strrchr(path, '/') - path),
              O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    return NULL;
}

/* Text of a small file without its last newline; NULL when it is not there. */
const char *cloud_read_file(const char *path, apr_pool_t *pool)
{
    char buf[512];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n;

    if (fd < 0) return NULL;
    n = read(fd, buf, sizeof buf - 1);
    close(fd);
    if (n < 0) return NULL;
    while (n > 0 && buf[n - 1] == '\n') n--;
    return apr_pstrmemdup(pool, buf, (apr_size_t)n);
}

/* The directory is ours when it carries the marker. An empty one may become ours, but only when
 * asked for: an empty directory is also what a disk that is not mounted leaves behind. */
static cloud_err_t *make_marker(cloud_store_t *store, const char *marker)
{
    if (access(marker, F_OK) == 0) return NULL;
    /* An empty one is what an attempt that was cut short left. */
    if ((rmdir(path_in(store, "accounts")) != 0 && errno != ENOENT)
        || access(store->db_path, F_OK) == 0)
        return cloud_err(store->pool, CLOUD_E_UNAVAILABLE,
                         "The data directory has files but no marker");
    if (mkdir(path_in(store, ".cloud"), 0700) != 0 && errno != EEXIST)
        return unavailable(store, errno, "mkdir .cloud");
    if (mkdir(path_in(store, "accounts"), 0700) != 0 && errno != EEXIST)
        return unavailable(store, errno, "mkdir accounts");
    return cloud_write_file(marker, MARKER_TEXT, store->pool);
}

static cloud_err_t *check_marker(cloud_store_t *store)
{
    const char *marker = path_in(store, ".cloud/marker");
    const char *dir = store->conf.data_dir;
    cloud_err_t *err;
    int fd;

    if (access(marker, F_OK) == 0) return NULL;
    if (!(store->flags & CLOUD_STORE_CREATE))
        return unavailable(store, errno,
                           "The data directory carries no marker (disk not mounted, or not yet "
                           "initialised with cloudctl)");
    if (mkdir(dir, 0750) != 0 && errno != EEXIST) return unavailable(store, errno, dir);
    /* Several processes may be at it at the same moment. */
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) != 0) err = unavailable(store, errno, dir);
    else err = make_marker(store, marker);
    if (fd >= 0) close(fd);
    return err;
}

/* Names are compared as bytes everywhere here; on a file system that folds case two nodes would
 * share one file. */
static cloud_err_t *check_case(cloud_store_t *store)
{
    if (access(path_in(store, ".CLOUD"), F_OK) == 0)
        return unavailable(store, 0, "The data directory is on a file system that ignores case");
    return NULL;
}

static int lock_byte(int fd, short type, off_t byte, int wait)
{
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
    int rc;

    do {
        rc = fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock);
    } while (rc != 0 && errno == EINTR);
    return rc == 0 ? 0 : errno;
}

int cloud_store_lock(int *fd, cloud_store_t *store, apr_int64_t byte, int exclusive, int wait)
{
    int err;

    *fd = open(store->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0) return errno;
    err = lock_byte(*fd, exclusive ? F_WRLCK : F_RDLCK, (off_t)byte, wait);
    if (err) {
        close(*fd);
        *fd = -1;
    }
    return err;
}

/* One host owns a data directory: each process holds the host lock shared; a host that is not the
 * one named in the file must get it alone first, and then writes its own name. */
static cloud_err_t *take_host_alone(cloud_store_t *store)
{
    const char *me = cloud_read_file("/etc/machine-id", store->pool);
    const char *file = path_in(store, ".cloud/host"), *owner;
    char name[256];
    int err;

    if (!me || !*me) {
        gethostname(name, sizeof name);
        name[sizeof name - 1] = '\0';
        me = apr_pstrdup(store->pool, name);
    }
    err = cloud_store_lock(&store->host_fd, store, CLOUD_LOCK_HOST, 0, 1);
    if (err) return unavailable(store, err, "host lock");
    owner = cloud_read_file(file, store->pool);
    if (owner && strcmp(owner, me) == 0) return NULL;
    if (store->flags & CLOUD_STORE_READ_ONLY) return NULL;
    if (lock_byte(store->host_fd, F_WRLCK, CLOUD_LOCK_HOST, 0) != 0)
        return cloud_err(store->pool, CLOUD_E_UNAVAILABLE,
                         "Another host uses this data directory");
    CLOUD_ERR(cloud_write_file(file, me, store->pool));
    lock_byte(store->host_fd, F_RDLCK, CLOUD_LOCK_HOST, 0);
    return NULL;
}

/* One process after the other: two of this host, both with the lock shared, would keep each other from
 * getting it alone. */
static cloud_err_t *take_host(cloud_store_t *store)
{
    int fd, err = cloud_store_lock(&fd, store, CLOUD_LOCK_START, 1, 1);
    cloud_err_t *e;

    if (err) return unavailable(store, err, "start-up lock");
    e = take_host_alone(store);
    close(fd);
    return e;
}

const char *cloud_random_letters(int n, apr_pool_t *pool)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345"; /* 32: no bias */
    unsigned char *raw = apr_palloc(pool, (apr_size_t)n + 1);
    int i;

    if (RAND_bytes(raw, n) != 1) abort();
    for (i = 0; i < n; i++) raw[i] = (unsigned char)letters[raw[i] & 31];
    raw[n] = '\0';
    return (const char *)raw;
}

static cloud_err_t *load_identity(cloud_ctx_t *ctx)
{
    cloud_store_t *store = ctx->store;
    const char *value;

    CLOUD_ERR(cloud_meta_get(&value, ctx, "instance", store->pool));
    if (!value) {
        value = apr_pstrcat(store->pool, "oc", cloud_random_letters(10, store->pool), NULL);
        CLOUD_ERR(cloud_meta_set(ctx, "instance", value));
    }
    store->instance = value;
    return cloud_generation_check(ctx);
}

/* The database and its log may have been made a moment ago by whoever opened first. SQLite syncs
 * their names only through the handle that made them, which need not be the one that syncs. */
static cloud_err_t *sync_data_dir(cloud_store_t *store)
{
    int fd = open(apr_pstrndup(store->pool, store->db_path,
                               (apr_size_t)(strrchr(store->db_path, '/') - store->db_path)),
                  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = fd < 0 || fsync(fd) != 0 ? errno : 0;

    if (fd >= 0) close(fd);
    return err ? unavailable(store, err, "sync of the database's directory") : NULL;
}

/* Only a new file is opened here, which nobody can have locked: closing a descriptor of a database
 * in use would drop the locks that SQLite holds on it. Its log gets the same mode. */
static cloud_err_t *create_database(cloud_store_t *store)
{
    int fd = open(store->db_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 && errno != EEXIST) return unavailable(store, errno, "create the database");
    if (fd >= 0) close(fd);
    return NULL;
}

static cloud_err_t *recover(cloud_store_t *store)
{
    cloud_ctx_t *ctx = cloud_ctx_create(store, store->pool);
    int fd, err = cloud_store_lock(&fd, store, CLOUD_LOCK_START, 1, 1);
    cloud_err_t *e;

    if (err) return unavailable(store, err, "start-up lock");
    ctx->who.system = 1;
    e = create_database(store);
    if (!e) e = cloud_schema_migrate(ctx);
    if (!e) e = sync_data_dir(store);
    if (!e) e = cloud_tx_begin(ctx, CLOUD_DB_WRITE);
    if (!e) e = cloud_tx_end(ctx, load_identity(ctx));
    if (!e && !(store->flags & CLOUD_STORE_NO_REPLAY)) e = cloud_journal_replay(ctx);
    close(fd);
    return e;
}

static cloud_err_t *read_identity(cloud_store_t *store)
{
    cloud_ctx_t *ctx = cloud_ctx_create(store, store->pool);
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_meta_get(&store->instance, ctx, "instance", store->pool);
    cloud_tx_rollback(ctx);
    if (!err && !store->instance) err = unavailable(store, 0, "The database is empty");
    return err;
}

static apr_status_t store_close(void *baton)
{
    cloud_store_t *store = baton;

    cloud_store_close_idle(store);
    if (store->host_fd >= 0) close(store->host_fd);
    if (store->accounts_fd >= 0) close(store->accounts_fd);
    pthread_mutex_destroy(&store->lock);
    return APR_SUCCESS;
}

cloud_err_t *cloud_store_open(cloud_store_t **out, const cloud_store_conf_t *conf, unsigned flags,
                              apr_pool_t *pool)
{
    cloud_store_t *store = apr_pcalloc(pool, sizeof *store);

    store->pool = pool;
    store->conf = *conf;
    store->conf.data_dir = apr_pstrdup(pool, conf->data_dir);
    store->flags = flags;
    store->host_fd = store->accounts_fd = -1;
    store->db_path = conf->database ? apr_pstrdup(pool, conf->database)
                                    : path_in(store, "cloud.db");
    store->lock_path = path_in(store, ".cloud/locks");
    pthread_mutex_init(&store->lock, NULL);
    CLOUD_ERR(check_marker(store));
    CLOUD_ERR(check_case(store));
    if (!(flags & CLOUD_STORE_READ_ONLY)) cloud_reserve_release(store, pool);
    CLOUD_ERR(cloud_shm_open(&store->shm, path_in(store, ".cloud/shm"), pool));
    /* After shm: connections close before the shared memory is unmapped. */
    apr_pool_cleanup_register(pool, store, store_close, apr_pool_cleanup_null);
    cloud_settings_open(store);
    store->accounts = cloud_account_cache_create(pool);
    CLOUD_ERR(take_host(store));
    store->accounts_fd = open(path_in(store, "accounts"), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (store->accounts_fd < 0) return unavailable(store, errno, "open accounts");
    CLOUD_ERR(cloud_storage_probe(store));
    CLOUD_ERR((flags & CLOUD_STORE_READ_ONLY) ? read_identity(store) : recover(store));
    *out = store;
    return NULL;
}

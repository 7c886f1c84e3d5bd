/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* <data_dir>/.cloud/shm: what the processes of one host share. Nothing in here has to be true for
 * data to be right: it may vanish at any time and is made anew; it saves waiting and repeating. */
#include "internal.h"
#include "shm.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SHM_MAGIC 0x636c6f756473686dull
#define SHM_LAYOUT 5
#define DONE_SLOTS 4096  /* powers of two */
#define DONE_WAYS  8     /* a tree may have any of so many slots */
#define DIR_SLOTS  64
#define ACCOUNT_SLOTS 1024

typedef struct {
    apr_uint64_t tree;
    apr_uint64_t seq;
} done_slot_t;

/* Group sync of a directory. users counts who waits; a killed process may leave it too high: then
 * the slot stays with its directory, and others sync for themselves. */
typedef struct {
    pthread_mutex_t state, sync;
    apr_uint64_t dir, users, asked, synced;
} dir_slot_t;

/* Changes to the rows of some accounts; see account_cache.c. */
typedef struct {
    apr_uint64_t begun, over;
} account_slot_t;

typedef struct {
    apr_uint64_t magic;
    apr_uint64_t layout;
    char boot[40];
    pthread_mutex_t writer;
    pthread_mutex_t syncer;
    pthread_mutex_t done_lock;
    apr_uint64_t committed;    /* commits so far, all processes */
    apr_uint64_t synced;       /* of these, known to be durable */
    apr_uint64_t failures;     /* failed syncs: every process must restart through recovery */
    apr_uint64_t settings;
    done_slot_t done[DONE_SLOTS];
    dir_slot_t dirs[DIR_SLOTS];
    account_slot_t accounts[ACCOUNT_SLOTS];
} shm_map_t;

struct cloud_shm_t {
    shm_map_t *map;
    int fd;
    apr_uint64_t failures_at_open;
};

/* Identifies this run of the kernel: mutex states do not survive a reboot, the file does. */
static void boot_id(char *buf, size_t len)
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, buf, len - 1) : -1;

    if (fd >= 0) close(fd);
    buf[n > 0 ? n : 0] = '\0';
}

static void mutex_init(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutex, &attr);
    pthread_mutexattr_destroy(&attr);
}

static int mutex_lock(pthread_mutex_t *mutex)
{
    int rc = pthread_mutex_lock(mutex);

    if (rc == EOWNERDEAD) {
        /* The owner was killed. What these mutexes guard is valid at every instruction. */
        pthread_mutex_consistent(mutex);
        rc = 0;
    }
    return rc;
}

static cloud_err_t *prepare(cloud_shm_t *shm, apr_pool_t *pool)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1 };
    char boot[40];
    int i, err;

    while (fcntl(shm->fd, F_OFD_SETLKW, &lock) != 0)
        if (errno != EINTR) return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "shm lock");
    /* With its blocks: on a full disk a hole would end in SIGBUS. */
    do {
        err = posix_fallocate(shm->fd, 0, sizeof(shm_map_t));
    } while (err == EINTR);
    if (err) return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, err, "shm size");
    shm->map = mmap(NULL, sizeof(shm_map_t), PROT_READ | PROT_WRITE, MAP_SHARED, shm->fd, 0);
    if (shm->map == MAP_FAILED) {
        shm->map = NULL;
        return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "shm map");
    }
    boot_id(boot, sizeof boot);
    if (shm->map->magic != SHM_MAGIC || shm->map->layout != SHM_LAYOUT
        || strcmp(shm->map->boot, boot) != 0) {
        memset(shm->map, 0, sizeof *shm->map);
        mutex_init(&shm->map->writer);
        mutex_init(&shm->map->syncer);
        mutex_init(&shm->map->done_lock);
        for (i = 0; i < DIR_SLOTS; i++) {
            mutex_init(&shm->map->dirs[i].state);
            mutex_init(&shm->map->dirs[i].sync);
        }
        apr_cpystrn(shm->map->boot, boot, sizeof shm->map->boot);
        shm->map->layout = SHM_LAYOUT;
        shm->map->magic = SHM_MAGIC;
    }
    lock.l_type = F_UNLCK;
    fcntl(shm->fd, F_OFD_SETLK, &lock);
    shm->failures_at_open = __atomic_load_n(&shm->map->failures, __ATOMIC_ACQUIRE);
    return NULL;
}

static apr_status_t shm_close(void *baton)
{
    cloud_shm_t *shm = baton;

    if (shm->map) munmap(shm->map, sizeof(shm_map_t));
    close(shm->fd);
    return APR_SUCCESS;
}

cloud_err_t *cloud_shm_open(cloud_shm_t **out, const char *path, apr_pool_t *pool)
{
    cloud_shm_t *shm = apr_pcalloc(pool, sizeof *shm);

    shm->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (shm->fd < 0) return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "open %s", path);
    apr_pool_cleanup_register(pool, shm, shm_close, apr_pool_cleanup_null);
    CLOUD_ERR(prepare(shm, pool));
    *out = shm;
    return NULL;
}

void cloud_shm_writer_lock(cloud_shm_t *shm)
{
    mutex_lock(&shm->map->writer);
}

void cloud_shm_writer_unlock(cloud_shm_t *shm)
{
    pthread_mutex_unlock(&shm->map->writer);
}

apr_uint64_t cloud_shm_settings_epoch(cloud_shm_t *shm)
{
    return __atomic_load_n(&shm->map->settings, __ATOMIC_ACQUIRE);
}

void cloud_shm_settings_changed(cloud_shm_t *shm)
{
    __atomic_add_fetch(&shm->map->settings, 1, __ATOMIC_ACQ_REL);
}

apr_uint64_t cloud_shm_committed(cloud_shm_t *shm)
{
    return __atomic_add_fetch(&shm->map->committed, 1, __ATOMIC_ACQ_REL);
}

apr_uint64_t cloud_shm_commits(cloud_shm_t *shm)
{
    return __atomic_load_n(&shm->map->committed, __ATOMIC_ACQUIRE);
}

cloud_err_t *cloud_shm_sync(cloud_shm_t *shm, apr_uint64_t commit, cloud_shm_sync_fn *fn,
                            void *baton)
{
    shm_map_t *map = shm->map;
    cloud_err_t *err = NULL;
    apr_uint64_t upto;

    if (__atomic_load_n(&map->synced, __ATOMIC_ACQUIRE) >= commit) return NULL;
    mutex_lock(&map->syncer);
    if (__atomic_load_n(&map->synced, __ATOMIC_ACQUIRE) < commit) {
        /* One sync serves everybody who committed before it began. */
        upto = __atomic_load_n(&map->committed, __ATOMIC_ACQUIRE);
        err = fn(baton);
        if (!err) __atomic_store_n(&map->synced, upto, __ATOMIC_RELEASE);
        else cloud_shm_fail(shm);
    }
    pthread_mutex_unlock(&map->syncer);
    return err;
}

/* A place in the slot of dir, or NULL when another directory has it. */
static dir_slot_t *dir_enter(cloud_shm_t *shm, apr_uint64_t dir, apr_uint64_t *ticket)
{
    dir_slot_t *slot = &shm->map->dirs[(dir * 0x9E3779B97F4A7C15ull >> 32) & (DIR_SLOTS - 1)];
    int mine;

    mutex_lock(&slot->state);
    if (slot->dir != dir && slot->users == 0) {
        slot->dir = dir;
        slot->asked = slot->synced = 0;
    }
    mine = slot->dir == dir;
    if (mine) {
        slot->users++;
        *ticket = __atomic_add_fetch(&slot->asked, 1, __ATOMIC_ACQ_REL);
    }
    pthread_mutex_unlock(&slot->state);
    return mine ? slot : NULL;
}

cloud_err_t *cloud_shm_dir_sync(cloud_shm_t *shm, apr_uint64_t dir, cloud_shm_sync_fn *fn,
                                void *baton)
{
    apr_uint64_t ticket, upto;
    dir_slot_t *slot = dir_enter(shm, dir, &ticket);
    cloud_err_t *err = NULL;

    if (!slot) return fn(baton);
    mutex_lock(&slot->sync);
    if (slot->synced < ticket) {
        /* Serves everybody whose entry was there before it began. */
        upto = __atomic_load_n(&slot->asked, __ATOMIC_ACQUIRE);
        err = fn(baton);
        if (!err) slot->synced = upto;
    }
    pthread_mutex_unlock(&slot->sync);
    mutex_lock(&slot->state);
    slot->users--;
    pthread_mutex_unlock(&slot->state);
    return err;
}

static account_slot_t *account_slot(cloud_shm_t *shm, apr_int64_t number)
{
    return &shm->map->accounts[((apr_uint64_t)number * 0x9E3779B97F4A7C15ull >> 32)
                               & (ACCOUNT_SLOTS - 1)];
}

void cloud_shm_account_begun(cloud_shm_t *shm, apr_int64_t number)
{
    __atomic_add_fetch(&account_slot(shm, number)->begun, 1, __ATOMIC_SEQ_CST);
}

void cloud_shm_account_over(cloud_shm_t *shm, apr_int64_t number)
{
    __atomic_add_fetch(&account_slot(shm, number)->over, 1, __ATOMIC_SEQ_CST);
}

void cloud_shm_accounts_begun(cloud_shm_t *shm)
{
    int i;

    for (i = 0; i < ACCOUNT_SLOTS; i++)
        __atomic_add_fetch(&shm->map->accounts[i].begun, 1, __ATOMIC_SEQ_CST);
}

void cloud_shm_accounts_over(cloud_shm_t *shm)
{
    int i;

    for (i = 0; i < ACCOUNT_SLOTS; i++)
        __atomic_add_fetch(&shm->map->accounts[i].over, 1, __ATOMIC_SEQ_CST);
}

int cloud_shm_account_epoch(apr_uint64_t *epoch, cloud_shm_t *shm, apr_int64_t number)
{
    const account_slot_t *slot = account_slot(shm, number);
    apr_uint64_t over = __atomic_load_n(&slot->over, __ATOMIC_SEQ_CST);

    /* In this order: what begins between the two looks makes them differ. */
    *epoch = __atomic_load_n(&slot->begun, __ATOMIC_SEQ_CST);
    return *epoch == over;
}

void cloud_shm_fail(cloud_shm_t *shm)
{
    __atomic_add_fetch(&shm->map->failures, 1, __ATOMIC_ACQ_REL);
}

int cloud_shm_failed(cloud_shm_t *shm)
{
    return __atomic_load_n(&shm->map->failures, __ATOMIC_ACQUIRE) != shm->failures_at_open;
}

/* *found: it is the tree's. Else it is the one to take: of the tree that has moved nothing for the longest
 * time, whose rows are likely to have been dropped since. */
static done_slot_t *slot_of(int *found, cloud_shm_t *shm, apr_int64_t tree)
{
    apr_uint64_t hash = (apr_uint64_t)tree * 0x9E3779B97F4A7C15ull >> 32;
    done_slot_t *slots = &shm->map->done[(hash & (DONE_SLOTS / DONE_WAYS - 1)) * DONE_WAYS];
    done_slot_t *oldest = slots;
    int i;

    *found = 1;
    for (i = 0; i < DONE_WAYS; i++) {
        if (slots[i].tree == (apr_uint64_t)tree) return &slots[i];
        if (slots[i].seq < oldest->seq) oldest = &slots[i];
    }
    *found = 0;
    return oldest;
}

apr_int64_t cloud_shm_done(cloud_shm_t *shm, apr_int64_t tree)
{
    const done_slot_t *slot;
    apr_int64_t seq;
    int found;

    mutex_lock(&shm->map->done_lock);
    slot = slot_of(&found, shm, tree);
    seq = found ? (apr_int64_t)slot->seq : 0;
    pthread_mutex_unlock(&shm->map->done_lock);
    return seq;
}

void cloud_shm_done_set(cloud_shm_t *shm, apr_int64_t tree, apr_int64_t seq)
{
    done_slot_t *slot;
    int found;

    mutex_lock(&shm->map->done_lock);
    slot = slot_of(&found, shm, tree);
    if (!found) {
        /* Taken from another tree: forgetting it only makes its next writer look again. A killed
         * owner may leave tree and seq of different trees: seq is cleared first. */
        slot->seq = 0;
        slot->tree = (apr_uint64_t)tree;
    }
    if ((apr_uint64_t)seq > slot->seq) slot->seq = (apr_uint64_t)seq;
    pthread_mutex_unlock(&shm->map->done_lock);
}

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Blocks of records. A full set of blocks goes to the file in one go, and the blocks are used
 * again; reading goes through the file first, with one block, then through those in memory. */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define BLOCK_SIZE 65536

/* len: bytes of records in the block; each record is an apr_uint64_t with its length, then the
 * data, padded to 8 bytes. A record that fits no block gets one of its own size. */
typedef struct block_t {
    apr_size_t size, len;
    struct block_t *next;
    char data[];
} block_t;

struct cloud_spool_t {
    apr_pool_t *pool;
    apr_size_t limit, in_memory;
    const char *dir;
    block_t *first, *last, *spare;
    int fd;
    apr_int64_t file_len, file_pos;
    int reading;
    block_t *at;            /* block being read */
    apr_size_t pos;         /* in it */
};

static void free_blocks(block_t *b)
{
    while (b) {
        block_t *next = b->next;

        free(b);
        b = next;
    }
}

static apr_status_t spool_cleanup(void *baton)
{
    cloud_spool_t *s = baton;

    free_blocks(s->first);
    free_blocks(s->spare);
    if (s->fd >= 0) close(s->fd);
    return APR_SUCCESS;
}

cloud_spool_t *cloud_spool_create(apr_size_t memory, const char *dir, apr_pool_t *pool)
{
    cloud_spool_t *s = apr_pcalloc(pool, sizeof(*s));
    const char *tmp = getenv("TMPDIR");

    s->pool = pool;
    s->limit = memory;
    s->dir = dir ? dir : tmp && *tmp ? tmp : "/tmp";
    s->fd = -1;
    apr_pool_cleanup_register(pool, s, spool_cleanup, apr_pool_cleanup_null);
    return s;
}

/* O_TMPFILE: the file never has a name, so nothing is left behind however the process ends. */
static cloud_err_t *open_file(cloud_spool_t *s)
{
    char *path;

    if (s->fd >= 0) return NULL;
    s->fd = open(s->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (s->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        path = apr_pstrcat(s->pool, s->dir, "/cloud-spool-XXXXXX", NULL);
        s->fd = mkostemp(path, O_CLOEXEC);
        if (s->fd >= 0) unlink(path);
    }
    if (s->fd < 0)
        return cloud_err_sys(s->pool, CLOUD_E_UNAVAILABLE, errno, NULL);
    return NULL;
}

static cloud_err_t *write_all(cloud_spool_t *s, const char *data, apr_size_t len)
{
    while (len) {
        ssize_t n = write(s->fd, data, len);

        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return cloud_err_sys(s->pool, CLOUD_E_UNAVAILABLE, errno, NULL);
        data += n;
        len -= (apr_size_t)n;
        s->file_len += n;
    }
    return NULL;
}

static cloud_err_t *read_all(cloud_spool_t *s, void *to, apr_size_t len)
{
    char *p = to;

    while (len) {
        ssize_t n = pread(s->fd, p, len, (off_t)s->file_pos);

        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return cloud_err_sys(s->pool, CLOUD_E_UNAVAILABLE, n < 0 ? errno : EIO, NULL);
        p += n;
        len -= (apr_size_t)n;
        s->file_pos += n;
    }
    return NULL;
}

/* All blocks to the file; those of the usual size are kept for use. */
static cloud_err_t *spill(cloud_spool_t *s)
{
    block_t *b;

    CLOUD_ERR(open_file(s));
    while ((b = s->first)) {
        apr_uint64_t len = b->len;

        CLOUD_ERR(write_all(s, (const char *)&len, sizeof(len)));
        CLOUD_ERR(write_all(s, b->data, b->len));
        s->first = b->next;
        if (b->size == BLOCK_SIZE) {
            b->next = s->spare;
            s->spare = b;
        }
        else free(b);
    }
    s->last = NULL;
    s->in_memory = 0;
    return NULL;
}

static block_t *new_block(cloud_spool_t *s, apr_size_t need)
{
    block_t *b = s->spare;
    apr_size_t size = need > BLOCK_SIZE ? need : BLOCK_SIZE;

    if (b && size == BLOCK_SIZE) s->spare = b->next;
    else b = malloc(sizeof(*b) + size);
    if (!b) return NULL;
    b->size = size;
    b->len = 0;
    b->next = NULL;
    if (s->last) s->last->next = b;
    else s->first = b;
    s->last = b;
    s->in_memory += size;
    return b;
}

cloud_err_t *cloud_spool_add(void **record, cloud_spool_t *s, apr_size_t len)
{
    apr_size_t need = sizeof(apr_uint64_t) + ((len + 7) & ~(apr_size_t)7);
    block_t *b = s->last;
    apr_uint64_t head = len;

    if (!b || b->size - b->len < need) {
        if (s->first && s->in_memory + (need > BLOCK_SIZE ? need : BLOCK_SIZE) > s->limit)
            CLOUD_ERR(spill(s));
        b = new_block(s, need);
        if (!b) return cloud_err(s->pool, CLOUD_E_INTERNAL, NULL);
    }
    memcpy(b->data + b->len, &head, sizeof(head));
    *record = b->data + b->len + sizeof(head);
    b->len += need;
    return NULL;
}

/* The next block of the file, into one block that grows to what is needed. */
static cloud_err_t *load(cloud_spool_t *s)
{
    apr_uint64_t len;

    CLOUD_ERR(read_all(s, &len, sizeof(len)));
    if (!s->spare || s->spare->size < len) {
        free_blocks(s->spare);
        s->spare = malloc(sizeof(block_t) + len);
        if (!s->spare) return cloud_err(s->pool, CLOUD_E_INTERNAL, NULL);
        s->spare->size = len;
        s->spare->next = NULL;
    }
    s->spare->len = len;
    s->at = s->spare;
    s->pos = 0;
    return read_all(s, s->at->data, len);
}

/* Makes s->at the next block, or NULL at the end. Blocks in memory are freed once they are read. */
static cloud_err_t *advance(cloud_spool_t *s)
{
    if (!s->reading) {
        s->reading = 1;
        if (s->spare) { /* one is enough to read with */
            free_blocks(s->spare->next);
            s->spare->next = NULL;
        }
    }
    else if (s->at && s->at == s->first) {
        s->first = s->at->next;
        free(s->at);
    }
    s->at = NULL;
    s->pos = 0;
    if (s->file_pos < s->file_len) return load(s);
    s->at = s->first;
    return NULL;
}

cloud_err_t *cloud_spool_next(const void **record, apr_size_t *len, cloud_spool_t *s)
{
    apr_uint64_t head;

    *record = NULL;
    *len = 0;
    while (!s->at || s->pos >= s->at->len) {
        CLOUD_ERR(advance(s));
        if (!s->at) return NULL;
    }
    memcpy(&head, s->at->data + s->pos, sizeof(head));
    *record = s->at->data + s->pos + sizeof(head);
    *len = (apr_size_t)head;
    s->pos += sizeof(head) + ((head + 7) & ~(apr_uint64_t)7);
    return NULL;
}

apr_int64_t cloud_spool_file_bytes(const cloud_spool_t *s)
{
    return s->file_len;
}

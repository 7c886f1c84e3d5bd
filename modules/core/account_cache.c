/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Rows of accounts, as a process remembers them: nearly every request begins with the same one. An
 * entry counts only while nobody has begun to change a row since before it was read. That is kept in
 * two counters for each of some groups of accounts in shared memory: changes begun, moved before
 * a change can be seen, and changes over, moved after the commit (tx.c does it, for whatever
 * statement changes a row). While they differ nothing of the group is taken from here, also when who
 * changed something was killed in between. */
#include "account_private.h"
#include "shm.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 1024 /* power of two; an account takes the place of another with the same slot */

typedef struct {
    char *text;               /* folded id, id, display name, e-mail, ..., one after the other */
    const char *folded;
    cloud_account_t account;  /* its texts lie in text */
    apr_uint64_t epoch;
} slot_t;

struct cloud_account_cache_t {
    pthread_mutex_t lock;
    slot_t slots[SLOTS];
};

static apr_status_t cache_close(void *baton)
{
    cloud_account_cache_t *cache = baton;
    int i;

    for (i = 0; i < SLOTS; i++) free(cache->slots[i].text);
    pthread_mutex_destroy(&cache->lock);
    return APR_SUCCESS;
}

cloud_account_cache_t *cloud_account_cache_create(apr_pool_t *pool)
{
    cloud_account_cache_t *cache = apr_pcalloc(pool, sizeof *cache);

    pthread_mutex_init(&cache->lock, NULL);
    apr_pool_cleanup_register(pool, cache, cache_close, apr_pool_cleanup_null);
    return cache;
}

static slot_t *slot_of(cloud_account_cache_t *cache, const char *folded)
{
    apr_ssize_t len = APR_HASH_KEY_STRING;

    return &cache->slots[apr_hashfunc_default(folded, &len) & (SLOTS - 1)];
}

static const char *copy_text(const char *text, apr_pool_t *pool)
{
    return text ? apr_pstrdup(pool, text) : NULL;
}

static cloud_account_t *copy_out(const cloud_account_t *from, apr_pool_t *pool)
{
    cloud_account_t *a = apr_pmemdup(pool, from, sizeof *a);

    a->id = apr_pstrdup(pool, from->id);
    a->display_name = from->display_name == from->id ? a->id
                                                     : apr_pstrdup(pool, from->display_name);
    a->email = copy_text(from->email, pool);
    a->dir = apr_pstrdup(pool, from->dir);
    a->source = copy_text(from->source, pool);
    a->person = copy_text(from->person, pool);
    return a;
}

cloud_account_t *cloud_account_cached(apr_int64_t *number, cloud_ctx_t *ctx, const char *folded,
                                      apr_pool_t *pool)
{
    cloud_account_cache_t *cache = cloud_store_accounts(ctx->store);
    slot_t *slot = slot_of(cache, folded);
    cloud_account_t *a = NULL;
    apr_uint64_t epoch;

    *number = 0;
    pthread_mutex_lock(&cache->lock);
    if (slot->text && strcmp(slot->folded, folded) == 0) {
        *number = slot->account.number;
        if (cloud_shm_account_epoch(&epoch, cloud_store_shm(ctx->store), *number)
            && epoch == slot->epoch)
            a = copy_out(&slot->account, pool);
    }
    pthread_mutex_unlock(&cache->lock);
    return a;
}

static const char *append(char **at, const char *text)
{
    apr_size_t len;
    const char *put = *at;

    if (!text) return NULL;
    len = strlen(text) + 1;
    memcpy(*at, text, len);
    *at += len;
    return put;
}

static apr_size_t size_of(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

void cloud_account_remember(cloud_ctx_t *ctx, const char *folded, const cloud_account_t *a,
                            apr_uint64_t epoch)
{
    cloud_account_cache_t *cache = cloud_store_accounts(ctx->store);
    slot_t *slot = slot_of(cache, folded);
    char *at, *text = malloc(size_of(folded) + size_of(a->id) + size_of(a->display_name)
                             + size_of(a->email) + size_of(a->dir) + size_of(a->source)
                             + size_of(a->person));

    if (!text) return;
    at = text;
    pthread_mutex_lock(&cache->lock);
    free(slot->text);
    slot->text = text;
    slot->folded = append(&at, folded);
    slot->account = *a;
    slot->account.id = append(&at, a->id);
    slot->account.display_name = a->display_name == a->id ? slot->account.id
                                                          : append(&at, a->display_name);
    slot->account.email = append(&at, a->email);
    slot->account.dir = append(&at, a->dir);
    slot->account.source = append(&at, a->source);
    slot->account.person = append(&at, a->person);
    slot->epoch = epoch;
    pthread_mutex_unlock(&cache->lock);
}

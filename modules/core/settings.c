/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Settings in three layers. What is in force is kept in each process as a snapshot that never
 * changes; it is made anew when the counter in shared memory says that somebody changed something,
 * so that asking costs no statement. */
#include "settings_private.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TABLES_MAX 64

/* A process that dies between its commit and the counter leaves the others unaware: they look for
 * themselves now and then. */
#define MAX_AGE apr_time_from_sec(10)

/* ---- declarations ---- */

static struct {
    pthread_mutex_t lock;
    const cloud_setting_t *tables[TABLES_MAX];
    int count;
} declared = { .lock = PTHREAD_MUTEX_INITIALIZER, .tables = { cloud_settings_core }, .count = 1 };

void cloud_settings_declare(const cloud_setting_t *table)
{
    int i = 0;

    pthread_mutex_lock(&declared.lock);
    while (i < declared.count && declared.tables[i] != table) i++;
    if (i == TABLES_MAX) abort();
    if (i == declared.count) {
        declared.tables[i] = table;
        __atomic_store_n(&declared.count, i + 1, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&declared.lock);
}

void cloud_settings_undeclare(const cloud_setting_t *table)
{
    int i;

    pthread_mutex_lock(&declared.lock);
    for (i = 0; i < declared.count && declared.tables[i] != table; i++) continue;
    if (i < declared.count) {
        for (; i + 1 < declared.count; i++) declared.tables[i] = declared.tables[i + 1];
        __atomic_store_n(&declared.count, declared.count - 1, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&declared.lock);
}

static int declared_count(void)
{
    return __atomic_load_n(&declared.count, __ATOMIC_ACQUIRE);
}

static int compare(const char *app, const char *key, const cloud_setting_t *s)
{
    int order = strcmp(app, s->app);

    return order ? order : strcmp(key, s->key);
}

const cloud_setting_t *cloud_setting_find(const char *app, const char *key)
{
    int i, n = declared_count();

    for (i = 0; i < n; i++) {
        const cloud_setting_t *s = declared.tables[i];
        for (; s->app; s++)
            if (compare(app, key, s) == 0) return s;
    }
    return NULL;
}

/* ---- snapshots ---- */

typedef struct {
    const cloud_setting_t *decl;
    const char *text;            /* what is in force; may be NULL when the default is */
    cloud_layer_t layer;
    cloud_setting_value_t value;
} entry_t;

typedef struct {
    apr_pool_t *pool;            /* holds all of it */
    apr_uint64_t epoch;
    int tables;                  /* how many were declared then */
    apr_time_t loaded;
    int count;
    entry_t *entries;            /* in order of app and key */
} snapshot_t;

struct cloud_settings_cache_t {
    pthread_mutex_t lock;        /* guards now; held only to copy a value out */
    pthread_mutex_t loader;      /* one thread loads, the others wait for it */
    snapshot_t *now;
};

static int by_name(const void *a, const void *b)
{
    const cloud_setting_t *s = ((const entry_t *)a)->decl;

    return compare(s->app, s->key, ((const entry_t *)b)->decl);
}

static entry_t *find_entry(const snapshot_t *snap, const char *app, const char *key)
{
    int low = 0, high = snap->count;

    while (low < high) {
        int mid = (low + high) / 2;
        int order = compare(app, key, snap->entries[mid].decl);
        if (order == 0) return &snap->entries[mid];
        if (order < 0) high = mid;
        else low = mid + 1;
    }
    return NULL;
}

/* A value that does not fit its declaration (any more) counts as not set. */
static void offer(cloud_store_t *store, entry_t *e, const char *text, cloud_layer_t layer,
                  apr_pool_t *pool)
{
    cloud_setting_value_t value;
    cloud_err_t *err = cloud_setting_parse(&value, e->decl, text, pool);

    if (err) {
        CLOUD_LOG(store, WARN, "setting %s/%s: %s; ignored", e->decl->app, e->decl->key, err->msg);
        return;
    }
    e->text = apr_pstrdup(pool, text);
    e->layer = layer;
    e->value = value;
}

static void add_defaults(snapshot_t *snap, cloud_store_t *store)
{
    apr_array_header_t *entries = apr_array_make(snap->pool, 64, sizeof(entry_t));
    int i, kept = 0;

    for (i = 0; i < snap->tables; i++) {
        const cloud_setting_t *s = declared.tables[i];
        for (; s->app; s++) ((entry_t *)apr_array_push(entries))->decl = s;
    }
    snap->entries = (entry_t *)entries->elts;
    qsort(snap->entries, (size_t)entries->nelts, sizeof(entry_t), by_name);
    for (i = 0; i < entries->nelts; i++) {
        const cloud_setting_t *s = snap->entries[i].decl;
        if (kept > 0 && compare(s->app, s->key, snap->entries[kept - 1].decl) == 0) continue;
        snap->entries[kept].decl = s;
        snap->entries[kept].text = NULL;
        snap->entries[kept].layer = CLOUD_LAYER_DEFAULT;
        memset(&snap->entries[kept].value, 0, sizeof snap->entries[kept].value);
        if (s->def) offer(store, &snap->entries[kept], s->def, CLOUD_LAYER_DEFAULT, snap->pool);
        kept++;
    }
    snap->count = kept;
}

static cloud_err_t *add_database(snapshot_t *snap, cloud_ctx_t *ctx)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_stmt(&st, ctx->db, "SELECT app, key, value FROM setting", ctx->pool));
    while (!(err = cloud_stmt_step(&row, st, ctx->pool)) && row) {
        entry_t *e = find_entry(snap, cloud_col_text(st, 0), cloud_col_text(st, 1));
        /* Rows of features that are not loaded now stay for when they are. */
        if (e) offer(ctx->store, e, cloud_col_text(st, 2), CLOUD_LAYER_DATABASE, snap->pool);
    }
    cloud_stmt_done(st);
    return err;
}

static void add_file(snapshot_t *snap, cloud_store_t *store)
{
    const apr_table_t *file = cloud_store_file_settings(store);
    int i;

    for (i = 0; file && i < snap->count; i++) {
        entry_t *e = &snap->entries[i];
        const char *text = apr_table_get(
            file, apr_pstrcat(snap->pool, e->decl->app, "\n", e->decl->key, NULL));
        if (text) offer(store, e, text, CLOUD_LAYER_FILE, snap->pool);
    }
}

/* With a connection of its own: the caller's transaction may look at an older state. */
static cloud_err_t *load(snapshot_t **out, cloud_store_t *store, apr_uint64_t epoch,
                         apr_pool_t *pool)
{
    cloud_ctx_t *ctx = cloud_ctx_create(store, pool);
    snapshot_t *snap;
    apr_pool_t *own;
    cloud_err_t *err;

    if (apr_pool_create_unmanaged(&own) != APR_SUCCESS)
        return cloud_err(pool, CLOUD_E_INTERNAL, "Out of memory");
    snap = apr_pcalloc(own, sizeof *snap);
    snap->pool = own;
    snap->epoch = epoch;
    snap->tables = declared_count();
    snap->loaded = apr_time_now();
    add_defaults(snap, store);
    err = cloud_tx_begin(ctx, CLOUD_DB_READ);
    if (!err) {
        err = add_database(snap, ctx);
        cloud_tx_rollback(ctx);
    }
    if (err) {
        apr_pool_destroy(own);
        return err;
    }
    add_file(snap, store);
    *out = snap;
    return NULL;
}

/* ---- the cache of a store ---- */

static apr_status_t cache_close(void *baton)
{
    cloud_settings_cache_t *cache = baton;

    if (cache->now) apr_pool_destroy(cache->now->pool);
    cache->now = NULL;
    pthread_mutex_destroy(&cache->lock);
    pthread_mutex_destroy(&cache->loader);
    return APR_SUCCESS;
}

void cloud_settings_open(cloud_store_t *store)
{
    apr_pool_t *pool = cloud_store_pool(store);
    cloud_settings_cache_t *cache = apr_pcalloc(pool, sizeof *cache);

    pthread_mutex_init(&cache->lock, NULL);
    pthread_mutex_init(&cache->loader, NULL);
    apr_pool_cleanup_register(pool, cache, cache_close, apr_pool_cleanup_null);
    *cloud_store_settings_slot(store) = cache;
}

/* With the cache locked. */
static int is_current(const cloud_settings_cache_t *cache, apr_uint64_t epoch)
{
    return cache->now && cache->now->epoch == epoch && cache->now->tables == declared_count()
           && apr_time_now() - cache->now->loaded < MAX_AGE;
}

/* Puts snap in the place of what was there. */
static void replace(cloud_settings_cache_t *cache, snapshot_t *snap)
{
    snapshot_t *old;

    pthread_mutex_lock(&cache->lock);
    old = cache->now;
    cache->now = snap;
    pthread_mutex_unlock(&cache->lock);
    if (old) apr_pool_destroy(old->pool);
}

static cloud_err_t *renew(cloud_settings_cache_t *cache, cloud_ctx_t *ctx)
{
    snapshot_t *snap = NULL;
    cloud_err_t *err = NULL;
    apr_uint64_t epoch;
    apr_pool_t *pool;
    int current;

    apr_pool_create(&pool, ctx->pool);
    pthread_mutex_lock(&cache->loader);
    /* Read before the rows: a change in between makes this snapshot old, never new too early. */
    epoch = cloud_shm_settings_epoch(cloud_store_shm(ctx->store));
    pthread_mutex_lock(&cache->lock);
    current = is_current(cache, epoch);
    pthread_mutex_unlock(&cache->lock);
    if (!current) err = load(&snap, ctx->store, epoch, pool);
    if (snap) replace(cache, snap);
    pthread_mutex_unlock(&cache->loader);
    if (err)
        err = cloud_err_create(err->file, err->line, ctx->pool, err->code, "%s",
                               err->cause ? err->cause : err->msg);
    apr_pool_destroy(pool);
    return err;
}

/* Gives the entry with the cache locked: the caller copies and unlocks. *e NULL (also locked): the
 * setting is not declared. */
static cloud_err_t *lookup(const entry_t **e, cloud_settings_cache_t **out, cloud_ctx_t *ctx,
                           const char *app, const char *key)
{
    cloud_settings_cache_t *cache = *cloud_store_settings_slot(ctx->store);
    cloud_shm_t *shm = cloud_store_shm(ctx->store);

    *out = cache;
    pthread_mutex_lock(&cache->lock);
    if (!is_current(cache, cloud_shm_settings_epoch(shm))) {
        pthread_mutex_unlock(&cache->lock);
        CLOUD_ERR(renew(cache, ctx));
        pthread_mutex_lock(&cache->lock);
    }
    *e = find_entry(cache->now, app, key);
    return NULL;
}

/* ---- asking ---- */

cloud_err_t *cloud_setting_get(const char **value, cloud_layer_t *layer, cloud_ctx_t *ctx,
                               const char *app, const char *key)
{
    cloud_settings_cache_t *cache;
    const entry_t *e;

    CLOUD_ERR(lookup(&e, &cache, ctx, app, key));
    *value = e ? apr_pstrdup(ctx->pool, e->text) : NULL;
    if (layer) *layer = e ? e->layer : CLOUD_LAYER_DEFAULT;
    pthread_mutex_unlock(&cache->lock);
    return NULL;
}

static cloud_err_t *wrong_type(cloud_ctx_t *ctx, const char *app, const char *key)
{
    return cloud_err(ctx->pool, CLOUD_E_INTERNAL, "Setting %s/%s is not declared as that type",
                     app, key);
}

static cloud_err_t *get_number(apr_int64_t *value, cloud_ctx_t *ctx, const char *app,
                               const char *key, unsigned types)
{
    cloud_settings_cache_t *cache;
    const entry_t *e;
    int found;

    CLOUD_ERR(lookup(&e, &cache, ctx, app, key));
    found = e && (types & 1u << e->decl->type);
    if (found) *value = e->value.number;
    pthread_mutex_unlock(&cache->lock);
    return found ? NULL : wrong_type(ctx, app, key);
}

cloud_err_t *cloud_setting_bool(int *value, cloud_ctx_t *ctx, const char *app, const char *key)
{
    apr_int64_t number = 0;

    CLOUD_ERR(get_number(&number, ctx, app, key, 1u << CLOUD_SET_BOOL));
    *value = number != 0;
    return NULL;
}

cloud_err_t *cloud_setting_int(apr_int64_t *value, cloud_ctx_t *ctx, const char *app,
                               const char *key)
{
    return get_number(value, ctx, app, key, 1u << CLOUD_SET_INT | 1u << CLOUD_SET_SIZE);
}

static const char **copy_list(const char **list, apr_pool_t *pool)
{
    int i, n = 0;
    const char **out;

    while (list[n]) n++;
    out = apr_palloc(pool, ((apr_size_t)n + 1) * sizeof *out);
    for (i = 0; i < n; i++) out[i] = apr_pstrdup(pool, list[i]);
    out[n] = NULL;
    return out;
}

cloud_err_t *cloud_setting_list(const char ***value, cloud_ctx_t *ctx, const char *app,
                                const char *key)
{
    cloud_settings_cache_t *cache;
    const entry_t *e;
    int found;

    CLOUD_ERR(lookup(&e, &cache, ctx, app, key));
    found = e && e->value.list;
    if (found) *value = copy_list(e->value.list, ctx->pool);
    pthread_mutex_unlock(&cache->lock);
    return found ? NULL : wrong_type(ctx, app, key);
}

cloud_err_t *cloud_setting_each(cloud_ctx_t *ctx, cloud_setting_fn *fn, void *baton)
{
    cloud_settings_cache_t *cache;
    const entry_t *e;
    entry_t *copy;
    apr_pool_t *pool;
    cloud_err_t *err = NULL;
    int i, n;

    CLOUD_ERR(lookup(&e, &cache, ctx, "", ""));
    n = cache->now->count;
    copy = apr_pmemdup(ctx->pool, cache->now->entries, (apr_size_t)n * sizeof *copy);
    for (i = 0; i < n; i++) copy[i].text = apr_pstrdup(ctx->pool, copy[i].text);
    pthread_mutex_unlock(&cache->lock);
    apr_pool_create(&pool, ctx->pool);
    for (i = 0; i < n && !err; i++) {
        apr_pool_clear(pool);
        err = fn(baton, copy[i].decl, copy[i].text, copy[i].layer, pool);
    }
    /* An error may lie in the pool: then it goes with the context's. */
    if (!err) apr_pool_destroy(pool);
    return err;
}

/* ---- changing ---- */

static cloud_err_t *write_row(cloud_ctx_t *ctx, const char *app, const char *key,
                              const char *value)
{
    if (!value)
        return cloud_db_run(ctx->db, NULL, ctx->pool,
                            "DELETE FROM setting WHERE app = ?1 AND key = ?2", "tt", app, key);
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO setting (app, key, value) VALUES (?1, ?2, ?3)"
                        " ON CONFLICT (app, key) DO UPDATE SET value = excluded.value",
                        "ttt", app, key, value);
}

/* Another setting as it is in force, or the one at hand as it shall be. */
typedef struct {
    cloud_ctx_t *ctx;
    const char *app, *key, *value;
    cloud_err_t *err;
} peers_t;

static const char *peer(void *baton, const char *app, const char *key)
{
    peers_t *p = baton;
    const char *text = NULL;
    cloud_err_t *err;

    if (strcmp(app, p->app) == 0 && strcmp(key, p->key) == 0) return p->value;
    err = cloud_setting_get(&text, NULL, p->ctx, app, key);
    if (!p->err) p->err = err;
    return text;
}

static cloud_err_t *check_order(cloud_ctx_t *ctx, const char *app, const char *key,
                                const char *value)
{
    peers_t p = { ctx, app, key, value, NULL };
    cloud_err_t *err = cloud_settings_check_order(app, key, peer, &p, ctx->pool);

    return p.err ? p.err : err;
}

cloud_err_t *cloud_setting_set(cloud_ctx_t *ctx, const char *app, const char *key,
                               const char *value)
{
    const cloud_setting_t *s = cloud_setting_find(app, key);
    cloud_err_t *err;

    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    if (!s) return cloud_err(ctx->pool, CLOUD_E_INVALID, "There is no setting %s/%s", app, key);
    if (value) CLOUD_ERR(cloud_setting_check(s, value, ctx->pool));
    CLOUD_ERR(check_order(ctx, app, key, value));
    /* The others are told after the commit, so it must not be part of a longer transaction. */
    if (ctx->tx_depth > 0)
        return cloud_err(ctx->pool, CLOUD_E_INTERNAL, "Setting changed inside a transaction");
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_tx_end(ctx, write_row(ctx, app, key, value));
    /* Also when the sync failed: the row may be there. */
    cloud_shm_settings_changed(cloud_store_shm(ctx->store));
    return err;
}

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Rows to the spool, and from the spool to the writer. */
#include "listing_private.h"

#include "lockxml.h"
#include "names.h"
#include "space.h"

/* Memory for rows before they go to a file: some 2,000 rows. */
#define SPOOL_MEMORY (256 * 1024)

/* ---- records of the spool ---- */

enum { RECORD_PREFIX, RECORD_ROW };

/* A row: this, then locks, name and its NUL, etag, sums, extra, dead properties. */
typedef struct {
    unsigned char kind, flags, perms, etag_len;
    apr_uint16_t name_len, sums_len;
    apr_uint32_t extra_len, dead_len, dead_size, locks_len;
    apr_int64_t id, size, mtime, created;
    const char *type;
    int owner;
} record_t;

apr_int64_t cloud_listing_rows(const cloud_listing_t *l)
{
    return l->rows;
}

cloud_dav_view_t *cloud_listing_view(cloud_listing_t *l)
{
    return l->view;
}

cloud_err_t *cloud_listing_prefix(cloud_listing_t *l, const char *href)
{
    apr_size_t len = strlen(href);
    char *record;

    CLOUD_ERR(cloud_spool_add((void **)&record, l->spool, len + 1));
    record[0] = RECORD_PREFIX;
    memcpy(record + 1, href, len);
    return NULL;
}

/* Dead properties as ns NUL name NUL value NUL lang NUL. */
static apr_size_t dead_size(const cloud_dav_row_t *row)
{
    apr_size_t size = 0;

    for (int i = 0; i < row->dead_len; i++) {
        const cloud_prop_t *p = &row->dead[i];

        size += strlen(p->ns) + strlen(p->name) + strlen(p->value) +
                (p->lang ? strlen(p->lang) : 0) + 4;
    }
    return size;
}

static char *put_mem(char *to, const void *data, apr_size_t len)
{
    if (len) memcpy(to, data, len);
    return to + len;
}

static char *put_str(char *to, const char *s)
{
    return put_mem(to, s ? s : "", (s ? strlen(s) : 0) + 1);
}

static char *put_dead(char *to, const cloud_dav_row_t *row)
{
    for (int i = 0; i < row->dead_len; i++) {
        const cloud_prop_t *p = &row->dead[i];

        to = put_str(put_str(put_str(put_str(to, p->ns), p->name), p->value), p->lang);
    }
    return to;
}

cloud_err_t *cloud_listing_row(cloud_listing_t *l, const cloud_dav_row_t *row)
{
    record_t head = {RECORD_ROW,
                     (unsigned char)row->flags,
                     (unsigned char)row->perms,
                     (unsigned char)row->etag_len,
                     (apr_uint16_t)row->name_len,
                     (apr_uint16_t)row->sums.len,
                     (apr_uint32_t)row->extra_len,
                     (apr_uint32_t)row->dead_len,
                     (apr_uint32_t)(row->dead_len ? dead_size(row) : 0),
                     (apr_uint32_t)row->locks_len,
                     row->id,
                     row->size,
                     row->mtime,
                     row->created,
                     row->type,
                     row->owner};
    apr_size_t locks = (apr_size_t)row->locks_len * sizeof(int);
    apr_size_t len = sizeof(head) + locks + head.name_len + 1 + head.etag_len + head.sums_len +
                     head.extra_len + head.dead_size;
    void *record;
    char *to;

    CLOUD_ERR(cloud_spool_add(&record, l->spool, len));
    to = put_mem(record, &head, sizeof(head));
    to = put_mem(to, row->locks, locks);
    to = put_mem(to, row->name, head.name_len);
    *to++ = '\0';
    to = put_mem(to, row->etag, head.etag_len);
    to = put_mem(to, row->sums.data, head.sums_len);
    to = put_mem(to, row->extra, head.extra_len);
    if (row->dead_len) put_dead(to, row);
    l->rows++;
    return NULL;
}

/* ---- reading them again ---- */

static const char *take_str(const char **from)
{
    const char *s = *from;

    *from += strlen(s) + 1;
    return s;
}

static const cloud_prop_t *take_dead(const char *from, const record_t *head, apr_pool_t *pool)
{
    cloud_prop_t *dead = apr_palloc(pool, head->dead_len * sizeof(*dead));

    for (apr_uint32_t i = 0; i < head->dead_len; i++) {
        dead[i].ns = take_str(&from);
        dead[i].name = take_str(&from);
        dead[i].value = take_str(&from);
        dead[i].lang = take_str(&from);
        if (!*dead[i].lang) dead[i].lang = NULL;
    }
    return dead;
}

/* The row points into the record. */
static void take_row(cloud_dav_row_t *row, const char *record, apr_pool_t *pool)
{
    const record_t *head = (const record_t *)(const void *)record;
    const char *p = record + sizeof(*head);

    row->flags = head->flags;
    row->perms = head->perms;
    row->id = head->id;
    row->size = head->size;
    row->mtime = head->mtime;
    row->created = head->created;
    row->type = head->type;
    row->owner = head->owner;
    row->locks = (const int *)(const void *)p;
    row->locks_len = (int)head->locks_len;
    p += head->locks_len * sizeof(int);
    row->name = p;
    row->name_len = head->name_len;
    p += head->name_len + 1;
    row->etag = p;
    row->etag_len = head->etag_len;
    p += head->etag_len;
    row->sums.data = (const unsigned char *)p;
    row->sums.len = head->sums_len;
    p += head->sums_len;
    row->extra = p;
    row->extra_len = head->extra_len;
    p += head->extra_len;
    row->dead_len = (int)head->dead_len;
    row->dead = head->dead_len ? take_dead(p, head, pool) : NULL;
}

static void write_locks(cloud_listing_t *l)
{
    apr_array_header_t *texts;

    if (!l->locks) return;
    texts = apr_array_make(l->pool, l->locks->nelts, sizeof(const char *));
    for (int i = 0; i < l->locks->nelts; i++) {
        const cloud_lock_t *lock = &APR_ARRAY_IDX(l->locks, i, cloud_lock_t);

        APR_ARRAY_PUSH(texts, const char *) = cloud_dav_activelock(lock, l->t, l->pool);
    }
    l->view->locks = texts;
}

cloud_err_t *cloud_listing_write(cloud_listing_t *l, cloud_out_t *out)
{
    char *prefix = NULL;
    apr_size_t prefix_len = 0, prefix_size = 0, len;
    cloud_dav_row_t row;
    const void *record;

    write_locks(l);
    for (;;) {
        CLOUD_ERR(cloud_spool_next(&record, &len, l->spool));
        if (!record || out->status != APR_SUCCESS) return NULL;
        if (*(const char *)record == RECORD_PREFIX) {
            if (len > prefix_size) {
                prefix_size = 2 * len;
                prefix = apr_palloc(l->pool, prefix_size);
            }
            prefix_len = len - 1;
            memcpy(prefix, (const char *)record + 1, prefix_len);
            continue;
        }
        take_row(&row, record, l->scratch);
        cloud_propreq_row(out, l->req, l->view, prefix, prefix_len, &row);
        if (row.dead_len) apr_pool_clear(l->scratch);
    }
}

/* ---- what is loaded once ---- */

int cloud_listing_owner(cloud_listing_t *l, apr_int64_t number, const char *id, const char *name)
{
    cloud_dav_view_t *view = l->view;
    cloud_dav_owner_t *owner;
    apr_int64_t *key;
    int at;

    if (number == l->last_owner_number) return l->last_owner;
    if (!view->owners) {
        view->owners = apr_array_make(l->pool, 1, sizeof(cloud_dav_owner_t));
        l->owners = apr_hash_make(l->pool);
    }
    at = (int)(apr_uintptr_t)apr_hash_get(l->owners, &number, sizeof(number)) - 1;
    if (at < 0) {
        at = view->owners->nelts;
        owner = apr_array_push(view->owners);
        owner->id = id ? apr_pstrdup(l->pool, id) : NULL;
        owner->name = name && cloud_name_xml_ok(name) ? apr_pstrdup(l->pool, name) : owner->id;
        key = apr_pmemdup(l->pool, &number, sizeof(number));
        apr_hash_set(l->owners, key, sizeof(*key), (void *)(apr_uintptr_t)(at + 1));
    }
    l->last_owner_number = number;
    l->last_owner = at;
    return at;
}

cloud_err_t *cloud_listing_quota(cloud_listing_t *l, const cloud_entry_t *entry)
{
    apr_int64_t quota, used = entry->node.size;

    if (!(l->need & CLOUD_NEED_QUOTA)) return NULL;
    CLOUD_ERR(cloud_account_limit(&quota, l->ctx, entry->owner));
    l->view->quota_free = CLOUD_QUOTA_UNLIMITED;
    if (quota < 0) return NULL;
    /* The root's own row says it. */
    if (entry->node.id != entry->owner->root)
        CLOUD_ERR(cloud_account_usage(&quota, &used, l->ctx, entry->owner));
    l->view->quota_free = quota > used ? quota - used : 0;
    return NULL;
}

/* All of them, by one statement, however many rows there will be. */
static cloud_err_t *load_favorites(cloud_listing_t *l)
{
    apr_array_header_t *nodes;

    CLOUD_ERR(cloud_favorite_list(&nodes, l->ctx, l->pool));
    if (nodes->nelts) l->favorites = nodes;
    return NULL;
}

static void load_fileid_tail(cloud_listing_t *l)
{
    char buf[CLOUD_FILEID_MAX];

    cloud_fileid(buf, l->ctx->store, 10000000);
    l->view->fileid_tail = apr_pstrdup(l->pool, buf + strspn(buf, "0123456789"));
    l->view->fileid_tail_len = strlen(l->view->fileid_tail);
}

cloud_err_t *cloud_listing_create(cloud_listing_t **listing, cloud_ctx_t *ctx,
                                  const cloud_dav_target_t *t, cloud_propreq_t *req,
                                  apr_pool_t *pool)
{
    cloud_listing_t *l = apr_pcalloc(pool, sizeof(*l));
    cloud_dav_view_t *view = apr_pcalloc(pool, sizeof(*view));

    l->ctx = ctx;
    l->t = t;
    l->req = req;
    l->need = cloud_propreq_need(req);
    /* What is the owner's own is nobody else's. */
    if (t->view) l->need &= ~(CLOUD_NEED_DEAD | CLOUD_NEED_FAVORITES);
    l->pool = pool;
    apr_pool_create(&l->scratch, pool);
    l->spool = cloud_spool_create(SPOOL_MEMORY, NULL, pool);
    l->view = view;
    l->folder = "";
    view->pool = pool;
    view->store = ctx->store;
    view->owner = t->account;
    if (t->account)
        cloud_listing_owner(l, t->account->number, t->account->id, t->account->display_name);
    view->supportedlock = t->view ? NULL : cloud_dav_supportedlock;
    load_fileid_tail(l);
    if (t->kind == CLOUD_DAV_FILES) {
        if (l->need & CLOUD_NEED_FINGERPRINT)
            CLOUD_ERR(cloud_store_fingerprint(&view->fingerprint, ctx));
        if (l->need & CLOUD_NEED_FAVORITES) CLOUD_ERR(load_favorites(l));
        CLOUD_ERR(cloud_dav_expect(view, ctx, l->need));
    }
    *listing = l;
    return NULL;
}

cloud_err_t *cloud_listing_complete(cloud_listing_t *l)
{
    return l->t->kind == CLOUD_DAV_FILES ? cloud_dav_load(l->view, l->ctx, l->need) : NULL;
}

/* ---- spaces of features ---- */

static cloud_err_t *sink_at(cloud_dav_sink_t *sink, const char *path)
{
    return cloud_listing_prefix(sink->listing, cloud_dav_href(sink->t, path, 1,
                                                              sink->listing->pool));
}

static cloud_err_t *sink_row(cloud_dav_sink_t *sink, const cloud_dav_row_t *row)
{
    return cloud_listing_row(sink->listing, row);
}

static cloud_err_t *list_space(cloud_listing_t *l, int depth)
{
    cloud_dav_sink_t sink = {sink_at, sink_row, l->view, l->need, l, l->t};

    if (!l->t->space->list) return cloud_err(l->pool, CLOUD_E_NOT_ALLOWED, NULL);
    return l->t->space->list(&sink, l->ctx, l->t, depth, l->pool);
}

cloud_err_t *cloud_listing_target(cloud_listing_t *l, int depth)
{
    static cloud_err_t *(*const kinds[])(cloud_listing_t *, int) = {
        [CLOUD_DAV_PARENT] = cloud_listing_parent,   [CLOUD_DAV_FILES] = cloud_listing_files,
        [CLOUD_DAV_UPLOADS] = cloud_listing_uploads, [CLOUD_DAV_SESSION] = cloud_listing_session,
        [CLOUD_DAV_CHUNK] = cloud_listing_chunk,     [CLOUD_DAV_ASSEMBLY] = cloud_listing_chunk,
        [CLOUD_DAV_SPACE] = list_space,
    };

    return kinds[l->t->kind](l, depth);
}

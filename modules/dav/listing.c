/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Rows from the tree to the spool, and from the spool to the writer. */
#include "listing.h"

#include "lockxml.h"
#include "names.h"
#include "spool.h"
#include "upload.h"

/* Memory for rows before they go to a file: some 2,000 rows. */
#define SPOOL_MEMORY (256 * 1024)

/* Depth infinity ends here. */
#define MAX_ROWS    1000000
#define MAX_FOLDERS 100000

/* ---- records of the spool ---- */

enum { RECORD_PREFIX, RECORD_ROW };

/* A row: this, then name and its NUL, etag, sums, extra, dead properties, padding, locks. */
typedef struct {
    unsigned char kind, flags, perms, etag_len;
    apr_uint16_t name_len, sums_len;
    apr_uint32_t extra_len, dead_len, dead_size, locks_len;
    apr_int64_t id, size, mtime, created;
} record_t;

struct cloud_listing_t {
    cloud_ctx_t *ctx;
    const cloud_dav_target_t *t;
    cloud_propreq_t *req;
    unsigned need;
    apr_pool_t *pool, *scratch;     /* scratch: cleared after each row that used it */
    cloud_spool_t *spool;
    cloud_dav_view_t *view;
    apr_int64_t rows;

    apr_array_header_t *locks;      /* of cloud_lock_t; NULL: there are none */
    apr_hash_t *own;                /* node id -> index of the first lock on it, + 1 */
    int *next;                      /* of the same node, -1 at the end */
    int *inherited, inherited_len;  /* locks that cover all members of the folder being listed */

    apr_array_header_t *queue;      /* Depth infinity: paths of folders still to be listed */
    const char *folder;             /* path of the folder being listed */
};

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
                     row->created};
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

/* What a name looks like to clients: as it was given, unless another one got that spelling. */
static const char *shown_name(const cloud_node_t *node, apr_pool_t *pool)
{
    const char *nfc;

    if (node->disk == node->name || strcmp(node->disk, node->name) == 0) return node->name;
    nfc = cloud_name_nfc(node->disk, pool);
    return nfc && strcmp(nfc, node->name) == 0 ? node->disk : node->name;
}

static cloud_err_t *load_quota(cloud_listing_t *l)
{
    apr_int64_t quota, used;

    CLOUD_ERR(cloud_account_usage(&quota, &used, l->ctx, l->view->owner));
    if (quota < 0) l->view->quota_free = CLOUD_QUOTA_UNLIMITED;
    else l->view->quota_free = quota > used ? quota - used : 0;
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
    l->pool = pool;
    apr_pool_create(&l->scratch, pool);
    l->spool = cloud_spool_create(SPOOL_MEMORY, NULL, pool);
    l->view = view;
    l->folder = "";
    view->pool = pool;
    view->store = ctx->store;
    view->owner = t->account;
    view->owner_name = t->account ? t->account->display_name : NULL;
    if (view->owner_name && !cloud_name_xml_ok(view->owner_name))
        view->owner_name = t->account->id;
    view->supportedlock = cloud_dav_supportedlock;
    load_fileid_tail(l);
    if (t->kind == CLOUD_DAV_FILES) {
        if (l->need & CLOUD_NEED_QUOTA) CLOUD_ERR(load_quota(l));
        if (l->need & CLOUD_NEED_FINGERPRINT)
            CLOUD_ERR(cloud_store_fingerprint(&view->fingerprint, ctx));
    }
    *listing = l;
    return NULL;
}

/* ---- locks: one query for the whole listing ---- */

static int first_lock(const cloud_listing_t *l, const apr_int64_t *node)
{
    return (int)(apr_uintptr_t)apr_hash_get(l->own, node, sizeof(*node)) - 1;
}

static cloud_err_t *load_locks(cloud_listing_t *l, const cloud_entry_t *entry, int below)
{
    apr_array_header_t *locks;

    if (!(l->need & CLOUD_NEED_LOCKS)) return NULL;
    CLOUD_ERR(cloud_lock_find(&locks, l->ctx, entry, below, l->pool));
    if (!locks->nelts) return NULL;
    l->locks = locks;
    l->own = apr_hash_make(l->pool);
    l->next = apr_palloc(l->pool, (apr_size_t)locks->nelts * sizeof(int));
    l->inherited = apr_palloc(l->pool, (apr_size_t)locks->nelts * sizeof(int));
    for (int i = 0; i < locks->nelts; i++) {
        const apr_int64_t *node = &APR_ARRAY_IDX(locks, i, cloud_lock_t).node;

        l->next[i] = first_lock(l, node);
        apr_hash_set(l->own, node, sizeof(*node), (void *)(apr_uintptr_t)(i + 1));
    }
    return NULL;
}

static int is_above(const cloud_entry_t *entry, apr_int64_t node)
{
    for (int i = 0; i < entry->chain_len; i++) {
        if (entry->chain[i] == node) return 1;
    }
    return 0;
}

/* Locks from above that cover the entry (members 0) or all its members (members 1). */
static void inherit(cloud_listing_t *l, const cloud_entry_t *entry, int members)
{
    l->inherited_len = 0;
    for (int i = 0; l->locks && i < l->locks->nelts; i++) {
        const cloud_lock_t *lock = &APR_ARRAY_IDX(l->locks, i, cloud_lock_t);

        if (!lock->infinite) continue;
        if (is_above(entry, lock->node) || (members && lock->node == entry->node.id))
            l->inherited[l->inherited_len++] = i;
    }
}

static void find_locks(cloud_dav_row_t *row, cloud_listing_t *l)
{
    int *found, n = l->inherited_len, first = first_lock(l, &row->id);

    if (first < 0 && !n) return;
    found = apr_palloc(l->scratch, (apr_size_t)l->locks->nelts * sizeof(int));
    memcpy(found, l->inherited, (apr_size_t)n * sizeof(int));
    for (int i = first; i >= 0; i = l->next[i]) found[n++] = i;
    row->locks = found;
    row->locks_len = n;
}

/* ---- nodes ---- */

static cloud_err_t *add_node(cloud_listing_t *l, const cloud_node_t *node, const char *name,
                             unsigned perms, int mounted, int shared)
{
    char etag[CLOUD_ETAG_MAX];
    cloud_dav_row_t row = {0};
    cloud_err_t *err;

    row.flags = CLOUD_ROW_NODE | (CLOUD_IS_DIR(node) ? CLOUD_ROW_DIR : 0) |
                (shared ? CLOUD_ROW_SHARED : 0) | (mounted ? CLOUD_ROW_MOUNTED : 0) |
                (node->kind == CLOUD_KIND_ROOT ? CLOUD_ROW_ROOT : 0);
    row.perms = perms;
    row.id = node->id;
    row.size = node->size;
    row.mtime = node->mtime;
    row.created = node->created ? node->created : CLOUD_ROW_UNKNOWN;
    row.name = name;
    row.name_len = strlen(name);
    if (l->need & CLOUD_NEED_ETAG) {
        row.etag = cloud_etag(etag, node);
        row.etag_len = strlen(etag);
    }
    if (l->need & CLOUD_NEED_SUMS) row.sums = node->sums;
    if (!l->locks && !((l->need & CLOUD_NEED_DEAD) && (node->flags & CLOUD_NODE_PROPS)))
        return cloud_listing_row(l, &row);

    /* The rare ones. */
    if (l->locks) find_locks(&row, l);
    if ((l->need & CLOUD_NEED_DEAD) && (node->flags & CLOUD_NODE_PROPS)) {
        apr_array_header_t *props;

        CLOUD_ERR(cloud_props_get(&props, l->ctx, node->id, l->scratch));
        row.dead = (const cloud_prop_t *)(const void *)props->elts;
        row.dead_len = props->nelts;
    }
    err = cloud_listing_row(l, &row);
    apr_pool_clear(l->scratch);
    return err;
}

static cloud_err_t *add_child(void *baton, const cloud_child_t *child)
{
    cloud_listing_t *l = baton;
    const cloud_node_t *node = child->node;
    const char *name = node->name;
    cloud_err_t *err;

    if (node->disk != name) name = shown_name(node, l->scratch);
    if (l->queue) {
        if (l->rows >= MAX_ROWS || l->queue->nelts >= MAX_FOLDERS)
            return cloud_err(l->pool, CLOUD_E_PRECONDITION,
                             "Depth infinity is not supported for so large a tree");
        if (CLOUD_IS_DIR(node))
            APR_ARRAY_PUSH(l->queue, const char *) =
                apr_pstrcat(l->pool, l->folder, *l->folder ? "/" : "", name, NULL);
    }
    err = add_node(l, node, name, child->perms, child->mounted, child->shared);
    if (node->disk != node->name) apr_pool_clear(l->scratch);
    return err;
}

/* href of the collection that path lies in. */
static const char *parent_href(const cloud_dav_target_t *t, const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');

    if (!slash) return cloud_dav_href(t, "", 1, pool);
    return cloud_dav_href(t, apr_pstrmemdup(pool, path, (apr_size_t)(slash - path)), 1, pool);
}

static cloud_err_t *add_self(cloud_listing_t *l, const cloud_entry_t *entry)
{
    inherit(l, entry, 0);
    CLOUD_ERR(cloud_listing_prefix(l, parent_href(l->t, entry->path, l->pool)));
    return add_node(l, &entry->node, entry->name, entry->perms, entry->mounted, entry->shared);
}

static cloud_err_t *add_members(cloud_listing_t *l, const cloud_entry_t *folder)
{
    inherit(l, folder, 1);
    l->folder = folder->path;
    CLOUD_ERR(cloud_listing_prefix(l, cloud_dav_href(l->t, folder->path, 1, l->pool)));
    return cloud_file_list(l->ctx, folder, add_child, l);
}

/* Breadth first: a folder is listed when the statement that found it has ended. */
static cloud_err_t *add_tree(cloud_listing_t *l, const cloud_entry_t *folder)
{
    cloud_entry_t *entry;
    apr_pool_t *iter;
    cloud_err_t *err;

    l->queue = apr_array_make(l->pool, 64, sizeof(const char *));
    CLOUD_ERR(add_members(l, folder));
    apr_pool_create(&iter, l->pool);
    for (int i = 0; i < l->queue->nelts; i++) {
        apr_pool_clear(iter);
        err = cloud_file_stat(&entry, l->ctx, l->t->account,
                              APR_ARRAY_IDX(l->queue, i, const char *), iter);
        if (!err) err = add_members(l, entry);
        if (err) return err;
    }
    apr_pool_destroy(iter);
    return NULL;
}

static cloud_err_t *list_files(cloud_listing_t *l, int depth)
{
    cloud_entry_t *entry;

    CLOUD_ERR(cloud_file_stat(&entry, l->ctx, l->t->account, l->t->path, l->pool));
    CLOUD_ERR(load_locks(l, entry, depth != 0));
    CLOUD_ERR(add_self(l, entry));
    if (depth == 0 || !CLOUD_IS_DIR(&entry->node)) return NULL;
    return depth < 0 ? add_tree(l, entry) : add_members(l, entry);
}

cloud_err_t *cloud_listing_scope(cloud_listing_t *l, const cloud_entry_t *entry)
{
    return load_locks(l, entry, 1);
}

cloud_err_t *cloud_listing_entry(cloud_listing_t *l, const cloud_entry_t *entry)
{
    return add_self(l, entry);
}

/* ---- what is not in the tree ---- */

/* A collection that is only a place. */
static cloud_err_t *add_place(cloud_listing_t *l, const char *name)
{
    cloud_dav_row_t row = {.flags = CLOUD_ROW_DIR,
                           .size = CLOUD_ROW_UNKNOWN,
                           .mtime = CLOUD_ROW_UNKNOWN,
                           .created = CLOUD_ROW_UNKNOWN,
                           .name = name,
                           .name_len = strlen(name)};

    return cloud_listing_row(l, &row);
}

/* Collections above the spaces; NULL: named after the account. */
static const char *const places_dav[] = {"files", "uploads", NULL};

static cloud_err_t *list_parent(cloud_listing_t *l, int depth)
{
    const char *last = strrchr(l->t->base, '/');
    int is_top = last && strcmp(last, "/dav") == 0;

    CLOUD_ERR(cloud_listing_prefix(l, cloud_dav_href(l->t, "", 1, l->pool)));
    CLOUD_ERR(add_place(l, ""));
    if (depth == 0) return NULL;
    if (!is_top) return l->t->account ? add_place(l, l->t->account->id) : NULL;
    for (const char *const *p = places_dav; *p; p++) CLOUD_ERR(add_place(l, *p));
    return NULL;
}

static cloud_err_t *add_session(cloud_listing_t *l, const cloud_upload_t *up, const char *name)
{
    cloud_dav_row_t row = {.flags = CLOUD_ROW_DIR,
                           .size = CLOUD_ROW_UNKNOWN,
                           .mtime = apr_time_sec(up->touched),
                           .created = apr_time_sec(up->created),
                           .name = name,
                           .name_len = strlen(name)};

    return cloud_listing_row(l, &row);
}

static cloud_err_t *list_uploads(cloud_listing_t *l, int depth)
{
    apr_array_header_t *ups;

    CLOUD_ERR(cloud_listing_prefix(l, cloud_dav_href(l->t, "", 1, l->pool)));
    CLOUD_ERR(add_place(l, ""));
    if (depth == 0) return NULL;
    CLOUD_ERR(cloud_upload_list(&ups, l->ctx, l->t->account, l->pool));
    for (int i = 0; i < ups->nelts; i++) {
        const cloud_upload_t *up = &APR_ARRAY_IDX(ups, i, cloud_upload_t);

        CLOUD_ERR(add_session(l, up, up->name));
    }
    return NULL;
}

/* A chunk is replaced as a whole: size and time tell one from another. */
static cloud_err_t *add_chunk(cloud_listing_t *l, const char *name, apr_int64_t size,
                              apr_time_t written)
{
    const char *etag = apr_psprintf(l->pool, "%" APR_UINT64_T_HEX_FMT "%" APR_UINT64_T_HEX_FMT,
                                    (apr_uint64_t)written, (apr_uint64_t)size);
    cloud_dav_row_t row = {.size = size,
                           .mtime = apr_time_sec(written),
                           .created = CLOUD_ROW_UNKNOWN,
                           .name = name,
                           .name_len = strlen(name),
                           .etag = etag,
                           .etag_len = strlen(etag)};

    return cloud_listing_row(l, &row);
}

static cloud_err_t *add_assembly(cloud_listing_t *l, const cloud_upload_t *up)
{
    return add_chunk(l, ".file", up->received, up->touched);
}

static cloud_err_t *list_session(cloud_listing_t *l, int depth)
{
    apr_array_header_t *chunks;
    cloud_upload_t *up;

    CLOUD_ERR(cloud_upload_get(&up, l->ctx, l->t->account, l->t->session, l->pool));
    CLOUD_ERR(cloud_listing_prefix(l, cloud_dav_href(l->t, "", 1, l->pool)));
    CLOUD_ERR(add_session(l, up, l->t->session));
    if (depth == 0) return NULL;
    CLOUD_ERR(cloud_listing_prefix(l, cloud_dav_href(l->t, l->t->session, 1, l->pool)));
    CLOUD_ERR(cloud_chunk_list(&chunks, l->ctx, up, l->pool));
    for (int i = 0; i < chunks->nelts; i++) {
        const cloud_chunk_t *c = &APR_ARRAY_IDX(chunks, i, cloud_chunk_t);

        CLOUD_ERR(add_chunk(l, c->name, c->size, c->written));
    }
    return add_assembly(l, up);
}

static cloud_err_t *list_chunk(cloud_listing_t *l, int depth)
{
    apr_array_header_t *chunks;
    cloud_upload_t *up;

    (void)depth;
    CLOUD_ERR(cloud_upload_get(&up, l->ctx, l->t->account, l->t->session, l->pool));
    CLOUD_ERR(cloud_listing_prefix(l, cloud_dav_href(l->t, l->t->session, 1, l->pool)));
    if (l->t->kind == CLOUD_DAV_ASSEMBLY) return add_assembly(l, up);
    CLOUD_ERR(cloud_chunk_list(&chunks, l->ctx, up, l->pool));
    for (int i = 0; i < chunks->nelts; i++) {
        const cloud_chunk_t *c = &APR_ARRAY_IDX(chunks, i, cloud_chunk_t);

        if (strcmp(c->name, l->t->chunk) == 0)
            return add_chunk(l, c->name, c->size, c->written);
    }
    return cloud_err(l->pool, CLOUD_E_NOT_FOUND, "File with name %s could not be located",
                     l->t->chunk);
}

cloud_err_t *cloud_listing_target(cloud_listing_t *l, int depth)
{
    static cloud_err_t *(*const kinds[])(cloud_listing_t *, int) = {
        [CLOUD_DAV_PARENT] = list_parent,   [CLOUD_DAV_FILES] = list_files,
        [CLOUD_DAV_UPLOADS] = list_uploads, [CLOUD_DAV_SESSION] = list_session,
        [CLOUD_DAV_CHUNK] = list_chunk,     [CLOUD_DAV_ASSEMBLY] = list_chunk,
    };

    return kinds[l->t->kind](l, depth);
}

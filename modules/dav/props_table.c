/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The live properties. Their order in the table is their order in allprop. */
#include "props.h"

#include "names.h"

#define IS_DIR(row)  ((row)->flags & CLOUD_ROW_DIR)
#define IS_NODE(row) ((row)->flags & CLOUD_ROW_NODE)

#define MAX_REGISTERED 32

static const cloud_dav_prop_t *registered[MAX_REGISTERED];
static int registered_len;
typedef struct {
    cloud_dav_load_fn *expect, *load;
} loader_t;
static loader_t loaders[MAX_REGISTERED];
static int loaders_len;

/* ---- DAV: ---- */

static cloud_prop_state_t write_lastmodified(cloud_out_t *out, const cloud_dav_row_t *row,
                                             cloud_dav_view_t *view)
{
    (void)view;
    if (row->mtime == CLOUD_ROW_UNKNOWN) return CLOUD_PROP_ABSENT;
    cloud_out_date(out, row->mtime);
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_contentlength(cloud_out_t *out, const cloud_dav_row_t *row,
                                              cloud_dav_view_t *view)
{
    (void)view;
    if (IS_DIR(row) || row->size == CLOUD_ROW_UNKNOWN) return CLOUD_PROP_ABSENT;
    cloud_out_int(out, row->size);
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_resourcetype(cloud_out_t *out, const cloud_dav_row_t *row,
                                             cloud_dav_view_t *view)
{
    (void)view;
    if (!IS_DIR(row)) return CLOUD_PROP_EMPTY;
    cloud_out_lit(out, "<d:collection/>");
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_quota_used(cloud_out_t *out, const cloud_dav_row_t *row,
                                           cloud_dav_view_t *view)
{
    (void)view;
    if (!IS_DIR(row) || !IS_NODE(row)) return CLOUD_PROP_ABSENT;
    cloud_out_int(out, row->size);
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_quota_available(cloud_out_t *out, const cloud_dav_row_t *row,
                                                cloud_dav_view_t *view)
{
    if (!IS_DIR(row) || !IS_NODE(row)) return CLOUD_PROP_ABSENT;
    cloud_out_int(out, view->quota_free);
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_etag(cloud_out_t *out, const cloud_dav_row_t *row,
                                     cloud_dav_view_t *view)
{
    (void)view;
    if (!row->etag_len) return CLOUD_PROP_ABSENT;
    cloud_out_lit(out, "&quot;");
    cloud_out_mem(out, row->etag, row->etag_len);
    cloud_out_lit(out, "&quot;");
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_contenttype(cloud_out_t *out, const cloud_dav_row_t *row,
                                            cloud_dav_view_t *view)
{
    (void)view;
    if (IS_DIR(row)) return CLOUD_PROP_ABSENT;
    /* Chunks have no name that says what they are. */
    if (row->type) cloud_out_str(out, row->type);
    else if (IS_NODE(row)) cloud_out_str(out, cloud_mime_type(row->name));
    else cloud_out_lit(out, "application/octet-stream");
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_displayname(cloud_out_t *out, const cloud_dav_row_t *row,
                                            cloud_dav_view_t *view)
{
    (void)view;
    if (!IS_NODE(row) || !row->name_len) return CLOUD_PROP_ABSENT;
    cloud_out_xml(out, row->name, row->name_len);
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_creationdate(cloud_out_t *out, const cloud_dav_row_t *row,
                                             cloud_dav_view_t *view)
{
    (void)view;
    if (row->created == CLOUD_ROW_UNKNOWN) return CLOUD_PROP_ABSENT;
    cloud_out_iso(out, row->created);
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_supportedlock(cloud_out_t *out, const cloud_dav_row_t *row,
                                              cloud_dav_view_t *view)
{
    if (!IS_NODE(row) || !view->supportedlock) return CLOUD_PROP_ABSENT;
    cloud_out_str(out, view->supportedlock);
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_lockdiscovery(cloud_out_t *out, const cloud_dav_row_t *row,
                                              cloud_dav_view_t *view)
{
    if (!IS_NODE(row)) return CLOUD_PROP_ABSENT;
    if (!row->locks_len) return CLOUD_PROP_EMPTY;
    for (int i = 0; i < row->locks_len; i++)
        cloud_out_str(out, APR_ARRAY_IDX(view->locks, row->locks[i], const char *));
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_reports(cloud_out_t *out, const cloud_dav_row_t *row,
                                        cloud_dav_view_t *view)
{
    if (!IS_NODE(row) || !view->reports) return CLOUD_PROP_EMPTY;
    cloud_out_str(out, view->reports);
    return CLOUD_PROP_VALUE;
}

/* ---- ownCloud's ---- */

static cloud_prop_state_t write_id(cloud_out_t *out, const cloud_dav_row_t *row,
                                   cloud_dav_view_t *view)
{
    if (!row->id) return CLOUD_PROP_ABSENT;
    for (apr_int64_t pad = 10000000; pad > row->id; pad /= 10) cloud_out_lit(out, "0");
    cloud_out_int(out, row->id);
    cloud_out_mem(out, view->fileid_tail, view->fileid_tail_len);
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_fileid(cloud_out_t *out, const cloud_dav_row_t *row,
                                       cloud_dav_view_t *view)
{
    (void)view;
    if (!row->id) return CLOUD_PROP_ABSENT;
    cloud_out_int(out, row->id);
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_permissions(cloud_out_t *out, const cloud_dav_row_t *row,
                                            cloud_dav_view_t *view)
{
    int dir = (row->flags & CLOUD_ROW_DIR) != 0, shared = (row->flags & CLOUD_ROW_SHARED) != 0;
    int mounted = (row->flags & CLOUD_ROW_MOUNTED) != 0;
    unsigned withheld = view->withheld | (shared ? view->withheld_shared : 0);
    unsigned perms = row->perms & (CLOUD_PERM_ALL | CLOUD_PERM_PLACE) & ~withheld;
    unsigned key = perms | (unsigned)dir << 6 | (unsigned)shared << 7 | (unsigned)mounted << 8;

    if (!IS_NODE(row)) return CLOUD_PROP_ABSENT;
    if (!view->letters[key].text) {
        view->letters[key].text = cloud_perm_letters(perms, dir, shared, mounted, view->pool);
        view->letters[key].len = strlen(view->letters[key].text);
    }
    cloud_out_mem(out, view->letters[key].text, view->letters[key].len);
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_size(cloud_out_t *out, const cloud_dav_row_t *row,
                                     cloud_dav_view_t *view)
{
    (void)view;
    if (!IS_NODE(row)) return CLOUD_PROP_ABSENT;
    cloud_out_int(out, row->size);
    return CLOUD_PROP_VALUE;
}

static const struct {
    unsigned char type;
    unsigned char bytes;
    const char *label;
} sums_known[] = {
    {CLOUD_DIGEST_SHA1, 20, "SHA1:"},
    {CLOUD_DIGEST_MD5, 16, "MD5:"},
    {CLOUD_DIGEST_ADLER32, 4, "ADLER32:"},
    {CLOUD_DIGEST_SHA256, 32, "SHA256:"},
};

static int find_sum(unsigned char type)
{
    for (int i = 0; i < (int)(sizeof(sums_known) / sizeof(sums_known[0])); i++) {
        if (sums_known[i].type == type) return i;
    }
    return -1;
}

static cloud_prop_state_t write_checksums(cloud_out_t *out, const cloud_dav_row_t *row,
                                          cloud_dav_view_t *view)
{
    const unsigned char *p = row->sums.data, *end;
    int first = 1, k;

    (void)view;
    if (IS_DIR(row) || !row->sums.len) return CLOUD_PROP_ABSENT;
    end = p + row->sums.len;
    cloud_out_lit(out, "<oc:checksum>");
    while (p < end && (k = find_sum(*p)) >= 0 && end - p > sums_known[k].bytes) {
        if (!first) cloud_out_lit(out, " ");
        cloud_out_str(out, sums_known[k].label);
        cloud_out_hex(out, p + 1, sums_known[k].bytes);
        p += 1 + sums_known[k].bytes;
        first = 0;
    }
    if (first) return CLOUD_PROP_ABSENT;
    cloud_out_lit(out, "</oc:checksum>");
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_fingerprint(cloud_out_t *out, const cloud_dav_row_t *row,
                                            cloud_dav_view_t *view)
{
    if (!IS_NODE(row)) return CLOUD_PROP_ABSENT;
    if (view->fingerprint) cloud_out_xml(out, view->fingerprint, strlen(view->fingerprint));
    return CLOUD_PROP_VALUE;
}

/* An element with nothing in it, until a feature registers a row that has more to say. */
static cloud_prop_state_t write_empty(cloud_out_t *out, const cloud_dav_row_t *row,
                                      cloud_dav_view_t *view)
{
    (void)out, (void)view;
    return IS_NODE(row) ? CLOUD_PROP_EMPTY : CLOUD_PROP_ABSENT;
}

static const cloud_dav_owner_t *owner_of(const cloud_dav_row_t *row, const cloud_dav_view_t *view)
{
    static const cloud_dav_owner_t nobody = {NULL, NULL};

    if (!view->owners || row->owner >= view->owners->nelts) return &nobody;
    return &APR_ARRAY_IDX(view->owners, row->owner, cloud_dav_owner_t);
}

static cloud_prop_state_t write_text(cloud_out_t *out, const char *text)
{
    if (!text) return CLOUD_PROP_ABSENT;
    cloud_out_xml(out, text, strlen(text));
    return CLOUD_PROP_VALUE;
}

static cloud_prop_state_t write_owner_id(cloud_out_t *out, const cloud_dav_row_t *row,
                                         cloud_dav_view_t *view)
{
    return write_text(out, IS_NODE(row) ? owner_of(row, view)->id : NULL);
}

static cloud_prop_state_t write_owner_name(cloud_out_t *out, const cloud_dav_row_t *row,
                                           cloud_dav_view_t *view)
{
    return write_text(out, IS_NODE(row) ? owner_of(row, view)->name : NULL);
}

static cloud_prop_state_t write_favorite(cloud_out_t *out, const cloud_dav_row_t *row,
                                         cloud_dav_view_t *view)
{
    (void)view;
    if (!IS_NODE(row)) return CLOUD_PROP_ABSENT;
    cloud_out_str(out, row->flags & CLOUD_ROW_FAVORITE ? "1" : "0");
    return CLOUD_PROP_VALUE;
}

/* What a recipient could be given at most. Nothing can be created in a file, and a file that is
 * shared by itself can't be deleted by its recipient. */
static cloud_prop_state_t write_share_permissions(cloud_out_t *out, const cloud_dav_row_t *row,
                                                  cloud_dav_view_t *view)
{
    unsigned mask = IS_DIR(row) ? CLOUD_PERM_ALL
                                : CLOUD_PERM_ALL & ~(CLOUD_PERM_CREATE | CLOUD_PERM_DELETE);

    (void)view;
    if (!IS_NODE(row)) return CLOUD_PROP_ABSENT;
    cloud_out_int(out, row->perms & mask);
    return CLOUD_PROP_VALUE;
}

#define DAV CLOUD_NS_DAV
#define OC  CLOUD_NS_OC
#define IN_LINK CLOUD_PROP_LINK
#define OF_LINK CLOUD_PROP_LINK_ROOT

static const cloud_dav_prop_t table[] = {
    {DAV, "getlastmodified", CLOUD_PROP_ALL | IN_LINK, 0, write_lastmodified},
    {DAV, "getcontentlength", CLOUD_PROP_ALL | IN_LINK, 0, write_contentlength},
    {DAV, "resourcetype", CLOUD_PROP_ALL | IN_LINK | OF_LINK, 0, write_resourcetype},
    {DAV, "quota-used-bytes", CLOUD_PROP_ALL, 0, write_quota_used},
    {DAV, "quota-available-bytes", CLOUD_PROP_ALL, CLOUD_NEED_QUOTA, write_quota_available},
    {DAV, "getetag", CLOUD_PROP_ALL | IN_LINK, CLOUD_NEED_ETAG, write_etag},
    {DAV, "getcontenttype", CLOUD_PROP_ALL | IN_LINK, 0, write_contenttype},
    {DAV, "displayname", CLOUD_PROP_SETTABLE, CLOUD_NEED_DEAD, write_displayname},
    {DAV, "creationdate", 0, 0, write_creationdate},
    {DAV, "supportedlock", 0, 0, write_supportedlock},
    {DAV, "lockdiscovery", IN_LINK | OF_LINK, CLOUD_NEED_LOCKS, write_lockdiscovery},
    {DAV, "supported-report-set", 0, 0, write_reports},
    {DAV, "current-user-principal", 0, 0, NULL},
    {DAV, "owner", 0, 0, NULL},
    {OC, "id", 0, 0, write_id},
    {OC, "fileid", IN_LINK, 0, write_fileid},
    {OC, "permissions", IN_LINK | OF_LINK, CLOUD_NEED_LETTERS, write_permissions},
    {OC, "size", IN_LINK, 0, write_size},
    {OC, "checksums", 0, CLOUD_NEED_SUMS, write_checksums},
    {OC, "data-fingerprint", 0, CLOUD_NEED_FINGERPRINT, write_fingerprint},
    {OC, "share-types", 0, 0, write_empty},
    {OC, "owner-id", IN_LINK, 0, write_owner_id},
    {OC, "owner-display-name", IN_LINK, 0, write_owner_name},
    {OC, "favorite", 0, CLOUD_NEED_FAVORITES, write_favorite},
    {OC, "tags", CLOUD_PROP_SETTABLE, CLOUD_NEED_DEAD, write_empty},
    {OC, "privatelink", 0, 0, NULL},
    {OC, "downloadURL", 0, 0, NULL},
    {OC, "dDC", 0, 0, NULL},
    {CLOUD_NS_OCS, "share-permissions", 0, 0, write_share_permissions},
    {NULL, NULL, 0, 0, NULL},
};

/* ---- looking up ---- */

static const cloud_dav_prop_t *find_in(const cloud_dav_prop_t *rows, const char *ns,
                                       const char *name)
{
    for (; rows->ns; rows++) {
        if (strcmp(rows->name, name) == 0 && strcmp(rows->ns, ns) == 0) return rows;
    }
    return NULL;
}

/* Features first, the latest one before the others. */
const cloud_dav_prop_t *cloud_dav_prop_find(const char *ns, const char *name)
{
    const cloud_dav_prop_t *prop;

    for (int i = registered_len - 1; i >= 0; i--) {
        if ((prop = find_in(registered[i], ns, name))) return prop;
    }
    return find_in(table, ns, name);
}

/* The row that follows, whatever takes its place. */
static const cloud_dav_prop_t *step(const cloud_dav_prop_t *prop)
{
    if (!prop) return table;
    if ((prop + 1)->ns) return prop + 1;
    if (find_in(table, prop->ns, prop->name) == prop) return registered_len ? registered[0] : NULL;
    for (int i = 0; i + 1 < registered_len; i++) {
        if (find_in(registered[i], prop->ns, prop->name) == prop) return registered[i + 1];
    }
    return NULL;
}

const cloud_dav_prop_t *cloud_dav_prop_next(const cloud_dav_prop_t *prop)
{
    do {
        prop = step(prop);
    } while (prop && cloud_dav_prop_find(prop->ns, prop->name) != prop);
    return prop;
}

void cloud_dav_register_props(const cloud_dav_prop_t *rows)
{
    for (int i = 0; i < registered_len; i++) {
        if (registered[i] == rows) return;
    }
    if (registered_len < MAX_REGISTERED && rows->ns) registered[registered_len++] = rows;
}

void cloud_dav_register_loader(cloud_dav_load_fn *expect, cloud_dav_load_fn *load)
{
    for (int i = 0; i < loaders_len; i++) {
        if (loaders[i].load == load) return;
    }
    if (loaders_len < MAX_REGISTERED) loaders[loaders_len++] = (loader_t){expect, load};
}

static int is_loaded(unsigned need)
{
    return (need & (CLOUD_NEED_LETTERS | CLOUD_NEED_LOADED)) != 0;
}

cloud_err_t *cloud_dav_expect(cloud_dav_view_t *view, cloud_ctx_t *ctx, unsigned need)
{
    if (!is_loaded(need)) return NULL;
    view->loaded = apr_hash_make(view->pool);
    for (int i = 0; i < loaders_len; i++) {
        if (loaders[i].expect) CLOUD_ERR(loaders[i].expect(view, ctx, need));
    }
    return NULL;
}

cloud_err_t *cloud_dav_load(cloud_dav_view_t *view, cloud_ctx_t *ctx, unsigned need)
{
    if (!is_loaded(need)) return NULL;
    for (int i = 0; i < loaders_len; i++) CLOUD_ERR(loaders[i].load(view, ctx, need));
    return NULL;
}

void cloud_dav_reset_props(void)
{
    registered_len = 0;
    loaders_len = 0;
}

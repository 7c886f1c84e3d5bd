/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* A share as OCS shows it. */
#include "private.h"

#include <time.h>

/* Where a share's item is, for who asks. */
typedef struct {
    const char *path;       /* with a slash before it */
    const char *target;     /* the same at the recipient's */
    apr_int64_t parent;
    const char *name;
    int is_dir;
} item_t;

/* null for NULL. */
static json_t *text(const char *s)
{
    return s ? json_string(s) : json_null();
}

/* ---- the item ---- */

static cloud_err_t *folder_of_shares(const char **folder, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    const char *value;

    CLOUD_ERR(cloud_setting_get(&value, NULL, ctx, "system", "share_folder"));
    while (value && *value == '/') value++;
    *folder = "/";
    if (value && *value)
        *folder = apr_pstrcat(pool, "/", value,
                              value[strlen(value) - 1] == '/' ? "" : "/", NULL);
    return NULL;
}

/* What waits, or was declined, is nowhere in the recipient's files; of this is known where it would be. */
static cloud_err_t *find_elsewhere(item_t **item, cloud_ctx_t *ctx, const cloud_account_t *account,
                                   const cloud_share_t *s, apr_pool_t *pool)
{
    cloud_node_t *node;

    CLOUD_ERR(cloud_tree_get(&node, ctx, s->node, pool));
    *item = node ? apr_pcalloc(pool, sizeof(**item)) : NULL;
    if (!node) return NULL;
    (*item)->parent = node->parent;
    (*item)->name = s->target; /* the item's own name is the owner's */
    (*item)->is_dir = CLOUD_IS_DIR(node);
    if (s->state != CLOUD_SHARE_REJECTED) return NULL;
    return cloud_share_kept_path(&(*item)->path, ctx, account, s->node, pool);
}

/* What somebody received is where it is mounted, whatever the name of that is by now. */
static cloud_err_t *find_mount(item_t **item, cloud_ctx_t *ctx, const cloud_account_t *account,
                               const cloud_share_t *s, apr_pool_t *pool)
{
    const cloud_mount_t *m;
    const char *path, *slash;
    apr_int64_t folder;
    cloud_err_t *err;

    *item = NULL;
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_mount_place(&m, &path, &folder, ctx, account, s->node, pool);
    cloud_tx_rollback(ctx);
    if (err || !m) return err;
    slash = strrchr(path, '/');
    *item = apr_pcalloc(pool, sizeof(**item));
    (*item)->path = apr_pstrcat(pool, "/", path, NULL);
    (*item)->parent = folder;
    (*item)->name = slash ? apr_pstrdup(pool, slash + 1) : path;
    (*item)->is_dir = CLOUD_IS_DIR(&m->target);
    return NULL;
}

static cloud_err_t *find_own(item_t **item, cloud_ctx_t *ctx, const cloud_account_t *account,
                             const cloud_share_t *s, apr_pool_t *pool)
{
    cloud_entry_t *e;
    cloud_err_t *err = cloud_resolve_id(&e, ctx, account, s->node, pool);

    *item = NULL;
    /* A list goes on without what can't be reached. */
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND) || cloud_err_is(err, CLOUD_E_DENIED)
        || cloud_err_is(err, CLOUD_E_INVALID_NAME))
        return NULL;
    CLOUD_ERR(err);
    *item = apr_pcalloc(pool, sizeof(**item));
    (*item)->path = apr_pstrcat(pool, "/", e->path, NULL);
    (*item)->parent = e->parent.id;
    (*item)->name = e->name;
    (*item)->is_dir = CLOUD_IS_DIR(&e->node);
    return NULL;
}

/* Remembers where the item is, for its other shares in a list; without a path: not among his files. */
static const item_t *keep_item(const cloud_shares_view_t *view, const cloud_share_t *s,
                               const item_t *item)
{
    apr_pool_t *pool = view->call->r->pool;
    item_t *kept = apr_pcalloc(pool, sizeof(*kept));

    if (item) {
        *kept = *item;
        kept->path = apr_pstrdup(pool, item->path);
        kept->name = apr_pstrdup(pool, item->name);
    }
    apr_hash_set(view->own, apr_pmemdup(pool, &s->node, sizeof(s->node)), sizeof(s->node), kept);
    return kept;
}

/* The same, looked up once for all shares of the item in a list. */
static cloud_err_t *find_own_once(item_t **item, const cloud_shares_view_t *view,
                                  const cloud_share_t *s, apr_pool_t *pool)
{
    const item_t *known;

    if (!view->own) return find_own(item, view->call->ctx, view->call->account, s, pool);
    known = apr_hash_get(view->own, &s->node, sizeof(s->node));
    if (!known) {
        CLOUD_ERR(find_own(item, view->call->ctx, view->call->account, s, pool));
        known = keep_item(view, s, *item);
    }
    *item = known->path ? apr_pmemdup(pool, known, sizeof(*known)) : NULL;
    return NULL;
}

/* What was accepted, but put into a folder that is in the trash: he has it still, and can take it back. */
static cloud_err_t *has_mount(int *yes, cloud_ctx_t *ctx, const cloud_account_t *account,
                              const cloud_share_t *s, apr_pool_t *pool)
{
    const cloud_mount_t *m = NULL;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_mount_get(&m, ctx, account, s->node, pool);
    cloud_tx_rollback(ctx);
    *yes = m != NULL;
    return err;
}

static cloud_err_t *find_item(item_t **item, const cloud_shares_view_t *view, const cloud_share_t *s,
                              apr_pool_t *pool)
{
    int received = view->received;
    int here = !received || s->state == CLOUD_SHARE_ACCEPTED, dormant = 0;
    cloud_ocs_call_t *call = view->call;
    apr_int64_t asker = call->account->number;
    cloud_ctx_t *ctx = call->ctx;
    const char *folder;

    *item = NULL;
    if (here && received) CLOUD_ERR(find_mount(item, ctx, call->account, s, pool));
    if (here && !*item) CLOUD_ERR(find_own_once(item, view, s, pool));
    if (here && !*item && received) CLOUD_ERR(has_mount(&dormant, ctx, call->account, s, pool));
    here = here && !dormant;
    if (!here) CLOUD_ERR(find_elsewhere(item, ctx, call->account, s, pool));
    if (!*item) return NULL;
    CLOUD_ERR(folder_of_shares(&folder, ctx, pool));
    if (s->type == CLOUD_SHARE_LINK) folder = "/";
    (*item)->target = apr_pstrcat(pool, folder, s->target, NULL);
    /* Where he put it is for the recipient alone to know. */
    if (asker != s->owner.number && asker != s->initiator.number && (*item)->path)
        (*item)->target = (*item)->path;
    if (!(*item)->path) (*item)->path = (*item)->target;
    return NULL;
}

/* ---- fields ---- */

static cloud_err_t *additional_info(const char **info, cloud_ctx_t *ctx,
                                    const cloud_share_party_t *p)
{
    const char *field;

    CLOUD_ERR(cloud_setting_get(&field, NULL, ctx, "core", "user_additional_info_field"));
    *info = NULL;
    if (field && !strcmp(field, "email")) *info = p->email;
    if (field && !strcmp(field, "id")) *info = p->id;
    return NULL;
}

/* The last day, at its beginning. */
static json_t *expiration(const cloud_share_t *s)
{
    time_t day = (time_t)(s->expires - CLOUD_SHARE_DAY);
    char buf[40];
    struct tm tm;

    if (!s->expires || !gmtime_r(&day, &tm)) return json_null();
    strftime(buf, sizeof(buf), "%Y-%m-%d 00:00:00", &tm);
    return json_string(buf);
}

static cloud_err_t *set_people(json_t *o, cloud_ctx_t *ctx, const cloud_share_t *s)
{
    const char *by, *of;

    CLOUD_ERR(additional_info(&by, ctx, &s->initiator));
    CLOUD_ERR(additional_info(&of, ctx, &s->owner));
    json_object_set_new(o, "uid_file_owner", text(s->owner.id));
    json_object_set_new(o, "displayname_file_owner", text(s->owner.name));
    json_object_set_new(o, "additional_info_owner", text(by));
    json_object_set_new(o, "additional_info_file_owner", text(of));
    return NULL;
}

static void set_item(json_t *o, const cloud_ocs_call_t *call, const cloud_share_t *s,
                     const item_t *item, apr_pool_t *pool)
{
    int own = s->owner.number == call->account->number;
    const char *storage = own ? apr_pstrcat(pool, "home::", s->owner.id, NULL)
                              : apr_pstrcat(pool, "shared::", item->target, NULL);

    json_object_set_new(o, "path", text(item->path));
    json_object_set_new(o, "mimetype", text(item->is_dir ? "httpd/unix-directory"
                                                         : cloud_mime_type(item->name)));
    json_object_set_new(o, "storage_id", text(storage));
    json_object_set_new(o, "storage", json_integer((json_int_t)s->owner.number));
    json_object_set_new(o, "item_type", text(item->is_dir ? "folder" : "file"));
    json_object_set_new(o, "item_source", json_integer((json_int_t)s->node));
    json_object_set_new(o, "file_source", json_integer((json_int_t)s->node));
    json_object_set_new(o, "file_parent", json_integer((json_int_t)item->parent));
    json_object_set_new(o, "file_target", text(item->target));
}

static void set_link(json_t *o, const cloud_ocs_call_t *call, const cloud_share_t *s,
                     apr_pool_t *pool)
{
    request_rec *r = call->r;
    const char *path = apr_pstrcat(pool, cloud_http_base(r), "/index.php/s/", s->token, NULL);

    if (s->has_password) {
        json_object_set_new(o, "share_with", json_string("***redacted***"));
        json_object_set_new(o, "share_with_displayname", json_string("***redacted***"));
    }
    json_object_set_new(o, "name", text(s->name));
    json_object_set_new(o, "url", text(ap_construct_url(pool, path, r)));
}

static cloud_err_t *set_recipient(json_t *o, const cloud_ocs_call_t *call, const cloud_share_t *s,
                                  apr_pool_t *pool)
{
    const char *info;

    if (s->type == CLOUD_SHARE_LINK) {
        set_link(o, call, s, pool);
        return NULL;
    }
    json_object_set_new(o, "share_with", text(s->recipient.id));
    json_object_set_new(o, "share_with_displayname", text(s->recipient.name));
    if (s->type != CLOUD_SHARE_USER) return NULL;
    json_object_set_new(o, "share_with_user_type", json_integer(0));
    CLOUD_ERR(additional_info(&info, call->ctx, &s->recipient));
    json_object_set_new(o, "share_with_additional_info", text(info));
    return NULL;
}

cloud_err_t *cloud_shares_view(cloud_shares_view_t *view, cloud_ocs_call_t *call, int received,
                               int many)
{
    memset(view, 0, sizeof(*view));
    view->call = call;
    view->received = received;
    if (many) view->own = apr_hash_make(call->r->pool);
    if (!received) return NULL;
    CLOUD_ERR(cloud_share_allowed(&view->may_share, call->ctx, call->account));
    if (!many) return NULL;
    CLOUD_ERR(cloud_mounts_expect(call->ctx, call->account));
    return cloud_share_granted_all(&view->granted, call->ctx, call->account, call->r->pool);
}

/* What a recipient has of a share by now: of one that was shared on, no more than who did so has
 * himself. 0: nothing any more. Who may not share on is not told that he may. */
static cloud_err_t *shown_perms(unsigned *perms, const cloud_shares_view_t *view,
                                const cloud_share_t *s, apr_pool_t *pool)
{
    unsigned flags, *granted;

    *perms = s->perms;
    if (!view->received) return NULL;
    if (s->initiator.number != s->owner.number && view->granted) {
        granted = apr_hash_get(view->granted, &s->id, sizeof(s->id));
        *perms = granted ? *granted : 0;
    } else if (s->initiator.number != s->owner.number) {
        CLOUD_ERR(cloud_share_granted(perms, &flags, view->call->ctx, s->id, pool));
    }
    if (!view->may_share) *perms &= ~CLOUD_PERM_SHARE;
    return NULL;
}

cloud_err_t *cloud_shares_format(json_t **out, const cloud_shares_view_t *view,
                                 const cloud_share_t *s, apr_pool_t *pool)
{
    cloud_ocs_call_t *call = view->call;
    unsigned perms;
    item_t *item;
    json_t *o;

    *out = NULL;
    CLOUD_ERR(shown_perms(&perms, view, s, pool));
    CLOUD_ERR(find_item(&item, view, s, pool));
    if (!item || !perms) return NULL;
    o = json_pack("{s:o, s:i, s:o, s:o, s:i, s:I, s:n, s:o, s:o}",
                  "id", text(apr_psprintf(pool, "%" APR_INT64_T_FMT, s->id)),
                  "share_type", (int)s->type, "uid_owner", text(s->initiator.id),
                  "displayname_owner", text(s->initiator.name), "permissions", (int)perms,
                  "stime", (json_int_t)s->created, "parent", "expiration", expiration(s),
                  "token", text(s->token));
    *out = o;
    CLOUD_ERR(set_people(o, call->ctx, s));
    if (view->received) json_object_set_new(o, "state", json_integer((json_int_t)s->state));
    set_item(o, call, s, item, pool);
    CLOUD_ERR(set_recipient(o, call, s, pool));
    json_object_set_new(o, "mail_send", json_integer(s->mail_send));
    json_object_set_new(o, "attributes", text(s->attributes));
    return NULL;
}

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Creating and deleting accounts.
 *
 * Creating: the directory is made complete under a name of its own, synced, and renamed into place
 * where nothing may be yet; then one transaction writes the rows. A crash in between leaves an
 * unused, empty directory, which the next creation of that account takes over.
 * Deleting: one transaction takes the rows and owes the rename of the directory to the journal;
 * the tree's rows and the files go later, in bounded steps. The name is free again at once. */
#include "account_private.h"
#include "password.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <utf8proc.h>

#define ID_MAX 255
#define CLAIM_TRIES 3
#define ABANDONED_AFTER 86400 /* s */

/* ---- ids ---- */

static int id_char(utf8proc_int32_t cp)
{
    if (cp < 0x80)
        return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z') || (cp >= '0' && cp <= '9')
               || strchr(" _.@-'+", cp);
    switch (utf8proc_category(cp)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ND:
        return 1;
    default:
        return 0;
    }
}

static cloud_err_t *check_id(const char *id, apr_pool_t *pool)
{
    const utf8proc_uint8_t *s = (const utf8proc_uint8_t *)id;
    size_t len = strlen(id);

    if (len == 0 || len > ID_MAX)
        return cloud_err(pool, CLOUD_E_INVALID, "An account's id has 1 to %d bytes", ID_MAX);
    if (id[0] == ' ' || id[len - 1] == ' ' || strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
        return cloud_err(pool, CLOUD_E_INVALID,
                         "An account's id can't be a dot, nor begin or end with a blank");
    while (*s) {
        utf8proc_int32_t cp;
        utf8proc_ssize_t n = utf8proc_iterate(s, -1, &cp);
        if (n <= 0 || !id_char(cp))
            return cloud_err(pool, CLOUD_E_INVALID,
                             "An account's id is made of letters, digits and \" _.@-'+\"");
        s += n;
    }
    return NULL;
}

/* ---- the directory ---- */

static cloud_err_t *inode_of(apr_uint64_t *ino, cloud_ctx_t *ctx, const char *path,
                             apr_pool_t *pool)
{
    struct stat st;
    int found;

    CLOUD_ERR(cloud_storage_stat(&st, NULL, &found, ctx->store, path, pool));
    *ino = found ? st.st_ino : 0;
    return NULL;
}

/* Tree that still owes the move of this inode away from dir; 0: none does. (tx) */
static cloud_err_t *owed_by(apr_int64_t *tree, cloud_ctx_t *ctx, const char *dir,
                            apr_uint64_t ino)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT abs(tree) FROM journal WHERE ino = ?1"
                             " AND src = ?2 AND dst IS NOT NULL",
                             "it", (apr_int64_t)ino, dir));
    *tree = row ? cloud_col_int(st, 0) : 0;
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *run_owed(int *owed, cloud_ctx_t *ctx, const char *dir, apr_uint64_t ino)
{
    apr_int64_t tree = 0;
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = owed_by(&tree, ctx, dir, ino);
    cloud_tx_rollback(ctx);
    *owed = tree != 0;
    return !err && tree ? cloud_journal_run(ctx, tree, 0) : err;
}

static cloud_err_t *is_empty_dir(int *empty, cloud_ctx_t *ctx, const char *path, apr_pool_t *pool)
{
    struct dirent *entry;
    DIR *stream;
    int fd;

    *empty = 0;
    CLOUD_ERR(cloud_storage_open(&fd, ctx->store, path, O_RDONLY | O_DIRECTORY, pool));
    if (fd < 0) return NULL;
    stream = fdopendir(fd);
    if (!stream) {
        close(fd);
        return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, errno, "list %s", path);
    }
    *empty = 1;
    while (*empty && (entry = readdir(stream)))
        *empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(stream);
    return NULL;
}

/* What a creation that was interrupted left is complete, marked and without any content. Everything
 * else is somebody's. */
static cloud_err_t *check_leftover(cloud_ctx_t *ctx, const char *dir, apr_pool_t *pool)
{
    static const char *const subs[] = { CLOUD_FILES, CLOUD_STAGING, CLOUD_PURGE, CLOUD_LOST };
    int i, empty = cloud_storage_account_check(ctx->store, dir, pool) == NULL;

    for (i = 0; empty && i < (int)(sizeof subs / sizeof *subs); i++)
        CLOUD_ERR(is_empty_dir(&empty, ctx, apr_pstrcat(pool, dir, "/", subs[i], NULL), pool));
    if (empty) return NULL;
    return cloud_err(ctx->pool, CLOUD_E_CONFLICT,
                     "The directory of the account is there already, and it is not empty: %s",
                     cloud_storage_abs(ctx->store, dir, ctx->pool));
}

/* Gives a directory that became nobody's to the job that unlinks. */
static cloud_err_t *discard(cloud_ctx_t *ctx, const char *path, apr_int64_t number,
                            apr_pool_t *pool)
{
    apr_uint64_t ino;
    cloud_err_t *err;
    int named;

    CLOUD_ERR(inode_of(&ino, ctx, path, pool));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_journal_names(&named, ctx, path);
    if (!err && !named && ino) err = cloud_journal_add(ctx, number, 0, ino, 1, path, NULL);
    if (!err) return cloud_tx_commit(ctx);
    cloud_tx_rollback(ctx);
    return err;
}

/* Makes the directory; *made 0: something has that name already. */
static cloud_err_t *make_dir(int *made, cloud_ctx_t *ctx, const char *dir, apr_int64_t number,
                             int tries, apr_pool_t *pool)
{
    /* Names with a leading dot are never an account's. */
    const char *tmp = apr_psprintf(pool, ".new-%" APR_INT64_T_FMT "-%d", number, tries);
    int rc;

    *made = 0;
    CLOUD_ERR(cloud_storage_account_create(ctx->store, tmp, pool));
    CLOUD_POINT("account-dir-made");
    rc = cloud_storage_rename(ctx->store, tmp, dir, 0, pool);
    CLOUD_POINT("account-dir-renamed");
    if (rc && rc != EEXIST) return cloud_err_sys(pool, CLOUD_E_UNAVAILABLE, rc, "mkdir %s", dir);
    *made = rc == 0;
    if (!*made) return discard(ctx, tmp, number, pool);
    return cloud_storage_sync_parent(ctx->store, dir, pool);
}

/* Gets the directory of the new account; gives its inode. */
static cloud_err_t *claim_dir(apr_uint64_t *ino, cloud_ctx_t *ctx, const char *dir,
                              apr_int64_t number, apr_pool_t *pool)
{
    int tries, made, owed;

    for (tries = 0; tries < CLAIM_TRIES; tries++) {
        CLOUD_ERR(inode_of(ino, ctx, dir, pool));
        if (*ino == 0) {
            CLOUD_ERR(make_dir(&made, ctx, dir, number, tries, pool));
            CLOUD_ERR(inode_of(ino, ctx, dir, pool));
            if (made && *ino) return NULL;
            continue;
        }
        /* An account of that name was deleted a moment ago: its directory still has to go. */
        CLOUD_ERR(run_owed(&owed, ctx, dir, *ino));
        if (!owed) return check_leftover(ctx, dir, pool);
    }
    return cloud_err(pool, CLOUD_E_BUSY, "%s is being removed", dir);
}

/* ---- what a crash left ---- */

/* Directories of creations that died before the rename are a day old: their names tell. */
static int is_abandoned(const char *name)
{
    static const char prefix[] = ".new-";
    apr_int64_t number;

    if (strncmp(name, prefix, sizeof prefix - 1) != 0) return 0;
    number = apr_strtoi64(name + sizeof prefix - 1, NULL, 10);
    return number > 0 && number < apr_time_now() - apr_time_from_sec(ABANDONED_AFTER);
}

cloud_err_t *cloud_account_sweep(cloud_ctx_t *ctx)
{
    cloud_err_t *err = NULL;
    struct dirent *entry;
    apr_pool_t *pool;
    DIR *stream;
    int fd;

    CLOUD_ERR(cloud_storage_open(&fd, ctx->store, ".", O_RDONLY | O_DIRECTORY, ctx->pool));
    stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (!stream) {
        if (fd >= 0) close(fd);
        return cloud_err_sys(ctx->pool, CLOUD_E_UNAVAILABLE, errno, "list accounts");
    }
    apr_pool_create(&pool, ctx->pool);
    while (!err && (entry = readdir(stream))) {
        if (!is_abandoned(entry->d_name)) continue;
        err = discard(ctx, apr_pstrdup(pool, entry->d_name), 0, pool);
    }
    closedir(stream);
    if (!err) apr_pool_destroy(pool);
    return err;
}

/* ---- creating ---- */

static cloud_err_t *exists(cloud_ctx_t *ctx, const char *id)
{
    return cloud_err(ctx->pool, CLOUD_E_EXISTS, "There is an account \"%s\" already", id);
}

/* Draws the account's number, which is never used again. */
static cloud_err_t *reserve_tx(cloud_account_t *a, cloud_ctx_t *ctx, const char *folded)
{
    cloud_account_t *other;

    CLOUD_ERR(cloud_account_find(&other, NULL, ctx, folded, ctx->pool));
    if (other) return exists(ctx, other->id);
    return cloud_tree_draw(&a->number, ctx);
}

static cloud_err_t *reserve(cloud_account_t *a, cloud_ctx_t *ctx, const char *folded)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = reserve_tx(a, ctx, folded);
    if (!err) return cloud_tx_commit(ctx);
    cloud_tx_rollback(ctx);
    return err;
}

/* Between claim and transaction somebody else may have created the same account, in this directory,
 * and have deleted it again. */
static cloud_err_t *check_claim(cloud_ctx_t *ctx, const char *dir, apr_uint64_t ino)
{
    apr_uint64_t now;
    apr_int64_t tree;

    CLOUD_ERR(inode_of(&now, ctx, dir, ctx->pool));
    CLOUD_ERR(owed_by(&tree, ctx, dir, ino));
    return now == ino && !tree ? NULL
                               : cloud_err(ctx->pool, CLOUD_E_BUSY, "%s was taken away", dir);
}

/* Who may create the account, with these groups? The groups' numbers are put into joins. */
static cloud_err_t *check_create(apr_array_header_t *joins, cloud_ctx_t *ctx,
                                 const char *const *groups)
{
    cloud_role_t role;
    cloud_group_t *g;
    int may;

    CLOUD_ERR(cloud_role(&role, ctx));
    if (role < CLOUD_ROLE_SUBADMIN) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    if (role == CLOUD_ROLE_SUBADMIN && (!groups || !*groups))
        return cloud_err(ctx->pool, CLOUD_E_DENIED,
                         "no group specified (required for subadmins)");
    for (; groups && *groups; groups++) {
        CLOUD_ERR(cloud_group_find(&g, ctx, *groups, ctx->pool));
        CLOUD_ERR(cloud_may_manage_group(&may, ctx, g));
        if (!may)
            return cloud_err(ctx->pool, CLOUD_E_DENIED, "insufficient privileges for group %s",
                             *groups);
        if (joins) APR_ARRAY_PUSH(joins, apr_int64_t) = g->number;
    }
    return NULL;
}

static cloud_err_t *insert_row(cloud_account_t *a, cloud_ctx_t *ctx, const char *folded,
                               const char *hash)
{
    const char *name = strcmp(a->display_name, a->id) == 0 ? NULL : a->display_name;
    cloud_err_t *err;

    err = cloud_db_run(ctx->db, NULL, ctx->pool,
                       "INSERT INTO account (number, id, folded, display_name, email, quota,"
                       " enabled, created, last_login, root, purge, dir, password, secret_epoch,"
                       " source)"
                       " VALUES (?1, ?2, ?3, ?4, NULL, ?5, 1, ?6, 0, ?7, ?8, ?9, ?10, ?11, ?12)",
                       "itttiiiittit", a->number, a->id, folded, name, a->quota,
                       (apr_int64_t)a->created, a->root, a->purge, a->dir, hash, a->secret_epoch,
                       a->source);
    return cloud_err_is(err, CLOUD_E_EXISTS) ? exists(ctx, a->id) : err;
}

static cloud_err_t *insert_tx(cloud_account_t *a, cloud_ctx_t *ctx, const char *folded,
                              const char *hash, apr_uint64_t ino, const char *const *groups)
{
    apr_array_header_t *joins = apr_array_make(ctx->pool, 4, sizeof(apr_int64_t));
    int i;

    CLOUD_ERR(check_create(joins, ctx, groups));
    CLOUD_ERR(check_claim(ctx, a->dir, ino));
    CLOUD_ERR(cloud_tree_new_root(&a->root, ctx, CLOUD_KIND_ROOT, a->number));
    CLOUD_ERR(cloud_tree_new_root(&a->purge, ctx, CLOUD_KIND_PURGE, a->number));
    CLOUD_ERR(cloud_tree_draw(&a->secret_epoch, ctx));
    CLOUD_ERR(insert_row(a, ctx, folded, hash));
    CLOUD_ERR(cloud_skeleton_mark(ctx, a->number));
    for (i = 0; i < joins->nelts; i++)
        CLOUD_ERR(cloud_group_join(ctx, APR_ARRAY_IDX(joins, i, apr_int64_t), a->number,
                                   a->source));
    return NULL;
}

/* The checks that come before anything slow or lasting. */
static cloud_err_t *check_new(cloud_ctx_t *ctx, const char *id, const char *const *groups)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = check_create(NULL, ctx, groups);
    cloud_tx_rollback(ctx);
    return err ? err : check_id(id, ctx->pool);
}

cloud_err_t *cloud_account_add(cloud_account_t **out, cloud_ctx_t *ctx, const char *id,
                               const cloud_account_new_t *what, apr_pool_t *pool)
{
    const char *folded, *hash = NULL, *display_name;
    cloud_account_t *a = apr_pcalloc(pool, sizeof *a);
    apr_uint64_t ino;
    cloud_err_t *err;

    *out = NULL;
    id = cloud_name_nfc(id, pool);
    folded = id ? cloud_account_fold(id, pool) : NULL;
    if (!folded) return cloud_err(ctx->pool, CLOUD_E_INVALID, "The id is not valid UTF-8");
    CLOUD_ERR(check_new(ctx, id, what->groups));
    CLOUD_ERR(cloud_account_check_name(&display_name, what->display_name, ctx->pool));
    if (what->password && *what->password && !(what->force_password && ctx->who.system))
        CLOUD_ERR(cloud_password_policy_check(ctx, what->password));
    if (what->password) CLOUD_ERR(cloud_password_hash(&hash, ctx, what->password, pool));

    CLOUD_ERR(reserve(a, ctx, folded));
    a->id = apr_pstrdup(pool, id);
    a->display_name = display_name ? apr_pstrdup(pool, display_name) : a->id;
    a->quota = CLOUD_QUOTA_DEFAULT;
    a->enabled = 1;
    a->has_password = hash != NULL;
    a->created = apr_time_now();
    a->source = what->source ? apr_pstrdup(pool, what->source) : CLOUD_SOURCE_DATABASE;
    a->dir = cloud_account_dirname(a->id, a->number, pool);
    CLOUD_ERR(claim_dir(&ino, ctx, a->dir, a->number, pool));
    CLOUD_POINT("account-before-rows");
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_tx_end(ctx, insert_tx(a, ctx, folded, hash, ino, what->groups));
    if (err) return err;
    CLOUD_LOG(ctx->store, INFO, "account %s created", a->id);
    CLOUD_POINT("account-before-skeleton");
    cloud_skeleton_apply(ctx, a);
    *out = a;
    return NULL;
}

cloud_err_t *cloud_account_create(cloud_account_t **a, cloud_ctx_t *ctx, const char *id,
                                  const char *password, const char *display_name,
                                  apr_pool_t *pool)
{
    const cloud_account_new_t what = { .password = password, .display_name = display_name };

    return cloud_account_add(a, ctx, id, &what, pool);
}

/* ---- deleting ---- */

static cloud_err_t *delete_rows(cloud_ctx_t *ctx, const cloud_account_t *a)
{
    static const char *const sql[] = {
        "DELETE FROM chunk WHERE upload IN (SELECT id FROM upload WHERE account = ?1)",
        "DELETE FROM upload WHERE account = ?1",
        "DELETE FROM lock WHERE account = ?1",
        "DELETE FROM favorite WHERE account = ?1",
        "DELETE FROM apppass WHERE account = ?1",
        "DELETE FROM membership WHERE account = ?1",
        "DELETE FROM subadmin WHERE account = ?1",
        "DELETE FROM pref WHERE account = ?1",
        "DELETE FROM old_password WHERE account = ?1",
        "DELETE FROM account WHERE number = ?1",
    };
    int i;

    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM lock WHERE tree = ?1", "i",
                           a->root));
    for (i = 0; i < (int)(sizeof sql / sizeof *sql); i++)
        CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool, sql[i], "i", a->number));
    return NULL;
}

/* The files root becomes an entry of the purge root: one row, whatever the size of the tree. So do
 * the roots of copies that are being made. */
static cloud_err_t *bury_tree(cloud_ctx_t *ctx, const cloud_account_t *a)
{
    const char *from = apr_pstrcat(ctx->pool, a->dir, "/", NULL);
    const char *upto = apr_pstrcat(ctx->pool, a->dir, "0", NULL); /* '0' follows '/' */
    cloud_node_t *root;

    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "UPDATE node SET kind = ?1, parent = ?2, name = CAST(id AS TEXT),"
                           " disk = NULL WHERE parent = 0 AND kind = ?3 AND disk >= ?4 AND disk < ?5",
                           "iiitt", (apr_int64_t)CLOUD_KIND_DIR, a->purge,
                           (apr_int64_t)CLOUD_KIND_BULK, from, upto));

    /* What features keep in roots of their own; a root's name says whose it is. */
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "UPDATE node SET kind = ?1, parent = ?2, name = CAST(id AS TEXT),"
                           " disk = NULL WHERE parent = 0 AND name >= ?3 AND name < ?4",
                           "iitt", (apr_int64_t)CLOUD_KIND_DIR, a->purge,
                           apr_psprintf(ctx->pool, "%d:%" APR_INT64_T_FMT ":", CLOUD_KIND_TRASH,
                                        a->number),
                           apr_psprintf(ctx->pool, "%d:%" APR_INT64_T_FMT ";", CLOUD_KIND_TRASH,
                                        a->number)));
    CLOUD_ERR(cloud_tree_get(&root, ctx, a->root, ctx->pool));
    return root ? cloud_files_purge_root(ctx, a, root, NULL, ctx->pool) : NULL;
}

/* The directory leaves its name, and is unlinked when nothing needs it any more. */
static cloud_err_t *bury_dir(cloud_ctx_t *ctx, const cloud_account_t *a)
{
    const char *grave = apr_psprintf(ctx->pool, ".deleted-%" APR_INT64_T_FMT, a->number);
    apr_uint64_t ino;

    CLOUD_ERR(inode_of(&ino, ctx, a->dir, ctx->pool));
    if (ino == 0) return NULL;
    /* A directory without its marker is where a disk should be mounted: what is on it would come
     * back with the next account of that name. */
    CLOUD_ERR(cloud_storage_account_check(ctx->store, a->dir, ctx->pool));
    CLOUD_ERR(cloud_journal_add(ctx, a->root, 0, ino, 1, a->dir, grave));
    return cloud_journal_add(ctx, a->root, 0, ino, 1, grave, NULL);
}

static cloud_err_t *delete_tx(cloud_account_t **a, cloud_ctx_t *ctx, const char *id)
{
    const apr_array_header_t *features = cloud_features();
    int i;

    CLOUD_ERR(cloud_account_for_change(a, ctx, id, CLOUD_MANAGE_STATE, ctx->pool));
    for (i = 0; i < features->nelts; i++) {
        const cloud_feature_t *f = APR_ARRAY_IDX(features, i, const cloud_feature_t *);
        if (f->account_deleted) CLOUD_ERR(f->account_deleted(ctx, *a));
    }
    CLOUD_ERR(bury_tree(ctx, *a));
    CLOUD_ERR(bury_dir(ctx, *a));
    CLOUD_POINT("account-delete-rows");
    return delete_rows(ctx, *a);
}

cloud_err_t *cloud_account_delete(cloud_ctx_t *ctx, const char *id)
{
    cloud_account_t *a;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(cloud_tx_end(ctx, delete_tx(&a, ctx, id)));
    CLOUD_LOG(ctx->store, NOTICE, "account %s deleted", a->id);
    CLOUD_POINT("account-deleted");
    return cloud_journal_run(ctx, a->root, 0);
}

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The one access decision, and what clients are told of permissions, ETags and ids. */
#include "files_private.h"

#include <stdio.h>
#include <string.h>

/* What each operation needs: any of these. */
static const unsigned NEEDS[] = {
    [CLOUD_OP_LIST] = CLOUD_PERM_READ,
    [CLOUD_OP_READ] = CLOUD_PERM_READ,
    [CLOUD_OP_WRITE] = CLOUD_PERM_UPDATE,
    [CLOUD_OP_CREATE] = CLOUD_PERM_CREATE,
    [CLOUD_OP_DELETE] = CLOUD_PERM_DELETE | CLOUD_PERM_PLACE,
    [CLOUD_OP_FORGET] = CLOUD_PERM_DELETE,
    [CLOUD_OP_RENAME] = CLOUD_PERM_UPDATE | CLOUD_PERM_PLACE,
    [CLOUD_OP_LOCK] = CLOUD_PERM_UPDATE,
};

/* A view into which things may be put and nothing seen (a file drop). */
static int is_drop(const cloud_entry_t *entry)
{
    return entry->account->view && (entry->perms & CLOUD_PERM_CREATE)
           && !(entry->perms & CLOUD_PERM_READ);
}

int cloud_entry_hidden(const cloud_entry_t *entry)
{
    return entry->mount && !entry->account->view && !entry->mount_root
           && !(entry->perms & CLOUD_PERM_READ);
}

/* New things go right into what was received: folders in it are not seen. */
static cloud_err_t *access_hidden(cloud_ctx_t *ctx, const cloud_entry_t *entry, cloud_op_t op)
{
    if (op == CLOUD_OP_CREATE && entry->has_parent && (entry->perms & CLOUD_PERM_CREATE)) return NULL;
    return cloud_err(ctx->pool, op == CLOUD_OP_LIST || op == CLOUD_OP_READ ? CLOUD_E_NOT_FOUND
                                                                           : CLOUD_E_DENIED, NULL);
}

cloud_err_t *cloud_access(cloud_ctx_t *ctx, const cloud_entry_t *entry, cloud_op_t op)
{
    int is_root = entry->path[0] == '\0';

    if (entry->barred) return cloud_account_barred(ctx);
    if (is_drop(entry) && op != CLOUD_OP_CREATE) {
        /* Its root can be listed, and is empty; what is in it does not exist for those who bring. */
        if (is_root && op == CLOUD_OP_LIST) return NULL;
        return cloud_err(ctx->pool, is_root ? CLOUD_E_DENIED : CLOUD_E_NOT_FOUND, NULL);
    }
    if (cloud_entry_hidden(entry)) return access_hidden(ctx, entry, op);
    /* The item itself is among one's own files all the same. */
    if (op == CLOUD_OP_LIST && entry->mount_root && entry->perms) return NULL;
    if (op == CLOUD_OP_READ && entry->mount && (entry->mount->flags & CLOUD_MOUNT_NO_DOWNLOAD))
        return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    if (entry->perms & NEEDS[op]) {
        /* The root of a space is a fixed place. */
        if ((op == CLOUD_OP_DELETE || op == CLOUD_OP_RENAME) && is_root)
            return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
        return NULL;
    }
    /* Who may see nothing of a space does not learn what is in it. */
    return cloud_err(ctx->pool, entry->perms ? CLOUD_E_DENIED : CLOUD_E_NOT_FOUND, NULL);
}

const char *cloud_perm_letters(unsigned perms, int is_dir, int shared, int mounted,
                               apr_pool_t *pool)
{
    char buf[16], *p = buf;

    if (shared) *p++ = 'S';
    if (perms & CLOUD_PERM_SHARE) *p++ = 'R';
    if (mounted) *p++ = 'M';
    if (perms & (CLOUD_PERM_DELETE | CLOUD_PERM_PLACE)) *p++ = 'D';
    if (perms & (CLOUD_PERM_UPDATE | CLOUD_PERM_PLACE)) {
        *p++ = 'N';
        *p++ = 'V';
    }
    if (!is_dir && (perms & CLOUD_PERM_UPDATE)) *p++ = 'W';
    if (is_dir && (perms & CLOUD_PERM_CREATE)) {
        *p++ = 'C';
        *p++ = 'K';
    }
    *p = '\0';
    return apr_pstrdup(pool, buf);
}

const char *cloud_etag(char *buf, const cloud_node_t *node)
{
    return cloud_etag_text(buf, node->etag);
}

const char *cloud_etag_text(char *buf, apr_int64_t etag)
{
    static const char hex[] = "0123456789abcdef";
    apr_uint64_t v = (apr_uint64_t)etag;
    char tmp[16];
    int n = 0, i = 0;

    do {
        tmp[n++] = hex[v & 15];
        v >>= 4;
    } while (v);
    while (n > 0) buf[i++] = tmp[--n];
    buf[i] = '\0';
    return buf;
}

apr_int64_t cloud_etag_parse(const char *etag)
{
    apr_uint64_t v = 0;
    int digits = 0;

    if (etag[0] == 'W' && etag[1] == '/') etag += 2;
    if (*etag == '"') etag++;
    for (; *etag && *etag != '"'; etag++, digits++) {
        char c = *etag;

        if (c >= '0' && c <= '9') c = (char)(c - '0');
        else if (c >= 'a' && c <= 'f') c = (char)(c - 'a' + 10);
        else return -1;
        if (digits >= 15) return -1;
        v = v << 4 | (apr_uint64_t)c;
    }
    return digits ? (apr_int64_t)v : -1;
}

const char *cloud_fileid(char *buf, const cloud_store_t *store, apr_int64_t id)
{
    apr_snprintf(buf, CLOUD_FILEID_MAX, "%08" APR_INT64_T_FMT "%s", id,
                 cloud_store_instance_id(store));
    return buf;
}

#define ID_DIGITS 16 /* below 2^53 */

apr_int64_t cloud_fileid_parse(const char *text, apr_size_t len, const cloud_store_t *store)
{
    const char *instance = cloud_store_instance_id(store);
    apr_size_t digits = strspn(text, "0123456789"), rest;

    if (digits == 0 || digits > ID_DIGITS || digits > len) return 0;
    rest = len - digits;
    if (rest && (rest != strlen(instance) || memcmp(text + digits, instance, rest) != 0)) return 0;
    return apr_atoi64(text);
}

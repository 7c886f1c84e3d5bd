/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file private_link.c
 * Private links: the address of a file by its id, for those who may see it anyway. It leads to the page
 * of the folder that it is in, wherever that is by now.
 */
#include "web.h"

#include "access.h"

/* What is not there and what is not theirs is the same to strangers. */
static cloud_err_t *find(cloud_entry_t **entry, request_rec *r, cloud_ctx_t *ctx,
                         const cloud_account_t *account, const char *rest)
{
    apr_int64_t id = *rest == '/' ? cloud_fileid_parse(rest + 1, strlen(rest + 1), ctx->store) : 0;
    cloud_err_t *err = id ? cloud_resolve_id(entry, ctx, account, id, r->pool)
                          : cloud_err(r->pool, CLOUD_E_NOT_FOUND, NULL);

    if (cloud_err_is(err, CLOUD_E_NOT_FOUND) || cloud_err_is(err, CLOUD_E_DENIED))
        return cloud_err(r->pool, CLOUD_E_NOT_FOUND, "There is no such file, or it was not shared "
                         "with you");
    return err;
}

static const char *place_of(const cloud_entry_t *entry, apr_pool_t *pool)
{
    const char *slash = strrchr(entry->path, '/');

    if (CLOUD_IS_DIR(&entry->node)) return web_folder_path(entry->path, NULL, pool);
    return web_folder_path(slash ? apr_pstrmemdup(pool, entry->path,
                                                  (apr_size_t)(slash - entry->path)) : "",
                           slash ? slash + 1 : entry->path, pool);
}

int web_private_link(request_rec *r, const char *rest)
{
    const cloud_account_t *account;
    cloud_entry_t *entry;
    cloud_ctx_t *ctx;
    cloud_err_t *err;
    int status;

    if (web_no_method(&status, r)) return status;
    err = cloud_login_any(&account, r);
    if (!err && !account) return cloud_login_ask(r);
    if (!err) err = cloud_http_ctx(&ctx, r);
    if (!err) err = find(&entry, r, ctx, account, rest);
    if (err) return cloud_http_error(r, err);
    apr_table_setn(r->err_headers_out, "Webdav-Location",
                   cloud_http_uri(r, apr_pstrcat(r->pool, "/remote.php/dav/files/", account->id, "/",
                                                 NULL), entry->path, r->pool));
    return cloud_login_redirect(r, place_of(entry, r->pool));
}

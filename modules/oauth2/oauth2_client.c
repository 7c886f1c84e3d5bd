/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The clients that may ask for a code: rows, of which the stock clients' are made with the table. */
#include "oauth2_private.h"

#include <string.h>
#include <openssl/crypto.h>

#define NAME_BYTES 255
#define ID_MIN     16
#define SECRET_MIN 32
#define TEXT_MAX   255

/* Ids and secrets of the stock clients are compiled into them: known to all, so that they tell one
 * client from another and prove nothing. What keeps others from getting their codes is where they
 * are sent to, and PKCE. */
static const struct {
    const char *id, *secret;
} BUILTIN[] = {
    { CLOUD_OAUTH_DESKTOP, "UBntmLjC2yYCeHwsyj73Uwo9TAaecAetRwMw0xYcvNL9yRdLSUi0hUAHfvCHFeFh" },
    { CLOUD_OAUTH_ANDROID, "dInFYGV33xKzhbRmpqQltYNdfLdJIfJ9L5ISoKhNoT9qZftpdWSP71VrpGR9pmoD" },
    { CLOUD_OAUTH_IOS, "KFeFWWEZO9TkisIQzR3fo7hfiMXlOpaqP8CFuTbSHzV1TUuGECglPxpiVKJfOXIx" },
};

#define CLIENT_COLS "number, id, name, redirect, secret IS NOT NULL, trusted, builtin, removed, created"

static void read_row(cloud_oauth_client_t *c, cloud_stmt_t *st, apr_pool_t *pool)
{
    c->number = cloud_col_int(st, 0);
    c->id = cloud_col_dup(st, 1, pool);
    c->name = cloud_col_dup(st, 2, pool);
    c->redirect = cloud_col_dup(st, 3, pool);
    c->has_secret = cloud_col_int(st, 4) != 0;
    c->trusted = cloud_col_int(st, 5) != 0;
    c->builtin = cloud_col_int(st, 6) != 0;
    c->removed = cloud_col_int(st, 7) != 0;
    c->created = cloud_col_int(st, 8);
}

static cloud_err_t *not_found(cloud_ctx_t *ctx)
{
    return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "There is no such client");
}

static cloud_err_t *get_tx(cloud_oauth_client_t **client, cloud_ctx_t *ctx, const char *id,
                           apr_pool_t *pool)
{
    cloud_stmt_t *st;
    int row;

    *client = NULL;
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT " CLIENT_COLS " FROM oauth_client WHERE id = ?1"
                             " AND removed = 0", "t", id));
    if (row) {
        *client = apr_palloc(pool, sizeof **client);
        read_row(*client, st, pool);
    }
    cloud_stmt_done(st);
    return row ? NULL : not_found(ctx);
}

cloud_err_t *cloud_oauth_client_get(cloud_oauth_client_t **client, cloud_ctx_t *ctx,
                                    const char *id, apr_pool_t *pool)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = get_tx(client, ctx, id, pool);
    cloud_tx_rollback(ctx);
    return err;
}

cloud_err_t *cloud_oauth_client_list(apr_array_header_t **list, cloud_ctx_t *ctx, apr_pool_t *pool)
{
    cloud_stmt_t *st;
    cloud_err_t *err;
    int row;

    *list = apr_array_make(pool, 4, sizeof(cloud_oauth_client_t));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = cloud_db_query(&st, &row, ctx->db, ctx->pool,
                         "SELECT " CLIENT_COLS " FROM oauth_client ORDER BY name", "");
    if (!err) {
        while (!err && row) {
            read_row(apr_array_push(*list), st, pool);
            err = cloud_stmt_step(&row, st, ctx->pool);
        }
        cloud_stmt_done(st);
    }
    cloud_tx_rollback(ctx);
    return err;
}

/* ---- secrets ---- */

static const char *builtin_secret(const char *id)
{
    apr_size_t i;

    for (i = 0; i < sizeof BUILTIN / sizeof *BUILTIN; i++)
        if (strcmp(BUILTIN[i].id, id) == 0) return BUILTIN[i].secret;
    return NULL;
}

static cloud_err_t *check_stored(int *fits, cloud_ctx_t *ctx, const cloud_oauth_client_t *client,
                                 const unsigned char *hash)
{
    const void *stored;
    cloud_stmt_t *st;
    apr_size_t len;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT secret FROM oauth_client WHERE number = ?1", "i",
                             client->number));
    if (row && !cloud_col_null(st, 0)) {
        stored = cloud_col_blob(st, 0, &len);
        *fits = len == OAUTH_HASH && CRYPTO_memcmp(stored, hash, OAUTH_HASH) == 0;
    }
    cloud_stmt_done(st);
    return NULL;
}

cloud_err_t *cloud_oauth_client_check(int *fits, cloud_ctx_t *ctx,
                                      const cloud_oauth_client_t *client, const char *secret)
{
    const char *known = client->builtin ? builtin_secret(client->id) : NULL;
    unsigned char hash[OAUTH_HASH];
    cloud_err_t *err;

    *fits = 0;
    if (known) {
        *fits = strlen(known) == strlen(secret)
                && CRYPTO_memcmp(known, secret, strlen(known)) == 0;
        return NULL;
    }
    CLOUD_ERR(cloud_oauth_hash(hash, ctx, "client", secret));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = check_stored(fits, ctx, client, hash);
    cloud_tx_rollback(ctx);
    return err;
}

/* ---- adding and removing ---- */

static int is_line(const char *text, apr_size_t max)
{
    const unsigned char *c = (const unsigned char *)text;

    while (*c >= 0x20 && *c != 0x7f) c++;
    return *text && !*c && strlen(text) <= max && cloud_name_xml_ok(text);
}

/* What travels in a header and in a form without being encoded differently by anybody. */
static int is_token(const char *text, apr_size_t min)
{
    const char *c = text;

    while (*c > ' ' && *c < 0x7f && !strchr(":%+&=\"\\", *c)) c++;
    return !*c && (apr_size_t)(c - text) >= min && c - text <= TEXT_MAX;
}

static cloud_err_t *check_new(cloud_ctx_t *ctx, const cloud_oauth_client_new_t *what)
{
    if (!is_line(what->name, NAME_BYTES))
        return cloud_err(ctx->pool, CLOUD_E_INVALID, "The name is a line of at most %d bytes",
                         NAME_BYTES);
    if (!cloud_oauth_redirect_ok(what->redirect))
        return cloud_err(ctx->pool, CLOUD_E_INVALID,
                         "The redirect URI must be absolute, without user, fragment or wildcard;"
                         " only http://localhost:* may leave the port open");
    if (what->id && !is_token(what->id, ID_MIN))
        return cloud_err(ctx->pool, CLOUD_E_INVALID,
                         "The client id must have %d to %d letters, digits or - . _ ~", ID_MIN,
                         TEXT_MAX);
    if (what->secret && what->is_public)
        return cloud_err(ctx->pool, CLOUD_E_INVALID, "A public client has no secret");
    if (what->secret && !is_token(what->secret, SECRET_MIN))
        return cloud_err(ctx->pool, CLOUD_E_INVALID,
                         "The secret must have %d to %d letters, digits or - . _ ~", SECRET_MIN,
                         TEXT_MAX);
    /* Any program on somebody's machine could get a code without being seen. */
    if (what->trusted && strncmp(what->redirect, "https://", 8) != 0)
        return cloud_err(ctx->pool, CLOUD_E_INVALID,
                         "Only a client with an https redirect URI can be trusted");
    return NULL;
}

static cloud_err_t *insert_tx(cloud_oauth_client_t *c, cloud_ctx_t *ctx, const unsigned char *hash)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tree_draw(&c->number, ctx));
    err = cloud_db_run(ctx->db, NULL, ctx->pool,
                       "INSERT INTO oauth_client (number, id, name, redirect, secret, trusted,"
                       " builtin, removed, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, ?7)",
                       "itttbii", c->number, c->id, c->name, c->redirect, (const void *)hash,
                       (apr_size_t)(hash ? OAUTH_HASH : 0), (apr_int64_t)c->trusted,
                       (apr_int64_t)c->created);
    return cloud_err_is(err, CLOUD_E_EXISTS)
               ? cloud_err(ctx->pool, CLOUD_E_EXISTS, "There is a client of this name or id already")
               : err;
}

cloud_err_t *cloud_oauth_client_add(cloud_oauth_client_t **client, const char **secret,
                                    cloud_ctx_t *ctx, const cloud_oauth_client_new_t *what,
                                    apr_pool_t *pool)
{
    cloud_oauth_client_t *c = apr_pcalloc(pool, sizeof *c);
    unsigned char hash[OAUTH_HASH];

    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    CLOUD_ERR(check_new(ctx, what));
    c->id = what->id;
    if (!c->id) CLOUD_ERR(cloud_oauth_secret(&c->id, pool));
    *secret = what->secret;
    if (!what->secret && !what->is_public) CLOUD_ERR(cloud_oauth_secret(secret, pool));
    if (*secret) CLOUD_ERR(cloud_oauth_hash(hash, ctx, "client", *secret));
    c->name = what->name;
    c->redirect = what->redirect;
    c->has_secret = *secret != NULL;
    c->trusted = what->trusted != 0;
    c->created = apr_time_now();
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(cloud_tx_end(ctx, insert_tx(c, ctx, *secret ? hash : NULL)));
    *client = c;
    return NULL;
}

static cloud_err_t *find_tx(cloud_oauth_client_t **client, cloud_ctx_t *ctx, const char *name)
{
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT " CLIENT_COLS " FROM oauth_client WHERE name = ?1 OR id = ?1",
                             "t", name));
    *client = NULL;
    if (row) {
        *client = apr_palloc(ctx->pool, sizeof **client);
        read_row(*client, st, ctx->pool);
    }
    cloud_stmt_done(st);
    return row ? NULL : not_found(ctx);
}

static cloud_err_t *remove_tx(cloud_ctx_t *ctx, const char *name)
{
    cloud_oauth_client_t *c;

    CLOUD_ERR(find_tx(&c, ctx, name));
    if (c->removed) return not_found(ctx);
    CLOUD_ERR(cloud_oauth_client_end(ctx, c->number));
    /* The row of a built-in one stays: it would be made again. */
    if (c->builtin)
        return cloud_db_run(ctx->db, NULL, ctx->pool,
                            "UPDATE oauth_client SET removed = 1 WHERE number = ?1", "i",
                            c->number);
    return cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM oauth_client WHERE number = ?1",
                        "i", c->number);
}

cloud_err_t *cloud_oauth_client_remove(cloud_ctx_t *ctx, const char *name)
{
    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, remove_tx(ctx, name));
}

static cloud_err_t *restore_tx(cloud_ctx_t *ctx, const char *name)
{
    cloud_oauth_client_t *c;

    CLOUD_ERR(find_tx(&c, ctx, name));
    if (!c->removed) return not_found(ctx);
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "UPDATE oauth_client SET removed = 0 WHERE number = ?1", "i", c->number);
}

cloud_err_t *cloud_oauth_client_restore(cloud_ctx_t *ctx, const char *name)
{
    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, restore_tx(ctx, name));
}

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file session.c
 * Sessions of browsers. A row is made when somebody has proved who they are, never before, so that
 * nobody can hand a session to somebody else and nobody fills the table without a password.
 */
#include "login_private.h"

#include <string.h>
#include <openssl/crypto.h>

#define SEEN_EVERY  apr_time_from_sec(60)
#define CODE_TIME   apr_time_from_sec(600) /* to type the second factor */
#define AGENT_MAX   255
#define PER_ACCOUNT 100                    /* sessions of a stage; the one seen first makes room */
#define PER_STEP    500

/* When a session is over. */
typedef struct {
    apr_time_t now, idle, oldest;
} limits_t;

static cloud_err_t *get_limits(limits_t *l, cloud_ctx_t *ctx)
{
    apr_int64_t idle, longest;

    CLOUD_ERR(cloud_setting_int(&idle, ctx, "system", "session_lifetime"));
    CLOUD_ERR(cloud_setting_int(&longest, ctx, "system", "session_max_lifetime"));
    l->now = apr_time_now();
    l->idle = l->now - apr_time_from_sec(idle);
    l->oldest = l->now - apr_time_from_sec(longest);
    return NULL;
}

static int is_over(const cloud_session_t *s, const limits_t *l)
{
    return s->seen < l->idle || s->created < l->oldest
           || (s->stage == CLOUD_SESSION_CODE && s->created < l->now - CODE_TIME);
}

/* ---- beginning ---- */

/* What a browser says of itself is shown on pages and must not grow without bound. */
static const char *cut(const char *text, apr_pool_t *pool)
{
    apr_size_t len;

    if (!text || !cloud_name_xml_ok(text)) return "";
    len = strlen(text);
    if (len <= AGENT_MAX) return text;
    for (len = AGENT_MAX; len && ((unsigned char)text[len] & 0xc0) == 0x80;) len--;
    return apr_pstrndup(pool, text, len);
}

/* Among those of the same stage: who has only the password ends no session that is open. */
static cloud_err_t *make_room(cloud_ctx_t *ctx, const cloud_account_t *a,
                              cloud_session_stage_t stage)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "DELETE FROM login_session WHERE id IN (SELECT id FROM login_session"
                        " WHERE account = ?1 AND stage = ?3 ORDER BY seen DESC LIMIT -1 OFFSET ?2)",
                        "iii", a->number, (apr_int64_t)(PER_ACCOUNT - 1), (apr_int64_t)stage);
}

/* The password may have been changed since it was verified: then it is as if it had been wrong. */
static cloud_err_t *create_tx(cloud_ctx_t *ctx, const cloud_account_t *a, const char *secret,
                              cloud_session_stage_t stage)
{
    const char *agent = cut(ctx->agent, ctx->pool);
    unsigned char hash[CLOUD_LOGIN_HASH];
    cloud_account_t *current;
    apr_time_t now = apr_time_now();
    apr_int64_t id;

    CLOUD_ERR(cloud_account_by_number(&current, ctx, a->number, ctx->pool));
    if (!current->enabled || current->secret_epoch != a->secret_epoch)
        return cloud_err(ctx->pool, CLOUD_E_UNAUTHORIZED, NULL);
    CLOUD_ERR(make_room(ctx, a, stage));
    CLOUD_ERR(cloud_tree_draw(&id, ctx));
    cloud_login_hash(hash, secret);
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "INSERT INTO login_session (id, hash, account, epoch, stage, created, seen,"
                        " address, agent) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8)",
                        "ibiiiitt", id, (const void *)hash, (apr_size_t)sizeof hash, a->number,
                        a->secret_epoch, (apr_int64_t)stage, (apr_int64_t)now,
                        ctx->who.address ? ctx->who.address : "", agent);
}

cloud_err_t *cloud_session_create(const char **secret, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, cloud_session_stage_t stage,
                                  apr_pool_t *pool)
{
    const char *made;

    CLOUD_ERR(cloud_login_may(ctx, account));
    CLOUD_ERR(cloud_login_secret(&made, pool));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    CLOUD_ERR(cloud_tx_end(ctx, create_tx(ctx, account, made, stage)));
    *secret = made;
    return NULL;
}

/* ---- looking up ---- */

#define SESSION_COLS "id, stage, created, seen, address, agent"

static void read_row(cloud_session_t *s, cloud_stmt_t *st, apr_pool_t *pool)
{
    s->id = cloud_col_int(st, 0);
    s->stage = cloud_col_int(st, 1) == CLOUD_SESSION_OPEN ? CLOUD_SESSION_OPEN
                                                          : CLOUD_SESSION_CODE;
    s->created = cloud_col_int(st, 2);
    s->seen = cloud_col_int(st, 3);
    s->address = cloud_col_dup(st, 4, pool);
    s->agent = cloud_col_dup(st, 5, pool);
}

typedef struct {
    cloud_session_t *session;    /* NULL: none */
    cloud_account_t *account;
    apr_int64_t number, epoch;   /* of the account, as the session has them */
} found_t;

static cloud_err_t *row_of(found_t *f, cloud_ctx_t *ctx, const char *secret, apr_pool_t *pool)
{
    unsigned char hash[CLOUD_LOGIN_HASH];
    cloud_stmt_t *st;
    int row;

    cloud_login_hash(hash, secret);
    CLOUD_ERR(cloud_db_query(&st, &row, ctx->db, ctx->pool,
                             "SELECT " SESSION_COLS ", account, epoch FROM login_session"
                             " WHERE hash = ?1",
                             "b", (const void *)hash, (apr_size_t)sizeof hash));
    if (row) {
        f->session = apr_palloc(pool, sizeof *f->session);
        read_row(f->session, st, pool);
        f->number = cloud_col_int(st, 6);
        f->epoch = cloud_col_int(st, 7);
    }
    cloud_stmt_done(st);
    return NULL;
}

static cloud_err_t *find_tx(found_t *f, cloud_ctx_t *ctx, const char *secret, const limits_t *l,
                            apr_pool_t *pool)
{
    cloud_err_t *err;

    CLOUD_ERR(row_of(f, ctx, secret, pool));
    if (!f->session) return NULL;
    err = cloud_account_by_number(&f->account, ctx, f->number, pool);
    if (err && err->code != CLOUD_E_NOT_FOUND) return err;
    if (err || !f->account->enabled || f->account->secret_epoch != f->epoch
        || is_over(f->session, l))
        f->session = NULL;
    return NULL;
}

/* Nobody waits for it to be durable. */
static cloud_err_t *note_seen(cloud_ctx_t *ctx, const cloud_session_t *s, apr_time_t now)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = cloud_db_run(ctx->db, NULL, ctx->pool,
                       "UPDATE login_session SET seen = ?2 WHERE id = ?1 AND seen < ?2", "ii",
                       s->id, (apr_int64_t)now);
    if (!err) return cloud_tx_commit(ctx);
    cloud_tx_rollback(ctx);
    return err;
}

cloud_err_t *cloud_session_find(cloud_session_t **session, cloud_account_t **account,
                                cloud_ctx_t *ctx, const char *secret, apr_pool_t *pool)
{
    found_t f = { NULL, NULL, 0, 0 };
    cloud_err_t *err;
    limits_t l;

    *session = NULL;
    *account = NULL;
    CLOUD_ERR(get_limits(&l, ctx));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = find_tx(&f, ctx, secret, &l, pool);
    cloud_tx_rollback(ctx);
    if (err || !f.session) return err;
    *session = f.session;
    *account = f.account;
    /* A session that waits for its code does not last longer for being looked at. */
    if (f.session->stage != CLOUD_SESSION_OPEN || l.now - f.session->seen < SEEN_EVERY) return NULL;
    return note_seen(ctx, f.session, l.now);
}

static cloud_err_t *list_tx(apr_array_header_t *list, cloud_ctx_t *ctx, const cloud_account_t *a,
                            const limits_t *l)
{
    cloud_err_t *err;
    cloud_stmt_t *st;
    int row;

    CLOUD_ERR(cloud_db_stmt(&st, ctx->db,
                            "SELECT " SESSION_COLS " FROM login_session WHERE account = ?1"
                            " AND stage = 0 AND epoch ="
                            " (SELECT secret_epoch FROM account WHERE number = ?1)"
                            " ORDER BY seen DESC",
                            ctx->pool));
    cloud_stmt_int(st, 1, a->number);
    while (!(err = cloud_stmt_step(&row, st, ctx->pool)) && row) {
        cloud_session_t *s = apr_array_push(list);
        read_row(s, st, list->pool);
        if (is_over(s, l)) apr_array_pop(list);
    }
    cloud_stmt_done(st);
    return err;
}

cloud_err_t *cloud_session_list(apr_array_header_t **list, cloud_ctx_t *ctx,
                                const cloud_account_t *account, apr_pool_t *pool)
{
    cloud_err_t *err;
    limits_t l;

    *list = apr_array_make(pool, 4, sizeof(cloud_session_t));
    CLOUD_ERR(cloud_login_may(ctx, account));
    CLOUD_ERR(get_limits(&l, ctx));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_READ));
    err = list_tx(*list, ctx, account, &l);
    cloud_tx_rollback(ctx);
    return err;
}

/* ---- ending ---- */

cloud_err_t *cloud_session_end(cloud_ctx_t *ctx, const char *secret)
{
    unsigned char hash[CLOUD_LOGIN_HASH];

    cloud_login_hash(hash, secret);
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, cloud_db_run(ctx->db, NULL, ctx->pool,
                                          "DELETE FROM login_session WHERE hash = ?1", "b",
                                          (const void *)hash, (apr_size_t)sizeof hash));
}

static cloud_err_t *revoke_tx(cloud_ctx_t *ctx, const cloud_account_t *a, apr_int64_t id,
                              apr_int64_t keep)
{
    int changed;

    CLOUD_ERR(cloud_db_run(ctx->db, &changed, ctx->pool,
                           "DELETE FROM login_session WHERE account = ?1 AND id <> ?3"
                           " AND (?2 = 0 OR id = ?2)",
                           "iii", a->number, id, keep));
    return id && !changed ? cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, "There is no such session")
                          : NULL;
}

cloud_err_t *cloud_session_revoke(cloud_ctx_t *ctx, const cloud_account_t *account,
                                  apr_int64_t id, apr_int64_t keep)
{
    CLOUD_ERR(cloud_login_may(ctx, account));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    return cloud_tx_end(ctx, revoke_tx(ctx, account, id, keep));
}

cloud_err_t *cloud_session_keep(cloud_ctx_t *ctx, const cloud_account_t *account, apr_int64_t id)
{
    return cloud_db_run(ctx->db, NULL, ctx->pool,
                        "UPDATE login_session SET epoch ="
                        " (SELECT secret_epoch FROM account WHERE number = ?1)"
                        " WHERE account = ?1 AND id = ?2",
                        "ii", account->number, id);
}

/* What is over by idleness or age, and the sessions of another epoch go with it in time. */
static cloud_err_t *expire_tx(int *changed, cloud_ctx_t *ctx, const limits_t *l)
{
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool, "DELETE FROM login_flow WHERE expires < ?1",
                           "i", (apr_int64_t)l->now));
    /* Second factors that nobody went on to set up. */
    CLOUD_ERR(cloud_db_run(ctx->db, NULL, ctx->pool,
                           "DELETE FROM login_totp WHERE confirmed = 0 AND created < ?1", "i",
                           (apr_int64_t)(l->now - CLOUD_SECOND_WAITS)));
    return cloud_db_run(ctx->db, changed, ctx->pool,
                        "DELETE FROM login_session WHERE id IN (SELECT id FROM login_session"
                        " WHERE seen < ?1 OR created < ?2 LIMIT ?3)",
                        "iii", (apr_int64_t)l->idle, (apr_int64_t)l->oldest,
                        (apr_int64_t)PER_STEP);
}

cloud_err_t *cloud_login_expire(int *more, cloud_ctx_t *ctx)
{
    cloud_err_t *err;
    int changed = 0;
    limits_t l;

    if (!ctx->who.system) return cloud_err(ctx->pool, CLOUD_E_DENIED, NULL);
    CLOUD_ERR(get_limits(&l, ctx));
    CLOUD_ERR(cloud_tx_begin(ctx, CLOUD_DB_WRITE));
    err = expire_tx(&changed, ctx, &l);
    *more = changed == PER_STEP;
    if (!err) return cloud_tx_commit(ctx);
    cloud_tx_rollback(ctx);
    return err;
}

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
#include "mounts_util.h"

#include "maint.h"
#include "trash.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

person_t mu_alice, mu_bob, mu_carol, mu_dave;
person_t mu_person(const char *id)
{
    person_t p = { tu_account(id), NULL };

    p.ctx = tu_as(p.account);
    return p;
}

void mu_setup(void)
{
    cloud_shares_register();
    cloud_trash_register();
    tu_store();
    mu_alice = mu_person("alice");
    mu_bob = mu_person("bob");
    mu_carol = mu_person("carol");
    mu_dave = mu_person("dave");
}

void mu_setup_items(void)
{
    mu_setup();
    mu_mkcol(&mu_alice, "work");
    mu_mkcol(&mu_alice, "work/doc");
    mu_mkcol(&mu_alice, "work/doc/sub");
    mu_put(&mu_alice, "work/doc/a.txt", "of alice");
    mu_put(&mu_alice, "work/doc/sub/deep", "deeper");
    mu_put(&mu_alice, "file.txt", "a file");
}

void mu_teardown(void)
{
    tu_sound();
    tu_maintain();
    tu_sound();
    tu_end();
    cloud_trash_unregister();
    cloud_shares_unregister();
}

/* ---- the verbs ---- */

void mu_mkcol(person_t *p, const char *path)
{
    cloud_result_t res;

    OK(cloud_file_mkcol(&res, p->ctx, p->account, path, NULL, tu.pool));
}

cloud_err_t *mu_try_put(person_t *p, const char *path, const char *text)
{
    cloud_put_opts_t opts = { .length = (apr_int64_t)strlen(text) };
    cloud_result_t res;
    cloud_put_t *put;

    CLOUD_ERR(cloud_put_begin(&put, p->ctx, p->account, path, &opts, tu.pool));
    CLOUD_ERR(cloud_put_write(put, text, strlen(text)));
    return cloud_put_commit(&res, put);
}

void mu_put(person_t *p, const char *path, const char *text)
{
    OK(mu_try_put(p, path, text));
}

const char *mu_read(person_t *p, const char *path)
{
    cloud_entry_t *e;
    struct stat st;
    char *text;
    int fd;

    if (cloud_file_open(&fd, &e, p->ctx, p->account, path, tu.pool)) return NULL;
    ck_assert_int_eq(fstat(fd, &st), 0);
    text = apr_pcalloc(tu.pool, (apr_size_t)st.st_size + 1);
    ck_assert_int_eq(pread(fd, text, (size_t)st.st_size, 0), st.st_size);
    return text;
}

cloud_err_t *mu_move(person_t *p, const char *src, const char *dst)
{
    cloud_result_t res;

    return cloud_file_move(&res, p->ctx, p->account, src, p->account, dst, 1, NULL, NULL, tu.pool);
}

cloud_err_t *mu_copy(person_t *p, const char *src, const char *dst)
{
    cloud_result_t res;

    return cloud_file_copy(&res, p->ctx, p->account, src, p->account, dst, 1, -1, NULL, NULL,
                           tu.pool);
}

cloud_err_t *mu_remove(person_t *p, const char *path)
{
    return cloud_file_remove(p->ctx, p->account, path, NULL);
}

cloud_entry_t *mu_entry(person_t *p, const char *path)
{
    cloud_entry_t *e;

    OK(cloud_resolve(&e, p->ctx, p->account, path, tu.pool));
    return e;
}

int mu_exists(person_t *p, const char *path)
{
    return mu_entry(p, path)->exists;
}

apr_int64_t mu_id(person_t *p, const char *path)
{
    cloud_entry_t *e = mu_entry(p, path);

    ck_assert_msg(e->exists, "%s does not exist", path);
    return e->node.id;
}

apr_int64_t mu_etag(person_t *p, const char *path)
{
    cloud_entry_t *e = mu_entry(p, path);

    ck_assert_msg(e->exists, "%s does not exist", path);
    return e->etag;
}

static cloud_err_t *collect(void *baton, const cloud_child_t *child)
{
    const char **names = baton;

    *names = apr_pstrcat(tu.pool, *names, child->name, ";", NULL);
    return NULL;
}

const char *mu_list(person_t *p, const char *path)
{
    const char *names = "";
    cloud_entry_t *e;

    OK(cloud_file_stat(&e, p->ctx, p->account, path, tu.pool));
    OK(cloud_file_list(p->ctx, e, collect, &names));
    return names;
}

const char *mu_letters(person_t *p, const char *path)
{
    cloud_entry_t *e = mu_entry(p, path);

    return cloud_perm_letters(e->perms, CLOUD_IS_DIR(&e->node), e->shared, e->mounted, tu.pool);
}

/* ---- rows ---- */

void mu_sql(const char *fmt, ...)
{
    va_list args;
    char *sql;

    va_start(args, fmt);
    sql = apr_pvsprintf(tu.pool, fmt, args);
    va_end(args);
    tu_exec(sql);
}

static apr_int64_t row(const cloud_entry_t *e, const cloud_account_t *by, int type,
                       apr_int64_t recipient, unsigned perms)
{
    mu_sql("INSERT INTO share (type, recipient, node, owner, initiator, perms, state, target,"
           " created) VALUES (%d, %" APR_INT64_T_FMT ", %" APR_INT64_T_FMT ", %" APR_INT64_T_FMT
           ", %" APR_INT64_T_FMT ", %u, 0, '%s', 0)",
           type, recipient, e->node.id, e->owner->number, by->number, perms, e->node.name);
    return tu_query_int("SELECT max(id) FROM share");
}

apr_int64_t mu_share(person_t *owner, const char *path, person_t *with, unsigned perms)
{
    return row(mu_entry(owner, path), owner->account, CLOUD_SHARE_USER, with->account->number,
               perms);
}

apr_int64_t mu_reshare(person_t *by, const char *path, person_t *with, unsigned perms)
{
    cloud_entry_t *e = mu_entry(by, path);

    ck_assert_ptr_nonnull(e->mount);
    return row(e, by->account, CLOUD_SHARE_USER, with->account->number, perms);
}

static apr_int64_t group_number(const char *group)
{
    cloud_stmt_t *st;
    apr_int64_t number;
    int found;

    OK(cloud_tx_begin(tu.ctx, CLOUD_DB_READ));
    OK(cloud_db_query(&st, &found, tu.ctx->db, tu.pool, "SELECT number FROM usergroup WHERE id = ?1",
                      "t", group));
    ck_assert_int_eq(found, 1);
    number = cloud_col_int(st, 0);
    cloud_stmt_done(st);
    cloud_tx_rollback(tu.ctx);
    return number;
}

apr_int64_t mu_share_group(person_t *owner, const char *path, const char *group, unsigned perms)
{
    return row(mu_entry(owner, path), owner->account, CLOUD_SHARE_GROUP, group_number(group),
               perms);
}

void mu_group(const char *group, person_t *member)
{
    mu_sql("INSERT OR IGNORE INTO usergroup (number, id, source, created)"
           " VALUES ((SELECT max(number) + 1 FROM usergroup), '%s', 'database', 0)", group);
    mu_sql("INSERT INTO membership (account, usergroup, source) VALUES (%" APR_INT64_T_FMT
           ", %" APR_INT64_T_FMT ", 'database')", member->account->number, group_number(group));
}

void mu_place(person_t *p, apr_int64_t node, apr_int64_t parent, const char *name)
{
    mu_sql("INSERT OR REPLACE INTO share_place (account, node, parent, name) VALUES (%"
           APR_INT64_T_FMT ", %" APR_INT64_T_FMT ", %" APR_INT64_T_FMT ", '%s')",
           p->account->number, node, parent, name);
}

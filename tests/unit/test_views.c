/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Views: a namespace whose root is one item of somebody's, a folder, a single file, or a folder into which things
 * may only be dropped. Each verb, with each set of permissions; and that nothing else is to be had by it. */
#include "mounts_util.h"

#include "hooks.h"
#include "internal.h"
#include "lock.h"

#include <string.h>

#define R CLOUD_PERM_READ
#define U CLOUD_PERM_UPDATE
#define C CLOUD_PERM_CREATE
#define D CLOUD_PERM_DELETE
#define NEVER 0x100u

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

/* What the view is, whenever it is asked. */
static struct {
    apr_int64_t node;
    unsigned perms, flags;
    int over;
} what;

static cloud_err_t *look(cloud_mount_t *m, cloud_ctx_t *ctx, const cloud_view_t *view,
                         apr_pool_t *pool)
{
    cloud_node_t *node;

    (void)view;
    if (what.over) return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, NULL);
    CLOUD_ERR(cloud_tree_get(&node, ctx, what.node, pool));
    if (!node) return cloud_err(ctx->pool, CLOUD_E_NOT_FOUND, NULL);
    m->target = *node;
    m->owner = mu_alice.account->number;
    m->perms = what.perms;
    m->flags = what.flags;
    return NULL;
}

static const cloud_feature_t feature = { .name = "views", .view = look };
static const cloud_view_t view = { &feature, 1 }, other = { &feature, 2 };
static person_t visitor;

static person_t by(const cloud_view_t *v)
{
    person_t p = { apr_pmemdup(tu.pool, mu_alice.account, sizeof *mu_alice.account), tu_as(NULL) };

    p.account->view = &view;
    p.ctx->who.view = v;
    return p;
}

static void setup(void)
{
    cloud_feature_register(&feature);
    mu_setup();
    mu_mkcol(&mu_alice, "top");
    mu_put(&mu_alice, "top/beside", "a secret");
    visitor = by(&view);
}

static void teardown(void)
{
    mu_teardown();
    cloud_feature_unregister(&feature);
}

/* As it is before each operation. */
static void fresh(void)
{
    if (mu_exists(&mu_alice, "top/in")) OK(mu_remove(&mu_alice, "top/in"));
    mu_mkcol(&mu_alice, "top/in");
    mu_put(&mu_alice, "top/in/f", "content");
    mu_mkcol(&mu_alice, "top/in/d");
    mu_put(&mu_alice, "top/in/d/g", "below");
}

static void open_folder(unsigned perms)
{
    fresh();
    what.node = mu_id(&mu_alice, "top/in");
    what.perms = perms;
    what.flags = 0;
    what.over = 0;
}

static void open_file(unsigned perms)
{
    open_folder(perms);
    what.node = mu_id(&mu_alice, "top/in/f");
}

/* ---- the operations ---- */

static cloud_err_t *stat_of(const char *path)
{
    cloud_entry_t *e;

    return cloud_file_stat(&e, visitor.ctx, visitor.account, path, tu.pool);
}

static cloud_err_t *open_it(const char *path)
{
    cloud_entry_t *e;
    int fd;

    return cloud_file_open(&fd, &e, visitor.ctx, visitor.account, path, tu.pool);
}

static cloud_err_t *make(const char *path)
{
    cloud_result_t res;

    return cloud_file_mkcol(&res, visitor.ctx, visitor.account, path, NULL, tu.pool);
}

static cloud_err_t *patch(const char *path, int time, int favorite)
{
    static const apr_int64_t mtime = 1234567890;
    static const int yes = 1;
    static const cloud_prop_t prop = { "urn:x", "p", "v", NULL };
    apr_array_header_t *props = apr_array_make(tu.pool, 1, sizeof prop);
    cloud_patch_t set = { NULL, time ? &mtime : NULL, favorite ? &yes : NULL };
    cloud_result_t res;

    APR_ARRAY_PUSH(props, cloud_prop_t) = prop;
    if (!time && !favorite) set.props = props;
    return cloud_file_patch(&res, visitor.ctx, visitor.account, path, &set, NULL, tu.pool);
}

static cloud_err_t *lock(const char *path)
{
    cloud_lock_t *taken;
    int created;

    return cloud_lock_take(&taken, &created, visitor.ctx, visitor.account, path, 1, 0, NULL, 0,
                           NULL, tu.pool);
}

static cloud_err_t *stat_file(void) { return stat_of("f"); }
static cloud_err_t *stat_below(void) { return stat_of("d/g"); }
static cloud_err_t *read_file(void) { return open_it("f"); }
static cloud_err_t *read_below(void) { return open_it("d/g"); }
static cloud_err_t *put_new(void) { return mu_try_put(&visitor, "new", "new"); }
static cloud_err_t *put_below(void) { return mu_try_put(&visitor, "d/new", "new"); }
static cloud_err_t *put_over(void) { return mu_try_put(&visitor, "f", "other"); }
static cloud_err_t *mkcol(void) { return make("new"); }
static cloud_err_t *remove_file(void) { return mu_remove(&visitor, "f"); }
static cloud_err_t *remove_folder(void) { return mu_remove(&visitor, "d"); }
static cloud_err_t *rename_file(void) { return mu_move(&visitor, "f", "new"); }
static cloud_err_t *rename_folder(void) { return mu_move(&visitor, "d", "new"); }
static cloud_err_t *move_file(void) { return mu_move(&visitor, "f", "d/new"); }
static cloud_err_t *move_over(void) { return mu_move(&visitor, "d/g", "f"); }
static cloud_err_t *copy_file(void) { return mu_copy(&visitor, "f", "d/new"); }
static cloud_err_t *copy_folder(void) { return mu_copy(&visitor, "d", "new"); }
static cloud_err_t *copy_over(void) { return mu_copy(&visitor, "d/g", "f"); }
static cloud_err_t *set_time(void) { return patch("f", 1, 0); }
static cloud_err_t *set_prop(void) { return patch("f", 0, 0); }
static cloud_err_t *set_favorite(void) { return patch("f", 0, 1); }
static cloud_err_t *lock_file(void) { return lock("f"); }
static cloud_err_t *lock_nothing(void) { return lock("new"); }
static cloud_err_t *remove_root(void) { return mu_remove(&visitor, ""); }
static cloud_err_t *move_root(void) { return mu_move(&visitor, "", "d/new"); }
static cloud_err_t *put_root(void) { return mu_try_put(&visitor, "", "x"); }
static cloud_err_t *mkcol_root(void) { return make(""); }
static cloud_err_t *over_root(void) { return mu_move(&visitor, "f", ""); }
static cloud_err_t *copy_over_root(void) { return mu_copy(&visitor, "d", ""); }

typedef struct {
    const char *name;
    cloud_err_t *(*run)(void);
    unsigned needs;
} op_t;

#define OP(name, needs) { #name, name, needs }

static const op_t OPS[] = {
    OP(stat_file, R), OP(stat_below, R), OP(read_file, R), OP(read_below, R), OP(put_new, C),
    OP(put_below, C), OP(put_over, U), OP(mkcol, C), OP(remove_file, D), OP(remove_folder, D),
    OP(rename_file, U), OP(rename_folder, U), OP(move_file, U | C | D), OP(move_over, U | C | D),
    OP(copy_file, R | C), OP(copy_folder, R | C), OP(copy_over, R | U), OP(set_time, U),
    OP(set_prop, U), OP(set_favorite, NEVER), OP(lock_file, NEVER), OP(lock_nothing, NEVER),
    OP(remove_root, NEVER), OP(move_root, NEVER), OP(put_root, NEVER), OP(mkcol_root, NEVER),
    OP(over_root, NEVER), OP(copy_over_root, NEVER),
};

static int is_refusal(const cloud_err_t *err)
{
    return err->code == CLOUD_E_DENIED || err->code == CLOUD_E_NOT_FOUND
           || err->code == CLOUD_E_CONFLICT || err->code == CLOUD_E_EXISTS;
}

/* Runs an operation; what is allowed has its effect, and what is not has none. */
static void check_op(const op_t *op, unsigned perms, unsigned needs)
{
    apr_int64_t before = mu_etag(&mu_alice, "top");
    cloud_err_t *err = op->run();

    if ((needs & ~perms) == 0) {
        ck_assert_msg(!err, "%s with %u: %s", op->name, perms, err ? err->msg : "");
        return;
    }
    ck_assert_msg(err != NULL, "%s with %u is allowed", op->name, perms);
    ck_assert_msg(is_refusal(err), "%s with %u: %s", op->name, perms, cloud_err_info(err->code)->name);
    ck_assert_msg(mu_etag(&mu_alice, "top") == before, "%s with %u", op->name, perms);
    ck_assert_str_eq(mu_read(&mu_alice, "top/beside"), "a secret");
}

START_TEST(folders)
{
    static const unsigned SETS[] = { R, R | U, R | C, R | U | C, R | D, R | U | D, R | C | D,
                                     R | U | C | D };
    int s, i;

    for (s = 0; s < COUNT(SETS); s++) {
        for (i = 0; i < COUNT(OPS); i++) {
            open_folder(SETS[s]);
            check_op(&OPS[i], SETS[s], OPS[i].needs);
        }
        open_folder(SETS[s]);
        ck_assert_str_eq(mu_list(&visitor, ""), "d;f;");
        ck_assert_str_eq(mu_read(&visitor, "f"), "content");
    }
}
END_TEST

/* Whatever else they may: who may not read may bring something, and nothing else. */
START_TEST(drops)
{
    static const unsigned SETS[] = { C, C | U, C | D, C | U | D };
    int s, i;

    for (s = 0; s < COUNT(SETS); s++)
        for (i = 0; i < COUNT(OPS); i++) {
            if (OPS[i].run == put_new || OPS[i].run == put_over) continue;
            open_folder(SETS[s]);
            check_op(&OPS[i], SETS[s], NEVER);
        }
}
END_TEST

static apr_int64_t root_etag(void)
{
    cloud_entry_t *e;

    OK(cloud_file_stat(&e, visitor.ctx, visitor.account, "", tu.pool));
    return e->etag;
}

static int code_of(const cloud_err_t *err)
{
    return err ? (int)err->code : -1;
}

/* Nothing tells what is there from what is not. */
START_TEST(drops_show_nothing)
{
    static const char *const THERE[] = { "f", "d", "d/g" }, *const NOT[] = { "x", "y", "d/z" };
    apr_int64_t etag;
    int i;

    open_folder(C);
    etag = root_etag();
    ck_assert_str_eq(mu_list(&visitor, ""), "");
    for (i = 0; i < COUNT(THERE); i++) {
        ck_assert_int_eq(code_of(stat_of(THERE[i])), CLOUD_E_NOT_FOUND);
        ck_assert_int_eq(code_of(stat_of(NOT[i])), CLOUD_E_NOT_FOUND);
        ck_assert_int_eq(code_of(open_it(THERE[i])), code_of(open_it(NOT[i])));
        ck_assert_int_eq(code_of(make(THERE[i])), code_of(make(NOT[i])));
        ck_assert_int_eq(code_of(mu_remove(&visitor, THERE[i])),
                         code_of(mu_remove(&visitor, NOT[i])));
        ck_assert_int_eq(code_of(mu_move(&visitor, THERE[i], "q")),
                         code_of(mu_move(&visitor, NOT[i], "q")));
        ck_assert_int_eq(code_of(mu_copy(&visitor, THERE[i], "q")),
                         code_of(mu_copy(&visitor, NOT[i], "q")));
        ck_assert_int_eq(code_of(patch(THERE[i], 1, 0)), code_of(patch(NOT[i], 1, 0)));
        ck_assert_int_eq(code_of(lock(THERE[i])), code_of(lock(NOT[i])));
    }
    ck_assert_int_eq(code_of(mu_try_put(&visitor, "d/new", "x")),
                     code_of(mu_try_put(&visitor, "nowhere/new", "x")));
    ck_assert_int_eq(code_of(mu_try_put(&visitor, "f/new", "x")),
                     code_of(mu_try_put(&visitor, "nowhere/new", "x")));
    /* A name that is taken gives another one, and nobody's content goes. */
    OK(mu_try_put(&visitor, "f", "second"));
    OK(mu_try_put(&visitor, "f", "third"));
    OK(mu_try_put(&visitor, "d", "not the folder"));
    ck_assert_str_eq(mu_list(&visitor, ""), "");
    ck_assert_int_eq(root_etag(), etag);
    ck_assert_str_eq(mu_read(&mu_alice, "top/in/f"), "content");
    ck_assert_str_eq(mu_read(&mu_alice, "top/in/f (2)"), "second");
    ck_assert_str_eq(mu_read(&mu_alice, "top/in/f (3)"), "third");
    ck_assert_str_eq(mu_read(&mu_alice, "top/in/d (2)"), "not the folder");
    ck_assert_str_eq(mu_read(&mu_alice, "top/in/d/g"), "below");
}
END_TEST

/* In a folder that is made up: the file can be read and written, as far as that, and nothing comes beside it. */
START_TEST(single_files)
{
    static const unsigned SETS[] = { R, R | U, R | C, R | D, R | U | C | D, C, C | U | D };
    int s, i;

    for (s = 0; s < COUNT(SETS); s++)
        for (i = 0; i < COUNT(OPS); i++) {
            int is_drop = !(SETS[s] & R);
            unsigned needs = OPS[i].run == stat_file || OPS[i].run == read_file ? R
                             : OPS[i].run == put_over || OPS[i].run == set_time
                                     || OPS[i].run == set_prop ? U
                             : OPS[i].run == remove_file ? D : NEVER;

            open_file(SETS[s]);
            check_op(&OPS[i], SETS[s], is_drop ? NEVER : needs);
        }
    open_file(R | U);
    ck_assert_str_eq(mu_list(&visitor, ""), "f;");
    ck_assert_str_eq(mu_read(&visitor, "f"), "content");
    FAILS(stat_of("d"), NOT_FOUND);
    FAILS(stat_of("f/x"), NOT_FOUND);
    FAILS(stat_of("beside"), NOT_FOUND);
    OK(mu_try_put(&visitor, "f", "other"));
    ck_assert_str_eq(mu_read(&mu_alice, "top/in/f"), "other");
    /* Renamed by its owner, it has another name here, too. */
    OK(mu_move(&mu_alice, "top/in/f", "top/h"));
    ck_assert_str_eq(mu_list(&visitor, ""), "h;");
    FAILS(stat_of("f"), NOT_FOUND);
}
END_TEST

START_TEST(content_that_may_not_be_read)
{
    open_folder(R | U | C | D);
    what.flags = CLOUD_MOUNT_NO_DOWNLOAD;
    ck_assert_str_eq(mu_list(&visitor, ""), "d;f;");
    OK(stat_of("d/g"));
    FAILS(open_it("f"), DENIED);
    FAILS(open_it("d/g"), DENIED);
    FAILS(mu_copy(&visitor, "f", "new"), DENIED);
    FAILS(mu_copy(&visitor, "d", "new"), DENIED);
    OK(mu_try_put(&visitor, "f", "other"));
    FAILS(open_it("f"), DENIED);
    OK(mu_move(&visitor, "f", "d/f"));
    FAILS(open_it("d/f"), DENIED);
}
END_TEST

/* ---- who, and for how long ---- */

static void all_refused(person_t *p)
{
    cloud_entry_t *e;
    cloud_result_t res;
    int fd;

    FAILS(cloud_file_stat(&e, p->ctx, p->account, "", tu.pool), NOT_FOUND);
    FAILS(cloud_file_stat(&e, p->ctx, p->account, "f", tu.pool), NOT_FOUND);
    FAILS(cloud_file_open(&fd, &e, p->ctx, p->account, "f", tu.pool), NOT_FOUND);
    FAILS(mu_try_put(p, "new", "x"), NOT_FOUND);
    FAILS(mu_try_put(p, "f", "x"), NOT_FOUND);
    FAILS(cloud_file_mkcol(&res, p->ctx, p->account, "new", NULL, tu.pool), NOT_FOUND);
    FAILS(mu_remove(p, "f"), NOT_FOUND);
    FAILS(mu_move(p, "f", "new"), NOT_FOUND);
    FAILS(mu_copy(p, "f", "new"), NOT_FOUND);
}

START_TEST(it_is_nobody_elses)
{
    person_t wrong = by(&other), nobody = by(NULL), owner = { visitor.account, mu_alice.ctx },
             bob = { visitor.account, mu_bob.ctx };

    open_folder(R | U | C | D);
    all_refused(&wrong);
    all_refused(&nobody);
    all_refused(&owner);
    all_refused(&bob);
    what.perms = 0;
    all_refused(&visitor);
}
END_TEST

START_TEST(it_opens_nothing_else)
{
    person_t alice = { mu_alice.account, visitor.ctx }, bob = { mu_bob.account, visitor.ctx };
    cloud_entry_t *e;
    cloud_result_t res;
    apr_int64_t beside = mu_id(&mu_alice, "top/beside");

    open_folder(R | U | C | D);
    all_refused(&alice);
    all_refused(&bob);
    FAILS(stat_of("../beside"), INVALID_NAME);
    FAILS(stat_of("d/../../beside"), INVALID_NAME);
    FAILS(cloud_resolve_id(&e, visitor.ctx, visitor.account, beside, tu.pool), NOT_FOUND);
    FAILS(cloud_resolve_id(&e, visitor.ctx, visitor.account, mu_id(&mu_alice, "top"), tu.pool),
          NOT_FOUND);
    OK(cloud_resolve_id(&e, visitor.ctx, visitor.account, mu_id(&mu_alice, "top/in/d/g"), tu.pool));
    ck_assert_str_eq(e->path, "d/g");
    /* Neither out of it nor into it, though the files are one account's. */
    FAILS(cloud_file_move(&res, visitor.ctx, visitor.account, "f", mu_alice.account, "out", 0, NULL,
                          NULL, tu.pool), NOT_FOUND);
    FAILS(cloud_file_copy(&res, visitor.ctx, visitor.account, "f", mu_alice.account, "out", 0, -1,
                          NULL, NULL, tu.pool), NOT_FOUND);
    FAILS(cloud_file_copy(&res, visitor.ctx, mu_alice.account, "top/beside", visitor.account, "in", 0,
                          -1, NULL, NULL, tu.pool), NOT_FOUND);
    FAILS(cloud_file_move(&res, visitor.ctx, mu_alice.account, "top/beside", visitor.account, "in", 0,
                          NULL, NULL, tu.pool), NOT_FOUND);
    open_file(R | U);
    FAILS(cloud_resolve_id(&e, visitor.ctx, visitor.account, mu_id(&mu_alice, "top/in/d"), tu.pool),
          NOT_FOUND);
    OK(cloud_resolve_id(&e, visitor.ctx, visitor.account, what.node, tu.pool));
    ck_assert_str_eq(e->path, "f");
}
END_TEST

START_TEST(it_ends)
{
    cloud_put_opts_t opts = { .length = 1 };
    cloud_result_t res;
    cloud_put_t *put;

    open_folder(R | U | C | D);
    OK(cloud_put_begin(&put, visitor.ctx, visitor.account, "new", &opts, tu.pool));
    OK(cloud_put_write(put, "x", 1));
    what.over = 1;
    all_refused(&visitor);
    FAILS(cloud_put_commit(&res, put), NOT_FOUND);
    what.over = 0;
    OK(stat_of("f"));
    OK(mu_remove(&mu_alice, "top"));
    all_refused(&visitor);
    ck_assert(!mu_exists(&mu_alice, "top"));
}
END_TEST

/* What somebody else shares with the owner is not seen through it. */
START_TEST(mounts_are_not_in_it)
{
    open_folder(R | U | C | D);
    mu_put(&mu_bob, "theirs", "bob's");
    mu_share(&mu_bob, "theirs", &mu_alice, 31);
    OK(mu_move(&mu_alice, "theirs", "top/in/theirs"));
    ck_assert_str_eq(mu_read(&mu_alice, "top/in/theirs"), "bob's");
    ck_assert_str_eq(mu_list(&visitor, ""), "d;f;");
    FAILS(stat_of("theirs"), NOT_FOUND);
    FAILS(open_it("theirs"), NOT_FOUND);
}
END_TEST

Suite *suite_views(void)
{
    Suite *s = suite_create("views");
    TCase *tc = tcase_create("verbs");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    suite_add_tcase(s, tc);
    tcase_add_test(tc, folders);
    tcase_add_test(tc, drops);
    tcase_add_test(tc, drops_show_nothing);
    tcase_add_test(tc, single_files);
    tcase_add_test(tc, content_that_may_not_be_read);
    tcase_add_test(tc, it_is_nobody_elses);
    tcase_add_test(tc, it_opens_nothing_else);
    tcase_add_test(tc, it_ends);
    tcase_add_test(tc, mounts_are_not_in_it);
    return s;
}

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* People who share, one command after the other: what test_people.py drives, and kills.
 *
 *   people DIR     DIR holds the store; it is made when there is none
 *
 * Commands are lines of standard input, words between blanks; paths begin with a slash. Each is answered by lines
 * of what was asked for, if any, and then by "= ok ..." or "= CODE: what was wrong". "kill N" lets the process
 * die at the N-th injection point that it passes from then on. */
#include "internal.h"
#include "account.h"
#include "files.h"
#include "group.h"
#include "maint.h"
#include "share.h"
#include "trash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_general.h>

#define WORDS_MAX 8

/* What a command is run with. word[0] is its name, word[1] mostly who asks. */
typedef struct {
    cloud_store_t *store;
    cloud_ctx_t *system, *ctx;   /* ctx: as who asks */
    cloud_account_t *account;
    char *word[WORDS_MAX];
    int words;
    apr_int64_t made;            /* id of what was made */
    apr_pool_t *pool;
} call_t;

static const char *path_at(const call_t *c, int i)
{
    return c->word[i] + 1; /* without the slash */
}

static cloud_err_t *get_account(call_t *c, const char *id)
{
    CLOUD_ERR(cloud_account_get(&c->account, c->system, id, c->pool));
    c->ctx = cloud_ctx_create(c->store, c->pool);
    c->ctx->who.account = c->account;
    return NULL;
}

static cloud_err_t *result(call_t *c, cloud_err_t *err, const cloud_result_t *res)
{
    if (!err) c->made = res->entry->node.id;
    return err;
}

/* ---- people ---- */

static cloud_err_t *run_account(call_t *c)
{
    return cloud_account_create(&c->account, c->system, c->word[1], NULL, NULL, c->pool);
}

static cloud_err_t *run_group(call_t *c)
{
    cloud_group_t *made;

    return cloud_group_create(&made, c->system, c->word[1], NULL, NULL, c->pool);
}

static cloud_err_t *run_join(call_t *c)
{
    return cloud_group_add(c->system, c->word[1], c->word[2], NULL);
}

static cloud_err_t *run_part(call_t *c)
{
    return cloud_group_remove(c->system, c->word[1], c->word[2]);
}

/* ---- files ---- */

static cloud_err_t *run_put(call_t *c)
{
    const char *text = c->word[3];
    cloud_put_opts_t opts = { .length = (apr_int64_t)strlen(text) };
    cloud_result_t res;
    cloud_put_t *put;

    CLOUD_ERR(cloud_put_begin(&put, c->ctx, c->account, path_at(c, 2), &opts, c->pool));
    CLOUD_ERR(cloud_put_write(put, text, strlen(text)));
    return result(c, cloud_put_commit(&res, put), &res);
}

static cloud_err_t *run_mkcol(call_t *c)
{
    cloud_result_t res;

    return result(c, cloud_file_mkcol(&res, c->ctx, c->account, path_at(c, 2), NULL, c->pool),
                  &res);
}

static cloud_err_t *run_remove(call_t *c)
{
    return cloud_file_remove(c->ctx, c->account, path_at(c, 2), NULL);
}

static cloud_err_t *run_move(call_t *c)
{
    cloud_result_t res;

    return result(c, cloud_file_move(&res, c->ctx, c->account, path_at(c, 2), c->account,
                                     path_at(c, 3), 0, NULL, NULL, c->pool), &res);
}

static cloud_err_t *run_copy(call_t *c)
{
    cloud_result_t res;

    return result(c, cloud_file_copy(&res, c->ctx, c->account, path_at(c, 2), c->account,
                                     path_at(c, 3), 0, -1, NULL, NULL, c->pool), &res);
}

/* Paths in the bin have no slash in front. */
static cloud_err_t *run_restore(call_t *c)
{
    cloud_result_t res;

    return result(c, cloud_trash_restore(&res, c->ctx, c->account, c->word[2], c->account,
                                         path_at(c, 3), 0, NULL, c->pool), &res);
}

static cloud_err_t *run_purge(call_t *c)
{
    return cloud_trash_remove(c->ctx, c->account, c->word[2]);
}

/* ---- shares ---- */

/* share WHO PATH user|group WITH PERMS */
static cloud_err_t *run_share(call_t *c)
{
    int to_group = strcmp(c->word[3], "group") == 0;
    cloud_share_ask_t ask = { .path = path_at(c, 2),
                              .type = to_group ? CLOUD_SHARE_GROUP : CLOUD_SHARE_USER,
                              .with = c->word[4], .has_perms = 1, .perms = atoi(c->word[5]) };
    cloud_share_t *share;

    CLOUD_ERR(cloud_share_create(&share, c->ctx, c->account, &ask, c->pool));
    c->made = share->id;
    return NULL;
}

static cloud_err_t *run_change(call_t *c)
{
    cloud_share_ask_t ask = { .has_perms = 1, .perms = atoi(c->word[3]) };
    cloud_share_t *share;

    return cloud_share_update(&share, c->ctx, apr_atoi64(c->word[2]), &ask, c->pool);
}

static cloud_err_t *run_end(call_t *c)
{
    return cloud_share_delete(c->ctx, apr_atoi64(c->word[2]));
}

static cloud_err_t *respond(call_t *c, cloud_share_state_t state)
{
    cloud_share_t *share;

    return cloud_share_respond(&share, c->ctx, c->account, apr_atoi64(c->word[2]), state, c->pool);
}

static cloud_err_t *run_accept(call_t *c) { return respond(c, CLOUD_SHARE_ACCEPTED); }
static cloud_err_t *run_decline(call_t *c) { return respond(c, CLOUD_SHARE_REJECTED); }

/* Lines: id, giver, recipient, permissions, node. */
static cloud_err_t *run_shares(call_t *c)
{
    apr_array_header_t *all;
    int i;

    CLOUD_ERR(cloud_share_all(&all, c->system, NULL, c->pool));
    for (i = 0; i < all->nelts; i++) {
        const cloud_share_t *s = APR_ARRAY_IDX(all, i, const cloud_share_t *);

        printf("%" APR_INT64_T_FMT " %s %s %u %" APR_INT64_T_FMT "\n", s->id, s->initiator.id,
               s->recipient.id, s->perms, s->node);
    }
    return NULL;
}

/* ---- what somebody sees ---- */

typedef struct {
    call_t *call;
    const char *path;            /* of the folder that is listed */
    apr_array_header_t *folders; /* const char *: to be listed */
    apr_array_header_t *files;   /* const char *: to be read */
} walk_t;

/* Lines: path, id, d or f, ETag, permissions, and whether it is in somebody else's files. */
static void say_child(const char *path, const cloud_node_t *node, apr_int64_t etag, unsigned perms,
                      int shared)
{
    printf("/%s %" APR_INT64_T_FMT " %c %" APR_INT64_T_FMT " %u %d\n", path, node->id,
           CLOUD_IS_DIR(node) ? 'd' : 'f', etag, perms & CLOUD_PERM_ALL, shared);
}

static cloud_err_t *walk_child(void *baton, const cloud_child_t *child)
{
    walk_t *w = baton;
    const char *path = apr_pstrcat(w->call->pool, w->path, *w->path ? "/" : "", child->name, NULL);

    say_child(path, child->node, child->etag, child->perms, child->shared);
    APR_ARRAY_PUSH(CLOUD_IS_DIR(child->node) ? w->folders : w->files, const char *) = path;
    return NULL;
}

static int may_not(const cloud_err_t *err)
{
    return cloud_err_is(err, CLOUD_E_DENIED);
}

static cloud_err_t *walk_folder(walk_t *w)
{
    call_t *c = w->call;
    cloud_entry_t *e;
    cloud_err_t *err;

    CLOUD_ERR(cloud_file_stat(&e, c->ctx, c->account, w->path, c->pool));
    if (!*w->path) say_child("", &e->node, e->etag, e->perms, 0);
    err = cloud_file_list(c->ctx, e, walk_child, w);
    return may_not(err) ? NULL : err;
}

/* Lines: "content", path, and the content, or "denied". */
static cloud_err_t *walk_file(walk_t *w, const char *path)
{
    call_t *c = w->call;
    cloud_entry_t *e;
    cloud_err_t *err;
    char text[64];
    ssize_t n;
    int fd;

    err = cloud_file_open(&fd, &e, c->ctx, c->account, path, c->pool);
    if (may_not(err)) {
        printf("content /%s denied\n", path);
        return NULL;
    }
    if (err) return err;
    n = pread(fd, text, sizeof text - 1, 0);
    text[n < 0 ? 0 : n] = '\0';
    printf("content /%s %s\n", path, text);
    return NULL;
}

static cloud_err_t *run_walk(call_t *c)
{
    walk_t w = { .call = c,
                 .folders = apr_array_make(c->pool, 16, sizeof(const char *)),
                 .files = apr_array_make(c->pool, 16, sizeof(const char *)) };
    int i;

    APR_ARRAY_PUSH(w.folders, const char *) = "";
    for (i = 0; i < w.folders->nelts; i++) {
        w.path = APR_ARRAY_IDX(w.folders, i, const char *);
        CLOUD_ERR(walk_folder(&w));
    }
    for (i = 0; i < w.files->nelts; i++)
        CLOUD_ERR(walk_file(&w, APR_ARRAY_IDX(w.files, i, const char *)));
    return NULL;
}

static cloud_err_t *bin_item(void *baton, const cloud_trash_item_t *item)
{
    printf("%" APR_INT64_T_FMT " %" APR_INT64_T_FMT "\n", item->node.id, item->node.size);
    return NULL;
}

static cloud_err_t *run_bin(call_t *c)
{
    return cloud_trash_list(c->ctx, c->account, "", bin_item, NULL, c->pool);
}

/* ---- the store ---- */

static void finding(void *baton, const char *kind, const char *account, const char *path,
                    const char *detail, int repaired)
{
    printf("%s %s %s %s\n", kind, account ? account : "", path, detail);
}

static cloud_err_t *run_fsck(call_t *c)
{
    cloud_fsck_opts_t opts = { .report = finding, .hashes = 1 };
    cloud_fsck_stats_t stats;

    return cloud_fsck(&stats, c->system, NULL, &opts);
}

static cloud_err_t *run_maintain(call_t *c)
{
    int more = 1;

    while (more) CLOUD_ERR(cloud_store_maintain(&more, c->system));
    return NULL;
}

static cloud_err_t *run_kill(call_t *c)
{
    setenv("CLOUD_INJECT_AT", apr_pstrcat(c->pool, "*:", c->word[1], NULL), 1);
    return NULL;
}

/* words: with the command's name. */
static const struct {
    const char *name;
    int words, by_account;
    cloud_err_t *(*run)(call_t *c);
} COMMANDS[] = {
    { "account", 2, 0, run_account }, { "group", 2, 0, run_group },
    { "join", 3, 0, run_join },       { "part", 3, 0, run_part },
    { "put", 4, 1, run_put },         { "mkcol", 3, 1, run_mkcol },
    { "remove", 3, 1, run_remove },   { "move", 4, 1, run_move },
    { "copy", 4, 1, run_copy },       { "restore", 4, 1, run_restore },
    { "purge", 3, 1, run_purge },     { "share", 6, 1, run_share },
    { "change", 4, 1, run_change },   { "end", 3, 1, run_end },
    { "accept", 3, 1, run_accept },   { "decline", 3, 1, run_decline },
    { "shares", 1, 0, run_shares },   { "walk", 2, 1, run_walk },
    { "bin", 2, 1, run_bin },         { "fsck", 1, 0, run_fsck },
    { "maintain", 1, 0, run_maintain }, { "kill", 2, 0, run_kill },
};
#define COMMANDS_N (sizeof COMMANDS / sizeof *COMMANDS)

static cloud_err_t *run(call_t *c)
{
    unsigned i;

    for (i = 0; i < COMMANDS_N; i++) {
        if (strcmp(COMMANDS[i].name, c->word[0]) != 0) continue;
        if (COMMANDS[i].words != c->words) break;
        if (COMMANDS[i].by_account) CLOUD_ERR(get_account(c, c->word[1]));
        return COMMANDS[i].run(c);
    }
    return cloud_err(c->pool, CLOUD_E_INTERNAL, "There is no such command: %s", c->word[0]);
}

static void answer(const call_t *c, const cloud_err_t *err)
{
    if (err)
        printf("= %s: %s (%s) at %s:%d\n", cloud_err_info(err->code)->name, err->msg,
               err->cause ? err->cause : "", err->file, err->line);
    else
        printf("= ok %" APR_INT64_T_FMT "\n", c->made);
    fflush(stdout);
}

static void split(call_t *c, char *line)
{
    char *last, *word;

    for (word = apr_strtok(line, " \n", &last); word && c->words < WORDS_MAX;
         word = apr_strtok(NULL, " \n", &last))
        c->word[c->words++] = word;
}

int main(int argc, char **argv)
{
    cloud_store_conf_t conf = { .durability = CLOUD_DURABILITY_RELAXED };
    apr_pool_t *pool, *step;
    cloud_store_t *store;
    char line[4096];
    cloud_err_t *err;

    if (argc != 2) return 2;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    apr_pool_create(&step, pool);
    cloud_trash_register();
    cloud_shares_register();
    conf.data_dir = argv[1];
    err = cloud_store_open(&store, &conf, CLOUD_STORE_CREATE, pool);
    answer(&(call_t){ .store = store }, err);
    while (!err && fgets(line, sizeof line, stdin)) {
        call_t c = { .store = store, .pool = step };

        split(&c, line);
        if (!c.words) continue;
        c.system = cloud_ctx_create(store, step);
        c.system->who.system = 1;
        answer(&c, run(&c));
        apr_pool_clear(step);
    }
    return err != NULL;
}

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Random verbs, compared with a simple model of them.
 *
 *   model DIR SEED STEPS [kept]    DIR is a new directory for the store; kept: with trash and versions
 *
 * Two accounts, two stores on one directory (as two processes have them), and after every step both
 * trees whole: names, ids, sizes, times, and ETags. Each change has to give a new number to what it
 * changed and to all folders above, and to nothing else. What a verb should refuse, and how, the
 * model knows too. Outsiders are at the files as well. Now and then every content is read, and fsck
 * run. */
#include "model.h"
#include "account.h"
#include "maint.h"
#include "upload.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_general.h>

#define NODES_MAX  50
#define BYTES_MAX  2000

/* Several spellings of some names. */
static const struct {
    const char *given, *nfc;
} NAMES[] = {
    { "a", "a" }, { "b", "b" }, { "c", "c" }, { "A", "A" },
    { "with space", "with space" }, { "50%+1.txt", "50%+1.txt" }, { ".hidden", ".hidden" },
    { "caf\xC3\xA9", "caf\xC3\xA9" }, { "cafe\xCC\x81", "caf\xC3\xA9" },
    { "\xE2\x84\xAB", "\xC3\x85" }, { "\xC3\x85", "\xC3\x85" },
};
#define NAMES_N ((unsigned)(sizeof NAMES / sizeof *NAMES))

world_t world;

static long tried[32], refused;

/* ---- chance ---- */

unsigned rnd(unsigned n)
{
    world.rng ^= world.rng << 13;
    world.rng ^= world.rng >> 7;
    world.rng ^= world.rng << 17;
    return (unsigned)((world.rng >> 20) % n);
}

/* The k-th node below (and with) n, counting folders only or all. */
static m_node_t *nth(m_node_t *n, unsigned *k, int folders)
{
    m_node_t *found = NULL;
    int i;

    if (!folders || n->is_dir) {
        if (*k == 0) return n;
        --*k;
    }
    for (i = 0; !found && i < n->children; i++) found = nth(n->child[i], k, folders);
    return found;
}

m_node_t *any_node(int account, int folders)
{
    m_node_t *root = world.root[account], *n;
    unsigned k;

    do {
        k = rnd((unsigned)m_count(root));
        n = nth(root, &k, folders);
    } while (!n);
    return n;
}

const char *path_of(const m_node_t *n)
{
    const char *path = "";

    for (; n->parent; n = n->parent)
        path = apr_pstrcat(world.step, n->disk, *path ? "/" : "", path, NULL);
    return path;
}

static void go_down(place_t *p, m_node_t *at, unsigned k)
{
    p->dir = at && at->is_dir ? at : NULL;
    p->name = NAMES[k].nfc;
    p->given = NAMES[k].given;
    p->path = apr_pstrcat(world.step, p->path, *p->path ? "/" : "", p->given, NULL);
    p->node = p->dir ? m_child(p->dir, p->name) : NULL;
}

/* Something that exists, mostly. */
static place_t some_node(void)
{
    place_t p = { .account = rnd(4) == 0 };
    m_node_t *n = any_node(p.account, 0);
    unsigned k;

    if (!n->parent || rnd(10) == 0) n = NULL;
    p.path = n ? path_of(n->parent) : "";
    for (k = rnd(NAMES_N); n && strcmp(NAMES[k].nfc, n->name) != 0; k = rnd(NAMES_N)) continue;
    go_down(&p, n ? n->parent : world.root[p.account], k);
    return p;
}

/* Some name in a folder that exists, mostly; or in a file, or nowhere. */
place_t some_place(void)
{
    place_t p = { .account = rnd(4) == 0 };
    m_node_t *n = any_node(p.account, rnd(10) != 0);

    p.path = path_of(n);
    go_down(&p, n, rnd(NAMES_N));
    if (rnd(15) == 0) go_down(&p, p.node, rnd(NAMES_N));
    return p;
}

cloud_ctx_t *context(void)
{
    cloud_ctx_t *ctx = cloud_ctx_create(world.store[rnd(2)], world.step);

    ctx->who.system = 1;
    return ctx;
}

/* ---- expectations ---- */

void stop(const char *fmt, ...)
{
    va_list ap;

    printf("FAILED at step %ld, %s: ", world.n, world.what);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    exit(1);
}

void must(cloud_err_t *err)
{
    if (err)
        stop("%s: %s (%s) at %s:%d", cloud_err_info(err->code)->name, err->msg,
             err->cause ? err->cause : "", err->file, err->line);
}

/* 1: it was done; 0: it was refused, with the code that was expected. */
int expect(cloud_err_t *err, cloud_code_t code)
{
    if (err && err->code == code) {
        refused++;
        return 0;
    }
    must(err);
    if (code != CLOUD_E_NONE) stop("done, instead of %s", cloud_err_info(code)->name);
    return 1;
}

static cloud_code_t may_put(const place_t *p)
{
    if (!p->dir) return CLOUD_E_CONFLICT;
    return p->node && p->node->is_dir ? CLOUD_E_CONFLICT : CLOUD_E_NONE;
}

/* In the model: content of a file, new or not. */
void model_put(const place_t *p, unsigned content, apr_int64_t size, apr_int64_t mtime)
{
    m_node_t *n = p->node;

    if (!n) {
        n = m_new(p->name, p->given, 0);
        m_attach(p->dir, n);
    } else if (world.kept && n->size > 0) {
        m_keep(n);
    }
    n->content = content;
    n->size = size;
    n->mtime = mtime;
    p->dir->mtime = -1;
    m_touch(n);
}

void model_remove(m_node_t *n)
{
    int account = m_inside(n, world.root[1]);

    n->parent->mtime = -1;
    m_touch(n->parent);
    m_detach(n);
    if (world.kept) APR_ARRAY_PUSH(world.bin[account], m_node_t *) = n;
    else m_free(n);
}

/* ---- the verbs ---- */

static void put(void)
{
    place_t p = some_place();
    unsigned content = rnd(1000000);
    apr_int64_t size = rnd(5) ? rnd(BYTES_MAX) : 0;
    apr_int64_t mtime = rnd(2) ? (apr_int64_t)(1000000000 + rnd(99999)) : -1;
    cloud_put_opts_t opts = { .length = rnd(2) ? size : -1, .has_mtime = mtime != -1,
                              .mtime = mtime };
    char *buf = apr_palloc(world.step, (apr_size_t)size + 1);
    cloud_code_t code = may_put(&p);
    cloud_result_t res;
    cloud_put_t *put;
    cloud_err_t *err;

    world.what = apr_pstrcat(world.step, "put ", p.path, NULL);
    if (rnd(10) == 0) {
        opts.cond.must = CLOUD_IF_ABSENT;
        if (!code && p.node) code = CLOUD_E_PRECONDITION;
    } else if (rnd(10) == 0) {
        opts.cond.must = CLOUD_IF_ETAG;
        opts.cond.etag = p.node && rnd(2) ? p.node->etag : 5;
        if (!code && (!p.node || p.node->etag != opts.cond.etag)) code = CLOUD_E_PRECONDITION;
    }
    m_content(buf, content, size);
    err = cloud_put_begin(&put, context(), world.account[p.account], p.path, &opts, world.step);
    if (!err) err = cloud_put_write(put, buf, (apr_size_t)size);
    if (!err) err = cloud_put_commit(&res, put);
    if (!expect(err, code)) return;
    if (res.created != !p.node) stop("created is %d", res.created);
    model_put(&p, content, size, mtime);
}

static void upload(void)
{
    place_t p = some_place();
    unsigned content = rnd(1000000), chunks = 1 + rnd(3), i, order = rnd(2);
    apr_int64_t size = 0, part = rnd(700), mtime = 1000000000 + rnd(99999);
    cloud_put_opts_t opts = { .length = -1, .has_mtime = 1, .mtime = mtime };
    const cloud_account_t *account = world.account[p.account];
    const char *name = apr_psprintf(world.step, "up%ld", world.n);
    cloud_chunk_put_t *chunk;
    cloud_ctx_t *ctx = context();
    cloud_result_t res;
    cloud_upload_t *up;
    int created;
    char *buf;

    world.what = apr_pstrcat(world.step, "upload ", p.path, NULL);
    size = part * chunks;
    buf = apr_palloc(world.step, (apr_size_t)size + 1);
    m_content(buf, content, size);
    must(cloud_upload_create(&up, ctx, account, name, rnd(2) ? size : -1, world.step));
    for (i = 0; i < chunks; i++) {
        unsigned k = order ? i : chunks - 1 - i;

        must(cloud_chunk_begin(&chunk, ctx, up, apr_psprintf(world.step, "%05u", k), part, NULL,
                               world.step));
        must(cloud_chunk_write(chunk, buf + k * part, (apr_size_t)part));
        must(cloud_chunk_commit(&created, chunk));
    }
    if (!expect(cloud_upload_finish(&res, ctx, account, name, account, p.path, 1, &opts,
                                    world.step), may_put(&p))) {
        must(cloud_upload_remove(ctx, account, name));
        return;
    }
    model_put(&p, content, size, mtime);
}

static void mkcol(void)
{
    place_t p = some_place();
    cloud_result_t res;

    world.what = apr_pstrcat(world.step, "mkcol ", p.path, NULL);
    if (!expect(cloud_file_mkcol(&res, context(), world.account[p.account], p.path, NULL,
                                 world.step),
                !p.dir ? CLOUD_E_CONFLICT : p.node ? CLOUD_E_EXISTS : CLOUD_E_NONE))
        return;
    m_attach(p.dir, m_new(p.name, p.given, 1));
    p.dir->mtime = -1;
    m_touch(p.dir);
}

static void delete(void)
{
    place_t p = some_node();

    world.what = apr_pstrcat(world.step, "remove ", p.path, NULL);
    if (!expect(cloud_file_remove(context(), world.account[p.account], p.path, NULL),
                p.node ? CLOUD_E_NONE : CLOUD_E_NOT_FOUND))
        return;
    model_remove(p.node);
}

/* What COPY and MOVE have in common. */
static cloud_code_t may_replace(const place_t *s, const place_t *d, int overwrite)
{
    if (d->dir && m_inside(d->dir, s->node)) return CLOUD_E_CONFLICT;
    if (d->node && m_inside(s->node, d->node)) return CLOUD_E_CONFLICT;
    if (d->node && !overwrite) return CLOUD_E_PRECONDITION;
    return CLOUD_E_NONE;
}

static cloud_code_t may_move(const place_t *s, const place_t *d, int overwrite)
{
    if (!s->node) return CLOUD_E_NOT_FOUND;
    if (!d->dir) return CLOUD_E_CONFLICT;
    if (d->node == s->node)
        return strcmp(d->given, s->node->disk) == 0 ? CLOUD_E_DENIED : CLOUD_E_NONE;
    return may_replace(s, d, overwrite);
}

static void move(void)
{
    place_t s = some_node(), d = some_place();
    int overwrite = (int)rnd(2);
    cloud_code_t code = may_move(&s, &d, overwrite);
    cloud_result_t res;

    world.what = apr_psprintf(world.step, "move %d:%s to %d:%s (%d)", s.account, s.path, d.account,
                              d.path, overwrite);
    if (!expect(cloud_file_move(&res, context(), world.account[s.account], s.path,
                                world.account[d.account], d.path, overwrite, NULL, NULL,
                                world.step), code))
        return;
    if (d.node && d.node != s.node) model_remove(d.node);
    s.dir->mtime = d.dir->mtime = -1;
    m_touch(s.dir);
    m_touch(d.dir);
    m_detach(s.node);
    s.node->name = d.name;
    s.node->disk = d.given;
    m_attach(d.dir, s.node);
}

static cloud_code_t may_copy(const place_t *s, const place_t *d, int overwrite)
{
    if (!s->node) return CLOUD_E_NOT_FOUND;
    if (d->node == s->node) return CLOUD_E_DENIED;
    if (d->dir && m_inside(d->dir, s->node)) return CLOUD_E_CONFLICT;
    if (d->node && m_inside(s->node, d->node)) return CLOUD_E_CONFLICT;
    if (!d->dir) return CLOUD_E_CONFLICT;
    return may_replace(s, d, overwrite);
}

static void copy(void)
{
    place_t s = some_node(), d = some_place();
    int overwrite = (int)rnd(2), depth = rnd(3) ? -1 : 0;
    cloud_code_t code = may_copy(&s, &d, overwrite);
    cloud_result_t res;
    m_node_t *made;

    if (!code && m_count(s.node) > 20) return; /* trees stay small */
    world.what = apr_psprintf(world.step, "copy %d:%s to %d:%s (%d, depth %d)", s.account, s.path,
                              d.account, d.path, overwrite, depth);
    if (!expect(cloud_file_copy(&res, context(), world.account[s.account], s.path,
                                world.account[d.account], d.path, overwrite, depth, NULL, NULL,
                                world.step), code))
        return;
    if (!s.node->is_dir && d.node && !d.node->is_dir) {
        model_put(&d, s.node->content, s.node->size, s.node->mtime);
        d.node->colour = s.node->colour;
        return;
    }
    made = m_copy(s.node, d.name, d.given, depth != 0);
    if (d.node) model_remove(d.node);
    m_attach(d.dir, made);
    d.dir->mtime = -1;
    m_touch(d.dir);
}

static void patch(void)
{
    place_t p = some_node();
    apr_array_header_t *props = apr_array_make(world.step, 1, sizeof(cloud_prop_t));
    int colour = (int)rnd(3), set_time = (int)rnd(2);
    apr_int64_t mtime = 1000000000 + rnd(99999);
    cloud_prop_t prop = { "urn:x", "colour",
                          colour ? apr_psprintf(world.step, "%d", colour) : NULL, NULL };
    cloud_result_t res;

    world.what = apr_pstrcat(world.step, "patch ", p.path, NULL);
    APR_ARRAY_PUSH(props, cloud_prop_t) = prop;
    if (!expect(cloud_file_proppatch(&res, context(), world.account[p.account], p.path, props,
                                     set_time ? &mtime : NULL, NULL, world.step),
                p.node ? CLOUD_E_NONE : CLOUD_E_NOT_FOUND))
        return;
    p.node->colour = colour;
    if (!set_time) return;
    p.node->mtime = mtime;
    m_touch(p.node);
}

/* An outsider's edit, and somebody who reads the file. */
static void outside(void)
{
    place_t p = some_node();
    const cloud_account_t *account = world.account[p.account];
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
    const char *disk;
    apr_int64_t size;
    cloud_entry_t *e;
    char *buf, *was;
    FILE *f;
    int fd;

    if (!p.node || p.node->is_dir) return;
    world.what = apr_pstrcat(world.step, "outside edit of ", p.path, NULL);
    disk = apr_pstrcat(world.step, world.dir, "/accounts/", account->dir, "/files/",
                       path_of(p.node), NULL);
    was = apr_palloc(world.step, (apr_size_t)p.node->size + 1);
    m_content(was, p.node->content, p.node->size);
    size = p.node->size;
    p.node->content = rnd(1000000);
    p.node->size = rnd(BYTES_MAX);
    p.node->mtime = -1;
    buf = apr_palloc(world.step, (apr_size_t)p.node->size + 1);
    m_content(buf, p.node->content, p.node->size);
    /* The clock of the file system may stand still between a PUT and an edit of a test; an
     * outsider's does not, and a new length or time is what an edit is known by. */
    times[1].tv_sec = 1500000000 + (time_t)world.n;
    f = fopen(disk, rnd(2) ? "r+" : "w");
    if (!f || ftruncate(fileno(f), p.node->size) != 0
        || fwrite(buf, 1, (size_t)p.node->size, f) != (size_t)p.node->size || fflush(f) != 0
        || futimens(fileno(f), times) != 0 || fclose(f) != 0)
        stop("%s: %s", disk, strerror(errno));
    /* The same content as before is no change. */
    if (size != p.node->size || memcmp(was, buf, (size_t)size) != 0) m_touch(p.node);
    must(cloud_file_open(&fd, &e, context(), account, p.path, world.step));
}

/* ---- outsiders, and a scan ---- */

static const char *disk_of(int account, const m_node_t *n)
{
    return apr_pstrcat(world.step, world.dir, "/accounts/", world.account[account]->dir, "/files/",
                       path_of(n), NULL);
}

static void scan_finds(int account, int added, int moved, int vanished)
{
    cloud_scan_opts_t opts = { .allow_vanish = 1 };
    cloud_scan_stats_t s;

    must(cloud_scan(&s, context(), world.account[account], "", &opts));
    if (s.added != added || s.changed || s.moved != moved || s.vanished != vanished || s.skipped)
        stop("scan found %d new, %d changed, %d moved, %d vanished, %d odd", (int)s.added,
             (int)s.changed, (int)s.moved, (int)s.vanished, (int)s.skipped);
}

/* It finds nothing to do when nobody was at it from outside. */
static void scan(void)
{
    world.what = "scan";
    scan_finds((int)rnd(2), 0, 0, 0);
}

static void outside_new(void)
{
    place_t p = some_place();
    const char *disk;
    m_node_t *n;

    if (!p.dir || p.node) return;
    world.what = apr_pstrcat(world.step, "outside, new: ", p.path, NULL);
    n = m_new(p.name, p.given, rnd(3) == 0);
    m_attach(p.dir, n);
    disk = disk_of(p.account, n);
    if (n->is_dir) {
        if (mkdir(disk, 0700) != 0) stop("%s: %s", disk, strerror(errno));
    } else {
        FILE *f = fopen(disk, "w");

        if (!f || fclose(f) != 0) stop("%s: %s", disk, strerror(errno));
    }
    p.dir->mtime = -1;
    m_touch(p.dir);
    scan_finds(p.account, 1, 0, 0);
}

/* By rename, so the id follows the inode; within one account, where scan looks. */
static void outside_move(void)
{
    place_t s = some_node(), d = some_place();
    const char *from, *to;

    if (!s.node || !d.dir || d.node || s.account != d.account || m_inside(d.dir, s.node)) return;
    world.what = apr_psprintf(world.step, "outside, move: %s to %s", s.path, d.path);
    /* What was restored since the last scan is not known by its inode yet. */
    scan_finds(s.account, 0, 0, 0);
    from = disk_of(s.account, s.node);
    s.dir->mtime = d.dir->mtime = -1;
    m_touch(s.dir);
    m_touch(d.dir);
    m_detach(s.node);
    s.node->name = d.name;
    s.node->disk = d.given;
    m_attach(d.dir, s.node);
    to = disk_of(s.account, s.node);
    if (rename(from, to) != 0) stop("%s to %s: %s", from, to, strerror(errno));
    scan_finds(s.account, 0, 1, 0);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static void outside_remove(void)
{
    place_t p = some_node();
    int count;

    if (!p.node) return;
    world.what = apr_pstrcat(world.step, "outside, removed: ", p.path, NULL);
    nftw(disk_of(p.account, p.node), remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    count = m_count(p.node);
    p.dir->mtime = -1;
    m_touch(p.dir);
    m_detach(p.node);
    m_free(p.node);
    scan_finds(p.account, 0, 0, count);
}

/* Everything under new inodes, as a restore leaves it. Nothing is to be seen of that. */
static void outside_restore(void)
{
    int account = (int)rnd(2);
    const char *files = apr_pstrcat(world.step, world.dir, "/accounts/",
                                    world.account[account]->dir, "/files", NULL);
    const char *cmd = apr_psprintf(world.step, "cp -a '%s' '%s.new' && mv '%s' '%s.old' &&"
                                   " mv '%s.new' '%s' && rm -r '%s.old'", files, world.dir,
                                   files, world.dir, world.dir, files, world.dir);

    if (rnd(4)) return;
    world.what = "outside, restored";
    if (system(cmd) != 0) stop("%s", cmd);
    if (rnd(2)) scan_finds(account, 0, 0, 0);
}

static void maintain(void)
{
    int more;

    world.what = "maintain";
    must(cloud_store_maintain(&more, context()));
}

static void open_store(int i)
{
    cloud_store_conf_t conf = { .data_dir = world.dir, .durability = CLOUD_DURABILITY_RELAXED };

    apr_pool_create(&world.store_pool[i], world.pool);
    must(cloud_store_open(&world.store[i], &conf, CLOUD_STORE_CREATE, world.store_pool[i]));
}

static void reopen(void)
{
    int i = (int)rnd(2);

    if (rnd(20)) return;
    world.what = "reopen";
    apr_pool_destroy(world.store_pool[i]);
    open_store(i);
}

static const struct {
    const char *name;
    void (*run)(void);
    unsigned weight;
} VERBS[] = {
    { "put", put, 30 }, { "mkcol", mkcol, 18 }, { "remove", delete, 6 }, { "move", move, 24 },
    { "copy", copy, 12 }, { "patch", patch, 8 }, { "upload", upload, 4 },
    { "maintain", maintain, 4 }, { "reopen", reopen, 1 }, { "scan", scan, 1 },
    { "outside-edit", outside, 4 },
    { "outside-new", outside_new, 2 },       { "outside-move", outside_move, 3 },
    { "outside-remove", outside_remove, 1 }, { "outside-restore", outside_restore, 1 },
    { "restore", kept_restore, 8 }, { "purge", kept_purge, 1 }, { "empty", kept_empty, 1 },
    { "old-content", kept_old_content, 6 },
};
#define VERBS_N (sizeof VERBS / sizeof *VERBS)

static void step(void)
{
    unsigned total = 0, i, k;

    for (i = 0; i < VERBS_N; i++) total += VERBS[i].weight;
    k = rnd(total);
    for (i = 0; k >= VERBS[i].weight; i++) k -= VERBS[i].weight;
    /* Trees that have grown are cut. */
    if (m_count(world.root[0]) + m_count(world.root[1]) > NODES_MAX && rnd(2)) i = 2;
    tried[i]++;
    VERBS[i].run();
}

/* ---- comparing ---- */

static void compare(int contents)
{
    apr_int64_t seen = world.highest;
    int i;

    for (i = 0; i < 2; i++) {
        m_compare_t c = { .ctx = context(),
                          .account = world.account[i],
                          .contents = contents,
                          .highest = world.highest,
                          .pool = world.step };

        must(m_compare(&c, world.root[i]));
        if (c.problem) stop("account %d: %s", i, c.problem);
        if (c.seen > seen) seen = c.seen;
    }
    world.highest = seen;
}

static void finding(void *baton, const char *kind, const char *account, const char *path,
                    const char *detail, int repaired)
{
    stop("fsck: %s %s: %s %s", kind, account ? account : "", path, detail);
}

static void fsck(void)
{
    cloud_fsck_opts_t opts = { .report = finding, .hashes = 1 };
    cloud_fsck_stats_t stats;

    must(cloud_fsck(&stats, context(), NULL, &opts));
}

static void set_up(const char *dir)
{
    static const char *const ids[] = { "alice", "bob" };
    int i;

    apr_pool_create(&world.pool, NULL);
    apr_pool_create(&world.step, world.pool);
    for (i = 0; i < 2; i++) world.bin[i] = apr_array_make(world.pool, 16, sizeof(m_node_t *));
    world.what = "start";
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) stop("%s: %s", dir, strerror(errno));
    world.dir = realpath(dir, NULL);
    for (i = 0; i < 2; i++) open_store(i);
    for (i = 0; i < 2; i++) {
        must(cloud_account_create(&world.account[i], context(), ids[i], NULL, NULL, world.pool));
        world.root[i] = m_new("", "", 1);
    }
    for (i = 0; i < 2; i++) {
        cloud_entry_t *e;

        must(cloud_resolve(&e, context(), world.account[i], "", world.pool));
        world.root[i]->disk = e->node.disk = apr_pstrdup(world.pool, e->node.disk);
    }
}

int main(int argc, char **argv)
{
    long steps;
    unsigned i;

    if (argc != 4 && (argc != 5 || strcmp(argv[4], "kept") != 0)) {
        fprintf(stderr, "usage: model DIR SEED STEPS [kept]\n");
        return 2;
    }
    world.kept = argc == 5;
    apr_initialize();
    if (world.kept) kept_register();
    world.rng = (apr_uint64_t)strtoull(argv[2], NULL, 10) * 2654435761u + 88172645463325252ull;
    steps = atol(argv[3]);
    printf("seed %s\n", argv[2]);
    set_up(argv[1]);
    for (world.n = 1; world.n <= steps; world.n++) {
        apr_pool_clear(world.step);
        step();
        compare(world.n % 200 == 0);
        if (world.kept) kept_compare(world.n % 200 == 0);
        if (world.n % 5000 == 0) fsck();
    }
    world.what = "end";
    fsck();
    for (i = 0; i < VERBS_N; i++) printf("%s %ld, ", VERBS[i].name, tried[i]);
    printf("%ld refused, %ld steps\n", refused, steps);
    return 0;
}

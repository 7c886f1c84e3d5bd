/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file internal.h
 * What the files of libcloud share with each other and nobody else: tree rows, storage, journal,
 * shared memory. Functions marked (tx) must be called inside a transaction of ctx. The libraries of
 * features (modules/<feature>/<feature>.c) use it too, outside of libcloud: CLOUD_API is for them.
 */
#ifndef CLOUD_INTERNAL_H
#define CLOUD_INTERNAL_H

#include "cloud.h"
#include "store.h"
#include "settings.h"
#include "names.h"
#include "digest.h"
#include "files.h"
#include "group.h"
#include "hooks.h"
#include "mount.h"
#include "notify.h"
#include "pref.h"
#include "upload.h"

#include <sys/types.h>
#include <sys/stat.h>

/* ---- crash injection: only in test builds ---- */
#ifdef CLOUD_INJECT
/** Kills the process (SIGKILL) when the environment variable CLOUD_INJECT_AT names this point
 *  ("name" or "name:n" for its n-th passage), or returns 1 when CLOUD_INJECT_FAIL does. */
CLOUD_API int cloud_inject(const char *point);
#define CLOUD_POINT(name) ((void)cloud_inject(name))
#define CLOUD_FAULT(name) cloud_inject(name)
#else
#define CLOUD_POINT(name) ((void)0)
#define CLOUD_FAULT(name) 0
#endif

/* ---- schema.c ---- */
#define CLOUD_SCHEMA_VERSION 7
cloud_err_t *cloud_schema_migrate(cloud_ctx_t *ctx);
/** meta table: values by key; NULL when absent. (tx) */
CLOUD_API cloud_err_t *cloud_meta_get(const char **value, cloud_ctx_t *ctx, const char *key,
                            apr_pool_t *pool);
CLOUD_API cloud_err_t *cloud_meta_set(cloud_ctx_t *ctx, const char *key, const char *value);

/* ---- shm.c: <data_dir>/.cloud/shm, mapped by every process ---- */
typedef struct cloud_shm_t cloud_shm_t;
cloud_err_t *cloud_shm_open(cloud_shm_t **shm, const char *path, apr_pool_t *pool);
/** Writers' queue: a robust process-shared mutex; only a queue, never needed for correctness. */
void cloud_shm_writer_lock(cloud_shm_t *shm);
void cloud_shm_writer_unlock(cloud_shm_t *shm);
/** Counter that every process compares to see that settings changed. */
apr_uint64_t cloud_shm_settings_epoch(cloud_shm_t *shm);
void cloud_shm_settings_changed(cloud_shm_t *shm);

/* ---- store.c ---- */
typedef struct cloud_settings_cache_t cloud_settings_cache_t;
/** Where settings.c keeps its cache of this store; guarded by settings.c itself. */
cloud_settings_cache_t **cloud_store_settings_slot(cloud_store_t *store);
/** Makes the (empty) cache of settings of a store that is being opened (settings.c). */
void cloud_settings_open(cloud_store_t *store);
/** The accounts that this process remembers. */
typedef struct cloud_account_cache_t cloud_account_cache_t;
cloud_account_cache_t *cloud_store_accounts(cloud_store_t *store);
cloud_account_cache_t *cloud_account_cache_create(apr_pool_t *pool);
apr_pool_t *cloud_store_pool(cloud_store_t *store);
const apr_table_t *cloud_store_file_settings(cloud_store_t *store);
CLOUD_API cloud_shm_t *cloud_store_shm(cloud_store_t *store);
int cloud_store_relaxed(const cloud_store_t *store);

/** Bytes of <data_dir>/.cloud/locks with a meaning of their own; a tree's lock is the byte of its
 *  root's node id, far above these. */
#define CLOUD_LOCK_HOST     1   /* shared by every process of the owning host */
#define CLOUD_LOCK_START    2   /* start-up recovery */
#define CLOUD_LOCK_BACKUP   3   /* shared by a running backup: nothing is unlinked or dropped */
#define CLOUD_LOCK_MAINTAIN 4   /* one maintenance step at a time */
/** Locks a byte through a new open file description: *fd owns the lock, closing it releases it.
 *  0 or errno (EAGAIN when taken and not wait). */
int cloud_store_lock(int *fd, cloud_store_t *store, apr_int64_t byte, int exclusive, int wait);

/* ---- tree.c ---- */
/** Draws the next change number: max(last + 1, now in µs). (tx, write) */
CLOUD_API cloud_err_t *cloud_tree_draw(apr_int64_t *number, cloud_ctx_t *ctx);
/** Draws n numbers that follow each other; gives the first. (tx, write) */
CLOUD_API cloud_err_t *cloud_tree_draw_range(apr_int64_t *first, int n, cloud_ctx_t *ctx);
/** Writes the counter back; done by cloud_tx_commit. */
cloud_err_t *cloud_tree_save_counter(cloud_ctx_t *ctx);
/** Row by id / by (parent, NFC name); *node NULL when there is none. (tx) */
CLOUD_API cloud_err_t *cloud_tree_get(cloud_node_t **node, cloud_ctx_t *ctx, apr_int64_t id,
                            apr_pool_t *pool);
CLOUD_API cloud_err_t *cloud_tree_child(cloud_node_t **node, cloud_ctx_t *ctx, apr_int64_t parent,
                              const char *nfc, apr_pool_t *pool);
/** The columns of node in the order that cloud_tree_row() reads them: for own SELECTs. */
#define CLOUD_NODE_COLS                                                                         \
    "id, parent, name, disk, kind, etag, size, mtime, created, ino, ino_mtime, btime, sums, flags"
/** Reads columns first.. of st; strings are copied to pool, or with pool NULL point into the
 *  statement (valid until its next step). */
CLOUD_API void cloud_tree_row(cloud_node_t *node, cloud_stmt_t *st, int first, apr_pool_t *pool);
CLOUD_API cloud_err_t *cloud_tree_insert(cloud_ctx_t *ctx, const cloud_node_t *node);          /* (tx) */
/** Writes all columns but id, parent, name and disk. (tx) */
CLOUD_API cloud_err_t *cloud_tree_update(cloud_ctx_t *ctx, const cloud_node_t *node);
/** New parent and name. EXISTS. (tx) */
CLOUD_API cloud_err_t *cloud_tree_rename(cloud_ctx_t *ctx, const cloud_node_t *node, apr_int64_t parent,
                               const char *nfc, const char *disk);
CLOUD_API cloud_err_t *cloud_tree_delete_row(cloud_ctx_t *ctx, const cloud_node_t *node);     /* (tx) */
/** Gives number as ETag to all of chain and adds delta to their sizes; the last of chain also gets mtime
 *  (seconds), unless it is CLOUD_NO_MTIME. (tx) */
#define CLOUD_NO_MTIME APR_INT64_MIN
CLOUD_API cloud_err_t *cloud_tree_bump(cloud_ctx_t *ctx, const apr_int64_t *chain, int n,
                             apr_int64_t number, apr_int64_t delta, apr_int64_t mtime);
/** New root of a kind for an account; size 0. (tx) */
CLOUD_API cloud_err_t *cloud_tree_new_root(apr_int64_t *id, cloud_ctx_t *ctx, cloud_kind_t kind,
                                 apr_int64_t account);
/** Ids from the tree's root down to and including id; *n 0 when id does not exist. (tx) */
CLOUD_API cloud_err_t *cloud_tree_chain(apr_int64_t **chain, int *n, cloud_ctx_t *ctx, apr_int64_t id,
                              apr_pool_t *pool);
/** The same for many (of apr_int64_t), by a statement for each 32 of them: adds to chains, by id, an array of
 *  ids (apr_int64_t); none for an id that hangs nowhere. (tx) */
cloud_err_t *cloud_tree_chains(apr_hash_t *chains, cloud_ctx_t *ctx, const apr_array_header_t *ids,
                               apr_pool_t *pool);
/** One step of a node's place. */
typedef struct {
    apr_int64_t id;
    const char *name, *disk;
    cloud_kind_t kind;
} cloud_above_t;
/** The same with names, by one statement: array of cloud_above_t, empty when the node hangs nowhere. (tx) */
CLOUD_API cloud_err_t *cloud_tree_above(apr_array_header_t **above, cloud_ctx_t *ctx,
                                        apr_int64_t id, apr_pool_t *pool);
/** Writes the change log. op as in hooks.h. from_* only for moves (else 0, NULL). (tx) */
CLOUD_API cloud_err_t *cloud_tree_log(cloud_ctx_t *ctx, apr_int64_t number, apr_int64_t tree,
                            const char *op, const cloud_node_t *node, apr_int64_t from_parent,
                            const char *from_name, apr_int64_t size_delta);
/** The same for an op that gives an existing file other content or another time: was is the row
 *  before. (tx) */
CLOUD_API cloud_err_t *cloud_tree_log_content(cloud_ctx_t *ctx, apr_int64_t number,
                                              apr_int64_t tree, const char *op,
                                              const cloud_node_t *node, const cloud_node_t *was);
/** meta: the change log is complete above this number; NULL: from its beginning on. */
#define CLOUD_META_LOG_FROM "changelog_from"

/* ---- storage.c: bytes. All paths are relative to <data_dir>/accounts:
 *      "<account dir>/files/a/b", "<account dir>/staging/...". Never follows symlinks, never
 *      leaves that directory (openat2, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS). ---- */
#define CLOUD_ACCOUNT_MARKER ".mod_cloud"
#define CLOUD_FILES   "files"
#define CLOUD_STAGING "staging"
#define CLOUD_PURGE   "purge"
#define CLOUD_LOST    "lost+found"

/** Creates an account's directory exclusively, with marker and sub-directories, synced. EXISTS. */
cloud_err_t *cloud_storage_account_create(cloud_store_t *store, const char *dir, apr_pool_t *pool);
/** The marker is there: NULL; else UNAVAILABLE. Cached per process for a second. */
cloud_err_t *cloud_storage_account_check(cloud_store_t *store, const char *dir, apr_pool_t *pool);
/** open(2) flags; UNAVAILABLE with errno as cause; *fd -1 and NULL when ENOENT/ENOTDIR. CLOEXEC is
 *  added. The caller owns fd. */
CLOUD_API cloud_err_t *cloud_storage_open(int *fd, cloud_store_t *store, const char *path, int flags,
                                apr_pool_t *pool);
/** fstatat without following; *found 0 when it is not there. */
CLOUD_API cloud_err_t *cloud_storage_stat(struct stat *st, apr_int64_t *btime, int *found,
                                cloud_store_t *store, const char *path, apr_pool_t *pool);
/** Whether the inode is at path. An outsider's symlink on the way there means that it is not. */
cloud_err_t *cloud_storage_holds(int *here, cloud_store_t *store, const char *path,
                                 apr_uint64_t ino, apr_pool_t *pool);
/** mtime of a stat in ns, clamped to what 64 bits hold. */
CLOUD_API apr_int64_t cloud_storage_mtime(const struct stat *st);
/** Identity of an open file: inode, mtime in ns, birth time in ns. */
CLOUD_API cloud_err_t *cloud_storage_identity(int fd, apr_uint64_t *ino, apr_int64_t *size,
                                    apr_int64_t *mtime_ns, apr_int64_t *btime_ns,
                                    apr_pool_t *pool);
/** Bytes that files may still take: some are kept free, because without them nothing could be
 *  deleted either (the database's log has to grow for it). 0 when there are none. */
cloud_err_t *cloud_storage_room(apr_int64_t *room, cloud_store_t *store, apr_pool_t *pool);
/** QUOTA when there is no room for so many bytes. */
CLOUD_API cloud_err_t *cloud_storage_has_room(cloud_ctx_t *ctx, apr_int64_t bytes);
/** New staging file for the account; *path (in pool). */
CLOUD_API cloud_err_t *cloud_storage_stage(int *fd, const char **path, cloud_store_t *store,
                                 const char *account_dir, apr_pool_t *pool);
/** New staging directory (0700), not synced. */
cloud_err_t *cloud_storage_stage_dir(const char **path, cloud_store_t *store,
                                     const char *account_dir, apr_pool_t *pool);
/** fsync of a file / of the directory that holds path; group-committed; fatal for the store when it fails. No-op when
 *  relaxed. */
CLOUD_API cloud_err_t *cloud_storage_sync_fd(cloud_store_t *store, int fd, apr_pool_t *pool);
CLOUD_API cloud_err_t *cloud_storage_sync_parent(cloud_store_t *store, const char *path, apr_pool_t *pool);
/** renameat2 with RENAME_NOREPLACE / RENAME_EXCHANGE; errno as result, 0 ok. Fallbacks where the
 *  file system lacks these. */
int cloud_storage_rename(cloud_store_t *store, const char *src, const char *dst, int exchange,
                         apr_pool_t *pool);
/** unlink / rmdir; 0 or errno. */
CLOUD_API int cloud_storage_unlink(cloud_store_t *store, const char *path, int is_dir, apr_pool_t *pool);
/** mkdir 0700 below accounts/; 0 or errno. */
CLOUD_API int cloud_storage_mkdir(cloud_store_t *store, const char *path, apr_pool_t *pool);
/** Copies len bytes (or to EOF with -1) from in at off to out (copy_file_range, reflink when it can),
 *  hashing when digest is given. out -1: it is only hashed. (storage_copy.c) */
CLOUD_API cloud_err_t *cloud_storage_copy(int in, apr_int64_t off, apr_int64_t len, int out,
                                cloud_digest_t *digest, apr_pool_t *pool);
/** Makes path ("<account dir>/trash/17") with what is missing of it below the account's directory,
 *  durable when it returns. Once it did so for this context, a call inside the transaction costs no
 *  more than a look whether it is still there. */
CLOUD_API cloud_err_t *cloud_storage_keep_dir(cloud_ctx_t *ctx, const char *path);

/* ---- sweep.c ---- */
/** Whether a feature's row says that something is in the directory of that id, or will be. (tx) */
typedef cloud_err_t *cloud_sweep_used_fn(int *used, cloud_ctx_t *ctx, apr_int64_t id);
#define CLOUD_SWEEP_AGE 86400 /* s */
/** Removes directories <account dir>/<name>/<id> that are empty for age seconds and not in use: those
 *  of some accounts in one call; *more 1 when there are more accounts. (no tx) */
CLOUD_API cloud_err_t *cloud_sweep_step(int *more, cloud_ctx_t *ctx, const char *name,
                                        cloud_sweep_used_fn *used, apr_int64_t age);
/** Absolute path for messages and tools. */
const char *cloud_storage_abs(cloud_store_t *store, const char *path, apr_pool_t *pool);
/** Path on disk of a node (through its rows). (tx) UNAVAILABLE when the node hangs nowhere.
 *  (storage_path.c) */
CLOUD_API cloud_err_t *cloud_storage_path(const char **path, cloud_ctx_t *ctx, apr_int64_t id,
                                apr_pool_t *pool);

/** Path on disk of an existing entry, as its rows were when it was resolved, in files or in a bin;
 *  (tx) for a root. */
CLOUD_API cloud_err_t *cloud_entry_path(const char **path, cloud_ctx_t *ctx,
                                        const cloud_entry_t *entry, apr_pool_t *pool);

/* ---- journal.c: moves that a committed transaction still owes ---- */
/** Owes: inode ino goes from src to dst (both relative to accounts/); dst NULL: it is unlinked for good,
 *  recursively, from src, once no other row names it. tree2: the other tree of a move between trees,
 *  or 0. (tx, write) */
CLOUD_API cloud_err_t *cloud_journal_add(cloud_ctx_t *ctx, apr_int64_t tree, apr_int64_t tree2,
                               apr_uint64_t ino, int is_dir, const char *src, const char *dst);
/** Syncs the log, takes the lock(s) of the tree(s), carries out all pending rows in sequence; what
 *  can't be carried out is set aside with what depends on it. Outside any transaction. tree2 may be
 *  0. */
CLOUD_API cloud_err_t *cloud_journal_run(cloud_ctx_t *ctx, apr_int64_t tree, apr_int64_t tree2);
/** Commits, and does then what cloud_journal_run() does: the end of a verb. (tx, write) */
CLOUD_API cloud_err_t *cloud_journal_commit(cloud_ctx_t *ctx, apr_int64_t tree,
                                            apr_int64_t tree2);
/** Whether a move that was set aside, because it could not be made, has to do with path, or with a
 *  place above or below it; path NULL: whether there is any. (tx) */
CLOUD_API cloud_err_t *cloud_journal_owes(int *owes, cloud_ctx_t *ctx, apr_int64_t tree,
                                          const char *path);
/** Begins a write transaction in which the tree owes no move but those that were set aside: rows and
 *  disk agree then, but for these and for what outsiders did. UNAVAILABLE when there are others that
 *  can't be made. */
cloud_err_t *cloud_journal_begin_clean(cloud_ctx_t *ctx, apr_int64_t tree);
/** Opens the content of an inode at a place that a journal row names; *fd -1 when it is at none.
 *  (journal_locate.c) */
CLOUD_API cloud_err_t *cloud_journal_locate(int *fd, cloud_ctx_t *ctx, apr_uint64_t ino, apr_pool_t *pool);
/** Replays every tree, with what was set aside (start-up). */
cloud_err_t *cloud_journal_replay(cloud_ctx_t *ctx);
/** Tries the moves again that were set aside because they could not be made; the second only when
 *  this process has not done so for a while. */
CLOUD_API cloud_err_t *cloud_journal_retry(cloud_ctx_t *ctx);
cloud_err_t *cloud_journal_retry_now_and_then(cloud_ctx_t *ctx);
/** True when journal rows of the tree exist that this store has not carried out. */
CLOUD_API cloud_err_t *cloud_journal_pending(int *pending, cloud_ctx_t *ctx, apr_int64_t tree);
/** Drops rows that are done (directories synced first) and executes purges; bounded. */
cloud_err_t *cloud_journal_drop(int *more, cloud_ctx_t *ctx);
/** True when a committed row of any table names this staging path or inode. (tx) */
cloud_err_t *cloud_journal_names(int *named, cloud_ctx_t *ctx, const char *path);

/* ---- account.c ---- */
/** What an account is told that was disabled or deleted while its request was under way: the same as
 *  if it had come later, UNAUTHORIZED. */
cloud_err_t *cloud_account_barred(cloud_ctx_t *ctx);
/** As cloud_account_get, for one that ctx->who may manage in this way: DENIED otherwise. Only
 *  administrators learn from the answer which accounts exist. (tx) */
CLOUD_API cloud_err_t *cloud_account_for_change(cloud_account_t **a, cloud_ctx_t *ctx, const char *id,
                                                cloud_manage_t what, apr_pool_t *pool);

/* ---- account_life.c ---- */
/** Removes directories that creations left when they were killed. (no tx) */
cloud_err_t *cloud_account_sweep(cloud_ctx_t *ctx);

/* ---- skeleton.c ---- */
/** Goes on with skeletons of accounts whose creation was killed. (no tx) */
CLOUD_API cloud_err_t *cloud_skeleton_resume(cloud_ctx_t *ctx);

/* ---- resolve.c ---- */
/** entry by an existing parent row etc. is made only here; see cloud_resolve. (tx) */
CLOUD_API cloud_err_t *cloud_resolve_tx(cloud_entry_t **entry, cloud_ctx_t *ctx,
                              const cloud_account_t *account, const char *path, apr_pool_t *pool);

/** The root of an account's files (of no view) and, by the same statement, its members: *members stands on the
 *  row of the root, each step gives one in order of name, with its columns from CLOUD_ROOT_COLS on. The caller ends
 *  it (cloud_stmt_done), and shows nothing of it before access to the entry was decided. (tx) */
#define CLOUD_ROOT_COLS 1
cloud_err_t *cloud_resolve_root_to_list_tx(cloud_entry_t **entry, cloud_stmt_t **members,
                                           cloud_ctx_t *ctx, const cloud_account_t *account,
                                           apr_pool_t *pool);

/** The same below a root of the account that is not its files root (the trash): its owner may list,
 *  move out and delete there, and nothing else; path is of names in the tree. (tx) */
CLOUD_API cloud_err_t *cloud_resolve_root_tx(cloud_entry_t **entry, cloud_ctx_t *ctx,
                                             const cloud_account_t *account, apr_int64_t root,
                                             const char *path, apr_pool_t *pool);

/** Another path of the space that an entry is in: files, or a bin. Its ETag is that of the node. (tx) */
cloud_err_t *cloud_resolve_like(cloud_entry_t **entry, cloud_ctx_t *ctx, const cloud_entry_t *like,
                                const char *path, apr_pool_t *pool);
/** Path of an existing entry in the files of its owner, which through a mount is not entry->path. (tx) */
CLOUD_API cloud_err_t *cloud_entry_owner_path(const char **path, cloud_ctx_t *ctx,
                                              const cloud_entry_t *entry, apr_pool_t *pool);
/** The entry's row is another one now: node and ETag. (tx) */
CLOUD_API cloud_err_t *cloud_entry_set(cloud_entry_t *entry, cloud_ctx_t *ctx,
                                       const cloud_node_t *node);

/* ---- files.c and friends ---- */
/** Whose place a verb was going to write to when it began: what is staged meanwhile is for that one alone. */
typedef struct {
    apr_int64_t owner;        /* number of the account that the place is in */
    apr_int64_t mount;        /* id of what is mounted there; 0: nothing */
} cloud_home_t;
CLOUD_API cloud_home_t cloud_home_of(const cloud_entry_t *entry);
/** CONFLICT when the entry, found by the same path later, is somebody else's place: the mount that had the name has
 *  ended, say, and another one has it, or the owner is another. The staging directory may be gone then, and who
 *  sent it did not mean him. (tx) */
cloud_err_t *cloud_home_check(cloud_ctx_t *ctx, const cloud_entry_t *entry, cloud_home_t home);

/** A staged file, complete, synced and hashed, with the times it shall have on disk. */
typedef struct {
    const char *path;         /* relative to accounts/ */
    apr_uint64_t ino;
    apr_int64_t size, ino_mtime, btime;
    cloud_sums_t sums;
    int fresh;                /* nothing was at its place when that was looked at first */
    cloud_home_t home;
    apr_int64_t tree;         /* files root of the account in whose staging directory it is; 0: the home's owner */
} cloud_staged_t;
/** A value for overwrite below: a folder may be replaced, too. */
#define CLOUD_OVERWRITE_FOLDER 2
/** And for who looks for a free name: PRECONDITION, and nothing else, where something has it and new
 *  names may be created. */
#define CLOUD_OVERWRITE_NEVER 3
typedef cloud_err_t *cloud_tx_fn(void *baton, cloud_ctx_t *ctx, const cloud_result_t *res);
/** Gives a staged file its place: the one transaction of PUT, upload MOVE and file COPY. opts:
 *  cond, mtime; in_tx (may be NULL) runs inside the transaction after the rows were written. On error the staged file
 *  stays where it is: the caller removes it. overwrite 0 and something there: PRECONDITION. */
CLOUD_API cloud_err_t *cloud_files_attach(cloud_result_t *res, cloud_ctx_t *ctx,
                                const cloud_account_t *account, const char *path,
                                const cloud_staged_t *staged, int overwrite,
                                const cloud_put_opts_t *opts, cloud_tx_fn *in_tx, void *baton,
                                apr_pool_t *pool);
/** Fills a cloud_staged_t from an open, fully written staging file: sets its mtime on disk when opts has one, fsyncs file and
 *  directory. home: of the place that cloud_files_attach() shall give it. */
CLOUD_API cloud_err_t *cloud_files_seal(cloud_staged_t *staged, cloud_ctx_t *ctx, int fd, const char *path,
                              cloud_home_t home, const cloud_put_opts_t *opts, cloud_sums_t sums, apr_pool_t *pool);
/** After a failed attach: true when a committed row may name the staging file, which then must
 *  stay (also when that can't be found out). (no tx) */
CLOUD_API int cloud_files_stage_owed(cloud_ctx_t *ctx, const char *stage);
/** The early checks of a put, in an own read transaction: see cloud_put_begin. */
CLOUD_API cloud_err_t *cloud_files_precheck(cloud_entry_t **entry, cloud_ctx_t *ctx,
                                  const cloud_account_t *account, const char *path,
                                  int overwrite, const cloud_put_opts_t *opts, apr_pool_t *pool);
/** QUOTA when delta more bytes do not fit the entry's tree. (tx) */
CLOUD_API cloud_err_t *cloud_files_quota(cloud_ctx_t *ctx, const cloud_entry_t *entry, apr_int64_t delta);
/** The same for content of so many bytes in the entry's place. What is new and empty has no size; but who has no
 *  room left makes none, as with ownCloud. (tx) */
CLOUD_API cloud_err_t *cloud_files_quota_for(cloud_ctx_t *ctx, const cloud_entry_t *entry, apr_int64_t size);
/** PRECONDITION unless cond holds for entry. */
CLOUD_API cloud_err_t *cloud_cond_check(cloud_ctx_t *ctx, const cloud_entry_t *entry,
                              const cloud_cond_t *cond);
/** Condition plus names blacklist from the settings for a new name. (tx) */
cloud_err_t *cloud_files_name_check(cloud_ctx_t *ctx, const char *name);
/** Takes in what an outsider did to the content of a file (same path, other identity): adopts it silently or as a new
 *  version. Gives the row as it is afterwards. (no tx) */
cloud_err_t *cloud_files_adopt(cloud_entry_t **entry, cloud_ctx_t *ctx,
                               const cloud_entry_t *seen, apr_pool_t *pool);
/** Takes in an outside edit of the entry's content, or that it has another inode, if there is one; gives
 *  the entry afterwards. For what is about to be moved or removed, in files or in a bin. (no tx) */
CLOUD_API cloud_err_t *cloud_files_notice(cloud_entry_t **entry, cloud_ctx_t *ctx,
                                          const cloud_entry_t *e, apr_pool_t *pool);
/** The features' prepare hook, for what a verb is about to replace or to remove. (no tx) */
cloud_err_t *cloud_files_prepare(cloud_ctx_t *ctx, const cloud_entry_t *entry, int removes);
/** Finds, inside the transaction, what is to be moved: the source of cloud_files_move_from(). */
typedef cloud_err_t *cloud_source_fn(cloud_entry_t **source, void *baton, cloud_ctx_t *ctx,
                                     apr_pool_t *pool);
/** cloud_file_move() of something that is not in the files of an account: out of the trash. source
 *  gives the entry, and does in the transaction what else belongs to it. (no tx) */
CLOUD_API cloud_err_t *cloud_files_move_from(cloud_result_t *res, cloud_ctx_t *ctx,
                                             cloud_source_fn *source, void *baton,
                                             const cloud_account_t *dst_account, const char *dst,
                                             int overwrite, const cloud_cond_t *dst_cond,
                                             apr_pool_t *pool);
/** cloud_file_copy() of something that is found as above, with all below; it stays where it is. (no tx) */
CLOUD_API cloud_err_t *cloud_files_copy_from(cloud_result_t *res, cloud_ctx_t *ctx,
                                             cloud_source_fn *source, void *baton,
                                             const cloud_account_t *dst_account, const char *dst,
                                             int overwrite, const cloud_cond_t *dst_cond,
                                             apr_pool_t *pool);
/** Takes an entry out of a tree for good: asks no feature. (tx, write) */
CLOUD_API cloud_err_t *cloud_files_purge(cloud_ctx_t *ctx, const cloud_entry_t *e,
                                         apr_pool_t *pool);
/** Puts a whole root of an account (parent 0) under its purge root, whatever its size: with its
 *  directory dir (NULL: that goes otherwise). (tx, write) */
CLOUD_API cloud_err_t *cloud_files_purge_root(cloud_ctx_t *ctx, const cloud_account_t *account,
                                              const cloud_node_t *root, const char *dir,
                                              apr_pool_t *pool);
/** Copies dead properties from one node to another. (tx, write) */
cloud_err_t *cloud_props_copy(cloud_ctx_t *ctx, apr_int64_t from, apr_int64_t to);
cloud_err_t *cloud_props_delete(cloud_ctx_t *ctx, apr_int64_t node);

/* ---- favorite.c ---- */
/** Makes the node a favorite of who asks, or no favorite any more. DENIED for who is no account.
 *  (tx, write) */
cloud_err_t *cloud_favorite_set(cloud_ctx_t *ctx, const cloud_node_t *node, int on);
/** What is a favorite of who asks goes on as a copy of itself: to becomes one, too. (tx, write) */
cloud_err_t *cloud_favorite_copy(cloud_ctx_t *ctx, const cloud_node_t *from, apr_int64_t to);
/** The node goes for good: it is nobody's favorite any more. (tx, write) */
cloud_err_t *cloud_favorite_forget(cloud_ctx_t *ctx, const cloud_node_t *node);

/* ---- staging.c: what is left in the staging directories ---- */
/** Unlinks a staged file that a verb could not place; leaves it when a committed row names it (the
 *  commit was done and something failed after it) or when that can't be told. Outside any tx. */
CLOUD_API void cloud_staging_discard(cloud_ctx_t *ctx, const char *path);
/** Removes what lies in the staging directories, was not written to for max_age seconds, and is named
 *  by no row: what aborted writers left behind. At most limit entries in one call. (no tx) */
CLOUD_API cloud_err_t *cloud_staging_expire(int *removed, cloud_ctx_t *ctx, apr_int64_t max_age,
                                            int limit);

/* ---- lock.c ---- */
#define CLOUD_LOCKCHK_NODE   1u  /* locks on the node itself or inherited from above */
#define CLOUD_LOCKCHK_PARENT 2u  /* membership of the parent changes: locks on it of any depth */
#define CLOUD_LOCKCHK_BELOW  4u  /* locks on nodes underneath */
/** LOCKED unless each live lock found by flags is among tokens and belongs to ctx->who. One
 *  statement when the tree has no locks. (tx) */
cloud_err_t *cloud_lock_check(cloud_ctx_t *ctx, const cloud_entry_t *entry,
                              const apr_array_header_t *tokens, unsigned flags);
/** Drops the locks on the node and below (it moved away or was deleted: RFC 4918 7.5, 9.6, 9.9).
 *  (tx, write) */
cloud_err_t *cloud_lock_forget(cloud_ctx_t *ctx, const cloud_entry_t *entry);
/** Drops expired locks. (tx, write) */
cloud_err_t *cloud_lock_expire(cloud_ctx_t *ctx);

#endif

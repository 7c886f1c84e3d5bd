/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* cloudctl account sync: accounts follow a directory. Who is in it is read from a program that asks the
 * directory (ldapsearch) or from a file; logins take over groups and the rest. */
#include "ctl.h"
#include "ldif.h"
#include "person.h"
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <apr_hash.h>

#define ASK_ABOVE 10 /* percent of the directory's accounts that are disabled without a question */

extern char **environ;

/* The list, opened with the privileges of who called: they may read the directory's password. */
static struct {
    int fd;
    pid_t pid;          /* of the program that writes it, or 0 */
} list;

/* Somebody in the directory. */
typedef struct {
    const char *id;
    const char *name, *email, *quota;
    int has_account;
} member_t;

typedef struct {
    ctl_t *ctl;
    const char *source;
    apr_hash_t *members;        /* folded id -> member_t */
    apr_array_header_t *order;  /* member_t *, as they came */
    apr_int64_t nameless;       /* entries without an id: other things than people */
    apr_int64_t enabled;        /* accounts of this directory */
    /* what is to be done: const char *, ids */
    apr_array_header_t *gone, *back;
    apr_array_header_t *updates; /* update_t */
} sync_t;

typedef struct {
    const char *id;
    const char *name, *email;   /* NULL: stays */
    const char *quota;
    apr_int64_t bytes;
} update_t;

/* ---- the list ---- */

static cloud_err_t *start_program(ctl_t *ctl)
{
    posix_spawn_file_actions_t actions;
    int pipefd[2], rc;

    if (pipe2(pipefd, O_CLOEXEC) != 0)
        return cloud_err_sys(ctl->pool, CLOUD_E_UNAVAILABLE, errno, "pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipefd[1], STDOUT_FILENO);
    rc = posix_spawnp(&list.pid, ctl->args[0], &actions, NULL, (char **)ctl->args, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pipefd[1]);
    list.fd = pipefd[0];
    if (rc) return cloud_err(ctl->pool, CLOUD_E_INVALID, "%s: %s", ctl->args[0], strerror(rc));
    return NULL;
}

static cloud_err_t *open_list(ctl_t *ctl)
{
    const char *from = ctl_opt(ctl, "from");

    if (!from == !ctl->nargs)
        return ctl_usage(ctl, "give either --from FILE, or -- and a program that writes the list");
    if (ctl->nargs) return start_program(ctl);
    if (strcmp(from, "-") == 0) {
        list.fd = STDIN_FILENO;
        return NULL;
    }
    list.fd = open(from, O_RDONLY | O_CLOEXEC);
    return list.fd >= 0 ? NULL
                        : cloud_err(ctl->pool, CLOUD_E_INVALID, "%s: %s", from, strerror(errno));
}

/* An answer counts only when the program says that it is all there is. */
static cloud_err_t *end_program(ctl_t *ctl)
{
    int status;

    if (!list.pid) return NULL;
    while (waitpid(list.pid, &status, 0) < 0)
        if (errno != EINTR) return cloud_err_sys(ctl->pool, CLOUD_E_INTERNAL, errno, "waitpid");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return NULL;
    return cloud_err(ctl->pool, CLOUD_E_INVALID,
                     "%s failed (%s %d): nothing was changed", ctl->args[0],
                     WIFEXITED(status) ? "exit status" : "signal",
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static const char *attribute(const sync_t *sync, const apr_table_t *entry, const char *opt,
                             const char *def)
{
    const char *name = ctl_opt(sync->ctl, opt), *value;

    value = name || def ? apr_table_get(entry, name ? name : def) : NULL;
    return value && *value ? apr_pstrdup(sync->ctl->pool, value) : NULL;
}

static void add_member(sync_t *sync, const apr_table_t *entry)
{
    apr_pool_t *pool = sync->ctl->pool;
    const char *id = apr_table_get(entry, LDIF_NAME), *folded;
    member_t *m;

    id = id ? apr_pstrdup(pool, id) : attribute(sync, entry, "id-attribute", "uid");
    folded = id ? cloud_account_fold(id, pool) : NULL;
    if (!folded) {
        sync->nameless += apr_table_get(entry, "dn") != NULL; /* not what is told at the end */
        return;
    }
    if (apr_hash_get(sync->members, folded, APR_HASH_KEY_STRING)) return;
    m = apr_pcalloc(pool, sizeof *m);
    m->id = id;
    m->name = attribute(sync, entry, "name-attribute", "cn");
    m->email = attribute(sync, entry, "email-attribute", "mail");
    m->quota = attribute(sync, entry, "quota-attribute", NULL);
    apr_hash_set(sync->members, folded, APR_HASH_KEY_STRING, m);
    APR_ARRAY_PUSH(sync->order, member_t *) = m;
}

static cloud_err_t *read_members(sync_t *sync, FILE *in)
{
    ldif_t *ldif = ldif_open(in, sync->ctl->pool);
    cloud_err_t *err = NULL;
    apr_table_t *entry;
    apr_pool_t *pool;

    apr_pool_create(&pool, sync->ctl->pool);
    while (!(err = ldif_next(&entry, ldif, pool)) && entry) {
        add_member(sync, entry);
        apr_pool_clear(pool);
    }
    return err;
}

static cloud_err_t *read_list(sync_t *sync)
{
    FILE *in = fdopen(list.fd, "r");
    cloud_err_t *err, *ended;

    if (!in) return cloud_err_sys(sync->ctl->pool, CLOUD_E_INTERNAL, errno, "fdopen");
    err = read_members(sync, in);
    fclose(in);
    ended = end_program(sync->ctl);
    /* A program whose list is not read to the end fails of that. */
    CLOUD_ERR(err);
    CLOUD_ERR(ended);
    if (sync->order->nelts == 0)
        return cloud_err(sync->ctl->pool, CLOUD_E_INVALID,
                         "Nobody is in the list (%" APR_INT64_T_FMT
                         " entries without a name): nothing was changed",
                         sync->nameless);
    return NULL;
}

/* ---- what differs ---- */

static cloud_err_t *new_quota(apr_int64_t *bytes, ctl_t *ctl, const char *text)
{
    if (strcmp(text, "default") != 0) return cloud_size_parse(bytes, text, ctl->pool);
    *bytes = CLOUD_QUOTA_DEFAULT;
    return NULL;
}

static void compare(sync_t *sync, const cloud_account_t *a, const member_t *m)
{
    update_t u = { NULL, NULL, NULL, NULL, a->quota };

    if (m->name && strcmp(m->name, a->display_name) != 0) u.name = m->name;
    if (m->email && (!a->email || strcmp(m->email, a->email) != 0)) u.email = m->email;
    if (m->quota && (new_quota(&u.bytes, sync->ctl, m->quota) || u.bytes != a->quota))
        u.quota = m->quota;
    if (!u.name && !u.email && !u.quota) return;
    u.id = apr_pstrdup(sync->ctl->pool, a->id);
    APR_ARRAY_PUSH(sync->updates, update_t) = u;
}

static cloud_err_t *look_at(void *baton, const cloud_account_t *a, apr_pool_t *pool)
{
    sync_t *sync = baton;
    const char *folded = cloud_account_fold(a->id, pool);
    member_t *m = folded ? apr_hash_get(sync->members, folded, APR_HASH_KEY_STRING) : NULL;
    const char *id = apr_pstrdup(sync->ctl->pool, a->id);

    if (m) m->has_account = 1;
    if (strcmp(a->source, sync->source) != 0) return NULL;
    sync->enabled += a->enabled;
    if (!m && a->enabled) APR_ARRAY_PUSH(sync->gone, const char *) = id;
    if (m && !a->enabled && a->person && strcmp(a->person, CLOUD_PERSON_GONE) == 0)
        APR_ARRAY_PUSH(sync->back, const char *) = id;
    if (m) compare(sync, a, m);
    return NULL;
}

static cloud_err_t *ask(sync_t *sync)
{
    apr_int64_t gone = sync->gone->nelts;
    int yes;

    if (gone * 100 <= sync->enabled * ASK_ABOVE) return NULL;
    CLOUD_ERR(ctl_confirm(&yes, sync->ctl,
                          apr_psprintf(sync->ctl->pool,
                                       "%" APR_INT64_T_FMT " of %" APR_INT64_T_FMT
                                       " accounts are not in the list. Disable them?",
                                       gone, sync->enabled)));
    return yes ? NULL : cloud_err(sync->ctl->pool, CLOUD_E_DENIED, "Nothing was changed");
}

/* ---- doing it ---- */

static void tell(sync_t *sync, const char *what, const char *id)
{
    ctl_print(sync->ctl, "%s%s %s", ctl_opt(sync->ctl, "dry-run") ? "would be " : "", what, id);
    json_array_append_new(json_object_get(sync->ctl->out, what), ctl_string(sync->ctl, id));
}

/* What the directory has wrong is told, and the rest goes on. */
static cloud_err_t *unless_invalid(sync_t *sync, const char *id, cloud_err_t *err)
{
    if (!cloud_err_is(err, CLOUD_E_INVALID)) return err;
    ctl_note(sync->ctl, "%s: %s", id, err->msg);
    return NULL;
}

static cloud_err_t *set_all_gone(sync_t *sync, const apr_array_header_t *ids, int gone)
{
    int i;

    for (i = 0; i < ids->nelts; i++) {
        const char *id = APR_ARRAY_IDX(ids, i, const char *);
        if (!ctl_opt(sync->ctl, "dry-run"))
            CLOUD_ERR(cloud_person_set_gone(sync->ctl->ctx, id, gone));
        tell(sync, gone ? "disabled" : "enabled", id);
    }
    return NULL;
}

static cloud_err_t *update_one(sync_t *sync, const update_t *u)
{
    cloud_ctx_t *ctx = sync->ctl->ctx;
    apr_int64_t bytes;

    if (u->name)
        CLOUD_ERR(unless_invalid(sync, u->id,
                                 cloud_account_set_display_name(ctx, u->id, u->name)));
    if (u->email)
        CLOUD_ERR(unless_invalid(sync, u->id, cloud_account_set_email(ctx, u->id, u->email)));
    if (u->quota) {
        cloud_err_t *err = new_quota(&bytes, sync->ctl, u->quota);
        if (!err) err = cloud_account_set_quota(ctx, u->id, bytes);
        CLOUD_ERR(unless_invalid(sync, u->id, err));
    }
    return NULL;
}

static cloud_err_t *update(sync_t *sync)
{
    int i;

    for (i = 0; i < sync->updates->nelts; i++) {
        const update_t *u = &APR_ARRAY_IDX(sync->updates, i, update_t);
        if (!ctl_opt(sync->ctl, "dry-run")) CLOUD_ERR(update_one(sync, u));
        tell(sync, "updated", u->id);
    }
    return NULL;
}

static cloud_err_t *create_one(sync_t *sync, const member_t *m)
{
    const cloud_account_new_t what = { .source = sync->source };
    update_t u = { NULL, m->name, m->email, m->quota, 0 };
    cloud_account_t *a;

    CLOUD_ERR(cloud_account_add(&a, sync->ctl->ctx, m->id, &what, sync->ctl->pool));
    u.id = a->id;
    return update_one(sync, &u);
}

static cloud_err_t *create(sync_t *sync)
{
    int i;

    for (i = 0; i < sync->order->nelts; i++) {
        const member_t *m = APR_ARRAY_IDX(sync->order, i, const member_t *);
        cloud_err_t *err = NULL;
        if (m->has_account) continue;
        if (!ctl_opt(sync->ctl, "dry-run")) err = create_one(sync, m);
        if (!err) tell(sync, "created", m->id);
        CLOUD_ERR(unless_invalid(sync, m->id, err));
    }
    return NULL;
}

static cloud_err_t *user_sync(ctl_t *ctl)
{
    sync_t sync = { .ctl = ctl,
                    .members = apr_hash_make(ctl->pool),
                    .order = apr_array_make(ctl->pool, 64, sizeof(member_t *)),
                    .gone = apr_array_make(ctl->pool, 8, sizeof(const char *)),
                    .back = apr_array_make(ctl->pool, 8, sizeof(const char *)),
                    .updates = apr_array_make(ctl->pool, 8, sizeof(update_t)) };

    sync.source = ctl_opt(ctl, "source") ? ctl_opt(ctl, "source") : CLOUD_SOURCE_DIRECTORY;
    ctl->out = json_pack("{s:[],s:[],s:[],s:[]}", "disabled", "enabled", "created", "updated");
    CLOUD_ERR(read_list(&sync));
    CLOUD_ERR(cloud_account_each(ctl->ctx, NULL, look_at, &sync));
    if (!ctl_opt(ctl, "dry-run")) CLOUD_ERR(ask(&sync));
    CLOUD_ERR(set_all_gone(&sync, sync.gone, 1));
    if (ctl_opt(ctl, "re-enable")) CLOUD_ERR(set_all_gone(&sync, sync.back, 0));
    if (ctl_opt(ctl, "update")) CLOUD_ERR(update(&sync));
    if (ctl_opt(ctl, "create")) CLOUD_ERR(create(&sync));
    json_object_set_new(ctl->out, "present", json_integer(sync.order->nelts));
    ctl_print(ctl, "%d in the list, %" APR_INT64_T_FMT " accounts of \"%s\" were enabled before.",
              sync.order->nelts, sync.enabled, sync.source);
    return NULL;
}

static cloud_err_t *refresh(ctl_t *ctl)
{
    CLOUD_ERR(cloud_person_forget(ctl->ctx, ctl->args[0]));
    ctl_print(ctl, "The next login of %s takes over everything that its directory says.",
              ctl->args[0]);
    return NULL;
}

static const ctl_opt_t SYNC_OPTS[] = {
    { "from", "FILE", "the list: LDIF, or a name a line; \"-\" is standard input" },
    { "source", "NAME", "CloudUserSource of the accounts (directory)" },
    { "id-attribute", "NAME", "attribute with the account's id (uid)" },
    { "name-attribute", "NAME", "attribute with the display name (cn)" },
    { "email-attribute", "NAME", "attribute with the e-mail address (mail)" },
    { "quota-attribute", "NAME", "attribute with the quota (none)" },
    { "create", NULL, "make accounts for those who have none" },
    { "update", NULL, "take over names, e-mail addresses and quotas" },
    { "re-enable", NULL, "enable whom an earlier sync disabled and who is back" },
    { "dry-run", NULL, "only tell what would be done" },
    { "yes", NULL, "do not ask before more than 10 percent are disabled" },
    { NULL, NULL, NULL }
};

const ctl_cmd_t ctl_sync_cmds[] = {
    { "account sync", "[-- PROGRAM [ARGUMENT...]]", 0, 1000,
      "disable accounts whose people are gone from the directory", SYNC_OPTS, 0, user_sync,
      open_list },
    { "account refresh", "ID", 1, 1, "take over all that the directory says at the next login",
      NULL, 0, refresh, NULL },
    { NULL, NULL, 0, 0, NULL, NULL, 0, NULL, NULL }
};

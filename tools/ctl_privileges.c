/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Files belong to who creates them, and the server must be able to use them: cloudctl started as
 * root becomes the owner of the data directory before it opens anything in there. */
#include "ctl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    uid_t uid;
    gid_t gid;
    const char *name;        /* NULL: the user has none */
} identity_t;

/* Whom to become: --user, or the owner of the data directory. */
static cloud_err_t *find_identity(identity_t *id, ctl_t *ctl)
{
    const struct passwd *pw;
    struct stat st;

    if (ctl->user) {
        pw = getpwnam(ctl->user);
        if (!pw) return ctl_usage(ctl, "there is no user %s", ctl->user);
    } else {
        if (stat(ctl->data_dir, &st) != 0)
            return cloud_err_sys(ctl->pool, CLOUD_E_UNAVAILABLE, errno, "%s", ctl->data_dir);
        id->uid = st.st_uid;
        id->gid = st.st_gid;
        pw = getpwuid(st.st_uid);
    }
    if (!pw) return NULL;
    id->uid = pw->pw_uid;
    id->gid = pw->pw_gid;
    id->name = apr_pstrdup(ctl->pool, pw->pw_name);
    return NULL;
}

static int become(const identity_t *id)
{
    if (id->name ? initgroups(id->name, id->gid) : setgroups(0, NULL)) return errno;
    if (setgid(id->gid) != 0 || setuid(id->uid) != 0) return errno;
    /* It must not be possible to get them back. */
    return setuid(0) == 0 && id->uid != 0 ? EPERM : 0;
}

/* The caller may read a file that the owner of the data directory may not. */
static cloud_err_t *open_password_file(ctl_t *ctl)
{
    const char *file = ctl_opt(ctl, "password-file");

    if (!(ctl->cmd->flags & CTL_PASSWORD) || !file) return NULL;
    if (ctl_opt(ctl, "password-stdin"))
        return ctl_usage(ctl, "--password-stdin and --password-file can't both be given");
    ctl->password_fd = open(file, O_RDONLY | O_CLOEXEC);
    if (ctl->password_fd < 0)
        return cloud_err(ctl->pool, CLOUD_E_INVALID, "%s: %s", file, strerror(errno));
    return NULL;
}

/* Makes a directory with just this mode, unless it is there. */
static cloud_err_t *make_dir(ctl_t *ctl, const char *dir, mode_t mode)
{
    mode_t mask = umask(0777 & ~mode);
    int err = mkdir(dir, mode) == 0 ? 0 : errno;

    umask(mask);
    if (err == 0 || err == EEXIST) return NULL;
    return cloud_err_sys(ctl->pool, CLOUD_E_UNAVAILABLE, err, "mkdir %s", dir);
}

/* Nothing but "." and ".." in it. */
static int is_empty(int fd)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
    DIR *d = copy < 0 ? NULL : fdopendir(copy);

    if (!d) {
        if (copy >= 0) close(copy);
        return 0;
    }
    while (n < 3 && readdir(d)) n++;
    closedir(d);
    return n < 3;
}

cloud_err_t *ctl_give_dir(ctl_t *ctl, const char *dir, int mode)
{
    identity_t id = { 0, 0, NULL };
    struct stat st;
    int fd;

    CLOUD_ERR(make_dir(ctl, dir, (mode_t)mode));
    if (geteuid() != 0) return NULL;
    CLOUD_ERR(find_identity(&id, ctl));
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) != 0) {
        int err = errno;

        if (fd >= 0) close(fd);
        return cloud_err_sys(ctl->pool, CLOUD_E_UNAVAILABLE, err, "%s", dir);
    }
    /* What has something in it is somebody's, or the system's: it stays as it is. */
    if (st.st_uid == 0 && id.uid != 0 && is_empty(fd) && fchown(fd, id.uid, id.gid) != 0)
        ctl_note(ctl, "%s can't be given to its user: %s", dir, strerror(errno));
    close(fd);
    return NULL;
}

cloud_err_t *ctl_drop(ctl_t *ctl)
{
    identity_t id = { 0, 0, NULL };
    int err;

    CLOUD_ERR(open_password_file(ctl));
    if (geteuid() != 0) {
        if (ctl->user) return ctl_usage(ctl, "only root can use --user");
        return NULL;
    }
    if (ctl->user && ctl->cmd->flags & CTL_CREATE)
        CLOUD_ERR(ctl_give_dir(ctl, ctl->data_dir, 0750));
    CLOUD_ERR(find_identity(&id, ctl));
    if (id.uid == 0)
        return cloud_err(ctl->pool, CLOUD_E_DENIED,
                         "%s belongs to root; it must belong to the user that httpd runs as "
                         "(chown it, or name that user with --user)",
                         ctl->data_dir);
    err = become(&id);
    if (err)
        return cloud_err_sys(ctl->pool, CLOUD_E_DENIED, err, "become the owner of %s",
                             ctl->data_dir);
    return NULL;
}

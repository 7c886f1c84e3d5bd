/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The program that sends mail. The mail is in a file without a name, so that nothing here waits for
 * the program to read it. */
#include "sendmail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <apr_general.h>

#define SAID_MAX 500                      /* bytes of what it says that are kept */
#define ROUNDS   128                      /* of reading, before it is looked at again */
#define LOOK     apr_time_from_msec(20)   /* how often its end is looked for */

cloud_err_t *cloud_sendmail_check(char ***argv, const char *command, apr_pool_t *pool)
{
    struct stat st;

    if (apr_tokenize_to_argv(command, argv, pool) != APR_SUCCESS || !**argv)
        return cloud_err(pool, CLOUD_E_INVALID, "there is no command in it");
    if (***argv != '/')
        return cloud_err(pool, CLOUD_E_INVALID, "\"%s\" is no absolute path", **argv);
    if (stat(**argv, &st) != 0)
        return cloud_err(pool, CLOUD_E_INVALID, "%s: %s", **argv, strerror(errno));
    if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
        return cloud_err(pool, CLOUD_E_INVALID, "%s can't be run", **argv);
    return NULL;
}

typedef struct {
    apr_pool_t *pool;
    int in;                  /* the mail */
    int out[2];              /* pipe from its standard output and error */
    pid_t pid;
    char said[SAID_MAX + 1];
    apr_size_t len;
} run_t;

static void close_fd(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static cloud_err_t *failed(run_t *run, int err, const char *what)
{
    return cloud_err_sys(run->pool, CLOUD_E_UNAVAILABLE, err, "%s", what);
}

/* ---- its beginning ---- */

static cloud_err_t *write_mail(run_t *run, const char *mail)
{
    apr_size_t len = strlen(mail), done = 0;

    run->in = memfd_create("mail", MFD_CLOEXEC);
    if (run->in < 0) return failed(run, errno, "No memory for a mail");
    while (done < len) {
        ssize_t n = write(run->in, mail + done, len - done);
        if (n < 0 && errno != EINTR) return failed(run, errno, "No memory for a mail");
        if (n > 0) done += (apr_size_t)n;
    }
    return lseek(run->in, 0, SEEK_SET) == 0 ? NULL : failed(run, errno, "No memory for a mail");
}

/* Everything else is closed: a program that stays in the background must hold none of our locks. */
static int set_files(posix_spawn_file_actions_t *files, const run_t *run)
{
    int err = posix_spawn_file_actions_init(files);

    if (!err) err = posix_spawn_file_actions_adddup2(files, run->in, STDIN_FILENO);
    if (!err) err = posix_spawn_file_actions_adddup2(files, run->out[1], STDOUT_FILENO);
    if (!err) err = posix_spawn_file_actions_adddup2(files, run->out[1], STDERR_FILENO);
    if (!err) err = posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
    if (!err) err = posix_spawn_file_actions_addchdir_np(files, "/");
    return err;
}

/* In a group of its own, which can be killed as a whole; with signals as a program expects them. */
static int set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, all;
    int err = posix_spawnattr_init(attr);

    sigemptyset(&none);
    sigfillset(&all);
    if (!err) err = posix_spawnattr_setpgroup(attr, 0);
    if (!err) err = posix_spawnattr_setsigmask(attr, &none);
    if (!err) err = posix_spawnattr_setsigdefault(attr, &all);
    if (!err)
        err = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK
                                                 | POSIX_SPAWN_SETSIGDEF);
    return err;
}

static cloud_err_t *start(run_t *run, char *const *argv)
{
    static char *environment[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                   (char *)"LANG=C.UTF-8", NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    int err;

    if (pipe2(run->out, O_CLOEXEC) != 0 || fcntl(run->out[0], F_SETFL, O_NONBLOCK) != 0)
        return failed(run, errno, "No pipe");
    err = set_files(&files, run);
    if (err) return failed(run, err, "The program that sends mail can't be started");
    err = set_attributes(&attr);
    if (!err) {
        err = posix_spawn(&run->pid, argv[0], &files, &attr, argv, environment);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&files);
    if (err) run->pid = -1;
    close_fd(&run->out[1]);
    return err ? failed(run, err, "The program that sends mail can't be started") : NULL;
}

/* ---- its end ---- */

/* What it says after it has said enough is read and forgotten, so that it does not wait for us. No more
 * than so much at once: one that never stops talking must not keep us from looking at the clock. */
static void listen_to(run_t *run)
{
    char more[512];
    int round;

    for (round = 0; round < ROUNDS; round++) {
        int full = run->len == SAID_MAX;
        char *to = full ? more : run->said + run->len;
        ssize_t n = read(run->out[0], to, full ? sizeof more : SAID_MAX - run->len);

        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return; /* nothing more at the moment */
        if (n == 0) {
            close_fd(&run->out[0]);
            return;
        }
        if (!full) run->len += (apr_size_t)n;
    }
}

static void wait_a_little(run_t *run)
{
    struct pollfd p = { .fd = run->out[0], .events = POLLIN };

    /* poll() takes no notice of a descriptor of -1 */
    poll(&p, 1, (int)apr_time_as_msec(LOOK));
    if (run->out[0] >= 0) listen_to(run);
}

static void kill_all(run_t *run)
{
    int status;

    kill(-run->pid, SIGKILL);
    while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR) continue;
}

/* What it said, in one line. */
static const char *said(run_t *run)
{
    apr_size_t i;

    while (run->len > 0 && (unsigned char)run->said[run->len - 1] <= ' ') run->len--;
    for (i = 0; i < run->len; i++)
        if ((unsigned char)run->said[i] < ' ' || run->said[i] == 0x7F) run->said[i] = ' ';
    run->said[run->len] = '\0';
    return apr_pstrdup(run->pool, run->said);
}

static cloud_err_t *judge(run_t *run, int status)
{
    cloud_err_t *err;
    const char *how;

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return NULL;
    how = WIFEXITED(status) ? apr_psprintf(run->pool, "exit status %d", WEXITSTATUS(status))
                            : apr_psprintf(run->pool, "signal %d", WTERMSIG(status));
    err = cloud_err(run->pool, CLOUD_E_UNAVAILABLE, "The mail could not be sent");
    err->cause = run->len ? apr_pstrcat(run->pool, how, ": ", said(run), NULL) : how;
    return err;
}

static cloud_err_t *wait_for(run_t *run, const cloud_sendmail_t *how)
{
    apr_time_t end = apr_time_now() + how->timeout;
    cloud_err_t *err;
    int status = 0;
    pid_t done;

    for (;;) {
        done = waitpid(run->pid, &status, WNOHANG);
        if (done == run->pid) break;
        if (done < 0 && errno != EINTR) return failed(run, errno, "The mail may not be sent");
        if (how->stopping && how->stopping()) {
            kill_all(run);
            return cloud_err(run->pool, CLOUD_E_AGAIN, "There was no time to send the mail");
        }
        if (apr_time_now() >= end) {
            kill_all(run);
            err = cloud_err(run->pool, CLOUD_E_UNAVAILABLE, "The mail could not be sent");
            err->cause = apr_psprintf(run->pool, "it took longer than %d s",
                                      (int)apr_time_sec(how->timeout));
            return err;
        }
        wait_a_little(run);
    }
    if (run->out[0] >= 0) listen_to(run);
    return judge(run, status);
}

cloud_err_t *cloud_sendmail(const cloud_sendmail_t *how, const char *mail, apr_pool_t *pool)
{
    run_t run = { .pool = pool, .in = -1, .out = { -1, -1 }, .pid = -1 };
    cloud_err_t *err;
    char **argv;

    CLOUD_ERR(cloud_sendmail_check(&argv, how->command, pool));
    err = write_mail(&run, mail);
    if (!err) err = start(&run, argv);
    if (!err) err = wait_for(&run, how);
    close_fd(&run.in);
    close_fd(&run.out[0]);
    close_fd(&run.out[1]);
    return err;
}

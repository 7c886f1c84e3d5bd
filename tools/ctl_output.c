/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What cloudctl prints, and what it asks. */
#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define PASSWORD_MAX 1024

cloud_err_t *ctl_usage(ctl_t *ctl, const char *fmt, ...)
{
    va_list ap;
    const char *msg;

    va_start(ap, fmt);
    msg = apr_pvsprintf(ctl->pool, fmt, ap);
    va_end(ap);
    ctl->status = CTL_USAGE;
    return cloud_err(ctl->pool, CLOUD_E_INVALID, "%s", msg);
}

/* People name their files as they like, and the admin's terminal must not obey them. One line. */
static const char *harmless(char *text)
{
    unsigned char *c;

    for (c = (unsigned char *)text; *c; c++) {
        if (*c < 0x20 || *c == 0x7f) *c = '?';
        if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) *c = c[1] = '?'; /* C1 in UTF-8 */
    }
    return text;
}

void ctl_print(const ctl_t *ctl, const char *fmt, ...)
{
    va_list ap;

    if (ctl->json) return;
    va_start(ap, fmt);
    fputs(harmless(apr_pvsprintf(ctl->pool, fmt, ap)), stdout);
    va_end(ap);
    putchar('\n');
}

void ctl_note(const ctl_t *ctl, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fprintf(stderr, "cloudctl: %s\n", harmless(apr_pvsprintf(ctl->pool, fmt, ap)));
    va_end(ap);
}

json_t *ctl_string(const ctl_t *ctl, const char *s)
{
    json_t *json;
    char *out, *to;

    if (!s) return json_null();
    json = json_string(s);
    if (json) return json;
    to = out = apr_palloc(ctl->pool, 4 * strlen(s) + 1);
    for (; *s; s++) {
        if ((unsigned char)*s < 0x80) *to++ = *s;
        else to += apr_snprintf(to, 5, "\\x%02x", (unsigned char)*s);
    }
    *to = '\0';
    return json_string(out);
}

const char *ctl_time_text(const ctl_t *ctl, apr_time_t t)
{
    apr_time_exp_t e;

    if (t == 0 || apr_time_exp_gmt(&e, t) != APR_SUCCESS) return "never";
    return apr_psprintf(ctl->pool, "%04d-%02d-%02dT%02d:%02d:%02dZ", e.tm_year + 1900,
                        e.tm_mon + 1, e.tm_mday, e.tm_hour, e.tm_min, e.tm_sec);
}

json_t *ctl_time(const ctl_t *ctl, apr_time_t t)
{
    return t == 0 ? json_null() : json_string(ctl_time_text(ctl, t));
}

const char *ctl_size_text(const ctl_t *ctl, apr_int64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double n = (double)bytes;
    int i = 0;

    if (bytes < 1024) return apr_psprintf(ctl->pool, "%" APR_INT64_T_FMT " B", bytes);
    while (n >= 1024 && i < 6) {
        n /= 1024;
        i++;
    }
    return apr_psprintf(ctl->pool, "%.1f %s", n, units[i]);
}

/* ---- the terminal ---- */

static int tty_fd = -1;
static struct termios tty_saved;

/* Whoever interrupts a prompt gets the terminal back as it was. */
static void restore_tty(int sig)
{
    if (tty_fd >= 0) tcsetattr(tty_fd, TCSAFLUSH, &tty_saved);
    if (sig) {
        signal(sig, SIG_DFL);
        raise(sig);
    }
}

/* Reads a line from fd without buffering, so that nothing of what follows is lost; -1 on errors. */
static int read_line(int fd, char *line, size_t size)
{
    size_t n = 0;
    char c;

    for (;;) {
        ssize_t got = read(fd, &c, 1);

        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0 || c == '\n') break;
        if (n + 1 >= size) return -1;
        line[n++] = c;
    }
    if (n > 0 && line[n - 1] == '\r') n--;
    line[n] = '\0';
    return 0;
}

static cloud_err_t *no_terminal(ctl_t *ctl, const char *instead)
{
    return ctl_usage(ctl, "there is no terminal to ask at: %s", instead);
}

static cloud_err_t *ask_hidden(const char **answer, ctl_t *ctl, int fd, const char *prompt)
{
    struct termios quiet;
    char line[PASSWORD_MAX + 2];
    int failed;

    if (tcgetattr(fd, &tty_saved) != 0) return no_terminal(ctl, "use --password-stdin");
    tty_fd = fd;
    signal(SIGINT, restore_tty);
    signal(SIGTERM, restore_tty);
    quiet = tty_saved;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(fd, TCSAFLUSH, &quiet);
    dprintf(fd, "%s: ", prompt);
    failed = read_line(fd, line, sizeof line);
    restore_tty(0);
    tty_fd = -1;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    dprintf(fd, "\n");
    if (failed) return cloud_err(ctl->pool, CLOUD_E_INVALID, "The password can't be read");
    *answer = apr_pstrdup(ctl->pool, line);
    return NULL;
}

static cloud_err_t *password_from(const char **password, ctl_t *ctl, int fd)
{
    char line[PASSWORD_MAX + 2];

    if (read_line(fd, line, sizeof line) != 0)
        return cloud_err(ctl->pool, CLOUD_E_INVALID, "The password can't be read, or is too long");
    if (!*line) return cloud_err(ctl->pool, CLOUD_E_INVALID, "The password is empty");
    *password = apr_pstrdup(ctl->pool, line);
    return NULL;
}

cloud_err_t *ctl_password(const char **password, ctl_t *ctl, const char *prompt)
{
    const char *again;
    cloud_err_t *err;
    int fd;

    if (ctl->password_fd >= 0) return password_from(password, ctl, ctl->password_fd);
    if (ctl_opt(ctl, "password-stdin")) return password_from(password, ctl, STDIN_FILENO);
    fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return no_terminal(ctl, "use --password-stdin or --password-file");
    err = ask_hidden(password, ctl, fd, prompt);
    if (!err) err = ask_hidden(&again, ctl, fd, "Again");
    close(fd);
    if (err) return err;
    if (strcmp(*password, again) != 0)
        return cloud_err(ctl->pool, CLOUD_E_INVALID, "The two passwords differ");
    if (!**password) return cloud_err(ctl->pool, CLOUD_E_INVALID, "The password is empty");
    return NULL;
}

cloud_err_t *ctl_confirm(int *yes, ctl_t *ctl, const char *question)
{
    char line[64];
    int fd, failed;

    *yes = ctl_opt(ctl, "yes") != NULL;
    if (*yes) return NULL;
    fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return no_terminal(ctl, "use --yes");
    dprintf(fd, "%s [y/N] ", question);
    failed = read_line(fd, line, sizeof line);
    close(fd);
    *yes = !failed && (strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0);
    return NULL;
}

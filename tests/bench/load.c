/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* A keep-alive HTTP/1.1 client that sends one request after the other on each of its connections,
 * and says how long that took. In C, because a client in Python would be what is measured.
 *
 *   load PORT METHOD PATH [-c CONNECTIONS] [-n REQUESTS] [-f FIRST] [-m MODULO] [-H HEADER]...
 *        [-d BODY-FILE] [-z BODY-SIZE]
 *   load fdatasync FILE MILLISECONDS
 *
 * A '~' in PATH becomes the number of the request (first FIRST, wrapped at MODULO). Prints:
 * requests, seconds, bytes of all bodies received, answers that were not 2xx, the first such
 * status, and the median, 99th percentile and maximum of the latency in microseconds. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER (256 * 1024)

typedef struct {
    int fd;
    char *buf;
    size_t pos, len;
} conn_t;

static int port, connections = 1, requests = 1, first, modulo;
static const char *method, *path;
static char headers[8192], *body;
static size_t body_len;
static atomic_int next_request, bad, bad_status;
static atomic_llong received;
static long *latency; /* by request, in microseconds */

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void dial(conn_t *c)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port) };
    int on = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0) die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->pos = c->len = 0;
}

static void send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR) continue;
        if (n < 0) die("send");
        data += n;
        len -= (size_t)n;
    }
}

static void fill(conn_t *c)
{
    ssize_t n;

    do {
        n = recv(c->fd, c->buf, BUFFER, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0) die("recv");
    if (n == 0) {
        errno = ECONNRESET;
        die("the server closed the connection");
    }
    c->pos = 0;
    c->len = (size_t)n;
}

/* One line without its CRLF; what does not fit is cut. */
static void read_line(conn_t *c, char *line, size_t size)
{
    size_t n = 0;
    char ch;

    for (;;) {
        if (c->pos == c->len) fill(c);
        ch = c->buf[c->pos++];
        if (ch == '\n') break;
        if (ch != '\r' && n + 1 < size) line[n++] = ch;
    }
    line[n] = '\0';
}

static void skip(conn_t *c, long long bytes)
{
    while (bytes > 0) {
        long long have;

        if (c->pos == c->len) fill(c);
        have = (long long)(c->len - c->pos);
        if (have > bytes) have = bytes;
        c->pos += (size_t)have;
        bytes -= have;
        atomic_fetch_add_explicit(&received, have, memory_order_relaxed);
    }
}

/* Reads one answer; 0 when the connection can't be used again. */
static int read_answer(conn_t *c)
{
    char line[4096];
    long long length = 0;
    int status, chunked = 0, keep = 1;

    read_line(c, line, sizeof line);
    status = strlen(line) > 12 ? atoi(line + 9) : 0;
    if (status < 200 || status > 299) {
        int none = 0;

        atomic_fetch_add(&bad, 1);
        atomic_compare_exchange_strong(&bad_status, &none, status);
    }
    for (;;) {
        read_line(c, line, sizeof line);
        if (!*line) break;
        if (!strncasecmp(line, "Content-Length:", 15)) length = atoll(line + 15);
        if (!strcasecmp(line, "Transfer-Encoding: chunked")) chunked = 1;
        if (!strcasecmp(line, "Connection: close")) keep = 0;
    }
    if (status == 204 || status == 304) return keep;
    if (!chunked) {
        skip(c, length);
        return keep;
    }
    do {
        read_line(c, line, sizeof line);
        length = strtoll(line, NULL, 16);
        skip(c, length);
        read_line(c, line, sizeof line);
    } while (length > 0);
    return keep;
}

static size_t head_of(char *out, size_t size, int number)
{
    const char *mark = strchr(path, '~');
    int n;

    if (mark)
        n = snprintf(out, size, "%s %.*s%d%s HTTP/1.1\r\n", method, (int)(mark - path), path,
                     first + (modulo ? number % modulo : number), mark + 1);
    else
        n = snprintf(out, size, "%s %s HTTP/1.1\r\n", method, path);
    n += snprintf(out + n, size - (size_t)n, "Host: 127.0.0.1:%d\r\n%s", port, headers);
    if (body)
        n += snprintf(out + n, size - (size_t)n, "Content-Length: %zu\r\n", body_len);
    n += snprintf(out + n, size - (size_t)n, "\r\n");
    return (size_t)n;
}

static void *work(void *arg)
{
    enum { SMALL = 64 * 1024 };
    conn_t c = { .fd = -1, .buf = malloc(BUFFER) };
    char *out = malloc(16384 + SMALL);
    size_t n;
    double start;
    int i;

    (void)arg;
    while ((i = atomic_fetch_add(&next_request, 1)) < requests) {
        if (c.fd < 0) dial(&c);
        n = head_of(out, 16384, i);
        start = now();
        /* A small body leaves with its head, in one segment. */
        if (body_len <= SMALL) {
            memcpy(out + n, body ? body : "", body_len);
            send_all(c.fd, out, n + body_len);
        } else {
            send_all(c.fd, out, n);
            send_all(c.fd, body, body_len);
        }
        if (!read_answer(&c)) {
            close(c.fd);
            c.fd = -1;
        }
        latency[i] = (long)((now() - start) * 1e6);
    }
    if (c.fd >= 0) close(c.fd);
    free(c.buf);
    free(out);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    const long *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static void read_body(const char *name)
{
    int fd = open(name, O_RDONLY);
    off_t len = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

    if (len < 0) die(name);
    body = malloc((size_t)len + 1);
    if (pread(fd, body, (size_t)len, 0) != len) die(name);
    body_len = (size_t)len;
    close(fd);
}

static int load(int argc, char **argv)
{
    pthread_t *threads;
    double start, seconds;
    int opt, i;

    port = atoi(argv[1]);
    method = argv[2];
    path = argv[3];
    optind = 4;
    while ((opt = getopt(argc, argv, "c:n:f:m:H:d:z:")) != -1) {
        switch (opt) {
        case 'c': connections = atoi(optarg); break;
        case 'n': requests = atoi(optarg); break;
        case 'f': first = atoi(optarg); break;
        case 'm': modulo = atoi(optarg); break;
        case 'H':
            snprintf(headers + strlen(headers), sizeof headers - strlen(headers), "%s\r\n", optarg);
            break;
        case 'd': read_body(optarg); break;
        case 'z':
            body_len = (size_t)atoll(optarg);
            body = malloc(body_len + 1);
            memset(body, 'x', body_len);
            break;
        default: return 2;
        }
    }
    latency = calloc((size_t)requests, sizeof *latency);
    threads = calloc((size_t)connections, sizeof *threads);
    start = now();
    for (i = 0; i < connections; i++)
        if (pthread_create(&threads[i], NULL, work, NULL) != 0) die("thread");
    for (i = 0; i < connections; i++) pthread_join(threads[i], NULL);
    seconds = now() - start;
    qsort(latency, (size_t)requests, sizeof *latency, by_value);
    printf("%d %.6f %lld %d %d %ld %ld %ld\n", requests, seconds, (long long)received, bad,
           bad_status, latency[requests / 2], latency[(long)requests * 99 / 100],
           latency[requests - 1]);
    return 0;
}

/* How often the disk syncs a page that was appended, a second. */
static int sync_rate(const char *name, int ms)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600), n = 0;
    static char page[4096];
    double start = now(), end = start + ms / 1e3;

    if (fd < 0) die(name);
    for (; now() < end; n++)
        if (write(fd, page, sizeof page) != (ssize_t)sizeof page || fdatasync(fd) != 0) die(name);
    printf("%.1f\n", n / (now() - start));
    close(fd);
    unlink(name);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && !strcmp(argv[1], "fdatasync")) return sync_rate(argv[2], atoi(argv[3]));
    if (argc < 4) {
        fprintf(stderr, "load: see the head of load.c\n");
        return 2;
    }
    return load(argc, argv);
}

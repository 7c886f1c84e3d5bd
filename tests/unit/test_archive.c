/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Archives: what other programs read in them, where the formats have their limits, and plans. */
#include "world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive.h"
#include "plan.h"

#define GIB ((apr_int64_t)1 << 30)

/* ---- a file that is written without its long pieces: they are zeros here ---- */

typedef struct {
    int fd;
    apr_int64_t len;
    int fails;     /* after so many bytes; 0: never */
} file_t;

static cloud_err_t *write_sparse(void *baton, const void *data, apr_size_t len)
{
    file_t *f = baton;

    if (len >= 4096) ck_assert(lseek(f->fd, (off_t)len, SEEK_CUR) >= 0);
    else ck_assert_int_eq(write(f->fd, data, len), (ssize_t)len);
    f->len += (apr_int64_t)len;
    return NULL;
}

static cloud_err_t *write_all(void *baton, const void *data, apr_size_t len)
{
    file_t *f = baton;

    if (f->fails && f->len + (apr_int64_t)len > f->fails)
        return cloud_err(tu.pool, CLOUD_E_UNAVAILABLE, "full");
    ck_assert_int_eq(write(f->fd, data, len), (ssize_t)len);
    f->len += (apr_int64_t)len;
    return NULL;
}

static const char *path_of(const char *name)
{
    return apr_pstrcat(tu.pool, tu.dir ? tu.dir : "/tmp", "/", name, NULL);
}

static void open_file(file_t *f, const char *path)
{
    memset(f, 0, sizeof(*f));
    f->fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(f->fd, 0);
}

/* What Python says of the archive: text is a program, in which a is the archive. */
static void python(const char *kind, const char *path, const char *text)
{
    const char *opens = strcmp(kind, "zip") == 0 ? "zipfile.ZipFile" : "tarfile.open";
    const char *command = apr_psprintf(tu.pool, "/usr/bin/python3 -c 'import zipfile, tarfile\n"
                                       "with %s(\"%s\") as a:\n%s'", opens, path, text);

    ck_assert_msg(system(command) == 0, "python: %s", command);
}

static char temp[] = "/tmp/cloud-archive-XXXXXX";

static void setup(void)
{
    tu_pool();
    strcpy(temp + strlen(temp) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(temp));
    tu.dir = temp;
}

static void add(cloud_archive_t *a, const char *path, int folder, apr_int64_t size,
                apr_int64_t mtime)
{
    const cloud_archive_entry_t entry = { path, folder, size, mtime };

    OK(cloud_archive_add(a, &entry));
}

static void fill(cloud_archive_t *a, apr_int64_t size, apr_size_t step)
{
    static const char zeros[1 << 20];

    while (size > 0) {
        apr_size_t n = size < (apr_int64_t)step ? (apr_size_t)size : step;

        OK(cloud_archive_content(a, zeros, n));
        size -= (apr_int64_t)n;
    }
}

/* ---- limits ---- */

START_TEST(test_zip_of_more_than_4_gib)
{
    const char *path = path_of("huge.zip");
    cloud_archive_t *a, *count = cloud_archive_create(CLOUD_ARCHIVE_ZIP, NULL, NULL, tu.pool);
    file_t f;

    open_file(&f, path);
    a = cloud_archive_create(CLOUD_ARCHIVE_ZIP, write_sparse, &f, tu.pool);
    /* the last one that needs no zip64 by its content, but does with the heads of blocks */
    add(a, "first", 0, 3, 0);
    OK(cloud_archive_content(a, "abc", 3));
    add(a, "huge", 0, 4 * GIB - 2, 1500000001);
    fill(a, 4 * GIB - 2, 1 << 20);
    add(a, "folder", 1, 0, 1500000001);
    add(a, "folder/last", 0, 4, 1500000001);
    OK(cloud_archive_content(a, "last", 4));
    OK(cloud_archive_end(a));
    ck_assert_int_eq(f.len, cloud_archive_length(a));
    add(count, "first", 0, 3, 0);
    add(count, "huge", 0, 4 * GIB - 2, 1500000001);
    add(count, "folder", 1, 0, 1500000001);
    add(count, "folder/last", 0, 4, 1500000001);
    OK(cloud_archive_end(count));
    ck_assert_int_eq(f.len, cloud_archive_length(count));
    close(f.fd);
    python("zip", path,
           " assert a.namelist() == [\"first\", \"huge\", \"folder/\", \"folder/last\"]\n"
           " assert a.getinfo(\"huge\").file_size == (4 << 30) - 2\n"
           " assert a.getinfo(\"folder/last\").header_offset > 4 << 30\n"
           " assert a.read(\"first\") == b\"abc\" and a.read(\"folder/last\") == b\"last\"");
    unlink(path);
}
END_TEST

START_TEST(test_zip_of_more_than_65535)
{
    static const int COUNTS[] = { 65534, 65535, 65536, 70000 };
    const char *path = path_of("many.zip");
    int n = COUNTS[_i], i;
    apr_pool_t *iter;
    cloud_archive_t *a;
    file_t f;

    open_file(&f, path);
    a = cloud_archive_create(CLOUD_ARCHIVE_ZIP, write_all, &f, tu.pool);
    apr_pool_create(&iter, tu.pool);
    for (i = 0; i < n; i++) {
        apr_pool_clear(iter);
        add(a, apr_psprintf(iter, "file %d", i), 0, 0, i);
    }
    OK(cloud_archive_end(a));
    close(f.fd);
    python("zip", path, apr_psprintf(tu.pool, " n = a.namelist()\n"
                                     " assert len(n) == len(set(n)) == %d\n"
                                     " assert a.read(n[-1]) == b\"\"", n));
    unlink(path);
}
END_TEST

START_TEST(test_tar_of_more_than_8_gib)
{
    const char *path = path_of("huge.tar");
    cloud_archive_t *a;
    file_t f;

    open_file(&f, path);
    a = cloud_archive_create(CLOUD_ARCHIVE_TAR, write_sparse, &f, tu.pool);
    add(a, "before 1970", 0, 8 * GIB - 1, -5);
    fill(a, 8 * GIB - 1, 1 << 20);
    add(a, "huge", 0, 8 * GIB, 1500000001);
    fill(a, 8 * GIB, 1 << 20);
    add(a, "last", 0, 4, APR_INT64_C(99999999999));
    OK(cloud_archive_content(a, "last", 4));
    OK(cloud_archive_end(a));
    ck_assert_int_eq(f.len, cloud_archive_length(a));
    ck_assert_int_eq(f.len % 512, 0);
    close(f.fd);
    python("tar", path, " assert [(m.name, m.size, m.mtime) for m in a] == [(\"before 1970\", (8 << 30) - 1, -5), "
           "(\"huge\", 8 << 30, 1500000001), (\"last\", 4, 99999999999)]\n"
           " assert a.extractfile(\"last\").read() == b\"last\"");
    unlink(path);
}
END_TEST

/* ---- everything that entries may be, checked to the byte ---- */

static const apr_int64_t SIZES[] = { 0, 1, 511, 512, 513, 65535, 65536, 65537, 131070, 131071, 200000 };
#define NSIZES ((int)(sizeof(SIZES) / sizeof(*SIZES)))

/* A path of n bytes at most, of short names and some that are not ASCII. */
static const char *any_path(int number, int n, apr_pool_t *pool)
{
    static const char *const PIECES[] = { "a", "name ", "\xc3\xa4", "\xe6\x97\xa5", "-", "x/y", "%2f" };
    char *text = apr_psprintf(pool, "%d", number);

    while ((int)strlen(text) < n) {
        text = apr_pstrcat(pool, text, PIECES[rand() % 7], rand() % 9 ? "" : "/z", NULL);
    }
    return text;
}

START_TEST(test_any_entries)
{
    cloud_archive_kind_t kind = _i % 2 ? CLOUD_ARCHIVE_TAR : CLOUD_ARCHIVE_ZIP;
    const char *path = path_of("any"), *more = path_of("expected");
    cloud_archive_t *a, *count = cloud_archive_create(kind, NULL, NULL, tu.pool);
    FILE *expected = fopen(more, "w");
    static char data[1 << 18];
    file_t f;
    int i;

    srand((unsigned)_i);
    for (i = 0; i < (int)sizeof(data); i++) data[i] = (char)rand();
    open_file(&f, path);
    a = cloud_archive_create(kind, write_all, &f, tu.pool);
    for (i = 0; i < 60; i++) {
        cloud_archive_entry_t e = { any_path(i, rand() % (i % 7 ? 90 : 400), tu.pool), rand() % 5 == 0, 0, 0 };
        apr_int64_t at = 0;

        if (!e.folder) e.size = SIZES[rand() % NSIZES];
        e.mtime = (apr_int64_t)rand() * (rand() % 3);
        OK(cloud_archive_add(count, &e));
        OK(cloud_archive_add(a, &e));
        while (at < e.size) {
            apr_int64_t n = 1 + rand() % 70000;

            if (n > e.size - at) n = e.size - at;
            OK(cloud_archive_content(a, data + at, (apr_size_t)n));
            at += n;
        }
        fprintf(expected, "%s\t%d\t%d\n", e.path, e.folder, (int)e.size);
    }
    OK(cloud_archive_end(a));
    OK(cloud_archive_end(count));
    fwrite(data, 1, sizeof(data), expected);
    fclose(expected);
    ck_assert_int_eq(f.len, cloud_archive_length(count));
    close(f.fd);
    python(kind == CLOUD_ARCHIVE_ZIP ? "zip" : "tar", path,
           apr_psprintf(tu.pool,
                        " f = open(\"%s\", \"rb\")\n"
                        " lines = [f.readline().decode()[:-1].split(\"\\t\") for _ in range(60)]\n"
                        " data = f.read()\n"
                        " zip = hasattr(a, \"infolist\")\n"
                        " members = a.infolist() if zip else a.getmembers()\n"
                        " assert len(members) == 60\n"
                        " for m, (path, folder, size) in map(lambda *x: x, members, lines):\n"
                        "  is_dir = m.is_dir() if zip else m.isdir()\n"
                        "  name = (m.filename if zip else m.name).rstrip(\"/\")\n"
                        "  assert (name, int(is_dir)) == (path, int(folder)), (name, path)\n"
                        "  if not is_dir:\n"
                        "   content = a.read(m) if zip else a.extractfile(m).read()\n"
                        "   assert content == data[:int(size)], path\n", more));
    unlink(path);
    unlink(more);
}
END_TEST

START_TEST(test_unsafe_paths)
{
    static const char *const PATHS[] = { "", "/", "/etc/passwd", "..", "../x", "a/../b", "a/..", ".", "./a",
                                         "a//b", "a/", "a\\b", "a\nb", "a\x7f" };
    cloud_archive_t *a = cloud_archive_create(_i ? CLOUD_ARCHIVE_TAR : CLOUD_ARCHIVE_ZIP, NULL, NULL,
                                              tu.pool);
    char *longest = apr_palloc(tu.pool, 65537);
    apr_size_t i;

    for (i = 0; i < sizeof(PATHS) / sizeof(*PATHS); i++) {
        const cloud_archive_entry_t entry = { PATHS[i], 0, 0, 0 };

        FAILS(cloud_archive_add(a, &entry), INVALID);
    }
    ck_assert_int_eq(cloud_archive_length(a), 0);
    add(a, "...", 0, 0, 0);
    add(a, "..a/.b", 0, 0, 0);
    memset(longest, 'x', 65536);
    longest[65536] = '\0';
    if (!_i) {
        const cloud_archive_entry_t entry = { longest, 0, 0, 0 };

        FAILS(cloud_archive_add(a, &entry), INVALID);
    }
}
END_TEST

START_TEST(test_content_must_be_what_was_announced)
{
    const cloud_archive_entry_t entry = { "file", 0, 4, 0 };
    file_t f;
    cloud_archive_t *a;

    open_file(&f, path_of("x"));
    a = cloud_archive_create(_i ? CLOUD_ARCHIVE_TAR : CLOUD_ARCHIVE_ZIP, write_all, &f, tu.pool);
    OK(cloud_archive_add(a, &entry));
    OK(cloud_archive_content(a, "abc", 3));
    FAILS(cloud_archive_content(a, "de", 2), INTERNAL);
    FAILS(cloud_archive_add(a, &entry), INTERNAL);
    FAILS(cloud_archive_end(a), INTERNAL);
    f.fails = 1;
    FAILS(cloud_archive_content(a, "d", 1), UNAVAILABLE);
    close(f.fd);
    unlink(path_of("x"));
}
END_TEST

/* ---- plans ---- */

static world_t *w;

static void world_setup(void)
{
    tu_pool();
    w = world_create();
    world_mkcol(w, "a");
    world_mkcol(w, "a/b");
    world_put(w, "a/b/file", "content");
    world_put(w, "a/other", "other");
}

static void world_end(void)
{
    world_destroy(w);
    tu_end();
}

static const apr_array_header_t *list(const char *first, const char *second)
{
    apr_array_header_t *names = apr_array_make(tu.pool, 2, sizeof(const char *));

    APR_ARRAY_PUSH(names, const char *) = first;
    if (second) APR_ARRAY_PUSH(names, const char *) = second;
    return names;
}

static cloud_archive_plan_t *plan(const char *dir, const apr_array_header_t *names)
{
    cloud_archive_plan_t *p;

    OK(cloud_archive_plan(&p, w->user, w->account, dir, names, CLOUD_ARCHIVE_ZIP, tu.pool));
    return p;
}

static cloud_err_t *swallow(void *baton, const void *data, apr_size_t len)
{
    *(apr_int64_t *)baton += (apr_int64_t)len;
    return NULL;
}

START_TEST(test_plan)
{
    cloud_archive_plan_t *p = plan("", NULL);
    apr_int64_t n = 0;

    ck_assert_int_eq(cloud_archive_plan_entries(p), 4);
    OK(cloud_archive_plan_write(p, swallow, &n));
    ck_assert_int_eq(n, cloud_archive_plan_length(p));
    ck_assert_int_eq(cloud_archive_plan_entries(plan("a/b", NULL)), 2);
    ck_assert_int_eq(cloud_archive_plan_entries(plan("a", list("b", "b"))), 2);
    ck_assert_int_eq(cloud_archive_plan_entries(plan("a", list("b", "other"))), 3);
    FAILS(cloud_archive_plan(&p, w->user, w->account, "a", list("no", NULL), CLOUD_ARCHIVE_ZIP, tu.pool),
          NOT_FOUND);
    FAILS(cloud_archive_plan(&p, w->user, w->account, "a", list("b/file", NULL), CLOUD_ARCHIVE_ZIP,
                             tu.pool), INVALID_NAME);
    FAILS(cloud_archive_plan(&p, tu_as(NULL), w->account, "a", NULL, CLOUD_ARCHIVE_ZIP, tu.pool),
          NOT_FOUND);
}
END_TEST

START_TEST(test_what_changes_under_a_plan)
{
    cloud_archive_plan_t *p = plan("", NULL);
    apr_int64_t n = 0;

    world_move(w, "a/b", "elsewhere");
    world_move(w, "a/other", "elsewhere/moved");
    OK(cloud_archive_plan_write(p, swallow, &n));
    ck_assert_int_eq(n, cloud_archive_plan_length(p));
    p = plan("", NULL);
    world_put(w, "elsewhere/file", "other content");
    FAILS(cloud_archive_plan_write(p, swallow, &n), CONFLICT);
    p = plan("", NULL);
    world_remove(w, "elsewhere/file");
    FAILS(cloud_archive_plan_write(p, swallow, &n), CONFLICT);
    p = plan("", NULL);
    world_remove(w, "elsewhere/moved");
    world_mkcol(w, "elsewhere/moved");
    FAILS(cloud_archive_plan_write(p, swallow, &n), CONFLICT);
}
END_TEST

Suite *suite_archive(void)
{
    Suite *suite = suite_create("archive");
    TCase *formats = tcase_create("formats"), *plans = tcase_create("plans");

    tcase_add_checked_fixture(formats, setup, tu_end);
    tcase_set_timeout(formats, 120);
    tcase_add_test(formats, test_zip_of_more_than_4_gib);
    tcase_add_loop_test(formats, test_zip_of_more_than_65535, 0, 4);
    tcase_add_test(formats, test_tar_of_more_than_8_gib);
    tcase_add_loop_test(formats, test_any_entries, 0, 8);
    tcase_add_loop_test(formats, test_unsafe_paths, 0, 2);
    tcase_add_loop_test(formats, test_content_must_be_what_was_announced, 0, 2);
    suite_add_tcase(suite, formats);
    tcase_add_checked_fixture(plans, world_setup, world_end);
    tcase_add_test(plans, test_plan);
    tcase_add_test(plans, test_what_changes_under_a_plan);
    suite_add_tcase(suite, plans);
    return suite;
}

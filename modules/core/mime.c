/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Media types by extension: those of the host's mime.types, or the few that clients act upon. */
#include "names.h"

#include <stdlib.h>
#include <string.h>
#include <apr_file_io.h>

#define UNKNOWN_TYPE "application/octet-stream"
#define EXT_MAX 16

typedef struct {
    const char *ext, *type;
} mime_t;

/* In order of extension: it is searched by halving. */
static const mime_t BUILT_IN[] = {
    { "7z", "application/x-7z-compressed" },
    { "avi", "video/x-msvideo" },
    { "bmp", "image/bmp" },
    { "bz2", "application/x-bzip2" },
    { "c", "text/x-c" },
    { "css", "text/css" },
    { "csv", "text/csv" },
    { "doc", "application/msword" },
    { "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
    { "epub", "application/epub+zip" },
    { "flac", "audio/flac" },
    { "gif", "image/gif" },
    { "gz", "application/gzip" },
    { "heic", "image/heic" },
    { "html", "text/html" },
    { "ics", "text/calendar" },
    { "jpeg", "image/jpeg" },
    { "jpg", "image/jpeg" },
    { "js", "application/javascript" },
    { "json", "application/json" },
    { "log", "text/plain" },
    { "m4a", "audio/mp4" },
    { "md", "text/markdown" },
    { "mkv", "video/x-matroska" },
    { "mov", "video/quicktime" },
    { "mp3", "audio/mpeg" },
    { "mp4", "video/mp4" },
    { "odp", "application/vnd.oasis.opendocument.presentation" },
    { "ods", "application/vnd.oasis.opendocument.spreadsheet" },
    { "odt", "application/vnd.oasis.opendocument.text" },
    { "ogg", "audio/ogg" },
    { "pdf", "application/pdf" },
    { "png", "image/png" },
    { "ppt", "application/vnd.ms-powerpoint" },
    { "pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation" },
    { "rtf", "application/rtf" },
    { "svg", "image/svg+xml" },
    { "tar", "application/x-tar" },
    { "tif", "image/tiff" },
    { "tiff", "image/tiff" },
    { "txt", "text/plain" },
    { "vcf", "text/vcard" },
    { "wav", "audio/x-wav" },
    { "webm", "video/webm" },
    { "webp", "image/webp" },
    { "xls", "application/vnd.ms-excel" },
    { "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
    { "xml", "application/xml" },
    { "zip", "application/zip" },
};

/* What was read from a file; it never changes once it is in use. */
typedef struct {
    const char *file;
    apr_hash_t *types;
} table_t;

static table_t *loaded;

static int by_ext(const void *a, const void *b)
{
    return strcmp(((const mime_t *)a)->ext, ((const mime_t *)b)->ext);
}

static const char *built_in(const char *ext)
{
    mime_t key = { ext, NULL }, *found;

    found = bsearch(&key, BUILT_IN, sizeof BUILT_IN / sizeof *BUILT_IN, sizeof *BUILT_IN, by_ext);
    return found ? found->type : NULL;
}

static void lower(char *s)
{
    for (; *s; s++)
        if (*s >= 'A' && *s <= 'Z') *s = (char)(*s + 32);
}

const char *cloud_mime_type(const char *name)
{
    const table_t *table = __atomic_load_n(&loaded, __ATOMIC_ACQUIRE);
    const char *dot = strrchr(name, '.'), *type = NULL;
    char ext[EXT_MAX];

    /* ".profile" is a name, not an extension. */
    if (!dot || dot == name) return UNKNOWN_TYPE;
    if (strlen(dot + 1) >= sizeof ext) return UNKNOWN_TYPE;
    strcpy(ext, dot + 1);
    lower(ext);
    if (table) type = apr_hash_get(table->types, ext, APR_HASH_KEY_STRING);
    if (!type) type = built_in(ext);
    return type ? type : UNKNOWN_TYPE;
}

/* "type/subtype ext ext ...", '#' starts a comment. */
static void parse_line(apr_hash_t *types, char *line, apr_pool_t *pool)
{
    char *state, *word, *type;

    line[strcspn(line, "#")] = '\0';
    type = apr_strtok(line, " \t\r\n", &state);
    if (!type || !strchr(type, '/')) return;
    type = apr_pstrdup(pool, type);
    while ((word = apr_strtok(NULL, " \t\r\n", &state))) {
        lower(word);
        apr_hash_set(types, apr_pstrdup(pool, word), APR_HASH_KEY_STRING, type);
    }
}

/* The table must not outlive the pool that it is in. */
static apr_status_t unload(void *baton)
{
    table_t *table = baton;

    __atomic_compare_exchange_n(&loaded, &table, NULL, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    return APR_SUCCESS;
}

cloud_err_t *cloud_mime_load(const char *file, apr_pool_t *pool)
{
    table_t *table = __atomic_load_n(&loaded, __ATOMIC_ACQUIRE);
    apr_file_t *f;
    apr_status_t rc;
    char line[2048];

    if (table && strcmp(table->file, file) == 0) return NULL;
    rc = apr_file_open(&f, file, APR_READ | APR_BUFFERED, APR_OS_DEFAULT, pool);
    if (rc != APR_SUCCESS)
        return cloud_err_sys(pool, CLOUD_E_INVALID, APR_TO_OS_ERROR(rc), "open %s", file);
    table = apr_pcalloc(pool, sizeof *table);
    table->file = apr_pstrdup(pool, file);
    table->types = apr_hash_make(pool);
    while ((rc = apr_file_gets(line, sizeof line, f)) == APR_SUCCESS)
        parse_line(table->types, line, pool);
    apr_file_close(f);
    if (rc != APR_EOF)
        return cloud_err_sys(pool, CLOUD_E_INVALID, APR_TO_OS_ERROR(rc), "read %s", file);
    __atomic_store_n(&loaded, table, __ATOMIC_RELEASE);
    apr_pool_cleanup_register(pool, table, unload, apr_pool_cleanup_null);
    return NULL;
}

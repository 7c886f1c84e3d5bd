/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file check.c
 * What directives mean together: checked at start-up and by configtest. Servers that name one
 * data directory share a site.
 */
#include "private.h"

#include <stdlib.h>
#include <unistd.h>

#include <util_cfgtree.h>

static int complain(server_rec *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Where configtest shows it: before the logs are open, that is standard error. */
static int complain(server_rec *s, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    apr_vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s, "%s", text);
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* The path with its symbolic links resolved as far as it exists. */
static const char *real_path(apr_pool_t *p, const char *path)
{
    char *head = apr_pstrdup(p, path);
    const char *tail = "";

    for (;;) {
        char *real = realpath(*head ? head : "/", NULL);
        char *slash;

        if (real) {
            const char *result = apr_pstrcat(p, strcmp(real, "/") ? real : "", tail, NULL);

            free(real);
            return *result ? result : "/";
        }
        slash = strrchr(head, '/');
        if (!slash) {
            return path;
        }
        tail = apr_pstrcat(p, slash, tail, NULL);
        *slash = '\0';
    }
}

/* True when path is dir or below it. */
static int is_inside(const char *path, const char *dir)
{
    apr_size_t len = strlen(dir);

    if (len && dir[len - 1] == '/') {
        len--;
    }
    return strncmp(path, dir, len) == 0 && (!path[len] || path[len] == '/');
}

/* Directives that make a directory reachable by URL, and the argument that names it. Within
 * <Location>, Alias has just that one. */
static const struct {
    const char *name;
    int argument;
} PUBLISHES[] = {
    { "DocumentRoot", 0 },
    { "Alias", 1 },
    { "ScriptAlias", 1 },
};

static const char *published_dir(apr_pool_t *p, const ap_directive_t *d, int argument)
{
    const char *args = d->args;
    const char *first = ap_getword_conf(p, &args);
    const char *second = ap_getword_conf(p, &args);
    const char *dir = argument && *second ? second : first;

    return *dir ? ap_server_root_relative(p, dir) : NULL;
}

static int check_published(apr_pool_t *p, server_rec *s, const char *directive,
                           const char *path, const ap_directive_t *d)
{
    const char *real = real_path(p, path);
    apr_size_t i;

    for (; d; d = d->next) {
        if (d->first_child && check_published(p, s, directive, path, d->first_child) != OK) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
        for (i = 0; i < sizeof(PUBLISHES) / sizeof(*PUBLISHES); i++) {
            const char *dir;

            if (strcasecmp(d->directive, PUBLISHES[i].name) != 0
                || !(dir = published_dir(p, d, PUBLISHES[i].argument))) {
                continue;
            }
            dir = real_path(p, dir);
            if (is_inside(real, dir) || is_inside(dir, real)) {
                return complain(s, "%s %s and %s %s (%s:%d) are one inside the other: people's "
                                "files and secrets would be reachable by URL", directive, path,
                                d->directive, d->args, d->filename, d->line_num);
            }
        }
    }
    return OK;
}

/* The directory exists, or can be made when the server starts. */
static int check_place(apr_pool_t *p, server_rec *s, const char *directive, const char *path)
{
    apr_finfo_t info;
    const char *parent;
    apr_status_t rv = apr_stat(&info, path, APR_FINFO_TYPE, p);

    if (rv == APR_SUCCESS) {
        return info.filetype == APR_DIR
            ? OK : complain(s, "%s: %s is not a directory", directive, path);
    }
    if (!APR_STATUS_IS_ENOENT(rv)) {
        return complain(s, "%s: %s can't be used: %s", directive, path, strerror(rv));
    }
    parent = ap_make_dirstr_parent(p, path);
    if (apr_stat(&info, parent, APR_FINFO_TYPE, p) != APR_SUCCESS || info.filetype != APR_DIR) {
        return complain(s, "%s: %s does not exist, nor does the directory it would be made in",
                        directive, path);
    }
    if (access(parent, W_OK | X_OK) != 0) {
        return complain(s, "%s: %s does not exist and can't be made: no right to write to %s",
                        directive, path, parent);
    }
    return OK;
}

/* A database elsewhere needs its directory; that of CloudDataDir is made. */
static int check_database(apr_pool_t *p, server_rec *s, const cloud_server_conf_t *conf)
{
    apr_finfo_t info;
    char *dir;

    if (!conf->database || is_inside(conf->database, conf->data_dir)) {
        return OK;
    }
    dir = ap_make_dirstr_parent(p, conf->database);
    if (apr_stat(&info, dir, APR_FINFO_TYPE, p) != APR_SUCCESS || info.filetype != APR_DIR) {
        return complain(s, "CloudDatabase: there is no directory %s", dir);
    }
    return check_published(p, s, "CloudDatabase", conf->database, ap_conftree);
}

/* True for a database and what SQLite keeps beside it, named after it. */
static int is_database(const char *path, const char *database)
{
    return database && strncmp(path, database, strlen(database)) == 0;
}

/* The site whose files or database path is one of. */
static const cloud_site_t *site_with(const char *path)
{
    int i;

    for (i = 0; i < cloud_sites->nelts; i++) {
        const cloud_site_t *site = APR_ARRAY_IDX(cloud_sites, i, cloud_site_t *);

        if (is_inside(path, site->data_dir) || is_inside(path, site->real_dir)
            || is_database(path, site->database) || is_database(path, site->real_database)) {
            return site;
        }
    }
    return NULL;
}

/* For what the directives above don't show: AliasMatch, VirtualDocumentRoot, rewrite rules, home
 * directories, symbolic links below any of them. Whatever is mapped into a data directory, by the
 * name that it has in CloudDataDir or by its real one, is refused. What can't be resolved can't be
 * opened either, and counts as far as it can. Our endpoints, and proxies', name no file. */
int cloud_keep_out(request_rec *r)
{
    const cloud_site_t *site;

    if (!r->filename || *r->filename != '/' || !cloud_sites->nelts) {
        return DECLINED;
    }
    site = site_with(r->filename);
    if (!site) {
        site = site_with(real_path(r->pool, r->filename));
    }
    if (!site) {
        return DECLINED;
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "%s lies in the CloudDataDir %s: refused",
                  r->filename, site->data_dir);
    return HTTP_FORBIDDEN;
}

static int same_text(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static int differs(void *table, const char *key, const char *value)
{
    return same_text(apr_table_get(table, key), value);
}

static int same_settings(const apr_table_t *a, const apr_table_t *b)
{
    return apr_table_elts(a)->nelts == apr_table_elts(b)->nelts
        && apr_table_do(differs, (void *)a, b, NULL);
}

static cloud_site_t *find_site(const char *data_dir)
{
    int i;

    for (i = 0; i < cloud_sites->nelts; i++) {
        cloud_site_t *site = APR_ARRAY_IDX(cloud_sites, i, cloud_site_t *);

        if (!strcmp(site->data_dir, data_dir)) {
            return site;
        }
    }
    return NULL;
}

static int join_site(cloud_site_t *site, const cloud_server_conf_t *conf, server_rec *s)
{
    const char *what = NULL;

    if (!same_text(site->database, conf->database)) {
        what = "CloudDatabase";
    }
    else if (conf->durability >= 0 && (int)site->durability != conf->durability) {
        what = "CloudDurability";
    }
    else if (!same_settings(site->settings, conf->settings)) {
        what = "CloudSetting or CloudQuota";
    }
    return what ? complain(s, "%s differs between servers that share CloudDataDir %s", what,
                           site->data_dir)
                : OK;
}

static const char *fixed_setting(void *table, const char *app, const char *key)
{
    char name[256];

    apr_snprintf(name, sizeof(name), "%s\n%s", app, key);
    return apr_table_get(table, name);
}

/* What is not fixed here counts as its default: who fixes one of two fixes both. */
static int check_settings(apr_pool_t *p, server_rec *s, const cloud_server_conf_t *conf)
{
    cloud_err_t *err = cloud_settings_check_order(NULL, NULL, fixed_setting, conf->settings, p);

    return err ? complain(s, "CloudSetting: %s", err->msg) : OK;
}

static int make_site(apr_pool_t *pconf, cloud_server_conf_t *conf, server_rec *s)
{
    cloud_site_t *site = apr_pcalloc(pconf, sizeof(*site));
    int i;

    for (i = 0; conf->database && i < cloud_sites->nelts; i++) {
        const cloud_site_t *other = APR_ARRAY_IDX(cloud_sites, i, cloud_site_t *);

        if (same_text(other->database, conf->database)) {
            return complain(s, "CloudDatabase %s is used for both CloudDataDir %s and %s",
                            conf->database, other->data_dir, conf->data_dir);
        }
    }
    site->data_dir = conf->data_dir;
    site->real_dir = real_path(pconf, conf->data_dir);
    site->database = conf->database;
    site->real_database = conf->database ? real_path(pconf, conf->database) : NULL;
    site->durability = conf->durability == CLOUD_DURABILITY_RELAXED ? CLOUD_DURABILITY_RELAXED
                                                                    : CLOUD_DURABILITY_FULL;
    site->settings = conf->settings;
    site->server = s;
    pthread_mutex_init(&site->mutex, NULL);
    pthread_mutex_init(&site->work, NULL);
    conf->site = site;
    APR_ARRAY_PUSH(cloud_sites, cloud_site_t *) = site;
    return OK;
}

static int check_server(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *s)
{
    cloud_server_conf_t *conf = cloud_server_conf(s);

    if (!conf->data_dir) {
        return conf->engine == 1
            ? complain(s, "CloudEngine is on, but CloudDataDir says nothing about where to keep "
                       "files and database") : OK;
    }
    conf->site = find_site(conf->data_dir);
    if (conf->site) {
        return join_site(conf->site, conf, s);
    }
    if (check_settings(ptemp, s, conf) != OK
        || check_place(ptemp, s, "CloudDataDir", conf->data_dir) != OK
        || check_database(ptemp, s, conf) != OK
        || check_published(ptemp, s, "CloudDataDir", conf->data_dir, ap_conftree) != OK) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return make_site(pconf, conf, s);
}

int cloud_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    cloud_sites = apr_array_make(pconf, 2, sizeof(cloud_site_t *));
    for (; s; s = s->next) {
        if (check_server(pconf, ptemp, s) != OK) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file identity.c
 * Somebody whom another module of httpd let in (LDAP, OpenID Connect, a certificate, Kerberos): from
 * the name that it gave to an account's id, and what it left about the person to the account.
 */
#include "private.h"

#include <apr_lib.h>
#include <http_ssl.h>

#include "group.h"
#include "person.h"

#define NONE         "none"      /* turns off what an enclosing section sets */
#define DELIMITER    ","
#define CLAIM        "OIDC_CLAIM_"
#define DELIMITER_SECRET 16
#define MATCHES      10          /* $0 to $9 */
#define GROUPS_MAX   2000        /* of one person; further ones are not taken */

/* Where a value is taken from: a variable, or an expression. */
struct cloud_identity_value_t {
    const char *name;
    const ap_expr_info_t *expr;  /* NULL: name is that of a variable; both NULL: none */
};

/* What is replaced by what. regex NULL: from is compared as a whole. */
typedef struct {
    const char *from;
    ap_regex_t *regex;
    const char *to;
} map_t;

/* ---- configuration ---- */

void cloud_identity_conf_merge(cloud_identity_conf_t *conf, const cloud_identity_conf_t *base,
                               const cloud_identity_conf_t *add)
{
    conf->source = add->source ? add->source : base->source;
    conf->id_maps = add->id_maps ? add->id_maps : base->id_maps;
    conf->lower = add->lower >= 0 ? add->lower : base->lower;
    conf->display_name = add->display_name ? add->display_name : base->display_name;
    conf->email = add->email ? add->email : base->email;
    conf->quota = add->quota ? add->quota : base->quota;
    conf->groups = add->groups ? add->groups : base->groups;
    conf->delimiter = add->groups ? add->delimiter : base->delimiter;
    conf->group_maps = add->group_maps ? add->group_maps : base->group_maps;
}

static int is_variable(const char *arg)
{
    if (!apr_isalpha(*arg) && *arg != '_') {
        return 0;
    }
    while (apr_isalnum(*arg) || *arg == '_' || *arg == '-' || *arg == '.') {
        arg++;
    }
    return !*arg;
}

/* Who asks can send any header. */
static int reads_a_header(const char *expr)
{
    static const char *const ways[] = { "%{HTTP:", "%{HTTP_", "%{req:", "%{req_novary:" };
    int i;

    for (i = 0; i < (int)(sizeof(ways) / sizeof(*ways)); i++) {
        if (ap_strcasestr(expr, ways[i])) {
            return 1;
        }
    }
    return 0;
}

static const char *set_value(const cloud_identity_value_t **value, cmd_parms *cmd,
                             const char *arg)
{
    cloud_identity_value_t *v = apr_pcalloc(cmd->pool, sizeof(*v));
    const char *err;

    *value = v;
    if (!ap_cstr_casecmp(arg, NONE)) {
        return NULL;
    }
    v->name = arg;
    if (is_variable(arg)) {
        return NULL;
    }
    if (reads_a_header(arg)) {
        return apr_psprintf(cmd->pool, "%s must not be taken from a header of the request, which "
                            "whoever asks can set", cmd->cmd->name);
    }
    v->expr = ap_expr_parse_cmd(cmd, arg, AP_EXPR_FLAG_STRING_RESULT, &err, NULL);
    return err ? apr_psprintf(cmd->pool, "%s must be the name of a variable, an expression such as "
                              "\"%%{SSL:SSL_CLIENT_S_DN_CN}\", or none: %s", cmd->cmd->name, err)
               : NULL;
}

static cloud_identity_conf_t *conf_of(void *dir)
{
    return &((cloud_dir_conf_t *)dir)->identity;
}

const char *cloud_identity_set_name(cmd_parms *cmd, void *dir, const char *arg)
{
    return set_value(&conf_of(dir)->display_name, cmd, arg);
}

const char *cloud_identity_set_email(cmd_parms *cmd, void *dir, const char *arg)
{
    return set_value(&conf_of(dir)->email, cmd, arg);
}

const char *cloud_identity_set_quota(cmd_parms *cmd, void *dir, const char *arg)
{
    return set_value(&conf_of(dir)->quota, cmd, arg);
}

const char *cloud_identity_set_groups(cmd_parms *cmd, void *dir, const char *arg,
                                      const char *delimiter)
{
    conf_of(dir)->delimiter = delimiter ? delimiter : DELIMITER;
    /* mod_auth_openidc joins what the provider gives as a list. Nobody can put a delimiter that he does
     * not know into the name of a group. */
    if (ap_strcasestr(arg, CLAIM) && strlen(conf_of(dir)->delimiter) < DELIMITER_SECRET) {
        return apr_psprintf(cmd->pool, "CloudUserGroups of an OpenID claim needs a delimiter that "
                            "nobody can guess, of %d characters at least, the same as in "
                            "OIDCClaimDelimiter: whoever can name a group could else put himself "
                            "into another one", DELIMITER_SECRET);
    }
    return set_value(&conf_of(dir)->groups, cmd, arg);
}

const char *cloud_identity_set_source(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *c;

    for (c = arg; apr_isalnum(*c) || *c == '-' || *c == '_'; c++)
        ;
    if (!*arg || *c || c - arg > 32 || !ap_cstr_casecmp(arg, CLOUD_SOURCE_DATABASE)) {
        return "CloudUserSource must be a name of up to 32 letters, digits, - and _, and not "
               "\"" CLOUD_SOURCE_DATABASE "\", which is what accounts made here have";
    }
    conf_of(dir)->source = arg;
    return NULL;
}

const char *cloud_identity_set_case(cmd_parms *cmd, void *dir, const char *arg)
{
    if (ap_cstr_casecmp(arg, "lower") && ap_cstr_casecmp(arg, "keep")) {
        return "CloudUserIdCase must be keep or lower";
    }
    conf_of(dir)->lower = !ap_cstr_casecmp(arg, "lower");
    return NULL;
}

static map_t *add_map(apr_array_header_t **maps, cmd_parms *cmd)
{
    if (!*maps) {
        *maps = apr_array_make(cmd->pool, 4, sizeof(map_t));
    }
    return memset(apr_array_push(*maps), 0, sizeof(map_t));
}

static const char *set_regex(map_t *m, cmd_parms *cmd, const char *regex, int flags)
{
    m->regex = ap_pregcomp(cmd->pool, regex, AP_REG_EXTENDED | flags);
    return m->regex ? NULL : apr_psprintf(cmd->pool, "%s: \"%s\" is not a regular expression",
                                          cmd->cmd->name, regex);
}

const char *cloud_identity_map_id(cmd_parms *cmd, void *dir, const char *from, const char *to)
{
    map_t *m = add_map(&conf_of(dir)->id_maps, cmd);

    m->from = from;
    m->to = to;
    return set_regex(m, cmd, from, 0);
}

const char *cloud_identity_map_group(cmd_parms *cmd, void *dir, const char *from, const char *to)
{
    map_t *m = add_map(&conf_of(dir)->group_maps, cmd);

    m->from = from;
    m->to = to;
    return *from == '~' ? set_regex(m, cmd, from + 1, AP_REG_ICASE) : NULL;
}

/* ---- the id ---- */

/* What the map makes of text, or NULL when it does not fit. */
static const char *mapped(const map_t *m, const char *text, apr_pool_t *pool)
{
    ap_regmatch_t match[MATCHES];

    if (!m->regex) {
        return strcasecmp(m->from, text) ? NULL : m->to;
    }
    return ap_regexec(m->regex, text, MATCHES, match, 0)
        ? NULL : ap_pregsub(pool, m->to, text, MATCHES, match);
}

const char *cloud_identity_id(request_rec *r)
{
    const cloud_identity_conf_t *conf = &cloud_dir_conf(r)->identity;
    const char *id = r->user, *to = NULL, *lower;
    int i;

    for (i = 0; conf->id_maps && !to && i < conf->id_maps->nelts; i++) {
        to = mapped(&APR_ARRAY_IDX(conf->id_maps, i, map_t), id, r->pool);
    }
    id = to ? to : id;
    lower = conf->lower == 1 ? cloud_account_lower(id, r->pool) : NULL;
    return lower ? lower : id;
}

/* ---- what is said of the person ---- */

static const char *value_of(request_rec *r, const cloud_identity_value_t *v)
{
    const char *text, *err = NULL;

    if (!v || !v->name) {
        return NULL;
    }
    if (v->expr) {
        text = ap_expr_str_exec(r, v->expr, &err);
        if (err) {
            ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "\"%s\" gives no value: %s", v->name, err);
        }
        return err ? NULL : text;
    }
    text = apr_table_get(r->subprocess_env, v->name);
    if (!text && !strncmp(v->name, "SSL_", 4)) {
        /* mod_ssl exports its variables later, and only with SSLOptions +StdEnvVars. */
        text = ap_ssl_var_lookup(r->pool, r->server, r->connection, r, (char *)v->name);
    }
    return text;
}

/* The group's id here, or NULL. Nobody becomes an administrator by a group that happens to be called
 * so: only by a CloudGroupMap that names it. */
static const char *group_id(const cloud_identity_conf_t *conf, const char *group, apr_pool_t *pool)
{
    const char *id = conf->group_maps ? NULL : group;
    int i, named = 0;

    for (i = 0; conf->group_maps && !id && i < conf->group_maps->nelts; i++) {
        const map_t *m = &APR_ARRAY_IDX(conf->group_maps, i, map_t);

        id = mapped(m, group, pool);
        named = !m->regex;
    }
    return id && !named && !strcasecmp(id, CLOUD_GROUP_ADMIN_ID) ? NULL : id;
}

static const char *trimmed(const char *text, apr_size_t len, apr_pool_t *pool)
{
    while (len && apr_isspace(*text)) {
        text++;
        len--;
    }
    while (len && apr_isspace(text[len - 1])) {
        len--;
    }
    return apr_pstrmemdup(pool, text, len);
}

static void add_group(apr_array_header_t *groups, const char *id)
{
    int i;

    for (i = 0; i < groups->nelts; i++) {
        if (!strcmp(APR_ARRAY_IDX(groups, i, const char *), id)) {
            return;
        }
    }
    APR_ARRAY_PUSH(groups, const char *) = id;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The end of the first one in a list: its delimiter, or NULL. mod_authnz_ldap joins DNs with "; ", and in
 * a DN a semicolon of a name has a backslash before it (RFC 4514). */
static const char *end_of_group(const char *list, const char *delimiter)
{
    const char *end = list, *c;

    while ((end = strstr(end, delimiter)) && *delimiter == ';') {
        for (c = end; c > list && c[-1] == '\\'; c--)
            ;
        if ((end - c) % 2 == 0) {
            break;
        }
        end++;
    }
    return end;
}

/* Sorted: a directory may tell them in another order each time. */
static apr_array_header_t *groups_of(request_rec *r, const cloud_identity_conf_t *conf)
{
    apr_array_header_t *groups = apr_array_make(r->pool, 8, sizeof(const char *));
    const char *list = value_of(r, conf->groups), *next;
    apr_size_t len = strlen(conf->delimiter);

    for (; list && *list && groups->nelts < GROUPS_MAX; list = next) {
        const char *end = end_of_group(list, conf->delimiter), *id;
        const char *group = trimmed(list, end ? (apr_size_t)(end - list) : strlen(list), r->pool);

        next = end ? end + len : NULL;
        if (*group && (id = group_id(conf, group, r->pool)) && *id) {
            add_group(groups, id);
        }
    }
    qsort(groups->elts, (size_t)groups->nelts, sizeof(const char *), by_name);
    return groups;
}

const char *cloud_identity_source(request_rec *r)
{
    const char *source = cloud_dir_conf(r)->identity.source;

    return source ? source : CLOUD_SOURCE_DIRECTORY;
}

cloud_err_t *cloud_identity_apply(int *changed, cloud_ctx_t *system,
                                  const cloud_account_t *account, request_rec *r)
{
    const cloud_identity_conf_t *conf = &cloud_dir_conf(r)->identity;
    cloud_person_t person = { .source = cloud_identity_source(r) };

    person.display_name = value_of(r, conf->display_name);
    person.email = value_of(r, conf->email);
    person.quota = value_of(r, conf->quota);
    if (conf->groups && conf->groups->name) {
        person.groups = groups_of(r, conf);
    }
    *changed = !cloud_person_known(account, &person, r->pool);
    if (!*changed) {
        return NULL;
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "what %s says of %s is new", person.source,
                  account->id);
    return cloud_person_apply(system, account, &person);
}

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* /shares and /shares/pending. */
#include "private.h"

/* ---- answers ---- */

cloud_err_t *cloud_shares_answer(cloud_ocs_call_t *call, cloud_err_t *err)
{
    static const struct {
        cloud_code_t error;
        int code;
    } map[] = {
        { CLOUD_E_NOT_FOUND, 404 }, { CLOUD_E_DENIED, 403 }, { CLOUD_E_INVALID, 400 },
    };
    size_t i;

    call->message = "";
    for (i = 0; err && i < sizeof(map) / sizeof(*map); i++) {
        if (err->code != map[i].error) continue;
        call->code = map[i].code;
        call->message = err->msg;
        return NULL;
    }
    return err;
}

/* One share, by itself or in a list; 404 when its item can't be seen. */
static cloud_err_t *show_tx(cloud_ocs_call_t *call, const cloud_share_t *s, int received,
                            int in_list)
{
    cloud_shares_view_t view;
    json_t *shown;

    CLOUD_ERR(cloud_shares_view(&view, call, received, 0));
    CLOUD_ERR(cloud_shares_format(&shown, &view, s, call->r->pool));
    if (!shown)
        return cloud_err(call->r->pool, CLOUD_E_NOT_FOUND, "Wrong share ID, share doesn't exist");
    call->data = shown;
    if (in_list) {
        call->data = json_array();
        json_array_append_new(call->data, shown);
    }
    return NULL;
}

static cloud_err_t *show(cloud_ocs_call_t *call, const cloud_share_t *s, int received, int in_list)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_tx_begin(call->ctx, CLOUD_DB_READ));
    err = show_tx(call, s, received, in_list);
    cloud_tx_rollback(call->ctx);
    return err;
}

/* ---- what is asked for ---- */

static int share_id(apr_int64_t *id, const char *arg)
{
    char *end;

    *id = apr_strtoi64(arg, &end, 10);
    return *arg >= '0' && *arg <= '9' && !*end && strlen(arg) <= 18;
}

static cloud_err_t *wrong_id(cloud_ocs_call_t *call)
{
    return cloud_err(call->r->pool, CLOUD_E_NOT_FOUND, "Wrong share ID, share doesn't exist");
}

/* A number in decimal; out of any range: bad. */
static apr_int64_t number(const char *value, apr_int64_t bad)
{
    apr_int64_t n;
    char *end;

    n = apr_strtoi64(value, &end, 10);
    return *value && !*end && n >= -1000000 && n <= 1000000 ? n : bad;
}

static int is_true(const char *value)
{
    return !strcmp(value, "true") || !strcmp(value, "1") || !strcasecmp(value, "yes");
}

/* ownCloud's other way to say permissions. */
static void read_bit(cloud_share_ask_t *ask, int *any, const cloud_share_attr_t *a)
{
    static const struct {
        const char *key;
        unsigned bit;
    } bits[] = {
        { "read", CLOUD_PERM_READ }, { "update", CLOUD_PERM_UPDATE },
        { "create", CLOUD_PERM_CREATE }, { "delete", CLOUD_PERM_DELETE },
        { "share", CLOUD_PERM_SHARE },
    };
    size_t i;

    if (strcmp(a->scope, "ownCloud")) return;
    *any = 1;
    for (i = 0; i < sizeof(bits) / sizeof(*bits); i++)
        if (a->enabled && !strcmp(a->key, bits[i].key)) ask->perms |= bits[i].bit;
}

#define ATTRIBUTES_MAX 100

static cloud_err_t *bad_attributes(const cloud_ocs_call_t *call)
{
    return cloud_err(call->r->pool, CLOUD_E_INVALID, "Invalid share attributes");
}

/* attributes[0][scope], attributes[0][key], attributes[0][value] or [enabled] ... What is not
 * understood is not passed over: the share would give more than was meant. */
static cloud_err_t *attributes_of_form(apr_array_header_t *list, const cloud_ocs_call_t *call,
                                       int nparams)
{
    apr_pool_t *pool = call->r->pool;
    int i, used = 0;

    for (i = 0; i < ATTRIBUTES_MAX && used < nparams; i++) {
        static const char *const parts[] = { "scope", "key", "value", "enabled" };
        const char *v[4];
        cloud_share_attr_t a;
        int k, had = used;

        for (k = 0; k < 4; k++) {
            v[k] = cloud_param(call->params, apr_psprintf(pool, "attributes[%d][%s]", i, parts[k]));
            used += v[k] != NULL;
        }
        if (used == had) continue;
        if (!v[0] || !v[1] || (!v[2] && !v[3])) return bad_attributes(call);
        a.scope = v[0];
        a.key = v[1];
        a.enabled = is_true(v[3] ? v[3] : v[2]);
        APR_ARRAY_PUSH(list, cloud_share_attr_t) = a;
    }
    return used == nparams ? NULL : bad_attributes(call);
}

/* The same as JSON, which Nextcloud's clients send. */
static cloud_err_t *attributes_of_json(apr_array_header_t *list, const cloud_ocs_call_t *call,
                                       const char *text)
{
    json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *one;
    size_t i;

    if (!json_is_array(all)) {
        json_decref(all);
        return bad_attributes(call);
    }
    json_array_foreach(all, i, one) {
        json_t *value = json_object_get(one, "enabled");
        const char *scope = json_string_value(json_object_get(one, "scope"));
        const char *key = json_string_value(json_object_get(one, "key"));
        cloud_share_attr_t a;

        if (!value) value = json_object_get(one, "value");
        if (!scope || !key || !(json_is_boolean(value) || json_is_string(value))) break;
        a.scope = apr_pstrdup(call->r->pool, scope);
        a.key = apr_pstrdup(call->r->pool, key);
        a.enabled = json_is_true(value)
                    || (json_is_string(value) && is_true(json_string_value(value)));
        APR_ARRAY_PUSH(list, cloud_share_attr_t) = a;
    }
    i = i < json_array_size(all);
    json_decref(all);
    return i ? bad_attributes(call) : NULL;
}

static cloud_err_t *read_attributes(cloud_share_ask_t *ask, const cloud_ocs_call_t *call)
{
    apr_array_header_t *list = apr_array_make(call->r->pool, 4, sizeof(cloud_share_attr_t));
    int n = cloud_param_list(call->params, "attributes", call->r->pool)->nelts, i, any = 0;
    const char *text = cloud_param(call->params, "attributes");
    apr_int64_t said = ask->perms;

    if (!n && !text) return NULL;
    if (n) CLOUD_ERR(attributes_of_form(list, call, n));
    else if (*text) CLOUD_ERR(attributes_of_json(list, call, text));
    ask->attributes = list;
    ask->perms = 0;
    for (i = 0; i < list->nelts; i++)
        read_bit(ask, &any, &APR_ARRAY_IDX(list, i, cloud_share_attr_t));
    if (ask->has_perms || !any) ask->perms = said;
    else ask->has_perms = 1;
    return NULL;
}

/* A list where one value belongs is not passed over: a password, say, that was meant would be missing. */
static cloud_err_t *check_single(const cloud_ocs_call_t *call)
{
    static const char *const names[] = {
        "path", "shareType", "shareWith", "permissions", "publicUpload", "password", "expireDate", "name",
    };
    apr_pool_t *pool = call->r->pool;
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (cloud_param_list(call->params, names[i], pool)->nelts)
            return cloud_err(pool, CLOUD_E_INVALID, "The parameter %s has one value", names[i]);
    return NULL;
}

static cloud_err_t *read_ask(cloud_share_ask_t *ask, const cloud_ocs_call_t *call)
{
    const char *perms = cloud_param(call->params, "permissions");
    const char *type = cloud_param(call->params, "shareType");

    memset(ask, 0, sizeof(*ask));
    ask->path = cloud_param(call->params, "path");
    ask->type = type ? (int)number(type, -1) : -1;
    ask->with = cloud_param(call->params, "shareWith");
    ask->has_perms = perms && *perms;
    ask->perms = ask->has_perms ? number(perms, -1) : 0;
    ask->public_upload = cloud_param(call->params, "publicUpload");
    ask->password = cloud_param(call->params, "password");
    ask->expires = cloud_param(call->params, "expireDate");
    ask->name = cloud_param(call->params, "name");
    while (ask->path && *ask->path == '/') ask->path++;
    CLOUD_ERR(check_single(call));
    return read_attributes(ask, call);
}

/* ---- calls ---- */

static cloud_err_t *create(cloud_ocs_call_t *call)
{
    cloud_share_ask_t ask;
    cloud_share_t *s;
    cloud_err_t *err = read_ask(&ask, call);

    if (!err) err = cloud_share_create(&s, call->ctx, call->account, &ask, call->r->pool);
    return cloud_shares_answer(call, err ? err : show(call, s, 0, 0));
}

static cloud_err_t *get(cloud_ocs_call_t *call)
{
    apr_int64_t id;
    cloud_share_t *s;
    cloud_err_t *err = cloud_share_check_enabled(call->ctx);

    if (!err && !share_id(&id, call->args[0])) err = wrong_id(call);
    if (!err) err = cloud_share_get(&s, call->ctx, call->account, id, call->r->pool);
    return cloud_shares_answer(call, err ? err : show(call, s, 0, 1));
}

static cloud_err_t *update(cloud_ocs_call_t *call)
{
    cloud_share_ask_t ask;
    apr_int64_t id;
    cloud_share_t *s;
    cloud_err_t *err = read_ask(&ask, call);

    if (!err && !share_id(&id, call->args[0])) err = wrong_id(call);
    if (!err) err = cloud_share_update(&s, call->ctx, id, &ask, call->r->pool);
    return cloud_shares_answer(call, err ? err : show(call, s, 0, 0));
}

static cloud_err_t *remove_share(cloud_ocs_call_t *call)
{
    apr_int64_t id;
    cloud_err_t *err = share_id(&id, call->args[0]) ? NULL : wrong_id(call);

    return cloud_shares_answer(call, err ? err : cloud_share_delete(call->ctx, id));
}

static cloud_err_t *respond(cloud_ocs_call_t *call, cloud_share_state_t state)
{
    apr_int64_t id;
    cloud_share_t *s;
    cloud_err_t *err = share_id(&id, call->args[0]) ? NULL : wrong_id(call);

    if (!err)
        err = cloud_share_respond(&s, call->ctx, call->account, id, state, call->r->pool);
    if (!err) err = cloud_mounts_settle(call->ctx, call->account);
    return cloud_shares_answer(call, err ? err : show(call, s, 1, 1));
}

static cloud_err_t *accept_share(cloud_ocs_call_t *call)
{
    return respond(call, CLOUD_SHARE_ACCEPTED);
}

static cloud_err_t *decline(cloud_ocs_call_t *call)
{
    return respond(call, CLOUD_SHARE_REJECTED);
}

/* ---- lists ---- */

static int says_true(const cloud_ocs_call_t *call, const char *name)
{
    const char *value = cloud_param(call->params, name);

    return value && !strcmp(value, "true");
}

static unsigned wanted_types(const cloud_ocs_call_t *call)
{
    static const unsigned all = 1u << CLOUD_SHARE_USER | 1u << CLOUD_SHARE_GROUP
                                | 1u << CLOUD_SHARE_LINK;
    const char *value = cloud_param(call->params, "share_types");
    char *rest, *item, *last;
    unsigned types = 0;

    if (!value || !*value) return all;
    rest = apr_pstrdup(call->r->pool, value);
    while ((item = apr_strtok(rest, ",", &last))) {
        apr_int64_t type = number(item, -1);

        rest = NULL;
        if (type >= 0 && type < 32) types |= 1u << type;
    }
    return types & all;
}

static int wanted_state(const cloud_ocs_call_t *call)
{
    const char *value = cloud_param(call->params, "state");

    if (!value || !*value) return CLOUD_SHARE_ACCEPTED;
    return strcmp(value, "all") ? (int)number(value, 99) : -1;
}

static cloud_err_t *fill_list(cloud_ocs_call_t *call, const apr_array_header_t *shares,
                              int received)
{
    cloud_shares_view_t view;
    apr_pool_t *iter;
    json_t *shown;
    int i;

    CLOUD_ERR(cloud_shares_view(&view, call, received, shares->nelts > 1));
    apr_pool_create(&iter, call->r->pool);
    for (i = 0; i < shares->nelts; i++) {
        apr_pool_clear(iter);
        CLOUD_ERR(cloud_shares_format(&shown, &view, APR_ARRAY_IDX(shares, i, cloud_share_t *),
                                      iter));
        if (shown) json_array_append_new(call->data, shown);
    }
    apr_pool_destroy(iter);
    return NULL;
}

/* What PHP takes for true. */
static int is_set(const char *value)
{
    return value && *value && strcmp(value, "0") != 0;
}

/* Of ownCloud's tags only the mark of favorites is known. */
static cloud_err_t *add_tags(cloud_ocs_call_t *call)
{
    apr_array_header_t *nodes;
    apr_hash_t *mine = apr_hash_make(call->r->pool);
    json_t *one;
    size_t i;
    int k;

    CLOUD_ERR(cloud_favorite_list(&nodes, call->ctx, call->r->pool));
    for (k = 0; k < nodes->nelts; k++) {
        const apr_int64_t *node = &APR_ARRAY_IDX(nodes, k, apr_int64_t);

        apr_hash_set(mine, node, sizeof *node, node);
    }
    json_array_foreach(call->data, i, one) {
        apr_int64_t node = json_integer_value(json_object_get(one, "file_source"));
        json_t *tags = json_array();

        if (apr_hash_get(mine, &node, sizeof node))
            json_array_append_new(tags, json_string("_$!<Favorite>!$_"));
        json_object_set_new(one, "tags", tags);
    }
    return NULL;
}

static cloud_err_t *list_tx(cloud_ocs_call_t *call, const cloud_share_query_t *query)
{
    apr_array_header_t *shares;
    cloud_err_t *err = cloud_share_list(&shares, call->ctx, call->account, query, call->r->pool);

    if (cloud_err_is(err, CLOUD_E_NOT_FOUND) || cloud_err_is(err, CLOUD_E_INVALID_NAME)
        || cloud_err_is(err, CLOUD_E_DENIED))
        return cloud_err(call->r->pool, CLOUD_E_NOT_FOUND, "Wrong path, file/folder doesn't exist");
    CLOUD_ERR(err);
    call->data = json_array();
    CLOUD_ERR(fill_list(call, shares, query->which == CLOUD_SHARES_WITH));
    return is_set(cloud_param(call->params, "include_tags")) ? add_tags(call) : NULL;
}

static cloud_err_t *list(cloud_ocs_call_t *call)
{
    cloud_share_query_t query = { .types = wanted_types(call), .state = wanted_state(call) };
    cloud_err_t *err;
    int enabled;

    CLOUD_ERR(cloud_setting_bool(&enabled, call->ctx, "core", "shareapi_enabled"));
    if (!enabled) return cloud_shares_answer(call, NULL);
    query.path = cloud_param(call->params, "path");
    while (query.path && *query.path == '/') query.path++;
    query.which = says_true(call, "shared_with_me") ? CLOUD_SHARES_WITH
                  : says_true(call, "reshares")     ? CLOUD_SHARES_OF : CLOUD_SHARES_BY;
    query.members = query.which != CLOUD_SHARES_WITH && says_true(call, "subfiles");
    if (query.members && !query.path)
        return cloud_shares_answer(call, cloud_err(call->r->pool, CLOUD_E_INVALID,
                                                   "Not a directory"));
    CLOUD_ERR(cloud_tx_begin(call->ctx, CLOUD_DB_READ));
    err = list_tx(call, &query);
    cloud_tx_rollback(call->ctx);
    return cloud_shares_answer(call, err);
}

const cloud_ocs_route_t cloud_shares_routes[] = {
    { "GET", "/apps/files_sharing/api/v1/shares", CLOUD_OCS_USER, list },
    { "POST", "/apps/files_sharing/api/v1/shares", CLOUD_OCS_USER, create },
    { "POST", "/apps/files_sharing/api/v1/shares/pending/{id}", CLOUD_OCS_USER, accept_share },
    { "DELETE", "/apps/files_sharing/api/v1/shares/pending/{id}", CLOUD_OCS_USER, decline },
    { "GET", "/apps/files_sharing/api/v1/shares/{id}", CLOUD_OCS_USER, get },
    { "PUT", "/apps/files_sharing/api/v1/shares/{id}", CLOUD_OCS_USER, update },
    { "DELETE", "/apps/files_sharing/api/v1/shares/{id}", CLOUD_OCS_USER, remove_share },
    { NULL }
};

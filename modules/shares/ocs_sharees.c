/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* /sharees. */
#include "private.h"
#include "sharees.h"

#define PER_PAGE     200
#define PER_PAGE_MAX 1000

static json_t *entries(const apr_array_header_t *list, cloud_share_type_t type)
{
    json_t *array = json_array();
    int i;

    for (i = 0; i < list->nelts; i++) {
        const cloud_sharee_t *one = &APR_ARRAY_IDX(list, i, cloud_sharee_t);
        json_t *value = json_pack("{s:i, s:s}", "shareType", (int)type, "shareWith", one->id);

        if (type == CLOUD_SHARE_USER) json_object_set_new(value, "userType", json_integer(0));
        if (one->info)
            json_object_set_new(value, "shareWithAdditionalInfo", json_string(one->info));
        json_array_append_new(array, json_pack("{s:s, s:o}", "label", one->label, "value", value));
    }
    return array;
}

static json_t *answer(const cloud_sharees_t *found)
{
    json_t *users = entries(found->exact_users, CLOUD_SHARE_USER);
    json_t *groups = entries(found->exact_groups, CLOUD_SHARE_GROUP);

    return json_pack("{s:{s:o, s:o, s:[]}, s:o, s:o, s:[]}", "exact", "users", users, "groups",
                     groups, "remotes", "users", entries(found->users, CLOUD_SHARE_USER),
                     "groups", entries(found->groups, CLOUD_SHARE_GROUP), "remotes");
}

/* Types asked for: a list, one, or all. */
static unsigned wanted(const cloud_ocs_call_t *call)
{
    const apr_array_header_t *list = cloud_param_list(call->params, "shareType", call->r->pool);
    const char *one = cloud_param(call->params, "shareType");
    unsigned types = 0;
    int i;

    if (!list->nelts && (!one || !*one)) return 1u << CLOUD_SHARE_USER | 1u << CLOUD_SHARE_GROUP;
    if (!list->nelts && !one[1] && *one >= '0' && *one <= '9') return 1u << (*one - '0');
    for (i = 0; i < list->nelts; i++) {
        const char *type = APR_ARRAY_IDX(list, i, const char *);

        if (*type >= '0' && *type <= '9' && !type[1]) types |= 1u << (*type - '0');
    }
    return types;
}

static void link_next(cloud_ocs_call_t *call, const cloud_sharees_ask_t *ask, const char *kind)
{
    apr_pool_t *pool = call->r->pool;
    const char *query = apr_psprintf(pool, "search=%s&itemType=%s&page=%" APR_INT64_T_FMT
                                     "&perPage=%" APR_INT64_T_FMT,
                                     ap_escape_urlencoded(pool, ask->text),
                                     ap_escape_urlencoded(pool, kind), ask->page + 1,
                                     ask->per_page);
    const char *path = apr_psprintf(pool, "%s/ocs/v%d.php/apps/files_sharing/api/v1/sharees?%s",
                                    cloud_http_base(call->r), call->version, query);
    int type;

    for (type = 0; type < 10; type++)
        if (ask->types >> type & 1)
            path = apr_psprintf(pool, "%s&shareType%%5B%%5D=%d", path, type);
    apr_table_setn(call->r->headers_out, "Link",
                   apr_psprintf(pool, "<%s>; rel=\"next\"", ap_construct_url(pool, path, call->r)));
}

static cloud_err_t *bad(cloud_ocs_call_t *call, const char *message)
{
    return cloud_shares_answer(call, cloud_err(call->r->pool, CLOUD_E_INVALID, "%s", message));
}

static cloud_err_t *search(cloud_ocs_call_t *call)
{
    const char *kind = cloud_param(call->params, "itemType");
    cloud_sharees_ask_t ask = { .text = cloud_param(call->params, "search"),
                                .types = wanted(call) };
    cloud_sharees_t *found;

    if (!ask.text) ask.text = "";
    if (cloud_param_int(&ask.per_page, call->params, "perPage", PER_PAGE, 1, APR_INT32_MAX))
        return bad(call, "Invalid perPage argument");
    if (cloud_param_int(&ask.page, call->params, "page", 1, 1, APR_INT32_MAX))
        return bad(call, "Invalid page");
    if (!kind) return bad(call, "Missing itemType");
    if (ask.per_page > PER_PAGE_MAX) ask.per_page = PER_PAGE_MAX;
    CLOUD_ERR(cloud_sharees_search(&found, call->ctx, call->account, &ask, call->r->pool));
    if (found->more) link_next(call, &ask, kind);
    call->data = answer(found);
    return NULL;
}

const cloud_ocs_route_t cloud_shares_sharee_routes[] = {
    { "GET", "/apps/files_sharing/api/v1/sharees", CLOUD_OCS_USER, search },
    { NULL }
};

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* cloudctl group ... */
#include "ctl.h"

#include "group.h"

static json_t *ids_json(const ctl_t *ctl, const apr_array_header_t *ids)
{
    json_t *array = json_array();
    int i;

    for (i = 0; i < ids->nelts; i++)
        json_array_append_new(array, ctl_string(ctl, APR_ARRAY_IDX(ids, i, const char *)));
    return array;
}

static void print_ids(const ctl_t *ctl, const char *title, const apr_array_header_t *ids)
{
    int i;

    for (i = 0; i < ids->nelts; i++)
        ctl_print(ctl, "%s%s", i ? "              " : title, APR_ARRAY_IDX(ids, i, const char *));
}

static cloud_err_t *show(ctl_t *ctl, const char *id)
{
    apr_array_header_t *members, *subadmins;
    cloud_group_t *g;

    CLOUD_ERR(cloud_group_get(&g, ctl->ctx, id, ctl->pool));
    CLOUD_ERR(cloud_group_members(&members, ctl->ctx, id, NULL, ctl->pool));
    CLOUD_ERR(cloud_subadmin_of(&subadmins, ctl->ctx, id, ctl->pool));
    if (ctl->json) {
        ctl->out = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "id", ctl_string(ctl, g->id),
                             "display_name", ctl_string(ctl, g->display_name), "source",
                             ctl_string(ctl, g->source), "created", ctl_time(ctl, g->created),
                             "members", ids_json(ctl, members), "subadmins",
                             ids_json(ctl, subadmins));
        return NULL;
    }
    ctl_print(ctl, "id:           %s", g->id);
    ctl_print(ctl, "display name: %s", g->display_name);
    ctl_print(ctl, "source:       %s", g->source);
    print_ids(ctl, "members:      ", members);
    print_ids(ctl, "subadmins:    ", subadmins);
    return NULL;
}

static cloud_err_t *group_show(ctl_t *ctl)
{
    return show(ctl, ctl->args[0]);
}

static cloud_err_t *group_list(ctl_t *ctl)
{
    const cloud_search_t search = { ctl_arg(ctl, 0), 0, 0 };
    apr_array_header_t *ids;
    int i;

    CLOUD_ERR(cloud_group_search(&ids, ctl->ctx, &search, ctl->pool));
    if (ctl->json) ctl->out = ids_json(ctl, ids);
    for (i = 0; i < ids->nelts; i++) ctl_print(ctl, "%s", APR_ARRAY_IDX(ids, i, const char *));
    return NULL;
}

static cloud_err_t *group_add(ctl_t *ctl)
{
    cloud_group_t *g;

    CLOUD_ERR(cloud_group_create(&g, ctl->ctx, ctl->args[0], ctl_opt(ctl, "display-name"), NULL,
                                 ctl->pool));
    ctl_print(ctl, "Group %s was created.", g->id);
    return ctl->json ? show(ctl, g->id) : NULL;
}

static cloud_err_t *group_name(ctl_t *ctl)
{
    CLOUD_ERR(cloud_group_set_display_name(ctl->ctx, ctl->args[0], ctl->args[1]));
    return ctl->json ? show(ctl, ctl->args[0]) : NULL;
}

static cloud_err_t *group_delete(ctl_t *ctl)
{
    cloud_group_t *g;
    int yes;

    CLOUD_ERR(cloud_group_get(&g, ctl->ctx, ctl->args[0], ctl->pool));
    CLOUD_ERR(ctl_confirm(&yes, ctl, apr_psprintf(ctl->pool, "Delete the group %s?", g->id)));
    if (!yes) return cloud_err(ctl->pool, CLOUD_E_DENIED, "Nothing was deleted");
    CLOUD_ERR(cloud_group_delete(ctl->ctx, g->id));
    ctl_print(ctl, "Group %s was deleted.", g->id);
    return NULL;
}

static cloud_err_t *join(cloud_ctx_t *ctx, const char *group, const char *account)
{
    return cloud_group_add(ctx, group, account, NULL);
}

/* The rest of the arguments are accounts. */
static cloud_err_t *each_account(ctl_t *ctl,
                                 cloud_err_t *(*verb)(cloud_ctx_t *, const char *, const char *),
                                 const char *done)
{
    int i;

    for (i = 1; i < ctl->nargs; i++) {
        CLOUD_ERR(verb(ctl->ctx, ctl->args[0], ctl->args[i]));
        ctl_print(ctl, "%s %s %s.", ctl->args[i], done, ctl->args[0]);
    }
    return ctl->json ? show(ctl, ctl->args[0]) : NULL;
}

static cloud_err_t *group_add_member(ctl_t *ctl)
{
    return each_account(ctl, join, "is in group");
}

static cloud_err_t *group_remove_member(ctl_t *ctl)
{
    return each_account(ctl, cloud_group_remove, "is not in group");
}

static cloud_err_t *group_add_subadmin(ctl_t *ctl)
{
    return each_account(ctl, cloud_subadmin_add, "is subadmin of group");
}

static cloud_err_t *group_remove_subadmin(ctl_t *ctl)
{
    return each_account(ctl, cloud_subadmin_remove, "is no subadmin of group");
}

static const ctl_opt_t ADD_OPTS[] = {
    { "display-name", "NAME", "the name that is shown" },
    { NULL, NULL, NULL }
};

static const ctl_opt_t YES_OPTS[] = {
    { "yes", NULL, "do not ask" },
    { NULL, NULL, NULL }
};

#define MANY 10000 /* accounts on one command line */

const ctl_cmd_t ctl_group_cmds[] = {
    { "group add", "ID", 1, 1, "create a group", ADD_OPTS, 0, group_add, NULL },
    { "group list", "[SEARCH]", 0, 1, "list the groups", NULL, 0, group_list, NULL },
    { "group show", "ID", 1, 1, "show a group and who is in it", NULL, 0, group_show, NULL },
    { "group name", "ID NAME", 2, 2, "set the display name", NULL, 0, group_name, NULL },
    { "group delete", "ID", 1, 1, "delete a group; its members stay", YES_OPTS, 0, group_delete,
      NULL },
    { "group add-member", "ID ACCOUNT...", 2, MANY, "put accounts into a group", NULL, 0,
      group_add_member, NULL },
    { "group remove-member", "ID ACCOUNT...", 2, MANY, "take accounts out of a group", NULL, 0,
      group_remove_member, NULL },
    { "group add-subadmin", "ID ACCOUNT...", 2, MANY,
      "let accounts manage the members of a group", NULL, 0, group_add_subadmin, NULL },
    { "group remove-subadmin", "ID ACCOUNT...", 2, MANY, "take that right away again", NULL, 0,
      group_remove_subadmin, NULL },
    { NULL, NULL, 0, 0, NULL, NULL, 0, NULL, NULL }
};

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* cloudctl two-factor ... and session ... */
#include "ctl.h"

#include "login.h"
#include "second.h"

static cloud_err_t *get(cloud_account_t **a, ctl_t *ctl)
{
    return cloud_account_get(a, ctl->ctx, ctl->args[0], ctl->pool);
}

/* ---- second factors ---- */

static cloud_err_t *second_show(ctl_t *ctl)
{
    cloud_account_t *a;
    int needed, left;

    CLOUD_ERR(get(&a, ctl));
    CLOUD_ERR(cloud_second_needed(&needed, ctl->ctx, a));
    CLOUD_ERR(cloud_second_left(&left, ctl->ctx, a));
    if (ctl->json)
        ctl->out = json_pack("{s:b,s:b,s:i}", "set_up", a->two_factor, "required", needed,
                             "backup_codes", left);
    ctl_print(ctl, "set up:       %s", a->two_factor ? "yes" : "no");
    ctl_print(ctl, "required:     %s", needed ? "yes" : "no");
    ctl_print(ctl, "backup codes: %d", left);
    return NULL;
}

static cloud_err_t *second_off(ctl_t *ctl)
{
    cloud_account_t *a;

    CLOUD_ERR(get(&a, ctl));
    CLOUD_ERR(cloud_second_off(ctl->ctx, a, 0));
    ctl_print(ctl, "%s has no second factor any more.", a->id);
    return NULL;
}

/* ---- sessions ---- */

static cloud_err_t *session_list(ctl_t *ctl)
{
    apr_array_header_t *list;
    cloud_account_t *a;
    int i;

    CLOUD_ERR(get(&a, ctl));
    CLOUD_ERR(cloud_session_list(&list, ctl->ctx, a, ctl->pool));
    ctl->out = json_array();
    for (i = 0; i < list->nelts; i++) {
        const cloud_session_t *s = &APR_ARRAY_IDX(list, i, cloud_session_t);

        json_array_append_new(ctl->out,
                              json_pack("{s:I,s:o,s:o,s:o,s:o}", "id", (json_int_t)s->id, "created",
                                        ctl_time(ctl, s->created), "seen", ctl_time(ctl, s->seen),
                                        "address", ctl_string(ctl, s->address), "browser",
                                        ctl_string(ctl, s->agent)));
        ctl_print(ctl, "%-16" APR_INT64_T_FMT " since %s, seen %s, %s, %s", s->id,
                  ctl_time_text(ctl, s->created), ctl_time_text(ctl, s->seen), s->address, s->agent);
    }
    return NULL;
}

static cloud_err_t *session_end(ctl_t *ctl)
{
    const char *text = ctl_arg(ctl, 1);
    apr_int64_t id = 0;
    cloud_account_t *a;
    char *end;

    if (text) {
        id = apr_strtoi64(text, &end, 10);
        if (!*text || *end || id <= 0) return ctl_usage(ctl, "\"%s\" is no session", text);
    }
    CLOUD_ERR(get(&a, ctl));
    CLOUD_ERR(cloud_session_revoke(ctl->ctx, a, id, -1));
    ctl_print(ctl, text ? "The session was ended." : "All sessions of %s were ended.", a->id);
    return NULL;
}

const ctl_cmd_t ctl_login_cmds[] = {
    { "two-factor show", "ID", 1, 1, "whether an account has a second factor, and needs one", NULL, 0,
      second_show, NULL },
    { "two-factor off", "ID", 1, 1, "take the second factor away, for who has lost it", NULL, 0,
      second_off, NULL },
    { "session list", "ID", 1, 1, "list where an account is signed in with a browser", NULL, 0,
      session_list, NULL },
    { "session end", "ID [SESSION]", 1, 2, "end one of these sessions, or all", NULL, 0, session_end,
      NULL },
    { NULL, NULL, 0, 0, NULL, NULL, 0, NULL, NULL }
};

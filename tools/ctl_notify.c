/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* cloudctl notify, cloudctl mail: telling people something, and the queue of mails. */
#include "ctl.h"

#include "group.h"
#include "mail.h"
#include "notification.h"

#define LIST_MAX 1000

/* ---- notify ---- */

static const ctl_opt_t NOTIFY_OPTS[] = {
    { "account", "ID", "tell this account" },
    { "group", "ID", "tell the members of this group" },
    { "link", "URL", "where more is to be found: https://... or a place below CloudBase" },
    { NULL, NULL, NULL }
};

/* Whom to tell: array of ids. */
static cloud_err_t *find_people(apr_array_header_t **ids, ctl_t *ctl)
{
    const char *account = ctl_opt(ctl, "account"), *group = ctl_opt(ctl, "group");

    if (!account == !group) return ctl_usage(ctl, "--account or --group says whom to tell");
    if (group) return cloud_group_members(ids, ctl->ctx, group, NULL, ctl->pool);
    *ids = apr_array_make(ctl->pool, 1, sizeof(const char *));
    APR_ARRAY_PUSH(*ids, const char *) = account;
    return NULL;
}

static cloud_err_t *notify(ctl_t *ctl)
{
    cloud_notice_t notice = {
        .app = "notifications", .object_type = "admin-notification",
        .object_id = apr_psprintf(ctl->pool, "%" APR_INT64_T_FMT, (apr_int64_t)apr_time_now()),
        .subject = ctl->args[0], .message = ctl_arg(ctl, 1), .link = ctl_opt(ctl, "link"),
    };
    apr_array_header_t *ids;
    int i, told = 0;

    CLOUD_ERR(find_people(&ids, ctl));
    for (i = 0; i < ids->nelts; i++) {
        cloud_err_t *err = cloud_notification_send(ctl->ctx, APR_ARRAY_IDX(ids, i, const char *),
                                                   &notice);

        /* a member may have been deleted meanwhile */
        if (err && (ctl_opt(ctl, "account") || err->code != CLOUD_E_NOT_FOUND)) return err;
        told += !err;
    }
    ctl_print(ctl, told == 1 ? "%d account was told." : "%d accounts were told.", told);
    ctl->out = json_pack("{s:i}", "told", told);
    return NULL;
}

/* ---- mail ---- */

static cloud_err_t *list(ctl_t *ctl)
{
    apr_array_header_t *rows;
    int i;

    CLOUD_ERR(cloud_mail_list(&rows, ctl->ctx, LIST_MAX, ctl->pool));
    ctl->out = json_array();
    for (i = 0; i < rows->nelts; i++) {
        const cloud_mail_row_t *m = &APR_ARRAY_IDX(rows, i, cloud_mail_row_t);

        ctl_print(ctl, "%" APR_INT64_T_FMT "  %s  %s  %s", m->id, ctl_time_text(ctl, m->created),
                  m->to, m->subject);
        if (m->problem)
            ctl_print(ctl, "    tried %" APR_INT64_T_FMT " times, again %s: %s", m->tries,
                      ctl_time_text(ctl, m->due), m->problem);
        json_array_append_new(ctl->out,
                              json_pack("{s:I, s:o, s:o, s:o, s:o, s:I, s:o}", "id",
                                        (json_int_t)m->id, "to", ctl_string(ctl, m->to), "subject",
                                        ctl_string(ctl, m->subject), "created",
                                        ctl_time(ctl, m->created), "due", ctl_time(ctl, m->due),
                                        "tries", (json_int_t)m->tries, "problem",
                                        ctl_string(ctl, m->problem)));
    }
    return NULL;
}

static cloud_err_t *flush(ctl_t *ctl)
{
    int sent = 0, failed = 0, result = 0;

    CLOUD_ERR(cloud_mail_retry_all(ctl->ctx));
    while (result >= 0) {
        CLOUD_ERR(cloud_mail_send_next(&result, ctl->ctx, NULL));
        sent += result == 1;
        failed += result == 0;
    }
    ctl_print(ctl, "%d sent, %d failed.", sent, failed);
    ctl->out = json_pack("{s:i, s:i}", "sent", sent, "failed", failed);
    if (failed) ctl->status = CTL_FAILED;
    return NULL;
}

const ctl_cmd_t ctl_notify_cmds[] = {
    { "notify", "SUBJECT [MESSAGE]", 1, 2, "tell somebody something, where clients show it",
      NOTIFY_OPTS, 0, notify, NULL },
    { "mail list", "", 0, 0, "mails that wait to be sent", NULL, 0, list, NULL },
    { "mail flush", "", 0, 0, "send the mails that wait now", NULL, 0, flush, NULL },
    { NULL, NULL, 0, 0, NULL, NULL, 0, NULL, NULL }
};

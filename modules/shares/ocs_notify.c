/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* /notification: mails about shares, when who shared asks for them. */
#include "private.h"

#include "notify.h"

static const char *param(const cloud_ocs_call_t *call, const char *name)
{
    const char *value = cloud_param(call->params, name);

    return value ? value : "";
}

static apr_int64_t number(const char *text)
{
    char *end;
    apr_int64_t n = apr_strtoi64(text, &end, 10);

    return *text && !*end ? n : -1;
}

static const char *as_requested(const cloud_ocs_call_t *call, const char *path)
{
    request_rec *r = call->r;

    return ap_construct_url(r->pool, apr_pstrcat(r->pool, cloud_http_base(r), path, NULL), r);
}

/* What stands in mails: whoever sends a request says in it which host he means, and others would follow
 * the link there. So the host is the configured one, where one is. */
static cloud_err_t *absolute(const char **url, const cloud_ocs_call_t *call, const char *path)
{
    CLOUD_ERR(cloud_mail_link(url, call->ctx, path, call->r->pool));
    if (!*url) *url = as_requested(call, path);
    return NULL;
}

/* Who got no mail. */
static const char *complaint(const cloud_ocs_call_t *call, const cloud_share_unsent_t *unsent)
{
    const char *who = apr_array_pstrcat(call->r->pool, unsent->who, ',');

    return apr_psprintf(call->r->pool, "Couldn't send mail to following recipient(s): %s %s", who,
                        unsent->why ? apr_pstrcat(call->r->pool, "(", unsent->why, ")", NULL) : "");
}

static cloud_err_t *send_mail(cloud_ocs_call_t *call)
{
    apr_int64_t node = number(param(call, "itemSource"));
    cloud_share_unsent_t unsent;
    const char *link;
    cloud_err_t *err;

    CLOUD_ERR(absolute(&link, call, apr_psprintf(call->r->pool, "/index.php/f/%" APR_INT64_T_FMT,
                                                 node)));
    err = cloud_share_mail_recipients(&unsent, call->ctx, call->account, node,
                                      (int)number(param(call, "shareType")),
                                      param(call, "recipient"), link);
    CLOUD_ERR(cloud_shares_answer(call, err));
    if (err) return NULL;
    call->data = json_pack("{s:s}", "status", unsent.who->nelts ? "error" : "success");
    if (unsent.who->nelts) call->message = complaint(call, &unsent);
    return NULL;
}

static cloud_err_t *mark_sent(cloud_ocs_call_t *call)
{
    cloud_err_t *err = cloud_share_mark_sent(call->ctx, call->account,
                                             number(param(call, "itemSource")),
                                             (int)number(param(call, "shareType")),
                                             param(call, "recipient"));

    if (!err) call->data = json_pack("{s:s}", "status", "success");
    return cloud_shares_answer(call, err);
}

/* Nobody's mail gets an address that is not ours: the link is one of this server. Of what was sent only the
 * token is used; *url is the address of the same link for a mail. *token NULL: it is no such link. */
static cloud_err_t *own_link(const char **token, const char **url, const cloud_ocs_call_t *call,
                             const char *link)
{
    const char *last = strrchr(link, '/'), *path;

    *token = NULL;
    if (!last || !*++last) return NULL;
    path = apr_pstrcat(call->r->pool, "/index.php/s/", last, NULL);
    CLOUD_ERR(absolute(url, call, path));
    if (!strcmp(link, *url) || !strcmp(link, as_requested(call, path))) *token = last;
    return NULL;
}

static cloud_err_t *mail_link(cloud_ocs_call_t *call)
{
    const char *token, *link;
    const apr_array_header_t *to = cloud_param_list(call->params, "recipients", call->r->pool);
    cloud_share_unsent_t unsent;
    cloud_err_t *err;

    CLOUD_ERR(own_link(&token, &link, call, param(call, "link")));
    if (!token)
        return cloud_shares_answer(call, cloud_err(call->r->pool, CLOUD_E_INVALID,
                                                   "Invalid shared link"));
    err = cloud_share_mail_link(&unsent, call->ctx, call->account, token, link,
                                cloud_param(call->params, "personalNote"), to);
    CLOUD_ERR(cloud_shares_answer(call, err));
    if (err || !unsent.who->nelts) return NULL;
    call->code = 400;
    call->message = complaint(call, &unsent);
    return NULL;
}

const cloud_ocs_route_t cloud_shares_notify_routes[] = {
    { "POST", "/apps/files_sharing/api/v1/notification/send", CLOUD_OCS_USER, send_mail },
    { "POST", "/apps/files_sharing/api/v1/notification/marksent", CLOUD_OCS_USER, mark_sent },
    { "POST", "/apps/files_sharing/api/v1/notification/notify-public-link-by-email",
      CLOUD_OCS_USER, mail_link },
    { NULL }
};

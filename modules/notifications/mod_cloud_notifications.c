/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file mod_cloud_notifications.c
 * The module: directives, jobs, the capability, and where requests go.
 */
#include "private.h"

#include <ap_mpm.h>

#include "mail.h"
#include "message.h"
#include "sendmail.h"

#define SEND_EVERY   apr_time_from_sec(3)
#define EXPIRE_EVERY apr_time_from_sec(3600)

/* What was said on a server, for the check: the values are settings. */
typedef struct {
    const char *sendmail; /* "" for off, NULL when nothing was said */
    const char *from;
} server_conf_t;

static void *server_create(apr_pool_t *p, server_rec *s)
{
    (void)s;
    return apr_pcalloc(p, sizeof(server_conf_t));
}

static void *server_merge(apr_pool_t *p, void *basev, void *addv)
{
    const server_conf_t *base = basev, *add = addv;
    server_conf_t *conf = apr_pcalloc(p, sizeof(*conf));

    conf->sendmail = add->sendmail ? add->sendmail : base->sendmail;
    conf->from = add->from ? add->from : base->from;
    return conf;
}

static server_conf_t *conf_of(server_rec *s)
{
    return ap_get_module_config(s->module_config, &cloud_notifications_module);
}

/* ---- directives ---- */

static const char *set_sendmail(cmd_parms *cmd, void *dir, const char *command)
{
    int off = !ap_cstr_casecmp(command, "off");
    cloud_err_t *err = NULL;
    char **argv;

    (void)dir;
    if (!off) {
        err = cloud_sendmail_check(&argv, command, cmd->temp_pool);
    }
    if (err) {
        return apr_psprintf(cmd->pool, "CloudSendmail: %s", err->msg);
    }
    conf_of(cmd->server)->sendmail = off ? "" : command;
    return cloud_http_setting(cmd, "system", "mail_sendmail", off ? "" : command);
}

static const char *set_from(cmd_parms *cmd, void *dir, const char *address, const char *name)
{
    const char *problem;

    (void)dir;
    if (!cloud_message_address_ok(address)) {
        return apr_psprintf(cmd->pool, "CloudMailFrom: \"%s\" is no address such as "
                            "cloud@example.org", address);
    }
    conf_of(cmd->server)->from = address;
    problem = cloud_http_setting(cmd, "system", "mail_from_address", address);
    return problem || !name ? problem : cloud_http_setting(cmd, "system", "mail_from_name", name);
}

static const command_rec commands[] = {
    AP_INIT_TAKE1("CloudSendmail", set_sendmail, NULL, RSRC_CONF,
                  "the command that sends a mail which it reads, such as \"/usr/sbin/sendmail -t "
                  "-i\"; off: no mail is sent"),
    AP_INIT_TAKE12("CloudMailFrom", set_from, NULL, RSRC_CONF,
                   "the address that mails come from, and perhaps the name before it"),
    { NULL }
};

static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    (void)pconf;
    (void)plog;
    (void)ptemp;
    for (; s; s = s->next) {
        const server_conf_t *conf = conf_of(s);

        if (conf->sendmail && *conf->sendmail && !conf->from) {
            ap_log_error(APLOG_MARK, APLOG_ERR, 0, s, "CloudSendmail is set for %s, but "
                         "CloudMailFrom says nothing about the address that mails come from",
                         s->server_hostname ? s->server_hostname : "the server");
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}

/* ---- jobs ---- */

static int stopping(void)
{
    int state;

    return ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS && state == AP_MPMQ_STOPPING;
}

static cloud_err_t *send_mails(int *more, cloud_ctx_t *ctx)
{
    return cloud_mail_job(more, ctx, stopping);
}

static cloud_err_t *expire(int *more, cloud_ctx_t *ctx)
{
    int mails;

    CLOUD_ERR(cloud_notification_expire(more, ctx));
    CLOUD_ERR(cloud_mail_expire(&mails, ctx));
    *more = *more || mails;
    return NULL;
}

/* ---- requests ---- */

static cloud_err_t *capability(json_t *capabilities, cloud_ctx_t *ctx, request_rec *r)
{
    (void)ctx;
    (void)r;
    json_object_set_new(capabilities, "notifications",
                        json_pack("{s:[s, s, s, s]}", "ocs-endpoints", "list", "get", "delete",
                                  "delete-all"));
    return NULL;
}

static int handler(request_rec *r)
{
    return cloud_http_endpoint(r, NULL) == &cloud_notification_options
        ? cloud_notification_options_serve(r) : DECLINED;
}

/* ---- hooks ---- */

static apr_status_t unregister(void *unused)
{
    (void)unused;
    cloud_notification_unregister();
    return APR_SUCCESS;
}

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)ptemp;
    if (!cloud_http_connect(plog)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    cloud_notification_register();
    apr_pool_cleanup_register(pconf, NULL, unregister, apr_pool_cleanup_null);
    cloud_register_endpoint(&cloud_notification_options);
    cloud_register_ocs(cloud_notification_routes);
    cloud_register_capability(capability);
    cloud_register_job("mail", SEND_EVERY, send_mails);
    cloud_register_job("notification expiry", EXPIRE_EVERY, expire);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_FIRST);
}

module AP_MODULE_DECLARE_DATA cloud_notifications_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, server_create, server_merge, commands, register_hooks,
    AP_MODULE_FLAG_NONE,
};

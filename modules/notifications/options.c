/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file options.c
 * Which notices somebody gets by mail, at ownCloud's address and in its form.
 */
#include "private.h"

#include <http_request.h>

#include "form.h"
#include "json_answer.h"

#define BODY_MAX 4096

/* ownCloud's numbers of what is wrong */
#define UNSUPPORTED 2
#define INCOMPLETE  3

const cloud_endpoint_t cloud_notification_options = {
    "/index.php/apps/notifications/settings/personal/notifications/options", CLOUD_EP_EXACT,
    cloud_json_error_body
};

static int refuse(request_rec *r, int status, const char *message, int number)
{
    return cloud_json_send(r, status, json_pack("{s:{s:s, s:i}}", "data", "message", message,
                                                "errorCode", number));
}

static cloud_err_t *answer(json_t **json, cloud_ctx_t *ctx, const char *message)
{
    const char *option;

    CLOUD_ERR(cloud_notification_mail_get(&option, ctx, ctx->pool));
    *json = json_pack("{s:{s:s*, s:{s:s, s:s}}}", "data", "message", message, "options",
                      "id", ctx->who.account->id, CLOUD_NOTIFICATION_MAIL, option);
    return NULL;
}

static int reply(request_rec *r, cloud_ctx_t *ctx, const char *message)
{
    json_t *json = NULL;
    cloud_err_t *err = answer(&json, ctx, message);

    return err ? cloud_http_error(r, err) : cloud_json_send(r, HTTP_OK, json);
}

static cloud_err_t *read_params(cloud_params_t **params, request_rec *r)
{
    *params = cloud_params_create(r->pool);
    if (r->args) {
        CLOUD_ERR(cloud_params_add(*params, r->args, strlen(r->args)));
    }
    return cloud_form_read(*params, r, BODY_MAX);
}

/* PUT has all options, PATCH those that shall change; there is one. */
static int set(request_rec *r, cloud_ctx_t *ctx, int all)
{
    cloud_params_t *params;
    const char *option;
    cloud_err_t *err = read_params(&params, r);

    if (err) {
        return cloud_http_error(r, err);
    }
    option = cloud_param(params, CLOUD_NOTIFICATION_MAIL);
    if (!option && all) {
        return refuse(r, HTTP_BAD_REQUEST, "Incomplete data", INCOMPLETE);
    }
    if (option && !cloud_notification_mail_ok(option)) {
        return refuse(r, HTTP_UNPROCESSABLE_ENTITY, "Option not supported", UNSUPPORTED);
    }
    err = option ? cloud_notification_mail_set(ctx, option) : NULL;
    return err ? cloud_http_error(r, err) : reply(r, ctx, "Saved");
}

int cloud_notification_options_serve(request_rec *r)
{
    cloud_ctx_t *ctx;
    cloud_err_t *err = cloud_http_ctx(&ctx, r);

    if (!err && !cloud_http_account(r)) {
        err = cloud_err(r->pool, CLOUD_E_UNAUTHORIZED, NULL);
    }
    if (err) {
        return cloud_http_error(r, err);
    }
    switch (r->method_number) {
    case M_GET:
        return reply(r, ctx, NULL);
    case M_PUT:
    case M_PATCH:
        return set(r, ctx, r->method_number == M_PUT);
    default:
        ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, M_PUT, M_PATCH, M_OPTIONS, -1);
        return cloud_http_no_method(r);
    }
}

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file token.c
 * Passwords for programs: ownCloud's token/generate, and Nextcloud's login flow v2.
 */
#include "login_http.h"

#include <jansson.h>

#include "mod_authn_cloud.h"
#include "json_answer.h"
#include "names.h"

/* ---- JSON ---- */

/* Gives up json. */
static int answer_json(request_rec *r, int status, json_t *json)
{
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    apr_table_setn(r->err_headers_out, "X-Content-Type-Options", "nosniff");
    return cloud_json_send(r, status, json);
}

static int answer_message(request_rec *r, int status, const char *message)
{
    return answer_json(r, status, json_pack("{s:s}", "message", message));
}

static int answer_error(request_rec *r, cloud_err_t *err)
{
    int status = cloud_http_error(r, err);

    return status == AP_FILTER_ERROR ? status : answer_message(r, status, err->msg);
}

const char *login_json_error(request_rec *r, int status, cloud_code_t code, const char *msg,
                             apr_bucket_brigade *bb)
{
    json_t *json = json_pack("{s:s}", "message", msg);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    (void)status;
    (void)code;
    json_decref(json);
    apr_brigade_puts(bb, NULL, NULL, text ? text : "{}");
    free(text);
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    return "application/json; charset=utf-8";
}

/* ---- token/generate ---- */

static cloud_err_t *generate(const char **secret, request_rec *r, const cloud_params_t *fields)
{
    const cloud_account_t *account;
    const char *client, *name = cloud_param(fields, "name"), *code = cloud_param(fields, "otp");
    cloud_ctx_t *ctx;
    int more;

    CLOUD_ERR(cloud_auth_login(&account, &client, r, cloud_param(fields, "user"),
                               cloud_param(fields, "password"), CLOUD_LOGIN_NO_APPPASS));
    CLOUD_ERR(cloud_http_ctx(&ctx, r));
    cloud_http_set_account(r, account, NULL);
    CLOUD_ERR(cloud_second_needed(&more, ctx, account));
    if (more && (!code || !*code)) {
        return cloud_err(r->pool, CLOUD_E_UNAUTHORIZED,
                         "This account needs a second factor: send its code as otp");
    }
    if (more) {
        CLOUD_ERR(login_code(r, account, code));
    }
    return cloud_login_apppass(secret, ctx, account->id, name, r->pool);
}

int login_token(request_rec *r, const char *rest)
{
    cloud_params_t *fields;
    const char *secret;
    cloud_err_t *err;

    (void)rest;
    if (r->method_number != M_POST) {
        return login_no_method(r, 0);
    }
    err = cloud_login_fields(&fields, r);
    if (!err && (!cloud_param(fields, "user") || !cloud_param(fields, "password"))) {
        return answer_message(r, HTTP_UNPROCESSABLE_ENTITY, "user and password are needed");
    }
    if (!err) {
        err = generate(&secret, r, fields);
    }
    if (cloud_err_is(err, CLOUD_E_UNAUTHORIZED)) {
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r, "no token for user %s: %s",
                      cloud_param(fields, "user"), err->msg);
    }
    return err ? answer_error(r, err) : answer_json(r, HTTP_OK, json_pack("{s:s}", "token", secret));
}

/* ---- login flow v2: what the program asks ---- */

static const char *absolute(request_rec *r, const char *path)
{
    return ap_construct_url(r->pool, apr_pstrcat(r->pool, cloud_http_base(r), path, NULL), r);
}

static int flow_begin(request_rec *r)
{
    const char *agent = apr_table_get(r->headers_in, "User-Agent"), *poll, *page;
    cloud_ctx_t *ctx;
    cloud_err_t *err = cloud_http_ctx(&ctx, r);

    if (!err) {
        err = cloud_flow_begin(&poll, &page, ctx, agent, r->pool);
    }
    if (err) {
        return answer_error(r, err);
    }
    return answer_json(r, HTTP_OK, json_pack("{s:{s:s, s:s}, s:s}", "poll", "token", poll, "endpoint",
                                             absolute(r, FLOW_PATH "/poll"), "login",
                                             absolute(r, apr_pstrcat(r->pool, FLOW_PATH "/flow/",
                                                                     page, NULL))));
}

static int flow_poll(request_rec *r)
{
    cloud_params_t *fields;
    cloud_account_t *account;
    const char *secret, *token;
    cloud_ctx_t *ctx;
    cloud_err_t *err = cloud_http_ctx(&ctx, r);

    if (!err) {
        err = cloud_login_fields(&fields, r);
    }
    if (!err) {
        token = cloud_param(fields, "token");
        err = cloud_flow_fetch(&account, &secret, ctx, token ? token : "", r->pool);
    }
    if (cloud_err_is(err, CLOUD_E_NOT_FOUND)) {
        return answer_json(r, HTTP_NOT_FOUND, json_array()); /* ask again */
    }
    if (err) {
        return answer_error(r, err);
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, "%s let a program in by the login flow", account->id);
    return answer_json(r, HTTP_OK, json_pack("{s:s, s:s, s:s}", "server", absolute(r, ""),
                                             "loginName", account->id, "appPassword", secret));
}

/* ---- and what its owner sees ---- */

static int show_grant(request_rec *r, const cloud_account_t *me, const char *token, const char *name)
{
    cloud_page_t *page = cloud_page_create(r, "Let a program in?");

    cloud_page_put(page,
                   "<div class=\"card\">\n<p>The program <strong>%s</strong> asks for access to all "
                   "files of <strong>%s</strong> (%s).</p>\n<p>Allow this only when you have started "
                   "it yourself, a moment ago, on your own device. It gets an app password, which "
                   "you can revoke at any time.</p>\n", name, me->display_name, me->id);
    cloud_page_form(page, apr_pstrcat(r->pool, FLOW_PATH "/flow/", token, NULL));
    cloud_page_put(page, "<button type=\"submit\" name=\"answer\" value=\"allow\">Allow</button>\n"
                   "<button type=\"submit\" name=\"answer\" value=\"deny\" class=\"quiet\">Deny"
                   "</button>\n</form>\n</div>\n");
    return cloud_page_send(page, HTTP_OK);
}

static int post_grant(request_rec *r, const cloud_account_t *me, const char *token)
{
    const char *answer;
    cloud_params_t *form;
    cloud_ctx_t *ctx;
    cloud_err_t *err = cloud_login_form(&form, r);

    if (!err) {
        err = cloud_http_ctx(&ctx, r);
    }
    if (err) {
        return cloud_http_error(r, err);
    }
    answer = cloud_param(form, "answer");
    if (!answer || strcmp(answer, "allow") != 0) {
        return cloud_page_message(r, HTTP_OK, "Denied",
                                  "The program was not let in. You can close this window.");
    }
    err = cloud_flow_grant(ctx, token, me);
    if (cloud_err_is(err, CLOUD_E_EXISTS)) {
        return cloud_page_message(r, HTTP_CONFLICT, "Done already", err->msg);
    }
    return err ? cloud_http_error(r, err)
               : cloud_page_message(r, HTTP_OK, "Allowed",
                                    "The program will log in by itself. You can close this window.");
}

static int flow_page(request_rec *r, const char *token)
{
    const cloud_account_t *me;
    const char *name;
    cloud_ctx_t *ctx;
    cloud_err_t *err = cloud_login_account(&me, r);

    if (!err) {
        err = cloud_http_ctx(&ctx, r);
    }
    if (!err) {
        err = cloud_flow_name(&name, ctx, token, r->pool);
    }
    if (err) {
        return cloud_http_error(r, err);
    }
    if (!me) {
        return cloud_login_ask(r);
    }
    return r->method_number == M_POST ? post_grant(r, me, token) : show_grant(r, me, token, name);
}

int login_flow(request_rec *r, const char *rest)
{
    static const char PAGE[] = "/flow/";
    int is_page = !strncmp(rest, PAGE, sizeof(PAGE) - 1);

    if (!is_page && *rest && strcmp(rest, "/poll") != 0) {
        return cloud_http_error(r, cloud_err(r->pool, CLOUD_E_NOT_FOUND, NULL));
    }
    if (r->method_number != M_POST && (!is_page || r->method_number != M_GET)) {
        return login_no_method(r, is_page);
    }
    if (is_page) {
        return flow_page(r, rest + sizeof(PAGE) - 1);
    }
    return *rest ? flow_poll(r) : flow_begin(r);
}

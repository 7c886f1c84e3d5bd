/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file login_page.c
 * Signing in with name and password, and signing out.
 */
#include "login_http.h"

#include "mod_authn_cloud.h"

/* The page; user is what was typed, problem what was wrong with it (NULL: nothing yet). */
static int show_login(request_rec *r, int status, const char *user, const char *target,
                      const char *problem)
{
    cloud_page_t *page = cloud_page_create(r, "Sign in");
    const char *wrong = problem ? LOGIN_WRONG : "";

    cloud_page_put(page, "<div class=\"card\">\n");
    if (problem) {
        login_put_problem(page, problem);
    }
    login_page_form(page, LOGIN_PATH, target);
    cloud_page_put(page,
                   "<label for=\"user\">User name</label>\n"
                   "<input type=\"text\" id=\"user\" name=\"user\" value=\"%s\" required"
                   " autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\"%h%h>\n"
                   "<label for=\"password\">Password</label>\n"
                   "<input type=\"password\" id=\"password\" name=\"password\" required"
                   " autocomplete=\"current-password\"%h%h>\n"
                   "<button type=\"submit\">Sign in</button>\n</form>\n</div>\n",
                   user, *user ? "" : " autofocus", wrong, *user ? " autofocus" : "", wrong);
    return cloud_page_send(page, status);
}

/* Only what leads back to this server is carried along. */
static const char *target_of(request_rec *r, const char *target)
{
    return cloud_local_target(target, cloud_http_base(r));
}

static int refused(request_rec *r, const cloud_err_t *err, const char *user, const char *target)
{
    switch (err->code) {
    case CLOUD_E_UNAUTHORIZED:
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r, "the login page refused user %s", user);
        return show_login(r, HTTP_FORBIDDEN, user, target, "The user name or the password is wrong.");
    case CLOUD_E_THROTTLED:
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r, "too many failed logins of user %s", user);
        return show_login(r, HTTP_TOO_MANY_REQUESTS, user, target, err->msg);
    case CLOUD_E_DENIED: /* the form's token */
        return show_login(r, HTTP_FORBIDDEN, user, target, err->msg);
    default:
        return cloud_http_error(r, (cloud_err_t *)err);
    }
}

/* The password was right. */
static int go_on(request_rec *r, const cloud_account_t *account, const char *user,
                 const char *target)
{
    cloud_ctx_t *ctx;
    int more;
    cloud_err_t *err = cloud_http_ctx(&ctx, r);

    if (!err) {
        err = cloud_second_needed(&more, ctx, account);
    }
    if (!err) {
        err = login_begin(r, account, more ? CLOUD_SESSION_CODE : CLOUD_SESSION_OPEN);
    }
    if (err) {
        return refused(r, err, user, target);
    }
    return more ? login_to_challenge(r, target) : login_see_other(r, login_target(r, target));
}

static int post_login(request_rec *r)
{
    const cloud_account_t *account;
    cloud_params_t *form;
    const char *user = "", *password, *client, *target = NULL;
    cloud_err_t *err = cloud_login_form(&form, r);

    if (!err || err->code == CLOUD_E_DENIED) {
        user = cloud_param(form, "user");
        user = user ? user : "";
        target = target_of(r, cloud_param(form, "redirect_url"));
    }
    if (!err) {
        password = cloud_param(form, "password");
        err = cloud_auth_login(&account, &client, r, user, password ? password : "",
                               CLOUD_LOGIN_NO_APPPASS);
    }
    return err ? refused(r, err, user, target) : go_on(r, account, user, target);
}

/* What the address of the page says: where to go afterwards, and whom it is about. */
static cloud_err_t *query(const char **target, const char **user, request_rec *r)
{
    cloud_params_t *params = cloud_params_create(r->pool);

    if (r->args) {
        CLOUD_ERR(cloud_params_add(params, r->args, strlen(r->args)));
    }
    *target = target_of(r, cloud_param(params, "redirect_url"));
    *user = cloud_param(params, "user");
    if (!*user) {
        *user = "";
    }
    return NULL;
}

int login_page(request_rec *r, const char *rest)
{
    const char *target, *user;
    login_browser_t *b;
    cloud_err_t *err;

    if (!strcmp(rest, "/style.css")) {
        return login_style(r);
    }
    if (*rest) {
        return cloud_http_error(r, cloud_err(r->pool, CLOUD_E_NOT_FOUND, NULL));
    }
    err = login_browser(&b, r);
    if (!err) {
        err = query(&target, &user, r);
    }
    if (err) {
        return cloud_http_error(r, err);
    }
    if (r->method_number == M_POST && !b->account) {
        return post_login(r);
    }
    if (r->method_number != M_GET && r->method_number != M_POST) {
        return login_no_method(r, 1);
    }
    if (b->pending) {
        return login_to_challenge(r, target);
    }
    return b->account ? login_see_other(r, login_target(r, target))
                      : show_login(r, HTTP_OK, user, target, NULL);
}

/* ---- signing out ---- */

static int show_logout(request_rec *r)
{
    cloud_page_t *page = cloud_page_create(r, "Sign out");

    cloud_page_put(page, "<div class=\"card\">\n<p>Do you want to sign out of this browser?</p>\n");
    cloud_page_form(page, LOGOUT_PATH);
    cloud_page_put(page, "<button type=\"submit\">Sign out</button>\n</form>\n</div>\n");
    return cloud_page_send(page, HTTP_OK);
}

int login_logout(request_rec *r, const char *rest)
{
    cloud_params_t *form;
    login_browser_t *b;
    cloud_err_t *err = login_browser(&b, r);

    (void)rest;
    if (!err && r->method_number == M_POST) {
        err = cloud_login_form(&form, r);
        err = err ? err : login_end(r);
        return err ? cloud_http_error(r, err) : cloud_login_redirect(r, LOGIN_PATH);
    }
    if (err) {
        return cloud_http_error(r, err);
    }
    if (r->method_number != M_GET) {
        return login_no_method(r, 1);
    }
    return b->account || b->pending ? show_logout(r) : cloud_login_redirect(r, LOGIN_PATH);
}

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file account_page.c
 * The page on which people look after their account: app passwords, sessions, and what other modules
 * add.
 */
#include "login_http.h"

#include "mod_authn_cloud.h"

static apr_array_header_t *sections; /* const cloud_login_section_t *, of other modules */

/* A form of the page at work. */
typedef struct {
    request_rec *r;
    cloud_ctx_t *ctx;
    const cloud_account_t *account;
    const cloud_params_t *form;      /* NULL: nothing was sent */
    cloud_page_t *page;
    const char *notice;              /* HTML: what to say when it went well */
    const char *problem;             /* text: what did not, although there is a notice */
    int failed;                      /* what was sent was refused */
} work_t;

void login_sections_reset(apr_pool_t *pconf)
{
    sections = apr_array_make(pconf, 4, sizeof(const cloud_login_section_t *));
}

void cloud_login_register_section(const cloud_login_section_t *section)
{
    APR_ARRAY_PUSH(sections, const cloud_login_section_t *) = section;
}

static const char *when(apr_time_t t, apr_pool_t *pool)
{
    char text[APR_RFC822_DATE_LEN];
    apr_time_exp_t exp;
    apr_size_t len;

    if (!t) {
        return "never";
    }
    apr_time_exp_gmt(&exp, t);
    apr_strftime(text, &len, sizeof(text), "%Y-%m-%d %H:%M UTC", &exp);
    return apr_pstrdup(pool, text);
}

/* For the fields of a section: attributes that tie them to what was wrong with them. */
static const char *wrong(const work_t *w, const char *section)
{
    const char *sent = w->failed && w->form ? cloud_param(w->form, "section") : NULL;

    return sent && !strcmp(sent, section) ? LOGIN_WRONG : "";
}

static const char *field(const work_t *w, const char *name)
{
    const char *value = cloud_param(w->form, name);

    return value ? value : "";
}

/* The account as it is by now: what was changed shows on the page. */
static cloud_err_t *read_again(work_t *w)
{
    cloud_account_t *now;

    CLOUD_ERR(cloud_account_by_number(&now, w->ctx, w->account->number, w->ctx->pool));
    w->account = now;
    return NULL;
}

/* ---- the password ---- */

static void password_field(work_t *w, const char *name, const char *label, const char *kind)
{
    cloud_page_put(w->page, "<label for=\"%s\">%s</label>\n<input type=\"password\" id=\"%s\""
                   " name=\"%s\" required autocomplete=\"%s\"%h>\n", name, label, name, name, kind,
                   wrong(w, "password"));
}

static cloud_err_t *show_password(work_t *w)
{
    if (!w->account->has_password) {
        cloud_page_put(w->page, "<p>The password with which you sign in is not kept here, but where "
                       "your organisation keeps it. It is changed there.</p>\n");
        return NULL;
    }
    cloud_page_put(w->page, "<p>With another password all other browsers are signed out, and programs "
                   "that you have authorized. App passwords stay.</p>\n");
    cloud_page_section_form(w->page, "password");
    /* For those who keep passwords: whose it is */
    cloud_page_put(w->page, "<input type=\"hidden\" name=\"username\" autocomplete=\"username\" "
                   "value=\"%s\">\n", w->account->id);
    password_field(w, "current", "Current password", "current-password");
    password_field(w, "new", "New password", "new-password");
    password_field(w, "again", "New password, once more", "new-password");
    cloud_page_put(w->page, "<button type=\"submit\">Change the password</button></form>\n");
    return NULL;
}

/* Whoever finds a browser open does not know it; guesses count as those of the login page do. */
static cloud_err_t *check_current(work_t *w)
{
    const cloud_account_t *account;
    const char *client;
    cloud_err_t *err = cloud_auth_login(&account, &client, w->r, w->account->id,
                                        field(w, "current"), CLOUD_LOGIN_NO_APPPASS);

    if (cloud_err_is(err, CLOUD_E_UNAUTHORIZED)) {
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, w->r, "wrong current password of user %s, who "
                      "wanted to change it", w->account->id);
        return cloud_err(w->r->pool, CLOUD_E_UNAUTHORIZED, "The current password is wrong");
    }
    CLOUD_ERR(err);
    cloud_http_set_account(w->r, account, NULL);
    w->account = account;
    return NULL;
}

/* Hashes of the new password, and of those before, are slow ones. */
static cloud_err_t *set_password(work_t *w)
{
    cloud_err_t *err;

    CLOUD_ERR(cloud_slow_begin(w->r));
    err = cloud_account_set_password(w->ctx, w->account->id, field(w, "new"));
    cloud_slow_end();
    return err;
}

/* Every session has ended; this browser gets another one. */
static cloud_err_t *act_password(work_t *w)
{
    const cloud_session_t *mine = login_known(w->r)->session;

    if (!w->account->has_password) {
        return cloud_err(w->r->pool, CLOUD_E_DENIED, "There is no password of yours here");
    }
    if (strcmp(field(w, "new"), field(w, "again")) != 0) {
        return cloud_err(w->r->pool, CLOUD_E_INVALID, "The new password was not typed the same twice");
    }
    CLOUD_ERR(check_current(w));
    CLOUD_ERR(set_password(w));
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, w->r, "user %s has changed the password",
                  w->account->id);
    CLOUD_ERR(read_again(w));
    if (mine) {
        CLOUD_ERR(login_begin(w->r, w->account, CLOUD_SESSION_OPEN));
        CLOUD_ERR(login_look_again(w->r));
    }
    w->notice = "The password is changed. All other browsers are signed out.";
    return NULL;
}

/* ---- app passwords ---- */

static cloud_err_t *show_apppass(work_t *w)
{
    apr_pool_t *pool = w->r->pool;
    apr_array_header_t *list;
    int i;

    CLOUD_ERR(cloud_apppass_list(&list, w->ctx, w->account->id, pool));
    cloud_page_put(w->page, "<p>A program that syncs or mounts your files gets a password of its "
                   "own, which opens nothing else and can be revoked alone.</p>\n");
    if (list->nelts) {
        cloud_page_put(w->page, "<table>\n<thead><tr><th scope=\"col\">Name</th><th scope=\"col\">"
                       "Created</th><th scope=\"col\">Last used</th><th scope=\"col\">Revoke</th>"
                       "</tr></thead>\n<tbody>\n");
    }
    for (i = 0; i < list->nelts; i++) {
        const cloud_apppass_t *p = &APR_ARRAY_IDX(list, i, cloud_apppass_t);

        cloud_page_put(w->page, "<tr><td>%s</td><td>%s</td><td>%s</td><td>", p->name,
                       when(p->created, pool), when(p->last_used, pool));
        cloud_page_section_form(w->page, "apppasswords");
        cloud_page_put(w->page, "<input type=\"hidden\" name=\"revoke\" value=\"%s\">\n<button "
                       "class=\"quiet\" aria-label=\"Revoke %s\">Revoke</button></form></td></tr>\n",
                       p->name, p->name);
    }
    if (list->nelts) {
        cloud_page_put(w->page, "</tbody>\n</table>\n");
    }
    cloud_page_section_form(w->page, "apppasswords");
    cloud_page_put(w->page, "<label for=\"name\">Name of the program or device</label>\n"
                   "<input type=\"text\" id=\"name\" name=\"name\" required maxlength=\"100\""
                   " autocomplete=\"off\"%h>\n"
                   "<button type=\"submit\">Create a new app password</button></form>\n",
                   wrong(w, "apppasswords"));
    return NULL;
}

static cloud_err_t *act_apppass(work_t *w)
{
    const char *revoke = cloud_param(w->form, "revoke"), *secret;
    cloud_html_t *html = cloud_html_create(w->r->pool);

    if (revoke) {
        return cloud_apppass_revoke(w->ctx, w->account->id, revoke);
    }
    CLOUD_ERR(cloud_apppass_create(&secret, w->ctx, w->account->id, field(w, "name"), w->r->pool));
    cloud_html_put(html, "The app password is<br><strong class=\"secret\" id=\"secret\">%s</strong>"
                   "<br>It is shown this once. Log in with it as <strong>%s</strong>.", secret,
                   w->account->id);
    w->notice = cloud_html_text(html);
    return NULL;
}

/* ---- sessions ---- */

static cloud_err_t *show_sessions(work_t *w)
{
    const cloud_session_t *mine = login_known(w->r)->session;
    apr_pool_t *pool = w->r->pool;
    apr_array_header_t *list;
    int i;

    CLOUD_ERR(cloud_session_list(&list, w->ctx, w->account, pool));
    cloud_page_put(w->page, "<table>\n<thead><tr><th scope=\"col\">Browser</th><th scope=\"col\">"
                   "Address</th><th scope=\"col\">Last seen</th><th scope=\"col\">End</th></tr>"
                   "</thead>\n<tbody>\n");
    for (i = 0; i < list->nelts; i++) {
        const cloud_session_t *s = &APR_ARRAY_IDX(list, i, cloud_session_t);
        const char *agent = *s->agent ? s->agent : "unknown";

        cloud_page_put(w->page, "<tr><td>%s</td><td>%s</td><td>%s</td><td>", agent, s->address,
                       when(s->seen, pool));
        if (mine && mine->id == s->id) {
            cloud_page_put(w->page, "this one");
        }
        else {
            cloud_page_section_form(w->page, "sessions");
            cloud_page_put(w->page, "<input type=\"hidden\" name=\"end\" value=\"%s\">\n<button "
                           "class=\"quiet\" aria-label=\"End the session of %s, last seen %s\">End"
                           "</button></form>", apr_psprintf(pool, "%" APR_INT64_T_FMT, s->id), agent,
                           when(s->seen, pool));
        }
        cloud_page_put(w->page, "</td></tr>\n");
    }
    cloud_page_put(w->page, "</tbody>\n</table>\n");
    if (list->nelts > (mine ? 1 : 0)) {
        cloud_page_section_form(w->page, "sessions");
        cloud_page_put(w->page, "<input type=\"hidden\" name=\"end\" value=\"others\">\n"
                       "<button class=\"quiet\">End all other sessions</button></form>\n");
    }
    return NULL;
}

static cloud_err_t *act_sessions(work_t *w)
{
    const cloud_session_t *mine = login_known(w->r)->session;
    const char *end = field(w, "end");
    char *tail;
    apr_int64_t id = apr_strtoi64(end, &tail, 10);

    if (!strcmp(end, "others")) {
        return cloud_session_revoke(w->ctx, w->account, 0, mine ? mine->id : -1);
    }
    if (!*end || *tail || id <= 0) {
        return cloud_err(w->r->pool, CLOUD_E_INVALID, "There is no such session");
    }
    return cloud_session_revoke(w->ctx, w->account, id, 0);
}

/* ---- the second factor ---- */

static cloud_err_t *show_second(work_t *w)
{
    int left;

    if (!w->account->two_factor) {
        cloud_page_put(w->page, "<p>With a second factor, a code from an app on your phone is asked "
                       "for besides your password. Programs use app passwords then.</p>\n");
        cloud_page_section_form(w->page, "second");
        cloud_page_put(w->page, "<input type=\"hidden\" name=\"do\" value=\"prepare\">\n"
                       "<button type=\"submit\">Set up a second factor</button></form>\n");
        return NULL;
    }
    CLOUD_ERR(cloud_second_left(&left, w->ctx, w->account));
    cloud_page_put(w->page, "<p>A second factor is set up. %s of %s backup codes are left.</p>\n",
                   apr_itoa(w->r->pool, left), apr_itoa(w->r->pool, CLOUD_BACKUP_CODES));
    cloud_page_section_form(w->page, "second");
    login_code_field(w->page, "Code that your app shows, or a backup code", wrong(w, "second"));
    cloud_page_put(w->page, "<button type=\"submit\" name=\"do\" value=\"codes\" class=\"quiet\">New "
                   "backup codes</button>\n<button type=\"submit\" name=\"do\" value=\"off\" "
                   "class=\"quiet\">Turn off</button></form>\n");
    return NULL;
}

/* How to set up; the form comes back to this section. */
static cloud_err_t *offer_setup(work_t *w)
{
    cloud_page_t *piece = login_page_piece(w->r);
    const char *html;

    CLOUD_ERR(login_setup_html(&html, w->r, w->ctx, w->account));
    cloud_page_put(piece, "%h", html);
    cloud_page_section_form(piece, "second");
    cloud_page_put(piece, "<input type=\"hidden\" name=\"do\" value=\"confirm\">\n");
    login_code_field(piece, "Code that the app shows", wrong(w, "second"));
    cloud_page_put(piece, "<button type=\"submit\">Confirm</button></form>\n");
    w->notice = login_page_html(piece);
    return NULL;
}

static apr_int64_t my_session(const work_t *w)
{
    const cloud_session_t *mine = login_known(w->r)->session;

    return mine ? mine->id : 0;
}

static cloud_err_t *confirm_second(work_t *w)
{
    const char *codes[CLOUD_BACKUP_CODES];
    cloud_err_t *err = cloud_second_confirm(codes, w->ctx, w->account, login_known(w->r)->cookie,
                                            field(w, "code"), my_session(w), w->r->pool);

    if (cloud_err_is(err, CLOUD_E_INVALID)) {
        w->problem = err->msg;
        w->failed = 1;
        CLOUD_ERR(offer_setup(w)); /* to be tried again */
        return NULL;
    }
    CLOUD_ERR(err);
    w->notice = login_codes_html(w->r, codes);
    return read_again(w);
}

/* Whoever finds a browser open has no device. */
static cloud_err_t *act_second(work_t *w)
{
    const char *what = field(w, "do"), *codes[CLOUD_BACKUP_CODES];

    if (!strcmp(what, "prepare")) {
        return offer_setup(w);
    }
    if (!strcmp(what, "confirm")) {
        return confirm_second(w);
    }
    if (strcmp(what, "codes") != 0 && strcmp(what, "off") != 0) {
        return cloud_err(w->r->pool, CLOUD_E_INVALID, "That can't be done");
    }
    CLOUD_ERR(login_code(w->r, w->account, field(w, "code")));
    if (!strcmp(what, "off")) {
        return cloud_second_off(w->ctx, w->account, my_session(w));
    }
    CLOUD_ERR(cloud_second_codes(codes, w->ctx, w->account, w->r->pool));
    w->notice = login_codes_html(w->r, codes);
    return NULL;
}

/* ---- the page ---- */

static const struct {
    const char *name, *title;
    cloud_err_t *(*show)(work_t *w);
    cloud_err_t *(*act)(work_t *w);
} OWN[] = {
    { "password", "Password", show_password, act_password },
    { "apppasswords", "App passwords", show_apppass, act_apppass },
    { "second", "Second factor", show_second, act_second },
    { "sessions", "Browsers that are signed in", show_sessions, act_sessions },
};
#define NOWN (sizeof(OWN) / sizeof(*OWN))

static void open_section(cloud_page_t *page, const char *name, const char *title)
{
    cloud_page_put(page, "<section id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 id=\"%s-title\">%s"
                   "</h2>\n", name, name, name, title);
}

static cloud_err_t *show_sections(work_t *w)
{
    apr_size_t n;
    int i;

    for (n = 0; n < NOWN; n++) {
        open_section(w->page, OWN[n].name, OWN[n].title);
        CLOUD_ERR(OWN[n].show(w));
        cloud_page_put(w->page, "</section>\n");
    }
    for (i = 0; i < sections->nelts; i++) {
        const cloud_login_section_t *s = APR_ARRAY_IDX(sections, i, const cloud_login_section_t *);

        open_section(w->page, s->name, s->title);
        CLOUD_ERR(s->show(w->page, w->ctx, w->account));
        cloud_page_put(w->page, "</section>\n");
    }
    return NULL;
}

/* problem is text, w->notice HTML. */
static int show(work_t *w, int status, const char *problem)
{
    cloud_err_t *err;

    w->page = cloud_page_create(w->r, "Your account");
    if (problem) {
        login_put_problem(w->page, problem);
    }
    if (w->notice) {
        cloud_page_put(w->page, "<div class=\"done\" role=\"status\">%h</div>\n", w->notice);
    }
    cloud_page_put(w->page, "<p>You are signed in as <strong>%s</strong> (%s).</p>\n",
                   w->account->display_name, w->account->id);
    err = show_sections(w);
    if (err) {
        return cloud_http_error(w->r, err);
    }
    if (login_known(w->r)->session) {
        cloud_page_form(w->page, LOGOUT_PATH);
        cloud_page_put(w->page, "<button type=\"submit\">Sign out</button></form>\n");
    }
    return cloud_page_send(w->page, status);
}

static cloud_err_t *act(work_t *w)
{
    const char *name = field(w, "section");
    apr_size_t n;
    int i;

    for (n = 0; n < NOWN; n++) {
        if (!strcmp(OWN[n].name, name)) {
            return OWN[n].act(w);
        }
    }
    for (i = 0; i < sections->nelts; i++) {
        const cloud_login_section_t *s = APR_ARRAY_IDX(sections, i, const cloud_login_section_t *);

        if (!strcmp(s->name, name)) {
            return s->act(w->r, w->ctx, w->account, w->form);
        }
    }
    return cloud_err(w->r->pool, CLOUD_E_INVALID, "This page has no such section");
}

/* A page is no method and no login. */
static int page_status(const cloud_err_t *err)
{
    switch (err->code) {
    case CLOUD_E_EXISTS:
        return HTTP_CONFLICT;
    case CLOUD_E_UNAUTHORIZED:
        return HTTP_FORBIDDEN;
    default:
        return cloud_err_info(err->code)->http;
    }
}

/* What goes well is answered with a way back to the page, so that it can be loaded again; what has
 * something to show that is shown once, with the page. */
static int post(work_t *w)
{
    cloud_params_t *form;
    cloud_err_t *err = cloud_login_form(&form, w->r);

    w->form = form;
    if (!err) {
        err = act(w);
    }
    if (!err) {
        return w->notice ? show(w, w->problem ? HTTP_BAD_REQUEST : HTTP_OK, w->problem)
                         : cloud_login_redirect(w->r, ACCOUNT_PATH);
    }
    if (cloud_err_info(err->code)->http >= 500 || err->code == CLOUD_E_TOO_LARGE) {
        return cloud_http_error(w->r, err);
    }
    w->notice = NULL;
    w->failed = 1;
    return show(w, page_status(err), err->msg);
}

int login_account_page(request_rec *r, const char *rest)
{
    work_t w = { .r = r };
    cloud_err_t *err = cloud_login_account(&w.account, r);

    (void)rest;
    if (!err) {
        err = cloud_http_ctx(&w.ctx, r);
    }
    if (err) {
        return cloud_http_error(r, err);
    }
    if (r->method_number != M_GET && r->method_number != M_POST) {
        return login_no_method(r, 1);
    }
    if (!w.account) {
        return cloud_login_ask(r);
    }
    return r->method_number == M_POST ? post(&w) : show(&w, HTTP_OK, NULL);
}

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* /index.php/s/<token>: who may see the page, and which part of it is asked for. */
#include "links_http.h"

#define TITLE_PASSWORD "This link has a password"

cloud_page_t *links_page_create(request_rec *r, const char *title)
{
    cloud_page_t *page = cloud_page_create(r, title);

    cloud_page_secret(page);
    return page;
}

const char *links_error_body(request_rec *r, int status, cloud_code_t code, const char *msg,
                             apr_bucket_brigade *bb)
{
    const char *type;

    if (code == CLOUD_E_NOT_FOUND) {
        msg = "This link does not exist, or not any more, or there is nothing at this address of it.";
    }
    type = cloud_login_error_body(r, status, code, msg, bb);
    apr_table_setn(r->err_headers_out, "Referrer-Policy", "no-referrer");
    return type;
}

/* A body that nobody wants is not read only to be thrown away: it may be large. */
static void spare_body(request_rec *r)
{
    if (r->method_number != M_GET && !r->connection->master) {
        r->connection->keepalive = AP_CONN_CLOSE;
    }
}

static int refuse(request_rec *r, cloud_err_t *err)
{
    spare_body(r);
    return cloud_http_error(r, err);
}

/* ---- the password ---- */

static int ask(links_request_t *q, int status, const cloud_err_t *err)
{
    cloud_page_t *page = links_page_create(q->r, TITLE_PASSWORD);

    if (err) {
        cloud_page_put(page, "<p class=\"error\" id=\"problem\" role=\"alert\">%s</p>\n", err->msg);
    }
    cloud_page_put(page, "<div class=\"card\">\n");
    cloud_page_form(page, apr_pstrcat(q->r->pool, q->base, "/authenticate", NULL));
    cloud_page_put(page,
                   "<label for=\"password\">Password of the link</label>\n"
                   "<input type=\"password\" id=\"password\" name=\"password\" required autofocus "
                   "autocomplete=\"off\"%h>\n"
                   "<button type=\"submit\">Open</button>\n</form>\n</div>\n",
                   err ? " aria-invalid=\"true\" aria-describedby=\"problem\"" : "");
    return cloud_page_send(page, status);
}

/* A wrong password is 403: a 401 would want a challenge, and browsers would ask by themselves. */
static cloud_err_t *as_refusal(request_rec *r, cloud_err_t *err)
{
    return cloud_err_is(err, CLOUD_E_UNAUTHORIZED) ? cloud_err(r->pool, CLOUD_E_DENIED, "%s", err->msg)
                                                   : err;
}

static int authenticate(links_request_t *q)
{
    cloud_params_t *form;
    const char *password;
    cloud_err_t *err = cloud_login_form(&form, q->r);

    if (!err) {
        password = cloud_param(form, "password");
        err = as_refusal(q->r, links_password(q->r, q->link, password ? password : ""));
    }
    if (!err && q->link->password) {
        err = links_remember(q->r, q->link);
    }
    if (err) {
        cloud_http_error(q->r, err);
        return ask(q, cloud_err_info(err->code)->http, err);
    }
    return cloud_login_redirect(q->r, cloud_http_uri(q->r, q->base, "", q->r->pool)
                                          + strlen(cloud_http_base(q->r)));
}

/* ---- which part ---- */

#define GET  1
#define POST 2

static int no_method(request_rec *r, int methods)
{
    ap_allow_standard_methods(r, REPLACE_ALLOW, M_OPTIONS, methods & GET ? M_GET : M_POST,
                              methods & POST ? M_POST : M_GET, -1);
    spare_body(r);
    return cloud_http_no_method(r);
}

static int show(links_request_t *q)
{
    links_news_t news = { 0 };
    cloud_err_t *err = links_news_read(&news, q);

    return err ? cloud_http_error(q->r, err) : links_show(q, &news);
}

static const struct {
    const char *name;       /* behind the token */
    int methods;
    int open;               /* also for who has not shown the password */
    int (*serve)(links_request_t *q);
} PARTS[] = {
    { "", GET, 0, show },
    { "/authenticate", POST, 1, authenticate },
    { "/download", GET | POST, 0, links_download },
    { "/upload", POST, 0, links_upload },
};

static int serve_part(links_request_t *q, int i)
{
    request_rec *r = q->r;
    int good, get = r->method_number == M_GET;
    int method = get ? GET : r->method_number == M_POST ? POST : 0;
    cloud_err_t *err = links_proven(&good, r, q->link);

    if (err) {
        return refuse(r, err);
    }
    if (!good && (!PARTS[i].open || get)) {
        spare_body(r);
        return ask(q, PARTS[i].open || !*PARTS[i].name ? HTTP_OK : HTTP_FORBIDDEN, NULL);
    }
    if (PARTS[i].open && get) {
        return cloud_login_redirect(r, q->base);
    }
    if (!(PARTS[i].methods & method)) {
        return no_method(r, PARTS[i].methods);
    }
    return PARTS[i].serve(q);
}

static int serve(links_request_t *q, const char *part)
{
    int i;

    for (i = 0; i < (int)(sizeof(PARTS) / sizeof(*PARTS)); i++) {
        if (!strcmp(part, PARTS[i].name)) {
            return serve_part(q, i);
        }
    }
    return refuse(q->r, cloud_err(q->r->pool, CLOUD_E_NOT_FOUND, NULL));
}

void links_take(links_request_t *q, cloud_params_t *params)
{
    const char *path = cloud_param(params, "path");

    q->query = params;
    q->path = path ? path + strspn(path, "/") : "";
}

/* Parameters are those of the address. */
static cloud_err_t *read_query(links_request_t *q)
{
    cloud_params_t *params = cloud_params_create(q->r->pool);

    if (q->r->args) {
        CLOUD_ERR(cloud_params_add(params, q->r->args, strlen(q->r->args)));
    }
    links_take(q, params);
    return NULL;
}

static cloud_err_t *open_link(links_request_t *q, const char *token)
{
    const cloud_account_t *unused;
    cloud_link_t *link;

    CLOUD_ERR(cloud_http_ctx(&q->ctx, q->r));
    CLOUD_ERR(links_find(&link, q->r, token));
    q->link = link;
    q->base = apr_pstrcat(q->r->pool, PAGE_PATH "/", link->token, NULL);
    CLOUD_ERR(read_query(q));
    /* Forms are bound to the browser's session, if it has one. It opens nothing more here: */
    CLOUD_ERR(cloud_login_account(&unused, q->r));
    links_enter(q->r, link, NULL, NULL);
    return NULL;
}

int links_page(request_rec *r, const char *rest)
{
    links_request_t q = { .r = r };
    const char *token, *part;
    cloud_err_t *err;

    rest += *rest == '/';
    part = rest + strcspn(rest, "/");
    token = apr_pstrmemdup(r->pool, rest, (apr_size_t)(part - rest));
    err = open_link(&q, token);
    if (err) {
        return refuse(r, err);
    }
    return serve(&q, strcmp(part, "/") ? part : "");
}

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file page.c
 * Pages: HTML without any script, one style sheet, and headers that keep both so.
 */
#include "login_http.h"

#include "names.h"

#define STYLE_PATH LOGIN_PATH "/style.css"

struct cloud_page_t {
    request_rec *r;
    cloud_html_t *html;
    const char *title;
    const char *sources;   /* where forms may lead */
    int secret;            /* the address is one */
};

/* Colours have a contrast of at least 7:1 for text and 4.5:1 for buttons and borders, light and dark. */
static const char STYLE[] =
    ":root{color-scheme:light dark;--ink:#1b2733;--soft:#46525e;--line:#6b7885;--main:#0a4a7d;"
    "--link:#0a4a7d;--on:#fff;--bad:#9b1c1c;--good:#14532d;--page:#eef2f6;--card:#fff;--edge:#c6d0da;"
    "--rule:#d7dfe7;--badcard:#fdf1f1;--goodcard:#effaf2;--focus:#b45309}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6ebf0;--soft:#b3bfca;--line:#8796a5;"
    "--link:#9ecbf2;--bad:#f4a3a3;--good:#8fd9ab;--page:#10171e;--card:#1a232c;--edge:#33404d;"
    "--rule:#2b3743;--badcard:#3a1e1e;--goodcard:#18301f;--focus:#f5b35c}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--page);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}\n"
    "main{max-width:44rem;margin:0 auto;padding:1.5rem 1rem 3rem}\n"
    "header{background:var(--main);color:#fff;padding:.75rem 1rem;font-weight:600}\n"
    "h1{font-size:1.5rem;line-height:1.25;margin:1rem 0;overflow-wrap:anywhere;unicode-bidi:plaintext}\n"
    "h2{font-size:1.15rem;margin:0 0 .5rem}\n"
    "section,.card{background:var(--card);border:1px solid var(--edge);border-radius:.5rem;"
    "padding:1.25rem;margin:0 0 1.25rem}\n"
    "label{display:block;font-weight:600;margin:.75rem 0 .25rem}\n"
    "input[type=text],input[type=password],input[type=file]{width:100%;font:inherit;"
    "padding:.55rem .6rem;border:1px solid var(--line);border-radius:.3rem;background:var(--card);"
    "color:var(--ink)}\n"
    "button,a.button{display:inline-block;font:inherit;font-weight:600;padding:.55rem 1.1rem;"
    "min-height:2.75rem;border:1px solid var(--main);border-radius:.3rem;background:var(--main);"
    "color:var(--on);cursor:pointer;margin:.9rem .5rem 0 0;text-decoration:none}\n"
    "button.quiet,a.button.quiet{background:var(--card);border-color:var(--link);color:var(--link)}\n"
    "td button{margin:0;padding:.25rem .7rem;min-height:0}\n"
    ":focus-visible{outline:3px solid var(--focus);outline-offset:2px}\n"
    "a{color:var(--link)}\n"
    "table{width:100%;border-collapse:collapse}\n"
    "th,td{text-align:left;padding:.4rem .5rem .4rem 0;border-bottom:1px solid var(--rule);"
    "vertical-align:top}\n"
    "th{white-space:nowrap}\n"
    "td:first-child{overflow-wrap:anywhere}\n"
    "td:last-child,th:last-child{text-align:right;padding-right:0}\n"
    "caption{text-align:left;color:var(--soft);padding:.25rem 0 .5rem}\n"
    "dl.facts{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem;margin:1rem 0 0}\n"
    "dl.facts dt{color:var(--soft)}dl.facts dd{margin:0;overflow-wrap:anywhere}\n"
    "p{margin:.5rem 0}\n"
    ".soft{color:var(--soft)}\n"
    ".error,.done{border-left:.35rem solid var(--bad);background:var(--badcard);padding:.6rem .8rem;"
    "margin:0 0 1rem}\n"
    ".done{border-color:var(--good);background:var(--goodcard)}\n"
    ".error ul,.done ul{margin:.25rem 0;padding:0 0 0 1.25rem}\n"
    ".error,.done{overflow-wrap:anywhere}\n"
    "code,.secret{font-family:ui-monospace,monospace;font-size:1.05rem;overflow-wrap:anywhere}\n"
    "ul.codes{list-style:none;padding:0;columns:2;margin:.75rem 0}\n"
    "svg.qr{width:14rem;height:14rem;max-width:100%;display:block;margin:.75rem 0;background:#fff}\n"
    "form.inline{display:inline}\n"
    /* folders: a big target in each row; on small screens a row is a block */
    "ol.trail{list-style:none;display:flex;flex-wrap:wrap;padding:0;margin:0}\n"
    "nav p{margin:0 0 .75rem}\n"
    "ol.trail li+li::before{content:\"/\";padding:0 .4rem;color:var(--soft)}\n"
    "ol.trail a,ol.trail span{display:inline-block;padding:.45rem 0;overflow-wrap:anywhere}\n"
    "table.files td:first-child a,table.files td:first-child span{display:block;padding:.45rem 0}\n"
    "a[rel=up]{display:inline-block;padding:.45rem 0;overflow-wrap:anywhere}\n"
    "table.files th a{display:inline-block;padding:.45rem 0}\n"
    "table.files td{vertical-align:middle}\n"
    "table.files .check{width:2.75rem}\n"
    "table.files .check label{display:flex;align-items:center;justify-content:center;margin:0;"
    "min-width:2.75rem;min-height:2.75rem;cursor:pointer}\n"
    "table.files .check input{width:1.25rem;height:1.25rem}\n"
    "table.files .num{text-align:right;white-space:nowrap;padding-left:.5rem}\n"
    ".hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);"
    "white-space:nowrap}\n"
    "@media(max-width:36rem){th{white-space:normal}th,td{font-size:.9rem;overflow-wrap:anywhere}"
    "table.files thead tr{display:flex;flex-wrap:wrap;gap:0 1.25rem}"
    "table.files th{border:0;padding:0}table.files td.name{font-size:1rem}table.files th.check{display:none}"
    "table.files tbody tr{display:grid;grid-template-columns:1fr auto;border-bottom:1px solid var(--rule);"
    "padding:.25rem 0}"
    "table.files td,table.files .num{border:0;padding:.1rem 0}"
    "table.files td.name{grid-column:1}table.files td.check{grid-column:2;grid-row:1/3}"
    "table.files td.meta{grid-column:1;color:var(--soft);text-align:left}}\n"
    "@media print{:root{--ink:#000;--soft:#333;--link:#000;--page:#fff;--card:#fff;--rule:#999;"
    "--badcard:#fff;--goodcard:#fff;--bad:#000;--good:#000}header{background:none;color:#000}"
    "button,a.button,a[rel=up],section.upload,table.files .check{display:none}"
    "section,.card{border:0;padding:0}}\n";

/* Changes when the sheet does, so that it may be cached for long. */
static const char *style_version(apr_pool_t *pool)
{
    apr_uint64_t hash = 14695981039346656037u;
    const char *c;

    for (c = STYLE; *c; c++) {
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    }
    return apr_psprintf(pool, "%016" APR_UINT64_T_HEX_FMT, hash);
}

int login_style(request_rec *r)
{
    apr_table_setn(r->headers_out, "Cache-Control", "public, max-age=604800");
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    ap_set_content_type(r, "text/css; charset=utf-8");
    ap_set_content_length(r, sizeof(STYLE) - 1);
    if (!r->header_only) {
        ap_rwrite(STYLE, sizeof(STYLE) - 1, r);
    }
    return OK;
}

/* ---- headers ---- */

static void set_headers(request_rec *r, const char *sources, int secret)
{
    apr_table_t *headers = r->err_headers_out; /* with errors, too */

    apr_table_setn(headers, "Content-Security-Policy",
                   apr_pstrcat(r->pool, "default-src 'none'; style-src 'self'; img-src 'self' data:; "
                               "form-action 'self'", sources, "; base-uri 'none'; "
                               "frame-ancestors 'none'", NULL));
    apr_table_setn(headers, "X-Frame-Options", "DENY");
    apr_table_setn(headers, "X-Content-Type-Options", "nosniff");
    apr_table_setn(headers, "X-Robots-Tag", "noindex, nofollow");
    /* Without a referrer browsers say no more where a form stood. */
    apr_table_setn(headers, "Referrer-Policy", secret ? "no-referrer" : "same-origin");
    apr_table_setn(headers, "Cache-Control", "no-store");
    /* How well a page can be compressed tells what is in it. */
    apr_table_setn(r->subprocess_env, "no-gzip", "1");
    apr_table_setn(r->subprocess_env, "no-brotli", "1");
}

/* ---- pages ---- */

static cloud_page_t *begin(request_rec *r, const char *title)
{
    cloud_page_t *page = apr_palloc(r->pool, sizeof(*page));

    page->r = r;
    page->html = cloud_html_create(r->pool);
    page->title = title;
    page->sources = "";
    page->secret = 0;
    return page;
}

cloud_page_t *login_page_piece(request_rec *r)
{
    return begin(r, "");
}

const char *login_page_html(const cloud_page_t *piece)
{
    return cloud_html_text(piece->html);
}

cloud_page_t *cloud_page_create(request_rec *r, const char *title)
{
    cloud_page_t *page = begin(r, title);

    cloud_html_put(page->html, "<h1>%s</h1>\n", title);
    return page;
}

void login_page_putv(cloud_page_t *page, const char *fmt, va_list ap)
{
    cloud_html_putv(page->html, fmt, ap);
}

void cloud_page_put(cloud_page_t *page, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    cloud_html_putv(page->html, fmt, ap);
    va_end(ap);
}

/* type: of the body, with a blank before it, or "". */
static void begin_form(cloud_page_t *page, const char *path, const char *type)
{
    const char *token = login_form_token(page->r);

    cloud_html_put(page->html,
                   "<form method=\"post\"%h action=\"%s\">\n"
                   "<input type=\"hidden\" name=\"requesttoken\" value=\"%s\">\n",
                   type, cloud_http_uri(page->r, path, "", page->r->pool), token ? token : "");
}

void login_put_problem(cloud_page_t *page, const char *problem)
{
    cloud_html_put(page->html, "<p class=\"error\" id=\"problem\" role=\"alert\">%s</p>\n", problem);
}

void cloud_page_upload_form(cloud_page_t *page, const char *path)
{
    begin_form(page, path, " enctype=\"multipart/form-data\"");
}

void cloud_page_secret(cloud_page_t *page)
{
    page->secret = 1;
}

static apr_array_header_t *onward; /* cloud_login_onward_fn *, of other modules */

void login_onward_reset(apr_pool_t *pconf)
{
    onward = apr_array_make(pconf, 2, sizeof(cloud_login_onward_fn *));
}

void cloud_login_register_onward(cloud_login_onward_fn *fn)
{
    APR_ARRAY_PUSH(onward, cloud_login_onward_fn *) = fn;
}

static void allow_onward(cloud_page_t *page, const char *target)
{
    int i;

    for (i = 0; i < onward->nelts; i++) {
        const char *source = APR_ARRAY_IDX(onward, i, cloud_login_onward_fn *)(page->r, target);

        if (source) {
            cloud_page_allow(page, source);
        }
    }
}

void login_page_form(cloud_page_t *page, const char *path, const char *target)
{
    begin_form(page, path, "");
    if (target) {
        cloud_html_put(page->html, "<input type=\"hidden\" name=\"redirect_url\" value=\"%s\">\n",
                       target);
        allow_onward(page, target);
    }
}

void cloud_page_form(cloud_page_t *page, const char *path)
{
    login_page_form(page, path, NULL);
}

void cloud_page_section_form(cloud_page_t *page, const char *section)
{
    login_page_form(page, ACCOUNT_PATH, NULL);
    cloud_html_put(page->html, "<input type=\"hidden\" name=\"section\" value=\"%s\">\n", section);
}

void cloud_page_allow(cloud_page_t *page, const char *source)
{
    page->sources = apr_pstrcat(page->r->pool, page->sources, " ", source, NULL);
}

static const char *whole(const cloud_page_t *page)
{
    request_rec *r = page->r;
    cloud_html_t *html = cloud_html_create(r->pool);

    cloud_html_put(html,
                   "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                   "<title>%s – %s</title>\n<link rel=\"icon\" href=\"data:,\">\n"
                   "<link rel=\"stylesheet\" href=\"%s?v=%s\">\n</head>\n<body>\n"
                   "<header>%s</header>\n<main>\n%h</main>\n</body>\n</html>\n",
                   page->title, ap_get_server_name(r), cloud_http_uri(r, STYLE_PATH, "", r->pool),
                   style_version(r->pool), ap_get_server_name(r), cloud_html_text(page->html));
    return cloud_html_text(html);
}

int cloud_page_send(cloud_page_t *page, int status)
{
    request_rec *r = page->r;
    const char *text = whole(page);

    login_known(r)->sent = 1;
    set_headers(r, page->sources, page->secret);
    r->status = status;
    ap_set_content_type(r, "text/html; charset=utf-8");
    ap_set_content_length(r, (apr_off_t)strlen(text));
    if (!r->header_only) {
        ap_rputs(text, r);
    }
    return OK;
}

static cloud_page_t *message(request_rec *r, const char *title, const char *text)
{
    cloud_page_t *page = cloud_page_create(r, title);

    cloud_page_put(page, "<div class=\"card\"><p>%s</p></div>\n", text);
    return page;
}

int cloud_page_message(request_rec *r, int status, const char *title, const char *text)
{
    return cloud_page_send(message(r, title, text), status);
}

static const char *title_of(int status)
{
    static const struct {
        int status;
        const char *title;
    } TITLES[] = {
        { HTTP_BAD_REQUEST, "This can't be understood" },
        { HTTP_UNAUTHORIZED, "Please sign in" },
        { HTTP_FORBIDDEN, "This is not allowed" },
        { HTTP_NOT_FOUND, "There is nothing here" },
        { HTTP_TOO_MANY_REQUESTS, "Please wait" },
        { HTTP_SERVICE_UNAVAILABLE, "Please come back later" },
    };
    apr_size_t i;

    for (i = 0; i < sizeof(TITLES) / sizeof(*TITLES); i++) {
        if (TITLES[i].status == status) {
            return TITLES[i].title;
        }
    }
    return "This did not work";
}

const char *cloud_login_error_body(request_rec *r, int status, cloud_code_t code, const char *msg,
                                   apr_bucket_brigade *bb)
{
    (void)code;
    if (login_known(r)->sent) {
        return NULL;
    }
    set_headers(r, "", 0);
    apr_brigade_puts(bb, NULL, NULL, whole(message(r, title_of(status), msg)));
    return "text/html; charset=utf-8";
}

/* ---- going elsewhere ---- */

const char *login_target(request_rec *r, const char *target)
{
    const char *local = cloud_local_target(target, cloud_http_base(r));

    return local ? local : cloud_http_uri(r, ACCOUNT_PATH, "", r->pool);
}

int login_see_other(request_rec *r, const char *target)
{
    apr_table_setn(r->headers_out, "Location", target);
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    return HTTP_SEE_OTHER;
}

int cloud_login_redirect(request_rec *r, const char *path)
{
    return login_see_other(r, apr_pstrcat(r->pool, cloud_http_base(r), path, NULL));
}

/* To a page that goes on to target (NULL: wherever it likes). */
static int to_page(request_rec *r, const char *path, const char *target)
{
    return login_see_other(r, apr_pstrcat(r->pool, cloud_http_uri(r, path, "", r->pool),
                                          target ? "?redirect_url=" : "",
                                          target ? cloud_uri_encode(target, 0, r->pool) : "",
                                          NULL));
}

int cloud_login_ask(request_rec *r)
{
    return to_page(r, LOGIN_PATH, r->method_number == M_GET ? r->unparsed_uri : r->uri);
}

int login_to_login(request_rec *r, const char *target)
{
    return to_page(r, LOGIN_PATH, target);
}

int login_to_challenge(request_rec *r, const char *target)
{
    return to_page(r, CHALLENGE_PATH, target);
}

int login_no_method(request_rec *r, int get)
{
    ap_allow_standard_methods(r, REPLACE_ALLOW, M_POST, M_OPTIONS, get ? M_GET : -1, -1);
    return cloud_http_no_method(r);
}

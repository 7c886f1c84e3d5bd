/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file section.c
 * On the page of an account: which applications it has authorized, and an end to that.
 */
#include "oauth2_http.h"

#define SECTION "oauth2"

static const char *date(apr_pool_t *pool, apr_time_t t)
{
    apr_time_exp_t e;

    apr_time_exp_gmt(&e, t);
    return apr_psprintf(pool, "%d-%02d-%02d %02d:%02d UTC", e.tm_year + 1900, e.tm_mon + 1, e.tm_mday,
                        e.tm_hour, e.tm_min);
}

static void put_row(cloud_page_t *page, const cloud_oauth_family_t *f, apr_pool_t *pool)
{
    cloud_page_put(page, "<tr><td>%s <span class=\"soft\">%s</span></td><td>%s</td><td>%s</td><td>",
                   f->client, f->agent, date(pool, f->created), date(pool, f->last_used));
    cloud_page_section_form(page, SECTION);
    cloud_page_put(page, "<input type=\"hidden\" name=\"family\" value=\"%s\">"
                   "<button class=\"quiet\" aria-label=\"End the access of %s, authorized %s\">End</button>"
                   "</form></td></tr>\n",
                   apr_psprintf(pool, "%" APR_INT64_T_FMT, f->id), f->client, date(pool, f->created));
}

static cloud_err_t *show(cloud_page_t *page, cloud_ctx_t *ctx, const cloud_account_t *account)
{
    apr_array_header_t *list;
    int i;

    CLOUD_ERR(cloud_oauth_family_list(&list, ctx, account, ctx->pool));
    if (!list->nelts) {
        cloud_page_put(page, "<p>No application has access by authorization.</p>\n");
        return NULL;
    }
    cloud_page_put(page, "<table>\n<thead><tr><th scope=\"col\">Application</th>"
                   "<th scope=\"col\">Authorized</th><th scope=\"col\">Last used</th>"
                   "<th scope=\"col\">End</th></tr></thead>\n<tbody>\n");
    for (i = 0; i < list->nelts; i++) {
        put_row(page, &APR_ARRAY_IDX(list, i, cloud_oauth_family_t), ctx->pool);
    }
    cloud_page_put(page, "</tbody>\n</table>\n");
    return NULL;
}

static cloud_err_t *act(request_rec *r, cloud_ctx_t *ctx, const cloud_account_t *account,
                        const cloud_params_t *form)
{
    apr_int64_t family;

    (void)r;
    CLOUD_ERR(cloud_param_int(&family, form, "family", 0, 1, APR_INT64_MAX));
    if (!family) {
        return cloud_err(ctx->pool, CLOUD_E_INVALID, NULL);
    }
    return cloud_oauth_family_revoke(ctx, account, family);
}

const cloud_login_section_t oauth_section = { SECTION, "Authorized applications", show, act };

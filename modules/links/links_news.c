/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What an upload came to, for the page that follows it. After one that went well the browser is sent to the
 * folder, so that a reload sends nothing again; the names go with the address, signed, so that no address can
 * be made up that has the page say something else. */
#include "links_http.h"

#include "names.h"

#define NAMES_BYTES 3000 /* encoded, of an address */

/* What is signed; no name has a line feed in it. */
static const char *text_of(const links_request_t *q, const char *path, apr_int64_t count,
                           const apr_array_header_t *names)
{
    apr_pool_t *pool = q->r->pool;

    return apr_psprintf(pool, "uploaded\n%s\n%" APR_INT64_T_FMT "\n%s", path, count,
                        apr_array_pstrcat(pool, names, '\n'));
}

cloud_err_t *links_news_query(const char **query, const links_request_t *q, const char *path,
                              const links_news_t *news)
{
    apr_int64_t until = apr_time_sec(apr_time_now()) + CLOUD_LINK_SIGNED_SECONDS;
    apr_array_header_t *names = apr_array_make(q->r->pool, 8, sizeof(const char *));
    apr_pool_t *pool = q->r->pool;
    char signature[CLOUD_LINK_SIGNATURE];
    cloud_link_signer_t *signer;
    const char *list = "", *text;
    int i;

    for (i = 0; i < news->done->nelts; i++) {
        const char *name = APR_ARRAY_IDX(news->done, i, const char *);
        const char *more = apr_pstrcat(pool, list, "&new[]=", cloud_uri_encode(name, 0, pool), NULL);

        if (strlen(more) > NAMES_BYTES) {
            break;
        }
        APR_ARRAY_PUSH(names, const char *) = name;
        list = more;
    }
    text = text_of(q, path, news->done->nelts, names);
    CLOUD_ERR(cloud_link_signer(&signer, q->ctx, q->link, pool));
    if (!cloud_link_sign(signature, signer, text, strlen(text), until)) {
        return cloud_err(pool, CLOUD_E_INTERNAL, "No signature");
    }
    *query = apr_psprintf(pool, "&uploaded=%d&until=%" APR_INT64_T_FMT "&signature=%s%s",
                          news->done->nelts, until, signature, list);
    return NULL;
}

cloud_err_t *links_news_read(links_news_t *news, const links_request_t *q)
{
    const char *signature = cloud_param(q->query, "signature");
    const apr_array_header_t *names = cloud_param_list(q->query, "new", q->r->pool);
    apr_int64_t count, until;
    cloud_link_signer_t *signer;

    if (!signature) {
        return NULL;
    }
    CLOUD_ERR(cloud_param_int(&count, q->query, "uploaded", 0, 0, APR_INT32_MAX));
    CLOUD_ERR(cloud_param_int(&until, q->query, "until", 0, 0, APR_INT64_MAX));
    CLOUD_ERR(cloud_link_signer(&signer, q->ctx, q->link, q->r->pool));
    if (cloud_link_signed(signer, text_of(q, q->path, count, names), until, signature,
                          apr_time_sec(apr_time_now()))) {
        news->done = names;
        news->count = count;
    }
    return NULL;
}

/* ---- on the page ---- */

static void put_done(cloud_page_t *page, const links_news_t *news, apr_pool_t *pool)
{
    apr_int64_t untold = news->count - news->done->nelts;
    int i;

    cloud_page_put(page, "<div class=\"done\" role=\"status\">\n<p>%s</p>\n<ul>\n",
                   news->count == 1 ? "One file was uploaded. Thank you."
                   : apr_psprintf(pool, "%" APR_INT64_T_FMT " files were uploaded. Thank you.",
                                  news->count));
    for (i = 0; i < news->done->nelts; i++) {
        cloud_page_put(page, "<li><bdi>%s</bdi></li>\n", APR_ARRAY_IDX(news->done, i, const char *));
    }
    if (untold > 0) {
        cloud_page_put(page, "<li>%s</li>\n", apr_psprintf(pool, "and %" APR_INT64_T_FMT " more",
                                                           untold));
    }
    cloud_page_put(page, "</ul>\n</div>\n");
}

void links_news_put(cloud_page_t *page, const links_news_t *news, apr_pool_t *pool)
{
    int i;

    if (news->count) {
        put_done(page, news, pool);
    }
    if (!news->failed || !news->failed->nelts) {
        return;
    }
    cloud_page_put(page, "<div class=\"error\" role=\"alert\">\n<ul>\n");
    for (i = 0; i < news->failed->nelts; i++) {
        const links_failed_t *f = &APR_ARRAY_IDX(news->failed, i, links_failed_t);

        cloud_page_put(page, "<li><bdi>%s</bdi> was not uploaded: %s</li>\n", f->name, f->why);
    }
    cloud_page_put(page, "</ul>\n</div>\n");
}

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* PROPPATCH: all or nothing. Each instruction is judged first; if one is refused, the others are
 * answered 424 and nothing happens, else all of them go to the verb at once. */
#include "dav_private.h"

#include <apr_date.h>

#include "props.h"
#include "reply.h"

APLOG_USE_MODULE(cloud_dav);

/* One property of a set or remove element. */
typedef struct {
    const cloud_xml_t *e;
    int remove;
    int status;             /* HTTP_OK, or why not */
    int number;             /* of its namespace prefix in the answer */
} change_t;

typedef struct {
    request_rec *r;
    cloud_ctx_t *ctx;
    const cloud_entry_t *entry;
    apr_array_header_t *changes;    /* of change_t */
    apr_array_header_t *props;      /* of cloud_prop_t: what the verb is told */
    int has_mtime, has_favorite, favorite;
    apr_int64_t mtime;
} patch_t;

/* ---- judging ---- */

static void store(patch_t *p, const change_t *c, const char *value)
{
    cloud_prop_t *prop = apr_array_push(p->props);

    prop->ns = c->e->ns;
    prop->name = c->e->name;
    prop->value = value;
    prop->lang = value ? c->e->lang : NULL;
}

static int judge_dead(patch_t *p, const change_t *c)
{
    store(p, c, c->remove ? NULL : cloud_xml_inner(c->e, p->r->pool));
    return HTTP_OK;
}

/* Unix seconds, as ownCloud has it; or a date as HTTP writes them. */
static int judge_lastmodified(patch_t *p, const change_t *c)
{
    const char *text = cloud_xml_text(c->e, p->r->pool);
    apr_time_t date;

    if (c->remove) return HTTP_FORBIDDEN;
    if (!cloud_dav_parse_mtime(&p->mtime, text)) {
        date = apr_date_parse_rfc(text);
        if (date == APR_DATE_BAD) return HTTP_CONFLICT;
        p->mtime = apr_time_sec(date);
    }
    p->has_mtime = 1;
    return HTTP_OK;
}

/* Checksums are what the content has. rclone sends the one it knows along with lastmodified, for
 * servers that forget it; saying it again is no change, saying another one is refused. Who may not read the
 * content does not learn from that which it is. */
static int judge_checksums(patch_t *p, const change_t *c)
{
    const cloud_xml_t *e = cloud_xml_child(c->e, CLOUD_NS_OC, "checksum");
    const char *text = cloud_xml_text(e ? e : c->e, p->r->pool);
    cloud_sums_t sums;
    unsigned types;

    if (cloud_access(p->ctx, p->entry, CLOUD_OP_READ)) return HTTP_FORBIDDEN;
    if (c->remove || cloud_sums_parse(&sums, &types, text, p->r->pool) || !types)
        return HTTP_FORBIDDEN;
    return cloud_sums_match(sums, p->entry->node.sums) == 1 ? HTTP_OK : HTTP_FORBIDDEN;
}

/* Of the account that asks. */
static int judge_favorite(patch_t *p, const change_t *c)
{
    const char *text = cloud_xml_text(c->e, p->r->pool);

    p->favorite = !c->remove && (strcmp(text, "1") == 0 || strcasecmp(text, "true") == 0);
    p->has_favorite = 1;
    return HTTP_OK;
}

static const struct {
    const char *ns, *name;
    int (*judge)(patch_t *p, const change_t *c);
} judges[] = {
    {CLOUD_NS_DAV, "lastmodified", judge_lastmodified},
    {CLOUD_NS_OC, "checksums", judge_checksums},
    {CLOUD_NS_OC, "favorite", judge_favorite},
};

static int judge(patch_t *p, const change_t *c)
{
    const cloud_dav_prop_t *prop;

    for (apr_size_t i = 0; i < sizeof(judges) / sizeof(judges[0]); i++) {
        if (cloud_xml_is(c->e, judges[i].ns, judges[i].name)) return judges[i].judge(p, c);
    }
    prop = cloud_dav_prop_find(c->e->ns, c->e->name);
    if (prop && !(prop->flags & CLOUD_PROP_SETTABLE)) return HTTP_FORBIDDEN;
    return judge_dead(p, c);
}

/* ---- the request ---- */

static void add_changes(patch_t *p, const cloud_xml_t *instruction, int remove)
{
    const cloud_xml_t *prop, *e;

    for (prop = cloud_xml_first(instruction); prop; prop = cloud_xml_next(prop)) {
        if (!cloud_xml_is(prop, CLOUD_NS_DAV, "prop")) continue;
        for (e = cloud_xml_first(prop); e; e = cloud_xml_next(e)) {
            change_t *c = apr_array_push(p->changes);

            c->e = e;
            c->remove = remove;
            c->number = p->changes->nelts;
        }
    }
}

static cloud_err_t *parse(patch_t *p, const cloud_xml_t *root)
{
    const cloud_xml_t *e;

    if (!cloud_xml_is(root, CLOUD_NS_DAV, "propertyupdate"))
        return cloud_err(p->r->pool, CLOUD_E_INVALID,
                         "The request body is not a DAV:propertyupdate");
    for (e = cloud_xml_first(root); e; e = cloud_xml_next(e)) {
        if (cloud_xml_is(e, CLOUD_NS_DAV, "set")) add_changes(p, e, 0);
        else if (cloud_xml_is(e, CLOUD_NS_DAV, "remove")) add_changes(p, e, 1);
    }
    if (!p->changes->nelts)
        return cloud_err(p->r->pool, CLOUD_E_INVALID, "DAV:propertyupdate has nothing to do");
    return NULL;
}

/* 1 when all may be done. */
static int judge_all(patch_t *p)
{
    int ok = 1;

    for (int i = 0; i < p->changes->nelts; i++) {
        change_t *c = &APR_ARRAY_IDX(p->changes, i, change_t);

        c->status = judge(p, c);
        ok &= c->status == HTTP_OK;
    }
    for (int i = 0; !ok && i < p->changes->nelts; i++) {
        change_t *c = &APR_ARRAY_IDX(p->changes, i, change_t);

        if (c->status == HTTP_OK) c->status = HTTP_FAILED_DEPENDENCY;
    }
    return ok;
}

/* ---- the answer ---- */

/* A property named twice is answered once. */
static int is_repeated(const patch_t *p, int i)
{
    const cloud_xml_t *e = APR_ARRAY_IDX(p->changes, i, change_t).e;

    for (int k = 0; k < i; k++) {
        if (cloud_xml_is(APR_ARRAY_IDX(p->changes, k, change_t).e, e->ns, e->name)) return 1;
    }
    return 0;
}

static void write_propstat(cloud_out_t *out, const patch_t *p, int status)
{
    int n = 0;

    for (int i = 0; i < p->changes->nelts; i++) {
        const change_t *c = &APR_ARRAY_IDX(p->changes, i, change_t);

        if (c->status != status || is_repeated(p, i)) continue;
        if (!n++) cloud_out_lit(out, CLOUD_OUT_PROPSTAT);
        cloud_out_tag(out, 'e', c->e->ns, c->e->name, c->number);
    }
    if (!n) return;
    cloud_out_lit(out, "</d:prop><d:status>HTTP/1.1 ");
    cloud_out_str(out, ap_get_status_line(status));
    cloud_out_lit(out, CLOUD_OUT_PROPSTAT_END);
}

static int answer(patch_t *p, const cloud_dav_target_t *t)
{
    static const int statuses[] = {HTTP_OK, HTTP_FORBIDDEN, HTTP_CONFLICT,
                                   HTTP_FAILED_DEPENDENCY};
    cloud_reply_t *reply = cloud_reply_begin(p->r, 0);
    cloud_out_t *out = cloud_reply_out(reply);

    cloud_out_begin(out);
    cloud_out_lit(out, "<d:response><d:href>");
    cloud_out_str(out, cloud_dav_self_href(t, CLOUD_IS_DIR(&p->entry->node), p->r->pool));
    cloud_out_lit(out, "</d:href>");
    for (apr_size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        write_propstat(out, p, statuses[i]);
    cloud_out_lit(out, "</d:response>");
    cloud_out_end(out);
    return cloud_reply_end(reply, NULL);
}

static cloud_err_t *patch(int *done, patch_t *p, const cloud_dav_target_t *t)
{
    apr_pool_t *pool = p->r->pool;
    cloud_ctx_t *ctx = p->ctx;
    cloud_entry_t *entry;
    cloud_patch_t what;
    cloud_result_t res;
    cloud_cond_t cond;
    cloud_xml_t *root;

    *done = 0;
    CLOUD_ERR(cloud_dav_xml_body(&root, p->r));
    CLOUD_ERR(parse(p, root));
    if (t->kind != CLOUD_DAV_FILES) return cloud_err(pool, CLOUD_E_NOT_ALLOWED, NULL);
    CLOUD_ERR(cloud_file_stat(&entry, ctx, t->account, t->path, pool));
    p->entry = entry;
    CLOUD_ERR(cloud_dav_conditions(&cond, p->r, ctx, t));
    if (!judge_all(p)) return NULL;
    what.props = p->props;
    what.mtime = p->has_mtime ? &p->mtime : NULL;
    what.favorite = p->has_favorite ? &p->favorite : NULL;
    CLOUD_ERR(cloud_file_patch(&res, ctx, t->account, t->path, &what, &cond, pool));
    *done = 1;
    return NULL;
}

int cloud_dav_proppatch(request_rec *r, cloud_ctx_t *ctx, cloud_dav_target_t *t)
{
    patch_t p = {.r = r, .ctx = ctx};
    cloud_err_t *err;
    int done;

    p.changes = apr_array_make(r->pool, 4, sizeof(change_t));
    p.props = apr_array_make(r->pool, 4, sizeof(cloud_prop_t));
    err = patch(&done, &p, t);
    if (err) return cloud_dav_error(r, err);
    if (done && cloud_reply_minimal(r)) return cloud_dav_done(r, HTTP_NO_CONTENT);
    return answer(&p, t);
}

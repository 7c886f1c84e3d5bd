/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* A request for properties, compiled once: for each one the row of the table and its tags as text,
 * so that writing a resource is a walk over an array. */
#include "props.h"

/* More than any client asks for; each costs something in each row. */
#define MAX_ITEMS 500

typedef enum { ASK_PROPS, ASK_ALL, ASK_NAMES } ask_t;

typedef struct {
    const char *text;
    apr_size_t len;
} text_t;

typedef struct {
    const cloud_dav_prop_t *prop;   /* NULL: can only be a dead one */
    const char *ns, *name;
    text_t open, close, empty;      /* <d:x>, </d:x>, <d:x/> */
    int settable;                   /* a dead property of that name counts */
    int named;                      /* asked for by name: 404 when it is not there */
} item_t;

/* The second propstat is the same text for nearly all files, and another one for all folders. */
typedef struct {
    apr_uint64_t missing;           /* bit i: item i */
    text_t text;
} missing_t;

struct cloud_propreq_t {
    apr_pool_t *pool;
    ask_t ask;
    int minimal;                    /* no word about what is not there */
    unsigned need;
    item_t *items;
    int n;
    missing_t cache[2];
    unsigned char *absent;          /* of the current row, by item */
};

/* ---- tags ---- */

static const char *known_prefix(const char *ns)
{
    if (strcmp(ns, CLOUD_NS_DAV) == 0) return "d";
    if (strcmp(ns, CLOUD_NS_OC) == 0) return "oc";
    if (strcmp(ns, "http://sabredav.org/ns") == 0) return "s";
    return NULL;
}

void cloud_out_tag(cloud_out_t *out, char style, const char *ns, const char *name, int number)
{
    const char *prefix = known_prefix(ns);

    cloud_out_str(out, style == '/' ? "</" : "<");
    if (prefix) cloud_out_str(out, prefix);
    else if (*ns) {
        cloud_out_lit(out, "x");
        cloud_out_int(out, number);
    }
    if (*ns) cloud_out_lit(out, ":");
    cloud_out_str(out, name);
    if (style != '/' && !prefix) {
        cloud_out_lit(out, " xmlns");
        if (*ns) {
            cloud_out_lit(out, ":x");
            cloud_out_int(out, number);
        }
        cloud_out_lit(out, "=\"");
        cloud_out_xml(out, ns, strlen(ns));
        cloud_out_lit(out, "\"");
    }
    if (style == '/') cloud_out_lit(out, ">");
    if (style == 'e') cloud_out_lit(out, "/>");
}

/* ---- compiling ---- */

static text_t take_text(cloud_out_t *out, apr_pool_t *pool)
{
    text_t t;

    t.len = (apr_size_t)(out->cur - out->mark);
    t.text = apr_pstrmemdup(pool, out->mark, t.len);
    cloud_out_undo(out);
    return t;
}

static apr_status_t no_flush(void *baton, const char *data, apr_size_t len)
{
    (void)baton, (void)data, (void)len;
    return APR_SUCCESS;
}

static void make_tags(item_t *item, int number, cloud_out_t *out, apr_pool_t *pool)
{
    cloud_out_mark(out);
    cloud_out_tag(out, '<', item->ns, item->name, number);
    cloud_out_lit(out, ">");
    item->open = take_text(out, pool);
    cloud_out_mark(out);
    cloud_out_tag(out, '/', item->ns, item->name, number);
    item->close = take_text(out, pool);
    cloud_out_mark(out);
    cloud_out_tag(out, 'e', item->ns, item->name, number);
    item->empty = take_text(out, pool);
}

static int has_item(const cloud_propreq_t *req, const char *ns, const char *name)
{
    for (int i = 0; i < req->n; i++) {
        if (strcmp(req->items[i].name, name) == 0 && strcmp(req->items[i].ns, ns) == 0) return 1;
    }
    return 0;
}

static void add_item(cloud_propreq_t *req, const cloud_dav_prop_t *prop, const char *ns,
                     const char *name, int named)
{
    item_t *item = &req->items[req->n++];

    item->prop = prop;
    item->ns = ns;
    item->name = name;
    item->named = named;
    item->settable = !prop || (prop->flags & CLOUD_PROP_SETTABLE);
    req->need |= prop ? prop->need : CLOUD_NEED_DEAD;
}

static cloud_err_t *add_elements(cloud_propreq_t *req, const cloud_xml_t *list, int size)
{
    const cloud_xml_t *e;

    for (e = cloud_xml_first(list); e; e = cloud_xml_next(e)) {
        if (has_item(req, e->ns, e->name)) continue; /* asked twice, answered once */
        if (req->n == size)
            return cloud_err(req->pool, CLOUD_E_TOO_LARGE, "Too many properties");
        add_item(req, cloud_dav_prop_find(e->ns, e->name), e->ns, e->name, 1);
    }
    return NULL;
}

static int count_elements(const cloud_xml_t *list)
{
    const cloud_xml_t *e;
    int n = 0;

    for (e = cloud_xml_first(list); e && n < MAX_ITEMS; e = cloud_xml_next(e)) n++;
    return n;
}

static int count_table(void)
{
    const cloud_dav_prop_t *prop = NULL;
    int n = 0;

    while ((prop = cloud_dav_prop_next(prop))) n++;
    return n;
}

static cloud_err_t *compile(cloud_propreq_t **req_p, ask_t ask, const cloud_xml_t *list,
                            int minimal, apr_pool_t *pool)
{
    cloud_propreq_t *req = apr_pcalloc(pool, sizeof(*req));
    int size = count_elements(list) + (ask == ASK_PROPS ? 0 : count_table());
    const cloud_dav_prop_t *prop = NULL;
    apr_pool_t *scratch;
    cloud_out_t *out;

    req->pool = pool;
    req->ask = ask;
    req->minimal = minimal;
    req->items = apr_pcalloc(pool, (apr_size_t)(size + 1) * sizeof(*req->items));
    if (ask != ASK_PROPS) {
        req->need |= CLOUD_NEED_DEAD;
        while ((prop = cloud_dav_prop_next(prop))) {
            if (prop->write && (ask == ASK_NAMES || prop->flags & CLOUD_PROP_ALL))
                add_item(req, prop, prop->ns, prop->name, 0);
        }
    }
    CLOUD_ERR(add_elements(req, list, size));
    req->absent = apr_pcalloc(pool, (apr_size_t)req->n + 1);

    apr_pool_create(&scratch, pool);
    out = cloud_out_create(no_flush, NULL, scratch);
    for (int i = 0; i < req->n; i++) make_tags(&req->items[i], i + 1, out, pool);
    apr_pool_destroy(scratch);
    *req_p = req;
    return NULL;
}

cloud_err_t *cloud_propreq_parse(cloud_propreq_t **req, const cloud_xml_t *propfind, int minimal,
                                 apr_pool_t *pool)
{
    const cloud_xml_t *e;

    if (!propfind) return compile(req, ASK_ALL, NULL, minimal, pool);
    if (!cloud_xml_is(propfind, CLOUD_NS_DAV, "propfind"))
        return cloud_err(pool, CLOUD_E_INVALID, "The request body is not a DAV:propfind");
    if ((e = cloud_xml_child(propfind, CLOUD_NS_DAV, "prop")))
        return compile(req, ASK_PROPS, e, minimal, pool);
    if (cloud_xml_child(propfind, CLOUD_NS_DAV, "propname"))
        return compile(req, ASK_NAMES, NULL, minimal, pool);
    if (cloud_xml_child(propfind, CLOUD_NS_DAV, "allprop"))
        return compile(req, ASK_ALL, cloud_xml_child(propfind, CLOUD_NS_DAV, "include"), minimal,
                       pool);
    return cloud_err(pool, CLOUD_E_INVALID, "DAV:propfind does not say which properties");
}

cloud_err_t *cloud_propreq_prop(cloud_propreq_t **req, const cloud_xml_t *prop, int minimal,
                                apr_pool_t *pool)
{
    return compile(req, prop ? ASK_PROPS : ASK_ALL, prop, minimal, pool);
}

unsigned cloud_propreq_need(const cloud_propreq_t *req)
{
    return req->need;
}

/* ---- writing ---- */

static inline void put(cloud_out_t *out, text_t t)
{
    cloud_out_mem(out, t.text, t.len);
}

static const cloud_prop_t *find_dead(const cloud_dav_row_t *row, const char *ns, const char *name)
{
    for (int i = 0; i < row->dead_len; i++) {
        if (strcmp(row->dead[i].name, name) == 0 && strcmp(row->dead[i].ns, ns) == 0)
            return &row->dead[i];
    }
    return NULL;
}

/* A dead property: open is its start tag without the '>'. */
static void put_dead(cloud_out_t *out, const cloud_prop_t *dead, text_t open, text_t close)
{
    put(out, open);
    if (dead->lang) {
        cloud_out_lit(out, " xml:lang=\"");
        cloud_out_xml(out, dead->lang, strlen(dead->lang));
        cloud_out_lit(out, "\"");
    }
    if (!*dead->value) {
        cloud_out_lit(out, "/>");
        return;
    }
    cloud_out_lit(out, ">");
    cloud_out_str(out, dead->value);
    put(out, close);
}

static int is_shown(const cloud_dav_prop_t *prop, const cloud_dav_row_t *row,
                    const cloud_dav_view_t *view)
{
    unsigned root = row->flags & CLOUD_ROW_ROOT;

    if (!view->link && !view->unseen) return 1;
    return prop->flags & (root || view->unseen ? CLOUD_PROP_LINK_ROOT : CLOUD_PROP_LINK);
}

/* Writes one property with its element. 0 when the row has none. The row is marked: what is taken
 * back is known by its distance from the mark. */
static inline int put_item(cloud_out_t *out, const cloud_propreq_t *req, const item_t *item,
                           cloud_dav_view_t *view, const cloud_dav_row_t *row)
{
    apr_size_t at = (apr_size_t)(out->cur - out->mark);
    const cloud_prop_t *dead;
    cloud_prop_state_t state;

    if (row->dead_len && item->settable && (dead = find_dead(row, item->ns, item->name))) {
        text_t open = {item->open.text, item->open.len - 1};

        if (req->ask == ASK_NAMES) put(out, item->empty);
        else put_dead(out, dead, open, item->close);
        return 1;
    }
    if (!item->prop || !item->prop->write || !is_shown(item->prop, row, view)) return 0;
    put(out, item->open);
    state = item->prop->write(out, row, view);
    if (state == CLOUD_PROP_VALUE && req->ask != ASK_NAMES) {
        put(out, item->close);
        return 1;
    }
    out->cur = out->mark + at;
    if (state == CLOUD_PROP_ABSENT) return 0;
    put(out, item->empty);
    return 1;
}

/* allprop and propname: dead properties that no item stands for. */
static int put_other_dead(cloud_out_t *out, const cloud_propreq_t *req, const cloud_dav_row_t *row)
{
    int n = 0;

    for (int i = 0; i < row->dead_len; i++) {
        const cloud_prop_t *dead = &row->dead[i];
        text_t none = {"", 0};

        if (has_item(req, dead->ns, dead->name)) continue;
        n++;
        if (req->ask == ASK_NAMES) {
            cloud_out_tag(out, 'e', dead->ns, dead->name, req->n + n);
            continue;
        }
        cloud_out_tag(out, '<', dead->ns, dead->name, req->n + n);
        put_dead(out, dead, none, none);
        if (*dead->value) cloud_out_tag(out, '/', dead->ns, dead->name, req->n + n);
    }
    return n;
}

static void put_missing_tags(cloud_out_t *out, const cloud_propreq_t *req)
{
    cloud_out_lit(out, CLOUD_OUT_PROPSTAT);
    for (int i = 0; i < req->n; i++) {
        if (req->absent[i]) put(out, req->items[i].empty);
    }
    cloud_out_lit(out, CLOUD_OUT_STATUS_404);
}

/* missing: the bits of req->absent, when there are at most 64 items. Only two texts are kept: rows
 * that differ from both are rare, and memory shall not grow with the number of rows. */
static void put_missing(cloud_out_t *out, cloud_propreq_t *req, apr_uint64_t missing)
{
    missing_t *slot = NULL;
    apr_size_t at = (apr_size_t)(out->cur - out->mark);

    for (int i = 0; i < 2 && req->n <= 64; i++) {
        missing_t *c = &req->cache[i];

        if (c->text.len && c->missing == missing) {
            put(out, c->text);
            return;
        }
        if (!c->text.len && !slot) slot = c;
    }
    put_missing_tags(out, req);
    if (!slot) return;
    slot->missing = missing;
    slot->text.len = (apr_size_t)(out->cur - out->mark) - at;
    slot->text.text = apr_pstrmemdup(req->pool, out->mark + at, slot->text.len);
}

void cloud_propreq_row(cloud_out_t *out, cloud_propreq_t *req, cloud_dav_view_t *view,
                       const char *prefix, apr_size_t prefix_len, const cloud_dav_row_t *row)
{
    apr_uint64_t missing = 0;
    int found = 0, lost = 0;
    apr_size_t at;

    view->prefix = prefix;
    view->prefix_len = prefix_len;
    cloud_out_mark(out); /* a row stays in the buffer until it is complete */
    cloud_out_lit(out, "<d:response><d:href>");
    cloud_out_mem(out, prefix, prefix_len);
    if (row->name_len) {
        cloud_out_uri(out, row->name, row->name_len);
        if (row->flags & CLOUD_ROW_DIR) cloud_out_lit(out, "/");
    }
    cloud_out_lit(out, "</d:href>");
    at = (apr_size_t)(out->cur - out->mark);
    cloud_out_lit(out, CLOUD_OUT_PROPSTAT);
    for (int i = 0; i < req->n; i++) {
        const item_t *item = &req->items[i];
        int has = put_item(out, req, item, view, row), gone = !has && item->named;

        req->absent[i] = (unsigned char)gone;
        missing |= (apr_uint64_t)gone << (i & 63);
        found += has;
        lost += gone;
    }
    if (req->ask != ASK_PROPS) found += put_other_dead(out, req, row);
    if (req->minimal) lost = 0;
    if (found || !lost) cloud_out_lit(out, CLOUD_OUT_STATUS_200);
    else out->cur = out->mark + at; /* nothing but 404 */
    if (lost) put_missing(out, req, missing);
    cloud_out_lit(out, "</d:response>");
    cloud_out_keep(out);
}

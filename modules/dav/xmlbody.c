/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Request bodies: expat events -> a tree with limits, and back to text for dead properties. */
#include "xmlbody.h"

#include <expat.h>
#include <string.h>

/* Separates namespace, name and prefix in what expat reports. No document can contain it. */
#define SEP '\x01'

/* Attributes of one element; put_rest() recurses over them. */
#define MAX_ATTRS 64

const cloud_xml_limits_t cloud_xml_limits = {.depth = 64, .nodes = 20000, .namespaces = 500};

struct cloud_xml_parser_t {
    apr_pool_t *pool;
    XML_Parser expat;
    const cloud_xml_limits_t *limits;
    cloud_xml_t *root, *open;   /* open: innermost element that is not closed yet */
    int depth, nodes, namespaces, fed;
    char *text;                 /* text collected since the last tag */
    apr_size_t text_len, text_size;
    cloud_err_t *err;
};

/* ---- building the tree ---- */

static void fail(cloud_xml_parser_t *p, cloud_err_t *err)
{
    if (!p->err) p->err = err;
    XML_StopParser(p->expat, XML_FALSE);
}

static void append(cloud_xml_parser_t *p, cloud_xml_t *node)
{
    cloud_xml_t *parent = p->open;

    node->parent = parent;
    if (!parent) {
        p->root = node;
        return;
    }
    if (parent->last) parent->last->next = node;
    else parent->first = node;
    parent->last = node;
}

/* Expat reports text in pieces; here they become one node. */
static void flush_text(cloud_xml_parser_t *p)
{
    cloud_xml_t *node;

    if (!p->text_len) return;
    node = apr_pcalloc(p->pool, sizeof(*node));
    node->text = apr_pstrmemdup(p->pool, p->text, p->text_len);
    p->text_len = 0;
    append(p, node);
}

/* "ns SEP name SEP prefix", "ns SEP name" or "name" -> its parts. */
static void split_name(const char **ns, const char **name, const char **prefix, const char *raw,
                       apr_pool_t *pool)
{
    const char *sep = strchr(raw, SEP), *sep2;

    *ns = *prefix = "";
    if (!sep) {
        *name = apr_pstrdup(pool, raw);
        return;
    }
    *ns = apr_pstrmemdup(pool, raw, (apr_size_t)(sep - raw));
    sep2 = strchr(++sep, SEP);
    if (!sep2) {
        *name = apr_pstrdup(pool, sep);
        return;
    }
    *name = apr_pstrmemdup(pool, sep, (apr_size_t)(sep2 - sep));
    *prefix = apr_pstrdup(pool, sep2 + 1);
}

static int count_node(cloud_xml_parser_t *p)
{
    if (++p->nodes <= p->limits->nodes) return 1;
    fail(p, cloud_err(p->pool, CLOUD_E_TOO_LARGE, "The XML body has too many elements"));
    return 0;
}

static void XMLCALL on_start(void *baton, const XML_Char *raw, const XML_Char **atts)
{
    cloud_xml_parser_t *p = baton;
    cloud_xml_attr_t **tail;
    cloud_xml_t *e;

    if (p->err) return;
    flush_text(p);
    if (!count_node(p)) return;
    if (XML_GetSpecifiedAttributeCount(p->expat) > 2 * MAX_ATTRS) {
        fail(p, cloud_err(p->pool, CLOUD_E_TOO_LARGE, "An element has too many attributes"));
        return;
    }
    if (++p->depth > p->limits->depth) {
        fail(p, cloud_err(p->pool, CLOUD_E_TOO_LARGE, "The XML body is nested too deeply"));
        return;
    }
    e = apr_pcalloc(p->pool, sizeof(*e));
    split_name(&e->ns, &e->name, &e->prefix, raw, p->pool);
    e->lang = p->open ? p->open->lang : NULL;
    tail = &e->attrs;
    for (; *atts; atts += 2) {
        cloud_xml_attr_t *a;

        if (!count_node(p)) return;
        a = apr_pcalloc(p->pool, sizeof(*a));
        split_name(&a->ns, &a->name, &a->prefix, atts[0], p->pool);
        a->value = apr_pstrdup(p->pool, atts[1]);
        if (strcmp(a->ns, CLOUD_NS_XML) == 0 && strcmp(a->name, "lang") == 0)
            e->lang = *a->value ? a->value : NULL;
        *tail = a;
        tail = &a->next;
    }
    append(p, e);
    p->open = e;
}

static void XMLCALL on_end(void *baton, const XML_Char *raw)
{
    cloud_xml_parser_t *p = baton;

    (void)raw;
    if (p->err) return;
    flush_text(p);
    p->open = p->open->parent;
    p->depth--;
}

static void XMLCALL on_text(void *baton, const XML_Char *data, int len)
{
    cloud_xml_parser_t *p = baton;

    if (p->err || !p->open) return;
    if (p->text_len + (apr_size_t)len > p->text_size) {
        apr_size_t size = (p->text_len + (apr_size_t)len) * 2 + 256;
        char *text = apr_palloc(p->pool, size);

        if (p->text_len) memcpy(text, p->text, p->text_len);
        p->text = text;
        p->text_size = size;
    }
    memcpy(p->text + p->text_len, data, (apr_size_t)len);
    p->text_len += (apr_size_t)len;
}

static void XMLCALL on_doctype(void *baton, const XML_Char *name, const XML_Char *sysid,
                               const XML_Char *pubid, int internal)
{
    cloud_xml_parser_t *p = baton;

    (void)name, (void)sysid, (void)pubid, (void)internal;
    fail(p, cloud_err(p->pool, CLOUD_E_INVALID, "Document types are not accepted"));
}

/* apr_xml, which mod_dav reads with, compares each with all before it. */
static void XMLCALL on_namespace(void *baton, const XML_Char *prefix, const XML_Char *uri)
{
    cloud_xml_parser_t *p = baton;

    (void)prefix, (void)uri;
    if (++p->namespaces > p->limits->namespaces)
        fail(p, cloud_err(p->pool, CLOUD_E_TOO_LARGE, "The XML body has too many namespaces"));
}

static apr_status_t free_expat(void *baton)
{
    XML_ParserFree(baton);
    return APR_SUCCESS;
}

cloud_xml_parser_t *cloud_xml_parser_create(const cloud_xml_limits_t *limits, apr_pool_t *pool)
{
    cloud_xml_parser_t *p = apr_pcalloc(pool, sizeof(*p));

    p->pool = pool;
    p->limits = limits ? limits : &cloud_xml_limits;
    p->expat = XML_ParserCreateNS(NULL, SEP);
    if (!p->expat) {
        p->err = cloud_err(pool, CLOUD_E_INTERNAL, NULL);
        return p;
    }
    apr_pool_cleanup_register(pool, p->expat, free_expat, apr_pool_cleanup_null);
    XML_SetUserData(p->expat, p);
    XML_SetReturnNSTriplet(p->expat, 1);
    XML_SetElementHandler(p->expat, on_start, on_end);
    XML_SetCharacterDataHandler(p->expat, on_text);
    XML_SetStartDoctypeDeclHandler(p->expat, on_doctype);
    XML_SetStartNamespaceDeclHandler(p->expat, on_namespace);
    return p;
}

static cloud_err_t *parse(cloud_xml_parser_t *p, const char *data, apr_size_t len, int final)
{
    if (p->err) return p->err;
    if (XML_Parse(p->expat, data, (int)len, final) == XML_STATUS_OK) return p->err;
    if (!p->err)
        p->err = cloud_err(p->pool, CLOUD_E_INVALID, "%s on line %lu, column %lu",
                           XML_ErrorString(XML_GetErrorCode(p->expat)),
                           (unsigned long)XML_GetCurrentLineNumber(p->expat),
                           (unsigned long)XML_GetCurrentColumnNumber(p->expat) + 1);
    return p->err;
}

static int is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

cloud_err_t *cloud_xml_feed(cloud_xml_parser_t *p, const char *data, apr_size_t len)
{
    /* White space before the declaration is an error to XML, and no reason to refuse a body. */
    while (!p->fed && len && is_space(*data)) {
        data++;
        len--;
    }
    while (len) {
        apr_size_t n = len < (1u << 20) ? len : (1u << 20);

        p->fed = 1;
        CLOUD_ERR(parse(p, data, n, 0));
        data += n;
        len -= n;
    }
    return NULL;
}

cloud_err_t *cloud_xml_finish(cloud_xml_t **root, cloud_xml_parser_t *p)
{
    *root = NULL;
    if (!p->fed) return p->err;
    CLOUD_ERR(parse(p, "", 0, 1));
    *root = p->root;
    return NULL;
}

/* ---- looking at it ---- */

int cloud_xml_is(const cloud_xml_t *e, const char *ns, const char *name)
{
    return e && e->name && strcmp(e->name, name) == 0 && strcmp(e->ns, ns) == 0;
}

static const cloud_xml_t *skip_text(const cloud_xml_t *e)
{
    while (e && !e->name) e = e->next;
    return e;
}

const cloud_xml_t *cloud_xml_first(const cloud_xml_t *e)
{
    return e ? skip_text(e->first) : NULL;
}

const cloud_xml_t *cloud_xml_next(const cloud_xml_t *e)
{
    return skip_text(e->next);
}

const cloud_xml_t *cloud_xml_child(const cloud_xml_t *e, const char *ns, const char *name)
{
    const cloud_xml_t *c = cloud_xml_first(e);

    while (c && !cloud_xml_is(c, ns, name)) c = cloud_xml_next(c);
    return c;
}

/* ---- back to text: two passes, the first only counts ---- */

typedef struct scope_t {        /* a namespace declared in what was written so far */
    const char *prefix, *ns;
    const struct scope_t *up;
} scope_t;

typedef struct {
    char *to;                   /* NULL: count only */
    apr_size_t len;
} sink_t;

static void put(sink_t *s, const char *data, apr_size_t len)
{
    if (s->to) memcpy(s->to + s->len, data, len);
    s->len += len;
}

static void puts_raw(sink_t *s, const char *text)
{
    put(s, text, strlen(text));
}

static const char *entity(char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    default: return NULL;
    }
}

static void puts_escaped(sink_t *s, const char *text, int in_attr)
{
    for (; *text; text++) {
        const char *e = *text == '"' && !in_attr ? NULL : entity(*text);

        if (e) puts_raw(s, e);
        else if (*text == '\r') puts_raw(s, "&#13;");
        else if (in_attr && *text == '\n') puts_raw(s, "&#10;");
        else if (in_attr && *text == '\t') puts_raw(s, "&#9;");
        else put(s, text, 1);
    }
}

static const char *scope_find(const scope_t *scope, const char *prefix)
{
    if (strcmp(prefix, "xml") == 0) return CLOUD_NS_XML;
    for (; scope; scope = scope->up) {
        if (strcmp(scope->prefix, prefix) == 0) return scope->ns;
    }
    return *prefix ? NULL : ""; /* without a declaration the default namespace is none */
}

/* Declares prefix for ns unless that holds already. slot: memory for the new scope. */
static const scope_t *declare(sink_t *s, const scope_t *scope, scope_t *slot, const char *prefix,
                              const char *ns)
{
    const char *now = scope_find(scope, prefix);

    if (now && strcmp(now, ns) == 0) return scope;
    puts_raw(s, *prefix ? " xmlns:" : " xmlns");
    puts_raw(s, prefix);
    puts_raw(s, "=\"");
    puts_escaped(s, ns, 1);
    put(s, "\"", 1);
    slot->prefix = prefix;
    slot->ns = ns;
    slot->up = scope;
    return slot;
}

static void put_qname(sink_t *s, const char *prefix, const char *name)
{
    puts_raw(s, prefix);
    if (*prefix) put(s, ":", 1);
    puts_raw(s, name);
}

static void put_node(sink_t *s, const cloud_xml_t *e, const scope_t *scope);

/* What follows the tag's name: attributes from a on, content, end tag. A namespace that an
 * attribute declares has its scope on the stack; attributes and depth have limits, so this
 * recursion has one. */
static void put_rest(sink_t *s, const cloud_xml_t *e, const cloud_xml_attr_t *a,
                     const scope_t *scope)
{
    scope_t slot;

    for (; a; a = a->next) {
        if (!*a->ns) {
            put(s, " ", 1);
            puts_raw(s, a->name);
        }
        else {
            const scope_t *now = declare(s, scope, &slot, a->prefix, a->ns);

            put(s, " ", 1);
            put_qname(s, a->prefix, a->name);
            if (now != scope) {
                puts_raw(s, "=\"");
                puts_escaped(s, a->value, 1);
                put(s, "\"", 1);
                put_rest(s, e, a->next, now);
                return;
            }
        }
        puts_raw(s, "=\"");
        puts_escaped(s, a->value, 1);
        put(s, "\"", 1);
    }
    if (!e->first) {
        put(s, "/>", 2);
        return;
    }
    put(s, ">", 1);
    for (const cloud_xml_t *c = e->first; c; c = c->next) put_node(s, c, scope);
    put(s, "</", 2);
    put_qname(s, e->prefix, e->name);
    put(s, ">", 1);
}

static void put_node(sink_t *s, const cloud_xml_t *e, const scope_t *scope)
{
    scope_t slot;

    if (!e->name) {
        puts_escaped(s, e->text, 0);
        return;
    }
    put(s, "<", 1);
    put_qname(s, e->prefix, e->name);
    put_rest(s, e, e->attrs, declare(s, scope, &slot, e->prefix, e->ns));
}

const char *cloud_xml_inner(const cloud_xml_t *e, apr_pool_t *pool)
{
    sink_t sink = {NULL, 0};

    for (const cloud_xml_t *c = e->first; c; c = c->next) put_node(&sink, c, NULL);
    sink.to = apr_palloc(pool, sink.len + 1);
    sink.len = 0;
    for (const cloud_xml_t *c = e->first; c; c = c->next) put_node(&sink, c, NULL);
    sink.to[sink.len] = '\0';
    return sink.to;
}

const char *cloud_xml_text(const cloud_xml_t *e, apr_pool_t *pool)
{
    sink_t sink = {NULL, 0};
    char *start;

    if (!e) return "";
    for (const cloud_xml_t *c = e->first; c; c = c->next) {
        if (c->text) sink.len += strlen(c->text);
    }
    sink.to = start = apr_palloc(pool, sink.len + 1);
    sink.len = 0;
    for (const cloud_xml_t *c = e->first; c; c = c->next) {
        if (c->text) puts_raw(&sink, c->text);
    }
    while (sink.len && is_space(start[sink.len - 1])) sink.len--;
    start[sink.len] = '\0';
    while (is_space(*start)) start++;
    return start;
}

const char *cloud_xml_escape(const char *s, apr_pool_t *pool)
{
    sink_t sink = {NULL, 0};

    if (!s[strcspn(s, "&<>\"\r")]) return s;
    puts_escaped(&sink, s, 1);
    sink.to = apr_palloc(pool, sink.len + 1);
    sink.len = 0;
    puts_escaped(&sink, s, 1);
    sink.to[sink.len] = '\0';
    return sink.to;
}

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Locks as XML: for the answer to LOCK and for the property lockdiscovery. */
#include "lockxml.h"

#include "xmlbody.h"

const char cloud_dav_supportedlock[] =
    "<d:lockentry><d:lockscope><d:exclusive/></d:lockscope><d:locktype><d:write/></d:locktype>"
    "</d:lockentry><d:lockentry><d:lockscope><d:shared/></d:lockscope><d:locktype><d:write/>"
    "</d:locktype></d:lockentry>";

/* What who came by a link is not told: the token, and who has it. */
static const char *private_part(const cloud_lock_t *lock, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "<d:locktoken><d:href>", cloud_xml_escape(lock->token, pool),
                       "</d:href></d:locktoken>", lock->owner ? "<d:owner>" : "",
                       lock->owner ? lock->owner : "", lock->owner ? "</d:owner>" : "", NULL);
}

const char *cloud_dav_activelock(const cloud_lock_t *lock, const cloud_dav_target_t *t,
                                 apr_pool_t *pool)
{
    const char *path = lock->path ? lock->path : t->path;
    const char *root = cloud_dav_href(t, path, !*path, pool);
    apr_int64_t left = apr_time_sec(lock->expires - apr_time_now() + APR_USEC_PER_SEC - 1);
    const char *tail = t->view ? "" : private_part(lock, pool);

    return apr_psprintf(
        pool,
        "<d:activelock><d:lockscope><d:%s/></d:lockscope><d:locktype><d:write/></d:locktype>"
        "<d:lockroot><d:href>%s</d:href></d:lockroot><d:depth>%s</d:depth>"
        "<d:timeout>Second-%" APR_INT64_T_FMT "</d:timeout>"
        "%s</d:activelock>",
        lock->exclusive ? "exclusive" : "shared", cloud_xml_escape(root, pool),
        lock->infinite ? "infinity" : "0", left > 0 ? left : 0, tail);
}

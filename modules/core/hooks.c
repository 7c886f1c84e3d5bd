/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The registered features. Registration happens while the configuration is read, in one thread,
 * and outlives every pool of a configuration. */
#include "hooks.h"

#define FEATURES_MAX 32

static const cloud_feature_t *registered[FEATURES_MAX];
static apr_array_header_t list = { .elt_size = sizeof(cloud_feature_t *),
                                   .nalloc = FEATURES_MAX,
                                   .elts = (char *)registered };

void cloud_feature_register(const cloud_feature_t *feature)
{
    int i;

    for (i = 0; i < list.nelts; i++)
        if (registered[i] == feature) return;
    if (list.nelts < FEATURES_MAX) registered[list.nelts++] = feature;
}

void cloud_feature_unregister(const cloud_feature_t *feature)
{
    int i;

    for (i = 0; i < list.nelts && registered[i] != feature; i++) continue;
    if (i == list.nelts) return;
    for (list.nelts--; i < list.nelts; i++) registered[i] = registered[i + 1];
}

const apr_array_header_t *cloud_features(void)
{
    return &list;
}

cloud_err_t *cloud_secret_revoked(cloud_ctx_t *ctx, apr_int64_t account, const char *client)
{
    int i;

    for (i = 0; i < list.nelts; i++)
        if (registered[i]->secret_revoked)
            CLOUD_ERR(registered[i]->secret_revoked(ctx, account, client));
    return NULL;
}

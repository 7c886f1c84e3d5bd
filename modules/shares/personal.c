/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What people say of themselves: whether what they are given waits for their answer, and whether others find
 * them by a part of their name. At ownCloud's address and in its form. */
#include "private.h"

#include <http_request.h>

#include "form.h"
#include "json_answer.h"
#include "pref.h"

#define APP      "files_sharing"
#define BODY_MAX 4096

const cloud_endpoint_t cloud_shares_personal = {
    "/index.php/apps/files_sharing/personalsettings/setuserconfig", CLOUD_EP_EXACT,
    cloud_json_error_body
};

static int is_known(const char *key, const char *value)
{
    static const char *const known[] = { "auto_accept_share", "allow_share_dialog_user_enumeration" };
    size_t i;

    if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) return 0;
    for (i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(key, known[i])) return 1;
    return 0;
}

static cloud_err_t *read_params(cloud_params_t **params, request_rec *r)
{
    *params = cloud_params_create(r->pool);
    CLOUD_ERR(cloud_http_own_site(r));
    if (r->args) CLOUD_ERR(cloud_params_add(*params, r->args, strlen(r->args)));
    return cloud_form_read(*params, r, BODY_MAX);
}

/* Names of the server's own, with a line before them, are none of these. */
static cloud_err_t *set_all(json_t *accepted, json_t *rejected, cloud_ctx_t *ctx,
                            const cloud_params_t *params)
{
    const apr_array_header_t *names = cloud_param_names(params, ctx->pool);
    int i;

    for (i = 0; i < names->nelts; i++) {
        const char *key = APR_ARRAY_IDX(names, i, const char *), *value = cloud_param(params, key);

        if (*key == '_') continue;
        if (is_known(key, value)) {
            CLOUD_ERR(cloud_pref_set(ctx, ctx->who.account, APP, key, value));
            json_array_append_new(accepted, json_string(key));
        } else {
            json_array_append_new(rejected, json_string(key));
        }
    }
    return NULL;
}

static int set(request_rec *r, cloud_ctx_t *ctx)
{
    json_t *accepted = json_array(), *rejected = json_array();
    json_t *answer = json_pack("{s:o, s:o}", "accepted", accepted, "rejected", rejected);
    cloud_params_t *params;
    cloud_err_t *err = read_params(&params, r);

    if (!err) err = set_all(accepted, rejected, ctx, params);
    if (!err)
        return cloud_json_send(r, json_array_size(accepted) ? HTTP_OK : HTTP_BAD_REQUEST, answer);
    json_decref(answer);
    return cloud_http_error(r, err);
}

int cloud_shares_personal_serve(request_rec *r)
{
    cloud_ctx_t *ctx;
    cloud_err_t *err = cloud_http_ctx(&ctx, r);

    if (!err && !cloud_http_account(r)) err = cloud_err(r->pool, CLOUD_E_UNAUTHORIZED, NULL);
    if (err) return cloud_http_error(r, err);
    if (r->method_number == M_POST) return set(r, ctx);
    ap_allow_standard_methods(r, REPLACE_ALLOW, M_POST, M_OPTIONS, -1);
    return cloud_http_no_method(r);
}

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file status.c
 * status.php: what a client asks first, without a login.
 */
#include "private.h"

#include "settings.h"

json_t *cloud_ocs_status_fields(int maintenance, int hide_version)
{
    /* No productversion: clients take that for another product. */
    return json_pack("{s:b, s:b, s:b, s:s, s:s, s:s, s:s, s:s}", "installed", 1,
                     "maintenance", maintenance, "needsDbUpgrade", 0,
                     "version", hide_version ? "" : CLOUD_OC_VERSION,
                     "versionstring", hide_version ? "" : CLOUD_OC_VERSION_STRING,
                     "edition", hide_version ? "" : "Community",
                     "productname", "ownCloud", "product", "ownCloud");
}

int cloud_ocs_status_php(request_rec *r)
{
    int maintenance, hide = 0;
    cloud_ctx_t *ctx;
    cloud_err_t *err;
    json_t *fields;
    char *text;

    if (r->method_number != M_GET) {
        ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, -1);
        return HTTP_METHOD_NOT_ALLOWED;
    }
    /* Always 200 and true to the setting: clients go on polling it while they wait. */
    err = cloud_http_ctx(&ctx, r);
    maintenance = cloud_err_is(err, CLOUD_E_MAINTENANCE);
    if (!err) {
        err = cloud_setting_bool(&hide, ctx, "system", "version.hide");
    }
    if (err && !maintenance) {
        cloud_http_error(r, err);
        cloud_http_error_clear(r);
    }
    fields = cloud_ocs_status_fields(maintenance, hide);
    text = json_dumps(fields, JSON_COMPACT);
    json_decref(fields);
    if (!text) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    ap_set_content_type(r, "application/json");
    apr_table_setn(r->headers_out, "Access-Control-Allow-Origin", "*");
    apr_table_setn(r->headers_out, "Cache-Control", "no-cache");
    ap_set_content_length(r, (apr_off_t)strlen(text));
    if (!r->header_only) {
        ap_rputs(text, r);
    }
    free(text);
    return OK;
}

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* cloudctl signing-key: the keys of signed URLs. */
#include "ctl.h"

#include "signedurl.h"

static cloud_err_t *renew(ctl_t *ctl)
{
    CLOUD_ERR(cloud_signing_key_renew(ctl->ctx, ctl->args[0]));
    ctl_print(ctl, "What %s signed so far is not valid any more.", ctl->args[0]);
    return NULL;
}

const ctl_cmd_t ctl_signedurl_cmds[] = {
    { "signing-key renew", "ID", 1, 1, "make all signed URLs of an account invalid", NULL, 0, renew,
      NULL },
    { NULL, NULL, 0, 0, NULL, NULL, 0, NULL, NULL }
};

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* What verbs.c and the verbs that it does not have itself share. */
#ifndef VERBS_H
#define VERBS_H

#include "state.h"
#include "account.h"

typedef struct {
    cloud_store_t *store;
    cloud_ctx_t *ctx;            /* of the system */
    cloud_account_t *account;
    const char *data_dir;
    apr_pool_t *pool;
} run_t;

/** What lies in the bin of an account. */
cloud_err_t *trash_beside(state_t *state, cloud_ctx_t *ctx, const cloud_account_t *account,
                          apr_pool_t *pool);

/* verbs_shares.c: two people who share with each other; r->account and a partner, "<id>-p" */

/** Who owns and who received: shares both ways, and what the partner received put elsewhere. */
cloud_err_t *people_who_share(run_t *r);
/** The partner's files, what both see of each other's, the shares and both bins. */
cloud_err_t *shares_beside(state_t *state, cloud_ctx_t *ctx, const cloud_account_t *account,
                           apr_pool_t *pool);
cloud_err_t *share_make(run_t *r);
cloud_err_t *share_end(run_t *r);
cloud_err_t *share_leave(run_t *r);
cloud_err_t *share_move(run_t *r);
cloud_err_t *share_out_file(run_t *r);
cloud_err_t *share_out_folder(run_t *r);
cloud_err_t *share_out_over(run_t *r);
cloud_err_t *share_onto(run_t *r);
cloud_err_t *share_delete_within(run_t *r);
cloud_err_t *share_give_away(run_t *r);
cloud_err_t *share_give_all(run_t *r);
cloud_err_t *share_hand_over(run_t *r);
cloud_err_t *share_partner_goes(run_t *r);

#endif

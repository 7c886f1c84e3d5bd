/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file notify.h
 * What a feature has to tell somebody: notices, which clients show, and mails. Whoever takes them
 * registers hooks (hooks.h); where nobody does, nothing happens and nothing fails. Everything here is
 * written in the caller's transaction: what is undone tells nobody. Texts are ready to be shown,
 * rendered by who calls.
 */
#ifndef CLOUD_NOTIFY_H
#define CLOUD_NOTIFY_H

#include "account.h"

#define CLOUD_NOTICE_SUBJECT_MAX 255   /* characters; longer ones are cut, */
#define CLOUD_NOTICE_MESSAGE_MAX 4000  /* as ownCloud has it */
#define CLOUD_NOTICE_ACTIONS_MAX 4

/** Something that the person can do about it: a request that the client sends. */
typedef struct {
    const char *label;
    const char *link;        /* as below */
    const char *type;        /* method of the request: "GET", "POST", "DELETE" ... */
    int primary;             /* it is what most will want */
} cloud_notice_action_t;

/** A notice. What is NULL is "". */
typedef struct {
    const char *app;         /* as ownCloud names it, "files_sharing" */
    const char *object_type; /* what it is about: "local_share", */
    const char *object_id;   /* "42" */
    const char *subject;     /* one line */
    const char *message;
    const char *link;        /* "https://...", or a place below CloudBase: "/index.php/f/17" */
    const char *icon;        /* as link */
    const cloud_notice_action_t *actions;
    int nactions;            /* INVALID above CLOUD_NOTICE_ACTIONS_MAX */
} cloud_notice_t;

/** Tells an account. A notice for the same account about the same object is replaced by it. (tx, write) */
CLOUD_API cloud_err_t *cloud_notify_tx(cloud_ctx_t *ctx, const cloud_account_t *account,
                                       const cloud_notice_t *notice);
/** It is not so any more, or was dealt with: takes back what account (NULL: anybody) was told about the
 *  object. (tx, write) */
CLOUD_API cloud_err_t *cloud_unnotify_tx(cloud_ctx_t *ctx, const cloud_account_t *account,
                                         const char *app, const char *object_type,
                                         const char *object_id);

/** A mail. */
typedef struct {
    const cloud_account_t *account; /* whose mail it is: it goes with the account; may be NULL */
    const char *to;                 /* address */
    const char *to_name;            /* and name; may be NULL */
    const char *from_name;          /* NULL: as configured. The address is always the configured one */
    const char *reply_to;           /* address, or NULL */
    const char *subject;            /* what is no text on one line becomes one */
    const char *text;               /* plain, UTF-8; lines of any length */
} cloud_mail_t;

/** Queues a mail; it is sent later, after the commit. INVALID when an address is none that mail can
 *  be sent to (ASCII alone), QUOTA when too many wait, of all or of ctx->who.account. Nothing is queued while no mail can be sent. (tx,
 *  write) */
CLOUD_API cloud_err_t *cloud_mail_queue_tx(cloud_ctx_t *ctx, const cloud_mail_t *mail);
/** The absolute address, for a mail, of a place below CloudBase, by the setting overwrite.cli.url; what is
 *  absolute stays. NULL when there is none. */
CLOUD_API cloud_err_t *cloud_mail_link(const char **url, cloud_ctx_t *ctx, const char *link,
                                       apr_pool_t *pool);
/** Whether mail can be sent from here: who offers to send one asks this. */
CLOUD_API cloud_err_t *cloud_mail_ready(int *yes, cloud_ctx_t *ctx);

#endif

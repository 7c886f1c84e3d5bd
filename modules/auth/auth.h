/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file auth.h
 * What mod_authn_cloud remembers, in memory shared by all processes: secrets that were verified,
 * and failed attempts. Request-free. Nothing here takes a lock, so a process that is killed leaves
 * nothing locked; a race costs at most a slow verification or one attempt that is not counted.
 */
#ifndef CLOUD_AUTH_H
#define CLOUD_AUTH_H

#include "cloud.h"

typedef struct cloud_auth_mem_t cloud_auth_mem_t;

/** Bytes of shared memory for so many entries of each kind. */
apr_size_t cloud_auth_mem_size(unsigned entries);
/** Sets up zeroed memory of that size, with a new random key. NULL without randomness. */
cloud_auth_mem_t *cloud_auth_mem_init(void *mem, unsigned entries);
/** The memory that cloud_auth_mem_init() set up, at the same address and for as many entries, perhaps
 *  by another build of this module; NULL when it can't be used. */
cloud_auth_mem_t *cloud_auth_mem_again(void *mem, unsigned entries);

/** What is known of a secret: a keyed hash, useless without this server's memory. */
typedef struct {
    unsigned char tag[32];
} cloud_auth_tag_t;

/** Tag of a secret of an account (number 0: an unknown one) of the store at site. */
void cloud_auth_tag(cloud_auth_tag_t *tag, const cloud_auth_mem_t *mem, const char *site,
                    apr_int64_t account, apr_int64_t epoch, const char *secret);

/** Tag of a secret of an account that is not checked here, but by another provider. */
void cloud_auth_tag_elsewhere(cloud_auth_tag_t *tag, const cloud_auth_mem_t *mem, const char *site,
                              apr_int64_t account, apr_int64_t epoch, const char *secret);

/* ---- verified secrets (cache.c) ---- */

int cloud_auth_cached(cloud_auth_mem_t *mem, const cloud_auth_tag_t *tag, apr_time_t now);
void cloud_auth_cache(cloud_auth_mem_t *mem, const cloud_auth_tag_t *tag, apr_time_t expires,
                      apr_time_t now);

/* ---- failures (throttle.c) ---- */

typedef struct {
    unsigned failures;           /* so many different wrong secrets are free; 0: no throttle */
    apr_interval_time_t window;  /* without a failure for so long, all is forgotten */
    apr_interval_time_t longest; /* limit of the delay, which doubles with each failure */
} cloud_throttle_conf_t;

/** One account, or other thing that a secret opens, as seen from one network. */
typedef struct {
    cloud_auth_mem_t *mem;
    const cloud_throttle_conf_t *conf;
    apr_uint64_t key;
} cloud_throttle_t;

/** kind: "" for passwords, else a short word for another kind of secret. user: the name as sent, known
 *  or not (case does not count). address: text of an IP address, of which /24 or /64 counts. */
void cloud_throttle_init(cloud_throttle_t *t, cloud_auth_mem_t *mem,
                         const cloud_throttle_conf_t *conf, const char *site, const char *kind,
                         const char *user, const char *address);
/** How long no password is tried any more; 0: go ahead. */
apr_interval_time_t cloud_throttle_wait(const cloud_throttle_t *t, apr_time_t now);
/** True when this secret was found wrong a short while ago: no need to hash it again. */
int cloud_throttle_known(const cloud_throttle_t *t, const cloud_auth_tag_t *tag, apr_time_t now);
/** Counts a failure. The same wrong secret again does not count: clients repeat it. tag NULL: each
 *  failure counts. */
void cloud_throttle_failed(const cloud_throttle_t *t, const cloud_auth_tag_t *tag, apr_time_t now);
/** The right password came: all is forgiven. */
void cloud_throttle_succeeded(const cloud_throttle_t *t);

/* ---- slow things at one time (slots.c) ---- */

typedef struct cloud_slots_t cloud_slots_t;

/** For the threads of one process: so many at once, and so many more that may wait. Lives in pool. */
cloud_slots_t *cloud_slots_create(unsigned slots, unsigned waiters, apr_pool_t *pool);
/** Takes a slot; 0 when none came free in that time, or too many wait already. */
int cloud_slots_enter(cloud_slots_t *slots, apr_interval_time_t patience);
/** Gives it back. */
void cloud_slots_leave(cloud_slots_t *slots);

/* ---- between cache.c and throttle.c ---- */

#define CLOUD_AUTH_MIDDLE 16
/** 32 bytes: keyed hash of two texts and up to CLOUD_AUTH_MIDDLE bytes. */
void cloud_auth_hmac(unsigned char *out, const cloud_auth_mem_t *mem, const char *site,
                     const void *middle, apr_size_t len, const char *text);

#define CLOUD_AUTH_WAYS 4 /* places where an entry may be */

typedef struct {
    unsigned char tag[32];
    apr_int64_t expires;  /* 0: free */
} cloud_auth_entry_t;

#define CLOUD_THROTTLE_RECENT 6

typedef struct {
    apr_uint64_t key;     /* 0: free */
    apr_int64_t last;     /* time of the last failure */
    apr_int64_t until;    /* no password is tried before */
    apr_uint64_t recent[CLOUD_THROTTLE_RECENT]; /* wrong secrets */
    unsigned failures;
    unsigned next;        /* place in recent */
} cloud_throttle_entry_t;

struct cloud_auth_mem_t {
    unsigned layout;                    /* sizes of the structures here */
    unsigned char key[32];
    unsigned sets;                      /* of CLOUD_AUTH_WAYS entries, in each table */
    cloud_auth_entry_t *entries;
    cloud_throttle_entry_t *throttles;
};

#endif

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file throttle.c
 * Guessing passwords gets slow: after some different wrong ones for an account from a network, that
 * network waits, each time twice as long. Others are not touched, so that nobody can lock an
 * account out from afar. Names that are no account are treated the same.
 */
#include "auth.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#define FIRST_DELAY apr_time_from_sec(1)

/* The network of an address: 3 bytes of IPv4, 8 of IPv6. */
static apr_size_t network(unsigned char *net, const char *address)
{
    struct in6_addr v6;
    struct in_addr v4;

    if (inet_pton(AF_INET, address, &v4) == 1) {
        memcpy(net, &v4, 3);
        return 3;
    }
    if (inet_pton(AF_INET6, address, &v6) == 1) {
        if (IN6_IS_ADDR_V4MAPPED(&v6)) {
            memcpy(net, v6.s6_addr + 12, 3);
            return 3;
        }
        memcpy(net, &v6, 8);
        return 8;
    }
    return 0;
}

/* Names are compared without case; other letters than ASCII hardly come in both. */
static void lower(char *s)
{
    for (; *s; s++) {
        if (*s >= 'A' && *s <= 'Z') {
            *s += 'a' - 'A';
        }
    }
}

void cloud_throttle_init(cloud_throttle_t *t, cloud_auth_mem_t *mem,
                         const cloud_throttle_conf_t *conf, const char *site, const char *kind,
                         const char *user, const char *address)
{
    unsigned char tag[32], middle[CLOUD_AUTH_MIDDLE] = { 'T' };
    char name[256];
    apr_size_t len;

    t->mem = mem;
    t->conf = conf;
    if (address) {
        middle[1] = (unsigned char)network(middle + 2, address);
    }
    /* Kinds are short and have no line ends. */
    len = (apr_size_t)apr_snprintf(name, sizeof(name), "%s\n", kind);
    apr_cpystrn(name + len, user, sizeof(name) - len);
    lower(name);
    cloud_auth_hmac(tag, mem, site, middle, sizeof(middle), name);
    memcpy(&t->key, tag, sizeof(t->key));
    if (!t->key) {
        t->key = 1; /* 0 means free */
    }
}

static cloud_throttle_entry_t *set_of(const cloud_throttle_t *t)
{
    return t->mem->throttles + (t->key % t->mem->sets) * CLOUD_AUTH_WAYS;
}

static apr_interval_time_t delay(const cloud_throttle_conf_t *conf, unsigned failures)
{
    unsigned n = failures - conf->failures;
    apr_interval_time_t d = n < 30 ? FIRST_DELAY << n : conf->longest;

    return d < conf->longest ? d : conf->longest;
}

/* Whether what it says still counts. */
static int is_live(const cloud_throttle_t *t, const cloud_throttle_entry_t *e, apr_time_t now)
{
    return e->last + t->conf->window > now || e->until + t->conf->window > now;
}

/* The entry, unless there is none or its time is over. */
static cloud_throttle_entry_t *find(const cloud_throttle_t *t, apr_time_t now)
{
    cloud_throttle_entry_t *e = set_of(t);
    int i;

    for (i = 0; t->conf->failures && i < CLOUD_AUTH_WAYS; i++) {
        if (__atomic_load_n(&e[i].key, __ATOMIC_ACQUIRE) != t->key) {
            continue;
        }
        return is_live(t, &e[i], now) ? &e[i] : NULL;
    }
    return NULL;
}

/* Whether a goes rather than b: free or over first, then who failed least, then the oldest. So nobody gets
 * rid of his own delays by failing under many other names. */
static int goes_first(const cloud_throttle_t *t, const cloud_throttle_entry_t *a,
                      const cloud_throttle_entry_t *b, apr_time_t now)
{
    unsigned na = a->key && is_live(t, a, now) ? a->failures : 0;
    unsigned nb = b->key && is_live(t, b, now) ? b->failures : 0;

    return na != nb ? na < nb : a->last < b->last;
}

static cloud_throttle_entry_t *make(const cloud_throttle_t *t, apr_time_t now)
{
    cloud_throttle_entry_t *e = set_of(t), *victim = e;
    int i;

    for (i = 0; i < CLOUD_AUTH_WAYS; i++) {
        if (e[i].key == t->key) {
            victim = &e[i];
            break;
        }
        if (goes_first(t, &e[i], victim, now)) {
            victim = &e[i];
        }
    }
    __atomic_store_n(&victim->key, 0, __ATOMIC_RELEASE);
    memset((char *)victim + offsetof(cloud_throttle_entry_t, last), 0,
           sizeof(*victim) - offsetof(cloud_throttle_entry_t, last));
    __atomic_store_n(&victim->key, t->key, __ATOMIC_RELEASE);
    return victim;
}

apr_interval_time_t cloud_throttle_wait(const cloud_throttle_t *t, apr_time_t now)
{
    const cloud_throttle_entry_t *e = find(t, now);
    apr_int64_t until = e ? __atomic_load_n(&e->until, __ATOMIC_RELAXED) : 0;

    return until > now ? until - now : 0;
}

static apr_uint64_t mark(const cloud_auth_tag_t *tag)
{
    apr_uint64_t n;

    memcpy(&n, tag->tag + 16, sizeof(n));
    return n ? n : 1;
}

static int is_recent(const cloud_throttle_entry_t *e, const cloud_auth_tag_t *tag)
{
    apr_uint64_t n = mark(tag);
    int i;

    for (i = 0; i < CLOUD_THROTTLE_RECENT; i++) {
        if (__atomic_load_n(&e->recent[i], __ATOMIC_RELAXED) == n) {
            return 1;
        }
    }
    return 0;
}

int cloud_throttle_known(const cloud_throttle_t *t, const cloud_auth_tag_t *tag, apr_time_t now)
{
    const cloud_throttle_entry_t *e = find(t, now);

    return e && is_recent(e, tag);
}

void cloud_throttle_failed(const cloud_throttle_t *t, const cloud_auth_tag_t *tag, apr_time_t now)
{
    cloud_throttle_entry_t *e;
    unsigned failures, place;

    if (!t->conf->failures) {
        return;
    }
    e = find(t, now);
    if (!e) {
        e = make(t, now);
    }
    __atomic_store_n(&e->last, now, __ATOMIC_RELAXED);
    if (tag && is_recent(e, tag)) {
        return;
    }
    if (tag) {
        place = __atomic_fetch_add(&e->next, 1, __ATOMIC_RELAXED) % CLOUD_THROTTLE_RECENT;
        __atomic_store_n(&e->recent[place], mark(tag), __ATOMIC_RELAXED);
    }
    failures = __atomic_add_fetch(&e->failures, 1, __ATOMIC_RELAXED);
    if (failures >= t->conf->failures) {
        __atomic_store_n(&e->until, now + delay(t->conf, failures), __ATOMIC_RELAXED);
    }
}

void cloud_throttle_succeeded(const cloud_throttle_t *t)
{
    cloud_throttle_entry_t *e = set_of(t);
    int i;

    for (i = 0; i < CLOUD_AUTH_WAYS; i++) {
        apr_uint64_t key = t->key;

        __atomic_compare_exchange_n(&e[i].key, &key, 0, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    }
}

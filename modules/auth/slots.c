/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file slots.c
 * A bound on how many threads of a process are at something slow. Those that wait are counted too: a
 * thread that waits serves nobody else either.
 */
#include "auth.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

struct cloud_slots_t {
    pthread_mutex_t lock;
    pthread_cond_t left;
    unsigned free;
    unsigned may_wait;
};

static apr_status_t destroy(void *baton)
{
    cloud_slots_t *slots = baton;

    pthread_cond_destroy(&slots->left);
    pthread_mutex_destroy(&slots->lock);
    return APR_SUCCESS;
}

cloud_slots_t *cloud_slots_create(unsigned slots, unsigned waiters, apr_pool_t *pool)
{
    cloud_slots_t *s = apr_pcalloc(pool, sizeof(*s));
    pthread_condattr_t attr;

    s->free = slots;
    s->may_wait = waiters;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->left, &attr);
    pthread_condattr_destroy(&attr);
    apr_pool_cleanup_register(pool, s, destroy, apr_pool_cleanup_null);
    return s;
}

static void wait_for_one(cloud_slots_t *slots, apr_interval_time_t patience)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)apr_time_sec(patience);
    until.tv_nsec += (long)apr_time_usec(patience) * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    slots->may_wait--;
    while (!slots->free && rc != ETIMEDOUT) {
        rc = pthread_cond_timedwait(&slots->left, &slots->lock, &until);
    }
    slots->may_wait++;
}

int cloud_slots_enter(cloud_slots_t *slots, apr_interval_time_t patience)
{
    int entered;

    pthread_mutex_lock(&slots->lock);
    if (!slots->free && slots->may_wait) {
        wait_for_one(slots, patience);
    }
    entered = slots->free > 0;
    if (entered) {
        slots->free--;
    }
    pthread_mutex_unlock(&slots->lock);
    return entered;
}

void cloud_slots_leave(cloud_slots_t *slots)
{
    pthread_mutex_lock(&slots->lock);
    slots->free++;
    pthread_cond_signal(&slots->left);
    pthread_mutex_unlock(&slots->lock);
}

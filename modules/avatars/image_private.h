/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file image_private.h
 * What the files of pictures share.
 */
#ifndef CLOUD_IMAGE_PRIVATE_H
#define CLOUD_IMAGE_PRIVATE_H

#include "image.h"

/** A decoded picture of any form. */
typedef struct {
    int width, height;
    int orientation;        /* as EXIF has it */
    unsigned char *rgba;    /* malloc()ed */
} raw_image_t;

/** The middle of it, at most max pixels a side, upright. */
cloud_image_t *cloud_image_cut(const raw_image_t *raw, int max, apr_pool_t *pool);
/** Its pixels without transparency, on white: 3 bytes each. */
const unsigned char *cloud_image_rgb(const cloud_image_t *image, apr_pool_t *pool);

#endif

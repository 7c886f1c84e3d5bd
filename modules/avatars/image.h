/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/**
 * @file image.h
 * Pictures of strangers: PNG and JPEG are decoded by libpng and libjpeg-turbo within bounds that are
 * known before anything is decoded, and only what comes out is kept. Request-free, needs no store.
 */
#ifndef CLOUD_IMAGE_H
#define CLOUD_IMAGE_H

#include "cloud.h"

/** Width times height that is decoded at most: what stands in a header costs its sender nothing. */
#define CLOUD_IMAGE_PIXELS_MAX (25 * 1000 * 1000)

typedef enum { CLOUD_IMAGE_PNG, CLOUD_IMAGE_JPEG } cloud_image_kind_t;

/** A square picture. */
typedef struct {
    int side;
    int opaque;             /* no pixel lets anything through */
    unsigned char *rgba;    /* side * side * 4 bytes, from the top left, in the pool */
} cloud_image_t;

/** What data is by its first bytes; 0 when it is neither. */
int cloud_image_kind(cloud_image_kind_t *kind, const void *data, apr_size_t len);
/** "image/png" */
const char *cloud_image_type(cloud_image_kind_t kind);

/** Decodes a picture: its middle, cut to a square of at most max pixels a side, upright (EXIF). UNSUPPORTED:
 *  neither PNG nor JPEG; INVALID: broken; TOO_LARGE: too many pixels. BUSY: another one is being
 *  decoded in this process, and that takes long. */
cloud_err_t *cloud_image_square(cloud_image_t **out, const void *data, apr_size_t len, int max,
                                apr_pool_t *pool);
/** The same for a small picture of our own making: waits for nobody. */
cloud_err_t *cloud_image_read(cloud_image_t **out, const void *data, apr_size_t len, int max,
                              apr_pool_t *pool);
/** As a file. JPEG has no transparency: it is put on white. */
cloud_err_t *cloud_image_encode(const void **data, apr_size_t *len, const cloud_image_t *image,
                                cloud_image_kind_t kind, apr_pool_t *pool);

/** How a JPEG wants to be turned: 1 (as it is) to 8, the EXIF tag 0x0112; 1 where it does not say. */
int cloud_exif_orientation(const void *data, apr_size_t len);

#endif

/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Decoding and encoding. Whole pictures are kept outside of pools, one at a time in a process: their
 * size is bounded, and so is the memory of all that are sent at once. */
#include "image_private.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <png.h>
#include <turbojpeg.h>

#define QUALITY     90
#define WAIT        20 /* seconds, for another picture to be decoded */

int cloud_image_kind(cloud_image_kind_t *kind, const void *data, apr_size_t len)
{
    static const struct {
        const char *bytes;
        apr_size_t len;
        cloud_image_kind_t kind;
    } BEGINNINGS[] = {
        { "\x89PNG\r\n\x1a\n", 8, CLOUD_IMAGE_PNG },
        { "\xff\xd8\xff", 3, CLOUD_IMAGE_JPEG },
    };
    apr_size_t i;

    for (i = 0; i < sizeof BEGINNINGS / sizeof *BEGINNINGS; i++) {
        if (len < BEGINNINGS[i].len || memcmp(data, BEGINNINGS[i].bytes, BEGINNINGS[i].len) != 0)
            continue;
        *kind = BEGINNINGS[i].kind;
        return 1;
    }
    return 0;
}

const char *cloud_image_type(cloud_image_kind_t kind)
{
    return kind == CLOUD_IMAGE_PNG ? "image/png" : "image/jpeg";
}

/* ---- decoding ---- */

static cloud_err_t *check_size(apr_int64_t width, apr_int64_t height, apr_pool_t *pool)
{
    if (width < 1 || height < 1)
        return cloud_err(pool, CLOUD_E_INVALID, "The picture has no size");
    if (width > CLOUD_IMAGE_PIXELS_MAX || height > CLOUD_IMAGE_PIXELS_MAX
        || width * height > CLOUD_IMAGE_PIXELS_MAX)
        return cloud_err(pool, CLOUD_E_TOO_LARGE,
                         "The picture has more than %d million pixels",
                         CLOUD_IMAGE_PIXELS_MAX / 1000000);
    return NULL;
}

static cloud_err_t *broken(apr_pool_t *pool, const char *cause)
{
    cloud_err_t *err = cloud_err(pool, CLOUD_E_INVALID, "The picture can't be read");

    err->cause = apr_pstrdup(pool, cause);
    return err;
}

static cloud_err_t *no_memory(apr_pool_t *pool)
{
    return cloud_err(pool, CLOUD_E_BUSY, "There is no memory for a picture now");
}

static cloud_err_t *read_png(raw_image_t *raw, png_image *png, apr_pool_t *pool)
{
    CLOUD_ERR(check_size(png->width, png->height, pool));
    png->format = PNG_FORMAT_RGBA;
    raw->width = (int)png->width;
    raw->height = (int)png->height;
    raw->rgba = malloc(PNG_IMAGE_SIZE(*png));
    if (!raw->rgba) return no_memory(pool);
    return png_image_finish_read(png, NULL, raw->rgba, 0, NULL) ? NULL : broken(pool, png->message);
}

static cloud_err_t *decode_png(raw_image_t *raw, const void *data, apr_size_t len, int enough,
                               apr_pool_t *pool)
{
    png_image png = { .version = PNG_IMAGE_VERSION };
    cloud_err_t *err;

    (void)enough;
    if (!png_image_begin_read_from_memory(&png, data, len)) return broken(pool, png.message);
    err = read_png(raw, &png, pool);
    png_image_free(&png);
    return err;
}

/* A JPEG can be decoded smaller than it is: by a half, a quarter, an eighth, as long as what is left is
 * enough. */
static void scale_down(raw_image_t *raw, int enough)
{
    const int width = raw->width, height = raw->height;
    tjscalingfactor f = { 1, 2 };

    for (; f.denom <= 8; f.denom *= 2) {
        if (TJSCALED(width, f) < enough || TJSCALED(height, f) < enough) return;
        raw->width = TJSCALED(width, f);
        raw->height = TJSCALED(height, f);
    }
}

static cloud_err_t *read_jpeg(raw_image_t *raw, tjhandle tj, const void *data, apr_size_t len,
                              int enough, apr_pool_t *pool)
{
    int sampling, colors;

    if (tjDecompressHeader3(tj, data, len, &raw->width, &raw->height, &sampling, &colors) != 0)
        return broken(pool, tjGetErrorStr2(tj));
    CLOUD_ERR(check_size(raw->width, raw->height, pool));
    scale_down(raw, enough);
    raw->rgba = calloc((apr_size_t)raw->width * (apr_size_t)raw->height, 4);
    if (!raw->rgba) return no_memory(pool);
    /* A warning (some bytes too many) is none of the viewer's business; a picture of endless scans is. */
    if (tjDecompress2(tj, data, len, raw->rgba, raw->width, 0, raw->height, TJPF_RGBA,
                      TJFLAG_LIMITSCANS) != 0
        && tjGetErrorCode(tj) != TJERR_WARNING)
        return broken(pool, tjGetErrorStr2(tj));
    return NULL;
}

static cloud_err_t *decode_jpeg(raw_image_t *raw, const void *data, apr_size_t len, int enough,
                                apr_pool_t *pool)
{
    tjhandle tj = tjInitDecompress();
    cloud_err_t *err;

    if (!tj) return no_memory(pool);
    err = read_jpeg(raw, tj, data, len, enough, pool);
    tjDestroy(tj);
    raw->orientation = cloud_exif_orientation(data, len);
    return err;
}

cloud_err_t *cloud_image_read(cloud_image_t **out, const void *data, apr_size_t len, int max,
                              apr_pool_t *pool)
{
    raw_image_t raw = { .orientation = 1 };
    cloud_image_kind_t kind;
    cloud_err_t *err;

    if (!cloud_image_kind(&kind, data, len))
        return cloud_err(pool, CLOUD_E_UNSUPPORTED, "Pictures are taken as PNG or JPEG");
    err = kind == CLOUD_IMAGE_PNG ? decode_png(&raw, data, len, max, pool)
                                  : decode_jpeg(&raw, data, len, max, pool);
    if (!err) *out = cloud_image_cut(&raw, max, pool);
    free(raw.rgba);
    return err;
}

cloud_err_t *cloud_image_square(cloud_image_t **out, const void *data, apr_size_t len, int max,
                                apr_pool_t *pool)
{
    static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
    struct timespec until;
    cloud_err_t *err;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT;
    if (pthread_mutex_timedlock(&turn, &until) != 0)
        return cloud_err(pool, CLOUD_E_BUSY, "Too many pictures come in at once");
    err = cloud_image_read(out, data, len, max, pool);
    pthread_mutex_unlock(&turn);
    return err;
}

/* ---- encoding ---- */

static cloud_err_t *encode_png(const void **data, apr_size_t *len, const cloud_image_t *image,
                               apr_pool_t *pool)
{
    png_image png = { .version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGBA };
    const unsigned char *pixels = image->rgba;
    png_alloc_size_t size;
    void *buffer;

    png.width = png.height = (png_uint_32)image->side;
    if (image->opaque) {
        png.format = PNG_FORMAT_RGB;
        pixels = cloud_image_rgb(image, pool);
    }
    size = PNG_IMAGE_PNG_SIZE_MAX(png);
    buffer = apr_palloc(pool, size);
    if (!png_image_write_to_memory(&png, buffer, &size, 0, pixels, 0, NULL))
        return cloud_err(pool, CLOUD_E_INTERNAL, "%s", png.message);
    *data = buffer;
    *len = size;
    return NULL;
}

static cloud_err_t *encode_jpeg(const void **data, apr_size_t *len, const cloud_image_t *image,
                                apr_pool_t *pool)
{
    const unsigned char *pixels = cloud_image_rgb(image, pool);
    tjhandle tj = tjInitCompress();
    cloud_err_t *err = NULL;
    unsigned char *buffer = NULL;
    unsigned long size = 0;

    if (!tj) return no_memory(pool);
    if (tjCompress2(tj, pixels, image->side, 0, image->side, TJPF_RGB, &buffer, &size, TJSAMP_420,
                    QUALITY, 0) != 0)
        err = cloud_err(pool, CLOUD_E_INTERNAL, "%s", tjGetErrorStr2(tj));
    else *data = apr_pmemdup(pool, buffer, *len = size);
    tjFree(buffer);
    tjDestroy(tj);
    return err;
}

cloud_err_t *cloud_image_encode(const void **data, apr_size_t *len, const cloud_image_t *image,
                                cloud_image_kind_t kind, apr_pool_t *pool)
{
    return kind == CLOUD_IMAGE_PNG ? encode_png(data, len, image, pool)
                                   : encode_jpeg(data, len, image, pool);
}

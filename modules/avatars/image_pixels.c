/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Pixels: cutting, scaling, turning. */
#include "image_private.h"

#include <string.h>

/* A square in a larger picture. */
typedef struct {
    const unsigned char *rgba;  /* its first pixel */
    apr_size_t stride;          /* bytes from row to row */
    int side;
} square_t;

/* Adds weight times the source row to sums, side by side: each pixel of the result is the mean over
 * the part of the source that it covers, by area. What is transparent has no colour. */
static void add_row(double *sums, int to, const square_t *from, int y, double weight)
{
    const unsigned char *row = from->rgba + (apr_size_t)y * from->stride;
    const double step = (double)from->side / to;
    int x, sx, c;

    for (x = 0; x < to; x++) {
        const double begin = x * step, end = x + 1 == to ? from->side : (x + 1) * step;

        for (sx = (int)begin; sx < from->side && sx < end; sx++) {
            const double left = sx < begin ? begin : sx, right = sx + 1 > end ? end : sx + 1;
            const unsigned char *p = row + (apr_size_t)sx * 4;
            const double part = weight * (right - left) * p[3];

            for (c = 0; c < 3; c++) sums[4 * x + c] += part * p[c];
            sums[4 * x + 3] += part;
        }
    }
}

static unsigned char rounded(double value)
{
    return (unsigned char)(value >= 254.5 ? 255 : value + 0.5);
}

static void put_row(unsigned char *out, const double *sums, int to, double area)
{
    int x, c;

    for (x = 0; x < to; x++, out += 4, sums += 4) {
        for (c = 0; c < 3; c++) out[c] = sums[3] > 0 ? rounded(sums[c] / sums[3]) : 0;
        out[3] = rounded(sums[3] / area);
    }
}

static void scale(unsigned char *out, int to, const square_t *from, apr_pool_t *pool)
{
    const double step = (double)from->side / to;
    const apr_size_t size = (apr_size_t)to * 4 * sizeof(double);
    double *sums = apr_palloc(pool, size);
    int y, sy;

    for (y = 0; y < to; y++) {
        const double begin = y * step, end = y + 1 == to ? from->side : (y + 1) * step;

        memset(sums, 0, size);
        for (sy = (int)begin; sy < from->side && sy < end; sy++)
            add_row(sums, to, from, sy,
                    (sy + 1 > end ? end : sy + 1) - (sy < begin ? begin : sy));
        put_row(out + (apr_size_t)y * (apr_size_t)to * 4, sums, to, step * step);
    }
}

static int is_opaque(const unsigned char *rgba, int side)
{
    apr_size_t n = (apr_size_t)side * (apr_size_t)side, i;

    for (i = 0; i < n; i++)
        if (rgba[4 * i + 3] != 255) return 0;
    return 1;
}

static cloud_image_t *make(const square_t *from, int side, apr_pool_t *pool)
{
    cloud_image_t *image = apr_palloc(pool, sizeof *image);

    image->side = side;
    image->rgba = apr_palloc(pool, (apr_size_t)side * (apr_size_t)side * 4);
    scale(image->rgba, side, from, pool);
    image->opaque = is_opaque(image->rgba, side);
    return image;
}

/* The eight orientations: where the pixel of a place comes from. */
static const struct {
    int swap, flip_x, flip_y;   /* rows are columns; then from the right, from the bottom */
} TURNS[9] = {
    [1] = { 0, 0, 0 }, [2] = { 0, 1, 0 }, [3] = { 0, 1, 1 }, [4] = { 0, 0, 1 },
    [5] = { 1, 0, 0 }, [6] = { 1, 0, 1 }, [7] = { 1, 1, 1 }, [8] = { 1, 1, 0 },
};

static void turn(cloud_image_t *image, int orientation, apr_pool_t *pool)
{
    const int last = image->side - 1;
    const apr_size_t side = (apr_size_t)image->side;
    unsigned char *out = apr_palloc(pool, side * side * 4);
    int x, y;

    for (y = 0; y <= last; y++) {
        for (x = 0; x <= last; x++) {
            int sx = TURNS[orientation].swap ? y : x, sy = TURNS[orientation].swap ? x : y;

            if (TURNS[orientation].flip_x) sx = last - sx;
            if (TURNS[orientation].flip_y) sy = last - sy;
            memcpy(out + ((apr_size_t)y * side + (apr_size_t)x) * 4,
                   image->rgba + ((apr_size_t)sy * side + (apr_size_t)sx) * 4, 4);
        }
    }
    image->rgba = out;
}

cloud_image_t *cloud_image_cut(const raw_image_t *raw, int max, apr_pool_t *pool)
{
    const int side = raw->width < raw->height ? raw->width : raw->height;
    square_t from = { .stride = (apr_size_t)raw->width * 4, .side = side };
    cloud_image_t *image;

    from.rgba = raw->rgba + (apr_size_t)((raw->height - side) / 2) * from.stride
                + (apr_size_t)((raw->width - side) / 2) * 4;
    image = make(&from, side < max ? side : max, pool);
    if (raw->orientation != 1) turn(image, raw->orientation, pool);
    return image;
}

const unsigned char *cloud_image_rgb(const cloud_image_t *image, apr_pool_t *pool)
{
    const apr_size_t n = (apr_size_t)image->side * (apr_size_t)image->side;
    unsigned char *rgb = apr_palloc(pool, n * 3);
    apr_size_t i;
    int c;

    for (i = 0; i < n; i++) {
        const unsigned char *p = image->rgba + 4 * i;

        for (c = 0; c < 3; c++)
            rgb[3 * i + (apr_size_t)c] =
                (unsigned char)((p[c] * p[3] + 255 * (255 - p[3]) + 127) / 255);
    }
    return rgb;
}

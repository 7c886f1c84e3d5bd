/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* Pictures: cutting, scaling, turning, bounds; forms with files. */
#include "testutil.h"

#include <stdlib.h>
#include <string.h>
#include <png.h>
#include <turbojpeg.h>

#include "image_private.h"

typedef unsigned char rgba_t[4];

static const rgba_t RED = { 255, 0, 0, 255 }, GREEN = { 0, 255, 0, 255 }, BLUE = { 0, 0, 255, 255 },
                    WHITE = { 255, 255, 255, 255 }, NOTHING = { 0, 0, 0, 0 };

static unsigned char *canvas(int width, int height, const rgba_t color)
{
    unsigned char *p = apr_palloc(tu.pool, (apr_size_t)(width * height * 4));
    int i;

    for (i = 0; i < width * height; i++) memcpy(p + 4 * i, color, 4);
    return p;
}

static void paint(unsigned char *p, int width, int x0, int y0, int x1, int y1, const rgba_t color)
{
    int x, y;

    for (y = y0; y < y1; y++)
        for (x = x0; x < x1; x++) memcpy(p + 4 * (y * width + x), color, 4);
}

static const void *as_png(apr_size_t *len, const unsigned char *rgba, int width, int height)
{
    png_image png = { .version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGBA };
    png_alloc_size_t size;
    void *out;

    png.width = (png_uint_32)width;
    png.height = (png_uint_32)height;
    size = PNG_IMAGE_PNG_SIZE_MAX(png);
    out = apr_palloc(tu.pool, size);
    ck_assert(png_image_write_to_memory(&png, out, &size, 0, rgba, 0, NULL));
    *len = size;
    return out;
}

static const void *as_jpeg(apr_size_t *len, const unsigned char *rgba, int width, int height)
{
    tjhandle tj = tjInitCompress();
    unsigned char *buffer = NULL;
    unsigned long size = 0;
    const void *out;

    ck_assert_int_eq(tjCompress2(tj, rgba, width, 0, height, TJPF_RGBA, &buffer, &size, TJSAMP_444,
                                 95, 0), 0);
    out = apr_pmemdup(tu.pool, buffer, *len = size);
    tjFree(buffer);
    tjDestroy(tj);
    return out;
}

static void check_pixel(const cloud_image_t *image, int x, int y, const rgba_t want)
{
    const unsigned char *p = image->rgba + 4 * (y * image->side + x);
    int c;

    for (c = 0; c < 4; c++)
        ck_assert_msg(abs(p[c] - want[c]) <= 12, "%d,%d: %d %d %d %d", x, y, p[0], p[1], p[2],
                      p[3]);
}

static cloud_image_t *square(const void *data, apr_size_t len, int max)
{
    cloud_image_t *image;

    OK(cloud_image_square(&image, data, len, max, tu.pool));
    return image;
}

static cloud_image_t *square_png(const unsigned char *rgba, int width, int height, int max)
{
    apr_size_t len;
    const void *data = as_png(&len, rgba, width, height);

    return square(data, len, max);
}

/* The middle is what stays; nothing becomes larger than it was. */
START_TEST(test_cut)
{
    unsigned char *p = canvas(300, 100, RED);
    cloud_image_t *image;
    apr_size_t len;
    const void *data;

    paint(p, 300, 100, 0, 200, 100, GREEN);
    paint(p, 300, 100, 0, 150, 50, BLUE);
    image = square_png(p, 300, 100, 512);
    ck_assert_int_eq(image->side, 100);
    ck_assert(image->opaque);
    check_pixel(image, 0, 0, BLUE);
    check_pixel(image, 49, 49, BLUE);
    check_pixel(image, 50, 50, GREEN);
    check_pixel(image, 99, 99, GREEN);
    image = square_png(p, 300, 100, 10);
    ck_assert_int_eq(image->side, 10);
    check_pixel(image, 0, 0, BLUE);
    check_pixel(image, 4, 4, BLUE);
    check_pixel(image, 5, 4, GREEN);
    check_pixel(image, 9, 9, GREEN);
    data = as_jpeg(&len, p, 300, 100);
    image = square(data, len, 10);
    ck_assert_int_eq(image->side, 10);
    check_pixel(image, 1, 1, BLUE);
    check_pixel(image, 8, 8, GREEN);
}
END_TEST

/* A mean by area: two thirds of a pixel count two thirds; and what is transparent has no colour. */
START_TEST(test_scale)
{
    unsigned char *p = canvas(3, 3, WHITE);
    cloud_image_t *image;
    const rgba_t half = { 255, 0, 0, 128 };

    paint(p, 3, 1, 0, 2, 3, (const rgba_t){ 0, 0, 0, 255 });
    image = square_png(p, 3, 3, 2);
    check_pixel(image, 0, 0, (const rgba_t){ 170, 170, 170, 255 });
    check_pixel(image, 1, 1, (const rgba_t){ 170, 170, 170, 255 });
    p = canvas(2, 2, NOTHING);
    paint(p, 2, 0, 0, 2, 1, RED);
    image = square_png(p, 2, 2, 1);
    check_pixel(image, 0, 0, half);
    ck_assert(!image->opaque);
}
END_TEST

START_TEST(test_encode)
{
    unsigned char *p = canvas(32, 32, NOTHING);
    const cloud_image_kind_t kinds[] = { CLOUD_IMAGE_PNG, CLOUD_IMAGE_JPEG };
    cloud_image_t *image, *again;
    cloud_image_kind_t kind;
    const void *data;
    apr_size_t len;
    int i;

    paint(p, 32, 0, 0, 16, 32, RED);
    image = square_png(p, 32, 32, 32);
    for (i = 0; i < 2; i++) {
        OK(cloud_image_encode(&data, &len, image, kinds[i], tu.pool));
        ck_assert(cloud_image_kind(&kind, data, len));
        ck_assert_int_eq(kind, kinds[i]);
        OK(cloud_image_read(&again, data, len, 32, tu.pool));
        check_pixel(again, 4, 8, RED);
        check_pixel(again, 28, 8, i ? WHITE : NOTHING);
    }
}
END_TEST

/* A JPEG that says how it was held: its EXIF segment comes first. */
static const void *turned(apr_size_t *len, const void *jpeg, apr_size_t size, int orientation,
                          int little)
{
    unsigned char exif[] = { 0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0,
                             8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0 };
    unsigned char *out = apr_palloc(tu.pool, size + sizeof exif);

    exif[29] = (unsigned char)orientation;
    if (little) {
        static const unsigned char II[] = { 'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1,
                                            0, 0, 0 };
        memcpy(exif + 10, II, sizeof II);
        exif[28] = (unsigned char)orientation;
        exif[29] = 0;
    }
    memcpy(out, jpeg, 2);
    memcpy(out + 2, exif, sizeof exif);
    memcpy(out + 2 + sizeof exif, (const char *)jpeg + 2, size - 2);
    *len = size + sizeof exif;
    return out;
}

/* Red is in the top left corner as it lies in the file, blue in the top right one. Where they are to be
 * seen: CIPA DC-008, Orientation. */
START_TEST(test_orientation)
{
    static const struct {
        int red_x, red_y, blue_x, blue_y;
    } WANT[] = { { 0 }, { 0, 0, 1, 0 }, { 1, 0, 0, 0 }, { 1, 1, 0, 1 }, { 0, 1, 1, 1 },
                 { 0, 0, 0, 1 }, { 1, 0, 1, 1 }, { 1, 1, 1, 0 }, { 0, 1, 0, 0 } };
    unsigned char *p = canvas(64, 64, WHITE);
    const void *jpeg, *data;
    cloud_image_t *image;
    apr_size_t size, len;
    int i;

    paint(p, 64, 0, 0, 32, 32, RED);
    paint(p, 64, 32, 0, 64, 32, BLUE);
    jpeg = as_jpeg(&size, p, 64, 64);
    ck_assert_int_eq(cloud_exif_orientation(jpeg, size), 1);
    for (i = 1; i <= 8; i++) {
        data = turned(&len, jpeg, size, i, i & 1);
        ck_assert_int_eq(cloud_exif_orientation(data, len), i);
        image = square(data, len, 64);
        check_pixel(image, 16 + 32 * WANT[i].red_x, 16 + 32 * WANT[i].red_y, RED);
        check_pixel(image, 16 + 32 * WANT[i].blue_x, 16 + 32 * WANT[i].blue_y, BLUE);
    }
    data = turned(&len, jpeg, size, 9, 0);
    ck_assert_int_eq(cloud_exif_orientation(data, len), 1);
}
END_TEST

/* The size in the header of a PNG, and the checksum that belongs to it. */
static void set_png_size(unsigned char *png, unsigned width, unsigned height)
{
    const unsigned both[] = { width, height };
    unsigned long crc = 0xffffffff;
    int i, bit;

    for (i = 0; i < 8; i++) png[16 + i] = (unsigned char)(both[i / 4] >> (8 * (3 - i % 4)));
    for (i = 12; i < 29; i++) {
        crc ^= png[i];
        for (bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ crc >> 1 : crc >> 1;
    }
    crc ^= 0xffffffff;
    for (i = 0; i < 4; i++) png[29 + i] = (unsigned char)(crc >> (8 * (3 - i)));
}

START_TEST(test_bounds)
{
    cloud_image_t *image;
    apr_size_t len, i;
    unsigned char *bad;
    const void *data = as_png(&len, canvas(8, 8, RED), 8, 8);

    bad = apr_pmemdup(tu.pool, data, len);
    set_png_size(bad, 8, 8);
    ck_assert(!memcmp(bad, data, len));
    set_png_size(bad, 5001, 5000);
    FAILS(cloud_image_square(&image, bad, len, 64, tu.pool), TOO_LARGE);
    set_png_size(bad, 1000000, 1000000);
    FAILS(cloud_image_square(&image, bad, len, 64, tu.pool), TOO_LARGE);
    set_png_size(bad, 0, 8);
    FAILS(cloud_image_square(&image, bad, len, 64, tu.pool), INVALID);
    FAILS(cloud_image_square(&image, data, len - 20, 64, tu.pool), INVALID);

    data = as_jpeg(&len, canvas(8, 8, RED), 8, 8);
    bad = apr_pmemdup(tu.pool, data, len);
    for (i = 0; i + 9 < len && (bad[i] != 0xff || bad[i + 1] != 0xc0); i++) continue;
    memset(bad + i + 5, 0xfa, 4); /* 64250 by 64250 */
    FAILS(cloud_image_square(&image, bad, len, 64, tu.pool), TOO_LARGE);
    FAILS(cloud_image_square(&image, data, 30, 64, tu.pool), INVALID);

    FAILS(cloud_image_square(&image, "GIF89a\1\0\1\0", 10, 64, tu.pool), UNSUPPORTED);
    FAILS(cloud_image_square(&image, "<svg/>", 6, 64, tu.pool), UNSUPPORTED);
    FAILS(cloud_image_square(&image, "", 0, 64, tu.pool), UNSUPPORTED);
}
END_TEST

Suite *suite_image(void)
{
    Suite *suite = suite_create("image");
    TCase *c = tu_case(suite, "image", tu_pool);

    tcase_add_test(c, test_cut);
    tcase_add_test(c, test_scale);
    tcase_add_test(c, test_encode);
    tcase_add_test(c, test_orientation);
    tcase_add_test(c, test_bounds);
    return suite;
}

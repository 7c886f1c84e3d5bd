/* Licensed under the Apache License, Version 2.0; see LICENSE. */
/* The one thing of EXIF (CIPA DC-008) that changes what a picture shows: how the camera was held. */
#include "image.h"

#include <string.h>

#define TAG_ORIENTATION 0x0112
#define TYPE_SHORT      3
#define ENTRY           12 /* bytes of an entry of an IFD */

/* Bytes in one of two orders; behind the end there is nothing but 0. */
typedef struct {
    const unsigned char *data;
    apr_size_t len;
    int little;
} bytes_t;

static unsigned get16(const bytes_t *b, apr_size_t at)
{
    if (at >= b->len || b->len - at < 2) return 0;
    return b->little ? b->data[at] | (unsigned)b->data[at + 1] << 8
                     : (unsigned)b->data[at] << 8 | b->data[at + 1];
}

static apr_size_t get32(const bytes_t *b, apr_size_t at)
{
    unsigned low, high;

    if (at >= b->len || b->len - at < 4) return 0;
    low = get16(b, at + (b->little ? 0 : 2));
    high = get16(b, at + (b->little ? 2 : 0));
    return (apr_size_t)high << 16 | low;
}

/* A TIFF header, and the first directory. */
static int from_tiff(bytes_t *b)
{
    apr_size_t at;
    unsigned n, value;

    if (b->len < 8) return 1;
    b->little = b->data[0] == 'I';
    if (memcmp(b->data, b->little ? "II" : "MM", 2) != 0 || get16(b, 2) != 42) return 1;
    at = get32(b, 4);
    if (at > b->len) return 1;
    n = get16(b, at);
    for (at += 2; n > 0 && at < b->len && b->len - at >= ENTRY; n--, at += ENTRY) {
        if (get16(b, at) != TAG_ORIENTATION) continue;
        value = get16(b, at + 2) == TYPE_SHORT ? get16(b, at + 8) : 1;
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

int cloud_exif_orientation(const void *data, apr_size_t len)
{
    static const char EXIF[] = "Exif\0"; /* and the NUL that ends the literal */
    bytes_t b = { data, len, 0 };
    apr_size_t at = 2;

    /* Segments: 0xff, what it is, two bytes of length that count themselves; up to the picture. */
    while (at < len && len - at >= 4 && b.data[at] == 0xff && b.data[at + 1] != 0xda) {
        apr_size_t size = get16(&b, at + 2);

        if (size < 2 || size > len - at - 2) return 1;
        if (b.data[at + 1] == 0xe1 && size > 2 + sizeof EXIF
            && memcmp(b.data + at + 4, EXIF, sizeof EXIF) == 0) {
            bytes_t tiff = { b.data + at + 4 + sizeof EXIF, size - 2 - sizeof EXIF, 0 };

            return from_tiff(&tiff);
        }
        at += 2 + size;
    }
    return 1;
}

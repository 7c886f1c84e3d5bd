"""Small pictures, without a library for them."""

import struct
import zlib


def _chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(rows, size=None):
    """A PNG of rows of (red, green, blue) pixels; its header says another size, if one is given."""
    width, height = size or (len(rows[0]), len(rows))
    lines = b"".join(b"\0" + bytes(value for pixel in row for value in pixel) for row in rows)
    return (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + _chunk(b"IDAT", zlib.compress(lines)) + _chunk(b"IEND", b""))


def plain(color, width=64, height=None):
    return png([[color] * width] * (height or width))


def size_of(data):
    """(kind, width, height) of a PNG or JPEG."""
    if data.startswith(b"\x89PNG"):
        return ("png", *struct.unpack(">II", data[16:24]))
    assert data.startswith(b"\xff\xd8\xff"), data[:16]
    at = 2
    while data[at + 1] not in (0xc0, 0xc2):
        at += 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
    height, width = struct.unpack(">HH", data[at + 5:at + 9])
    return "jpeg", width, height


def pixels(data):
    """Rows of (red, green, blue[, alpha]) of a PNG as ours are: 8 bits, not interlaced."""
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    assert depth == 8 and kind in (2, 6)
    step, at, packed = {2: 3, 6: 4}[kind], 8, b""
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at:at + 8])
        packed += data[at + 8:at + 8 + length] if name == b"IDAT" else b""
        at += 12 + length
    raw, rows, before = zlib.decompress(packed), [], bytes(width * step)
    for y in range(height):
        line = raw[y * (width * step + 1):(y + 1) * (width * step + 1)]
        before = _unfilter(line[0], line[1:], before, step)
        rows.append([tuple(before[x:x + step]) for x in range(0, len(before), step)])
    return rows


def _unfilter(kind, line, above, step):
    out = bytearray(line)
    for i, value in enumerate(line):
        left = out[i - step] if i >= step else 0
        corner = above[i - step] if i >= step else 0
        up = above[i]
        guess = left + up - corner
        paeth = min((abs(guess - left), 0, left), (abs(guess - up), 1, up),
                    (abs(guess - corner), 2, corner))[2]
        out[i] = value + (0, left, up, (left + up) // 2, paeth)[kind] & 255
    return bytes(out)

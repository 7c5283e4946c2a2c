"""Writes images that mean harm: small files that ask for much, or are not what they look like.

usage: hostile_images.py DIRECTORY PNG

PNG is a harmless picture that some of them are made of. Prints nothing."""

import os
import struct
import sys
import zlib

directory, sample = sys.argv[1:]
picture = open(sample, "rb").read()
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def write(name, content):
    # Whole when it appears.
    with open(os.path.join(directory, "." + name + ".part"), "wb") as file:
        file.write(content)
    os.rename(file.name, os.path.join(directory, name))


def chunk(kind, content):
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def header(width, height, depth=1, colour=0):
    return SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def zeros(count):
    deflate = zlib.compressobj(9)
    parts = [deflate.compress(bytes(1 << 20)) for _ in range(count >> 20)]
    return b"".join(parts) + deflate.compress(bytes(count & (1 << 20) - 1)) + deflate.flush()


def before_end(content):
    return picture[:-12] + content + picture[-12:]


def before_pixels(content):
    pixels = picture.index(b"IDAT") - 4
    return picture[:pixels] + content + picture[pixels:]


def jpeg(width, height, kind=0xC2):
    """Header and one empty scan."""
    tables = b"\xff\xdb\x00\x43\x00" + b"\x01" * 64
    frame = struct.pack(">BBHBHHB", 0xFF, kind, 17, 8, height, width, 3) + b"\x01\x22\x00\x02\x11\x00\x03\x11\x00"
    return b"\xff\xd8" + tables + frame + b"\xff\xda\x00\x0c\x03\x01\x00\x02\x11\x03\x11\x00\x00\x00\xff\xd9"


# 50,000 × 50,000 pixels of one colour: 312 MB inflated, 300 KB here.
write("pixels.png", header(50_000, 50_000) + chunk(b"IDAT", zeros(50_000 * 6251)) + chunk(b"IEND", b""))
write("sides.png", header(0x7FFFFFFF, 0x7FFFFFFF) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
write("length.png", header(64, 64) + struct.pack(">I", 0x7FFFFFFF) + b"IDAT")
write("header.jpg", jpeg(65_535, 65_535))
# Ten thousand progressive scans of a picture that is allowed its size: each valid, 14 bytes, and a pass over all blocks.
tables = b"\xff\xdb\x00\x43\x00" + b"\x01" * 64
frame = b"\xff\xc2" + struct.pack(">HBHHB", 11, 8, 2_000, 2_000, 1) + b"\x01\x11\x00"
# One symbol each, of one bit: a difference of 0, and a run of at least 2^14 blocks without any further coefficient.
codes = b"".join(b"\xff\xc4\x00\x14" + kind + b"\x01" + bytes(15) + symbol for kind, symbol in [(b"\0", b"\0"), (b"\x10", b"\xe0")])
first = b"\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00" + bytes(250 * 250 // 8) + b"\x0f"
scan = b"\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00" + b"\x7f\xfe\xd0\x97"
write("scans.jpg", b"\xff\xd8" + tables + frame + codes + first + scan * 10_000 + b"\xff\xd9")
write("truncated.png", picture[: len(picture) // 2])
write("nothing.jpg", b"\xff\xd8")
# A picture, and yet not one by its first bytes.
write("after-html.png", b"<html><!--" + picture)
write("after-zip.png", b"PK\x03\x04" + bytes(26) + picture)
write("after-gif.png", b"GIF89a\x01\x00\x01\x00" + picture)
# Two pictures in one: a viewer shows the first.
write("two.jpg", jpeg(64, 64) + picture)

# A small black picture; its data goes on for half a gigabyte after the last row.
write("endless.png", header(64, 64) + chunk(b"IDAT", zeros(1 << 29)) + chunk(b"IEND", b""))

# What a viewer shows as the picture: text that inflates to 200 MB a chunk, and an archive behind the end.
bomb = b"x\0\0" + zeros(200 << 20)
write("text-whole.png", before_end(b"".join(chunk(kind, bomb) for kind in [b"zTXt", b"iCCP", b"zTXt"])))
# The same in front of the pixels, where a decoder has to pass it: twenty thousand texts of a megabyte each, a chunk of 64 MB,
# and three hundred thousand chunks of pixels without any.
text = b"x\0\0" + zeros(1 << 20)
write("texts-whole.png", before_pixels(chunk(b"zTXt", text) * 20_000))
write("chunk-whole.png", before_pixels(chunk(b"prVt", bytes(64 << 20))))
write("empty-whole.png", before_pixels(chunk(b"IDAT", b"") * 300_000))
write("behind-whole.png", picture + b"PK\x03\x04" + bytes(1 << 16))

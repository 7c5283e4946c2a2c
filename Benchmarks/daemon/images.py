"""PNG images of noise, with the standard library alone. Every one is different, so that no verdict comes from the cache."""

import random
import struct
import zlib

# 4 bits of noise a sample: such a file is about as large as a photograph's PNG of the same size.
TABLE = bytes(96 + (value & 15) for value in range(256))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(side, seed):
    """The bytes of a square RGB image."""
    noise = random.Random(seed).randbytes(side * side * 3).translate(TABLE)
    width = side * 3
    rows = b"".join(b"\0" + noise[start:start + width] for start in range(0, len(noise), width))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))

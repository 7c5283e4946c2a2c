extension Pillow {
  /// Prints a line for each image: name, width, height, file, file with the reference's RGB.
  static let script = #"""
    import io, os, random, struct, subprocess, sys, warnings, zlib
    from PIL import Image
    warnings.simplefilter("ignore")
    kind, directory, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    rng = random.Random(20261121)
    count = 0

    def report(name, path, size, rgb):
        global count
        count += 1
        raw = os.path.join(directory, "%d.rgb" % count)
        open(raw, "wb").write(rgb)
        print(name, size[0], size[1], path, raw, sep="\t")

    def emit(name, data, rgb=None):
        path = os.path.join(directory, name)
        open(path, "wb").write(data)
        image = Image.open(path)
        report(name, path, image.size, image.convert("RGB").tobytes() if rgb is None else rgb)

    # An own PNG writer: every colour type, depth, filter and interlacing.
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    def pack(samples, depth):
        if depth == 16: return b"".join(struct.pack(">H", s) for s in samples)
        if depth == 8: return bytes(samples)
        bits = "".join(format(s, "0%db" % depth) for s in samples)
        bits += "0" * (-len(bits) % 8)
        return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))

    def filtered(lines, step):
        out, above = b"", None
        for line in lines:
            above = above or bytes(len(line))
            method = rng.randrange(5)
            row = bytearray()
            for i, value in enumerate(line):
                a = line[i - step] if i >= step else 0
                b = above[i]
                c = above[i - step] if i >= step else 0
                p = a + b - c
                paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
                row.append((value - (0, a, b, (a + b) // 2, paeth)[method]) & 255)
            out += bytes([method]) + bytes(row)
            above = line
        return out

    CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
    PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]

    def png(width, height, depth, color, pixels, interlaced, extra=b"", piece=1 << 20):
        step = max(1, CHANNELS[color] * depth // 8)
        data = b""
        for x0, y0, dx, dy in PASSES if interlaced else [(0, 0, 1, 1)]:
            rows = [[s for p in row[x0::dx] for s in p] for row in pixels[y0::dy]]
            if rows and rows[0]: data += filtered([pack(row, depth) for row in rows], step)
        packed = zlib.compress(data)
        header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
        return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra
                + b"".join(chunk(b"IDAT", packed[i:i + piece]) for i in range(0, len(packed), piece)) + chunk(b"IEND", b""))

    def noise(width, height, depth, color, top=None):
        top = top or 1 << depth
        return [[tuple(rng.randrange(top) for _ in range(CHANNELS[color])) for _ in range(width)] for _ in range(height)]

    def palette(count):
        return chunk(b"PLTE", bytes(rng.randrange(256) for _ in range(3 * count)))

    def pngs():
        for color, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16))):
            for depth in depths:
                for interlaced in (False, True):
                    for width, height in ((1, 1), (1, 9), (9, 1), (13, 11), (33, 17)):
                        pixels = noise(width, height, depth, color)
                        extra = palette(1 << depth) if color == 3 else b""
                        name = "color%d-depth%d-%s-%dx%d.png" % (
                            color, depth, "adam7" if interlaced else "rows", width, height)
                        rgb = None
                        if (color, depth) == (0, 16):  # Pillow clips; the high byte is wanted.
                            rgb = bytes(v for row in pixels for p in row for v in [p[0] >> 8] * 3)
                        emit(name, png(width, height, depth, color, pixels, interlaced, extra), rgb)
        gray, color, index = noise(12, 7, 8, 0), noise(12, 7, 8, 2), noise(12, 7, 8, 3, 16)
        emit("trns-gray.png", png(12, 7, 8, 0, gray, False, chunk(b"tRNS", struct.pack(">H", gray[0][0][0]))))
        emit("trns-rgb.png", png(12, 7, 8, 2, color, False, chunk(b"tRNS", struct.pack(">HHH", *color[0][0]))))
        emit("trns-palette.png", png(12, 7, 8, 3, index, False, palette(16) + chunk(b"tRNS", bytes(range(16)))))
        emit("short-palette.png", png(12, 7, 8, 3, index, False, palette(5)))
        emit("gamma.png", png(12, 7, 8, 2, color, False, chunk(b"gAMA", struct.pack(">I", 220000))
             + chunk(b"cHRM", struct.pack(">8I", *[31270] * 8)) + chunk(b"sRGB", b"\0")))
        emit("profile.png", png(12, 7, 8, 2, color, False, chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(500)))))
        emit("suggested.png", png(12, 7, 8, 2, color, False, palette(7) + chunk(b"bKGD", bytes(6))))
        emit("long-chunk.png", png(12, 7, 8, 2, color, False, chunk(b"prVt", bytes(9000000))))
        emit("split.png", png(12, 7, 8, 2, color, True, piece=7))

    # JPEG: what Pillow writes, patched where it cannot.
    def photo(mode, width, height):
        bands = len(mode)
        data = bytes(max(0, min(255, int(128 + 90 * ((x * (b + 2) // 5 + y) % 11 / 5 - 1)) + rng.randrange(-30, 30)))
                     for y in range(height) for x in range(width) for b in range(bands))
        return Image.frombytes(mode, (width, height), data)

    def jpeg(image, **options):
        out = io.BytesIO()
        image.save(out, "JPEG", **options)
        return out.getvalue()

    def adobe(transform):
        return b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transform])

    def jpegs():
        for width, height in ((1, 1), (1, 17), (17, 1), (37, 23), (64, 48)):
            for progressive in (False, True):
                def name(what): return "%s-%s-%dx%d.jpg" % (what, "progressive" if progressive else "baseline", width, height)
                options = dict(quality=rng.choice((5, 75, 98)), progressive=progressive)
                emit(name("gray"), jpeg(photo("L", width, height), **options))
                color = photo("RGB", width, height)
                for sampling in range(3):
                    emit(name("ycc%d" % sampling), jpeg(color, subsampling=sampling, **options))
                emit(name("exif"), jpeg(color, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0", **options))
                data = jpeg(color, subsampling=0, **options)
                assert data[2:4] == b"\xff\xe0"
                emit(name("rgb"), data[:2] + adobe(0) + data[20:])
                data = jpeg(photo("CMYK", width, height), **options)
                at = data.index(b"Adobe") + 11
                emit(name("cmyk"), data)
                emit(name("ycck"), data[:at] + b"\2" + data[at + 1:])
                data = data[:at - 15] + data[at + 1:]
                emit(name("cmyk-plain"), data)

    def tool(data, *arguments):
        return subprocess.run(arguments, input=data, stdout=subprocess.PIPE, check=True).stdout

    def more_jpegs():
        for width, height in ((1, 1), (37, 23), (70, 9)):
            def name(what): return "%s-%dx%d.jpg" % (what, width, height)
            color = photo("RGB", width, height)
            source = jpeg(color, quality=80)
            separate = os.path.join(directory, "scans")
            open(separate, "w").write("0;\n1;\n2;\n")
            for what, arguments in (
                ("arithmetic", ["-arithmetic"]), ("arithmetic-progressive", ["-arithmetic", "-progressive"]),
                ("restart-blocks", ["-restart", "1B"]), ("restart-rows", ["-restart", "1"]),
                ("restart-progressive", ["-restart", "2B", "-progressive"]),
                ("restart-arithmetic", ["-restart", "2B", "-arithmetic"]), ("separate", ["-scans", separate])):
                emit(name(what), tool(source, "/usr/bin/jpegtran", *arguments))
            ppm = b"P6\n%d %d\n255\n" % (width, height) + color.tobytes()
            for sampling in ("1x2", "4x1", "2x2,2x1,1x2", "1x1,2x2,1x1", "4x1,1x1,2x1"):
                emit(name("sample" + sampling.replace(",", "-")), tool(ppm, "/usr/bin/cjpeg", "-sample", sampling))
            emit(name("ids-rgb"), tool(ppm, "/usr/bin/cjpeg", "-rgb"))

    def one_color(path, side):
        pack = zlib.compressobj(1)
        with open(path, "wb") as out:
            out.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)))
            rows = bytes(1 + (side + 7) // 8) * 500
            for _ in range(side // 500):
                data = pack.compress(rows)
                if data: out.write(chunk(b"IDAT", data))
            out.write(chunk(b"IDAT", pack.flush()) + chunk(b"IEND", b""))

    if kind == "pngs": pngs()
    elif kind == "jpegs": jpegs()
    elif kind == "more-jpegs": more_jpegs()
    elif kind == "one-color": one_color(os.path.join(directory, "one-color.png"), 50000)
    else:
        for path in files:
            image = Image.open(path)
            report(os.path.basename(path), path, image.size, image.convert("RGB").tobytes())
    """#
}

"""Writes what fuzzing begins with: DIRECTORY/TARGET/ for each target.

usage: seeds.py DIRECTORY

PngSuite comes from PyPI's pypng (Fuzzing/requirements.txt), further images from Pillow and from ../shared/data/hostile; what
is missing is said and left out. The rest is made here."""

import base64
import contextlib
import io
import itertools
import json
import os
import pathlib
import re
import runpy
import struct
import subprocess
import sys
import tarfile
import zlib

directory = pathlib.Path(sys.argv[1])
repository = pathlib.Path(__file__).resolve().parent.parent
LARGEST = 16 << 10


def write(target, name, content):
    if len(content) > LARGEST:
        return
    folder = directory / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


# PNG


def chunk(kind, content):
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def png(colour, depth, interlaced, extra=b"", split=None):
    """Nine by seven pixels of a pattern."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = b""
    for x, y, step_x, step_y in passes if interlaced else [(0, 0, 1, 1)]:
        columns = len(range(x, 9, step_x))
        for row in range(y, 7, step_y) if columns else []:
            count = (columns * channels * depth + 7) // 8
            rows += bytes([row % 5]) + bytes((row * 37 + i * 11) % 256 for i in range(count))
    data = zlib.compress(rows)
    palette = chunk(b"PLTE", bytes(i % 256 for i in range(3 * min(1 << depth, 200)))) if colour == 3 else b""
    parts = [data[i : i + split] for i in range(0, len(data), split)] if split else [data]
    header = struct.pack(">IIBBBBB", 9, 7, depth, colour, 0, 0, int(interlaced))
    content = chunk(b"IHDR", header) + extra + palette + b"".join(chunk(b"IDAT", part) for part in parts)
    return b"\x89PNG\r\n\x1a\n" + content + chunk(b"IEND", b"")


for colour, depths in [(0, [1, 2, 4, 8, 16]), (2, [8, 16]), (3, [1, 2, 4, 8]), (4, [8, 16]), (6, [8, 16])]:
    for depth, interlaced in itertools.product(depths, [False, True]):
        write("png", f"own-{colour}-{depth}-{int(interlaced)}", png(colour, depth, interlaced))
ancillary = [
    chunk(b"gAMA", struct.pack(">I", 45455)),
    chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(500))),
    chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"text" * 100)),
    chunk(b"iTXt", b"Comment\0\1\0en\0\0" + zlib.compress(b"text" * 100)),
    chunk(b"tRNS", b"\0\1\0\2\0\3"),
    chunk(b"acTL", struct.pack(">II", 2, 0)),
    chunk(b"eXIf", b"II*\0\x08\0\0\0\0\0\0\0"),
    chunk(b"abCd", bytes(20)),
]
for index, extra in enumerate(ancillary):
    write("png", f"own-ancillary-{index}", png(2, 8, index % 2 == 1, extra))
write("png", "own-split", png(6, 8, False, split=3))


def png_suite():
    """PngSuite by Willem van Schaik, as pypng's source distribution carries it."""
    cache = directory.parent / "pypng"
    if not any(cache.glob("pypng-*.tar.gz")):
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
            + ["--no-binary=:all:", "--require-hashes", f"--dest={cache}"]
            + [f"--requirement={repository / 'Fuzzing/requirements.txt'}"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    with tarfile.open(next(cache.glob("pypng-*.tar.gz"))) as archive:
        member = next(name for name in archive.getnames() if name.endswith("/code/pngsuite.py"))
        (cache / "pngsuite.py").write_bytes(archive.extractfile(member).read())
    return runpy.run_path(str(cache / "pngsuite.py"))["png"]


try:
    for name, content in png_suite().items():
        write("png", f"PngSuite-{name}", content)
except (subprocess.CalledProcessError, OSError, StopIteration) as error:
    print(f"seeds: without PngSuite: pypng cannot be fetched ({error})")


# JPEG

small = (repository / "Tests/ImageDecodingTests/SmallImages.swift").read_text()
for name, text in re.findall(r'"(\w+)", \d+, \d+,\s+"""(.*?)"""', small, re.DOTALL):
    content = base64.b64decode(text)
    write("png" if content.startswith(b"\x89PNG") else "jpeg", f"test-{name}", content)

try:
    from PIL import Image

    pattern = Image.frombytes("RGB", (23, 17), bytes((i * 7919 >> 5) % 256 for i in range(23 * 17 * 3)))
    kinds = itertools.product(["L", "RGB", "CMYK"], [False, True], [0, 1, 2], [0, 2])
    for mode, progressive, subsampling, restart in kinds:
        file = io.BytesIO()
        options = {"restart_marker_blocks": restart} if restart else {}
        pattern.convert(mode).save(
            file, "JPEG", progressive=progressive, subsampling=subsampling, quality=60, optimize=True, **options)
        write("jpeg", f"pillow-{mode}-{int(progressive)}-{subsampling}-{restart}", file.getvalue())
except ImportError:
    print("seeds: without Pillow's JPEGs: it is not installed")

hostile = repository.parent / "shared/data/hostile"
if not hostile.is_dir():
    print("seeds: without ../shared/data/hostile: it is not here")
for path in sorted(hostile.rglob("*")):
    with contextlib.suppress(OSError):
        if path.is_file() and path.stat().st_size <= LARGEST:
            content = path.read_bytes()
            name = "hostile-" + "-".join(path.relative_to(hostile).parts)[-100:]
            if content.startswith(b"\x89PNG\r\n\x1a\n"):
                write("png", name, content)
            elif content.startswith(b"\xff\xd8\xff"):
                write("jpeg", name, content)


# safetensors: files, and headers alone

widths = {"BOOL": 1, "U8": 1, "F8_E4M3": 1, "F16": 2, "BF16": 2, "I16": 2, "F32": 4, "I32": 4, "F64": 8, "I64": 8, "C64": 8}
tensors = {"__metadata__": {"format": "staypos-model", "name": "\u00e4\u2028\U0001f600", "head": "positive"}}
offset = 0
for kind, width in widths.items():
    tensors[f"layer.{kind}"] = {"dtype": kind, "shape": [2, 3], "data_offsets": [offset, offset + 6 * width]}
    offset += 6 * width
tensors["scalar"] = {"dtype": "F32", "shape": [], "data_offsets": [offset, offset + 4]}
tensors["none"] = {"dtype": "F32", "shape": [0, 7], "data_offsets": [offset + 4, offset + 4]}
for index, header in enumerate([tensors, {}, {"a": tensors["scalar"] | {"data_offsets": [0, 4]}}]):
    size = max((entry["data_offsets"][1] for entry in header.values() if "dtype" in entry), default=0)
    for escaped in [False, True]:
        text = json.dumps(header, ensure_ascii=escaped).encode()
        write("safetensors", f"file-{index}-{int(escaped)}", struct.pack("<Q", len(text)) + text + bytes(size))
        write("safetensors", f"header-{index}-{int(escaped)}", text)


# Checkpoints of PyTorch, in both formats; without check sums too, which no mutation can guess, and the pickles alone


def without_check_sums(archive):
    """The same zip archive with sums of 0, which say that there are none."""
    content = bytearray(archive)
    for signature, place in [(b"PK\3\4", 14), (b"PK\1\2", 16)]:
        start = content.find(signature)
        while start >= 0:
            content[start + place : start + place + 4] = bytes(4)
            start = content.find(signature, start + 4)
    return bytes(content)


try:
    import torch

    values = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    states = [
        {"conv1.weight": values, "bn1.running_var": values[0, 0].half(), "bn1.num_batches_tracked": torch.tensor(7)},
        {"epoch": 3, "state_dict": {"a": values.t() if values.dim() == 2 else values.transpose(0, 2), "b": values[1:, ::2]}},
        {"model": [values.double(), (values > 3), values.bfloat16()], "name": "x" * 300, "none": None, "list": [1.5, -2, True]},
    ]
    for index, state in enumerate(states):
        for zipped in [True, False]:
            file = io.BytesIO()
            torch.save(state, file, _use_new_zipfile_serialization=zipped)
            content = file.getvalue()
            write("checkpoint", f"file-{index}-{int(zipped)}", content)
            if zipped:
                write("checkpoint", f"unchecked-{index}", without_check_sums(content))
            else:
                # Behind the magic number, the version and the byte order.
                write("checkpoint", f"pickle-{index}", content[content.index(b".", content.index(b"type_sizes")) + 1 :])
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 1)), file)
    write("checkpoint", "script", without_check_sums(file.getvalue()))
except ImportError:
    print("seeds: without checkpoints: PyTorch is not installed")


# Varlink: what a client sends

interface = "io.staypos.Control."
digest = "ab" * 32
identifier = "20261121T093000Z-0123456789abcdef"
calls = [
    ("org.varlink.service.GetInfo", {}),
    ("org.varlink.service.GetInterfaceDescription", {"interface": "io.staypos.Control"}),
    *((interface + name, {}) for name in ["GetStatus", "GetThreshold", "ResetThreshold", "Pause", "Resume", "Reload"]),
    *((interface + name, {}) for name in ["ListQueue", "ListHistory", "ListQuarantine", "ListAllow", "Monitor"]),
    (interface + "SetThreshold", {"value": 0.75}),
    (interface + "Rescan", {"path": "/srv/uploads"}),
    (interface + "Submit", {"path": "/srv/uploads/a.png", "wait": True}),
    (interface + "Submit", {"path": "x", "pathBase64": "L3Vwc/8="}),
    (interface + "ListQueue", {"limit": 7}),
    (interface + "ListHistory", {"limit": 500, "verdict": "not-scored", "path": "/up", "since": "2026-11-21T09:30:00.123Z"}),
    (interface + "GetHistory", {"id": 3}),
    (interface + "GetQuarantine", {"id": "20261121T093000Z-0000000000000003"}),
    (interface + "RestoreQuarantine", {"id": identifier, "to": "/tmp/a", "toBase64": "L3Vwcw=="}),
    (interface + "DeleteQuarantine", {"id": identifier}),
    (interface + "AddAllow", {"sha256": digest, "note": "harmless"}),
    (interface + "RemoveAllow", {"sha256": digest}),
]
messages = []
for index, (method, parameters) in enumerate(calls):
    for more in [False, True]:
        call = {"method": method, "parameters": parameters} | ({"more": True} if more else {})
        messages.append(json.dumps(call).encode() + b"\0")
        write("varlink", f"call-{index}-{int(more)}", messages[-1])
write("varlink", "several", b"".join(messages[:8]))


# Configuration

tables = """[[watch]]
path = "/srv/uploads"
recursive = true
include = ["*.jpg", "*.png"]
settle_milliseconds = 500

[[watch]]
path = '/srv/"other"'

[detector]
model = "/usr/share/staypos/models/default.safetensors"
threshold = 0.5
precision = "auto"
early_exit = false
workers = 0
timeout_seconds = 120
max_pixels = 100_000_000
max_file_bytes = 0xBEBC200

[policy]
mode = "enforce"

[quarantine]
directory = "/var/lib/staypos/quarantine"
max_bytes = 0
retention_days = 0

[state]
directory = "/var/lib/staypos"
history_days = 365

[control]
socket = "/run/staypos/control.sock"
admin_group = "staypos"
"""
write("configuration", "whole", tables.encode())
for index, part in enumerate(tables.split("\n\n")):
    write("configuration", f"part-{index}", (tables.split("\n\n")[0] + "\n" + part + "\n").encode())
write("configuration", "installed", (repository / "etc/staypos/stayposd.toml").read_bytes())
others = [
    'watch = [{ path = "/a", recursive = true }, { path = "/b" }]\ndetector.threshold = 1e-3\n',
    '"watch" = [{ "path" = """/a""" }]\n[a.b."c"]\nd = 1979-05-27T07:32:00-08:00\ne = 07:32:00.999\n',
    "x = [[[1, 2.0, inf, -nan], ['a']], {}]\ny = '''\nlines\n'''\nz = \"\\u00e9\\U0001F600\\n\"\n",
    "[a]\n[a]\n", "[[a]]\n[a.b]\n[[a]]\n", "a.b.c = 0b101\na.b.d = 0o17\n# comment\r\n",
]
for index, text in enumerate(others):
    write("configuration", f"toml-{index}", text.encode())


# Scorer: a byte that attaches a descriptor or not, and a message

score = {"realScore": 0, "fakeScore": 2.5, "bias": -1, "lowerBound": True}
model = {"name": "lite0", "sha256": digest, "threshold": 0.5, "head": "positive", "precision": "fp32", "minimumSize": 32}
sandbox = {"landlock": 6, "seccomp": True, "privilegesDropped": True}
for index, message in enumerate([
    {"hello": {"version": 2, "model": model, "sandbox": sandbox}},
    {"loadFailed": "the model's metadata entry \"name\" is missing"},
    {"id": 1, "score": score, "size": {"width": 640, "height": 480}},
    {"id": 1, "score": score | {"realScore": -1, "lowerBound": False}, "size": {"width": 64, "height": 48}},
    {"id": 1, "reason": "corrupt", "detail": "libpng: IDAT: CRC error"},
    {"id": 1, "reason": "timeout", "detail": "\u001b[2J"},
]):
    for attached in [b"\0", b"\1"]:
        write("scorer", f"message-{index}-{attached[0]}", attached + json.dumps(message).encode())


# Records of the quarantine

time = {"nanoseconds": 1795253400123456789}
identity = {"device": 2049, "inode": 12, "birth": time, "size": 3, "modified": time, "changed": time}
record = {
    "format": 1, "id": identifier, "state": "quarantined", "path": "/srv/uploads/a\ufffd.png",
    "pathBase64": base64.b64encode(b"/srv/uploads/a\xff.png").decode(), "identity": identity, "sha256": digest, "size": 3,
    "uid": 33, "gid": 33, "mode": 0o644, "modified": time, "links": 1, "writerOpen": False,
    "attributes": [{"name": "user.a", "nameBase64": "dXNlci5h", "valueBase64": "AAEC"}],
    "score": {"realScore": 0, "fakeScore": 2.5, "bias": -1}, "probability": 0.8, "threshold": 0.5,
    "model": {"name": "lite0", "sha256": digest}, "time": time, "timeText": "2026-11-21T09:30:00.123Z", "host": "host",
    "copied": False,
}
restoring = record | {"state": "restoring", "restoration": {"path": "/tmp/a.png", "copy": identity}}
for name, value in [("quarantined", record), ("restoring", restoring), ("prepared", record | {"state": "prepared"})]:
    write("record", name, json.dumps(value, indent=1).encode())

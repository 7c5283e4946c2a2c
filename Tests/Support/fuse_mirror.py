"""A file system in user space that shows a directory, as a server far away would: what changes there raises no event here.

usage: fuse_mirror.py DIRECTORY MOUNT-POINT

Speaks the kernel's protocol (linux/fuse.h) without a library; needs root. Files can be read, renamed and unlinked. Says
of every file that it was changed when it was modified, so that a test can make files that are old. Ends with its parent
or when it is unmounted."""

import ctypes
import errno
import os
import signal
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
directory, point = (os.fsencode(path) for path in sys.argv[1:])
LOOKUP, FORGET, GETATTR, UNLINK, RENAME, OPEN, READ, STATFS = 1, 2, 3, 10, 12, 14, 15, 17
RELEASE, FSYNC, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, FSYNCDIR = 18, 20, 25, 26, 27, 28, 29, 30
INTERRUPT, DESTROY, BATCH_FORGET, RENAME2 = 36, 38, 42, 45
paths = {1: directory}


def attributes(path):
    s = os.lstat(path)
    seconds, nanoseconds = divmod(s.st_mtime_ns, 10**9)
    return s.st_ino, struct.pack(
        "<6Q10I", s.st_ino, s.st_size, s.st_blocks, seconds, seconds, seconds, nanoseconds, nanoseconds, nanoseconds,
        s.st_mode, s.st_nlink, s.st_uid, s.st_gid, 0, 4096, 0)


def answer(code, node, body):
    path = paths.get(node)
    if code == INIT:
        return struct.pack("<4I2H2I2H8I", 7, 31, 0, 0, 12, 10, 1 << 16, 1, 16, 0, *[0] * 8)
    if code == LOOKUP:
        child = os.path.join(path, body.rstrip(b"\0"))
        number, attribute = attributes(child)
        paths[number] = child
        return struct.pack("<4Q2I", number, 0, 0, 0, 0, 0) + attribute
    if code == GETATTR:
        return struct.pack("<QII", 0, 0, 0) + attributes(path)[1]
    if code in (OPEN, OPENDIR):
        return struct.pack("<QII", 0, 0, 0)
    if code in (RELEASE, RELEASEDIR, FLUSH, FSYNC, FSYNCDIR):
        return b""
    if code == STATFS:
        return bytes(80)
    if code == READ:
        _, offset, size = struct.unpack_from("<QQI", body)
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(size)
    if code == READDIR:
        _, offset, size = struct.unpack_from("<QQI", body)
        listing = b""
        for index, name in enumerate(sorted(os.listdir(path))):
            if index < offset:
                continue
            s = os.lstat(os.path.join(path, name))
            entry = struct.pack("<QQII", s.st_ino, index + 1, len(name), s.st_mode >> 12) + name
            entry += bytes(-len(entry) % 8)
            if len(listing) + len(entry) > size:
                break
            listing += entry
        return listing
    if code == UNLINK:
        os.unlink(os.path.join(path, body.rstrip(b"\0")))
        return b""
    if code in (RENAME, RENAME2):
        start = 8 if code == RENAME else 16
        old, new = body[start:].split(b"\0")[:2]
        target = os.path.join(paths[struct.unpack_from("<Q", body)[0]], new)
        if code == RENAME2 and struct.unpack_from("<QI", body)[1] & 1 and os.path.lexists(target):
            raise OSError(errno.EEXIST, "")
        os.rename(os.path.join(path, old), target)
        paths[os.lstat(target).st_ino] = target
        return b""
    raise OSError(errno.ENOSYS, "")


libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
device = os.open("/dev/fuse", os.O_RDWR)
options = b"fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other" % device
if libc.mount(b"mirror", point, b"fuse", 0, options) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
while True:
    try:
        request = os.read(device, 1 << 17)
    except OSError as failure:
        if failure.errno == errno.EINTR or failure.errno == errno.ENOENT:
            continue
        break
    _, code, unique, node = struct.unpack_from("<IIQQ", request)
    if code in (FORGET, BATCH_FORGET, INTERRUPT):
        continue
    if code == DESTROY:
        break
    try:
        reply, failed = answer(code, node, request[40:]), 0
    except OSError as failure:
        reply, failed = b"", -failure.errno
    os.write(device, struct.pack("<IiQ", 16 + len(reply), failed, unique) + reply)

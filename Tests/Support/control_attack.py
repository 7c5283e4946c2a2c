"""Abuses a control socket until its input ends: idle, slow, endless, random and deaf connections, thousands of them.

usage: control_attack.py SOCKET COUNT

Prints how many connections it has made, and how many of them were taken, when COUNT is reached, and goes on."""

import os
import random
import resource
import select
import socket
import sys

path, count = sys.argv[1], int(sys.argv[2])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
call = b'{"method":"io.staypos.Control.ListHistory","more":true,"parameters":{"limit":100000}}\0'
held, made, taken = [], 0, 0


def garbage():
    text = bytearray(call)
    for _ in range(random.randrange(1, 9)):
        text[random.randrange(len(text))] = random.randrange(256)
    return bytes(text)


def attack():
    """One more connection."""
    global taken
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(1)
    try:
        s.connect(path)
        kind = random.randrange(5)
        s.setblocking(False)
        if kind == 1:
            s.send(call[:10])
        elif kind == 2:
            s.send(b"x" * 65536)
        elif kind == 3:
            s.send(garbage())
        elif kind == 4:
            s.send(call)
        taken += 1
    except OSError:
        s.close()
        return
    held.append(s)


while not select.select([sys.stdin], [], [], 0)[0]:
    attack()
    made += 1
    if made == count:
        print(made, taken, flush=True)
    # What the server has closed gives way to more.
    if len(held) > 500:
        held.pop(0).close()
    for s in random.sample(held, min(3, len(held))):
        try:
            s.send(b"y")
        except OSError:
            held.remove(s)
            s.close()

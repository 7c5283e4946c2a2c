"""Becomes a program with descriptors passed to it as a service manager does (sd_listen_fds(3)).

usage: pass_descriptors.py STORE NOTIFY COMMAND…

STORE is a SOCK_SEQPACKET socket that sends one message a descriptor, with its name; NOTIFY becomes NOTIFY_SOCKET."""

import fcntl
import os
import socket
import sys

store, notify, *command = sys.argv[1:]
names, descriptors = [], []
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
    connection.connect(store)
    while True:
        name, received, _, _ = socket.recv_fds(connection, 256, 1)
        if not name:
            break
        names.append(name.decode())
        # Out of the way of the numbers that they get.
        descriptors.append(fcntl.fcntl(received[0], fcntl.F_DUPFD, 100))
for index, descriptor in enumerate(descriptors):
    os.dup2(descriptor, 3 + index)
    os.close(descriptor)
if names:
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ["LISTEN_FDS"] = str(len(names))
    os.environ["LISTEN_FDNAMES"] = ":".join(names)
os.environ["NOTIFY_SOCKET"] = notify
os.execv(command[0], command)

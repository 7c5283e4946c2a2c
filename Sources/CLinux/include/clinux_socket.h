#pragma once

#include <stdbool.h>
#include <sys/types.h>

// What unix(7) and accept(2) offer to _GNU_SOURCE only.

/// accept4(2) with SOCK_CLOEXEC and SOCK_NONBLOCK: the descriptor, or -1 and errno.
int clinux_accept(int listener);

/// SO_PEERCRED: the process that connected, as it was then. 0, or -1 and errno.
int clinux_peer(int connection, pid_t *pid, uid_t *uid, gid_t *gid);

/// SO_PEERCRED and SO_PEERGROUPS: whether the peer was in the group when it connected.
bool clinux_peer_in_group(int connection, gid_t group);

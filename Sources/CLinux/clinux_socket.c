#define _GNU_SOURCE
#include "clinux_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

int clinux_accept(int listener) {
  return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

int clinux_peer(int connection, pid_t *pid, uid_t *uid, gid_t *gid) {
  struct ucred credentials;
  socklen_t length = sizeof credentials;
  if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return -1;
  *pid = credentials.pid;
  *uid = credentials.uid;
  *gid = credentials.gid;
  return 0;
}

bool clinux_peer_in_group(int connection, gid_t group) {
  pid_t pid;
  uid_t uid;
  gid_t gid;
  if (clinux_peer(connection, &pid, &uid, &gid) != 0) return false;
  if (gid == group) return true;
  socklen_t length = 0;
  // Asks for the length first: it fails with ERANGE unless there are no groups at all.
  if (getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, NULL, &length) == 0 || errno != ERANGE) return false;
  gid_t *groups = malloc(length);
  if (groups == NULL) return false;
  bool found = false;
  if (getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, groups, &length) == 0) {
    for (size_t index = 0; index < length / sizeof *groups; index++) found |= groups[index] == group;
  }
  free(groups);
  return found;
}

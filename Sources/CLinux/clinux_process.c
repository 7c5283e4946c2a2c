#define _GNU_SOURCE
#include "clinux_process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { max_descriptors = 4, first_descriptor = STDERR_FILENO };

int clinux_spawn(pid_t *process, const char *path, char *const arguments[], char *const environment[],
                 const int *descriptors, size_t count) {
  if (count > max_descriptors) return EINVAL;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int error = posix_spawn_file_actions_init(&actions);
  if (error != 0) return error;
  error = posix_spawnattr_init(&attributes);
  if (error != 0) {
    posix_spawn_file_actions_destroy(&actions);
    return error;
  }

  int sources[max_descriptors];
  size_t taken = 0;
  error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (error == 0) error = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  for (; error == 0 && taken < count; taken++) {
    // Out of the way of the numbers that they get in the child.
    int source = fcntl(descriptors[taken], F_DUPFD_CLOEXEC, first_descriptor + max_descriptors);
    if (source < 0) {
      error = errno;
      break;
    }
    sources[taken] = source;
    error = posix_spawn_file_actions_adddup2(&actions, source, first_descriptor + (int)taken);
  }
  if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(&actions, first_descriptor + (int)count);

  sigset_t signals;
  sigfillset(&signals);
  if (error == 0) error = posix_spawnattr_setsigdefault(&attributes, &signals);
  sigemptyset(&signals);
  if (error == 0) error = posix_spawnattr_setsigmask(&attributes, &signals);
  if (error == 0) {
    error = posix_spawnattr_setflags(&attributes,
                                     POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
  }
  if (error == 0) error = posix_spawn(process, path, &actions, &attributes, arguments, environment);

  while (taken > 0) close(sources[--taken]);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

int clinux_pipe(int ends[2]) {
  return pipe2(ends, O_CLOEXEC | O_NONBLOCK);
}

int clinux_processors(void) {
  // The kernel refuses a set that is smaller than its own.
  for (int capacity = CPU_SETSIZE; capacity <= 1 << 20; capacity *= 2) {
    cpu_set_t *set = CPU_ALLOC(capacity);
    if (set == NULL) return 1;
    size_t size = CPU_ALLOC_SIZE(capacity);
    int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
    int error = errno;
    CPU_FREE(set);
    if (count > 0) return count;
    if (error != EINVAL) return 1;
  }
  return 1;
}

int clinux_pidfd_open(pid_t process) {
  return (int)syscall(SYS_pidfd_open, process, 0);
}

ssize_t clinux_send_message(int socket, const void *bytes, size_t count, int descriptor) {
  struct iovec vector = {.iov_base = (void *)bytes, .iov_len = count};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  if (descriptor >= 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = &control;
    message.msg_controllen = sizeof control.space;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  }
  ssize_t sent;
  do {
    sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

ssize_t clinux_receive_message(int socket, void *bytes, size_t capacity, int *descriptor) {
  struct iovec vector = {.iov_base = bytes, .iov_len = capacity};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  if (descriptor) {
    *descriptor = -1;
    message.msg_control = &control;
    // CMSG_SPACE is padded and would leave room for a second descriptor.
    message.msg_controllen = CMSG_LEN(sizeof(int));
  }
  ssize_t count;
  do {
    count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return -1;

  int received = -1;
  if (descriptor && message.msg_controllen >= CMSG_LEN(sizeof(int))) {
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len >= CMSG_LEN(sizeof(int))) {
      memcpy(&received, CMSG_DATA(header), sizeof received);
    }
  }
  if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
    if (received >= 0) close(received);
    errno = message.msg_flags & MSG_TRUNC ? EMSGSIZE : EBADMSG;
    return -1;
  }
  if (descriptor) *descriptor = received;
  return count;
}

int clinux_die_with_parent(void) {
  return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

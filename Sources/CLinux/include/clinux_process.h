#ifndef CLINUX_PROCESS_H
#define CLINUX_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

/// posix_spawn(3) of a program that inherits no more than it is given: `descriptors` become 2 (standard error), 3, 4 and
/// so on, input and output are /dev/null, all else is closed; no signal is blocked or ignored; the session is its own,
/// so that the terminal's signals go to the caller alone. Returns 0 or an error number.
int clinux_spawn(pid_t *process, const char *path, char *const arguments[], char *const environment[],
                 const int *descriptors, size_t count);

/// pipe2(2): ends[0] reads, ends[1] writes; both close-on-exec, neither ever waits. -1 and errno on failure.
int clinux_pipe(int ends[2]);

/// Processors that this process may run on (sched_getaffinity(2)); at least 1.
int clinux_processors(void);

/// pidfd_open(2). The descriptor is readable once the process has ended. -1 and errno on failure.
int clinux_pidfd_open(pid_t process);

/// Sends one message without waiting and without SIGPIPE; with `descriptor` attached (SCM_RIGHTS) unless it is -1.
/// Returns the bytes sent, or -1 and errno.
ssize_t clinux_send_message(int socket, const void *bytes, size_t count, int descriptor);

/// Receives one message; waits for it unless the socket is non-blocking. A descriptor that came with it goes to
/// `*descriptor` (close-on-exec; -1 if none came); with `descriptor` NULL the kernel takes in none.
/// Returns the bytes received (0: the peer closed), or -1 and errno: EMSGSIZE if the message was longer than
/// `capacity`, EBADMSG if more descriptors or other ancillary data came than asked for. None of them stays open then.
ssize_t clinux_receive_message(int socket, void *bytes, size_t capacity, int *descriptor);

/// PR_SET_PDEATHSIG with SIGKILL: this process dies with its parent, to be exact when the thread that
/// started it ends.
int clinux_die_with_parent(void);

#endif

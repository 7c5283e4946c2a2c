#ifndef CLINUX_SANDBOX_H
#define CLINUX_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

// What a scorer does to itself before it sees an image. Each returns 0, or -1 and errno; none can be undone.

/// PR_SET_NO_NEW_PRIVS, no core dumps and no ptrace by the same user (PR_SET_DUMPABLE 0), no capability in any set.
int clinux_drop_privileges(void);

/// Lets the processor's other users go first, with setpriority(2) and, where each session has its share of its own, with
/// sched(7)'s autogroup. At best: without the right to do so all goes on as it is.
void clinux_yield_processor(int nice);

/// setrlimit(2): no core, no growing file, few descriptors, no locked memory; at most `data_bytes` of private
/// writable memory (RLIMIT_DATA; 0: unlimited); at most `further_threads` more threads and processes of this user than there
/// are now (RLIMIT_NPROC; the kernel does not hold root to it).
int clinux_limit_resources(uint64_t data_bytes, uint64_t further_threads);

/// The version of landlock(7) that the kernel offers; 0 if it has none or has it turned off.
int clinux_landlock_abi(void);

/// Denies every access to the file system, to TCP ports and to processes and abstract sockets outside that the kernel's
/// landlock knows, for the calling thread and the threads and processes that it starts later. Open descriptors stay
/// usable.
int clinux_restrict_landlock(void);

/// Installs a seccomp(2) filter in all threads of the process. It allows what decoding and arithmetic in memory need
/// (executable memory too: oneDNN compiles its kernels), messages over `socket`, and with `threads` new threads.
/// Attempts to open or find files give EACCES, because the C library makes some in passing; everything else kills the
/// process with SIGSYS.
int clinux_restrict_system_calls(int socket, bool threads);

#endif

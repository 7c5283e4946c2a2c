#define _GNU_SOURCE
#include "clinux_sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int clinux_drop_privileges(void) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return -1;
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return -1;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
  return (int)syscall(SYS_capset, &header, none);
}

void clinux_yield_processor(int nice) {
  setpriority(PRIO_PROCESS, 0, nice);
  int group = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
  if (group < 0) return;
  // The kernel takes one such change in 100 ms from all who may not do anything.
  for (int attempt = 0; attempt < 20; attempt++) {
    if (dprintf(group, "%d", nice) >= 0 || errno != EAGAIN) break;
    usleep(30000);
  }
  close(group);
}

static int limit(int resource, rlim_t value) {
  struct rlimit current;
  if (getrlimit(resource, &current) != 0) return -1;
  if (current.rlim_max < value) value = current.rlim_max;
  struct rlimit wanted = {.rlim_cur = value, .rlim_max = value};
  return setrlimit(resource, &wanted);
}

/// Threads of all processes of this user; -1 and errno where /proc does not tell.
static int64_t count_tasks(void) {
  DIR *processes = opendir("/proc");
  if (!processes) return -1;
  int64_t count = 0;
  for (struct dirent *entry; (entry = readdir(processes));) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    char path[64];
    struct stat status;
    snprintf(path, sizeof path, "%.16s/task", entry->d_name);
    // One link for each thread beside the two that any directory has. A process may end meanwhile.
    if (fstatat(dirfd(processes), path, &status, 0) == 0 && status.st_uid == getuid() && status.st_nlink > 2) {
      count += (int64_t)status.st_nlink - 2;
    }
  }
  closedir(processes);
  if (count > 0) return count;
  errno = ENOENT;
  return -1;
}

int clinux_limit_resources(uint64_t data_bytes, uint64_t further_threads) {
  if (limit(RLIMIT_CORE, 0) != 0) return -1;
  if (limit(RLIMIT_FSIZE, 0) != 0) return -1;
  if (limit(RLIMIT_NOFILE, 16) != 0) return -1;
  if (limit(RLIMIT_MEMLOCK, 0) != 0) return -1;
  if (limit(RLIMIT_MSGQUEUE, 0) != 0) return -1;
  // The limit is on all that the user runs, so that what runs already has to be counted.
  int64_t tasks = further_threads > 0 ? count_tasks() : 0;
  if (tasks < 0 || limit(RLIMIT_NPROC, (rlim_t)tasks + further_threads) != 0) return -1;
  if (data_bytes > 0 && limit(RLIMIT_DATA, data_bytes) != 0) return -1;
  return 0;
}

// landlock(7). Debian 12's headers know its first two versions only.

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

struct landlock_ruleset {
  uint64_t file_system;
  uint64_t network;  // from version 4
  uint64_t scoped;   // from version 6
};

int clinux_landlock_abi(void) {
  const unsigned ask_version = 1;
  long version = syscall(SYS_landlock_create_ruleset, NULL, 0, ask_version);
  return version > 0 ? (int)version : 0;
}

int clinux_restrict_landlock(void) {
  int abi = clinux_landlock_abi();
  if (abi == 0) {
    errno = EOPNOTSUPP;
    return -1;
  }
  // LANDLOCK_ACCESS_FS_*: 13 rights in version 1, then REFER, TRUNCATE and IOCTL_DEV.
  int rights = abi >= 5 ? 16 : abi >= 3 ? 15 : abi >= 2 ? 14 : 13;
  // Without it the kernel asks for CAP_SYS_ADMIN; the same below.
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  struct landlock_ruleset ruleset = {
      .file_system = (UINT64_C(1) << rights) - 1,
      .network = abi >= 4 ? 3 : 0,  // BIND_TCP, CONNECT_TCP
      .scoped = abi >= 6 ? 3 : 0,   // ABSTRACT_UNIX_SOCKET, SIGNAL
  };
  int descriptor = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof ruleset, 0);
  if (descriptor < 0) return -1;
  int result = (int)syscall(SYS_landlock_restrict_self, descriptor, 0);
  int error = errno;
  close(descriptor);
  errno = error;
  return result;
}

// seccomp(2), as classic BPF: a list of rules, the first match decides.

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "clinux_sandbox.c: add this architecture's AUDIT_ARCH"
#endif

struct program {
  struct sock_filter code[512];
  unsigned short length;
};

static void emit(struct program *program, uint16_t code, uint8_t on_true, uint8_t on_false, uint32_t value) {
  if (program->length < sizeof program->code / sizeof program->code[0]) {
    program->code[program->length] = (struct sock_filter)BPF_JUMP(code, value, on_true, on_false);
  }
  program->length++;
}

static void load(struct program *program, size_t offset) {
  emit(program, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void answer(struct program *program, uint32_t action) {
  emit(program, BPF_RET | BPF_K, 0, 0, action);
}

// The accumulator holds the call's number between rules; a rule that loads an argument always answers.

static void rule(struct program *program, long call, uint32_t action) {
  emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)call);
  answer(program, action);
}

static size_t argument(unsigned index, bool high) {
  // Both architectures are little-endian.
  return offsetof(struct seccomp_data, args) + 8 * index + (high ? 4 : 0);
}

/// Allows `call` if the low 32 bits of the argument, masked, are `value`: for arguments of which the kernel takes those.
static void rule_if(struct program *program, long call, unsigned index, uint32_t mask, uint32_t value,
                    uint32_t otherwise) {
  emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 5, (uint32_t)call);
  load(program, argument(index, false));
  emit(program, BPF_ALU | BPF_AND | BPF_K, 0, 0, mask);
  emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value);
  answer(program, SECCOMP_RET_ALLOW);
  answer(program, otherwise);
}

/// Allows `call` if all 64 bits of the argument are zero.
static void rule_if_null(struct program *program, long call, unsigned index, uint32_t otherwise) {
  emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 6, (uint32_t)call);
  load(program, argument(index, false));
  emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0);
  load(program, argument(index, true));
  emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
  answer(program, SECCOMP_RET_ALLOW);
  answer(program, otherwise);
}

static const long allowed[] = {
    SYS_futex, SYS_read, SYS_pread64, SYS_lseek, SYS_close, SYS_fstat,
    // Memory
    SYS_munmap, SYS_mprotect, SYS_mremap, SYS_madvise, SYS_brk,
    // Time and chance
    SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday, SYS_getrandom,
    // Its own signals, threads and end
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_restart_syscall,
    SYS_getpid, SYS_gettid, SYS_sched_yield, SYS_sched_getaffinity, SYS_getcpu, SYS_set_robust_list, SYS_rseq,
    SYS_exit, SYS_exit_group,
    // What it may know about its own use
    SYS_getrusage, SYS_sysinfo, SYS_uname,
};

/// Asked in passing by the C library (malloc reads an overcommit setting), OpenMP and the Swift runtime.
static const long refused[] = {
    SYS_openat, SYS_readlinkat, SYS_faccessat, SYS_faccessat2, SYS_getcwd, SYS_statx,
    SYS_sched_setaffinity, SYS_mbind, SYS_set_mempolicy, SYS_get_mempolicy, SYS_membarrier, SYS_mincore,
#ifdef SYS_open
    SYS_open, SYS_readlink, SYS_access,
#endif
};

int clinux_restrict_system_calls(int socket, bool threads) {
  const uint32_t kill = SECCOMP_RET_KILL_PROCESS;
  const uint32_t exact = UINT32_MAX;
  struct program program = {.length = 0};

  load(&program, offsetof(struct seccomp_data, arch));
  emit(&program, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, NATIVE_ARCH);
  answer(&program, kill);
  // The x32 variants have other numbers, and no rule.
  load(&program, offsetof(struct seccomp_data, nr));

  for (size_t index = 0; index < sizeof allowed / sizeof allowed[0]; index++) {
    rule(&program, allowed[index], SECCOMP_RET_ALLOW);
  }
  for (size_t index = 0; index < sizeof refused / sizeof refused[0]; index++) {
    rule(&program, refused[index], SECCOMP_RET_ERRNO | EACCES);
  }
  rule_if(&program, SYS_recvmsg, 0, exact, (uint32_t)socket, kill);
  rule_if(&program, SYS_sendmsg, 0, exact, (uint32_t)socket, kill);
  // RLIMIT_DATA counts neither shared memory nor what grows like a stack. The first four bits are the type: mmap(2).
  rule_if(&program, SYS_mmap, 3, 0x0F | MAP_GROWSDOWN | MAP_HUGETLB, MAP_PRIVATE, SECCOMP_RET_ERRNO | EACCES);
  // Last words on standard error.
  rule_if(&program, SYS_write, 0, exact, STDERR_FILENO, kill);
  rule_if(&program, SYS_writev, 0, exact, STDERR_FILENO, kill);
  // fstat(3) is this call with an empty path.
  rule_if(&program, SYS_newfstatat, 3, exact, AT_EMPTY_PATH, SECCOMP_RET_ERRNO | EACCES);
  rule_if(&program, SYS_fcntl, 1, exact, F_GETFL, SECCOMP_RET_ERRNO | EPERM);
  rule(&program, SYS_ioctl, SECCOMP_RET_ERRNO | ENOTTY);
  rule_if_null(&program, SYS_prlimit64, 2, SECCOMP_RET_ERRNO | EPERM);
  // abort(3)
  rule_if(&program, SYS_tgkill, 0, exact, (uint32_t)getpid(), kill);
  if (threads) {
    const uint32_t needed = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD;
    const uint32_t forbidden = CLONE_PTRACE | CLONE_VFORK | CLONE_PARENT | CLONE_NEWNS | CLONE_NEWCGROUP |
                               CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_PIDFD;
    rule_if(&program, SYS_clone, 0, needed | forbidden, needed, kill);
    // Its flags lie in memory, out of a filter's sight; the C library goes back to clone.
    rule(&program, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
  }
  answer(&program, kill);

  if (program.length > sizeof program.code / sizeof program.code[0]) {
    errno = E2BIG;
    return -1;
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  struct sock_fprog filter = {.len = program.length, .filter = program.code};
  long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
  if (result > 0) {
    // The number of a thread that has another filter and cannot follow.
    errno = EBUSY;
    return -1;
  }
  return (int)result;
}

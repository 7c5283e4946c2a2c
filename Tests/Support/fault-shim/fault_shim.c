// A kernel that misbehaves: stands between stayposd and the C library's file calls (LD_PRELOAD).
//
// STAYPOS_SHIM_RULES names a file, read again at every call, of lines `CALL ERRNO PATH [N]`: a call of that name on something
// whose path begins so fails with that number; with N only the N-th one since the line was written. `copy 0 PATH` and
// `write 0 PATH`: the call does one byte only. Calls: write, copy, fsync, rename (by its source), unlink, mkdir, truncate,
// attribute (owner, mode, times, extended) and create. `clock SECONDS /`: the clock is so far behind.
// STAYPOS_SHIM_LOG names a file that gets a line for every call that went through, `CALL PATH [PATH]`, and for every N-th one
// that did not, `fault CALL PATH`.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

// Scorers inherit the environment, and their sandbox takes an unexpected call ill.
static bool is_active(void) { return strcmp(program_invocation_short_name, "stayposd") == 0; }

static void path_of(int descriptor, char *path) {
  char link[40];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  path[length > 0 ? length : 0] = '\0';
}

static void path_at(int directory, const char *name, char *path) {
  path[0] = '\0';
  if (directory != AT_FDCWD && name[0] != '/') path_of(directory, path);
  size_t length = strlen(path);
  if (length > 0) path[length++] = '/';
  snprintf(path + length, PATH_MAX - length, "%s", name);
}

static void note(const char *call, const char *path, const char *other) {
  int saved = errno;
  const char *name = getenv("STAYPOS_SHIM_LOG");
  int file = name ? open(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
  if (file >= 0) {
    dprintf(file, "%s %s %s\n", call, path, other);
    close(file);
  }
  errno = saved;
}

// Calls that the rule with an N has met, since it was written.
static pthread_mutex_t counting = PTHREAD_MUTEX_INITIALIZER;
static char counted[PATH_MAX];
static int count;

static bool is_due(const char *line, int turn, const char *call, const char *path) {
  pthread_mutex_lock(&counting);
  if (strcmp(counted, line) != 0) {
    snprintf(counted, sizeof counted, "%s", line);
    count = 0;
  }
  bool due = ++count == turn;
  pthread_mutex_unlock(&counting);
  if (due) note("fault", call, path);
  return due;
}

// -1: no rule; 0: do a little; else the error.
static int rule(const char *call, const char *path) {
  int saved = errno, result = -1;
  const char *name = getenv("STAYPOS_SHIM_RULES");
  FILE *rules = name ? fopen(name, "re") : NULL;
  if (rules) {
    char line[PATH_MAX], known[16], prefix[PATH_MAX];
    int number, turn;
    while (result < 0 && fgets(line, sizeof line, rules)) {
      int fields = sscanf(line, "%15s %d %4000s %d", known, &number, prefix, &turn);
      if (fields < 3 || strcmp(known, call) != 0 || strncmp(path, prefix, strlen(prefix)) != 0) continue;
      if (fields == 3 || is_due(line, turn, call, path)) result = number;
    }
    fclose(rules);
  }
  errno = saved;
  return result;
}

#define FAIL_BY_RULE(call, path)                \
  int fault = rule(call, path);                 \
  if (fault > 0) {                              \
    errno = fault;                              \
    return -1;                                  \
  }

int renameat2(int from_directory, const char *from, int to_directory, const char *to, unsigned flags) {
  if (!is_active()) return NEXT(renameat2)(from_directory, from, to_directory, to, flags);
  char source[PATH_MAX], target[PATH_MAX];
  path_at(from_directory, from, source);
  path_at(to_directory, to, target);
  FAIL_BY_RULE("rename", source)
  int result = NEXT(renameat2)(from_directory, from, to_directory, to, flags);
  if (result == 0) note("rename", source, target);
  return result;
}

int unlinkat(int directory, const char *name, int flags) {
  if (!is_active()) return NEXT(unlinkat)(directory, name, flags);
  char path[PATH_MAX];
  path_at(directory, name, path);
  FAIL_BY_RULE("unlink", path)
  int result = NEXT(unlinkat)(directory, name, flags);
  if (result == 0) note("unlink", path, "");
  return result;
}

// Calls that concern one open file.
#define ON_DESCRIPTOR(call, descriptor, next)   \
  if (!is_active()) return next;                \
  char path[PATH_MAX];                          \
  path_of(descriptor, path);                    \
  FAIL_BY_RULE(call, path)                      \
  int result = next;                            \
  if (result == 0) note(call, path, "");        \
  return result;

int fsync(int descriptor) { ON_DESCRIPTOR("fsync", descriptor, NEXT(fsync)(descriptor)) }

int fdatasync(int descriptor) { ON_DESCRIPTOR("fsync", descriptor, NEXT(fdatasync)(descriptor)) }

int ftruncate64(int descriptor, off64_t length) {
  ON_DESCRIPTOR("truncate", descriptor, NEXT(ftruncate64)(descriptor, length))
}

int ftruncate(int descriptor, off_t length) {
  ON_DESCRIPTOR("truncate", descriptor, NEXT(ftruncate)(descriptor, length))
}

int fchmod(int descriptor, mode_t mode) { ON_DESCRIPTOR("attribute", descriptor, NEXT(fchmod)(descriptor, mode)) }

int fchown(int descriptor, uid_t owner, gid_t group) {
  ON_DESCRIPTOR("attribute", descriptor, NEXT(fchown)(descriptor, owner, group))
}

int futimens(int descriptor, const struct timespec times[2]) {
  ON_DESCRIPTOR("attribute", descriptor, NEXT(futimens)(descriptor, times))
}

int fsetxattr(int descriptor, const char *name, const void *value, size_t size, int flags) {
  ON_DESCRIPTOR("attribute", descriptor, NEXT(fsetxattr)(descriptor, name, value, size, flags))
}

int unlink(const char *name) {
  if (!is_active()) return NEXT(unlink)(name);
  FAIL_BY_RULE("unlink", name)
  int result = NEXT(unlink)(name);
  if (result == 0) note("unlink", name, "");
  return result;
}

int mkdir(const char *name, mode_t mode) {
  if (!is_active()) return NEXT(mkdir)(name, mode);
  FAIL_BY_RULE("mkdir", name)
  int result = NEXT(mkdir)(name, mode);
  if (result == 0) note("mkdir", name, "");
  return result;
}

int mkdirat(int directory, const char *name, mode_t mode) {
  if (!is_active()) return NEXT(mkdirat)(directory, name, mode);
  char path[PATH_MAX];
  path_at(directory, name, path);
  FAIL_BY_RULE("mkdir", path)
  int result = NEXT(mkdirat)(directory, name, mode);
  if (result == 0) note("mkdir", path, "");
  return result;
}

// openat2(2) has no function in this C library.
long syscall(long number, ...) {
  long a[6];
  va_list list;
  va_start(list, number);
  for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
  va_end(list);
  const struct open_how *how = (const struct open_how *)a[2];
  if (number != SYS_openat2 || !is_active() || !(how->flags & O_CREAT))
    return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  char path[PATH_MAX];
  path_at((int)a[0], (const char *)a[1], path);
  FAIL_BY_RULE("create", path)
  long result = NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  if (result >= 0) note("create", path, "");
  return result;
}

ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t count, unsigned flags) {
  if (!is_active()) return NEXT(copy_file_range)(from, from_offset, to, to_offset, count, flags);
  char path[PATH_MAX];
  path_of(to, path);
  FAIL_BY_RULE("copy", path)
  if (fault == 0 && count > 1) count = 1;
  ssize_t result = NEXT(copy_file_range)(from, from_offset, to, to_offset, count, flags);
  if (result > 0) note("copy", path, "");
  return result;
}

// What is said to people, and wakes threads, is no file of the daemon's.
#define ON_WRITE(next)                                        \
  if (!is_active() || descriptor <= STDERR_FILENO) return next; \
  char path[PATH_MAX];                                        \
  path_of(descriptor, path);                                  \
  FAIL_BY_RULE("write", path)                                 \
  if (fault == 0 && count > 1) count = 1;                     \
  ssize_t result = next;                                      \
  if (result > 0 && path[0] == '/') note("write", path, "");  \
  return result;

ssize_t write(int descriptor, const void *bytes, size_t count) {
  ON_WRITE(NEXT(write)(descriptor, bytes, count))
}

// What SQLite writes with.
ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
  ON_WRITE(NEXT(pwrite)(descriptor, bytes, count, offset))
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
  ON_WRITE(NEXT(pwrite64)(descriptor, bytes, count, offset))
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  int result = NEXT(clock_gettime)(clock, time);
  if (result == 0 && clock == CLOCK_REALTIME && is_active()) {
    int behind = rule("clock", "/");
    if (behind > 0) time->tv_sec -= behind;
  }
  return result;
}

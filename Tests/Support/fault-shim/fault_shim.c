// A kernel that misbehaves: stands between stayposd and the C library's file calls (LD_PRELOAD).
//
// STAYPOS_SHIM_RULES names a file, read again at every call, of lines `CALL ERRNO PATH`: a call of that name on something
// whose path begins so fails with that number. `copy 0 PATH` and `write 0 PATH`: the call does one byte only.
// STAYPOS_SHIM_LOG names a file that gets a line for every call that went through: `CALL PATH [PATH]`.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

// -1: no rule; 0: do a little; else the error.
static int rule(const char *call, const char *path) {
  int saved = errno, result = -1;
  const char *name = getenv("STAYPOS_SHIM_RULES");
  FILE *rules = name ? fopen(name, "re") : NULL;
  if (rules) {
    char known[16], prefix[PATH_MAX];
    int number;
    while (result < 0 && fscanf(rules, "%15s %d %4095s", known, &number, prefix) == 3)
      if (strcmp(known, call) == 0 && strncmp(path, prefix, strlen(prefix)) == 0) result = number;
    fclose(rules);
  }
  errno = saved;
  return result;
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

int fsync(int descriptor) {
  if (!is_active()) return NEXT(fsync)(descriptor);
  char path[PATH_MAX];
  path_of(descriptor, path);
  FAIL_BY_RULE("fsync", path)
  int result = NEXT(fsync)(descriptor);
  if (result == 0) note("fsync", path, "");
  return result;
}

ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t count, unsigned flags) {
  if (!is_active()) return NEXT(copy_file_range)(from, from_offset, to, to_offset, count, flags);
  char path[PATH_MAX];
  path_of(to, path);
  FAIL_BY_RULE("copy", path)
  if (fault == 0 && count > 1) count = 1;
  return NEXT(copy_file_range)(from, from_offset, to, to_offset, count, flags);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
  if (!is_active()) return NEXT(write)(descriptor, bytes, count);
  char path[PATH_MAX];
  path_of(descriptor, path);
  FAIL_BY_RULE("write", path)
  if (fault == 0 && count > 1) count = 1;
  return NEXT(write)(descriptor, bytes, count);
}

// What SQLite writes with; `write` in the rules.
ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
  if (!is_active()) return NEXT(pwrite64)(descriptor, bytes, count, offset);
  char path[PATH_MAX];
  path_of(descriptor, path);
  FAIL_BY_RULE("write", path)
  if (fault == 0 && count > 1) count = 1;
  return NEXT(pwrite64)(descriptor, bytes, count, offset);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
  return pwrite64(descriptor, bytes, count, offset);
}

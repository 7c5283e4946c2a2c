#define _GNU_SOURCE
#include "clinux_filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <linux/stat.h>  // struct statx with the mount id, which <sys/stat.h> of glibc 2.36 lacks
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

// From <sys/stat.h>, which cannot be included beside <linux/stat.h>.
extern int futimens(int descriptor, const struct timespec times[2]);

const int CLINUX_O_PATH = O_PATH;
const int CLINUX_O_DIRECTORY = O_DIRECTORY;
const int CLINUX_O_NOFOLLOW = O_NOFOLLOW;
const int CLINUX_O_CLOEXEC = O_CLOEXEC;

int clinux_statx(int directory, const char *name, struct clinux_status *status) {
  struct statx x;
  int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_SYNC_AS_STAT;
  if (name[0] == '\0') flags |= AT_EMPTY_PATH;
  unsigned wanted = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
  if (syscall(SYS_statx, directory, name, flags, wanted, &x) != 0) return -1;
  *status = (struct clinux_status){
      .device = makedev(x.stx_dev_major, x.stx_dev_minor),
      .inode = x.stx_ino,
      .links = x.stx_nlink,
      .size = (int64_t)x.stx_size,
      .mode = x.stx_mode,
      .uid = x.stx_uid,
      .gid = x.stx_gid,
      .has_birth = (x.stx_mask & STATX_BTIME) != 0,
      .mount_id = x.stx_mnt_id,
      .has_mount_id = (x.stx_mask & STATX_MNT_ID) != 0,
      .birth_seconds = x.stx_btime.tv_sec,
      .birth_nanoseconds = x.stx_btime.tv_nsec,
      .modified_seconds = x.stx_mtime.tv_sec,
      .modified_nanoseconds = x.stx_mtime.tv_nsec,
      .changed_seconds = x.stx_ctime.tv_sec,
      .changed_nanoseconds = x.stx_ctime.tv_nsec,
  };
  return 0;
}

int clinux_open_without_symlinks(int directory, const char *path, int flags, mode_t mode) {
  struct open_how how = {
      .flags = (uint64_t)(unsigned)flags,
      .mode = (flags & (O_CREAT | O_TMPFILE)) ? mode : 0,
      .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  };
  return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

int clinux_rename(int from_directory, const char *from, int to_directory, const char *to, bool no_replace) {
  return renameat2(from_directory, from, to_directory, to, no_replace ? RENAME_NOREPLACE : 0);
}

int clinux_exchange(int one_directory, const char *one, int other_directory, const char *other) {
  return renameat2(one_directory, one, other_directory, other, RENAME_EXCHANGE);
}

int clinux_link_descriptor(int descriptor, int directory, const char *name) {
  if (linkat(descriptor, "", directory, name, AT_EMPTY_PATH) == 0) return 0;
  // Without CAP_DAC_READ_SEARCH the kernel answers ENOENT, as it does for a file whose last name is gone.
  if (errno != ENOENT) return -1;
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  return linkat(AT_FDCWD, path, directory, name, AT_SYMLINK_FOLLOW);
}

ssize_t clinux_copy_file_range(int from, off_t from_offset, int to, off_t to_offset, size_t count) {
  return copy_file_range(from, &from_offset, to, &to_offset, count, 0);
}

int clinux_probe_lease(int descriptor) {
  if (fcntl(descriptor, F_SETLEASE, F_RDLCK) != 0) return -1;
  (void)fcntl(descriptor, F_SETLEASE, F_UNLCK);
  return 0;
}

int clinux_set_modified(int descriptor, int64_t seconds, uint32_t nanoseconds) {
  struct timespec times[2] = {
      {.tv_sec = 0, .tv_nsec = UTIME_OMIT},
      {.tv_sec = (time_t)seconds, .tv_nsec = (long)nanoseconds},
  };
  return futimens(descriptor, times);
}

bool clinux_matches(const char *pattern, const char *name) { return fnmatch(pattern, name, FNM_CASEFOLD) == 0; }

int clinux_filesystem_magic(int descriptor, uint64_t *magic) {
  struct statfs s;
  if (fstatfs(descriptor, &s) != 0) return -1;
  *magic = (uint64_t)(unsigned long)s.f_type;
  return 0;
}

static const int all_seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

int clinux_memory_file(const char *name) { return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING); }

int clinux_seal(int descriptor) { return fcntl(descriptor, F_ADD_SEALS, all_seals); }

bool clinux_is_sealed(int descriptor) {
  int seals = fcntl(descriptor, F_GET_SEALS);
  return seals >= 0 && (seals & all_seals) == all_seals;
}

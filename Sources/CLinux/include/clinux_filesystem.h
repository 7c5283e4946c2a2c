// Linux file system calls that Swift's Glibc module does not show: each is one system call, -1 and errno on failure.
#ifndef CLINUX_FILESYSTEM_H
#define CLINUX_FILESYSTEM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/types.h>
#include <sys/xattr.h>

// What statx(2) reports, in plain integers.
struct clinux_status {
  uint64_t device;
  uint64_t inode;
  uint64_t links;
  int64_t size;
  uint32_t mode;
  uint32_t uid;
  uint32_t gid;
  bool has_birth;
  bool has_mount_id;
  uint64_t mount_id;
  int64_t birth_seconds, modified_seconds, changed_seconds;
  uint32_t birth_nanoseconds, modified_nanoseconds, changed_nanoseconds;
};

extern const int CLINUX_O_PATH;
extern const int CLINUX_O_DIRECTORY;
extern const int CLINUX_O_NOFOLLOW;
extern const int CLINUX_O_CLOEXEC;

// statx(2) without following a last symlink and without mounting anything. An empty name means the descriptor itself.
int clinux_statx(int directory, const char *name, struct clinux_status *status);

// openat2(2) with RESOLVE_NO_SYMLINKS and RESOLVE_NO_MAGICLINKS.
int clinux_open_without_symlinks(int directory, const char *path, int flags, mode_t mode);

// renameat2(2); RENAME_NOREPLACE if no_replace.
int clinux_rename(int from_directory, const char *from, int to_directory, const char *to, bool no_replace);

// renameat2(2) with RENAME_EXCHANGE: each file gets the name of the other.
int clinux_exchange(int one_directory, const char *one, int other_directory, const char *other);

// Gives an open file a name: linkat(2) with AT_EMPTY_PATH, without the right for it through /proc/self/fd.
int clinux_link_descriptor(int descriptor, int directory, const char *name);

ssize_t clinux_copy_file_range(int from, off_t from_offset, int to, off_t to_offset, size_t count);

// F_SETLEASE with F_RDLCK, at once followed by F_UNLCK. 0: no writer has the file open.
int clinux_probe_lease(int descriptor);

// utimensat(2) on a descriptor with nanoseconds; the access time stays.
int clinux_set_modified(int descriptor, int64_t seconds, uint32_t nanoseconds);

// fnmatch(3) without regard to the case of ASCII letters; a leading dot is nothing special.
bool clinux_matches(const char *pattern, const char *name);

// f_type of statfs(2).
int clinux_filesystem_magic(int descriptor, uint64_t *magic);

// memfd_create(2): a file in memory that can be sealed, close-on-exec.
int clinux_memory_file(const char *name);

// F_ADD_SEALS: from now on nobody changes the file's content or size, or takes a seal away.
int clinux_seal(int descriptor);
bool clinux_is_sealed(int descriptor);

#endif

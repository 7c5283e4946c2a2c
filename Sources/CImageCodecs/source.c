#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { block_size = 1 << 16 };

static void accept_file_size(sp_reader *reader, uint64_t size) {
  if (size == 0) sp_fail(reader, SP_EMPTY, "the file is empty");
  if (size > reader->limits.bytes) {
    sp_fail(
        reader, SP_TOO_LARGE, "%llu bytes are more than the limit of %llu", (unsigned long long)size,
        (unsigned long long)reader->limits.bytes);
  }
  reader->source.size = size;
}

void sp_source_open_descriptor(sp_reader *reader, int descriptor) {
  struct stat status;
  if (fstat(descriptor, &status) != 0) sp_fail(reader, SP_IO_ERROR, "fstat: %s", strerror(errno));
  if (!S_ISREG(status.st_mode)) sp_fail(reader, SP_IO_ERROR, "not a regular file");
  accept_file_size(reader, (uint64_t)status.st_size);
  reader->source.descriptor = descriptor;
  reader->source.buffer = sp_allocate(reader, block_size);
}

void sp_source_open_memory(sp_reader *reader, const void *bytes, size_t count) {
  accept_file_size(reader, count);
  reader->source.buffer = sp_allocate(reader, count);
  memcpy(reader->source.buffer, bytes, count);
}

void sp_source_close(sp_reader *reader) { free(reader->source.buffer); }

size_t sp_source_next(sp_reader *reader, const uint8_t **block) {
  struct source *source = &reader->source;
  // A file that grows meanwhile ends where it ended when it was opened.
  uint64_t left = source->size - source->offset;
  if (left == 0) return 0;
  if (source->descriptor < 0) {
    *block = source->buffer + source->offset;
    source->offset = source->size;
    return (size_t)left;
  }
  size_t wanted = left < block_size ? (size_t)left : block_size;
  ssize_t count;
  do {
    count = pread(source->descriptor, source->buffer, wanted, (off_t)source->offset);
  } while (count < 0 && errno == EINTR);
  if (count < 0) sp_fail(reader, SP_IO_ERROR, "pread: %s", strerror(errno));
  *block = source->buffer;
  source->offset += (uint64_t)count;
  return (size_t)count;
}

bool sp_source_skip(sp_reader *reader, uint64_t count) {
  struct source *source = &reader->source;
  if (count > source->size - source->offset) return false;
  source->offset += count;
  return true;
}

#ifndef SP_INTERNAL_H
#define SP_INTERNAL_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
// jpeglib.h needs stdio.h before it.
#include <jpeglib.h>
#include <png.h>

#include "CImageCodecs.h"

/// Where the compressed bytes come from: a descriptor read in blocks, or memory as one block.
struct source {
  int descriptor;
  /// Owned: the block read last, or the whole memory.
  uint8_t *buffer;
  uint64_t size;
  /// Of the first byte after the current block.
  uint64_t offset;
};

struct png_state {
  png_structp png;
  png_infop info;
  bool interlaced;
  /// Of one byte, an index or a grey level, to RGB; used if `channels` is 1.
  uint8_t table[256][3];
  int channels;
  size_t row_bytes;
  /// Owned: the rest of the block read last is `available` bytes at `next`.
  const uint8_t *next;
  size_t available;
  /// Owned: one row of one channel, or all rows of an interlaced image.
  uint8_t *rows;
};

struct jpeg_state {
  struct jpeg_decompress_struct decompress;
  struct jpeg_error_mgr error;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  bool started;
  /// The entropy decoder itself notices missing data, so a missing end-of-image marker alone does no harm.
  bool may_lack_end;
  bool reached_end_of_file;
  /// Owned: one row of CMYK, or NULL.
  uint8_t *cmyk;
};

struct sp_reader {
  sp_image_format format;
  uint32_t width;
  uint32_t height;
  uint32_t position;
  sp_limits limits;
  struct source source;
  /// The first one; SP_OK until then.
  sp_failure failure;
  /// Set by the function of reader.c that is running; everything below it leaves by fail().
  jmp_buf jump;
  struct png_state png;
  struct jpeg_state jpeg;
};

/// Records the failure and jumps to the function of reader.c that is running.
_Noreturn void sp_fail(sp_reader *reader, sp_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/// Fills in a failure in place.
void sp_describe(sp_failure *failure, sp_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/// Sets the size if it is within the limit of pixels, else fails.
void sp_accept_size(sp_reader *reader, uint32_t width, uint32_t height);

/// Fails if the decoder would need more than the limit.
void sp_require_memory(sp_reader *reader, uint64_t bytes);

/// malloc that fails instead of returning NULL.
void *sp_allocate(sp_reader *reader, size_t bytes);

void sp_source_open_descriptor(sp_reader *reader, int descriptor);
void sp_source_open_memory(sp_reader *reader, const void *bytes, size_t count);
void sp_source_close(sp_reader *reader);
/// The next block, valid until the next call; 0 at the end of the file.
size_t sp_source_next(sp_reader *reader, const uint8_t **block);
/// Leaves out bytes after the current block; false if the file ends before.
bool sp_source_skip(sp_reader *reader, uint64_t count);

/// By the first bytes; fails if it is neither of the two.
sp_image_format sp_recognise(sp_reader *reader, const uint8_t *prefix, size_t count);

void sp_png_open(sp_reader *reader);
void sp_png_read(sp_reader *reader, uint8_t *pixels, uint32_t rows);
void sp_png_close(sp_reader *reader);

void sp_jpeg_open(sp_reader *reader);
void sp_jpeg_read(sp_reader *reader, uint8_t *pixels, uint32_t rows);
void sp_jpeg_close(sp_reader *reader);

#endif

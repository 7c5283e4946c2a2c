/// PNG and JPEG through libpng and libjpeg-turbo, with their long jumps contained: every function here returns, frees what
/// it does not hand over, and says in `sp_failure` what went wrong.
#ifndef SP_IMAGE_CODECS_H
#define SP_IMAGE_CODECS_H

#include <stddef.h>
#include <stdint.h>

typedef enum __attribute__((enum_extensibility(closed))) sp_status {
  SP_OK,
  SP_EMPTY,
  SP_UNSUPPORTED_FORMAT,
  SP_CORRUPT,
  SP_TRUNCATED,
  SP_TOO_LARGE,
  SP_OUT_OF_MEMORY,
  SP_IO_ERROR,
} sp_status;

typedef struct sp_failure {
  sp_status status;
  /// One line for people, NUL-terminated; may hold bytes of the image that are not UTF-8.
  char message[256];
} sp_failure;

typedef struct sp_limits {
  /// Size of the file.
  uint64_t bytes;
  /// Width × height.
  uint64_t pixels;
  /// What the decoder may allocate, estimated from the header.
  uint64_t memory;
} sp_limits;

typedef enum __attribute__((enum_extensibility(closed))) sp_image_format { SP_PNG, SP_JPEG } sp_image_format;

/// Decodes one image from top to bottom. Not for two threads at once.
typedef struct sp_reader sp_reader;

/// Reads the header of the image in a regular file, from its first byte on, with pread(2).
/// The descriptor stays the caller's and has to outlive the reader.
/// Returns NULL and fills `failure` if the file is no image that can be decoded within the limits.
sp_reader *sp_reader_open_descriptor(int descriptor, const sp_limits *limits, sp_failure *failure);

/// The same from memory, which is copied.
sp_reader *sp_reader_open_memory(const void *bytes, size_t count, const sp_limits *limits, sp_failure *failure);

void sp_reader_close(sp_reader *reader);

sp_image_format sp_reader_format(const sp_reader *reader);
uint32_t sp_reader_width(const sp_reader *reader);
uint32_t sp_reader_height(const sp_reader *reader);
/// Rows handed out so far.
uint32_t sp_reader_position(const sp_reader *reader);

/// Writes the next rows as width × 3 bytes RGB each to `pixels`, at most `rows` and at most what is left.
/// After a failure every further call fails in the same way.
sp_status sp_reader_read(sp_reader *reader, uint8_t *pixels, uint32_t rows, sp_failure *failure);

/// Writes width × height × 3 bytes RGB as an 8-bit PNG to a descriptor, from its position on.
sp_status sp_png_write(const uint8_t *pixels, uint32_t width, uint32_t height, int descriptor, sp_failure *failure);

/// The same into memory; the caller frees `*bytes` with free(3). On failure `*bytes` is NULL.
sp_status sp_png_encode(
    const uint8_t *pixels, uint32_t width, uint32_t height, uint8_t **bytes, size_t *count, sp_failure *failure);

/// Chroma samples for each block of luma samples: as many, half across, half across and down.
typedef enum __attribute__((enum_extensibility(closed))) sp_jpeg_sampling {
  SP_JPEG_444,
  SP_JPEG_422,
  SP_JPEG_420,
} sp_jpeg_sampling;

/// Makes a baseline JPEG of width × height × 3 bytes RGB with libjpeg's tables scaled to `quality` (1 to 100); the caller
/// frees `*bytes` with free(3). On failure `*bytes` is NULL.
sp_status sp_jpeg_encode(
    const uint8_t *pixels, uint32_t width, uint32_t height, int quality, sp_jpeg_sampling sampling, uint8_t **bytes,
    size_t *count, sp_failure *failure);

#endif

// The functions that others call, and the only ones that call setjmp for reading. No variable of theirs changes between
// setjmp and the jump: all state lives in the reader.

#include "internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void describe(sp_failure *failure, sp_status status, const char *format, va_list arguments) {
  failure->status = status;
  vsnprintf(failure->message, sizeof failure->message, format, arguments);
}

void sp_describe(sp_failure *failure, sp_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  describe(failure, status, format, arguments);
  va_end(arguments);
}

_Noreturn void sp_fail(sp_reader *reader, sp_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  describe(&reader->failure, status, format, arguments);
  va_end(arguments);
  longjmp(reader->jump, 1);
}

void sp_accept_size(sp_reader *reader, uint32_t width, uint32_t height) {
  if (width == 0 || height == 0) sp_fail(reader, SP_CORRUPT, "the image is %u×%u pixels", width, height);
  if ((uint64_t)width * height > reader->limits.pixels) {
    sp_fail(
        reader, SP_TOO_LARGE, "%u×%u pixels are more than the limit of %llu", width, height,
        (unsigned long long)reader->limits.pixels);
  }
  reader->width = width;
  reader->height = height;
}

void sp_require_memory(sp_reader *reader, uint64_t bytes) {
  if (bytes > reader->limits.memory) {
    sp_fail(
        reader, SP_TOO_LARGE, "decoding needs %llu bytes of memory, more than the limit of %llu",
        (unsigned long long)bytes, (unsigned long long)reader->limits.memory);
  }
}

void *sp_allocate(sp_reader *reader, size_t bytes) {
  void *memory = malloc(bytes);
  if (!memory) sp_fail(reader, SP_OUT_OF_MEMORY, "no memory for %zu bytes", bytes);
  return memory;
}

/// Leaves by sp_fail() or with the header read.
static void open_image(sp_reader *reader) {
  const uint8_t *block;
  size_t count = sp_source_next(reader, &block);
  reader->format = sp_recognise(reader, block, count);
  // The codec starts over with this block.
  reader->source.offset = 0;
  if (reader->format == SP_PNG) {
    sp_png_open(reader);
  } else {
    sp_jpeg_open(reader);
  }
}

static sp_reader *allocate_reader(const sp_limits *limits, sp_failure *failure) {
  sp_reader *reader = calloc(1, sizeof *reader);
  if (!reader) {
    sp_describe(failure, SP_OUT_OF_MEMORY, "no memory for a decoder");
    return NULL;
  }
  reader->limits = *limits;
  reader->source.descriptor = -1;
  return reader;
}

sp_reader *sp_reader_open_descriptor(int descriptor, const sp_limits *limits, sp_failure *failure) {
  sp_reader *reader = allocate_reader(limits, failure);
  if (!reader) return NULL;
  if (setjmp(reader->jump)) {
    *failure = reader->failure;
    sp_reader_close(reader);
    return NULL;
  }
  sp_source_open_descriptor(reader, descriptor);
  open_image(reader);
  return reader;
}

sp_reader *sp_reader_open_memory(const void *bytes, size_t count, const sp_limits *limits, sp_failure *failure) {
  sp_reader *reader = allocate_reader(limits, failure);
  if (!reader) return NULL;
  if (setjmp(reader->jump)) {
    *failure = reader->failure;
    sp_reader_close(reader);
    return NULL;
  }
  sp_source_open_memory(reader, bytes, count);
  open_image(reader);
  return reader;
}

void sp_reader_close(sp_reader *reader) {
  if (!reader) return;
  sp_png_close(reader);
  sp_jpeg_close(reader);
  sp_source_close(reader);
  free(reader);
}

sp_image_format sp_reader_format(const sp_reader *reader) { return reader->format; }
uint32_t sp_reader_width(const sp_reader *reader) { return reader->width; }
uint32_t sp_reader_height(const sp_reader *reader) { return reader->height; }
uint32_t sp_reader_position(const sp_reader *reader) { return reader->position; }

sp_status sp_reader_read(sp_reader *reader, uint8_t *pixels, uint32_t rows, sp_failure *failure) {
  if (reader->failure.status == SP_OK && !setjmp(reader->jump)) {
    uint32_t left = reader->height - reader->position;
    if (rows > left) rows = left;
    if (rows == 0) return SP_OK;
    if (reader->format == SP_PNG) {
      sp_png_read(reader, pixels, rows);
    } else {
      sp_jpeg_read(reader, pixels, rows);
    }
    return SP_OK;
  }
  *failure = reader->failure;
  return failure->status;
}

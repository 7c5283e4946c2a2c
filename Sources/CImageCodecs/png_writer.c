#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct writer {
  png_structp png;
  png_infop info;
  /// −1: to memory.
  int descriptor;
  uint8_t *bytes;
  size_t count;
  size_t capacity;
  sp_failure *failure;
  jmp_buf jump;
};

static _Noreturn void on_error(png_structp png, png_const_charp message) {
  struct writer *writer = png_get_error_ptr(png);
  // A failed write has said more.
  if (writer->failure->status == SP_OK) sp_describe(writer->failure, SP_OUT_OF_MEMORY, "libpng: %s", message);
  longjmp(writer->jump, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static void append(struct writer *writer, png_const_bytep bytes, size_t count) {
  if (count > writer->capacity - writer->count) {
    size_t capacity = writer->capacity * 2 + count;
    uint8_t *grown = realloc(writer->bytes, capacity);
    if (!grown) png_error(writer->png, "no memory for the PNG");
    writer->bytes = grown;
    writer->capacity = capacity;
  }
  memcpy(writer->bytes + writer->count, bytes, count);
  writer->count += count;
}

static void write_bytes(png_structp png, png_bytep bytes, size_t count) {
  struct writer *writer = png_get_io_ptr(png);
  if (writer->descriptor < 0) {
    append(writer, bytes, count);
    return;
  }
  while (count > 0) {
    ssize_t written = write(writer->descriptor, bytes, count);
    if (written < 0) {
      if (errno == EINTR) continue;
      sp_describe(writer->failure, SP_IO_ERROR, "write: %s", strerror(errno));
      png_error(png, "write");
    }
    bytes += written;
    count -= (size_t)written;
  }
}

static void flush(png_structp png) { (void)png; }

static void encode(struct writer *writer, const uint8_t *pixels, uint32_t width, uint32_t height) {
  writer->failure->status = SP_OK;
  if (!setjmp(writer->jump)) {
    writer->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, writer, on_error, on_warning);
    if (writer->png) writer->info = png_create_info_struct(writer->png);
    if (!writer->info) {
      sp_describe(writer->failure, SP_OUT_OF_MEMORY, "no memory for libpng");
    } else {
      png_set_write_fn(writer->png, writer, write_bytes, flush);
      png_set_user_limits(writer->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
      png_set_IHDR(
          writer->png, writer->info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
          PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
      png_write_info(writer->png, writer->info);
      for (uint32_t row = 0; row < height; row++) png_write_row(writer->png, pixels + (size_t)width * 3 * row);
      png_write_end(writer->png, NULL);
    }
  }
  png_destroy_write_struct(&writer->png, &writer->info);
}

sp_status sp_png_write(const uint8_t *pixels, uint32_t width, uint32_t height, int descriptor, sp_failure *failure) {
  struct writer writer = {.descriptor = descriptor, .failure = failure};
  encode(&writer, pixels, width, height);
  return failure->status;
}

sp_status sp_png_encode(
    const uint8_t *pixels, uint32_t width, uint32_t height, uint8_t **bytes, size_t *count, sp_failure *failure) {
  struct writer writer = {.descriptor = -1, .failure = failure};
  encode(&writer, pixels, width, height);
  if (failure->status != SP_OK) {
    free(writer.bytes);
    writer.bytes = NULL;
  }
  *bytes = writer.bytes;
  *count = writer.count;
  return failure->status;
}

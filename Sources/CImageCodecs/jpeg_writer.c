#include "internal.h"

#include <jerror.h>
#include <stdlib.h>

/// libjpeg's own destination in memory leaves a dangling pointer when it runs out of it.
struct jpeg_writer {
  struct jpeg_compress_struct compress;
  struct jpeg_error_mgr error;
  struct jpeg_destination_mgr destination;
  uint8_t *bytes;
  size_t count;
  size_t capacity;
  sp_failure *failure;
  jmp_buf jump;
};

static _Noreturn void on_error(j_common_ptr codec) {
  struct jpeg_writer *writer = codec->client_data;
  char message[JMSG_LENGTH_MAX];
  codec->err->format_message(codec, message);
  bool too_large = codec->err->msg_code == JERR_IMAGE_TOO_BIG;
  sp_describe(writer->failure, too_large ? SP_TOO_LARGE : SP_OUT_OF_MEMORY, "libjpeg: %s", message);
  longjmp(writer->jump, 1);
}

static void on_message(j_common_ptr codec, int level) {
  (void)codec;
  (void)level;
}

/// Enlarges the buffer behind what has been written.
static void grow(struct jpeg_writer *writer) {
  size_t capacity = writer->capacity * 2;
  uint8_t *grown = realloc(writer->bytes, capacity);
  if (!grown) ERREXIT1(&writer->compress, JERR_OUT_OF_MEMORY, 0);
  writer->bytes = grown;
  writer->destination.next_output_byte = grown + writer->capacity;
  writer->destination.free_in_buffer = capacity - writer->capacity;
  writer->capacity = capacity;
}

static void start(j_compress_ptr codec) {
  struct jpeg_writer *writer = codec->client_data;
  writer->capacity = 1 << 16;
  writer->bytes = malloc(writer->capacity);
  if (!writer->bytes) ERREXIT1(codec, JERR_OUT_OF_MEMORY, 0);
  writer->destination.next_output_byte = writer->bytes;
  writer->destination.free_in_buffer = writer->capacity;
}

/// Called when the buffer is full to its last byte.
static boolean empty(j_compress_ptr codec) {
  grow(codec->client_data);
  return TRUE;
}

static void finish(j_compress_ptr codec) {
  struct jpeg_writer *writer = codec->client_data;
  writer->count = writer->capacity - writer->destination.free_in_buffer;
}

/// Sets how many chroma samples there are for each block of luma samples.
static void set_sampling(j_compress_ptr codec, sp_jpeg_sampling sampling) {
  codec->comp_info[0].h_samp_factor = sampling == SP_JPEG_444 ? 1 : 2;
  codec->comp_info[0].v_samp_factor = sampling == SP_JPEG_420 ? 2 : 1;
  for (int index = 1; index < codec->num_components; index++) {
    codec->comp_info[index].h_samp_factor = 1;
    codec->comp_info[index].v_samp_factor = 1;
  }
}

sp_status sp_jpeg_encode(
    const uint8_t *pixels, uint32_t width, uint32_t height, int quality, sp_jpeg_sampling sampling, uint8_t **bytes,
    size_t *count, sp_failure *failure) {
  struct jpeg_writer writer = {.failure = failure};
  j_compress_ptr codec = &writer.compress;
  failure->status = SP_OK;
  codec->err = jpeg_std_error(&writer.error);
  writer.error.error_exit = on_error;
  writer.error.emit_message = on_message;
  codec->client_data = &writer;
  if (!setjmp(writer.jump)) {
    jpeg_create_compress(codec);
    writer.destination.init_destination = start;
    writer.destination.empty_output_buffer = empty;
    writer.destination.term_destination = finish;
    codec->dest = &writer.destination;
    codec->image_width = width;
    codec->image_height = height;
    codec->input_components = 3;
    codec->in_color_space = JCS_RGB;
    jpeg_set_defaults(codec);
    jpeg_set_quality(codec, quality, TRUE);
    set_sampling(codec, sampling);
    jpeg_start_compress(codec, TRUE);
    while (codec->next_scanline < height) {
      JSAMPROW row = (JSAMPROW)(pixels + (size_t)width * 3 * codec->next_scanline);
      jpeg_write_scanlines(codec, &row, 1);
    }
    jpeg_finish_compress(codec);
  }
  jpeg_destroy_compress(codec);
  if (failure->status != SP_OK) {
    free(writer.bytes);
    writer.bytes = NULL;
    writer.count = 0;
  }
  *bytes = writer.bytes;
  *count = writer.count;
  return failure->status;
}

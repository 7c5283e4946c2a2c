#include "internal.h"

#include <jerror.h>
#include <stdlib.h>

/// Encoders write about ten; each one costs a pass over the image.
enum { max_scans = 100 };

static sp_status status_of_error(int code) {
  switch (code) {
    case JERR_OUT_OF_MEMORY:
      return SP_OUT_OF_MEMORY;
    case JERR_IMAGE_TOO_BIG:
    case JERR_NO_BACKING_STORE:
    case JERR_WIDTH_OVERFLOW:
      return SP_TOO_LARGE;
    case JERR_BAD_PRECISION:
    case JERR_ARITH_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_COMPONENT_COUNT:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_SOF_UNSUPPORTED:
      return SP_UNSUPPORTED_FORMAT;
    default:
      return SP_CORRUPT;
  }
}

static _Noreturn void on_error(j_common_ptr codec) {
  char message[JMSG_LENGTH_MAX];
  codec->err->format_message(codec, message);
  sp_fail(codec->client_data, status_of_error(codec->err->msg_code), "libjpeg: %s", message);
}

/// Warnings that mean wrong pixels are errors; padding between markers, odd header values and an unusual order of
/// scans are not.
static void on_message(j_common_ptr codec, int level) {
  sp_reader *reader = codec->client_data;
  if (level >= 0) return;
  switch (codec->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
      // It met the end marker that fill() made up.
      if (reader->jpeg.reached_end_of_file) sp_fail(reader, SP_TRUNCATED, "the JPEG ends early");
      on_error(codec);
    default:
      break;
  }
}

static void ignore(j_decompress_ptr codec) { (void)codec; }

static boolean fill(j_decompress_ptr codec) {
  static const JOCTET end_of_image[] = {0xFF, JPEG_EOI};
  sp_reader *reader = codec->client_data;
  const uint8_t *block;
  size_t count = sp_source_next(reader, &block);
  if (count == 0) {
    if (!reader->jpeg.may_lack_end) sp_fail(reader, SP_TRUNCATED, "the JPEG ends early");
    reader->jpeg.reached_end_of_file = true;
    block = end_of_image;
    count = sizeof end_of_image;
  }
  codec->src->next_input_byte = block;
  codec->src->bytes_in_buffer = count;
  return TRUE;
}

static void skip(j_decompress_ptr codec, long count) {
  sp_reader *reader = codec->client_data;
  struct jpeg_source_mgr *source = codec->src;
  if (count <= 0) return;
  if ((size_t)count <= source->bytes_in_buffer) {
    source->next_input_byte += count;
    source->bytes_in_buffer -= (size_t)count;
    return;
  }
  if (!sp_source_skip(reader, (uint64_t)count - source->bytes_in_buffer)) {
    sp_fail(reader, SP_TRUNCATED, "the JPEG ends early");
  }
  source->bytes_in_buffer = 0;
}

/// Called for every row of blocks of every scan while a file of several scans is taken in.
static void on_progress(j_common_ptr codec) {
  int scan = ((j_decompress_ptr)codec)->input_scan_number;
  if (scan > max_scans) sp_fail(codec->client_data, SP_TOO_LARGE, "the JPEG has more than %d scans", max_scans);
}

/// Bytes that libjpeg allocates for its rows and, with several scans, for all coefficients. libjpeg-turbo has no
/// backing store: what does not fit is allocated nevertheless.
static uint64_t memory_needed(j_decompress_ptr codec) {
  uint64_t rows = (uint64_t)codec->max_v_samp_factor * DCTSIZE * 4;
  uint64_t bytes = (uint64_t)codec->image_width * (uint64_t)codec->num_components * rows;
  if (!jpeg_has_multiple_scans(codec)) return bytes;
  for (int index = 0; index < codec->num_components; index++) {
    const jpeg_component_info *component = &codec->comp_info[index];
    uint64_t width = component->width_in_blocks + (uint64_t)component->h_samp_factor;
    uint64_t height = component->height_in_blocks + (uint64_t)component->v_samp_factor;
    bytes += width * height * sizeof(JBLOCK);
  }
  return bytes;
}

void sp_jpeg_open(sp_reader *reader) {
  struct jpeg_state *state = &reader->jpeg;
  j_decompress_ptr codec = &state->decompress;
  codec->err = jpeg_std_error(&state->error);
  state->error.error_exit = on_error;
  state->error.emit_message = on_message;
  codec->client_data = reader;
  jpeg_create_decompress(codec);
  state->source.init_source = ignore;
  state->source.fill_input_buffer = fill;
  state->source.skip_input_data = skip;
  state->source.resync_to_restart = jpeg_resync_to_restart;
  state->source.term_source = ignore;
  codec->src = &state->source;
  state->progress.progress_monitor = on_progress;
  codec->progress = &state->progress;

  jpeg_read_header(codec, TRUE);
  sp_accept_size(reader, codec->image_width, codec->image_height);
  sp_require_memory(reader, memory_needed(codec));
  switch (codec->num_components) {
    case 1:
    case 3:
      codec->out_color_space = JCS_RGB;
      break;
    case 4:
      codec->out_color_space = JCS_CMYK;
      break;
    default:
      sp_fail(reader, SP_UNSUPPORTED_FORMAT, "a JPEG of %d components", codec->num_components);
  }
  // Without a marker an arithmetic decoder goes on with zeros, and a further scan may be missing altogether.
  state->may_lack_end = !jpeg_has_multiple_scans(codec) && !codec->arith_code;
}

static void start(sp_reader *reader) {
  struct jpeg_state *state = &reader->jpeg;
  if (state->decompress.out_color_space == JCS_CMYK) state->cmyk = sp_allocate(reader, 4 * (size_t)reader->width);
  // Takes in the whole file if it has several scans.
  jpeg_start_decompress(&state->decompress);
  state->started = true;
}

/// a × b ÷ 255, rounded.
static inline uint8_t scaled(unsigned a, unsigned b) {
  unsigned product = a * b + 128;
  return (uint8_t)((product + (product >> 8)) >> 8);
}

/// All CMYK is taken for Adobe's, which is inverted, as Pillow does.
static void convert_cmyk(const uint8_t *cmyk, uint8_t *pixels, size_t width) {
  for (size_t x = 0; x < width; x++, cmyk += 4, pixels += 3) {
    unsigned black = cmyk[3];
    for (int index = 0; index < 3; index++) pixels[index] = (uint8_t)(black - scaled(255u - cmyk[index], black));
  }
}

void sp_jpeg_read(sp_reader *reader, uint8_t *pixels, uint32_t rows) {
  struct jpeg_state *state = &reader->jpeg;
  if (!state->started) start(reader);
  size_t width = reader->width;
  for (uint32_t row = 0; row < rows; row++, pixels += 3 * width) {
    JSAMPROW line = state->cmyk ? state->cmyk : pixels;
    jpeg_read_scanlines(&state->decompress, &line, 1);
    if (state->cmyk) convert_cmyk(state->cmyk, pixels, width);
    reader->position++;
  }
}

void sp_jpeg_close(sp_reader *reader) {
  struct jpeg_state *state = &reader->jpeg;
  free(state->cmyk);
  jpeg_destroy_decompress(&state->decompress);
}

#include "internal.h"

#include <stdlib.h>
#include <string.h>

static _Noreturn void on_error(png_structp png, png_const_charp message) {
  sp_fail(png_get_error_ptr(png), SP_CORRUPT, "libpng: %s", message);
}

/// What libpng only warns of leaves the pixels as they are.
static void on_warning(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static void read_bytes(png_structp png, png_bytep bytes, size_t count) {
  sp_reader *reader = png_get_io_ptr(png);
  struct png_state *state = &reader->png;
  while (count > 0) {
    if (state->available == 0) {
      state->available = sp_source_next(reader, &state->next);
      if (state->available == 0) sp_fail(reader, SP_TRUNCATED, "the PNG ends early");
    }
    size_t part = count < state->available ? count : state->available;
    memcpy(bytes, state->next, part);
    bytes += part;
    count -= part;
    state->next += part;
    state->available -= part;
  }
}

/// Colours of an index beyond the palette: grey, as Pillow has it.
static void fill_table(struct png_state *state, int color_type, int bit_depth) {
  int scale = color_type == PNG_COLOR_TYPE_GRAY && bit_depth < 8 ? 255 / ((1 << bit_depth) - 1) : 1;
  for (int index = 0; index < 256; index++) memset(state->table[index], (uint8_t)(index * scale), 3);
  png_colorp palette;
  int count;
  if (color_type != PNG_COLOR_TYPE_PALETTE || !png_get_PLTE(state->png, state->info, &palette, &count)) return;
  for (int index = 0; index < count; index++) {
    state->table[index][0] = palette[index].red;
    state->table[index][1] = palette[index].green;
    state->table[index][2] = palette[index].blue;
  }
}

/// Gamma, profiles, text, transparency and all else that changes no pixel of ours is neither stored nor inflated.
static void skip_ancillary_chunks(png_structp png) {
  static const png_byte more[] = "tRNS\0eXIf";
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, more, 2);
  // They may be long then, and their check sums wrong.
  png_set_chunk_malloc_max(png, 0);
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_QUIET_USE);
}

void sp_png_open(sp_reader *reader) {
  struct png_state *state = &reader->png;
  state->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader, on_error, on_warning);
  if (!state->png) sp_fail(reader, SP_OUT_OF_MEMORY, "no memory for libpng");
  state->info = png_create_info_struct(state->png);
  if (!state->info) sp_fail(reader, SP_OUT_OF_MEMORY, "no memory for libpng");
  png_structp png = state->png;
  png_set_read_fn(png, reader, read_bytes);
  // The limits are ours, below.
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  // Some writers state a smaller window than they use; zlib itself, and so Pillow, does not mind.
  png_set_option(png, PNG_MAXIMUM_INFLATE_WINDOW, PNG_OPTION_ON);
  skip_ancillary_chunks(png);
  png_read_info(png, state->info);

  png_uint_32 width, height;
  int bit_depth, color_type, interlace;
  png_get_IHDR(png, state->info, &width, &height, &bit_depth, &color_type, &interlace, NULL, NULL);
  sp_accept_size(reader, width, height);
  state->interlaced = interlace != PNG_INTERLACE_NONE;
  state->channels = (color_type & PNG_COLOR_MASK_COLOR) && color_type != PNG_COLOR_TYPE_PALETTE ? 3 : 1;
  state->row_bytes = (size_t)width * (size_t)state->channels;
  // libpng holds two rows of the file's own depth.
  sp_require_memory(
      reader, 2 * (uint64_t)png_get_rowbytes(png, state->info) +
                  (uint64_t)state->row_bytes * (state->interlaced ? height : 1));

  if (bit_depth < 8) png_set_packing(png);
  if (bit_depth == 16) png_set_strip_16(png);
  if (color_type & PNG_COLOR_MASK_ALPHA) png_set_strip_alpha(png);
  fill_table(state, color_type, bit_depth);
}

/// Allocates, and reads the whole image if it is interlaced.
static void start(sp_reader *reader) {
  struct png_state *state = &reader->png;
  png_structp png = state->png;
  int passes = png_set_interlace_handling(png);
  png_read_update_info(png, state->info);
  if (png_get_rowbytes(png, state->info) != state->row_bytes) sp_fail(reader, SP_CORRUPT, "libpng gave another row size");
  if (!state->interlaced) {
    state->rows = sp_allocate(reader, state->row_bytes);
    return;
  }
  state->rows = sp_allocate(reader, state->row_bytes * reader->height);
  for (int pass = 0; pass < passes; pass++) {
    for (uint32_t row = 0; row < reader->height; row++) {
      png_read_row(png, state->rows + state->row_bytes * row, NULL);
    }
  }
}

void sp_png_read(sp_reader *reader, uint8_t *pixels, uint32_t rows) {
  struct png_state *state = &reader->png;
  if (!state->rows) start(reader);
  size_t width = reader->width;
  for (uint32_t row = 0; row < rows; row++, pixels += 3 * width) {
    const uint8_t *read = state->rows;
    if (state->interlaced) {
      read += state->row_bytes * reader->position;
    } else {
      png_read_row(state->png, state->channels == 3 ? pixels : state->rows, NULL);
    }
    if (state->channels == 1) {
      for (size_t x = 0; x < width; x++) memcpy(pixels + 3 * x, state->table[read[x]], 3);
    } else if (state->interlaced) {
      memcpy(pixels, read, 3 * width);
    }
    reader->position++;
  }
}

void sp_png_close(sp_reader *reader) {
  struct png_state *state = &reader->png;
  free(state->rows);
  png_destroy_read_struct(&state->png, &state->info, NULL);
}

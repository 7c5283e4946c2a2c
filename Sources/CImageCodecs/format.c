#include "internal.h"

#include <string.h>

struct signature {
  const char *name;
  size_t offset;
  size_t count;
  const char *bytes;
};

#define SIGNATURE(name, offset, bytes) {name, offset, sizeof bytes - 1, bytes}

static const char png_signature[] = "\x89PNG\r\n\x1a\n";
static const char jpeg_signature[] = "\xff\xd8\xff";

/// What people upload besides PNG and JPEG, to say what it is.
static const struct signature others[] = {
    SIGNATURE("GIF", 0, "GIF87a"),
    SIGNATURE("GIF", 0, "GIF89a"),
    SIGNATURE("WebP", 8, "WEBP"),
    SIGNATURE("TIFF", 0, "II*\0"),
    SIGNATURE("TIFF", 0, "MM\0*"),
    SIGNATURE("BMP", 0, "BM"),
    SIGNATURE("AVIF", 4, "ftypavif"),
    SIGNATURE("AVIF", 4, "ftypavis"),
    SIGNATURE("HEIC", 4, "ftyphei"),
    SIGNATURE("HEIF", 4, "ftypmif1"),
    SIGNATURE("MP4 or QuickTime", 4, "ftyp"),
    SIGNATURE("JPEG 2000", 0, "\0\0\0\x0cjP  "),
    SIGNATURE("JPEG 2000", 0, "\xff\x4f\xff\x51"),
    SIGNATURE("JPEG XL", 0, "\0\0\0\x0cJXL "),
    SIGNATURE("JPEG XL", 0, "\xff\x0a"),
    SIGNATURE("Photoshop", 0, "8BPS"),
    SIGNATURE("MNG", 0, "\x8aMNG"),
    SIGNATURE("JNG", 0, "\x8bJNG"),
    SIGNATURE("QOI", 0, "qoif"),
    SIGNATURE("DDS", 0, "DDS "),
    SIGNATURE("icon", 0, "\0\0\1\0"),
    SIGNATURE("PDF", 0, "%PDF-"),
    SIGNATURE("SVG", 0, "<svg"),
    SIGNATURE("XML", 0, "<?xml"),
    SIGNATURE("ZIP", 0, "PK\3\4"),
    SIGNATURE("gzip", 0, "\x1f\x8b"),
};

/// A file that ends inside the signature counts as having it.
static bool begins(const uint8_t *prefix, size_t count, const char *signature, size_t length) {
  return memcmp(prefix, signature, count < length ? count : length) == 0;
}

sp_image_format sp_recognise(sp_reader *reader, const uint8_t *prefix, size_t count) {
  if (count == 0) sp_fail(reader, SP_EMPTY, "the file is empty");
  if (begins(prefix, count, png_signature, sizeof png_signature - 1)) return SP_PNG;
  if (begins(prefix, count, jpeg_signature, sizeof jpeg_signature - 1)) return SP_JPEG;
  for (size_t index = 0; index < sizeof others / sizeof *others; index++) {
    const struct signature *other = &others[index];
    if (count >= other->offset + other->count && memcmp(prefix + other->offset, other->bytes, other->count) == 0) {
      sp_fail(reader, SP_UNSUPPORTED_FORMAT, "%s, neither PNG nor JPEG", other->name);
    }
  }
  sp_fail(reader, SP_UNSUPPORTED_FORMAT, "neither PNG nor JPEG");
}

// SPDX-License-Identifier: Apache-2.0
// The header of a .pyc (PEP 552) and the magic numbers of CPython
// (Include/internal/pycore_magic_number.h; up to 3.13 Lib/importlib/_bootstrap_external.py).
#include "pyc.h"

#include "reading.h"

#include <string.h>

// The layout changed within the range of a version, from one alpha to the next: only the final
// number is certain.
typedef struct {
  uint16_t first, final, version;
} Magic;

static const Magic magics[] = {
  { 3400, 3413, 0x0308 },
  { 3420, 3425, 0x0309 },
  { 3430, 3439, 0x030a },
  { 3450, 3495, 0x030b },
  { 3500, 3531, 0x030c },
  { 3550, 3571, 0x030d },
  { 3600, 3627, 0x030e },
  { 3650, 3666, 0x030f },
};
enum { N_MAGICS = sizeof magics / sizeof magics[0] };
enum { OLDEST_PYTHON_3 = 3000, AFTER_LAST = 3700, UNBORN = 4200 };

enum { HASH_BASED = 1, CHECK_SOURCE = 2 };

// The version in whose range a number is; NULL = in none.
static const Magic *
range_of (uint16_t number)
{
  uint32_t i = 0;
  while (i < N_MAGICS && number >= magics[i].first)
    i++;
  return i && number < AFTER_LAST ? &magics[i - 1] : NULL;
}

static bool
refuse_magic (uint16_t number, MfCodeError *error)
{
  const Magic *near = range_of (number);
  if (near)
    return mf_code_fail (error, 0,
        "it is for a development version of Python 3.%u (magic number %u, the release has %u), "
        "whose layout is not certain",
        near->version & 255u, number, near->final);
  if (number >= AFTER_LAST && number < UNBORN)
    return mf_code_fail (error, 0,
        "it is for a Python after 3.15 (magic number %u): a newer memflow may know it", number);
  if (number >= OLDEST_PYTHON_3 && number < magics[0].first)
    return mf_code_fail (
        error, 0, "it is for a Python before 3.8 (magic number %u): compile it again", number);
  return mf_code_fail (error, 0,
      "its magic number %u is not one of CPython 3.8 to 3.15 (another implementation?)", number);
}

static void
take_rest (const uint8_t *bytes, MfPycHeader *header)
{
  header->flags = mf_code_u32 (bytes + 4);
  header->hash_based = header->flags & HASH_BASED;
  header->check_source = header->flags & CHECK_SOURCE;
  if (header->hash_based)
    memcpy (header->source_hash, bytes + 8, sizeof header->source_hash);
  else {
    header->source_time = mf_code_u32 (bytes + 8);
    header->source_size = mf_code_u32 (bytes + 12);
  }
}

bool
mf_pyc_read_header (const uint8_t *bytes, size_t n, MfPycHeader *header, MfCodeError *error)
{
  *header = (MfPycHeader){ 0 };
  if (n < 4 || bytes[2] != '\r' || bytes[3] != '\n')
    return mf_code_fail (error, 0,
        n < 4 ? "it is cut off within its magic number"
              : "it is not a compiled Python module (no magic number)");
  header->magic = (uint16_t) (bytes[0] | bytes[1] << 8);
  if (n < MF_PYC_HEADER)
    return mf_code_fail (
        error, (uint32_t) n, "its header of %d bytes is cut off after %zu", MF_PYC_HEADER, n);
  for (const Magic *magic = magics; magic < magics + N_MAGICS; magic++)
    if (magic->final == header->magic)
      header->version = magic->version;
  if (!header->version)
    return refuse_magic (header->magic, error);
  take_rest (bytes, header);
  if (header->flags & ~(uint32_t) (HASH_BASED | CHECK_SOURCE))
    return mf_code_fail (
        error, 4, "its header has unknown flags 0x%x at offset 0x4", header->flags);
  return true;
}

int
mf_pyc_probe (const uint8_t *head, size_t n)
{
  MfPycHeader header;
  MfCodeError error;
  if (n < MF_PYC_HEADER)
    return 0;
  if (mf_pyc_read_header (head, n, &header, &error))
    return 100;
  return header.magic >= OLDEST_PYTHON_3 && header.magic < UNBORN ? 60 : 0;
}

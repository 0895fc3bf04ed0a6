// SPDX-License-Identifier: Apache-2.0
// The table and its refinement by the interpreter's own words.
#include "python-offsets.h"

#include <elf.h>
#include <string.h>

static const MfPythonOffsets rows[] = {
#include "python-offsets.inc"
};

enum { N_ROWS = sizeof rows / sizeof rows[0] };

const MfPythonOffsets *
mf_python_offsets_of (uint16_t version, uint16_t machine, unsigned word)
{
  for (size_t i = 0; i < N_ROWS; i++)
    if (rows[i].version == version && rows[i].pointer == (int32_t) word && (rows[i].machine == machine || word == 8))
      return &rows[i];
  return NULL;
}

// ---- what an interpreter says of itself: numbers of 64 bits. The groups moved when members were added.

typedef struct {
  uint16_t at_313, at_314;
  size_t member;
} Told;

#define TOLD(name, a, b) { a, b, offsetof (MfPythonOffsets, name) }
static const Told told[] = {
  TOLD (interpreters, 40, 40), TOLD (interpreter_id, 56, 56), TOLD (interpreter_next, 64, 64), TOLD (threads, 72, 72),
  TOLD (thread_size, 152, 176), TOLD (thread_next, 168, 192), TOLD (thread_interpreter, 176, 200), TOLD (frame, 184, 208),
  TOLD (pthread, 192, 216), TOLD (native_thread, 200, 224), TOLD (chunk, 208, 232), TOLD (frame_size, 224, 248),
  TOLD (frame_back, 232, 256), TOLD (frame_code, 240, 264), TOLD (frame_instruction, 248, 272), TOLD (frame_owner, 264, 288),
  TOLD (file, 280, 320), TOLD (name, 296, 336), TOLD (lines, 304, 344), TOLD (first_line, 312, 352),
};

static uint64_t
number_at (const uint8_t *bytes, size_t at)
{
  uint64_t number;
  memcpy (&number, bytes + at, sizeof number);
  return number;
}

bool
mf_debug_offsets_read (const uint8_t *bytes, size_t n, MfDebugOffsets *debug)
{
  if (n < MF_DEBUG_OFFSETS_BYTES || memcmp (bytes, "xdebugpy", 8) != 0)
    return false;
  *debug = (MfDebugOffsets) { (uint32_t) number_at (bytes, 8), number_at (bytes, 16) != 0 };
  return debug->version >> 24 == 3;
}

bool
mf_python_offsets_refine (MfPythonOffsets *offsets, const uint8_t *bytes, size_t n)
{
  enum { LARGEST = 1 << 22 };
  MfDebugOffsets debug;
  if (!mf_debug_offsets_read (bytes, n, &debug) || debug.version >> 16 != offsets->version)
    return false;
  MfPythonOffsets refined = *offsets;
  for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
    uint64_t number = number_at (bytes, offsets->version == 0x030d ? told[i].at_313 : told[i].at_314);
    if (number > LARGEST)
      return false;
    *(int32_t *) (void *) ((uint8_t *) &refined + told[i].member) = (int32_t) number;
  }
  *offsets = refined;
  return true;
}

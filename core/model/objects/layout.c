// SPDX-License-Identifier: Apache-2.0
// C layouts by the rules of the target's ABI: every scalar is aligned to its size, but 8-byte ones
// on i386 to 4 (System V ABI i386, 2.1; AAPCS 4.1; RISC-V, x86-64 and wasm ABIs).
#include "model/objects/layout.h"

#include <string.h>

enum { MOST_COUNT = 1 << 20 };

typedef struct {
  const char *letters;
  uint8_t size;     // 0: a pointer, 1 with `wide`: a long
  uint8_t standard; // size by Python's '=', '<' and '>'; 0 = not allowed there
} Scalar;

enum { POINTER_SIZE = 0, LONG_SIZE = 255 };

// CPython Modules/_struct.c native_table, lilendian_table
static const Scalar scalars[] = { { "cbB?x", 1, 1 }, { "hHe", 2, 2 }, { "iI", 4, 4 }, { "f", 4, 4 },
  { "lL", LONG_SIZE, 4 }, { "qQd", 8, 8 }, { "nNP", POINTER_SIZE, 0 } };

static const Scalar *
scalar_of (char letter)
{
  for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++)
    if (letter && strchr (scalars[i].letters, letter))
      return &scalars[i];
  return NULL;
}

static uint64_t
native_size (const MfTarget *target, const Scalar *scalar)
{
  return scalar->size == POINTER_SIZE ? target->pointer
         : scalar->size == LONG_SIZE  ? target->long_size
                                      : scalar->size;
}

static uint64_t
alignment_of (const MfTarget *target, uint64_t size)
{
  return size == 8 ? target->align8 : size;
}

static void
add (MfLayout *layout, uint64_t size, uint64_t alignment, uint64_t count)
{
  if (alignment > layout->alignment)
    layout->alignment = alignment;
  layout->size = mf_round_up (layout->size, alignment) + size * count;
}

static bool
read_count (const char **at, uint64_t *count)
{
  bool written = false;
  for (*count = 0; **at >= '0' && **at <= '9'; (*at)++, written = true)
    if ((*count = *count * 10 + (uint64_t) (**at - '0')) > MOST_COUNT)
      return false;
  if (!written)
    *count = 1;
  return true;
}

// PyObject: under Py_TRACE_REFS two links in front (CPython 3.11 Include/object.h
// _PyObject_HEAD_EXTRA); free-threaded {tid, flags, mutex, gc bits, local and shared count, type}
// (CPython 3.13 Include/object.h struct _object).
static const char *
header_fields (const MfTarget *target)
{
  return target->free_threaded ? "PH2BInP" : target->trace_refs ? "2PnP" : "nP";
}

static bool
add_field (const MfTarget *target, char letter, uint64_t count, MfLayout *layout)
{
  if (letter == 'O' || letter == 'V') {
    MfLayout header = { 0, 1 };
    if (!mf_layout (target, header_fields (target), &header))
      return false;
    add (layout, header.size, header.alignment, 1);
    if (letter == 'V')
      add (layout, target->pointer, target->pointer, 1);
    return true;
  }
  const Scalar *scalar = scalar_of (letter);
  if (!scalar)
    return false;
  uint64_t size = native_size (target, scalar);
  add (layout, size, alignment_of (target, size), count);
  return true;
}

bool
mf_layout (const MfTarget *target, const char *fields, MfLayout *layout)
{
  *layout = (MfLayout){ 0, 1 };
  for (const char *at = fields; *at;) {
    uint64_t count;
    if (*at == ' ' && at++)
      continue;
    if (!read_count (&at, &count) || !add_field (target, *at++, count, layout))
      return false;
  }
  return true;
}

uint64_t
mf_sizeof (const MfTarget *target, const char *fields)
{
  MfLayout layout;
  return mf_layout (target, fields, &layout) ? mf_round_up (layout.size, layout.alignment) : 0;
}

// One code of a struct format; `s` and `p` are count bytes.
static bool
add_code (const MfTarget *target, char letter, uint64_t count, bool native, MfLayout *layout)
{
  if (letter == 's' || letter == 'p') {
    add (layout, 1, 1, count);
    return true;
  }
  const Scalar *scalar = scalar_of (letter);
  if (!scalar || (!native && !scalar->standard))
    return false;
  uint64_t size = native ? native_size (target, scalar) : scalar->standard;
  add (layout, size, native ? alignment_of (target, size) : 1, count);
  return true;
}

bool
mf_struct_calcsize (const MfTarget *target, const char *format, uint64_t *size)
{
  MfLayout layout = { 0, 1 };
  bool native = !strchr ("=<>!", *format) || !*format;
  if (*format && strchr ("@=<>!", *format))
    format++;
  while (*format) {
    uint64_t count;
    if (strchr (" \t\n\v\f\r", *format)) {
      format++;
      continue;
    }
    if (!read_count (&format, &count) || !add_code (target, *format++, count, native, &layout))
      return false;
  }
  *size = layout.size;
  return true;
}

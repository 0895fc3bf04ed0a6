// SPDX-License-Identifier: Apache-2.0
// What an allocator takes for one request, headers and rounding included, in closed form.
#include "model/objects/objects.h"

enum { PAGE = 4096, PYMALLOC_LIMIT = 512, MMAP_THRESHOLD = 128 * 1024 };

static uint64_t
at_least (uint64_t size, uint64_t least)
{
  return size < least ? least : size;
}

// glibc 2.36 malloc/malloc.c request2size, sysmalloc_mmap; i386 aligns to 16 since 2.26
static uint64_t
glibc (const MfTarget *target, uint64_t bytes)
{
  uint64_t word = target->pointer, unit = word == 4 && target->align8 == 8 ? 8 : 16;
  uint64_t chunk = at_least (mf_round_up (bytes + word, unit), word == 8 ? 32 : 16);
  return bytes < MMAP_THRESHOLD ? chunk : mf_round_up (chunk + word, PAGE);
}

// musl 1.2.3 mallocng/malloc.c size_classes, in units of 16 bytes with 4 bytes of header
static uint64_t
musl (const MfTarget *target, uint64_t bytes)
{
  static const uint16_t classes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 18, 20, 25, 31, 36, 42,
    50, 63, 72, 84, 102, 127, 146, 170, 204, 255, 292, 340, 409, 511, 584, 682, 818, 1023, 1169,
    1364, 1637, 2047, 2340, 2730, 3276, 4095, 4680, 5460, 6552, 8191 };
  enum { UNIT = 16, HEADER = 4 };
  (void) target;
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
    if (bytes + HEADER <= (uint64_t) classes[i] * UNIT)
      return (uint64_t) classes[i] * UNIT;
  return mf_round_up (bytes + UNIT + HEADER, PAGE);
}

// newlib nano-mallocr.c: a word in front, room to align to 8
static uint64_t
newlib_nano (const MfTarget *target, uint64_t bytes)
{
  uint64_t word = target->pointer;
  return at_least (mf_round_up (bytes, word) + (8 - word) + word, word == 4 ? 12 : 16);
}

// picolibc nano-malloc.h: a word in front, aligned as max_align_t
static uint64_t
picolibc (const MfTarget *target, uint64_t bytes)
{
  uint64_t word = target->pointer, unit = word == 8 ? 16 : 8;
  return at_least (mf_round_up (bytes + word, unit), mf_round_up (2 * word, unit));
}

// dlmalloc 2.8.6 request2size
static uint64_t
dlmalloc (const MfTarget *target, uint64_t bytes)
{
  uint64_t word = target->pointer;
  return at_least (mf_round_up (bytes + word, 2 * word), 4 * word);
}

// MicroPython py/gc.c: blocks of four object words, no header; representation D has words of 8
static uint64_t
micropython (const MfTarget *target, uint64_t bytes)
{
  uint64_t word = target->representation == MF_REPR_D ? 8 : target->pointer;
  return mf_round_up (bytes, 4 * word);
}

uint64_t
mf_granted (const MfTarget *target, uint64_t bytes)
{
  static uint64_t (*const rules[]) (const MfTarget *, uint64_t) = { [MF_ALLOCATOR_GLIBC] = glibc,
    [MF_ALLOCATOR_MUSL] = musl,
    [MF_ALLOCATOR_NEWLIB_NANO] = newlib_nano,
    [MF_ALLOCATOR_PICOLIBC] = picolibc,
    [MF_ALLOCATOR_DLMALLOC] = dlmalloc,
    [MF_ALLOCATOR_MICROPYTHON] = micropython };
  if (target->free_threaded || target->allocator == MF_ALLOCATOR_UNKNOWN
      || target->allocator >= sizeof rules / sizeof *rules)
    return 0;
  // Objects/obmalloc.c: classes of two words; pymem asks for a byte where nothing is asked for; the
  // debug hooks add the size in front and forbidden bytes on both sides (_PyMem_DebugRawAlloc)
  bytes = at_least (bytes, target->python == MF_PYTHON_CPYTHON);
  bytes += target->debug_hooks ? 3 * target->pointer : 0;
  if (target->pymalloc && bytes <= PYMALLOC_LIMIT)
    return mf_round_up (bytes, 2 * target->pointer);
  return rules[target->allocator](target, bytes);
}

// SPDX-License-Identifier: Apache-2.0
// Lines through what tracemalloc counted, after collecting garbage, for 1 to 8 fields or members
// with names of four letters on average, in CPython 3.8 to 3.14 on x86-64; on i386 (3.11) the same
// things took 0.53 to 0.58 of that. 3.15 is taken as 3.14.
#include "model/code-cost/library-cost.h"

typedef struct {
  uint8_t making, from; // minor version
  uint16_t base, each;
} Line;

// Those of a making stand together, the newest version first.
static const Line lines[] = {
  { MF_MAKES_NAMEDTUPLE, 14, 5207, 97 },
  { MF_MAKES_NAMEDTUPLE, 13, 5119, 97 },
  { MF_MAKES_NAMEDTUPLE, 12, 5105, 99 },
  { MF_MAKES_NAMEDTUPLE, 11, 5139, 100 },
  { MF_MAKES_NAMEDTUPLE, 10, 5292, 93 },
  { MF_MAKES_NAMEDTUPLE, 9, 4905, 93 },
  { MF_MAKES_NAMEDTUPLE, 8, 4841, 93 },
  { MF_MAKES_ENUM, 14, 3762, 334 },
  { MF_MAKES_ENUM, 13, 3655, 329 },
  { MF_MAKES_ENUM, 12, 3161, 367 },
  { MF_MAKES_ENUM, 11, 2913, 375 },
  { MF_MAKES_ENUM, 8, 2167, 233 },
  { MF_MAKES_INT_ENUM, 14, 3752, 448 },
  { MF_MAKES_INT_ENUM, 13, 3645, 443 },
  { MF_MAKES_INT_ENUM, 12, 3152, 488 },
  { MF_MAKES_INT_ENUM, 11, 2136, 328 },
  { MF_MAKES_INT_ENUM, 8, 2183, 241 },
  { MF_MAKES_DATACLASS, 14, 4827, 480 },
  { MF_MAKES_DATACLASS, 13, 3836, 442 },
  { MF_MAKES_DATACLASS, 12, 4065, 409 },
  { MF_MAKES_DATACLASS, 11, 3920, 373 },
  { MF_MAKES_DATACLASS, 10, 3870, 311 },
  { MF_MAKES_DATACLASS, 8, 3781, 295 },
  { MF_MAKES_LRU_CACHE, 14, 880, 0 },
  { MF_MAKES_LRU_CACHE, 12, 928, 0 },
  { MF_MAKES_LRU_CACHE, 11, 920, 0 },
  { MF_MAKES_LRU_CACHE, 10, 1000, 0 },
  { MF_MAKES_LRU_CACHE, 9, 976, 0 },
  { MF_MAKES_LRU_CACHE, 8, 696, 0 },
  { MF_MAKES_WRAPS, 11, 184, 0 },
  { MF_MAKES_WRAPS, 8, 232, 0 },
  { MF_MAKES_CONTEXTMANAGER, 14, 512, 0 },
  { MF_MAKES_CONTEXTMANAGER, 12, 560, 0 },
  { MF_MAKES_CONTEXTMANAGER, 11, 552, 0 },
  { MF_MAKES_CONTEXTMANAGER, 8, 588, 0 },
  { MF_MAKES_PATTERN, 8, 420, 7 },
};

static const Line *
line_of (const MfTarget *target, MfMaking making)
{
  for (uint32_t i = 0; i < sizeof lines / sizeof *lines; i++)
    if (lines[i].making == making && mf_target_from (target, lines[i].from))
      return &lines[i];
  return NULL;
}

// How far off the lines are, in per cent: what the members are decides the rest. Patterns take what
// they match, not how it is written, and blanks of verbose ones take nothing.
static const struct {
  uint8_t less, more;
} spread[MF_N_MAKINGS] = {
  [MF_MAKES_NAMEDTUPLE] = { 5, 15 },
  [MF_MAKES_ENUM] = { 10, 20 },
  [MF_MAKES_INT_ENUM] = { 10, 25 },
  [MF_MAKES_DATACLASS] = { 20, 20 },
  [MF_MAKES_LRU_CACHE] = { 5, 5 },
  [MF_MAKES_WRAPS] = { 5, 30 },
  [MF_MAKES_CONTEXTMANAGER] = { 5, 20 },
  [MF_MAKES_PATTERN] = { 60, 150 },
};

bool
mf_library_cost (const MfTarget *target, MfMaking making, uint32_t n, MfEstimate *estimate)
{
  enum { MOST_ITEMS = 1 << 20, NARROW = 55 }; // NARROW: per cent on 32 bits
  const Line *line = line_of (target, making);
  *estimate = (MfEstimate){ 0 };
  if (!line || mf_target_doubt (target) || target->python != MF_PYTHON_CPYTHON || n > MOST_ITEMS)
    return false;
  uint64_t bytes = line->base + (uint64_t) line->each * n;
  if (target->pointer == 4)
    bytes = bytes * NARROW / 100;
  *estimate = (MfEstimate){ .low = bytes * (100u - spread[making].less) / 100,
    .likely = bytes,
    .high = bytes * (100u + spread[making].more) / 100 };
  return true;
}

// The most that was seen, in 3.8 to 3.10 on x86-64, where nothing of the module had been called before.
// Measured as the first call in a process less a later one, on x86-64: 3.8, and what 3.10 takes more. Of re.compile it grows with what
// the pattern asks of the compiler: one character to 119.
bool
mf_library_first (const MfTarget *target, MfMaking making, uint32_t n, MfEstimate *first)
{
  enum { IN_3_10 = 10, LONG = 20, EACH = 370, MEASURED_WORD = 8 };
  static const struct { uint16_t likely, more_in_3_10, high; } rows[MF_N_MAKINGS] = { [MF_MAKES_NAMEDTUPLE] = { 400, 0, 490 },
    [MF_MAKES_ENUM] = { 790, 0, 860 },
    [MF_MAKES_INT_ENUM] = { 790, 0, 860 },
    [MF_MAKES_DATACLASS] = { 26800, 2100, 32100 },
    [MF_MAKES_LRU_CACHE] = { 400, 0, 460 },
    [MF_MAKES_WRAPS] = { 600, 0, 880 },
    [MF_MAKES_CONTEXTMANAGER] = { 850, 0, 1370 },
    [MF_MAKES_PATTERN] = { 8000, 2350, 21030 } };
  *first = (MfEstimate){ 0, 0, 0 };
  if (mf_target_from (target, 11) || target->python != MF_PYTHON_CPYTHON || making >= MF_N_MAKINGS)
    return false;
  uint64_t likely = rows[making].likely + (mf_target_from (target, IN_3_10) ? rows[making].more_in_3_10 : 0u);
  likely += making == MF_MAKES_PATTERN ? EACH * (n < LONG ? n : LONG) : 0;
  *first = (MfEstimate){ 0, likely * target->pointer / MEASURED_WORD, (uint64_t) rows[making].high * target->pointer / MEASURED_WORD };
  first->high = first->high > first->likely ? first->high : first->likely;
  return true;
}

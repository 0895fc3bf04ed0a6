// SPDX-License-Identifier: Apache-2.0
// Expansion of a MicroPython heap map. What granule the rows allow is kept as a set of powers of
// two, which each address narrows: folds and addresses that wrap at 1 MiB need no special case.
#include "micropython-map.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { CODE = 1, OLD_TAIL = 2 };

// clang-format off
static const uint8_t code_classes[256] = {
  ['.'] = CODE,
  ['='] = CODE,
  ['m'] = CODE,
  ['t'] = CODE | OLD_TAIL,
  ['h'] = CODE,
  ['q'] = CODE,
  ['A' ... 'Z'] = CODE,
};
// clang-format on

// Granules of 4 B to 1 KiB; MicroPython has 16 B or 32 B (MICROPY_BYTES_PER_GC_BLOCK).
#define ALL_CANDIDATES (((1u << 11) - 1) & ~3u)

void
mf_dump_map_begin (MfDumpMap *self, size_t limit)
{
  self->n = 0;
  self->limit = limit;
  self->candidates = ALL_CANDIDATES;
  self->n_areas = 0;
  self->folded = 0;
  self->rows = 0;
  self->broken_line = 0;
  self->reason[0] = '\0';
  memset (&self->last, 0, sizeof self->last);
}

void
mf_dump_map_clear (MfDumpMap *self, const MfTextSink *sink)
{
  if (self->codes)
    sink->resize (sink->user, self->codes, 0);
  self->codes = NULL;
  self->capacity = 0;
}

static bool
is_address_digit (char c)
{
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool
is_word (char c)
{
  return is_address_digit (c) || (c >= 'g' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// `end` is behind the last digit. Reads back to the first one.
static bool
parse_row_address (const MfLine *line, const char *end, MfDumpRow *row)
{
  const char *p = end;

  while (p > line->text && is_address_digit (p[-1]))
    p--;
  row->digits = (unsigned) (end - p);
  if (row->digits < 4 || row->digits > 8 || (p > line->text && is_word (p[-1])))
    return false;
  row->column = (size_t) (p - line->text);
  row->address = 0;
  for (; p < end; p++)
    row->address = row->address << 4 | (uint64_t) (*p <= '9' ? *p - '0' : *p - 'a' + 10);
  return true;
}

typedef uint8_t Codes __attribute__ ((vector_size (16)));

static inline Codes
all_of (uint8_t c)
{
  return (Codes){ c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c };
}

static bool
any (Codes mask)
{
  uint64_t halves[2];

  memcpy (halves, &mask, sizeof halves);
  return halves[0] | halves[1];
}

// The same as code_classes for 64 codes at once: rows are the bulk of what boards send.
static unsigned
classify_whole_row (const char *row)
{
  Codes wrong = all_of (0), old_tails = all_of (0);

  for (unsigned i = 0; i < MF_ROW_GRANULES; i += sizeof (Codes)) {
    Codes codes, known;

    memcpy (&codes, row + i, sizeof codes);
    known = (Codes) (codes - all_of ('A') < all_of (26)) | (Codes) (codes == all_of ('.'));
    known |= (Codes) (codes == all_of ('=')) | (Codes) (codes == all_of ('h'));
    known |= (Codes) (codes == all_of ('m')) | (Codes) (codes == all_of ('q'));
    old_tails |= (Codes) (codes == all_of ('t'));
    wrong |= ~(known | (Codes) (codes == all_of ('t')));
  }
  return any (wrong) ? 0 : any (old_tails) ? CODE | OLD_TAIL : CODE;
}

// Reads codes back from `end`. Returns where they begin, and the union of their classes.
static const char *
find_codes (const MfLine *line, const char *end, unsigned *classes)
{
  const char *p = end - line->text < MF_ROW_GRANULES ? end : end - MF_ROW_GRANULES;

  *classes = p < end ? classify_whole_row (p) : 0;
  if (*classes)
    return p;
  for (p = end; p > line->text && code_classes[(unsigned char) p[-1]]; p--)
    *classes |= code_classes[(unsigned char) p[-1]];
  return p;
}

bool
mf_dump_row_parse (const MfLine *line, MfDumpRow *row)
{
  const char *end = mf_line_trimmed_end (line);
  unsigned classes;
  const char *codes = find_codes (line, end, &classes);

  if (line->cut || codes == end || codes - line->text < 6 || codes[-1] != ' ' || codes[-2] != ':')
    return false;
  row->line = line->number;
  row->codes = codes;
  row->n_codes = (size_t) (end - codes);
  row->old_tails = classes & OLD_TAIL;
  return row->n_codes <= MF_ROW_GRANULES && parse_row_address (line, codes - 2, row);
}

__attribute__ ((format (printf, 3, 4))) static MfMapVerdict
broken (MfDumpMap *self, uint64_t line, const char *format, ...)
{
  va_list arguments;

  self->broken_line = line;
  va_start (arguments, format);
  vsnprintf (self->reason, sizeof self->reason, format, arguments);
  va_end (arguments);
  return MF_MAP_BROKEN;
}

static bool
reserve (MfDumpMap *self, const MfTextSink *sink, size_t n)
{
  size_t capacity = self->capacity ? self->capacity : 4096;
  uint8_t *codes;

  if (n <= self->capacity)
    return true;
  while (capacity < n)
    capacity *= 2; // n is at most `limit`, far from overflow
  codes = sink->resize (sink->user, self->codes, capacity);
  if (!codes)
    return false;
  self->codes = codes;
  self->capacity = capacity;
  return true;
}

static MfMapVerdict
check_room (MfDumpMap *self, size_t granules, uint64_t line)
{
  if (granules > self->limit - self->n)
    return broken (self, line,
        "the map has more than the %zu blocks that its header or the limit "
        "allows",
        self->limit);
  return MF_MAP_OK;
}

static MfMapVerdict
expand_fold (MfDumpMap *self, const MfTextSink *sink)
{
  size_t granules = self->folded * MF_ROW_GRANULES;

  if (granules == 0)
    return MF_MAP_OK;
  if (!reserve (self, sink, self->n + granules))
    return MF_MAP_FAILED;
  memset (self->codes + self->n, '.', granules);
  self->n += granules;
  self->folded = 0;
  return MF_MAP_OK;
}

static MfDumpArea *
current_area (MfDumpMap *self)
{
  return &self->areas[self->n_areas - 1];
}

// Granules of the current area, the fold included.
static uint64_t
area_length (const MfDumpMap *self)
{
  return self->n - self->areas[self->n_areas - 1].first_granule
         + (uint64_t) self->folded * MF_ROW_GRANULES;
}

static void
open_area (MfDumpMap *self, uint64_t base, uint64_t line)
{
  self->areas[self->n_areas++] = (MfDumpArea){ .base = base, .first_granule = self->n };
  self->last.n_codes = 0;
  self->last.line = line;
  self->origin = 0;
}

MfMapVerdict
mf_dump_map_add_area (MfDumpMap *self, const MfTextSink *sink, uint64_t base, uint64_t line)
{
  if (self->n_areas > 0 && area_length (self) == 0) {
    if (current_area (self)->base == base)
      return MF_MAP_REPEATED;
    return broken (self, line, "the heap area before it has no rows");
  }
  if (self->n_areas == MF_DUMP_AREAS)
    return broken (self, line, "the heap has more than %d areas", MF_DUMP_AREAS);
  if (mf_dump_map_finish (self, sink) != MF_MAP_OK)
    return MF_MAP_FAILED;
  open_area (self, base, line);
  return MF_MAP_OK;
}

MfMapVerdict
mf_dump_map_add_fold (MfDumpMap *self, uint64_t rows, uint64_t line)
{
  if (self->n_areas == 0)
    open_area (self, MF_ABSENT, line);
  if (self->folded > 0 && self->folded == rows)
    return MF_MAP_REPEATED;
  if (self->folded > 0 || rows == 0)
    return broken (self, line, "%" PRIu64 " folded lines cannot stand here", rows);
  if (self->last.n_codes > 0 && self->last.n_codes < MF_ROW_GRANULES)
    return broken (self, self->last.line,
        "the row has %zu blocks instead of 64, and is not the last", self->last.n_codes);
  if (rows > self->limit / MF_ROW_GRANULES)
    return broken (
        self, line, "%" PRIu64 " folded lines are more than the header or the limit allows", rows);
  if (check_room (self, rows * MF_ROW_GRANULES, line) != MF_MAP_OK)
    return MF_MAP_BROKEN;
  self->folded = rows;
  self->last.n_codes = 0;
  self->last.line = line;
  return MF_MAP_OK;
}

// "%05x" was masked to 20 bits up to 1.19; "%08x" is whole.
static uint64_t
address_mask (unsigned digits)
{
  return digits <= 5 ? 0xfffff : 0xffffffff;
}

// The granules with which a row `length` granules behind one at `origin` has this address.
static uint32_t
fitting_candidates (const MfDumpMap *self, const MfDumpRow *row, uint64_t origin, uint64_t length)
{
  uint64_t mask = address_mask (row->digits);
  uint32_t fitting = 0;

  for (uint32_t left = self->candidates; left != 0; left &= left - 1) {
    unsigned shift = (unsigned) __builtin_ctz (left);

    if (((origin + (length << shift)) & mask) == row->address)
      fitting |= 1u << shift;
  }
  return fitting;
}

bool
mf_dump_map_expects (const MfDumpMap *self, const MfDumpRow *row)
{
  return fitting_candidates (self, row, self->origin, area_length (self)) != 0;
}

// Where the last row had its address.
static bool
has_expected_address (const MfDumpMap *self, const MfLine *line)
{
  size_t end = self->last.column + self->last.digits;
  MfDumpRow row;

  return line->length >= end + 2 && (line->text[end] == ':' || line->text[end + 1] == ' ')
         && parse_row_address (line, line->text + end, &row) && mf_dump_map_expects (self, &row);
}

// ": " and 64 codes, behind something that is no address.
static bool
has_whole_row (const MfLine *line)
{
  const char *end = mf_line_trimmed_end (line);
  const char *codes = end - MF_ROW_GRANULES;

  if (codes - line->text < 2 || codes[-1] != ' ' || codes[-2] != ':')
    return false;
  while (codes < end && code_classes[(unsigned char) *codes])
    codes++;
  return codes == end;
}

bool
mf_dump_map_resembles_row (const MfDumpMap *self, const MfLine *line)
{
  return self->rows > 0 && (has_expected_address (self, line) || has_whole_row (line));
}

// Rows count from 0. Up to 1.4 they were cut-off addresses instead, counted from the base.
static bool
fit_address (MfDumpMap *self, const MfDumpRow *row)
{
  uint64_t length = area_length (self);
  uint64_t base = current_area (self)->base;
  uint64_t low = base == MF_ABSENT ? 0 : base & address_mask (row->digits);
  bool first = length == (uint64_t) self->folded * MF_ROW_GRANULES;
  uint32_t fitting = fitting_candidates (self, row, self->origin, length);

  if (fitting == 0 && first && low != 0) {
    self->origin = low;
    fitting = fitting_candidates (self, row, low, length);
  }
  if (fitting != 0)
    self->candidates = fitting;
  return fitting != 0;
}

static bool
is_repeated (const MfDumpMap *self, const MfDumpRow *row)
{
  return self->folded == 0 && self->last.n_codes > 0 && row->address == self->last.address
         && row->n_codes == self->last.n_codes && !row->old_tails
         && memcmp (row->codes, self->codes + self->n - row->n_codes, row->n_codes) == 0;
}

static void
append_codes (MfDumpMap *self, const MfDumpRow *row)
{
  uint8_t *codes = self->codes + self->n;

  memcpy (codes, row->codes, row->n_codes);
  if (row->old_tails)
    for (size_t i = 0; i < row->n_codes; i++)
      codes[i] = codes[i] == 't' ? '=' : codes[i];
  self->n += row->n_codes;
  self->rows++;
  self->last = *row;
  self->last.codes = NULL;
}

static MfMapVerdict
wrong_address (MfDumpMap *self, const MfDumpRow *row)
{
  uint64_t before = self->last.line;
  uint64_t line = before + 1 < row->line ? before + 1 : row->line;
  uint32_t granule = mf_dump_map_get_granule (self);
  uint64_t expected = (self->origin + area_length (self) * granule) & address_mask (row->digits);

  if (granule == 0)
    return broken (self, line,
        "the row address 0x%" PRIx64 " on line %" PRIu64 " does not continue "
        "the map",
        row->address, row->line);
  return broken (self, line,
      "the row on line %" PRIu64 " has the address 0x%" PRIx64 ", but 0x%" PRIx64 " follows",
      row->line, row->address, expected);
}

// Without the lines "GC memory layout" only the address tells that the next area begins.
static bool
begins_area (MfDumpMap *self, const MfDumpRow *row)
{
  return row->address == 0 && current_area (self)->base == MF_ABSENT && area_length (self) > 0
         && !mf_dump_map_expects (self, row);
}

MfMapVerdict
mf_dump_map_add_row (MfDumpMap *self, const MfTextSink *sink, const MfDumpRow *row)
{
  MfMapVerdict verdict;

  if (self->n_areas == 0)
    open_area (self, MF_ABSENT, row->line - 1);
  if (is_repeated (self, row))
    return MF_MAP_REPEATED;
  if (begins_area (self, row)) {
    verdict = mf_dump_map_add_area (self, sink, MF_ABSENT, row->line - 1);
    if (verdict != MF_MAP_OK)
      return verdict;
  }
  if (self->last.n_codes > 0 && self->last.n_codes < MF_ROW_GRANULES)
    return broken (self, self->last.line,
        "the row has %zu blocks instead of 64, and is not the last", self->last.n_codes);
  if (!fit_address (self, row))
    return wrong_address (self, row);
  if (check_room (self, self->folded * MF_ROW_GRANULES + row->n_codes, row->line) != MF_MAP_OK)
    return MF_MAP_BROKEN;
  if (expand_fold (self, sink) != MF_MAP_OK || !reserve (self, sink, self->n + row->n_codes))
    return MF_MAP_FAILED;
  append_codes (self, row);
  return MF_MAP_OK;
}

uint32_t
mf_dump_map_get_granule (const MfDumpMap *self)
{
  return (self->candidates & (self->candidates - 1)) == 0 ? self->candidates : 0;
}

bool
mf_dump_map_allows (const MfDumpMap *self, uint64_t granule)
{
  return granule != 0 && (granule & (granule - 1)) == 0 && (granule & self->candidates) == granule;
}

bool
mf_dump_map_has_area (const MfDumpMap *self, uint64_t base)
{
  for (unsigned i = 0; i < self->n_areas; i++)
    if (self->areas[i].base == base)
      return base != MF_ABSENT;
  return false;
}

bool
mf_dump_map_reaches (const MfDumpMap *self, uint64_t total)
{
  uint64_t granules = self->n + (uint64_t) self->folded * MF_ROW_GRANULES;

  return granules * mf_dump_map_get_granule (self) == total && granules > 0;
}

MfMapVerdict
mf_dump_map_finish (MfDumpMap *self, const MfTextSink *sink)
{
  if (expand_fold (self, sink) != MF_MAP_OK)
    return MF_MAP_FAILED;
  if (self->n_areas > 0)
    current_area (self)->granules = self->n - current_area (self)->first_granule;
  return MF_MAP_OK;
}

// The bytes of a word before the first that is not zero.
static size_t
leading_zero_bytes (uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return (size_t) __builtin_ctzll (word) / 8;
#else
  return (size_t) __builtin_clzll (word) / 8;
#endif
}

// How many granules from `p` on have this code; eight at a time, as heaps are mostly long runs.
static size_t
span (const uint8_t *p, const uint8_t *end, uint8_t code)
{
  const uint8_t *start = p;

  for (; end - p >= 8; p += 8) {
    uint64_t word;

    memcpy (&word, p, sizeof word);
    word ^= 0x0101010101010101u * code;
    if (word != 0)
      return (size_t) (p - start) + leading_zero_bytes (word);
  }
  while (p < end && *p == code)
    p++;
  return (size_t) (p - start);
}

static void
count_block (MfDumpCounts *counts, uint64_t length)
{
  counts->blocks++;
  counts->one_blocks += length == 1;
  counts->two_blocks += length == 2;
  counts->max_block = length > counts->max_block ? length : counts->max_block;
}

static void
count_area (MfDumpCounts *counts, const uint8_t *p, const uint8_t *end)
{
  while (p < end) {
    size_t length;

    if (*p == '.') {
      length = span (p, end, '.');
      counts->free_runs++;
      counts->free += length;
      counts->max_free = length > counts->max_free ? length : counts->max_free;
    } else {
      length = 1 + span (p + 1, end, '=');
      counts->marked += *p == 'm';
      counts->used += length;
      count_block (counts, length);
    }
    p += length;
  }
}

void
mf_dump_map_count (const MfDumpMap *self, MfDumpCounts *counts)
{
  memset (counts, 0, sizeof *counts);
  for (unsigned i = 0; i < self->n_areas; i++) {
    const uint8_t *codes = self->codes + self->areas[i].first_granule;

    count_area (counts, codes, codes + self->areas[i].granules);
  }
}

// gc_info looks one granule ahead, and takes a mark for neither the end of a block nor of a free
// run.
static void
count_area_as_firmware (MfDumpCounts *counts, const uint8_t *p, const uint8_t *end)
{
  uint64_t length = 0, free_length = 0;

  for (; p < end; p++) {
    bool last = p + 1 == end;
    bool next_free = !last && p[1] == '.';
    bool next_head = !last && p[1] != '.' && p[1] != '=' && p[1] != 'm';

    counts->free += *p == '.';
    counts->used += *p != '.' && *p != 'm';
    free_length += *p == '.';
    if (*p != 'm')
      length = *p == '.' ? 0 : *p == '=' ? length + 1 : 1;
    if ((last || next_free || next_head) && length > 0)
      count_block (counts, length);
    if (!last && !next_head)
      continue;
    counts->max_free = free_length > counts->max_free ? free_length : counts->max_free;
    free_length = 0;
  }
}

void
mf_dump_map_count_as_firmware (const MfDumpMap *self, MfDumpCounts *counts)
{
  memset (counts, 0, sizeof *counts);
  for (unsigned i = 0; i < self->n_areas; i++) {
    const uint8_t *codes = self->codes + self->areas[i].first_granule;

    count_area_as_firmware (counts, codes, codes + self->areas[i].granules);
  }
}

bool
mf_dump_next_block (const MfHeapDump *dump, MfDumpBlockIter *iter, MfDumpBlock *block)
{
  const MfDumpArea *area;
  const uint8_t *p, *end;
  size_t length;

  while (iter->area < dump->n_areas && iter->granule == dump->areas[iter->area].granules)
    *iter = (MfDumpBlockIter){ .area = iter->area + 1 };
  if (iter->area >= dump->n_areas)
    return false;

  area = &dump->areas[iter->area];
  p = dump->map + area->first_granule + iter->granule;
  end = dump->map + area->first_granule + area->granules;
  length = *p == '.' ? span (p, end, '.') : 1 + span (p + 1, end, '=');
  *block = (MfDumpBlock){
    .area = iter->area,
    .offset = (uint64_t) iter->granule * dump->granule,
    .size = (uint64_t) length * dump->granule,
    .state = *p == '.'   ? MF_DUMP_BLOCK_FREE
             : *p == 'm' ? MF_DUMP_BLOCK_MARKED
                         : MF_DUMP_BLOCK_USED,
    .code = (char) *p,
  };
  iter->granule += length;
  return true;
}

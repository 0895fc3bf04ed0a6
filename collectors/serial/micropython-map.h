// SPDX-License-Identifier: Apache-2.0
// The map of a MicroPython heap: rows and folded rows expanded to one code for each granule, their
// addresses checked, runs counted. Source: py/gc.c, gc_dump_alloc_table and gc_info, 1.0 to 1.29.
#pragma once

#include "device-text.h"

#define MF_ROW_GRANULES 64
#define MF_DUMP_AREAS 64

// "00400: h=Sh=..." wherever it stands in its line.
typedef struct {
  uint64_t line;
  uint64_t address;
  unsigned digits;
  size_t column; // of the address
  const char *codes;
  size_t n_codes; // 1 to 64
  bool old_tails; // 't' instead of '=', as 1.0 printed
} MfDumpRow;

typedef enum {
  MF_MAP_OK,
  MF_MAP_REPEATED, // the row that came before it, once more
  MF_MAP_BROKEN,   // see `broken_line` and `reason`
  MF_MAP_FAILED,   // memory could not be had
} MfMapVerdict;

// Embed it, set it to zero, mf_dump_map_begin before each dump; the buffer is kept from dump to
// dump.
typedef struct {
  uint8_t *codes;
  size_t n, capacity;
  size_t limit;        // granules that the dump at hand may have
  uint32_t candidates; // bit n: the granule may have 1 << n bytes
  MfDumpArea areas[MF_DUMP_AREAS];
  unsigned n_areas;
  size_t folded;   // rows of "(N lines all free)" that wait for the row behind them
  uint64_t origin; // what the first row of the area has as its address
  MfDumpRow last;  // `codes` is not valid
  size_t rows;     // printed in the whole map
  uint64_t broken_line;
  char reason[160];
} MfDumpMap;

// `limit` in granules.
void mf_dump_map_begin (MfDumpMap *self, size_t limit);
void mf_dump_map_clear (MfDumpMap *self, const MfTextSink *sink);

bool mf_dump_row_parse (const MfLine *line, MfDumpRow *row);
// Whether the address of the next row stands where the last row had its own: the row itself is
// garbled.
bool mf_dump_map_resembles_row (const MfDumpMap *self, const MfLine *line);
// Whether the address of `row` follows the map so far.
bool mf_dump_map_expects (const MfDumpMap *self, const MfDumpRow *row);
bool mf_dump_map_has_area (const MfDumpMap *self, uint64_t base);

// "GC memory layout; from BASE:" (MF_ABSENT: a map without that line).
MfMapVerdict mf_dump_map_add_area (
    MfDumpMap *self, const MfTextSink *sink, uint64_t base, uint64_t line);
MfMapVerdict mf_dump_map_add_row (MfDumpMap *self, const MfTextSink *sink, const MfDumpRow *row);
MfMapVerdict mf_dump_map_add_fold (MfDumpMap *self, uint64_t rows, uint64_t line);

// Whether the map, with the granule that its rows tell, has `total` bytes.
bool mf_dump_map_reaches (const MfDumpMap *self, uint64_t total);
// Expands the last fold and closes the last area.
MfMapVerdict mf_dump_map_finish (MfDumpMap *self, const MfTextSink *sink);
// The granule in bytes, if the rows tell exactly one, else 0.
uint32_t mf_dump_map_get_granule (const MfDumpMap *self);
// Whether the rows allow a granule of so many bytes.
bool mf_dump_map_allows (const MfDumpMap *self, uint64_t granule);

void mf_dump_map_count (const MfDumpMap *self, MfDumpCounts *counts);
// As gc_info counts, which skips marked heads: the same as mf_dump_map_count if nothing is marked.
void mf_dump_map_count_as_firmware (const MfDumpMap *self, MfDumpCounts *counts);

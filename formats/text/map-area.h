// SPDX-License-Identifier: Apache-2.0
// One contiguous area of a map at constant memory: however large it is, it is kept in a fixed
// number of units whose size doubles as the area grows.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { MF_AREA_UNITS = 8192, MF_AREA_MARKS = 16 }; // marks are below MF_AREA_MARKS

typedef struct {
  uint64_t part;    // which area of the map
  uint64_t extent;  // end of the highest block
  uint64_t granule; // largest size of which all offsets and sizes are multiples; 0 = no block
  uint64_t run_at, run_end; // the free run that the last free block belongs to
  uint64_t largest_at, largest_bytes;
  uint64_t blocks, refused; // rows; those among them that end beyond 2^64 and are not drawn
  unsigned shift;           // a unit is 2^shift bytes
  uint64_t used[MF_AREA_UNITS], covered[MF_AREA_UNITS]; // bytes of each unit, 2^64 - 1 at most
  uint64_t marked[MF_AREA_UNITS]; // bytes of the mark that has most of the unit
  uint8_t marks[MF_AREA_UNITS];   // which; 0 = none
  char letters[MF_AREA_UNITS];    // while a unit is no larger than the granule: what begins there
} MfMapArea;

// What a block is: in use or free; the letter for what is in it; a mark that stands out, 0 = none.
typedef struct {
  bool used;
  char letter;
  uint8_t mark;
} MfMapBlockKind;

// Makes an area empty; a block then adds to it.
void mf_map_area_init (MfMapArea *area, uint64_t part);
void mf_map_area_add (MfMapArea *area, uint64_t offset, uint64_t bytes, MfMapBlockKind kind);

// The sums of a range of bytes that is a whole number of units: in use, in any block, and of the
// mark that has most of it.
typedef struct {
  uint64_t used, covered, marked;
  uint8_t mark;
} MfMapSum;
MfMapSum mf_map_area_sum (const MfMapArea *area, uint64_t offset, unsigned shift);

// Blocks cover some bytes twice.
bool mf_map_area_overlaps (const MfMapArea *area);

// Some unit below the extent is in no block.
bool mf_map_area_has_holes (const MfMapArea *area);

// The smallest power of two, as a shift, not below the granule, with which `cells` cells hold the
// area.
unsigned mf_map_area_cell (const MfMapArea *area, uint64_t cells);

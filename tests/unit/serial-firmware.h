// SPDX-License-Identifier: Apache-2.0
// Prints heaps as firmware does (MicroPython py/gc.c, gc_info and gc_dump_alloc_table), for the
// versions and the viewers of which there is no recording.
#pragma once

#include <stdbool.h>

#include <glib.h>

#define FIRMWARE_AREAS 4

typedef struct {
  GString *areas[FIRMWARE_AREAS]; // one code for each granule
  unsigned n_areas;
  unsigned granule;    // bytes
  bool narrow;         // "%05x", masked to 20 bits, as up to 1.19
  bool from_base;      // addresses instead of offsets, as up to 1.8
  bool without_header; // only gc_dump_alloc_table
  bool without_base;   // no line "GC memory layout"
  bool without_max_free;
  bool with_comma;    // "max blk sz: 3, max free sz: 4"
  const char *prefix; // before each line
  const char *end;    // of each line
  const char *noise;  // a line of another task, now and then
  bool doubled;       // each line twice
} Firmware;

// Heaps of random blocks, long free runs and, with `marks`, marked heads.
void firmware_fill (Firmware *self, GRand *random, unsigned n_granules, bool marks);
void firmware_clear (Firmware *self);

void firmware_print (const Firmware *self, GString *out);

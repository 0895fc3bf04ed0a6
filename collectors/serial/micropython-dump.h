// SPDX-License-Identifier: Apache-2.0
// From the lines of mem_info and machine.info to one heap dump that agrees with itself, or to a
// sentence that says where it does not.
#pragma once

#include "grammar.h"
#include "key-filter.h"
#include "micropython-map.h"

typedef enum {
  MF_DUMP_NONE,
  MF_DUMP_SUMMARY, // "GC: total" is read
  MF_DUMP_HEADER,  // "No. of 1-blocks" too: a map may follow
  MF_DUMP_MAP,
} MfDumpState;

// Fixed size but for the map. Set it to zero.
typedef struct {
  MfDumpState state;
  bool headerless;
  bool broken;
  bool proven;      // more than a line that looks like a row
  unsigned silence; // lines of others since the last one of the dump
  uint64_t first_line, last_line, offset;
  uint64_t summary_line; // "GC: total"
  uint64_t broken_line;
  char reason[256];
  MfDumpFigures figures;
  MfDumpFigures lead; // "mem:" and "stack:", which come before "GC:"
  uint64_t lead_line, lead_offset, lead_last;
  uint32_t known_granule; // of the last map that agreed, and its heap
  uint64_t known_total;
  MfDumpMap map;
} MfDumpReader;

// A line without any of these is of no interest while `state` is MF_DUMP_NONE, rows aside.
void mf_dump_reader_add_keys (MfKeyFilter *filter);

// The three steps of reading a line: rows, the bulk, go first; then the lines with keys; then, if
// nobody knows the line, it is one of others that may stand in the middle of a dump.
MfLineVerdict mf_dump_reader_row (
    MfDumpReader *self, MfGrammarContext *context, const MfLine *line);
MfLineVerdict mf_dump_reader_line (
    MfDumpReader *self, MfGrammarContext *context, const MfLine *line);
MfLineVerdict mf_dump_reader_other_line (
    MfDumpReader *self, MfGrammarContext *context, const MfLine *line);

// The figures of machine.info, which has its own words for them. `first_line` and `offset` of its
// "GC:".
MfLineVerdict mf_dump_reader_take_figures (MfDumpReader *self, MfGrammarContext *context,
    const MfDumpFigures *figures, const MfLine *line, uint64_t first_line, uint64_t offset);

// Delivers a dump that needs no map, because something else follows on this line.
bool mf_dump_reader_before_event (MfDumpReader *self, MfGrammarContext *context);

// The dump at hand is over: `event` ("a new dump began") on `line`, 0 at the end of the stream.
bool mf_dump_reader_settle (
    MfDumpReader *self, MfGrammarContext *context, const char *event, uint64_t line);

bool mf_dump_reader_end (MfDumpReader *self, MfGrammarContext *context, MfTextEnd why);

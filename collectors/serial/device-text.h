// SPDX-License-Identifier: Apache-2.0
// What the text of a board says about its memory, as plain C: bytes in, callbacks out.
// Knows no pipeline; every grammar (grammar.h) reports through the one sink that is declared here.
#pragma once

#include "line-pattern.h"

// The figures that a dump prints; bytes, unless said otherwise; MF_ABSENT where the firmware prints
// none.
typedef struct {
  uint64_t total, used, free;
  uint64_t
      max_new_split; // a heap area that could still be added (MicroPython 1.21+, split heap auto)
  uint64_t one_blocks, two_blocks;
  uint64_t max_block, max_free; // granules; max_free is absent before about 1.8 and in machine.info
  uint64_t mem_total, mem_current, mem_peak; // asked for, not granules (MICROPY_MEM_STATS)
  uint64_t stack_used, stack_limit;
} MfDumpFigures;

// The same, counted from the map. All in granules, but for the counts of runs.
typedef struct {
  uint64_t used, free;
  uint64_t marked; // heads with a mark: the dump was taken during a collection
  uint64_t blocks; // used or marked runs
  uint64_t one_blocks, two_blocks, max_block;
  uint64_t free_runs, max_free; // a run never spans two areas
} MfDumpCounts;

typedef struct {
  uint64_t base; // address, MF_ABSENT if not printed
  size_t first_granule;
  size_t granules;
} MfDumpArea;

// Where the size of a granule (MicroPython: a block) comes from.
typedef enum {
  MF_GRANULE_UNKNOWN,
  MF_GRANULE_FROM_ROWS,    // the addresses of the rows
  MF_GRANULE_FROM_TOTAL,   // total / number of granules
  MF_GRANULE_FROM_EARLIER, // an earlier map of the same heap size in this stream
} MfGranuleSource;

// A heap dump that is whole and agrees with itself. Lives until the callback returns.
typedef struct {
  uint64_t first_line, last_line;
  uint64_t offset; // of the first line, in bytes
  MfDumpFigures figures;
  bool has_map;
  bool headerless;  // no figures were printed: total, used, free and the rest are counted from the
                    // map
  uint32_t granule; // bytes, 0 if unknown
  MfGranuleSource granule_source;
  MfDumpCounts counts; // the following are set only with a map
  const uint8_t *map; // one code for each granule: '.' free, '=' tail, 'm' marked head, else a head
  size_t n_granules;
  const MfDumpArea *areas;
  unsigned n_areas;
} MfHeapDump;

typedef enum { MF_DUMP_BLOCK_FREE, MF_DUMP_BLOCK_USED, MF_DUMP_BLOCK_MARKED } MfDumpBlockState;

typedef struct {
  unsigned area;
  uint64_t offset; // bytes from the base of the area
  uint64_t size;   // bytes
  MfDumpBlockState state;
  char code; // of the head, '.' if free
} MfDumpBlock;

// Set to zero, then call mf_dump_next_block until it returns false: blocks and free runs in address
// order.
typedef struct {
  unsigned area;
  size_t granule;
} MfDumpBlockIter;

bool mf_dump_next_block (const MfHeapDump *dump, MfDumpBlockIter *iter, MfDumpBlock *block);

// A dump that is not whole or contradicts itself: nothing of its map is delivered.
typedef struct {
  uint64_t first_line, last_line;
  uint64_t line;      // where it broke, or the line that the map contradicts
  const char *reason; // one sentence
  bool header_intact; // `figures` were read and agree with themselves; only the map is broken
  MfDumpFigures figures;
} MfDumpDamage;

typedef enum {
  MF_TEXT_FAULT_MEMORY,    // MemoryError
  MF_TEXT_FAULT_LOCKED,    // MemoryError, heap is locked
  MF_TEXT_FAULT_RECURSION, // RuntimeError, maximum recursion depth exceeded
  MF_TEXT_FAULT_PYSTACK,   // RuntimeError, pystack exhausted
  MF_TEXT_FAULT_EXCEPTION, // any other exception that reached the top
} MfTextFaultKind;

#define MF_TEXT_FAULT_FRAMES 32
#define MF_TEXT_FAULT_LENGTH 256

typedef struct {
  char file[96];
  char function[64];
  uint64_t line; // in `file`
} MfTextFrame;

typedef struct {
  MfTextFaultKind kind;
  bool caught;    // printed by the program, not by the interpreter's top level
  bool truncated; // the message or the traceback is not whole
  uint64_t first_line, last_line;
  uint64_t offset;                 // of the first line, in bytes
  uint64_t bytes;                  // that could not be allocated, MF_ABSENT if not said
  char type[64];                   // "MemoryError"
  char text[MF_TEXT_FAULT_LENGTH]; // the message; bytes of the device, escape them before printing
  unsigned
      n_frames; // outermost first; of a deep traceback the innermost MF_TEXT_FAULT_FRAMES are kept
  uint64_t lost_frames; // outer frames that were not kept
  MfTextFrame frames[MF_TEXT_FAULT_FRAMES];
} MfTextFault;

// The interpreter said hello, or that it reboots.
typedef struct {
  uint64_t line;
  uint64_t offset;
  bool rebooted;   // an epoch begins. False for the banner that belongs to a soft reboot already
                   // reported, and for the banner that ends a raw prompt
  bool soft;       // "soft reboot"
  bool has_banner; // the following are set
  const char *firmware; // "MicroPython" or "CircuitPython"; static
  char version[64];     // "1.28.0"
  char board[96];
  char mcu[64];
} MfTextBoot;

typedef struct {
  uint64_t line;
  uint64_t pools, strings, string_bytes, total_bytes;
} MfQstrPools;

typedef enum {
  MF_SYMBOL_ETEXT,
  MF_SYMBOL_SIDATA,
  MF_SYMBOL_SDATA,
  MF_SYMBOL_EDATA,
  MF_SYMBOL_SBSS,
  MF_SYMBOL_EBSS,
  MF_SYMBOL_SSTACK,
  MF_SYMBOL_ESTACK,
  MF_SYMBOL_RAM_START,
  MF_SYMBOL_HEAP_START,
  MF_SYMBOL_HEAP_END,
  MF_SYMBOL_RAM_END,
  MF_N_SYMBOLS,
} MfMemorySymbol;

// The memory layout of machine.info: addresses, MF_ABSENT if not printed.
typedef struct {
  uint64_t line;
  uint64_t symbols[MF_N_SYMBOLS];
} MfMemoryLayout;

// Where everything goes. Callbacks may be NULL, but for `resize`. They run in the thread that
// feeds, must not feed, and what they get lives until they return.
typedef struct {
  void *user;
  // As realloc, and resize (user, old, 0) frees. Every allocation goes through here.
  void *(*resize) (void *user, void *old, size_t bytes);
  size_t map_limit; // granules that a map may have, 0 for 64 Mi
  void (*dump) (void *user, const MfHeapDump *dump);
  void (*damaged) (void *user, const MfDumpDamage *damage);
  void (*fault) (void *user, const MfTextFault *fault);
  void (*boot) (void *user, const MfTextBoot *boot);
  void (*qstr) (void *user, const MfQstrPools *pools);
  void (*layout) (void *user, const MfMemoryLayout *layout);
} MfTextSink;

typedef enum {
  MF_END_OF_STREAM, // nothing follows: the file is at its end, the port was closed
  MF_END_QUIET,     // the device has said nothing for a while: what is whole can be delivered
} MfTextEnd;

typedef struct {
  MfLineCounts input;
  uint64_t echo_lines;       // of paste mode: never results
  uint64_t doubled_lines;    // of a console that prints every line twice
  uint64_t recognised_lines; // taken by a grammar
} MfTextCounts;

// The reader of one board: a line reader and one instance of every grammar.
typedef struct MfDeviceText MfDeviceText;

// Copies `sink`. Returns NULL if memory cannot be had.
MfDeviceText *mf_device_text_new (const MfTextSink *sink);
void mf_device_text_free (MfDeviceText *self);

// Both return false if memory could not be had (see mf_device_text_get_error): the stream cannot be
// read on.
bool mf_device_text_feed (MfDeviceText *self, const void *bytes, size_t length);
bool mf_device_text_end (MfDeviceText *self, MfTextEnd why);

// One sentence, "" if nothing failed. Lives as long as `self`.
const char *mf_device_text_get_error (const MfDeviceText *self);
MfTextCounts mf_device_text_get_counts (const MfDeviceText *self);
// The line that is being received (a prompt): see mf_line_reader_borrow_partial.
const char *mf_device_text_borrow_partial (const MfDeviceText *self, size_t *length);

// SPDX-License-Identifier: Apache-2.0
// Decodes alloc.event rows of coded batches: the reader's half of alloc-write.c.
#pragma once

#include "alloc-code.h"
#include "id-map.h"
#include "layout.h"

// An allocation of the block, by its age.
typedef struct {
  uint64_t address;
  uint32_t list;
  uint16_t domain, reserved;
} Block;

typedef struct {
  Model model;
  Block blocks[CODE_WINDOW]; // the latest allocations; number k stands at k modulo their number
  MfAlloc rows[CODE_ROWS_MAX];
} AllocReader;

// What a coded batch consists of; its streams lie behind one another.
typedef struct {
  const uint8_t *bytes;
  uint32_t n_rows, resolution, streams[CODED_STREAMS];
  const MfIdMap *strings, *stacks;
} CodedRows;

// A block begins.
void mf_alloc_reader_restart (AllocReader *reader);

// Decodes into reader->rows: NULL, or what is wrong.
const char *mf_alloc_read (AllocReader *reader, const CodedRows *coded);

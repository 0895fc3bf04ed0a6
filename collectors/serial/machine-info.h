// SPDX-License-Identifier: Apache-2.0
// machine.info () of the stm32 and nrf ports of MicroPython: symbols of the memory layout, qstr
// pools, and the heap figures in words of its own; the map that follows is that of mem_info.
#pragma once

#include "micropython-dump.h"

// Fixed size. Set it to zero, then mf_machine_info_start.
typedef struct {
  MfMemoryLayout layout;
  unsigned n_symbols;
  MfQstrPools pools;
  unsigned step; // lines of the block at hand that have been read
  uint64_t last_line;
  uint64_t heap_line, heap_offset;
  MfDumpFigures figures;
} MfMachineInfo;

void mf_machine_info_start (MfMachineInfo *self);

// A line without any of these is of no interest, but for the few behind one that was.
void mf_machine_info_add_keys (MfKeyFilter *filter);
bool mf_machine_info_is_open (const MfMachineInfo *self, const MfLine *line);

MfLineVerdict mf_machine_info_line (
    MfMachineInfo *self, MfDumpReader *dump, MfGrammarContext *context, const MfLine *line);

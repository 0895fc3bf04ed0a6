// SPDX-License-Identifier: Apache-2.0
// Tracebacks, and MemoryErrors however they reach the console: raised to the top, printed by the
// program that caught them, or cut short because no heap was left for the message.
#pragma once

#include "grammar.h"
#include "key-filter.h"

// Fixed size. Set it to zero.
typedef struct {
  bool open;        // between "Traceback" and the line that names the exception
  size_t column;    // of "Traceback": what a viewer puts before each line
  unsigned silence; // lines in between that are neither frame nor exception
  MfTextFault fault;
} MfFaultReader;

// A line without any of these is of no interest unless `open`.
void mf_fault_reader_add_keys (MfKeyFilter *filter);

// Whether the line belongs to a fault; `*complete` if `self->fault` is now to be delivered.
bool mf_fault_reader_line (MfFaultReader *self, const MfLine *line, bool *complete);

// Whether a traceback was open, whose fault is now to be delivered as truncated.
bool mf_fault_reader_end (MfFaultReader *self);

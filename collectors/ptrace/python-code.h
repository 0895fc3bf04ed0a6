// SPDX-License-Identifier: Apache-2.0
// Code objects of another process: their names and lines, read once and checked again now and then.
#pragma once

#include "python-stacks.h"

typedef struct MfCodeCache MfCodeCache;

// What a frame points to, as far as a stack needs it.
typedef struct {
  uint64_t address, type;      // type: what its ob_type points to
  uint64_t name_at, lines_at;  // unchanged as long as it is the same code object
  MfString function, file;
  uint32_t first_line, length; // length: bytes of the instructions, 0 = not known
  uint32_t lines_size;
  uint8_t *lines;              // the location table
  int64_t checked_ns;
} MfRemoteCode;

MfCodeCache *mf_code_cache_new (const MfProcess *process, const MfPythonRuntime *runtime, const MfStackNames *names);
void mf_code_cache_free (MfCodeCache *cache);

// The code object at an address, seen there not longer ago than some milliseconds. NULL = none is there.
const MfRemoteCode *mf_code_cache_get (MfCodeCache *cache, uint64_t address, int64_t now_ns);

// The line of an instruction, by its offset in bytes; 0 = none, or the offset is not in the code.
uint32_t mf_remote_code_line (const MfCodeCache *cache, const MfRemoteCode *code, int64_t instruction);

// Text of a str of the other process, as UTF-8, at most `most` characters; free with g_free. NULL = it is no str.
char *mf_remote_text (const MfProcess *process, const MfPythonOffsets *offsets, uint64_t at, size_t most);

// SPDX-License-Identifier: Apache-2.0
// Where CPython keeps what a reader from outside needs, by version and machine: a table from debug information, and what
// interpreters since 3.13 say of themselves, which goes before it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Byte offsets, -1 = there is no such member. Named after what is there, from the runtime state inwards.
typedef struct {
  uint16_t machine, version;                                           // EM_* of elf.h; 0x030b = 3.11
  int32_t pointer;                                                     // bytes of a pointer
  int32_t interpreters;                                                // runtime -> first interpreter
  int32_t interpreter_next, interpreter_id, threads, obmalloc;         // of an interpreter
  int32_t thread_next, thread_interpreter, frame, c_frame, pthread, native_thread, chunk, chunk_top, thread_size;
  int32_t c_frame_current;                                             // 3.11, 3.12: thread -> c_frame -> frame
  int32_t frame_back, frame_code, frame_instruction, frame_owner, frame_size;
  int32_t code_size, file, name, first_line, lines, bytecode;          // code_size: in code units, where bytecode >= 0
  int32_t text_length, text_state, text_ascii, text_compact, bytes;    // str, bytes
  int32_t type, type_name, type_flags;
  int32_t arenas, max_arenas;                                          // of the state of obmalloc, 3.12 and later
} MfPythonOffsets;

// The row of a version (0x030b) on a machine. Machines of 64 bits that were not measured get the row of x86-64: the
// members behind `interpreters` are laid out alike. NULL = not known.
const MfPythonOffsets *mf_python_offsets_of (uint16_t version, uint16_t machine, unsigned word);

// What stands at the beginning of the runtime state since 3.13 (pycore_debug_offsets.h).
enum { MF_DEBUG_OFFSETS_BYTES = 416 };
typedef struct {
  uint32_t version;      // 0x030d00f0
  bool free_threaded;
} MfDebugOffsets;

// False = these bytes are no such table.
bool mf_debug_offsets_read (const uint8_t *bytes, size_t n, MfDebugOffsets *debug);
// Takes over what the table says. False = it says what cannot be.
bool mf_python_offsets_refine (MfPythonOffsets *offsets, const uint8_t *bytes, size_t n);

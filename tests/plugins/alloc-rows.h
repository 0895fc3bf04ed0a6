// SPDX-License-Identifier: Apache-2.0
// Rows of alloc.event for tests of plugins: a small program of two files whose every byte is known.
#pragma once

#include <glib.h>

#include <memflow/harness.h>

typedef struct {
  MfHarness *harness;
  MfStack main, load, parse, native, none;
  int64_t time;
  uint32_t thread, process, sequence[4];
} Program;

// main (app.py:10) calls load (app.py:88), which calls parse (lib/codec.py:7), which calls C.
static inline Program
program_of (MfHarness *harness)
{
  Program program = { .harness = harness, .thread = 1, .process = 42 };
  program.main = mf_harness_stack (harness, (MfStack) { 0 }, "main", "/srv/app.py", 10);
  program.load = mf_harness_stack (harness, program.main, "load", "/srv/app.py", 88);
  program.parse = mf_harness_stack (harness, program.load, "parse", "/srv/lib/codec.py", 7);
  program.native = mf_harness_stack (harness, program.parse, "PyList_New", "/usr/lib/libpython3.so", 0);
  return program;
}

static inline bool
program_row (Program *program, MfAlloc row)
{
  row.time.ns = program->time += 1000000;
  row.thread = program->thread;
  row.process = program->process;
  row.sequence = program->sequence[program->thread & 3]++;
  row.granted = MF_SIZE_NONE;
  return mf_harness_push (program->harness, &MfAlloc_type, &row, 1, NULL, 0);
}

static inline bool
program_alloc (Program *program, MfStack stack, uint64_t address, uint64_t size)
{
  return program_row (program, (MfAlloc) { .op = MF_OP_ALLOC, .address = { address }, .stack = stack,
    .old_address = MF_ADDRESS_NONE, .size = { size }, .domain = MF_DOMAIN_OBJ });
}

static inline bool
program_free (Program *program, uint64_t address)
{
  return program_row (program, (MfAlloc) { .op = MF_OP_FREE, .address = { address },
    .old_address = MF_ADDRESS_NONE, .size = MF_SIZE_NONE, .domain = MF_DOMAIN_OBJ });
}

static inline bool
program_realloc (Program *program, MfStack stack, uint64_t old, uint64_t address, uint64_t size)
{
  return program_row (program, (MfAlloc) { .op = MF_OP_REALLOC, .address = { address }, .stack = stack,
    .old_address = { old }, .size = { size }, .domain = MF_DOMAIN_OBJ });
}

static inline bool
program_fail (Program *program, MfStack stack, uint64_t size)
{
  return program_row (program, (MfAlloc) { .op = MF_OP_FAILED, .address = { 0 }, .stack = stack,
    .old_address = MF_ADDRESS_NONE, .size = { size }, .domain = MF_DOMAIN_OBJ });
}

// At the peak: load 1,000,000 B, parse 20,000 + 3,000 (called in C) B, main 4,000 B. At the end: 1,009,000 B.
static inline bool
program_run (Program *program)
{
  return program_alloc (program, program->main, 0x1000, 4000)
    && program_alloc (program, program->load, 0x2000, 500000)
    && program_alloc (program, program->parse, 0x3000, 20000)
    && program_alloc (program, program->native, 0x4000, 3000)
    && program_realloc (program, program->load, 0x2000, 0x9000, 1000000)
    && program_free (program, 0x3000)
    && program_alloc (program, program->native, 0x5000, 50)
    && program_free (program, 0x5000)
    && program_alloc (program, program->parse, 0x3000, 5000)
    && program_free (program, 0x4000)
    && program_fail (program, program->load, 123456789)
    && program_free (program, 0x7770);
}

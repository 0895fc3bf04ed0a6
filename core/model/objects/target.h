// SPDX-License-Identifier: Apache-2.0
// The machine and the Python that objects are priced for. Nothing here comes from the machine that
// memflow runs on.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { MF_PYTHON_UNKNOWN, MF_PYTHON_CPYTHON, MF_PYTHON_MICROPYTHON } MfPython;

// How MicroPython represents an object (py/mpconfig.h MICROPY_OBJ_REPR_A to _D): in C floats, in D
// floats and everything else live in the word itself.
typedef enum { MF_REPR_A, MF_REPR_B, MF_REPR_C, MF_REPR_D } MfRepresentation;

// Who grants what objects ask for.
typedef enum {
  MF_ALLOCATOR_UNKNOWN,
  MF_ALLOCATOR_GLIBC,
  MF_ALLOCATOR_MUSL,
  MF_ALLOCATOR_NEWLIB_NANO,
  MF_ALLOCATOR_PICOLIBC,
  MF_ALLOCATOR_DLMALLOC, // newlib, uClibc-ng
  MF_ALLOCATOR_MICROPYTHON
} MfAllocator;

#define MF_PYTHON_VERSION(major, minor) ((uint16_t) ((major) << 8 | (minor)))

typedef struct MfTarget {
  MfPython python;
  uint16_t version; // MF_PYTHON_VERSION (3, 11)
  uint8_t micro;
  uint8_t pointer;      // bytes: 4 or 8
  uint8_t align8;       // of 8-byte integers and doubles in a struct: 4 on i386, else 8
  uint8_t long_size;    // of C long: as a pointer but on 64-bit Windows
  uint8_t digit_bits;   // of int: 15 or 30
  uint8_t lock_size;    // of what a thread lock asks for: sem_t
  uint8_t address_bits; // that objects' addresses need: they are keys of type.__subclasses__
  bool big_endian;
  bool free_threaded, trace_refs;
  bool debug_hooks;      // PYTHONMALLOC=debug: three words more around each block
  bool pymalloc;         // requests up to 512 bytes are pymalloc's
  MfAllocator allocator; // everything else is the C library's, or MicroPython's collector
  MfRepresentation representation;
} MfTarget;

// The usual build of a CPython on a machine with pointers of 4 or 8 bytes; change fields afterwards
// where the target differs. `align8` is 8: set 4 for i386.
MfTarget mf_target_cpython (unsigned major, unsigned minor, unsigned micro, unsigned pointer);
MfTarget mf_target_micropython (unsigned major, unsigned minor, unsigned pointer);

// NULL if the model covers this target, else why it does not (static text).
const char *mf_target_doubt (const MfTarget *target);

static inline bool
mf_target_is_micropython (const MfTarget *target)
{
  return target->python == MF_PYTHON_MICROPYTHON;
}

static inline bool
mf_target_from (const MfTarget *target, unsigned minor)
{
  return target->version >= MF_PYTHON_VERSION (3, minor);
}

static inline uint64_t
mf_round_up (uint64_t size, uint64_t unit)
{
  return (size + unit - 1) / unit * unit;
}

// SPDX-License-Identifier: Apache-2.0
// Usual builds, and what the model does not cover.
#include "model/objects/target.h"

// Digits of int are 30 bits on 64-bit machines, and everywhere from 3.11 on
// (CPython 3.11 configure.ac, Include/pyport.h PYLONG_BITS_IN_DIGIT). sem_t is four words in glibc
// and musl; 3.15 has a mutex of one byte in its place.
MfTarget
mf_target_cpython (unsigned major, unsigned minor, unsigned micro, unsigned pointer)
{
  MfTarget target = { .python = MF_PYTHON_CPYTHON,
    .version = MF_PYTHON_VERSION (major, minor),
    .micro = (uint8_t) micro,
    .pointer = (uint8_t) pointer,
    .align8 = 8,
    .long_size = (uint8_t) pointer,
    .lock_size = (uint8_t) (4 * pointer),
    .address_bits = pointer == 8 ? 47 : 32,
    .pymalloc = true,
    .allocator = MF_ALLOCATOR_GLIBC };
  if (mf_target_from (&target, 15))
    target.lock_size = 1;
  target.digit_bits = pointer == 8 || mf_target_from (&target, 11) ? 30 : 15;
  return target;
}

MfTarget
mf_target_micropython (unsigned major, unsigned minor, unsigned pointer)
{
  return (MfTarget){ .python = MF_PYTHON_MICROPYTHON,
    .version = MF_PYTHON_VERSION (major, minor),
    .pointer = (uint8_t) pointer,
    .align8 = 8,
    .long_size = (uint8_t) pointer,
    .digit_bits = 16,
    .allocator = MF_ALLOCATOR_MICROPYTHON };
}

static const char *
doubt_of_cpython (const MfTarget *target)
{
  if (target->version < MF_PYTHON_VERSION (3, 8) || target->version > MF_PYTHON_VERSION (3, 15))
    return "object sizes are known of CPython 3.8 to 3.15";
  if (target->digit_bits != 15 && target->digit_bits != 30)
    return "digits of int have 15 or 30 bits";
  if (target->free_threaded && !mf_target_from (target, 13))
    return "free-threaded builds begin with CPython 3.13";
  if (target->trace_refs && mf_target_from (target, 13))
    return "the layout under Py_TRACE_REFS is not known from CPython 3.13 on";
  return NULL;
}

const char *
mf_target_doubt (const MfTarget *target)
{
  if (target->pointer != 4 && target->pointer != 8)
    return "pointers have 4 or 8 bytes";
  if (target->align8 != 4 && target->align8 != 8)
    return "8-byte numbers are aligned to 4 or 8 bytes";
  if (target->long_size != 4 && target->long_size != 8)
    return "a C long has 4 or 8 bytes";
  if (target->python == MF_PYTHON_CPYTHON)
    return doubt_of_cpython (target);
  if (target->python != MF_PYTHON_MICROPYTHON)
    return "the implementation of Python is not known";
  if (target->representation > MF_REPR_D)
    return "MicroPython has the representations A to D";
  return NULL;
}

// SPDX-License-Identifier: Apache-2.0
// Types of Python objects in another process: whether an address is one, and what it is called. Each is looked at once.
#pragma once

#include "python-runtime.h"

typedef struct {
  char *name;       // tp_name: with its module for types made in C, without it for classes
  uint64_t flags;   // tp_flags
  uint64_t address;
  int64_t basic_size, item_size;
} MfRemoteType;

enum { MF_TYPE_HAS_GC = 1 << 14 };  // Py_TPFLAGS_HAVE_GC

typedef struct MfRemoteTypes MfRemoteTypes;

// Both stay the caller's and have to live as long. Never NULL.
MfRemoteTypes *mf_remote_types_new (const MfProcess *process, const MfPythonOffsets *offsets);
void mf_remote_types_free (MfRemoteTypes *types);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MfRemoteTypes, mf_remote_types_free)

// The type at an address; NULL = none is there. Lives as long as the types.
const MfRemoteType *mf_remote_type (MfRemoteTypes *types, uint64_t address);

// Looks up a type: mf_remote_type with what the caller knows of where types can be.
typedef const MfRemoteType *(*MfTypeLookup) (void *user, uint64_t address);
// The type of the object in a used block of `size` bytes, and how many bytes stand in front of it; NULL = there is no object.
const MfRemoteType *mf_type_in_block (
    MfTypeLookup lookup, void *user, const MfPythonOffsets *offsets, const uint8_t *block, uint32_t size, uint32_t *front);

// SPDX-License-Identifier: Apache-2.0
// What the resident set of a process consisted of at the first and at the last moment at which its heap was read, and which types
// of objects were in it.
#pragma once

#include <glib.h>
#include <memflow/events.h>

enum { MF_MEMORY_PARTS = MF_MEMORY_ALL };

typedef struct {
  uint64_t count, bytes;
} MfTypeSum;

typedef struct {
  MfProcessMemory parts[MF_MEMORY_PARTS + 1];  // by part; the last one is all
  GHashTable *types;    // MfString id -> MfTypeSum
  uint64_t arenas, empty_arenas;  // with used blocks; of these, at most a quarter full
  GHashTable *keepers;  // MfString id -> number of the latter in which that type has the most bytes
} MfMemoryMoment;

typedef struct {
  MfMemoryMoment first, last, open;
  uint32_t n;           // moments that are compared
  uint32_t left_out;    // of those at which the C library's heap could not be read, unlike at others
  uint64_t incomplete;  // bytes of the largest difference between the parts and the whole
} MfMemoryChange;

void mf_memory_change_init (MfMemoryChange *change);
void mf_memory_change_clear (MfMemoryChange *change);

// Rows of a moment in any order; its row `all` closes it.
void mf_memory_change_type (MfMemoryChange *change, const MfObjectCensus *row);
void mf_memory_change_arena (MfMemoryChange *change, const MfPymallocArena *row);
void mf_memory_change_part (MfMemoryChange *change, const MfProcessMemory *row);

// What the parts of a moment lack of the whole; negative = they have more.
int64_t mf_memory_moment_residual (const MfMemoryMoment *moment);
// By how many resident bytes a part has grown.
int64_t mf_memory_change_of (const MfMemoryChange *change, uint32_t part);

// The type that keeps most of the arenas that are almost empty, and how many of them; id 0 = there are none.
MfString mf_memory_moment_keeper (const MfMemoryMoment *moment, uint64_t *arenas);

typedef struct {
  MfString type;
  MfTypeSum first, last;
} MfTypeChange;

// Types by how much they have grown, the most first. Free with g_array_unref.
GArray *mf_memory_change_types (const MfMemoryChange *change);

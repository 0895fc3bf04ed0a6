// SPDX-License-Identifier: Apache-2.0
// What a Python object refers to, seen from outside: items of lists, tuples, dicts and sets by their layout, everything else by
// the words that point at objects. Layouts: CPython Objects/{list,tuple,dict,set}object.c, 3.8 to 3.14.
#pragma once

#include "graph-memory.h"

typedef enum {
  MF_EDGE_WORD,   // `at`: offset in the object
  MF_EDGE_PLAIN,  // in memory of the object's own, `at`: offset in that
  MF_EDGE_ITEM,   // `at`: index
  MF_EDGE_KEY,    // `at`: entry of a dict
  MF_EDGE_VALUE,  // the same
  MF_EDGE_MEMBER, // of a set
  MF_EDGE_ROOT    // no object refers to it
} MfEdgeKind;

typedef struct {
  uint64_t to;    // where the object begins
  uint64_t where; // the pointer stands
  MfEdgeKind kind;
  uint32_t at;
  const MfRemoteType *type;
} MfEdge;

typedef void (*MfEdgeFound) (void *user, const MfEdge *edge);

// All references of the object at an address, weak ones left out.
void mf_object_edges (MfGraphMemory *memory, uint64_t object, const MfRemoteType *type, MfEdgeFound found, void *user);
// What a stretch of memory refers to, as words; `mask` clears tags of the pointers.
void mf_memory_edges (MfGraphMemory *memory, uint64_t from, uint64_t to, uint64_t mask, MfEdgeFound found, void *user);

// The key of an entry of a dict, or 0.
uint64_t mf_dict_key (MfGraphMemory *memory, uint64_t dict, uint32_t entry);
// Entries that a dict has in use.
uint64_t mf_dict_used (MfGraphMemory *memory, uint64_t dict);
// Names of attributes that stand in the object itself: of its values since 3.11, by number; of __slots__, by their offset. Free with
// g_free, NULL = not known.
char *mf_inline_name (MfGraphMemory *memory, const MfRemoteType *type, uint32_t i);
char *mf_slot_name (MfGraphMemory *memory, const MfRemoteType *type, uint32_t offset);

// SPDX-License-Identifier: Apache-2.0
// What calls into Python's own library leave that no reader of the caller's bytecode can see:
// classes that it builds, wrappers, compiled patterns. Estimates from measurements. Pure, any
// thread.
#pragma once

#include "model/objects/target.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum {
  MF_MAKES_NAMEDTUPLE,     // collections.namedtuple of `n` fields: the whole class
  MF_MAKES_ENUM,           // class statement below enum.Enum with `n` members: the whole class
  MF_MAKES_INT_ENUM,       // the same below IntEnum, IntFlag
  MF_MAKES_DATACLASS,      // what @dataclass adds to a class of `n` fields
  MF_MAKES_LRU_CACHE,      // what @lru_cache adds to a function
  MF_MAKES_WRAPS,          // what @wraps (f) adds to a function
  MF_MAKES_CONTEXTMANAGER, // what @contextmanager adds to a function
  MF_MAKES_PATTERN,        // re.compile of `n` characters, its place in the cache of re included
  MF_N_MAKINGS
} MfMaking;

// Bytes asked for.
typedef struct {
  uint64_t low, likely, high;
} MfEstimate;

// What the first call in a process leaves more: up to 3.10 each function of the library that ran keeps a frame. Nothing at least, as
// somebody may have called before. False: nothing is left.
bool mf_library_first (const MfTarget *target, MfMaking making, uint32_t n, MfEstimate *first);

// False: not known of this target.
bool mf_library_cost (const MfTarget *target, MfMaking making, uint32_t n, MfEstimate *estimate);

// SPDX-License-Identifier: Apache-2.0
// Inside the object model: how one kind of object is put together from blocks.
#pragma once

#include "model/objects/objects.h"

// Everything a formula needs. `size` is the type's row; unknown for instances and classes.
typedef struct {
  const MfTarget *target;
  const MfShape *shape;
  MfPyTypeSize type;
  uint64_t word;
} MfPart;

// False: not known.
typedef bool (*MfFormula) (const MfPart *part, MfObjectSize *size);

bool mf_size_of_number (const MfPart *part, MfObjectSize *size);
bool mf_size_of_text (const MfPart *part, MfObjectSize *size);
bool mf_size_of_bytes (const MfPart *part, MfObjectSize *size);
bool mf_size_of_items (const MfPart *part, MfObjectSize *size);
bool mf_size_of_naive (const MfPart *part, MfObjectSize *size);
bool mf_size_of_io (const MfPart *part, MfObjectSize *size);

bool mf_size_of_list (const MfPart *part, MfObjectSize *size);
bool mf_size_of_tuple (const MfPart *part, MfObjectSize *size);
bool mf_size_of_dict (const MfPart *part, MfObjectSize *size);
bool mf_size_of_set (const MfPart *part, MfObjectSize *size);
bool mf_size_of_bytearray (const MfPart *part, MfObjectSize *size);
bool mf_size_of_array (const MfPart *part, MfObjectSize *size);
bool mf_size_of_deque (const MfPart *part, MfObjectSize *size);
bool mf_size_of_ordered_dict (const MfPart *part, MfObjectSize *size);

bool mf_size_of_instance (const MfPart *part, MfObjectSize *size);
bool mf_size_of_class (const MfPart *part, MfObjectSize *size);

// Slots of a dict of `shape`; 0 = none.
uint64_t mf_dict_shape_slots (const MfTarget *target, const MfShape *shape);

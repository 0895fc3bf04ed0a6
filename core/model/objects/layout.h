// SPDX-License-Identifier: Apache-2.0
// Sizes and offsets of C structs on a target, and of Python's struct and ctypes: fields as text.
#pragma once

#include "model/objects/target.h"

// Fields are written as in Python's struct module, with counts in front ("2P"): c b B ? (1 byte),
// h H (2), i I (4), l L (long), q Q d (8), f (4), n N P (pointer), and two of CPython's own: O is a
// PyObject header, V a PyVarObject header. Blanks do not count.
typedef struct {
  uint64_t size;      // without padding at the end
  uint64_t alignment; // of the whole
} MfLayout;

// False: an unknown letter or a count that is too large.
bool mf_layout (const MfTarget *target, const char *fields, MfLayout *layout);

// What sizeof would say there; 0 as above.
uint64_t mf_sizeof (const MfTarget *target, const char *fields);

// struct.calcsize (format) on the target: '@' (default), '=', '<', '>', '!' in front, x s p
// besides. False: a format that struct refuses.
bool mf_struct_calcsize (const MfTarget *target, const char *format, uint64_t *size);

// SPDX-License-Identifier: Apache-2.0
// Fuzz target: shapes as bytecode may claim them, and struct formats, on any target.
#include <string.h>

#include "model/objects/objects.h"

int LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n);

// Enumerations are read as numbers, which may lie outside them.
static void
price (const uint8_t *bytes)
{
  MfTarget target = mf_target_cpython (3, 8 + bytes[0] % 9, bytes[1], bytes[2] & 1 ? 8 : 4);
  MfShape shape = { 0 };
  MfObjectSize size, sum = { 0 };
  if (bytes[2] & 2)
    target = mf_target_micropython (1, 25, bytes[2] & 1 ? 8 : 4);
  target.align8 = bytes[2] & 4 ? 8 : 4;
  target.free_threaded = bytes[2] & 8;
  target.allocator = (MfAllocator) (bytes[3] % 9);
  target.representation = (MfRepresentation) (bytes[3] >> 4);
  memcpy (&shape, bytes + 4, sizeof shape);
  bool known = mf_object_size (&target, &shape, &size);
  uint64_t requested = 0;
  for (uint32_t i = 0; i < size.n_blocks; i++)
    requested += size.blocks[i].size * size.blocks[i].count;
  if (requested != size.requested || (!known && size.n_blocks))
    __builtin_trap ();
  mf_object_add (&target, &shape, shape.nth, &sum);
}

int
LLVMFuzzerTestOneInput (const uint8_t *bytes, size_t n)
{
  char format[256];
  uint64_t size;
  size_t length = n < sizeof format - 1 ? n : sizeof format - 1;
  if (n >= 4 + sizeof (MfShape))
    price (bytes);
  MfTarget target = mf_target_cpython (3, 11, 2, 8);
  memcpy (format, bytes, length);
  format[length] = 0;
  mf_struct_calcsize (&target, format, &size);
  return 0;
}

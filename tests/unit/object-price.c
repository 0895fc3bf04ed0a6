// SPDX-License-Identifier: Apache-2.0
// Prices shapes that a script asks for, a line each: MINOR MICRO POINTER TYPE MADE LENGTH CAPACITY
// TEXT KEYS ITEM FLAGS BASE SLOTS NTH. Answers "GETSIZEOF REQUESTED", or "?" for what is not known.
#include <inttypes.h>
#include <stdio.h>

#include "model/objects/objects.h"

int
main (void)
{
  unsigned minor, micro, pointer, made, text, keys, item, flags, slots, nth;
  uint64_t length, capacity;
  char type[40], base[40];
  while (scanf ("%u %u %u %39s %u %" SCNu64 " %" SCNu64 " %u %u %u %u %39s %u %u", &minor, &micro,
             &pointer, type, &made, &length, &capacity, &text, &keys, &item, &flags, base, &slots,
             &nth)
         == 14) {
    MfTarget target = mf_target_cpython (3, minor, micro, pointer);
    MfShape shape = { .type = mf_py_type_find (type),
      .made = (MfMade) made,
      .length = length,
      .capacity = capacity,
      .text = (MfTextKind) text,
      .keys = (MfKeyKind) keys,
      .item = item,
      .flags = flags,
      .base = mf_py_type_find (base),
      .slots = slots,
      .nth = nth };
    MfObjectSize size;
    if (type[0] == '*') // an instance of a class
      shape.type = MF_PY_INSTANCE;
    if (mf_object_size (&target, &shape, &size))
      printf ("%" PRIu64 " %" PRIu64 "\n", size.getsizeof, size.requested);
    else
      puts ("?");
  }
  return 0;
}

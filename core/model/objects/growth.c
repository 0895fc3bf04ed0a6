// SPDX-License-Identifier: Apache-2.0
// Growth rules, each with the function it is taken from.
#include "model/objects/growth.h"

static uint64_t
power_of_two (uint64_t least)
{
  uint64_t power = 8;
  while (power < least)
    power *= 2;
  return power;
}

// MicroPython py/objlist.c: four at least; append doubles, extend asks for four more than it needs
static uint64_t
micropython_list (uint64_t allocated, uint64_t size, uint64_t wanted)
{
  enum { LEAST = 4, SPARE = 4 };
  uint64_t slots = allocated < LEAST ? LEAST : allocated;
  if (wanted <= slots)
    return slots;
  return wanted == size + 1 ? slots * 2 : wanted + SPARE;
}

// MicroPython py/map.c hash_allocation_sizes: a full table moves to the next of these
uint64_t
mf_micropython_cells (uint64_t n)
{
  static const uint16_t sizes[]
      = { 0, 2, 4, 6, 8, 10, 12, 17, 23, 29, 37, 47, 59, 73, 97, 127, 167, 223, 293, 389, 521, 691,
          919, 1223, 1627, 2161, 3229, 4831, 7243, 10861, 16273, 24407, 36607, 54907 };
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    if (sizes[i] >= n)
      return sizes[i];
  return (n + n / 2) | 1;
}

// CPython 3.8 and 3.9 Objects/listobject.c list_resize
uint64_t
mf_list_resize (const MfTarget *target, uint64_t allocated, uint64_t size, uint64_t wanted)
{
  if (mf_target_is_micropython (target))
    return micropython_list (allocated, size, wanted);
  if (allocated >= wanted && wanted >= allocated / 2)
    return allocated;
  if (wanted == 0)
    return 0;
  if (!mf_target_from (target, 9))
    return wanted + wanted / 8 + (wanted < 9 ? 3 : 6);
  uint64_t slots = (wanted + wanted / 8 + 6) & ~(uint64_t) 3;
  bool far = wanted > size && wanted - size > slots - wanted;
  return far ? (wanted + 3) & ~(uint64_t) 3 : slots;
}

// 3.14 does not cut small lists back (measured on 3.14.10: 32 slots stay, 36 do not)
uint64_t
mf_list_popped (const MfTarget *target, uint64_t allocated, uint64_t left)
{
  enum { SMALL = 32, LEAST_MICROPYTHON = 4 };
  if (mf_target_is_micropython (target))
    return allocated > LEAST_MICROPYTHON && allocated > 2 * left ? allocated / 2 : allocated;
  if (left && allocated <= SMALL && mf_target_from (target, 14))
    return allocated;
  return mf_list_resize (target, allocated, left + 1, left);
}

uint64_t
mf_list_appended (const MfTarget *target, uint64_t n)
{
  uint64_t slots = 0;
  while (slots < n)
    slots = mf_list_resize (target, slots, slots, slots + 1);
  return slots;
}

// list_preallocate_exact, for lists of known length, rounds up to even from 3.10.5 on (gh-92914)
static bool
rounds_to_even (const MfTarget *target)
{
  return mf_target_from (target, 11) || (mf_target_from (target, 10) && target->micro >= 5);
}

uint64_t
mf_list_constructed (const MfTarget *target, uint64_t n)
{
  if (mf_target_is_micropython (target))
    return mf_list_appended (target, n);
  return rounds_to_even (target) ? (n + 1) & ~(uint64_t) 1 : n;
}

uint64_t
mf_list_extended (const MfTarget *target, uint64_t n)
{
  return rounds_to_even (target) ? (n + 1) & ~(uint64_t) 1 : mf_list_resize (target, 0, 0, n);
}

// Objects/listobject.c list_extend: 8 slots at first (PyObject_LengthHint's default); up to 3.13
// what is too much is cut back at the end; 3.15 appends.
uint64_t
mf_list_iterated (const MfTarget *target, uint64_t n)
{
  if (mf_target_from (target, 15) || mf_target_is_micropython (target))
    return mf_list_appended (target, n);
  uint64_t slots = mf_list_resize (target, 0, 0, 8);
  while (slots < n)
    slots = mf_list_resize (target, slots, slots, slots + 1);
  if (mf_target_from (target, 14))
    return slots;
  return slots > n ? mf_list_resize (target, slots, n, n) : slots;
}

// Objects/bytearrayobject.c PyByteArray_Resize; 3.15 does not count the NUL
uint64_t
mf_bytearray_resize (const MfTarget *target, uint64_t allocated, uint64_t wanted)
{
  enum { SPARE = 7 }; // MicroPython py/objarray.c array_append: eight at once
  uint64_t nul = mf_target_from (target, 15) ? 0 : 1;
  if (mf_target_is_micropython (target))
    return wanted <= allocated ? allocated : wanted == allocated + 1 ? wanted + SPARE : wanted;
  if (wanted + nul <= allocated)
    return wanted < allocated / 2 ? wanted + nul : allocated;
  // size <= alloc * 1.125
  if (wanted * 8 <= allocated * 9)
    return wanted + wanted / 8 + (wanted < 9 ? 3 : 6);
  return wanted + nul;
}

// Modules/arraymodule.c array_resize
uint64_t
mf_array_resize (uint64_t allocated, uint64_t size, uint64_t wanted)
{
  if (allocated >= wanted && size < wanted + 16 && allocated)
    return allocated;
  return wanted == 0 ? 0 : wanted / 16 + (size < 8 ? 3 : 7) + wanted;
}

// Objects/dictobject.c USABLE_FRACTION
uint64_t
mf_dict_entries (uint64_t slots)
{
  return slots * 2 / 3;
}

// GROWTH_RATE (mp) = used * 3
uint64_t
mf_dict_resized (uint64_t used)
{
  return power_of_two (used * 3);
}

uint64_t
mf_dict_slots (uint64_t n)
{
  uint64_t slots = 8;
  while (mf_dict_entries (slots) < n)
    slots *= 2;
  return slots;
}

// Objects/setobject.c set_table_resize: more than `least`
static uint64_t
set_slots (uint64_t least)
{
  uint64_t slots = 8;
  while (slots <= least)
    slots *= 2;
  return slots;
}

// Objects/setobject.c set_add_entry: enlarged when 5 x fill reaches 3 x mask
static uint64_t
set_threshold (uint64_t slots)
{
  return ((slots - 1) * 3 + 4) / 5;
}

static uint64_t
set_grown (uint64_t used)
{
  return set_slots (used > 50000 ? used * 2 : used * 4);
}

uint64_t
mf_set_added (uint64_t n)
{
  uint64_t slots = 8;
  for (uint64_t at; (at = set_threshold (slots)) <= n;)
    slots = set_grown (at);
  return slots;
}

// Objects/setobject.c set_merge
uint64_t
mf_set_merged (uint64_t n)
{
  return set_threshold (8) <= n ? set_slots (n * 2) : 8;
}

// Modules/_collectionsmodule.c: 64 items a block, the first one lands in the middle. A bounded
// deque drops a block when it takes the next one, and keeps it for the one after that.
uint64_t
mf_deque_blocks (uint64_t n, uint64_t most)
{
  enum { BLOCK = 64, CENTER = 32 };
  uint64_t all = n > CENTER ? 1 + (n - CENTER + BLOCK - 1) / BLOCK : 1;
  uint64_t bounded = most ? (most + BLOCK - 1) / BLOCK + 1 : all;
  return bounded < all ? bounded : all;
}

void
mf_list_growth (const MfTarget *target, uint64_t n, MfGrowthStep step, void *user)
{
  for (uint64_t slots = 0; slots < n;) {
    uint64_t items = slots + 1;
    slots = mf_list_resize (target, slots, slots, items);
    if (!step (items, slots, user))
      return;
  }
}

void
mf_dict_growth (uint64_t n, MfGrowthStep step, void *user)
{
  for (uint64_t items = 1, slots; items <= n; items = mf_dict_entries (slots) + 1) {
    slots = items == 1 ? 8 : mf_dict_resized (items - 1);
    if (!step (items, slots, user))
      return;
  }
}

void
mf_set_growth (uint64_t n, MfGrowthStep step, void *user)
{
  for (uint64_t slots = 8, at; (at = set_threshold (slots)) <= n;) {
    slots = set_grown (at);
    if (!step (at, slots, user))
      return;
  }
}

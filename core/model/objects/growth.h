// SPDX-License-Identifier: Apache-2.0
// How containers grow: capacities as CPython computes them, step by step.
#pragma once

#include "model/objects/target.h"

// Lengths beyond are refused everywhere, so that no sum of sizes can overflow.
#define MF_MOST_LENGTH ((uint64_t) 1 << 40)

// Slots of a list that had `allocated` slots and `size` items, after list_resize to `wanted` items.
uint64_t mf_list_resize (
    const MfTarget *target, uint64_t allocated, uint64_t size, uint64_t wanted);
// Slots after a pop that leaves `left` items.
uint64_t mf_list_popped (const MfTarget *target, uint64_t allocated, uint64_t left);
// Slots after `n` appends to an empty list.
uint64_t mf_list_appended (const MfTarget *target, uint64_t n);
// Slots of list (x), where x knows its length: exact, from 3.10.5 on rounded up to an even number.
uint64_t mf_list_constructed (const MfTarget *target, uint64_t n);
// Slots after extending an empty list by something that knows its length; also [*x], sorted (x) and
// from 3.9 on displays of constants: resized up to 3.10.4, then as above.
uint64_t mf_list_extended (const MfTarget *target, uint64_t n);
// Slots of a list made from an iterator that does not know its length.
uint64_t mf_list_iterated (const MfTarget *target, uint64_t n);

// Allocated bytes of a bytearray with `allocated` bytes, the final NUL included, after a resize to
// `wanted` bytes.
uint64_t mf_bytearray_resize (const MfTarget *target, uint64_t allocated, uint64_t wanted);
uint64_t mf_array_resize (uint64_t allocated, uint64_t size, uint64_t wanted);

// A dict's table: slots are a power of two, or 0 for none; entries are two thirds of them.
uint64_t mf_dict_entries (uint64_t slots);
// Slots after a resize with `used` items: the smallest power of two from 3 x used on.
uint64_t mf_dict_resized (uint64_t used);
// Slots after inserting `n` items one by one, or presized for `n`: both are the smallest that fit.
uint64_t mf_dict_slots (uint64_t n);

// Slots of a set (8 stand in the object) after adding `n` items one by one.
uint64_t mf_set_added (uint64_t n);
// The same after set (other), other | x, or a display of constants.
uint64_t mf_set_merged (uint64_t n);

// Cells that a dict, set or namespace of MicroPython has for `n` entries that came one by one.
uint64_t mf_micropython_cells (uint64_t n);

// Blocks of 64 items behind a deque after `n` appends; with a maximum length of `most` if not 0.
uint64_t mf_deque_blocks (uint64_t n, uint64_t most);

// A series of requests, for a simulation of an allocator: what growing a list, bytearray, array,
// dict or set item by item asks for. `step` gets each new capacity in items or slots.
typedef bool (*MfGrowthStep) (uint64_t items, uint64_t capacity, void *user);
void mf_list_growth (const MfTarget *target, uint64_t n, MfGrowthStep step, void *user);
void mf_dict_growth (uint64_t n, MfGrowthStep step, void *user);
void mf_set_growth (uint64_t n, MfGrowthStep step, void *user);

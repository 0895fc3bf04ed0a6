// SPDX-License-Identifier: Apache-2.0
// What an object of a given shape costs on a target: what sys.getsizeof says, which blocks are
// asked for, and what the allocator grants. Pure functions, any thread.
#pragma once

#include "model/objects/growth.h"
#include "model/objects/types.h"

// How the object came about; decides spare room.
typedef enum {
  MF_MADE_EXACT,         // [a, b], [x] * n, slices, a + b, marshal, bytes (…)
  MF_MADE_APPENDED,      // item by item: append, comprehensions, d[k] = v, s.add ()
  MF_MADE_FROM_SIZED,    // list (x), set (list), dict (pairs)
  MF_MADE_EXTENDED,      // [*x], sorted (x), l = []; l.extend (x); from 3.9 on [1, 2, 3]
  MF_MADE_FROM_ITERATOR, // list (generator), tuple (generator)
  MF_MADE_COPIED,        // set (set), frozenset of constants, d.copy ()
  MF_MADE_CALLED, // dict (…), dict.fromkeys (…), OrderedDict (): a table from the start up to 3.9
  MF_MADE_CAPACITY // `capacity` says it: items, slots of a dict or set (0 = no table)
} MfMade;

// The widest character of a str.
typedef enum { MF_TEXT_ASCII, MF_TEXT_LATIN1, MF_TEXT_UCS2, MF_TEXT_UCS4 } MfTextKind;

// Keys of a dict: exact str only takes less room from 3.11 on.
typedef enum { MF_KEYS_TEXT, MF_KEYS_ANY } MfKeyKind;

typedef enum {
  MF_SHAPE_NOT_SHARED = 1, // the object exists although an equal one is a singleton: bytes (1)
  MF_SHAPE_HAS_DICT = 2,   // instances: `__dict__` in __slots__, or no __slots__ at all
  MF_SHAPE_HAS_WEAKREF = 4,
  MF_SHAPE_DICT_READ = 8,   // o.__dict__ or vars (o) was called
  MF_SHAPE_DICT_NEW = 16,   // o.__dict__ = {}: nothing of its own but an empty dict
  MF_SHAPE_NOT_STATIC = 32, // attributes are not those that methods assign to self
  MF_SHAPE_ORDER_LOST = 64, // attributes came in another order than in earlier instances
  MF_SHAPE_FREE_LISTS = 128 // count also what its making leaves in CPython's free lists
} MfShapeFlags;

// What does not apply is 0.
typedef struct {
  MfPyType type;
  MfMade made;
  uint64_t length; // items; characters; bytes; digits of an int; names in a namespace; attributes;
                   // code bytes; locals and stack of frames and generators; groups of a match
  uint64_t capacity; // room where `made` is MF_MADE_CAPACITY; of ints: digits asked for, in
                     // MicroPython bits; buffer of a file; maximum length of a deque; items of a
                     // built-in base; cells of a function in MicroPython
  MfTextKind text;
  MfKeyKind keys;
  uint32_t item;  // array: bytes of an item; io.FileIO: struct stat
  uint32_t flags; // MfShapeFlags
  // of instances and classes
  MfPyType base; // the built-in type they are derived from (MF_PY_OBJECT)
  uint32_t slots;
  uint32_t nth;     // the nth instance of its class; 0 = after the first 30
  uint32_t dropped; // classes: names of the body that type () takes out again, as __qualname__
  uint32_t mro;     // classes: length of __mro__; 0 = object and itself
} MfShape;

enum { MF_MOST_BLOCK_SIZES = 32, MF_MOST_SLOTS = 65536 };

typedef struct {
  uint64_t size, count;
} MfBlock;

// Blocks of equal size are one entry, in the order in which they were met.
typedef struct {
  uint64_t getsizeof; // what sys.getsizeof would say of the object
  uint64_t requested; // bytes asked for: the sum of the blocks
  uint64_t granted;   // what these blocks take from the allocator
  uint32_t n_blocks;
  MfBlock blocks[MF_MOST_BLOCK_SIZES];
} MfObjectSize;

// False: this shape or target is not known; *size is then all zero. An object that exists already
// (None, small ints, '', single Latin-1 characters, ()) has no blocks.
bool mf_object_size (const MfTarget *target, const MfShape *shape, MfObjectSize *size);
// Adds the blocks of one more object to what `sum` holds, which keeps its getsizeof. False: not
// known, or too many different sizes; *sum is unchanged.
bool mf_object_add (
    const MfTarget *target, const MfShape *shape, uint64_t count, MfObjectSize *sum);
// Adds bare blocks. False: more than MF_MOST_BYTES in sum, or too many different sizes.
#define MF_MOST_BYTES ((uint64_t) 1 << 60)
bool mf_blocks_add (const MfTarget *target, uint64_t bytes, uint64_t count, MfObjectSize *sum);

// Bytes of a dict's table of `slots` slots, a power of two; 0 of 0.
uint64_t mf_dict_table (const MfTarget *target, uint64_t slots, MfKeyKind keys);

// Bytes that a request of `bytes` takes from the target's allocator, headers included. 0: unknown.
uint64_t mf_granted (const MfTarget *target, uint64_t bytes);

// Digits of an int whose absolute value has `bits` bits.
uint64_t mf_int_digits (const MfTarget *target, uint64_t bits);

typedef enum {
  MF_INT_ADD, // of a and b digits; what the result needs is often less than what is asked for
  MF_INT_SUBTRACT,
  MF_INT_MULTIPLY,
  MF_INT_SHIFT_LEFT, // a digits by b bits
  MF_INT_KEEP,       // -a, a >> b, a // b with one digit of b, a & b: as many as a
  MF_INT_PARSE,      // int (text) of a decimal digits
  MF_INT_FROM_BYTES  // of a bytes
} MfIntOperation;

// Digits that the result of an operation asks for: `capacity` of its shape, with MF_MADE_CAPACITY.
// 0: it is made as small ints are, MF_MADE_EXACT.
uint64_t mf_int_asked (const MfTarget *target, MfIntOperation operation, uint64_t a, uint64_t b);
// Whether ints and texts of this value exist once and for all: the largest cached int.
int64_t mf_int_cached_until (const MfTarget *target);

// tp_basicsize of a class, and what stands in front of its instances. False: not known.
bool mf_instance_type (const MfTarget *target, const MfShape *shape, MfPyTypeSize *size);

// What MicroPython takes for an object; used by the functions above.
bool mf_micropython_size (const MfTarget *target, const MfShape *shape, MfObjectSize *size);

// SPDX-License-Identifier: Apache-2.0
// How alloc.event rows are coded (docs/wire-format.md, record 9): the tokens, and the model of the
// heap from which writer and reader expect the same next event. It starts anew in each block.
#pragma once

#include <memflow/events.h>

enum {
  CODE_ROWS_MAX = 1024,   // of one record: 64 KiB of rows
  CODE_SHAPES = 128,      // kinds of calls that a token can name
  CODE_THREADS = 64,      // threads that can be switched to by number
  CODE_WINDOW = 8 * 1024, // latest allocations: a free names one of them by its age
  CODE_DIRECT = 48,       // size classes of one block size each; larger blocks share
  CODE_SHARED = 16,       // these
  CODE_LISTS = 2 * (CODE_DIRECT + CODE_SHARED), // of Python's allocator and of malloc
  CODE_DEPTH = 8                                // freed blocks that a size class remembers
};

// Tokens of events. Those below name a shape.
enum {
  TOKEN_FREE = 0x80,       // 64 of them: the allocation of this age, 0 = the latest
  TOKEN_FREE_OLDER = 0xc0, // address: its age - 64
  TOKEN_FREE_NEAR,         // address: distance from the block that was freed last
  TOKEN_FREE_AT,           // address: where
  TOKEN_NEW_SHAPE,         // shape: its number from now on, what differs from the shape before
  TOKEN_ROW,               // shape, address: the row as it stands; nothing is learnt from it
  TOKEN_LISTED,            // what the event that follows has, other than expected: a block of the
                           // size class that was freed before the last one; 7 of them
  TOKEN_NEXT = 0xcc,       // the address behind the block that the class got last
  TOKEN_NEAR,              // address: distance from the block that the class got last
  TOKEN_AT,                // address: where
  TOKEN_SAME,              // the address that the block had before
  TOKEN_THREAD,            // shape: number of the thread
  TOKEN_NEW_THREAD,        // shape: its number from now on, process, thread, sequence
  TOKEN_SEQUENCE,          // shape: how many calls are missing
  TOKEN_BACK,              // the time runs backwards
  TOKEN_NO_TIME,
  TOKEN_END
};

_Static_assert(TOKEN_NEXT == TOKEN_LISTED + CODE_DEPTH - 1, "a token for each freed block");

enum { FREE_AGES = TOKEN_FREE_OLDER - TOKEN_FREE };

// What a new shape does not have in common with the shape before.
enum {
  SHAPE_SIZE = 1,
  SHAPE_STACK = 2,
  SHAPE_CALL = 4,
  SHAPE_GRANTED = 8,
  SHAPE_TYPE = 16,
  SHAPE_ALL = 31
};

// Numbers: a byte below NUMBER_TWO; a byte below NUMBER_MORE and another one; or a byte that says
// how many more there are, the lowest first.
enum { NUMBER_TWO = 224, NUMBER_MORE = 248, NUMBER_MAX = 9 };
enum { NUMBER_TWO_END = NUMBER_TWO + (NUMBER_MORE - NUMBER_TWO) * 256 };

// What calls have in common. The members that a row has stand as they do there.
typedef struct {
  MfSize size, granted;
  MfStack stack;
  MfString object_type;
  uint16_t op, domain; // op NO_OP: not defined in this block
  uint32_t list;       // its size class
} Shape;

enum { NO_OP = UINT16_MAX };

typedef struct {
  uint32_t process, thread, sequence, reserved; // sequence: of its next call
} Thread;

// A size class: the blocks that were freed last, the latest at n - 1, and the one that it got last.
typedef struct {
  uint64_t freed[CODE_DEPTH]; // 0 = none
  uint64_t last, n;
} FreeList;

typedef struct {
  Shape shapes[CODE_SHAPES];
  Thread threads[CODE_THREADS];
  FreeList lists[CODE_LISTS];
  uint64_t freed;                       // the address that was freed last
  int64_t time;                         // of the event before, in ns
  uint32_t allocations, before, thread; // so far; numbers of the shape and the thread before
  uint16_t free_domain;                 // of the last free
} Model;

_Static_assert(
    offsetof (MfAlloc, granted) - offsetof (MfAlloc, size) == offsetof (Shape, granted)
        && offsetof (MfAlloc, stack) - offsetof (MfAlloc, size) == offsetof (Shape, stack)
        && offsetof (MfAlloc, object_type) - offsetof (MfAlloc, size)
               == offsetof (Shape, object_type),
    "a row and a shape have these members in the same places");
enum { SHAPE_ROW = offsetof (Shape, op) }; // bytes of them

// A block begins: nothing is known.
static inline void
model_restart (Model *model)
{
  memset (model, 0, sizeof *model);
  for (uint32_t i = 0; i < CODE_SHAPES; i++)
    model->shapes[i].op = NO_OP;
}

static inline bool
is_python (uint16_t domain)
{
  return domain == MF_DOMAIN_MEM || domain == MF_DOMAIN_OBJ;
}

// Bytes that a block of this size takes: pymalloc has classes of 16 bytes, malloc adds a header.
static inline uint64_t
block_bytes (uint64_t size, uint16_t domain)
{
  uint64_t least = is_python (domain) ? 16 : 32, n = size + (is_python (domain) ? 15 : 8 + 15);
  return n < least ? least : n & ~(uint64_t) 15;
}

static inline uint32_t
list_of (uint64_t size, uint16_t domain)
{
  uint64_t n = block_bytes (size, domain) / 16;
  if (n >= CODE_DIRECT)
    n = CODE_DIRECT + (uint32_t) ((uint32_t) n * 2654435769u) / (UINT32_MAX / CODE_SHARED + 1);
  return (uint32_t) n + (is_python (domain) ? 0 : CODE_DIRECT + CODE_SHARED);
}

// The block of this class that was freed last but `depth`; 0 = none is known.
static inline uint64_t
list_peek (const FreeList *list, uint64_t depth)
{
  return list->freed[(list->n - 1 - depth) % CODE_DEPTH];
}

static inline void
list_push (FreeList *list, uint64_t address)
{
  list->freed[list->n++ % CODE_DEPTH] = address;
}

static inline void
list_take (FreeList *list, uint64_t depth)
{
  for (; depth; depth--)
    list->freed[(list->n - 1 - depth) % CODE_DEPTH] = list_peek (list, depth - 1);
  list->freed[--list->n % CODE_DEPTH] = 0;
}

// Where the next block of a size class is expected: the one freed last, or behind the last one.
static inline uint64_t
address_behind (const FreeList *list, const Shape *shape)
{
  return list->last + block_bytes (shape->size.bytes, shape->domain);
}

// `time` and n steps before it; never the unknown time.
static inline int64_t
time_before (int64_t time, uint64_t steps, uint64_t resolution)
{
  uint64_t ns, most = (uint64_t) time - (uint64_t) (INT64_MIN + 1);
  bool beyond = __builtin_mul_overflow (steps, resolution, &ns) || ns > most;
  return (int64_t) ((uint64_t) time - (beyond ? most : ns));
}

static inline int64_t
time_after (int64_t time, uint64_t steps, uint64_t resolution)
{
  uint64_t ns, most = (uint64_t) INT64_MAX - (uint64_t) time;
  bool beyond = __builtin_mul_overflow (steps, resolution, &ns) || ns > most;
  return (int64_t) ((uint64_t) time + (beyond ? most : ns));
}

// Signed numbers: the sign in the lowest bit.
static inline uint64_t
zigzag (int64_t n)
{
  return (uint64_t) n << 1 ^ (n < 0 ? UINT64_MAX : 0);
}

static inline int64_t
unzigzag (uint64_t n)
{
  return (int64_t) (n >> 1 ^ (n & 1 ? UINT64_MAX : 0));
}

// Distances between addresses are counted in 8 bytes. False = this one has to be told otherwise.
static inline bool
address_distance (uint64_t from, uint64_t to, uint64_t *number)
{
  int64_t distance = (int64_t) (to - from);
  *number = zigzag (distance / 8);
  return distance % 8 == 0;
}

static inline uint64_t
address_at_distance (uint64_t from, uint64_t number)
{
  return from + (uint64_t) unzigzag (number) * 8;
}

// Are these the rows that this code is for? Others are written as they stand.
bool mf_alloc_is_codable (const MfType *type);

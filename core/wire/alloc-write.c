// SPDX-License-Identifier: Apache-2.0
// Codes alloc.event rows one by one. What the model expects costs a token; everything else has a
// way to be told, so that any row comes out as it went in, but for the resolution of its time.
#include "writer.h"

#include "bytes.h"
#include "rows.h"

enum { HOMES_MAX = 8 * 1024 };

// ---- memory

static uint32_t
homes_of (uint32_t capacity)
{
  uint32_t n = 256;
  while (n < HOMES_MAX && n < capacity / 32)
    n *= 2;
  return n;
}

static uint32_t
most_rows_of (uint32_t capacity)
{
  return capacity / 64 < CODE_ROWS_MAX ? capacity / 64 : CODE_ROWS_MAX;
}

// Rows need a token, and now and then a number: a record with rows that need more has fewer rows.
static size_t
stream_bytes (uint32_t capacity)
{
  return 3 * most_rows_of (capacity) + 4 * STREAM_ROOM;
}

size_t
mf_coder_bytes (uint32_t capacity)
{
  return homes_of (capacity) * sizeof (Home) + padded (CODED_STREAMS * stream_bytes (capacity));
}

void
mf_coder_init (Coder *coder, uint32_t capacity, void *memory)
{
  size_t n = stream_bytes (capacity);
  coder->homes = memory;
  coder->home_mask = homes_of (capacity) - 1;
  coder->most_rows = most_rows_of (capacity);
  uint8_t *start = (uint8_t *) (coder->homes + coder->home_mask + 1);
  for (int i = 0; i < CODED_STREAMS; i++, start += n)
    coder->streams[i] = (Stream){ start, start, start + n };
  coder->fresh = false;
  coder->schema = MF_WIRE_SCHEMAS_MAX;
}

void
mf_coder_restart (Coder *coder)
{
  if (coder->fresh)
    return;
  model_restart (&coder->model);
  memset (coder->homes, 0, (coder->home_mask + 1) * sizeof (Home));
  coder->model.allocations = CODE_WINDOW; // so that the empty homes are too old to be known
  coder->fresh = true;
}

// ---- streams

static inline void
put_byte (Coder *coder, int stream, uint32_t byte)
{
  *coder->streams[stream].at++ = (uint8_t) byte;
}

static __attribute__ ((noinline)) uint8_t *
store_long_number (uint8_t *at, uint64_t number)
{
  if (number < NUMBER_TWO_END) {
    *at++ = (uint8_t) (NUMBER_TWO + (number - NUMBER_TWO) / 256);
    *at++ = (uint8_t) (number - NUMBER_TWO);
    return at;
  }
  int n = (64 - __builtin_clzll (number) + 7) / 8;
  *at++ = (uint8_t) (NUMBER_MORE + n - 1);
  for (; n; n--, number >>= 8)
    *at++ = (uint8_t) number;
  return at;
}

static inline uint8_t *
store_number (uint8_t *at, uint64_t number)
{
  if (__builtin_expect (number >= NUMBER_TWO, 0))
    return store_long_number (at, number);
  *at = (uint8_t) number;
  return at + 1;
}

static inline void
put_number (Coder *coder, int stream, uint64_t number)
{
  coder->streams[stream].at = store_number (coder->streams[stream].at, number);
}

static inline void
put_token (Coder *coder, uint32_t token)
{
  put_byte (coder, STREAM_TOKENS, token);
}

// ---- when, and in which thread

static void
put_time_before (Coder *coder, int64_t time)
{
  if (time == MF_TIME_NONE.ns) {
    put_token (coder, TOKEN_NO_TIME);
    return;
  }
  uint64_t ns = (uint64_t) coder->model.time - (uint64_t) time, resolution = coder->resolution;
  uint64_t steps = ns / resolution + (ns % resolution != 0);
  put_token (coder, TOKEN_BACK);
  put_number (coder, STREAM_TIMES, steps);
  coder->changed[coder->rows / 8] |= (uint8_t) (1 << coder->rows % 8);
  coder->model.time = time_before (coder->model.time, steps, resolution);
}

static __attribute__ ((noinline)) uint64_t
divided (uint64_t ns, uint32_t resolution)
{
  return ns <= UINT32_MAX ? (uint32_t) ns / resolution : ns / resolution;
}

static inline uint64_t
steps_of (uint64_t ns, uint32_t resolution)
{
  return resolution == 1 ? ns : divided (ns, resolution);
}

// The time has run by at least one step.
static inline void
put_steps (Coder *coder, uint64_t ns)
{
  uint64_t steps = steps_of (ns, coder->resolution);
  coder->model.time = (int64_t) ((uint64_t) coder->model.time + steps * coder->resolution);
  coder->changed[coder->rows / 8] |= (uint8_t) (1 << coder->rows % 8);
  put_number (coder, STREAM_TIMES, steps);
}

static inline void
put_time (Coder *coder, int64_t time)
{
  uint64_t ns = (uint64_t) time - (uint64_t) coder->model.time;
  if (__builtin_expect (time < coder->model.time, 0))
    put_time_before (coder, time);
  else if (ns >= coder->resolution)
    put_steps (coder, ns);
}

static inline bool
is_of (const MfAlloc *row, const Thread *thread)
{
  return !memcmp (&row->process, thread, offsetof (Thread, sequence));
}

static void
switch_thread (Coder *coder, const MfAlloc *row)
{
  Model *model = &coder->model;
  model->thread = (row->process * 2654435769u + row->thread) % CODE_THREADS;
  Thread *thread = &model->threads[model->thread];
  bool known = is_of (row, thread);
  put_token (coder, known ? TOKEN_THREAD : TOKEN_NEW_THREAD);
  put_byte (coder, STREAM_SHAPES, model->thread);
  if (known)
    return;
  *thread = (Thread){ row->process, row->thread, row->sequence, 0 };
  put_number (coder, STREAM_SHAPES, row->process);
  put_number (coder, STREAM_SHAPES, row->thread);
  put_number (coder, STREAM_SHAPES, row->sequence);
}

static inline void
put_thread (Coder *coder, const MfAlloc *row)
{
  Thread *thread = &coder->model.threads[coder->model.thread];
  if (__builtin_expect (!is_of (row, thread), 0)) {
    switch_thread (coder, row);
    thread = &coder->model.threads[coder->model.thread];
  }
  if (__builtin_expect (thread->sequence != row->sequence, 0)) {
    put_token (coder, TOKEN_SEQUENCE);
    put_number (coder, STREAM_SHAPES, (uint32_t) (row->sequence - thread->sequence));
  }
  thread->sequence = row->sequence + 1;
}

// ---- blocks by their address

static inline Home *
home_of (Coder *coder, uint64_t address)
{
  return &coder->homes[(uint32_t) (address >> 4) * 2654435769u >> 12 & coder->home_mask];
}

// The allocation that got this address last, if it is one of the latest.
static inline Home *
known_home (Coder *coder, uint64_t address)
{
  Home *home = home_of (coder, address);
  bool here = home->address == address && coder->model.allocations - home->number < CODE_WINDOW;
  return here ? home : NULL;
}

static inline void
forget_home (Coder *coder, Home *home)
{
  list_push (&coder->model.lists[home->list], home->address);
  home->number = coder->model.allocations - CODE_WINDOW;
}

static inline void
keep_home (Coder *coder, uint64_t address, const Shape *shape)
{
  *home_of (coder, address)
      = (Home){ address, ++coder->model.allocations, shape->domain, (uint16_t) shape->list };
  coder->model.lists[shape->list].last = address;
}

// ---- frees

static inline bool
is_plain_free (const MfAlloc *row)
{
  return row->op == MF_OP_FREE && !row->stack.id && !row->object_type.id
         && (row->size.bytes & row->granted.bytes & row->old_address.at) == UINT64_MAX;
}

// Where the next token and the next number of an address go.
typedef struct {
  uint8_t *tokens, *addresses;
} Places;

static __attribute__ ((noinline)) Places
store_unknown_free (Places at, uint64_t before, uint64_t address)
{
  uint64_t distance;
  bool near = address_distance (before, address, &distance);
  *at.tokens++ = near ? TOKEN_FREE_NEAR : TOKEN_FREE_AT;
  at.addresses = store_number (at.addresses, near ? distance : address);
  return at;
}

static inline Places
store_known_free (Places at, uint32_t age)
{
  *at.tokens++ = (uint8_t) (age < FREE_AGES ? TOKEN_FREE + age : TOKEN_FREE_OLDER);
  if (age >= FREE_AGES)
    at.addresses = store_number (at.addresses, age - FREE_AGES);
  return at;
}

// A free that has nothing but an address, of the domain that is expected of it.
static inline bool
is_expected_free (const Coder *coder, const MfAlloc *row, const Home *home)
{
  return row->domain == (home ? home->domain : coder->model.free_domain) && is_plain_free (row);
}

static inline Places
places_of (const Coder *coder)
{
  return (Places){ coder->streams[STREAM_TOKENS].at, coder->streams[STREAM_ADDRESSES].at };
}

static inline void
set_places (Coder *coder, Places at)
{
  coder->streams[STREAM_TOKENS].at = at.tokens;
  coder->streams[STREAM_ADDRESSES].at = at.addresses;
}

static void
put_free (Coder *coder, const MfAlloc *row, Home *home)
{
  Model *model = &coder->model;
  Places at = places_of (coder);
  set_places (coder, home ? store_known_free (at, model->allocations - home->number)
                          : store_unknown_free (at, model->freed, row->address.at));
  if (home)
    forget_home (coder, home);
  model->free_domain = row->domain;
  model->freed = row->address.at;
}

// ---- calls with a shape

static inline bool
has_shape (const Shape *shape, const MfAlloc *row)
{
  return !memcmp (shape, &row->size, SHAPE_ROW) && !memcmp (&shape->op, &row->op, 4);
}

// The number under which a shape is kept: any would do, but equal shapes need equal ones.
static inline uint32_t
shape_number (const MfAlloc *row)
{
  uint64_t names = row->stack.id | (uint64_t) row->object_type.id << 32;
  uint64_t mixed = (row->size.bytes * 4 + row->domain) * 0x9e3779b97f4a7c15u
                   + (names + row->op) * 0xc2b2ae3d27d4eb4fu;
  return (uint32_t) (mixed >> 57);
}

// Which members two shapes do not share.
static uint32_t
differences (const Shape *a, const Shape *b)
{
  return (a->size.bytes != b->size.bytes ? SHAPE_SIZE : 0)
         | (a->stack.id != b->stack.id ? SHAPE_STACK : 0)
         | (a->op != b->op || a->domain != b->domain ? SHAPE_CALL : 0)
         | (a->granted.bytes != b->granted.bytes ? SHAPE_GRANTED : 0)
         | (a->object_type.id != b->object_type.id ? SHAPE_TYPE : 0);
}

// Sizes are written plus one, so that the unknown one is 0.
static void
put_members (Coder *coder, const Shape *shape, uint32_t members)
{
  if (members & SHAPE_SIZE)
    put_number (coder, STREAM_SHAPES, shape->size.bytes + 1);
  if (members & SHAPE_STACK)
    put_number (coder, STREAM_SHAPES, shape->stack.id);
  if (members & SHAPE_CALL)
    put_number (coder, STREAM_SHAPES, shape->op | (uint32_t) shape->domain << 16);
  if (members & SHAPE_GRANTED)
    put_number (coder, STREAM_SHAPES, shape->granted.bytes + 1);
  if (members & SHAPE_TYPE)
    put_number (coder, STREAM_SHAPES, shape->object_type.id);
}

static void
put_new_shape (Coder *coder, const Shape *shape, uint32_t number)
{
  Model *model = &coder->model;
  uint32_t members = differences (&model->shapes[model->before], shape);
  put_token (coder, TOKEN_NEW_SHAPE);
  put_byte (coder, STREAM_SHAPES, number);
  put_byte (coder, STREAM_SHAPES, members);
  put_members (coder, shape, members);
  model->shapes[number] = *shape;
}

static inline void
put_shape (Coder *coder, const Shape *shape, uint32_t number)
{
  if (__builtin_expect (shape == &coder->model.shapes[number], 1))
    put_token (coder, number);
  else
    put_new_shape (coder, shape, number);
  coder->model.before = number;
}

static __attribute__ ((noinline)) Places
store_other_address (Places at, FreeList *list, const Shape *shape, uint64_t address)
{
  uint64_t behind = address_behind (list, shape), depth = 0, distance;
  while (++depth < CODE_DEPTH && list_peek (list, depth) != address)
    ;
  if (depth < CODE_DEPTH) {
    *at.tokens++ = (uint8_t) (TOKEN_LISTED + depth - 1);
    list_take (list, depth);
    return at;
  }
  bool near = address_distance (list->last, address, &distance);
  *at.tokens++ = address == behind ? TOKEN_NEXT : near ? TOKEN_NEAR : TOKEN_AT;
  if (address != behind)
    at.addresses = store_number (at.addresses, near ? distance : address);
  return at;
}

// Takes the block that is expected from its list: the one of its class that was freed last, or else
// the one behind that which the class got last. False = it is another one.
static inline bool
take_expected (FreeList *list, const Shape *shape, uint64_t address)
{
  uint64_t top = list_peek (list, 0);
  if (!top)
    return address == address_behind (list, shape);
  if (address != top)
    return false;
  list_take (list, 0);
  return true;
}

// Tells the address of a block unless it is expected. A block that `stays` is expected nowhere
// else.
static inline void
put_address (Coder *coder, FreeList *list, const Shape *shape, uint64_t address, bool stays)
{
  if (stays || !take_expected (list, shape, address))
    set_places (coder, store_other_address (places_of (coder), list, shape, address));
}

// Names a block that is there: by its age, 1 = the latest allocation, or 0 and its address.
static void
put_reference (Coder *coder, const Home *home, uint64_t address)
{
  put_number (coder, STREAM_ADDRESSES, home ? coder->model.allocations - home->number + 1 : 0);
  if (!home)
    put_number (coder, STREAM_ADDRESSES, address);
}

static inline void
put_alloc (Coder *coder, const MfAlloc *row, const Shape *shape, uint32_t number)
{
  FreeList *list = &coder->model.lists[shape->list];
  put_address (coder, list, shape, row->address.at, false);
  put_shape (coder, shape, number);
  keep_home (coder, row->address.at, shape);
}

// A block that stays in its size class is expected to stay where it is.
static void
put_realloc (Coder *coder, const MfAlloc *row, const Shape *shape, uint32_t number)
{
  FreeList *list = &coder->model.lists[shape->list];
  uint64_t old = row->old_address.at, address = row->address.at;
  Home *home = known_home (coder, old);
  bool stays = home && home->list == shape->list;
  if (address == old && !stays)
    put_token (coder, TOKEN_SAME);
  if (address != old)
    put_address (coder, list, shape, address, stays);
  put_shape (coder, shape, number);
  put_reference (coder, home, old);
  if (home && address != old)
    list_push (&coder->model.lists[home->list], old);
  if (home)
    home->number = coder->model.allocations - CODE_WINDOW;
  keep_home (coder, address, shape);
}

static void
put_shaped_free (Coder *coder, const MfAlloc *row, const Shape *shape, uint32_t number)
{
  Home *home = known_home (coder, row->address.at);
  put_shape (coder, shape, number);
  put_reference (coder, home, row->address.at);
  if (home)
    forget_home (coder, home);
  coder->model.freed = row->address.at;
  coder->model.free_domain = row->domain;
}

static void
put_failed (
    Coder *coder, const MfAlloc *row __attribute__ ((unused)), const Shape *shape, uint32_t number)
{
  put_shape (coder, shape, number);
}

// A row that is like nothing above: all its members.
static void
put_row (Coder *coder, const MfAlloc *row, const Shape *shape)
{
  put_token (coder, TOKEN_ROW);
  put_members (coder, shape, SHAPE_ALL);
  put_number (coder, STREAM_ADDRESSES, row->address.at);
  put_number (coder, STREAM_ADDRESSES, row->old_address.at);
}

// What is coded, by operation, and which addresses it must not have.
// clang-format off
static const struct {
  void (*put) (Coder *coder, const MfAlloc *row, const Shape *shape, uint32_t number);
  bool no_address, no_old;
} CALLS[] = {
  [MF_OP_ALLOC]   = { put_alloc,       false, true },
  [MF_OP_FREE]    = { put_shaped_free, false, true },
  [MF_OP_REALLOC] = { put_realloc,     false, false },
  [MF_OP_FAILED]  = { put_failed,      true,  true },
};
// clang-format on

static bool
is_ordinary (const MfAlloc *row)
{
  return row->op < sizeof CALLS / sizeof CALLS[0]
         && (!CALLS[row->op].no_address || row->address.at == UINT64_MAX)
         && (!CALLS[row->op].no_old || row->old_address.at == UINT64_MAX);
}

static Shape
shape_of (const MfAlloc *row)
{
  return (Shape){ row->size, row->granted, row->stack, row->object_type, row->op, row->domain,
    list_of (row->size.bytes, row->domain) };
}

static void
put_call (Coder *coder, const MfAlloc *row, const Shape *shape, uint32_t number)
{
  put_thread (coder, row);
  put_time (coder, row->time.ns);
  if (is_ordinary (row))
    CALLS[row->op].put (coder, row, shape, number);
  else
    put_row (coder, row, shape);
}

// ---- records

static size_t
coded_bytes (const Coder *coder)
{
  size_t n = RECORD_HEADER + CODED_BODY + CODE_ROWS_MAX / 8;
  for (int i = 0; i < CODED_STREAMS; i++)
    n += (size_t) (coder->streams[i].at - coder->streams[i].start);
  return padded (n);
}

static void
move_streams (Coder *coder, uint8_t *to)
{
  for (int i = 0; i < CODED_STREAMS; i++) {
    Stream *stream = &coder->streams[i];
    size_t n = (size_t) (stream->at - stream->start);
    memcpy (to, stream->start, n);
    stream->at = stream->start;
    to += n;
  }
}

void
mf_coder_flush (MfWireWriter *w)
{
  Coder *coder = &w->coder;
  size_t n_changed = (coder->rows + 7) / 8, n = CODED_BODY + n_changed;
  uint32_t lengths[CODED_STREAMS];
  coder->rows_end = 0; // what is written next may be in another block
  if (!coder->rows)
    return;
  for (int i = 0; i < CODED_STREAMS; i++)
    n += lengths[i] = (uint32_t) (coder->streams[i].at - coder->streams[i].start);
  uint8_t *body = mf_wire_put_record (w, RECORD_CODED, n);
  mf_wire_put_batch_head (w, body, &coder->origin, coder->schema, coder->rows);
  mf_store32 (body + CODED_CODING_AT, CODING_ALLOC);
  mf_store32 (body + CODED_RESOLUTION_AT, coder->resolution);
  for (int i = 0; i < CODED_STREAMS; i++)
    mf_store32 (body + CODED_STREAMS_AT + 4 * i, lengths[i]);
  memcpy (body + CODED_BODY, coder->changed, n_changed);
  memset (coder->changed, 0, n_changed);
  move_streams (coder, body + CODED_BODY + n_changed);
  w->coded = true;
  w->block_rows += coder->rows;
  coder->rows = 0;
}

// Finds out for how many rows there is room in the streams and in the block, whatever they are.
static void
measure_room (MfWireWriter *w)
{
  Coder *coder = &w->coder;
  int64_t n = mf_wire_room (w, coded_bytes (coder)) / ROW_ROOM;
  for (int i = 0; i < CODED_STREAMS; i++) {
    int64_t rows = (coder->streams[i].end - coder->streams[i].at) / STREAM_ROOM;
    n = n < rows ? n : rows;
  }
  int64_t left = coder->most_rows - coder->rows;
  n = w->failed ? 0 : n < left ? n : left;
  coder->rows_end = coder->rows + (n < 0 ? 0 : (uint32_t) n);
}

static Fit
open_rows (MfWireWriter *w)
{
  Coder *coder = &w->coder;
  if (coder->rows)
    return FITS;
  mf_wire_begin_rows (w);
  if (coder->schema == MF_WIRE_SCHEMAS_MAX)
    coder->schema = mf_wire_schema_of (w, &MfAlloc_type);
  if (coder->schema == MF_WIRE_SCHEMAS_MAX)
    return REFUSED;
  coder->fresh = false;
  return mf_wire_define_origin (w, &coder->origin, coder->schema);
}

static inline bool
has_room (const Coder *coder)
{
  return coder->rows < coder->rows_end;
}

// Room for a row: in the open record, in another one, or in the next block.
static Fit
make_room (MfWireWriter *w)
{
  for (int attempt = 0; attempt < 3; attempt++) {
    if (attempt == 1)
      mf_coder_flush (w);
    if (attempt == 2)
      mf_wire_close_block (w);
    Fit fit = open_rows (w);
    if (fit == FITS)
      measure_room (w);
    if (fit == REFUSED || has_room (&w->coder))
      return fit;
  }
  return NO_ROOM;
}

static Fit
define_call (MfWireWriter *w, const MfAlloc *row)
{
  size_t planned = coded_bytes (&w->coder) + ROW_ROOM;
  Fit fit = mf_wire_define_stack (w, planned, row->stack.id);
  return fit == FITS ? mf_wire_define_string (w, planned, row->object_type.id) : fit;
}

// A row with a shape that is not known: its names have to be defined first.
static Fit
write_new_call (MfWireWriter *w, const MfAlloc *row, uint32_t number)
{
  Coder *coder = &w->coder;
  Shape shape = shape_of (row);
  uint32_t used = w->used;
  Fit fit = define_call (w, row);
  if (fit != FITS)
    return fit;
  put_call (coder, row, &shape, number);
  coder->rows++;
  if (w->used != used) // the definitions took some of the room
    measure_room (w);
  return FITS;
}

static Fit
write_row (MfWireWriter *w, const MfAlloc *row)
{
  Coder *coder = &w->coder;
  Fit fit = has_room (coder) ? FITS : make_room (w);
  if (fit != FITS)
    return fit;
  Home *home = row->op == MF_OP_FREE ? known_home (coder, row->address.at) : NULL;
  if (is_expected_free (coder, row, home)) {
    put_thread (coder, row);
    put_time (coder, row->time.ns);
    put_free (coder, row, home);
  } else {
    uint32_t number = shape_number (row);
    const Shape *shape = &coder->model.shapes[number];
    if (__builtin_expect (!has_shape (shape, row), 0))
      return write_new_call (w, row, number);
    put_call (coder, row, shape, number);
  }
  coder->rows++;
  return FITS;
}

// A row whose names do not fit goes to the next block; if they do not fit there, it is refused.
static bool
write_difficult_row (MfWireWriter *w, const MfAlloc *row, Fit fit)
{
  if (fit == NO_ROOM) {
    mf_wire_close_block (w);
    fit = write_row (w, row);
  }
  return fit == FITS ? !w->failed : mf_wire_refuse (w, &MfAlloc_type, w->coder.origin.stage, 1);
}

// ---- calls of one thread of which all is known: the same as above in few instructions

static __attribute__ ((noinline)) bool
write_unexpected (MfWireWriter *w, const MfAlloc *row)
{
  Fit fit = w->failed ? FITS : write_row (w, row);
  return fit == FITS ? !w->failed : write_difficult_row (w, row, fit);
}

// What changes with each call, held where the processor has it at once.
typedef struct {
  Places at;
  uint8_t *times;
  int64_t time;
  uint64_t freed;
  uint32_t rows, sequence, allocations, before;
  uint16_t free_domain;
} Run;

static inline Run
begin_run (const Coder *coder)
{
  const Model *model = &coder->model;
  return (Run){ places_of (coder), coder->streams[STREAM_TIMES].at, model->time, model->freed,
    coder->rows, model->threads[model->thread].sequence, model->allocations, model->before,
    model->free_domain };
}

static inline void
end_run (Coder *coder, const Run *run)
{
  Model *model = &coder->model;
  set_places (coder, run->at);
  coder->streams[STREAM_TIMES].at = run->times;
  coder->rows = run->rows;
  model->time = run->time;
  model->freed = run->freed;
  model->threads[model->thread].sequence = run->sequence;
  model->allocations = run->allocations;
  model->before = run->before;
  model->free_domain = run->free_domain;
}

static inline void
run_time (Coder *coder, Run *run, int64_t time)
{
  uint64_t ns = (uint64_t) time - (uint64_t) run->time;
  if (ns < coder->resolution)
    return;
  uint64_t steps = steps_of (ns, coder->resolution);
  run->time = (int64_t) ((uint64_t) run->time + steps * coder->resolution);
  coder->changed[run->rows / 8] |= (uint8_t) (1 << run->rows % 8);
  run->times = store_number (run->times, steps);
}

static inline bool
run_free (Coder *coder, Run *run, const MfAlloc *row)
{
  uint64_t address = row->address.at;
  Home *home = home_of (coder, address);
  uint32_t age = run->allocations - home->number;
  bool known = home->address == address && age < CODE_WINDOW;
  if (row->domain != (known ? home->domain : run->free_domain) || !is_plain_free (row))
    return false;
  run_time (coder, run, row->time.ns);
  run->at
      = known ? store_known_free (run->at, age) : store_unknown_free (run->at, run->freed, address);
  run->free_domain = row->domain;
  run->freed = address;
  if (known) {
    home->number = run->allocations - CODE_WINDOW;
    list_push (&coder->model.lists[home->list], address);
  }
  return true;
}

static inline bool
run_allocation (Coder *coder, Run *run, const MfAlloc *row)
{
  uint64_t address = row->address.at;
  uint32_t number = shape_number (row);
  const Shape *shape = &coder->model.shapes[number];
  if (!has_shape (shape, row))
    return false;
  FreeList *list = &coder->model.lists[shape->list];
  run_time (coder, run, row->time.ns);
  if (!take_expected (list, shape, address))
    run->at = store_other_address (run->at, list, shape, address);
  *run->at.tokens++ = (uint8_t) number;
  run->before = number;
  *home_of (coder, address)
      = (Home){ address, ++run->allocations, shape->domain, (uint16_t) shape->list };
  list->last = address;
  return true;
}

// Codes calls up to one that needs more: how many.
static uint32_t
write_run (Coder *coder, const MfAlloc *rows, uint32_t n)
{
  const Thread *thread = &coder->model.threads[coder->model.thread];
  Run run = begin_run (coder);
  uint32_t left = coder->rows < coder->rows_end ? coder->rows_end - coder->rows : 0, i = 0;
  for (n = n < left ? n : left; i < n; i++) {
    const MfAlloc *row = &rows[i];
    if (!is_of (row, thread) || row->sequence != run.sequence || row->time.ns < run.time
        || row->old_address.at != UINT64_MAX || row->op > MF_OP_FREE)
      break;
    bool known
        = row->op == MF_OP_FREE ? run_free (coder, &run, row) : run_allocation (coder, &run, row);
    if (!known)
      break;
    run.sequence++;
    run.rows++;
  }
  end_run (coder, &run);
  return i;
}

bool
mf_wire_write_allocs (MfWireWriter *w, const MfAlloc *rows, uint32_t n, uint64_t *written)
{
  for (uint32_t i = 0; i < n; i++, ++*written) {
    uint32_t known = write_run (&w->coder, rows + i, n - i);
    i += known;
    *written += known;
    if (i == n)
      break;
    if (!write_unexpected (w, &rows[i]))
      return false;
  }
  return true;
}

bool
mf_wire_write_alloc (MfWireWriter *w, const MfAlloc *row)
{
  uint64_t written = 0;
  return mf_wire_write_allocs (w, row, 1, &written);
}

// ---- batches

static void
set_origin (MfWireWriter *w, const MfBatch *origin, uint32_t schema)
{
  Coder *coder = &w->coder;
  const MfBatch *before = &coder->origin;
  if (coder->schema == schema && before->stage.id == origin->stage.id
      && before->input.id == origin->input.id && before->epoch == origin->epoch
      && before->flags == origin->flags)
    return;
  mf_coder_flush (w);
  coder->schema = schema;
  coder->origin = (MfBatch){
    .stage = origin->stage, .input = origin->input, .epoch = origin->epoch, .flags = origin->flags
  };
}

void
mf_wire_write_context (MfWireWriter *w, MfString stage, MfString input, uint32_t epoch)
{
  set_origin (w, &(MfBatch){ .stage = stage, .input = input, .epoch = epoch },
      mf_wire_schema_of (w, &MfAlloc_type));
}

static void
write_swapped (MfWireWriter *w, const uint8_t *from)
{
  MfAlloc row;
  memcpy (&row, from, sizeof row);
  mf_row_swap (&MfAlloc_type, (uint8_t *) &row, 1);
  mf_wire_write_alloc (w, &row);
}

bool
mf_coder_write_batch (MfWireWriter *w, const MfBatch *batch, uint32_t schema)
{
  set_origin (w, batch, schema);
  const uint8_t *from = batch->rows;
  uint64_t written = 0;
  if (batch->stride == sizeof (MfAlloc) && !w->to.swapped)
    return mf_wire_write_allocs (w, (const void *) from, batch->n_rows, &written);
  for (uint32_t i = 0; i < batch->n_rows && !w->failed; i++, from += batch->stride) {
    if (w->to.swapped)
      write_swapped (w, from);
    else
      mf_wire_write_alloc (w, (const void *) from);
  }
  return !w->failed;
}

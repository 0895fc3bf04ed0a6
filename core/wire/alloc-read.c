// SPDX-License-Identifier: Apache-2.0
// Decodes alloc.event rows. The bytes may be anybody's: each number that selects something is
// checked or masked, and a batch is right only if its streams end together.
#include "alloc-read.h"

#include "bytes.h"

// How the address of the next event differs from what is expected.
typedef enum { EXPECTED, LISTED, GIVEN, NEAR, NEXT, SAME } Place;

typedef struct {
  const uint8_t *at, *end;
} Bytes;

typedef struct {
  AllocReader *reader;
  Model *model;
  const CodedRows *coded;
  Bytes streams[CODED_STREAMS];
  const char *fault;
  Place place;
  uint64_t place_number;
  bool back, no_time;
} Decoding;

// ---- numbers

static uint64_t
wrong (Decoding *d, const char *fault)
{
  if (!d->fault)
    d->fault = fault;
  return 0;
}

static uint64_t
take_long_number (Decoding *d, Bytes *bytes, uint8_t first)
{
  size_t left = (size_t) (bytes->end - bytes->at),
         n = first < NUMBER_MORE ? 1 : first - NUMBER_MORE + 1u;
  uint64_t number = 0;
  if (n > left)
    return wrong (d, "a number of a coded batch is cut off");
  for (size_t i = 0; i < n; i++)
    number |= (uint64_t) bytes->at[i] << 8 * i;
  bytes->at += n;
  return first < NUMBER_MORE ? NUMBER_TWO + (first - NUMBER_TWO) * 256u + number : number;
}

static inline uint64_t
take_number (Decoding *d, int stream)
{
  Bytes *bytes = &d->streams[stream];
  if (__builtin_expect (bytes->at == bytes->end, 0))
    return wrong (d, "a number of a coded batch is cut off");
  uint8_t first = *bytes->at++;
  return __builtin_expect (first < NUMBER_TWO, 1) ? first : take_long_number (d, bytes, first);
}

static inline uint64_t
take_below (Decoding *d, int stream, uint64_t end, const char *fault)
{
  uint64_t number = take_number (d, stream);
  return number < end ? number : wrong (d, fault);
}

static uint32_t
take_id (Decoding *d, const MfIdMap *map)
{
  uint32_t id = (uint32_t) take_below (
      d, STREAM_SHAPES, (uint64_t) UINT32_MAX + 1, "an id of a coded batch is too large");
  if (!mf_id_map_find (map, &id))
    wrong (d, "a row refers to a name that its block does not define");
  return id;
}

// ---- the model

static inline void
keep_block (Decoding *d, uint64_t address, const Shape *shape)
{
  d->reader->blocks[++d->model->allocations % CODE_WINDOW]
      = (Block){ address, shape->list, shape->domain, 0 };
  d->model->lists[shape->list].last = address;
}

// The allocation of this age, 0 = the latest.
static inline const Block *
block_of (Decoding *d, uint64_t age)
{
  static const Block NOWHERE;
  if (__builtin_expect (age >= CODE_WINDOW || age >= d->model->allocations, 0)) {
    wrong (d, "a coded batch refers to an allocation that its block does not have");
    return &NOWHERE;
  }
  return &d->reader->blocks[(d->model->allocations - age) % CODE_WINDOW];
}

// Takes the address of the next block of a size class.
static inline uint64_t
take_place (Decoding *d, FreeList *list, const Shape *shape)
{
  uint64_t depth = d->place == LISTED ? d->place_number : 0, address = list_peek (list, depth);
  if (__builtin_expect (d->place <= LISTED, 1)) {
    if (!address && d->place == EXPECTED)
      return address_behind (list, shape);
    list_take (list, depth);
    return address;
  }
  return d->place == NEAR   ? address_at_distance (list->last, d->place_number)
         : d->place == NEXT ? address_behind (list, shape)
                            : d->place_number;
}

// ---- rows

static inline void
fill_row (MfAlloc *row, const Shape *shape, uint64_t address, uint64_t old_address)
{
  row->address.at = address;
  row->old_address.at = old_address;
  memcpy (&row->size, shape, SHAPE_ROW);
  row->op = shape->op;
  row->domain = shape->domain;
}

static inline void
fill_free (MfAlloc *row, uint64_t address, uint16_t domain)
{
  row->address.at = address;
  row->old_address = MF_ADDRESS_NONE;
  row->size = row->granted = MF_SIZE_NONE;
  row->stack.id = 0;
  row->object_type.id = 0;
  row->op = MF_OP_FREE;
  row->domain = domain;
}

static inline void
free_block (Decoding *d, MfAlloc *row, uint64_t age)
{
  const Block *block = block_of (d, age);
  fill_free (row, block->address, block->domain);
  list_push (&d->model->lists[block->list], block->address);
  d->model->freed = block->address;
  d->model->free_domain = block->domain;
}

static void
free_unknown (Decoding *d, MfAlloc *row, uint64_t address)
{
  fill_free (row, address, d->model->free_domain);
  d->model->freed = address;
}

static inline void
read_alloc (Decoding *d, MfAlloc *row, const Shape *shape)
{
  uint64_t address = take_place (d, &d->model->lists[shape->list], shape);
  fill_row (row, shape, address, UINT64_MAX);
  keep_block (d, address, shape);
}

// A block that is named: its address; NULL and the address where it is not among the latest.
static uint64_t
take_reference (Decoding *d, const Block **block)
{
  uint64_t age = take_number (d, STREAM_ADDRESSES);
  *block = age ? block_of (d, age - 1) : NULL;
  return age ? (*block)->address : take_number (d, STREAM_ADDRESSES);
}

static void
read_realloc (Decoding *d, MfAlloc *row, const Shape *shape)
{
  const Block *block;
  uint64_t old = take_reference (d, &block);
  bool stays = d->place == EXPECTED && block && block->list == shape->list;
  uint64_t address
      = stays || d->place == SAME ? old : take_place (d, &d->model->lists[shape->list], shape);
  fill_row (row, shape, address, old);
  if (block && address != old)
    list_push (&d->model->lists[block->list], old);
  keep_block (d, address, shape);
}

static void
read_shaped_free (Decoding *d, MfAlloc *row, const Shape *shape)
{
  const Block *block;
  uint64_t address = take_reference (d, &block);
  fill_row (row, shape, address, UINT64_MAX);
  if (block)
    list_push (&d->model->lists[block->list], address);
  d->model->freed = address;
  d->model->free_domain = shape->domain;
}

static void
read_call (Decoding *d, MfAlloc *row, uint32_t number)
{
  const Shape *shape = &d->model->shapes[number];
  d->model->before = number;
  if (__builtin_expect (shape->op == MF_OP_ALLOC, 1))
    read_alloc (d, row, shape);
  else if (shape->op == MF_OP_REALLOC)
    read_realloc (d, row, shape);
  else if (shape->op == MF_OP_FREE)
    read_shaped_free (d, row, shape);
  else if (shape->op != MF_OP_FAILED)
    wrong (d, "a coded batch refers to a shape that its block does not define");
  else
    fill_row (row, shape, UINT64_MAX, UINT64_MAX);
}

static void
take_members (Decoding *d, Shape *shape, uint32_t members)
{
  if (members & SHAPE_SIZE)
    shape->size.bytes = take_number (d, STREAM_SHAPES) - 1;
  if (members & SHAPE_STACK)
    shape->stack.id = take_id (d, d->coded->stacks);
  if (members & SHAPE_CALL) {
    uint32_t call = (uint32_t) take_number (d, STREAM_SHAPES);
    shape->op = (uint16_t) call;
    shape->domain = (uint16_t) (call >> 16);
  }
  if (members & SHAPE_GRANTED)
    shape->granted.bytes = take_number (d, STREAM_SHAPES) - 1;
  if (members & SHAPE_TYPE)
    shape->object_type.id = take_id (d, d->coded->strings);
}

static void
read_new_shape (Decoding *d, MfAlloc *row)
{
  uint32_t number
      = (uint32_t) take_below (d, STREAM_SHAPES, CODE_SHAPES, "a shape has a number above 127");
  Shape shape = d->model->shapes[d->model->before];
  take_members (d, &shape, (uint32_t) take_number (d, STREAM_SHAPES));
  shape.list = list_of (shape.size.bytes, shape.domain);
  d->model->shapes[number] = shape;
  read_call (d, row, number);
}

static void
read_row (Decoding *d, MfAlloc *row)
{
  Shape shape = { 0 };
  take_members (d, &shape, SHAPE_ALL);
  uint64_t address = take_number (d, STREAM_ADDRESSES);
  fill_row (row, &shape, address, take_number (d, STREAM_ADDRESSES));
}

// ---- threads

static void
read_thread (Decoding *d)
{
  d->model->thread
      = (uint32_t) take_below (d, STREAM_SHAPES, CODE_THREADS, "a thread has a number above 63");
}

static void
read_new_thread (Decoding *d)
{
  read_thread (d);
  uint32_t process = (uint32_t) take_number (d, STREAM_SHAPES),
           thread = (uint32_t) take_number (d, STREAM_SHAPES),
           sequence = (uint32_t) take_number (d, STREAM_SHAPES);
  d->model->threads[d->model->thread] = (Thread){ process, thread, sequence, 0 };
}

// ---- tokens

// What the event that follows has, other than expected.
typedef void (*ReadMark) (Decoding *d, uint32_t token);

static void
mark_listed (Decoding *d, uint32_t token)
{
  d->place = LISTED;
  d->place_number = token - TOKEN_LISTED + 1;
}

static void
mark_place (Decoding *d, uint32_t token)
{
  static const Place PLACES[] = { NEXT, NEAR, GIVEN, SAME };
  d->place = PLACES[token - TOKEN_NEXT];
  if (d->place == NEAR || d->place == GIVEN)
    d->place_number = take_number (d, STREAM_ADDRESSES);
}

static void
mark_thread (Decoding *d, uint32_t token)
{
  if (token == TOKEN_NEW_THREAD)
    read_new_thread (d);
  else
    read_thread (d);
}

static void
mark_sequence (Decoding *d, uint32_t token __attribute__ ((unused)))
{
  d->model->threads[d->model->thread].sequence += (uint32_t) take_number (d, STREAM_SHAPES);
}

static void
mark_time (Decoding *d, uint32_t token)
{
  d->back |= token == TOKEN_BACK;
  d->no_time |= token == TOKEN_NO_TIME;
}

static const ReadMark MARKS[] = {
  [TOKEN_LISTED - TOKEN_LISTED... TOKEN_NEXT - 1 - TOKEN_LISTED] = mark_listed,
  [TOKEN_NEXT - TOKEN_LISTED... TOKEN_SAME - TOKEN_LISTED] = mark_place,
  [TOKEN_THREAD - TOKEN_LISTED] = mark_thread,
  [TOKEN_NEW_THREAD - TOKEN_LISTED] = mark_thread,
  [TOKEN_SEQUENCE - TOKEN_LISTED] = mark_sequence,
  [TOKEN_BACK - TOKEN_LISTED] = mark_time,
  [TOKEN_NO_TIME - TOKEN_LISTED] = mark_time,
};

static void
read_mark (Decoding *d, uint32_t token)
{
  if (token < TOKEN_END)
    MARKS[token - TOKEN_LISTED](d, token);
  else
    wrong (d, "a coded batch has a token that does not exist");
}

static void
read_other_event (Decoding *d, MfAlloc *row, uint32_t token)
{
  if (token == TOKEN_FREE_OLDER)
    free_block (d, row, FREE_AGES + take_number (d, STREAM_ADDRESSES));
  else if (token == TOKEN_FREE_NEAR)
    free_unknown (d, row, address_at_distance (d->model->freed, take_number (d, STREAM_ADDRESSES)));
  else if (token == TOKEN_FREE_AT)
    free_unknown (d, row, take_number (d, STREAM_ADDRESSES));
  else if (token == TOKEN_NEW_SHAPE)
    read_new_shape (d, row);
  else
    read_row (d, row);
}

// Tokens up to that of an event.
static inline uint32_t
take_token (Decoding *d)
{
  Bytes *tokens = &d->streams[STREAM_TOKENS];
  while (tokens->at < tokens->end) {
    uint32_t token = *tokens->at++;
    if (__builtin_expect (token < TOKEN_LISTED, 1))
      return token;
    read_mark (d, token);
  }
  wrong (d, "a coded batch has fewer tokens than rows");
  return TOKEN_FREE_AT;
}

static inline void
read_event (Decoding *d, MfAlloc *row)
{
  uint32_t token = take_token (d);
  if (token < TOKEN_FREE)
    read_call (d, row, token);
  else if (__builtin_expect (token < TOKEN_FREE_OLDER, 1))
    free_block (d, row, token - TOKEN_FREE);
  else
    read_other_event (d, row, token);
}

static inline void
fill_origin (Decoding *d, MfAlloc *row)
{
  Thread *thread = &d->model->threads[d->model->thread];
  row->process = thread->process;
  row->thread = thread->thread;
  row->sequence = thread->sequence++;
}

static inline void
fill_time (Decoding *d, MfAlloc *row, bool changed)
{
  Model *model = d->model;
  if (changed) {
    uint64_t steps = take_number (d, STREAM_TIMES);
    model->time = d->back ? time_before (model->time, steps, d->coded->resolution)
                          : time_after (model->time, steps, d->coded->resolution);
  }
  row->time = __builtin_expect (d->no_time, 0) ? MF_TIME_NONE : (MfTime){ model->time };
}

static bool
ends_together (const Decoding *d)
{
  for (int i = 0; i < CODED_STREAMS; i++)
    if (d->streams[i].at != d->streams[i].end)
      return false;
  return true;
}

void
mf_alloc_reader_restart (AllocReader *reader)
{
  model_restart (&reader->model);
}

const char *
mf_alloc_read (AllocReader *reader, const CodedRows *coded)
{
  Decoding d = { .reader = reader, .model = &reader->model, .coded = coded };
  const uint8_t *changed = coded->bytes, *at = changed + (coded->n_rows + 7) / 8;
  for (int i = 0; i < CODED_STREAMS; at += coded->streams[i++])
    d.streams[i] = (Bytes){ at, at + coded->streams[i] };
  for (uint32_t i = 0; i < coded->n_rows; i++) {
    MfAlloc *row = &reader->rows[i];
    d.place = EXPECTED;
    d.back = d.no_time = false;
    read_event (&d, row);
    fill_origin (&d, row);
    fill_time (&d, row, changed[i / 8] >> i % 8 & 1);
  }
  if (!d.fault && !ends_together (&d))
    d.fault = "the streams of a coded batch do not end with its rows";
  return d.fault;
}

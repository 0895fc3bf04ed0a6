// SPDX-License-Identifier: Apache-2.0
// Runs the call frame instructions of one function up to one of its instructions. Every read stays in the module.
#include "call-frames.h"

#include <string.h>

// Numbers that DWARF gives to registers (System V ABI supplements).
#if defined __x86_64__
enum { STACK_POINTER = 7, FRAME_POINTER = 6, RETURN_ADDRESS = 16 };
#elif defined __aarch64__
enum { STACK_POINTER = 31, FRAME_POINTER = 29, RETURN_ADDRESS = 30 };
#elif defined __i386__
enum { STACK_POINTER = 4, FRAME_POINTER = 5, RETURN_ADDRESS = 8 };
#else  // a machine whose frames are not described this way: nothing is found
enum { STACK_POINTER = -1, FRAME_POINTER = -2, RETURN_ADDRESS = -3 };
#endif

enum { WORD = sizeof (uintptr_t), MOST_REMEMBERED = 8 };

// ---- bytes of a module

typedef struct {
  const uint8_t *at, *end;
  bool over;
} Bytes;

static uint64_t
take (Bytes *bytes, size_t n)
{
  uint64_t value = 0;
  if ((size_t) (bytes->end - bytes->at) < n) {
    bytes->over = true;
    bytes->at = bytes->end;
    return 0;
  }
  memcpy (&value, bytes->at, n);
  bytes->at += n;
  return value;
}

static int64_t
extended (uint64_t value, size_t n)
{
  unsigned shift = (unsigned) (64 - 8 * n);
  return n ? (int64_t) (value << shift) >> shift : 0;
}

static uint64_t
take_uleb (Bytes *bytes)
{
  uint64_t value = 0, byte = 0x80;
  for (unsigned shift = 0; byte & 0x80 && shift < 64; shift += 7) {
    byte = take (bytes, 1);
    value |= (byte & 0x7f) << shift;
  }
  return value;
}

static int64_t
take_sleb (Bytes *bytes)
{
  uint64_t value = 0, byte = 0x80;
  unsigned shift = 0;
  for (; byte & 0x80 && shift < 64; shift += 7) {
    byte = take (bytes, 1);
    value |= (byte & 0x7f) << shift;
  }
  return byte & 0x40 && shift < 64 ? (int64_t) (value | ~UINT64_C (0) << shift) : (int64_t) value;
}

static Bytes
part (const MfModuleFrames *module, const uint8_t *at)
{
  bool inside = at >= module->start && at < module->end;
  return (Bytes) { inside ? at : module->end, module->end, !inside };
}

// Cuts what follows to n bytes.
static Bytes
cut (Bytes bytes, uint64_t n)
{
  if (n > (uint64_t) (bytes.end - bytes.at))
    bytes.over = true;
  else
    bytes.end = bytes.at + n;
  return bytes;
}

// Pointers as .eh_frame writes them: the low half of `encoding` tells the width, the next bits from where it counts.
enum { ABSOLUTE = 0x00, FROM_HERE = 0x10, FROM_INDEX = 0x30, OMITTED = 0xff };

static uintptr_t
take_pointer (Bytes *bytes, uint8_t encoding, const uint8_t *index)
{
  static const uint8_t widths[16] = { [0] = WORD, [2] = 2, [3] = 4, [4] = 8, [8] = WORD, [10] = 2, [11] = 4, [12] = 8 };
  const uint8_t *here = bytes->at;
  uint8_t form = encoding & 0x0f, base = encoding & 0x70;
  uint64_t raw = form == 1 ? take_uleb (bytes) : form == 9 ? (uint64_t) take_sleb (bytes) : take (bytes, widths[form]);
  if (form >= 8 && form != 9)
    raw = (uint64_t) extended (raw, widths[form]);
  bytes->over |= (form != 1 && form != 9 && !widths[form]) || (base != ABSOLUTE && base != FROM_HERE && base != FROM_INDEX);
  uintptr_t from = base == FROM_HERE ? (uintptr_t) here : base == FROM_INDEX ? (uintptr_t) index : 0;
  return from + (uintptr_t) raw;
}

// ---- finding the function

typedef struct {
  uintptr_t from, to;
  uint64_t code_step;
  int64_t data_step;
  Bytes initial, instructions;
} Function;

// The entry of the sorted index whose function begins last before the instruction.
static const uint8_t *
look_up (const MfModuleFrames *module, uintptr_t instruction)
{
  enum { TABLE = FROM_INDEX | 11, ENTRY = 8 };
  Bytes index = part (module, module->index);
  uint64_t version = take (&index, 1);
  uint8_t frames = (uint8_t) take (&index, 1), counts = (uint8_t) take (&index, 1), table = (uint8_t) take (&index, 1);
  take_pointer (&index, frames, module->index);
  uint64_t n = counts == OMITTED ? 0 : take_pointer (&index, counts, module->index);
  if (version != 1 || table != TABLE || index.over || n > (uint64_t) (index.end - index.at) / ENTRY || !n)
    return NULL;
  int64_t wanted = (int64_t) (instruction - (uintptr_t) module->index);
  uint64_t low = 0, high = n;
  while (high - low > 1) {
    uint64_t middle = low + (high - low) / 2;
    int32_t begin;
    memcpy (&begin, index.at + middle * ENTRY, sizeof begin);
    *(begin <= wanted ? &low : &high) = middle;
  }
  int32_t entry[2];
  memcpy (entry, index.at + low * ENTRY, sizeof entry);
  return entry[0] <= wanted ? module->index + entry[1] : NULL;
}

// An entry of .eh_frame: its length, then what `id` points back to.
static Bytes
entry_at (const MfModuleFrames *module, const uint8_t *at, const uint8_t **id_at, uint32_t *id)
{
  Bytes bytes = part (module, at);
  uint64_t length = take (&bytes, 4);
  if (length == UINT32_MAX || length == 0)
    bytes.over = true;
  bytes = cut (bytes, length);
  *id_at = bytes.at;
  *id = (uint32_t) take (&bytes, 4);
  return bytes;
}

// The common part of some functions. Returns how its pointers are encoded; OMITTED = not understood.
static uint8_t
read_common (const MfModuleFrames *module, const uint8_t *at, Function *function)
{
  uint8_t encoding = ABSOLUTE;
  uint32_t id;
  const uint8_t *id_at;
  Bytes bytes = entry_at (module, at, &id_at, &id);
  uint64_t version = take (&bytes, 1);
  const char *augmentation = (const char *) bytes.at;
  while (take (&bytes, 1) && !bytes.over)
    continue;
  function->code_step = take_uleb (&bytes);
  function->data_step = take_sleb (&bytes);
  uint64_t register_ = version == 1 ? take (&bytes, 1) : take_uleb (&bytes);
  if (bytes.over || id != 0 || (version != 1 && version != 3) || augmentation[0] != 'z' || register_ != (uint64_t) RETURN_ADDRESS)
    return OMITTED;
  uint64_t length = take_uleb (&bytes);
  Bytes about = cut (bytes, length);
  for (const char *letter = augmentation + 1; *letter && !about.over; letter++) {
    if (*letter == 'R')
      encoding = (uint8_t) take (&about, 1);
    else if (*letter == 'L')
      take (&about, 1);
    else if (*letter == 'P') {
      uint8_t form = (uint8_t) take (&about, 1);
      take_pointer (&about, form & 0x7f, module->index);
    } else if (*letter != 'S' && *letter != 'B')
      return OMITTED;
  }
  bytes.at += about.over ? 0 : length;
  function->initial = bytes;
  return about.over ? OMITTED : encoding;
}

static bool
read_function (const MfModuleFrames *module, const uint8_t *at, Function *function)
{
  uint32_t back;
  const uint8_t *id_at;
  Bytes bytes = entry_at (module, at, &id_at, &back);
  if (bytes.over || !back || back > (size_t) (id_at - module->start))
    return false;
  uint8_t encoding = read_common (module, id_at - back, function);
  if (encoding == OMITTED)
    return false;
  function->from = take_pointer (&bytes, encoding, module->index);
  function->to = function->from + take_pointer (&bytes, encoding & 0x0f, module->index);
  uint64_t about = take_uleb (&bytes);
  if (bytes.over || about > (uint64_t) (bytes.end - bytes.at))
    return false;
  bytes.at += about;
  function->instructions = bytes;
  return true;
}

// ---- running the instructions

typedef enum { SAME, SAVED, LOST } How;
typedef struct { How how; int64_t offset; } Rule;  // offset: from the CFA

typedef struct {
  int64_t cfa_offset;
  uint64_t cfa_register;
  Rule frame_pointer, return_address;
} Frame;

typedef struct {
  Frame now, initial, remembered[MOST_REMEMBERED];
  uint32_t n_remembered;
  uintptr_t address;
  bool failed;
} Machine;

typedef enum {
  NOTHING, ADVANCE, SAVE, SAVE_BACK, RESTORE, KEEP, LOSE, REMEMBER, RECALL, CFA, CFA_SIGNED, CFA_REGISTER, CFA_OFFSET,
  CFA_OFFSET_SIGNED, CFA_LOST, UNKNOWN
} Effect;

// What follows an instruction: a number of that many bytes, or one of these.
enum { ULEB = 16, SLEB, BLOCK };

static const struct { uint8_t first, second, effect; } instructions[0x40] = {
  [0x00] = { 0, 0, NOTHING },        [0x01] = { 0, 0, UNKNOWN },          [0x02] = { 1, 0, ADVANCE },
  [0x03] = { 2, 0, ADVANCE },        [0x04] = { 4, 0, ADVANCE },          [0x05] = { ULEB, ULEB, SAVE },
  [0x06] = { ULEB, 0, RESTORE },     [0x07] = { ULEB, 0, LOSE },          [0x08] = { ULEB, 0, KEEP },
  [0x09] = { ULEB, ULEB, LOSE },     [0x0a] = { 0, 0, REMEMBER },         [0x0b] = { 0, 0, RECALL },
  [0x0c] = { ULEB, ULEB, CFA },      [0x0d] = { ULEB, 0, CFA_REGISTER },  [0x0e] = { ULEB, 0, CFA_OFFSET },
  [0x0f] = { BLOCK, 0, CFA_LOST },   [0x10] = { ULEB, BLOCK, LOSE },      [0x11] = { ULEB, SLEB, SAVE },
  [0x12] = { ULEB, SLEB, CFA_SIGNED }, [0x13] = { SLEB, 0, CFA_OFFSET_SIGNED }, [0x14] = { ULEB, ULEB, LOSE },
  [0x15] = { ULEB, SLEB, LOSE },     [0x16] = { ULEB, BLOCK, LOSE },      [0x17 ... 0x2c] = { 0, 0, UNKNOWN },
  [0x2d] = { 0, 0, NOTHING },        // aarch64: the return address is signed; its upper bits are cut off
  [0x2e] = { ULEB, 0, NOTHING },     [0x2f] = { ULEB, ULEB, SAVE_BACK },  [0x30 ... 0x3f] = { 0, 0, UNKNOWN },
};

static uint64_t
operand (Bytes *bytes, uint8_t kind)
{
  if (kind == ULEB)
    return take_uleb (bytes);
  if (kind == SLEB)
    return (uint64_t) take_sleb (bytes);
  if (kind != BLOCK)
    return take (bytes, kind);
  uint64_t n = take_uleb (bytes);
  bytes->over |= n > (uint64_t) (bytes->end - bytes->at);
  bytes->at += bytes->over ? 0 : n;
  return 0;
}

static Rule *
rule_of (Frame *frame, uint64_t number)
{
  static Rule others;  // written and never read
  if (number == (uint64_t) FRAME_POINTER)
    return &frame->frame_pointer;
  return number == (uint64_t) RETURN_ADDRESS ? &frame->return_address : &others;
}

static void
apply (Machine *machine, const Function *function, Effect effect, uint64_t a, uint64_t b)
{
  Frame *now = &machine->now;
  int64_t scaled = (int64_t) b * function->data_step;
  switch (effect) {
  case NOTHING: break;
  case ADVANCE: machine->address += a * function->code_step; break;
  case SAVE: *rule_of (now, a) = (Rule) { SAVED, scaled }; break;
  case SAVE_BACK: *rule_of (now, a) = (Rule) { SAVED, -scaled }; break;
  case RESTORE: *rule_of (now, a) = *rule_of (&machine->initial, a); break;
  case KEEP: *rule_of (now, a) = (Rule) { SAME, 0 }; break;
  case LOSE: *rule_of (now, a) = (Rule) { LOST, 0 }; break;
  case REMEMBER:
    if (machine->n_remembered < MOST_REMEMBERED)
      machine->remembered[machine->n_remembered++] = *now;
    else
      machine->failed = true;
    break;
  case RECALL:
    if (machine->n_remembered)
      *now = machine->remembered[--machine->n_remembered];
    else
      machine->failed = true;
    break;
  case CFA: now->cfa_register = a; now->cfa_offset = (int64_t) b; break;
  case CFA_SIGNED: now->cfa_register = a; now->cfa_offset = scaled; break;
  case CFA_REGISTER: now->cfa_register = a; break;
  case CFA_OFFSET: now->cfa_offset = (int64_t) a; break;
  case CFA_OFFSET_SIGNED: now->cfa_offset = (int64_t) a * function->data_step; break;
  case CFA_LOST: now->cfa_register = UINT64_MAX; break;
  case UNKNOWN: machine->failed = true; break;
  }
}

// Runs until what is said holds behind the instruction.
static void
run (Machine *machine, const Function *function, Bytes bytes, uintptr_t until)
{
  while (bytes.at < bytes.end && !bytes.over && !machine->failed && machine->address <= until) {
    uint8_t code = (uint8_t) take (&bytes, 1), low = code & 0x3f;
    switch (code >> 6) {  // three instructions have their first operand in them
    case 1: apply (machine, function, ADVANCE, low, 0); break;
    case 2: apply (machine, function, SAVE, low, take_uleb (&bytes)); break;
    case 3: apply (machine, function, RESTORE, low, 0); break;
    default: {
      uint64_t a = operand (&bytes, instructions[low].first), b = operand (&bytes, instructions[low].second);
      apply (machine, function, (Effect) instructions[low].effect, a, b);
    }
    }
  }
  machine->failed |= bytes.over;
}

// ---- the row

static bool
in_words (Rule rule, int16_t *words)
{
  *words = (int16_t) (rule.how == SAVED ? rule.offset / WORD : MF_UNWIND_SAME);
  return rule.how == SAME || (rule.how == SAVED && rule.offset % WORD == 0 && *words * WORD == rule.offset);
}

static bool
to_row (const Frame *frame, MfUnwindRow *row)
{
  row->cfa = (int32_t) frame->cfa_offset;
  row->from_frame_pointer = frame->cfa_register == (uint64_t) FRAME_POINTER;
  row->end = frame->return_address.how == LOST;
  if (frame->frame_pointer.how == LOST)  // nobody saved it: callers that need it are not found
    row->frame_pointer = MF_UNWIND_SAME;
  else if (!in_words (frame->frame_pointer, &row->frame_pointer))
    return false;
  return row->end || (in_words (frame->return_address, &row->return_address) && row->cfa == frame->cfa_offset
      && (row->from_frame_pointer || frame->cfa_register == (uint64_t) STACK_POINTER));
}

static bool
find_function (const MfModuleFrames *module, uintptr_t instruction, Function *function)
{
  const uint8_t *at = look_up (module, instruction);
  return at && read_function (module, at, function) && instruction >= function->from && instruction < function->to;
}

bool
mf_call_frame_function (const MfModuleFrames *module, uintptr_t instruction, uintptr_t *start, uintptr_t *end)
{
  Function function = { 0 };
  bool found = find_function (module, instruction, &function);
  *start = found ? function.from : 0;
  *end = found ? function.to : 0;
  return found;
}

bool
mf_call_frame (const MfModuleFrames *module, uintptr_t instruction, MfUnwindRow *row)
{
  Function function = { 0 };
  if (!find_function (module, instruction, &function))
    return false;
  Machine machine = { .address = function.from };
  run (&machine, &function, function.initial, UINTPTR_MAX);
  machine.initial = machine.now;
  machine.address = function.from;
  run (&machine, &function, function.instructions, instruction);
  *row = (MfUnwindRow) { .address = row->address };
  return !machine.failed && to_row (&machine.now, row);
}

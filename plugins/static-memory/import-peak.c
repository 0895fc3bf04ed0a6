// SPDX-License-Identifier: Apache-2.0
// Lib/importlib/_bootstrap_external.py SourceFileLoader.get_code: the file is read through a buffered reader, and its bytes live
// until the code is loaded; Python/marshal.c r_object: the list of references, and from 3.11 on the bytecode apart from its code
// object: until that is made, and where the list has it until all is loaded.
#include "import-peak.h"

static uint64_t
bytes_of (const MfModuleQuestion *question, MfShape shape)
{
  MfObjectSize size = { 0 };
  if (!mf_object_add (question->target, &shape, 1, &size))
    return 0;
  return question->requested ? size.requested : size.granted;
}

static uint64_t
bytecode_apart (const MfModuleQuestion *question, const MfPyCode *code)
{
  bool apart = mf_target_from (question->target, 11) && code->bytecode;
  return apart ? bytes_of (question, (MfShape){ .type = MF_PY_BYTES, .length = code->bytecode->n }) : 0;
}

// Code objects are made from the inside outwards, each while what is known of those around it waits.
uint64_t
mf_loading_peak (const MfModuleQuestion *question, const MfPyModule *module, const uint64_t *parts)
{
  uint64_t made = 0, waiting = 0, peak = 0;
  const MfPyCode *open = NULL;
  for (uint32_t i = 0; i <= module->n_codes; i++) {
    const MfPyCode *next = i < module->n_codes ? module->codes[i] : NULL, *inside = next ? next->parent : NULL;
    for (; open && open != inside; open = open->parent) {
      made += parts[open->number];
      peak = made + waiting > peak ? made + waiting : peak;
      waiting -= open->bytecode && open->bytecode->flags & MF_PY_NUMBERED ? 0 : bytecode_apart (question, open);
    }
    if (next)
      waiting += bytecode_apart (question, next);
    open = next;
  }
  MfShape references = { .type = MF_PY_LIST, .made = MF_MADE_APPENDED, .length = module->n_references };
  return peak + bytes_of (question, references);
}

// Of the import system while a module is read and run: its lock with the manager and the reference to it, the time of the
// file, the reader without its buffer. Measured by tracemalloc on x86-64, modules without content: 908 to 1,130 bytes in
// 3.8 to 3.10, 1,200 to 1,400 in 3.11 to 3.13.
static MfAmount
importing (const MfModuleQuestion *question)
{
  enum { UP_TO_3_10 = 1080, SINCE_3_11 = 1300, MEASURED_WORD = 8 };
  uint64_t bytes = mf_target_from (question->target, 11) ? SINCE_3_11 : UP_TO_3_10;
  bytes = bytes * question->target->pointer / MEASURED_WORD;
  return (MfAmount){ bytes - bytes / 4, bytes, bytes + bytes / 4 };
}

static uint64_t
buffer (const MfModuleQuestion *question)
{
  enum { BLOCK = 4096, SINCE_3_14 = 128 * 1024 }; // st_blksize of most file systems; DEFAULT_BUFFER_SIZE
  return mf_target_from (question->target, 14) ? SINCE_3_14 : BLOCK;
}

static MfAmount
larger (MfAmount a, MfAmount b)
{
  return (MfAmount){ a.low > b.low ? a.low : b.low, a.likely > b.likely ? a.likely : b.likely,
    a.high > b.high ? a.high : b.high };
}

MfAmount
mf_import_peak (const MfModuleCost *cost, const MfModuleQuestion *question, uint64_t loading, MfAmount run)
{
  uint64_t file = bytes_of (question, (MfShape){ .type = MF_PY_BYTES, .length = question->file });
  MfAmount strings = { 0, cost->code.likely - cost->code.low, cost->code.high - cost->code.low };
  MfAmount read = mf_amount (file + buffer (question)), load = mf_amount_add (mf_amount (file + loading), strings);
  MfAmount most = larger (larger (read, load), mf_amount_add (cost->code, run));
  return mf_amount_add (mf_amount_add (most, cost->system), importing (question));
}

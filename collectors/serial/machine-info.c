// SPDX-License-Identifier: Apache-2.0
// Source of the lines: MicroPython ports/stm32/modmachine.c and
// ports/nrf/modules/machine/modmachine.c.
#include "machine-info.h"

#include <string.h>

// Lines of others that may stand between the lines of machine.info.
#define BLOCK_SILENCE 4

// clang-format off
static const char *const symbol_patterns[MF_N_SYMBOLS] = {
  [MF_SYMBOL_ETEXT] = "_etext=#",
  [MF_SYMBOL_SIDATA] = "_sidata=#",
  [MF_SYMBOL_SDATA] = "_sdata=#",
  [MF_SYMBOL_EDATA] = "_edata=#",
  [MF_SYMBOL_SBSS] = "_sbss=#",
  [MF_SYMBOL_EBSS] = "_ebss=#",
  [MF_SYMBOL_SSTACK] = "_sstack=#",
  [MF_SYMBOL_ESTACK] = "_estack=#",
  [MF_SYMBOL_RAM_START] = "_ram_start=#",
  [MF_SYMBOL_HEAP_START] = "_heap_start=#",
  [MF_SYMBOL_HEAP_END] = "_heap_end=#",
  [MF_SYMBOL_RAM_END] = "_ram_end=#",
};
// clang-format on

// The indented lines in their order. Each gives up to three figures.
enum {
  QSTR_POOLS,
  QSTR_STRINGS,
  QSTR_STRING_BYTES,
  QSTR_TOTAL_BYTES,
  HEAP_TOTAL,
  HEAP_USED,
  HEAP_BLOCKS,
  DONE
};

// clang-format off
static const char *const step_patterns[] = {
  [QSTR_POOLS] = " n_pool=%",
  [QSTR_STRINGS] = " n_qstr=%",
  [QSTR_STRING_BYTES] = " n_str_data_bytes=%",
  [QSTR_TOTAL_BYTES] = " n_total_bytes=%",
  [HEAP_TOTAL] = " % total",
  [HEAP_USED] = " % : %",
  [HEAP_BLOCKS] = " 1=% 2=% m=%",
};
// clang-format on

static void
forget_symbols (MfMachineInfo *self)
{
  self->n_symbols = 0;
  for (unsigned i = 0; i < MF_N_SYMBOLS; i++)
    self->layout.symbols[i] = MF_ABSENT;
}

void
mf_machine_info_start (MfMachineInfo *self)
{
  forget_symbols (self);
  self->step = DONE;
}

void
mf_machine_info_add_keys (MfKeyFilter *filter)
{
  mf_key_filter_add (filter, "qstr:");
  for (unsigned i = 0; i < MF_N_SYMBOLS; i++)
    mf_key_filter_add (filter, symbol_patterns[i]);
}

// "GC:" comes behind the symbols and the qstr pools.
bool
mf_machine_info_is_open (const MfMachineInfo *self, const MfLine *line)
{
  return self->last_line != 0 && line->number - self->last_line <= BLOCK_SILENCE;
}

static bool
take_symbol (MfMachineInfo *self, const MfLine *line)
{
  const char *name = memchr (line->text, '_', line->length);
  uint64_t address;

  if (!name)
    return false;
  for (unsigned i = 0; i < MF_N_SYMBOLS; i++) {
    if (!mf_pattern_match_line (symbol_patterns[i], name, line, &address))
      continue;
    self->layout.line = self->n_symbols == 0 ? line->number : self->layout.line;
    self->layout.symbols[i] = address;
    self->n_symbols++;
    self->last_line = line->number;
    return true;
  }
  return false;
}

// "qstr:" and "GC:" stand alone, behind whatever a viewer puts before them.
static bool
is_heading (const MfLine *line, const char *heading)
{
  const char *end = mf_line_trimmed_end (line);
  size_t length = strlen (heading);

  return (size_t) (end - line->text) >= length && memcmp (end - length, heading, length) == 0
         && (end - length == line->text || end[-(ptrdiff_t) length - 1] == ' ');
}

static bool
take_heading (MfMachineInfo *self, MfGrammarContext *context, const MfLine *line)
{
  bool qstr = is_heading (line, "qstr:");

  if (!qstr && !is_heading (line, "GC:"))
    return false;
  if (self->n_symbols > 0 && context->sink->layout)
    context->sink->layout (context->sink->user, &self->layout);
  forget_symbols (self);
  self->step = qstr ? QSTR_POOLS : HEAP_TOTAL;
  memset (&self->figures, 0xff, sizeof self->figures);
  self->last_line = line->number;
  self->heap_line = self->pools.line = line->number;
  self->heap_offset = line->offset;
  return true;
}

static void
keep_figures (MfMachineInfo *self, const uint64_t *read)
{
  uint64_t *const places[][3] = {
    [QSTR_POOLS] = { &self->pools.pools },
    [QSTR_STRINGS] = { &self->pools.strings },
    [QSTR_STRING_BYTES] = { &self->pools.string_bytes },
    [QSTR_TOTAL_BYTES] = { &self->pools.total_bytes },
    [HEAP_TOTAL] = { &self->figures.total },
    [HEAP_USED] = { &self->figures.used, &self->figures.free },
    [HEAP_BLOCKS]
    = { &self->figures.one_blocks, &self->figures.two_blocks, &self->figures.max_block },
  };

  for (unsigned i = 0; i < 3 && places[self->step][i]; i++)
    *places[self->step][i] = read[i];
}

static bool
take_step (MfMachineInfo *self, const MfLine *line)
{
  uint64_t read[3];

  if (self->step == DONE)
    return false;
  for (const char *p = line->text; p < mf_line_end (line); p++)
    if (*p == ' ' && mf_pattern_match_line (step_patterns[self->step], p, line, read)) {
      keep_figures (self, read);
      self->last_line = line->number;
      self->step++;
      return true;
    }
  self->step = line->number - self->last_line > BLOCK_SILENCE ? DONE : self->step;
  return false;
}

MfLineVerdict
mf_machine_info_line (
    MfMachineInfo *self, MfDumpReader *dump, MfGrammarContext *context, const MfLine *line)
{
  if (take_heading (self, context, line) || take_symbol (self, line))
    return MF_LINE_TAKEN;
  if (!take_step (self, line))
    return MF_LINE_UNKNOWN;
  if (self->step == HEAP_TOTAL) {
    if (context->sink->qstr)
      context->sink->qstr (context->sink->user, &self->pools);
    self->step = DONE;
  }
  if (self->step != DONE || self->figures.max_block == MF_ABSENT)
    return MF_LINE_TAKEN;
  return mf_dump_reader_take_figures (
      dump, context, &self->figures, line, self->heap_line, self->heap_offset);
}

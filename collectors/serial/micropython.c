// SPDX-License-Identifier: Apache-2.0
// The grammar of MicroPython and CircuitPython consoles: who says hello and who reboots stands
// here, dumps, faults and machine.info in files of their own.
#include "key-filter.h"
#include "machine-info.h"
#include "micropython-fault.h"

#include <string.h>

typedef struct {
  MfDumpReader dump;
  MfFaultReader fault;
  MfMachineInfo machine;
  MfTextBoot boot;
  MfKeyFilter keys;
  bool announced;  // a reboot whose banner has not come yet
  bool raw_prompt; // a banner that follows ends it, and is no reboot
} MicroPython;

// clang-format off
static const char *const own_keys[] = { "MicroPython v", "Micro Python v", "CircuitPython ",
  "soft reboot", "rst:0x", "qstr pool: ", "raw REPL" };
// clang-format on

static void
start (void *instance)
{
  MicroPython *self = instance;

  mf_machine_info_start (&self->machine);
  mf_machine_info_add_keys (&self->keys);
  mf_fault_reader_add_keys (&self->keys);
  mf_dump_reader_add_keys (&self->keys);
  for (size_t i = 0; i < sizeof own_keys / sizeof own_keys[0]; i++)
    mf_key_filter_add (&self->keys, own_keys[i]);
}

static bool
settle_fault (MicroPython *self, MfGrammarContext *context, bool complete)
{
  if (!complete)
    return true;
  if (!mf_dump_reader_before_event (&self->dump, context))
    return false;
  if (context->sink->fault)
    context->sink->fault (context->sink->user, &self->fault.fault);
  return true;
}

static bool
deliver_boot (MicroPython *self, MfGrammarContext *context, const MfLine *line)
{
  self->boot.line = line->number;
  self->boot.offset = line->offset;
  if (!settle_fault (self, context, mf_fault_reader_end (&self->fault))
      || !mf_dump_reader_settle (&self->dump, context, "the board rebooted", line->number))
    return false;
  if (context->sink->boot)
    context->sink->boot (context->sink->user, &self->boot);
  return true;
}

static void
copy_part (char *to, size_t size, const char *text, const char *end)
{
  size_t length = (size_t) (end - text);

  if (length >= size)
    length = size - 1;
  memcpy (to, text, length);
  to[length] = '\0';
}

static const char *
find_part (const char *text, const char *end, const char *part)
{
  size_t length = strlen (part);

  for (; text && (size_t) (end - text) >= length; text++)
    if (memcmp (text, part, length) == 0)
      return text;
  return NULL;
}

// "MicroPython v1.28.0 on 2026-11-23; netduino2 with STM32", "Adafruit CircuitPython 8.2.0 on
// 2023-07-05; ...".
static bool
read_banner (MfTextBoot *boot, const MfLine *line)
{
  static const struct {
    const char *words, *firmware;
  } names[] = {
    { "MicroPython v", "MicroPython" },
    { "Micro Python v", "MicroPython" },
    { "CircuitPython ", "CircuitPython" },
  };
  const char *end = mf_line_trimmed_end (line);
  const char *version = NULL, *on, *board, *with;

  for (size_t i = 0; i < sizeof names / sizeof names[0] && !version; i++) {
    version = mf_line_find (line, names[i].words);
    version = version ? version + strlen (names[i].words) : NULL;
    boot->firmware = names[i].firmware;
  }
  on = version && version < end && *version >= '0' && *version <= '9'
           ? find_part (version, end, " on ")
           : NULL;
  board = find_part (on, end, "; ");
  if (!board)
    return false;
  with = find_part (board + 2, end, " with ");
  copy_part (boot->version, sizeof boot->version, version, on);
  copy_part (boot->board, sizeof boot->board, board + 2, with ? with : end);
  copy_part (boot->mcu, sizeof boot->mcu, with ? with + 6 : end, end);
  return true;
}

static MfLineVerdict
take_banner (MicroPython *self, MfGrammarContext *context, const MfLine *line)
{
  MfTextBoot boot = { .has_banner = true };

  if (line->unterminated || !read_banner (&boot, line))
    return MF_LINE_UNKNOWN;
  boot.rebooted = !self->announced && !self->raw_prompt;
  self->boot = boot;
  self->announced = self->raw_prompt = false;
  return deliver_boot (self, context, line) ? MF_LINE_TAKEN : MF_LINE_FAILED;
}

// "MPY: soft reboot", "PYB: soft reboot", "soft reboot"; "rst:0x1 (POWERON_RESET)" of the ESP32
// boot ROM.
static bool
announces_reboot (const MfLine *line, bool *soft)
{
  const char *end = mf_line_trimmed_end (line);
  const char *found = mf_line_find (line, "soft reboot");

  *soft = found != NULL;
  if (!found)
    return line->length > 6 && memcmp (line->text, "rst:0x", 6) == 0;
  return found + strlen ("soft reboot") == end
         && (found == line->text || (found - line->text >= 2 && memcmp (found - 2, ": ", 2) == 0));
}

static MfLineVerdict
take_reboot (MicroPython *self, MfGrammarContext *context, const MfLine *line)
{
  bool soft;

  if (!announces_reboot (line, &soft))
    return MF_LINE_UNKNOWN;
  if (self->announced && self->boot.line + 1 == line->number)
    return MF_LINE_TAKEN;
  self->boot = (MfTextBoot){ .rebooted = true, .soft = soft };
  self->announced = true;
  return deliver_boot (self, context, line) ? MF_LINE_TAKEN : MF_LINE_FAILED;
}

static MfLineVerdict
take_qstr (MicroPython *self, MfGrammarContext *context, const MfLine *line)
{
  static const char pattern[]
      = "qstr pool: n_pool=%, n_qstr=%, n_str_data_bytes=%, n_total_bytes=%";
  const char *found = mf_line_find (line, "qstr pool: ");
  uint64_t read[4];
  MfQstrPools pools;

  (void) self;
  if (!found || !mf_pattern_match_line (pattern, found, line, read))
    return MF_LINE_UNKNOWN;
  pools = (MfQstrPools){ line->number, read[0], read[1], read[2], read[3] };
  if (context->sink->qstr)
    context->sink->qstr (context->sink->user, &pools);
  return MF_LINE_TAKEN;
}

static MfLineVerdict
take_raw_prompt (MicroPython *self, MfGrammarContext *context, const MfLine *line)
{
  (void) context;
  self->raw_prompt |= mf_line_find (line, "raw REPL; CTRL-B to exit") != NULL;
  return MF_LINE_UNKNOWN;
}

static MfLineVerdict
take_prompt (MicroPython *self, MfGrammarContext *context, const MfLine *line)
{
  if (line->length < 3 || memcmp (line->text, ">>>", 3) != 0)
    return MF_LINE_UNKNOWN;
  return mf_dump_reader_settle (&self->dump, context, "the prompt came back", line->number)
             ? MF_LINE_UNKNOWN
             : MF_LINE_FAILED;
}

static MfLineVerdict
take_fault (MicroPython *self, MfGrammarContext *context, const MfLine *line)
{
  bool complete;
  bool taken = mf_fault_reader_line (&self->fault, line, &complete);
  bool again = complete && taken && mf_line_find (line, "Traceback (most recent") != NULL;

  if (!settle_fault (self, context, complete))
    return MF_LINE_FAILED;
  if (again) // the traceback before it broke off: this line opens the next
    mf_fault_reader_line (&self->fault, line, &complete);
  return taken ? MF_LINE_TAKEN : MF_LINE_UNKNOWN;
}

// The readers of lines with keys, the most frequent first.
typedef MfLineVerdict (*Reader) (MicroPython *self, MfGrammarContext *context, const MfLine *line);

static MfLineVerdict
take_dump (MicroPython *self, MfGrammarContext *context, const MfLine *line)
{
  return mf_dump_reader_line (&self->dump, context, line);
}

static MfLineVerdict
take_machine_info (MicroPython *self, MfGrammarContext *context, const MfLine *line)
{
  return mf_machine_info_line (&self->machine, &self->dump, context, line);
}

// clang-format off
static const Reader readers[] = {
  take_dump,
  take_fault,
  take_machine_info,
  take_banner,
  take_reboot,
  take_qstr,
  take_raw_prompt,
};
// clang-format on

static MfLineVerdict
take_line_with_key (MicroPython *self, MfGrammarContext *context, const MfLine *line)
{
  MfLineVerdict verdict = MF_LINE_UNKNOWN;

  for (size_t i = 0; verdict == MF_LINE_UNKNOWN && i < sizeof readers / sizeof readers[0]; i++)
    verdict = readers[i](self, context, line);
  return verdict;
}

// Without a word of this grammar a line can only go on with what is open.
static MfLineVerdict
take_line_without_key (MicroPython *self, MfGrammarContext *context, const MfLine *line)
{
  MfLineVerdict verdict = MF_LINE_UNKNOWN;

  if (self->fault.open)
    verdict = take_fault (self, context, line);
  if (verdict == MF_LINE_UNKNOWN && mf_machine_info_is_open (&self->machine, line))
    verdict = take_machine_info (self, context, line);
  return verdict;
}

static MfLineVerdict
take_line (void *instance, MfGrammarContext *context, const MfLine *line)
{
  MicroPython *self = instance;
  MfLineVerdict verdict = mf_dump_reader_row (&self->dump, context, line);

  if (verdict == MF_LINE_UNKNOWN)
    verdict = take_prompt (self, context, line);
  if (verdict == MF_LINE_UNKNOWN)
    verdict = mf_key_filter_may_match (&self->keys, line)
                  ? take_line_with_key (self, context, line)
                  : take_line_without_key (self, context, line);
  if (verdict == MF_LINE_UNKNOWN)
    verdict = mf_dump_reader_other_line (&self->dump, context, line);
  return verdict;
}

static bool
end (void *instance, MfGrammarContext *context, MfTextEnd why)
{
  MicroPython *self = instance;

  if (why == MF_END_OF_STREAM && !settle_fault (self, context, mf_fault_reader_end (&self->fault)))
    return false;
  return mf_dump_reader_end (&self->dump, context, why);
}

static void
clear (void *instance, MfGrammarContext *context)
{
  MicroPython *self = instance;

  mf_dump_map_clear (&self->dump.map, context->sink);
}

// clang-format off
const MfGrammar mf_micropython_grammar = {
  .id = "micropython",
  .summary = "MicroPython: mem_info, machine.info, qstr_info, tracebacks, reboots",
  .size = sizeof (MicroPython),
  .start = start,
  .line = take_line,
  .end = end,
  .clear = clear,
};
// clang-format on

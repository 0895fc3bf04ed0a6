// SPDX-License-Identifier: Apache-2.0
// The life of one heap dump: summary, header, map; checked when it is whole, delivered or reported
// as damaged.
#include "micropython-dump.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAP_LIMIT ((size_t) 64 << 20)
// Lines of others that may stand between the lines of one dump.
#define HEADER_SILENCE 16
#define MAP_SILENCE 256
#define LEAD_SILENCE 8
// MicroPython has no smaller granule.
#define SMALLEST_GRANULE 4

#define MISSING "the line \"%s\" that belongs before it is missing or cannot be read"

// clang-format off
static const MfDumpFigures no_figures = {
  MF_ABSENT,
  MF_ABSENT,
  MF_ABSENT,
  MF_ABSENT,
  MF_ABSENT,
  MF_ABSENT,
  MF_ABSENT,
  MF_ABSENT,
  MF_ABSENT,
  MF_ABSENT,
  MF_ABSENT,
  MF_ABSENT,
  MF_ABSENT,
};
// clang-format on

__attribute__ ((format (printf, 3, 4))) static void
break_dump (MfDumpReader *self, uint64_t line, const char *format, ...)
{
  va_list arguments;

  if (self->broken)
    return;
  self->broken = true;
  self->broken_line = line;
  va_start (arguments, format);
  vsnprintf (self->reason, sizeof self->reason, format, arguments);
  va_end (arguments);
}

static bool
adds_up (const MfDumpFigures *figures)
{
  uint64_t sum;

  return figures->total != MF_ABSENT && figures->one_blocks != MF_ABSENT
         && !__builtin_add_overflow (figures->used, figures->free, &sum) && sum == figures->total;
}

static size_t
map_limit (const MfDumpReader *self, const MfTextSink *sink)
{
  size_t limit = sink->map_limit ? sink->map_limit : MAP_LIMIT;

  if (!self->headerless && self->figures.total / SMALLEST_GRANULE < limit)
    limit = (size_t) (self->figures.total / SMALLEST_GRANULE);
  return limit;
}

static void
begin (MfDumpReader *self, MfDumpState state, const MfLine *line)
{
  bool has_lead = self->lead_line != 0 && line->number - self->lead_last <= LEAD_SILENCE;

  self->state = state;
  self->headerless = state == MF_DUMP_MAP;
  self->broken = false;
  self->proven = state != MF_DUMP_MAP;
  self->silence = 0;
  self->figures = has_lead ? self->lead : no_figures;
  self->first_line = has_lead ? self->lead_line : line->number;
  self->offset = has_lead ? self->lead_offset : line->offset;
  self->last_line = self->summary_line = line->number;
  self->lead_line = 0;
  mf_dump_map_begin (&self->map, 0);
}

static void
forget (MfDumpReader *self)
{
  self->state = MF_DUMP_NONE;
}

static void
deliver_damage (MfDumpReader *self, const MfTextSink *sink)
{
  MfDumpDamage damage = {
    .first_line = self->first_line,
    .last_line = self->last_line,
    .line = self->broken_line,
    .reason = self->reason,
    .header_intact = !self->headerless && adds_up (&self->figures),
    .figures = self->figures,
  };

  if (sink->damaged && self->proven)
    sink->damaged (sink->user, &damage);
  forget (self);
}

static void
deliver_dump (MfDumpReader *self, const MfTextSink *sink, MfHeapDump *dump)
{
  dump->first_line = self->first_line;
  dump->last_line = self->last_line;
  dump->offset = self->offset;
  dump->figures = self->figures;
  dump->headerless = self->headerless;
  if (sink->dump)
    sink->dump (sink->user, dump);
  forget (self);
}

// A granule that was proven by a map of the same heap is that of its dumps without a map, too.
static void
deliver_header (MfDumpReader *self, const MfTextSink *sink)
{
  bool known = self->known_granule != 0 && self->known_total == self->figures.total;
  MfHeapDump dump = {
    .granule = known ? self->known_granule : 0,
    .granule_source = known ? MF_GRANULE_FROM_EARLIER : MF_GRANULE_UNKNOWN,
  };

  if (!adds_up (&self->figures))
    break_dump (self, self->summary_line,
        "used %" PRIu64 " B and free %" PRIu64 " B do not make the total"
        " of %" PRIu64 " B",
        self->figures.used, self->figures.free, self->figures.total);
  if (self->broken)
    deliver_damage (self, sink);
  else
    deliver_dump (self, sink, &dump);
}

// One figure of the header against the same counted from the map.
typedef struct {
  const char *name;
  const char *unit;
  uint64_t printed;
  uint64_t counted;
} Figure;

static const Figure *
find_difference (const Figure *figures, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (figures[i].printed != MF_ABSENT && figures[i].printed != figures[i].counted)
      return &figures[i];
  return NULL;
}

// Writes the first figure that differs into the reason. The header of a dump taken during a
// collection is counted by other rules: see mf_dump_map_count_as_firmware.
static bool
agrees (MfDumpReader *self, const MfDumpCounts *counts, uint64_t granule)
{
  const MfDumpFigures *printed = &self->figures;
  const Figure figures[] = {
    { "used", "B", printed->used, counts->used * granule },
    { "free", "B", printed->free, counts->free * granule },
    { "blocks of size 1", "", printed->one_blocks, counts->one_blocks },
    { "blocks of size 2", "", printed->two_blocks, counts->two_blocks },
    { "largest block", "blocks", printed->max_block, counts->max_block },
    { "largest free run", "blocks", printed->max_free, counts->max_free },
  };
  const Figure *figure = find_difference (figures, sizeof figures / sizeof figures[0]);

  if (figure)
    snprintf (self->reason, sizeof self->reason,
        "%s: the header says %" PRIu64 "%s%s, the map has %" PRIu64 "%s%s", figure->name,
        figure->printed, *figure->unit ? " " : "", figure->unit, figure->counted,
        *figure->unit ? " " : "", figure->unit);
  return figure == NULL;
}

static bool
agrees_by_any_rule (MfDumpReader *self, const MfDumpCounts *counts, uint64_t granule)
{
  MfDumpCounts as_firmware;

  if (agrees (self, counts, granule))
    return true;
  if (counts->marked == 0)
    return false;
  mf_dump_map_count_as_firmware (&self->map, &as_firmware);
  return agrees (self, &as_firmware, granule);
}

static void
take_counts_as_figures (MfDumpReader *self, const MfDumpCounts *counts, uint64_t granule)
{
  MfDumpFigures *figures = &self->figures;

  figures->total = self->map.n * granule;
  figures->used = counts->used * granule;
  figures->free = counts->free * granule;
  figures->one_blocks = counts->one_blocks;
  figures->two_blocks = counts->two_blocks;
  figures->max_block = counts->max_block;
  figures->max_free = counts->max_free;
}

// The size of the granule that makes the map as large as the header says, 0 if there is none.
static uint32_t
find_granule (const MfDumpReader *self)
{
  uint64_t total = self->figures.total;

  if (self->headerless)
    return mf_dump_map_get_granule (&self->map);
  if (self->map.n == 0 || total % self->map.n != 0
      || !mf_dump_map_allows (&self->map, total / self->map.n))
    return 0;
  return (uint32_t) (total / self->map.n);
}

// `event` says what ended a map that does not have all its granules.
static void
break_incomplete (MfDumpReader *self, const char *event, uint64_t line)
{
  uint32_t granule = mf_dump_map_get_granule (&self->map);
  uint64_t blocks = granule ? self->figures.total / granule : 0;

  if (self->headerless)
    break_dump (self, line, "%s before the map had two rows", event);
  else if (blocks > self->map.n || blocks == 0)
    break_dump (self, line,
        "%s after %zu blocks of the map, but the total of %" PRIu64 " B needs %" PRIu64 "%s", event,
        self->map.n, self->figures.total, blocks ? blocks : self->figures.total / 16,
        blocks ? "" : " or half as many");
  else
    break_dump (self, self->summary_line,
        "the map has %zu blocks of %u B, but the header says a total of "
        "%" PRIu64 " B",
        self->map.n, granule, self->figures.total);
}

static void
deliver_map (MfDumpReader *self, const MfTextSink *sink, uint32_t granule)
{
  MfHeapDump dump = {
    .has_map = true,
    .granule = granule,
    .granule_source
    = mf_dump_map_get_granule (&self->map) ? MF_GRANULE_FROM_ROWS : MF_GRANULE_FROM_TOTAL,
    .map = self->map.codes,
    .n_granules = self->map.n,
    .areas = self->map.areas,
    .n_areas = self->map.n_areas,
  };

  mf_dump_map_count (&self->map, &dump.counts);
  if (self->headerless)
    take_counts_as_figures (self, &dump.counts, granule);
  else if (!agrees_by_any_rule (self, &dump.counts, granule)) {
    self->broken = true;
    self->broken_line = self->summary_line;
    deliver_damage (self, sink);
    return;
  }
  self->known_granule = granule;
  self->known_total = self->figures.total;
  deliver_dump (self, sink, &dump);
}

static bool
out_of_memory (MfDumpReader *self, MfGrammarContext *context)
{
  snprintf (context->error, sizeof context->error,
      "cannot expand the heap map on line %" PRIu64 ": no memory "
      "for %zu blocks",
      self->last_line, self->map.n + self->map.folded * MF_ROW_GRANULES);
  forget (self);
  return false;
}

static bool
finish_map (MfDumpReader *self, MfGrammarContext *context, const char *event, uint64_t line)
{
  uint32_t granule;

  if (!self->broken && mf_dump_map_finish (&self->map, context->sink) != MF_MAP_OK)
    return out_of_memory (self, context);
  granule = find_granule (self);
  if (!self->broken && granule == 0)
    break_incomplete (self, event, line ? line : self->last_line);
  if (self->broken)
    deliver_damage (self, context->sink);
  else if (!self->proven)
    forget (self);
  else
    deliver_map (self, context->sink, granule);
  return true;
}

bool
mf_dump_reader_settle (
    MfDumpReader *self, MfGrammarContext *context, const char *event, uint64_t line)
{
  if (self->state == MF_DUMP_MAP)
    return finish_map (self, context, event, line);
  if (self->state == MF_DUMP_SUMMARY)
    break_dump (self, line ? line : self->last_line,
        "%s before the line \"No. of 1-blocks\" of the dump", event);
  if (self->state == MF_DUMP_SUMMARY)
    deliver_damage (self, context->sink);
  if (self->state == MF_DUMP_HEADER)
    deliver_header (self, context->sink);
  return true;
}

bool
mf_dump_reader_before_event (MfDumpReader *self, MfGrammarContext *context)
{
  return self->state != MF_DUMP_HEADER || mf_dump_reader_settle (self, context, "", 0);
}

// At the end of the stream a headerless map that ends in a whole row may go on: nothing tells its
// length.
bool
mf_dump_reader_end (MfDumpReader *self, MfGrammarContext *context, MfTextEnd why)
{
  bool open = self->state == MF_DUMP_MAP && self->headerless && self->silence == 0
              && (self->map.folded > 0 || self->map.last.n_codes == MF_ROW_GRANULES);

  if (why == MF_END_QUIET && (self->state == MF_DUMP_SUMMARY || self->broken))
    return true;
  if (why == MF_END_QUIET && self->state == MF_DUMP_MAP && !self->headerless)
    return true;
  if (open && why == MF_END_OF_STREAM)
    break_dump (self, self->last_line,
        "the stream ended with a whole row, and without a header nothing "
        "says whether the map goes on");
  return mf_dump_reader_settle (self, context, "the stream ended", 0);
}

static void
touch (MfDumpReader *self, const MfLine *line)
{
  self->last_line = line->number;
  self->silence = 0;
}

// What a map verdict means for the dump. MF_MAP_REPEATED is harmless: consoles print lines twice.
static MfLineVerdict
take_map_verdict (
    MfDumpReader *self, MfGrammarContext *context, MfMapVerdict verdict, const MfLine *line)
{
  touch (self, line);
  if (verdict == MF_MAP_FAILED)
    return out_of_memory (self, context) ? MF_LINE_TAKEN : MF_LINE_FAILED;
  if (verdict == MF_MAP_BROKEN)
    break_dump (self, self->map.broken_line, "%s", self->map.reason);
  if (self->broken || self->headerless || !adds_up (&self->figures)
      || !mf_dump_map_reaches (&self->map, self->figures.total))
    return MF_LINE_TAKEN;
  return finish_map (self, context, "", 0) ? MF_LINE_TAKEN : MF_LINE_FAILED;
}

static void
enter_map (MfDumpReader *self, const MfGrammarContext *context)
{
  if (self->state == MF_DUMP_MAP)
    return;
  self->state = MF_DUMP_MAP;
  mf_dump_map_begin (&self->map, map_limit (self, context->sink));
}

static MfLineVerdict
take_lead (MfDumpReader *self, MfGrammarContext *context, const MfLine *line, const uint64_t *read,
    uint64_t *const *places, unsigned n)
{
  if (!mf_dump_reader_before_event (self, context))
    return MF_LINE_FAILED;
  if (self->lead_line == 0 || line->number - self->lead_last > LEAD_SILENCE) {
    self->lead = no_figures;
    self->lead_line = line->number;
    self->lead_offset = line->offset;
  }
  self->lead_last = line->number;
  for (unsigned i = 0; i < n; i++)
    *places[i] = read[i];
  return MF_LINE_TAKEN;
}

static MfLineVerdict
take_memory (
    MfDumpReader *self, MfGrammarContext *context, const MfLine *line, const uint64_t *read)
{
  MfDumpFigures *lead = &self->lead;
  uint64_t *const places[] = { &lead->mem_total, &lead->mem_current, &lead->mem_peak };

  return take_lead (self, context, line, read, places, 3);
}

static MfLineVerdict
take_stack (MfDumpReader *self, MfGrammarContext *context, const MfLine *line, const uint64_t *read)
{
  uint64_t *const places[] = { &self->lead.stack_used, &self->lead.stack_limit };

  return take_lead (self, context, line, read, places, 2);
}

static MfLineVerdict
take_totals (
    MfDumpReader *self, MfGrammarContext *context, const MfLine *line, const uint64_t *read)
{
  MfDumpFigures *figures = &self->figures;

  if (self->state == MF_DUMP_SUMMARY && figures->total == read[0] && figures->used == read[1])
    return MF_LINE_TAKEN;
  if (!mf_dump_reader_settle (self, context, "a new dump began", line->number))
    return MF_LINE_FAILED;
  begin (self, MF_DUMP_SUMMARY, line);
  figures->total = read[0];
  figures->used = read[1];
  figures->free = read[2];
  figures->max_new_split = read[3];
  return MF_LINE_TAKEN;
}

static MfLineVerdict
take_block_counts (
    MfDumpReader *self, MfGrammarContext *context, const MfLine *line, const uint64_t *read)
{
  MfDumpFigures *figures = &self->figures;

  if (self->state == MF_DUMP_HEADER && figures->one_blocks == read[0]
      && figures->max_block == read[2])
    return MF_LINE_TAKEN;
  if (self->state != MF_DUMP_SUMMARY) {
    if (!mf_dump_reader_settle (self, context, "a new dump began", line->number))
      return MF_LINE_FAILED;
    begin (self, MF_DUMP_HEADER, line);
    break_dump (self, line->number, MISSING, "GC: total");
  }
  self->state = MF_DUMP_HEADER;
  touch (self, line);
  figures->one_blocks = read[0];
  figures->two_blocks = read[1];
  figures->max_block = read[2];
  figures->max_free = read[3];
  return MF_LINE_TAKEN;
}

static void
begin_without_header (MfDumpReader *self, const MfGrammarContext *context, const MfLine *line)
{
  self->lead_line = 0;
  begin (self, MF_DUMP_MAP, line);
  mf_dump_map_begin (&self->map, map_limit (self, context->sink));
}

// Whether the line opens a map without a header: none is open, or the open one has this area
// already.
static bool
opens_without_header (const MfDumpReader *self, uint64_t base)
{
  const MfDumpMap *map = &self->map;

  if (self->state != MF_DUMP_MAP || self->broken)
    return self->state == MF_DUMP_NONE;
  return mf_dump_map_has_area (map, base)
         && map->n + map->folded > map->areas[map->n_areas - 1].first_granule;
}

static MfLineVerdict
take_area (MfDumpReader *self, MfGrammarContext *context, const MfLine *line, const uint64_t *read)
{
  if (self->state == MF_DUMP_SUMMARY)
    break_dump (self, line->number, MISSING, "No. of 1-blocks");
  if (opens_without_header (self, read[0])) {
    if (!mf_dump_reader_settle (self, context, "a new map began", line->number))
      return MF_LINE_FAILED;
    begin_without_header (self, context, line);
  }
  enter_map (self, context);
  touch (self, line);
  if (self->broken)
    return MF_LINE_TAKEN;
  return take_map_verdict (
      self, context, mf_dump_map_add_area (&self->map, context->sink, read[0], line->number), line);
}

static MfLineVerdict
take_fold (MfDumpReader *self, MfGrammarContext *context, const MfLine *line, const uint64_t *read)
{
  if (self->state != MF_DUMP_HEADER && self->state != MF_DUMP_MAP)
    return MF_LINE_UNKNOWN;
  enter_map (self, context);
  touch (self, line);
  if (self->broken)
    return MF_LINE_TAKEN;
  return take_map_verdict (
      self, context, mf_dump_map_add_fold (&self->map, read[0], line->number), line);
}

typedef struct {
  const char *key;
  const char *pattern;
  MfLineVerdict (*take) (MfDumpReader *, MfGrammarContext *, const MfLine *, const uint64_t *);
  bool opens; // the line is part of every dump: one that cannot be read breaks a dump
} LineRule;

// clang-format off
static const LineRule line_rules[] = {
  { " lines all free)", "(% lines all free)", take_fold, false },
  // clang-format on
  { "GC: total: ", "GC: total: %, used: %, free: %[, max new split: %]", take_totals, true },
  { "No. of 1-blocks: ", "No. of 1-blocks: %, 2-blocks: %, max blk sz: %[,][ max free sz: %]",
      take_block_counts, true },
  { "GC memory layout; from ", "GC memory layout; from #:", take_area, false },
  { "stack: ", "stack: %[ out of %]", take_stack, false },
  { "mem: total=", "mem: total=%, current=%, peak=%", take_memory, false },
};

#define N_LINE_RULES (sizeof line_rules / sizeof line_rules[0])

void
mf_dump_reader_add_keys (MfKeyFilter *filter)
{
  for (size_t i = 0; i < N_LINE_RULES; i++)
    mf_key_filter_add (filter, line_rules[i].key);
}

static MfLineVerdict
take_unreadable (
    MfDumpReader *self, MfGrammarContext *context, const MfLine *line, const LineRule *rule)
{
  if (self->state == MF_DUMP_SUMMARY && rule->take == take_block_counts) {
    break_dump (self, line->number, "the line \"%s...\" cannot be read", rule->key);
    self->state = MF_DUMP_HEADER;
    touch (self, line);
    return MF_LINE_TAKEN;
  }
  if (!mf_dump_reader_settle (self, context, "a new dump began", line->number))
    return MF_LINE_FAILED;
  begin (self, rule->take == take_totals ? MF_DUMP_SUMMARY : MF_DUMP_HEADER, line);
  break_dump (self, line->number, "the line \"%s...\" cannot be read", rule->key);
  return MF_LINE_TAKEN;
}

// The "(" of a fold stands before its key.
static const char *
find_rule (const LineRule *rule, const MfLine *line)
{
  const char *found = mf_line_find (line, rule->key);

  if (!found || rule->pattern[0] != '(')
    return found;
  while (found > line->text && *found != '(')
    found--;
  return found;
}

MfLineVerdict
mf_dump_reader_line (MfDumpReader *self, MfGrammarContext *context, const MfLine *line)
{
  for (size_t i = 0; i < N_LINE_RULES; i++) {
    const char *found = find_rule (&line_rules[i], line);
    uint64_t read[4];

    if (!found)
      continue;
    if (mf_pattern_match_line (line_rules[i].pattern, found, line, read))
      return line_rules[i].take (self, context, line, read);
    if (line_rules[i].opens)
      return take_unreadable (self, context, line, &line_rules[i]);
  }
  return MF_LINE_UNKNOWN;
}

// A line that is no part of a dump, in the middle of one.
MfLineVerdict
mf_dump_reader_other_line (MfDumpReader *self, MfGrammarContext *context, const MfLine *line)
{
  bool whole_map = self->state == MF_DUMP_MAP && !self->broken && !self->headerless;
  unsigned patience = whole_map ? MAP_SILENCE : HEADER_SILENCE;

  if (self->state == MF_DUMP_NONE || line->length == 0)
    return MF_LINE_UNKNOWN;
  if (whole_map && mf_dump_map_resembles_row (&self->map, line)) {
    break_dump (self, line->number,
        "the row cannot be read: its address is garbled, or it has a character that "
        "is no block code");
    touch (self, line);
    return MF_LINE_TAKEN;
  }
  if (++self->silence < patience)
    return MF_LINE_UNKNOWN;
  return mf_dump_reader_settle (self, context, "other text came", line->number) ? MF_LINE_UNKNOWN
                                                                                : MF_LINE_FAILED;
}

// Text of others can look like a row: before a map only a long one is believed, and in a map a
// short one that does not follow is left aside.
static bool
belongs (const MfDumpReader *self, const MfDumpRow *row)
{
  const MfDumpMap *map = &self->map;

  if (self->broken && self->state == MF_DUMP_MAP)
    return true;
  if (self->state == MF_DUMP_MAP && map->n_areas > 0)
    return row->n_codes == MF_ROW_GRANULES ? row->digits >= map->last.digits
                                           : mf_dump_map_expects (map, row);
  if (row->n_codes != MF_ROW_GRANULES)
    return false;
  return self->state != MF_DUMP_NONE || row->digits == 5 || row->digits == 8;
}

// A row where no dump began: a map without a header if it begins at 0, the rest of one otherwise.
static bool
begin_at_row (
    MfDumpReader *self, MfGrammarContext *context, const MfLine *line, const MfDumpRow *row)
{
  if (!mf_dump_reader_settle (self, context, "a new map began", line->number))
    return false;
  begin_without_header (self, context, line);
  if (row->address != 0)
    break_dump (self, line->number,
        "the map begins at offset 0x%" PRIx64 ": what comes before was not "
        "received",
        row->address);
  return true;
}

static bool
restarts (const MfDumpReader *self, const MfDumpRow *row)
{
  const MfDumpMap *map = &self->map;

  if (self->state != MF_DUMP_MAP || !self->headerless || row->address != 0)
    return self->state == MF_DUMP_NONE;
  return !self->broken && map->rows > 0 && map->areas[0].base == MF_ABSENT && map->last.address != 0
         && !mf_dump_map_expects (map, row);
}

MfLineVerdict
mf_dump_reader_row (MfDumpReader *self, MfGrammarContext *context, const MfLine *line)
{
  MfDumpRow row;

  if (!mf_dump_row_parse (line, &row) || !belongs (self, &row))
    return MF_LINE_UNKNOWN;
  if (self->state == MF_DUMP_SUMMARY)
    break_dump (self, line->number, MISSING, "No. of 1-blocks");
  if (restarts (self, &row) && !begin_at_row (self, context, line, &row))
    return MF_LINE_FAILED;
  enter_map (self, context);
  self->proven |= row.line > self->first_line;
  touch (self, line);
  if (line->unterminated && self->headerless)
    break_dump (self, line->number, "the stream ended in the middle of a row");
  if (self->broken)
    return MF_LINE_TAKEN;
  return take_map_verdict (
      self, context, mf_dump_map_add_row (&self->map, context->sink, &row), line);
}

MfLineVerdict
mf_dump_reader_take_figures (MfDumpReader *self, MfGrammarContext *context,
    const MfDumpFigures *figures, const MfLine *line, uint64_t first_line, uint64_t offset)
{
  const MfLine first = { .number = first_line, .offset = offset };

  if (!mf_dump_reader_settle (self, context, "a new dump began", line->number))
    return MF_LINE_FAILED;
  begin (self, MF_DUMP_HEADER, &first);
  self->figures = *figures;
  touch (self, line);
  return MF_LINE_TAKEN;
}

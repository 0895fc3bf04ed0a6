// SPDX-License-Identifier: Apache-2.0
// Verdicts, tables, and the sentences: what is exceeded by how much, what contributes, what to do.
#include "budget.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { SENTENCE = 768, MOST_NAMED = 3, MOST_JUDGEMENTS = 64 };

// ---- words

typedef struct {
  char text[SENTENCE];
  size_t n;
} Sentence;

__attribute__ ((format (printf, 2, 3))) static void
say (Sentence *sentence, const char *format, ...)
{
  va_list arguments;
  size_t left = sizeof sentence->text - sentence->n - 1;
  va_start (arguments, format);
  int n = vsnprintf (sentence->text + sentence->n, left + 1, format, arguments);
  va_end (arguments);
  sentence->n += n < 0 ? 0 : (size_t) n < left ? (size_t) n : left;
}

static void
say_bytes (Sentence *sentence, uint64_t bytes)
{
  char plain[24];
  int n = snprintf (plain, sizeof plain, "%" PRIu64, bytes);
  for (int i = 0; i < n; i++)
    say (sentence, "%s%c", i && (n - i) % 3 == 0 ? "," : "", plain[i]);
  say (sentence, " B");
}

static bool
publish (const Program *program, uint32_t severity, const char *subject, MfString place,
    const Sentence *sentence)
{
  Budget *self = program->self;
  MfStatement row = { .order = self->order++,
    .severity = severity,
    .subject = mf_string (self, subject),
    .place = place };
  row.text = mf_text (&self->statements, sentence->text, sentence->n);
  return !sentence->n || mf_emit (&self->statements, &row);
}

// ---- rows

static bool
publish_need (const Program *program, const Judgement *judgement)
{
  Budget *self = program->self;
  const BudgetNeed row = { .target = program->name,
    .what = mf_string (self, judgement->what),
    .basis = mf_string (self, judgement->basis),
    .result = judgement->result,
    .low = { judgement->need.low },
    .likely = { judgement->need.likely },
    .high = judgement->need.unbounded ? MF_SIZE_NONE : (MfSize){ judgement->need.high },
    .limit
    = judgement->result == MF_BUDGET_NO_LIMIT ? MF_SIZE_NONE : (MfSize){ judgement->allowed } };
  return mf_emit (&self->needs, &row);
}

static bool
publish_verdict (const Program *program, const Judgement *judgement)
{
  Budget *self = program->self;
  char name[256];
  if (judgement->result == MF_BUDGET_NO_LIMIT)
    return true;
  snprintf (name, sizeof name, "%.120s: %.120s", program->facts->name, judgement->what);
  const MfVerdict row = { .budget = mf_string (self, name),
    .basis = mf_string (self, self->judge == JUDGE_LIKELY ? "likely" : "at most"),
    .limit = { judgement->allowed },
    .actual = { judgement->judged },
    .pass = judgement->result == MF_BUDGET_KEPT };
  return mf_emit (&self->verdicts, &row);
}

// Of a function its call, of a module its import.
static bool
is_not_judged (const Program *program, const CostRow *row)
{
  bool peak = row->quantity == MF_COST_CALL_PEAK || row->quantity == MF_COST_IMPORT_PEAK;
  return row->target.id == program->name.id && peak && row->need.unbounded
         && budget_module (program, row->module) != MF_NO_MODULE;
}

static bool
publish_not_judged (Program *program)
{
  Budget *self = program->self;
  const CostRow *rows = self->costs.rows;
  for (uint32_t i = 0; i < self->costs.n; i++) {
    if (!is_not_judged (program, &rows[i]))
      continue;
    const NotJudged row = { .target = program->name,
      .module = rows[i].module,
      .name = rows[i].name,
      .why = rows[i].basis,
      .line = rows[i].line,
      .likely = { rows[i].need.likely } };
    program->n_not_judged++;
    if (program->is_judged && !mf_emit (&self->not_judged, &row))
      return false;
  }
  return true;
}

static bool
publish_target (const Program *program, const Judgement *memory, uint32_t result)
{
  Budget *self = program->self;
  bool limited = memory->result != MF_BUDGET_NO_LIMIT;
  MfNeed running = mf_need_beyond (memory->need, program->program);
  const BudgetTarget row = { .target = program->name,
    .result = result,
    .not_judged = program->n_not_judged,
    .start = { mf_need_add (running, program->of_modules.start).likely },
    .needed = { memory->judged },
    .limit = limited ? (MfSize){ memory->allowed } : MF_SIZE_NONE,
    .left = limited && memory->judged <= memory->allowed
                ? (MfSize){ memory->allowed - memory->judged }
                : MF_SIZE_NONE,
    .share = limited && memory->allowed ? 100.0 * (double) memory->judged / (double) memory->allowed
                                        : NAN };
  return mf_emit (&self->table, &row);
}

// ---- the verdict in words

static void
say_judgement (Sentence *sentence, const Program *program, const Judgement *judgement)
{
  const char *figure = program->self->judge == JUDGE_LIKELY ? "likely" : "at most";
  say (sentence, "%s%.100s ", sentence->n ? "; " : "", judgement->what);
  say_bytes (sentence, judgement->judged);
  if (judgement->result == MF_BUDGET_NO_LIMIT) {
    say (sentence, " %s", figure);
    return;
  }
  say (sentence, " %s, ", figure);
  if (judgement->judged > judgement->allowed) {
    say_bytes (sentence, judgement->judged - judgement->allowed);
    say (sentence, " more than the ");
  } else
    say (sentence, "of ");
  say_bytes (sentence, judgement->allowed);
}

static bool
say_verdict (const Program *program, const Judgement *all, uint32_t n, uint32_t result)
{
  static const char *const subjects[] = {
    [MF_BUDGET_EXCEEDED] = "EXCEEDED", [MF_BUDGET_KEPT] = "FITS", [MF_BUDGET_NO_LIMIT] = "NO LIMIT"
  };
  Sentence sentence = { .n = 0 };
  for (uint32_t i = 0; i < n; i++)
    if (all[i].result == result)
      say_judgement (&sentence, program, &all[i]);
  Sentence whole = { .n = 0 };
  say (&whole, "%.100s: %s", program->facts->name, sentence.text);
  if (result == MF_BUDGET_NO_LIMIT)
    say (&whole, "; set ram or heap to have it judged");
  if (program->self->headroom_percent > 0)
    say (&whole, " (%g %% of each limit stay free)", program->self->headroom_percent);
  return publish (program, MF_SAY_VERDICT, subjects[result], (MfString){ 0 }, &whole);
}

// ---- what it is made of

static uint64_t
stays (const Program *program, uint32_t at)
{
  return budget_figure (program->self, program->needs[at].stays);
}

// The next largest below `below`; of equals those that come first.
static uint32_t
next_largest (const Program *program, uint32_t below)
{
  uint32_t found = MF_NO_MODULE;
  for (uint32_t i = 0; i < program->n_modules; i++) {
    bool behind = below == MF_NO_MODULE || stays (program, i) < stays (program, below)
                  || (stays (program, i) == stays (program, below) && i > below);
    if (behind && stays (program, i)
        && (found == MF_NO_MODULE || stays (program, i) > stays (program, found)))
      found = i;
  }
  return found;
}

static void
say_largest (Sentence *sentence, const Program *program)
{
  uint32_t at = MF_NO_MODULE;
  for (int i = 0; i < MOST_NAMED && (at = next_largest (program, at)) != MF_NO_MODULE; i++) {
    say (sentence, "%s%.80s ", i ? ", " : "",
        mf_string_text (program->self, program->modules[at].name));
    say_bytes (sentence, stays (program, at));
  }
}

// Built-in ones and those that are missing leave nothing.
static uint32_t
modules_that_count (const Program *program)
{
  uint32_t n = 0;
  for (uint32_t i = 0; i < program->n_modules; i++)
    n += !program->modules[i].loaded || program->modules[i].loaded->origin == MF_ORIGIN_INPUT;
  return n;
}

static bool
say_parts (const Program *program)
{
  Sentence sentence = { .n = 0 };
  Budget *self = program->self;
  say_bytes (&sentence, budget_figure (self, program->of_modules.start));
  say (&sentence, " stay of %" PRIu32 " modules: ", modules_that_count (program));
  say_largest (&sentence, program);
  return !program->n_modules
         || publish (program, MF_SAY_EVIDENCE, "largest", (MfString){ 0 }, &sentence);
}

static bool
say_dearest (const Program *program)
{
  Sentence sentence = { .n = 0 };
  const CostRow *row = program->dearest_row;
  if (!row || !row->need.likely)
    return true;
  say (&sentence, "%.80s of %.80s takes ", mf_string_text (program->self, row->name),
      mf_string_text (program->self, row->module));
  say_bytes (&sentence, budget_figure (program->self, row->need));
  if (row->line)
    say (&sentence, ", line %" PRIu32, row->line);
  return publish (program, MF_SAY_EVIDENCE, "dearest call", (MfString){ 0 }, &sentence);
}

static bool
say_baseline (const Program *program)
{
  Sentence sentence = { .n = 0 };
  const MfTargetFacts *facts = program->facts;
  if (facts->baseline.bytes == MF_SIZE_NONE.bytes) {
    say (&sentence,
        "what %s itself uses on %s before the program begins is not known and not in the sum",
        facts->python, facts->name);
    return publish (program, MF_SAY_WARNING, "baseline", (MfString){ 0 }, &sentence);
  }
  say_bytes (&sentence, facts->baseline.bytes);
  say (&sentence, " before the program begins%s%s%s", facts->baseline_basis ? " (" : "",
      facts->baseline_basis ? facts->baseline_basis : "", facts->baseline_basis ? ")" : "");
  return publish (program, MF_SAY_EVIDENCE, "baseline", (MfString){ 0 }, &sentence);
}

static void
name_not_judged (Sentence *sentence, const Program *program)
{
  Budget *self = program->self;
  const CostRow *rows = self->costs.rows;
  uint32_t named = 0;
  for (uint32_t i = 0; i < self->costs.n && named < MOST_NAMED; i++)
    if (is_not_judged (program, &rows[i])) {
      bool module = rows[i].name.id == rows[i].module.id;
      say (sentence, "%s%.80s%s%.80s", named++ ? ", " : "", mf_string_text (self, rows[i].name),
          module ? "" : " of ", module ? "" : mf_string_text (self, rows[i].module));
    }
  if (program->n_not_judged > named)
    say (sentence, " and %" PRIu32 " more", program->n_not_judged - named);
}

static bool
say_not_judged (const Program *program)
{
  Sentence sentence = { .n = 0 };
  if (!program->n_not_judged)
    return true;
  name_not_judged (&sentence, program);
  say (&sentence, ": nothing bounds what %s; %s",
      program->n_not_judged == 1 ? "it needs" : "they need",
      program->self->strict ? "strict = yes fails the budget"
                            : "strict = yes would fail the budget");
  return publish (program, MF_SAY_WARNING, "not judged", (MfString){ 0 }, &sentence);
}

// ---- what to do: the smallest saving that is enough, else the largest

static const LoadedRow *
best_saving (const Program *program, uint64_t needed)
{
  const LoadedRow *best = NULL;
  for (uint32_t i = 0; i < program->n_modules; i++) {
    const LoadedRow *row = program->modules[i].loaded;
    if (!row || !row->parent || row->saved.bytes == MF_SIZE_NONE.bytes || !row->saved.bytes)
      continue;
    bool enough = row->saved.bytes >= needed, best_is = best && best->saved.bytes >= needed;
    if (!best || (enough && (!best_is || row->saved.bytes < best->saved.bytes))
        || (!enough && !best_is && row->saved.bytes > best->saved.bytes))
      best = row;
  }
  return best;
}

static bool
say_next (const Program *program, const Judgement *memory)
{
  Sentence sentence = { .n = 0 };
  if (memory->result != MF_BUDGET_EXCEEDED || memory->judged <= memory->allowed)
    return true;
  const LoadedRow *saving = best_saving (program, memory->judged - memory->allowed);
  if (!saving) {
    say (&sentence,
        "see the dearest operations of the analyzer that prices, or choose a larger target "
        "(targets = * shows them)");
    return publish (program, MF_SAY_NEXT, "", (MfString){ 0 }, &sentence);
  }
  bool enough = saving->saved.bytes >= memory->judged - memory->allowed;
  say (&sentence, "without %.100s ", mf_string_text (program->self, saving->module));
  say_bytes (&sentence, saving->saved.bytes);
  say (&sentence, " less would stay, %s; %.100s imports it%s",
      enough ? "which is enough" : "the largest single saving",
      mf_string_text (program->self, saving->importer), saving->line ? "" : " first");
  if (saving->line)
    say (&sentence, " in line %" PRIu32, saving->line);
  if (saving->importers > 1)
    say (&sentence, ", and %" PRIu32 " more do", saving->importers - 1);
  return publish (program, MF_SAY_NEXT, "", (MfString){ 0 }, &sentence);
}

// ---- a target

typedef struct {
  Judgement all[MOST_JUDGEMENTS];
  uint32_t n, memory; // which of them is about memory: the heap, or RAM
  uint32_t result;
} Judgements;

static bool
judge_limits (const Program *program, Judgements *judgements)
{
  Budget *self = program->self;
  for (uint32_t i = 0; program->is_judged && i < self->limit.n && judgements->n < MOST_JUDGEMENTS;
       i++) {
    uint32_t matches;
    judgements->all[judgements->n++]
        = budget_judge_limit (program, &self->limit.items[i], &matches);
    if (!matches)
      return mf_fail_option (
          self, "limit", "no module of the program matches '%s'", self->limit.items[i].what);
  }
  return true;
}

static bool
judge_all (const Program *program, Judgements *judgements)
{
  for (uint32_t what = 0; what < N_WHATS; what++)
    if (budget_has (program, what)) {
      Judgement judgement = budget_judge (program, what);
      if (what == WHAT_RAM && judgements->all[0].result == MF_BUDGET_NO_LIMIT)
        judgements->memory = judgements->n;
      judgements->all[judgements->n++] = judgement;
    }
  if (!judge_limits (program, judgements))
    return false;
  judgements->result = MF_BUDGET_NO_LIMIT;
  for (uint32_t i = 0; i < judgements->n; i++)
    if (judgements->all[i].result < judgements->result)
      judgements->result = judgements->all[i].result;
  return true;
}

static bool
publish_rows (const Program *program, const Judgements *judgements)
{
  for (uint32_t i = 0; i < judgements->n; i++)
    if (!publish_need (program, &judgements->all[i])
        || !publish_verdict (program, &judgements->all[i]))
      return false;
  return true;
}

static bool
say_all (const Program *program, const Judgements *judgements)
{
  return say_verdict (program, judgements->all, judgements->n, judgements->result)
         && say_not_judged (program) && say_baseline (program) && say_parts (program)
         && say_dearest (program) && say_next (program, &judgements->all[judgements->memory]);
}

static bool
fail_without (Budget *self, const MfTargetFacts *facts)
{
  return mf_fail_option (self, "target",
      "there are no costs on %s: an analyzer before this one, as static-memory, has to price for it",
      facts->name);
}

// Of targets that match a pattern, those of another Python than the code have no costs.
static bool
note_without (const Program *program)
{
  Budget *self = program->self;
  size_t room = sizeof self->without, n = strlen (self->without);
  if (program->is_judged && program->is_named)
    return fail_without (self, program->facts);
  if (n < room)
    snprintf (self->without + n, room - n, "%s%s", n ? ", " : "", program->facts->name);
  return true;
}

bool
budget_report_without (Budget *self)
{
  Sentence sentence = { .n = 0 };
  const Program none = { .self = self };
  if (!self->without[0])
    return true;
  if (self->target.n && !self->n_judged)
    return fail_without (self, self->target.items[0]);
  say (&sentence, "there are no costs on %s", self->without);
  return publish (&none, MF_SAY_WARNING, "not priced", (MfString){ 0 }, &sentence);
}

bool
budget_report (Program *program)
{
  Budget *self = program->self;
  Judgements judgements = { 0 };
  if (!program->n_costs)
    return note_without (program);
  self->n_judged += program->is_judged;
  if (!publish_not_judged (program) || !judge_all (program, &judgements))
    return false;
  if (program->is_judged
      && !(publish_rows (program, &judgements) && say_all (program, &judgements)))
    return false;
  bool compared = self->targets.n || self->target.n > 1;
  return !compared
         || publish_target (program, &judgements.all[judgements.memory], judgements.result);
}

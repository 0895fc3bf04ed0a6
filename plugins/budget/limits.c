// SPDX-License-Identifier: Apache-2.0
// What there is against what is needed: heap, RAM, files, stack, single modules.
#include "budget.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

bool
budget_read_headroom (Budget *self)
{
  char *end;
  errno = 0;
  self->headroom_percent = strtod (self->headroom, &end);
  end += strspn (end, " ");
  bool fine = !errno && end != self->headroom && (!*end || !strcmp (end, "%"))
              && self->headroom_percent >= 0 && self->headroom_percent < 100;
  return fine
         || mf_fail_option (self, "headroom",
             "'%s' is no part of a limit: write 10 %%, at least 0 and below 100", self->headroom);
}

static bool
is_known (MfSize size)
{
  return size.bytes != MF_SIZE_NONE.bytes;
}

static MfSize
first_known (MfSize a, MfSize b)
{
  return is_known (a) ? a : b;
}

// Where the heap is fixed, the baseline is part of it, else of RAM.
static bool
has_fixed_heap (const Program *program)
{
  return is_known (program->facts->heap);
}

static MfNeed
constant (MfSize size)
{
  uint64_t bytes = is_known (size) ? size.bytes : 0;
  return (MfNeed){ bytes, bytes, bytes, false };
}

// ---- needs

static MfNeed
need_of_heap (const Program *program)
{
  MfNeed baseline
      = has_fixed_heap (program) ? constant (program->facts->baseline) : MF_NEED_NOTHING;
  return mf_need_add (baseline, program->program);
}

// Beside a fixed heap the firmware has the rest of RAM.
static MfNeed
need_of_ram (const Program *program)
{
  const MfTargetFacts *facts = program->facts;
  if (!has_fixed_heap (program))
    return mf_need_add (constant (facts->baseline), program->program);
  bool rest = is_known (facts->ram) && facts->ram.bytes > facts->heap.bytes;
  MfSize firmware = rest ? (MfSize){ facts->ram.bytes - facts->heap.bytes } : MF_SIZE_NONE;
  return mf_need_add (constant (firmware), need_of_heap (program));
}

static MfNeed
need_of_flash (const Program *program)
{
  return program->files;
}

static MfNeed
need_of_stack (const Program *program)
{
  return program->stack;
}

// ---- limits

static MfSize
limit_of_heap (const Program *program)
{
  return first_known (program->self->heap, program->facts->heap);
}

static MfSize
limit_of_ram (const Program *program)
{
  return first_known (program->self->ram, program->facts->ram);
}

static MfSize
limit_of_flash (const Program *program)
{
  MfSize own = first_known (program->self->flash, program->facts->storage);
  return first_known (own, program->facts->flash);
}

static MfSize
limit_of_stack (const Program *program)
{
  return first_known (program->self->stack, program->facts->stack);
}

static const struct {
  const char *name, *basis;
  MfNeed (*need) (const Program *program);
  MfSize (*limit) (const Program *program);
} whats[N_WHATS] = {
  [WHAT_HEAP]
  = { "heap", "loading, or the loaded program and its dearest call", need_of_heap, limit_of_heap },
  [WHAT_RAM] = { "RAM", "the heap's need, and what the firmware or the interpreter takes besides",
      need_of_ram, limit_of_ram },
  [WHAT_FLASH] = { "files", "the compiled files of all modules", need_of_flash, limit_of_flash },
  [WHAT_STACK] = { "stack", "the deepest call", need_of_stack, limit_of_stack },
};

// RAM beside a fixed heap says nothing new, unless a limit for it is given.
bool
budget_has (const Program *program, uint32_t what)
{
  bool ram = is_known (program->self->ram)
             || (!has_fixed_heap (program) && is_known (program->facts->ram));
  return what == WHAT_HEAP || (what == WHAT_RAM && ram)
         || (what == WHAT_FLASH && program->has_files)
         || (what == WHAT_STACK && program->has_stack);
}

// ---- judgement

static Judgement
judge (const Program *program, const char *what, const char *basis, MfNeed need, MfSize limit)
{
  const Budget *self = program->self;
  Judgement judgement = { .what = what, .basis = basis, .need = need, .limit = limit };
  judgement.judged = budget_figure (self, need);
  judgement.result = MF_BUDGET_NO_LIMIT;
  if (!is_known (limit))
    return judgement;
  judgement.allowed = mf_need_allowed (limit.bytes, self->headroom_percent);
  bool fits = judgement.judged <= judgement.allowed && !(self->strict && need.unbounded);
  judgement.result = fits ? MF_BUDGET_KEPT : MF_BUDGET_EXCEEDED;
  return judgement;
}

Judgement
budget_judge (const Program *program, uint32_t what)
{
  return judge (program, whats[what].name, whats[what].basis, whats[what].need (program),
      whats[what].limit (program));
}

Judgement
budget_judge_limit (const Program *program, const MfLimit *limit, uint32_t *matches)
{
  MfNeed need = MF_NEED_NOTHING;
  *matches = 0;
  for (uint32_t i = 0; i < program->n_modules; i++)
    if (!fnmatch (limit->what, mf_string_text (program->self, program->modules[i].name), 0)) {
      need = mf_need_add (need, program->needs[i].stays);
      ++*matches;
    }
  return judge (program, limit->what, "what stays of the module", need, limit->at_most);
}

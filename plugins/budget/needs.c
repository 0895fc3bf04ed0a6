// SPDX-License-Identifier: Apache-2.0
// Sums and maxima of ranges.
#include "needs.h"

static uint64_t
add (uint64_t a, uint64_t b)
{
  uint64_t sum;
  return __builtin_add_overflow (a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t
larger (uint64_t a, uint64_t b)
{
  return a > b ? a : b;
}

static uint64_t
beyond (uint64_t a, uint64_t b)
{
  return a > b ? a - b : 0;
}

MfNeed
mf_need_add (MfNeed a, MfNeed b)
{
  return (MfNeed){ add (a.low, b.low), add (a.likely, b.likely), add (a.high, b.high),
    a.unbounded || b.unbounded };
}

MfNeed
mf_need_larger (MfNeed a, MfNeed b)
{
  return (MfNeed){ larger (a.low, b.low), larger (a.likely, b.likely), larger (a.high, b.high),
    a.unbounded || b.unbounded };
}

MfNeed
mf_need_beyond (MfNeed a, MfNeed b)
{
  return (MfNeed){ beyond (a.low, b.low), beyond (a.likely, b.likely), beyond (a.high, b.high),
    a.unbounded || b.unbounded };
}

uint64_t
mf_need_allowed (uint64_t limit, double headroom_percent)
{
  double allowed = (double) limit * (100.0 - headroom_percent) / 100.0;
  return headroom_percent <= 0 ? limit : allowed < 0 ? 0 : (uint64_t) allowed;
}

// While a module waits for what it imports, its own temporary objects may live, so that at most
// those of a whole chain of importers come together; likely is the largest of them alone.
MfNeedOfModules
mf_needs_of_modules (MfNeedModule *modules, uint32_t n)
{
  MfNeedOfModules needs = { 0 };
  MfNeed largest = MF_NEED_NOTHING;
  uint64_t deepest = 0;
  for (uint32_t i = 0; i < n; i++) {
    MfNeedModule *module = &modules[i];
    MfNeed for_a_while = mf_need_beyond (module->peak, module->stays);
    bool below = module->parent < i;
    module->above = add (below ? modules[module->parent].above : 0, for_a_while.high);
    MfNeed *sum = module->later ? &needs.later : &needs.start;
    *sum = mf_need_add (*sum, module->stays);
    if (module->later)
      continue;
    largest = mf_need_larger (largest, for_a_while);
    deepest = larger (deepest, module->above);
  }
  largest.high = deepest;
  needs.start_peak = mf_need_add (needs.start, largest);
  return needs;
}

MfNeed
mf_needs_of_program (const MfNeedOfModules *modules, MfNeed dearest_call)
{
  MfNeed running = mf_need_add (modules->start, dearest_call);
  running.low = modules->start.low; // nobody need call it
  running.high = add (running.high, modules->later.high);
  running.unbounded |= modules->later.unbounded;
  return mf_need_larger (modules->start_peak, running);
}

// SPDX-License-Identifier: Apache-2.0
// Phases nest and overlap: those of several threads, and of one that leaves them in another order.
#include "phases.h"

#include <string.h>

void
mf_phases_see (MfPhases *phases, uint64_t highest)
{
  for (uint32_t i = 0; i < phases->n_open; i++)
    if (highest > phases->open[i].highest)
      phases->open[i].highest = highest;
}

// MF_PHASES_MAX = there is no room for another name.
static uint32_t
find_phase (MfPhases *phases, uint32_t name)
{
  uint32_t i = 0;
  while (i < phases->n && phases->phases[i].name != name)
    i++;
  if (i == phases->n && i < MF_PHASES_MAX)
    phases->phases[phases->n++] = (MfPhase){ .name = name };
  return i;
}

void
mf_phases_begin (MfPhases *phases, uint32_t name, uint32_t thread, const MfMoment *now)
{
  uint32_t phase = find_phase (phases, name);
  if (phase == MF_PHASES_MAX || phases->n_open == MF_PHASES_OPEN) {
    phases->left_out++;
    return;
  }
  phases->phases[phase].times++;
  phases->phases[phase].open++;
  phases->open[phases->n_open++] = (MfOpenPhase){ phase, thread, *now, now->live };
}

static uint32_t
find_open (const MfPhases *phases, uint32_t name, uint32_t thread)
{
  uint32_t found = phases->n_open;
  for (uint32_t i = 0; i < phases->n_open; i++) {
    const MfOpenPhase *open = &phases->open[i];
    bool own = open->thread == thread;
    if (phases->phases[open->phase].name == name
        && (own || found == phases->n_open || phases->open[found].thread != thread))
      found = i;
  }
  return found;
}

static void
leave (MfPhases *phases, uint32_t i, const MfMoment *now)
{
  const MfOpenPhase *open = &phases->open[i];
  MfPhase *phase = &phases->phases[open->phase];
  phase->total += now->total - open->entered.total;
  phase->calls += now->calls - open->entered.calls;
  phase->growth += now->live - open->entered.live;
  phase->highest = open->highest > phase->highest ? open->highest : phase->highest;
  if (now->time > open->entered.time && open->entered.time != INT64_MIN)
    phase->duration += (uint64_t) now->time - (uint64_t) open->entered.time;
  phases->n_open--;
  memmove (&phases->open[i], &phases->open[i + 1], (phases->n_open - i) * sizeof *open);
}

void
mf_phases_end (MfPhases *phases, uint32_t name, uint32_t thread, const MfMoment *now)
{
  uint32_t i = find_open (phases, name, thread);
  if (i == phases->n_open) {
    phases->left_out++;
    return;
  }
  phases->phases[phases->open[i].phase].open--;
  leave (phases, i, now);
}

void
mf_phases_point (MfPhases *phases, uint32_t name, uint32_t kind, const MfMoment *now)
{
  if (phases->n_points == MF_POINTS_MAX)
    phases->left_out++;
  else
    phases->points[phases->n_points++] = (MfPoint){ now->time, name, kind, now->live };
}

void
mf_phases_close (MfPhases *phases, const MfMoment *now)
{
  while (phases->n_open)
    leave (phases, phases->n_open - 1, now);
}

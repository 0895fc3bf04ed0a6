// SPDX-License-Identifier: Apache-2.0
// One contiguous area of a map at constant memory.
#include "map-area.h"

#include <string.h>

static uint64_t
sum (uint64_t a, uint64_t b)
{
  uint64_t result;
  return __builtin_add_overflow (a, b, &result) ? UINT64_MAX : result;
}

static uint64_t
greatest_divisor (uint64_t a, uint64_t b)
{
  while (b != 0) {
    uint64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

void
mf_map_area_init (MfMapArea *area, uint64_t part)
{
  memset (area, 0, sizeof *area);
  area->part = part;
}

// One mark for two units: the one that has more of them.
static void
join_marks (MfMapArea *area, unsigned to, unsigned a, unsigned b)
{
  unsigned winner = area->marked[b] > area->marked[a] ? b : a;
  uint64_t other = area->marks[a] == area->marks[b] ? area->marked[winner == a ? b : a] : 0;
  uint64_t marked = sum (area->marked[winner], other);
  area->marks[to] = area->marks[winner];
  area->marked[to] = marked;
}

static void
double_units (MfMapArea *area)
{
  for (unsigned i = 0; i < MF_AREA_UNITS / 2; i++) {
    area->used[i] = sum (area->used[2 * i], area->used[2 * i + 1]);
    area->covered[i] = sum (area->covered[2 * i], area->covered[2 * i + 1]);
    area->letters[i] = area->letters[2 * i];
    join_marks (area, i, 2 * i, 2 * i + 1);
  }
  unsigned half = MF_AREA_UNITS / 2;
  memset (area->used + half, 0, half * sizeof *area->used);
  memset (area->covered + half, 0, half * sizeof *area->covered);
  memset (area->letters + half, 0, half);
  memset (area->marks + half, 0, half);
  memset (area->marked + half, 0, half * sizeof *area->marked);
  area->shift++;
}

static void
join_free_run (MfMapArea *area, uint64_t offset, uint64_t end)
{
  if (area->run_end != offset || area->run_end == area->run_at)
    area->run_at = offset;
  area->run_end = end;
  if (end - area->run_at > area->largest_bytes) {
    area->largest_at = area->run_at;
    area->largest_bytes = end - area->run_at;
  }
}

static void
mark_unit (MfMapArea *area, uint64_t i, uint64_t bytes, uint8_t mark)
{
  if (mark == area->marks[i])
    area->marked[i] = sum (area->marked[i], mark ? bytes : 0);
  else if (mark && bytes > area->marked[i]) {
    area->marks[i] = mark;
    area->marked[i] = bytes;
  }
}

static void
fill_units (MfMapArea *area, uint64_t offset, uint64_t end, MfMapBlockKind kind)
{
  uint64_t unit = UINT64_C (1) << area->shift, next;
  for (uint64_t at = offset; at < end; at = next) {
    uint64_t i = at >> area->shift;
    next = end - at > unit - at % unit ? at - at % unit + unit : end;
    area->covered[i] = sum (area->covered[i], next - at);
    area->used[i] = sum (area->used[i], kind.used ? next - at : 0);
    mark_unit (area, i, next - at, kind.mark);
    if (at % unit == 0)
      area->letters[i] = at == offset || !kind.used ? kind.letter : '=';
  }
}

void
mf_map_area_add (MfMapArea *area, uint64_t offset, uint64_t bytes, MfMapBlockKind kind)
{
  uint64_t end;
  area->blocks++;
  if (__builtin_add_overflow (offset, bytes, &end)) {
    area->refused++;
    return;
  }
  if (bytes == 0)
    return;
  while ((end - 1) >> area->shift >= MF_AREA_UNITS)
    double_units (area);
  if (end > area->extent)
    area->extent = end;
  area->granule = greatest_divisor (area->granule, greatest_divisor (offset, bytes));
  if (!kind.used)
    join_free_run (area, offset, end);
  fill_units (area, offset, end, kind);
}

MfMapSum
mf_map_area_sum (const MfMapArea *area, uint64_t offset, unsigned shift)
{
  MfMapSum total = { 0, 0, 0, 0 };
  uint64_t marked[MF_AREA_MARKS] = { 0 };
  uint64_t n = UINT64_C (1) << (shift - area->shift), first = offset >> area->shift;
  for (uint64_t i = first; i < first + n && i < MF_AREA_UNITS; i++) {
    total.used = sum (total.used, area->used[i]);
    total.covered = sum (total.covered, area->covered[i]);
    marked[area->marks[i]] = sum (marked[area->marks[i]], area->marked[i]);
  }
  for (uint8_t mark = 1; mark < MF_AREA_MARKS; mark++)
    if (marked[mark] > total.marked) {
      total.marked = marked[mark];
      total.mark = mark;
    }
  return total;
}

bool
mf_map_area_overlaps (const MfMapArea *area)
{
  for (unsigned i = 0; i < MF_AREA_UNITS; i++)
    if (area->covered[i] > UINT64_C (1) << area->shift)
      return true;
  return false;
}

bool
mf_map_area_has_holes (const MfMapArea *area)
{
  for (uint64_t i = 0; area->extent > 0 && i <= (area->extent - 1) >> area->shift; i++)
    if (area->covered[i] == 0)
      return true;
  return false;
}

unsigned
mf_map_area_cell (const MfMapArea *area, uint64_t cells)
{
  unsigned shift = area->shift;
  while (
      shift < 63 && (UINT64_C (1) << shift < area->granule || (area->extent - 1) >> shift >= cells))
    shift++;
  return shift;
}

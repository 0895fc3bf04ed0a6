// SPDX-License-Identifier: Apache-2.0
// What the analyzer says when all modules are there: verdict, tables, the next step.
#include "static-memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- the rows with the most bytes

typedef struct {
  uint64_t key;
  uint32_t number;
} Head;

static size_t
slot_bytes (size_t size)
{
  return (sizeof (Head) + size + 7) / 8 * 8;
}

static Head *
head_at (const KeptRows *rows, uint32_t i, size_t size)
{
  return (Head *) (void *) ((uint8_t *) rows->rows + i * slot_bytes (size));
}

static bool
make_room (StaticMemory *self, KeptRows *rows, size_t size)
{
  if (rows->n < rows->room)
    return true;
  uint32_t room = rows->room ? rows->room * 2 : 64;
  void *more = mf_resize (self, rows->rows, room * slot_bytes (size));
  if (!more)
    return mf_fail (self, "there is no memory for %u rows of a table", room);
  rows->rows = more;
  rows->room = room;
  return true;
}

static int
by_key (const void *a, const void *b)
{
  const Head *first = a, *second = b;
  if (first->key != second->key)
    return first->key < second->key ? 1 : -1;
  return first->number > second->number ? 1 : -1;
}

// Twice as many as are wanted are kept before the smaller ones are given up.
bool
mf_static_keep (StaticMemory *self, KeptRows *rows, const void *row, size_t size, uint64_t key, uint32_t most)
{
  if (most && rows->n >= 2ull * most + 32) {
    qsort (rows->rows, rows->n, slot_bytes (size), by_key);
    rows->n = most;
  }
  if (!make_room (self, rows, size))
    return false;
  Head *head = head_at (rows, rows->n, size);
  *head = (Head){ key, rows->made++ };
  memcpy (head + 1, row, size);
  rows->n++;
  return true;
}

static uint32_t
sort_rows (StaticMemory *self, KeptRows *rows, size_t size)
{
  if (rows->n)
    qsort (rows->rows, rows->n, slot_bytes (size), by_key);
  return self->top && rows->n > self->top ? self->top : rows->n;
}

#define PUBLISH(self, out, rows, Row)                                                              \
  for (uint32_t i = 0, n = sort_rows (self, rows, sizeof (Row)); i < n; i++)                       \
    if (!mf_emit (&(self)->out, (const Row *) (const void *) (head_at (rows, i, sizeof (Row)) + 1))) \
      return false;

static bool
publish_tables (StaticMemory *self, TargetSum *sum)
{
  PUBLISH (self, modules, &sum->modules, StaticModule)
  PUBLISH (self, functions, &sum->functions, StaticFunction)
  PUBLISH (self, paths, &sum->paths, StaticPath)
  PUBLISH (self, operations, &sum->operations, StaticOperation)
  return true;
}

// ---- sentences

typedef struct {
  char text[24];
} Bytes;

static Bytes
say (uint64_t bytes)
{
  Bytes said;
  if (bytes == MF_UNBOUNDED)
    snprintf (said.text, sizeof said.text, "any number of bytes");
  else if (bytes < 10000)
    snprintf (said.text, sizeof said.text, "%llu B", (unsigned long long) bytes);
  else if (bytes < 10240000)
    snprintf (said.text, sizeof said.text, "%.1f KiB", (double) bytes / 1024);
  else
    snprintf (said.text, sizeof said.text, "%.1f MiB", (double) bytes / 1048576);
  return said;
}

static bool
tell (StaticMemory *self, uint32_t severity, MfString subject, MfString place, const char *basis, const char *format, ...)
    __attribute__ ((format (printf, 6, 7)));

static bool
tell (StaticMemory *self, uint32_t severity, MfString subject, MfString place, const char *basis, const char *format, ...)
{
  char text[600];
  va_list arguments;
  va_start (arguments, format);
  int n = vsnprintf (text, sizeof text, format, arguments);
  va_end (arguments);
  size_t length = n < 0 ? 0 : (size_t) n < sizeof text ? (size_t) n : sizeof text - 1;
  const MfStatement row = { .order = self->order++,
    .severity = severity,
    .subject = subject,
    .place = place,
    .text = mf_text (&self->statements, text, length),
    .basis = mf_text (&self->statements, basis, strlen (basis)) };
  return mf_emit (&self->statements, &row);
}

static bool
say_imports (StaticMemory *self, const TargetSum *sum)
{
  MfString none = { 0 };
  if (!sum->n_modules && !sum->n_other_version)
    return tell (self, MF_SAY_VERDICT, sum->name, none, "", "nothing could be priced for %s: no module could be read", sum->facts->name);
  if (!sum->n_modules)
    return tell (self, MF_SAY_VERDICT, sum->name, none, "",
        "nothing could be priced for %s: %u modules are of another Python than %s (static.refused says which, and what to do)",
        sum->facts->name, sum->n_other_version, sum->facts->python);
  const char *most = sum->resident.high == MF_UNBOUNDED ? "; nothing bounds the most" : "";
  return tell (self, MF_SAY_EVIDENCE, sum->name, none, "the top level of each module, run in the abstract",
      "importing %u module%s leaves %s (at least %s%s), of which %s are code and constants", sum->n_modules,
      sum->n_modules == 1 ? "" : "s", say (sum->resident.likely).text, say (sum->resident.low).text, most,
      say (sum->code.likely).text);
}

// Of many targets, those that none of the modules are for are told in one sentence.
static bool
say_others (StaticMemory *self)
{
  MfString none = { 0 };
  char names[500] = "";
  size_t n = 0;
  uint32_t others = 0;
  for (uint32_t i = 0; i < self->n_sums; i++)
    if (!self->sums[i].n_modules && n < sizeof names)
      n += (size_t) snprintf (names + n, sizeof names - n, "%s%s", others++ ? ", " : "", self->sums[i].facts->name);
  return !others
         || tell (self, MF_SAY_WARNING, none, none, "", "nothing could be priced for %u of %u targets, which run another Python: %s", others,
             self->n_sums, names);
}

static bool
say_bounds (StaticMemory *self, const TargetSum *sum)
{
  MfString none = { 0 };
  if (sum->n_unbounded && !tell (self, MF_SAY_WARNING, sum->name, none, "loops whose number of turns cannot be proven, and recursion",
                              "nothing bounds what a call of %u of %u functions allocates", sum->n_unbounded, sum->n_functions))
    return false;
  if (sum->n_cut_short && !tell (self, MF_SAY_WARNING, sum->name, none, "",
                              "%u of %u imports could not be followed to their end: what is counted is the least",
                              sum->n_cut_short, sum->n_modules))
    return false;
  return !sum->n_other_version || !sum->n_modules
         || tell (self, MF_SAY_WARNING, sum->name, none, "", "%u modules are of another Python than %s and not counted",
             sum->n_other_version, sum->facts->python);
}

static bool
say_dearest (StaticMemory *self, TargetSum *sum)
{
  uint32_t n = sort_rows (self, &sum->operations, sizeof (StaticOperation));
  const char *basis = "counted while imports and calls are run in the abstract";
  if (n) {
    const StaticOperation *row = (const void *) (head_at (&sum->operations, 0, sizeof *row) + 1);
    char often[64] = "";
    if (row->times > 1)
      snprintf (often, sizeof often, ", %llu times %s", (unsigned long long) row->times, say (row->bytes.bytes).text);
    if (!tell (self, MF_SAY_EVIDENCE, sum->name, row->place, basis, "the dearest operation %s: %s%s",
            mf_string_text (self, row->operation), say (row->all.bytes).text, often))
      return false;
  }
  n = sort_rows (self, &sum->functions, sizeof (StaticFunction));
  const StaticFunction *row = n ? (const void *) (head_at (&sum->functions, 0, sizeof *row) + 1) : NULL;
  return !row
         || tell (self, MF_SAY_EVIDENCE, sum->name, row->place, "arguments as unknown, each loop once where its turns are not known",
             "the dearest call is %s: %s, of which %s stay", mf_string_text (self, row->function), say (row->call.bytes).text,
             say (row->kept.bytes).text);
}

static bool
say_next (StaticMemory *self, const TargetSum *sum)
{
  MfString none = { 0 };
  if (!sum->n_unbounded)
    return true;
  return tell (self, MF_SAY_NEXT, sum->name, none, "", "give bounds for the loops that matter: bound = FILE:LINE <= TURNS");
}

bool
mf_static_report (StaticMemory *self)
{
  MfString none = { 0 };
  self->n_lost += self->total != 0;
  uint32_t priced = 0;
  for (uint32_t i = 0; i < self->n_sums; i++)
    priced += self->sums[i].n_modules != 0;
  if (priced && !say_others (self))
    return false;
  for (uint32_t i = 0; i < self->n_sums; i++) {
    TargetSum *sum = &self->sums[i];
    if (priced && !sum->n_modules)
      continue;
    if (!say_imports (self, sum) || !say_bounds (self, sum) || !say_dearest (self, sum) || !say_next (self, sum)
        || !publish_tables (self, sum))
      return false;
  }
  if (self->n_lost && !tell (self, MF_SAY_WARNING, none, none, "", "%u modules arrived in part and are not counted", self->n_lost))
    return false;
  return !self->n_broken
         || tell (self, MF_SAY_WARNING, none, none, "", "%u modules cannot be read and are not counted: static.refused says why", self->n_broken);
}

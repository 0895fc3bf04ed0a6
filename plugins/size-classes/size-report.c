// SPDX-License-Identifier: Apache-2.0
// The rows of the tables, and the sentences in front of them.
#include "size-classes.h"

#include <inttypes.h>
#include <stdio.h>

// Sentences on sizes stand behind those on the heap as a whole.
enum { SENTENCE = 512, NAME = 48, MOST_EXACT = MF_EXACT_SIZES, FIRST_ORDER = 1000 };

// A tally and what is known of its blocks.
typedef struct {
  const MfSizeTally *tally;
  MfString of;
  uint64_t granule; // 1: the waste is as counted
  bool waste_known;
} Counted;

static double
percent (uint64_t part, uint64_t whole)
{
  return whole ? 100.0 * (double) part / (double) whole : 0.0;
}

// The granule stands in the row that closes a snapshot, behind the blocks: the waste is bounded
// here.
static MfSize
waste_high (const Counted *counted, const MfSizeSum *sum)
{
  uint64_t waste;

  if (!counted->waste_known)
    return MF_SIZE_NONE;
  if (counted->granule == 1)
    return (MfSize){ sum->waste_high };
  if (__builtin_mul_overflow (sum->blocks, counted->granule - 1, &waste) || waste > sum->bytes)
    waste = sum->bytes;
  return (MfSize){ waste };
}

// ---- classes

static MfString
class_name (SizeClasses *self, const MfSizeTally *tally, size_t class)
{
  const char *name = mf_size_tally_class_name (tally, class);
  char text[NAME];

  if (name)
    return mf_string (self, name);
  if (class < tally->n_edges)
    snprintf (text, sizeof text, "to %" PRIu64 " B", tally->edges[class]);
  else
    snprintf (text, sizeof text, "above %" PRIu64 " B", tally->edges[class - 1]);
  return mf_string (self, text);
}

static bool
publish_classes (SizeClasses *self, const Counted *counted)
{
  const MfSizeTally *tally = counted->tally;

  for (size_t i = 0; i <= tally->n_edges; i++) {
    const MfSizeSum *sum = &tally->classes[i];
    SizeClassRow row = {
      .blocks = sum->blocks,
      .bytes = { sum->bytes },
      .up_to = i < tally->n_edges ? (MfSize){ tally->edges[i] } : MF_SIZE_NONE,
      .waste_low = { sum->waste_low },
      .waste_high = waste_high (counted, sum),
      .share = percent (sum->bytes, tally->total.bytes),
      .class_name = class_name (self, tally, i),
      .of = counted->of,
    };
    if (!mf_emit (&self->classes, &row))
      return false;
  }
  return true;
}

// ---- exact sizes

static bool
publish_rest (SizeClasses *self, const Counted *counted, const MfSizeSum *listed)
{
  const MfSizeSum *total = &counted->tally->total;
  ExactSizeRow row = {
    .size = MF_SIZE_NONE,
    .blocks = total->blocks - listed->blocks,
    .bytes = { total->bytes - listed->bytes },
    .share = percent (total->bytes - listed->bytes, total->bytes),
    .of = counted->of,
    .others = 1,
  };

  return row.blocks == 0 || mf_emit (&self->exact_sizes, &row);
}

static bool
publish_exact (SizeClasses *self, const Counted *counted)
{
  MfExactSize sizes[MOST_EXACT];
  size_t n = mf_size_tally_top (counted->tally, sizes, self->exact);
  MfSizeSum listed = { 0 };

  for (size_t i = 0; i < n; i++) {
    ExactSizeRow row = {
      .size = { sizes[i].size },
      .blocks = sizes[i].sum.blocks,
      .bytes = { sizes[i].sum.bytes },
      .share = percent (sizes[i].sum.bytes, counted->tally->total.bytes),
      .of = counted->of,
    };
    listed.blocks += row.blocks;
    listed.bytes += row.bytes.bytes;
    if (!mf_emit (&self->exact_sizes, &row))
      return false;
  }
  return self->exact == 0 || publish_rest (self, counted, &listed);
}

// ---- sentences

static bool
say (SizeClasses *self, uint32_t severity, const char *subject, const char *text)
{
  MfStatement row = {
    .order = FIRST_ORDER + self->order++, .severity = severity, .subject = mf_string (self, subject)
  };

  row.text = mf_text (&self->statements, text, strlen (text));
  return mf_emit (&self->statements, &row);
}

// A number in groups of three digits, "12,904".
typedef struct {
  char text[28];
} Digits;

static Digits
grouped (uint64_t number)
{
  Digits digits;

  if (number < 1000)
    snprintf (digits.text, sizeof digits.text, "%" PRIu64, number);
  else
    snprintf (digits.text, sizeof digits.text, "%.20s,%03u", grouped (number / 1000).text,
        (unsigned) (number % 1000));
  return digits;
}

static size_t
append_edges (SizeClasses *self, const MfSizeTally *tally, char *text, size_t n)
{
  size_t used = 0;

  for (size_t i = 0; i < tally->n_edges && used < n; i++) {
    MfString name = class_name (self, tally, i);
    bool named = mf_size_tally_class_name (tally, i) != NULL;
    used += (size_t) snprintf (text + used, n - used, "%s%s%s%s", i ? ", " : "",
        named ? mf_string_text (self, name) : "", named ? " " : "", grouped (tally->edges[i]).text);
  }
  return used;
}

static bool
say_edges (SizeClasses *self, const Counted *counted, const char *what)
{
  char text[SENTENCE];
  size_t used = (size_t) snprintf (text, sizeof text,
      "%s B in %s %s; edges: ", grouped (counted->tally->total.bytes).text,
      grouped (counted->tally->total.blocks).text, what);

  used += append_edges (self, counted->tally, text + used, sizeof text - used);
  snprintf (text + used, sizeof text - used, " B");
  return say (self, MF_SAY_EVIDENCE, "size classes", text);
}

static bool
publish (SizeClasses *self, const Counted *counted, const char *what)
{
  return say_edges (self, counted, what) && publish_classes (self, counted)
         && publish_exact (self, counted);
}

static const char *
plural (uint64_t n, const char *one, const char *many)
{
  return n == 1 ? one : many;
}

static bool
warn_of_sampling (SizeClasses *self, const Source *source)
{
  char text[SENTENCE];

  if (source->sampling == 0)
    return true;
  snprintf (text, sizeof text,
      "one call in about %s requested bytes was recorded: the classes of calls count the recorded "
      "ones, large blocks are too many among them",
      grouped (source->sampling).text);
  return say (self, MF_SAY_WARNING, "sampled", text);
}

static bool
report_calls (SizeClasses *self, const Source *source)
{
  MfString of = mf_string (self, source->sampling ? "recorded calls" : "calls");
  Counted counted = { source->calls, of, 1, source->calls_without_grant == 0 };
  char text[SENTENCE];

  if (!source->calls)
    return true;
  snprintf (text, sizeof text,
      "counts are of calls, not of live blocks; besides: %s %s, %s failed %s, %s %s of unknown "
      "size or for nothing",
      grouped (source->frees).text, plural (source->frees, "free", "frees"),
      grouped (source->failed_calls).text, plural (source->failed_calls, "call", "calls"),
      grouped (source->uncounted).text, plural (source->uncounted, "call", "calls"));
  return publish (self, &counted, mf_string_text (self, of)) && warn_of_sampling (self, source)
         && say (self, MF_SAY_EVIDENCE, "calls", text);
}

static bool
warn_of_incomplete (SizeClasses *self, const Source *source)
{
  char text[SENTENCE];

  if (source->incomplete == 0)
    return true;
  snprintf (text, sizeof text, "%s %s not whole and %s not counted",
      grouped (source->incomplete).text,
      plural (source->incomplete, "snapshot was", "snapshots were"),
      plural (source->incomplete, "is", "are"));
  return say (self, MF_SAY_WARNING, "incomplete", text);
}

static bool
warn_of_further_heaps (SizeClasses *self, const Source *source)
{
  char text[SENTENCE];

  if (source->left_out == 0)
    return true;
  snprintf (text, sizeof text, "%s %s of further heaps: only %d are followed",
      grouped (source->left_out).text, plural (source->left_out, "snapshot", "snapshots"),
      MOST_HEAPS);
  return say (self, MF_SAY_WARNING, "incomplete", text);
}

bool
mf_size_report (SizeClasses *self, const Source *source)
{
  mf_context (self, source->input, source->epoch);
  for (const Heap *heap = source->heaps; heap; heap = heap->next) {
    Counted counted = { &heap->tally, heap->name, heap->granule, true };
    if (!publish (self, &counted, "used blocks"))
      return false;
  }
  return report_calls (self, source) && warn_of_incomplete (self, source)
         && warn_of_further_heaps (self, source);
}

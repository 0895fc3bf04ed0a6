// SPDX-License-Identifier: Apache-2.0
// Rises that are kept form a stack: a fall takes from the top. Neighbours with the same shares are one.
#include "rising-stacks.h"

#include <math.h>

enum {
  MOST_RISES = 1 << 17,   // beyond it the older half is only kept as sums
  RUNNING_NS = 50000,     // a thread that ran so long lately counts as running
  FADING_NS = 2000000,    // what it ran counts for half as much after this time: clocks go on with the tick only
  UNKNOWN_NS = 1000000    // what a thread counts for whose time is not known
};

typedef struct {
  uint32_t stack;   // index in sums
  double part;
} Share;

typedef struct {
  uint64_t bytes, rises;
  uint32_t first, n;      // in shares
} Rise;

// A thread as it was at its last look.
typedef struct {
  uint64_t look;
  int64_t cpu_ns;
  double ran, recent;     // ns: since its look before; the same, but fading
  uint32_t before, now;   // its stacks at the last two looks
  bool was_there;         // at the look before that
} Thread;

struct MfRisingStacks {
  MfStackSites sites;
  GArray *sums;           // of MfStackSum
  GHashTable *by_stack;   // id -> index + 1
  GHashTable *threads;    // id -> Thread
  GArray *rises, *shares, *one;  // one: shares of the rise at hand
  GHashTable *settled;    // site -> MfSiteBounds of rises that are only known as sums
  uint64_t settled_bytes, settled_lost;
  MfRiseTotals totals;
  uint64_t resident;
  int64_t time;           // of the last look
  bool has_look;          // of this program
};

static void
free_bounds (gpointer bounds)
{
  g_free (bounds);
}

MfRisingStacks *
mf_rising_stacks_new (const MfStackSites *sites)
{
  MfRisingStacks *stacks = g_new0 (MfRisingStacks, 1);
  stacks->sites = *sites;
  stacks->sums = g_array_new (FALSE, TRUE, sizeof (MfStackSum));
  stacks->by_stack = g_hash_table_new (g_direct_hash, g_direct_equal);
  stacks->threads = g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, g_free);
  stacks->rises = g_array_new (FALSE, FALSE, sizeof (Rise));
  stacks->shares = g_array_new (FALSE, FALSE, sizeof (Share));
  stacks->one = g_array_new (FALSE, FALSE, sizeof (Share));
  stacks->settled = g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, free_bounds);
  return stacks;
}

void
mf_rising_stacks_free (MfRisingStacks *stacks)
{
  if (!stacks)
    return;
  g_array_unref (stacks->sums);
  g_hash_table_unref (stacks->by_stack);
  g_hash_table_unref (stacks->threads);
  g_array_unref (stacks->rises);
  g_array_unref (stacks->shares);
  g_array_unref (stacks->one);
  g_hash_table_unref (stacks->settled);
  g_free (stacks);
}

void
mf_rising_stacks_restart (MfRisingStacks *stacks)
{
  stacks->has_look = false;
  g_hash_table_remove_all (stacks->threads);
}

// ---- stacks and threads

static MfStackSum *
sum_at (const MfRisingStacks *stacks, uint32_t i)
{
  return &g_array_index (stacks->sums, MfStackSum, i);
}

static uint32_t
index_of (MfRisingStacks *stacks, MfStack stack)
{
  guint known = GPOINTER_TO_UINT (g_hash_table_lookup (stacks->by_stack, GUINT_TO_POINTER (stack.id)));
  if (known)
    return known - 1;
  const MfStackSum sum = { .stack = stack, .site = stacks->sites.site (stacks->sites.user, stack) };
  g_array_append_val (stacks->sums, sum);
  g_hash_table_insert (stacks->by_stack, GUINT_TO_POINTER (stack.id), GUINT_TO_POINTER (stacks->sums->len));
  return stacks->sums->len - 1;
}

// Where no time is known, a thread waits that stands where one waits, and stood there before.
static double
ran_lately (const MfRisingStacks *stacks, const Thread *thread, const MfThreadLook *look, bool first)
{
  if (look->cpu_ns >= 0 && (thread->was_there || !first))
    return (double) MAX (look->cpu_ns - (thread->was_there ? thread->cpu_ns : 0), 0);
  bool same = !thread->was_there || thread->before == thread->now;
  return same && stacks->sites.waits (stacks->sites.user, look->stack) ? 0 : UNKNOWN_NS;
}

// Whether a thread ran where it stood is known at the next look.
static void
judge_last_stack (const MfRisingStacks *stacks, const Thread *thread)
{
  MfStackSum *sum = sum_at (stacks, thread->before);
  *(thread->recent >= RUNNING_NS ? &sum->running : &sum->waiting) += 1;
}

static void
see_thread (MfRisingStacks *stacks, const MfThreadLook *look, double fading)
{
  gpointer key = GUINT_TO_POINTER (look->thread);
  Thread *thread = g_hash_table_lookup (stacks->threads, key);
  if (!thread)
    g_hash_table_insert (stacks->threads, key, thread = g_new0 (Thread, 1));
  uint32_t now = index_of (stacks, look->stack);
  thread->was_there = thread->look && thread->look + 1 == stacks->totals.looks;
  thread->before = thread->was_there ? thread->now : now;
  thread->now = now;
  thread->ran = ran_lately (stacks, thread, look, !stacks->has_look);
  thread->recent = MAX (thread->ran, thread->recent * fading);
  thread->cpu_ns = look->cpu_ns;
  thread->look = stacks->totals.looks;
  if (thread->was_there)
    judge_last_stack (stacks, thread);
  stacks->totals.thread_looks++;
  stacks->totals.clocks |= look->cpu_ns >= 0;
}

static gboolean
has_gone (gpointer key, gpointer value, gpointer looks)
{
  (void) key;
  return ((Thread *) value)->look < *(uint64_t *) looks;
}

// ---- the shares of a rise

static void
add_share (GArray *shares, uint32_t stack, double part)
{
  for (guint i = 0; i < shares->len; i++)
    if (g_array_index (shares, Share, i).stack == stack) {
      g_array_index (shares, Share, i).part += part;
      return;
    }
  const Share share = { stack, part };
  g_array_append_val (shares, share);
}

// How often threads run where they stand in this stack; half of the time where nothing is known yet.
static double
liveliness (const MfRisingStacks *stacks, uint32_t stack)
{
  const MfStackSum *sum = sum_at (stacks, stack);
  return ((double) sum->running + 0.5) / ((double) (sum->running + sum->waiting) + 1);
}

typedef double (*Weigh) (const MfRisingStacks *stacks, const Thread *thread);

static double
by_time (const MfRisingStacks *stacks, const Thread *thread)
{
  return thread->look == stacks->totals.looks ? thread->ran : 0;
}

// The clock of a thread that runs stands still between two ticks, and one that has ended has none.
static double
by_lately (const MfRisingStacks *stacks, const Thread *thread)
{
  (void) stacks;
  return thread->recent;
}

static double
share_out (MfRisingStacks *stacks, Weigh weigh)
{
  GHashTableIter each;
  gpointer value;
  double all = 0;
  g_array_set_size (stacks->one, 0);
  g_hash_table_iter_init (&each, stacks->threads);
  while (g_hash_table_iter_next (&each, NULL, &value))
    all += weigh (stacks, value);
  g_hash_table_iter_init (&each, stacks->threads);
  while (all > 0 && g_hash_table_iter_next (&each, NULL, &value)) {
    const Thread *thread = value;
    double part = weigh (stacks, thread) / all;
    if (part <= 0)
      continue;
    double before = liveliness (stacks, thread->before), now = liveliness (stacks, thread->now);
    add_share (stacks->one, thread->before, part * before / (before + now));
    add_share (stacks->one, thread->now, part * now / (before + now));
  }
  return all;
}

static int
by_stack (const void *a, const void *b)
{
  uint32_t x = ((const Share *) a)->stack, y = ((const Share *) b)->stack;
  return (x > y) - (x < y);
}

static void
find_shares (MfRisingStacks *stacks)
{
  if (share_out (stacks, by_time) <= 0 && share_out (stacks, by_lately) <= 0)
    add_share (stacks->one, index_of (stacks, (MfStack) { 0 }), 1);
  g_array_sort (stacks->one, by_stack);
}

// ---- rises and falls

static bool
has_same_shares (const MfRisingStacks *stacks, const Rise *rise)
{
  if (rise->n != stacks->one->len)
    return false;
  for (uint32_t i = 0; i < rise->n; i++) {
    const Share *a = &g_array_index (stacks->shares, Share, rise->first + i), *b = &g_array_index (stacks->one, Share, i);
    if (a->stack != b->stack || ABS (a->part - b->part) > 1e-3)
      return false;
  }
  return true;
}

static void
add_bounds (const MfRisingStacks *stacks, GHashTable *bounds, const Rise *rise)
{
  const Share *shares = &g_array_index (stacks->shares, Share, rise->first);
  bool alone = true;
  for (uint32_t i = 0; i < rise->n; i++) {
    uint32_t site = sum_at (stacks, shares[i].stack)->site;
    bool again = false;
    for (uint32_t k = 0; k < i; k++)
      again |= sum_at (stacks, shares[k].stack)->site == site;
    alone &= site == sum_at (stacks, shares[0].stack)->site;
    MfSiteBounds *its = g_hash_table_lookup (bounds, GUINT_TO_POINTER (site));
    if (!its)
      g_hash_table_insert (bounds, GUINT_TO_POINTER (site), its = g_new0 (MfSiteBounds, 1));
    its->most += again ? 0 : rise->bytes;
    its->rises += again ? 0 : rise->rises;
  }
  MfSiteBounds *first = g_hash_table_lookup (bounds, GUINT_TO_POINTER (sum_at (stacks, shares[0].stack)->site));
  first->least += alone ? rise->bytes : 0;
}

static void
add_kept (const MfRisingStacks *stacks, MfStackSum *sums, const Rise *rise)
{
  for (uint32_t i = 0; i < rise->n; i++) {
    const Share *share = &g_array_index (stacks->shares, Share, rise->first + i);
    sums[share->stack].kept += share->part * (double) rise->bytes;
  }
}

static void
settle_older_half (MfRisingStacks *stacks)
{
  guint n = stacks->rises->len / 2;
  for (guint i = 0; i < n; i++) {
    const Rise *rise = &g_array_index (stacks->rises, Rise, i);
    add_kept (stacks, sum_at (stacks, 0), rise);
    add_bounds (stacks, stacks->settled, rise);
    stacks->settled_bytes += rise->bytes;
  }
  uint32_t shares = g_array_index (stacks->rises, Rise, n).first;
  g_array_remove_range (stacks->shares, 0, shares);
  g_array_remove_range (stacks->rises, 0, n);
  for (guint i = 0; i < stacks->rises->len; i++)
    g_array_index (stacks->rises, Rise, i).first -= shares;
}

static void
rise (MfRisingStacks *stacks, uint64_t bytes)
{
  find_shares (stacks);
  for (guint i = 0; i < stacks->one->len; i++) {
    const Share *share = &g_array_index (stacks->one, Share, i);
    sum_at (stacks, share->stack)->rises++;
    sum_at (stacks, share->stack)->risen += share->part * (double) bytes;
  }
  stacks->totals.risen += bytes;
  stacks->totals.rises++;
  Rise *last = stacks->rises->len ? &g_array_index (stacks->rises, Rise, stacks->rises->len - 1) : NULL;
  if (last && has_same_shares (stacks, last)) {
    last->bytes += bytes;
    last->rises++;
    return;
  }
  if (stacks->rises->len == MOST_RISES)
    settle_older_half (stacks);
  const Rise next = { bytes, 1, stacks->shares->len, stacks->one->len };
  g_array_append_vals (stacks->shares, stacks->one->data, stacks->one->len);
  g_array_append_val (stacks->rises, next);
}

static void
fall (MfRisingStacks *stacks, uint64_t bytes)
{
  stacks->totals.fallen += bytes;
  while (bytes && stacks->rises->len) {
    Rise *last = &g_array_index (stacks->rises, Rise, stacks->rises->len - 1);
    uint64_t now = MIN (bytes, last->bytes);
    last->bytes -= now;
    bytes -= now;
    if (last->bytes)
      return;
    g_array_set_size (stacks->shares, last->first);
    g_array_set_size (stacks->rises, stacks->rises->len - 1);
  }
  stacks->settled_lost = MIN (stacks->settled_lost + bytes, stacks->settled_bytes);
}

void
mf_rising_stacks_look (MfRisingStacks *stacks, int64_t time, const MfThreadLook *threads, guint n, uint64_t resident)
{
  double fading = stacks->has_look ? exp2 (-(double) (time - stacks->time) / FADING_NS) : 0;
  stacks->time = time;
  stacks->totals.looks++;
  for (guint i = 0; i < n; i++)
    see_thread (stacks, &threads[i], fading);
  if (stacks->has_look && resident > stacks->resident)
    rise (stacks, resident - stacks->resident);
  else if (stacks->has_look && resident < stacks->resident)
    fall (stacks, stacks->resident - resident);
  g_hash_table_foreach_remove (stacks->threads, has_gone, &stacks->totals.looks);
  stacks->resident = resident;
  stacks->has_look = true;
}

// ---- what it comes to

// Of what is only known as sums, what was taken back since is taken from all alike.
static double
settled_part (const MfRisingStacks *stacks)
{
  return stacks->settled_bytes ? 1 - (double) stacks->settled_lost / (double) stacks->settled_bytes : 0;
}

MfRiseTotals
mf_rising_stacks_totals (const MfRisingStacks *stacks)
{
  MfRiseTotals totals = stacks->totals;
  totals.kept = stacks->settled_bytes - stacks->settled_lost;
  for (guint i = 0; i < stacks->rises->len; i++)
    totals.kept += g_array_index (stacks->rises, Rise, i).bytes;
  return totals;
}

GArray *
mf_rising_stacks_sums (const MfRisingStacks *stacks)
{
  GArray *sums = g_array_copy (stacks->sums);
  for (guint i = 0; i < sums->len; i++)
    g_array_index (sums, MfStackSum, i).kept *= settled_part (stacks);
  for (guint i = 0; i < stacks->rises->len; i++)
    add_kept (stacks, (MfStackSum *) (void *) sums->data, &g_array_index (stacks->rises, Rise, i));
  return sums;
}

GHashTable *
mf_rising_stacks_bounds (const MfRisingStacks *stacks)
{
  GHashTable *bounds = g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, free_bounds);
  GHashTableIter each;
  gpointer site, value;
  g_hash_table_iter_init (&each, stacks->settled);
  while (g_hash_table_iter_next (&each, &site, &value)) {
    MfSiteBounds *its = g_memdup2 (value, sizeof *its);
    its->least = (uint64_t) ((double) its->least * settled_part (stacks));
    its->most = (uint64_t) ((double) its->most * settled_part (stacks));
    g_hash_table_insert (bounds, site, its);
  }
  for (guint i = 0; i < stacks->rises->len; i++)
    add_bounds (stacks, bounds, &g_array_index (stacks->rises, Rise, i));
  return bounds;
}

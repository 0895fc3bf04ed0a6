// SPDX-License-Identifier: Apache-2.0
// Which code ran while a set rose: stacks are numbers, the site of a stack is its number in tens.
#include "rising-stacks.h"

static const int64_t step = 10000000;

typedef struct {
  MfRisingStacks *stacks;
  int64_t time;
} Run;

static uint32_t
site (void *user, MfStack stack)
{
  (void) user;
  return stack.id / 10;
}

static bool
waits (void *user, MfStack stack)
{
  (void) user;
  return stack.id >= 90;
}

static Run
new_run (void)
{
  const MfStackSites sites = { site, waits, NULL };
  return (Run) { mf_rising_stacks_new (&sites), 0 };
}

static void
look (Run *run, uint64_t resident, const MfThreadLook *threads, guint n)
{
  mf_rising_stacks_look (run->stacks, run->time, threads, n, resident);
  run->time += step;
}

#define LOOK(run, resident, ...) \
  look (run, resident, (const MfThreadLook[]) { __VA_ARGS__ }, G_N_ELEMENTS (((const MfThreadLook[]) { __VA_ARGS__ })))

static double
kept (const Run *run, uint32_t stack)
{
  g_autoptr (GArray) sums = mf_rising_stacks_sums (run->stacks);
  for (guint i = 0; i < sums->len; i++)
    if (g_array_index (sums, MfStackSum, i).stack.id == stack)
      return g_array_index (sums, MfStackSum, i).kept;
  return 0;
}

static MfSiteBounds
bounds (const Run *run, uint32_t its)
{
  g_autoptr (GHashTable) all = mf_rising_stacks_bounds (run->stacks);
  const MfSiteBounds *found = g_hash_table_lookup (all, GUINT_TO_POINTER (its));
  return found ? *found : (MfSiteBounds) { 0 };
}

static void
test_one_thread (void)
{
  Run run = new_run ();
  LOOK (&run, 1000, { 1, { 11 }, 0 });
  LOOK (&run, 1500, { 1, { 11 }, 9000000 });
  LOOK (&run, 1700, { 1, { 12 }, 18000000 });
  LOOK (&run, 1900, { 1, { 21 }, 27000000 });
  MfRiseTotals totals = mf_rising_stacks_totals (run.stacks);
  g_assert_cmpuint (totals.kept, ==, 900);
  g_assert_cmpuint (totals.rises, ==, 3);
  g_assert_true (totals.clocks);
  g_assert_cmpfloat (kept (&run, 11), >, 500 + 50);
  g_assert_cmpfloat_with_epsilon (kept (&run, 11) + kept (&run, 12) + kept (&run, 21), 900, 1e-6);
  g_assert_cmpuint (bounds (&run, 1).least, ==, 700);
  g_assert_cmpuint (bounds (&run, 1).most, ==, 900);
  g_assert_cmpuint (bounds (&run, 2).least, ==, 0);
  g_assert_cmpuint (bounds (&run, 2).most, ==, 200);
  mf_rising_stacks_free (run.stacks);
}

// Of two threads only one has run: all is its.
static void
test_time_divides (void)
{
  Run run = new_run ();
  LOOK (&run, 1000, { 1, { 11 }, 0 }, { 2, { 21 }, 500 });
  LOOK (&run, 1800, { 1, { 11 }, 9000000 }, { 2, { 21 }, 500 });
  g_assert_cmpfloat (kept (&run, 11), ==, 800);
  g_assert_cmpfloat (kept (&run, 21), ==, 0);
  LOOK (&run, 2800, { 1, { 11 }, 12000000 }, { 2, { 21 }, 7000500 });
  g_assert_cmpfloat_with_epsilon (kept (&run, 21), 700, 1e-6);
  g_assert_cmpuint (bounds (&run, 1).least, ==, 800);
  g_assert_cmpuint (bounds (&run, 1).most, ==, 1800);
  mf_rising_stacks_free (run.stacks);
}

// Without clocks, one that stands where one waits has no share.
static void
test_waiting (void)
{
  Run run = new_run ();
  LOOK (&run, 1000, { 1, { 11 }, -1 }, { 2, { 91 }, -1 });
  LOOK (&run, 1800, { 1, { 11 }, -1 }, { 2, { 91 }, -1 });
  g_assert_false (mf_rising_stacks_totals (run.stacks).clocks);
  g_assert_cmpfloat (kept (&run, 11), ==, 800);
  g_assert_cmpfloat (kept (&run, 91), ==, 0);
  mf_rising_stacks_free (run.stacks);
}

// A stack where the thread sleeps for most of the time counts for less than the one where it works.
static void
test_sleeping_stack (void)
{
  Run run = new_run ();
  int64_t cpu = 0;
  uint64_t resident = 1000;
  for (int round = 0; round < 50; round++) {
    for (int i = 0; i < 9; i++)
      LOOK (&run, resident, { 1, { 21 }, cpu });
    LOOK (&run, resident += 100, { 1, { 11 }, cpu += 5000000 });
    LOOK (&run, resident += 100, { 1, { 21 }, cpu += 5000000 });
  }
  g_assert_cmpuint (mf_rising_stacks_totals (run.stacks).kept, ==, 10000);
  g_assert_cmpfloat (kept (&run, 11), >, 7500);
  mf_rising_stacks_free (run.stacks);
}

static void
test_falls (void)
{
  Run run = new_run ();
  LOOK (&run, 1000, { 1, { 11 }, 0 });
  LOOK (&run, 1500, { 1, { 11 }, 9000000 });
  LOOK (&run, 1500, { 1, { 21 }, 18000000 });
  LOOK (&run, 1900, { 1, { 21 }, 27000000 });
  LOOK (&run, 1400, { 1, { 21 }, 36000000 });
  g_assert_cmpfloat_with_epsilon (kept (&run, 11), 400, 1e-6);
  g_assert_cmpfloat_with_epsilon (kept (&run, 21), 0, 1e-6);
  LOOK (&run, 200, { 1, { 21 }, 45000000 });
  MfRiseTotals totals = mf_rising_stacks_totals (run.stacks);
  g_assert_cmpuint (totals.kept, ==, 0);
  g_assert_cmpuint (totals.risen, ==, 900);
  g_assert_cmpuint (totals.fallen, ==, 1700);
  mf_rising_stacks_free (run.stacks);
}

// More rises than are kept one by one: the sums stay right, and falls reach them all.
static void
test_many (void)
{
  Run run = new_run ();
  uint64_t resident = 1000;
  for (uint32_t i = 0; i < 300000; i++)
    LOOK (&run, resident += 10, { 1, { 11 + i % 3 }, (int64_t) i * 9000000 });
  MfRiseTotals totals = mf_rising_stacks_totals (run.stacks);
  g_assert_cmpuint (totals.kept, ==, 2999990);
  g_assert_cmpfloat_with_epsilon (kept (&run, 11) + kept (&run, 12) + kept (&run, 13), 2999990, 1);
  g_assert_cmpuint (bounds (&run, 1).least, ==, 2999990);
  LOOK (&run, 1020, { 1, { 11 }, INT64_C (300001) * 9000000 });
  g_assert_cmpuint (mf_rising_stacks_totals (run.stacks).kept, ==, 10);
  g_assert_cmpfloat_with_epsilon (kept (&run, 11) + kept (&run, 12) + kept (&run, 13), 10, 1);
  mf_rising_stacks_free (run.stacks);
}

static void
test_restart (void)
{
  Run run = new_run ();
  LOOK (&run, 1000, { 1, { 11 }, 0 });
  mf_rising_stacks_restart (run.stacks);
  LOOK (&run, 9000, { 1, { 11 }, 100 });
  g_assert_cmpuint (mf_rising_stacks_totals (run.stacks).kept, ==, 0);
  mf_rising_stacks_look (run.stacks, run.time, NULL, 0, 9500);  // nobody was seen
  g_assert_cmpuint (mf_rising_stacks_totals (run.stacks).kept, ==, 500);
  mf_rising_stacks_free (run.stacks);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rising-stacks/one-thread", test_one_thread);
  g_test_add_func ("/rising-stacks/time-divides", test_time_divides);
  g_test_add_func ("/rising-stacks/waiting", test_waiting);
  g_test_add_func ("/rising-stacks/sleeping-stack", test_sleeping_stack);
  g_test_add_func ("/rising-stacks/falls", test_falls);
  g_test_add_func ("/rising-stacks/many", test_many);
  g_test_add_func ("/rising-stacks/restart", test_restart);
  return g_test_run ();
}

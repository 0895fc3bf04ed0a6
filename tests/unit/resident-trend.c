// SPDX-License-Identifier: Apache-2.0
// Whether a resident set grows: sets of known shape, one look every 10 ms.
#include "resident-trend.h"

#include <glib.h>

enum { MIB = 1 << 20, LOOKS = 2000 };
static const int64_t step = 10000000;

typedef uint64_t (*Shape) (unsigned look);

static MfTrendFindings
find (Shape shape, unsigned looks)
{
  g_autofree MfResidentTrend *trend = g_new0 (MfResidentTrend, 1);
  for (unsigned i = 0; i < looks; i++)
    mf_trend_look (trend, i * step, shape (i));
  g_assert_cmpuint (trend->looks, ==, looks);
  g_assert_cmpuint (trend->last, ==, shape (looks - 1));
  return mf_trend_find (trend);
}

static uint64_t
flat (unsigned look)
{
  return 50 * MIB + (look % 7) * 4096;
}

static uint64_t
line (unsigned look)
{
  return 50 * MIB + look * 10000;
}

static uint64_t
stairs (unsigned look)
{
  return 50 * MIB + look / 300 * 2 * MIB;
}

static uint64_t
warming_up (unsigned look)
{
  return 50 * MIB + MIN (look, 400) * 50000;
}

static uint64_t
late (unsigned look)
{
  return 50 * MIB + (look > 1200 ? look - 1200 : 0) * 50000;
}

static uint64_t
saw (unsigned look)
{
  return 50 * MIB + look % 130 * 100000;
}

static uint64_t
long_saw (unsigned look)
{
  return 50 * MIB + look % 700 * 20000;
}

static uint64_t
rising_saw (unsigned look)
{
  return saw (look) + look * 20000;
}

static uint64_t
shrinking (unsigned look)
{
  return 50 * MIB - look * 10000;
}

static void
test_states (void)
{
  static const struct { const char *name; Shape shape; MfTrendState state; } cases[] = {
    { "flat", flat, MF_TREND_STEADY },       { "line", line, MF_TREND_GROWING },
    { "stairs", stairs, MF_TREND_GROWING },  { "warming up", warming_up, MF_TREND_GREW },
    { "late", late, MF_TREND_GROWING },      { "saw", saw, MF_TREND_STEADY },
    { "long saw", long_saw, MF_TREND_STEADY }, { "rising saw", rising_saw, MF_TREND_GROWING },
    { "shrinking", shrinking, MF_TREND_SHRINKING },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_test_message ("%s", cases[i].name);
    g_assert_cmpint (find (cases[i].shape, LOOKS).state, ==, cases[i].state);
  }
}

static void
test_figures (void)
{
  MfTrendFindings found = find (line, LOOKS);
  g_assert_cmpuint (found.level, ==, 50 * MIB);
  g_assert_cmpuint (found.noise, ==, 262144);
  g_assert_cmpfloat_with_epsilon (found.per_second, 1e6, 0.2e6);
  found = find (warming_up, LOOKS);
  g_assert_cmpfloat_with_epsilon ((double) found.until / 1e9, 4, 0.2);
  found = find (late, LOOKS);
  g_assert_cmpfloat_with_epsilon ((double) found.since / 1e9, 12, 0.2);
}

static void
test_few (void)
{
  g_assert_cmpint (find (line, 7).state, ==, MF_TREND_TOO_SHORT);
  MfResidentTrend none = { 0 };
  g_assert_cmpint (mf_trend_find (&none).state, ==, MF_TREND_TOO_SHORT);
  for (int i = 0; i < 20; i++)
    mf_trend_look (&none, 5, 1000);  // a clock that stands
  g_assert_cmpint (mf_trend_find (&none).state, ==, MF_TREND_TOO_SHORT);
}

static void
test_long_runs_are_the_same (void)
{
  g_autofree MfResidentTrend *trend = g_new0 (MfResidentTrend, 1);
  for (unsigned i = 0; i < 1000000; i++)
    mf_trend_look (trend, i * step, 50 * MIB + i * 10);
  MfTrendFindings found = mf_trend_find (trend);
  g_assert_cmpint (found.state, ==, MF_TREND_GROWING);
  g_assert_cmpfloat_with_epsilon (found.per_second, 1000, 150);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/resident-trend/states", test_states);
  g_test_add_func ("/resident-trend/figures", test_figures);
  g_test_add_func ("/resident-trend/few", test_few);
  g_test_add_func ("/resident-trend/long-runs", test_long_runs_are_the_same);
  return g_test_run ();
}

// SPDX-License-Identifier: Apache-2.0
// The agent's table of blocks that a sample has recorded: each of them is found when it is freed, and nothing else is, also where
// realloc is given NULL. What the rest of the agent would do is counted here.
#include "agent.h"

#include <glib.h>
#include <stdlib.h>

MfAgent mf_agent;
__thread MfThread mf_thread;

static struct { guint allocs, frees, reallocs, drops; uintptr_t last; } told;

void
mf_cost_alloc (unsigned domain G_GNUC_UNUSED, uintptr_t address, uint64_t size G_GNUC_UNUSED)
{
  told.allocs++;
  told.last = address;
}

void
mf_cost_free (unsigned domain G_GNUC_UNUSED, uintptr_t address)
{
  told.frees++;
  told.last = address;
}

void
mf_cost_realloc (unsigned domain G_GNUC_UNUSED, uintptr_t old, uintptr_t address G_GNUC_UNUSED, uint64_t size G_GNUC_UNUSED)
{
  g_assert_cmpuint (old, !=, 0);
  told.reallocs++;
}

void
mf_record_realloc (unsigned domain G_GNUC_UNUSED, uintptr_t old G_GNUC_UNUSED, uintptr_t address G_GNUC_UNUSED, uint64_t size G_GNUC_UNUSED)
{
  told.reallocs++;
}

void
mf_stream_drop (MfThread *thread G_GNUC_UNUSED)
{
  told.drops++;
}

void *
mf_own_map (size_t bytes)
{
  return g_malloc0 (bytes);
}

enum { BLOCKS = 4000, DOMAIN = 2, SIZE = 100 };

static uintptr_t
block (guint i)
{
  return 0x7f0000001000 + (uintptr_t) i * 48;
}

static void
begin (void)
{
  memset (&told, 0, sizeof told);
  g_assert_true (mf_sample_start ());
}

static void
test_each_is_found_once (void)
{
  begin ();
  for (guint i = 0; i < BLOCKS; i++)
    mf_sample_record (DOMAIN, block (i), SIZE);
  g_assert_cmpuint (told.allocs + told.drops, ==, BLOCKS);
  g_assert_cmpuint (told.drops, ==, 0);
  for (guint i = 0; i < BLOCKS; i++) {
    mf_sample_free (block (i) + 16);
    mf_sample_free (block (i));
    g_assert_cmpuint (told.last, ==, block (i));
    mf_sample_free (block (i));
  }
  g_assert_cmpuint (told.frees, ==, BLOCKS);
}

// NULL looks like a place that is free, and its hash has a place in the filter: blocks that share it have to be found nevertheless.
static void
test_null_is_no_block (void)
{
  enum { SHARING = 8, FILTER_SHIFT = 51 };
  uintptr_t sharing[SHARING];
  begin ();
  for (guint i = 0, n = 0; n < SHARING; i++)
    if (!((block (i) >> 3) * UINT64_C (0x9e3779b97f4a7c15) >> FILTER_SHIFT))
      sharing[n++] = block (i);
  for (guint i = 0; i < SHARING; i++)
    mf_sample_record (DOMAIN, sharing[i], SIZE);
  for (guint i = 0; i < SHARING; i++)
    mf_sample_realloc (DOMAIN, 0, block (BLOCKS + i), SIZE, false);
  mf_sample_free (0);
  g_assert_cmpuint (told.frees + told.reallocs, ==, 0);
  for (guint i = 0; i < SHARING; i++)
    mf_sample_free (sharing[i]);
  g_assert_cmpuint (told.frees, ==, SHARING);
}

static void
test_moved (void)
{
  begin ();
  mf_sample_record (DOMAIN, block (0), SIZE);
  mf_sample_realloc (DOMAIN, block (0), block (1), SIZE, true); // stays recorded
  g_assert_cmpuint (told.reallocs, ==, 1);
  mf_sample_realloc (DOMAIN, block (1), block (2), SIZE, false); // is let go
  g_assert_cmpuint (told.frees, ==, 1);
  mf_sample_realloc (DOMAIN, block (2), block (3), SIZE, true); // becomes recorded
  g_assert_cmpuint (told.allocs, ==, 2);
  mf_sample_realloc (DOMAIN, block (3), 0, SIZE, true); // fails: it is still there
  mf_sample_free (block (3));
  g_assert_cmpuint (told.frees, ==, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sampled-blocks/each-is-found-once", test_each_is_found_once);
  g_test_add_func ("/sampled-blocks/null-is-no-block", test_null_is_no_block);
  g_test_add_func ("/sampled-blocks/moved", test_moved);
  return g_test_run ();
}

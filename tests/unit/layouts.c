// SPDX-License-Identifier: Apache-2.0
// Which interpreters' frames are read, by what they say of themselves, and from where their offsets are taken.
#include "agent.h"

#include <glib.h>

typedef struct { const char *text; bool force; uint32_t verdict; uint16_t version; } Case;

static const Case cases[] = {
  { "3.11.2 (main, May  2 2024, 11:59:08) [GCC 12.2.0]", false, MF_STACKS_ON, 0x030b },
  { "3.13.5 (main, Jun 25 2025, 18:55:22)", false, MF_STACKS_ON, 0x030d },
  { "3.14.0 (main)", false, MF_STACKS_ON, 0x030e },
  { "3.14.0rc2 (main)", false, MF_STACKS_VERSION, 0x030e },
  { "3.14.0rc2 (main)", true, MF_STACKS_ON, 0x030e },
  { "3.11.2+ (heads/main)", false, MF_STACKS_VERSION, 0x030b },
  { "3.7.17 (default)", false, MF_STACKS_VERSION, 0x0307 },
  { "3.15.0 (main)", false, MF_STACKS_VERSION, 0x030f },
  { "3.15.0 (main)", true, MF_STACKS_ON, 0x030f },
  { "3.13.0 experimental free-threading build (main)", false, MF_STACKS_FREE_THREADED, 0x030d },
  { "3.14.0 free-threading build (main)", true, MF_STACKS_FREE_THREADED, 0x030e },
  { "4.0.0 (main)", true, MF_STACKS_VERSION, 0 },
  { "three", true, MF_STACKS_VERSION, 0 },
  { NULL, true, MF_STACKS_VERSION, 0 },
};

static void
test_versions (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    MfLayout layout;
    g_assert_cmpuint (mf_layout_choose (&layout, cases[i].text, NULL, cases[i].force), ==, cases[i].verdict);
    g_assert_cmpuint (layout.version, ==, cases[i].version);
  }
}

// The beginning of a runtime state of 3.14: its cookie, version and flag, then groups of 64-bit offsets.
typedef struct { char cookie[8]; uint64_t version, free_threaded, rest[92]; } Runtime;

enum { FRAME = (248 - 24) / 8, CODE = (312 - 24) / 8, PREVIOUS = 1, OWNER = 5, FILE_NAME = 1 };

static Runtime
runtime_314 (void)
{
  Runtime runtime = { "xdebugpy", 0x030e0af0, 0, { 0 } };
  runtime.rest[FRAME + PREVIOUS] = 16;
  runtime.rest[FRAME + OWNER] = 90;
  runtime.rest[CODE + FILE_NAME] = UINT64_C (1) << 40;  // no offset
  return runtime;
}

static void
test_offsets (void)
{
  MfLayout table, layout;
  Runtime runtime = runtime_314 ();
  mf_layout_choose (&table, "3.14.0 (main)", NULL, false);
  g_assert_cmpuint (mf_layout_choose (&layout, "3.14.0 (main)", (uint8_t *) &runtime, false), ==, MF_STACKS_ON);
  g_assert_cmpint (layout.previous, ==, 16);
  g_assert_cmpint (layout.owner, ==, 90);
  g_assert_cmpint (layout.file, ==, table.file);
  g_assert_cmpint (layout.globals, ==, table.globals);
}

static void
test_offsets_of_others (void)
{
  MfLayout table, layout;
  Runtime runtime = runtime_314 ();
  mf_layout_choose (&table, "3.13.0 (main)", NULL, false);
  mf_layout_choose (&layout, "3.13.0 (main)", (uint8_t *) &runtime, false);  // of another version
  g_assert_cmpmem (&layout, sizeof layout, &table, sizeof table);
  runtime.cookie[0] = 'X';
  runtime.version = 0x030d00f0;
  mf_layout_choose (&layout, "3.13.0 (main)", (uint8_t *) &runtime, false);
  g_assert_cmpmem (&layout, sizeof layout, &table, sizeof table);
}

static void
test_free_threaded (void)
{
  MfLayout layout;
  Runtime runtime = runtime_314 ();
  runtime.free_threaded = 1;
  g_assert_cmpuint (mf_layout_choose (&layout, "3.14.0 (main)", (uint8_t *) &runtime, true), ==, MF_STACKS_FREE_THREADED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/layouts/versions", test_versions);
  g_test_add_func ("/layouts/offsets", test_offsets);
  g_test_add_func ("/layouts/offsets-of-others", test_offsets_of_others);
  g_test_add_func ("/layouts/free-threaded", test_free_threaded);
  return g_test_run ();
}

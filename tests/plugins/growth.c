// SPDX-License-Identifier: Apache-2.0
// The analyzer growth on made looks and moments whose sums are known.
#include <glib.h>
#include <memflow/harness.h>
#include <string.h>

#include "growth-events.h"

enum { MIB = 1 << 20 };
static const int64_t step = 10000000;

typedef struct {
  MfHarness *harness;
  MfStack work, sleep;
  int64_t time;
  uint32_t moment;
} Made;

static Made
new_made (void)
{
  Made made = { .harness = mf_harness_open (MEMFLOW_MODULES "/growth.so", NULL, NULL) };
  g_assert_cmpstr (mf_harness_errors (made.harness), ==, "");
  g_assert_true (mf_harness_start (made.harness));
  mf_harness_context (made.harness, "process 42: python3", 0);
  MfStack main = mf_harness_stack (made.harness, (MfStack) { 0 }, "<module>", "/srv/app.py", 30);
  made.work = mf_harness_stack (made.harness, main, "work", "/srv/app.py", 10);
  made.sleep = mf_harness_stack (made.harness, (MfStack) { 0 }, "wait", "/usr/lib/python3/threading.py", 320);
  return made;
}

// Two threads, of which one works and the other sleeps.
static void
look (Made *made, uint64_t rss)
{
  const MfProcessSample rows[] = {
    { .time = { made->time }, .stack = made->work, .thread = 1, .rss = { rss }, .pss = { rss / 2 }, .cpu = { made->time } },
    { .time = { made->time }, .stack = made->sleep, .thread = 2, .rss = { rss }, .pss = MF_SIZE_NONE, .cpu = { 777 } },
  };
  g_assert_true (mf_harness_push (made->harness, &MfProcessSample_type, rows, G_N_ELEMENTS (rows), NULL, 0));
  made->time += step;
}

static void
looks (Made *made, unsigned n, uint64_t from, uint64_t each)
{
  for (unsigned i = 0; i < n; i++)
    look (made, from + i * each);
}

static void
push_part (Made *made, uint32_t part, uint64_t resident)
{
  g_assert_true (mf_harness_push_row (made->harness, MfProcessMemory, { .time = { made->time }, .moment = made->moment, .part = part,
    .size = { resident + 4096 }, .resident = { resident }, .own = { resident }, .pieces = 3 }));
}

// A moment at which all parts have 1 MiB, and one of them more.
static void
moment (Made *made, uint32_t part, uint64_t more, int64_t residual)
{
  made->moment++;
  for (uint32_t i = 0; i < MF_MEMORY_ALL; i++)
    push_part (made, i, MIB + (i == part ? more : 0));
  push_part (made, MF_MEMORY_ALL, (uint64_t) ((int64_t) (MF_MEMORY_ALL * MIB + more) + residual));
}

static void
finish (Made *made)
{
  g_assert_true (mf_harness_finish (made->harness));
  g_assert_cmpstr (mf_harness_errors (made->harness), ==, "");
}

static char *
statement (Made *made, const char *subject)
{
  const MfBatch *batch;
  const MfStatement *row;
  for (uint32_t i = 0; (row = mf_harness_row (made->harness, "report.statement", i, &batch)); i++)
    if (g_str_equal (mf_harness_string_text (made->harness, row->subject), subject))
      return g_strndup (mf_batch_text (batch, row->text), row->text.length);
  return g_strdup ("");
}

static void
assert_says (Made *made, const char *subject, const char *words)
{
  g_autofree char *text = statement (made, subject);
  if (!strstr (text, words))
    g_error ("%s: \"%s\" does not say \"%s\"", subject, text, words);
}

static const char *
text_of (Made *made, MfString string)
{
  return mf_harness_string_text (made->harness, string);
}

// ---- which code

static void
test_code (void)
{
  Made made = new_made ();
  looks (&made, 200, 50 * MIB, 65536);
  finish (&made);
  const GrowthSite *row = MF_HARNESS_ROW (made.harness, GrowthSite, 0);
  g_assert_cmpstr (text_of (&made, row->site), ==, "srv/app.py:10 work");
  g_assert_cmpuint (row->bytes.bytes, ==, 199 * 65536);
  g_assert_cmpuint (row->least.bytes, ==, 199 * 65536);
  g_assert_cmpuint (row->most.bytes, ==, 199 * 65536);
  g_assert_cmpfloat (row->share, ==, 100);
  g_assert_cmpuint (row->rises, ==, 199);
  g_assert_cmpuint (mf_harness_n_rows (made.harness, "growth.site"), ==, 1);
  const GrowthFunction *first = MF_HARNESS_ROW (made.harness, GrowthFunction, 0);
  g_assert_cmpstr (text_of (&made, first->function), ==, "srv/app.py work");
  g_assert_cmpuint (first->self, ==, 199);
  const GrowthFunction *second = MF_HARNESS_ROW (made.harness, GrowthFunction, 1);
  g_assert_cmpstr (text_of (&made, second->function), ==, "srv/app.py <module>");
  g_assert_cmpuint (second->self, ==, 0);
  g_assert_cmpuint (second->total, ==, 199);
  const GrowthFunction *third = MF_HARNESS_ROW (made.harness, GrowthFunction, 2);
  g_assert_cmpuint (third->waiting, ==, 199);
  assert_says (&made, "code", "100 % of it came while srv/app.py:10 work ran");
  assert_says (&made, "growth", "process 42: python3 grows: by 13,041,664 B (12.4 MiB) in 2.0 s, from 50.0 MiB to 62.4 MiB");
  assert_says (&made, "next", "memflow run attach-growth");
  mf_harness_free (made.harness);
}

// A set that rises, and an interpreter that frees all of it at its end, when no code runs any more.
static void
test_end_of_an_interpreter (void)
{
  Made made = new_made ();
  looks (&made, 200, 50 * MIB, 65536);
  for (int i = 0; i < 10; i++) {
    g_assert_true (mf_harness_push_row (made.harness, MfProcessSample, { .time = { made.time }, .thread = 1,
      .rss = { (60 - i * 4) * MIB }, .pss = MF_SIZE_NONE, .cpu = { made.time } }));
    made.time += step;
  }
  finish (&made);
  assert_says (&made, "growth", "grows: by 13,041,664 B");
  g_assert_cmpuint (mf_harness_n_rows (made.harness, "growth.time"), ==, 200);
  mf_harness_free (made.harness);
}

// A program whose threads are outside of Python for long is watched all the same.
static void
test_idle_interpreter (void)
{
  Made made = new_made ();
  looks (&made, 20, 50 * MIB, 0);
  for (uint64_t i = 0; i < 180; i++) {
    g_assert_true (mf_harness_push_row (made.harness, MfProcessSample, { .time = { made.time }, .thread = 1,
      .rss = { 50 * MIB + i * 65536 }, .pss = MF_SIZE_NONE, .cpu = { made.time } }));
    made.time += step;
  }
  finish (&made);
  assert_says (&made, "growth", "grows: by 11,730,944 B");
  mf_harness_free (made.harness);
}

// ---- what grew

static void
test_parts (void)
{
  static const char *const words[MF_MEMORY_ALL] = { "what grew: Python objects", "that a few objects keep",
    "blocks of the C heap in use", "that was freed and that the C library keeps", "large blocks of the C heap", "the C heap, +20.0 MiB",
    "stacks of threads", "mapped files", "processes share (mmap)", "outside of all heaps (mmap)" };
  for (uint32_t part = 0; part < MF_MEMORY_ALL; part++) {
    Made made = new_made ();
    moment (&made, part, 0, 0);
    looks (&made, 200, 10 * MIB, 20 * MIB / 200);
    moment (&made, part, 20 * MIB, -300);
    finish (&made);
    assert_says (&made, "growth", words[part]);
    assert_says (&made, "growth", "+20.0 MiB of +20.0 MiB (100 %)");
    assert_says (&made, "sum", "the parts add up to 31,457,280 B of 31,456,980 B resident; residual -300 B (0.00 %)");
    const GrowthPart *row = MF_HARNESS_ROW (made.harness, GrowthPart, part);
    g_assert_cmpint (row->change, ==, 20 * MIB);
    g_assert_cmpuint (mf_harness_n_rows (made.harness, "growth.part"), ==, MF_MEMORY_ALL + 2);
    mf_harness_free (made.harness);
  }
}

static void
test_steady (void)
{
  Made made = new_made ();
  moment (&made, 0, 0, 0);
  looks (&made, 200, 10 * MIB, 0);
  moment (&made, 0, 3 * MIB, 0);  // one part can grow while the whole does not
  finish (&made);
  assert_says (&made, "growth", "does not grow: 10.0 MiB to 10.0 MiB in 2.0 s; less than 128.6 KiB a second would not be seen");
  g_autofree char *text = statement (&made, "growth");
  g_assert_null (strstr (text, "what grew"));
  mf_harness_free (made.harness);
}

// A moment at which the C library's heap could not be read is not compared with one at which it was.
static void
test_unlike_moments (void)
{
  Made made = new_made ();
  moment (&made, MF_MEMORY_C_USED, 0, 0);
  looks (&made, 200, 10 * MIB, 20 * MIB / 200);
  moment (&made, MF_MEMORY_C_USED, 20 * MIB, 0);
  for (uint32_t i = 0; i < MF_MEMORY_ALL; i++)
    if (i != MF_MEMORY_C_USED)
      push_part (&made, i, MIB);
  push_part (&made, MF_MEMORY_ALL, 9 * MIB);
  finish (&made);
  assert_says (&made, "growth", "blocks of the C heap in use");
  mf_harness_free (made.harness);
}

// ---- objects

static void
census (Made *made, const char *type, uint64_t count, uint64_t bytes)
{
  g_assert_true (mf_harness_push_row (made->harness, MfObjectCensus,
      { .snapshot = made->moment + 1, .type = mf_harness_string (made->harness, type), .count = count, .bytes = { bytes } }));
}

static void
arena (Made *made, const char *type, double occupancy)
{
  g_assert_true (mf_harness_push_row (made->harness, MfPymallocArena,
      { .snapshot = made->moment + 1, .occupancy = occupancy, .main_type = mf_harness_string (made->harness, type) }));
}

static void
test_types (void)
{
  Made made = new_made ();
  census (&made, "dict", 10, 640);
  census (&made, "Node", 100, 4800);
  moment (&made, 0, 0, 0);
  looks (&made, 200, 10 * MIB, 20 * MIB / 200);
  census (&made, "dict", 11, 704);
  census (&made, "Node", 60000, 2880000);  // of two interpreters
  census (&made, "Node", 40100, 1924800);
  census (&made, "Edge", 5000, 240000);
  for (int i = 0; i < 5; i++)
    arena (&made, i < 3 ? "str" : "Node", 3);
  arena (&made, "Node", 98);
  moment (&made, 0, 20 * MIB, 0);
  finish (&made);
  const GrowthType *first = MF_HARNESS_ROW (made.harness, GrowthType, 0);
  g_assert_cmpstr (text_of (&made, first->type), ==, "Node");
  g_assert_cmpint (first->change, ==, 4800000);
  g_assert_cmpuint (first->first_count, ==, 100);
  g_assert_cmpuint (first->count, ==, 100100);
  const GrowthType *second = MF_HARNESS_ROW (made.harness, GrowthType, 1);
  g_assert_cmpstr (text_of (&made, second->type), ==, "Edge");
  g_assert_cmpuint (second->first_count, ==, 0);
  assert_says (&made, "types", "Node +100,000, +4.6 MiB; Edge +5,000, +234.4 KiB");
  assert_says (&made, "arenas", "5 of 6 arenas are at most a quarter full");
  assert_says (&made, "arenas", "In 3 of them most is str");
  mf_harness_free (made.harness);
}

// ---- several programs

static void
test_programs (void)
{
  Made made = new_made ();
  looks (&made, 100, 20 * MIB, 65536);
  mf_harness_context (made.harness, "process 42: python3", 1);
  looks (&made, 100, 90 * MIB, 0);
  finish (&made);
  g_autofree char *text = statement (&made, "growth");
  g_assert_nonnull (strstr (text, "process 42: python3, program 2 does not grow: 90.0 MiB"));
  g_assert_cmpuint (mf_harness_n_rows (made.harness, "growth.time"), ==, 200);
  mf_harness_free (made.harness);
}

static void
test_nothing (void)
{
  Made made = new_made ();
  finish (&made);
  g_assert_cmpuint (mf_harness_n_rows (made.harness, "report.statement"), ==, 0);
  mf_harness_free (made.harness);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/growth/code", test_code);
  g_test_add_func ("/growth/end", test_end_of_an_interpreter);
  g_test_add_func ("/growth/idle", test_idle_interpreter);
  g_test_add_func ("/growth/parts", test_parts);
  g_test_add_func ("/growth/steady", test_steady);
  g_test_add_func ("/growth/unlike-moments", test_unlike_moments);
  g_test_add_func ("/growth/types", test_types);
  g_test_add_func ("/growth/programs", test_programs);
  g_test_add_func ("/growth/nothing", test_nothing);
  return g_test_run ();
}

// SPDX-License-Identifier: Apache-2.0
// The analyzer hotspots: a program whose every byte is known, forks, losses, and memory that is refused.
#include "alloc-rows.h"

#include "hotspots-events.h"

static Program
open_program (const char *option)
{
  MfHarness *harness = mf_harness_open (
      MEMFLOW_MODULES "/hotspots.so", NULL, (const char *const[]) { option, NULL });
  g_assert_cmpstr (mf_harness_errors (harness), ==, "");
  g_assert_true (mf_harness_start (harness));
  return program_of (harness);
}

static void
finish (Program *program)
{
  g_assert_true (mf_harness_finish (program->harness));
  g_assert_cmpstr (mf_harness_errors (program->harness), ==, "");
}

static char *
statement (Program *program, const char *subject, guint number)
{
  const MfBatch *batch;
  const MfStatement *row;
  for (uint32_t i = 0; (row = mf_harness_row (program->harness, "report.statement", i, &batch)); i++)
    if (g_str_equal (mf_harness_string_text (program->harness, row->subject), subject) && number-- == 0)
      return g_strndup (mf_batch_text (batch, row->text), row->text.length);
  return NULL;
}

static void
assert_statement (Program *program, const char *subject, const char *expected)
{
  g_autofree char *text = statement (program, subject, 0);
  g_assert_cmpstr (text, ==, expected);
}

static const char *
text_of (Program *program, MfString string)
{
  return mf_harness_string_text (program->harness, string);
}

// ---- the known program

typedef struct { const char *site; uint64_t peak, blocks, total, calls, live, temporaries, failed; } Expected;

static void
test_sites (void)
{
  static const Expected expected[] = {
    { "app.py:88 load", 1000000, 1, 1500000, 2, 1000000, 0, 1 },
    { "codec.py:7 parse", 23000, 2, 28050, 4, 5000, 2, 0 },
    { "app.py:10 main", 4000, 1, 4000, 1, 4000, 0, 0 },
  };
  Program program = open_program (NULL);
  g_assert_true (program_run (&program));
  finish (&program);
  g_assert_cmpuint (mf_harness_n_rows (program.harness, "hotspots.site"), ==, 3);
  for (uint32_t i = 0; i < G_N_ELEMENTS (expected); i++) {
    const HotSite *row = MF_HARNESS_ROW (program.harness, HotSite, i);
    g_assert_cmpstr (text_of (&program, row->site), ==, expected[i].site);
    g_assert_cmpstr (text_of (&program, row->of), ==, "process 42");
    g_assert_cmpuint (row->at_peak.bytes, ==, expected[i].peak);
    g_assert_cmpuint (row->blocks, ==, expected[i].blocks);
    g_assert_cmpuint (row->total.bytes, ==, expected[i].total);
    g_assert_cmpuint (row->calls, ==, expected[i].calls);
    g_assert_cmpuint (row->live.bytes, ==, expected[i].live);
    g_assert_cmpuint (row->temporaries, ==, expected[i].temporaries);
    g_assert_cmpuint (row->failed, ==, expected[i].failed);
  }
  mf_harness_free (program.harness);
}

static void
test_statements (void)
{
  Program program = open_program (NULL);
  g_assert_true (program_run (&program));
  finish (&program);
  assert_statement (&program, "peak", "1,027,000 B live at 0.004 s; 97.4 % of it held by app.py:88 load");
  assert_statement (&program, "totals", "1,532,050 B (1.5 MiB) requested by 6 allocations and 1 realloc in 0.011 s; "
    "4 frees; 1,009,000 B in 3 blocks live at the end");
  assert_statement (&program, "temporaries",
    "2 blocks (33.3 % of all) freed after at most 1 other allocation; most by codec.py:7 parse: 2");
  assert_statement (&program, "failed", "1 request refused, the largest 123,456,789 B; most by app.py:88 load");
  assert_statement (&program, "not followed", "1 free of blocks older than the recording");
  assert_statement (&program, "incomplete", NULL);
  assert_statement (&program, "hotspots",
    "look at app.py:88 load first: the peak falls by up to 1,000,000 B with it");
  mf_harness_free (program.harness);
}

static void
test_rankings (void)
{
  Program program = open_program ("sites=2");
  g_assert_true (program_run (&program));
  finish (&program);
  g_assert_cmpuint (mf_harness_n_rows (program.harness, "hotspots.site"), ==, 2);
  const HotCalls *most = MF_HARNESS_ROW (program.harness, HotCalls, 0);
  g_assert_cmpstr (text_of (&program, most->site), ==, "codec.py:7 parse");
  g_assert_cmpuint (most->calls, ==, 4);
  const HotModule *module = MF_HARNESS_ROW (program.harness, HotModule, 0);
  g_assert_cmpstr (text_of (&program, module->file), ==, "/srv/app.py");
  g_assert_cmpstr (text_of (&program, module->module), ==, "/srv/app.py");
  g_assert_cmpuint (module->at_peak.bytes, ==, 1004000);
  const HotThread *thread = MF_HARNESS_ROW (program.harness, HotThread, 0);
  g_assert_cmpuint (thread->thread, ==, 1);
  g_assert_cmpuint (thread->at_peak.bytes, ==, 1027000);
  g_assert_cmpuint (thread->frees, ==, 4);
  mf_harness_free (program.harness);
}

typedef struct { const char *frame; uint32_t parent; uint64_t bytes, own; } Node;

static void
test_tree (void)
{
  static const Node expected[] = { { "app.py:10 main", UINT32_MAX, 1027000, 4000 },
    { "app.py:88 load", 1, 1023000, 1000000 }, { "codec.py:7 parse", 2, 23000, 20000 },
    { "libpython3.so PyList_New", 3, 3000, 3000 } };
  Program program = open_program (NULL);
  g_assert_true (program_run (&program));
  finish (&program);
  g_assert_cmpuint (mf_harness_n_rows (program.harness, "hotspots.call-tree"), ==, 4);
  for (uint32_t i = 0; i < 4; i++) {
    const HotCallTree *row = MF_HARNESS_ROW (program.harness, HotCallTree, i);
    g_assert_cmpuint (row->node, ==, i + 1);
    g_assert_cmpstr (text_of (&program, row->frame), ==, expected[i].frame);
    g_assert_cmpuint (row->parent, ==, expected[i].parent);
    g_assert_cmpuint (row->bytes.bytes, ==, expected[i].bytes);
    g_assert_cmpuint (row->own.bytes, ==, expected[i].own);
  }
  mf_harness_free (program.harness);
}

// A chain of 3,000 calls, and a broad tree of which only the largest nodes are kept, each with its callers.
static void
test_deep_tree (void)
{
  Program program = open_program ("tree=50");
  MfStack stack = program.main;
  for (uint32_t i = 0; i < 3000; i++)
    stack = mf_harness_stack (program.harness, stack, "recurse", "/srv/app.py", 20 + i % 2);
  g_assert_true (program_alloc (&program, stack, 0x1000, 100));
  for (uint32_t i = 1; i < 40; i++) {
    stack = mf_harness_stack (program.harness, program.main, "leaf", "/srv/app.py", 100 + i);
    g_assert_true (program_alloc (&program, stack, 0x1000 + i * 16, 200 + i));
  }
  finish (&program);
  g_assert_cmpuint (mf_harness_n_rows (program.harness, "hotspots.call-tree"), ==, 50);
  uint64_t before = UINT64_MAX;
  for (uint32_t i = 0; i < 50; i++) {
    const HotCallTree *row = MF_HARNESS_ROW (program.harness, HotCallTree, i);
    g_assert_true (i == 0 ? row->parent == UINT32_MAX : row->parent < row->node);
    g_assert_cmpuint (row->bytes.bytes, <=, before);
    before = row->bytes.bytes;
  }
  mf_harness_free (program.harness);
}

static void
test_growing (void)
{
  Program program = open_program (NULL);
  for (uint32_t i = 0; i < 3000; i++)
    g_assert_true (program_alloc (&program, program.parse, 0x10000 + i * 64, 32)
      && program_alloc (&program, program.load, 0x8, 9) && program_free (&program, 0x8));
  finish (&program);
  const HotLeak *leak = MF_HARNESS_ROW (program.harness, HotLeak, 0);
  g_assert_cmpstr (text_of (&program, leak->site), ==, "codec.py:7 parse");
  g_assert_cmpuint (leak->trend, ==, 1);
  g_assert_cmpuint (leak->live.bytes, ==, 96000);
  g_autofree char *next = statement (&program, "hotspots", 0);
  g_assert_cmpstr (next, ==, "look at codec.py:7 parse first: what it allocates is kept, and grows with the run");
  uint64_t timeline = mf_harness_n_rows (program.harness, "hotspots.timeline");
  g_assert_cmpuint (timeline, >, 64);
  g_assert_cmpuint (timeline, <=, 128);
  g_assert_cmpuint (MF_HARNESS_ROW (program.harness, HotTimeline, (uint32_t) timeline - 1)->live.bytes, ==, 96000);
  mf_harness_free (program.harness);
}

// ---- several processes, losses

static void
test_fork (void)
{
  Program program = open_program (NULL);
  g_assert_true (program_run (&program));
  program.process = 43;
  g_assert_true (program_alloc (&program, program.main, 0x1000, 77) && program_free (&program, 0x9000));
  finish (&program);
  g_assert_cmpuint (mf_harness_n_rows (program.harness, "hotspots.site"), ==, 4);
  const HotSite *small = MF_HARNESS_ROW (program.harness, HotSite, 0);
  g_assert_cmpstr (text_of (&program, small->of), ==, "process 43");
  g_assert_cmpuint (small->at_peak.bytes, ==, 77);
  g_autofree char *verdict = statement (&program, "peak", 1);
  g_assert_nonnull (strstr (verdict, "1,027,000 B live"));
  g_assert_nonnull (strstr (verdict, "(process 42)"));
  mf_harness_free (program.harness);
}

static void
test_losses (void)
{
  Program program = open_program (NULL);
  mf_harness_lose (program.harness);
  g_assert_true (program_alloc (&program, program.main, 0x1000, 77));
  program.sequence[1] += 3;
  g_assert_true (program_free (&program, 0x1000));
  finish (&program);
  assert_statement (&program, "incomplete", "rows were lost before they arrived here; 3 calls missing in the "
    "numbering of the threads: all figures are of what arrived");
  mf_harness_free (program.harness);
}

// ---- programs, marks, samples, snapshots

static bool
push (Program *program, const MfType *type, const void *row)
{
  return mf_harness_push (program->harness, type, row, 1, NULL, 0);
}

static bool
program_start (Program *program, uint32_t how, uint64_t sampling)
{
  return push (program, &MfProgramStart_type, &(MfProgramStart) { .time = { program->time }, .process = program->process,
    .how = how, .sampling = { sampling }, .executable = mf_harness_string (program->harness, "/usr/bin/python3") });
}

static bool
program_mark (Program *program, uint32_t kind, const char *name)
{
  return push (program, &MfProgramMark_type, &(MfProgramMark) { .time = { program->time }, .process = program->process,
    .thread = 1, .kind = kind, .name = mf_harness_string (program->harness, name) });
}

static void
test_exec (void)
{
  Program program = open_program (NULL);
  g_assert_true (program_start (&program, MF_PROGRAM_STARTED, UINT64_MAX) && program_run (&program)
    && program_start (&program, MF_PROGRAM_REPLACED, UINT64_MAX) && program_alloc (&program, program.main, 0x1000, 5));
  finish (&program);
  g_autofree char *first = statement (&program, "totals", 1);
  g_assert_nonnull (strstr (first, "1,009,000 B in 3 blocks live when exec ended the program"));
  g_autofree char *peak = statement (&program, "peak", 0);
  g_assert_nonnull (strstr (peak, "(process 42, program 2, python3)"));
  mf_harness_free (program.harness);
}

static void
test_phases (void)
{
  Program program = open_program (NULL);
  g_assert_true (program_mark (&program, MF_MARK_BEGIN, "load") && program_run (&program)
    && program_mark (&program, MF_MARK_END, "load") && program_mark (&program, MF_MARK_POINT, "loaded"));
  finish (&program);
  const HotPhase *phase = MF_HARNESS_ROW (program.harness, HotPhase, 0);
  g_assert_cmpstr (text_of (&program, phase->phase), ==, "load");
  g_assert_cmpuint (phase->requested.bytes, ==, 1532050);
  g_assert_cmpint (phase->growth, ==, 1009000);
  g_assert_cmpuint (phase->highest.bytes, ==, 1027000);
  g_assert_cmpint (phase->time.ns, ==, 12000000);
  const HotMark *mark = MF_HARNESS_ROW (program.harness, HotMark, 0);
  g_assert_cmpstr (text_of (&program, mark->mark), ==, "loaded");
  g_assert_cmpuint (mark->live.bytes, ==, 1009000);
  mf_harness_free (program.harness);
}

static void
test_paused (void)
{
  Program program = open_program (NULL);
  g_assert_true (program_run (&program) && program_mark (&program, MF_MARK_PAUSE, ""));
  program.time += 500000000;
  g_assert_true (program_mark (&program, MF_MARK_RESUME, "") && program_alloc (&program, program.main, 0x100000, 11));
  finish (&program);
  assert_statement (&program, "paused", "the recording was paused 1 time, 0.500 s in all; 1,009,000 B in 3 blocks may "
    "have been freed unseen: they are not called leaks");
  g_assert_cmpuint (mf_harness_n_rows (program.harness, "hotspots.leak"), ==, 1);
  g_assert_cmpuint (MF_HARNESS_ROW (program.harness, HotLeak, 0)->live.bytes, ==, 11);
  mf_harness_free (program.harness);
}

// A block of 1,000,000 B was sure to be recorded, one of 100 B stands for about 656 of its kind.
static void
test_sampled (void)
{
  Program program = open_program (NULL);
  g_assert_true (program_start (&program, MF_PROGRAM_STARTED, 65536)
    && program_alloc (&program, program.load, 0x1000, 1000000) && program_alloc (&program, program.parse, 0x200000, 100));
  finish (&program);
  const HotSite *exact = MF_HARNESS_ROW (program.harness, HotSite, 0), *rare = MF_HARNESS_ROW (program.harness, HotSite, 1);
  g_assert_cmpuint (exact->at_peak.bytes, ==, 1000000);
  g_assert_cmpuint (exact->at_peak_error.bytes, <, 1000);
  g_assert_cmpuint (rare->at_peak.bytes, ==, 65586);
  g_assert_cmpuint (rare->at_peak_error.bytes, >, 128000);
  g_assert_cmpuint (rare->blocks, ==, 656);
  g_assert_cmpuint (rare->calls, ==, 656);
  g_autofree char *peak = statement (&program, "peak", 0);
  g_assert_nonnull (strstr (peak, "about 1,065,586 B (1.0 MiB) +- 128,"));
  g_autofree char *said = statement (&program, "sampled", 0);
  g_assert_nonnull (strstr (said, "one block in about 65,536 requested bytes was recorded"));
  mf_harness_free (program.harness);
}

static void
test_snapshots (void)
{
  Program program = open_program (NULL);
  for (uint32_t i = 1; i <= 5; i++)
    g_assert_true (push (&program, &MfAllocSite_type, &(MfAllocSite) { .stack = program.load, .process = 42, .snapshot = i,
        .live = { i * 1000 }, .live_blocks = i, .at_peak = { 5000 }, .peak_blocks = 5, .allocated = { i * 2000 }, .calls = i })
      && push (&program, &MfAllocTotal_type, &(MfAllocTotal) { .time = { i * 1000000000 }, .peak_time = { 5000000000 },
        .process = 42, .snapshot = i, .live = { i * 1000 }, .live_blocks = i, .peak = { 5000 }, .allocated = { i * 2000 },
        .calls = i, .untracked = i }));
  finish (&program);
  assert_statement (&program, "growth",
    "app.py:88 load held 2,000 B at snapshot 2, 4,000 B at snapshot 4, 5,000 B at the end");
  assert_statement (&program, "peak", "5,000 B live at 4.000 s; 100.0 % of it held by app.py:88 load");
  assert_statement (&program, "incomplete", "5 blocks in no figure: the memory of the recorder was used up");
  g_assert_cmpuint (MF_HARNESS_ROW (program.harness, HotSite, 0)->total.bytes, ==, 10000);
  mf_harness_free (program.harness);
}

static void
test_pages_and_types (void)
{
  Program program = open_program (NULL);
  MfAlloc map = { .op = MF_OP_ALLOC, .address = { 0x1000 }, .stack = program.main, .old_address = MF_ADDRESS_NONE,
    .size = { 65536 }, .domain = MF_DOMAIN_MAP };
  MfAlloc gone = { .op = MF_OP_FREE, .address = { 0x1000 }, .old_address = MF_ADDRESS_NONE, .size = MF_SIZE_NONE,
    .domain = MF_DOMAIN_OBJ, .object_type = mf_harness_string (program.harness, "dict") };
  g_assert_true (program_row (&program, map) && program_alloc (&program, program.load, 0x1000, 72)
    && program_row (&program, gone));
  finish (&program);
  assert_statement (&program, "address space", "65,536 B mapped at most, 65,536 B at the end, by 1 call of mmap and brk: "
    "address space, in which the blocks above may lie; it is in no other figure");
  g_assert_cmpuint (MF_HARNESS_ROW (program.harness, HotPages, 0)->at_peak.bytes, ==, 65536);
  const HotType *type = MF_HARNESS_ROW (program.harness, HotType, 0);
  g_assert_cmpstr (text_of (&program, type->type), ==, "dict");
  g_assert_cmpuint (type->bytes.bytes, ==, 72);
  g_assert_cmpuint (type->mean_life, ==, 1000000);
  assert_statement (&program, "incomplete", NULL);
  mf_harness_free (program.harness);
}

// While it runs: a row when the events have gone on for that long.
static void
test_looks (void)
{
  Program program = open_program ("every=5ms");
  g_assert_true (program_run (&program));
  finish (&program);
  g_assert_cmpuint (mf_harness_n_rows (program.harness, "hotspots.now"), ==, 2);
  const MfBatch *batch;
  const HotNow *now = mf_harness_row (program.harness, "hotspots.now", 0, &batch);
  g_assert_cmpint (now->time.ns, ==, 6000000);
  g_assert_cmpuint (now->live.bytes, ==, 1007000);
  g_assert_cmpuint (now->peak.bytes, ==, 1027000);
  g_assert_cmpuint (now->per_second.bytes, ==, 305400000);
  g_autofree char *top = g_strndup (mf_batch_text (batch, now->top), now->top.length);
  g_assert_cmpstr (top, ==, "99 % app.py:88 load, 0 % app.py:10 main");
  mf_harness_free (program.harness);
}

// A library allocates for somebody: the advice names him. Small processes get none.
static void
test_advice (void)
{
  Program program = open_program (NULL);
  MfStack library = mf_harness_stack (program.harness, program.load, "encode", "/usr/lib/python3.11/json/encoder.py", 258);
  g_assert_true (program_alloc (&program, library, 0x1000, 5000));
  program.process = 43;
  g_assert_true (program_alloc (&program, program.main, 0x1000, 70));
  finish (&program);
  assert_statement (&program, "hotspots", "look at encoder.py:258 encode first, called for app.py:88 load: the peak falls "
    "by up to 5,000 B with it");
  g_assert_null (statement (&program, "hotspots", 1));
  g_assert_cmpstr (text_of (&program, MF_HARNESS_ROW (program.harness, HotCallTree, 0)->of), ==, "process 42");
  mf_harness_free (program.harness);
}

// What is needed to import counts for the line that imports.
static void
test_imports (void)
{
  Program program = open_program (NULL);
  MfStack machinery = mf_harness_stack (program.harness, program.main, "_compile", "<frozen importlib._bootstrap_external>", 9);
  MfStack early = mf_harness_stack (program.harness, (MfStack) { 0 }, "_install", "<frozen importlib._bootstrap>", 1);
  g_assert_true (program_alloc (&program, machinery, 0x1000, 20) && program_alloc (&program, early, 0x2000, 10));
  finish (&program);
  g_assert_cmpstr (text_of (&program, MF_HARNESS_ROW (program.harness, HotSite, 0)->site), ==, "app.py:10 main");
  g_assert_cmpstr (text_of (&program, MF_HARNESS_ROW (program.harness, HotSite, 1)->site), ==,
    "<frozen importlib._bootstrap>:1 _install");
  mf_harness_free (program.harness);
}

static void
test_empty (void)
{
  Program program = open_program (NULL);
  finish (&program);
  g_assert_cmpuint (mf_harness_n_rows (program.harness, "report.statement"), ==, 0);
  mf_harness_free (program.harness);
}

// Each request for memory fails once; the run then fails with a sentence, and nothing leaks.
static void
test_no_memory (void)
{
  bool failed = true;
  guint n = 0;
  while (failed) {
    Program program = open_program (NULL);
    mf_harness_fail_allocation (program.harness, ++n);
    bool done = program_run (&program) && mf_harness_finish (program.harness);
    failed = mf_harness_allocation_failed (program.harness);
    g_assert_true (done == (*mf_harness_errors (program.harness) == 0));
    g_assert_true (!done || !failed);
    mf_harness_free (program.harness);
    g_assert_cmpuint (n, <, 100);
  }
  g_assert_cmpuint (n, >, 8);
}

static void
test_refused (void)
{
  for (guint n = 0; n < 12; n++) {
    Program program = open_program (NULL);
    g_assert_true (program_run (&program));
    mf_harness_refuse_after (program.harness, n);
    mf_harness_finish (program.harness);
    mf_harness_free (program.harness);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/hotspots/sites", test_sites);
  g_test_add_func ("/hotspots/statements", test_statements);
  g_test_add_func ("/hotspots/rankings", test_rankings);
  g_test_add_func ("/hotspots/tree", test_tree);
  g_test_add_func ("/hotspots/deep-tree", test_deep_tree);
  g_test_add_func ("/hotspots/growing", test_growing);
  g_test_add_func ("/hotspots/fork", test_fork);
  g_test_add_func ("/hotspots/losses", test_losses);
  g_test_add_func ("/hotspots/exec", test_exec);
  g_test_add_func ("/hotspots/phases", test_phases);
  g_test_add_func ("/hotspots/paused", test_paused);
  g_test_add_func ("/hotspots/sampled", test_sampled);
  g_test_add_func ("/hotspots/snapshots", test_snapshots);
  g_test_add_func ("/hotspots/pages-and-types", test_pages_and_types);
  g_test_add_func ("/hotspots/looks", test_looks);
  g_test_add_func ("/hotspots/advice", test_advice);
  g_test_add_func ("/hotspots/imports", test_imports);
  g_test_add_func ("/hotspots/empty", test_empty);
  g_test_add_func ("/hotspots/no-memory", test_no_memory);
  g_test_add_func ("/hotspots/refused", test_refused);
  return g_test_run ();
}

// SPDX-License-Identifier: Apache-2.0
// The remembered walk on stacks that change at any place, against a walk that remembers nothing. Each frame has a page
// of its own, which cannot be read once the frame is gone: what must not be touched kills the test.
#include "agent.h"

#include <glib.h>
#include <sys/mman.h>

enum { PAGE = 4096, PAGES = 256, DEEPEST = 60, STEPS = 30000, ASIDE = 6 };
enum { PREVIOUS = 8, AT = 56, OWNER = 70, CODE = 0, TOP = 72, CODES = 12, CODE_SIZE = 64 };

static MfLayout layout;
const MfLayout *const mf_layout = &layout;

static const MfLayout layouts[] = {
  { .version = 0x030d, .top = TOP, .current = -1, .previous = PREVIOUS, .code = CODE, .at = AT, .owner = OWNER,
    .bytecode = 16 },
  { .version = 0x030b, .top = TOP, .current = 8, .previous = PREVIOUS, .code = CODE, .at = AT, .owner = -1,
    .bytecode = 16 },
  { .version = 0x0308, .top = TOP, .current = -1, .previous = PREVIOUS, .code = CODE, .at = AT, .owner = -1,
    .bytecode = -1 },
};

typedef struct { uint8_t *frames[DEEPEST]; guint n; } Stack;  // from the outermost one

typedef struct {
  uint8_t *pages, state[128], c_frame[16];
  bool taken[PAGES];
  Stack stack, aside[ASIDE];   // aside: generators and greenlets that do not run
  MfWalk *walk;
  GHashTable *hashes;          // of stacks as text
  GRand *random;
} Fixture;

static guint
draw (Fixture *fixture, guint below)
{
  return (guint) g_rand_int_range (fixture->random, 0, (gint32) below);
}

static void
set_up (Fixture *fixture, const void *data)
{
  layout = *(const MfLayout *) data;
  fixture->pages = mmap (NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  g_assert_true (fixture->pages != MAP_FAILED);
  fixture->walk = g_new0 (MfWalk, 1);
  mf_walk_forget (fixture->walk);
  fixture->hashes = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  fixture->random = g_rand_new_with_seed (g_test_rand_int ());
}

static void
tear_down (Fixture *fixture, const void *data)
{
  (void) data;
  munmap (fixture->pages, PAGES * PAGE);
  g_free (fixture->walk);
  g_hash_table_unref (fixture->hashes);
  g_rand_free (fixture->random);
}

// ---- an interpreter

static void
put (uint8_t *base, int offset, uintptr_t value)
{
  memcpy (base + offset, &value, sizeof value);
}

static uintptr_t
get (const uint8_t *base, int offset)
{
  uintptr_t value;
  memcpy (&value, base + offset, sizeof value);
  return value;
}

static uintptr_t
code_of (const uint8_t *frame)
{
  return get (frame, CODE) & ~(uintptr_t) MF_CODE_TAGS;
}

static bool
is_entry (const uint8_t *frame)
{
  return layout.owner >= 0 && frame[OWNER] >= MF_OWNED_BY_C;
}

static void
step (Fixture *fixture, uint8_t *frame)
{
  uintptr_t at = draw (fixture, CODE_SIZE - 16);
  if (layout.bytecode >= 0)
    put (frame, AT, is_entry (frame) ? 7 : code_of (frame) + 16 + at);
  else
    memcpy (frame + AT, &(int32_t) { (int32_t) at - 1 }, 4);
}

static uint8_t *
new_frame (Fixture *fixture)
{
  guint page = draw (fixture, 4) ? draw (fixture, 8) : draw (fixture, PAGES);  // mostly where one was before
  while (fixture->taken[page])
    page = (page + 1) % PAGES;
  fixture->taken[page] = true;
  uint8_t *frame = fixture->pages + page * PAGE;
  mprotect (frame, PAGE, PROT_READ | PROT_WRITE);
  frame[OWNER] = draw (fixture, 5) ? 0 : MF_OWNED_BY_C;
  uintptr_t tags = layout.owner >= 0 ? draw (fixture, MF_CODE_TAGS + 1) : 0;
  put (frame, CODE, 0x10000 + draw (fixture, CODES) * CODE_SIZE + tags);
  step (fixture, frame);
  return frame;
}

static void
free_frame (Fixture *fixture, uint8_t *frame)
{
  fixture->taken[(frame - fixture->pages) / PAGE] = false;
  mprotect (frame, PAGE, PROT_NONE);
}

static void
link_frames (Fixture *fixture)
{
  const Stack *stack = &fixture->stack;
  for (guint i = 0; i < stack->n; i++)
    put (stack->frames[i], PREVIOUS, i ? (uintptr_t) stack->frames[i - 1] : 0);
  uintptr_t top = stack->n ? (uintptr_t) stack->frames[stack->n - 1] : 0;
  put (fixture->c_frame, 8, top);
  put (fixture->state, TOP, layout.current < 0 ? top : (uintptr_t) fixture->c_frame);
}

// ---- what programs do

static void
call (Fixture *fixture)
{
  for (guint n = 1 + draw (fixture, 5); n && fixture->stack.n < DEEPEST / 2; n--)
    fixture->stack.frames[fixture->stack.n++] = new_frame (fixture);
}

static void
unwind (Fixture *fixture)
{
  for (guint n = draw (fixture, 4) ? 1 : draw (fixture, DEEPEST); n && fixture->stack.n; n--)
    free_frame (fixture, fixture->stack.frames[--fixture->stack.n]);
}

static void
step_top (Fixture *fixture)
{
  if (fixture->stack.n)
    step (fixture, fixture->stack.frames[fixture->stack.n - 1]);
}

static void
step_any (Fixture *fixture)
{
  if (fixture->stack.n)
    step (fixture, fixture->stack.frames[draw (fixture, fixture->stack.n)]);
}

// The inner part goes aside, as a generator or a greenlet does, and another one comes in its place or above it.
static void
change_inner_part (Fixture *fixture)
{
  Stack *stack = &fixture->stack, *aside = &fixture->aside[draw (fixture, ASIDE)];
  guint n = stack->n ? draw (fixture, stack->n + 1) : 0;
  Stack inner = { .n = n };
  if (stack->n - n + aside->n > DEEPEST)
    return;
  stack->n -= n;
  memcpy (inner.frames, stack->frames + stack->n, n * sizeof *inner.frames);
  memcpy (stack->frames + stack->n, aside->frames, aside->n * sizeof *aside->frames);
  stack->n += aside->n;
  *aside = inner;
}

static void
change_outer_part (Fixture *fixture)
{
  Stack *stack = &fixture->stack;
  if (!stack->n)
    return;
  guint i = draw (fixture, stack->n);
  free_frame (fixture, stack->frames[i]);
  stack->frames[i] = new_frame (fixture);
}

static void (*const changes[]) (Fixture *fixture) = { call, unwind, step_top, step_top, step_any, change_inner_part,
  change_outer_part, call, unwind };

// ---- the truth

static char *
true_stack (const Fixture *fixture)
{
  GString *text = g_string_new (NULL);
  for (guint i = 0; i < fixture->stack.n; i++) {
    const uint8_t *frame = fixture->stack.frames[i];
    int32_t index;
    memcpy (&index, frame + AT, sizeof index);
    if (!is_entry (frame))
      g_string_append_printf (text, "%zx@%zx ", code_of (frame),
          layout.bytecode < 0 ? (uintptr_t) (intptr_t) index : get (frame, AT));
  }
  return g_string_free (text, FALSE);
}

static char *
walked_stack (const Fixture *fixture, const MfSeenFrame *innermost)
{
  GString *text = g_string_new (NULL);
  for (const MfSeenFrame *frame = fixture->walk->frames + 1; frame <= innermost; frame++)
    if (frame->code)
      g_string_append_printf (text, "%zx@%zx ", frame->code, (uintptr_t) frame->at);
  return g_string_free (text, FALSE);
}

// A hash means one stack, whatever was remembered when it was made.
static void
check (Fixture *fixture)
{
  g_autofree char *truth = true_stack (fixture);
  const MfSeenFrame *innermost = mf_walk (fixture->walk, fixture->state);
  g_autofree char *walked = walked_stack (fixture, innermost);
  g_assert_cmpstr (walked, ==, truth);
  g_assert_cmpint (innermost->hash != 0, ==, *truth != 0);
  gint64 hash = (gint64) innermost->hash;
  const char *known = g_hash_table_lookup (fixture->hashes, &hash);
  if (known)
    g_assert_cmpstr (known, ==, truth);
  else
    g_hash_table_insert (fixture->hashes, g_memdup2 (&hash, sizeof hash), g_strdup (truth));
  if (draw (fixture, 10))
    return;
  mf_walk_forget (fixture->walk);
  g_assert_cmpuint (mf_walk (fixture->walk, fixture->state)->hash, ==, (guint64) hash);
}

static void
test_any_change (Fixture *fixture, const void *data)
{
  (void) data;
  for (int i = 0; i < STEPS; i++) {
    changes[draw (fixture, G_N_ELEMENTS (changes))] (fixture);
    link_frames (fixture);
    if (draw (fixture, 3))
      check (fixture);
  }
}

// Of more frames than are kept, the outermost are left out; afterwards all is as before.
static void
test_the_most_frames (Fixture *fixture, const void *data)
{
  enum { N = MF_MOST_FRAMES + 1000, SIZE = 80 };
  (void) data;
  uint8_t *frames = g_malloc0 ((gsize) N * SIZE);
  call (fixture);
  link_frames (fixture);
  guint64 before = mf_walk (fixture->walk, fixture->state)->hash;
  uintptr_t top = get (fixture->state, TOP);
  for (guint i = 0; i < N; i++) {
    uint8_t *frame = frames + (gsize) i * SIZE;
    put (frame, CODE, 0x10000);
    put (frame, AT, 0x10010 + i % 7);
    put (frame, PREVIOUS, i ? (uintptr_t) (frame - SIZE) : 0);
  }
  put (fixture->c_frame, 8, (uintptr_t) (frames + (gsize) (N - 1) * SIZE));
  put (fixture->state, TOP, layout.current < 0 ? get (fixture->c_frame, 8) : (uintptr_t) fixture->c_frame);
  const MfSeenFrame *innermost = mf_walk (fixture->walk, fixture->state);
  g_assert_cmpint (innermost - fixture->walk->frames, ==, MF_MOST_FRAMES - 1);
  g_assert_cmpuint (fixture->walk->frames[0].hash, ==, MF_HASH_CUT);
  g_assert_cmpuint (innermost->hash, ==, mf_walk (fixture->walk, fixture->state)->hash);
  for (guint i = 1; i < MF_MOST_FRAMES; i++)
    g_assert_true (fixture->walk->frames[i].frame == frames + (gsize) (N - MF_MOST_FRAMES + i) * SIZE);
  link_frames (fixture);
  g_assert_cmpuint (get (fixture->state, TOP), ==, top);
  g_assert_cmpuint (mf_walk (fixture->walk, fixture->state)->hash, ==, before);
  check (fixture);
  g_free (frames);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (layouts); i++) {
    g_autofree char *any = g_strdup_printf ("/frames-walk/3.%u/any-change", layouts[i].version & 0xff);
    g_autofree char *most = g_strdup_printf ("/frames-walk/3.%u/the-most-frames", layouts[i].version & 0xff);
    g_test_add (any, Fixture, &layouts[i], set_up, test_any_change, tear_down);
    g_test_add (most, Fixture, &layouts[i], set_up, test_the_most_frames, tear_down);
  }
  return g_test_run ();
}
